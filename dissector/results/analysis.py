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
    Downtime,
    Iteration,
    Kind,
    Migration,
    Moment,
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
from dissector.results.base import Result, Seconds
from dissector.results.common import (
    Direction,
    Duration,
    FlowResult,
    Frame,
    LatencyResult,
    Layer,
    Octets,
    Offset,
    Time,
    time_of,
)
from dissector.results.findings import FindingResult
from dissector.results.limits import LimitsResult, SharesResult, phase_shares
from dissector.results.source import SourceResult
from dissector.results.stalls import MigrationStallResult, stalls_of
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
    dirty_octets_per_second: Annotated[float | None, "the same pages as octets of memory"]
    outstanding_pages: Annotated[int | None, "pages still to be sent at its end: what to stop, or switch, then left"]
    outstanding_time: Annotated[Duration | None, "how long those take at the rate at which it sent"]

    @classmethod
    def of(
        cls, iteration: Iteration, following: Iteration | None, left: int | None, is_timed: bool, page_size: int
    ) -> IterationResult:
        """`left`: the pages that were still to be sent at its end."""
        took = iteration.duration if is_timed else 0
        dirty = dirty_rate(iteration, following) if is_timed else None
        sent = iteration.data_pages * NS / took if took else None
        return cls(
            iteration.index,
            iteration.entries,
            iteration.data_pages,
            time_of(iteration.start_time, is_timed),
            time_of(iteration.end_time, is_timed),
            iteration.verify,
            dirty,
            sent,
            iteration.octets * NS / took if took else None,
            None if dirty is None else dirty * page_size,
            left,
            left / sent if sent and left is not None else None,
        )


class ConvergenceResult(Result):
    """Whether precopy gained on what the guest wrote, over the later half of its iterations."""

    converging: Annotated[bool, "whether fewer pages were written to than sent in the same time"]
    dirty_pages_per_second: float
    sent_pages_per_second: float
    best_stop: Annotated[int | None, "index of the first iteration that left nearly as few pages as any: where to stop"]

    @classmethod
    def of(cls, found: Convergence | None, best_stop: int | None) -> ConvergenceResult | None:
        """None where there is nothing to compare."""
        return None if found is None else cls(*found, best_stop)


class MomentResult(Result):
    """A record, header or text on which a bound rests, and its octet's time."""

    record: Annotated[str, "layer and name"]
    direction: Direction
    offset: Offset
    frame: Frame
    time: Time

    @classmethod
    def of(cls, moment: Moment | None) -> MomentResult | None:
        """None of what the capture does not show."""
        if moment is None:
            return None
        record, time = moment
        position = record.first if time == record.first.time else record.last
        name = f"{record.layer}.{record.name}"
        return cls(name, record.direction, record.offset, position.frame, Seconds(time))


class DowntimeResult(Result, kw_only=True):
    """How long the guest stood still, as bounds."""

    at_least: Duration
    at_most: Annotated[Duration | None, "null: nothing shows when it stopped at the earliest or went on at the latest"]
    from_record: Annotated[MomentResult, "before which it was suspended: where at_least begins"]
    to_record: Annotated[MomentResult, "after which it went on: where at_least ends"]
    earliest: Annotated[MomentResult | None, "after which it was suspended: where at_most begins"]
    latest: Annotated[MomentResult | None, "before which it went on: where at_most ends"]

    @classmethod
    def of(cls, found: Downtime | None) -> DowntimeResult | None:
        """None where nothing shows it."""
        if found is None:
            return None
        begun, needed = MomentResult.of(found.suspended_before), MomentResult.of(found.resumed_after)
        assert begun is not None and needed is not None
        return cls(
            at_least=Seconds(found.at_least),
            at_most=time_of(found.at_most),
            from_record=begun,
            to_record=needed,
            earliest=MomentResult.of(found.suspended_after),
            latest=MomentResult.of(found.resumed_before),
        )


