"""What was really sent, out of the files beside the captures, in one form whoever wrote them.

truth.json was written by the programs that made the traffic and is taken as it stands. independent-check.txt
places every record but the PAGE_DATA ones, so a walk over the captured octets (`walk`) finds those; where
nothing was lost, a test holds the walk against the check.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from struct import unpack_from
from typing import Any

from seen import Address, Direction, Seen, unpacked

PAGE = 4096
UNBACKED = (0xD, 0xE, 0xF)
"""BROKEN, XALLOC, XTAB: no page follows (Xen, docs/specs/libxc-migration-stream.pandoc, PAGE_DATA)."""

LIBXC = {
    0x00: "END",
    0x01: "PAGE_DATA",
    0x02: "X86_PV_INFO",
    0x03: "X86_PV_P2M_FRAMES",
    0x04: "X86_PV_VCPU_BASIC",
    0x05: "X86_PV_VCPU_EXTENDED",
    0x06: "X86_PV_VCPU_XSAVE",
    0x07: "SHARED_INFO",
    0x08: "X86_TSC_INFO",
    0x09: "HVM_CONTEXT",
    0x0A: "HVM_PARAMS",
    0x0C: "X86_PV_VCPU_MSRS",
    0x0D: "VERIFY",
    0x0E: "CHECKPOINT",
    0x10: "STATIC_DATA_END",
    0x11: "X86_CPUID_POLICY",
    0x12: "X86_MSR_POLICY",
}
"""Record types of a version 3 stream, the version of every capture that comes without a truth.json."""
LIBXL = {
    0: "END",
    1: "LIBXC_CONTEXT",
    2: "EMULATOR_XENSTORE_DATA",
    3: "EMULATOR_CONTEXT",
    4: "CHECKPOINT_END",
}
HANDED_TO = {"LIBXC_CONTEXT": "libxc", "CHECKPOINT_END": "libxc", "CHECKPOINT": "libxl", "END": "libxl"}
"""The layer of what follows a record, where it changes."""
HEADERS = {"xl header": 48, "libxl header": 16, "image header": 24, "domain header": 16}
"""Octets of each header, of the xl header without its optional data."""
HEADER_LAYERS = {
    "xl header": "xl",
    "libxl header": "libxl",
    "image header": "libxc",
    "domain header": "libxc",
}
MESSAGES = {
    "banner": b"xl migration receiver ready, send binary domain data.\n",
    "ready": b"domain received, ready to unpause\0",
    "go": b"domain is yours, you are cleared to unpause\0",
    "report": b"my copy unpause results are as follows\0\0",
    "postcopy sync": b"postcopy migration completed successfully\0",
}

Runs = list[tuple[int, int, int]]


@dataclass(frozen=True)
class Expected:
    """One record, header or message, in octets as in the JSON.

    `type` and `body_length` are None for what is no record, `name` where the sender had none for it. `runs`
    are (first pfn, count, type nibble), None if it lists no pfns or the list was not captured.
    """

    offset: int
    length: int
    layer: str
    name: str | None
    type: int | None = None
    body_length: int | None = None
    runs: Runs | None = None

    @property
    def end(self) -> int:
        """The octet after the last."""
        return self.offset + self.length

    @property
    def head(self) -> int:
        """Octets that must be captured to know what this is and where it ends."""
        return 8 if self.type is not None else HEADERS.get(self.name or "", self.length)

    @property
    def listed(self) -> int:
        """Octets in front of the page contents: header, count and entries."""
        return 16 + 8 * sum(count for _, count, _ in self.runs or [])

    @property
    def pages(self) -> int:
        """Pages whose contents the record carries."""
        return (8 + (self.body_length or 0) - self.listed) // PAGE


@dataclass(frozen=True)
class Migration:
    """One migration.

    `flow` (source, destination) is None for a file. `whole`: the lists have all that was sent, even what was
    not captured. `completed` is None where no program said how it ended.
    """

    flow: tuple[Address, Address] | None
    forward: list[Expected]
    reverse: list[Expected]
    whole: bool
    completed: bool | None = None

    def sides(self, seen: Seen) -> Iterator[tuple[str, list[Expected], Direction]]:
        """Name, expectations and captured octets of each direction there is."""
        if self.flow is None:
            yield "forward", self.forward, seen.flows[None]
        else:
            yield "forward", self.forward, seen.flows[self.flow]
            yield "reverse", self.reverse, seen.flows[self.flow[::-1]]


def merged(runs: Iterable[Iterable[Any]]) -> list[list[Any]]:
    """Runs with neighbours of one type that follow on joined, so that two writers' runs compare."""
    result: list[list[Any]] = []
    for first, count, kind in runs:
        if result and result[-1][0] + result[-1][1] == first and result[-1][2] == kind:
            result[-1][1] += count
        else:
            result.append([first, count, kind])
    return result


