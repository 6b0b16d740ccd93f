"""Damages genuine captures in every way that comes to mind and has the program read them.

    python -m tests.fuzz --count 100000 --seed 1 [--seconds N] [--first CASE] [--keep FOLDER]

Half of the damage is blind, half knows what the octets mean (`structure`). A case fails if

- anything raises, or ends with another exit status than the program has;
- it takes more than CPU_START and CPU_A_MB seconds of CPU, or hangs, or the process needs more than MEMORY;
- what is printed is no JSON, or not as its schema says;
- `check` and `check --json` do not find the same, or `analyze` and `analyze --json` name other outcomes;
- a direction of whose connection no packet was damaged says something else than it did before;
- the fast path, compiled or not, gives other events than careful code.

Each case is made from the seed and its number alone: `--first 4711 --count 1` makes number 4711 again.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, NoReturn

sys.path.insert(0, str(Path(__file__).parent / "support"))

import roads
import schemas
import structure
from processor import IDLE, turn
from seen import packets_in
from structure import Packets as Packets

from dissector import cli
from dissector.capture.files import open_octets
from dissector.capture.opening import open_source
from dissector.capture.reader import CaptureReader
from dissector.cli import TRACEBACK
from dissector.cli import main as xenshark
from dissector.errors import UserError

CAPTURES = Path(__file__).resolve().parent.parent / "captures"
READ = 4 << 20  # octets of each capture that are used
WINDOW = 300, 200_000  # packets and octets of one case at most
FEW, OFTEN = 12, 0.97  # packets of a smaller case, and how many of the cases are smaller ones
HANG = 60  # seconds of the processor
CPU_START, CPU_A_MB = 1.0, 0.5  # seconds on a machine that does nothing else
MEMORY = 300 << 20
SIDES = 0.1  # of the cases: the damage is on one side alone

COMMANDS = (
    ["read", "--json"],
    ["read", "-V"],
    ["analyze"],
    ["analyze", "--json"],
    ["check"],
    ["check", "--json"],
    ["faults"],
)
"""What is done with a case: one of these, by chance."""


class Window(NamedTuple):
    """Consecutive packets of one capture, and the file header that goes with them."""

    name: str
    header: bytes
    packets: list[bytes]


def windows(folder: Path) -> list[Window]:
    """Several parts of each capture: where it begins, and others."""
    found = []
    for path in sorted(folder.glob("*/*/*.pcap*")):
        octets, _ = open_octets(str(path))
        view = memoryview(bytearray(READ))
        data = bytes(view[: fill(octets.readinto, view)])
        octets.close()
        packets = list(records(data))
        some = [packets[at:] for at in {0, len(packets) // 3, 2 * len(packets) // 3, len(packets) - 200} if at >= 0]
        found += [Window(path.parent.name, data[:24], bounded(part)) for part in some]
    return found


def fill(readinto: Callable[[memoryview], int], view: memoryview) -> int:
    end = 0
    while end < len(view) and (count := readinto(view[end:])):
        end += count
    return end


def records(data: bytes) -> Iterator[bytes]:
    """The packets of a little-endian pcap, each with its header."""
    return (header + octets for header, octets in packets_in(data))


def bounded(packets: list[bytes]) -> list[bytes]:
    total, kept = 0, []
    for packet in packets[: WINDOW[0]]:
        total += len(packet)
        if total > WINDOW[1]:
            break
        kept.append(packet)
    return kept or packets[:1]


def narrowed(chance: random.Random, window: Window) -> Window:
    """Mostly a few packets of a window, as often its first ones: a case costs what there is to read."""
    at = chance.choice((0, chance.randrange(len(window.packets))))
    return window._replace(packets=window.packets[at : at + FEW]) if chance.random() < OFTEN else window


# --- damage -------------------------------------------------------------------------------------------------

NUMBERS = (
    0,
    1,
    2,
    5,
    7,
    8,
    15,
    16,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0xFFFF,
    1 << 23,
    1 << 27,
    (1 << 27) + 1,
    1 << 31,
    2**32 - 1,
)
HEADERS = 16 + 14 + 20 + 32  # octets of a packet in a file that are headers, usually


def somewhere(chance: random.Random, packet: bytearray) -> int:
    """A place in a packet, more often where headers are, or what follows them."""
    reach = chance.choice((HEADERS, HEADERS + 40, len(packet)))
    return chance.randrange(min(reach, len(packet)))


def flip(chance: random.Random, packets: Packets) -> None:
    packet = chance.choice(packets)
    for _ in range(chance.choice((1, 1, 5, 50))):
        packet[somewhere(chance, packet)] ^= 1 << chance.randrange(8)


def overwrite(chance: random.Random, packets: Packets) -> None:
    packet = chance.choice(packets)
    start = somewhere(chance, packet)
    length = min(len(packet) - start, chance.choice((1, 4, 8, 64, 1500)))
    fills = (bytes(length), b"\xff" * length, chance.randbytes(length), bytes(packet[:length]))
    packet[start : start + length] = chance.choice(fills).ljust(length, b"\0")


def number(chance: random.Random, packets: Packets) -> None:
    """An unlikely number in place of another, in either byte order."""
    packet = chance.choice(packets)
    size = chance.choice((1, 2, 4, 4, 8))
    start = somewhere(chance, packet)
    if start + size <= len(packet):
        value = chance.choice(NUMBERS) % (1 << 8 * size)
        packet[start : start + size] = value.to_bytes(size, chance.choice(("little", "big")))


def field(chance: random.Random, packets: Packets) -> None:
    """Another value in a field of the IP or TCP header of Ethernet and IPv4: length, fragment, sequence ..."""
    packet = chance.choice(packets)
    start, size = chance.choice(((32, 2), (36, 2), (38, 1), (54, 4), (58, 4), (62, 1), (63, 1), (28, 2), (30, 1)))
    if start + size <= len(packet):
        old = int.from_bytes(packet[start : start + size], "big")
        near = old + chance.choice((-1448, -1, 1, 8, 1448, 100_000, 1 << 31))
        packet[start : start + size] = (near % (1 << 8 * size)).to_bytes(size, "big")


def cut(chance: random.Random, packets: Packets) -> None:
    """Shorter packets than the wire had, as a snap length makes them, one or all."""
    length = 16 + chance.choice((0, 1, 20, 54, 60, 66, 96, 128, 1000))
    for packet in packets if chance.random() < 0.2 else [chance.choice(packets)]:
        if len(packet) > length:
            del packet[length:]
            packet[8:12] = (length - 16).to_bytes(4, "little")


def remove(chance: random.Random, packets: Packets) -> None:
    at = chance.randrange(len(packets))
    del packets[at : at + chance.choice((1, 1, 2, 20))]


def repeat(chance: random.Random, packets: Packets) -> None:
    at = chance.randrange(len(packets))
    again = [bytearray(packet) for packet in packets[at : at + chance.choice((1, 3, 20))]]
    to = min(len(packets), at + chance.choice((1, 5, 100)))
    packets[to:to] = again


def swap(chance: random.Random, packets: Packets) -> None:
    one, other = (chance.randrange(len(packets)) for _ in range(2))
    packets[one], packets[other] = packets[other], packets[one]


def shuffle(chance: random.Random, packets: Packets) -> None:
    at, many = chance.randrange(len(packets)), chance.choice((3, 10, 300))
    some = packets[at : at + many]
    chance.shuffle(some)
    packets[at : at + many] = some


def splice(chance: random.Random, packets: Packets) -> None:
    """One packet's contents in another, each with its own headers."""
    one, other = (chance.choice(packets) for _ in range(2))
    one[HEADERS:] = other[HEADERS:]
    one[8:16] = struct.pack("<II", len(one) - 16, len(one) - 16)


