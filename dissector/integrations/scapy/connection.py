"""A connection as one of the ends of a migration has it: what it says, what it hears, and both as packets."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count
from time import time_ns
from typing import Any, NamedTuple

from scapy.layers.inet import IP, TCP
from scapy.packet import Packet, Raw
from scapy.plist import PacketList
from scapy.supersocket import StreamSocket
from scapy.utils import EDecimal

from dissector.events import FORWARD, REVERSE, Direction, Endpoint, Event, Flow, Record
from dissector.parser import Conversation, connect
from dissector.protocol import Role

from .session import _packet

SEGMENT = 1 << 15
"""Octets of payload in a packet at most."""

ENDS = (Endpoint("192.0.2.1", 49152), Endpoint("192.0.2.2", 49153))
"""Source and destination in what was kept: addresses of a network for documentation (RFC 5737)."""


class Spoken(NamedTuple):
    """Octets that one end said, or with which it closed its direction, as this end saw it."""

    speaker: Direction
    time: int
    """Nanoseconds since the epoch."""
    octets: bytes
    acked: int
    """Octets of the other direction of which this end knows, or takes it, that the speaker had read them."""


class MigrationSocket(StreamSocket):
    """A connected socket of one end, `role` "source" or "destination" of the migration.

    `recv` yields each header, record and text of the peer as `MigrationSession` does (with page contents), whatever
    toolstack it is; `send` takes packets and octets. keeps: `capture()` gives what was said, all of it in memory.
    """

    desc = "one end of a Xen live migration"

    def __init__(self, sock: socket.socket, role: str, keeps: bool = False) -> None:
        super().__init__(sock)
        if role not in ("source", "destination"):
            raise ValueError(f'a role is "source" or "destination", not {role!r}')
        self.speaker: Direction = FORWARD if role == "source" else REVERSE
        self.peer: Direction = REVERSE if role == "source" else FORWARD
        self.heard = 0
        """Octets of the peer."""
        self.said = 0
        """Octets of this end."""
        self.transition: type[Packet] | None = None
        """The class of records' headers in this end's own postcopy stream, once it said POSTCOPY_TRANSITION."""
        self._keeps = keeps
        self._spoken: list[Spoken] = []
        self._ready: deque[Packet] = deque()
        conversation = Conversation(Flow(*ENDS), self._take, count().__next__, keep_pages=True)
        self._parsers = dict(zip((FORWARD, REVERSE), connect(conversation), strict=True))

    @property
    def is_ready(self) -> bool:
        """Whether `recv` has something to give without reading."""
        return bool(self._ready)

    def send(self, x: Any) -> int:
        """Says a packet, or octets."""
        octets = bytes(x)
        self.ins.sendall(octets)
        self.said += len(octets)
        self._note(self.speaker, octets, self.heard)
        return len(octets)

    def recv(self, x: int | None = None, **kwargs: Any) -> Packet | None:
        """The next of what the peer said; None if it has not said all of it. EOFError once it closed."""
        if not self._ready:
            self.listen(x or SEGMENT)
        return self._ready.popleft() if self._ready else None

    def listen(self, most: int = SEGMENT) -> int:
        """Takes in what the peer says, and waits for it; how many octets. EOFError once it closed."""
        try:
            octets = self.ins.recv(most)
        except ConnectionError:
            octets = b""
        self._note(self.peer, octets, self.said)
        if not octets:
            raise EOFError
        self.heard += len(octets)
        return len(octets)

    def end(self) -> None:
        """Closes this end's direction: the peer can still speak."""
        self._note(self.speaker, b"", self.heard)
        self.ins.shutdown(socket.SHUT_WR)

    @staticmethod
    def select(sockets: list[Any], remain: float | None = None) -> list[Any]:
        """Those that have something to give."""
        ready = [one for one in sockets if isinstance(one, MigrationSocket) and one.is_ready]
        return ready or StreamSocket.select(sockets, remain)

    def capture(self) -> PacketList:
        """What was said, as the packets of a TCP connection, for `wrpcap`. Octets, their order and times are those of
        this end; TCP is made up, and a peer that speaks is taken to have read all that this end had said."""
        return PacketList(list(_as_tcp(self._spoken)), "Said")

    def _note(self, speaker: Direction, octets: bytes, acked: int) -> None:
        now = time_ns()
        if self._keeps:
            self._spoken.append(Spoken(speaker, now, octets, acked))
        if octets:
            self._parsers[speaker].feed(memoryview(octets), len(octets), True, 0, now)

    def _take(self, event: Event, frame: int) -> None:
        if not isinstance(event, Record):
            return
        if event.direction == self.peer:
            self._ready.append(_packet(event))
        elif getattr(event.spec, "role", None) is Role.POSTCOPY_TRANSITION:
            self.transition = type(_packet(event))


def _as_tcp(spoken: Iterable[Spoken]) -> Iterator[Packet]:
    """A connection that begins with its handshake and ends where `spoken` does."""
    sent = {FORWARD: 0, REVERSE: 0}
    known = {FORWARD: 0, REVERSE: 0}

    def packet(side: Direction, flags: str, time: int, octets: bytes = b"") -> Packet:
        end, other = ENDS if side == FORWARD else ENDS[::-1]
        tcp = TCP(sport=end.port, dport=other.port, flags=flags, window=65535)
        tcp.seq, tcp.ack = sent[side] % 2**32, known[side] % 2**32
        made = IP(src=end.address, dst=other.address) / tcp
        made = made / Raw(octets) if octets else made
        made.time = EDecimal(time) / 10**9
        sent[side] += len(octets) + ("S" in flags or "F" in flags)
        return made

    for number, one in enumerate(spoken):
        if not number:
            yield packet(FORWARD, "S", one.time)
            known[REVERSE] = 1
            yield packet(REVERSE, "SA", one.time)
            known[FORWARD] = 1
            yield packet(FORWARD, "A", one.time)
        known[one.speaker] = 1 + one.acked
        for at in range(0, len(one.octets), SEGMENT):
            yield packet(one.speaker, "PA", one.time, one.octets[at : at + SEGMENT])
        if not one.octets:
            yield packet(one.speaker, "FA", one.time)
