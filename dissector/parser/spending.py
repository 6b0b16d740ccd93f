"""What held up the sender of an item, between what its half-connection says when it begins and when it ends; and when
that stood still."""

from __future__ import annotations

from operator import sub
from typing import TYPE_CHECKING

from dissector.events import NOTHING_HELD, NOTHING_SPENT, Held, Spent, Stall
from dissector.tcp import Transport

if TYPE_CHECKING:
    from dissector.parser.direction import DirectionParser
    from dissector.parser.item import Item


def begun(transport: Transport) -> tuple[int, ...]:
    """What is said when it begins."""
    return tuple(transport.spent())


def held_up(parser: DirectionParser, item: Item) -> Held:
    """What came of it, now that it ends; and of the time before it, since the item before."""
    known, begun = parser.spent, item.spent
    parser.spent = now = tuple(parser.transport.spent())
    if now == known:
        return NOTHING_HELD
    if begun is None or begun < known:
        begun = known
    return Held(_less(begun, known), _less(now, begun))


def stalls(parser: DirectionParser) -> tuple[Stall, ...]:
    """When nothing came, since the item before."""
    return tuple(map(Stall._make, parser.transport.take_stalls()))


def _less(now: tuple[int, ...], before: tuple[int, ...]) -> Spent:
    return NOTHING_SPENT if now == before else Spent._make(map(sub, now, before))
