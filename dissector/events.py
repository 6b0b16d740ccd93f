"""What crosses the border between parsing and everything that counts, judges or shows: immutable events.

The parser emits them in the order in which they ended on the wire, and remembers nothing for anybody. Whoever wants
to know more than one event says (facts, rules, views, the Scapy session, the monitor) is a fold over them, and can be
tested with a list of events written by hand.

Every event names its migration, numbered from 0 in its input. Offsets are octets of that direction's TCP payload, 0 the
first of the connection (or of what was captured of it, or of the file): the coordinate that `read` prints, findings
quote and Wireshark's Follow shows. A migration's own octets are those from its `DirectionStarted.offset` to its
`DirectionEnded.offset`; what a second migration on one connection lost or repeated is in no event of the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from dissector.protocol import (
    CONTAINERS,
    ConnectionRole,
    Endianness,
    HeaderSpec,
    Layer,
    Message,
    MessageSpec,
    RecordSpec,
)

Direction: TypeAlias = Literal["forward", "reverse"]
FORWARD: Direction = "forward"
REVERSE: Direction = "reverse"

Spec: TypeAlias = RecordSpec | HeaderSpec | Message | MessageSpec | None

Reason: TypeAlias = Literal["fin", "rst", "reused", "capture", "renewed"]
"""Why no octet follows: the sender closed or reset the connection, its addresses and ports were used again, the capture
(or file) ends, another migration begins on the same connection."""


FOREIGN_OCTETS = "foreign octets"
"""Name of what is none of the stream's octets, in the middle of it."""


StallEnd: TypeAlias = Literal[
    "data", "message", "window", "acknowledgement", "retransmission", "delivery", "closed", "capture"
]
"""What ended a time without payload: the sender went on by itself, or upon a message of the other side; a window that
opened; an acknowledgement; octets that were sent again; a packet that the network had held up; the end of the
connection, or of the capture."""


class Position(NamedTuple):
    """Where in the capture: packet number (from 1; 0 where the input is no capture) and time (ns since the epoch)."""

    frame: int
    time: int


NOWHERE = Position(0, 0)


class Endpoint(NamedTuple):
    """An address and a port, as people write them: `[::1]:80`, `10.0.0.1:80`."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class Flow(NamedTuple):
    """Who sends to whom: the migration's source and destination, whichever direction an event has."""

    source: Endpoint
    destination: Endpoint

    def __str__(self) -> str:
        return f"{self.source} -> {self.destination}"


class Spent(NamedTuple):
    """How long (ns) what held up the sender of a direction, as `tcp/pace.py` tells it."""

    idle: int = 0
    """It had nothing to send."""
    loss: int = 0
    """Octets were lost, or came late."""
    queue: int = 0
    """They stood in a queue, before a link that was busy."""
    growth: int = 0
    """TCP was still finding out how much the network takes."""
    window: int = 0
    """The other side's window was full of octets on their way."""
    closed: int = 0
    """It was full of octets that nobody there had read."""
    unclear: int = 0


NOTHING_SPENT = Spent()


class Held(NamedTuple):
    """What held up the sender between the record before one in its direction and its first octet, and from there to its
    last."""

    before: Spent = NOTHING_SPENT
    within: Spent = NOTHING_SPENT


NOTHING_HELD = Held()


class Stall(NamedTuple):
    """A time without payload in a direction, longer than TCP takes for anything by itself. Times are ns since the
    epoch."""

    start: int
    end: int
    cause: str
    """What held up the sender: one of the fields of `Spent`."""
    ended_by: StallEnd | None
    """None: not clear."""


Extent: TypeAlias = tuple[int, int, int]
"""By how many segments that came from the first of those behind it on, how many octets of them, and how long (ns) a
segment was late."""


class Way(NamedTuple):
    """What a connection showed of the way of one direction's octets. Times are ns; None: nothing shows it."""

    rtt: tuple[int, ...] | None = None
    """Round trips: the shortest, the middle one, and that which 95 of 100 do not exceed."""
    in_flight: tuple[int, int] | None = None
    """Octets that were sent and not acknowledged: the middle of the time, and most."""
    fast: int = 0
    """Segments that were sent again: upon news, without any for long, though the first copy had arrived."""
    timeout: int = 0
    spurious: int = 0
    late: int = 0
    """Segments that came later than those behind them, and had not been sent again."""
    late_by: tuple[Extent, Extent] | None = None
    """How late one was: the middle of each of its numbers, and the most of each; None: none was."""
    window_least: int | None = None
    """Octets of the smallest window that the other side announced."""
    window_closed: int = 0
    """How many times that was none."""
    lag: int | None = None
    """The shortest times from what the other side sent to the sender's answer, where the capture was taken, and from
    octets to their acknowledgement."""
    reply: int | None = None
    side: Literal["sender", "receiver", "middle"] | None = None
    """The place of the capture; None: not clear."""
    queued: tuple[int, int] | None = None
    """How long packets stood in a queue before they came to that place, while they did: the middle of that time, and
    most; None: nothing says that any did."""


