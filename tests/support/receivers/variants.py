"""Variants of genuine streams, each with one thing that a receiver looks at, at a bound or just past it.

A row says what is changed, of which guests, and at which record a restore fails; None: it does not. The rows follow the
checks of xg_sr_restore.c, xg_sr_restore_x86_hvm.c, xg_sr_restore_x86_pv.c, xg_sr_common_x86.c, libxl_stream_read.c and
libxl_dom_save.c in their order.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from operator import methodcaller as do
from pathlib import Path
from typing import NamedTuple

from seen import unpacked
from streams import record

from receivers.mutations import records

CAPTURES = Path(__file__).resolve().parents[3] / "captures/receivers"

END, PAGES, INFO, FRAMES, BASIC, EXTENDED, XSAVE, SHARED, TSC, CONTEXT, PARAMS, TOOLSTACK, MSRS, VERIFY = range(14)
DIRTY, STATIC, CPUID, MSR_POLICY = range(0xF, 0x13)
"""Types of libxc's records."""

NAMES = {
    PAGES: "PAGE_DATA",
    TSC: "X86_TSC_INFO",
    CONTEXT: "HVM_CONTEXT",
    PARAMS: "HVM_PARAMS",
    END: "END",
    INFO: "X86_PV_INFO",
    FRAMES: "X86_PV_P2M_FRAMES",
    BASIC: "X86_PV_VCPU_BASIC",
    EXTENDED: "X86_PV_VCPU_EXTENDED",
    XSAVE: "X86_PV_VCPU_XSAVE",
    MSRS: "X86_PV_VCPU_MSRS",
    SHARED: "SHARED_INFO",
    TOOLSTACK: "TOOLSTACK",
    CPUID: "X86_CPUID_POLICY",
    MSR_POLICY: "X86_MSR_POLICY",
    STATIC: "STATIC_DATA_END",
    DIRTY: "CHECKPOINT_DIRTY_PFN_LIST",
    VERIFY: "VERIFY",
}
LAST_PFN = 0x27FF
"""Of the PV guests."""


class Stream(NamedTuple):
    """A save file in pieces: xl's header, libxc's headers and records, and what libxl has behind them."""

    config: bytes
    libxc: tuple[bytes, ...]
    libxl: tuple[bytes, ...]

    def place(self, type: int, number: int = 0) -> int:
        found = [at for at, piece in enumerate(self.libxc) if at and int.from_bytes(piece[:4], "little") == type]
        return found[number]

    def body(self, type: int) -> bytes:
        piece = self.libxc[self.place(type)]
        return piece[8 : 8 + int.from_bytes(piece[4:8], "little")]

    def put(self, type: int, body: bytes, length: int | None = None) -> Stream:
        return self.without(type, record(type, body, length=length))

    def patch(self, type: int, at: int, octets: bytes) -> Stream:
        body = self.body(type)
        return self.put(type, body[:at] + octets + body[at + len(octets) :])

    def patches(self, type: int, words: Mapping[int, int], size: int) -> Stream:
        """Words of a vcpu's state, by their places in that."""
        changed = self
        for at, value in words.items():
            changed = changed.patch(type, 8 + at, word(value, size))
        return changed

    def without(self, type: int, *instead: bytes) -> Stream:
        at = self.place(type)
        return self._replace(libxc=(*self.libxc[:at], *instead, *self.libxc[at + 1 :]))

    def before(self, type: int, *pieces: bytes) -> Stream:
        at = self.place(type)
        return self._replace(libxc=(*self.libxc[:at], *pieces, *self.libxc[at:]))

    def again(self, type: int, at: int | None = None) -> Stream:
        return self.before(type if at is None else at, self.libxc[self.place(type)])

    def ended(self, type: int, octets: bytes, length: int | None = None) -> Stream:
        """A body of another length: cut there, and with these octets behind it."""
        return self.put(type, self.body(type)[:length] + octets)

    def moved(self, type: int, to: int) -> Stream:
        return self.without(type).before(to, self.libxc[self.place(type)])

    def tail(self, *pieces: bytes, at: int = 0) -> Stream:
        """More records of libxl's behind libxc's stream, by default first."""
        return self._replace(libxl=(*self.libxl[:at], *pieces, *self.libxl[at:]))

    def configured(self, text: bytes = b"", longer: int = 0, **fields: int) -> Stream:
        """Another configuration in xl's header, another length that it is said to have, or another field of that."""
        order, mandatory, optional = ({"order": 0x01020304, "mandatory": 3, "optional": 0} | fields).values()
        text = text or self.text
        words = (order, mandatory, optional, 4 + len(text), len(text) + longer)
        return self._replace(config=self.config[:32] + struct.pack("<5I", *words) + text)

    @property
    def text(self) -> bytes:
        """The configuration."""
        return self.config[52:]

    def header(self, at: int, octets: bytes) -> Stream:
        """libxc's image and domain headers, 40 octets, changed."""
        head = self.libxc[0]
        return self._replace(libxc=(head[:at] + octets + head[at + len(octets) :], *self.libxc[1:]))

    def state(self, type: int, at: int, octets: bytes) -> Stream:
        """A state in HVM_CONTEXT changed."""
        return self._states(lambda code, body: body[:at] + octets + body[at + len(octets) :] if code == type else body)

    def resized(self, type: int, length: int) -> Stream:
        return self._states(lambda code, body: body[:length].ljust(length, b"\0") if code == type else body)

    def of_vcpu_1(self, type: int) -> Stream:
        return self._states(lambda code, body: body, {type: 1})

    def _states(self, change: Callable[[int, bytes], bytes], instances: Mapping[int, int] | None = None) -> Stream:
        octets, at, chain = self.body(CONTEXT), 0, b""
        while at < len(octets):
            code, instance, length = struct.unpack_from("<HHI", octets, at)
            body = change(code, octets[at + 8 : at + 8 + length])
            chain += struct.pack("<HHI", code, (instances or {}).get(code, instance), len(body)) + body
            at += 8 + length
        return self.put(CONTEXT, chain)


