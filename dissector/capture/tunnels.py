"""What a TCP segment travels in: tunnels, labels, tags and links in which its IP header is not where it usually is.

Theory of operation. `decode` asks the ordinary road first (`link.decode`): only a packet that is no plain TCP comes to
the table here. Each step names what begins at a place of the packet (a link type, an EtherType, a protocol of IP, a
port of UDP, a protocol of PPP), and the table gives the function that knows its header: it says what is behind it and
where. The last step is TCP, inside the IP header that was read last: those addresses are the flow's. Nothing is copied
but for datagrams that came in fragments, so the payload's place in the packet is known.

What a step looks at is noted. If all that led to the last IP header stands before it, those octets are a `Way`: a
packet that has the same in the same places has its IP header there as well, and nobody walks again (tcp/core.py).

Invariants. No octet raises anything: what is malformed, cut or unknown is no segment. A step never goes backwards.
Nothing decides a step but what `Place` was asked for.

Limits. DEEPEST encapsulations, tags of VLANs aside; what is encrypted or compressed stays closed. Tunnels are told by
their registered ports, and by the one that Linux takes for VXLAN.

Sources stand at each function; layouts without an RFC are those of Scapy's and Wireshark's layers.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, TypeAlias

from dissector.capture import link as plain
from dissector.capture.fragments import Fragments
from dissector.capture.link import (
    ETHERTYPES,
    EXTENSIONS,
    FAMILIES,
    FRAGMENT_HEADER,
    IPV4,
    IPV6,
    IPV6_FRAGMENT,
    IPV6_HEADER,
    LINKS,
    TAGS,
    TCP_HEADER,
    TCP_PROTOCOL,
    TUNNEL_PROTOCOLS,
    WORD,
    Segment,
    Way,
    tcp_segment,
)

DEEPEST = 4
"""Encapsulations around one segment; more is nobody's network."""

STEPS = 32
"""Headers of one packet that are looked at, tags and extension headers among them."""

Space: TypeAlias = Literal["link", "ethertype", "ip", "udp", "ppp", "frame", "bare"]
"""Whose numbers a kind is of. "frame": an Ethernet frame, "bare": an IP header; these have no number."""


class Step(NamedTuple):
    """What begins at a place of the packet."""

    space: Space
    number: int
    at: int
    name: str = ""
    """The encapsulation that ends here; "" if what was passed is none."""
    end: int = -1
    """Where what begins here ends, if the encapsulation says so; else it is as before."""


class Place:
    """Where a header begins, and what is known of its surroundings. What it is asked for it notes."""

    __slots__ = ("_end", "_looked", "_octets", "at")

    def __init__(self, octets: memoryview, at: int, end: int, looked: list[tuple[int, int]]) -> None:
        """`end`: where the IP payload around it ends, as IP counts; of what is in none, where the packet does.
        `looked` is told where each octet or more was that was looked at, and where it ended."""
        self.at = at
        self._octets, self._end, self._looked = octets, end, looked

    def take(self, size: int, more: int = 0) -> memoryview:
        """So many octets, `more` behind its beginning; fewer where the packet ends."""
        at = self.at + more
        self._looked.append((at, at + size))
        return self._octets[at : at + size]

    def octet(self, more: int = 0) -> int:
        at = self.at + more
        self._looked.append((at, at + 1))
        return self._octets[at]

    def word(self, more: int = 0) -> int:
        at = self.at + more
        self._looked.append((at, at + 2))
        number: int = WORD.unpack_from(self._octets, at)[0]
        return number

    @property
    def left(self) -> int:
        """Octets to the end."""
        return self._end - self.at

    def rest(self) -> memoryview:
        """Those of them that were captured."""
        return self.take(max(self.left, 0))

    def further(self, more: int) -> Place:
        return Place(self._octets, self.at + more, self._end, self._looked)


WAY_MOST = 256
"""Octets of the longest way that is noted."""

Read: TypeAlias = Callable[[Place], Step | None]


def _ip_at(place: Place) -> bool:
    """Whether an IP header may begin there."""
    first = place.octet()
    if first >> 4 == 4:
        size, total = first & 15, place.word(2)
        return size >= 5 and (total == 0 or total >= size * 4)
    return first >> 4 == 6


def _frame_at(place: Place) -> bool:
    """Whether an Ethernet frame may begin there, of which anything here knows more."""
    kind = place.word(12)
    if kind in ETHERTYPES:
        return place.octet(14) >> 4 == ETHERTYPES[kind]
    return kind in TAGS or ("ethertype", kind) in KINDS


