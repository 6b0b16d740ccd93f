"""Every rule: broken by something built or captured, alone and where it should be, and kept by what is near.

A finding of severity error or warning counts as one, a note does not: a legal migration may have notes.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest
import talks
from conftest import Case, captures
from conversation import (
    START,
    STEP,
    Packet,
    Packets,
    Verdict,
    Wire,
    before,
    behind,
    index_of,
    instead,
    judge,
    judge_all,
    judge_file,
    judge_octets,
    moved,
    packets,
    patched,
    pcap,
    without,
)
from seen import unpacked
from streams import entry, filling, pages, record, xl_stream
from talks import Item, Speaker, Talk, managed_save, octets_of, text

from dissector.events import FORWARD, REVERSE, Direction
from dissector.protocol import BODY_LENGTH_MAX, INTS, PLACES, RECORDS, Endianness, State, states
from dissector.rules import RULES, contents, custody, hvm_state, order, pv_state, verify
from dissector.rules.verdict import verdict as conclusion

V2, V3, PV2, PV3 = Speaker(2), Speaker(3), Speaker(2, guest="x86 PV"), Speaker(3, guest="x86 PV")
PFN = 0x200
"""The first of the pfns that talks.postcopy announces."""


# Items and talks


def raw(octets: bytes, direction: Direction = FORWARD, name: str = "raw", layer: Any = "libxc") -> Item:
    return Item(direction, layer, name, octets)


def listed(name: str, entries: Iterable[int], direction: Direction = FORWARD, **said: int) -> Item:
    """A pages record, with contents if it carries any."""
    listed = list(entries)
    contents = filling(listed) if name.endswith("PAGE_DATA") else b""
    return raw(record(name, pages(listed, contents, count=said.get("count"))), direction, name)


def fault(*pfns: int) -> Item:
    return listed("POSTCOPY_FAULT", pfns, REVERSE)


def complete() -> Item:
    return V2.record("POSTCOPY_COMPLETE", direction=REVERSE)


def postcopy(*sent: Item) -> Talk:
    """A postcopy migration that announces eight pfns from PFN on; `sent` is its postcopy phase."""
    talk = talks.postcopy(V2)
    talk = instead(talk, "POSTCOPY_PFNS", listed("POSTCOPY_PFNS", range(PFN, PFN + 8)))
    begin, end = index_of(talk, "POSTCOPY_TRANSITION_END") + 1, index_of(talk, "END")
    return [*talk[:begin], *sent, *talk[end:]]


def eight(skip: Iterable[int] = ()) -> Item:
    return listed("POSTCOPY_PAGE_DATA", [pfn for pfn in range(PFN, PFN + 8) if pfn not in skip])


def pushed(*more: Item) -> Talk:
    """All pages at once, then `more`, then POSTCOPY_COMPLETE."""
    return postcopy(eight(), *more, complete())


def pv(speaker: Speaker = PV3) -> Talk:
    """A live migration of a PV guest under xl."""
    number = speaker.number
    static = [speaker.record("STATIC_DATA_END")] if speaker.version == 3 else []
    inside = [
        *speaker.libxc_headers(),
        speaker.record("X86_PV_INFO", bytes((8, 4)) + bytes(6)),
        *static,
        speaker.record("X86_PV_P2M_FRAMES", number(0, 1023) + number(7, 8, size=8)),
        *talks.memory(speaker, 2),
        speaker.record("X86_TSC_INFO" if static else "TSC_INFO", number(0, 2_000_000, 7, 0, 0, 0)),
        speaker.record("SHARED_INFO", bytes(4096)),
        speaker.record("X86_PV_VCPU_BASIC", number(0, 0) + bytes(5168)),
        speaker.record("X86_PV_VCPU_EXTENDED", number(0, 0) + bytes(64)),
        speaker.record("END"),
    ]
    return talks.in_xl(speaker, [*inside, speaker.libxl("END")])


def remus(speaker: Speaker = V3, checkpoints: int = 3) -> Talk:
    """A checkpointed stream, in version 2 without what only version 3 has."""
    talk = talks.remus(speaker, checkpoints)
    return talk if speaker.version == 3 else without(talk, "STATIC_DATA_END")


def bare_remus() -> Talk:
    """A checkpointed libxc stream with no libxl stream around it."""
    one = [*talks.memory(V3, 2), *V3.context(), V3.record("CHECKPOINT")]
    return [*V3.libxc_headers(), V3.record("STATIC_DATA_END"), *one, *one]


def colo(state_length: int = 8) -> Talk:
    """COLO, up to where both sides have gone on after a checkpoint."""
    talk = talks.colo(state_length=state_length)
    return talk[: index_of(talk, "CHECKPOINT_STATE", 5) + 1]


def failed_start() -> Talk:
    """The destination could not start the guest and gives it back."""
    closing = [text("ready"), text("go"), text("report", b"\3"), text("go")._replace(direction=REVERSE)]
    return [*talks.precopy()[:-3], *closing]


def legacy() -> Talk:
    """A save header that says that a stream of Xen 4.5 follows, and the beginning of one."""
    header = xl_stream(b"")
    return [raw(header[:36] + b"\1\0\0\0" + header[40:] + bytes(range(200)), layer="xl", name="xl header")]


PRECOPY, POSTCOPY = talks.precopy(), talks.postcopy()
PRECOPY2 = talks.precopy(V2)


# Changes to what was captured


Edit = Callable[[Packets], Packets]


def offset_of(talk: Talk, name: str, number: int = 0) -> int:
    """Where an item is in its direction."""
    index = index_of(talk, name, number)
    return sum(len(item.octets) for item in talk[:index] if item.direction == talk[index].direction)


def carries(packet: Packet, direction: Direction, offset: int) -> bool:
    return packet.direction == direction and packet.offset <= offset < packet.offset + len(packet.payload)


def dropped(direction: Direction, offset: int) -> Edit:
    """Without the packet that carries an octet."""
    return lambda sent: [one for one in sent if not carries(one, direction, offset)]


def retransmitted(more: int) -> Edit:
    """The first large packet comes again, with one octet larger by so much."""

    def edit(sent: Packets) -> Packets:
        at = next(at for at, one in enumerate(sent) if one.direction == FORWARD and len(one.payload) > 99)
        payload = bytearray(sent[at].payload)
        payload[50] = (payload[50] + more) % 256
        return [*sent[: at + 1], sent[at]._replace(payload=bytes(payload)), *sent[at + 1 :]]

    return edit


def repeated(times: int, later: int = 0) -> Edit:
    """Every packet is captured so many times, so many packets later each time."""

    def edit(sent: Packets) -> Packets:
        copies = [(at + later * time, time, one) for at, one in enumerate(sent) for time in range(times)]
        return [one for _, _, one in sorted(copies, key=lambda copy: copy[:2])]

    return edit


def in_vain(last: int, times: int, is_heard: bool = False) -> Edit:
    """The link dies before the acknowledgement of the forward packet from this one on: that comes so many times more.
    `is_heard`: the other side is heard in between."""

    def edit(sent: Packets) -> Packets:
        at = next(at for at, one in enumerate(sent) if at >= last and one.direction == FORWARD and one.payload)
        answer = next(one for one in reversed(sent[:at]) if one.direction == REVERSE)._replace(payload=b"")
        return [*sent[: at + 1], *([sent[at], answer] if is_heard else [sent[at]]) * times]

    return edit


def from_packet(first: int) -> Edit:
    return lambda sent: sent[first:]


def swapped(talk: Talk, name: str, other: str) -> Edit:
    """The packet with one item is captured before that with another, though it came later."""

    def edit(sent: Packets) -> Packets:
        late, early = (
            next(
                at
                for at, one in enumerate(sent)
                if carries(one, talk[index_of(talk, wanted)].direction, offset_of(talk, wanted))
            )
            for wanted in (name, other)
        )
        rest = sent[:late] + sent[late + 1 :]
        return [*rest[:early], sent[late], *rest[early:]]

    return edit


# What breaks each rule, alone. A talk is captured in full; a Wire says otherwise.

Builds = tuple[Talk | Wire, ...]


class Both(NamedTuple):
    """What breaks a rule, each with exactly one finding and no other; and what is near and does not."""

    breaking: Builds
    legal: Builds


POSTCOPY_FAULTED = postcopy(fault(PFN + 3), eight(), complete())
TWO = (
    listed("POSTCOPY_PAGE_DATA", range(PFN, PFN + 4)),
    listed("POSTCOPY_PAGE_DATA", range(PFN + 4, PFN + 8)),
)
MSRS = V3.record("X86_MSR_POLICY", V3.number(0xCE, 0) + bytes(8))
CPUID = V3.record("X86_CPUID_POLICY", V3.number(0, 2**32 - 1, 1, 0, 0, 0, 1, 2**32 - 1, 0, 0, 0, 0))
OPTIONAL = 0x80000042
CUT = talks.precopy()[: index_of(PRECOPY, "PAGE_DATA", 3)]
TOO_LONG = raw(record("PAGE_DATA", b"", length=BODY_LENGTH_MAX + 1))
LONGEST = raw(record("PAGE_DATA", b"", length=BODY_LENGTH_MAX))
DIRTY = V3.record("CHECKPOINT_DIRTY_PFN_LIST", bytes(16))
PAGE_TYPED = (entry(PFN), entry(PFN + 1, 4), entry(PFN + 2, 9))
CHECKED = remus(checkpoints=2)
IMAGE = talks.xenops()
LIBXL = talks.libxl(V3)
IN_A_PAGE = dropped(FORWARD, offset_of(PRECOPY, "PAGE_DATA", 2) + 5000)
NOTHING_LEFT = without(without(pushed(), "POSTCOPY_PFNS"), "POSTCOPY_PAGE_DATA")
TRAILING = raw(b"\xff\xfe\xfd\xfc" * 5, layer=None)

TABLE: dict[str, Both] = {
    "bad-image-header": Both(
        (
            patched(PRECOPY, "image header", 12, b"\0\0\0\4"),
            patched(PRECOPY, "image header", 3, b"\0"),
            patched(PRECOPY, "image header", 8, b"xenf"),
        ),
        (PRECOPY, PRECOPY2),
    ),
    "bad-domain-header": Both(
        (
            patched(PRECOPY, "domain header", 0, b"\0"),
            patched(PRECOPY, "domain header", 4, b"\x0d"),
            talks.precopy(Speaker(page_shift=13)),
        ),
        (pv(), PRECOPY),
    ),
    "bad-libxl-header": Both(
        (
            patched(PRECOPY, "libxl header", 8, b"\0\0\0\1"),
            patched(PRECOPY, "libxl header", 0, b"libxl"),
        ),
        (PRECOPY,),
    ),
    "bad-libvirt-header": Both(
        (patched(managed_save(), "libvirt header", 16, b"\3"), patched(managed_save(), "libvirt header", 19, b"\x80")),
        (managed_save(),),
    ),
    "bad-xl-header": Both(
        (patched(PRECOPY, "xl header", 32, b"\1\1\1\1"), patched(PRECOPY, "xl header", 36, b"\7")),
        (PRECOPY, patched(PRECOPY, "xl header", 36, b"\3")),
    ),
    "reserved-bits-set": Both(
        (
            patched(PRECOPY, "image header", 17, b"\2"),
            patched(PRECOPY, "domain header", 6, b"\1"),
            patched(PRECOPY, "xl header", 40, b"\1"),
            patched(PRECOPY, "libxl header", 15, b"\4"),
            patched(PRECOPY, "PAGE_DATA", 12, b"\1"),
            patched(PRECOPY, "PAGE_DATA", 16 + 6, b"\x10"),
            patched(PRECOPY, "HVM_PARAMS", 12, b"\1"),
            patched(PRECOPY, "X86_TSC_INFO", 8 + 20, b"\1"),
            patched(pv(), "X86_PV_INFO", 8 + 2, b"\1"),
            patched(pv(), "X86_PV_VCPU_BASIC", 8 + 4, b"\1"),
            patched(POSTCOPY_FAULTED, "POSTCOPY_FAULT", 16 + 6, b"\x80"),
        ),
        (PRECOPY,),
    ),
    "nonzero-padding": Both(
        (
            instead(
                PRECOPY,
                "EMULATOR_CONTEXT",
                raw(record("EMULATOR_CONTEXT", bytes(12), "libxl", padding=b"\0\0\0\1")),
            ),
            behind(PRECOPY, "STATIC_DATA_END", raw(record(OPTIONAL, b"1", padding=b"\0" * 6 + b"!"))),
            behind(PRECOPY, "PAGE_DATA", raw(record(0x80000042, bytes(13), padding=b"\0!\0"))),
        ),
        (
            instead(PRECOPY, "EMULATOR_CONTEXT", raw(record("EMULATOR_CONTEXT", bytes(12), "libxl"))),
            behind(PRECOPY, "STATIC_DATA_END", raw(record(OPTIONAL, b"1"))),
        ),
    ),
    "record-too-long": Both(
        (before(PRECOPY, "PAGE_DATA", TOO_LONG, number=2), Wire([*CUT, TOO_LONG])),
        (Wire([*CUT, LONGEST], close=""),),
    ),
    "body-length-mismatch": Both(
        (
            instead(PRECOPY, "PAGE_DATA", raw(record("PAGE_DATA", pages([PFN], bytes(4096 + 8))))),
            instead(PRECOPY, "PAGE_DATA", raw(record("PAGE_DATA", pages([PFN, PFN + 1], bytes(4096))))),
            instead(PRECOPY, "PAGE_DATA", raw(record("PAGE_DATA", bytes(4)))),
            behind(POSTCOPY, "POSTCOPY_PFNS", raw(record("POSTCOPY_PFNS", pages([PFN + 99], bytes(8))))),
            instead(PRECOPY, "X86_TSC_INFO", raw(record("X86_TSC_INFO", bytes(32)))),
            instead(PRECOPY, "HVM_PARAMS", raw(record("HVM_PARAMS", b"\2" + bytes(7 + 16)))),
            instead(PRECOPY, "HVM_PARAMS", raw(record("HVM_PARAMS", b"\1" + bytes(7 + 24)))),
            instead(PRECOPY2, "HVM_CONTEXT", raw(record("HVM_CONTEXT", bytes(4)))),
            instead(PRECOPY, "EMULATOR_CONTEXT", raw(record("EMULATOR_CONTEXT", bytes(4), "libxl"))),
            instead(pv(), "SHARED_INFO", raw(record("SHARED_INFO", bytes(4088)))),
            instead(pv(), "X86_PV_VCPU_BASIC", raw(record("X86_PV_VCPU_BASIC", bytes(4)))),
            instead(pv(), "X86_PV_P2M_FRAMES", raw(record("X86_PV_P2M_FRAMES", V3.number(0, 1023) + bytes(24)))),
            behind(PRECOPY, "domain header", raw(record("X86_MSR_POLICY", bytes(20)))),
        ),
        (
            PRECOPY,
            pv(),
            instead(PRECOPY, "HVM_PARAMS", raw(record("HVM_PARAMS", bytes(8)))),
            instead(PRECOPY, "EMULATOR_CONTEXT", raw(record("EMULATOR_CONTEXT", bytes(8), "libxl"))),
        ),
    ),
    "nonempty-signal": Both(
        (
            instead(POSTCOPY, "POSTCOPY_BEGIN", V2.record("POSTCOPY_BEGIN", bytes(8))),
            instead(POSTCOPY, "POSTCOPY_COMPLETE", V2.record("POSTCOPY_COMPLETE", bytes(3), direction=REVERSE)),
            instead(POSTCOPY, "POSTCOPY_TRANSITION_END", V2.libxl("POSTCOPY_TRANSITION_END", bytes(8))),
            instead(PRECOPY, "STATIC_DATA_END", V3.record("STATIC_DATA_END", bytes(8))),
            instead(PRECOPY, "END", V3.libxl("END", bytes(1)), number=1),
            instead(CHECKED, "CHECKPOINT", V3.record("CHECKPOINT", bytes(8))),
        ),
        (POSTCOPY, PRECOPY, CHECKED),
    ),
    "empty-pages-record": Both(
        (
            before(PRECOPY, "PAGE_DATA", listed("PAGE_DATA", [])),
            behind(POSTCOPY, "POSTCOPY_PFNS", listed("POSTCOPY_PFNS", [])),
            before(POSTCOPY, "POSTCOPY_PAGE_DATA", listed("POSTCOPY_PAGE_DATA", [])),
            before(POSTCOPY, "POSTCOPY_FAULT", fault()),
        ),
        (postcopy(eight(), complete()), NOTHING_LEFT),
    ),
    "reserved-page-type": Both(
        tuple(instead(PRECOPY, "PAGE_DATA", listed("PAGE_DATA", [entry(PFN, kind)])) for kind in range(5, 9)),
        (instead(PRECOPY, "PAGE_DATA", listed("PAGE_DATA", PAGE_TYPED)),),
    ),
    "unknown-mandatory-record": Both(
        (
            before(PRECOPY, "X86_TSC_INFO", raw(record(0x40, b"what"))),
            before(POSTCOPY, "POSTCOPY_PAGE_DATA", raw(record(0x40, b"what")), number=1),
            before(POSTCOPY, "POSTCOPY_FAULT", raw(record(0x40, b"what"), REVERSE)),
            before(PRECOPY, "PAGE_DATA", raw(record(0x13))),
        ),
        (before(PRECOPY, "X86_TSC_INFO", raw(record(0x80000040, b"what"))),),
    ),
    "unknown-optional-record": Both(
        (
            before(PRECOPY, "X86_TSC_INFO", raw(record(0x80000040, b"what"))),
            before(POSTCOPY, "POSTCOPY_BEGIN", raw(record(0x80000040, b"what"))),
        ),
        (PRECOPY2, POSTCOPY),
    ),
    "legacy-stream": Both(
        (
            Wire(legacy()),
            Wire(legacy(), as_file=True),
            [*IMAGE[:2], V3.record("LIBXC_LEGACY", layer="xenops"), raw(bytes(99))],
            Wire([*PRECOPY[:4], raw(bytes(4096))]),
        ),
        (PRECOPY, IMAGE),
    ),
    "truncated-stream": Both(
        (
            [*CUT, raw(PRECOPY[len(CUT)].octets[:5000])],
            Wire(CUT, close="rst"),
            Wire(without(PRECOPY, "END", -1)[:-3], as_file=True),
            Wire(CHECKED[:-2]),
            Wire([*CHECKED[:-4], raw(CHECKED[-4].octets[:5])], as_file=True),
            bare_remus()[:-1],
            postcopy(eight(), complete())[: index_of(pushed(), "END")],
            IMAGE[:-1],
        ),
        (
            PRECOPY,
            Wire(PRECOPY[:-3], as_file=True),
            Wire(CUT, close=""),
            CHECKED,
            Wire(CHECKED, as_file=True),
            bare_remus(),
            IMAGE,
        ),
    ),
    "data-after-end": Both(
        (
            [*PRECOPY, TRAILING],
            Wire([*PRECOPY[:-3], TRAILING], as_file=True),
            [*talks.libxl(V3), TRAILING],
        ),
        (PRECOPY, Wire([*PRECOPY[:-3], text("go")], as_file=True)),
    ),
    "wrong-direction": Both(
        (
            before(POSTCOPY, "POSTCOPY_PAGE_DATA", fault(PFN + 9)._replace(direction=FORWARD), number=1),
            before(POSTCOPY, "POSTCOPY_FAULT", listed("PAGE_DATA", [PFN], REVERSE)),
            before(PRECOPY2, "TSC_INFO", complete()._replace(direction=FORWARD)),
            before(PRECOPY, "X86_TSC_INFO", DIRTY),
            before(POSTCOPY, "POSTCOPY_COMPLETE", V2.record("POSTCOPY_BEGIN", direction=REVERSE)),
        ),
        (POSTCOPY, colo()),
    ),
    "unexpected-record": Both(
        (
            moved(pv(PV2), "X86_PV_P2M_FRAMES", "X86_PV_INFO"),
            without(pv(PV2), "X86_PV_INFO"),
            behind(POSTCOPY, "POSTCOPY_PFNS", V2.record("POSTCOPY_PFNS_BEGIN")),
            behind(POSTCOPY, "POSTCOPY_PAGE_DATA", V2.record("VERIFY")),
            before(PRECOPY, "LIBXC_CONTEXT", V3.libxl("EMULATOR_CONTEXT", bytes(8))),
        ),
        (
            pv(PV2),
            pv(),
            behind(PRECOPY, "PAGE_DATA", V3.record("VERIFY"), number=-1),
            behind(PRECOPY, "HVM_CONTEXT", V3.record("VERIFY")),
            behind(PRECOPY, "PAGE_DATA", MSRS),
            moved(PRECOPY, "X86_TSC_INFO", "PAGE_DATA"),
            moved(PRECOPY, "PAGE_DATA", "HVM_PARAMS"),
        ),
    ),
    "missing-static-data-end": Both(
        (
            without(PRECOPY, "STATIC_DATA_END"),
            moved(PRECOPY, "PAGE_DATA", "STATIC_DATA_END"),
            instead(without(PRECOPY, "STATIC_DATA_END"), "PAGE_DATA", CPUID),
            without(pv(), "STATIC_DATA_END"),
        ),
        (PRECOPY, before(before(PRECOPY, "STATIC_DATA_END", CPUID), "STATIC_DATA_END", MSRS), PRECOPY2),
    ),
    "duplicate-static-data-end": Both(
        (
            behind(PRECOPY, "STATIC_DATA_END", V3.record("STATIC_DATA_END")),
            before(PRECOPY, "X86_TSC_INFO", V3.record("STATIC_DATA_END")),
            behind(PRECOPY, "HVM_CONTEXT", V3.record("STATIC_DATA_END")),
        ),
        (PRECOPY, CHECKED),
    ),
    "static-data-in-v2": Both(
        (
            behind(PRECOPY2, "domain header", CPUID),
            behind(PRECOPY2, "domain header", MSRS),
        ),
        (behind(PRECOPY, "domain header", CPUID), POSTCOPY),
    ),
    "hvm-params-after-context": Both(
        (PRECOPY, remus()),
        (moved(PRECOPY, "HVM_PARAMS", "HVM_CONTEXT"), PRECOPY2),
    ),
    "pv-record-in-hvm": Both(
        (
            before(PRECOPY, "X86_TSC_INFO", V3.record("SHARED_INFO", bytes(4096))),
            before(PRECOPY, "STATIC_DATA_END", V3.record("X86_PV_INFO", bytes((8, 4)) + bytes(6))),
            before(PRECOPY, "X86_TSC_INFO", V3.record("X86_PV_VCPU_MSRS", bytes(24))),
        ),
        (PRECOPY, pv()),
    ),
    "hvm-record-in-pv": Both(
        (
            behind(pv(), "SHARED_INFO", PRECOPY[index_of(PRECOPY, "HVM_PARAMS")]),
            behind(pv(PV2), "TSC_INFO", PRECOPY[index_of(PRECOPY, "HVM_CONTEXT")]),
        ),
        (PRECOPY, pv()),
    ),
    "checkpoint-end-unexpected": Both(
        (
            before(PRECOPY, "END", V3.libxl("CHECKPOINT_END"), number=1),
            before(POSTCOPY, "POSTCOPY_TRANSITION_END", V2.libxl("CHECKPOINT_END")),
        ),
        (CHECKED, PRECOPY),
    ),
    "postcopy-begin-repeated": Both(
        (
            behind(POSTCOPY, "POSTCOPY_BEGIN", V2.record("POSTCOPY_BEGIN")),
            behind(POSTCOPY, "POSTCOPY_PFNS", V2.record("POSTCOPY_BEGIN")),
        ),
        (POSTCOPY,),
    ),
    "postcopy-begin-missing": Both(
        (
            without(POSTCOPY, "POSTCOPY_BEGIN"),
            without(without(POSTCOPY, "POSTCOPY_BEGIN"), "POSTCOPY_PFNS_BEGIN"),
        ),
        (POSTCOPY,),
    ),
    "postcopy-transition-missing": Both(
        (without(POSTCOPY, "POSTCOPY_TRANSITION"), without(POSTCOPY, "POSTCOPY_TRANSITION_END")),
        (POSTCOPY, talks.postcopy(wrapped=False)),
    ),
    "postcopy-context-missing": Both(
        (
            *(without(POSTCOPY, name) for name in ("TSC_INFO", "HVM_CONTEXT", "HVM_PARAMS")),
            behind(POSTCOPY, "POSTCOPY_BEGIN", V2.record("VERIFY")),
            behind(POSTCOPY, "HVM_CONTEXT", V2.record("VERIFY")),
        ),
        (POSTCOPY, moved(POSTCOPY, "HVM_PARAMS", "HVM_CONTEXT")),
    ),
    "postcopy-page-data-before-transition": Both(
        (
            moved(POSTCOPY, "POSTCOPY_PAGE_DATA", "POSTCOPY_TRANSITION"),
            moved(talks.postcopy(wrapped=False), "POSTCOPY_PAGE_DATA", "POSTCOPY_TRANSITION"),
            without(talks.postcopy(wrapped=False), "POSTCOPY_TRANSITION"),
        ),
        (POSTCOPY, talks.postcopy(wrapped=False)),
    ),
    "page-data-after-postcopy-begin": Both(
        (
            behind(POSTCOPY, "POSTCOPY_BEGIN", listed("PAGE_DATA", [PFN + 99])),
            behind(POSTCOPY, "POSTCOPY_PFNS", listed("PAGE_DATA", [PFN + 99])),
            before(POSTCOPY, "POSTCOPY_PAGE_DATA", listed("PAGE_DATA", [PFN + 99]), number=1),
        ),
        (before(POSTCOPY, "POSTCOPY_BEGIN", listed("PAGE_DATA", [PFN + 99])),),
    ),
    "postcopy-pfns-before-begin": Both(
        (
            without(POSTCOPY, "POSTCOPY_PFNS_BEGIN"),
            moved(POSTCOPY, "POSTCOPY_PFNS", "POSTCOPY_PFNS_BEGIN"),
            without(without(without(pushed(), "POSTCOPY_PFNS_BEGIN"), "POSTCOPY_PFNS"), "POSTCOPY_PAGE_DATA"),
        ),
        (POSTCOPY, NOTHING_LEFT),
    ),
    "postcopy-fault-before-transition": Both(
        (
            moved(POSTCOPY, "POSTCOPY_FAULT", "POSTCOPY_TRANSITION"),
            moved(POSTCOPY, "POSTCOPY_FAULT", "POSTCOPY_TRANSITION_END"),
            moved(POSTCOPY, "POSTCOPY_FAULT", "POSTCOPY_PFNS"),
            moved(POSTCOPY, "POSTCOPY_FAULT", "POSTCOPY_BEGIN"),
            moved(talks.postcopy(wrapped=False), "POSTCOPY_FAULT", "POSTCOPY_TRANSITION"),
        ),
        (
            moved(POSTCOPY, "POSTCOPY_FAULT", "POSTCOPY_PAGE_DATA"),
            Wire(POSTCOPY, edit=swapped(POSTCOPY, "POSTCOPY_FAULT", "POSTCOPY_TRANSITION_END")),
        ),
    ),
    "postcopy-complete-missing": Both(
        (
            without(POSTCOPY, "POSTCOPY_COMPLETE"),
            Wire(POSTCOPY, unseen={index_of(POSTCOPY, "END"): 8}),
        ),
        (
            POSTCOPY,
            Wire(without(POSTCOPY, "POSTCOPY_COMPLETE")[: index_of(POSTCOPY, "END") - 1], close=""),
            Wire(POSTCOPY, edit=swapped(POSTCOPY, "END", "POSTCOPY_COMPLETE")),
        ),
    ),
    "postcopy-complete-unexpected": Both(
        (
            behind(POSTCOPY, "POSTCOPY_COMPLETE", complete()),
            before(PRECOPY2, "TSC_INFO", complete()),
            before(PRECOPY2, "ready", complete()),
            before(POSTCOPY, "POSTCOPY_TRANSITION", complete())[: index_of(POSTCOPY, "POSTCOPY_COMPLETE") + 1]
            + POSTCOPY[index_of(POSTCOPY, "POSTCOPY_COMPLETE") :],
        ),
        (POSTCOPY, NOTHING_LEFT),
    ),
    "postcopy-pfn-announced-twice": Both(
        (
            instead(pushed(), "POSTCOPY_PFNS", listed("POSTCOPY_PFNS", [*range(PFN, PFN + 8), PFN])),
            behind(pushed(), "POSTCOPY_PFNS", listed("POSTCOPY_PFNS", [PFN + 7])),
        ),
        (
            pushed(),
            behind(pushed(), "POSTCOPY_PFNS", listed("POSTCOPY_PFNS", [entry(PFN, kind) for kind in (0xD, 0xF)])),
        ),
    ),
    "postcopy-page-not-announced": Both(
        (
            postcopy(eight(), listed("POSTCOPY_PAGE_DATA", [PFN + 8]), complete()),
            postcopy(listed("POSTCOPY_PAGE_DATA", range(PFN, PFN + 9)), complete()),
        ),
        (pushed(),),
    ),
    "postcopy-page-type": Both(
        tuple(
            postcopy(eight(), listed("POSTCOPY_PAGE_DATA", [entry(PFN, kind)]), complete()) for kind in (0xD, 0xE, 0xF)
        ),
        (pushed(),),
    ),
    "postcopy-page-repeated": Both(
        (
            postcopy(eight(), listed("POSTCOPY_PAGE_DATA", [PFN + 5]), complete()),
            postcopy(listed("POSTCOPY_PAGE_DATA", [*range(PFN, PFN + 8), PFN]), complete()),
        ),
        (pushed(), postcopy(*TWO, complete())),
    ),
    "postcopy-fault-not-announced": Both(
        (postcopy(fault(PFN + 8), eight(), complete()), postcopy(fault(PFN - 1), *TWO, complete())),
        (POSTCOPY_FAULTED,),
    ),
    "postcopy-fault-repeated": Both(
        (
            postcopy(fault(PFN + 1), fault(PFN + 1), eight(), complete()),
            postcopy(fault(PFN + 1, PFN + 1), eight(), complete()),
            postcopy(fault(PFN + 1), eight(), fault(PFN + 1), complete()),
        ),
        (postcopy(fault(PFN + 1), fault(PFN + 2), eight(), complete()),),
    ),
    "postcopy-fault-after-page": Both(
        (postcopy(eight(), fault(PFN + 3), complete()),),
        (
            POSTCOPY_FAULTED,
            Wire(
                postcopy(eight(), fault(PFN + 3), complete()),
                unseen={index_of(postcopy(eight(), fault(PFN)), "POSTCOPY_FAULT"): 8},
            ),
        ),
    ),
    "postcopy-fault-after-complete": Both(
        (
            postcopy(eight(), complete(), fault(PFN + 2)),
            postcopy(eight([PFN + 2]), complete(), fault(PFN + 2)),
        ),
        (postcopy(eight(), fault(PFN + 2), complete()),),
    ),
    "postcopy-fault-has-type": Both(
        (
            postcopy(fault(entry(PFN, 0xF)), eight(), complete()),
            postcopy(fault(entry(PFN, 5)), eight(), complete()),
        ),
        (POSTCOPY_FAULTED,),
    ),
    "postcopy-fault-unanswered": Both(
        (postcopy(fault(PFN + 2), eight([PFN + 2]), complete()),),
        (POSTCOPY_FAULTED, Wire(postcopy(fault(PFN + 2))[: index_of(postcopy(fault(PFN)), "END")], close="")),
    ),
    "postcopy-pages-dropped": Both(
        (postcopy(eight([PFN + 2]), complete()), postcopy(complete())),
        (pushed(),),
    ),
    "postcopy-complete-race": Both(
        (
            postcopy(TWO[0], complete(), TWO[1]),
            Wire(pushed(), unseen={index_of(pushed(), "POSTCOPY_COMPLETE"): 100}),
        ),
        (pushed(), postcopy(TWO[0], complete())),
    ),
    "postcopy-optional-record": Both(
        (
            before(POSTCOPY, "POSTCOPY_PAGE_DATA", raw(record(0x80000040, b"what")), number=1),
            before(POSTCOPY, "POSTCOPY_FAULT", raw(record(0x80000040, b"what"), REVERSE)),
        ),
        (before(POSTCOPY, "POSTCOPY_BEGIN", raw(record(0x80000040, b"what"))),),
    ),
    "xl-handshake": Both(
        (
            instead(PRECOPY, "ready", raw(b"domain received, not ready at all\0", REVERSE)),
            instead(PRECOPY, "go", raw(b"the domain is all yours\0")),
            instead(POSTCOPY, "postcopy sync", raw(b"postcopy migration failed, alas\0", REVERSE)),
            [*PRECOPY, text("go")._replace(direction=REVERSE)],
            instead(PRECOPY2, "ready", text("postcopy sync")),
            without(PRECOPY, "ready"),
        ),
        (PRECOPY, POSTCOPY, PRECOPY2, remus(), Wire(PRECOPY[:-3], close="")),
    ),
    "remote-error": Both(
        (talks.xenopsd(error=talks.OUT_OF_MEMORY), [talks.request(), talks.handshake(error=talks.OUT_OF_MEMORY)]),
        (talks.xenopsd(), [talks.request(), talks.handshake()]),
    ),
    "foreign-octets": Both(
        (
            Wire(talks.framed(LIBXL, 28, 4096 * 5)),
            Wire(talks.framed(LIBXL, 9, 4096 * 7), as_file=True),
        ),
        (LIBXL,),
    ),
    "xl-target-failed": Both((failed_start(), failed_start()[:-1]), (PRECOPY,)),
    "capture-gap": Both(
        (Wire(PRECOPY, edit=IN_A_PAGE),),
        (Wire(PRECOPY, edit=retransmitted(0)), PRECOPY),
    ),
    "clock-stepped-back": Both((Wire(PRECOPY, back=3_600_000_000),), (Wire(PRECOPY, back=3_000),)),
    "captured-twice": Both(
        (
            Wire(PRECOPY, edit=repeated(2)),
            Wire(POSTCOPY, edit=repeated(3)),
            Wire(PRECOPY, edit=repeated(2, later=20), step=1000),
            Wire(PRECOPY, edit=repeated(3, later=7), step=1000),
        ),
        (Wire(PRECOPY, edit=retransmitted(0)), PRECOPY),
    ),
    "peer-silent": Both(
        (
            Wire(PRECOPY, edit=in_vain(40, 3), step=1_000_000),
            Wire(POSTCOPY, edit=in_vain(70, 2), step=1_000_000),
        ),
        (
            Wire(PRECOPY, edit=in_vain(40, 3)),
            Wire(PRECOPY, edit=in_vain(40, 0), step=1_000_000),
            Wire(PRECOPY, edit=in_vain(40, 3, is_heard=True), step=1_000_000),
            Wire(PRECOPY, edit=retransmitted(0), step=1_000_000),
        ),
    ),
    "capture-cut": Both((Wire(PRECOPY, snap=1000),), (Wire(PRECOPY, snap=2000),)),
    "stream-resynchronised": Both(
        (
            Wire(PRECOPY, edit=dropped(FORWARD, offset_of(PRECOPY, "X86_TSC_INFO"))),
            Wire(PRECOPY, edit=dropped(FORWARD, offset_of(PRECOPY, "PAGE_DATA", 3))),
        ),
        (Wire(PRECOPY, edit=IN_A_PAGE),),
    ),
    "capture-starts-late": Both(
        (Wire(PRECOPY, edit=from_packet(60)), Wire(POSTCOPY, edit=from_packet(60))),
        (PRECOPY, Wire(PRECOPY, edit=from_packet(1))),
    ),
    "tcp-conflict": Both(
        (Wire(PRECOPY, edit=retransmitted(1)),),
        (Wire(PRECOPY, edit=retransmitted(0)),),
    ),
}


def wire(build: Talk | Wire) -> Wire:
    return build if isinstance(build, Wire) else Wire(build)


def builds(which: str) -> list[Any]:
    return [
        pytest.param(rule, wire(build), id=f"{rule}-{number}")
        for rule, tested in TABLE.items()
        for number, build in enumerate(getattr(tested, which))
    ]


OF_RECEIVERS = {rule.id for group in (contents, custody, hvm_state, pv_state, verify) for rule in group.RULES} | {
    "big-endian-stream",
    "postcopy-not-live",
    "postcopy-no-paging-ring",
    "postcopy-record-after-transition",
    "xl-no-banner",
}
ALSO_SAID = {
    "truncated-stream": ("undefined-state",),
    "xl-target-failed": ("undefined-state", "migration-failed"),
    "remote-error": ("undefined-state", "migration-failed"),
}
"""What is said of such an end besides: who has the guest, and that the migration failed."""


def test_every_rule_is_tested() -> None:
    """A rule that goes, or that comes without a test, is seen here. The rules of receivers are tested by streams that
    these refuse and accept."""
    assert TABLE.keys() | OF_RECEIVERS == RULES.keys()
    assert all(tested.breaking and tested.legal for tested in TABLE.values())


@pytest.mark.parametrize("each", [4096 * 2, 10_000, 4096 * 5, 65_508])
@pytest.mark.parametrize(
    ("talk", "directions"), [(LIBXL, 1), (PRECOPY, 2), (POSTCOPY, 2), (talks.postcopy(wrapped=False), 2)]
)
def test_octets_of_a_relay_before_what_proves_nothing_by_itself(talk: Talk, directions: int, each: int) -> None:
    """END, POSTCOPY_COMPLETE and POSTCOPY_FAULT between a relay's octets: told once in each direction."""
    banner = [item for item in talk if item.name == "banner"]
    for plain in ([], banner):  # without the relay's octets
        verdict = judge(Wire([*plain, *talks.relayed(talk[len(plain) :], 28, each)]))
        assert verdict.worse_than_notes() == [("warning", "foreign-octets")] * directions
        assert verdict.migration.outcome == "completed"


