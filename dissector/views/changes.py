"""What differs between two guests, for a person: first what makes a restore fail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from dissector.results.changes import DifferenceOfGuests, DiffResult, Value
from dissector.units import printable
from dissector.views.fields import HEX_FROM

WIDTH = 120

ADDRESS_FROM = 1 << 32
"""A number from here on is an address, or a pattern of bits."""


def changes_as_text(found: DiffResult, columns: int = WIDTH) -> Iterator[str]:
    """The lines, in so many columns: what the second lacks, what it gained, each section with what differs in it."""
    if found.is_same:
        yield f"no difference in {', '.join(found.sections)}"
        yield from _not_compared(found)
        return
    yield f"a: {printable(found.a)}"
    yield f"b: {printable(found.b)}"
    yield from _not_compared(found)
    yield from _features("features that b lacks", found.missing, columns)
    yield from _rows("what else b lacks", found.lacking)
    yield from _features("features that only b has", found.gained, columns)
    for section in found.sections:
        yield from _rows(section, [one for one in found.differences if one.section == section])


def _not_compared(found: DiffResult) -> Iterator[str]:
    """What stands before all else: of that nothing below says that it is the same."""
    if found.not_compared:
        yield ""
        yield "not compared"
        width = max(len(one.what) for one in found.not_compared)
        yield from (f"    {one.what:<{width}}  a: {one.a}, b: {one.b}" for one in found.not_compared)


def _features(title: str, names: Sequence[str], columns: int) -> Iterator[str]:
    if names:
        yield ""
        yield f"{title}: {len(names)}"
        yield from ("    " + one for one in wrap(" ".join(names), columns - 4, break_on_hyphens=False))


def _rows(title: str, rows: Sequence[DifferenceOfGuests]) -> Iterator[str]:
    """One line for each thing that differs, after an empty one and the title; nothing if there are none."""
    if rows:
        yield ""
        yield title
        width = min(max(len(one.what) for one in rows), 40)
        for one in rows:
            a, b = _shown(one.a, "a" in one.hidden), _shown(one.b, "b" in one.hidden)
            yield f"    {printable(one.what):<{width}}  {a} -> {b}"


def _shown(value: Value, is_hidden: bool) -> str:
    match value:
        case None:
            return "not in the input" if is_hidden else "not there"
        case int() if value >= ADDRESS_FROM:
            return f"{value:#x}"
        case int() if value >= HEX_FROM:
            return f"{value} ({value:#x})"
        case _:
            return printable(str(value))