DAMAGE: tuple[Callable[[random.Random, Packets], None], ...] = (
    flip, flip, overwrite, overwrite, number, number, field, field, cut, remove, remove, repeat, swap, shuffle, splice,
    *structure.DAMAGE, *structure.DAMAGE,
)  # fmt: skip

CONTENTS = (structure.record, structure.record, structure.entry)
"""Damage that leaves every header of TCP as it is."""


def damaged_packets(chance: random.Random, window: Window) -> Packets:
    """The packets of a window, to some of which something happened."""
    packets = [bytearray(packet) for packet in window.packets]
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        chance.choice(DAMAGE)(chance, packets)
        packets = packets or [bytearray(packet) for packet in window.packets]
    return packets


def damaged(chance: random.Random, window: Window) -> bytes:
    """A capture that something happened to, or, sometimes, what its packets carried as one file."""
    packets = damaged_packets(chance, window)
    if chance.random() < 0.1:
        return b"".join(bytes(packet[HEADERS:]) for packet in packets if len(packet) > 200) or b"\0"
    if chance.random() < 0.2:
        (link,) = struct.unpack_from("<I", window.header, 20)
        return structure.pcapng(chance, link, packets)
    header = bytearray(window.header)
    if chance.random() < 0.02:
        header[chance.randrange(24)] ^= 1 << chance.randrange(8)
    data = bytes(header) + b"".join(packets)
    if chance.random() < 0.1:
        data = data[: chance.randrange(1, len(data))]
    return structure.compressed(chance, data) if chance.random() < 0.1 else data


