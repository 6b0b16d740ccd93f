"""Replaying: what was captured is said again, octet for octet and in its order, or refused before a word is said."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import pytest
import talks
from conftest import OWN, REPOSITORY, captures_in
from conversation import Packets, Wire, packets, pcap
from hypothesis import given, settings
from hypothesis import strategies as st
from shell import Shell
from talks import Talk, octets_of
from test_tap import Tapped, taping

import dissector
from dissector.capture.joined import FileSet
from dissector.cli import input
from dissector.errors import UserError
from dissector.events import FORWARD, REVERSE
from dissector.recording.conversations import Said, find, told
from dissector.recording.packets import HERE, THERE
from dissector.recording.player import LONGEST, Mouth, play

pytest_plugins = ("shell",)

TALKS = [talks.precopy, talks.postcopy, talks.remus, talks.colo, talks.xenops]
SIDES = {HERE: FORWARD, THERE: REVERSE}


def captured(folder: Path, wire: Wire) -> str:
    path = folder / "migration.pcap"
    path.write_bytes(pcap(packets(wire), wire.snap))
    return str(path)


def runs(said: list[Said]) -> list[tuple[str, bytes]]:
    """What was said, as long runs of one side's octets."""
    return [
        (SIDES[side], b"".join(one.octets for one in group))
        for side, group in groupby((one for one in said if one.octets), key=lambda one: one.side)
    ]


# --- what is told --------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(TALKS), st.integers(1, 9000), st.sampled_from(["fin", "rst", ""]))
def test_everything_is_told_in_order(make: Callable[[], Talk], size: int, close: str) -> None:
    talk = make()
    with TemporaryDirectory() as folder:
        said = list(told(find(FileSet((captured(Path(folder), Wire(talk, size=max(size, 40), close=close)),)), 0)))
    assert runs(said) == list(talks.turns(talk))
    assert [one.time for one in said] == sorted(one.time for one in said)
    assert sorted(one.side for one in said if not one.octets) == [HERE, THERE], "each side ends once"


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(TALKS), st.randoms(use_true_random=False), st.integers(200, 3000))
def test_disorder_in_the_capture_is_none_in_what_is_told(
    make: Callable[[], Talk], chance: random.Random, size: int
) -> None:
    def disturb(sent: Packets) -> Packets:
        places = [place + chance.choice((0, 0, 0, 1.5, 6.5)) * (place > 2) for place in range(len(sent))]
        late = [packet for _, packet in sorted(zip(places, sent, strict=True), key=lambda one: one[0])]
        return [copy for packet in late for copy in [packet] * (1 if packet.flags & 7 else chance.choice((1, 1, 2)))]

    talk = make()
    with TemporaryDirectory() as folder:
        said = list(told(find(FileSet((captured(Path(folder), Wire(talk, size=size, edit=disturb)),)), 0)))
    for side, direction in SIDES.items():
        assert b"".join(one.octets for one in said if one.side == side) == octets_of(talk, direction)


def test_a_destination_may_open_the_connection(tmp_path: Path) -> None:
    """Side 0 is the migration's source, whoever sent the first packet."""
    turned = [item._replace(direction=REVERSE if item.direction == FORWARD else FORWARD) for item in talks.precopy()]
    carrier = find(FileSet((captured(tmp_path, Wire(turned)),)), 0)
    assert carrier.flow.source == ("10.0.0.2", 7700)
    assert runs(list(told(carrier))) == list(talks.turns(talks.precopy()))


def test_the_second_of_two_migrations(tmp_path: Path) -> None:
    path = next(path for name, path in captures_in(OWN).items() if name.startswith("postcopy/d_concurrent"))
    one, other = find(FileSet((str(path),)), 0), find(FileSet((str(path),)), 1)
    assert {one.flow.destination.port, other.flow.destination.port} == {7701, 7702}
    lengths = {sum(len(each.octets) for each in told(which)) for which in (one, other)}
    assert len(lengths) == 2


# --- what is refused -----------------------------------------------------------------------------------------

WIRE = Wire(talks.precopy())
REFUSED = {
    "was cut": (replace(WIRE, snap=128), "its packets were cut short when they were captured"),
    "began late": (replace(WIRE, edit=lambda sent: sent[5:]), "the beginning of the connection was not captured"),
    "has a gap": (replace(WIRE, edit=lambda sent: sent[:9] + sent[10:]), " octets of the connection were not captured"),
}


