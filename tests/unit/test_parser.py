"""Octets to records: layers hand over to each other, and what was lost costs no more than it must."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TypeVar

import pytest
import talks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streams import entry, filling, pages, record
from talks import Expected, Speaker, Talk, expected, octets_of, turns

from dissector.events import (
    FORWARD,
    REVERSE,
    Context,
    Direction,
    DirectionEnded,
    DirectionStarted,
    Endpoint,
    Event,
    Flow,
    Gap,
    MigrationFound,
    PacketsCut,
    Record,
    Resynchronised,
    Run,
)
from dissector.parser import Conversation, connect
from dissector.parser.entries import ONE_NUMBER_MAX, page_runs
from dissector.parser.resync import OPAQUE_SEARCHED
from dissector.protocol import MESSAGES, XL_MAGIC
from dissector.tcp import FOREVER

Kind = TypeVar("Kind")

QUICK = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))

SMALL = 3
"""A page shift that makes streams of a few thousand octets, for tests that go through all of them."""


class Dissection:
    """Both directions of one connection, fed by hand; every call counts as a packet."""

    def __init__(self, late: bool = False, keep_pages: bool = False) -> None:
        self.events: list[Event] = []
        self.frame = 0
        self._migrations = 0
        flow = Flow(Endpoint("192.0.2.1", 1), Endpoint("192.0.2.2", 2))
        self.conversation = Conversation(flow, lambda event, frame: self.events.append(event), self._number, keep_pages)
        one, other = connect(self.conversation)
        self.parsers = {FORWARD: one, REVERSE: other}
        for parser in self.parsers.values():
            parser.start(late)

    def _number(self) -> int:
        self._migrations += 1
        return self._migrations - 1

    @property
    def records(self) -> list[Record]:
        return self.all(Record)

    def all(self, kind: type[Kind], migration: int | None = None) -> list[Kind]:
        """The events of one kind, and perhaps of one migration."""
        found = [event for event in self.events if isinstance(event, kind)]
        return [event for event in found if migration in (None, event.migration)]

    @property
    def found(self) -> list[MigrationFound]:
        return self.all(MigrationFound)

    @property
    def context(self) -> Context:
        """What the headers of the only migration said at last."""
        (one,) = self.found
        return self.conversation.migration(one.migration).context

    @property
    def skipped(self) -> dict[int, int]:
        """Where the way was found again, and how many octets were skipped before."""
        return {one.offset: one.skipped for one in self.all(Resynchronised)}

    def feed(self, octets: bytes, direction: Direction = FORWARD, captured: int | None = None) -> None:
        """A packet, of which some octets may have been cut off."""
        self.frame += 1
        kept = octets[:captured]
        self.parsers[direction].feed(kept, len(octets), len(kept) == len(octets), self.frame, self.frame * 1000)

    def lose(self, length: int, direction: Direction = FORWARD) -> None:
        self.parsers[direction].lose(length)

    def finish(self) -> list[Record]:
        for parser in self.parsers.values():
            parser.finish("fin")
        return self.records


def said(records: Iterable[Record]) -> list[Expected]:
    return [Expected(one.direction, one.offset, one.length, one.layer, one.name) for one in records]


def by_place(items: Iterable[Expected]) -> list[Expected]:
    return sorted(items, key=lambda item: (item.direction, item.offset))


def dissect(talk: Talk, size: int = 1 << 30) -> Dissection:
    """A whole talk in packets of at most `size` octets."""
    dissection = Dissection()
    for direction, octets in turns(talk):
        for at in range(0, len(octets), size):
            dissection.feed(octets[at : at + size], direction)
    dissection.finish()
    return dissection


def follow(octets: bytes, late: bool = False) -> list[Record]:
    """A forward direction in one packet."""
    dissection = Dissection(late)
    dissection.feed(octets)
    return dissection.finish()


# --- layers -------------------------------------------------------------------------------------------------

TALKS: dict[str, tuple[Talk, list[str]]] = {
    "precopy": (talks.precopy(), ["xl", "libxl", "libxc"]),
    "precopy, version 2": (talks.precopy(Speaker(2)), ["xl", "libxl", "libxc"]),
    "precopy, unknown version": (talks.precopy(Speaker(9)), ["xl", "libxl", "libxc"]),
    "precopy, big-endian": (talks.precopy(Speaker(3, "big", "big")), ["xl", "libxl", "libxc"]),
    "precopy, big-endian libxc": (talks.precopy(Speaker(3, "big", "little")), ["xl", "libxl", "libxc"]),
    "precopy, big-endian libxl": (talks.precopy(Speaker(2, "little", "big")), ["xl", "libxl", "libxc"]),
    "postcopy": (talks.postcopy(), ["xl", "libxl", "libxc"]),
    "postcopy, big-endian": (talks.postcopy(Speaker(2, "big", "big")), ["xl", "libxl", "libxc"]),
    "postcopy, big-endian libxc": (talks.postcopy(Speaker(2, "big", "little")), ["xl", "libxl", "libxc"]),
    "postcopy, bare": (talks.postcopy(wrapped=False), ["libxc"]),
    "Remus": (talks.remus(), ["xl", "libxl", "libxc"]),
    "COLO": (talks.colo(), ["xl", "libxl", "libxc"]),
    "COLO, short states": (talks.colo(state_length=4), ["xl", "libxl", "libxc"]),
    "COLO, big-endian libxl": (talks.colo(Speaker(3, "little", "big")), ["xl", "libxl", "libxc"]),
    "bare libxc": (talks.libxc(Speaker()), ["libxc"]),
    "bare libxl": (talks.libxl(Speaker()), ["libxl", "libxc"]),
    "xenopsd": (talks.xenops(), ["xenops", "libxc"]),
    "xenopsd with libxl": (talks.xenops(in_libxl=True), ["xenops", "libxl", "libxc"]),
}


@pytest.mark.parametrize("size", [1, 7, 1448, 1 << 30])
@pytest.mark.parametrize("name", TALKS)
def test_layers_hand_over(name: str, size: int) -> None:
    """Every item of every kind of migration is found where it is, whatever the packets."""
    talk, layers = TALKS[name]
    if size == 1:
        talk = [item for item in talk if len(item.octets) < 4096]
    done = dissect(talk, size)
    assert by_place(said(done.records)) == by_place(expected(talk))
    assert all(one.complete and one.whole and not one.unannounced for one in done.records)
    assert not done.skipped
    assert (done.context.layers, done.context.legacy) == (tuple(layers), False)
    assert not any(one.late for one in done.all(DirectionStarted))
    assert [one.flow for one in done.found] == [done.conversation.flow]
    octets = {way: len(octets_of(talk, way)) for way in (FORWARD, REVERSE)}
    ended = {one.direction: one.offset for one in done.all(DirectionEnded)}
    assert {one.direction: one.offset for one in done.all(DirectionStarted)} == dict.fromkeys(octets, 0)
    assert ended == octets


def test_bodies_and_places() -> None:
    """What has fields is kept, page contents are not; first and last packet are those of the record."""
    talk = talks.precopy()
    done = dissect(talk, 1000)
    for one, item in zip((r for r in done.records if r.direction == FORWARD), of(talk, FORWARD), strict=True):
        kept = len(item.octets) if one.is_header else 8 + one.body_length
        entries = 8 * one.count if one.is_pages else 0
        assert one.length == len(item.octets)
        if one.is_pages:
            assert one.body == item.octets[8 : 16 + entries]
        elif one.type is not None:
            assert (one.body, one.padding) == (item.octets[8:kept], item.octets[kept:])
        else:
            assert one.body == item.octets
        assert one.last.frame >= one.first.frame > 0
        assert one.first.time == one.first.frame * 1000
    for before, after in pairwise(r for r in done.records if r.direction == FORWARD):
        assert before.last.frame <= after.first.frame + 1


def of(talk: Talk, direction: str) -> Talk:
    return [item for item in talk if item.direction == direction]


def test_pages_are_kept_on_demand() -> None:
    dissection = Dissection(keep_pages=True)
    item = Speaker().pages(range(0x100, 0x105))
    dissection.feed(octets_of([*Speaker().libxc_headers(), item]))
    assert dissection.records[-1].body == item.octets[8:]


def test_page_runs() -> None:
    speaker = Speaker(libxc="big")
    done = dissect([*speaker.libxc_headers(), speaker.pages([0x102, 0x103, 0x104, 0x105, 0x106, 0x200])])
    runs = [tuple(run) for run in done.records[-1].runs]
    # 0x103 is a multiple of 7, and so has no page.
    assert runs == [(0x102, 1, 0), (0x103, 1, 15), (0x104, 3, 0), (0x200, 1, 0)]


def test_what_the_headers_say() -> None:
    done = dissect(talks.postcopy(Speaker(2, "big", "little", page_shift=SMALL)))
    context = done.context
    assert (context.version, context.endianness) == (2, "big")
    assert {one.endianness for one in done.records if one.layer == "libxl" and not one.is_header} == {"little"}
    assert (context.guest, context.page_shift, context.xen) == ("x86 HVM", SMALL, "4.17")
    assert context.postcopy


def test_pages_of_no_possible_size() -> None:
    assert dissect(Speaker(page_shift=0xFFFF).libxc_headers()).context.page_shift == 12


def test_the_other_direction_follows_the_headers_of_this_one() -> None:
    done = dissect(talks.postcopy(Speaker(2, "big", "big")))
    faults = [[tuple(run) for run in one.runs] for one in done.records if one.name == "POSTCOPY_FAULT"]
    assert faults == [[(0x209, 1, 0), (0x214, 1, 0)], [(0x20C, 1, 0)]]
    assert {one.endianness for one in done.records if one.direction == REVERSE and one.layer == "libxc"} == {"big"}


@pytest.mark.parametrize("damaged", [slice(0, 8), slice(8, 12), slice(0, 24)], ids=["marker", "id", "all"])
def test_damaged_image_header(damaged: slice) -> None:
    """Either of marker and id shows what it is; without both nothing it says is believed."""
    talk = talks.libxl(Speaker())
    octets = bytearray(talk[2].octets)
    octets[damaged] = b"x" * len(octets[damaged])
    talk[2] = talk[2]._replace(octets=bytes(octets))
    done = dissect(talk)
    missing = [item for item in expected(talk) if item not in said(done.records)]
    assert set(said(done.records)) <= set(expected(talk))
    assert [item.name for item in missing] == (["domain header"] if damaged.stop == 24 else [])
    assert (done.context.version, done.context.endianness) == (3, "little")


# --- several streams, and none ------------------------------------------------------------------------------


@pytest.mark.parametrize("between", [b"", b"\0" * 100, b"POST /again HTTP/1.1\r\n\r\n"], ids=len)
@pytest.mark.parametrize("first", ["precopy", "postcopy", "bare libxl", "xenopsd"])
def test_two_migrations_on_one_connection(first: str, between: bytes) -> None:
    one, two = TALKS[first][0], talks.precopy()
    dissection = Dissection()
    for direction, octets in [*turns(one), (FORWARD, between), *turns(two)]:
        if octets:
            dissection.feed(octets, direction)
    records = [record for record in dissection.finish() if record.name not in ("trailing data", "text")]
    assert len(dissection.found) == 2
    assert said(r for r in records if r.migration == 0) == expected(one)
    ends = {FORWARD: len(octets_of(one) + between), REVERSE: len(octets_of(one, REVERSE))}
    shifted = [item._replace(offset=item.offset + ends[item.direction]) for item in expected(two)]
    found = said(r for r in records if r.migration == 1)
    if first == "xenopsd":
        # Nobody looks at what goes back to a xenopsd.
        shifted, found = ([item for item in items if item.direction == FORWARD] for items in (shifted, found))
    assert found == shifted


HTTP = b"PUT /upload/memory/0 HTTP/1.1\r\nContent-Length: 4\r\n\r\nmemo"


@pytest.mark.parametrize("name", ["precopy", "bare libxl", "bare libxc", "xenopsd"])
def test_magic_after_something_else_in_pieces(name: str) -> None:
    talk, _ = TALKS[name]
    octets = octets_of(talk)
    whole = [item._replace(offset=item.offset + len(HTTP)) for item in expected(talk) if item.direction == FORWARD]
    for cut in range(1, len(HTTP) + 64):
        dissection = Dissection()
        dissection.feed((HTTP + octets)[:cut])
        dissection.feed((HTTP + octets)[cut:])
        assert said(dissection.finish()) == whole, cut


def test_the_banner_in_pieces() -> None:
    talk = talks.precopy(Speaker(page_shift=SMALL))
    banner = MESSAGES["banner"].octets
    for cut in range(1, len(banner)):
        dissection = Dissection()
        dissection.feed(banner[:cut], REVERSE)
        dissection.feed(banner[cut:], REVERSE)
        for direction, octets in turns(talk[1:]):
            dissection.feed(octets, direction)
        assert said(dissection.finish()) == expected(talk), cut


def test_xl_magic_as_a_string_is_no_header() -> None:
    """The magic is a constant in xl's program; what follows it there is not a byte order."""
    program = b"\0\1\2" + XL_MAGIC + b"Usage: xl migrate"
    talk = talks.precopy()
    found = follow(program + octets_of(talk))
    assert said(found)[0] == Expected(FORWARD, len(program), len(talk[1].octets), "xl", "xl header")


