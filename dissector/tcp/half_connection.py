"""One direction of a TCP connection: segments in any order go in, octets in order and gaps come out.

A gap stays open until something proves that its octets will never come: an acknowledgement beyond it and
reordering no longer possible, the end of the connection, or the bound on what may be held. Traffic of the
other direction alone proves nothing. Only octets that the consumer will want to see are held: inside a page
body (the consumer's `skip`) the extent of a segment is enough.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass
from typing import Literal, Protocol

Octets = bytes | memoryview

SEQUENCE_SPACE = 1 << 32
HALF_SPACE = 1 << 31

FOREVER = 1 << 62
"""A `skip` that no stream outlives: a consumer that wants nothing more publishes it."""

REORDER_FRAMES = 256
"""How many packets of the capture after an acknowledgement beyond it a gap may still be filled: captures from
several receive queues interleave by a few dozen packets, retransmissions are acknowledged only once filled."""

STALL = 50_000_000
"""A silence (ns) below this is none worth a word: TCP's retransmission timer starts at 200 ms."""

PIECE_COST = 256
"""What a held piece counts beside its octets, so that many tiny pieces are bounded as well."""

RECENT = 1 << 13
"""How many delivered octets stay comparable with a retransmission that overlaps them: few, because every
connection of a capture keeps as many."""


class Transport(Protocol):
    """What a consumer may ask of the half-connection whose octets it receives, whenever it likes."""

    acked: int
    """Octets of this half that the other side has acknowledged."""
    retransmitted: int
    """Octets that were captured again."""
    conflicts: int
    """Retransmissions that differed from what was seen first."""

    def take_silence(self) -> int:
        """The longest stall, a time (ns) between two packets with payload, since this was last asked; 0: none."""


class Consumer(Protocol):
    """What receives a half-connection's octets, each of them exactly once and in order."""

    skip: int
    """How many of the next octets it does not need: lengths are enough for those."""

    def attach(self, transport: Transport) -> None:
        """The connection is opened. Called once, before everything else."""

    def start(self, late: bool) -> None:
        """Offset 0 is known; late: it is not the first octet of the connection, only of what was captured."""

    def feed(self, octets: Octets, length: int, whole: bool, frame: int, time: int) -> None:
        """The next `length` octets. `octets` holds as many as were captured and are needed; `whole` says that
        none was cut off at the snap length."""

    def pass_over(self, length: int, whole: bool, frame: int, time: int) -> None:
        """The next `length` octets, all of them inside `skip`, in packets of which nobody needs to know any but
        the last."""

    def lose(self, length: int) -> None:
        """The next `length` octets were not captured and never will be."""

    def close(self, how: Literal["fin", "rst"], frame: int, time: int) -> None:
        """The sender of this half ended it, in this packet; octets sent before may follow. Called once at most."""

    def finish(self, reason: str) -> None:
        """No octet follows. Reason: "fin", "rst", "reused" (a new connection with the same addresses and
        ports), "capture" (the capture ends first)."""


class Budget:
    """The octets that all directions together may hold."""

    def __init__(self, octets: int = 8 << 20) -> None:
        self.free = octets
        self.waiting: dict[HalfConnection, None] = {}
        """Directions with an open gap, the one that has waited longest first."""

    def relieve(self) -> None:
        """Gives up the oldest gaps while more is held than may be, whoever holds it: a connection whose
        acknowledgements were not captured must not take the room of all others for good."""
        while self.free < 0:
            next(iter(self.waiting)).close_first_gap()


@dataclass(slots=True)
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

    @property
    def end(self) -> int:
        return self.offset + self.length

    @property
    def cost(self) -> int:
        return PIECE_COST + len(self.octets)


