"""The express lane: takes the packets that change nothing but a count, as cheaply as Python can.

A capture of a migration is nearly all page contents. A segment that is the next one of its direction and lies
wholly inside octets its consumer does not need moves one number; a segment with no payload and no flag but ACK
moves another. While their connection has no open gap nothing else depends on them. Every other packet ends the run
and takes the ordinary road (`CaptureReader.next_packet`, `link.decode`, `Connections.packet`). The lane decides
nothing that the road would decide otherwise: tests/properties/test_express.py holds the two against each other.

What makes it cheap: one unpack a packet, in place; and what depends on a packet's size alone (where the next one
starts, how much payload it has, what its header words must be) is worked out once for each size that occurs and
looked up ever after (`shape.py`). Packets that repeat are not even looked at one by one (`unit.py`). These three
modules are written for speed, and no others are.
"""

from __future__ import annotations

from itertools import pairwise
from struct import Struct

from dissector.capture.reader import CaptureReader
from dissector.tcp.connections import ACK, Connections
from dissector.tcp.half_connection import SEQUENCE_SPACE, HalfConnection
from dissector.tcp.shape import CUT, PUSH, TORN, Shape, packet_fields
from dissector.tcp.unit import Recipe, Unit

ENHANCED_PACKET_BLOCK, BLOCK_OVERHEAD = 6, 32
TCP, TCP_HEADER = 6, 20

STRETCH = 64
"""Packets taken one by one before the lane looks whether they repeat."""

LOOKED_AT = 16
"""Packets that it looks at then."""


class Run:
    """How far the lane has come in one go: with the page contents of one direction and bare acknowledgements of the
    other, each of one shape at a time."""

    def __init__(self, direction: HalfConnection, pos: int, frame: int, none: Shape) -> None:
        peer, octets = direction.peer, len(direction.key) - 4
        self.addresses, self.peer_addresses = direction.key[:octets], peer.key[:octets]
        # Ports and sequence number as one number, as they stand in the packet. The run ends before that wraps.
        self.start = int.from_bytes(direction.key[octets:], "big") << 32 | direction.next_seq
        self.limit = min(self.start + direction.limit(), (self.start | SEQUENCE_SPACE - 1) + 1)
        self.peer_expected = int.from_bytes(peer.key[octets:], "big") << 32 | peer.next_seq
        self.page = self.bare = none
        self.pos, self.frame, self.expected, self.acknowledged = pos, frame, self.start, 0
        self.page_at = self.bare_at = -1
        """Where the newest packet with payload starts, and the newest acknowledgement."""
        self.page_frame = self.cut = self.torn = 0


