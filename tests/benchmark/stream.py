"""Migrations, as the pieces both sides send, of any size.

Written with struct alone, on purpose without the package's own grammar: a mistake there cannot hide here.
Layouts: docs/specs/libxc-migration-stream.pandoc and libxl-migration-stream.pandoc of Xen; for the xl layer
tools/xl/xl_migrate.c.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

PAGE = 4096
BATCH = 1024  # entries of one PAGE_DATA record at most, as Xen's sender does
SWEEPS = 5  # each sends half as many pages as the one before it
CLUSTER = 16  # pages that a guest dirties together
HOLES = 97  # one pfn in so many has no page

LIBXC = {
    "END": 0x00,
    "PAGE_DATA": 0x01,
    "X86_PV_INFO": 0x02,
    "X86_PV_P2M_FRAMES": 0x03,
    "X86_PV_VCPU_BASIC": 0x04,
    "X86_PV_VCPU_EXTENDED": 0x05,
    "SHARED_INFO": 0x07,
    "X86_TSC_INFO": 0x08,
    "HVM_CONTEXT": 0x09,
    "HVM_PARAMS": 0x0A,
    "STATIC_DATA_END": 0x10,
    "X86_CPUID_POLICY": 0x11,
    "X86_MSR_POLICY": 0x12,
}
# The postcopy RFC's, which have the numbers of version 3 in version 2.
POSTCOPY = {
    "POSTCOPY_BEGIN": 0x10,
    "POSTCOPY_PFNS_BEGIN": 0x11,
    "POSTCOPY_PFNS": 0x12,
    "POSTCOPY_TRANSITION": 0x13,
    "POSTCOPY_PAGE_DATA": 0x14,
    "POSTCOPY_FAULT": 0x15,
    "POSTCOPY_COMPLETE": 0x16,
}
LIBXL = {
    "END": 0,
    "LIBXC_CONTEXT": 1,
    "EMULATOR_XENSTORE_DATA": 2,
    "EMULATOR_CONTEXT": 3,
    "POSTCOPY_TRANSITION_END": 6,
}
TYPES = {"libxc": LIBXC | POSTCOPY, "libxl": LIBXL}

NOTAB, L1TAB, XTAB = 0x0 << 60, 0x1 << 60, 0xF << 60


class Piece(NamedTuple):
    """One record, header or message: `octets`, and after them the contents of `pages` pages."""

    direction: str  # "forward": migration source to destination, or "reverse"
    layer: str  # "xl", "libxl" or "libxc"
    name: str
    octets: bytes
    pages: int = 0

    @property
    def length(self) -> int:
        """Octets on the wire, header, padding and page contents included."""
        return len(self.octets) + PAGE * self.pages


def pieces(size: int, guest: str = "hvm") -> Iterator[Piece]:
    """A live migration: what both sides send, in order, some `size` octets of it forward; `guest` is "hvm" or "pv"."""
    sent = sum(0.5**sweep for sweep in range(SWEEPS)) * (1 - 1 / HOLES)  # how often a pfn's page is, on average
    pfns = max(CLUSTER, int(size / (8 + PAGE) / sent))
    yield from _headers(guest)
    for name, body in _before_memory(pfns)[guest]:
        yield _record("libxc", name, body)
    yield from _memory(pfns, guest)
    for name, body in _after_memory()[guest]:
        yield _record("libxc", name, body)
    for name, body in _device_model()[guest]:
        yield _record("libxl", name, body)
    yield from _unpaused()


def _headers(guest: str, version: int = 3) -> Iterator[Piece]:
    config = b'{"c_info": {"type": "%s", "name": "benchmark"}}\n\0' % guest.encode()
    yield Piece("reverse", "xl", "banner", b"xl migration receiver ready, send binary domain data.\n")
    yield Piece(
        "forward",
        "xl",
        "xl header",
        struct.pack("<32s5I", b"Xen saved domain, xl format\n \0 \r", 0x01020304, 3, 0, 4 + len(config), len(config))
        + config,
    )
    yield Piece("forward", "libxl", "libxl header", struct.pack(">8sII", b"LibxlFmt", 2, 0))
    yield _record("libxl", "LIBXC_CONTEXT", b"")
    yield Piece("forward", "libxc", "image header", struct.pack(">QIIHHI", 2**64 - 1, 0x58454E46, version, 0, 0, 0))
    yield Piece("forward", "libxc", "domain header", struct.pack("<IHHII", {"pv": 1, "hvm": 2}[guest], 12, 0, 4, 17))


def lists(size: int) -> Iterator[Piece]:
    """A migration whose records are lists of pfns without pages, 1,024 each."""
    records = max(1, size // (8 * BATCH))
    return _within_memory(
        _pages("PAGE_DATA", [XTAB | number * BATCH + at for at in range(BATCH)]) for number in range(records)
    )


def small(size: int) -> Iterator[Piece]:
    """A migration of records with one pfn each."""
    return _within_memory(_pages("PAGE_DATA", [XTAB | number]) for number in range(max(1, size // 24)))


def _within_memory(memory: Iterator[Piece]) -> Iterator[Piece]:
    yield from _headers("hvm")
    for name, body in _before_memory(1)["hvm"]:
        yield _record("libxc", name, body)
    yield from memory
    for name, body in _after_memory()["hvm"]:
        yield _record("libxc", name, body)
    for name, body in _device_model()["hvm"]:
        yield _record("libxl", name, body)
    yield from _unpaused()


def _unpaused() -> Iterator[Piece]:
    """What both sides say when all has been sent."""
    yield Piece("reverse", "xl", "ready", b"domain received, ready to unpause\0")
    yield Piece("forward", "xl", "go", b"domain is yours, you are cleared to unpause\0")
    yield Piece("reverse", "xl", "report", b"my copy unpause results are as follows\0\0")


PUSHED, FAULT_EVERY = 64, 2
"""Pages of a record that nobody asked for; and after how many of these a page is asked for."""


def postcopy(size: int) -> Iterator[Piece]:
    """A postcopy migration: records of PUSHED pages, and a fault and its answer after every second one."""
    return _postcopy(max(1, size // (PAGE * (PUSHED * FAULT_EVERY + 1))), FAULT_EVERY)


def faults(size: int) -> Iterator[Piece]:
    """A postcopy migration in which every page is asked for."""
    return _postcopy(max(1, size // PAGE), 0)


def _postcopy(turns: int, pushed: int) -> Iterator[Piece]:
    """Each turn is so many records of PUSHED pages that nobody asked for, a fault and its answer."""
    yield from _headers("hvm", 2)
    yield _pages("PAGE_DATA", list(range(BATCH)))
    yield _record("libxc", "POSTCOPY_BEGIN", b"")
    for name, body in _after_memory()["hvm"]:
        if name != "END":
            yield _record("libxc", name, body)
    missing = range(BATCH, BATCH + turns * (PUSHED * pushed + 1))
    yield _record("libxc", "POSTCOPY_PFNS_BEGIN", b"")
    for at in range(0, len(missing), BATCH):
        yield _pages("POSTCOPY_PFNS", list(missing[at : at + BATCH]))
    yield _record("libxc", "POSTCOPY_TRANSITION", b"")
    for name, body in _device_model()["hvm"]:
        yield _record("libxl", "POSTCOPY_TRANSITION_END" if name == "END" else name, b"" if name == "END" else body)
    rest = iter(missing)
    for _ in range(turns):
        for _ in range(pushed):
            yield _pages("POSTCOPY_PAGE_DATA", list(islice(rest, PUSHED)))
        asked = list(islice(rest, 1))
        yield _pages("POSTCOPY_FAULT", asked)._replace(direction="reverse")
        yield _pages("POSTCOPY_PAGE_DATA", asked)
    yield _record("libxc", "POSTCOPY_COMPLETE", b"")._replace(direction="reverse")
    yield _record("libxc", "END", b"")
    yield _record("libxl", "END", b"")
    yield Piece("reverse", "xl", "postcopy sync", b"postcopy migration completed successfully\0")


def _pages(name: str, entries: list[int]) -> Piece:
    """A record of pfns; with pages for those that have some, if records of its name hold pages."""
    holds = name in ("PAGE_DATA", "POSTCOPY_PAGE_DATA")
    body = struct.pack(f"<II{len(entries)}Q", len(entries), 0, *entries)
    return _record("libxc", name, body, sum(entry < XTAB for entry in entries) if holds else 0)


STREAMS = {"live": pieces, "lists": lists, "small": small, "postcopy": postcopy}
"""What a capture of the benchmark may hold, of any size."""


def page_data_records(size: int, guest: str = "hvm") -> int:
    """How many PAGE_DATA records `pieces` of the same arguments holds."""
    return sum(piece.name == "PAGE_DATA" for piece in pieces(size, guest))


def _record(layer: str, name: str, body: bytes, pages: int = 0) -> Piece:
    header = struct.pack("<II", TYPES[layer][name], len(body) + PAGE * pages)
    return Piece("forward", layer, name, header + body + bytes(-len(body) % 8), pages)


def _memory(pfns: int, guest: str) -> Iterator[Piece]:
    for sweep in range(SWEEPS):
        dirty = (pfn for pfn in range(pfns) if not (pfn // CLUSTER) % 2**sweep)
        entries = (pfn | kind for pfn in dirty if (kind := _page_type(pfn, guest)) != XTAB or not sweep)
        while batch := list(islice(entries, BATCH)):
            yield _pages("PAGE_DATA", batch)


def _page_type(pfn: int, guest: str) -> int:
    if pfn % HOLES == HOLES - 1:
        return XTAB  # a hole: sent without contents, and in the first sweep alone
    return L1TAB if guest == "pv" and pfn % 512 == 0 else NOTAB


Bodies = dict[str, list[tuple[str, bytes]]]


def _before_memory(pfns: int) -> Bodies:
    policies = [
        ("X86_CPUID_POLICY", struct.pack("<6I", 0, 0xFFFFFFFF, 13, 0x68747541, 0x444D4163, 0x69746E65)),
        ("X86_MSR_POLICY", struct.pack("<IIQ", 0xCE, 0, 0)),
        ("STATIC_DATA_END", b""),
    ]
    frames = -(-pfns * 8 // PAGE)  # one frame of the table holds 512 u64 entries
    p2m = struct.pack(f"<II{frames}Q", 0, pfns - 1, *range(frames))
    return {
        "hvm": policies,
        "pv": [("X86_PV_INFO", struct.pack("<BBHI", 8, 4, 0, 0)), *policies, ("X86_PV_P2M_FRAMES", p2m)],
    }


def _after_memory() -> Bodies:
    tsc = ("X86_TSC_INFO", struct.pack("<IIQII", 0, 2_600_000, 10**12, 0, 0))
    header = struct.pack("<IIQII", 0x54381286, 1, 0, 0x800F12, 2_600_000)  # struct hvm_save_header
    cpu = bytearray(1032)  # struct hvm_hw_cpu
    struct.pack_into("<Q", cpu, 656, 0x60000010)  # CR0 after a reset
    chain = [(1, header), (2, bytes(cpu)), (6, bytes(1024)), (0, b"")]  # HEADER, CPU, LAPIC_REGS, END (hvm/save.h)
    context = b"".join(struct.pack("<HHI", code, 0, len(octets)) + octets for code, octets in chain)
    params = struct.pack("<IIQQQQ", 2, 0, 1, 0xFEFFC, 5, 0xFEFFD)  # the store's and the I/O request pfn
    end = ("END", b"")
    return {
        "hvm": [tsc, ("HVM_CONTEXT", context), ("HVM_PARAMS", params), end],
        "pv": [
            tsc,
            ("SHARED_INFO", bytes(PAGE)),
            ("X86_PV_VCPU_BASIC", bytes(8 + 5168)),
            ("X86_PV_VCPU_EXTENDED", bytes(8 + 64)),
            end,
        ],
    }


def _device_model() -> Bodies:
    upstream = struct.pack("<II", 2, 0)  # qemu-upstream, index 0
    end = ("END", b"")
    return {
        "hvm": [
            ("EMULATOR_XENSTORE_DATA", upstream + b"physmap/f0000000/size\x00800000\0"),
            ("EMULATOR_CONTEXT", upstream + b"QEVM\0\0\0\3".ljust(6159, b"\0")),
            end,
        ],
        "pv": [end],
    }
