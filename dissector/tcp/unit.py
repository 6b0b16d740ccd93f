"""Packets that come again and again in the same order, judged column by column.

Where page contents flow undisturbed a capture repeats itself: so many segments of one size, an acknowledgement, and
the same once more. Then an octet of a header stands at the same distance in every repetition, and one slice of the
buffer brings that octet of all of them at once. Nothing is taken on trust: every octet that the express lane compares
of a single packet is compared here.
"""

from __future__ import annotations

from itertools import takewhile
from operator import eq
from struct import Struct, unpack
from typing import NamedTuple

from dissector.tcp.shape import ACKNOWLEDGEMENT, CUT, SEQUENCE, TORN, Shape


class Recipe(NamedTuple):
    """What makes a unit."""

    pages: int
    """Segments with page contents, the first of its packets."""
    page: Shape
    bare: Shape | None
    """The acknowledgement that comes after them, if one does."""
    addresses: bytes
    peer_addresses: bytes
    ports: int
    """Source and destination port of the segments, as one number."""
    peer_expected: int
    """Ports and sequence number of the acknowledgement, as one number."""


class Unit:
    """What repeats. Offsets are octets from the header of its first packet."""

    def __init__(self, recipe: Recipe, fields: Struct) -> None:
        page, bare, pages = recipe.page, recipe.bare, recipe.pages
        self.recipe = recipe
        self.packets = pages + (bare is not None)
        self.size = pages * page.size
        """Octets of payload."""
        self.page_at, self.bare_at = (pages - 1) * page.stride, pages * page.stride
        """Where the last segment starts, and what follows it."""
        self.stride = self.bare_at + (bare.stride if bare else 0)
        """Octets of it in the buffer."""
        self.cut = pages * (page.cut & CUT) + (bare.cut & CUT if bare else 0)
        """Packets of it that were cut at the snap length."""
        self.torn = page.cut & TORN
        """Whether that took payload."""
        of_page = page.fixed(fields, recipe.addresses, recipe.ports << 32)
        self._fixed = [(at * page.stride + offset, octets) for at in range(pages) for offset, octets in of_page]
        if bare:
            of_bare = bare.fixed(fields, recipe.peer_addresses, recipe.peer_expected)
            self._fixed += [(self.bare_at + offset, octets) for offset, octets in of_bare]
        self._sequences = [at * page.stride + fields.size + SEQUENCE for at in range(pages)]
        self._acknowledgement = self.bare_at + fields.size + ACKNOWLEDGEMENT if bare else None

    def repeats(self, buffer: bytearray, pos: int, most: int, expected: int, acknowledged: int) -> int:
        """How often it stands in a row from `pos` on, at most `most` times; with segments from the sequence number
        `expected` on, and acknowledgements that go on from `acknowledged` and never go back."""
        count = most
        for offset, octets in self._fixed:
            column = buffer[pos + offset : pos + count * self.stride : self.stride]
            if column != octets[:1] * count:
                count = len(column) - len(column.lstrip(octets))
            if not count:
                return 0
        for at, offset in enumerate(self._sequences):
            first = expected + at * self.recipe.page.size
            wanted = range(first, first + count * self.size, self.size)
            numbers = self._numbers(buffer, pos + offset, count)
            if numbers != tuple(wanted):
                count = sum(takewhile(bool, map(eq, numbers, wanted)))
        if self._acknowledgement is not None:
            numbers = (acknowledged, *self._numbers(buffer, pos + self._acknowledgement, count))
            if list(numbers) != sorted(numbers):
                count = next(at for at in range(count) if numbers[at] > numbers[at + 1])
        return count

    def _numbers(self, buffer: bytearray, start: int, count: int) -> tuple[int, ...]:
        """The 32-bit number that stands there, of each repetition."""
        words = bytearray(4 * count)
        for octet in range(4):
            words[octet::4] = buffer[start + octet : start + octet + count * self.stride : self.stride][:count]
        return unpack(f">{count}I", words)
