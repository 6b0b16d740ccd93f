"""What of a migration went on the wire when, as `report --json` prints it and the report's pictures show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

from dissector.analysis import MigrationAnalysis
from dissector.events import FORWARD, REVERSE, Direction
from dissector.facts import Migration
from dissector.facts.page_map import USES, PageMap, PageUse
from dissector.facts.timeline import Timeline, Timelines
from dissector.results.base import Result, Seconds
from dissector.results.common import Duration, InFile, Octets, Time, time_of
from dissector.results.stalls import MigrationStallResult, stalls_of
from dissector.units import NS

Series = Annotated[tuple[int, ...], "octets in each bin of time"]


class DirectionSeriesResult(Result):
    """One direction, bin by bin."""

    octets: Annotated[Series, "distinct octets that were seen: all together those of `analyze`"]
    retransmitted: Annotated[Series, "octets that were captured again"]
    not_captured: Annotated[Series, "octets that the capture lost"]


class UseResult(Result):
    """Where and when something happened to pages."""

    use: Annotated[PageUse, "answered: came and answered a fault, in flight or not; pushed: nobody ever asked for it"]
    rows: Annotated[tuple[int, ...], "of each cell that is not empty: which of the map's rows it is in"]
    bins: Annotated[tuple[int, ...], "of each cell: in which bin of time it is, from 0"]
    pages: Annotated[tuple[int, ...], "of each cell: how many pages"]


class PageMapResult(Result, kw_only=True):
    """Pages by pfn and time."""

    start_time: Annotated[Time | None, "when the first bin begins; null: no times, and one bin"]
    bin: Annotated[Duration, "how long a bin is"]
    bins: int
    row_size: Annotated[int, "pfns of a row"]
    rows: Annotated[tuple[int, ...], "the first pfn of each row in which anything happened, upwards"]
    uses: tuple[UseResult, ...]
    never_came: Annotated[tuple[int, ...], "of each row: pages that were announced and never came"]
    times_sent: Annotated[
        tuple[int, ...] | None,
        "how many pages precopy sent once, twice, ...; the 31st: 31 times or more; null: too many pages to tell",
    ]

    @classmethod
    def of(cls, pages: PageMap, is_timed: bool) -> PageMapResult | None:
        """None of a migration without pages."""
        numbers = sorted({row for _, row in pages.bins.rows})
        if not numbers:
            return None
        places = {number: place for place, number in enumerate(numbers)}
        return cls(
            start_time=time_of(pages.bins.start, is_timed),
            bin=pages.bins.width / NS,
            bins=pages.bins.used,
            row_size=pages.row_size,
            rows=tuple(number * pages.row_size for number in numbers),
            uses=tuple(_use(pages, use, places) for use in USES if any(one == use for one, _ in pages.bins.rows)),
            never_came=tuple(pages.missing.get(number, 0) for number in numbers),
            times_sent=None if pages.overflow else tuple(pages.times_sent),
        )


class TimelineResult(Result, kw_only=True):
    """One migration over time, in bins of so many seconds.

    >>> timeline, = dissector.open("captures/postcopy/c_netem/veth_rx.pcap.zst").timelines()
    >>> sum(timeline.contents)  # pages whose contents came
    3722
    """

    migration: Annotated[int, "which of the input, from 0"]
    start_time: Annotated[
        Time | None, "when the first bin begins; null: the input has no times, and the series no bins"
    ]
    bin: Annotated[Duration, "how long a bin is"]
    forward: DirectionSeriesResult
    reverse: DirectionSeriesResult
    contents: Annotated[tuple[int, ...], "pages whose contents came in each bin, before and after the transition"]
    stalls: Annotated[tuple[MigrationStallResult, ...], "times without payload from the source"]
    pages: Annotated[PageMapResult | None, "null: no pages were sent"]

    @classmethod
    def of(cls, timeline: Timeline, migration: Migration) -> TimelineResult:
        number, is_timed = migration.number, migration.is_timed
        bins = timeline.bins
        start = bins.start if is_timed else None
        forward, reverse = (_series(timeline, side, start is not None) for side in (FORWARD, REVERSE))
        return cls(
            migration=number,
            start_time=time_of(start),
            bin=bins.width / NS,
            forward=forward,
            reverse=reverse,
            contents=tuple(timeline.contents) if start is not None else (),
            stalls=tuple(map(MigrationStallResult.of, stalls_of(migration))),
            pages=None if timeline.pages is None else PageMapResult.of(timeline.pages, is_timed),
        )


class DirectionRateResult(Result):
    """What of one direction came in a bin of time."""

    octets: Annotated[Octets, "distinct octets that were seen: all together those of the migration"]
    retransmitted: Annotated[Octets, "octets that were captured again"]
    not_captured: Annotated[Octets, "octets that the capture lost"]


class RateResult(Result):
    """What came in one bin of time: a migration has at most 1,024, one after the other."""

    start_time: Annotated[Time, "when the bin begins"]
    bin: Annotated[Duration, "how long it is"]
    forward: DirectionRateResult
    reverse: DirectionRateResult
    pages: Annotated[int, "whose contents came, before and after the transition"]


def rates(timeline: TimelineResult) -> Iterator[RateResult]:
    """A timeline bin by bin; of an input without times there are none."""
    if timeline.start_time is None:
        return
    assert isinstance(timeline.start_time, Seconds)
    start, width = timeline.start_time.ns, round(timeline.bin * NS)
    sides = (
        map(DirectionRateResult, side.octets, side.retransmitted, side.not_captured)
        for side in (timeline.forward, timeline.reverse)
    )
    for at, (forward, reverse, contents) in enumerate(zip(*sides, timeline.contents, strict=True)):
        yield RateResult(Seconds(start + at * width), timeline.bin, forward, reverse, contents)


def timelines_of(timelines: Timelines, migrations: Iterable[MigrationAnalysis]) -> tuple[TimelineResult, ...]:
    """Of all migrations that have one."""
    by_number = timelines.by_number
    return tuple(TimelineResult.of(by_number[one.number], one) for one, _ in migrations if one.number in by_number)


def _series(timeline: Timeline, side: Direction, is_timed: bool) -> DirectionSeriesResult:
    found = timeline.series(side)
    return DirectionSeriesResult(*(tuple(one) if is_timed else () for one in found))


def _use(pages: PageMap, use: PageUse, places: Mapping[int, int]) -> UseResult:
    cells = [
        (places[row], bin, count)
        for (one, row), counts in sorted(pages.bins.rows.items())
        if one == use
        for bin, count in enumerate(counts[: pages.bins.used])
        if count
    ]
    rows, bins, counts = zip(*cells, strict=True)
    return UseResult(use, rows, bins, counts)


class FileTimelineResult(TimelineResult, InFile, kw_only=True):
    """A migration over time, and its file: a line of `report --json`."""
