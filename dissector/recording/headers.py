"""Packets with another payload: their TCP checksum corrected, or all of their headers made anew.

RFC 1624 (a checksum corrected by what has changed), RFC 791 3.1, RFC 8200 3, RFC 9293 3.1.
"""

from __future__ import annotations

import struct

from dissector.capture.link import Segment

ETHERNET = 1
TCP_HEADERS = range(20, 64, 4)
CHECKSUM_AT = 16
IPV4_MOST, IPV6_MOST = 0xFFFF, 0xFFFF

HOSTS = {4: bytes((192, 0, 2)), 16: bytes.fromhex("20010db8") + bytes(11)}
"""What stands before a host's number: networks for documentation (RFC 5737, RFC 3849)."""

MAC = bytes((2, 0, 0, 0, 0))
"""Locally administered; the host's number follows."""


def tcp_header(octets: memoryview | bytes, segment: Segment) -> bytes | None:
    """The TCP header before a segment's payload; None where it was put together from fragments."""
    for size in TCP_HEADERS:
        header = bytes(octets[segment.at - size : segment.at]) if segment.at >= size else b""
        if header[:4] == segment.key[-4:] and header[12] >> 4 == size >> 2:
            return header
    return None


def corrected(octets: memoryview | bytes, segment: Segment, payload: bytes) -> bytes:
    """A packet with another payload of the same length. A checksum that was right still is, also one around it."""
    packet = bytearray(octets)
    header = tcp_header(octets, segment)
    if header is None or segment.payload == payload:
        return bytes(packet)
    packet[segment.at : segment.at + len(payload)] = payload
    at = segment.at - len(header) + CHECKSUM_AT
    (before,) = struct.unpack_from("!H", packet, at)
    total = (before ^ 0xFFFF) + (_sum(bytes(segment.payload)) ^ 0xFFFF) + _sum(payload)
    struct.pack_into("!H", packet, at, _folded(total) ^ 0xFFFF)
    return bytes(packet)


def rebuilt(octets: memoryview | bytes, segment: Segment, payload: bytes, hosts: dict[bytes, int] | None) -> bytes:
    """A segment as a packet of Ethernet. `hosts`: the numbers of addresses that others stand for, from 1; None: the
    addresses stay."""
    width = (len(segment.key) - 4) // 2
    ends = [segment.key[:width], segment.key[width : 2 * width]]
    numbers = [0, 0]
    if hosts is not None:
        numbers = [hosts.setdefault(end, len(hosts) + 1) for end in ends]
        ends = [HOSTS[width] + bytes((number & 0xFF,)) for number in numbers]
    header = bytearray(tcp_header(octets, segment) or _header(segment))
    struct.pack_into("!H", header, CHECKSUM_AT, 0)
    length = len(header) + segment.length
    if len(payload) == segment.length:
        pseudo = b"".join(ends) + struct.pack("!II", 6, length)
        struct.pack_into("!H", header, CHECKSUM_AT, _folded(_sum(pseudo + header + payload)) ^ 0xFFFF)
    ethertype, ip = _ipv4(ends, length) if width == 4 else _ipv6(ends, length)
    macs = b"".join(MAC + bytes((number & 0xFF,)) for number in reversed(numbers))
    return b"".join((macs, ethertype, ip, header, payload))


def _header(segment: Segment) -> bytes:
    """Without options, which are not known of a segment that came in fragments."""
    window = segment.window & 0xFFFF
    return struct.pack(
        "!4sIIBBHHH", segment.key[-4:], segment.seq, segment.ack, 5 << 4, segment.flags & 0xFF, window, 0, 0
    )


def _ipv4(ends: list[bytes], length: int) -> tuple[bytes, bytes]:
    total = length + 20
    header = struct.pack("!BBHHHBBH", 0x45, 0, total if total <= IPV4_MOST else 0, 0, 0x4000, 64, 6, 0) + b"".join(ends)
    return b"\x08\x00", header[:10] + struct.pack("!H", _folded(_sum(header)) ^ 0xFFFF) + header[12:]


def _ipv6(ends: list[bytes], length: int) -> tuple[bytes, bytes]:
    fields = struct.pack("!IHBB", 6 << 28, length if length <= IPV6_MOST else 0, 6, 64)
    return b"\x86\xdd", fields + b"".join(ends)


def _sum(octets: bytes) -> int:
    """The sum of 16-bit words, folded."""
    return _folded(
        sum(struct.unpack(f"!{len(octets) // 2}H", octets[: len(octets) & ~1]))
        + (octets[-1] << 8 if len(octets) & 1 else 0)
    )


def _folded(total: int) -> int:
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total
