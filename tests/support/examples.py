"""The examples of the rules as events: what the parser would make of two hosts that said so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dissector.events import (
    FORWARD,
    REVERSE,
    Closed,
    Context,
    Direction,
    DirectionEnded,
    DirectionStarted,
    Endpoint,
    Event,
    Flow,
    Gap,
    MigrationFound,
    PacketsCut,
    Position,
    Reason,
    Record,
    Resynchronised,
    Run,
    WayLost,
)
from dissector.protocol import (
    ALIGNMENT,
    ENTRY_PFN,
    ENTRY_TYPE,
    HEADERS,
    MESSAGES,
    RECORDS,
    XENOPS_MESSAGES,
    ConnectionRole,
    Endianness,
    Layer,
    RecordSpec,
    layout,
    nested,
    parse,
    xl_endianness,
)
from dissector.rules.examples import (
    XENOPS_REQUEST,
    AsFile,
    Begun,
    Closes,
    Conflict,
    Copied,
    Cut,
    Earlier,
    Example,
    InVain,
    Late,
    Lost,
    Missing,
    Said,
    Skipped,
    body_of,
)

FLOW = Flow(Endpoint("10.0.0.1", 40000), Endpoint("10.0.0.2", 8002))
EPOCH = 10**18
STEP = 1_000_000
"""Nanoseconds from one step to the next."""

OTHER: dict[Direction, Direction] = {FORWARD: REVERSE, REVERSE: FORWARD}
TEXTS = {**MESSAGES, **XENOPS_MESSAGES}
SPECS: dict[tuple[Layer | None, str], RecordSpec] = {(spec.layer, spec.name): spec for spec in RECORDS}


def events_of(example: Example) -> list[Event]:
    """All events of one migration, of which a capture ends with the last step."""
    is_file = any(isinstance(step, AsFile) for step in example)
    talk = _Talk(
        late=any(isinstance(step, Late) for step in example),
        flow=None if is_file else FLOW,
        role="migration" if XENOPS_REQUEST in example else None,
    )
    for step in example:
        talk.add(step)
    return talk.finish()


def octets_of(record: Record) -> bytes:
    """What stood on the wire of a header, record or text."""
    head = b""
    if record.layer is not None and record.type is not None:
        head = b"".join(number.to_bytes(4, record.endianness) for number in (record.type, record.body_length))
    told = min(record.body_length, TOLD_MAX)
    return head + record.body.ljust(told, b"\0") + (record.padding if record.whole else b"")


TOLD_MAX = 1 << 20
"""Octets of a body at most: what says to be longer breaks off there."""


@dataclass
class _Talk:
    """What was said so far."""

    late: bool
    flow: Flow | None = FLOW
    role: ConnectionRole | None = None
    events: list[Event] = field(default_factory=list)
    offset: dict[Direction, int] = field(default_factory=lambda: {FORWARD: 0, REVERSE: 0})
    index: dict[Direction, int] = field(default_factory=lambda: {FORWARD: 0, REVERSE: 0})
    context: Context = field(default_factory=Context)
    frame: int = 0
    conflicts: int = 0
    copies: int = 0
    in_vain: int = 0
    unheard: int = 0
    back: int = 0
    taken: int | None = None
    reason: Reason = "capture"

    def __post_init__(self) -> None:
        self.events += [
            MigrationFound(0, self.flow, role=self.role),
            DirectionStarted(0, FORWARD, 0, self.late),
            DirectionStarted(0, REVERSE, 0),
        ]

    def finish(self) -> list[Event]:
        ends = {
            direction: DirectionEnded(0, direction, self.reason, self.offset[direction], taken=self.taken)
            for direction in self.offset
        }
        forward = ends[FORWARD]._replace(
            conflicts=self.conflicts, copies=self.copies, in_vain=self.in_vain, unheard=self.unheard
        )
        return [*self.events, forward, ends[REVERSE]]

    def add(self, step: Any) -> None:
        self.frame += 1
        at = self.offset[FORWARD]
        match step:
            case Said():
                self._say(step)
            case Missing(octets, record):
                self.events.append(Gap(0, FORWARD, at, octets, record))
                self.offset[FORWARD] += octets if record is None else 0
            case Skipped(octets):
                self.events += [WayLost(0, FORWARD, at - octets), Resynchronised(0, FORWARD, at, octets)]
            case Lost():
                self.events.append(WayLost(0, FORWARD, at))
            case Begun(octets):
                self.offset[FORWARD] += octets
            case Cut():
                self.events.append(PacketsCut(0, FORWARD))
            case Earlier(seconds):
                self.back = seconds * 10**9
            case Copied(times):
                self.copies = times
            case InVain(segments, seconds):
                self.in_vain, self.unheard = segments, round(seconds * 10**9)
            case Conflict():
                self.conflicts += 1
            case Closes(how, reverse):
                self.reason = how
                self.taken = at if reverse else None
                self.events.append(Closed(0, REVERSE if reverse else FORWARD, how, self._position()))

    def _position(self) -> Position:
        return Position(self.frame, EPOCH + self.frame * STEP - self.back)

    def _say(self, said: Said) -> None:
        direction = REVERSE if said.reverse else FORWARD
        spec = (
            HEADERS.get(said.name)
            or SPECS.get((said.layer, said.name))
            or MESSAGES.get(said.name)
            or XENOPS_MESSAGES.get(said.name)
        )
        body, contents = body_of(said, spec)
        length = len(body) + contents if said.length is None else said.length
        is_record = isinstance(spec, RecordSpec) or said.type is not None
        padding = said.padding
        if padding is None:
            padding = bytes(-length % ALIGNMENT[said.layer]) if is_record and said.layer else b""
        head = 8 if is_record else 0
        self._learn(said, spec, body)
        self.events.append(
            Record(
                migration=0,
                direction=direction,
                layer=said.layer,
                name=said.name,
                type=spec.type if isinstance(spec, RecordSpec) else said.type,
                spec=spec,
                endianness=_endianness(said, spec, body),
                offset=self.offset[direction],
                length=head + length + len(padding),
                body_length=length,
                body=body,
                padding=padding,
                runs=_runs(body) if isinstance(spec, RecordSpec) and spec.shape == "pages" else (),
                whole=not said.torn,
                complete=not said.torn,
                first=self._position(),
                last=self._position(),
                index=self.index[direction],
                context=self.context,
                acked=self.offset[OTHER[direction]] - said.unheard,
                unannounced=said.unannounced,
            )
        )
        self.offset[direction] += head + length + len(padding)
        self.index[direction] += 1

    def _learn(self, said: Said, spec: Any, body: bytes) -> None:
        known: dict[str, Any] = {"revision": self.context.revision + 1}
        if said.layer is not None and (said.layer != "xl" or spec is not None):
            known["layers"] = nested(self.context.layers, said.layer)
        if said.name == "image header":
            known["version"] = parse(layout(spec.body, "big"), body)["version"]
        elif said.name == "domain header":
            values = parse(layout(spec.body, "little"), body)
            known.update(guest=str(values["type"]), page_shift=values["page_shift"])
        elif isinstance(spec, RecordSpec) and spec.role.is_postcopy:
            known["postcopy"] = True
        self.context = self.context._replace(**known)


def _runs(body: bytes) -> tuple[Run, ...]:
    """Every entry a run of its own."""
    end = min(len(body), 8 + 8 * int.from_bytes(body[:4], "little"))
    words = (int.from_bytes(body[at : at + 8], "little") for at in range(8, end, 8))
    return tuple(Run(word & ENTRY_PFN.mask, 1, word >> ENTRY_TYPE.shift) for word in words)


def _endianness(said: Said, spec: Any, body: bytes) -> Endianness:
    """xl's header says its own."""
    own = xl_endianness(body) if said.name == "xl header" else getattr(spec, "endianness", None)
    return own or "little"
