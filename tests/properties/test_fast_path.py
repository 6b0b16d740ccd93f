"""The fast path decides nothing that the careful code would decide otherwise, compiled or not, and it is used."""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
import sys
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import conversation
import pytest
import talks
from benchmark.capture import build_capture
from conftest import REPOSITORY, captures
from conversation import Wire
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from roads import UNCOMPILED, check, dissect
from talks import Speaker, Talk, octets_of, turns
from tunnels import ENCAPSULATIONS, in_tunnels, wrapped
from wire import FIN, LINKS, RST, SPACE, SYN, Captured, Ends, Packet, exchange, impaired, pcap, pcapng

import dissector.capture.opening
import dissector.tcp.core
import dissector.tcp.half_connection
from dissector.capture.formats import PCAP_HEADER
from dissector.capture.opening import open_source
from dissector.capture.reader import CaptureReader
from dissector.events import FORWARD, REVERSE, Closed, Direction, DirectionEnded, Gap
from dissector.tcp import core, uncompiled
from dissector.tcp.half_connection import REORDER_FRAMES


def test_it_is_compiled_where_there_is_a_compiler() -> None:
    """The uncompiled one is the other."""
    assert not UNCOMPILED.COMPILED
    if shutil.which("cc") and not os.environ.get(uncompiled.PURE):
        assert core.COMPILED, "install the package again: core.py was changed since, or there was no compiler"


@pytest.mark.parametrize("pure", ["", "1"])
def test_it_can_be_told_to_run_uncompiled(pure: str) -> None:
    program = "from dissector.tcp import core; print(core.COMPILED, core.__file__.endswith('.py'))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, uncompiled.PURE: pure},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    if pure:
        assert done.stdout.split() == ["False", "True"]
    elif not os.environ.get(uncompiled.PURE):
        assert done.stdout.split() == [str(core.COMPILED), str(not core.COMPILED)]


@pytest.mark.parametrize("item", [one for one in captures().items() if ".pcap" in one[0]], ids=lambda item: item[0])
def test_genuine_captures(item: tuple[str, Path]) -> None:
    check(item[1])


@pytest.mark.parametrize(
    ("variant", "share"), [("a", 0.9), ("b", 0.5), ("c", 0.9), ("lists", 0.8), ("drops", 0.98), ("reorder", 0.99)]
)
def test_the_fast_path_is_used(tmp_path: Path, variant: str, share: float) -> None:
    """Of a capture of 1448-octet segments it takes nearly all packets; so nobody can lose it without noticing."""
    path = tmp_path / "built.pcap"
    build_capture(path, 4_000_000, variant)
    outcome = check(path)
    assert outcome.taken > share * outcome.reader[0]
    assert any(record.is_pages for record in outcome.records)


@pytest.mark.parametrize(
    "name", ["postcopy/c_netem/veth_rx.pcap", "xen/pv-live-mtu1500-drops/pv-live-mtu1500-drops.pcap"]
)
def test_the_fast_path_is_used_where_packets_are_missing(name: str) -> None:
    """Behind a gap it goes on holding, whatever comes in whatever order."""
    outcome = check(captures()[name])
    assert outcome.taken > 0.97 * outcome.reader[0]


