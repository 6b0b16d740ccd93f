"""The tap: what passes through it is not changed, what it records can be read, and nothing it meets is in the way."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Thread
from typing import NamedTuple

import pytest
import talks
from conftest import REPOSITORY
from hypothesis import given, settings
from hypothesis import strategies as st
from shell import Shell
from talks import Item, Talk, expected, octets_of

import dissector
from dissector.capture.fragments import Fragments
from dissector.capture.link import decode
from dissector.capture.opening import open_source
from dissector.capture.reader import CaptureReader
from dissector.events import FORWARD, Event, Record
from dissector.recording import recorder as tape_module
from dissector.recording.conversations import Ear
from dissector.recording.follower import Follower
from dissector.recording.packets import HERE, SEGMENT, THERE, Block, Conversation, beginning, segments
from dissector.recording.recorder import ROOM, Tape
from dissector.recording.relay import PASSED_ON, carry
from dissector.tcp import Connections

pytest_plugins = ("shell",)

PATIENCE = 120.0
"""Seconds after which something that should have ended hangs."""
TIME = 1_700_000_000 * 10**9
ABOUT = beginning("test", "a section", "an interface")
TALKS = [talks.precopy, talks.postcopy, talks.remus, talks.colo, talks.xenops]


# --- what a recording holds ----------------------------------------------------------------------------------


class Recorded(NamedTuple):
    """What each side sent, its octets on the wire that were cut, and the packets."""

    octets: tuple[bytes, bytes]
    cut: int
    packets: list[tuple[int, bytes, int]]
    """Time, octets and length."""
    trouble: str | None


def recorded(path: Path) -> Recorded:
    """Reads a recording whose packets are whole, and checks every header. Where octets were cut, none are given."""
    reader = open_source(str(path))
    assert isinstance(reader, CaptureReader) and reader.blocks
    said: list[tuple[int, bytes]] = []
    connections = Connections(lambda key: (Ear(HERE, said), Ear(THERE, said)))
    fragments, packets, cut = Fragments(), [], 0
    while (packet := reader.next_packet()) is not None:
        octets = bytes(packet.octets)
        assert packet.link == 101
        assert sum(struct.unpack_from(">10H", octets)) % 0xFFFF == 0, "IPv4 header checksum"
        assert struct.unpack_from(">H", octets, 2)[0] == packet.length
        packets.append((packet.time_ns, octets, packet.length))
        cut += packet.length - len(octets)
        segment = decode(packet.link, packet.octets, packet.length, fragments)
        assert segment is not None and segment.length <= SEGMENT
        if not cut:
            connections.packet(segment, packet.frame, packet.time_ns)
    reader.source.close()
    if not cut:
        connections.finish()
    assert [time for time, _, _ in packets] == sorted(time for time, _, _ in packets)
    here, there = (b"".join(octets for one, octets in said if one == side) for side in (HERE, THERE))
    return Recorded((here, there), cut, packets, reader.trouble)


def flags(packets: Iterable[tuple[int, bytes, int]]) -> list[tuple[str, str]]:
    """Who sent each packet that opens or ends something, and what it is."""
    names = {0x01: "FIN", 0x02: "SYN", 0x04: "RST"}
    senders = (("here" if octets[15] == 1 else "there", octets[33]) for _, octets, _ in packets)
    return [(sender, names[bits & 7]) for sender, bits in senders if bits & 7]


def records(path: Path) -> list[Record]:
    """What the engine finds in it."""
    return [event for event in dissector.open(path).events() if isinstance(event, Record)]


# --- a tap in this process -----------------------------------------------------------------------------------


@contextmanager
def taping(
    path: Path, keep_pages: bool = True, room: int = ROOM, emit: Callable[[Event], None] = lambda event: None
) -> Iterator[Tape]:
    """A recording of what the test says, finished at the end."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    tape = Tape(file, path.name, ABOUT, Follower(emit), keep_pages, room)
    yield tape
    tape.finish()
    os.close(file)


