"""`xenshark tap`: records what a command and whoever started it say to each other."""

from __future__ import annotations

import argparse
import os
import shlex
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dissector import __version__
from dissector.errors import UserError
from dissector.events import Event
from dissector.units import printable

if TYPE_CHECKING:
    from dissector.recording.tap_display import Live

DESCRIPTION = """\
Runs COMMAND, passes on its standard input and output octet for octet, and
records both as a pcapng capture of a TCP connection. So a migration through
ssh can be seen: its plain stream exists only in the pipe to ssh.
"""

EPILOG = """\
example:
  xl migrate -s 'xenshark tap -w migration.pcapng -- ssh' DOMAIN HOST

With --live on a terminal that ssh or xl writes to as well, one overwrites the
other: --live-on another one is for that.

The recording never holds up the migration. A disk too slow for it first costs
page contents, then packets, and at the end xenshark says so; a disk that is
full ends the recording, which can be read up to there, and nothing else.

Octets, their order and their times are real; addresses, ports and TCP are made
up. FILE holds the memory of the guest: it can be read by its owner alone. It
may be a named pipe, which another program reads meanwhile, but no symbolic
link. With --describe it says who talks; command lines may hold passwords.

Exit status: that of COMMAND; if a signal ended it, the same signal ends
xenshark. 2: FILE cannot be written; 126, 127: COMMAND cannot be started.
"""

INTERVAL = 0.25
"""Seconds from one look at the live line to the next."""

TURN = 0.0005
"""Seconds that a thread of Python has to itself at most while another waits: the relays must not starve the thread
that writes the file."""

MADE_UP = "recorded from pipes: addresses, ports and TCP are made up"

NOT_FOUND, NOT_STARTED = 127, 126
"""What a shell says of a command (POSIX, Shell Command Language, 2.8.2)."""


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "tap",
        help="record a migration through a pipe, such as to ssh",
        usage="%(prog)s -w FILE [--no-pages] [--describe] [--live | --live-on TTY] -- COMMAND...",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-w", "--write", required=True, metavar="FILE", help="the capture; is overwritten")
    parser.add_argument("--no-pages", action="store_true", help="leave page contents out, keep all else")
    parser.add_argument(
        "--describe", action="store_true", help="write into FILE who talks: both command lines, this host's name"
    )
    parser.add_argument("--live", action="store_true", help="show on standard error how the migration goes")
    parser.add_argument("--live-on", metavar="TTY", help="the same on another terminal, where tty prints its name")
    parser.add_argument("words", nargs="+", metavar="COMMAND", help="what to run, with its arguments")


def run(arguments: argparse.Namespace) -> int:
    """Ends as the command ends."""
    # Imported here, because these are pipes and signals as only Unix has them.
    from dissector.output import create
    from dissector.recording.follower import Follower
    from dissector.recording.packets import beginning
    from dissector.recording.recorder import Tape
    from dissector.recording.relay import end_like, look_for
    from dissector.recording.relay import run as relay

    words, name = arguments.words, arguments.write
    if not name:
        raise UserError(f"-w needs the name of a file; {words[0]} was not started")
    if name == "-":
        raise UserError(f"standard output is the command's, -w needs a file; {words[0]} was not started")
    try:
        look_for(words[0])
    except OSError as error:
        return _not_started(words[0], error)
    try:
        live = _live(arguments.live_on) if arguments.live or arguments.live_on else None
        file = create(name)
        said = (_section(arguments), _interface(words)) if arguments.describe else ("xenshark tap", MADE_UP)
        about = beginning(f"xenshark {__version__}", *said)
        follower = Follower(live.monitor.add if live else _ignore)
        tape = Tape(file, name, about, follower, keep_pages=not arguments.no_pages)
    except OSError as error:
        why = error.strerror or error
        raise UserError(f"cannot write {error.filename or name}: {why}; {words[0]} was not started") from error

    def tick() -> None:
        if live:
            tape.catch_up_with_all()
            with tape.lock:
                follower.report_progress()
                snapshots = live.snapshots()
            live.show(snapshots, f"recording to {name}")
        while tape.complaints:
            _complain(tape.complaints.popleft())

    sys.setswitchinterval(TURN)
    try:
        status = relay(words, tape, tick, INTERVAL)
    except OSError as error:
        status = _not_started(words[0], error)
    tape.finish()
    if live:
        live.monitor.finish()
    tick()
    return end_like(status)


def _live(terminal: str | None) -> Live:
    """The display, on standard error or another terminal. Raises OSError."""
    # Imported here, because it would be a third of the time to start.
    from dissector.recording.tap_display import Live

    return Live(sys.stderr.fileno()) if terminal is None else Live.open(terminal)


def _section(arguments: argparse.Namespace) -> str:
    """The comment on the capture as a whole."""
    options = [option for option in ("no_pages", "describe", "live") if getattr(arguments, option)]
    switches = [f"--{option.replace('_', '-')}" for option in options]
    switches += ["--live-on", arguments.live_on] if arguments.live_on else []
    return shlex.join(["xenshark", "tap", "-w", arguments.write, *switches, "--", *arguments.words])


def _interface(words: list[str]) -> str:
    """The comment on the connection: who its ends are."""
    from dissector.recording.packets import ENDS

    starter = f"process {os.getppid()}"
    with suppress(OSError):
        octets = Path(f"/proc/{os.getppid()}/cmdline").read_bytes()
        starter = shlex.join(os.fsdecode(octets).rstrip("\0").split("\0"))
    (here, here_port), (there, there_port) = ENDS
    return (
        f"{MADE_UP}. {here}:{here_port} is who started the tap "
        f"on {socket.gethostname()}: {starter}. {there}:{there_port} is the command: {shlex.join(words)}"
    )


def _not_started(command: str, error: OSError) -> int:
    """Says so; the exit status."""
    _complain(f"cannot start {command}: {error.strerror or error}")
    return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_STARTED


def _ignore(event: Event) -> None:
    """Nobody asked."""


def _complain(line: str) -> None:
    _tell(f"xenshark: {printable(line)}\n")


def _tell(text: str) -> None:
    """Says something, if it can be said: a terminal may be gone, and a command may make it non-blocking."""
    with suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()
