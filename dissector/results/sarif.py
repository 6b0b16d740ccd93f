"""Findings as SARIF 2.1.0 (OASIS), which code hosts and editors read.

A capture has no lines: a finding's place is in its logical locations, and in `properties` as `check --json` says it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from dissector.results.encoding import to_json
from dissector.results.findings import FindingResult
from dissector.rules import RULES
from dissector.rules.findings import Finding

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(found: Iterable[tuple[str, Finding]], problems: Iterable[str], version: str) -> dict[str, Any]:
    """The log of one run: files with their findings, and what kept a file from being read to its end."""
    findings = list(found)
    ids = sorted({str(finding.rule) for _, finding in findings})
    driver = {"name": "xenshark", "version": version, "rules": [_rule(id) for id in ids]}
    notices = [{"level": "error", "message": {"text": one}} for one in problems]
    run = {
        "tool": {"driver": driver},
        "results": [_result(file, finding, ids.index(finding.rule)) for file, finding in findings],
        "invocations": [{"executionSuccessful": not notices, "toolExecutionNotifications": notices}],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(id: str) -> dict[str, Any]:
    rule = next(one for name, one in RULES.items() if name == id)
    return {
        "id": id,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.why} What to do: {rule.advice} Source: {rule.source}."},
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(file: str, finding: Finding, rule_index: int) -> dict[str, Any]:
    place = [f"migration {finding.migration}", finding.direction]
    place += [f"record {finding.number}"] if finding.number is not None else []
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": {"uri": quote(os.fsencode(PurePath(file).as_posix()))}},
        "logicalLocations": [
            {"name": finding.record or finding.direction, "fullyQualifiedName": "/".join(place), "kind": "object"}
        ],
    }
    return {
        "ruleId": str(finding.rule),
        "ruleIndex": rule_index,
        "level": finding.severity,
        "message": {"text": finding.message},
        "locations": [location],
        "properties": to_json(FindingResult.of(finding)),
    }
