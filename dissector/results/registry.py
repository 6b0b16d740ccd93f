"""Every kind of object that the commands print with --json, by the name of its schema."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from dissector.results.analysis import AnalysisResult
from dissector.results.differences import DifferenceResult
from dissector.results.faults import FaultResult
from dissector.results.findings import FileFindingResult
from dissector.results.live import LiveEvent
from dissector.results.records import RecordResult

RESULTS: Mapping[str, Any] = MappingProxyType(
    {
        "analysis": AnalysisResult,
        "record": RecordResult,
        "finding": FileFindingResult,
        "fault": FaultResult,
        "live": LiveEvent,
        "difference": DifferenceResult,
    }
)
"""What `analyze`, `read`, `check`, `faults`, `live` and `crosscheck` print."""
