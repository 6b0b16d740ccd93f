"""A captured packet to its TCP segment: the ordinary road through link, IP and TCP headers.

Every header is read once, by a compiled struct, in place; the payload is a part of the packet's memory, not a
copy. What is malformed, not TCP, or cut before its payload's place is known gives None, never an exception.
"""

import socket
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from dissector.capture.fragments import Fragments

LARGEST_WINDOW = 0xFFFF


class Way(NamedTuple):
    """How a packet begins that has the IP header of its segment inside of something."""

    mask: bytes
    """All bits before that header that led to it."""
    octets: bytes
    """What they say; 0 where it does not matter. A packet in which they say the same has its IP header there as well,
    and inside of the same."""


class Segment(NamedTuple):
    """One TCP segment."""

    key: bytes
    """Source and destination address, source and destination port, as on the wire: 12 or 36 octets."""
    seq: int
    ack: int
    flags: int
    """The octet of RFC 9293, 3.1: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32."""
    payload: memoryview
    """What was captured of the payload."""
    length: int
    """Octets the payload had on the wire."""
    at: int
    """Octets of the packet before the payload; -1 where it was put together from fragments."""
    window: int = LARGEST_WINDOW
    """What the sender can take, as the field says: not scaled."""
    shift: int | None = None
    """Of a SYN: the scale of the windows that follow (RFC 7323, 2.2), NO_SHIFT where it says none; None of others."""
    options: memoryview = memoryview(b"")
    """Of the TCP header, as far as they were captured."""
    encapsulation: tuple[str, ...] = ()
    """What the segment travelled in, outermost first (capture/tunnels.py); nothing on the ordinary road."""
    way: Way | None = None
    """How that was found, as far as others can be found so."""


IPV4 = struct.Struct("!BxHHHxB2x8s")
"""RFC 791, 3.1: version and header size, total length, identification, fragment, protocol, addresses."""

IPV6 = struct.Struct("!4xHBx32s")
"""RFC 8200, 3: payload length, next header, addresses."""

IPV6_FRAGMENT = struct.Struct("!BxHI")
"""RFC 8200, 4.5: next header, offset and flag, identification."""

TCP = struct.Struct("!4sIIBB")
"""RFC 9293, 3.1: ports, sequence number, acknowledgement number, data offset, flags; the window follows."""

SYN = 0x02

NO_SHIFT = -1

WORD = struct.Struct("!H")

TCP_PROTOCOL, FRAGMENT_HEADER = 6, 44
TCP_HEADER = 20
IPV6_HEADER = 40

TUNNEL_PROTOCOLS = frozenset((4, 17, 41, 47, 50, 97, 137))
"""Protocols of IP in which there may be another IP header: fragments of those are for capture/tunnels.py."""

# Options of TCP: RFC 9293, 3.1, RFC 7323, 2.2 and 2.3, and RFC 2018, 2.
END_OF_OPTIONS, NO_OPERATION, LARGEST_SEGMENT, WINDOW_SCALE, SACK_PERMITTED, TIMESTAMPS = 0, 1, 2, 3, 4, 8
LARGEST_SHIFT = 14
PLAIN_TIMESTAMPS = b"\1\1\x08\x0a"
"""How timestamps begin in nearly every packet: RFC 7323, appendix A."""

# Extension headers that may stand before TCP (RFC 8200, 4.1; RFC 4302 for 51; RFC 6275 for 135):
# octets in one unit of their length field, and octets that the field does not count.
EXTENSIONS = {0: (8, 8), 43: (8, 8), 60: (8, 8), 51: (4, 8), 135: (8, 8)}

# IEEE 802 numbers: 802.1Q, 802.1ad, and what was used for stacked tags before it.
TAGS = frozenset((0x8100, 0x88A8, 0x9100))
ETHERTYPES = {0x0800: 4, 0x86DD: 6}

# AF_INET, and AF_INET6 of the BSDs, macOS and Linux, whichever the byte order of the machine that captured.
FAMILIES = {
    family.to_bytes(4, order): version
    for family, version in ((2, 4), (10, 6), (24, 6), (28, 6), (30, 6))
    for order in ("little", "big")
}


