"""Packets and capture files, octet by octet, as tests need them, and TCP connections made of such packets.

Headers: RFC 791, 8200, 9293; for the cooked ones
the list of LINKTYPE_ values of tcpdump.org.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import NamedTuple

from dissector.capture.formats import COMMENT, IF_TSRESOL, ISB_IFDROP, MICROSECONDS, NANOSECONDS
from dissector.capture.writer import (
    count_option,
    enhanced,
    interface,
    options,
    pcap_header,
    pcap_packet,
    section,
    statistics,
)
from dissector.events import FORWARD

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
SPACE = 1 << 32


# --- capture files ------------------------------------------------------------------------------------------


class Captured(NamedTuple):
    """A packet in a capture: when, what was kept of it, and how long it was. In pcapng also through which
    interface, and whether it has options."""

    time_ns: int
    octets: bytes
    length: int
    interface: int = 0
    commented: bool = False


def pcap(packets: Iterable[Captured], link: int = 1, order: str = "<", nanoseconds: bool = False) -> bytes:
    magic = NANOSECONDS if nanoseconds else MICROSECONDS
    written = (pcap_packet(time, octets, length, order, magic) for time, octets, length, *_ in packets)
    return b"".join((pcap_header(link, order, magic), *written))


def pcapng(packets: Iterable[Captured], links: Sequence[int] = (1,), order: str = "<") -> bytes:
    """One interface for each link type, in nanoseconds; interface statistics at the end, as usual."""
    out = bytearray(section(order))
    for link in links:
        out += interface(order, link, 0, (IF_TSRESOL, b"\x09"))
    comment = options(order, (COMMENT, b"a comment"), (2, bytes(4)))
    for time, octets, length, number, commented in packets:
        out += enhanced(order, time, octets, number, length - len(octets), comment if commented else b"")
    return bytes(out + statistics(order, 0, 0, count_option(order, ISB_IFDROP, 7)))


# --- packets ------------------------------------------------------------------------------------------------


class Packet(NamedTuple):
    """A TCP segment of one of two sides (0 and 1)."""

    side: int
    seq: int
    ack: int
    flags: int
    payload: bytes = b""


class Ends(NamedTuple):
    """Addresses and ports of side 0 and side 1, and how long the options of their TCP headers are."""

    addresses: tuple[str, str] = ("192.0.2.1", "198.51.100.2")
    ports: tuple[int, int] = (40000, 8002)
    options: int = 12

    @property
    def version(self) -> int:
        return ip_address(self.addresses[0]).version

    def key(self, side: int = 0) -> bytes:
        """Addresses and ports as they stand in a packet of that side."""
        own, other = side, 1 - side
        addresses = ip_address(self.addresses[own]).packed + ip_address(self.addresses[other]).packed
        return addresses + struct.pack("!HH", self.ports[own], self.ports[other])

    def ip(self, packet: Packet, ttl: int = 64, service: int = 0) -> bytes:
        """The packet from the IP header on. Checksums are 0, as with offloading."""
        key = self.key(packet.side)
        offset = (20 + self.options) // 4 << 4
        tcp = key[-4:] + struct.pack("!IIBBHI", packet.seq % SPACE, packet.ack % SPACE, offset, packet.flags, 512, 0)
        tcp += b"\1" * self.options + packet.payload
        if self.version == 4:
            fixed = struct.pack("!BBHHHBBH", 0x45, service, 20 + len(tcp), packet.seq & 0xFFFF, 0x4000, ttl, 6, 0)
        else:
            fixed = struct.pack("!IHBB", 6 << 28 | service << 20, len(tcp), 6, ttl)
        return fixed + key[:-4] + tcp


def ethernet(body: bytes, kind: int = 0x0800, *tags: int) -> bytes:
    stack = b"".join(struct.pack("!HH", tag, 5) for tag in tags)
    return bytes(range(12)) + stack + struct.pack("!H", kind) + body


ETHERTYPES = {4: 0x0800, 6: 0x86DD}

Frame = Callable[[bytes, int], bytes]
LINKS: dict[str, tuple[int, Frame]] = {
    "ethernet": (1, lambda ip, version: ethernet(ip, ETHERTYPES[version]).ljust(60, b"\0")),
    "vlan": (1, lambda ip, version: ethernet(ip, ETHERTYPES[version], 0x8100).ljust(60, b"\0")),
    "raw": (101, lambda ip, version: ip),
    "cooked": (276, lambda ip, version: struct.pack("!H18x", ETHERTYPES[version]) + ip),
    "null": (0, lambda ip, version: struct.pack("<I", {4: 2, 6: 30}[version]) + ip),
}
"""By name: the link type, and what makes an IP packet of a version a frame. Ethernet pads to 60 octets."""


# --- connections --------------------------------------------------------------------------------------------


def exchange(
    turns: Iterable[tuple[str, bytes]],
    chance: random.Random,
    sizes: Sequence[int] = (1448,),
    first: tuple[int, int] = (1000, 9000),
    opened: bool = True,
    closed: bool = True,
) -> list[Packet]:
    """A clean connection over which both directions say what they have to; side 0 sends what is forward.

    first: initial sequence numbers. sizes: of segments, one of them by chance. Whether and when the other side
    acknowledges is chance too. opened, closed: with SYNs, with FINs.
    """
    seq = [number + 1 for number in first]
    packets: list[Packet] = []

    def send(side: int, flags: int, payload: bytes = b"") -> None:
        packets.append(Packet(side, seq[side] % SPACE, seq[1 - side] % SPACE, flags, payload))
        seq[side] += len(payload) + bool(flags & FIN)

    if opened:
        packets.append(Packet(0, first[0] % SPACE, 0, SYN))
        packets.append(Packet(1, first[1] % SPACE, seq[0] % SPACE, SYN | ACK))
        send(0, ACK)
    for direction, octets in turns:
        side = 0 if direction == FORWARD else 1
        at = 0
        while at < len(octets):
            size = chance.choice(sizes)
            last = at + size >= len(octets)
            send(side, ACK | (PSH if last or chance.random() < 0.05 else 0), octets[at : at + size])
            at += size
            if chance.random() < (0.7 if last else 0.4):
                send(1 - side, ACK)
    if closed:
        send(0, FIN | ACK)
        send(1, FIN | ACK)
        send(0, ACK)
    return packets


def impaired(
    packets: Sequence[Packet],
    chance: random.Random,
    lost: float = 0.0,
    again: float = 0.0,
    late: float = 0.0,
    reach: int = 20,
) -> list[Packet]:
    """What a capture has of such packets: each may be missing, come again (all of it, or with a part of what
    was before or after it) or come up to `reach` packets late. SYNs stay where they are."""
    placed: list[tuple[float, int, Packet]] = []
    for index, packet in enumerate(packets):
        if packet.flags & SYN:
            placed.append((index, 0, packet))
            continue
        if chance.random() >= lost:
            delay = chance.randrange(1, reach) if chance.random() < late else 0
            placed.append((index + delay, index, packet))
        if packet.payload and chance.random() < again:
            start = chance.randrange(len(packet.payload)) if chance.random() < 0.5 else 0
            repeated = packet._replace(seq=(packet.seq + start) % SPACE, payload=packet.payload[start:])
            placed.append((index + chance.randrange(1, reach), index, repeated))
    return [packet for _, _, packet in sorted(placed, key=lambda one: one[:2])]
