"""`xenshark analyze`: a summary of every migration in a file."""

from __future__ import annotations

import argparse
from typing import Any

from dissector.analysis import Analysis
from dissector.cli.arguments import add_keylog
from dissector.cli.input import INTERRUPTED, conclude, read_until_interrupted
from dissector.library import open
from dissector.views.analysis import as_text

DESCRIPTION = """\
A summary of each migration in a capture or save file: who migrated what to where, of what kind, how it ended,
and where the octets and the time went.
"""


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser("analyze", help="summarise each migration", description=DESCRIPTION)
    parser.add_argument("file", metavar="FILE", help='capture or save file, compressed or not; "-": standard input')
    add_keylog(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object, see xenshark schema analysis")


def run(arguments: argparse.Namespace) -> int:
    analysis = Analysis()
    capture = open(arguments.file, keylog=arguments.keylog)
    is_interrupted = read_until_interrupted(capture, analysis.add)
    analysis.finish()
    if arguments.json:
        # Imported here: the text needs none of it, and to start takes most of the time of a small file.
        from dissector.results.analysis import AnalysisResult
        from dissector.results.encoding import dumps

        print(dumps(AnalysisResult.of(capture.source, analysis.migrations), indent=1))
    else:
        print(as_text(capture.source, analysis.migrations), end="")
    conclude(capture, analysis, is_interrupted)
    return INTERRUPTED if is_interrupted else 0
