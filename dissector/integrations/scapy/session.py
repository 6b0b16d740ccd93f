"""A Scapy session on the engine: every record of every migration, in wire order, as a packet."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from time import time_ns
from typing import Any

from scapy.config import conf
from scapy.error import warning
from scapy.layers import inet6, l2  # noqa: F401  # they tell Scapy the link types
from scapy.packet import Packet
from scapy.plist import PacketList
from scapy.sessions import DefaultSession
from scapy.supersocket import IterSocket, SuperSocket
from scapy.utils import EDecimal, RawPcapReader

from dissector.capture.kernel import Losses, prepare
from dissector.capture.opening import open_source
from dissector.capture.reader import CaptureReader
from dissector.capture.reader import Packet as Captured
from dissector.capture.writer import SNAP
from dissector.engine import Engine
from dissector.events import Event, Flow, MigrationFound, Record
from dissector.facts import Links
from dissector.protocol import RECORD_HEADERS, HeaderSpec, MessageSpec, fixed, layout, records

from .fields import around
from .making import HEADER_CLASSES, RECORD_CLASSES
from .packets import ToolstackMessage, TrailingData, XlMessage, _Item

NO_LINK = -1
"""The link type of packets of a kind for which there is none."""

TURN = 10**9
"""Nanoseconds after which what waits in a live capture is looked at."""

ROOM = 1 << 26
"""Octets that the kernel may hold of a live capture: Scapy's own 64 KiB are a few packets of a migration."""

RECORD_HEADER = {
    (layer, order): fixed(layout(RECORD_HEADERS[layer], order))[0].pack for layer, _, order in RECORD_CLASSES
}


class MigrationSession(DefaultSession):
    """`sniff(session=MigrationSession)` gives a packet for each header, record and text of a migration, whatever its
    TCP port, in the order in which they ended on the wire. From a file or live; packets of anything else are left out.

    keep_pages: with the contents of guest memory; else PAGE_DATA and POSTCOPY_PAGE_DATA have their entries only, and
    of other bodies what is beyond 1 MiB is left out.

    A capture file that Scapy opened by its name is read by xenshark's own reader, from its beginning, not packet by
    packet. A record that waits for octets a gap may still bring comes out later: at the end of the file at the latest,
    in a live capture with a packet some seconds later, or with `finish`. `dropped` counts what the kernel had no room
    for, and Scapy warns of it.
    """

    def __init__(self, keep_pages: bool = False) -> None:
        super().__init__()
        self._keep_pages = keep_pages
        self._inputs: dict[Any, _Input] = {}
        self._losses: list[Losses] = []

    @property
    def dropped(self) -> int:
        """Packets of a live capture that the kernel dropped, because they were not read fast enough."""
        return sum(one.count for one in self._losses)

    def recv(self, sock: Any) -> Iterator[Packet]:
        """What the next packet of a socket of sniff's brings; EOFError at its end."""
        if sock not in self._inputs:
            self._inputs[sock] = _Input(sock, self._keep_pages, self._losses)
        one = self._inputs[sock]
        goes_on = next(one.steps, False)
        while one.ready:  # one by one: who has enough leaves the rest here, for `finish`
            yield one.ready.popleft()
        if not goes_on:
            del self._inputs[sock]
            raise EOFError

    def finish(self) -> PacketList:
        """What still waits when sniffing ended before its input: a live one has no other end."""
        inputs, self._inputs = list(self._inputs.values()), {}
        return PacketList([packet for one in inputs for packet in one.rest()], "Waited")


