"""`xenshark analyze`: a summary of every migration in a file."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from dissector.analysis import Analysis
from dissector.capture.reader import CaptureReader
from dissector.cli.input import Reader, conclude, dissect
from dissector.views.analysis import as_json, as_text
from dissector.views.input import Input

DESCRIPTION = """\
A summary of each migration in a capture or save file: who migrated what to where, of what kind, how it ended,
and where the octets and the time went.
"""


def add(subparsers: Any) -> None:
    parser = subparsers.add_parser("analyze", help="summarise each migration", description=DESCRIPTION)
    parser.add_argument("file", metavar="FILE", help='capture or save file, compressed or not; "-": standard input')
    parser.add_argument("--json", action="store_true", help="one JSON object, schema xenshark.analysis/1")


def run(arguments: argparse.Namespace) -> int:
    analysis = Analysis()
    engine, reader = dissect(arguments.file, analysis.add)
    analysis.finish()
    source = describe(arguments.file, reader)
    if arguments.json:
        json.dump(as_json(source, analysis.cases), sys.stdout, indent=1)
        print()
    else:
        print(as_text(source, analysis.cases), end="")
    conclude(engine, reader)
    return 0


def describe(file: str, reader: Reader) -> Input:
    """The input as a whole, once it was read."""
    if isinstance(reader, CaptureReader):
        return Input(
            file=file,
            format="pcapng" if reader.blocks else "pcap",
            packets=reader.frame,
            octets=reader.octets,
            first_time=reader.first_time_ns,
            last_time=reader.last_time_ns,
            cut_packets=reader.cut,
            dropped_packets=reader.dropped_by_capture,
        )
    return Input(file, "stream", 0, reader.octets, None, None, 0)
