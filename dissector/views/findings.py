"""Findings as lines."""

from __future__ import annotations

from collections.abc import Mapping

from dissector.rules.findings import SEVERITIES, Finding
from dissector.units import many
from dissector.views.fields import printable


def as_line(file: str, finding: Finding) -> str:
    """`file: migration, direction, frame, offset: severity rule message`; what is not known is left out."""
    where = [f"migration {finding.migration}", finding.direction]
    where += [f"frame {finding.frame}"] if finding.frame is not None else []
    where += [f"offset {finding.offset}"] if finding.offset is not None else []
    return printable(f"{file}: {', '.join(where)}: {finding.severity} {finding.rule} {finding.message}")


def tally(counts: Mapping[str, int]) -> str:
    """How many of each severity."""
    return ", ".join(many(counts.get(name, 0), name) for name in SEVERITIES)
