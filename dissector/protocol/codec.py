"""Octets to plain Python values and back, through any layout of the grammar."""

from __future__ import annotations

import functools
import io
from collections.abc import Mapping
from typing import Any, TypeAlias

import construct as c

from .depth import flatten
from .primitives import INTS, Body, Endianness, GrammarError, Layout, Unread
from .walk import bare

Values: TypeAlias = dict[str, Any]
Octets: TypeAlias = bytes | bytearray | memoryview

JSON_OCTETS = 64  # a blob up to this size is shown, a longer one only counted


@functools.cache
def layout(body: Body, endianness: Endianness) -> Layout:
    """The layout `body` in one byte order, made once."""
    return body(INTS[endianness])


def parse(layout: Layout, octets: Octets) -> Values:
    """The values of `octets` by field name.

    Values are int, str (a name of an enumeration, or text), bytes, list, and dict (bit fields, structures).
    Octets after the layout's end are left alone. GrammarError if they are too few.
    """
    return _read(layout, bytes(octets))[0]


def whole(layout: Layout, octets: Octets) -> Values | None:
    """The values of the octets if the layout takes them to the last one, else None."""
    try:
        values, used = _read(layout, bytes(octets))
    except GrammarError:
        return None
    return values if used == len(octets) else None


def measure(layout: Layout, octets: Octets) -> int:
    """How many of `octets` the layout takes, by its own counts. GrammarError if they are too few."""
    return _read(layout, bytes(octets))[1]


def parse_partial(layout: Layout, octets: Octets) -> Values:
    """The leading fields that `octets` hold in full, and the leading elements of an array cut short.

    Never raises.
    """
    data = bytes(octets)
    nodes = layout.subcons
    for end in range(len(nodes), -1, -1):
        try:
            values, used = _read(c.Struct(*nodes[:end]), data)
        except GrammarError:
            continue
        if end < len(nodes) and type(bare(nodes[end])) in (c.Array, c.RepeatUntil):
            elements = c.Struct("whole" / c.GreedyRange(bare(nodes[end]).subcon))
            values[nodes[end].name] = _read(elements, data[used:])[0]["whole"]
        return values
    return {}


def build(layout: Layout, values: Mapping[str, Any] | None = None) -> bytes:
    """The octets of `values`.

    Reserved fields, magic numbers and counts may be left out, or given, right or wrong. GrammarError for a
    field that is missing, unknown or out of range. What `depth.deepen` told is taken, too.
    """
    given = dict(values or {})
    if unknown := given.keys() - {node.name for node in layout.subcons}:
        raise GrammarError(f"no field called {', '.join(sorted(unknown))}")
    try:
        return bytes(layout.build(flatten(layout, given)))
    except KeyError as error:
        raise GrammarError(f"the field {error} is missing") from error
    except (c.ConstructError, TypeError, AttributeError) as error:
        raise GrammarError(_one_line(error)) from error


def json_safe(values: Any) -> Any:
    """`values` as JSON can carry them: octets as hexadecimals, or {"octets": length} if they are many.

    Octets that should have been something else are {"octets": length, "unread": why}."""
    match values:
        case Unread():
            return {"octets": len(values), "unread": values.why}
        case dict():
            return {name: json_safe(value) for name, value in values.items()}
        case list() | tuple():
            return [json_safe(value) for value in values]
        case bytes() | bytearray() | memoryview():
            return bytes(values).hex() if len(values) <= JSON_OCTETS else {"octets": len(values)}
        case str():
            return values.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        case _:
            return values


def _read(layout: Layout, data: bytes) -> tuple[Values, int]:
    stream = io.BytesIO(data)
    try:
        return _plain(layout.parse_stream(stream)), stream.tell()
    except c.ConstructError as error:
        raise GrammarError(_one_line(error)) from error


def _plain(value: Any) -> Any:
    """construct's containers and enumeration values as what they stand for."""
    match value:
        case dict():
            return {name: _plain(inside) for name, inside in value.items() if not name.startswith("_")}
        case list():
            return [_plain(inside) for inside in value]
        case str():
            return str(value)
        case int():
            return int(value)
        case _:
            return value


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
