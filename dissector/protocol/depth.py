"""Parsed values in depth: each field by its meaning, and back to what the layout builds.

`codec.parse` stops at integers and octets where a meaning takes a table to tell: nobody who counts or judges a stream
pays for it. Whoever shows a record calls `deepen` on what was parsed. `flatten` is the way back, which `codec.build`
goes by itself.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from .primitives import GrammarError, Layout
from .walk import Field, fields

NOTHING: Mapping[str, Any] = MappingProxyType({})


def deepen(layout: Layout, values: Mapping[str, Any], around: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
    """`values`, as `codec.parse` gives them, with every field that has a meaning replaced by it.

    `around`: what was said before the structure and chooses meanings, too: the fields of `events.Context` by name.
    """
    return _deepen(_shape(layout), values, around)


def flatten(layout: Layout, values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with integers and octets for whatever `deepen` told. GrammarError for what has no such meaning."""
    return _flatten(_shape(layout), values)


class Shape(NamedTuple):
    """The fields of a structure: which of them have a meaning, themselves or inside, and how an array's elements look.

    Where no field has one there is nothing to do for the whole structure."""

    fields: tuple[Field, ...]
    deep: frozenset[str]
    elements: Mapping[str, Shape]


@functools.lru_cache(maxsize=1024)
def _shape(layout: Layout) -> Shape:
    return _of(tuple(fields(layout)))


def _of(found: tuple[Field, ...]) -> Shape:
    elements = {field.name: _of(field.elements) for field in found if field.elements}
    deep = (field.name for field in found if field.meaning or (field.elements and elements[field.name].deep))
    return Shape(found, frozenset(deep), elements)


def _deepen(shape: Shape, values: Mapping[str, Any], around: Mapping[str, Any]) -> dict[str, Any]:
    if not shape.deep:
        return dict(values)
    return {
        field.name: _told(shape, field, values[field.name], values, around)
        if field.name in shape.deep
        else values[field.name]
        for field in shape.fields
        if field.name in values
    }


def _told(shape: Shape, field: Field, value: Any, values: Mapping[str, Any], around: Mapping[str, Any]) -> Any:
    if field.kind == "array":
        element, inner = field.elements[0], shape.elements[field.name]
        if element.name:
            return [_deepen(inner, one, around) for one in value]
        return [_told(inner, element, one, values, around) for one in value]
    meaning = field.meaning
    form = meaning.form({**around, **values} if around else values) if meaning else None
    return value if form is None or meaning is None else form.read(value, meaning.endianness, values)


def _flatten(shape: Shape, values: Mapping[str, Any]) -> dict[str, Any]:
    flat = dict(values)
    if not shape.deep:
        return flat
    for field in shape.fields:
        value = flat.get(field.name)
        if value is None:
            continue
        if field.name in shape.deep:
            flat[field.name] = _untold(shape, field, value, flat)
        elif field.values and isinstance(value, int):
            # A later field may be chosen by the name, which is what parsing gives.
            flat[field.name] = field.values.get(value, value)
    return flat


def _untold(shape: Shape, field: Field, value: Any, values: Mapping[str, Any]) -> Any:
    if field.kind == "array":
        if not isinstance(value, list | tuple):
            return value
        element, inner = field.elements[0], shape.elements[field.name]
        if element.name:
            return [_flatten(inner, one) if isinstance(one, Mapping) else one for one in value]
        return [_untold(inner, element, one, values) for one in value]
    meaning = field.meaning
    form = meaning.form(values) if meaning else None
    if form is None or meaning is None or isinstance(value, int | bytes | bytearray):
        return _unsigned(field, value)
    try:
        return form.write(value, meaning.endianness, values)
    except (AttributeError, TypeError, ValueError) as error:
        raise GrammarError(f"{field.name}: {error}") from error


def _unsigned(field: Field, value: Any) -> Any:
    """A negative number as the unsigned one of the same octets."""
    is_negative = isinstance(value, int) and value < 0
    return value + (1 << 8 * (field.size or 0)) if is_negative else value