def test_the_banner_in_guest_memory_is_no_banner() -> None:
    """A direction that is lost does not become the other one because memory holds the other one's text."""
    speaker = Speaker()
    contents = (MESSAGES["banner"].octets * 76)[:4096] * 4
    page = speaker.record("PAGE_DATA", pages([entry(pfn) for pfn in range(0x100, 0x104)], contents))
    tail = [page, *talks.memory(speaker), speaker.record("END")]
    talk = [*speaker.libxc_headers(), page, *tail]
    octets = octets_of(talk)
    dissection = Dissection()
    dissection.feed(octets[:60])
    dissection.lose(16400)
    dissection.feed(octets[60 + 16400 :])
    found = said(dissection.finish())
    assert set(found) <= set(expected(talk))
    assert found[-len(tail) + 1 :] == expected(talk)[-len(tail) + 1 :]


@pytest.mark.parametrize(
    ("beginning", "cipher"), [(b"SSH-2.0-OpenSSH_9.6\r\n", "SSH"), (b"\x16\x03\x01\x02\0\x01\0\1\xfc", "TLS")]
)
def test_encrypted(beginning: bytes, cipher: str) -> None:
    dissection = Dissection()
    dissection.feed(beginning)
    dissection.feed(octets_of(talks.precopy()))
    dissection.feed(bytes(100), REVERSE)
    assert dissection.finish() == []
    assert dissection.conversation.remarks.ciphers == {cipher}


