"""tshark with the generated dissector beside tshark without, over the same capture."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from statistics import median

from .measuring import ROOT, Run, measure

DISSECTOR = ROOT / "lua" / "xen_migration.lua"

MODES = {"packet list": [], "two passes": ["-2", "-R", "tcp"]}
"""What tshark prints: a line for each packet."""


def compare_tsharks(capture: Path, expected: int, runs: int) -> list[str]:
    """Rows of Markdown, from `runs` rounds after one that only warms up; SystemExit if a record was not found."""
    script = capture.parent / DISSECTOR.name  # where tshark may read it, whoever runs it
    shutil.copyfile(DISSECTOR, script)
    bare = ["tshark", "-n", "-r", str(capture)]
    ours = [*bare, "-X", f"lua_script:{script}"]
    check([*ours, "-T", "fields", "-e", "xenmig.name", "-Y", "xenmig.item"], expected)
    rows = [
        "| what | without: CPU s | with: CPU s | ratio | without: peak MB | with: peak MB |",
        "|---|---|---|---|---|---|",
    ]
    for mode, options in MODES.items():
        commands = [bare + options, ours + options]
        rounds = [[measure(command, unprivileged=True) for command in commands] for _ in range(1 + runs)][1:]
        rows.append(row(mode, [one for one, _ in rounds], [other for _, other in rounds]))
    return rows


def check(command: list[str], expected: int) -> None:
    found = len(re.findall(r"\bPAGE_DATA\b", measure(command, unprivileged=True).printed))
    if found != expected:
        raise SystemExit(f"{found} of {expected} PAGE_DATA records: {' '.join(command)}")


def row(mode: str, without: list[Run], ours: list[Run]) -> str:
    seconds = (median(run.cpu for run in runs) for runs in (without, ours))
    ratio = median(run.cpu / other.cpu for run, other in zip(ours, without, strict=True))
    peaks = (max(run.peak for run in runs) * 1024 / 1e6 for runs in (without, ours))
    slow, fast = (f"{one:.1f}" for one in seconds)
    return f"| {mode} | {slow} | {fast} | {ratio:.2f} | " + " | ".join(f"{one:.0f}" for one in peaks) + " |"
