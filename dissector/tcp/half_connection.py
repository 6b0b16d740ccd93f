"""One direction of a TCP connection: segments in any order go in, octets in order and gaps come out.

Theory of operation. A half-connection knows the offset of the next octet it has to deliver (`next`). A segment that
begins there goes to the consumer at once; one behind it is held, or, inside what the consumer does not need (its
`skip`), only the extent of it; one before it came again. Octets that were held follow once those before them are
there. A gap stays open until something proves that its octets will never come: an acknowledgement beyond it and
reordering no longer possible, the end of the connection, or the bound on what may be held. Traffic of the other
direction alone proves nothing.

What a segment says is judged by its number as a receiver would judge it (RFC 9293, 3.10.7.4, and RFC 5961, 3 to 5):
what lies outside the window changes nothing. Captures lose packets, so a segment outside it is only doubted: the next
one, if it goes on from there, or its acknowledgement confirms it.

Invariants. `told <= next`, equal whenever careful code runs; `held` is in order, without overlap, and begins behind
`next`; every octet goes to the consumer once, the one seen first wins; after `finish` the consumer hears nothing.

Limits. Of octets delivered, RECENT stay comparable with a retransmission. What is held costs PIECE_COST a piece beside
its octets; a half may hold a quarter of the budget of all, and past that of all whoever holds most gives up first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from dissector.capture.link import LARGEST_WINDOW, NO_SHIFT, Segment
from dissector.tcp.core import COPY, MASK, NEVER, PIECE_COST, WINDOW_LEAST, Half
from dissector.tcp.pace import STALL, Evidence, Pace, Paused

if TYPE_CHECKING:
    from dissector.tcp.connections import Connection

Octets = bytes | memoryview

SEQUENCE_SPACE = 1 << 32
HALF_SPACE = 1 << 31

FOREVER = 1 << 62
"""A `skip` that no stream outlives: a consumer that wants nothing more publishes it."""

REORDER_FRAMES = 256
"""How many packets of the capture after an acknowledgement beyond it a gap may still be filled: captures from
several receive queues interleave by a few dozen packets, retransmissions are acknowledged only once filled."""

PIECES_CROSSED = 16
"""Pieces that a segment may overlap before they become one, lest each such segment cost as much again."""

RECENT = 1 << 13
"""How many delivered octets stay comparable with a retransmission that overlaps them: few, because every
connection of a capture keeps as many."""

EACH_LEAST = 1 << 16
"""Octets that a half may hold however small the budget of all is."""

COPIED_LEAST = 1 << 16
"""Octets of a half all of which a network hardly sends again, however bad it is."""

TOGETHER = 1 << 10
"""Octets below which what was delivered is remembered together with what follows: small segments are many."""

SHIFT_UNKNOWN = 7
"""The window scale where the handshake was not captured: what most systems have."""

ORDER_FRAMES = 4096
"""Packets of the capture after which nobody's order waits for octets that are held: see `Budget.oldest`."""


class Transport(Protocol):
    """What a consumer may ask of the half-connection whose octets it receives, whenever it likes."""

    @property
    def acked(self) -> int:
        """Octets of this half that the other side has acknowledged."""

    @property
    def is_answered(self) -> bool:
        """Whether any packet of the other side was captured: if not, nothing tells what it has acknowledged."""

    @property
    def retransmitted(self) -> int:
        """Octets that were sent again."""

    @property
    def conflicts(self) -> int:
        """Retransmissions that differed from what was seen first."""

    @property
    def copies(self) -> int:
        """How many times more than once each packet seems to have been captured."""

    @property
    def in_vain(self) -> int:
        """Segments that were sent again since the other side was last heard."""

    @property
    def unheard(self) -> int:
        """If there are any: the time (ns) from the other side's last packet to the end of the capture or, if the
        connection has ended before, to the newest of them."""

    @property
    def is_shut(self) -> bool:
        """Whether the other side takes nothing: the window that it announced last is closed."""

    def take_stalls(self) -> Sequence[Paused]:
        """Those since this was last asked, as they came."""

    @property
    def last_stall(self) -> Paused | None:
        """How long no payload has come until the connection was closed or, if it was not, to the end of the capture;
        None where that is no stall, or the capture goes on."""

    def spent(self) -> Sequence[int]:
        """How long (ns) each of `pace.CAUSES` has held up its sender so far."""

    @property
    def evidence(self) -> Evidence | None:
        """What that rests on; None: nothing was seen of it."""


