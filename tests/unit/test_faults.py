"""Faults and the pages that answer them: pfn by pfn against what was sent, in every capture there is.

The truth is in truth.json, as the sending and the receiving program wrote it; where and when octets were
captured says the slow reassembly of seen.py. The sets and the matching itself are tested alone further down.
"""

from __future__ import annotations

import itertools
import json
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

import pytest
from conftest import Case
from hypothesis import given, settings
from hypothesis import strategies as st
from seen import Direction, unpacked
from truth import UNBACKED, Expected, Migration

import dissector
from dissector.analysis import Analysis
from dissector.events import Event, Position, Record, Run
from dissector.facts import Fault, Faults, Link, Links, PfnSet, distribution
from dissector.facts.faults import Matches
from dissector.facts.pfns import ROW, ROWS_MAX
from dissector.protocol import PAGE_TYPES, libxc_records

Facts = Any


# Against what was sent


@dataclass(frozen=True)
class Page:
    """A page that POSTCOPY_PAGE_DATA carried: its record, and the frames of that record's first octet and of
    the one that was captured last."""

    record: int
    first: int
    last: int


@dataclass(frozen=True)
class Truth:
    """What was really announced, asked for and sent, as far as it was on the wire.

    `listed`: every list of pfns was captured, so that everything can be known. `faults`: by pfn, the place of
    its POSTCOPY_FAULT and the frame of its last octet. `pages`: by pfn, the first that carried it."""

    listed: bool
    announced: int
    outstanding: set[int]
    page_records: int
    entries: int
    pages: dict[int, Page]
    fault_records: int
    faults: dict[int, tuple[int, int]]


def was_sent(migration: Migration, forward: Direction, reverse: Direction) -> Truth:
    """The truth of one migration."""
    on_wire = [e for e in migration.forward if e.end <= len(forward.octets)]
    lists = [e for e in on_wire if e.name in ("POSTCOPY_PFNS", "POSTCOPY_PAGE_DATA")]
    faults = [e for e in migration.reverse if e.name == "POSTCOPY_FAULT" and e.end <= len(reverse.octets)]
    known = [(forward, e) for e in lists] + [(reverse, e) for e in faults]
    true = Truth(
        listed=all(sent.captured.has(e.offset, e.offset + e.listed) for sent, e in known),
        announced=sum(1 for _ in named(lists, "POSTCOPY_PFNS")),
        outstanding={pfn for _, pfn, kind in named(lists, "POSTCOPY_PFNS") if kind not in UNBACKED},
        page_records=sum(e.name == "POSTCOPY_PAGE_DATA" for e in lists),
        entries=sum(1 for _ in named(lists, "POSTCOPY_PAGE_DATA")),
        pages={},
        fault_records=len(faults),
        faults={},
    )
    for e, pfn, kind in named(lists, "POSTCOPY_PAGE_DATA"):
        if kind not in UNBACKED:
            true.pages.setdefault(pfn, Page(e.offset, *frames(forward, e)))
    for e, pfn, _ in named(faults, "POSTCOPY_FAULT"):
        true.faults.setdefault(pfn, (e.offset, frames(reverse, e)[1]))
    return true


def named(records: Iterable[Expected], name: str) -> Iterator[tuple[Expected, int, int]]:
    """Record, pfn and page type of every entry in the records of that name."""
    for e in records:
        for first, count, kind in (e.name == name and e.runs) or []:
            yield from ((e, pfn, kind) for pfn in range(first, first + count))


def frames(sent: Direction, e: Expected) -> tuple[int, int]:
    """The frame that brought a record's first octet, and the one that brought the octet that came last."""
    pieces = [frame for _, _, frame in sent.captured.between(e.offset, e.end)]
    return pieces[0], max(pieces)


@dataclass(frozen=True)
class Linked:
    """A record and its links."""

    record: Record
    links: list[Link]


@dataclass(frozen=True)
class Found:
    """What the program makes of one migration."""

    facts: Facts
    faults: list[Linked]
    pages: list[Linked]


def found_in(case: Case) -> dict[Any, Found]:
    """The program in process: what it finds, by flow."""
    analysis, links = Analysis(), Links()
    records: list[Linked] = []

    def take(event: Event) -> None:
        analysis.add(event)
        if isinstance(event, Record) and event.name in ("POSTCOPY_FAULT", "POSTCOPY_PAGE_DATA"):
            records.append(Linked(event, links.add(event)))

    dissector.open(case.path).read(take)
    analysis.finish()
    found = {}
    for migration, _ in analysis.migrations:
        whole = [one for one in records if one.record.migration == migration.number and one.record.whole]
        own = {
            name: [one for one in whole if one.record.name == name] for name in ("POSTCOPY_FAULT", "POSTCOPY_PAGE_DATA")
        }
        found[migration.flow] = Found(migration.faults, own["POSTCOPY_FAULT"], own["POSTCOPY_PAGE_DATA"])
    return found


