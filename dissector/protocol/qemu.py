"""The state of QEMU's devices, as libxl and xenopsd carry it: a stream of sections, each of one device.

Sources: migration/savevm.c and include/migration/vmstate.h of QEMU, docs/devel/migration/main.rst for the order of its
parts, scripts/analyze-migration.py for how the description is read. All numbers are big-endian.

A section does not say how long it is. Where the stream ends with a description in JSON, that says it, and what every
device's fields are; where sections end with footers, those do; else a section ends where the next one's header begins,
whose number has to be higher. What QEMU writes for Xen has neither (the machine types xenfv and xenpv switch both off).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .forms import Always, Written
from .primitives import Endianness, GrammarError

NAME = "QEMU stream"
MAGIC = b"QEVM"
VERSIONS = (2, 3)

END, START, PART, LAST, FULL, SUBSECTION, DESCRIPTION, CONFIGURATION, COMMAND = range(9)
FOOTER = 0x7E
KINDS: Mapping[int, str] = {START: "start", PART: "part", LAST: "end", FULL: "full"}
"""QEMU_VM_SECTION_*."""

SECTION_MAX = 1 << 16
"""More sections than any machine has: a number above is none."""

DEPTH_MAX = 32
"""Structures within structures that a description may have."""

DESCRIPTIONS_MAX = 16
"""Places that are tried, from the end, where a description could begin."""

FIELDS_MAX = 1 << 16
"""Fields of all devices that are read, whatever a description asks for."""


@dataclass(frozen=True)
class Section:
    """The state of one device: which one, in which version of its layout, and the octets."""

    device: str
    instance: int
    version: int
    number: int
    octets: bytes
    kind: int = FULL
    footer: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)
    """By name, as the description tells; empty where there is none."""

    @property
    def subsections(self) -> list[tuple[str, int]]:
        """Names and versions of optional parts that are in it: an older QEMU refuses those that it does not know."""
        return list(_subsections(self.octets))


@dataclass(frozen=True)
class Stream:
    """What QEMU saved."""

    version: int
    machine: str | None
    sections: tuple[Section, ...]
    configuration: bytes = b""
    """The configuration section after its length and name: subsections."""
    description: Mapping[str, Any] | None = None
    trailer: bytes = b""
    """What follows the last section: the end, and the description with its header."""


def parse(octets: bytes | memoryview) -> Stream | None:
    """The stream; None if it is none of QEMU's, or of a version without sections, or its sections cannot be told."""
    data = bytes(octets)
    if len(data) < 9 or data[:4] != MAGIC:
        return None
    version = int.from_bytes(data[4:8], "big")
    if version not in VERSIONS:
        return None
    description, end = _description(data)
    reader = _Reader(data, 8, end)
    try:
        machine, configuration = _configuration(reader, description)
        sections = tuple(_sections(reader, description))
    except (_Short, UnicodeDecodeError):
        return None
    if not sections and reader.at == len(data):
        return None
    return Stream(version, machine, sections, configuration, description, data[reader.at :])


class _Short(Exception):
    """The octets are no stream after all."""


class _Reader:
    """A place in the octets. `end`: where the sections are over at the latest."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data, self.at, self.end = data, at, end

    def take(self, size: int) -> bytes:
        if size < 0 or self.at + size > self.end:
            raise _Short
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def text(self) -> str:
        return self.take(self.number(1)).decode()

    @property
    def next(self) -> int | None:
        """The next octet; None at the end."""
        return self.data[self.at] if self.at < self.end else None


def _description(data: bytes) -> tuple[Mapping[str, Any] | None, int]:
    """The description behind the stream's end, and where that end is: after its last octet."""
    at = data.rfind(b"\0\x06")
    for _ in range(DESCRIPTIONS_MAX):
        if at < 0:
            break
        length = int.from_bytes(data[at + 2 : at + 6], "big")
        if data[at + 6 : at + 7] == b"{" and at + 6 + length <= len(data):
            try:
                found = json.loads(data[at + 6 : at + 6 + length])
            except (ValueError, RecursionError):
                found = None
            if isinstance(found, dict) and isinstance(found.get("devices"), list):
                return found, at + 1
        at = data.rfind(b"\0\x06", 0, at)
    return None, len(data)


