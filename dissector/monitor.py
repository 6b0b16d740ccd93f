"""Migrations while they go on: what happens, as notices, and how each of them stands, as snapshots."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Literal, NamedTuple, TypeAlias

from dissector.analysis import Analysis, MigrationAnalysis
from dissector.events import FORWARD, REVERSE, Direction, Event, Flow, Progress, Record
from dissector.facts import (
    Distribution,
    Fault,
    Iteration,
    Kind,
    Migration,
    Outcome,
    Phase,
    PhaseName,
    dirty_rate,
    distribution,
)
from dissector.facts.phases import BEGINS
from dissector.protocol import PHASES, RECORDS
from dissector.rules.findings import Finding
from dissector.units import NS

WINDOW = NS
"""The time (ns) over which a rate is taken."""

LINGER = NS
"""The time (ns) after which nothing is expected of a migration that is complete, though its connection is open."""

FINDINGS_SHOWN, PHASES_SHOWN = 3, 4

HISTORY = 40
"""Seconds of which the octets are remembered."""

SHOWN_MAX = 64
"""Migrations that are looked at in one go: those that have carried most. 24 octets make one, and a look at thousands of
them would leave no time for those that matter."""

NoticeKind: TypeAlias = Literal["migration", "phase", "iteration", "fault", "finding", "end"]
"""A migration was found; a phase or iteration has begun; a fault was answered; a finding; a migration has ended."""


class Notice(NamedTuple):
    """Something that happened."""

    kind: NoticeKind
    analysis: MigrationAnalysis
    """The migration to which it happened, as it is now: it goes on changing."""
    time: int | None
    """ns since the epoch, as captured."""
    subject: Phase | Iteration | Fault | Finding | None = None


class Snapshot(NamedTuple):
    """How a migration stands: nothing in it changes any more."""

    migration: int
    flow: Flow | None
    kind: Kind
    name: str | None
    """The guest's, as its toolstack calls it."""
    guest: str | None
    xen: str | None
    phases: list[tuple[PhaseName, int]]
    """The newest ones, each with its time so far (ns). The last one is that of the record at hand, and lasts until now:
    what `analyze` would say if the capture ended here."""
    elapsed: int
    """Since its first octet (ns)."""
    idle: int
    """The time (ns) in which no new octet came, in either direction."""
    waiting_for: str
    """What is to come next, as far as the stream tells."""
    sign: str
    """What tells that it will not come; nothing does if it is empty."""
    shut: int | None
    """For how long (ns) the destination has kept its window closed, as far as looks tell; None: it is open."""
    remaining: int | None
    """An estimate (ns): the rest of the first pass over memory, or of the pages outstanding, at the rate of now."""
    history: tuple[int, ...]
    """Octets of each of the last HISTORY seconds, the newest last."""
    iteration: tuple[int, int, int] | None
    """The newest one: index, entries, pages sent."""
    octets: int
    """Distinct ones seen of the forward direction, also of the record at hand."""
    pages: int
    """Page contents sent, of PAGE_DATA and POSTCOPY_PAGE_DATA."""
    octets_rate: int
    """A second."""
    pages_rate: int
    dirty_rate: float | None
    """Pages a second that the guest wrote to during the newest iteration of which the next one is over; None where
    nothing tells."""
    announced: int
    """Pages announced by POSTCOPY_PFNS."""
    outstanding: int
    """Those of them that have not come."""
    asked: int
    """Faulted pfns."""
    answered: int
    in_flight: int
    latest: int | None
    """Latency (ns) of the newest fault that was answered and not in flight."""
    latency: Distribution | None
    lost: int
    """Octets that the capture lost."""
    findings: dict[str, int]
    """By severity."""
    newest: list[Finding]
    outcome: Outcome | None
    """None as long as it goes on."""


class Sample(NamedTuple):
    """What rates are taken from."""

    time: int
    """ns of the clock that snapshots are taken by."""
    octets: int
    pages: int