def test_a_direction_nobody_reads_keeps_nothing() -> None:
    """An answer that looks like TLS is ignored, and stays so when the other direction turns out to be a stream."""
    dissection = Dissection()
    dissection.feed(b"\x16\x03\x01\x02\0\x01\0\1\xfc", REVERSE)
    dissection.feed(octets_of(talks.precopy()))
    for _ in range(100):
        dissection.feed(bytes(1000), REVERSE)
    assert not dissection.parsers[REVERSE].buffer


def test_nothing_at_all() -> None:
    noise = random.Random(1).randbytes(300_000)
    for late in (False, True):
        dissection = Dissection(late)
        for at in range(0, len(noise), 1448):
            dissection.feed(noise[at : at + 1448])
            dissection.feed(noise[-at - 100 :][:100], REVERSE)
            assert len(dissection.parsers[FORWARD].buffer) < 70_000
        assert dissection.finish() == []


def test_a_connection_that_says_nothing_of_the_kind_is_let_go_soon() -> None:
    """Most connections of a host are none: a few packets of octets that are no text tell, whoever sends them."""
    noise = random.Random(1).randbytes(OPAQUE_SEARCHED + 1000)
    for direction in (FORWARD, REVERSE):
        dissection = Dissection()
        dissection.feed(b"a request", FORWARD)
        for at in range(0, len(noise), 1000):
            dissection.feed(noise[at : at + 1000], direction)
        # What is passed over counts against it.
        assert all(parser.skip > FOREVER >> 1 for parser in dissection.parsers.values())