class Tapped:
    """A recorded conversation over pipes: `readers` and `writers` are what the two sides have of it."""

    def __init__(self, tape: Tape) -> None:
        (here_in, here), (there_reader, to_there) = os.pipe(), os.pipe()
        (there_in, there), (here_reader, to_here) = os.pipe(), os.pipe()
        self.readers, self.writers = (here_reader, there_reader), (here, there)
        ways = ((HERE, here_in, to_there), (THERE, there_in, to_here))
        self._inside = (here_in, to_there, there_in, to_here)
        self._relays = [Thread(target=carry, args=(*way, tape), daemon=True) for way in ways]
        for relay in self._relays:
            relay.start()

    def finish(self) -> None:
        """Once both sides are done."""
        for relay in self._relays:
            relay.join(PATIENCE)
            assert not relay.is_alive()
        for descriptor in self._inside:
            os.close(descriptor)


class Side(NamedTuple):
    """What one side says, in pieces, and how much it reads before it no longer listens; None: to the end."""

    pieces: list[bytes]
    reads: int | None


def speak(writer: int, pieces: list[bytes]) -> None:
    try:
        for piece in pieces:
            while piece:
                piece = piece[os.write(writer, piece) :]
    except BrokenPipeError:
        pass
    os.close(writer)


def listen(reader: int, reads: int | None, into: bytearray) -> None:
    while reads is None or len(into) < reads:
        octets = os.read(reader, 1 << 16 if reads is None else min(1 << 16, reads - len(into)))
        if not octets:
            break
        into += octets
    os.close(reader)


def converse(tape: Tape, sides: tuple[Side, Side]) -> tuple[bytes, bytes]:
    """Both sides speak and listen at once; what each has read."""
    tapped, heard = Tapped(tape), (bytearray(), bytearray())
    threads = []
    for number, side in enumerate(sides):
        threads.append(Thread(target=speak, args=(tapped.writers[number], side.pieces), daemon=True))
        threads.append(Thread(target=listen, args=(tapped.readers[number], side.reads, heard[number]), daemon=True))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive(), "somebody waits for ever"
    tapped.finish()
    return bytes(heard[0]), bytes(heard[1])


def said_by(side: Side) -> bytes:
    return b"".join(side.pieces)


def pieces(seed: int, sizes: list[int]) -> list[bytes]:
    return [Random(seed + number).randbytes(size) for number, size in enumerate(sizes)]


SIZES = st.lists(st.one_of(st.integers(1, 300), st.integers(1, 200_000)), max_size=8)


@st.composite
def a_side(draw: st.DrawFn) -> Side:
    reads = draw(st.one_of(st.none(), st.none(), st.integers(0, 150_000)))
    return Side(pieces(draw(st.integers(0, 1000)), draw(SIZES)), reads)


@settings(max_examples=60, deadline=None)
@given(st.tuples(a_side(), a_side()))
def test_each_side_gets_what_the_other_says(sides: tuple[Side, Side]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "tap.pcapng")
        with taping(path) as tape:
            heard = converse(tape, sides)
        assert not tape.complaints
        seen = recorded(path)
    assert seen.trouble is None and not seen.cut
    for number, (side, other) in enumerate((sides, sides[::-1])):
        said = said_by(other)
        assert heard[number] == (said if side.reads is None else said[: side.reads])
        on_tape = seen.octets[1 - number]
        assert said.startswith(on_tape) and on_tape.startswith(heard[number])
        if side.reads is None:
            assert on_tape == said
    endings = flags(seen.packets)[2:]
    assert {who for who, _ in endings} == {"here", "there"} or ("RST" in {what for _, what in endings})


@settings(max_examples=40, deadline=None)
@given(st.tuples(a_side(), a_side()), st.integers(len(ABOUT) + 1, 300_000))
def test_a_full_disk_ends_the_recording_alone(sides: tuple[Side, Side], limit: int) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with TemporaryDirectory() as folder:
        path = Path(folder, "tap.pcapng")
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        try:
            with taping(path) as tape:
                heard = converse(tape, sides)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert path.stat().st_size <= limit
        seen = recorded(path)
    assert seen.trouble is None, "a block was left that is not whole"
    for number, (side, other) in enumerate((sides, sides[::-1])):
        said = said_by(other)
        assert heard[number] == (said if side.reads is None else said[: side.reads])
        assert said.startswith(seen.octets[1 - number])
    if tape.complaints:
        assert list(tape.complaints) == ["tap.pcapng: File too large; the recording ends here, the rest goes on"]
    else:
        assert all(seen.octets[1 - n] == said_by(sides[1 - n]) for n in (0, 1) if sides[n].reads is None)


# --- packets -------------------------------------------------------------------------------------------------


