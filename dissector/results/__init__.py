"""What the program says of an input, as frozen typed values: the JSON of every command and its schema come from these.

Times are seconds as floats (absolute ones since the epoch, UTC), offsets and lengths octets; None: not known, or not
there. A class per object of the JSON, its fields are the keys; `RESULTS` names what a command prints as a whole.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from dissector.results.analysis import AnalysisResult, MigrationResult, SourceResult
from dissector.results.differences import DifferenceResult
from dissector.results.encoding import dumps, schema, to_json
from dissector.results.faults import FaultResult
from dissector.results.findings import FileFindingResult, FindingResult
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
"""By the name of its schema: what `analyze`, `read`, `check`, `faults`, `live` and `crosscheck` print with --json."""

__all__ = [
    "RESULTS",
    "AnalysisResult",
    "DifferenceResult",
    "FaultResult",
    "FileFindingResult",
    "FindingResult",
    "LiveEvent",
    "MigrationResult",
    "RecordResult",
    "SourceResult",
    "dumps",
    "schema",
    "to_json",
]
