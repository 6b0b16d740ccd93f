"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass

SEVERITIES = ("error", "warning", "note")
"""Gravest first."""

CONSEQUENCES = frozenset({"truncated-stream", "postcopy-fault-unanswered"})
"""Rules that a broken off stream breaks in any case: no reason, but what follows from one."""

FATAL = frozenset({"postcopy-optional-record"})
"""Rules that are no error by the specification, and that the known programs fail on all the same."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation, or a fact worth a note."""

    rule: str
    severity: str
    migration: int
    direction: str
    layer: str | None
    record: str | None
    """Name of the record."""
    index: int | None
    """Which record, header or text of its direction, from 0."""
    offset: int | None
    """Of the record in its direction, in octets."""
    frame: int | None
    """The packet in which the record begins; None where the input is no capture."""
    time: int | None
    """Of that packet, ns since the epoch."""
    message: str
    """One sentence with the values that broke the rule."""

    @property
    def place(self) -> tuple[bool, int, int]:
        """Where it stands among the findings: in the order of time, but what follows from others is behind them."""
        return self.rule in CONSEQUENCES, self.time or 0, self.offset or 0

    @property
    def is_fatal(self) -> bool:
        """Whether it can be what a migration failed of."""
        return self.severity == "error" or self.rule in FATAL
