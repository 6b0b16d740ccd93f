"""Regular expressions over octets, as far as the parser has any, as patterns of Lua."""

from __future__ import annotations

import re._constants as sre  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
from collections.abc import Iterable
from typing import Any

CATEGORIES = {sre.CATEGORY_DIGIT: b"%d"}
"""Classes of octets."""

MAGIC = b"^$()%.[]*+-?"
"""What stands for itself only behind a %."""


def lua_pattern(expression: bytes) -> bytes:
    """A pattern that matches the same octets, from the first of them on. ValueError if Lua has none.

    Both know classes, ranges and any octet; what repeats, or may be the one or the other, is left to the parser."""
    return b"^" + b"".join(_part(*one) for one in parser.parse(expression, 0))


def _part(op: Any, value: Any) -> bytes:
    if op is sre.ASSERT and value[0] == 1:  # a lookahead: what is looked for is all that it holds
        return b"".join(_part(*one) for one in value[1])
    if op is sre.LITERAL:
        return _octet(value)
    if op is sre.ANY or op is sre.ANY_ALL:
        return b"."
    if op is sre.IN:
        return b"[" + b"".join(_classes(value)) + b"]"
    if op is sre.SUBPATTERN:
        return b"".join(_part(*one) for one in value[3])
    raise ValueError(f"no pattern of Lua: {op} {value}")


def _classes(parts: Iterable[tuple[Any, Any]]) -> Iterable[bytes]:
    for op, value in parts:
        if op is sre.LITERAL:
            yield _octet(value)
        elif op is sre.RANGE:
            yield b"-".join(map(_octet, value))
        elif op is sre.CATEGORY:
            yield CATEGORIES[value]
        else:
            raise ValueError(f"no class of Lua: {op} {value}")


def _octet(value: int) -> bytes:
    octet = bytes((value,))
    return b"%" + octet if octet in MAGIC else octet
