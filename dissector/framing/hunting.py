"""Looking for a stream: by its magic anywhere in a connection, and by a header that can only be one after a gap.

A record has no magic of its own. What makes a header recognisable is that its numbers must agree: a type in use,
a length that its own count explains, reserved fields of zero, entries with a type and a pfn that exist, and the
header of another record where the length says. Each agreement counts as evidence, in bits; a header is believed
from BELIEVED bits on. Zeros are no evidence: guest memory is full of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from dissector.framing.flow import PAGES_HEADER_SIZE, Flow
from dissector.framing.records import FORWARD, REVERSE
from dissector.framing.stream import Ended, Lost, Parser
from dissector.grammar import (
    ENTRY_PFN,
    ENTRY_RESERVED,
    ENTRY_TYPE,
    IMAGE_MAGIC,
    LIBXL_IDENT,
    LIBXL_RECORDS,
    LIBXL_VERSION,
    MESSAGES,
    OPTIONAL,
    RESERVED_PAGE_TYPES,
    UNBACKED,
    XENOPS_MAGIC,
    XL_BYTEORDER,
    XL_MAGIC,
    Endianness,
    Layer,
    RecordSpec,
    fixed,
    layout,
    libxc_records,
    pages_header,
    record_header,
)

MAGICS: Mapping[bytes, tuple[str, str]] = {
    XL_MAGIC: (FORWARD, "xl header"),
    XENOPS_MAGIC: (FORWARD, "xenops header"),
    LIBXL_IDENT + LIBXL_VERSION.to_bytes(4, "big"): (FORWARD, "libxl header"),
    IMAGE_MAGIC: (FORWARD, "image header"),
    MESSAGES["banner"].octets: (REVERSE, "reverse"),
}
"""What begins a stream wherever it stands: which direction that makes it, and the state that reads it."""

CIPHERS = ((re.compile(rb"SSH-\d"), "SSH"), (re.compile(rb"\x16\x03[\x00-\x04]..[\x01\x02]", re.DOTALL), "TLS"))
"""How an encrypted connection begins: RFC 4253 4.2, RFC 8446 5.1."""

FORWARD_BEGINNINGS = frozenset(magic[:8] for magic, (direction, _) in MAGICS.items() if direction == FORWARD)

KEEP = max(map(len, MAGICS)) + 8
"""A magic may be split between segments: as many octets stay in sight, and the 8 of xl's byteorder behind it."""

BEGINNINGS = frozenset(state for _, state in MAGICS.values())

RECORD_HEADER_SIZE = 8
BELIEVED = 80
CHAIN = 8
"""How many headers in a row are looked at."""
LOOK_AHEAD = 1 << 16
"""How many octets after a candidate are waited for at most."""
ENTRIES_JUDGED = 1024
IMPOSSIBLE_PFN = ENTRY_PFN.mask & ~((1 << 40) - 1)
"""x86 addresses memory with at most 52 bits, pages with 40."""

MAX_VCPUS = 8192
HVM_SAVE_HEADER_SIZE = 24
"""Octets of the HEADER in HVM_CONTEXT: struct hvm_save_header of xen/include/public/arch-x86/hvm/save.h."""

FIXED_LENGTHS = {"TSC_INFO": 24, "X86_TSC_INFO": 24, "SHARED_INFO": 4096, "X86_PV_INFO": 8}


class Anchor(NamedTuple):
    """A place where the way goes on."""

    position: int
    state: str
    direction: str
    endianness: Endianness | None
    """None: nothing here tells."""


def hunt(flow: Flow) -> Parser:
    """Passes over octets until the next header of this direction, or the beginning of a stream."""
    stream = flow.stream
    if stream.offset == 0 and not flow.found:
        yield 8
        if _is_encrypted(flow):
            flow.state = "ignore"
            return
    while flow.state == "hunt":
        try:
            if not stream.ended and not _settled(flow, final=False):
                yield len(stream.buffer) + 1
            elif stream.ended:
                raise Ended(stream.ended)
        except (Lost, Ended) as end:
            # What is in sight is all there is before the gap: decide with that.
            if _settled(flow, final=True):
                continue
            if isinstance(end, Ended):
                flow.end_trailing(len(stream.buffer))
            raise


def _is_encrypted(flow: Flow) -> bool:
    for pattern, name in CIPHERS:
        if pattern.match(flow.stream.buffer):
            flow.channel.encrypted = name
            return True
    return False


def _settled(flow: Flow, final: bool) -> bool:
    """Whether the flow stands at an anchor now; if not, what can no longer be part of one is dropped."""
    stream = flow.stream
    buffer = stream.buffer
    direction = flow.direction if flow.found or flow.channel.index is not None else None
    first = _magic(buffer, direction, at_start=stream.offset == 0)
    wanted = max(0, len(buffer) - KEEP)
    # Where nothing is missing a stream begins with its magic, and nothing else need be looked for.
    if flow.trailing is None and (flow.found or stream.late or stream.damaged or flow.direction == REVERSE):
        anchor, wanted = _header(flow, buffer, direction, final)
        if anchor is not None and (first is None or anchor.position < first.position):
            first = anchor
    if first is None:
        stream.take(wanted)
        return False
    if flow.found and first.direction == FORWARD and _begins_anew(flow, first.state):
        flow.end_trailing(first.position)
        flow.renew()
    stream.take(first.position)
    channel = flow.channel
    if not flow.found:
        if first.state not in BEGINNINGS and channel.index is None:
            channel.late = True
        channel.bare = first.state == "image header" and not stream.late and not stream.damaged
        flow.recognise(first.direction)
    if first.endianness is not None and channel.version is None:
        # No image header has said it.
        channel.endianness = first.endianness
    flow.regain(first.state)
    return True


