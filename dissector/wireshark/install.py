"""Puts the dissector and its profile where the user's Wireshark looks for them, and takes them away again.

Every file begins with a line that says where it comes from: what has no such line is somebody else's, and stays
as it is. Wireshark itself drops the line when somebody changes the profile there.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from dissector import __version__
from dissector.sources.files import SourceError
from dissector.wireshark import generate, profile
from dissector.wireshark.tshark import STARTING, Tshark, complaints, find, folders

FILE_NAME = "xen_migration.lua"

MARK = "Installed by `xenshark lua --install`"

LUA_FOLDER, CONFIGURATION = "Personal Lua Plugins", "Personal configuration"
"""Folders, as `tshark -G folders` calls them."""

AS_ROOT = "Wireshark 4.4 and later run no Lua as root, without a word: use it as an ordinary user"


def install() -> Iterator[str]:
    """Writes the files; yields what happens line by line. SourceError if it cannot be done."""
    tshark = find()
    yield f"{tshark.path}: {tshark.name}"
    if tshark.lua is None:
        raise SourceError(f"{tshark.path} was built without Lua: it cannot run the dissector")
    wanted = _wanted(tshark)
    dissector = next(iter(wanted))
    if _is_foreign(dissector):
        raise SourceError(f"{dissector} is there already and not from xenshark: move it away first")
    for path, text in wanted.items():
        if _is_foreign(path):
            yield f"left   {path}, which was changed since"
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        except OSError as error:
            raise SourceError(f"cannot write {path}: {error.strerror or error}") from error
        yield f"wrote  {path}"
    if tshark.runs_lua:
        yield f"Restart Wireshark; choose the profile {profile.NAME!r} for colours and filter buttons."
    else:
        yield f"{AS_ROOT}."


def uninstall() -> Iterator[str]:
    """Removes what `install` wrote; yields what happens line by line. SourceError if it cannot be done."""
    tshark = find()
    wanted = _wanted(tshark)
    for path in wanted:
        if _is_foreign(path):
            yield f"left    {path}, which is not from xenshark or was changed since"
        elif path.exists():
            try:
                path.unlink()
            except OSError as error:
                raise SourceError(f"cannot remove {path}: {error.strerror or error}") from error
            yield f"removed {path}"
    *_, last = wanted
    if last.parent.is_dir() and not any(last.parent.iterdir()):
        last.parent.rmdir()


def check() -> Iterator[str]:
    """Yields line by line what is installed. SourceError says why Wireshark does not run this dissector."""
    tshark = find()
    yield f"{tshark.path}: {tshark.name}"
    wanted = _wanted(tshark)
    states = {path: _state(path, text) for path, text in wanted.items()}
    for path, state in states.items():
        yield f"{state:<10} {path}"
    dissector = next(iter(wanted))
    if states[dissector] != "current":
        raise SourceError(f"{dissector} is {states[dissector]}: run `xenshark lua --install`")
    if tshark.lua is None:
        raise SourceError(f"{tshark.path} was built without Lua: it cannot run the dissector")
    if not tshark.runs_lua:
        raise SourceError(AS_ROOT)
    _probe(tshark)
    yield "Wireshark loads it."


def _wanted(tshark: Tshark) -> Mapping[Path, str]:
    """Path and text of every file, the dissector first."""
    places = folders(tshark)
    for name in (LUA_FOLDER, CONFIGURATION):
        if name not in places:
            raise SourceError(f"{tshark.path} -G folders names no {name}")
    own = places[CONFIGURATION] / "profiles" / profile.NAME
    mark = f"{MARK}, xenshark {__version__}; --uninstall removes this file.\n"
    return {
        places[LUA_FOLDER] / FILE_NAME: f"-- {mark}{generate.dissector()}",
        **{own / name: f"# {mark}{text}" for name, text in profile.files().items()},
    }


def _is_foreign(path: Path) -> bool:
    return path.exists() and MARK not in _first_line(path)


def _state(path: Path, text: str) -> str:
    """ "current", "missing", "foreign" (not from xenshark), or "stale" (from another version of it)."""
    if not path.exists():
        return "missing"
    if _is_foreign(path):
        return "foreign"
    return "current" if path.read_text() == text else "stale"


def _first_line(path: Path) -> str:
    try:
        with path.open(errors="replace") as file:
            return file.readline()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error


def _probe(tshark: Tshark) -> None:
    """SourceError if tshark, started as the user would, does not know the protocol."""
    done = subprocess.run(
        [tshark.path, "-G", "protocols"],
        capture_output=True,
        text=True,
        timeout=STARTING,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    trouble = complaints(done.stderr)
    if trouble:
        raise SourceError(f"Wireshark complains: {trouble[0]}")
    if not any(profile.NAME in line.split("\t") for line in done.stdout.splitlines()):
        raise SourceError(f"{tshark.path} does not load it")
