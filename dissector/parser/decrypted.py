"""Encrypted connections that somebody else has decrypted: their octets come in pieces, in order and without TCP."""

from __future__ import annotations

from collections import deque
from typing import Literal, NamedTuple

from dissector.events import Endpoint
from dissector.parser.direction import DirectionParser, NoTransport

ENDS_MAX = 4096
"""Pieces of a direction that wait for their acknowledgement; of more the oldest waits for that of the next."""


class Plain(NamedTuple):
    """What one side said on an encrypted connection, decrypted."""

    connection: int
    source: Endpoint
    destination: Endpoint
    frame: int
    """Of the packet that completed it."""
    time: int
    octets: bytes
    end: int
    """Octets of the connection up to the end of the packet, encrypted."""
    acked: int
    """How many of the other side's, encrypted, the packet acknowledges."""
    ends: Literal["", "fin", "rst"] = ""
    """How the source has ended the connection, if it has; then without octets."""


class PlainTransport(NoTransport):
    """Knows of one direction what was acknowledged."""

    def __init__(self) -> None:
        self._ends: deque[tuple[int, int]] = deque(maxlen=ENDS_MAX)
        """Offsets after the pieces that are not acknowledged: encrypted, and decrypted."""

    def carry(self, end: int, plain_end: int) -> None:
        """A piece came, up to there."""
        self._ends.append((end, plain_end))

    def acknowledge(self, acked: int) -> None:
        """The other side has so many octets, encrypted."""
        while self._ends and self._ends[0][0] <= acked:
            self.acked = self._ends.popleft()[1]


class PlainConnection:
    """Both directions of one connection."""

    def __init__(self, source: Endpoint, parsers: tuple[DirectionParser, DirectionParser]) -> None:
        """`source`: who says what the first of the parsers reads."""
        self._source = source
        self._parsers, self._transports = parsers, (PlainTransport(), PlainTransport())
        self._how: dict[DirectionParser, str] = {}
        for parser, transport in zip(parsers, self._transports, strict=True):
            parser.attach(transport)
            parser.start(late=False)

    def add(self, piece: Plain) -> None:
        """The next piece."""
        side = 0 if piece.source == self._source else 1
        parser, transport = self._parsers[side], self._transports[side]
        self._transports[1 - side].acknowledge(piece.acked)
        if piece.octets:
            transport.carry(piece.end, parser.end + len(piece.octets))
            parser.feed(piece.octets, len(piece.octets), True, piece.frame, piece.time)
        elif piece.ends and parser not in self._how:
            self._how[parser] = piece.ends
            parser.close(piece.ends, piece.frame, piece.time)

    def finish(self) -> None:
        """No piece follows."""
        for parser in self._parsers:
            parser.finish(self._how.get(parser, "capture"))
