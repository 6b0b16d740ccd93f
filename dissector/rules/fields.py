"""Reads the fields of headers and records that checks compare, as the numbers they are."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

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
from dissector.rules.rule import Check, Op, Rule, Scope, Violation

COMPARE: Mapping[Op, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "in": lambda value, known: value in known,
    "not in": lambda value, known: value not in known,
    "any bit of": lambda value, bits: value & bits != 0,
    "no bit of": lambda value, bits: value & bits == 0,
}

OF_RECORD: Mapping[str, Callable[[Any], int]] = {
    "type": attrgetter("type"),
    "body_length": attrgetter("body_length"),
    "count": attrgetter("count"),
    "page_shift": attrgetter("context.page_shift"),
}
"""What the checks of a record or list compare."""


class Prepared(NamedTuple):
    """A check that is ready to be made, once for each of many records."""

    rule: Rule
    check: Check
    holds: Callable[[Any], bool]
    """Whether a record, or the values of a header, break the rule."""


Checks = tuple[Prepared, ...]


def prepared(rules: Iterable[Rule], scope: Scope) -> Mapping[str, Checks]:
    """The checks of one scope, by what they check."""
    found: dict[str, Checks] = {}
    for rule in rules:
        for check in rule.checks:
            for key in check.of if check.scope == scope else ():
                found[key] = (*found.get(key, ()), _prepare(rule, check))
    return found


def _prepare(rule: Rule, check: Check) -> Prepared:
    field = itemgetter if check.scope in ("header", "entry") else OF_RECORD.__getitem__
    conditions = tuple((field(one.field), COMPARE[one.op], one.value) for one in check.when)
    if len(conditions) == 1:
        # As nearly all of those that every record is asked: no loop.
        ((read, compare, value),) = conditions
        return Prepared(rule, check, lambda thing: compare(read(thing), value))
    return Prepared(rule, check, lambda thing: all(compare(read(thing), value) for read, compare, value in conditions))


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


def broken_fields(checks: Checks, values: Mapping[str, int]) -> list[Violation]:
    """The checks that the fields of a header break."""
    return [one.rule(one.check.message, **_with_bits(one.check, values)) for one in checks if one.holds(values)]


def _with_bits(check: Check, values: Mapping[str, int]) -> dict[str, int]:
    bits = [values[field] & value for field, _, value in check.when if isinstance(value, int)]
    return {**values, "bits": bits[-1] if bits else 0}


def broken(checks: Checks, record: Record) -> list[Violation]:
    """The checks that a record, or its list, breaks."""
    wrong = [one for one in checks if one.holds(record)]
    return [one.rule(one.check.message, **{name: of(record) for name, of in OF_RECORD.items()}) for one in wrong]


def broken_entries(checks: Checks, record: Record) -> Iterator[Violation]:
    """The checks that entries of a pages record break, once for each run of them."""
    for one in checks:
        wrong = _wrong_types(one)
        for first, _, type in record.runs:
            if type in wrong:
                yield one.rule(one.check.message, pfn=first, type=type, name=PAGE_TYPES[type])


@cache
def _wrong_types(one: Prepared) -> frozenset[int]:
    return frozenset(type for type in PAGE_TYPES if one.holds({"type": type}))


def header_values(spec: HeaderSpec, body: bytes, endianness: Endianness) -> dict[str, int]:
    """The fields of a whole header."""
    reader, names = fixed(layout(spec.body, endianness))
    found = zip(names, reader.unpack(body[: reader.size]), strict=True)
    return {name: value for name, value in found if isinstance(value, int)}


class Reserved(NamedTuple):
    """Bits of a layout that must be zero."""

    field: str
    offset: int
    size: int
    shift: int
    width: int


@cache
def reserved_of(body: Body) -> tuple[Reserved, ...]:
    """Where a layout has reserved fields and bits."""
    found = []
    for one in fields(layout(body, "little")):
        if one.offset is None or one.kind != "uint" or one.size is None:
            continue
        if one.name.startswith("reserved"):
            found.append(Reserved(one.name, one.offset, one.size, 0, 8 * one.size))
        for part in one.bits:
            if part.name == "reserved":
                found.append(Reserved(f"{one.name}.reserved", one.offset, one.size, part.shift, part.width))
    return tuple(found)


def reserved_set(body: Body, octets: bytes, endianness: Endianness) -> Iterator[tuple[str, int]]:
    """The reserved fields of the octets that are not zero, as far as they were captured, and what they hold."""
    for field, offset, size, shift, width in reserved_of(body):
        if len(octets) >= offset + size:
            bits = int.from_bytes(octets[offset : offset + size], endianness) // (1 << shift) % (1 << width)
            if bits:
                yield field, bits
