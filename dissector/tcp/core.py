"""The fast path: takes the packets of a capture that change nothing but counts.

Theory of operation. A capture of a migration is nearly all page contents, and nearly all else are connections that are
no migration. `Core.run` walks the reader's buffer packet by packet, from the record header through Ethernet and IP to
TCP, looks the half-connection up by the addresses and ports, and decides:

- nothing in the packet is anybody's business (no TCP, a connection that is ignored, an old acknowledgement): next;
- its payload is the next of its half and lies wholly within what the consumer does not need, or it goes on behind what
  is held back, or it comes again: the half counts it; its acknowledgement is counted likewise: next;
- the consumer needs its payload, but more than that before it does anything: the half keeps it: next;
- it comes before those before it, and lies within what the consumer does not need: the half alone holds it: next;
- its payload concerns nobody, and LEAP octets of it and more have not been read: they never are (`reader.leap`): next;
- all else is careful code's business. `run` returns what it came to, having taken and counted everything before.

Of a packet that is no plain TCP it is tried whether it begins like one in which careful code has found an IP header
(`learn`): what is in a tunnel then passes as if it was not.

So there is one road with two speeds: what `run` returns is the difference. It opens nothing, allocates nothing a
packet but what is kept and, where a packet is of neither of the two halves before it, a key to look up, and calls
nobody but the half and, to leap, the reader; consumers are told by `Half.tell` once `run` has returned.

Invariants. Between two runs every half has been told (`next == told`, and `kept` is empty). A half's limits are 0
unless `HalfConnection.allow` has set them, and it sets them anew after whatever careful code did to a connection: so a
state that this module does not know of (an end, a window in doubt, a consumer that wants every octet) shows as a limit
of 0.
Nothing here decides what careful code would decide otherwise: tests/properties holds the two against each other.

Limits. Of the ways into tunnels the WAYS_MOST newest are known; what is no TCP inside of one is left to careful code.
Times are 64 bits of nanoseconds: an interface whose times might not fit is left to the reader, as are blocks other than
packets, IP options and extension headers, fragments, and link types without an EtherType or none at all.

The file is plain Python and, where there was a C compiler at installation, a C extension made by Cython from these very
lines: annotations name C types, and the two ways to read numbers out of the buffer stand side by side.
"""

from __future__ import annotations

from struct import Struct
from typing import Any

from dissector.capture.link import Way
from dissector.capture.tunnels import TUNNEL_PORTS

try:
    from dissector.tcp import uncompiled as cython
except ImportError:
    import cython  # type: ignore[import-untyped, no-redef]  # never imported: the line tells Cython what the name means

COMPILED: bool = bool(cython.compiled)

_PASSED = cython.declare(cython.int, 0)
_READER = cython.declare(cython.int, 1)
_PACKET = cython.declare(cython.int, 2)
_SEGMENT = cython.declare(cython.int, 3)
_DUE = cython.declare(cython.int, 4)

READER, PACKET, SEGMENT, DUE = _READER, _PACKET, _SEGMENT, _DUE
"""What `Core.run` came to: something for the reader's own `next_packet` (the end of the buffer, a block that is no
packet); a packet for `link.decode`; a TCP segment that is not for the fast path, its fields in the core's attributes; a
gap that is to be judged before the next packet."""

NEVER = 1 << 62
"""A frame, a time or an offset that nothing reaches."""

MASK = 0xFFFFFFFF

_MASK = cython.declare(cython.longlong, 0xFFFFFFFF)
_HALF_SPACE = cython.declare(cython.longlong, 0x80000000)
_FRAGMENT = cython.declare(cython.uint, 0x3FFF0000)
_SYN = cython.declare(cython.uint, 0x020000)
_ACK = cython.declare(cython.uint, 0x100000)
_WINDOW = cython.declare(cython.longlong, 0xFFFF)
_PLAIN = cython.declare(cython.uint, 0x170000)
"""Flags of importance, as they stand above the window: ACK, and SYN, FIN and RST, which a plain segment has not."""
_TCP = cython.declare(cython.uint, 6)
_UDP = cython.declare(cython.uint, 17)
_IPV4 = cython.declare(cython.longlong, 0x0800)
_IPV6 = cython.declare(cython.longlong, 0x86DD)
_IP_FIELDS_4 = cython.declare(cython.longlong, 36)
_IP_FIELDS_6 = cython.declare(cython.longlong, 56)
_LARGEST_PACKET = cython.declare(cython.longlong, 1 << 20)
_ENHANCED_PACKET = cython.declare(cython.longlong, 6)
_BLOCK_OVERHEAD = cython.declare(cython.longlong, 32)
"""Of an enhanced packet block, what is no packet and no option."""

