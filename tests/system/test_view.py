"""`xenshark view`: what is on its screen, key by key, and once in a real terminal."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from conftest import OWN, REPOSITORY, captures_in
from onlooker import Onlooker
from streams import libxc_stream, libxl_stream, xl_stream

from dissector.capture.joined import FileSet
from dissector.cli import view
from dissector.viewer.app import KEYS, Viewer
from dissector.viewer.index import AROUND, RECORD_OCTETS, Index
from dissector.viewer.panes import Fields, Lines, Octets

if TYPE_CHECKING:
    from shell import Shell

pytest_plugins = ("shell",)

CAPTURES = captures_in(OWN)
POSTCOPY = str(CAPTURES["postcopy/c_netem/veth_rx.pcap"])
WRONG = str(CAPTURES["violations/unk_pfn/unk_pfn.pcap"])
TWO = str(CAPTURES["postcopy/d_concurrent/veth_rx.pcap"])

Walk = Callable[["Screen"], Awaitable[None]]


class Screen(Onlooker):
    async def settle(self) -> None:
        """Until nothing is under way, and all of it was looked at."""
        await self._pilot.pause()
        for _ in range(1200):
            jobs = (self.app.job, self.app._again, self.app._choosing, self.app._searching)
            if all(job is None or job.is_done for job in jobs) and not self.app.workers._workers:
                break
            await self._pilot.pause(0.05)
        self.app._look()
        await self._pilot.pause(0.05)

    def lines(self) -> list[str]:
        """Every line of the list, without its mark, as `read` prints it."""
        return [self.app._draw(at)[0][1:] for at in range(self.app.records.count)]


def watch(walk: Walk, path: str, size: tuple[int, int] = (120, 40), **options: Any) -> Viewer:
    """Runs the program, and somebody who presses keys."""
    app = Viewer(FileSet((path,)), **options)

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            screen = Screen(app, pilot)
            await screen.settle()
            await walk(screen)

    asyncio.run(run())
    return app


@pytest.mark.parametrize(
    "name",
    [
        "postcopy/c_netem/veth_rx.pcap",
        "postcopy/d_concurrent/veth_rx.pcap",
        "postcopy/f_remus/veth_rx.pcap",
        "xen/pv-save/pv-save.img",
        "violations/unk_pfn/unk_pfn.pcap",
    ],
)
def test_it_lists_what_read_prints(shell: Shell, name: str) -> None:
    """And says the same of fields and octets; the first screen is the beginning."""
    path = str(CAPTURES[name])
    printed = shell.lines("read", path)

    async def walk(screen: Screen) -> None:
        lines = screen.lines()
        # From the second migration on read has a column for its number, and here it is there from the first.
        assert [re.sub(r" \d (->|<-)", r" \1", one) for one in lines] == [
            re.sub(r" \d (->|<-)", r" \1", re.sub(r" \[.*\]$", "", one)) for one in printed
        ]
        assert lines[0][:90] in screen.text and f"record 1 of {len(printed)}" in screen.text
        await screen.press("G")
        assert lines[-1][:60] in screen.text and f"record {len(printed)} of" in screen.text

    watch(walk, path)


SCREENS = Path(__file__).parent / "screens"
"""What the screen has to look like, see `Onlooker.picture`. XENSHARK_SCREENS=1 writes them anew, to be looked at."""

SHOWN: dict[str, tuple[str, tuple[int, int], tuple[str, ...]]] = {
    "first": (WRONG, (120, 40), ()),
    "finding": (WRONG, (120, 40), ("n",)),
    "field": (WRONG, (120, 40), ("n", "tab", "end", "enter", "down", "down", "down")),
    "rule": (WRONG, (120, 40), ("n", "e")),
    "keys": (WRONG, (120, 40), ("question_mark",)),
    "filter": (WRONG, (120, 40), ("f", *"pfn in {0x81..0x90}", "enter")),
    "mistake": (WRONG, (120, 40), ("f", *"pfn = ", "enter")),
    "delta": (TWO, (120, 40), ("right_square_bracket", "right_square_bracket", "t", "t", "G")),
}
"""By name: a capture, how large the screen is, and the keys that lead there."""


@pytest.mark.parametrize("name", SHOWN)
def test_the_screen_looks_as_it_did(name: str) -> None:
    path, size, keys = SHOWN[name]
    known = SCREENS / f"{name}.txt"

    async def walk(screen: Screen) -> None:
        screen.app.line.cursor_blink = False
        await screen.press(*keys)
        picture, before = screen.picture, ""
        while picture != before:  # the last of it may come after the keys: a panel that makes room, a list that moves
            await screen._pilot.pause(0.5)
            picture, before = screen.picture, picture
        if "XENSHARK_SCREENS" in os.environ:
            known.write_text(picture)
        assert picture == known.read_text()

    watch(walk, path, size=size)


def test_fields_and_their_octets() -> None:
    async def walk(screen: Screen) -> None:
        await screen.answer("g", "23")
        assert "POSTCOPY_PAGE_DATA" in screen.app._draw(screen.app.records.cursor)[0]
        octets = screen.app.query_one(Octets)
        await screen.press("tab", "down", "down", "down")
        assert octets.marked == ("count", 8, 4)
        await screen.press("down", "down", "enter", "down")
        assert octets.marked is not None and octets.marked[:2] == ("entries", 16)
        assert "pages, in runs" in screen.text

    watch(walk, POSTCOPY)


def test_keys_of_vim(shell: Shell) -> None:
    """In the list, where a long line is moved aside, and in the tree."""

    async def walk(screen: Screen) -> None:
        await screen.answer("g", "23")
        before = screen.text
        await screen.press(*"lll")
        assert screen.app.records.scroll_offset.x == 24 and screen.text != before
        await screen.press(*"hhhh")
        assert screen.text == before
        tree = screen.app.query_one(Fields)
        await screen.press("tab", *"jjj")
        assert tree.cursor_node is not None and "count" in str(tree.cursor_node.label)
        await screen.press("k", "G")
        assert tree.cursor_line == tree.last_line
        pages = tree.cursor_node
        assert "pages, in runs" in str(pages.label) and not pages.is_expanded
        await screen.press("l", "l")
        assert pages.is_expanded and tree.cursor_node in pages.children
        await screen.press("h")
        assert tree.cursor_node is pages
        await screen.press("h")
        assert not pages.is_expanded

    watch(walk, POSTCOPY, size=(80, 40))


def test_a_message_goes_with_the_cursor() -> None:
    async def walk(screen: Screen) -> None:
        await screen.answer("g", "0x17")
        assert "is no place" in screen.text
        await screen.press("j")
        assert "is no place" not in screen.text

    watch(walk, POSTCOPY)


def test_keys_lead_from_finding_to_rule(shell: Shell) -> None:
    findings = [json.loads(line) for line in shell.run("check", "--all", "--json", WRONG)[1].splitlines()]
    numbers = sorted({one["number"] for one in findings if one["number"] is not None})

    async def walk(screen: Screen) -> None:
        for number in (*numbers, numbers[0]):
            await screen.press("n")
            assert screen.app.number == number
        messages = [one["message"] for one in findings if one["number"] == numbers[0]]
        assert messages[0][:50] in screen.text
        marked = screen.app.query_one(Octets).marked
        assert marked is not None and marked.length == 8  # the entry with the page
        await screen.press("e")
        rule = next(one["rule"] for one in findings if one["number"] == numbers[0])
        assert f"{rule} (" in screen.text and "Source" in screen.text
        await screen.press("escape", "home", "e")
        assert "breaks no rule" in screen.text

    watch(walk, WRONG)


def test_from_a_fault_to_its_page_and_back(shell: Shell) -> None:
    first = next(one for one in shell.objects(POSTCOPY) if one["name"] == "POSTCOPY_FAULT")
    offset = first["fields"]["answers"][0]["offset"]

    async def walk(screen: Screen) -> None:
        await screen.answer("g", str(first["number"]))
        await screen.press("a")
        page = screen.app.index.place(screen.app.number)
        assert (page.name, page.direction, page.offset) == ("POSTCOPY_PAGE_DATA", "forward", offset)
        await screen.press("a")
        assert screen.app.number == first["number"]
        await screen.press("home", "a")
        assert "no fault" in screen.text

    watch(walk, POSTCOPY)


def test_filters_are_those_of_read(shell: Shell) -> None:
    expression = "fault.latency > 0.09 or name == END"
    wanted = [one["number"] for one in shell.objects("-Y", expression, POSTCOPY)]

    async def walk(screen: Screen) -> None:
        assert screen.numbers() == wanted and f"filter: {expression}" in screen.text
        await screen.answer("f", 'rule == "postcopy-fault-after-page"')
        assert screen.numbers() and set(screen.numbers()) <= set(screen.app._findings)
        await screen.answer("f", "nam == 1")
        assert "did you mean name?" in screen.text and "^~~" in screen.text
        await screen.press("escape")
        await screen.answer("f", "")
        assert len(screen.numbers()) == screen.app.index.count
        await screen.answer("f", "name == END")
        await screen.answer("g", "5")
        assert screen.app.number == 5 and "all records are shown again" in screen.text

    watch(walk, POSTCOPY, display_filter=expression)


def test_places_times_and_words(shell: Shell) -> None:
    everything = shell.objects(POSTCOPY)
    relative = shell.lines("read", POSTCOPY)
    printed = [shell.lines("read", "--time", form, POSTCOPY) for form in ("absolute", "epoch", "delta")]

    async def walk(screen: Screen) -> None:
        await screen.answer("g", "frame:12224")
        found = [one["number"] for one in everything if one["first_frame"] <= 12224 <= one["last_frame"]]
        assert screen.app.number in found
        await screen.answer("g", "offset:12100300")
        assert screen.app.index.place(screen.app.number).name == "HVM_PARAMS"
        await screen.answer("g", "nowhere")
        assert "nowhere is no place" in screen.text
        await screen.answer("g", "4711")
        assert "no record is at 4711" in screen.text
        for lines in printed:
            await screen.press("t")
            assert screen.lines() == lines
        await screen.press("home")
        await screen.answer("slash", "pfn 0x582;")
        assert screen.app.number == 25
        ends = [at for at, one in enumerate(relative, 1) if "end" in one.lower()]
        await screen.answer("slash", "END")
        first = next(at for at in ends if at > 25)
        assert screen.app.number == first
        for wanted in (*(at for at in ends if at > first), ends[0]):
            await screen.answer("slash", "")
            assert screen.app.number == wanted
        await screen.answer("slash", "no such words")
        assert "no line has no such words" in screen.text
        await screen.press("question_mark")
        assert all(what in screen.text for _, what in KEYS)
        await screen.press("escape", "j", "j", "k")
        assert screen.app.number == ends[0] + 1
        await screen.press("ctrl+d")
        assert screen.app.number > 15

    watch(walk, POSTCOPY)


def test_migrations_are_tabs(shell: Shell) -> None:
    everything = shell.objects(TWO)

    async def walk(screen: Screen) -> None:
        for migration in (0, 1):
            await screen.press("right_square_bracket")
            assert screen.numbers() == [one["number"] for one in everything if one["migration"] == migration]
        await screen.answer("f", "name == END")
        wanted = [one["number"] for one in everything if one["migration"] == 1 and one["name"] == "END"]
        assert screen.numbers() == wanted
        await screen.press("left_square_bracket", "left_square_bracket")
        assert len(screen.numbers()) == 2 * len(wanted)

    watch(walk, TWO)


def test_one_migration_as_a_file(shell: Shell, tmp_path: Path) -> None:
    out, same = tmp_path / "out.pcapng", tmp_path / "same.pcapng"
    shell.lines("extract", WRONG, "-w", str(same))

    async def walk(screen: Screen) -> None:
        await screen.answer("x", str(out))
        assert f"{out}: " in screen.text.replace("\n", "")
        await screen.answer("x", WRONG)
        assert Path(WRONG).read_bytes() == octets

    octets = Path(WRONG).read_bytes()
    watch(walk, WRONG, size=(160, 40))
    assert out.read_bytes() == same.read_bytes()


def test_a_mouse(shell: Shell) -> None:
    async def walk(screen: Screen) -> None:
        await screen._pilot.click(Lines, offset=(10, 4))
        await screen.settle()
        assert screen.app.number == 5

    watch(walk, POSTCOPY)


def test_what_there_was_no_room_for_is_read_again(shell: Shell) -> None:
    printed = shell.lines("read", POSTCOPY)
    index = Index(kept_max=3 * RECORD_OCTETS)

    async def walk(screen: Screen) -> None:
        kept = [number for number in range(1, index.count + 1) if index.kept(number)]
        assert 0 < len(kept) < 4
        await screen.press("home")
        await screen.answer("g", "23")
        assert index.kept(23) is not None or index.count < AROUND  # what is around it came with it
        index._room = 1 << 24
        await screen.press("home", "down", "up")
        assert screen.lines() == [re.sub(r" \[.*\]$", "", one) for one in printed]

    watch(walk, POSTCOPY, index=index)


def test_text_of_a_guest_is_no_markup(shell: Shell) -> None:
    config = '{"c_info": {"name": "[bold red]x[/]\\u001b]0;evil\\u0007"}}\0'
    path = shell.file(xl_stream(libxl_stream(libxc_stream([])), config), "[red]file")

    async def walk(screen: Screen) -> None:
        await screen.press("down")
        assert "guest '[bold red]x[/]\\x1b]0;evil\\x07'" in screen.text.replace("\n", "")
        assert "[red]file |" in screen.text
        assert "\x1b" not in screen.text and "\x07" not in screen.text

    watch(walk, path, size=(160, 40))


@pytest.mark.parametrize("size", [(80, 24), (40, 12), (200, 60)], ids=str)
def test_any_terminal(size: tuple[int, int]) -> None:
    async def walk(screen: Screen) -> None:
        await screen.press("n", "e", "escape", "question_mark", "escape", "G", "tab", "down", "end")
        assert len(screen.text.splitlines()) == size[1]
        assert "record" in screen.text

    watch(walk, WRONG, size=size)


def test_a_damaged_file_is_shown_as_far_as_it_goes(shell: Shell, tmp_path: Path) -> None:
    whole = subprocess.run(["zstd", "-dcq", WRONG], capture_output=True, check=True).stdout
    path = shell.file(whole[: len(whole) // 2])

    async def walk(screen: Screen) -> None:
        assert screen.app.index.count > 3
        assert screen.app.job.trouble is not None
        assert screen.app.job.trouble[-30:] in screen.text.replace("\n", "")

    watch(walk, path, size=(200, 40))


def test_what_holds_no_migration_is_said(shell: Shell) -> None:
    async def walk(screen: Screen) -> None:
        assert "no migration found in" in screen.text
        await screen.press("n", "e", "a", "g", "escape", "down")
        assert screen.app.index.count == 0

    app = watch(walk, str(OWN / "hostile" / "stray_gap.pcap"))
    assert app.job.trouble is not None and "no migration found" in app.job.trouble


@pytest.mark.parametrize("name", ["hostile/stray_gap.pcap", "violations/none/none.pcap.zst"])
def test_it_ends_as_analyze_does(name: str, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing was found that is said on the terminal that is left, too."""

    def run(app: Viewer) -> None:
        assert isinstance(app.job, Thread)
        app.job.start()
        app.job.join()

    monkeypatch.setattr(view, "is_on_a_terminal", lambda: True)
    monkeypatch.setattr(Viewer, "run", run)
    assert shell.run("view", str(OWN / name))[::2] == shell.run("analyze", str(OWN / name))[::2]


