"""Two hosts for a migration: network namespaces with a wire between them. Needs root."""

from __future__ import annotations

import os
import subprocess
from itertools import count
from pathlib import Path

from capturing import PATIENCE, XENSHARK
from conftest import REPOSITORY

NUMBERS = count()


class Namespaces:
    """Two hosts with a wire between them: 10.99.0.1 at the source, 10.99.0.2 at the destination."""

    def __init__(self) -> None:
        self.names = [f"xenshark-{os.getpid()}-{next(NUMBERS)}" for _ in range(2)]
        for name in self.names:
            run("ip", "netns", "add", name)
        self.connect()

    def connect(self) -> None:
        """Puts the wire between them."""
        one, other = self.names
        run("ip", "-n", one, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", other)
        for number, name in enumerate(self.names, 1):
            run("ip", "-n", name, "addr", "add", f"10.99.0.{number}/24", "dev", "wire")
            run("ip", "-n", name, "link", "set", "wire", "up")

    def inside(self, number: int) -> tuple[str, ...]:
        """What stands before a command that is to run there."""
        return ("ip", "netns", "exec", self.names[number])

    def close(self) -> None:
        for name in self.names:
            run("ip", "netns", "del", name)

    def replay(self, path: Path, speed: str = "max") -> None:
        words = ["--speed", speed, "--port", "7700", str(path)]
        ends = (["--listen", "10.99.0.2"], ["--connect", "10.99.0.2"])
        both = [
            subprocess.Popen(
                [*self.inside(number), *XENSHARK, "replay", *end, *words], cwd=REPOSITORY, stdout=subprocess.DEVNULL
            )
            for number, end in zip((1, 0), ends, strict=True)
        ]
        assert [process.wait(PATIENCE) for process in both] == [0, 0]


def run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
