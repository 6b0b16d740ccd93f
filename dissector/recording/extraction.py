"""One migration out of a capture: its packets as a smaller capture, or what one side said as a file.

A capture is read twice. The first time finds the connections of the migration, and what on them is to be replaced:
page contents and words that tell whose guest it is. The second time its packets are told again, with other octets of
the same length in these places. So sequence numbers, lengths and times stay what they were, and so does all that the
program says of the capture.

A packet is told as it was captured, but for its payload: the TCP checksum is then corrected by what has changed (RFC
1624), which leaves the checksums of whatever is around it right, and a wrong one wrong. Where addresses are to go, or
fragments were put together, it is made anew, as Ethernet, IP and TCP with what is around it left out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, NamedTuple, TypeAlias, TypeVar

from dissector.capture import writer
from dissector.capture.files import Octets
from dissector.capture.formats import IF_TSRESOL, SHB_USERAPPL
from dissector.capture.fragments import Fragments
from dissector.capture.joined import FileSet
from dissector.capture.link import Segment, addresses, reverse_key
from dissector.capture.opening import open_source
from dissector.capture.reader import CaptureReader, Packet
from dissector.capture.tunnels import decode
from dissector.errors import UserError
from dissector.events import (
    FORWARD,
    ConnectionJoined,
    Direction,
    DirectionEnded,
    DirectionStarted,
    Endpoint,
    Event,
    Flow,
    Gap,
    MigrationFound,
    PacketsCut,
    Record,
)
from dissector.facts.guest import Guest
from dissector.parser import Conversation, DirectionParser, Joins, connect
from dissector.parser.steps import STEPS
from dissector.recording.anonymity import Pseudonyms
from dissector.recording.conversations import HELD
from dissector.recording.headers import ETHERNET, corrected, rebuilt
from dissector.tcp import FOREVER, Budget, Connections, Consumer, HalfConnection, PacketPath, Transport
from dissector.tcp.connections import SYN

NANOSECONDS = b"\x09"
ORDER = "<"

T = TypeVar("T")

Look: TypeAlias = Callable[[Octets], object]
"""Is shown now and then what is read, which knows how far that is."""


class Edit(NamedTuple):
    """Octets of one direction of a connection in whose place others stand."""

    start: int
    end: int
    octets: bytes | None
    """None: zeros."""


class Text(NamedTuple):
    """Octets of a record that may tell whose guest it is."""

    direction: Direction
    offset: int
    octets: bytes
    name: str
    """The record's."""


@dataclass
class Line:
    """One connection of the capture, as far as it carries the migration."""

    key: bytes
    """Addresses and ports of the packet that opened it."""
    number: int
    """Which of the connections with these addresses and ports, from 0."""
    parsers: tuple[DirectionParser, DirectionParser]
    """Of what the sender of that packet says, and of the other direction."""
    texts: list[Text] = field(default_factory=list)

    def direction(self, is_first: bool) -> Direction:
        """Which one the sender of the first packet says, or the other side."""
        return self.parsers[not is_first].direction


@dataclass
class Extent:
    """Where a direction's stream is among the octets of its connection."""

    start: int | None = None
    end: int = 0
    missing: int = 0


@dataclass
class Whereabouts:
    """Where a migration is in a capture."""

    files: FileSet
    lines: list[Line]
    look: Look
    carrier: Line | None = None
    """The connection that carries the image."""
    is_wrapped: bool = False
    """Whether its octets are inside something: compressed, or in libvirt's messages."""
    is_cut: bool = False
    trouble: str | None = None
    """In one line, why the capture was not read to its end."""
    joined: tuple[str, ...] = ()
    """The files that were read as one, if they are several."""
    guest: Guest = field(default_factory=Guest)
    extents: dict[Direction, Extent] = field(default_factory=lambda: {"forward": Extent(), "reverse": Extent()})