# IPv4 without options and IPv6, each with the TCP header behind it: length; protocol, in IPv4 below fragment and time
# to live; addresses and ports as one key; sequence and acknowledgement number; data offset, flags and window in one.
IPV4_TCP = Struct("!2xH2xI2x12sIII")
IPV6_TCP = Struct("!4xHBx36sIII")

COPY = 500_000
"""A newest segment that comes again within this (ns) may have been captured twice: on a bridge and its port, with a
VLAN tag and without. Where that happens to some of the segments only, it is the network that made two of them."""

_COPY = cython.declare(cython.longlong, 500_000)

PIECE_COST = 256
"""What a segment that is held counts beside its octets, so that many tiny ones are bounded as well."""

_PIECE_COST = cython.declare(cython.longlong, 256)

LEAP = 1 << 15
"""Octets of a packet that have not been read, from which on it costs less to seek past them: if nobody needs them."""

_LEAP = cython.declare(cython.longlong, 1 << 15)

WINDOW_LEAST = 1 << 18
"""A window (octets) that every receiver is believed to have: where captures are made, or miss its updates, the one that
was seen last may be too small."""

_WINDOW_LEAST = cython.declare(cython.longlong, 1 << 18)


@cython.cclass
class Half:
    """What the fast path knows of a half-connection; `HalfConnection` knows the rest. Offsets are octets from the
    half's first, and never wrap; sequence numbers are 32 bits."""

    peer = cython.declare(object, visibility="public")
    """The other half."""
    ignored = cython.declare(cython.bint, visibility="public")
    """Whether nobody wants to hear of the connection again."""
    known = cython.declare(cython.bint, visibility="public")
    """Whether it is known which sequence number offset 0 has."""
    next = cython.declare(cython.longlong, visibility="public")
    """Offset of the next octet to deliver."""
    next_seq = cython.declare(cython.uint, visibility="public")
    """Its sequence number."""
    told = cython.declare(cython.longlong, visibility="public")
    """Up to which offset the consumer was told of what was passed over."""
    limit = cython.declare(cython.longlong, visibility="public")
    """Octets that end below this offset may be passed over."""
    torn = cython.declare(cython.bint, visibility="public")
    """Whether any that it was not told of was cut off at the snap length."""
    frame = cython.declare(cython.longlong, visibility="public")
    """The newest packet that was passed over, and the time (ns) of the newest that brought the next octets."""
    time = cython.declare(cython.longlong, visibility="public")
    tail = cython.declare(cython.longlong, visibility="public")
    """Offset after the last octet that is held."""
    tail_seq = cython.declare(cython.uint, visibility="public")
    tail_limit = cython.declare(cython.longlong, visibility="public")
    """Octets that begin at the tail and end below this offset may be held: by their extent alone or, if `needs_tail`,
    as far as there is `room`, themselves."""
    needs_tail = cython.declare(cython.bint, visibility="public")
    hold_limit = cython.declare(cython.longlong, visibility="public")
    """Octets behind the next one that end below this offset concern nobody but the half (`hold`)."""
    want_limit = cython.declare(cython.longlong, visibility="public")
    """Octets that end below this offset do not suffice the consumer: so they may be kept."""
    kept = cython.declare(list, visibility="public")
    """Packet, time and octets of each segment that was kept since `tell`."""
    room = cython.declare(cython.longlong, visibility="public")
    """Octets that the half may hold more, each segment PIECE_COST beside its own."""
    tail_frame = cython.declare(cython.longlong, visibility="public")
    """The newest packet that was added to the tail, and its time; 0: none since `tell`."""
    tail_time = cython.declare(cython.longlong, visibility="public")
    compared = cython.declare(cython.longlong, visibility="public")
    """From this offset on nothing is remembered with which octets that come again could be compared."""
    again = cython.declare(cython.longlong, visibility="public")
    """Octets that were captured again, but for those of `copied`."""
    copied = cython.declare(cython.longlong, visibility="public")
    """Octets of newest segments that came again within COPY."""
    out_of_order = cython.declare(cython.longlong, visibility="public")
    """Segments that came before those before them."""
    acked = cython.declare(cython.longlong, visibility="public")
    """Octets that the other side has acknowledged."""
    proved = cython.declare(cython.bint, visibility="public")
    """Whether a gap is open, and acknowledgements up to the tail prove nothing that they have not proved."""
    doubted_ack = cython.declare(cython.longlong, visibility="public")
    """The newest acknowledgement beyond all windows, an offset, that none but one like it came after; -1: there is
    none."""
    ack_seq = cython.declare(cython.uint, visibility="public")
    """The newest acknowledgement number that this half carried: what its sender has of the other one."""
    window = cython.declare(cython.uint, visibility="public")
    """In its lower 16 bits the newest window that it carried, not scaled: what the other one may send."""
    heard = cython.declare(cython.longlong, visibility="public")
    """Time (ns) of the newest packet with payload; -NEVER: none."""
    due = cython.declare(cython.longlong, visibility="public")
    """Time (ns) after which the next packet with payload is looked at closer (`look`)."""
    size = cython.declare(cython.longlong, visibility="public")
    """Octets of payload of the newest packet that has any."""
    scale = cython.declare(cython.longlong, visibility="public")
    """By how many bits the windows that this half carries are to be shifted; -1: nobody knows."""
    least = cython.declare(cython.longlong, visibility="public")
    """The smallest window that it carried, not scaled, and how many times it closed it altogether."""
    closings = cython.declare(cython.longlong, visibility="public")
    greeted = cython.declare(cython.longlong, visibility="public")
    """Time (ns) of its first packet that is no SYN; 0: none."""
    freed = cython.declare(cython.longlong, visibility="public")
    """Time (ns) of the first news from the other side, an acknowledgement or another window, since `heard`; the octets
    in flight and the other side's window, not scaled, before it."""
    unacked = cython.declare(cython.longlong, visibility="public")
    granted = cython.declare(cython.longlong, visibility="public")
    noted = cython.declare(cython.longlong, visibility="public")
    """Time (ns) from which on the next news is noted (`note`)."""
    probe = cython.declare(cython.longlong, visibility="public")
    """Offset whose acknowledgement ends a measurement of the round trip (`measure`)."""
    spoke = cython.declare(cython.longlong, visibility="public")
    """Time (ns) of the newest packet of any kind; -NEVER: none."""
    vain = cython.declare(cython.longlong, visibility="public")
    """Segments that were sent again since the other side spoke, when the newest of them was."""
    resent = cython.declare(cython.longlong, visibility="public")
    """Time (ns) of the newest segment that was sent again."""

    def __init__(self) -> None:
        self.peer = self
        self.ignored = self.known = self.torn = self.proved = self.needs_tail = False
        self.next = self.told = self.limit = self.frame = self.time = 0
        self.tail = self.tail_limit = self.tail_frame = self.tail_time = 0
        self.hold_limit = self.want_limit = self.room = 0
        self.kept = []
        self.next_seq = self.tail_seq = self.ack_seq = 0
        self.compared = self.again = self.copied = self.out_of_order = 0
        self.acked = 0
        self.doubted_ack = -1
        self.window = 0xFFFF
        self.heard = self.spoke = self.resent = self.freed = self.due = -NEVER
        self.noted = self.probe = NEVER
        self.size = self.closings = self.greeted = self.unacked = self.granted = 0
        self.scale = -1
        self.least = 0xFFFF
        self.vain = 0

    def tell(self) -> None:
        """Tells the consumer what was passed over since it was told last."""
        raise NotImplementedError

    def hold(self, seq: int, octets: memoryview, frame: int, time: int, options: bytes) -> None:
        """A whole segment lies below `hold_limit`, and is not the next or closes a gap."""
        raise NotImplementedError

    # What is asked now and then, so that time can be told by what it was lost to (`pace.py`)

    def look(self, time: int, is_again: bool, options: bytes) -> None:
        """A packet with payload comes after `due`, or the clock went back; nothing of it was counted. `is_again`: it
        was there before. `options`: those of its TCP header, as far as they were captured."""
        raise NotImplementedError

    def note(self, time: int, options: bytes) -> None:
        """News from the other side, which are counted by now, came after `noted`."""
        raise NotImplementedError

    def measure(self, time: int) -> None:
        """The octets before `probe` were acknowledged."""
        raise NotImplementedError

    def repeat(self, end: int, time: int) -> None:
        """Octets that end at this offset came again, from the sender as it seems."""
        raise NotImplementedError

    def hear_of(self, time: int, window: int) -> None:
        """This half carries news for the other one, which are still to be counted: an acknowledgement or, in the lower
        16 bits, another window."""
        _hear_of(self, time, window)


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _hear_of(half: Half, time: cython.longlong, window: cython.longlong) -> cython.void:
    """See `Half.hear_of`."""
    peer: Half = half.peer
    before: cython.longlong = half.window & _WINDOW
    window &= _WINDOW
    if window < half.least:
        half.least = window
    if not window and before:
        half.closings += 1
    if peer.freed <= peer.heard:
        peer.freed = time
        peer.unacked = max(peer.next, peer.tail) - peer.acked
        peer.granted = before


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _short(octets: cython.p_uchar, at: cython.longlong) -> cython.uint:
    """16 bits in network order."""
    return (octets[at] << 8) | octets[at + 1]


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _long(octets: cython.p_uchar, at: cython.longlong, big: cython.bint) -> cython.uint:
    """32 bits in either byte order; used where compiled."""
    one: cython.uint = octets[at]
    two: cython.uint = octets[at + 1]
    three: cython.uint = octets[at + 2]
    four: cython.uint = octets[at + 3]
    if big:
        return (one << 24) | (two << 16) | (three << 8) | four
    return (four << 24) | (three << 16) | (two << 8) | one


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _is_same(
    octets: cython.p_uchar, one: cython.longlong, other: cython.longlong, size: cython.longlong
) -> cython.bint:
    """Whether the same octets stand at two places, the last of them looked at first: that is where ports are."""
    while size:
        size -= 1
        if octets[one + size] != octets[other + size]:
            return False
    return True