class Variant(NamedTuple):
    what: str
    guests: tuple[str, ...]
    change: Callable[[Stream], Stream]
    refused: str | None
    """The record at which a restore fails."""


V3 = ("HVM", "PVH", "PV", "PV 32")
ALL = (*V3, "HVM version 2", "PV version 2")
HVM, HVM3 = ("HVM", "PVH", "HVM version 2"), ("HVM", "PVH")
PV = ("PV", "PV 32", "PV version 2")


def guests() -> dict[str, Stream]:
    """A legal stream of each kind of guest."""
    hvm, pvh, pv = (_stream(name) for name in ("e000", "a020", "a016"))
    frames = struct.pack("<II10Q", 0, LAST_PFN, *range(0x100, 0x10A))
    narrow = pv.put(INFO, b"\4\3" + bytes(6)).put(FRAMES, frames).put(BASIC, bytes(8 + 2800))
    found = {"HVM": hvm, "PVH": pvh, "PV": pv, "PV 32": narrow}
    return {**found, **{f"{name} version 2": _version_2(found[name]) for name in ("HVM", "PV")}}


def _stream(name: str) -> Stream:
    config, _, _, *pieces = records(unpacked(CAPTURES / f"{name}.bin.zst"))
    end = next(at for at, piece in enumerate(pieces) if piece[:8] == bytes(8)) + 1
    stream = Stream(config, tuple(pieces[:end]), tuple(pieces[end:]))
    # One of them has a second table of frames, which is legal and in the way here.
    if name == "a016":
        second = stream.place(FRAMES, 1)
        stream = stream._replace(libxc=(*stream.libxc[:second], *stream.libxc[second + 1 :]))
    return stream


def _version_2(stream: Stream) -> Stream:
    return stream.header(15, b"\2").without(CPUID).without(MSR_POLICY).without(STATIC)


def pages(*entries: int, count: int | None = None, more: int = 0) -> bytes:
    """A list of pages, and their contents with so many octets more."""
    backed = sum(entry >> 60 < 0xD for entry in entries)
    head = struct.pack("<II", len(entries) if count is None else count, 0)
    return head + struct.pack(f"<{len(entries)}Q", *entries) + bytes(4096 * backed + more)


def leaf(number: int, subleaf: int = 2**32 - 1) -> bytes:
    return struct.pack("<6I", number, subleaf, 0, 0, 0, 0)


def msr(index: int, flags: int = 0, value: int = 0) -> bytes:
    return struct.pack("<IIQ", index, flags, value)


def param(index: int, value: int) -> bytes:
    return record(PARAMS, struct.pack("<IIQQ", 1, 0, index, value))


