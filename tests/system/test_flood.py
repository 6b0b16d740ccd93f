"""A short run of what floods `xenshark live`, and what that finds wrong."""

from __future__ import annotations

from typing import Any

import flood
import pytest
from capturing import require_root

NOTE = {"rule": "capture-gap", "severity": "note", "message": "lost"}
ERROR = {"rule": "bad-length", "severity": "error", "message": "too long"}
LOST = {"rule": "stream-resynchronised", "severity": "warning", "message": "lost"}
MB = 1 << 20


def test_a_flood_changes_nothing_that_is_said() -> None:
    require_root()
    done = flood.run(seconds=5, seed=1, rate=2000)
    assert flood.wrongs(done) == []
    assert done.sent and done.replayed and len(done.told) == done.replayed


def told(outcome: str, finding: dict[str, str]) -> dict[str, Any]:
    return {"outcome": outcome, "verdict": "why", "findings": [finding]}


FINE = flood.Flooded(1, 1, [told("completed", NOTE)], 0, [30 * MB] * 9, 1, 0, 0, "")


@pytest.mark.parametrize(
    ("done", "wrong"),
    [
        (FINE, []),
        (FINE._replace(memory=[30 * MB] * 6 + [60 * MB] * 3), ["memory: "]),
        (FINE._replace(status=1), ["live ended with 1"]),
        (FINE._replace(errors="Traceback"), ["Traceback"]),
        (FINE._replace(told=[told("completed", LOST)]), ["stream-resynchronised: lost"]),
        (FINE._replace(told=[told("completed", LOST)], dropped=1), []),
        (FINE._replace(told=[]), ["no replayed migration"]),
        (FINE._replace(told=[told("completed", ERROR)]), ["bad-length: too long"]),
        (FINE._replace(told=[told("failed", NOTE)]), ["outcome failed"]),
    ],
)
def test_what_is_wrong_is_found(done: flood.Flooded, wrong: list[str]) -> None:
    found = flood.wrongs(done)
    assert len(found) == len(wrong) and all(one.startswith(start) for one, start in zip(found, wrong, strict=True))
