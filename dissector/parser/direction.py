"""The parser of one direction: octets in, events out.

Theory of operation. The parser is one flat state machine. `expect` says what stands next in the octets, and the step of
that name (`steps.py`, `resync.py`) reads it from `buffer`: it either has what it needs, consumes it and says what is
expected then, or leaves everything as it is and says with `has` how many octets it wants to see. So a step may be begun
any number of times, and nothing but the fields below is remembered between two of them. A record, header or text whose
first octets were read is an `Item`; while there is one, the parser is inside it whatever is expected afterwards.

Octets that nobody needs, page contents above all, never enter `buffer`: `skip` says how many of the next ones these
are, and whoever delivers octets may pass over as many with a subtraction.

Where octets are missing (`lose`) or the direction ends (`finish`), `edge` is set and the step is tried once more: one
that can do with what is in sight goes on. If none can, an item that reaches beyond the gap goes on behind it, since its
length says where the next header is; anything else has lost the way, and the next header is searched for.

Invariants: offset + len(buffer) is the offset of the next octet to come, less `skip`, which is 0 while anything is in
`buffer`; events leave in the order of their offsets; a migration's events begin with DirectionStarted.

Limits: `buffer` holds a header, a list of pages (ENTRIES_KEPT), BODY_KEPT octets of any other body, or what the search
looks at; never page contents, unless `keep_pages` asks for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, Protocol, cast

from dissector.events import (
    FORWARD,
    NOTHING_SPENT,
    REVERSE,
    Closed,
    ConnectionJoined,
    Direction,
    DirectionEnded,
    DirectionStarted,
    Event,
    Flow,
    Gap,
    MigrationFound,
    PacketsCut,
    Position,
    Progress,
    Reason,
    Record,
    Resynchronised,
    Spec,
    Spent,
    Stall,
    Way,
    WayLost,
)
from dissector.parser.conversation import MIGRATIONS_MAX, Conversation, ParsedMigration
from dissector.parser.cursor import Cursor
from dissector.parser.entries import PAGES_HEADER_SIZE, page_runs
from dissector.parser.item import UNKNOWN, Item, octets_to_keep
from dissector.parser.spending import begun, held_up, stalls
from dissector.protocol import Endianness, Expect, Layer, MessageSpec, RecordSpec, Role
from dissector.tcp import FOREVER, Paused, Transport

FOREIGN_MAX = 1 << 12
"""As many of them at one place are believed: what carries a stream puts a few dozen before each piece."""

EARLY_GAPS_MAX = 256
"""Gaps that are remembered before a stream is recognised; past it what was before them is not counted."""


class Ending(NamedTuple):
    """How the sender of a direction ended it, and where."""

    how: Literal["fin", "rst"]
    frame: int
    time: int


class NoTransport:
    """Of a bare stream, which nobody acknowledges."""

    acked = retransmitted = conflicts = copies = in_vain = unheard = 0
    is_shut = is_answered = False
    evidence = last_stall = None

    def take_stalls(self) -> tuple[Paused, ...]:
        return ()

    def spent(self) -> Spent:
        return NOTHING_SPENT


class Heard(NoTransport):
    """Of a stream of which whoever follows it says how much the other side has acknowledged."""

    def __init__(self) -> None:
        self.acked = 0


NO_TRANSPORT = NoTransport()


class DirectionParser(Cursor):
    """The parser of one direction, and the consumer of its half-connection's octets."""

    __slots__ = (
        "_before",
        "_begin",
        "_closing",
        "_early_gaps",
        "_is_unheard",
        "_reached",
        "_started",
        "_step",
        "_steps",
        "candidates",
        "conversation",
        "cut",
        "direction",
        "edge",
        "ended",
        "expect",
        "found",
        "handed_over",
        "handshakes",
        "has_foreign",
        "has_gaps",
        "is_first",
        "item",
        "late",
        "layers",
        "looked_at",
        "lost_at",
        "migration",
        "opening",
        "ordinal",
        "peer",
        "resumed",
        "room",
        "says_xl",
        "searched",
        "spent",
        "suspect",
        "trailing",
        "transport",
        "wrapping",
    )

    def __init__(self, conversation: Conversation, steps: Mapping[Expect, Step], is_first: bool = True) -> None:
        """`is_first`: whether the conversation's flow is that of this direction's octets."""
        super().__init__(conversation.note_spans)
        self.conversation = conversation
        self.is_first = is_first
        self.peer: DirectionParser | None = None
        """The parser of the other direction; None in a bare stream."""
        self.transport: Transport = NO_TRANSPORT
        self.direction: Direction = FORWARD
        self.ordinal = 0
        """Which of the conversation's migrations this direction is in."""
        self.migration: ParsedMigration = conversation.migration(0)
        self.expect = Expect.ANYTHING
        self.found = False
        """Whether a stream was recognised in this direction."""
        self.layers: frozenset[Layer] = frozenset()
        """Layers of which this direction carried something; the other one may be ahead while a gap is open."""
        self.item: Item | None = None
        """What is being read."""
        self.room = 0
        """Octets of the newest record: what stands in the middle of it makes it seem to end early by as many."""
        self.trailing: Item | None = None
        """What follows the end of the outermost stream and is no handshake."""
        self.opening: Item | None = None
        """What came first, and began no stream: the text before a banner that may follow."""
        self.says_xl = False
        """Whether it has words of xl's in what may be such a text."""
        self.handed_over: Role | None = None
        """The role of the record with which libxc handed over to libxl, as far as it was seen."""
        self.handshakes = 0
        """How many of xenopsd's it has carried."""
        self.lost_at: int | None = None
        """The offset at which a header should have been, while the way is lost."""
        self.suspect: Item | None = None
        """What would be a record of no known type and no possible length, where nothing is missing: rather octets that
        are none of the stream's, as the search for the next header will tell."""
        self.wrapping: Wrapping | None = None
        """What takes octets off what carries them, before the steps see them."""

        self.edge = False
        """Whether nothing follows directly on what is in `buffer`."""
        self.late = False
        """Whether the direction's beginning was not captured."""
        self.cut = False
        """Whether octets were cut off at the snap length."""
        self.has_gaps = False
        self.has_foreign = False
        """Whether a relay's octets were found between those of the stream."""
        self.ended: Reason | None = None
        self.resumed = -1
        """The offset behind octets that were cut off, where senders like to begin a record."""
        self.searched = 0
        """The offset up to which the search has looked for magics and texts."""
        self.looked_at = 0
        """How many octets it has looked at."""
        self.candidates: dict[Endianness, tuple[int, int]] = {}
        """Of the search, by byte order: the offset of the first candidate that is not judged, and the offset up to
        which octets must have come to judge it."""

        self._steps = steps
        self._step = steps[Expect.ANYTHING]
        self._reached = 0
        """The newest packet that completed an event of this direction."""
        self._started = False
        """Whether DirectionStarted was emitted for the migration at hand."""
        self._closing: Ending | None = None
        """How its sender ended it before that."""
        self._is_unheard = True
        """Whether no packet has told where it begins."""
        self._begin = 0
        """The offset at which the migration at hand begins."""
        self._early_gaps: list[tuple[int, int]] = []
        """Offset and length of gaps before the migration was recognised."""
        self.spent: tuple[int, ...] = NOTHING_SPENT
        """What had held up the sender when the newest item ended."""
        self._before = (0, 0)
        """Octets retransmitted and conflicts before it began."""

    def pair(self, peer: DirectionParser) -> None:
        """Makes two parsers the directions of one connection."""
        self.peer, peer.peer = peer, self

    # What the half-connection asks and calls

    @property
    def lacks(self) -> int:
        return self.wanted - len(self.buffer) if self.wrapping is None and not self.skip else 0

    def attach(self, transport: Transport) -> None:
        self.transport = transport

    def start(self, late: bool) -> None:
        self.late, self._is_unheard = late, False

    def feed(
        self, octets: bytes | memoryview, length: int, whole: bool, frame: int, time: int, more: bool = False
    ) -> None:
        """The next `length` octets. `octets` holds as many as were captured and are needed; `whole` says that none was
        cut off at the snap length; `more`, that further ones follow at once."""
        if self.wrapping is None:
            self.take_in(octets, length, whole, frame, time, more)
            if self.wrapping is not None:
                self.wrapping.begin()
        else:
            self.wrapping.feed(octets, length, whole, frame, time)

    def take_in(
        self, octets: bytes | memoryview, length: int, whole: bool, frame: int, time: int, more: bool = False
    ) -> None:
        """The same, of octets that nothing is to be taken off."""
        position = Position(frame, time)
        while self.skip:
            passed = min(self.skip, length)
            self.pass_by(passed, position)
            if len(octets) < passed and not whole:
                self._note_cut()
            length -= passed
            octets = octets[passed:]
            if self.skip:
                return
            self._run()
            if not length:
                return
        self.append(octets, position)
        missing = length - len(octets)
        if len(self.buffer) >= self.wanted and (missing or not more):
            self._run()
        if missing:
            self._note_cut()
            self._hole(self.end + missing)

    def pass_over(self, length: int, whole: bool, frame: int, time: int) -> None:
        """The next `length` octets, fewer than `skip`, in packets of which only the last is of interest."""
        if self.wrapping is not None:
            self.wrapping.feed(b"", length, whole, frame, time)
            return
        self.pass_by(length, Position(frame, time))
        if not whole:
            self._note_cut()

    def lose(self, length: int) -> None:
        """The next `length` octets were not captured and never will be."""
        if self.wrapping is not None:
            self.wrapping.lose(length)
        else:
            self.miss(length)

    def miss(self, length: int) -> None:
        """The same, of octets that nothing is to be taken off."""
        self.end_suspicion()
        start = self.end
        if self.expect is not Expect.NOTHING:
            self.has_gaps = True
            self._note_gap(start, length)
        self._hole(start + length)

    def close(self, how: Literal["fin", "rst"], frame: int, time: int) -> None:
        """The sender closed or reset the connection."""
        self._reached = max(self._reached, frame)  # what is told from now on is told behind that
        if not self._started:
            self._closing = Ending(how, frame, time)
        join = self.migration.join
        if join is None or self.migration.aside is None or "memory" not in join.roles:
            self.emit_of(lambda number: Closed(number, self.direction, how, Position(frame, time)), frame, aside=True)

    def finish(self, reason: str) -> None:
        """No octet follows."""
        self.ended = cast(Reason, reason)
        self._meet_edge()
        self.end_suspicion()
        item, self.item = self.item, None
        if item is not None:
            if item.body is None:
                item.body = self.take(len(self.buffer))
            self._emit_item(item, self.offset, b"", whole=False)
        self.end_trailing(len(self.buffer))
        self.offset += len(self.buffer)  # a header that was cut short was seen as well
        self.expect_next(Expect.NOTHING)
        self._end(self.ended)
        self._catch_up()

    def progress(self) -> Progress | None:
        """How far it has come; None where no migration goes on in it, or only a part beside its image."""
        number = self.migration.number
        if not self._started or self.ended is not None or number is None or self.migration.aside is not None:
            return None
        name = self.item.name if self.item is not None else None
        shut = self.transport.is_shut
        return Progress(number, self.direction, self.end, *self._repeated(), name, self.last_time, shut)

    def report_progress(self) -> None:
        """Emits how far it has come."""
        progress = self.progress()
        if progress is not None:
            self.conversation.emit(progress, self._reached)

    def _catch_up(self) -> None:
        """Where the other direction is in a later migration: this one has ended, and carried nothing of that."""
        peer = self.peer
        while peer is not None and self.ended is not None and self.ordinal < peer.ordinal:
            self._move_on()
            self._start()
            self._end(self.ended)

    # What the steps call

    def expect_next(self, what: Expect) -> None:
        """What stands next. Of what is of no interest nothing is kept."""
        self.expect, self._step, self.wanted = what, self._steps[what], 0
        if what is Expect.NOTHING:
            self.clear()
            self.skip = FOREVER

    def begin(
        self,
        layer: Layer | None,
        name: str,
        type: int | None,
        spec: Spec,
        endianness: Endianness,
        header: int,
        body_length: int,
        padding: int = 0,
        unannounced: bool = False,
        carried: int | None = None,
        then: Expect | None = None,
    ) -> None:
        """An item begins at the first octet in `buffer`, with `header` octets that are no part of its body. `carried`:
        octets of the body that do follow, if not `body_length`."""
        self.damaged = False
        self.newest = self.position()
        length = body_length if carried is None else carried
        keep = length if self.conversation.keep_pages else octets_to_keep(spec, length)
        offset = self.offset
        self.item = Item(
            layer,
            name,
            type,
            spec,
            endianness,
            offset,
            self.newest,
            body_length,
            offset + header + length,
            padding,
            keep,
            None,
            unannounced,
            then,
            begun(self.transport),
        )
        if then is Expect.LEGACY:
            # Its own event has to say so: none follows it.
            self.migration.learn(legacy=True)
        if header:
            self.consume(header)

    def abandon_item(self) -> None:
        """Emits the item at hand as far as it was read: its length is not believed, and not followed."""
        item, self.item = self.item, None
        assert item is not None
        item.body = b""
        self._emit_item(item, self.offset, b"", whole=False)

    def suspect_item(self, header: int) -> None:
        """The item at hand is rather none: what it is shows with the next header. `header`: octets of its header."""
        item, self.item = self.item, None
        assert item is not None
        item.body, item.keep = b"", header
        self.suspect = item
        self.consume(1)
        self.handed_over = None
        self._search_from_here()

    def end_suspicion(self) -> None:
        """It was a record after all, if a broken one, and the way is lost behind its header."""
        item, self.suspect = self.suspect, None
        if item is not None:
            end = item.offset + item.keep
            self._emit_item(item, end, b"", whole=False)
            self.lost_at = end
            self.emit_of(lambda number: WayLost(number, self.direction, end))

    def lose_way(self, expected: int, resume: int) -> None:
        """A header should have been at one offset, octets go on at another: the next one is searched for there."""
        self.jump(resume)
        self.resumed = resume if self.cut else -1
        if self.found and self.lost_at is None:
            self.lost_at = expected
            self.emit_of(lambda number: WayLost(number, self.direction, expected))
        self.handed_over = None
        self._search_from_here()

    def regain_way(self, expect: Expect) -> None:
        """The next octet begins what is expected now."""
        item = self.suspect
        most = FOREIGN_MAX if self.is_relayed else min(FOREIGN_MAX, self.room)
        if item is not None and 0 < self.offset - item.offset <= most:
            self.suspect, self.has_foreign = None, True
            item.turn_foreign(self.offset)
            self._emit_item(item, self.offset, b"", whole=True)
        self.end_suspicion()
        if self.lost_at is not None:
            skipped, self.lost_at = self.offset - self.lost_at, None
            offset = self.offset
            self.emit_of(lambda number: Resynchronised(number, self.direction, offset, skipped))
        self.expect_next(expect)

    def give_up(self, length: int) -> None:
        """Nothing can be made of what follows: octets are missing (as many as `length`) without which it says nothing.
        What is at hand ends here."""
        if length:
            self.has_gaps = self.damaged = True
            self._note_gap(self.end, length)
        self.skip = 0
        item, self.item = self.item, None
        if item is not None:
            item.body = item.body if item.body is not None else self.take(len(self.buffer))
            self._emit_item(item, self.offset, b"", whole=False)
        self.lose_way(self.end, self.end)
        self.expect_next(Expect.NOTHING)

    def recognise(self, direction: Direction) -> None:
        """The next octet belongs to a stream of this direction: so the other direction is the other one."""
        migration, peer = self.migration, self.peer
        self.direction, self.found = direction, True
        frame = max(self._reached, self.position().frame)
        if peer is not None and not peer.found:
            peer.direction = REVERSE if direction == FORWARD else FORWARD
        was_known = migration.number is not None
        is_first = migration.open()
        flow = self.flow(self if direction == FORWARD else peer)
        assert migration.number is not None
        if is_first:
            encapsulation = self.conversation.encapsulation
            found = MigrationFound(migration.number, flow, self.position(), migration.role, encapsulation)
            # Before all that its directions say, of which one may have waited for what the other one shows.
            reached = frame if peer is None else min(frame, peer._reached)
            self.conversation.emit(found, reached)
        elif not was_known and migration.role is not None:
            joined = ConnectionJoined(migration.number, migration.role, flow, self.position())
            self.conversation.emit(joined, frame)
        if not was_known and migration.join is not None and migration.role is not None:
            migration.join.add(migration.role, (self,) if peer is None else (self, peer))
        self._reached = frame
        self._start()
        if peer is not None and peer.ordinal == self.ordinal and not peer.found:
            says_little = migration.says_handshakes
            if peer.direction == REVERSE and peer.expect is Expect.ANYTHING:
                if not says_little:
                    peer.drop()
                peer.expect_next(Expect.REVERSE)
            peer._start()
            if peer.ended is not None:
                peer._end(peer.ended)
            if says_little and peer.wrapping is None:
                peer._run()  # what it said before may be all it says
        elif peer is not None:
            peer._catch_up()

    def enter(self, layer: Layer) -> None:
        """Something of this layer was seen in this direction."""
        self.layers |= {layer}
        self.migration.enter(layer)

    def say(self, spec: MessageSpec, body: bytes, position: Position) -> None:
        """Emits a message that stood outside of the octets that are counted here."""
        if self._started:
            item = Item(spec.layer, spec.name, None, spec, "big", self.end, position, len(body), self.end, body=body)
            newest, self.newest = self.newest, position
            self._emit_item(item, self.end, b"", whole=True)
            self.newest = newest

    def renew(self) -> None:
        """The migration at hand is over in this direction: the next octet in `buffer` belongs to another one."""
        self.end_trailing(0)
        self._end("renewed")
        self._move_on()

    def end_trailing(self, here: int) -> None:
        """Emits what followed the end of a stream and was no handshake, up to a place in the buffer."""
        item, self.trailing = self.trailing, None
        if item is not None:
            self._emit_item(item, self.offset + here, b"", whole=True)

    def drop(self) -> None:
        """Forgets what is in `buffer`, for a step that is about to look for something else."""
        if self.expect is not Expect.NOTHING:
            self.jump(self.end)

    def ignore(self) -> None:
        """No octet of the connection is of any interest."""
        for parser in (self, self.peer):
            if parser is not None:
                parser.expect_next(Expect.NOTHING)

    def wrap(self, wrapping: Wrapping) -> None:
        """What is in `buffer`, and all that follows, is inside something: it goes through that first."""
        self.wrapping, self.wanted = wrapping, FOREVER

    def begin_state(self, layer: Layer, name: str, type: int, spec: Spec, header: int) -> None:
        """A record whose header does not say how long it is begins; its header is in `buffer`."""
        self.damaged = False
        self.newest = position = self.position()
        self.trailing = Item(layer, name, type, spec, "little", self.offset, position, 0, self.offset)
        self.consume(header)
        self.expect_next(Expect.XENOPS_STATE)

    def note_opening(self, keep: int) -> None:
        """The first octets of a connection go out of sight, and begin no stream."""
        body = bytes(self.buffer[:keep])
        self.opening = Item("xl", "text", None, None, "little", 0, self.position(), 0, 0, body=body)

    def end_opening(self, item: Item) -> None:
        """Up to here they were a text."""
        self.opening = None
        item.body_length = item.end = self.offset
        self._emit_item(item, self.offset, b"", whole=True)

    def begin_trailing(self) -> None:
        """What follows the end of the outermost stream is no handshake: it is passed over, up to another stream."""
        self.damaged = False
        self.newest = position = self.position()
        self.trailing = Item(None, "trailing data", None, None, "little", self.offset, position, 0, self.offset)
        self._search_from_here()

    def is_ahead_of(self, other: DirectionParser) -> bool:
        """Whether this direction is in a later migration than the other, and the sender of that has heard of it."""
        return self.ordinal > other.ordinal and self.transport.acked > self._begin

    @property
    def is_relayed(self) -> bool:
        """Whether a relay's octets stand in either direction."""
        return self.has_foreign or (self.peer is not None and self.peer.has_foreign)

    @property
    def may_begin_anew(self) -> bool:
        """Whether a banner here is not the first of the connection."""
        return (self.offset > self._begin or self.peer_is_over) and self.ordinal < MIGRATIONS_MAX

    @property
    def peer_is_over(self) -> bool:
        """Whether the outermost stream of the other direction has ended."""
        peer = self.peer
        return peer is not None and (
            peer.ordinal > self.ordinal or peer.expect is Expect.CLOSING or peer.trailing is not None
        )

    def emit_of(self, make: Callable[[int], Event], frame: int = 0, aside: bool = False) -> None:
        """Hands on an event of the migration at hand, if that was recognised. `aside`: also of a connection that does
        not carry the image."""
        if self._started and self.migration.number is not None and (aside or self.migration.aside is None):
            self.conversation.emit(make(self.migration.number), max(self._reached, frame))

    def flow(self, source: DirectionParser | None) -> Flow | None:
        """The conversation's flow, given the parser of what the source sends."""
        flow = self.conversation.flow
        if flow is None or source is None:
            return flow
        return flow if source.is_first else Flow(flow.destination, flow.source)

    # Items

    def _read_item(self, item: Item) -> bool:
        """Goes on with the item at hand. Whether it came any further."""
        buffer = self.buffer
        if item.body is None:
            keep = item.keep
            if keep == UNKNOWN:
                if not self.has(PAGES_HEADER_SIZE):
                    return False
                keep = item.keep_listed(buffer, item.end - self.offset)
            if len(buffer) < keep:
                self.wanted = keep
                return False
            item.body = self.take(keep)
            if self.offset < item.end:
                self.leave(item.end - self.offset)
                if self.skip:
                    return True
        if len(buffer) < item.padding:
            self.wanted = item.padding
            return False
        self._finish_item(item, self.take(item.padding) if item.padding else b"")
        return True

    def _finish_item(self, item: Item, padding: bytes) -> None:
        self.item = None
        spec = item.spec
        if isinstance(spec, RecordSpec) and spec.tells_width and item.body and not self.damaged:
            self.migration.learn(guest_width=int.from_bytes(item.body[:1], item.endianness))
        self._emit_item(item, self.offset, padding, whole=True)
        then = item.then or self.expect
        if then is Expect.OUTER:
            container = self.migration.outer(cast(Layer, item.layer))
            then = (container and container.record) or Expect.CLOSING
        if then is self.expect:
            self.wanted = 0
        else:
            self.expect_next(then)

    def _emit_item(self, item: Item, end: int, padding: bytes, whole: bool) -> None:
        """Hands on an item."""
        migration, peer = self.migration, self.peer
        assert migration.number is not None
        if whole:
            self.room = item.end - item.offset
        body = item.body or b""
        runs = page_runs(body, item.endianness) if item.is_pages else ()
        index = migration.items[self.direction]
        migration.items[self.direction] = index + 1
        if self.newest.frame > self._reached:
            self._reached = self.newest.frame
        record = Record(
            migration.number,
            self.direction,
            item.layer,
            item.name,
            item.type,
            item.spec,
            item.endianness,
            item.offset,
            end - item.offset,
            item.body_length,
            body,
            padding,
            runs,
            whole and not self.damaged,
            whole,
            item.first,
            self.newest,
            index,
            migration.context,
            peer.transport.acked if peer is not None else 0,
            stalls(self),
            held_up(self, item),
            item.layer == "xl" and self._may_hide_texts(),
            item.unannounced,
            migration.aside,
        )
        self.conversation.emit(record, self._reached)

    def _may_hide_texts(self) -> bool:
        """Whether octets were acknowledged, in either direction, that the capture has not shown."""
        parsers = (self, self.peer) if self.peer is not None else (self,)
        return any(one.transport.acked > one.end for one in parsers)

    def _note_cut(self) -> None:
        """Octets were cut off at the snap length."""
        self.damaged = True
        if not self.cut and self.expect is not Expect.NOTHING:
            self.cut = True
            self.emit_of(lambda number: PacketsCut(number, self.direction))

    def _note_gap(self, start: int, length: int) -> None:
        if self._started:
            record = self.item.name if self.item is not None else None
            self.emit_of(lambda number: Gap(number, self.direction, start, length, record))
        else:
            self._early_gaps.append((start, length))
            if len(self._early_gaps) > EARLY_GAPS_MAX:
                self._early_gaps.clear()
                self._begin = start + length

    def _run(self) -> bool:
        """Begins steps for as long as they have what they want. Whether any came further."""
        came_further = False
        while not self.skip and len(self.buffer) >= self.wanted:
            item = self.item
            if not (self._read_item(item) if item is not None else self._step(self)):
                break
            came_further = True
            self.wanted = 0
        return came_further

    def _meet_edge(self) -> None:
        """Nothing follows directly: whatever can do with what is in sight goes on."""
        self.edge, self.wanted = True, 0
        while self._run():
            pass
        self.edge = False

    def _hole(self, resume: int) -> None:
        """The next octets are missing, up to an offset."""
        while (missing := resume - self.offset - len(self.buffer)) > 0:
            self.damaged = True
            if missing <= self.skip:
                self.skip -= missing
                self.offset += missing
                self._run()
                continue
            before = (self.offset, self.expect, self.item)
            if not self.skip:
                self._meet_edge()
                if before != (self.offset, self.expect, self.item):
                    continue
            item = self.item
            if item is None and self.expect is Expect.XENOPS_STATE:
                self.jump(resume)  # the state goes on behind it, if not all of it is missing
            elif item is None:
                self.lose_way(self.offset, resume)
            elif resume <= item.whole_end:
                if item.body is None:
                    item.body = self.take(len(self.buffer))
                self.jump(resume)
                self.leave(item.whole_end - resume)
                item.padding = 0
            else:
                if item.body is None:
                    item.body = self.take(len(self.buffer))
                end = item.whole_end
                self.jump(end)
                item.end, item.padding = end, 0
                self._finish_item(item, b"")
                self.lose_way(end, resume)
        self.wanted = 0
        self._run()

    # Migrations

    def _start(self) -> None:
        """The migration at hand is known in this direction."""
        number = self.migration.number
        if self._started or number is None:
            return
        self._started = True
        # Who speaks first may be recognised before a packet of the other side came: without a SYN that is late, too.
        is_late = self.late or (self._is_unheard and self.peer is not None and self.peer.late)
        late = (is_late and self.ordinal == 0) or (self.direction == FORWARD and self.migration.begins_late)
        frame = self._reached
        if self.migration.aside is None:
            self.conversation.emit(DirectionStarted(number, self.direction, self._begin, late, self.position()), frame)
        closing = self._closing
        if closing is not None:
            at = Position(closing.frame, closing.time)
            self.emit_of(lambda number: Closed(number, self.direction, closing.how, at))
        for offset, length in self._early_gaps:
            self._note_gap(offset, length)
        self._early_gaps.clear()
        if self.cut:
            self.emit_of(lambda number: PacketsCut(number, self.direction))

    def _move_on(self) -> None:
        """To the next migration of the conversation."""
        self.ordinal += 1
        self.migration = self.conversation.migration(self.ordinal)
        self.found, self.lost_at, self._started = False, None, False
        self.layers = frozenset()
        self.handshakes = 0
        self._begin = self.offset
        self._early_gaps.clear()
        self._before = self.transport.retransmitted, self.transport.conflicts

    def _end(self, reason: Reason) -> None:
        again, conflicts = self._repeated()
        migration, number = self.migration, self.migration.number
        if not self._started or number is None:
            return
        side = self.transport
        evidence = side.evidence
        way = None if evidence is None else Way(*evidence)
        stall = None if side.last_stall is None else Stall(*side.last_stall)
        counts = (again, conflicts, side.copies, side.in_vain, side.unheard, way, stall, self._taken())
        ended = DirectionEnded(number, self.direction, reason, self.offset, *counts)
        join = migration.join
        for one in [ended] if join is None else join.end(self, ended, migration.aside is not None):
            self.conversation.emit(one, self._reached)

    def _taken(self) -> int | None:
        """How many octets of the forward direction are known to have arrived; None: nothing tells."""
        forward = self if self.direction == FORWARD else self.peer
        return forward.transport.acked if forward is not None and forward.transport.is_answered else None

    def _repeated(self) -> tuple[int, int]:
        """Octets retransmitted and conflicts since the migration at hand began."""
        octets, conflicts = self._before
        return max(self.transport.retransmitted - octets, 0), self.transport.conflicts - conflicts

    def _search_from_here(self) -> None:
        self.searched = self.offset
        self.candidates.clear()
        self.expect_next(Expect.ANYTHING)


class Wrapping(Protocol):
    """Takes octets off what carries them (`wrapping.py`)."""

    def begin(self) -> None:
        """What is in the parser's buffer is the beginning of what is to be taken off."""

    def feed(self, octets: bytes | memoryview, length: int, whole: bool, frame: int, time: int) -> None:
        """As `DirectionParser.feed`."""

    def lose(self, length: int) -> None:
        """As `DirectionParser.lose`."""


Step = Callable[[DirectionParser], bool]
"""Reads what is expected from the parser's buffer. Whether it came any further."""