def word(value: int, size: int = 4) -> bytes:
    return value.to_bytes(size, "little")


def variants() -> Iterator[Variant]:
    """All rows."""
    yield from _headers()
    yield from _static_data()
    yield from _memory()
    yield from _any_guest()
    yield from _hvm()
    yield from _hvm_context()
    yield from _pv()
    yield from _vcpus()
    yield from _vcpu_states()


def _headers() -> Iterator[Variant]:
    image, domain = "image header", "domain header"
    yield Variant("marker", ALL, lambda s: s.header(3, b"\xfe"), image)
    yield Variant("id", ALL, lambda s: s.header(8, b"XENG"), image)
    for version in (0, 1, 4, 2**31):
        yield Variant(f"version {version}", ALL, do("header", 12, version.to_bytes(4, "big")), image)
    yield Variant("big-endian", ALL, lambda s: s.header(17, b"\1"), image)
    yield Variant("another option", ALL, lambda s: s.header(16, b"\x80"), None)
    for type in (0, 3, 4, 2**32 - 1):
        yield Variant(f"type {type}", ALL, do("header", 24, word(type)), domain)
    for shift in (0, 11, 13, 44):
        yield Variant(f"page_shift {shift}", ALL, do("header", 28, word(shift, 2)), domain)
    yield Variant("converted", ALL, lambda s: s.header(32, word(0) + word(1)), None)


def _static_data() -> Iterator[Variant]:
    end = NAMES[STATIC]
    yield Variant("no STATIC_DATA_END: memory", HVM3, lambda s: s.without(STATIC), NAMES[PAGES])
    yield Variant("no STATIC_DATA_END: frames", ("PV", "PV 32"), lambda s: s.without(STATIC), NAMES[FRAMES])
    for at in (STATIC, PAGES, TSC, END):
        yield Variant(f"a second one before {at}", V3, do("before", at, record(STATIC)), end)
    yield Variant("no policies", V3, lambda s: s.without(CPUID).without(MSR_POLICY), None)
    yield Variant("late policies", V3, lambda s: s.moved(STATIC, CPUID), None)
    yield Variant("a policy again", V3, lambda s: s.again(MSR_POLICY).again(CPUID), None)
    for body in (b"", bytes(8), bytes(23), leaf(0) * 121):
        yield Variant(f"CPUID of {len(body)}", V3, do("put", CPUID, body), NAMES[CPUID])
    leaves = {(4, 5): 1, (4, 6): 0, (7, 2): 1, (7, 3): 0, (0xB, 1): 1, (0xB, 2): 0, (0xD, 62): 1, (0xD, 63): 0}
    for (number, subleaf), known in leaves.items():
        body, refused = leaf(number, subleaf), None if known else NAMES[CPUID]
        yield Variant(f"leaf {number:x}/{subleaf}", V3, do("put", CPUID, body), refused)
        yield Variant(f"also {number:x}/{subleaf}", V3, do("ended", CPUID, body), refused)
    plain = {0xD00: 0, 0xE: 0, 4: 0, 0x80000021: 1, 0x80000022: 0, 0x40000000: 1, 0x40000001: 0, 0x40000100: 1}
    for number, known in plain.items():
        body, refused = leaf(number), None if known else NAMES[CPUID]
        yield Variant(f"leaf {number:x}", V3, do("put", CPUID, body), refused)
    policies = {b"": 0, bytes(24): 0, msr(0xCE) * 3: 0, msr(0xCE) * 2: 1, msr(0xCE, 1): 0, msr(0x10B): 0}
    policies |= {msr(0xCE, 0, 2**32 - 1): 1, msr(0xCE, 0, 2**32): 0, msr(0x10A, 0, 2**63): 1}
    for number, (body, known) in enumerate(policies.items()):
        refused = None if known else NAMES[MSR_POLICY]
        yield Variant(f"registers {number}", V3, do("put", MSR_POLICY, body), refused)


