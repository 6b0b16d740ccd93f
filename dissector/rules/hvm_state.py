"""Rules of CPU policies and of an HVM guest's processors and devices: what Xen checks when it loads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from dissector.events import Record
from dissector.protocol import HVM_SAVE_TYPES, Endianness
from dissector.rules import examples as eg
from dissector.rules.guest import Guest
from dissector.rules.reading import (
    LEAF,
    MSR,
    NO_SUBLEAF,
    Leaf,
    SaveRecord,
    leaves,
    number,
    pairs,
    registers,
    save_records,
)
from dissector.rules.rule import BODY, Rule, Violation, declared

_rule = partial(Rule, group="contents", effects=BODY)

BAD_CPU_POLICY = _rule(
    id="bad-cpu-policy",
    severity="error",
    summary="A CPU policy is empty or has an entry that no Xen takes",
    source="handle_x86_cpuid_policy() in xg_sr_common_x86.c; x86_cpuid_copy_from_buffer() and"
    " x86_msr_copy_from_buffer() in xen/arch/x86/lib/cpu-policy/copy-from-buffer.c",
    why="libxc refuses an empty policy. Xen refuses all of it for one leaf, subleaf or register that it"
    " does not know, for flags, a value too wide or too many entries, and libxc names that entry. An"
    " older Xen knows fewer leaves, so it may refuse what a newer one sends.",
    advice="Receive with a Xen as new as the source's or newer. If it is, report it to the authors of the sending"
    " program.",
    receiver_says={
        "X86_CPUID_POLICY size %u should be multiple of %u": "X86_CPUID_POLICY: its size",
        "X86_MSR_POLICY size %u should be multiple of %u": "X86_MSR_POLICY: its size",
        "Failed to set CPUID policy: leaf %08x, subleaf %08x, msr %08x": "",
    },
    example="leaf 0x12345, or MSR 0x10; legal: leaf 0x80000008, MSR 0xce",
    message="{what}",
    breaking=(eg.IMAGE3, eg.HVM, eg.CPUID._replace(body=b"")),
    legal=(eg.IMAGE3, eg.HVM, eg.CPUID),
)

BAD_HVM_CONTEXT = _rule(
    id="bad-hvm-context",
    severity="error",
    summary="HVM_CONTEXT holds a state that Xen does not load",
    source="hvm_load() in xen/arch/x86/hvm/save.c; hvm_load_cpu_ctxt(), hvm_load_cpu_xsave_states() and"
    " hvm_load_cpu_msrs() in hvm.c; xen/include/public/arch-x86/hvm/save.h",
    why="Xen checks each state when the stream has ended and all of memory was sent. It fails on the"
    " first that it does not know, that has the wrong size, belongs to no vcpu of the guest or holds a"
    " value that no processor could have; the guest does not start. Old and new sizes of one state are"
    " both taken.",
    advice="Receive with a Xen as new as the source's or newer, on a processor that has what the guest uses"
    " (`xenshark guest FILE` shows that). `xl dmesg` at the destination names the state that was refused.",
    receiver_says={
        "HVM%d restore: bad magic number %#x": "magic is",
        "HVM%d restore: unsupported version %u": "version is",
        "HVM%d restore: unknown entry typecode %u": "is unknown$|a second HEADER",
        "HVM%d restore: save did not end with a null entry": None,
        "HVM restore mismatch: expected %s type %u length %u, saw type %u length %u.  %u bytes"
        " remaining": r"has [\d,]+ octets, not|comes first",
        "HVM restore: dom%d has no vcpu%u": "vcpus at most",
        "HVM%d restore: bad CR0 %#x": ": CR0 is",
        "HVM%d restore: bad CR4 %#x (valid %#x, rejected %#x)": ": CR4 is",
        "HVM%d restore: bad CR3 %#x": ": CR3 is",
        "%s: HVM restore: bad EFER %#x - %s": ": EFER is",
        "%s: HVM restore: bad DR6 %#x or DR7 %#x": ": DR6 is",
        "bad flags value in CPU context: %#x": ": flags are",
        "%s: HVM restore: bad MSR_TSC_AUX %#x": "TSC_AUX",
        "HVM restore: PCI-ISA link %u out of range (%u)": "routes are",
        "HVM restore: %s: too many (%u) variable range MTRRs": "variable ranges",
        "HVM restore %s: failed to check %s:%u rc %d": ": (PIC|PIT|LAPIC|XSAVE|CPU_MSR) of",
        "HVM restore %s: failed to load %s:%u rc %d": "^(?!.*no CPU state)",
        "Unable to restore HVM context": None,
    },
    example="CPU, CR0 0x80000010 (PG without PE); legal: CPU, CR0 0x80000011",
    message="{what}",
    breaking=(*eg.HVM3, eg.PAGES, eg.TSC3, eg.PARAMS, eg.context(cr0=0x80000010)),
    legal=(*eg.HVM3, eg.PAGES, eg.TSC3, eg.PARAMS, eg.context(cr0=0x80000011)),
)

BAD_HVM_PARAMS = _rule(
    id="bad-hvm-params",
    severity="error",
    summary="HVM_PARAMS sets a parameter that Xen does not let be set, or to a value it does not take",
    source="handle_hvm_params() in xg_sr_restore_x86_hvm.c; hvm_allow_set_param() and hvm_set_param() in"
    " xen/arch/x86/hvm/hvm.c; xen/include/public/hvm/params.h",
    why="The parameters are set one by one, and the restore fails at the first that Xen refuses. That is"
    " an index past the last, one that is deprecated or, since 4.20, read-only, one that may be set once"
    " and changes, or a Viridian feature that this Xen does not know.",
    advice="Receive with a Xen as new as the source's or newer. If it refuses a Viridian feature, start the guest"
    " with a `viridian` setting that both hosts know.",
    receiver_says={
        "set HVM param %d = 0x%016x": "",
    },
    example="index 99; legal: index 1 (STORE_PFN)",
    message="{what}",
    breaking=(*eg.HVM3, eg.PAGES, eg.TSC3, eg.params(99)),
    legal=(*eg.HVM3, eg.PAGES, eg.TSC3, eg.params(1)),
)

POLICY_CONTRADICTED = _rule(
    id="policy-contradicted",
    severity="warning",
    summary="The guest's own state uses what the CPU policy sent before it lacks",
    source="hvm_cr4_guest_valid_bits() and hvm_efer_valid() in xen/arch/x86/hvm/hvm.c; validate_xstate()"
    " in xen/arch/x86/xstate.c",
    why="Xen holds control registers against the policy that came with the stream, and refuses the whole"
    " HVM_CONTEXT for one bit too many. A policy that was changed after the guest had started is the"
    " usual cause.",
    advice="Do not change `cpuid` or `msr` settings of a guest that runs: start it anew with those it is to have,"
    " and migrate it then. `xenshark diff` compares two policies.",
    receiver_says={
        "HVM%d restore: bad CR4 %#x (valid %#x, rejected %#x)": "CR4",
        "%s: HVM restore: bad EFER %#x - %s": "EFER",
    },
    example="CR4.SMEP set, leaf 7 without SMEP; no finding: CR4.SMEP set, leaf 7 with SMEP",
    message="{what}",
    breaking=(eg.IMAGE3, eg.HVM, eg.CPUID, eg.STATIC, eg.PAGES, eg.TSC3, eg.PARAMS, eg.context(cr4=0x20)),
    legal=(eg.IMAGE3, eg.HVM, eg.CPUID, eg.STATIC, eg.PAGES, eg.TSC3, eg.PARAMS, eg.context(cr4=0x100)),
)

RULES = declared(globals())

SUBLEAVES: Mapping[int, int] = {0x4: 6, 0x7: 3, 0xB: 2, 0xD: 63}
"""By leaf how many subleaves Xen takes; any other has none. CPUID_GUEST_NR_* of xen/lib/x86/cpu-policy.h."""

BASIC_LEAVES, EXTENDED, EXTENDED_LEAVES, HYPERVISOR = 0xE, 0x80000000, 0x22, (0x40000000, 0x40000100)
LEAVES_MAX = BASIC_LEAVES + sum(SUBLEAVES.values()) - len(SUBLEAVES) + EXTENDED_LEAVES + len(HYPERVISOR)

REGISTERS: Mapping[int, int] = {0xCE: 32, 0x10A: 64}
"""Registers of an X86_MSR_POLICY, and how many bits of each are kept."""


def _cpuid(record: Record, guest: Guest) -> Iterator[Violation]:
    if not record.body:
        yield BAD_CPU_POLICY(what="its size is 0")
        return
    found = tuple(leaves(record.body, record.endianness)) if not len(record.body) % LEAF else ()
    if len(found) > LEAVES_MAX:
        yield BAD_CPU_POLICY(what=f"{len(found):,} leaves, and no Xen takes more than {LEAVES_MAX}")
        return
    for leaf, subleaf, *_ in found:
        if not _is_leaf(leaf, subleaf):
            of = "" if subleaf == NO_SUBLEAF else f", subleaf {subleaf:,}"
            yield BAD_CPU_POLICY(what=f"leaf 0x{leaf:x}{of} is out of range")
            return


def _is_leaf(leaf: int, subleaf: int) -> bool:
    if leaf in SUBLEAVES:
        return subleaf < SUBLEAVES[leaf]
    is_known = leaf < BASIC_LEAVES or leaf in HYPERVISOR or EXTENDED <= leaf < EXTENDED + EXTENDED_LEAVES
    return is_known and subleaf == NO_SUBLEAF


def _msrs(record: Record, guest: Guest) -> Iterator[Violation]:
    if not record.body:
        yield BAD_CPU_POLICY(what="its size is 0")
        return
    found = tuple(registers(record.body, record.endianness)) if not len(record.body) % MSR else ()
    if len(found) > len(REGISTERS):
        yield BAD_CPU_POLICY(what=f"{len(found):,} registers, and no Xen takes more than {len(REGISTERS)}")
        return
    for index, flags, value in found:
        if flags:
            yield BAD_CPU_POLICY(what=f"register 0x{index:x} has flags 0x{flags:x}")
        elif index not in REGISTERS:
            yield BAD_CPU_POLICY(what=f"register 0x{index:x} is none of a policy's")
        elif value >> REGISTERS[index]:
            yield BAD_CPU_POLICY(what=f"register 0x{index:x} is 0x{value:x}, more than {REGISTERS[index]} bits")
        else:
            continue
        return


# HVM_PARAMS: xen/include/public/hvm/params.h

PARAMS = 39
DEPRECATED = frozenset((13, *range(20, 27), 30))
READ_ONLY = frozenset((35,))
ONCE = frozenset((5, 6, 9, 32, 33, 38))
VIRIDIAN_BITS, VIRIDIAN_BASE = 0x1FFF, 1

VALUES: Mapping[int, Callable[[int], bool]] = {
    9: lambda value: not value & ~VIRIDIAN_BITS and bool(value & VIRIDIAN_BASE),
    10: lambda value: value <= 3,
    14: lambda value: value in (0, 3),
    15: lambda value: value < 1 << 32,
    19: lambda value: value <= 1,
    31: lambda value: value <= 5,
    33: lambda value: 0 < value <= 64,
    36: lambda value: value in (0, 4, 8),
    37: lambda value: value >> 32 >= 104,
    38: lambda value: value <= 1,
}
"""What Xen takes of a parameter, where it does not take anything."""


def _params(record: Record, guest: Guest) -> Iterator[Violation]:
    known = dict(guest.params or {})
    for index, value in pairs(record.body, record.endianness):
        what = _refused(index, value, known)
        if what is not None:
            yield BAD_HVM_PARAMS(what=what)
            return
        known[index] = value


def _refused(index: int, value: int, known: Mapping[int, int]) -> str | None:
    if index >= PARAMS:
        return f"index {index:,}, and the last one is {PARAMS - 1}"
    if index in DEPRECATED:
        return f"index {index} is deprecated"
    if index in READ_ONLY:
        return f"index {index} is read-only since Xen 4.20"
    if index in VALUES and not VALUES[index](value):
        return f"index {index} is 0x{value:x}, which Xen does not take"
    if index in ONCE and known.get(index, 0) not in (0, value):
        return f"index {index} is 0x{value:x}, was 0x{known[index]:x}, and may be set once"
    return None


# HVM_CONTEXT: xen/include/public/arch-x86/hvm/save.h

END, HEADER, CPU, PIC, LAPIC, PCI_LINK, PIT, MTRR, XSAVE = 0, 1, 2, 3, 5, 9, 10, 14, 16
VIRIDIAN_VCPU, CPU_MSR = 17, 20

SIZES: Mapping[int, tuple[int, ...]] = {
    1: (24,),
    2: (1016, 1024, 1032),
    3: (8,),
    4: (400,),
    5: (16, 20, 24, 32),
    6: (1024,),
    7: (16,),
    8: (8,),
    9: (8,),
    10: (56,),
    11: (16, 24),
    12: (1048,),
    13: (8,),
    14: (240,),
    15: (16, 24, 32),
    17: (8, 16, 216),
    18: (8, 24, 32),
    19: (8,),
}
"""By type code the sizes that releases of Xen have sent, oldest first; a shorter one than today's is extended by zeros.
XSAVE and CPU_MSR say theirs themselves."""

PER_VCPU = frozenset((2, 5, 6, 14, 16, 17, 18, 19, 20))
VCPUS_MAX = 128
"""What any HVM guest has at most."""

XSAVE_LEAST, XSAVE_AREA, MSR_LIST, MSR_SIZE = 24 + 576, 24 + 512, 8, 16
LOADED_MSRS = frozenset((0x48, 0x140, 0x6E1, 0xD90, 0xDA0, 0xC001011F, 0xC0011027, 0xC0011019, 0xC001101A, 0xC001101B))

PIC_MASTER = 1 << 6
PIC_EDGES = {True: 0xFC, False: 0xDE}
"""Lines whose trigger can be set, by whether it is the master."""

PIT_GATE = 15
PIT_MOST = {6: 4, 9: 4, 10: 4, 12: 3, 14: 1, PIT_GATE: 1}
"""By its place in a channel what an octet is at most: count_latched, read_state, write_state, rw_mode, bcd, gate."""

MAGIC, VERSION = 0x54381286, 1


class Fields(NamedTuple):
    """Where the fields of a vcpu's state are that Xen looks at: struct hvm_hw_cpu."""

    cr0: int = 656
    cr3: int = 672
    cr4: int = 680
    dr6: int = 720
    dr7: int = 728
    efer: int = 992
    tsc_aux: int = 1000
    flags: int = 1024
    pad: int = 1028


