"""What a filter can ask of a row: the fields of records, of faulted pfns and of findings, by Wireshark's names.

The names, kinds and forms of numbers are those that Wireshark's dissector declares (`integrations.wireshark.fields`),
so that an expression means the same in both. In Wireshark it is asked of a frame, here of one record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar

from dissector.events import Closed, Event, Record
from dissector.facts import Fault, Link, role_of
from dissector.integrations.wireshark import fields as wireshark
from dissector.integrations.wireshark.fields import (
    NAMES,
    PROTOCOL,
    Shown,
    insides,
    is_stream_of_qemu,
    of_bodies,
    parts_of,
    prefix,
    register_of,
    shapes,
    structures,
)
from dissector.protocol import (
    PAGE_TYPES,
    Endianness,
    MessageSpec,
    RecordSpec,
    Role,
    fields,
    layout,
    msr,
    qemu,
)
from dissector.protocol import Field as Shape
from dissector.protocol.cpuid import CpuPolicy, Leaves, features, leaves
from dissector.protocol.forms import Flags, Structures
from dissector.protocol.libxc import x86_cpuid_policy
from dissector.protocol.qemu_description import words
from dissector.results.decoding import around, plain

if TYPE_CHECKING:
    from dissector.rules.findings import Finding

Kind: TypeAlias = Literal["number", "time", "flag", "text", "octets"]

Value: TypeAlias = tuple[Any, Any]
"""The lowest and the highest of a range of integers, as pfns come in runs; of anything else twice the same. Times are
ns, flags 0 or 1."""

RowType = TypeVar("RowType")

KINDS: Mapping[str, Kind] = {"string": "text", "bytes": "octets", "bool": "flag", "relative_time": "time"}
"""Of Wireshark's kinds; the others are numbers."""

OWN = PROTOCOL + "."


class Field(NamedTuple):
    """What a row has any number of values of."""

    shown: Shown
    values: Callable[[Any], Sequence[Value]]
    is_plain: bool = False
    """Whether its name has no "xenmig." before it: it is another protocol's in Wireshark."""

    @property
    def name(self) -> str:
        """As Wireshark has it."""
        return self.shown.path if self.is_plain else self.shown.name

    @property
    def kind(self) -> Kind:
        return KINDS.get(self.shown.kind, "number")

    @property
    def names(self) -> Mapping[str, int]:
        """What numbers are called."""
        return {name: number for number, name in NAMES[self.shown.names].items()} if self.shown.names else {}


class Scope(Generic[RowType]):
    """The fields of one sort of rows."""

    def __init__(self, what: str, fields: Iterable[Field], elsewhere: Callable[[str], str] = lambda name: "") -> None:
        """`what`: a row, in words. `elsewhere`: why it does not have a field that there is."""
        self.what = what
        self.fields = {one.name: one for one in fields}
        self.elsewhere = elsewhere

    def field(self, name: str) -> Field | None:
        """A field by its name, which may lack its "xenmig."."""
        return self.fields.get(name) or self.fields.get(OWN + name)

    def names_like(self, name: str) -> list[str]:
        """Names among which a mistyped one may be."""
        return list(self.fields) if "." in name else [*self.fields, *(one.removeprefix(OWN) for one in self.fields)]


# Records


@dataclass
class Around:
    """What is known beside a record itself: of the input, and of the migrations in it."""

    first_time: int | None = None
    """Of the first packet, ns since the epoch; None where the input is no capture."""
    rules: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """The rules that records break, by their numbers."""
    over: set[int] = field(default_factory=set)
    """Migrations that have ended: what has not come by then does not come."""

    def note(self, event: Event) -> None:
        """The next event."""
        if isinstance(event, Closed) or (isinstance(event, Record) and role_of(event) in ENDS):
            self.over.add(event.migration)


ENDS = frozenset((Role.POSTCOPY_COMPLETE, Role.LIBXC_END))


