"""Damage by somebody who knows what the octets mean: records, TCP, IPv6, pcapng and compression.

Each takes the packets of a little-endian pcap (with their headers), or the octets of a whole file, and chance.
"""

from __future__ import annotations

import gzip
import lzma
import random
import re
import struct
from collections.abc import Callable, Iterator
from functools import partial

import zstandard
from tunnels import ENCAPSULATIONS, IP_AT

from dissector.capture.formats import COMMENT, IF_TSRESOL
from dissector.capture.writer import enhanced, interface, options, section, simple, statistics

Packets = list[bytearray]
"""The packets of a pcap file, each with its header."""

HEADER = 16
ETHERNET = 14
TYPES = (*range(0x16), 0x1F, 0x80000000, 0x80000001, 0xFFFFFFFF)
LENGTHS = (0, 1, 7, 8, 9, 16, 24, 1023, 1024, 1 << 20, (1 << 23) - 1, 1 << 23, (1 << 27) + 8, 1 << 31, (1 << 32) - 1)
IF_TSOFFSET = 14
USUAL_HEADER = re.compile(rb"(?!\0{8})(?=[\0-\x15]\0\0[\0\x80]...\0.)", re.DOTALL)
"""A type that is in use, mandatory or optional, and a length below 16 MiB; not both 0."""


def payload_at(packet: bytearray) -> int | None:
    """Where the TCP payload of Ethernet and IP begins; None where there is none."""
    ip = HEADER + ETHERNET
    if len(packet) < ip + 40 or packet[ip] >> 4 not in (4, 6):
        return None
    tcp = ip + ((packet[ip] & 15) * 4 if packet[ip] >> 4 == 4 else 40)
    if tcp + 13 > len(packet):
        return None
    at = tcp + (packet[tcp + 12] >> 4) * 4
    return at if at < len(packet) else None


def record_headers(packet: bytearray) -> Iterator[int]:
    """Where something stands that may be the header of a record: a type and a length that are usual."""
    start = payload_at(packet)
    for match in USUAL_HEADER.finditer(packet, start, len(packet)) if start is not None else ():
        at = match.start()
        (length,) = struct.unpack_from("<I", packet, at + 4)
        if length % 8 == 0 and length < 1 << 23:
            yield at


def record(chance: random.Random, packets: Packets) -> None:
    """Another type, length or count in the header of a record."""
    packet = chance.choice(packets)
    found = list(record_headers(packet))
    if found:
        at = chance.choice(found)
        place, values = chance.choice(((at, TYPES), (at + 4, LENGTHS), (at + 8, LENGTHS)))
        if place + 4 <= len(packet):
            (old,) = struct.unpack_from("<I", packet, place)
            value = chance.choice((*values, old + 1, old - 1, old + 8, old - 8, old * 2)) & 0xFFFFFFFF
            struct.pack_into("<I", packet, place, value)


def entry(chance: random.Random, packets: Packets) -> None:
    """Another type or pfn in an entry of a record that lists pages."""
    packet = chance.choice(packets)
    found = list(record_headers(packet))
    at = chance.choice(found) + 16 + 8 * chance.randrange(64) if found else len(packet)
    if at + 8 <= len(packet):
        pfn = chance.choice((0, 1, 0x3FF, (1 << 52) - 1, chance.randrange(1 << 20)))
        struct.pack_into("<Q", packet, at, chance.randrange(16) << 60 | pfn)


def tcp(chance: random.Random, packets: Packets) -> None:
    """Other flags, or a sequence number or acknowledgement near that of another packet."""
    packet, other = chance.choice(packets), chance.choice(packets)
    at = HEADER + ETHERNET + 20
    if min(len(packet), len(other)) < at + 20:
        return
    if chance.random() < 0.4:
        packet[at + 13] = chance.choice((0x02, 0x12, 0x04, 0x14, 0x11, 0x10, 0x18, 0x29, 0x00, 0xFF))
    else:
        (number,) = struct.unpack_from("!I", other, at + chance.choice((4, 8)))
        near = number + chance.choice((0, -1, 1, -1448, 1448, 65535, 1 << 30, 1 << 31))
        struct.pack_into("!I", packet, at + chance.choice((4, 8)), near & 0xFFFFFFFF)


def encapsulate(chance: random.Random, packets: Packets) -> None:
    """Some packets are in a tunnel, perhaps in several."""
    names = [name for name, how in ENCAPSULATIONS.items() if how.link == 1]
    wrap = ENCAPSULATIONS[chance.choice(names)].wrap
    for number, packet in enumerate(packets):
        if chance.random() < 0.5 and len(packet) > HEADER + IP_AT[1] + 20 and packet[HEADER + IP_AT[1]] >> 4 in (4, 6):
            inside = wrap(bytes(packet[HEADER + IP_AT[1] :]))
            packets[number] = packet[:8] + struct.pack("<II", len(inside), len(inside)) + inside


