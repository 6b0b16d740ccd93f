"""A conversation over pipes as the packets of a TCP connection, in a pcapng file that every tool reads.

The octets, their order and their times are real; addresses, ports and TCP are made up. What is passed on to a side
is read there unseen: a side that speaks is taken to have read all of it, and a bare acknowledgement says that the
pipe has taken it. The section is big-endian, because packets are: one compiled struct makes a packet with its block.

Blocks: draft-ietf-opsawg-pcapng, section 4. Headers: RFC 791 3.1, RFC 9293 3.1, RFC 7323 2.2.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache

from dissector.capture import writer
from dissector.capture.formats import (
    COMMENT,
    ENHANCED_PACKET,
    IF_NAME,
    IF_TSRESOL,
    ISB_ENDTIME,
    ISB_IFDROP,
    ISB_IFRECV,
    ISB_STARTTIME,
    OPTION_MAX,
    SHB_USERAPPL,
)
from dissector.capture.writer import PADDING
from dissector.events import Endpoint, Flow
from dissector.tcp.connections import ACK, FIN, RST, SYN
from dissector.tcp.half_connection import SEQUENCE_SPACE

Block = tuple[bytes | memoryview, ...]
"""A block of the file in pieces: octets that are only passed on are not copied."""

HERE, THERE = 0, 1
"""The two sides: who writes to standard input and reads standard output, and the command."""

ENDS = (("192.0.2.1", 49152), ("192.0.2.2", 49153))
"""An address and a port for each side: of a network for documentation (RFC 5737), so nobody takes them for real."""

SEGMENT = 60 << 10
"""Octets of payload in a packet at most; IPv4 has room for 65,495."""

PUSH = 0x08
RAW_IP = 101
NANOSECONDS = b"\x09"
ORDER = ">"

HEADERS = 40
HEAD = struct.Struct(">IIIQII 24s IIHHI".replace(" ", ""))
"""An enhanced packet block up to its packet, the IPv4 header with the ports, the rest of the TCP header."""

ADDRESSED = struct.Struct(">BBHHHBBH8sI")
"""The IPv4 header, and the ports that follow it."""

TAIL = struct.Struct(">I")

SYN_OPTIONS = struct.pack(">BBHBBBB", 2, 4, SEGMENT, 1, 3, 3, 14)
"""The largest segment, and a window scale of 2^14: no tool is to find the window full."""

_HOSTS = [socket.inet_aton(address) for address, _ in ENDS]
_ADDRESSES = [_HOSTS[0] + _HOSTS[1], _HOSTS[1] + _HOSTS[0]]
_PORTS = [ENDS[0][1] << 16 | ENDS[1][1], ENDS[1][1] << 16 | ENDS[0][1]]
_SUM = 0x4500 + 0x4000 + 0x4006 + sum(struct.unpack(">4H", _ADDRESSES[0]))
"""Of the IPv4 header's words but its length: the same for both sides."""


@lru_cache(maxsize=1024)
def _addressed(side: int, size: int) -> bytes:
    """What is the same in all packets of a side that have `size` octets: nearly all have one of two sizes."""
    checksum = _SUM + size
    checksum = ~(checksum + (checksum >> 16)) & 0xFFFF
    return ADDRESSED.pack(0x45, 0, size, 0, 0x4000, 64, 6, checksum, _ADDRESSES[side], _PORTS[side])


def flow_from(side: int) -> Flow:
    """Both ends of what a side sends."""
    return Flow(Endpoint(*ENDS[side]), Endpoint(*ENDS[1 - side]))


def beginning(application: str, section: str, interface: str) -> bytes:
    """The file up to its first packet, with a comment on the section and one on the interface."""
    return writer.section(ORDER, _text(COMMENT, section), _text(SHB_USERAPPL, application)) + writer.interface(
        ORDER, RAW_IP, 0, _text(COMMENT, interface), _text(IF_NAME, "tap"), (IF_TSRESOL, NANOSECONDS)
    )


def statistics(start: int, end: int, packets: int, dropped: int) -> bytes:
    """The block that ends a recording: its first and last time (ns since the epoch), the packets there were,
    and how many of them are not in the file."""
    return writer.statistics(
        ORDER,
        0,
        end,
        writer.time_option(ORDER, ISB_STARTTIME, start),
        writer.time_option(ORDER, ISB_ENDTIME, end),
        writer.count_option(ORDER, ISB_IFRECV, packets),
        writer.count_option(ORDER, ISB_IFDROP, dropped),
    )


