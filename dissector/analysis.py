"""Events to facts and findings: every migration of one input, judged."""

from __future__ import annotations

from typing import NamedTuple

from dissector.events import Event
from dissector.facts import Migration, Noted
from dissector.rules.checker import Checker


class MigrationAnalysis(NamedTuple):
    """One migration, and what there is to say against it."""

    migration: Migration
    checker: Checker


class Analysis:
    """A fold over every event of an input, in wire order."""

    def __init__(self) -> None:
        self.migrations: list[MigrationAnalysis] = []
        """In the order in which they were found; after `finish` in that of their numbers."""
        self._by_number: dict[int, MigrationAnalysis] = {}
        self._ended: set[int] = set()

    def add(self, event: Event) -> Noted:
        """The next event, and what the facts made of it."""
        migration, checker = self[event.migration]
        # The facts first: the rules are told what they made of the event.
        noted = migration.add(event)
        checker.add(event, noted)
        return noted

    def __getitem__(self, number: int) -> MigrationAnalysis:
        """One of the migrations, by its number."""
        found = self._by_number.get(number)
        if found is None:
            migration = Migration(number)
            found = self._by_number[number] = MigrationAnalysis(migration, Checker(migration))
            self.migrations.append(found)
        return found

    def end(self, number: int) -> None:
        """No event follows for one of them."""
        if number not in self._ended:
            self._ended.add(number)
            migration, checker = self[number]
            migration.finish()
            checker.finish()

    def finish(self) -> None:
        """No event follows."""
        for number in list(self._by_number):
            self.end(number)
        self.migrations.sort(key=lambda one: one.migration.number)
