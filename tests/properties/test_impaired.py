"""What a legal migration looks like in a bad capture: never wrong, only less sure."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import impair
import pytest
from conftest import OWN
from seen import packets_in, unpacked

from dissector.analysis import Analysis, MigrationAnalysis
from dissector.capture.fragments import Fragments
from dissector.capture.link import decode
from dissector.capture.opening import open_source
from dissector.capture.reader import CaptureReader
from dissector.engine import Engine
from dissector.events import Event, Record
from dissector.facts import Fault, Linker
from dissector.results.faults import FaultResult
from dissector.rules.checker import Checker

LEGAL = (
    "postcopy/c_netem/veth_rx.pcap",
    "postcopy/c3_capture_drops/veth_rx_with_capture_drops.pcap",
    "postcopy/d_concurrent/veth_rx.pcap",
    "violations/none/none.pcap",
    "xen/hvm-live-lo/hvm-live-lo.pcap",
    "xen/pv-live-any-nano/pv-live-any-nano.pcap",
)
Packet = tuple[bytes, bytes]
"""A packet's header and what was captured of it."""
Impair = Callable[[list[Packet]], list[Packet]]


def cut(snap: int) -> Impair:
    def shorten(packet: Packet) -> Packet:
        header, octets = packet
        return header[:8] + struct.pack("<I", len(octets[:snap])) + header[12:], octets[:snap]

    return lambda packets: [shorten(packet) for packet in packets]


def late(share: float) -> Impair:
    return lambda packets: packets[int(len(packets) * share) :]


def early(share: float) -> Impair:
    return lambda packets: packets[: int(len(packets) * share)]


def thinned(every: int) -> Impair:
    return lambda packets: [packet for number, packet in enumerate(packets) if number % every]


IMPAIRMENTS: dict[str, Impair] = {
    **{f"cut at {snap}": cut(snap) for snap in (96, 111, 128, 200, 256, 400, 600)},
    **{f"begins after {share:.0%}": late(share) for share in (0.02, 0.31, 0.5, 0.77, 0.9, 0.97)},
    **{f"ends after {share:.0%}": early(share) for share in (0.1, 0.5, 0.98)},
    **{f"without one packet in {every}": thinned(every) for every in (10, 97)},
}


def packets_of(name: str) -> tuple[bytes, list[Packet]]:
    """The file's header, and its packets; all these captures are little-endian pcap."""
    octets = unpacked(OWN / f"{name}.zst")
    return octets[:24], list(packets_in(octets))


def judge(path: Path) -> list[MigrationAnalysis]:
    analysis = Analysis()
    reader = open_source(str(path))
    assert isinstance(reader, CaptureReader)

    def take(event: Event) -> None:
        analysis.add(event)

    Engine(take).capture(reader)
    analysis.finish()
    return analysis.migrations


@pytest.mark.parametrize("name", LEGAL)
def test_a_bad_capture_gives_no_false_alarm(name: str, tmp_path: Path) -> None:
    """No error, and no failure, of a migration that succeeded: what is hidden is no violation."""
    start, packets = packets_of(name)
    path = tmp_path / "impaired.pcap"
    found = 0
    for what, change in IMPAIRMENTS.items():
        path.write_bytes(start + b"".join(map(b"".join, change(packets))))
        for migration, checker in judge(path):
            found += 1
            errors = [finding for finding in checker.findings if finding.severity == "error"]
            assert not errors, (what, errors[:3])
            assert migration.outcome in ("completed", "incomplete"), what
    assert found >= len(IMPAIRMENTS) - 4  # the last few packets alone show no migration


@pytest.mark.parametrize("name", LEGAL[:2])
@pytest.mark.parametrize("sender", [0, 7700], ids=["forward", "reverse"])
def test_one_direction_is_enough_to_know_the_end(name: str, sender: int, tmp_path: Path) -> None:
    """The destination's last word tells, and so does the source's END."""
    start, packets = packets_of(name)
    path = tmp_path / "half.pcap"
    kept = []
    for header, octets in packets:
        segment = decode(1, memoryview(octets), len(octets), Fragments())
        assert segment is not None
        if (segment.key[-4:-2] == (7700).to_bytes(2, "big")) == bool(sender):
            kept.append(header + octets)
    assert 0 < len(kept) < len(packets)
    path.write_bytes(start + b"".join(kept))
    ((migration, checker),) = judge(path)
    assert migration.outcome == "completed"
    assert not [finding for finding in checker.findings if finding.severity == "error"]


CASES = 24
"""So many run here; `python -m tests.impair` runs as many as one likes."""

FEW = 3
"""As many show that a program is wrong."""


def test_nothing_false_is_said_of_impaired_captures(capfd: pytest.CaptureFixture[str]) -> None:
    wrong, whole, missing = impair.run(CASES, seed=1)
    assert wrong == 0, capfd.readouterr().err
    assert whole > 1000 and missing <= impair.MISSED * whole, capfd.readouterr().err


@pytest.mark.parametrize("case", [77])
def test_nothing_false_is_said_again(case: int, tmp_path: Path) -> None:
    """Cases that once failed: 77, an HVM_CONTEXT of a stream whose version was not captured."""
    assert impair.run_case(1, case, tmp_path / "case.pcap").false == []


def never_answered(fault: Fault, of: Callable[[Fault], FaultResult] = FaultResult.of) -> FaultResult:
    return of(replace(fault, answer=None))


def without_every_third(linker: Linker, event: Event, add: Callable[[Linker, Event], None] = Linker.add) -> None:
    if not isinstance(event, Record) or event.number % 3:
        add(linker, event)


FAULTS: dict[str, tuple[type, str, Any]] = {
    "no fault is ever answered": (FaultResult, "of", staticmethod(never_answered)),
    "every third record is thrown away": (Linker, "add", without_every_third),
    "check finds nothing": (Checker, "_find", lambda checker, violation, record: None),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_program_that_is_wrong_is_found_out(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cases = [case for case in range(CASES) if set(impair.choose(1, case).impairments) <= impair.HARMLESS][:FEW]
    for case in cases:
        impair.said_of_genuine(impair.choose(1, case).name)
    monkeypatch.setattr(*FAULTS[name])
    results = (impair.run_case(1, case, tmp_path / "case.pcap") for case in cases)
    assert any(result.false or len(result.missed) > impair.MISSED * result.whole for result in results)
