"""A record as a line for a person, with its field tree below."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from dissector.events import FORWARD, Flow, Record
from dissector.facts import Link, role_of
from dissector.facts.endings import error_text
from dissector.protocol import PAGE_TYPES, UNBACKED, XENOPS_MESSAGES, XL_HEADER, HeaderSpec, RecordSpec, Role
from dissector.protocol.summaries import summarise
from dissector.results.decoding import decoded
from dissector.units import iso_text, many, micros, printable, seconds_text
from dissector.views.faults import links_as_text
from dissector.views.fields import tree

Values = dict[str, Any]

STARTS_ONLY = (XENOPS_MESSAGES["http request"], XENOPS_MESSAGES["http response"])
"""Messages of which the first line says what matters."""

HANDSHAKE = XENOPS_MESSAGES["handshake"]

BELOW = " " * 8
"""Indentation of what stands below a line: clear of its number."""

TIMES: dict[str, Callable[[int, int, int], str]] = {
    "relative": lambda now, first, before: seconds_text(micros(now - first)),
    "absolute": lambda now, first, before: iso_text(micros(now)),
    "epoch": lambda now, first, before: seconds_text(micros(now)),
    "delta": lambda now, first, before: seconds_text(micros(max(0, now - before))),
}
"""How a line shows time: of the record, the first packet and the line before, all in ns since the epoch.
Lines stand in the order of their streams: one that came before the line before it came no time after it."""

PFNS_NAMED = 8
"""Pfns of a POSTCOPY_FAULT that its line names: as many as one record of the known receiver holds."""


def line(
    record: Record, links: Sequence[Link], number: int, time: str, several: bool = False, skipped: int | None = None
) -> str:
    """Number, time, direction, layer, length and what it is.

    `several`: with the migration's number. `skipped`: octets over which the way was lost before it."""
    arrow = "->" if record.direction == FORWARD else "<-"
    arrow = f"{record.migration} {arrow}" if several else arrow
    where = f"{number:>6} {time:>12} {arrow} {record.layer or '-':<6} {record.length:>9}"
    words = "; ".join(filter(None, (summary(record), links_as_text(record, links))))
    return printable(" ".join((where, f" {record.name:<20}", words, *marks(record, skipped))).rstrip())


def details(record: Record, flow: Flow | None, full: bool) -> Iterator[str]:
    """The indented lines below a record's line: where it was, and its fields. `flow`: the migration's."""
    way = "" if flow is None else f"{flow if record.direction == FORWARD else Flow(*flow[::-1])}, "
    frames = f", frames {record.first.frame} to {record.last.frame}" if record.first.frame else ""
    yield f"{BELOW}{way}octets {record.offset} to {record.end - 1}{frames}"
    if record.complete and not record.is_pages and len(record.body) < record.body_length:
        yield f"{BELOW}fields of the first {len(record.body)} octets of {record.body_length}"
    for one in tree(decoded(record, deep=True), full):
        yield printable(BELOW + one)


def marks(record: Record, skipped: int | None) -> Iterator[str]:
    """What was odd about a record's octets, each in brackets."""
    if not record.complete:
        yield "[incomplete]"
    if skipped is not None:
        yield f"[resynchronised after {skipped} octets]"
    if record.unannounced:
        yield "[postcopy-transition-missing]"


def summary(record: Record) -> str:
    """What matters of a record, in a few words; empty where there is nothing to say."""
    if record.is_pages:
        return _pages(record)
    if not record.body:
        return ""
    if record.spec in STARTS_ONLY:
        return printable(str(decoded(record).get("text", "")).partition("\r\n")[0])
    if record.spec is HANDSHAKE:
        return printable(error_text(record)) or ("success" if record.complete else "")
    if record.is_text:
        return _text(decoded(record))
    if record.spec is XL_HEADER:
        return _xl_header(decoded(record))
    return summarise(record.spec.summary, decoded(record)) if isinstance(record.spec, RecordSpec | HeaderSpec) else ""


def _pages(record: Record) -> str:
    runs, count = record.runs, record.count
    seen = sum(length for _, length, _ in runs)
    words = many(count, "pfn")
    if not runs:
        return words if record.body else ""
    if role_of(record) is Role.POSTCOPY_FAULT:
        words += "".join(f" {pfn:#x}" for pfn in islice(record.pfns(), PFNS_NAMED)) + " ..." * (seen > PFNS_NAMED)
    else:
        low, high = min(first for first, *_ in runs), max(first + length - 1 for first, length, _ in runs)
        words += f" {low:#x}" if low == high else f" {low:#x}-{high:#x}"
        words += _kinds(record, seen)
    return words if seen == count else f"{words} ({seen} of them captured)"


def _kinds(record: Record, seen: int) -> str:
    """How many of the pfns have a page, and how many are of a type other than the plain one."""
    kinds: Counter[int] = Counter()
    for _, length, kind in record.runs:
        kinds[kind] += length
    backed = seen - sum(kinds[kind] for kind in UNBACKED)
    special = ", ".join(f"{number} {PAGE_TYPES[kind]}" for kind, number in sorted(kinds.items()) if kind)
    return f", {many(backed, 'page')}" + (f" ({special})" if special else "")


def _text(values: Values) -> str:
    status = f", status {values['status']}" if "status" in values else ""
    return f'"{printable(values["text"].rstrip())}"{status}'


def _xl_header(values: Values) -> str:
    flags = values.get("mandatory_flags")
    if flags is None:  # not captured
        return ""
    if not flags["stream_v2"]:
        return "a stream of Xen 4.5 or older, not dissected"
    mandatory = flags["json"] | flags["stream_v2"] << 1 | flags["reserved"] << 2
    words = f"mandatory {mandatory:#x}"
    if "config_length" in values:
        words += f", config {values['config_length']} octets"
    name = _guest_name(values.get("config", ""))
    return words + (f", guest '{printable(name)}'" if name else "")


def _guest_name(config: str) -> str | None:
    """The name in the configuration that xl writes, if it is whole."""
    try:
        name = json.loads(config)["c_info"]["name"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return name if isinstance(name, str) else None
