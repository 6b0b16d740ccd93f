"""Which pages went when: pfns against time, and how often each page was sent.

Neither axis of the map is as long as what it shows. Time has TIME_BINS bins, and pfns have ROWS_MAX rows of equally
many pfns each: only rows in which something happened, so that a few pages far above the others (an HVM guest's special
pages) do not press all others into one row. Both grow coarser by halves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, TypeAlias, get_args

from dissector.events import Record
from dissector.facts.bins import TimeBins
from dissector.facts.pfns import parts
from dissector.facts.roles import role_of
from dissector.protocol import UNBACKED, Role

TIME_BINS = 256
ROWS_MAX = 192

MARKED_MAX = 1 << 10
"""Stretches of 65,536 pfns of which each page is remembered, in all migrations: 64 MiB, the pages of 256 GiB."""

FINEST_ROW = 16
"""Pfns of a row to begin with."""

PageUse: TypeAlias = Literal["sent", "sent_again", "announced", "faulted", "answered", "pushed"]
"""Of precopy: a page came for the first time, or again. Of postcopy, each page once: it was announced, was asked for,
came and answered a fault, came and nobody ever asked for it."""

USES: tuple[PageUse, ...] = get_args(PageUse)

TIMES, ANNOUNCED, CAME, ASKED = 0x1F, 0x20, 0x40, 0x80
"""What an octet says of a page: how often precopy has sent it, at most TIMES; and what postcopy did."""

SEND = bytes(mark + 1 if mark & TIMES < TIMES else mark for mark in range(256))
ANNOUNCE, COME, ASK = (bytes(mark | flag for mark in range(256)) for flag in (ANNOUNCED, CAME, ASKED))

TIMES_OF = bytes(mark & TIMES for mark in range(256))
IS_UNANNOUNCED, IS_UNASKED = (bytes(not mark & flag for mark in range(256)) for flag in (ANNOUNCED, ASKED))
IS_PUSHED = bytes(not mark & (ASKED | CAME) for mark in range(256))
IS_ANSWER = bytes(mark & (ASKED | CAME) == ASKED for mark in range(256))
IS_MISSING = bytes(mark & (ANNOUNCED | CAME) == ANNOUNCED for mark in range(256))


class Marks:
    """An octet for each page, by stretches of 65,536 pfns."""

    def __init__(self) -> None:
        self._left = MARKED_MAX

    def new(self) -> bytearray | None:
        """A stretch; None if there are too many."""
        if not self._left:
            return None
        self._left -= 1
        return bytearray(1 << 16)

    def give_back(self, count: int) -> None:
        """So many are not needed any more."""
        self._left += count


class PageMap:
    """A fold over the records of one migration that list pages."""

    def __init__(self, marks: Marks) -> None:
        """`marks`: where all migrations of an input get theirs from."""
        self.bins: TimeBins[tuple[PageUse, int]] = TimeBins(TIME_BINS)
        """Pages by use and row."""
        self.row_size = FINEST_ROW
        """Pfns of a row: the row `n` begins with the pfn `n * row_size`."""
        self.overflow = False
        """Whether there were too many pages to remember each: then it is not known how often each was sent."""
        self.times_sent: list[int] = []
        """How many pages precopy sent once, twice, ...; the last counts what was sent TIMES times or more often."""
        self.missing: dict[int, int] = {}
        """Pages that were announced and never came, by row."""
        self._rows: set[int] = set()
        self._marks = marks
        self._stretches: dict[int, bytearray] = {}

    def add(self, record: Record) -> None:
        """The next whole record of its right direction."""
        take = _TAKE.get(role_of(record))
        if take is None:
            return
        for first, length, type in record.runs:
            # Who asks names no types: what stands there is no page's.
            if type not in UNBACKED or take is PageMap._ask:
                self._fit(first, length)
                for row, number, low, high in self._pieces(first, length):
                    take(self, record.last.time, row, number, low, high)

    def answer(self, pfn: int, time: int) -> None:
        """The page that came at a time, unasked as it seemed, answers a fault that it crossed."""
        row = pfn // self.row_size
        if any(self.bins.rows.get(("pushed", row), ())):
            self.bins.add(("pushed", row), time, -1)
            self.bins.add(("answered", row), time, 1)

    def finish(self) -> None:
        """No record follows: keeps counts, and lets go of single pages."""
        if not self._stretches:
            return
        counts = [0] * (TIMES + 1)
        for number, marks in self._stretches.items():
            times = marks.translate(TIMES_OF)
            for often in range(TIMES + 1):
                counts[often] += times.count(often)
            is_missing = marks.translate(IS_MISSING)
            if 1 in is_missing:
                for row, _, low, high in self._pieces(number << 16, 1 << 16):
                    count = is_missing.count(1, low, high)
                    if count:
                        self.missing[row] = self.missing.get(row, 0) + count
        self.times_sent = counts[1:]
        while self.times_sent and not self.times_sent[-1]:
            self.times_sent.pop()
        self._marks.give_back(len(self._stretches))
        self._stretches = {}

    def _pieces(self, first: int, length: int) -> Iterator[tuple[int, int, int, int]]:
        """A run in pieces that lie in one row and one stretch each: the row, the stretch, and the part of it."""
        size = self.row_size
        for number, low, high in parts(first, length):
            start = number << 16
            while low < high:
                row = (start + low) // size
                end = min(high, (row + 1) * size - start)
                yield row, number, low, end
                low = end

    def _fit(self, first: int, length: int) -> None:
        """Makes rows larger until there is room for those of a run."""
        while True:
            low, high = first // self.row_size, (first + length - 1) // self.row_size
            if low == high and low in self._rows:
                return
            if high - low < ROWS_MAX:
                wanted = self._rows.union(range(low, high + 1))
                if len(wanted) <= ROWS_MAX:
                    self._rows = wanted
                    return
            self.row_size *= 2
            self._rows = {row // 2 for row in self._rows}
            # From below: what a row becomes has been moved on already.
            for use, row in sorted(self.bins.rows):
                if row:
                    self.bins.merge((use, row // 2), (use, row))

    def _stretch(self, number: int) -> bytearray | None:
        found = self._stretches.get(number)
        if found is None:
            found = self._marks.new()
            if found is None:
                self.overflow = True
            else:
                self._stretches[number] = found
        return found

    def _mark(self, number: int, low: int, high: int, how: bytes) -> bytes:
        """Marks pages; how they were marked before."""
        stretch = self._stretch(number)
        if stretch is None:
            return bytes(high - low)
        before = bytes(stretch[low:high])
        stretch[low:high] = before.translate(how)
        return before

    def _count(self, use: PageUse, row: int, time: int, count: int) -> None:
        if count:
            self.bins.add((use, row), time, count)

    def _send(self, time: int, row: int, number: int, low: int, high: int) -> None:
        new = self._mark(number, low, high, SEND).translate(TIMES_OF).count(0)
        self._count("sent", row, time, new)
        self._count("sent_again", row, time, high - low - new)

    def _announce(self, time: int, row: int, number: int, low: int, high: int) -> None:
        marks = self._mark(number, low, high, ANNOUNCE)
        self._count("announced", row, time, marks.translate(IS_UNANNOUNCED).count(1))

    def _ask(self, time: int, row: int, number: int, low: int, high: int) -> None:
        marks = self._mark(number, low, high, ASK)
        self._count("faulted", row, time, marks.translate(IS_UNASKED).count(1))

    def _come(self, time: int, row: int, number: int, low: int, high: int) -> None:
        marks = self._mark(number, low, high, COME)
        self._count("answered", row, time, marks.translate(IS_ANSWER).count(1))
        self._count("pushed", row, time, marks.translate(IS_PUSHED).count(1))


_TAKE: Mapping[Role | None, Callable[[PageMap, int, int, int, int, int], None]] = {
    Role.MEMORY: PageMap._send,
    Role.POSTCOPY_LIST: PageMap._announce,
    Role.POSTCOPY_FAULT: PageMap._ask,
    Role.POSTCOPY_PAGES: PageMap._come,
}
