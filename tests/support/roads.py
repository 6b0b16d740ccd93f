"""All ways through a capture: the fast path, compiled and not, and no fast path at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dissector.capture.opening import open_source
from dissector.capture.reader import CaptureReader
from dissector.engine import Engine
from dissector.events import Event, Record
from dissector.tcp import HalfConnection, core, uncompiled
from dissector.tcp.core import READER, Core


class Outcome(NamedTuple):
    """All that a capture gave."""

    events: list[Event]
    """Sorted by migration and direction: when an event goes on may depend on when somebody looked."""
    reader: tuple[Any, ...]
    directions: dict[bytes, tuple[Any, ...]]
    taken: int
    """Packets that the fast path took."""

    @property
    def records(self) -> list[Record]:
        return [event for event in self.events if isinstance(event, Record)]


class Careful(Core):
    """No fast path: every packet is the reader's."""

    def run(self, reader: CaptureReader) -> int:
        return READER


UNCOMPILED = uncompiled.load("dissector.tcp.core_uncompiled")


def dissect(path: Path, how: type[Any]) -> Outcome:
    events: list[Event] = []
    reader = open_source(str(path))
    assert isinstance(reader, CaptureReader)
    engine, steps = Engine(events.append), 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core, "Core", how)
        for _ in engine.steps(reader):
            steps += 1
    reader.source.close()
    told = reader.frame, reader.cut, reader.first_time_ns, reader.last_time_ns, reader.trouble, reader.octets
    events.sort(key=lambda event: (event.migration, getattr(event, "direction", "")))
    halves = {key: facts(one) for key, one in engine.connections.halves.items()}
    return Outcome(events, told, halves, reader.frame - steps)


def facts(half: Any) -> tuple[Any, ...]:
    """What is known of one half-connection at the end."""
    if half.ignored and not isinstance(half, HalfConnection):
        return ("ignored", {})
    names = ("octets", "acked", "next", "end", "retransmitted", "out_of_order", "conflicts", "finished")
    parser = half.consumer
    told = ("ended", "offset", "cut", "late", "newest", "damaged", "found", "lost_at")
    return (*(getattr(half, name) for name in names), half.pace.stalls), {
        name: getattr(parser, name, None) for name in told
    }


def check(path: Path) -> Outcome:
    """All ways through a capture give the same; what the fast one gave."""
    careful, fast = dissect(path, Careful), dissect(path, Core)
    assert fast.events == careful.events
    assert fast.reader == careful.reader
    assert fast.directions == careful.directions
    if core.COMPILED:
        assert dissect(path, UNCOMPILED.Core) == fast
    return fast
