"""Every kind of object that the commands print with --json, by the name of its schema."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from dissector.results.analysis import AnalysisResult
from dissector.results.changes import DiffResult
from dissector.results.differences import FileDifferenceResult
from dissector.results.faults import FileFaultResult
from dissector.results.findings import FileFindingResult
from dissector.results.guest import FileGuestResult
from dissector.results.live import LiveEvent, LoggedResult
from dissector.results.records import FileRecordResult
from dissector.results.timeline import FileTimelineResult

RESULTS: Mapping[str, Any] = MappingProxyType(
    {
        "analysis": AnalysisResult,
        "record": FileRecordResult,
        "guest": FileGuestResult,
        "diff": DiffResult,
        "finding": FileFindingResult,
        "fault": FileFaultResult,
        "timeline": FileTimelineResult,
        "live": LiveEvent,
        "log": LoggedResult,
        "difference": FileDifferenceResult,
    }
)
"""What `analyze`, `read`, `guest`, `diff`, `check`, `faults`, `report`, `live` and `crosscheck` print, and what
`live --log` writes."""
