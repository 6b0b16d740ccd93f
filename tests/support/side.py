"""One side of a replayed migration, in a network namespace, that can be slower than the octets' way to the other side.

Run as a program it plays its side of a capture over a TCP connection, as `xenshark replay` does, through a pump that
reads or writes slowly, pauses, or holds back what it says.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from threading import Thread

from dissector.capture.joined import FileSet
from dissector.recording.conversations import Said, find, told
from dissector.recording.player import Mouth, play

PORT = 7700


@dataclass(frozen=True)
class Pump:
    """How a side hands on the octets of one direction."""

    rate: int = 0
    """Octets a second; 0: as fast as it can."""
    piece: int = 1 << 14
    """Octets at once."""
    every: int = 0
    """After so many octets it pauses; 0: never."""
    pause: float = 0
    """For so many seconds."""
    hold: float = 0
    """It holds back what follows the first `after` octets for so many seconds."""
    after: int = 0


EVENLY = Pump()


@dataclass(frozen=True)
class Side:
    """What a side is like."""

    path: str
    address: str
    is_source: bool
    octets: int
    """The source says no more than so many."""
    out: Pump = EVENLY
    back: Pump = EVENLY
    buffer: int = 0
    """SO_RCVBUF; 0: the system's choice."""
    control: str = ""
    """The congestion control; nothing: the system's choice."""


def run_pump(pump: Pump, reader: socket.socket, writer: socket.socket) -> None:
    """Hands on everything."""
    due, done, paused, has_held = time.monotonic(), 0, 0, not pump.hold
    with suppress(OSError):
        while octets := reader.recv(pump.piece):
            if not has_held and done >= pump.after:
                has_held = True
                time.sleep(pump.hold)
            writer.sendall(octets)
            done += len(octets)
            if pump.every and done >= (paused + 1) * pump.every:
                paused += 1
                time.sleep(pump.pause)
            if pump.rate:
                # What was lost by waiting is not made up for.
                due = max(due + len(octets) / pump.rate, time.monotonic() - 0.01)
                time.sleep(max(0.0, due - time.monotonic()))
        writer.shutdown(socket.SHUT_WR)


def beginning(conversation: Iterator[Said], octets: int) -> Iterator[Said]:
    """What is said until the source has said so much."""
    for said in conversation:
        yield said
        octets -= len(said.octets) if said.side == 0 else 0
        if octets <= 0:
            return


def connected(side: Side) -> socket.socket:
    """The connection."""
    if side.is_source:
        for _ in range(100):
            with suppress(OSError):
                return socket.create_connection((side.address, PORT), timeout=5)
            time.sleep(0.05)
        raise OSError("nobody listens")
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if side.buffer:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, side.buffer)
    server.bind((side.address, PORT))
    server.listen(1)
    return server.accept()[0]


def main() -> None:
    """Plays a side, which is its argument as JSON."""
    said = json.loads(sys.argv[1])
    side = Side(**{**said, "out": Pump(**said["out"]), "back": Pump(**said["back"])})
    carrier = find(FileSet((side.path,)), 0)
    wire = connected(side)
    wire.settimeout(None)
    if side.control:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, side.control.encode())
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    mine, pumped = socket.socketpair()
    threads = [
        Thread(target=run_pump, args=(side.out, pumped, wire), daemon=True),
        Thread(target=run_pump, args=(side.back, wire, pumped), daemon=True),
    ]
    for thread in threads:
        thread.start()
    mine.setblocking(False)
    mouth = Mouth(mine.fileno(), mine.fileno(), lambda: None)
    sides = (mouth, None) if side.is_source else (None, mouth)
    play(beginning(told(carrier), side.octets), sides, None)
    with suppress(OSError):
        mine.shutdown(socket.SHUT_WR)
    for thread in threads:
        thread.join(10)


def words(side: Side) -> tuple[str, ...]:
    """The command."""
    return sys.executable, __file__, json.dumps(asdict(side))


if __name__ == "__main__":
    main()
