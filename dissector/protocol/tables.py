"""Everything the grammar declares, in tables: all headers, all records, what a layer's records look like."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .containers import CONTAINERS
from .libxc import DOMAIN_HEADER
from .libxc_records import libxc_records
from .libxl import LIBXL_RECORDS
from .primitives import Body
from .specs import HeaderSpec, Layer, RecordSpec
from .xenops import XENOPS_RECORDS

HEADERS: Mapping[str, HeaderSpec] = MappingProxyType(
    {header.name: header for header in (*(row.header for row in CONTAINERS.values()), DOMAIN_HEADER)}
)

RECORD_HEADERS: Mapping[Layer, Body] = {
    row.layer: row.record_header for row in CONTAINERS.values() if row.record_header is not None
}

# A record is padded to a multiple of so many octets.
ALIGNMENT: Mapping[Layer, int] = {layer: CONTAINERS[layer].alignment for layer in RECORD_HEADERS}


_OF_LAYER: Mapping[Layer, Mapping[int, RecordSpec]] = {"libxl": LIBXL_RECORDS, "xenops": XENOPS_RECORDS}
_NONE: Mapping[int, RecordSpec] = {}


def records(layer: Layer, version: int | None = None) -> Mapping[int, RecordSpec]:
    """The record types of a layer by number; `version` (of the image header) matters to libxc only."""
    return libxc_records(version) if layer == "libxc" else _OF_LAYER.get(layer, _NONE)


RECORDS: tuple[RecordSpec, ...] = tuple(
    {
        (record.layer, record.name): record
        for table in (libxc_records(2), libxc_records(3), LIBXL_RECORDS, XENOPS_RECORDS)
        for record in table.values()
    }.values()
)  # every record of every layer and version, once
