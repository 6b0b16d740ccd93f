"""A short run of the fuzzer: in a process of its own, because it measures its memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_damaged_captures() -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--count", "2000", "--seed", "1"]
    folder = Path(__file__).resolve().parent.parent
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("2000 passed, 0 failed")
