"""Captures wrapped into what captures are found in: every packet, both directions.

`Wrap` makes an IP packet one of another link type. `wrapped` does it to a whole capture. Layouts: the RFCs that
dissector/capture/tunnels.py names, written here a second time, and Scapy's where it has them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol, TypeVar

from wire import Captured, pcap

from dissector.capture.reader import CaptureReader

T = TypeVar("T")

Wrap = Callable[[bytes], bytes]


class Draw(Protocol):
    """Chooses one of several, by chance or by who looks for a failure."""

    def __call__(self, what: str, among: Sequence[T], /) -> T: ...


OUTER = bytes((203, 0, 113, 1)) + bytes((203, 0, 113, 2))
OUTER_6 = bytes.fromhex("20010db8000000000000000000000001") + bytes.fromhex("20010db8000000000000000000000002")
MACS = bytes.fromhex("00163e010203") + bytes.fromhex("00163e040506")


def kind(ip: bytes) -> int:
    """The EtherType of an IP packet."""
    return {4: 0x0800, 6: 0x86DD}[ip[0] >> 4]


def short(number: int, order: str = "!") -> bytes:
    return struct.pack(order + "H", number)


def count(octets: int) -> bytes:
    """A length of 16 bits; 0 where it is more than that, as with offloading."""
    return short(octets if octets < 1 << 16 else 0)


def frame(octets: bytes, ethertype: int | None = None) -> bytes:
    """In Ethernet; an IP packet unless its EtherType says otherwise."""
    return MACS + short(kind(octets) if ethertype is None else ethertype) + octets


def ip(protocol: int, octets: bytes, number: int = 1, first: int = 0, more: bool = False) -> bytes:
    """In IPv4, perhaps as a fragment: its first octet and whether others follow."""
    flags = first // 8 | more << 13
    size = count(20 + len(octets))
    return b"\x45\0" + size + struct.pack("!HHBBH", number, flags, 64, protocol, 0) + OUTER + octets


def ipv6(protocol: int, octets: bytes) -> bytes:
    return struct.pack("!I", 6 << 28) + count(len(octets)) + bytes((protocol, 64)) + OUTER_6 + octets


def udp(port: int, octets: bytes) -> bytes:
    return short(49152) + short(port) + count(8 + len(octets)) + short(0) + octets


def vxlan(octets: bytes) -> bytes:
    return bytes.fromhex("0800000000002a00") + octets


def geneve(octets: bytes, ethertype: int) -> bytes:
    return bytes((2, 0)) + short(ethertype) + bytes.fromhex("00002a00") + bytes.fromhex("0102800100000007") + octets


def gre(flags: int, ethertype: int, octets: bytes) -> bytes:
    fields = sum(bool(flags & each) for each in (0x8000, 0x2000, 0x1000))
    return short(flags) + short(ethertype) + bytes(range(4 * fields)) + octets


def mpls(*octets: bytes) -> bytes:
    """Behind two labels."""
    return struct.pack("!II", 100 << 12 | 64, 200 << 12 | 0x100 | 64) + b"".join(octets)


def macsec(octets: bytes, channel: bool) -> bytes:
    flags = 0x20 if channel else 0
    body = bytes((flags, 0)) + struct.pack("!I", 7) + bytes(8 * channel) + short(kind(octets)) + octets
    return body + bytes(range(16))


def authenticated(octets: bytes, protocol: int) -> bytes:
    return bytes((protocol, 4)) + struct.pack("!HII", 0, 256, 9) + bytes(12) + octets


def esp(octets: bytes, protocol: int, check: int = 12) -> bytes:
    padding = bytes(range(1, 1 + (-len(octets) - 2) % 4))
    return struct.pack("!II", 256, 9) + octets + padding + bytes((len(padding), protocol)) + b"\xa5" * check


def inner(packet: bytes) -> tuple[bytes, int, bytes]:
    """Header, protocol and payload of an IPv4 packet without options."""
    return packet[:20], packet[9], packet[20:]


def in_transport(packet: bytes, protocol: int, wrap: Callable[[bytes, int], bytes]) -> bytes:
    """Something put between the IPv4 header and its payload."""
    header, kind, payload = inner(packet)
    body = wrap(payload, kind)
    return header[:2] + count(20 + len(body)) + header[4:9] + bytes((protocol,)) + header[10:] + body


def nflog(octets: bytes, order: str) -> bytes:
    """A prefix, and the packet."""
    prefix = short(4 + 5, order) + short(10, order) + b"xen:\0" + bytes(3)
    return bytes((2, 0)) + short(0) + prefix + short((4 + len(octets)) & 0xFFFF, order) + short(9, order) + octets


def erf(kind: int, extensions: bytes, octets: bytes) -> bytes:
    """A record of a DAG card with Ethernet: time, type, flags, lengths, extension headers, padding."""
    lengths = count(16 + len(extensions) + 2 + len(octets)) + short(0) + count(len(octets))
    return bytes(8) + bytes((kind, 4)) + lengths + extensions + bytes(2) + octets


def pktap(octets: bytes) -> bytes:
    return struct.pack("<III", 108, 1, 1) + b"en0".ljust(96, b"\0") + frame(octets)


class Encapsulation(NamedTuple):
    """One that captures come in."""

    names: tuple[str, ...]
    wrap: Wrap
    link: int = 1
    is_for_4: bool = False
    """Whether `wrap` takes IPv4 alone."""


def in_frame(protocol: int, wrap: Wrap) -> Wrap:
    """What makes the payload of an IPv4 packet, to the frame around it."""
    return lambda octets: frame(ip(protocol, wrap(octets)))


def behind(ethertype: int, wrap: Wrap) -> Wrap:
    return lambda octets: frame(wrap(octets), ethertype)


ENCAPSULATIONS: dict[str, Encapsulation] = {
    "vxlan": Encapsulation(("VXLAN",), in_frame(17, lambda x: udp(4789, vxlan(frame(x))))),
    "vxlan-linux": Encapsulation(("VXLAN",), in_frame(17, lambda x: udp(8472, vxlan(frame(x))))),
    "vxlan-6": Encapsulation(("VXLAN",), lambda x: frame(ipv6(17, udp(4789, vxlan(frame(x)))))),
    "vxlan-tagged": Encapsulation(
        ("VXLAN",), in_frame(17, lambda x: udp(4789, vxlan(frame(short(5) + short(kind(x)) + x, 0x8100))))
    ),
    "vxlan-gpe": Encapsulation(
        ("VXLAN",), in_frame(17, lambda x: udp(4790, bytes.fromhex("0c00000300002a00") + frame(x)))
    ),
    "geneve": Encapsulation(("Geneve",), in_frame(17, lambda x: udp(6081, geneve(frame(x), 0x6558)))),
    "geneve-ip": Encapsulation(("Geneve",), in_frame(17, lambda x: udp(6081, geneve(x, kind(x))))),
    "gre": Encapsulation(("GRE",), in_frame(47, lambda x: gre(0, kind(x), x))),
    "gre-all": Encapsulation(("GRE",), in_frame(47, lambda x: gre(0xB000, kind(x), x))),
    "gre-teb": Encapsulation(("GRE",), in_frame(47, lambda x: gre(0, 0x6558, frame(x)))),
    "nvgre": Encapsulation(("GRE",), in_frame(47, lambda x: gre(0x2000, 0x6558, frame(x)))),
    "gre-udp": Encapsulation(("GRE",), in_frame(17, lambda x: udp(4754, gre(0, kind(x), x)))),
    "erspan-1": Encapsulation(("ERSPAN",), in_frame(47, lambda x: gre(0, 0x88BE, frame(x)))),
    "erspan-2": Encapsulation(
        ("ERSPAN",), in_frame(47, lambda x: gre(0x1000, 0x88BE, bytes.fromhex("1001000100000000") + frame(x)))
    ),
    "erspan-3": Encapsulation(
        ("ERSPAN",), in_frame(47, lambda x: gre(0x1000, 0x22EB, bytes.fromhex("200100010000000000000000") + frame(x)))
    ),
    "erspan-3-more": Encapsulation(
        ("ERSPAN",),
        in_frame(47, lambda x: gre(0x1000, 0x22EB, bytes.fromhex("200100010000000000000001") + bytes(8) + frame(x))),
    ),
    "ip-in-ip": Encapsulation(("IP-in-IP",), in_frame(4, lambda x: x), is_for_4=True),
    "6in4": Encapsulation(("IP-in-IP", "IP-in-IP"), in_frame(41, lambda x: ipv6(4, x)), is_for_4=True),
    "mpls": Encapsulation(("MPLS",), behind(0x8847, mpls)),
    "mpls-pseudowire": Encapsulation(("MPLS",), behind(0x8847, lambda x: mpls(bytes(4), frame(x)))),
    "mpls-no-control-word": Encapsulation(("MPLS",), behind(0x8847, lambda x: mpls(frame(x)))),
    "mpls-address-like-ip": Encapsulation(("MPLS",), behind(0x8847, lambda x: mpls(b"\x45" + frame(x)[1:]))),
    "pppoe": Encapsulation(
        ("PPPoE",), behind(0x8864, lambda x: b"\x11\0\0\7" + count(2 + len(x)) + b"\0\x21" + x), is_for_4=True
    ),
    "802.1br": Encapsulation(("802.1BR",), behind(0x893F, lambda x: bytes(6) + short(kind(x)) + x)),
    "vn-tag": Encapsulation(("VN-Tag",), behind(0x8926, lambda x: bytes(4) + short(kind(x)) + x)),
    "cisco-metadata": Encapsulation(
        ("Cisco MetaData",), behind(0x8909, lambda x: bytes.fromhex("010100010007") + short(kind(x)) + x)
    ),
    "macsec": Encapsulation(("MACsec",), behind(0x88E5, lambda x: macsec(x, False))),
    "macsec-channel": Encapsulation(("MACsec",), behind(0x88E5, lambda x: macsec(x, True))),
    "etherip": Encapsulation(("EtherIP",), in_frame(97, lambda x: b"\x30\0" + frame(x))),
    "ah": Encapsulation(("AH",), lambda x: frame(in_transport(x, 51, authenticated)), is_for_4=True),
    "ah-tunnel": Encapsulation(("AH", "IP-in-IP"), in_frame(51, lambda x: authenticated(x, 4)), is_for_4=True),
    "esp": Encapsulation(("ESP",), lambda x: frame(in_transport(x, 50, esp)), is_for_4=True),
    "esp-16": Encapsulation(
        ("ESP",), lambda x: frame(in_transport(x, 50, lambda y, kind: esp(y, kind, 16))), is_for_4=True
    ),
    "esp-tunnel": Encapsulation(("ESP",), in_frame(50, lambda x: esp(x, 4)), is_for_4=True),
    "esp-udp": Encapsulation(("ESP",), in_frame(17, lambda x: udp(4500, esp(x, 4))), is_for_4=True),
    "nested": Encapsulation(
        ("MPLS", "GRE", "VXLAN", "PPPoE"),
        behind(
            0x8847,
            lambda x: mpls(
                ip(
                    47,
                    gre(
                        0,
                        0x0800,
                        ip(17, udp(4789, vxlan(frame(b"\x11\0\0\7" + count(1 + len(x)) + b"\x21" + x, 0x8864)))),
                    ),
                )
            ),
        ),
        is_for_4=True,
    ),
    "nflog": Encapsulation((), lambda x: nflog(x, "<"), 239),
    "nflog-big-endian": Encapsulation((), lambda x: nflog(x, ">"), 239),
    "ppp": Encapsulation((), lambda x: b"\xff\x03\0\x21" + x, 9, True),
    "ppp-compressed": Encapsulation((), lambda x: b"\x21" + x, 9, True),
    "ppp-hdlc": Encapsulation((), lambda x: b"\xff\x03\0\x21" + x, 50, True),
    "cisco-hdlc": Encapsulation((), lambda x: b"\x0f\0" + short(kind(x)) + x, 50),
    "erf": Encapsulation((), lambda x: erf(2, b"", frame(x)), 197),
    "erf-more": Encapsulation(
        (), lambda x: erf(0x8B, bytes.fromhex("84000000000000000400000000000000"), frame(x)), 197
    ),
    "ipoib": Encapsulation((), lambda x: bytes(40) + short(kind(x)) + bytes(2) + x, 242),
    "pktap": Encapsulation((), pktap, 258),
    "ppi": Encapsulation((), lambda x: struct.pack("<BBHI", 0, 0, 8, 1) + frame(x), 192),
}

IP_AT = {1: 14, 101: 0, 276: 20}
"""Octets before the IP header, in the captures of the repository."""


def ip_packets(reader: CaptureReader) -> Iterator[tuple[int, bytes, int]]:
    """Time, octets and length on the wire of each packet of a capture, from its IP header on, without padding."""
    while packet := reader.next_packet():
        at = IP_AT[packet.link]
        octets = bytes(packet.octets[at:])
        size = int.from_bytes(octets[2:4], "big") or packet.length - at
        yield packet.time_ns, octets[:size], size


def wrapped(reader: CaptureReader, how: Encapsulation) -> bytes:
    """The capture in something. What was cut at the snap length is cut at the same octet."""
    packets = []
    for time, octets, size in ip_packets(reader):
        whole = how.wrap(octets.ljust(size, b"\0"))
        # Whatever is behind the packet (padding, checks) is cut as well.
        tail = size - len(octets)
        packets.append(Captured(time, whole[: len(whole) - tail], len(whole)))
    return pcap(packets, how.link, nanoseconds=True)


def in_fragments(reader: CaptureReader, most: int = 1200) -> bytes:
    """The capture in VXLAN, each outer datagram in IP fragments of so many octets at most."""
    packets = []
    for number, (time, octets, _) in enumerate(ip_packets(reader)):
        body = udp(4789, vxlan(frame(octets)))
        for at in range(0, len(body), most):
            piece = frame(ip(17, body[at : at + most], number & 0xFFFF, at, at + most < len(body)))
            packets.append(Captured(time, piece, len(piece)))
    return pcap(packets, nanoseconds=True)


# Any of them in any other: what carries a frame, and what carries an IP packet, drawn by whoever tests.

IP_NUMBERS = {4: 4, 6: 41}
"""By its version the protocol number of an IP packet in another."""


def in_ip(draw: Draw, protocol: int, octets: bytes) -> bytes:
    """In IPv4, perhaps with options, or in IPv6, perhaps with extension headers."""
    match draw("ip", ("4", "4 with options", "6", "6 with headers")):
        case "4":
            return ip(protocol, octets)
        case "4 with options":
            header = bytearray(ip(protocol, b""))
            header[0], header[2:4] = 0x46, count(24 + len(octets))
            return bytes(header) + b"\x94\4\0\0" + octets
        case "6":
            return ipv6(protocol, octets)
        case _:
            return ipv6(0, bytes((60, 0, 1, 4, 0, 0, 0, 0)) + bytes((protocol, 0, 1, 4, 0, 0, 0, 0)) + octets)


def in_a_frame(draw: Draw, packet: bytes) -> tuple[tuple[str, ...], bytes]:
    """In Ethernet, with what may stand between that and IP; and the names of what counts as an encapsulation."""
    ethertype = kind(packet)
    names: tuple[str, ...] = ()
    match draw("frame", ("plain", "plain", "PPPoE", "MPLS", "802.1BR")):
        case "PPPoE":
            protocol = {0x0800: 0x21, 0x86DD: 0x57}[ethertype]
            body = b"\x11\0\0\7" + count(2 + len(packet)) + short(protocol) + packet
            ethertype, names = 0x8864, ("PPPoE",)
        case "MPLS":
            labels = [100 << 12 | 64 for _ in range(draw("labels", (0, 1, 4)))] + [200 << 12 | 0x100 | 64]
            body = struct.pack(f"!{len(labels)}I", *labels) + packet
            ethertype, names = 0x8847, ("MPLS",)
        case "802.1BR":
            body = bytes(6) + short(ethertype) + packet
            ethertype, names = 0x893F, ("802.1BR",)
        case _:
            body = packet
    for tag in draw("tags", ((), (0x8100,), (0x8100, 0x88A8))):
        body, ethertype = short(5) + short(ethertype) + body, tag
    return names, frame(body, ethertype)


def in_a_tunnel(draw: Draw, packet: bytes) -> tuple[tuple[str, ...], bytes]:
    """An IP packet in another; and the names of what it is in, the outermost first."""
    flags = sum(draw("GRE", ((), (0x8000,), (0x2000,), (0x1000,), (0x8000, 0x2000, 0x1000))))
    how = draw("tunnel", ("IP-in-IP", "GRE", "Geneve", "VXLAN", "GPE", "GRE of frames", "Geneve of frames", "ERSPAN"))
    options = b"".join(bytes.fromhex("0102800100000007") for _ in range(draw("options", (0, 1, 3))))

    def geneve_of(octets: bytes, ethertype: int) -> bytes:
        return udp(
            6081, bytes((len(options) // 4, 0)) + short(ethertype) + bytes.fromhex("00002a00") + options + octets
        )

    match how:
        case "IP-in-IP":
            return (how,), in_ip(draw, IP_NUMBERS[packet[0] >> 4], packet)
        case "GRE":
            return (how,), in_ip(draw, 47, gre(flags, kind(packet), packet))
        case "Geneve":
            return (how,), in_ip(draw, 17, geneve_of(packet, kind(packet)))
    names, framed = in_a_frame(draw, packet)
    match how:
        case "VXLAN":
            return ("VXLAN", *names), in_ip(draw, 17, udp(4789, vxlan(framed)))
        case "GPE":
            return ("VXLAN", *names), in_ip(draw, 17, udp(4790, bytes.fromhex("0c00000300002a00") + framed))
        case "GRE of frames":
            return ("GRE", *names), in_ip(draw, 47, gre(flags, 0x6558, framed))
        case "Geneve of frames":
            return ("Geneve", *names), in_ip(draw, 17, geneve_of(framed, 0x6558))
        case _:
            return ("ERSPAN", *names), in_ip(draw, 47, gre(0x1000, 0x88BE, bytes.fromhex("1001000100000000") + framed))


def in_tunnels(draw: Draw, packet: bytes) -> tuple[tuple[str, ...], bytes]:
    """A frame with an IP packet in up to four of them."""
    names: tuple[str, ...] = ()
    for _ in range(draw("depth", (0, 1, 2, 3))):
        more, outer = in_a_tunnel(draw, packet)
        if len(more) + len(names) > MOST:
            break
        names, packet = (*more, *names), outer
    more, framed = in_a_frame(draw, packet)
    if len(more) + len(names) > MOST:
        more, framed = (), frame(packet)
    return (*more, *names), framed


MOST = 4
