"""What every result is: a frozen value with named, typed fields."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from enum import Enum
from typing import Any, ClassVar, Never, Self, dataclass_transform

from dissector.units import NS


class Unit(Enum):
    """Annotates a number with what it counts."""

    TIME = "seconds since the epoch"
    SECONDS = "s"
    OCTETS = "octets"
    PFN = "pfn"


class Seconds(float):
    """A time or duration in seconds that still knows its ns: a float of today's date is only exact to 0.2 us."""

    __slots__ = ("ns",)
    ns: int

    def __new__(cls, time_ns: int) -> Self:
        self = super().__new__(cls, time_ns / NS)
        self.ns = time_ns
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Seconds, (self.ns,)


@dataclass_transform(frozen_default=True, eq_default=True)
class Result:
    """A class below this one is like a frozen dataclass: its annotations are its fields.

    `dataclasses.dataclass` would do, if it did not compile six methods for each class: with forty classes that takes
    longer than to read a small capture. These are the same methods, once.
    """

    field_names: ClassVar[tuple[str, ...]] = ()
    """In order, those of the bases first."""

    def __init_subclass__(cls, *, kw_only: bool = False) -> None:
        """`kw_only`: fields without a default may follow one with a default (for type checkers)."""
        owners = [owner for owner in reversed(cls.__mro__) if issubclass(owner, Result) and owner is not Result]
        cls.field_names = tuple(dict.fromkeys(name for owner in owners for name in owner.__annotations__))

    def __init__(self, *values: Any, **named: Any) -> None:
        given = {**dict(zip(self.field_names, values, strict=False)), **named}
        fields = {name: given.pop(name) if name in given else getattr(type(self), name) for name in self.field_names}
        if given or len(values) > len(fields):
            raise TypeError(f"{type(self).__name__} has no such fields: {', '.join(given)}")
        vars(self).update(fields)

    def __setattr__(self, name: str, value: object) -> Never:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> Never:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if type(self) is type(other) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"