# --- the program --------------------------------------------------------------------------------------------


class Hang(BaseException):
    """A case took too long."""


def too_long(*_: object) -> NoReturn:
    raise Hang(f"more than {HANG} s of the processor")


def told(path: Path, *command: str) -> tuple[int, str]:
    """Exit status of one command that reads a file, and what it prints."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        status = xenshark([*command, str(path)])
    assert status in (0, 1, 2), f"exit status {status}"
    return status, out.getvalue()


def told_as_json(path: Path, command: str) -> tuple[int, list[Any]]:
    """The same of a command that prints an object, or several in a row."""
    status, out = told(path, command, "--json")
    found, at, decoder = [], 0, json.JSONDecoder()
    while at < len(out):
        one, at = decoder.raw_decode(out, at)
        found.append(one)
        at += out[at : at + 1] == "\n"
    return status, found


Oracle = Callable[[random.Random, Path], None]
"""Raises AssertionError if the program does something wrong with a file."""


def runs(chance: random.Random, path: Path) -> None:
    told(path, *chance.choice(COMMANDS))


def prints_what_the_schema_says(chance: random.Random, path: Path) -> None:
    command, kind = chance.choice(
        (("analyze", "analysis"), ("read", "record"), ("check", "finding"), ("faults", "fault"))
    )
    for one in told_as_json(path, command)[1][:SOME]:
        schemas.check(kind, one)


def text_and_json_agree(chance: random.Random, path: Path) -> None:
    status, text = told(path, "check", "--format", "concise")
    same, findings = told_as_json(path, "check")
    assert status == same
    assert [one["rule"] in text for one in findings] == [True] * len(findings)
    has_errors = any(one["severity"] == "error" for one in findings)
    assert status == 2 or (status == 1) == has_errors  # 2: not all of the file could be read
    _, text = told(path, "analyze")
    for one in told_as_json(path, "analyze")[1]:
        outcomes = [migration["outcome"] for migration in one["migrations"]]
        assert [line.split()[1].rstrip(":") for line in text.splitlines() if line.startswith("  outcome ")] == outcomes


def all_roads_agree(chance: random.Random, path: Path) -> None:
    try:
        reader = open_source(str(path))
    except UserError:
        return
    reader.source.close()
    if isinstance(reader, CaptureReader):
        roads.check(path)


ORACLES: tuple[Oracle, ...] = (runs, runs, prints_what_the_schema_says, text_and_json_agree, all_roads_agree)

SOME = 200
"""As many objects are held against their schema."""


def trouble(path: Path, what: Callable[[], None]) -> str | None:
    """What went wrong with a file, if anything did."""
    signal.setitimer(signal.ITIMER_PROF, HANG)
    began = time.process_time()
    try:
        what()
    except (Exception, Hang):
        return traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    took, most = time.process_time() - began, CPU_START + CPU_A_MB * path.stat().st_size / 1e6
    # Not ru_maxrss: a process begins with that of the one that started it.
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    used = int(peak.split()[1]) * 1024
    if used > MEMORY:
        return f"{used >> 20} MB of memory were needed"
    if took <= most or took <= (most := most * turn() / IDLE):
        return None
    return f"{took:.2f} s of CPU, more than {most:.2f}"


def other_side_unharmed(chance: random.Random, window: Window, path: Path) -> None:
    """What one side says is read as before when only octets of the other one are others."""
    packets = [bytearray(packet) for packet in window.packets]
    path.write_bytes(window.header + b"".join(packets))
    before = forward(path)
    reverse = [packet for packet in packets if not is_forward(packet, packets)]
    for _ in range(chance.choice((1, 3, 10)) if reverse else 0):
        chance.choice(CONTENTS)(chance, reverse)
    path.write_bytes(window.header + b"".join(packets))
    assert forward(path) == before


def is_forward(packet: bytearray, packets: Packets) -> bool:
    """Whether it goes where the larger ones of its connection go: whoever sends the guest's memory sends those."""
    ends = packet[PORTS]
    both = (ends, ends[2:] + ends[:2])
    return ends == max((one for one in packets if one[PORTS] in both), key=len)[PORTS]