def file_of(*blocks: Block) -> bytes:
    return ABOUT + b"".join(bytes(piece) for block in blocks for piece in block)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 200_000)), max_size=12), st.integers(0, 600_000))
@settings(max_examples=40, deadline=None)
def test_sequence_numbers_wrap(turns: list[tuple[int, int]], before: int) -> None:
    talk = Conversation((2**32 - 1 - before, 2**32 - 1))
    blocks, said = talk.opening(TIME), [b"", b""]
    for side, size in turns:
        octets = Random(size).randbytes(size)
        blocks += talk.data(side, TIME, octets)
        blocks += talk.taken(side, TIME, size)
        said[side] += octets
    for side in (HERE, THERE):
        blocks += talk.closing(side, TIME)
    with TemporaryDirectory() as folder:
        path = Path(folder, "wrap.pcapng")
        path.write_bytes(file_of(*blocks))
        seen = recorded(path)
    assert list(seen.octets) == said and talk.packets == len(seen.packets) == len(blocks)
    assert flags(seen.packets) == [("here", "SYN"), ("there", "SYN"), ("here", "FIN"), ("there", "FIN")]


def test_a_side_that_speaks_has_read_all_before() -> None:
    """Else an answer could seem to come before what it answers: the pipe's own word may come later."""
    talk = Conversation()
    talk.opening(TIME)
    list(talk.data(HERE, TIME, b"question"))
    (answer,) = talk.data(THERE, TIME, b"answer")
    assert struct.unpack_from(">I", answer[0], 28 + 28)[0] == 1 + len(b"question")
    assert talk.taken(HERE, TIME, 3) == [] and not talk.is_taken(HERE)
    assert talk.taken(HERE, TIME, 5) == [] and talk.is_taken(HERE)


@given(st.integers(0, 400_000), st.lists(st.integers(0, 400_000), max_size=8))
def test_segments_keep_all_but_the_spans(length: int, bounds: list[int]) -> None:
    bounds = sorted({min(bound, length) for bound in bounds})
    spans = list(zip(bounds[::2], bounds[1::2], strict=False))
    kept, at = [], 0
    for start, stop, end in segments(length, spans):
        assert at == start <= stop <= end <= start + SEGMENT and start < end
        at = end
        if start < stop:
            kept.append((start, stop))
    assert at == length
    needed = length - sum(end - start for start, end in spans)
    assert sum(stop - start for start, stop in kept) == needed
    assert all(stop <= first or last <= start for start, stop in kept for first, last in spans)


# --- page contents -------------------------------------------------------------------------------------------


def side_of(item: Item) -> int:
    return HERE if item.direction == FORWARD else THERE


def contents(talk: Talk, found: Iterable[Record]) -> int:
    """Octets of page contents in a talk."""
    return sum(one.body_length - 8 - 8 * one.count for one in found if one.is_pages)


def as_talk(found: Iterable[Record]) -> list[tuple[object, ...]]:
    return [(one.direction, one.offset, one.length, one.layer, one.name) for one in found]


@pytest.mark.parametrize("make", TALKS)
@pytest.mark.parametrize("keep_pages", [True, False])
def test_without_pages_nothing_else_is_missing(make: Callable[[], Talk], keep_pages: bool, tmp_path: Path) -> None:
    talk = make()
    with taping(tmp_path / "tap.pcapng", keep_pages) as tape:
        for item in talk:
            tape.sent(side_of(item), item.octets)
            tape.taken(side_of(item), len(item.octets))
    found = records(tmp_path / "tap.pcapng")
    assert as_talk(found) == expected(talk)
    seen = recorded(tmp_path / "tap.pcapng")
    assert seen.cut == (0 if keep_pages else contents(talk, found))
    if keep_pages:
        assert seen.octets == (octets_of(talk), octets_of(talk, "reverse"))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(TALKS), st.lists(st.integers(1, 9000), max_size=8))
def test_without_pages_however_the_pipe_cuts_it(make: Callable[[], Talk], sizes: list[int]) -> None:
    talk = make()
    sizes = [*sizes, 9000]
    with TemporaryDirectory() as folder:
        path = Path(folder, "tap.pcapng")
        heard: list[Event] = []
        with taping(path, keep_pages=False, emit=heard.append) as tape:
            turns = ((side_of(Item(way, "xl", "", b"")), octets) for way, octets in talks.turns(talk))
            number = 0
            for side, octets in turns:
                while octets:
                    size = sizes[number % len(sizes)]
                    tape.sent(side, octets[:size])
                    octets, number = octets[size:], number + 1
        found, live = records(path), [event for event in heard if isinstance(event, Record)]
        assert as_talk(found) == as_talk(live) == expected(talk)
        assert [one.body for one in found] == [one.body for one in live]
        assert recorded(path).cut <= contents(talk, found)


