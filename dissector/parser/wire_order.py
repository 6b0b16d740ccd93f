"""Events of all directions in the order in which they ended on the wire.

A gap that may still be filled holds one direction back while the others go on, so its events come out of the parser
later than they were captured. All wait here until nothing older can still come, but never longer than ORDER_FRAMES
packets or WAITING_MAX events with OCTETS_MAX octets of bodies, nor in a live capture longer than from one `settle` to
the next but one: past that one connection with an open gap no longer delays what is said of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from heapq import heappop, heappush

from dissector.events import Event, Record

WAITING_MAX = 4096
"""Events that wait at most; past it the oldest goes on."""

OCTETS_MAX = 1 << 24
"""Octets of their bodies that are held at most."""

ORDER_FRAMES = 4096
"""Packets of the capture that an event waits for a gap at most."""


class WireOrder:
    """Sorts events by the packet that completed them; those of one direction stay in their own order."""

    def __init__(self, emit: Callable[[Event], None], waiting: Sized) -> None:
        """`waiting`: not empty while octets wait for a gap, so that older events may still come."""
        self._emit = emit
        self._waiting = waiting
        self._is_last = False
        self._octets = 0
        self._newest = self._settled = 0
        self._heap: list[tuple[int, int, Event]] = []
        self._count = 0

    def add(self, event: Event, frame: int) -> None:
        """An event that was complete with this packet; it goes on at once, or with a later `release`."""
        if not self._waiting and not self._heap and not self._is_last:
            self._emit(event)
            return
        self._count += 1
        self._octets += _size(event)
        self._newest = max(self._newest, frame)
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
        until = frame + 1 if oldest is None else max(oldest, frame - ORDER_FRAMES)
        self._release(until, everything=oldest is None)

    def settle(self) -> None:
        """Time passes, in a live capture: lets go what has waited since the last call, whatever it waits for."""
        until, self._settled = self._settled, self._newest + 1
        self._release(until, everything=False)

    def _release(self, until: int, everything: bool) -> None:
        heap = self._heap
        while heap and (everything or heap[0][0] < until or len(heap) > WAITING_MAX or self._octets > OCTETS_MAX):
            _, _, event = heappop(heap)
            self._octets -= _size(event)
            self._emit(event)


def _size(event: Event) -> int:
    return len(event.body) if isinstance(event, Record) else 0
