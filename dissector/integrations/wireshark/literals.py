"""Python values as a person would write them in Lua."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

WIDTH = 120
INDENT = "    "

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# fmt: off
_KEYWORDS = frozenset({
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil",
    "not", "or", "repeat", "return", "then", "true", "until", "while",
})
# fmt: on


class Raw(str):
    """Lua that stands as it is: the name of a variable, or an expression."""


def literal(value: Any) -> str:
    """One value on one line: numbers, texts, octets, truth, Raw, and lists, tables and sets of them."""
    match value:
        case Raw():
            return str(value)
        case bool():
            return "true" if value else "false"
        case None:
            return "nil"
        case int():
            return str(value) if value < 1 << 16 else f"0x{value:x}"
        case str():
            return _text(value.encode())
        case bytes():
            return _text(value)
        case Mapping():
            return _braced(f"{key(name)} = {literal(inside)}" for name, inside in value.items())
        case set() | frozenset():
            return literal(dict.fromkeys(sorted(value), True))
        case _:
            return _braced(map(literal, value))


def key(name: int | str) -> str:
    """A key in a table's constructor."""
    if isinstance(name, str) and _NAME.fullmatch(name) and name not in _KEYWORDS:
        return name
    return f"[{literal(name)}]"


def call(function: str, *arguments: Any, indent: str = "", ending: str = "") -> list[str]:
    """A call, on one line if it fits, else with as many arguments a line as fit; None at the end is left out."""
    given = list(arguments)
    while given and given[-1] is None:
        given.pop()
    words = [literal(one) for one in given]
    line = f"{indent}{function}({', '.join(words)}){ending}"
    if len(line) <= WIDTH:
        return [line]
    inside = _filled([f"{one}," for one in words[:-1]] + words[-1:], indent + INDENT)
    return [f"{indent}{function}(", *(part for line in inside for part in wrapped(line)), f"{indent}){ending}"]


def table(name: str, value: Any, indent: str = "", ending: str = "") -> list[str]:
    """`name = value`, on one line if it fits, else with one element, or as many short ones as fit, a line."""
    opening = f"{name} = " if name else ""
    line = f"{indent}{opening}{literal(value)}{ending}"
    if len(line) <= WIDTH or isinstance(value, (int, str, bytes)):
        return wrapped(line)
    return [f"{indent}{opening}{{", *_elements(value, indent + INDENT), f"{indent}}}{ending}"]


def wrapped(line: str) -> list[str]:
    """A line of Lua, broken at spaces outside of texts where it is too long."""
    indent = line[: len(line) - len(line.lstrip())]
    lines = []
    while len(line) > WIDTH:
        spaces = [at for at in _outer_spaces(line) if len(indent) + len(INDENT) < at <= WIDTH]
        if not spaces:
            cut = _inside(line)
            lines.append(line[:cut] + '" ..')
            line = indent + INDENT + '"' + line[cut:]
            continue
        better = [at for at in spaces if at > WIDTH // 2 and _breaks_well(line, at)]
        cut = max(better or spaces)
        lines.append(line[:cut])
        line = indent + INDENT + line[cut + 1 :]
    return [*lines, line]


_OCTETS = re.compile(r"\\\d{3}|\\.|.")


def _inside(line: str) -> int:
    """Where a text can be broken that is too long for a line: after a word, or else between two octets."""
    ends = [one.end() for one in _OCTETS.finditer(line) if one.end() <= WIDTH - len('" ..')]
    words = [end for end in ends if line[end - 1] == " " and end > WIDTH // 2]
    return max(words or ends)


def _breaks_well(line: str, at: int) -> bool:
    """Whether a line is read more easily when it goes on after this space on the next one."""
    return line[at - 1] in ",{" or line.startswith((" and ", " or ", " .. "), at)


def _outer_spaces(line: str) -> Iterable[int]:
    is_inside = is_escaped = False
    for at, one in enumerate(line):
        if one == '"' and not is_escaped:
            is_inside = not is_inside
        is_escaped = one == "\\" and not is_escaped
        if one == " " and not is_inside:
            yield at


def _elements(value: Any, indent: str) -> list[str]:
    if isinstance(value, (set, frozenset)):
        value = dict.fromkeys(sorted(value), True)
    if isinstance(value, Mapping):
        named = [(key(name), inside) for name, inside in value.items()]
        if all(isinstance(name, int) for name in value):
            return _filled([f"{name} = {literal(inside)}," for name, inside in named], indent)
    else:
        named = [("", inside) for inside in value]
        if all(isinstance(inside, (int, str)) for inside in value):
            return _filled([f"{literal(inside)}," for inside in value], indent)
    return [row for name, inside in named for row in table(name, inside, indent, ",")]


def _filled(elements: Iterable[str], indent: str) -> list[str]:
    lines: list[str] = []
    for one in elements:
        if lines and len(lines[-1]) + 1 + len(one) <= WIDTH:
            lines[-1] += f" {one}"
        else:
            lines.append(indent + one)
    return lines


def _braced(parts: Iterable[str]) -> str:
    inside = ", ".join(parts)
    return f"{{ {inside} }}" if inside else "{}"


_ESCAPES = {ord('"'): '\\"', ord("\\"): "\\\\", ord("\n"): "\\n", ord("\r"): "\\r"}


def _text(octets: bytes) -> str:
    """Three digits for what is not printable: a digit that follows is then no part of the number."""
    return '"' + "".join(_ESCAPES.get(one) or (chr(one) if 32 <= one < 127 else f"\\{one:03d}") for one in octets) + '"'
