"""The suspend image of xenopsd (XCP-ng, XenServer). Source: ocaml/xenopsd/lib/suspend_image.ml of xen-api.

Records are little-endian and not padded.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import construct as c

from .primitives import Body, Ints, Later, Layout, told
from .specs import Expect, HeaderSpec, RecordSpec, Role, Words, blob, signal
from .xl import guest_words

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


def qemu_state(i: Ints) -> Layout:
    """What a QEMU saved of its devices."""
    return c.Struct("data" / told(i, c.GreedyBytes, Later("qemu", "STREAM")) * "Opaque octets")


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


def _blob(type: int, name: str, body: Body = blob, words: Words | None = None) -> RecordSpec:
    return RecordSpec(type, name, body, "blob", _SOURCE, Role.IMAGE, "xenops", words=words)


def _stream(type: int, name: str, then: Expect) -> RecordSpec:
    return RecordSpec(type, name, signal, "stream", _SOURCE, Role.IMAGE, "xenops", then=then)


_RECORDS = (
    _blob(0x000F, "XENOPS", words=guest_words),  # an s-expression with the guest's metadata
    _stream(0x00F0, "LIBXC", Expect.IMAGE_HEADER),
    _stream(0x00F1, "LIBXL", Expect.LIBXL_HEADER),
    _stream(0x00F2, "LIBXC_LEGACY", Expect.LEGACY),
    _blob(0x0F00, "QEMU_TRAD", qemu_state),
    _blob(0x0F01, "QEMU_XEN", qemu_state),
    _blob(0x0F10, "DEMU"),  # the virtual graphics card
    _blob(0x0F11, "VARSTORED"),
    _blob(0x0F12, "SWTPM0"),
    _blob(0x0F13, "SWTPM"),
    RecordSpec(0xFFFF, "END_OF_IMAGE", signal, "signal", _SOURCE, Role.IMAGE_END, "xenops", then=Expect.OUTER),
)

XENOPS_RECORDS: Mapping[int, RecordSpec] = MappingProxyType({record.type: record for record in _RECORDS})
