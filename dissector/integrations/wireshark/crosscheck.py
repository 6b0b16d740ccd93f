"""Two independent readers of one capture, the engine and the dissector in Wireshark, and where they differ."""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any

from dissector.analysis import Analysis
from dissector.events import FORWARD, Event, Flow, Record
from dissector.facts import Link, Links, role_of
from dissector.integrations.wireshark import fields as f
from dissector.integrations.wireshark.fields import prefix
from dissector.integrations.wireshark.items import Item, flattened, flow_name, gathered, is_octets, joined, of_fault
from dissector.protocol import LIBVIRT_HEADER, PAGE_TYPES, XENOPS_MESSAGES, MessageSpec, Role
from dissector.results.decoding import decoded
from dissector.results.differences import DifferenceResult
from dissector.rules import RULES

ABSENT = "nothing"

REQUEST = XENOPS_MESSAGES["http request"]


class Witness:
    """What the engine says of each record. To be given every event in wire order, then to be asked."""

    def __init__(self) -> None:
        self._analysis = Analysis()
        self._links = Links()
        self._records: list[tuple[Record, list[Link]]] = []

    def add(self, event: Event) -> None:
        """The next event."""
        self._analysis.add(event)
        if isinstance(event, Record):
            self._records.append((event, self._links.add(event)))

    def options(self) -> list[str]:
        """What tshark has to be told: which ports carry a migration whose beginning was not captured, or is HTTP.

        There is no magic that the dissector could find it by, or Wireshark's own dissector of HTTP finds it first.
        """
        asked = {record.migration for record, _ in self._records if record.spec is REQUEST}
        flows = [
            flow
            for migration, _ in self._analysis.migrations
            if migration.begins_late or migration.number in asked
            for flow in (migration.flow, *(one.flow for one in migration.connections))
        ]
        ports = sorted({flow.destination.port for flow in flows if flow is not None})
        return [word for port in ports for word in ("-d", f"tcp.port=={port},{f.PROTOCOL}")]

    def items(self) -> list[Item]:
        """Every item, with the findings of the rules that Wireshark judges."""
        self._analysis.finish()
        migrations = {migration.number: migration for migration, _ in self._analysis.migrations}
        found = [
            _item(record, links, migrations[record.migration].flow_of(record.connection))
            for record, links in self._records
        ]
        places = {(item.flow, item.offset): item for item in found}
        numbered = {record.number: item for (record, _), item in zip(self._records, found, strict=True)}
        last = {
            (record.migration, record.direction): item
            for (record, _), item in zip(self._records, found, strict=True)
            if record.connection is None
        }
        for migration, checker in self._analysis.migrations:
            for finding in checker.findings:
                if not RULES[finding.rule].wireshark:
                    continue
                # What is of no record is shown with the direction's last.
                item = numbered.get(finding.number or 0) or last.get((migration.number, finding.direction))
                place = _flow(migration.flow_of(None), finding.direction), finding.offset or 0
                if item is None:
                    item = places[place] = Item(*place, "", finding.frame or 0)
                    found.append(item)
                rules = item.values.setdefault(f.RULE.path, [])
                insort(rules, finding.rule)
        return found


def _flow(flow: Flow | None, direction: str) -> str:
    return flow_name(*(flow if direction == FORWARD else flow[::-1])) if flow is not None else ""


def _item(record: Record, links: list[Link], flow: Flow | None) -> Item:
    item = Item(_flow(flow, record.direction), record.offset, record.name, record.first.frame)
    item.values = {
        f.NAME.path: record.name,
        f.DIRECTION.path: record.direction,
        f.LAYER.path: record.layer,
        f.TYPE.path: record.type,
        f.LENGTH.path: record.length,
        f.BODY_LENGTH.path: record.body_length,
        f.FIRST_FRAME.path: record.first.frame,
        f.LAST_FRAME.path: record.last.frame,
        f.COMPLETE.path: record.complete,
    }
    item.values |= _own_fields(record)
    if role_of(record) is Role.POSTCOPY_FAULT:
        item.values |= dict(_faults(record, links))
    elif role_of(record) is Role.POSTCOPY_PAGES and record.whole:
        item.values[f.ANSWERS.path] = sorted((link.pfn, link.record.last.frame) for link in links)
        item.values[f.PUSHED.path] = sum(run.length for run in record.runs) - len(links)
    return item


