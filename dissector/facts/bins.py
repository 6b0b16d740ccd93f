"""Counts over time in a fixed number of bins, whose width doubles as the time grows: so memory stays the same however
long it goes on."""

from __future__ import annotations

from array import array
from collections.abc import Hashable
from operator import add
from typing import Generic, TypeVar

FINEST = 1_000_000
"""Width of a bin to begin with, ns."""

Key = TypeVar("Key", bound=Hashable)


class TimeBins(Generic[Key]):
    """Several rows of counts on one axis of time. A time before the first one counts as the first."""

    def __init__(self, most: int) -> None:
        """`most`: bins of a row, an even number."""
        self.most = most
        self.width = FINEST
        """ns; bins begin at its multiples."""
        self.start: int | None = None
        """When the first bin begins, ns since the epoch; None as long as nothing was counted."""
        self.used = 0
        """How many bins there are up to the last one that has any count."""
        self.rows: dict[Key, array[int]] = {}

    def add(self, key: Key, time: int, count: int) -> None:
        """Counts `count` more of `key` at a time (ns since the epoch)."""
        at = self._index(time)
        row = self.rows.get(key)
        if row is None:
            row = self.rows[key] = array("q", bytes(8 * self.most))
        row[at] += count

    def take_back(self, key: Key, count: int) -> None:
        """Counts `count` less of `key`, the newest first: they turned out to be something else."""
        row = self.rows[key]
        for at in range(self.used - 1, -1, -1):
            taken = min(count, row[at])
            row[at] -= taken
            count -= taken
            if not count:
                return

    def merge(self, into: Key, key: Key) -> None:
        """Counts what is under `key` as `into`."""
        row, other = self.rows.pop(key), self.rows.get(into)
        self.rows[into] = row if other is None else array("q", map(add, row, other))

    def _index(self, time: int) -> int:
        if self.start is None:
            self.start = time - time % self.width
        at = max(0, (time - self.start) // self.width)
        while at >= self.most:
            self._double()
            at = (time - self.start) // self.width
        self.used = max(self.used, at + 1)
        return at

    def _double(self) -> None:
        assert self.start is not None
        self.width *= 2
        is_odd = bool(self.start % self.width)  # the first bin becomes the second half of one
        self.start -= self.start % self.width
        self.used = (self.used + is_odd + 1) // 2
        for key, row in self.rows.items():
            padded = array("q", [0]) + row + array("q", [0]) if is_odd else row
            folded = array("q", map(add, padded[0::2], padded[1::2]))
            self.rows[key] = (folded + array("q", bytes(8 * self.most)))[: self.most]