class Row:
    """A record with its links, or one faulted pfn of it."""

    def __init__(self, record: Record, links: Sequence[Link], around: Around, pfn: int | None = None) -> None:
        self.record, self.links, self.around, self.pfn = record, links, around, pfn

    @cached_property
    def own(self) -> Mapping[str, Sequence[Value]]:
        """The values of the fields of a header, body or text, by their paths."""
        found: dict[str, list[Value]] = {}
        for path, value in _own(self.record):
            found.setdefault(path, []).append((value, value))
        return found

    @cached_property
    def faults(self) -> Sequence[tuple[int, Link | None]]:
        """The pfns that it asks for, each with its answer."""
        if role_of(self.record) is not Role.POSTCOPY_FAULT:
            return ()
        by_pfn = {link.pfn: link for link in self.links}
        return [(pfn, by_pfn.get(pfn)) for pfn in (self.record.pfns() if self.pfn is None else (self.pfn,))]

    @property
    def answers(self) -> Sequence[Link]:
        """The faults that it answers."""
        return self.links if role_of(self.record) is Role.POSTCOPY_PAGES else ()

    @property
    def waits(self) -> list[int]:
        """The latencies of its faults, ns; pages in flight have none."""
        asked = self.record.last.time
        waited = (link.record.last.time - asked for _, link in self.faults if link and not link.in_flight)
        return list(waited) if asked else []


def _own(record: Record) -> Iterator[tuple[str, Any]]:
    if record.is_pages or (record.type is not None and record.spec is None) or record.layer is None:
        return
    values = plain(record)
    is_text = record.is_text or isinstance(record.spec, MessageSpec)
    start = "" if is_text else prefix(record.name) + "."
    for name, value in values.items():
        if is_text and name != "status":
            if name == "text" and value:
                yield name, value
        else:
            yield from _flattened(start + name, value, {**around(record), **values}, record.endianness)


def _flattened(
    path: str, value: Any, around: Mapping[str, Any], endianness: Endianness, index: int | None = None
) -> Iterator[tuple[str, Any]]:
    """Every number, text and octet string in nested values, as Wireshark has fields for them.

    `around`: the structure that holds the value.
    """
    shape = shapes().get(path)
    if isinstance(value, list):
        for at, one in enumerate(value):
            yield from _flattened(path, one, around, endianness, at)
    elif shape is not None and shape.bits and isinstance(value, dict):
        yield path, sum(int(value.get(part.name, 0)) << part.shift for part in shape.bits)
        for part in shape.bits:
            yield f"{path}.{part.name}", int(value.get(part.name, 0))
    elif shape is not None and isinstance(value, int) and (parts := parts_of(shape)):
        yield path, value
        for part in parts:
            yield f"{path}.{part.name}", (value & part.mask) >> part.shift
    elif shape is not None and isinstance(value, bytes) and structures(shape):
        yield path, value
        yield from _inside(shape, value, around, endianness)
    elif isinstance(value, dict):
        if index is not None:
            yield path, f"{path.rpartition('.')[2]} {index}"
        for name, inside in value.items():
            yield from _flattened(f"{path}.{name}", inside, value, endianness)
    elif isinstance(value, str) and shape is not None and shape.kind == "uint":
        yield path, next(number for number, name in shape.values.items() if name == value)
    elif value != b"":
        yield path, value


def _inside(
    shape: Shape, octets: bytes, around: Mapping[str, Any], endianness: Endianness
) -> Iterator[tuple[str, Any]]:
    """What the structure holds that octets are, if they are one."""
    form = shape.meaning.form(around) if shape.meaning else None
    found = form.find(octets, endianness) if isinstance(form, Structures) else None
    if found is not None:
        body, values = found
        for name, value in values.items():
            yield from _flattened(f"{insides()[body]}.{name}", value, values, endianness)


def _policy(record: Record) -> Leaves:
    is_policy = isinstance(record.spec, RecordSpec) and record.spec.body is x86_cpuid_policy
    return leaves(record.body, record.endianness) if is_policy else {}