CPU_AT = Fields()
CPU_COMPAT = 1016
"""Octets of the oldest state, which has no TSC_AUX: what follows EFER is elsewhere."""

CPU_FLAGS = 1032
"""Octets of the state that has flags."""

PE, ET, PG, CR0_BITS = 1, 0x10, 1 << 31, 0xE005003F
SCE, LME, LMA, NXE, SVME, FFXSE, AIBRSE = 1, 1 << 8, 1 << 10, 1 << 11, 1 << 12, 1 << 14, 1 << 21
EFER_BITS = SCE | LME | LMA | NXE | SVME | FFXSE | AIBRSE
PHYSICAL_BITS = 52


class Feature(NamedTuple):
    """A bit of the guest's state, and the CPUID bits of which it needs one: leaf, subleaf, register, bit."""

    name: str
    mask: int
    needs: tuple[tuple[int, int, str, int], ...]


_1, _7, _EXT, _EXT21 = (1, NO_SUBLEAF), (7, 0), (0x80000001, NO_SUBLEAF), (0x80000021, NO_SUBLEAF)

CR4 = (
    Feature("VME or PVI", 0x3, ((*_1, "d", 1),)),
    Feature("TSD", 0x4, ((*_1, "d", 4),)),
    Feature("DE", 0x8, ((*_1, "d", 2),)),
    Feature("PSE", 0x10, ((*_1, "d", 3),)),
    Feature("PAE", 0x20, ((*_1, "d", 6),)),
    Feature("MCE", 0x40, ((*_1, "d", 7), (*_1, "d", 14))),
    Feature("PGE", 0x80, ((*_1, "d", 13),)),
    Feature("PCE", 0x100, ()),
    Feature("OSFXSR", 0x200, ((*_1, "d", 24),)),
    Feature("OSXMMEXCPT", 0x400, ((*_1, "d", 25),)),
    Feature("UMIP", 0x800, ((*_7, "c", 2),)),
    Feature("VMXE", 1 << 13, ((*_1, "c", 5),)),
    Feature("FSGSBASE", 1 << 16, ((*_7, "b", 0),)),
    Feature("PCIDE", 1 << 17, ((*_1, "c", 17),)),
    Feature("OSXSAVE", 1 << 18, ((*_1, "c", 26),)),
    Feature("SMEP", 1 << 20, ((*_7, "b", 7),)),
    Feature("SMAP", 1 << 21, ((*_7, "b", 20),)),
    Feature("PKE", 1 << 22, ((*_7, "c", 3),)),
    Feature("CET", 1 << 23, ((*_7, "c", 7), (*_7, "d", 20))),
    Feature("PKS", 1 << 24, ((*_7, "c", 31),)),
    Feature("LASS", 1 << 27, ((7, 1, "a", 6),)),
)
CR4_BITS = sum(one.mask for one in CR4)

