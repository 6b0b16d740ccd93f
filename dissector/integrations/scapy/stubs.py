"""`__init__.pyi`, written from the classes: what each field is when read, and what may be given for it.

Editors and type checkers take it for the package; `python -m dissector.integrations.scapy.stubs` writes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap

from scapy.fields import AnyField, FlagsField, StrField

from dissector.integrations import scapy

from .fields import Elements, Inside, Integers, Named, Packed, Piece, Told, Word
from .making import CLASSES
from .packets import _Layer, _PageList

STUB = Path(__file__).with_name("__init__.pyi")
WIDTH = 120

HEAD = """\
# Written by `python -m dissector.integrations.scapy.stubs`: changes are lost.

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from scapy.fields import FlagValue
from scapy.packet import Packet
from scapy.volatile import VolatileValue

from .fields import Packed
from .packets import _Framed, _Item, _Layer, _PageList, _Record
{imports}

_Wild: TypeAlias = VolatileValue[Any] | None
_Number: TypeAlias = int | list[int] | _Wild
_Name: TypeAlias = int | str | list[int] | list[str] | _Wild
_Bytes: TypeAlias = bytes | str | _Wild
_Array: TypeAlias = int | Iterable[int | Mapping[str, int | str]] | None
_Inside: TypeAlias = Packet | bytes | None
"""


def text() -> str:
    """What belongs into `__init__.pyi`."""
    others = [name for name in scapy.__all__ if name not in CLASSES]
    imports = (f"from {getattr(scapy, name).__module__} import {name} as {name}" for name in others)
    names = "\n".join(f'    "{name}",' for name in scapy.__all__)
    classes = ("\n".join(_class(name, made)) for name, made in CLASSES.items())
    head = HEAD.format(imports="\n".join(imports))
    return "\n".join([f"{head}\n__all__ = [\n{names}\n]\n", "\n\n".join(classes), ""])


def _class(name: str, made: type[_Layer]) -> Iterator[str]:
    base = made.__mro__[1]
    yield f"class {name}({base.__name__}):"
    yield from _doc(made.__doc__ or name)
    if issubclass(base, _Layer) and base.grammar and _names(base) == _names(made):
        return
    docs = {one.name: one.doc for one in made.grammar}
    for field in made.fields_desc:
        yield f"    {field.name}: {_read(field)}"
        yield from _doc(docs.get(field.name, ""))
    given = [f"{field.name}: {_given(field)} = None" for field in made.fields_desc]
    if issubclass(made, _PageList):
        given.append("pfns: Iterable[int] | None = None")
    words = ["self", '_pkt: bytes = b""', *(["*", *given] if given else [])]
    line = f"    def __init__({', '.join(words)}) -> None: ..."
    if len(line) <= WIDTH:
        yield line
    else:
        yield "    def __init__("
        yield from (f"        {word}," for word in words)
        yield "    ) -> None: ..."


def _names(made: type[_Layer]) -> list[str]:
    return [field.name for field in made.fields_desc]


def _doc(words: str) -> Iterator[str]:
    lines = wrap(words, WIDTH - 10)
    if len(lines) == 1:
        yield f'    """{lines[0]}"""'
    elif lines:
        yield f'    """{lines[0]}'
        yield from (f"    {line}" for line in lines[1:])
        yield '    """'


def _read(field: AnyField) -> str:
    """The type of a field of a packet."""
    match field:
        case Integers():
            return "list[Packed]" if issubclass(field.item, Packed) else "list[int]"
        case Elements():
            return f"list[{field.element.__name__}]"
        case Piece():
            return f"{field.made.__name__} | None"
        case Word():
            return "str"
        case Inside():
            return " | ".join([*dict.fromkeys(made.__name__ for made in field.classes.values()), "Octets"])
        case FlagsField():
            return "FlagValue"
        case StrField():
            return "bytes"
        case _ if field.name == "padding":
            return "bytes | None"
    return "int"


def _given(field: AnyField) -> str:
    """The type of what may be given for it."""
    match field:
        case Integers():
            return "_Array"
        case Elements():
            return f"list[{field.element.__name__}] | {field.element.__name__} | None"
        case Inside() | Piece():
            return "_Inside"
        case Word():
            return "str | None"
        case FlagsField() | Named() | Told():
            return "_Name"
        case StrField():
            return "_Bytes"
        case _ if field.name == "padding":
            return "_Bytes"
    return "_Number"


if __name__ == "__main__":
    STUB.write_text(text())
