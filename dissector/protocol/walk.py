"""Layouts read by programs: what the Scapy layers, the Lua dissector and the fast reader are made from."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

import construct as c

from .primitives import BitField, Bits, CountedBy, Endianness, Ending, Layout, LengthOf, Meaning, Text, Told

Kind: TypeAlias = Literal["uint", "bytes", "blob", "text", "cstring", "array"]


class Field(NamedTuple):
    """One field of a layout.

    kind: "uint"; "bytes" (a known or counted number of octets); "blob" (the octets up to the body's end);
    "text" (counted UTF-8); "cstring" (UTF-8 up to a NUL, which is not part of the value); "array".
    offset, size: octets; None where they depend on what the body holds. An element's offsets are its own.
    endianness: None where there is nothing to swap.
    values: names of an enumeration. bits: the parts of an integer.
    default: what belongs there (magic number, version, zero if reserved); None where the sender is free.
    counts: this field counts the elements or octets of that later field. counted_by: the other side of it.
    ends_with: (field, value): the array ends with the element that has this value there. An array with
    neither this, nor counted_by, nor times goes on to the body's end.
    elements: an array's element, field by field; one field with no name where the element is no structure.
    times: how many elements, where it is always the same.
    meaning: what more can be told of the value (`depth.py`); the other columns describe the field without it, so that
    whoever does not ask shows the integer or the octets.
    """

    name: str
    kind: Kind
    offset: int | None = 0
    size: int | None = None
    endianness: Endianness | None = None
    values: Mapping[int, str] = MappingProxyType({})
    bits: tuple[BitField, ...] = ()
    default: int | bytes | None = None
    counts: str | None = None
    counted_by: str | None = None
    ends_with: tuple[str, int] | None = None
    elements: tuple[Field, ...] = ()
    doc: str = ""
    times: int | None = None
    meaning: Meaning | None = None


def fields(layout: Layout) -> Iterator[Field]:
    """The fields of a layout in order. TypeError if it uses a node the grammar does not."""
    if type(layout) is not c.Struct:
        raise TypeError(f"not a layout: {layout!r}")
    offset: int | None = 0
    for node in layout.subcons:
        one = _field(node, offset)
        yield one
        offset = None if offset is None or one.size is None else offset + one.size


def fixed(layout: Layout) -> tuple[struct.Struct, tuple[str, ...]]:
    """A fast reader of a layout of integers and octet strings of known size, and the names of what it reads.

    Enumerations and bit fields come as the integers they are. ValueError if the layout's size is not fixed.
    """
    found = tuple(fields(layout))
    if any(one.size is None or one.kind == "array" for one in found):
        raise ValueError("a layout of variable size")
    orders = {one.endianness for one in found} - {None}
    if len(orders) > 1:
        raise ValueError("a layout of both byte orders")
    codes = [_CODES[one.size or 0] if one.kind == "uint" else f"{one.size}s" for one in found]
    order = ">" if orders == {"big"} else "<"
    return struct.Struct(order + "".join(codes)), tuple(one.name for one in found)


_CODES: Mapping[int, str] = {1: "B", 2: "H", 4: "I", 8: "Q"}


def bare(node: Layout) -> Layout:
    """The node without its name, documentation, default and meaning."""
    while type(node) in _AROUND:
        node = node.subcon
    return node


_AROUND = (c.Renamed, c.Default, Told)


def _field(node: Layout, offset: int | None) -> Field:
    name, doc, default, meaning = "", "", None, None
    while type(node) in _AROUND:
        if type(node) is c.Default:
            default = node.value
        elif type(node) is Told:
            meaning = node.meaning
        else:
            name, doc = name or node.name, doc or node.docs
        node = node.subcon
    describe = _KINDS.get(type(node))
    if describe is None:
        raise TypeError(f"{name or 'element'}: the grammar has no node like {node!r}")
    facts = describe(node)
    if isinstance(default, LengthOf):
        facts["counts"] = default.of
    elif facts["kind"] in ("uint", "bytes") and not facts.keys() & {"bits", "counted_by"}:
        facts["default"] = default
    return Field(name=name, offset=offset, doc=doc, meaning=meaning, **facts)


def _integer(node: Layout) -> dict[str, Any]:
    size = node.sizeof()
    order: Endianness = "big" if node.fmtstr.startswith(">") else "little"
    return {"kind": "uint", "size": size, "endianness": order if size > 1 else None}


def _enumeration(node: Layout) -> dict[str, Any]:
    values = {int(value): str(name) for value, name in node.decmapping.items()}
    return _integer(node.subcon) | {"values": MappingProxyType(values)}


def _bits(node: Layout) -> dict[str, Any]:
    return _integer(node.subcon) | {"bits": node.parts}


def _bytes(node: Layout) -> dict[str, Any]:
    if isinstance(node.length, CountedBy):
        return {"kind": "bytes", "counted_by": node.length.by}
    return {"kind": "bytes", "size": node.length}


def _blob(node: Layout) -> dict[str, Any]:
    return {"kind": "blob"}


def _text(node: Layout) -> dict[str, Any]:
    if type(node.subcon) is c.NullTerminated:
        return {"kind": "cstring"}
    if node.subcon is c.GreedyBytes:
        return {"kind": "blob"}
    return _bytes(node.subcon) | {"kind": "text"}


def _array(node: Layout) -> dict[str, Any]:
    count, ending, element = getattr(node, "count", None), getattr(node, "predicate", None), node.subcon
    always = count if isinstance(count, int) else None
    return {
        "kind": "array",
        "times": always,
        "size": None if always is None else always * element.sizeof(),
        "counted_by": count.by if isinstance(count, CountedBy) else None,
        "ends_with": (ending.field, ending.value) if isinstance(ending, Ending) else None,
        "elements": tuple(fields(element)) if type(element) is c.Struct else (_field(element, 0),),
    }


_KINDS: Mapping[type, Callable[[Layout], dict[str, Any]]] = {
    c.FormatField: _integer,
    c.Enum: _enumeration,
    Bits: _bits,
    c.Bytes: _bytes,
    type(c.GreedyBytes): _blob,
    Text: _text,
    c.Array: _array,
    c.GreedyRange: _array,
    c.RepeatUntil: _array,
}