EFER = (
    Feature("SCE", SCE, ((*_EXT, "d", 11),)),
    Feature("LME or LMA", LME | LMA, ((*_EXT, "d", 29),)),
    Feature("NXE", NXE, ((*_EXT, "d", 20),)),
    Feature("SVME", SVME, ((*_EXT, "c", 2),)),
    Feature("FFXSE", FFXSE, ((*_EXT, "d", 25),)),
    Feature("AIBRSE", AIBRSE, ((*_EXT21, "a", 8),)),
)

XCR0_FP, XCR0_SSE, XCR0_YMM, XCR0_BOUNDS, XCR0_512, XCR0_TILES = 1, 2, 4, 0x18, 0xE0, 3 << 17


def _context(record: Record, guest: Guest) -> Iterator[Violation]:
    """The first state that Xen does not load, and what contradicts the policy.

    A stream of version 2 is of Xen 4.13 or older, or of the postcopy series, whose states are not held against what
    today's Xen checks; where the version was not captured it may be one. HEADER and END alone are the state of no
    guest: programs send it that have no hypervisor.
    """
    has_cpu, has_end = False, False
    endianness = record.endianness
    states = tuple(save_records(record.body, endianness))
    if record.context.version != 3 or tuple(state.typecode for state in states) == (HEADER, END):
        return
    for place, state in enumerate(states):
        if len(state.body) < state.length and state.typecode:
            return  # the chain is cut short, which is a violation of its own
        what = _wrong_place(place, state) or (_wrong_state(state, guest, endianness) if state.typecode else None)
        if what is not None:
            yield BAD_HVM_CONTEXT(what=what)
            return
        has_cpu = has_cpu or state.typecode == CPU
        has_end = not state.typecode
        lacking = _lacking(state, guest.policy, endianness)
        if lacking is not None:
            yield POLICY_CONTRADICTED(what=lacking)
    if has_end and not has_cpu:
        yield BAD_HVM_CONTEXT(what="there is no CPU state: no vcpu would run")


