"""`xenshark faults`: every page a postcopy guest asked for, and how long it waited."""

from __future__ import annotations

import argparse
from typing import Any

from dissector.analysis import Analysis
from dissector.cli import INTERRUPTED
from dissector.cli.arguments import add_keylog, whole_number
from dissector.cli.input import conclude, read_until_interrupted
from dissector.facts import Fault
from dissector.library import open
from dissector.results.encoding import dumps
from dissector.results.faults import FaultResult
from dissector.views.faults import header, summary, table_line

EPILOG = """\
Latency is the time from the fault's last octet to the last octet of the POSTCOPY_PAGE_DATA that carries the
page, both as captured. A page is "in flight" if its record began on the wire before the fault ended there:
the source had pushed it unasked. The summary's latencies leave those out.

A line's time is that of the fault's last octet, in seconds since the first packet; its frames are those of
the last octet of the fault and of the answer.
"""

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
    parser.add_argument("file", metavar="FILE", help="a capture; - is standard input")
    add_keylog(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line, one line a faulted pfn")
    some = parser.add_mutually_exclusive_group()
    some.add_argument("--slowest", type=COUNT, metavar="N", help="only the N slowest answers, slowest first")
    some.add_argument("--unanswered", action="store_true", help="only pfns whose page never came")


def run(arguments: argparse.Namespace) -> int:
    analysis = Analysis()
    faults: list[Fault] = []
    capture = open(arguments.file, keylog=arguments.keylog)
    is_interrupted = read_until_interrupted(capture, lambda event: faults.extend(analysis.add(event).faults))
    analysis.finish()
    shown = faults
    if arguments.unanswered:
        shown = [fault for fault in shown if fault.answer is None]
    if arguments.slowest is not None:
        timed = [fault for fault in shown if fault.latency is not None]
        shown = sorted(timed, key=lambda fault: fault.latency or 0, reverse=True)[: arguments.slowest]
    if arguments.json:
        for fault in shown:
            print(dumps(FaultResult.of(fault)))
    else:
        start = capture.first_time or 0
        several = len(analysis.migrations) > 1
        table = [header(several), *(table_line(fault, start, several) for fault in shown)]
        summaries = ["\n".join(summary(migration)) for migration, _ in analysis.migrations]
        print("\n\n".join((["\n".join(table)] if shown else []) + summaries))
    conclude(capture, analysis, is_interrupted=is_interrupted)
    return INTERRUPTED if is_interrupted else 0
