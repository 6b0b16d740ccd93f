"""Judges one migration, record by record in wire order, and says what the end of it leaves open.

One mistake gives one finding: a record breaks a rule once, with however many of its entries, and after a
violation checking goes on from the state that the record itself implies. What the capture hides is no
violation: after a gap over a header the state is unknown until a record tells it, and a rule that needs a list
of pages is silent once a part of such a list was lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from dissector.facts.faults import is_misdirected
from dissector.facts.migration import Migration
from dissector.parser import FORWARD, Record
from dissector.protocol import RecordSpec
from dissector.rules.bodies import broken_by_itself
from dissector.rules.endings import at_the_end, is_damaged
from dissector.rules.findings import Finding
from dissector.rules.handshake import said
from dissector.rules.order import ordered
from dissector.rules.pages import asked, paged
from dissector.rules.situation import Broken, Late, Situation
from dissector.rules.table import RULES

FINDINGS_MAX = 10_000
"""Findings of one severity kept for one migration; the rest is counted."""


class Checker:
    """The rules over one migration, whose facts take in a record before the checker does."""

    def __init__(self, migration: Migration) -> None:
        self.migration = migration
        self.findings: list[Finding] = []
        self.left_out = 0
        self._found: Counter[str] = Counter()
        self._now = Situation(migration)

    def add(self, record: Record) -> None:
        """The next record."""
        now = self._now
        if record.direction not in now.first:
            now.first[record.direction] = record
            if record.direction == FORWARD and now.is_late:
                now.forget()
        broken: dict[str, list[str]] = {}
        for rule, message in self._broken(record):
            broken.setdefault(rule, []).append(message)
        for rule, (message, *more) in broken.items():
            words = f", and {len(more):,} more in this record" if more else ""
            self._find(Late(rule, message + words, record))
        now.last[record.direction] = record

    def finish(self) -> None:
        """No record follows."""
        for late in at_the_end(self._now):
            self._find(late)
        self.findings.sort(key=lambda finding: finding.place)

    def _broken(self, record: Record) -> Iterator[Broken]:
        now = self._now
        if record.skipped:
            if is_damaged(now.flow(record.direction)):
                yield (
                    "stream-resynchronised",
                    f"{record.skipped:,} octets before this record could not be followed",
                )
            if record.direction == FORWARD:
                now.forget()
        if record.layer is None:
            if self.migration.channel.layers[:1] != ["xenops"]:
                yield (
                    "data-after-end",
                    f"{record.length:,} octets after the end of the stream are no handshake",
                )
        elif record.type is None and not record.is_header:
            yield from said(record, now)
        elif self.migration.static_data is not None:
            yield "static-data-in-v2", self.migration.static_data
        else:
            for rule, message in broken_by_itself(record):
                if rule == "unknown-optional-record" and now.state == "postcopy pages":
                    rule = "postcopy-optional-record"
                    message += ", and the known receiver and sender fail on it in the postcopy phase"
                yield rule, message
            yield from self._placed(record)

    def _placed(self, record: Record) -> Iterator[Broken]:
        """What a known header or record breaks by where it is."""
        if is_misdirected(record) and isinstance(record.spec, RecordSpec):
            yield "wrong-direction", f"{record.name} goes {record.spec.direction} only"
        elif record.spec is None:
            return
        elif record.direction == FORWARD:
            yield from ordered(record, self._now)
            yield from paged(record, self._now)
        else:
            yield from asked(record, self._now)

    def _find(self, late: Late) -> None:
        severity = late.severity or RULES[late.rule].severity
        self._found[severity] += 1
        if self._found[severity] > FINDINGS_MAX:
            self.left_out += 1
            return
        record = late.record
        is_captured = record is not None and self.migration.is_capture
        finding = Finding(
            rule=late.rule,
            severity=severity,
            migration=self.migration.channel.index or 0,
            direction=record.direction if record else late.direction,
            layer=record.layer if record else None,
            record=record.name if record else None,
            index=record.index if record else None,
            offset=record.offset if record else None,
            frame=record.first.frame if record and is_captured else None,
            time=record.first.time if record and is_captured else None,
            message=late.message,
        )
        self.findings.append(finding)
        if finding.is_fatal and finding.direction == FORWARD and self._now.transition not in (None, record):
            self._now.is_spoilt = True
