"""HVM_CONTEXT in depth: the state of each processor and device that the hypervisor itself emulates.

Source of every layout: xen/include/public/arch-x86/hvm/save.h of Xen, the structure that its docstring names. What a
Xen of another age wrote shorter is a layout of its own; octets of any other length stay octets.

`descriptors`, `cpu` and `fixed_state` read without construct, for whoever judges a stream.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import construct as c

from . import msr
from .codec import layout
from .forms import Always, Signed, Structures, bits
from .libxc import HVM_SAVE_TYPES
from .primitives import (
    BitField,
    Body,
    Endianness,
    Form,
    Ints,
    Later,
    Layout,
    counted,
    length_of,
    repeated,
    several,
    told,
)
from .walk import fixed
from .x86 import (
    APIC_BASE,
    CR0,
    CR4,
    DR6,
    DR7,
    EFLAGS,
    EVENT_TYPES,
    FPU,
    FXSAVE_SIZE,
    MTRR_DEF_TYPE,
    SEGMENT,
    XCR0,
    ints,
    pad,
    xsave_area,
)

MAGIC = 0x54381286
VERSION = 1

_EFER = Always(msr.BITS["EFER"])
_MIS = Always(bits("0:INITIALISED"))
_EVENT = Always(
    bits("11:error_valid 31:valid", BitField("vector", 0, 8), BitField("type", 8, 3, EVENT_TYPES, "X86_ET_*"))
)


def hvm_header(i: Ints) -> Layout:
    """struct hvm_save_header, 24 octets."""
    return c.Struct(
        "magic" / c.Default(i.u32, MAGIC) * "HVM_FILE_MAGIC",
        "version" / c.Default(i.u32, VERSION) * "HVM_FILE_VERSION",
        "changeset" / i.u64 * "Of the Xen that saved it; all ones: unknown",
        "cpuid" / i.u32 * "CPUID leaf 1, EAX, of the host that saved it",
        "gtsc_khz" / i.u32 * "Frequency of the guest's TSC, kHz",
    )


_SEGMENTS = "cs ds es fs gs ss tr ldtr"


def _of_segments(suffix: str, more: str = "") -> str:
    return " ".join(f"{name}_{suffix}" for name in f"{_SEGMENTS} {more}".split())


def _cpu(i: Ints) -> Iterator[Layout]:
    """What all ages of struct hvm_hw_cpu begin with, up to and with EFER."""
    source = "struct hvm_hw_cpu"
    yield "fpu_regs" / told(i, c.Bytes(FXSAVE_SIZE), FPU) * "As FXSAVE writes it"
    yield from ints(i.u64, source, "rax rbx rcx rdx rbp rsi rdi rsp r8 r9 r10 r11 r12 r13 r14 r15 rip")
    yield "rflags" / told(i, i.u64, Always(EFLAGS)) * source
    yield "cr0" / told(i, i.u64, Always(CR0)) * source
    yield from ints(i.u64, source, "cr2 cr3")
    yield "cr4" / told(i, i.u64, Always(CR4)) * source
    yield from ints(i.u64, source, "dr0 dr1 dr2 dr3")
    yield "dr6" / told(i, i.u64, Always(DR6)) * source
    yield "dr7" / told(i, i.u64, Always(DR7)) * source
    yield from ints(i.u32, source, _of_segments("sel"))
    yield from ints(i.u32, source, _of_segments("limit", "idtr gdtr"))
    yield from ints(i.u64, source, _of_segments("base", "idtr gdtr"))
    yield from ints(told(i, i.u32, Always(SEGMENT)), source, _of_segments("arbytes"))
    yield from ints(i.u64, source, "sysenter_cs sysenter_esp sysenter_eip shadow_gs")
    yield "msr_flags" / c.Default(i.u64, 0) * "Of no meaning any more"
    yield from ints(i.u64, source, "msr_lstar msr_star msr_cstar msr_syscall_mask")
    yield "msr_efer" / told(i, i.u64, _EFER) * source


def _cpu_end(i: Ints) -> tuple[Layout, ...]:
    return (
        "tsc" / i.u64 * "What RDTSC would return",
        "pending_event" / told(i, i.u32, _EVENT) * "The event that is to be delivered, if any",
        "error_code" / i.u32 * "Its error code",
    )


def hvm_cpu(i: Ints) -> Layout:
    """struct hvm_hw_cpu, 1032 octets."""
    return c.Struct(
        *_cpu_1024(i),
        "flags" / told(i, i.u32, _MIS) * "Whether the FPU's registers are to be loaded",
        pad("pad0", 4),
    )


def hvm_cpu_1024(i: Ints) -> Layout:
    """The same of Xen 4.0 to 4.6, which do not know flags, 1024 octets."""
    return c.Struct(*_cpu_1024(i))


def _cpu_1024(i: Ints) -> Iterator[Layout]:
    yield from _cpu(i)
    yield "msr_tsc_aux" / i.u64 * "struct hvm_hw_cpu"
    yield from _cpu_end(i)


def hvm_cpu_compat(i: Ints) -> Layout:
    """struct hvm_hw_cpu_compat, 1016 octets: Xen up to 3.4, without TSC_AUX."""
    return c.Struct(*_cpu(i), *_cpu_end(i))


def hvm_pic(i: Ints) -> Layout:
    """struct hvm_hw_vpic, 8 octets."""
    init = bits("", BitField("init_state", 0, 4), BitField("priority_add", 4, 4))
    modes = bits(
        "0:readsel_isr 1:poll 2:auto_eoi 3:rotate_on_auto_eoi 4:special_fully_nested_mode 5:special_mask_mode "
        "6:is_master"
    )
    return c.Struct(
        "irr" / i.u8 * "Interrupts that are requested, a bit each",
        "imr" / i.u8 * "Interrupts that are masked",
        "isr" / i.u8 * "Interrupts in service",
        "irq_base" / i.u8 * "Vector of its first interrupt",
        "init" / told(i, i.u8, Always(init)) * "How far its initialisation is, and the highest priority",
        "modes" / told(i, i.u8, Always(modes)) * "Modes of operation",
        "elcr" / i.u8 * "Which interrupts are level-triggered",
        "int_output" / i.u8 * "Its output",
    )


REDIRECTION = bits(
    "11:logical 12:delivery_status 13:polarity 14:remote_irr 15:trig_mode 16:mask",
    BitField("vector", 0, 8),
    BitField("delivery_mode", 8, 3),
    BitField("dest_id", 56, 8),
)
"""union vioapic_redir_entry; `logical` is its dest_mode."""


def hvm_ioapic(i: Ints) -> Layout:
    """struct hvm_hw_vioapic, 400 octets with its 48 pins."""
    return c.Struct(
        "base_address" / i.u64 * "Where it is in the guest's memory",
        "ioregsel" / i.u32 * "The register that is selected",
        "id" / i.u32 * "Its number",
        "redirtbl" / repeated(told(i, i.u64, Always(REDIRECTION))) * "Where the interrupt of each pin goes",
    )


def _lapic(i: Ints) -> tuple[Layout, ...]:
    return (
        "apic_base_msr" / told(i, i.u64, Always(APIC_BASE)) * "The register APIC_BASE",
        "disabled" / told(i, i.u32, Always(bits("0:SW 1:HW"))) * "By whom it is disabled: VLAPIC_*_DISABLED",
        "timer_divisor" / i.u32 * "Divisor of its timer",
    )


def _lapic_24(i: Ints) -> tuple[Layout, ...]:
    return (*_lapic(i), "tdt_msr" / i.u64 * "The register TSC_DEADLINE")


def hvm_lapic(i: Ints) -> Layout:
    """struct hvm_hw_lapic, 32 octets."""
    return c.Struct(*_lapic_24(i), "pending_esr" / i.u32 * "Errors that are to be reported", pad("pad", 4))


def hvm_lapic_24(i: Ints) -> Layout:
    """The same of a Xen that does not know pending_esr, 24 octets."""
    return c.Struct(*_lapic_24(i))


def hvm_lapic_16(i: Ints) -> Layout:
    """The same of Xen 4.0 and before, which do not know TSC_DEADLINE, 16 octets."""
    return c.Struct(*_lapic(i))


# fmt: off
_LAPIC_REGISTERS: Mapping[int, str] = {
    0x20: "ID", 0x30: "LVR", 0x80: "TASKPRI", 0x90: "ARBPRI", 0xA0: "PROCPRI", 0xB0: "EOI", 0xC0: "RRR", 0xD0: "LDR",
    0xE0: "DFR", 0xF0: "SPIV",
    **{0x100 + 16 * one: f"ISR{one}" for one in range(8)},
    **{0x180 + 16 * one: f"TMR{one}" for one in range(8)},
    **{0x200 + 16 * one: f"IRR{one}" for one in range(8)},
    0x280: "ESR", 0x2F0: "CMCI", 0x300: "ICR", 0x310: "ICR2", 0x320: "LVTT", 0x330: "LVTTHMR", 0x340: "LVTPC",
    0x350: "LVT0", 0x360: "LVT1", 0x370: "LVTERR", 0x380: "TMICT", 0x390: "TMCCT", 0x3E0: "TDCR", 0x3F0: "SELF_IPI",
}
# fmt: on


def hvm_lapic_regs(i: Ints) -> Layout:
    """struct hvm_hw_lapic_regs, 1024 octets; registers: xen/arch/x86/include/asm/apicdef.h."""
    return c.Struct(*_lapic_regs(i))


def _lapic_regs(i: Ints) -> Iterator[Layout]:
    for at in range(0, 0x400, 16):
        if at in _LAPIC_REGISTERS:
            yield _LAPIC_REGISTERS[at] / i.u32 * f"APIC_{_LAPIC_REGISTERS[at].rstrip('01234567')}"
            yield pad(f"pad_{at + 4:03x}", 12)
        else:
            yield pad(f"pad_{at:03x}", 16)


def hvm_pci_irq(i: Ints) -> Layout:
    """struct hvm_hw_pci_irqs, 16 octets."""
    return c.Struct("wires" / several(2, i.u64) * "Interrupt wires: bit 4 * device + INTx")


def hvm_isa_irq(i: Ints) -> Layout:
    """struct hvm_hw_isa_irqs, 8 octets."""
    return c.Struct("wires" / i.u64 * "Interrupt wires, a bit each")


def hvm_pci_link(i: Ints) -> Layout:
    """struct hvm_hw_pci_link, 8 octets."""
    return c.Struct("routes" / several(4, i.u8) * "The interrupt of each link", pad("pad0", 4))


def hvm_pit(i: Ints) -> Layout:
    """struct hvm_hw_pit, 56 octets."""
    channel = c.Struct(
        "count" / i.u32 * "struct hvm_hw_pit_channel",
        "latched_count" / i.u16 * "struct hvm_hw_pit_channel",
        *ints(
            i.u8,
            "struct hvm_hw_pit_channel",
            "count_latched status_latched status read_state write_state write_latch rw_mode mode bcd gate",
        ),
    )
    return c.Struct(
        "channels" / several(3, channel) * "Its counters",
        "speaker_data_on" / i.u32 * "Whether the speaker sounds",
        pad("pad0", 4),
    )


def _rtc(i: Ints) -> tuple[Layout, ...]:
    return (
        "cmos_data" / c.Bytes(14) * "Its registers",
        "cmos_index" / i.u8 * "The register that is selected",
        pad("pad0", 1),
    )


def hvm_rtc(i: Ints) -> Layout:
    """struct hvm_hw_rtc, 24 octets."""
    return c.Struct(*_rtc(i), "rtc_offset" / told(i, i.u64, Always(Signed(8))) * "Its distance from the host's time, s")


def hvm_rtc_16(i: Ints) -> Layout:
    """The same of a Xen that does not know rtc_offset, 16 octets."""
    return c.Struct(*_rtc(i))


def hvm_hpet(i: Ints) -> Layout:
    """struct hvm_hw_hpet, 1048 octets."""
    timer = c.Struct(
        "config" / i.u64 * "Configuration and capabilities",
        "cmp" / i.u64 * "Comparator",
        "fsb" / i.u64 * "Route of its message",
        "res4" / c.Default(i.u64, 0) * "Reserved",
    )
    return c.Struct(
        "capability" / i.u64 * "What it can do",
        "res0" / c.Default(i.u64, 0) * "Reserved",
        "config" / i.u64 * "Configuration",
        "res1" / c.Default(i.u64, 0) * "Reserved",
        "isr" / i.u64 * "Interrupts that are active",
        pad("res2", 200),
        "mc64" / i.u64 * "Main counter",
        "res3" / c.Default(i.u64, 0) * "Reserved",
        "timers" / several(3, timer) * "Its timers",
        pad("res5", 672),
        "period" / several(3, i.u64) * "What was written to each comparator last",
    )


def hvm_pmtimer(i: Ints) -> Layout:
    """struct hvm_hw_pmtimer, 8 octets."""
    return c.Struct(
        "tmr_val" / i.u32 * "The counter",
        "pm1a_sts" / i.u16 * "Status register",
        "pm1a_en" / i.u16 * "Enable register",
    )


MTRR_FIXED = "64K_00000 16K_80000 16K_A0000 4K_C0000 4K_C8000 4K_D0000 4K_D8000 4K_E0000 4K_E8000 4K_F0000 4K_F8000"


def hvm_mtrr(i: Ints) -> Layout:
    """struct hvm_hw_mtrr, 240 octets."""
    source = "struct hvm_hw_mtrr"
    pairs = " ".join(f"physbase{one} physmask{one}" for one in range(8))
    return c.Struct(
        "msr_pat_cr" / i.u64 * "Memory types of the page attribute table, an octet each",
        *ints(i.u64, source, pairs),
        *ints(i.u64, source, " ".join(f"fix{name}" for name in MTRR_FIXED.split())),
        "msr_mtrr_cap" / i.u64 * source,
        "msr_mtrr_def_type" / told(i, i.u64, Always(MTRR_DEF_TYPE)) * "The type of all other memory",
    )


def hvm_cpu_xsave(i: Ints) -> Layout:
    """struct hvm_hw_cpu_xsave: 600 octets and the components."""
    return c.Struct(
        "xfeature_mask" / told(i, i.u64, Always(XCR0)) * "Of no meaning any more",
        "xcr0" / told(i, i.u64, Always(XCR0)) * "States that are enabled",
        "xcr0_accum" / told(i, i.u64, Always(XCR0)) * "States that ever were",
        *xsave_area(i),
    )


_VIRIDIAN_PAGE = bits("0:enabled", BitField("pfn", 12, 52))


def hvm_viridian_domain(i: Ints) -> Layout:
    """struct hvm_viridian_domain_context, 32 octets."""
    return c.Struct(*_viridian_domain(i))


def _viridian_domain(i: Ints) -> tuple[Layout, ...]:
    return (
        "hypercall_gpa" / told(i, i.u64, Always(_VIRIDIAN_PAGE)) * "The page for hypercalls",
        "guest_os_id" / i.u64 * "What system the guest says it is",
        "time_ref_count" / i.u64 * "Reference counter, 100 ns",
        "reference_tsc" / told(i, i.u64, Always(_VIRIDIAN_PAGE)) * "The page for the reference TSC",
    )


def hvm_viridian_domain_16(i: Ints) -> Layout:
    """The same of a Xen before time_ref_count, 16 octets."""
    return c.Struct(*_viridian_domain(i)[:2])


def hvm_viridian_domain_24(i: Ints) -> Layout:
    """The same of a Xen before reference_tsc, 24 octets."""
    return c.Struct(*_viridian_domain(i)[:3])


def _viridian_vcpu(i: Ints) -> tuple[Layout, ...]:
    return (
        "vp_assist_msr" / told(i, i.u64, Always(_VIRIDIAN_PAGE)) * "The page for assistance",
        "apic_assist_pending" / i.u8 * "Whether an end of interrupt may be left out",
        pad("pad", 7),
    )


def hvm_viridian_vcpu(i: Ints) -> Layout:
    """struct hvm_viridian_vcpu_context, 216 octets."""
    return c.Struct(
        *_viridian_vcpu(i),
        "simp_msr" / told(i, i.u64, Always(_VIRIDIAN_PAGE)) * "The page for messages",
        "sint_msr" / several(16, i.u64) * "Sources of synthetic interrupts",
        "stimer_config_msr" / several(4, i.u64) * "Configurations of synthetic timers",
        "stimer_count_msr" / several(4, i.u64) * "Their counts",
    )


def hvm_viridian_vcpu_16(i: Ints) -> Layout:
    """The same of a Xen before simp_msr, 16 octets."""
    return c.Struct(*_viridian_vcpu(i))


def hvm_viridian_vcpu_8(i: Ints) -> Layout:
    """The same of a Xen before apic_assist_pending, 8 octets."""
    return c.Struct(_viridian_vcpu(i)[0])


def _vmce(i: Ints) -> tuple[Layout, ...]:
    return tuple(ints(i.u64, "struct hvm_vmce_vcpu", "caps mci_ctl2_bank0 mci_ctl2_bank1 mcg_ext_ctl"))


def hvm_vmce_vcpu(i: Ints) -> Layout:
    """struct hvm_vmce_vcpu, 32 octets: what the guest sees of machine checks."""
    return c.Struct(*_vmce(i))


def hvm_vmce_vcpu_24(i: Ints) -> Layout:
    """The same of a Xen that does not know mcg_ext_ctl, 24 octets."""
    return c.Struct(*_vmce(i)[:3])


def hvm_vmce_vcpu_8(i: Ints) -> Layout:
    """The same of a Xen that knows caps alone, 8 octets."""
    return c.Struct(*_vmce(i)[:1])


def hvm_tsc_adjust(i: Ints) -> Layout:
    """struct hvm_tsc_adjust, 8 octets."""
    return c.Struct("tsc_adjust" / told(i, i.u64, Always(Signed(8))) * "The register TSC_ADJUST")


def hvm_cpu_msr(i: Ints) -> Layout:
    """struct hvm_msr: 8 octets and 16 for each register."""
    entry = c.Struct(
        "index" / told(i, i.u32, msr.NUMBER) * "The register's number",
        "rsvd" / c.Default(i.u32, 0) * "Reserved",
        "val" / told(i, i.u64, Later("msr", "VALUES"), "index") * "Its value",
    )
    return c.Struct(
        "count" / length_of(i.u32, "msr") * "How many registers",
        pad("pad", 4),
        "msr" / counted(entry, "count", "msr") * "The registers",
    )


_BODIES: Mapping[str, tuple[Body, ...]] = {
    "HEADER": (hvm_header,),
    "CPU": (hvm_cpu, hvm_cpu_1024, hvm_cpu_compat),
    "PIC": (hvm_pic,),
    "IOAPIC": (hvm_ioapic,),
    "LAPIC": (hvm_lapic, hvm_lapic_24, hvm_lapic_16),
    "LAPIC_REGS": (hvm_lapic_regs,),
    "PCI_IRQ": (hvm_pci_irq,),
    "ISA_IRQ": (hvm_isa_irq,),
    "PCI_LINK": (hvm_pci_link,),
    "PIT": (hvm_pit,),
    "RTC": (hvm_rtc, hvm_rtc_16),
    "HPET": (hvm_hpet,),
    "PMTIMER": (hvm_pmtimer,),
    "MTRR": (hvm_mtrr,),
    "VIRIDIAN_DOMAIN": (hvm_viridian_domain, hvm_viridian_domain_24, hvm_viridian_domain_16),
    "XSAVE": (hvm_cpu_xsave,),
    "VIRIDIAN_VCPU": (hvm_viridian_vcpu, hvm_viridian_vcpu_16, hvm_viridian_vcpu_8),
    "VMCE_VCPU": (hvm_vmce_vcpu, hvm_vmce_vcpu_24, hvm_vmce_vcpu_8),
    "TSC_ADJUST": (hvm_tsc_adjust,),
    "CPU_MSR": (hvm_cpu_msr,),
}

STATES: Mapping[str, Form] = {name: Structures(name, bodies) for name, bodies in _BODIES.items()}
"""By the name of a type code; the newest layout first."""


# --- without construct --------------------------------------------------------------------------------------

_DESCRIPTOR: Mapping[Endianness, struct.Struct] = {"little": struct.Struct("<HHI"), "big": struct.Struct(">HHI")}


class Descriptor(NamedTuple):
    """One link of the chain: what `typecode` names, where its octets are in the body of the record, and how many."""

    typecode: int
    instance: int
    length: int
    offset: int
    octets: memoryview
    """Fewer than `length` where the body ends before."""

    @property
    def name(self) -> str | None:
        """The name of its type code."""
        return HVM_SAVE_TYPES.get(self.typecode)


def descriptors(body: bytes | memoryview, endianness: Endianness = "little") -> Iterator[Descriptor]:
    """The links of an HVM_CONTEXT's chain, END included, as far as the body holds their headers; none after END."""
    view, at = memoryview(body), 0
    while at + 8 <= len(view):
        typecode, instance, length = _DESCRIPTOR[endianness].unpack_from(view, at)
        yield Descriptor(typecode, instance, length, at + 8, view[at + 8 : at + 8 + length])
        at += 8 + length
        if typecode == 0:
            return