def _configuration(reader: _Reader, description: Mapping[str, Any] | None) -> tuple[str | None, bytes]:
    """The machine's type, and what follows it up to the first section: as long as the description says, where it tells
    of the configuration (QEMU 8.2 and later)."""
    if reader.next != CONFIGURATION:
        return None, b""
    reader.take(1)
    described = (description or {}).get("configuration")
    length = _fields(_Reader(reader.data, reader.at, reader.end), described, [FIELDS_MAX])[1] if described else None
    start = reader.at
    machine = reader.take(reader.number(4)).decode()
    if length is not None and start + length >= reader.at:
        return machine, reader.take(start + length - reader.at)
    header = _HEADER.search(reader.data, reader.at, reader.end)
    return machine, reader.take((header.start() if header else reader.end) - reader.at)


# Kind, number (below 65,536), a name that begins with a letter or a digit, instance and version.
_HEADER = re.compile(rb"[\x01\x04]\0\0[\0-\xff]{2}([\x01-\xff])([0-9A-Za-z/][\x20-\x7e]*)", re.DOTALL)
HEADER_MIN = 1 + 4 + 1 + 1 + 4 + 4


def _sections(reader: _Reader, description: Mapping[str, Any] | None) -> Iterator[Section]:
    """The sections, up to the end or to what is none; `reader` is left there."""
    devices = _devices(description)
    budget = [FIELDS_MAX]
    footers = None  # whether sections end with one: the first says it for all
    while reader.next in (START, FULL):
        start = reader.at
        kind, number = reader.number(1), reader.number(4)
        device, instance, version = reader.text(), reader.number(4), reader.number(4)
        begin = reader.at
        values: Mapping[str, Any] = {}
        length = None
        if (device, instance) in devices:
            values, length = _fields(reader, devices[device, instance], budget)
        if length is None:
            reader.at, values = begin, {}
            reader.at = _end(reader, number, footers)
        octets = reader.data[begin : reader.at]
        footer = reader.data[reader.at : reader.at + 5] == _footer(number)
        if footers and not footer:
            raise _Short
        footers = footer
        reader.at += 5 * footer
        yield Section(device, instance, version, number, octets, kind, footer, values)
        if reader.at <= start:
            raise _Short


def _footer(number: int) -> bytes:
    return bytes((FOOTER,)) + number.to_bytes(4, "big")


def _end(reader: _Reader, number: int, footers: bool | None) -> int:
    """Where the octets of section `number` end. `footers`: whether there are any, None if nobody knows yet."""
    data, at, end = reader.data, reader.at, reader.end
    if footers is not False:
        footer = _footer(number)
        found = data.find(footer, at, end)
        while found >= 0:
            after = found + len(footer)
            if after == end or (data[after] == END and after + 1 == end) or _is_header(data, after, end, number):
                return found
            found = data.find(footer, found + 1, end)
    if footers:
        raise _Short
    for match in _HEADER.finditer(data, at, end):
        if _is_header(data, match.start(), end, number):
            return match.start()
    return end - 1 if data[end - 1] == END else end


def _is_header(data: bytes, at: int, end: int, number: int) -> bool:
    """Whether the header of a section after number `number` stands here."""
    match = _HEADER.match(data, at, end)
    if match is None:
        return False
    length = data[at + 5]
    after = at + 6 + length
    name = data[at + 6 : after]
    return (
        int.from_bytes(data[at + 1 : at + 5], "big") > number
        and after + 8 <= end
        and all(0x20 <= one <= 0x7E for one in name)
        and int.from_bytes(data[after + 4 : after + 8], "big") < SECTION_MAX
        and data[after : after + 1] == b"\0"
    )


_SUB = re.compile(rb"\x05([\x03-\xff])([0-9A-Za-z][\x20-\x7e]+)", re.DOTALL)


def _subsections(octets: bytes) -> Iterator[tuple[str, int]]:
    """Parts whose name has a slash in it, as QEMU wants of a subsection, and is as long as it says."""
    for match in _SUB.finditer(octets):
        length = octets[match.start() + 1]
        name = match[2][:length]
        at = match.start() + 2 + length
        if len(name) == length and b"/" in name and octets[at : at + 2] == b"\0\0" and at + 4 <= len(octets):
            yield name.decode(), int.from_bytes(octets[at : at + 4], "big")


# --- fields, as the description tells -----------------------------------------------------------------------