def find(files: FileSet, migration: int, look: Look = lambda source: None) -> Whereabouts:
    """Where a migration is, numbered from 0; `look` is for the second reading, too. Raises UserError, one line for a
    person, if there is none."""
    lines: list[Line] = []
    seen: Counter[bytes] = Counter()
    joins, found = Joins(), 0
    where = Whereabouts(files, [], look)

    def number() -> int:
        nonlocal found
        found += 1
        return found - 1

    def accept(key: bytes) -> tuple[Consumer, Consumer]:
        source, destination = addresses(key)
        flow = Flow(Endpoint(*source), Endpoint(*destination))
        place = len(lines)
        parsers = connect(Conversation(flow, lambda event, _: take(place, event), number, note_spans=True, joins=joins))
        lines.append(Line(key, seen[_either(key)], parsers))
        seen[_either(key)] += 1
        return parsers

    def take(place: int, event: Event) -> None:
        if event.migration == migration:
            _learn(where, lines[place], event)

    for reader in _reading(files):
        for _ in _steps(reader, connections := Connections(accept, Budget(HELD)), look):
            pass
        connections.finish()
        where.trouble, where.joined = reader.trouble, reader.joined
    if not 0 <= migration < found:
        holds = f"it holds {found}, numbered from 0" if found else "it holds none"
        raise UserError(f"{files.name} has no migration {migration}: {holds}")
    return where


def _learn(where: Whereabouts, line: Line, event: Event) -> None:
    """What an event of the migration tells."""
    if isinstance(event, MigrationFound | ConnectionJoined):
        where.lines.append(line)
    elif isinstance(event, Gap):
        where.extents[event.direction].missing += event.length
    elif isinstance(event, PacketsCut):
        where.is_cut = True
    elif isinstance(event, DirectionStarted):
        where.carrier = line
        where.extents[event.direction] = Extent(event.offset if event.direction != FORWARD else None, event.offset)
    elif isinstance(event, DirectionEnded) and event.direction != FORWARD:
        where.extents[event.direction].end = max(event.offset, where.extents[event.direction].end)
    elif isinstance(event, Record):
        _learn_record(where, line, event)


def _learn_record(where: Whereabouts, line: Line, record: Record) -> None:
    where.guest.add(record)
    where.is_wrapped |= record.context.compressed or record.context.tunnelled
    if record.layer != "libxc" and record.body and not record.is_pages:
        offset = record.offset + record.length - record.body_length - len(record.padding)
        line.texts.append(Text(record.direction, offset, record.body, record.name))
    if record.connection is not None or record.direction != FORWARD or record.is_text or record.layer is None:
        return
    extent = where.extents[FORWARD]  # from the outermost header to the end of the last record
    if extent.start is None:
        extent.start = record.offset
    extent.end = max(extent.end, record.end)


# --- As a capture -------------------------------------------------------------------------------------------------


class Kept(NamedTuple):
    """What is left of the migration's octets."""

    pages: bool = True
    identity: bool = True


def capture(where: Whereabouts, kept: Kept, program: str) -> Iterator[bytes]:
    """The migration's packets, as the blocks of a pcapng file. Raises UserError."""
    if where.is_wrapped and not (kept.pages and kept.identity):
        raise UserError(
            f"{where.files.name}: the migration's stream is compressed or in libvirt's messages, so nothing in it can "
            "be replaced: --octets forward writes all of it, the guest's memory and its names"
        )
    yield writer.section(ORDER, (SHB_USERAPPL, program.encode()))
    packets = _Packets(where, kept)
    blocks: list[bytes] = []
    for reader in _reading(where.files):
        for packet in _shown(reader, iter(reader.next_packet, None), where.look):
            packets.add(packet, blocks.append)
            yield from blocks
            blocks.clear()


