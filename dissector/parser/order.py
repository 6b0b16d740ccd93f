"""Events of all directions in the order in which they ended on the wire.

A gap that may still be filled holds one direction back while the others go on, so its events come out of the parser
later than they were captured. All wait here until nothing older can still come, but never longer than ORDER_FRAMES
packets or WAITING_MAX events: past that one connection with an open gap no longer delays what is said of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from heapq import heappop, heappush

from dissector.events import Event

WAITING_MAX = 4096
"""Events that wait at most; past it the oldest goes on."""

ORDER_FRAMES = 4096
"""Packets of the capture that an event waits for a gap at most."""


class WireOrder:
    """Sorts events by the packet that completed them; those of one direction stay in their own order."""

    def __init__(self, emit: Callable[[Event], None], waiting: Sized) -> None:
        """`waiting`: not empty while octets wait for a gap, so that older events may still come."""
        self._emit = emit
        self._waiting = waiting
        self._is_last = False
        self._heap: list[tuple[int, int, Event]] = []
        self._count = 0

    def add(self, event: Event, frame: int) -> None:
        """An event that was complete with this packet; it goes on at once, or with a later `release`."""
        if not self._waiting and not self._heap and not self._is_last:
            self._emit(event)
            return
        self._count += 1
        heappush(self._heap, (frame, self._count, event))

    def finish(self) -> None:
        """What comes now all connections end with, one after the other: it is sorted before it goes on."""
        self._is_last = True

    @property
    def pending(self) -> bool:
        """Whether any event waits."""
        return bool(self._heap)

    def release(self, oldest: int | None, frame: int) -> None:
        """Lets go what ended before the packet that has waited longest for octets before it (None: none waits).
        `frame`: the newest packet."""
        heap = self._heap
        until = frame + 1 if oldest is None else max(oldest, frame - ORDER_FRAMES)
        while heap and (oldest is None or heap[0][0] < until or len(heap) > WAITING_MAX):
            self._emit(heappop(heap)[2])
