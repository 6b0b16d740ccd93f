"""Findings as lines."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dissector.rules import RULES
from dissector.rules.findings import SEVERITIES, Finding
from dissector.units import many, printable


def as_line(file: str, finding: Finding) -> str:
    """`file: migration, direction, frame, offset: severity rule message (receiver's log: its message)`; what is not
    known is left out."""
    where = [f"migration {finding.migration}", finding.direction]
    where += [f"frame {finding.frame}"] if finding.frame is not None else []
    where += [f"offset {finding.offset}"] if finding.offset is not None else []
    words = f"{finding.severity} {finding.rule} {finding.message}{_in_log(finding)}"
    return printable(f"{file}: {', '.join(where)}: {words}")


def _in_log(finding: Finding) -> str:
    """What the receiver writes into its log where it meets an error: of a rule's messages the one that shares most
    words with the finding."""
    said = RULES[finding.rule].receiver_says if finding.severity == "error" else ()
    words = set(WORD.findall(finding.message.lower()))

    def likeness(one: str) -> tuple[int, bool]:
        return len(words.intersection(WORD.findall(one.lower()))), f"{finding.record} " in one

    best = max(said, key=likeness, default=None)
    return f" (receiver's log: {best})" if best is not None else ""


WORD = re.compile("[a-z0-9_]{3,}")


def tally(counts: Mapping[str, int]) -> str:
    """How many of each severity."""
    return ", ".join(many(counts.get(name, 0), name) for name in SEVERITIES)