def _memory() -> Iterator[Variant]:
    wrong = [b"", bytes(4), bytes(7), pages(), pages(5, count=0), pages(5, count=700), pages(5, count=2)]
    wrong += [pages(5, 6, more=-4096), pages(5, 6, more=4096), pages(5, more=8), pages(5, 6 | 0xE << 60, more=4096)]
    wrong += [pages(5, 6 | type << 60) for type in (5, 6, 7, 8)]
    for number, body in enumerate(wrong):
        yield Variant(f"pages {number}", ALL, do("put", PAGES, body), NAMES[PAGES])
    right = [pages(5, 6 | 0xE << 60, 7 | 0xD << 60, 8 | 0xF << 60), pages(9, 10 | 1 << 55)]
    right += [pages(0x109, 0x10A | type << 60) for type in (1, 2, 3, 4, 9, 10, 11, 12)]
    for number, body in enumerate(right):
        yield Variant(f"legal pages {number}", ALL, do("put", PAGES, body), None)
    yield Variant("the last pfn", PV, lambda s: s.put(PAGES, pages(LAST_PFN)), None)
    yield Variant("past the last pfn", PV, lambda s: s.put(PAGES, pages(LAST_PFN + 1)), NAMES[PAGES])
    yield Variant("no page past it", PV, lambda s: s.put(PAGES, pages(1, LAST_PFN + 1 | 0xF << 60)), NAMES[PAGES])
    many = [record(PAGES, pages(LAST_PFN + 1 + 3 * number)) for number in range(9)]
    yield Variant("many past it", PV, lambda s: s.before(PAGES, *many), NAMES[PAGES])
    yield Variant("any pfn", HVM, lambda s: s.put(PAGES, pages(2**36)), None)
    yield Variant("verified", ALL, lambda s: s.before(END, record(VERIFY), s.libxc[s.place(PAGES)]), None)


def _any_guest() -> Iterator[Variant]:
    for length in (0, 8, 23, 25, 32):
        yield Variant(f"TSC of {length}", ALL, do("put", TSC, bytes(length)), NAMES[TSC])
    for mode in (0, 1, 2, 3, 2**32 - 1):
        refused = None if mode < 3 else NAMES[TSC]
        yield Variant(f"TSC mode {mode}", ALL, do("patch", TSC, 0, word(mode)), refused)
    yield Variant("early TSC", ALL, lambda s: s.moved(TSC, PAGES), None)
    yield Variant("TSC again", ALL, lambda s: s.again(TSC), None)
    for type in (0x17, 0x40, 2**31 - 1):
        refused = f"UNKNOWN_0x{type:08x}"
        yield Variant(f"type {type:x}", ALL, do("before", TSC, record(type, bytes(8))), refused)
        row = [record(type, bytes(8))] * 6
        yield Variant(f"many of {type:x}", ALL, do("before", TSC, *row), refused)
    for type in (2**31, 2**31 + 9, 2**32 - 1):
        for at in (PAGES, TSC, END):
            yield Variant(f"{type:x} before {at}", ALL, do("before", at, record(type, b"any")), None)
    for at in (TSC, END):
        yield Variant(f"TOOLSTACK before {at}", ALL, do("before", at, record(TOOLSTACK)), NAMES[TOOLSTACK])
    yield Variant("dirty pfns", ALL, do("before", TSC, record(DIRTY, bytes(16))), NAMES[DIRTY])
    for length in (2**27 + 1, 2**32 - 1):
        yield Variant(f"length {length}", ALL, do("put", TSC, bytes(24), length=length), NAMES[TSC])


def _hvm() -> Iterator[Variant]:
    yield Variant("no context", HVM, lambda s: s.without(CONTEXT), NAMES[END])
    yield Variant("empty context", HVM, lambda s: s.put(CONTEXT, b""), NAMES[CONTEXT])
    yield Variant("context again", HVM, lambda s: s.again(CONTEXT), None)
    yield Variant("early context", HVM, lambda s: s.moved(CONTEXT, PAGES).moved(PARAMS, PAGES), None)
    yield Variant("params first", HVM, lambda s: s.moved(PARAMS, CONTEXT), None)
    yield Variant("no param", HVM, lambda s: s.put(PARAMS, bytes(8)), None)
    for length in (0, 7, 16, 32):
        yield Variant(f"params of {length}", HVM, do("put", PARAMS, bytes(length)), NAMES[PARAMS])
    for count in (0, 11, 13, 2**32 - 1):
        yield Variant(f"{count} params", HVM, do("patch", PARAMS, 0, word(count)), NAMES[PARAMS])
    right = [
        (1, 5),
        (4, 5),
        (38, 1),
        (9, 0x1FFF),
        (10, 3),
        (14, 3),
        (19, 1),
        (31, 5),
        (33, 8),
        (36, 8),
        (37, 104 << 32),
    ]
    wrong = [(39, 0), (99, 0), (2**32 + 1, 0), (2**64 - 1, 0), (13, 0), (20, 0), (26, 0), (30, 0), (35, 0), (9, 0)]
    wrong += [(9, 0x2001), (10, 4), (14, 1), (15, 2**32), (19, 2), (31, 6), (33, 65), (36, 1), (37, 103 << 32), (38, 2)]
    for index, value in right + wrong:
        refused = None if (index, value) in right else NAMES[PARAMS]
        one = param(index, value)
        yield Variant(f"param {index}: {value:x}", HVM, do("before", END, one), refused)
    yield Variant("many wrong params", HVM, lambda s: s.before(END, *[param(99, 0)] * 9), NAMES[PARAMS])
    for type, length in {INFO: 8, FRAMES: 16, BASIC: 5176, EXTENDED: 24, XSAVE: 32, MSRS: 24, SHARED: 4096}.items():
        row = [record(type, bytes(length))] * 3
        yield Variant(f"{NAMES[type]} of a PV guest", HVM, do("before", END, row[0]), NAMES[type])
        yield Variant(f"three {NAMES[type]}", HVM, do("before", END, *row), NAMES[type])


