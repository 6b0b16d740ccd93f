"""The fields of a record as a tree for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

SHOWN = 16
"""Elements of a list, or lines of a text, in the tree unless all are asked for."""

INDENT = "    "


def tree(values: dict[str, Any], full: bool = False) -> Iterator[str]:
    """The lines of a field tree, from what `decoded` gives; all elements of long lists only if `full`."""
    shown = None if full else SHOWN
    for name, value in values.items():
        if name == "pages":
            yield from _list(f"{name}, in runs", value, _run, shown)
        elif isinstance(value, list):
            yield from _list(name, value, _inline, shown)
        elif isinstance(value, str) and "\n" in value.rstrip("\n"):
            yield from _list(f"{name}, lines", value.splitlines(), printable, shown)
        else:
            yield f"{name}: {_inline(value)}".rstrip()


def _list(name: str, elements: list[Any], show: Callable[[Any], str], shown: int | None) -> Iterator[str]:
    yield f"{name}: {len(elements)}"
    for element in islice(elements, shown):
        yield INDENT + show(element)
    if shown is not None and len(elements) > shown:
        yield f"{INDENT}... {len(elements) - shown} more"


def _run(run: list[Any]) -> str:
    first, count, kind = run
    last = f" .. {first + count - 1:#x} ({count})" if count > 1 else ""
    return f"{first:#x}{last}" + (f": {kind}" if kind else "")


def _inline(value: Any) -> str:
    """One value on one line; numbers of two digits and more in hexadecimal, too."""
    match value:
        case {"octets": int(length), **rest} if not rest:
            return f"{length} octets"
        case dict():
            return ", ".join(f"{name} {_inline(inside)}" for name, inside in value.items())
        case int() if value > 9:
            return f"{value} ({value:#x})"
        case str():
            return printable(value)
        case _:
            return str(value)


def printable(text: str) -> str:
    """Text out of a capture as one line of a terminal: whatever could steer the terminal is escaped."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
