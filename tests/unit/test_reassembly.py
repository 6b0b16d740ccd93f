"""Packets to octets in order: whatever the order and the losses, exactly what was captured, each octet once."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from processor import within
from wire import ACK, FIN, PSH, RST, SPACE, SYN, Ends, Packet, exchange, impaired

from dissector.capture.link import Segment
from dissector.events import FORWARD, REVERSE
from dissector.tcp import Budget, Connections
from dissector.tcp import connections as connections_module
from dissector.tcp.core import PIECE_COST
from dissector.tcp.half_connection import (
    FOREVER,
    ORDER_FRAMES,
    RECENT,
    REORDER_FRAMES,
    HalfConnection,
    Octets,
    Transport,
)

QUICK = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
ENDS = Ends()
HEADERS = 54


class Taken:
    """A consumer that notes all it is given, and may be told what it does not need."""

    lacks = 0

    def __init__(self, skip: int = 0) -> None:
        self.skip = skip
        self.transport: Transport | None = None
        self.closed: tuple[str, int, int] | None = None
        self.taken = bytearray()
        self.gaps: list[tuple[int, int]] = []
        self.cut: list[tuple[int, int]] = []
        self.frames: list[int] = []
        self.late: bool | None = None
        self.ended: str | None = None

    @property
    def octets(self) -> bytes:
        """What came, with zeros where nothing was captured or needed."""
        return bytes(self.taken)

    def attach(self, transport: Transport) -> None:
        assert self.transport is None
        self.transport = transport

    def start(self, late: bool) -> None:
        assert self.late is None and self.transport is not None
        self.late = late

    def feed(self, octets: Octets, length: int, whole: bool, frame: int, time: int, more: bool = False) -> None:
        assert self.ended is None and self.late is not None
        assert length > 0 and len(octets) <= length
        assert len(octets) == length or not whole or length <= self.skip
        if not whole:
            self.cut.append((len(self.taken) + len(octets), length - len(octets)))
        self.skip = max(0, self.skip - length)
        self.taken += bytes(octets).ljust(length, b"\0")
        self.frames.append(frame)

    def pass_over(self, length: int, whole: bool, frame: int, time: int) -> None:
        raise AssertionError("the fast path is not under test here")

    def lose(self, length: int) -> None:
        assert self.ended is None and length > 0
        self.gaps.append((len(self.taken), length))
        self.skip = max(0, self.skip - length)
        self.taken += bytes(length)

    def close(self, how: str, frame: int, time: int) -> None:
        assert self.ended is None and self.closed is None
        self.closed = (how, frame, time)

    def finish(self, reason: str) -> None:
        assert self.ended is None
        self.ended = reason


class Capture:
    """Connections fed by hand; `took` has the consumers of both sides of every connection, in order."""

    def __init__(self, budget: Budget | None = None, skip: int = 0) -> None:
        self.took: list[tuple[Taken, Taken]] = []
        self.frame = 0
        self.pace = 1000
        """Nanoseconds from a packet to the next."""
        self._skip = skip
        self.budget = budget or Budget()
        self.connections = Connections(self._accept, self.budget)

    def _accept(self, key: bytes) -> tuple[Taken, Taken]:
        self.took.append((Taken(self._skip), Taken(self._skip)))
        return self.took[-1]

    def see(self, packet: Packet, captured: int | None = None, ends: Ends = ENDS) -> None:
        self.frame += 1
        side, seq, ack, flags, payload = packet
        kept = memoryview(payload)[:captured]
        segment = Segment(ends.key(side), seq % SPACE, ack % SPACE, flags, kept, len(payload), HEADERS)
        self.connections.packet(segment, self.frame, self.frame * self.pace)

    def open(self, client: int = 99, server: int = 499) -> None:
        """The handshake; the first octet of side 0 then has the number `client` + 1."""
        self.see(Packet(0, client, 0, SYN))
        self.see(Packet(1, server, client + 1, SYN | ACK))
        self.see(Packet(0, client + 1, server + 1, ACK))

    def data(self, seq: int, payload: bytes, side: int = 0) -> None:
        self.see(Packet(side, seq, 500 if side == 0 else 100, ACK, payload))

    def ack(self, number: int, side: int = 1) -> None:
        self.see(Packet(side, 500 if side else 100, number, ACK))

    def pause(self) -> None:
        """So many other packets that reordering is over."""
        self.frame += REORDER_FRAMES

    def direction(self, side: int = 0, ends: Ends = ENDS) -> HalfConnection:
        half = self.connections.halves[ends.key(side)]
        assert isinstance(half, HalfConnection)
        return half

    @property
    def one(self) -> Taken:
        """Side 0 of the only connection."""
        ((taken, _),) = self.took
        return taken


@pytest.fixture
def capture() -> Capture:
    """A connection after its handshake."""
    made = Capture()
    made.open()
    return made


# --- order --------------------------------------------------------------------------------------------------


def test_in_order(capture: Capture) -> None:
    capture.data(100, b"abc")
    capture.data(103, b"def")
    assert (capture.one.octets, capture.one.frames, capture.one.late) == (b"abcdef", [4, 5], False)
    assert capture.direction().octets == 6


def test_a_late_segment_fills_its_place(capture: Capture) -> None:
    capture.data(103, b"def")
    capture.data(106, b"ghi")
    assert capture.one.octets == b""
    assert list(capture.connections.waiting) == [capture.direction()]
    capture.data(100, b"abc")
    assert (capture.one.octets, capture.one.frames, capture.one.gaps) == (b"abcdefghi", [6, 4, 5], [])
    assert not capture.connections.waiting
    assert (capture.direction().out_of_order, capture.direction().retransmitted) == (2, 0)


def test_retransmissions(capture: Capture) -> None:
    capture.pace = 1_000_000
    for seq, payload in ((100, b"abcd"), (100, b"abcd"), (102, b"cdef"), (108, b"ij"), (108, b"ij"), (106, b"gh")):
        capture.data(seq, payload)
    assert capture.one.octets == b"abcdefghij"
    direction = capture.direction()
    assert (direction.retransmitted, direction.conflicts, direction.octets) == (8, 0, 10)


def test_what_was_captured_twice_was_not_sent_twice(capture: Capture) -> None:
    """A bridge and its port: each packet two or three times, at once. Later it was sent again."""
    capture.pace = 100_000
    for seq, payload in ((100, b"abcd"), (104, b"efgh")):
        for _ in range(3):
            capture.data(seq, payload)
    direction = capture.direction()
    assert (direction.retransmitted, direction.octets) == (0, 8)
    capture.data(100, b"abcd")  # not the newest: a capture does not bring it so late
    assert direction.retransmitted == 4
    capture.frame += 10
    capture.data(104, b"efgh")
    assert direction.retransmitted == 8


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1), (0, 3, 2, 1), (0, 2, 1, 3)])
def test_where_segments_overlap_the_first_octet_wins(order: tuple[int, ...]) -> None:
    """Whether the first of them was delivered at once or had to wait."""
    capture = Capture()
    capture.open()
    parts = [(100, b"aaaa"), (102, b"bbbbbb"), (106, b"cccc"), (104, b"dddddddd")]
    expected = bytearray(12)
    for index in reversed(order):
        seq, payload = parts[index]
        expected[seq - 100 : seq - 100 + len(payload)] = payload
    for index in order:
        capture.data(*parts[index])
    assert capture.one.octets == expected
    assert capture.direction().conflicts >= 2
    assert capture.one.transport is capture.direction()


def test_only_what_differs_is_a_conflict(capture: Capture) -> None:
    capture.data(100, b"abcdef")
    capture.data(102, b"cd")
    assert capture.direction().conflicts == 0
    capture.data(102, b"cX")
    assert capture.direction().conflicts == 1
    capture.data(110, b"kl")
    capture.data(108, b"ijkl")
    capture.data(109, b"X")
    assert capture.direction().conflicts == 2


def test_a_conflict_long_ago_is_not_seen(capture: Capture) -> None:
    """What is remembered for comparison is bounded."""
    capture.data(100, b"a" * 100)
    for index in range(20):
        capture.data(200 + index * 1000, bytes(1000))
    capture.data(100, b"b" * 100)
    assert RECENT < 20_000
    assert capture.direction().conflicts == 0


def test_a_keep_alive_is_nothing(capture: Capture) -> None:
    """One octet before what comes next, of any content (RFC 9293, 3.8.4)."""
    capture.data(100, b"abc")
    capture.data(102, b"\0")
    capture.data(103, b"d")
    assert capture.one.octets == b"abcd"
    assert (capture.direction().conflicts, capture.direction().retransmitted) == (0, 0)


def test_sequence_numbers_wrap() -> None:
    capture = Capture()
    first = SPACE - 5
    capture.open(first)
    capture.data(first + 1, b"abc")
    capture.data(first + 7, b"ghi")
    capture.data(first + 4, b"def")
    capture.ack(first + 10)
    assert capture.one.octets == b"abcdefghi"
    assert capture.direction().acked == 9


def test_streams_past_4_gib() -> None:
    """Offsets do not wrap with the numbers."""
    capture = Capture()
    capture.open(0)
    direction = capture.direction()
    step = 1 << 30
    for turn in range(1, 11):
        direction.next += step  # as if the fast path had passed that many
        direction.next_seq = (direction.next_seq + step) % SPACE
        capture.ack(1 + turn * step)
        assert direction.acked == turn * step
    assert direction.next_seq == (1 + 10 * step) % SPACE
    capture.data(1 + 10 * step + 3, b"def")
    capture.data(1 + 10 * step, b"abc")
    assert capture.one.octets == b"abcdef"
    assert direction.next == 10 * step + 6


# --- beginnings and ends ------------------------------------------------------------------------------------


def test_a_late_start() -> None:
    capture = Capture()
    capture.see(Packet(1, 77, 1234, ACK))  # says nothing yet of what is sent
    assert capture.took == []
    capture.data(5000, b"abc")
    capture.data(5003, b"def")
    capture.data(7000, b"rev", side=1)
    (one, other), *more = capture.took
    assert (one.octets, one.late, other.octets, other.late, more) == (b"abcdef", True, b"rev", True, [])


def test_a_syn_repeated_changes_nothing(capture: Capture) -> None:
    capture.data(100, b"abc")
    capture.see(Packet(0, 99, 0, SYN))
    capture.see(Packet(1, 499, 100, SYN | ACK))
    capture.data(103, b"def")
    assert capture.one.octets == b"abcdef"


def test_octets_beside_a_syn() -> None:
    """TCP Fast Open (RFC 7413): they follow the number that the SYN takes."""
    capture = Capture()
    capture.see(Packet(0, 99, 0, SYN, b"abc"))
    capture.see(Packet(1, 499, 103, SYN | ACK, b"xyz"))
    capture.data(103, b"def")
    ((one, other),) = capture.took
    assert (one.octets, other.octets) == (b"abcdef", b"xyz")


def test_a_syn_ack_alone_tells_both_beginnings() -> None:
    capture = Capture()
    capture.see(Packet(1, 499, 100, SYN | ACK))
    capture.data(103, b"def")
    capture.data(500, b"xyz", side=1)
    capture.connections.finish()
    ((other, one),) = capture.took
    assert (one.late, one.gaps, one.octets[3:]) == (False, [(0, 3)], b"def")
    assert (other.late, other.octets) == (False, b"xyz")


@pytest.mark.parametrize("closed", [True, False])
def test_the_same_addresses_again(capture: Capture, closed: bool) -> None:
    """A SYN with another number begins a new connection, whether the end of the old one was captured or not."""
    capture.data(100, b"abc")
    if closed:
        capture.see(Packet(0, 103, 500, FIN | ACK))
        capture.see(Packet(1, 500, 104, FIN | ACK))
    capture.open(70_000, 80_000)
    capture.data(70_001, b"new")
    (old, _), (new, _) = capture.took
    assert (old.octets, old.ended) == (b"abc", "fin" if closed else "reused")
    assert (new.octets, new.late, new.ended) == (b"new", False, None)


def test_fins(capture: Capture) -> None:
    capture.data(100, b"abc")
    capture.see(Packet(0, 103, 500, FIN | ACK, b"def"))
    ((one, other),) = capture.took
    assert (one.octets, one.ended, other.ended) == (b"abcdef", "fin", None)
    capture.data(500, b"still", side=1)
    capture.see(Packet(1, 505, 107, FIN | ACK))
    assert (other.octets, other.ended) == (b"still", "fin")
    capture.data(106, b"more")
    assert (one.octets, len(capture.took)) == (b"abcdef", 1)


def test_a_fin_before_what_it_ends(capture: Capture) -> None:
    capture.data(100, b"abc")
    capture.see(Packet(0, 109, 500, FIN | ACK))
    capture.data(106, b"ghi")
    assert (capture.one.octets, capture.one.ended) == (b"abc", None)
    capture.data(103, b"def")
    assert (capture.one.octets, capture.one.ended, capture.one.gaps) == (b"abcdefghi", "fin", [])


def test_a_fin_counts_as_soon_as_the_last_gap_is_closed(capture: Capture) -> None:
    capture.data(103, b"def")
    capture.see(Packet(0, 106, 500, FIN | ACK))
    capture.ack(107)
    capture.pause()
    capture.ack(107)
    assert (capture.one.gaps, capture.one.ended) == ([(0, 3)], "fin")


def test_a_stray_fin_ends_nothing(capture: Capture) -> None:
    capture.data(100, b"abcdef")
    capture.see(Packet(0, 103, 500, FIN | ACK))
    capture.data(106, b"ghi")
    assert (capture.one.octets, capture.one.ended) == (b"abcdefghi", None)


def test_a_fin_tells_what_is_missing(capture: Capture) -> None:
    capture.data(100, b"abc")
    capture.see(Packet(0, 110, 500, FIN | ACK))
    capture.connections.finish()
    assert (capture.one.gaps, capture.one.ended) == ([(3, 7)], "capture")


def test_octets_after_a_reset(capture: Capture) -> None:
    """The side that reset has no more to say; what the other one had sent may still be on its way."""
    capture.data(100, b"abc")
    capture.see(Packet(1, 500, 103, RST | ACK))
    capture.data(103, b"def")
    capture.data(500, b"xyz", side=1)
    ((one, other),) = capture.took
    assert (one.octets, other.octets, other.ended) == (b"abcdef", b"", "rst")
    capture.connections.finish()
    assert one.ended == "rst"


# --- what lies outside the window ---------------------------------------------------------------------------


def told(capture: Capture) -> list[tuple[bytes, list[tuple[int, int]], str | None, object]]:
    """What both sides of the only connection heard."""
    ((one, other),) = capture.took
    return [(taken.octets, taken.gaps, taken.ended, taken.closed) for taken in (one, other)]


FAR = 1_000_000_000


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(
    ("flags", "away", "payload"),
    [
        (RST, FAR, b""),
        (RST, -FAR, b""),
        (RST, -3, b""),
        (RST | ACK, FAR, b""),
        (SYN, FAR, b""),
        (SYN, -50, b""),
        (SYN | ACK, 7, b""),
        (FIN | ACK, FAR, b""),
        (FIN | ACK, -2, b""),
        (ACK, FAR, b"stranger"),
    ],
)
def test_a_stray_packet_changes_nothing(flags: int, away: int, payload: bytes, side: int) -> None:
    """RFC 9293, 3.10.7.4; RFC 5961, 3 to 5."""
    heard = []
    for stray in (False, True):
        capture = Capture()
        capture.open()
        capture.data(100, b"abc")
        capture.data(500, b"xyz", side=1)
        capture.ack(103)
        capture.ack(503, side=0)
        if stray:
            capture.see(Packet(side, (103, 503)[side] + away, (503, 103)[side], flags, payload))
        capture.data(103, b"def")
        capture.data(503, b"uvw", side=1)
        capture.connections.finish()
        heard.append(told(capture))
    assert heard[0] == heard[1]
    assert [octets for octets, *_ in heard[0]] == [b"abcdef", b"xyzuvw"]


def test_a_stray_acknowledgement_changes_nothing(capture: Capture) -> None:
    capture.data(100, b"abc")
    capture.ack(103 + FAR)
    capture.ack(103)
    capture.connections.finish()
    assert (capture.one.octets, capture.one.gaps) == (b"abc", [])
    assert capture.direction().acked == 3


BEYOND = 20_000_000
"""More than any window that was announced."""


def test_octets_far_ahead_are_believed_if_more_follow() -> None:
    """A capture that lost more than a window goes on."""
    capture = Capture()
    capture.open()
    capture.data(100, b"abc")
    capture.data(100 + BEYOND, b"def")
    assert not capture.connections.waiting
    capture.data(103 + BEYOND, b"ghi")
    capture.connections.finish()
    assert capture.one.gaps == [(3, BEYOND - 3)]
    assert capture.one.frames[-2:] == [5, 6]


def test_octets_far_ahead_are_believed_if_acknowledged(capture: Capture) -> None:
    capture.data(100, b"abc")
    capture.data(100 + BEYOND, b"def")
    capture.ack(103 + BEYOND)
    capture.ack(103 + BEYOND)
    capture.connections.finish()
    assert capture.one.gaps == [(3, BEYOND - 3)]


def test_a_reset_that_may_follow_what_was_not_captured(capture: Capture) -> None:
    """Its number is inside the window, but not the very next: believed if its sender says nothing more."""
    capture.data(100, b"abc")
    capture.see(Packet(0, 1100, 500, RST))
    assert told(capture)[0][2:] == (None, None)
    capture.connections.finish()
    assert told(capture)[0][2:] == ("rst", ("rst", 5, 5000))


@pytest.mark.parametrize("number", [104, 1100])
@pytest.mark.parametrize("goes_on", [Packet(0, 103, 500, ACK, b"defg"), Packet(0, 103, 501, ACK)])
def test_such_a_reset_is_none_if_its_sender_goes_on(capture: Capture, goes_on: Packet, number: int) -> None:
    capture.data(100, b"abc")
    capture.data(500, b"x", side=1)
    capture.see(Packet(0, number, 500, RST))
    capture.see(goes_on)
    capture.connections.finish()
    assert told(capture)[0][2:] == ("capture", None)


def test_what_was_sent_before_a_reset_and_comes_late_is_taken(capture: Capture) -> None:
    capture.data(100, b"abc")
    capture.see(Packet(0, 109, 500, RST | ACK))
    capture.data(106, b"ghi")
    capture.data(103, b"def")
    assert (capture.one.octets, capture.one.gaps, capture.one.ended) == (b"abcdefghi", [], "rst")


def test_a_reset_after_the_end(capture: Capture) -> None:
    """Who closed while octets were on their way to it resets as well: that ends the other side."""
    capture.see(Packet(1, 500, 100, FIN | ACK))
    capture.data(100, b"abc")
    capture.see(Packet(1, 501, 100, RST | ACK))
    capture.connections.finish()
    assert [(ended, closed) for _, _, ended, closed in told(capture)] == [("rst", None), ("fin", ("fin", 4, 4000))]


def test_a_syn_begins_a_connection_when_its_sender_goes_on_from_it(capture: Capture) -> None:
    """Where the answer was not captured."""
    capture.data(100, b"abc")
    capture.see(Packet(0, 70_000, 0, SYN))
    assert len(capture.took) == 1
    capture.data(70_001, b"new")
    (old, _), (new, _) = capture.took
    assert (old.octets, old.ended, new.octets, new.late) == (b"abc", "reused", b"new", False)


@pytest.mark.parametrize("octet", [b"\0", b"\xa5", b"M"])
@pytest.mark.parametrize("acked", [None, 100, 99])
@pytest.mark.parametrize("flags", [ACK, ACK | PSH])
def test_a_capture_that_begins_with_a_keep_alive(octet: bytes, acked: int | None, flags: int) -> None:
    """One octet that was acknowledged before; where nothing says what was, one without PSH. It may be any."""
    capture = Capture()
    if acked is not None:
        capture.see(Packet(1, 500, acked, ACK, b"hello"))
    capture.see(Packet(0, 99, 505, flags, octet))
    capture.see(Packet(1, 505, 100, ACK))
    capture.see(Packet(0, 100, 505, ACK | PSH, b"abc"))
    is_keep_alive = acked == 100 if acked else not flags & PSH
    sent = capture.one if acked is None else capture.took[0][1]
    assert (sent.octets, sent.late) == (b"abc" if is_keep_alive else octet + b"abc", True)


# --- connections of which nobody wants to hear --------------------------------------------------------------


def test_a_connection_that_nobody_wants_is_ignored(capture: Capture) -> None:
    capture.data(100, b"abc")
    for taken in capture.took[0]:
        taken.skip = FOREVER
    capture.data(103, b"def")
    assert [taken.ended for taken in capture.took[0]] == ["capture", "capture"]
    assert len(capture.connections.ignored) == 2
    capture.see(Packet(0, 99, 0, SYN))
    capture.see(Packet(1, 499, 100, SYN | ACK))
    capture.data(106, b"ghi")
    capture.see(Packet(1, 500, 109, RST))
    assert len(capture.took) == 1
    capture.open(70_000, 80_000)
    capture.data(70_001, b"new")
    assert capture.took[1][0].octets == b"new" and not capture.connections.ignored


def test_a_connection_that_nobody_wants_from_its_syn_on() -> None:
    """The answer to the SYN begins no other one."""
    capture = Capture(skip=FOREVER)
    capture.open()
    capture.open()
    capture.data(100, b"abc")
    assert len(capture.took) == 1


def test_connections_that_are_ignored_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections_module, "MAX_IGNORED", 10)
    capture = Capture(skip=FOREVER)
    for port in range(1, 100):
        capture.see(Packet(0, 6, 0, ACK, b"x"), ends=Ends(ports=(port, 9)))
    assert (len(capture.connections.ignored), len(capture.connections.halves)) == (20, 20)


# --- gaps ---------------------------------------------------------------------------------------------------


def test_a_gap_is_lost_when_acknowledged_and_reordering_is_over(capture: Capture) -> None:
    capture.data(100, b"abc")
    capture.data(106, b"ghi")
    capture.ack(109)
    for _ in range(REORDER_FRAMES - 2):
        capture.ack(109)
    assert capture.one.gaps == []
    capture.ack(109)
    capture.ack(109)
    assert (capture.one.gaps, capture.one.octets) == ([(3, 3)], b"abc\0\0\0ghi")


def test_a_gap_may_be_filled_until_then(capture: Capture) -> None:
    capture.data(100, b"abc")
    capture.data(106, b"ghi")
    capture.ack(109)
    capture.frame += REORDER_FRAMES - 2
    capture.data(103, b"def")
    assert (capture.one.gaps, capture.one.octets) == ([], b"abcdefghi")


def test_traffic_alone_closes_no_gap(capture: Capture) -> None:
    """Neither more of this direction nor anything of the other proves that octets will not come."""
    capture.data(106, b"ghi")
    for index in range(3 * REORDER_FRAMES):
        capture.data(109 + index, b"x")
        capture.see(Packet(1, 500 + index, 100, ACK, b"y"))
    assert capture.one.gaps == []
    capture.ack(103)
    capture.pause()
    capture.ack(103)  # not beyond the gap
    assert capture.one.gaps == []
    capture.data(100, b"abcdef")
    assert (capture.one.gaps, capture.one.octets[:9]) == ([], b"abcdefghi")


def test_several_gaps_close_one_by_one(capture: Capture) -> None:
    for seq in (103, 109, 115):
        capture.data(seq, b"xyz")
    capture.ack(112)
    capture.pause()
    capture.ack(118)
    assert capture.one.gaps == [(0, 3), (6, 3)]
    capture.pause()
    capture.ack(118)
    assert capture.one.gaps == [(0, 3), (6, 3), (12, 3)]


@pytest.mark.parametrize(("acked", "gaps"), [(103, []), (104, []), (105, [(3, 2)]), (200, [(3, 97)])])
def test_what_was_acknowledged_is_missing_at_the_end(capture: Capture, acked: int, gaps: list[tuple[int, int]]) -> None:
    """One octet more proves nothing: a FIN takes a number as well."""
    capture.data(100, b"abc")
    capture.ack(acked)
    capture.connections.finish()
    assert (capture.one.gaps, capture.one.ended) == (gaps, "capture")


def test_open_gaps_are_lost_at_the_end(capture: Capture) -> None:
    capture.data(103, b"def")
    capture.data(109, b"jkl")
    capture.connections.finish()
    assert (capture.one.gaps, capture.one.octets) == ([(0, 3), (6, 3)], b"\0\0\0def\0\0\0jkl")


def test_packets_cut_at_the_snap_length(capture: Capture) -> None:
    """Their lengths count, held back or not, and what of them was kept."""
    capture.see(Packet(0, 100, 500, ACK, b"abcdef"), captured=2)
    capture.see(Packet(0, 112, 500, ACK, b"mnopqr"), captured=4)
    capture.see(Packet(0, 106, 500, ACK, b"ghijkl"), captured=0)
    taken = capture.one
    assert taken.octets == b"ab\0\0\0\0" + bytes(6) + b"mnop\0\0"
    assert (taken.cut, taken.gaps) == ([(2, 4), (6, 6), (16, 2)], [])


# --- bounds -------------------------------------------------------------------------------------------------


def held(directions: Iterable[HalfConnection]) -> int:
    """What all pieces that wait cost."""
    return sum(PIECE_COST + len(piece.octets) for one in directions for piece in one.held)


def test_what_is_held_is_bounded() -> None:
    """Holes everywhere and no acknowledgement: the oldest gaps are given up."""
    limit = 200_000
    budget = Budget(limit)
    capture = Capture(budget)
    capture.open()
    chance = random.Random(1)
    for _ in range(3000):
        capture.data(100 + chance.randrange(1, 1 << 22), chance.randbytes(chance.choice([1, 10, 1448])))
        assert held(capture.connections.waiting) == limit - budget.free <= limit
    assert capture.one.gaps
    capture.connections.finish()
    assert (budget.free, len(capture.connections.waiting)) == (limit, 0)
    assert capture.one.ended == "capture"


def test_who_waits_longest_gives_up_first() -> None:
    """A connection whose gap nothing ever closes does not cost others theirs."""
    capture = Capture(Budget(10_000))
    stuck, busy = Ends(ports=(1, 2)), Ends(ports=(3, 4))
    for ends in (stuck, busy):
        capture.see(Packet(0, 99, 0, SYN), ends=ends)
    for index in range(6):
        capture.see(Packet(0, 200 + 1000 * index, 500, ACK, bytes(1000)), ends=stuck)
    for index in range(20):
        for seq in (1000, 0):
            capture.see(Packet(0, 100 + 2000 * index + seq, 500, ACK, b"x" * 1000), ends=busy)
    (given_up, _), (kept, _) = capture.took
    assert (kept.octets, kept.gaps) == (b"x" * 40_000, [])
    assert given_up.gaps in ([], [(0, 100)])


def test_the_greedy_give_up_first() -> None:
    """Out-of-order segments of others cost nobody else a gap that is about to be filled."""
    capture = Capture()
    victim = Ends(ports=(1, 2))
    capture.see(Packet(0, 99, 0, SYN), ends=victim)
    capture.see(Packet(0, 1548, 500, ACK, b"b" * 1448), ends=victim)
    for index in range(300):
        for port in (3, 5, 7):
            greedy = Ends(ports=(port, port))
            capture.see(Packet(0, 99, 0, SYN), ends=greedy)
            capture.see(Packet(0, 200 + 61_000 * index, 500, ACK, bytes(60_000)), ends=greedy)
    capture.see(Packet(0, 100, 500, ACK, b"a" * 1448), ends=victim)
    assert capture.took[0][0].octets == b"a" * 1448 + b"b" * 1448
    assert capture.took[0][0].gaps == []


def test_since_when_octets_are_held(capture: Capture) -> None:
    """No longer than ORDER_FRAMES packets anybody's order waits for them, nor than a few seconds without packets."""
    oldest = capture.connections.oldest_held
    assert oldest() is None
    for seq in (109, 103):
        capture.data(seq, b"xyz")
    assert oldest() == 4
    capture.data(100, b"abc")
    assert oldest() == 4
    capture.data(106, b"ghi")
    assert oldest() is None
    capture.data(200, b"late")
    for _ in range(connections_module.SETTLED_PATIENCE - 1):
        capture.connections.settle()
    assert oldest() == 8
    capture.connections.settle()
    assert oldest() is None
    capture.data(300, b"late")
    assert oldest() == 9
    capture.frame += ORDER_FRAMES
    capture.data(112, b"x")
    assert oldest() is None


