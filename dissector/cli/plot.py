"""`xenshark plot`: one picture of a migration for a paper, or its data."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dissector.cli.arguments import add_files, add_keylog
from dissector.cli.input import conclude_only, look_at_keys, only, read
from dissector.errors import UserError
from dissector.library import Input
from dissector.output import keep_inputs, whole
from dissector.results.gathered import Gathered

if TYPE_CHECKING:
    from dissector.views.plots import Row, Subject

KINDS = ("timeline", "memory", "iterations", "latency", "ecdf", "again")
FORMATS = ("svg", "pdf", "png", "csv")

EPILOG = """\
kinds:
  timeline    octets a second, phases, faults, retransmissions
  memory      pages by pfn and time: first sent, sent again, announced, pushed, answered, faulted
  iterations  pages sent a second, and pages dirtied meanwhile
  latency     each fault over time; in flight apart
  ecdf        distribution of latency, without pages that were in flight
  again       how often precopy sent pages

Pictures are one column (85 mm) wide, in colours that colour-blind readers tell apart, and need matplotlib:
pip install 'xenshark[plots]'. A name that ends in .csv gives the data, and needs nothing.

examples:
  xenshark plot timeline migration.pcap -o timeline.svg
  xenshark plot ecdf post.pcap -o - | sort -n
"""


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "plot",
        help="one picture of a migration for a paper, or its data",
        description="Draws one picture of a migration, or writes its data as CSV.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", metavar="KIND", choices=KINDS, help=f"one of {', '.join(KINDS)}")
    add_files(parser)
    add_keylog(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="PICTURE",
        type=_output,
        required=True,
        help="what to write, by its end: .svg, .pdf, .png, .csv; -: CSV to stdout",
    )
    parser.add_argument("--migration", type=int, default=0, metavar="N", help="which one, the first is 0 (default)")


def run(arguments: argparse.Namespace) -> int:
    # Imported here: whoever asks for help needs none of it.
    from dissector.views import plots

    files = only(arguments.files, arguments.join, "plot")
    keep_inputs(arguments.output, files.paths)
    look_at_keys(arguments.keylog)
    capture, gathered = Input(files, keylog=arguments.keylog), Gathered()
    read(capture, gathered.add, sample=gathered.sample)
    gathered.finish()
    subject = _subject(capture, gathered, arguments.migration)
    if arguments.output == "-" or arguments.output.lower().endswith(".csv"):
        _write(plots.table(arguments.kind, subject), arguments.output)
    else:
        plots.draw(arguments.kind, subject, arguments.output)
    conclude_only(capture, gathered)
    return 0


def _subject(capture: Input, gathered: Gathered, number: int) -> Subject:
    from dissector.views.plots import Subject

    found = {one.migration: one for one in gathered.timelines}
    if number not in found:
        raise UserError(
            f"{capture.name} has no migration {number} to plot: it holds {capture.migration_count}, numbered from 0"
        )
    asked = tuple(fault for fault in gathered.faults if fault.migration == number)
    return Subject(gathered.migration(number), found[number], asked)


def _write(rows: list[Row], output: str) -> None:
    if output == "-":
        csv.writer(sys.stdout).writerows(rows)
        return
    with whole(output) as file, io.TextIOWrapper(file, "utf-8", newline="") as text:
        csv.writer(text).writerows(rows)


def _output(name: str) -> str:
    if name != "-" and Path(name).suffix[1:].lower() not in FORMATS:
        raise argparse.ArgumentTypeError(f"{name!r} ends in none of {', '.join('.' + one for one in FORMATS)}")
    return name
