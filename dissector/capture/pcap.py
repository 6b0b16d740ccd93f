"""The classic capture format: one file header, then packets, each with a header of its own.

Layout and link types: draft-ietf-opsawg-pcap, sections 4 and 5.
"""

import struct

from dissector.capture.files import Octets
from dissector.capture.formats import PCAP_HEADER, PCAP_VARIANTS, PcapVariant
from dissector.capture.reader import LARGEST_PACKET, NANOSECONDS, CaptureReader, Interface, Packet
from dissector.errors import UserError

MAGICS = {
    struct.pack(order + "I", magic): (order, variant) for magic, variant in PCAP_VARIANTS.items() for order in "<>"
}


DIALECTS = ("IIII8x", "IIII12x", "IIII4x")
"""Packet headers of programs that left the magic as it was: tcpdump of Red Hat 6.1 and of SuSE 6.3, and Nokia's."""

TRIED = 16
"""Packets by which a dialect is told from a damaged file."""


def _head_of(order: str, variant: PcapVariant, buffer: bytearray, end: int) -> struct.Struct:
    """How a packet's header is read: as the magic says, unless the first packets make no sense so and all do in a
    dialect."""
    plain, *others = (struct.Struct(order + layout) for layout in (variant.layout, *DIALECTS))
    if _sensible(plain, variant, buffer, end) is not None:
        return plain
    return next((one for one in others if (_sensible(one, variant, buffer, end) or 0) > 1), plain)


def _sensible(head: struct.Struct, variant: PcapVariant, buffer: bytearray, end: int) -> int | None:
    """How many of the first packets, as far as they are in the buffer, are sensible; None if one is not."""
    at = PCAP_HEADER
    for number in range(TRIED):
        if at + head.size > end:
            return number
        _, fraction, captured, length = head.unpack_from(buffer, at)
        if not 0 < captured <= LARGEST_PACKET or captured > length or fraction >= 10**variant.resolution:
            return None
        at += head.size + captured
    return TRIED


class PcapReader(CaptureReader):
    """Reads pcap, either byte order, microseconds or nanoseconds, in its old dialects as well."""

    def __init__(self, source: Octets, name: str, buffer: bytearray, end: int) -> None:
        """Raises UserError when the file ends inside its header, or its version is not 2."""
        super().__init__(source, name, buffer, end)
        if end < PCAP_HEADER:
            raise UserError(f"{name} ends inside its pcap header")
        order, variant = MAGICS[bytes(buffer[:4])]
        major, link = struct.unpack_from(order + "4xH14xI", buffer)
        if major != 2:
            raise UserError(f"{name} is pcap version {major}, not 2")
        self.head = _head_of(order, variant, buffer, end)
        self.is_big_endian = order == ">"
        interface = Interface(link & 0xFFFF)  # the upper half tells about frame check sequences
        interface.set_resolution(variant.resolution)
        self.interfaces = [interface]
        self.pos = PCAP_HEADER

    def next_packet(self) -> Packet | None:
        head = self.head
        while True:
            available = self.end - self.pos
            if available >= head.size:
                seconds, fraction, captured, length = head.unpack_from(self.buffer, self.pos)
                if captured > LARGEST_PACKET:
                    self._damaged("packet header")
                    return None
                if available >= head.size + captured:
                    break
            if not self.fill():
                self._ended()
                return None
        start = self.pos + head.size
        self.pos = start + captured
        (interface,) = self.interfaces
        time_ns = seconds * NANOSECONDS + fraction * interface.multiply
        return self._packet(time_ns, interface.link, start, captured, length)
