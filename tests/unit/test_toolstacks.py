"""What xenopsd and libvirt put around a stream: found, shown, joined, and taken off."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest
import talks
import zstandard
from conftest import captures
from conversation import Wire, judge_all, packets, pcap
from processor import within
from seen import look
from talks import FINAL, OUT_OF_MEMORY, VM, Item, Speaker, Talk, expected, handshake, octets_of, request, turns
from test_parser import Dissection, said

from dissector.analysis import Analysis, MigrationAnalysis
from dissector.events import (
    FORWARD,
    REVERSE,
    ConnectionJoined,
    DirectionEnded,
    Endpoint,
    Event,
    Flow,
    MigrationFound,
    Record,
)
from dissector.parser import Conversation, DirectionParser, Joins, connect
from dissector.protocol import LIBXL_IDENT, MESSAGES
from dissector.rules.verdict import verdict
from dissector.views.records import summary

SIZES = (1 << 30, 1448, 17, 1)


class Several:
    """Several connections of one input, fed by hand; every call counts as a packet."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.frame = 0
        self._joins, self._migrations = Joins(), 0
        self._connections: dict[str, dict[str, DirectionParser]] = {}

    def _number(self) -> int:
        self._migrations += 1
        return self._migrations - 1

    def parsers(self, name: str) -> dict[str, DirectionParser]:
        """Those of a connection, which is opened when it is named first."""
        if name not in self._connections:
            flow = Flow(Endpoint("192.0.2.1", 1000 + len(self._connections)), Endpoint("192.0.2.2", 80))
            conversation = Conversation(
                flow, lambda event, frame: self.events.append(event), self._number, joins=self._joins
            )
            one, other = connect(conversation)
            one.start(False)
            other.start(False)
            self._connections[name] = {FORWARD: one, REVERSE: other}
        return self._connections[name]

    def say(self, talk: Talk, name: str = "only", size: int = 1 << 30) -> None:
        """What both sides say on a connection, in packets of at most so many octets."""
        for direction, octets in turns(talk):
            self.feed(octets, direction, name, size)

    def feed(self, octets: bytes, direction: str = FORWARD, name: str = "only", size: int = 1 << 30) -> None:
        for at in range(0, len(octets), size):
            self.frame += 1
            piece = octets[at : at + size]
            self.parsers(name)[direction].feed(piece, len(piece), True, self.frame, self.frame * 1000)

    def close(self, name: str = "only") -> None:
        for parser in self.parsers(name).values():
            parser.close("fin", self.frame, self.frame * 1000)
        for parser in self.parsers(name).values():
            parser.finish("fin")

    def finish(self) -> list[Record]:
        for name in self._connections:
            self.close(name)
        return [event for event in self.events if isinstance(event, Record)]

    @property
    def found(self) -> list[MigrationFound]:
        return [event for event in self.events if isinstance(event, MigrationFound)]

    def judged(self) -> MigrationAnalysis:
        """The only migration, with what breaks a rule."""
        analysis = Analysis()
        for event in self.events:
            analysis.add(event)
        analysis.finish()
        (one,) = analysis.migrations
        return one


def of(talk: Talk, size: int = 1 << 30) -> Several:
    several = Several()
    several.say(talk, size=size)
    several.finish()
    return several


def errors(one: MigrationAnalysis) -> list[str]:
    """Rules that are broken, but for the small pages that make a stream short, and for what follows from a failure
    after the image: nobody knows then who runs the guest."""
    found = [finding.rule for finding in one.checker.findings if finding.severity == "error"]
    return [rule for rule in found if rule not in ("bad-domain-header", "undefined-state")]


# xenopsd


@pytest.mark.parametrize("size", SIZES)
def test_one_connection(size: int) -> None:
    talk = talks.xenopsd(Speaker(page_shift=3))
    several = of(talk, size)
    records = [event for event in several.events if isinstance(event, Record)]
    assert said(records) == expected(talk)
    one = several.judged()
    assert (one.migration.outcome, errors(one)) == ("completed", [])
    assert one.migration.guest.uuid == FINAL and one.migration.guest.memory == 4300062720


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("last", ["first", "final"])
def test_what_the_destination_says_is_the_verdict(last: str, size: int) -> None:
    if last == "first":
        talk = [talks.request(), talks.handshake(REVERSE, OUT_OF_MEMORY)]
    else:
        talk = talks.xenopsd(Speaker(page_shift=3), OUT_OF_MEMORY)
    one = of(talk, size).judged()
    assert one.migration.outcome == "failed"
    # After the image was handed over nobody knows which side runs the guest.
    undefined = "; which side may run the guest is undefined: look at both hosts" if last == "final" else ""
    assert verdict(one.migration, one.checker.findings) == f"the destination said: {OUT_OF_MEMORY}{undefined}"
    assert errors(one) == ["remote-error"]


