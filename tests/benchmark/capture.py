"""Captures of migrations over TCP as networks and hosts make them, written packet by packet in bounded memory.

`VARIANTS` is the table of what they look like; everything else here serves it.
"""

from __future__ import annotations

import gzip
import random
import struct
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from heapq import merge
from itertools import count, groupby, islice
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO, NamedTuple

import zstandard

from dissector.capture.formats import IF_TSRESOL
from dissector.capture.writer import enhanced, interface, pcap_header, pcap_packet, section

from .stream import BATCH, PAGE, STREAMS, Piece

PORT = 4444  # the destination's; minimal.lua listens there

Sizes = Callable[[random.Random], int]


def fixed(size: int) -> Sizes:
    return lambda chance: size


def aggregated(chance: random.Random) -> int:
    """What receive offload makes of segments that came together."""
    return 1448 * chance.choice((1, 1, 2, 3, 4, 6, 8, 11, 16, 22, 30, 44))


def anything(chance: random.Random) -> int:
    return chance.randrange(1, 1449)


class Variant(NamedTuple):
    """How a stream looks in a capture."""

    shows: str
    """What it stands for."""
    segment: Sizes = fixed(1448)
    """Octets of TCP payload in a full segment."""
    disturbed: float = 0
    """Share of the segments that come late, or a second time."""
    repeated: float = 0
    """Share of these that come a second time."""
    delay: int = 3
    """After how many segments they come."""
    dropped: float = 0
    """Share of the packets that were not captured."""
    acknowledged: Sizes = fixed(2)
    """Segments that an acknowledgement stands for; 0: there are none."""
    sack: bool = False
    """Whether acknowledgements have blocks (RFC 2018) while a segment is late."""
    version: int = 4
    link: str = "ethernet"
    interfaces: int = 0
    """Of a pcapng; 0: it is a pcap."""
    migrations: int = 1
    others: int = 0
    """Connections that are no migration."""
    share: float = 1
    """Share of the packets that are the migrations'."""
    stream: str = "live"
    packed: str = ""
    """How the file is compressed, or "stdin": it is handed to standard input."""
    part: float = 1
    """Of the size that was asked for."""


VARIANTS = {
    "a": Variant("1448-octet segments, an acknowledgement for two"),
    "b": Variant("64-KiB segments, as on loopback", fixed(65160)),
    "c": Variant("0.5 % late or repeated", disturbed=0.005, repeated=0.5),
    "gro": Variant("super-packets of mixed size, as most hosts capture", aggregated),
    "random": Variant("segments of random size", anything, part=0.5),
    "jumbo": Variant("9000-octet frames", fixed(8948)),
    "acks": Variant("an acknowledgement for every segment", acknowledged=fixed(1)),
    "delayed": Variant("delayed acknowledgements", acknowledged=lambda chance: chance.randrange(1, 40)),
    "no acks": Variant("one direction", acknowledged=fixed(0)),
    "loss": Variant("0.5 % lost and sent again", disturbed=0.005, delay=60, sack=True),
    "reorder": Variant("0.5 % reordered", disturbed=0.005),
    "drops": Variant("0.5 % not captured", dropped=0.005),
    "ipv6": Variant("IPv6", version=6),
    "vlan": Variant("802.1Q", link="vlan"),
    "sll2": Variant("Linux cooked v2", link="sll2"),
    "vxlan": Variant("VXLAN", link="vxlan"),
    "pcapng": Variant("pcapng", interfaces=1),
    "pcapng 2": Variant("pcapng, an interface for each direction", interfaces=2),
    "pcapng 4": Variant("pcapng, four interfaces", interfaces=4),
    "two": Variant("two migrations at once", migrations=2),
    "half": Variant("half of the packets, the rest 1,000 other connections", others=1000, share=0.5),
    "tenth": Variant("a tenth of the packets, the rest 1,000 other connections", others=1000, share=0.1),
    "postcopy": Variant("postcopy, 1 page in 129 asked for", stream="postcopy"),
    "lists": Variant("lists of 1,024 pfns without pages", stream="lists", part=0.1),
    "small": Variant("records of 24 octets", stream="small", part=0.08),
    "gzip": Variant("gzip", packed="gzip", part=0.5),
    "zstd": Variant("zstd", packed="zstd", part=0.5),
    "stdin": Variant("standard input, a pipe", packed="stdin"),
}


