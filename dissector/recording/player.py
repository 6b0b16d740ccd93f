"""Says again what two sides said, over any pair of descriptors that lead to each other.

One side speaks at a time, and the next octets of the other one wait until all before them have arrived: whatever
carries them, a capture of it has them in the order of the original. The other side may also be somebody else, who
plays it of the same capture: then its octets are waited for.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from dissector.recording.conversations import Said

PIECE = 1 << 16
"""Octets written at once, and joined at most where they come without a pause."""

LONGEST = 1e7
"""Seconds of a pause at most, four months: no system sleeps for as long as damaged times may ask for."""


class Mouth(NamedTuple):
    """How a side is reached: non-blocking descriptors, and what ends what it says."""

    reader: int
    writer: int
    end: Callable[[], None]


def play(
    conversation: Iterable[Said],
    sides: tuple[Mouth | None, Mouth | None],
    speed: float | None,
    sleep: Callable[[float], None] = time.sleep,
) -> list[int]:
    """Plays everything, `speed` times as fast as it was captured; None: without pauses. A side that is None is played
    elsewhere. Gives the octets that the two sides said. Raises OSError when the connection breaks."""
    player = _Player(sides)
    begun: tuple[int, int] | None = None
    for said in conversation:
        if speed is not None:
            now = time.monotonic_ns()
            first, started = begun = begun or (said.time, now)
            ahead = (said.time - first) / speed - (now - started)
            if ahead > 0:
                player.flush()
                sleep(min(ahead / 1e9, LONGEST))
        player.say(said)
    player.flush()
    return player.octets


class _Player:
    def __init__(self, sides: tuple[Mouth | None, Mouth | None]) -> None:
        self.octets = [0, 0]
        self._sides = sides
        self._side = 0
        self._waiting = bytearray()

    def say(self, said: Said) -> None:
        if said.side != self._side or len(self._waiting) >= PIECE or not said.octets:
            self.flush()
        self._side = said.side
        self._waiting += said.octets
        speaker = self._sides[said.side]
        if not said.octets and speaker is not None:
            speaker.end()

    def flush(self) -> None:
        """Delivers what was joined."""
        if self._waiting:
            _deliver(bytes(self._waiting), self._sides[self._side], self._sides[1 - self._side])
            self.octets[self._side] += len(self._waiting)
            self._waiting.clear()


def _deliver(octets: bytes, speaker: Mouth | None, listener: Mouth | None) -> None:
    """Writes at one end until all of it was read at the other, as far as these ends are here."""
    poll = select.poll()
    rest, missing = memoryview(b""), 0
    if speaker is not None:
        rest = memoryview(octets)
        poll.register(speaker.writer, select.POLLOUT)
    if listener is not None:
        missing = len(octets)
        poll.register(listener.reader, select.POLLIN)
    while rest or missing:
        events = dict(poll.poll())
        if speaker is not None and rest and speaker.writer in events:
            rest = rest[os.write(speaker.writer, rest[:PIECE]) :]
            if not rest:
                poll.unregister(speaker.writer)
        if listener is not None and listener.reader in events:
            # No more than is missing: what follows may not be its turn yet.
            arrived = len(os.read(listener.reader, min(PIECE, missing)))
            if not arrived:
                raise ConnectionError("the connection was closed")
            missing -= arrived
