"""The fields Scapy has none for: arrays of integers, integers with named bits, arrays that end by themselves."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, ClassVar

from scapy.fields import EnumField, Field, PacketListField, StrField, StrLenField
from scapy.packet import Packet
from scapy.utils import lhex

from dissector.protocol import BitField, GrammarError
from dissector.protocol import Field as Part
from dissector.protocol.forms import Structures, Written
from dissector.protocol.primitives import Body, Endianness, Form, Meaning

SHOWN = 64
"""A longer string of octets is not shown in full: one record can hold megabytes of guest memory."""
ENTRIES_SHOWN = 8


class Packed(int):
    """An integer whose bits have names: an attribute each. Subclasses say which bits."""

    __slots__ = ()
    parts: ClassVar[tuple[BitField, ...]] = ()

    @classmethod
    def of(cls, value: int | Mapping[str, int | str]) -> Packed:
        """From the integer itself, or from its parts by name; what is not named is 0."""
        if isinstance(value, Mapping):
            by_name = {part.name: part for part in cls.parts}
            value = sum(by_name[name].put(given) for name, given in value.items())
        return cls(value)

    def __getattr__(self, name: str) -> int | str:
        for part in self.parts:
            if part.name == name:
                return part.get(self)
        raise AttributeError(name)

    def command(self) -> str:
        """What gives it back: Scapy asks for it, as `repr` is for people."""
        return hex(self)

    def __repr__(self) -> str:
        given = [part for part in self.parts if self & part.mask]
        if all(not part.shift for part in given):
            return hex(self)
        return "|".join(f"{part.name}={_shown(part.get(self))}" for part in given)


class Magic(Field[int, int]):
    """A number that says what a header is: shown as it stands in the octets."""

    def i2repr(self, pkt: Packet | None, x: Any) -> str:
        return lhex(x)


class Named(EnumField[int]):
    """An enumeration; a number without a name is shown as a hexadecimal."""

    def i2repr_one(self, pkt: Packet | None, x: Any) -> str:
        shown = super().i2repr_one(pkt, x)
        return hex(x) if shown == repr(x) and isinstance(x, int) else shown


class Told(Field[int, int]):
    """A number that stands for something: shown as that, and taken as that or as the number."""

    __slots__ = ["meaning"]

    def __init__(self, name: str, default: int, fmt: str, meaning: Meaning) -> None:
        self.meaning = meaning
        super().__init__(name, default, fmt)

    def any2i(self, pkt: Packet | None, x: Any) -> Any:
        if (isinstance(x, int) and x >= 0) or x is None or pkt is None:
            return x
        form, values = _form(self.meaning, pkt)
        if form is not None and not isinstance(x, int):
            return form.write(x, self.meaning.endianness, values)
        return x % (1 << 8 * self.sz)

    def i2repr(self, pkt: Packet | None, x: Any) -> str:
        form, values = _form(self.meaning, pkt) if pkt is not None and isinstance(x, int) else (None, {})
        shown = x if form is None else form.read(x, self.meaning.endianness, values)
        if isinstance(shown, list):
            return f"{x:#x} {'|'.join(shown)}".rstrip()
        return lhex(shown) if isinstance(shown, int) and shown >= 0 else str(shown)


NOTHING: Mapping[str, Any] = MappingProxyType({})

around: ContextVar[Mapping[str, Any]] = ContextVar("around", default=NOTHING)
"""What was said before a record that a session dissects, and chooses forms in it: the fields of `events.Context`."""


def _form(meaning: Meaning, pkt: Packet) -> tuple[Form | None, Mapping[str, Any]]:
    """The form that the other fields of a packet choose, and their values as the grammar has them."""
    names = {one.name: one.values for one in getattr(pkt, "grammar", ())}
    values = dict(around.get())
    for name in meaning.by:
        if name not in names:
            continue
        value = pkt.getfieldval(name)
        values[name] = names.get(name, {}).get(value, value)
    return meaning.form(values), values


class Inside(StrField):
    """Octets that are a structure: a packet of its class; `Octets` if they are none that is known.

    `classes`: by the structure's layout and byte order; under None the one for octets that only a program reads, which
    has `of`.
    `size`: how many, if it is always the same; `counted_by`: the field that says it; neither: all that follow.
    """

    __slots__ = ["classes", "counted_by", "holds_packets", "meaning", "size"]

    def __init__(
        self,
        name: str,
        meaning: Meaning,
        classes: Mapping[tuple[Body | None, Endianness], Any],
        size: int | None = None,
        counted_by: str | None = None,
    ) -> None:
        self.meaning, self.classes, self.size, self.counted_by = meaning, classes, size, counted_by
        self.holds_packets = 1
        first = next(iter(classes.values()))
        super().__init__(name, None)
        self.default: Any = first() if size else Octets()

    def any2i(self, pkt: Packet | None, x: Any) -> Any:
        return self.m2i(pkt, x) if isinstance(x, bytes | bytearray) else x

    def m2i(self, pkt: Packet | None, x: Any) -> Any:
        form = _form(self.meaning, pkt)[0] if pkt is not None else None
        order = self.meaning.endianness
        if pkt is not None and isinstance(form, Written):
            values = {one.name: pkt.getfieldval(one.name) for one in pkt.fields_desc if one.name in pkt.fields}
            read = self.classes[None, order].of(bytes(x), values, pkt)
            return Octets(bytes(x)) if read is None else read
        found = form.find(bytes(x), order) if isinstance(form, Structures) else None
        if found is None:
            return Octets(bytes(x))
        return self.classes[found[0], order](bytes(x), _parent=pkt)

    def i2m(self, pkt: Packet | None, x: Any) -> bytes:
        return b"" if x is None else bytes(x)

    def i2len(self, pkt: Packet | None, x: Any) -> int:
        return len(self.i2m(pkt, x))

    def i2h(self, pkt: Packet | None, x: Any) -> Any:
        return x

    def i2repr(self, pkt: Packet | None, x: Any) -> str:
        return repr(x)

    def do_copy(self, x: Any) -> Any:
        return x.copy() if isinstance(x, Packet) else x

    def addfield(self, pkt: Packet, s: Any, val: Any) -> Any:
        return s + self.i2m(pkt, val)

    def getfield(self, pkt: Packet, s: Any) -> tuple[Any, Any]:
        size = self.size if self.counted_by is None else pkt.getfieldval(self.counted_by)
        size = len(s) if size is None else size
        return s[size:], self.m2i(pkt, s[:size])


class Word(Field[str, str]):
    """A choice among words, which is in no octet of its own."""

    __slots__ = ["words"]

    def __init__(self, name: str, default: str, words: tuple[str, ...]) -> None:
        self.words = words
        super().__init__(name, default)

    def any2i(self, pkt: Packet | None, x: Any) -> Any:
        if x is not None and x not in self.words:
            raise GrammarError(f"{self.name}: {x!r} is none of {', '.join(self.words)}")
        return x

    def i2repr(self, pkt: Packet | None, x: Any) -> str:
        return str(x)

    def randval(self) -> Any:
        """`fuzz` leaves it as it was given."""


class Piece(Field[Any, Any]):
    """A packet that may be there, and is where the packet around it puts it; None: it is not there."""

    __slots__ = ["holds_packets", "made"]

    def __init__(self, name: str, made: type[Packet]) -> None:
        self.made, self.holds_packets = made, 1
        super().__init__(name, None)

    def any2i(self, pkt: Packet | None, x: Any) -> Any:
        return self.made(bytes(x)) if isinstance(x, bytes | bytearray) else x

    def i2repr(self, pkt: Packet | None, x: Any) -> str:
        return "not there" if x is None else repr(x)

    def do_copy(self, x: Any) -> Any:
        return x.copy() if isinstance(x, Packet) else x

    def randval(self) -> Any:
        """`fuzz` leaves it as it was given."""


class Blob(StrField):
    """The octets up to the end of the body."""

    def i2repr(self, pkt: Packet | None, x: Any) -> str:
        return shown_octets(x)


class Octets(Packet):
    """Octets inside a structure of which nobody knows more."""

    name = "octets"
    fields_desc: ClassVar[list[Any]] = [Blob("load", b"")]


class Sized(StrLenField):
    """As many octets as another field says."""

    def i2repr(self, pkt: Packet | None, x: Any) -> str:
        return shown_octets(x)


class Padding(StrField):
    """What follows a record's body, if it is not the zeros that belong there. The layer itself puts it there."""

    def addfield(self, pkt: Packet, s: Any, val: Any) -> Any:
        return s

    def getfield(self, pkt: Packet, s: Any) -> tuple[Any, Any]:
        return s, None