def test_contents_that_nobody_needs_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of large packets of a plain file: behind a MiB that was read at once, one PAGE shows what comes next."""
    path, leapt = tmp_path / "built.pcap", 0
    build_capture(path, 8_000_000, "b")
    leap = CaptureReader.leap

    def counted(reader: CaptureReader, pos: int) -> tuple[int, int]:
        nonlocal leapt
        leapt += pos - reader.end
        return leap(reader, pos)

    monkeypatch.setattr(CaptureReader, "leap", counted)
    fast = dissect(path, core.Core)
    assert leapt > 0.4 * path.stat().st_size
    assert fast == check(path)


@pytest.mark.parametrize("more", [-60_000, -30_000, -1, 0, 1, 40, 16 + 66, 16 + 66 + 1])
def test_a_file_that_ends_in_contents_that_are_not_read(tmp_path: Path, more: int) -> None:
    """Or so many octets from there."""
    path = tmp_path / "built.pcap"
    build_capture(path, 4_000_000, "b")
    octets, at, ends = path.read_bytes(), PCAP_HEADER, []
    while at < len(octets):
        (captured,) = struct.unpack_from("<I", octets, at + 8)
        at += 16 + captured
        if captured > 65_000:
            ends.append(at)
    path.write_bytes(octets[: ends[-2] + more])
    *_, trouble, length = check(path).reader
    assert length == ends[-2] + more
    assert (trouble is None) == (more in (0, 16 + 66))


IN_FRAMES = sorted(name for name, how in ENCAPSULATIONS.items() if how.link == 1)
"""Tunnels and the like whose link type the fast path knows."""

WALKED = {
    *("mpls", "mpls-pseudowire", "mpls-no-control-word", "mpls-address-like-ip", "macsec", "macsec-channel"),
    *("ah", "esp", "esp-16", "esp-tunnel", "esp-udp"),
}
"""Those in which more decides than what stands before the last IP header, or there is no such header."""


@pytest.mark.parametrize("name", IN_FRAMES)
def test_what_is_in_a_tunnel_passes_like_what_is_in_none(tmp_path: Path, name: str) -> None:
    """Once careful code has found the way into it."""
    outside, path = tmp_path / "built.pcap", tmp_path / "wrapped.pcap"
    build_capture(outside, 1_000_000, "a")
    reader = open_source(str(outside))
    assert isinstance(reader, CaptureReader)
    path.write_bytes(wrapped(reader, ENCAPSULATIONS[name]))
    outcome = check(path)
    assert any(record.name == "PAGE_DATA" for record in outcome.records)
    if name not in WALKED:
        assert outcome.taken > 0.9 * outcome.reader[0]


def on_ethernet(packets: list[Packet]) -> list[Captured]:
    """Each in a second of its own."""
    frames = [LINKS["ethernet"][1](Ends().ip(packet), 4) for packet in packets]
    return [Captured(index * 10**9, frame, len(frame)) for index, frame in enumerate(frames)]


@pytest.mark.parametrize("form", ["pcap", "pcapng"])
def test_a_capture_that_ends_in_contents(tmp_path: Path, form: str) -> None:
    """The fast path may take the last packets of a connection, and of the file: then it has to note when that was, and
    what of the other direction they acknowledge."""
    talk = talks.precopy()
    forward = octets_of(talk)[:80_000]
    packets = exchange([(REVERSE, octets_of(talk, REVERSE)[:54]), (FORWARD, forward)], random.Random(1), closed=False)
    while not packets[-1].payload or packets[-2].payload:
        packets.pop()
    # 20 octets of an answer were not captured, but the last pages acknowledge them.
    acknowledging = [one._replace(ack=one.ack + 20 * (not one.side)) for one in packets[-12:]]
    packets[-12:] = acknowledging
    captured = on_ethernet(packets)
    path = tmp_path / "built"
    path.write_bytes(pcap(captured)[:-1] if form == "pcap" else pcapng(captured))
    outcome = check(path)
    assert outcome.taken > 0.7 * len(packets)
    assert outcome.reader[3] == (len(packets) - (2 if form == "pcap" else 1)) * 10**9
    (incomplete,) = (record for record in outcome.records if not record.complete)
    assert incomplete.last.frame > len(packets) - 4
    gaps = [event for event in outcome.events if isinstance(event, Gap)]
    assert [(gap.direction, gap.offset, gap.length) for gap in gaps] == [(REVERSE, 54, 20)]


@pytest.mark.parametrize("more", [-1, 0, 1, 1447, 1448])
@pytest.mark.parametrize("at", [3, 20])
def test_an_acknowledgement_half_the_numbers_away(more: int, at: int, tmp_path: Path) -> None:
    """It is ahead for who measures from what was sent, and an old one for who measures from what has arrived. The first
    one that is far ahead is not believed."""
    packets = exchange([(FORWARD, octets_of(talks.precopy())[:200_000])], random.Random(1), closed=False)
    answers = [index for index, packet in enumerate(packets) if packet.side and not packet.payload]
    before, one, other = answers[at : at + 3]
    arrived = packets[before].ack
    packets[one] = packets[one]._replace(ack=(arrived + SPACE // 4) % SPACE)
    packets[other] = packets[other]._replace(ack=(arrived + SPACE // 2 + more) % SPACE)
    path = tmp_path / "built.pcap"
    path.write_bytes(pcap(on_ethernet(packets)))
    assert check(path).records


def test_an_acknowledgement_that_is_doubted_again(tmp_path: Path) -> None:
    """One that is far ahead is believed if the next one goes on from it, not if an ordinary one was between them."""
    packets = exchange([(FORWARD, octets_of(talks.precopy())[:200_000])], random.Random(1), closed=False)
    answers = [index for index, packet in enumerate(packets) if packet.side and not packet.payload]
    for index in (answers[20], answers[22]):
        packets[index] = packets[index]._replace(ack=(packets[index].ack + SPACE // 4) % SPACE)
    path = tmp_path / "built.pcap"
    path.write_bytes(pcap(on_ethernet(packets)))
    check(path)


@pytest.mark.parametrize("short", [-1, 0, 1, 60_000, 120_000])
def test_octets_that_begin_half_the_numbers_behind_the_syn(short: int, tmp_path: Path) -> None:
    """Where they pass half of the numbers they are old ones, whatever is held that they go on from."""
    packets = exchange([(FORWARD, octets_of(talks.precopy())[:200_000])], random.Random(1), closed=False)
    number = (packets[0].seq - SPACE // 2 + short) % SPACE
    packets[:3] = [packets[0]._replace(seq=number), *packets[1:3]]
    packets[1] = packets[1]._replace(ack=(number + 1) % SPACE)
    path = tmp_path / "built.pcap"
    path.write_bytes(pcap(on_ethernet(packets)))
    check(path)


def test_payload_that_begins_a_connection_and_acknowledges_one_before(tmp_path: Path) -> None:
    """Careful code says first to which of them it belongs: it is no answer to what the other side has just sent."""
    talk = [(FORWARD, octets_of(talks.precopy())[:20_000]), (REVERSE, bytes(54))]
    packets = exchange(talk, random.Random(1), closed=False)
    last = max(index for index, one in enumerate(packets) if one.side and one.payload)
    packet = next(one for one in reversed(packets) if not one.side and one.payload)
    number = (packet.seq + 5_000_000) % SPACE
    packets[last + 1 :] = [
        packet._replace(seq=(number - 1) % SPACE, flags=SYN, payload=b""),
        packet._replace(seq=number, ack=(packets[last].seq + 54) % SPACE),
    ]
    path = tmp_path / "built.pcap"
    path.write_bytes(pcap(on_ethernet(packets)))
    ends = [one for one in check(path).events if isinstance(one, DirectionEnded)]
    assert [one.reason for one in ends] == ["reused", "reused"]
    assert not any(one.way is not None and one.way.reply for one in ends)


@pytest.mark.parametrize("what", ["an acknowledgement", "payload", "payload that goes on"])
def test_what_follows_a_syn_in_an_open_connection(what: str, tmp_path: Path) -> None:
    """Payload at its number begins another connection. What the fast path would take, too, does not."""
    packets = exchange([(FORWARD, octets_of(talks.precopy())[:200_000])], random.Random(1), closed=False)
    at = next(index for index, one in enumerate(packets) if index > 40 and not one.side and one.payload)
    packet = packets[at]
    number = packet.seq if what == "payload that goes on" else (packet.seq + 5_000_000) % SPACE
    said = packet.payload if what != "an acknowledgement" else b""
    packets[at:at] = [
        packet._replace(seq=(number - 1) % SPACE, flags=SYN, payload=b""),
        packet._replace(seq=number, payload=said),
    ]
    path = tmp_path / "built.pcap"
    path.write_bytes(pcap(on_ethernet(packets)))
    outcome = check(path)
    reused = [event for event in outcome.events if isinstance(event, DirectionEnded) and event.reason == "reused"]
    assert bool(reused) == (what == "payload")


class Regular(NamedTuple):
    """A capture whose packets repeat, and where each of them starts."""

    octets: bytes
    starts: list[int]

    def __repr__(self) -> str:
        return f"Regular({len(self.starts)} packets)"


@pytest.fixture(scope="module")
def regular(tmp_path_factory: pytest.TempPathFactory) -> Regular:
    """A capture whose packets repeat, and where each of them starts."""
    path = tmp_path_factory.mktemp("regular") / "built.pcap"
    build_capture(path, 1_000_000, "a")
    data, starts = path.read_bytes(), [24]
    while starts[-1] < len(data):
        starts.append(starts[-1] + 16 + int.from_bytes(data[starts[-1] + 8 : starts[-1] + 12], "little"))
    return Regular(data, starts[:-1])


@given(st.data())
@settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
def test_an_altered_octet_is_seen(
    tmp_path_factory: pytest.TempPathFactory, regular: Regular, data: st.DataObject
) -> None:
    """Among many packets that repeat no octet of a header goes unlooked at; nor does an octet that is of no
    importance lead astray."""
    octets, starts = regular
    altered = bytearray(octets)
    for at in data.draw(st.lists(st.sampled_from(starts), min_size=1, max_size=3)):
        # Of IPv4 and TCP: what comes before are times and lengths of the file, and how to reach the next host.
        place = data.draw(st.integers(16 + 14, 16 + 65))
        altered[at + place] ^= data.draw(st.sampled_from([1, 2, 8, 16, 0x40, 0x80, 0xFF]))
    path = tmp_path_factory.getbasetemp() / "altered"
    path.write_bytes(altered)
    check(path)


@pytest.fixture(scope="module")
def tunnelled() -> dict[str, Regular]:
    """The same in every tunnel, short."""
    talk = talks.postcopy(Speaker(2, page_shift=9))
    packets = [Ends().ip(packet) for packet in exchange(turns(talk), random.Random(1), (100, 1448))]
    built = {}
    for name in IN_FRAMES:
        octets = [ENCAPSULATIONS[name].wrap(packet) for packet in packets]
        captured = [Captured((at + 1) * 10**6, one, len(one)) for at, one in enumerate(octets)]
        starts = list(accumulate((16 + len(one) for one in octets[:-1]), initial=24))
        built[name] = Regular(pcap(captured), starts)
    return built


@given(st.data())
@settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
def test_an_altered_octet_of_a_tunnel_is_seen(
    tmp_path_factory: pytest.TempPathFactory, tunnelled: dict[str, Regular], data: st.DataObject
) -> None:
    """Of all that stands before the payload; and whatever a way is learnt from, it is no other one."""
    octets, starts = tunnelled[data.draw(st.sampled_from(IN_FRAMES))]
    altered = bytearray(octets)
    for at in data.draw(st.lists(st.sampled_from(starts), min_size=1, max_size=3)):
        place = at + 16 + data.draw(st.integers(0, 160))
        if place < len(altered):
            altered[place] ^= data.draw(st.sampled_from([1, 2, 8, 16, 0x40, 0x80, 0xFF]))
    path = tmp_path_factory.getbasetemp() / "altered"
    path.write_bytes(altered)
    check(path)


def test_a_reset_among_packets_that_are_passed_over(tmp_path: Path, regular: Regular) -> None:
    """What ends with it is told behind it, at both speeds."""
    octets, starts = regular
    altered = bytearray(octets)
    altered[starts[266] + 16 + 14 + 20 + 13] ^= 0xFF  # all flags of TCP
    path = tmp_path / "reset.pcap"
    path.write_bytes(altered)
    assert any(isinstance(event, Closed) and event.how == "rst" for event in check(path).events)


# --- built captures -----------------------------------------------------------------------------------------

TALKS: list[Talk] = [talks.precopy(), talks.postcopy(), talks.remus(), talks.xenops()]


class Case(NamedTuple):
    """How a capture is built; chance decides the rest. `whims` is the share of packets unlike the others in
    something that hardly matters. `tunnelled` of the packets are in a tunnel, "any": each in another one."""

    seed: int
    link: str
    version: int
    options: int
    sizes: tuple[int, ...]
    connections: int
    lost: float
    again: float
    late: float
    snap: int
    form: str
    order: str
    buffer: int
    patience: int
    whims: float
    tunnel: str
    tunnelled: float
    ways: int


CASES = st.builds(
    Case,
    seed=st.integers(0, 1 << 32),
    link=st.sampled_from(sorted(LINKS)),
    version=st.sampled_from([4, 4, 6]),
    options=st.sampled_from([0, 12]),
    sizes=st.sampled_from([(1448,), (1448, 1448, 500), (1, 3, 100, 1448), (9000, 40_000)]),
    connections=st.sampled_from([1, 1, 2, 3]),
    lost=st.sampled_from([0.0, 0.0, 0.01]),
    again=st.sampled_from([0.0, 0.02]),
    late=st.sampled_from([0.0, 0.02, 0.2]),
    snap=st.sampled_from([1 << 18, 1 << 18, 1 << 18, 68, 200, 1000]),
    form=st.sampled_from(["us", "ns", "pcapng"]),
    order=st.sampled_from("<>"),
    buffer=st.sampled_from([1 << 20, 1 << 12, 5000, 1 << 16]),
    patience=st.sampled_from([REORDER_FRAMES, 10]),
    whims=st.sampled_from([0.0, 0.01]),
    tunnel=st.sampled_from(["any", *IN_FRAMES]),
    tunnelled=st.sampled_from([0.0, 0.0, 0.5, 1.0]),
    ways=st.sampled_from([16, 1]),
)


def crossing(talk: Talk, chance: random.Random) -> list[tuple[Direction, bytes]]:
    """The talk's turns, but what goes back does not wait for a record's end."""
    said = list(turns(talk))
    for at in range(len(said) - 2):
        (before, octets), (between, answer), (after, more) = said[at : at + 3]
        if before == after == FORWARD:
            place = chance.randrange(len(octets) + 1)
            said[at : at + 3] = [(before, octets[:place]), (between, answer), (after, octets[place:] + more)]
    return said


def connection(case: Case, chance: random.Random) -> list[Packet]:
    """A migration over a connection that may begin late, break off, or lose what goes back."""
    small = case.sizes[0] == 1
    talk = talks.postcopy(Speaker(2, page_shift=9)) if small else chance.choice(TALKS)
    first = (chance.randrange(SPACE), chance.choice([5, SPACE - 100]))
    packets = exchange(crossing(talk, chance), chance, case.sizes, first, chance.random() < 0.8, chance.random() < 0.8)
    if chance.random() < 0.2:
        packets = packets[chance.randrange(len(packets)) :]
    if chance.random() < 0.2:
        at = chance.randrange(len(packets))
        packets[at] = packets[at]._replace(flags=packets[at].flags | chance.choice([FIN, RST]))
    if chance.random() < 0.2:
        share = chance.random()
        packets = [one for one in packets if not (one.side and one.payload and chance.random() < share)]
    return impaired(packets, chance, case.lost, case.again, case.late)


def packets_of(case: Case, chance: random.Random) -> list[tuple[Ends, Packet]]:
    """Several connections, their packets mixed as a network would, to their end or not."""
    waiting: list[list[tuple[Ends, Packet]]] = []
    for number in range(case.connections):
        addresses = ("192.0.2.1", "198.51.100.2") if case.version == 4 else ("2001:db8::1", "2001:db8::2")
        ends = Ends(addresses, (40000 + number, 8002), case.options)
        waiting.append([(ends, packet) for packet in connection(case, chance)])
    mixed: list[tuple[Ends, Packet]] = []
    while waiting := [queue for queue in waiting if queue]:
        queue = chance.choice(waiting)
        some = chance.choice([1, 3, 50])
        mixed += queue[:some]
        del queue[:some]
    return mixed[: chance.randrange(len(mixed) + 1)] if chance.random() < 0.5 else mixed


def in_a_tunnel(case: Case, packet: bytes, chance: random.Random) -> bytes:
    """A frame with an IP packet somewhere inside."""
    if case.tunnel == "any" or (ENCAPSULATIONS[case.tunnel].is_for_4 and case.version != 4):
        return in_tunnels(lambda _, among: chance.choice(among), packet)[1]
    return ENCAPSULATIONS[case.tunnel].wrap(packet)


def build(case: Case) -> bytes:
    chance = random.Random(case.seed)
    # In pcapng each direction may have an interface of its own.
    links = [LINKS[case.link], LINKS[chance.choice([case.link, chance.choice(sorted(LINKS))])]]
    several = chance.choice([0.0, 0.0, 0.1, 1.0]) if case.form == "pcapng" else 0.0
    time, captured = 1_700_000_000 * 10**9, []

    def whim() -> bool:
        return chance.random() < case.whims

    for ends, packet in packets_of(case, chance):
        time += chance.choice([0, 1000, 7000, 3_000_000])
        if whim():
            time += chance.choice([70_000_000, 900_000_000, -1000])
        if whim():
            packet = packet._replace(flags=packet.flags | chance.choice([0x20, 0x40, 0x80]))
        ttl, service = (chance.randrange(30, 64), 0x20) if whim() else (64, 0)
        interface = packet.side if chance.random() < several else 0
        octets = ends.ip(packet, ttl, service)
        if links[interface][0] == 1 and chance.random() < case.tunnelled:
            octets = in_a_tunnel(case, octets, chance)
        else:
            octets = links[interface][1](octets, case.version)
        snap = chance.choice([60, 66, 200]) if whim() else case.snap
        captured.append(Captured(time, octets[:snap], len(octets), interface, whim()))
    if case.form == "pcapng":
        return pcapng(captured, [link for link, _ in links], case.order)
    return pcap(captured, links[0][0], case.order, case.form == "ns")


ENDS_BEFORE_ITS_GAP = Case(
    seed=343851050,
    link="cooked",
    version=4,
    options=0,
    sizes=(1448, 1448, 500),
    connections=2,
    lost=0.0,
    again=0.0,
    late=0.2,
    snap=262144,
    form="pcapng",
    order="<",
    buffer=1 << 20,
    patience=10,
    whims=0.0,
    tunnel="vxlan",
    tunnelled=0.0,
    ways=16,
)
"""A FIN long before what was before it: nobody tells the end before how it came."""


JUDGED_AT_WHAT_IS_NO_SEGMENT = ENDS_BEFORE_ITS_GAP._replace(
    seed=0, link="ethernet", sizes=(1448,), connections=1, snap=200, tunnel="any", tunnelled=0.5
)
"""A gap that is to be given up at a packet of which nothing but a tunnel was captured."""


ENDS_SOON_AFTER_A_GAP = ENDS_BEFORE_ITS_GAP._replace(seed=3450, lost=0.01, late=0.0, tunnel="any")
"""A gap is given up, and no packet follows that is not passed over: what was held counts before what the end cuts."""


@example(case=ENDS_SOON_AFTER_A_GAP, short=0)
@example(case=ENDS_BEFORE_ITS_GAP, short=0)
@example(case=JUDGED_AT_WHAT_IS_NO_SEGMENT, short=0)
@given(CASES, st.sampled_from([0, 0, 1, 300, 1000]))
@settings(deadline=None, max_examples=120, suppress_health_check=list(HealthCheck))
def test_fast_and_careful_agree(tmp_path_factory: pytest.TempPathFactory, case: Case, short: int) -> None:
    """Whatever the packets and the file; `short`: octets missing at the file's end."""
    data = build(case)
    path = tmp_path_factory.getbasetemp() / "built"
    path.write_bytes(data[: max(200, len(data) - short)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dissector.capture.opening, "BUFFER", case.buffer)
        patch.setattr(dissector.tcp.half_connection, "REORDER_FRAMES", case.patience)
        for module in dissector.tcp.core, UNCOMPILED:
            patch.setattr(module, "WAYS_MOST", case.ways)
        check(path)


@pytest.mark.parametrize("times", [2, 3])
def test_packets_that_were_captured_several_times(times: int, tmp_path: Path) -> None:
    """Both ways tell copies from what was sent again."""
    wire = Wire(talks.postcopy(), edit=lambda packets: [packet for packet in packets for _ in range(times)])
    path = tmp_path / "copies.pcap"
    path.write_bytes(conversation.pcap(conversation.packets(wire)))
    outcome = check(path)
    assert outcome.records
    retransmitted = [half[0][4] for half in outcome.directions.values()]
    assert retransmitted == [0, 0]
