"""What one migration was: every fact about it, each from a fold of its own over the migration's events."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from dissector.events import (
    FORWARD,
    REVERSE,
    Context,
    Direction,
    Event,
    Flow,
    MigrationFound,
    Record,
    Run,
)
from dissector.facts.directions import DirectionFacts
from dissector.facts.endings import Endings
from dissector.facts.faults import NOTHING, Fault, Faults
from dissector.facts.iterations import Iteration, Iterations
from dissector.facts.outcome import Evidence, Kind, Outcome, outcome
from dissector.facts.pages import Pages
from dissector.facts.phases import Phase, Phases
from dissector.facts.postcopy import PostcopyTimes
from dissector.facts.roles import role_of
from dissector.facts.static_data import StaticData
from dissector.protocol import Layer, Role


class Noted(NamedTuple):
    """What the facts made of one event."""

    static_data: str | None = None
    """Why a record of a version-2 stream is static data of version 3; None if it is none."""
    again: tuple[Run, ...] = ()
    """Runs that it announces, asks for or sends a second time."""
    faults: tuple[Fault, ...] = ()
    """Faults of pfns that it is the first to ask for."""
    answered: tuple[Fault, ...] = ()
    """Faults whose answer is known since it came."""


UNREMARKABLE = Noted()


class Migration:
    """The facts of one migration, so far. Times are ns since the epoch, or 0 where the input has none."""

    def __init__(self, number: int, flow: Flow | None = None) -> None:
        self.number = number
        """Which migration of its input, from 0."""
        self.flow = flow
        """Who migrates to whom; None for a file that is no capture."""
        self.context = Context()
        """What the headers have said."""
        self.forward = DirectionFacts(FORWARD)
        self.reverse = DirectionFacts(REVERSE)
        self.records: dict[Direction, Counter[str]] = {FORWARD: Counter(), REVERSE: Counter()}
        """Whole records by "layer.NAME"."""
        self.first_time: int | None = None
        self.last_time: int | None = None
        self.pages = Pages()
        self.faults = Faults()
        self.postcopy = PostcopyTimes()
        self._iterations = Iterations()
        self._phases = Phases()
        self._endings = Endings()
        self._static_data = StaticData()

    def direction(self, direction: Direction) -> DirectionFacts:
        """What is known of one direction."""
        return self.forward if direction == FORWARD else self.reverse

    def add(self, event: Event) -> Noted:
        """The next event of this migration, in wire order."""
        if isinstance(event, MigrationFound):
            self.flow = event.flow
            return UNREMARKABLE
        self.direction(event.direction).add(event)
        return self._add(event) if isinstance(event, Record) else UNREMARKABLE

    def finish(self) -> None:
        """No event follows."""
        self._phases.finish()

    def _add(self, record: Record) -> Noted:
        self._learn(record)
        static_data = self._static_data.add(record)
        self._phases.add(record, static_data is not None, self.forward.is_followed)
        if record.type is None:
            self._endings.add_text(record)
            return UNREMARKABLE
        if record.whole:
            self.records[record.direction][f"{record.layer}.{record.name}"] += 1
        if static_data is not None:
            return Noted(static_data)
        return self._count(record) if record.whole and not record.is_misdirected else UNREMARKABLE

    def _learn(self, record: Record) -> None:
        """What any record, header or text tells beside what it is."""
        if record.context.revision >= self.context.revision:
            self.context = record.context
        other = self.reverse if record.direction == FORWARD else self.forward
        other.acked = max(other.acked, record.acked)
        if self.first_time is None:
            self.first_time = record.first.time
        self.last_time = max(self.last_time or 0, record.last.time)

    def _count(self, record: Record) -> Noted:
        """A whole record of its right direction, which is what its number says."""
        self.postcopy.add(record)
        self._endings.add(record, self.postcopy.is_postcopy)
        self._iterations.add(record)
        if role_of(record) is Role.MEMORY:
            self.pages.add(record)
            return UNREMARKABLE
        matches = self.faults.add(record)
        return UNREMARKABLE if matches is NOTHING else Noted(None, matches.again, matches.faults, matches.answered)

    @property
    def is_capture(self) -> bool:
        """Whether packets carried it: a file has no times and no other direction."""
        return self.flow is not None

    @property
    def begins_late(self) -> bool:
        """Whether the beginning of its forward direction was not captured."""
        first = self.forward.first
        return self.forward.late or (first is not None and not first.is_header)

    @property
    def iterations(self) -> list[Iteration]:
        """The passes of precopy over memory."""
        return self._iterations.all

    @property
    def phases(self) -> list[Phase]:
        return self._phases.all

    @property
    def texts(self) -> dict[str, Record]:
        """Handshake texts by direction and name, e.g. "reverse report"."""
        return self._endings.texts

    @property
    def ended(self) -> set[Layer]:
        """Layers whose END came."""
        return self._endings.ended

    @property
    def checkpoints(self) -> int:
        """Whole ones."""
        return self._endings.checkpoints

    @property
    def downtime(self) -> int | None:
        """From POSTCOPY_BEGIN's first octet to POSTCOPY_TRANSITION_END's last, in ns."""
        return self.postcopy.downtime if self.is_capture else None

    @property
    def postcopy_duration(self) -> int | None:
        """From POSTCOPY_TRANSITION_END's last octet to POSTCOPY_COMPLETE's last, in ns."""
        return self.postcopy.duration if self.is_capture else None

    @property
    def kind(self) -> Kind:
        if not self.is_capture:
            return "save"
        if self.postcopy.is_postcopy:
            return "postcopy"
        if self.checkpoints or "libxc.CHECKPOINT" in self.records[FORWARD]:
            return "checkpointed"
        return "live"

    @property
    def outcome(self) -> Outcome:
        """How it came out, as far as the wire shows it; "incomplete" while it goes on."""
        is_complete = self.postcopy.complete is not None
        return outcome(Evidence(self.kind, self.context, self.forward, self.reverse, self._endings, is_complete))