def _devices(description: Mapping[str, Any] | None) -> Mapping[tuple[str, int], Mapping[str, Any]]:
    found = {}
    for one in (description or {}).get("devices", ()):
        if isinstance(one, dict) and isinstance(one.get("name"), str) and isinstance(one.get("instance_id"), int):
            found[one["name"], one["instance_id"]] = one
    return found


def _fields(reader: _Reader, device: Mapping[str, Any], budget: list[int]) -> tuple[Mapping[str, Any], int | None]:
    """The fields of a device and how many octets they have; None octets if the description does not fit them."""
    start = reader.at
    try:
        values = _structure(reader, device, budget, DEPTH_MAX)
    except (_Short, KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return {}, None
    return values, reader.at - start


def _structure(reader: _Reader, described: Mapping[str, Any], budget: list[int], depth: int) -> dict[str, Any]:
    if not depth:
        raise _Short
    found: dict[str, Any] = {}
    for one in described["fields"]:
        count = int(one.get("array_len", 1))
        if count > budget[0]:
            raise _Short
        values = [_value(reader, one, budget, depth) for _ in range(count)]
        value, name = values if "array_len" in one else values[0], str(one["name"])
        if name not in found:
            found[name] = value
        else:
            before = found[name]
            found[name] = (before if isinstance(before, list) else [before]) + (
                value if isinstance(value, list) else [value]
            )
    for one in described.get("subsections", ()):
        if reader.number(1) != SUBSECTION:
            raise _Short
        name, _ = reader.text(), reader.number(4)
        found[name] = _structure(reader, one, budget, depth - 1)
    return found


def _value(reader: _Reader, one: Mapping[str, Any], budget: list[int], depth: int) -> Any:
    budget[0] -= 1
    if budget[0] < 0:
        raise _Short
    kind, size = one["type"], int(one["size"])
    if "struct" in one and kind == "struct":
        return _structure(reader, one["struct"], budget, depth - 1)
    if kind == "capability":
        return reader.take(reader.number(1)).decode()
    octets = reader.take(size)
    if kind == "bool":
        return octets[:1] != b"\0"
    if kind == "nullptr":
        return None
    if kind.startswith("uint"):
        return int.from_bytes(octets, "big")
    if kind.startswith("int"):
        return int.from_bytes(octets, "big", signed=True)
    return octets


# --- as a field of a record ---------------------------------------------------------------------------------


def _read(octets: bytes, endianness: Endianness, values: Mapping[str, Any]) -> dict[str, Any] | None:
    stream = parse(octets)
    if stream is None:
        return None
    head: dict[str, Any] = {"version": stream.version}
    if stream.machine is not None:
        head |= {"machine": stream.machine, "configuration": stream.configuration}
    found = head | {"sections": [_section(one) for one in stream.sections], "trailer": stream.trailer}
    return found if _write(found, endianness, values) == octets else None


def _section(one: Section) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "device": one.device,
        "instance": one.instance,
        "version": one.version,
        "number": one.number,
        "kind": KINDS[one.kind],
        "footer": int(one.footer),
        "state": one.octets,
    }
    if subsections := one.subsections:
        shown["subsections"] = [{"name": name, "version": version} for name, version in subsections]
    return shown | ({"fields": dict(one.fields)} if one.fields else {})


def _write(found: Any, endianness: Endianness, values: Mapping[str, Any]) -> bytes:
    """The stream again. `fields` and `subsections` are told of the octets, and not looked at."""
    try:
        parts = [MAGIC, int(found["version"]).to_bytes(4, "big")]
        if "machine" in found:
            machine = found["machine"].encode()
            parts += [bytes((CONFIGURATION,)), len(machine).to_bytes(4, "big"), machine, found["configuration"]]
        for one in found["sections"]:
            device = one["device"].encode()
            kind = next(number for number, name in KINDS.items() if name == one.get("kind", KINDS[FULL]))
            number = int(one["number"])
            parts += [bytes((kind,)), number.to_bytes(4, "big"), bytes((len(device),)), device]
            parts += [one["instance"].to_bytes(4, "big"), one["version"].to_bytes(4, "big"), one["state"]]
            parts += [_footer(number)] if one.get("footer") else []
        return b"".join((*parts, found.get("trailer", bytes(1))))
    except (KeyError, AttributeError, OverflowError, StopIteration) as error:
        raise GrammarError(f"no stream of QEMU's: {error!r}") from error


STREAM = Always(Written(NAME, _read, _write))
"""The form of an emulator's state."""
