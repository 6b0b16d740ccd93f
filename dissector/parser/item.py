"""What is being read: a header, record or text whose first octets are known."""

from __future__ import annotations

from dataclasses import dataclass

from dissector.events import FOREIGN_OCTETS, Position, Spec
from dissector.parser.entries import ENTRY_SIZE, PAGES_HEADER_SIZE
from dissector.protocol import Endianness, Expect, Layer, RecordSpec

BODY_KEPT = 1 << 20
"""Octets of a body that are kept at most: enough for every state of processors and devices Xen sends; the rest
of a longer blob is passed over."""

ENTRIES_KEPT = 1 << 20
"""Entries of a pages record that are kept at most. Senders write up to 524,288; receivers of the postcopy RFC's
time accept no body above 8 MiB."""


UNKNOWN = -1
"""Of octets to keep: the body's own count has to say it."""


@dataclass(slots=True)
class Item:
    """A header, record or text whose first octets were read."""

    layer: Layer | None
    name: str
    type: int | None
    spec: Spec
    endianness: Endianness
    offset: int
    first: Position
    body_length: int
    end: int
    """The offset after its body."""
    padding: int = 0
    """Octets of padding after that."""
    keep: int = UNKNOWN
    """Octets of the body to keep."""
    body: bytes | None = None
    """None as long as it was not read."""
    unannounced: bool = False
    then: Expect | None = None
    """What stands after it; None: what is expected now."""
    spent: tuple[int, ...] | None = None
    """What had held up its sender when it began (`Transport.spent`)."""

    @property
    def whole_end(self) -> int:
        """The offset after its padding."""
        return self.end + self.padding

    @property
    def is_pages(self) -> bool:
        return isinstance(self.spec, RecordSpec) and self.spec.shape == "pages"

    def turn_foreign(self, end: int) -> None:
        """It was no record after all: its octets up to an offset belong to no layer."""
        self.layer, self.name, self.type, self.spec = None, FOREIGN_OCTETS, None, None
        self.endianness, self.body_length, self.end = "little", end - self.offset, end

    def keep_listed(self, header: bytes | bytearray, room: int) -> int:
        """How much of a pages record to keep, given how its body of `room` octets begins."""
        count = int.from_bytes(header[:4], self.endianness)
        self.keep = min(room, PAGES_HEADER_SIZE + ENTRY_SIZE * min(count, ENTRIES_KEPT))
        return self.keep


def octets_to_keep(spec: Spec, length: int) -> int:
    """How much of a body has fields, or UNKNOWN."""
    if isinstance(spec, RecordSpec) and spec.shape == "pages" and length >= PAGES_HEADER_SIZE:
        return UNKNOWN
    return min(length, BODY_KEPT)
