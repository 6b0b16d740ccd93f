"""The layers of a migration stream as rows: how each begins, what it holds, what the other direction says, how it ends.

xl, xenopsd's image, libxl and libxc nest in one another, and not every one is always there. Whoever parses, judges or
shows asks the row and never the name: another toolstack's container is another row, and its file of layouts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

from .libvirt import LIBVIRT_HEADER, LIBVIRT_MAGIC
from .libxc import BODY_LENGTH_MAX, IMAGE_HEADER, IMAGE_MAGIC
from .libxl import LIBXL_HEADER, LIBXL_IDENT, LIBXL_VERSION
from .primitives import Body, Endianness
from .specs import Expect, HeaderSpec, Layer, record_header
from .xenops import XENOPS_HEADER, XENOPS_MAGIC, xenops_record_header
from .xl import XL_BYTEORDER, XL_HEADER, XL_MAGIC

Answer: TypeAlias = Literal["texts and records", "handshakes"]
"""What the reverse direction carries: xl's texts and records of libxl and libxc, or xenopsd's handshakes."""


class Container(NamedTuple):
    """One layer."""

    layer: Layer
    header: HeaderSpec
    magic: bytes
    """What begins it wherever it stands."""
    begins: Expect
    holds: frozenset[Layer]
    """The streams that it can hold."""
    record: Expect | None
    """What a record of it is; None where it has none: what it holds follows its header, up to the end."""
    record_header: Body | None = None
    alignment: int = 1
    """A record is padded to a multiple of so many octets."""
    endianness: Endianness | None = None
    """Byte order of its records; None: its header says it."""
    length_max: int = BODY_LENGTH_MAX
    """Octets of the longest body that is believed."""
    unknown_max: int = 0x10000
    """An unknown type below this, mandatory or optional, is believed: anything else is rather a header read at the
    wrong place. 0: none is."""
    answers: Answer = "texts and records"
    confirms: tuple[bytes, ...] = ()
    """In mid-connection the magic begins a header only if one of these follows it."""
    keeps_octets_after_end: bool = False
    """Whether octets after its end are its own business."""


XL_BYTEORDERS = tuple(XL_BYTEORDER.to_bytes(4, order) for order in ("little", "big"))

_ROWS = (
    Container(
        "xl",
        XL_HEADER,
        XL_MAGIC,
        Expect.XL_HEADER,
        frozenset(("libxl",)),
        record=None,
        confirms=XL_BYTEORDERS,  # the magic is a string in xl's own program as well
    ),
    Container(
        "libvirt",
        LIBVIRT_HEADER,
        LIBVIRT_MAGIC,
        Expect.LIBVIRT_HEADER,
        frozenset(("libxl",)),
        record=None,
    ),
    Container(
        "xenops",
        XENOPS_HEADER,
        XENOPS_MAGIC,
        Expect.XENOPS_HEADER,
        frozenset(("libxl", "libxc")),
        Expect.XENOPS_RECORD,
        xenops_record_header,
        endianness="little",
        length_max=1 << 40,
        unknown_max=0,
        answers="handshakes",
        keeps_octets_after_end=True,
    ),
    Container(
        "libxl",
        LIBXL_HEADER,
        LIBXL_IDENT + LIBXL_VERSION.to_bytes(4, "big"),
        Expect.LIBXL_HEADER,
        frozenset(("libxc",)),
        Expect.LIBXL_RECORD,
        record_header,
        alignment=8,
    ),
    Container(
        "libxc",
        IMAGE_HEADER,
        IMAGE_MAGIC,
        Expect.IMAGE_HEADER,
        frozenset(),
        Expect.LIBXC_RECORD,
        record_header,
        alignment=8,
    ),
)

CONTAINERS: Mapping[Layer, Container] = {row.layer: row for row in _ROWS}
"""Outermost first."""

OUTERMOST_FIRST: tuple[Layer, ...] = tuple(CONTAINERS)


def nested(layers: tuple[Layer, ...], layer: Layer) -> tuple[Layer, ...]:
    """The layers seen, outermost first, when one more was; and the one between, if its header must have been lost."""
    if layer in layers:
        return layers
    if layers and not any(layer in CONTAINERS[one].holds for one in layers):
        between = (one for one in CONTAINERS[layers[-1]].holds if layer in CONTAINERS[one].holds)
        layers = (*layers, *between)
    return tuple(one for one in OUTERMOST_FIRST if one in layers or one == layer)


def outer(layers: tuple[Layer, ...], layer: Layer) -> Container | None:
    """The container around a layer, among those seen."""
    place = layers.index(layer) if layer in layers else 0
    return CONTAINERS[layers[place - 1]] if place else None
