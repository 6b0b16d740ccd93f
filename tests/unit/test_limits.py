"""What held up a source, from events written by hand; and how numbers are spread."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import conversation
import pytest
import talks
from happened import MS, Story
from hypothesis import given
from hypothesis import strategies as st
from processor import within

import dissector
from dissector.events import FORWARD, DirectionEnded, Held, Spent, Stall, StallEnd, Way
from dissector.facts import Migration, Phase
from dissector.facts.limits import CAUSE_OF, CAUSES, HeldUp, shares, together
from dissector.facts.stalls import STALLS_MAX, Stalls, Stood
from dissector.longest import longest
from dissector.results.limits import LimitsResult
from dissector.results.stalls import MigrationStallResult, stalls_of
from dissector.rules.checker import Checker
from dissector.tcp import pace
from dissector.tcp.sketch import Sketch
from dissector.views.analysis import _rows
from dissector.views.stalls import UNTIL, WHY, stalls_as_text

HEADERS = ("xl header", "libxl header", "image header", "domain header", "STATIC_DATA_END")


def ended(story: Story, way: Way | None = None, copies: int = 0) -> Migration:
    """The facts of a story whose connection showed something of the octets' way."""
    story.events.append(DirectionEnded(0, FORWARD, "fin", story.offset[FORWARD], copies=copies, way=way))
    return story.facts()


def limits(migration: Migration) -> LimitsResult:
    found = LimitsResult.of(migration)
    assert found is not None
    return found


def test_what_it_waited_for_came_meanwhile() -> None:
    story = Story().tell("reverse banner", *HEADERS)
    story.record("PAGE_DATA", range(4), takes=10)
    story.tell("END", "libxl.END")
    story.time += 20 * MS
    story.tell("reverse ready")
    story.time += 5 * MS
    story.record("forward go", held=Held(Spent(idle=26 * MS)))
    story.time += 7 * MS
    story.tell("reverse report")
    finish = story.facts().phases[-1]
    assert finish.name == "finish"
    # 21 ms until it was ready, 5 that the source itself took, 8 until the report.
    assert (finish.held_up.waiting, finish.held_up.idle) == (29 * MS, 5 * MS)


def test_time_before_a_record_belongs_to_the_phase_before() -> None:
    story = Story().tell(*HEADERS)
    story.time += 9 * MS
    story.record("PAGE_DATA", range(4), takes=30, held=Held(Spent(idle=10 * MS), Spent(loss=20 * MS, queue=4 * MS)))
    handshake, precopy = story.facts().phases
    assert (handshake.held_up.idle, handshake.held_up.loss) == (10 * MS, 0)
    assert (precopy.held_up.idle, precopy.held_up.loss, precopy.held_up.queue) == (0, 20 * MS, 4 * MS)


IDLE, LOST = Stall(0, 0, "idle", "data"), Stall(0, 0, "loss", "retransmission")


def stood(stall: Stall, start: int, end: int) -> Stall:
    """A stall from one ms to another one."""
    return stall._replace(start=start * MS, end=end * MS)


def stalled(*stalls: Stall) -> Story:
    """The source stood still before its memory and within that, which begins at 206 ms."""
    story = Story().tell(*HEADERS)
    story.time = 205 * MS
    story.record("PAGE_DATA", range(4), takes=800, stalls=stalls, number=6)
    return story


def test_a_stall_is_of_the_phase_in_which_it_began() -> None:
    migration = stalled(stood(IDLE, 5, 206), stood(LOST, 300, 400), stood(LOST, 500, 900)).facts()
    found = [MigrationStallResult.of(one) for one in stalls_of(migration)]
    assert [(one.phase, one.within, one.duration, one.cause, one.ended_by) for one in found] == [
        ("handshake", False, 0.201, "source_idle", "data"),
        ("precopy", True, 0.1, "congestion", "retransmission"),
        ("precopy", True, 0.4, "congestion", "retransmission"),
    ]
    assert [(one.record, one.number) for one in found] == [("PAGE_DATA", 6)] * 3
    assert [phase.stall for phase in migration.phases] == [201 * MS, 400 * MS]


