"""Damages genuine captures as `tests.fuzz` does and has each Wireshark read them with the dissector.

    python -m tests.fuzz_lua --count 20000 --seed 1 [--first CASE] [--keep FOLDER] [--lua 5.4]

Many cases go into one capture, each as a host pair of its own, because starting tshark takes longer than a case.
A capture fails if a script fails, tshark complains, crashes or hangs; then each case of it is tried alone. Case
numbers mean the same at any --count: `--first 4711 --count 1` makes number 4711 again.
"""

from __future__ import annotations

import argparse
import random
import struct
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz import CAPTURES, Packets, Window, damaged_packets, windows
from tests.support.wireshark.releases import RELEASES, Trouble, run, wiresharks

BATCH = 100
"""Cases of one capture at most."""

CULPRITS = 3
"""Cases that are named of a capture that fails: to try them alone takes long."""

ADDRESSES = {1: (14, 26), 113: (16, 28), 276: (20, 32)}
"""By link type (LINKTYPE_ of Ethernet, SLL, SLL2): where an IPv4 header begins in a packet, and its addresses."""

RECORD_HEADER = 16
"""Octets before each packet in a pcap file."""

LONGEST = 262_144
"""Octets of the longest packet that tshark takes."""

MODES = (
    (),
    ("-O", "xenmig"),
    ("-2",),
    ("-2", "-O", "xenmig"),
    ("-2", "-Y", "xenmig.item"),
    ("-q", "-z", "xenmig,summary", "-z", "xenmig,faults"),
    ("-O", "xenmig", "-o", "tcp.reassemble_out_of_order:TRUE"),
    ("-O", "xenmig", "-o", "tcp.desegment_tcp_streams:FALSE", "-o", "tcp.analyze_sequence_numbers:FALSE"),
    ("-T", "json", "-J", "xenmig"),
)
"""How tshark reads a capture, in turn."""

DECODE_AS = ("-d", "tcp.port==1-65535,xenmig")
"""Every other time, so that parts of captures that no magic begins are read, too."""


def cases(sources: list[Window], seed: int, numbers: range) -> Iterator[tuple[int, Window, Packets]]:
    for case in numbers:
        chance = random.Random(f"{seed}/{case}")
        window = chance.choice(sources)
        yield case, window, damaged_packets(chance, window)


def apart(packets: Packets, link: int, case: int) -> Packets:
    """The packets with addresses of their own, so that the connections of two cases are not the same one, and with
    headers that keep a damaged one from being taken for the file's end, or for another kind of file."""
    start, addresses = ADDRESSES[link]
    tag = case.to_bytes(8, "big")[-3:]
    for packet in packets:
        captured = len(packet) - RECORD_HEADER
        fraction, length = struct.unpack_from("<I4xI", packet, 4)
        length = length if captured < length <= LONGEST else captured
        packet[4:16] = struct.pack("<III", fraction % 1_000_000, captured, length)
        for at in (RECORD_HEADER + addresses, RECORD_HEADER + addresses + 4):
            if len(packet) >= at + 4 and packet[RECORD_HEADER + start] >> 4 == 4:
                packet[at : at + 3] = bytes(a ^ b for a, b in zip(packet[at : at + 3], tag, strict=True))
    return packets


def batches(sources: list[Window], seed: int, numbers: range) -> Iterator[tuple[bytes, dict[int, Packets]]]:
    """File headers, and the cases that fit them, by number."""
    waiting: dict[bytes, dict[int, Packets]] = defaultdict(dict)
    for case, window, packets in cases(sources, seed, numbers):
        batch = waiting[window.header]
        batch[case] = apart(packets, int.from_bytes(window.header[20:24], "little"), case)
        if len(batch) == BATCH:
            yield window.header, waiting.pop(window.header)
    yield from waiting.items()


class Reader:
    """One Wireshark that reads cases, with a file for them."""

    def __init__(self, release: str, path: Path) -> None:
        self.tshark, self.path = wiresharks()[release], path

    def trouble(self, header: bytes, packets: Iterable[bytearray], mode: tuple[str, ...]) -> str | None:
        """What goes wrong with a capture."""
        self.path.write_bytes(header + b"".join(packets))
        try:
            run(self.tshark, self.path, *mode)
        except Trouble as trouble:
            return str(trouble)
        return None

    def wrong(self, header: bytes, batch: dict[int, Packets], mode: tuple[str, ...]) -> dict[int, str]:
        """What goes wrong by case, of a few cases; under the first case's number if it takes all of them."""
        together = self.trouble(header, chain.from_iterable(batch.values()), mode)
        if together is None:
            return {}
        alone = ((case, self.trouble(header, packets, mode)) for case, packets in batch.items())
        found = islice(((case, said) for case, said in alone if said is not None), CULPRITS)
        return dict(found) or {min(batch): f"and those up to {max(batch)}: {together}"}


def fuzz(count: int, seed: int, first: int, releases: list[str], keep: Path | None = None) -> tuple[int, int]:
    """How many cases passed and how many failed, of all Wiresharks. What is wrong goes to standard error."""
    passed = failed = 0
    with TemporaryDirectory() as name:
        readers = [Reader(release, Path(name) / "cases.pcap") for release in releases]
        for turn, (header, batch) in enumerate(batches(windows(CAPTURES), seed, range(first, first + count))):
            mode = MODES[turn % len(MODES)] + DECODE_AS * (turn % 2)
            for reader in readers:
                wrong = reader.wrong(header, batch, mode)
                passed, failed = passed + len(batch) - len(wrong), failed + len(wrong)
                for case, said in wrong.items():
                    print(f"case {case}: {said}", file=sys.stderr)
                    if keep is not None:
                        (keep / f"lua-{seed}-{case}.pcap").write_bytes(header + b"".join(batch[case]))
    return passed, failed


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz_lua", description="Has Wireshark read damaged captures."
    )
    parser.add_argument("--count", type=int, default=2000, help="cases (default: 2000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, metavar="CASE", help="number of the first case")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where to put captures of cases that fail")
    parser.add_argument("--wireshark", choices=RELEASES, action="append", help="only this one")
    arguments = parser.parse_args()
    releases = arguments.wireshark or list(RELEASES)
    for release in releases:
        if release not in wiresharks():
            parser.error(f"there is no Wireshark {release}: run tests/support/wireshark/setup")
    began = time.monotonic()
    passed, failed = fuzz(arguments.count, arguments.seed, arguments.first, releases, arguments.keep)
    names = " and ".join(wiresharks()[release].name for release in releases)
    rate = (passed + failed) / (time.monotonic() - began)
    print(f"{passed} passed, {failed} failed in {names} ({rate:.0f} cases a second)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
