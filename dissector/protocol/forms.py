"""What numbers and octets stand for: the forms that a field's meaning can take.

An integer is a name (`Names`), a list of names of its bits (`Flags`), or a signed number (`Signed`); octets are a
structure (`Structures`), or what a function reads (`Written`). Everything that is read builds back to the same octets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .codec import build, layout, whole
from .depth import deepen
from .primitives import BitField, Body, Endianness, Form, GrammarError, Unread

Values = Mapping[str, Any]


class Names(NamedTuple):
    """An integer that stands for one of `names`; a number without a name stays a number."""

    names: Mapping[int, str]

    def read(self, value: int, endianness: Endianness, values: Values) -> int | str:
        return self.names.get(value, value)

    def write(self, value: int | str, endianness: Endianness, values: Values) -> int:
        if isinstance(value, int):
            return value
        found = next((number for number, name in self.names.items() if name == value), None)
        if found is None:
            raise GrammarError(f"nothing is called {value}")
        return found


BIT = "bit "
"""What a bit without a name is called, before its number."""


class Flags(NamedTuple):
    """An integer as the list of the names of its bits that are set.

    A part of several bits is name=value, and there if it is not 0 or if its 0 has a name; a bit that no part covers is
    "bit" and its number.
    """

    parts: tuple[BitField, ...]

    @property
    def covered(self) -> int:
        """The bits that have names."""
        return sum(part.mask for part in self.parts)

    def read(self, value: int, endianness: Endianness, values: Values) -> list[str]:
        words = [word for part in self.parts if (word := _word(part, value))]
        left = value & ~self.covered
        return words + [f"{BIT}{bit}" for bit in range(left.bit_length()) if left >> bit & 1]

    def write(self, value: int | Iterable[str], endianness: Endianness, values: Values) -> int:
        if isinstance(value, int):
            return value
        by_name = {part.name: part for part in self.parts}
        number = 0
        for word in [value] if isinstance(value, str) else value:
            name, _, what = word.partition("=")
            if name in by_name:
                number |= by_name[name].put(_number(what) if what else 1)
            elif word.startswith(BIT) and word.removeprefix(BIT).isdecimal():
                number |= 1 << int(word.removeprefix(BIT))
            else:
                raise GrammarError(f"no bit is called {word}")
        return number


def _word(part: BitField, integer: int) -> str | None:
    value = part.get(integer)
    if part.width == 1 and not part.values:
        return part.name if value else None
    return f"{part.name}={value}" if value or 0 in part.values else None


def _number(word: str) -> int | str:
    try:
        return int(word, 0)
    except ValueError:
        return word


def bits(names: str, *more: BitField) -> Flags:
    """Flags from words `number:name`; parts of several bits behind them."""
    words = (word.partition(":") for word in names.split())
    return Flags((*(BitField(name, int(bit), 1) for bit, _, name in words), *more))


class Signed(NamedTuple):
    """A number in two's complement, of so many octets."""

    size: int

    def read(self, value: int, endianness: Endianness, values: Values) -> int:
        return value - (value >> 8 * self.size - 1 << 8 * self.size)

    def write(self, value: int, endianness: Endianness, values: Values) -> int:
        return value % (1 << 8 * self.size)


class Structures(NamedTuple):
    """Octets that are a structure: the first of `bodies` that takes all of them.

    `reversed`: of octets that several take, whether the last body is the better one.
    """

    name: str
    bodies: tuple[Body, ...]
    reversed: Callable[[bytes], bool] | None = None

    def find(self, octets: bytes, endianness: Endianness) -> tuple[Body, dict[str, Any]] | None:
        """The layout that takes the octets to the last one, and their values."""
        bodies = self.bodies[::-1] if self.reversed is not None and self.reversed(octets) else self.bodies
        for body in bodies:
            if (found := whole(layout(body, endianness), octets)) is not None:
                return body, found
        return None

    def read(self, value: bytes, endianness: Endianness, values: Values) -> dict[str, Any] | Unread:
        found = self.find(value, endianness)
        if found is None:
            return Unread(value, f"{len(value):,} octets are no {self.name} that is known")
        body, parsed = found
        return deepen(layout(body, endianness), parsed)

    def write(self, value: Any, endianness: Endianness, values: Values) -> bytes:
        if isinstance(value, bytes | bytearray):
            return bytes(value)
        reason: Exception | None = None
        for body in self.bodies:
            try:
                return build(layout(body, endianness), value)
            except GrammarError as error:
                reason = reason or error
        raise GrammarError(f"{self.name}: {reason}")


class Written(NamedTuple):
    """Octets that only a program can read: `reads` returns None where it cannot, and `writes` is the way back."""

    name: str
    reads: Callable[[bytes, Endianness, Values], Any]
    writes: Callable[[Any, Endianness, Values], bytes]

    def read(self, value: bytes, endianness: Endianness, values: Values) -> Any:
        found = self.reads(value, endianness, values)
        return Unread(value, f"{len(value):,} octets are no {self.name} that is known") if found is None else found

    def write(self, value: Any, endianness: Endianness, values: Values) -> bytes:
        return bytes(value) if isinstance(value, bytes | bytearray) else self.writes(value, endianness, values)


@dataclass(frozen=True)
class Always:
    """The table of a field that has one form, whatever the others hold."""

    form: Form

    def __call__(self) -> Mapping[Any, Form]:
        return {None: self.form}
