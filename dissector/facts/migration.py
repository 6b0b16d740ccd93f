"""What one migration was: every fact about it, each from a fold of its own over the migration's events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from dissector.events import (
    FORWARD,
    REVERSE,
    Closed,
    ConnectionJoined,
    Context,
    Direction,
    Event,
    Flow,
    MigrationFound,
    Record,
    Run,
)
from dissector.facts.checkpoints import Checkpoints
from dissector.facts.clock import Clock, WentBack
from dissector.facts.custody import MayRun, may_run
from dissector.facts.directions import DirectionFacts
from dissector.facts.downtime import Downtime, Downtimes
from dissector.facts.endings import Endings
from dissector.facts.faults import NOTHING, Fault, Faults
from dissector.facts.guest import Guest
from dissector.facts.iterations import Convergence, Iteration, Iterations, best_stop, convergence, outstanding
from dissector.facts.outcome import Evidence, Kind, Outcome, outcome
from dissector.facts.pages import Pages
from dissector.facts.phases import Phase, Phases
from dissector.facts.postcopy import PostcopyTimes
from dissector.facts.roles import role_of
from dissector.facts.stalls import Stalls
from dissector.facts.static_data import StaticData
from dissector.protocol import ConnectionRole, Layer, MessageSpec, Role


class Connection(NamedTuple):
    """One of several connections that carry a migration together."""

    role: ConnectionRole
    flow: Flow | None


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


UNFOLLOWED_MOST = 0.1
"""Share of a direction's octets that may not have been followed where what was counted in it is compared."""

UNREMARKABLE = Noted()