# Links (tcpdump.org/linktypes.html)


def _ethernet(place: Place) -> Step:
    return Step("ethertype", place.word(12), place.at + 14)


def _cooked(place: Place) -> Step:
    return Step("ethertype", place.word(14), place.at + 16)


def _cooked_2(place: Place) -> Step:
    return Step("ethertype", place.word(), place.at + 20)


def _family(place: Place) -> Step | None:
    return Step("bare", 0, place.at + 4) if bytes(place.take(4)) in FAMILIES else None


def _raw(place: Place) -> Step:
    return Step("bare", 0, place.at)


NFULA_PAYLOAD = 9


def _nflog(place: Place) -> Step | None:
    """Attributes (length, type), in the byte order of the host that captured, after four octets; one is the packet."""
    # Types are below 256.
    order: Literal["little", "big"] = "little" if place.octet(6) else "big"
    attribute = place.further(4)
    for _ in range(STEPS):
        size = int.from_bytes(attribute.take(2), order)
        kind = int.from_bytes(attribute.take(2, 2), order) & 0x7FFF
        if kind == NFULA_PAYLOAD:
            return Step("bare", 0, attribute.at + 4)
        if size < 4:
            return None
        attribute = attribute.further(size + -size % 4)
    return None


ADDRESS_AND_CONTROL = 0xFF03
CISCO = frozenset((0x0F00, 0x8F00))


def _serial(place: Place) -> Step:
    """PPP with or without its address and control octets (RFC 1662, 3.1), or Cisco's HDLC, which has EtherTypes."""
    start = place.word()
    if start in CISCO:
        return Step("ethertype", place.word(2), place.at + 4)
    return _ppp(place.further(2) if start == ADDRESS_AND_CONTROL else place)


def _ppp(place: Place) -> Step:
    """The protocol is one octet where it is odd (RFC 1661, 2 and 6.5)."""
    first = place.octet()
    return Step("ppp", first, place.at + 1) if first & 1 else Step("ppp", place.word(), place.at + 2)


ERF_HEADER, ERF_MORE, ERF_ETHERNET = 16, 0x80, frozenset((2, 11, 16))


def _erf(place: Place) -> Step | None:
    """Endace's record, perhaps with headers of 8 octets more, each of which says whether another follows; a frame of
    Ethernet has two octets before it."""
    kind, at = place.octet(8), ERF_HEADER
    is_more = bool(kind & ERF_MORE)
    for _ in range(STEPS):
        if not is_more:
            break
        is_more, at = bool(place.octet(at) & ERF_MORE), at + 8
    return Step("frame", 0, place.at + at + 2) if kind & ~ERF_MORE in ERF_ETHERNET else None


def _infiniband(place: Place) -> Step:
    """RFC 4391, 6: EtherType and two octets, after the 40 that a capture has in front."""
    return Step("ethertype", place.word(40), place.at + 44)


def _pktap(place: Place) -> Step | None:
    """Length, record type and link type of what follows, in the byte order of the host that captured."""
    order = "<" if place.octet(3) == 0 else ">"
    size, _, kind = struct.unpack(order + "III", place.take(12))
    return Step("link", kind, place.at + size) if size >= 12 else None


def _ppi(place: Place) -> Step | None:
    size, kind = struct.unpack("<2xHI", place.take(8))
    return Step("link", kind, place.at + size) if size >= 8 else None


# Beside or instead of an EtherType


def _tag(place: Place) -> Step:
    return Step("ethertype", place.word(2), place.at + 4)


def _vn_tag(place: Place) -> Step:
    return Step("ethertype", place.word(4), place.at + 6, "VN-Tag")


def _bridge_port(place: Place) -> Step:
    """IEEE 802.1BR: the E-TAG has six octets."""
    return Step("ethertype", place.word(6), place.at + 8, "802.1BR")


def _metadata(place: Place) -> Step:
    """Cisco's: version, length, one option with the group, and the EtherType."""
    return Step("ethertype", place.word(6), place.at + 8, "Cisco MetaData")


ENCRYPTED, HAS_CHANNEL = 0x08, 0x20


def _macsec(place: Place) -> Step | None:
    """IEEE 802.1AE, 9.3 to 9.9: flags, short length, packet number, and the channel's identifier if it is there."""
    flags = place.octet()
    if flags & ENCRYPTED:
        return None
    at = 6 + (8 if flags & HAS_CHANNEL else 0)
    return Step("ethertype", place.word(at), place.at + at + 2, "MACsec")


