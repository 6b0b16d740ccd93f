"""A copy of the package with something added, and the program run from there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


class Altered:
    """The copy, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / "dissector", folder / "dissector", ignore=ignored)

    def put_before(self, file: str, place: str, text: str) -> None:
        """Adds text to a file of the package, before a place that it has once."""
        self._replace(file, place, text + place)

    def put_behind(self, file: str, place: str, text: str) -> None:
        self._replace(file, place, place + text)

    def _replace(self, file: str, place: str, text: str) -> None:
        path = self.folder / "dissector" / file
        source = path.read_text()
        assert source.count(place) == 1, f"{file} has changed: where does this go now?"
        path.write_text(source.replace(place, text))

    def python(self, *words: str) -> str:
        """What Python prints, with the copy and `tests/support` in its path."""
        path = os.pathsep.join((str(self.folder), str(REPOSITORY / "tests/support")))
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
        done = subprocess.run(
            [sys.executable, *words], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        return done.stdout

    def xenshark(self, *words: str) -> str:
        return self.python("-m", "dissector", *words)
