"""`xenshark read`: what is in the input, record by record."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, NamedTuple

from dissector.capture.opening import open_source
from dissector.capture.reader import CaptureReader
from dissector.cli.input import Reader, conclude, follow
from dissector.errors import UserError
from dissector.facts import Faults
from dissector.parser import FORWARD, REVERSE, Record
from dissector.protocol import HEADERS, MESSAGES, RECORDS
from dissector.views.records import EPOCH, absolute, as_json, details, line, micros, seconds

_NAMED = {("xl", name) for name in (*MESSAGES, "text")}
_NAMED |= {(spec.layer, spec.name) for specs in (HEADERS.values(), RECORDS) for spec in specs}
NAMES = sorted({"trailing data", *(name for _, name in _NAMED), *map(".".join, _NAMED)})
"""What --type accepts, beside the names of records that nobody specified."""

UNKNOWN = re.compile(r"(lib(xl|xc)\.|xenops\.)?unknown_0x[0-9a-f]{8}")

DESCRIPTION = """\
Prints one line for each record, header and handshake text, in the order in which
they ended on the wire (those of a direction in its stream's order, whatever packet
came first): number, time of the last octet, direction (-> from the migration's
source), layer, octets, name, and what matters of it.
"""

EXAMPLES = """\
times:
  --time relative    seconds since the first packet (default)
  --time absolute    date and time, UTC
  --time epoch       seconds since 1970-01-01 00:00 UTC
  --time delta       seconds since the line before

examples:
  xenshark read migration.pcap
  xenshark read -V --type POSTCOPY_FAULT --direction reverse migration.pcap
  xenshark read --from 1.5 --to 2 --time absolute migration.pcap.zst
  xenshark read --json migration.pcap | jq 'select(.complete | not)'
