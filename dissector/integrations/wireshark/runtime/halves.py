"""One direction of a connection: its segments in any order to octets in order for its parser.

Theory of operation. Octets may be missing when later ones arrive. Where they are page contents nobody waits: the hole
is noted, and filled or not. Where they are needed, what comes behind them is held until they come, or until it is
certain that they were not captured: they were acknowledged so long ago that reordering is over; too much is held; no
packet follows. A packet is taken in once, in the order of the capture, and found again by its place: frames are shown
in any order, any number of times. What has begun ends with a FIN or RST, or when no packet follows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from dissector.events import FORWARD, Gap, Position
from dissector.integrations.wireshark.runtime.octets import above, octets_of
from dissector.integrations.wireshark.runtime.shown import Shown
from dissector.parser.entries import ENTRY_SIZE
from dissector.parser.item import Item
from dissector.parser.resync import BANNER, FORWARD_MAGICS
from dissector.protocol import Expect
from dissector.tcp.connections import FIN, RST
from dissector.tcp.half_connection import HALF_SPACE, REORDER_FRAMES, SEQUENCE_SPACE

if TYPE_CHECKING:
    from dissector.integrations.wireshark.runtime.parsing import ShowingParser

HELD_MAX = 8 << 20
"""Octets that a half holds at most."""

HOLES_MAX = 1 << 10
"""Holes of a half that may still be filled."""

TURN = 1 << 30
"""Octets after which a place is marked: near enough to tell the turns of the sequence numbers apart."""


Origin: TypeAlias = Callable[[int], tuple[int, bool]]
"""What the capture tells of a direction, given one of its sequence numbers: that of its first octet, and whether it is
certain."""


@dataclass(eq=False)
class Piece:
    """A segment: `source` has those of its octets that were captured."""

    offset: int
    length: int
    source: bytes
    captured: int
    frame: int
    time: int

    @property
    def end(self) -> int:
        return self.offset + self.length


@dataclass(eq=False)
class Hole:
    """Page contents that are missing, up to an offset: of which item, and what the facts know of it."""

    start: int
    end: int
    shown: Shown
    gap: Gap


class Turn(NamedTuple):
    """A frame, and the offset of what comes after it."""

    frame: int
    offset: int


class Acknowledged(NamedTuple):
    """A frame, and up to which offset the other side had acknowledged by then."""

    frame: int
    acked: int


class Placed:
    """Where the octets of a direction stand by their sequence numbers."""

    def __init__(self) -> None:
        self.base: int | None = None
        """The sequence number of offset 0; None: no packet has told."""
        self.has_origin = False
        """Whether it is certain that this is the direction's first octet."""
        self.next = 0
        """The offset of what arrives next."""

    def set_origin(self, origin: tuple[int, bool]) -> None:
        """Offset 0 is known."""
        self.base, self.has_origin = origin

    def unwrapped(self, seq: int, near: int) -> int:
        """The offset of a sequence number: the one nearest to another (RFC 9293, 3.4)."""
        assert self.base is not None
        distance = (seq - self.base - near) % SEQUENCE_SPACE
        if distance >= HALF_SPACE:
            distance -= SEQUENCE_SPACE
        return near + distance


