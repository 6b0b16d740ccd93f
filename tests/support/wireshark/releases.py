"""The Wiresharks of the tests, and what they make of a capture.

tshark's exit status is 0 whatever a Lua script does, so every run looks at standard error, where `loud.lua` puts
the errors of scripts, and for such errors in the packets. It runs without rights of root and in an empty home: see
`dissector.integrations.wireshark.tshark.isolated`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from processor import at_most

from dissector.capture.files import open_octets
from dissector.errors import UserError
from dissector.integrations.wireshark.tshark import Tshark, complaints, find, isolated

REPOSITORY = Path(__file__).resolve().parents[3]
DISSECTOR = REPOSITORY / "lua" / "xen_migration.lua"
LOUD = Path(__file__).with_name("loud.lua")

RELEASES = ("4.0", "4.4", "4.6")
"""The last with Lua 5.2, the one before the newest, and the newest, or what is like them."""

HANG = 120
"""Seconds of the processor that a run may take."""


class Trouble(Exception):
    """tshark complained, a script failed in it, or it hung."""


@cache
def wiresharks() -> Mapping[str, Tshark]:
    """Those that are there, by the release that they are or are like: the installed one, and what
    `tests/support/wireshark/setup` unpacked."""
    found: dict[str, Tshark] = {}
    for path in ("tshark", *map(str, sorted((REPOSITORY / ".wireshark").glob("*/tshark")))):
        try:
            one = find(path)
        except UserError:
            continue
        if one.lua is not None:
            like = "4.0" if one.lua == "5.2" else "4.4" if one.version < (4, 6) else "4.6"
            found.setdefault(like, one)
    return found


def missing() -> list[str]:
    """Releases of which there is no Wireshark."""
    return [release for release in RELEASES if release not in wiresharks()]


def wireshark_of(release: str) -> Tshark:
    """The Wireshark of that release. The test is skipped if there is none; unattended it fails."""
    found = wiresharks().get(release)
    if found is None:
        import pytest  # here, because programs outside of tests use this module, too

        complain = pytest.fail if os.environ.get("CI") else pytest.skip
        complain(f"there is no Wireshark {release}: run tests/support/wireshark/setup")
    return found


@contextmanager
def unpacked(path: Path, folder: Path) -> Iterator[Path]:
    """A capture as a plain file in `folder`, gone afterwards."""
    octets, _ = open_octets(str(path))
    plain = folder / "capture"
    view = memoryview(bytearray(1 << 20))
    try:
        with plain.open("wb") as file:
            while count := octets.readinto(view):
                file.write(view[:count])
        yield plain
    finally:
        octets.close()
        plain.unlink(missing_ok=True)


def run(tshark: Tshark, capture: Path, *options: str, script: Path = DISSECTOR) -> str:
    """What tshark prints of a capture, compressed or not. Trouble if anything went wrong."""
    with isolated(tshark) as folder, unpacked(capture, folder) as plain:
        words = [str(folder / "tshark"), "-n", "-r", str(plain), *options]
        for source in (LOUD, script):
            shutil.copyfile(source, folder / source.name)
            words += ["-X", f"lua_script:{folder / source.name}"]
        limit = at_most(HANG)
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, errors="replace", preexec_fn=limit, check=False)
        if -done.returncode in (signal.SIGXCPU, signal.SIGKILL):
            raise Trouble(f"{tshark.name}: more than {HANG} s of the processor for {capture} {options}")
        said = complaints((folder / "stderr").read_text(errors="replace"))
    if done.returncode or said or "_ws.lua.error" in done.stdout:
        raise Trouble(f"{tshark.name}: {capture} {options}: exit status {done.returncode}\n" + "\n".join(said[:9]))
    return done.stdout


def packets(tshark: Tshark, capture: Path, *options: str) -> dict[int, Any]:
    """The fields of the protocol in each packet that has some, by the packet's number."""
    printed = run(tshark, capture, "-T", "json", "--no-duplicate-keys", "-J", "frame xenmig", *options)
    layers = (packet["_source"]["layers"] for packet in json.loads(printed))
    return {int(one["frame"]["frame.number"]): one["xenmig"] for one in layers if "xenmig" in one}
