"""`xenshark replay`: plays a captured migration over a connection of its own."""

from __future__ import annotations

import argparse
import math
import socket
from contextlib import suppress
from time import monotonic_ns
from typing import Any

from dissector.sources.files import SourceError
from dissector.tap.extract import find, told
from dissector.tap.play import Mouth, play
from dissector.views.units import duration, size

DESCRIPTION = """\
Plays both sides of a captured migration over a real TCP connection on
127.0.0.1, octet for octet, with the pauses of the original. For trying out
whatever watches a migration: no Xen is needed, and no guest comes to life.
"""

EPILOG = """\
What one side says waits until all that was captured before it has arrived, so
the order between the two sides is the original's. The whole connection is
played, with any other migration that it carried; a reset is played as an end.

Every octet must be in FILE: a capture with gaps, one that began late, or one
whose packets were cut (a snap length, or xenshark tap --no-pages) is refused.

example:
  tcpdump -i lo -w copy.pcap port 7700 &
  xenshark replay --port 7700 --speed max migration.pcap.zst
"""

HOST = "127.0.0.1"


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "replay",
        help="play a captured migration over a TCP connection",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", help="a capture, compressed or not; is read twice")
    parser.add_argument(
        "--speed", type=_speed, default=1.0, metavar="X", help="so many times as fast (default 1), or max"
    )
    parser.add_argument(
        "--port", type=_port, default=0, metavar="P", help="of the destination (default: any that is free)"
    )
    parser.add_argument("--migration", type=int, default=0, metavar="N", help="which one, the first is 0 (default)")


def run(arguments: argparse.Namespace) -> int:
    if arguments.file == "-":
        raise SourceError("standard input cannot be replayed: a capture is read twice")
    carrier = find(arguments.file, arguments.migration)
    try:
        with socket.create_server((HOST, arguments.port)) as server:
            source = socket.create_connection(server.getsockname())
            destination, _ = server.accept()
    except OSError as error:
        raise SourceError(f"cannot open port {arguments.port} of {HOST}: {error.strerror or error}") from error
    with source, destination:
        ends = [f"{host}:{port}" for host, port in (source.getsockname(), destination.getsockname())]
        print(f"{' -> '.join(ends)}: migration {arguments.migration} of {arguments.file}", flush=True)
        start = monotonic_ns()
        octets = play(told(carrier), (_mouth(source), _mouth(destination)), arguments.speed)
        time = monotonic_ns() - start
    print(f"{size(octets[0])} from the source, {size(octets[1])} from the destination, in {duration(time)}")
    return 0


def _mouth(end: socket.socket) -> Mouth:
    """One end of the connection, for a player that never waits for one end alone."""
    end.setblocking(False)
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Mouth(end.fileno(), end.fileno(), lambda: end.shutdown(socket.SHUT_WR))


def _speed(text: str) -> float | None:
    """None: without pauses."""
    if text == "max":
        return None
    with suppress(ValueError):
        speed = float(text)
        if 0 < speed < math.inf:
            return speed
    raise argparse.ArgumentTypeError(f"{text!r} is no speed: give a number above 0, such as 0.5, or max")


def _port(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 1 << 16:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 1 to 65535")
