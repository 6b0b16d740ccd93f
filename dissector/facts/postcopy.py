"""When the guest stopped, went on at the destination, and had all of its pages: the moments of a postcopy migration."""

from __future__ import annotations

from dissector.events import Record
from dissector.facts.roles import role_of
from dissector.protocol import Role


class PostcopyTimes:
    """Moments in ns since the epoch, each None as long as it was not seen."""

    def __init__(self) -> None:
        self.is_postcopy = False
        self.begun: int | None = None
        """POSTCOPY_BEGIN's first octet."""
        self.resumed: int | None = None
        """POSTCOPY_TRANSITION_END's last octet."""
        self.complete: int | None = None
        """POSTCOPY_COMPLETE's last octet."""

    @property
    def downtime(self) -> int | None:
        """What the wire shows of it: the source suspended the guest a little before, the destination resumes it a
        little after."""
        return _between(self.begun, self.resumed)

    @property
    def duration(self) -> int | None:
        """How long pages were still missing at the destination."""
        return _between(self.resumed, self.complete)

    def add(self, record: Record) -> None:
        """The next whole record of its right direction."""
        role = role_of(record)
        # A POSTCOPY_COMPLETE alone is a mistake of the destination, and no postcopy migration.
        if role is not None and role.is_postcopy and role is not Role.POSTCOPY_COMPLETE:
            self.is_postcopy = True
        if role is Role.POSTCOPY_BEGIN and self.begun is None:
            self.begun = record.first.time
        elif role is Role.POSTCOPY_TRANSITION_END and self.resumed is None:
            self.resumed = record.last.time
        elif role is Role.POSTCOPY_COMPLETE and self.complete is None:
            self.complete = record.last.time


def _between(start: int | None, end: int | None) -> int | None:
    return max(0, end - start) if start is not None and end is not None else None