def _stream(record: Record) -> qemu.Stream | None:
    """What QEMU saved, in the record that holds it."""
    shape = fields(layout(record.spec.body, "little")) if isinstance(record.spec, RecordSpec) else ()
    held = next((one for one in shape if is_stream_of_qemu(one)), None)
    return None if held is None else qemu.parse(record.body[held.offset :])


def _pieces(record: Record, *kinds: int) -> Iterator[qemu.Section]:
    """The sections and commands of a stream; those of some kinds."""
    stream = _stream(record)
    yield from (one for one in stream.pieces if not kinds or one.kind in kinds) if stream is not None else ()


def _devices(record: Record) -> Iterator[qemu.Section]:
    return _pieces(record, qemu.START, qemu.FULL)


def _bits_of_registers(record: Record) -> Iterator[str]:
    """The names of single bits that are set in model-specific registers, wherever the record has some."""
    if not isinstance(record.spec, RecordSpec) or record.is_pages:
        return
    yield from _bits_in(fields(layout(record.spec.body, record.endianness)), plain(record), record.endianness)


def _bits_in(shape: Iterable[Shape], values: Mapping[str, Any], endianness: Endianness) -> Iterator[str]:
    for one in shape:
        value = values.get(one.name)
        if one.kind == "array" and one.elements[0].name and value:
            for element in value:
                yield from _bits_in(one.elements, element, endianness)
        elif isinstance(value, bytes) and one.meaning is not None and structures(one):
            form = one.meaning.form(values)
            found = form.find(value, endianness) if isinstance(form, Structures) else None
            if found is not None:
                yield from _bits_in(fields(layout(found[0], endianness)), found[1], endianness)
        elif isinstance(value, int) and one.meaning is not None and (number := register_of(one)) is not None:
            form = msr.VALUES.get(values[number])
            parts = form.parts if isinstance(form, Flags) else ()
            yield from (part.name for part in parts if part.width == 1 and value & part.mask)


def _all(get: Callable[[Row], Iterable[Any]]) -> Callable[[Row], Sequence[Value]]:
    return lambda row: [(one, one) for one in get(row)]


def _one(get: Callable[[Row], Any]) -> Callable[[Row], Sequence[Value]]:
    """Of a field with one value, or none: None."""

    def values(row: Row) -> Sequence[Value]:
        value = get(row)
        return () if value is None else ((value, value),)

    return values


def _since_start(time: int, around: Around) -> int | None:
    return time - around.first_time if time and around.first_time is not None else None


def _run(row: Row, first: int, length: int, kind: int) -> str:
    words = f"{first:#x}" + (f"-{first + length - 1:#x}" if length > 1 else "")
    return words if role_of(row.record) is Role.POSTCOPY_FAULT else f"{words} {PAGE_TYPES[kind]}"


def _fault(pfn: int, link: Link | None) -> str:
    if link is None:
        return f"pfn {pfn:#x}, not answered"
    return f"pfn {pfn:#x}, {'in flight: page sent' if link.in_flight else 'answered'} in frame {link.record.last.frame}"


NUMBER = Shown("number", "uint32", "Number", "Which record of the input, from 1, as read prints it", "DEC")
TIME = Shown("time", "relative_time", "Time", "Of its last octet, since the first packet, as read prints it")
UNANSWERED = Shown("fault.unanswered", "string", "Unanswered", "A page that never came before its migration ended")
FRAME = Shown("frame.number", "framenum", "Frame", "The packet in which it begins")
FRAME_TIME = Shown("frame.time_relative", "relative_time", "Time", "Of that packet, since the first one")
FRAME_EPOCH = Shown("frame.time_epoch", "relative_time", "Time", "Of that packet, since 1970")

ANY = Shown(PROTOCOL, "string", "Xen migration", "What every record has")

f = wireshark

