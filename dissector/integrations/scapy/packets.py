"""What all layers have in common: how a record holds its body and its padding, and where a session found it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from scapy.config import conf
from scapy.fields import ConditionalField
from scapy.packet import Packet

from dissector.events import FORWARD, REVERSE, Flow, Record
from dissector.facts import Link
from dissector.protocol import ENTRY_PFN, MESSAGES, Field, Role

from .fields import Blob, Elements, Integers, Padding, shown_octets

PADDING = "padding"


class _Layer(Packet):
    """A structure of the grammar."""

    match_subclass = True
    """A big-endian layer is found by the name of the little-endian one."""

    grammar: ClassVar[tuple[Field, ...]] = ()
    """What the class was made from."""
    minimum: ClassVar[int] = 0
    """Octets without which there is no such layer."""
    part: ClassVar[Role | None] = None
    """Of a record's body: the part that it plays in its stream."""

    def _command(self, json: bool = False) -> list[tuple[str, Any]]:
        """For Scapy's `command()` and `json()`, of which the second would have integers in arrays as texts."""
        found: list[tuple[str, Any]] = super()._command(json)
        return [(name, self._in_json(name, value)) for name, value in found] if json else found

    def _in_json(self, name: str, value: Any) -> Any:
        match self.get_field(name):
            case Integers():
                return list(map(int, self.getfieldval(name)))
            case Elements():
                return [dict(element._command(json=True)) for element in self.getfieldval(name)]
        return value

    def mysummary(self) -> str:
        words = [str(self.name)]
        for field in self.fields_desc:
            value = self.getfieldval(field.name)
            if not value or isinstance(field, ConditionalField):
                continue
            if field.holds_packets:
                shown = f"({len(value)})"
            else:
                shown = shown_octets(value) if isinstance(value, bytes) else field.i2repr(self, value)
            words.append(f"{field.name}={shown}")
        return " ".join(words)


class _PageList(_Layer):
    """The body of a pages record. `pfn` are its entries, page type and frame number each; `pfns` the numbers only."""

    def __init__(self, *args: Any, pfns: Iterable[int] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **(kwargs if pfns is None else kwargs | {ENTRY_PFN.name: list(pfns)}))

    @property
    def pfns(self) -> list[int]:
        """Frame numbers."""
        return [entry & ENTRY_PFN.mask for entry in self.getfieldval(ENTRY_PFN.name)]

    def answers(self, other: Packet) -> int:
        """Whether this is a POSTCOPY_PAGE_DATA with a pfn of that POSTCOPY_FAULT."""
        is_pair = self.part is Role.POSTCOPY_PAGES and getattr(other, "part", None) is Role.POSTCOPY_FAULT
        return int(is_pair and not set(self.pfns).isdisjoint(other.pfns))


class _Item(_Layer):
    """A header, record or text as a session yields it.

    Scapy's own attributes: `time` is when its last octet was captured (s since the epoch), `wirelen` its octets on
    the wire, `direction` "forward" (from the migration's source to its destination) or "reverse". The others below
    are None, or empty, for packets that no session made.
    """

    __slots__ = ["flow", "links", "record"]
    direction: str | None  # type: ignore[assignment]  # Scapy's own type is that of an interface's directions

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.record: Record | None = None
        """What the parser said of it; its octets have become this packet."""
        self.flow: Flow | None = None
        """Source and destination of its migration."""
        self.links: list[Link] = []
        """Of a fault or its page: those at the other end, as far as they have come."""
        super().__init__(*args, **kwargs)

    def copy(self) -> _Item:
        return self._place(super().copy())

    def clone_with(self, payload: Any = None, **fields: Any) -> _Item:
        return self._place(super().clone_with(payload, **fields))

    def _place(self, clone: _Item) -> _Item:
        """A copy is where this is."""
        clone.record, clone.flow, clone.links = self.record, self.flow, self.links
        return clone

    @property
    def migration(self) -> int | None:
        """The number of its migration in the capture, from 0."""
        return self.record.migration if self.record else None

    @property
    def frames(self) -> tuple[int, int] | None:
        """The packets of the capture, from 1, with its first octet and with the octet that came last."""
        return (self.record.first.frame, self.record.last.frame) if self.record else None

    @property
    def offset(self) -> int | None:
        """Where it begins in its direction of the connection, octets from 0."""
        return self.record.offset if self.record else None

    @property
    def complete(self) -> bool | None:
        """False where a gap, a cut or the end of the capture took part of it."""
        return self.record.complete if self.record else None

    @property
    def answer_frames(self) -> list[int]:
        """Of a POSTCOPY_FAULT: the frame in which each POSTCOPY_PAGE_DATA that answers it ended. Those of answers
        that come later are here once they came."""
        return _frames(self.links) if self.direction == REVERSE else []

    @property
    def latency(self) -> float | None:
        """Of a POSTCOPY_FAULT: seconds from its last octet to the last one of its last answer, without pages that were
        in flight when they were asked for. None if there are no others, or they have not come."""
        asked = self.record
        if asked is None or self.direction != REVERSE:
            return None
        waited = (link.record.last.time - asked.last.time for link in self.links if not link.in_flight)
        longest = max(waited, default=None)
        return None if longest is None else longest / 10**9

    @property
    def fault_frames(self) -> list[int]:
        """Of a POSTCOPY_PAGE_DATA: the frame in which each POSTCOPY_FAULT that it answers ended."""
        return _frames(self.links) if self.direction == FORWARD else []

    def answers(self, other: Packet) -> int:
        """Whether this is a POSTCOPY_PAGE_DATA that answers that POSTCOPY_FAULT: of packets that a session yielded,
        as they were captured; of others, if they have a pfn in common."""
        fault = getattr(other, "record", None)
        if self.record is None or fault is None:
            return self.payload.answers(other.payload) if isinstance(other, _Item) else 0
        return int(self.direction == FORWARD and any(link.record == fault for link in self.links))

    def __reduce__(self) -> tuple[Any, ...]:
        made, arguments, state = super().__reduce__()
        return made, arguments, (state, self.record, self.flow, self.links)

    def __setstate__(self, state: Any) -> Any:
        state, self.record, self.flow, self.links = state
        return super().__setstate__(state)


