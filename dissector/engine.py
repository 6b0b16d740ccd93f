"""The way through: packets or octets in, events in the order in which they ended on the wire out.

Sans-IO but for the reader it is handed: it opens nothing, sleeps nowhere and prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from dissector import events
from dissector.capture.link import addresses
from dissector.capture.opening import StreamReader
from dissector.capture.reader import CaptureReader, Packet
from dissector.encrypted import Encrypted, Followed
from dissector.events import Endpoint, Event, Flow, Record
from dissector.parser import Conversation, DirectionParser, Joins, Remarks, WireOrder, connect, follow_stream
from dissector.parser.decrypted import Plain, PlainConnection
from dissector.protocol import Expect
from dissector.tcp import Connection, Connections, PacketPath

Progress = Callable[[], None]

Sample = Callable[[events.Progress], None]

STRIDE = 4
"""Packets between two looks at the clock where samples are taken: so a sample is that many packets late at most."""

LATE = 8
"""Where more packets come between two samples, a sample may be late by this part of them."""

FINEST = 1_000_000
"""ns between two samples of a young migration; an older one is sampled SAMPLES times in its age."""

SAMPLES = 1024

MANY = 256
"""Parsers that have ended are forgotten when there are so many more."""


class Engine:
    """Finds every migration of one input; `emit` gets each event."""

    def __init__(
        self,
        emit: Callable[[Event], None],
        keep_pages: bool = False,
        note_spans: bool = False,
        sample: Sample | None = None,
    ) -> None:
        """`keep_pages`: page contents are kept in the records' bodies. `note_spans`: the parsers note which octets are
        page contents (`DirectionParser.spans`). `sample` is told by the capture's clock how far each direction has
        come: beside the events, so that these are the same with it and without."""
        self.records = 0
        """Records, headers and texts so far."""
        self.migrations = 0
        """How many were found so far."""
        self.remarks = Remarks()
        """What else there is to say of the connections."""
        self.connected = 0
        """TCP connections seen."""
        self.connections = Connections(self._connect, is_counted=self._is_counted)
        self._followed = Followed()
        self._order = WireOrder(self._number, self.connections.waiting)
        self._emit = emit
        self._path = PacketPath(None, self.connections)
        self._keep_pages, self._note_spans = keep_pages, note_spans
        self._joins = Joins()
        self._running: dict[DirectionParser, None] = {}
        """Those of connections that carry a migration, and some that have ended."""
        self._many_running = MANY
        self._sample = sample
        self._sampled_at = self._sample_due = 0
        self._sampling_since = self._sampled_frame = 0

    @property
    def likely(self) -> list[Encrypted]:
        """Encrypted connections that look like a migration."""
        return self._followed.likely

    @property
    def unread_links(self) -> set[int]:
        """Link types (LINKTYPE_ numbers) of packets that nobody here can read."""
        return self._path.unread_links

    @property
    def census(self) -> dict[str, int]:
        """How many packets of what kind were not looked into, the most first."""
        return self._path.census

    def capture(self, reader: CaptureReader, progress: Progress | None = None) -> None:
        """Everything in a capture."""
        octets = 0
        for _ in self.steps(reader):
            if progress is not None and reader.octets != octets:
                octets = reader.octets
                progress()

    def steps(self, reader: CaptureReader | StreamReader) -> Iterator[None]:
        """The same in steps, for whoever has to do something in between: one for each packet not passed over, or for
        each piece of a bare stream."""
        if isinstance(reader, StreamReader):
            yield from self._stream_steps(reader)
            return
        self._path = PacketPath(reader, self.connections, *(() if self._sample is None else (STRIDE,)))
        for _ in self._path.steps():
            self._release_some(reader.frame)
            self._take_samples(reader.last_time_ns or 0, reader.frame)
            yield
        self._release(reader.frame)  # what came with the last step: only what is open still ends now
        self.finish(reader.last_time_ns or 0)

    def packet(self, packet: Packet) -> None:
        """The next packet of a capture, for whoever has no reader."""
        self._path.packet(packet)
        self._release_some(packet.frame)

    def _release_some(self, frame: int) -> None:
        # Where gaps are open, what waits is looked at now and then.
        if self._order.pending and (not self.connections.waiting or not frame % 64):
            self._release(frame)

    @property
    def is_holding(self) -> bool:
        """Whether octets or events wait for what a gap may still bring."""
        return bool(self.connections.waiting) or self._order.pending

    def settle(self) -> None:
        """For a live capture, to be called every second or so: what was acknowledged a call ago and has not come will
        not come, though no packet follows that would show it."""
        if self.connections.waiting:
            self.connections.settle()
            self._release(0)
        self._order.settle()

    def decrypted(self, pieces: Iterable[Plain]) -> Iterator[None]:
        """Encrypted connections of a capture that was read, piece by piece, in steps."""
        connections: dict[int, PlainConnection] = {}
        for piece in pieces:
            if piece.connection not in connections:
                if not piece.octets:
                    continue  # a connection that nobody decrypts
                connections[piece.connection] = self._open_plain(piece)
            connections[piece.connection].add(piece)
            self._release(piece.frame)
            yield
        for connection in connections.values():
            connection.finish()
        self._order.finish()

    def _open_plain(self, piece: Plain) -> PlainConnection:
        return PlainConnection(piece.source, self._parsers(Flow(piece.source, piece.destination)))

    def report_progress(self) -> None:
        """Emits how far each open direction of a migration has come."""
        self._forget_ended()
        for parser in self._running:
            parser.report_progress()

    def _take_samples(self, now: int, frame: int) -> None:
        """Those that are due; the capture's clock may have gone back since the last ones. `frame`: packets so far."""
        if self._sample is None or self._sampled_at <= now < self._sample_due:
            return
        self._forget_ended()
        for parser in self._running:
            progress = parser.progress()
            if progress is not None:
                self._sample(progress)
        self._path.stride = max(STRIDE, (frame - self._sampled_frame) // LATE)
        self._sampled_frame = frame
        self._sampling_since = self._sampling_since or now
        self._sampled_at, self._sample_due = now, now + max(FINEST, (now - self._sampling_since) // SAMPLES)

    def _forget_ended(self) -> None:
        self._running = {parser: None for parser in self._running if parser.ended is None}
        self._many_running = 2 * len(self._running) + MANY

    def finish(self, time: int = 0) -> None:
        """No packet follows; `time`: that of the last one, if anybody knows."""
        self._order.finish()
        self.connections.finish(time)
        self._release(0)

    def stream(self, reader: StreamReader, progress: Progress | None = None) -> None:
        """A bare stream: what one direction carried, as a save file holds it."""
        for _ in self._stream_steps(reader):
            if progress is not None:
                progress()

    def _stream_steps(self, reader: StreamReader) -> Iterator[None]:
        parser = follow_stream(self._conversation(None, []))
        parser.start(late=False)
        while octets := reader.read():
            parser.feed(octets, len(octets), True, 0, 0)
            yield
            if parser.expect is Expect.NOTHING and not self.migrations:
                break  # the file may have no end, as /dev/zero has none
        parser.finish("capture")

    def _release(self, frame: int) -> None:
        self._order.release(self.connections.oldest_held(), frame)

    def _number(self, event: Event) -> None:
        """Counts records in the order of events, which is known here first."""
        if type(event) is Record:
            self.records += 1
            event = Record(*event[:-1], self.records)
        self._emit(event)

    def _connect(self, key: bytes) -> tuple[DirectionParser, DirectionParser]:
        source, destination = addresses(key)
        self.connected += 1
        flow = Flow(Endpoint(*source), Endpoint(*destination))
        return self._parsers(flow, self._path.encapsulation)

    def _parsers(self, flow: Flow, encapsulation: tuple[str, ...] = ()) -> tuple[DirectionParser, DirectionParser]:
        parsers: list[DirectionParser] = []
        one, other = connect(self._conversation(flow, parsers, encapsulation))
        parsers += one, other
        return one, other

    def _is_counted(self, connection: Connection) -> bool:
        consumer = connection.sides[0].consumer
        cipher = consumer.conversation.cipher if isinstance(consumer, DirectionParser) else None
        return self._followed.follow(connection, cipher)

    def _conversation(
        self, flow: Flow | None, parsers: list[DirectionParser], encapsulation: tuple[str, ...] = ()
    ) -> Conversation:
        def number() -> int:
            self.migrations += 1
            self._running.update(dict.fromkeys(parsers))
            if len(self._running) > self._many_running:
                self._forget_ended()
            # A young migration among old ones is not to be sampled as seldom as they are.
            self._sampling_since = self._sample_due = 0
            return self.migrations - 1

        return Conversation(
            flow, self._order.add, number, self._keep_pages, self._note_spans, self._joins, encapsulation, self.remarks
        )
