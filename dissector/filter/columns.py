"""Fields of rows as `tshark -T fields` prints them, as CSV, as TSV and as JSON."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Literal, NamedTuple, TextIO, TypeAlias

from dissector.errors import UserError
from dissector.results.common import time_of
from dissector.results.encoding import dumps
from dissector.units import NS, printable

from .fields import Field, Scope, Value

Form: TypeAlias = Literal["fields", "csv", "tsv", "json", "jsonl"]

FORMS: tuple[Form, ...] = ("fields", "csv", "tsv", "json", "jsonl")

SIZES = {"uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8}

SIGNS = {"/t": "\t", "/s": " "}
"""What a letter cannot say well in a shell (tshark(1), -E)."""


class Habits(NamedTuple):
    """What `-E` of tshark says of `-T fields`."""

    header: str = "n"
    separator: str = "\t"
    occurrence: str = "a"
    aggregator: str = ","
    quote: str = "n"


CHOICES: Mapping[str, Sequence[str]] = {"header": "yn", "occurrence": "fla", "quote": "dsn"}
QUOTES = {"d": '"', "s": "'", "n": ""}


def habits(words: Sequence[str]) -> Habits:
    """Of `key=value` words. Raises UserError."""
    found = Habits()
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or key not in Habits._fields:
            raise UserError(f"-E {word}: give one of {', '.join(f'{name}=...' for name in Habits._fields)}")
        if key in CHOICES and value not in tuple(CHOICES[key]):
            raise UserError(f"-E {word}: {key} is one of {', '.join(CHOICES[key])}")
        value = SIGNS.get(value, value) if key not in CHOICES else value
        if key not in CHOICES and len(value) != 1:
            raise UserError(f"-E {word}: {key} is one character, /t or /s")
        found = found._replace(**{key: value})
    return found


def chosen(names: Sequence[str], scope: Scope[Any]) -> list[Field]:
    """The fields of these names. Raises UserError."""
    found = []
    for name in names:
        field = scope.field(name)
        if field is None:
            why = scope.elsewhere(name)
            raise UserError(
                f"-e {name}: {scope.what} has no such field{f': {why}' if why else ''}; --fields lists them"
            )
        found.append(field)
    return found


def as_text(field: Field, value: Any) -> str:
    """One value, as Wireshark prints it."""
    match field.kind:
        case "time":
            return f"{'-' if value < 0 else ''}{abs(value) // NS}.{abs(value) % NS:09d}"
        case "flag":
            return str(bool(value))
        case "octets":
            return bytes(value).hex(" ")
        case "text":
            return printable(value)
        case "number":
            is_sign = field.shown.base == "HEX"
            return f"{value:#0{2 + 2 * SIZES.get(field.shown.kind, 4)}x}" if is_sign else str(value)


def as_json(field: Field, value: Any) -> Any:
    """One value: times in seconds, octets in hexadecimals."""
    match field.kind:
        case "time":
            return time_of(value)
        case "flag":
            return bool(value)
        case "octets":
            return bytes(value).hex()
        case _:
            return value


def each(values: Sequence[Value]) -> Iterator[Any]:
    """The values, those of ranges one by one."""
    return chain.from_iterable(range(low, high + 1) if isinstance(low, int) else (low,) for low, high in values)


class Table:
    """Prints rows as they come."""

    def __init__(self, form: Form, fields: Sequence[Field], habits: Habits, out: TextIO) -> None:
        self._form, self._fields, self._habits, self._out = form, fields, habits, out
        self._count = 0
        self._line: Callable[[Sequence[str]], None] = self._plain
        if form in ("csv", "tsv"):
            kept = csv.writer(out, lineterminator="\n", delimiter="," if form == "csv" else "\t")
            self._line = kept.writerow
        if form in ("csv", "tsv") or (form == "fields" and habits.header == "y"):
            self._line([field.name for field in fields])

    @property
    def names(self) -> frozenset[str]:
        """Of its columns."""
        return frozenset(field.name for field in self._fields)

    def add(self, row: Any, result: Callable[[], str]) -> None:
        """The next row. `result`: it as JSON, for who asked for JSON and named no fields."""
        if self._form in ("json", "jsonl"):
            values = {field.name: [as_json(field, one) for one in self._some(field, row)] for field in self._fields}
            self._object(dumps(values) if values else result())
            return
        aggregator = self._habits.aggregator
        self._line([aggregator.join(as_text(field, one) for one in self._some(field, row)) for field in self._fields])

    def finish(self) -> None:
        """No row follows."""
        if self._form == "json":
            self._out.write("\n]\n" if self._count else "[]\n")

    def _some(self, field: Field, row: Any) -> Iterator[Any]:
        values = field.values(row)
        match self._habits.occurrence:
            case "f":
                return islice(each(values), 1)
            case "l":
                return each([(values[-1][1], values[-1][1])] if values else [])
            case _:
                return each(values)

    def _plain(self, words: Sequence[str]) -> None:
        quote = QUOTES[self._habits.quote]
        self._out.write(self._habits.separator.join(f"{quote}{word}{quote}" for word in words) + "\n")

    def _object(self, text: str) -> None:
        if self._form == "jsonl":
            self._out.write(text + "\n")
        else:
            self._out.write(("[\n" if not self._count else ",\n") + text)
        self._count += 1