def build_capture(path: Path, size: int, variant: str, guest: str = "hvm") -> None:
    """Write a capture of some `size` forward octets to `path`, in bounded memory."""
    made = VARIANTS[variant]
    size = int(size * made.part)
    chance = random.Random(2)
    with _opened(path, made) as file:
        sink = _Sink(file, made)
        connections = [
            _Connection(made, number, chance).packets(_pieces(made, size // made.migrations, guest))
            for number in range(made.migrations)
        ]
        packets = merge(*connections, key=attrgetter("clock")) if made.migrations > 1 else connections[0]
        for packet in _among(packets, made, chance):
            if not made.dropped or chance.random() >= made.dropped or packet.flags & SYN:
                sink.put(packet)
        sink.close()


def build_without_xen(path: Path, size: int) -> None:
    """Write a capture of some `size` octets that connections without any migration say, on a port that Wireshark knows
    no protocol for."""
    with path.open("wb") as file:
        sink = _Sink(file, VARIANTS["a"])
        said = 0
        for number, packet in enumerate(_others(20, random.Random(2), PORT)):
            if said >= size:
                break
            sink.put(packet._replace(clock=1_700_000_000_000_000 + 10 * number))
            said += len(packet.payload)
        sink.close()


def _opened(path: Path, variant: Variant) -> BinaryIO:
    if variant.packed == "gzip":
        return gzip.open(path, "wb", compresslevel=1)  # type: ignore[return-value]
    file = path.open("wb")
    return zstandard.ZstdCompressor(1).stream_writer(file) if variant.packed == "zstd" else file


def _pieces(variant: Variant, size: int, guest: str) -> Iterator[Piece]:
    make = STREAMS[variant.stream]
    return make(size, guest) if variant.stream == "live" else make(size)  # type: ignore[call-arg]


FORWARD, REVERSE = "forward", "reverse"
OPPOSITE = {FORWARD: REVERSE, REVERSE: FORWARD}
FIN, SYN, PSH, ACK = 0x01, 0x02, 0x08, 0x10
# Maximum segment size, selective acknowledgement, timestamps, window scale.
SYN_OPTIONS = bytes.fromhex("020405b4 0402 080a 0000000000000000 01 03030e")
WRITE_AT = 1 << 20  # octets gathered before a write

_TCP = struct.Struct(">HHIIHHHH")
_TIMESTAMPS = struct.Struct(">III")


class Packet(NamedTuple):
    """One TCP segment on the wire; `clock` is in microseconds since the epoch."""

    clock: int
    direction: str
    ports: tuple[int, int]
    seq: int
    ack: int
    flags: int
    options: bytes
    payload: bytes | bytearray | memoryview


# --- connections --------------------------------------------------------------------------------------------


class _Connection:
    """Both ends of one TCP connection that carries a migration."""

    def __init__(self, variant: Variant, number: int, chance: random.Random) -> None:
        self._variant = variant
        self._random = chance
        self._clock = 1_700_000_000_000_000 + number
        self._ports = {FORWARD: (40860 + number, PORT), REVERSE: (PORT, 40860 + number)}
        self._next_seq = {
            FORWARD: 0xF000_0000,
            REVERSE: 0x1000_0000,
        }  # forward, the numbers wrap after 256 MiB
        self._acked = dict(self._next_seq)
        self._unacked = 0  # segments since the last ACK
        self._until_ack = variant.acknowledged(chance)
        self._segments = 0  # of this turn
        self._late: list[tuple[int, int, bytes, bool]] = []  # goes out after this segment; seq; payload; first time
        # Twice as many pages as a record takes, so that records can start at different ones and need no copy.
        self._contents = memoryview(random.Random(1).randbytes(2 * BATCH * PAGE))
        self._out: list[Packet] = []

    def packets(self, pieces: Iterable[Piece]) -> Iterator[Packet]:
        """All of it, from the handshake to the FINs."""
        self._signal(FORWARD, SYN, SYN_OPTIONS)
        self._acked = dict(self._next_seq)
        self._signal(REVERSE, SYN | ACK, SYN_OPTIONS)
        self._acked = dict(self._next_seq)
        self._signal(FORWARD, ACK)
        for direction, turn in groupby(pieces, attrgetter("direction")):
            yield from self._send(direction, turn)
        self._signal(FORWARD, FIN | ACK)
        self._acked = dict(self._next_seq)
        self._signal(REVERSE, FIN | ACK)
        self._acked = dict(self._next_seq)
        self._signal(FORWARD, ACK)
        yield from self._taken()

    def _taken(self) -> list[Packet]:
        taken, self._out = self._out, []
        return taken

    def _send(self, direction: str, turn: Iterable[Piece]) -> Iterator[Packet]:
        """All that one side sends before it waits for the other: full segments, then one of what is left."""
        self._clock += 500
        self._segments = 0
        pending = bytearray()
        size = self._variant.segment(self._random)
        for number, piece in enumerate(turn):
            pending += piece.octets
            start = PAGE * (number * 7 % BATCH)
            pending += self._contents[start : start + PAGE * piece.pages]
            at = 0
            while at + size <= len(pending):
                self._segment(direction, bytes(pending[at : at + size]), ACK)
                at += size
                size = self._variant.segment(self._random)
            del pending[:at]
            yield from self._taken()
        if pending:
            self._segment(direction, bytes(pending), PSH | ACK)
        while self._late:
            self._send_late(direction)
        if self._unacked and self._until_ack:
            self._acknowledge(direction)
        yield from self._taken()

    def _segment(self, direction: str, payload: bytes, flags: int) -> None:
        variant = self._variant
        seq = self._next_seq[direction]
        self._next_seq[direction] = (seq + len(payload)) & 0xFFFF_FFFF
        self._segments += 1
        is_late = False
        if variant.disturbed and self._random.random() < variant.disturbed:
            is_late = self._random.random() >= variant.repeated
            self._late.append((self._segments + variant.delay, seq, payload, is_late))
        if not is_late:
            self._packet(direction, seq, flags, payload)
            self._unacked += 1
        if self._late and self._late[0][0] <= self._segments:
            self._send_late(direction)
        if self._until_ack and self._unacked >= self._until_ack:
            self._acknowledge(direction)

    def _send_late(self, direction: str) -> None:
        _, seq, payload, _ = self._late.pop(0)
        self._packet(direction, seq, ACK, payload)
        self._unacked += 1

    def _acknowledge(self, direction: str) -> None:
        missing = next(((seq, len(payload)) for _, seq, payload, first in self._late if first), None)
        seen = self._next_seq[direction]
        self._acked[direction] = seen if missing is None else missing[0]
        self._unacked, self._until_ack = 0, self._variant.acknowledged(self._random)
        options = b""
        if missing is not None and self._variant.sack:
            block = struct.pack(">HBBII", 0x0101, 5, 10, sum(missing) & 0xFFFF_FFFF, seen)
            options = self._timestamps() + block
        self._signal(OPPOSITE[direction], ACK, options)

    def _signal(self, direction: str, flags: int, options: bytes = b"") -> None:
        """A packet without payload; SYN and FIN take a sequence number each."""
        self._packet(direction, self._next_seq[direction], flags, b"", options)
        self._next_seq[direction] += bool(flags & (SYN | FIN))

    def _timestamps(self) -> bytes:
        now = self._clock // 1000 & 0xFFFF_FFFF
        return _TIMESTAMPS.pack(0x0101080A, now, now)

    def _packet(self, direction: str, seq: int, flags: int, payload: bytes, options: bytes = b"") -> None:
        self._clock += 1 + len(payload) // 1250  # 10 Gbit/s
        options = options or self._timestamps()
        ack = self._acked[OPPOSITE[direction]] if flags & ACK else 0
        ports = self._ports[direction]
        self._out.append(Packet(self._clock, direction, ports, seq, ack, flags, options, payload))


def _among(packets: Iterable[Packet], variant: Variant, chance: random.Random) -> Iterator[Packet]:
    """A migration's packets among those of other connections."""
    others = _others(variant.others, chance)
    owed = 0.0
    for packet in packets:
        yield packet
        if variant.others:
            owed += (1 - variant.share) / variant.share
            for other in islice(others, int(owed)):
                yield other._replace(clock=packet.clock)
            owed -= int(owed)


def _others(connections: int, chance: random.Random, port: int = 443) -> Iterator[Packet]:
    """Connections that go on for ever: requests of a few octets, answers of some segments, bare acknowledgements."""
    said = random.Random(2).randbytes(1 << 16)
    seq = {(number, way): chance.randrange(1 << 32) for number in range(connections) for way in OPPOSITE}
    stamps = _TIMESTAMPS.pack(0x0101080A, 1, 1)

    def packet(number: int, way: str, flags: int, size: int = 0) -> Packet:
        ports = (20000 + number, port) if way == FORWARD else (port, 20000 + number)
        at = chance.randrange(len(said) - 1448)
        made = Packet(0, way, ports, seq[number, way], seq[number, OPPOSITE[way]], flags, stamps, said[at : at + size])
        seq[number, way] = (seq[number, way] + size + bool(flags & SYN)) & 0xFFFF_FFFF
        return made

    for number in range(connections):
        yield packet(number, FORWARD, SYN)._replace(ack=0, options=SYN_OPTIONS)
        yield packet(number, REVERSE, SYN | ACK)._replace(options=SYN_OPTIONS)
        yield packet(number, FORWARD, ACK)
    while True:
        number = chance.randrange(connections)
        yield packet(number, FORWARD, PSH | ACK, chance.randrange(30, 600))
        for _ in range(chance.randrange(1, 12)):
            yield packet(number, REVERSE, ACK, 1448)
            yield packet(number, FORWARD, ACK)
        yield packet(number, REVERSE, PSH | ACK, chance.randrange(1, 1449))


# --- packets and files --------------------------------------------------------------------------------------

MACS = {FORWARD: b"\x02\0\0\0\0\2\x02\0\0\0\0\1", REVERSE: b"\x02\0\0\0\0\1\x02\0\0\0\0\2"}
ADDRESSES = {
    (FORWARD, 4): b"\x0a\0\0\1\x0a\0\0\2",
    (REVERSE, 4): b"\x0a\0\0\2\x0a\0\0\1",
    (FORWARD, 6): b"\xfd" + bytes(14) + b"\1\xfd" + bytes(14) + b"\2",
    (REVERSE, 6): b"\xfd" + bytes(14) + b"\2\xfd" + bytes(14) + b"\1",
}
ETHERTYPES = {4: b"\x08\0", 6: b"\x86\xdd"}
VXLAN_PORT = 4789


def _in_vxlan(direction: str, version: int, length: int) -> bytes:
    """Ethernet in VXLAN (RFC 7348) in UDP, between the hosts' other addresses."""
    inner = MACS[direction] + ETHERTYPES[version]
    vxlan = struct.pack(">BxxxI", 8, 5 << 8)
    udp = struct.pack(">HHHH", 50_000, VXLAN_PORT, 8 + len(vxlan) + len(inner) + length, 0)
    outer = _ipv4(17, len(udp) + len(vxlan) + len(inner) + length, ADDRESSES[direction, 4])
    return MACS[direction] + ETHERTYPES[4] + outer + udp + vxlan + inner


LINKS: dict[str, tuple[int, Callable[[str, int, int], bytes]]] = {
    "ethernet": (1, lambda direction, version, length: MACS[direction] + ETHERTYPES[version]),
    "vlan": (1, lambda direction, version, length: MACS[direction] + b"\x81\0\0\5" + ETHERTYPES[version]),
    "sll2": (276, lambda direction, version, length: ETHERTYPES[version] + bytes(18)),
    "vxlan": (1, _in_vxlan),
}
"""The link type, and what makes all that stands before a packet of `length` octets, its IP header included."""


def _ipv4(protocol: int, length: int, addresses: bytes) -> bytes:
    """A header for `length` octets; unfragmented, so the identification can be 0."""
    header = struct.pack(">BBHHHBBH8s", 0x45, 0, 20 + length, 0, 0x4000, 64, protocol, 0, addresses)
    total = sum(struct.unpack(">10H", header))
    checksum = 0xFFFF - (total % 0xFFFF or 0xFFFF)
    return header[:10] + struct.pack(">H", checksum) + header[12:]


@lru_cache(maxsize=1 << 16)
def _headers(link: str, version: int, direction: str, length: int) -> bytes:
    """Link and IP headers for `length` octets of TCP."""
    addresses = ADDRESSES[direction, version]
    before = LINKS[link][1](direction, version, length + (20 if version == 4 else 40))
    if version == 6:
        return before + struct.pack(">IHBB", 6 << 28, length, 6, 64) + addresses
    return before + _ipv4(6, length, addresses)


class _Sink:
    """The file that packets go to."""

    def __init__(self, file: BinaryIO, variant: Variant) -> None:
        self._file, self._variant = file, variant
        self._frames = count()
        link = LINKS[variant.link][0]
        self._out = bytearray(pcap_header(link))
        if variant.interfaces:
            described = interface("<", link, 0, (IF_TSRESOL, b"\6"))
            self._out = bytearray(section("<") + variant.interfaces * described)

    def put(self, packet: Packet) -> None:
        variant = self._variant
        words = (20 + len(packet.options)) // 4
        length = 4 * words + len(packet.payload)
        octets = b"".join(
            (
                _headers(variant.link, variant.version, packet.direction, length),
                # No checksum, as with offload.
                _TCP.pack(*packet.ports, packet.seq, packet.ack, words << 12 | packet.flags, 65535, 0, 0),
                packet.options,
                packet.payload,
            )
        )
        if variant.interfaces:
            # One for each direction; of four, two each in turn, as queues of a network card come.
            number = (packet.direction == REVERSE) + 2 * (next(self._frames) // 5 % 2) * (variant.interfaces > 2)
            self._out += enhanced("<", packet.clock, octets, number % variant.interfaces)
        else:
            self._out += pcap_packet(packet.clock * 1000, octets, len(octets))
        if len(self._out) >= WRITE_AT:
            self._file.write(self._out)
            self._out.clear()

    def close(self) -> None:
        self._file.write(self._out)