class Consumer(Protocol):
    """What receives a half-connection's octets, each of them exactly once and in order."""

    skip: int
    """How many of the next octets it does not need: lengths are enough for those. FOREVER: it wants nothing more; once
    both consumers of a connection say so, they are finished and the connection is ignored."""

    @property
    def lacks(self) -> int:
        """How many of the next octets it has to have before it does anything with them; 0: it may with the next one."""

    def attach(self, transport: Transport) -> None:
        """The connection is opened. Called once, before everything else."""

    def start(self, late: bool) -> None:
        """Offset 0 is known; late: it is not the first octet of the connection, only of what was captured."""

    def feed(self, octets: Octets, length: int, whole: bool, frame: int, time: int, more: bool = False) -> None:
        """The next `length` octets. `octets` holds as many as were captured and are needed; `whole` says that
        none was cut off at the snap length; `more`, that further ones follow at once: so it may wait for those."""

    def pass_over(self, length: int, whole: bool, frame: int, time: int) -> None:
        """The next `length` octets, all of them inside `skip`, in packets of which nobody needs to know any but
        the last."""

    def lose(self, length: int) -> None:
        """The next `length` octets were not captured and never will be."""

    def close(self, how: Literal["fin", "rst"], frame: int, time: int) -> None:
        """The sender of this half ended it, in this packet; octets sent before may follow. Called once at most."""

    def finish(self, reason: str) -> None:
        """No octet follows. Reason: "fin", "rst", "reused" (a new connection with the same addresses and
        ports), "capture" (the capture ends first, or the connection is no longer followed)."""


@dataclass(slots=True, eq=False)
class Piece:
    """A segment, or part of one, that waits for the octets before it."""

    offset: int
    length: int
    octets: bytes
    whole: bool
    frame: int
    """The newest packet of the piece."""
    time: int
    since: int = 0
    """The oldest packet of the piece."""
    is_held: bool = True
    began: int = 0
    """When the first of its octets came."""
    order: int = 0
    """Which of the segments out of order that was."""

    @property
    def end(self) -> int:
        return self.offset + self.length

    @property
    def cost(self) -> int:
        return PIECE_COST + len(self.octets)


