"""The programs that capture: how each is started, how it says what it lost, and what its complaints mean.

Each writes a capture to its standard output and speaks to people on standard error. dumpcap is part of Wireshark; the
last one is Scapy (`dissector.recording.sniffer`), which is always there.
"""

from __future__ import annotations

import re
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from dissector.errors import UserError

PATH_OF_ROOT = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where some systems have them, though a user's PATH lacks it."""


class Wanted(NamedTuple):
    """What is to be captured."""

    interface: str
    filter: str = ""
    """In pcap-filter(7)'s words; empty: everything."""
    buffer: int = 128
    """MiB that the kernel may hold for the program."""
    snap: int = 0
    """Octets of a packet that are captured; 0: all."""
    promiscuous: bool = True


class Program(NamedTuple):
    """One of them."""

    name: str
    words: Callable[[str, Wanted], list[str]]
    """Its command line, from the path of the program and what is wanted."""
    listing: Callable[[str], list[str]]
    """The command line that lists the interfaces."""
    lost: re.Pattern[str]
    """What it says at the end of packets that the kernel had no room for."""
    prefix: re.Pattern[str]
    """What stands before a complaint that is worth passing on."""
    asks: signal.Signals | None = None
    """What makes it say what it has lost so far, once it has said that it is LISTENING."""


def _dumpcap(path: str, wanted: Wanted) -> list[str]:
    words = [path, "-q", "-i", wanted.interface, "-B", str(wanted.buffer), "-w", "-"]
    words += ["-s", str(wanted.snap)] if wanted.snap else []
    words += [] if wanted.promiscuous else ["-p"]
    return words + (["-f", wanted.filter] if wanted.filter else [])


def _tcpdump(path: str, wanted: Wanted) -> list[str]:
    # -U: a packet is written when it comes, not when stdio has a buffer full.
    words = [path, "-U", "-n", "-i", wanted.interface, "-B", str(wanted.buffer << 10), "-w", "-"]
    words += ["--time-stamp-precision=nano", "-s", str(wanted.snap)]
    words += [] if wanted.promiscuous else ["-p"]
    return [*words, "--", wanted.filter] if wanted.filter else words


def _scapy(path: str, wanted: Wanted) -> list[str]:
    words = [path, "-m", "dissector.recording.sniffer", wanted.interface, wanted.filter]
    return [*words, str(wanted.buffer), str(wanted.snap), "promiscuous" if wanted.promiscuous else "-"]


_KERNEL = re.compile(r"(?:^|, )(\d+) packets? dropped by kernel", re.MULTILINE)

LISTENING = "listening on "

PROGRAMS = {
    "dumpcap": Program(
        "dumpcap",
        _dumpcap,
        lambda path: [path, "-D"],
        re.compile(r"^Packets received/dropped on interface .*: \d+/(\d+) \(", re.MULTILINE),
        re.compile(r"^dumpcap: "),
    ),
    "tcpdump": Program(
        "tcpdump",
        _tcpdump,
        lambda path: [path, "-D"],
        _KERNEL,
        re.compile(r"^tcpdump: (?!listening|verbose|\d+ packet)"),
        signal.SIGUSR1,
    ),
    "scapy": Program(
        "scapy",
        _scapy,
        lambda path: [path, "-m", "dissector.recording.sniffer"],
        _KERNEL,
        re.compile("^scapy: (?!listening)"),
        signal.SIGUSR1,
    ),
}
"""In the order in which they are looked for."""

MEANINGS = (
    (
        re.compile("permi(ssion|tted)", re.IGNORECASE),
        "no permission to capture on {interface} with {program}: run it as root (sudo), or let yourself capture with "
        "dumpcap (sudo apt install wireshark-common; sudo dpkg-reconfigure wireshark-common; sudo usermod -aG "
        "wireshark $USER; then log in again; or sudo setcap cap_net_raw,cap_net_admin=ep /usr/bin/dumpcap)",
    ),
    (
        re.compile("no such device|no device named|not found|there is no interface", re.IGNORECASE),
        "there is no interface {interface}: xenshark live --list lists those there are",
    ),
    (re.compile("is not up|is down", re.IGNORECASE), "interface {interface} is down: sudo ip link set {interface} up"),
    (
        re.compile("filter|syntax error", re.IGNORECASE),
        "{filter!r} is no capture filter ({why}): see man pcap-filter; for example 'tcp port 7700'",
    ),
)
"""What to say instead of a program's own complaint, by what is in it."""

WRONG_FILTER = re.compile(r"(?:valid capture filter|filter expression '.*') \((.*)\)|: (can't parse .*)")
"""What is wrong with a filter, in libpcap's words."""


TELLING = ("tcpdump", "dumpcap", "scapy")
"""The order in which they are looked for where somebody wants to know meanwhile what is lost: not before its end says
dumpcap, and Scapy is slower than it."""


def find(name: str | None = None, order: Sequence[str] = tuple(PROGRAMS)) -> tuple[Program, str]:
    """The program of this name, or the first that is there, and its path. Raises UserError if there is none."""
    for program in map(PROGRAMS.__getitem__, order if name is None else [name]):
        if program.name == "scapy":
            return program, sys.executable
        path = shutil.which(program.name) or shutil.which(program.name, path=PATH_OF_ROOT)
        if path is not None:
            return program, path
    raise UserError(f"{name} is not installed, or you may not run it: sudo apt install {PACKAGES[name or 'dumpcap']}")


PACKAGES = {"dumpcap": "wireshark-common", "tcpdump": "tcpdump"}
"""Where Debian and Ubuntu have them."""


def reason(program: Program, said: str, status: int) -> str:
    """Why a program ended, in its own words."""
    lines = [line.strip() for line in said.splitlines()]
    own = [program.prefix.sub("", line).rstrip(".") for line in lines if program.prefix.match(line)]
    if own:
        return own[0]
    if status < 0:
        return (
            f"{signal.Signals(-status).name} ended it"
            if -status in set(signal.Signals)
            else f"signal {-status} ended it"
        )
    return next(filter(None, reversed(lines)), f"exit status {status}")


def complaint(program: Program, path: str, wanted: Wanted, said: str, status: int) -> str:
    """One line for a person: why a program cannot capture, and what to do."""
    why = reason(program, said, status)
    for pattern, meaning in MEANINGS:
        if pattern.search(why):
            found = WRONG_FILTER.search(said)
            why = next(filter(None, found.groups())) if found else why
            return meaning.format(program=program.name, path=path, why=why, **wanted._asdict())
    return f"{program.name} cannot capture on {wanted.interface}: {why}"


def lost(program: Program, said: str) -> int | None:
    """Packets that a program lost, by what it said; None if it did not."""
    counts = program.lost.findall(said)
    return int(counts[-1]) if counts else None
