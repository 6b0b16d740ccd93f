"""Sets of page frame numbers."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import TypeAlias

ROW_BITS = 16
ROW = 1 << ROW_BITS

FEW = 1 << 10
"""Pfns of a row that are listed; more are bits. So a pfn costs no more than the 8 octets that it has in a record."""

ROWS_MAX = 1 << 13
"""Rows of 65,536 pfns that are kept at most: 2 TiB of guest memory, more than Xen supports for a guest. A row costs
some 200 octets beside its pfns, and 8 KiB at most: so a set never has more than 64 MiB."""

Row: TypeAlias = "array[int] | bytearray"
"""Pfns of a row in order, or its bits."""


class PfnSet:
    """A set of pfns that knows how many it has. What it costs is bounded by the entries that it was given, however
    sparse they are, and by ROWS_MAX."""

    __slots__ = ("_rows", "count", "overflow")

    def __init__(self) -> None:
        self.count = 0
        self.overflow = False
        """Whether pfns were left out because there were too many rows."""
        self._rows: dict[int, Row] = {}

    def add_run(self, first: int, count: int) -> int:
        """Adds `count` pfns from `first` on; how many were new. One that is left out counts as new: nobody
        knows."""
        known, low = self._rows.get(first >> ROW_BITS), first & ROW - 1
        if isinstance(known, bytearray) and low + count <= ROW:  # as nearly every run of a guest of any size
            new = _fill(known, low, low + count)
            self.count += new
            return new
        new = left_out = 0
        for number, low, high in parts(first, count):
            row = self._rows.get(number)
            if row is None:
                if len(self._rows) >= ROWS_MAX:
                    self.overflow = True
                    left_out += high - low
                    continue
                row = self._rows[number] = array("H")
            if isinstance(row, bytearray):
                new += _fill(row, low, high)
                continue
            begin, end = bisect_left(row, low), bisect_left(row, high)
            new += high - low - (end - begin)
            if len(row) + high - low > FEW:
                self._rows[number] = bits = _as_bits(row)
                _fill(bits, low, high)
            elif end - begin < high - low:
                row[begin:end] = array("H", range(low, high))
        self.count += new
        return new + left_out

    def forget(self) -> None:
        """Keeps how many there are, and lets go of which."""
        self._rows = {}

    def count_common(self, other: PfnSet) -> int:
        """How many are in both sets."""
        rows = other._rows
        return sum(_count_common(row, rows[number]) for number, row in self._rows.items() if number in rows)

    def __contains__(self, pfn: int) -> bool:
        return self.first_of_run(pfn, 1, present=True) is not None

    def first_of_run(self, first: int, count: int, present: bool) -> int | None:
        """The first of `count` pfns from `first` on that is in the set, or that is not."""
        for number, low, high in parts(first, count):
            found = _first(self._rows.get(number), low, high, present)
            if found is not None:
                return (number << ROW_BITS) + found
        return None


def parts(first: int, count: int) -> Iterator[tuple[int, int, int]]:
    """The rows that a run touches, each with the part that it has of it."""
    end = first + count
    while first < end:
        low = first & ROW - 1
        high = min(ROW, low + end - first)
        yield first >> ROW_BITS, low, high
        first += high - low


def _fill(bits: bytearray, low: int, high: int) -> int:
    """Sets the bits from `low` up to `high`; how many were not set."""
    begin, end = low >> 3, high + 7 >> 3
    known = int.from_bytes(bits[begin:end], "little")
    mask = (1 << high - low) - 1 << (low & 7)
    new = mask & ~known
    if new:
        bits[begin:end] = (known | mask).to_bytes(end - begin, "little")
    return new.bit_count()


def _as_bits(row: array[int]) -> bytearray:
    bits = bytearray(ROW >> 3)
    for pfn in row:
        bits[pfn >> 3] |= 1 << (pfn & 7)
    return bits


def _count_common(one: Row, other: Row) -> int:
    if isinstance(one, bytearray) and isinstance(other, bytearray):
        return (int.from_bytes(one, "little") & int.from_bytes(other, "little")).bit_count()
    if isinstance(one, bytearray):
        one, other = other, one
    if isinstance(other, bytearray):
        return sum(other[pfn >> 3] >> (pfn & 7) & 1 for pfn in one)
    return len(set(one).intersection(other))


def _first(row: Row | None, low: int, high: int, present: bool) -> int | None:
    """The first from `low` up to `high` that a row has, or has not."""
    if row is None:
        return None if present else low
    if isinstance(row, bytearray):
        begin = low >> 3
        known = int.from_bytes(row[begin : high + 7 >> 3], "little")
        found = ((1 << high - low) - 1 << (low & 7)) & (known if present else ~known)
        return (begin << 3) + (found & -found).bit_length() - 1 if found else None
    at = bisect_left(row, low)
    if present:
        return row[at] if at < len(row) and row[at] < high else None
    while at < len(row) and row[at] == low < high:
        at, low = at + 1, low + 1
    return low if low < high else None