@dataclass(eq=False, slots=True)
class _Watched:
    """A migration that goes on, and what was notified of it already."""

    analysis: MigrationAnalysis
    phases: int = 0
    phase: str = ""
    """Name of the newest one."""
    iterations: int = 0
    findings: int = 0
    complete_since: int | None = None
    latencies: list[int] = field(default_factory=list)
    """Sorted: to sort all of them anew at each snapshot would take too long."""
    samples: deque[Sample] = field(default_factory=deque)
    at_hand: dict[Direction, Progress] = field(default_factory=dict)
    """How far each direction has come, the record at hand included."""
    seen: int = 0
    """Octets of both directions at the last look."""
    sent_again: int = 0
    """Octets that had been retransmitted when the last new one came."""
    moved: int | None = None
    """When a look found new octets (ns of the clock of snapshots)."""
    shut: int | None = None
    """When a look found the destination's window closed, as all have since."""
    seconds: deque[int] = field(default_factory=lambda: deque(maxlen=HISTORY))
    second: tuple[int, int] | None = None
    """When the second under way began, and how many octets there were then."""


class Monitor:
    """An analysis that notifies of what is new, event by event. Its clock is that of whoever takes snapshots."""

    def __init__(self, notify: Callable[[Notice], None]) -> None:
        self.analysis = Analysis(ends_by_itself=False)
        self.ended = 0
        """Migrations that have ended."""
        self._notify = notify
        self._watched: dict[int, _Watched] = {}
        self._running: dict[int, _Watched] = {}
        self._newest: _Watched | None = None

    def add(self, event: Event) -> None:
        """The next event."""
        noted = self.analysis.add(event)
        if self.analysis.is_gone(event.migration):
            return
        if isinstance(event, Record):
            watched = self._watched.get(event.migration) or self._watch(event)
            self._notify_progress(watched)
            for fault in noted.answered:
                self._notify(Notice("fault", watched.analysis, event.last.time, fault))
        elif event.migration not in self._watched:
            return  # it is notified of with its first record
        watched = self._watched[event.migration]
        if isinstance(event, Progress):
            watched.at_hand[event.direction] = event
        self._notify_findings(watched)
        if event.migration not in self._running and watched.analysis.migration.is_over:
            del self._watched[event.migration]

    @property
    def running(self) -> list[MigrationAnalysis]:
        """Those that have not ended."""
        return [watched.analysis for watched in self._running.values()]

    def snapshots(self, now: int, more: bool) -> list[Snapshot]:
        """How the migrations stand that have not ended before, or else the newest one, at a time (ns, of any clock that
        only goes on); `more`: events may follow of connections that are closed. Notifies of those that have ended.

        To be exact to the octet it needs the newest `Progress` events (`Engine.report_progress`)."""
        running = list(self._running.values()) or ([self._newest] if self._newest else [])
        for watched in list(self._running.values()):
            if _is_over(watched, now, more):
                self._end(watched)
        if len(running) > SHOWN_MAX:
            running = nlargest(SHOWN_MAX, running, key=lambda one: one.analysis.migration.forward.offset)
            running.sort(key=lambda one: one.analysis.migration.number)
        return [_snapshot(one, now, one.analysis.migration.number not in self._running) for one in running]

    def finish(self) -> None:
        """No event follows."""
        for watched in list(self._running.values()):
            self._end(watched)
        self.analysis.finish()

    def _watch(self, record: Record) -> _Watched:
        watched = _Watched(self.analysis[record.migration])
        self._watched[record.migration] = watched
        self._running[record.migration] = self._newest = watched
        self._notify(Notice("migration", watched.analysis, record.first.time))
        return watched

    def _notify_progress(self, watched: _Watched) -> None:
        """Of phases and iterations that have begun."""
        migration = watched.analysis.migration
        begun = watched.phases
        if begun and migration.phases[begun - 1].name != watched.phase:
            begun -= 1  # "stop" has turned out to be a checkpoint
        for phase in migration.phases[begun:]:
            self._notify(Notice("phase", watched.analysis, phase.start_time, phase))
        watched.phases, watched.phase = len(migration.phases), migration.phases[-1].name
        for iteration in migration.iterations[watched.iterations :]:
            self._notify(Notice("iteration", watched.analysis, iteration.start_time, iteration))
        watched.iterations = len(migration.iterations)

    def _notify_findings(self, watched: _Watched) -> None:
        findings = watched.analysis.checker.findings
        for finding in findings[watched.findings :]:
            if not finding.is_on_request:
                self._notify(Notice("finding", watched.analysis, finding.time, finding))
        watched.findings = len(findings)

    def _end(self, watched: _Watched) -> None:
        migration, checker = watched.analysis
        known = set(map(id, checker.findings))
        self.analysis.end(migration.number)
        # Those of the end are put in their places among the others.
        for finding in checker.shown:
            if id(finding) not in known:
                self._notify(Notice("finding", watched.analysis, finding.time, finding))
        watched.findings = len(checker.findings)
        del self._running[migration.number]
        if migration.is_over:
            del self._watched[migration.number]
        self.ended += 1
        self._notify(Notice("end", watched.analysis, migration.last_time))