class Integers(Field[Any, Any]):
    """An array of integers, as many as the field `counted_by` says, or always `times`, or as there are. Takes what is
    there of an array cut short. Half a million entries are one call, not half a million."""

    __slots__ = ["counted_by", "item", "times"]
    islist = 1

    def __init__(
        self, name: str, fmt: str, item: type[int] = int, counted_by: str | None = None, times: int | None = None
    ) -> None:
        self.item = item
        self.counted_by = counted_by
        self.times = times
        super().__init__(name, [0] * (times or 0), fmt)

    def any2i(self, pkt: Packet | None, x: Any) -> list[int]:
        values: list[Any] = [] if x is None else [x] if isinstance(x, int | Mapping) else list(x)
        return [self.item.of(one) for one in values] if issubclass(self.item, Packed) else values

    def i2count(self, pkt: Packet | None, x: Any) -> int:
        return len(x)

    def i2len(self, pkt: Packet, x: Any) -> int:
        return len(x) * self.sz

    def i2repr(self, pkt: Packet | None, x: Any) -> str:
        entries = [repr(one) if isinstance(one, Packed) else hex(one) for one in x[:ENTRIES_SHOWN]]
        more = [f"... ({len(x)})"] if len(x) > ENTRIES_SHOWN else []
        return f"[{', '.join(entries + more)}]"

    def addfield(self, pkt: Packet, s: Any, val: Any) -> Any:
        return s + struct.pack(self._format(len(val)), *val)

    def getfield(self, pkt: Packet, s: Any) -> tuple[Any, list[int]]:
        count = len(s) // self.sz
        if self.counted_by is not None:
            count = min(count, pkt.getfieldval(self.counted_by))
        if self.times is not None:
            count = min(count, self.times)
        values: Iterable[int] = struct.unpack_from(self._format(count), s)
        return s[count * self.sz :], [self.item(value) for value in values]

    def do_copy(self, x: Any) -> Any:
        return x[:]

    def randval(self) -> Any:
        """`fuzz` leaves an array as it was given, as it does with Scapy's own lists."""

    def _format(self, count: int) -> str:
        return f"{self.fmt[0]}{count}{self.fmt[1:]}"


