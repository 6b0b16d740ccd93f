"""The records of an input, as much of each as the list needs: some fifty octets. Bodies are kept as far as there is
room, and read again where there was none."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from dissector.events import FORWARD, REVERSE, Direction, Event, Record
from dissector.facts import Link, Links

KEPT_MAX = 1 << 26
"""Octets of bodies, and of what is made of them, that are kept at most."""

RECORD_OCTETS = 1200
"""About what a record takes beside its body."""

NAMES_MAX, MANY = 1 << 12, "one of many types"
"""Names that are remembered; a record with a further one is called so until it is read again."""

AROUND = 400
"""Records before and after the one that is missing that are read again with it."""


class Kept(NamedTuple):
    """A record, and its links, which grow while the input is read."""

    record: Record
    links: Sequence[Link]


class Place(NamedTuple):
    """What is always known of a record."""

    migration: int
    direction: Direction
    name: str
    offset: int
    length: int
    first_frame: int
    last_frame: int
    time: int
    """Of its last octet, ns since the epoch."""


class Index:
    """A fold over events. One thread adds, another asks: a record is counted once all of it is there."""

    def __init__(self, kept_max: int = KEPT_MAX) -> None:
        self.count = 0
        self._names: list[str] = []
        self._name_numbers: dict[str, int] = {}
        self._name = array("H")
        self._where = array("I")  # twice the migration, and 1 for reverse
        self._offset, self._length, self._time = array("Q"), array("Q"), array("Q")
        self._first, self._last = array("Q"), array("Q")
        self._links = Links()
        self._kept: OrderedDict[int, Kept] = OrderedDict()
        self._room = kept_max

    def add(self, event: Event) -> None:
        """The next event."""
        if not isinstance(event, Record):
            return
        name = event.name if event.name in self._name_numbers or len(self._names) < NAMES_MAX else MANY
        if name not in self._name_numbers:
            self._name_numbers[name] = len(self._names)
            self._names.append(name)
        self._name.append(self._name_numbers[name])
        self._where.append(2 * event.migration + (event.direction == REVERSE))
        self._offset.append(event.offset)
        self._length.append(event.length)
        self._time.append(max(0, event.last.time))
        self._first.append(event.first.frame)
        self._last.append(event.last.frame)
        self.keep(event.number, Kept(event, self._links.add(event)))
        self.count += 1

    def place(self, number: int) -> Place:
        """Of the record with this number, from 1."""
        at = number - 1
        return Place(
            self._where[at] // 2,
            REVERSE if self._where[at] % 2 else FORWARD,
            self._names[self._name[at]],
            self._offset[at],
            self._length[at],
            self._first[at],
            self._last[at],
            self._time[at],
        )

    def kept(self, number: int) -> Kept | None:
        """The record itself, if it is there."""
        return self._kept.get(number)

    def of_migration(self, migration: int, begin: int, end: int) -> array[int]:
        """The numbers of its records, of those from `begin` to before `end`."""
        where = self._where
        return array("I", (number for number in range(begin, end) if where[number - 1] // 2 == migration))

    def numbers_at(self, what: str, wanted: int) -> list[int]:
        """The numbers of the records that are at a place: "record", "frame" or "offset"."""
        if what == "record":
            return [wanted] if 0 < wanted <= self.count else []
        starts, count = (self._first, self.count) if what == "frame" else (self._offset, self.count)
        if what == "frame":
            return [at + 1 for at in range(count) if starts[at] and starts[at] <= wanted <= self._last[at]]
        return [at + 1 for at in range(count) if starts[at] <= wanted < starts[at] + self._length[at]]

    def keep(self, number: int, one: Kept) -> None:
        """A record itself, as long as there is room for it."""
        self._kept[number] = one
        self._room -= _size(one)
        while self._room < 0 and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._room += _size(gone)


class Again:
    """A fold over events that keeps the records around one that the index has let go of."""

    def __init__(self, index: Index, number: int) -> None:
        self._index, self._wanted = index, range(number - AROUND, number + AROUND)
        self._links = Links()
        self._found: list[Kept] = []

    def add(self, event: Event) -> None:
        """The next event."""
        if isinstance(event, Record):
            links = self._links.add(event)
            if event.number in self._wanted:
                self._found.append(Kept(event, links))

    def finish(self) -> None:
        """No event follows."""
        for one in self._found:
            self._index.keep(one.record.number, one)


def _size(one: Kept) -> int:
    return len(one.record.body) + 24 * len(one.record.runs) + RECORD_OCTETS
