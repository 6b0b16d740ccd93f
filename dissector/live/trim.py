"""Packets without page contents: what a packet ends with that no record needs is cut off, as by a snap length."""

from __future__ import annotations

from collections.abc import Iterable

from dissector.reassembly import Connections
from dissector.sources.capture import CaptureReader
from dissector.sources.fragments import Fragments
from dissector.sources.link import Segment, decode
from dissector.sources.pcapng import PcapngReader
from dissector.tap.follow import NotingStream

ENHANCED_PACKET = 6
IP_HEADER = {4: 20, 6: 40}
PADDING = [bytes(count) for count in range(4)]


class Trimmer:
    """Knows from the streams, once packets went through them, which of their octets are page contents."""

    def __init__(self, reader: CaptureReader, connections: Connections) -> None:
        """The consumers of the connections are `NotingStream`s."""
        self._reader, self._connections = reader, connections
        self._head_size = 28 if reader.blocks else reader.head.size
        self._fragments = Fragments()
        self._touched: set[NotingStream] = set()

    def trimmed(self, octets: memoryview, bounds: Iterable[tuple[int, int]]) -> bytes:
        """Packets and blocks, whose bounds are given, without page contents."""
        pieces: list[bytes | memoryview] = []
        whole = 0
        trim = self._block if self._reader.blocks else self._packet
        for start, end in bounds:
            record = octets[start:end]
            if (less := trim(record)) is not None:
                pieces += octets[whole:start], less
                whole = end
        pieces.append(octets[whole:])
        for stream in self._touched:
            # What comes again is kept as it is.
            stream.spans = [span for span in stream.spans if span[1] > stream.offset]
        self._touched.clear()
        return b"".join(pieces)

    def _packet(self, record: memoryview) -> bytes | None:
        """A packet of a pcap made shorter; None if it is to stay."""
        head = self._reader.head
        first, second, captured, length = head.unpack_from(record)
        needed = self._needed(self._reader.link, record[head.size :], length)
        if needed >= captured:
            return None
        return head.pack(first, second, needed, length) + record[head.size : head.size + needed]

    def _block(self, record: memoryview) -> bytes | None:
        """The same for a block of a pcapng, whose options stay."""
        if len(record) < 32:
            return None
        kind, total, number, high, low, captured, length = self._reader.head.unpack_from(record)
        if kind != ENHANCED_PACKET:
            return None
        assert isinstance(self._reader, PcapngReader)
        packet = record[28 : 28 + captured]
        needed = self._needed(self._reader.interfaces[number].link, packet, length)
        if needed >= captured:
            return None
        padding = PADDING[-needed % 4]
        options = record[28 + captured + -captured % 4 : -4]
        total = 32 + needed + len(padding) + len(options)
        head = self._reader.head.pack(kind, total, number, high, low, needed, length)
        return b"".join((head, packet[:needed], padding, options, head[4:8]))

    def _needed(self, link: int, packet: memoryview, length: int) -> int:
        """How many of the first octets of a packet anybody needs: all but for page contents that reach to its end. Of
        what is not plain (IP options, fragments), or not understood, all are."""
        segment = decode(link, packet, length, self._fragments)
        if segment is None or segment.template is None or not segment.length:
            return len(packet)
        direction = self._connections.directions.get(segment.key)
        if direction is None or not isinstance(direction.consumer, NotingStream):
            return len(packet)
        start = direction.offset_of(segment.seq)
        end = start + segment.length
        self._touched.add(direction.consumer)
        for first, last in reversed(direction.consumer.spans):
            if first < end <= last:
                return _payload_at(packet, segment) + max(first - start, 0)
        return len(packet)


def _payload_at(packet: memoryview, segment: Segment) -> int:
    """Where in a plain packet the payload begins."""
    assert segment.template is not None
    link_header, version = segment.template
    tcp = link_header + IP_HEADER[version]
    return tcp + (packet[tcp + 12] >> 4) * 4
