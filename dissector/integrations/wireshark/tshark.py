"""The Wireshark that is there: its tshark, its version, its Lua and its folders."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory
from typing import NoReturn

from dissector.errors import UserError

NOBODY = 65534
"""User and group of somebody without rights (Debian policy 9.2.2)."""

STARTING = 60
"""Seconds that tshark may take to tell about itself."""

SIGNALLED = 128
"""Added to a signal's number it is the exit status, as shells have it."""

NO_LUA_FOR_ROOT = (4, 4)
"""From this version on Wireshark runs no Lua as root, and does not say so (seen in 4.4.18 and 4.6.9)."""

NOISE = re.compile(r"Running as user |Dissector bug, protocol (?!XENMIG)|^\s*$")
"""Lines that tshark writes to standard error although all is well here: bugs of other protocols are not ours."""


@dataclass(frozen=True)
class Tshark:
    """One tshark. `lua` is its interpreter's version, "5.2" or "5.4"; None if it was built without."""

    path: str
    version: tuple[int, ...]
    lua: str | None

    @property
    def name(self) -> str:
        """Version and Lua in words."""
        number = ".".join(map(str, self.version))
        return f"Wireshark {number} with Lua {self.lua}" if self.lua else f"Wireshark {number} without Lua"

    @property
    def runs_lua(self) -> bool:
        """Whether it runs Lua scripts for whoever runs this program."""
        return self.lua is not None and (os.geteuid() != 0 or self.version < NO_LUA_FOR_ROOT)


def find(path: str = "tshark") -> Tshark:
    """The tshark of that name or path. UserError if there is none, or it does not run."""
    found = shutil.which(path)
    if found is None:
        raise UserError(f"{path} was not found: install Wireshark's command line (Debian and Ubuntu: tshark)")
    printed = " ".join(ask(found, "--version").split())
    number = re.search(r"\(Wireshark\) (\d+(?:\.\d+)+)", printed)
    if number is None:
        raise UserError(f"{found} --version names no version of Wireshark")
    # In a sentence of what it is built with, and from 4.6 on a list in which a plus says that it has it.
    lua = re.search(r"(?:\bwith |\+)Lua (\d+\.\d+)", printed)
    return Tshark(found, tuple(map(int, number[1].split("."))), lua[1] if lua else None)


def folders(tshark: Tshark) -> dict[str, Path]:
    """Where it looks for what, by the names of `tshark -G folders`: "Personal Lua Plugins" ..."""
    lines = (line.partition(":") for line in ask(tshark.path, "-G", "folders").splitlines())
    return {name: Path(folder.strip()) for name, _, folder in lines if folder.strip()}


def complaints(printed: str) -> list[str]:
    """What on tshark's standard error speaks of trouble: its exit status is 0 when a Lua script fails."""
    return [line for line in printed.splitlines() if not NOISE.search(line)]


@contextmanager
def isolated(tshark: Tshark) -> Iterator[Path]:
    """A folder with a `tshark` that knows nothing of its user: no plugins, no preferences, no rights of root.

    What it writes to standard error is appended to `stderr` there. Nobody else can enter; `hand_over` gives it a file.
    """
    with TemporaryDirectory(prefix="xenshark-") as name:
        folder = Path(name)
        for own in (home := folder / "home", errors := folder / "stderr"):
            home.mkdir(exist_ok=True)
            errors.touch()
            if os.geteuid() == 0:
                os.chown(own, NOBODY, NOBODY)
        if os.geteuid() == 0:
            # It may enter, but not replace the script, which starts as root.
            os.chown(folder, -1, NOBODY)
            folder.chmod(0o710)
        unprivileged = f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups " if os.geteuid() == 0 else ""
        clean = f"env -u XDG_CONFIG_HOME -u XDG_DATA_HOME HOME={quote(str(home))} LC_ALL=C.UTF-8"
        script = folder / "tshark"
        script.write_text(f'#!/bin/sh\nexec {unprivileged}{clean} {quote(tshark.path)} "$@" 2>>{quote(str(errors))}\n')
        script.chmod(0o755)
        yield folder


@contextmanager
def orderly() -> Iterator[None]:
    """SIGTERM and SIGHUP unwind the program, as Ctrl-C does, so that it leaves nothing behind: no file, no process.

    One that is ignored (nohup) stays so. Only for the main thread.
    """
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)}
    ending = [one for one, handler in before.items() if handler is not signal.SIG_IGN]

    def end(number: int, _: object) -> NoReturn:
        for one in ending:
            signal.signal(one, signal.SIG_IGN)  # another would cut the cleaning short
        sys.exit(SIGNALLED + number)

    for one in ending:
        signal.signal(one, end)
    try:
        yield
    finally:
        for one in ending:
            signal.signal(one, before[one])


def hand_over(file: Path) -> None:
    """Makes a file one that only the isolated tshark can read, and root."""
    file.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(file, NOBODY, NOBODY)


def ask(path: str, *words: str) -> str:
    """What it prints, told these words. UserError if it does not run, or fails."""
    try:
        done = subprocess.run([path, *words], capture_output=True, text=True, timeout=STARTING, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"{path} does not run: {getattr(error, 'strerror', None) or 'it takes too long'}") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise UserError(f"{path} {' '.join(words)} failed: {last}")
    return done.stdout
