"""What is kept of each header, record and text, to be shown whenever somebody looks at its packets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from dissector.events import Direction, Position, Run
from dissector.parser.conversation import ParsedMigration
from dissector.parser.entries import ENTRY_SIZE, PAGES_HEADER_SIZE, page_runs
from dissector.parser.item import ENTRIES_KEPT, Item
from dissector.protocol import Role

if TYPE_CHECKING:
    from dissector.integrations.wireshark.runtime.halves import ShownHalf


COUNT_SIZE = 4
"""Octets of the number of entries, with which the body of a pages record begins."""


class Tie(NamedTuple):
    """A pfn that ties a POSTCOPY_FAULT to the POSTCOPY_PAGE_DATA that answers it: a `Link`, as it is shown."""

    pfn: int
    shown: Shown
    in_flight: bool


class Broken(NamedTuple):
    """A rule that it breaks."""

    rule: str
    severity: str
    message: str


@dataclass(eq=False)
class Shown:
    """An item, as far as it is known."""

    half: ShownHalf
    item: Item
    offset: int
    migration: ParsedMigration
    direction: Direction
    role: Role | None
    """The part that it plays in its stream."""
    header: int
    """Octets of its header, with whose last one its frame is known."""
    length: int
    frame: int
    """Where its header ends."""
    last: Position | None = None
    """Where its newest octet was captured; None as long as it goes on."""
    complete: bool = False
    whole: bool = False
    """Whether it was followed to its end."""
    holes: int = 0
    summary: str = ""
    count: int | None = None
    """Of a pages record: its entries, as it says itself."""
    entries: int = 0
    """The offset after them, once it is known."""
    listed: int | None = None
    """How many were seen, and of which pfns at least and at most."""
    low: int | None = None
    high: int | None = None
    pfns: list[int] | None = None
    """That it asks for."""
    links: list[Tie] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    watched: bool | None = None
    """Whether anybody looks at frames of its page contents beside their one line, and that line."""
    line: str = ""

    def ties(self) -> dict[int, Tie]:
        """The links of a fault by pfn."""
        return {tie.pfn: tie for tie in self.links}

    def entries_end(self) -> int | None:
        """Where the entries of a pages record end; None as long as its count was not seen."""
        if self.entries:
            return self.entries
        item = self.item
        if not item.is_pages:
            return None
        parser = self.half.parser
        if self.count is None and parser.item is item and len(parser.buffer) >= PAGES_HEADER_SIZE:
            self.take_runs(bytes(parser.buffer), page_runs(bytes(parser.buffer), item.endianness))
        if self.count is None:
            return None
        body = min(item.body_length, PAGES_HEADER_SIZE + ENTRY_SIZE * min(self.count, ENTRIES_KEPT))
        if body < PAGES_HEADER_SIZE:
            return None
        self.entries = item.offset + self.header + body - body % ENTRY_SIZE
        return self.entries

    def take_runs(self, body: bytes, runs: Sequence[Run]) -> None:
        """Its entries, or what was captured of them."""
        self.count = int.from_bytes(body[:COUNT_SIZE], self.item.endianness) if len(body) >= COUNT_SIZE else None
        self.listed = sum(run.length for run in runs)
        if runs:
            self.low = min(run.first for run in runs)
            self.high = max(run.first + run.length - 1 for run in runs)