def test_what_it_needs_is_said(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "standard input cannot be taken by view" in shell.complaint("view", "-")
    assert "view needs a terminal" in shell.complaint("view", WRONG)
    monkeypatch.setattr(view, "is_on_a_terminal", lambda: True)
    assert "no field nam" in shell.run("view", "-Y", "nam == 1", WRONG)[2]
    assert "cannot open /nowhere" in shell.complaint("view", "/nowhere")
    monkeypatch.setitem(sys.modules, "dissector.viewer.app", None)
    assert "pip install 'xenshark[view]'" in shell.complaint("view", WRONG)


@pytest.mark.parametrize("script", ["newcomer", "viewing", "screenshots", "screenshots_report", "screenshots_view"])
def test_scripts_that_nobody_tests_start(script: str) -> None:
    words = [sys.executable, "-m", f"tests.{script}", "--help"]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith(f"usage: python -m tests.{script}")


def test_how_soon_there_is_something_to_see() -> None:
    words = [sys.executable, "-m", "tests.viewing", WRONG]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert re.search(r"the first screen after [\d.]+ s, .* all 29 records after [\d.]+ s; \d+ MB\n", done.stdout), done


@pytest.mark.skipif(not (shutil.which("tmux") or os.environ.get("CI")), reason="no tmux")
def test_in_a_real_terminal(tmp_path: Path) -> None:
    """As a person starts it: it draws, goes to a finding, explains it, ends, and leaves the terminal as it was."""
    tmux = ["tmux", "-L", f"xenshark-{os.getpid()}", "-f", "/dev/null"]
    command = shlex.join([sys.executable, "-m", "dissector", "view", WRONG])

    def screen() -> str:
        return subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=True).stdout

    def wait_for(words: str) -> None:
        for _ in range(600):
            if words in screen():
                return
            time.sleep(0.1)
        raise AssertionError(f"{words!r} is not on the screen:\n{screen()}")

    subprocess.run(
        [*tmux, "new-session", "-d", "-x", "120", "-y", "40", "-c", str(REPOSITORY), "sh"],
        env={**os.environ, "TERM": "xterm-256color", "PS1": "$ "},
        check=True,
    )
    try:
        subprocess.run([*tmux, "send-keys", command, "Enter"], check=True)
        wait_for("record 1 of 29")
        for keys, words in (("n", "record 28 of 29"), ("e", "postcopy-page-not-announced (error; pages)")):
            subprocess.run([*tmux, "send-keys", keys], check=True)
            wait_for(words)
        subprocess.run([*tmux, "send-keys", "Escape"], check=True)
        time.sleep(1)
        subprocess.run([*tmux, "send-keys", "q"], check=True)
        time.sleep(1)
        subprocess.run([*tmux, "send-keys", "echo status $?", "Enter"], check=True)
        wait_for("status 0")
        subprocess.run([*tmux, "send-keys", command, "Enter"], check=True)
        wait_for("record 1 of 29")
        subprocess.run([*tmux, "send-keys", "C-c"], check=True)
        time.sleep(1)
        subprocess.run([*tmux, "send-keys", "echo status $?", "Enter"], check=True)
        wait_for("status 130")
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)
