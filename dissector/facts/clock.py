"""Whether the times of a capture can be believed: there, and going on."""

from __future__ import annotations

from typing import NamedTuple

from dissector.events import NOWHERE, Position, Record

JITTER = 10_000_000
"""ns by which a later packet may have an earlier time without its clock having gone back: captures from several receive
queues, and merged ones, are that far apart."""


class WentBack(NamedTuple):
    """The first packet with an earlier time than those before it, and by how many ns."""

    frame: int
    by: int


class Clock:
    """A fold over the positions of a migration's records."""

    def __init__(self) -> None:
        self.has_stood = False
        """Whether any packet has no time."""
        self.went_back: WentBack | None = None
        self._newest = NOWHERE

    def add(self, record: Record) -> None:
        """The next record, header or text."""
        for position in (record.first, record.last):
            self._add(position)

    def _add(self, position: Position) -> None:
        if position.frame and not position.time:
            self.has_stood = True
        if position.frame <= self._newest.frame:
            return
        back = self._newest.time - position.time
        if back > JITTER and self.went_back is None:
            self.went_back = WentBack(position.frame, back)
        self._newest = position
