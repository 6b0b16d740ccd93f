"""`xenshark replay`: plays a captured migration over a connection of its own."""

from __future__ import annotations

import argparse
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import PurePath
from time import monotonic_ns, sleep
from typing import Any

from dissector.cli import DONE, complain
from dissector.cli.arguments import add_files, or_word, positive_number, whole_number
from dissector.cli.input import Bar, only, say_joined
from dissector.errors import UserError
from dissector.events import Endpoint, Flow
from dissector.recording.conversations import Carrier, Said, find, told
from dissector.recording.player import Mouth, play
from dissector.units import duration, printable, size

DESCRIPTION = """\
Plays both sides of a captured migration over a real TCP connection on
127.0.0.1, octet for octet, with the pauses of the original. For trying out
whatever watches a migration: no Xen is needed, and no guest comes to life.
With --listen and --connect each host plays one side, of the same file.
"""

EPILOG = """\
What one side says waits until all that was captured before it has arrived, so
the order between the two sides is the original's. The whole connection is
played, with any other migration that it carried; a reset is played as an end.

Every octet must be in FILE: a capture with gaps, one that began late, or one
whose packets were cut (a snap length, or xenshark tap --no-pages) is refused.

examples:
  xenshark live -i lo -f 'tcp port 7700'                    in another terminal
  xenshark replay --port 7700 --speed max migration.pcap.zst

  xenshark replay --listen 10.0.0.2 --port 7700 migration.pcap.zst
  xenshark replay --connect 10.0.0.2 --port 7700 migration.pcap.zst
"""

HOST = "127.0.0.1"

SPEED = or_word("max", None, positive_number("is no speed: give a number above 0, such as 0.5, or max"))
"""None: without pauses."""

PORT = whole_number("is no port: give a number from 1 to 65535", most=65535)

TRIES, PAUSE = 50, 0.1
"""How often, and after how many seconds, the source tries to reach a destination that does not listen yet."""


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "replay",
        help="play a captured migration over a TCP connection",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_files(parser, says="a capture, compressed or not, or a folder with the files of one; is read twice")
    parser.add_argument(
        "--speed", type=SPEED, default=1.0, metavar="X", help="so many times as fast (default 1), or max"
    )
    parser.add_argument(
        "--port", type=PORT, default=0, metavar="P", help="of the destination (default: any that is free)"
    )
    side = parser.add_mutually_exclusive_group()
    side.add_argument("--listen", metavar="ADDRESS", help="play the destination alone, at this address of this host")
    side.add_argument("--connect", metavar="HOST", help="play the source alone, to who listens there")
    parser.add_argument("--migration", type=int, default=0, metavar="N", help="which one, the first is 0 (default)")


WITH_PORT = re.compile(r"(\[.*\]|[^:]*):\d+")
"""An address and the port that others take with it."""


def run(arguments: argparse.Namespace) -> int:
    for option, value in (("--connect", arguments.connect), ("--listen", arguments.listen)):
        if value == "":
            raise UserError(f"{option} needs an address")
        if value and WITH_PORT.fullmatch(value):
            raise UserError(f"{option} takes an address alone, and {value} has a port: that goes to --port")
    if arguments.connect and not arguments.port:
        raise UserError("--connect needs the --port of the destination")
    files = only(arguments.files, arguments.join, "replay", is_read_twice=True)
    carrier = find(files, arguments.migration)
    say_joined(carrier.joined)
    status = DONE
    if carrier.trouble:
        status = complain(f"{files.name}: {carrier.trouble}; what was captured until then is played")
    source, destination = _ends(arguments)
    with ExitStack() as stack:
        mine = [stack.enter_context(end) for end in (source, destination) if end is not None]
        ends = [mine[0].getsockname(), mine[0].getpeername()]
        flow = Flow(*(Endpoint(*end[:2]) for end in (ends if source else ends[::-1])))
        print(f"{flow}: migration {arguments.migration} of {printable(files.name)}", flush=True)
        start = monotonic_ns()
        try:
            octets = play(_shown(carrier), (_mouth(source), _mouth(destination)), arguments.speed)
        except OSError as error:
            raise UserError(f"the connection broke: {error.strerror or error}") from error
        time = monotonic_ns() - start
    print(f"{size(octets[0])} from the source, {size(octets[1])} from the destination, in {duration(time)}")
    return status


def _shown(carrier: Carrier) -> Iterator[Said]:
    """What is said, with a bar of how much of it, on a terminal."""
    bar, done = Bar(PurePath(carrier.files.paths[0]).name, carrier.octets), 0

    def octets() -> int:
        return done

    try:
        for said in told(carrier):
            yield said
            done += len(said.octets)
            if sys.stderr.isatty():
                bar.tick(octets)
    finally:
        bar.close()


def _ends(arguments: argparse.Namespace) -> tuple[socket.socket | None, socket.socket | None]:
    """Source and destination of the connection, None for one that is elsewhere. Raises UserError."""
    host, port = arguments.connect or arguments.listen or HOST, arguments.port
    try:
        if arguments.connect:
            return _reach(host, port), None
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as server:  # create_server() would put words of Python into what is wrong
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind((host, port))
            server.listen()
            host, port = server.getsockname()[:2]
            source = None
            if arguments.listen:
                print(f"{Endpoint(host, port)} waits for the source", flush=True)
            else:
                source = socket.create_connection((host, port))
            return source, server.accept()[0]
    except OSError as error:
        what = "reach" if arguments.connect else "open"
        where = f"port {port} of {host}" if port else f"a port of {host}"
        raise UserError(f"cannot {what} {where}: {error.strerror or error}") from error


def _reach(host: str, port: int) -> socket.socket:
    """A connection to a destination that may need a moment until it listens."""
    for _ in range(TRIES):
        with suppress(ConnectionRefusedError):
            return socket.create_connection((host, port))
        sleep(PAUSE)
    return socket.create_connection((host, port))


def _mouth(end: socket.socket | None) -> Mouth | None:
    """One end of the connection, for a player that never waits for one end alone."""
    if end is None:
        return None
    end.setblocking(False)
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Mouth(end.fileno(), end.fileno(), lambda: end.shutdown(socket.SHUT_WR))
