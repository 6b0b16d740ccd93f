"""Parts that several results have."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from dissector import events, protocol
from dissector.events import Endpoint, Flow
from dissector.facts import Distribution
from dissector.results.base import Result, Seconds, Unit

Direction: TypeAlias = Annotated[events.Direction, "forward: from the migration's source to its destination"]
Layer: TypeAlias = Annotated[protocol.Layer, "which of the streams that are inside one another"]
Time: TypeAlias = Annotated[float, "seconds since the epoch, as captured", Unit.TIME]
Duration: TypeAlias = Annotated[float, "seconds", Unit.SECONDS]
Offset: TypeAlias = Annotated[int, "octets of the direction's TCP payload before it, or of the file", Unit.OCTETS]
Frame: TypeAlias = Annotated[int, "number of the packet in the capture, from 1"]
Octets: TypeAlias = Annotated[int, "octets", Unit.OCTETS]
Pfn: TypeAlias = Annotated[int, "number of a page in the guest's memory", Unit.PFN]


def time_of(time_ns: int | None, is_known: bool = True) -> float | None:
    """A time or duration in seconds; None of what is not known."""
    return Seconds(time_ns) if is_known and time_ns is not None else None


def file_name(path: str) -> str:
    """A path as text: octets that are no UTF-8 escaped, so that every reader of JSON takes it."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


class InFile(Result, kw_only=True):
    """What a line of JSON is about: the lines of several inputs follow each other."""

    file: Annotated[str, "the input, as it was given; the first file of several that were read as one"]


def in_file(path: str, result: Result) -> Mapping[str, Any]:
    """A result with the file that it is of, as an object of JSON."""
    return {"file": file_name(path), **vars(result)}


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
    min: Duration | None
    median: Duration | None
    p95: Duration | None
    max: Duration | None

    @classmethod
    def of(cls, found: Distribution | None, is_timed: bool = True) -> LatencyResult | None:
        """None where no fault was answered; `is_timed`: whether the packets have times."""
        if found is None:
            return None
        return cls(found.count, *(time_of(one, is_timed) for one in (found.min, found.median, found.p95, found.max)))
