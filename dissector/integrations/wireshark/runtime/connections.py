"""The connections of a capture, those of migrations and those in which one may still begin.

A stream may begin anywhere in a direction, its first octets in several packets or behind later ones. So of each
direction in which none has begun it is remembered where its octets begin, up to where they were searched (`next`), and
which packets are `pending`: a stream may have begun at their end, or octets are missing before them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, cast

from dissector.events import Endpoint, Flow
from dissector.integrations.wireshark.runtime.halves import Origin, Piece, Placed, ShownHalf
from dissector.integrations.wireshark.runtime.octets import above, octets_of
from dissector.integrations.wireshark.runtime.parsing import Capture
from dissector.parser.direction import DirectionParser
from dissector.parser.resync import LATE_SEARCHED, MAGICS, OPAQUE_SEARCHED, START_SEARCHED, _magic

FOLLOWED_MAX = 1 << 16
"""Connections without a stream that are remembered, and as many in which none is looked for; past it all are
forgotten."""

PENDING_MAX = 8 << 20
"""Octets of pending packets, of all directions together."""

STARTS = tuple(magic.octets + behind for magic in MAGICS for behind in magic.confirms or (b"",))
"""What begins a stream, with what has to stand behind it."""

STARTS_MAX = max(len(start) for start in STARTS)

Sender: TypeAlias = int | str
"""What tells the two directions of a connection apart: a port, or the address where both ports are the same."""

Key: TypeAlias = int | str
"""Wireshark's number of a connection, or, where that is not to be had, its addresses and ports."""


class Packet(Protocol):
    """As Wireshark describes one."""

    number: int
    src: object
    dst: object
    src_port: int
    dst_port: int


class Connection:
    """One that carries migrations."""

    def __init__(self, capture: Capture, packet: Packet) -> None:
        flow = Flow(cast(Endpoint, str(packet.src)), cast(Endpoint, str(packet.dst)))
        self.one, self.other = capture.connect(flow)
        self.first_frame = packet.number
        self.stream: int | None = None
        """Wireshark's number of it."""
        self.is_over = False
        """Whether another one with its addresses and ports has begun."""
        self.sender = sender_of(packet)
        self.has_ports = packet.src_port != packet.dst_port

    def half_of(self, packet: Packet) -> ShownHalf:
        """The direction of a packet."""
        sender = packet.src_port if self.has_ports else str(packet.src)
        return self.one if sender == self.sender else self.other


class Beginning(Placed):
    """A direction in which no stream has begun."""

    def __init__(self) -> None:
        super().__init__()
        self.pending: list[Piece] = []
        self.waits = False
        """Whether there are some of these."""
        self.is_hopeless = False
        """Whether no stream begins here any more."""


@dataclass
class Sight:
    """Octets in which the parser looks for a magic."""

    buffer: bytes
    offset: int = 0
    searched: int = 0


