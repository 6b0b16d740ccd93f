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

from dissector.events import FORWARD, Direction, Event, Record, Resynchronised
from dissector.facts.migration import Migration, Noted
from dissector.protocol import HeaderSpec, RecordSpec, Role, State
from dissector.rules import capture, ending, framing, handshake, order, pages, postcopy
from dissector.rules.findings import Finding
from dissector.rules.postcopy_phase import PostcopyPhase
from dissector.rules.rule import AND_MORE, Rule, RuleId, Severity, Violation

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
        self._text: str | None = None
        self._skipped: dict[Direction, int] = {}

    def add(self, event: Event, noted: Noted) -> None:
        """The next event, and what the facts made of it."""
        if isinstance(event, Record):
            self._add_record(event, noted)
        elif isinstance(event, Resynchronised):
            self._skipped[event.direction] = event.skipped

    def finish(self) -> None:
        """No event follows."""
        for violation in self._end():
            self._find(violation, violation.record)
        self.findings.sort(key=lambda finding: finding.place)

    def _add_record(self, record: Record, noted: Noted) -> None:
        skipped = self._skipped.pop(record.direction, 0)
        is_beginning_lost = record.index == 0 and self.migration.direction(record.direction).late
        if record.direction == FORWARD and (skipped or is_beginning_lost):
            self._order = self._order.forget()
            self._phase.forget()
        broken = self._judge(record, noted, bool(skipped))
        if skipped:
            broken = [*capture.judge_way(skipped, self.migration.direction(record.direction)), *broken]
        if broken:
            self._phase.blame(record, broken)
            for violation in _once(broken):
                self._find(violation, record)

    def _judge(self, record: Record, noted: Noted, is_found_again: bool) -> list[Violation]:
        """All that a record breaks. `is_found_again`: whether the way was lost before it."""
        if record.layer is None:
            return list(ending.judge_trailing(record))
        if record.is_text:
            self._text, broken = handshake.step(self._text, record, self.migration)
            return broken
        if noted.static_data is not None:
            return order.judge_static_data(record)
        broken = list(framing.judge(record))
        if broken and self._order.state is State.POSTCOPY_PAGES:
            optional = framing.UNKNOWN_OPTIONAL_RECORD
            broken = [pages.in_postcopy(record) if one.rule is optional else one for one in broken]
        misdirected = order.judge_direction(record)
        if misdirected is not None:
            return [*broken, misdirected]
        if isinstance(record.spec, HeaderSpec | RecordSpec):
            if record.direction == FORWARD:
                return broken + self._forward(record, record.spec, noted, is_found_again)
            return broken + self._reverse(record, record.spec, noted)
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
                offset=record.offset if record else None,
                frame=record.first.frame if record and is_captured else None,
                time=record.first.time if record and is_captured else None,
                message=violation.message,
            )
        )


def _once(broken: Iterable[Violation]) -> Iterator[Violation]:
    """Each rule that a record broke, once."""
    by_rule: dict[Rule, list[Violation]] = {}
    for violation in broken:
        by_rule.setdefault(violation.rule, []).append(violation)
    for first, *more in by_rule.values():
        yield first._replace(message=first.message + AND_MORE.format(more=len(more))) if more else first