@pytest.mark.parametrize(("rule", "broken"), builds("breaking"))
def test_a_rule_is_broken_alone(rule: str, broken: Wire) -> None:
    """One mistake, one finding, with its place and its values; a note may come with others."""
    verdict = judge(broken)
    found = [finding for finding in verdict.findings if finding.rule == rule]
    known = RULES[rule]
    worse = [other for _, other in verdict.worse_than_notes() if other not in ALSO_SAID.get(rule, ())]
    assert worse == ([rule] if known.severity != "note" else [])
    assert found and all(finding.severity in (known.severity, *known.also) for finding in found)
    for finding in found:
        assert re.search(r"\d|[A-Z]{2}|'", finding.message), "a message has the values that broke the rule"
        assert "\n" not in finding.message and not finding.message.endswith(".")
        placed = finding.offset is not None
        assert placed == (finding.record is not None) == (finding.index is not None)
        assert (placed and not broken.as_file) == (finding.time is not None) == (finding.frame is not None)
        assert placed or known.group == "toolstack and capture"


@pytest.mark.parametrize(("rule", "kept"), builds("legal"))
def test_a_rule_is_kept_by_what_is_near(rule: str, kept: Wire) -> None:
    verdict = judge(kept)
    assert [one for one in verdict.worse_than_notes() if one[1] not in ALSO_SAID.get(rule, ())] == []
    assert rule not in {finding.rule for finding in verdict.findings}


