"""What only follows from an error: a reader who stops at it never comes to the rest.

Every receiver stops at the first record that it refuses. What the checker says of later ones is said of a stream that
nobody read so far, and much of it has the same cause: a record whose type is wrong is missed later, a length that is
wrong makes headers of whatever stands there. Of such errors one is kept, since a second mistake may hide behind it.
What a body says of itself is no consequence, and is judged on, as long as bodies are where the headers say.
"""

from __future__ import annotations

from dataclasses import dataclass

from dissector.events import Direction, Record
from dissector.rules import contents, custody, ending, framing, handshake, headers, pages, postcopy, pv_state
from dissector.rules.registry import RULES
from dissector.rules.rule import Violation

STOPS = frozenset({"headers and framing", "order and direction"})

OF_PLACE = frozenset(
    {rule.id for rule in RULES.values() if rule.group in STOPS and rule is not framing.RESERVED_PAGE_TYPE}
    | {contents.UNHANDLED_RECORD.id}
)
"""Rules whose errors say that a reader is not where it should be: those of these groups, but for the one that says
something of a body alone; and of the others the one that nobody handles a record there."""

LOSES = frozenset(
    {
        framing.RECORD_TOO_LONG.id,
        framing.LEGACY_STREAM.id,
        headers.BAD_IMAGE_HEADER.id,
        headers.BAD_LIBXL_HEADER.id,
    }
)
"""What follows these is no stream of records to anybody."""

GARBAGE = frozenset({framing.UNKNOWN_MANDATORY_RECORD.id, framing.RECORD_TOO_LONG.id})
"""Behind an error these say that headers are none."""

MISSED = frozenset(
    {
        postcopy.POSTCOPY_FAULT_BEFORE_TRANSITION.id,
        contents.COLO_STATE.id,
        contents.EMULATOR_RECORD_UNEXPECTED.id,
        contents.MISSING_CONTEXT.id,
        pv_state.BAD_P2M_FRAMES.id,
        pv_state.PFN_OUT_OF_RANGE.id,
    }
)
"""What depends on records that may be the refused ones, and is one mistake in however many records."""

FOLLOWS = frozenset({pages.POSTCOPY_FAULT_NOT_ANNOUNCED.id, pages.POSTCOPY_PAGE_NOT_ANNOUNCED.id})
"""Rules of other groups that depend on what came before. Wireshark's dissector judges them, and counts alike."""

OF_ALL = frozenset({postcopy.POSTCOPY_NOT_LIVE.id, postcopy.POSTCOPY_NO_PAGING_RING.id})
"""Mistakes of their own, which Wireshark's dissector does not judge: they count as no consequence."""


@dataclass(slots=True)
class Aftermath:
    """What is known of the first error of a migration. The checker alone moves it on."""

    refused: Record | None = None
    """The record at which a reader stops."""
    has_followed: bool = False
    """Whether one more error was told of."""
    has_ended: bool = False
    """Whether the end of all showed one that follows."""
    doubtful: Record | None = None
    """The latest record whose length may be wrong."""
    is_misunderstood: bool = False
    """Whether one of xl's texts was wrong, so that the next one answers something else."""
    is_big_endian: bool = False
    """Whether a header was told to be."""
    missed: frozenset[str] = frozenset()
    """Which of MISSED were told of."""
    lost: frozenset[Direction] = frozenset()
    """Directions in which no record is one."""

    def explains(self, record: Record, violation: Violation) -> bool:
        """Whether an error only follows from one before it; takes it in if not."""
        rule = violation.rule
        if violation.gravity != "error":
            return False
        if record.direction in self.lost:
            return True
        if rule.id == handshake.XL_HANDSHAKE.id:
            return self._misunderstands(record)
        if rule.id in OF_ALL:
            return self.has_followed
        is_of_place = rule.id in OF_PLACE
        if not is_of_place and self.doubtful is record:
            return True  # its body is cut in the wrong place
        if rule.group == "headers and framing":
            self.doubtful = record
        if rule.id in MISSED:
            is_missed = self.refused is not None or rule.id in self.missed
            self.missed = self.missed | {rule.id}
            return is_missed
        if rule.id == headers.BIG_ENDIAN_STREAM.id and self.is_big_endian:
            return True  # one mistake in however many headers
        self.is_big_endian = self.is_big_endian or rule.id == headers.BIG_ENDIAN_STREAM.id
        if not is_of_place and rule.id not in FOLLOWS:
            return False
        is_known = self.refused is not None and self.has_followed
        if self.refused is None:
            self.refused = record if is_of_place else None
        elif rule.id in GARBAGE and self.refused is not record:
            self.lost = self.lost | {record.direction}
            return True
        else:
            self.has_followed = True
        if rule.id in LOSES:
            self.lost = self.lost | {record.direction}
        return is_known

    def explains_end(self, violation: Violation) -> bool:
        """The same of what the end of all shows."""
        record = violation.record
        if not violation.rule.consequence:
            return record is not None and self.explains(record, violation)
        if violation.gravity != "error" or self.refused is None:
            return False
        if violation.rule is ending.TRUNCATED_STREAM:
            is_inside = record is not None and record is self.doubtful and not record.whole
            return is_inside or self.has_followed or violation.direction in self.lost
        if violation.rule is custody.UNDEFINED_STATE:
            return self.has_followed
        is_known = self.has_followed or self.has_ended
        self.has_ended = True
        return is_known

    def _misunderstands(self, record: Record) -> bool:
        is_known = self.is_misunderstood or self.has_followed
        self.has_followed = self.has_followed or self.refused is not None
        self.refused = self.refused or record
        self.is_misunderstood = True
        self.lost = self.lost | {record.direction}
        return is_known
