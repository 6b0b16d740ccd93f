"""The protocol as tables of Lua: names of numbers, layouts, headers, records, containers, texts, and the rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dissector.integrations.wireshark.fields import NAMES, insides, names_of, parts_of, structures
from dissector.integrations.wireshark.literals import INDENT, Raw, call, literal, table, wrapped
from dissector.integrations.wireshark.patterns import lua_pattern
from dissector.integrations.wireshark.translated import program
from dissector.parser import confidence
from dissector.protocol import (
    CONTAINERS,
    HEADERS,
    INTS,
    MESSAGES,
    RECORDS,
    STREAM_ERROR,
    XENOPS_MESSAGES,
    XL_HEADER,
    Body,
    Field,
    HeaderSpec,
    RecordSpec,
    fields,
    layout,
    xl_optional_data,
)
from dissector.protocol.cpu_features import CPUID_FEATURES
from dissector.protocol.cpuid import NO_SUBLEAF
from dissector.rules import RULES, Rule
from dissector.rules.fields import reserved_of
from dissector.rules.rule import AND_MORE

SEVERITIES = {"error": "ERROR", "warning": "WARN", "note": "NOTE"}
"""As Wireshark calls them."""


def names() -> list[str]:
    """The enumerations."""
    return [line for name, values in NAMES.items() for line in table(f"local {name}", dict(values))]


def constants() -> list[str]:
    """What the runtime needs of the protocol beside what is translated."""
    candidates = {order: lua_pattern(confidence._pattern(order).pattern).removeprefix(b"^") for order in INTS}
    impossible = confidence.IMPOSSIBLE_PFN
    return [
        "-- No pfn is as large.",
        f"local PFN_LIMIT = {impossible & -impossible:#x}",
        "-- Eight octets that may be a record header.",
        *table("local CANDIDATES", candidates),
        "-- What is said where a record breaks a rule more than once.",
        f"local AND_MORE = {literal(AND_MORE)}",
    ]


def layouts() -> list[str]:
    """The layouts of all headers and bodies, each once, whoever shares it."""
    bodies: dict[str, Body] = {}
    specs: tuple[HeaderSpec | RecordSpec, ...] = (*HEADERS.values(), *RECORDS)
    for spec in specs:
        bodies.setdefault(spec.body.__name__, spec.body)
    bodies[xl_optional_data.__name__] = xl_optional_data
    bodies |= {body.__name__: body for body in insides()}
    lines = ["local LAYOUT = {}"]
    for name, body in bodies.items():
        some = tuple(fields(layout(body, "little")))
        lines += ["", f"LAYOUT.{name} = {{"]
        if body in insides():
            lines.append(f"{INDENT}path = {literal(insides()[body] + '.')},")
        if all(one.size is not None for one in some):
            lines.append(f"{INDENT}size = {sum(one.size or 0 for one in some)},")
        reserved = [
            (one.field, one.offset, one.size, one.shift, (one.mask >> one.shift).bit_length())
            for one in reserved_of(body)
        ]
        if reserved:
            lines += table("reserved", reserved, INDENT, ",")
        lines += [*_rows(some, "", INDENT), "}"]
    return lines


def _rows(some: Sequence[Field], path: str, indent: str) -> Iterator[str]:
    """A field a line: how it is read, how many octets it has, what it is called, and its path in the layout."""
    for field in some:
        own = ".".join(filter(None, (path, field.name)))
        row: dict[str, Any] = {"kind": _kind(field), "name": field.name or None, "path": own}
        if field.kind == "array":
            by = {"by": field.counted_by, "ending": field.ends_with, "times": field.times}
            row |= {key: value for key, value in by.items() if value}
            inside = [literal(_given(row))[1:-1].strip() + ","]
            yield f"{indent}{{"
            yield from (f"{indent}{INDENT}{line}" for line in inside)
            yield from _rows(field.elements, own, indent + INDENT)
            yield f"{indent}}},"
            continue
        row["size"] = field.size or field.counted_by
        if parts := parts_of(field):
            row["parts"] = [{"name": one.name, "shift": one.shift, "width": one.width} for one in parts]
        row |= _inside(field, some)
        if (names := names_of(field)) is not None:
            row["names"] = Raw(names)
        yield from table("", _given(row), indent, ",")


def _inside(field: Field, siblings: Sequence[Field]) -> dict[str, Any]:
    """The layouts of octets by the number in the field that chooses them, 1 if none does."""
    found = structures(field)
    if not found or field.meaning is None:
        return {}
    if not field.meaning.by:
        return {"inside": {1: [body.__name__ for body in found[None]]}}
    (by,) = field.meaning.by
    numbers = next(one.values for one in siblings if one.name == by)
    chosen = {value: [body.__name__ for body in found[name]] for value, name in numbers.items() if name in found}
    return {"chosen_by": by, "inside": chosen}


def features() -> list[str]:
    """The names of features by bit, of each register: its field, leaf and subleaf."""
    lines = ["local FEATURES = {}"]
    for register, words in CPUID_FEATURES.items():
        subleaf = NO_SUBLEAF if register.subleaf is None else register.subleaf
        lines += table(f'FEATURES["cpuid_policy.{register.name} {register.leaf:x} {subleaf:x}"]', dict(words))
    return lines


def _kind(field: Field) -> str:
    return {"bytes": "octets", "blob": "rest"}.get(field.kind, field.kind)


def _given(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if value is not None}


def specs() -> list[str]:
    """Headers, records, containers and texts, by what the translated functions call them."""
    lines = ["local HEADER, RECORD, CONTAINER, MESSAGE = {}, {}, {}, {}", ""]
    for header in HEADERS.values():
        lines += _row(f"HEADER[{literal(header.name)}]", header, _header(header))
    lines.append("")
    for record in RECORDS:
        lines += _row(f"RECORD[{literal(f'{record.layer}.{record.name}')}]", record, _record(record))
    lines.append("")
    for container in CONTAINERS.values():
        lines += _row(f"CONTAINER[{literal(container.layer)}]", container, container._asdict())
    lines.append("")
    for message in MESSAGES.values():
        lines += _row(f"MESSAGE[{literal(message.name)}]", message, message._asdict())
    for one in (*XENOPS_MESSAGES.values(), STREAM_ERROR):
        lines += _row(f"MESSAGE[{literal(one.name)}]", one, {**one._asdict(), "body": None})
    return lines


def _header(header: HeaderSpec) -> dict[str, Any]:
    optional = {"optional": Raw(f"LAYOUT.{xl_optional_data.__name__}")} if header is XL_HEADER else {}
    return {**header._asdict(), "body": Raw(f"LAYOUT.{header.body.__name__}"), **optional}


def _record(record: RecordSpec) -> dict[str, Any]:
    return {**record._asdict(), "body": Raw(f"LAYOUT.{record.body.__name__}")}


def _row(name: str, spec: Any, values: dict[str, Any]) -> Iterator[str]:
    made = program()
    defaults = {**type(spec)._field_defaults, "source": values.get("source")}
    given = {
        key: value if isinstance(value, Raw) else Raw(made.value(value))
        for key, value in values.items()
        if value is not None
        and key not in ("record_header", "words")
        and (key not in defaults or defaults[key] != value)
    }
    words = ", ".join(f"{made.word(key)} = {value}" for key, value in given.items())
    yield from wrapped(f"{name} = py.make({made.function(type(spec))}, {{ {words} }})")


def rules() -> list[str]:
    """The rules that are judged here, and those that the translated functions name beside them."""
    lines: list[str] = []
    for rule in RULES.values():
        if rule.wireshark or rule.id in program().named:
            lines += _rule(rule)
    return lines


def _rule(rule: Rule) -> list[str]:
    severities = {one: Raw(f"expert.severity.{SEVERITIES[one]}") for one in (rule.severity, *rule.also)}
    more = {"message": rule.message or None, "fatal": rule.fatal or None, "effects": rule.effects}
    shown = (severities, rule.summary) if rule.wireshark else ()
    return call("declare_rule", rule.id, rule.severity, _given(more), *shown)
