"""Captures written octet by octet: pcap's file header and packets, pcapng's blocks.

Everything gives octets and writes nothing, so whoever has a file, a pipe or a test puts them where they belong. `order`
is a byte order as `struct` has it: "<" or ">". Layouts: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng; the
section number stands at each block.
"""

from __future__ import annotations

import struct

from dissector.capture.formats import (
    BYTE_ORDER,
    END_OF_OPTIONS,
    ENHANCED_PACKET,
    INTERFACE,
    MICROSECONDS,
    OLD_PACKET,
    PCAP_VARIANTS,
    SECTION_HEADER,
    SIMPLE_PACKET,
    STATISTICS,
)

SECOND = 1_000_000_000

SNAP = 262144
"""Octets of a packet at most, as capturing programs have it."""

PADDING = [bytes(count) for count in range(4)]
"""By how many octets of it are needed."""

Option = tuple[int, bytes]
"""Code and value."""


# --- pcap -----------------------------------------------------------------------------------------------------


def pcap_header(link: int = 1, order: str = "<", magic: int = MICROSECONDS, snap: int = SNAP) -> bytes:
    """The file header; `link` is a LINKTYPE_ number."""
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap, link)


def pcap_packet(time_ns: int, octets: bytes, length: int, order: str = "<", magic: int = MICROSECONDS) -> bytes:
    """A packet of `length` octets on the wire of which `octets` were captured, at a time in ns since the epoch."""
    variant = PCAP_VARIANTS[magic]
    seconds, fraction = divmod(time_ns, SECOND)
    fraction //= 10 ** (9 - variant.resolution)
    return struct.pack(order + variant.layout, seconds, fraction, len(octets), length) + octets


# --- pcapng ---------------------------------------------------------------------------------------------------


def block(order: str, kind: int, body: bytes) -> bytes:
    """Type, length, body and padding, length (3.1)."""
    body += PADDING[-len(body) % 4]
    total = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + total + body + total


def options(order: str, *pairs: Option) -> bytes:
    """Options and their end (3.5); nothing if there are none."""
    values = [struct.pack(order + "HH", code, len(value)) + value + PADDING[-len(value) % 4] for code, value in pairs]
    return b"".join((*values, struct.pack(order + "HH", END_OF_OPTIONS, 0))) if values else b""


def section(order: str, *pairs: Option) -> bytes:
    """A section header of unknown length (4.1)."""
    return block(order, SECTION_HEADER, struct.pack(order + "IHHq", BYTE_ORDER, 1, 0, -1) + options(order, *pairs))


def interface(order: str, link: int = 1, snap: int = 0, *pairs: Option) -> bytes:
    """An interface description (4.2); `snap` 0: nothing is cut."""
    return block(order, INTERFACE, struct.pack(order + "HHI", link, 0, snap) + options(order, *pairs))


def enhanced(order: str, ticks: int, packet: bytes, number: int = 0, more: int = 0, tail: bytes = b"") -> bytes:
    """A packet of an interface (4.3), of which `more` octets were cut off, and the options `tail`. `ticks`: its time in
    the interface's resolution."""
    high, low = ticks >> 32, ticks & 0xFFFFFFFF
    fields = struct.pack(order + "IIIII", number, high, low, len(packet), len(packet) + more)
    return block(order, ENHANCED_PACKET, fields + packet + PADDING[-len(packet) % 4] + tail)


def simple(order: str, packet: bytes, length: int) -> bytes:
    """A packet of interface 0, without a time (4.4)."""
    return block(order, SIMPLE_PACKET, struct.pack(order + "I", length) + packet)


def old(order: str, ticks: int, packet: bytes, dropped: int = 0) -> bytes:
    """A packet of interface 0 as old programs wrote it (appendix A)."""
    fields = struct.pack(order + "HHIIII", 0, dropped, ticks >> 32, ticks & 0xFFFFFFFF, len(packet), len(packet))
    return block(order, OLD_PACKET, fields + packet)


def statistics(order: str, number: int = 0, ticks: int = 0, *pairs: Option) -> bytes:
    """What an interface counted (4.6), up to a time in its resolution."""
    fields = struct.pack(order + "III", number, ticks >> 32, ticks & 0xFFFFFFFF)
    return block(order, STATISTICS, fields + options(order, *pairs))


def time_option(order: str, code: int, ticks: int) -> Option:
    """An option that holds a time: its high half first, whatever the byte order."""
    return code, struct.pack(order + "II", ticks >> 32, ticks & 0xFFFFFFFF)


def count_option(order: str, code: int, count: int) -> Option:
    """An option that holds 64 bits."""
    return code, struct.pack(order + "Q", count)
