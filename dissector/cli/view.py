"""`xenshark view`: a migration to walk through in the terminal."""

from __future__ import annotations

import argparse
from typing import Any

from dissector.cli import DONE, INTERRUPTED, complain
from dissector.cli.arguments import add_files, add_keylog
from dissector.cli.input import is_on_a_terminal, look_at_keys, only
from dissector.errors import UserError

EPILOG = """\
The screen has the records, the fields of the one at the cursor, its octets, and the phases on top; ? lists the keys.
It needs Textual: pip install 'xenshark[view]'
"""


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "view",
        help="walk through a migration in the terminal",
        description="Shows records, fields and octets of a capture or save file in the terminal, as Wireshark does.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_files(parser, says="a capture or a saved stream, or the files of one")
    parser.add_argument("-Y", "--display-filter", metavar="FILTER", default="", help="begin with this filter")
    add_keylog(parser)


def run(arguments: argparse.Namespace) -> int:
    files = only(arguments.files, arguments.join, "view", is_read_twice=True)
    look_at_keys(arguments.keylog)
    if not is_on_a_terminal():
        raise UserError("view needs a terminal; xenshark read prints")
    try:
        from dissector.viewer.app import Viewer
    except ImportError as error:
        raise UserError("view needs Textual: pip install 'xenshark[view]'") from error
    viewer = Viewer(files, arguments.keylog, display_filter=arguments.display_filter)
    viewer.run()
    status = complain(viewer.job.trouble) if viewer.job.trouble else DONE
    return INTERRUPTED if viewer.is_interrupted else status