class _Packets:
    """Tells which packets are the migration's, and makes blocks of them."""

    def __init__(self, where: Whereabouts, kept: Kept) -> None:
        self._kept = kept
        self._lines = {(_either(line.key), line.number): line for line in where.lines}
        self._edits = _edits(where, kept)
        self._current: dict[bytes, Line | None] = {}
        self._seen: Counter[bytes] = Counter()
        self._connections = Connections(self._accept, Budget(HELD))
        self._fragments = Fragments()
        self._interfaces: dict[int, int] = {}
        self._hosts: dict[bytes, int] = {}

    def _accept(self, key: bytes) -> tuple[Consumer, Consumer]:
        either = _either(key)
        self._current[either] = self._lines.get((either, self._seen[either]))
        self._seen[either] += 1
        is_like = any(either == other for other, _ in self._lines)
        # What wants nothing at all may be accepted again with its next packet, and would be counted twice.
        return Deaf(0 if is_like else FOREVER), Deaf(0 if is_like else FOREVER)

    def add(self, packet: Packet, write: Callable[[bytes], None]) -> None:
        """The next packet of the capture."""
        segment = decode(packet.link, packet.octets, packet.length, self._fragments)
        if segment is None:
            return
        self._connections.packet(segment, packet.frame, packet.time_ns)
        line = self._current.get(_either(segment.key))
        if line is None:
            return
        payload = self._payload(segment, line)
        is_new = segment.at < 0 or not self._kept.identity
        if is_new:
            link, octets = (
                ETHERNET,
                rebuilt(packet.octets, segment, payload, None if self._kept.identity else self._hosts),
            )
            more = segment.length - len(payload)
        else:
            link, octets = packet.link, corrected(packet.octets, segment, payload)
            more = packet.length - len(octets)
        if link not in self._interfaces:
            self._interfaces[link] = len(self._interfaces)
            write(writer.interface(ORDER, link, 0, (IF_TSRESOL, NANOSECONDS)))
        write(writer.enhanced(ORDER, packet.time_ns, octets, self._interfaces[link], more))

    def _payload(self, segment: Segment, line: Line) -> bytes:
        """The payload with all that is to be replaced."""
        is_first = segment.key == line.key
        edits = self._edits.get((_either(line.key), line.number, is_first))
        half = self._connections.halves.get(segment.key)
        if not segment.length or not edits or not isinstance(half, HalfConnection) or not half.known:
            return bytes(segment.payload)
        start = half.offset_of(segment.seq + bool(segment.flags & SYN))
        payload = bytearray(segment.payload)
        index = max(bisect_left(edits, start, key=lambda edit: edit.start) - 1, 0)
        while index < len(edits) and edits[index].start < start + len(payload):
            _replace(payload, start, edits[index])
            index += 1
        return bytes(payload)


def _replace(payload: bytearray, start: int, edit: Edit) -> None:
    """What of an edit is in a payload that begins at offset `start`."""
    low, high = max(edit.start, start), min(edit.end, start + len(payload))
    if low < high:
        new = bytes(high - low) if edit.octets is None else edit.octets[low - edit.start : high - edit.start]
        payload[low - start : high - start] = new


def _edits(where: Whereabouts, kept: Kept) -> dict[tuple[bytes, int, bool], list[Edit]]:
    """What is to be replaced, by connection and by whether the sender of its first packet says it; in order, without
    overlap."""
    pseudonyms = Pseudonyms([where.guest.name, where.guest.uuid])
    edits: dict[tuple[bytes, int, bool], list[Edit]] = {}
    for line in where.lines:
        for is_first in (True, False):
            found: list[Edit] = []
            if not kept.pages or not kept.identity:
                found += [Edit(start, end, None) for start, end in line.parsers[not is_first].spans]
            if not kept.identity:
                found += _renamed(line, line.direction(is_first), pseudonyms)
            edits[_either(line.key), line.number, is_first] = sorted(found, key=lambda edit: edit[:2])
    return edits


def _renamed(line: Line, direction: Direction, pseudonyms: Pseudonyms) -> Iterator[Edit]:
    for text in line.texts:
        if text.direction == direction:
            new = pseudonyms.replaced(text.octets)
            if new != text.octets:
                yield Edit(text.offset, text.offset + len(new), new)


# --- As octets ----------------------------------------------------------------------------------------------------


