"""When the guest stopped, went on at the destination, and had all of its pages: the moments of a postcopy migration."""

from __future__ import annotations

from dissector.events import Record
from dissector.facts.faults import PENDING, Matches
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
        self.last_page: int | None = None
        """The last octet of the newest POSTCOPY_PAGE_DATA."""
        self._waiting: set[int] = set()
        """pfns that a vcpu waits for, as far as the capture shows."""
        self._waiting_since = 0
        self._waited = 0

    @property
    def downtime(self) -> int | None:
        """What the wire shows of it: the source suspended the guest a little before, the destination resumes it a
        little after."""
        return _between(self.begun, self.resumed)

    @property
    def duration(self) -> int | None:
        """How long pages were still missing at the destination."""
        return _between(self.resumed, self.complete)

    @property
    def to_last_page(self) -> int | None:
        """How long pages came after the guest went on."""
        return _between(self.resumed, self.last_page)

    @property
    def waited(self) -> int:
        """For how long at least one fault had been sent and not been answered, ns: the union of all of them."""
        return self._waited

    def match(self, matches: Matches, time: int) -> None:
        """What a record whose last octet was captured then asks for, or brings."""
        waiting = self._waiting
        if not waiting:
            self._waiting_since = time
        for fault in matches.faults:
            if fault.answer is None and len(waiting) < PENDING:
                waiting.add(fault.pfn)
        was_waiting = bool(waiting)
        for fault in matches.answered:
            waiting.discard(fault.pfn)
        if was_waiting and not waiting:
            self._waited += max(0, time - self._waiting_since)

    def finish(self, time: int) -> None:
        """No record follows; what was not answered by then (ns since the epoch) is still waited for."""
        if self._waiting:
            self._waited += max(0, time - self._waiting_since)
            self._waiting.clear()

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
        elif role is Role.POSTCOPY_PAGES:
            self.last_page = record.last.time
        elif role is Role.POSTCOPY_COMPLETE and self.complete is None:
            self.complete = record.last.time


def _between(start: int | None, end: int | None) -> int | None:
    return max(0, end - start) if start is not None and end is not None else None
