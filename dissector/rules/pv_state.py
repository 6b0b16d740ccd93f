"""Rules of what describes a PV guest: its word size, table of frames, pages and processors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from functools import partial

from dissector.events import Record
from dissector.facts.pfns import PfnSet
from dissector.facts.roles import role_of
from dissector.protocol import Role
from dissector.rules import examples as eg
from dissector.rules import pv_vcpu
from dissector.rules.guest import BASIC, GDT_FRAME, GDT_FRAMES, GUESTS, VCPU_HEADER, Guest
from dissector.rules.reading import number
from dissector.rules.rule import BODY, DEPENDS, PLACE, WRITER, Rule, Violation, declared

_rule = partial(Rule, group="contents", effects=BODY, advice=WRITER)

PAIRS = frozenset(((4, 3), (8, 4)))
"""Octets of a word and levels of page tables that go together."""

BASIC_SIZES = {4: 2800, 8: 5168}
"""struct vcpu_guest_context of xen/include/public/arch-x86/xen.h, by octets of a word."""

EXTENDED_MAX, XSAVE_LEAST, MSR_ENTRY = 128, 16, 16
VCPUS_MAX = 8192
DESCRIPTORS_MAX = GDT_FRAMES * GDT_FRAME


class Info(StrEnum):
    PAIR = "guest_width {width} with pt_levels {levels}"
    AGAIN = "a second X86_PV_INFO"


class Frames(StrEnum):
    ORDER = "start_pfn 0x{first:x} is after end_pfn 0x{last:x}"
    WIDTH = "body_length {body_length:,}, a guest with words of {width} octets has {needed:,}"
    FRAME = "frame {index:,} is pfn 0x{pfn:x}, past the guest's maximum 0x{most:x}"


class Root(StrEnum):
    TYPE = "{register} of vcpu {vcpu} is in pfn 0x{pfn:x}, whose newest type is {type}, not L{level}TAB"
    RANGE = "{register} of vcpu {vcpu} is in pfn 0x{pfn:x}, past the guest's maximum 0x{most:x}"


class Vcpu(StrEnum):
    NONE = "vcpu {vcpu:,}, and the guest has {count:,} at most"
    SIZE = "its state has {length:,} octets, not {wanted}"
    HOLDS = "it holds {what}"
    DESCRIPTORS = "gdt_ents is {count:,}, {most:,} at most"
    TABLE = "{use} of vcpu {vcpu} is pfn 0x{pfn:x}, whose newest type is L{level}TAB"
    RANGE = "{use} of vcpu {vcpu} is pfn 0x{pfn:x}, past the guest's maximum 0x{most:x}"


BAD_PV_INFO = _rule(
    id="bad-pv-info",
    severity="error",
    summary="X86_PV_INFO has a width and levels that do not go together, or comes a second time",
    source="handle_x86_pv_info() in xg_sr_restore_x86_pv.c",
    why="A 32-bit PV guest has words of 4 octets and 3 levels of page tables, a 64-bit one 8 and 4. The"
    " restore fails on any other pair, and on a second record even if it says the same.",
    receiver_says={
        "Invalid X86_PV_INFO combination: width %u, pt_levels %u": "with pt_levels",
        "Already received X86_PV_INFO record": "a second",
    },
    example="guest_width 4, pt_levels 4; legal: guest_width 8, pt_levels 4",
    messages=Info,
    breaking=(eg.IMAGE3, eg.PV, eg.pv_info(4, 4)),
    legal=(eg.IMAGE3, eg.PV, eg.pv_info(4, 3)),
)

BAD_P2M_FRAMES = _rule(
    id="bad-p2m-frames",
    severity="error",
    effects=BODY | DEPENDS,
    summary="X86_PV_P2M_FRAMES does not fit the guest",
    source="handle_x86_pv_p2m_frames() and update_guest_p2m() in xg_sr_restore_x86_pv.c",
    why="The record has one frame for every 512 pfns of a 64-bit guest, 1,024 of a 32-bit one. A restore"
    " fails if the first pfn is after the last, if there are too few frames or too many, and at the end"
    " of the stream if a frame is past the guest's maximum.",
    receiver_says={
        "End pfn in stream (%#x) exceeds Start (%#x)": "is after end_pfn",
        "X86_PV_P2M_FRAMES record wrong size: start_pfn %#x, end_pfn %#x, length %u, expected"
        " %u + (%u - %u) * %u": "body_length",
        "pfn (%#x) for p2m_frame_list[%u] out of range": "^libxc.END",
    },
    example="start_pfn 512, end_pfn 0; legal: start_pfn 0, end_pfn 512",
    messages=Frames,
    breaking=(*eg.PV2, eg.frames(512, 0, 7)),
    legal=(*eg.PV2, eg.frames(0, 512, 7, 8)),
)

PFN_OUT_OF_RANGE = _rule(
    id="pfn-out-of-range",
    severity="error",
    effects=PLACE | DEPENDS | {"body"},
    summary="PAGE_DATA has a pfn past the PV guest's maximum",
    source="handle_page_data() in xg_sr_restore.c; x86_pv_pfn_is_valid() in xg_sr_restore_x86_pv.c",
    why="The maximum of a PV guest is what its X86_PV_P2M_FRAMES say, 0 before the first of them. The"
    " restore fails at the first page past it.",
    receiver_says={
        "pfn %#x (index %u) outside domain maximum": "",
    },
    example="end_pfn 511, PAGE_DATA of pfn 512; legal: end_pfn 511, PAGE_DATA of pfn 511",
    message="pfn 0x{pfn:x}, the maximum is 0x{most:x}",
    breaking=(*eg.PV2, eg.FRAMES, eg.libxc("PAGE_DATA", 512)),
    legal=(*eg.PV2, eg.FRAMES, eg.libxc("PAGE_DATA", 511)),
)

BAD_VCPU_STATE = _rule(
    id="bad-vcpu-state",
    severity="error",
    summary="X86_PV_VCPU_* is of a vcpu that does not exist, has the wrong size, or names pages that it may not",
    source="handle_x86_pv_vcpu_blob(), process_vcpu_*() and process_start_info() in xg_sr_restore_x86_pv.c;"
    " arch_set_info_guest() in domain.c and arch_do_domctl() in domctl.c of xen/arch/x86",
    why="libxc has room for the vcpus of the guest's configuration. BASIC has one size for each width of"
    " the guest, EXTENDED at most 128 octets, XSAVE at least 16, MSRS a multiple of 16; the restore fails"
    " on any other. At the end of the stream it fails, too, if vcpu 0's start_info (its pfn is in EDX) or a"
    " frame of a vcpu's descriptors is past the guest's maximum or a page table, on more than 7,168"
    " descriptors, and on what Xen does not take: an address that is not canonical, bits of DR6, DR7, XCR0 or"
    " vm_assist that nobody knows, a register that no PV guest has.",
    advice="If the vcpu does not exist at the destination, raise `maxvcpus` in the configuration that goes with the"
    " stream (`xl migrate -C`). Else report it to the authors of the sending program.",
    receiver_says={
        "%s record vcpu_id (%u) exceeds domain max (%u)": "and the guest has",
        "Failed to set vcpu%u's basic info": "_BASIC: it holds",
        "Failed to set vcpu%u's extended info": "_EXTENDED: it holds",
        "Failed to set vcpu%u's xsave info": "_XSAVE: it holds",
        "Failed to set vcpu%u's msrs": "_MSRS: it holds",
        "%s record wrong size: expected %u, got %u": "_BASIC: its state",
        "%s record too long: max %u, got %u": "_EXTENDED: its state",
        "%s record too short: min %u, got %u": "_XSAVE: its state",
        "%s record payload size %u expected to be a multiple of %u": "_MSRS: its state",
        "Start Info pfn %#x out of range": "start_info .* past",
        "Start Info pfn %#x has bad type %u": "start_info",
        "GDT entry count (%u) out of range (max %u)": "gdt_ents is",
        "GDT frame %u (pfn %#x) out of range": "gdt_frames.* past",
        "GDT frame %u (pfn %#x) has bad type %u": "gdt_frames",
    },
    example="64-bit guest, BASIC of 2,800 octets; legal: 5,168 octets",
    messages=Vcpu,
    breaking=(*eg.PV2, eg.FRAMES, eg.vcpu("BASIC", 0, 2800)),
    legal=(*eg.PV2, eg.FRAMES, eg.vcpu("BASIC", 0, 5168)),
)

EMPTY_VCPU_STATE = _rule(
    id="empty-vcpu-state",
    severity="warning",
    summary="X86_PV_VCPU_* has no content",
    source="libxc specification, Errata; handle_x86_pv_vcpu_blob() in xg_sr_restore_x86_pv.c",
    why="Senders up to Xen 4.10 wrote such a record for a vcpu with nothing to say. Receivers skip it"
    " since 4.11; older ones fail.",
    advice="Nothing where the destination has Xen 4.11 or newer. An older one has to be updated first.",
    receiver_says={
        "Skipping empty %s record for vcpu %u": "",
    },
    example="X86_PV_VCPU_MSRS, body_length 8; no finding: body_length 24",
    message="{name} of vcpu {vcpu:,} has no content",
    breaking=(*eg.PV2, eg.FRAMES, eg.vcpu("MSRS", 0, 0)),
    legal=(*eg.PV2, eg.FRAMES, eg.vcpu("MSRS", 0, 16)),
)

BAD_PAGE_TABLE_ROOT = _rule(
    id="bad-page-table-root",
    severity="error",
    summary="A vcpu's page tables begin in a page that was not sent as one of the top level",
    source="process_vcpu_basic() in xg_sr_restore_x86_pv.c",
    why="CR3 of a PV guest's vcpu, and CR1 for the user's page tables of a 64-bit one, name a page of the guest. At"
    " the end of the stream its newest type has to be that of a page table of the guest's top level, L4TAB or L3TAB;"
    " the restore fails if not.",
    receiver_says={
        "cr3 (pfn %#x) has bad type %u, expected %u": "CR3 .* type is",
        "cr1 (pfn %#x) has bad type %u, expected %u": "CR1 .* type is",
        "cr3 (pfn %#x) out of range": "CR3",
        "cr1 (pfn %#x) out of range": "CR1",
    },
    example="64-bit guest, CR3 in pfn 5, PAGE_DATA of pfn 5 as NOTAB; legal: PAGE_DATA of pfn 5 as L4TAB",
    messages=Root,
    breaking=(*eg.PV2, eg.FRAMES, eg.libxc("PAGE_DATA", 5), eg.SHARED_INFO, eg.basic(cr3=5 << 12), eg.END),
    legal=(*eg.PV2, eg.FRAMES, eg.libxc("PAGE_DATA", 5 | 4 << 60), eg.SHARED_INFO, eg.basic(cr3=5 << 12), eg.END),
)

RULES = declared(globals())

TOP_LEVELS = {4: 3, 8: 4}
"""By octets of a word the level of the page table at the top."""


def _info(record: Record, guest: Guest) -> Iterator[Violation]:
    if guest.has_pv_info and guest.is_followed:
        yield BAD_PV_INFO(Info.AGAIN)
    elif len(record.body) >= 2 and (record.body[0], record.body[1]) not in PAIRS:
        yield BAD_PV_INFO(Info.PAIR, width=record.body[0], levels=record.body[1])


def _frames(record: Record, guest: Guest) -> Iterator[Violation]:
    length = record.body_length
    if length < 8:
        return
    first, last = (number(record.body, at, 4, record.endianness) for at in (0, 4))
    if first > last:
        yield BAD_P2M_FRAMES(Frames.ORDER, first=first, last=last)
        return
    by_width = {width: 8 + 8 * (last // (4096 // width) - first // (4096 // width) + 1) for width in BASIC_SIZES}
    # What fits no width is a body that its own counts contradict.
    if guest.width is not None and length != by_width[guest.width] and length in by_width.values():
        yield BAD_P2M_FRAMES(Frames.WIDTH, body_length=length, width=guest.width, needed=by_width[guest.width])


def _pages(record: Record, guest: Guest) -> Iterator[Violation]:
    if guest.max_pfn is None or record.context.guest != "x86 PV":
        return
    for first, length, _ in record.runs:
        if first + length - 1 > guest.max_pfn:
            yield PFN_OUT_OF_RANGE(pfn=max(first, guest.max_pfn + 1), most=guest.max_pfn)
            return


def _vcpu(record: Record, guest: Guest) -> Iterator[Violation]:
    length = record.body_length - VCPU_HEADER
    if length < 0:
        return
    vcpu = number(record.body, 0, 4, record.endianness)
    if not length:
        yield EMPTY_VCPU_STATE(name=record.name, vcpu=vcpu)
    elif vcpu >= (guest.max_vcpus or VCPUS_MAX):
        yield BAD_VCPU_STATE(Vcpu.NONE, vcpu=vcpu, count=guest.max_vcpus or VCPUS_MAX)
    elif (wanted := _wanted(record.name, length, guest)) is not None:
        yield BAD_VCPU_STATE(Vcpu.SIZE, length=length, wanted=wanted)
    elif record.name == "X86_PV_VCPU_BASIC":
        count = BASIC[record.body_length].read(record.body, "gdt_ents", record.endianness)
        if count > DESCRIPTORS_MAX:
            yield BAD_VCPU_STATE(Vcpu.DESCRIPTORS, count=count, most=DESCRIPTORS_MAX)
            return
        yield from _holds(record, guest)
    else:
        yield from _holds(record, guest)


def _holds(record: Record, guest: Guest) -> Iterator[Violation]:
    what = pv_vcpu.wrong(record, guest.max_vcpus or VCPUS_MAX)
    if what is not None:
        yield BAD_VCPU_STATE(Vcpu.HOLDS, what=what)


def _wanted(name: str, length: int, guest: Guest) -> str | None:
    """What the size of a vcpu's state should be; None if it is right."""
    if name == "X86_PV_VCPU_BASIC":
        sizes = [size for width, size in BASIC_SIZES.items() if guest.width in (width, None)]
        return None if length in sizes else " or ".join(f"{size:,}" for size in sizes)
    if name == "X86_PV_VCPU_EXTENDED":
        return f"at most {EXTENDED_MAX}" if length > EXTENDED_MAX else None
    if name == "X86_PV_VCPU_XSAVE":
        return f"at least {XSAVE_LEAST}" if length < XSAVE_LEAST else None
    return f"a multiple of {MSR_ENTRY}" if length % MSR_ENTRY else None


