"""`xenshark schema`: JSON Schemas of what the other commands print with --json."""

from __future__ import annotations

import argparse
import json
from typing import Any

NAMES = ("analysis", "record", "guest", "diff", "finding", "fault", "timeline", "live", "log", "difference")

EPILOG = """\
analysis: `analyze`; diff: `diff`; record, guest, finding, fault, timeline, difference: a line of `read`, `guest`,
`check`, `faults`, `report`, `crosscheck`; live: a line of `live`, log: of `live --log`. Every key is in its schema,
and there whatever it says: what is not known is null. A later version may have more keys.

example:
  xenshark schema analysis > analysis.schema.json
"""


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "schema",
        help="print the JSON Schema of what --json prints",
        description="Prints JSON Schemas (draft 2020-12): that of one kind of object, or else all of them by name.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", nargs="?", choices=NAMES, help=f"one of {', '.join(NAMES)}")


def run(arguments: argparse.Namespace) -> int:
    # Imported here, because nobody who asks for help needs it.
    from dissector.results.encoding import schema
    from dissector.results.registry import RESULTS

    found = {name: schema(result, f"xenshark {name}") for name, result in RESULTS.items()}
    print(json.dumps(found[arguments.name] if arguments.name else found, indent=2))
    return 0
