"""The few construct nodes that the grammar is made of, with byte order as a parameter.

Every layout is a function of `Ints`, so that a big-endian stream needs no second declaration. A layout is
made of these nodes and no others, so that `walk.fields` can read it: integers, `named` integers, `Bits`,
`Bytes`, `GreedyBytes`, `Text`, `Array`, `GreedyRange`, `RepeatUntil`, and `Default` or `Told` around any of them.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import construct as c

Endianness: TypeAlias = Literal["little", "big"]
Layout: TypeAlias = Any  # a construct node: the library has no types of its own


class GrammarError(ValueError):
    """Octets too short for a layout, or values that a layout cannot hold."""


class Ints(NamedTuple):
    """The unsigned integers of one byte order."""

    endianness: Endianness
    u8: Layout
    u16: Layout
    u32: Layout
    u64: Layout


Body: TypeAlias = Callable[[Ints], Layout]

INTS: Mapping[Endianness, Ints] = {
    "little": Ints("little", c.Int8ul, c.Int16ul, c.Int32ul, c.Int64ul),
    "big": Ints("big", c.Int8ub, c.Int16ub, c.Int32ub, c.Int64ub),
}


class Form(Protocol):
    """What a value stands for. `values` are the fields of the same structure, as they were parsed."""

    def read(self, value: Any, endianness: Endianness, values: Mapping[str, Any]) -> Any:
        """The meaning of an integer or of octets; `Unread` octets where they have none."""

    def write(self, value: Any, endianness: Endianness, values: Mapping[str, Any]) -> Any:
        """The other way round. GrammarError for what has no such meaning."""


Forms: TypeAlias = Callable[[], Mapping[Any, Form]]
"""Loads a table of forms when it is asked for the first time: the long ones cost nobody who does not look."""


@dataclass(frozen=True)
class Later:
    """The table `name` of a module of this package, which is imported when somebody asks for it."""

    module: str
    name: str

    def __call__(self) -> Mapping[Any, Form]:
        return _loaded(self.module, self.name)


@functools.cache
def _loaded(module: str, name: str) -> Mapping[Any, Form]:
    found = getattr(importlib.import_module(f"{__package__}.{module}"), name)
    table: Mapping[Any, Form] = found() if callable(found) else found
    return table


class Meaning(NamedTuple):
    """Where to learn what a field stands for.

    forms: the forms by the value of the field `by`, by a tuple of their values if `by` are several, under None if it is
    none, and for every other value. A field that the structure does not have is one of `events.Context`.
    """

    forms: Forms
    by: tuple[str, ...]
    endianness: Endianness

    def form(self, values: Mapping[str, Any]) -> Form | None:
        """The form that the fields read so far choose, else the one under None; None where nobody knows more than the
        number."""
        forms = self.forms()
        if not self.by:
            return forms[None]
        key = tuple(values.get(name) for name in self.by)
        return forms.get(key if len(key) > 1 else key[0], forms.get(None))


class Unread(bytes):
    """Octets that are not what stands in their place as a rule; `why` says what is wrong with them."""

    why: str

    def __new__(cls, octets: bytes, why: str) -> Unread:
        made = super().__new__(cls, octets)
        made.why = why
        return made


class BitField(NamedTuple):
    """Some bits of an integer: `width` bits, the lowest of them worth 2**shift."""

    name: str
    shift: int
    width: int
    values: Mapping[int, str] = MappingProxyType({})
    doc: str = ""

    @property
    def mask(self) -> int:
        """The bits where they stand in the integer."""
        return ((1 << self.width) - 1) << self.shift

    def get(self, integer: int) -> int | str:
        """The value in `integer`, or its name where it has one."""
        value = (integer & self.mask) >> self.shift
        return self.values.get(value, value)

    def put(self, value: int | str) -> int:
        """`value` (number or name) moved to its place."""
        number = value if isinstance(value, int) else {n: v for v, n in self.values.items()}.get(value, -1)
        if not 0 <= number < 1 << self.width:
            raise GrammarError(f"{self.name}: {value!r} does not fit {self.width} bits")
        return number << self.shift


class Bits(c.Adapter):  # type: ignore[misc]
    """An integer whose bits have names; its value is a dict. Building takes the plain integer, too.

    construct's own BitStruct is many times slower, and one record can hold half a million pfn entries.
    """

    def __init__(self, integer: Layout, *parts: BitField) -> None:
        super().__init__(integer)
        if sum(part.mask for part in parts) != (1 << 8 * integer.sizeof()) - 1:
            raise ValueError("the bit fields must cover every bit once")
        self.parts = parts

    def _decode(self, obj: int, context: Any, path: Any) -> dict[str, int | str]:
        return {part.name: part.get(obj) for part in self.parts}

    def _encode(self, obj: int | Mapping[str, int | str], context: Any, path: Any) -> int:
        if isinstance(obj, int):
            return obj
        if unknown := obj.keys() - {part.name for part in self.parts}:
            raise GrammarError(f"no bit field called {', '.join(sorted(unknown))}")
        return sum(part.put(obj[part.name]) for part in self.parts if part.name in obj)


class Text(c.Adapter):  # type: ignore[misc]
    """Octets read as UTF-8; octets that are none survive a round trip as lone surrogates."""

    def _decode(self, obj: bytes, context: Any, path: Any) -> str:
        return obj.decode("utf-8", "surrogateescape")

    def _encode(self, obj: str, context: Any, path: Any) -> bytes:
        return _encoded(obj)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _length(value: Any) -> int:
    return len(_encoded(value)) if isinstance(value, str) else len(value or ())


class LengthOf(NamedTuple):
    """The default of a count or length field when building: as many as the field `of` holds."""

    of: str

    def __call__(self, context: Any) -> int:
        return _length(context.get(self.of))


class CountedBy(NamedTuple):
    """How many elements the field `of` has: as `by` says when parsing, all of them when building.

    So a test can build a record whose count is a lie.
    """

    by: str
    of: str

    def __call__(self, context: Any) -> int:
        return int(context[self.by]) if context._parsing else _length(context.get(self.of))


class Ending(NamedTuple):
    """A chain ends with the element whose `field` is `value`, an enumeration's number that goes by `name`."""

    field: str
    value: int
    name: str

    def __call__(self, element: Any, elements: Any, context: Any) -> bool:
        return element[self.field] in (self.value, self.name)