def _hvm_context() -> Iterator[Variant]:
    refused = NAMES[CONTEXT]
    yield Variant("magic", HVM3, lambda s: s.state(1, 0, b"\0"), refused)
    yield Variant("version", HVM3, lambda s: s.state(1, 4, b"\2"), refused)
    yield Variant("no HEADER", HVM3, lambda s: s.put(CONTEXT, s.body(CONTEXT)[32:]), refused)
    yield Variant("no END", HVM3, lambda s: s.put(CONTEXT, s.body(CONTEXT)[:-8]), refused)
    yield Variant("cut", HVM3, lambda s: s.put(CONTEXT, s.body(CONTEXT)[:700]), refused)
    yield Variant("octets behind END", HVM3, lambda s: s.put(CONTEXT, s.body(CONTEXT) + bytes(64)), None)
    for code in (21, 128):
        end = struct.pack("<HHIQ", code, 0, 8, 0) + bytes(8)
        yield Variant(f"type {code}", HVM3, do("ended", CONTEXT, end, -8), refused)
    sizes = {2: (1016, 1024, 1032), 5: (16, 20, 24, 32), 3: (8,), 4: (400,), 6: (1024,), 10: (56,), 12: (1048,)}
    for code, lengths in sizes.items():
        for length in {*lengths, min(lengths) - 4, max(lengths) + 8}:
            wrong = None if length in lengths else refused
            yield Variant(f"{length} of {code}", HVM3, do("resized", code, length), wrong)
    cr0, cr3, cr4, dr6, dr7, efer, aux = 656, 672, 680, 720, 728, 992, 1000
    wrong_words = [(cr0, 0x80000010), (cr0, 0x80000001), (cr0, 2**32 | 0x80000011), (cr3, 2**52), (cr4, 2**12)]
    wrong_words += [(cr4, 2**63), (dr6, 2**32), (dr7, 2**40), (efer, 2), (efer, 2**10), (aux, 2**32), (1024, 2)]
    for at, value in wrong_words:
        yield Variant(f"{value:x} at {at}", HVM3, do("state", 2, at, word(value, 8)), refused)
    yield Variant("another CR0", HVM3, lambda s: s.state(2, cr0, word(0xE005003F, 8)), None)
    yield Variant("flags", HVM3, lambda s: s.state(2, 1024, bytes(8)), None)


