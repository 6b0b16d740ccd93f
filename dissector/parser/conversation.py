"""What the two directions of one connection share: the migrations that follow one another on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dissector.events import NOTHING_SAID, Context, Direction, Event, Flow
from dissector.parser.joins import Join, Joins
from dissector.protocol import (
    CONTAINERS,
    ConnectionRole,
    Endianness,
    Layer,
    XenopsRequest,
    libxc_records,
    nested,
    outer,
)
from dissector.protocol.containers import Container

MIGRATIONS_MAX = 256
"""Migrations of one connection, or of a file, that are followed: 48 octets make one, and nobody sends more than a
few."""

Emit = Callable[[Event, int], None]
"""Takes an event and the number of the packet that completed it."""


class ParsedMigration:
    """One migration as far as its headers have told: what both directions' parsers go by."""

    __slots__ = (
        "_number",
        "aside",
        "begins_after",
        "begins_late",
        "context",
        "is_bare",
        "items",
        "join",
        "libxc_records",
        "libxl_endianness",
        "number",
        "orders",
        "role",
        "says_handshakes",
    )

    def __init__(self, number: Callable[[], int]) -> None:
        """`number` gives it its number in the input, when it is recognised."""
        self.number: int | None = None
        """None as long as no stream of it was recognised."""
        self.context: Context = NOTHING_SAID
        self.libxl_endianness: Endianness | None = None
        """None: no header has said it."""
        self.libxc_records = libxc_records(None)
        """The libxc records of its version."""
        self.orders: Mapping[Layer, Endianness] = _orders(self.context, None)
        """Byte order of each layer's records: libxl and libxc each say their own."""
        self.says_handshakes = False
        """Whether the other direction carries xenopsd's handshakes."""
        self.is_bare = False
        """Whether its first octets were libxc's."""
        self.begins_late = False
        """Whether its first stream was found by a record, not by its header."""
        self.begins_after: int | None = None
        """An offset of the forward direction before which it does not begin, where the other direction began it."""
        self.items: dict[Direction, int] = {"forward": 0, "reverse": 0}
        """How many items were emitted of each direction."""
        self.join: Join | None = None
        """What it shares with other connections, if it said which guest migrates."""
        self.role: ConnectionRole | None = None
        """What this connection of it is for, if it said that."""
        self.aside: ConnectionRole | None = None
        """The same, if this is not the connection that carries the image."""
        self._number = number

    def open(self) -> bool:
        """A stream of it was recognised. Whether it is the first."""
        if self.number is None and self.join is not None:
            self.number = self.join.number
        if self.number is not None:
            return False
        self.number = self._number()
        if self.join is not None:
            self.join.number = self.number
        return True

    def request(self, request: XenopsRequest, join: Join | None) -> None:
        """A connection's request says what it is for. `join`: None where connections are not joined."""
        self.role = request.role
        if join is not None:
            self.join, self.items = join, join.items
        self.aside = request.role if request.has_own_memory or request.role == "vgpu" else None
        self.learn(compressed=request.is_compressed)

    def learn(self, **values: object) -> None:
        """A header says more."""
        context = self.context._replace(**values)  # type: ignore[arg-type]  # names of the context's own fields
        holds_libxc = any("libxc" in CONTAINERS[layer].holds for layer in context.layers)
        context = context._replace(may_be_in_libxl=not self.is_bare and not holds_libxc)
        if context != self.context:
            self.context = context._replace(revision=context.revision + 1)
            self.libxc_records = libxc_records(context.version)
            self.orders = _orders(context, self.libxl_endianness)
            self.says_handshakes = bool(context.layers) and CONTAINERS[context.layers[0]].answers == "handshakes"

    def learn_libxl_order(self, endianness: Endianness) -> None:
        """libxl's header says its byte order, or xl's."""
        self.libxl_endianness = endianness
        self.orders = _orders(self.context, endianness)

    def enter(self, layer: Layer) -> None:
        """Something of this layer was seen: not always after the one around it, whose header may be lost."""
        if layer not in self.context.layers:
            self.learn(layers=nested(self.context.layers, layer))

    def outer(self, layer: Layer) -> Container | None:
        """The container around this layer."""
        return outer(self.context.layers, layer)


def _orders(context: Context, libxl: Endianness | None) -> Mapping[Layer, Endianness]:
    own: Mapping[Layer, Endianness | None] = {"libxl": libxl}
    return {layer: row.endianness or own.get(layer) or context.endianness for layer, row in CONTAINERS.items()}


class Remarks:
    """What there is to say of all connections of an input beside their events."""

    def __init__(self) -> None:
        self.ciphers: set[str] = set()
        """ "SSH" or "TLS" if a connection carries that."""
        self.crowded = 0
        """Connections that carry more than MIGRATIONS_MAX migrations: what follows those is not looked into."""

    def note_cipher(self, name: str) -> None:
        self.ciphers.add(name)

    def note_crowd(self) -> None:
        self.crowded += 1


class Conversation:
    """Both directions of one connection, or the one of a bare stream.

    Migrations that follow one another on a connection are numbered by `ordinal`. Each direction moves on to the next
    one by itself, when its own octets say so: one may still be in the old migration, behind a gap, while the other is
    in the new one. So neither changes anything under the other.
    """

    def __init__(
        self,
        flow: Flow | None,
        emit: Emit,
        number: Callable[[], int],
        keep_pages: bool = False,
        note_spans: bool = False,
        joins: Joins | None = None,
        encapsulation: tuple[str, ...] = (),
        remarks: Remarks | None = None,
    ) -> None:
        """`flow`: of the first direction's octets; None for a bare stream. `number`: gives a migration its number when
        it is recognised. `keep_pages`: page contents are kept in the records' bodies. `note_spans`: the parsers note
        which octets are page contents. `joins`, `remarks`: of all connections of the input.
        `encapsulation`: what its packets were found in."""
        self.flow = flow
        self.encapsulation = encapsulation
        self.joins = joins or Joins()
        self.remarks = remarks or Remarks()
        self.emit = emit
        self.keep_pages = keep_pages
        self.note_spans = note_spans
        self.cipher: str | None = None
        """ "SSH" or "TLS" if the connection carries that."""
        self._number = number
        self._migrations: list[ParsedMigration] = []

    def note_cipher(self, name: str) -> None:
        """What the connection carries is encrypted."""
        self.cipher = name
        self.remarks.note_cipher(name)

    def migration(self, ordinal: int) -> ParsedMigration:
        """One of its migrations, made when first asked for."""
        while len(self._migrations) <= ordinal:
            self._migrations.append(ParsedMigration(self._number))
        return self._migrations[ordinal]

    def begins_after(self, ordinal: int) -> int | None:
        """The offset of the forward direction before which one of its migrations does not begin, if the other direction
        has begun that."""
        return self._migrations[ordinal].begins_after if ordinal < len(self._migrations) else None
