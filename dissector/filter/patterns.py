"""Regular expressions of `matches`, in time that grows with the text alone.

Python's own engine tries one way after the other, and takes years for "(a+)+b" and a text out of a capture. This one
follows all ways at once (K. Thompson, "Regular Expression Search Algorithm", 1968), and remembers which set of states
follows from which. What cannot be had so, it refuses: references back, looking around, atomic groups.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, NamedTuple, NoReturn, TypeAlias

STATES_MAX = 2000
"""States of an expression, repetitions written out."""

DEPTH_MAX = 40
"""Groups in groups."""

STEPS_KEPT = 20_000
"""Steps that are remembered; then they are forgotten."""

Holds: TypeAlias = Callable[[str], bool]
"""Whether a character is one of a set."""

Assertion: TypeAlias = Literal["^", "$", "b", "B", "A", "z", "Z"]


class PatternError(ValueError):
    """What is wrong with a pattern, and at which of its characters."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


class One(NamedTuple):
    """A character of a set."""

    holds: Holds


class Between(NamedTuple):
    """Nothing, at a place of which something is true."""

    what: Assertion


class Row(NamedTuple):
    """One after the other."""

    parts: tuple[Node, ...]


class Choice(NamedTuple):
    """One of several."""

    ways: tuple[Node, ...]


class Repeated(NamedTuple):
    """`least` to `most` times; None: without end."""

    part: Node
    least: int
    most: int | None


Node: TypeAlias = One | Between | Row | Choice | Repeated

CLASSES: dict[str, Holds] = {
    "d": lambda one: "0" <= one <= "9",
    "w": lambda one: one == "_" or (one.isascii() and one.isalnum()),
    "s": lambda one: one in " \t\n\r\f\v",
}
SIGNS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "e": "\x1b", "0": "\0"}
COUNTED = re.compile(r"\{(\d{1,5})(?:(,)(\d{0,5}))?\}", re.ASCII)
NUMBERED = re.compile(r"\{([0-9a-fA-F]{1,6})\}|([0-9a-fA-F]{1,2})")
TIMES: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
ASSERTIONS: dict[str, Assertion] = {"b": "b", "B": "B", "A": "A", "z": "z", "Z": "Z"}


