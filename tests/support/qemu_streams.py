"""Streams as QEMU writes them: sections, commands between them, and a description behind them."""

from __future__ import annotations

import json
import lzma
import struct
from collections.abc import Iterable
from random import Random
from typing import Any

from conftest import REPOSITORY

START, PART, LAST, FULL, COMMAND = 1, 2, 3, 4, 8
OPEN_RETURN_PATH, PING = 1, 2


def footer(number: int) -> bytes:
    return b"\x7e" + number.to_bytes(4, "big")


def section(kind: int, number: int, octets: bytes, device: str = "", version: int = 1, instance: int = 0) -> bytes:
    """Without a footer; of a part or an end no device is said."""
    head = bytes((kind,)) + number.to_bytes(4, "big")
    if kind in (START, FULL):
        head += bytes((len(device),)) + device.encode() + struct.pack(">II", instance, version)
    return head + octets


def command(number: int, octets: bytes = b"") -> bytes:
    return struct.pack(">BHH", COMMAND, number, len(octets)) + octets


def stream(*pieces: bytes, machine: str | None = None, described: Any = None) -> bytes:
    """With its end, and a description if there is one: an object, or the text itself."""
    head = b"QEVM\0\0\0\3"
    if machine is not None:
        head += b"\7" + len(machine).to_bytes(4, "big") + machine.encode()
    text = described if isinstance(described, bytes) else json.dumps(described).encode()
    tail = b"" if described is None else b"\6" + len(text).to_bytes(4, "big") + text
    return head + b"".join(pieces) + b"\0" + tail


RAM = struct.pack(">Q", 0x10)
"""Memory of which nothing is said: RAM_SAVE_FLAG_EOS."""


def memory(has_footers: bool) -> list[bytes]:
    """The sections of memory, in parts, as they go on while a guest runs; none where no footers tell their ends."""
    kinds = (START, PART, PART, LAST) if has_footers else ()
    return [section(kind, 2, RAM, "ram", 4) + footer(2) for kind in kinds]


def live() -> bytes:
    """What a QEMU writes that migrates by itself: memory in parts, commands, and devices whose numbers begin anew."""
    start, part, other, last = memory(True)
    devices = (("timer", bytes(3) + footer(0) + bytes(9)), ("0000:00:02.0/platform", bytes(range(70))))
    full = [section(FULL, number, octets, name, 4) + footer(number) for number, (name, octets) in enumerate(devices)]
    before, between = command(OPEN_RETURN_PATH) + command(PING, b"\0\0\0\1"), command(PING, b"\0\0\0\2")
    return stream(before, start, part, other, between, last, *full, machine="pc")


def genuine() -> bytes:
    """What QEMU 7.2 wrote of a machine that had not started: all its devices and their description, no memory."""
    return lzma.decompress((REPOSITORY / "tests/unit/qemu-7.2.xz").read_bytes())


# fmt: off
KINDS = {
    "bool": 1, "int8": 1, "int16": 2, "int32": 4, "int32 equal": 4, "int32 le": 4, "int64": 8, "uint8": 1, "uint16": 2,
    "uint32": 4, "uint32 equal": 4, "uint64": 8, "timer": 8, "float64": 8, "buffer": 5, "bitmap": 24, "unknown": 3,
}
"""Types of fields that QEMU describes, and octets of each."""
# fmt: on


def structure(random: Random, name: str, depth: int) -> tuple[dict[str, Any], bytes]:
    """Any structure, as QEMU describes it, and its octets."""
    fields: list[dict[str, Any]] = []
    octets = b""
    for number in range(random.randrange(1, 6)):
        count = random.choice([1, 1, 3])
        field: dict[str, Any] = {"name": f"field {number}"}
        if depth and random.random() < 0.3:
            inner, held = structure(random, f"{name}/{number}", depth - 1)
            field |= {"type": "struct", "size": len(held), "struct": inner}
            # The script takes a described structure to pieces, and can do that once.
            count, octets = 1, octets + held
        else:
            kind, size = random.choice(sorted(KINDS.items()))
            field |= {"type": kind, "size": size}
            octets += random.randbytes(size * count)
        if count > 1 and random.random() < 0.5:
            fields += [field | {"index": index} for index in range(count)]
        else:
            fields.append(field | ({"array_len": count} if count > 1 else {}))
    described: dict[str, Any] = {"vmsd_name": name, "version": random.randrange(9), "fields": fields}
    if depth and random.random() < 0.5:
        inner, held = structure(random, f"{name}/sub", depth - 1)
        described["subsections"] = [inner]
        sub = inner["vmsd_name"].encode()
        octets += bytes((5, len(sub))) + sub + inner["version"].to_bytes(4, "big") + held
    return described, octets


def any_described(seed: int, has_footers: bool, first: Iterable[bytes] = ()) -> bytes:
    """A stream of devices with any structures, which its description tells."""
    random = Random(seed)
    pieces, devices = list(first), []
    for number in range(4):
        described, held = structure(random, f"device{number}", 3)
        devices.append({"name": described["vmsd_name"], "instance_id": 0, **described})
        one = section(FULL, number + 10, held, described["vmsd_name"], described["version"])
        pieces.append(one + footer(number + 10) * has_footers)
    return stream(*pieces, described={"page_size": 4096, "devices": devices})