def sweeps(records: Iterable[Expected]) -> list[list[int]]:
    """[entries, pages] of each sweep of PAGE_DATA: a new one where the pfns start again from below."""
    found: list[list[int]] = []
    last = -1
    for record in records:
        for first, count, kind in (record.name == "PAGE_DATA" and record.runs) or []:
            if first <= last or not found:
                found.append([0, 0])
            found[-1][0] += count
            found[-1][1] += count * (kind not in UNBACKED)
            last = first + count - 1
    return found


def load(folder: Path, seen: Seen) -> list[Migration]:
    """The truth about the capture in `folder`, a migration for each truth file."""
    written = sorted(folder.glob("truth*.json*"))
    return [from_json(json.loads(unpacked(path)), seen) for path in written] or [from_check(folder, seen)]


# truth.json

WHAT = {
    "save_file_header": "xl header",
    "libxl_header": "libxl header",
    "image_header": "image header",
    "domain_header": "domain header",
    "libxl END": "END",
    "postcopy_sync": "postcopy sync",
    "?": None,
}
TAILS = ("optional_data_json", "report_code")
"""Written on their own, but the second part of the one before."""


def from_json(truth: dict[str, Any], seen: Seen) -> Migration:
    """One truth.json."""
    ports = truth["sender"]["port"], truth["receiver"]["port"]
    flow = next(flow for flow in seen.flows if flow and (flow[0][1], flow[1][1]) == ports)
    ends = truth["exit_codes"]
    return Migration(
        flow,
        listed(truth["records_forward"]),
        listed(truth["records_backward"]),
        whole=True,
        completed=ends["sender"] == ends["receiver"] == 0,
    )


def listed(records: list[dict[str, Any]]) -> list[Expected]:
    """records_forward or records_backward of truth.json."""
    result: list[Expected] = []
    for record in records:
        name = record.get("name") or record["what"]
        length = record.get("wire_len") or record["len"]
        if name in TAILS:
            result[-1] = replace(result[-1], length=result[-1].length + length)
            continue
        runs = [tuple(run) for run in record["runs"]] if "runs" in record else None
        fields = WHAT.get(name, name), record.get("type"), record.get("body_length"), runs
        result.append(Expected(record["off"], length, record["layer"], *fields))
    return result


# independent-check.txt


def check(folder: Path) -> tuple[dict[str, Any], dict[str, Any], tuple[int, int] | None]:
    """independent-check.txt: the figures of the records, those of the forward TCP stream, and its two ports.

    A file that is no capture has neither TCP figures nor ports.
    """
    text = (folder / "independent-check.txt").read_text()
    tcp = re.search(r"^s2r \((\d+), (\d+)\) (\{.*\})", text, re.MULTILINE)
    figures, _ = json.JSONDecoder().raw_decode(text, text.index("{\n"))
    return figures, json.loads(tcp[3]) if tcp else {}, (int(tcp[1]), int(tcp[2])) if tcp else None


def from_check(folder: Path, seen: Seen) -> Migration:
    """One folder with an independent-check.txt; the TCP stream whose sender it calls s is the forward one."""
    _, tcp, ports = check(folder)
    flow = next(flow for flow in seen.flows if flow is None or (flow[0][1], flow[1][1]) == ports)
    forward = list(walk(seen.flows[flow]))
    lossless = not tcp or (not tcp["gaps"] and not tcp["snap_missing"] and seen.flows[flow].from_the_start)
    said = re.search(r"^r2s .*\n   text: (.*)", (folder / "independent-check.txt").read_text(), re.MULTILINE)
    reverse = list(messages(ast.literal_eval(said[1]))) if said else []
    return Migration(flow, forward, reverse, whole=lossless)