def test_page_contents_are_not_held() -> None:
    """Inside what the consumer does not need the extent of a segment is enough, and neighbours are one piece."""
    capture = Capture(Budget(4000), skip=1_000_000)
    capture.open()
    for index in range(1, 600):
        capture.data(100 + index * 1448, bytes(1448))
    (piece,) = capture.direction().held
    assert (piece.octets, piece.offset, piece.length) == (b"", 1448, 599 * 1448)
    capture.data(100 + 999_000, b"a" * 3000)  # the last 2000 of it are needed
    assert [len(piece.octets) for piece in capture.direction().held] == [0, 0, 2000]
    capture.data(100 + 600 * 1448, bytes(999_000 - 600 * 1448))
    capture.data(100, bytes(1448))
    assert capture.one.octets[1_000_000:] == b"a" * 2000
    assert (capture.one.gaps, capture.one.cut, capture.budget.free) == ([], [], 4000)


@pytest.mark.parametrize("gap", [0, 1])
def test_many_tiny_pieces_cost_their_number(gap: int) -> None:
    """Delivered or held: what comes again over thousands of them looks at those alone that it overlaps, and at them as
    one afterwards."""
    capture = Capture()
    capture.open()
    with within(120):
        for index in range(8000):
            capture.data(100 + gap + 2 * index, b"xy"[: 2 - gap])
        for _ in range(8000):
            capture.data(100 + 8000, b"yx")
        for _ in range(300):
            capture.data(101, bytes(15_000))
    assert capture.direction().conflicts


