"""tshark with the generated dissector beside tshark without, over the same capture."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from .capture import PORT
from .measuring import ROOT, Run, measure

DISSECTOR = ROOT / "lua" / "xen_migration.lua"

SMALL = 300_000_000
"""Octets of a capture that tshark, as it comes, reads in a few minutes at most."""

UNREAD = ["sh", "-c", 'exec "$@" >/dev/null', "sh"]
"""Before a command whose output nobody needs: kept, it would make this process large, and so every child of it."""

MODES = {"packet list": [], "two passes": ["-2", "-R", "tcp"]}
"""What tshark prints: a line for each packet."""


def compare_tsharks(capture: Path, expected: int, runs: int) -> list[str]:
    """Rows of Markdown, from `runs` rounds after one that only warms up; SystemExit if a record was not found.

    Without a dissector tshark offers page contents to every protocol that may recognise them. Thrift believes that it
    does, which takes so long that it is measured once, of a small capture. With the payload left alone tshark does the
    least that it can.
    """
    script = capture.parent / DISSECTOR.name  # where tshark may read it, whoever runs it
    shutil.copyfile(DISSECTOR, script)
    plain = ["tshark", "-n", "-r", str(capture)]
    commands = {
        "no dissector, Thrift's off": [*plain, "--disable-heuristic", "thrift_tcp"],
        "with xenmig": [*plain, "-X", f"lua_script:{script}"],
        "payload left alone": [*plain, "-d", f"tcp.port=={PORT},data"],
    }
    check([*commands["with xenmig"], "-T", "fields", "-e", "xenmig.name", "-Y", "xenmig.item"], expected)
    rows = ["| what | CPU s | ratio | peak MB |", "|---|---|---|---|"]
    for mode, options in MODES.items():
        measured = in_turn(commands, options, runs)
        base, *_ = measured.values()
        rows += [row(f"{mode}, {what}", some, base) for what, some in measured.items()]
        if not options and capture.stat().st_size < SMALL:
            once = [measure([*UNREAD, *plain], unprivileged=True)]
            rows.append(row(f"{mode}, as tshark comes", once, base))
    return rows


def in_turn(commands: Mapping[str, list[str]], options: list[str], runs: int) -> dict[str, tuple[Run, ...]]:
    """What each takes with these options, from `runs` rounds after one that only warms up."""
    rounds = [
        [measure([*UNREAD, *words, *options], unprivileged=True) for words in commands.values()]
        for _ in range(1 + runs)
    ]
    return dict(zip(commands, zip(*rounds[1:], strict=True), strict=True))


HOOKS = """\
local first, last = Proto("first", "A heuristic"), Proto("last", "A post-dissector")
first:register_heuristic("tcp", function() return false end)
function last.dissector() end
register_postdissector(last)
"""
"""Where the dissector is called from, in every packet."""


def compare_without_xen(capture: Path, runs: int) -> list[str]:
    """Rows of Markdown: what the dissector costs where it has nothing to do, and what of that is Wireshark's to call
    functions of Lua, and to find the fields that it asks for."""
    asked = re.findall(r'Field\.new\("[\w.]+"\)', DISSECTOR.read_text())
    texts = {"calls": HOOKS, "calls and fields": "\n".join((HOOKS, *asked)), "with xenmig": DISSECTOR.read_text()}
    commands = {"no dissector": ["tshark", "-n", "-r", str(capture)]}
    for what, text in texts.items():
        script = capture.parent / f"{what.replace(' ', '-')}.lua"
        script.write_text(text)
        commands[what] = [*commands["no dissector"], "-X", f"lua_script:{script}"]
    rows = ["| what | CPU s | ratio | peak MB |", "|---|---|---|---|"]
    for mode, options in {**MODES, "two passes, no filter": ["-2"]}.items():
        measured = in_turn(commands, options, runs)
        rows += [row(f"{mode}, {what}", some, measured["no dissector"]) for what, some in measured.items()]
    return rows


def check(command: list[str], expected: int) -> None:
    """SystemExit unless the dissector names so many PAGE_DATA records."""
    found = len(re.findall(r"\bPAGE_DATA\b", measure(command, unprivileged=True).printed))
    if found != expected:
        raise SystemExit(f"{found} of {expected} PAGE_DATA records: {' '.join(command)}")


def row(what: str, runs: Sequence[Run], base: Sequence[Run]) -> str:
    cpu, least = (median(run.cpu for run in some) for some in (runs, base))
    return f"| {what} | {cpu:.1f} | {cpu / least:.2f} | {max(run.peak for run in runs) * 1024 / 1e6:.0f} |"
