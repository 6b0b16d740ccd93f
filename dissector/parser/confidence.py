"""Evidence that a record's header stands at a place, for whoever lost the way.

A record has no magic of its own. What makes a header recognisable is that its numbers must agree: a type in use,
a length that its own count explains, reserved fields of zero, entries with a type and a pfn that exist, and the
header of another record where the length says. Each agreement counts as evidence, in bits; a header is believed
from BELIEVED bits on. Zeros are no evidence: guest memory is full of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from dissector.parser.flow import PAGES_HEADER_SIZE
from dissector.protocol import (
    ENTRY_PFN,
    ENTRY_RESERVED,
    ENTRY_TYPE,
    INTS,
    LIBXL_RECORDS,
    OPTIONAL,
    RESERVED_PAGE_TYPES,
    UNBACKED,
    Endianness,
    Layer,
    RecordSpec,
    fixed,
    layout,
    libxc_records,
    pages_header,
    record_header,
)

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

VCPU_BASIC_LENGTHS = frozenset({8 + 2800, 8 + 5168})
"""Octets of X86_PV_VCPU_BASIC: struct vcpu_guest_context of xen/include/public/arch-x86/xen.h for 32 and 64 bits.
In the state of an HVM guest an IOAPIC and a LAPIC that are all zeros look like records of a PV guest otherwise."""

READERS = {
    order: tuple(fixed(layout(body, order))[0].unpack_from for body in (record_header, pages_header)) for order in INTS
}
"""How a record's header and that of a pages record are read, by byte order."""

FIXED_LENGTHS = {"TSC_INFO": 24, "X86_TSC_INFO": 24, "SHARED_INFO": 4096, "X86_PV_INFO": 8}


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


def candidates(buffer: bytearray, endianness: Endianness) -> Iterator[int]:
    """Where eight octets may be a record header."""
    # A copy, because a bytearray that a match still refers to cannot change its size.
    for match in _pattern(endianness).finditer(bytes(buffer)):
        yield match.start()


class Judge:
    """Collects the evidence for one candidate. `waits`: octets that are still to come may add to it."""

    def __init__(
        self, buffer: bytearray, endianness: Endianness, table: Mapping[int, RecordSpec], page: int, final: bool
    ) -> None:
        self.buffer, self.endianness, self.table, self.page, self.final = buffer, endianness, table, page, final
        self.header, self.pages_header = READERS[endianness]
        self.waits = False
        self.reverse = False

    def evidence(self, position: int, layer: Layer) -> int:
        """Bits of evidence that a chain of headers begins here."""
        start, bits, signals = position, 0, 0
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
            if spec.shape == "signal":
                # Guest memory repeats small numbers: a row of signals is no more evidence than one.
                signals, worth = max(signals, worth), max(0, worth - signals)
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
            # LIBXC_CONTEXT comes before an image header, which has a magic of its own to be found by.
            return None if length or spec.name == "LIBXC_CONTEXT" else 0 if spec.type == 0 else 24
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
            case "X86_PV_VCPU_BASIC" if length not in VCPU_BASIC_LENGTHS:
                return None
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