def test_many_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, so many are kept, and one that is busy is among them."""
    monkeypatch.setattr(connections_module, "MAX_CONNECTIONS", 64)
    monkeypatch.setattr(connections_module, "MAX_FINISHED", 16)
    capture = Capture()
    capture.open()
    for port in range(1, 5000):
        other = Ends(ports=(port, 9))
        capture.see(Packet(0, 5, 0, SYN), ends=other)
        if port % 3:
            capture.see(Packet(0, 6, 0, ACK, b"unfinished"), ends=other)
        if port % 5 == 0:
            capture.see(Packet(0, 6, 0, RST), ends=other)
            capture.see(Packet(1, 6, 0, RST), ends=other)
        if port % 20 == 0:
            capture.data(100 + port // 20 - 1, b"x")
        assert len(capture.connections.halves) <= 2 * (64 + 16 + 1)
    assert capture.took[0][0].octets == b"x" * (4999 // 20)
    assert capture.took[0][0].ended is None


def test_a_scan_does_not_push_out_who_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections_module, "MAX_CONNECTIONS", 64)
    capture = Capture()
    capture.open()
    capture.data(100, b"x" * 1000)
    for port in range(1, 2000):
        capture.see(Packet(0, 5, 0, SYN), ends=Ends(ports=(port, 9)))
        if port % 2:
            capture.see(Packet(0, 6, 0, ACK, b"GET /"), ends=Ends(ports=(port, 9)))
    capture.data(1100, b"y")
    assert (capture.took[0][0].octets[-2:], capture.took[0][0].ended) == (b"xy", None)


def test_many_connections_take_little_memory() -> None:
    capture = Capture()
    payload = bytes(1448)
    tracemalloc.start()
    for index in range(60):
        for port in range(100):
            capture.see(Packet(0, 100 + 1448 * index, 500, ACK, payload), ends=Ends(ports=(port, 9)))
    for taken, _ in capture.took:
        taken.taken.clear()
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used / 100 < RECENT + 8000


def test_addresses_that_are_one() -> None:
    """A packet from an address and port to themselves (a land attack) is somebody's joke, not a crash."""
    ends = Ends(("192.0.2.1", "192.0.2.1"), (7, 7))
    capture = Capture()
    for flags, seq, payload in ((SYN, 5, b""), (ACK, 6, b"abc"), (FIN | ACK, 9, b""), (SYN, 900, b""), (RST, 9, b"")):
        capture.see(Packet(0, seq, 0, flags, payload), ends=ends)
        capture.see(Packet(1, seq, 0, flags, payload), ends=ends)
    capture.connections.finish()


