"""How numbers are spread, in little memory: counts by magnitude, a quarter of an octave each."""

from __future__ import annotations

FINE = 2
"""Bits behind the first one by which numbers are told apart: a quantile is exact to an eighth."""


class Sketch:
    """Of whole numbers from 0."""

    __slots__ = ("_counts", "largest", "least")

    def __init__(self) -> None:
        self.least: int | None = None
        """None: there are no numbers yet."""
        self.largest = 0
        self._counts: dict[int, int] = {}

    def add(self, value: int, weight: int = 1) -> None:
        """One more number, which counts `weight` times."""
        self.least = value if self.least is None else min(self.least, value)
        self.largest = max(self.largest, value)
        coarse = max(0, value.bit_length() - FINE - 1)
        kind = coarse << (FINE + 1) | value >> coarse
        self._counts[kind] = self._counts.get(kind, 0) + weight

    def quantile(self, percent: int) -> int | None:
        """The number that so many percent do not exceed, by its weight; None where there are none."""
        if self.least is None:
            return None
        wanted = -(-sum(self._counts.values()) * percent // 100)
        for kind in sorted(self._counts):
            wanted -= self._counts[kind]
            if wanted <= 0:
                break
        coarse, value = kind >> (FINE + 1), kind & ((1 << (FINE + 1)) - 1)
        middle = (value << coarse) + ((1 << coarse) >> 1)
        return min(max(middle, self.least), self.largest)

    @property
    def middle_and_most(self) -> tuple[int, int] | None:
        """The middle one, nearly, and the largest; None where there are none."""
        middle = self.quantile(50)
        return None if middle is None else (middle, self.largest)
