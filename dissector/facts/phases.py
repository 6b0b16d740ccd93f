"""Which parts a migration went through, and what each of them carried."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast

from dissector.events import FORWARD, REVERSE, Direction, Held, Record, Stall
from dissector.facts.directions import DirectionFacts
from dissector.facts.limits import HeldUp, together
from dissector.facts.roles import role_of
from dissector.facts.stalls import Stalls, Stood
from dissector.protocol import PHASES, PLACES, Role

PhaseName: TypeAlias = Literal["handshake", "precopy", "stop", "checkpoint", "transition", "postcopy", "finish"]

BEGINS = {role: cast(PhaseName, place.phase) for role, place in PLACES.items() if place.phase is not None}
"""The phase that begins with a forward record of this role, unless it or a later one has begun before: whichever record
is the first that was captured. A phase after the end of POSTCOPY_TRANSITION_END and CHECKPOINT_END begins with their
last octet instead."""


@dataclass(slots=True)
class Phase:
    """A part of the migration, from the first octet of one record to that of the next phase's; times in ns
    since the epoch. A record belongs to the phase in which it ended."""

    name: PhaseName
    start_time: int
    end_time: int
    spans: dict[Direction, tuple[int, int]] = field(default_factory=dict)
    """By direction: the offsets from which and up to which its records go."""
    stall: int = 0
    """The longest time (ns) without payload in the forward direction; 0 where there was none worth a word."""
    spent: HeldUp = field(default_factory=HeldUp)
    """What its time went to, up to the newest record of the source."""
    tail: int = 0
    """ns at its end in which the other side alone spoke, if the source never spoke again: it had waited for that."""

    def reach(self, record: Record) -> None:
        """Takes in a record's octets."""
        start, _ = self.spans.get(record.direction, (record.offset, 0))
        self.spans[record.direction] = (start, record.end)
        self.end_time = max(self.end_time, record.last.time)

    @property
    def held_up(self) -> HeldUp:
        """What its time went to."""
        return together((self.spent, HeldUp(waiting=self.tail)))

    def octets(self, facts: DirectionFacts) -> int:
        """Octets of a direction that were seen in it."""
        start, end = self.spans.get(facts.direction, (0, 0))
        lost = (max(0, min(end, gap.offset + gap.length) - max(start, gap.offset)) for gap in facts.gaps)
        return end - start - sum(lost)


def _without_idleness(record: Record) -> Record:
    """As it is, but that nothing tells whether its sender had nothing to send."""
    before, within = (one._replace(idle=0) for one in record.held)
    stalls = tuple(
        one._replace(cause="unclear", ended_by=None) if one.cause == "idle" else one for one in record.stalls
    )
    return record._replace(held=Held(before, within), stalls=stalls)


class Phases:
    """The phases of a migration so far, in order."""

    def __init__(self) -> None:
        self.all: list[Phase] = []
        self.stalls = Stalls()
        self._sent = self._heard = 0
        """When the newest forward record ended, and the newest reverse one."""
        self._heard_to = 0
        """The offset in the reverse direction up to which there were records, or octets that nobody captured."""

    def add(self, record: Record, is_static_data: bool, is_forward_followed: bool) -> None:
        """The next record. `is_static_data`: whether it is none of the record that its number says."""
        role = None if is_static_data else role_of(record)
        following = BEGINS.get(role) if role is not None and record.direction == FORWARD else None
        if not self.all:
            self.all.append(Phase(following or "handshake", record.first.time, record.last.time))
        if record.direction == REVERSE:
            self._add_reverse(record, role, is_forward_followed)
        else:
            self._add_forward(record, role_of(record), following)

    def _add_reverse(self, record: Record, role: Role | None, is_forward_followed: bool) -> None:
        phase = self.all[-1]
        if role is Role.POSTCOPY_FAULT and not is_forward_followed and _is_before(phase.name, "postcopy"):
            # Where the way was lost before the transition, faults are what tells that it has ended.
            phase = self._begin("postcopy", record.first.time)
        phase.reach(record)
        phase.tail = max(0, phase.end_time - self._sent) if self._sent else 0
        self._heard = record.last.time
        self._heard_to = max(self._heard_to, record.end)

    def _add_forward(self, record: Record, role: Role | None, following: PhaseName | None) -> None:
        phase = self.all[-1]
        phase.tail = 0
        is_told = record.acked <= self._heard_to + 1  # a FIN counts as an octet
        if not is_told:
            # The source had octets of the other side that were not captured: perhaps it had waited for those.
            record = _without_idleness(record)
            self._heard_to = record.acked
        # What came from the other side meanwhile was what its sender had waited for.
        phase.spent.add(record.held.before, self._heard - (self._sent or phase.start_time))
        if not self._sent and is_told:
            phase.spent.idle += record.first.time - max(phase.start_time, self._heard)
        self._sent = record.last.time
        self._stand(record, [one for one in record.stalls if one.end <= record.first.time], False)
        if following is not None and _is_before(phase.name, following):
            phase = self._begin(following, record.first.time)
        phase.spent.add(record.held.within, self._heard - record.first.time)
        self._stand(record, [one for one in record.stalls if one.end > record.first.time], True)
        phase.reach(record)
        if role is Role.CHECKPOINT and phase.name == "stop":
            phase.name = "checkpoint"
        elif role is Role.CHECKPOINT_END:
            self._begin("checkpoint", record.last.time)
        elif role is Role.POSTCOPY_TRANSITION_END:
            self._begin("postcopy", record.last.time)

    def _stand(self, record: Record, stalls: list[Stall], within: bool) -> None:
        phase = self.all[-1]
        for stall in stalls:
            phase.stall = max(phase.stall, stall.end - stall.start)
            self.stalls.add(Stood(stall, phase, record.name, record.number, within))

    def finish(self, newest: Record | None, stall: Stall | None, is_source_missing: bool = False) -> None:
        """No record follows; `newest` is the last one of the source, which perhaps stood still at the end.
        `is_source_missing`: nothing of the source was captured, so what was before the first fault is not known."""
        if is_source_missing:
            self.all = [phase for phase in self.all if phase.name == "postcopy"]
        last = self.all[-1] if self.all else None
        if last is not None and last.name == "checkpoint" and not last.spans:
            self.all.pop()  # CHECKPOINT_END was the last record: no next checkpoint began
        if stall is not None and newest is not None:
            is_within = not newest.whole
            name, number = (newest.name, newest.number) if is_within else (None, 0)
            self.stalls.last = Stood(stall, self.all[-1], name, number, is_within)

    def _begin(self, name: PhaseName, time: int) -> Phase:
        # A record that was captured early must not turn time back.
        time = max(time, self.all[-1].start_time)
        self.all[-1].end_time, self.all[-1].tail = time, 0
        self.all.append(Phase(name, time, time))
        return self.all[-1]


def _is_before(one: PhaseName, other: PhaseName) -> bool:
    return PHASES.index(one) < PHASES.index(other)
