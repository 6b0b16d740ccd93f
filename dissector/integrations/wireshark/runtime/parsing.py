"""Octets to items: the parser of each direction, and what is kept of what it finds."""

from __future__ import annotations

from typing import Any, cast

from dissector.events import (
    FORWARD,
    NOTHING_SAID,
    REVERSE,
    ConnectionJoined,
    Context,
    Direction,
    DirectionEnded,
    Event,
    Flow,
    MigrationFound,
    Position,
    Record,
    Spec,
)
from dissector.facts.directions import DirectionFacts
from dissector.facts.endings import ENDS
from dissector.facts.faults import NOTHING, Faults, Matches
from dissector.facts.links import Link, _Growing
from dissector.facts.migration import UNREMARKABLE, Migration, Noted
from dissector.facts.roles import role_of
from dissector.facts.static_data import StaticData
from dissector.integrations.wireshark.runtime.halves import ShownHalf
from dissector.integrations.wireshark.runtime.octets import summary_of
from dissector.integrations.wireshark.runtime.shown import Broken, Shown, Tie
from dissector.parser.conversation import Conversation
from dissector.parser.direction import DirectionParser, Heard, Wrapping
from dissector.parser.entries import ENTRY_SIZE, page_runs
from dissector.parser.item import Item
from dissector.parser.steps import STEPS
from dissector.protocol import Endianness, Expect, HeaderSpec, Layer, RecordSpec, Role
from dissector.rules import capture, ending, framing, handshake, pages
from dissector.rules.checker import Checker, _once
from dissector.rules.rule import Violation

BODIES_KEPT = 32 << 20
"""Octets of bodies that are kept after their record, of all connections together."""


class Total:
    """What records of one name came to."""

    def __init__(self) -> None:
        self.records = 0
        self.octets = 0


class Kept:
    """One migration: what judges ask of its facts while packets come, what they say, and its items."""

    is_capture = True
    kind = "live"
    outcome = "incomplete"
    """Nothing is known of the end while packets come."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.context: Context = NOTHING_SAID
        self.forward = DirectionFacts(FORWARD)
        self.reverse = DirectionFacts(REVERSE)
        self.faults = Faults()
        self.ended: set[Layer] = set()
        self.totals: dict[str, Total] = {}
        self.asked: list[Shown] = []
        """Items that ask for pages."""
        self.is_over = False
        """Whether what was asked for and has not come will not come."""
        self.checker = Judges(self)
        self._is_answered = False
        """Whether the destination has said how it came out."""
        self._has_raced = False
        self._ties = Ties(self)
        self._static_data = StaticData()
        self._of_forward: list[Shown] = []
        self._of_reverse: list[Shown] = []

    def direction(self, direction: Direction) -> DirectionFacts:
        """What is known of one direction."""
        return self.forward if direction == FORWARD else self.reverse

    def ended_items(self, direction: Direction) -> list[Shown]:
        """The items of a direction that have ended, by their records' indexes."""
        return self._of_forward if direction == FORWARD else self._of_reverse

    def names(self) -> list[str]:
        """Of its records, headers and texts, in the order of the alphabet."""
        return sorted(self.totals)

    def shown_of(self, record: Record) -> Shown:
        """The item that a record has ended."""
        ended = self.ended_items(record.direction)
        return ended[record.index]

    def end(self, direction: Direction, is_closed: bool) -> None:
        """A direction has ended: the way that was lost in it is not found again. If the connection was closed, a text
        that is owed in it does not come."""
        ended = self.ended_items(direction)
        if not ended:
            return
        for violation in capture._losses(self.direction(direction)):
            self.note_broken(violation, ended[-1])
        if is_closed and not self._is_answered:
            self.outcome = "failed"
            for violation in handshake.judge_end(self.checker._text, cast(Migration, self)):
                if violation.direction == direction:
                    self.note_broken(violation, ended[-1])
            self.outcome = "incomplete"

    def take_in(self, record: Record, shown: Shown) -> None:
        """An item has ended, or was torn: everything that is to be known of it."""
        ended = self.ended_items(record.direction)
        ended.append(shown)
        if record.is_pages:
            shown.take_runs(record.body, record.runs)
            if shown.role is Role.POSTCOPY_FAULT:
                shown.pfns = list(record.pfns())
                self.asked.append(shown)
        self.checker.add(record, self._note(record))
        self.is_over = self.is_over or shown.role in (Role.POSTCOPY_COMPLETE, Role.LIBXC_END)
        phase = self.checker._phase
        if phase.raced is not None and not self._has_raced:
            self._has_raced = True
            for violation in pages.judge_end(phase, cast(Migration, self)):
                self.note_broken(violation, shown)

    def note_broken(self, violation: Violation, shown: Shown) -> None:
        """A rule is broken by an item, if the violation names no other."""
        if violation.rule.wireshark:
            at = shown if violation.record is None else self.shown_of(violation.record)
            at.broken.append(Broken(violation.rule.id, violation.gravity, violation.message))

    def judge_list(self, record: Record, shown: Shown) -> None:
        """All entries of a pages record were seen: what they break is told, even if the record's pages never come."""
        broken = list(framing.judge(record))
        if not record.is_misdirected:
            phase = self.checker._phase
            broken += pages.judge_forward(record, UNREMARKABLE, phase, cast(Migration, self))
        for violation in _once(broken):
            self.note_broken(violation, shown)

    def _note(self, record: Record) -> Noted:
        """What the facts make of a record: `facts.migration.Migration`, as far as judges of a record ask."""
        if record.context.revision >= self.context.revision:
            self.context = record.context
        if record.name not in self.totals:
            self.totals[record.name] = Total()
        total = self.totals[record.name]
        total.records += 1
        total.octets += record.length
        static_data = self._static_data.add(record)
        if record.type is None:
            answers = record.complete and record.name in ("report", "postcopy sync")
            self._is_answered = self._is_answered or (answers and record.direction == REVERSE)
            return UNREMARKABLE
        if static_data is not None:
            return Noted(static_data)
        if not record.whole or record.is_misdirected:
            return UNREMARKABLE
        role = role_of(record)
        if role in ENDS and record.layer is not None:
            self.ended.add(record.layer)
        if role is not None and role.is_postcopy and role is not Role.POSTCOPY_COMPLETE:
            self.kind = "postcopy"
        matches = self.faults.add(record)
        if matches is NOTHING:
            return UNREMARKABLE
        self._ties.tie(matches)
        return Noted(None, matches.again, matches.faults, matches.answered)