def octets(where: Whereabouts, direction: Direction) -> Iterator[bytes]:
    """What one side said: of the source its stream, from the first header to the end of the last record, with whatever
    carried it taken off. Raises UserError if not all of it was captured."""
    extent, line = where.extents[direction], where.carrier
    if line is None or extent.start is None or extent.end <= extent.start:
        raise UserError(f"{where.files.name} holds nothing of the {direction} direction")
    if where.is_cut:
        raise UserError(f"{where.files.name}: its packets were cut short when they were captured")
    if extent.missing:
        raise UserError(f"{where.files.name}: {extent.missing:,} octets of the {direction} direction were not captured")
    said: list[tuple[int, bytes]] = []
    seen: Counter[bytes] = Counter()

    def accept(key: bytes) -> tuple[Consumer, Consumer]:
        either = _either(key)
        is_like = either == _either(line.key)
        is_wanted = is_like and seen[either] == line.number
        seen[either] += 1
        if not is_wanted:
            return Deaf(0 if is_like else FOREVER), Deaf(0 if is_like else FOREVER)
        conversation = Conversation(None, lambda event, frame: None, lambda: 0, keep_pages=True)
        listen = partial(Listener, said, line.direction(True) == direction, where.is_wrapped)
        one, other = listen(True, conversation), listen(False, conversation)
        one.pair(other)
        return one, other

    for reader in _reading(where.files):
        for _ in _steps(reader, connections := Connections(accept, Budget(HELD)), where.look):
            yield from _within(said, extent.start, extent.end)
            said.clear()
        connections.finish()
        yield from _within(said, extent.start, extent.end)


def _within(said: Iterable[tuple[int, bytes]], start: int, end: int) -> Iterator[bytes]:
    """What is between two offsets."""
    for offset, piece in said:
        part = piece[max(start - offset, 0) : max(end - offset, 0)]
        if part:
            yield part


class Listener(DirectionParser):
    """A parser that also hands on the octets it parses and their offsets, if they are of the wanted direction; where
    something carries them, those inside it."""

    __slots__ = ("_is_inside", "_said")

    def __init__(
        self,
        said: list[tuple[int, bytes]],
        is_first_wanted: bool,
        is_inside: bool,
        is_first: bool,
        conversation: Conversation,
    ) -> None:
        super().__init__(conversation, STEPS, is_first)
        self._is_inside = is_inside
        self._said = said if is_first == is_first_wanted else None

    def take_in(
        self, octets: bytes | memoryview, length: int, whole: bool, frame: int, time: int, more: bool = False
    ) -> None:
        if self._said is not None and (self.wrapping is not None) == self._is_inside:
            if len(octets) < length:
                raise UserError(f"{length - len(octets):,} octets were not kept: the rest is not extracted")
            self._said.append((self.end, bytes(octets)))
        super().take_in(octets, length, whole, frame, time, more)


# --- Both ---------------------------------------------------------------------------------------------------------


class Deaf:
    """The `Consumer` of a connection whose octets nobody needs."""

    lacks = 0

    def __init__(self, skip: int) -> None:
        self.skip = skip

    def attach(self, transport: Transport) -> None:
        pass

    def start(self, late: bool) -> None:
        pass

    def feed(
        self, octets: bytes | memoryview, length: int, whole: bool, frame: int, time: int, more: bool = False
    ) -> None:
        pass

    def pass_over(self, length: int, whole: bool, frame: int, time: int) -> None:
        pass

    def lose(self, length: int) -> None:
        pass

    def close(self, how: Literal["fin", "rst"], frame: int, time: int) -> None:
        pass

    def finish(self, reason: str) -> None:
        pass


def _either(key: bytes) -> bytes:
    """The same for both directions of a connection."""
    return min(key, reverse_key(key))


def _steps(reader: CaptureReader, connections: Connections, look: Look) -> Iterator[None]:
    """Each step through the packets of a capture."""
    return _shown(reader, PacketPath(reader, connections).steps(), look)


def _shown(reader: CaptureReader, found: Iterable[T], look: Look) -> Iterator[T]:
    """What is found in a capture; `look` is shown its source with each piece that was read."""
    read = -1
    for one in found:
        if reader.octets != read:
            read = reader.octets
            look(reader.source)
        yield one


def _reading(files: FileSet) -> Iterator[CaptureReader]:
    """The reader of a capture, once; closes it."""
    reader = open_source(files)
    try:
        if not isinstance(reader, CaptureReader):
            raise UserError(f"{files.name} is no capture (pcap, pcapng): there is nothing to extract from it")
        yield reader
        if reader.words_rest:
            raise UserError(reader.words_rest)
    finally:
        reader.source.close()