# --- what is not urgent ---------------------------------------------------------------------------------------


def test_what_is_said_is_followed_when_nobody_waits(tmp_path: Path) -> None:
    """In the order in which it was said, with the packets and times of then."""
    talk = talks.postcopy()
    heard: list[Event] = []
    with taping(tmp_path / "tap.pcapng", emit=heard.append) as tape:
        for item in talk:
            tape.sent(side_of(item), item.octets)
            tape.taken(side_of(item), len(item.octets))
        assert tape.behind and not heard
        tape.catch_up()
        assert tape.behind and heard
        tape.catch_up_with_all()
        assert not tape.behind
    live = [event for event in heard if isinstance(event, Record)]
    assert as_talk(live) == expected(talk)
    found = records(tmp_path / "tap.pcapng")
    assert [(one.first, one.last) for one in live] == [(one.first, one.last) for one in found]
    assert [one.acked for one in live] == [one.acked for one in found]


@pytest.mark.parametrize(("bound", "most"), [("BEHIND", 20), ("BEHIND_OCTETS", 20_000)])
def test_what_is_still_to_be_followed_is_bounded(
    bound: str, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tape_module, bound, most)
    talk = talks.postcopy()
    waiting = []
    with taping(tmp_path / "tap.pcapng") as tape:
        for item in talk:
            for at in range(0, len(item.octets), 1000):
                tape.sent(side_of(item), item.octets[at : at + 1000])
                messages = list(tape._behind)
                waiting.append(len(messages) if bound == "BEHIND" else sum(len(one[1]) for one in messages))
    assert most // 2 < max(waiting) <= most
    assert as_talk(records(tmp_path / "tap.pcapng")) == expected(talk)


def test_relays_that_are_quiet_follow(tmp_path: Path) -> None:
    heard: list[Event] = []
    with taping(tmp_path / "tap.pcapng", emit=heard.append) as tape:
        tapped = Tapped(tape)
        banner = talks.postcopy()[0]
        os.write(tapped.writers[side_of(banner)], banner.octets)
        assert os.read(tapped.readers[1 - side_of(banner)], 1 << 16) == banner.octets
        while not heard:  # else the test never ends
            time.sleep(0.001)
        for writer in tapped.writers:
            os.close(writer)
        tapped.finish()
    assert [event.name for event in heard if isinstance(event, Record)] == [banner.name]


def test_what_is_no_migration_is_kept(tmp_path: Path) -> None:
    octets = Random(1).randbytes(500_000)
    with taping(tmp_path / "tap.pcapng", keep_pages=False) as tape:
        for side in (HERE, THERE):
            tape.sent(side, octets)
    assert recorded(tmp_path / "tap.pcapng").octets == (octets, octets)


# --- slow files ----------------------------------------------------------------------------------------------


@contextmanager
def stuck(path: Path, room: int) -> Iterator[tuple[Tape, Callable[[], None]]]:
    """A recording into a named pipe that nobody reads until the callable is called: its rest is then in `path`."""
    os.mkfifo(path.with_suffix(".fifo"))
    reader = os.open(path.with_suffix(".fifo"), os.O_RDONLY | os.O_NONBLOCK)
    file = os.open(path.with_suffix(".fifo"), os.O_WRONLY)
    os.set_blocking(reader, True)
    tape = Tape(file, path.name, ABOUT, Follower(lambda record: None), True, room)

    def copy() -> None:
        with path.open("wb") as to:
            while octets := os.read(reader, 1 << 16):
                to.write(octets)

    copier = Thread(target=copy)
    yield tape, copier.start
    tape.finish()
    os.close(file)
    if copier.ident:
        copier.join()
    os.close(reader)


