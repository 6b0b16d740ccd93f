"""The way through: packets or octets in, records in the order in which they ended on the wire out.

Sans-IO but for the reader it is handed: it opens nothing, sleeps nowhere and prints nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from dissector.capture.link import addresses
from dissector.capture.opening import StreamReader
from dissector.capture.reader import CaptureReader, Packet
from dissector.parser import STATES, Channel, Ends, Flow, Record, Stream, WireOrder
from dissector.tcp import Connections, PacketPath

Progress = Callable[[], None]

RECENT = 8192
"""Connections that may still turn out to be encrypted: their first octets decide, so none does so late."""


class Engine:
    """Finds every migration of one input; `emit` gets each record."""

    def __init__(
        self, emit: Callable[[Record], None], keep_pages: bool = False, stream: Callable[[], Stream] = Stream
    ) -> None:
        """`stream` makes what takes a direction's octets, for whoever wants to know more of them."""
        self.channels: list[Channel] = []
        """The migrations found so far."""
        self.encrypted: set[str] = set()
        """Ciphers seen on connections; complete when all was read."""
        self.connected = 0
        """TCP connections seen."""
        self.unread_links: set[int] = set()
        """Link types (LINKTYPE_ numbers) of packets that nobody here can read."""
        self.connections = Connections(self._connect)
        self._order = WireOrder(emit)
        self._keep_pages = keep_pages
        self._new_stream = stream
        self._path = PacketPath(None, self.connections)
        self._path.unread_links = self.unread_links
        self._recent: deque[Channel] = deque()

    def capture(self, reader: CaptureReader, progress: Progress | None = None) -> None:
        """Everything in a capture."""
        octets = 0
        for _ in self.steps(reader):
            if progress is not None and reader.octets != octets:
                octets = reader.octets
                progress()

    def steps(self, reader: CaptureReader) -> Iterator[None]:
        """The same in steps, for whoever has to do something in between: one for each packet not passed over."""
        path = PacketPath(reader, self.connections)
        path.unread_links = self.unread_links
        for _ in path.steps():
            self._after(reader.frame)
            yield
        self.finish()

    def packet(self, packet: Packet) -> None:
        """The next packet of a capture, for whoever has no reader."""
        self._path.packet(packet)
        self._after(packet.frame)

    def _after(self, frame: int) -> None:
        # Where gaps are open, what waits is looked at now and then: it costs a look at all that is held.
        if not self.connections.waiting or not frame % 64:
            self._release()

    @property
    def is_holding(self) -> bool:
        """Whether octets or records wait for what a gap may still bring."""
        return bool(self.connections.waiting) or self._order.pending

    def settle(self) -> None:
        """For a live capture, to be called every second or so: what was acknowledged a call ago and has not come will
        not come, though no packet follows that would show it."""
        if self.connections.waiting:
            self.connections.settle()
            self._release()

    def finish(self) -> None:
        """No packet follows."""
        self.connections.finish()
        self._release()
        self._note_ciphers(0)

    def stream(self, reader: StreamReader, progress: Progress | None = None) -> None:
        """A bare stream: what one direction carried, as a save file holds it."""
        flow = self._flow(None)
        stream = flow.stream
        stream.start(late=False)
        while octets := reader.read():
            stream.feed(octets, len(octets), True, 0, 0)
            self._release()
            if progress is not None:
                progress()
        stream.finish("capture")
        self._release()

    def _release(self) -> None:
        if self._order.pending:
            oldest = self.connections.oldest_held()
            self._order.release(() if oldest is None else (oldest,))

    def _connect(self, key: bytes) -> tuple[Stream, Stream]:
        source, destination = addresses(key)
        one = self._flow(Ends(source, destination))
        other = self._flow(Ends(destination, source))
        one.pair(other)
        self.connected += 1
        self._recent.append(one.channel)
        self._note_ciphers(RECENT)
        return one.stream, other.stream

    def _note_ciphers(self, recent: int) -> None:
        """Judges all connections but the most recent ones."""
        while len(self._recent) > recent:
            cipher = self._recent.popleft().encrypted
            if cipher is not None:
                self.encrypted.add(cipher)

    def _flow(self, ends: Ends | None) -> Flow:
        flow = Flow(self._new_stream(), ends, self._fresh, self._keep_pages)
        flow.stream.parse(flow.parse(STATES))
        return flow

    def _fresh(self) -> Channel:
        return Channel(emit=self._order.add, opened=self._opened)

    def _opened(self, channel: Channel) -> int:
        self.channels.append(channel)
        return len(self.channels) - 1
