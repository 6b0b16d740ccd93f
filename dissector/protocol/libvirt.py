"""libvirt's libxl driver: what it writes before a saved guest, and the messages that carry a tunnelled migration.

A direct migration is a libxl stream alone. Sources: src/libxl/libxl_conf.h (the header of a saved guest, in the byte
order of the host) and src/rpc/virnetprotocol.x (the messages, big-endian as XDR is) of libvirt.
"""

from __future__ import annotations

import construct as c

from .primitives import Ints, Layout, Text
from .specs import Expect, HeaderSpec, MessageSpec
from .xl import guest_words

LIBVIRT_MAGIC = b"libvirt-xml\n \0 \r"
LIBVIRT_VERSION = 2
"""A libxl stream of version 2 follows; 1: a stream of libxc's old format."""

XML_MAX = 1 << 22
"""Octets of a guest's XML that are believed."""


def libvirt_header(i: Ints) -> Layout:
    """What stands before the XML of a saved guest, 64 octets. libxl_conf.h: libxlSavefileHeader."""
    return c.Struct(
        "magic" / c.Default(c.Bytes(len(LIBVIRT_MAGIC)), LIBVIRT_MAGIC) * "Names the format",
        "version" / c.Default(i.u32, LIBVIRT_VERSION) * "2: a libxl stream of version 2 follows",
        "xml_length" / i.u32 * "Octets of XML after this header",
        "unused" / c.Default(c.Bytes(40), bytes(40)) * "Of no meaning",
    )


LIBVIRT_HEADER = HeaderSpec(
    "libvirt header",
    "libvirt",
    libvirt_header,
    "little",
    LIBVIRT_MAGIC,
    "libxl_conf.h: libxlSavefileHeader",
    Expect.LIBXL_HEADER,
    more="xml_length",
    words=guest_words,
)

REMOTE_PROGRAM = 0x20008086
"""remote_protocol.x: the program whose streams carry migrations."""

MESSAGE_HEADER = 28
"""Octets before the payload of a message: its length, then virNetMessageHeader."""

MESSAGE_MAX = 1 << 25
"""virnetprotocol.x: VIR_NET_MESSAGE_MAX, the longest message."""

MESSAGE_MARK = REMOTE_PROGRAM.to_bytes(4, "big") + (1).to_bytes(4, "big")
"""Program and version: what follows the length of every message."""

STREAM = 3
"""virNetMessageType of a piece of a stream."""

ERROR, CONTINUE = 1, 2
"""virNetMessageStatus: the payload says what went wrong; of a stream: its next octets."""


def stream_error(i: Ints) -> Layout:
    """What a side says of a stream that failed; octets of its virNetMessageError that say no more are left out."""
    return c.Struct("text" / Text(c.GreedyBytes) * "The message of the error")


STREAM_ERROR = MessageSpec(
    "stream error", "libvirt", stream_error, "both", "virnetprotocol.x: virNetMessageError", "{text}"
)
