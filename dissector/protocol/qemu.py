"""The state of QEMU's devices, as libxl and xenopsd carry it: a stream of sections, each of one device.

Sources: migration/savevm.c and include/migration/vmstate.h of QEMU, docs/devel/migration/main.rst for the order of its
parts. All numbers are big-endian.

A section does not say how long it is. Where the stream ends with a description in JSON, that says it, and what every
device's fields are; where sections end with footers, those do; else a section ends where the next one's header begins,
whose number nobody had before. What QEMU writes for Xen has neither (the machine types xenfv and xenpv switch both
off), and is all of full sections; memory and disks that go on while the guest runs have a start, parts and an end,
between which commands may stand.

Wireshark's dissector has these functions translated: nothing in them is raised, a reader that fails says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .forms import Always, Written
from .primitives import Endianness, GrammarError
from .qemu_description import FIELDS_MAX, SUBSECTION, DeviceField, Fields, description, devices, key, nested, place_of

NAME = "QEMU stream"
MAGIC = b"QEVM"
VERSIONS = (2, 3)

END, START, PART, LAST, FULL, _, _, CONFIGURATION, COMMAND = range(9)
FOOTER = 0x7E
FOOTER_SIZE = 5
_FOOTER = bytes((FOOTER,))
KINDS: Mapping[int, str] = {START: "start", PART: "part", LAST: "end", FULL: "full", COMMAND: "command"}
"""QEMU_VM_SECTION_*, and QEMU_VM_COMMAND."""

COMMANDS: Mapping[int, str] = {
    0: "INVALID",
    1: "OPEN_RETURN_PATH",
    2: "PING",
    3: "POSTCOPY_ADVISE",
    4: "POSTCOPY_LISTEN",
    5: "POSTCOPY_RUN",
    6: "POSTCOPY_RAM_DISCARD",
    7: "PACKAGED",
    8: "ENABLE_COLO",
    9: "POSTCOPY_RESUME",
    10: "RECV_BITMAP",
    11: "SWITCHOVER_START",
}
"""MIG_CMD_* of migration/savevm.c. What PACKAGED tells the length of are sections and commands like all others."""

PIECES_MAX = 1 << 14
"""Sections and commands of a stream that are read."""

NUMBER_MAX, INSTANCE_MAX = 1 << 16, 1 << 24
"""Of headers that are looked for: more sections, versions and instances than any machine has."""


@dataclass(frozen=True)
class Section:
    """The state of one device, or a part of it; or a command, whose number and octets are its own."""

    kind: int
    number: int
    device: str
    """What the section with its number began with, as are instance and version."""
    instance: int
    version: int
    octets: bytes
    footer: bool
    start: int
    """Where its header stands in the stream."""
    places: tuple[DeviceField, ...] = ()
    """As the description tells; empty where there is none."""

    @property
    def stop(self) -> int:
        """Where the next one begins."""
        return self.start + self.header + len(self.octets) + (FOOTER_SIZE if self.footer else 0)

    @property
    def header(self) -> int:
        """The octets before its own."""
        if self.kind in (START, FULL):
            return 14 + len(self.device)
        return 5

    @property
    def subsections(self) -> list[tuple[str, int]]:
        """Optional parts that are in it, which an older QEMU refuses that does not know them: their names, and where
        in the octets these stand."""
        return _subsections(self.octets) if self.kind in (START, FULL) else []

    @property
    def fields(self) -> dict[str, Any]:
        """The values of its fields by name."""
        return nested(self.places, self.octets)


@dataclass(frozen=True)
class Stream:
    """What QEMU saved."""

    version: int
    machine: str | None
    pieces: tuple[Section, ...]
    """Sections and commands."""
    configuration: bytes
    """The configuration section after its length and name: subsections."""
    description: Mapping[str, Any]
    """What the JSON says, empty where there is none."""
    trailer: bytes
    """What follows the last section: the end, and the description with its header."""

    @property
    def sections(self) -> tuple[Section, ...]:
        """Those that name a device, one for each."""
        return tuple(one for one in self.pieces if one.kind in (START, FULL))


def title(one: Section) -> str:
    """A section or command as a line of text."""
    if one.kind == COMMAND:
        return f"command {COMMANDS[one.number]}"
    words = f"{one.device} {one.instance} version {one.version}"
    return words if one.kind == FULL else f"{words}, {KINDS[one.kind]}"


def parse(octets: bytes | memoryview) -> Stream | None:
    """The stream; None if it is none of QEMU's, or of a version without sections."""
    data = bytes(octets)
    if len(data) < 9 or data[:4] != MAGIC:
        return None
    version = int.from_bytes(data[4:8], "big")
    if version not in VERSIONS:
        return None
    reading = _Reading(data)
    machine, configuration = reading.configuration()
    one = reading.piece()
    while one is not None:
        reading.pieces.append(one)
        one = reading.piece() if len(reading.pieces) < PIECES_MAX else None
    if len(reading.pieces) == 0 and reading.at == len(data):
        return None
    rest = data[reading.at :]
    return Stream(version, machine, tuple(reading.pieces), configuration, reading.description, rest)