def _name(state: SaveRecord) -> str:
    return f"{HVM_SAVE_TYPES.get(state.typecode, state.typecode)} of instance {state.instance}"


def _wrong_place(place: int, state: SaveRecord) -> str | None:
    if not place and state.typecode != HEADER:
        return f"type code {state.typecode} comes first, not HEADER"
    if place and state.typecode == HEADER:
        return "a second HEADER"
    if state.typecode not in HVM_SAVE_TYPES:
        return f"type code {state.typecode} is unknown"
    return None


def _wrong_state(state: SaveRecord, guest: Guest, endianness: Endianness) -> str | None:
    sizes = SIZES.get(state.typecode)
    if sizes is not None and state.length not in sizes:
        return f"{_name(state)} has {state.length:,} octets, not {' or '.join(map(str, sizes))}"
    if state.typecode in PER_VCPU and state.instance >= (guest.max_vcpus or VCPUS_MAX):
        return f"{_name(state)}, and the guest has {guest.max_vcpus or VCPUS_MAX} vcpus at most"
    judge = _STATES.get(state.typecode)
    return judge(state, endianness) if judge is not None else None


def _header(state: SaveRecord, endianness: Endianness) -> str | None:
    magic, version = (number(state.body, at, 4, endianness) for at in (0, 4))
    if magic != MAGIC:
        return f"magic is 0x{magic:08x}, not 0x{MAGIC:08x}"
    return f"version is {version}, not {VERSION}" if version != VERSION else None


