"""A cursor over one direction's octets: what is in sight, what is passed over, and where it was captured."""

from __future__ import annotations

from collections import deque

from dissector.events import NOWHERE, Position

NO_MARKS: deque[tuple[int, Position]] = deque()
"""Of a direction that has carried nothing: most connections of a port scan never do."""


class Cursor:
    """The octets of a direction from `offset` on, as far as somebody wants to see them.

    Invariant: offset + len(buffer) is the offset of the next octet to come, less `skip`, which is 0 while anything is
    in `buffer`."""

    __slots__ = ("_marks", "buffer", "damaged", "newest", "note_spans", "offset", "skip", "spans", "wanted")

    def __init__(self, note_spans: bool = False) -> None:
        self.offset = 0
        """Of the first octet in `buffer`, or of the next one to pass over."""
        self.buffer = bytearray()
        self.skip = 0
        """How many of the next octets nobody needs."""
        self.wanted = 0
        """How many octets have to be in `buffer` before anything can be done with them."""
        self.newest = NOWHERE
        """The newest position of any octet taken since it was last set."""
        self.damaged = False
        """Whether octets were lost or cut off since it was last set to False."""
        self.note_spans = note_spans
        self.spans: list[tuple[int, int]] = []
        """Offsets from and to which octets were passed over, if they are to be noted; whoever needs them drops them."""
        self._marks: deque[tuple[int, Position]] = NO_MARKS
        """From which offset on the octets in `buffer` were captured where."""

    def has(self, length: int) -> bool:
        """Whether this many octets are in the buffer; if not, they are `wanted`."""
        if len(self.buffer) >= length:
            return True
        self.wanted = length
        return False

    def take(self, length: int) -> bytes:
        """Consumes octets that are in `buffer`."""
        octets = bytes(memoryview(self.buffer)[:length])
        self.consume(length)
        return octets

    def leave(self, length: int) -> None:
        """Passes over the next octets, whether they are there yet or not."""
        if self.note_spans and length:
            self.spans.append((self.offset, self.offset + length))
        here = min(length, len(self.buffer))
        self.consume(here)
        self.skip = length - here

    def append(self, octets: bytes | memoryview, position: Position) -> None:
        """More octets are in sight."""
        if self._marks is NO_MARKS:
            self._marks = deque()
        self._marks.append((self.offset + len(self.buffer), position))
        self.buffer += octets

    def pass_by(self, length: int, position: Position) -> None:
        """Octets inside `skip` went by."""
        self.skip -= length
        self.offset += length
        if position > self.newest:
            self.newest = position

    def consume(self, length: int) -> None:
        """Forgets the first octets in `buffer`."""
        del self.buffer[:length]
        self.offset += length
        marks = self._marks
        while marks and marks[0][0] < self.offset:
            if marks[0][1] > self.newest:
                self.newest = marks[0][1]
            if len(marks) > 1 and marks[1][0] <= self.offset:
                marks.popleft()
            else:
                marks[0] = (self.offset, marks[0][1])
        if not self.buffer:
            marks.clear()

    def jump(self, offset: int) -> None:
        """Goes on at this offset or a later one, without what was in sight."""
        if offset > self.offset or not self.buffer:
            self.clear()
            self.skip = 0
            self.offset = offset

    def clear(self) -> None:
        """Forgets what is in sight; the offset stays."""
        self.buffer.clear()
        self._marks.clear()

    @property
    def end(self) -> int:
        """The offset after what is in sight."""
        return self.offset + len(self.buffer)

    def position(self) -> Position:
        """Where the first octet in `buffer` was captured."""
        return self._marks[0][1] if self._marks else self.newest

    @property
    def last_time(self) -> int:
        """When the newest octet was captured, ns since the epoch."""
        return self._marks[-1][1].time if self._marks else self.newest.time