def matched(case: Case) -> Iterator[tuple[Migration, Truth, Found]]:
    """Each migration: who it was, what was sent, what the program says."""
    found = found_in(case)
    assert found.keys() == {migration.flow for migration in case.migrations}
    for migration in case.migrations:
        forward = case.seen.flows[migration.flow]
        reverse = case.seen.flows[migration.flow[::-1]] if migration.flow else Direction()
        yield migration, was_sent(migration, forward, reverse), found[migration.flow]


def repeated_in(record: Record, faults: list[Linked]) -> Iterator[int]:
    """The pfns of a POSTCOPY_FAULT that an earlier one asked for."""
    before = {pfn for other in faults if other.record.offset < record.offset for pfn in other.record.pfns()}
    yield from (pfn for pfn in record.pfns() if pfn in before)


def test_faults_and_pages_are_matched_as_they_were_sent(case: Case) -> None:
    """Which record answers which pfn, what was in flight, every latency and every count.

    Where a list of pfns was not captured in full (only where packets were cut at the snap length), what is
    found must be true, and nothing more can be asked."""
    times = [round(time * 1e9) for time in case.seen.times]
    for _, true, found in matched(case):
        facts = found.facts
        answers = {pfn: true.pages[pfn] for pfn in true.faults if pfn in true.pages}
        in_flight = {pfn for pfn, page in answers.items() if page.first < true.faults[pfn][1]}
        expected_links = {(true.faults[pfn][0], pfn, page.record, pfn in in_flight) for pfn, page in answers.items()}
        # A pfn that is asked for again has a link there too, to the same page; it counts once.
        again = {one.record.offset: set(repeated_in(one.record, found.faults)) for one in found.faults}
        links = [
            (one.record.offset, link.pfn, link.record.offset, link.in_flight)
            for one in found.faults
            for link in one.links
            if link.pfn not in again[one.record.offset]
        ]
        back = [
            (link.record.offset, link.pfn, one.record.offset, link.in_flight)
            for one in found.pages
            for link in one.links
        ]
        latencies = [
            link.record.last.time - one.record.last.time
            for one in found.faults
            for link in one.links
            if not link.in_flight and link.pfn not in again[one.record.offset]
        ]
        assert sorted(links) == sorted(back)
        assert sorted(latencies) == sorted(facts.latencies)
        assert len(links) == facts.answered
        assert sum(one[3] for one in links) == facts.in_flight
        assert facts.asked.count - facts.answered == len(facts.unanswered)
        if not true.listed:
            assert "snap" in case.name
            assert set(links) <= expected_links
            assert facts.pages <= true.entries
            assert facts.page_records <= true.page_records
            assert facts.asked.count <= len(true.faults)
            continue
        assert sorted(links) == sorted(expected_links)
        expected_latencies = [
            times[page.last - 1] - times[true.faults[pfn][1] - 1]
            for pfn, page in answers.items()
            if pfn not in in_flight
        ]
        # The times of seen.py are floating-point seconds.
        assert sorted(facts.latencies) == pytest.approx(sorted(expected_latencies), abs=2000)
        assert facts.announced == true.announced
        assert facts.outstanding.count == len(true.outstanding)
        assert facts.page_records == true.page_records
        assert facts.pages == true.entries
        assert facts.fault_records == true.fault_records
        assert facts.asked.count == len(true.faults)
        assert {one.pfn for one in facts.unanswered} == true.faults.keys() - true.pages.keys()
        assert facts.pushed == len(true.pages.keys() - true.faults.keys())
        assert facts.never_sent == len(true.outstanding - true.pages.keys())


def test_the_sender_says_the_same_of_each_page(case: Case) -> None:
    """postcopy_pages of truth.json: for each page the record that carried it and the fault that asked for it.

    Entries of a type that no page can have are left out, and pages that were not on the wire any more when
    the connection broke.
    """
    written = [json.loads(unpacked(path)) for path in sorted(case.path.parent.glob("truth*.json*"))]
    if not written:
        assert not any(found.faults or found.pages for _, _, found in matched(case))
    for truth, (_, true, found) in zip(written, matched(case), strict=bool(written)):
        if not true.listed:
            continue
        places = {
            one["idx"]: one["off"] for one in truth["records_forward"] if one["layer"] == "libxc" and "idx" in one
        }
        batches = truth["backward"]["fault_batches"]
        carried = {(pfn, one.record.offset) for one in found.pages for pfn in one.record.pfns()}
        asked = {(link.pfn, one.record.offset): link.record.offset for one in found.pages for link in one.links}
        said: set[int] = set()
        for pfn, index, batch in truth["postcopy_pages"]:
            # Where several records carried a page, all are there; the first of them is the answer.
            place = places[index[0] if isinstance(index, list) else index]
            if (pfn, place) in carried and pfn in true.pages:
                said.add(pfn)
                expected = None if batch is None else batches[batch]["off"]
                assert asked.get((pfn, place)) == expected, (pfn, index, batch)
        assert said == true.pages.keys()


