"""When the source stood still: its times without payload, and what ended each (`events.Stall`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dissector.events import Stall
from dissector.longest import longest

if TYPE_CHECKING:
    from dissector.facts.phases import Phase

STALLS_MAX = 1 << 10
"""Stalls of a migration that are remembered: a source that rests between checkpoints stalls for as long as it lives."""


class Stood(NamedTuple):
    """A stall, and where in the migration it was."""

    stall: Stall
    phase: Phase
    """That in which it began."""
    record: str | None
    """Name of the record within which it was or, if it was between two, before which; None: none came after it."""
    number: int
    """That record's number in the input (`Record.number`)."""
    within: bool

    @property
    def duration(self) -> int:
        return self.stall.end - self.stall.start


class Stalls:
    """Those of a migration: the longest, in the order in which they began."""

    def __init__(self) -> None:
        self._newest: list[Stood] = []
        """The longest, and what has come since somebody looked which those are."""
        self._count = 0
        self.last: Stood | None = None
        """The one at the end, which no payload ended: of a migration that is done it is none."""

    def add(self, stood: Stood) -> None:
        """The next one."""
        self._count += 1
        self._newest.append(stood)
        if len(self._newest) >= 2 * STALLS_MAX:
            self._newest = self.all

    @property
    def all(self) -> list[Stood]:
        """As many as are remembered."""
        return longest(self._newest, STALLS_MAX, lambda one: one.duration)

    @property
    def left_out(self) -> int:
        return max(0, self._count - STALLS_MAX)