PLACES: Mapping[Shown, Callable[[Row], Sequence[Value]]] = {
    NUMBER: _one(lambda row: row.record.number or None),
    TIME: _one(lambda row: _since_start(row.record.last.time, row.around)),
    f.ITEM: _one(lambda row: row.record.name),
    f.NAME: _one(lambda row: row.record.name),
    f.MIGRATION: _one(lambda row: row.record.migration),
    f.DIRECTION: _one(lambda row: row.record.direction),
    f.LAYER: _one(lambda row: row.record.layer),
    f.TYPE: _one(lambda row: row.record.type),
    f.OFFSET: _one(lambda row: row.record.offset),
    f.LENGTH: _one(lambda row: row.record.length),
    f.BODY_LENGTH: _one(lambda row: row.record.body_length),
    f.FIRST_FRAME: _one(lambda row: row.record.first.frame or None),
    f.LAST_FRAME: _one(lambda row: row.record.last.frame or None),
    f.COMPLETE: _one(lambda row: int(row.record.complete)),
}
"""Fields of every record: where it is, and when."""

FAULTS: Mapping[Shown, Callable[[Row], Sequence[Value]]] = {
    f.FAULT: _all(lambda row: (_fault(*one) for one in row.faults)),
    f.FAULT_PFN: _all(lambda row: (pfn for pfn, _ in row.faults)),
    f.ANSWERED_IN: _all(lambda row: (link.record.last.frame for _, link in row.faults if link)),
    f.LATENCY: _all(lambda row: row.waits),
    f.IN_FLIGHT: _all(lambda row: (int(link.in_flight) for _, link in row.faults if link)),
    f.LEAD: _all(
        lambda row: (
            row.record.last.time - link.record.first.time
            for _, link in row.faults
            if link and link.in_flight and row.record.last.time
        )
    ),
    UNANSWERED: _all(
        lambda row: (
            f"pfn {pfn:#x}" for pfn, link in row.faults if link is None and row.record.migration in row.around.over
        )
    ),
}
"""Fields of a faulted pfn, and of the record that asks for it."""

OTHERS: Mapping[Shown, Callable[[Row], Sequence[Value]]] = {
    f.PFN: lambda row: [(first, first + length - 1) for first, length, _ in row.record.runs],
    f.COUNT: _one(lambda row: row.record.count if row.record.is_pages and len(row.record.body) >= 4 else None),
    f.RUN: _all(lambda row: (_run(row, *run) for run in row.record.runs)),
    f.RUN_PFN: _all(lambda row: (run.first for run in row.record.runs)),
    f.RUN_COUNT: _all(lambda row: (run.length for run in row.record.runs)),
    f.RUN_TYPE: _all(
        lambda row: (run.type for run in row.record.runs if role_of(row.record) is not Role.POSTCOPY_FAULT)
    ),
    f.FAULT_COUNT: _one(lambda row: len(row.faults) or None),
    f.SLOWEST: _one(lambda row: max(row.waits, default=None)),
    f.ANSWERS: _all(lambda row: (link.record.last.frame for link in row.answers)),
    f.ANSWERS_PFN: _all(lambda row: (link.pfn for link in row.answers)),
    f.PUSHED: _one(
        lambda row: (
            sum(run.length for run in row.record.runs) - len(row.links)
            if role_of(row.record) is Role.POSTCOPY_PAGES and row.record.whole
            else None
        )
    ),
    f.FEATURE: _all(lambda row: sorted(features(_policy(row.record)))),
    f.VENDOR: _one(lambda row: CpuPolicy.of(_policy(row.record)).vendor),
    f.FAMILY: _one(lambda row: CpuPolicy.of(_policy(row.record)).family),
    f.MODEL: _one(lambda row: CpuPolicy.of(_policy(row.record)).model),
    f.STEPPING: _one(lambda row: CpuPolicy.of(_policy(row.record)).stepping),
    f.BRAND: _one(lambda row: CpuPolicy.of(_policy(row.record)).brand),
    f.MSR_BIT: _all(lambda row: _bits_of_registers(row.record)),
    f.SECTION: _all(lambda row: map(qemu.title, _pieces(row.record))),
    f.DEVICE: _all(lambda row: (one.device for one in _devices(row.record))),
    f.INSTANCE: _all(lambda row: (one.instance for one in _devices(row.record))),
    f.STATE_VERSION: _all(lambda row: (one.version for one in _devices(row.record))),
    f.STATE: _all(lambda row: (one.octets for one in _pieces(row.record) if one.octets)),
    f.SECTION_KIND: _all(lambda row: (one.kind for one in _pieces(row.record))),
    f.SECTION_NUMBER: _all(lambda row: (one.number for one in _pieces(row.record) if one.kind != qemu.COMMAND)),
    f.COMMAND: _all(lambda row: (one.number for one in _pieces(row.record, qemu.COMMAND))),
    f.SUBSECTION: _all(lambda row: (name for one in _devices(row.record) for name, _ in one.subsections)),
    f.DEVICE_FIELD: _all(
        lambda row: (words(place, one.octets) for one in _devices(row.record) for place in one.places)
    ),
    f.MACHINE: _one(lambda row: (stream := _stream(row.record)) and stream.machine),
    f.RULE: _all(lambda row: row.around.rules.get(row.record.number, ())),
}
"""Fields of records alone."""