class Run(NamedTuple):
    """Consecutive pfns of one page type, in the order of a record's entries. `type` is the number, 0 to 15."""

    first: int
    length: int
    type: int


class Context(NamedTuple):
    """What the headers so far have said of a migration's streams; one object for all events between two changes."""

    layers: tuple[Layer, ...] = ()
    """Layers seen, outermost first."""
    version: int | None = None
    """Of the image header, or as a record's number and body tell where that was lost."""
    endianness: Endianness = "little"
    postcopy: bool = False
    """Whether a record of the postcopy RFC was seen."""
    guest: str | None = None
    """As the domain header names it: a value of GUEST_TYPES, or a number as text."""
    page_shift: int = 12
    guest_width: int | None = None
    """Octets of a word of a PV guest; None: nothing has said it."""
    xen: str | None = None
    """ "4.17"."""
    may_be_in_libxl: bool = False
    """Whether a libxl stream may be around the libxc stream, though no octet of it was seen."""
    legacy: bool = False
    """Whether it is a stream of Xen 4.5 or older, which is not dissected."""
    compressed: bool = False
    """Whether the stream was compressed on the wire: offsets then count its octets as they were before that."""
    tunnelled: bool = False
    """Whether it went in libvirt's messages: offsets then count what was in them."""
    revision: int = 0
    """Counts the changes: of two contexts of one migration the one with the higher number knows more."""

    @property
    def outermost(self) -> Layer | None:
        """The layer whose end ends the stream: the outermost that is a stream of records."""
        return next((layer for layer in self.layers if CONTAINERS[layer].record is not None), None)


NOTHING_SAID = Context()
"""Before any header."""


class MigrationFound(NamedTuple):
    """A migration was recognised."""

    migration: int
    flow: Flow | None
    """None where the input is no capture."""
    position: Position = NOWHERE
    role: ConnectionRole | None = None
    """What its first connection is for, where a migration can have several."""
    encapsulation: tuple[str, ...] = ()
    """What its packets were found in, outermost first: "VXLAN", "GRE", ... Nothing where they were plain."""


class ConnectionJoined(NamedTuple):
    """One more connection turned out to carry a part of the migration.

    Of the connections of one migration the one that carries the image is `memory`, or `migration` where there is none
    such: all events but records are of that one, and so are the records with `Record.connection` None."""

    migration: int
    role: ConnectionRole
    flow: Flow | None
    position: Position = NOWHERE


class DirectionStarted(NamedTuple):
    """What follows in this direction belongs to the migration."""

    migration: int
    direction: Direction
    offset: int
    """Of its first octet."""
    late: bool = False
    """Whether octets of it went before that were not captured."""
    position: Position = NOWHERE


