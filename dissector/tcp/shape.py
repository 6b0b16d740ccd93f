"""What plain packets of one size have in common: the fields that the express lane compares, and where they stand."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

PUSH = 0x08
CUT, TORN = 1, 2

# Of a packet header: in pcapng what says which block it is; then the captured and the original length, as one
# number, big-endian like all that follows, since it is only looked up.
PCAP_HEAD, PCAPNG_HEAD = Struct(">0s8xQ"), Struct(">12s8xQ")

# Of an IP packet: two words that are the same in every plain packet of a size (version, header length, length;
# fragment, protocol), the addresses, ports and sequence number as one number, acknowledgement number, data offset
# and flags.
IP_FIELDS = {4: "I2xI2x8sQIH", 6: "II32sQIH"}

SEQUENCE, ACKNOWLEDGEMENT = -10, -6
"""Where the two numbers stand, from the end of the fields."""


def packet_fields(head: Struct, is_block: bool, link_header: int, version: int) -> Struct:
    """Reads the fields of a packet: of its header in the capture, given how that is laid out, and from IP on."""
    fields = PCAPNG_HEAD if is_block else PCAP_HEAD
    return Struct(f"{fields.format}{head.size - fields.size + link_header}x{IP_FIELDS[version]}")


class Shape(NamedTuple):
    """The fields that are the same in all of them."""

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

    def fixed(self, fields: Struct, addresses: bytes, sequence: int) -> list[tuple[int, bytes]]:
        """The octets that must stand in such a packet from one place to another, each with its offset; there may be
        two of which it is either. `sequence`: ports and sequence number; of page contents the ports alone count."""
        words = (self.lengths, self.word1, self.word2, addresses, sequence, 0, self.flags[0])
        octets = fields.pack(self.block, *words)
        numbers = -1 << 32 if self.size else -1
        mask = fields.pack(
            *(b"\xff" * len(self.block), (1 << 64) - 1, (1 << 32) - 1, (1 << 32) - 1, b"\xff" * len(addresses)),
            *(numbers % (1 << 64), 0, 0xFFFF),
        )
        found = [(offset, octets[offset : offset + 1]) for offset, compared in enumerate(mask) if compared]
        if self.size:
            found[-1] = (found[-1][0], bytes((octets[-1], octets[-1] | PUSH)))
        return found