def _own_fields(record: Record) -> dict[str, Any]:
    """What is in its header or body. Of a record that nobody specified that is nothing, of a pages record its count
    and runs: its reserved octets have a rule, and no field."""
    if record.is_pages:
        typed = role_of(record) is not Role.POSTCOPY_FAULT
        runs = joined((run.first, run.length, PAGE_TYPES[run.type] if typed else None) for run in record.runs)
        return {f.COUNT.path: decoded(record).get("count"), f.RUN.path: runs}
    if record.type is not None and record.spec is None:
        return {}
    if isinstance(record.spec, MessageSpec):
        said = decoded(record).get("text")
        return {f.TEXT.path: [said] if said else None}
    start = prefix(record.name) + "." if record.is_header or record.type is not None else ""
    values = decoded(record)
    if record.spec is LIBVIRT_HEADER:
        values.pop("xml", None)  # which Wireshark does not show
    pairs = (pair for name, value in values.items() for pair in flattened(start + name, value))
    return dict(gathered((path, value) for path, value in pairs if value or not is_octets(path)))


def _faults(record: Record, links: list[Link]) -> Iterator[tuple[str, Any]]:
    by_pfn = {link.pfn: link for link in links}
    for pfn in record.pfns():
        link = by_pfn.get(pfn)
        yield of_fault(pfn, f.ANSWERED_IN), link and link.record.last.frame
        yield (
            of_fault(pfn, f.LATENCY),
            link.record.last.time - record.last.time if link and not link.in_flight else None,
        )
        yield of_fault(pfn, f.LEAD), record.last.time - link.record.first.time if link and link.in_flight else None
        yield of_fault(pfn, f.IN_FLIGHT), link is not None and link.in_flight


def compare(engine: Iterable[Item], wireshark: Iterable[Item]) -> Iterator[DifferenceResult]:
    """Where they differ, flow by flow in the order of offsets."""
    sides: dict[tuple[str, int], tuple[list[Item], list[Item]]] = defaultdict(lambda: ([], []))
    for side, items in enumerate((engine, wireshark)):
        for item in items:
            sides[item.flow, item.offset][side].append(item)
    for _, pairs in sorted(sides.items()):
        # A pair of ports may have been used again: then there are several of one offset, in the order of time.
        for one, other in zip_longest(*(sorted(items, key=lambda item: item.frame) for items in pairs)):
            yield from _compare(one, other)


def _compare(one: Item | None, other: Item | None) -> Iterator[DifferenceResult]:
    item = one or other
    if item is None:
        return
    place = item.flow, item.offset, item.name, item.frame
    if one is None or other is None:
        yield DifferenceResult(*place, "record", one and one.name, other and other.name)
        return
    for name in dict.fromkeys((*one.values, *other.values)):
        mine, its = (item.values.get(name) for item in (one, other))
        if [] in (mine, its):  # an empty list is shown nowhere
            mine, its = mine or None, its or None
        if mine == its:
            continue
        if isinstance(mine, list) and isinstance(its, list):
            for index, (a, b) in enumerate(zip_longest(mine, its)):
                if a != b:
                    yield DifferenceResult(*place, f"{name}[{index}]", a, b)
                    break
        else:
            yield DifferenceResult(*place, name, mine, its)


def as_line(one: DifferenceResult) -> str:
    """For a person."""
    where = f"frame {one.frame}, {one.flow}, offset {one.offset}, {one.record}"
    return f"{where}: {one.what}: xenshark {_shown(one.engine)}, Wireshark {_shown(one.wireshark)}"


def _shown(value: Any) -> str:
    return ABSENT if value is None else str(value)
