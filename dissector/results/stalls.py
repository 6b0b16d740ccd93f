"""When the source stood still, and what ended that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from dissector import events
from dissector.events import Stall
from dissector.facts import Migration, PhaseName
from dissector.facts.limits import CAUSE_OF, Cause
from dissector.facts.stalls import Stood
from dissector.results.base import Result
from dissector.results.common import Duration, Time, time_of


class StallResult(Result, kw_only=True):
    """A time without payload from the source, longer than 50 ms."""

    start_time: Annotated[Time | None, "of the last packet with payload before it"]
    end_time: Annotated[Time | None, "of the first one after it, or of the end"]
    duration: Duration
    cause: Annotated[Cause, "what held up the source, as in limits"]
    ended_by: Annotated[
        events.StallEnd | None,
        "data: the source went on by itself; delivery: the network let a packet through; closed, capture: the end of "
        "the connection, of the capture; null: not clear",
    ]


class MigrationStallResult(StallResult, kw_only=True):
    """A time without payload from the source of a migration."""

    phase: Annotated[PhaseName, "in which it began"]
    record: Annotated[str | None, "name of the record within or before which it was; null: none came"]
    number: Annotated[int | None, "of that record in the input: xenshark read --at NUMBER shows it"]
    within: Annotated[bool, "whether the record had begun"]

    @classmethod
    def of(cls, stood: Stood) -> MigrationStallResult:
        return cls(
            **_keys(stood.stall),
            phase=stood.phase.name,
            record=stood.record,
            number=stood.number or None,
            within=stood.within,
        )


def stalls_of(migration: Migration) -> list[Stood]:
    """As far as the capture tells: where its clock went back nothing does, and where each packet was captured more than
    once none is known to have been sent again."""
    if not migration.is_timed or migration.went_back is not None:
        return []
    last, is_done = migration.stalls.last, migration.outcome in ("completed", "failover")
    stalls = migration.stalls.all + ([] if last is None or is_done else [last])
    if not migration.forward.copies:
        return stalls
    return [one._replace(stall=_without_loss(one.stall)) for one in stalls]


def as_results(stalls: Iterable[Stall]) -> tuple[StallResult, ...]:
    """Those of a connection that nobody can read."""
    return tuple(StallResult(**_keys(one)) for one in stalls)


def cause_of(stall: Stall) -> Cause:
    """A source that had nothing to send before a message came had waited for that."""
    return "waiting" if stall.cause == "idle" and stall.ended_by == "message" else CAUSE_OF[stall.cause]


def _without_loss(stall: Stall) -> Stall:
    if stall.cause != "loss" and stall.ended_by != "retransmission":
        return stall
    return stall._replace(cause="unclear", ended_by=None)


def _keys(stall: Stall) -> dict[str, Any]:
    return {
        "start_time": time_of(stall.start),
        "end_time": time_of(stall.end),
        "duration": time_of(stall.end - stall.start),
        "cause": cause_of(stall),
        "ended_by": stall.ended_by,
    }
