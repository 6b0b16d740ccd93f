"""Capture formats that are not read, told by their first octets: Wireshark's `editcap` makes pcapng of most.

Magics are those of Wireshark's wiretap, of RFC 1761 (snoop) and of POSIX (ustar).
"""

from __future__ import annotations

import re
import struct

from dissector.capture.formats import BYTE_ORDER, PCAP_HEADER, PCAP_VARIANTS, SECTION_HEADER

CONVERTED = {
    b"snoop\0\0\0": "a snoop capture",
    b"RTSS": "a Network Monitor 1 capture",
    b"GMBU": "a Network Monitor 2 capture",
    b"TRSNIFF data    \x1a": "a Sniffer capture",
    b"XCP\0": "a Sniffer (Windows) capture",
    b"\x05VNF": "a Visual Networks capture",
    b"\xaa\xaa\xaa\xaa": "a 5Views capture",
    b"TR\0d": "an HP-UX nettl capture",
    b"ObserverPktBuffer": "an Observer capture",
    b"\x01\x10\x4c\0": "a LANalyzer capture",
    b"iptrace 1.0": "an iptrace capture",
    b"iptrace 2.0": "an iptrace capture",
    b"btsnoop\0": "a btsnoop capture",
    b"\x7fver": "a Peek capture",
    b"+---------+": "a K12 text capture",
}
"""What begins so: in what words it is named."""

BY_PACKET = frozenset(("an HP-UX nettl capture", "a K12 text capture", "an ERF capture"))
"""What says of each packet what link it is of: `editcap` has to be told that all are Ethernet."""

OTHERS = {
    re.compile(rb".{257}ustar", re.DOTALL): "a tar archive: unpack it first (tar -xf)",
    re.compile(rb"07070[127]"): "a cpio archive: unpack it first (cpio -i)",
    re.compile(rb"!<arch>\n"): "an ar archive: unpack it first (ar x)",
    re.compile(rb"\x1f\x8b|\xfd7zXZ\0|\x28\xb5\x2f\xfd"): "compressed twice: unpack it once",
}
"""What no tool for captures converts."""

FIRST = 1 << 18
"""Octets that decide: the first block of a tar, three records of ERF."""

LARGEST_SNAP = 1 << 24


def name_of(octets: bytes, name: str) -> str | None:
    """In one line, what a file with these first octets is and how it is converted; None: nothing that is known here."""
    for pattern, archive in OTHERS.items():
        if pattern.match(octets):
            return f"{name} is {archive}"
    before = _before_a_capture(octets)
    if before:
        return f"{name} holds a capture behind {before} other octets: cut them off (tail -c +{before + 1} {name} > OUT)"
    what = next((what for magic, what in CONVERTED.items() if octets.startswith(magic)), None)
    commview = _commview(octets)
    what = what or _unknown_pcap(octets) or commview or _erf(octets)
    link = " -T ether" if what and what in (*BY_PACKET, commview) else ""
    return what and f"{name} is {what}, which is not read: convert it with editcap -F pcapng{link} IN OUT"


BEFORE_MAX = 1 << 10
"""Octets in which the beginning of a capture is looked for: an archive's header, or what a program printed into it. In
a stream they hold no page."""


def _before_a_capture(octets: bytes) -> int:
    """How much of something else stands before a capture; 0: there is none behind anything."""
    for found in CAPTURE.finditer(octets, 1, BEFORE_MAX):
        at = found.start()
        if found["pcapng"] or any(_is_pcap(octets[at:], order) for order in "<>"):
            return at
    return 0


_SECTION = struct.pack(">I", SECTION_HEADER)
_ORDERS = [struct.pack(order + "I", BYTE_ORDER) for order in "<>"]
_MAGICS = [struct.pack(order + "I", magic) for order in "<>" for magic in PCAP_VARIANTS]
CAPTURE = re.compile(
    b"(?P<pcapng>%b....(?:%b))|(?:%b)"
    % (re.escape(_SECTION), b"|".join(map(re.escape, _ORDERS)), b"|".join(map(re.escape, _MAGICS))),
    re.DOTALL,
)
"""How one begins."""


def _is_pcap(octets: bytes, order: str) -> bool:
    """Whether a header of pcap, whatever its magic, says 2.4, and a snap length and a link that are believed."""
    if len(octets) < PCAP_HEADER:
        return False
    major, minor, _, _, snap, link = struct.unpack_from(order + "4xHHIIII", octets)
    return (major, minor) == (2, 4) and 0 < snap <= LARGEST_SNAP and link < 1 << 16


ERF_HEADER = struct.Struct("<4xIBx2s4x")
"""Of a record of Endace's ERF: the time in seconds behind its fraction, its type, and behind the flags its length,
which is big-endian."""
ERF_LEAST, ERF_TYPES, ERF_RECORDS = 16, 48, 3
DAY = 86_400


def _erf(octets: bytes) -> str | None:
    """Records that follow one another by what their lengths say, with times that agree."""
    at = 0
    times: list[int] = []
    while at + ERF_HEADER.size <= len(octets) and len(times) < ERF_RECORDS:
        seconds, type, length_octets = ERF_HEADER.unpack_from(octets, at)
        length = int.from_bytes(length_octets, "big")
        if not 0 < type & 0x7F <= ERF_TYPES or length < ERF_LEAST:
            return None
        times.append(seconds)
        at += length
    is_one = len(times) == ERF_RECORDS and min(times) > 0 and max(times) - min(times) < DAY
    return "an ERF capture" if is_one else None


def _unknown_pcap(octets: bytes) -> str | None:
    """A pcap that says 2.4 and a snap length that is believed, with a magic that is nobody's here."""
    for order in "<>":
        if _is_pcap(octets, order):
            (magic,) = struct.unpack_from(order + "I", octets)
            return f"a pcap variant of magic 0x{magic:08x}"
    return None


COMMVIEW = {
    "an NCF capture of CommView": struct.Struct("<HHxHBBBBBI"),
    "an NCFX capture of CommView": struct.Struct("<IHBBBBBI"),
}
"""How a packet's header begins in formats without a magic: its length (in NCF twice), and the time in seven fields."""

YEARS = range(1990, 2200)


def _commview(octets: bytes) -> str | None:
    """What begins with the time of a packet, field by field."""
    for what, header in COMMVIEW.items():
        if len(octets) >= header.size:
            *lengths, year, month, day, hour, minute, second, micros = header.unpack_from(octets)
            is_time = year in YEARS and 1 <= month <= 12 and 1 <= day <= 31
            is_time = is_time and hour < 24 and minute < 60 and second <= 60 and micros < 1_000_000
            if is_time and len({*lengths}) == 1 and 0 < lengths[0] <= LARGEST_SNAP:
                return what
    return None