def _begins_anew(flow: Flow, state: str) -> bool:
    """Whether a magic begins another migration, rather than a layer of this one whose outer header was lost."""
    layer = state.removesuffix(" header")
    layer = "libxc" if layer == "image" else layer
    return state in BEGINNINGS and (flow.trailing is not None or layer in flow.channel.layers)


def _magic(buffer: bytearray, wanted: str | None, at_start: bool) -> Anchor | None:
    """The first magic in the buffer that begins a stream of the direction wanted, None: of either."""
    found: list[Anchor] = []
    for magic, (direction, state) in MAGICS.items():
        if wanted not in (None, direction):
            continue  # a text of the receiver's, say, in the memory of a guest that has Xen's tools
        position = buffer.find(magic)
        while position >= 0 and not ((at_start and position == 0) or _is_plausible(magic, buffer, position)):
            position = buffer.find(magic, position + 1)
        if position >= 0:
            found.append(Anchor(position, state, direction, None))
    return min(found, default=None)


def _is_plausible(magic: bytes, buffer: bytearray, position: int) -> bool:
    """Whether a magic in mid-connection begins a header: xl's is a string in xl's own program as well, and in
    that file no byteorder follows it."""
    if magic is not XL_MAGIC:
        return True
    after = bytes(buffer[position + len(magic) : position + len(magic) + 4])
    return any(XL_BYTEORDER.to_bytes(4, order) == after for order in ("little", "big"))


def _header(flow: Flow, buffer: bytearray, direction: str | None, final: bool) -> tuple[Anchor | None, int]:
    """The first believable header or text, if any; and how many octets can be dropped if there is none."""
    known = flow.channel.version is not None
    orders: tuple[Endianness, ...] = (flow.channel.endianness,) if known else ("little", "big")
    text = _text(buffer, direction)
    drop = max(0, len(buffer) - KEEP)
    for endianness in orders:
        table = libxc_records(flow.channel.version)
        for position in _candidates(buffer, endianness):
            if text is not None and position >= text.position:
                break
            judge = Judge(buffer, endianness, table, 1 << flow.channel.page_shift % 32, final)
            for layer in ("libxc", "libxl"):
                bits = judge.evidence(position, layer)
                if bits >= BELIEVED:
                    going = direction or (REVERSE if judge.reverse else FORWARD)
                    if going == REVERSE or not judge.reverse:
                        return Anchor(position, "reverse" if going == REVERSE else layer, going, endianness), drop
            if judge.waits:
                # Later octets will decide on this candidate.
                drop = min(drop, position)
                break
    return text, drop


def is_reverse(flow: Flow) -> bool:
    """Whether anything speaks for a record of the reverse direction at the first octet in the buffer."""
    channel = flow.channel
    page = 1 << channel.page_shift % 32
    judge = Judge(flow.stream.buffer, channel.endianness, libxc_records(channel.version), page, final=True)
    return judge.evidence(0, "libxc") > 0 and judge.reverse


def _text(buffer: bytearray, direction: str | None) -> Anchor | None:
    """The first handshake text; in the forward direction with the two ENDs before it, if they are there."""
    found = []
    for message in MESSAGES.values():
        going = direction or message.direction
        position = buffer.find(message.octets) if message.direction in (going, "both") and going != "both" else -1
        if position >= 0:
            found.append(Anchor(position, "reverse" if going == REVERSE else "closing", going, None))
    anchor = min(found, default=None)
    if anchor is None or anchor.direction == REVERSE:
        return anchor
    for ends, state in ((2, "libxc"), (1, "libxl")):
        position = anchor.position - ends * RECORD_HEADER_SIZE
        if position >= 0 and not any(buffer[position : anchor.position]):
            return anchor._replace(position=position, state=state)
    return anchor


@lru_cache
def _pattern(endianness: Endianness) -> re.Pattern[bytes]:
    """Eight octets that may be a record header: a type in use and not END, a length below 256 MiB; or a
    signal of the postcopy RFC."""
    types = bytes(sorted({spec.type for version in (2, 3) for spec in libxc_records(version).values()} - {0}))
    if endianness == "little":
        expression = b"[" + re.escape(types) + rb"]\0\0\0...[\0-\x0f]"
    else:
        expression = rb"\0\0\0[" + re.escape(types) + rb"][\0-\x0f]..."
    return re.compile(b"(?=" + expression + b")", re.DOTALL)


def _candidates(buffer: bytearray, endianness: Endianness) -> Iterator[int]:
    # A copy, because a bytearray that a match still refers to cannot change its size.
    for match in _pattern(endianness).finditer(bytes(buffer)):
        yield match.start()