class Judges(Checker):
    """The rules over one migration, as far as they can be judged while packets go by."""

    def __init__(self, kept: Kept) -> None:
        super().__init__(cast(Migration, kept))
        self._kept: Kept = kept

    def _find(self, violation: Violation, record: Record | None) -> None:
        assert record is not None
        self._kept.note_broken(violation, self._kept.shown_of(record))

    def _contents(self, record: Record, state: Any) -> list[Violation]:
        """What bodies say is judged by `xenshark check`."""
        return []


class Ties(_Growing):
    """Links of one migration's records, as they come."""

    def __init__(self, kept: Kept) -> None:
        super().__init__()
        self._kept: Kept = kept

    def tie(self, matches: Matches) -> None:
        """What one record had to do with faults and their pages."""
        for fault in matches.answered:
            self._link(fault)
        for fault in matches.repeated:
            self._point(fault.asked, fault)

    def _append(self, record: Record, link: Link) -> None:
        shown = self._kept.shown_of(record)
        shown.links.append(Tie(link.pfn, self._kept.shown_of(link.record), link.in_flight))


class Capture:
    """All that is known of a capture."""

    def __init__(self) -> None:
        self.migrations: list[Kept] = []
        self.found: list[Shown] = []
        """Items that were found in the packet at hand, and those that ended in it."""
        self.ended: list[Shown] = []
        self.waiting = 0
        """Flows that hold octets behind a gap."""
        self.is_settled = True
        """Whether it was told that no packet follows, and none has come since."""
        self.ending: Shown | None = None
        """The item whose record comes next."""
        self._bodies_kept = 0

    def next_packet(self) -> None:
        """Another packet is looked at for the first time."""
        self.found, self.ended, self.is_settled = [], [], False

    def connect(self, flow: Flow) -> tuple[ShownHalf, ShownHalf]:
        """The two directions of a connection, that of the flow's octets first."""
        conversation = Conversation(flow, lambda event, frame: self.hear(event), lambda: len(self.migrations))
        one, other = ShowingParser(conversation, self, True), ShowingParser(conversation, self, False)
        one.pair(other)
        one.owner.peer, other.owner.peer = other.owner, one.owner
        return one.owner, other.owner

    def kept_of(self, migration: int) -> Kept:
        """What is kept of the migration of this number."""
        return self.migrations[migration]

    def hear(self, event: Event) -> None:
        """The next event, of whichever connection."""
        if isinstance(event, MigrationFound):
            self.migrations.append(Kept(event.migration))
        elif not isinstance(event, ConnectionJoined):
            kept = self.kept_of(event.migration)
            kept.direction(event.direction).add(event)
            if isinstance(event, Record):
                assert self.ending is not None
                self._end(kept, event, self.ending)
            else:
                kept.checker.add(event, UNREMARKABLE)
                if isinstance(event, DirectionEnded):
                    kept.end(event.direction, event.reason != "capture")

    def _end(self, kept: Kept, record: Record, shown: Shown) -> None:
        """An item has ended, or was torn."""
        shown.length, shown.last = record.length, record.last
        shown.complete, shown.whole = record.complete, record.whole
        shown.broken = []
        if record.is_pages or self._bodies_kept + len(record.body) > BODIES_KEPT:
            shown.item.body = None
        else:
            self._bodies_kept += len(record.body)
            shown.summary = summary_of(record)
        kept.take_in(record, shown)
        self.ended.append(shown)
        if shown.half.trailing is shown:
            shown.half.trailing = None