Reader = Callable[[bytes | memoryview], tuple[Any, ...]]


@functools.cache
def _readers(name: str, endianness: Endianness) -> Mapping[int, tuple[Reader, tuple[str, ...]]]:
    """Of a type code, by the length: how to read its fields, and their names. Layouts of variable size are left out."""
    found = {}
    for body in _BODIES.get(name, ()):
        try:
            reader, names = fixed(layout(body, endianness))
        except ValueError:
            continue
        found[reader.size] = reader.unpack, names
    return found


def fixed_state(name: str, octets: bytes | memoryview, endianness: Endianness = "little") -> Mapping[str, Any] | None:
    """The fields of a state as integers and octets, by their names in save.h, without construct.

    `name`: of the type code. None where its layout is not of fixed size (arrays), or not of this length.
    """
    known = _readers(name, endianness).get(len(octets))
    if known is None:
        return None
    read, names = known
    return dict(zip(names, read(octets), strict=True))


def cpu(octets: bytes | memoryview, endianness: Endianness = "little") -> Mapping[str, int] | None:
    """The registers of a CPU record: `cr0`, `cr4`, `msr_efer`, `dr6`, `dr7`, `rip`, `flags`... as integers.

    None where the octets are no CPU record of any age. `msr_tsc_aux` and `flags`, where it is too old to have them, are
    what Xen takes for them: 0 and 1 (save.h: _hvm_hw_fix_cpu).
    """
    found = fixed_state("CPU", octets, endianness)
    return None if found is None else {"msr_tsc_aux": 0, "flags": 1, **found}
