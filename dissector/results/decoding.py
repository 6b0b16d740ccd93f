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
from dissector.protocol.specs import Role, blob


def decoded(record: Record) -> dict[str, Any]:
    """The fields that were captured, as JSON can carry them.

    Long octet strings are {"octets": length}. A list of pages is "pages": [first pfn, count, type name] for
    each run, the type None on POSTCOPY_FAULT, whose entries have none (postcopy RFC, "POSTCOPY_FAULT").
    """
    if record.is_pages:
        typed = role_of(record) is not Role.POSTCOPY_FAULT
        pages = [[first, count, PAGE_TYPES[kind] if typed else None] for first, count, kind in record.runs]
        return {**_parsed(record, pages_header, record.body[:8]), "pages": pages}
    if isinstance(record.spec, MessageSpec):
        return _parsed(record, record.spec.body, record.body)
    if record.is_text or record.layer is None:
        return _message(record)
    if record.spec is XL_HEADER:
        return _xl_header(record)
    if record.spec is LIBVIRT_HEADER:
        xml = record.body[LIBVIRT_HEADER.size :].rstrip(b"\0").decode("utf-8", "replace")
        return {**_parsed(record, LIBVIRT_HEADER.body, record.body), "xml": xml}
    body = record.spec.body if isinstance(record.spec, RecordSpec | HeaderSpec) else blob
    values = _parsed(record, body, record.body)
    if record.complete and len(record.body) < record.body_length:
        # The parser kept the beginning of a long body: the length of what is opaque in it comes from the header.
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