def _pv() -> Iterator[Variant]:
    for width, levels in ((4, 4), (8, 3), (2, 5), (0, 0), (16, 4)):
        pair = bytes((width, levels)) + bytes(6)
        yield Variant(f"{width}/{levels}", PV, do("put", INFO, pair), NAMES[INFO])
    for length in (0, 2, 7):
        yield Variant(f"info of {length}", PV, do("ended", INFO, b"", length), NAMES[INFO])
    yield Variant("info twice", PV, lambda s: s.again(INFO), NAMES[INFO])
    for at in (FRAMES, TSC):
        yield Variant(f"info before {at}", PV, do("again", INFO, at), NAMES[INFO])
    yield Variant("info four times", PV, lambda s: s.again(INFO, END).again(INFO, END).again(INFO, END), NAMES[INFO])
    yield Variant("no info", PV, lambda s: s.without(INFO), NAMES[FRAMES])
    yield Variant("info behind STATIC_DATA_END", ("PV", "PV 32"), lambda s: s.moved(STATIC, INFO), None)
    yield Variant("frames first", PV, lambda s: s.moved(FRAMES, INFO), NAMES[FRAMES])
    yield Variant("no frames", PV, lambda s: s.without(FRAMES), NAMES[PAGES])
    yield Variant("frames twice", PV, lambda s: s.before(END, s.libxc[s.place(FRAMES)]), None)
    for length in (0, 7, -8):
        yield Variant(f"frames of {length}", PV, do("ended", FRAMES, b"", length), NAMES[FRAMES])
    yield Variant("one frame more", PV, lambda s: s.put(FRAMES, s.body(FRAMES) + bytes(8)), NAMES[FRAMES])
    turned = struct.pack("<IIQ", LAST_PFN + 1, LAST_PFN, 0)
    yield Variant("last before first", PV, lambda s: s.put(FRAMES, turned), NAMES[FRAMES])
    for width, kinds in {8: ("PV 32",), 4: ("PV", "PV version 2")}.items():
        body = struct.pack("<II", 0, LAST_PFN) + word(0x100, 8) * (10 if width == 4 else 20)
        yield Variant(f"frames for {width}", kinds, do("put", FRAMES, body), NAMES[FRAMES])
    for pfn, refused in ((LAST_PFN, None), (LAST_PFN + 1, NAMES[END])):
        yield Variant(f"frame {pfn:x}", PV, do("patch", FRAMES, 16, word(pfn, 8)), refused)
    grown = record(FRAMES, struct.pack("<IIQ", LAST_PFN + 1, LAST_PFN + 2, 0x101))
    for pfn, refused in ((LAST_PFN + 2, None), (LAST_PFN + 3, NAMES[PAGES])):
        one = record(PAGES, pages(pfn))
        yield Variant(f"grown to {pfn:x}", PV, do("before", TSC, grown, one), refused)
    for length in (0, 100, 4095, 4097):
        yield Variant(f"shared info of {length}", PV, do("put", SHARED, bytes(length)), NAMES[SHARED])
    yield Variant("shared info first", PV, lambda s: s.moved(SHARED, INFO), NAMES[SHARED])
    yield Variant("shared info early and twice", PV, lambda s: s.again(SHARED).moved(SHARED, PAGES), None)
    for type, length in {CONTEXT: 64, PARAMS: 8}.items():
        row = [record(type, bytes(length))] * 3
        yield Variant(f"{NAMES[type]} of an HVM guest", PV, do("before", END, row[0]), NAMES[type])
        yield Variant(f"three {NAMES[type]}", PV, do("before", PAGES, *row), NAMES[type])


def _vcpus() -> Iterator[Variant]:
    yield Variant("no vcpu 0", PV, lambda s: s.without(BASIC), NAMES[END])
    yield Variant("vcpu 8192", PV, lambda s: s.patch(BASIC, 0, word(8192)), NAMES[BASIC])
    yield Variant("basic, 8 octets less", PV, do("ended", BASIC, b"", -8), NAMES[BASIC])
    yield Variant("basic, 8 octets more", PV, do("ended", BASIC, bytes(8)), NAMES[BASIC])
    for size, kinds in {5168: ("PV 32",), 2800: ("PV", "PV version 2")}.items():
        yield Variant(f"basic of {size}", kinds, do("put", BASIC, bytes(8 + size)), NAMES[BASIC])
    sizes = {EXTENDED: ((1, 128), (129, 136)), XSAVE: ((16, 17, 576), (1, 8, 15)), MSRS: ((16, 32), (8, 17, 24))}
    for type, (right, wrong) in sizes.items():
        for length in right + wrong:
            refused = NAMES[type] if length in wrong else None
            one = record(type, bytes(8 + length))
            yield Variant(f"{NAMES[type]} of {length}", PV, do("before", END, one), refused)
    for type in (BASIC, EXTENDED, XSAVE, MSRS):
        for length in (0, 7):
            one = record(type, bytes(length))
            yield Variant(f"{NAMES[type]} without header", PV, do("before", END, one), NAMES[type])
        empty, past = record(type, word(9999, 8)), record(type, word(9999, 8) + bytes(32))
        yield Variant(f"{NAMES[type]} of nothing", PV, do("before", END, empty), None)
        yield Variant(f"{NAMES[type]} of no vcpu", PV, do("before", END, past), NAMES[type])


