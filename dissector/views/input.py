"""The input as a whole, whatever is in it."""

from __future__ import annotations

from typing import NamedTuple


class Input(NamedTuple):
    """Times in ns since the epoch, None where the input is no capture."""

    file: str
    format: str
    """"pcap", "pcapng" or "stream"."""
    packets: int
    octets: int
    """Of the file, decompressed."""
    first_time: int | None
    last_time: int | None
    cut_packets: int
    dropped_packets: int = 0
    """Packets that the capturing program said it lost."""
