"""`xenshark faults`: every page a postcopy guest asked for, and how long it waited."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any

from dissector.analysis import Analysis
from dissector.cli import INTERRUPTED
from dissector.cli.arguments import add_files, add_keylog, whole_number
from dissector.cli.filters import FILTERS, add_columns, add_filter, filtering, table
from dissector.cli.input import TITLE, conclude, each, read_until_interrupted
from dissector.facts import Fault
from dissector.library import Input
from dissector.results.common import in_file
from dissector.results.encoding import dumps
from dissector.results.faults import FaultResult
from dissector.views.faults import header, summary, table_line

if TYPE_CHECKING:
    from dissector.filter import Filter
    from dissector.filter.columns import Table
    from dissector.filter.fields import Row

EPILOG = (
    """\
Latency is the time from the fault's last octet to the last octet of the POSTCOPY_PAGE_DATA that carries the
page, both as captured. A page is "in flight" if its record began on the wire before the fault ended there:
the source had pushed it unasked. The summary's latencies leave those out.

A line's time is that of the fault's last octet, in seconds since the first packet; its frames are those of
the last octet of the fault and of the answer.

"""
    + FILTERS
)

COLUMNS = ("migration", "time", "last_frame", "fault.pfn", "fault.answered_in", "fault.latency", "fault.in_flight")
"""Fields of a table, where none are named."""

COUNT = whole_number("is not a number of faults, at least 1")


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "faults",
        help="match the faults of a postcopy migration to the pages that answer them",
        description="Prints a line for each pfn of each POSTCOPY_FAULT, then how long the answers took.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_files(parser)
    add_keylog(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object a line, one line a faulted pfn")
    add_columns(parser, form)
    add_filter(parser, "faults")
    some = parser.add_mutually_exclusive_group()
    some.add_argument("--slowest", type=COUNT, metavar="N", help="only the N slowest answers, slowest first")
    some.add_argument("--unanswered", action="store_true", help="only pfns whose page never came")


def run(arguments: argparse.Namespace) -> int:
    columns, asked = table(arguments, "faults", COLUMNS), filtering(arguments, "faults")
    try:
        return each(
            arguments,
            lambda capture: _faults(arguments, columns, asked, capture),
            title=None if arguments.json or columns else TITLE,
        )
    finally:
        if columns:
            columns.finish()


def _faults(arguments: argparse.Namespace, columns: Table | None, asked: Filter[Row] | None, capture: Input) -> int:
    analysis = Analysis()
    faults: list[Fault] = []
    takers = [lambda event: faults.extend(analysis.add(event).faults)]
    if columns or asked:
        from dissector.filter.fields import Around, row_of_fault

        around = Around()
        takers.append(around.note)
    is_interrupted = read_until_interrupted(capture, *takers)
    analysis.finish()
    shown = faults
    if asked:
        around.first_time = capture.first_time
        shown = [fault for fault in shown if asked.matches(row_of_fault(fault, around))]
    if arguments.unanswered:
        shown = [fault for fault in shown if fault.answer is None]
    if arguments.slowest is not None:
        timed = [fault for fault in shown if fault.latency is not None]
        shown = sorted(timed, key=lambda fault: fault.latency or 0, reverse=True)[: arguments.slowest]
    if columns:
        around.first_time = capture.first_time
        for fault in shown:
            columns.add(row_of_fault(fault, around), partial(_as_json, capture.path, fault))
    elif arguments.json:
        for fault in shown:
            print(_as_json(capture.path, fault))
    else:
        start = capture.first_time or 0
        several = len(analysis.migrations) > 1
        lines = [header(several), *(table_line(fault, start, several) for fault in shown)]
        summaries = ["\n".join(summary(migration)) for migration, _ in analysis.migrations]
        parts = (["\n".join(lines)] if shown else []) + summaries
        if parts:
            print("\n\n".join(parts))
    conclude(capture, analysis, is_interrupted=is_interrupted)
    return INTERRUPTED if is_interrupted else 0


def _as_json(path: str, fault: Fault) -> str:
    return dumps(in_file(path, FaultResult.of(fault)))