_JUDGES: Mapping[str, Callable[[Record, Guest], Iterator[Violation]]] = {
    "X86_PV_INFO": _info,
    "X86_PV_P2M_FRAMES": _frames,
    "X86_PV_VCPU_BASIC": _vcpu,
    "X86_PV_VCPU_EXTENDED": _vcpu,
    "X86_PV_VCPU_XSAVE": _vcpu,
    "X86_PV_VCPU_MSRS": _vcpu,
}


def judge(record: Record, guest: Guest) -> Iterator[Violation]:
    """What a record breaks, by itself or by what came before it."""
    if record.name == "PAGE_DATA":
        yield from _pages(record, guest)
        return
    judged = _JUDGES.get(record.name) if GUESTS.get(record.context.guest) != "hvm" else None
    if judged is not None and record.complete and len(record.body) == record.body_length:
        yield from judged(record, guest)


def judge_frames(record: Record, guest: Guest, listed: PfnSet) -> Iterator[Violation]:
    """What END shows of the pages that the vcpus' state names: the first that is wrong, as the restore ends there.
    `listed`: all pfns that PAGE_DATA listed."""
    if role_of(record) is not Role.LIBXC_END or not guest.is_followed or guest.width is None:
        return
    for (vcpu, use), pfn in guest.plain.items():
        if guest.max_pfn and pfn > guest.max_pfn:
            yield BAD_VCPU_STATE(Vcpu.RANGE, use=use, vcpu=vcpu, pfn=pfn, most=guest.max_pfn)
            return
        if pfn in guest.tables:
            yield BAD_VCPU_STATE(Vcpu.TABLE, use=use, vcpu=vcpu, pfn=pfn, level=guest.tables[pfn])
            return
    level = TOP_LEVELS[guest.width]
    for (vcpu, register), pfn in guest.roots.items():
        if guest.max_pfn and pfn > guest.max_pfn:
            yield BAD_PAGE_TABLE_ROOT(Root.RANGE, register=register, vcpu=vcpu, pfn=pfn, most=guest.max_pfn)
            return
        found = guest.tables.get(pfn)
        if pfn and found != level and pfn in listed:
            type = f"L{found}TAB" if found else "that of no page table"
            yield BAD_PAGE_TABLE_ROOT(Root.TYPE, register=register, vcpu=vcpu, pfn=pfn, type=type, level=level)
            return


def judge_end(record: Record, guest: Guest) -> Iterator[Violation]:
    """What END shows of the table of frames."""
    if role_of(record) is not Role.LIBXC_END or record.context.guest != "x86 PV" or guest.max_pfn is None:
        return
    for index, pfn in guest.frames.items():
        if pfn > guest.max_pfn:
            yield BAD_P2M_FRAMES(Frames.FRAME, index=index, pfn=pfn, most=guest.max_pfn)
            return
