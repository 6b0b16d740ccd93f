"""Captures that lack packets at their beginning, SYN or not: no error is said of what nobody did wrong."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from conftest import OWN
from conversation import judge_file
from seen import packets_in, unpacked

from dissector.errors import UserError

READ = 4 << 20
CASES = 60
STREAMS = ("violations/none/none", "xen/pv-live-debug-verify/pv-live-debug-verify", "postcopy/f_remus/veth_rx")


def packets(path: Path) -> tuple[bytes, list[bytes]]:
    """The header of the file, and as many packets as there are in the first READ octets, each with its header."""
    data = unpacked(path)[:READ]
    return data[:24], [header + packet for header, packet in packets_in(data)]


def thinned(chance: random.Random, whole: list[bytes]) -> list[bytes]:
    """With the handshake of TCP or without, and behind it a hole, or many."""
    kept = whole[:3] if chance.random() < 0.7 else []
    if chance.random() < 0.5:
        share = chance.choice((0.3, 0.6, 0.9))
        return kept + [packet for packet in whole[3:] if chance.random() > share]
    first = chance.choice((3, 3, 4, 5, 6, 8, 12, 20))
    return kept + whole[3:first] + whole[first + chance.choice((3, 5, 8, 10, 20, 40, 60)) :]


@pytest.mark.parametrize("stream", STREAMS)
def test_a_beginning_that_was_lost_is_no_error(stream: str, tmp_path: Path) -> None:
    header, whole = packets(OWN / f"{stream}.pcap.zst")
    judged = 0
    for case in range(CASES):
        path = tmp_path / "thinned.pcap"
        path.write_bytes(header + b"".join(thinned(random.Random(f"{stream}/{case}"), whole)))
        try:
            verdicts = judge_file(path)
        except UserError:  # too little is left to be known
            continue
        for verdict in verdicts:
            judged += 1
            errors = [finding for finding in verdict.findings if finding.severity == "error"]
            assert errors == [], (case, errors[0].rule, errors[0].message)
            assert verdict.migration.flow is not None
    assert judged > CASES // 3