def test_text_before_a_stream_may_be_long() -> None:
    greeting = b"Welcome to dom0!\n" * 3000
    talk = talks.precopy()
    dissection = Dissection()
    for at in range(0, len(greeting), 1000):
        dissection.feed(greeting[at : at + 1000], REVERSE)
    for direction, octets in turns(talk):
        dissection.feed(octets, direction)
    first, *others = dissection.records
    assert (first.name, first.offset, first.length) == ("text", 0, len(greeting)) and greeting.startswith(first.body)
    assert [one.name for one in others][:2] == ["banner", "xl header"]


def test_the_side_that_says_more_is_not_let_go_where_the_other_was_not_captured_from_its_beginning() -> None:
    """The destination's faults come before a record of pages from which the way is found."""
    dissection = Dissection()
    dissection.parsers[FORWARD].late = True
    for _ in range(9):
        dissection.feed(bytes(1000), REVERSE)
    listed = range(100)
    dissection.feed(record("PAGE_DATA", pages(listed, filling(listed))))
    assert [one.name for one in dissection.records] == ["PAGE_DATA"]


@pytest.mark.parametrize("tail", [b"x", b"\0" * 8, b"\0" * 16, b"more and more" * 50], ids=len)
def test_data_after_the_end(tail: bytes) -> None:
    for name in ("bare libxc", "bare libxl", "xenopsd"):
        talk, _ = TALKS[name]
        last = follow(octets_of(talk) + tail)[-1]
        assert (last.layer, last.name, last.length) == (None, "trailing data", len(tail))


def test_unknown_text() -> None:
    talk = [*talks.precopy()[:-2], talks.text("ready")._replace(octets=b"migration failed, sorry\0")]
    last = dissect(talk).records[-1]
    assert (last.direction, last.layer, last.name, last.body) == (REVERSE, "xl", "text", b"migration failed, sorry\0")
    assert last.complete


def test_text_cut_short() -> None:
    """The connection may break inside a message; what was said is reported."""
    for cut in range(8, len(MESSAGES["ready"].octets)):
        dissection = Dissection()
        talk = [*talks.precopy()[:-3]]
        for direction, octets in turns(talk):
            dissection.feed(octets, direction)
        dissection.feed(MESSAGES["ready"].octets[:cut], REVERSE)
        last = dissection.finish()[-1]
        assert (last.name, last.length, last.whole) == ("ready", cut, False)


def test_legacy_streams_are_left_alone() -> None:
    speaker = Speaker()
    old = [*talks.xenops()[:2], speaker.record("LIBXC_LEGACY", layer="xenops")]
    header = bytearray(speaker.xl_header()[0].octets)
    header[36] = 1  # mandatory flags: JSON, but not a stream of version 2
    for start in (octets_of(old), bytes(header)):
        dissection = Dissection()
        dissection.feed(start + random.Random(2).randbytes(5000))
        dissection.finish()
        assert sum(one.length for one in dissection.records) == len(start)
        assert dissection.context.legacy


# --- records that should not be there -----------------------------------------------------------------------


def headers(version: int = 2, wrapped: bool = True) -> Talk:
    speaker = Speaker(version)
    return [*(speaker.libxl_header() if wrapped else []), *speaker.libxc_headers()]


def test_missing_transition_to_libxl() -> None:
    """In the postcopy phase libxl's records are known by their numbers, announced or not."""
    talk = [item for item in talks.postcopy() if item.name != "POSTCOPY_TRANSITION"]
    done = dissect(talk)
    assert by_place(said(done.records)) == by_place(expected(talk))
    assert [one.name for one in done.records if one.unannounced] == ["EMULATOR_XENSTORE_DATA"]


