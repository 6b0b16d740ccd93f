"""What pcap and pcapng readers share: one reused buffer, and the packet they hand out.

The buffer is public because packets are taken out of it in two ways. `next_packet` knows everything. The fast path
(tcp/core.py) walks `buffer` itself, record header by record header, and leaves whatever is not a plain packet wholly
inside the buffer to `next_packet`. The only rule between them: whoever takes a packet moves `pos` and counts.

Invariants. `buffer[pos:end]` is what was read and not taken. No octet of a file raises anything here: what makes no
sense is `trouble`, and a time that does not fit is none. Limits: LARGEST_PACKET, LARGEST_BLOCK, LATEST.
"""

from __future__ import annotations

import math
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


PAGE = 4096
"""Octets of a page of memory."""

ALIGNED = PAGE - 16
"""Where in a buffer of this size a page begins, as glibc allocates it: reads that begin there are copied faster."""

LATEST = 1 << 62
"""Nanoseconds since the epoch, or before it, that are believed: 146 years. The difference of two such times fits into
64 bits. What is beyond is a clock that nobody has, or a flipped bit, and counts as no time."""

NANOSECONDS = 1_000_000_000


class Interface:
    """What packets were captured on: how they begin, and how their times are to be read."""

    def __init__(self, link: int, snap: int = 0) -> None:
        self.link = link
        """Link type: a LINKTYPE_ number."""
        self.snap = snap or LARGEST_PACKET  # 0: nothing is cut
        self.offset_ns = 0
        self.dropped = 0
        self.set_resolution(6)

    def set_resolution(self, value: int) -> None:
        """`value` is pcapng's if_tsresol: a negative power, of 2 if the top bit is set, else of 10 (section 4.2)."""
        ticks: int = 2 ** (value & 0x7F) if value & 0x80 else 10**value
        common = math.gcd(ticks, NANOSECONDS)
        self.multiply, self.divide = NANOSECONDS // common, ticks // common
        """Nanoseconds of so many ticks, and the ticks."""
        self._bound()

    def set_offset(self, seconds: int) -> None:
        """Times count from so many seconds after the epoch."""
        self.offset_ns = seconds * NANOSECONDS
        self._bound()

    def time_ns(self, ticks: int) -> int | None:
        """None: that is no time."""
        time = ticks * self.multiply // self.divide + self.offset_ns
        return time if -LATEST <= time <= LATEST else None

    def _bound(self) -> None:
        bound = (LATEST - self.offset_ns) // self.multiply
        plain = self.divide == 1 and abs(self.offset_ns) < LATEST
        self.most_high = min(bound >> 32, 1 << 31) - 1 if plain else -1
        """With this number in the high half of its 64 bits any time is believed, and 64 bits do to calculate it; -1:
        with none."""


