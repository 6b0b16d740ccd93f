"""What only follows from an error: a reader who stops at it never comes to the rest.

Every receiver stops at the first record that it refuses. What the checker says of later ones is said of a stream that
nobody read so far, and much of it has the same cause: a record whose type is wrong is missed later, a length that is
wrong makes headers of whatever stands there. Of such errors one is kept, since a second mistake may hide behind it.
What a body says of itself is no consequence, and is judged on, as long as bodies are where the headers say.
"""

from __future__ import annotations

from dataclasses import dataclass

from dissector.events import Direction, Record
from dissector.rules.rule import Violation


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
    told: frozenset[str] = frozenset()
    """Ids of the rules that are told of once, and were."""
    lost: frozenset[Direction] = frozenset()
    """Directions in which no record is one."""

    def explains(self, record: Record, violation: Violation) -> bool:
        """Whether an error only follows from one before it; takes it in if not."""
        rule, effects = violation.rule, violation.rule.effects
        if violation.gravity != "error":
            return False
        if record.direction in self.lost:
            return True
        if "apart" in effects:
            return self.has_followed or self.refused is record
        if ("stops" not in effects or "body" in effects) and self.doubtful is record:
            return True  # its body is cut in the wrong place
        if "stops" not in effects and "run" in effects and self.refused is record:
            return True  # nor is the body what it is taken for
        if "doubts" in effects:
            self.doubtful = record
        if "once" in effects:
            if rule.id in self.told:
                return True
            self.told = self.told | {rule.id}
        if "depends" in effects and self.refused is not None:
            return True
        return "stops" in effects and self._stops(record, violation)

    def _stops(self, record: Record, violation: Violation) -> bool:
        """The same of an error at which a reader stops."""
        is_known = self.refused is not None and self.has_followed
        if self.refused is None:
            self.refused = record
        elif "no header" in violation.rule.effects and self.refused is not record:
            self.lost = self.lost | {record.direction}
            return True
        else:
            self.has_followed = True
        if "loses" in violation.rule.effects:
            self.lost = self.lost | {record.direction}
        return is_known

    def explains_end(self, violation: Violation) -> bool:
        """The same of what the end of all shows."""
        record, effects = violation.record, violation.rule.effects
        if not violation.rule.consequence and record is not None:
            return self.explains(record, violation)
        if violation.gravity != "error" or self.refused is None:
            return False
        if "cut" in effects:
            is_inside = record is not None and record is self.doubtful and not record.whole
            return is_inside or self.has_followed or violation.direction in self.lost
        if "apart" in effects:
            return self.has_followed
        is_known = self.has_followed or self.has_ended
        self.has_ended = True
        return is_known
