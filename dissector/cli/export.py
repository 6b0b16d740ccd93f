"""`xenshark export`: the results of many inputs as tables."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple, get_args

from dissector.cli import DONE, WRONG, complain
from dissector.cli.arguments import add_files, add_keylog, place
from dissector.cli.input import Opened, opened, read, sets
from dissector.errors import UserError
from dissector.output import keep_inputs
from dissector.tables.files import Folder, Format
from dissector.tables.rows import TABLES, Rows, described

EPILOG = "tables:\n" + "".join(f"  {table.name:<12}{table.says}\n" for table in TABLES.values())
EPILOG += """
A migration is named by capture and migration, a record by those, its direction and its offset: that is what tables are
joined by. Times are ns since the epoch, UTC; durations seconds. parquet and arrow need pyarrow: pip install
'xenshark[tables]'. A file gets its name when it is whole.

examples:
  xenshark export *.pcap -o tables
  xenshark export --table faults --format csv -o . post.pcap
  duckdb -c "select outcome, count(*) from 'tables/migrations.parquet' group by 1"
"""


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "export",
        help="migrations, records, faults, pages as tables: Parquet, Arrow, CSV or JSON lines",
        description="Writes one file a table into a folder, with a row for each of its things in all inputs.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_files(parser, several="*")
    add_keylog(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("-o", "--output", metavar="DIR", type=_folder, help="the folder; made if need be")
    what.add_argument("--columns", action="store_true", help="print which columns the tables have, and no rows")
    parser.add_argument("--format", choices=get_args(Format), default="parquet", help="of the files (default: parquet)")
    parser.add_argument("--table", choices=tuple(TABLES), action="append", help="only this one; may be repeated")


def _folder(name: str) -> str:
    if name == "-":
        raise argparse.ArgumentTypeError(
            "tables are files in a folder, and none goes to standard output: name a folder; or see -T csv of "
            "xenshark read, faults and check"
        )
    return place(name)


def run(arguments: argparse.Namespace) -> int:
    wanted = arguments.table or tuple(TABLES)
    if arguments.columns:
        # Imported here: it is for who asks alone.
        from dissector.cli.terminal import fitted

        print(fitted("\n\n".join(described(TABLES[name]) for name in wanted)))
        return DONE
    if not arguments.files:
        raise UserError("export needs a FILE (see xenshark export --help)")
    output = Path(arguments.output)
    inputs = sets(arguments.files, arguments.join)
    for name in wanted:
        keep_inputs(str(output / f"{name}.{arguments.format}"), (path for one in inputs for path in one.paths))
    try:
        with Folder(output, arguments.format, wanted) as folder:
            done = [_export(one, folder, wanted) for one in opened(inputs, arguments.keylog)]
            problems = [one.problem for one in done if one.problem]
            if not any(one.is_open for one in done):
                raise UserError("; ".join(problems))  # what tables there were stay
    except ImportError as error:
        raise UserError(f"--format {arguments.format} needs pyarrow: pip install 'xenshark[tables]'") from error
    except OSError as error:
        raise UserError(f"cannot write to {arguments.output}: {error.strerror or error}") from error
    for line in (line for one in done for line in (*one.remarks, one.problem) if line):
        complain(line)
    return WRONG if problems else DONE


class _Done(NamedTuple):
    """What became of one input."""

    is_open: bool
    """Whether it could be opened."""
    problem: str | None
    """What is wrong with it, in one line."""
    remarks: tuple[str, ...]
    """What there was too much of, a line each."""


def _export(one: Opened, folder: Folder, wanted: Collection[str]) -> _Done:
    """The rows of one input."""
    files, capture, problem = one
    rows = Rows(files.paths[0], folder.put, wanted)
    if capture is not None:
        try:
            read(capture, rows.add, sample=rows.sample)
            problem = capture.problem
        except UserError as error:
            problem = str(error)
    rows.finish(None if capture is None else capture.source, problem)
    if capture is None:
        return _Done(False, problem, ())
    words = filter(None, (capture.words_not_followed, rows.analysis.words_left_out))
    return _Done(True, problem, tuple(f"{capture.name}: {one}" for one in words))
