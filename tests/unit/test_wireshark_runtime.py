"""What Wireshark's dissector does with octets, in Python: the same functions that it has as Lua."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest
import talks
from conversation import FIRST, HOSTS, OTHER, SYN, Packet, Packets, Wire, index_of, packets
from hypothesis import given, settings
from hypothesis import strategies as st
from talks import Expected, Speaker, Talk, expected

from dissector import protocol
from dissector.events import FORWARD, REVERSE, Direction
from dissector.integrations.wireshark.runtime import connections, words
from dissector.integrations.wireshark.runtime.connections import Connections
from dissector.integrations.wireshark.runtime.halves import TURN, Piece, Placed
from dissector.integrations.wireshark.runtime.layouts import Ordered, Reading, measure
from dissector.integrations.wireshark.runtime.octets import rows_of
from dissector.integrations.wireshark.runtime.shown import Shown
from dissector.parser.resync import LATE_SEARCHED, OPAQUE_SEARCHED, START_SEARCHED
from dissector.protocol import (
    HEADERS,
    RECORDS,
    Endianness,
    GrammarError,
    HeaderSpec,
    RecordSpec,
    fields,
    layout,
    parse_partial,
)
from dissector.tcp.half_connection import REORDER_FRAMES

SMALL = Speaker(version=2, page_shift=6)


@dataclass
class Described:
    """A packet as Wireshark describes it."""

    number: int
    src: object
    dst: object
    src_port: int
    dst_port: int


class Onlooker:
    """Sees packets as Wireshark hands them to the dissector: those with payload, and all where octets are held."""

    def __init__(self, captured: Iterable[Packet] = (), has_numbers: bool = True) -> None:
        self.connections = Connections()
        self.has_numbers = has_numbers
        self.frame = 0
        for packet in captured:
            self.see(packet)
        self.connections.flush()

    def see(self, packet: Packet) -> None:
        self.frame += 1
        (source, port), (target, target_port) = HOSTS[packet.direction], HOSTS[OTHER[packet.direction]]
        described = Described(self.frame, source, target, port, target_port)
        if packet.flags & SYN:
            return
        stream, seq, ack = None, None, None
        if self.has_numbers:
            stream, seq = 0, _sequence(packet.direction, packet.offset)
            ack = _sequence(OTHER[packet.direction], packet.ack)
        piece = Piece(0, len(packet.payload), packet.payload, len(packet.payload), self.frame, self.frame)
        connection = self.connections.known(described, stream)
        if connection is None:
            known = packet.payload and self.connections.recognises(described, stream, seq, piece, _origin)
            if not known:
                return
            connection = self.connections.opened(described, stream)
        half = connection.half_of(described)
        if packet.payload:
            half.take(piece, seq, ack, packet.flags, _origin)
        else:
            half.take_ack(ack, seq, packet.flags, self.frame)

    @property
    def shown(self) -> list[Shown]:
        (connection,) = self.connections.all
        return [*connection.one.shown, *connection.other.shown]

    @property
    def items(self) -> list[Expected]:
        """What was found and has ended."""
        return [
            Expected(one.direction, one.offset, one.length, one.item.layer, one.item.name)
            for one in self.shown
            if one.last is not None
        ]

    def one(self, name: str) -> Shown:
        return next(one for one in self.shown if one.item.name == name)


def _sequence(direction: Direction, offset: int) -> int:
    return (FIRST[direction] + offset) % 2**32


def _origin(seq: int) -> tuple[int, bool]:
    """As where a SYN was captured: whose octet it is tells the nearest first one."""
    direction = min(FIRST, key=lambda one: (seq - FIRST[one]) % 2**32)
    return FIRST[direction], True


def by_place(items: Iterable[Expected]) -> list[Expected]:
    return sorted(items, key=lambda one: (one.direction, one.offset))


NEWEST = Speaker(page_shift=6)
TALKS = {
    "precopy": talks.precopy(NEWEST),
    "postcopy": talks.postcopy(SMALL),
    "remus": talks.remus(NEWEST),
    "xenops": talks.xenops(NEWEST),
}


@pytest.mark.parametrize("has_numbers", [True, False])
@pytest.mark.parametrize("size", [3, 100, 1448])
@pytest.mark.parametrize("talk", TALKS)
def test_every_item_is_found_however_it_is_split(talk: str, size: int, has_numbers: bool) -> None:
    said = TALKS[talk]
    found = Onlooker(packets(Wire(said, size=size)), has_numbers)
    assert by_place(found.items) == by_place(expected(said))
    assert all(one.complete and not one.holes for one in found.shown)


BEGUN = 16
"""Packets with which the streams have begun, however small they are: what precedes that is judged packet by packet."""


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(TALKS)), st.integers(20, 300), st.randoms(use_true_random=False))
def test_order_changes_nothing(talk: str, size: int, chance: Any) -> None:
    """Packets that come some places late, some of them twice, once the streams have begun."""
    said = TALKS[talk]
    captured = packets(Wire(said, size=size))
    late = sorted(range(BEGUN, len(captured)), key=lambda at: at + chance.choice((0, 0, 0, 9)))
    again = [at for at in late for _ in range(chance.choice((1, 1, 1, 2)))]
    found = Onlooker([*captured[:BEGUN], *(captured[at] for at in again)])
    assert by_place(found.items) == by_place(expected(said))


def _of(captured: Packets, direction: Direction, start: int) -> int:
    """Which packet holds an octet."""
    return next(
        at
        for at, one in enumerate(captured)
        if one.direction == direction and one.offset <= start < one.offset + len(one.payload)
    )


def _pages(said: Talk) -> Expected:
    return next(one for one in expected(said) if one.name == "PAGE_DATA")


def test_page_contents_that_are_missing_hold_up_nothing() -> None:
    said = talks.postcopy(SMALL)
    pages = _pages(said)
    captured = packets(Wire(said, size=100))
    at = _of(captured, FORWARD, pages.offset + pages.length - 150)
    lost = captured.pop(at)
    found = Onlooker()
    for packet in captured:
        found.see(packet)
        assert found.connections.capture.waiting == 0
    record = found.one("PAGE_DATA")
    (kept,) = found.connections.capture.migrations
    assert (record.holes, [gap.length for gap in kept.forward.gaps]) == (1, [100])
    assert by_place(found.items) == by_place(expected(said))
    found.see(lost)
    assert (record.holes, kept.forward.gaps) == (0, [])
    assert record.last is not None and record.last.frame == found.frame, "its newest octet came last"


def test_a_hole_is_filled_in_parts() -> None:
    said = talks.postcopy(SMALL)
    pages = _pages(said)
    captured = packets(Wire(said, size=100))
    lost = captured.pop(_of(captured, FORWARD, pages.offset + pages.length - 150))
    found = Onlooker(captured)
    found.see(lost._replace(offset=lost.offset + 40, payload=lost.payload[40:60]))
    (kept,) = found.connections.capture.migrations
    assert sorted((gap.offset - lost.offset, gap.length) for gap in kept.forward.gaps) == [(0, 40), (60, 40)]
    assert found.one("PAGE_DATA").holes == 2


def test_a_header_that_is_missing_is_waited_for_until_nothing_can_fill_the_gap() -> None:
    said = talks.postcopy(SMALL)
    pages = _pages(said)
    captured = packets(Wire(said, size=60))
    captured.pop(_of(captured, FORWARD, pages.offset + 2))
    found = Onlooker()
    waits = []
    for packet in captured:
        found.see(packet)
        waits.append(found.connections.capture.waiting)
    assert max(waits) == 1
    assert (waits[-1] == 0) == (len(captured) - waits.index(1) > REORDER_FRAMES)
    found.connections.flush()
    assert found.connections.capture.waiting == 0
    names = [one.item.name for one in found.shown]
    assert "PAGE_DATA" in names and names.count("POSTCOPY_COMPLETE") == 1, "the way was found again"


@pytest.mark.parametrize("cut", [1, 5, 30, 47])
def test_a_beginning_may_be_split_and_come_in_any_order(cut: int) -> None:
    said = talks.precopy(NEWEST)
    one, *others = (packet for packet in packets(Wire(said)) if packet.payload and packet.direction == FORWARD)
    first = one._replace(payload=one.payload[:cut])
    second = one._replace(offset=one.offset + cut, payload=one.payload[cut:])
    forward = [item for item in expected(said) if item.direction == FORWARD]
    for begun in ([first, second], [second, first]):
        found = Onlooker([*begun, *others])
        assert by_place(item for item in found.items if item.direction == FORWARD) == by_place(forward)


def test_other_connections_are_told_from_migrations() -> None:
    found = Onlooker()
    for number in range(3):
        found.see(Packet(FORWARD, 0, 900 * number, b"GET / HTTP/1.1\r\n".ljust(900, b"."), 0))
    assert not found.connections.all
    assert found.connections.unfinished == 0
    found.see(Packet(FORWARD, 0, 3600, b"." * 900, 0))  # 900 octets are missing before these
    assert found.connections.unfinished == 1
    found.see(Packet(FORWARD, 0, 2700, b"." * 899 + b"X", 0))
    assert found.connections.unfinished == 0
    found.see(Packet(FORWARD, 0, 4500, b"." * 899 + b"X", 0))  # as xl's header begins
    assert found.connections.unfinished == 1
    found.see(Packet(FORWARD, 0, 5400, b"." * 900, 0))
    assert found.connections.unfinished == 0


@pytest.mark.parametrize(("letter", "limit"), [(b".", START_SEARCHED), (b"\0", OPAQUE_SEARCHED)], ids=["text", "none"])
def test_no_stream_is_looked_for_further_than_the_engine_does(letter: bytes, limit: int) -> None:
    found = Onlooker()
    described = Described(9, *(HOSTS[FORWARD][0], HOSTS[REVERSE][0]), *(HOSTS[FORWARD][1], HOSTS[REVERSE][1]))
    answer = Described(9, described.dst, described.src, described.dst_port, described.src_port)
    for at in range(0, limit + 1, 1024):
        assert not found.connections.has_given_up(described, 0)
        found.see(Packet(FORWARD, 0, at, letter * 1024, 0))
    assert found.connections.has_given_up(described, 0)
    assert found.connections.has_given_up(answer, 0), "a connection is given up, not one side of it"


def test_a_direction_whose_beginning_was_not_captured_is_looked_at_for_longer() -> None:
    found = Connections()
    ends = {way: (*HOSTS[way], *HOSTS[OTHER[way]]) for way in OTHER}
    said = {way: Described(1, one, other, port, other_port) for way, (one, port, other, other_port) in ends.items()}
    late = {FORWARD: False, REVERSE: True}

    def see(way: Direction, at: int) -> None:
        piece = Piece(0, 1024, bytes(1024), 1024, at, at)
        assert not found.recognises(said[way], 0, at, piece, lambda seq: (0, not late[way]))

    for at in range(0, OPAQUE_SEARCHED + 1, 1024):
        see(REVERSE, at)
        see(FORWARD, at)
    assert found.has_given_up(said[FORWARD], 0)
    assert not found.has_given_up(said[REVERSE], 0)
    see(REVERSE, LATE_SEARCHED)
    assert found.has_given_up(said[REVERSE], 0) and found.ignored == {0: True}


def test_how_much_of_the_end_may_begin_a_stream() -> None:
    magic = connections.STARTS[0]
    for size in range(1, len(magic)):
        assert connections.unfinished(b"." * 80 + magic[:size]) == size
    assert connections.unfinished(b"." * 80) == 0


@given(st.integers(0, 2**32 - 1), st.integers(0, 1 << 40), st.integers(-(1 << 31) + 1, (1 << 31) - 1))
def test_the_nearest_offset_is_meant(base: int, near: int, distance: int) -> None:
    placed = Placed()
    placed.set_origin((base, True))
    assert placed.unwrapped((base + near + distance) % 2**32, near) == near + distance


def test_frames_are_found_again_past_4_gib() -> None:
    """Page contents that nobody looks at take no place: one mark a TURN is enough."""
    found = Onlooker(packets(Wire(talks.postcopy(SMALL), size=100))[:20])
    (connection,) = found.connections.all
    half = connection.one if connection.one.parser.direction == FORWARD else connection.other
    for turn in range(1, 9):
        half.next = turn * TURN
        half._mark_turn(100 * turn)
    for turn in range(1, 9):
        seq = _sequence(FORWARD, turn * TURN + 5)
        assert half.place_of(100 * turn + 1, seq) == turn * TURN + 5


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.0000123, "12.3 us"), (-0.0000123, "-12.3 us"), (0.0214, "21.4 ms"), (2.5, "2.500 s")]
)
def test_durations(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


def test_words_of_faults_and_their_answers() -> None:
    found = Onlooker(packets(Wire(talks.postcopy(SMALL))))
    fault = found.one("POSTCOPY_FAULT")
    assert fault.pfns and {tie.pfn for tie in fault.links} <= set(fault.pfns)
    tie = fault.links[0]
    assert tie.shown.last is not None and fault.last is not None
    waited = tie.shown.last.time - fault.last.time
    said = words.fault(fault, tie.pfn, tie, False)
    assert said == f"pfn {tie.pfn:#x}, answered in frame {tie.shown.last.frame} after {waited:.3f} s"
    assert words.fault(fault, 5, None, True) == "pfn 0x5, unanswered"
    assert words.fault(fault, 5, None, False) == "pfn 0x5, not answered yet"
    assert "(slowest" in words.summary(fault)
    assert f"(answers {len(tie.shown.links)} fault" in words.summary(tie.shown)
    capture = found.connections.capture
    lines = list(words.report_faults(capture))
    assert len(lines) == 1 + sum(len(one.pfns or []) for one in capture.migrations[0].asked)
    report = list(words.report_summary(capture))
    assert report[0] == "Migration 0: xl, libxl, libxc"
    assert any(line.split()[0] == "POSTCOPY_FAULT" for line in report)


@pytest.mark.parametrize("spec", [*HEADERS.values(), *RECORDS], ids=lambda one: one.name)
@given(st.binary(max_size=80), st.sampled_from(("little", "big")))
@settings(max_examples=20, deadline=None)
def test_layouts_are_read_as_the_grammar_reads_them(
    spec: HeaderSpec | RecordSpec, octets: bytes, order: Endianness
) -> None:
    """As far as the octets go: what there is of it, and how long it is."""
    known = layout(spec.body, order)
    try:
        needed: int | None = protocol.measure(known, octets)
    except GrammarError:
        needed = None
    assert measure(Ordered(spec.body, order), octets) == needed
    reading = Reading(octets, order)
    reading.follow(rows_of(spec.body))
    numbers = {name: value for name, value in parse_partial(known, octets).items() if isinstance(value, int)}
    wide = {one.name for one in fields(known) if one.size == 8}
    assert {name: reading.values[name] for name in numbers.keys() - wide} == {
        name: numbers[name] for name in numbers.keys() - wide
    }


def test_no_more_elements_are_shown_than_asked_for() -> None:
    spec = next(one for one in RECORDS if one.name == "HVM_PARAMS")
    octets = (9).to_bytes(8, "little") + bytes(16 * 9)
    reading = Reading(octets, "little", shown=4)
    assert reading.follow(rows_of(spec.body)) == len(octets)
    assert [one.element for one in reading.found if one.element is not None] == [0, 1, 2, 3]


def test_a_rule_is_told_with_the_item_that_breaks_it() -> None:
    said = talks.precopy(NEWEST)
    at = index_of(said, "PAGE_DATA")
    twice = [*said[:at], said[0], *said[at:]]
    found = Onlooker(packets(Wire(twice)))
    assert any(one.broken for one in found.shown)
    assert all(one.rule for shown in found.shown for one in shown.broken)
    assert {one.direction for one in found.shown} == {FORWARD, REVERSE}
