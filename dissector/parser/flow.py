"""One direction of a connection as a parser: which state follows which, and what all states share."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import NamedTuple

from dissector.parser.channel import Channel, Ends
from dissector.parser.records import FORWARD, REVERSE, Record, Spec
from dissector.parser.stream import Ended, Lost, Parser, Place, Stream
from dissector.protocol import Endianness, Layer

State = Callable[["Flow"], Parser]

BODY_KEPT = 1 << 20
"""Octets of a body that are kept at most: enough for every state of processors and devices Xen sends; the rest
of a longer blob is passed over."""

ENTRIES_KEPT = 1 << 20
"""Entries of a pages record that are kept at most. Senders write up to 524,288; receivers of the postcopy RFC's
time accept no body above 8 MiB."""

PAGES_HEADER_SIZE, ENTRY_SIZE = 8, 8

NEXT: Mapping[tuple[str, str], str] = {
    ("xl", "xl header"): "libxl header",
    ("xenops", "xenops header"): "xenops",
    ("xenops", "LIBXC"): "image header",
    ("xenops", "LIBXC_LEGACY"): "legacy",
    ("xenops", "LIBXL"): "libxl header",
    ("xenops", "END_OF_IMAGE"): "closing",
    ("libxl", "libxl header"): "libxl",
    ("libxl", "LIBXC_CONTEXT"): "image header",
    ("libxl", "CHECKPOINT_END"): "libxl or libxc",
    ("libxl", "CHECKPOINT_STATE"): "libxl or libxc",
    ("libxl", "POSTCOPY_TRANSITION_END"): "libxc",
    ("libxl", "END"): "outer",
    ("libxc", "image header"): "domain header",
    ("libxc", "domain header"): "libxc",
    ("libxc", "CHECKPOINT"): "libxl, if there",
    ("libxc", "POSTCOPY_TRANSITION"): "libxl, if there",
    ("libxc", "END"): "outer",
}
"""What comes after a header or record of the forward direction; where there is no entry, another of its layer.

Sources: libxl-migration-stream "LIBXC_CONTEXT", "CHECKPOINT_END"; the postcopy RFC; libxl_colo_save.c of Xen.
"""


class Start(NamedTuple):
    """What is known of an item when its first octets were read."""

    layer: Layer | None
    name: str
    type: int | None
    spec: Spec
    endianness: Endianness
    offset: int
    first: Place
    body_length: int
    notes: tuple[str, ...] = ()


class Flow:
    """The parser of one direction, and what it knows. It begins by hunting, in either direction's name."""

    def __init__(self, stream: Stream, ends: Ends | None, fresh: Callable[[], Channel], keep_pages: bool) -> None:
        self.stream = stream
        self.ends = ends
        self.channel = fresh()
        self.peer: Flow | None = None
        self.direction = FORWARD
        self.state = "hunt"
        self.found = False
        """Whether a stream was recognised in this direction."""
        self.layers: set[Layer] = set()
        """Layers of which this direction carried something; the other one may be ahead while a gap is open."""
        self.lost_at: int | None = None
        """The offset at which a header should have been, while the way is lost."""
        self.trailing: Start | None = None
        """What follows the end of the outermost stream and is no handshake."""
        self.handed_over: str | None = None
        """The record with which libxc handed over to libxl, as far as it was seen."""
        self.keep_pages = keep_pages
        self._skipped = 0
        self._fresh = fresh

    @property
    def is_followed(self) -> bool:
        """Whether the stream was found, and everything since the latest item is known."""
        return self.found and self.lost_at is None and not self._skipped

    @property
    def is_damaged(self) -> bool:
        """Whether the capture has lost or cut off octets of it."""
        return bool(self.stream.gaps) or self.stream.torn

    def pair(self, peer: Flow) -> None:
        """Makes two flows the directions of one connection."""
        self.peer, peer.peer = peer, self
        peer.channel = self.channel

    def parse(self, states: Mapping[str, State]) -> Parser:
        """The whole direction, one state after the other."""
        while self.state != "ignore":
            try:
                yield from states[self.state](self)
            except Lost as lost:
                self.lose(self.stream.offset, lost.resume)
            except Ended:
                return

    @property
    def is_over(self) -> bool:
        """Whether the outermost stream of the other direction has ended."""
        peer = self.peer
        return peer is not None and (peer.state == "closing" or peer.trailing is not None)

    def lose(self, expected: int, resume: int) -> None:
        """The way is lost: a header should have been at one offset, octets go on at another."""
        self.stream.record = None
        if resume > self.stream.offset:
            self.stream.jump(resume)
        if self.found and self.lost_at is None:
            self.lost_at = expected
        self.handed_over = None
        self.state = "hunt"

    def regain(self, state: str) -> None:
        """The next octet begins a header again."""
        if self.lost_at is not None:
            self._skipped = self.stream.offset - self.lost_at
            self.lost_at = None
        self.state = state

    def recognise(self, direction: str) -> None:
        """The next octet belongs to a stream of this direction: so the other direction is the other one."""
        self.channel.open()
        self.direction, self.found = direction, True
        peer = self.peer
        if peer is not None and not peer.found:
            peer.direction = REVERSE if direction == FORWARD else FORWARD
            if peer.direction == REVERSE and peer.state == "hunt":
                peer.state = "reverse"
                peer.stream.drop()
        if direction == FORWARD:
            self.channel.forward, self.channel.reverse = self, peer
        else:
            self.channel.forward, self.channel.reverse = peer, self

    def enter(self, layer: Layer) -> None:
        """Something of this layer was seen in this direction."""
        self.layers.add(layer)
        self.channel.enter(layer)

    def renew(self) -> None:
        """A migration ended on this connection and another begins."""
        channel = self._fresh()
        for flow in (self, self.peer):
            if flow is not None:
                # Each keeps its place: what is left of the old migration's records still has to be read.
                flow.end_trailing(len(flow.stream.buffer))
                flow.channel, flow.found, flow.lost_at = channel, False, None
                flow.layers.clear()

    def end_trailing(self, here: int) -> None:
        """Emits what followed the end of a stream and was no handshake, up to a place in the buffer."""
        start, self.trailing = self.trailing, None
        if start is not None:
            self.emit(start, self.stream.offset + here - start.offset, b"")

    def endianness(self, layer: Layer) -> Endianness:
        """Byte order of a layer's records: libxl and libxc each say their own, xenops has one."""
        if layer == "xenops":
            return "little"
        own = self.channel.libxl_endianness if layer == "libxl" else None
        return own or self.channel.endianness

    def advance(self, layer: Layer, name: str) -> None:
        """The state after a header or record: NEXT, or another of the same layer."""
        following = NEXT.get((layer, name), layer)
        if name == "CHECKPOINT_END" and self.handed_over in ("END", "POSTCOPY_TRANSITION"):
            following = "libxl"  # there is no checkpoint that it could end
        elif layer == "libxc" and following in ("outer", "libxl, if there"):
            self.handed_over = name
        if following == "outer":
            outer = self.channel.outer(layer)
            following = outer if outer in ("libxl", "xenops") else "closing"
        self.state = following

    def emit(self, start: Start, length: int, body: bytes, padding: bytes = b"", whole: bool = True) -> None:
        """Hands on an item."""
        stream = self.stream
        skipped, self._skipped = self._skipped, 0
        silence = stream.transport.take_silence()
        stream.record = None
        self.channel.emit(
            Record(
                channel=self.channel,
                direction=self.direction,
                layer=start.layer,
                name=start.name,
                type=start.type,
                spec=start.spec,
                endianness=start.endianness,
                offset=start.offset,
                first=start.first,
                last=stream.high,
                length=length,
                body_length=start.body_length,
                body=body,
                padding=padding,
                complete=whole and not stream.damaged,
                whole=whole,
                skipped=skipped,
                silence=silence,
                acked=self.peer.stream.acked if self.peer is not None else 0,
                notes=start.notes,
            )
        )


