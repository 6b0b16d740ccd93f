"""What is new about the migrations, and how they stand: for whoever watches them while they go on."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from dissector.analysis import Analysis, Case
from dissector.facts import Distribution, Fault, Iteration, Migration, Phase, distribution
from dissector.parser import Ends, Record
from dissector.rules.findings import Finding

NS = 1_000_000_000
WINDOW = NS
"""The time (ns) over which a rate is taken."""

SETTLED = NS
"""The time (ns) after which nothing is expected of a migration that is complete, though its connection is open."""

FINDINGS_SHOWN, PHASES_SHOWN = 3, 4


class News(NamedTuple):
    """Something that happened."""

    kind: str
    """"migration" (found), "phase" or "iteration" (begun), "fault" (answered), "finding", "end"."""
    case: Case
    time: int | None
    """ns since the epoch, as captured."""
    subject: Phase | Iteration | Fault | Finding | None = None


class Status(NamedTuple):
    """How a migration stands: nothing in it changes any more."""

    migration: int
    ends: Ends | None
    kind: str
    guest: str | None
    xen: str | None
    phases: list[tuple[str, int]]
    """The newest ones, each with its time so far (ns)."""
    iteration: tuple[int, int, int] | None
    """The newest one: index, entries, pages sent."""
    octets: int
    """Distinct ones seen of the forward direction, also of the record at hand."""
    pages: int
    """Page contents sent, of PAGE_DATA and POSTCOPY_PAGE_DATA."""
    octets_rate: int
    """A second."""
    pages_rate: int
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
    outcome: str | None
    """None as long as it goes on."""


@dataclass
class Told:
    """What was told of a migration already."""

    phases: int = 0
    phase: str = ""
    iterations: int = 0
    findings: int = 0
    complete_since: int | None = None
    latencies: list[int] = field(default_factory=list)
    """Sorted: to sort all of them anew at each look would take too long."""
    looks: deque[tuple[int, int, int]] = field(default_factory=deque)
    """When it was looked at (ns), its octets and its pages then."""


class Watch:
    """An analysis that tells what is new, record by record: `tell` gets it. Its clock is whoever looks."""

    def __init__(self, tell: Callable[[News], None]) -> None:
        self.analysis = Analysis()
        self.ended = 0
        """Migrations that have ended."""
        self._tell = tell
        self._told: dict[Case, Told] = {}
        self._running: list[Case] = []

    def add(self, record: Record) -> None:
        """The next record."""
        self.analysis.add(record)
        case = self.analysis.case_of(record)
        if case is None:
            return
        migration, checker = case
        told = self._told.get(case)
        if told is None:
            told = self._told[case] = Told()
            self._running.append(case)
            self._tell(News("migration", case, record.first.time))
        begun = told.phases
        if begun and migration.phases[begun - 1].name != told.phase:
            begun -= 1  # "stop" has turned out to be a checkpoint
        for phase in migration.phases[begun:]:
            self._tell(News("phase", case, phase.start_time, phase))
        told.phases, told.phase = len(migration.phases), migration.phases[-1].name
        for iteration in migration.iterations[told.iterations :]:
            self._tell(News("iteration", case, iteration.start_time, iteration))
        told.iterations = len(migration.iterations)
        for fault in _answered(record, migration):
            self._tell(News("fault", case, record.last.time, fault))
        for finding in checker.findings[told.findings :]:
            self._tell(News("finding", case, finding.time, finding))
        told.findings = len(checker.findings)

    def look(self, now: int, more: bool) -> list[Status]:
        """How the migrations stand that have not ended before, or else the newest one, at a time (ns, of any clock that
        only goes on); `more`: records may follow of connections that are closed. Tells which have ended."""
        running = self._running or self.analysis.cases[-1:]
        for case in list(self._running):
            if self._is_over(case.migration, self._told[case], now, more):
                self._end(case)
        return [_status(case, self._told[case], now, case not in self._running) for case in running]

    def finish(self) -> None:
        """No record follows."""
        for case in self._running:
            self._end(case)
        self.analysis.finish()

    @staticmethod
    def _is_over(migration: Migration, told: Told, now: int, more: bool) -> bool:
        if migration.outcome == "completed" and told.complete_since is None:
            told.complete_since = now
        if told.complete_since is not None and now - told.complete_since >= SETTLED:
            return True
        return not more and all(stream.ended for stream in migration.streams())

    def _end(self, case: Case) -> None:
        migration, checker = case
        known = set(map(id, checker.findings))
        self.analysis.end(case)
        for finding in checker.findings:
            if id(finding) not in known:
                self._tell(News("finding", case, finding.time, finding))
        self._told[case].findings = len(checker.findings)
        # A new list: who goes through the old one is not disturbed.
        self._running = [one for one in self._running if one is not case]
        self.ended += 1
        self._tell(News("end", case, migration.last_time))


def _answered(record: Record, migration: Migration) -> Iterator[Fault]:
    """The faults whose answer is known since a record."""
    if record.name == "POSTCOPY_PAGE_DATA":
        for pfn, asked, in_flight in record.links:
            yield Fault(pfn, asked, answer=record, in_flight=in_flight)
    elif record.name == "POSTCOPY_FAULT":
        yield from (fault for fault in migration.faults.latest if fault.answer is not None)


def _status(case: Case, told: Told, now: int, is_over: bool) -> Status:
    migration, checker = case
    faults = migration.faults
    forward = migration.channel.forward
    octets = forward.stream.seen if forward is not None else 0
    pages = migration.pages.data_pages + faults.pages
    octets_rate, pages_rate = _rates(told.looks, now, octets, pages)
    told.latencies += faults.latencies[len(told.latencies) :]
    told.latencies.sort()
    last = migration.iterations[-1] if migration.iterations else None
    return Status(
        migration=migration.channel.index or 0,
        ends=migration.ends,
        kind=migration.kind,
        guest=migration.channel.guest,
        xen=migration.channel.xen,
        phases=[(phase.name, phase.end_time - phase.start_time) for phase in migration.phases[-PHASES_SHOWN:]],
        iteration=(last.index, last.entries, last.data_pages) if last is not None else None,
        octets=octets,
        pages=pages,
        octets_rate=octets_rate,
        pages_rate=pages_rate,
        announced=faults.outstanding.count,
        outstanding=faults.never_sent if faults.announced else 0,
        asked=faults.asked.count,
        answered=faults.answered,
        in_flight=faults.in_flight,
        latest=faults.latencies[-1] if faults.latencies else None,
        latency=distribution(told.latencies),
        lost=sum(gap.length for stream in migration.streams() for gap in stream.gaps),
        findings=dict(Counter(finding.severity for finding in checker.findings)),
        newest=checker.findings[-FINDINGS_SHOWN:],
        outcome=migration.outcome if is_over else None,
    )


def _rates(looks: deque[tuple[int, int, int]], now: int, octets: int, pages: int) -> tuple[int, int]:
    """Octets and pages a second, since the newest look that is a WINDOW away, or else the oldest."""
    looks.append((now, octets, pages))
    while len(looks) > 2 and now - looks[1][0] >= WINDOW:
        looks.popleft()
    then, octets_then, pages_then = looks[0]
    time = max(now - then, 1)
    return (octets - octets_then) * NS // time, (pages - pages_then) * NS // time