# --- sections -----------------------------------------------------------------------------------------------

# Kind, number (below 65,536), a name that begins with a letter or a digit.
_HEADER = re.compile(rb"[\x01\x04]\0\0..[\x01-\xff][0-9A-Za-z/]", re.DOTALL)


class _Header(NamedTuple):
    """What begins the state of a device."""

    kind: int
    number: int
    device: str
    instance: int
    version: int
    size: int


def _header(data: bytes, at: int, end: int) -> _Header | None:
    """The header of a section at a place; None if there is none whole."""
    if at + 14 > end or data[at] not in (START, FULL):
        return None
    after = at + 6 + data[at + 5]
    octets = data[at + 6 : after]
    if after + 8 > end or not octets.isascii():
        return None
    device = octets.decode("ascii")
    if device == "" or not device.isprintable():
        return None
    instance, version = _number(data, after, 4), _number(data, after + 4, 4)
    return _Header(data[at], _number(data, at + 1, 4), device, instance, version, after + 8 - at)


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")


def _footer(number: int) -> bytes:
    return _FOOTER + number.to_bytes(4, "big")


class _Reading:
    """A stream that is read, from its ninth octet on."""

    def __init__(self, data: bytes) -> None:
        self.data: bytes = data
        said, end = description(data)
        self.description: Mapping[str, Any] = said
        self.devices: dict[str, Any] = devices(said)
        self.at, self.end = 8, end
        """Where it goes on, and where the sections are over at the latest."""
        self.left = FIELDS_MAX
        self.pieces: list[Section] = []
        self.begun: dict[int, _Header] = {}
        """Headers that named a device, by the section's number."""
        self.has_footers: bool | None = None
        """The first section says it for all."""

    def configuration(self) -> tuple[str | None, bytes]:
        """The machine's type, and what follows it up to the first section: as long as the description says, where it
        tells of the configuration (QEMU 8.2 and later)."""
        if self.data[self.at] != CONFIGURATION or self.at + 5 > self.end:
            return None, b""
        start = self.at + 5
        after = start + _number(self.data, self.at + 1, 4)
        if after > self.end:
            return None, b""
        machine = self.data[start:after].decode("ascii", "backslashreplace")
        if not machine.isprintable():  # no machine's name
            return None, b""
        fields = Fields(self.data, self.at + 1, self.end, FIELDS_MAX)
        fields.structure(self.description.get("configuration"), "", 0)  # type: ignore[arg-type]
        if not fields.is_unfit and fields.at >= after:
            self.at = fields.at
        elif after < self.end and self.data[after : after + 1] == SUBSECTION:
            found = place_of(_HEADER, self.data, after, self.end)
            self.at = self.end if found < 0 else found
        else:
            self.at = after
        return machine, self.data[after : self.at]

    def piece(self) -> Section | None:
        """The next section or command; None at the end, or at what is neither."""
        if self._is_part(self.at):
            return self._part()
        if self._is_command(self.at):
            return self._command()
        header = _header(self.data, self.at, self.end)
        if header is None:
            return None
        self.begun[header.number] = header
        begin = self.at + header.size
        fields = self._described(header, begin)
        stop: int | None = fields.at
        if fields.is_unfit or not self._is_over(fields.at, header.number):
            fields.places = []
            stop = self._end(begin, header.number)
        return self._section(header, begin, stop, tuple(fields.places))

    def _section(
        self, header: _Header, begin: int, stop: int | None, places: tuple[DeviceField, ...]
    ) -> Section | None:
        """A section whose octets are told, with its footer; None if it lacks one."""
        footer = stop is not None and self.data[stop : stop + FOOTER_SIZE] == _footer(header.number)
        if stop is None or (self.has_footers and not footer):
            return None
        self.has_footers = footer
        start, self.at = self.at, stop + (FOOTER_SIZE if footer else 0)
        octets, device = self.data[begin:stop], header.device
        return Section(
            header.kind, header.number, device, header.instance, header.version, octets, footer, start, places
        )

    def _part(self) -> Section | None:
        """More of a section that has begun, or its end."""
        number = _number(self.data, self.at + 1, 4)
        first = self.begun[number]
        header = _Header(self.data[self.at], number, first.device, first.instance, first.version, 5)
        return self._section(header, self.at + 5, self._end(self.at + 5, number), ())

    def _command(self) -> Section:
        start = self.at
        number, size = _number(self.data, start + 1, 2), _number(self.data, start + 3, 2)
        self.at = start + 5 + size
        return Section(COMMAND, number, "", 0, 0, self.data[start + 5 : self.at], False, start)

    def _described(self, header: _Header, begin: int) -> Fields:
        described = self.devices.get(key(header.device, header.instance))
        fields = Fields(self.data, begin, self.end, self.left)
        fields.structure(described, "", 0)  # type: ignore[arg-type]
        self.left = fields.left
        return fields

    def _end(self, at: int, number: int) -> int | None:
        """Where the octets of a section end that begin here; None if a footer has to follow them, and none does."""
        if self.has_footers is not False:
            footer = _footer(number)
            found = self.data.find(footer, at, self.end)
            while found >= 0:
                if self._is_next(found + FOOTER_SIZE):
                    return found
                found = self.data.find(footer, found + 1, self.end)
            if self.has_footers:
                return None
        found = place_of(_HEADER, self.data, at, self.end)
        while found >= 0:
            if self._is_new(found):
                return found
            found = place_of(_HEADER, self.data, found + 1, self.end)
        return self.end - 1 if self.data[self.end - 1] == END else self.end

    def _is_over(self, at: int, number: int) -> bool:
        """Whether the octets of a section may end here."""
        return self.data[at : at + FOOTER_SIZE] == _footer(number) or self._is_next(at)

    def _is_next(self, at: int) -> bool:
        """Whether what may follow a section stands here: another one, a command, the end."""
        is_last = at == self.end or (at + 1 == self.end and self.data[at] == END)
        return is_last or self._is_new(at) or self._is_part(at) or self._is_command(at)

    def _is_new(self, at: int) -> bool:
        """Whether the header of a section stands here whose number no one has had."""
        one = _header(self.data, at, self.end)
        if one is None or one.number in self.begun:
            return False
        return one.number < NUMBER_MAX and one.version < NUMBER_MAX and one.instance < INSTANCE_MAX

    def _is_part(self, at: int) -> bool:
        """Whether more of a section stands here that has begun."""
        if at + 5 > self.end or self.data[at] not in (PART, LAST):
            return False
        number = _number(self.data, at + 1, 4)
        return number in self.begun and self.begun[number].kind == START

    def _is_command(self, at: int) -> bool:
        if at + 5 > self.end or self.data[at] != COMMAND:
            return False
        return _number(self.data, at + 1, 2) in COMMANDS and at + 5 + _number(self.data, at + 3, 2) <= self.end


