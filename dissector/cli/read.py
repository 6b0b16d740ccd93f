"""`xenshark read`: what is in the input, record by record."""

from __future__ import annotations

import argparse
import re
import sys
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from dissector.cli import DONE, INTERRUPTED, WRONG, complain
from dissector.cli.arguments import CONTEXT_MAX, add_files, add_keylog, count, whole_number
from dissector.cli.bodies import Bodies
from dissector.cli.filters import FILTERS, add_columns, add_filter, filtering, table
from dissector.cli.input import TITLE, conclude, each, read, read_until_interrupted
from dissector.errors import UserError
from dissector.events import (
    FOREIGN_OCTETS,
    FORWARD,
    REVERSE,
    Direction,
    Event,
    Flow,
    MigrationFound,
    Record,
    Resynchronised,
)
from dissector.facts import Link, Linker
from dissector.library import Input
from dissector.protocol import HEADERS, MESSAGES, RECORDS, STREAM_ERROR, XENOPS_MESSAGES
from dissector.results.common import in_file
from dissector.results.encoding import dumps
from dissector.results.records import RecordResult
from dissector.units import EPOCH, many, micros
from dissector.views.octets import dump, kept, some
from dissector.views.records import BELOW, TIMES, details, line

if TYPE_CHECKING:
    from dissector.filter import Filter
    from dissector.filter.columns import Table
    from dissector.filter.fields import Around, Row
    from dissector.rules.findings import Finding

_NAMED = {("xl", name) for name in (*MESSAGES, "text")}
_NAMED |= {(spec.layer, spec.name) for spec in (*XENOPS_MESSAGES.values(), STREAM_ERROR)}
_NAMED |= {(spec.layer, spec.name) for specs in (HEADERS.values(), RECORDS) for spec in specs}
NAMES = sorted({"trailing data", FOREIGN_OCTETS, *(name for _, name in _NAMED), *map(".".join, _NAMED)})
"""What --type accepts, beside the names of records that nobody specified."""

RULE = "xenmig.rule"
"""The field that takes the rules, and so the whole input first."""

LAYERS = {layer for layer, _ in _NAMED if layer}

UNKNOWN = re.compile(r"(lib(xl|xc)\.|xenops\.)?unknown_0x[0-9a-f]{8}")

DUMPED = 64
"""Lines of octets that -x shows of a record, unless all are asked for."""

DESCRIPTION = """\
Prints one line for each record, header and handshake text, in the order in which
they ended on the wire (those of a direction in its stream's order, whatever packet
came first): number, time of the last octet, direction (-> from the migration's
source), layer, octets, name, and what matters of it.
"""

EXAMPLES = (
    """\
times:
  --time relative    seconds since the first packet (default)
  --time absolute    date and time, UTC
  --time epoch       seconds since 1970-01-01 00:00 UTC
  --time delta       seconds since the line before; 0 if that came later on the wire

examples:
  xenshark read migration.pcap
  xenshark read -V --type POSTCOPY_FAULT --direction reverse migration.pcap
  xenshark read --from 1.5 --to 2 --time absolute migration.pcap.zst
  xenshark read --at finding:1 -x -C 3 migration.pcap
  xenshark read --extract EMULATOR_CONTEXT -w bodies migration.pcap
  xenshark read --json --octets --type HVM_CONTEXT migration.pcap | jq -r .octets
  xenshark read --json migration.pcap | jq 'select(.complete | not)'
  xenshark read -Y 'fault.latency > 0.1' -T fields -e number -e fault.pfn -e fault.latency migration.pcap

"""
    + FILTERS
)

