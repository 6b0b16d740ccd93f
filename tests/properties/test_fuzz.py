"""A short run of each fuzzer: in a process of its own, because one measures its memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from processor import at_most
from wireshark.releases import RELEASES, wireshark_of


def fuzz(module: str, count: int) -> str:
    """What it prints; it must find nothing."""
    command = [sys.executable, "-m", module, "--count", str(count), "--seed", "1"]
    folder = Path(__file__).resolve().parents[2]
    limit = at_most(900)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, preexec_fn=limit, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_damaged_captures() -> None:
    assert fuzz("tests.fuzz", 1500).startswith("1500 passed, 0 failed")


def test_damaged_captures_in_wireshark() -> None:
    for release in RELEASES:
        wireshark_of(release)
    assert fuzz("tests.fuzz_lua", 900).startswith("2700 passed, 0 failed")
