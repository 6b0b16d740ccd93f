"""The way from a capture to its connections: the fast path, and the careful one for what that leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from dissector.capture.fragments import Fragments
from dissector.capture.link import Segment, window_shift
from dissector.capture.reader import CaptureReader, Packet
from dissector.capture.tunnels import READABLE_LINKS, decode, describe, word_for
from dissector.tcp import core
from dissector.tcp.connections import SYN, Connections

MOST_KINDS = 1 << 12
"""So many kinds of packets are told apart that are not looked into."""


class PacketPath:
    """The one way of packets to connections, for whoever dissects, trims or tells what is in a capture."""

    def __init__(self, reader: CaptureReader | None, connections: Connections, stride: int = core.NEVER) -> None:
        """`reader` is None where packets come one by one, by `packet`. `stride`: so many packets are passed over at
        most before a step; it may change."""
        self.unread_links: set[int] = set()
        """Link types (LINKTYPE_ numbers) of packets that nobody here can read."""
        self.encapsulation: tuple[str, ...] = ()
        """What the newest segment was found in, outermost first."""
        self._census: Counter[str] = Counter()
        self._reader = reader
        self._connections = connections
        self.stride = stride
        self._fragments = Fragments()
        self._core = core.Core(connections.halves)

    def steps(self) -> Iterator[None]:
        """Reads to the end of the capture; one step for each packet that was not passed over, and after each stride.
        The connections are left open: after the last packet comes `Connections.finish`."""
        reader, fast, connections = self._reader, self._core, self._connections
        assert reader is not None
        while True:
            fast.due = min(connections.due, reader.frame + self.stride)
            fast.room = connections.room
            came_to = fast.run(reader)
            fast.tell()
            if came_to == core.SEGMENT:
                self.encapsulation = fast.encapsulation
                connections.packet(self._segment(reader), reader.frame, fast.time)
            elif came_to == core.DUE:
                if reader.frame >= connections.due:
                    connections.judge(reader.frame)
                    continue
            elif came_to == core.PACKET:
                octets = reader.view[fast.start : fast.start + fast.captured]
                self.packet(Packet(reader.frame, fast.time, fast.link, octets, fast.length))
            else:
                packet = reader.next_packet()
                if packet is None:
                    return
                self.packet(packet)
            yield

    def packet(self, packet: Packet) -> None:
        """One packet, for whoever has no reader."""
        segment = decode(packet.link, packet.octets, packet.length, self._fragments)
        if segment is not None:
            self.encapsulation = segment.encapsulation
            if segment.way is not None:
                self._core.learn(packet.link, segment.way, segment.encapsulation)
            self._connections.packet(segment, packet.frame, packet.time_ns)
            return
        if packet.link not in READABLE_LINKS:
            self.unread_links.add(packet.link)
        if packet.frame >= self._connections.due:
            self._connections.judge(packet.frame)
        what = describe(packet.link, packet.octets, packet.length)
        if what is not None and (what in self._census or len(self._census) < MOST_KINDS):
            self._census[what] += 1

    @property
    def census(self) -> dict[str, int]:
        """How many packets of what kind were not looked into, the most first."""
        kinds = self._census + Counter({word_for("udp", port): count for port, count in self._core.passed.items()})
        return dict(kinds.most_common())

    def _segment(self, reader: CaptureReader) -> Segment:
        """What the fast path came to."""
        fast = self._core
        start, flags = fast.start, fast.flags
        payload = reader.view[start : start + fast.captured]
        options = reader.view[fast.options : fast.options_end]
        shift = window_shift(options) if flags & SYN else None
        return Segment(
            fast.key, fast.seq, fast.ack, flags, payload, fast.length, fast.header, fast.window, shift, options
        )
