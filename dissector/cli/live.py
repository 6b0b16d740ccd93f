"""`xenshark live`: analyzes migrations while they go on."""

from __future__ import annotations

import argparse
import subprocess
from contextlib import ExitStack
from typing import Any

from dissector.cli.arguments import or_word, positive_number, whole_number
from dissector.errors import UserError
from dissector.recording.programs import PROGRAMS, Wanted, find

DESCRIPTION = """\
Captures on an interface and analyzes what it sees meanwhile: shows of each
migration its phase, iteration, pages and rate, pages outstanding, faults and
how long they wait, and findings as they come. At the end, or at Ctrl-C, it
prints what `xenshark analyze` says of the whole.

Packets come from dumpcap, else from tcpdump, else from Scapy. Root is given up
as soon as they come: what reads them is an ordinary user then, and a process
that reads none stays behind to end the capture and to begin rotated files.
"""

EPILOG = """\
On a terminal there is a picture that changes; anywhere else there are lines, as
phases change and findings come. --json prints one JSON object a line, whose
"event" is: capture (it has begun), migration (found), phase, iteration (begun),
fault (answered), finding, statistics (each second), end (of a migration), and
last summary (the object of `xenshark analyze --json`).

With --no-pages FILE has no contents of the guest's memory, but for a few pages
that share a packet with a header; every length stays, and everything reads it.
FILE is a pcapng from dumpcap, a pcap from the others; the name of a file that
is rotated gets a number: migration_00001.pcapng. FILE can be read by its owner
alone. A full disk ends FILE, not the analysis.

examples:
  xenshark live -i eth0
  xenshark live -i any -f 'tcp port 7700' -w migration.pcapng --no-pages
  xenshark live -i eth0 --json --count 1 | jq 'select(.event == "finding")'

exit status: 0 done; 2 nothing can be captured, or no migration was
"""

AUTO = "auto"


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "live",
        help="analyze migrations while they go on",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("-i", "--interface", metavar="IFACE", help="capture there; any: on all interfaces")
    what.add_argument("-D", "--list", action="store_true", help="list the interfaces and end")
    parser.add_argument("-f", "--filter", default="", metavar="BPF", help="capture only this, see man pcap-filter")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line, one line an event")
    end = parser.add_argument_group("when it ends, if not at Ctrl-C")
    end.add_argument("-c", "--count", type=whole_number(), metavar="N", help="after N migrations have ended")
    end.add_argument("--duration", type=positive_number(), metavar="S", help="after S seconds")
    file = parser.add_argument_group("the capture that is kept")
    file.add_argument("-w", "--write", metavar="FILE", help="keep what is captured; is overwritten")
    file.add_argument(
        "-s",
        "--snaplen",
        type=or_word(AUTO, AUTO, whole_number()),
        default=0,
        metavar="N",
        help="capture N octets of a packet; auto: see --no-pages",
    )
    file.add_argument(
        "--no-pages", dest="snaplen", action="store_const", const=AUTO, help="leave page contents out of FILE"
    )
    file.add_argument("--rotate-size", type=positive_number(), metavar="MB", help="another file before one is larger")
    file.add_argument("--rotate-time", type=positive_number(), metavar="S", help="another file after S seconds")
    file.add_argument("--keep", type=whole_number(), metavar="N", help="delete all rotated files but the newest N")
    how = parser.add_argument_group("how it captures")
    how.add_argument(
        "-B", "--buffer-size", type=whole_number(), default=128, metavar="MIB", help="kernel's buffer (default 128)"
    )
    how.add_argument("-p", "--no-promiscuous-mode", action="store_true", help="only packets to and from this host")
    how.add_argument(
        "--user", metavar="NAME", help="who root becomes; root: stays root (default: who called sudo, else nobody)"
    )
    how.add_argument("--program", choices=PROGRAMS, help="default: the first that is installed")


def run(arguments: argparse.Namespace) -> int:
    # Imported here, because these are pipes and signals as only Unix has them.
    from dissector.cli.watching import Watching
    from dissector.recording.guard import Files, Guard, Started, start
    from dissector.recording.privileges import become, successor
    from dissector.recording.rotation import Numbered, Rotation
    from dissector.recording.session import Session

    program, path = find(arguments.program)
    if arguments.list:
        return _list(program.listing(path))
    _refuse(arguments)
    wanted = Wanted(
        interface=arguments.interface,
        filter=arguments.filter,
        buffer=arguments.buffer_size,
        snap=0 if arguments.snaplen == AUTO else arguments.snaplen,
        promiscuous=not arguments.no_promiscuous_mode,
    )
    rotation = Rotation(
        int(arguments.rotate_size * 1_000_000) if arguments.rotate_size else None, arguments.rotate_time, arguments.keep
    )
    user = successor(arguments.user)
    own = user.own if user else lambda file: None
    files: Files | None = Numbered(arguments.write, rotation, own) if arguments.write else None
    starts: Started = start
    with ExitStack() as ending:
        if user is not None:
            guard = Guard(program.words(path, wanted), files)
            ending.callback(guard.close)
            starts, files = guard.start, files and guard
        session = Session(program, path, wanted, starts)
        ending.callback(session.close)
        watching = Watching(arguments, session, files, rotation)
        if user is not None:
            become(user)
        watching.run(user)
    return 0


def _list(words: list[str]) -> int:
    """The interfaces, in the words of the program that captures."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"{words[0]} cannot list interfaces: {done.stderr.strip().partition(chr(10))[0]}")
    print(done.stdout, end="")
    return 0


def _refuse(arguments: argparse.Namespace) -> None:
    """Raises UserError of options that make no sense together."""
    if arguments.write == "":
        raise UserError("-w needs the name of a file")
    file = {
        "--rotate-size": arguments.rotate_size,
        "--rotate-time": arguments.rotate_time,
        "--no-pages": arguments.snaplen == AUTO,
        "--keep": arguments.keep,
    }
    for option, value in file.items():
        if value and not arguments.write:
            raise UserError(f"{option} is about the file of -w, and there is none")
    if arguments.keep and not (arguments.rotate_size or arguments.rotate_time):
        raise UserError("--keep is about files of --rotate-size or --rotate-time, and there is none of these")
    if arguments.write == "-":
        raise UserError("standard output is for what is analyzed, -w needs a file")
