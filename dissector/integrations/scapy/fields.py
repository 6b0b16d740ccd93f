"""The fields Scapy has none for: arrays of integers, integers with named bits, arrays that end by themselves."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from scapy.fields import EnumField, Field, PacketListField, StrField, StrLenField
from scapy.packet import Packet
from scapy.utils import lhex

from dissector.protocol import BitField
from dissector.protocol import Field as Part

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


class Blob(StrField):
    """The octets up to the end of the body."""

    def i2repr(self, pkt: Packet | None, x: Any) -> str:
        return shown_octets(x)


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
    """An array of integers, as many as the field `counted_by` says or as there are. Takes what is there of an
    array cut short. Half a million entries are one call, not half a million."""

    __slots__ = ["counted_by", "item"]
    islist = 1

    def __init__(self, name: str, fmt: str, item: type[int] = int, counted_by: str | None = None) -> None:
        self.item = item
        self.counted_by = counted_by
        super().__init__(name, [], fmt)

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
        values: Iterable[int] = struct.unpack_from(self._format(count), s)
        return s[count * self.sz :], [self.item(value) for value in values]

    def do_copy(self, x: Any) -> Any:
        return x[:]

    def _format(self, count: int) -> str:
        return f"{self.fmt[0]}{count}{self.fmt[1:]}"


class Elements(PacketListField):
    """An array of structures, as many as the field `counted_by` says, or up to and with the one whose field has
    the value `ends_with` tells, or as many as there are. What is no whole element is left to the next field.

    Scapy's own field gives every element all octets that follow, and each of them keeps those.
    """

    __slots__ = ["counted_by", "element", "ends_with", "parts"]

    def __init__(
        self,
        name: str,
        element: type[Packet],
        parts: tuple[Part, ...],
        counted_by: str | None,
        ends_with: tuple[str, int] | None,
    ) -> None:
        self.element = element
        self.parts = parts
        self.counted_by = counted_by
        self.ends_with = ends_with
        super().__init__(name, [], element)

    def getfield(self, pkt: Packet, s: Any) -> tuple[Any, Any]:
        found: list[Packet] = []
        most = len(s) if self.counted_by is None else pkt.getfieldval(self.counted_by)
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


def shown_octets(octets: bytes | None) -> str:
    """Octets for a person."""
    if octets is None or len(octets) <= SHOWN:
        return repr(octets)
    return f"{octets[: SHOWN // 4]!r}... ({len(octets)} octets)"


def _shown(value: int | str) -> str:
    return value if isinstance(value, str) else hex(value)