class _Reader:
    """Reads a pattern."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.at, self.depth = pattern, 0, 0

    def fail(self, message: str, at: int | None = None) -> NoReturn:
        raise PatternError(message, self.at if at is None else at)

    def next(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def take(self) -> str:
        if self.at == len(self.pattern):
            self.fail("the pattern ends too early")
        self.at += 1
        return self.pattern[self.at - 1]

    def choice(self) -> Node:
        ways = [self.row()]
        while self.next() == "|":
            self.at += 1
            ways.append(self.row())
        return ways[0] if len(ways) == 1 else Choice(tuple(ways))

    def row(self) -> Node:
        parts: list[Node] = []
        while self.next() not in ("", "|", ")"):
            parts.append(self.repeated(self.one()))
        return Row(tuple(parts))

    def one(self) -> Node:
        start, sign = self.at, self.take()
        if sign == "(":
            self.depth += 1
            if self.depth > DEPTH_MAX:
                self.fail("groups are too deep in one another", start)
            if self.next() == "?" and self.pattern[self.at : self.at + 2] != "?:":
                self.fail("a group of this kind is not supported: (...) and (?:...) are", start)
            self.at += 2 * (self.next() == "?")
            inside = self.choice()
            if self.next() != ")":
                self.fail("the group has no end", start)
            self.at += 1
            self.depth -= 1
            return inside
        if sign == "[":
            return One(self.set(start))
        if sign == ".":
            return One(lambda one: one != "\n")
        if sign in "^$":
            return Between("^" if sign == "^" else "$")
        if sign in "*+?":
            self.fail("there is nothing to repeat", start)
        if sign == "\\":
            if self.next() in ASSERTIONS:
                return Between(ASSERTIONS[self.take()])
            return One(_holds(self.escape()))
        return One(_like(sign))

    def repeated(self, part: Node) -> Node:
        times = self.times()
        if times is None:
            return part
        self.at += self.next() == "?"  # whether it matches is the same for the shortest way
        start = self.at
        if self.times() is not None:
            self.fail("a repetition of a repetition is not supported: put the first in a group", start)
        return Repeated(part, *times)

    def times(self) -> tuple[int, int | None] | None:
        """How often what is before this is repeated; None: once."""
        start = self.at
        if counted := COUNTED.match(self.pattern, self.at):
            least = int(counted[1])
            most = least if not counted[2] else int(counted[3]) if counted[3] else None
            if most is not None and most < least:
                self.fail("the second number is below the first", start)
            self.at = counted.end()
            return least, most
        found = TIMES.get(self.next())
        self.at += found is not None
        return found

    def escape(self) -> str | Holds:
        """What a backslash and what follows stand for: a character, or a set."""
        start, sign = self.at - 1, self.take()
        if sign.lower() in CLASSES:
            holds = CLASSES[sign.lower()]
            return holds if sign.islower() else lambda one: not holds(one)
        if sign == "x":
            found = NUMBERED.match(self.pattern, self.at)
            if found is None or int(found[1] or found[2], 16) > 0x10FFFF:
                self.fail("no character has this number", start)
            self.at = found.end()
            return chr(int(found[1] or found[2], 16))
        if sign in SIGNS:
            return SIGNS[sign]
        if sign.isascii() and sign.isalnum():
            self.fail(f"\\{sign} is not supported", start)
        return sign

    def set(self, start: int) -> Holds:
        is_other = self.next() == "^"
        self.at += is_other
        some: list[Holds] = []
        while not some or self.next() != "]":
            if not self.next():
                self.fail("the set has no end", start)
            if self.pattern[self.at : self.at + 2] == "[:":
                self.fail("sets by name are not supported: \\d, \\w, \\s are")
            low = self.member()
            if isinstance(low, str) and self.next() == "-" and self.pattern[self.at + 1 : self.at + 2] not in ("", "]"):
                self.at += 1
                high = self.member()
                if not isinstance(high, str) or high < low:
                    self.fail("the range is no range")
                some.append(_within(low, high))
            else:
                some.append(_holds(low))
        self.at += 1
        return lambda one: any(holds(one) for holds in some) != is_other

    def member(self) -> str | Holds:
        sign = self.take()
        if sign != "\\":
            return sign
        if self.next() == "b":
            self.at += 1
            return "\b"
        return self.escape()


def _holds(member: str | Holds) -> Holds:
    return _like(member) if isinstance(member, str) else member


def _like(sign: str) -> Holds:
    """A character, whatever its case."""
    same = {sign, sign.lower(), sign.upper()}
    return lambda one: one in same


def _within(low: str, high: str) -> Holds:
    return lambda one: low <= one <= high or low <= one.lower() <= high or low <= one.upper() <= high


class Pattern:
    """A regular expression as Perl writes them, whatever the case. Raises PatternError."""

    def __init__(self, pattern: str) -> None:
        reader = _Reader(pattern)
        node = reader.choice()
        if reader.next():
            reader.fail("there is no group that ends here")
        self._built = 0
        self._states: list[tuple[Holds | Assertion | None, int, int]] = []
        """What has to be, which state follows, and which one as well (-1: none)."""
        self._end = self._add(None, -1)
        self._start = self._build(node, self._end)
        self._steps: dict[tuple[frozenset[int], str, str, str], frozenset[int] | None] = {}

    def matches(self, text: str) -> bool:
        """Whether it is anywhere in the text."""
        states: frozenset[int] = frozenset()
        before = ""
        for at in range(len(text) + 1):
            here, after = text[at : at + 1], text[at + 1 : at + 2]
            # What "$" asks is whether a line feed is the last character, and no more than that of what comes.
            step = (states, before, here, "" if not after else "." if here == "\n" else "*")
            if step not in self._steps:
                if len(self._steps) >= STEPS_KEPT:
                    self._steps.clear()
                self._steps[step] = self._step(*step)
            reached = self._steps[step]
            if reached is None:
                return True
            states, before = reached, "w" if CLASSES["w"](here) else "-"
        return False

    def _step(self, states: frozenset[int], before: str, here: str, after: str) -> frozenset[int] | None:
        """The states after the character `here`; None: the pattern has matched. `before`: "w" after a letter, a digit
        or a low line, "-" after any other character, "" at the beginning."""
        seen: set[int] = set()
        waiting = [self._start, *states]
        reached: set[int] = set()
        while waiting:
            at = waiting.pop()
            if at in seen or at < 0:
                continue
            seen.add(at)
            if at == self._end:
                return None
            needs, following, other = self._states[at]
            if needs is None:
                waiting += (following, other)
            elif isinstance(needs, str):
                if _is_true(needs, before, here, after):
                    waiting.append(following)
            elif here and needs(here):
                reached.add(following)
        return frozenset(reached)

    def _add(self, needs: Holds | Assertion | None, following: int, other: int = -1) -> int:
        self._states.append((needs, following, other))
        return len(self._states) - 1

    def _build(self, node: Node, following: int) -> int:
        """The state in which `node` begins, if `following` is what comes after it."""
        self._built += 1  # nothing has no state, and can be repeated all the same
        if self._built > STATES_MAX:
            raise PatternError("the pattern is too large, with its repetitions written out", 0)
        match node:
            case One(holds):
                return self._add(holds, following)
            case Between(what):
                return self._add(what, following)
            case Row(parts):
                for part in reversed(parts):
                    following = self._build(part, following)
                return following
            case Choice(ways):
                first = -1
                for way in reversed(ways):
                    first = self._add(None, self._build(way, following), first)
                return first
            case Repeated(part, least, most):
                if most is None:
                    loop = self._add(None, following)
                    self._states[loop] = (None, self._build(part, loop), following)
                    following = loop
                else:
                    after = following
                    for _ in range(most - least):
                        following = self._add(None, self._build(part, following), after)
                for _ in range(least):
                    following = self._build(part, following)
                return following


def _is_true(what: str, before: str, here: str, after: str) -> bool:
    match what:
        case "^" | "A":
            return not before
        case "$" | "Z":
            return not here or (here == "\n" and not after)
        case "z":
            return not here
        case _:
            return ((before == "w") != bool(here and CLASSES["w"](here))) == (what == "b")
