"""Postcopy: which page record answers which fault, and what became of every announced page."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from dissector.facts.pfns import PfnSet
from dissector.parser import Link, Record, Run
from dissector.protocol import UNBACKED, RecordSpec

RECENT = 1 << 17
"""Pages that a fault may still turn out to have crossed on the wire: 512 MiB in flight, more than any window
of TCP lets a sender have."""

PENDING = 1 << 16
"""Faults that wait for their page at most; the known receiver has eight vcpus' worth at a time."""


def is_misdirected(record: Record) -> bool:
    """Whether a record is on the direction that never carries it."""
    return isinstance(record.spec, RecordSpec) and record.spec.direction not in (record.direction, "both")


@dataclass(slots=True)
class Fault:
    """One faulted pfn, and the record that answers it."""

    pfn: int
    asked: Record
    again: list[Record] = field(default_factory=list)
    """Later records that ask for it again."""
    answer: Record | None = None
    in_flight: bool = False

    @property
    def latency(self) -> int | None:
        """From the fault's last octet to the last octet of the record that answers, in ns; negative where the
        page was there first."""
        return None if self.answer is None else self.answer.last.time - self.asked.last.time


class Faults:
    """Matches POSTCOPY_FAULT and POSTCOPY_PAGE_DATA, and counts. Fed records in wire order."""

    def __init__(self) -> None:
        self.again: list[Run] = []
        """Runs of the latest record that announce, ask for or send a page a second time."""
        self.latest: list[Fault] = []
        """Faults of the latest record, if it is a POSTCOPY_FAULT."""
        self.announced = 0
        """Entries of POSTCOPY_PFNS."""
        self.outstanding = PfnSet()
        """Announced pfns with backing data."""
        self.sent = PfnSet()
        """pfns that POSTCOPY_PAGE_DATA carried."""
        self.asked = PfnSet()
        """pfns that POSTCOPY_FAULT asked for."""
        self.page_records = 0
        self.pages = 0
        """Entries of POSTCOPY_PAGE_DATA."""
        self.fault_records = 0
        self.answered = 0
        self.in_flight = 0
        self.latencies = array("q")
        """Of answered faults that were not in flight, in ns."""
        self._pending: dict[int, Fault] = {}
        self._recent: deque[tuple[Record, Run]] = deque()
        self._recent_pages = 0
        self._carrier: dict[int, Record] = {}

    @property
    def unanswered(self) -> list[Fault]:
        """Faults whose page has not come."""
        return list(self._pending.values())

    @property
    def pushed(self) -> int:
        """Pages that came and that nobody asked for, each once however often it came."""
        return self.sent.count - self.asked.count_common(self.sent)

    @property
    def never_sent(self) -> int:
        """Outstanding pfns whose page has not come."""
        return self.outstanding.count - self.outstanding.count_common(self.sent)

    def add(self, record: Record) -> None:
        """The next libxc record. One that is not whole, or that goes the wrong way, does nothing."""
        self.again, self.latest = [], []
        take = {
            "POSTCOPY_PFNS": self._announce,
            "POSTCOPY_FAULT": self._fault,
            "POSTCOPY_PAGE_DATA": self._page_data,
        }.get(record.name)
        if take is not None and record.whole and not is_misdirected(record):
            take(record)

    def _announce(self, record: Record) -> None:
        for run in record.runs:
            self.announced += run.length
            if run.type not in UNBACKED and self.outstanding.add_run(run.first, run.length) < run.length:
                self.again.append(run)

    def _fault(self, record: Record) -> None:
        self.fault_records += 1
        for run in record.runs:
            for pfn in range(run.first, run.first + min(run.length, PENDING)):
                if not self.asked.add_run(pfn, 1):
                    self.again.append(Run(pfn, 1, run.type))
                    self._ask_again(pfn, record)
                    continue
                fault = Fault(pfn, record)
                self.latest.append(fault)
                carrier = self._carrier.get(pfn)
                if carrier is not None:
                    self._answer(fault, carrier)
                elif pfn not in self.sent and len(self._pending) < PENDING:
                    self._pending[pfn] = fault

    def _ask_again(self, pfn: int, record: Record) -> None:
        """A repeated fault counts for nothing, but has the same answer."""
        carrier = self._carrier.get(pfn)
        if carrier is not None:
            record.links.append(Link(pfn, carrier, carrier.first < record.last))
        elif pfn in self._pending:
            self._pending[pfn].again.append(record)

    def _page_data(self, record: Record) -> None:
        self.page_records += 1
        for run in record.runs:
            self.pages += run.length
            if run.type in UNBACKED:
                continue  # an error: no page is there
            if self.sent.add_run(run.first, run.length) < run.length:
                self.again.append(run)
            self._remember(record, run)

    def _remember(self, record: Record, run: Run) -> None:
        for pfn in range(run.first, run.first + min(run.length, RECENT)):
            self._carrier.setdefault(pfn, record)
            if self._pending:
                fault = self._pending.pop(pfn, None)
                if fault is not None:
                    self._answer(fault, record)
        self._recent.append((record, run))
        self._recent_pages += run.length
        while self._recent_pages > RECENT and len(self._recent) > 1:
            old, gone = self._recent.popleft()
            self._recent_pages -= gone.length
            for pfn in range(gone.first, gone.first + min(gone.length, RECENT)):
                if self._carrier.get(pfn) is old:
                    del self._carrier[pfn]

    def _answer(self, fault: Fault, record: Record) -> None:
        fault.answer = record
        fault.in_flight = record.first < fault.asked.last
        self.answered += 1
        if fault.in_flight:
            self.in_flight += 1
        elif fault.latency is not None:
            self.latencies.append(fault.latency)
        for asked in (fault.asked, *fault.again):
            asked.links.append(Link(fault.pfn, record, record.first < asked.last))
        record.links.append(Link(fault.pfn, fault.asked, fault.in_flight))


@dataclass(frozen=True)
class Distribution:
    """Of a number of durations in ns: nearest-rank percentiles."""

    count: int
    min: int
    median: int
    p95: int
    max: int


def distribution(durations: Sequence[int]) -> Distribution | None:
    """None of no durations."""
    if not durations:
        return None
    ordered = sorted(durations)
    return Distribution(len(ordered), ordered[0], rank(ordered, 50), rank(ordered, 95), ordered[-1])


def rank(ordered: list[int], percent: int) -> int:
    """The smallest value that at least so many percent do not exceed; of an even number's middle, the
    mean."""
    if percent == 50 and len(ordered) % 2 == 0:
        return (ordered[len(ordered) // 2 - 1] + ordered[len(ordered) // 2]) // 2
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
