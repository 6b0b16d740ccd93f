"""What a process takes: processor time and peak memory."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534


class Run(NamedTuple):
    """What one process took."""

    cpu: float  # seconds
    peak: int  # KiB resident
    printed: str


def measure(command: list[str], unprivileged: bool = False) -> Run:
    """Run `command` to its end; SystemExit with what it printed when it fails."""
    nobody = NOBODY if unprivileged and os.geteuid() == 0 else None
    # Python keeps what it compiled, as it does for a package that pip installed: the first run is not counted.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=env | ({"HOME": tempfile.gettempdir()} if nobody else {}),
            user=nobody,
            group=nobody,
            extra_groups=[] if nobody else None,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        printed = output.read().decode(errors="replace")
    if process.returncode:
        raise SystemExit(f"{shlex.join(command)}: exit status {process.returncode}\n{printed.strip()[-2000:]}")
    return Run(usage.ru_utime + usage.ru_stime, usage.ru_maxrss, printed)
