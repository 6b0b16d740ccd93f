"""What the two directions of one connection share: which way the migration goes and what its headers said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from dissector.parser.records import Record
from dissector.protocol import PAGE_SHIFT, Endianness, Layer

if TYPE_CHECKING:
    from dissector.parser.flow import Flow


OUTERMOST_FIRST: tuple[Layer, ...] = ("xl", "xenops", "libxl", "libxc")
"""How streams are nested; not every layer is always there."""


class Ends(NamedTuple):
    """The two ends of a direction, each an address and a port."""

    source: tuple[str, int]
    destination: tuple[str, int]


@dataclass(eq=False)
class Channel:
    """One migration, from the moment that one of its streams was recognised."""

    emit: Callable[[Record], None]
    opened: Callable[[Channel], int]
    """Called once when the migration is recognised; gives its number in the input, from 0."""
    index: int | None = None
    forward: Flow | None = None
    reverse: Flow | None = None
    layers: list[Layer] = field(default_factory=list)
    """Layers seen, outermost first."""
    endianness: Endianness = "little"
    libxl_endianness: Endianness | None = None
    """None: no header has said it."""
    version: int | None = None
    postcopy: bool = False
    """Whether a record of the postcopy RFC was seen."""
    guest: str | None = None
    page_shift: int = PAGE_SHIFT
    xen: str | None = None
    late: bool = False
    """Whether its beginning was not captured."""
    bare: bool = False
    """Whether its first octets were libxc's."""
    legacy: bool = False
    """Whether it is a stream of Xen 4.5 or older, which is not dissected."""
    encrypted: str | None = None
    """"SSH" or "TLS" if the connection carries that."""

    def open(self) -> None:
        """A stream of the migration was recognised."""
        if self.index is None:
            self.index = self.opened(self)

    def outer(self, layer: Layer) -> Layer | None:
        """The layer around this one."""
        place = self.layers.index(layer) if layer in self.layers else 0
        return self.layers[place - 1] if place else None

    @property
    def may_be_in_libxl(self) -> bool:
        """Whether a libxl stream may be around the libxc stream, though no octet of it was seen."""
        return not self.bare and "libxl" not in self.layers and "xenops" not in self.layers

    def enter(self, layer: Layer) -> None:
        """A stream of this layer was seen: not always after the one around it, whose header may be lost."""
        if layer not in self.layers:
            if layer == "libxc" and self.layers == ["xl"]:
                self.layers.append("libxl")  # its header was lost: xl sends nothing else
            self.layers.append(layer)
            self.layers.sort(key=OUTERMOST_FIRST.index)
