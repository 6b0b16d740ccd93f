"""Packets without page contents: where these begin and reach to a packet's end, it is cut as by a snap length.

All other octets, every length and every time stay, and every packet keeps its number.
"""

from __future__ import annotations

from struct import Struct

from dissector.capture.formats import ENHANCED_PACKET, PCAP_HEADER
from dissector.capture.fragments import Fragments
from dissector.capture.link import decode
from dissector.capture.pcapng import PcapngReader
from dissector.capture.reader import CaptureReader
from dissector.capture.writer import PADDING
from dissector.parser import DirectionParser
from dissector.tcp import Connections, HalfConnection


class Trimmer:
    """Knows from the streams, once packets went through them, which of their octets are page contents."""

    def __init__(self, reader: CaptureReader, connections: Connections) -> None:
        """The consumers of the connections are parsers that note their spans."""
        self._reader, self._connections = reader, connections
        self._start = Struct(f"{reader.head.format[0]}II")
        self._trim = self._block if reader.blocks else self._packet
        self._at = 0 if reader.blocks else PCAP_HEADER  # where in the next octets the first packet is
        self._fragments = Fragments()
        self._touched: set[DirectionParser] = set()

    def trimmed(self, octets: memoryview) -> bytes:
        """The next octets of a capture, whole packets or blocks, without page contents."""
        pieces: list[bytes | memoryview] = []
        at, self._at = self._at, 0
        whole = 0
        while at < len(octets):
            end, less = self._trim(octets, at)
            if less is not None:
                pieces += octets[whole:at], less
                whole = end
            at = end
        pieces.append(octets[whole:])
        for stream in self._touched:
            # What comes again is kept as it is.
            stream.spans = [span for span in stream.spans if span[1] > stream.offset]
        self._touched.clear()
        return b"".join(pieces)

    def _packet(self, octets: memoryview, at: int) -> tuple[int, bytes | None]:
        """Where a packet of a pcap ends, and what is to stand in its place, if not it itself."""
        head = self._reader.head
        first, second, captured, length = head.unpack_from(octets, at)
        start = at + head.size
        end = start + captured
        needed = self._needed(self._reader.interfaces[0].link, octets[start:end], length)
        if needed >= captured:
            return end, None
        return end, head.pack(first, second, needed, length) + octets[start : start + needed]

    def _block(self, octets: memoryview, at: int) -> tuple[int, bytes | None]:
        """The same for a block of a pcapng, whose options stay."""
        assert isinstance(self._reader, PcapngReader)
        head = self._reader.head
        kind, total = self._start.unpack_from(octets, at)
        end = at + total
        if kind != ENHANCED_PACKET:
            return end, None
        _, _, number, high, low, captured, length = head.unpack_from(octets, at)
        start = at + head.size
        needed = self._needed(self._reader.interfaces[number].link, octets[start : start + captured], length)
        if needed >= captured:
            return end, None
        padding = PADDING[-needed % 4]
        options = octets[start + captured + -captured % 4 : end - 4]
        total = head.size + needed + len(padding) + len(options) + 4
        less = head.pack(kind, total, number, high, low, needed, length)
        return end, b"".join((less, octets[start : start + needed], padding, options, less[4:8]))

    def _needed(self, link: int, packet: memoryview, length: int) -> int:
        """How many of the first octets of a packet anybody needs: all but for page contents that reach to its end. Of
        a fragment, or of what is not understood, all are."""
        segment = decode(link, packet, length, self._fragments)
        if segment is None or segment.at < 0 or not segment.length:
            return len(packet)
        half = self._connections.halves.get(segment.key)
        if not isinstance(half, HalfConnection) or not isinstance(half.consumer, DirectionParser):
            return len(packet)
        start = half.offset_of(segment.seq)
        end = start + segment.length
        self._touched.add(half.consumer)
        for first, last in reversed(half.consumer.spans):
            if first < end <= last:
                return segment.at + max(first - start, 0)
        return len(packet)
