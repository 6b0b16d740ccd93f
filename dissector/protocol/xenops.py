"""The suspend image of xenopsd (XCP-ng, XenServer). Source: ocaml/xenopsd/lib/suspend_image.ml of xen-api.

Records are little-endian and not padded.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import construct as c

from .primitives import Ints, Layout
from .specs import Expect, HeaderSpec, RecordSpec, Role, blob, signal

XENOPS_MAGIC = b"XenSavedDomv2-\n"


def xenops_header(i: Ints) -> Layout:
    """The signature, 15 octets."""
    return c.Struct("magic" / c.Default(c.Bytes(len(XENOPS_MAGIC)), XENOPS_MAGIC) * "Names the format")


def xenops_record_header(i: Ints) -> Layout:
    """The header of a record, 16 octets."""
    return c.Struct(
        "type" / i.u64 * "Record type",
        "body_length" / i.u64 * "Octets of the body; of no meaning before a stream of another layer",
    )


_SOURCE = "suspend_image.ml: header_type"

XENOPS_HEADER = HeaderSpec(
    "xenops header",
    "xenops",
    xenops_header,
    "little",
    XENOPS_MAGIC,
    "suspend_image.ml: save_signature",
    Expect.XENOPS_RECORD,
)


def _blob(type: int, name: str) -> RecordSpec:
    return RecordSpec(type, name, blob, "blob", _SOURCE, Role.IMAGE, "xenops")


def _stream(type: int, name: str, then: Expect) -> RecordSpec:
    return RecordSpec(type, name, signal, "stream", _SOURCE, Role.IMAGE, "xenops", then=then)


_RECORDS = (
    _blob(0x000F, "XENOPS"),  # an s-expression with the guest's metadata
    _stream(0x00F0, "LIBXC", Expect.IMAGE_HEADER),
    _stream(0x00F1, "LIBXL", Expect.LIBXL_HEADER),
    _stream(0x00F2, "LIBXC_LEGACY", Expect.LEGACY),
    _blob(0x0F00, "QEMU_TRAD"),
    _blob(0x0F01, "QEMU_XEN"),
    _blob(0x0F10, "DEMU"),  # the virtual graphics card
    _blob(0x0F11, "VARSTORED"),
    _blob(0x0F12, "SWTPM0"),
    _blob(0x0F13, "SWTPM"),
    RecordSpec(0xFFFF, "END_OF_IMAGE", signal, "signal", _SOURCE, Role.IMAGE_END, "xenops", then=Expect.OUTER),
)

XENOPS_RECORDS: Mapping[int, RecordSpec] = MappingProxyType({record.type: record for record in _RECORDS})
