"""`xenshark check`: the protocol's rules over every migration of some files, like a linter."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from dissector import __version__
from dissector.analysis import Analysis
from dissector.cli import INTERRUPTED, WRONG, complain
from dissector.cli.arguments import CONTEXT_MAX, add_files, add_keylog, count
from dissector.cli.filters import FILTERS, add_columns, add_filter, filtering, table
from dissector.cli.input import opened, read, read_until_interrupted, say_interrupted, sets
from dissector.cli.rule_ids import no_such_rule
from dissector.errors import UserError
from dissector.events import Record
from dissector.facts import Link, Linker
from dissector.library import Input
from dissector.results.encoding import dumps
from dissector.results.findings import FileFindingResult
from dissector.results.sarif import sarif
from dissector.rules import RULES
from dissector.rules.findings import SEVERITIES, Finding
from dissector.units import input_name, many
from dissector.views.findings import as_annotation, as_line, tally
from dissector.views.places import Numbered, Shown, full, wanted

FOUND = 1

CONTEXT = count(f"is no number of records up to {CONTEXT_MAX}", CONTEXT_MAX)

EPILOG = (
    """\
formats:
  full      the record, its neighbours, the field and its octets; what follows from a broken rule behind it,
            and what is the same of many records once (default)
  concise   a line: file: migration, direction, frame, offset in the direction's octets, record: severity rule
            what broke it
  json      one JSON object a line, one line a finding
  sarif     one SARIF 2.1.0 object, for code hosts and editors
  github    annotations of GitHub Actions

After an error: what the receiver writes into its log; %s, %u and the like stand for values.
`xenshark read --at finding:K FILE` opens a finding, `xenshark read --at N FILE` a record.
`xenshark rules RULE` explains a rule; in --select and --ignore RULE may be a pattern such as 'postcopy-*'.

"""
    + FILTERS
    + """
exit status: 0 no finding of severity error, 1 errors were found, 2 an input or the usage is wrong,
130 interrupted (what was found until then is printed)
"""
)


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "check",
        help="judge each migration by the protocol's rules",
        description="Prints what in a capture or save file breaks a rule of the protocol. What the capture "
        "hides is no violation.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_files(parser)
    add_keylog(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--format", choices=FORMATS, default=FORMATS[0], help="how to print findings: see below")
    form.add_argument("--json", dest="format", action="store_const", const="json", help="the same as --format json")
    add_columns(parser, form)
    parser.add_argument(
        "-C",
        "--context",
        type=CONTEXT,
        default=1,
        metavar="N",
        help="with full: N records before and after (default 1)",
    )
    for name, says in (("select", "only these rules"), ("ignore", "all rules but these")):
        parser.add_argument(f"--{name}", action="append", type=_rules, default=[], metavar="RULE[,RULE...]", help=says)
    parser.add_argument(
        "--pages", action="store_true", help="read page contents, too, and compare those that VERIFY has sent again"
    )
    add_filter(parser, "findings")
    parser.add_argument("--min-severity", choices=SEVERITIES, help="no finding below this")
    parser.add_argument(
        "--all",
        action="store_true",
        help="also what healthy migrations have; so do --min-severity note and --select",
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit status as EPILOG says; one wrong file does not keep the others from being checked."""
    selected = set().union(*arguments.select) if arguments.select else set(RULES)
    selected -= set().union(*arguments.ignore)
    if not selected:
        raise UserError("--select and --ignore leave no rule to check")
    columns, asked = table(arguments, "findings", COLUMNS), filtering(arguments, "findings")
    gravest = SEVERITIES[: SEVERITIES.index(arguments.min_severity or SEVERITIES[-1]) + 1]
    is_asked_for = arguments.all or arguments.min_severity == SEVERITIES[-1] or bool(arguments.select)
    form = "columns" if columns else arguments.format
    counts: Counter[str] = Counter()
    problems: list[str] = []
    everything: list[tuple[str, Finding]] = []
    is_interrupted = False
    analyzed = 0
    for files, capture, problem in opened(
        sets(arguments.files, arguments.join), arguments.keylog, keep_pages=arguments.pages
    ):
        file = files.paths[0]
        analysis = Analysis()
        not_followed: str | None = None
        if capture is not None:
            try:
                is_interrupted = read_until_interrupted(capture, analysis.add)
                problem, not_followed = capture.damage, capture.words_not_followed
            except UserError as error:
                problem = str(error)
        analysis.finish()
        analyzed += len(analysis.migrations)
        number = 0
        of_each: list[list[Numbered]] = []
        for _, checker in analysis.migrations:
            found = [Numbered(number + at, one) for at, one in enumerate(checker.findings, 1)]
            number += len(found)
            found = [one for one in found if one.finding.rule in selected and one.finding.severity in gravest]
            found = [one for one in found if asked is None or asked.matches(one.finding)]
            of_each.append([one for one in found if is_asked_for or not one.finding.is_on_request])
        flat = [one.finding for found in of_each for one in found]
        counts.update(one.severity for one in flat)
        if form == "full" and capture is not None and flat:
            print(_in_full(arguments, capture, [found for found in of_each if found]) + "\n")
        elif form in LINES:
            for one in flat:
                print(LINES[form](file, one))
        elif columns:
            for one in flat:
                columns.add(one, partial(LINES["json"], file, one))
        elif form == "sarif":
            everything += [(file, one) for one in flat]
        for migration, checker in analysis.migrations:
            if checker.left_out:
                more = many(checker.left_out, "finding")
                complain(f"{input_name(file)}: migration {migration.number} has {more} more than are kept")
        for words in (not_followed, analysis.words_left_out):
            if words:
                complain(f"{input_name(file)}: {words}")
        if problem:
            complain(problem)
            problems.append(problem)
        if is_interrupted:
            break
    if columns:
        columns.finish()
    elif form == "sarif":
        print(json.dumps(sarif(everything, problems, __version__), indent=1))
    elif form in ("full", "concise") and (analyzed or is_interrupted):
        print(tally(counts))
    if is_interrupted:
        say_interrupted(input_name(file))
        return INTERRUPTED
    return WRONG if problems else FOUND if counts["error"] else 0


