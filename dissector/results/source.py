"""The input as a whole, whatever is in it."""

from __future__ import annotations

from typing import Annotated, Literal

from dissector.results.base import Result
from dissector.results.common import Duration, FlowResult, Octets, Time
from dissector.results.limits import LimitsResult
from dissector.results.stalls import StallResult


class CensusResult(Result):
    """Packets that were not looked into."""

    what: Annotated[str, 'what they are, as far as it was read: "UDP port 53", "ARP in VXLAN"']
    packets: int


class EncryptedResult(Result, kw_only=True):
    """An encrypted connection that looks like a migration: most went one way. Octets are ciphertext."""

    cipher: Annotated[str, "SSH or TLS"]
    flow: Annotated[FlowResult, "from where most came"]
    first_time: Time | None
    last_time: Time | None
    bytes: Octets
    back: Annotated[Octets, "octets of the other direction"]
    octets_per_second: float | None
    retransmitted: Annotated[Octets, "octets that were captured again"]
    limits: Annotated[LimitsResult, "what held up the side from which most came; waiting is part of source_idle"]
    stall: Annotated[Duration | None, "the longest time without payload in the direction of most; 0: none above 50 ms"]
    stalls: Annotated[tuple[StallResult, ...], "all such times, or the longest of very many"]


class SourceResult(Result, kw_only=True):
    """The input as a whole, as far as it was read.

    >>> source = dissector.open("captures/postcopy/c_netem/veth_rx.pcap.zst").analyze().source
    >>> source.format, source.packets
    ('pcap', 15006)
    """

    file: str
    format: Literal["pcap", "pcapng", "stream"]
    packets: int
    bytes: Annotated[Octets, "of the file, decompressed"]
    first_time: Annotated[Time | None, "of the first packet"]
    last_time: Annotated[Time | None, "of the last packet"]
    joined: Annotated[tuple[str, ...], "the files, in their order, if several were read as one capture"] = ()
    cut_packets: Annotated[int, "packets cut at the snap length"]
    dropped_packets: Annotated[int, "packets that the capturing program says it lost"]
    census: Annotated[tuple[CensusResult, ...], "packets that were not looked into, the most first"] = ()
    encrypted: Annotated[tuple[EncryptedResult, ...], "encrypted connections that look like a migration"] = ()
