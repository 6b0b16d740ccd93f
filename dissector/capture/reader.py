"""What pcap and pcapng readers share: one reused buffer, and the packet they hand out.

The buffer is public because two roads lead through it. `next_packet` is the ordinary one, and knows
everything. The express lane walks `buffer` itself, record header by record header, and asks `next_packet` for
whatever is not a plain packet wholly inside the buffer. The only rule between them: whoever takes a packet
moves `pos` and counts.
"""

import struct
from collections.abc import Callable
from typing import NamedTuple

from dissector.capture.files import Octets

BUFFER = 1 << 20
"""Octets read at once: enough that calls cost nothing, little enough to stay in the processor's cache."""

LARGEST_PACKET = 1 << 20
"""Octets of the largest packet believed; capturing programs stop at 256 KiB."""

LARGEST_BLOCK = 1 << 26
"""Octets of the largest pcapng block believed, and of the buffer that grew to hold it."""


class Packet(NamedTuple):
    """One captured packet."""

    frame: int
    """Number in the capture, from 1, as other tools count."""
    time_ns: int
    """Nanoseconds since 1970-01-01 00:00 UTC."""
    link: int
    """Link type of `octets`: a LINKTYPE_ number."""
    octets: memoryview
    """What was captured, from the link header on. A part of the buffer: good until the next call."""
    length: int
    """Octets the packet had on the wire: more than len(octets) when it was cut at the snap length."""


class CaptureReader:
    """Packets of a capture file, in file order. Subclasses know the file format.

    `next_packet` may do more than take one packet: `buffer`, `view`, `head` and `link` can be different ones
    afterwards, so a loop that keeps them in local variables fetches them again. `fill` may replace `buffer`
    and `view`, by larger ones, if a block does not fit.
    """

    blocks: bool = False
    """True: pcapng, every packet is in a block. False: pcap, a packet is a header and its octets."""

    head: struct.Struct
    """The header at `pos`, which the packet's octets follow.

    pcap: seconds, fraction, captured length, original length. pcapng, where an enhanced packet block starts:
    block type (6), block length, interface, time high, time low, captured length, original length.
    """

    link: int = -1
    """Link type of the packets; in pcapng that of interface 0, and -1 as long as none was described."""

    def __init__(self, source: Octets, name: str, buffer: bytearray, end: int) -> None:
        """`buffer` already holds the first `end` octets of the file."""
        self.source = source
        self.name = name
        self.buffer = buffer
        self.view = memoryview(buffer)
        self.pos = 0
        """Where in `buffer` the next record header starts."""
        self.end = end
        """How much of `buffer` is filled."""
        self.frame = 0
        """Packets taken so far, by either road."""
        self.cut = 0
        """How many of those were cut at the snap length."""
        self.first_time_ns: int | None = None
        """Time of the first packet."""
        self.last_time_ns: int | None = None
        """Time of the latest packet."""
        self.interface = 0
        """Number of the interface that captured the latest packet of next_packet; 0 in pcap."""
        self.dropped_by_capture = 0
        """Packets that the capturing program itself says it lost (pcapng statistics, or whoever started it)."""
        self.trouble: str | None = None
        """One line why the capture was not read to its end; final once next_packet has returned None."""
        self.keep: Callable[[memoryview], None] | None = None
        """Told the octets that leave the buffer, in order and each once, headers and blocks included: whole packets
        that were taken, so whoever keeps them may stop between any two calls. At the end it has all of them."""
        self._passed = 0  # octets of the file that went through the buffer and left it

    def fill(self) -> bool:
        """Move what is unread to the front of the buffer and read more behind it; False when nothing came."""
        if self.trouble:
            return False
        rest = self.end - self.pos
        if self.pos:
            if self.keep is not None:
                self.keep(self.view[: self.pos])
            self.view[:rest] = self.view[self.pos : self.end]
            self._passed += self.pos
            self.pos, self.end = 0, rest
        elif self.end == len(self.buffer):
            if self.end >= LARGEST_BLOCK:
                return False
            # A new object, because octets of the old one may still be in somebody's hands.
            self.buffer = self.buffer + bytearray(len(self.buffer))
            self.view = memoryview(self.buffer)
        count = self.source.readinto(self.view[self.end :])
        self.end += count
        return count > 0

    @property
    def octets(self) -> int:
        """Octets of the file read so far, decompressed."""
        return self._passed + self.end

    def advance(self, pos: int, frame: int, cut: int, time_ns: int) -> None:
        """The express lane took packets: where it stands now, how many packets that makes, how many it took were
        cut, the time of the last one."""
        self.pos, self.frame = pos, frame
        self.cut += cut
        self.last_time_ns = time_ns

    def next_packet(self) -> Packet | None:
        """The next packet; None at the end, and `trouble` tells if the end came too early. Never raises."""
        raise NotImplementedError

    def time_ns(self, first: int, second: int, interface: int = 0) -> int:
        """Nanoseconds since 1970 of the two time fields of a record header, and in pcapng its interface."""
        raise NotImplementedError

    def _packet(self, time_ns: int, link: int, start: int, captured: int, length: int) -> Packet:
        """Count the packet whose octets are at `start` of the buffer."""
        self.frame += 1
        if captured < length:
            self.cut += 1
        if self.first_time_ns is None:
            self.first_time_ns = time_ns
        self.last_time_ns = time_ns
        return Packet(self.frame, time_ns, link, self.view[start : start + captured], length)

    def _damaged(self, what: str) -> None:
        """Stop here for good: past a wrong length nothing can be trusted."""
        self.trouble = f"damaged {what} at octet {self._passed + self.pos}"
        self.end = self.pos

    def _ended(self) -> None:
        """No more octets; say so when that is not between two packets."""
        if not self.trouble:
            self.trouble = self.source.trouble
        if not self.trouble and self.pos < self.end:
            where = f"a block after packet {self.frame}" if self.blocks else f"packet {self.frame + 1}"
            self.trouble = f"the file ends in the middle of {where}"