def test_missing_transition_to_libxc() -> None:
    talk = [item for item in talks.postcopy() if item.name != "POSTCOPY_TRANSITION_END"]
    done = dissect(talk)
    assert by_place(said(done.records)) == by_place(expected(talk))
    assert [one.name for one in done.records if one.unannounced] == ["POSTCOPY_PAGE_DATA"]


@pytest.mark.parametrize("type", [0x42, 0x80000042, 0x80000001])
def test_unknown_records_are_passed(type: int) -> None:
    body = random.Random(3).randbytes(1003)
    strange = talks.Item(FORWARD, "libxc", f"UNKNOWN_0x{type:08x}", record(type, body))
    speaker = Speaker()
    talk = [*speaker.libxc_headers(), *talks.memory(speaker), strange, *talks.memory(speaker), speaker.record("END")]
    done = dissect(talk)
    assert said(done.records) == expected(talk)
    (one,) = (one for one in done.records if one.type == type)
    assert (one.spec, one.body, one.body_length) == (None, body, len(body))


@pytest.mark.parametrize("type", [0x00, 0x01, 0x09, 0x42, 0x80000042])
def test_a_record_too_long_is_not_followed(type: int) -> None:
    speaker = Speaker()
    start = [*speaker.libxc_headers(), *talks.memory(speaker)]
    rest = [*talks.memory(speaker), speaker.record("END")]
    strange = record(type, b"?" * 1000, length=(128 << 20) + 1)
    octets = octets_of(start) + strange + octets_of(rest)
    dissection = Dissection()
    dissection.feed(octets)
    found = dissection.finish()
    assert said(found)[: len(start)] == expected(start)
    one, *others = found[len(start) :]
    assert (one.offset, one.length, one.body_length) == (len(octets_of(start)), 8, (128 << 20) + 1)
    assert not one.complete and one.body == b""
    shift = len(octets_of(start)) + len(strange)
    assert said(others) == [item._replace(offset=item.offset + shift) for item in expected(rest)]
    assert dissection.skipped == {others[0].offset: len(strange) - 8}


@pytest.mark.parametrize("kept", [30, 42, 74])
def test_headers_are_found_again_in_packets_cut_short(kept: int) -> None:
    """Senders write each record by itself: its header is the beginning of a packet, and captured."""
    speaker = Speaker()
    talk = [*speaker.libxc_headers(), *(speaker.pages(range(0x100 * n, 0x100 * n + 40)) for n in range(1, 20))]
    dissection = Dissection()
    for number, item in enumerate(talk):
        octets = item.octets
        for at in range(0, len(octets), 1448):
            lost = number == 5 and at == 0  # the way is lost with this header
            if lost:
                dissection.lose(len(octets[:1448]))
            else:
                dissection.feed(octets[at : at + 1448], captured=kept)
    found = [one.offset for one in dissection.finish() if one.name == "PAGE_DATA"]
    wanted = [item.offset for item in expected(talk) if item.name == "PAGE_DATA"]
    assert found == [*wanted[:3], *wanted[4:]]


def test_a_type_far_from_all_others_is_followed_to_a_record_alone() -> None:
    speaker = Speaker()
    talk = [*speaker.libxc_headers(), *talks.memory(speaker)]
    strange = record(0x12345678, bytes(64))
    found = follow(octets_of(talk) + strange + octets_of(talk[2:]))[len(talk) :]
    assert len(found) == 1 + len(talk[2:])
    assert found[0].complete
    found = follow(octets_of(talk) + strange[:-8] + octets_of(talk[2:]))[len(talk) :]
    assert [one.name for one in found] == ["foreign octets", *["PAGE_DATA"] * 6]
    found = follow(octets_of(talk[:2]) + strange[:-8] + octets_of(talk[2:]))[2:]
    assert [one.name for one in found] == ["UNKNOWN_0x12345678", *["PAGE_DATA"] * 6], "nothing is that short before it"
    assert not found[0].complete


def test_a_count_that_lies_does_not_move_the_next_record() -> None:
    speaker = Speaker()
    lying = speaker.record("PAGE_DATA", pages([entry(pfn) for pfn in range(0x100, 0x104)], b"x" * 4096, count=1 << 31))
    talk = [*speaker.libxc_headers(), lying, *talks.memory(speaker), speaker.record("END")]
    assert said(dissect(talk).records) == expected(talk)


def test_big_bodies_are_kept_in_part() -> None:
    speaker = Speaker()
    big = speaker.record("HVM_CONTEXT", bytes(3 << 20))
    talk = [*speaker.libxc_headers(), big, speaker.record("END")]
    done = dissect(talk, 1448)
    assert said(done.records) == expected(talk)
    assert len(done.records[2].body) == 1 << 20


