"""Records of both directions in the order in which they ended on the wire.

A gap that may still be filled holds one direction back while the other goes on, so records come out of framing
later than they were captured. They wait here until nothing older can still come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop, heappush

from dissector.parser.records import Record

WAITING_MAX = 4096
"""Records that wait at most; past it the oldest goes on."""


class WireOrder:
    """Sorts records by the packet that completed them; records of one direction stay in stream order."""

    def __init__(self, emit: Callable[[Record], None]) -> None:
        self._emit = emit
        self._heap: list[tuple[int, int, Record]] = []
        self._count = 0
        self._reached: dict[tuple[int, str], int] = {}

    def add(self, record: Record) -> None:
        """A record; it goes on with the next `release`."""
        # What comes after a record in its stream was complete no earlier than it.
        stream = (id(record.channel), record.direction)
        frame = self._reached[stream] = max(self._reached.get(stream, 0), record.last.frame)
        self._count += 1
        heappush(self._heap, (frame, self._count, record))

    @property
    def pending(self) -> bool:
        """Whether any record waits."""
        return bool(self._heap)

    def release(self, waiting: Iterable[int]) -> None:
        """Lets go what ended before every packet that waits for octets before it (their numbers)."""
        heap = self._heap
        oldest = min(waiting, default=None)
        while heap and (oldest is None or heap[0][0] < oldest or len(heap) > WAITING_MAX):
            self._emit(heappop(heap)[2])
