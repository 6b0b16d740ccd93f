"""How sure one can be that a record's header stands at a place, for whoever lost the way.

A record has no magic of its own. What makes a header recognisable is that its numbers must agree: a type in use,
a length that its own count explains, reserved fields of zero, entries with a type and a pfn that exist, and the
header of another record where the length says. Each agreement counts as evidence, in bits, as the records' rows say
(`protocol.Proof`); a header is believed from BELIEVED bits on. Zeros are no evidence: guest memory is full of them.

Limits: of a candidate CHAIN headers and ENTRIES_JUDGED entries each are looked at, and LOOK_AHEAD octets waited for.
"""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Iterator, Mapping
from functools import lru_cache

from dissector.parser.entries import PAGES_HEADER_SIZE
from dissector.protocol import (
    ENTRY_PFN,
    ENTRY_RESERVED,
    ENTRY_TYPE,
    INTS,
    LIBXL_RECORDS,
    OPTIONAL,
    RESERVED_PAGE_TYPES,
    UNBACKED,
    Direction,
    Endianness,
    Expect,
    Layer,
    Proof,
    RecordSpec,
    Role,
    fixed,
    layout,
    libxc_records,
    pages_header,
    proof_of,
    record_header,
)

RECORD_HEADER_SIZE = 8
BELIEVED = 80
CHAIN = 8
"""How many headers in a row are looked at."""
LOOK_AHEAD = 1 << 16
"""How many octets after a candidate are waited for at most, and how long a body can be that proves itself by fields."""
ENTRIES_JUDGED = 1024
IMPOSSIBLE_PFN = ENTRY_PFN.mask & ~((1 << 32) - 1)
"""No guest has 16 TiB of memory. A fault that is read three octets too early, in the other byte order, has a pfn as far
up as that, unless the last octet of the true one is zero."""

PAGES_AGREE, ENTRY_AGREES, ENTRIES_AGREE = 60, 8, 20
"""Bits of evidence in a pages record whose type, length and count agree, in each of the first entries' high bits, and
in all entries agreeing with the length."""
ENTRIES_COUNTED = 5
NOT_IN_SIGHT = 20
"""Bits of evidence in a header with a possible length whose fields are still to come."""

READERS = {
    order: tuple(fixed(layout(body, order))[0].unpack_from for body in (record_header, pages_header)) for order in INTS
}
"""How a record's header and that of a pages record are read, by byte order."""


@lru_cache
def _pattern(endianness: Endianness) -> re.Pattern[bytes]:
    """Eight octets that may be a record header: a type in use and not END, a length below 256 MiB."""
    types = bytes(sorted({spec.type for version in (2, 3) for spec in libxc_records(version).values()} - {0}))
    known = b"[" + re.escape(types) + b"]"
    # The first octet alone is before the lookahead: to where that can be the engine leaps.
    if endianness == "little":
        expression = known + rb"(?=\0\0\0...[\0-\x0f])"
    else:
        expression = rb"\0(?=\0\0" + known + rb"[\0-\x0f]...)"
    return re.compile(expression, re.DOTALL)


def candidates(octets: bytes, endianness: Endianness) -> Iterator[int]:
    """Where eight octets may be a record header."""
    if b"\0\0\0" in octets:  # as no cipher, text or compressed file has often
        for match in _pattern(endianness).finditer(octets):
            yield match.start()


