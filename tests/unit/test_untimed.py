"""Simple Packet Blocks have no times: what is measured in them is null, never 0."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import talks
from conversation import Wire, packets, pcap

import dissector
from dissector.capture.writer import interface, section
from dissector.results.encoding import dumps


def untimed(octets: bytes) -> bytes:
    """A pcap as pcapng of Simple Packet Blocks."""
    out, at = bytearray(section("<") + interface("<")), 24
    while at < len(octets):
        (captured,) = struct.unpack_from("<I", octets, at + 8)
        packet = octets[at + 16 : at + 16 + captured]
        size = 16 + captured + -captured % 4
        out += struct.pack("<III", 3, size, captured) + packet + bytes(-captured % 4) + struct.pack("<I", size)
        at += 16 + captured
    return bytes(out)


MEASURED = frozenset(
    [
        "time",
        "first_time",
        "last_time",
        "start_time",
        "end_time",
        "stall",
        "downtime",
        "min",
        "median",
        "p95",
        "max",
        "latency",
        "dirty_pages_per_second",
        "sent_pages_per_second",
        "octets_per_second",
    ]
)


def measured(value: Any) -> Iterator[Any]:
    """Whatever in a result is a time, a duration or a rate."""
    if isinstance(value, list):
        for one in value:
            yield from measured(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from measured(one) if isinstance(one, dict | list) else [one] * (name in MEASURED)


def test_no_time_is_null(tmp_path: Path) -> None:
    path = tmp_path / "simple.pcapng"
    path.write_bytes(untimed(pcap(packets(Wire(talks.postcopy())))))
    opened = dissector.open(path)
    result = json.loads(dumps(opened.analyze()))
    (migration,) = result["migrations"]
    assert migration["postcopy"]["answered"] > 0
    assert "latency" in migration["postcopy"]
    rest = [*opened.records(), *opened.faults()]
    found = [*measured(result), *measured([json.loads(dumps(one)) for one in rest])]
    assert len(found) > 20
    assert set(found) == {None}