def _text(code: int, text: str) -> writer.Option:
    return code, text.encode("utf-8", "replace")[:OPTION_MAX]


def segments(length: int, unneeded: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """Divides octets into segments of which a front part is kept: where each begins, where what is kept of it
    ends, where it ends. `unneeded` are the spans, in order, of which nothing is kept."""
    at = 0
    for start, end in (*unneeded, (length, length)):
        while at < end:
            stop = min(at + SEGMENT, end)
            yield at, max(at, min(start, stop)), stop
            at = stop


class Conversation:
    """Numbers what both sides send. Times are ns since the epoch."""

    def __init__(self, first: tuple[int, int] = (0, 0)) -> None:
        """`first`: the sequence numbers of the two SYNs."""
        self.packets = 0
        # Numbers, by the side that sends the octets: of its next one, of the next that the pipe to the other side
        # takes, of the next that the other side has acknowledged.
        self._next, self._taken, self._acked = list(first), list(first), list(first)

    def opening(self, time: int) -> list[Block]:
        """The handshake that opens a connection."""
        opening = [self._packet(HERE, SYN, time, options=SYN_OPTIONS)]
        self._count(HERE)
        opening.append(self._packet(THERE, SYN | ACK, time, options=SYN_OPTIONS))
        self._count(THERE)
        return [*opening, self._packet(HERE, ACK, time)]

    def data(self, side: int, time: int, octets: bytes, unneeded: Iterable[tuple[int, int]] = ()) -> Iterator[Block]:
        """What a side sends, but the contents of the spans `unneeded`: packets say that they were cut there."""
        self._acked[1 - side] = self._next[1 - side]
        view = memoryview(octets)
        for start, kept, end in segments(len(octets), unneeded):
            # Where something is left out, a copy: the rest of the octets need not stay in memory for it.
            payload = view[start:kept] if kept == end else bytes(view[start:kept])
            flags = ACK | PUSH if end == len(octets) else ACK
            yield self._packet(side, flags, time, payload, end - start)
            self._next[side] += end - start

    def taken(self, side: int, time: int, count: int) -> list[Block]:
        """The pipe to the other side has taken this many more octets of a side."""
        self._taken[side] += count
        return [self._packet(1 - side, ACK, time)] if self._taken[side] > self._acked[side] else []

    def is_taken(self, side: int) -> bool:
        """Whether nothing that a side sent is left over."""
        return self._next[side] == self._taken[side]

    def closing(self, side: int, time: int) -> list[Block]:
        """A side has sent all it had to say."""
        closing = self._packet(side, FIN | ACK, time)
        self._count(side)
        return [closing, self._packet(1 - side, ACK, time)]

    def reset(self, side: int, time: int) -> Block:
        """A side no longer takes what is sent to it."""
        return self._packet(side, RST | ACK, time)

    def _count(self, side: int) -> None:
        """A SYN or FIN takes a sequence number."""
        self._next[side] += 1
        self._taken[side] += 1

    def _packet(
        self,
        side: int,
        flags: int,
        time: int,
        payload: bytes | memoryview = b"",
        length: int = 0,
        options: bytes = b"",
    ) -> Block:
        """A packet with `length` octets of payload on the wire."""
        self.packets += 1
        other = 1 - side
        self._acked[other] = max(self._acked[other], self._taken[other])
        captured = HEADERS + len(options) + len(payload)
        padding = PADDING[-captured % 4]
        total = 32 + captured + len(padding)
        size = HEADERS + len(options) + length
        head = HEAD.pack(
            *(ENHANCED_PACKET, total, 0, time, captured, size, _addressed(side, size)),
            self._next[side] % SEQUENCE_SPACE,
            self._acked[other] % SEQUENCE_SPACE if flags & ACK else 0,
            *((HEADERS - 20 + len(options)) << 10 | flags, 0xFFFF, 0),
        )
        tail = padding + TAIL.pack(total)
        return (head, payload, tail) if payload else (head + options + tail,)
