"""Every migration of an input, as `analyze --json` prints it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Annotated, Literal, Self

from dissector import events, protocol
from dissector.analysis import MigrationAnalysis
from dissector.events import FORWARD, REVERSE
from dissector.facts import (
    Connection,
    Convergence,
    Iteration,
    Kind,
    Migration,
    Outcome,
    Pages,
    Phase,
    PhaseName,
    Toolstack,
    dirty_rate,
    distribution,
    toolstack,
    type_of,
)
from dissector.facts.custody import Custody
from dissector.results.base import Result
from dissector.results.common import (
    Direction,
    Duration,
    FlowResult,
    LatencyResult,
    Layer,
    Octets,
    Offset,
    Time,
    time_of,
)
from dissector.results.findings import FindingResult
from dissector.results.source import SourceResult
from dissector.rules.verdict import verdict
from dissector.units import NS

SCHEMA: Literal["xenshark.analysis/1"] = "xenshark.analysis/1"


class StreamResult(Result):
    """What the headers say."""

    version: Annotated[int | None, "of the libxc stream"]
    postcopy_dialect: Annotated[bool, "whether records of the postcopy RFC were seen"]
    endianness: protocol.Endianness
    guest: Annotated[str | None, "x86 PV, x86 HVM, or a number"]
    page_size: Octets | None
    xen: Annotated[str | None, "version of the Xen that sends, such as 4.17"]

    @classmethod
    def of(cls, context: events.Context) -> StreamResult:
        page_size = 1 << context.page_shift if context.guest else None
        return cls(context.version, context.postcopy, context.endianness, context.guest, page_size, context.xen)


class BothResult(Result):
    """A count for each direction."""

    forward: int
    reverse: int


class MayRunResult(Result):
    """Whether each side may run the guest, as far as the wire shows it."""

    source: Custody
    destination: Custody


class RecordsResult(Result):
    """How many whole records there were, by names such as libxc.PAGE_DATA."""

    forward: Mapping[str, int]
    reverse: Mapping[str, int]


class PagesResult(Result):
    """The entries of PAGE_DATA."""

    entries: int
    data_pages: Annotated[int, "entries with contents"]
    unique_pfns: Annotated[int | None, "null: too many to tell"]
    by_type: Annotated[Mapping[str, int], "entries by their page type"]
    sent_again: Annotated[int, "pages sent when they had been sent before"]

    @classmethod
    def of(cls, pages: Pages) -> PagesResult:
        unique = None if pages.pfns.overflow else pages.pfns.count
        return cls(pages.entries, pages.data_pages, unique, dict(pages.by_type), pages.sent_again)


class IterationResult(Result):
    """A pass of precopy over memory: a new one where the pfns start again from below, or a record was not filled."""

    index: int
    entries: int
    data_pages: Annotated[int, "entries with contents"]
    start_time: Time | None
    end_time: Time | None
    verify: Annotated[bool, "whether pages are sent again to be compared"]
    dirty_pages_per_second: Annotated[float | None, "pages that the guest wrote to while it went on: the next one's"]
    sent_pages_per_second: float | None
    octets_per_second: float | None

    @classmethod
    def of(cls, iteration: Iteration, following: Iteration | None, is_timed: bool) -> IterationResult:
        took = iteration.duration if is_timed else 0
        return cls(
            iteration.index,
            iteration.entries,
            iteration.data_pages,
            time_of(iteration.start_time, is_timed),
            time_of(iteration.end_time, is_timed),
            iteration.verify,
            dirty_rate(iteration, following) if is_timed else None,
            iteration.data_pages * NS / took if took else None,
            iteration.octets * NS / took if took else None,
        )


class ConvergenceResult(Result):
    """Whether precopy gained on what the guest wrote, over the later half of its iterations."""

    converging: Annotated[bool, "whether fewer pages were written to than sent in the same time"]
    dirty_pages_per_second: float
    sent_pages_per_second: float

    @classmethod
    def of(cls, found: Convergence | None) -> ConvergenceResult | None:
        """None where there is nothing to compare."""
        return None if found is None else cls(*found)


class GuestResult(Result):
    """Which guest it is, as far as its toolstack says."""

    name: str | None
    uuid: str | None
    type: Annotated[str | None, "pv, pvh or hvm: as configured, else as the stream says, which knows no pvh"]
    vcpus: int | None
    memory: Octets | None
    toolstack: Toolstack | None

    @classmethod
    def of(cls, migration: Migration) -> GuestResult:
        guest, context = migration.guest, migration.context
        type = type_of(guest, context)
        who = toolstack(context, migration.flow)
        return cls(guest.name, guest.uuid, type, guest.vcpus, guest.memory, who)


class ConnectionResult(Result):
    """One of several connections of a migration."""

    role: Annotated[protocol.ConnectionRole, "migration: handshakes; memory: the image; vgpu: a graphics card's state"]
    flow: FlowResult | None

    @classmethod
    def of(cls, connection: Connection) -> ConnectionResult:
        return cls(connection.role, FlowResult.of(connection.flow))


class PhaseResult(Result):
    """A part of the migration, up to the first octet of the next one."""

    name: PhaseName
    start_time: Time | None
    end_time: Time | None
    forward: Annotated[Octets, "octets seen of the forward direction"]
    reverse: Annotated[Octets, "octets seen of the reverse direction"]
    stall: Annotated[Duration | None, "the longest time without payload in the forward direction"]

    @classmethod
    def of(cls, phase: Phase, migration: Migration) -> PhaseResult:
        is_timed = migration.is_timed
        return cls(
            phase.name,
            time_of(phase.start_time, is_timed),
            time_of(phase.end_time, is_timed),
            phase.octets(migration.forward),
            phase.octets(migration.reverse),
            time_of(phase.stall, is_timed),
        )


class PostcopyResult(Result, kw_only=True):
    """Announced pages, and the faults and pages of the postcopy phase."""

    announced: Annotated[int, "entries of POSTCOPY_PFNS"]
    outstanding: Annotated[int, "announced pfns with a page"]
    page_records: Annotated[int, "POSTCOPY_PAGE_DATA records"]
    pages: Annotated[int, "entries in them"]
    fault_records: Annotated[int, "POSTCOPY_FAULT records"]
    faulted_pfns: int
    answered: Annotated[int, "faulted pfns whose page came"]
    in_flight: Annotated[int, "of those, how many pages were on their way when the fault was sent"]
    unanswered: int
    pushed: Annotated[int, "pages that came unasked"]
    never_sent: Annotated[int, "outstanding pfns whose page never came"]
    latency: LatencyResult | None
    downtime: Annotated[Duration | None, "POSTCOPY_BEGIN's first octet to POSTCOPY_TRANSITION_END's last"]
    duration: Annotated[Duration | None, "POSTCOPY_TRANSITION_END's last octet to POSTCOPY_COMPLETE's last"]

    @classmethod
    def of(cls, migration: Migration) -> PostcopyResult | None:
        """None of a migration without postcopy."""
        faults = migration.faults
        if migration.kind != "postcopy" and not faults.announced:
            return None
        return cls(
            announced=faults.announced,
            outstanding=faults.outstanding.count,
            page_records=faults.page_records,
            pages=faults.pages,
            fault_records=faults.fault_records,
            faulted_pfns=faults.asked.count,
            answered=faults.answered,
            in_flight=faults.in_flight,
            unanswered=faults.asked.count - faults.answered,
            pushed=faults.pushed,
            never_sent=faults.never_sent,
            latency=LatencyResult.of(distribution(faults.latencies), migration.is_timed),
            downtime=time_of(migration.downtime),
            duration=time_of(migration.postcopy_duration),
        )


class GapResult(Result):
    """Octets that the capture lost."""

    direction: Direction
    offset: Offset
    length: Octets
    record: Annotated[str | None, "name of the record they fell in"]

    @classmethod
    def of(cls, gap: events.Gap) -> GapResult:
        return cls(gap.direction, gap.offset, gap.length, gap.record)


class MigrationResult(Result, kw_only=True):
    """One migration."""

    id: Annotated[int, "which of the input, from 0"]
    flow: Annotated[FlowResult | None, "null: a file that is no capture"]
    encapsulation: Annotated[tuple[str, ...], "what its packets were found in, outermost first"]
    layers: Annotated[tuple[Layer, ...], "outermost first"]
    kind: Annotated[Kind, "live: precopy only; non-live: suspended first; checkpointed: Remus, COLO"]
    outcome: Annotated[Outcome, "failover: checkpoints stopped; incomplete: the capture does not show the end"]
    verdict: Annotated[str, "the outcome in one sentence, with its most probable reason"]
    may_run: Annotated[MayRunResult, "which side may run the guest; undefined: nothing tells"]
    stream: StreamResult
    bytes: Annotated[BothResult, "distinct octets of this migration that were seen"]
    not_followed: Annotated[BothResult, "octets passed over where the way was lost: in no count"]
    retransmitted: Annotated[Mapping[events.Direction, Octets], "octets that were captured again"]
    records: RecordsResult
    pages: PagesResult
    guest: GuestResult
    connections: Annotated[tuple[ConnectionResult, ...], "where one migration uses several"]
    convergence: Annotated[ConvergenceResult | None, "null: no times, or fewer than two iterations"]
    iterations: tuple[IterationResult, ...]
    phases: tuple[PhaseResult, ...]
    postcopy: Annotated[PostcopyResult | None, "null: nothing of postcopy"]
    gaps: tuple[GapResult, ...]
    findings: tuple[FindingResult, ...]
    findings_left_out: Annotated[int, "findings that were only counted"]

    @classmethod
    def of(cls, one: MigrationAnalysis) -> MigrationResult:
        migration, checker = one
        forward, reverse = migration.forward, migration.reverse
        sides = (forward, reverse) if migration.is_capture else (forward,)
        several = len(migration.connections) > 1
        return cls(
            id=migration.number,
            flow=FlowResult.of(migration.flow),
            encapsulation=migration.encapsulation,
            layers=migration.context.layers,
            kind=migration.kind,
            outcome=migration.outcome,
            verdict=verdict(migration, checker.findings),
            may_run=MayRunResult(*migration.may_run),
            stream=StreamResult.of(migration.context),
            bytes=BothResult(forward.seen, reverse.seen),
            not_followed=BothResult(forward.not_followed, reverse.not_followed),
            retransmitted={side.direction: side.retransmitted for side in sides},
            records=RecordsResult(dict(migration.records[FORWARD]), dict(migration.records[REVERSE])),
            pages=PagesResult.of(migration.pages),
            guest=GuestResult.of(migration),
            connections=tuple(ConnectionResult.of(each) for each in migration.connections if several),
            convergence=ConvergenceResult.of(migration.convergence),
            iterations=tuple(
                IterationResult.of(each, following, migration.is_timed)
                for each, following in zip_longest(migration.iterations, migration.iterations[1:])
            ),
            phases=tuple(PhaseResult.of(each, migration) for each in migration.phases),
            postcopy=PostcopyResult.of(migration),
            gaps=tuple(GapResult.of(gap) for side in sides for gap in side.gaps),
            findings=tuple(FindingResult.of(one) for one in checker.shown),
            findings_left_out=checker.left_out,
        )


class AnalysisResult(Result, kw_only=True):
    """An input and every migration in it."""

    schema: Literal["xenshark.analysis/1"] = SCHEMA
    source: SourceResult
    migrations: tuple[MigrationResult, ...]

    @classmethod
    def of(cls, source: SourceResult, migrations: Iterable[MigrationAnalysis]) -> Self:
        return cls(source=source, migrations=tuple(map(MigrationResult.of, migrations)))

    @property
    def findings(self) -> tuple[FindingResult, ...]:
        """Those of all migrations."""
        return tuple(finding for migration in self.migrations for finding in migration.findings)