BOTTOM = 0x100
"""In the lower half of a label: it is the last one."""


def _mpls(place: Place) -> Step | None:
    """RFC 3032, 2.1. What follows the labels nobody says (RFC 4928, 3): IP, or an Ethernet frame, whose control word
    begins with 0 (RFC 4385, 3), and so may its address."""
    inside = place
    for _ in range(STEPS):
        is_last = inside.word(2) & BOTTOM
        inside = inside.further(4)
        if is_last:
            break
    else:
        return None
    first = inside.octet() >> 4
    if first in (4, 6) and _ip_at(inside) and not _frame_at(inside):
        return Step("bare", 0, inside.at, "MPLS")
    if first == 0 and _frame_at(inside.further(4)):
        return Step("frame", 0, inside.at + 4, "MPLS")
    return Step("frame", 0, inside.at, "MPLS")


def _pppoe(place: Place) -> Step | None:
    """RFC 2516, 4: version and type, code, session, length; then PPP's protocol."""
    if place.octet() != 0x11 or place.octet(1):
        return None
    return _ppp(place.further(6))._replace(name="PPPoE")


# In IP


CHECKSUM, ROUTING, KEY, SEQUENCE, ACKNOWLEDGEMENT = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080
ERSPAN, ERSPAN_3, GRE_PPP, BRIDGED = 0x88BE, 0x22EB, 0x880B, 0x6558


def _gre(place: Place) -> Step | None:
    """RFC 2784, 2.1, with the fields of RFC 2890, 2, and of RFC 2637, 4.1; NVGRE (RFC 7637) is one of a kind."""
    flags, kind = place.word(), place.word(2)
    if flags & ROUTING:
        return None
    present = (flags & CHECKSUM, flags & KEY, flags & SEQUENCE, flags & ACKNOWLEDGEMENT)
    at = 4 + 4 * sum(map(bool, present))
    if kind == ERSPAN:
        # Type I has no header of its own, and no sequence numbers.
        return Step("frame", 0, place.at + at + (8 if flags & SEQUENCE else 0), "ERSPAN")
    if kind == ERSPAN_3:
        return _erspan_3(place.further(at))
    if kind == GRE_PPP:
        return _serial(place.further(at))._replace(name="GRE")
    return Step("ethertype", kind, place.at + at, "GRE")


def _erspan_3(place: Place) -> Step | None:
    """draft-foschiano-erspan, 4.3: twelve octets; what follows them, and whether eight more do, is in the last two."""
    last = place.word(10)
    at = place.at + (20 if last & 1 else 12)
    kind = last >> 10 & 0x1F
    return {0: Step("frame", 0, at, "ERSPAN"), 2: Step("bare", 0, at, "ERSPAN")}.get(kind)


def _in_ip(place: Place) -> Step:
    """RFC 2003 and RFC 4213, 3."""
    return Step("bare", 0, place.at, "IP-in-IP")


def _authentication(place: Place) -> Step:
    """RFC 4302, 2: next header, length in fours less two."""
    return Step("ip", place.octet(), place.at + (place.octet(1) + 2) * 4, "AH")


def _extension(place: Place) -> Step:
    kind, units = place.octet(), place.octet(1)
    return Step("ip", kind, place.at + units * 8 + 8)


CHECK_SIZES = (12, 16, 0, 24, 32, 8, 20)
"""Octets of the integrity check at the end of ESP, the usual ones first (RFC 4868, 2.3; RFC 2404)."""

PADDING = bytes(range(1, 256))


def _esp(place: Place) -> Step | None:
    """RFC 4303, 2, without encryption (RFC 2410): nobody says so, but what is inside does: an IP header that fits, or
    behind the padding, which counts up, the protocol of what does."""
    inside = place.further(8)
    octets, rest = inside.rest(), inside.left
    if _ip_at(inside):
        size = 40 + inside.word(4) if inside.octet() >> 4 == 6 else inside.word(2)
        if 2 <= rest - size <= 2 + 255 + max(CHECK_SIZES) and size > TCP_HEADER:
            return Step("bare", 0, inside.at, "ESP")
    if rest > len(octets):
        return None
    for check in CHECK_SIZES:
        last = rest - check
        if last - 2 < TCP_HEADER or last % 4:
            continue
        padding, kind = octets[last - 2], octets[last - 1]
        start = last - 2 - padding
        fits = IN_ESP.get(kind)
        is_it = fits is not None and start >= TCP_HEADER and fits(octets, start)
        if is_it and bytes(octets[start : last - 2]) == PADDING[:padding]:
            return Step("ip", kind, inside.at, "ESP", inside.at + start)
    return None