def test_stalls_that_are_alike_are_told_together() -> None:
    migration = stalled(stood(IDLE, 5, 206), stood(LOST, 300, 400), stood(LOST, 500, 900)).facts()
    assert stalls_as_text(migration) == [
        "handshake  201.000 ms after 4.000 ms, before PAGE_DATA #6: the source had nothing to send, until it went on "
        "by itself",
        "precopy    2 of 500.000 ms: octets were lost, until octets were sent again; the first 100.000 ms after "
        "299.000 ms, within PAGE_DATA #6; the longest 400.000 ms after 499.000 ms, within PAGE_DATA #6",
    ]


def test_what_is_waited_for_is_a_message() -> None:
    (one,) = stalls_of(stalled(stood(IDLE, 300, 400)._replace(ended_by="message")).facts())
    assert MigrationStallResult.of(one).cause == "waiting"


@pytest.mark.parametrize(("reports", "told"), [(True, []), (False, ["closed"])])
def test_the_last_stall_is_one_unless_the_migration_is_done(reports: bool, told: list[str]) -> None:
    story = stalled()
    if reports:
        story.tell("END", "libxl.END", "reverse ready", "forward go").record("reverse report", body=bytes(1))
    last = Stall(2000 * MS, 2100 * MS, "unclear", "closed")
    story.events.append(DirectionEnded(0, FORWARD, "fin", story.offset[FORWARD], stall=last))
    assert [one.stall.ended_by for one in stalls_of(story.facts())] == told


def test_of_copies_nobody_knows_what_was_sent_again() -> None:
    story = stalled(stood(LOST, 300, 400), stood(IDLE, 500, 600))
    (lost, idle) = stalls_of(ended(story, copies=1))
    assert (lost.stall.cause, lost.stall.ended_by) == ("unclear", None)
    assert idle.stall.cause == "idle"