def messages(text: bytes, offset: int = 0) -> Iterator[Expected]:
    """The handshake messages in `text`, which must be nothing else."""
    while text:
        name, octets = next((name, octets) for name, octets in MESSAGES.items() if text.startswith(octets))
        yield Expected(offset, len(octets), "xl", name)
        offset, text = offset + len(octets), text[len(octets) :]


def walk(sent: Direction) -> Iterator[Expected]:
    """Everything in a version 3 stream from header to header.

    Over a lost header, on to the next PAGE_DATA whose entries are captured and agree with its length, or to
    the closing message: nothing else is beyond doubt.
    """
    offset, layer, close = 0, "xl", len(sent.octets) - len(MESSAGES["go"])
    while offset < len(sent.octets):
        for record in follow(sent, offset, layer):
            offset = record.end
            yield record
        lost, layer = offset, "libxc"
        offset = next(pages_from(sent, lost), len(sent.octets))
        if lost <= close and offset > close and sent.octets.endswith(MESSAGES["go"]):
            yield from messages(MESSAGES["go"], close)


def follow(sent: Direction, offset: int, layer: str) -> Iterator[Expected]:
    """Records from `offset` on, as long as headers are captured. Layer "xl" is the beginning of a stream."""

    def header(name: str, length: int) -> Iterator[Expected]:
        nonlocal offset
        if sent.captured.has(offset, offset + HEADERS[name]):
            yield Expected(offset, length, HEADER_LAYERS[name], name)
            offset += length

    if layer == "xl":
        if not sent.octets.startswith(b"Xen saved domain, xl format"):
            return
        yield from header("xl header", 48 + sent.word(44, "<I"))
        yield from header("libxl header", 16)
        layer = "libxl"
    while sent.captured.has(offset, offset + 8) and offset < len(sent.octets):
        kind, body = unpack_from("<II", sent.octets, offset)
        name = {"libxl": LIBXL, "libxc": LIBXC}[layer][kind]
        runs = entries(sent, offset) if name == "PAGE_DATA" and layer == "libxc" else None
        yield Expected(offset, 8 + (body + 7) // 8 * 8, layer, name, kind, body, runs)
        offset += 8 + (body + 7) // 8 * 8
        if (layer, name) == ("libxl", "END"):
            yield from messages(bytes(sent.octets[offset:]), offset)
            return
        if (layer, name) == ("libxl", "LIBXC_CONTEXT"):
            yield from header("image header", 24)
            yield from header("domain header", 16)
        layer = HANDED_TO.get(name, layer)


def entries(sent: Direction, offset: int) -> Runs | None:
    """The pfns of the PAGE_DATA at `offset`, None if they were not all captured."""
    if not sent.captured.has(offset, offset + 16):
        return None
    count = sent.word(offset + 8, "<I")
    if not sent.captured.has(offset, offset + 16 + 8 * count):
        return None
    words = unpack_from(f"<{count}Q", sent.octets, offset + 16)
    runs = merged((word & ((1 << 52) - 1), 1, word >> 60) for word in words)
    return [(first, length, kind) for first, length, kind in runs]


def pages_from(sent: Direction, offset: int) -> Iterator[int]:
    """Where, from `offset` on, a PAGE_DATA record begins that can only be one."""
    for match in re.compile(rb"(?=\x01\x00\x00\x00.{4}..\x00{6})", re.DOTALL).finditer(sent.octets, offset):
        place = match.start()
        body, count = unpack_from("<II", sent.octets, place + 4)
        runs = entries(sent, place) if 1 <= count <= 1024 else None
        backed = sum(many for _, many, kind in runs or [] if kind not in UNBACKED)
        if runs and body == 8 + 8 * count + PAGE * backed:
            yield place
