"""Postcopy: which page record answers which fault, and what became of every announced page."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dissector.events import Record, Run
from dissector.facts.pfns import PfnSet
from dissector.facts.roles import role_of
from dissector.protocol import UNBACKED, Role

RECENT = 1 << 17
"""Pages that a fault may still turn out to have crossed on the wire: 512 MiB in flight, more than any window
of TCP lets a sender have."""

PENDING = 1 << 16
"""Faults that wait for their page at most; the known receiver has eight vcpus' worth at a time."""


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
        page was there first, but not because a capture's clock went back."""
        if self.answer is None or not self.asked.last.time:
            return None
        took = self.answer.last.time - self.asked.last.time
        return took if self.in_flight else max(0, took)


class Matches(NamedTuple):
    """What one record had to do with faults and their pages."""

    again: tuple[Run, ...] = ()
    """Runs that it announces, asks for or sends a second time."""
    faults: tuple[Fault, ...] = ()
    """Faults of pfns that it is the first to ask for."""
    answered: tuple[Fault, ...] = ()
    """Faults whose answer is known since it came: its own, if their pages had come before, or those it answers."""
    repeated: tuple[Fault, ...] = ()
    """Faults of pfns that it is not the first to ask for, and whose page had come before: they count for nothing, but
    have the same answer."""


NOTHING = Matches()

_NONE: deque[tuple[Record, Run]] = deque(maxlen=0)


class Faults:
    """Matches POSTCOPY_FAULT and POSTCOPY_PAGE_DATA, and counts. Fed records in wire order."""

    def __init__(self) -> None:
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
        self._recent: deque[tuple[Record, Run]] = _NONE
        self._recent_pages = 0
        self._carrier: dict[int, Record] = {}
        self._counted: tuple[int, int] | None = None  # pushed and never sent, once which ones is forgotten

    @property
    def unanswered(self) -> list[Fault]:
        """Faults whose page has not come."""
        return list(self._pending.values())

    @property
    def pushed(self) -> int:
        """Pages that came and that nobody asked for, each once however often it came."""
        if self._counted is not None:
            return self._counted[0]
        return self.sent.count - self.asked.count_common(self.sent)

    @property
    def never_sent(self) -> int:
        """Outstanding pfns whose page has not come."""
        if self._counted is not None:
            return self._counted[1]
        return self.outstanding.count - self.outstanding.count_common(self.sent)

    def let_go(self) -> None:
        """No record follows: keeps what is counted, and lets go of which pages it was."""
        self._counted = self.pushed, self.never_sent
        for pfns in (self.outstanding, self.sent, self.asked):
            pfns.forget()
        self._recent, self._carrier = _NONE, {}

    def add(self, record: Record) -> Matches:
        """The next libxc record. One that is not whole, or that goes the wrong way, does nothing."""
        take = _TAKE.get(role_of(record))
        if take is None or not record.whole or record.is_misdirected:
            return NOTHING
        return take(self, record._replace(body=b"", padding=b"") if record.body else record)

    def _announce(self, record: Record) -> Matches:
        again: list[Run] = []
        for run in record.runs:
            self.announced += run.length
            if run.type not in UNBACKED and self.outstanding.add_run(run.first, run.length) < run.length:
                again.append(run)
        return Matches(tuple(again))

    def _fault(self, record: Record) -> Matches:
        self.fault_records += 1
        again: list[Run] = []
        faults: list[Fault] = []
        repeated: list[Fault] = []
        for run in record.runs:
            for pfn in range(run.first, run.first + min(run.length, PENDING)):
                carrier = self._carrier.get(pfn)
                if not self.asked.add_run(pfn, 1):
                    again.append(Run(pfn, 1, run.type))
                    if carrier is not None:
                        repeated.append(Fault(pfn, record, answer=carrier, in_flight=carrier.first < record.last))
                    elif pfn in self._pending:
                        self._pending[pfn].again.append(record)
                    continue
                fault = Fault(pfn, record)
                faults.append(fault)
                if carrier is not None:
                    self._answer(fault, carrier)
                elif pfn not in self.sent and len(self._pending) < PENDING:
                    self._pending[pfn] = fault
        answered = tuple(fault for fault in faults if fault.answer is not None)
        return Matches(tuple(again), tuple(faults), answered, tuple(repeated))

    def _page_data(self, record: Record) -> Matches:
        self.page_records += 1
        again: list[Run] = []
        answered: list[Fault] = []
        for run in record.runs:
            self.pages += run.length
            if run.type in UNBACKED:
                continue  # an error: no page is there
            if self.sent.add_run(run.first, run.length) < run.length:
                again.append(run)
            answered += self._carry(record, run)
        return Matches(tuple(again), answered=tuple(answered))

    def _carry(self, record: Record, run: Run) -> list[Fault]:
        """Remembers who brought these pages; the faults that waited for them."""
        answered: list[Fault] = []
        for pfn in range(run.first, run.first + min(run.length, RECENT)):
            self._carrier.setdefault(pfn, record)
            if self._pending:
                fault = self._pending.pop(pfn, None)
                if fault is not None:
                    self._answer(fault, record)
                    answered.append(fault)
        if self._recent is _NONE:
            self._recent = deque()  # made when needed: an empty one has 760 octets
        self._recent.append((record, run))
        self._recent_pages += run.length
        while self._recent_pages > RECENT and len(self._recent) > 1:
            self._forget(*self._recent.popleft())
        return answered

    def _forget(self, record: Record, run: Run) -> None:
        self._recent_pages -= run.length
        for pfn in range(run.first, run.first + min(run.length, RECENT)):
            if self._carrier.get(pfn) is record:
                del self._carrier[pfn]

    def _answer(self, fault: Fault, record: Record) -> None:
        fault.answer = record
        fault.in_flight = record.first < fault.asked.last
        self.answered += 1
        if fault.in_flight:
            self.in_flight += 1
        elif fault.latency is not None and fault.asked.last.time:
            self.latencies.append(fault.latency)


_TAKE: Mapping[Role | None, Callable[[Faults, Record], Matches]] = {
    Role.POSTCOPY_LIST: Faults._announce,
    Role.POSTCOPY_FAULT: Faults._fault,
    Role.POSTCOPY_PAGES: Faults._page_data,
}
