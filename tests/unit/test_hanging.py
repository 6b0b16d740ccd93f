"""What `live` shows of a migration that hangs: captures that stop in the middle, looked at by a clock of the test's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import OWN, captures_in

from dissector.analysis import Analysis
from dissector.capture.opening import open_source
from dissector.cli.viewed import Viewed
from dissector.engine import Engine
from dissector.events import Event
from dissector.monitor import Monitor, Snapshot
from dissector.results.live import SnapshotResult
from dissector.units import NS
from dissector.views.live import Display, picture, sparkline, standing

FILES = {
    name: path
    for name, path in captures_in(OWN).items()
    if name.startswith(("postcopy/c_netem", "postcopy/c3")) and ".pcap" in name
}


class Watched:
    """A capture that is read packet by packet, and looked at."""

    def __init__(self, path: Path) -> None:
        self.events: list[Event] = []
        self.monitor = Monitor(lambda notice: None)
        self.engine = Engine(self._take)
        self._steps: Iterator[None] = self.engine.steps(open_source(str(path)))

    def _take(self, event: Event) -> None:
        self.events.append(event)
        self.monitor.add(event)

    def go_on(self, steps: int) -> None:
        for _ in zip(range(steps), self._steps, strict=False):
            pass

    def look(self, now: int) -> list[Snapshot]:
        self.engine.report_progress()
        for _ in range(3):  # as `live` does each second: an open gap holds back what came after it
            self.engine.settle()
        return self.monitor.snapshots(now, True)


@pytest.mark.parametrize("name", FILES)
def test_phase_is_that_which_analyze_names(name: str) -> None:
    """Wherever the capture stops, also in the middle of the first record of a phase."""
    compared = set()
    for steps in range(5, 400, 9):
        watched = Watched(FILES[name])
        watched.go_on(steps)
        snapshots = watched.look(0)
        if not snapshots or watched.engine.connections.waiting:
            continue  # what is behind a gap that may still be filled nobody has seen yet, but the end shows it
        analysis = Analysis()
        watched.engine.finish(0)
        for event in watched.events:
            analysis.add(event)
        analysis.finish()
        shown, found = snapshots[0].phases[-1][0], analysis.migrations[0].migration.phases[-1].name
        assert shown == found, steps
        compared.add(shown)
    assert len(compared) > 2


@pytest.mark.parametrize("name", FILES)
def test_what_stands_still_is_said_with_for_how_long(name: str) -> None:
    """Clock and silence go on by the clock, though no packet comes; with data again there is nothing to say."""
    watched = Watched(FILES[name])
    first: list[Snapshot] = []
    while not (first and "PAGE_DATA" in first[0].waiting_for):
        watched.go_on(1)
        first = watched.look(0)
    (then,) = watched.look(14 * NS)
    assert first[0].idle == 0 and then.idle == 14 * NS
    assert then.elapsed - first[0].elapsed == 14 * NS
    assert then.phases[-1][1] - first[0].phases[-1][1] == 14 * NS
    assert (then.octets, then.octets_rate) == (first[0].octets, 0)
    text = re.sub(r"\x1b\[[\d;]*m", "", picture([then], "lo", 80, 40))
    assert re.search(r"no data for 14 s\s+waiting for\s+the rest of (POSTCOPY_)?PAGE_DATA from the source", text)
    assert "no data" not in picture(first, "lo", 100, 40)
    watched.go_on(4)
    (after,) = watched.look(15 * NS)
    assert after.idle == 0 and after.octets > then.octets


def test_the_last_line_of_the_viewer_says_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """First, as a narrow terminal cuts off what stands behind."""
    watched = Watched(next(iter(FILES.values())))
    monkeypatch.setattr(Viewed, "_footer", lambda self: "lo: 7 packets")
    viewed = Viewed.__new__(Viewed)
    while not ((before := watched.look(0)) and "PAGE_DATA" in before[0].waiting_for):
        watched.go_on(1)
    viewed._print(before)
    assert re.fullmatch(r"precopy \S+ m?s; lo: 7 packets", viewed.words)
    (then,) = watched.look(14 * NS)
    viewed._print([then])
    assert re.fullmatch(r"no data for 14 s: the rest of PAGE_DATA from the source, precopy \S+ s; lo.*", viewed.words)
    moving = then._replace(migration=1, idle=0)
    assert [one.split(":")[0] for one in standing([moving, then])] == ["migration 0", "migration 1"]
    assert not list(standing([then._replace(outcome="completed")]))


def test_a_closed_window_is_said_until_it_opens() -> None:
    watched = Watched(next(iter(FILES.values())))
    watched.go_on(60)
    source = max(watched.engine.connections.halves.values(), key=lambda half: half.next)
    assert watched.look(0)[0].shut is None
    announced, source.peer.window = source.peer.window, 0
    assert watched.look(NS)[0].sign == "the destination has closed its window"
    (then,) = watched.look(15 * NS)
    assert (then.shut, SnapshotResult.of(then).window_closed) == (14 * NS, 14.0)
    text = re.sub(r"\x1b\[[\d;]*m", "", picture([then], "lo", 80, 40))
    assert re.search(r"no data for 15 s\s+waiting for .*\s+the destination has closed its window for 14 s", text)
    source.peer.window = announced
    (after,) = watched.look(16 * NS)
    assert (after.shut, after.sign) == (None, "")


def test_octets_move_within_a_record() -> None:
    """A record has up to 4 MB: its octets count as they come."""
    watched = Watched(next(iter(FILES.values())))
    seen = []
    for now in range(60):
        watched.go_on(1)
        seen += [one.octets for one in watched.look(now * NS)]
    assert len(set(seen)) > 10 and seen == sorted(seen)


@pytest.mark.parametrize("height", [8, 12, 24, 60])
@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_a_picture_fits_and_hides_nothing_without_a_word(height: int, count: int) -> None:
    """Else each refresh would scroll a copy of it out of the terminal's top."""
    watched = Watched(next(iter(FILES.values())))
    watched.go_on(100)
    (one,) = watched.look(5 * NS)
    snapshots = [one._replace(migration=number) for number in range(count)]
    text = picture(snapshots, "lo: 100 packets", 80, height)
    shown = [int(number) for number in re.findall(r"Migration (\d+)", text)]
    assert text.count("\n") < height
    assert shown == list(range(count))[-len(shown) :] and shown
    hidden = re.search(r"(\d+) older migrations? more", text)
    assert (int(hidden[1]) if hidden else 0) == count - len(shown)


def test_a_picture_is_written_over_itself() -> None:
    """As many lines up as it had."""
    watched = Watched(next(iter(FILES.values())))
    watched.go_on(100)
    display = Display("terminal")
    before = display.text(watched.look(0), "lo", 80, 24)
    after = display.text(watched.look(9 * NS), "lo", 80, 24)
    assert after.startswith(f"\x1b[{before.count(chr(10))}A")


def test_sparkline() -> None:
    """Nothing is a space, something never is, the most is the highest."""
    assert sparkline([0, 1, 50, 100]) == " .=#"
    assert sparkline([0, 0]) == "  "
