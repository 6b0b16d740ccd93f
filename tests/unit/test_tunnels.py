"""Migrations in tunnels, behind labels and on other links: the same events as outside, and nothing raises."""

from __future__ import annotations

import socket
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from conftest import REPOSITORY
from hypothesis import given, settings
from hypothesis import strategies as st
from tunnels import (
    ENCAPSULATIONS,
    MOST,
    Encapsulation,
    frame,
    in_fragments,
    in_tunnels,
    ip,
    ipv6,
    mpls,
    udp,
    vxlan,
    wrapped,
)
from wire import Captured, pcap

import dissector
from dissector.capture.fragments import Fragments
from dissector.capture.link import Segment
from dissector.capture.opening import open_source
from dissector.capture.reader import CaptureReader
from dissector.capture.tunnels import READABLE_LINKS, decode, describe
from dissector.engine import Engine
from dissector.errors import UserError
from dissector.events import Event, MigrationFound, Record

GENUINE = {
    "postcopy": REPOSITORY / "captures/violations/none/none.pcap.zst",
    "remus": REPOSITORY / "captures/postcopy/f_remus/veth_rx.pcap.zst",
    "cut at 128": REPOSITORY / "captures/postcopy/a_loopback/lo_snap128.pcap.zst",
    "xen": REPOSITORY / "captures/xen/pv-live-any-nano/pv-live-any-nano.pcap.zst",
}


def reader_of(path: Path) -> CaptureReader:
    reader = open_source(str(path))
    assert isinstance(reader, CaptureReader)
    return reader


def events_of(path: Path) -> tuple[Engine, list[Event]]:
    events: list[Event] = []
    engine = Engine(events.append)
    reader = reader_of(path)
    engine.capture(reader)
    reader.source.close()
    return engine, events


def without_names(events: list[Event]) -> list[Event]:
    return [event._replace(encapsulation=()) if isinstance(event, MigrationFound) else event for event in events]


@pytest.fixture(scope="module")
def plain() -> list[Event]:
    return events_of(GENUINE["postcopy"])[1]


@pytest.mark.parametrize("name", ENCAPSULATIONS)
def test_what_is_inside_is_what_is_outside(name: str, plain: list[Event], tmp_path: Path) -> None:
    how = ENCAPSULATIONS[name]
    path = tmp_path / "wrapped.pcap"
    path.write_bytes(wrapped(reader_of(GENUINE["postcopy"]), how))
    engine, events = events_of(path)
    found = [event for event in events if isinstance(event, MigrationFound)]
    assert found and all(event.encapsulation == how.names for event in found)
    assert without_names(events) == plain
    assert not engine.unread_links
    assert not engine.census


