"""The truth about what limits a migration: set-ups in which it is known, because it was set.

A genuine stream goes over a real TCP connection between two network namespaces, and is captured at both ends.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import link as links
import side as sides
from conftest import OWN
from link import Link
from side import Pump, Side

import dissector
from dissector.facts.limits import CAUSES
from dissector.results.limits import NAMED

STREAM = OWN / "postcopy/f_remus/veth_rx.pcap.zst"
"""A sender that speaks for 8.8 MB and is hardly answered."""

TALK = OWN / "violations/none/none.pcap.zst"
"""One that is answered, 3.6 MB."""

FAST, EVENLY = Link(), Pump()

SIDES = "source", "destination"
ADDRESSES = "10.99.0.1", "10.99.0.2"


@dataclass(frozen=True)
class Setup:
    """How a migration is held up, and what has to be said of it."""

    named: tuple[str, ...]
    """The limits that were set."""
    shares: dict[str, float] = field(default_factory=dict)
    """Shares of the time which the set-up defines."""
    link: Link | None = FAST
    """None: two network cards that are one wire."""
    shaped: str = ""
    """What `tc` does at the source's end of that wire."""
    source: Pump = EVENLY
    destination: Pump = EVENLY
    answers: Pump = EVENLY
    buffer: int = 0
    path: Path = STREAM
    octets: int = 4_500_000
    control: str = "cubic"
    """The source's congestion control."""
    seconds: dict[str, float] = field(default_factory=dict)
    """For how long it is held up so, however long the rest takes on the machine at hand."""


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


@contextmanager
def network(name: str, setup: Setup) -> Iterator[tuple[str, str]]:
    """Two network namespaces and what connects them; their names."""
    names = f"{name}-source", f"{name}-dest"
    with ExitStack() as stack:
        for one in names:
            run("ip", "netns", "add", one)
            stack.callback(run, "ip", "netns", "del", one)
            run("ip", "-n", one, "link", "set", "lo", "up")
        if setup.link is None:
            run("ip", "-n", names[0], "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", names[1])
        else:
            devices = [f"{name}{end}" for end in "ab"]
            process = subprocess.Popen(links.words(setup.link, *devices), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            stack.callback(end, process)
            assert process.stdout is not None and process.stdout.readline()
            for one, device in zip(names, devices, strict=True):
                run("ip", "link", "set", device, "netns", one)
                run("ip", "-n", one, "link", "set", device, "name", "wire")
        for one, address in zip(names, ADDRESSES, strict=True):
            run("ip", "-n", one, "addr", "add", f"{address}/24", "dev", "wire")
            run("ip", "-n", one, "link", "set", "wire", "up")
        if setup.shaped:
            run("tc", "-n", names[0], "qdisc", "add", "dev", "wire", "root", *setup.shaped.split())
        yield names


def end(process: subprocess.Popen[bytes]) -> None:
    """A program that ends when nobody speaks to it any more."""
    assert process.stdin is not None
    process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)
        return
    process.kill()
    process.wait()


def captured(name: str, setup: Setup, folder: Path) -> tuple[Path, ...]:
    """Plays a migration; what was captured at the source and at the destination."""
    files = tuple(folder / f"{side}.pcap" for side in SIDES)
    with network(name, setup) as names, ExitStack() as stack:
        captures = []
        for one, file in zip(names, files, strict=True):
            words = ("tcpdump", "-i", "wire", "-B", "16384", "-U", "-w", str(file), "tcp")
            process = subprocess.Popen(("ip", "netns", "exec", one, *words), stderr=subprocess.PIPE)
            stack.callback(process.kill)
            assert process.stderr is not None and any(b"listening" in line for line in process.stderr)
            captures.append(process)
        path = str(setup.path)
        both = (
            Side(path, ADDRESSES[1], False, setup.octets, setup.answers, setup.destination, setup.buffer),
            Side(path, ADDRESSES[1], True, setup.octets, setup.source, control=setup.control),
        )
        players = []
        for one, side in zip(reversed(names), both, strict=True):
            players.append(subprocess.Popen(("ip", "netns", "exec", one, *sides.words(side))))
            stack.callback(players[-1].kill)
        for player in players:
            assert player.wait(60) == 0
        time.sleep(0.2)
        for process in captures:
            process.terminate()
            process.wait()
    return files


