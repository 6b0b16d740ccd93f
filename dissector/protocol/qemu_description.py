"""What QEMU says in JSON, behind the state of its devices, of their fields; and the fields.

Sources: migration/vmstate.c of QEMU writes it, scripts/analyze-migration.py reads it. The functions are translated for
Wireshark's dissector, as those of `qemu` are: nothing is raised, what does not fit says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

SUBSECTION = b"\5"
"""QEMU_VM_SUBSECTION."""

DEPTH_MAX = 32
"""Structures within structures that a description may have."""

FIELDS_MAX = 1 << 16
"""Fields of all devices that are read, whatever a description asks for."""

PATH_MAX = 512
"""Characters of a field's name with those of the structures around it."""

INTEGERS = (1, 2, 4, 8)
"""Octets of the integers that a description may name; of any other size they stay octets."""


class DeviceField(NamedTuple):
    """A field of a device, or a structure, which those in it follow."""

    name: str
    path: str
    """With the names of the structures around it."""
    kind: str
    """"struct", "bool", "uint", "int", "text", "null", "octets"."""
    at: int
    """In the octets of its section."""
    size: int
    depth: int
    """Structures around it."""
    is_element: bool
    """Whether it is one of an array."""


_DESCRIPTION = re.compile(rb"\0\x06....\{", re.DOTALL)
"""The stream's end, and behind it the header of a description in JSON."""


def place_of(pattern: re.Pattern[bytes], data: bytes, at: int, end: int) -> int:
    """Where octets that match stand first; -1 if nowhere."""
    found = pattern.search(data, at, end)
    return -1 if found is None else found.start()


def described_by(text: bytes) -> Any:
    """What a text of JSON says; None if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def description(data: bytes) -> tuple[Any, int]:
    """The description behind the stream's end, and where that end is: after its last octet."""
    at = place_of(_DESCRIPTION, data, 0, len(data))
    while at >= 0:
        start = at + 6
        after = start + int.from_bytes(data[at + 2 : start], "big")
        # No JSON has a NUL in it: so nothing is read twice, however many places look like a description.
        if after <= len(data) and data.find(b"\0", start, after) < 0:
            text = data[start:after]
            # QEMU's own has no characters but those of ASCII, and nothing to escape.
            found = described_by(text) if text.isascii() and b"\\" not in text else None
            if isinstance(found, dict) and isinstance(found.get("devices"), list):
                return found, at + 1
        at = place_of(_DESCRIPTION, data, at + 1, len(data))
    return {}, len(data)


