"""QEMU's stream as lines of a tree: sections, commands, and the fields of devices that its description names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dissector.protocol.qemu import COMMAND, FULL, START, Section, parse, title
from dissector.protocol.qemu_description import words


class Line(NamedTuple):
    """A field of the tree."""

    depth: int
    """Lines that it is below."""
    path: str
    at: int
    """In the stream's octets."""
    size: int
    text: str | None = None
    """Of a text, or of what else its octets alone do not tell."""


MACHINE_AT = 13
"""Where the machine's name stands: after the version, the section's type and the name's length."""

MORE = "more of them: see the preference for how many lines are shown"


def lines(octets: bytes, shown: int) -> Iterator[Line]:
    """The lines of a stream; none if it is none. `shown`: how many sections, and fields of each, there are at most; 0:
    all."""
    stream = parse(octets)
    if stream is None:
        return
    if stream.machine is not None:
        size = int.from_bytes(octets[MACHINE_AT - 4 : MACHINE_AT], "big")
        yield Line(0, "qemu.machine", MACHINE_AT, size, stream.machine)
    is_cut = 0 < shown < len(stream.pieces)
    for one in stream.pieces[:shown] if is_cut else stream.pieces:
        yield Line(0, "qemu.section", one.start, one.stop - one.start, title(one))
        yield Line(1, "qemu.kind", one.start, 1)
        yield from _inside(one, one.start + one.header, shown)
    if is_cut:
        yield Line(0, "contents", 0, 0, MORE)


def _inside(one: Section, begin: int, shown: int) -> Iterator[Line]:
    """What a section or command holds. `begin`: where its own octets do."""
    size = len(one.octets)
    if one.kind == COMMAND:
        yield Line(1, "qemu.cmd", one.start + 1, 2)
    else:
        yield Line(1, "qemu.number", one.start + 1, 4)
    if one.kind in (START, FULL):
        yield Line(1, "qemu.device", one.start + 6, len(one.device), one.device)
        yield Line(1, "qemu.instance", begin - 8, 4)
        yield Line(1, "qemu.version", begin - 4, 4)
    if size > 0:
        yield Line(1, "qemu.state", begin, size)
    for name, at in one.subsections:
        yield Line(1, "qemu.subsection", begin + at, len(name), name)
    is_cut = 0 < shown < len(one.places)
    for field in one.places[:shown] if is_cut else one.places:
        yield Line(1 + field.depth, "qemu.field", begin + field.at, field.size, words(field, one.octets))
    if is_cut:
        yield Line(1, "contents", begin, 0, MORE)