class Record(NamedTuple):
    """A record, a header or a handshake text, complete or as far as it came."""

    migration: int
    direction: Direction
    layer: Layer | None
    """None for octets that belong to no layer ("trailing data", "foreign octets")."""
    name: str
    type: int | None = None
    """The record type on the wire; None for headers and texts."""
    spec: Spec = None
    """The protocol's entry; None for a record type or a text that nobody specified."""
    endianness: Endianness = "little"
    offset: int = 0
    """Of its first octet."""
    length: int = 0
    """Octets on the wire, header and padding included."""
    body_length: int = 0
    """What the header says; of a header or text all of it."""
    body: bytes = b""
    """The body, or its beginning: page contents and the ends of long blobs are not kept."""
    padding: bytes = b""
    runs: tuple[Run, ...] = ()
    """The entries of a pages record that were captured."""
    complete: bool = True
    """False where a gap, a cut or the end of the stream took part of it."""
    whole: bool = True
    """False where the stream ended, or was left, inside it."""
    first: Position = NOWHERE
    """Where the first octet was captured."""
    last: Position = NOWHERE
    """Where the octet was captured that came last."""
    index: int = 0  # type: ignore[assignment]  # nobody looks for values in an event
    """Which item of its direction in its migration, from 0."""
    context: Context = NOTHING_SAID
    """What was known once it was read."""
    acked: int = 0
    """How many octets of the other direction its sender had acknowledged when it was complete (an offset there)."""
    stalls: tuple[Stall, ...] = ()
    """Those of its direction since the record before it ended, as they came."""
    held: Held = NOTHING_HELD
    """What held up its sender."""
    unseen: bool = False
    """Of a text: whether octets had been acknowledged, in either direction, that the capture had not shown."""
    unannounced: bool = False
    """Whether it is of the other layer, and no record handed over to that."""
    connection: ConnectionRole | None = None
    """Of several connections of one migration: which one it was on, unless on the one that carries the image. Its
    offset counts octets of that connection."""
    number: int = 0
    """Which item of the input, from 1, in the order of events: the engine counts. 0: nobody has counted."""

    @property
    def end(self) -> int:
        """The offset after it."""
        return self.offset + self.length

    @property
    def count(self) -> int:  # type: ignore[override]
        """The count a pages record gives itself."""
        return int.from_bytes(self.body[:4], self.endianness) if len(self.body) >= 4 else 0

    @property
    def is_header(self) -> bool:
        return isinstance(self.spec, HeaderSpec)

    @property
    def is_text(self) -> bool:
        """Whether it is a handshake text, known or not."""
        return self.type is None and self.layer is not None and not isinstance(self.spec, HeaderSpec)

    @property
    def is_pages(self) -> bool:
        return isinstance(self.spec, RecordSpec) and self.spec.shape == "pages"

    @property
    def is_misdirected(self) -> bool:
        """Whether it is on the direction that never carries it."""
        return isinstance(self.spec, RecordSpec) and self.spec.direction not in (self.direction, "both")

    def pfns(self) -> Iterator[int]:
        """The pfns of its entries, one by one."""
        for run in self.runs:
            yield from range(run.first, run.first + run.length)


class Gap(NamedTuple):
    """Octets the capture lost."""

    migration: int
    direction: Direction
    offset: int
    length: int
    record: str | None
    """Name of the record in which they begin; None between records, or where the way was lost already."""


class PacketsCut(NamedTuple):
    """Octets of this direction were cut off at the snap length, and may be again; told once."""

    migration: int
    direction: Direction


class WayLost(NamedTuple):
    """A header should have been here, and is not, or cannot be believed: what follows is searched for the next one."""

    migration: int
    direction: Direction
    offset: int


class Resynchronised(NamedTuple):
    """The next header was found again: the next record of this direction begins with it."""

    migration: int
    direction: Direction
    offset: int
    skipped: int
    """Octets since the way was lost."""


class Closed(NamedTuple):
    """The sender of this direction closed ("fin") or reset ("rst") the connection; octets sent before may follow."""

    migration: int
    direction: Direction
    how: Literal["fin", "rst"]
    position: Position


class Progress(NamedTuple):
    """How far a direction has come, record at hand included; emitted when asked for, as `live` does."""

    migration: int
    direction: Direction
    offset: int
    """After the newest octet that was seen."""
    retransmitted: int = 0
    """Octets of it that were captured again."""
    conflicts: int = 0
    """Retransmitted segments that differ from what was seen first."""
    record: str | None = None
    """The record at hand."""
    time: int = 0
    """When the newest octet was captured, ns since the epoch."""
    is_shut: bool = False
    """Whether the other side takes nothing more for now: it has closed its window."""


class DirectionEnded(NamedTuple):
    """No octet of this direction follows for the migration."""

    migration: int
    direction: Direction
    reason: Reason
    offset: int
    """After the last octet that was seen."""
    retransmitted: int = 0
    conflicts: int = 0
    copies: int = 0
    """How many times more than once each of its packets seems to have been captured."""
    in_vain: int = 0
    """Segments that were sent again since the other side was last heard."""
    unheard: int = 0
    """If there are any: the time (ns) from its last packet to the end of the capture."""
    way: Way | None = None
    """What its connection showed of its octets' way."""
    stall: Stall | None = None
    """The time without payload at its end, if the connection or the capture ended then."""
    taken: int | None = None
    """How many of the forward direction's octets the destination had acknowledged by then (an offset there); None: no
    packet of it was captured."""
    hides: bool = False
    """Whether octets of a connection beside the image's were not captured."""


Event: TypeAlias = (
    MigrationFound
    | ConnectionJoined
    | DirectionStarted
    | Record
    | Gap
    | PacketsCut
    | WayLost
    | Resynchronised
    | Closed
    | Progress
    | DirectionEnded
)
