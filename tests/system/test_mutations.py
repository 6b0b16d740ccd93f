"""The program and a model of the receivers over small mutations of genuine streams: whether a restore would fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from conversation import judge_all
from receivers import Refused, restore
from receivers.mutations import mutations
from seen import unpacked

STREAMS = Path(__file__).resolve().parents[2] / "captures/receivers"
EACH = 1_700
"""Mutations of each stream; three times as many are more than 5,000."""

AGREEMENT = 0.98
"""What is left is explained in tests/receivers.md."""


@pytest.mark.parametrize("name", ["e000", "a016", "a020"], ids=["HVM", "PV", "PVH"])
def test_program_and_model_agree(name: str) -> None:
    octets = unpacked(STREAMS / f"{name}.bin.zst")
    agreed = sum(_agree(mutated) for mutated in mutations(octets, EACH, seed=2026))
    assert agreed >= AGREEMENT * EACH


def _agree(octets: bytes) -> bool:
    """Whether there is an error where the restore fails, and none where it does not. Where the specification forbids
    what every receiver accepts, either is right."""
    try:
        forbidden = restore(octets)
    except Refused:
        return _has_error(octets)
    return bool(forbidden) or not _has_error(octets)


def _has_error(octets: bytes) -> bool:
    """Whether check would exit with anything but 0."""
    verdicts = judge_all(octets)
    return not verdicts or any(one.severity == "error" for verdict in verdicts for one in verdict.findings)
