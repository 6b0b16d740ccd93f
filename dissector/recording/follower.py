"""Follows a conversation as it passes: which octets are page contents, and, to whom it may concern, its records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from dissector.parser import STATES, Channel, Ends, Flow, Record, Stream
from dissector.recording.packets import HERE, THERE, ends


class NotingStream(Stream):
    """A stream that notes what is passed over, as offsets of its direction."""

    def __init__(self) -> None:
        super().__init__()
        self.spans: list[tuple[int, int]] = []

    def leave(self, length: int) -> None:
        if length:
            self.spans.append((self.offset, self.offset + length))
        super().leave(length)


def connected(
    streams: tuple[Stream, Stream], ends: tuple[Ends, Ends], fresh: Callable[[], Channel]
) -> tuple[Flow, Flow]:
    """The two directions of one connection, ready for their first octet."""
    one, other = (Flow(stream, end, fresh, keep_pages=False) for stream, end in zip(streams, ends, strict=True))
    for flow in (one, other):
        flow.stream.parse(flow.parse(STATES))
    one.pair(other)
    return one, other


class Follower:
    """Both directions of one connection from its first octet; `emit` gets every record of every migration."""

    def __init__(self, emit: Callable[[Record], None]) -> None:
        self._emit = emit
        self._channels = 0
        self._streams = (NotingStream(), NotingStream())
        connected(self._streams, (ends(HERE), ends(THERE)), self._fresh)
        self._sent = [0, 0]

    def data(self, side: int, octets: bytes, frame: int, time: int) -> list[tuple[int, int]]:
        """What a side sends, in which packet and when (ns since the epoch); gives the spans of it that no record
        needs: page contents, and blobs beyond their first MiB. Of what is not understood all is needed."""
        stream, length = self._streams[side], len(octets)
        start = self._sent[side]
        self._sent[side] = end = start + length
        if stream.spans and stream.skip > length:  # as most of what is sent: nothing else depends on it
            stream.pass_over(length, True, frame, time)
            return [(0, length)]
        stream.feed(memoryview(octets), length, True, frame, time)
        spans = [(max(first, start) - start, min(last, end) - start) for first, last in stream.spans]
        stream.spans = [span for span in stream.spans if span[1] > end]
        return spans

    def closed(self, side: int, how: Literal["fin", "rst"], frame: int, time: int) -> None:
        """A side ended what it sends ("fin"), or the whole connection ("rst")."""
        stream = self._streams[side]
        if stream.closed is None:
            stream.close(how, frame, time)
        stream.finish(how)

    def _fresh(self) -> Channel:
        return Channel(emit=self._emit, opened=self._opened)

    def _opened(self, channel: Channel) -> int:
        self._channels += 1
        return self._channels - 1
