"""How long the guest stood still, as bounds: the wire shows neither the moment it was suspended nor that it went on.

Suspended: after the last octet of the pass before the last one was written, since a sender writes while the guest runs
and the last pass may be what it sends once the guest stands still (suspend_and_send_dirty() in xg_sr_save.c); and
before the first octet of what only a guest that stands still has (the state of its processors, POSTCOPY_BEGIN). What
was written waits in the socket, so an octet may have been written while one SEND_BUFFER before it was captured.

Resumed: after the last octet that the destination needs for it (the source's "cleared to unpause", or the END of the
stream; POSTCOPY_TRANSITION_END), and before it says so (its report; a fault, which only a guest that runs has).

At least is from the latest suspension to the earliest resumption, at most the other way round. Both hold wherever the
packets were captured, as long as one clock gave all their times.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from dissector.events import REVERSE, Record
from dissector.facts.endings import ENDS
from dissector.facts.roles import role_of
from dissector.protocol import Role

SEND_BUFFER = 4 << 20
"""Octets that a socket may hold which nobody has sent: Linux's default limit (tcp_wmem)."""

MARKED = 1 << 16
"""Octets between two records that are remembered of those."""

STANDING = frozenset((Role.CONTEXT, Role.POSTCOPY_BEGIN))
"""Records that are sent of a guest that stands still; VERIFY is not among them: it may go on afterwards."""


class Moment(NamedTuple):
    """A record, header or text on which a bound rests, and the octet's time (ns since the epoch)."""

    record: Record
    time: int


class Downtime(NamedTuple):
    """Both bounds in ns, and what they rest on; None of what the capture does not show."""

    at_least: int
    at_most: int | None
    suspended_after: Moment | None
    suspended_before: Moment
    resumed_after: Moment
    resumed_before: Moment | None


class Downtimes:
    """A fold over the records of one migration, texts included."""

    def __init__(self) -> None:
        self._marks: deque[Record] = deque()
        """Some of the newest forward records, MARKED octets apart: what may still have been in the socket."""
        self._passes = 0
        self._before_pass: Moment | None = None
        self._earliest: Moment | None = None
        self._latest: Moment | None = None
        self._needed: Moment | None = None
        self._said: Moment | None = None
        self._is_postcopy = False

    def add(self, record: Record, passes: int) -> None:
        """The next record, header or text. `passes`: iterations over memory so far, this record's included."""
        if record.direction == REVERSE:
            self._hear(record)
            return
        role = role_of(record)
        self._is_postcopy = self._is_postcopy or (role is not None and role.is_postcopy)
        if passes > self._passes:
            # Before the first pass nothing was written: the guest may have been suspended before the migration began.
            self._before_pass = self._may_be_written(record) if self._passes else None
            self._passes = passes
        if role in STANDING and self._latest is None:
            # In postcopy the last pass was sent while the guest ran.
            self._earliest = self._may_be_written(record) if role is Role.POSTCOPY_BEGIN else self._before_pass
            self._latest = Moment(_bare(record), record.first.time)
        if self._latest is not None and self._is_needed(record, role):
            self._needed = Moment(_bare(record), record.last.time)
        if not self._marks or record.offset >= self._marks[-1].offset + MARKED:
            self._marks.append(_bare(record))
            while len(self._marks) > 1 and self._marks[1].offset <= record.offset - SEND_BUFFER:
                self._marks.popleft()

    @property
    def downtime(self) -> Downtime | None:
        """The bounds so far; None where nothing shows that the guest stood still, and that it may go on."""
        if self._latest is None or self._needed is None:
            return None
        at_least = max(0, self._needed.time - self._latest.time)
        earliest, said = self._earliest, self._said
        at_most = None if said is None or earliest is None else max(at_least, said.time - earliest.time)
        return Downtime(at_least, at_most, earliest, self._latest, self._needed, said)

    def _is_needed(self, record: Record, role: Role | None) -> bool:
        """Whether the destination cannot resume the guest without it; the last of these counts."""
        if self._is_postcopy:
            return role is Role.POSTCOPY_TRANSITION_END
        return role in ENDS or (record.layer == "xl" and record.name == "go")

    def _hear(self, record: Record) -> None:
        """What the destination says once the guest runs there."""
        is_good = record.layer == "xl" and (
            (record.name == "report" and record.body[-1:] == b"\0") or record.name == "postcopy sync"
        )
        if self._said is None and self._needed is not None and (is_good or role_of(record) is Role.POSTCOPY_FAULT):
            self._said = Moment(_bare(record), record.last.time)

    def _may_be_written(self, record: Record) -> Moment | None:
        """When what stands before a record may have been written: when what is SEND_BUFFER octets before it was
        captured, or the first record of all."""
        oldest = self._marks[0] if self._marks else None
        if oldest is None or (oldest.offset > record.offset - SEND_BUFFER and oldest.index):
            return None  # earlier ones were not captured
        return Moment(oldest, oldest.first.time)


def _bare(record: Record) -> Record:
    """Without what it holds: only where and when it was is asked for."""
    return record._replace(body=b"", padding=b"", runs=())
