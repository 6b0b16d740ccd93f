"""The block format: sections, each with its byte order and interfaces, and packets that name their interface.

Layouts: draft-ietf-opsawg-pcapng, section 4; the section number stands at each block.
"""

import struct
from collections.abc import Iterator

from dissector.capture.files import Octets
from dissector.capture.formats import (
    BYTE_ORDER,
    END_OF_OPTIONS,
    ENHANCED_PACKET,
    IF_TSOFFSET,
    IF_TSRESOL,
    INTERFACE,
    ISB_IFDROP,
    OLD_PACKET,
    SECRETS,
    SECTION_HEADER,
    SIMPLE_PACKET,
    STATISTICS,
)
from dissector.capture.reader import LARGEST_BLOCK, LARGEST_PACKET, CaptureReader, Interface, Packet
from dissector.errors import UserError

MAGIC = struct.pack(">I", SECTION_HEADER)

BYTE_ORDERS = {struct.pack(order + "I", BYTE_ORDER): order for order in "<>"}
"""The octets after the section header's type and length, and what they tell."""

BLOCK_FRAME = 12
"""Octets of the smallest block: type, length, and the length again at its end."""


class PcapngReader(CaptureReader):
    """Reads pcapng: all packet blocks, all resolutions, any number of sections and interfaces.

    `dropped_by_capture` sums the interfaces' own statistics. The counts that packets may carry repeat the
    same loss and are left alone.
    """

    blocks = True

    def __init__(self, source: Octets, name: str, buffer: bytearray, end: int) -> None:
        """Raises UserError when the file ends, or makes no sense, before its byte order is known."""
        super().__init__(source, name, buffer, end)
        # What to do with a block of a type, and the octets it has at least.
        self._blocks = {
            INTERFACE: (20, self._interface),
            OLD_PACKET: (32, self._old_packet),
            SIMPLE_PACKET: (16, self._simple_packet),
            STATISTICS: (24, self._statistics),
            ENHANCED_PACKET: (32, self._enhanced_packet),
            SECTION_HEADER: (28, self._section),
            SECRETS: (20, self._secrets),
        }
        if end < BLOCK_FRAME or not self._set_byte_order():
            raise UserError(f"{name} starts like pcapng, but has no complete section header")

    def next_packet(self) -> Packet | None:
        while True:
            available = self.end - self.pos
            if available >= BLOCK_FRAME:
                kind, total = self._start.unpack_from(self.buffer, self.pos)
                if kind == SECTION_HEADER:
                    if not self._set_byte_order():
                        self._damaged("section header")
                        return None
                    kind, total = self._start.unpack_from(self.buffer, self.pos)
                least, handle = self._blocks.get(kind, (BLOCK_FRAME, None))
                if not least <= total <= LARGEST_BLOCK or total % 4:
                    self._damaged("block header")
                    return None
                if available >= total:
                    if self._word.unpack_from(self.buffer, self.pos + total - 4) != (total,):
                        self._damaged("block")
                        return None
                    packet = handle(total) if handle else None
                    if self.trouble:
                        return None
                    self.pos += total
                    if packet:
                        return packet
                    continue
            if not self.fill():
                self._ended()
                return None

    def _set_byte_order(self) -> bool:
        order = BYTE_ORDERS.get(bytes(self.buffer[self.pos + 8 : self.pos + 12]))
        if not order:
            return False
        self.head = struct.Struct(order + "IIIIIII")
        self._start = struct.Struct(order + "II")
        self._word = struct.Struct(order + "I")
        self._order = order
        self.is_big_endian = order == ">"
        return True

    def _unpack(self, layout: str) -> tuple[int, ...]:
        """The fields after type and length of the block at `pos`."""
        return struct.unpack_from(f"{self._order}8x{layout}", self.buffer, self.pos)

    def _options(self, at: int, total: int) -> Iterator[tuple[int, memoryview]]:
        """Code and value of the options from `at` of the block to its end (section 3.5)."""
        at += self.pos
        end = self.pos + total - 4
        while at + 4 <= end:
            code, size = struct.unpack_from(self._order + "HH", self.buffer, at)
            at += 4
            if code == END_OF_OPTIONS or at + size > end:
                return
            yield code, self.view[at : at + size]
            at += size + -size % 4

    def _section(self, total: int) -> None:  # 4.1
        self.interfaces = []

    def _interface(self, total: int) -> None:  # 4.2
        interface = Interface(*self._unpack("HxxI"))
        for code, value in self._options(16, total):
            if code == IF_TSRESOL and len(value) == 1:
                interface.set_resolution(value[0])
            elif code == IF_TSOFFSET and len(value) == 8:
                interface.set_offset(struct.unpack(self._order + "q", value)[0])
        self.interfaces.append(interface)

    def _secrets(self, total: int) -> None:  # 4.7
        self.has_secrets = True

    def _statistics(self, total: int) -> None:  # 4.6
        number, *_ = self._unpack("I")
        if number < len(self.interfaces):
            for code, value in self._options(20, total):
                if code == ISB_IFDROP and len(value) == 8:
                    # Counted from the start of the capture: the latest block replaces those before it.
                    (dropped,) = struct.unpack(self._order + "Q", value)
                    self.dropped_by_capture += dropped - self.interfaces[number].dropped
                    self.interfaces[number].dropped = dropped

    def _enhanced_packet(self, total: int) -> Packet | None:  # 4.3
        _, _, number, high, low, captured, length = self.head.unpack_from(self.buffer, self.pos)
        return self._timed_packet(total, number, high, low, captured, length)

    def _old_packet(self, total: int) -> Packet | None:  # appendix A
        number, high, low, captured, length = self._unpack("HxxIIII")
        return self._timed_packet(total, number, high, low, captured, length)

    def _timed_packet(self, total: int, number: int, high: int, low: int, captured: int, length: int) -> Packet | None:
        if number >= len(self.interfaces) or captured > min(LARGEST_PACKET, total - 32):
            self._damaged("packet header")
            return None
        interface = self.interfaces[number]
        return self._packet(interface.time_ns(high << 32 | low), interface.link, self.pos + 28, captured, length)

    def _simple_packet(self, total: int) -> Packet | None:  # 4.4
        if not self.interfaces:
            self._damaged("packet header")
            return None
        length, *_ = self._unpack("I")
        captured = min(length, self.interfaces[0].snap, total - 16)
        if captured > LARGEST_PACKET:
            self._damaged("packet header")
            return None
        return self._packet(None, self.interfaces[0].link, self.pos + 12, captured, length)
