"""What a migration's time went to: what held up its source, phase by phase (limits.md).

TCP tells what held up the sender of the forward direction (`events.Spent`). Whether a source that had nothing to send
was busy itself or waited for a message of the other side, only the messages tell: one that came while it sent nothing
is what it had waited for, up to when it came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from dissector.events import NOTHING_SPENT, Spent

Cause: TypeAlias = Literal["source_idle", "congestion", "receive_window", "destination_slow", "waiting", "unclear"]
CAUSES: tuple[Cause, ...] = get_args(Cause)

Congestion: TypeAlias = Literal["loss", "queue", "growth"]
"""What it was: octets that were lost, a link that was busy, or TCP that was finding out how much it takes."""


CAUSE_OF: Mapping[str, Cause] = {
    "idle": "source_idle",
    "loss": "congestion",
    "queue": "congestion",
    "growth": "congestion",
    "window": "receive_window",
    "closed": "destination_slow",
    "unclear": "unclear",
}
"""Of what TCP tells of a sender (`events.Spent`), unless it waited for the other side."""


@dataclass(slots=True)
class HeldUp:
    """ns by cause."""

    idle: int = 0
    waiting: int = 0
    loss: int = 0
    queue: int = 0
    growth: int = 0
    window: int = 0
    closed: int = 0

    def add(self, spent: Spent, waited: int = 0) -> None:
        """More time of the sender; for so many ns from its beginning it waited for the other side."""
        if spent is NOTHING_SPENT:
            return
        waiting = max(0, min(spent.idle, waited))
        self.waiting += waiting
        self.idle += spent.idle - waiting
        self.loss += spent.loss
        self.queue += spent.queue
        self.growth += spent.growth
        self.window += spent.window
        self.closed += spent.closed

    @property
    def congestion(self) -> dict[Congestion, int]:
        return {"loss": self.loss, "queue": self.queue, "growth": self.growth}

    @property
    def congested(self) -> int:
        return sum(self.congestion.values())

    def causes(self, duration: int) -> dict[Cause, int]:
        """All of some time, by cause."""
        known: dict[Cause, int] = {
            "source_idle": self.idle,
            "congestion": self.congested,
            "receive_window": self.window,
            "destination_slow": self.closed,
            "waiting": self.waiting,
        }
        return {**known, "unclear": max(0, duration - sum(known.values()))}

    def without_loss(self) -> HeldUp:
        """The same of a capture in which what was sent again cannot be told from what was captured twice."""
        return replace(self, loss=0)


def together(parts: Iterable[HeldUp]) -> HeldUp:
    """What several phases went to."""
    total = HeldUp()
    for part in parts:
        for name in HeldUp.__slots__:
            setattr(total, name, getattr(total, name) + getattr(part, name))
    return total


def shares(times: Mapping[Cause, int]) -> dict[Cause, float]:
    """Of the whole, which sum to 1; of no time at all it is unclear what it went to."""
    whole = sum(times.values())
    if not whole:
        return {cause: float(cause == "unclear") for cause in CAUSES}
    return {cause: times[cause] / whole for cause in CAUSES}
