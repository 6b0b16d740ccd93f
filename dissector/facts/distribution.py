"""How a number of durations is spread: smallest, middle, nearly all, largest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Distribution:
    """Of a number of durations in ns: nearest-rank percentiles."""

    count: int
    min: int
    median: int
    p95: int
    max: int


def distribution(durations: Sequence[int]) -> Distribution | None:
    """None of no durations."""
    if not durations:
        return None
    ordered = sorted(durations)
    return Distribution(len(ordered), ordered[0], rank(ordered, 50), rank(ordered, 95), ordered[-1])


def rank(ordered: list[int], percent: int) -> int:
    """The smallest value that at least so many percent do not exceed; of an even number's middle, the
    mean."""
    if percent == 50 and len(ordered) % 2 == 0:
        return (ordered[len(ordered) // 2 - 1] + ordered[len(ordered) // 2]) // 2
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
