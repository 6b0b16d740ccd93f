"""The way from a capture to its connections: reads packet after packet and drives `Connections`."""

from __future__ import annotations

from collections.abc import Iterator

from dissector.capture.fragments import Fragments
from dissector.capture.link import LINKS, decode
from dissector.capture.reader import CaptureReader, Packet
from dissector.tcp.connections import Connections
from dissector.tcp.express import ExpressLane


class PacketPath:
    """The one way of packets to connections, for whoever dissects, trims or tells what is in a capture."""

    def __init__(self, reader: CaptureReader | None, connections: Connections) -> None:
        """`reader` is None where packets come one by one, by `packet`."""
        self.unread_links: set[int] = set()
        """Link types (LINKTYPE_ numbers) of packets that nobody here can read."""
        self._reader = reader
        self._connections = connections
        self._fragments = Fragments()

    def steps(self) -> Iterator[None]:
        """Reads to the end of the capture; one step for each packet that was not passed over. The connections are
        left open: after the last packet comes `Connections.finish`."""
        reader = self._reader
        assert reader is not None
        lane = ExpressLane(reader, self._connections)
        while (packet := reader.next_packet()) is not None:
            self.packet(packet)
            lane.run()
            yield

    def packet(self, packet: Packet) -> None:
        """One packet, for whoever has no reader."""
        segment = decode(packet.link, packet.octets, packet.length, self._fragments)
        if segment is not None:
            self._connections.packet(segment, packet.frame, packet.time_ns)
        elif packet.link not in LINKS:
            self.unread_links.add(packet.link)
