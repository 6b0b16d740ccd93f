"""A record, header or handshake text, as `read --json` prints it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from dissector.events import Record
from dissector.facts import Link, role_of
from dissector.protocol import Role
from dissector.results.base import Result
from dissector.results.common import Direction, Frame, InFile, Layer, Octets, Offset, Time, time_of
from dissector.results.decoding import decoded
from dissector.results.encoding import Keys
from dissector.results.faults import LinkedAnswerResult, LinkedFaultResult, answers_of, faults_of

PageRun = Annotated[tuple[int, int, str | None], "first pfn, count, type (null on POSTCOPY_FAULT)"]

LINKS: Mapping[Role, Callable[[Record, Sequence[Link]], Mapping[str, Any]]] = {
    Role.POSTCOPY_FAULT: lambda record, links: {"answers": answers_of(record, links)},
    Role.POSTCOPY_PAGES: lambda record, links: {"faults": faults_of(links)},
}
"""The links of a record that has any, by their key beside its fields."""

Fields = Annotated[
    Mapping[str, Any],
    "the decoded fields by their names in the specifications, as far as they were captured",
    Keys(
        (
            ("pages", tuple[PageRun, ...]),
            ("answers", tuple[LinkedAnswerResult, ...]),
            ("faults", tuple[LinkedFaultResult, ...]),
        )
    ),
]


class PlacedResult(Result):
    """Where an item of a stream is, and when it came."""

    migration: Annotated[int, "which of the input, from 0"]
    direction: Direction
    layer: Annotated[Layer | None, "null: octets after the end of a stream"]
    name: str
    type: Annotated[int | None, "null: it is no record"]
    offset: Annotated[Offset, "of its first octet"]
    length: Annotated[Octets, "on the wire, header and padding included"]
    body_length: Annotated[Octets, "of the body, as the header says"]
    first_frame: Frame | None
    last_frame: Annotated[Frame | None, "the packet with the octet that came last"]
    first_time: Time | None
    last_time: Time | None
    complete: Annotated[bool, "false where a gap, a cut or the end took part of it"]

    @classmethod
    def of(cls, record: Record) -> PlacedResult:
        return cls(*place(record))


class RecordResult(PlacedResult):
    """One item of a stream, in the order in which they ended on the wire.

    >>> record = next(dissector.open("captures/postcopy/c_netem/veth_rx.pcap.zst").records())
    >>> record.layer, record.name, record.offset, record.length  # in octets
    ('xl', 'banner', 0, 54)
    >>> record.fields["text"]
    'xl migration receiver ready, send binary domain data.\\n'
    """

    number: Annotated[int, "which record of the input, from 1"]
    fields: Fields
    octets: Annotated[
        str | None, "in hexadecimal, header and padding included, as far as they are kept; null unless asked for"
    ]

    @classmethod
    def of(cls, record: Record, links: Sequence[Link] = (), octets: bytes | None = None) -> RecordResult:
        """`links`: as far as they are known. `octets`: those of the record, if they are to be in it."""
        linked = LINKS.get(role) if (role := role_of(record)) is not None else None
        fields = {**decoded(record), **linked(record, links)} if linked else decoded(record, deep=True)
        in_words = octets.hex() if octets is not None else None
        placed = zip(PlacedResult.field_names, place(record), strict=True)
        return cls(**dict(placed), number=record.number, fields=fields, octets=in_words)


class FileRecordResult(RecordResult, InFile, kw_only=True):
    """An item of a stream, and its file: a line of `read --json`."""


def place(record: Record, time: Callable[[int, bool], Any] = time_of) -> tuple[Any, ...]:
    """The values of the fields of PlacedResult, in order; `time` makes one of ns and of whether they are known."""
    first, last = record.first, record.last
    return (
        record.migration,
        record.direction,
        record.layer,
        record.name,
        record.type,
        record.offset,
        record.length,
        record.body_length,
        first.frame or None,
        last.frame or None,
        time(first.time, bool(first.time)),
        time(last.time, bool(last.time)),
        record.complete,
    )
