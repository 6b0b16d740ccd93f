"""The entries of a pages record as runs."""

from __future__ import annotations

import sys
from array import array
from functools import lru_cache

from dissector.events import Run
from dissector.protocol import ENTRY_PFN, ENTRY_TYPE, Endianness

PAGES_HEADER_SIZE, ENTRY_SIZE = 8, 8

_PFN, _SHIFT = ENTRY_PFN.mask, ENTRY_TYPE.shift


def page_runs(body: bytes, endianness: Endianness) -> tuple[Run, ...]:
    """Runs of the 64-bit pfn entries in a body, as many as it says and holds; octets beyond the last whole one are left
    out."""
    if len(body) < PAGES_HEADER_SIZE + ENTRY_SIZE:
        return ()
    count = int.from_bytes(body[:4], endianness)
    end = PAGES_HEADER_SIZE + ENTRY_SIZE * min(count, (len(body) - PAGES_HEADER_SIZE) // ENTRY_SIZE)
    words = array("Q", body[PAGES_HEADER_SIZE:end])
    if endianness != sys.byteorder:
        words.byteswap()
    if not words:
        return ()
    if _is_one_run(words):
        return (Run(words[0] & _PFN, len(words), words[0] >> _SHIFT),)
    runs = []
    start = previous = words[0]
    for word in words[1:]:
        if word != previous + 1:
            runs.append(_run(start, previous))
            start = word
        previous = word
    runs.append(_run(start, previous))
    return tuple(runs)


def _run(start: int, last: int) -> Run:
    return Run(start & _PFN, last - start + 1, start >> _SHIFT)


ONE_NUMBER_MAX = 1 << 14
"""Entries that are compared as one number; what they are compared with is kept, so it has a bound."""


def _is_one_run(words: array[int]) -> bool:
    """Whether entries ascend by one, as nearly all do: found without a loop in Python, by comparing all of them as one
    number."""
    first, last, count = words[0], words[-1], len(words)
    if last - first != count - 1:
        return False
    if count > ONE_NUMBER_MAX:
        return words == array("Q", range(first, last + 1))
    ones, ascending = _units(count)
    return int.from_bytes(words, sys.byteorder) == first * ones + ascending


@lru_cache(maxsize=8)
def _units(count: int) -> tuple[int, int]:
    """So many words as one number, in this machine's order: of 1, and of 0, 1, 2 and so on."""
    ones, ascending = array("Q", [1]) * count, array("Q", range(count))
    return int.from_bytes(ones, sys.byteorder), int.from_bytes(ascending, sys.byteorder)
