"""What a record holds, by the names the specifications use: as values for JSON, and as a tree for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from dissector.parser import Record
from dissector.protocol import (
    PAGE_TYPES,
    XL_HEADER,
    Body,
    Message,
    fields,
    json_safe,
    layout,
    pages_header,
    parse_partial,
    xl_optional_data,
)
from dissector.protocol.specs import blob

SHOWN = 16
"""Elements of a list, or lines of a text, in the tree unless all are asked for."""

INDENT = "    "


def decoded(record: Record) -> dict[str, Any]:
    """The fields that were captured, as JSON can carry them.

    Long octet strings are {"octets": length}. A list of pages is "pages": [first pfn, count, type name] for
    each run, the type None on POSTCOPY_FAULT, whose entries have none (postcopy RFC, "POSTCOPY_FAULT").
    """
    if record.is_pages:
        typed = record.name != "POSTCOPY_FAULT"
        pages = [[first, count, PAGE_TYPES[kind] if typed else None] for first, count, kind in record.runs]
        return {**_parsed(record, pages_header, record.body[:8]), "pages": pages}
    if isinstance(record.spec, Message) or (record.spec is None and record.type is None):
        return _message(record)
    if record.spec is XL_HEADER:
        return _xl_header(record)
    body = record.spec.body if record.spec is not None else blob
    values = _parsed(record, body, record.body)
    if record.complete and len(record.body) < record.body_length:
        # Framing kept the beginning of a long body: the length of what is opaque in it comes from the header.
        *_, last = fields(layout(body, record.endianness))
        if last.kind == "blob" and last.offset is not None:
            values[last.name] = {"octets": record.body_length - last.offset}
    return values


def _parsed(record: Record, body: Body, octets: bytes) -> dict[str, Any]:
    return dict(json_safe(parse_partial(layout(body, record.endianness), octets)))


def _xl_header(record: Record) -> dict[str, Any]:
    values = _parsed(record, XL_HEADER.body, record.body)
    optional = _parsed(record, xl_optional_data, record.body[XL_HEADER.size :])
    if "config" in optional:
        optional["config"] = optional["config"].rstrip("\0")
    return {**values, **optional}


def _message(record: Record) -> dict[str, Any]:
    """The text without its NUL, and the status octet that follows in "my copy unpause results ..."."""
    if record.layer is None:
        return {}
    size = len(record.spec.octets) if isinstance(record.spec, Message) else len(record.body)
    values: dict[str, Any] = {"text": record.body[:size].decode("utf-8", "replace").rstrip("\0")}
    if len(record.body) > size:
        values["status"] = record.body[size]
    return values


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
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
