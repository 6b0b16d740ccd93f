"""The fields of a record as a tree for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from dissector.units import printable

SHOWN = 16
"""Elements of a list, or lines of a text, in the tree unless all are asked for."""

INDENT = "    "

WIDTH = 96
"""Columns after which the fields of a structure go on in the next line."""

WORDS = 60
"""Columns from which on a list of names has lines of its own."""

HEX_FROM = 1 << 16
"""Inside a structure a number from here on is an address or a pattern of bits: hexadecimal alone says it better."""


def tree(values: Mapping[str, Any], full: bool = False) -> Iterator[str]:
    """The lines of a field tree, from what `decoded` gives; all elements of long lists only if `full`."""
    shown = None if full else SHOWN
    for name, value in values.items():
        if name == "pages":
            yield from _list(f"{name}, in runs", value, run_as_text, shown)
        elif isinstance(value, list):
            yield from _elements(name, value, shown)
        elif isinstance(value, str) and "\n" in value.rstrip("\n"):
            yield from _list(f"{name}, lines", value.splitlines(), printable, shown)
        elif isinstance(value, dict) and _is_structure(value):
            yield f"{name}:"
            yield from (INDENT + one for one in _structure(value, shown))
        else:
            yield f"{name}: {in_few_words(value)}".rstrip()


def _list(name: str, elements: list[Any], show: Callable[[Any], str], shown: int | None) -> Iterator[str]:
    yield f"{name}: {len(elements)}"
    for element in islice(elements, shown):
        yield INDENT + show(element)
    yield from _more(elements, shown)


def _elements(name: str, elements: list[Any], shown: int | None) -> Iterator[str]:
    """A list: of structures, one below the other; of names and numbers, in lines that are full."""
    if elements and not any(isinstance(one, dict | list) for one in elements):
        words = [in_few_words(one) for one in (elements if shown is None else elements[: shown * shown])]
        yield from _filled(f"{name}: ", words + ["..."] * (len(words) < len(elements)), " ")
        return
    yield f"{name}: {len(elements)}"
    for element in islice(elements, shown):
        if isinstance(element, dict) and (any(map(_is_deep, element.values())) or len(in_few_words(element)) > WIDTH):
            first, *others = _structure(element, shown)
            yield INDENT + first
            yield from (2 * INDENT + one for one in others)
        else:
            yield INDENT + in_few_words(element)
    yield from _more(elements, shown)


def _more(elements: list[Any], shown: int | None) -> Iterator[str]:
    if shown is not None and len(elements) > shown:
        yield f"{INDENT}... {len(elements) - shown} more"


def _structure(values: Mapping[str, Any], shown: int | None) -> Iterator[str]:
    """The fields of a structure: the short ones in lines that are full, each of the others below them."""
    short = {name: value for name, value in values.items() if not _is_deep(value)}
    words = [f"{name} {_inner(value)}" for name, value in short.items() if not _says_nothing(name, value)]
    yield from _filled("", words, ", ")
    for name, value in values.items():
        if name in short:
            continue
        if isinstance(value, list):
            yield from _elements(name, value, shown)
        else:
            yield f"{name}:"
            yield from (INDENT + one for one in _structure(value, shown))


def _filled(start: str, words: list[str], between: str) -> Iterator[str]:
    """Words one after the other, in lines of at most WIDTH columns; the second and later ones are indented."""
    line = start
    is_empty = True
    for at, word in enumerate(words):
        word += between.rstrip() * (at + 1 < len(words))
        if not is_empty and len(line) + 1 + len(word) > WIDTH:
            yield line
            line, is_empty = INDENT, True
        line += word if is_empty else f" {word}"
        is_empty = False
    yield line.rstrip()


def _is_structure(value: Mapping[str, Any]) -> bool:
    """Whether a field is shown on lines of its own: it holds others in depth, or many."""
    return any(map(_is_deep, value.values())) or len(value) > 6


def _is_deep(value: Any) -> bool:
    """Whether a value is a structure or a list of them, and no octets or short list of names."""
    match value:
        case {"octets": int(), **rest}:
            return bool(rest.keys() - {"unread"})
        case dict():
            return True
        case list():
            return any(isinstance(one, dict | list) for one in value) or len(_inner(value)) > WORDS
        case _:
            return False


def _says_nothing(name: str, value: Any) -> bool:
    """Of fields that mean nothing, only what is there in spite of that is shown."""
    if not name.lstrip("_").startswith(("pad", "res", "rsvd", "tail", "available")):
        return False
    return value == 0 or (isinstance(value, str) and not value.strip("0"))


def run_as_text(run: list[Any]) -> str:
    """Consecutive pfns of one type: first pfn, count, type."""
    first, count, kind = run
    last = f" .. {first + count - 1:#x} ({count})" if count > 1 else ""
    return f"{first:#x}{last}" + (f": {kind}" if kind else "")


def _inner(value: Any) -> str:
    """A value inside a structure, in as few columns as can be."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= HEX_FROM:
        return f"{value:#x}"
    if isinstance(value, list):
        return "|".join(map(_inner, value)) or "none"
    return in_few_words(value)


def in_few_words(value: Any) -> str:
    """One value on one line; numbers of two digits and more in hexadecimal, too."""
    match value:
        case {"octets": int(length), "unread": str(why)}:
            return f"{length} octets ({why})"
        case {"octets": int(length), **rest} if not rest:
            return f"{length} octets"
        case dict():
            return ", ".join(f"{name} {in_few_words(inside)}" for name, inside in value.items())
        case list():
            return _inner(value)
        case int() if value > 9:
            return f"{value} ({value:#x})"
        case str():
            return printable(value)
        case _:
            return str(value)
