"""Sets of page frame numbers, in bits."""

from __future__ import annotations

ROW_BITS = 12
ROW = 1 << ROW_BITS
FULL = (1 << ROW) - 1

ROWS_MAX = 1 << 18
"""Rows of 4,096 pfns that are kept at most: 4 TiB of guest memory, about 150 MB where every row is mixed."""


class PfnSet:
    """A set of pfns that knows how many it has. Rows of bits are Python integers, made when first needed, so
    a guest costs an eighth of an octet a page and a sparse one no more than the rows it touches."""

    def __init__(self) -> None:
        self.count = 0
        self.overflow = False
        """Whether pfns were left out because there were too many rows."""
        self._rows: dict[int, int] = {}

    def add_run(self, first: int, count: int) -> int:
        """Adds `count` pfns from `first` on; how many were new. One that is left out counts as new: nobody
        knows."""
        rows, before, left_out = self._rows, self.count, 0
        for row, mask in _masks(first, count):
            known = rows.get(row, 0)
            if not known and len(rows) >= ROWS_MAX:
                self.overflow = True
                left_out += mask.bit_count()
                continue
            new = mask & ~known
            if new:
                rows[row] = known | mask
                self.count += new.bit_count()
        return self.count - before + left_out

    def count_common(self, other: PfnSet) -> int:
        """How many are in both sets."""
        rows = other._rows
        return sum((bits & rows.get(row, 0)).bit_count() for row, bits in self._rows.items())

    def __contains__(self, pfn: int) -> bool:
        return bool(self._rows.get(pfn >> ROW_BITS, 0) >> (pfn & ROW - 1) & 1)

    def first_of_run(self, first: int, count: int, present: bool) -> int | None:
        """The first of `count` pfns from `first` on that is in the set, or that is not."""
        for row, mask in _masks(first, count):
            known = self._rows.get(row, 0)
            found = mask & (known if present else ~known)
            if found:
                return (row << ROW_BITS) + (found & -found).bit_length() - 1
        return None


def _masks(first: int, count: int) -> list[tuple[int, int]]:
    """The rows that a run touches, each with the bits it has there."""
    if (first & ROW - 1) + count < ROW:  # as nearly all do
        return [(first >> ROW_BITS, ((1 << count) - 1) << (first & ROW - 1))]
    masks = []
    end = first + count
    while first < end:
        row, low = first >> ROW_BITS, first & ROW - 1
        size = min(ROW - low, end - first)
        masks.append((row, FULL if size == ROW else ((1 << size) - 1) << low))
        first += size
    return masks
