"""`xenshark analyze`: a summary of every migration in a file."""

from __future__ import annotations

import argparse
from typing import Any

from dissector.analysis import Analysis
from dissector.capture.files import is_folder
from dissector.cli import INTERRUPTED
from dissector.cli.arguments import add_files, add_keylog
from dissector.cli.input import conclude, each, read_until_interrupted
from dissector.cli.terminal import width
from dissector.library import Input

DESCRIPTION = """\
A summary of each migration in a capture or save file: who migrated what to where, of what kind, how it ended,
and where the octets and the time went.
"""


EPILOG = """\
phases, in their order:
  handshake   what is said before memory: headers, versions
  precopy     memory is sent while the guest runs, pass (iteration) after pass
  stop        the guest stands still at the source: the last pages, processors, devices
  checkpoint  Remus and COLO: the same again and again, while the guest goes on in between
  transition  postcopy: the guest is handed over, and goes on at the destination
  postcopy    pages come that the guest has not got yet; a fault asks for one
  finish      the end of the streams, and what the two sides say of it

limits, as shares of the time of all phases and of each:
  source idle       the source had nothing to send
  congestion        octets were lost or late, a link was busy, or TCP was finding out how much the network takes
  receive window    the destination's window was full of octets on their way
  destination slow  it was full of octets that the destination had not read
  waiting           the source waited for a message of the destination
  unclear           the capture does not tell

words and units:
  octet       eight bits; kB, MB and GB are 10^3, 10^6 and 10^9 of them
  pfn         the number of a page in the guest's memory
  entry       a pfn with its page's type, of which NOTAB is an ordinary page, XTAB and BROKEN have no contents,
              XALLOC is allocated without contents, L1TAB to L4TAB are page tables, _PIN pinned ones
  stall       a time above 50 ms without payload from the source; of a phase, the longest
  unasked     of a page: it came before a fault had asked for it
  in flight   of a page: its record had begun on the wire before the fault for it ended there
  libxl, libxc   the streams inside each other: of the toolstack's library, and of memory and processors
"""


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "analyze",
        help="summarise each migration",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_files(parser)
    add_keylog(parser)
    parser.add_argument(
        "--json",
        action="store_true",
        help="one JSON object, of several captures one a line; see xenshark schema analysis",
    )


def run(arguments: argparse.Namespace) -> int:
    is_one = len(arguments.files) == 1 and not is_folder(arguments.files[0])
    return each(
        arguments,
        lambda capture: _analyze(capture, arguments.json, indent=1 if is_one else None),
        title=None if arguments.json else "",
    )


def _analyze(capture: Input, as_json: bool, indent: int | None) -> int:
    analysis = Analysis()
    is_interrupted = read_until_interrupted(capture, analysis.add)
    analysis.finish()
    if as_json:
        # Each imported where it is needed: to start takes most of the time of a small file.
        from dissector.results.analysis import AnalysisResult
        from dissector.results.encoding import dumps

        print(dumps(AnalysisResult.of(capture.source, analysis.migrations), indent=indent))
    else:
        from dissector.views.analysis import as_text

        print(as_text(capture.source, analysis.migrations, width()), end="")
    conclude(capture, analysis, is_interrupted=is_interrupted)
    return INTERRUPTED if is_interrupted else 0