# A subsection: its mark, the length of its name, a name that begins with a letter or a digit.
_MARK = re.compile(rb"\x05[\x03-\xff][0-9A-Za-z]")


def _subsections(octets: bytes) -> list[tuple[str, int]]:
    """Parts whose name has a slash in it, as QEMU wants of a subsection, and is as long as it says."""
    found: list[tuple[str, int]] = []
    at = place_of(_MARK, octets, 0, len(octets))
    while at >= 0:
        after = at + 2 + octets[at + 1]
        own = octets[at + 2 : after]
        if after + 4 <= len(octets) and own.isascii() and octets[after : after + 2] == b"\0\0":
            name = own.decode("ascii")
            if name.isprintable() and "/" in name:
                found.append((name, at + 2))
        at = place_of(_MARK, octets, at + 1, len(octets))
    return found


# --- as a field of a record ---------------------------------------------------------------------------------


def _read(octets: bytes, endianness: Endianness, values: Mapping[str, Any]) -> dict[str, Any] | None:
    stream = parse(octets)
    if stream is None:
        return None
    head: dict[str, Any] = {"version": stream.version}
    if stream.machine is not None:
        head |= {"machine": stream.machine, "configuration": stream.configuration}
    found = head | {"sections": [_shown(one) for one in stream.pieces], "trailer": stream.trailer}
    return found if _write(found, endianness, values) == octets else None


