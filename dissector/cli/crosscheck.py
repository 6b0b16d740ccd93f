"""`xenshark crosscheck`: does Wireshark, with the dissector, read a capture as xenshark does?"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import closing
from pathlib import Path
from shutil import disk_usage
from typing import Any

from dissector.capture.files import Octets, open_octets
from dissector.capture.foreign import FIRST
from dissector.capture.joined import FileSet, octets_of
from dissector.capture.opening import recognise
from dissector.capture.reader import CaptureReader
from dissector.cli import DONE, complain
from dissector.cli.arguments import add_files
from dissector.cli.input import TITLE, conclude_only, read, sets
from dissector.errors import UserError
from dissector.integrations.wireshark.crosscheck import Witness, as_line, compare
from dissector.integrations.wireshark.reading import read as read_with_tshark
from dissector.integrations.wireshark.tshark import Tshark, find, hand_over, isolated, orderly
from dissector.library import Input, open
from dissector.results.common import in_file
from dissector.results.encoding import dumps
from dissector.units import input_name, many, printable, size

FOUND = 1

EPILOG = """\
Two independent readers of one capture: Wireshark's TCP with the Lua dissector (see `xenshark lua`), which tshark
runs and pyshark takes apart, and xenshark itself. Compared are each record (place, length, frames, pages, fields),
each fault (its answer, latency, in flight or not) and the findings of the rules that Wireshark judges
(`xenshark rules` marks them). tshark runs in an empty home and, if this is root, as nobody. A connection whose
beginning was not captured is given to the dissector by port, as Decode As does.

A line says: frame, direction, offset in its octets, record: value: what each of them has.

exit status: 0 no difference, 1 there are some, 2 the input or the usage is wrong, or tshark failed
"""


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "crosscheck",
        help="compare with what Wireshark makes of a capture",
        description="Reads a capture twice, with tshark and with xenshark, and prints where they differ.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_files(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line, one line a difference")
    parser.add_argument("--tshark", metavar="PATH", default="tshark", help="the tshark to run (default: in PATH)")


def run(arguments: argparse.Namespace) -> int:
    """Exit status as EPILOG says, the worst of all inputs."""
    tshark = find(arguments.tshark)
    if tshark.lua is None:
        raise UserError(f"{tshark.path} was built without Lua")
    inputs, status = sets(arguments.files, arguments.join), DONE
    for at, files in enumerate(inputs):
        if len(inputs) > 1 and not arguments.json:
            sys.stdout.write(("\n" if at else "") + TITLE.format(printable(files.name)))
        try:
            if files.problem is not None:
                raise UserError(files.problem)
            status = max(status, _crosscheck(arguments.json, tshark, files))
        except UserError as error:
            status = complain(str(error))
    return status


def _crosscheck(as_json: bool, tshark: Tshark, files: FileSet) -> int:
    with orderly(), isolated(tshark) as folder:
        capture, name = _readable(files, folder)
        try:
            ours = open(capture) if len(files.paths) == 1 else Input(files)
            ours.reader.name = name
            witness = Witness()
            read(ours, witness.add)
            seen = read_with_tshark(folder, capture, witness.options())
        except UserError as error:  # the copy is not what its user knows it by
            raise UserError(str(error).replace(str(capture), name)) from error
    found = witness.items()
    differences = list(compare(found, seen))
    for one in differences:
        print(dumps(in_file(files.paths[0], one)) if as_json else as_line(one))
    if not as_json:
        faults = sum(name.endswith(" answered_in") for item in found for name in item.values)
        findings = sum(len(item.values.get("rule", [])) for item in found)
        records = sum(bool(item.name) for item in found)
        counts = f"{many(records, 'record')}, {many(faults, 'fault')}, {many(findings, 'finding')} of common rules"
        print(f"{counts}: {many(len(differences), 'difference')} to {tshark.name}")
    conclude_only(ours)
    return FOUND if differences else DONE


def _readable(files: FileSet, folder: Path) -> tuple[Path, str]:
    """The capture as a file that tshark can read, and its name. Raises UserError if it is none.

    That is a copy in `folder`, unless it is one already: tshark reads it twice, does not know every compression,
    and runs as somebody who may have no right to.
    """
    name = input_name(files.name)
    if files.paths != ("-",) and len(files.paths) == 1 and Path(files.paths[0]).is_file() and os.geteuid() != 0:
        source, _ = open_octets(files.paths[0])
        source.close()
        if type(source) is Octets:
            _look_at(Path(files.paths[0]), name)
            return Path(files.paths[0]), name
    copy = folder / "capture"
    try:
        copy.touch(0o600)  # it holds the memory of a guest
        _copy(files, copy, name)
        hand_over(copy)
    except OSError as error:
        raise UserError(f"cannot copy {name} to {folder}: {error.strerror or error}") from error
    return copy, name


def _copy(files: FileSet, copy: Path, name: str) -> None:
    """Fills a copy, decompressed. An input may have no end, and a small file may stand for any number of octets: so it
    has to begin as a capture does, and takes half of the disk's room at most."""
    room, done, is_known = disk_usage(copy.parent).free // 2, 0, False
    with copy.open("wb") as out:
        for piece in octets_of(files):
            done += out.write(piece)
            if not is_known and done >= FIRST:
                out.flush()
                _look_at(copy, name)
                is_known = True
            if done > room:
                raise UserError(f"cannot copy {name} to {copy.parent}: more than half of the room there, {size(room)}")
    if not is_known:
        _look_at(copy, name)


def _look_at(file: Path, name: str) -> None:
    """Raises UserError if a file does not begin as a capture does; its user calls it `name`."""
    source, _ = open_octets(str(file))
    with closing(source):
        if not isinstance(recognise(source, name), CaptureReader):
            raise UserError(f"{name} is no capture (pcap, pcapng): Wireshark has nothing to read there")
