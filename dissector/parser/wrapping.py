"""What carries a stream inside a connection, taken off before the parser sees it: compression, and libvirt's messages.

A wrapping stands between the half-connection and the steps of a `DirectionParser`. While there is one, the parser's
offsets count what is inside, from the offset at which the wrapping began; `skip`, as the half-connection sees it, is
the wrapping's. It is the parser's transport, too, since what was acknowledged counts octets outside.

Limits: of compressed octets PIECE are decompressed at a time, which make 8 MiB at most (RFC 8878: a block of 4 octets
holds 128 KiB), with a window of WINDOW_MAX; of a message no more than its header is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dissector.events import Position
from dissector.protocol import MESSAGE_HEADER, MESSAGE_MARK, MESSAGE_MAX, STREAM_ERROR, ZSTD_MAGIC
from dissector.protocol.libvirt import CONTINUE, ERROR, STREAM
from dissector.tcp import FOREVER, Evidence, Paused, Transport

if TYPE_CHECKING:
    import zstandard

    from dissector.parser.direction import DirectionParser

PIECE = 256
WINDOW_MAX = 1 << 23
"""What RFC 8878, 3.1.1.1.2 asks every decoder to support; xenopsd compresses with less."""

MARKED = 4 + len(MESSAGE_MARK)
"""Octets of a message's header by which it is known."""

ERROR_KEPT = 1 << 12
"""Octets of an error's message that are kept."""

Octets = bytes | memoryview


class Wrapping:
    """What both have in common: handing on what is inside, and the numbers of the connection."""

    def __init__(self, parser: DirectionParser) -> None:
        self.parser = parser
        self.transport: Transport = parser.transport
        self.skip = 0
        """How many of the next octets inside nobody needs."""
        self.seen = parser.end
        """Offset outside after what was seen."""
        parser.transport = self
        parser.note_spans = False  # they would be places inside

    def begin(self) -> None:
        parser = self.parser
        position = parser.position()
        self.seen = parser.offset
        octets = parser.take(len(parser.buffer))
        parser.offset -= len(octets)
        parser.wanted = 0
        self.feed(octets, len(octets), True, *position)

    def feed(self, octets: Octets, length: int, whole: bool, frame: int, time: int) -> None:
        raise NotImplementedError

    def hand_on(self, octets: Octets, length: int, whole: bool, frame: int, time: int) -> None:
        """The next octets inside."""
        parser = self.parser
        parser.skip = self.skip
        parser.take_in(octets, length, whole, frame, time)
        self.skip, parser.skip = parser.skip, 0

    def miss(self, length: int) -> None:
        """Octets inside that were not captured."""
        parser = self.parser
        parser.skip = self.skip
        parser.miss(length)
        self.skip, parser.skip = parser.skip, 0

    # The parser's transport

    @property
    def acked(self) -> int:
        missing = self.seen - self.transport.acked
        return self.parser.end - missing if missing > 0 else self.parser.end

    @property
    def is_answered(self) -> bool:
        return self.transport.is_answered

    @property
    def retransmitted(self) -> int:
        return self.transport.retransmitted

    @property
    def conflicts(self) -> int:
        return self.transport.conflicts

    @property
    def copies(self) -> int:
        return self.transport.copies

    @property
    def in_vain(self) -> int:
        return self.transport.in_vain

    @property
    def unheard(self) -> int:
        return self.transport.unheard

    @property
    def is_shut(self) -> bool:
        return self.transport.is_shut

    @property
    def evidence(self) -> Evidence | None:
        return self.transport.evidence

    def take_stalls(self) -> Sequence[Paused]:
        return self.transport.take_stalls()

    @property
    def last_stall(self) -> Paused | None:
        return self.transport.last_stall

    def spent(self) -> Sequence[int]:
        return self.transport.spent()


class Compressed(Wrapping):
    """A stream of zstd frames; what follows them is not compressed."""

    def __init__(self, parser: DirectionParser) -> None:
        super().__init__(parser)
        self._tail = b""
        """Octets after a frame that may be the beginning of another."""
        self._frame = self._new()

    @staticmethod
    def _new() -> zstandard.ZstdDecompressionObj:
        import zstandard

        return zstandard.ZstdDecompressor(max_window_size=WINDOW_MAX).decompressobj()

    def feed(self, octets: Octets, length: int, whole: bool, frame: int, time: int) -> None:
        import zstandard

        self.seen += length
        view, self._tail = memoryview(self._tail + octets), b""
        at = 0
        while at < len(view):
            if self._frame.eof:
                following = bytes(view[at : at + len(ZSTD_MAGIC)])
                if not ZSTD_MAGIC.startswith(following):
                    self._end(view[at:], frame, time)
                    return
                if following != ZSTD_MAGIC:
                    self._tail = following
                    break
                self._frame = self._new()
            piece = view[at : at + PIECE]
            try:
                inside = self._frame.decompress(piece)
            except zstandard.ZstdError:
                self._give_up(0)
                return
            at += len(piece) - len(self._frame.unused_data)
            if inside:
                self.hand_on(inside, len(inside), True, frame, time)
        if len(octets) < length:
            self.lose(length - len(octets))

    def lose(self, length: int) -> None:
        """Without these octets no later one can be decompressed."""
        if self._frame.eof and not self._tail:
            self._end(memoryview(b""), 0, 0)
            self.parser.miss(length)
        else:
            self._give_up(length)

    def _end(self, rest: memoryview, frame: int, time: int) -> None:
        """The rest is not compressed."""
        parser = self.parser
        parser.wrapping, parser.transport, parser.skip = None, self.transport, self.skip
        if rest:
            parser.feed(rest, len(rest), True, frame, time)

    def _give_up(self, length: int) -> None:
        parser = self.parser
        parser.wrapping = None
        parser.skip = self.skip
        parser.give_up(length)