@cython.cfunc
@cython.inline
def _key(octets: cython.p_uchar, at: cython.longlong, size: cython.longlong) -> bytes:
    """The addresses and ports of a segment, as halves are looked up by; used where compiled."""
    return octets[at : at + size]  # type: ignore[return-value]


@cython.cfunc
def _options(buffer: bytearray, start: cython.longlong, end: cython.longlong, there: cython.longlong) -> bytes:
    """The options of a TCP header that was captured up to `there`."""
    return bytes(buffer[start + 20 : min(end, there)])


# Link types with an EtherType: where it is, and octets of the header without tags.
ETHERTYPE_AT = {1: (12, 14), 113: (14, 16), 276: (0, 20)}
WITH_ETHERTYPE = {
    link: Struct(f"!{at}xI{IPV4_TCP.format[3:]}").unpack_from for link, (at, _) in ((1, (12, 14)), (113, (14, 16)))
}
"""Of IPv4 without tags, where the EtherType stands right before it: that, version and header size and type of service
in one, and the fields of IPV4_TCP."""

PLAIN_IPV4 = 0x080045
"""EtherType, version and header size of IPv4 without options."""

BARE = frozenset((12, 14, 101))
"""Link types without a header, whose packets tell by their first octet which IP they are."""


WAYS_MOST = 16
"""So many ways into tunnels are known of each link type: a network has few."""


