"""Scapy's TCPSession and MigrationSession over the same capture, in one process, with the same layers."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from scapy.config import conf
from scapy.layers.inet import TCP
from scapy.packet import Packet, bind_layers
from scapy.sendrecv import sniff
from scapy.sessions import DefaultSession, TCPSession

from dissector.integrations.scapy import (
    LibxcDomainHeader,
    LibxcEnd,
    LibxcImageHeader,
    LibxcRecordV3,
    LibxlHeader,
    LibxlRecord,
    MigrationSession,
    PageData,
    XlHeader,
    XlMessage,
)

from .capture import PORT

RECORD_HEADER, LONGEST_HEADER = 8, 48
FIXED = {LibxlHeader: 16, LibxcImageHeader: 24, LibxcDomainHeader: 16}
NEXT = {
    XlHeader: LibxlHeader,
    LibxlHeader: LibxlRecord,
    LibxcImageHeader: LibxcDomainHeader,
    LibxcDomainHeader: LibxcRecordV3,
}


class Stream(Packet):
    """The forward direction: what TCPSession asks for the items of a stream that are all there by now.

    All of them at once, in one packet: Scapy loses count of the octets when more than one is left over.
    """

    @classmethod
    def tcp_reassemble(cls, data: bytes, metadata: dict[str, Any], session: dict[str, Any]) -> Packet | None:
        if session.get("ended"):
            return XlMessage(data)
        items: list[Packet] = []
        at = 0
        while not session.get("ended"):
            layer = session.get("layer", XlHeader)
            length = _length(layer, data[at : at + LONGEST_HEADER])
            if len(data) - at < length:
                metadata["tcp_min_len"] = length  # so it need not ask before
                break
            items.append(layer(data[at : at + length]))
            _advance(session, layer, items[-1])
            at += length
        if not items:
            return None
        if at < len(data):
            items.append(conf.padding_layer(data[at:]))
        for item in items[1:]:
            items[0].add_payload(item)
        return items[0]


def _length(layer: type[Packet], data: bytes) -> int:
    if layer in FIXED:
        return FIXED[layer]
    if layer is XlHeader:
        return LONGEST_HEADER + int.from_bytes(data[44:48], "little")
    if len(data) < RECORD_HEADER:
        return RECORD_HEADER
    body = int.from_bytes(data[4:8], "little")
    return RECORD_HEADER + body + -body % 8


def _advance(session: dict[str, Any], layer: type[Packet], packet: Packet) -> None:
    following = NEXT.get(layer, layer)
    if layer is LibxlRecord:
        following = LibxcImageHeader if packet.type == 1 else layer
        session["ended"] = packet.type == 0
    elif LibxcEnd in packet:
        following = LibxlRecord
    session["layer"] = following


bind_layers(TCP, Stream, dport=PORT)


def _page_data(packet: Packet) -> int:
    """PAGE_DATA records in what a session gave: TCPSession puts those that ended in one segment into one packet."""
    count = 0
    while packet:
        count += isinstance(packet, PageData)
        packet = packet.payload
    return count


def _run(capture: Path, session: Callable[[], DefaultSession], expected: int) -> float:
    """CPU seconds; SystemExit if not every record was found."""
    found = 0

    def count(packet: Packet) -> None:
        nonlocal found
        found += _page_data(packet)

    start = time.process_time()
    sniff(offline=str(capture), session=session(), store=False, prn=count, quiet=True)
    took = time.process_time() - start
    if found != expected:
        raise SystemExit(f"{session.__name__}: {found} of {expected} PAGE_DATA records in {capture}")
    return took


def compare_sessions(capture: Path, expected: int, runs: int) -> list[str]:
    """Rows of Markdown, from `runs` rounds after one that only warms up."""
    sessions = (TCPSession, MigrationSession)
    rounds = [[_run(capture, session, expected) for session in sessions] for _ in range(1 + runs)][1:]
    slow, fast = (median(times) for times in zip(*rounds, strict=True))
    ratio = median(tcp / own for tcp, own in rounds)
    return [
        "| session | CPU s | ratio |",
        "|---|---|---|",
        f"| TCPSession | {slow:.3f} | {ratio:.0f} |",
        f"| MigrationSession | {fast:.3f} | 1 |",
    ]
