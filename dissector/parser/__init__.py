"""Octets to events: one parser a direction follows the streams through their layers, and finds the way again.

Read `direction.py` first, then `steps.py`; `resync.py` and `confidence.py` are for where octets are missing.
"""

from dissector.parser.conversation import MIGRATIONS_MAX, Conversation, Remarks
from dissector.parser.direction import DirectionParser, Heard
from dissector.parser.joins import Joins
from dissector.parser.resync import LATE_SEARCHED
from dissector.parser.steps import STEPS
from dissector.parser.wire_order import WireOrder

__all__ = [
    "LATE_SEARCHED",
    "MIGRATIONS_MAX",
    "Conversation",
    "DirectionParser",
    "Heard",
    "Joins",
    "Remarks",
    "WireOrder",
    "connect",
    "follow_stream",
]


def connect(conversation: Conversation) -> tuple[DirectionParser, DirectionParser]:
    """The parsers of a connection's two directions, ready for their first octets."""
    one, other = (DirectionParser(conversation, STEPS, is_first) for is_first in (True, False))
    one.pair(other)
    return one, other


def follow_stream(conversation: Conversation) -> DirectionParser:
    """The parser of a bare stream: what one direction carried, as a save file holds it."""
    return DirectionParser(conversation, STEPS)