@cython.cclass
class Tunnel:
    """A way (`link.Way`) to the IP header that is inside of something, octet by octet and as numbers."""

    size = cython.declare(cython.longlong, visibility="private")
    """Octets before that header."""
    octets = cython.declare(bytes, visibility="private")
    mask = cython.declare(bytes, visibility="private")
    number = cython.declare(object, visibility="private")
    mask_number = cython.declare(object, visibility="private")
    names = cython.declare(tuple, visibility="private")
    """What it is inside of, outermost first."""

    def __init__(self, mask: bytes, octets: bytes, names: tuple[str, ...]) -> None:
        self.size, self.mask, self.octets, self.names = len(mask), mask, octets, names
        self.number, self.mask_number = int.from_bytes(octets, "big"), int.from_bytes(mask, "big")


@cython.cclass
class Layout:
    """How packets of one interface are read: a capture may have many, in any order."""

    link = cython.declare(cython.longlong, visibility="private")
    """Its link type."""
    type_at = cython.declare(cython.longlong, visibility="private")
    """Where the EtherType is; -1: there is none, and the first octet tells."""
    link_header = cython.declare(cython.longlong, visibility="private")
    unpack = cython.declare(object, visibility="private")
    """Of WITH_ETHERTYPE, if there is one."""
    multiply = cython.declare(cython.longlong, visibility="private")
    """Nanoseconds of a tick, those that times count from, and the most that the high half of a time may be."""
    offset = cython.declare(cython.longlong, visibility="private")
    most_high = cython.declare(cython.longlong, visibility="private")
    tunnels = cython.declare(list, visibility="private")
    """The ways into tunnels that are known of packets with this link type."""

    def __init__(self, interface: Any, tunnels: list[Tunnel]) -> None:
        self.link, self.tunnels = interface.link, tunnels
        self.type_at, self.link_header = ETHERTYPE_AT.get(interface.link, (-1, 0))
        self.unpack = WITH_ETHERTYPE.get(interface.link)
        is_known = interface.link in ETHERTYPE_AT or interface.link in BARE
        self.multiply, self.offset, self.most_high = 1, 0, -1
        if is_known and interface.most_high >= 0:
            self.multiply, self.offset, self.most_high = interface.multiply, interface.offset_ns, interface.most_high


