"""Every TCP connection of a capture: finds the two halves of a packet and when a connection begins and ends.

Theory of operation. `packet` is handed each segment that is not for the fast path. It opens a connection for the first
segment that has payload or a SYN, gives both halves what the segment says, and afterwards says what the fast path may
take of them (`HalfConnection.allow`). Gaps that acknowledgements have proved are queued, and judged once reordering is
over (`judge`).

A SYN, FIN or RST counts if its number says that the other side would take it (RFC 9293, 3.10.7.4; RFC 5961, 3 and 4).
A SYN with another number on a connection that is open is challenged there: here it opens a new connection once it is
answered, or once its sender goes on from it; at the end it is believed if its sender said nothing else. Until that is
known none of its sender's payload is for the fast path.

Invariants. `halves` has both keys of every connection that is open or finished, and of those that are ignored.

Limits. MAX_CONNECTIONS are open at once; past it, of the OLDEST that are idle the one that carried least is finished as
if the capture had ended for it: so neither a port scan nor a flood of SYNs pushes out a migration that pauses.
MAX_FINISHED are remembered, lest what still arrives for one be taken for a new connection, and MAX_IGNORED, whose
packets cost a look-up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice

from dissector.capture.link import Segment, reverse_key
from dissector.tcp import half_connection
from dissector.tcp.core import MASK, NEVER, Half
from dissector.tcp.half_connection import FOREVER, Budget, Consumer, HalfConnection

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

SYN_PATIENCE = 1 << 16
"""Octets that a side sends on after another SYN of its own before that was none."""

MAX_CONNECTIONS = 2048
OLDEST = 16
MAX_FINISHED = 1024
MAX_IGNORED = 1 << 14

UNWANTED = FOREVER >> 1
"""A `skip` from here on is FOREVER, less what was passed over meanwhile."""

SETTLED_PATIENCE = 5
"""Calls of `settle`, so seconds of a live capture, after which nobody's order waits for what is held."""


class Connection:
    """Two halves of one connection; `sides[0]` is the one whose packet was seen first."""

    def __init__(self, key: bytes, budget: Budget, consumers: tuple[Consumer, Consumer]) -> None:
        self.sides = (
            HalfConnection(key, consumers[0], budget),
            HalfConnection(reverse_key(key), consumers[1], budget),
        )
        self.reset = False
        self.carried = 0
        """Octets both sides had sent when somebody last looked whether it is idle."""
        self.syn: tuple[Segment, int, int] | None = None
        """A SYN with another number than the connection began with, its packet and time: perhaps a new one begins."""
        self.before_syn = (0, 0)
        """What its sender had sent and acknowledged by then."""
        for side, other in zip(self.sides, reversed(self.sides), strict=True):
            side.peer, side.connection = other, self

    def finish(self, reason: str) -> None:
        for side in self.sides:
            if side.was_reset:
                self.reset = True
            if self.syn is not None and self.syn[0].key == side.key and self.before_syn == (side.next, side.peer.acked):
                reason = "reused"  # nothing came of its sender that belongs to this connection
        for side in self.sides:
            side.finish("rst" if self.reset else reason)
        for side in self.sides:
            side.allow()

    @property
    def finished(self) -> bool:
        return all(side.finished for side in self.sides)

    @property
    def octets(self) -> int:
        """What both sides have sent."""
        return sum(side.octets for side in self.sides)


