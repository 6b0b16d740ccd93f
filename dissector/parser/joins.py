"""Which connections belong to one migration: xenopsd uses up to three, each of which names the guest in its request.

Limits: JOINS_MAX migrations are remembered whose connections may still come; past it the oldest stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissector.events import Direction, DirectionEnded
from dissector.protocol import ConnectionRole, XenopsRequest

if TYPE_CHECKING:
    from dissector.parser.direction import DirectionParser

JOINS_MAX = 1024


class Join:
    """The connections of one migration.

    What ends a direction of the one that carries the image is told when all have ended: what is said on the others
    belongs to the migration, too."""

    def __init__(self) -> None:
        self.number: int | None = None
        """The migration's; None before the first of its connections has one."""
        self.items: dict[Direction, int] = {"forward": 0, "reverse": 0}
        """How many items were emitted of each direction, on all connections."""
        self.roles: set[ConnectionRole] = set()
        self._open: set[DirectionParser] = set()
        self._ends: dict[Direction, DirectionEnded] = {}
        self._hides = False

    def add(self, role: ConnectionRole, parsers: tuple[DirectionParser, ...]) -> None:
        """One more connection."""
        self.roles.add(role)
        self._open.update(parser for parser in parsers if parser.ended is None)

    @property
    def is_over(self) -> bool:
        """Whether all connections have ended."""
        return not self._open

    def end(self, parser: DirectionParser, event: DirectionEnded, is_aside: bool) -> list[DirectionEnded]:
        """A direction of one connection has ended: which ends can be told now. `is_aside`: of one that does not carry
        the image."""
        self._open.discard(parser)
        if is_aside:
            event = event._replace(offset=0, retransmitted=0, conflicts=0, taken=None)
            self._ends.setdefault(event.direction, event)
            self._hides = self._hides or parser.has_gaps or parser.cut
        else:
            self._ends[event.direction] = event
        if self._open:
            return []
        ends, self._ends = [end._replace(hides=self._hides) for end in self._ends.values()], {}
        return ends


class Joins:
    """All migrations of an input whose connections can be several."""

    def __init__(self) -> None:
        self._by_guest: dict[str, Join] = {}

    def of(self, request: XenopsRequest) -> Join:
        """The migration that a request belongs to: of this guest, and not over, and without such a connection yet."""
        join = self._by_guest.get(request.vm)
        if join is None or join.is_over or request.role in join.roles:
            self._by_guest.pop(request.vm, None)
            join = self._by_guest[request.vm] = Join()
            if len(self._by_guest) > JOINS_MAX:
                del self._by_guest[next(iter(self._by_guest))]
        return join