class Elements(PacketListField):
    """An array of structures, as many as the field `counted_by` says, or always `times`, or up to and with the one
    whose field has the value `ends_with` tells, or as many as there are. What is no whole element is left to the next
    field.

    Scapy's own field gives every element all octets that follow, and each of them keeps those.
    """

    __slots__ = ["counted_by", "element", "ends_with", "parts", "times"]

    def __init__(
        self,
        name: str,
        element: type[Packet],
        parts: tuple[Part, ...],
        counted_by: str | None,
        ends_with: tuple[str, int] | None,
        times: int | None = None,
    ) -> None:
        self.element = element
        self.times = times
        self.parts = parts
        self.counted_by = counted_by
        self.ends_with = ends_with
        super().__init__(name, [element() for _ in range(times or 0)], element)

    def getfield(self, pkt: Packet, s: Any) -> tuple[Any, Any]:
        found: list[Packet] = []
        most = len(s) if self.counted_by is None else pkt.getfieldval(self.counted_by)
        most = most if self.times is None else self.times
        at = 0
        while at < len(s) and len(found) < most and (end := _end(self.parts, s, at)) is not None:
            found.append(self.element(s[at:end], _parent=pkt))
            at = end
            if self.ends_with is not None and found[-1].getfieldval(self.ends_with[0]) == self.ends_with[1]:
                break
        return s[at:], found


def _end(parts: tuple[Part, ...], octets: bytes, at: int) -> int | None:
    """Where the structure that begins at `at` ends; None if it is not all there."""
    numbers: dict[str | None, int] = {}
    for part in parts:
        if part.kind == "cstring":
            end = octets.find(0, at) + 1 or len(octets) + 1
        else:
            end = at + (numbers[part.counted_by] if part.size is None else part.size)
        if end > len(octets):
            return None
        if part.kind == "uint":
            numbers[part.name] = int.from_bytes(octets[at:end], part.endianness or "little")
        at = end
    return at


def shown_octets(octets: Any) -> str:
    """Octets for a person; None and what `fuzz` puts there as they are."""
    if not isinstance(octets, bytes) or len(octets) <= SHOWN:
        return repr(octets)
    return f"{octets[: SHOWN // 4]!r}... ({len(octets)} octets)"


def _shown(value: int | str) -> str:
    return value if isinstance(value, str) else hex(value)