class ExpressLane:
    """The lane of one capture."""

    def __init__(self, reader: CaptureReader, connections: Connections) -> None:
        self._reader = reader
        self._connections = connections
        self._layout: tuple[object, ...] = ()
        self._fields = Struct("")
        self._shapes: dict[int, Shape] = {}
        self._unit: Unit | None = None
        """What repeated last."""
        self._is_repeating = False

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
            self._link_header, self._version = template
            self._fields = packet_fields(reader.head, reader.blocks, *template)
            self._shapes.clear()
            self._unit, self._is_repeating = None, False

    def _pass(self, direction: HalfConnection) -> bool:
        """Takes packets of one connection. Whether there were any."""
        reader = self._reader
        run = Run(direction, reader.pos, reader.frame, Shape(-1, b"", self._fields.size, 0, 0, (0, 0), 0, 0))
        misleading = -1
        while True:
            if self._is_repeating:
                self._gallop(run)
            before = run.frame
            lengths = self._trot(run)
            if lengths is None and run.frame == before:
                break
            if lengths is None:
                self._is_repeating = run.frame - before == STRETCH and self._find_unit(run)
                continue
            if lengths in (run.page.lengths, run.bare.lengths):
                misleading = lengths
                break
            shape = self._shapes.get(lengths) or self._learn(run.pos)
            if shape is None:
                break
            run.page, run.bare = (shape, run.bare) if shape.size else (run.page, shape)
            self._is_repeating = False
        taken = run.frame - reader.frame
        if taken:
            self._settle(run, direction)
        # Of a known size, yet another connection's or with other header words: if the latter, it is learned anew from
        # the next such packet.
        if misleading >= 0 and self._has_other_words(run, misleading):
            del self._shapes[misleading]
            self._unit, self._is_repeating = None, False
        return taken > 0

    def _has_other_words(self, run: Run, lengths: int) -> bool:
        block, _, word1, word2, *_ = self._fields.unpack_from(self._reader.buffer, run.pos)
        shape = run.page if lengths == run.page.lengths else run.bare
        return (block, word1, word2) != (shape.block, shape.word1, shape.word2)

    def _trot(self, run: Run, most: int = STRETCH) -> int | None:
        """Takes packets one by one, so many at most. Gives the lengths of the packet that it had to leave; None if it
        has taken so many, or the end of the buffer or the limit is too near to look at the next."""
        reader, page, bare = self._reader, run.page, run.bare
        buffer, unpack = reader.buffer, self._fields.unpack_from
        pos, expected, acknowledged = run.pos, run.expected, run.acknowledged
        addresses, peer_addresses, peer_expected = run.addresses, run.peer_addresses, run.peer_expected
        page_lengths, page_block, page_stride, page1, page2, page_flags, page_size, _ = page
        bare_lengths, bare_block, bare_stride, bare1, bare2, (bare_flags, _), _, _ = bare
        # As many packets as certainly are in the buffer and below the limit: the loop itself need not look.
        room = min(most, (reader.end - pos) // max(page_stride, bare_stride))
        if page_size:
            room = min(room, (run.limit - expected - 1) // page_size)
        if room <= 0:
            return None
        page_at, lengths = -1, None
        for packets in range(room):  # noqa: B007, it counts
            block, lengths, word1, word2, pair, sequence, ack, flags = unpack(buffer, pos)
            if lengths == page_lengths:
                if sequence != expected or pair != addresses or flags not in page_flags:
                    break
                if word1 != page1 or word2 != page2 or block != page_block:
                    break
                expected += page_size
                page_at = pos
                pos += page_stride
            elif lengths == bare_lengths:
                # An acknowledgement older than one before it, or one that wrapped, is the road's.
                if sequence != peer_expected or pair != peer_addresses or ack < acknowledged:
                    break
                if word1 != bare1 or word2 != bare2 or flags != bare_flags or block != bare_block:
                    break
                acknowledged = ack
                run.bare_at = pos
                pos += bare_stride
            else:
                break
        else:
            packets, lengths = room, None
        pages = (expected - run.expected) // page_size if page_size else 0
        run.frame += packets
        run.cut += pages * (page.cut & CUT) + (packets - pages) * (bare.cut & CUT)
        if pages:
            # Only acknowledgements of one size came after the newest page contents.
            run.page_at, run.page_frame = page_at, run.frame - (pos - page_at - page_stride) // bare_stride
            run.torn |= page.cut & TORN
        run.pos, run.expected, run.acknowledged = pos, expected, acknowledged
        return lengths

    def _gallop(self, run: Run) -> None:
        """Takes packets for as long as they repeat."""
        reader, unit = self._reader, self._unit
        assert unit is not None
        run.page, run.bare = unit.recipe.page, unit.recipe.bare or run.bare
        if not self._go_to_beginning(run, unit):
            return
        most = max(0, min((reader.end - run.pos) // unit.stride, (run.limit - run.expected - 1) // unit.size))
        expected = run.expected % SEQUENCE_SPACE
        count = unit.repeats(reader.buffer, run.pos, most, expected, run.acknowledged)
        self._is_repeating = count == most or count * unit.packets >= STRETCH  # else it costs more than it brings
        if not count:
            return
        last = run.pos + (count - 1) * unit.stride
        run.pos += count * unit.stride
        run.frame += count * unit.packets
        run.expected += count * unit.size
        run.cut += count * unit.cut
        run.torn |= unit.torn
        run.page_at, run.page_frame = last + unit.page_at, run.frame
        if unit.recipe.bare:
            run.page_frame -= 1
            run.bare_at = last + unit.bare_at
            *_, run.acknowledged, _ = self._fields.unpack_from(reader.buffer, run.bare_at)

    def _go_to_beginning(self, run: Run, unit: Unit) -> bool:
        """Takes the packets up to where a unit begins. Whether it is there."""
        order = self._order(run, unit.packets)
        if len(order) < unit.packets:
            return False  # the end of the buffer, or of the repetition: packets one by one will show
        lead = order.index(0) + 1 if 0 in order else unit.packets if unit.recipe.bare else 0
        return lead % unit.packets == 0 or self._trot(run, lead) is None

    def _order(self, run: Run, most: int) -> list[int]:
        """The payload sizes of the next packets, as long as they have the run's two shapes."""
        reader, known = self._reader, {shape.lengths: shape for shape in (run.page, run.bare)}
        sizes: list[int] = []
        pos = run.pos
        while len(sizes) < most and pos + self._fields.size <= reader.end:
            _, lengths, *_ = self._fields.unpack_from(reader.buffer, pos)
            shape = known.get(lengths)
            if shape is None:
                break
            sizes.append(shape.size)
            pos += shape.stride
        return sizes

    def _find_unit(self, run: Run) -> bool:
        """Whether the next packets, by their sizes, repeat."""
        sizes = self._order(run, LOOKED_AT)
        bare = [at for at, size in enumerate(sizes) if not size]
        distances = {later - earlier for earlier, later in pairwise(bare)}
        if len(sizes) < LOOKED_AT or (bare and (len(distances) != 1 or 1 in distances)):
            return False
        recipe = Recipe(
            max(distances, default=2) - 1,
            run.page,
            run.bare if bare else None,
            run.addresses,
            run.peer_addresses,
            run.start >> 32,
            run.peer_expected,
        )
        if self._unit is None or self._unit.recipe != recipe:
            self._unit = Unit(recipe, self._fields)
        return True

    def _settle(self, run: Run, direction: HalfConnection) -> None:
        """Notes what the road would have noted of the packets one by one, of all of them at once."""
        reader, pos = self._reader, self._reader.pos
        reader.advance(run.pos, run.frame, run.cut, self._time_ns(max(run.page_at, run.bare_at)))
        if run.page_at >= 0:
            self._listen(direction, run.addresses, pos, run.page_at)
            direction.pass_over(run.expected - run.start, not run.torn, run.page_frame, self._time_ns(run.page_at))
            *_, ack, _ = self._fields.unpack_from(reader.buffer, run.page_at)
            direction.peer.acknowledge(ack, run.page_frame)
        if run.bare_at >= 0:
            direction.acknowledge(run.acknowledged, run.frame)

    def _listen(self, direction: HalfConnection, addresses: bytes, pos: int, last: int) -> None:
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
