"""What has to be remembered of a postcopy phase to judge it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from dissector.events import FORWARD, Record
from dissector.facts.directions import DirectionFacts
from dissector.facts.migration import Migration
from dissector.facts.roles import role_of
from dissector.protocol import Role, State
from dissector.rules.rule import Violation

PAGES_STATES = (State.POSTCOPY_PAGES, State.EARLY_PAGES)
"""States in which pages come, and END ends the phase."""


@dataclass(slots=True)
class PostcopyPhase:
    """What is known of the postcopy phase. Judges read it; the checker alone moves it on, when they have judged."""

    lists_whole: bool = False
    """Whether every list of announced pages was captured."""
    pages_whole: bool = False
    """Whether every list of pages sent was captured."""
    transition: Record | None = None
    """The record that began the phase."""
    early: list[Record] = field(default_factory=list)
    """Records of the reverse direction that came before it."""
    complete: Record | None = None
    """The POSTCOPY_COMPLETE."""
    page_data: Record | None = None
    """The latest POSTCOPY_PAGE_DATA."""
    raced: Record | None = None
    """The first POSTCOPY_PAGE_DATA that POSTCOPY_COMPLETE did not wait for."""
    end: Record | None = None
    """The END of the phase."""
    has_early_pages: bool = False
    """Whether POSTCOPY_PAGE_DATA came before the phase."""
    is_spoilt: bool = False
    """Whether a record of the phase broke a rule on which its receiver fails, or loses the pages in it."""

    def forget(self) -> None:
        """Headers were lost, and with them perhaps lists of pages."""
        self.lists_whole = self.pages_whole = False

    def advance(self, record: Record, before: State | None, now: State | None) -> None:
        """Takes in a known header or record that is on its right direction, with the state of the forward direction
        before it and after it."""
        role = role_of(record)
        if record.direction == FORWARD:
            self._advance_forward(record, role, before, now)
        elif role is Role.POSTCOPY_FAULT:
            if self.is_ahead(now):
                self.early.append(record)
        elif role is Role.POSTCOPY_COMPLETE and self.complete is None:
            if self.is_ahead(now):
                self.early.append(record)
            else:
                self.complete = record
                self._race()

    def _advance_forward(self, record: Record, role: Role | None, before: State | None, now: State | None) -> None:
        if role is Role.DOMAIN:
            self.lists_whole = self.pages_whole = True
        if self.transition is None and now is State.POSTCOPY_PAGES:
            self.transition = record
            # A POSTCOPY_COMPLETE that was captured before it, but that left after it had arrived, is in order.
            arrived = (one for one in self.early if is_complete(one) and knew(one, record))
            self.complete = self.complete or next(arrived, None)
        if role is Role.LIBXC_END and before in PAGES_STATES:
            self.end = record
        if role is Role.POSTCOPY_LIST:
            self.lists_whole = self.lists_whole and _is_listed(record)
        elif role is Role.POSTCOPY_PAGES:
            self.pages_whole = self.pages_whole and _is_listed(record)
            self.page_data = record
            self.has_early_pages = self.has_early_pages or now is State.EARLY_PAGES
            self._race()

    def blame(self, record: Record, broken: Collection[Violation]) -> None:
        """Takes in what a record broke."""
        has_begun = self.transition is not None and self.transition is not record
        if record.direction == FORWARD and has_begun and any(one.is_fatal for one in broken):
            self.is_spoilt = True

    def is_ahead(self, state: State | None) -> bool:
        """Whether the phase had not begun, in this state of the forward direction, when a record of the reverse
        direction was captured. Whether that breaks a rule only the end can say."""
        return self.transition is None and state is not None

    def _race(self) -> None:
        """POSTCOPY_COMPLETE leaves when every page has come, so a page it has not acknowledged comes too late. Pages
        may be captured before it and arrive after it left, as well as be captured after it."""
        pages, complete = self.page_data, self.complete
        if pages is not None and complete is not None and self.raced is None and not knew(complete, pages):
            self.raced = pages

    @property
    def completion(self) -> Record | None:
        """The POSTCOPY_COMPLETE as the end knows it: with pages that came before the phase the phase had begun."""
        early = filter(is_complete, self.early if self.has_early_pages else ())
        return self.complete or next(early, None)

    def knows_all_pages(self, migration: Migration) -> bool:
        """Whether every page that was announced and every page that was sent is known."""
        faults = migration.faults
        is_known = self.lists_whole and self.pages_whole and migration.forward.lost_at is None
        return is_known and not (faults.outstanding.overflow or faults.sent.overflow)


def knew(record: Record, other: Record) -> bool:
    """Whether the sender of one record had received the whole of another, of the other direction: it has
    acknowledged it. Captured earlier or later says nothing: a capture can hold packets out of order."""
    return record.acked >= other.end


def is_whole(direction: DirectionFacts) -> bool:
    """Whether every octet of a direction was captured, and understood."""
    is_seen = direction.is_followed and direction.offset > direction.started
    return is_seen and not direction.gaps and not direction.late


def _is_listed(record: Record) -> bool:
    """Whether all its entries were captured."""
    return record.whole and sum(run.length for run in record.runs) >= record.count


def is_complete(record: Record) -> bool:
    """Whether it is a POSTCOPY_COMPLETE."""
    return role_of(record) is Role.POSTCOPY_COMPLETE
