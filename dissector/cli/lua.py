"""`xenshark lua`: Wireshark's dissector, as text or where Wireshark looks for it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from dissector.cli.arguments import place
from dissector.errors import UserError

FILE = Path(__file__).resolve().parents[2] / "lua" / "xen_migration.lua"
"""Where a checkout of the project keeps it."""

DESCRIPTION = """\
The dissector for Wireshark and tshark, one Lua file, is made from the same grammar and rules that xenshark itself
reads with. It finds migrations on any TCP port, shows every field of every record, matches each POSTCOPY_FAULT to
the page that answers it, and judges the rules that `xenshark rules` marks with a W.
"""

EPILOG = """\
examples:
  xenshark lua --install
  xenshark lua --print > xen_migration.lua
  tshark -X lua_script:xen_migration.lua -r post.pcap -Y xenmig.fault.latency -T fields \\
      -e frame.number -e xenmig.fault.pfn -e xenmig.fault.latency -e xenmig.fault.answered_in -2
  tshark -X lua_script:xen_migration.lua -r post.pcap -q -z xenmig,summary

What later packets tell, such as the page that answers a fault, is there on a second pass: with `tshark -2`, and in the
graphical interface. As root, Wireshark 4.4 and newer run no Lua and do not say so.
"""


ACTIONS = {
    "install": "put it, and a profile with colours and filter buttons, where Wireshark looks for them",
    "uninstall": "remove what --install put there",
    "check": "say which Wireshark there is, what is installed, and whether Wireshark loads it",
}
"""What is done to the user's own Wireshark, and the help on it."""


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "lua",
        help="the dissector for Wireshark",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    form = parser.add_mutually_exclusive_group(required=True)
    form.add_argument("--print", action="store_true", help="print the dissector")
    form.add_argument(
        "--write",
        metavar="FILE",
        nargs="?",
        const=FILE,
        type=lambda text: Path(place(text)),
        help="write it to FILE (default: lua/xen_migration.lua of the checkout)",
    )
    for name, says in ACTIONS.items():
        form.add_argument(f"--{name}", dest="action", action="store_const", const=name, help=says)


def run(arguments: argparse.Namespace) -> int:
    """Prints, writes, or does one of the actions."""
    # Imported here, because nobody who asks for help needs it.
    from dissector.integrations.wireshark import install
    from dissector.integrations.wireshark.generate import dissector

    actions = {"install": install.install, "uninstall": install.uninstall, "check": install.check}
    if arguments.action is not None:
        for line in actions[arguments.action]():
            print(line)
    elif arguments.print:
        sys.stdout.write(dissector())
    else:
        _write(arguments.write, dissector())
    return 0


def _write(file: Path, text: str) -> None:
    if file == FILE and not FILE.parent.is_dir():
        raise UserError("this is no checkout of the project: say which FILE to write, or use --print")
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror or error}") from error