def _is_over(watched: _Watched, now: int, more: bool) -> bool:
    migration = watched.analysis.migration
    if migration.outcome == "completed" and watched.complete_since is None:
        watched.complete_since = now
    if watched.complete_since is not None and now - watched.complete_since >= LINGER:
        return True
    return not more and migration.is_over


def _snapshot(watched: _Watched, now: int, is_over: bool) -> Snapshot:
    migration, checker = watched.analysis
    faults = migration.faults
    sample = Sample(now, migration.forward.seen, migration.pages.data_pages + faults.pages)
    octets_rate, pages_rate = _rates(watched.samples, sample)
    idle = _look(watched, now)
    phases = _phases(watched, idle)
    shut = None if watched.shut is None or is_over else now - watched.shut
    watched.latencies += faults.latencies[len(watched.latencies) :]
    watched.latencies.sort()
    return Snapshot(
        migration=migration.number,
        flow=migration.flow,
        kind=migration.kind,
        name=migration.guest.name,
        guest=migration.context.guest,
        xen=migration.context.xen,
        phases=phases,
        elapsed=max(0, _newest_time(watched) - (migration.first_time or 0)) + (0 if is_over else idle),
        idle=0 if is_over else idle,
        waiting_for=_waiting_for(watched, phases[-1][0]),
        sign=_sign(watched, shut),
        shut=shut,
        remaining=None if is_over else _remaining(migration, sample, phases[-1][0], octets_rate),
        history=tuple(watched.seconds),
        iteration=_newest_iteration(migration),
        octets=sample.octets,
        pages=sample.pages,
        octets_rate=octets_rate,
        pages_rate=pages_rate,
        dirty_rate=_dirty_rate(migration, phases[-1][0]),
        announced=faults.outstanding.count,
        outstanding=faults.never_sent if faults.announced else 0,
        asked=faults.asked.count,
        answered=faults.answered,
        in_flight=faults.in_flight,
        latest=faults.latencies[-1] if faults.latencies else None,
        latency=distribution(watched.latencies),
        lost=sum(gap.length for side in (migration.forward, migration.reverse) for gap in side.gaps),
        findings=dict(Counter(finding.severity for finding in checker.shown)),
        newest=checker.shown[-FINDINGS_SHOWN:],
        outcome=migration.outcome if is_over else None,
    )


def _newest_iteration(migration: Migration) -> tuple[int, int, int] | None:
    if not migration.iterations:
        return None
    last = migration.iterations[-1]
    return last.index, last.entries, last.data_pages


def _dirty_rate(migration: Migration, phase: PhaseName) -> float | None:
    whole = migration.iterations if phase != "precopy" else migration.iterations[:-1]
    return dirty_rate(whole[-2], whole[-1]) if migration.is_timed and len(whole) > 1 else None


