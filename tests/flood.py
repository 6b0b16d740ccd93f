"""`xenshark live` on an interface that is flooded with malformed packets while guests migrate over it.

    python -m tests.flood --seconds 600 --seed 1 [--rate 20000] [--keep FILE]

Two network namespaces have a wire between them. The destination's end sends genuine packets that were damaged, as
`tests.fuzz` damages them, as fast as it can or may; meanwhile a genuine migration is replayed over the same wire,
again and again. It fails if `live` ends early or by a mistake of its own, if it needs more memory in the last third
of the time than in the middle one, or if it says something of the replayed migrations that is not so: an error, a
warning, or that one failed.

Needs root.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent / "support"))
sys.path.insert(0, str(Path(__file__).parent))

import fuzz
from capturing import PATIENCE, XENSHARK
from conftest import OWN
from namespaces import Namespaces

STREAM = OWN / "violations/none/none.pcap.zst"
PORT = 7700
GROWTH = 1.15, 8 << 20
"""Times, and octets beside, by which memory may grow from the middle third of the time to the last."""
HEADER = 16
"""Octets of a packet in a pcap file that are its header."""

FRAME_MAX = 1500
LOST_WAY = "stream-resynchronised"
"""What dropped packets do to a stream that is read on."""

POOL = 20_000
"""Frames that are made beforehand: to make one takes longer than to send it."""


class Flooded(NamedTuple):
    """What a run told."""

    sent: int
    replayed: int
    told: list[dict[str, Any]]
    """The migrations of the replays, as the summary tells them."""
    others: int
    """Migrations that the flood made up."""
    memory: list[int]
    """Resident octets, sampled."""
    packets: int
    dropped: int
    status: int
    errors: str


def frames(seed: int) -> Iterator[bytes]:
    """Damaged packets without end, none of which is of the connection that is replayed."""
    chance = random.Random(seed)
    windows = fuzz.windows(fuzz.CAPTURES)
    kinds = {window.name: window for window in windows if window.header[20:24] == b"\1\0\0\0"}
    while True:
        window = chance.choice(list(kinds.values()))
        for packet in fuzz.damaged_packets(chance, window):
            frame = bytes(packet[HEADER : HEADER + FRAME_MAX])
            if len(frame) > 14 and PORT.to_bytes(2, "big") not in frame[:80]:
                yield frame


def flood(seed: int, seconds: float, rate: int) -> int:
    """Sends them through the wire; how many."""
    pool = list(islice(frames(seed), POOL))
    print("ready", flush=True)
    chance, sent, began = random.Random(seed), 0, time.monotonic()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        out.bind(("wire", 0))
        while (spent := time.monotonic() - began) < seconds:
            if rate and sent > rate * spent:
                time.sleep(0.001)
                continue
            for _ in range(100):
                try:
                    out.send(chance.choice(pool))
                except OSError:  # the queue is full
                    continue
                sent += 1
    return sent


def resident(process: int) -> int:
    """Octets."""
    line = next(line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) << 10


def run(seconds: float, seed: int, rate: int, keep: str | None = None) -> Flooded:
    memory: list[int] = []
    with ExitStack() as stack:
        hosts = stack.enter_context(closing(Namespaces()))
        errors = stack.enter_context(tempfile.TemporaryFile("w+"))
        out = stack.enter_context(tempfile.TemporaryFile("w+"))
        words = [*XENSHARK, "live", "-i", "wire", "--json", *(["-w", keep] if keep else [])]
        watcher = subprocess.Popen([*hosts.inside(0), *words], stdout=out, stderr=errors)
        stack.callback(watcher.kill)
        deadline = time.monotonic() + PATIENCE
        while Path(f"/proc/self/fd/{out.fileno()}").stat().st_size == 0:
            assert watcher.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        words = [sys.executable, "-m", "tests.flood", "--flood", "--seconds", str(seconds), "--seed", str(seed)]
        words += ["--rate", str(rate)]
        flooder = subprocess.Popen([*hosts.inside(1), *words], stdout=subprocess.PIPE, text=True)
        stack.callback(flooder.kill)
        assert flooder.stdout is not None and flooder.stdout.readline() == "ready\n"
        done = threading.Event()

        def watch() -> None:
            while not done.wait(min(1.0, seconds / 30)) and watcher.poll() is None:
                memory.append(resident(watcher.pid))

        sampler = threading.Thread(target=watch, daemon=True)
        sampler.start()
        end, replayed = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            hosts.replay(STREAM, speed="4")
            replayed += 1
        sent = int(flooder.communicate(timeout=PATIENCE)[0])
        done.set()
        sampler.join()
        time.sleep(2)
        watcher.send_signal(2)
        watcher.wait(PATIENCE)
        for file in (out, errors):
            file.seek(0)
        events = [json.loads(line) for line in out]
        said = errors.read()
    summary = events[-1]
    assert summary["event"] == "summary", summary["event"]
    source = summary["source"]
    there = {"address": "10.99.0.2", "port": PORT}
    mine = [one for one in summary["migrations"] if one["flow"]["destination"] == there]
    return Flooded(
        sent,
        replayed,
        mine,
        len(summary["migrations"]) - len(mine),
        memory,
        source["packets"],
        source["dropped_packets"] or 0,
        watcher.returncode,
        said,
    )


def wrongs(done: Flooded) -> list[str]:
    """What is not as it should be."""
    found = []
    third = len(done.memory) // 3
    first, last = max(done.memory[third : 2 * third]), max(done.memory[-third:])
    if last > first * GROWTH[0] + GROWTH[1]:
        found.append(f"memory: {first:,} octets in the middle third, {last:,} in the last")
    if done.status not in (0, 130):
        found.append(f"live ended with {done.status}")
    for line in done.errors.splitlines():
        if "Traceback" in line or "mistake" in line:
            found.append(line)
    if not done.told:
        found.append("no replayed migration was seen")
    for one in done.told:
        found += [
            f"{each['rule']}: {each['message']}"
            for each in one["findings"]
            if each["severity"] != "note" and not (done.dropped and each["rule"] == LOST_WAY)
        ]
        if one["outcome"] == "failed":
            found.append(f"outcome {one['outcome']}: {one['verdict']}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.flood", description="Floods live with malformed packets.")
    parser.add_argument("--seconds", type=float, default=600, help="how long (default: 600)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=int, default=0, help="packets a second at most (default: 0, as fast as it can)")
    parser.add_argument("--keep", metavar="FILE", help="where to put what was captured")
    parser.add_argument("--flood", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.flood:
        print(flood(arguments.seed, arguments.seconds, arguments.rate))
        return 0
    done = run(arguments.seconds, arguments.seed, arguments.rate, arguments.keep)
    third = max(1, len(done.memory) // 3)
    thirds = [f"{max(done.memory[at : at + third]) / 1e6:.1f}" for at in (0, third, len(done.memory) - third)]
    print(
        f"sent {done.sent:,}; {done.packets:,} captured, {done.dropped:,} dropped; {done.others:,} migrations made up"
    )
    print(f"{done.replayed} replayed, told {dict(Counter(one['outcome'] for one in done.told))}")
    print(f"at most {', '.join(thirds)} MB in the thirds of the time")
    found = wrongs(done)
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