class Tunnelled(Wrapping):
    """Messages of libvirt's remote protocol: the pieces of one direction's stream are handed on, all others dropped.

    After a gap the next header is expected where messages as long as the last one would have it, since the sender fills
    all but the last; if none is there, octets are searched for one, and the stream inside has lost its way."""

    def __init__(self, parser: DirectionParser) -> None:
        super().__init__(parser)
        self._head = bytearray()
        """The header at hand, as far as it came."""
        self._left = 0
        """Octets of the message at hand that are still to come."""
        self._is_piece = False
        self._last = b""
        """The header of the last piece of the stream."""
        self._error: bytearray | None = None

    def feed(self, octets: Octets, length: int, whole: bool, frame: int, time: int) -> None:
        view = memoryview(octets)
        self.seen += length
        while length:
            if not self._left:
                if not view:
                    self._lose(length)
                    break
                used = self._read_head(view)
                view, length = view[used:], length - used
                if not self._left:
                    continue
            here = min(self._left, length)
            have = view[:here]
            self._left -= here
            if self._is_piece:
                self.hand_on(have, here, whole, frame, time)
            elif self._error is not None:
                self._error += have[: ERROR_KEPT - len(self._error)]
            view, length = view[here:], length - here
            if not self._left:
                self._end_message(frame, time)
        self._publish()

    def lose(self, length: int) -> None:
        self.seen += length
        self._lose(length)
        self._publish()

    def _publish(self) -> None:
        """Says what the half-connection may pass over, short of the end of the message at hand."""
        if self.skip >= FOREVER >> 1:
            self.parser.skip = FOREVER
        elif self._error is None:
            wanted = self.skip if self._is_piece else self._left
            self.parser.skip = max(0, min(wanted, self._left - 1))

    def _read_head(self, view: memoryview) -> int:
        """Takes octets of a header; how many. What can be none is passed over."""
        head = self._head
        used = min(MESSAGE_HEADER - len(head), len(view))
        head += view[:used]
        while len(head) >= MARKED and head[4:MARKED] != MESSAGE_MARK:
            at = head.find(MESSAGE_MARK[:1], 5)
            del head[: at - 4 if at >= 0 else len(head) - 4]
        if len(head) == MESSAGE_HEADER and not self._begin_message(bytes(head)):
            del head[:1]
        return used

    def _begin_message(self, head: bytes) -> bool:
        """A message of which this is the header, if it can be one."""
        length, kind, status = (int.from_bytes(head[at : at + 4], "big") for at in (0, 16, 24))
        if not MESSAGE_HEADER <= length <= MESSAGE_MAX:
            return False
        self._head.clear()
        self._left = length - MESSAGE_HEADER
        self._is_piece = kind == STREAM and status == CONTINUE
        self._error = bytearray() if kind == STREAM and status == ERROR else None
        if self._is_piece:
            self._last = head
        return True

    def _end_message(self, frame: int, time: int) -> None:
        error, self._error = self._error, None
        if error is not None:
            self.parser.say(STREAM_ERROR, _message_of(bytes(error)), Position(frame, time))

    def _lose(self, length: int) -> None:
        """Octets that were not captured."""
        while length > 0:
            if self._left:
                here = min(self._left, length)
                if self._is_piece:
                    self.miss(here)
                self._left -= here
            else:
                at = len(self._head)
                here = min(MESSAGE_HEADER - at, length)
                if not self._last:
                    self._head.clear()
                    return
                self._head += self._last[at : at + here]
                if len(self._head) == MESSAGE_HEADER:
                    self._begin_message(bytes(self._head))
            length -= here


def _message_of(error: bytes) -> bytes:
    """The text in a virNetMessageError: two numbers, then a string that may be absent."""
    if len(error) >= 16 and error[8:12] == b"\0\0\0\1":
        return error[16 : 16 + int.from_bytes(error[12:16], "big")]
    return b""
