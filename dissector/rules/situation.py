"""What the rules remember of a migration while they judge it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from dissector.facts import Migration
from dissector.parser import FORWARD, REVERSE, Flow, Record

Broken = tuple[str, str]
"""A rule's id and the sentence with its values."""


class Late(NamedTuple):
    """What the end of a migration shows to be broken."""

    rule: str
    message: str
    record: Record | None
    """The record that broke it, if one did; the direction is then its own."""
    direction: str = FORWARD
    severity: str | None = None
    """If not the rule's own."""


@dataclass(slots=True)
class Situation:
    """How far one migration is, and how much of it is known."""

    migration: Migration
    state: str | None = "start"
    """One of states.STATES; None: unknown."""
    followed: bool = False
    """Whether every header since the domain header was read."""
    lists_whole: bool = False
    """Whether every list of announced pages was captured."""
    pages_whole: bool = False
    """Whether every list of pages sent in the postcopy phase was captured."""
    context: set[str] = field(default_factory=set)
    """The context records of the present stop of the guest."""
    seen: set[str] = field(default_factory=set)
    """Names of records that came, and ids of rules that were broken, as far as it matters later."""
    transition: Record | None = None
    """The record that began the postcopy phase."""
    early: list[Record] = field(default_factory=list)
    """Records of the reverse direction that came before it."""
    complete: Record | None = None
    """The POSTCOPY_COMPLETE."""
    page_data: Record | None = None
    """The latest POSTCOPY_PAGE_DATA."""
    raced: Record | None = None
    """The first POSTCOPY_PAGE_DATA that POSTCOPY_COMPLETE did not wait for."""
    is_spoilt: bool = False
    """Whether a record of the postcopy phase broke a rule on which its receiver fails, or loses the pages in it."""
    end: Record | None = None
    """The END of the postcopy phase."""
    handshake: str | None = None
    """The latest text of xl."""
    first: dict[str, Record] = field(default_factory=dict)
    """The first item of each direction."""
    last: dict[str, Record] = field(default_factory=dict)
    """The latest item of each direction."""

    @property
    def outermost(self) -> str:
        """The layer whose END ends the stream."""
        return next((layer for layer in self.migration.channel.layers if layer != "xl"), "")

    @property
    def went_on(self) -> bool:
        """Whether the stream came to its END."""
        return self.outermost in self.migration.ended

    @property
    def is_late(self) -> bool:
        """Whether the beginning of the forward direction was not captured."""
        channel = self.migration.channel
        return channel.late or channel.forward is None or channel.forward.stream.late

    def flow(self, direction: str) -> Flow | None:
        channel = self.migration.channel
        return channel.forward if direction == FORWARD else channel.reverse

    def is_whole(self, direction: str) -> bool:
        """Whether every octet of a direction was captured, and understood."""
        flow = self.flow(direction)
        if flow is None or not flow.is_followed or not flow.stream.offset:
            return False
        return not (flow.stream.gaps or flow.stream.late)

    def may_hide_texts(self) -> bool:
        """Whether a text may have gone by that was not captured: in a gap, or in one that shows only later,
        because octets were acknowledged that have not been seen."""
        for direction in (FORWARD, REVERSE):
            flow = self.flow(direction)
            if flow is None or not self.is_whole(direction):
                return True
            if flow.stream.acked > flow.stream.offset + len(flow.stream.buffer):
                return True
        return False

    def begin(self, state: str | None) -> None:
        """A libxc stream begins: all that comes is known."""
        self.state = state
        self.followed = self.lists_whole = self.pages_whole = True

    def forget(self) -> None:
        """Headers were lost: where the stream stands is unknown, and lists of pages may be lost as well."""
        self.state = None
        self.followed = self.lists_whole = self.pages_whole = False

    def enter_postcopy(self, record: Record) -> None:
        """The postcopy phase begins after this record. A POSTCOPY_COMPLETE that was captured before it, but
        that left after it had arrived, is in order."""
        self.transition = record
        if self.complete is None:
            complete = (one for one in self.early if one.name == "POSTCOPY_COMPLETE" and knew(one, record))
            self.complete = next(complete, None)


def knew(record: Record, other: Record) -> bool:
    """Whether the sender of one record had received the whole of another, of the other direction: it has
    acknowledged it. Captured earlier or later says nothing: a capture can hold packets out of order."""
    return record.acked >= end_of(other)


def end_of(record: Record) -> int:
    """The offset after a record."""
    return record.offset + record.length