def _shown(one: Section) -> dict[str, Any]:
    if one.kind == COMMAND:
        return {"kind": KINDS[COMMAND], "cmd": COMMANDS.get(one.number, one.number), "data": one.octets}
    shown: dict[str, Any] = {
        "device": one.device,
        "instance": one.instance,
        "version": one.version,
        "number": one.number,
        "kind": KINDS[one.kind],
        "footer": int(one.footer),
        "state": one.octets,
    }
    if subsections := one.subsections:
        shown["subsections"] = [
            {"name": name, "version": _number(one.octets, at + len(name), 4)} for name, at in subsections
        ]
    return shown | ({"fields": one.fields} if one.places else {})


def _write(found: Any, endianness: Endianness, values: Mapping[str, Any]) -> bytes:
    """The stream again. `fields` and `subsections` are told of the octets, and not looked at."""
    try:
        parts = [MAGIC, int(found["version"]).to_bytes(4, "big")]
        if "machine" in found:
            machine = found["machine"].encode()
            parts += [bytes((CONFIGURATION,)), len(machine).to_bytes(4, "big"), machine, found["configuration"]]
        parts += [_built(one) for one in found["sections"]]
        return b"".join((*parts, found.get("trailer", bytes(1))))
    except (KeyError, AttributeError, TypeError, OverflowError, StopIteration) as error:
        raise GrammarError(f"no stream of QEMU's: {error!r}") from error


def _built(one: Mapping[str, Any]) -> bytes:
    kind = _of_name(KINDS, one.get("kind", KINDS[FULL]))
    if kind == COMMAND:
        command, data = _of_name(COMMANDS, one["cmd"]), bytes(one.get("data", b""))
        return bytes((kind,)) + command.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data
    number, state = int(one["number"]), bytes(one["state"])
    head = bytes((kind,)) + number.to_bytes(4, "big")
    if kind in (START, FULL):
        device: bytes = one["device"].encode()
        head += bytes((len(device),)) + device + one["instance"].to_bytes(4, "big") + one["version"].to_bytes(4, "big")
    return head + state + (_footer(number) if one.get("footer") else b"")


def _of_name(names: Mapping[int, str], name: str | int) -> int:
    return name if isinstance(name, int) else next(number for number, word in names.items() if word == name)


STREAM = Always(Written(NAME, _read, _write))
"""The form of an emulator's state."""
