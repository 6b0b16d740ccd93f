"""What breaks a rule, as `check --json` prints it and `analyze --json` lists it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from dissector.results.base import Result
from dissector.results.common import Direction, Frame, InFile, Layer, Offset, Time, file_name, time_of
from dissector.rules import Severity
from dissector.rules.findings import Finding


class FindingResult(Result, kw_only=True):
    """A violation of the protocol, or a fact worth a note.

    >>> finding = dissector.open("captures/violations/xtab_page/xtab_page.pcap.zst").analyze().findings[0]
    >>> finding.severity, finding.rule, finding.message
    ('error', 'postcopy-page-type', 'pfn 0xe4 has type XTAB: no page can follow')
    """

    rule: Annotated[str, "its id: xenshark rules RULE explains it"]
    severity: Annotated[Severity, "gravest first"]
    migration: Annotated[int, "which of the input, from 0"]
    direction: Direction
    layer: Layer | None
    record: Annotated[str | None, "name of the record that broke it"]
    index: Annotated[int | None, "which record, header or text of its direction, from 0"]
    number: Annotated[int | None, "which record of the input, from 1: xenshark read --at NUMBER shows it"]
    offset: Annotated[Offset | None, "of the record"]
    frame: Annotated[Frame | None, "in which the record begins"]
    time: Annotated[Time | None, "of that packet"]
    message: Annotated[str, "one sentence with the values that broke the rule"]

    @classmethod
    def of(cls, finding: Finding) -> FindingResult:
        return cls(**_keys(finding))


class FileFindingResult(FindingResult, InFile, kw_only=True):
    """A finding, and the file it was found in."""

    @classmethod
    def in_file(cls, file: str, finding: Finding) -> FileFindingResult:
        return cls(file=file_name(file), **_keys(finding))


def _keys(finding: Finding) -> dict[str, Any]:
    return {**asdict(finding), "time": time_of(finding.time)}
