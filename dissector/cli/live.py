"""`xenshark live`: analyzes migrations while they go on."""

from __future__ import annotations

import argparse
import os
import subprocess
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dissector import __version__
from dissector.cli.arguments import or_word, positive_number, whole_number
from dissector.cli.input import is_on_a_terminal
from dissector.errors import UserError
from dissector.recording.programs import PROGRAMS, TELLING, Wanted, find

if TYPE_CHECKING:
    from dissector.cli.watching import Service
    from dissector.fleet.log import Appended
    from dissector.recording.log import Dated
    from dissector.recording.privileges import User
    from dissector.viewer.live import LiveViewer

DESCRIPTION = """\
Captures on an interface and analyzes what it sees meanwhile: shows of each
migration its phase, iteration, pages and rate, pages outstanding, faults and
how long they wait, and findings as they come. At the end, or at Ctrl-C, it
prints what `xenshark analyze` says of the whole.

Packets come from dumpcap, else from tcpdump, else from Scapy; with --metrics
from tcpdump first, which says meanwhile what it loses. Root is given up as soon
as they come: what reads them is an ordinary user then, and a process that reads
none stays behind to end the capture, to begin it again, and to begin files.
"""

EPILOG = """\
On a terminal there is a picture that changes; anywhere else there are lines, as
phases change and findings come. --json prints one JSON object a line, whose
"event" is: capture (it has begun), migration (found), phase, iteration (begun),
fault (answered), finding, statistics (each second), end (of a migration), and
last summary (the object of `xenshark analyze --json`). With --view (it needs
Textual: pip install 'xenshark[view]') records, fields and octets are on the
screen as they come, as with `xenshark view`; ? lists the keys.

With --no-pages FILE has no contents of the guest's memory, but for a few pages
that share a packet with a header; every length stays, and everything reads it.
FILE is a pcapng from dumpcap, a pcap from the others; the name of a file that
is rotated gets a number: migration_00001.pcapng. FILE can be read by its owner
alone. A full disk ends FILE, not the analysis.

With --metrics or --log it watches a host for weeks: in bounded memory, and when
the interface goes away it waits for it and captures again (then FILE gets a
number, and migrations are numbered anew). --log appends each migration that has
ended: to a file of JSON lines, which is renamed to migrations-2026-11-26.jsonl
when its day is over (UTC), or, if its name ends in "/" or is a folder, to a
Parquet dataset that `xenshark fleet report` asks. --metrics serves Prometheus;
--dashboard is a dashboard of it for Grafana, --unit a unit for systemd:
  xenshark live --unit | sudo tee /etc/systemd/system/xenshark-live@.service
  sudo systemctl enable --now xenshark-live@eth0
  xenshark live --dashboard > xenshark.json

examples:
  xenshark live -i eth0
  xenshark live -i eth0 --view
  xenshark live -i eth0 --metrics 127.0.0.1:9469 --log migrations.jsonl
  xenshark live -i any -f 'tcp port 7700' -w migration.pcapng --no-pages
  xenshark live -i eth0 --json --count 1 | jq 'select(.event == "finding")'

exit status: 0 done; 2 nothing can be captured, or no migration was (with
--metrics or --log 0 all the same if SIGTERM ends it, as it ends a service)
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
    what.add_argument("--dashboard", action="store_true", help="print a dashboard for Grafana and end")
    what.add_argument("--unit", action="store_true", help="print a unit for systemd and end")
    parser.add_argument("-f", "--filter", default="", metavar="BPF", help="capture only this, see man pcap-filter")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line, one line an event")
    parser.add_argument(
        "--view", action="store_true", help="walk through what comes, as with xenshark view; q or Ctrl-C ends"
    )
    end = parser.add_argument_group("when it ends, if not at Ctrl-C")
    end.add_argument("-c", "--count", type=whole_number(), metavar="N", help="after N migrations have ended")
    end.add_argument("--duration", type=positive_number(), metavar="S", help="after S seconds")
    weeks = parser.add_argument_group("watching a host for weeks")
    weeks.add_argument(
        "--metrics", type=_address, metavar="[HOST]:PORT", help="serve metrics for Prometheus there, such as :9469"
    )
    weeks.add_argument("--log", metavar="FILE|DIR/", help="append every migration that has ended to it")
    weeks.add_argument("--log-keep", type=whole_number(), metavar="N", help="delete what is logged but that of N days")
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
    if arguments.dashboard or arguments.unit:
        from dissector.integrations import prometheus

        print(prometheus.text_of(prometheus.DASHBOARD if arguments.dashboard else prometheus.UNIT), end="")
        return 0
    # Imported here, because these are pipes and signals as only Unix has them.
    from dissector.cli.viewed import Viewed
    from dissector.cli.watching import Watching
    from dissector.recording.guard import Files, Guard, Started, start
    from dissector.recording.log import Dated
    from dissector.recording.privileges import become, successor
    from dissector.recording.rotation import Numbered, Rotation
    from dissector.recording.session import Session

    program, path = find(arguments.program, TELLING if arguments.metrics else tuple(PROGRAMS))
    if arguments.list:
        return _list(program.listing(path))
    _refuse(arguments)
    viewer = _viewer() if arguments.view else None
    wanted = Wanted(
        interface=arguments.interface,
        filter=arguments.filter,
        buffer=arguments.buffer_size,
        snap=0 if arguments.snaplen == AUTO else arguments.snaplen,
        promiscuous=not arguments.no_promiscuous_mode,
    )
    rotation = Rotation(
        int(arguments.rotate_size * 1_000_000) if arguments.rotate_size else None,
        arguments.rotate_time,
        arguments.keep,
        bool(arguments.metrics or arguments.log),
    )
    user = successor(arguments.user)
    own = user.own if user else lambda file: None
    files: Files | None = Numbered(arguments.write, rotation, own) if arguments.write else None
    dated = Dated(arguments.log, arguments.log_keep, own) if arguments.log and not _is_folder(arguments.log) else None
    starts: Started = start
    complaints: deque[str] = deque()
    with ExitStack() as ending:
        if user is not None:
            guard = Guard(program.words(path, wanted), files, None if dated is None else dated.open)
            ending.callback(guard.close)
            starts, files = guard.start, files and guard
            if dated is not None:
                dated.asks = guard.log
        services = []
        for service in _services(arguments, dated, user, complaints.append):
            services.append(service)
            ending.callback(service.close)
        what = arguments, lambda: Session(program, path, wanted, starts), files, rotation, services, complaints
        watching = Watching(*what) if viewer is None else Viewed(*what)
        ending.callback(watching.close)
        if isinstance(watching, Viewed) and viewer is not None:
            watching.show(viewer)
        if user is not None:
            become(user)
        watching.run(user)
    return 0


def _viewer() -> type[LiveViewer]:
    """Of a live capture. Raises UserError where there can be none."""
    if not is_on_a_terminal():
        raise UserError("--view needs a terminal; without it, live prints lines")
    try:
        from dissector.viewer.live import LiveViewer
    except ImportError as error:
        raise UserError("--view needs Textual: pip install 'xenshark[view]'") from error
    return LiveViewer


def _is_folder(name: str) -> bool:
    """Whether a log is a dataset."""
    return name.endswith("/") or Path(name).is_dir()


def _services(
    arguments: argparse.Namespace, dated: Dated | None, user: User | None, complain: Callable[[str], None]
) -> Iterator[Service]:
    """What goes on for weeks. Raises UserError where it cannot."""
    if arguments.metrics:
        try:
            from dissector.integrations.prometheus.metrics import Metrics
        except ImportError as error:
            raise UserError("--metrics needs prometheus_client: pip install 'xenshark[metrics]'") from error
        host, port = arguments.metrics
        yield Metrics(host, port, arguments.interface, __version__)
    if arguments.log:
        from dissector.recording.log import Lines, Log

        sink = Lines(dated) if dated is not None else _dataset(arguments.log, arguments.log_keep, user)
        yield Log(sink, arguments.interface, complain)


def _dataset(name: str, keep: int | None, user: User | None) -> Appended:
    try:
        from dissector.fleet.log import Appended
    except ImportError as error:
        raise UserError(f"--log {name} needs {error.name}: pip install 'xenshark[fleet]'") from error
    folder = Path(name)
    if "://" not in name and user is not None and not folder.exists():
        try:
            folder.mkdir(parents=True)
            os.chown(folder, user.uid, user.gid)  # who is to write it
        except OSError as error:
            raise UserError(f"cannot write to {name}: {error.strerror or error}") from error
    return Appended(name.rstrip("/") or "/", keep)


def _address(text: str) -> tuple[str, int]:
    """Reads where to serve: a host, or none for every address, and a port."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdecimal() or int(port[:6]) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no [HOST]:PORT, such as :9469 or 127.0.0.1:9469")
    return host.removeprefix("[").removesuffix("]") or "0.0.0.0", int(port)


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
        "--no-pages (-s auto)": arguments.snaplen == AUTO,
        "--keep": arguments.keep,
    }
    for option, value in file.items():
        if value and not arguments.write:
            raise UserError(f"{option} is about the file of -w, and there is none")
    if arguments.keep and not (arguments.rotate_size or arguments.rotate_time):
        raise UserError("--keep is about files of --rotate-size or --rotate-time, and there is none of these")
    if arguments.log == "":
        raise UserError("--log needs the name of a file or folder")
    other = {"--json": arguments.json, "--metrics": arguments.metrics, "--log": arguments.log}
    for option, value in other.items():
        if value and arguments.view:
            raise UserError(f"{option} is for who is not there, --view for who is: give one of them")
    if arguments.log == "-":
        raise UserError("standard output is for what is analyzed, --log needs a file or folder")
    if arguments.log_keep and not arguments.log:
        raise UserError("--log-keep is about what --log writes, and that is nothing")
    if arguments.write == "-":
        raise UserError("standard output is for what is analyzed, -w needs a file")