class Judge:
    """Collects the evidence for one candidate. `waits`: octets that are still to come may add to it."""

    def __init__(
        self, buffer: bytearray, endianness: Endianness, table: Mapping[int, RecordSpec], page: int, final: bool
    ) -> None:
        self.buffer, self.endianness, self.table, self.page, self.final = buffer, endianness, table, page, final
        self.header = fixed(layout(record_header, endianness))[0].unpack_from
        self.pages_header = fixed(layout(pages_header, endianness))[0].unpack_from
        self.waits = False
        self.reverse = False

    def evidence(self, position: int, layer: Layer) -> int:
        """Bits of evidence that a chain of headers begins here."""
        start, bits = position, 0
        for link in range(CHAIN):
            if bits >= BELIEVED or not self._has(position + RECORD_HEADER_SIZE, start):
                break
            type, length = self.header(self.buffer, position)
            spec = (LIBXL_RECORDS if layer == "libxl" else self.table).get(type)
            if spec is None:
                return 0 if not type & OPTIONAL else bits
            if not link and layer == "libxc":
                self.reverse = spec.direction == "reverse"
            worth = self._worth(position + RECORD_HEADER_SIZE, spec, length, start)
            if worth is None:
                return 0
            bits += worth
            position += RECORD_HEADER_SIZE + length + -length % 8
            if layer == "libxc" and spec.name in ("END", "CHECKPOINT", "POSTCOPY_TRANSITION"):
                layer = "libxl"
            elif layer == "libxl" and spec.name in ("CHECKPOINT_END", "POSTCOPY_TRANSITION_END"):
                layer = "libxc"
            elif layer == "libxl" and spec.name == "END":
                break
        return bits

    def _has(self, end: int, start: int) -> bool:
        """Whether the buffer reaches that far; if it may do so later, the candidate waits."""
        if end <= len(self.buffer):
            return True
        self.waits = self.waits or (not self.final and end - start <= LOOK_AHEAD)
        return False

    def _worth(self, body: int, spec: RecordSpec, length: int, start: int) -> int | None:
        """Bits of evidence in one header and what of its body is in sight; None if they cannot be one."""
        if spec.shape == "signal":
            return None if length else 0 if spec.type == 0 else 24
        if spec.shape == "pages":
            return self._worth_of_pages(body, spec, length, start)
        fixed_length = FIXED_LENGTHS.get(spec.name)
        if fixed_length is not None:
            return 40 if length == fixed_length else None
        if length < 8 or length > LOOK_AHEAD:
            return None
        if not self._has(body + 16, start):
            return 20
        first, second = self.header(self.buffer, body)
        third, _ = self.header(self.buffer, body + 8)
        match spec.name:
            case "HVM_CONTEXT":  # begins with a HEADER descriptor: typecode 1, instance 0, its length
                descriptor = first if self.endianness == "little" else (first & 0xFFFF) << 16 | first >> 16
                return 80 if descriptor == 1 and second == HVM_SAVE_HEADER_SIZE else None
            case "HVM_PARAMS":
                return 60 if length == 8 + 16 * first and second == 0 else None
            case "X86_CPUID_POLICY":
                return 40 if length % 24 == 0 and first == 0 and third else None
            case "X86_MSR_POLICY":
                return 30 if length % 16 == 0 and second == 0 else None
            case "EMULATOR_XENSTORE_DATA" | "EMULATOR_CONTEXT":
                return 40 if first in (1, 2) and second == 0 else None
            case name if name.startswith("X86_PV_VCPU_"):
                return 40 if first < MAX_VCPUS and second == 0 else None
        return None

    def _worth_of_pages(self, body: int, spec: RecordSpec, length: int, start: int) -> int | None:
        if not self._has(body + PAGES_HEADER_SIZE, start):
            return 0
        count, reserved = self.pages_header(self.buffer, body)
        contents: int = length - PAGES_HEADER_SIZE - 8 * count
        if not count or reserved or contents < 0 or contents % self.page or contents > count * self.page:
            return None
        if not spec.contents and contents:
            return None
        self._has(body + PAGES_HEADER_SIZE + 8 * min(count, ENTRIES_JUDGED), start)
        seen: int = min(count, ENTRIES_JUDGED, (len(self.buffer) - body - PAGES_HEADER_SIZE) // 8)
        backed = 0
        for index in range(seen):
            at = body + PAGES_HEADER_SIZE + 8 * index
            entry = int.from_bytes(self.buffer[at : at + 8], self.endianness)
            kind = entry >> ENTRY_TYPE.shift
            if kind in RESERVED_PAGE_TYPES or entry & ENTRY_RESERVED.mask or entry & IMPOSSIBLE_PFN:
                return None
            if spec.direction == "reverse" and kind:
                return None
            backed += kind not in UNBACKED
        if seen == count and spec.contents and contents != backed * self.page:
            return None
        # Type, length and count agree: 60 bits. Every entry that could be one adds its high bits.
        return 60 + 8 * min(seen, 5) + (20 if seen == count else 0)
