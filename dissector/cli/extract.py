"""`xenshark extract`: one migration out of a capture."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from dissector import __version__
from dissector.cli import DONE, complain
from dissector.cli.arguments import add_files, place
from dissector.cli.input import only, say_joined, twice
from dissector.errors import UserError
from dissector.output import keep_inputs, whole
from dissector.recording.extraction import Kept, capture, find, octets
from dissector.units import size

DESCRIPTION = """\
Takes one migration out of a capture: its packets as a smaller capture, or with
--octets what one side said as a file.
"""

EPILOG = """\
With --no-pages the contents of the guest's memory are zeros, with correct
checksums, so that the capture can be shown to others. --anonymize does that,
too, and puts other words of the same length in the place of the guest's name,
UUIDs, MAC and IP addresses, paths and the strings of its configuration, the
same for the same everywhere. Processors, devices and QEMU's own state stay.

--octets forward is what the source sent, from its first header to its last
record, without compression or messages around it: `xl restore`, Xen's
verify-stream-v2 and xenshark read it. All of it must have been captured.

examples:
  xenshark extract all.pcap -w one.pcapng --migration 2
  xenshark extract secret.pcap -w public.pcapng --anonymize
  xenshark extract all.pcap -w guest.img --octets forward
"""


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "extract",
        help="take one migration out of a capture, if you like without the guest's memory",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_files(parser, says="a capture, compressed or not, or a folder with the files of one; is read twice")
    parser.add_argument(
        "-w", dest="output", metavar="OUT", type=place, required=True, help="write this file: pcapng, or octets"
    )
    parser.add_argument("--migration", type=int, default=0, metavar="N", help="which one, the first is 0 (default)")
    parser.add_argument(
        "--octets", choices=("forward", "reverse"), help="what the source, or the destination, said, instead of packets"
    )
    parser.add_argument("--no-pages", action="store_true", help="zeros for the contents of the guest's memory")
    parser.add_argument("--anonymize", action="store_true", help="other names, addresses and configuration, and zeros")


def run(arguments: argparse.Namespace) -> int:
    if arguments.octets and (arguments.no_pages or arguments.anonymize):
        raise UserError("--no-pages and --anonymize are for packets, not for --octets")
    files = only(arguments.files, arguments.join, "extract", is_read_twice=True)
    keep_inputs(arguments.output, files.paths)
    with twice(files.name) as look:
        where = find(files, arguments.migration, look)
        if arguments.octets:
            pieces: Iterable[bytes] = octets(where, arguments.octets)
        else:
            kept = Kept(pages=not (arguments.no_pages or arguments.anonymize), identity=not arguments.anonymize)
            pieces = capture(where, kept, f"xenshark {__version__} extract")
        written = _write(arguments.output, pieces)
    print(f"{arguments.output}: {size(written)}, migration {arguments.migration} of {files.name}")
    say_joined(where.joined)
    if where.trouble:
        return complain(f"{files.name}: {where.trouble}; what was captured until then was extracted")
    return DONE


def _write(path: str, pieces: Iterable[bytes]) -> int:
    written = 0
    with whole(path) as file:
        for piece in pieces:
            written += file.write(piece)
    return written