class Migration:
    """The facts of one migration, so far. Times are ns since the epoch, or 0 where the input has none."""

    def __init__(self, number: int, flow: Flow | None = None) -> None:
        self.number = number
        """Which migration of its input, from 0."""
        self.flow = flow
        """Who migrates to whom; None for a file that is no capture."""
        self.encapsulation: tuple[str, ...] = ()
        """What its packets were found in, outermost first."""
        self.context = Context()
        """What the headers have said."""
        self.forward = DirectionFacts(FORWARD)
        self.reverse = DirectionFacts(REVERSE)
        self.records: dict[Direction, Counter[str]] = {FORWARD: Counter(), REVERSE: Counter()}
        """Whole records by "layer.NAME"."""
        self.first_time: int | None = None
        self.last_time: int | None = None
        self.connections: list[Connection] = []
        """All that carry it, if each has said for what."""
        self.guest = Guest()
        """What its toolstack says of the guest."""
        self.pages = Pages()
        self.faults = Faults()
        self.postcopy = PostcopyTimes()
        self.checkpoint_times = Checkpoints()
        self._downtimes = Downtimes()
        self._iterations = Iterations()
        self._phases = Phases()
        self._endings = Endings()
        self._static_data = StaticData()
        self._clock = Clock()

    def direction(self, direction: Direction) -> DirectionFacts:
        """What is known of one direction."""
        return self.forward if direction == FORWARD else self.reverse

    def flow_of(self, connection: ConnectionRole | None) -> Flow | None:
        """Who sends to whom on one of its connections, as `Record.connection` names it."""
        flows = {one.role: one.flow for one in self.connections}
        image = flows.get("memory", flows.get("migration", self.flow))
        return image if connection is None else flows.get(connection, self.flow)

    def add(self, event: Event) -> Noted:
        """The next event of this migration, in wire order."""
        if isinstance(event, MigrationFound):
            self.flow, self.encapsulation = event.flow, event.encapsulation
            if event.role is not None:
                self.connections.append(Connection(event.role, event.flow))
            return UNREMARKABLE
        if isinstance(event, ConnectionJoined):
            self.connections.append(Connection(event.role, event.flow))
            return UNREMARKABLE
        if not isinstance(event, Record) or event.connection is None:
            self.direction(event.direction).add(event)
        return self._add(event) if isinstance(event, Record) else UNREMARKABLE

    def finish(self) -> None:
        """No event follows."""
        self._phases.finish(self.forward.last, self.forward.stall, self.not_captured == FORWARD)
        self.postcopy.finish(self.last_time or 0)

    @property
    def first_closed(self) -> Closed | None:
        """How, when and by whom the connection was ended first: the other side's end is an answer to that."""
        both = (self.forward.closed, self.reverse.closed)
        return min((one for one in both if one is not None), key=lambda one: one.position.frame, default=None)

    @property
    def is_over(self) -> bool:
        """Whether no octet of it follows, in either direction."""
        return self.forward.ended is not None and self.reverse.ended is not None

    def let_go(self) -> None:
        """It was finished and judged: keeps what results are made of, and no more."""
        for part in (self.forward, self.reverse, self.pages, self.faults):
            part.let_go()

    def _add(self, record: Record) -> Noted:
        noted = self._fold(record)
        if record.connection is None and not record.is_misdirected and noted.static_data is None:
            self._downtimes.add(record, len(self.iterations))
        return noted

    def _fold(self, record: Record) -> Noted:
        self._learn(record)
        self.guest.add(record)
        static_data = self._static_data.add(record)
        if record.connection is None:
            self._phases.add(record, static_data is not None, self.forward.is_followed)
        if record.type is None:
            self._endings.add_text(record)
            return UNREMARKABLE
        if record.whole:
            self.records[record.direction][f"{record.layer}.{record.name}"] += 1
        if static_data is not None:
            return Noted(static_data)
        counts = record.whole and not record.is_misdirected and record.connection is None
        return self._count(record) if counts else UNREMARKABLE

    def _learn(self, record: Record) -> None:
        """What any record, header or text tells beside what it is."""
        if record.context.revision >= self.context.revision:
            self.context = record.context
        if record.connection is None:
            other = self.reverse if record.direction == FORWARD else self.forward
            other.acked = max(other.acked, record.acked)
        if self.first_time is None:
            self.first_time = record.first.time
        self._clock.add(record)
        self.last_time = max(self.last_time or 0, record.last.time)

    def _count(self, record: Record) -> Noted:
        """A whole record of its right direction, which is what its number says."""
        self.postcopy.add(record)
        self._endings.add(record, self.postcopy.is_postcopy)
        self.checkpoint_times.add(record)
        self._iterations.add(record, self.begins_late)
        if role_of(record) is Role.MEMORY:
            self.pages.add(record)
            return UNREMARKABLE
        matches = self.faults.add(record)
        self.postcopy.match(matches, record.last.time)
        return UNREMARKABLE if matches is NOTHING else Noted(None, matches.again, matches.faults, matches.answered)

    @property
    def is_capture(self) -> bool:
        """Whether packets carried it: a file has no times and no other direction."""
        return self.flow is not None

    @property
    def is_timed(self) -> bool:
        """Whether the input has times: a file has none, and some packets of some captures have none either."""
        return self.is_capture and not self._clock.has_stood

    @property
    def went_back(self) -> WentBack | None:
        """Where the capture's clock went back first, if it did."""
        return self._clock.went_back if self.is_timed else None

    @property
    def begins_late(self) -> bool:
        """Whether the beginning of its forward direction was not captured."""
        first = self.forward.first
        return self.forward.late or (
            first is not None and not first.is_header and not isinstance(first.spec, MessageSpec)
        )

    @property
    def iterations(self) -> list[Iteration]:
        """The passes of precopy over memory."""
        return self._iterations.all

    @property
    def convergence(self) -> Convergence | None:
        """Whether precopy gained on what the guest wrote; None where nothing tells, or too little was followed."""
        is_told = self.is_timed and UNFOLLOWED_MOST * self.forward.offset >= self.forward.not_followed
        return convergence(self.iterations) if is_told else None

    @property
    def outstanding(self) -> list[int | None]:
        """For each iteration the pages that were still to be sent at its end; None where nothing tells."""
        return outstanding(self.iterations, self.faults.outstanding.count if self.faults.announced else None)

    @property
    def best_stop(self) -> int | None:
        """The iteration after which it was best to stop, or to switch to postcopy; checkpoints never stop."""
        if self.kind == "checkpointed":
            return None
        return best_stop(self.iterations, self.outstanding)

    @property
    def phases(self) -> list[Phase]:
        return self._phases.all

    @property
    def stalls(self) -> Stalls:
        """When the source stood still."""
        return self._phases.stalls

    @property
    def not_captured(self) -> Direction | None:
        """The direction of which the capture has no packet at all, as the other's acknowledgements tell at its end."""
        if not self.is_capture or self.forward.ended is None:
            return None
        if self.forward.taken is None:
            return REVERSE if self.forward.offset > self.forward.started and not self.reverse.found else None
        return FORWARD if self.forward.taken > 1 and self.forward.offset == self.forward.started else None

    @property
    def texts(self) -> dict[str, Record]:
        """Handshake texts by direction and name, e.g. "reverse report"."""
        return self._endings.texts

    @property
    def remote_error(self) -> Record | None:
        """The message in which a side says why it failed, if one does."""
        return self._endings.remote_error

    @property
    def ended(self) -> Mapping[Layer, int]:
        """Layers whose END came, and the offset after it."""
        return self._endings.ended

    @property
    def checkpoints(self) -> int:
        """Whole ones."""
        return self._endings.checkpoints

    @property
    def downtime(self) -> Downtime | None:
        """How long the guest stood still, as bounds. None where the capture's times tell nothing or its clock went
        back, of one with checkpoints, where the source does not say when the guest goes on, and of one that failed."""
        is_told = self.is_timed and self.went_back is None and self.kind != "checkpointed"
        has_gone_on = self.outcome != "failed" or self.is_past_transition
        return self._downtimes.downtime if is_told and has_gone_on else None

    @property
    def postcopy_duration(self) -> int | None:
        """From POSTCOPY_TRANSITION_END's last octet to POSTCOPY_COMPLETE's last, in ns."""
        return self.postcopy.duration if self.is_timed else None

    @property
    def kind(self) -> Kind:
        if not self.is_capture:
            return "save"
        if self.postcopy.is_postcopy:
            return "postcopy"
        if self.checkpoints or "libxc.CHECKPOINT" in self.records[FORWARD]:
            return "checkpointed"
        return "non-live" if self._stood_still else "live"

    @property
    def _stood_still(self) -> bool:
        """Whether the guest was suspended before its memory was sent: one pass over it, and its state behind that."""
        passes = sum(not one.verify for one in self.iterations)
        is_whole = not (self.begins_late or self.forward.is_damaged)
        return passes == 1 and is_whole and any(phase.name in ("stop", "finish") for phase in self.phases)

    @property
    def outcome(self) -> Outcome:
        """How it came out, as far as the wire shows it; "incomplete" while it goes on."""
        return outcome(self._evidence)

    @property
    def may_run(self) -> MayRun:
        """Which side may run the guest, as far as the wire shows it."""
        return may_run(self._evidence, self.outcome, self.is_past_transition)

    @property
    def is_bare(self) -> bool:
        """Whether nothing around the stream says what became of the guest."""
        return self._evidence.is_bare

    @property
    def is_past_transition(self) -> bool:
        """Whether part of memory is missing at the destination, and the rest of the guest there."""
        return self.postcopy.resumed is not None or "libxc.POSTCOPY_PAGE_DATA" in self.records[FORWARD]

    @property
    def _evidence(self) -> Evidence:
        is_complete = self.postcopy.complete is not None
        is_signalled = any(one.role == "migration" for one in self.connections)
        return Evidence(self.kind, self.context, self.forward, self.reverse, self._endings, is_complete, is_signalled)
