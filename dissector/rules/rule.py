"""What a rule of the table is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "note"]
"""error: a receiver fails or the specification forbids it; warning: tolerated but suspect; note: a fact."""

Group: TypeAlias = Literal["headers and framing", "order and direction", "pages", "toolstack and capture"]


@dataclass(frozen=True)
class Rule:
    """One rule in general words; the values that broke it are in the message of a finding, not here."""

    id: str
    severity: Severity
    summary: str
    """One sentence without its period: what a finding of this rule says."""
    source: str
    """Where the specification or the code says so: section, header or function."""
    why: str
    """What it means, and what real senders and receivers do about it."""
    example: str
    """Records or values that break the rule, and their nearest neighbour that does not."""
    group: Group
    wireshark: bool = False
    """Whether it can be judged while packets go by, in the order of the stream: Wireshark's dissector then judges it,
    too. What is left shows at the end of a capture, or needs packets that carry no payload."""
    also: tuple[Severity, ...] = ()
    """Other severities that a finding can have, each for a case that `why` tells."""
