"""The command, run in the tests' own process, and what it printed.

A pytest plugin for its fixture: a module that uses it says `pytest_plugins = ("shell",)`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dissector.cli import main


class Shell:
    """Runs the command in this process; files are made under `folder`."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capsys, self._folder = capsys, folder

    def file(self, octets: bytes, name: str = "input") -> str:
        (self._folder / name).write_bytes(octets)
        return str(self._folder / name)

    def run(self, *words: str) -> tuple[int, str, str]:
        """Exit status, standard output, standard error."""
        self._capsys.readouterr()
        status = main(words)
        return status, *self._capsys.readouterr()

    def lines(self, *words: str) -> list[str]:
        """What a command that succeeds prints."""
        status, out, err = self.run(*words)
        assert (status, err) == (0, "")
        return out.splitlines()

    def objects(self, *words: str) -> list[dict[str, Any]]:
        """What `read --json` prints."""
        return [json.loads(line) for line in self.lines("read", "--json", *words)]

    def complaint(self, *words: str) -> str:
        """The one line of a command that fails."""
        status, _, err = self.run(*words)
        assert status == 2
        assert err.startswith("xenshark: ") and err.count("\n") == 1 and err.endswith("\n")
        return err


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(capsys, tmp_path)