@cython.cclass
class Core:
    """The fast path of one capture. The attributes say what `run` came to, when it returns PACKET or SEGMENT."""

    link = cython.declare(cython.longlong, visibility="public")
    """Link type of the packet."""
    start = cython.declare(cython.longlong, visibility="public")
    """Where in the reader's buffer the packet begins (PACKET) or its payload (SEGMENT)."""
    captured = cython.declare(cython.longlong, visibility="public")
    """Octets of that which were captured."""
    length = cython.declare(cython.longlong, visibility="public")
    """Octets it had on the wire."""
    time = cython.declare(cython.longlong, visibility="public")
    """When it was captured, ns since the epoch."""
    key = cython.declare(object, visibility="public")
    """Of a segment what `Segment` has, under the same names."""
    seq = cython.declare(cython.uint, visibility="public")
    ack = cython.declare(cython.uint, visibility="public")
    flags = cython.declare(cython.uint, visibility="public")
    window = cython.declare(cython.uint, visibility="public")
    header = cython.declare(cython.longlong, visibility="public")
    """Octets of the packet before the segment's payload."""
    options = cython.declare(cython.longlong, visibility="public")
    """Where in the buffer the options of the TCP header begin, and where they, or what was captured of them, end."""
    options_end = cython.declare(cython.longlong, visibility="public")
    due = cython.declare(cython.longlong, visibility="public")
    """After this packet `run` returns DUE."""
    encapsulation = cython.declare(tuple, visibility="public")
    passed = cython.declare(dict, visibility="public")
    """Packets of UDP that were passed over, by the port that tells most."""
    room = cython.declare(cython.longlong, visibility="public")
    """Octets that all halves together may hold more; whoever calls `run` says it before."""

    _halves = cython.declare(dict, visibility="private")
    _untold = cython.declare(list, visibility="private")
    _interfaces = cython.declare(object, visibility="private")
    _layouts = cython.declare(list, visibility="private")
    """Of the interfaces, as far as packets of them came; None of those before."""
    _tunnels = cython.declare(dict, visibility="private")
    """The ways into tunnels, by link type, the oldest first."""
    _tunnel = cython.declare(Tunnel, visibility="private")
    """The newest that was gone."""
    _nobody = cython.declare(Half, visibility="private")
    """Stands where no half is."""

    def __init__(self, halves: dict[bytes, Half]) -> None:
        """`halves` are all half-connections by their keys; the careful code adds and removes them."""
        self.link = self.start = self.captured = self.length = self.time = self.header = 0
        self.options = self.options_end = 0
        self.key = b""
        self.seq = self.ack = self.flags = self.window = 0
        self.due = NEVER
        self.room = 0
        self.encapsulation = ()
        self.passed = {}
        self._halves = halves
        self._untold = []
        self._interfaces = None
        self._layouts = []
        self._tunnels = {}
        self._nobody = Half()

    def learn(self, link: int, way: Way, names: tuple[str, ...]) -> None:
        """Careful code has found a segment by this way, inside of what is called so."""
        known = self._tunnels_of(link)
        one: Tunnel
        for one in known:
            if way == (one.mask, one.octets):
                return
        known.append(Tunnel(way.mask, way.octets, names))
        del known[:-WAYS_MOST]

    def tell(self) -> None:
        """Tells all consumers what was passed over. To be called after each `run`, before anything else."""
        for half in self._untold:
            half.tell()
        self._untold.clear()

    def run(self, reader: Any) -> int:
        """Takes every packet it can from where the reader stands in its buffer, and says what stopped it. A packet of
        which PACKET or SEGMENT speaks counts as taken."""
        if reader.first_time_ns is None:
            return _READER
        buffer: bytearray = reader.buffer
        octets: cython.p_uchar = buffer
        pos: cython.longlong = reader.pos
        end: cython.longlong = reader.end
        frame: cython.longlong = reader.frame
        blocks: cython.bint = reader.blocks
        big: cython.bint = reader.is_big_endian
        head: cython.longlong = reader.head.size
        unpack_head = reader.head.unpack_from
        unpack_4, unpack_6 = IPV4_TCP.unpack_from, IPV6_TCP.unpack_from
        halves: dict = self._halves  # type: ignore[type-arg]
        due: cython.longlong = self.due
        cut: cython.longlong = 0
        left: cython.longlong = reader.left
        came_to: cython.int = _READER
        compiled: cython.bint = cython.compiled

        kind: cython.longlong
        number: cython.longlong
        first: cython.longlong
        second: cython.longlong
        captured: cython.longlong
        length: cython.longlong
        time: cython.longlong = self.time
        at: cython.longlong
        there: cython.longlong
        following: cython.longlong
        ip: cython.longlong
        payload: cython.longlong = 0
        size: cython.longlong = 0
        header: cython.longlong = 0
        whole: cython.bint
        seen: cython.longlong
        is_found: cython.bint
        total: cython.longlong = 0
        protocol: cython.uint = 0
        key: bytes = b""
        seq: cython.uint = 0
        ack: cython.uint = 0
        rest: cython.uint = 0
        key_at: cython.longlong = 0
        key_size: cython.longlong = 0
        found: object
        half: Half
        # The two halves that packets came of last, and where their keys stand: the next packet is most often of one.
        one: Half = self._nobody
        one_at: cython.longlong = 0
        one_size: cython.longlong = 0
        other: Half = self._nobody
        other_at: cython.longlong = 0
        other_size: cython.longlong = 0
        layout: Layout
        at_hand: cython.longlong = 0
        inside: cython.longlong

        if self._interfaces is not reader.interfaces:
            self._interfaces, self._layouts = reader.interfaces, []
        if not self._interfaces:
            return _READER
        layout = self._layout(0)
        if not blocks and layout.most_high < 0:
            return _READER
        while True:
            if frame >= due:
                came_to = _DUE
                break

            # The record header: where the packet is, when it was captured, where the next one begins.
            came_to = _READER
            if end - pos < head:
                break
            if blocks:
                if compiled:
                    kind, total = _long(octets, pos, big), _long(octets, pos + 4, big)
                    number, first = _long(octets, pos + 8, big), _long(octets, pos + 12, big)
                    second, captured = _long(octets, pos + 16, big), _long(octets, pos + 20, big)
                    length = _long(octets, pos + 24, big)
                else:
                    kind, total, number, first, second, captured, length = unpack_head(buffer, pos)
                following = pos + total
                if kind != _ENHANCED_PACKET or following > end or total & 3 or captured > total - _BLOCK_OVERHEAD:
                    break
                if compiled:
                    if _long(octets, following - 4, big) != total:
                        break
                elif buffer[pos + 4 : pos + 8] != buffer[following - 4 : following]:
                    break
                if number != at_hand:
                    if number >= len(self._interfaces):
                        break
                    layout, at_hand = self._layout(number), number
                if first > layout.most_high:
                    break
                time = (first * 0x100000000 + second) * layout.multiply + layout.offset
            else:
                if compiled:
                    first, second = _long(octets, pos, big), _long(octets, pos + 4, big)
                    captured, length = _long(octets, pos + 8, big), _long(octets, pos + 12, big)
                else:
                    first, second, captured, length = unpack_head(buffer, pos)
                following = pos + head + captured
                if following > end and (following - end < _LEAP or following - end > left):
                    break
                time = first * 1_000_000_000 + second * layout.multiply
            if captured > _LARGEST_PACKET:
                break

            # The link header and those of IP and TCP, if they are plain and all there.
            came_to = _PACKET
            at = pos + head
            there = at + captured
            whole = following <= end
            seen = there if whole else end
            ip = at + layout.link_header
            is_found = False
            if seen - ip < _IP_FIELDS_4:
                kind = 0
            elif layout.type_at < 0:
                kind = _IPV6 if octets[ip] >> 4 == 6 else _IPV4
            elif compiled or layout.unpack is None:
                kind = _short(octets, at + layout.type_at)
            else:  # at one go what is most common
                kind, total, protocol, key, seq, ack, rest = layout.unpack(buffer, at)
                is_found = kind >> 8 == PLAIN_IPV4
                kind >>= 16
            while kind in (0x8100, 0x88A8, 0x9100) and seen - ip >= 4 + _IP_FIELDS_4:
                kind = _short(octets, ip + 2)
                ip += 4
            inside = 0
            while True:
                if kind == _IPV4 and (is_found or octets[ip] == 0x45):
                    if compiled:
                        total, protocol = _short(octets, ip + 2), _long(octets, ip + 6, True)
                        key_at, key_size = ip + 12, 12
                        seq, ack = _long(octets, ip + 24, True), _long(octets, ip + 28, True)
                        rest = _long(octets, ip + 32, True)
                    elif not is_found:
                        total, protocol, key, seq, ack, rest = unpack_4(buffer, ip)
                    if total and not protocol & _FRAGMENT:
                        came_to = _PASSED
                        payload, size = ip + 20, total - 20
                elif kind == _IPV6 and seen - ip >= _IP_FIELDS_6 and octets[ip] >> 4 == 6:
                    if compiled:
                        total, protocol = _short(octets, ip + 4), octets[ip + 6]
                        key_at, key_size = ip + 8, 36
                        seq, ack = _long(octets, ip + 44, True), _long(octets, ip + 48, True)
                        rest = _long(octets, ip + 52, True)
                    else:
                        total, protocol, key, seq, ack, rest = unpack_6(buffer, ip)
                    if total:
                        came_to = _PASSED
                        payload, size = ip + 40, total
                protocol &= 0xFF
                if came_to == _PASSED and protocol != _TCP:
                    if compiled:
                        key = _key(octets, key_at, key_size)
                    came_to = self._pass(key) if protocol == _UDP and whole and not inside else _PACKET
                if came_to == _PASSED or inside or not layout.tunnels:
                    break
                inside = self._inside(layout.tunnels, octets, at, seen)
                if not inside:
                    break
                ip, is_found = at + inside, False
                kind = 0 if seen - ip < _IP_FIELDS_4 else _IPV6 if octets[ip] >> 4 == 6 else _IPV4

            # The half-connection, and what the packet is to it.
            if came_to == _PASSED and protocol == _TCP:
                header = (rest >> 26) & 0x3C
                payload += header
                size -= header
                if header < 20 or size < 0 or (payload > seen and not whole):
                    came_to = _PACKET
                else:
                    if compiled and key_size == one_size and _is_same(octets, key_at, one_at, key_size):
                        found = one
                    elif compiled and key_size == other_size and _is_same(octets, key_at, other_at, key_size):
                        found = other
                    else:
                        if compiled:
                            key = _key(octets, key_at, key_size)
                        found = halves.get(key)
                        if found is not None:
                            other, other_at, other_size = one, one_at, one_size
                            one, one_at, one_size = found, key_at, key_size
                    if found is None:
                        if size or rest & _SYN:
                            came_to = _SEGMENT
                    else:
                        half = found
                        if rest & _PLAIN != _ACK or (size and not half.limit and half.compared > half.next):
                            # Of payload that careful code alone takes, its acknowledgement counts when that has said
                            # which connection it belongs to.
                            came_to = _SEGMENT
                        elif (
                            not whole and (seq != half.next_seq or half.next + size >= half.limit) and not half.ignored
                        ):
                            came_to = _READER
                        elif not half.ignored:
                            half.spoke = time
                            if (ack != half.ack_seq or rest != half.window) and not self._acknowledge(
                                half, ack, rest, time, buffer, payload - header, payload, there
                            ):
                                came_to = _SEGMENT
                            elif seq == half.next_seq and half.next + size < half.limit:
                                if size:
                                    if time > half.due or time < half.heard:
                                        half.look(time, False, _options(buffer, payload - header, payload, there))
                                    if half.next == half.told:
                                        self._untold.append(half)
                                    half.next += size
                                    half.next_seq = (seq + size) & _MASK
                                    half.frame, half.time = frame + 1, time
                                    if there < payload + size:
                                        half.torn = True
                                    half.heard, half.size = time, size
                            elif size and not self._take(
                                half, seq, size, frame + 1, time, buffer, payload - header, payload, there
                            ):
                                came_to = _SEGMENT

            if not whole and came_to != _PASSED:
                came_to = _READER
                break
            frame += 1
            pos = following
            if captured < length:
                cut += 1
            if came_to == _SEGMENT:
                if compiled:
                    key = _key(octets, key_at, key_size)
                self.key, self.seq, self.ack = key, seq, ack
                self.flags, self.window = (rest >> 16) & 0xFF, rest & 0xFFFF
                self.start, self.captured, self.length = payload, min(max(there - payload, 0), size), size
                self.header, self.options = payload - at, payload - header + 20
                self.options_end = min(payload, max(there, self.options))
                self.encapsulation = self._tunnel.names if inside else ()
                break
            if came_to == _PACKET:
                self.start, self.captured, self.length = at, captured, length
                break
            if pos > end:
                left -= pos - end
                pos, end = reader.leap(pos)
                left -= end - pos
                one_size = other_size = 0

        if frame > reader.frame:
            self.time, self.link = time, layout.link
            reader.advance(pos, frame, cut, time)
        return came_to

    @cython.cfunc
    def _pass(self, key: bytes) -> cython.int:
        """Counts a packet of UDP by its ports, at the end of the key; PACKET, and it is not counted, if it may be a
        tunnel's."""
        ports: bytes = key[-4:]
        source: cython.int = (ports[0] << 8) | ports[1]
        destination: cython.int = (ports[2] << 8) | ports[3]
        if destination in TUNNEL_PORTS:
            return _PACKET
        port = source if source < destination else destination
        self.passed[port] = self.passed.get(port, 0) + 1
        return _PASSED

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1)
    def _acknowledge(
        self,
        half: Half,
        ack: cython.uint,
        window: cython.uint,
        time: cython.longlong,
        buffer: bytearray,
        start: cython.longlong,
        end: cython.longlong,
        there: cython.longlong,
    ) -> cython.bint:
        """Counts a new acknowledgement number or window that a half carries; False, and nothing is counted, if it says
        more than that octets which were seen have arrived. Its TCP header is from `start` to `end`, captured up to
        `there`."""
        peer: Half = half.peer
        # The offset nearest to what comes next, as of all sequence numbers.
        acked: cython.longlong = (ack - peer.next_seq) & _MASK
        if acked >= _HALF_SPACE:
            acked -= _MASK + 1
        acked += peer.next
        is_news: cython.bint = False
        if not half.greeted:
            half.greeted = time
        if not peer.known:
            half.ack_seq = ack
        elif acked > peer.acked:
            if acked > (peer.tail if peer.proved else peer.next):
                return False
            is_news = True
            _hear_of(half, time, window)
            peer.acked, peer.doubted_ack = acked, -1
            half.ack_seq = ack
            if acked >= peer.probe:
                peer.measure(time)
        elif acked == peer.acked and (window ^ half.window) & 0xFFFF:
            is_news = True
            _hear_of(half, time, window)
        half.window = window
        if is_news and time >= peer.noted:
            peer.note(time, _options(buffer, start, end, there))
        return True

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1)
    def _take(
        self,
        half: Half,
        seq: cython.uint,
        size: cython.longlong,
        frame: cython.longlong,
        time: cython.longlong,
        buffer: bytearray,
        start: cython.longlong,
        end: cython.longlong,
        there: cython.longlong,
    ) -> cython.bint:
        """Counts the payload of a segment that is not the next one; False if it is not for the fast path. Its TCP
        header is from `start` to `end`, and all was captured up to `there`."""
        distance: cython.longlong = (half.next_seq - seq) & _MASK
        ahead: cython.longlong = (seq - half.next_seq) & _MASK
        is_due: cython.bint = time > half.due or time < half.heard
        if seq == half.tail_seq and half.tail + size < half.tail_limit and there >= end + size:
            if half.needs_tail and not self._has_room(half, size + _PIECE_COST):
                return False
            if is_due:
                half.look(time, False, _options(buffer, start, end, there))
            if not half.tail_frame:
                self._untold.append(half)
            if half.needs_tail:
                half.kept.append((frame, time, bytes(buffer[end : end + size])))
            half.tail += size
            half.tail_seq = (seq + size) & _MASK
            half.tail_frame, half.tail_time = frame, time
            half.out_of_order += 1
        elif not ahead and half.next + size < half.want_limit and there >= end + size:
            if is_due:
                half.look(time, False, _options(buffer, start, end, there))
            if half.next == half.told:
                self._untold.append(half)
            half.kept.append((frame, time, bytes(buffer[end : end + size])))
            half.next += size
            half.next_seq = (seq + size) & _MASK
            half.compared = half.next
            half.frame, half.time = frame, time
        elif ahead <= _WINDOW_LEAST and half.next + ahead + size < half.hold_limit and there >= end + size:
            # What is acknowledged behind a gap may prove it, which is more than this half's business.
            if half.acked > half.next or not self._has_room(half, _PIECE_COST):
                return False
            options = _options(buffer, start, end, there)
            half.hold(seq, memoryview(buffer)[end : end + size], frame, time, options)
            return True
        elif 1 < size <= distance <= half.next - half.compared:
            if is_due:
                half.look(time, True, _options(buffer, start, end, there))
            if size < distance or not 0 <= time - half.time < _COPY or not time:
                half.again += size
                peer: Half = half.peer
                half.vain = half.vain + 1 if peer.spoke < half.resent else 1
                half.resent = time
                half.repeat(half.next - distance + size, time)
            else:
                half.copied += size
        else:
            return False
        half.heard, half.size = time, size
        return True

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1)
    def _has_room(self, half: Half, cost: cython.longlong) -> cython.bint:
        """Whether a half may hold so much more; takes it if so."""
        if cost > half.room or cost > self.room:
            return False
        half.room -= cost
        self.room -= cost
        return True

    @cython.cfunc
    def _layout(self, number: cython.longlong) -> Layout:
        """How packets of an interface are read."""
        layouts: list = self._layouts  # type: ignore[type-arg]
        if number >= len(layouts):
            layouts.extend([None] * (number + 1 - len(layouts)))
        if layouts[number] is None:
            interface = self._interfaces[number]
            layouts[number] = Layout(interface, self._tunnels_of(interface.link))
        found: Layout = layouts[number]
        return found

    @cython.cfunc
    def _tunnels_of(self, link: cython.longlong) -> list:  # type: ignore[type-arg]
        found: list = self._tunnels.setdefault(link, [])  # type: ignore[type-arg]
        return found

    @cython.cfunc
    def _inside(
        self,
        tunnels: list,  # type: ignore[type-arg]
        octets: cython.p_uchar,
        at: cython.longlong,
        there: cython.longlong,
    ) -> cython.longlong:
        """How far behind its beginning a packet that begins like one before has an IP header inside; 0: there is none,
        as far as is known. It was captured from `at` to `there`."""
        tunnel: Tunnel
        for tunnel in tunnels:
            if there - at < tunnel.size:
                continue
            if cython.compiled:
                known: cython.p_uchar = tunnel.octets
                mask: cython.p_uchar = tunnel.mask
                place: cython.longlong = 0
                while place < tunnel.size and octets[at + place] & mask[place] == known[place]:
                    place += 1
                is_like = place == tunnel.size
            else:
                number = int.from_bytes(octets[at : at + tunnel.size], "big")
                is_like = number & tunnel.mask_number == tunnel.number
            if is_like:
                self._tunnel = tunnel
                return tunnel.size
        return 0
