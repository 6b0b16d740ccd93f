"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass

from dissector.events import Direction
from dissector.protocol import Layer
from dissector.rules.registry import RULES
from dissector.rules.rule import SEVERITIES, RuleId, Severity

__all__ = ["SEVERITIES", "Finding"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation, or a fact worth a note."""

    rule: RuleId
    severity: Severity
    migration: int
    direction: Direction
    layer: Layer | None
    record: str | None
    """Name of the record."""
    index: int | None
    """Which record, header or text of its direction, from 0."""
    number: int | None
    """Which record of the input, from 1, as `read` numbers them; None without a record."""
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
        return self.is_consequence, self.time or 0, self.offset or 0

    @property
    def is_on_request(self) -> bool:
        """Whether it is a fact that healthy migrations have, too: it is shown to who asks for it."""
        return RULES[self.rule].on_request

    @property
    def is_fatal(self) -> bool:
        """Whether it can be what a migration failed of."""
        return self.severity == "error" or RULES[self.rule].fatal

    @property
    def is_consequence(self) -> bool:
        """Whether a stream that broke off breaks the rule in any case."""
        return RULES[self.rule].consequence