def test_a_finding_says_where_and_when() -> None:
    """Its record's place, and the packet and the time of the record's first octet."""
    index = index_of(POSTCOPY_FAULTED, "POSTCOPY_FAULT")
    talk = patched(POSTCOPY_FAULTED, "POSTCOPY_FAULT", 16 + 6, b"\x80")
    (finding,) = judge(Wire(talk)).findings
    sent = packets(Wire(talk))
    offset = sum(len(item.octets) for item in talk[:index] if item.direction == REVERSE)
    frame = next(at for at, one in enumerate(sent) if carries(one, REVERSE, offset)) + 1
    assert (finding.direction, finding.layer, finding.record) == (REVERSE, "libxc", "POSTCOPY_FAULT")
    assert (finding.index, finding.offset, finding.frame) == (1, offset, frame)
    assert finding.time == (START + STEP * (frame - 1)) * 1000


ORDERS: list[tuple[Endianness, Endianness]] = [(one, two) for one in INTS for two in INTS]
LEGAL: dict[str, Talk] = {
    **{f"precopy 2, {one}, {two}": talks.precopy(Speaker(2, one, two)) for one, two in ORDERS},
    **{f"precopy 3, {one}, {two}": talks.precopy(Speaker(3, one, two)) for one, two in ORDERS},
    **{f"postcopy, {one}, {two}": talks.postcopy(Speaker(2, one, two)) for one, two in ORDERS},
    "postcopy without libxl": talks.postcopy(wrapped=False),
    "postcopy with nothing left": NOTHING_LEFT,
    "PV, version 2": pv(PV2),
    "PV, version 3": pv(PV3),
    "PV, big-endian": pv(Speaker(3, "big", "big", "x86 PV")),
    "HVM, the parameters first": moved(PRECOPY, "HVM_PARAMS", "HVM_CONTEXT"),
    "VERIFY": before(
        behind(PRECOPY, "PAGE_DATA", PRECOPY[index_of(PRECOPY, "PAGE_DATA")], number=-1),
        "PAGE_DATA",
        V3.record("VERIFY"),
        number=-1,
    ),
    "Remus, version 2": remus(V2),
    "Remus, version 3": remus(V3),
    "Remus, big-endian": remus(Speaker(3, "big", "big")),
    "Remus without libxl": bare_remus(),
    "COLO": colo(),
    "COLO, short states": colo(4),
    "xenops": talks.xenops(),
    "xenops, PV": [*IMAGE[:3], *pv()[4 : index_of(pv(), "END") + 1], IMAGE[-1]],
    "libxl alone": talks.libxl(V3),
    "libxc alone": talks.libxc(V3),
}


