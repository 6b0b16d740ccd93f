"""Results to JSON, and their types to JSON Schema: the one place that knows how either is written."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from dissector.results.base import Result, Unit

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


class Keys(NamedTuple):
    """Annotates a mapping with the types of keys that it may have, beside others."""

    types: tuple[tuple[str, Any], ...]


EXAMPLE = ">>>"
"""Where a docstring begins to speak to those who write Python."""


def to_json(value: Any) -> Any:
    """A result as the dicts, lists, strings, numbers, booleans and None that JSON knows.

    >>> fault = dissector.open("captures/postcopy/c_netem/veth_rx.pcap.zst").faults()[0]
    >>> dissector.to_json(fault)["answer"]
    {'offset': 12670146, 'frame': 12783, 'time': 1795391869.24876}
    """
    if isinstance(value, Result):
        return {name: to_json(one) for name, one in _values(value).items()}
    if isinstance(value, Mapping):
        return {name: to_json(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return [to_json(one) for one in value]
    return value


INDENTED = 4
"""How deep JSON is indented: to the elements of a migration's lists, each of which has a line."""


def dumps(value: Any, indent: int | None = None) -> str:
    """A result as JSON text, on one line unless `indent` says how far to indent."""
    return _line(value) if indent is None else _indented(value, " " * indent, 0)


def _indented(value: Any, by: str, depth: int) -> str:
    """Python's encoder indents in Python, and an analysis may have 100,000 gaps: what is below is a line of its own."""
    inside = _values(value) if isinstance(value, Mapping | Result) else value
    if depth >= INDENTED or not inside or not isinstance(inside, dict | list | tuple):
        return _line(value)
    if isinstance(inside, dict):
        lines = [f"{_line(name)}: {_indented(one, by, depth + 1)}" for name, one in inside.items()]
        opening, closing = "{}"
    else:
        lines = [_indented(one, by, depth + 1) for one in inside]
        opening, closing = "[]"
    before = "\n" + by * (depth + 1)
    return f"{opening}{before}{f',{before}'.join(lines)}\n{by * depth}{closing}"


def _values(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    return {name: getattr(value, name) for name in value.field_names}


_line = json.JSONEncoder(default=_values).encode
"""JSON on one line."""


def schema(result: Any, name: str) -> Schema:
    """The JSON Schema of a result's type, with everything it is made of.

    Every key is required: what is not known is null. A later version may have more keys.

    >>> dissector.schema(dissector.FaultResult, "fault")["properties"]["frame"]["type"]
    'integer'
    """
    definitions: dict[str, Schema] = {}
    whole = _schema(result, definitions)
    if "$ref" in whole:
        whole = definitions.pop(result.__name__)
    return {"$schema": DIALECT, "title": name, **whole, "$defs": definitions}


SIMPLE: Mapping[Any, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    NoneType: {"type": "null"},
    Any: {},
}


def _schema(type: Any, definitions: dict[str, Schema]) -> Schema:
    if type in SIMPLE:
        return dict(SIMPLE[type])
    if isinstance(type, builtins.type) and issubclass(type, Result):
        return _reference(type, definitions)
    origin, arguments = get_origin(type), get_args(type)
    return _GENERIC[origin](arguments, definitions)


def _reference(type: Any, definitions: dict[str, Schema]) -> Schema:
    name = type.__name__
    if name not in definitions:
        definitions[name] = {}
        hints = get_type_hints(type, include_extras=True)
        properties = {key: _schema(hints[key], definitions) for key in type.field_names}
        definitions[name] = {
            "description": " ".join((type.__doc__ or "").partition(EXAMPLE)[0].split()),
            "type": "object",
            "properties": properties,
            "required": list(properties),
        }
    return {"$ref": f"#/$defs/{name}"}


def _annotated(arguments: tuple[Any, ...], definitions: dict[str, Schema]) -> Schema:
    type, *notes = arguments
    found = _schema(type, definitions)
    for note in notes:
        if isinstance(note, Keys):
            found["properties"] = {key: _schema(one, definitions) for key, one in note.types}
        elif not isinstance(note, Unit):
            found["description"] = note
    return found


def _union(arguments: tuple[Any, ...], definitions: dict[str, Schema]) -> Schema:
    return {"anyOf": [_schema(one, definitions) for one in arguments]}


def _sequence(arguments: tuple[Any, ...], definitions: dict[str, Schema]) -> Schema:
    if arguments[-1] is Ellipsis or len(arguments) == 1:
        return {"type": "array", "items": _schema(arguments[0], definitions)}
    each = [_schema(one, definitions) for one in arguments]
    return {"type": "array", "prefixItems": each, "minItems": len(each), "maxItems": len(each)}


def _mapping(arguments: tuple[Any, ...], definitions: dict[str, Schema]) -> Schema:
    return {"type": "object", "additionalProperties": _schema(arguments[1], definitions)}


def _literal(arguments: tuple[Any, ...], definitions: dict[str, Schema]) -> Schema:
    return {"enum": list(arguments)}


_GENERIC: Mapping[Any, Callable[[tuple[Any, ...], dict[str, Schema]], Schema]] = {
    Annotated: _annotated,
    Union: _union,
    UnionType: _union,
    tuple: _sequence,
    Mapping: _mapping,
    Literal: _literal,
}
