"""When the source of a migration stood still, in words: stalls that are alike together, the first and the longest."""

from __future__ import annotations

from collections.abc import Mapping

from dissector.events import StallEnd
from dissector.facts import Migration
from dissector.facts.stalls import Stood
from dissector.results.stalls import stalls_of
from dissector.units import duration, printable

WHY: Mapping[str, str] = {
    "idle": "the source had nothing to send",
    "loss": "octets were lost",
    "queue": "a link was busy",
    "growth": "TCP was finding out how much the network takes",
    "window": "the receive window was full",
    "closed": "the destination did not read",
    "unclear": "why is not clear",
}

UNTIL: Mapping[StallEnd | None, str] = {
    "data": ", until it went on by itself",
    "message": ", until a message of the destination",
    "window": ", until the window opened",
    "acknowledgement": ", until an acknowledgement",
    "retransmission": ", until octets were sent again",
    "delivery": ", until the network let a packet through",
    "closed": "; then the connection was closed",
    "capture": "; then the capture ends",
    None: "",
}


def stalls_as_text(migration: Migration) -> list[str]:
    """A line for each phase, cause and end, as they came."""
    groups: dict[tuple[str, str, StallEnd | None], list[Stood]] = {}
    for one in stalls_of(migration):
        groups.setdefault((one.phase.name, one.stall.cause, one.stall.ended_by), []).append(one)
    began = migration.first_time or 0
    lines = [_line(group, began) for group in groups.values()]
    if migration.stalls.left_out:
        lines.append(f"... {migration.stalls.left_out:,} shorter ones")
    return lines


def _line(group: list[Stood], began: int) -> str:
    first, longest = group[0], max(group, key=lambda one: one.duration)
    why = WHY[first.stall.cause] + UNTIL[first.stall.ended_by]
    if len(group) == 1:
        return f"{first.phase.name:<10} {_one(first, began)}: {why}"
    words = f"{first.phase.name:<10} {len(group):,} of {duration(sum(one.duration for one in group))}: {why}"
    if first is longest:
        return f"{words}; the first is the longest, {_one(first, began)}"
    return f"{words}; the first {_one(first, began)}; the longest {_one(longest, began)}"


def _one(stood: Stood, began: int) -> str:
    """How long, when since the beginning, and where."""
    words = f"{duration(stood.duration)} after {duration(max(0, stood.stall.start - began))}"
    if stood.record is not None:
        number = f" #{stood.number}" if stood.number else ""
        words += f", {'within' if stood.within else 'before'} {printable(stood.record)}{number}"
    return words
