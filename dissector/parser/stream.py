"""A cursor over one direction's octets: a parser asks for what it wants next, the stream waits until it is there.

A parser is a generator that yields how many octets it wants to see in `buffer`. Inside the octets it passes
over, nothing is kept. Where octets were lost it is told by an exception at the place where it waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from dissector.tcp.half_connection import FOREVER, Octets, Transport

Parser = Generator[int, None, None]


class Place(NamedTuple):
    """Where in the capture: packet number (from 1; 0 where the input is no capture) and time (ns since the epoch)."""

    frame: int
    time: int


NOWHERE = Place(0, 0)


class Lost(Exception):
    """The octets the parser waits for were not all captured. `resume` is the offset of the next one that was."""

    def __init__(self, resume: int) -> None:
        self.resume = resume


class Ended(Exception):
    """No octet follows. `reason` is that of `Consumer.finish`."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


@dataclass(slots=True)
class Gap:
    """Octets the capture lost, and the record in which the gap begins."""

    offset: int
    length: int
    record: str | None


class Bare:
    """What stands behind octets that no TCP connection carried."""

    acked = retransmitted = conflicts = 0

    def take_silence(self) -> int:
        return 0


class Stream:
    """The `Consumer` of a `HalfConnection`."""

    def __init__(self) -> None:
        self.offset = 0
        """Offset of the first octet in `buffer`, or of the next one to pass over."""
        self.buffer = bytearray()
        self.skip = 0
        self.high = NOWHERE
        """The newest place of any octet taken since `begin`."""
        self.damaged = False
        """Whether any octet since `begin` was lost or cut off."""
        self.record: str | None = None
        """Name of the record at hand."""
        self.gaps: list[Gap] = []
        self.torn = False
        """Whether any octet of the direction was cut off at the snap length."""
        self.closed: tuple[str, int, int] | None = None
        self.transport: Transport = Bare()
        self.late = False
        """Whether the direction's beginning was not captured."""
        self.ended: str | None = None
        self._marks: deque[tuple[int, Place]] = deque()
        self._wanted = 0
        self._parser: Parser | None = None

    @property
    def seen(self) -> int:
        """Octets of the direction that were on the captured wire so far, each counted once."""
        return self.offset + len(self.buffer) - sum(gap.length for gap in self.gaps)

    @property
    def acked(self) -> int:
        return self.transport.acked

    @property
    def retransmitted(self) -> int:
        return self.transport.retransmitted

    @property
    def conflicts(self) -> int:
        return self.transport.conflicts

    def parse(self, parser: Parser) -> None:
        """The parser that reads it."""
        self._parser = parser
        self._run()

    # What the parser calls

    @property
    def place(self) -> Place:
        """Where the first octet in `buffer` was captured."""
        return self._marks[0][1] if self._marks else self.high

    def begin(self, record: str | None) -> Place:
        """A record begins at the first octet in `buffer`; where that was captured."""
        self.record, self.damaged = record, False
        self.high = self.place
        return self.high

    def take(self, length: int) -> bytes:
        """Consumes octets that are in `buffer`."""
        octets = bytes(memoryview(self.buffer)[:length])
        self._consume(length)
        return octets

    def leave(self, length: int) -> None:
        """Passes over the next octets, whether they are there yet or not."""
        here = min(length, len(self.buffer))
        self._consume(here)
        self.skip = length - here

    def jump(self, offset: int) -> None:
        """Goes on at a later offset, after `Lost`."""
        self.buffer.clear()
        self._marks.clear()
        self.skip = 0
        self.offset = offset

    def drop(self) -> None:
        """Forgets what is in `buffer`, for a parser that is about to look for something else."""
        if self._parser is not None:
            self.jump(self.offset + len(self.buffer))
            self._wanted = 1

    def _consume(self, length: int) -> None:
        del self.buffer[:length]
        self.offset += length
        marks = self._marks
        while marks and marks[0][0] < self.offset:
            self.high = max(self.high, marks[0][1])
            if len(marks) > 1 and marks[1][0] <= self.offset:
                marks.popleft()
            else:
                marks[0] = (self.offset, marks[0][1])
        if not self.buffer:
            marks.clear()

    # What the half-connection calls

    def attach(self, transport: Transport) -> None:
        self.transport = transport

    def start(self, late: bool) -> None:
        self.late = late

    def feed(self, octets: Octets, length: int, whole: bool, frame: int, time: int) -> None:
        place = Place(frame, time)
        if self.skip:
            passed = min(self.skip, length)
            self.skip -= passed
            self.offset += passed
            self.high = max(self.high, place)
            if len(octets) < passed and not whole:
                self.damaged = self.torn = True
            if self.skip:
                return
            length -= passed
            octets = octets[passed:]
            self._run()
            if not length:
                return
            if self.skip:
                self.feed(octets, length, whole, frame, time)
                return
        self._marks.append((self.offset + len(self.buffer), place))
        self.buffer += octets
        if len(self.buffer) >= self._wanted:
            self._run()
        missing = length - len(octets)
        if missing:
            self.torn = True
            self._hole(missing)

    def pass_over(self, length: int, whole: bool, frame: int, time: int) -> None:
        self.skip -= length
        self.offset += length
        self.high = max(self.high, Place(frame, time))
        if not whole:
            self.damaged = self.torn = True

    def lose(self, length: int) -> None:
        if self.skip < FOREVER >> 1:
            self.gaps.append(Gap(self.offset + len(self.buffer), length, self.record))
        self._hole(length)

    def close(self, how: Literal["fin", "rst"], frame: int, time: int) -> None:
        self.closed = (how, frame, time)

    def finish(self, reason: str) -> None:
        self.ended = reason
        self._throw(Ended(reason))

    def _hole(self, length: int) -> None:
        """The next octets are missing. The parser may hear of it more than once: what it makes of the octets
        before the hole can begin another record that the hole is in."""
        resume = self.offset + len(self.buffer) + length
        while (missing := resume - self.offset - len(self.buffer)) > 0:
            self.damaged = True
            if missing > self.skip:
                self._throw(Lost(resume))
            else:
                self.skip -= missing
                self.offset += missing
                self._run()

    def _run(self) -> None:
        """Lets the parser go on while what it wants is there."""
        while self._parser is not None and not self.skip and len(self.buffer) >= self._wanted:
            try:
                self._wanted = next(self._parser)
            except StopIteration:
                self._stop()

    def _throw(self, event: Lost | Ended) -> None:
        if self._parser is None:
            return
        try:
            self._wanted = self._parser.throw(event)
        except (StopIteration, Lost, Ended):
            self._stop()
        else:
            self._run()

    def _stop(self) -> None:
        """The parser wants nothing more: the rest of the direction is ignored."""
        self._parser = None
        self.offset += len(self.buffer)  # a header that was cut short was seen as well
        self.buffer.clear()
        self._marks.clear()
        self.skip = FOREVER
