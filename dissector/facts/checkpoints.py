"""When checkpoints were whole: how far apart they are, and how long each takes to be sent."""

from __future__ import annotations

from array import array

from dissector.events import Record
from dissector.facts.roles import role_of
from dissector.protocol import Role

CHECKPOINTS_MAX = 1 << 16
"""Checkpoints whose times are kept: those that follow are not timed. Remus makes five a second."""


class Checkpoints:
    """A fold over whole records of their right direction; durations in ns.

    A checkpoint is sent from the first octet of its memory, or of the state if no memory was written to, to the last of
    CHECKPOINT_END, or of CHECKPOINT where no libxl stream is around. The first one ends what precopy sent: it is where
    the intervals begin."""

    def __init__(self) -> None:
        self.intervals = array("q")
        """From the end of one to the end of the next."""
        self.sending = array("q")
        """From the first octet of one to its last, the first left out."""
        self._begun: int | None = None
        self._ended: int | None = None

    def add(self, record: Record) -> None:
        """The next record."""
        role = role_of(record)
        if role in (Role.MEMORY, Role.CONTEXT) and self._begun is None:
            self._begun = record.first.time
        in_libxl = "libxl" in record.context.layers
        if role is not (Role.CHECKPOINT_END if in_libxl else Role.CHECKPOINT):
            return
        if self._ended is not None and self._begun is not None and len(self.intervals) < CHECKPOINTS_MAX:
            self.intervals.append(max(0, record.last.time - self._ended))
            self.sending.append(max(0, record.last.time - self._begun))
        self._begun, self._ended = None, record.last.time