def test_a_source_that_fails_gives_no_permission() -> None:
    talk = [*talks.xenopsd(Speaker(page_shift=3))[:-2], talks.handshake(FORWARD, OUT_OF_MEMORY)]
    one = of(talk).judged()
    assert verdict(one.migration, one.checker.findings) == f"the source said: {OUT_OF_MEMORY}"
    assert [finding.rule for finding in one.checker.findings if finding.severity == "error"][1:] == ["remote-error"]


def test_an_error_after_the_permission_is_a_report() -> None:
    one = of(talks.xenopsd(Speaker(page_shift=3), OUT_OF_MEMORY)).judged()
    (undefined,) = (finding for finding in one.checker.findings if finding.rule == "undefined-state")
    assert undefined.message == "the source gave permission to start, and the destination said that it failed"
    assert (undefined.record, undefined.direction) == ("handshake", REVERSE)


def test_an_error_that_breaks_off_is_shown_as_far_as_it_came() -> None:
    several = of([talks.request(), talks.handshake(REVERSE, OUT_OF_MEMORY)._replace(octets=b"\0\x80no mem")])
    assert summary([event for event in several.events if isinstance(event, Record)][-1]) == "no mem"
    several = of([talks.request(), talks.handshake(REVERSE)])
    assert summary([event for event in several.events if isinstance(event, Record)][-1]) == "success"


def test_nobody_takes_the_request() -> None:
    response = b"HTTP/1.1 404 Not Found\r\nUser-agent: xenopsd\r\n\r\n"
    one = of([talks.request(), Item(REVERSE, "xenops", "http response", response)]).judged()
    assert one.migration.outcome == "failed" and errors(one) == ["remote-error"]
    assert "404 Not Found" in verdict(one.migration, one.checker.findings)


@pytest.mark.parametrize("state", [b"", b"VIDIA" * 9999 + bytes(99), bytes(70000)], ids=["none", "card", "zeros"])
@pytest.mark.parametrize("error", ["", OUT_OF_MEMORY])
def test_connections_of_one_guest_are_one_migration(state: bytes, error: str) -> None:
    several = Several()
    said_by: dict[str, Talk] = {}
    for name, talk in talks.xenopsd_connections(state=state, error=error):
        several.say(talk, name, 1448)
        said_by.setdefault(name, []).extend(talk)
    for name in ("mem", *(["vgpu"] if state else []), "vm"):
        several.close(name)
    assert len(several.found) == 1
    joined = [event.role for event in several.events if isinstance(event, ConnectionJoined)]
    assert joined == [*(["vgpu"] if state else []), "memory"]
    records = [event for event in several.events if isinstance(event, Record)]
    for name, role in (("vm", "migration"), ("mem", None), ("vgpu", "vgpu")):
        mine = [record for record in records if record.connection == role]
        assert sorted(said(mine)) == sorted(expected(said_by.get(name, []))), name
    ends = [number for number, event in enumerate(several.events) if isinstance(event, DirectionEnded)]
    assert ends == [len(several.events) - 2, len(several.events) - 1]
    one = several.judged()
    assert one.migration.outcome == ("failed" if error else "completed")
    assert errors(one) == (["remote-error"] if error else [])
    octets = sum(len(item.octets) for item in said_by["mem"] if item.direction == FORWARD)
    assert one.migration.forward.seen == octets


def test_the_first_handshake_fails_and_no_other_connection_comes() -> None:
    several = Several()
    several.say([talks.request(f"migrate/vm/{VM}", mem_migration="1"), talks.handshake(REVERSE, OUT_OF_MEMORY)], "vm")
    several.close("vm")
    one = several.judged()
    assert one.migration.outcome == "failed" and errors(one) == ["remote-error"]
    assert one.migration.reverse.ended == "fin"


def test_the_next_migration_of_a_guest_is_another_one() -> None:
    several = Several()
    for round in ("a", "b"):
        for name, talk in talks.xenopsd_connections():
            several.say(talk, name + round)
        several.close("mem" + round)
        several.close("vm" + round)
    assert len(several.found) == 2


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("level", [-5, 3])
def test_compressed(size: int, level: int) -> None:
    """Offsets are those of the stream before it was compressed; what follows a frame is not compressed."""
    talk = talks.xenopsd(Speaker(page_shift=6))
    image = b"".join(item.octets for item in talk[2:-2])
    packed = zstandard.ZstdCompressor(level=level).compress(image)
    several = Several()
    several.say(talk[:2])
    several.feed(packed, size=size)
    several.say(talk[-2:])
    assert said(several.finish()) == expected(talk)
    assert errors(several.judged()) == []


