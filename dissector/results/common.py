"""Parts that several results have."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from dissector import events, protocol
from dissector.events import Endpoint, Flow
from dissector.facts import Distribution
from dissector.results.base import Result
from dissector.units import in_seconds

Direction: TypeAlias = Annotated[events.Direction, "forward: from the migration's source to its destination"]
Layer: TypeAlias = Annotated[protocol.Layer, "which of the streams that are inside one another"]
Time: TypeAlias = Annotated[float, "seconds since the epoch, as captured"]
Duration: TypeAlias = Annotated[float, "seconds"]
Offset: TypeAlias = Annotated[int, "octets of the direction's TCP payload before it, or of the file"]
Frame: TypeAlias = Annotated[int, "number of the packet in the capture, from 1"]
Octets: TypeAlias = Annotated[int, "octets"]


def time_of(time_ns: int | None, is_known: bool = True) -> float | None:
    """A time or duration in seconds; None of what is not known."""
    return in_seconds(time_ns) if is_known and time_ns is not None else None


class EndpointResult(Result):
    """An end of a TCP connection."""

    address: str
    port: int

    @classmethod
    def of(cls, endpoint: Endpoint) -> EndpointResult:
        return cls(endpoint.address, endpoint.port)

    def __str__(self) -> str:
        return str(Endpoint(self.address, self.port))


class FlowResult(Result):
    """Who migrates to whom."""

    source: EndpointResult
    destination: EndpointResult

    @classmethod
    def of(cls, flow: Flow | None) -> FlowResult | None:
        """None of a file that is no capture."""
        return None if flow is None else cls(EndpointResult.of(flow.source), EndpointResult.of(flow.destination))

    def __str__(self) -> str:
        return f"{self.source} -> {self.destination}"


class LatencyResult(Result):
    """How long faults took to be answered: nearest-rank percentiles of those that were not in flight."""

    count: int
    min: Duration
    median: Duration
    p95: Duration
    max: Duration

    @classmethod
    def of(cls, found: Distribution | None) -> LatencyResult | None:
        """None where no fault was answered."""
        if found is None:
            return None
        return cls(found.count, *map(in_seconds, (found.min, found.median, found.p95, found.max)))