class Packet(NamedTuple):
    """One captured packet."""

    frame: int
    """Number in the capture, from 1, as other tools count."""
    time_ns: int
    """Nanoseconds since 1970-01-01 00:00 UTC. Of a packet without a time that of the one before; 0 if none had one."""
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

    joined: tuple[str, ...] = ()
    """The files it was read from so far, if it is read from several."""

    rest: tuple[str, ...] = ()
    """Those of them that did not go on where the ones before ended, and were not read."""

    words_rest: str | None = None
    """In one line, that there are such files."""

    head: struct.Struct
    """The header at `pos`, which the packet's octets follow.

    pcap: seconds, fraction, captured length, original length. pcapng, where an enhanced packet block starts:
    block type (6), block length, interface, time high, time low, captured length, original length.
    """

    is_big_endian: bool
    """How the numbers of `head` stand in the file."""

    def __init__(self, source: Octets, name: str, buffer: bytearray, end: int) -> None:
        """`buffer` already holds the first `end` octets of the file."""
        self.source = source
        self.name = name
        self.buffer = buffer
        self.view = memoryview(buffer)
        self.interfaces: list[Interface] = []
        """What the packets were captured on, by number. Another list once the numbers mean something else."""
        self.pos = 0
        """Where in `buffer` the next record header starts."""
        self.end = end
        """How much of `buffer` is filled."""
        self.frame = 0
        """Packets taken so far."""
        self.cut = 0
        """How many of those were cut at the snap length."""
        self.first_time_ns: int | None = None
        """Time of the first packet that has one."""
        self.last_time_ns: int | None = None
        """Time of the latest packet that has one."""
        self.untimed = 0
        """Packets without a time that can be believed."""
        self.dropped_by_capture = 0
        """Packets that the capturing program itself says it lost (pcapng statistics, or whoever started it)."""
        self.has_secrets = False
        """Whether keys of encrypted connections were in it, as far as it was read."""
        self.trouble: str | None = None
        """One line why the capture was not read to its end; final once next_packet has returned None."""
        self.keep: Callable[[memoryview], None] | None = None
        """Told the octets that leave the buffer, in order and each once, headers and blocks included: whole packets
        that were taken, so whoever keeps them may stop between any two calls. At the end it has all of them."""
        self._kept = 0  # what of `buffer` is before this was told to `keep`, or is not of the file
        self._passed = 0  # octets of the file before `buffer`

    def fill(self) -> bool:
        """Move what is unread to the front of the buffer and read more behind it; False when nothing came."""
        if self.trouble:
            return False
        if self.pos > self._kept:
            if self.keep is not None:
                self.keep(self.view[self._kept : self.pos])
            self._move()
        elif self.end == len(self.buffer):
            if self.end >= LARGEST_BLOCK:
                return False
            # A new object, because octets of the old one may still be in somebody's hands.
            self.buffer = self.buffer + bytearray(len(self.buffer))
            self.view = memoryview(self.buffer)
        count = self.source.readinto(self.view[self.end :])
        self.end += count
        return count > 0

    def _move(self) -> None:
        """Moves what is unread to the front: so that what is read behind it begins where a page of memory does."""
        rest = self.end - self.pos
        start = (ALIGNED - rest) % PAGE if len(self.buffer) >= 4 * PAGE + rest else 0
        self.view[start : start + rest] = self.view[self.pos : self.end]
        self._passed += self.pos - start
        self.pos, self.end, self._kept = start, start + rest, start

    @property
    def left(self) -> int:
        """Octets behind the buffer that are there and may be leapt over: of a plain file, if nobody keeps them."""
        return 0 if self.blocks or self.keep is not None or self.trouble else self.source.left

    def leap(self, pos: int) -> tuple[int, int]:
        """The fast path took a packet which ends at `pos`, at most `left` octets behind the buffer: goes on there,
        reading no more than is needed to see what comes. Where the next record header starts, and where the buffer
        ends."""
        self.source.skip(pos - self.end)
        self._passed += pos
        self.pos = self._kept = 0
        self.end = self.source.readinto(self.view[:PAGE])
        return self.pos, self.end

    @property
    def octets(self) -> int:
        """Octets of the file read so far, decompressed."""
        return self._passed + self.end

    def advance(self, pos: int, frame: int, cut: int, time_ns: int) -> None:
        """The fast path took packets: where it stands now, how many packets that makes, how many it took were cut, the
        time of the last one."""
        self.pos, self.frame = pos, frame
        self.cut += cut
        self.last_time_ns = time_ns

    def go_on_from(self, other: CaptureReader) -> None:
        """Counts on where another one stopped; before the first packet."""
        self.frame, self.cut, self.untimed = other.frame, other.cut, other.untimed
        self.last_time_ns = other.last_time_ns
        self.dropped_by_capture, self.has_secrets = other.dropped_by_capture, other.has_secrets

    def next_packet(self) -> Packet | None:
        """The next packet; None at the end, and `trouble` tells if the end came too early. Never raises."""
        raise NotImplementedError

    def _packet(self, time_ns: int | None, link: int, start: int, captured: int, length: int) -> Packet:
        """Count the packet whose octets are at `start` of the buffer."""
        self.frame += 1
        if captured < length:
            self.cut += 1
        if time_ns is None:
            self.untimed += 1
            time_ns = self.last_time_ns or 0
        else:
            self.last_time_ns = time_ns
            if self.first_time_ns is None:
                self.first_time_ns = time_ns
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
