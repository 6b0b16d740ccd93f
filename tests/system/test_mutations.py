"""The program and a model of the receivers over small mutations of genuine streams: whether a restore would fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from conversation import judge_all
from receivers import Refused, restore
from receivers.mutations import mutations, thinned
from seen import unpacked

CAPTURES = Path(__file__).resolve().parents[2] / "captures"
EACH = 1_700
"""Mutations of each stream; four times as many are more than 5,000."""

AGREEMENT = 0.98
"""What is left is explained in tests/receivers.md."""

TABLES, START_INFO, DESCRIPTORS = (0x3E4, 0x3E5), 0x1C18, 0x220B
"""Pages that the state of pv-save's vcpu names."""


def stream(name: str) -> bytes:
    if name == "xen/pv-save":
        octets = unpacked(CAPTURES / "xen/pv-save/pv-save.img.zst")
        return thinned(octets, (*TABLES, START_INFO, DESCRIPTORS))
    return unpacked(CAPTURES / f"receivers/{name}.bin.zst")


@pytest.mark.parametrize("name", ["e000", "a016", "a020", "xen/pv-save"], ids=["HVM", "PV", "PVH", "PV with pages"])
def test_program_and_model_agree(name: str) -> None:
    agreed = sum(_agree(mutated) for mutated in mutations(stream(name), EACH, seed=2026))
    assert agreed >= AGREEMENT * EACH


@pytest.mark.parametrize("pfn", [*TABLES, START_INFO, DESCRIPTORS])
def test_both_look_at_the_pages_that_a_vcpu_names(pfn: int) -> None:
    octets = stream("xen/pv-save")
    assert restore(octets).forbidden == []
    assert not _rules(octets)
    entry, other = (pfn | (12 << 60 if pfn in TABLES else 0), pfn | 3 << 60)
    assert entry.to_bytes(8, "little") in octets
    wrong = octets.replace(entry.to_bytes(8, "little"), other.to_bytes(8, "little"), 1)
    with pytest.raises(Refused, match="type of"):
        restore(wrong)
    assert _rules(wrong) == {"bad-page-table-root" if pfn in TABLES else "bad-vcpu-state"}


def test_both_see_that_a_clock_is_replaced() -> None:
    octets = stream("e000")
    at = octets.index(b"\x86\x12\x38\x54") + 20  # HEADER of HVM_CONTEXT, gtsc_khz
    for khz, is_replaced in ((0, False), (1_000_000, True)):
        changed = octets[:at] + khz.to_bytes(4, "little") + octets[at + 4 :]
        assert restore(changed).is_tsc_replaced == is_replaced
        assert _rules(changed, "warning") == ({"tsc-contradicted"} if is_replaced else set())


def _agree(octets: bytes) -> bool:
    """Whether there is an error where the restore fails, and none where it does not. Where the specification forbids
    what every receiver accepts, either is right."""
    try:
        restored = restore(octets)
    except Refused:
        return _has_error(octets)
    is_replaced = "tsc-contradicted" in _rules(octets, "warning")
    return (bool(restored.forbidden) or not _has_error(octets)) and is_replaced == restored.is_tsc_replaced


def _has_error(octets: bytes) -> bool:
    """Whether check would exit with anything but 0."""
    verdicts = judge_all(octets)
    return not verdicts or any(one.severity == "error" for verdict in verdicts for one in verdict.findings)


def _rules(octets: bytes, severity: str = "error") -> set[str]:
    return {one.rule for verdict in judge_all(octets) for one in verdict.findings if one.severity == severity}