class HalfConnection:
    """The state of one direction, and the `Transport` of its consumer. Offsets count payload octets from 0, the
    first of the connection or, where its beginning was not captured, of what was captured; they never wrap."""

    def __init__(self, key: bytes, consumer: Consumer, budget: Budget) -> None:
        self.key = key
        self.consumer = consumer
        self.peer: HalfConnection = self
        self.template: tuple[int, int] | None = None
        self.base: int | None = None
        self.next = 0
        self.held: list[Piece] = []
        self.acked = 0
        self.end: int | None = None
        self.finished = False
        self.octets = 0
        self.retransmitted = 0
        self.out_of_order = 0
        self.conflicts = 0
        self._budget = budget
        self._heard: int | None = None
        self._silence = 0
        self._is_closed = False
        self._acks: deque[tuple[int, int]] = deque()
        self._settled = 0
        self._seen_acked = 0
        self._recent: list[tuple[int, bytes]] = []
        self._recent_octets = 0
        consumer.attach(self)

    def take_silence(self) -> int:
        silence, self._silence = self._silence, 0
        return silence

    def close(self, how: Literal["fin", "rst"], frame: int, time: int) -> None:
        """Its sender ended it in this packet."""
        if not self._is_closed:
            self._is_closed = True
            self.consumer.close(how, frame, time)

    @property
    def next_seq(self) -> int:
        """The sequence number of the next octet to deliver."""
        return ((self.base or 0) + self.next) % SEQUENCE_SPACE

    def limit(self) -> int:
        """How many next octets nobody needs to look at: the express lane may pass segments below it."""
        if self.held or self.finished or self.end is not None:
            return 0
        return self.consumer.skip

    def pass_over(self, length: int, whole: bool, frame: int, time: int) -> None:
        """The express lane saw this many next octets, fewer than `limit()`; `frame` and `time` of the last."""
        self.next += length
        self.octets += length
        self.consumer.pass_over(length, whole, frame, time)

    def start(self, sequence: int, late: bool) -> None:
        """Offset 0 is at this sequence number."""
        if self.base is None:
            self.base = sequence % SEQUENCE_SPACE
            self.consumer.start(late)

    def may_stall(self, time: int) -> bool:
        """Whether the time since the latest packet with payload is long enough to hold a longer stall."""
        return self._heard is not None and time - self._heard > max(self._silence, STALL)

    def hear(self, time: int) -> None:
        """A packet with payload was captured then."""
        if self.may_stall(time):
            self._silence = time - (self._heard or time)
        self._heard = time

    def offset_of(self, sequence: int) -> int:
        """The offset of a sequence number, taken as the one nearest to what comes next (RFC 9293, 3.4)."""
        distance = (sequence - self.next_seq) % SEQUENCE_SPACE
        if distance >= HALF_SPACE:
            distance -= SEQUENCE_SPACE
        return self.next + distance

    def segment(self, sequence: int, octets: memoryview, length: int, frame: int, time: int) -> None:
        """A segment with `length` payload octets, of which the first len(octets) were captured."""
        self.hear(time)
        offset = self.offset_of(sequence)
        end = offset + length
        if offset == self.next and not self.held:
            self._deliver(octets, length, len(octets) == length, frame, time)
        elif end <= self.next:
            if length > 1:  # one old octet is a keep-alive, whose content is arbitrary
                self.retransmitted += length
                self._compare_delivered(offset, octets)
        elif offset <= self.next:
            known = self.next - offset
            self.retransmitted += known
            self._compare_delivered(offset, octets[:known])
            self._hold(self.next, octets[known:], length - known, frame, time)
            self._drain()
        else:
            self.out_of_order += 1
            self._hold(offset, octets, length, frame, time)
            self._budget.relieve()
        if self.held:
            self._judge(frame)

    def acknowledge(self, sequence: int, frame: int) -> None:
        """The other side has acknowledged everything before this sequence number."""
        if self.base is None:
            return
        offset = self.offset_of(sequence)
        self.acked = max(self.acked, offset)
        if self.held:
            self._judge(frame)

    def _judge(self, frame: int) -> None:
        """Closes gaps as lost that were acknowledged so long ago that reordering is over."""
        if not self._acks or self._acks[-1][1] < self.acked:
            self._acks.append((frame, self.acked))
        while self._acks and frame - self._acks[0][0] >= REORDER_FRAMES:
            self._settled = self._acks.popleft()[1]
        while self.held and self.held[0].offset <= self._settled:
            self.close_first_gap()

    def settle(self) -> None:
        """Time passes: closes gaps as lost that were acknowledged when this was last called. For a live capture, in
        which no packet may follow by whose number that could be judged."""
        settled, self._seen_acked = self._seen_acked, self.acked
        while self.held and self.held[0].offset <= settled:
            self.close_first_gap()

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
        self.finished = True
        self._recent.clear()
        self.consumer.finish(reason)

    def _missing_at_end(self) -> int:
        if not self.octets:
            return 0  # an acknowledgement number alone is no stream
        if self.end is not None:
            return self.end - self.next
        # A FIN that was not captured takes a sequence number too: one acknowledged octet more proves nothing.
        missing = self.acked - self.next
        return missing if missing > 1 else 0

    def _deliver(self, octets: Octets, length: int, whole: bool, frame: int, time: int) -> None:
        if length > self.consumer.skip:
            self._remember(octets)
        self.next += length
        self.octets += length
        self.consumer.feed(octets, length, whole, frame, time)

    def _lose(self, length: int) -> None:
        self.next += length
        self.consumer.lose(length)

    def _hold(self, offset: int, octets: memoryview, length: int, frame: int, time: int) -> None:
        """Keeps what of a segment is not held yet: the first octet seen wins."""
        end = offset + length
        index = bisect_right(self.held, offset, key=lambda piece: piece.offset)
        if index and self.held[index - 1].end > offset:
            index -= 1
        position = offset
        while position < end:
            if index < len(self.held) and self.held[index].offset <= position:
                piece = self.held[index]
                common = min(piece.end, end) - position
                self.retransmitted += common
                self._compare(piece.octets[position - piece.offset :], octets[position - offset :], common)
                position = piece.end
                index += 1
                continue
            stop = min(end, self.held[index].offset) if index < len(self.held) else end
            for piece in self._pieces(position, octets[position - offset : stop - offset], stop - position):
                piece.frame = piece.since = frame
                piece.time = time
                index += self._insert(index, piece)
            position = stop

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
        self.held.insert(index, piece)
        self._budget.free -= piece.cost
        self._budget.waiting[self] = None
        return 1

    def _drain(self) -> None:
        while self.held and self.held[0].offset <= self.next:
            piece = self.held.pop(0)
            self._budget.free += piece.cost
            self._deliver(piece.octets, piece.length, piece.whole, piece.frame, piece.time)
        if not self.held:
            self._acks.clear()
            self._budget.waiting.pop(self, None)

    def close_first_gap(self) -> None:
        """What is missing before the first piece held is lost."""
        self._lose(self.held[0].offset - self.next)
        self._drain()

    def _remember(self, octets: Octets) -> None:
        newest = bytes(octets[-RECENT:])
        self._recent.append((self.next + len(octets) - len(newest), newest))
        self._recent_octets += len(newest)
        while self._recent_octets > RECENT and len(self._recent) > 1:
            self._recent_octets -= len(self._recent.pop(0)[1])

    def _compare_delivered(self, offset: int, octets: memoryview) -> None:
        end = offset + len(octets)
        for start, known in self._recent:
            low, high = max(start, offset), min(start + len(known), end)
            if low < high:
                self._compare(known[low - start :], octets[low - offset :], high - low)

    def _compare(self, known: bytes, again: memoryview, length: int) -> None:
        """Counts a retransmission whose octets differ from those seen first."""
        common = min(len(known), len(again), length)
        if known[:common] != again[:common]:
            self.conflicts += 1
