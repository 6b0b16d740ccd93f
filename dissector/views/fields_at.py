"""Where in a record's octets the field is that broke a rule."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dissector.events import Record
from dissector.protocol import RECORD_HEADERS, Body, HeaderSpec, MessageSpec, RecordSpec, fields, layout
from dissector.rules import RULES
from dissector.rules.findings import Finding
from dissector.views.octets import Extent

PAGES_HEADER, ENTRY = 8, 8
"""Octets before the entries of a pages record, and of an entry: its pfn, and its type in the highest four bits."""


def entry_of(finding: Finding, record: Record) -> int | None:
    """Which entry of a pages record, from 0, has the first pfn that the finding names."""
    named = re.search(r"\bpfns? 0x([0-9a-f]+)", finding.message)
    if named is None or not record.is_pages:
        return None
    pfn = int(named[1], 16)
    return next((index for index, one in enumerate(record.pfns()) if one == pfn), None)


def extent_of(finding: Finding, record: Record) -> Extent | None:
    """The field that broke the rule, as far as the rule's checks or the finding's words name it."""
    head = extents_of_header(record)
    header = sum(one.length for one in head)
    entry = entry_of(finding, record)
    if entry is not None:
        return Extent(f"entry {entry}", header + PAGES_HEADER + entry * ENTRY, ENTRY)
    known = {one.name: one for one in head}
    if not record.is_pages:
        known |= {one.name: one for one in extents_of_body(record, header)}
    key = f"{record.layer}.{record.name}"
    checked = [
        check.when[-1].field
        for check in RULES[finding.rule].checks
        if check.when and (key in check.of or record.name in check.of)
    ]
    words = set(re.findall(r"[a-z_]+", finding.message))
    return next((known[name] for name in checked + [one for one in known if one in words] if name in known), None)


def extents_of_header(record: Record) -> list[Extent]:
    """The fields of a record's header, of which other items have none."""
    body = RECORD_HEADERS.get(record.layer) if record.layer is not None and record.type is not None else None
    return [] if body is None else list(_extents(body, record, 0, None))


def extents_of_body(record: Record, header: int, end: int | None = None) -> Iterator[Extent]:
    """The fields of a body that stands behind so many octets. `end`: where the last one ends whose size is not known
    before, None: it is left out."""
    if isinstance(record.spec, RecordSpec | HeaderSpec | MessageSpec):
        yield from _extents(record.spec.body, record, header, end)


def _extents(body: Body, record: Record, start: int, end: int | None) -> Iterator[Extent]:
    """The fields of a layout whose place does not depend on what it holds."""
    for one in fields(layout(body, record.endianness)):
        if one.offset is not None and (one.size is not None or end is not None):
            at = start + one.offset
            yield Extent(one.name, at, one.size if one.size is not None else max(0, (end or 0) - at))
