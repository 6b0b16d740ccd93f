"""What both sides of a captured connection said, octet for octet and in order, while the capture is read.

A capture is read twice: first to find the connection and to see whether all of it is there, then to tell it. So
nothing is told of a connection that has to be given up in the middle, and never more than a few packets are in
memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from dissector.capture.joined import FileSet
from dissector.capture.link import addresses
from dissector.capture.opening import open_source
from dissector.capture.reader import CaptureReader
from dissector.errors import UserError
from dissector.events import (
    Direction,
    DirectionEnded,
    DirectionStarted,
    Endpoint,
    Event,
    Flow,
    Gap,
    MigrationFound,
    PacketsCut,
)
from dissector.parser import Conversation, connect
from dissector.tcp import FOREVER, Budget, Connections, Consumer, PacketPath, Transport

HELD = 256 << 20
"""Octets out of order that are held while the missing ones may still come."""


class Said(NamedTuple):
    """One side said something, or that it has said all."""

    side: int
    """0: the source of the migration, 1: its destination."""
    time: int
    """Of the packet that made it known, ns since the epoch."""
    octets: bytes
    """Empty at the end."""


class Carrier(NamedTuple):
    """The connection that carries a migration; perhaps it carries others as well."""

    files: FileSet
    key: bytes
    """Addresses and ports of the packet that opened it."""
    number: int
    """Which of the connections with these addresses and ports, from 0."""
    first_is_source: bool
    """Whether the side whose packet was captured first is the source."""
    flow: Flow
    octets: int = 0
    """That the two sides say."""
    trouble: str | None = None
    """In one line, why the capture was not read to its end."""
    joined: tuple[str, ...] = ()
    """The files that were read as one, if they are several."""


def find(files: FileSet, migration: int) -> Carrier:
    """The connection of a migration, numbered from 0. Raises UserError, one line for a person, if there is none
    or not all of it is in the file."""
    keys: list[bytes] = []
    events: dict[int, list[Event]] = {}
    """What was seen of each connection, but for its records."""
    said: dict[int, dict[Direction, int]] = {}
    """Octets of each of its directions, of those with a migration."""
    found: list[tuple[MigrationFound, int, Flow]] = []
    """Each with its connection, from the side on whose packet came first."""

    def accept(key: bytes) -> tuple[Consumer, Consumer]:
        source, destination = addresses(key)
        number, flow = len(keys), Flow(Endpoint(*source), Endpoint(*destination))
        keys.append(key)

        def emit(event: Event, frame: int) -> None:
            if isinstance(event, MigrationFound):
                found.append((event, number, flow))
                said.setdefault(number, {})
            elif isinstance(event, DirectionEnded) and number in said:
                said[number][event.direction] = max(said[number].get(event.direction, 0), event.offset)
            elif isinstance(event, DirectionStarted | Gap | PacketsCut):
                events.setdefault(number, []).append(event)

        return connect(Conversation(flow, emit, lambda: len(found)))

    troubles: list[str] = []
    for _ in _walk(files, accept, troubles):
        pass
    if not 0 <= migration < len(found):
        holds = f"it holds {len(found)}, numbered from 0" if found else "it holds none"
        raise UserError(f"{files.name} has no migration {migration}: {holds}")
    event, number, flow = found[migration]
    _refuse_damaged(files.name, events.get(number, []))
    assert event.flow is not None
    is_first = event.flow == flow
    place = keys[:number].count(keys[number])
    trouble = troubles[0] if troubles else None
    joined = files.paths if len(files.paths) > 1 else ()  # another one would have been refused
    octets = sum(said[number].values())
    return Carrier(files, keys[number], place, is_first, event.flow, octets, trouble, joined)


def _refuse_damaged(path: str, events: list[Event]) -> None:
    if any(isinstance(event, PacketsCut) for event in events):
        raise UserError(f"{path} cannot be replayed: its packets were cut short when they were captured")
    if any(isinstance(event, DirectionStarted) and event.late for event in events):
        raise UserError(f"{path} cannot be replayed: the beginning of the connection was not captured")
    lost = sum(event.length for event in events if isinstance(event, Gap))
    if lost:
        raise UserError(f"{path} cannot be replayed: {lost:,} octets of the connection were not captured")


def told(carrier: Carrier) -> Iterator[Said]:
    """What both sides say, in the order in which it was captured."""
    said: list[tuple[int, bytes]] = []
    accepted = 0

    def accept(key: bytes) -> tuple[Consumer, Consumer]:
        nonlocal accepted
        sides = (0, 1) if carrier.first_is_source else (1, 0)
        is_like = key == carrier.key
        is_wanted = is_like and accepted == carrier.number
        accepted += is_like
        # What wants nothing at all may be accepted again with its next packet, and would be counted twice.
        one, other = (Ear(side, said if is_wanted else None, 0 if is_like else FOREVER) for side in sides)
        return one, other

    for time in _walk(carrier.files, accept, []):
        for side, octets in said:
            yield Said(side, time, octets)
        said.clear()


class Ear:
    """The `Consumer` that keeps every octet of a direction, or, without a list to put them in, none."""

    lacks = 0

    def __init__(self, side: int, said: list[tuple[int, bytes]] | None, skip: int = 0) -> None:
        self.skip = skip
        self._side, self._said = side, said

    def attach(self, transport: Transport) -> None:
        pass

    def start(self, late: bool) -> None:
        pass

    def feed(
        self, octets: bytes | memoryview, length: int, whole: bool, frame: int, time: int, more: bool = False
    ) -> None:
        if self._said is not None:
            if len(octets) < length:
                self.lose(length - len(octets))
            self._said.append((self._side, bytes(octets)))

    def pass_over(self, length: int, whole: bool, frame: int, time: int) -> None:
        pass

    def lose(self, length: int) -> None:
        if self._said is not None:
            raise UserError(f"{length:,} octets were not captured, or came too late: the rest is not replayed")

    def close(self, how: Literal["fin", "rst"], frame: int, time: int) -> None:
        pass

    def finish(self, reason: str) -> None:
        if self._said is not None:
            self._said.append((self._side, b""))


def _walk(files: FileSet, accept: Callable[[bytes], tuple[Consumer, Consumer]], troubles: list[str]) -> Iterator[int]:
    """Reads a capture; after each packet its time, and once more after the last. `troubles` gets what is wrong with its
    end: what was captured until then is told all the same."""
    reader = open_source(files)
    try:
        if not isinstance(reader, CaptureReader):
            raise UserError(f"{files.name} is no capture (pcap, pcapng): it does not hold two sides, nor times")
        connections = Connections(accept, Budget(HELD))
        for _ in PacketPath(reader, connections).steps():
            yield reader.last_time_ns or 0
        connections.finish()
        yield reader.last_time_ns or 0
        if reader.words_rest:
            raise UserError(reader.words_rest)
        if reader.trouble:
            troubles.append(reader.trouble)
    finally:
        reader.source.close()
