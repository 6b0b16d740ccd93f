"""`xenshark diff`: what differs between two guests and their migrations."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from dissector.analysis import Analysis
from dissector.cli import DONE, WRONG, complain
from dissector.cli.arguments import add_keylog, count
from dissector.cli.input import conclude_only, look_at_keys, only, read
from dissector.cli.terminal import width
from dissector.errors import UserError
from dissector.library import Input
from dissector.results.analysis import MigrationResult
from dissector.results.encoding import dumps

if TYPE_CHECKING:
    from dissector.results.changes import Side

DIFFERENT = 1

MIGRATION_MOST = 1 << 32
"""No input has as many."""

SECTIONS = ("config", "cpuid", "msrs", "params", "vcpus", "devices", "traffic")

EPILOG = """\
A and B are captures or save files, in any mix. What B's CPU policy lacks of A's stands first: a guest cannot be
restored without a feature that it was shown, by another vendor's processor, with lower levels of leaves. Of a policy
every bit is compared; of devices the versions of their states and, where the hypervisor saved them, their sizes, but
not what they hold. What only one of them shows is listed as not compared: "not there" if the other's stream has none,
"not in the input" if octets are missing in which it may have been.

sections (--only): config, cpuid, msrs, params, vcpus, devices, traffic

examples:
  xenshark diff --only cpuid,msrs from-host1.img from-host2.img
  xenshark diff --only devices --json old.pcap new.pcap | jq -r '.differences[].what'
"""


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "diff",
        help="what differs between two guests and their migrations",
        description="Compares two guests: configuration, CPU policy, parameters, processors, devices, traffic.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("a", metavar="A", help="a capture or a saved stream, or a folder with the files of one capture")
    parser.add_argument("b", metavar="B", help="another")
    add_keylog(parser)
    parser.add_argument("--only", type=_sections, metavar="SECTION,...", default=SECTIONS, help="compare only these")
    for side in "ab":
        parser.add_argument(
            f"--migration-{side}",
            type=count("is no number of a migration: 0, 1 ...", MIGRATION_MOST),
            default=0,
            metavar="N",
            help=f"which migration of {side.upper()}, the first is 0 (default)",
        )
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Exit status as diff has it: 0 the same, 1 different."""
    # Imported here: the tables of names take longer to load than small files to read.
    from dissector.results.changes import DiffResult
    from dissector.views.changes import WIDTH, changes_as_text

    look_at_keys(arguments.keylog)
    first, problems = _side(arguments.a, arguments.migration_a, arguments.keylog)
    second, more = _side(arguments.b, arguments.migration_b, arguments.keylog)
    found = DiffResult.of(first, second, arguments.only)
    print(dumps(found) if arguments.json else "\n".join(changes_as_text(found, width(WIDTH))))
    for problem in (*problems, *more):
        complain(problem)
    if problems or more:
        return WRONG
    return DONE if found.is_same else DIFFERENT


def _side(path: str, number: int, keylog: str | None) -> tuple[Side, list[str]]:
    """One of the two guests, and what is wrong with its input."""
    from dissector.results.changes import Side
    from dissector.results.guest import Guests

    capture, guests, analysis = Input(only([path], None, "each side of diff"), keylog=keylog), Guests(), Analysis()
    read(capture, guests.add, analysis.add)
    analysis.finish()
    by_number = {guest.migration: guest for guest in guests.results()}
    migrations = {one[0].number: MigrationResult.of(one) for one in analysis.migrations}
    if number < capture.migration_count and not (number in by_number and number in migrations):
        raise UserError(f"{capture.name}: migration {number} is among those that are left out: there are too many")
    if number not in by_number:
        raise UserError(
            f"{capture.name} has no migration {number}: it holds {capture.migration_count}, numbered from 0"
        )
    problems = []
    if capture.damage:
        problems.append(f"{capture.damage}; what was read until then is compared")
    else:
        conclude_only(capture, guests, analysis)
    return Side(capture.name, by_number[number], migrations[number]), problems


def _sections(text: str) -> tuple[str, ...]:
    asked = text.split(",")
    for one in asked:
        if one not in SECTIONS:
            raise argparse.ArgumentTypeError(f"no section is called {one}: there are {', '.join(SECTIONS)}")
    return tuple(one for one in SECTIONS if one in asked)