class _Enough(Exception):
    """All records that are shown have come."""


def _in_full(arguments: argparse.Namespace, capture: Input, of_each: Sequence[Sequence[Numbered]]) -> str:
    """Findings, those of each migration, with their places, for which the input is read again: only then it is known
    which records matter."""
    context = arguments.context
    numbers = frozenset().union(*(wanted(found, context) for found in of_each))
    last = max(numbers, default=0)
    records: Shown = {}
    room = SHOWN_MAX

    def keep(record: Record, links: Sequence[Link]) -> None:
        nonlocal room
        if record.number in numbers and len(record.body) <= room:
            room -= len(record.body)
            records[record.number] = (record, links)
        if record.number >= last:
            raise _Enough

    if numbers and not capture.is_read_once:
        linker = Linker(keep)
        with suppress(UserError, _Enough):  # what is wrong was said when it was read first
            read(capture.again(), linker.add)
            linker.finish()
    words = capture.files.on_the_command_line
    text = "\n\n".join(
        full(input_name(capture.path), words, found, records, capture.first_time or 0, context) for found in of_each
    )
    if numbers and capture.is_read_once:
        text += f"\n({capture.name} can be read once: no records and octets are shown)"
    return text


LINES: dict[str, Callable[[str, Finding], str]] = {
    "concise": lambda file, finding: as_line(input_name(file), finding),
    "json": lambda file, finding: dumps(FileFindingResult.in_file(file, finding)),
    "github": as_annotation,
}
"""Formats in which a finding is a line."""

COLUMNS = ("severity", "rule", "migration", "direction", "number", "name", "first_frame", "offset", "message")
"""Fields of a table, where none are named."""

SHOWN_MAX = 1 << 24
"""Octets of the records that are shown with findings, at most; further ones are named, and not shown."""

FORMATS = ("full", "concise", "json", "sarif", "github")


def _rules(text: str) -> set[str]:
    """The rules that a list of ids and patterns names."""
    found: set[str] = set()
    for pattern in map(str.strip, text.split(",")):
        matching = {rule for rule in RULES if fnmatchcase(rule, pattern)}
        if not matching:
            raise argparse.ArgumentTypeError(no_such_rule(pattern))
        found |= matching
    return found
