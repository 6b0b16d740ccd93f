"""The rules' breaking examples as what each of two ends has to say, and for what it waits before it says it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from dissector.events import FOREIGN_OCTETS, FORWARD, REVERSE, Direction
from dissector.protocol import (
    ALIGNMENT,
    HEADERS,
    RECORD_HEADERS,
    RECORDS,
    RecordSpec,
    build,
    layout,
)
from dissector.rules import RULES
from dissector.rules import examples as eg
from dissector.rules.examples import Closes, Said, body_of

RECORD_SPECS: Mapping[tuple[str | None, str], RecordSpec] = {(spec.layer, spec.name): spec for spec in RECORDS}

UNSAYABLE: Mapping[type, str] = {
    eg.Missing: "the capture loses octets, whatever was said",
    eg.Cut: "the capture cuts packets, whatever was said",
    eg.Late: "the capture begins late, whatever was said",
    eg.Earlier: "the clock of who captures is set back",
    eg.Copied: "who captures sees packets twice",
    eg.InVain: "TCP sends again to a peer that is silent: no program says that",
    eg.Conflict: "TCP sends other octets again: no program can say that",
}
"""Steps of examples that neither end can bring about, and why."""


class Line(NamedTuple):
    """What an end says once it has heard so many octets of the other one."""

    heard: int
    octets: bytes


class Script(NamedTuple):
    """One end's part of a conversation, and when it ends."""

    lines: tuple[Line, ...]
    heard: int
    """Octets of the other end that it still waits for after its last line."""
    closes: bool
    """Whether it closes its direction then."""
    is_closed: bool
    """Whether the other end does."""


def unsayable() -> dict[str, str]:
    """The rules that no end can break by what it says, and why."""
    reasons = ((id, _why_not(step)) for id, rule in RULES.items() for step in rule.breaking)
    return {id: why for id, why in reasons if why is not None}


def _why_not(step: eg.Turn) -> str | None:
    """Why no end can bring a step about."""
    if isinstance(step, Said) and step.name == FOREIGN_OCTETS:
        return "a relay puts octets of its own between those of the stream: said by an end they are records"
    return UNSAYABLE.get(type(step))


def script(rule: str, speaker: Direction) -> Script:
    """What an end says to break a rule: its part of the rule's breaking example. Raises ValueError if there is no such
    rule, or if no end can break it."""
    if rule not in RULES:
        raise ValueError(f"no rule is called {rule!r}; `xenshark rules` lists them")
    if rule in unsayable():
        raise ValueError(f"{rule} cannot be broken by what an end says: {unsayable()[rule]}")
    lines: list[Line] = []
    heard = 0
    for step in RULES[rule].breaking:
        if not isinstance(step, Said):
            continue
        octets = octets_of(step)
        if (REVERSE if step.reverse else FORWARD) == speaker:
            lines.append(Line(heard, octets))
        else:
            heard += len(octets)
    is_closed = any(isinstance(step, Closes) for step in RULES[rule].breaking)
    return Script(tuple(lines), heard, is_closed and speaker == FORWARD, is_closed and speaker == REVERSE)


def opening(pfns: Iterable[int]) -> bytes:
    """A bare libxc stream up to where the pages of an HVM guest may come that stay behind."""
    steps = (*eg.LISTING, eg.libxc("POSTCOPY_PFNS", *pfns), eg.TRANSITION)
    return b"".join(map(octets_of, steps))


def octets_of(said: Said) -> bytes:
    """What stands on the wire of a header, record or text."""
    return b"".join(chain.from_iterable(_pieces(said)))


def _pieces(said: Said) -> Iterator[Iterable[bytes]]:
    spec = HEADERS.get(said.name) or RECORD_SPECS.get((said.layer, said.name))
    kept, contents = body_of(said, spec)
    body = kept + bytes(contents)
    if said.layer is None or not (isinstance(spec, RecordSpec) or said.type is not None):
        yield (body,)
        return
    number = spec.type if isinstance(spec, RecordSpec) else said.type
    length = len(body) if said.length is None else said.length
    yield (build(layout(RECORD_HEADERS[said.layer], "little"), {"type": number, "body_length": length}), body)
    yield (bytes(-length % ALIGNMENT[said.layer]) if said.padding is None else said.padding,)