# Sets of pfns

RUNS = st.tuples(st.integers(0, 3 * ROW), st.integers(0, 2 * ROW))
FAR = st.tuples(st.integers(2**51, 2**51 + ROW), st.integers(1, 70))


@settings(deadline=None)
@given(st.lists(RUNS | FAR, max_size=12), RUNS)
def test_a_set_of_pfns_is_a_set(runs: list[tuple[int, int]], asked: tuple[int, int]) -> None:
    """Against Python's own."""
    ours, plain = PfnSet(), set[int]()
    for first, count in runs:
        run = range(first, first + count)
        assert ours.add_run(first, count) == len(set(run) - plain)
        plain |= set(run)
        assert ours.count == len(plain)
    first, count = asked
    run = range(first, first + count)
    assert ours.first_of_run(first, count, present=True) == next((pfn for pfn in run if pfn in plain), None)
    assert ours.first_of_run(first, count, present=False) == next((pfn for pfn in run if pfn not in plain), None)
    assert all((pfn in ours) == (pfn in plain) for pfn in {first, first + count, *list(plain)[:50]})
    assert not ours.overflow


@settings(deadline=None)
@given(st.lists(RUNS, max_size=6), st.lists(RUNS, max_size=6))
def test_what_two_sets_have_in_common(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    sets, plain = (PfnSet(), PfnSet()), (set[int](), set[int]())
    for ours, theirs, runs in zip(sets, plain, (one, other), strict=True):
        for first, count in runs:
            ours.add_run(first, count)
            theirs.update(range(first, first + count))
    assert sets[0].count_common(sets[1]) == sets[1].count_common(sets[0]) == len(plain[0] & plain[1])


def test_a_set_has_an_end() -> None:
    """However a hostile stream spreads its pfns, memory is bounded; what is left out is said, and counts as
    new."""
    ours = PfnSet()
    for row in range(ROWS_MAX):
        ours.add_run(row * ROW, 1)
    assert (ours.count, ours.overflow) == (ROWS_MAX, False)
    assert ours.add_run(ROWS_MAX * ROW, 3) == 3
    assert (ours.count, ours.overflow) == (ROWS_MAX, True)
    assert ours.add_run(5, 3) == 3
    assert ours.add_run(5, 3) == 0


# Matching, on records built here

SPECS = {spec.name: spec for spec in libxc_records(2).values()}
UNTYPED = 0
NUMBERS = itertools.count()


def item(name: str, pfns: Iterable[int | tuple[int, int]], first: int, last: int | None = None, **how: Any) -> Record:
    """A record of which octets were captured in frames `first` to `last`, a millisecond each. Its entries are pfns, or
    pfns with their types."""
    spec = SPECS[name]
    last = first if last is None else last
    entries = [(one, UNTYPED) if isinstance(one, int) else one for one in pfns]
    values: dict[str, Any] = {
        "migration": 0,
        "direction": spec.direction,
        "layer": "libxc",
        "name": name,
        "type": spec.type,
        "spec": spec,
        "runs": tuple(Run(pfn, 1, kind) for pfn, kind in entries),
        "index": next(NUMBERS),
        "first": Position(first, first * 1_000_000),
        "last": Position(last, last * 1_000_000),
    }
    return Record(**{**values, **how})


def faults_of(*records: Record) -> Faults:
    faults = Faults()
    for record in records:
        faults.add(record)
    return faults


def links_of(*records: Record) -> list[list[Link]]:
    """The links of each of them, when all have come."""
    links = Links()
    return [links.add(record) for record in records]


def test_a_fault_waits_for_its_page() -> None:
    asked, sent = item("POSTCOPY_FAULT", [7, 9], 1), item("POSTCOPY_PAGE_DATA", [9, 10, 7], 3, 5)
    faults = faults_of(item("POSTCOPY_PFNS", [7, 9, 10, 11], 0), asked, sent)
    assert links_of(asked, sent) == [
        [Link(9, sent, False), Link(7, sent, False)],
        [Link(9, asked, False), Link(7, asked, False)],
    ]
    assert list(faults.latencies) == [4_000_000, 4_000_000]
    assert (faults.answered, faults.in_flight, faults.pushed, faults.never_sent) == (2, 0, 1, 1)
    assert faults.unanswered == []


@pytest.mark.parametrize(("first", "last", "asked_at"), [(1, 2, 3), (1, 5, 3), (2, 3, 3)])
def test_a_page_may_have_been_on_its_way(first: int, last: int, asked_at: int) -> None:
    """The page's record began before the fault ended, whichever of them ended first: no latency counts."""
    asked, sent = item("POSTCOPY_FAULT", [7], asked_at), item("POSTCOPY_PAGE_DATA", [7], first, last)
    both = sorted((asked, sent), key=lambda record: record.last)
    faults = faults_of(*both)
    assert (faults.answered, faults.in_flight, len(faults.latencies)) == (1, 1, 0)
    assert [[link.in_flight for link in links] for links in links_of(*both)] == [[True], [True]]


def test_one_record_answers_many_faults_and_one_fault_has_many_answers() -> None:
    asked = [item("POSTCOPY_FAULT", [1, 2], 1), item("POSTCOPY_FAULT", [3], 2)]
    sent = [item("POSTCOPY_PAGE_DATA", [2, 3], 3), item("POSTCOPY_PAGE_DATA", [1], 4)]
    faults, links = faults_of(*asked, *sent), links_of(*asked, *sent)
    assert [link.record for link in links[2]] == asked
    assert [link.record for link in links[0]] == sent
    assert sorted(faults.latencies) == [1_000_000, 2_000_000, 3_000_000]


def test_what_comes_again_is_said_and_counts_once() -> None:
    faults = Faults()
    for name, plain in (
        ("POSTCOPY_PFNS", "outstanding"),
        ("POSTCOPY_FAULT", "asked"),
        ("POSTCOPY_PAGE_DATA", "sent"),
    ):
        assert faults.add(item(name, [5, 6], 1)).again == ()
        assert [(run.first, run.length) for run in faults.add(item(name, [6], 2)).again] == [(6, 1)]
        assert getattr(faults, plain).count == 2
    assert (faults.announced, faults.pages, faults.fault_records, faults.answered) == (3, 3, 2, 2)


def test_pfns_without_a_page_are_announced_only() -> None:
    types = {name: number for number, name in PAGE_TYPES.items()}
    kinds: list[int | tuple[int, int]] = [
        1,
        *((pfn, types[kind]) for pfn, kind in ((2, "XTAB"), (3, "BROKEN"), (4, "XALLOC"))),
    ]
    faults = faults_of(item("POSTCOPY_PFNS", kinds, 1), item("POSTCOPY_PAGE_DATA", kinds, 2))
    assert (faults.announced, faults.outstanding.count) == (4, 1)
    assert (faults.pages, faults.sent.count, faults.never_sent) == (4, 1, 0)


def test_what_is_cut_or_goes_the_wrong_way_does_nothing() -> None:
    """Nor is anything said of it."""
    cut = item("POSTCOPY_PAGE_DATA", [1], 3, whole=False)
    faults = faults_of(item("POSTCOPY_PFNS", [1, 1], 1))
    assert (faults.add(cut), faults.pages) == (Matches(), 0)
    assert faults.add(item("POSTCOPY_FAULT", [2], 4, direction="forward")) == Matches()
    assert (faults.fault_records, faults.asked.count) == (0, 0)


def test_what_a_fault_asked_is_said_of_it() -> None:
    sent, asked = item("POSTCOPY_PAGE_DATA", [1], 1), item("POSTCOPY_FAULT", [1, 2], 2)
    faults = faults_of(sent)
    matches = faults.add(asked)
    assert [(fault.pfn, fault.answer is not None, fault.latency) for fault in matches.faults] == [
        (1, True, -1_000_000),
        (2, False, None),
    ]
    assert matches.answered == matches.faults[:1]
    assert faults.unanswered == [Fault(2, asked)]


# Percentiles


@given(st.lists(st.integers(-(10**9), 10**12), min_size=1, max_size=300))
def test_a_distribution_is_nearest_rank(durations: list[int]) -> None:
    """At least so many per cent do not exceed it, and of what does not, nothing smaller would do."""
    ordered, found = sorted(durations), distribution(array("q", durations))
    assert found is not None
    assert (found.count, found.min, found.max) == (len(ordered), ordered[0], ordered[-1])
    assert found.median == int(median(ordered) // 1)
    assert found.p95 in ordered
    assert sum(one <= found.p95 for one in ordered) * 100 >= 95 * len(ordered)
    assert sum(one < found.p95 for one in ordered) * 100 < 95 * len(ordered)


def test_of_nothing_there_is_no_distribution() -> None:
    assert distribution(array("q")) is None
