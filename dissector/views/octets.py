"""The octets of a record in hexadecimal, and where in them the field is that broke a rule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from dissector.events import Record
from dissector.protocol import RECORD_HEADERS, Body, HeaderSpec, MessageSpec, RecordSpec, fields, layout
from dissector.rules import RULES
from dissector.rules.findings import Finding

COLUMNS = 16

PAGES_HEADER, ENTRY = 8, 8
"""Octets before the entries of a pages record, and of an entry: its pfn, and its type in the highest four bits."""


class Extent(NamedTuple):
    """A part of a record: what it is called, and which of its octets it has."""

    name: str
    offset: int
    length: int


class Kept(NamedTuple):
    """Octets of a record that events carry, and how many they do not."""

    octets: bytes
    missing: int


def kept(record: Record) -> Kept:
    """A record's octets from its first one on: header, and as much of the body as is kept.

    The header is made again from type and length, which are all that it holds. Page contents and the end of a long body
    are not kept; padding is shown with them or not at all."""
    header = b""
    if record.type is not None and record.layer is not None and record.layer in RECORD_HEADERS:
        shape = layout(RECORD_HEADERS[record.layer], record.endianness)
        values = (record.type, record.body_length)
        header = bytes(shape.build(dict(zip((one.name for one in fields(shape)), values, strict=True))))
    octets = header + record.body
    if len(record.body) >= record.body_length:
        octets += record.padding
    return Kept(octets[: record.length], max(0, record.length - len(octets)))


def dump(octets: bytes, marked: Extent | None = None, most: int | None = None) -> Iterator[str]:
    """Lines of offset, 16 octets, and text, as `tshark -x` prints them; a line of ^ below what is marked. At most
    `most` lines of octets: the first one, and those around the mark."""
    starts: Sequence[int] = range(0, len(octets), COLUMNS)
    if most is not None and len(starts) > most:
        middle = marked.offset // COLUMNS if marked else 0
        begin = max(0, min(middle - 1, len(starts) - most))
        starts = starts[begin : begin + most]
    for start in starts:
        part = octets[start : start + COLUMNS]
        text = "".join(chr(one) if 32 <= one < 127 else "." for one in part)
        yield f"{start:04x}  {part.hex(' '):<{COLUMNS * 3 - 1}}  {text}".rstrip()
        if marked is not None:
            inside = [marked.offset <= start + at < marked.offset + marked.length for at in range(COLUMNS)]
            if any(inside):
                line = " ".join("^^" if one else "  " for one in inside).rstrip()
                yield f"      {line} {marked.name}" if not any(inside[-1:]) else f"      {line}  {marked.name}"


def entry_of(finding: Finding, record: Record) -> int | None:
    """Which entry of a pages record, from 0, has the first pfn that the finding names."""
    named = re.search(r"\bpfns? 0x([0-9a-f]+)", finding.message)
    if named is None or not record.is_pages:
        return None
    pfn = int(named[1], 16)
    return next((index for index, one in enumerate(record.pfns()) if one == pfn), None)


def extent_of(finding: Finding, record: Record) -> Extent | None:
    """The field that broke the rule, as far as the rule's checks or the finding's words name it."""
    layout_of = RECORD_HEADERS.get(record.layer) if record.layer is not None and record.type is not None else None
    head = list(_extents(layout_of, record)) if layout_of is not None else []
    header = sum(one.length for one in head)
    entry = entry_of(finding, record)
    if entry is not None:
        return Extent(f"entry {entry}", header + PAGES_HEADER + entry * ENTRY, ENTRY)
    known = {one.name: one for one in head}
    if not record.is_pages and isinstance(record.spec, RecordSpec | HeaderSpec | MessageSpec):
        known |= {one.name: one for one in _extents(record.spec.body, record, header)}
    key = f"{record.layer}.{record.name}"
    checked = [
        check.when[-1].field for check in RULES[finding.rule].checks if key in check.of or record.name in check.of
    ]
    words = set(re.findall(r"[a-z_]+", finding.message))
    return next((known[name] for name in checked + [one for one in known if one in words] if name in known), None)


def _extents(body: Body, record: Record, start: int = 0) -> Iterator[Extent]:
    """The fields of a layout whose place does not depend on what it holds."""
    for one in fields(layout(body, record.endianness)):
        if one.offset is not None and one.size is not None:
            yield Extent(one.name, start + one.offset, one.size)


def some(lines: Iterator[str], most: int | None) -> Iterator[str]:
    """The first lines, and a word on the others."""
    yield from islice(lines, most)
    left = sum(1 for _ in lines)
    if left:
        yield f"... {left:,} lines more, see --full"
