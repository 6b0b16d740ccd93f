"""Two programs that talk over pipes, as they are and with `xenshark tap` between: nobody may notice.

    python -m tests.tapped --count 1000 --seed 1 [--first CASE]

Each case is made from the seed and its number alone: who writes how much in what pieces and reads it how slowly, who
closes which pipe when, whether the command is stopped for a while, and how it ends: with a status, by a signal,
before it has read everything. The recording goes to a file, to one that may not grow, or to a folder that is taken
away. A case fails if octets, what each side learns of the other's end, or the exit status is not what it is without
the tap.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

PATIENCE = 60.0
"""Seconds after which something hangs."""

SIZES = (1, 24, 24, 100, 4096, 65536, 65537, 300_000)
PIECES = (1 << 20, 1 << 20, 65536, 1000)
ENDINGS = ("status", "status", "signal", "unread", "close output", "stopped")
FILES = ("file", "file", "file", "may not grow", "folder goes")
KILLS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE, signal.SIGABRT)


class Script(NamedTuple):
    """What both sides do: who writes (0: who starts the command), octets, and pieces and pause of who reads them."""

    turns: list[tuple[int, int, int, float]]
    ending: str
    status: int
    kill: int
    file: str


def script(seed: int, case: int) -> Script:
    chance = random.Random(f"{seed}/{case}")
    turns = [
        (
            chance.randrange(2),
            chance.choice(SIZES),
            chance.choice(PIECES),
            chance.choice((0.0, 0.0, 0.0, 0.0005)),
        )
        for _ in range(chance.choice((0, 1, 5, 20)))
    ]
    return Script(
        turns, chance.choice(ENDINGS), chance.choice((0, 1, 77, 255)), chance.choice(KILLS), chance.choice(FILES)
    )


def say(octets: int, number: int, out: int) -> None:
    rest = memoryview(random.Random(number).randbytes(octets))
    while rest:
        rest = rest[os.write(out, rest) :]


def hear(octets: int, piece: int, pause: float, into: int) -> str:
    """What was heard, as a digest."""
    heard = bytearray()
    while len(heard) < octets:
        got = os.read(into, min(piece, octets - len(heard)))
        if not got:
            break
        heard += got
        time.sleep(pause if piece > 4096 or len(heard) < 20_000 else 0)
    return f"{len(heard)} {sha256(heard).hexdigest()[:16]}"


def play(side: int, told: Script, into: int, out: int) -> list[str]:
    """The turns of one side."""
    heard = []
    for number, (who, octets, piece, pause) in enumerate(told.turns):
        if who == side:
            say(octets, number, out)
        else:
            heard.append(hear(octets, piece, pause, into))
    return heard


def command(told: Script) -> None:
    """The side that is started: it says what it heard on standard error."""
    heard = play(1, told, 0, 1)
    if told.ending == "close output":
        os.close(1)
        heard.append(hear(100_000, 4096, 0.0, 0))
    elif told.ending == "stopped":
        os.kill(os.getpid(), signal.SIGSTOP)
        heard.append(hear(100_000, 4096, 0.0, 0))
    elif told.ending != "unread":
        heard.append(hear(1 << 30, 1 << 20, 0.0, 0))  # to the end
    os.write(2, json.dumps(heard).encode())
    if told.ending == "signal":
        signal.signal(told.kill, signal.SIG_DFL) if told.kill != signal.SIGKILL else None
        os.kill(os.getpid(), told.kill)
    os._exit(told.status)


class Ended(NamedTuple):
    """What came of it, as both sides saw it."""

    heard: list[str]
    end: str
    """What the side that starts the command reads after all turns, to the end."""
    status: int
    command_heard: Any


def converse(told: Script, before: list[str], folder: Path, limit: int | None) -> Ended:
    """Starts the command, with the tap's words before its own or none, and plays the other side."""
    words = [*before, sys.executable, "-m", "tests.tapped", "--command", json.dumps(told)]
    process = subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        preexec_fn=None if limit is None else partial(_limit, limit),
    )
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    killer = threading.Timer(PATIENCE, process.kill)
    killer.start()
    into, out = process.stdout.fileno(), process.stdin.fileno()
    try:
        heard = play(0, told, into, out)
        if told.file == "folder goes":
            while process.poll() is None and not any(folder.iterdir()):
                time.sleep(0.005)
            shutil.rmtree(folder)
        if told.ending == "stopped":
            _go_on(process.pid)
        if told.ending in ("close output", "stopped"):
            say(100_000, -1, out)
        process.stdin.close()
        end = hear(1 << 30, 1 << 20, 0.0, into)
        told_of = process.stderr.read()
        status = process.wait()
    finally:
        killer.cancel()
        process.kill()
        process.stdout.close()
        process.stderr.close()
    said = told_of[told_of.find(b"[") : told_of.rfind(b"]") + 1]
    return Ended(heard, end, status, json.loads(said or b"null"))


def _limit(octets: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, octets))


def _go_on(process: int) -> None:
    """Lets whoever of its children has stopped go on, once it has."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for one in (process, *_children(process)):
            if Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[0] == "T":
                time.sleep(0.01)
                os.kill(one, signal.SIGCONT)
                return
        time.sleep(0.005)


def _children(process: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def trouble(seed: int, case: int) -> str | None:
    """What the tap changed, if it did."""
    told = script(seed, case)
    with tempfile.TemporaryDirectory() as above:
        folder = Path(above) / "folder"
        folder.mkdir()
        limit = 20_000 if told.file == "may not grow" else None
        plain = converse(told._replace(file="file"), [], folder, limit)
        tap = [sys.executable, "-m", "dissector", "tap", "-w", str(folder / "tape.pcapng"), "--"]
        tapped = converse(told, tap, folder, limit)
    return None if tapped == plain else f"{told}\n  as it is   {plain}\n  with tap   {tapped}"


def run(count: int, seed: int, first: int = 0) -> int:
    """So many cases; how many failed. What is wrong with those goes to standard error."""
    failed = 0
    for case in range(first, first + count):
        try:
            wrong = trouble(seed, case)
        except OSError as error:
            wrong = f"{script(seed, case)}: {error}"
        if wrong is not None:
            failed += 1
            print(f"case {case}: {wrong}", file=sys.stderr)
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tapped", description="Talks through the tap.")
    parser.add_argument("--count", type=int, default=1000, help="cases (default: 1000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, metavar="CASE", help="number of the first case")
    parser.add_argument("--command", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.command:
        command(Script(*json.loads(arguments.command)))
    failed = run(arguments.count, arguments.seed, arguments.first)
    print(f"{arguments.count - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
