"""What of a kernel is at an address: out of its System.map, or of its ELF file."""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from dissector.capture.files import is_regular, unpacked
from dissector.errors import UserError
from dissector.units import size

FAR = 1 << 20
"""Octets after a symbol from which on an address belongs to none."""

SYMBOLS_MAX = 1 << 26
"""Octets of an unpacked System.map, or of any one table of an ELF file, which may itself be much longer."""

MAP_LINE = re.compile(r"^([0-9a-fA-F]{8,16}) [tTwW] (\S+)", re.MULTILINE)

Symbols = Iterator[tuple[int, str]]


def symbols_of(path: str) -> Callable[[int], str | None]:
    """What is at an address: "name+0x12". Raises UserError if the file cannot be read, or has no symbol of code."""
    table = sorted(_elf(path) if _is_elf(path) else _map(path))
    if not table:
        raise UserError(f"{path} is no System.map, and no ELF file with symbols: no code has a name there")
    addresses = [address for address, _ in table]

    def name(address: int) -> str | None:
        at = bisect_right(addresses, address) - 1
        if at < 0 or address - addresses[at] >= FAR:
            return None
        return f"{table[at][1]}+{address - addresses[at]:#x}"

    return name


def _map(path: str) -> Symbols:
    octets = unpacked(path, SYMBOLS_MAX)
    if octets.startswith(MAGIC):
        raise UserError(f"{path} is a compressed ELF file: unpack it first")
    text = octets.decode(errors="replace")
    return ((int(address, 16), name) for address, name in MAP_LINE.findall(text))


# --- ELF ----------------------------------------------------------------------------------------------------
# Source of all of it: System V ABI, chapter 4, "Object Files".

MAGIC = b"\x7fELF"
SYMTAB, DYNSYM = 2, 11
EXECUTABLE = 1 << 2
NO_TYPE, FUNCTION = 0, 2
"""STT_NOTYPE is what labels of assembly have."""


class Formats(NamedTuple):
    """How the structures of a class of ELF look to `struct`; of a symbol also where its fields are."""

    header: str
    section: str
    symbol: str
    symbol_fields: tuple[int, int, int, int]
    """Of name, value, type and section."""


FORMATS = {
    1: Formats("16x2x2x4x4x4xI4x2x2x2x3H", "10I", "3I2BH", (0, 1, 3, 5)),
    2: Formats("16x2x2x4x8x8xQ4x2x2x2x3H", "2I4Q2I2Q", "I2BH2Q", (0, 4, 1, 3)),
}
"""By EI_CLASS."""

ORDERS = {1: "<", 2: ">"}
"""By EI_DATA."""


class Section(NamedTuple):
    """A header of a section."""

    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry_size: int


def _is_elf(path: str) -> bool:
    """Of a regular file: from others nothing is taken here, because they cannot be read twice."""
    try:
        if not is_regular(path):
            return False
        with Path(path).open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):
        return False  # whoever reads it as a System.map says why


def _elf(path: str) -> Symbols:
    """The named places in code of .symtab, or of .dynsym where there is none."""
    try:
        with Path(path).open("rb") as file:
            yield from _symbols(file)
    except (OSError, struct.error, KeyError, IndexError, ValueError) as error:
        raise UserError(f"{path} is a damaged ELF file: its symbols cannot be read") from error


def _symbols(file: IO[bytes]) -> Symbols:
    ident = file.read(16)
    formats, order = FORMATS[ident[4]], ORDERS[ident[5]]
    sections = _sections(file, formats, order)
    table = next((one for type in (SYMTAB, DYNSYM) for one in sections if one.type == type), None)
    if table is None:
        return
    names = _octets(file, sections[table.link].offset, sections[table.link].size)
    symbol = struct.Struct(order + formats.symbol)
    octets = _octets(file, table.offset, table.size // symbol.size * symbol.size)
    name_at, value_at, type_at, section_at = formats.symbol_fields
    code = {number for number, one in enumerate(sections) if one.flags & EXECUTABLE}
    for fields in symbol.iter_unpack(octets):
        if fields[section_at] in code and fields[type_at] & 0xF in (NO_TYPE, FUNCTION):
            start = fields[name_at]
            name = names[start : names.index(0, start)].decode(errors="replace")
            if name:
                yield fields[value_at], name


def _sections(file: IO[bytes], formats: Formats, order: str) -> list[Section]:
    header, section = struct.Struct(order + formats.header), struct.Struct(order + formats.section)
    offset, entry_size, count, _ = header.unpack(_octets(file, 0, header.size))
    if not offset:
        return []
    if entry_size != section.size:
        raise ValueError("another size of headers")
    # Where there are too many for the header's field, the first section says how many.
    count = count or Section(*section.unpack(_octets(file, offset, section.size))).size
    return [Section(*fields) for fields in section.iter_unpack(_octets(file, offset, count * section.size))]


def _octets(file: IO[bytes], offset: int, length: int) -> bytes:
    if length > SYMBOLS_MAX:
        raise ValueError(f"a table has more than {size(SYMBOLS_MAX)}")
    file.seek(offset)
    octets = file.read(length)
    if len(octets) < length:
        raise ValueError("a table ends beyond the file's end")
    return octets
