"""The express lane: takes the packets that change nothing but a count, as cheaply as Python can.

A capture of a migration is nearly all page contents. A segment that is the next one of its direction and lies
wholly inside octets its consumer does not need moves one number; a segment with no payload and no flag but ACK
moves another. While their connection has no open gap nothing else depends on them. Every other packet ends the run
and takes the ordinary road (`CaptureReader.next_packet`, `link.decode`, `Connections.packet`). The lane decides
nothing that the road would decide otherwise: tests/test_express.py holds the two against each other.

What makes it cheap: one unpack a packet, in place; and what depends on a packet's size alone (where the next one
starts, how much payload it has, what its header words must be) is worked out once for each size that occurs and
looked up ever after. It is written for speed, and the only module that is.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from dissector.reassembly.connections import ACK, Connections
from dissector.reassembly.direction import SEQUENCE_SPACE, Direction
from dissector.sources.capture import CaptureReader

ENHANCED_PACKET_BLOCK, BLOCK_OVERHEAD = 6, 32
PUSH = 0x08
TCP, TCP_HEADER = 6, 20

CUT, TORN = 1, 2
# Of a packet header: in pcapng what says which block it is; then the captured and the original length, as one
# number, big-endian like all that follows, since it is only looked up.
PCAP_HEAD, PCAPNG_HEAD = Struct(">0s8xQ"), Struct(">12s8xQ")

# Of an IP packet: two words that are the same in every plain packet of a size (version, header length, length;
# fragment, protocol), the addresses, ports and sequence number as one number, acknowledgement number, data offset
# and flags.
IP_FIELDS = {4: "I2xI2x8sQIH", 6: "II32sQIH"}


class Shape(NamedTuple):
    """What all plain packets of one size have in common."""

    lengths: int
    """Captured and original length, as one number as they stand in the packet's header."""
    block: bytes
    """In pcapng the octets that say which block it is."""
    stride: int
    """Octets from this packet's header to the next one's."""
    word1: int
    word2: int
    flags: tuple[int, int]
    """Data offset and flags, without and with PSH."""
    size: int
    """Octets of payload."""
    cut: int
    """Whether it was cut: not at all, CUT, or CUT and TORN if that took payload."""


