"""Which POSTCOPY_FAULT and which POSTCOPY_PAGE_DATA belong together, record by record.

A fault may follow the page that answers it as well as precede it, so what is linked to a record is known some time
after the record. Whoever can wait for it asks a `Linker`, which holds records back; whoever cannot asks `Links`, whose
lists grow.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import NamedTuple

from dissector.events import Direction, DirectionEnded, Event, Record
from dissector.facts.faults import Fault, Faults
from dissector.facts.roles import role_of
from dissector.protocol import Role

LINKED = frozenset((Role.POSTCOPY_FAULT, Role.POSTCOPY_PAGES))
"""Records that have links."""

GROWING_MAX = 1 << 18
"""Records of one migration whose links may still grow; an older one's stay as they are then."""

HELD_MAX = 1 << 13
"""Records that are held back at most: 2 GiB of pages at 64 a record."""

OCTETS_MAX = 1 << 24
"""Octets of their bodies that are held at most: a body has up to 8 MiB."""


class Link(NamedTuple):
    """A pfn that ties a POSTCOPY_FAULT to the POSTCOPY_PAGE_DATA that answers it."""

    pfn: int
    record: Record
    """The record at the other end."""
    in_flight: bool
    """Whether the page's record began on the wire before the fault ended there."""


class Links:
    """Matches the faults and pages of every migration of an input, fed records in wire order."""

    def __init__(self) -> None:
        self._migrations: dict[int, _Growing] = {}

    def add(self, record: Record) -> list[Link]:
        """The links of the next record: a list that grows as what belongs to it comes."""
        if role_of(record) not in LINKED:
            return []
        return self._migrations.setdefault(record.migration, _Growing()).add(record)

    def forget(self, migration: int) -> None:
        """No record of it follows."""
        self._migrations.pop(migration, None)


class _Growing:
    """The links of one migration's newest records."""

    def __init__(self) -> None:
        self._faults = Faults()
        self._lists: OrderedDict[tuple[Direction, int], list[Link]] = OrderedDict()

    def add(self, record: Record) -> list[Link]:
        own = self._lists[record.direction, record.index] = []
        if len(self._lists) > GROWING_MAX:
            self._lists.popitem(last=False)
        matches = self._faults.add(record)
        for fault in matches.answered:
            self._link(fault)
        for fault in matches.repeated:
            self._point(fault.asked, fault)
        return own

    def _link(self, fault: Fault) -> None:
        assert fault.answer is not None
        for asked in (fault.asked, *fault.again):
            self._point(asked, fault)
        self._append(fault.answer, Link(fault.pfn, fault.asked, fault.in_flight))

    def _point(self, asked: Record, fault: Fault) -> None:
        """From a record that asks for a page to the one that brings it."""
        assert fault.answer is not None
        self._append(asked, Link(fault.pfn, fault.answer, fault.answer.first < asked.last))

    def _append(self, record: Record, link: Link) -> None:
        links = self._lists.get((record.direction, record.index))
        if links is not None:
            links.append(link)


class Linker:
    """Hands records on, in order, each with its links: from the first fault or page on a record waits for those."""

    def __init__(self, emit: Callable[[Record, tuple[Link, ...]], None]) -> None:
        self._emit = emit
        self._links = Links()
        self._held: deque[tuple[Record, list[Link]]] = deque()
        self._octets = 0
        self._half_over: set[int] = set()
        """Migrations of which one direction has ended."""

    def add(self, event: Event) -> None:
        """The next event."""
        if isinstance(event, DirectionEnded):
            if event.migration not in self._half_over:
                self._half_over.add(event.migration)
            else:
                self._half_over.discard(event.migration)
                self._links.forget(event.migration)
            return
        if not isinstance(event, Record):
            return
        links = self._links.add(event)
        if self._held or role_of(event) in LINKED:
            self._held.append((event, links))
            self._octets += len(event.body)
            while len(self._held) > HELD_MAX or self._octets > OCTETS_MAX:
                self._release()
        else:
            self._emit(event, ())

    def finish(self) -> None:
        """No event follows."""
        while self._held:
            self._release()

    def _release(self) -> None:
        record, links = self._held.popleft()
        self._octets -= len(record.body)
        self._emit(record, tuple(links))
