"""Follows a conversation as it passes: which octets are page contents, and, to whom it may concern, its events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from dissector.events import Event
from dissector.parser import Conversation, Heard, connect
from dissector.recording.packets import HERE, flow_from


class Follower:
    """Both directions of one connection from its first octet; `emit` gets every event of every migration."""

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self._migrations = 0
        conversation = Conversation(flow_from(HERE), lambda event, frame: emit(event), self._number, note_spans=True)
        self._parsers = connect(conversation)
        self._transports = Heard(), Heard()
        for parser, transport in zip(self._parsers, self._transports, strict=True):
            parser.attach(transport)
        self._sent = [0, 0]
        self._closed = [False, False]

    def data(self, side: int, octets: bytes, frame: int, time: int) -> list[tuple[int, int]]:
        """What a side sends, in which packet and when (ns since the epoch); gives the spans of it that no record
        needs: page contents, and blobs beyond their first MiB. Of what is not understood all is needed."""
        parser, length = self._parsers[side], len(octets)
        start = self._sent[side]
        self._sent[side] = end = start + length
        self._transports[1 - side].acked = self._sent[1 - side]  # as each packet of the recording says
        if parser.spans and parser.skip > length:  # as most of what is sent: nothing else depends on it
            parser.pass_over(length, True, frame, time)
            return [(0, length)]
        parser.feed(memoryview(octets), length, True, frame, time)
        spans = [(max(first, start) - start, min(last, end) - start) for first, last in parser.spans]
        parser.spans = [span for span in parser.spans if span[1] > end]
        return spans

    def closed(self, side: int, how: Literal["fin", "rst"], frame: int, time: int) -> None:
        """A side ended what it sends ("fin"), or the whole connection ("rst")."""
        parser = self._parsers[side]
        if not self._closed[side]:
            self._closed[side] = True
            parser.close(how, frame, time)
        parser.finish(how)

    def report_progress(self) -> None:
        """Emits how far each side has come."""
        for parser in self._parsers:
            parser.report_progress()

    def _number(self) -> int:
        self._migrations += 1
        return self._migrations - 1