# --- cut off ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["precopy", "postcopy", "bare libxc", "xenopsd"])
def test_cut_off_anywhere(name: str) -> None:
    """All that is whole is reported, and of what is not at most the last item, as such."""
    small = {
        "precopy": talks.precopy(Speaker(page_shift=SMALL)),
        "postcopy": talks.postcopy(Speaker(2, page_shift=SMALL)),
        "bare libxc": talks.libxc(Speaker(page_shift=SMALL)),
        "xenopsd": talks.xenops(Speaker(page_shift=SMALL)),
    }[name]
    octets = octets_of(small)
    items = [item for item in expected(small) if item.direction == FORWARD]
    for end in range(1, len(octets)):
        found = follow(octets[:end])
        whole = [item for item in items if item.offset + item.length <= end]
        assert said(found)[: len(whole)] == whole, end
        assert all(one.complete and one.whole for one in found[: len(whole)])
        for one in found[len(whole) :]:
            assert (one.complete, one.whole, one.name) == (False, False, items[len(whole)].name), end
            assert one.offset + one.length <= end
        assert len(found) <= len(whole) + 1


# --- gaps ---------------------------------------------------------------------------------------------------


def lossy(octets: bytes, gaps: list[tuple[int, int]], size: int = 1 << 30) -> Dissection:
    """A forward direction without some of its octets (offset, length), in order."""
    dissection = Dissection()
    here = 0
    for start, length in [*gaps, (len(octets), 0)]:
        for at in range(here, start, size):
            dissection.feed(octets[at : min(at + size, start)])
        if length:
            dissection.lose(length)
        here = start + length
    dissection.finish()
    return dissection


def check_gaps(talk: Talk, gaps: list[tuple[int, int]], size: int = 1 << 30) -> None:
    """Records found over gaps are true, and complete if they are; all that can be found is."""
    octets = octets_of(talk)
    clean = {one.offset: one for one in dissect(of(talk, FORWARD)).records}
    done = lossy(octets, gaps, size)
    found = {one.offset: one for one in done.records}
    assert len(found) == len(done.records)

    def touched(start: int, end: int) -> bool:
        return any(start < gap + length and gap < end for gap, length in gaps)

    for offset, one in found.items():
        true = clean[offset]
        if one.name == "trailing data" and touched(offset, offset + true.length):
            continue  # without its beginning nothing says that libxl is around the stream, nor does half a header
        same = (one.layer, one.name, one.type, one.length) == (true.layer, true.name, true.type, true.length)
        hit = touched(offset, offset + true.length)
        assert same and one.complete == (not hit), said([one, true])
        assert (one.body, one.padding) == (true.body, true.padding) or hit
        assert true.body.startswith(one.body)
    assert [(one.offset, one.length) for one in done.all(Gap)] == (gaps if done.found else [])
    # The way is lost where a gap takes what leads to the next record, until pages show it again.
    lost = False
    for offset, one in clean.items():
        leads = one.length if one.is_header or one.layer == "xl" else 16
        hit = touched(offset, offset + min(leads, one.length))
        if not touched(offset, offset + 16 + 8 * one.count) and one.name == "PAGE_DATA":
            lost = False
        assert lost or hit or offset in found, said([one])
        lost = lost or hit


GAP_TALKS = {
    "precopy": talks.precopy(),
    "precopy, big-endian": talks.precopy(Speaker(3, "big", "big")),
    "postcopy": talks.postcopy(),
    "Remus": talks.remus(),
}


@pytest.mark.parametrize("name", GAP_TALKS)
@pytest.mark.parametrize("length", [1, 333, 4096, 30_000])
def test_a_gap_anywhere(name: str, length: int) -> None:
    """At every place around a header and some inside contents: nothing is invented, nothing else is missing."""
    talk = GAP_TALKS[name]
    octets = octets_of(talk)
    chance = random.Random(length)
    places = {item.offset + by for item in expected(talk) if item.direction == FORWARD for by in range(-9, 25, 4)}
    places |= {chance.randrange(len(octets)) for _ in range(10)}
    for start in sorted(places):
        if 0 < start < len(octets) - length - 1:
            check_gaps(talk, [(start, length)], chance.choice([1448, 1 << 30]))


def test_no_header_says_what_follows_the_end() -> None:
    talk = GAP_TALKS["postcopy"]
    end = len(octets_of(talk)) - 8
    check_gaps(talk, [(1, end - 98_000), (end + 1, 1)], 700)


@given(st.data())
@QUICK
def test_many_gaps(data: st.DataObject) -> None:
    talk = GAP_TALKS[data.draw(st.sampled_from(sorted(GAP_TALKS)))]
    places = data.draw(st.sets(st.integers(1, len(octets_of(talk)) - 2), max_size=16).map(sorted))
    check_gaps(talk, [(start, end - start) for start, end in batched(places)], data.draw(st.sampled_from([700, 9000])))


def batched(places: list[int]) -> Iterator[tuple[int, int]]:
    """Two and two."""
    return zip(places[::2], places[1::2], strict=False)


def test_a_gap_in_contents_costs_nothing() -> None:
    talk = talks.precopy()
    start = expected(talk)[8].offset + 9000
    done = lossy(octets_of(talk), [(start, 5000)], 1448)
    assert said(done.records) == [item for item in expected(talk) if item.direction == FORWARD]
    (hit,) = (one for one in done.records if not one.complete)
    assert hit.offset < start < hit.offset + hit.length
    assert done.all(Gap) == [Gap(0, FORWARD, start, 5000, "PAGE_DATA")]
    assert not done.skipped


