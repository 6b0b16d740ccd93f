"""How long `xenshark view` takes until one sees something, and until it answers a key while it loads.

    python -m tests.viewing [--octets 1000000000] [--shape gro] [FILE]

Runs the command on a terminal of its own, presses a key every quarter of a second until all is loaded, and prints when
the first record stood on the screen, how long the slowest key took, when all was loaded, and the most memory that it
had. Without FILE it makes a capture of a gigabyte. Exit status 1 if the first screen took two seconds of the processor.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import NamedTuple

from tests.benchmark.capture import VARIANTS, build_capture

ALLOWED = 2.0
"""Seconds of the processor until the first screen."""

EVERY = 0.25
"""Seconds between two keys."""

ESCAPE = re.compile(rb"\x1b(?:\[[0-9;?<>=]*[A-Za-z]|[()][A-Z0-9]|[=>]|\][^\x07]*\x07|P[^\x1b]*\x1b\\)")
STATUS = re.compile(rb"record ([\d,]+) of ([\d,]+)([^\r\n]*)")
"""The line at the bottom: where the cursor is, how many there are, what goes on."""


class Seen(NamedTuple):
    """What somebody at the terminal saw. Seconds, octets."""

    first: float
    processor: float
    """Of it, what the command had of the processor."""
    slowest: float
    loaded: float
    records: int
    memory: int


class Terminal:
    """The command on a terminal."""

    def __init__(self, capture: Path, columns: int = 120, rows: int = 40) -> None:
        self.begun = monotonic()
        self._main, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dissector", "view", str(capture)],
            stdin=other,
            stdout=other,
            stderr=other,
            env={**os.environ, "TERM": "xterm-256color"},
            start_new_session=True,
        )
        os.close(other)
        self._text = b""

    def press(self, key: str) -> None:
        os.write(self._main, key.encode())

    def status(self, seconds: float) -> list[tuple[int, int, bytes]]:
        """What the last line said within some seconds: record, of how many, and the words behind; as often as it was
        drawn. Raises RuntimeError if the command has ended."""
        found: list[tuple[int, int, bytes]] = []
        until = monotonic() + seconds
        while not found and (left := until - monotonic()) > 0:
            if not select.select([self._main], [], [], left)[0]:
                continue
            try:
                self._text += os.read(self._main, 1 << 16)
            except OSError:
                raise RuntimeError(f"view has ended: {ESCAPE.sub(b'', self._text)[-300:]!r}") from None
            plain = ESCAPE.sub(b"", self._text)
            found = [(_number(one[1]), _number(one[2]), one[3]) for one in STATUS.finditer(plain)]
            self._text = self._text[-4096:] if not found else b""
        return found

    def memory(self) -> int:
        """The most octets that it has had."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))

    def processor(self) -> float:
        """Seconds that it has had of the processor (proc(5), utime and stime)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self._main)


def _number(digits: bytes) -> int:
    return int(digits.replace(b",", b""))


def look(capture: Path) -> Seen:
    """What one sees of a capture. Raises RuntimeError."""
    terminal = Terminal(capture)
    try:
        said: list[tuple[int, int, bytes]] = []
        while not said:
            said = terminal.status(60)
        first, processor = monotonic() - terminal.begun, terminal.processor()
        slowest, here, count = 0.0, said[-1][0], said[-1][1]
        is_loading = True
        while is_loading:
            pressed = monotonic()
            terminal.press("j" if here < count else "k")
            moved = False
            while not moved:
                for number, of, words in terminal.status(60):
                    moved = moved or number != here or count < 2
                    here, count, is_loading = number, of, b"loading" in words
            slowest = max(slowest, monotonic() - pressed)
            for number, of, words in terminal.status(EVERY):
                here, count, is_loading = number, of, b"loading" in words
        return Seen(first, processor, slowest, monotonic() - terminal.begun, count, terminal.memory())
    finally:
        terminal.end()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.viewing", description="How soon view shows something.")
    parser.add_argument("file", metavar="FILE", type=Path, nargs="?", help="a capture (default: one is made)")
    parser.add_argument("--octets", type=int, default=1_000_000_000, help="of the capture that is made")
    parser.add_argument("--shape", choices=VARIANTS, default="gro", help="of the capture that is made (default: gro)")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        capture = arguments.file or Path(name) / "migration.pcap"
        if arguments.file is None:
            build_capture(capture, arguments.octets, arguments.shape)
        seen = look(capture)
        print(
            f"{capture.stat().st_size / 1e9:.2f} GB: the first screen after {seen.first:.2f} s, {seen.processor:.2f} s "
            f"of them the processor's, a key answered within "
            f"{seen.slowest:.2f} s, all {seen.records:,} records after {seen.loaded:.2f} s; {seen.memory / 1e6:.0f} MB"
        )
    return 0 if seen.processor < ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