class CheckpointsResult(Result):
    """Checkpoints of Remus or COLO: how many were whole, and when."""

    count: int
    interval: Annotated[LatencyResult | None, "from the end of one to the end of the next"]
    sending: Annotated[LatencyResult | None, "from the first octet of one to its last, the first left out"]

    @classmethod
    def of(cls, migration: Migration) -> CheckpointsResult | None:
        """None of a migration without any."""
        if not migration.checkpoints:
            return None
        times = migration.checkpoint_times
        both = (LatencyResult.of(distribution(each), migration.is_timed) for each in (times.intervals, times.sending))
        return cls(migration.checkpoints, *both)


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
    limits: Annotated[SharesResult | None, "what its time went to; null: the capture's times tell nothing"]

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
            phase_shares(migration, phase.held_up, phase.end_time - phase.start_time),
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
    to_last_page: Annotated[Duration | None, "POSTCOPY_TRANSITION_END's last octet to that of the last page"]
    waited: Annotated[Duration | None, "how long at least one fault had no answer yet: a vcpu stood still"]
    waited_share: Annotated[float | None, "of `duration`; null without that"]

    @classmethod
    def of(cls, migration: Migration) -> PostcopyResult | None:
        """None of a migration without postcopy."""
        faults = migration.faults
        if migration.kind != "postcopy" and not faults.announced:
            return None
        times, whole = migration.postcopy, migration.postcopy_duration
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
            downtime=time_of(times.downtime, migration.is_timed),
            duration=time_of(whole),
            to_last_page=time_of(times.to_last_page, migration.is_timed),
            waited=time_of(times.waited, migration.is_timed),
            waited_share=min(1.0, times.waited / whole) if whole else None,
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
    """One migration: when, what was sent, how it ended. Octets, and seconds (times since 1970).

    >>> migration, = dissector.open("captures/postcopy/c_netem/veth_rx.pcap.zst").analyze().migrations
    >>> str(migration.flow), migration.postcopy.faulted_pfns, migration.postcopy.latency.median
    ('10.77.0.1:38500 -> 10.77.0.2:7700', 35, 0.080126)
    """

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
    limits: Annotated[LimitsResult | None, "what limited it; null: the capture's times tell nothing"]
    convergence: Annotated[ConvergenceResult | None, "null: no times, under two iterations, or too little followed"]
    downtime: Annotated[DowntimeResult | None, "null: no times, or nothing shows it; of checkpoints see those"]
    checkpoints: Annotated[CheckpointsResult | None, "null: none were whole"]
    iterations: tuple[IterationResult, ...]
    phases: tuple[PhaseResult, ...]
    postcopy: Annotated[PostcopyResult | None, "null: nothing of postcopy"]
    stalls: Annotated[tuple[MigrationStallResult, ...], "the longest, as they came; none where limits are null"]
    stalls_left_out: Annotated[int, "shorter ones, of which there are too many"]
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
            limits=LimitsResult.of(migration),
            convergence=ConvergenceResult.of(migration.convergence, migration.best_stop),
            downtime=DowntimeResult.of(migration.downtime),
            checkpoints=CheckpointsResult.of(migration),
            iterations=tuple(
                IterationResult.of(each, following, left, migration.is_timed, 1 << migration.context.page_shift)
                for each, following, left in zip_longest(
                    migration.iterations, migration.iterations[1:], migration.outstanding
                )
            ),
            phases=tuple(PhaseResult.of(each, migration) for each in migration.phases),
            postcopy=PostcopyResult.of(migration),
            stalls=tuple(map(MigrationStallResult.of, stalls_of(migration))),
            stalls_left_out=migration.stalls.left_out,
            gaps=tuple(GapResult.of(gap) for side in sides for gap in side.gaps),
            findings=tuple(FindingResult.of(one) for one in checker.shown),
            findings_left_out=checker.left_out,
        )


class AnalysisResult(Result, kw_only=True):
    """An input and every migration in it; what `analyze --json` prints.

    >>> analysis = dissector.open("captures/violations/xtab_page/xtab_page.pcap.zst").analyze()
    >>> [(migration.kind, migration.outcome) for migration in analysis.migrations]
    [('postcopy', 'failed')]
    >>> analysis.findings[0].rule
    'postcopy-page-type'
    """

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