def _whole(value: Any) -> int:
    """A number of a description; -1 if it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def key(device: str, instance: int) -> str:
    """What a device has in `devices`."""
    return f"{instance} {device}"


def devices(description: Mapping[str, Any]) -> dict[str, Any]:
    """What a description says of each device."""
    found: dict[str, Any] = {}
    for one in description.get("devices", []):
        if isinstance(one, dict) and isinstance(one.get("name"), str) and _whole(one.get("instance_id")) >= 0:
            found[key(one["name"], one["instance_id"])] = one
    return found


class Fields:
    """The fields of one device, read as its description tells."""

    def __init__(self, data: bytes, begin: int, end: int, left: int) -> None:
        """`begin`, `end`: where the device's octets begin, and end at the latest. `left`: fields that may still be
        read."""
        self.data: bytes = data
        self.begin, self.at, self.end = begin, begin, end
        self.left = left
        self.places: list[DeviceField] = []
        self.is_unfit: bool = False
        """Whether the description does not fit the octets: then nothing of it counts."""

    def take(self, size: int) -> bytes:
        """The next octets; none if they are too few."""
        if self.is_unfit or size < 0 or size > self.end - self.at:
            self.is_unfit = True
            return b""
        self.at += size
        return self.data[self.at - size : self.at]

    def structure(self, described: Mapping[str, Any], path: str, depth: int) -> None:
        """The fields of a structure, and its subsections."""
        if not isinstance(described, dict) or depth == DEPTH_MAX:
            self.is_unfit = True
            return
        some: Any = described.get("fields")
        more: Any = described.get("subsections", [])
        self.is_unfit = self.is_unfit or not isinstance(some, list) or not isinstance(more, list)
        if self.is_unfit:
            return
        for one in some:
            self.field(one, path, depth)
        for one in more:
            self.subsection(one, path, depth)

    def subsection(self, described: Mapping[str, Any], path: str, depth: int) -> None:
        """A structure with a header of its own; its version is not needed."""
        is_one = self.take(1) == SUBSECTION
        name = self.take(int.from_bytes(self.take(1), "big")).decode("ascii", "backslashreplace")
        self.take(4)
        self.is_unfit = self.is_unfit or not is_one
        if not self.is_unfit:
            self.inside(described, DeviceField(name, path + name, "struct", self.at - self.begin, 0, depth, False))

    def field(self, one: Mapping[str, Any], path: str, depth: int) -> None:
        """A field, as often as its array has it."""
        if not isinstance(one, dict) or not isinstance(one.get("name"), str) or not isinstance(one.get("type"), str):
            self.is_unfit = True
            return
        count, is_element = _whole(one.get("array_len", 1)), "array_len" in one
        self.is_unfit = self.is_unfit or count < 0 or count > self.left
        for index in range(count):
            if self.is_unfit:
                return
            self.left -= 1
            own = path + one["name"] + (f"[{index}]" if is_element else "")
            self.is_unfit = len(own) > PATH_MAX
            place = DeviceField(one["name"], own, "struct", self.at - self.begin, 0, depth, is_element)
            if one["type"] == "struct" and "struct" in one:
                self.inside(one["struct"], place)
            else:
                self.alone(one["type"], _whole(one.get("size")), place)

    def inside(self, described: Mapping[str, Any], place: DeviceField) -> None:
        """A structure with the fields in it."""
        before: list[DeviceField] = self.places
        self.places = []
        self.structure(described, place.path + ".", place.depth + 1)
        inside: list[DeviceField] = self.places
        self.places = before
        self.places.append(place._replace(size=self.at - self.begin - place.at))
        self.places += inside

    def alone(self, kind: str, size: int, place: DeviceField) -> None:
        """A field that is no structure."""
        if kind == "capability":
            size = int.from_bytes(self.take(1), "big")
        at = self.at - self.begin
        self.take(size)
        self.places.append(place._replace(kind=_kind(kind, size), at=at, size=size))


NAMED_KINDS: Mapping[str, str] = {"bool": "bool", "nullptr": "null", "capability": "text"}
"""What values are by their type in a description; integers begin with their name."""


def _kind(described: str, size: int) -> str:
    """What a value is by the type that a description gives it."""
    if described in NAMED_KINDS:
        return NAMED_KINDS[described]
    if size in INTEGERS and described.startswith("uint"):
        return "uint"
    return "int" if size in INTEGERS and described.startswith("int") else "octets"


def _value(one: DeviceField, octets: bytes) -> Any:
    own = octets[one.at : one.at + one.size]
    match one.kind:
        case "bool":
            return own[:1] != ZERO
        case "uint" | "int":
            return int.from_bytes(own, "big", signed=one.kind == "int")
        case "text":
            return own.decode("ascii", "backslashreplace")
        case "null":
            return None
    return own


def nested(places: Iterable[DeviceField], octets: bytes) -> dict[str, Any]:
    """The values of fields by name; of the same name they are a list, as those of an array."""
    around: list[dict[str, Any]] = [{}]
    for one in places:
        del around[one.depth + 1 :]
        values, value = around[-1], {} if one.kind == "struct" else _value(one, octets)
        if one.name in values:
            if not isinstance(values[one.name], list):
                values[one.name] = [values[one.name]]
            values[one.name].append(value)
        else:
            values[one.name] = [value] if one.is_element else value
        if one.kind == "struct":
            around.append(value)
    return around[0]


def decimal(octets: bytes, is_signed: bool) -> str:
    """The digits of a number."""
    return str(int.from_bytes(octets, "big", signed=is_signed))


ZERO = b"\0"

WORDS_MAX = 32
"""Octets of a field that are written out."""


def words(one: DeviceField, octets: bytes) -> str:
    """A field and its value as a line of text."""
    own = octets[one.at : one.at + one.size]
    if one.kind == "struct":
        return one.path
    if one.kind == "bool":
        return f"{one.path}: {'false' if own[:1] == ZERO else 'true'}"
    if one.kind in ("uint", "int"):
        return f"{one.path}: {decimal(own, one.kind == 'int')}"
    if one.kind == "text":
        return f"{one.path}: {own.decode('ascii', 'backslashreplace')}"
    if one.kind == "null":
        return f"{one.path}: null"
    return f"{one.path}: {own.hex() if one.size <= WORDS_MAX else f'{one.size} octets'}"