class Budget:
    """The octets that all half-connections together may hold, and who holds them."""

    def __init__(self, octets: int = 8 << 20) -> None:
        self.free = octets
        self.each = max(octets // 4, EACH_LEAST)
        """What one of them may hold."""
        self.waiting: dict[HalfConnection, None] = {}
        """Those with an open gap, the one that has waited longest first."""
        self.frame = 0
        """The newest packet of the capture."""
        self.ended = 0
        """The time (ns since the epoch) at which the capture ended; 0 before."""
        self._by_size: list[dict[HalfConnection, None]] = [{} for _ in range(octets.bit_length() + 1)]
        """The same, by the bit length of what they hold: who holds most is found at once."""
        self._arrivals: deque[Piece] = deque()
        """The pieces that are held and some that no longer are, as they came."""
        self._count = 0

    def take(self, half: HalfConnection, pieces: Sequence[Piece]) -> None:
        """A half begins to hold pieces."""
        self._arrivals += pieces
        self._count += len(pieces)
        if len(self._arrivals) > 2 * self._count + 64:
            self._arrivals = deque(one for one in self._arrivals if one.is_held)
        self.resize(half, sum(piece.cost for piece in pieces))

    def give_back(self, half: HalfConnection, pieces: Sequence[Piece]) -> None:
        """It holds them no longer."""
        for piece in pieces:
            piece.is_held = False
        self._count -= len(pieces)
        self.resize(half, -sum(piece.cost for piece in pieces))

    def resize(self, half: HalfConnection, more: int) -> None:
        """A half holds so much more."""
        before = half.holds.bit_length()
        half.holds += more
        self.free -= more
        after = half.holds.bit_length()
        if before != after:
            self._by_size[min(before, len(self._by_size) - 1)].pop(half, None)
            if after:
                self._by_size[min(after, len(self._by_size) - 1)][half] = None
        if half.holds and half not in self.waiting:
            self.waiting[half] = None
        elif not half.holds:
            self.waiting.pop(half, None)

    def relieve(self, half: HalfConnection) -> None:
        """Gives up gaps while more is held than may be: of the half that has just taken more than one may have, and of
        those that hold most, so that the greedy do not take the room of all others."""
        while half.holds > self.each:
            half.close_first_gap()
        while self.free < 0:
            largest = next(halves for halves in reversed(self._by_size) if halves)
            next(iter(largest)).close_first_gap()

    def oldest(self) -> int | None:
        """Number of the packet since when the oldest octets wait that are held; None if none are. What has waited for
        more than ORDER_FRAMES packets does not count: no connection holds up others for longer."""
        arrivals = self._arrivals
        while arrivals and (not arrivals[0].is_held or arrivals[0].since < self.frame - ORDER_FRAMES):
            arrivals.popleft()
        return arrivals[0].since if arrivals else None

    def forget(self) -> None:
        """Nobody's order waits for what is held by now."""
        self._arrivals.clear()


class Ending(NamedTuple):
    """A packet by which a side ended what it sends."""

    how: Literal["fin", "rst"]
    frame: int
    time: int
    acked: int
    """The other half's acknowledgements by then: a side that goes on acknowledging has not ended. NEVER: it went on."""


class HalfConnection(Half):
    """The careful half of what `Half` is the fast half of, and the `Transport` of its consumer. Offsets count payload
    octets from 0, the first of the connection or, where its beginning was not captured, of what was captured."""

    __slots__ = (
        "_budget",
        "_doubted",
        "_is_closed",
        "_proved",
        "_recent",
        "_recent_octets",
        "_reset_at",
        "_row",
        "_seen_acked",
        "base",
        "conflicts",
        "connection",
        "consumer",
        "end",
        "ending",
        "finished",
        "held",
        "holds",
        "key",
        "lost",
        "pace",
        "shift",
    )

    peer: HalfConnection
    connection: Connection

    def __init__(self, key: bytes, consumer: Consumer, budget: Budget) -> None:
        super().__init__()
        self.key = key
        self.consumer = consumer
        self.held: list[Piece] = []
        self.holds = 0
        """What the pieces held cost."""
        self.base: int | None = None
        """Sequence number of offset 0."""
        self.shift: int | None = None
        """The scale of the window that this side announces, as its SYN says; None: that was not captured."""
        self.end: int | None = None
        """Offset after the last octet, as a FIN or RST says."""
        self.ending: Ending | None = None
        """That packet; or, while `end` is None, a reset inside the window which nothing has confirmed."""
        self.finished = False
        self.lost = 0
        """Octets before `next` that were not captured."""
        self.conflicts = 0
        self._budget = budget
        self._is_closed = False
        self._reset_at = 0
        self._doubted: Piece | None = None
        self._proved = 0
        self._row = 0
        """Offset of the first of the pieces at the end of `held` that have no gap between them."""
        self._seen_acked = 0
        self._recent: list[tuple[int, bytes]] = []
        self._recent_octets = 0
        self.pace = Pace(self)
        """What holds up its sender."""
        consumer.attach(self)

    # What a consumer may ask

    @property
    def is_answered(self) -> bool:
        return self.peer.spoke != -NEVER

    @property
    def is_shut(self) -> bool:
        return not self.peer.window & LARGEST_WINDOW

    def take_stalls(self) -> Sequence[Paused]:
        return self.pace.take_stalls()

    @property
    def last_stall(self) -> Paused | None:
        halves = self, self.peer
        closings = [one.ending.time for one in halves if one.ending and (one.end is not None or one.was_reset)]
        end = min(closings, default=self._budget.ended)
        if self.heard == -NEVER or end - self.heard <= STALL:
            return None
        return Paused(self.heard, end, "unclear", "closed" if closings else "capture")

    def spent(self) -> Sequence[int]:
        self.pace.settle()
        return self.pace.spent

    @property
    def evidence(self) -> Evidence | None:
        return self.pace.evidence

    # The fast path

    def look(self, time: int, is_again: bool, options: bytes) -> None:
        self.pace.look(time, is_again, options)

    def note(self, time: int, options: bytes) -> None:
        self.pace.note(time, options)

    def measure(self, time: int) -> None:
        self.pace.measure(time)

    def repeat(self, end: int, time: int) -> None:
        self.pace.repeat(end, time)

    def tell(self) -> None:
        if self.tail_frame:
            self._tell_tail()
        if self.kept:
            self._feed_kept()
        elif self.next != self.told:
            length, self.told = self.next - self.told, self.next
            whole, self.torn = not self.torn, False
            self.consumer.pass_over(length, whole, self.frame, self.time)

    def _tell_tail(self) -> None:
        """What was held at the tail."""
        last = self.held[-1]
        if self.kept:
            kept, self.kept = self.kept, []
            offset, pieces = last.end, []
            order = self.out_of_order - len(kept)
            for frame, time, octets in kept:
                order += 1
                pieces.append(Piece(offset, len(octets), octets, True, frame, time, frame, True, time, order))
                offset += len(octets)
            self.held += pieces
            self._budget.take(self, pieces)
        else:
            last.length = self.tail - last.offset
            last.frame, last.time = self.tail_frame, self.tail_time
        self.tail_frame = 0

    def _feed_kept(self) -> None:
        """What was kept of the next octets."""
        kept, self.kept = self.kept, []
        self.told = self.next
        self._remember(b"".join(octets for _, _, octets in kept), self.next)
        for frame, time, octets in kept:
            self.consumer.feed(octets, len(octets), True, frame, time)

    def hold(self, seq: int, octets: memoryview, frame: int, time: int, options: bytes) -> None:
        self.tell()
        self.segment(seq, octets, len(octets), frame, time, memoryview(options))
        self.allow()

    def allow(self) -> None:
        """Says what the fast path may take from here on."""
        self.proved = self.needs_tail = False
        self.tail_limit = self.hold_limit = self.want_limit = 0
        if self.finished or self.ending is not None or self.heard == -NEVER:
            self.limit = 0
            return
        if self.connection.syn is not None and self.connection.syn[0].key == self.key:
            self.limit, self.compared = 0, NEVER
            return
        consumer = self.consumer
        self.limit = reach = self.next + consumer.skip
        self.room = self._budget.each - self.holds
        if not self.held:
            self.hold_limit = reach
            self.want_limit = self.next + consumer.lacks
            return
        last = self.held[-1]
        self.limit = min(reach, self.held[0].offset)
        self.tail = tail = last.end
        self.tail_seq = self._sequence_of(tail)
        self.proved = self._row <= self._proved and self._doubted is None
        if tail >= reach:
            self.needs_tail, self.tail_limit = True, self.next + HALF_SPACE
            return
        self.hold_limit = reach
        if last.whole and not last.octets:
            self.tail_limit = min(reach, self.next + HALF_SPACE)  # past that a number is one of before

    @property
    def retransmitted(self) -> int:
        """Octets that were sent again, rather than captured several times. What came again at once is such a copy if
        most came so; if copies come late, octets beyond those that these make up were sent again, and copied, too."""
        copies = self.copies
        if not copies:
            return self.again + self.copied
        if 2 * self.copied >= self.octets:
            return self.again
        return max(self.again + self.copied - copies * self.octets, 0) // (copies + 1)

    @property
    def copies(self) -> int:
        return self._copies() or self.peer._copies()

    def _copies(self) -> int:
        """How many times more than once each packet seems to have been captured: where half of what came, or more, came
        again at once, or nearly all of it came again at any time, which no network does to COPIED_LEAST octets."""
        octets, again = self.octets, self.again + self.copied
        is_late = octets >= COPIED_LEAST and 10 * again >= 9 * octets
        return max(1, round(again / octets)) if octets and (is_late or 2 * self.copied >= octets) else 0

    @property
    def in_vain(self) -> int:
        return self.vain if -NEVER < self.peer.spoke < self.resent else 0

    @property
    def unheard(self) -> int:
        return max(self._budget.ended, self.resent) - self.peer.spoke if self.in_vain else 0

    # Numbers

    @property
    def octets(self) -> int:
        """Octets delivered, each counted once."""
        return self.next - self.lost

    def start(self, sequence: int, late: bool) -> None:
        """Offset 0 is at this sequence number."""
        if self.base is None:
            self.base = self.next_seq = self.peer.ack_seq = sequence % SEQUENCE_SPACE
            self.known = True
            self.consumer.start(late)

    def greet(self, segment: Segment, time: int) -> None:
        """Its SYN came."""
        self.pace.greet(time, segment.options)
        self.shift = segment.shift
        # The window of a SYN is not scaled.
        self.window = segment.window >> max(segment.shift or 0, 0)
        if self.peer.shift is not None and self.shift is not None:
            is_scaled = NO_SHIFT not in (self.shift, self.peer.shift)
            self.scale, self.peer.scale = (self.shift, self.peer.shift) if is_scaled else (0, 0)

    def offset_of(self, sequence: int) -> int:
        """The offset of a sequence number, taken as the one nearest to what comes next (RFC 9293, 3.4)."""
        distance = (sequence - self.next_seq) % SEQUENCE_SPACE
        if distance >= HALF_SPACE:
            distance -= SEQUENCE_SPACE
        return self.next + distance

    def _sequence_of(self, offset: int) -> int:
        return (self.next_seq + offset - self.next) & MASK

    def _furthest(self) -> int:
        """The offset after the last octet that was seen or acknowledged."""
        return max(self.next, self.acked, self.held[-1].end if self.held else 0)

    def _edge(self) -> int:
        """The offset up to which the other side's window lets this one send."""
        shift = self.peer.shift
        if NO_SHIFT in (shift, self.shift):
            shift = 0  # it takes both (RFC 7323, 2.2)
        elif shift is None:
            shift = SHIFT_UNKNOWN
        return self._furthest() + max((self.peer.window & LARGEST_WINDOW) << shift, WINDOW_LEAST)

    # What comes

    def hear(self, time: int, length: int, is_again: bool, options: memoryview) -> None:
        """A packet with payload was captured then."""
        if self.heard == -NEVER:
            self.heard = time
        if time > self.due or time < self.heard:
            self.look(time, is_again, bytes(options))
        self.heard, self.size = time, length

    def segment(
        self, sequence: int, octets: memoryview, length: int, frame: int, time: int, options: memoryview
    ) -> None:
        """A segment with `length` payload octets, of which the first len(octets) were captured."""
        offset = self.offset_of(sequence)
        end = offset + length
        is_far = offset - self.next > WINDOW_LEAST and offset > self._edge()
        if is_far and not self._is_confirmed(offset, octets, length, frame, time):
            return
        self.hear(time, length, length > 1 and end <= self.next, options)
        if offset == self.next and not self.held:
            self._deliver(octets, length, len(octets) == length, frame, time)
        elif end <= self.next:
            if length > 1:  # one old octet is a keep-alive, whose content is arbitrary
                if end < self.next or not 0 <= time - self.time < COPY or not time:
                    self.again += length
                    self.vain = self.vain + 1 if self.peer.spoke < self.resent else 1
                    self.resent = time
                    self.repeat(end, time)
                else:
                    self.copied += length
                self._compare_delivered(offset, octets)
        elif offset <= self.next:
            known = self.next - offset
            self.again += known
            self._compare_delivered(offset, octets[:known])
            self._note_fill(self.next, end, time)
            self._hold(self.next, octets[known:], length - known, frame, time)
            self._drain()
        else:
            self._note_fill(offset, end, time)
            self.out_of_order += 1
            self._hold(offset, octets, length, frame, time)
            self._budget.relieve(self)

    def _note_fill(self, offset: int, end: int, time: int) -> None:
        """Octets come up to some that were there already: those before these had been missing until now."""
        if self.held and self.held[-1].end > offset:
            at = bisect_right(self.held, offset, key=lambda piece: piece.offset)
            following = self.held[at : at + REORDER_FRAMES]
            if following and following[0].offset <= end:
                segments = self.out_of_order - following[0].order + 1
                self.pace.fill(time, following[0].began, segments, sum(piece.length for piece in following))

    def acknowledge(self, sequence: int, window: int, time: int) -> bool:
        """The other side has acknowledged everything before this sequence number, and announces a window. Whether that
        is news."""
        if not self.known:
            self.peer.ack_seq = sequence
            return False
        offset = self.offset_of(sequence)
        if offset <= self.acked:
            is_news = offset == self.acked and (window ^ self.peer.window) & LARGEST_WINDOW != 0
            if is_news:
                self.peer.hear_of(time, window)
            return is_news
        is_far = offset - self.next > WINDOW_LEAST and offset > self._edge()
        if is_far and not 0 <= self.doubted_ack <= offset:
            self.doubted_ack = offset
            return False
        self.doubted_ack = -1
        self.peer.hear_of(time, window)
        self.acked, self.peer.ack_seq = offset, sequence
        if offset >= self.probe:
            self.measure(time)
        doubted = self._doubted
        if doubted is not None and doubted.end <= offset:
            self._admit(doubted)
        return True

    def unproved(self) -> int | None:
        """If acknowledgements prove gaps that they did not prove when this was last asked: up to which offset."""
        if self.held and self._proved < min(self.acked, self._row) and self.held[0].offset <= self.acked:
            self._proved = self.acked
            return self.acked
        return None

    def prove(self, offset: int) -> None:
        """What is missing before this offset will not come: it was acknowledged, and reordering is over."""
        while self.held and self.held[0].offset <= offset:
            self.close_first_gap()
        if offset >= self._proved:
            self._proved = 0  # of gaps to come, although they may be before it, nothing is proved

    def settle(self) -> None:
        """Time passes: closes gaps as lost that were acknowledged when this was last called. For a live capture, in
        which no packet may follow by whose number that could be judged."""
        settled, self._seen_acked = self._seen_acked, self.acked
        self.prove(settled)

    # How it ends

    def may_end_at(self, sequence: int, how: Literal["fin", "rst"], frame: int, time: int) -> bool:
        """A FIN, or a RST, with this number: whether it ends this half. A FIN does inside the window, unless octets
        behind it were seen. A reset has to have the very number that the other side expects next (RFC 5961, 3.2): one
        between what it has acknowledged and the last octet seen."""
        ending = Ending(how, frame, time, self.peer.acked)
        if not self.known:
            if how == "fin" or (self.peer.ack_seq and sequence != self.peer.ack_seq):
                return False
            self.ending, self.end = ending, 0
            return True
        offset = self.offset_of(sequence)
        furthest = self._furthest()
        if how == "fin":
            if not (self.held[-1].end if self.held else self.next) <= offset <= self._edge():
                return False
        elif not self.acked <= offset <= furthest + (self.end is not None):
            if offset <= self._edge() and offset > furthest and self.ending is None:
                # Perhaps what was sent before it was not captured, or is late.
                self.ending, self._reset_at = ending, offset
            return False
        if self.end is None:
            self.ending = ending
        self.end = max(self.end or 0, offset if how == "fin" else furthest)
        return True

    def go_on(self, frame: int) -> None:
        """Its sender sends something: so a FIN was none that octets went beyond, nor a reset that was in doubt, unless
        what came late is just what was missing before it."""
        ending = self.ending
        if ending is None:
            return
        if self.end is not None:
            if self.next > self.end and ending.how == "fin":
                self.ending = self.end = None
        elif self.next == self._reset_at:
            self.end = self._reset_at
            self.connection.reset = True
        elif self._furthest() > self._reset_at or frame - ending.frame > REORDER_FRAMES:
            self.ending = None
        else:
            self.ending = ending._replace(acked=NEVER)

    @property
    def was_reset(self) -> bool:
        """Whether a reset that was in doubt is to be believed, now that nothing follows."""
        doubted = self.ending
        return doubted is not None and self.end is None and doubted.acked == self.peer.acked

    def close(self) -> None:
        """Tells the consumer how its sender ended it."""
        if self.ending is not None and not self._is_closed and not self.finished:
            self._is_closed = True
            self.consumer.close(*self.ending[:3])

    def finish(self, reason: str) -> None:
        """The connection or the capture ends: open gaps are lost, and what was acknowledged or closed by a FIN
        yet never captured is a gap at the end."""
        if self.finished:
            return
        while self.held:
            self.close_first_gap()
        missing = self._missing_at_end()
        if missing > 0:
            self._lose(missing)
        if self.end is not None or reason == "rst":
            self.close()
        self.finished = True
        self.compared = NEVER
        self._recent.clear()
        self._doubted = None
        self.consumer.finish(reason)

    def _missing_at_end(self) -> int:
        if not self.octets:
            return 0  # an acknowledgement number alone is no stream
        if self.end is not None:
            return self.end - self.next
        # A FIN that was not captured takes a sequence number too: one acknowledged octet more proves nothing.
        missing = self.acked - self.next
        return missing if missing > 1 else 0

    # What is in doubt

    def _is_confirmed(self, offset: int, octets: memoryview, length: int, frame: int, time: int) -> bool:
        """Whether a segment outside the window goes on from one that was in doubt, which then is believed as well. If
        not, it is doubted itself."""
        doubted = self._doubted
        if doubted is not None and doubted.end == offset:
            self._admit(doubted)
            return True
        self._doubted = Piece(offset, length, bytes(octets), len(octets) == length, frame, time, frame)
        return False

    def _admit(self, piece: Piece) -> None:
        """A segment that was in doubt is believed."""
        self._doubted = None
        if piece.offset > self.next:
            self.out_of_order += 1
            self._hold(piece.offset, memoryview(piece.octets), piece.length, piece.frame, piece.time)

    # What is held

    def _deliver(self, octets: Octets, length: int, whole: bool, frame: int, time: int, more: bool = False) -> None:
        if length > self.consumer.skip:
            self._remember(octets, self.next + len(octets))
        self._advance(length)
        self.time = time
        self.consumer.feed(octets, length, whole, frame, time, more)

    def _lose(self, length: int) -> None:
        self._advance(length)
        self.lost += length
        self.consumer.lose(length)

    def _advance(self, length: int) -> None:
        self.next += length
        self.told = self.next
        self.next_seq = (self.next_seq + length) & MASK

    def _hold(self, offset: int, octets: memoryview, length: int, frame: int, time: int) -> None:
        """Keeps what of a segment is not held yet: the first octet seen wins."""
        end = offset + length
        index = len(self.held)
        if index and self.held[-1].end > offset:
            index = bisect_right(self.held, offset, key=lambda piece: piece.offset)
            if index and self.held[index - 1].end > offset:
                index -= 1
        first, crossed = index, 0
        position = offset
        while position < end:
            if index < len(self.held) and self.held[index].offset <= position:
                piece = self.held[index]
                common = min(piece.end, end) - position
                self.again += common
                self._compare(piece.octets[position - piece.offset :], octets[position - offset :], common)
                position = piece.end
                index += 1
                crossed += 1
                continue
            stop = min(end, self.held[index].offset) if index < len(self.held) else end
            for piece in self._pieces(position, octets[position - offset : stop - offset], stop - position):
                piece.frame = piece.since = frame
                piece.time = piece.began = time
                piece.order = self.out_of_order
                index += self._insert(index, piece)
            position = stop
        if crossed > PIECES_CROSSED:
            self._unite(first, index)

    def _pieces(self, offset: int, octets: memoryview, length: int) -> list[Piece]:
        """A new piece, in two where it begins inside the page body at hand: no octet of that part is kept."""
        unneeded = max(0, min(length, self.next + self.consumer.skip - offset))
        pieces = []
        if unneeded:
            pieces.append(Piece(offset, unneeded, b"", len(octets) >= unneeded, 0, 0))
        if unneeded < length:
            rest = bytes(octets[unneeded:])
            pieces.append(Piece(offset + unneeded, length - unneeded, rest, len(octets) == length, 0, 0))
        return pieces

    def _insert(self, index: int, piece: Piece) -> int:
        """Inserts a piece, or lengthens the one before it when neither keeps octets; how many were added."""
        if index and not piece.octets and not self.held[index - 1].octets:
            before = self.held[index - 1]
            if before.end == piece.offset and before.whole == piece.whole:
                before.length += piece.length
                before.frame, before.time = max((before.frame, before.time), (piece.frame, piece.time))
                return 0
        if index == len(self.held) and not (index and self.held[-1].end == piece.offset):
            self._row = piece.offset
        self.held.insert(index, piece)
        self._budget.take(self, (piece,))
        return 1

    def _unite(self, first: int, last: int) -> None:
        """Makes one of each row of neighbours that are alike in what was captured of them."""
        united: list[Piece] = []
        for piece in self.held[first:last]:
            before = united[-1] if united else None
            if before is None or before.end != piece.offset or not (before.whole and piece.whole):
                united.append(piece)
            elif bool(before.octets) == bool(piece.octets):
                self._budget.give_back(self, (piece,))
                self._budget.resize(self, len(piece.octets))
                before.length += piece.length
                before.octets += piece.octets
                before.frame, before.time = max((before.frame, before.time), (piece.frame, piece.time))
            else:
                united.append(piece)
        self.held[first:last] = united

    def _drain(self) -> None:
        """Delivers what is held without a gap before it."""
        held, count, end = self.held, 0, self.next
        while count < len(held) and held[count].offset <= end:
            end = held[count].end
            count += 1
        row = held[:count]
        del held[:count]
        self._budget.give_back(self, row)
        for piece, following in zip_longest(row, row[1:]):
            more = following is not None and bool(following.octets)
            self._deliver(piece.octets, piece.length, piece.whole, piece.frame, piece.time, more)

    def close_first_gap(self) -> None:
        """What is missing before the first piece held is lost."""
        self._lose(self.held[0].offset - self.next)
        self._drain()

    # What comes again

    def _remember(self, octets: Octets, end: int) -> None:
        """Octets that end at an offset are delivered."""
        newest = bytes(octets[-RECENT:])
        start = end - len(newest)
        self._recent_octets += len(newest)
        if (
            self._recent
            and len(self._recent[-1][1]) < TOGETHER
            and self._recent[-1][0] + len(self._recent[-1][1]) == start
        ):
            start, known = self._recent.pop()
            newest = known + newest
        self._recent.append((start, newest))
        self.compared = end
        while self._recent_octets > RECENT and len(self._recent) > 1:
            self._recent_octets -= len(self._recent.pop(0)[1])

    def _compare_delivered(self, offset: int, octets: memoryview) -> None:
        end = offset + len(octets)
        index = max(0, bisect_right(self._recent, offset, key=lambda one: one[0]) - 1)
        while index < len(self._recent) and self._recent[index][0] < end:
            start, known = self._recent[index]
            low, high = max(start, offset), min(start + len(known), end)
            if low < high:
                self._compare(known[low - start :], octets[low - offset :], high - low)
            index += 1

    def _compare(self, known: bytes, again: memoryview, length: int) -> None:
        """Counts a retransmission whose octets differ from those seen first."""
        common = min(len(known), len(again), length)
        if known[:common] != again[:common]:
            self.conflicts += 1