class ShownHalf(Placed):
    """One direction of a connection that carries migrations."""

    peer: ShownHalf

    def __init__(self, parser: ShowingParser) -> None:
        super().__init__()
        self.parser: ShowingParser = parser
        self.shown: list[Shown] = []
        """Its items, in their order."""
        self.trailing: Shown | None = None
        """What goes on as long as the half does."""
        self.next_seq = -1
        """The sequence number of what arrives next, where nothing is held; -1: that is not known."""
        self.last_frame = 0
        """The newest frame that was taken in."""
        self.is_started = False
        self.waits = False
        """Whether octets are held."""
        self.is_withheld = False
        """Whether TCP kept its newest packet back: another dissector may have asked it to put packets together."""
        self.end = -1
        """The offset after its last octet, as a FIN or RST says; -1: none has said."""
        self.known: dict[int, int] = {}
        """Up to which offset the octets of a packet were known before, where some were, by its frame."""
        self.split: dict[int, bytes] = {}
        """Beginnings of entries that a segment's end cuts in two, by the offset of the rest."""
        self.passed_frame = 0
        """Where the newest page contents went by, and when, as long as the parser has not heard of it; 0: it has."""
        self.passed_time = 0
        self.holds = 0
        """Octets that are held."""
        self._parts: list[bytes] = []
        """Of a long list: they come before the parser sees them."""
        self._parts_octets = 0
        self._placed: dict[int, int] = {}
        """Offsets of frames that had no sequence number."""
        self._turns: list[Turn] = []
        self._turned = 0
        """The offset of the newest of them."""
        self._holes: list[Hole] = []
        self._held: list[Piece] = []
        self._acks: list[Acknowledged] = []
        """The other side's, while octets are held."""
        self._settled = 0
        """Up to where it had acknowledged so long ago that reordering is over."""

    # Places

    def place(self, frame: int, offset: int) -> int:
        """Remembers where the octets of a frame without a sequence number stand."""
        self._placed[frame] = offset
        return offset

    def place_new(self, frame: int, seq: int | None, origin: Origin) -> int:
        """The offset of a segment that is looked at for the first time. Without a sequence number it is taken for the
        next one: TCP hands packets over in order, and where some are missing no header is where it should be. `origin`:
        what the capture tells of a sequence number's direction, that of offset 0 and whether it is certain."""
        if seq is None:
            return self.place(frame, self.next)
        if self.base is None and self.next == 0:
            self.set_origin(origin(seq))
        elif self.base is None:
            self.base = (seq - self.next) % SEQUENCE_SPACE
        return self.unwrapped(seq, self.next)

    def place_of(self, frame: int, seq: int | None) -> int | None:
        """The same of one that is looked at again."""
        known = self._placed.get(frame)
        if known is not None:
            return known
        if seq is None or self.base is None:
            return None
        at = above(self._turns, "frame", frame)
        return self.unwrapped(seq, self._turns[at - 1].offset if at else 0)

    def _mark_turn(self, frame: int) -> None:
        """Lets places be found later, without a mark for every packet."""
        if self.next - self._turned >= TURN:
            self._turned = self.next
            self._turns.append(Turn(frame, self.next))

    # Order

    def take(self, piece: Piece, seq: int | None, ack: int | None, flags: int, origin: Origin) -> int:
        """A segment that is looked at for the first time, wherever it stands; its offset."""
        self.parser.capture.next_packet()
        piece.offset = self.place_new(piece.frame, seq, origin)
        self.note_ack(ack, piece.frame)
        self.arrive(piece)
        self.note_end(flags, seq, piece.length)
        return piece.offset

    def take_ack(self, ack: int | None, seq: int | None, flags: int, frame: int) -> bool:
        """An acknowledgement without payload: it may tell that octets were not captured, and what was held behind them
        goes on; or that the connection ends. Whether it may have told anything."""
        if frame <= self.last_frame or (not self.peer.waits and flags & (FIN + RST) == 0):
            return False
        self.parser.capture.next_packet()
        self.note_ack(ack, frame)
        self.note_end(flags, seq, 0)
        return True

    def note_end(self, flags: int, seq: int | None, length: int) -> None:
        """A side closes the connection behind so many octets: what was asked for and has not come will not come, and
        what has begun is all there is of it. A reset counts only where it has to stand (RFC 5961, 3.2)."""
        if flags & (FIN + RST) == 0:
            return
        number = self.parser.migration.number
        ends_it = FIN + RST if self.parser.direction == FORWARD else RST
        if number is not None and flags & ends_it != 0:
            self.parser.capture.kept_of(number).is_over = True
        if seq is None or self.base is None:
            return
        end = self.unwrapped(seq, self.next) + length
        if flags & FIN != 0 or end == self.next:
            self.end = end
            self._end_here(flags & RST != 0)

    def _end_here(self, is_reset: bool = False) -> None:
        """Nothing follows, if all of it has come."""
        if self.next != self.end or self._held or not self.is_started or self.parser.ended is not None:
            return
        self.catch_up()
        self.peer.catch_up()
        self.parser.finish("rst" if is_reset else "fin")
        if is_reset:  # the other side is not heard any more, if it had said anything
            self.peer.parser.hear_reset()

    def arrive(self, piece: Piece) -> None:
        """A segment that is looked at for the first time."""
        self.last_frame = piece.frame
        if piece.offset < self.next:
            is_filled = self._holes and self._fill(piece, min(piece.end, self.next))
            if not is_filled:
                self.known[piece.frame] = min(piece.end, self.next)
        if piece.end <= self.next:
            return
        if self.parser.ended == "capture":
            self.parser.resume()
        missing = piece.offset - self.next
        if missing > 0 and not self._held and self.parser.item is not None and missing < self.parser.skip:
            self._pass_hole(piece.offset, missing)
        if piece.offset <= self.next:
            self._deliver(piece)
            self._drain()
        else:
            self._hold(piece)
            self.judge_gap(piece.frame)
        self.next_seq = -1
        if self.base is not None and not self.waits:
            self.next_seq = (self.base + self.next) % SEQUENCE_SPACE
        self._mark_turn(piece.frame)
        if self.end >= 0:
            self._end_here()

    def note_ack(self, ack: int | None, frame: int) -> None:
        """The sender of this half has acknowledged the other one up to a sequence number; None: it does not say."""
        peer = self.peer
        if ack is not None and peer.base is not None:
            peer.parser.heard.acked = max(peer.parser.heard.acked, peer.unwrapped(ack, peer.next))
        peer.judge_gap(frame)

    def judge_gap(self, frame: int) -> None:
        """Closes gaps of which it is certain that nothing fills them."""
        if not self._held:
            return
        acks = self._acks
        acked = self.parser.heard.acked
        if not acks or acks[-1].acked < acked:
            acks.append(Acknowledged(frame, acked))
        while acks and frame - acks[0].frame >= REORDER_FRAMES:
            self._settled = acks.pop(0).acked
        while self._held and (self._held[0].offset <= self._settled or self.holds > HELD_MAX):
            self._close_gap()

    def flush(self) -> None:
        """No packet follows, as far as is known: what has begun is shown as it is."""
        while self._held:
            self._close_gap()
        if not self.is_started or self.parser.ended is not None:
            return
        # Of one acknowledged octet more nobody knows: it may be a FIN's number.
        acked = self.parser.heard.acked
        end = acked if self.end < 0 and acked > self.next + 1 else self.end
        if end > self.next:
            self._lose(end - self.next)
        self.catch_up()
        self.peer.catch_up()
        self.parser.finish("capture" if self.end < 0 else "fin")

    def _close_gap(self) -> None:
        """What is missing before the first piece held was not captured."""
        self._lose(self._held[0].offset - self.next)
        self._drain()

    def _hold(self, piece: Piece) -> None:
        piece.source = octets_of(piece.source, 0, piece.captured)
        self._held.insert(above(self._held, "offset", piece.offset), piece)
        self.holds += len(piece.source)
        if not self.waits:
            self.waits = True
            self.parser.capture.waiting += 1

    def _drain(self) -> None:
        """Delivers what is held, as far as nothing is missing before it."""
        while self._held and self._held[0].offset <= self.next:
            piece = self._held.pop(0)
            self.holds -= len(piece.source)
            self._deliver(piece)
        if not self._held and self.waits:
            self.waits, self._acks = False, []
            self.parser.capture.waiting -= 1

    def _deliver(self, piece: Piece) -> None:
        known = self.next - piece.offset
        if known > 0:
            self.known[piece.frame] = min(piece.end, self.next)
        if known < piece.length:
            self._feed(piece, known)

    # Holes

    def _pass_hole(self, end: int, length: int) -> None:
        """Page contents are missing: their record goes on without them."""
        self._add_hole(len(self._holes), self.next, end, self.shown[-1])
        if len(self._holes) > HOLES_MAX:
            self._holes.pop(0)
        self.next = end
        self.parser.offset += length
        self.parser.skip -= length

    def _add_hole(self, at: int, start: int, end: int, shown: Shown) -> None:
        parser = self.parser
        gap = Gap(parser.migration.number or 0, parser.direction, start, end - start, shown.item.name)
        self._holes.insert(at, Hole(start, end, shown, gap))
        facts = parser.capture.kept_of(gap.migration).direction(gap.direction)
        facts.gaps.append(gap)
        shown.holes += 1

    def _remove_hole(self, at: int) -> None:
        hole = self._holes.pop(at)
        hole.shown.holes -= 1
        facts = self.parser.capture.kept_of(hole.gap.migration).direction(hole.gap.direction)
        facts.gaps.remove(hole.gap)

    def _fill(self, piece: Piece, end: int) -> bool:
        """Parts of a segment, up to an offset, may fill holes in what was passed over before; whether they do."""
        is_filled = False
        start, at = piece.offset, len(self._holes) - 1
        while at >= 0 and self._holes[at].end > start:
            hole = self._holes[at]
            if hole.start < end:
                is_filled = True
                self._remove_hole(at)
                if end < hole.end:
                    self._add_hole(at, end, hole.end, hole.shown)
                if hole.start < start:
                    self._add_hole(at, hole.start, start, hole.shown)
                self.catch_up()
                self._see(hole.shown, Position(piece.frame, piece.time))
            at -= 1
        return is_filled

    def _see(self, shown: Shown, position: Position) -> None:
        """Octets of an item came later than those behind them."""
        if shown.last is None:
            self.parser.newest = position
        elif shown.last.frame < position.frame:
            shown.last = position

    # Octets

    def fresh_from(self, frame: int, offset: int) -> int:
        """Where in a packet at an offset octets begin that no packet before it had."""
        return max(offset, self.known.get(frame, offset))

    def _feed(self, piece: Piece, known: int) -> None:
        """The next octets are those of a piece, but for the first ones."""
        parser = self.parser
        length = piece.length - known
        captured = max(0, piece.captured - known)
        self.next += length
        if parser.expect is Expect.NOTHING:
            self.catch_up()
            return
        if length < parser.skip:
            self.catch_up()
            parser.pass_over(length, captured >= length, piece.frame, piece.time)
            return
        seen = octets_of(piece.source, known, min(length, captured))
        if not self.is_started:
            self.is_started = True
            parser.start(self._begins_late(seen))
        size = len(parser.buffer) + self._parts_octets
        if len(seen) == length and parser.skip == 0 and size + length < parser.wanted:
            parser.mark(size, Position(piece.frame, piece.time))
            self._parts.append(seen)
            self._parts_octets += length
        else:
            self.catch_up()
            self.peer.catch_up()
            parser.feed(seen, length, captured >= length, piece.frame, piece.time)
        self._remember_split(seen)

    def catch_up(self) -> None:
        """A list that comes in many packets is put together once: here are the parts that wait. And the parser hears
        only now where the last of many page contents was that went by."""
        if self.passed_frame:
            self.parser.newest = Position(self.passed_frame, self.passed_time)
            self.passed_frame = 0
        if self._parts:
            self.parser.buffer += b"".join(self._parts)
            self._parts, self._parts_octets = [], 0

    def _lose(self, length: int) -> None:
        self.catch_up()
        self.next += length
        self.parser.lose(length)

    def _begins_late(self, octets: bytes) -> bool:
        """Whether the octets before the first were not captured: neither begins it anything, nor is the other direction
        known from its beginning on."""
        parser, peer = self.parser, self.peer.parser
        if self.has_origin and parser.offset == 0:
            return False
        if any(one.startswith(octets[:8]) for one in (BANNER, *FORWARD_MAGICS)):
            return False
        return not peer.found or peer.late

    def _remember_split(self, seen: bytes) -> None:
        """A segment ends inside an entry: the packet in which the entry ends has to show all of it."""
        item = self.parser.item
        if item is None or item.body is not None or item.keep == 0:
            return
        size = (self.next - item.offset) % ENTRY_SIZE
        if size:
            known = self.split.get(self.next - len(seen), b"") + seen
            self.split[self.next] = known[len(known) - size :]

    def shown_for(self, item: Item) -> Shown:
        """What is shown of an item: nearly always the newest."""
        at = len(self.shown) - 1
        while self.shown[at].item is not item:
            at -= 1
        return self.shown[at]
