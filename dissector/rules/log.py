"""Which rules fit a line of a log: what either side says there, as a pattern."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from dissector.rules.registry import RULES
from dissector.rules.rule import Rule

CONVERSION = re.compile(r"%[#0-9]*([a-z])")
"""What stands for a value, as in C's printf."""

VALUES: Mapping[str, str] = {"s": r".+?", "d": r"-?\d+", "u": r"\d+", "x": r"(?:0x)?[0-9a-fA-F]+"}

LITERAL_MIN = 11
"""Letters that a message must have beside its values: fewer would fit anything."""


def rules_for(line: str) -> list[Rule]:
    """The rules of which the line is a message, those first that say most of it."""
    low = line.lower()
    if not any(text in low for text in _texts()):
        return []  # as nearly every line of a log
    found = [(_fit(rule, line), rule) for rule in RULES.values()]
    return [rule for letters, rule in sorted(found, key=lambda one: -one[0]) if letters]


def _fit(rule: Rule, line: str) -> int:
    """How many letters of the line, beside its values, are the rule's; 0 if it does not fit."""
    fitting = (letters for said in rule.logged for pattern, letters in [_pattern(said)] if pattern.search(line))
    return max(fitting, default=0)


@cache
def _texts() -> list[str]:
    """One of them, in small letters, is in a line that fits any rule: of each message the longest without a value."""
    said = {one for rule in RULES.values() for one in rule.logged if _pattern(one)[1] >= LITERAL_MIN}
    return sorted({max(CONVERSION.sub("\0", one).split("\0"), key=len).lower() for one in said})


@cache
def _pattern(said: str) -> tuple[re.Pattern[str], int]:
    parts, end, letters = [], 0, 0
    for one in CONVERSION.finditer(said):
        literal = said[end : one.start()]
        parts += [re.escape(literal), VALUES.get(one[1], r"\S+")]
        letters += len(literal)
        end = one.end()
    tail = said[end:]
    letters += len(tail)
    pattern = "".join([*parts, re.escape(tail)])
    return re.compile(pattern if letters >= LITERAL_MIN else "(?!)", re.IGNORECASE), letters
