"""The fields of the protocol's layouts as rows: what the dissector reads bodies by, and what the generator writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple, TypeAlias

from dissector.integrations.wireshark.fields import (
    NAMES,
    is_stream_of_qemu,
    names_of,
    parts_of,
    register_of,
    structures,
)
from dissector.protocol import Body, Field, fields, layout

Kind: TypeAlias = Literal["uint", "octets", "rest", "text", "cstring", "array"]
"""As in `protocol.Field`, but "rest": the octets up to the body's end."""


class Part(NamedTuple):
    """A part of an integer."""

    name: str
    shift: int
    width: int


class Row(NamedTuple):
    """A field: how it is read, how many octets it has, what it is called, and its path in the layout."""

    kind: Kind
    path: str
    name: str | None = None
    size: int | str | None = None
    """Octets, or the field that counts them."""
    by: str | None = None
    """Of an array: the field that counts its elements, or how many there always are, or what the last one has where."""
    times: int | None = None
    ending: tuple[str, int] | None = None
    parts: tuple[Part, ...] | None = None
    names: Mapping[int, str] | None = None
    chosen_by: str | None = None
    """The field that says which layouts its octets can have, and those by its values; by 1 if nothing chooses."""
    inside: Mapping[int, tuple[str, ...]] | None = None
    register: str | None = None
    """Of the value of a model-specific register: the field that has its number."""
    is_stream_of_qemu: bool | None = None
    elements: tuple[Row, ...] | None = None


@cache
def rows(body: Body) -> tuple[Row, ...]:
    """The rows of a layout."""
    return _rows(tuple(fields(layout(body, "little"))), "")


def _rows(some: Sequence[Field], path: str) -> tuple[Row, ...]:
    return tuple(_row(one, ".".join(filter(None, (path, one.name))), some) for one in some)


def _row(field: Field, path: str, siblings: Sequence[Field]) -> Row:
    name = field.name or None
    if field.kind == "array":
        inside = _rows(field.elements, path)
        return Row("array", path, name, None, field.counted_by, field.times, field.ends_with, elements=inside)
    kinds: Mapping[str, Kind] = {"bytes": "octets", "blob": "rest"}
    kind: Any = kinds.get(field.kind, field.kind)
    parts = tuple(Part(one.name, one.shift, one.width) for one in parts_of(field))
    known = names_of(field)
    row = Row(
        kind,
        path,
        name,
        field.size or field.counted_by,
        parts=parts or None,
        names=NAMES[known] if known else None,
        register=register_of(field),
        is_stream_of_qemu=is_stream_of_qemu(field) or None,
    )
    return row._replace(**_inside(field, siblings))


def _inside(field: Field, siblings: Sequence[Field]) -> dict[str, Any]:
    """The layouts of octets by the number in the field that chooses them."""
    found = structures(field)
    if not found or field.meaning is None:
        return {}
    if not field.meaning.by:
        return {"inside": {1: tuple(body.__name__ for body in found[None])}}
    (by,) = field.meaning.by
    names = {key: tuple(body.__name__ for body in bodies) for key, bodies in found.items()}
    numbers = next((one.values for one in siblings if one.name == by), None)
    if numbers is None:  # what was said before the body chooses
        return {"chosen_by": by, "inside": names}
    return {"chosen_by": by, "inside": {value: names[name] for value, name in numbers.items() if name in names}}