# --- properties ---------------------------------------------------------------------------------------------


def conversation(chance: random.Random) -> list[tuple[str, bytes]]:
    """Octets that both directions say in turn."""
    return [
        (chance.choice((FORWARD, REVERSE)), chance.randbytes(chance.randrange(1, 4000)))
        for _ in range(chance.randrange(1, 8))
    ]


def said(turns: Iterable[tuple[str, bytes]], side: int) -> bytes:
    return b"".join(octets for direction, octets in turns if direction == (FORWARD, REVERSE)[side])


def holes(packets: Iterable[Packet], side: int, base: int) -> list[tuple[int, int]]:
    """What of a side's octets no packet carried, up to the last that is known of: carried itself, or followed by
    a captured FIN, or acknowledged (but for one, which may be a FIN)."""
    covered: set[int] = set()
    fin = acked = 0
    for packet in packets:
        start = (packet.seq - base) % SPACE
        if packet.side == side and not packet.flags & SYN:
            covered.update(range(start, start + len(packet.payload)))
            fin = start + len(packet.payload) if packet.flags & FIN else fin
        elif packet.side != side and not packet.flags & SYN:
            acked = max(acked, (packet.ack - base) % SPACE)
    if not covered:
        return []
    end = max(covered) + 1
    end = fin or (acked if acked > end + 1 else end)
    missing = sorted(set(range(end)) - covered)
    starts = [place for place in missing if place == 0 or place - 1 in covered]
    return [(start, next(at for at in range(start, end + 1) if at in covered or at == end) - start) for start in starts]


