"""The fields of a record by the names that the specifications use, as values that JSON can carry."""

from __future__ import annotations

from typing import Any

from dissector.events import Record
from dissector.facts import role_of
from dissector.protocol import (
    LIBVIRT_HEADER,
    PAGE_TYPES,
    XL_HEADER,
    Body,
    HeaderSpec,
    Message,
    MessageSpec,
    RecordSpec,
    fields,
    json_safe,
    layout,
    pages_header,
    parse_partial,
    xl_optional_data,
)
from dissector.protocol.depth import deepen
from dissector.protocol.specs import Role, blob


def decoded(record: Record, deep: bool = False) -> dict[str, Any]:
    """The fields that were captured, as JSON can carry them.

    `deep`: with what they mean, names for numbers and structures for octets, and what they say together; it takes
    longer, and tables are loaded for it.

    Long octet strings are {"octets": length}. A list of pages is "pages": [first pfn, count, type name] for
    each run, the type None on POSTCOPY_FAULT, whose entries have none (postcopy RFC, "POSTCOPY_FAULT").
    """
    values = dict(json_safe(plain(record, deep)))
    if record.is_pages:
        typed = role_of(record) is not Role.POSTCOPY_FAULT
        values["pages"] = [[first, count, PAGE_TYPES[kind] if typed else None] for first, count, kind in record.runs]
    return values


def plain(record: Record, deep: bool = False) -> dict[str, Any]:
    """The same with octets as they are, and without the runs of a pages record."""
    if record.is_pages:
        return _parsed(record, pages_header, record.body[:8])
    if isinstance(record.spec, MessageSpec):
        return _parsed(record, record.spec.body, record.body)
    if record.is_text or record.layer is None:
        return _message(record)
    if record.spec is XL_HEADER:
        return _xl_header(record, deep)
    if record.spec is LIBVIRT_HEADER:
        xml = record.body[LIBVIRT_HEADER.size :].rstrip(b"\0").decode("utf-8", "replace")
        words = LIBVIRT_HEADER.words({"config": xml}) if deep and LIBVIRT_HEADER.words else {}
        return {**words, **_parsed(record, LIBVIRT_HEADER.body, record.body), "xml": xml}
    spec = record.spec if isinstance(record.spec, RecordSpec | HeaderSpec) else None
    body = spec.body if spec else blob
    is_long = record.complete and len(record.body) < record.body_length
    values = _parsed(record, body, record.body, spec, deep and not is_long)
    if is_long:
        # The parser kept the beginning of a long body: the length of what is opaque in it comes from the header.
        # Of a record that has none a damaged length says that there is one.
        for last in list(fields(layout(body, record.endianness)))[-1:]:
            if last.kind == "blob" and last.offset is not None:
                values[last.name] = {"octets": record.body_length - last.offset}
    return values


def _parsed(
    record: Record, body: Body, octets: bytes, spec: RecordSpec | HeaderSpec | None = None, deep: bool = False
) -> dict[str, Any]:
    shape = layout(body, record.endianness)
    values = parse_partial(shape, octets)
    if not deep:
        return values
    words = spec.words(values) if spec and spec.words else {}
    return {**words, **deepen(shape, values, around(record))}


def around(record: Record) -> dict[str, Any]:
    """What was said before the record, by which its body is read."""
    return record.context._asdict()


def _xl_header(record: Record, deep: bool) -> dict[str, Any]:
    values = _parsed(record, XL_HEADER.body, record.body)
    optional = _parsed(record, xl_optional_data, record.body[XL_HEADER.size :])
    if "config" in optional:
        optional["config"] = optional["config"].rstrip("\0")
    words = XL_HEADER.words(optional) if deep and XL_HEADER.words else {}
    return {**words, **values, **optional}


def _message(record: Record) -> dict[str, Any]:
    """The text without its NUL, and the status octet that follows in "my copy unpause results ..."."""
    if record.layer is None:
        return {}
    size = len(record.spec.octets) if isinstance(record.spec, Message) else len(record.body)
    values: dict[str, Any] = {"text": record.body[:size].decode("utf-8", "replace").rstrip("\0")}
    if len(record.body) > size:
        values["status"] = record.body[size]
    return values
