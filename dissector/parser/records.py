"""What framing puts out: a record, header or handshake text, and where it was on the wire."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from dissector.parser.stream import Place
from dissector.protocol import ENTRY_PFN, ENTRY_TYPE, Endianness, HeaderSpec, Layer, Message, RecordSpec

if TYPE_CHECKING:
    from dissector.parser.channel import Channel

FORWARD, REVERSE = "forward", "reverse"

Spec = RecordSpec | HeaderSpec | Message | None


class Run(NamedTuple):
    """Consecutive pfns of one page type, in the order of a record's entries. `type` is the number, 0 to 15."""

    first: int
    length: int
    type: int


class Link(NamedTuple):
    """A pfn that ties a POSTCOPY_FAULT to the POSTCOPY_PAGE_DATA that answers it."""

    pfn: int
    record: Record
    """The record at the other end."""
    in_flight: bool
    """Whether the page's record began on the wire before the fault ended there."""


@dataclass(slots=True)
class Record:
    """One item of a stream. Offsets and lengths are octets."""

    channel: Channel
    direction: str
    layer: Layer | None
    """None for octets that belong to no layer."""
    name: str
    type: int | None
    """The record type on the wire; None for headers and texts."""
    spec: Spec
    """The grammar's entry; None for a record type nobody specified."""
    endianness: Endianness
    offset: int
    first: Place
    """Where the first octet was captured."""
    last: Place
    """Where the octet was captured that came last."""
    length: int
    """Octets on the wire, header and padding included."""
    body_length: int
    """What the header says; of a text all of it."""
    body: bytes = b""
    """The body, or its beginning: page contents and long blobs are not kept."""
    padding: bytes = b""
    complete: bool = True
    """False where a gap, a cut or the end of the stream took part of it."""
    whole: bool = True
    """False where the stream ended inside it."""
    skipped: int = 0
    """Octets passed over before it because the way was lost."""
    acked: int = 0
    """How much of the other direction its sender had acknowledged when it was complete."""
    silence: int = 0
    """The longest time (ns) without payload in its direction, since the record before it."""
    notes: tuple[str, ...] = ()
    """Rule ids of what only framing could see here."""
    index: int = 0
    """Which item of its direction in its migration, from 0. Filled in by whoever counts."""
    links: list[Link] = field(default_factory=list, repr=False)
    """Filled in by whoever matches faults and pages."""
    _runs: list[Run] | None = field(default=None, repr=False)

    @property
    def count(self) -> int:
        """The count a pages record gives itself."""
        return int.from_bytes(self.body[:4], self.endianness) if len(self.body) >= 4 else 0

    @property
    def is_header(self) -> bool:
        return isinstance(self.spec, HeaderSpec)

    @property
    def is_pages(self) -> bool:
        return isinstance(self.spec, RecordSpec) and self.spec.shape == "pages"

    @property
    def runs(self) -> list[Run]:
        """The entries of a pages record that were captured, as runs."""
        if self._runs is None:
            self._runs = page_runs(self.body[8 : 8 + 8 * self.count], self.endianness)
        return self._runs

    def pfns(self) -> Iterator[int]:
        """The pfns of its entries, one by one."""
        for run in self.runs:
            yield from range(run.first, run.first + run.length)


_PFN, _SHIFT = ENTRY_PFN.mask, ENTRY_TYPE.shift


def page_runs(entries: bytes, endianness: Endianness) -> list[Run]:
    """Runs of 64-bit pfn entries; octets beyond the last whole entry are left out."""
    words = array("Q", entries[: len(entries) & ~7])
    if endianness != sys.byteorder:
        words.byteswap()
    if not words:
        return []
    if _is_one_run(words):
        return [Run(words[0] & _PFN, len(words), words[0] >> _SHIFT)]
    runs = []
    start = previous = words[0]
    for word in words[1:]:
        if word != previous + 1:
            runs.append(_run(start, previous))
            start = word
        previous = word
    runs.append(_run(start, previous))
    return runs


def _run(start: int, last: int) -> Run:
    return Run(start & _PFN, last - start + 1, start >> _SHIFT)


def _is_one_run(words: array[int]) -> bool:
    """Whether entries ascend by one, as nearly all do: found without a loop in Python."""
    first, last = words[0], words[-1]
    return last - first == len(words) - 1 and words == array("Q", range(first, last + 1))