"""


HELD_MAX = 1 << 13
"""Records that wait for their links at most: 2 GiB of pages at 64 a record."""


class Moment(NamedTuple):
    """A bound on time: microseconds since the first packet, or since the epoch."""

    micros: int
    is_absolute: bool


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "read",
        help="one line for each record, header and handshake text",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", help="a capture or a saved stream; - is standard input")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("-V", "--verbose", action="store_true", help="print the fields below each line")
    form.add_argument("--json", action="store_true", help="print one JSON object a line, with all fields")
    parser.add_argument("--full", action="store_true", help="with -V: leave nothing out of long lists")
    parser.add_argument("-t", "--time", choices=TIMES, default="relative", help="how to show time: see below")
    parser.add_argument("--migration", type=int, metavar="N", help="only this migration, the first is 0")
    parser.add_argument("--direction", choices=(FORWARD, REVERSE), help="only what goes this way")
    parser.add_argument(
        "--type",
        type=_type,
        action="append",
        metavar="NAME",
        help="only records of this name, such as PAGE_DATA or libxl.END; may be repeated",
    )
    for bound, says in (("from", "not before"), ("to", "not after")):
        parser.add_argument(
            f"--{bound}",
            dest=f"{bound}_",
            type=_moment,
            metavar="TIME",
            help=f"only what ended {says} this: seconds since the first packet, or a date and time in UTC",
        )


def run(arguments: argparse.Namespace) -> int:
    """Prints while it reads."""
    reader = open_source(arguments.file)
    if not isinstance(reader, CaptureReader) and (arguments.from_ or arguments.to_):
        raise UserError(f"{reader.name} is no capture: there are no times for --from and --to")
    wanted = _filter(arguments, reader)
    show = _json if arguments.json else Lines(arguments, reader)
    at_once = reader.source.size is None  # a pipe may be live

    number = 0

    def emit(record: Record) -> None:
        nonlocal number
        number += 1
        if wanted(record):
            show(record, number)
            if at_once:
                sys.stdout.flush()

    linked = Linked(emit)
    try:
        engine = follow(reader, linked.add, show_progress=not sys.stdout.isatty())
    finally:
        linked.finish()
    conclude(engine, reader)
    asked, found = arguments.migration, len(engine.channels)
    if asked is not None and not 0 <= asked < found:
        raise UserError(f"{reader.name} has no migration {asked}: it holds {found}, numbered from 0")
    return 0


class Linked:
    """Matches faults and pages, and hands records on once their links are known: from the first of either on
    a record waits, for a fault may follow the page that answers it as well as precede it."""

    def __init__(self, emit: Callable[[Record], None]) -> None:
        self._emit = emit
        self._faults: dict[int | None, Faults] = {}
        self._held: deque[Record] = deque()

    def add(self, record: Record) -> None:
        """The next record."""
        if record.layer == "libxc":
            self._faults.setdefault(record.channel.index, Faults()).add(record)
        if self._held or record.name in ("POSTCOPY_FAULT", "POSTCOPY_PAGE_DATA"):
            self._held.append(record)
            if len(self._held) > HELD_MAX:
                self._emit(self._held.popleft())
        else:
            self._emit(record)

    def finish(self) -> None:
        """No record follows."""
        while self._held:
            self._emit(self._held.popleft())


def _json(record: Record, number: int) -> None:
    sys.stdout.write(json.dumps(as_json(record)) + "\n")


class Lines:
    """Prints records for a person."""

    def __init__(self, arguments: argparse.Namespace, reader: Reader) -> None:
        self._verbose, self._full = arguments.verbose, arguments.full
        self._time = TIMES[arguments.time]
        self._reader = reader
        self._before: int | None = None
        self._several = False

    def __call__(self, record: Record, number: int) -> None:
        self._several = self._several or bool(record.channel.index)
        time = "-"
        if isinstance(self._reader, CaptureReader):
            now = record.last.time
            before = now if self._before is None else self._before
            time = self._time(now, self._reader.first_time_ns or 0, before)
            self._before = now
        sys.stdout.write(line(record, number, time, self._several) + "\n")
        if self._verbose:
            for one in details(record, self._full):
                sys.stdout.write(one + "\n")


TIMES: dict[str, Callable[[int, int, int], str]] = {
    "relative": lambda now, first, before: seconds(micros(now - first)),
    "absolute": lambda now, first, before: absolute(micros(now)),
    "epoch": lambda now, first, before: seconds(micros(now)),
    "delta": lambda now, first, before: seconds(micros(now - before)),
}
"""How a line shows time: of the record, the first packet and the line before, all in ns since the epoch."""


def _filter(arguments: argparse.Namespace, reader: Reader) -> Callable[[Record], bool]:
    """Whether a record is to be printed. Times are compared as they are shown, in whole microseconds."""
    names = set(arguments.type or ())

    def passes(moment: Moment | None, record: Record, sign: int) -> bool:
        if moment is None or not isinstance(reader, CaptureReader):
            return True
        since = 0 if moment.is_absolute else reader.first_time_ns or 0
        return sign * (micros(record.last.time - since) - moment.micros) >= 0

    def wanted(record: Record) -> bool:
        name = record.name.lower()
        return (
            arguments.migration in (None, record.channel.index)
            and arguments.direction in (None, record.direction)
            and (not names or name in names or f"{record.layer}.{name}" in names)
            and passes(arguments.from_, record, 1)
            and passes(arguments.to_, record, -1)
        )

    return wanted


def _type(text: str) -> str:
    """A record's name in small letters, with its layer or without."""
    known = {name.lower(): name for name in NAMES}
    wanted = text.lower()
    if wanted in known or UNKNOWN.fullmatch(wanted):
        return wanted
    near = ", ".join(known[name] for name in get_close_matches(wanted, known))
    raise argparse.ArgumentTypeError(f"no record is called {text}" + (f"; did you mean {near}?" if near else ""))


def _moment(text: str) -> Moment:
    if re.fullmatch(r"-?(\d+(\.\d*)?|\.\d+)", text, re.ASCII):
        return Moment(int((Decimal(text) * 1_000_000).to_integral_value("ROUND_FLOOR")), is_absolute=False)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        wanted = "seconds (1.5) or a date and time (2026-11-23T00:20:26)"
        raise argparse.ArgumentTypeError(f"{text} is no time: give {wanted}") from error
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH
    return Moment(since // timedelta(microseconds=1), is_absolute=True)
