"""What went when: bins of time, the map of pages, octets of both directions."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from conftest import OWN, captures_in
from happened import MS, Story
from hypothesis import example, given
from hypothesis import strategies as st

import dissector
from dissector.analysis import Analysis
from dissector.events import FORWARD, REVERSE, Gap, Progress, Record, Stall
from dissector.facts import page_map
from dissector.facts.bins import FINEST, TimeBins
from dissector.facts.page_map import ROWS_MAX, TIMES, Marks, PageMap
from dissector.facts.timeline import TIMELINES_MAX, Timelines
from dissector.results.analysis import MigrationResult
from dissector.results.gathered import Gathered
from dissector.results.timeline import TimelineResult

LARGEST = (1 << 32) - 1

SEVERAL = (
    "postcopy/c_netem/veth_rx.pcap",
    "postcopy/c3_capture_drops/veth_rx_with_capture_drops.pcap",
    "postcopy/d_concurrent/veth_rx.pcap",
    "postcopy/f_remus/veth_rx.pcap",
    "postcopy/g_receiver_killed/veth_rx.pcap",
    "postcopy/x_early_complete_ok/lo.pcap",
    "xen/hvm-live-lo/hvm-live-lo.pcap",
    "xen/pv-live-debug-verify/pv-live-debug-verify.pcap",
    "xen/pv-live-midstart/pv-live-midstart.pcap",
    "xen/pv-live-mtu1500-drops/pv-live-mtu1500-drops.pcap",
    "xen/pv-live-snaplen128/pv-live-snaplen128.pcap",
)


TIMES_NS = st.one_of(st.integers(0, 40).map(lambda ms: ms * FINEST), st.integers(0, 1 << 62))


@given(st.lists(st.tuples(TIMES_NS, st.integers(1, 1000)), min_size=1))
@example([(3 * FINEST, 1), (4 * FINEST, 1), (20 * FINEST, 1)])
def test_bins_keep_every_count_in_its_time(counts: list[tuple[int, int]]) -> None:
    bins: TimeBins[str] = TimeBins(16)
    for time, count in counts:
        bins.add("any", time, count)
    assert bins.start is not None and bins.start % bins.width == 0
    first = counts[0][0]
    wanted = Counter[int]()
    for time, count in counts:
        # What is earlier than the first of all counts as that.
        wanted[max(time, first) // bins.width - bins.start // bins.width] += count
    found = bins.rows["any"]
    assert {at: count for at, count in enumerate(found) if count} == dict(wanted)
    assert len(found) == 16 and bins.used == max(wanted) + 1
    assert bins.width == FINEST or bins.used > 8


def told(name: str, *pfns: int) -> Record:
    story = Story(version=2)
    return story.record(name, pfns)


NAMES = ("PAGE_DATA", "POSTCOPY_PFNS", "POSTCOPY_FAULT", "POSTCOPY_PAGE_DATA")
PFNS = st.lists(st.one_of(st.integers(0, 300), st.integers(0, LARGEST)), max_size=12, unique=True)


@given(st.lists(st.tuples(st.sampled_from(NAMES), PFNS), max_size=12))
def test_the_map_counts_each_page_once(records: list[tuple[str, list[int]]]) -> None:
    pages = PageMap(Marks())
    sent, announced, asked, came = Counter[int](), set[int](), set[int](), set[int]()
    wanted = Counter[str]()
    for name, pfns in records:
        pages.add(told(name, *pfns))
        for pfn in pfns:
            if name == "PAGE_DATA":
                wanted["sent_again" if sent[pfn] else "sent"] += 1
                sent[pfn] += 1
            elif name == "POSTCOPY_PFNS":
                wanted["announced"] += pfn not in announced
                announced.add(pfn)
            elif name == "POSTCOPY_FAULT":
                wanted["faulted"] += pfn not in asked
                asked.add(pfn)
            else:
                wanted["answered" if pfn in asked else "pushed"] += pfn not in came
                came.add(pfn)
    pages.finish()
    found = Counter[str]()
    for (use, _), counts in pages.bins.rows.items():
        found[use] += sum(counts)
    assert found == wanted
    rows = {row for _, row in pages.bins.rows}
    touched = {*sent, *announced, *asked, *came}
    assert len(rows) <= ROWS_MAX and rows == {pfn // pages.row_size for pfn in touched}
    often = Counter(min(times, TIMES) for times in sent.values())
    assert pages.times_sent == [often[times] for times in range(1, max(often, default=0) + 1)]
    missing = Counter(pfn // pages.row_size for pfn in announced - came)
    assert pages.missing == dict(missing)


def test_a_page_that_crossed_its_fault_answers_it() -> None:
    """Where it came, though the fault was seen later; and one that nobody asked for stays pushed."""
    gathered = Gathered()
    story = Story(version=2)
    for event in story.events:
        gathered.add(event)
    for name, pfns in (
        ("POSTCOPY_PFNS", (1, 2, 3)),
        ("POSTCOPY_PAGE_DATA", (1, 2)),
        ("POSTCOPY_FAULT", (2,)),
        ("POSTCOPY_FAULT", (2, 3)),
        ("POSTCOPY_PAGE_DATA", (3, 2)),
    ):
        gathered.add(story.record(name, pfns, takes=19))
    gathered.finish()
    (timeline,) = gathered.timelines
    assert timeline.pages is not None
    found = {one.use: list(zip(one.bins, one.pages, strict=True)) for one in timeline.pages.uses}
    asked, postcopy = gathered.faults, gathered.migration(0).postcopy
    assert postcopy is not None and len(asked) == 2
    first = found["pushed"][0][0]
    assert found["pushed"] == [(first, 1)] and found["answered"] == [(first, 1), (first + 60, 1)]
    assert (postcopy.pushed, postcopy.answered, postcopy.faulted_pfns) == (1, 2, 2)
    assert sum(count for _, count in found["faulted"]) == 2


def test_rows_grow_until_all_of_a_guest_has_room() -> None:
    pages = PageMap(Marks())
    for first in range(0, 1 << 20, 1024):
        pages.add(told("PAGE_DATA", *range(first, first + 1024)))
    pages.finish()
    rows = {row for _, row in pages.bins.rows}
    assert pages.row_size == 8192 and rows == set(range(128))
    assert pages.times_sent == [1 << 20]


def test_of_too_many_pages_it_is_not_known_how_often_each_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_map, "MARKED_MAX", 2)
    marks = Marks()
    one, other = PageMap(marks), PageMap(marks)
    one.add(told("PAGE_DATA", 0, 1 << 16))
    other.add(told("PAGE_DATA", 0))
    assert (one.overflow, other.overflow) == (False, True)
    one.finish()
    assert one.times_sent == [2]
    after = PageMap(marks)
    after.add(told("PAGE_DATA", 0))
    assert not after.overflow, "what is over has given back what it held"


def progress(offset: int, time: int, again: int = 0, number: int = 0) -> Progress:
    return Progress(number, FORWARD, offset, again, 0, None, time)


def test_octets_count_at_their_sample_and_gaps_where_they_lie() -> None:
    timelines = Timelines()
    for event in Story().events:
        timelines.add(event)
    timelines.sample(progress(1000, 5 * MS))
    timelines.sample(progress(4000, 8 * MS, again=70))
    timelines.add(Gap(0, FORWARD, 1500, 600, None))
    timelines.sample(progress(4100, 300 * MS, again=70))
    timeline = timelines.by_number[0]
    series = timeline.series(FORWARD)
    assert {at: octets for at, octets in enumerate(series.seen) if octets} == {0: 1000, 3: 2400, 295: 100}
    assert {at: octets for at, octets in enumerate(series.lost) if octets} == {3: 600}
    assert {at: octets for at, octets in enumerate(series.again) if octets} == {3: 70}
    story = Story()
    story.record("PAGE_DATA", takes=300, stalls=(Stall(9 * MS, 300 * MS, "idle", "data"),))
    (stall,) = TimelineResult.of(timeline, story.facts()).stalls
    assert (stall.start_time, stall.end_time, stall.duration) == (0.009, 0.3, 0.291)
    untimed = TimelineResult.of(timeline, Story(is_capture=False).facts())
    assert (untimed.start_time, untimed.forward.octets, untimed.stalls) == (None, (), ())


def test_what_turns_out_to_be_copies_was_not_sent_again() -> None:
    timelines = Timelines()
    for time, again in ((1, 100), (2, 300), (3, 350), (4, 120)):
        timelines.sample(progress(time, time * MS, again))
    assert timelines.by_number[0].series(FORWARD).again[:3] == [100, 20, 0]


def test_those_that_carried_most_stay() -> None:
    timelines = Timelines()
    for number in range(2 * TIMELINES_MAX):
        for event in Story(number).events:
            timelines.add(event)
        timelines.sample(progress(1_000_000 - 1000 * abs(number - 20), MS, number=number))
    assert len(timelines.by_number) == TIMELINES_MAX
    assert {18, 19, 20, 21, 22} < set(timelines.by_number)


@pytest.fixture(params=SEVERAL)
def both(request: pytest.FixtureRequest) -> list[tuple[MigrationResult, TimelineResult]]:
    capture = dissector.open(captures_in(OWN)[request.param])
    return list(zip(capture.analyze().migrations, capture.timelines(), strict=True))


def test_sums_are_what_analyze_says(both: list[tuple[MigrationResult, TimelineResult]]) -> None:
    for migration, timeline in both:
        for side in (FORWARD, REVERSE):
            series = getattr(timeline, side)
            assert sum(series.octets) == getattr(migration.bytes, side)
            assert sum(series.retransmitted) == migration.retransmitted[side]
            assert sum(series.not_captured) == sum(gap.length for gap in migration.gaps if gap.direction == side)
            assert len(series.octets) == len(series.retransmitted) == len(series.not_captured)
        pages = timeline.pages
        assert pages is not None and pages.times_sent is not None
        uses = Counter({one.use: sum(one.pages) for one in pages.uses})
        assert uses["sent"] + uses["sent_again"] == migration.pages.data_pages
        assert uses["sent_again"] == migration.pages.sent_again
        assert sum(times * count for times, count in enumerate(pages.times_sent, 1)) == migration.pages.data_pages
        if migration.postcopy is not None:
            assert uses["announced"] == migration.postcopy.outstanding
            assert uses["faulted"] == migration.postcopy.faulted_pfns
            assert uses["answered"] == migration.postcopy.answered
            assert uses["pushed"] == migration.postcopy.pushed
            assert sum(pages.never_came) == migration.postcopy.never_sent


def test_samples_change_nothing() -> None:
    """They go beside the events."""
    for name in ("postcopy/c_netem/veth_rx.pcap", "xen/pv-live-mtu1500-drops/pv-live-mtu1500-drops.pcap"):
        capture = dissector.open(captures_in(OWN)[name])

        def events(**how: Any) -> list[Any]:
            found: list[Any] = []
            capture.read(found.append, **how)  # noqa: B023
            return found

        samples: list[Progress] = []
        assert events(sample=samples.append) == events()
        assert len(samples) > 100


def test_a_file_has_no_times() -> None:
    capture = dissector.open(captures_in(OWN)["xen/pv-save/pv-save.img"])
    (timeline,) = capture.timelines()
    assert timeline.start_time is None and timeline.forward.octets == ()
    assert timeline.pages is not None and timeline.pages.start_time is None
    assert timeline.pages.times_sent == (10240,)


def test_a_jump_of_the_clock_does_not_end_the_samples() -> None:
    """Nor does it take long: bins double, and do not follow one by one."""
    timelines, analysis = Timelines(), Analysis()
    story = Story()
    story.tell("xl header", "libxl header")
    for event in story.events:
        timelines.add(event)
        analysis.add(event)
    for time in (MS, 1 << 62, 2 * MS):
        timelines.sample(progress(time % 4096 + 1000, time))
    assert timelines.by_number[0].bins.used <= 1024
