"""Findings as lines."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dissector.rules import RULES
from dissector.rules.findings import SEVERITIES, Finding
from dissector.units import many, printable


def as_line(file: str, finding: Finding) -> str:
    """`file: migration, direction, frame, offset, record: severity rule message (receiver's log: its message)`; what is
    not known is left out."""
    where = [f"migration {finding.migration}", finding.direction]
    where += [f"frame {finding.frame}"] if finding.frame is not None else []
    where += [f"offset {finding.offset}"] if finding.offset is not None else []
    where += [f"record {finding.number}"] if finding.number is not None else []
    words = f"{finding.severity} {finding.rule} {finding.message}"
    said = receiver_says(finding)
    words += f" (receiver's log: {said})" if said else ""
    return printable(f"{file}: {', '.join(where)}: {words}")


def receiver_says(finding: Finding) -> str | None:
    """What the receiver writes into its log where it meets an error; None where that is not known."""
    said = RULES[finding.rule].receiver_says if finding.severity == "error" else {}
    seen = f"{finding.layer}.{finding.record}: {finding.message}"
    return next((line for line, of in said.items() if of is not None and re.search(of, seen)), None)


def as_annotation(file: str, finding: Finding) -> str:
    """A workflow command of GitHub Actions: `::error file=...,title=rule::place: message`. Source: "Workflow commands
    for GitHub Actions", setting an error, a warning, a notice message, and how they escape."""
    command = "notice" if finding.severity == "note" else finding.severity
    where = f"record {finding.number}" if finding.number is not None else f"migration {finding.migration}"
    message = printable(f"{where}, {finding.direction}: {finding.message}").replace("%", "%25")
    name = printable(file).replace("%", "%25").replace(",", "%2C").replace(":", "%3A")
    return f"::{command} file={name},title={finding.rule}::{message}"


def tally(counts: Mapping[str, int]) -> str:
    """How many of each severity."""
    return ", ".join(many(counts.get(name, 0), name) for name in SEVERITIES)
