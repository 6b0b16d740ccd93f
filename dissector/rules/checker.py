"""Judges one migration as a fold over its events, and says what the end of it leaves open.

One mistake gives one finding: a record breaks a rule once, with however many of its entries, and after a
violation checking goes on from the state that the record itself implies. What the capture hides is no
violation: after a gap over a header the state is unknown until a record tells it, and a rule that needs a list
of pages is silent once a part of such a list was lost.

Judges only judge: they read the record, what the facts made of it, and a state. The three states there are (how far the
order is, the postcopy phase, the latest text) move here, after the judges have spoken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from dissector.events import FOREIGN_OCTETS, FORWARD, Direction, Event, Record, Resynchronised
from dissector.facts.migration import Migration, Noted
from dissector.protocol import HeaderSpec, RecordSpec, Role, State
from dissector.rules import (
    capture,
    contents,
    custody,
    ending,
    framing,
    handshake,
    hvm_state,
    order,
    pages,
    postcopy,
    pv_state,
    toolstacks,
    verify,
)
from dissector.rules.aftermath import Aftermath
from dissector.rules.findings import Finding
from dissector.rules.guest import Guest
from dissector.rules.postcopy_phase import PostcopyPhase
from dissector.rules.rule import AND_MORE, RuleId, Severity, Violation
from dissector.rules.verdict import verdict

FINDINGS_MAX = 10_000
"""Findings of one severity kept for one migration; the rest is counted."""


class Checker:
    """The rules over one migration, whose facts take in an event before the checker does."""

    def __init__(self, migration: Migration) -> None:
        self.migration = migration
        self.findings: list[Finding] = []
        self.left_out = 0
        """Findings more than are kept."""
        self._count: Counter[Severity] = Counter()
        self._order = order.Order()
        self._phase = PostcopyPhase()
        self._guest = Guest()
        self._pages = verify.Contents()
        self._text: str | None = None
        self._foreign: frozenset[Direction] = frozenset()
        """Directions of which it was told that octets in them are not the stream's."""
        self._skipped: dict[Direction, int] = {}
        self._latest: dict[str, frozenset[str]] = {}
        """By direction and kind of record the rules of runs that the last one broke."""
        self._aftermath = Aftermath()

    @property
    def shown(self) -> list[Finding]:
        """The findings but for those of rules that are told of on request."""
        return [finding for finding in self.findings if not finding.is_on_request]

    def add(self, event: Event, noted: Noted) -> None:
        """The next event, and what the facts made of it."""
        if isinstance(event, Record):
            self._add_record(event, noted)
        elif isinstance(event, Resynchronised):
            self._skipped[event.direction] = event.skipped

    def finish(self) -> None:
        """No event follows."""
        migration = self.migration
        for violation in self._end():
            if not self._aftermath.explains_end(violation):
                self._find(violation, violation.record)
        self.findings.sort(key=lambda finding: finding.place)
        if migration.outcome == "failed" and not self._count["error"]:
            self._find(custody.MIGRATION_FAILED(verdict=verdict(migration, self.findings)), migration.forward.last)

    def let_go(self) -> None:
        """It was finished: keeps the findings, and no more."""
        self._order, self._phase, self._text = order.Order(), PostcopyPhase(), None

    def _add_record(self, record: Record, noted: Noted) -> None:
        skipped = self._skipped.pop(record.direction, 0)
        is_beginning_lost = record.index == 0 and (record.offset or self.migration.direction(record.direction).late)
        if record.direction == FORWARD and (skipped or is_beginning_lost):
            self._order = self._order.forget()
            self._phase.forget()
            self._guest.forget()
        broken = self._judge(record, noted, bool(skipped))
        if skipped:
            broken = [*capture.judge_way(skipped, self.migration.direction(record.direction)), *broken]
        if broken:
            self._phase.blame(record, broken)
        for violation in self._new(record, _once(broken)):
            if not self._aftermath.explains(record, violation):
                self._find(violation, record)

    def _new(self, record: Record, broken: Iterable[Violation]) -> list[Violation]:
        """What the one before it in its direction, of the same name, did not break as well."""
        found = list(broken)
        if not found and not self._latest:
            return found
        # All types that nobody specified are of one kind: they may be any number.
        kind = f"{record.direction} {record.layer} {record.name if record.spec is not None else ''}"
        before = self._latest.pop(kind, NO_MISTAKE) if self._latest else NO_MISTAKE
        mistakes = [f"{violation.rule.id} {record.name}" for violation in found if "run" in violation.rule.effects]
        if mistakes:
            self._latest[kind] = frozenset(mistakes)
        return [violation for violation in found if f"{violation.rule.id} {record.name}" not in before]

    def _judge(self, record: Record, noted: Noted, is_found_again: bool) -> list[Violation]:
        """All that a record breaks. `is_found_again`: whether the way was lost before it."""
        if record.name == FOREIGN_OCTETS:
            told, self._foreign = record.direction in self._foreign, self._foreign | {record.direction}
            return [] if told else list(toolstacks.judge_foreign(record))
        if record.layer is None:
            return list(ending.judge_trailing(record))
        if record.is_text and record.layer != "xl":
            return list(toolstacks.judge_message(record))
        if record.is_text:
            self._text, broken = handshake.step(self._text, record, self.migration)
            return broken
        if noted.static_data is not None:
            return order.judge_static_data(record)
        broken = list(framing.judge(record))
        state = self._order.state
        if broken and self._order.state is State.POSTCOPY_PAGES:
            optional = framing.UNKNOWN_OPTIONAL_RECORD
            broken = [pages.in_postcopy(record) if one.rule is optional else one for one in broken]
        if record.connection is not None:
            return broken  # it has no place in the order of the image's connection
        misdirected = order.judge_direction(record)
        if misdirected is not None:
            return [*broken, misdirected]
        if isinstance(record.spec, HeaderSpec | RecordSpec):
            if record.direction == FORWARD:
                broken += self._forward(record, record.spec, noted, is_found_again)
            else:
                broken += self._reverse(record, record.spec, noted)
        return [*broken, *self._contents(record, state)]

    def _contents(self, record: Record, state: State | None) -> list[Violation]:
        """What its body says, and what the stream has not said before it. `state`: the one in which it was found."""
        guest = self._guest
        broken: list[Violation] = []
        if record.is_pages:  # by far the most records: these have a judge of their own
            broken += pv_state.judge(record, guest)
            guest.advance(record)
            if len(record.body) == record.body_length and record.direction == FORWARD:
                broken += self._pages.judge(record, state)
                self._pages.advance(record, state)
            return broken
        for judge in (contents.judge, hvm_state.judge, pv_state.judge):
            broken += judge(record, guest)
        broken += contents.judge_colo(record, guest, self.migration.reverse)
        if record.direction == FORWARD:
            broken += contents.judge_missing(record, guest, state)
            broken += pv_state.judge_end(record, guest)
            broken += pv_state.judge_frames(record, guest, self.migration.pages.pfns)
            broken += postcopy.judge_setup(record, guest, self.migration)
        guest.advance(record)
        if record.direction == FORWARD:
            broken += contents.judge_tsc(record, guest)
        return broken

    def _forward(
        self, record: Record, spec: HeaderSpec | RecordSpec, noted: Noted, is_found_again: bool
    ) -> list[Violation]:
        seen = order.Seen(record, spec, is_found_again, self._phase.complete is not None)
        self._order, before, broken = order.step(self._order, seen)
        broken += pages.judge_forward(record, noted, self._phase, self.migration)
        self._phase.advance(record, before, self._order.state)
        return broken

    def _reverse(self, record: Record, spec: HeaderSpec | RecordSpec, noted: Noted) -> list[Violation]:
        phase, state = self._phase, self._order.state
        broken = list(postcopy.judge_complete(record, phase))
        if spec.role is Role.POSTCOPY_FAULT:
            broken += pages.judge_fault(record, noted, phase, phase.is_ahead(state), self.migration)
        phase.advance(record, state, state)
        return broken

    def _end(self) -> Iterator[Violation]:
        """What the end shows, of capture and migration."""
        migration, phase = self.migration, self._phase
        yield from capture.judge_end(migration)
        # Before what follows from it.
        yield from postcopy.judge_end(phase, self._order.is_followed, migration)
        yield from pages.judge_end(phase, migration)
        yield from ending.judge_end(migration, self._order.state)
        yield from pages.judge_unanswered(phase, migration)
        yield from handshake.judge_end(self._text, migration)
        yield from custody.judge_end(migration)

    def _find(self, violation: Violation, record: Record | None) -> None:
        severity = violation.gravity
        self._count[severity] += 1
        if self._count[severity] > FINDINGS_MAX:
            self.left_out += 1
            return
        is_captured = record is not None and self.migration.is_capture
        self.findings.append(
            Finding(
                rule=RuleId(violation.rule.id),
                severity=severity,
                migration=self.migration.number,
                direction=record.direction if record else violation.direction,
                layer=record.layer if record else None,
                record=record.name if record else None,
                index=record.index if record else None,
                number=(record.number or None) if record else None,
                offset=record.offset if record else None,
                frame=record.first.frame if record and is_captured else None,
                time=(record.first.time or None) if record and is_captured else None,
                message=violation.message,
            )
        )


NO_MISTAKE: frozenset[str] = frozenset()


def _once(broken: Iterable[Violation]) -> Iterator[Violation]:
    """Each rule that a record broke, once."""
    firsts: list[Violation] = []
    count: dict[str, int] = {}
    for violation in broken:
        if violation.rule.id not in count:
            firsts.append(violation)
        count[violation.rule.id] = count.get(violation.rule.id, 0) + 1
    for first in firsts:
        more = count[first.rule.id] - 1
        if more:
            yield first._replace(message=first.message + AND_MORE.format(more=more))
        else:
            yield first
