"""Puts the dissector and its profile where the user's Wireshark looks for them, and takes them away again.

Every file begins with a line that says where it comes from, and has a digest of the rest: what has no such line is
somebody else's, and stays as it is; what has another digest was changed by the user, and is not lost. Wireshark
itself drops the line when somebody changes the profile there.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from hashlib import sha256
from itertools import chain, count
from pathlib import Path

from dissector import __version__
from dissector.errors import UserError
from dissector.integrations.wireshark import generate, profile
from dissector.integrations.wireshark.tshark import STARTING, Tshark, ask, complaints, find, folders
from dissector.output import whole

FILE_NAME = "xen_migration.lua"

MARK = "Installed by `xenshark lua --install`"

LUA_FOLDER, CONFIGURATION = "Personal Lua Plugins", "Personal configuration"
"""Folders, as `tshark -G folders` calls them."""

AS_ROOT = "Wireshark 4.4 and later run no Lua as root, without a word: use it as an ordinary user"


def install() -> Iterator[str]:
    """Writes the files; yields what happens line by line. UserError if it cannot be done."""
    tshark = find()
    yield f"{tshark.path}: {tshark.name}"
    if tshark.lua is None:
        raise UserError(f"{tshark.path} was built without Lua: it cannot run the dissector")
    wanted = _wanted(tshark)
    states = {path: _state(path, octets) for path, octets in wanted.items()}
    dissector = next(iter(wanted))
    if states[dissector] == "foreign":
        raise UserError(f"{dissector} is there already and not from xenshark: move it away first")
    for path, octets in wanted.items():
        if states[path] == "foreign":
            yield f"left   {path}, which was changed since"
            continue
        saved = ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if states[path] == "edited":
                beside = _beside(path)
                path.rename(beside)
                saved = f"; what you had changed is in {beside}"
            with whole(str(path), is_secret=False) as file:
                file.write(octets)
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror or error}") from error
        yield f"wrote  {path}{saved}"
    if tshark.runs_lua:
        yield f"Restart Wireshark; choose the profile {profile.NAME!r} for colours and filter buttons."
    else:
        yield f"{AS_ROOT}."


def uninstall() -> Iterator[str]:
    """Removes what `install` wrote; yields what happens line by line. UserError if it cannot be done."""
    tshark = find()
    wanted = _wanted(tshark)
    for path, octets in wanted.items():
        state = _state(path, octets)
        if state == "foreign":
            yield f"left    {path}, which is not from xenshark or was changed since"
        elif state == "edited":
            yield f"left    {path}, which was changed since"
        elif state != "missing":
            try:
                path.unlink()
            except OSError as error:
                raise UserError(f"cannot remove {path}: {error.strerror or error}") from error
            yield f"removed {path}"
    *_, last = wanted
    if last.parent.is_dir() and not any(last.parent.iterdir()):
        last.parent.rmdir()


def check() -> Iterator[str]:
    """Yields line by line what is installed. UserError says why Wireshark does not run this dissector."""
    tshark = find()
    yield f"{tshark.path}: {tshark.name}"
    wanted = _wanted(tshark)
    states = {path: _state(path, octets) for path, octets in wanted.items()}
    for path, state in states.items():
        yield f"{state:<10} {path}"
    dissector = next(iter(wanted))
    if states[dissector] == "foreign":
        raise UserError(f"{dissector} is not from xenshark: move it away, then run `xenshark lua --install`")
    if states[dissector] != "current":
        raise UserError(f"{dissector} is {states[dissector]}: run `xenshark lua --install`")
    if tshark.lua is None:
        raise UserError(f"{tshark.path} was built without Lua: it cannot run the dissector")
    if not tshark.runs_lua:
        raise UserError(AS_ROOT)
    _probe(tshark)
    if f"{profile.HEURISTIC_FIRST}: TRUE" not in ask(tshark.path, "-G", "currentprefs").replace("#", ""):
        yield (
            "On ports of other protocols (8080, 6000, 5900 ...) their dissectors come first, and hide a migration: "
            f"use the profile {profile.NAME!r}, or set {profile.HEURISTIC_FIRST}."
        )
    yield "Wireshark loads it."


def _wanted(tshark: Tshark) -> Mapping[Path, bytes]:
    """Path and octets of every file, the dissector first."""
    places = folders(tshark)
    for name in (LUA_FOLDER, CONFIGURATION):
        if name not in places:
            raise UserError(f"{tshark.path} -G folders names no {name}")
        if not places[name].is_absolute():
            raise UserError(f"Wireshark's {name} would be {places[name]} wherever it is started: set HOME")
    own = places[CONFIGURATION] / "profiles" / profile.NAME
    return {
        places[LUA_FOLDER] / FILE_NAME: _marked("--", generate.dissector()),
        **{own / name: _marked("#", text) for name, text in profile.files().items()},
    }


def _marked(comment: str, text: str) -> bytes:
    """A file: the line that says where it comes from, then the text."""
    body = text.encode()
    origin = f"{comment} {MARK}, xenshark {__version__}; --uninstall removes this file unless it was changed"
    return f"{origin} (sha256 {_digest(body)}).\n".encode() + body


def _digest(body: bytes) -> str:
    return sha256(body).hexdigest()


def _state(path: Path, wanted: bytes) -> str:
    """ "current", "missing", "stale" (another version wrote it), "edited" since, or "foreign" (not from xenshark)."""
    if path.is_symlink():
        return "foreign"  # it would be written through: `install` makes none
    if not path.exists():
        return "missing"
    try:
        octets = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    if octets == wanted:
        return "current"
    mark, _, body = octets.partition(b"\n")
    if MARK.encode() not in mark:
        return "foreign"
    # Marks once had no digest.
    is_as_written = _digest(body).encode() in mark or body == wanted.partition(b"\n")[2]
    return "stale" if is_as_written else "edited"


def _beside(path: Path) -> Path:
    """A name that is free, for what was changed."""
    names = chain([".bak"], (f".bak{number}" for number in count(2)))
    return next(one for one in (path.with_name(path.name + end) for end in names) if not os.path.lexists(one))


def _probe(tshark: Tshark) -> None:
    """UserError if tshark, started as the user would, does not know the protocol."""
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
        raise UserError(f"Wireshark complains: {trouble[0]}")
    if not any(profile.NAME in line.split("\t") for line in done.stdout.splitlines()):
        raise UserError(f"{tshark.path} does not load it")
