"""Reads the fields of headers and records that checks compare, as the numbers they are."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import NamedTuple

from dissector.events import Record
from dissector.protocol import (
    PAGE_TYPES,
    RECORD_HEADERS,
    RECORDS,
    Body,
    Endianness,
    HeaderSpec,
    RecordSpec,
    fields,
    fixed,
    layout,
)
from dissector.rules.rule import Check, Condition, Rule, Violation

COMPARE: Mapping[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "any bit of": lambda value, bits: value & bits != 0,
    "no bit of": lambda value, bits: value & bits == 0,
}

Checks = Iterable[tuple[Rule, Check]]


def key_of(record: Record) -> str:
    """A header's name; a record's "layer.NAME", or "layer.?" where nobody specified it."""
    if record.type is None:
        return record.name
    return f"{record.layer}.{record.name if record.spec is not None else '?'}"


def keys(only: Callable[[RecordSpec], bool]) -> tuple[str, ...]:
    """The records of the specifications that are meant."""
    return tuple(f"{record.layer}.{record.name}" for record in RECORDS if only(record))


UNSPECIFIED = tuple(f"{layer}.?" for layer in RECORD_HEADERS)
"""Records that nobody specified."""


def broken(checks: Checks, values: Mapping[str, int]) -> Iterator[Violation]:
    """The checks that these values break."""
    for rule, check in checks:
        if all(_holds(condition, values) for condition in check.when):
            yield rule(check.message, **_shown(check, values))


def _holds(condition: Condition, values: Mapping[str, int]) -> bool:
    field, op, value = condition
    if isinstance(value, frozenset):
        return (values[field] in value) == (op == "in")
    return COMPARE[op](values[field], value)


def _shown(check: Check, values: Mapping[str, int]) -> dict[str, object]:
    shown: dict[str, object] = dict(values)
    for field, _, value in check.when:
        if isinstance(value, int):
            shown["bits"] = values[field] & value
    return shown


def header_values(spec: HeaderSpec, body: bytes, endianness: Endianness) -> dict[str, int]:
    """The fields of a whole header."""
    reader, names = _reader(spec.body, endianness)
    found = zip(names, reader.unpack(body[: reader.size]), strict=True)
    return {name: value for name, value in found if isinstance(value, int)}


def record_values(record: Record) -> dict[str, int]:
    """What a record's header says, and the stream around it."""
    return {
        "type": record.type or 0,
        "body_length": record.body_length,
        "page_shift": record.context.page_shift,
    }


def broken_entries(checks: Checks, record: Record) -> Iterator[Violation]:
    """The checks that entries of a pages record break, once for each run of them."""
    types = {run.type for run in record.runs}
    for rule, check in checks:
        wrong = {type for type in types if all(_holds(condition, {"type": type}) for condition in check.when)}
        for first, _, type in record.runs if wrong else ():
            if type in wrong:
                yield rule(check.message, pfn=first, type=type, name=PAGE_TYPES[type])


class Reserved(NamedTuple):
    """Bits of a layout that must be zero."""

    field: str
    offset: int
    size: int
    shift: int
    mask: int


@cache
def reserved_of(body: Body) -> tuple[Reserved, ...]:
    """Where a layout has reserved fields and bits."""
    found = []
    for one in fields(layout(body, "little")):
        if one.offset is None or one.kind != "uint" or one.size is None:
            continue
        if one.name.startswith("reserved"):
            found.append(Reserved(one.name, one.offset, one.size, 0, (1 << 8 * one.size) - 1))
        for part in one.bits:
            if part.name == "reserved":
                found.append(Reserved(f"{one.name}.reserved", one.offset, one.size, part.shift, part.mask))
    return tuple(found)


def reserved_set(body: Body, octets: bytes, endianness: Endianness) -> Iterator[tuple[str, int]]:
    """The reserved fields of the octets that are not zero, as far as they were captured, and what they hold."""
    for field, offset, size, shift, mask in reserved_of(body):
        if len(octets) >= offset + size:
            bits = (int.from_bytes(octets[offset : offset + size], endianness) & mask) >> shift
            if bits:
                yield field, bits


_reader = lru_cache(maxsize=None)(lambda body, endianness: fixed(layout(body, endianness)))
