"""When the source stood still: its times without payload, and what ended each (`events.Stall`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dissector.events import Stall

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
        self.all: list[Stood] = []
        self.left_out = 0
        self.last: Stood | None = None
        """The one at the end, which no payload ended: of a migration that is done it is none."""

    def add(self, stood: Stood) -> None:
        """The next one."""
        self.all.append(stood)
        if len(self.all) > STALLS_MAX:
            self.all.remove(min(self.all, key=lambda one: one.duration))
            self.left_out += 1