FRAMES: Mapping[Shown, Callable[[Row], Sequence[Value]]] = {
    ANY: _one(lambda row: PROTOCOL),
    FRAME: _one(lambda row: row.record.first.frame or None),
    FRAME_TIME: _one(lambda row: _since_start(row.record.first.time, row.around)),
    FRAME_EPOCH: _one(lambda row: row.record.first.time or None),
}
"""Fields of Wireshark's own: the protocol as such, and the packet in which a record begins."""


def _of_body(path: str) -> Callable[[Row], Sequence[Value]]:
    return lambda row: row.own.get(path, ())


@cache
def records() -> Scope[Row]:
    """Of a record, header or handshake text."""
    own = (Field(one, _of_body(one.path)) for one in (f.TEXT, f.STATUS, *of_bodies()))
    return Scope(
        "a record",
        [
            *(Field(*row) for row in (*PLACES.items(), *FAULTS.items(), *OTHERS.items())),
            *own,
            *(Field(*row, is_plain=True) for row in FRAMES.items()),
        ],
        lambda name: "it is of Wireshark's frames alone" if name.removeprefix(OWN).startswith("contents") else "",
    )


def _only_of_records(name: str) -> str:
    return "records have it, see xenshark read" if records().field(name) is not None else ""


@cache
def faults() -> Scope[Row]:
    """Of a faulted pfn: what the record that asks for it is, and what became of it."""
    rows = (*PLACES.items(), (f.PFN, FAULTS[f.FAULT_PFN]), *FAULTS.items())
    frames = (Field(*row, is_plain=True) for row in FRAMES.items())
    return Scope("a faulted pfn", [*(Field(*row) for row in rows), *frames], _only_of_records)


def row_of_fault(fault: Fault, around: Around) -> Row:
    """A faulted pfn as a row."""
    links = () if fault.answer is None else (Link(fault.pfn, fault.answer, fault.in_flight),)
    return Row(fault.asked, links, around, fault.pfn)


# Findings

SEVERITY = Shown("severity", "string", "Severity", "error, warning or note")
MESSAGE = Shown("message", "string", "Message", "What broke the rule")

OF_FINDINGS: Mapping[Shown, Callable[[Finding], Any]] = {
    f.RULE: lambda finding: finding.rule,
    SEVERITY: lambda finding: finding.severity,
    MESSAGE: lambda finding: finding.message,
    NUMBER: lambda finding: finding.number,
    f.NAME: lambda finding: finding.record,
    f.MIGRATION: lambda finding: finding.migration,
    f.DIRECTION: lambda finding: finding.direction,
    f.LAYER: lambda finding: finding.layer,
    f.OFFSET: lambda finding: finding.offset,
    f.FIRST_FRAME: lambda finding: finding.frame,
}


@cache
def findings() -> Scope[Finding]:
    """Of what breaks a rule."""
    rows = [Field(shown, _one(get)) for shown, get in OF_FINDINGS.items()]  # type: ignore[arg-type]
    frame = Field(FRAME, _one(lambda finding: finding.frame), is_plain=True)  # type: ignore[attr-defined]
    return Scope("a finding", [*rows, frame], _only_of_records)
