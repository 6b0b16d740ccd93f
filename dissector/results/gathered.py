"""Everything of an input that pictures are drawn from, gathered while it is read once."""

from __future__ import annotations

from dissector.analysis import Analysis
from dissector.events import Event, Progress
from dissector.facts import Fault
from dissector.facts.timeline import Timelines
from dissector.results.analysis import MigrationResult
from dissector.results.faults import FaultResult
from dissector.results.timeline import TimelineResult, timelines_of


class Gathered:
    """A fold over the events and samples of an input: its migrations, what of them went when, and their faults."""

    def __init__(self) -> None:
        self.analysis = Analysis()
        self._timelines = Timelines()
        self._faults: list[Fault] = []

    def add(self, event: Event) -> None:
        """The next event, in wire order."""
        matches = self.analysis.add(event)
        self._faults.extend(matches.faults)
        self._timelines.add(event)
        for fault in matches.faults:
            if fault.answer is not None:
                self._timelines.answered(fault)

    def sample(self, progress: Progress) -> None:
        """How far a direction of a migration has come."""
        self._timelines.sample(progress)

    def finish(self) -> None:
        """No event follows."""
        self.analysis.finish()
        self._timelines.finish()

    @property
    def words_left_out(self) -> str | None:
        """What to say of migrations for which there was no room."""
        return self.analysis.words_left_out

    @property
    def timelines(self) -> tuple[TimelineResult, ...]:
        """Of each migration that has one."""
        return timelines_of(self._timelines, self.analysis.migrations)

    @property
    def faults(self) -> tuple[FaultResult, ...]:
        """Of all migrations, in the order in which they were sent."""
        return tuple(map(FaultResult.of, self._faults))

    def migration(self, number: int) -> MigrationResult:
        """One of them."""
        return MigrationResult.of(self.analysis[number])
