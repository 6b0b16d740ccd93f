"""Genuine captures of `captures/`, lengthened: the same connection again and again, each time from another port and
later, so that sequence numbers, sizes and times are as they were."""

from __future__ import annotations

import struct
from pathlib import Path

from dissector.capture.fragments import Fragments
from dissector.capture.link import decode
from dissector.capture.opening import open_source
from dissector.capture.reader import CaptureReader
from dissector.capture.writer import pcap_header, pcap_packet

from .measuring import ROOT

EPHEMERAL = 32768
"""Ports from here on are the client's."""

LEAST = 1 << 20
"""Octets that the file of a capture has at least, packed."""

PAUSE = 1_000_000_000
"""Nanoseconds between the end of one and the beginning of the next."""


def genuine() -> dict[str, Path]:
    """Those that hold enough to be lengthened, by the folder they are in."""
    found = sorted((ROOT / "captures").glob("[px]*/*/*.pcap.zst"))
    return {path.parent.name: path for path in found if path.stat().st_size >= LEAST}


def lengthen(source: Path, path: Path, size: int) -> None:
    """Write a pcap of at least `size` octets."""
    link, packets = _packets(source)
    span = packets[-1][0] - packets[0][0] + PAUSE
    with path.open("wb") as file:
        written = file.write(pcap_header(link))
        number = 0
        while written < size:
            for time, octets, length, at, ports in packets:
                if at:
                    struct.pack_into(">HH", octets, at, *(_moved(port, number) for port in ports))
                written += file.write(pcap_packet(time + number * span, octets, length))
            number += 1


def _moved(port: int, number: int) -> int:
    """A client's port, so many further on."""
    return port if port < EPHEMERAL else EPHEMERAL + (port + number) % EPHEMERAL


def _packets(source: Path) -> tuple[int, list[tuple[int, bytearray, int, int, tuple[int, int]]]]:
    """The link type; and of each packet its time, octets and length, where its ports are, if it has any, and these."""
    reader = open_source(str(source))
    assert isinstance(reader, CaptureReader)
    packets = []
    while (packet := reader.next_packet()) is not None:
        octets = bytearray(packet.octets)
        segment = decode(packet.link, packet.octets, packet.length, Fragments())
        at = octets.find(segment.key) + len(segment.key) - 4 if segment is not None else 0
        ports = struct.unpack_from(">HH", octets, at) if at else (0, 0)
        packets.append((packet.time_ns, octets, packet.length, at, ports))
    reader.source.close()
    return reader.interfaces[0].link, packets