class ShowingParser(DirectionParser):
    """The parser of a direction, whose items can be shown from the packet on that holds the end of their header."""

    def __init__(self, conversation: Conversation, capture: Capture, is_first: bool) -> None:
        super().__init__(conversation, STEPS, is_first)
        self.capture: Capture = capture
        self.transport = self.heard = Heard()
        self.owner = ShownHalf(self)
        self._before_end = Expect.ANYTHING
        """What it expected when it was finished."""

    def wrap(self, wrapping: Wrapping) -> None:
        """What is inside of something else, compressed or in libvirt's messages, is not followed."""
        self.expect_next(Expect.NOTHING)

    def begin(
        self,
        layer: Layer | None,
        name: str,
        type: int | None,
        spec: Spec,
        endianness: Endianness,
        header: int,
        body_length: int,
        padding: int = 0,
        unannounced: bool = False,
        carried: int | None = None,
        then: Expect | None = None,
    ) -> None:
        size = header
        if not header:
            size = spec.size if isinstance(spec, HeaderSpec) else min(body_length, len(self.buffer))
        frame = self._frame_before(self.offset + size)
        super().begin(layer, name, type, spec, endianness, header, body_length, padding, unannounced, carried, then)
        item = self.item
        assert item is not None
        self._announce(item, header or min(size, body_length), item.whole_end - item.offset, frame)
        if item.is_pages:
            self._remember_splits(item)

    def begin_trailing(self) -> None:
        super().begin_trailing()
        item = self.trailing
        assert item is not None
        self.owner.trailing = shown = self._announce(item, 1, 1, item.first.frame)
        for violation in ending.judge_trailing(self._provisional(item, len(self.buffer))):
            self.capture.kept_of(self.migration.number or 0).note_broken(violation, shown)

    def begin_state(self, layer: Layer, name: str, type: int, spec: Spec, header: int) -> None:
        """A record whose header does not say how long it is."""
        super().begin_state(layer, name, type, spec, header)
        item = self.trailing
        assert item is not None
        self.owner.trailing = self._announce(item, header, header, item.first.frame)

    def finish(self, reason: str) -> None:
        """No octet follows."""
        self._before_end = self.expect
        super().finish(reason)

    def resume(self) -> None:
        """The capture had not ended: what was going on was taken for torn, and the way is found again."""
        self.ended = None
        self.expect_next(self._before_end)
        self.lose_way(self.end, self.end)

    def hear_reset(self) -> None:
        """The other side has reset the connection: what this one has not said is said to nobody."""
        number = self.migration.number
        if number is not None:
            self.capture.kept_of(number).end(self.direction, True)

    def mark(self, behind: int, position: Position) -> None:
        """Octets that far behind the first in `buffer` were captured there."""
        self._marks.append((self.offset + behind, position))

    def _read_item(self, item: Item) -> bool:
        is_listing = item.body is None
        went_on = super()._read_item(item)
        if is_listing and item.body is not None and self.item is item and item.is_pages:
            record = self._provisional(item, item.whole_end - item.offset)
            shown = self.owner.shown[-1]
            shown.take_runs(record.body, record.runs)
            if shown.role is Role.POSTCOPY_FAULT:
                shown.pfns = list(record.pfns())
            self.capture.kept_of(record.migration).judge_list(record, shown)
        return went_on

    def _emit_item(self, item: Item, end: int, padding: bytes, whole: bool) -> None:
        self.capture.ending = self.owner.shown_for(item)
        super()._emit_item(item, end, padding, whole)

    def _frame_before(self, end: int) -> int:
        """The packet that holds the octet before an offset, of those in `buffer`."""
        frame, at = self.position().frame, 0
        while at < len(self._marks) and self._marks[at][0] < end:
            frame = self._marks[at][1].frame
            at += 1
        return frame

    def _remember_splits(self, item: Item) -> None:
        """Packets that came before it was known what is in them may end inside an entry, as later ones may."""
        for at in range(len(self._marks)):
            start = self._marks[at][0]
            behind, size = start - self.offset, (start - item.offset) % ENTRY_SIZE
            if size and behind >= size:
                self.owner.split[start] = bytes(self.buffer[behind - size : behind])

    def _announce(self, item: Item, header: int, length: int, frame: int) -> Shown:
        role = item.spec.role if isinstance(item.spec, RecordSpec) else None
        shown = Shown(self.owner, item, item.offset, self.migration, self.direction, role, header, length, frame)
        self.owner.shown.append(shown)
        self.capture.found.append(shown)
        return shown

    def _provisional(self, item: Item, length: int) -> Record:
        """A record as far as it has come."""
        body = item.body or b""
        return Record(
            self.migration.number or 0,
            self.direction,
            item.layer,
            item.name,
            item.type,
            item.spec,
            item.endianness,
            item.offset,
            length,
            item.body_length,
            body,
            runs=page_runs(body, item.endianness) if item.is_pages else (),
            complete=False,
            whole=False,
            first=item.first,
            context=self.migration.context,
        )
