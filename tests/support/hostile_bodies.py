"""Bodies that are damaged in every way, in streams whose lengths are right."""

from __future__ import annotations

import lzma
import struct
from random import Random

from conftest import REPOSITORY, captures
from conversation import Wire, packets, pcap
from streams import libxc_stream, libxl_stream, record
from talks import Item

from dissector import library
from dissector import protocol as g
from dissector.events import FORWARD, Record

SPECS: dict[tuple[str, str], g.RecordSpec] = {(spec.layer, spec.name): spec for spec in g.RECORDS}

QEMU = lzma.decompress((REPOSITORY / "tests/unit/qemu-7.2.xz").read_bytes())


def genuine() -> list[tuple[str, str, bytes]]:
    """Layer, name and body of each record with a meaning in depth, of an HVM and of a PV guest."""
    found: dict[tuple[str, str], bytes] = {}
    for name in ("xen/hvm-live-lo/hvm-live-lo.pcap", "xen/pv-save/pv-save.img"):
        for event in library.open(captures()[name]).events():
            if isinstance(event, Record) and event.complete and event.layer and event.body and not event.is_pages:
                found.setdefault((event.layer, event.name), event.body)
    found["libxl", "EMULATOR_CONTEXT"] = struct.pack("<II", 2, 0) + QEMU
    registers = b"".join(struct.pack("<IIQ", index, 0, 5) for index in (0x48, 0xC0000080))
    found["libxc", "X86_PV_VCPU_MSRS"] = struct.pack("<II", 0, 0) + registers
    area = struct.pack("<QQ", 0xE7, 0xE7) + bytes(576) + bytes(2112)
    found["libxc", "X86_PV_VCPU_XSAVE"] = struct.pack("<II", 0, 0) + area
    saved = struct.pack("<HHI", 16, 0, 24 + 576 + 256) + struct.pack("<QQQ", 7, 7, 7) + bytes(576 + 256)
    registers = struct.pack("<HHI", 20, 0, 24) + struct.pack("<II", 1, 0) + registers[:16]
    context = found["libxc", "HVM_CONTEXT"][:-8] + saved + registers + bytes(8)
    found["libxc", "HVM_CONTEXT"] = context
    return [(layer, name, body) for (layer, name), body in found.items()]


GENUINE = genuine()

NUMBERS = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)


def damaged(body: bytes, random: Random) -> bytes:
    """A body with some octets that are others, some numbers that are extreme, cut, or with more behind it."""
    octets = bytearray(body)
    for _ in range(random.randrange(1, 6)):
        at = random.choice((random.randrange(min(64, len(octets)) or 1), random.randrange(len(octets) or 1)))
        match random.randrange(4):
            case 0:
                octets[at : at + 1] = random.randbytes(1)
            case 1:
                octets[at : at + 4] = random.choice(NUMBERS).to_bytes(4, random.choice(("little", "big")))
            case 2:
                del octets[at : at + random.choice((1, 4, 100, len(octets)))]
            case 3:
                octets[at:at] = random.randbytes(random.choice((1, 8, 40)))
    return bytes(octets)


def stream_of(bodies: list[tuple[str, str, bytes]], order: g.Endianness, is_pv: bool) -> bytes:
    """A stream with such bodies, whose lengths are right."""
    inner = [record(name, body, endianness=order) for layer, name, body in bodies if layer == "libxc"]
    outer = [record(name, body, "libxl", order) for layer, name, body in bodies if layer == "libxl"]
    whole = libxc_stream(
        [*inner, record("END", endianness=order)], guest="x86 PV" if is_pv else "x86 HVM", endianness=order
    )
    return libxl_stream(whole, [*outer, record("END", layer="libxl", endianness=order)], order)


def hostile_capture(seed: int, order: g.Endianness, is_pv: bool) -> bytes:
    """A capture of such a stream: about seven of ten bodies are damaged."""
    random = Random(seed)
    bodies = [
        (layer, name, damaged(body, random) if random.random() < 0.7 else body)
        for layer, name, body in GENUINE
        if (layer, name) in SPECS and name not in ("END", "LIBXC_CONTEXT")
    ]
    return pcap(packets(Wire([Item(FORWARD, "libxl", "all of it", stream_of(bodies, order, is_pv))])))
