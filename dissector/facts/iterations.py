"""How often, and when, precopy went over the guest's memory."""

from __future__ import annotations

from dataclasses import dataclass

from dissector.events import Record
from dissector.facts.roles import role_of
from dissector.protocol import UNBACKED, Role


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
    highest: int = -1
    """The highest pfn so far."""


class Iterations:
    """The passes of a migration: a new one begins where the pfns start again from below, and after VERIFY."""

    def __init__(self) -> None:
        self.all: list[Iteration] = []
        self._verifying = False

    def add(self, record: Record) -> None:
        """The next whole record of its right direction."""
        role = role_of(record)
        if role is Role.VERIFY:
            self._verifying = True
        elif role is Role.MEMORY and record.runs:
            self._add_pages(record)

    def _add_pages(self, record: Record) -> None:
        iteration = self._of(record)
        iteration.end_time = record.last.time
        for first, length, type in record.runs:
            iteration.entries += length
            iteration.data_pages += 0 if type in UNBACKED else length
            iteration.highest = max(iteration.highest, first + length - 1)

    def _of(self, record: Record) -> Iteration:
        """The iteration that a record belongs to."""
        last = self.all[-1] if self.all else None
        if last is None or record.runs[0].first <= last.highest or last.verify != self._verifying:
            last = Iteration(len(self.all), record.first.time, record.last.time, self._verifying)
            self.all.append(last)
        return last
