"""The libxl layer: its header and records. Source: docs/specs/libxl-migration-stream.pandoc of Xen."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import construct as c

from .primitives import BitField, Ints, Later, Layout, Text, flags, named, repeated, rest, told
from .specs import UNPROVEN, Expect, FieldRange, HeaderSpec, Proof, RecordSpec, Role, signal

LIBXL_IDENT = b"LibxlFmt"
LIBXL_VERSION = 2

EMULATORS: Mapping[int, str] = {0: "unknown", 1: "qemu-traditional", 2: "qemu-upstream"}
CHECKPOINT_STATES: Mapping[int, str] = {0: "NEW", 1: "SVM_SUSPENDED", 2: "SVM_READY", 3: "SVM_RESUMED"}


def libxl_header(i: Ints) -> Layout:
    """The header, 16 octets, big-endian whatever the records are. Section "Header"."""
    return c.Struct(
        "ident" / c.Default(i.u64, int.from_bytes(LIBXL_IDENT, "big")) * "'LibxlFmt'",
        "version" / c.Default(i.u32, LIBXL_VERSION) * "Version of the libxl stream",
        "options"
        / flags(
            i.u32,
            BitField("big_endian", 0, 1, doc="The records are big-endian"),
            BitField("legacy", 1, 1, doc="Made by the converter of old streams"),
            BitField("reserved", 2, 30),
        )
        * "How the stream is written",
    )


def emulator_xenstore_data(i: Ints) -> Layout:
    """Section "EMULATOR_XENSTORE_DATA"."""
    pair = c.Struct(
        "key" / Text(c.NullTerminated(c.GreedyBytes)) * "Path below the device model's own",
        "value" / Text(c.NullTerminated(c.GreedyBytes)) * "What xenstore holds there",
    )
    return c.Struct(*_emulator(i), "xenstore_data" / repeated(pair) * "Keys and values")


def emulator_context(i: Ints) -> Layout:
    """Section "EMULATOR_CONTEXT"."""
    return c.Struct(
        *_emulator(i), "emulator_ctx" / told(i, rest(), Later("qemu", "STREAM")) * "The emulator's own state, opaque"
    )


def _emulator(i: Ints) -> tuple[Layout, ...]:
    return (
        "emulator_id" / named(i.u32, EMULATORS) * "Which emulator",
        "index" / i.u32 * "Which of the guest's emulators of that kind",
    )


def checkpoint_state(i: Ints) -> Layout:
    """Section "CHECKPOINT_STATE".

    libxl writes a body of 4 octets (libxl_sr_stream_format.h) and pads the record; the specification draws
    the 4 octets that follow as part of the body. Both are read.
    """
    return c.Struct(
        "control_id" / named(i.u32, CHECKPOINT_STATES) * "Where COLO's secondary stands",
        "padding" / rest() * "Zero octets, if the body has them",
    )


_SPEC = "libxl-migration-stream: "

LIBXL_HEADER = HeaderSpec(
    "libxl header",
    "libxl",
    libxl_header,
    "big",
    LIBXL_IDENT,
    _SPEC + "Header",
    Expect.LIBXL_RECORD,
    summary="version {version}, {options.big_endian:order}{options.legacy:if:, converted from an old stream}",
)

_EMULATOR = Proof(40, fields=(FieldRange(0, 4, 1, 2), FieldRange(4, 4, 0, 0)))
"""One of the two QEMUs, and the only one of the guest."""

_RECORDS = (
    RecordSpec(0, "END", signal, "signal", _SPEC + "END", Role.LIBXL_END, "libxl", then=Expect.OUTER),
    RecordSpec(
        1,
        "LIBXC_CONTEXT",
        signal,
        "signal",
        _SPEC + "LIBXC_CONTEXT",
        Role.EMBEDDED_STREAM,
        "libxl",
        then=Expect.IMAGE_HEADER,
        proof=UNPROVEN,  # it comes before an image header, which has a magic of its own to be found by
    ),
    RecordSpec(
        2,
        "EMULATOR_XENSTORE_DATA",
        emulator_xenstore_data,
        "list",
        _SPEC + "EMULATOR_XENSTORE_DATA",
        Role.EMULATOR,
        "libxl",
        proof=_EMULATOR,
        summary="{emulator_id} {index}, {xenstore_data:many:key}",
    ),
    RecordSpec(
        3,
        "EMULATOR_CONTEXT",
        emulator_context,
        "blob",
        _SPEC + "EMULATOR_CONTEXT",
        Role.EMULATOR,
        "libxl",
        proof=_EMULATOR,
        summary="{emulator_id} {index}, {emulator_ctx:size}",
    ),
    RecordSpec(
        4,
        "CHECKPOINT_END",
        signal,
        "signal",
        _SPEC + "CHECKPOINT_END",
        Role.CHECKPOINT_END,
        "libxl",
        then=Expect.LIBXL_OR_LIBXC,
    ),
    RecordSpec(
        5,
        "CHECKPOINT_STATE",
        checkpoint_state,
        "blob",
        _SPEC + "CHECKPOINT_STATE",
        Role.CHECKPOINT_STATE,
        "libxl",
        "both",
        then=Expect.LIBXL_OR_LIBXC,
        summary="{control_id}",
    ),
    RecordSpec(
        6,
        "POSTCOPY_TRANSITION_END",
        signal,
        "signal",
        "postcopy RFC: libxl_sr_stream_format.h",
        Role.POSTCOPY_TRANSITION_END,
        "libxl",
        then=Expect.LIBXC_RECORD,
    ),
)

LIBXL_RECORDS: Mapping[int, RecordSpec] = MappingProxyType({record.type: record for record in _RECORDS})