PORTS = slice(structure.HEADER + structure.ETHERNET + 20, structure.HEADER + structure.ETHERNET + 24)


def forward(path: Path) -> list[tuple[str, int, int]]:
    _, records = told_as_json(path, "read")
    return [(one["name"], one["offset"], one["length"]) for one in records if one["direction"] == "forward"]


def keep_parsers() -> None:
    """The parser of a command line is made once for each command: making it takes a fifth of the time of a case."""
    make, made = cli._parser, dict[tuple[str, ...], Any]()

    def kept(modules: Mapping[str, ModuleType]) -> Any:
        names = tuple(modules)
        if names not in made:
            made[names] = make(modules)
        return made[names]

    cli._parser = kept


def run(count: int, seed: int, first: int = 0, seconds: float = 1e9, keep: Path | None = None) -> tuple[int, int]:
    """So many cases; how many passed and how many failed. What is wrong with those goes to standard error."""
    signal.signal(signal.SIGPROF, too_long)
    os.environ[TRACEBACK] = "1"  # else the command turns what a case raises into a line
    keep_parsers()
    sources = windows(CAPTURES)
    end = time.monotonic() + seconds
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case"
        for case in range(first, first + count):
            if time.monotonic() > end:
                break
            chance = random.Random(f"{seed}/{case}")
            window = narrowed(chance, chance.choice(sources))
            if chance.random() < SIDES:
                what, oracle = partial(other_side_unharmed, chance, window, path), other_side_unharmed.__name__
            else:
                chosen = chance.choice(ORACLES)
                path.write_bytes(damaged(chance, window))
                what, oracle = partial(chosen, chance, path), chosen.__name__
            wrong = trouble(path, what)
            if wrong is None:
                passed += 1
                continue
            failed += 1
            print(f"case {case} ({window.name}, {oracle}): {wrong}", file=sys.stderr)
            if keep is not None:
                (keep / f"case-{seed}-{case}").write_bytes(path.read_bytes())
    return passed, failed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Reads damaged captures.")
    parser.add_argument("--count", type=int, default=2000, help="cases (default: 2000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, metavar="CASE", help="number of the first case")
    parser.add_argument("--seconds", type=float, default=1e9, help="stop after so long")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where to put the files of cases that fail")
    arguments = parser.parse_args()
    began = time.monotonic()
    passed, failed = run(arguments.count, arguments.seed, arguments.first, arguments.seconds, arguments.keep)
    rate = (passed + failed) / (time.monotonic() - began)
    print(f"{passed} passed, {failed} failed ({rate:.0f} cases a second)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
