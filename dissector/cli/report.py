"""`xenshark report`: everything about the migrations of some inputs as one HTML file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dissector import __version__
from dissector.cli import DONE, WRONG, complain
from dissector.cli.arguments import add_files, add_keylog
from dissector.cli.input import conclude, each, opened, read, sets
from dissector.errors import UserError
from dissector.library import Input
from dissector.output import keep_inputs, whole
from dissector.results.gathered import Gathered

if TYPE_CHECKING:
    from dissector.views.report import Reported

EPILOG = """\
The file needs nothing else: no network, no other file; any browser of 2024 or newer shows it. Of several inputs it says
first what differs, and draws them on the same axes. Each picture can be saved as SVG and its data as CSV.
xenshark plot draws single pictures for papers.

examples:
  xenshark report migration.pcap -o report.html --open
  xenshark report before.pcap after.pcap -o compared.html
  xenshark report --json migration.pcap | jq '.forward.octets | add'
"""


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "report",
        help="one HTML file to look at and to hand round",
        description="Writes one HTML file: outcome, findings, the migration over time, memory map, faults, records, "
        "guest.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_files(parser)
    add_keylog(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("-o", "--output", metavar="REPORT", default="report.html", help="default: report.html; -: stdout")
    parser.add_argument("--open", action="store_true", help="then show it in the browser ($BROWSER names another)")
    form.add_argument(
        "--json",
        action="store_true",
        help="print what the pictures over time are drawn from instead: one JSON object a line, one line a migration",
    )


def run(arguments: argparse.Namespace) -> int:
    if arguments.json and arguments.open:
        raise UserError("--open shows a report, and --json makes none")
    if arguments.json:
        return each(arguments, _print_timelines)
    if not arguments.output:
        raise UserError("-o needs the name of a file, or - for standard output")
    if arguments.open and arguments.output == "-":
        raise UserError("--open shows a file, and -o - makes none")
    # Imported here: whoever asks for help needs none of it.
    from dissector.views.report import page

    inputs = sets(arguments.files, arguments.join)
    keep_inputs(arguments.output, (path for one in inputs for path in one.paths))
    reported: list[Reported] = []
    problems: list[str] = []
    unread: list[str] = []
    for _, capture, problem in opened(inputs, arguments.keylog):
        gathered, before = Gathered(), len(reported)
        try:
            if capture is not None:
                reported.append(_read(capture, gathered))
                conclude(capture, gathered)
        except UserError as error:
            problem = str(error)
        if problem:
            problems.append(problem)
            unread += [problem] if len(reported) == before else []
    if not reported:
        raise UserError("; ".join(problems))
    write(arguments.output, page(reported, __version__, unread))
    for problem in problems:
        complain(problem)
    if arguments.open and not _open(Path(arguments.output)):
        complain(f"there is no browser to open {arguments.output} in")
        return WRONG
    return WRONG if problems else DONE


def _open(page: Path) -> bool:
    """Shows a file in the user's browser; False: there is none."""
    import webbrowser

    return webbrowser.open(page.absolute().as_uri())


def write(output: str, text: str) -> None:
    """Text to a file, or to standard output if that is called "-". Raises UserError if it cannot be written."""
    if output == "-":
        sys.stdout.write(text)
        return
    with whole(output) as file:
        file.write(text.encode("utf-8"))


def _read(capture: Input, gathered: Gathered) -> Reported:
    from dissector.results.analysis import AnalysisResult
    from dissector.results.common import time_of
    from dissector.results.guest import Guests
    from dissector.views.analysis import told, took
    from dissector.views.report import Reported
    from dissector.views.report.records import Records

    guests, records = Guests(), Records()
    read(capture, gathered.add, guests.add, records.add, sample=gathered.sample)
    gathered.finish()
    records.finish(capture.first_time)
    return Reported(
        analysis=AnalysisResult.of(capture.source, gathered.analysis.migrations),
        guests=guests.results(),
        timelines=gathered.timelines,
        faults=gathered.faults,
        records=records,
        problem=capture.problem,
        told=[told(migration) for migration, _ in gathered.analysis.migrations],
        took=[time_of(took(migration)) for migration, _ in gathered.analysis.migrations],
    )


def _print_timelines(capture: Input) -> int:
    from dissector.results.common import in_file
    from dissector.results.encoding import dumps

    for timeline in capture.timelines():
        print(dumps(in_file(capture.path, timeline)))
    conclude(capture)
    return DONE