class Told(c.Subconstruct):  # type: ignore[misc]
    """An integer or octets of which a `Meaning` can tell more: what its bits are called, what the octets hold.

    It changes nothing of what is parsed and built: `depth.py` asks for the meaning when a reader wants it.
    """

    def __init__(self, node: Layout, meaning: Meaning) -> None:
        super().__init__(node)
        self.meaning = meaning


def told(i: Ints, node: Layout, forms: Forms, *by: str) -> Layout:
    """`node`, whose meaning is the form that the earlier fields `by` choose out of what `forms` returns."""
    return Told(node, Meaning(forms, by, i.endianness))


def named(integer: Layout, names: Mapping[int, str]) -> Layout:
    """An integer that stands for one of `names`; a number without a name stays a number."""
    return c.Enum(integer, **{name: value for value, name in names.items()})


def reserved(integer: Layout) -> Layout:
    """A field that the specification wants zero and a reader must ignore."""
    return c.Default(integer, 0)


def flags(integer: Layout, *parts: BitField) -> Layout:
    """`Bits` that are all clear unless told otherwise."""
    return c.Default(Bits(integer, *parts), 0)


def length_of(integer: Layout, of: str) -> Layout:
    """The count (elements) or length (octets) of the later field `of`."""
    return c.Default(integer, LengthOf(of))


def counted(element: Layout, by: str, of: str) -> Layout:
    """The field `of` itself: an array of as many elements as the earlier field `by` says."""
    return c.Default(c.Array(CountedBy(by, of), element), [])


def sized(by: str, of: str) -> Layout:
    """The field `of` itself: as many octets as the earlier field `by` says."""
    return c.Default(c.Bytes(CountedBy(by, of)), b"")


def sized_text(by: str, of: str) -> Layout:
    """The same, read as text."""
    return c.Default(Text(c.Bytes(CountedBy(by, of))), "")


def several(count: int, element: Layout) -> Layout:
    """An array of always `count` elements of known size."""
    return c.Array(count, element)


def repeated(element: Layout) -> Layout:
    """An array that fills the rest of the body."""
    return c.Default(c.GreedyRange(element), [])


def rest() -> Layout:
    """The rest of the body, opaque."""
    return c.Default(c.GreedyBytes, b"")
