"""tshark with the generated dissector beside tshark without, over the same capture."""

from __future__ import annotations

import re
import shutil
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

    With the payload left alone tshark does the least that it can. As it comes it offers page contents to every
    protocol that may recognise them; that takes so long that it is measured once, of a small capture.
    """
    script = capture.parent / DISSECTOR.name  # where tshark may read it, whoever runs it
    shutil.copyfile(DISSECTOR, script)
    plain = ["tshark", "-n", "-r", str(capture)]
    alone = [*plain, "-d", f"tcp.port=={PORT},data"]
    ours = [*plain, "-X", f"lua_script:{script}"]
    check([*ours, "-T", "fields", "-e", "xenmig.name", "-Y", "xenmig.item"], expected)
    rows = ["| what | CPU s | ratio | peak MB |", "|---|---|---|---|"]
    for mode, options in MODES.items():
        both = [[*UNREAD, *words, *options] for words in (alone, ours)]
        rounds = [[measure(words, unprivileged=True) for words in both] for _ in range(1 + runs)]
        least, own = ([one[side] for one in rounds[1:]] for side in (0, 1))
        rows.append(row(f"{mode}, payload left alone", least, least))
        rows.append(row(f"{mode}, with xenmig", own, least))
        if not options and capture.stat().st_size < SMALL:
            once = [measure([*UNREAD, *plain, *options], unprivileged=True)]
            rows.append(row(f"{mode}, as tshark comes", once, least))
    return rows


def check(command: list[str], expected: int) -> None:
    """SystemExit unless the dissector names so many PAGE_DATA records."""
    found = len(re.findall(r"\bPAGE_DATA\b", measure(command, unprivileged=True).printed))
    if found != expected:
        raise SystemExit(f"{found} of {expected} PAGE_DATA records: {' '.join(command)}")


def row(what: str, runs: list[Run], base: list[Run]) -> str:
    cpu, least = (median(run.cpu for run in some) for some in (runs, base))
    return f"| {what} | {cpu:.1f} | {cpu / least:.2f} | {max(run.peak for run in runs) * 1024 / 1e6:.0f} |"
