"""How much of each direction was seen, lost and followed, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dissector.events import (
    Closed,
    Direction,
    DirectionEnded,
    DirectionStarted,
    Event,
    Gap,
    PacketsCut,
    Progress,
    Reason,
    Record,
    Resynchronised,
    Stall,
    Way,
    WayLost,
)


class DirectionFacts:
    """A fold over the events of one direction of one migration. Offsets and lengths are octets."""

    def __init__(self, direction: Direction) -> None:
        self.direction = direction
        self.started = 0
        """The offset of its first octet; 0 if nothing was seen of it."""
        self.offset = 0
        """The offset after the newest octet that was seen."""
        self.late = False
        """Whether its beginning was not captured."""
        self.found = False
        """Whether a record, header or text of it was seen."""
        self.gaps: list[Gap] = []
        self.cut = False
        """Whether packets of it were cut at the snap length."""
        self.lost_at: int | None = None
        """Since which offset the way is lost."""
        self.not_followed = 0
        """Octets passed over where the way was lost: what was in them is in no count."""
        self.retransmitted = 0
        """Octets that were captured again."""
        self.conflicts = 0
        """Retransmitted segments that differ from what was seen first."""
        self.copies = 0
        """How many times more than once each packet seems to have been captured."""
        self.in_vain = 0
        """Segments that were sent again since the other side was last heard, and how long (ns) that was before the end
        of the capture."""
        self.unheard = 0
        self.taken: int | None = None
        """How many of the forward direction's octets the destination had acknowledged; None: nothing tells."""
        self.hides = False
        """Whether octets of a connection beside the image's were not captured."""
        self.way: Way | None = None
        """What its connection showed of its octets' way, once it has ended."""
        self.stall: Stall | None = None
        """The time without payload at its end."""
        self.closed: Closed | None = None
        self.ended: Reason | None = None
        """Why no octet follows; None as long as some may."""
        self.first: Record | None = None
        self.last: Record | None = None
        self.acked = 0
        """Up to which offset the other side had acknowledged it when it sent its newest record."""

    @property
    def seen(self) -> int:
        """Distinct octets that were captured."""
        return self.offset - self.started - sum(gap.length for gap in self.gaps)

    @property
    def is_followed(self) -> bool:
        """Whether it was found, and the way is not lost."""
        return self.found and self.lost_at is None

    @property
    def is_damaged(self) -> bool:
        """Whether the capture has lost or cut off octets of it."""
        return bool(self.gaps) or self.cut

    def add(self, event: Event) -> None:
        """The next event of this direction."""
        take = _TAKE.get(type(event))
        if take is not None:
            take(self, event)

    def let_go(self) -> None:
        """Nothing follows: what the first and the last record held need not stay."""
        self.first = self.first and self.first._replace(body=b"", padding=b"", runs=())
        self.last = self.last and self.last._replace(body=b"", padding=b"", runs=())

    def _start(self, event: DirectionStarted) -> None:
        self.started = self.offset = event.offset
        self.late = event.late

    def _record(self, record: Record) -> None:
        self.found = True
        self.first = self.first or record
        self.last = record
        self._reach(record.end)

    def _gap(self, gap: Gap) -> None:
        self.gaps.append(gap)
        # What comes after it was seen, else nobody would know of it.
        self._reach(gap.offset + gap.length)

    def _cut(self, event: PacketsCut) -> None:
        self.cut = True

    def _lose(self, event: WayLost) -> None:
        self.lost_at = event.offset

    def _regain(self, event: Resynchronised) -> None:
        self.lost_at = None
        self.not_followed += event.skipped

    def _close(self, event: Closed) -> None:
        self.closed = self.closed or event

    def _count(self, event: Progress | DirectionEnded) -> None:
        self._reach(event.offset)
        self.retransmitted = event.retransmitted
        self.conflicts = event.conflicts

    def _end(self, event: DirectionEnded) -> None:
        self._count(event)
        self.ended = event.reason
        self.copies = event.copies
        self.in_vain, self.unheard, self.way = event.in_vain, event.unheard, event.way
        self.stall = event.stall
        self.taken, self.hides = event.taken, event.hides

    def _reach(self, offset: int) -> None:
        if offset > self.offset:
            self.offset = offset


_TAKE: Mapping[type[Event], Callable[[DirectionFacts, Any], None]] = {
    DirectionStarted: DirectionFacts._start,
    Record: DirectionFacts._record,
    Gap: DirectionFacts._gap,
    PacketsCut: DirectionFacts._cut,
    WayLost: DirectionFacts._lose,
    Resynchronised: DirectionFacts._regain,
    Closed: DirectionFacts._close,
    Progress: DirectionFacts._count,
    DirectionEnded: DirectionFacts._end,
}
