"""Reads the fields of bodies that the rules of contents compare: no more of each layout than a receiver looks at."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from dissector.protocol import Endianness

XL_HEADER_OCTETS = 48
"""Octets of xl's save header before its optional data."""

XL_FLAGS_AT, XL_LENGTH_AT = 36, 44
XL_FLAG_JSON = 1

DESCRIPTOR = 8
"""Octets of struct hvm_save_descriptor."""

LEAF, MSR = 24, 16
"""Octets of an entry of X86_CPUID_POLICY and of X86_MSR_POLICY."""

NO_SUBLEAF = 0xFFFFFFFF


def number(octets: bytes, at: int, size: int, endianness: Endianness) -> int:
    """An unsigned integer; what is missing of it counts as zero, as where a receiver extends a short state."""
    return int.from_bytes(octets[at : at + size].ljust(size, b"\0"), endianness)


class Config(NamedTuple):
    """What xl's save header says of the guest's configuration."""

    given: int
    """Octets of optional data."""
    length: int | None
    """What they say the configuration has; None if they do not say it."""
    is_json: bool
    text: bytes
    """Without the NUL that ends it."""


def config_of(body: bytes, endianness: Endianness) -> Config | None:
    """xl's configuration, from the whole of its header; None if that is too short."""
    if len(body) < XL_HEADER_OCTETS:
        return None
    given = number(body, XL_LENGTH_AT, 4, endianness)
    is_json = bool(number(body, XL_FLAGS_AT, 4, endianness) & XL_FLAG_JSON)
    data = body[XL_HEADER_OCTETS:]
    if len(data) < 4:
        return Config(given, None, is_json, b"")
    length = number(data, 0, 4, endianness)
    return Config(given, length, is_json, data[4 : 4 + length].split(b"\0", 1)[0])


def from_json(text: bytes) -> dict[str, Any] | None:
    """A configuration as the object that it is; None if it is none."""
    try:
        found = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


class SaveRecord(NamedTuple):
    """One state of a vcpu or device in HVM_CONTEXT."""

    typecode: int
    instance: int
    length: int
    body: bytes


def save_records(octets: bytes, endianness: Endianness) -> Iterator[SaveRecord]:
    """The chain up to and with END, or to where it is cut short."""
    order = "<" if endianness == "little" else ">"
    descriptor = struct.Struct(order + "HHI")
    at = 0
    while at + DESCRIPTOR <= len(octets):
        typecode, instance, length = descriptor.unpack_from(octets, at)
        at += DESCRIPTOR
        yield SaveRecord(typecode, instance, length, octets[at : at + length])
        if not typecode:
            return
        at += length


class Leaf(NamedTuple):
    """One entry of X86_CPUID_POLICY."""

    leaf: int
    subleaf: int
    a: int
    b: int
    c: int
    d: int


def leaves(octets: bytes, endianness: Endianness) -> Iterator[Leaf]:
    """The whole entries of X86_CPUID_POLICY."""
    reader = struct.Struct(("<" if endianness == "little" else ">") + "6I")
    for values in reader.iter_unpack(octets[: len(octets) // LEAF * LEAF]):
        yield Leaf(*values)


class Register(NamedTuple):
    """One entry of X86_MSR_POLICY."""

    register: int
    flags: int
    value: int


def registers(octets: bytes, endianness: Endianness) -> Iterator[Register]:
    """The whole entries of X86_MSR_POLICY."""
    reader = struct.Struct(("<" if endianness == "little" else ">") + "IIQ")
    for values in reader.iter_unpack(octets[: len(octets) // MSR * MSR]):
        yield Register(*values)


def pairs(octets: bytes, endianness: Endianness) -> Iterator[tuple[int, int]]:
    """Index and value of each whole entry of HVM_PARAMS."""
    reader = struct.Struct(("<" if endianness == "little" else ">") + "QQ")
    count = min(number(octets, 0, 4, endianness), (len(octets) - 8) // reader.size)
    yield from reader.iter_unpack(octets[8 : 8 + max(0, count) * reader.size])
