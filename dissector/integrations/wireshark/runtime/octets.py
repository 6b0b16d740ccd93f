"""What is native: octets as Wireshark holds them, layouts and lists as Lua has them, lines of text made of fields."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from dissector.events import Record
from dissector.integrations.wireshark.rows import Row, rows
from dissector.protocol import Body, Endianness, HeaderSpec, RecordSpec, layout, parse_partial
from dissector.protocol.summaries import summarise


def rows_of(body: Body) -> Sequence[Row]:
    """The rows of a layout: there a layout is nothing else."""
    return rows(body)


def integer(octets: bytes, endianness: Endianness) -> int | str:
    """A number as far as it is one in Lua: 64 bits are hexadecimals."""
    number = int.from_bytes(octets, endianness)
    return number if len(octets) < 8 else f"{number:016x}"


def octets_of(source: bytes, start: int, length: int) -> bytes:
    """So many octets of a packet from one on; there a packet's octets may be a Tvb, or a string where they had to
    wait."""
    return source[start : start + max(length, 0)]


def above(some: Sequence[Any], key: str, value: int) -> int:
    """How many of a list in the order of an attribute have one that is not above a value."""
    return bisect_right(some, value, key=attrgetter(key))


def summary_of(record: Record) -> str:
    """The line of text of a header or record; empty where a field of it was not captured."""
    spec = record.spec
    if not isinstance(spec, HeaderSpec | RecordSpec) or not spec.summary:
        return ""
    return summarise(spec.summary, parse_partial(layout(spec.body, record.endianness), record.body))
