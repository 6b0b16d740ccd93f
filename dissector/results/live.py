"""What happens while migrations go on, as `live --json` prints it: one object an event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeAlias

from dissector.events import Flow
from dissector.facts import Kind, Outcome, PhaseName
from dissector.monitor import Notice, NoticeKind, Snapshot
from dissector.results.analysis import AnalysisResult, MigrationResult
from dissector.results.base import Result
from dissector.results.common import Duration, FlowResult, LatencyResult, Octets, Time, time_of
from dissector.results.faults import FaultResult
from dissector.results.findings import FindingResult
from dissector.rules.verdict import verdict
from dissector.units import NS


class Event(Result, kw_only=True):
    """An event: its kind comes first."""

    event: str


class OfMigration(Result, kw_only=True):
    """The migration to which something happened, and when."""

    migration: Annotated[int, "which of the input, from 0"]
    time: Time | None


class CaptureEvent(Event, kw_only=True):
    """The capture has begun."""

    event: Literal["capture"] = "capture"
    interface: str
    program: Annotated[str, "which program captures"]
    filter: Annotated[str, "the capture filter"]
    file: Annotated[str | None, "where the capture is kept"]
    user: Annotated[str | None, "who goes on in place of root; null: it was not root, or stays it"]


class MigrationEvent(OfMigration, Event, kw_only=True):
    """A migration was found."""

    event: Literal["migration"] = "migration"
    flow: FlowResult | None


class PhaseEvent(OfMigration, Event, kw_only=True):
    """A phase has begun."""

    event: Literal["phase"] = "phase"
    name: PhaseName


class IterationEvent(OfMigration, Event, kw_only=True):
    """A pass over memory has begun."""

    event: Literal["iteration"] = "iteration"
    index: int
    verify: Annotated[bool, "whether pages are sent again to be compared"]


class FaultEvent(FaultResult, Event, kw_only=True):
    """A fault was answered. Its time is that of the fault."""

    event: Literal["fault"] = "fault"


class FindingEvent(FindingResult, Event, kw_only=True):
    """Something was found."""

    event: Literal["finding"] = "finding"


class EndEvent(OfMigration, Event, kw_only=True):
    """A migration has ended."""

    event: Literal["end"] = "end"
    kind: Kind
    outcome: Outcome
    verdict: str


class SnapshotResult(Result, kw_only=True):
    """How a migration stands; rates are those of the last second."""

    migration: Annotated[int, "which of the input, from 0"]
    kind: Kind
    phase: PhaseName
    waiting_for: Annotated[str, "what is to come next, as far as the stream tells"]
    elapsed: Annotated[Duration, "since the first octet"]
    idle: Annotated[Duration, "in which no new octet came, in either direction"]
    window_closed: Annotated[
        Duration | None, "for how long the destination has taken no more octets; null: its window is open"
    ]
    remaining: Annotated[Duration | None, "an estimate of the rest of the first pass, or of the pages outstanding"]
    iteration: int | None
    forward: Annotated[Octets, "distinct octets seen of the forward direction"]
    bytes_per_second: int
    pages: Annotated[int, "page contents sent, before and after the transition"]
    pages_per_second: int
    dirty_pages_per_second: Annotated[
        float | None, "pages that the guest wrote to during the newest iteration of which the next one is over"
    ]
    announced: Annotated[int, "pages announced by POSTCOPY_PFNS"]
    outstanding: Annotated[int, "those of them that have not come"]
    faulted_pfns: int
    answered: int
    in_flight: int
    unanswered: int
    latest_latency: Annotated[Duration | None, "of the newest fault that was answered and not in flight"]
    latency: LatencyResult | None
    not_captured: Annotated[Octets, "octets that the capture lost"]
    findings: Annotated[Mapping[str, int], "by severity"]
    outcome: Annotated[Outcome | None, "null as long as it goes on"]

    @classmethod
    def of(cls, snapshot: Snapshot) -> SnapshotResult:
        return cls(
            migration=snapshot.migration,
            kind=snapshot.kind,
            phase=snapshot.phases[-1][0],
            waiting_for="; ".join(filter(None, (snapshot.waiting_for, snapshot.sign))),
            elapsed=snapshot.elapsed / NS,
            idle=snapshot.idle / NS,
            window_closed=time_of(snapshot.shut),
            remaining=time_of(snapshot.remaining),
            iteration=snapshot.iteration and snapshot.iteration[0],
            forward=snapshot.octets,
            bytes_per_second=snapshot.octets_rate,
            pages=snapshot.pages,
            pages_per_second=snapshot.pages_rate,
            dirty_pages_per_second=snapshot.dirty_rate,
            announced=snapshot.announced,
            outstanding=snapshot.outstanding,
            faulted_pfns=snapshot.asked,
            answered=snapshot.answered,
            in_flight=snapshot.in_flight,
            unanswered=snapshot.asked - snapshot.answered,
            latest_latency=time_of(snapshot.latest),
            latency=LatencyResult.of(snapshot.latency),
            not_captured=snapshot.lost,
            findings=snapshot.findings,
            outcome=snapshot.outcome,
        )


class StatisticsEvent(Event, kw_only=True):
    """How everything stands, once a second."""

    event: Literal["statistics"] = "statistics"
    time: Annotated[float, "seconds since the epoch, by the clock of this host"]
    packets: int
    bytes: Octets
    kept: Annotated[Octets | None, "of the file that is kept"]
    migrations: tuple[SnapshotResult, ...]


class SummaryEvent(AnalysisResult, Event, kw_only=True):
    """The last event: what `analyze --json` prints of the whole."""

    event: Literal["summary"] = "summary"


class LoggedResult(MigrationResult, kw_only=True):
    """A migration that has ended, as `live --log` writes it."""

    capture: Annotated[str, "host, interface and beginning of the capture in which it has this id"]


LiveEvent: TypeAlias = (
    CaptureEvent
    | MigrationEvent
    | PhaseEvent
    | IterationEvent
    | FaultEvent
    | FindingEvent
    | StatisticsEvent
    | EndEvent
    | SummaryEvent
)


def event_of(notice: Notice) -> LiveEvent:
    """What happened, as it is now."""
    return _EVENTS[notice.kind](notice)


def _migration(notice: Notice) -> MigrationEvent:
    flow: Flow | None = notice.analysis.migration.flow
    return MigrationEvent(**_where(notice), flow=FlowResult.of(flow))


def _end(notice: Notice) -> EndEvent:
    migration, checker = notice.analysis
    words = verdict(migration, checker.findings)
    return EndEvent(**_where(notice), kind=migration.kind, outcome=migration.outcome, verdict=words)


def _where(notice: Notice) -> dict[str, Any]:
    return {"migration": notice.analysis.migration.number, "time": time_of(notice.time)}


_EVENTS: Mapping[NoticeKind, Callable[[Any], LiveEvent]] = {
    "migration": _migration,
    "phase": lambda notice: PhaseEvent(**_where(notice), name=notice.subject.name),
    "iteration": lambda notice: IterationEvent(
        **_where(notice), index=notice.subject.index, verify=notice.subject.verify
    ),
    "fault": lambda notice: FaultEvent(**vars(FaultResult.of(notice.subject))),
    "finding": lambda notice: FindingEvent(**vars(FindingResult.of(notice.subject))),
    "end": _end,
}
