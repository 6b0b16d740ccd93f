"""Records a conversation in a file without ever getting in its way.

Whoever relays hands octets over and goes on; a thread of the tape's own writes them. What is said in them is followed
once nobody waits for anything to be passed on (`catch_up`), for a page request is worth less than that takes. What
waits for a slow disk is bounded: from ROOM on page contents are left out, which an analysis does not miss, and from
LIMIT on packets are.
When the file fails the recording ends, whole up to there, and nothing else does.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import time_ns

from dissector.recording.follower import Follower
from dissector.recording.packets import Block, Conversation, statistics
from dissector.units import size

ROOM = 64 << 20
"""Octets that wait before page contents are left out."""

LIMIT = 2 * ROOM
"""Octets that wait before packets are left out."""

BEHIND = 4096
"""Messages that wait to be followed; past it, some are followed before another one is passed on."""

BEHIND_OCTETS = 8 << 20
"""The same of their octets."""

BATCH = 256
"""Blocks written at once: of three pieces each, and Linux takes 1,024 (IOV_MAX)."""

ENOUGH = 512 << 10
"""Octets that are worth waking up for: few enough to be still in the processor's cache when they are written."""

GATHER = 0.002
"""Seconds that fewer wait for more: to wake up for each block costs more than to write it."""

PATIENCE = 5.0
"""Seconds without any progress after which the end of the recording is given up."""