def wait(flow: Flow, length: int) -> Parser:
    """Until this many octets are in the buffer."""
    stream = flow.stream
    while len(stream.buffer) < length:
        if stream.ended is not None:
            raise Ended(stream.ended)
        yield length


def wait_or_stop(flow: Flow, length: int) -> Generator[int, None, bool]:
    """Until this many octets are in the buffer; False if none follow those that are."""
    try:
        yield from wait(flow, length)
    except (Lost, Ended):
        return False
    return True


def leave(flow: Flow, length: int) -> Parser:
    """Passes over octets that nobody needs."""
    flow.stream.leave(length)
    while flow.stream.skip:
        if flow.stream.ended is not None:
            raise Ended(flow.stream.ended)
        yield 0


def item(flow: Flow, start: Start, length: int, pad: int = 0) -> Generator[int, None, bool]:
    """Reads and emits an item of which `length` octets and padding are still to come: keeps what has fields,
    passes over page contents and the rest of long blobs. False if the next header was lost with its end.

    A gap inside costs what it took: the length says where the next header is.
    """
    stream = flow.stream
    end = stream.offset + length + pad
    kept = padding = b""
    resume: int | None = None
    whole = True
    while resume is None or resume <= end:
        try:
            if resume is None:
                keep = yield from _octets_to_keep(flow, start, length)
                yield from wait(flow, keep)
                kept = stream.take(keep)
                yield from leave(flow, length - keep)
                yield from wait(flow, pad)
                padding = stream.take(pad)
            else:
                stream.jump(resume)
                yield from leave(flow, end - resume)
            break
        except Lost as lost:
            kept = kept or stream.take(len(stream.buffer))
            resume = lost.resume
        except Ended:
            kept = kept or stream.take(len(stream.buffer))
            whole = False
            break
    flow.emit(start, (end if whole else stream.offset) - start.offset, kept, padding, whole)
    if not whole:
        raise Ended(stream.ended or "capture")
    if resume is not None and resume > end:
        flow.lose(end, resume)
        return False
    return True


def _octets_to_keep(flow: Flow, start: Start, length: int) -> Generator[int, None, int]:
    """How much of a body has fields."""
    if flow.keep_pages:
        return length
    if length < PAGES_HEADER_SIZE or getattr(start.spec, "shape", None) != "pages":
        return min(length, BODY_KEPT)
    yield from wait(flow, PAGES_HEADER_SIZE)
    count = int.from_bytes(flow.stream.buffer[:4], start.endianness)
    return min(length, PAGES_HEADER_SIZE + ENTRY_SIZE * min(count, ENTRIES_KEPT))
