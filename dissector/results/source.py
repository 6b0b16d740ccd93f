"""The input as a whole, whatever is in it."""

from __future__ import annotations

from typing import Annotated, Literal

from dissector.results.base import Result
from dissector.results.common import Octets, Time


class SourceResult(Result, kw_only=True):
    """The input as a whole, as far as it was read."""

    file: str
    format: Literal["pcap", "pcapng", "stream"]
    packets: int
    bytes: Annotated[Octets, "of the file, decompressed"]
    first_time: Annotated[Time | None, "of the first packet"]
    last_time: Annotated[Time | None, "of the last packet"]
    cut_packets: Annotated[int, "packets cut at the snap length"]
    dropped_packets: Annotated[int, "packets that the capturing program says it lost"]
