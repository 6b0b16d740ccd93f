"""`xenshark guest`: the guest at the moment it stopped, on one screen."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dissector.cli import DONE, complain
from dissector.cli.arguments import add_files, add_keylog
from dissector.cli.input import TITLE, conclude, each, read
from dissector.cli.symbols import symbols_of
from dissector.cli.terminal import width
from dissector.library import Input
from dissector.results.common import in_file
from dissector.results.encoding import dumps

if TYPE_CHECKING:
    from dissector.results.guest import GuestResult

EPILOG = """\
Who the guest is (xl's configuration, libvirt's or xenopsd's), its clock, each virtual processor: mode, whether it ran
user code, where (with --symbols: at which function of its kernel), control registers, whether interrupts were let
through; the processor that it was shown; parameters; devices with the versions of their state. Of a stream with
checkpoints: as of the last one.

examples:
  xenshark guest saved.img
  xenshark guest --symbols System.map-6.1.0 migration.pcap
  xenshark guest --symbols vmlinux migration.pcap
  xenshark guest --json migration.pcap | jq '.vcpus[] | select(.is_user).id'
"""


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
    parser.add_argument(
        "--symbols",
        metavar="FILE",
        help="the kernel's System.map (gzip, xz, zstd or plain), what nm prints of it, or its ELF file (vmlinux); "
        "addresses are as linked",
    )


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
        elif found:
            print("\n\n".join("\n".join(guest_as_text(guest, len(found) > 1, width(WIDTH))) for guest in found))
        if arguments.symbols and (words := _without_symbols(found, arguments.symbols)):
            complain(f"{capture.name}: {words}")
        conclude(capture, guests)
        return DONE

    return each(arguments, show, title=None if arguments.json else TITLE)


def _without_symbols(guests: Sequence[GuestResult], path: str) -> str | None:
    """What to say if a table of symbols says nothing of any processor that ran its kernel."""
    in_kernel = [vcpu for guest in guests for vcpu in guest.vcpus if not vcpu.is_user]
    if not in_kernel or any(vcpu.symbol for vcpu in in_kernel):
        return None
    return f"no vcpu is in a function of {path}: it is another kernel's, or this one was moved when it started (KASLR)"
