"""The fields of a record as a tree, each with the octets that it was read from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from dissector.events import Record
from dissector.results.decoding import decoded
from dissector.units import printable
from dissector.views.fields import in_few_words, run_as_text
from dissector.views.fields_at import ENTRY, PAGES_HEADER, extents_of_body, extents_of_header
from dissector.views.octets import Extent

SHOWN = 1000
"""Elements of a list."""

TEXT_SHOWN = 200
"""Characters of a text."""


class Node(NamedTuple):
    """A field, the octets it was read from if they are known, and what is in it."""

    words: str
    extent: Extent | None
    inside: Any = None


def nodes(record: Record) -> Iterator[Node]:
    """The fields of a record: those of its header, then of its body."""
    head = extents_of_header(record)
    for one, value in zip(head, (record.type, record.body_length), strict=False):  # none of both without a header
        yield Node(f"{one.name}: {in_few_words(value)}", one)
    header = sum(one.length for one in head)
    known = {one.name: one for one in extents_of_body(record, header, record.length)}
    if record.is_text and record.spec is None:
        known["text"] = Extent("text", 0, record.length)
    for name, value in decoded(record, deep=True).items():
        if name == "pages":
            runs = list(_runs(value, header + PAGES_HEADER))
            whole = Extent(name, header + PAGES_HEADER, sum(count for _, count, _ in value) * ENTRY)
            yield Node(f"pages, in runs: {len(runs):,}", whole, runs)
        else:
            yield _node(name, value, known.get(name))


def inside(node: Node) -> Iterator[Node]:
    """What is in a field."""
    value = node.inside
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield _node(str(name), one, node.extent)
    elif isinstance(value, list):
        for index, one in enumerate(islice(value, SHOWN)):
            yield one if isinstance(one, Node) else _node(str(index), one, node.extent)
        if len(value) > SHOWN:
            yield Node(f"... {len(value) - SHOWN:,} more", node.extent)
    elif isinstance(value, str):
        lines = value.splitlines()
        for line in lines[:SHOWN]:
            yield Node(printable(line[:TEXT_SHOWN]), node.extent)
        if len(lines) > SHOWN:
            yield Node(f"... {len(lines) - SHOWN:,} lines more", node.extent)


def _node(name: str, value: Any, extent: Extent | None) -> Node:
    if isinstance(value, Mapping) and not (value.keys() <= {"octets", "unread"}):
        return Node(printable(name), extent, value)
    if isinstance(value, list) and (len(value) > 8 or any(isinstance(one, dict | list) for one in value)):
        return Node(f"{printable(name)}: {len(value):,}", extent, value)
    if isinstance(value, str) and ("\n" in value.rstrip("\n") or len(value) > TEXT_SHOWN):
        return Node(f"{printable(name)}: {printable(value[:60])} ...", extent, value)
    return Node(printable(f"{name}: {in_few_words(value)}"), extent)


def _runs(runs: list[Any], start: int) -> Iterator[Node]:
    for run in runs:
        length = run[1] * ENTRY
        yield Node(printable(run_as_text(run)), Extent("entries", start, length))
        start += length
