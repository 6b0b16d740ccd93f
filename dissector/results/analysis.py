"""Every migration of an input, as `analyze --json` prints it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, Self

from dissector import events, protocol
from dissector.analysis import MigrationAnalysis
from dissector.events import FORWARD, REVERSE
from dissector.facts import Iteration, Kind, Migration, Outcome, Pages, Phase, PhaseName, distribution
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
    """A pass of precopy over memory: a new one where the pfns start again from below."""

    index: int
    entries: int
    data_pages: Annotated[int, "entries with contents"]
    start_time: Time | None
    end_time: Time | None
    verify: Annotated[bool, "whether pages are sent again to be compared"]

    @classmethod
    def of(cls, iteration: Iteration, is_capture: bool) -> IterationResult:
        return cls(
            iteration.index,
            iteration.entries,
            iteration.data_pages,
            time_of(iteration.start_time, is_capture),
            time_of(iteration.end_time, is_capture),
            iteration.verify,
        )


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
        is_capture = migration.is_capture
        return cls(
            phase.name,
            time_of(phase.start_time, is_capture),
            time_of(phase.end_time, is_capture),
            phase.octets(migration.forward),
            phase.octets(migration.reverse),
            time_of(phase.stall, is_capture),
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
            latency=LatencyResult.of(distribution(faults.latencies)),
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
    layers: Annotated[tuple[Layer, ...], "outermost first"]
    kind: Annotated[Kind, "live: precopy only; checkpointed: Remus, COLO"]
    outcome: Annotated[Outcome, "failover: checkpoints stopped; incomplete: the capture does not show the end"]
    verdict: Annotated[str, "the outcome in one sentence, with its most probable reason"]
    stream: StreamResult
    bytes: Annotated[BothResult, "distinct octets of this migration that were seen"]
    not_followed: Annotated[BothResult, "octets passed over where the way was lost: in no count"]
    retransmitted: Annotated[Mapping[events.Direction, Octets], "octets that were captured again"]
    records: RecordsResult
    pages: PagesResult
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
        return cls(
            id=migration.number,
            flow=FlowResult.of(migration.flow),
            layers=migration.context.layers,
            kind=migration.kind,
            outcome=migration.outcome,
            verdict=verdict(migration, checker.findings),
            stream=StreamResult.of(migration.context),
            bytes=BothResult(forward.seen, reverse.seen),
            not_followed=BothResult(forward.not_followed, reverse.not_followed),
            retransmitted={side.direction: side.retransmitted for side in sides},
            records=RecordsResult(dict(migration.records[FORWARD]), dict(migration.records[REVERSE])),
            pages=PagesResult.of(migration.pages),
            iterations=tuple(IterationResult.of(each, migration.is_capture) for each in migration.iterations),
            phases=tuple(PhaseResult.of(each, migration) for each in migration.phases),
            postcopy=PostcopyResult.of(migration),
            gaps=tuple(GapResult.of(gap) for side in sides for gap in side.gaps),
            findings=tuple(map(FindingResult.of, checker.findings)),
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
