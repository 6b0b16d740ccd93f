"""The xl layer: the save header, the guest's configuration, and the texts of the handshake.

Source: tools/xl/xl.h and xl_migrate.c of Xen. xl has no specification.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import construct as c

from .primitives import INTS, BitField, Endianness, Ints, Layout, flags, length_of, rest, sized_text
from .specs import Expect, HeaderSpec, Message

XL_MAGIC = b"Xen saved domain, xl format\n \0 \r"
XL_BYTEORDER = 0x01020304


def xl_header(i: Ints) -> Layout:
    """The save header, 48 octets, in the sender's byte order. tools/xl/xl.h: struct save_file_header."""
    return c.Struct(
        "magic" / c.Default(c.Bytes(len(XL_MAGIC)), XL_MAGIC) * "Names the format",
        "byteorder" / c.Default(i.u32, XL_BYTEORDER) * "0x01020304 in the sender's byte order",
        "mandatory_flags"
        / flags(
            i.u32,
            BitField("json", 0, 1, doc="The configuration is JSON"),
            BitField("stream_v2", 1, 1, doc="A libxl stream of version 2 follows"),
            BitField("reserved", 2, 30),
        )
        * "A flag the receiver does not know makes it refuse",
        "optional_flags" / flags(i.u32, BitField("reserved", 0, 32)) * "None is defined",
        "optional_data_len" / i.u32 * "Octets of optional data after this header",
    )


def xl_optional_data(i: Ints) -> Layout:
    """What follows the save header. tools/xl/xl.h: "Optional data, in order"."""
    return c.Struct(
        "config_length" / length_of(i.u32, "config") * "Octets of the configuration",
        "config" / sized_text("config_length", "config") * "The guest's configuration; JSON ends in a NUL",
        "tail" / rest() * "What a later xl may append",
    )


def guest_words(values: Mapping[str, Any]) -> dict[str, Any]:
    """The guest of a configuration. Its reader is loaded when it is asked for."""
    from .guest_config import described

    return described(values)


XL_HEADER = HeaderSpec(
    "xl header",
    "xl",
    xl_header,
    None,
    XL_MAGIC,
    "tools/xl/xl.h: struct save_file_header",
    Expect.LIBXL_HEADER,
    more="optional_data_len",
    words=guest_words,
)


def xl_endianness(octets: bytes | bytearray | memoryview) -> Endianness | None:
    """The byte order of a save header, from its byteorder field; None if that holds neither order's value, or if the
    flags behind it are in the other order: then the field alone is wrong."""
    at = len(XL_MAGIC)
    found, mandatory = bytes(octets[at : at + 4]), bytes(octets[at + 4 : at + 8])
    for order in INTS:
        if found == XL_BYTEORDER.to_bytes(4, order):
            is_alone = int.from_bytes(mandatory, order) > XL_FLAGS >= int.from_bytes(mandatory, OTHER_ORDER[order])
            return None if is_alone else order
    return None


XL_FLAGS = 3
"""Every mandatory flag that is known."""

OTHER_ORDER: Mapping[Endianness, Endianness] = {"little": "big", "big": "little"}


_MESSAGES = (
    # Only the banner is sent without the NUL that ends the C string.
    Message("banner", b"xl migration receiver ready, send binary domain data.\n", "reverse"),
    Message("ready", b"domain received, ready to unpause\0", "reverse"),
    # In reverse it hands the guest back after a failed start.
    Message("go", b"domain is yours, you are cleared to unpause\0", "both"),
    # The status octet: 0, the guest runs at the destination; anything else, it does not.
    Message("report", b"my copy unpause results are as follows\0", "reverse", status=1),
    Message("postcopy sync", b"postcopy migration completed successfully\0", "reverse"),
)

MESSAGES: Mapping[str, Message] = MappingProxyType({message.name: message for message in _MESSAGES})
