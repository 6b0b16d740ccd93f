"""What held up a source, from events written by hand; and how numbers are spread."""

from __future__ import annotations

import pytest
from happened import MS, Story
from hypothesis import given
from hypothesis import strategies as st

from dissector.events import FORWARD, DirectionEnded, Held, Spent, Way
from dissector.facts import Migration
from dissector.facts.limits import CAUSES, HeldUp, shares, together
from dissector.results.limits import LimitsResult
from dissector.rules.checker import Checker
from dissector.tcp import pace
from dissector.tcp.sketch import Sketch
from dissector.views.analysis import _rows

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


def test_tcp_and_events_name_the_same() -> None:
    """Each side of the border has its own names, since neither may know the other."""
    assert Spent._fields == pace.CAUSES
    assert pace.Evidence._fields == Way._fields
