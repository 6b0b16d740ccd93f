"""Records to facts and findings: every migration of one input, judged."""

from __future__ import annotations

from typing import NamedTuple

from dissector.facts import Migration
from dissector.framing import Record
from dissector.rules.checker import Checker


class Case(NamedTuple):
    """One migration and what there is to say against it."""

    migration: Migration
    checker: Checker


class Analysis:
    """Takes every record of an engine, in wire order."""

    def __init__(self) -> None:
        self.cases: list[Case] = []

    def add(self, record: Record) -> None:
        """The next record."""
        index = record.channel.index
        if index is None:
            return
        while len(self.cases) <= index:
            migration = Migration(record.channel)
            self.cases.append(Case(migration, Checker(migration)))
        migration, checker = self.cases[index]
        # The facts first: the rules ask what they made of the record.
        migration.add(record)
        checker.add(record)

    def finish(self) -> None:
        """No record follows."""
        for migration, checker in self.cases:
            migration.finish()
            checker.finish()
