"""`xenshark guest`: the guest at the moment it stopped, on one screen."""

from __future__ import annotations

import argparse
import re
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from dissector.capture.files import small
from dissector.cli import DONE
from dissector.cli.arguments import add_files, add_keylog
from dissector.cli.input import TITLE, conclude, each, read, width
from dissector.errors import UserError
from dissector.library import Input
from dissector.results.common import in_file
from dissector.results.encoding import dumps

EPILOG = """\
Who the guest is (xl's configuration, libvirt's or xenopsd's), its clock, each virtual processor: mode, whether it ran
user code, where (with --symbols: at which function of its kernel), control registers, whether interrupts were let
through; the processor that it was shown; parameters; devices with the versions of their state. Of a stream with
checkpoints: as of the last one.

examples:
  xenshark guest saved.img
  xenshark guest --symbols System.map-6.1.0 migration.pcap
  xenshark guest --json migration.pcap | jq '.vcpus[] | select(.is_user).id'
"""

FAR = 1 << 20
"""Octets after a symbol from which on an address belongs to none."""

SYMBOLS_MAX = 1 << 26
"""Octets of a System.map."""


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "guest",
        help="the guest at the moment it stopped, on one screen",
        description="Prints what a stream says of its guest: configuration, processors, clock, CPU policy, devices.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_files(parser)
    add_keylog(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line, one line a migration")
    parser.add_argument("--symbols", metavar="MAP", help="the kernel's System.map, or what nm prints of it")


def run(arguments: argparse.Namespace) -> int:
    # Imported here: the tables of names take longer to load than small files to read.
    from dissector.results.guest import Guests
    from dissector.views.guest import WIDTH, guest_as_text

    symbols = symbols_of(arguments.symbols) if arguments.symbols else lambda address: None

    def show(capture: Input) -> int:
        guests = Guests()
        read(capture, guests.add)
        found = guests.results(symbols)
        if arguments.json:
            for guest in found:
                print(dumps(in_file(capture.path, guest)))
        else:
            print("\n\n".join("\n".join(guest_as_text(guest, len(found) > 1, width(WIDTH))) for guest in found))
        conclude(capture, guests)
        return DONE

    return each(arguments, show, title=None if arguments.json else TITLE)


SYMBOL = re.compile(r"^([0-9a-fA-F]{8,16}) [tTwW] (\S+)", re.MULTILINE)


def symbols_of(path: str) -> Callable[[int], str | None]:
    """What is at an address: "name+0x12". Raises UserError if the file cannot be read, or has no symbol."""
    text = small(path, SYMBOLS_MAX).decode(errors="replace")
    table = sorted((int(address, 16), name) for address, name in SYMBOL.findall(text))
    if not table:
        raise UserError(f"{path} is no System.map: no line is an address, a type and a name")
    addresses = [address for address, _ in table]

    def name(address: int) -> str | None:
        at = bisect_right(addresses, address) - 1
        if at < 0 or address - addresses[at] >= FAR:
            return None
        return f"{table[at][1]}+{address - addresses[at]:#x}"

    return name
