"""What a capture really holds, found the slow and plain way: every packet walked, every octet noted.

Nothing here comes from the program: it is the other opinion that the program's reassembly is held against.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from struct import unpack_from

import zstandard

SYN, FIN = 0x02, 0x01
Address = tuple[str, int]


class Coverage:
    """Disjoint pieces [start, end) in order, each with the frame that brought it first."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.frames: list[int] = []

    def add(self, start: int, end: int, frame: int) -> Iterator[tuple[int, int]]:
        """Note [start, end) as brought by `frame`; yields the parts that no earlier frame had brought."""
        at = bisect_right(self.ends, start)
        while start < end:
            if at < len(self.starts) and self.starts[at] <= start:
                start = self.ends[at]
                at += 1
            else:
                stop = min(end, self.starts[at]) if at < len(self.starts) else end
                self.starts.insert(at, start)
                self.ends.insert(at, stop)
                self.frames.insert(at, frame)
                yield start, stop
                start = stop
                at += 1

    def between(self, start: int, end: int) -> list[tuple[int, int, int]]:
        """The pieces (start, end, frame) that touch [start, end)."""
        pieces = slice(bisect_right(self.ends, start), bisect_left(self.starts, end))
        return list(zip(self.starts[pieces], self.ends[pieces], self.frames[pieces], strict=True))

    def holes(self, start: int, end: int) -> list[tuple[int, int]]:
        """What of [start, end) nothing covers, as (offset, length)."""
        found = []
        for piece_start, piece_end, _ in self.between(start, end):
            if piece_start > start:
                found.append((start, piece_start - start))
            start = piece_end
        return [*found, (start, end - start)] if start < end else found

    def has(self, start: int, end: int) -> bool:
        """Whether all of [start, end) is covered."""
        return not self.holes(start, end)

    def total(self) -> int:
        """Octets covered."""
        return sum(self.ends) - sum(self.starts)


@dataclass
class Direction:
    """The payload one side sent. Offsets count from its first payload octet, or the first that was captured.

    `octets` is as long as the stream is known to be, with zeros where `captured` has nothing; `carried` is
    what packets had on the wire, so the octets too that the snap length cut off.
    """

    octets: bytearray = field(default_factory=bytearray)
    captured: Coverage = field(default_factory=Coverage)
    carried: Coverage = field(default_factory=Coverage)
    from_the_start: bool = True

    def word(self, offset: int, form: str) -> int:
        """One number out of the octets, e.g. form "<I"."""
        return int(unpack_from(form, self.octets, offset)[0])


@dataclass
class Seen:
    """A whole capture. `flows` maps (sender, receiver) to what that sender sent; a file has no addresses.

    `times` are seconds since the epoch by frame, frame 1 first; `cut` counts packets cut at the snap length.
    """

    flows: dict[tuple[Address, Address] | None, Direction]
    times: list[float] = field(default_factory=list)
    cut: int = 0


def unpacked(path: Path) -> bytes:
    """A file's octets, decompressed if its name ends in .zst."""
    if path.suffix != ".zst":
        return path.read_bytes()
    with path.open("rb") as packed:
        return zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(packed).read()


LINK_HEADERS = {1: 14, 276: 20}
"""Octets before the IP header, by link type."""


def packets_in(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The whole packets of a little-endian pcap: the header of each, and its octets."""
    at = 24
    while at + 16 <= len(data):
        end = at + 16 + int(unpack_from("<I", data, at + 8)[0])
        if end > len(data):
            return
        yield data[at : at + 16], data[at + 16 : end]
        at = end


def look(path: Path) -> Seen:
    """Walk a little-endian pcap (what tcpdump writes here), or take a save image as one forward direction."""
    data = unpacked(path)
    if ".pcap" not in path.suffixes:
        image = Direction(bytearray(data))
        for coverage in (image.captured, image.carried):
            list(coverage.add(0, len(data), 0))
        return Seen({None: image})
    ticks = {0xA1B2C3D4: 1e6, 0xA1B23C4D: 1e9}[unpack_from("<I", data)[0]]
    (link,) = unpack_from("<I", data, 20)
    seen, segments, position = Seen({}), dict[tuple[Address, Address], list[Segment]](), 24
    for header, octets in packets_in(data):
        seconds, fraction, captured, length = unpack_from("<IIII", header)
        packet = memoryview(octets)
        position += len(header) + captured
        seen.times.append(seconds + fraction / ticks)
        seen.cut += captured < length
        segment = tcp(packet[LINK_HEADERS[link] :], len(seen.times))
        segments.setdefault((segment.source, segment.destination), []).append(segment)
    assert position == len(data), "the last packet is cut"
    seen.flows = {flow: direction(sent) for flow, sent in segments.items()}
    return seen


@dataclass(frozen=True)
class Segment:
    """One packet's TCP: `payload` as captured, `length` as carried on the wire."""

    frame: int
    source: Address
    destination: Address
    sequence: int
    flags: int
    payload: memoryview
    length: int


def tcp(packet: memoryview, frame: int) -> Segment:
    """Read an IPv4 or IPv6 packet that holds TCP, unfragmented and without extension headers."""
    if packet[0] >> 4 == 4:
        header, length = (packet[0] & 15) * 4, unpack_from(">H", packet, 2)[0]
        protocol, addresses = packet[9], (packet[12:16], packet[16:20])
    else:
        header, length = 40, unpack_from(">H", packet, 4)[0] + 40
        protocol, addresses = packet[6], (packet[8:24], packet[24:40])
    assert protocol == 6
    source, destination, sequence, _, offset, flags = unpack_from(">HHIIBB", packet, header)
    start = header + (offset >> 4) * 4
    sender, receiver = (str(ip_address(bytes(address))) for address in addresses)
    ends = (sender, source), (receiver, destination)
    return Segment(frame, *ends, sequence, flags, packet[start:length], length - start)


def place_of(segment: Segment, anchor: int) -> int:
    """The segment's distance from the anchor, a SYN taking one number, in a space that wraps."""
    distance = segment.sequence + bool(segment.flags & SYN) - anchor
    return (distance + 2**31) % 2**32 - 2**31


def direction(segments: list[Segment]) -> Direction:
    """Put one side's segments in order; where two bring the same octet, the first one counts."""
    starts = [segment.sequence + 1 for segment in segments if segment.flags & SYN]
    anchor = starts[0] if starts else segments[0].sequence

    def place(segment: Segment) -> int:
        return place_of(segment, anchor)

    loaded = [segment for segment in segments if segment.length]
    first = 0 if starts else min(map(place, loaded), default=0)
    ended = [segment for segment in segments if segment.length or segment.flags & FIN]
    result = Direction(from_the_start=bool(starts))
    result.octets = bytearray(max((place(segment) + segment.length - first for segment in ended), default=0))
    for segment in loaded:
        start = place(segment) - first
        for new, end in result.captured.add(start, start + len(segment.payload), segment.frame):
            result.octets[new:end] = segment.payload[new - start : end - start]
        list(result.carried.add(start, start + segment.length, segment.frame))
    return result