def test_the_longest_stalls_stay() -> None:
    lengths = [60 + number * 7919 % 2000 for number in range(STALLS_MAX + 3)]
    stalls = Stalls()
    for number, length in enumerate(lengths):
        stalls.add(Stood(stood(IDLE, 1000 * number, 1000 * number + length), Phase("precopy", 0, 0), None, 0, False))
    assert [one.duration // MS for one in stalls.all] == [one for one in lengths if one not in sorted(lengths)[:3]]
    assert stalls.left_out == 3


def test_how_far_segments_were_late_is_told() -> None:
    way = Way(late=31, late_by=((2, 2_900, MS), (18, 26_100, 2 * MS)))
    migration = ended(stalled(), way)
    rows = dict(_rows(migration, Checker(migration)))
    assert rows["reordering"] == (
        "31 segments came late: half of them behind up to 2 segments (2.9 kB, 1.000 ms), all behind up to "
        "18 segments (26.1 kB, 2.000 ms)"
    )
    evidence = limits(migration).evidence
    assert evidence is not None and evidence.reordering is not None
    assert (evidence.reordered, evidence.reordering.segments.max, evidence.reordering.time.max) == (31, 18, 0.002)


def test_the_sentence_names_what_took_longest_and_its_proof() -> None:
    story = Story().tell(*HEADERS)
    story.record("PAGE_DATA", range(4), takes=100, held=Held(within=Spent(loss=60 * MS, closed=30 * MS)))
    way = Way((MS, 2 * MS, 3 * MS), (30_000, 140_000), fast=600, timeout=48, window_least=0, window_closed=7)
    found = limits(ended(story, way))
    assert found.sentence.startswith("limited by loss (57 %) and the destination, which read too slowly (29 %)")
    assert "648 retransmissions kept 30.0 kB in flight at 2.000 ms" in found.sentence
    assert "its window was closed 7 times" in found.sentence
    assert found.evidence is not None and found.evidence.window.zero_count == 7


def test_copies_are_no_retransmissions() -> None:
    story = Story().tell(*HEADERS)
    story.record("PAGE_DATA", range(4), takes=100, held=Held(within=Spent(loss=90 * MS)))
    found = limits(ended(story, Way(fast=600), copies=1))
    assert found.congestion == 0 and found.unclear > 0.9
    assert found.sentence.startswith("not clear")
    assert found.evidence is not None and found.evidence.retransmissions is None


def test_the_summary_shows_it_phase_by_phase() -> None:
    story = Story().tell(*HEADERS)
    story.record("PAGE_DATA", range(4), takes=100, held=Held(within=Spent(window=100 * MS)))
    migration = ended(story, Way(in_flight=(18_000, 18_824), rtt=(MS, MS, MS)))
    rows = [text for name, text in _rows(migration, Checker(migration)) if name in ("limits", "")]
    assert rows[0].startswith("limited by the receive window") and "18.8 kB in flight at most at 1.000 ms" in rows[0]
    assert any(row.startswith("precopy") and "receive\N{NO-BREAK SPACE}window" in row for row in rows)


@given(st.lists(st.builds(HeldUp, *[st.integers(0, 10**12)] * 7), max_size=4), st.integers(0, 10**13))
def test_shares_sum_to_one(parts: list[HeldUp], duration: int) -> None:
    found = shares(together(parts).causes(duration))
    assert set(found) == set(CAUSES)
    assert sum(found.values()) == pytest.approx(1) and min(found.values()) >= 0


@given(st.lists(st.integers(0, 10**11), min_size=1), st.integers(1, 100))
def test_a_sketch_is_nearly_exact(values: list[int], percent: int) -> None:
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    exact = sorted(values)[-(-len(values) * percent // 100) - 1]
    found = sketch.quantile(percent)
    assert found is not None and abs(found - exact) <= exact / 8
    assert (sketch.least, sketch.largest) == (min(values), max(values))


def test_a_sketch_weighs() -> None:
    sketch = Sketch()
    assert sketch.quantile(50) is None
    sketch.add(7, 10)
    sketch.add(1000, 9)  # 960 is the middle of its quarter of an octave
    assert sketch.quantile(50) == 7 and sketch.quantile(95) == 960


def test_what_a_program_made_up_tells_nothing_of_other_connections(tmp_path: Path) -> None:
    """All connections of which nothing was seen share one sketch, which stays empty."""
    path = tmp_path / "made.pcap"
    path.write_bytes(conversation.pcap(conversation.packets(conversation.Wire(talks.postcopy()))))
    (migration,) = dissector.open(str(path)).analyze().migrations
    assert migration.limits is not None and migration.limits.evidence is None
    assert pace.NOTHING.middle_and_most is None


def test_tcp_and_events_name_the_same() -> None:
    """Each side of the border has its own names, since neither may know the other."""
    assert Spent._fields == pace.CAUSES
    assert pace.Evidence._fields == Way._fields
    assert pace.Paused._fields == Stall._fields
    assert get_args(pace.Ending) == get_args(StallEnd)
    assert set(WHY) == set(CAUSE_OF) == set(pace.CAUSES)
    assert set(UNTIL) == {*get_args(StallEnd), None}


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 8))
def test_the_longest_are_those_that_taking_the_shortest_away_leaves(durations: list[int], most: int) -> None:
    spans = list(enumerate(durations))
    left: list[tuple[int, int]] = []
    for span in spans:
        left.append(span)
        if len(left) > most:
            left.remove(min(left, key=lambda one: one[1]))
    assert longest(spans, most, lambda one: one[1]) == left


def test_many_stalls_cost_their_number() -> None:
    """However many there were before: each had cost a look at all that are remembered."""
    stalls = Stalls()
    phase = stalled(stood(IDLE, 300, 400)).facts().phases[0]
    one = Stood(Stall(0, 60 * MS, "idle", None), phase, "PAGE_DATA", 1, True)
    with within(60):
        for at in range(50_000):
            stalls.add(one._replace(number=at))
    assert [one.number for one in stalls.all] == list(range(50_000 - STALLS_MAX, 50_000))
    assert stalls.left_out == 50_000 - STALLS_MAX