def _rates(samples: deque[Sample], newest: Sample) -> tuple[int, int]:
    """Octets and pages a second, since the newest sample that is a WINDOW away, or else the oldest."""
    samples.append(newest)
    while len(samples) > 2 and newest.time - samples[1].time >= WINDOW:
        samples.popleft()
    then = samples[0]
    time = max(newest.time - then.time, 1)
    return (newest.octets - then.octets) * NS // time, (newest.pages - then.pages) * NS // time


def _look(watched: _Watched, now: int) -> int:
    """For how long no new octet has come; notes what each second has brought, and since when the window is closed."""
    migration = watched.analysis.migration
    seen = migration.forward.offset + migration.reverse.offset
    if watched.moved is None or seen != watched.seen:
        watched.seen, watched.moved, watched.sent_again = seen, now, _sent_again(watched)
    forward = watched.at_hand.get(FORWARD)
    if forward is None or not forward.is_shut:
        watched.shut = None
    elif watched.shut is None:
        watched.shut = now
    if watched.second is None:
        watched.second = now, seen
    begun, before = watched.second
    if now - begun >= NS:
        watched.seconds.append(max(0, seen - before) * NS // (now - begun))
        watched.second = now, seen
    return now - watched.moved


def _sent_again(watched: _Watched) -> int:
    return sum(one.retransmitted for one in watched.at_hand.values())


def _newest_time(watched: _Watched) -> int:
    """Of the newest octet (ns since the epoch), of a record that goes on, too."""
    return max(watched.analysis.migration.last_time or 0, *(one.time for one in watched.at_hand.values()), 0)


def _phases(watched: _Watched, idle: int) -> list[tuple[PhaseName, int]]:
    """The newest phases. A record at hand may have begun one that the facts will know when it ends; it began no earlier
    than the record before it ended."""
    migration = watched.analysis.migration
    phases = [(phase.name, phase.end_time - phase.start_time) for phase in migration.phases[-PHASES_SHOWN:]]
    last = migration.phases[-1]
    start = last.start_time
    forward = watched.at_hand.get(FORWARD)
    following = PHASE_OF.get(forward.record or "") if forward is not None else None
    if following is not None and PHASES.index(following) > PHASES.index(last.name):
        phases.append((following, 0))
        start = last.end_time
    if not migration.is_over:
        phases[-1] = phases[-1][0], max(0, _newest_time(watched) - start) + idle
    return phases[-PHASES_SHOWN:]


PHASE_OF: Mapping[str, PhaseName] = {spec.name: BEGINS[spec.role] for spec in RECORDS if spec.role in BEGINS}
"""The phase that a record of a name begins."""


SENT_AGAIN = "octets are sent again, so the link or the receiver is down"


def _sign(watched: _Watched, shut: int | None) -> str:
    """What tells that nothing will come. A window is closed by a receiver that is there: what is sent again then only
    asks whether it has opened."""
    if shut is not None:
        return "the destination has closed its window" + (f" for {shut // NS} s" if shut >= NS else "")
    return SENT_AGAIN if _sent_again(watched) > watched.sent_again else ""


def _waiting_for(watched: _Watched, phase: PhaseName) -> str:
    migration = watched.analysis.migration
    forward, reverse = watched.at_hand.get(FORWARD), watched.at_hand.get(REVERSE)
    if forward is not None and forward.record:
        return f"the rest of {forward.record} from the source"
    if reverse is not None and reverse.record:
        return f"the rest of {reverse.record} from the destination"
    if migration.faults.asked.count > migration.faults.answered:
        return "the page of a fault, from the source"
    if phase == "finish" or migration.ended:
        return "what the two sides say at the end"
    return "the next record from the source"


def _remaining(migration: Migration, sample: Sample, phase: PhaseName, rate: int) -> int | None:
    """What is left divided by the rate. Of later passes over memory nobody knows how much there will be."""
    if not rate:
        return None
    faults = migration.faults
    if phase == "postcopy":
        return faults.never_sent * (1 << migration.context.page_shift) * NS // rate
    if phase == "precopy" and len(migration.iterations) <= 1 and migration.guest.memory:
        return max(0, migration.guest.memory - sample.octets) * NS // rate
    return None
