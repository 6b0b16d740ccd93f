"""`xenshark tap` beside socat in the same place: between two programs that play a whole migration over pipes, and how
long a page that is asked for takes through it.

Both sides know every octet beforehand, and hold what they hear against it. CPU seconds are those of the relay alone:
neither those of the program that it starts, nor those of this one.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import IO, NamedTuple

from .capture import FORWARD, REVERSE
from .stream import BATCH, PAGE, Piece, faults, pieces

ROOT = Path(__file__).resolve().parents[2]
FAR_SIDE = "tests.benchmark.relays"
CHUNK = 1 << 16

STREAMS: dict[str, Callable[[int], Iterator[Piece]]] = {"live": pieces, "faults": faults}

Command = Callable[[list[str], str], list[str]]
"""From what the relay is to start, and the file that it may write."""


def _socat(*options: str) -> Command:
    return lambda far, file: ["socat", *(file if word == "FILE" else word for word in options), "EXEC:" + " ".join(far)]


def _tap(*options: str) -> Command:
    return lambda far, file: [sys.executable, "-m", "dissector", "tap", "-w", file, *options, "--", *far]


RELAYS: dict[str, Command] = {
    "socat": _socat("-"),
    "socat -b 65536": _socat("-b", "65536", "-"),
    "socat -b 65536 -r FILE": _socat("-b", "65536", "-r", "FILE", "-"),
    "tap": _tap(),
    "tap --no-pages": _tap("--no-pages"),
}
WRITING = "dd of=FILE"
"""The writing alone, of as many octets."""

ROWS = [[WRITING], ["socat"], ["socat", WRITING], ["socat -b 65536"], ["socat -b 65536", WRITING]]
ROWS += [[name] for name in RELAYS if [name] not in ROWS]


class Run(NamedTuple):
    """What one process took."""

    cpu: float  # seconds, user and system
    written: int  # octets of its file
    complaints: list[str]
    heard: list[int]  # when each part of the other side had come (ns)


class Part(NamedTuple):
    """Octets that one side says: `octets[start:end]`."""

    direction: str
    octets: bytes
    start: int
    end: int


@cache
def _contents() -> bytes:
    """Of twice as many pages as a record takes, so that records can start at different ones and need no copy."""
    return random.Random(1).randbytes(2 * BATCH * PAGE)


def _parts(stream: str, size: int) -> Iterator[Part]:
    """Who says what, in order."""
    for number, piece in enumerate(STREAMS[stream](size)):
        yield Part(piece.direction, piece.octets, 0, len(piece.octets))
        start = PAGE * (number * 7 % BATCH)
        yield Part(piece.direction, _contents(), start, start + PAGE * piece.pages)


def take_part(direction: str, stream: str, size: int, reader: IO[bytes], writer: IO[bytes]) -> list[int]:
    """Says all of one direction and hears all of the other, through unbuffered files; when it had heard each part (ns).
    Raises ValueError if it hears anything else."""
    heard = []
    for part in _parts(stream, size):
        if part.direction == direction:
            rest = memoryview(part.octets)[part.start : part.end]
            while rest:
                rest = rest[writer.write(rest) :]
        else:
            at = part.start
            while at < part.end:
                octets = reader.read(min(CHUNK, part.end - at))
                if not octets or not part.octets.startswith(octets, at):
                    raise ValueError(f"the {direction} side did not get what was said to it")
                at += len(octets)
            if part.end > part.start:
                heard.append(time.perf_counter_ns())
    writer.close()
    if reader.read(1):
        raise ValueError(f"the {direction} side got more than was said to it")
    return heard


def measure_relay(name: str, size: int, file: Path, stream: str = "live") -> Run:
    """A migration of some `size` octets through a relay; SystemExit unless both sides got the same octets."""
    far = [sys.executable, "-m", FAR_SIDE, stream, str(size)]
    command = RELAYS[name](far, str(file)) if name else far
    heard: list[int] = []
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT)
    assert process.stdin and process.stdout and process.stderr
    trouble = ""
    with process.stderr:
        with process.stdin, process.stdout:
            try:
                heard = take_part(FORWARD, stream, size, process.stdout, process.stdin)
            except (OSError, ValueError) as error:
                trouble = str(error)
                os.kill(process.pid, signal.SIGKILL)  # Popen.kill would wait for one that has ended
        cpu = _cpu(process)
        printed = process.stderr.read().decode(errors="replace")
    if process.wait() or trouble:
        raise SystemExit(f"{name}: {trouble}, exit status {process.returncode}\n{printed}")
    return Run(cpu, file.stat().st_size if file.exists() else 0, printed.splitlines(), heard)


def _measure_writing(octets: int, file: Path) -> Run:
    process = subprocess.Popen(_dd(octets, file))
    cpu = _cpu(process)
    if process.wait():
        raise SystemExit(f"{WRITING}: exit status {process.returncode}")
    return Run(cpu, octets, [], [])


def _dd(octets: int, file: Path) -> list[str]:
    """What it reads costs next to nothing."""
    return ["dd", "if=/dev/zero", f"of={file}", f"bs={CHUNK}", f"count={octets}", "iflag=count_bytes", "status=none"]


def _cpu(process: subprocess.Popen[bytes]) -> float:
    """CPU seconds of a process, once it has ended. What is charged to its parent by wait4 includes the processes
    that it has waited for itself."""
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime of proc(5)


def compare_relays(folder: Path, size: int, runs: int) -> list[str]:
    """Rows of Markdown, from `runs` rounds of everything in turn after one that only warms up; below them what the
    relays complained of."""
    octets = sum(piece.length for piece in pieces(size))
    file = folder / "relayed"
    rounds: list[dict[str, Run]] = []
    for _ in range(1 + runs):
        rounds.append({})
        for name in (*RELAYS, WRITING):
            # Each finds memory for its file that was in use a moment ago, as a virtual machine has to ask for other.
            subprocess.run(_dd(octets, file), check=True)
            os.sync()
            file.unlink()
            rounds[-1][name] = _measure_writing(octets, file) if name == WRITING else measure_relay(name, size, file)
            file.unlink(missing_ok=True)
    rows = ["| what | CPU s | GB/s | file MB |", "|---|---|---|---|"]
    for names in ROWS:
        cpu = median(sum(one[name].cpu for name in names) for one in rounds[1:])
        written = min(sum(one[name].written for name in names) for one in rounds[1:])
        rows.append(f"| {' + '.join(names)} | {cpu:.2f} | {octets / cpu / 1e9:.2g} | {written / 1e6:.1f} |")
    complaints = [f"{name}: {line}" for one in rounds[1:] for name, run in one.items() for line in run.complaints]
    return [*rows, *(complaints and ["", *complaints])]


def compare_round_trips(folder: Path, size: int, runs: int) -> list[str]:
    """Rows of Markdown: from one page request to the next, each answered with its page before, through nothing and
    through the relays in turn."""
    rows = ["| through | median us | 95 % us |", "|---|---|---|"]
    took: dict[str, list[int]] = {"": [], "socat -b 65536": [], "tap": []}
    for _ in range(runs):
        for name, durations in took.items():
            heard = measure_relay(name, size, folder / "relayed", "faults").heard
            durations += [later - before for before, later in pairwise(heard[1:-2])]
    for name, durations in took.items():
        late = sorted(durations)[len(durations) * 19 // 20]
        rows.append(f"| {name or 'a pipe'} | {median(durations) / 1e3:.1f} | {late / 1e3:.1f} |")
    (folder / "relayed").unlink(missing_ok=True)
    return rows


if __name__ == "__main__":
    with open(0, "rb", buffering=0) as standard_input, open(1, "wb", buffering=0) as standard_output:
        take_part(REVERSE, sys.argv[1], int(sys.argv[2]), standard_input, standard_output)