def _vcpu_states() -> Iterator[Variant]:
    """What the hypervisor takes: arch_set_info_guest() of domain.c, arch_do_domctl() of domctl.c."""
    wide: tuple[str, ...] = ("PV", "PV version 2")
    narrow: tuple[str, ...] = ("PV 32",)
    high, low = 2**47, 0xFFFF800000000000 - 1
    addresses = {"rip": 648, "rsp": 672, "trap 255": 4808, "kernel_sp": 4976, "event": 5112, "failsafe": 5120}
    addresses |= {"syscall": 5128, "fs_base": 5144, "gs_base_kernel": 5152, "gs_base_user": 5160}
    fields: list[tuple[tuple[str, ...], str, int, int, int, int]] = []
    fields += [(wide, name, at, value, 8, 1) for name, at in addresses.items() for value in (high, low)]
    fields += [(wide, name, at, high - 1, 8, 0) for name, at in addresses.items()]
    fields += [(wide, f"dr{one}", 5048 + 8 * one, high, 8, 1) for one in range(4)]
    fields += [(wide, f"dr{one}", 5048 + 8 * one, high - 1, 8, 0) for one in range(4)]
    fields += [(wide, f"at {at}", at, value, 8, value >> 32) for at in (5096, 5104) for value in (1, 2**32)]
    fields += [(wide, "ldt_base", 4816, value, 8, value != 4096) for value in (4096, 16, low + 1)]
    fields += [(wide, "ldt_ents", 4824, value, 8, value > 8192) for value in (8192, 8193)]
    fields += [(wide, "vm_assist", 5136, 1 << bit, 8, bit == 6) for bit in (5, 6, 32)]
    fields += [(narrow, "vm_assist", 2796, 1 << bit, 4, bit == 6) for bit in (5, 6)]
    fields += [(narrow, "eflags", 556, 1 << bit, 4, bit == 17) for bit in (9, 17)]
    fields += [(narrow, "ldt_base", 2632, value, 4, value != 4096) for value in (4096, 16)]
    fields += [(narrow, "ldt_ents", 2636, value, 4, value > 8192) for value in (8192, 8193)]
    fields += [(narrow, "gdt_frames", 2640, value, 4, 0) for value in (LAST_PFN + 1,)]
    for kinds, name, at, value, size, is_wrong in fields:
        refused = NAMES[BASIC] if is_wrong else None
        yield Variant(f"{name} {value:x}", kinds, do("patch", BASIC, 8 + at, word(value, size)), refused)
    for kinds, ents, frames, size in ((wide, 4960, 4832, 8), (narrow, 2704, 2640, 4)):
        for frame, refused in ((LAST_PFN, None), (LAST_PFN + 1, NAMES[END])):
            table = {ents: 512, frames: frame}
            yield Variant(f"descriptors in {frame:x}", kinds, do("patches", BASIC, table, size), refused)
    for at, value, size in ((8, 9999, 4), (12, 31, 4), (16, high, 8), (24, low, 8)):
        yield Variant(f"extended {at}", PV, do("patch", EXTENDED, at, word(value, size)), NAMES[EXTENDED])
    area, xcr0 = bytes(512) + word(3, 8) + bytes(56), word(7, 8)
    states = {b"\7": 1, xcr0 * 2: 1, xcr0 * 2 + area: 0, word(1, 8) + xcr0 + area: 0, xcr0 + word(1, 8) + area: 1}
    states |= {word(5, 8) * 2 + area: 1, xcr0 * 2 + area[:520] + word(2**63, 8) + area[528:]: 1}
    states |= {xcr0 * 2 + area[:512] + word(8, 8) + area[520:]: 1, xcr0 * 2 + area[:-1] + b"\1": 1}
    for number, (state, is_wrong) in enumerate(states.items()):
        whole = record(XSAVE, bytes(8) + state.ljust(16, b"\0"))
        yield Variant(f"XSAVE {number}", PV, do("before", END, whole), NAMES[XSAVE] if is_wrong else None)
    lists = {msr(0x48, 0, 2**40): 0, msr(0xC0000103, 0, 2**32 - 1): 0, msr(0xC0000103, 0, 2**32): 1, msr(0x10): 1}
    lists |= {msr(0x48, 1): 1, msr(0x48) + msr(0xC0011019, 0, 5): 0, msr(0x48, 0, 1) * 8: 1}
    for number, (state, is_wrong) in enumerate(lists.items()):
        listed = record(MSRS, bytes(8) + state)
        yield Variant(f"registers of a vcpu {number}", PV, do("before", END, listed), NAMES[MSRS] if is_wrong else None)


