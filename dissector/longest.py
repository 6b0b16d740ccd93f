"""The longest of the times that come one after another, at the price of a sort now and then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Span = TypeVar("Span")


def longest(spans: Sequence[Span], most: int, duration: Callable[[Span], int]) -> list[Span]:
    """So many of them, in their order; of such that are equally long the later ones."""
    if len(spans) <= most:
        return list(spans)
    kept = sorted(range(len(spans)), key=lambda at: (duration(spans[at]), at))[len(spans) - most :]
    return [spans[at] for at in sorted(kept)]
