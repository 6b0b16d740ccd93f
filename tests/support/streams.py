"""Streams built from the grammar: what tests feed to the tool, right or deliberately wrong."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any

from dissector.protocol import libxc, libxl, xl
from dissector.protocol.codec import build, layout
from dissector.protocol.primitives import Body, Endianness
from dissector.protocol.specs import Layer, RecordSpec
from dissector.protocol.tables import ALIGNMENT, RECORD_HEADERS, RECORDS
from dissector.protocol.xenops import XENOPS_MAGIC

_BY_NAME: Mapping[tuple[Layer, str], RecordSpec] = {(record.layer, record.name): record for record in RECORDS}
_PAGE_TYPES = {name: number for number, name in libxc.PAGE_TYPES.items()}


def record(
    type: int | str,
    body: bytes | Mapping[str, Any] = b"",
    layer: Layer = "libxc",
    endianness: Endianness = "little",
    *,
    length: int | None = None,
    padding: bytes | None = None,
) -> bytes:
    """One record with header and padding.

    type: number, or name in its layer. body: octets, or values for the layout of a record given by name.
    length: what the header says, if not the truth. padding: what follows the body, if not the right zeros.
    """
    spec = _BY_NAME[layer, type] if isinstance(type, str) else None
    if not isinstance(body, bytes):
        if spec is None:
            raise TypeError("values need a record given by name")
        body = build(layout(spec.body, endianness), body)
    number = type if isinstance(type, int) else _BY_NAME[layer, type].type
    said = len(body) if length is None else length
    header = build(layout(RECORD_HEADERS[layer], endianness), {"type": number, "body_length": said})
    return header + body + (bytes(-len(body) % ALIGNMENT[layer]) if padding is None else padding)


def entry(pfn: int, type: int | str = 0, reserved: int = 0) -> int:
    """One entry of a pages record; the type by number or name."""
    number = _PAGE_TYPES[type] if isinstance(type, str) else type
    return libxc.ENTRY_TYPE.put(number) | libxc.ENTRY_RESERVED.put(reserved) | libxc.ENTRY_PFN.put(pfn)


def pages(
    entries: Iterable[int],
    contents: bytes = b"",
    endianness: Endianness = "little",
    *,
    count: int | None = None,
) -> bytes:
    """The body of a pages record, quickly. count: what it says, if not the truth."""
    listed = list(entries)
    said = len(listed) if count is None else count
    order = "<" if endianness == "little" else ">"
    header = build(layout(libxc.pages_header, endianness), {"count": said})
    return header + struct.pack(f"{order}{len(listed)}Q", *listed) + contents


def filling(entries: Iterable[int], page_size: int = 1 << libxc.PAGE_SHIFT) -> bytes:
    """Contents for the entries that have any: each page is filled with the lowest octet of its pfn."""
    backed = (one for one in entries if one >> libxc.ENTRY_TYPE.shift not in libxc.UNBACKED)
    return b"".join(bytes([one & 0xFF]) * page_size for one in backed)


def libxc_stream(
    records: Iterable[bytes],
    version: int = 3,
    guest: int | str = "x86 HVM",
    endianness: Endianness = "little",
    *,
    page_shift: int = libxc.PAGE_SHIFT,
    xen: tuple[int, int] = (4, 17),
) -> bytes:
    """Image header, domain header, records."""
    image = {"version": version, "options": {"big_endian": int(endianness == "big")}}
    domain = {"type": guest, "page_shift": page_shift, "xen_major": xen[0], "xen_minor": xen[1]}
    headers = _header(libxc.image_header, "big", image) + _header(libxc.domain_header, endianness, domain)
    return headers + b"".join(records)


def libxl_stream(inside: bytes, after: Iterable[bytes] | None = None, endianness: Endianness = "little") -> bytes:
    """libxl header, LIBXC_CONTEXT, a libxc stream, then the libxl records `after` it, by default END."""
    header = _header(libxl.libxl_header, "big", {"options": {"big_endian": int(endianness == "big")}})
    context = record("LIBXC_CONTEXT", layer="libxl", endianness=endianness)
    closing = [record("END", layer="libxl", endianness=endianness)] if after is None else after
    return header + context + inside + b"".join(closing)


def xl_stream(inside: bytes, config: str = "{}\n\0", endianness: Endianness = "little") -> bytes:
    """Save header, configuration, then `inside`: a libxl stream."""
    optional = _header(xl.xl_optional_data, endianness, {"config": config})
    saved = {"mandatory_flags": {"json": 1, "stream_v2": 1}, "optional_data_len": len(optional)}
    return _header(xl.xl_header, endianness, saved) + optional + inside


def xenops_stream(inside: bytes, metadata: bytes = b"()", after: Iterable[bytes] | None = None) -> bytes:
    """A suspend image: signature, metadata, a libxc stream, records `after` it, by default END_OF_IMAGE."""
    before = record("XENOPS", metadata, "xenops") + record("LIBXC", layer="xenops")
    closing = [record("END_OF_IMAGE", layer="xenops")] if after is None else after
    return XENOPS_MAGIC + before + inside + b"".join(closing)


def _header(body: Body, endianness: Endianness, values: Mapping[str, Any]) -> bytes:
    return build(layout(body, endianness), values)