class ExpressLane:
    """The lane of one capture."""

    def __init__(self, reader: CaptureReader, connections: Connections) -> None:
        self._reader = reader
        self._connections = connections
        self._layout: tuple[object, ...] = ()
        self._fields = Struct("")
        self._shapes: dict[int, Shape] = {}

    def run(self) -> None:
        """Takes every packet it can from where the reader stands in its buffer."""
        connections, reader = self._connections, self._reader
        while connections.template is not None:
            self._follow_layout(connections.template)
            if reader.pos + self._fields.size > reader.end:
                return
            *_, addresses, sequence, _, _ = self._fields.unpack_from(reader.buffer, reader.pos)
            direction = connections.directions.get(addresses + (sequence >> 32).to_bytes(4, "big"))
            if direction is None:
                return
            if direction.held or direction.peer.held:
                return
            # Of the two sides the lane holds the one that sends what nobody needs.
            if direction.limit() < direction.peer.limit():
                direction = direction.peer
            if direction.template != connections.template or not self._pass(direction):
                return

    def _follow_layout(self, template: tuple[int, int]) -> None:
        """Looks at packets as the newest data packet of the ordinary road was laid out."""
        reader = self._reader
        layout = (template, reader.head, reader.blocks, reader.interface)
        if layout != self._layout:
            self._layout = layout
            link_header, version = template
            self._link_header, self._version = link_header, version
            head = PCAPNG_HEAD if reader.blocks else PCAP_HEAD
            before_ip = reader.head.size - head.size + link_header
            self._fields = Struct(f"{head.format}{before_ip}x{IP_FIELDS[version]}")
            self._shapes.clear()

    def _pass(self, direction: Direction) -> int:
        """Takes packets of one connection: page contents of this direction, acknowledgements of the other. How
        many."""
        reader, peer = self._reader, direction.peer
        buffer, pos, unpack = reader.buffer, reader.pos, self._fields.unpack_from
        address_octets = len(direction.key) - 4
        addresses, peer_addresses = direction.key[:address_octets], peer.key[:address_octets]
        # Ports and sequence number as one number, as they stand in the packet. The run ends before that wraps.
        start = int.from_bytes(direction.key[address_octets:], "big") << 32 | direction.next_seq
        limit = min(start + direction.limit(), (start | SEQUENCE_SPACE - 1) + 1)
        peer_expected = int.from_bytes(peer.key[address_octets:], "big") << 32 | peer.next_seq
        # The two shapes looked for: page contents of one size, and a bare acknowledgement.
        page = bare = Shape(-1, b"", self._fields.size, 0, 0, (0, 0), 0, 0)
        expected, page_at, page_frame, bare_at, acknowledged, cut, torn = start, -1, 0, -1, 0, 0, 0
        misleading = -1
        frame = first_frame = reader.frame
        while True:
            # As many packets as certainly are in the buffer and below the limit: the loop itself need not look.
            room = (reader.end - pos) // max(page.stride, bare.stride)
            if page.size:
                room = min(room, (limit - expected - 1) // page.size)
            if room <= 0:
                break
            page_lengths, page_block, page_stride, page1, page2, page_flags, page_size, _ = page
            bare_lengths, bare_block, bare_stride, bare1, bare2, (bare_flags, _), _, _ = bare
            frame_before, expected_before, newest = frame, expected, -1
            for frame in range(frame, frame + room):  # noqa: B007, B020, it counts
                block, lengths, word1, word2, pair, sequence, ack, flags = unpack(buffer, pos)
                if lengths == page_lengths:
                    if sequence != expected or pair != addresses or flags not in page_flags:
                        break
                    if word1 != page1 or word2 != page2 or block != page_block:
                        break
                    expected += page_size
                    newest = pos
                    pos += page_stride
                elif lengths == bare_lengths:
                    # An acknowledgement older than one before it, or one that wrapped, is the road's.
                    if sequence != peer_expected or pair != peer_addresses or ack < acknowledged:
                        break
                    if word1 != bare1 or word2 != bare2 or flags != bare_flags or block != bare_block:
                        break
                    acknowledged = ack
                    bare_at = pos
                    pos += bare_stride
                else:
                    break
            else:
                frame += 1
                lengths = None
            pages = (expected - expected_before) // page_size if page_size else 0
            cut += pages * (page.cut & CUT) + (frame - frame_before - pages) * (bare.cut & CUT)
            if pages:
                # Only acknowledgements of one size came after the newest page contents.
                page_at, page_frame = newest, frame - (pos - newest - page_stride) // bare_stride
                torn |= page.cut & TORN
            if lengths is None:
                continue
            if lengths in (page_lengths, bare_lengths):
                if (block, word1, word2) not in ((page_block, page1, page2), (bare_block, bare1, bare2)):
                    misleading = lengths
                break
            shape = self._shapes.get(lengths) or self._learn(pos)
            if shape is None:
                break
            page, bare = (shape, bare) if shape.size else (page, shape)
        # What the road would have noted of the packets one by one, and the lane of the run as a whole.
        newest = max(page_at, bare_at)
        first_at = reader.pos
        if newest >= 0:
            reader.advance(pos, frame, cut, self._time_ns(newest))
        if page_at >= 0:
            self._listen(direction, addresses, first_at, page_at)
            direction.pass_over(expected - start, not torn, page_frame, self._time_ns(page_at))
            *_, ack, _ = unpack(buffer, page_at)
            peer.acknowledge(ack, page_frame)
        if bare_at >= 0:
            direction.acknowledge(acknowledged, frame)
        # Of a known size, yet with other header words: the size is learned anew from the next such packet.
        self._shapes.pop(misleading, None)
        return frame - first_frame

    def _listen(self, direction: Direction, addresses: bytes, pos: int, last: int) -> None:
        """Tells a direction when its packets from one place to another were captured: each of them only where the
        run was long enough to hold a stall."""
        if direction.may_stall(self._time_ns(last)):
            while pos < last:
                _, lengths, _, _, pair, *_ = self._fields.unpack_from(self._reader.buffer, pos)
                shape = self._shapes[lengths]
                if shape.size and pair == addresses:
                    direction.hear(self._time_ns(pos))
                pos += shape.stride
        direction.hear(self._time_ns(last))

    def _time_ns(self, pos: int) -> int:
        """When the packet there was captured."""
        reader = self._reader
        if reader.blocks:
            _, _, interface, first, second, *_ = reader.head.unpack_from(reader.buffer, pos)
            return reader.time_ns(first, second, interface)
        first, second, *_ = reader.head.unpack_from(reader.buffer, pos)
        return reader.time_ns(first, second)

    def _learn(self, pos: int) -> Shape | None:
        """The shape of the packet there, if it is plain and wholly in the buffer."""
        reader = self._reader
        buffer = reader.buffer
        head, lengths, word1, word2, _, _, _, flags = self._fields.unpack_from(buffer, pos)
        if reader.blocks:
            kind, stride, interface, _, _, captured, length = reader.head.unpack_from(buffer, pos)
            if kind != ENHANCED_PACKET_BLOCK or interface != reader.interface or captured > stride - BLOCK_OVERHEAD:
                return None
        else:
            _, _, captured, length = reader.head.unpack_from(buffer, pos)
            stride = reader.head.size + captured
        octets_in_sight = self._fields.size - reader.head.size
        if pos + stride > reader.end or captured < octets_in_sight or (stride % 4 and reader.blocks):
            return None
        if self._version == 4:
            plain = word1 >> 24 == 0x45 and word2 & 0x3FFF00FF == TCP
            ip_header, size = 20, (word1 & 0xFFFF) - 20
        else:
            plain = word1 >> 28 == 6 and word2 >> 8 & 0xFF == TCP
            ip_header, size = 40, word2 >> 16
        end = self._link_header + ip_header + size
        tcp_header = flags >> 10 & 0x3C
        if not plain or tcp_header < TCP_HEADER or flags & ~PUSH & 0x1FF != ACK or size < tcp_header or end > length:
            return None
        size -= tcp_header
        is_cut = CUT * (captured < length) | TORN * (captured < end and size > 0)
        shape = Shape(lengths, head, stride, word1, word2, (flags & ~PUSH, flags | PUSH), size, is_cut)
        self._shapes[lengths] = shape
        return shape
