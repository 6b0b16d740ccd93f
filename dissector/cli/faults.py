"""`xenshark faults`: every page a postcopy guest asked for, and how long it waited."""

from __future__ import annotations

import argparse
import json
from typing import Any

from dissector.analysis import Analysis
from dissector.cli.input import conclude, dissect
from dissector.facts import Fault
from dissector.parser import Record
from dissector.views.faults import as_json, header, summary, table_line

EPILOG = """\
Latency is the time from the fault's last octet to the last octet of the POSTCOPY_PAGE_DATA that carries the
page, both as captured. A page is "in flight" if its record began on the wire before the fault ended there:
the source had pushed it unasked. The summary's latencies leave those out.

A line's time is that of the fault's last octet, in seconds since the first packet; its frames are those of
the last octet of the fault and of the answer.
"""


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
    parser.add_argument("--json", action="store_true", help="print one JSON object a line, one line a faulted pfn")
    some = parser.add_mutually_exclusive_group()
    some.add_argument("--slowest", type=_count, metavar="N", help="only the N slowest answers, slowest first")
    some.add_argument("--unanswered", action="store_true", help="only pfns whose page never came")


def run(arguments: argparse.Namespace) -> int:
    analysis = Analysis()
    faults: list[tuple[int, Fault]] = []

    def take(record: Record) -> None:
        analysis.add(record)
        case = analysis.case_of(record)
        if case is not None and record.name == "POSTCOPY_FAULT":
            index = case.migration.channel.index or 0
            faults.extend((index, fault) for fault in case.migration.faults.latest)

    engine, reader = dissect(arguments.file, take)
    analysis.finish()
    shown = faults
    if arguments.unanswered:
        shown = [one for one in shown if one[1].answer is None]
    if arguments.slowest is not None:
        timed = [one for one in shown if one[1].latency is not None]
        shown = sorted(timed, key=lambda one: one[1].latency or 0, reverse=True)[: arguments.slowest]
    if arguments.json:
        for index, fault in shown:
            print(json.dumps(as_json(index, fault)))
    else:
        start = getattr(reader, "first_time_ns", None) or 0
        several = len(analysis.cases) > 1
        table = [header(several), *(table_line(index, fault, start, several) for index, fault in shown)]
        summaries = ["\n".join(summary(migration)) for migration, _ in analysis.cases]
        print("\n\n".join((["\n".join(table)] if shown else []) + summaries))
    conclude(engine, reader)
    return 0


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of faults, at least 1")
    return int(text)
