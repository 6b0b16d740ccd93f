"""`xenshark live --view`: the viewer on a capture that grows, key by key, and once in a real terminal."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import OWN, REPOSITORY, captures_in
from onlooker import Onlooker

from dissector.analysis import Analysis
from dissector.capture.joined import FileSet
from dissector.capture.opening import open_source
from dissector.capture.reader import CaptureReader
from dissector.cli import live as command
from dissector.engine import Engine
from dissector.events import Event, Record
from dissector.viewer.index import RECORD_OCTETS, Index
from dissector.viewer.live import LiveViewer

if TYPE_CHECKING:
    from shell import Shell

pytest_plugins = ("shell",)

CAPTURES = captures_in(OWN)
POSTCOPY = str(CAPTURES["postcopy/c_netem/veth_rx.pcap"])
WRONG = str(CAPTURES["violations/unk_pfn/unk_pfn.pcap"])


class Growing:
    """A capture of which more comes when the test says so."""

    name = "eth7"
    words = "capturing"

    def __init__(self, path: str) -> None:
        reader = open_source(FileSet((path,)))
        assert isinstance(reader, CaptureReader)
        self.analysis, self.count, self.is_done = Analysis(), 0, False
        self.trouble: str | None = None
        self.take: Callable[[Event], object] = lambda event: None
        self._reader = reader
        self._steps: Iterator[None] = Engine(self._add).steps(reader)

    @property
    def first_time(self) -> int | None:
        return self._reader.first_time_ns

    def start(self) -> None: ...

    def cancel(self) -> None: ...

    def grow(self, count: int) -> None:
        """Until so many records are there, at least."""
        while self.count < count:
            next(self._steps)

    def end(self) -> None:
        for _ in self._steps:
            pass
        self.analysis.finish()
        self.is_done = True

    def _add(self, event: Event) -> None:
        self.count += isinstance(event, Record)
        self.analysis.add(event)
        self.take(event)


class Screen(Onlooker):
    async def settle(self) -> None:
        """Until all that has come was looked at."""
        for _ in range(100):
            await self._pilot.pause()
            self.app._look()
            works = (self.app._choosing, self.app._searching)
            if all(work is None or work.is_done for work in works):
                break
        await self._pilot.pause()


Walk = Callable[[Screen, Growing], Awaitable[None]]


def watch(walk: Walk, path: str, index: Index | None = None) -> None:
    """Runs the program, and somebody who presses keys while the capture grows."""
    source = Growing(path)
    app = LiveViewer(source, index)

    async def run() -> None:
        async with app.run_test(size=(140, 40)) as pilot:
            screen = Screen(app, pilot)
            await screen.settle()
            await walk(screen, source)

    asyncio.run(run())


def test_records_appear_as_they_come_and_are_followed(shell: Shell) -> None:
    printed = shell.lines("read", POSTCOPY)

    async def walk(screen: Screen, source: Growing) -> None:
        assert "no record of 0 | capturing | ? help | follows" in screen.text
        for count in (5, 20, 30):
            source.grow(count)
            await screen.settle()
            assert screen.numbers() == list(range(1, source.count + 1))
            assert screen.app.number == source.count and f"record {source.count} of {source.count}" in screen.text
        before = source.count
        await screen.press("k")
        source.grow(40)
        await screen.settle()
        assert screen.app.number == before - 1 and "F follows" in screen.text
        await screen.press("F")
        assert screen.app.number == source.count
        before = source.count
        await screen.press("F")
        source.grow(50)
        await screen.settle()
        assert screen.app.number == before and "stays here" in screen.text
        await screen.press("G")
        source.grow(60)
        await screen.settle()
        assert screen.app.number == source.count
        source.end()
        await screen.settle()
        assert "capturing" not in screen.text
        lines = [screen.app._draw(at)[0][1:] for at in range(screen.app.records.count)]
        assert [one.split(" [")[0] for one in printed] == [one.split(" [")[0] for one in lines]

    watch(walk, POSTCOPY)


def test_a_filter_goes_on_with_what_comes(shell: Shell) -> None:
    """And what an answer changes of a fault is changed; at the end the list is that of a file."""
    expression = "fault.latency > 0.09 or name == END"
    wanted = [one["number"] for one in shell.objects("-Y", expression, POSTCOPY)]
    missing = "name == POSTCOPY_FAULT and not fault.latency >= 0"
    never = [one["number"] for one in shell.objects("-Y", missing, POSTCOPY)]

    async def walk(screen: Screen, source: Growing) -> None:
        source.grow(15)
        await screen.answer("f", expression)
        seen = {len(screen.numbers())}
        for count in range(20, 65, 5):
            source.grow(count)
            await screen.settle()
            assert set(screen.numbers()) <= set(wanted)
            seen.add(len(screen.numbers()))
        assert len(seen) > 2
        source.end()
        await screen.settle()
        assert screen.numbers() == wanted
        await screen.answer("f", missing)
        assert screen.numbers() == never

    watch(walk, POSTCOPY)


def test_findings_and_words_are_found_while_it_goes_on() -> None:
    async def walk(screen: Screen, source: Growing) -> None:
        source.grow(10)
        await screen.press("n")
        assert "no findings so far" in screen.text
        source.grow(28)
        await screen.settle()
        await screen.press("n")
        assert screen.app.number == 28 and "postcopy-page-not-announced" in screen.text.replace("\n", "")
        await screen.answer("slash", "xl header")
        await screen.settle()
        await screen.press("home")
        assert screen.app.number == 1
        await screen.press("x")
        assert "xenshark extract" in screen.text
        await screen.press("question_mark")
        assert "followed as it comes" in screen.text
        source.trouble = "dumpcap ended by itself"
        source.end()
        await screen.press("escape")
        await screen.settle()

    watch(walk, WRONG)


def test_what_there_was_no_room_for_is_a_line() -> None:
    async def walk(screen: Screen, source: Growing) -> None:
        source.grow(60)
        await screen.settle()
        await screen.press("home")
        assert screen.app.index.kept(1) is None and "is no longer kept" in screen.text
        await screen.press("G")
        assert "is no longer kept" not in screen.text

    watch(walk, POSTCOPY, Index(kept_max=8 * RECORD_OCTETS))


@pytest.mark.parametrize("words", [("--json",), ("--metrics", ":0"), ("--log", "x")], ids=str)
def test_what_makes_no_sense_with_it(shell: Shell, words: tuple[str, ...]) -> None:
    assert words[0] in shell.complaint("live", "-i", "lo", "--view", *words)


def test_what_it_needs_is_said(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--view needs a terminal" in shell.complaint("live", "-i", "lo", "--view")
    monkeypatch.setattr(command, "is_on_a_terminal", lambda: True)
    monkeypatch.setitem(sys.modules, "dissector.viewer.live", None)
    assert "pip install 'xenshark[view]'" in shell.complaint("live", "-i", "lo", "--view")


@pytest.mark.skipif(not (shutil.which("tmux") or os.environ.get("CI")), reason="no tmux")
@pytest.mark.parametrize("ending", ["q", "C-c", "TERM"])
def test_in_a_real_terminal(ending: str, tmp_path: Path) -> None:
    """Records are there before the capture has ended; then it prints what live prints at its end, and FILE is whole."""
    tmux = ["tmux", "-L", f"xenshark-live-{os.getpid()}-{ending}", "-f", "/dev/null"]
    whole = subprocess.run(["zstd", "-dcq", f"{WRONG}"], capture_output=True, check=True).stdout
    (tmp_path / "capture").write_bytes(whole)
    program, kept = tmp_path / "bin" / "dumpcap", tmp_path / "kept.pcap"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntrap 'exit 0' INT\ncat {tmp_path}/capture\nwhile :; do sleep 0.05; done\n")
    program.chmod(0o755)
    words = [sys.executable, "-m", "dissector", "live", "-i", "lo", "--view", "-w", str(kept), "--user", "root"]
    line = f"{shlex.join(words)} & PID=$!; fg" if ending == "TERM" else shlex.join(words)

    def screen() -> str:
        return subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=True).stdout

    def wait_for(words: str) -> str:
        for _ in range(600):
            if words in (seen := screen()):
                return seen
            time.sleep(0.1)
        raise AssertionError(f"{words!r} is not on the screen:\n{screen()}")

    subprocess.run(
        [*tmux, "new-session", "-d", "-x", "120", "-y", "100", "-c", str(REPOSITORY), "sh"],
        env={**os.environ, "TERM": "xterm-256color", "PS1": "$ ", "PATH": f"{program.parent}:{os.environ['PATH']}"},
        check=True,
    )
    try:
        subprocess.run([*tmux, "send-keys", line, "Enter"], check=True)
        wait_for("lo | record 29 of 29 | lo: ")
        if ending == "TERM":
            children = Path(f"/proc/{pane_of(tmux)}/task/{pane_of(tmux)}/children").read_text().split()
            subprocess.run(["kill", "-TERM", *children], check=True)
        else:
            subprocess.run([*tmux, "send-keys", ending], check=True)
        after = wait_for("see xenshark check")
        assert "outcome        failed" in after and "POSTCOPY_PAGE_DATA pfn" not in after
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)
    assert kept.read_bytes() == whole


def pane_of(tmux: list[str]) -> str:
    """The process of the shell in it."""
    done = subprocess.run([*tmux, "display", "-p", "#{pane_pid}"], capture_output=True, text=True, check=True)
    return done.stdout.strip()
