"""The octets of a record in hexadecimal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from dissector.events import Record
from dissector.protocol import RECORD_HEADERS, fields, layout

COLUMNS = 16


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


def some(lines: Iterator[str], most: int | None) -> Iterator[str]:
    """The first lines, and a word on the others."""
    yield from islice(lines, most)
    left = sum(1 for _ in lines)
    if left:
        yield f"... {left:,} lines more, see --full"
