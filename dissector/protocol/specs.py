"""What the tables of the grammar say of a header, a record and a handshake text."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

import construct as c

from .codec import layout
from .primitives import Body, Endianness, Ints, Layout
from .walk import fixed

Layer: TypeAlias = Literal["xl", "xenops", "libxl", "libxc"]
Direction: TypeAlias = Literal["forward", "reverse", "both"]
Shape: TypeAlias = Literal["signal", "fixed", "list", "chain", "pages", "page", "blob", "stream"]

OPTIONAL = 0x80000000  # this bit in a record's type: whoever does not know the record may ignore it


class HeaderSpec(NamedTuple):
    """A header.

    endianness: None, it comes in the stream's own byte order. magic: the octets it begins with, if any.
    """

    name: str
    layer: Layer
    body: Body
    endianness: Endianness | None
    magic: bytes
    source: str

    @property
    def size(self) -> int:
        """Length in octets."""
        return fixed(layout(self.body, self.endianness or "little"))[0].size


class RecordSpec(NamedTuple):
    """A record type.

    body: the layout of its body, as a function of the byte order.
    shape: what the length of a body can be. "signal": 0. "fixed": the layout's. "list" and "chain": what the
    layout takes of it (`codec.measure`), to the last octet. "pages": count and entries and, if `contents` is
    set, one page for each backed entry. "page": one guest page. "blob": anything from the layout's fixed
    part on. "stream": the length says nothing, another layer's stream follows.
    direction: "forward" is from the migration's source to its destination.
    source: where the fact comes from: a specification and its section, or a header file.
    """

    type: int
    name: str
    body: Body
    shape: Shape
    source: str
    layer: Layer = "libxc"
    direction: Direction = "forward"
    contents: bool = False


class Message(NamedTuple):
    """A text that xl sends outside of any record: exactly these octets, then `status` octets of result."""

    name: str
    octets: bytes
    direction: Direction
    status: int = 0


def signal(i: Ints) -> Layout:
    """The body of a signalling record: nothing."""
    return c.Struct()


def blob(i: Ints) -> Layout:
    """A body that the specification leaves opaque."""
    return c.Struct("data" / c.GreedyBytes * "Opaque octets")


def record_header(i: Ints) -> Layout:
    """The header of every libxc and libxl record, 8 octets. Body and padding (to a multiple of 8) follow."""
    return c.Struct(
        "type" / i.u32 * "Record type; bit 31: optional",
        "body_length" / i.u32 * "Octets of the body, without padding",
    )