def _cpu(state: SaveRecord, endianness: Endianness) -> str | None:
    cr0, cr3, cr4, dr6, dr7, efer = (number(state.body, at, 8, endianness) for at in CPU_AT[:6])
    if cr0 & ~CR0_BITS or not cr0 & ET or cr0 & (PE | PG) == PG:
        return f"{_name(state)}: CR0 is 0x{cr0:x}"
    if cr4 & ~CR4_BITS:
        return f"{_name(state)}: CR4 is 0x{cr4:x}, and no Xen takes 0x{cr4 & ~CR4_BITS:x} of it"
    if efer & ~EFER_BITS or (efer & LMA and not (efer & LME and cr0 & PG)):
        return f"{_name(state)}: EFER is 0x{efer:x}, CR0 0x{cr0:x}"
    if dr6 >> 32 or dr7 >> 32:
        return f"{_name(state)}: DR6 is 0x{dr6:x}, DR7 0x{dr7:x}"
    if cr3 >> PHYSICAL_BITS:
        return f"{_name(state)}: CR3 is 0x{cr3:x}"
    if state.length != CPU_COMPAT and number(state.body, CPU_AT.tsc_aux, 8, endianness) >> 32:
        return f"{_name(state)}: TSC_AUX has more than 32 bits"
    if state.length == CPU_FLAGS:
        flags, pad = (number(state.body, at, 4, endianness) for at in (CPU_AT.flags, CPU_AT.pad))
        if flags & ~1 or pad:
            return f"{_name(state)}: flags are 0x{flags:x}, the padding behind them 0x{pad:x}"
    return None