def _ethertype(octets: memoryview, at: int, header: int) -> int:
    """The header's size, tags included, when its type at `at` says IP and IP it is; else -1."""
    (kind,) = WORD.unpack_from(octets, at)
    while kind in TAGS:
        (kind,) = WORD.unpack_from(octets, header + 2)
        header += 4
    return header if ETHERTYPES.get(kind) == octets[header] >> 4 else -1


def _ethernet(octets: memoryview) -> int:
    return _ethertype(octets, 12, 14)


def _cooked(octets: memoryview) -> int:
    return _ethertype(octets, 14, 16)


def _cooked_2(octets: memoryview) -> int:
    return _ethertype(octets, 0, 20)


def _family(octets: memoryview) -> int:
    return 4 if FAMILIES.get(bytes(octets[:4])) == octets[4] >> 4 else -1


def _bare(octets: memoryview) -> int:
    return 0


LINKS: dict[int, Callable[[memoryview], int]] = {
    0: _family,  # LINKTYPE_NULL
    1: _ethernet,
    12: _bare,  # raw IP, by the number it has inside two systems
    14: _bare,
    101: _bare,  # LINKTYPE_RAW
    108: _family,  # LINKTYPE_LOOP
    113: _cooked,  # LINKTYPE_LINUX_SLL
    228: _bare,  # LINKTYPE_IPV4
    229: _bare,  # LINKTYPE_IPV6
    276: _cooked_2,  # LINKTYPE_LINUX_SLL2
}
"""Link types that can be read: what gives the octets before the IP header, or -1 if there is none."""


def decode(link: int, octets: memoryview, length: int, reassembler: Fragments) -> Segment | None:
    """The TCP segment in a packet of `length` octets on the wire, or None.

    A fragment goes to `reassembler`, and the one that completes its datagram gives the segment.
    """
    find = LINKS.get(link)
    if find is None:
        return None
    try:
        header = find(octets)
        if header < 0:
            return None
        version = octets[header] >> 4
        if version == 4:
            return _ipv4(octets, header, length, reassembler)
        if version == 6:
            return _ipv6(octets, header, length, reassembler)
    except (struct.error, IndexError):
        pass  # the capture ends before what had to be read
    return None


def _ipv4(octets: memoryview, at: int, length: int, reassembler: Fragments) -> Segment | None:
    first, total, identification, fragment, protocol, addresses = IPV4.unpack_from(octets, at)
    header = (first & 15) * 4
    # 0: more than the field can say; the sender captured it before its network card cut it up.
    size = (total or length - at) - header
    if header < 20:
        return None
    start = at + header
    if fragment & 0x3FFF:
        if protocol in TUNNEL_PROTOCOLS:
            return None
        data = octets[start : start + size]
        if len(data) != size:
            return None
        name = addresses + bytes((protocol,)) + WORD.pack(identification)
        whole = reassembler.add(name, protocol, (fragment & 0x1FFF) * 8, bool(fragment & 0x2000), data)
        return _whole(whole, addresses) if whole is not None and whole[0] == TCP_PROTOCOL else None
    return tcp_segment(octets, start, size, addresses) if protocol == TCP_PROTOCOL else None


def _ipv6(octets: memoryview, at: int, length: int, reassembler: Fragments) -> Segment | None:
    size, kind, addresses = IPV6.unpack_from(octets, at)
    start = at + IPV6_HEADER
    size = size or length - start  # 0: a jumbogram (RFC 2675), or not yet cut up, as in IPv4
    found = _behind_extensions(octets, start, size, kind)
    if found is None:
        return None
    start, size, kind = found
    if kind == TCP_PROTOCOL:
        return tcp_segment(octets, start, size, addresses)
    kind, fragment, identification = IPV6_FRAGMENT.unpack_from(octets, start)
    if kind in TUNNEL_PROTOCOLS:
        return None
    start, size = start + IPV6_FRAGMENT.size, size - IPV6_FRAGMENT.size
    data = octets[start : start + max(size, 0)]
    if len(data) != size:
        return None
    name = addresses + identification.to_bytes(4, "big")
    whole = reassembler.add(name, kind, fragment & 0xFFF8, bool(fragment & 1), data)
    return None if whole is None else _whole(whole, addresses)


