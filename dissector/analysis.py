"""Records to facts and findings: every migration of one input, judged."""

from __future__ import annotations

from typing import NamedTuple

from dissector.facts import Migration
from dissector.parser import Channel, Record
from dissector.rules.checker import Checker


class Case(NamedTuple):
    """One migration and what there is to say against it."""

    migration: Migration
    checker: Checker


class Analysis:
    """Takes every record of an engine, in wire order."""

    def __init__(self) -> None:
        self.cases: list[Case] = []
        """In the order of their first records; after `finish` in that of the migrations."""
        self._by_channel: dict[Channel, Case] = {}
        self._ended: set[Channel] = set()

    def add(self, record: Record) -> None:
        """The next record."""
        case = self.case_of(record)
        if case is None:
            return
        migration, checker = case
        # The facts first: the rules ask what they made of the record.
        migration.add(record)
        checker.add(record)

    def case_of(self, record: Record) -> Case | None:
        """The case that a record belongs to; None of what is no migration."""
        channel = record.channel
        if channel not in self._by_channel and channel.index is not None:
            migration = Migration(channel)
            self._by_channel[channel] = case = Case(migration, Checker(migration))
            self.cases.append(case)
        return self._by_channel.get(channel)

    def end(self, case: Case) -> None:
        """No record follows for one of them."""
        migration, checker = case
        if migration.channel not in self._ended:
            self._ended.add(migration.channel)
            migration.finish()
            checker.finish()

    def finish(self) -> None:
        """No record follows."""
        for case in self.cases:
            self.end(case)
        self.cases.sort(key=lambda case: case.migration.channel.index or 0)