class Tape:
    """A recording. What it is told may come from any thread; nothing but the constructor raises."""

    def __init__(
        self,
        file: int,
        name: str,
        beginning: bytes,
        follower: Follower,
        keep_pages: bool = True,
        room: int = ROOM,
    ) -> None:
        """`file` is a descriptor that stands at the beginning of an empty file. Raises OSError if not even
        `beginning` can be written."""
        self.lock = threading.Lock()
        """Held while the follower works, and by who reads what the follower's records changed."""
        self.complaints: deque[str] = deque()
        """Lines for a person. Who relays must not print them: standard error may be stuck."""
        self._file, self._name = file, name
        self._follower, self._keep_pages = follower, keep_pages
        self._room, self._limit = room, room * LIMIT // ROOM
        self._conversation = Conversation()
        self._behind: deque[tuple[int, bytes, int, int]] = deque()
        """What the follower is still to see: side, octets, packet and time."""
        self._behind_octets = 0
        self._cut_off: list[int] = []  # sides to which the other one no longer listens
        self._ended = False
        self._left_out = 0  # octets of page contents, for want of room
        self._dropped = 0  # packets
        # Two counts with one writer each need no lock: what waits is the difference.
        self._handed = self._written = 0
        self._queue: SimpleQueue[Block] = SimpleQueue()
        self._enough = threading.Lock()  # free when ENOUGH waits: for the thread that writes to take
        self._enough.acquire()
        _write_all(file, [beginning])
        self._size = len(beginning)  # of the file, in whole blocks
        self._start = self._time = time_ns()
        self._hand(self._conversation.opening(self._time))
        self._writer = threading.Thread(target=self._write, daemon=True)
        # A thread begins with the mask of its maker: signals are for who waits for them, not for this one.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        self._writer.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def sent(self, side: int, octets: bytes) -> None:
        """A side sends this. To be told before it is passed on, so that no answer precedes what it answers."""
        self._guarded(self._sent, side, octets)

    def taken(self, side: int, count: int) -> None:
        """The pipe to the other side has taken this many more octets of a side."""
        self._guarded(self._taken, side, count)

    @property
    def behind(self) -> bool:
        """Whether the follower is still to see something: nothing once the recording has ended."""
        return bool(self._behind) and not self._ended

    def catch_up(self) -> None:
        """Nothing is to be passed on just now: shows the follower one message more."""
        self._guarded(self._follow)

    def catch_up_with_all(self) -> None:
        """The same of all that was sent until now."""
        self._guarded(self._follow_all)

    def closed(self, side: int, itself: bool) -> None:
        """A side sends nothing more: it ended `itself`, or else the other side no longer listens."""
        self._guarded(self._closed, side, itself)

    def finish(self) -> None:
        """Nothing follows: waits for the file as long as it makes progress."""
        self._guarded(self._finish)
        self._queue.put(())
        before = -1
        while self._writer.is_alive() and before != self._written:
            before = self._written
            self._writer.join(PATIENCE)
        if self._writer.is_alive():
            self.complaints.append(f"{self._name} does not take the end of the recording, which is not waited for")
        if self._left_out:
            self.complaints.append(f"{self._name} was slow: {size(self._left_out)} of page contents are not in it")
        if self._dropped:
            self.complaints.append(f"{self._name} was slow: {self._dropped:,} packets are not in it")

    def _guarded(self, method: Callable[..., None], *arguments: object) -> None:
        with self.lock:
            if not self._ended:
                self._time = max(self._time, time_ns())
                try:
                    method(*arguments)
                except Exception as error:  # a mistake of the dissector must not cost anybody a migration
                    self._end(f"{type(error).__name__}: {error}")

    def _sent(self, side: int, octets: bytes) -> None:
        conversation = self._conversation
        packet = conversation.packets + 1
        unneeded: list[tuple[int, int]] = []
        if self._keep_pages and self._handed - self._written <= self._room:
            self._behind.append((side, octets, packet, self._time))
            self._behind_octets += len(octets)
            while len(self._behind) > BEHIND or self._behind_octets > BEHIND_OCTETS:
                self._follow()
        else:
            self._follow_all()
            unneeded = self._follower.data(side, octets, packet, self._time)
            if self._keep_pages:
                self._left_out += sum(end - start for start, end in unneeded)
        self._hand(conversation.data(side, self._time, octets, unneeded))

    def _follow(self) -> None:
        if self._behind:
            side, octets, packet, time = self._behind.popleft()
            self._behind_octets -= len(octets)
            self._follower.data(side, octets, packet, time)

    def _follow_all(self) -> None:
        while self._behind:
            self._follow()

    def _taken(self, side: int, count: int) -> None:
        self._hand(self._conversation.taken(side, self._time, count))

    def _closed(self, side: int, itself: bool) -> None:
        conversation = self._conversation
        self._follow_all()
        if itself:
            self._follower.closed(side, "fin", conversation.packets + 1, self._time)
            self._hand(conversation.closing(side, self._time))
        else:
            # TCP tells by a reset, which ends both directions: the other side may still have something to say.
            self._cut_off.append(side)

    def _finish(self) -> None:
        conversation = self._conversation
        self._follow_all()
        for side in self._cut_off:
            if conversation.is_taken(side):
                self._closed(side, True)
                continue
            for one in (1 - side, side):
                self._follower.closed(one, "rst", conversation.packets + 1, self._time)
            self._hand([conversation.reset(1 - side, self._time)])
        packets = conversation.packets
        self._hand([(statistics(self._start, self._time, packets, self._dropped),)])

    def _hand(self, blocks: Iterable[Block]) -> None:
        """To the thread that writes."""
        for block in blocks:
            length = sum(map(len, block))
            if self._handed - self._written + length > self._limit:
                self._dropped += 1
            else:
                self._handed += length
                self._queue.put(block)
        if self._handed - self._written >= ENOUGH and self._enough.locked():
            self._enough.release()

    def _end(self, why: str) -> None:
        """The recording is over, and nothing else is."""
        self._ended = True
        self.complaints.append(f"{self._name}: {why}; the recording ends here, the rest goes on")

    def _write(self) -> None:
        """The thread: writes until it is handed an empty block, or throws away once the recording has ended."""
        batch: list[Block] = []
        while not batch or batch[-1]:
            batch = self._next_batch()
            if self._ended:
                continue
            try:
                length = _write_all(self._file, [piece for block in batch for piece in block])
            except OSError as error:
                self._cut_back(batch)
                self._end(error.strerror or str(error))
            else:
                self._size += length
                self._written += length

    def _next_batch(self) -> list[Block]:
        """What waits after GATHER, or as soon as it is ENOUGH, up to BATCH; the end is a block without pieces."""
        self._enough.acquire(timeout=GATHER)
        batch = [self._queue.get()]
        while batch[-1] and len(batch) < BATCH:
            try:
                batch.append(self._queue.get_nowait())
            except Empty:
                break
        return batch

    def _cut_back(self, batch: list[Block]) -> None:
        """Takes the block away that could not be written whole, for readers that mind."""
        with suppress(OSError):  # not every file can be cut
            reached = os.lseek(self._file, 0, os.SEEK_CUR)
            for block in batch:
                length = sum(map(len, block))
                if self._size + length > reached:
                    break
                self._size += length
            os.ftruncate(self._file, self._size)


def _write_all(file: int, pieces: list[bytes | memoryview]) -> int:
    """Gives how many octets that are. Raises OSError when the file does not take all of them; some it may have."""
    total = 0
    while pieces:
        count = os.writev(file, pieces)
        total += count
        done = 0
        while done < len(pieces) and count >= len(pieces[done]):
            count -= len(pieces[done])
            done += 1
        pieces = pieces[done:]
        if count:
            pieces[0] = memoryview(pieces[0])[count:]
    return total
