"""How often, and when, precopy went over the guest's memory, and whether it gained on what the guest wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dissector.events import Record
from dissector.facts.roles import role_of
from dissector.protocol import UNBACKED, Role
from dissector.units import NS

BATCH = 1024
"""Pfns in a PAGE_DATA that the sender did not have to send early (MAX_BATCH_SIZE in xg_sr_common.h): at the end of each
pass it sends what it has collected (send_dirty_pages() in xg_sr_save.c)."""


@dataclass(slots=True)
class Iteration:
    """One pass of precopy over the guest's memory; times in ns since the epoch."""

    index: int
    start_time: int
    end_time: int
    verify: bool = False
    """Whether it sends pages again for the destination to compare (after VERIFY)."""
    entries: int = 0
    data_pages: int = 0
    octets: int = 0
    """Of its records."""
    highest: int = -1
    """The highest pfn so far."""
    is_over: bool = False
    """Whether its last record was one that the sender did not fill."""

    @property
    def duration(self) -> int:
        """ns; 0 where it is not known, or too short to be measured."""
        return max(0, self.end_time - self.start_time)


class Iterations:
    """The passes of a migration: a new one begins where the pfns start again from below, after VERIFY, and behind a
    record that was not filled.

    A record is full that has BATCH pfns, or as many as the longest one before it if no longer one was ever seen: not
    every sender collects as many. Where the beginning was not captured, BATCH alone counts."""

    def __init__(self) -> None:
        self.all: list[Iteration] = []
        self._verifying = False
        self._full = 0

    def add(self, record: Record, is_late: bool = False) -> None:
        """The next whole record of its right direction. `is_late`: whether earlier ones were not captured."""
        role = role_of(record)
        if role is Role.VERIFY:
            self._verifying = True
        elif role is Role.MEMORY and record.runs:
            self._add_pages(record, is_late)

    def _add_pages(self, record: Record, is_late: bool) -> None:
        iteration = self._of(record)
        iteration.end_time = record.last.time
        iteration.octets += record.length
        for first, length, type in record.runs:
            iteration.entries += length
            iteration.data_pages += 0 if type in UNBACKED else length
            iteration.highest = max(iteration.highest, first + length - 1)
        listed = max(record.count, sum(length for _, length, _ in record.runs))
        self._full = min(BATCH, max(self._full, BATCH if is_late else listed))
        iteration.is_over = listed < self._full

    def _of(self, record: Record) -> Iteration:
        """The iteration that a record belongs to."""
        last = self.all[-1] if self.all else None
        begins = last is None or last.is_over or record.runs[0].first <= last.highest
        if last is None or begins or last.verify != self._verifying:
            last = Iteration(len(self.all), record.first.time, record.last.time, self._verifying)
            self.all.append(last)
        return last


def dirty_rate(iteration: Iteration, following: Iteration | None) -> float | None:
    """Pages a second that the guest wrote to while an iteration went on: those that the next one lists."""
    if following is None or following.verify or iteration.verify:
        return None
    took = following.start_time - iteration.start_time
    return following.entries * NS / took if took > 0 else None


class Convergence(NamedTuple):
    """Whether precopy gained on what the guest wrote, over the later half of its iterations."""

    converging: bool
    dirty_pages_per_second: float
    sent_pages_per_second: float


def convergence(iterations: Sequence[Iteration]) -> Convergence | None:
    """None where there is nothing to compare: fewer than two iterations, or no times.

    An iteration sends what was written to during the one before. So precopy gains if fewer pages are written to than
    are sent in the same time."""
    passes = [one for one in iterations if not one.verify]
    if len(passes) < 2:
        return None
    later = passes[(len(passes) - 1) // 2 :]
    took = later[-1].start_time - later[0].start_time
    sending = sum(one.duration for one in later[:-1])
    if took <= 0 or sending <= 0:
        return None
    dirty = sum(one.entries for one in later[1:])
    sent = sum(one.data_pages for one in later[:-1])
    rates = dirty * NS / took, sent * NS / sending
    return Convergence(rates[0] < rates[1], *rates)


NEARLY = 1.1
"""What remains after an iteration is as little as ever if it is no more than so many times the least."""


def outstanding(iterations: Sequence[Iteration], postcopy: int | None) -> list[int | None]:
    """For each iteration the pages that were still to be sent when it ended, had the guest been stopped (or switched to
    postcopy) then: what the next one lists. `postcopy`: pages that were left to the postcopy phase; None without one.
    None of the last iteration otherwise, and of those that compare."""
    if not iterations:
        return []
    lists = [None if one.verify else one.entries for one in iterations[1:]] + [postcopy]
    return [None if one.verify else left for one, left in zip(iterations, lists, strict=True)]


def best_stop(iterations: Sequence[Iteration], left: Sequence[int | None]) -> int | None:
    """The index of the iteration after which it was best to stop: the first that left nearly as few pages as any, since
    whatever came after it cost time and octets and gained nothing. None where fewer than two can be compared."""
    known = [(one.index, pages) for one, pages in zip(iterations, left, strict=True) if pages is not None]
    if len(known) < 2:
        return None
    least = min(pages for _, pages in known)
    return next(index for index, pages in known if pages <= NEARLY * least)