def test_what_was_skipped_is_said() -> None:
    talk = talks.precopy()
    lost, found = [item for item in expected(talk) if item.name == "PAGE_DATA"][2:4]
    done = lossy(octets_of(talk), [(lost.offset, 4)])
    assert done.skipped == {found.offset: lost.length}


def test_a_gap_over_a_layers_header_while_the_other_direction_goes_on() -> None:
    """A gap stays open for a while, and the other direction is read meanwhile: the layers it has carried say nothing of
    where this one is, so the magic behind the gap begins no other migration."""
    talk = talks.postcopy()
    whole = octets_of(talk)
    libxl, image = (item.offset for item in expected(talk) if item.name in ("libxl header", "image header"))
    dissection = Dissection()
    dissection.feed(octets_of(talk, REVERSE), REVERSE)
    dissection.feed(whole[:libxl])
    dissection.lose(image - libxl)
    dissection.feed(whole[image:])
    found = by_place(said(dissection.finish()))
    assert len(dissection.found) == 1
    assert found == [item for item in by_place(expected(talk)) if item.name not in ("libxl header", "LIBXC_CONTEXT")]


@pytest.mark.parametrize("is_postcopy", [False, True])
def test_devices_are_no_processors(is_postcopy: bool) -> None:
    """IOAPIC 0 and LAPIC 0 of an HVM guest whose headers were lost: numbered and built as the records of PV processors
    are, and all zeros. LAPIC_REGS as well, but no such guest is PV once a postcopy record was seen."""
    numbers = ((4, 0, 408), (5, 0, 24), (6, 0, 1024)) if is_postcopy else ((4, 0, 408), (5, 0, 24))
    devices = b"".join(
        code.to_bytes(2, "little") + instance.to_bytes(2, "little") + length.to_bytes(4, "little") + bytes(length)
        for code, instance, length in numbers
    )
    talk = talks.postcopy() if is_postcopy else talks.precopy()
    name = "POSTCOPY_PAGE_DATA" if is_postcopy else "PAGE_DATA"
    place = next(item.offset for item in expected(talk) if item.name == name)
    dissection = Dissection(late=True)
    if is_postcopy:
        dissection.feed(octets_of(talk, REVERSE), REVERSE)
    dissection.feed(devices + bytes(8) + octets_of(talk)[place:])
    (first, *_) = (item for item in said(dissection.finish()) if item.direction == FORWARD)
    assert (first.offset, first.name) == (len(devices) + 8, name)


@pytest.mark.parametrize("start", range(54, 110, 3))
@pytest.mark.parametrize("length", [1, 8, 30])
def test_a_gap_in_the_other_direction(start: int, length: int) -> None:
    """What it costs there: what the gap touches, and what nothing speaks for until something does."""
    talk = talks.postcopy()
    whole = octets_of(talk, REVERSE)
    dissection = Dissection()
    dissection.feed(whole[:start], REVERSE)
    dissection.feed(octets_of(talk))
    dissection.lose(length, REVERSE)
    dissection.feed(whole[start + length :], REVERSE)
    found = [item for item in said(dissection.finish()) if item.direction == REVERSE]
    true = [item for item in expected(talk) if item.direction == REVERSE]
    assert set(found) <= set(true)
    assert true[0] in found
    assert true[-1] in found or start + length > true[-1].offset


# --- beginnings and packets ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GAP_TALKS)
def test_a_late_start_anywhere(name: str) -> None:
    """Every record reported is a true one, and from the first pages on all are there."""
    talk = GAP_TALKS[name]
    octets = octets_of(talk)
    items = [item for item in expected(talk) if item.direction == FORWARD]
    names = {} if name != "postcopy" else {"X86_TSC_INFO": "TSC_INFO"}
    places = {place for item in items for place in range(item.offset - 9, item.offset + 25, 2)}
    for start in sorted(place for place in places if 0 < place < len(octets)):
        found = {
            # A record that both versions have does not tell which of its names is right.
            item._replace(offset=item.offset + start, name=names.get(item.name, item.name))
            for item in said(follow(octets[start:], late=True))
        }
        assert found <= set(items), (start, found - set(items))
        anchors = [item.offset for item in items if item.name == "PAGE_DATA" and item.offset >= start]
        if anchors:
            assert found >= {item for item in items if item.offset >= anchors[0]}, start


@pytest.mark.parametrize(("type", "length"), [(6, 16), (0x7000, 16), (0x15, 1 << 12), (6, 1 << 12)])
def test_a_late_start_among_faults(type: int, length: int) -> None:
    """One record of the other direction, or a broken one, before a row of faults: neither its direction nor, since each
    fault looks like another in the other byte order three octets before it, that order is believed."""
    speaker = Speaker(2)
    faults = [speaker.list([0x1000 + at], "POSTCOPY_FAULT", REVERSE).octets for at in range(200)]
    octets = speaker.number(type, length) + faults[0][8:] + b"".join(faults[1:])
    dissection = Dissection(late=True)
    for at in range(0, len(octets), 24):
        dissection.feed(octets[at : at + 24], REVERSE)
    found = dissection.finish()
    assert {one.name for one in found} == {"POSTCOPY_FAULT"}
    assert {(one.direction, one.endianness) for one in found} == {(REVERSE, "little")}
    assert [one.offset for one in found] == list(range(24, 200 * 24, 24))