def test_a_slow_file_costs_page_contents_first(tmp_path: Path) -> None:
    speaker = talks.Speaker()
    batches = [speaker.pages(range(start, start + 64)) for start in range(0x1000, 0x1000 + 64 * 20, 64)]
    talk = [*speaker.libxc_headers(), speaker.record("STATIC_DATA_END"), *batches, speaker.record("END")]
    with stuck(tmp_path / "tap.pcapng", room=1 << 20) as (tape, release):
        for item in talk:
            tape.sent(HERE, item.octets)
        release()
    found = records(tmp_path / "tap.pcapng")
    assert as_talk(found) == expected(talk)
    cut = recorded(tmp_path / "tap.pcapng").cut
    assert 0 < cut < contents(talk, found)
    assert list(tape.complaints) == [f"tap.pcapng was slow: {cut / 1e6:.1f} MB of page contents are not in it"]


def test_a_slow_file_costs_packets_at_last(tmp_path: Path) -> None:
    octets = Random(1).randbytes(SEGMENT)
    with stuck(tmp_path / "tap.pcapng", room=1 << 20) as (tape, release):
        for _ in range(100):
            tape.sent(HERE, octets)
        release()
    reader = open_source(str(tmp_path / "tap.pcapng"))
    assert isinstance(reader, CaptureReader)
    while reader.next_packet():
        pass
    lost = reader.dropped_by_capture
    assert lost > 50 and reader.frame == 103 - lost and reader.trouble is None
    assert list(tape.complaints) == [f"tap.pcapng was slow: {lost} packets are not in it"]


def test_a_file_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape_module, "PATIENCE", 0.2)
    with stuck(tmp_path / "tap.pcapng", room=1 << 20) as (tape, _):
        side = Side(pieces(1, [100_000] * 30), None)
        assert converse(tape, (side, side)) == (said_by(side), said_by(side))
        begun = time.monotonic()
    assert time.monotonic() - begun < 60  # it never ends
    assert "is not waited for" in tape.complaints[0]


def test_a_mistake_of_the_dissector_ends_the_recording_alone(tmp_path: Path) -> None:
    def emit(event: Event) -> None:
        raise ValueError("a mistake")

    talk = talks.precopy()
    with taping(tmp_path / "tap.pcapng", emit=emit) as tape:
        one, other = Side([octets_of(talk)], None), Side([octets_of(talk, "reverse")], None)
        assert converse(tape, (one, other)) == (said_by(other), said_by(one))
    assert [line for line in tape.complaints if "ValueError: a mistake" in line] == list(tape.complaints)
    recorded(tmp_path / "tap.pcapng")


