"""When the octets of each direction came, when they came again, and when pages did, beside the map of pages.

Samples say how far a direction has come (`Engine`'s `sample`), and events where it begins and ends. An octet counts at
the time of the sample that shows it first.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import Literal, NamedTuple, TypeAlias

from dissector.events import (
    FORWARD,
    REVERSE,
    Direction,
    DirectionEnded,
    DirectionStarted,
    Event,
    Gap,
    Progress,
    Record,
)
from dissector.facts.bins import TimeBins
from dissector.facts.faults import Fault
from dissector.facts.page_map import Marks, PageMap
from dissector.facts.roles import role_of
from dissector.facts.static_data import StaticData
from dissector.protocol import UNBACKED, Role

BINS = 1024

TIMELINES_MAX = 32
"""Migrations whose timelines are kept, each up to some MB; of more those go that carried least."""

WITHOUT_MAPS_MAX = 1 << 10
"""The same where no map is wanted: each is up to 48 kB then."""

What: TypeAlias = Literal["reached", "again", "pages"]
"""By how many octets a direction grew, gaps included; how many were captured again; page contents that it brought."""

CONTENTS = frozenset({Role.MEMORY, Role.POSTCOPY_PAGES})
"""Records that bring pages."""


class Series(NamedTuple):
    """Octets of one direction in each bin."""

    seen: list[int]
    again: list[int]
    lost: list[int]


class Timeline:
    """A fold over the events and samples of one migration."""

    def __init__(self, marks: Marks | None) -> None:
        """`marks`: what its map takes them from; None: it has no map."""
        self.bins: TimeBins[tuple[What, Direction]] = TimeBins(BINS)
        self.pages = None if marks is None else PageMap(marks)
        self.gaps: list[Gap] = []
        self._first: dict[Direction, tuple[int, int]] = {}
        self._reached: dict[Direction, int] = {}
        self._again: dict[Direction, int] = {FORWARD: 0, REVERSE: 0}
        self._open = {FORWARD, REVERSE}
        self._newest = 0
        self._static_data = StaticData()

    @property
    def octets(self) -> int:
        """How far both directions have come."""
        return sum(self._reached[side] - self._first[side][0] for side in self._reached)

    def series(self, side: Direction) -> Series:
        """What of a direction fell into each bin."""
        bins = self.bins
        reached = self._row("reached", side)
        lost = [0] * bins.used
        # The offset up to which a direction has come at the end of each bin tells in which one a gap lies.
        ends = list(accumulate(reached, initial=self._first.get(side, (0, 0))[0]))[1:]
        for gap in self.gaps:
            if gap.direction == side and bins.used:
                at = min(bisect_right(ends, gap.offset), bins.used - 1)
                lost[at] += gap.length
        return Series(_without(reached, lost), self._row("again", side), lost)

    @property
    def contents(self) -> list[int]:
        """Pages whose contents came in each bin."""
        return self._row("pages", FORWARD)

    def _row(self, what: What, side: Direction) -> list[int]:
        return list(self.bins.rows.get((what, side), [0] * self.bins.used)[: self.bins.used])

    def add(self, event: Event) -> None:
        """The next event."""
        if isinstance(event, Record):
            self._add_record(event)
        elif isinstance(event, Progress):
            self.sample(event)
        elif isinstance(event, Gap):
            self.gaps.append(event)
        elif isinstance(event, DirectionStarted):
            self._start(event)
        elif isinstance(event, DirectionEnded):
            self._end(event)

    def sample(self, sample: Progress) -> None:
        """How far a direction has come."""
        self._reach(sample.direction, sample.offset, sample.time)
        self._repeat(sample.direction, sample.retransmitted, sample.time)

    def finish(self) -> None:
        """Nothing follows."""
        if self.pages is not None:
            self.pages.finish()

    def _add_record(self, record: Record) -> None:
        if record.connection is not None:
            return
        self._newest = max(self._newest, record.last.time)
        self._reach(record.direction, record.end, record.last.time)
        if self._static_data.add(record) is None and record.whole and not record.is_misdirected:
            self._add_pages(record)

    def _add_pages(self, record: Record) -> None:
        if role_of(record) in CONTENTS:
            count = sum(run.length for run in record.runs if run.type not in UNBACKED)
            if count:
                self.bins.add(("pages", FORWARD), record.last.time, count)
        if self.pages is not None:
            self.pages.add(record)

    def _start(self, event: DirectionStarted) -> None:
        side, offset = event.direction, event.offset
        if side not in self._reached:
            self._reached[side] = offset
            self._first[side] = offset, event.position.time
            return
        # Samples go beside the events, and may be ahead of them.
        seen, time = self._first[side]
        self._first[side] = offset, time
        self.bins.add(("reached", side), time, seen - offset)

    def _end(self, event: DirectionEnded) -> None:
        if event.direction in self._reached:
            self._reach(event.direction, event.offset, self._newest)
            self._repeat(event.direction, event.retransmitted, self._newest)
        self._open.discard(event.direction)
        if not self._open:
            self.finish()

    def _reach(self, side: Direction, offset: int, time: int) -> None:
        self._newest = max(self._newest, time)
        before = self._reached.setdefault(side, offset)
        self._first.setdefault(side, (offset, time))
        if offset > before:
            self.bins.add(("reached", side), time, offset - before)
            self._reached[side] = offset

    def _repeat(self, side: Direction, again: int, time: int) -> None:
        more = again - self._again[side]
        if more > 0:
            self.bins.add(("again", side), time, more)
        elif more < 0:  # what looked like retransmissions are copies of the capture's own
            self.bins.take_back(("again", side), -more)
        self._again[side] = again


def _without(reached: list[int], lost: list[int]) -> list[int]:
    """What was seen: a gap that spans bins is taken from those behind it, too."""
    seen, debt = [], 0
    for grown, gap in zip(reached, lost, strict=True):
        debt += gap
        taken = min(grown, debt)
        debt -= taken
        seen.append(grown - taken)
    return seen


class Timelines:
    """A fold over the events and samples of an input."""

    def __init__(self, with_maps: bool = True) -> None:
        """`with_maps`: where pages are by their pfn is wanted, too."""
        self.by_number: dict[int, Timeline] = {}
        """By the migration's number."""
        self._gone: set[int] = set()
        self._marks = Marks() if with_maps else None
        self._most = TIMELINES_MAX if with_maps else WITHOUT_MAPS_MAX

    def add(self, event: Event) -> None:
        """The next event."""
        timeline = self._of(event.migration)
        if timeline is not None:
            timeline.add(event)

    def answered(self, fault: Fault) -> None:
        """A fault whose page had come before it."""
        timeline = self.by_number.get(fault.asked.migration)
        if timeline is not None and timeline.pages is not None and fault.answer is not None:
            timeline.pages.answer(fault.pfn, fault.answer.last.time)

    def sample(self, sample: Progress) -> None:
        """How far a direction of a migration has come."""
        self.add(sample)

    def take(self, number: int) -> Timeline | None:
        """That of a migration which has ended; what still comes of it is no longer counted."""
        self._gone.add(number)
        return self.by_number.pop(number, None)

    def finish(self) -> None:
        """Nothing follows."""
        for timeline in self.by_number.values():
            timeline.finish()

    def _of(self, number: int) -> Timeline | None:
        found = self.by_number.get(number)
        if found is None and number not in self._gone:
            if len(self.by_number) >= self._most:
                least = min(self.by_number, key=lambda one: self.by_number[one].octets)
                self.by_number.pop(least).finish()
                self._gone.add(least)
            found = self.by_number[number] = Timeline(self._marks)
        return found