def extend(chance: random.Random, packets: Packets) -> None:
    """An IPv6 packet with extension headers in place of an IPv4 one, right ones and others."""
    at = chance.randrange(len(packets))
    packet, ip = packets[at], HEADER + ETHERNET
    if len(packet) < ip + 40 or packet[ip] >> 4 != 4:
        return
    inside = bytes(packet[ip + 20 :])
    chain, following = b"", 6
    for _ in range(chance.choice((1, 2, 8, 40))):
        kind = chance.choice((0, 43, 44, 51, 60, 135))
        size = chance.choice((0, 0, 1, 4, 255)) if kind != 44 else 0  # a fragment's has no length
        chain = bytes((following, size)) + chance.randbytes(6 + 8 * size) + chain
        following = kind
    source, destination = (bytes(12) + bytes(packet[ip + 12 + 4 * n : ip + 16 + 4 * n]) for n in (0, 1))
    length = min(len(chain) + len(inside), 0xFFFF)
    outside = struct.pack("!IHBB", 6 << 28, length, following, 64) + source + destination
    frame = bytes(packet[HEADER : HEADER + 12]) + b"\x86\xdd" + outside + chain + inside
    packets[at] = packet[:8] + struct.pack("<II", len(frame), len(frame)) + frame


DAMAGE: tuple[Callable[[random.Random, Packets], None], ...] = (
    record, record, record, entry, tcp, tcp, extend, encapsulate
)  # fmt: skip


# --- files ----------------------------------------------------------------------------------------------------


def pcapng(chance: random.Random, link: int, packets: Packets) -> bytes:
    """The packets as pcapng, with interfaces, options and statistics as nobody writes them, and other lengths."""
    order = chance.choice("<>")
    blocks = [section(order)]
    interfaces = chance.choice((1, 1, 2, 4))
    for _ in range(interfaces):
        told = [(IF_TSRESOL, bytes((chance.choice((6, 9, 0, 3, 20, 127, 128, 138, 160, 255)),)))]
        if chance.random() < 0.3:
            offset = chance.choice((0, 1, -1, 1 << 40, -(1 << 62), 1 << 62))
            told.append((IF_TSOFFSET, struct.pack(order + "q", offset)))
        blocks.append(interface(order, link, chance.choice((0, 0, 96, 1)), *told[: chance.choice((0, 1, 2))]))
    for packet in packets:
        (length,) = struct.unpack_from("<I", packet, 12)
        more = max(0, length - len(packet) + HEADER)
        number = chance.randrange(interfaces) if chance.random() < 0.99 else chance.choice((interfaces, 1 << 31))
        tail = options(order, (COMMENT, chance.randbytes(chance.choice((0, 3, 300))))) if chance.random() < 0.1 else b""
        seconds, micros = struct.unpack_from("<II", packet)
        ticks = seconds * 1_000_000 + micros
        if chance.random() < 0.02:
            ticks = chance.choice((0, 1, (1 << 64) - 1, 1 << 63))
        made = enhanced(order, ticks, bytes(packet[HEADER:]), number, more, tail)
        blocks.append(simple(order, bytes(packet[HEADER:]), length) if chance.random() < 0.02 else made)
        if chance.random() < 0.02:
            blocks.append(chance.choice((statistics(order, 0, ticks), section(order), interface(order, link))))
    data = bytearray(b"".join(blocks))
    for _ in range(chance.choice((0, 0, 1, 3))):
        # A length of a block or an option is a small number: another one stands anywhere in the first blocks.
        at = chance.randrange(min(len(data) - 4, 400)) & ~3
        struct.pack_into(order + "I", data, at, chance.choice(LENGTHS))
    return bytes(data)


COMPRESSORS: tuple[Callable[[bytes], bytes], ...] = (
    zstandard.ZstdCompressor(level=1).compress,
    partial(gzip.compress, compresslevel=1),
    partial(lzma.compress, preset=0),
)


def compressed(chance: random.Random, data: bytes) -> bytes:
    """Compressed, perhaps twice, perhaps cut, with a flipped bit or with something behind it."""
    for _ in range(chance.choice((1, 1, 2))):
        data = chance.choice(COMPRESSORS)(data)
    spoilt = bytearray(data)
    what = chance.random()
    if what < 0.2:
        del spoilt[chance.randrange(1, len(spoilt)) :]
    elif what < 0.4:
        spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
    elif what < 0.5:
        spoilt += chance.choice((bytes(100), bytes(spoilt), chance.randbytes(100)))
    return bytes(spoilt)