def test_nothing_is_followed_once_the_recording_has_ended(tmp_path: Path) -> None:
    """Else the relays would look for time to do so for ever."""

    def emit(event: Event) -> None:
        raise ValueError("a mistake")

    talk = talks.precopy()
    with taping(tmp_path / "tap.pcapng", emit=emit) as tape:
        for item in talk:
            tape.sent(side_of(item), item.octets)
        while tape.behind and not tape.complaints:
            tape.catch_up()
        assert tape.complaints and len(tape._behind) > 0
        assert not tape.behind


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are looked at as Linux shows them")
def test_signals_are_not_for_the_thread_that_writes(tmp_path: Path) -> None:
    """It would take one that was meant for the command, and die of it with the whole tap."""
    before = set(threading.enumerate())
    with taping(tmp_path / "tap.pcapng"):
        (writer,) = set(threading.enumerate()) - before
        status = Path(f"/proc/self/task/{writer.native_id}/status").read_text()
        (blocked,) = (int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigBlk"))
    assert all(blocked >> number - 1 & 1 for number in PASSED_ON)


# --- the command ---------------------------------------------------------------------------------------------

TAP = [sys.executable, "-m", "dissector", "tap"]


@pytest.fixture
def tap(tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Starts `xenshark tap -w tap.pcapng OPTIONS -- sh -c SCRIPT`."""

    def start(script: str, *options: str, file: str = "tap.pcapng") -> subprocess.Popen[bytes]:
        words = [*TAP, "-w", str(tmp_path / file), *options, "--", "sh", "-c", script]
        pipe = subprocess.PIPE
        return subprocess.Popen(words, cwd=REPOSITORY, stdin=pipe, stdout=pipe, stderr=pipe)

    return start


Start = Callable[..., "subprocess.Popen[bytes]"]


def test_the_command_gets_its_words_and_an_end_of_input(tap: Start, tmp_path: Path) -> None:
    process = tap("sort; echo; exit 7", "--describe")
    out, err = process.communicate(b"b\na\n", PATIENCE)
    assert (process.returncode, out, err) == (7, b"a\nb\n\n", b"")
    seen = recorded(tmp_path / "tap.pcapng")
    assert seen.octets == (b"b\na\n", b"a\nb\n\n")
    assert flags(seen.packets)[2:] == [("here", "FIN"), ("there", "FIN")]
    assert b"sort; echo; exit 7" in (tmp_path / "tap.pcapng").read_bytes()
    assert (tmp_path / "tap.pcapng").stat().st_mode & 0o777 == 0o600


def test_command_lines_are_written_only_when_asked_for(tap: Start, tmp_path: Path) -> None:
    """They may hold passwords."""
    process = tap("true --password=hunter2")
    process.communicate(timeout=PATIENCE)
    octets = (tmp_path / "tap.pcapng").read_bytes()
    assert b"hunter2" not in octets and b"made up" in octets and socket.gethostname().encode() not in octets


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_reaches_the_command(number: signal.Signals, tap: Start, tmp_path: Path) -> None:
    process = tap(f"trap 'echo caught; exit 5' {number.name[3:]}; echo up; while :; do sleep 0.05; done")
    assert process.stdout is not None and process.stdout.readline() == b"up\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (5, b"caught\n", b"")
    assert recorded(tmp_path / "tap.pcapng").octets[THERE] == b"up\ncaught\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_tap_ends_as_its_command_does(number: signal.Signals, tap: Start, tmp_path: Path) -> None:
    process = tap(f"echo up; kill -{number.value} $$")
    assert process.communicate(timeout=PATIENCE) == (b"up\n", b"")
    assert process.returncode == -number
    assert recorded(tmp_path / "tap.pcapng").octets[THERE] == b"up\n"


def test_an_ignored_signal_stays_ignored(tap: Start, tmp_path: Path) -> None:
    words = [*TAP, "-w", str(tmp_path / "tap.pcapng"), "--", "sh", "-c", "echo up; read line; echo $line"]
    ignoring = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *words]
    process = subprocess.Popen(ignoring, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"up\n"
    process.send_signal(signal.SIGHUP)
    assert process.communicate(b"on\n", PATIENCE)[0] == b"on\n"
    assert process.returncode == 0


def test_a_command_that_ends_first_ends_the_tap(tap: Start, tmp_path: Path) -> None:
    process = tap("head -c 3; exit 1")
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(b"abc")
    process.stdin.flush()
    assert process.stdout.read() == b"abc"  # to the end, while standard input is still open
    assert process.wait(PATIENCE) == 1
    with pytest.raises(BrokenPipeError):
        process.stdin.write(b"more")
        process.stdin.flush()
    assert process.stderr is not None and process.stderr.read() == b""
    seen = recorded(tmp_path / "tap.pcapng")
    assert flags(seen.packets)[2:] == [("there", "FIN"), ("here", "FIN")], "who ended it comes first"


def test_a_reader_that_leaves_is_told_to_the_command(tap: Start) -> None:
    process = tap("trap '' PIPE; while echo y; do :; done 2>/dev/null; exit 3")
    assert process.stdout is not None and process.stdout.read(4) == b"y\ny\n"
    process.stdout.close()
    assert process.wait(PATIENCE) == 3


def test_killed_it_leaves_a_capture(tap: Start, tmp_path: Path) -> None:
    process = tap("cat")
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(bytes(range(256)) * 1000)
    process.stdin.flush()
    assert process.stdout.read(200_000)[:256] == bytes(range(256))
    deadline = time.monotonic() + PATIENCE  # for what waits to be written
    while (tmp_path / "tap.pcapng").stat().st_size < 456_000 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.communicate(timeout=PATIENCE)
    here, there = recorded(tmp_path / "tap.pcapng").octets
    assert (bytes(range(256)) * 1000).startswith(here) and here.startswith(there) and len(there) >= 200_000


@pytest.mark.parametrize("file", ["missing/tap.pcapng", "."])
def test_a_file_that_cannot_be_written_starts_nothing(file: str, tap: Start, tmp_path: Path) -> None:
    process = tap(f"touch {tmp_path}/started", file=file)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err.count(b"\n")) == (2, b"", 1)
    assert err.startswith(b"xenshark: cannot write ") and err.endswith(b"; sh was not started\n")
    assert not (tmp_path / "started").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_disk_that_is_full_from_the_start_starts_nothing(shell: Shell) -> None:
    complaint = shell.complaint("tap", "-w", "/dev/full", "--", "sh", "-c", "exit 0")
    assert complaint == "xenshark: cannot write /dev/full: No space left on device; sh was not started\n"
    assert shell.complaint("tap", "-w", "", "--", "true") == (
        "xenshark: -w needs the name of a file; true was not started\n"
    )
    assert "standard output is the command's" in shell.complaint("tap", "-w", "-", "--", "true")


def test_a_command_that_is_not_there(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    former = shell.file(b"precious", "tap.pcapng")
    plain = shell.file(b"exit 0", "plain")
    missing, denied = "No such file or directory", "Permission denied"
    wrong = [
        (f"{tmp_path}/none", 127, missing),
        ("no-such-command", 127, missing),
        ("", 127, missing),
        (str(tmp_path), 126, denied),
        (plain, 126, denied),
        (f"{plain}/none", 126, "Not a directory"),
    ]
    for command, status, why in wrong:
        assert shell.run("tap", "-w", former, "--", command) == (
            status,
            "",
            f"xenshark: cannot start {command}: {why}\n",
        )
        assert Path(former).read_bytes() == b"precious"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shell.run("tap", "-w", former, "--", "plain")[0] == 126
    assert Path(former).read_bytes() == b"precious"


def test_a_command_whose_interpreter_is_not_there(shell: Shell, tmp_path: Path) -> None:
    script = shell.file(f"#!{tmp_path}/none\n".encode(), "script")
    Path(script).chmod(0o700)
    status, _, err = shell.run("tap", "-w", str(tmp_path / "tap.pcapng"), "--", script)
    assert (status, err) == (127, f"xenshark: cannot start {script}: No such file or directory\n")
    assert flags(recorded(tmp_path / "tap.pcapng").packets) == [("here", "SYN"), ("there", "SYN")]


def test_live_prints_lines_as_phases_change(tap: Start, tmp_path: Path) -> None:
    talk = talks.postcopy()
    process = tap("cat > /dev/null", "--live", "--no-pages")
    out, err = process.communicate(octets_of(talk), PATIENCE)
    assert (process.returncode, out) == (0, b"")
    check_lines(err.decode())


def check_lines(shown: str) -> None:
    """What `--live` shows of that talk where there is no terminal."""
    lines = shown.splitlines()
    assert all(line.startswith("xenshark: ") for line in lines)
    words = [line.split(" migration 0: ")[1] for line in lines]
    assert words[0] == "192.0.2.1:49152 -> 192.0.2.2:49153"
    phases = ["handshake", "precopy", "stop", "transition", "postcopy", "finish"]
    assert [one.split()[0] for one in words if " begins" in one and "iteration" not in one] == phases
    assert words[-1].startswith("completed: ") and words[-1].endswith("; so far 66 pages, 0 outstanding")


def test_live_on_another_terminal(tap: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    leader, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 30, 100, 0, 0))
    process = tap("cat > /dev/null", "--live-on", os.ttyname(terminal))
    assert process.communicate(octets_of(talks.postcopy()), PATIENCE) == (b"", b"")
    os.set_blocking(leader, False)
    shown = os.read(leader, 1 << 16).decode()
    assert "xenshark:     0.000000 migration 0: 192.0.2.1:49152 -> 192.0.2.2:49153" in shown
    assert " migration 0: completed: " in shown and "recording to " in shown
    for descriptor in (leader, terminal):
        os.close(descriptor)


def test_another_terminal_that_is_not_there_starts_nothing(tap: Start, tmp_path: Path) -> None:
    process = tap(f"touch {tmp_path}/started", "--live-on", str(tmp_path / "none"))
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (2, b"")
    assert err == f"xenshark: cannot write {tmp_path}/none: No such file or directory; sh was not started\n".encode()
    assert not (tmp_path / "started").exists()


def test_what_is_no_terminal_is_not_written_to(tap: Start, tmp_path: Path) -> None:
    other = tmp_path / "file"
    other.write_text("precious")
    process = tap(f"touch {tmp_path}/started", "--live-on", str(other))
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (2, b"")
    assert err == f"xenshark: cannot write {other}: it is no terminal; sh was not started\n".encode()
    assert other.read_text() == "precious" and not (tmp_path / "started").exists()