@pytest.mark.parametrize("pfn", [2, 4, 5, 6, 0xE])
def test_a_fault_whose_pfn_looks_like_a_signal(pfn: int) -> None:
    """Where its count is broken, what stands there as a header of the source's has faults behind it, which are not."""
    speaker = Speaker(2)
    first, second, third = (speaker.list([one], "POSTCOPY_FAULT", REVERSE).octets for one in (pfn, 0x1C1, 0x7C))
    dissection = Dissection(late=True)
    dissection.feed(first[:8] + b"\x01\0\0\x0a" + first[12:] + second + third, REVERSE)
    assert [(one.name, one.direction, one.offset) for one in dissection.finish()] == [
        ("POSTCOPY_FAULT", REVERSE, 24),
        ("POSTCOPY_FAULT", REVERSE, 48),
    ]


def test_a_late_start_among_broken_faults() -> None:
    """The second has a page type, the third another count than it has entries: in the other byte order, three octets
    earlier, the second is a fault of a page that no guest has."""
    speaker = Speaker(2)
    one, two, three, four = (
        bytearray(speaker.list([pfn], "POSTCOPY_FAULT", REVERSE).octets) for pfn in (0x217, 0x1B0, 0x1D5, 0x82)
    )
    one[0], two[20], two[23], three[8] = 0x0F, 8, 8, 9
    dissection = Dissection(late=True)
    for octets in (one, two, three, four):
        dissection.feed(bytes(octets), REVERSE)
    assert [(one.name, one.offset, one.endianness) for one in dissection.finish()] == [("POSTCOPY_FAULT", 72, "little")]


def test_a_late_start_of_the_other_direction() -> None:
    """In the middle of anything: nothing is invented, and the last text is found."""
    talk = talks.postcopy()
    whole = octets_of(talk, REVERSE)
    true = [item for item in expected(talk) if item.direction == REVERSE]
    for start in range(1, len(whole) - 50):
        for first in (FORWARD, REVERSE):
            dissection = Dissection(late=True)
            for direction in (first, REVERSE if first == FORWARD else FORWARD):
                dissection.feed(octets_of(talk) if direction == FORWARD else whole[start:], direction)
            found = [
                item._replace(offset=item.offset + start)
                for item in said(dissection.finish())
                if item.direction == REVERSE
            ]
            assert set(found) <= set(true), start
            assert true[-1] in found


@given(st.data())
@QUICK
def test_any_packets_give_the_same(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(TALKS)))
    talk, _ = TALKS[name]
    octets = octets_of(talk)
    cuts = data.draw(st.lists(st.integers(0, len(octets)), max_size=40).map(sorted))
    dissection = Dissection()
    for start, end in pairwise([0, *cuts, len(octets)]):
        if start < end:
            dissection.feed(octets[start:end])
    assert said(dissection.finish()) == [item for item in expected(talk) if item.direction == FORWARD]
    assert all(one.complete for one in dissection.records)


@pytest.mark.parametrize("captured", [20, 74, 1000])
def test_packets_cut_at_the_snap_length(captured: int) -> None:
    """Each record begins a packet, as senders write them: its beginning is known, and that it is not complete."""
    talk = talks.precopy()
    dissection = Dissection()
    for item in talk:
        for at in range(0, len(item.octets), 4000):
            dissection.feed(item.octets[at : at + 4000], item.direction, captured)
    for one in dissection.finish():
        assert one.complete == (one.length <= captured)
        at = next(index for index, item in enumerate(expected(talk)) if item in said([one]))
        body = talk[at].octets if one.is_header or one.layer == "xl" else talk[at].octets[8:]
        assert body.startswith(one.body)
    assert set(said(dissection.records)) <= set(expected(talk))
    pages_found = sum(one.name == "PAGE_DATA" for one in dissection.records)
    assert pages_found == 6
    assert [one.direction for one in dissection.all(PacketsCut)].count(FORWARD) == 1


@pytest.mark.parametrize("count", [1, 2, 1024, ONE_NUMBER_MAX, ONE_NUMBER_MAX + 1])
@pytest.mark.parametrize("first", [0, 2**52 - ONE_NUMBER_MAX - 2])
def test_entries_that_ascend_are_one_run_and_no_others(first: int, count: int) -> None:
    pfns = list(range(first, first + count))
    assert page_runs(body_of(pfns), "little") == (Run(first, count, 0),)
    if count > 3:
        # The first and the last are as they would be in one run.
        pfns[1], pfns[2] = pfns[2], pfns[1]
        assert [run.length for run in page_runs(body_of(pfns), "little")] == [1, 1, 1, count - 3]


def body_of(entries: list[int]) -> bytes:
    return struct.pack(f"<2I{len(entries)}Q", len(entries), 0, *entries)