@pytest.mark.parametrize("capture", [name for name in GENUINE if name != "postcopy"])
@pytest.mark.parametrize("name", ["vxlan", "erspan-3", "mpls-pseudowire", "nflog"])
def test_other_captures(capture: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / "wrapped.pcap"
    path.write_bytes(wrapped(reader_of(GENUINE[capture]), ENCAPSULATIONS[name]))
    _, events = events_of(path)
    assert without_names(events) == events_of(GENUINE[capture])[1]


def test_tunnel_in_fragments(tmp_path: Path) -> None:
    """A datagram comes with its last fragment; all else is as outside."""
    genuine = REPOSITORY / "captures/xen/pv-live-mtu1500-drops/pv-live-mtu1500-drops.pcap.zst"
    path = tmp_path / "fragments.pcap"
    path.write_bytes(in_fragments(reader_of(genuine)))
    engine, events = events_of(path)
    found, expected = (
        [(event.name, event.offset) for event in each if isinstance(event, Record)]
        for each in (events, events_of(genuine)[1])
    )
    assert found == expected
    assert not engine.census


PORTS = (40000).to_bytes(2, "big") + (8002).to_bytes(2, "big")
TCP = PORTS + bytes(3) + b"\1" + bytes(3) + b"\1\x50\x10\2\0\0\0\0\0"
INSIDE = b"\x45\0" + (45).to_bytes(2, "big") + bytes(5) + b"\6\0\0" + bytes((10, 0, 0, 1, 10, 0, 0, 2)) + TCP + b"hello"


def segment_in(packet: bytes, link: int = 1) -> Segment | None:
    return decode(link, memoryview(packet), len(packet), Fragments())


FRAMED = ("0800", "86dd")
"""EtherTypes of frames that are nothing but IP."""

TOGETHER = {
    name: how for name, how in ENCAPSULATIONS.items() if how.link == 1 and how.wrap(INSIDE)[12:14].hex() in FRAMED
}
"""What may stand inside of any other."""

TRANSPORT = ("esp", "esp-16")
"""What has what it carries between an IP header and its payload: not known there are these themselves, and AH."""
UNKNOWN_THERE = ("ah", "ah-tunnel", "esp", "esp-16", "esp-tunnel", "esp-udp")


@pytest.mark.parametrize("outer", ENCAPSULATIONS)
def test_each_in_each(outer: str) -> None:
    """Pairs, and a third one that changes from pair to pair."""
    names = [*TOGETHER]
    seen = 0
    for number, inner in enumerate(names):
        for chain in ((outer, inner), (outer, names[(number * 7 + len(outer)) % len(names)], inner)):
            octets = nested(chain)
            is_unknown = any(one in TRANSPORT and more in UNKNOWN_THERE for one, more in pairwise(chain))
            if octets is not None and not is_unknown:
                segment = segment_in(octets, ENCAPSULATIONS[outer].link)
                assert segment is not None and bytes(segment.payload) == b"hello", chain
                seen += 1
    assert seen or outer == "nested"


def nested(names: tuple[str, ...]) -> bytes | None:
    """A packet in all of them, the first outermost; None where one does not take what is inside, or they are too many
    for a reader."""
    packet, depth = INSIDE, 0
    octets = b""
    for name in reversed(names):
        how = ENCAPSULATIONS[name]
        if how.is_for_4 and packet[0] >> 4 != 4:
            return None
        octets, depth = how.wrap(packet), depth + len(how.names)
        packet = octets[14:]
    return octets if depth <= MOST else None


@pytest.mark.parametrize("name", ENCAPSULATIONS)
def test_cut_and_changed_packets_never_raise(name: str) -> None:
    how = ENCAPSULATIONS[name]
    packet = how.wrap(INSIDE)
    whole = segment_in(packet, how.link)
    assert whole is not None and bytes(whole.payload) == b"hello" == packet[whole.at : whole.at + 5]
    assert whole.key == socket.inet_aton("10.0.0.1") + socket.inet_aton("10.0.0.2") + PORTS
    for end in range(len(packet)):
        got = decode(how.link, memoryview(packet)[:end], len(packet), Fragments())
        assert got is None or (got.length == 5 and b"hello".startswith(got.payload))
        describe(how.link, memoryview(packet)[:end], len(packet))
        for value in 0, 0x45, 255:
            changed = memoryview(packet[:end] + bytes((value,)) + packet[end + 1 :])
            got = decode(how.link, changed, len(changed), Fragments())
            assert got is None or len(got.payload) <= got.length
            describe(how.link, changed, len(changed))


@given(st.sampled_from(sorted(READABLE_LINKS)), st.binary(max_size=120))
def test_random_octets_never_raise(link: int, octets: bytes) -> None:
    assert decode(link, memoryview(octets), len(octets), Fragments()) is None or octets
    describe(link, memoryview(octets), len(octets))


@given(st.data())
def test_any_in_any_other(data: st.DataObject) -> None:
    names, packet = in_tunnels(lambda what, among: data.draw(st.sampled_from(among), what), INSIDE)
    whole = segment_in(packet)
    assert whole is not None, names
    assert bytes(whole.payload) == b"hello"
    assert whole.encapsulation == names
    end = data.draw(st.integers(0, len(packet)))
    cut = decode(1, memoryview(packet)[:end], len(packet), Fragments())
    assert cut is None or (cut.length == 5 and b"hello".startswith(cut.payload)), "cut at the snap length"


@given(st.data())
@settings(max_examples=30)
def test_who_goes_the_same_way_comes_to_the_same_place(data: st.DataObject) -> None:
    """Whatever octet is altered that is not of a way: what is found is found at the same place, in the same."""
    names, packet = in_tunnels(lambda what, among: data.draw(st.sampled_from(among), what), INSIDE)
    whole = segment_in(packet)
    assert whole is not None, names
    if whole.way is None:
        return
    mask, octets = whole.way
    assert packet[len(mask) :] == INSIDE
    for at, bits in enumerate(mask):
        assert packet[at] & bits == octets[at]
        for value in 1, 2, 4, 8, 16, 32, 64, 128, packet[at], 255 - packet[at]:
            altered = packet[:at] + bytes((packet[at] ^ value,)) + packet[at + 1 :]
            got = segment_in(altered)
            if not bits & value:
                assert got is not None, at
                assert got._replace(payload=whole.payload, options=whole.options, way=whole.way) == whole, at


@pytest.mark.parametrize("name", ["vxlan", "vxlan-6", "geneve", "gre-all", "erspan-2", "ip-in-ip", "6in4", "pppoe"])
def test_a_way_is_what_decided(name: str) -> None:
    """And no addresses, lengths, networks or checksums: all packets of a tunnel go the same way."""
    one, other = (segment_in(ENCAPSULATIONS[name].wrap(packet)) for packet in (INSIDE, INSIDE + bytes(7)))
    assert one is not None and other is not None and one.way is not None
    assert one.way == other.way
    assert sum(map(bool, one.way.mask)) <= 20


@pytest.mark.parametrize("seed", range(4))
def test_each_packet_in_something_else(seed: int, plain: list[Event], tmp_path: Path) -> None:
    """Every packet of a capture in other tunnels than the one before it, and all of it found in one migration."""
    chance = Random(seed)
    path = tmp_path / "wrapped.pcap"
    how = Encapsulation((), lambda packet: in_tunnels(lambda _, among: chance.choice(among), packet)[1])
    path.write_bytes(wrapped(reader_of(GENUINE["postcopy"]), how))
    assert without_names(events_of(path)[1]) == plain


def test_more_than_four_are_not_believed() -> None:
    packet = INSIDE
    for depth in range(1, 7):
        packet = ip(4, packet)
        got = segment_in(frame(packet))
        assert (got is not None) == (depth <= 4)
    assert describe(1, memoryview(frame(packet)), 200) == "more than 4 encapsulations" + " in IP-in-IP" * 5


@pytest.mark.parametrize(
    ("packet", "what"),
    [
        (frame(ip(17, udp(53, b"query"))), "UDP port 53"),
        (frame(ip(17, udp(4789, vxlan(frame(bytes(28), 0x0806))))), "ARP in VXLAN"),
        (frame(ip(17, udp(4789, bytes(60)))), "UDP port 4789 (no VXLAN)"),
        (frame(bytes(46), 0x88CC), "LLDP"),
        (frame(bytes(46), 46), "frames without an EtherType"),
        (frame(bytes(46), 0x1234), "EtherType 0x1234"),
        (frame(b"\x0c" + bytes(45), 0x88E5), "MACsec, encrypted"),
        (frame(ip(50, bytes(range(100, 180)))), "ESP, encrypted"),
        (frame(ip(1, bytes(8))), "ICMP"),
        (frame(mpls(frame(bytes(28), 0x0806)), 0x8847), "ARP in MPLS"),
        (frame(ip(6, bytes(3))), "packets that end inside their headers"),
    ],
)
def test_what_is_not_looked_into_has_a_name(packet: bytes, what: str) -> None:
    assert segment_in(packet) is None
    assert describe(1, memoryview(packet), len(packet)) == what


def census_of(tmp_path: Path, packets: list[bytes], link: int = 1) -> dissector.Input:
    path = tmp_path / "nothing.pcap"
    path.write_bytes(pcap([Captured(10**18 + n, packet, len(packet)) for n, packet in enumerate(packets)], link))
    return dissector.open(path)


def test_census_says_what_was_not_looked_into(tmp_path: Path) -> None:
    """The first packet of a capture, which the fast path leaves to others, counts like all that follow."""
    queries = [frame(ip(17, udp(53, b"query, or more of it")))] * 3 + [frame(ipv6(17, udp(53, bytes(40))))]
    opened = census_of(tmp_path, [*queries, *[frame(bytes(46), 0x0806)] * 2, frame(ip(1, bytes(40)))])
    with pytest.raises(UserError, match="4 packets: UDP port 53, 2 packets: ARP, 1 packet: ICMP; capture"):
        opened.analyze()
    assert [(one.what, one.packets) for one in opened.source.census] == [("UDP port 53", 4), ("ARP", 2), ("ICMP", 1)]


def test_unread_links_are_always_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"2 packets: link type 147; .* 147 cannot be read .*linktypes"):
        census_of(tmp_path, [bytes(60)] * 2, 147).analyze()
