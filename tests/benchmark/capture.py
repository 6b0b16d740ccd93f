"""A capture file of one migration over TCP: pcap, microseconds, little-endian, Ethernet and IPv4."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO, NamedTuple

from .stream import BATCH, PAGE, Piece, pieces

PORT = 4444  # the destination's; minimal.lua listens there


class Variant(NamedTuple):
    """How the same stream looks on the wire."""

    segment: int  # octets of TCP payload in a full segment
    disturbed: float  # share of the segments that come twice or late


VARIANTS = {"a": Variant(1448, 0), "b": Variant(65160, 0), "c": Variant(1448, 0.005)}


def build_capture(path: Path, size: int, variant: str, guest: str = "hvm") -> None:
    """Write a capture of some `size` forward octets to `path`, in bounded memory."""
    with path.open("wb") as file:
        connection = _Connection(file, VARIANTS[variant])
        connection.open()
        for direction, turn in groupby(pieces(size, guest), attrgetter("direction")):
            connection.send(direction, turn)
        connection.close()


FORWARD, REVERSE = "forward", "reverse"
OPPOSITE = {FORWARD: REVERSE, REVERSE: FORWARD}
FIN, SYN, PSH, ACK = 0x01, 0x02, 0x08, 0x10
PORTS = {FORWARD: struct.pack(">HH", 40860, PORT), REVERSE: struct.pack(">HH", PORT, 40860)}
MACS = {FORWARD: b"\x02\0\0\0\0\2\x02\0\0\0\0\1\x08\0", REVERSE: b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0"}
ADDRESSES = {FORWARD: b"\x0a\0\0\1\x0a\0\0\2", REVERSE: b"\x0a\0\0\2\x0a\0\0\1"}
# Maximum segment size, selective acknowledgement, timestamps, window scale.
SYN_OPTIONS = bytes.fromhex("020405b4 0402 080a 0000000000000000 01 03030e")
WRITE_AT = 1 << 20  # octets gathered before a write

_PCAP = struct.Struct("<IIII")
_TCP = struct.Struct(">4sIIHHHH")
_TIMESTAMPS = struct.Struct(">III")


@lru_cache(maxsize=4096)
def _ethernet_ip(direction: str, length: int) -> bytes:
    """Ethernet and IPv4 headers for `length` octets of TCP; unfragmented, so the identification can be 0."""
    header = struct.pack(">BBHHHBBH8s", 0x45, 0, 20 + length, 0, 0x4000, 64, 6, 0, ADDRESSES[direction])
    total = sum(struct.unpack(">10H", header))
    checksum = 0xFFFF - (total % 0xFFFF or 0xFFFF)
    return MACS[direction] + header[:10] + struct.pack(">H", checksum) + header[12:]


class _Connection:
    """Both ends of one TCP connection, and the wire between them that is captured."""

    def __init__(self, file: BinaryIO, variant: Variant) -> None:
        self._file = file
        self._variant = variant
        self._random = random.Random(1)
        self._clock = 1_700_000_000_000_000  # microseconds since the epoch
        self._next_seq = {
            FORWARD: 0xF000_0000,
            REVERSE: 0x1000_0000,
        }  # forward, the numbers wrap after 256 MiB
        self._acked = dict(self._next_seq)
        self._unacked = 0  # segments since the last ACK
        self._segments = 0  # of this turn
        self._late: list[tuple[int, int, bytes, bool]] = []  # goes out after this segment; seq; payload; first time
        # Twice as many pages as a record takes, so that records can start at different ones and need no copy.
        self._contents = memoryview(self._random.randbytes(2 * BATCH * PAGE))
        self._out = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))

    def open(self) -> None:
        self._signal(FORWARD, SYN, SYN_OPTIONS)
        self._acked = dict(self._next_seq)
        self._signal(REVERSE, SYN | ACK, SYN_OPTIONS)
        self._acked = dict(self._next_seq)
        self._signal(FORWARD, ACK)

    def close(self) -> None:
        self._signal(FORWARD, FIN | ACK)
        self._acked = dict(self._next_seq)
        self._signal(REVERSE, FIN | ACK)
        self._acked = dict(self._next_seq)
        self._signal(FORWARD, ACK)
        self._file.write(self._out)

    def send(self, direction: str, turn: Iterable[Piece]) -> None:
        """All that one side sends before it waits for the other: full segments, then one of what is left."""
        self._clock += 500
        self._segments = 0
        size = self._variant.segment
        pending = bytearray()
        for number, piece in enumerate(turn):
            pending += piece.octets
            start = PAGE * (number * 7 % BATCH)
            pending += self._contents[start : start + PAGE * piece.pages]
            whole = len(pending) - len(pending) % size
            with memoryview(pending) as view:
                for at in range(0, whole, size):
                    self._segment(direction, view[at : at + size], ACK)
            del pending[:whole]
        if pending:
            self._segment(direction, pending, PSH | ACK)
        while self._late:
            self._send_late(direction)
        if self._unacked:
            self._acknowledge(direction)

    def _segment(self, direction: str, payload: bytearray | memoryview, flags: int) -> None:
        seq = self._next_seq[direction]
        self._next_seq[direction] = (seq + len(payload)) & 0xFFFF_FFFF
        self._segments += 1
        held = False
        if self._variant.disturbed and self._random.random() < self._variant.disturbed:
            held = self._random.random() < 0.5
            self._late.append((self._segments + 3, seq, bytes(payload), held))
        if not held:
            self._packet(direction, seq, flags, payload)
            self._unacked += 1
        if self._late and self._late[0][0] <= self._segments:
            self._send_late(direction)
        if self._unacked >= 2:
            self._acknowledge(direction)

    def _send_late(self, direction: str) -> None:
        _, seq, payload, _ = self._late.pop(0)
        self._packet(direction, seq, ACK, payload)
        self._unacked += 1

    def _acknowledge(self, direction: str) -> None:
        missing = (seq for _, seq, _, first in self._late if first)
        self._acked[direction] = next(missing, self._next_seq[direction])
        self._unacked = 0
        self._signal(OPPOSITE[direction], ACK)

    def _signal(self, direction: str, flags: int, options: bytes = b"") -> None:
        """A packet without payload; SYN and FIN take a sequence number each."""
        self._packet(direction, self._next_seq[direction], flags, b"", options)
        self._next_seq[direction] += bool(flags & (SYN | FIN))

    def _packet(
        self,
        direction: str,
        seq: int,
        flags: int,
        payload: bytes | bytearray | memoryview,
        options: bytes = b"",
    ) -> None:
        self._clock = clock = self._clock + 1 + len(payload) // 1250  # 10 Gbit/s
        options = options or _TIMESTAMPS.pack(0x0101080A, clock // 1000 & 0xFFFF_FFFF, clock // 1000 & 0xFFFF_FFFF)
        tcp_length = 20 + len(options) + len(payload)
        words = (20 + len(options)) // 4
        ack = self._acked[OPPOSITE[direction]] if flags & ACK else 0
        out = self._out
        out += _PCAP.pack(clock // 1_000_000, clock % 1_000_000, 34 + tcp_length, 34 + tcp_length)
        out += _ethernet_ip(direction, tcp_length)
        out += _TCP.pack(PORTS[direction], seq, ack, words << 12 | flags, 65535, 0, 0)  # no checksum, as with offload
        out += options
        out += payload
        if len(out) >= WRITE_AT:
            self._file.write(out)
            out.clear()
