"""Bodies read by the rows of their layouts: what is where, as far as the octets go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dissector.integrations.wireshark.rows import Row
from dissector.integrations.wireshark.runtime.octets import integer, rows_of
from dissector.parser.direction import DirectionParser
from dissector.protocol import Body, Endianness, HeaderSpec


class Found(NamedTuple):
    """A field, or an element of an array, which has a number: the fields in it follow, if it is whole."""

    row: Row
    offset: int
    size: int
    depth: int
    """Arrays around it."""
    values: Mapping[str, Any]
    """The numbers in it and beside it."""
    element: int | None = None
    is_whole: bool = True


class Ordered(NamedTuple):
    """A layout in one byte order."""

    body: Body
    endianness: Endianness


class Reading:
    """One body that is read."""

    def __init__(self, octets: bytes, endianness: Endianness, shown: int = 0) -> None:
        """`shown`: how many elements of arrays are found at most; 0: all."""
        self.octets: bytes = octets
        self.endianness: Endianness = endianness
        self.found: list[Found] = []
        self.values: dict[str, Any] = {}
        """The numbers outside of arrays: of 64 bits as hexadecimals."""
        self._shown = shown
        self._elements_found = 0
        self.is_cut: bool = False
        """Whether there are more elements than are found."""

    def follow(self, rows: Sequence[Row], at: int = 0) -> int | None:
        """The offset after the last field; None if the octets are too few."""
        return self._follow(rows, at, 0, self.values, True)

    def _follow(self, rows: Sequence[Row], at: int, depth: int, values: dict[str, Any], is_shown: bool) -> int | None:
        for row in rows:
            if row.kind == "array":
                end = self._array(row, at, depth, values, is_shown)
            else:
                end = self._field(row, at, depth, values, is_shown)
            if end is None:
                return None
            at = end
        return at

    def _field(self, row: Row, at: int, depth: int, values: dict[str, Any], is_shown: bool) -> int | None:
        size = self._size(row, at, values)
        if size is None or size < 0 or at + size > len(self.octets):
            return None
        if row.kind == "uint":
            values[row.name or ""] = integer(self.octets[at : at + size], self.endianness)
        if is_shown:
            self.found.append(Found(row, at, size, depth, values))
        return at + size + 1 if row.kind == "cstring" else at + size

    def _size(self, row: Row, at: int, values: Mapping[str, Any]) -> int | None:
        if row.kind == "rest":
            return len(self.octets) - at
        if row.kind == "cstring":
            return self.octets.find(b"\0", at) - at
        counted = values.get(str(row.size))
        return row.size if counted is None else counted  # type: ignore[return-value]  # a name is that of a number

    def _array(self, row: Row, at: int, depth: int, values: Mapping[str, Any], is_shown: bool) -> int | None:
        index, count = 0, row.times
        if row.by is not None:
            count = values.get(row.by)
        while index != count:
            after: int | None = None
            last: dict[str, Any] = {}
            if at < len(self.octets):
                after = self._element(row, at, depth, values, last, index, is_shown and self._has_room())
            if after is None and count is None and row.ending is None:
                break
            if after is None:
                return None
            at = after
            index += 1
            if row.ending is not None and last.get(row.ending[0]) == row.ending[1]:
                break
        return at

    def _element(
        self,
        row: Row,
        at: int,
        depth: int,
        values: Mapping[str, Any],
        own: dict[str, Any],
        index: int,
        is_shown: bool,
    ) -> int | None:
        """One element, whose numbers become its `own`. As in the grammar, one that is not whole has no fields."""
        before: list[Found] = self.found
        self.found = []
        after = self._follow(row.elements or (), at, depth + 1, own, is_shown)
        inside: list[Found] = self.found
        self.found = before
        if is_shown:
            end = len(self.octets) if after is None else after
            before.append(Found(row, at, end - at, depth, values, index, after is not None))
        if after is not None:
            for one in inside:
                before.append(one)
        return after

    def _has_room(self) -> bool:
        self._elements_found += 1
        has_room = not self._shown or self._elements_found <= self._shown
        self.is_cut = self.is_cut or not has_room
        return has_room


def measure(layout: Ordered, octets: bytes) -> int | None:
    """How many of the octets a layout takes, by its own counts; None if they are too few."""
    return Reading(octets, layout.endianness).follow(rows_of(layout.body))


def header_numbers(spec: HeaderSpec, body: bytes, endianness: Endianness) -> Mapping[str, Any]:
    """The fields of a header as the numbers they are."""
    reading = Reading(body, endianness)
    reading.follow(rows_of(spec.body))
    return reading.values


def header_values(p: DirectionParser, spec: HeaderSpec, endianness: Endianness) -> Mapping[str, Any]:
    """The fields of the header that is in the buffer, as templates want them."""
    return values_of(spec.body, bytes(p.buffer[: spec.size]), endianness)


def values_of(body: Body, octets: bytes, endianness: Endianness) -> Mapping[str, Any]:
    """The values of a layout as templates want them: enumerations by name, bits and elements as tables, of octets how
    many they are."""
    reading = Reading(octets, endianness)
    reading.follow(rows_of(body))
    top: dict[str, Any] = {}
    around: list[dict[str, Any]] = [top]
    for one in reading.found:
        while len(around) > one.depth + 1:
            around.pop()
        if not one.is_whole:
            continue
        inside = around[-1]
        name = one.row.name or ""
        if one.element is None:
            inside[name] = _value(one)
            continue
        element: dict[str, Any] = {}
        elements: list[dict[str, Any]] = inside.setdefault(name, [])
        elements.append(element)
        around.append(element)
    return top


def _value(one: Found) -> Any:
    row = one.row
    if row.kind != "uint":
        return {"octets": one.size}
    number = one.values[row.name or ""]
    if row.parts is not None and row.size != 8:
        return {part.name: number // (1 << part.shift) % (1 << part.width) for part in row.parts}
    return number if row.names is None else row.names.get(number, number)
