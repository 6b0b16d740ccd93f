"""Encrypted connections that look like a migration: what TCP shows of them, though nobody reads what they carry.

A migration sends a guest's memory one way and hardly anything back. So does a copy of a file: what is said of such a
connection is that it looks like one, never that it is one.

Limits. FOLLOWED_MAX connections are counted; a further one is not, and passes as any other that nobody wants.
"""

from __future__ import annotations

from typing import NamedTuple

from dissector.capture.link import addresses
from dissector.events import Endpoint, Flow, Spent, Stall, Way
from dissector.tcp import Connection
from dissector.tcp.core import NEVER

FOLLOWED_MAX = 256

OCTETS_LEAST = 1 << 20
"""Octets one way below which it is none: the smallest guests have some MB."""

ONE_WAY = 20
"""So many times as much goes one way as the other: ssh answers some MB with 48 octets, besides its handshake."""


class Encrypted(NamedTuple):
    """One of them. Times are ns since the epoch, octets those of TCP's payload, ciphertext and all."""

    cipher: str
    """ "SSH" or "TLS"."""
    flow: Flow
    """From where most came."""
    first_time: int
    last_time: int
    octets: int
    back: int
    """Octets of the other direction."""
    retransmitted: int
    stalls: tuple[Stall, ...]
    """Times without payload in the direction of most."""
    spent: Spent
    """What held up the sender of most, which waited for messages where it seems to have had nothing to send, too."""
    way: Way | None

    @property
    def duration(self) -> int:
        return max(0, self.last_time - self.first_time)


class Followed:
    """The encrypted connections of a capture."""

    def __init__(self) -> None:
        self._connections: dict[Connection, tuple[str, int]] = {}

    def follow(self, connection: Connection, cipher: str | None) -> bool:
        """Whether a connection with this cipher is to be counted on."""
        if cipher is None:
            return False
        if connection not in self._connections:
            if len(self._connections) >= FOLLOWED_MAX:
                return False
            first = min(side.heard for side in connection.sides if side.heard != -NEVER)
            self._connections[connection] = cipher, first
        return True

    @property
    def likely(self) -> list[Encrypted]:
        """Those that look like a migration, in the order in which they began."""
        found = []
        for connection, (cipher, first) in self._connections.items():
            back, most = sorted(connection.sides, key=lambda side: side.octets)
            if most.octets < OCTETS_LEAST or most.octets < ONE_WAY * back.octets:
                continue
            source, destination = addresses(most.key)
            found.append(
                Encrypted(
                    cipher,
                    Flow(Endpoint(*source), Endpoint(*destination)),
                    first,
                    max(side.heard for side in connection.sides),
                    most.octets,
                    back.octets,
                    most.retransmitted,
                    tuple(map(Stall._make, most.pace.stalls)),
                    Spent(*most.spent()),
                    None if most.evidence is None else Way(*most.evidence),
                )
            )
        return found