class _Input:
    """One of the sockets that sniff reads, each with connections and frame numbers of its own."""

    def __init__(self, sock: Any, keep_pages: bool, losses: list[Losses]) -> None:
        """What the kernel loses of a live one is added to `losses`."""
        self.ready: deque[Packet] = deque()
        self._engine = Engine(self._add, keep_pages)
        self._links = Links()
        self._flows: dict[int, Flow | None] = {}
        path = sock.filename if isinstance(sock, RawPcapReader) else None
        is_file = isinstance(path, str) and Path(path).is_file()
        self._lost = _prepared(sock)
        if self._lost is not None:
            losses.append(self._lost)
        self.steps = self._read(str(path)) if is_file else self._receive(sock)
        """True after each step."""

    def rest(self) -> Iterable[Packet]:
        """The packets that waited for more."""
        self.steps.close()
        self._look()
        self._engine.finish()
        return self.ready

    def _read(self, path: str) -> Generator[bool, None, None]:
        reader = open_source(path)
        try:
            if isinstance(reader, CaptureReader):
                for _ in self._engine.steps(reader):
                    yield True
        finally:
            reader.source.close()
        if reader.trouble:
            warning("%s: %s", path, reader.trouble)

    def _receive(self, sock: Any) -> Generator[bool, None, None]:
        """Packets from where there is no file to read: an interface, a pipe, a list."""
        frame = looked = 0
        try:
            while True:
                kind, octets, seconds, length = _next(sock)
                if octets:
                    frame += 1
                    link = conf.l2types.layer2num.get(kind, NO_LINK)
                    at = time_ns() if seconds is None else int(seconds * 10**9)
                    self._engine.packet(Captured(frame, at, link, memoryview(octets), length or len(octets)))
                    if abs(at - looked) >= TURN and _is_live(sock):
                        looked = at
                        self._engine.settle()
                        self._look()
                yield True
        except (EOFError, StopIteration):
            self._engine.finish()

    def _look(self) -> None:
        """Warns of packets that were lost since the last look."""
        if self._lost is None:
            return
        before = self._lost.count
        with suppress(OSError):  # sniff may have closed it
            if self._lost.look() > before:
                warning("the kernel dropped %s packets that were not read fast enough", self._lost.count - before)

    def _add(self, event: Event) -> None:
        if isinstance(event, MigrationFound):
            self._flows[event.migration] = event.flow
        elif isinstance(event, Record):
            packet = _packet(event)
            packet.flow = self._flows.get(event.migration)
            packet.links = self._links.add(packet.record)
            self.ready.append(packet)


def _is_live(sock: Any) -> bool:
    return isinstance(sock, SuperSocket) and not isinstance(sock, IterSocket)


def _packet_socket(sock: Any) -> socket.socket | None:
    """The kernel's socket of a live capture on Linux."""
    own = getattr(sock, "ins", None)
    is_packets = isinstance(own, socket.socket) and own.family == getattr(socket, "AF_PACKET", None)
    return own if is_packets else None


def _prepared(sock: Any) -> Losses | None:
    """Makes a live capture's socket fit for a migration; what it loses, None where the kernel cannot be asked."""
    own = _packet_socket(sock)
    if own is None:
        return None
    prepare(own, max(ROOM, conf.bufsize), SNAP)
    return Losses(own)


def _next(sock: Any) -> tuple[Any, bytes | None, Any, int | None]:
    """Of the next packet of a socket: its class, octets, time (s since the epoch) if known, length on the wire if
    known. EOFError or StopIteration if there is none."""
    if _is_live(sock):
        # Scapy itself asks for 65,535 octets at most, and loopback has more: 65,536 and a header.
        return *(sock.recv_raw(SNAP) if _packet_socket(sock) else sock.recv_raw()), None
    # Of a file the link layer is enough; of a list the packet itself: what its socket gives has lost the time.
    packet = next(sock.iter) if isinstance(sock, IterSocket) else sock.recv(stop_dissection_after=Packet)
    return type(packet), bytes(packet), getattr(packet, "time", None), getattr(packet, "wirelen", None)


def _packet(record: Record) -> Any:
    """A record as a packet, whose octets are not kept a second time in what was said of it."""
    said = around.set(record.context._asdict())
    try:
        packet: _Item = _dissected(record)
    finally:
        around.reset(said)
    packet.record = record._replace(body=b"")
    packet.time = EDecimal(Decimal(record.last.time).scaleb(-9))
    packet.direction = record.direction
    packet.wirelen = record.length
    return packet


def _dissected(record: Record) -> Any:
    if isinstance(record.spec, HeaderSpec):
        return HEADER_CLASSES[record.spec.name, record.endianness](record.body)
    if record.layer is None:
        return TrailingData()
    if isinstance(record.spec, MessageSpec):
        return ToolstackMessage(record.body)
    if record.type is None:
        return XlMessage(record.body)
    version: int | None = record.context.version
    if record.spec is not records(record.layer, version).get(record.type):
        version = None  # it was not known yet
    unknown = RECORD_CLASSES[record.layer, None, record.endianness]
    header = RECORD_HEADER[record.layer, record.endianness](record.type, record.body_length)
    # What follows a body that is not all there is not where it would be looked for.
    padding = record.padding if len(record.body) == record.body_length else b""
    packet_class = RECORD_CLASSES.get((record.layer, version, record.endianness), unknown)
    return packet_class(header + record.body + padding)
