"""Rules that one header or record breaks by itself, whatever came before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from dissector.parser import Record
from dissector.protocol import (
    BODY_LENGTH_MAX,
    ENTRY_RESERVED,
    GUEST_TYPES,
    IMAGE_ID,
    IMAGE_MARKER,
    IMAGE_VERSIONS,
    LIBXL_IDENT,
    LIBXL_VERSION,
    OPTIONAL,
    PAGE_SHIFT,
    RESERVED_PAGE_TYPES,
    UNBACKED,
    GrammarError,
    HeaderSpec,
    RecordSpec,
    layout,
    measure,
    parse_partial,
    xl_endianness,
)
from dissector.rules.situation import Broken

FRAME_WORDS = (512, 1024)
"""Words of a 64-bit and of a 32-bit guest in one frame of X86_PV_P2M_FRAMES."""

RESERVED_SHOWN = 64
"""Octets of a body that are looked at for reserved fields: no layout has one further on."""


def broken_by_itself(record: Record) -> Iterator[Broken]:
    """The rules that a header or record breaks by itself."""
    if isinstance(record.spec, HeaderSpec):
        if record.whole and len(record.body) >= record.spec.size:
            values = parse_partial(layout(record.spec.body, record.endianness), record.body[: record.spec.size])
            broken = list(HEADER_RULES[record.name](record, values)) if record.name in HEADER_RULES else []
            # Of a header that is not what it should be no bit means anything.
            yield from broken or _reserved(record, values)
        return
    if record.type is None:
        return
    if record.body_length > BODY_LENGTH_MAX and record.layer != "xenops":
        yield (
            "record-too-long",
            f"body_length {record.body_length:,}, the most any receiver accepts is {BODY_LENGTH_MAX:,}",
        )
        return
    if record.name == "LIBXC_LEGACY":
        yield "legacy-stream", f"record type 0x{record.type:x} says that a legacy libxc stream follows"
        return
    if any(record.padding):
        yield "nonzero-padding", f"padding after the body is {record.padding.hex(' ')}"
    if record.spec is None:
        yield from _unknown(record)
        return
    if isinstance(record.spec, RecordSpec) and record.layer != "xenops":
        yield from _length(record, record.spec)
        if record.is_pages:
            yield from _entries(record, record.spec)
        elif record.spec.shape != "signal":
            shown = parse_partial(layout(record.spec.body, record.endianness), record.body[:RESERVED_SHOWN])
            yield from _reserved(record, shown)


def _unknown(record: Record) -> Iterator[Broken]:
    assert record.type is not None
    if record.type & OPTIONAL:
        yield "unknown-optional-record", f"optional record 0x{record.type:08x} is specified nowhere"
    else:
        yield "unknown-mandatory-record", f"mandatory record 0x{record.type:08x} is specified nowhere"


def _xl(record: Record, values: dict[str, Any]) -> Iterator[Broken]:
    if xl_endianness(record.body) is None:
        yield "bad-xl-header", f"byteorder is 0x{values['byteorder']:08x}, not 0x01020304 in either order"
    elif values["mandatory_flags"]["reserved"]:
        yield "bad-xl-header", f"unknown mandatory flags 0x{values['mandatory_flags']['reserved'] << 2:x}"
    elif not values["mandatory_flags"]["stream_v2"]:
        flags = values["mandatory_flags"]["json"]
        yield "legacy-stream", f"mandatory_flags 0x{flags:x}: no libxl stream of version 2 follows"


def _libxl(record: Record, values: dict[str, Any]) -> Iterator[Broken]:
    if not record.body.startswith(LIBXL_IDENT):
        yield "bad-libxl-header", f"ident is 0x{values['ident']:016x}, not 'LibxlFmt'"
    elif values["version"] != LIBXL_VERSION:
        yield "bad-libxl-header", f"version is {values['version']}, not {LIBXL_VERSION}"


def _image(record: Record, values: dict[str, Any]) -> Iterator[Broken]:
    if values["marker"] != IMAGE_MARKER and values["id"] != IMAGE_ID:
        yield "legacy-stream", f"in place of the marker, all ones, stands 0x{values['marker']:016x}"
    elif values["marker"] != IMAGE_MARKER:
        yield "bad-image-header", f"marker is 0x{values['marker']:016x}, not all ones"
    elif values["id"] != IMAGE_ID:
        yield "bad-image-header", f"id is 0x{values['id']:08x}, not 'XENF'"
    elif values["version"] not in IMAGE_VERSIONS:
        yield (
            "bad-image-header",
            f"version is {values['version']}, known are {' and '.join(map(str, IMAGE_VERSIONS))}",
        )


def _domain(record: Record, values: dict[str, Any]) -> Iterator[Broken]:
    if values["type"] not in GUEST_TYPES.values():
        yield "bad-domain-header", f"guest type {values['type']} is unknown"
    if values["page_shift"] != PAGE_SHIFT:
        yield "bad-domain-header", f"page_shift is {values['page_shift']}, not {PAGE_SHIFT}"


HEADER_RULES: dict[str, Callable[[Record, dict[str, Any]], Iterator[Broken]]] = {
    "xl header": _xl,
    "libxl header": _libxl,
    "image header": _image,
    "domain header": _domain,
}


def _reserved(record: Record, values: dict[str, Any]) -> Iterator[Broken]:
    for name, value in values.items():
        bits = value.get("reserved", 0) if isinstance(value, dict) else value if name.startswith("reserved") else 0
        # Unknown mandatory flags of xl are worse than a reserved bit, and have a rule of their own.
        if isinstance(bits, int) and bits and name != "mandatory_flags":
            where = f"{name}.reserved" if isinstance(value, dict) else name
            yield "reserved-bits-set", f"{where} is 0x{bits:x}, not zero"


def _length(record: Record, spec: RecordSpec) -> Iterator[Broken]:
    length = record.body_length
    if spec.shape == "signal":
        if length:
            yield "nonempty-signal", f"a signal has no body, this one has {length:,} octets"
        return
    if spec.shape == "pages":
        yield from _pages_length(record, spec)
        return
    if spec.shape == "page":
        page = 1 << PAGE_SHIFT
        if length != page and record.channel.page_shift == PAGE_SHIFT:
            yield "body-length-mismatch", f"body_length {length:,}, a page has {page:,}"
        return
    if len(record.body) < length:
        return
    try:
        needed = measure(layout(spec.body, record.endianness), record.body)
    except GrammarError:
        yield "body-length-mismatch", f"body_length {length:,} is too short for what its own counts say"
        return
    if needed != length:
        yield "body-length-mismatch", f"body_length {length:,}, its own counts say {needed:,}"
    elif record.name == "X86_PV_P2M_FRAMES":
        yield from _frames_length(record)


def _frames_length(record: Record) -> Iterator[Broken]:
    """One entry for each frame of the table, which holds as many of the guest's words as fit."""
    start, end = (int.from_bytes(record.body[at : at + 4], record.endianness) for at in (0, 4))
    sizes = [8 + 8 * (end // words - start // words + 1) for words in FRAME_WORDS]
    if record.body_length not in sizes:
        wanted = " or ".join(f"{size:,}" for size in sizes)
        yield (
            "body-length-mismatch",
            f"body_length {record.body_length:,}, pfns {start:,} to {end:,} say {wanted}",
        )


def _pages_length(record: Record, spec: RecordSpec) -> Iterator[Broken]:
    length, count = record.body_length, record.count
    if length < 8:
        yield "body-length-mismatch", f"body_length {length} has no room for count and reserved"
        return
    if len(record.body) < min(length, 8 + 8 * count):
        return  # not all entries were captured or kept
    if not count:
        yield "empty-pages-record", "count is 0"
    needed = 8 + 8 * count
    if spec.contents and record.channel.page_shift != PAGE_SHIFT:
        return  # that is a violation of its own, and the size of a page is unknown
    if spec.contents and needed <= length:
        backed = sum(run.length for run in record.runs if run.type not in UNBACKED)
        needed += backed << PAGE_SHIFT
    if needed != length:
        yield "body-length-mismatch", f"body_length {length:,}, count {count:,} says {needed:,}"


def _entries(record: Record, spec: RecordSpec) -> Iterator[Broken]:
    if len(record.body) < 8:
        return
    (_, reserved) = _pages_header(record)
    if reserved:
        yield "reserved-bits-set", f"reserved is 0x{reserved:x}, not zero"
    entries = record.body[8:]
    if spec.direction != "reverse":
        for run in record.runs:
            if run.type in RESERVED_PAGE_TYPES:
                yield "reserved-page-type", f"pfn 0x{run.first:x} has page type {run.type}"
                break
    whole = len(entries) & ~7
    if whole and int.from_bytes(entries[:whole], record.endianness) & _reserved_mask(whole // 8):
        first = next(_reserved_entries(entries, record))
        yield "reserved-bits-set", f"entry {first[0]:,} is 0x{first[1]:016x}: bits 52 to 59 are not zero"


def _pages_header(record: Record) -> tuple[int, int]:
    order = record.endianness
    return int.from_bytes(record.body[:4], order), int.from_bytes(record.body[4:8], order)


@lru_cache(maxsize=16)
def _reserved_mask(count: int) -> int:
    """The reserved bits of so many entries as one number: one AND looks at them all."""
    return int.from_bytes(ENTRY_RESERVED.mask.to_bytes(8, "little") * count, "little")


def _reserved_entries(entries: bytes, record: Record) -> Iterator[tuple[int, int]]:
    for index in range(len(entries) // 8):
        entry = int.from_bytes(entries[8 * index : 8 * index + 8], record.endianness)
        if entry & ENTRY_RESERVED.mask:
            yield index, entry
