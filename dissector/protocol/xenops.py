"""The suspend image of xenopsd (XCP-ng, XenServer). Source: ocaml/xenopsd/lib/suspend_image.ml of xen-api.

Records are little-endian and not padded.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import construct as c

from .primitives import Ints, Layout
from .specs import HeaderSpec, RecordSpec, Shape, blob, signal

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


XENOPS_HEADER = HeaderSpec(
    "xenops header", "xenops", xenops_header, "little", XENOPS_MAGIC, "suspend_image.ml: save_signature"
)

_SHAPES: tuple[tuple[int, str, Shape], ...] = (
    (0x000F, "XENOPS", "blob"),  # an s-expression with the guest's metadata
    (0x00F0, "LIBXC", "stream"),
    (0x00F1, "LIBXL", "stream"),
    (0x00F2, "LIBXC_LEGACY", "stream"),
    (0x0F00, "QEMU_TRAD", "blob"),
    (0x0F01, "QEMU_XEN", "blob"),
    (0x0F10, "DEMU", "blob"),  # the virtual graphics card
    (0x0F11, "VARSTORED", "blob"),
    (0x0F12, "SWTPM0", "blob"),
    (0x0F13, "SWTPM", "blob"),
    (0xFFFF, "END_OF_IMAGE", "signal"),
)

XENOPS_RECORDS: Mapping[int, RecordSpec] = MappingProxyType(
    {
        type: RecordSpec(
            type, name, blob if shape == "blob" else signal, shape, "suspend_image.ml: header_type", "xenops"
        )
        for type, name, shape in _SHAPES
    }
)
