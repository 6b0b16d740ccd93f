"""The columns of a result's type: its fields, those of the results in it after them, flat."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias, Union, get_args, get_origin, get_type_hints

from dissector.results.base import Result, Unit

Kind: TypeAlias = Literal["integer", "pfn", "real", "truth", "text", "choice", "time", "texts", "counts"]
"""What a column holds. choice: one of few texts; texts: a list of them; counts: a number by name."""


class Column(NamedTuple):
    """One column."""

    name: str
    path: tuple[str, ...]
    """The fields that lead to its value, from the row on."""
    kind: Kind
    unit: str
    """Empty where a number has none."""
    description: str


def columns(row: type[Result], without: frozenset[str] = frozenset()) -> tuple[Column, ...]:
    """The columns of a type of rows. `without`: names of fields that are none.

    A result within has a column for each of its fields: its name, "_", the field's. Several results are no column, but
    rows of another table. Raises TypeError for a field that no column can hold."""
    return tuple(_columns(row, (), "", without))


def value_of(row: Any, column: Column) -> Any:
    """A row's value in a column, of a time its ns since the epoch; None if what would have it is not there."""
    for name in column.path:
        if row is None:
            return None
        row = getattr(row, name)
    return row.ns if column.kind == "time" and row is not None else row


def _columns(row: type[Result], path: tuple[str, ...], said: str, without: frozenset[str]) -> Iterator[Column]:
    hints = get_type_hints(row, include_extras=True)
    for name in row.field_names:
        if name in without:
            continue
        base, notes = _bare(hints[name])
        within = (*path, name)
        texts = [one for one in notes if isinstance(one, str)]
        words = "; ".join(filter(None, (*texts[:1], said)))
        if _is_result(base):
            yield from _columns(base, within, words, frozenset())
            continue
        if get_origin(base) is tuple and _is_result(_bare(get_args(base)[0])[0]):
            continue
        unit = next((one for one in notes if isinstance(one, Unit)), None)
        yield Column("_".join(within), within, _kind(base, unit), unit.value if unit else "", words)


def _is_result(base: Any) -> bool:
    return isinstance(base, builtins.type) and issubclass(base, Result)


def _bare(hint: Any) -> tuple[Any, list[Any]]:
    """A type without what is noted on it, and without None; and the notes, the closest to the field first."""
    notes: list[Any] = []
    while True:
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Annotated:
            hint, *more = arguments
            notes += reversed(more)
        elif origin in (Union, UnionType) and len(known := [one for one in arguments if one is not NoneType]) == 1:
            (hint,) = known
        else:
            return hint, notes


_SIMPLE: Mapping[Any, Kind] = {bool: "truth", int: "integer", float: "real", str: "text"}


def _kind(base: Any, unit: Unit | None) -> Kind:
    if unit is Unit.TIME:
        return "time"
    if unit is Unit.PFN:
        return "pfn"
    if base in _SIMPLE:
        return _SIMPLE[base]
    origin, arguments = get_origin(base), get_args(base)
    if origin is Literal:
        return "choice"
    if origin is tuple and arguments[1:] == (Ellipsis,) and _kind(_bare(arguments[0])[0], None) in ("text", "choice"):
        return "texts"
    if origin is Mapping and _bare(arguments[1])[0] is int:
        return "counts"
    raise TypeError(f"no column can hold {base}")