def _pic(state: SaveRecord, endianness: Endianness) -> str | None:
    """vpic_check() of xen/arch/x86/hvm/vpic.c."""
    if state.instance > 1:
        return f"{_name(state)}: a guest has two"
    initialising, bits, edges, output = state.body[4] & 0xF, state.body[5], state.body[6], state.body[7]
    is_master = bool(bits & PIC_MASTER)
    if is_master != (state.instance == 0) or edges & ~PIC_EDGES[is_master] or output > 1 or (output and initialising):
        return f"{_name(state)} holds {state.body.hex(' ')}"
    return None


def _pit(state: SaveRecord, endianness: Endianness) -> str | None:
    """pit_check() of xen/arch/x86/emul-i8254.c: three channels of 16 octets, the speaker, padding."""
    speaker, padding = (number(state.body, at, 4, endianness) for at in (48, 52))
    if speaker > 1 or padding:
        return f"{_name(state)}: speaker is {speaker}, the padding 0x{padding:x}"
    for channel in range(3):
        body = state.body[16 * channel : 16 * channel + 16]
        is_wrong = any(body[at] > most for at, most in PIT_MOST.items()) or number(body, 0, 4, endianness) > 0x10000
        if is_wrong or (channel != 2 and not body[PIT_GATE]):
            return f"{_name(state)}: channel {channel} holds {body.hex(' ')}"
    return None


def _lapic(state: SaveRecord, endianness: Endianness) -> str | None:
    base = number(state.body, 0, 8, endianness)
    return f"{_name(state)}: APIC base is 0x{base:x}, x2APIC without APIC" if base & 0xC00 == 0x400 else None


def _pci_link(state: SaveRecord, endianness: Endianness) -> str | None:
    if any(state.body[4:8]) or max(state.body[:4]) > 15:
        return f"{_name(state)}: routes are {state.body[:4].hex(' ')}, the padding {state.body[4:8].hex(' ')}"
    return None


def _mtrr(state: SaveRecord, endianness: Endianness) -> str | None:
    ranges = state.body[8] if endianness == "little" else state.body[15]
    return f"{_name(state)}: {ranges} variable ranges, and Xen has 8" if ranges > 8 else None