class Connections:
    """All connections, by the addresses and ports as they stand in a packet. `accept(key)` gives the two
    consumers of a new connection: of the direction with this key, and of the other."""

    def __init__(
        self,
        accept: Callable[[bytes], tuple[Consumer, Consumer]],
        budget: Budget | None = None,
        is_counted: Callable[[Connection], bool] = lambda connection: False,
    ) -> None:
        """`is_counted`: whether a connection whose consumers want nothing more is counted on all the same."""
        self.halves: dict[bytes, Half] = {}
        """Every half that is known, by its key. What is no `HalfConnection` is of a connection that is ignored."""
        self.ignored: dict[bytes, frozenset[int]] = {}
        """Both keys of each connection of which nobody wants to hear again, those that were ignored first before all;
        and the numbers that its SYNs announced."""
        self.due = NEVER
        """After this packet `judge` has something to do."""
        self._accept = accept
        self._is_counted = is_counted
        self._budget = budget or Budget()
        self.waiting = self._budget.waiting
        """Halves with an open gap."""
        self._connections: dict[bytes, Connection] = {}
        self._finished: dict[bytes, Connection] = {}
        self._proofs: deque[tuple[int, HalfConnection, int]] = deque()
        self._settled = 0
        self._nobody = Half()
        self._nobody.ignored = True

    @property
    def room(self) -> int:
        """Octets that all halves together may hold more."""
        return self._budget.free

    def packet(self, segment: Segment, frame: int, time: int) -> None:
        """One TCP segment of the capture, with the packet's number and its time (ns since the epoch)."""
        self._budget.frame = frame
        side = self._side_of(segment, frame, time)
        if side is not None:
            self._take(side, segment, frame, time)
            self._after(side.connection, frame)
        if frame >= self.due:
            self.judge(frame)

    def judge(self, frame: int) -> None:
        """Closes gaps as lost that were acknowledged so long before this packet that reordering is over."""
        while self._proofs and self._proofs[0][0] <= frame:
            _, side, offset = self._proofs.popleft()
            side.prove(offset)
            self._after(side.connection, frame)
        self.due = self._proofs[0][0] if self._proofs else NEVER

    def settle(self) -> None:
        """Time passes, a second or so: see `HalfConnection.settle`."""
        for side in list(self.waiting):
            side.settle()
            self._after(side.connection, self._budget.frame)
        self._settled = self._settled + 1 if self.waiting else 0
        if self._settled >= SETTLED_PATIENCE:
            self._settled = 0
            self._budget.forget()

    def oldest_held(self) -> int | None:
        """Number of the packet since when the oldest octets wait that are held, as far as anybody's order has to wait
        for them; None if none do."""
        return self._budget.oldest()

    def ignore(self, key: bytes) -> None:
        """Nobody wants to hear of the connection with this key again: its consumers are finished, its packets pass
        until a SYN begins another."""
        connection = self._connections.get(key) or self._connections.get(reverse_key(key))
        bases = (
            frozenset(side.base for side in connection.sides if side.base is not None) if connection else frozenset()
        )
        self._forget(key, "capture")
        for one in (key, reverse_key(key)):
            self.ignored[one] = bases
            self.halves[one] = self._nobody
        while len(self.ignored) > 2 * MAX_IGNORED:
            self._heed(next(iter(self.ignored)))

    def finish(self, time: int = 0) -> None:
        """The capture ends; `time`: that of its last packet."""
        self._budget.ended = time
        for connection in list(self._connections.values()):
            connection.finish("capture")

    def _side_of(self, segment: Segment, frame: int, time: int) -> HalfConnection | None:
        """The half that sends a segment, opened if the segment opens it; None of what means nothing."""
        side = self.halves.get(segment.key)
        is_syn = bool(segment.flags & SYN) and not segment.flags & RST
        if isinstance(side, HalfConnection):
            connection = side.connection
            if not is_syn and connection.syn is None:
                return side
            if not self._is_new(connection, side, segment, frame, time):
                return None if is_syn and side.known and side.base != (segment.seq + 1) & MASK else side
            self._forget(side.key, "reused")
            if connection.syn is not None and not (is_syn and side.key == connection.syn[0].key):
                self.packet(*connection.syn)
                side = self.halves.get(segment.key)
                return side if isinstance(side, HalfConnection) else None
        elif side is not None:
            bases = self.ignored[segment.key]
            is_same = (segment.seq + 1) & MASK in bases or (segment.flags & ACK and segment.ack in bases)
            if not is_syn or is_same:
                return None
            self._heed(segment.key)
        if not segment.length and not is_syn:
            return None
        return self._open(segment.key)

    def _is_new(self, connection: Connection, side: HalfConnection, segment: Segment, frame: int, time: int) -> bool:
        """Whether a segment begins, or confirms, another connection with the same addresses and ports. A SYN with
        another number is kept in mind if the connection is open."""
        syn = connection.syn
        if segment.flags & SYN and segment.flags & ACK:
            return syn is not None and syn[0].key != segment.key and segment.ack == (syn[0].seq + 1) & MASK
        if segment.flags & SYN:
            if not side.known or side.base == (segment.seq + 1) & MASK or segment.flags & RST:
                return False
            if connection.finished or not connection.octets:
                connection.syn = None
                return True
            if side.next_seq == (segment.seq + 1) & MASK:
                return False  # what comes next would be both: more of this connection, and the beginning of another
            connection.syn, connection.before_syn = (segment, frame, time), (side.next, side.peer.acked)
            for one in connection.sides:
                one.allow()
            return False
        # The fast path does not bring an acknowledgement alone.
        if syn is None or syn[0].key != segment.key or not segment.length:
            return False
        if segment.seq == (syn[0].seq + 1) & MASK:
            return True
        if side.next - connection.before_syn[0] > SYN_PATIENCE:
            connection.syn = None
        return False

    def _take(self, side: HalfConnection, segment: Segment, frame: int, time: int) -> None:
        """What a segment says of both halves of its connection."""
        other, flags, is_news = side.peer, segment.flags, False
        side.spoke = time
        if flags & SYN:
            side.start(segment.seq + 1, late=False)
            side.greet(segment, time)
        elif not side.greeted:
            side.greeted = time
        if flags & SYN and flags & ACK:
            other.start(segment.ack, late=False)
        elif flags & ACK and not flags & RST:
            is_news = other.acknowledge(segment.ack, segment.window, time)
        if not flags & SYN:
            side.window = segment.window
        if is_news and time >= other.noted:
            other.note(time, bytes(segment.options))
        if segment.length and not side.finished and not flags & RST:
            # Payload beside a SYN (TCP Fast Open) starts one past the SYN's own number.
            sequence = segment.seq + 1 if flags & SYN else segment.seq
            side.start(sequence + _is_keep_alive(segment, other.ack_seq), late=True)
            side.segment(sequence, segment.payload, segment.length, frame, time, segment.options)
        if not flags & RST:
            side.go_on(frame)
        if flags & RST:
            if side.may_end_at(segment.seq, "rst", frame, time):
                # What the other side sent before it learned of the reset may still be on its way.
                side.connection.reset = True
                side.close()
        elif flags & FIN and side.known and not side.finished:
            side.may_end_at(segment.seq + segment.length, "fin", frame, time)

    def _after(self, connection: Connection, frame: int) -> None:
        """Looks what has become of a connection: gaps that are proved, an end that is reached, consumers that want
        nothing more; and says what the fast path may take of it."""
        one, other = connection.sides
        if one.held or other.held:
            for side in connection.sides:
                proved = side.unproved()
                if proved is not None:
                    self._proofs.append((frame + half_connection.REORDER_FRAMES, side, proved))
                    self.due = self._proofs[0][0]
        if one.end is not None or other.end is not None:
            self._end(connection)
        one.allow()
        other.allow()
        is_unwanted = one.consumer.skip >= UNWANTED and other.consumer.skip >= UNWANTED
        if is_unwanted and one.key in self._connections and not self._is_counted(connection):
            self.ignore(one.key)

    def _end(self, connection: Connection) -> None:
        """Finishes the sides that have come to their end."""
        for side in connection.sides:
            if side.end is not None and side.next >= side.end and not side.finished:
                side.close()
                side.finish("rst" if connection.reset else "fin")
        key = connection.sides[0].key
        if connection.finished and key in self._connections:
            self._finished[key] = self._connections.pop(key)
            if len(self._finished) > MAX_FINISHED:
                self._forget(next(iter(self._finished)), "fin")

    def _open(self, key: bytes) -> HalfConnection:
        while len(self._connections) >= MAX_CONNECTIONS:
            self._give_up_one()
        connection = Connection(key, self._budget, self._accept(key))
        self._connections[key] = connection
        for side in connection.sides:
            self.halves[side.key] = side
        return connection.sides[0]

    def _give_up_one(self) -> None:
        """Finishes a connection that carried nothing since it was last looked at: of the OLDEST such the one that
        carried least in all. Those that carried something become the newest."""
        idle: dict[bytes, int] = {}
        while len(idle) < min(OLDEST, len(self._connections)):
            key = next(islice(self._connections, len(idle), None))
            connection = self._connections[key]
            octets = connection.octets
            if octets == connection.carried:
                idle[key] = octets
            else:
                connection.carried = octets
                self._connections[key] = self._connections.pop(key)
        self._forget(min(idle, key=idle.__getitem__), "capture")

    def _forget(self, key: bytes, reason: str) -> None:
        for known in (self._connections, self._finished):
            connection = known.pop(key, None) or known.pop(reverse_key(key), None)
            if connection is not None:
                connection.finish(reason)
                for side in connection.sides:
                    self.halves.pop(side.key, None)

    def _heed(self, key: bytes) -> None:
        """A connection is no longer ignored."""
        for one in (key, reverse_key(key)):
            self.ignored.pop(one, None)
            self.halves.pop(one, None)


def _is_keep_alive(segment: Segment, acked: int) -> bool:
    """Whether the first octets that were captured of a half are a keep-alive (RFC 9293, 3.8.4): one octet, whatever it
    is, sent again, so that the stream begins behind it. `acked`: what the other side has acknowledged; 0 where nothing
    was captured that says so: an octet that somebody wrote would come with PSH."""
    if segment.length != 1 or segment.flags & SYN:
        return False
    return acked == (segment.seq + 1) & MASK if acked else not segment.flags & PSH
