"""The numbers of pcap and pcapng, for who reads them and who writes them.

Sources: draft-ietf-opsawg-pcap, sections 4 and 5; draft-ietf-opsawg-pcapng, sections 3.5 and 4 and appendix A.
"""

from typing import NamedTuple

PCAP_HEADER = 24
"""Octets of pcap's file header: magic, version, two unused words, snap length, link type."""

MICROSECONDS, NANOSECONDS, MODIFIED = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34
"""Magics of pcap, each with the unit of its times; the modified one has microseconds."""


class PcapVariant(NamedTuple):
    """What the magic tells: the power of ten that its fraction of a second counts in, and the packet header."""

    resolution: int
    layout: str


PCAP_VARIANTS = {
    MICROSECONDS: PcapVariant(6, "IIII"),
    NANOSECONDS: PcapVariant(9, "IIII"),
    # An old variant that libpcap still reads: interface, protocol and direction follow the usual four.
    MODIFIED: PcapVariant(6, "IIII8x"),
}

# Block types of pcapng. The section header's reads the same in both byte orders.
SECTION_HEADER = 0x0A0D0D0A
INTERFACE, OLD_PACKET, SIMPLE_PACKET, STATISTICS, ENHANCED_PACKET, SECRETS = 1, 2, 3, 5, 6, 10

BYTE_ORDER = 0x1A2B3C4D
"""What a section header says first, in the byte order of its section."""

# Options: of all blocks, of the section header, of an interface description, of interface statistics.
END_OF_OPTIONS, COMMENT = 0, 1
SHB_USERAPPL = 4
IF_NAME, IF_TSRESOL, IF_TSOFFSET = 2, 9, 14
ISB_STARTTIME, ISB_ENDTIME, ISB_IFRECV, ISB_IFDROP = 2, 3, 4, 5

OPTION_MAX = 65535
"""Octets of an option's value at most."""
