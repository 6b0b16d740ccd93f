"""Dissector and analyzer for Xen live migration streams: captures or save files in, records and facts out.

    >>> import dissector
    >>> capture = dissector.open("migration.pcap")
    >>> for migration in capture.analyze().migrations:
    ...     print(migration.flow, migration.outcome, migration.verdict)
    >>> slowest = max(capture.faults(), key=lambda fault: fault.latency or 0)
    >>> sizes = {record.name: record.length for record in capture.records()}

Results (`dissector.results`) are frozen, and what the command prints with --json: `dissector.to_json(result)` gives
that, `dissector.schema(type, title)` its JSON Schema. Whoever wants to know something else makes a fold over the
events: `for event in capture.events()`; `dissector.events` says what there is. What a person has to mend is a
UserError.

Stable are the names in `__all__`, the results' fields and the events' fields; all else may change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dissector.errors import UserError as UserError
    from dissector.library import Input as Input
    from dissector.library import open as open
    from dissector.results.analysis import AnalysisResult as AnalysisResult
    from dissector.results.analysis import MigrationResult as MigrationResult
    from dissector.results.encoding import schema as schema
    from dissector.results.encoding import to_json as to_json
    from dissector.results.faults import FaultResult as FaultResult
    from dissector.results.findings import FindingResult as FindingResult
    from dissector.results.records import RecordResult as RecordResult
    from dissector.results.source import SourceResult as SourceResult
    from dissector.results.timeline import TimelineResult as TimelineResult

__version__ = "0.1.0"

__all__ = [
    "AnalysisResult",
    "FaultResult",
    "FindingResult",
    "Input",
    "MigrationResult",
    "RecordResult",
    "SourceResult",
    "TimelineResult",
    "UserError",
    "open",
    "schema",
    "to_json",
]

_HOMES = {
    "AnalysisResult": "dissector.results.analysis",
    "FaultResult": "dissector.results.faults",
    "FindingResult": "dissector.results.findings",
    "Input": "dissector.library",
    "MigrationResult": "dissector.results.analysis",
    "RecordResult": "dissector.results.records",
    "SourceResult": "dissector.results.source",
    "TimelineResult": "dissector.results.timeline",
    "UserError": "dissector.errors",
    "open": "dissector.library",
    "scapy_ext": "dissector.integrations.scapy_extension",
    "schema": "dissector.results.encoding",
    "to_json": "dissector.results.encoding",
}


def __getattr__(name: str) -> Any:
    """The names above, each imported when it is first asked for: to import the package costs next to nothing."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found