class Connections:
    """All of a capture."""

    def __init__(self) -> None:
        self.capture = Capture()
        self.by_stream: dict[int, Connection] = {}
        self.all: list[Connection] = []
        self.unfinished = 0
        """Directions in which a stream may have begun: what goes on there is waited for."""
        self._by_ends: dict[str, list[Connection]] = {}
        self._followed: dict[Key, dict[Sender, Beginning]] = {}
        """Connections without a stream."""
        self.ignored: dict[Key, bool] = {}
        """Those in which none is looked for any more."""
        self._pending = 0
        """Octets of their packets."""
        self._looked_at = 0
        """The newest packet in which a stream was looked for."""

    def flush(self) -> None:
        """No packet follows, as far as is known."""
        if not self.capture.is_settled:
            self.capture.is_settled = True
            for connection in self.all:
                connection.one.flush()
                connection.other.flush()

    def known(self, packet: Packet, stream: int | None) -> Connection | None:
        """The connection that a packet belongs to: of those with its addresses and ports the latest use before it."""
        return self._find(packet, stream, False)

    def opened(self, packet: Packet, stream: int | None) -> Connection:
        """The same, made if there is none."""
        known = self._find(packet, stream, True)
        if known is not None:
            return known
        connection = Connection(self.capture, packet)
        self.all.append(connection)
        self._name(connection, stream)
        ends = ends_of(packet)
        if ends not in self._by_ends:
            self._by_ends[ends] = []
        self._by_ends[ends].append(connection)
        return connection

    def forget(self, packet: Packet) -> None:
        """A connection with the addresses and ports of a packet begins: the one before has ended."""
        uses: list[Connection] = self._by_ends.get(ends_of(packet), [])
        if uses:
            uses[-1].is_over = True

    def is_waited_for(self, packet: Packet, stream: int | None) -> bool:
        """Whether a stream may go on in a packet that was not handed over as the others are."""
        if not self.unfinished or packet.number == self._looked_at:
            return False
        followed = self._followed.get(key_of(packet, stream), {})
        own = followed.get(sender_of(packet))
        return own is not None and own.waits

    def has_given_up(self, packet: Packet, stream: int | None) -> bool:
        """Whether no stream begins any more where a packet comes from."""
        key = key_of(packet, stream)
        followed = self._followed.get(key)
        if followed is None:
            return key in self.ignored
        own = followed.get(sender_of(packet))
        return own is not None and own.is_hopeless

    def recognises(self, packet: Packet, stream: int | None, seq: int | None, piece: Piece, origin: Origin) -> bool:
        """Whether a stream begins in a packet, or has begun before and is complete enough now to be known: then both
        directions of its connection are parsed from now on. `piece`: its octets, wherever they stand."""
        self._looked_at = packet.number
        key = key_of(packet, stream)
        own = self._beginning(key, sender_of(packet), seq, origin)
        piece.offset = own.next
        if seq is not None and own.base is not None:
            piece.offset = own.unwrapped(seq, own.next)
        if piece.end <= own.next:
            return False
        piece.source = octets_of(piece.source, 0, piece.captured)
        if not begins_stream(piece.source):
            if not self._completes(own, piece):
                if is_hopeless(own, piece.source):
                    self._give_up(key, own)
                return False
            self._keep(own, [one for one in own.pending if one is not piece])  # it comes as every packet does
        self._take_over(self.opened(packet, stream), self._followed[key])
        del self._followed[key]
        return True

    def _find(self, packet: Packet, stream: int | None, is_needed: bool) -> Connection | None:
        if stream is not None and stream in self.by_stream:
            return self.by_stream[stream]
        uses: list[Connection] = self._by_ends.get(ends_of(packet), [])
        at = len(uses) - 1
        while at >= 0:
            use = uses[at]
            is_of_stream = stream is None or use.stream is None or use.stream == stream
            is_past = use.is_over and is_needed and stream is None
            if use.first_frame <= packet.number and is_of_stream and not is_past:
                self._name(use, stream)
                return use
            at -= 1
        return None

    def _name(self, connection: Connection, stream: int | None) -> None:
        """Wireshark has a number for it."""
        if stream is not None:
            connection.stream = stream
            self.by_stream[stream] = connection

    # Streams that have not begun

    def _beginning(self, key: Key, sender: Sender, seq: int | None, origin: Origin) -> Beginning:
        if key not in self._followed:
            if len(self._followed) >= FOLLOWED_MAX:
                self._followed, self._pending, self.unfinished = {}, 0, 0
            self._followed[key] = {}
        followed: dict[Sender, Beginning] = self._followed[key]
        if sender not in followed:
            followed[sender] = Beginning()
            if seq is not None:
                followed[sender].set_origin(origin(seq))
        return followed[sender]

    def _give_up(self, key: Key, own: Beginning) -> None:
        """No stream is looked for any longer: in the other direction neither, if its beginning would have been seen."""
        own.is_hopeless = True
        self._keep(own, [])
        followed: dict[Sender, Beginning] = self._followed[key]
        for _, one in followed.items():
            if not one.is_hopeless and is_late(one):
                return
        for _, one in followed.items():
            self._keep(one, [])
        del self._followed[key]
        if len(self.ignored) >= FOLLOWED_MAX:
            self.ignored = {}
        self.ignored[key] = True

    def _completes(self, own: Beginning, piece: Piece) -> bool:
        """A packet without a beginning of its own: whether it completes one."""
        if len(piece.source) < piece.length:
            # Cut off: nothing that was kept goes on behind it.
            own.next = max(own.next, piece.end)
            self._keep(own, [])
            return False
        if not own.pending and piece.offset <= own.next and not unfinished(piece.source):
            own.next = piece.end  # nearly always
            return False
        own.pending.insert(above(own.pending, "offset", piece.offset), piece)
        self._pending += len(piece.source)
        octets, end = joined(own.pending, own.next)
        if octets:
            if begins_stream(octets):
                return True
            own.next = end
        start = own.next - unfinished(octets)
        newest = own.pending[-1]
        self._keep(own, [one for one in own.pending if one.end > start])
        if newest.end - start > START_SEARCHED or self._pending > PENDING_MAX:
            own.next = newest.end  # what is missing does not come
            self._keep(own, [])
        return False

    def _keep(self, own: Beginning, pending: list[Piece]) -> None:
        """Keeps so much of what is pending."""
        more = sum(len(one.source) for one in pending)
        self._pending += more - sum(len(one.source) for one in own.pending)
        own.pending = pending
        if bool(pending) != own.waits:
            own.waits = not own.waits
            self.unfinished += 1 if own.waits else -1

    def _take_over(self, connection: Connection, followed: Mapping[Sender, Beginning]) -> None:
        """A stream begins: from now on the connection's octets are parsed, those that are pending first."""
        for sender, own in followed.items():
            half = connection.one if sender == connection.sender else connection.other
            half.base, half.has_origin, half.next = own.base, own.has_origin, own.next
            if own.pending:
                half.next = min(own.next, own.pending[0].offset)
            half.parser.offset = half.next
            for piece in sorted(own.pending, key=lambda one: one.frame):
                if own.base is None:
                    half.place(piece.frame, piece.offset)
                half.arrive(piece)
            self._keep(own, [])


