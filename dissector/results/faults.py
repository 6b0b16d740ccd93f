"""The pages that a postcopy guest asked for, as `faults --json` prints them and `read --json` links them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from dissector.events import Record
from dissector.facts import Fault, Link
from dissector.results.base import Result
from dissector.results.common import Duration, Frame, InFile, Offset, Pfn, Time, time_of

Latency = Annotated[Duration, "from the fault's last octet to the last one of the record that answers, as captured"]
InFlight = Annotated[bool, "whether the page's record began on the wire before the fault ended there"]


class AnswerResult(Result):
    """The POSTCOPY_PAGE_DATA that carries a page."""

    offset: Offset
    frame: Annotated[Frame, "of its last octet"]
    time: Annotated[Time | None, "of its last octet"]

    @classmethod
    def of(cls, record: Record) -> AnswerResult:
        return cls(record.offset, record.last.frame, time_of(record.last.time, bool(record.last.time)))


class FaultResult(Result, kw_only=True):
    """One faulted pfn (docs/specs, POSTCOPY_FAULT of the postcopy series), and the record that brought its page.

    >>> fault = dissector.open("captures/postcopy/c_netem/veth_rx.pcap.zst").faults()[0]
    >>> fault.pfn, fault.answer.frame, fault.latency  # in seconds
    (1132, 12783, 0.077135)
    """

    migration: Annotated[int, "which of the input, from 0"]
    pfn: Pfn
    offset: Annotated[Offset, "of the POSTCOPY_FAULT"]
    frame: Annotated[Frame, "of its last octet"]
    time: Annotated[Time | None, "of its last octet"]
    answer: Annotated[AnswerResult | None, "null: its page never came"]
    latency: Latency | None
    in_flight: InFlight

    @classmethod
    def of(cls, fault: Fault) -> FaultResult:
        asked, answer = fault.asked, fault.answer
        return cls(
            migration=asked.migration,
            pfn=fault.pfn,
            offset=asked.offset,
            frame=asked.last.frame,
            time=time_of(asked.last.time, bool(asked.last.time)),
            answer=None if answer is None else AnswerResult.of(answer),
            latency=time_of(fault.latency, bool(asked.last.time)),
            in_flight=fault.in_flight,
        )


class FileFaultResult(FaultResult, InFile, kw_only=True):
    """A faulted pfn, and its file: a line of `faults --json`."""


class LinkedAnswerResult(Result):
    """Of a POSTCOPY_FAULT: where the answer to one of its pfns is; null where there is none."""

    pfn: Pfn
    offset: Offset | None
    frame: Frame | None
    latency: Latency | None
    in_flight: InFlight


class LinkedFaultResult(Result):
    """Of a POSTCOPY_PAGE_DATA: where one of its pfns was asked for."""

    pfn: Pfn
    offset: Offset
    frame: Frame


def answers_of(record: Record, links: Sequence[Link]) -> tuple[LinkedAnswerResult, ...]:
    """One a pfn of a POSTCOPY_FAULT."""
    by_pfn = {link.pfn: link for link in links}
    return tuple(_answer(pfn, by_pfn.get(pfn), record) for pfn in record.pfns())


def _answer(pfn: int, link: Link | None, record: Record) -> LinkedAnswerResult:
    if link is None:
        return LinkedAnswerResult(pfn, None, None, None, in_flight=False)
    page = link.record
    latency = time_of(page.last.time - record.last.time, bool(record.last.time))
    return LinkedAnswerResult(pfn, page.offset, page.last.frame, latency, link.in_flight)


def faults_of(links: Sequence[Link]) -> tuple[LinkedFaultResult, ...]:
    """One for each pfn of a POSTCOPY_PAGE_DATA that was asked for."""
    return tuple(LinkedFaultResult(link.pfn, link.record.offset, link.record.last.frame) for link in links)