def test_compressed_in_several_frames() -> None:
    talk = talks.xenopsd()
    image = b"".join(item.octets for item in talk[2:-2])
    pack = zstandard.ZstdCompressor().compress
    several = Several()
    several.say(talk[:2])
    several.feed(pack(image[:5000]) + pack(image[5000:]), size=700)
    several.say(talk[-2:])
    assert said(several.finish()) == expected(talk)


def test_a_gap_ends_what_was_compressed() -> None:
    talk = talks.xenopsd()
    packed = zstandard.ZstdCompressor().compress(random.Random(1).randbytes(100) + octets_of(talk[2:-2]))
    dissection = Dissection()
    dissection.feed(talk[0].octets)
    dissection.feed(packed[:300])
    dissection.lose(100)
    dissection.feed(packed[400:])
    dissection.finish()
    assert dissection.parsers[FORWARD].lost_at is not None


def test_a_bomb_takes_no_memory() -> None:
    packed = zstandard.ZstdCompressor(level=19).compress(bytes(1 << 25))
    dissection = Dissection()
    dissection.feed(talks.request().octets)
    dissection.feed(packed)
    assert len(dissection.parsers[FORWARD].buffer) < 1 << 24
    assert len(dissection.finish()) < 100


STATES = {
    "noise": random.Random(7).randbytes(50_000),
    "zeros": bytes(50_000),
    "like the end": bytes(100) + (0xFFFF).to_bytes(8, "little") + bytes(5000),
    "like a header": bytes(100) + (0xF00).to_bytes(8, "little") + (4000).to_bytes(8, "little") + b"x" * 9000,
    "short": b"D",
}


@pytest.mark.parametrize("size", SIZES[:3])
@pytest.mark.parametrize("name", STATES)
def test_state_of_unknown_length(name: str, size: int) -> None:
    talk = talks.xenops_with_card(STATES[name])
    several = of(talk, size)
    assert said(event for event in several.events if isinstance(event, Record)) == expected(talk)


def header(type: int, length: int) -> bytes:
    return type.to_bytes(8, "little") + length.to_bytes(8, "little")


def test_state_full_of_headers() -> None:
    """Each may be the next record's, and none is."""
    talk = talks.xenops_with_card(header(0xF00, 500) * 60_000)
    with within(60):
        several = of(talk)
    assert said(event for event in several.events if isinstance(event, Record)) == expected(talk)


def test_what_is_kept_of_a_state_is_bounded() -> None:
    """However many records seem to follow it."""
    dissection = Dissection()
    dissection.feed(octets_of(talks.xenops_with_card(b"card")[:-2]))
    for _ in range(6):
        dissection.feed(header(0xF11, 1 << 20) + bytes(1 << 20))
        assert len(dissection.parsers[FORWARD].buffer) < 3 << 20


@pytest.mark.parametrize("octets", [talks.xenops_legacy(), octets_of(talks.managed_save(version=1)[:1])], ids=len)
def test_old_formats_are_named(octets: bytes) -> None:
    several = Several()
    several.feed(octets + random.Random(2).randbytes(5000))
    several.finish()
    one = several.judged()
    assert one.migration.context.legacy and errors(one) == ["legacy-stream"]


# libvirt


def test_managed_save() -> None:
    talk = talks.managed_save()
    several = of(talk, 999)
    assert said(event for event in several.events if isinstance(event, Record)) == expected(talk)
    guest = several.judged().migration.guest
    assert (guest.name, guest.type, guest.vcpus, guest.memory) == ("web & mail", "pvh", 4, 4 << 30)


@pytest.mark.parametrize("size", SIZES[:3])
@pytest.mark.parametrize("each", [65536, 1000, 29])
def test_tunnelled(size: int, each: int) -> None:
    talk = talks.libxl(Speaker(page_shift=5))
    several = Several()
    call = bytes((0, 0, 0, 32)) + talks.messages(b"", status=0)[4:16] + bytes(12) + b"args"
    several.feed(call + talks.messages(octets_of(talk), each) + talks.messages(b"", status=0), size=size)
    assert said(several.finish()) == expected(talk)
    one = several.judged()
    assert (one.migration.outcome, errors(one)) == ("completed", [])
    assert one.migration.context.tunnelled


def test_a_tunnelled_stream_fails() -> None:
    talk = talks.libxl(Speaker())
    error = bytes(8) + (1).to_bytes(4, "big") + (9).to_bytes(4, "big") + b"no memory\0\0\0" + bytes(32)
    several = Several()
    several.feed(talks.messages(octets_of(talk)[:9000], 4096))
    several.feed(talks.messages(error, status=1), REVERSE)
    several.finish()
    one = several.judged()
    assert verdict(one.migration, one.checker.findings) == "the destination said: no memory"