class Judge:
    """Collects the evidence for candidates in a buffer."""

    def __init__(
        self,
        buffer: bytes | bytearray,
        endianness: Endianness,
        table: Mapping[int, RecordSpec],
        page: int,
        final: bool,
    ) -> None:
        """`table`: the libxc records that may come. `page`: octets of one. `final`: nothing follows the buffer."""
        self.buffer, self.endianness, self.table, self.page, self.final = buffer, endianness, table, page, final
        self.header, self.pages_header = READERS[endianness]
        self.needs = 0
        """How far the buffer would have to reach to tell more of the candidate at hand; 0: nothing is missing."""
        self.reverse = False
        """Whether the candidate's record is one of the reverse direction."""

    def evidence(self, position: int, layer: Layer) -> int:
        """Bits of evidence that a chain of headers of one direction begins here."""
        start, bits, signals = position, 0, 0
        self.reverse = False
        way: Direction | None = None
        for link in range(CHAIN):
            if bits >= BELIEVED or not self._has(position + RECORD_HEADER_SIZE, start):
                break
            type, length = self.header(self.buffer, position)
            spec = (LIBXL_RECORDS if layer == "libxl" else self.table).get(type)
            if spec is None:
                return 0 if not type & OPTIONAL else bits
            if spec.role is not Role.LIBXC_END and spec.direction != "both":  # END goes both ways
                if way is not None and way != spec.direction:
                    return 0
                way = spec.direction
            if not link and layer == "libxc":
                self.reverse = spec.direction == "reverse"
            worth = self._worth(position + RECORD_HEADER_SIZE, spec, length, start)
            if worth is None:
                return 0
            if spec.shape == "signal":
                # Guest memory repeats small numbers: a row of signals is no more evidence than one.
                signals, worth = max(signals, worth), max(0, worth - signals)
            bits += worth
            position += RECORD_HEADER_SIZE + length + -length % 8
            if spec.role is Role.LIBXL_END:
                break
            if spec.role is not Role.CHECKPOINT_STATE:  # another one may follow it, or libxc
                layer = NEXT_LAYER.get(spec.then, layer)
        return bits

    def _has(self, end: int, start: int) -> bool:
        """Whether the buffer reaches that far; if it may do so later, the candidate waits."""
        if end <= len(self.buffer):
            return True
        if not self.final and end - start <= LOOK_AHEAD:
            self.needs = min(self.needs or end, end)
        return False

    def _worth(self, body: int, spec: RecordSpec, length: int, start: int) -> int | None:
        """Bits of evidence in one header and what of its body is in sight; None if they cannot be one."""
        if spec.shape == "pages":
            return self._worth_of_pages(body, spec, length, start)
        proof = proof_of(spec)
        if proof is None or (proof.lengths and length not in proof.lengths):
            return None
        if not proof.fields:
            return proof.bits
        if length < 8 or length > LOOK_AHEAD:
            return None
        if not self._has(body + 16, start):
            return NOT_IN_SIGHT
        return proof.bits if self._agrees(body, proof, length) else None

    def _agrees(self, body: int, proof: Proof, length: int) -> bool:
        """Whether the length and the first fields of a body are such as the record can have."""
        if proof.unit:
            units, rest = divmod(length - proof.base, proof.unit)
            if rest or (proof.counted and units != self._integer(body, 4)):
                return False
        return all(
            field.least <= self._integer(body + field.offset, field.size) <= field.most for field in proof.fields
        )

    def _integer(self, at: int, size: int) -> int:
        return int.from_bytes(self.buffer[at : at + size], self.endianness)

    def _worth_of_pages(self, body: int, spec: RecordSpec, length: int, start: int) -> int | None:
        if not self._has(body + PAGES_HEADER_SIZE, start):
            return 0
        count, reserved = self.pages_header(self.buffer, body)
        contents: int = length - PAGES_HEADER_SIZE - 8 * count
        if not count or reserved or contents < 0 or contents % self.page or contents > count * self.page:
            return None
        if not spec.contents and contents:
            return None
        entries = body + PAGES_HEADER_SIZE
        self._has(entries + 8 * min(count, ENTRIES_JUDGED), start)
        seen: int = min(count, ENTRIES_JUDGED, (len(self.buffer) - entries) // 8)
        backed = backed_pages(self.buffer[entries : entries + 8 * seen], self.endianness, spec.direction == "reverse")
        if backed is None:
            return None
        if seen == count and spec.contents and contents != backed * self.page:
            return None
        return PAGES_AGREE + ENTRY_AGREES * min(seen, ENTRIES_COUNTED) + (ENTRIES_AGREE if seen == count else 0)


def backed_pages(octets: bytes | bytearray, endianness: Endianness, is_reverse: bool) -> int | None:
    """How many of these entries have a page; None if any cannot be an entry of a list in that direction."""
    words = array("Q", bytes(octets))
    if endianness != sys.byteorder:
        words.byteswap()
    backed = 0
    for entry in words:
        kind = entry >> ENTRY_TYPE.shift
        if kind in RESERVED_PAGE_TYPES or entry & (ENTRY_RESERVED.mask | IMPOSSIBLE_PFN) or (is_reverse and kind):
            return None
        backed += kind not in UNBACKED
    return backed


NEXT_LAYER: Mapping[Expect | None, Layer] = {
    Expect.OUTER: "libxl",
    Expect.LIBXL_IF_THERE: "libxl",
    Expect.LIBXL_OR_LIBXC: "libxc",
    Expect.LIBXC_RECORD: "libxc",
}
"""The layer of the next header in a chain, by what a record's row says stands after it; another one's goes on as it
is."""