def _is_tcp(octets: memoryview, size: int) -> bool:
    return octets[12] >> 4 >= 5 and not octets[12] & 15


def _is_udp(octets: memoryview, size: int) -> bool:
    return octets[4] << 8 | octets[5] == (size if size < 1 << 16 else 0)


def _is_gre(octets: memoryview, size: int) -> bool:
    """None of the bits that RFC 2784 wants to be zero, and something inside that is known."""
    kind = octets[2] << 8 | octets[3]
    is_known = kind in (ERSPAN, ERSPAN_3, GRE_PPP) or ("ethertype", kind) in KINDS
    return is_known and not octets[0] & 0x4F and not octets[1] & 0x7E


def _is_etherip(octets: memoryview, size: int) -> bool:
    return octets[0] == 0x30 and not octets[1]


IN_ESP: Mapping[int, Callable[[memoryview, int], bool]] = {
    TCP_PROTOCOL: _is_tcp,
    17: _is_udp,
    47: _is_gre,
    97: _is_etherip,
}
"""What ESP carries from host to host without a tunnel of its own, as VXLAN and GRE over IPsec, and how it is known."""


def _udp(place: Place) -> Step:
    """By the port of what it is known for, or else the lower one, which is the server's."""
    destination = place.word(2)
    return Step("udp", destination if destination in TUNNEL_PORTS else min(place.word(), destination), place.at + 8)


# In UDP


VALID_NETWORK = 0x08


def _vxlan(place: Place) -> Step | None:
    """RFC 7348, 5."""
    return Step("frame", 0, place.at + 8, "VXLAN") if place.octet() & VALID_NETWORK else None


def _vxlan_gpe(place: Place) -> Step | None:
    """draft-ietf-nvo3-vxlan-gpe, 3.1: says in its fourth octet what follows."""
    follows: dict[int, Space] = {1: "bare", 2: "bare", 3: "frame"}
    space = follows.get(place.octet(3))
    return None if space is None else Step(space, 0, place.at + 8, "VXLAN")


def _geneve(place: Place) -> Step | None:
    """RFC 8926, 3.4: version and length of options, flags, protocol, network."""
    first = place.octet()
    if first >> 6:
        return None
    return Step("ethertype", place.word(2), place.at + 8 + (first & 0x3F) * 4, "Geneve")


def _frame(place: Place) -> Step:
    return Step("frame", 0, place.at)


KINDS: dict[tuple[Space, int], Read] = {
    ("frame", 0): _ethernet,
    ("link", 0): _family,
    ("link", 1): _ethernet,
    ("link", 9): _serial,  # LINKTYPE_PPP
    ("link", 12): _raw,
    ("link", 14): _raw,
    ("link", 50): _serial,  # LINKTYPE_PPP_HDLC
    ("link", 101): _raw,
    ("link", 104): _serial,  # LINKTYPE_C_HDLC
    ("link", 108): _family,
    ("link", 113): _cooked,
    ("link", 192): _ppi,  # LINKTYPE_PPI
    ("link", 197): _erf,  # LINKTYPE_ERF
    ("link", 228): _raw,
    ("link", 229): _raw,
    ("link", 239): _nflog,  # LINKTYPE_NFLOG
    ("link", 242): _infiniband,  # LINKTYPE_IPOIB
    ("link", 258): _pktap,  # LINKTYPE_PKTAP
    ("link", 276): _cooked_2,
    ("ethertype", 0x0800): _raw,
    ("ethertype", 0x86DD): _raw,
    **{("ethertype", tag): _tag for tag in TAGS},
    ("ethertype", BRIDGED): _frame,
    ("ethertype", 0x8847): _mpls,
    ("ethertype", 0x8848): _mpls,
    ("ethertype", 0x8864): _pppoe,
    ("ethertype", 0x88E5): _macsec,
    ("ethertype", 0x8909): _metadata,
    ("ethertype", 0x8926): _vn_tag,
    ("ethertype", 0x893F): _bridge_port,
    ("ip", 4): _in_ip,
    ("ip", 17): _udp,
    ("ip", 41): _in_ip,
    ("ip", 47): _gre,
    ("ip", 50): _esp,
    ("ip", 51): _authentication,
    ("ip", 97): lambda place: Step("frame", 0, place.at + 2, "EtherIP"),  # RFC 3378
    ("ip", 137): _mpls,  # RFC 4023
    **{("ip", kind): _extension for kind in EXTENSIONS if kind != 51},
    ("udp", 4500): _esp,  # RFC 3948, 2.1
    ("udp", 4754): _gre,  # RFC 8086
    ("udp", 4789): _vxlan,
    ("udp", 4790): _vxlan_gpe,
    ("udp", 6081): _geneve,
    ("udp", 6635): _mpls,  # RFC 7510
    ("udp", 8472): _vxlan,  # what Linux takes unless it is told otherwise
    ("ppp", 0x0021): _raw,
    ("ppp", 0x0057): _raw,
    ("ppp", 0x0281): _mpls,
}
"""What can be read, by what announces it."""

