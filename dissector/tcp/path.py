"""The way from a capture to its connections: the fast path, and the careful one for what that leaves."""

from __future__ import annotations

from collections.abc import Iterator

from dissector.capture.fragments import Fragments
from dissector.capture.link import LINKS, Segment, decode, window_shift
from dissector.capture.reader import CaptureReader, Packet
from dissector.tcp import core
from dissector.tcp.connections import SYN, Connections


class PacketPath:
    """The one way of packets to connections, for whoever dissects, trims or tells what is in a capture."""

    def __init__(self, reader: CaptureReader | None, connections: Connections) -> None:
        """`reader` is None where packets come one by one, by `packet`."""
        self.unread_links: set[int] = set()
        """Link types (LINKTYPE_ numbers) of packets that nobody here can read."""
        self._reader = reader
        self._connections = connections
        self._fragments = Fragments()
        self._core = core.Core(connections.halves)

    def steps(self) -> Iterator[None]:
        """Reads to the end of the capture; one step for each packet that was not passed over. The connections are
        left open: after the last packet comes `Connections.finish`."""
        reader, fast, connections = self._reader, self._core, self._connections
        assert reader is not None
        while True:
            fast.due = connections.due
            came_to = fast.run(reader)
            fast.tell()
            if came_to == core.SEGMENT:
                connections.packet(self._segment(reader), reader.frame, fast.time)
            elif came_to == core.DUE:
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
            self._connections.packet(segment, packet.frame, packet.time_ns)
        elif packet.link not in LINKS:
            self.unread_links.add(packet.link)

    def _segment(self, reader: CaptureReader) -> Segment:
        """What the fast path came to."""
        fast = self._core
        start, flags = fast.start, fast.flags
        payload = reader.view[start : start + fast.captured]
        shift = window_shift(reader.view[fast.options : start]) if flags & SYN else None
        return Segment(fast.key, fast.seq, fast.ack, flags, payload, fast.length, fast.header, fast.window, shift)