COLUMNS = ("number", "time", "migration", "direction", "layer", "length", "name")
"""Fields of a table, where none are named."""


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
    add_files(parser)
    add_keylog(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("-V", "--verbose", action="store_true", help="print the fields below each line")
    form.add_argument("--json", action="store_true", help="print one JSON object a line, with all fields")
    add_columns(parser, form)
    add_filter(parser, "records")
    parser.add_argument("--full", action="store_true", help="with -V and -x: leave nothing out of long lists")
    parser.add_argument("-t", "--time", choices=TIMES, default="relative", help="how to show time: see below")
    parser.add_argument("--migration", type=int, metavar="N", help="only this migration, the first is 0")
    parser.add_argument("--direction", choices=(FORWARD, REVERSE), help="only what goes this way")
    parser.add_argument(
        "--type",
        type=_type,
        action="append",
        metavar="NAME",
        help="only records of this name, such as PAGE_DATA or libxl.END, or of this layer, such as xl; may be repeated",
    )
    parser.add_argument(
        "--at",
        type=_at,
        action="append",
        metavar="PLACE",
        help="only this record: N, its number; frame:F, those with octets in that packet; offset:O, those with that "
        "octet of their direction; finding:K, as `xenshark check` prints it; may be repeated",
    )
    parser.add_argument(
        "-c",
        "--count",
        type=whole_number("is no number of records above 0"),
        metavar="N",
        help="no more than the first N of the records that are asked for, of each input",
    )
    parser.add_argument(
        "-C",
        "--context",
        type=count(f"is no number of records up to {CONTEXT_MAX}", CONTEXT_MAX),
        metavar="N",
        help="also N records before and after each, which is then marked >",
    )
    parser.add_argument(
        "-x",
        "--hex",
        "--raw",
        dest="octets",
        action="store_true",
        help="print the octets below each line, as far as kept",
    )
    parser.add_argument(
        "--octets", dest="with_octets", action="store_true", help="with --json: also the octets, in hexadecimal"
    )
    parser.add_argument(
        "--extract",
        type=_type,
        metavar="NAME",
        help="write the body of each record of this name to a file in the folder of -w, page contents included",
    )
    parser.add_argument("-w", dest="folder", metavar="DIR", help="the folder for --extract; is made if it is missing")
    for bound, says in (("from", "not before"), ("to", "not after")):
        parser.add_argument(
            f"--{bound}",
            dest=f"{bound}_",
            type=_moment,
            metavar="TIME",
            help=f"only what ended {says} this: seconds since the first packet, or a date and time in UTC",
        )


def run(arguments: argparse.Namespace) -> int:
    if (arguments.form or arguments.columns) and (arguments.octets or arguments.full):
        raise UserError("-x and --full are of lines for people, and not of columns")
    if arguments.full and not (arguments.verbose or arguments.octets):
        raise UserError("--full is of -V and -x, and there is none of these")
    begin, end = arguments.from_, arguments.to_
    if begin and end and begin.is_absolute == end.is_absolute and begin.micros > end.micros:
        raise UserError("--from is after --to: nothing ends between them")
    columns, asked = table(arguments, "records", COLUMNS), filtering(arguments, "records")
    bodies = _bodies(arguments)
    status = WRONG
    try:
        status = each(
            arguments,
            lambda capture: _read(arguments, Printer(arguments, capture, columns, asked, bodies), capture),
            title=None if arguments.json or columns else TITLE,
            keep_pages=bodies is not None,
        )
        return status
    finally:
        if columns:
            columns.finish()
        if bodies:
            bodies.finish(says_none=status == DONE)


def _bodies(arguments: argparse.Namespace) -> Bodies | None:
    """Where bodies are written to, if they are."""
    if arguments.with_octets and not arguments.json:
        raise UserError("--octets is for --json: -x shows them below lines")
    if (arguments.extract is None) != (arguments.folder is None):
        raise UserError("--extract NAME and -w DIR belong together: which records, and where to")
    if arguments.extract is None:
        return None
    if arguments.type:
        raise UserError("--extract names the records itself: leave --type out")
    arguments.type = [arguments.extract]
    return Bodies(arguments.folder)


def _read(arguments: argparse.Namespace, printer: Printer, capture: Input) -> int:
    """Prints while it reads."""
    if not capture.is_capture and (arguments.from_ or arguments.to_):
        raise UserError(f"{capture.name} is no capture: there are no times for --from and --to")
    linker = Linker(printer.print)
    is_interrupted = False
    try:
        try:
            is_interrupted = read_until_interrupted(
                capture, printer.note, linker.add, show_progress=not sys.stdout.isatty()
            )
        finally:
            linker.finish()
    except Enough:
        return DONE
    conclude(capture)
    asked, found = arguments.migration, capture.migration_count
    if asked is not None and not 0 <= asked < found:
        raise UserError(f"{capture.name} has no migration {asked}: it holds {found}, numbered from 0")
    for at in printer.places.missing:
        raise UserError(f"{capture.name} has no record at {at.words}")
    for at in printer.places.hidden:
        hiding = " or ".join(option for option, value in choosing(arguments).items() if value is not None)
        raise UserError(f"{capture.name} has a record at {at.words}, but it is none that {hiding} asks for")
    if (arguments.from_ or arguments.to_) and not printer.is_found:
        complain(f"{capture.name}: nothing that was asked for ended in this time")
    return INTERRUPTED if is_interrupted else 0


class Enough(Exception):
    """As many records as -c wants are printed."""


class Printer:
    """Prints the records that are wanted, as they come."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        capture: Input,
        columns: Table | None,
        asked: Filter[Row] | None,
        bodies: Bodies | None = None,
    ) -> None:
        self._bodies, self._with_octets = bodies, arguments.with_octets
        self.places = Places(arguments.at or (), capture)
        self._is_wanted = _filter(arguments, capture, self.places)
        self._asked, self._table, self._capture = asked, columns, capture
        self._around = self._what_is_around()
        self._show = self._columns if self._table else self._json if arguments.json else self._lines
        self._verbose, self._full = arguments.verbose, arguments.full
        self._time = TIMES[arguments.time]
        self._at_once = capture.reader.source.size is None  # a pipe may be live
        self._context, self._octets = arguments.context, arguments.octets
        self._near: deque[tuple[Record, Sequence[Link]]] = deque(maxlen=arguments.context or 0)
        """Records before the next one that is wanted."""
        self._after = self._latest = 0
        self._left: int | None = arguments.count
        """How many more records are wanted; None: all."""
        self.is_found = False
        """Whether any record was wanted."""
        self._before: int | None = None
        self._several = False
        self._flows: dict[int, Flow | None] = {}
        self._skipped: dict[tuple[int, Direction, int], int] = {}

    def note(self, event: Event) -> None:
        """The next event: what lines say of records beside the records themselves."""
        if self._around:
            self._around.note(event)
        if isinstance(event, MigrationFound):
            self._flows[event.migration] = event.flow
        elif isinstance(event, Resynchronised):
            self._skipped[event.migration, event.direction, event.offset] = event.skipped

    def print(self, record: Record, links: Sequence[Link]) -> None:
        """The next record, with its links."""
        if self._left == 0 and not self._after:
            raise Enough
        is_wanted = self._left != 0 and self._is_wanted(record)
        if is_wanted and (self._asked is None or self._asked.matches(self._row(record, links))):
            self.is_found = True
            self.places.show(record)
            for near in self._near:
                self._show(*near, False)
            self._near.clear()
            self._after = self._context or 0
            self._show(record, links, True)
            if self._bodies:
                self._bodies.write(record)
            if self._at_once:
                sys.stdout.flush()
            if self._left is not None:
                self._left -= 1
                if not self._left and not self._after:
                    raise Enough
        elif self._after:
            self._after -= 1
            self._show(record, links, False)
        elif self._context:
            self._near.append((record, links))

    def _what_is_around(self) -> Around | None:
        """For filters and columns, which alone ask for it."""
        if self._asked is None and self._table is None:
            return None
        from dissector.filter.fields import Around

        rules: dict[int, list[str]] = {}
        if RULE in (self._asked.fields if self._asked else ()) or RULE in (self._table.names if self._table else ()):
            for finding in _findings(self._capture, RULE):
                rules.setdefault(finding.number or 0, []).append(finding.rule)
        return Around(rules=rules)

    def _row(self, record: Record, links: Sequence[Link]) -> Row:
        from dissector.filter.fields import Row

        assert self._around is not None
        self._around.first_time = self._capture.first_time
        return Row(record, links, self._around)

    def _columns(self, record: Record, links: Sequence[Link], is_wanted: bool) -> None:
        assert self._table is not None
        self._table.add(self._row(record, links), lambda: self._object(record, links))

    def _json(self, record: Record, links: Sequence[Link], is_wanted: bool) -> None:
        sys.stdout.write(self._object(record, links) + "\n")

    def _object(self, record: Record, links: Sequence[Link]) -> str:
        octets = kept(record).octets if self._with_octets else None
        return dumps(in_file(self._capture.path, RecordResult.of(record, links, octets)))

    def _lines(self, record: Record, links: Sequence[Link], is_wanted: bool) -> None:
        self._several = self._several or bool(record.migration)
        time = "-"
        if self._capture.is_capture:
            now = record.last.time
            before = now if self._before is None else self._before
            time = self._time(now, self._capture.first_time or 0, before)
            self._before = now
        skipped = self._skipped.pop((record.migration, record.direction, record.offset), None)
        if self._context is not None:
            if self._latest and record.number > self._latest + 1:
                sys.stdout.write("--\n")
            self._latest = record.number
            sys.stdout.write("> " if is_wanted else "  ")
        sys.stdout.write(line(record, links, record.number, time, self._several, skipped) + "\n")
        if self._octets and is_wanted:
            octets, missing = kept(record)
            for one in some(dump(octets), None if self._full else DUMPED):
                sys.stdout.write(f"{BELOW}{one}\n")
            if missing:
                sys.stdout.write(
                    f"{BELOW}{many(missing, 'octet')} more, which are not kept (page contents, a long body)\n"
                )
        if self._verbose and is_wanted:
            for one in details(record, self._flows.get(record.migration), self._full):
                sys.stdout.write(one + "\n")


def _filter(arguments: argparse.Namespace, capture: Input, places: Places) -> Callable[[Record], bool]:
    """Whether a record is to be printed. Times are compared as they are shown, in whole microseconds."""
    names = set(arguments.type or ())

    def passes(moment: Moment | None, record: Record, sign: int) -> bool:
        if moment is None or not capture.is_capture:
            return True
        since = 0 if moment.is_absolute else capture.first_time or 0
        return sign * (micros(record.last.time - since) - moment.micros) >= 0

    def wanted(record: Record) -> bool:
        name = record.name.lower()
        return places.have(record) and (
            arguments.migration in (None, record.migration)
            and arguments.direction in (None, record.direction)
            and (not names or not names.isdisjoint((name, record.layer, f"{record.layer}.{name}")))
            and passes(arguments.from_, record, 1)
            and passes(arguments.to_, record, -1)
        )

    return wanted


def choosing(arguments: argparse.Namespace) -> dict[str, object]:
    """The options that choose records, beside places, and what they were given."""
    return {
        "-Y": arguments.display_filter,
        "--extract" if arguments.extract else "--type": arguments.type,
        "--direction": arguments.direction,
        "--migration": arguments.migration,
        "--from": arguments.from_,
        "--to": arguments.to_,
    }


class At(NamedTuple):
    """A place: a record's number, or a packet, an octet or a finding."""

    what: str
    number: int

    @property
    def words(self) -> str:
        return f"{self.what} {self.number}" if self.what != "record" else f"number {self.number}"


def _at(text: str) -> At:
    what, _, number = text.rpartition(":")
    if what in ("", "record", "frame", "offset", "finding") and number.isascii() and number.isdecimal():
        return At(what or "record", int(number))
    raise argparse.ArgumentTypeError(f"{text!r} is no place: give a record's number, frame:F, offset:O or finding:K")


class Places:
    """The places that were asked for; without any, a record may be anywhere."""

    def __init__(self, asked: Sequence[At], capture: Input) -> None:
        """Raises UserError if there is no such finding, for whose record the whole input is read first."""
        self.asked = dict.fromkeys(asked)
        self.missing = dict(self.asked)
        """Those at which no record was so far."""
        self.hidden = dict(self.asked)
        """Those of which nothing was shown so far."""
        self._tests = {at: _finder(at, capture) for at in self.asked}

    def have(self, record: Record) -> bool:
        """Whether a record is at one of them."""
        here = [at for at, is_there in self._tests.items() if is_there(record)]
        for at in here:
            self.missing.pop(at, None)
        return bool(here) or not self.asked

    def show(self, record: Record) -> None:
        """A record is shown."""
        for at in [at for at in self.hidden if self._tests[at](record)]:
            del self.hidden[at]


def _finder(at: At, capture: Input) -> Callable[[Record], bool]:
    """Whether a record is at a place."""
    what, number = at
    if what == "finding":
        number = _record_of_finding(at, capture)
    of: dict[str, Callable[[Record], bool]] = {
        "record": lambda record: record.number == number,
        "finding": lambda record: record.number == number,
        "frame": lambda record: bool(record.first.frame) and record.first.frame <= number <= record.last.frame,
        "offset": lambda record: record.offset <= number < record.end,
    }
    return of[what]


def _record_of_finding(at: At, capture: Input) -> int:
    found = _findings(capture, f"--at {at.what}:{at.number}")
    if not 0 < at.number <= len(found):
        raise UserError(f"{capture.name} has no finding {at.number}: there are {len(found)}, see xenshark check --all")
    record = found[at.number - 1].number
    if record is None:
        raise UserError(f"finding {at.number} of {capture.name} is about no record: {found[at.number - 1].message}")
    return record


def _findings(capture: Input, who: str) -> list[Finding]:
    """The findings of the whole input, for which it is read once more. `who` asks for them."""
    # Imported here: only this needs the rules.
    from dissector.analysis import Analysis

    if capture.is_read_once:
        raise UserError(f"{who} reads the input twice, which {capture.name} cannot be")
    analysis = Analysis()
    read(capture.again(), analysis.add)
    analysis.finish()
    return [finding for _, checker in analysis.migrations for finding in checker.findings]


def _type(text: str) -> str:
    """A record's name in small letters, with its layer or without; or a layer."""
    known = {name.lower(): name for name in NAMES}
    wanted = text.lower()
    if wanted in known or wanted in LAYERS or UNKNOWN.fullmatch(wanted):
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
