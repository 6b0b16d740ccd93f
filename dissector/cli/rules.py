"""`xenshark rules`: the table of rules, one rule in full, or the picture of the states."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from dissector.capture.files import is_regular
from dissector.cli.rule_ids import no_such_rule
from dissector.errors import UserError
from dissector.protocol import HEADERS, RECORDS
from dissector.protocol.states import mermaid
from dissector.rules import RULES, Rule
from dissector.rules.log import rules_for
from dissector.views.rules import explain

EPILOG = """\
examples:
  xenshark rules 'postcopy-*'
  xenshark rules postcopy-page-not-announced
  xenshark rules --log < /var/log/xen/xl-guest1.log

exit status: 0 done; 1 no rule has a message such as those of --log; 2 there is no such rule
"""


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "rules",
        help="list the rules that check knows, or explain one",
        description="Lists the rules that `xenshark check` knows, or says of one what it means, why a real "
        "Xen cares, and what breaks it. W: Wireshark's dissector judges it as well (`xenshark lua`).",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "rules", metavar="RULE", nargs="?", type=_rules, help="id of a rule, or a pattern such as 'postcopy-*'"
    )
    form.add_argument(
        "--log",
        metavar="TEXT",
        nargs="?",
        const="-",
        help="explain the rules that fit a line of xl's, libxc's, libxl's or Xen's log, or the lines of the file of "
        "that name; without TEXT, or with -, those of a log on standard input",
    )
    form.add_argument("--states", action="store_true", help="print the order of records as a Mermaid diagram")


def run(arguments: argparse.Namespace) -> int:
    if arguments.states:
        print(mermaid((*HEADERS.values(), *RECORDS)), end="")
    elif arguments.log is not None:
        return _explain_log(line.strip() for line in _lines(arguments.log))
    elif arguments.rules and len(arguments.rules) == 1:
        print("\n".join(explain(*arguments.rules)))
    else:
        rules = arguments.rules or list(RULES.values())
        width = max(len(rule.id) for rule in rules)
        group = None
        for rule in rules:
            if rule.group != group:
                print(f"{'' if group is None else chr(10)}{rule.group}")
                group = rule.group
            where = "W" if rule.wireshark else " "
            print(f"  {rule.id:<{width}}  {rule.severity:<7}  {where}  {rule.summary}")
    return 0


def _lines(log: str) -> Iterator[str]:
    """Those of a log, or the one that was given. Raises UserError."""
    if log == "-":
        yield from sys.stdin or ()
    elif is_regular(log):
        try:
            with Path(log).open(encoding="utf-8", errors="replace") as file:
                yield from file
        except OSError as error:
            raise UserError(f"cannot read {log}: {error.strerror or error}") from error
    else:
        yield log


def _explain_log(lines: Iterable[str]) -> int:
    """The lines that are a receiver's message of some rule, and then these rules, each once. 1: there is none."""
    explained: dict[Rule, None] = {}
    for line in lines:
        fitting = rules_for(line)
        if fitting:
            print(f"{line}\n  {', '.join(rule.id for rule in fitting)}")
            explained.update(dict.fromkeys(fitting))
    if not explained:
        print("xenshark: no rule has such a message", file=sys.stderr)
        return 1
    for rule in explained:
        print("", *explain(rule), sep="\n")
    return 0


def _rules(text: str) -> list[Rule]:
    found = [rule for name, rule in RULES.items() if fnmatchcase(name, text)]
    if not found:
        raise argparse.ArgumentTypeError(no_such_rule(text))
    return found
