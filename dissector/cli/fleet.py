"""`xenshark fleet`: many captures into one dataset, and what is in it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from os import urandom
from time import monotonic
from typing import TYPE_CHECKING, Any

from dissector.cli import DONE, INTERRUPTED, WRONG, complain
from dissector.cli.arguments import add_join, place, whole_number
from dissector.cli.input import Bar
from dissector.errors import UserError
from dissector.units import many, printable, size

if TYPE_CHECKING:
    from dissector.fleet.listing import Source
    from dissector.fleet.worker import Done

DESCRIPTION = """\
Reads any number of captures on all processors, or on a cluster of Dask, and puts what `export` writes of them into one
dataset: a folder a table, a Parquet file a capture. `xenshark fleet report DATASET` asks the dataset.
"""

EPILOG = """\
A folder stands for the captures in it and below it; a pattern is quoted. Addresses such as s3://bucket/folder are read
by fsspec, which says what to install for them. Files that a rotating program wrote are one capture, as for the other
commands. What is in the dataset already is not done again, unless the size or time of a file has changed, or a file has
come to a capture or gone from it: then what was read of it before goes. A capture with a problem is a row of
`captures`, and stops nothing. It may be ended at any time, and goes on where it was. Needs more than xenshark alone:
pip install 'xenshark[fleet]'.

examples:
  xenshark fleet /var/captures 's3://migrations/2026-*/*.pcap.zst' -o dataset
  xenshark fleet report dataset
  xenshark fleet report dataset --sql "select kind, avg(postcopy_downtime) from migrations group by kind"
"""

COUNT = whole_number("is not a number of workers, at least 1")


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "fleet",
        help="thousands of captures into one dataset, on a cluster; and questions to it",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "inputs", metavar="INPUT", nargs="+", help="a folder, file, pattern or address; or: report DATASET"
    )
    parser.add_argument(
        "-o", "--output", metavar="DATASET", type=place, help="the dataset: a folder or address; made if need be"
    )
    parser.add_argument("--failed", action="store_true", help="do those again that had a problem")
    add_join(parser)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--workers", type=COUNT, metavar="N", help="processes on this machine (default: its processors)")
    where.add_argument("--scheduler", metavar="ADDRESS", help="of a running cluster, such as tcp://10.0.0.1:8786")
    parser.add_argument("--sql", metavar="QUERY", help="with report: ask this alone")


def run(arguments: argparse.Namespace) -> int:
    try:
        if arguments.inputs[0] == "report" and len(arguments.inputs) == 2 and arguments.output is None:
            return _report(arguments)
        return _run(arguments)
    except ImportError as error:
        needs = f"fleet needs {error.name}: pip install 'xenshark[fleet]'"
        raise UserError(needs) from error


def _report(arguments: argparse.Namespace) -> int:
    from dissector.fleet.dataset import Dataset
    from dissector.fleet.questions import Questions, as_text

    questions = Questions(Dataset(arguments.inputs[1]))
    if arguments.sql is not None:
        print("\n".join(as_text(questions.ask(arguments.sql))))
        return DONE
    for title, answer in questions.report():
        print(f"{title}\n  " + "\n  ".join(as_text(answer)) + "\n")
    return DONE


def _run(arguments: argparse.Namespace) -> int:
    if arguments.output is None:
        raise UserError("fleet needs -o DATASET (see xenshark fleet --help)")
    if arguments.sql is not None:
        raise UserError("--sql is for `fleet report DATASET`")
    from dissector.fleet.dataset import Dataset
    from dissector.fleet.listing import sources
    from dissector.fleet.run import client
    from dissector.fleet.run import run as run_all

    found, remarks = sources(arguments.inputs, arguments.join)
    for remark in remarks:
        complain(remark)
    name = urandom(8).hex()
    dataset = Dataset(arguments.output, name)
    left = dataset.left(found, failed_too=arguments.failed)
    before = [source for source in found if source not in left]
    teller = _Teller(left, len(before), dataset.troubled(before))
    status = DONE
    if left:
        dataset.probe()
        dataset.forget(left)
        try:
            with client(arguments.scheduler, arguments.workers) as cluster:
                run_all(left, arguments.output, cluster, teller.tell, name)
        except KeyboardInterrupt:
            status = INTERRUPTED
        finally:
            dataset.sweep()
    teller.conclude(is_whole=status == DONE)
    return status or (WRONG if teller.problems or teller.problems_before else DONE)


class _Teller:
    """Says on standard error how far it is, and what is wrong."""

    def __init__(self, left: Sequence[Source], before: int, problems_before: int) -> None:
        self.problems, self.problems_before = 0, problems_before
        self._left, self._before = len(left), before
        self._bar = Bar(f"0 of {self._left:,}", sum(source.size for source in left)) if sys.stderr.isatty() else None
        self._done = self._octets = 0
        self._seconds = 0.0
        self._began = monotonic()

    def tell(self, done: Done) -> None:
        """One more is done."""
        self._done += 1
        self._octets += done.source.size
        self._seconds += done.seconds
        if done.problem:
            self.problems += 1
            self._say(f"xenshark: {printable(done.problem)}")
        if self._bar is not None:
            self._bar.tick(lambda: self._octets, f"{self._done:,} of {self._left:,}")

    def conclude(self, is_whole: bool) -> None:
        """Nothing follows."""
        took = monotonic() - self._began
        if self._bar is not None:
            self._bar.close()
        again = f" ({self.problems_before:,} with a problem: --failed does them again)" if self.problems_before else ""
        _print(
            f"{many(self._done, 'capture')} done ({size(self._octets)} in {took:.1f} s, {self._seconds:.1f} s of "
            f"processors), {self._before:,} done before{again}, {self.problems:,} with a problem"
            + ("" if is_whole else f", {self._left - self._done:,} left")
        )

    def _say(self, line: str) -> None:
        if self._bar is not None:
            self._bar.say(line)
        else:
            _print(line)


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
