"""Dissector and analyzer for Xen live migration streams: captures or save files in, records and facts out.

    >>> import dissector
    >>> capture = dissector.open("migration.pcap")
    >>> for migration in capture.analyze().migrations:
    ...     print(migration.flow, migration.outcome, migration.verdict)
    >>> slowest = max(capture.faults(), key=lambda fault: fault.latency or 0)
    >>> sizes = {record.name: record.length for record in capture.records()}

Results (`dissector.results`) are frozen, and what the command prints with --json: `dissector.to_json(result)` gives
that, `dissector.schema(type, title)` its JSON Schema. Whoever wants to know something else makes a fold over the
events: `for event in capture.events()`; `dissector.events` says what there is. What a person has to mend is a UserError.

Stable are the names in `__all__`, the results' fields and the events' fields; all else may change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dissector.errors import UserError as UserError
    from dissector.library import Capture as Capture
    from dissector.library import open as open
    from dissector.results import AnalysisResult as AnalysisResult
    from dissector.results import FaultResult as FaultResult
    from dissector.results import FindingResult as FindingResult
    from dissector.results import MigrationResult as MigrationResult
    from dissector.results import RecordResult as RecordResult
    from dissector.results import SourceResult as SourceResult
    from dissector.results import schema as schema
    from dissector.results import to_json as to_json

__version__ = "0.1.0"

__all__ = [
    "AnalysisResult",
    "Capture",
    "FaultResult",
    "FindingResult",
    "MigrationResult",
    "RecordResult",
    "SourceResult",
    "UserError",
    "open",
    "schema",
    "to_json",
]

_HOMES = {"UserError": "dissector.errors", "Capture": "dissector.library", "open": "dissector.library"}
"""Where those are defined that are no results."""


def __getattr__(name: str) -> Any:
    """The names above, each imported when it is first asked for: to import the package costs next to nothing."""
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOMES.get(name, "dissector.results")), name)
    return found