@given(st.integers(0, 1 << 32), st.sampled_from([1, 3, 20]), st.sampled_from([0.0, 0.0, 0.05, 0.4]))
@QUICK
def test_exactly_what_was_captured(seed: int, reach: int, lost: float) -> None:
    """Segments of any size, some late, some again in whole or in part, some missing: every octet that was captured,
    at its place, once; and of every other that it was not."""
    chance = random.Random(seed)
    turns = conversation(chance)
    first = (chance.randrange(SPACE), chance.randrange(SPACE))
    skip = chance.choice([0, 0, 1000, 100_000])
    clean = exchange(turns, chance, (1, 17, 536, 1448, 9000), first, closed=chance.random() < 0.7)
    packets = impaired(clean, chance, lost, again=0.2, late=0.2, reach=reach + 1)
    capture = Capture(skip=skip)
    for packet in packets:
        capture.see(packet)
    sides = [capture.direction(side).consumer for side in (0, 1)]
    capture.connections.finish()
    assert len(capture.took) == 1
    assert capture.budget.free == Budget().free and not capture.connections.waiting
    for side, taken in enumerate(sides):
        assert isinstance(taken, Taken)
        octets = said(turns, side)
        assert taken.gaps == holes(packets, side, first[side] + 1)
        assert taken.cut == [] and taken.late is False and taken.ended is not None
        true = bytearray(octets[: len(taken.octets)])
        for start, length in taken.gaps:
            true[start : start + length] = bytes(length)
        assert taken.octets[skip:] == true[skip:].ljust(len(taken.octets[skip:]), b"\0")
        if not lost:
            assert len(taken.octets) == len(octets)
            assert capture.direction(side).octets == len(octets)


@given(st.integers(0, 1 << 32))
@QUICK
def test_a_late_start_gives_what_follows(seed: int) -> None:
    """From the first segment of each side that was captured on."""
    chance = random.Random(seed)
    turns = conversation(chance)
    clean = exchange(turns, chance, (17, 536, 1448), (chance.randrange(SPACE), chance.randrange(SPACE)), opened=False)
    capture = Capture()
    packets = clean[chance.randrange(len(clean)) :]
    for packet in packets:
        capture.see(packet)
    capture.connections.finish()
    for side in (0, 1):
        mine = [packet for packet in packets if packet.side == side and packet.payload]
        expected = b"".join(packet.payload for packet in mine)
        if mine and len(mine[0].payload) == 1:  # perhaps a keep-alive
            before = [packet.ack for packet in packets[: packets.index(mine[0])] if packet.side != side]
            if before[-1] == (mine[0].seq + 1) % SPACE if before else not mine[0].flags & PSH:
                expected = expected[1:]
        if expected:
            taken = capture.direction(side).consumer
            assert isinstance(taken, Taken)
            assert (taken.octets, taken.gaps, taken.late) == (expected, [], True)