def _behind_extensions(octets: memoryview, start: int, size: int, kind: int) -> tuple[int, int, int] | None:
    """Where TCP or a fragment begins behind IPv6's extension headers, the octets from there, and which it is."""
    while kind != TCP_PROTOCOL:
        if kind == FRAGMENT_HEADER:
            following, fragment, _ = IPV6_FRAGMENT.unpack_from(octets, start)
            if fragment & 0xFFF9:
                return start, size, kind
            kind = following  # in one piece after all (RFC 6946)
            start, size = start + IPV6_FRAGMENT.size, size - IPV6_FRAGMENT.size
        elif kind in EXTENSIONS:
            unit, more = EXTENSIONS[kind]
            kind, units = octets[start], octets[start + 1]
            start += units * unit + more
            size -= units * unit + more
        else:
            return None
    return start, size, kind


def _whole(datagram: tuple[int, bytearray], addresses: bytes) -> Segment | None:
    """The segment in a datagram that was put together: its protocol, and its octets."""
    protocol, octets = datagram
    found = _behind_extensions(memoryview(octets), 0, len(octets), protocol)
    if found is None or found[2] != TCP_PROTOCOL:
        return None
    segment = tcp_segment(memoryview(octets), found[0], found[1], addresses)
    return None if segment is None else segment._replace(at=-1)


def tcp_segment(octets: memoryview, start: int, size: int, addresses: bytes) -> Segment | None:
    """`size` octets of TCP, as IP counts them, from `start`; fewer when the packet was cut."""
    ports, seq, ack, offset, flags = TCP.unpack_from(octets, start)
    header = (offset >> 4) * 4
    length = size - header
    if header < TCP_HEADER or length < 0:
        return None
    at = start + TCP.size
    window = int.from_bytes(octets[at : at + 2], "big") if len(octets) >= at + 2 else LARGEST_WINDOW
    options = octets[start + TCP_HEADER : start + header]
    shift = window_shift(options) if flags & SYN else None
    start += header
    payload = octets[start : start + length]
    return Segment(addresses + ports, seq, ack, flags, payload, length, start, window, shift, options)


def tcp_options(options: memoryview | bytes) -> Iterator[tuple[int, bytes]]:
    """The options of a TCP header, each with what it says; those that are cut short are left out."""
    at = 0
    while at < len(options) and options[at] != END_OF_OPTIONS:
        if options[at] == NO_OPERATION:
            at += 1
            continue
        size = options[at + 1] if at + 1 < len(options) else 0
        if size < 2 or at + size > len(options):
            break
        yield options[at], bytes(options[at + 2 : at + size])
        at += size


def window_shift(options: memoryview | bytes) -> int:
    """The scale of windows among the options of a TCP header; NO_SHIFT where there is none."""
    found = (says[0] for kind, says in tcp_options(options) if kind == WINDOW_SCALE and len(says) == 1)
    return min(next(found, NO_SHIFT), LARGEST_SHIFT)


def time_stamps(options: memoryview | bytes) -> tuple[int, int] | None:
    """Of the options of a TCP header: the sender's clock, and what it had last heard of the other side's (TSval and
    TSecr of RFC 7323, 3.2); None where they do not say."""
    if len(options) >= 12 and options[:4] == PLAIN_TIMESTAMPS:
        return int.from_bytes(options[4:8], "big"), int.from_bytes(options[8:12], "big")
    for kind, says in tcp_options(options):
        if kind == TIMESTAMPS and len(says) == 8:
            return int.from_bytes(says[:4], "big"), int.from_bytes(says[4:], "big")
    return None


def addresses(key: bytes) -> tuple[tuple[str, int], tuple[str, int]]:
    """Source and destination of a Segment's key, each as address and port."""
    size = (len(key) - 4) // 2
    family = socket.AF_INET if size == 4 else socket.AF_INET6
    source, destination = (socket.inet_ntop(family, key[at : at + size]) for at in (0, size))
    ports = struct.unpack("!HH", key[-4:])
    return (source, ports[0]), (destination, ports[1])


def reverse_key(key: bytes) -> bytes:
    """The key of the other direction."""
    size = (len(key) - 4) // 2
    return key[size : 2 * size] + key[:size] + key[-2:] + key[-4:-2]