TUNNEL_PORTS = frozenset(number for space, number in KINDS if space == "udp")
"""Of UDP, those behind which there may be TCP."""

READABLE_LINKS = frozenset(LINKS) | {number for space, number in KINDS if space == "link"}
"""Link types of which anything is read."""


def decode(link: int, octets: memoryview, length: int, reassembler: Fragments) -> Segment | None:
    """The TCP segment in a packet of `length` octets on the wire, plain or encapsulated, or None.

    A fragment goes to `reassembler`, and the one that completes its datagram gives the segment.
    """
    segment = plain.decode(link, octets, length, reassembler)
    if segment is not None:
        return segment
    try:
        return _Walk(octets, length, reassembler, link in LINKS).segment(Step("link", link, 0))
    except (struct.error, IndexError):
        return None  # the capture ends before what had to be read


def describe(link: int, octets: memoryview, length: int) -> str | None:
    """What a packet is that gave no segment, in the words of a census; None of a fragment, or of TCP that is none."""
    walk = _Walk(octets, length, Fragments(), is_plain=True)
    try:
        walk.segment(Step("link", link, 0))
    except (struct.error, IndexError):
        return "packets cut inside their headers" if len(octets) < length else "packets that end inside their headers"
    return walk.stopped_at()


class _Walk:
    """The way through one packet."""

    def __init__(self, octets: memoryview, length: int, reassembler: Fragments, is_plain: bool) -> None:
        """`is_plain`: the ordinary road was asked before, and has taken fragments of TCP."""
        self.names: list[str] = []
        """The encapsulations so far, outermost first."""
        self.last: Step | None = None
        """Where it stands; None inside a fragment, or at TCP."""
        self._octets, self._length, self._end = octets, length, length
        self._reassembler, self._is_plain = reassembler, is_plain
        self._looked: list[tuple[int, int]] = []
        self._inside = self._behind = self._led = 0
        """Where the last IP header is, and what is right behind it; of `_looked` what came before."""
        self._addresses = b""
        self._is_put_together = False

    def segment(self, step: Step | None) -> Segment | None:
        """The segment that the way from there leads to. Raises struct.error or IndexError where the packet ends."""
        for _ in range(STEPS):
            if step is None:
                break
            self.last = step
            if step.name:
                self.names.append(step.name)
                if len(self.names) > DEEPEST:
                    break
            if step.end >= 0:
                self._end = step.end
            if step.space == "bare":
                step = self._ip(step.at)
            elif step.space == "ip" and step.number == TCP_PROTOCOL:
                self.last = None
                return self._tcp(step.at)
            elif step.space == "ip" and step.number == FRAGMENT_HEADER:
                step = self._ipv6_fragment(step.at)
            else:
                read = KINDS.get((step.space, step.number))
                step = None if read is None else read(Place(self._octets, step.at, self._end, self._looked))
        return None

    def _ip(self, at: int) -> Step | None:
        octets = self._octets
        version = octets[at] >> 4
        self._inside, self._led = at, len(self._looked)
        self._looked.append((at, at + 1))
        if version == 4:
            first, total, identification, fragment, protocol, self._addresses = IPV4.unpack_from(octets, at)
            start = at + (first & 15) * 4
            self._end, self._behind = at + total if total else self._length, at + 20
            self._looked += (at + 6, at + 8), (at + 9, at + 10)
            if first & 15 < 5:
                return None
            if fragment & 0x3FFF:
                name = self._addresses + bytes((protocol,)) + WORD.pack(identification)
                return self._fragment(name, protocol, (fragment & 0x1FFF) * 8, bool(fragment & 0x2000), start)
            return Step("ip", protocol, start)
        if version == 6:
            size, protocol, self._addresses = IPV6.unpack_from(octets, at)
            start = self._behind = at + IPV6_HEADER
            self._looked.append((at + 6, at + 7))
            self._end = start + size if size else self._length
            return Step("ip", protocol, start)
        return None

    def _ipv6_fragment(self, at: int) -> Step | None:
        protocol, fragment, identification = IPV6_FRAGMENT.unpack_from(self._octets, at)
        start = at + IPV6_FRAGMENT.size
        self._looked += (at, at + 1), (at + 2, at + 4)
        if not fragment & 0xFFF9:
            return Step("ip", protocol, start)
        name = self._addresses + identification.to_bytes(4, "big")
        return self._fragment(name, protocol, fragment & 0xFFF8, bool(fragment & 1), start)

    def _fragment(self, name: bytes, protocol: int, first: int, more: bool, start: int) -> Step | None:
        """What a datagram holds, once this fragment has completed it."""
        self.last = None
        data = self._octets[start : max(self._end, start)]
        if len(data) != self._end - start:
            return None
        if self._is_plain and not self.names and protocol not in TUNNEL_PROTOCOLS:
            return None
        whole = self._reassembler.add(name, protocol, first, more, data)
        if whole is None:
            return None
        protocol, octets = whole
        self._octets, self._length, self._end = memoryview(octets), len(octets), len(octets)
        self._is_put_together = True
        return Step("ip", protocol, 0)

    def _tcp(self, at: int) -> Segment | None:
        segment = tcp_segment(self._octets, at, self._end - at, self._addresses)
        if segment is None:
            return None
        place = -1 if self._is_put_together else segment.at
        return segment._replace(at=place, encapsulation=tuple(self.names), way=self._way(at))

    def _way(self, at: int) -> Way | None:
        """How it came to the last IP header, if TCP stands right behind that, and nothing from there on led to it."""
        start, led = self._inside, self._looked[: self._led]
        is_plain = self.names and not self._is_put_together and at == self._behind and start <= WAY_MOST
        if not is_plain or any(end > start for _, end in led):
            return None
        mask = bytearray(start)
        for begin, end in led:
            mask[begin:end] = b"\xff" * (end - begin)
        return Way(bytes(mask), bytes(octet & bits for octet, bits in zip(self._octets, mask, strict=False)))

    def stopped_at(self) -> str | None:
        """What could not be gone on from."""
        step = self.last
        if step is None:
            return None
        word = word_for(step.space, step.number)
        if step.space == "ethertype" and step.number < LEAST_ETHERTYPE:
            word = "frames without an EtherType"
        if len(self.names) > DEEPEST:
            word = f"more than {DEEPEST} encapsulations"
        return " in ".join((word, *reversed(self.names)))