@pytest.mark.parametrize("as_file", [False, True], ids=["capture", "file"])
@pytest.mark.parametrize("name", LEGAL)
def test_what_is_legal_has_notes_at_most(name: str, as_file: bool) -> None:
    verdict = judge(Wire(LEGAL[name], as_file=as_file))
    # The specifications allow these, though no receiver reads the first and nobody could answer the second.
    worse = {rule for _, rule in verdict.worse_than_notes()} - {"big-endian-stream"}
    assert worse == ({"postcopy-not-live"} if as_file and name.startswith("postcopy") else set())
    notes = {finding.rule for finding in verdict.findings if finding.severity == "note"}
    assert notes <= {"hvm-params-after-context"}
    has_end = not name.startswith(("Remus", "COLO"))
    assert verdict.migration.outcome == ("completed" if has_end else "failover")


# What a capture hides is no violation

HIDDEN = {
    "precopy": PRECOPY,
    "postcopy": POSTCOPY,
    "postcopy without libxl": talks.postcopy(wrapped=False),
    "PV": pv(PV2),
    "Remus": remus(checkpoints=2),
    "COLO": colo(),
}
LARGE = 2900
"""Octets in a packet, so that a page takes two."""


def test_a_destination_that_never_completes() -> None:
    """All pages were sent, both sides waited, the connection was closed: that, and not only no END, is what is wrong.
    Where a page is still owed, nobody can blame POSTCOPY_COMPLETE."""
    silent = without(POSTCOPY, "POSTCOPY_COMPLETE")
    sent = silent[: index_of(silent, "END")]
    rules = [rule for _, rule in judge(Wire(sent)).worse_than_notes()]
    assert rules == ["postcopy-complete-missing", "truncated-stream", "undefined-state"]
    *_, last = (at for at, item in enumerate(sent) if item.name == "POSTCOPY_PAGE_DATA")
    rules = [rule for _, rule in judge(Wire(sent[:last])).worse_than_notes()]
    assert "postcopy-complete-missing" not in rules and "truncated-stream" in rules


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (listed("POSTCOPY_PAGE_DATA", [PFN]), "postcopy-page-repeated"),
        (raw(record("POSTCOPY_PAGE_DATA", pages([PFN, PFN + 8], bytes(4096)))), "body-length-mismatch"),
        (raw(record(0x80000001, b"optional")), "postcopy-optional-record"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_destination_that_cannot_complete(broken: Item, rule: str) -> None:
    """All pages were sent, and a record that the known receiver fails on, or loses: that, and not a missing
    POSTCOPY_COMPLETE, is why the connection was closed."""
    talk = postcopy(eight(), broken)
    verdict = judge(Wire(talk[: index_of(talk, "END")]))
    found = [rule for _, rule in verdict.worse_than_notes()]
    assert found[0] == rule and "truncated-stream" in found and "postcopy-complete-missing" not in found
    assert rule in conclusion(verdict.migration, verdict.findings)


@pytest.mark.parametrize("as_file", [False, True])
def test_a_stream_may_break_off_inside_a_header(as_file: bool) -> None:
    """Its octets count as seen, and a checkpoint of which so little came has begun."""
    rest = raw(CHECKED[index_of(CHECKED, "PAGE_DATA")].octets[:3])
    talk = behind(CHECKED, "CHECKPOINT_END", rest)[: index_of(CHECKED, "CHECKPOINT_END") + 2]
    verdict = judge(Wire(talk, as_file=as_file))
    forward = octets_of(talk)
    assert verdict.worse_than_notes() == [("warning", "truncated-stream")]
    assert f"inside the header at offset {len(forward) - 3:,}:" in verdict.findings[-1].message
    assert verdict.migration.forward.seen == len(forward)


@pytest.mark.parametrize(
    ("first", "end"), [("POSTCOPY_BEGIN", "POSTCOPY_PFNS"), ("POSTCOPY_BEGIN", "POSTCOPY_PAGE_DATA")]
)
def test_a_phase_begins_with_what_was_captured_of_it(first: str, end: str) -> None:
    """The record that should begin it may be among what was not."""
    talk = postcopy(*TWO, complete())
    names = [phase.name for phase in judge(Wire(talk)).migration.phases]
    assert names == ["handshake", "precopy", "stop", "transition", "postcopy", "finish"]
    lost = range(offset_of(talk, first), offset_of(talk, end))

    def edit(sent: Packets) -> Packets:
        return [one for one in sent if one.direction != FORWARD or one.offset not in lost or not one.payload]

    if end == "POSTCOPY_PAGE_DATA":
        names = [name for name in names if name not in ("stop", "transition")]
    migration = judge(Wire(talk, edit=edit)).migration
    assert [phase.name for phase in migration.phases] == names
    assert migration.phases[2].spans[FORWARD][0] == lost.stop


def test_faults_tell_that_the_postcopy_phase_has_begun() -> None:
    """Where the way of the forward direction is lost, that is all there is to know it by."""
    talk = postcopy(fault(PFN), fault(PFN + 1), *TWO, complete())
    lost = dropped(FORWARD, offset_of(talk, "POSTCOPY_TRANSITION"))
    verdict = judge(Wire(talk, LARGE, edit=lost))
    (phase,) = (one for one in verdict.migration.phases if one.name == "postcopy")
    start, end = phase.spans[REVERSE]
    assert (start, end) == (offset_of(talk, "POSTCOPY_FAULT"), offset_of(talk, "postcopy sync"))


def test_a_record_breaks_a_rule_once() -> None:
    """With three of its pfns, each a run of its own, of which the first is named."""
    scattered = listed("POSTCOPY_PAGE_DATA", range(PFN, PFN + 6, 2))
    (finding,) = judge(Wire(pushed(scattered))).findings
    assert finding.rule == "postcopy-page-repeated"
    assert finding.message == f"pfn 0x{PFN:x} was sent before, and 2 more in this record"


@pytest.mark.parametrize(("talk", "kind"), [(PRECOPY, "live"), (POSTCOPY, "postcopy")], ids=["live", "postcopy"])
def test_a_checkpoint_that_none_began_is_none(talk: Talk, kind: str) -> None:
    """So nobody goes on from it."""
    end = "POSTCOPY_TRANSITION_END" if kind == "postcopy" else "EMULATOR_CONTEXT"
    wrong = before(talk, end, V3.libxl("CHECKPOINT_END"))[: index_of(talk, end) + 2]
    verdict = judge(Wire(wrong))
    past = [UNDEFINED] if kind == "postcopy" else []
    assert verdict.worse_than_notes() == [("error", "checkpoint-end-unexpected"), BROKE, *past]
    assert (verdict.migration.kind, verdict.migration.outcome) == (kind, "failed")


def test_what_has_no_end_is_said() -> None:
    """libxc's END came, libxl's did not."""
    talk = PRECOPY[: index_of(PRECOPY, "END", 1)]
    (finding,) = (one for one in judge(Wire(talk)).findings if one.severity != "note")
    assert finding.rule == "truncated-stream"
    assert finding.message.endswith(", with no END of libxl")


def test_what_follows_from_a_mistake_stands_behind_it() -> None:
    """The page that was on its way when the destination made its mistake begins before it; that the stream broke off
    inside or after that page comes of it all the same."""
    mistake = V2.record("PAGE_DATA", pages([PFN], filling([PFN])), direction=REVERSE)
    talk = postcopy(fault(PFN), TWO[1], mistake)
    talk = talk[: index_of(talk, "END")]
    verdict = judge(Wire(talk, unseen={len(talk) - 1: len(TWO[1].octets)}))
    rules = [rule for _, rule in verdict.worse_than_notes()]
    assert rules == ["wrong-direction", "postcopy-fault-unanswered", "truncated-stream", "undefined-state"]


@pytest.mark.parametrize("name", HIDDEN)
def test_a_capture_may_stop_anywhere(name: str) -> None:
    """That is no end of the connection, so nothing is missing."""
    sent = packets(Wire(HIDDEN[name], LARGE))
    first = next(at for at, packet in enumerate(sent) if packet.direction == FORWARD and packet.payload)
    for end in range(first + 1, len(sent) - 2):
        verdict = judge_octets(pcap(sent[:end]))
        assert verdict.worse_than_notes() == [], f"after {end} packets"
        assert verdict.migration.outcome in ("incomplete", "completed")


@pytest.mark.parametrize("name", HIDDEN)
def test_a_capture_may_lack_any_packet(name: str) -> None:
    """The other side acknowledges it, so it was sent: there is a gap, and perhaps the way is lost."""
    sent = packets(Wire(HIDDEN[name], LARGE))
    for missing in range(len(sent)):
        for verdict in judge_all(pcap([*sent[:missing], *sent[missing + 1 :]])):
            assert losses_alone(verdict), f"without packet {missing + 1}"


@pytest.mark.parametrize("name", sorted(HIDDEN.keys() - {"COLO"}))
def test_a_capture_may_begin_anywhere(name: str) -> None:
    """Where too little is left to recognise a migration by, none is found. Not COLO: both sides send
    CHECKPOINT_STATE, so which of them is the source may be concluded wrongly.
    """
    sent = packets(Wire(HIDDEN[name], LARGE))
    for first in range(0, len(sent), 3):
        for verdict in judge_all(pcap(sent[first:])):
            assert losses_alone(verdict), f"from packet {first + 1}"


def losses_alone(verdict: Verdict) -> bool:
    return {rule for _, rule in verdict.worse_than_notes()} <= {"stream-resynchronised"}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_capture_may_be_out_of_order(name: str) -> None:
    """Two packets changed places on their way into the file; each was where it should be on the wire."""
    sent = packets(Wire(HIDDEN[name], LARGE))
    for at in range(3, len(sent) - 4):
        verdict = judge_octets(pcap([*sent[:at], sent[at + 1], sent[at], *sent[at + 2 :]]))
        assert verdict.worse_than_notes() == [], f"packets {at + 1} and {at + 2}"


def test_what_broke_off_is_less_than_what_went_wrong() -> None:
    """Two rules have two severities."""
    asked = postcopy(fault(PFN + 2), eight([PFN + 2]))
    found = judge(Wire(asked[: index_of(asked, "END")])).worse_than_notes()
    assert sorted(found) == [BROKE, UNDEFINED, ("warning", "postcopy-fault-unanswered")]
    for number, severity in ((0, "error"), (1, "warning")):
        broken_off = CHECKED[: index_of(CHECKED, "CHECKPOINT", number)]
        assert judge(Wire(broken_off)).worse_than_notes() == [(severity, "truncated-stream")]


def test_a_page_out_of_a_lost_list_is_no_violation() -> None:
    """Without the whole of POSTCOPY_PFNS nobody knows what was announced."""
    missing = PFN + 900
    announced = [pfn for pfn in range(PFN, PFN + 1000) if pfn != missing]
    talk = postcopy(fault(missing), listed("POSTCOPY_PAGE_DATA", [missing]), complete())
    talk = instead(talk, "POSTCOPY_PFNS", listed("POSTCOPY_PFNS", announced))
    assert {rule for _, rule in judge(Wire(talk)).worse_than_notes()} == {
        "postcopy-fault-not-announced",
        "postcopy-page-not-announced",
    }
    inside = offset_of(talk, "POSTCOPY_PFNS") + 2000
    assert judge(Wire(talk, edit=dropped(FORWARD, inside))).worse_than_notes() == []


def test_findings_have_an_end() -> None:
    """A stream that is wrong throughout is not kept in memory, finding by finding."""
    wrong = [raw(record(0x80000040 + number)) for number in range(10_050)]
    assert len(judge(Wire(instead(PRECOPY, "PAGE_DATA", *wrong))).findings) == 10_000


# Captures

BROKE, UNDEFINED = ("error", "truncated-stream"), ("error", "undefined-state")
WRONG: dict[str, tuple[str, str, str]] = {
    # Under violations/: severity, rule and direction of the finding at the record that was altered.
    "begin_len": ("error", "nonempty-signal", FORWARD),
    "complete_early": ("note", "postcopy-pages-dropped", REVERSE),
    "dup_pfns": ("error", "postcopy-pfn-announced-twice", FORWARD),
    "end_early": ("error", "postcopy-complete-missing", FORWARD),
    "fault_clean": ("error", "postcopy-fault-not-announced", REVERSE),
    "fault_dup": ("error", "postcopy-fault-repeated", REVERSE),
    "fault_type": ("error", "postcopy-fault-has-type", REVERSE),
    "page_after_begin": ("error", "page-data-after-postcopy-begin", FORWARD),
    "pfns_len": ("error", "body-length-mismatch", FORWARD),
    "resend": ("error", "postcopy-page-repeated", FORWARD),
    "type5": ("error", "reserved-page-type", FORWARD),
    "unk_mand_pc": ("error", "unknown-mandatory-record", FORWARD),
    "unk_opt": ("note", "unknown-optional-record", FORWARD),
    "unk_pfn": ("error", "postcopy-page-not-announced", FORWARD),
    "xtab_page": ("error", "postcopy-page-type", FORWARD),
    "zero_pfns": ("error", "empty-pages-record", FORWARD),
}
LEFT_OUT: dict[str, tuple[str, str]] = {
    # Where a record was left out: the error, at the first record of this name.
    "no_begin": ("postcopy-begin-missing", "POSTCOPY_PFNS_BEGIN"),
    "no_trans_end": ("postcopy-transition-missing", "POSTCOPY_PAGE_DATA"),
}
FOLLOWS: dict[str, list[tuple[str, str]]] = {
    # What else there is: it follows from the fault, or from how the other side took it.
    "complete_early": [("error", "postcopy-fault-unanswered"), ("error", "postcopy-complete-race")],
    # The pfn that the repeated one replaced.
    "dup_pfns": [("error", "postcopy-page-not-announced"), BROKE, UNDEFINED],
    "fault_type": [("error", "postcopy-page-type"), ("warning", "postcopy-fault-unanswered"), BROKE, UNDEFINED],
    "pfns_len": [("error", "postcopy-complete-race")],
    **{name: [BROKE, UNDEFINED] for name in ("end_early", "no_begin", "no_trans_end", "resend", "unk_mand_pc")},
    **{name: [BROKE, UNDEFINED] for name in ("unk_pfn", "xtab_page", "zero_pfns", "g_receiver_killed")},
    # Migrations elsewhere that failed.
    "pvh-fail-sender-killed": [BROKE],
    **{name: [BROKE] for name in ("pv-fail-receiver-create", "pv-fail-receiver-nomem")},
}
LOSES_ITS_WAY = ("lo_snap128", "pv-live-snaplen128", "pv-live-mtu1500-drops")
"""Captures that have lost headers: any number of warnings stream-resynchronised."""


def test_what_was_captured_is_judged(case: Case) -> None:
    """The rule at the record that is wrong, and of errors and warnings no other than those of the tables."""
    _, folder, file = case.name.split("/")
    verdicts = judge_file(case.path)
    wanted = Counter(FOLLOWS.get(folder, []))
    if folder in WRONG or folder in LEFT_OUT:
        severity, rule, direction = WRONG.get(folder, ("error", LEFT_OUT.get(folder, ("",))[0], FORWARD))
        found = {(one.severity, one.direction, one.offset) for one in verdicts[0].findings if one.rule == rule}
        assert found == {(severity, direction, offset) for offset in offsets_of_faults(case, folder)}
        wanted += Counter([(severity, rule)] if severity != "note" else [])
    worse = Counter(one for verdict in verdicts for one in verdict.worse_than_notes())
    if file.startswith(LOSES_ITS_WAY):
        del worse["warning", "stream-resynchronised"]
    assert worse == wanted


def offsets_of_faults(case: Case, folder: str) -> set[int]:
    """Where the truth says that something is wrong."""
    if folder in LEFT_OUT:
        name = LEFT_OUT[folder][1]
        return {next(e.offset for e in case.migrations[0].forward if e.name == name)}
    truth = json.loads(unpacked(next(case.path.parent.glob("truth.json*"))))
    return {altered["off"] for altered in truth["mutated_records"]}


def test_findings_are_where_they_say(case: Case) -> None:
    """Index, offset and name of a finding's record are those of one that was sent."""
    if not case.lossless:
        return
    by_flow = {migration.flow: migration for migration in case.migrations}
    for verdict in judge_file(case.path):
        flow = verdict.migration.flow
        migration = by_flow[flow and ((*flow.source,), (*flow.destination,))]
        for finding in verdict.findings:
            if finding.index is not None:
                sent = migration.forward if finding.direction == FORWARD else migration.reverse
                e = sent[finding.index]
                assert (e.offset, e.name or finding.record) == (finding.offset, finding.record)


def test_the_tables_are_about_captures_that_exist() -> None:
    folders = {name.split("/")[1] for name in captures()}
    assert WRONG.keys() | LEFT_OUT.keys() <= folders
    assert "none" in folders


# The machine itself


def test_the_states_hang_together() -> None:
    """Every state but the first is gone to, and the diagram has all that are not there for mistakes alone."""
    moves = [then for place in PLACES.values() for then in (*place.moves.values(), place.natural)]
    misplaced = [then for _, then in order.MISPLACED.values()]
    reached = {*moves, *misplaced, *states.WITHOUT_LIBXL.values(), *states.OF_VERSION.values()}
    assert reached - {None} | {State.START, State.XENOPS_TAIL} == set(State)
    drawn = states.mermaid(RECORDS)
    assert all(state.value.replace(" ", "_") in drawn for state in State if not state.name.startswith("EARLY_"))