@pytest.mark.parametrize("lost", [100, 5000, 9000])
def test_a_gap_in_messages(lost: int) -> None:
    """Where all messages are as long as the last one, the stream goes on as if it had not been wrapped."""
    talk = talks.libxl(Speaker())
    octets = talks.messages(octets_of(talk), 4096)
    for begin in (4096 * 3 + 1000, 4096 * 4 - 50, 4096 * 4 + 10):
        dissection = Dissection()
        dissection.feed(octets[:begin])
        dissection.lose(lost)
        dissection.feed(octets[begin + lost :])
        records = dissection.finish()
        assert set(said(records)) <= set(expected(talk)), (begin, lost)
        assert said(records)[-4:] == expected(talk)[-4:]


# Genuine streams, in what others put around them

GENUINE = (
    "xen/pv-live-any-nano/pv-live-any-nano.pcap",
    "xen/pv-save/pv-save.img",
    "xen/pv-live-debug-verify/pv-live-debug-verify.pcap",
)


@pytest.fixture(scope="module", params=GENUINE)
def genuine(request: pytest.FixtureRequest) -> bytes:
    """The libxl stream of a genuine capture."""
    seen = look(captures()[request.param])
    octets = bytes(max((sent.octets for sent in seen.flows.values()), key=len))
    return octets[octets.index(LIBXL_IDENT) :].removesuffix(MESSAGES["go"].octets)


OF_THE_OUTERMOST = ("truncated-stream", "unhandled-record")
"""Whose words name the outermost layer; and no xenopsd reads a stream of libxl's, which an image may hold."""


def in_it(several: Several, layers: tuple[str, ...] = ("libxl", "libxc")) -> tuple[list[Any], list[Any]]:
    """The records of the inner streams and the findings, without where they are."""
    one = several.judged()
    records = [event for event in several.events if isinstance(event, Record) and event.layer in layers]
    first = records[0].offset
    items = [(each.name, each.offset - first, each.length, each.body, each.runs, each.complete) for each in records]
    findings = [(each.rule, each.severity, each.message) for each in one.checker.findings]
    return items, [one for one in findings if one[0] not in OF_THE_OUTERMOST]


def carried(octets: bytes, before: Iterable[Item] = (), after: Iterable[Item] = ()) -> Several:
    several = Several()
    several.say(list(before))
    several.feed(octets, size=65160)
    several.say(list(after))
    several.finish()
    return several


def test_genuine_streams_are_the_same_in_anything(genuine: bytes) -> None:
    plain = in_it(carried(genuine))
    assert len(plain[0]) > 10
    speaker = Speaker()
    *_, stream = before = talks.xenops(speaker, in_libxl=True)[:3]
    assert stream.name == "LIBXL"
    head = b"".join(item.octets for item in before)
    end = speaker.record("END_OF_IMAGE", layer="xenops").octets
    begin, closing = [talks.request(), talks.handshake()], [talks.handshake(FORWARD), talks.handshake()]
    xml = talks.managed_save()[0].octets
    wrapped = {
        "xenopsd": carried(head + genuine + end, begin, closing),
        "zstd": carried(zstandard.ZstdCompressor().compress(head + genuine + end), begin, closing),
        "managed save": carried(xml + genuine),
        "tunnel": carried(talks.messages(genuine)),
        "tunnel of small messages": carried(talks.messages(genuine, 1000)),
    }
    for name, several in wrapped.items():
        items, findings = in_it(several)
        assert len(items) == len(plain[0]), name
        assert items == plain[0], name
        assert findings == plain[1], name


@pytest.mark.parametrize(
    ("name", "body", "rule"),
    [
        ("QEMU_XEN", b"QEVM" + bytes(333), "unhandled-record"),
        ("QEMU_TRAD", bytes((1 << 20) + 1), "record-too-long"),
        ("QEMU_TRAD", bytes(1 << 20), None),
    ],
)
def test_what_xenopsd_refuses_of_an_image(name: str, body: bytes, rule: str | None) -> None:
    """process_header and consume_qemu_record in ocaml/xenopsd/xc/domain.ml."""
    *before, _, end = talks.xenops()
    image = [*before, Speaker().record(name, body, "xenops"), end]
    for talk in (image, [request(), handshake(), *image, handshake(FORWARD), handshake()]):
        (verdict,) = judge_all(octets_of(talk) if talk is image else pcap(packets(Wire(talk))))
        found = [(one.rule, one.record) for one in verdict.findings if one.severity == "error"]
        assert found == ([(rule, name)] if rule else [])