def word_for(space: Space, number: int) -> str:
    """What people call such packets."""
    return WORDS.get((space, number)) or NUMBERED[space].format(number)


NUMBERED: dict[Space, str] = {
    "link": "link type {}",
    "ethertype": "EtherType 0x{:04x}",
    "ip": "IP protocol {}",
    "udp": "UDP port {}",
    "ppp": "PPP protocol 0x{:04x}",
    "frame": "Ethernet frames",
    "bare": "what is no IP packet",
}

WORDS: dict[tuple[Space, int], str] = {
    ("ethertype", 0x0806): "ARP",
    ("ethertype", 0x888E): "802.1X",
    ("ethertype", 0x88CC): "LLDP",
    ("ethertype", 0x88E5): "MACsec, encrypted",
    ("ip", 1): "ICMP",
    ("ip", 2): "IGMP",
    ("ip", 50): "ESP, encrypted",
    ("ip", 58): "ICMPv6",
    ("ip", 89): "OSPF",
    ("ip", 132): "SCTP",
    ("udp", 51820): "UDP port 51820 (WireGuard)",
    ("udp", 1194): "UDP port 1194 (OpenVPN)",
    ("udp", 4500): "UDP port 4500 (ESP, encrypted)",
    ("udp", 4789): "UDP port 4789 (no VXLAN)",
}
"""Those that have a name."""

LEAST_ETHERTYPE = 0x0600
"""Below this the field is a length (IEEE 802.3, 3.2.6)."""