def libxl_variants() -> Iterator[Variant]:
    """Rows of what libxl reads."""
    for type in (7, 9, 0x12, 0x40, 2**31, 2**31 + 6, 2**32 - 1):
        for at in (0, -1):
            one = record(type, b"abc")
            yield Variant(f"libxl {type:x} at {at}", ALL, do("tail", one, at=at), any_name(type))
    for name, type in {"CHECKPOINT_END": 4, "CHECKPOINT_STATE": 5, "LIBXC_CONTEXT": 1}.items():
        body = bytes(8 if type == 5 else 0)
        row = [record(type, body)] * 3
        yield Variant(f"{name}", ALL, do("tail", row[0]), name)
        yield Variant(f"{name} last", ALL, do("tail", row[0], at=-1), name)
        yield Variant(f"three {name}", ALL, do("tail", *row), name)
    yield from _emulator()


def any_name(type: int) -> str:
    return f"UNKNOWN_0x{type:08x}"


def _emulator() -> Iterator[Variant]:
    xenstore, context = "EMULATOR_XENSTORE_DATA", "EMULATOR_CONTEXT"
    head = struct.pack("<II", 2, 0)
    for length in (0, 7):
        for name, type in {xenstore: 2, context: 3}.items():
            one = record(type, bytes(length))
            yield Variant(f"{name} of {length}", ("HVM",), do("tail", one), name)
    keys = {b"abc": 0, b"abc\0def": 0, b"abc\0": 0, b"\0x\0": 0, b"/abc\0x\0": 0, b"a\0b\0/c\0d\0": 0}
    keys |= {b"": 1, b"a\0\0": 1, b"a\0b\0c/d/e\0f\0g\0\0": 1, b"a\0/b\0": 1}
    for octets, right in keys.items():
        one = record(2, head + octets)
        yield Variant(f"keys {octets!r}", ("HVM",), do("tail", one), None if right else xenstore)
        yield Variant(f"three {octets!r}", ("HVM",), do("tail", one, one, one), None if right else xenstore)
    for name, type in {xenstore: 2, context: 3}.items():
        one = record(type, head + b"a\0b\0")
        yield Variant(f"{name} of a PV guest", PV, do("tail", one), name)
        yield Variant(f"{name} twice", ("HVM",), do("tail", one), None)


def xl_variants() -> Iterator[Variant]:
    """Rows of what xl reads, and of what depends on the guest's configuration."""
    refused = "xl header"
    for order in (0, 0x04030201):
        yield Variant(f"order {order:x}", ALL, do("configured", order=order), refused)
    for flags in (7, 2**31 + 3):
        yield Variant(f"flags {flags:x}", ALL, do("configured", mandatory=flags), refused)
    yield Variant("legacy", ALL, do("configured", mandatory=1), refused)
    yield Variant("optional flags", ALL, do("configured", optional=2**32 - 1), None)
    for text in (b"Dear reader\0", b"[]\0", b'{"c_info": {\0', b'{"c_info": {"type": "arm"}}\0'):
        yield Variant(f"configuration {text!r}", ALL, do("configured", text), refused)
    for more in (1, 2**31):
        yield Variant(f"{more} too long", ALL, do("configured", longer=more), refused)
    yield Variant("octets behind it", ALL, lambda s: s.configured(s.text + bytes(9), longer=-9), None)
    for name, kinds in {"pv": HVM, "hvm": PV, "pvh": PV}.items():
        text = b'{"c_info": {"type": "%s"}}\0' % name.encode()
        yield Variant(f"configured as {name}", kinds, do("configured", text), "domain header")
    yield Variant("no device model's state", ("HVM",), lambda s: s._replace(libxl=s.libxl[-1:]), "END")
    yield Variant("vcpu 1 of 1", PV, lambda s: s.before(END, record(MSRS, word(1, 8) + bytes(16))), NAMES[MSRS])
    for code in (2, 5, 6):
        yield Variant(f"instance 1 of {code}", HVM3, do("of_vcpu_1", code), NAMES[CONTEXT])
