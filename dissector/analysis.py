"""Events to facts and findings: every migration of one input, judged."""

from __future__ import annotations

from heapq import heapify, heappop, heappush, heappushpop
from typing import NamedTuple

from dissector.events import REVERSE, DirectionEnded, Event
from dissector.facts import UNREMARKABLE, Migration, Noted
from dissector.rules.checker import Checker
from dissector.units import many

MIGRATIONS_MAX = 1 << 10
"""Migrations that have ended and are kept, each with some kB; of more those go that carried least: 24 octets make one,
so a connection of a few MB may hold hundreds of thousands."""


class MigrationAnalysis(NamedTuple):
    """One migration, and what there is to say against it."""

    migration: Migration
    checker: Checker


class Analysis:
    """A fold over every event of an input, in wire order."""

    def __init__(self, ends_by_itself: bool = True) -> None:
        """`ends_by_itself`: a migration of which no octet follows is judged at once; else whoever has it calls `end`
        for each."""
        self.left_out = 0
        """Migrations that were let go of because there were too many."""
        self._ends_by_itself = ends_by_itself
        self._by_number: dict[int, MigrationAnalysis] = {}
        self._ended: set[int] = set()
        self._kept: list[tuple[int, int]] = []
        self._halves: set[int] = set()
        """Those of which one direction has ended, and the other has not."""
        self._half_over: list[tuple[int, int]] = []
        """Them, and some that are over by now, the least first."""
        self._cut_short: set[int] = set()
        self._gone: set[int] = set()

    @property
    def migrations(self) -> list[MigrationAnalysis]:
        """In the order of their numbers."""
        return [self._by_number[number] for number in sorted(self._by_number)]

    @property
    def words_left_out(self) -> str | None:
        """What to say of those, if there are any."""
        if not self.left_out:
            return None
        verb = "is" if self.left_out == 1 else "are"
        return f"{many(self.left_out, 'migration')} more, which carried least, {verb} left out"

    def add(self, event: Event) -> Noted:
        """The next event, and what the facts made of it."""
        if self.is_gone(event.migration):
            if type(event) is DirectionEnded and event.direction == REVERSE:
                self._gone.discard(event.migration)  # nothing follows
            return UNREMARKABLE
        migration, checker = self[event.migration]
        was_over = migration.is_over
        # The facts first: the rules are told what they made of the event.
        noted = migration.add(event)
        checker.add(event, noted)
        if type(event) is DirectionEnded and not was_over:
            self._note_end(migration)
        return noted

    def is_gone(self, number: int) -> bool:
        """Whether it was let go of before it was over: what follows of it is for nobody."""
        return number in self._gone

    def _note_end(self, migration: Migration) -> None:
        """A direction of it has ended."""
        number = migration.number
        if not migration.is_over:
            if migration.forward.ended is None:
                return
            # The other direction may be silent to the end of the connection, which holds one migration after the other.
            self._halves.add(number)
            heappush(self._half_over, (migration.forward.seen, -number))
            if len(self._half_over) > 2 * MIGRATIONS_MAX:
                self._half_over = [one for one in self._half_over if -one[1] in self._halves]
                heapify(self._half_over)
            if len(self._halves) <= MIGRATIONS_MAX:
                return
            while (number := -heappop(self._half_over)[1]) not in self._halves:
                pass
            migration = self[number].migration
            migration.add(DirectionEnded(number, REVERSE, "capture", migration.reverse.offset))
            self._cut_short.add(number)
        self._halves.discard(number)
        if number in self._ended:
            self._let_go(number)
        elif self._ends_by_itself:
            self.end(number)

    def __getitem__(self, number: int) -> MigrationAnalysis:
        """One of the migrations, by its number."""
        found = self._by_number.get(number)
        if found is None:
            migration = Migration(number)
            found = self._by_number[number] = MigrationAnalysis(migration, Checker(migration))
        return found

    def end(self, number: int) -> None:
        """Judges one of them: nothing of importance follows."""
        if number not in self._ended and number not in self._gone:
            self._ended.add(number)
            migration, checker = self[number]
            migration.finish()
            checker.finish()
            if migration.is_over:
                self._let_go(number)

    def finish(self) -> None:
        """No event follows."""
        for number in list(self._by_number):
            self.end(number)

    def _let_go(self, number: int) -> None:
        """Of what nobody asks about a migration that is over; and of the least one if there are too many."""
        migration, checker = self[number]
        migration.let_go()
        checker.let_go()
        newest = migration.forward.seen + migration.reverse.seen, -number
        if len(self._kept) < MIGRATIONS_MAX:
            heappush(self._kept, newest)
            return
        _, least = heappushpop(self._kept, newest)
        del self._by_number[-least]
        self._ended.discard(-least)
        if -least in self._cut_short:
            self._cut_short.discard(-least)
            self._gone.add(-least)
        self.left_out += 1