def sender_of(packet: Packet) -> Sender:
    return packet.src_port if packet.src_port != packet.dst_port else str(packet.src)


def ends_of(packet: Packet) -> str:
    one, other = f"{packet.src_port} {packet.src}", f"{packet.dst_port} {packet.dst}"
    return f"{one} {other}" if one < other else f"{other} {one}"


def key_of(packet: Packet, stream: int | None) -> Key:
    return ends_of(packet) if stream is None else stream


def is_late(own: Beginning) -> bool:
    """Whether the beginning of a direction was not captured. Without sequence numbers nobody knows that."""
    return own.base is not None and not own.has_origin


def is_hopeless(own: Beginning, octets: bytes) -> bool:
    """Whether enough of a direction went by to know that no stream begins there: so the engine has it. `octets`: the
    newest."""
    if is_late(own):
        return own.next > LATE_SEARCHED
    return own.next > START_SEARCHED or (own.next > OPAQUE_SEARCHED and octets.find(b"\0") >= 0)


def begins_stream(octets: bytes) -> bool:
    return _magic(cast(DirectionParser, Sight(octets)), None) is not None


def unfinished(octets: bytes) -> int:
    """How many of the last octets may begin a stream that goes on in the next packet."""
    last = octets[max(0, len(octets) - STARTS_MAX + 1) :]
    longest = 0
    for start in STARTS:
        at = last.find(start[:1])
        while at >= 0:
            if start.startswith(last[at:]):
                longest = max(longest, len(last) - at)
            at = last.find(start[:1], at + 1)
    return longest


def joined(pending: Sequence[Piece], known: int) -> tuple[bytes, int]:
    """The octets that follow on one another from the first pending ones on, and the offset after them."""
    parts: list[bytes] = []
    end = min(pending[0].offset, known)
    for piece in pending:
        if piece.offset > end:
            break
        parts.append(piece.source[end - piece.offset :])
        end = max(end, piece.end)
    return b"".join(parts), end
