"""A link between two network namespaces that can be slow, long, lossy or short of room: each packet of one of two TUN
devices comes out of the other one, when and if a seeded chance and the link's figures say so.

Run as a program it makes the devices, says that they are there, and is a link until its standard input is closed.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import select
import struct
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from heapq import heappop, heappush

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000

LARGEST = 1 << 16


@dataclass(frozen=True)
class Link:
    """What a link is like, both ways; only the way from the source is slow or loses anything."""

    rate: int = 0
    """Octets a second; 0: as fast as it can."""
    delay: float = 0
    """Seconds one way."""
    loss: float = 0
    """Share of the packets."""
    late: float = 0
    """Share of the packets that are overtaken."""
    lateness: float = 0.003
    """By how many seconds."""
    room: int = 1 << 20
    """Octets that wait for the link at most."""
    seed: int = 1


class _Way:
    """One direction: from one descriptor to another one."""

    def __init__(self, link: Link, reader: int, writer: int) -> None:
        self.reader = reader
        self._link, self._writer = link, writer
        self._chance = random.Random(link.seed)
        self._free = 0.0
        self._waiting: list[tuple[float, int, bytes]] = []
        self._queued: list[tuple[float, int]] = []
        self._room = link.room
        self._count = 0

    def take(self, now: float) -> None:
        """Packets that have come."""
        try:
            while True:
                self._add(os.read(self.reader, LARGEST), now)
        except BlockingIOError:
            return

    def _add(self, packet: bytes, now: float) -> None:
        link = self._link
        while self._queued and self._queued[0][0] <= now:
            self._room += heappop(self._queued)[1]
        if self._chance.random() < link.loss or len(packet) > self._room:
            return
        if link.rate:
            self._free = max(now, self._free) + len(packet) / link.rate
            self._room -= len(packet)
            heappush(self._queued, (self._free, len(packet)))
        out = max(now, self._free) + link.delay + link.lateness * (self._chance.random() < link.late)
        self._count += 1
        heappush(self._waiting, (out, self._count, packet))

    def give(self, now: float) -> float:
        """Those whose time has come; when the next one's does."""
        while self._waiting and self._waiting[0][0] <= now:
            with suppress(OSError):  # the other namespace is not up
                os.write(self._writer, self._waiting[0][2])
            heappop(self._waiting)
        return self._waiting[0][0] if self._waiting else now + 1


def device(name: str) -> int:
    """A TUN device in this process's namespace."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return descriptor


def main() -> None:
    """Is a link: its figures as JSON and the names of two devices are the arguments."""
    link = Link(**json.loads(sys.argv[1]))
    one, other = (device(name) for name in sys.argv[2:4])
    back = Link(delay=link.delay, seed=link.seed)
    ways = [_Way(link, one, other), _Way(back, other, one)]
    with suppress(OSError):  # a link waits for nobody
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    print("there", flush=True)
    until = 0.0
    while True:
        # A poll would count whole milliseconds.
        ready, _, _ = select.select((one, other, sys.stdin.fileno()), (), (), max(0.0, until - time.monotonic()))
        if sys.stdin.fileno() in ready:
            return
        for way in ways:
            if way.reader in ready:
                way.take(time.monotonic())
        until = min(way.give(time.monotonic()) for way in ways)


def words(link: Link, one: str, other: str) -> tuple[str, ...]:
    """The command."""
    return sys.executable, __file__, json.dumps(asdict(link)), one, other


if __name__ == "__main__":
    main()