SETUPS = {
    "rate at the source": Setup(("congestion",), {"congestion": 1}, None, "tbf rate 24mbit burst 16kb latency 400ms"),
    "rate on the way": Setup(("congestion",), {"congestion": 1}, Link(rate=3_000_000, room=200_000)),
    "rate on the way, paced": Setup(
        ("congestion",), {"congestion": 1}, Link(rate=3_000_000, room=200_000), control="bbr"
    ),
    "rate far away": Setup(("congestion",), {"congestion": 1}, Link(rate=3_000_000, delay=0.01, room=90_000)),
    "long queue": Setup(("congestion",), {"congestion": 1}, Link(rate=3_000_000, room=3_000_000)),
    "delay": Setup(("congestion",), {}, Link(delay=0.04)),
    "loss": Setup(("congestion",), {"congestion": 1}, Link(delay=0.004, loss=0.01)),
    "reordering": Setup(("congestion",), {}, Link(delay=0.005, late=0.02, lateness=0.006, loss=0.005)),
    "small buffer": Setup(("receive_window",), {"receive_window": 1}, Link(delay=0.004), buffer=16_384),
    "slow reader": Setup(("destination_slow",), {"destination_slow": 1}, destination=Pump(3_000_000), buffer=65_536),
    "slow reader far away": Setup(
        ("destination_slow",), {"destination_slow": 1}, Link(delay=0.01), destination=Pump(2_000_000), buffer=262_144
    ),
    "slow writer": Setup(("source_idle",), {"source_idle": 1}, source=Pump(3_000_000)),
    "slow writer at the wire": Setup(("source_idle",), {"source_idle": 1}, None, source=Pump(3_000_000)),
    "small writes": Setup(("source_idle",), {"source_idle": 1}, source=Pump(1_000_000, piece=700)),
    "slow writer far away": Setup(
        # At first TCP does not know how much the network takes.
        ("source_idle",),
        {"source_idle": 0.93},
        Link(delay=0.02),
        source=Pump(2_000_000, piece=30_000),
    ),
    "pauses": Setup(("source_idle",), seconds={"source_idle": 2.0}, source=Pump(every=1_000_000, pause=0.5)),
    "late answer": Setup(("waiting",), seconds={"waiting": 1.5}, answers=Pump(hold=1.5, after=54), path=TALK),
    "slow link and pauses": Setup(
        ("congestion", "source_idle"),
        {},
        Link(rate=3_000_000, room=60_000),
        source=Pump(every=1_000_000, pause=0.6),
    ),
    "slow reader and pauses": Setup(
        ("destination_slow", "source_idle"),
        {},
        destination=Pump(2_000_000),
        source=Pump(every=1_000_000, pause=1.0),
        buffer=65_536,
    ),
}

CLOSE = 0.1
"""As near as a share has to come to what was set."""


def file_name(name: str, side: str) -> str:
    """Of a set-up's capture."""
    return f"{name}.{side}.pcap".replace(" ", "-").replace(",", "")


def wrong(setup: Setup, path: Path) -> list[str]:
    """What the program says otherwise than it was set."""
    (migration,) = dissector.open(str(path)).analyze().migrations
    found = migration.limits
    assert found is not None
    shares: dict[str, float] = {cause: getattr(found, cause) for cause in CAUSES}
    named = {cause for cause, share in shares.items() if share >= NAMED and cause != "unclear"}
    faults = [] if named == set(setup.named) else [f"named are {sorted(named)}: {found.sentence}"]
    took = (migration.phases[-1].end_time or 0) - (migration.phases[0].start_time or 0)
    faults += [
        f"{cause} is {shares[cause]:.2f} of {took:.3f} s, which is less than {seconds} s"
        for cause, seconds in setup.seconds.items()
        if shares[cause] < seconds / took - CLOSE
    ]
    faults += [
        f"{cause} is {shares[cause]:.2f}, not {share}"
        for cause, share in setup.shares.items()
        if abs(shares[cause] - share) > CLOSE
    ]
    return faults
