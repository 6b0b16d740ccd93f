"""The protocol as tables of Lua: names of numbers, layouts, headers, records, containers, texts, and the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dissector.integrations.wireshark.fields import NAMES, insides
from dissector.integrations.wireshark.literals import INDENT, Raw, call, literal, table, wrapped
from dissector.integrations.wireshark.patterns import lua_pattern
from dissector.integrations.wireshark.rows import Row, rows
from dissector.integrations.wireshark.translated import check_id, program
from dissector.integrations.wireshark.translation.program import attribute_of
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
    HeaderSpec,
    RecordSpec,
    fields,
    layout,
    msr,
    xl_optional_data,
)
from dissector.protocol.cpu_features import CPUID_FEATURES
from dissector.protocol.cpuid import NO_SUBLEAF
from dissector.protocol.forms import Flags
from dissector.rules import RULES, Rule
from dissector.rules.fields import OF_RECORD, reserved_of
from dissector.rules.rule import Check, Condition, Op

UNANSWERED, UNANSWERED_SAYS = "fault.unanswered", "The page of a faulted pfn never came"
"""The expert information of that, which no rule tells."""

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
        reserved = [tuple(one) for one in reserved_of(body)]
        if reserved:
            lines += table("reserved", reserved, INDENT, ",")
        lines += [*_rows(rows(body), INDENT), "}"]
    return lines


def _rows(some: Sequence[Row], indent: str) -> Iterator[str]:
    """A field a line, with what it has of all columns; the fields of an array's elements below it."""
    for row in some:
        given = {key: value for key, value in row._asdict().items() if value is not None and key != "elements"}
        if row.parts:
            given["parts"] = [part._asdict() for part in row.parts]
        if row.names is not None:
            given["names"] = Raw(next(name for name, names in NAMES.items() if names is row.names))
        if row.elements is None:
            yield from table("", given, indent, ",")
            continue
        yield f"{indent}{{"
        yield f"{indent}{INDENT}{literal(given)[1:-1].strip()},"
        yield f"{indent}{INDENT}elements = {{"
        yield from _rows(row.elements, indent + 2 * INDENT)
        yield f"{indent}{INDENT}}},"
        yield f"{indent}}},"


def features() -> list[str]:
    """The names of features by bit, of each register: its field, leaf and subleaf."""
    lines = ["local FEATURES = {}"]
    for register, words in CPUID_FEATURES.items():
        subleaf = NO_SUBLEAF if register.subleaf is None else register.subleaf
        lines += table(f'FEATURES["cpuid_policy.{register.name} {register.leaf:x} {subleaf:x}"]', dict(words))
    return lines


def registers() -> list[str]:
    """The names of single bits of model-specific registers, by number and bit."""
    lines = ["local REGISTERS = {}"]
    for number, form in msr.VALUES.items():
        named = {one.shift: one.name for one in form.parts if one.width == 1} if isinstance(form, Flags) else {}
        lines += table(f"REGISTERS[{number:#x}]", named) if named else []
    return lines


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
    experts = call("declare_expert", "unanswered", UNANSWERED, Raw("expert.severity.WARN"), UNANSWERED_SAYS)
    named = [rule for rule in RULES.values() if rule.wireshark or rule.id in program().named]
    return [*experts, *(line for rule in named for line in _rule(rule))]


def _rule(rule: Rule) -> list[str]:
    columns = ("id", "severity", "wireshark", "message", "fatal")
    given = {column: getattr(rule, column) for column in columns if getattr(rule, column)} | {"effects": rule.effects}
    lines = wrapped(f"RULE[{literal(rule.id)}] = setmetatable({literal(given)}, VIOLATION)")
    for severity in (rule.severity, *rule.also) if rule.wireshark else ():
        path = f"rule.{rule.id}" if severity == rule.severity else f"rule.{rule.id}.{severity}"
        shown = Raw(f"expert.severity.{SEVERITIES[severity]}")
        lines += call("declare_expert", f"{rule.id} {severity}", path, shown, rule.summary)
    return lines


def checks() -> list[str]:
    """The checks of fields, each with what holds where it is broken."""
    made = program()
    lines = ["local CHECK = {}"]
    for rule in RULES.values():
        for check in rule.checks if rule.id in made.named else ():
            holds = " and ".join(_holds(check, one) for one in check.when) or "true"
            taken = "thing" if check.when else ""
            when = [(one.field, one.op, Raw(made.value(one.value))) for one in check.when]
            said = literal({"message": check.message, "when": when})
            line = f"CHECK[{literal(check_id(rule, check))}] = {{ rule = RULE[{literal(rule.id)}], check = {said}, "
            lines += wrapped(f"{line}holds = function({taken}) return {holds} end }}")
    return lines


COMPARED: Mapping[Op, str] = {
    "==": "{0} == {1}",
    "!=": "{0} ~= {1}",
    "<": "{0} < {1}",
    ">": "{0} > {1}",
    "in": "({1})[{0}] ~= nil",
    "not in": "({1})[{0}] == nil",
    "any bit of": "bit.band({0}, {1}) ~= 0",
    "no bit of": "bit.band({0}, {1}) == 0",
}
"""`rules.fields.COMPARE`, as Lua writes it."""


def _holds(check: Check, one: Condition) -> str:
    path = one.field if check.scope in ("header", "entry") else attribute_of(OF_RECORD[one.field])
    return COMPARED[one.op].format(f"thing.{path}", program().value(one.value))
