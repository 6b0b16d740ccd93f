"""Every kind of object that the commands print with --json, by the name of its schema."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from dissector.results.analysis import AnalysisResult
from dissector.results.changes import DiffResult
from dissector.results.differences import DifferenceResult
from dissector.results.faults import FaultResult
from dissector.results.findings import FileFindingResult
from dissector.results.guest import GuestResult
from dissector.results.live import LiveEvent, LoggedResult
from dissector.results.records import RecordResult
from dissector.results.timeline import TimelineResult

RESULTS: Mapping[str, Any] = MappingProxyType(
    {
        "analysis": AnalysisResult,
        "record": RecordResult,
        "guest": GuestResult,
        "diff": DiffResult,
        "finding": FileFindingResult,
        "fault": FaultResult,
        "timeline": TimelineResult,
        "live": LiveEvent,
        "log": LoggedResult,
        "difference": DifferenceResult,
    }
)
"""What `analyze`, `read`, `guest`, `diff`, `check`, `faults`, `report`, `live` and `crosscheck` print, and what
`live --log` writes."""