@pytest.mark.parametrize(("wire", "why"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_whole_is_refused(wire: Wire, why: str, shell: Shell, tmp_path: Path) -> None:
    path = captured(tmp_path, wire)
    complaint = shell.complaint("replay", path)
    assert complaint.startswith(f"xenshark: {path} cannot be replayed: ") and complaint.endswith(f"{why}\n")


def test_what_is_no_capture_is_refused(shell: Shell, tmp_path: Path) -> None:
    saved = shell.file(octets_of(talks.libxl(talks.Speaker())))
    assert "is no capture" in shell.complaint("replay", saved)
    assert "read twice" in shell.complaint("replay", "-")
    os.mkfifo(tmp_path / "pipe")
    assert "no regular file" in shell.complaint("replay", str(tmp_path / "pipe"))
    path = captured(tmp_path, WIRE)
    assert shell.complaint("replay", "--migration", "1", path) == (
        f"xenshark: {path} has no migration 1: it holds 1, numbered from 0\n"
    )
    octets = Path(path).read_bytes()
    assert "the file ends in the middle" in shell.complaint("replay", shell.file(octets[:-7]))


@pytest.mark.parametrize("words", [["--speed", "0"], ["--speed", "fast"], ["--speed", "inf"], ["--port", "70000"]])
def test_wrong_words_are_refused(words: list[str], shell: Shell) -> None:
    assert f"{words[1]!r} is no " in shell.complaint("replay", *words, "migration.pcap")


def test_addresses_that_are_none(shell: Shell, tmp_path: Path) -> None:
    path = captured(tmp_path, WIRE)
    for words, said in (
        (
            ("--listen", "127.0.0.1:7700"),
            "--listen takes an address alone, and 127.0.0.1:7700 has a port: that",
        ),
        (("--port", "1", "--connect", "[::1]:7700"), "--connect takes an address alone, and [::1]:7700 has a port"),
        (("--listen", "192.0.2.1"), "cannot open a port of 192.0.2.1: Cannot assign requested address\n"),
    ):
        assert shell.complaint("replay", *words, path).startswith(f"xenshark: {said}")


# --- how it is played ----------------------------------------------------------------------------------------


def test_over_tcp(shell: Shell, tmp_path: Path) -> None:
    path = captured(tmp_path, WIRE)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert "Address already in use" in shell.complaint("replay", "--port", str(port), path)
    first, last = shell.lines("replay", "--port", str(port), "--speed", "max", path)
    assert first.startswith("127.0.0.1:") and first.endswith(f" -> 127.0.0.1:{port}: migration 0 of {path}")
    sizes = [len(octets_of(WIRE.talk, direction)) for direction in (FORWARD, REVERSE)]
    assert last.startswith(f"{sizes[0] / 1000:.1f} kB from the source, {sizes[1]} octets from the destination, in ")


def test_each_side_elsewhere(shell: Shell, tmp_path: Path) -> None:
    path = captured(tmp_path, WIRE)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    words = [sys.executable, "-m", "dissector", "replay", "--port", port, "--speed", "max", path]
    listening = subprocess.Popen([*words, "--listen", "127.0.0.1"], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
    first, last = shell.lines("replay", "--port", port, "--speed", "max", "--connect", "127.0.0.1", path)
    waits, same, end = listening.communicate(timeout=120)[0].splitlines()
    assert (waits, same, listening.returncode) == (f"127.0.0.1:{port} waits for the source", first, 0)
    assert first.endswith(f" -> 127.0.0.1:{port}: migration 0 of {path}")
    assert last.split(", in ")[0] == end.split(", in ")[0]
    assert "needs the --port" in shell.complaint("replay", "--connect", "127.0.0.1", path)


def test_a_side_that_leaves_is_one_line(shell: Shell, tmp_path: Path) -> None:
    path = captured(tmp_path, WIRE)
    with socket.create_server(("127.0.0.1", 0)) as server:
        leaver = Thread(target=lambda: server.accept()[0].close())
        leaver.start()
        complaint = shell.complaint("replay", "--port", str(server.getsockname()[1]), "--connect", "127.0.0.1", path)
        leaver.join()
    assert complaint.startswith("xenshark: the connection broke: ")


def mouths() -> tuple[Mouth, Mouth]:
    """Two sides that reach each other."""
    one, other = socket.socketpair()
    for end in (one, other):
        end.setblocking(False)
    return tuple(Mouth(end.fileno(), end.fileno(), end.close) for end in (one, other))  # type: ignore[return-value]


def test_pauses_are_the_originals() -> None:
    start = 1_700_000_000 * 10**9
    said = [Said(n % 2, start + n * 20_000_000, b"word") for n in range(6)]
    for speed, least in ((1.0, 0.1), (0.5, 0.2), (10.0, 0.01)):
        begun = time.monotonic()
        assert play(said, mouths(), speed) == [12, 12]
        assert least <= time.monotonic() - begun < least + 60


def test_without_pauses_nobody_sleeps() -> None:
    said = [Said(n % 2, n * 10**12, bytes(300_000)) for n in range(4)]
    assert play(said, mouths(), None, sleep=lambda seconds: pytest.fail("slept")) == [600_000, 600_000]


@pytest.mark.parametrize("speed", [1.0, 1e-300, 5e-324])
def test_no_pause_is_too_long(speed: float) -> None:
    slept: list[float] = []
    said = [Said(0, 0, b"word"), Said(1, 1 << 64, b"word")]
    assert play(said, mouths(), speed, sleep=slept.append) == [4, 4]
    assert slept == [LONGEST]


def test_a_connection_that_breaks_is_an_error() -> None:
    one, other = mouths()
    other.end()
    with pytest.raises(OSError):
        play([Said(0, 0, b"word")], (one, other), None)


# --- a replay, recorded --------------------------------------------------------------------------------------

NOT_WHOLE = {
    "postcopy/a_loopback/lo_snap128.pcap": "cut short",
    "postcopy/c3_capture_drops/veth_rx_with_capture_drops.pcap": "61,404 octets",
    "xen/pv-live-midstart/pv-live-midstart.pcap": "the beginning",
    "xen/pv-live-mtu1500-drops/pv-live-mtu1500-drops.pcap": "7,853,952 octets",
    "xen/pv-live-snaplen128/pv-live-snaplen128.pcap": "cut short",
}
SAMPLES = {name: path for name, path in captures_in(OWN).items() if name.endswith(".pcap")}


TIMED = (
    *("start_time", "end_time", "stall", "dirty_pages_per_second", "sent_pages_per_second", "octets_per_second"),
    *("dirty_octets_per_second", "outstanding_time", "limits"),
)
"""Of an iteration or a phase, what depends on how fast the stream was played."""


STALLS = ("stalls", "stalls_left_out")

OTHERS = ("checkpoints", "findings")


def analyzed(path: Path, port: int | None = None) -> list[dict[str, Any]]:
    """What `analyze --json` says of the migrations, those to one port, but for what a replay makes different:
    addresses, times and what depends on them, packets, and what the capture itself shows or lacks."""
    result = []
    for one in dissector.to_json(dissector.open(path).analyze().migrations):
        if port not in (None, one["flow"]["destination"]["port"]):
            continue
        for part in [*one["iterations"], *one["phases"]]:
            for name in TIMED:
                part.pop(name, None)
        for name in (
            ("latency", "downtime", "duration", "to_last_page", "waited", "waited_share") if one["postcopy"] else ()
        ):
            del one["postcopy"][name]
        findings = [
            {name: finding[name] for name in ("rule", "severity", "direction", "record", "index", "offset")}
            for finding in one["findings"]
            if finding["rule"] != "capture-cut"
        ]
        own = {
            name: one[name]
            for name in one
            if name not in ("flow", "verdict", "retransmitted", "convergence", "downtime", "limits", *STALLS, *OTHERS)
        }
        result.append({**own, "findings": findings})
    return result


def record_replay(path: str, migration: int, into: Path, keep_pages: bool) -> int:
    """Replays through a tap; gives the port of the original's destination."""
    carrier = find(FileSet((path,)), migration)
    with taping(into, keep_pages) as tape:
        tapped = Tapped(tape)
        ends = list(zip(tapped.readers, tapped.writers, strict=True))
        for descriptor in (*tapped.readers, *tapped.writers):
            os.set_blocking(descriptor, False)
        here, there = (
            Mouth(reader, writer, lambda writer=writer: os.close(writer))  # type: ignore[misc]
            for reader, writer in ends
        )
        play(told(carrier), (here, there), None)
        tapped.finish()
        for descriptor in tapped.readers:
            os.close(descriptor)
    return carrier.flow.destination.port


@pytest.mark.parametrize("name", SAMPLES)
def test_a_recorded_replay_is_analyzed_like_its_original(name: str, tmp_path: Path) -> None:
    path = SAMPLES[name]
    if name in NOT_WHOLE:
        with pytest.raises(UserError, match=NOT_WHOLE[name]):
            find(FileSet((str(path),)), 0)
        return
    for keep_pages in (True, False):
        into = tmp_path / "tap.pcapng"
        port = record_replay(str(path), 0, into, keep_pages)
        assert analyzed(into) == analyzed(path, port)
        if not keep_pages:
            assert into.stat().st_size < 10_000_000


def test_a_replay_shows_how_far_it_is(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal, on standard error only: of as many octets as both sides say."""
    path = SAMPLES["violations/none/none.pcap"]
    carrier = find(FileSet((str(path),)), 0)
    assert carrier.octets == sum(len(said.octets) for said in told(carrier))
    monkeypatch.setattr(input, "PATIENCE", 0.0)
    words = ("replay", "--speed", "max", str(path))
    status, plain, err = shell.run(*words)
    assert (status, err) == (0, "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    status, out, err = shell.run(*words)
    assert status == 0 and path.name in err and out.splitlines()[1].startswith(plain.splitlines()[1].split(" in ")[0])