def _frames(links: list[Link]) -> list[int]:
    return list(dict.fromkeys(link.record.last.frame for link in links))


class _Framed(_Item):
    """A header whose last number counts the octets of what belongs to it: a record's body, xl's optional data."""

    length_field: ClassVar[str] = ""
    alignment: ClassVar[int] = 1
    """The body is padded to a multiple of so many octets."""
    optional: ClassVar[type[Packet] | None] = None
    """The layer of xl's optional data."""

    def _body_class(self) -> type[Packet] | None:
        """The layer of the body; None if nobody specified it."""
        return self.optional

    def _body_octets(self) -> int:
        """Octets of the body."""
        return int(self.getfieldval(self.length_field))

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        """What the user bound to it goes before what the protocol says."""
        bound = super().guess_payload_class(payload)
        return self._body_class() or bound if bound is conf.raw_layer else bound

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes | None]:
        length = self._body_octets()
        body, rest = s[:length], s[length:]
        size = -len(body) % self.alignment
        if rest[:size] != bytes(size):
            self.fields[PADDING] = rest[:size]
        return body, rest[size:]

    def do_dissect_payload(self, s: bytes) -> None:
        body = None if s else self._body_class()
        if body is not None and issubclass(body, _Layer) and not body.minimum:
            self.add_payload(body())  # an empty body is one too: a signal
        super().do_dissect_payload(s)

    def do_build(self) -> bytes:
        built: bytes = super().do_build()
        padding = self.fields.get(PADDING)
        return built + (bytes(-len(built) % self.alignment) if padding is None else padding)


class _Record(_Framed):
    """The header of a record, with the body as its payload and the padding at its end."""

    bodies: ClassVar[Mapping[int, type[Packet]]] = {}
    """By type."""
    streams: ClassVar[frozenset[int]] = frozenset()
    """Types whose length says nothing, because another layer's stream follows."""

    @property
    def pfns(self) -> list[int]:
        """Frame numbers of a pages record."""
        return self.payload.pfns if isinstance(self.payload, _PageList) else []

    @classmethod
    def tcp_reassemble(cls, data: bytes, metadata: dict[str, Any], session: dict[str, Any]) -> Packet | None:
        """Scapy's hook for streams: the record at the beginning of `data`, with what follows it as padding layer; None
        as long as it is not all there."""
        if len(data) < cls.minimum:
            return None
        length = cls(data[: cls.minimum])._body_octets()
        whole = cls.minimum + length + -(cls.minimum + length) % cls.alignment
        return cls(data) if len(data) >= whole else None

    def _body_class(self) -> type[Packet] | None:
        return self.bodies.get(self.type)

    def _body_octets(self) -> int:
        return 0 if self.type in self.streams else super()._body_octets()


def padding_field() -> ConditionalField:
    """Of a record: None are the zeros that belong there, anything else is what is there instead."""
    return ConditionalField(Padding(PADDING, None), lambda packet: packet.fields.get(PADDING) is not None)


class XlMessage(_Item):
    """A text of xl's handshake with the NUL and the status octet that belong to it. tools/xl/xl_migrate.c."""

    name = "xl message"
    fields_desc: ClassVar[list[Any]] = [Blob("octets", b"")]

    def mysummary(self) -> str:
        known = next((one.name for one in MESSAGES.values() if self.octets.startswith(one.octets)), None)
        return f"xl {known}" if known else f"xl text {shown_octets(self.octets)}"


class ToolstackMessage(_Item):
    """What xenopsd or libvirt says outside of any record: an HTTP request, a handshake, an error."""

    name = "toolstack message"
    fields_desc: ClassVar[list[Any]] = [Blob("octets", b"")]

    def mysummary(self) -> str:
        record = self.record
        return f"{record.layer} {record.name} {shown_octets(self.octets)}" if record else shown_octets(self.octets)


class TrailingData(_Item):
    """What follows the end of a stream and belongs to nothing. Its octets are not kept, `wirelen` counts them."""

    name = "trailing data"
