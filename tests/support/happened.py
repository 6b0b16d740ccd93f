"""Events written by hand: what a parser could have said of a migration, for tests of what is made of it.

Octets and time go on by themselves: each record begins where the one before it in its direction ended, and a
millisecond after the one before it in any direction.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from streams import entry

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
    Position,
    Progress,
    Reason,
    Record,
    Resynchronised,
    Run,
    Spec,
    WayLost,
)
from dissector.facts import Migration, Noted
from dissector.protocol import HEADERS, MESSAGES, HeaderSpec, Layer, RecordSpec, records

MS = 1_000_000
FLOW = Flow(Endpoint("10.0.0.1", 40000), Endpoint("10.0.0.2", 7700))
OTHER: dict[Direction, Direction] = {FORWARD: REVERSE, REVERSE: FORWARD}


class Story:
    """One migration as it is told, event by event."""

    def __init__(
        self,
        number: int = 0,
        layers: tuple[Layer, ...] = ("xl", "libxl", "libxc"),
        version: int = 3,
        starts: dict[Direction, int] | None = None,
        is_capture: bool = True,
    ) -> None:
        """`starts`: the offsets at which its directions begin on their connection."""
        self.number, self.version = number, version
        self.context = Context(layers=layers, version=version, guest="x86 HVM", xen="4.17", revision=1)
        self.offset = {FORWARD: 0, REVERSE: 0, **(starts or {})}
        self.index = {FORWARD: 0, REVERSE: 0}
        self.time = 0
        self.events: list[Event] = [MigrationFound(number, FLOW if is_capture else None)]
        self.events += [DirectionStarted(number, each, self.offset[each]) for each in self.offset]

    def tell(self, *names: str, **how: Any) -> Story:
        """Records, headers and texts by name, such as "PAGE_DATA", "libxl.END", "xl header", "reverse report"."""
        for name in names:
            self.record(name, **how)
        return self

    def record(
        self, name: str, pfns: Iterable[int] = (), length: int = 16, takes: int = 0, body: bytes = b"", **how: Any
    ) -> Record:
        """One of them; `pfns` are its entries, `takes` the ms from its first octet to its last."""
        direction, layer, plain, spec = self._find(name)
        type = spec.type if isinstance(spec, RecordSpec) else None
        first, self.time = self.time + MS, self.time + (1 + takes) * MS
        values: dict[str, Any] = {
            "layer": layer,
            "name": plain,
            "type": type,
            "spec": spec,
            "offset": self.offset[direction],
            "length": length,
            "body": body,
            "runs": tuple(Run(entry(pfn) & 0xFFFFFFFF, 1, 0) for pfn in pfns),
            "first": Position(first // MS, first),
            "last": Position(self.time // MS, self.time),
            "index": self.index[direction],
            "context": self.context,
        }
        record = Record(self.number, direction, **{**values, **how})
        self.offset[direction] = max(self.offset[direction], record.end)
        self.index[direction] += 1
        self.events.append(record)
        return record

    def _find(self, name: str) -> tuple[Direction, Layer, str, Spec]:
        if name in HEADERS:
            spec: HeaderSpec = HEADERS[name]
            return FORWARD, spec.layer, name, spec
        direction, _, text = name.partition(" ")
        if direction in OTHER:
            return direction, "xl", text, MESSAGES[text]
        layer, _, plain = name.rpartition(".")
        own: Layer = layer or "libxc"  # type: ignore[assignment]
        found = next(one for one in records(own, self.version).values() if one.name == plain)
        return (FORWARD if found.direction == "both" else found.direction), own, plain, found

    def gap(self, length: int, direction: Direction = FORWARD, record: str | None = None) -> Story:
        """Octets are lost."""
        self.events.append(Gap(self.number, direction, self.offset[direction], length, record))
        self.offset[direction] += length
        return self

    def lose(self, direction: Direction = FORWARD) -> Story:
        self.events.append(WayLost(self.number, direction, self.offset[direction]))
        return self

    def regain(self, skipped: int, direction: Direction = FORWARD) -> Story:
        self.offset[direction] += skipped
        self.events.append(Resynchronised(self.number, direction, self.offset[direction], skipped))
        return self

    def progress(self, offset: int, direction: Direction = FORWARD, retransmitted: int = 0) -> Story:
        self.events.append(Progress(self.number, direction, offset, retransmitted))
        return self

    def end(self, reason: Reason = "fin", retransmitted: int = 0) -> Story:
        """Both directions end."""
        position = Position(self.time // MS, self.time)
        for direction, offset in self.offset.items():
            if reason in ("fin", "rst"):
                self.events.append(Closed(self.number, direction, reason, position))
            self.events.append(DirectionEnded(self.number, direction, reason, offset, retransmitted))
        return self

    def facts(self) -> Migration:
        """What the facts make of it."""
        migration = Migration(self.number)
        for event in self.events:
            migration.add(event)
        migration.finish()
        return migration

    def noted(self) -> list[Noted]:
        """What the facts note of each record."""
        migration = Migration(self.number)
        found = [(event, migration.add(event)) for event in self.events]
        return [noted for event, noted in found if isinstance(event, Record)]
