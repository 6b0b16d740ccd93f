"""`xenshark check`: the protocol's rules over every migration of some files, like a linter."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from dissector.analysis import Analysis
from dissector.cli.arguments import add_keylog
from dissector.cli.input import read
from dissector.cli.rule_ids import no_such_rule
from dissector.errors import UserError
from dissector.library import open
from dissector.results.encoding import dumps
from dissector.results.findings import FileFindingResult
from dissector.rules import RULES
from dissector.rules.findings import SEVERITIES, Finding
from dissector.units import many, printable
from dissector.views.findings import as_line, tally

FOUND, WRONG = 1, 2

EPILOG = """\
A line says: file: migration, direction, frame, offset in the direction's octets: severity rule what broke it.
After an error in brackets: what the receiver writes into its log; %s, %u and the like stand for values.
`xenshark rules RULE` explains a rule; in --select and --ignore RULE may be a pattern such as 'postcopy-*'.

exit status: 0 no finding of severity error, 1 errors were found, 2 an input or the usage is wrong
"""


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
    parser.add_argument("files", metavar="FILE", nargs="+", help="a capture or a saved stream; - is standard input")
    add_keylog(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line, one line a finding")
    for name, says in (("select", "only these rules"), ("ignore", "all rules but these")):
        parser.add_argument(f"--{name}", action="append", type=_rules, default=[], metavar="RULE[,RULE...]", help=says)
    parser.add_argument(
        "--pages", action="store_true", help="read page contents, too, and compare those that VERIFY has sent again"
    )
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
    gravest = SEVERITIES[: SEVERITIES.index(arguments.min_severity or SEVERITIES[-1]) + 1]
    is_asked_for = arguments.all or arguments.min_severity == SEVERITIES[-1] or bool(arguments.select)
    counts: Counter[str] = Counter()
    status = 0
    for file in arguments.files:
        analysis = Analysis()
        problem: str | None = None
        try:
            capture = open(file, keep_pages=arguments.pages, keylog=arguments.keylog)
            read(capture, analysis.add)
            problem = capture.damage
        except UserError as error:
            problem = str(error)
        analysis.finish()
        for migration, checker in analysis.migrations:
            findings = [one for one in checker.findings if one.rule in selected and one.severity in gravest]
            findings = [one for one in findings if is_asked_for or not one.is_on_request]
            _print(file, findings, arguments.json)
            counts.update(finding.severity for finding in findings)
            if checker.left_out:
                more = many(checker.left_out, "finding")
                _complain(f"{file}: migration {migration.number} has {more} more than are kept")
        if analysis.left_out:
            _complain(f"{file}: {analysis.words_left_out}")
        if problem:
            _complain(problem)
            status = WRONG
    if not arguments.json:
        print(tally(counts))
    return status or (FOUND if counts["error"] else 0)


def _complain(line: str) -> None:
    sys.stdout.flush()
    print(f"xenshark: {printable(line)}", file=sys.stderr)


def _print(file: str, findings: Iterable[Finding], is_json: bool) -> None:
    for finding in findings:
        print(dumps(FileFindingResult.in_file(file, finding)) if is_json else as_line(file, finding))


def _rules(text: str) -> set[str]:
    """The rules that a list of ids and patterns names."""
    found: set[str] = set()
    for pattern in map(str.strip, text.split(",")):
        matching = {rule for rule in RULES if fnmatchcase(rule, pattern)}
        if not matching:
            raise argparse.ArgumentTypeError(no_such_rule(pattern))
        found |= matching
    return found