def _xsave(state: SaveRecord, endianness: Endianness) -> str | None:
    if state.length < XSAVE_LEAST:
        return f"{_name(state)} has {state.length:,} octets, fewer than {XSAVE_LEAST}"
    xcr0, accumulated = (number(state.body, at, 8, endianness) for at in (8, 16))
    used, compact = (number(state.body, at, 8, endianness) for at in (XSAVE_AREA, XSAVE_AREA + 8))
    if not accumulated and not xcr0 and not used:
        return None  # Xen before 4.12 sent it for a guest that does not use it
    if used & ~accumulated or xcr0 & ~accumulated or not is_xcr0(xcr0) or not is_xcr0(accumulated):
        return f"{_name(state)}: XCR0 is 0x{xcr0:x}, 0x{accumulated:x} in all, 0x{used:x} in use"
    if compact or any(state.body[XSAVE_AREA + 16 : XSAVE_AREA + 64]):
        return f"{_name(state)}: its header is that of a compacted area, or has reserved bits"
    return None


def is_xcr0(value: int) -> bool:
    """valid_xcr0() of xen/arch/x86/xstate.c: which states go together."""
    if not value & XCR0_FP or (value & XCR0_YMM and not value & XCR0_SSE):
        return False
    if value & XCR0_512 and (value & XCR0_512 != XCR0_512 or not value & XCR0_YMM):
        return False
    return all(value & both in (0, both) for both in (XCR0_BOUNDS, XCR0_TILES))


def _viridian_vcpu(state: SaveRecord, endianness: Endianness) -> str | None:
    return f"{_name(state)}: its padding is not zero" if any(state.body[9:16]) else None


def _cpu_msr(state: SaveRecord, endianness: Endianness) -> str | None:
    count = number(state.body, 0, 4, endianness)
    if not count or state.length != MSR_LIST + MSR_SIZE * count:
        return f"{_name(state)} has {state.length:,} octets for {count:,} registers"
    for at in range(MSR_LIST, state.length, MSR_SIZE):
        index, reserved = (number(state.body, at + more, 4, endianness) for more in (0, 4))
        if reserved or index not in LOADED_MSRS:
            return f"{_name(state)}: register 0x{index:x}, reserved 0x{reserved:x}"
    return None


_STATES: Mapping[int, Callable[[SaveRecord, Endianness], str | None]] = {
    HEADER: _header,
    CPU: _cpu,
    PIC: _pic,
    LAPIC: _lapic,
    PCI_LINK: _pci_link,
    PIT: _pit,
    MTRR: _mtrr,
    XSAVE: _xsave,
    VIRIDIAN_VCPU: _viridian_vcpu,
    CPU_MSR: _cpu_msr,
}

Policy = Mapping[tuple[int, int], Leaf]


def _lacking(state: SaveRecord, policy: Policy, endianness: Endianness) -> str | None:
    """What of a state the policy lacks, as far as it says anything of it."""
    if not policy:
        return None
    if state.typecode == CPU:
        for register, at, features in (("CR4", CPU_AT.cr4, CR4), ("EFER", CPU_AT.efer, EFER)):
            value = number(state.body, at, 8, endianness)
            for one in features:
                if value & one.mask and _is_lacking(one, policy):
                    return f"{_name(state)}: {register} is 0x{value:x}, and the policy has no {one.name}"
    elif state.typecode == XSAVE and (0xD, 0) in policy:
        leaf = policy[0xD, 0]
        accumulated, allowed = number(state.body, 16, 8, endianness), leaf.d << 32 | leaf.a
        if accumulated & ~allowed:
            return f"{_name(state)}: XCR0 is 0x{accumulated:x} in all, and the policy allows 0x{allowed:x}"
    return None


def _is_lacking(feature: Feature, policy: Policy) -> bool:
    leaves = [(policy.get((leaf, subleaf)), register, bit) for leaf, subleaf, register, bit in feature.needs]
    if not leaves or any(leaf is None for leaf, _, _ in leaves):
        return False  # of a leaf that was not sent the receiver has its own
    return not any(getattr(leaf, register) >> bit & 1 for leaf, register, bit in leaves)


_JUDGES: Mapping[str, Callable[[Record, Guest], Iterator[Violation]]] = {
    "X86_CPUID_POLICY": _cpuid,
    "X86_MSR_POLICY": _msrs,
    "HVM_PARAMS": _params,
    "HVM_CONTEXT": _context,
}


def judge(record: Record, guest: Guest) -> Iterator[Violation]:
    """What the body of a record breaks, by itself or by what came before it."""
    judged = _JUDGES.get(record.name)
    if judged is not None and record.complete and len(record.body) == record.body_length:
        yield from judged(record, guest)
