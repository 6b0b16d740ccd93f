"""Every TCP connection of a capture: finds the two directions of a packet and when a connection begins and ends."""

from __future__ import annotations

from collections.abc import Callable

from dissector.capture.link import Segment, reverse_key
from dissector.tcp.half_connection import SEQUENCE_SPACE, Budget, Consumer, HalfConnection

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10

MAX_CONNECTIONS = 4096
"""Connections kept at once; past it an idle one is finished as if the capture had ended for it."""

MAX_FINISHED = 1024
"""Finished connections remembered, so that what still arrives for one is not taken for a new connection."""


class Connection:
    """Two directions of one connection; `sides[0]` is the one whose packet was seen first."""

    def __init__(self, key: bytes, budget: Budget, consumers: tuple[Consumer, Consumer]) -> None:
        self.sides = (
            HalfConnection(key, consumers[0], budget),
            HalfConnection(reverse_key(key), consumers[1], budget),
        )
        self.sides[0].peer, self.sides[1].peer = self.sides[1], self.sides[0]
        self.reset = False
        self.carried = 0
        """Octets both sides had sent when the connection was last looked at."""

    def finish(self, reason: str) -> None:
        for side in self.sides:
            side.finish("rst" if self.reset else reason)

    @property
    def finished(self) -> bool:
        return all(side.finished for side in self.sides)


class Connections:
    """All connections, by the addresses and ports as they stand in a packet. `accept(key)` gives the two
    consumers of a new connection: of the direction with this key, and of the other."""

    def __init__(self, accept: Callable[[bytes], tuple[Consumer, Consumer]], budget: Budget | None = None) -> None:
        self.directions: dict[bytes, HalfConnection] = {}
        self.template: tuple[int, int] | None = None
        """Header layout of the newest data packet that was plain enough for the express lane."""
        self._accept = accept
        self._budget = budget or Budget()
        self.waiting = self._budget.waiting
        """Directions with an open gap."""
        self._connections: dict[bytes, Connection] = {}
        self._finished: dict[bytes, Connection] = {}

    def packet(self, segment: Segment, frame: int, time: int) -> None:
        """One TCP segment of the capture, with the packet's number and its time (ns since the epoch)."""
        side = self.directions.get(segment.key)
        if side is not None and segment.flags & SYN and self._is_reuse(side, segment):
            self._forget(side.key, "reused")
            side = None
        if side is None:
            if not segment.length and not segment.flags & SYN:
                return
            side = self._open(segment.key)
        other = side.peer
        if segment.flags & SYN:
            side.start(segment.seq + 1, late=False)
        if segment.flags & SYN and segment.flags & ACK:
            other.start(segment.ack, late=False)
        elif segment.flags & ACK:
            other.acknowledge(segment.ack, frame)
        if segment.length and not side.finished:
            # Payload beside a SYN (TCP Fast Open) starts one past the SYN's own number.
            sequence = segment.seq + 1 if segment.flags & SYN else segment.seq
            side.start(sequence, late=True)
            if segment.template is not None:
                side.template = self.template = segment.template
            side.segment(sequence, segment.payload, segment.length, frame, time)
        if segment.flags & (FIN | RST) or side.end is not None or other.end is not None:
            self._ending(side, segment, frame, time)

    def settle(self) -> None:
        """Time passes: see `HalfConnection.settle`."""
        for side in list(self.waiting):
            side.settle()
            self._end(side)

    def oldest_held(self) -> int | None:
        """Number of the packet since when the oldest octets wait that are held; None if none are."""
        return min((piece.since for side in self.waiting for piece in side.held), default=None)

    def finish(self) -> None:
        """The capture ends."""
        for connection in list(self._connections.values()):
            connection.finish("capture")

    def _open(self, key: bytes) -> HalfConnection:
        while len(self._connections) >= MAX_CONNECTIONS:
            self._give_up_idle()
        connection = Connection(key, self._budget, self._accept(key))
        self._connections[key] = connection
        for side in connection.sides:
            self.directions[side.key] = side
        return connection.sides[0]

    def _give_up_idle(self) -> None:
        """Finishes the oldest connection if it carried nothing since it was last looked at; else it becomes the
        newest. So thousands of others, opened or only tried, do not push out the one that is busy."""
        key, connection = next(iter(self._connections.items()))
        carried = sum(side.octets for side in connection.sides)
        if carried == connection.carried:
            self._forget(key, "capture")
        else:
            connection.carried = carried
            self._connections[key] = self._connections.pop(key)

    def _forget(self, key: bytes, reason: str) -> None:
        for known in (self._connections, self._finished):
            connection = known.pop(key, None) or known.pop(reverse_key(key), None)
            if connection is not None:
                connection.finish(reason)
                for side in connection.sides:
                    self.directions.pop(side.key, None)

    @staticmethod
    def _is_reuse(side: HalfConnection, segment: Segment) -> bool:
        """Whether a SYN opens a new connection rather than repeating the one that opened this."""
        return side.base is not None and side.base != (segment.seq + 1) % SEQUENCE_SPACE

    def _ending(self, side: HalfConnection, segment: Segment, frame: int, time: int) -> None:
        connection = self._connections.get(side.key) or self._connections.get(side.peer.key)
        if connection is None:
            return
        if segment.flags & (FIN | RST):
            side.close("rst" if segment.flags & RST else "fin", frame, time)
        if segment.flags & RST:
            # What the other side sent before it learned of the reset may still be on its way.
            connection.reset = True
            side.finish("rst")
        if segment.flags & FIN and side.base is not None:
            end = side.offset_of(segment.seq + segment.length)
            if end >= side.next:  # else octets behind it were seen: it is a stray one
                side.end = max(side.end or 0, end)
        self._end(side)

    def _end(self, side: HalfConnection) -> None:
        """Finishes what has come to its end of the connection of a side."""
        connection = self._connections.get(side.key) or self._connections.get(side.peer.key)
        if connection is None:
            return
        for one in connection.sides:
            if one.end is not None and one.next >= one.end:
                one.finish("rst" if connection.reset else "fin")
        if connection.finished:
            key = connection.sides[0].key
            self._finished[key] = self._connections.pop(key)
            if len(self._finished) > MAX_FINISHED:
                self._forget(next(iter(self._finished)), "fin")
