"""The state of a PV guest in depth: its processors, and the page that it shares with the hypervisor.

Sources: xen/include/public/arch-x86/xen.h (vcpu_guest_context, arch_shared_info), xen-x86_64.h and xen-x86_32.h
(cpu_user_regs), xen.h (shared_info, vcpu_info) and domctl.h (ext_vcpucontext, vcpu_msr, vcpuextstate). A guest of 64
and one of 32 bits have different ones, which the length tells; of the shared page X86_PV_INFO does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import construct as c

from . import msr
from .forms import Always, Signed, Structures, bits
from .primitives import BitField, Endianness, Ints, Later, Layout, repeated, several, told
from .x86 import CR0, CR4, DR6, DR7, EFLAGS, FPU, FXSAVE_SIZE, XCR0, ints, pad, xsave_area

FLAGS = bits("0:i387_valid 2:in_kernel 3:failsafe_disables_events 4:syscall_disables_events 5:online 8:in_syscall")
"""VGCF_*."""

VM_ASSIST = bits(
    "0:4gb_segments 1:4gb_segments_notify 2:writable_pagetables 3:pae_extended_cr3 4:architectural_iopl "
    "5:runstate_update_flag 32:m2p_strict"
)
"""VMASST_TYPE_*."""

_TRAP = bits("2:clear_events", BitField("DPL", 0, 2))
_REGS = "struct cpu_user_regs"
_CONTEXT = "struct vcpu_guest_context"


def _control(i: Ints, long: Layout) -> Iterator[Layout]:
    """CR0 to CR7 and DR0 to DR7; on x86-64 the user's page tables are in cr1."""
    for one in range(8):
        node = told(i, long, Always({0: CR0, 4: CR4}[one])) if one in (0, 4) else long
        yield f"cr{one}" / node * f"{_CONTEXT}, ctrlreg"
    for one in range(8):
        node = told(i, long, Always({6: DR6, 7: DR7}[one])) if one in (6, 7) else long
        yield f"dr{one}" / node * f"{_CONTEXT}, debugreg"


def _selectors(i: Ints, size: int) -> Iterator[Layout]:
    for name in ("ss", "es", "ds", "fs", "gs"):
        yield name / i.u16 * _REGS
        yield pad(f"pad_{name}", size)


def pv_vcpu_64(i: Ints) -> Layout:
    """struct vcpu_guest_context of a 64-bit guest, 5168 octets."""
    trap = c.Struct(
        "vector" / i.u8 * "struct trap_info",
        "flags" / told(i, i.u8, Always(_TRAP)) * "Lowest privilege that may cause it, and whether events are disabled",
        "cs" / i.u16 * "struct trap_info",
        pad("pad", 4),
        "address" / i.u64 * "Where its handler is",
    )
    return c.Struct(
        "fpu_ctxt" / told(i, c.Bytes(FXSAVE_SIZE), FPU) * "As FXSAVE writes it",
        "flags" / told(i, i.u64, Always(FLAGS)) * "VGCF_*",
        *ints(i.u64, _REGS, "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi"),
        *ints(i.u32, _REGS, "error_code entry_vector"),
        "rip" / i.u64 * _REGS,
        "cs" / i.u16 * _REGS,
        pad("pad_cs", 2),
        "saved_upcall_mask" / i.u8 * "Whether events are masked: what RFLAGS.IF says of a PV guest",
        pad("pad_mask", 3),
        "rflags" / told(i, i.u64, Always(EFLAGS)) * _REGS,
        "rsp" / i.u64 * _REGS,
        *_selectors(i, 6),
        "trap_ctxt" / several(256, trap) * "The guest's table of traps",
        *ints(i.u64, _CONTEXT, "ldt_base ldt_ents"),
        "gdt_frames" / several(16, i.u64) * "Frames of the table of descriptors",
        *ints(i.u64, _CONTEXT, "gdt_ents kernel_ss kernel_sp"),
        *_control(i, i.u64),
        *ints(i.u64, _CONTEXT, "event_callback_eip failsafe_callback_eip syscall_callback_eip"),
        "vm_assist" / told(i, i.u64, Always(VM_ASSIST)) * "VMASST_TYPE_*",
        *ints(i.u64, _CONTEXT, "fs_base gs_base_kernel gs_base_user"),
    )


def pv_vcpu_32(i: Ints) -> Layout:
    """struct vcpu_guest_context of a 32-bit guest, 2800 octets."""
    trap = c.Struct(
        "vector" / i.u8 * "struct trap_info",
        "flags" / told(i, i.u8, Always(_TRAP)) * "Lowest privilege that may cause it, and whether events are disabled",
        "cs" / i.u16 * "struct trap_info",
        "address" / i.u32 * "Where its handler is",
    )
    return c.Struct(
        "fpu_ctxt" / told(i, c.Bytes(FXSAVE_SIZE), FPU) * "As FXSAVE writes it",
        "flags" / told(i, i.u32, Always(FLAGS)) * "VGCF_*",
        *ints(i.u32, _REGS, "ebx ecx edx esi edi ebp eax"),
        *ints(i.u16, _REGS, "error_code entry_vector"),
        "eip" / i.u32 * _REGS,
        "cs" / i.u16 * _REGS,
        "saved_upcall_mask" / i.u8 * "Whether events are masked: what EFLAGS.IF says of a PV guest",
        pad("pad_mask", 1),
        "eflags" / told(i, i.u32, Always(EFLAGS)) * _REGS,
        "esp" / i.u32 * _REGS,
        *_selectors(i, 2),
        "trap_ctxt" / several(256, trap) * "The guest's table of traps",
        *ints(i.u32, _CONTEXT, "ldt_base ldt_ents"),
        "gdt_frames" / several(16, i.u32) * "Frames of the table of descriptors",
        *ints(i.u32, _CONTEXT, "gdt_ents kernel_ss kernel_sp"),
        *_control(i, i.u32),
        *ints(
            i.u32,
            _CONTEXT,
            "event_callback_cs event_callback_eip failsafe_callback_cs failsafe_callback_eip",
        ),
        "vm_assist" / told(i, i.u32, Always(VM_ASSIST)) * "VMASST_TYPE_*",
    )


def _extended(i: Ints) -> tuple[Layout, ...]:
    source = "struct xen_domctl_ext_vcpucontext"
    return (
        "vcpu" / i.u32 * "Which virtual processor",
        "size" / i.u32 * "Octets of this structure",
        *ints(i.u64, source, "syscall32_callback_eip sysenter_callback_eip"),
        *ints(i.u16, source, "syscall32_callback_cs sysenter_callback_cs"),
        *ints(i.u8, source, "syscall32_disables_events sysenter_disables_events"),
        pad("pad", 2),
    )


def pv_extended(i: Ints) -> Layout:
    """struct xen_domctl_ext_vcpucontext, 64 octets; zeros behind it if the interface's whole union was sent."""
    return c.Struct(
        *_extended(i),
        *ints(i.u64, "struct hvm_vmce_vcpu", "caps mci_ctl2_bank0 mci_ctl2_bank1 mcg_ext_ctl"),
        "tail" / c.Default(c.GreedyBytes, b"") * "What a later Xen may append",
    )


def pv_extended_mcg(i: Ints) -> Layout:
    """The same of a Xen that knows mcg_cap alone, 40 octets."""
    return c.Struct(*_extended(i), "mcg_cap" / i.u64 * "struct xen_domctl_ext_vcpucontext")


def pv_xsave(i: Ints) -> Layout:
    """What XEN_DOMCTL_getvcpuextstate gives: XCR0 twice and an XSAVE area."""
    return c.Struct(
        "xcr0" / told(i, i.u64, Always(XCR0)) * "States that are enabled",
        "xcr0_accum" / told(i, i.u64, Always(XCR0)) * "States that ever were",
        *xsave_area(i),
    )


def pv_msrs(i: Ints) -> Layout:
    """struct xen_domctl_vcpu_msr, 16 octets for each register."""
    entry = c.Struct(
        "index" / told(i, i.u32, msr.NUMBER) * "The register's number",
        "reserved" / c.Default(i.u32, 0) * "Reserved",
        "value" / told(i, i.u64, Later("msr", "VALUES"), "index") * "Its value",
    )
    return c.Struct("msrs" / repeated(entry) * "Registers")


BASIC = Always(Structures("vcpu_guest_context", (pv_vcpu_64, pv_vcpu_32)))
EXTENDED = Always(Structures("ext_vcpucontext", (pv_extended, pv_extended_mcg)))
XSAVE = Always(Structures("XSAVE state", (pv_xsave,)))
MSRS = Always(Structures("list of registers", (pv_msrs,)))


# --- the shared info page -----------------------------------------------------------------------------------


class Ports(NamedTuple):
    """Event channels, a bit each, as the list of those whose bit is set; of a mask, of those whose bit is clear."""

    size: int
    clear: bool = False

    def read(self, value: bytes, endianness: Endianness, values: Mapping[str, Any]) -> Any:
        number = int.from_bytes(value, "little")
        if not self.clear:
            return _ports(number)
        return {"unmasked": _ports(~number & (1 << 8 * len(value)) - 1)}

    def write(self, value: Any, endianness: Endianness, values: Mapping[str, Any]) -> bytes:
        ports: Iterable[int] = value["unmasked"] if self.clear else value
        number = sum(1 << port for port in set(ports))
        return (number ^ ((1 << 8 * self.size) - 1 if self.clear else 0)).to_bytes(self.size, "little")


def _ports(number: int) -> list[int]:
    found = []
    while number:
        low = number & -number
        found.append(low.bit_length() - 1)
        number ^= low
    return found


def _time(i: Ints) -> tuple[Layout, ...]:
    source = "struct vcpu_time_info"
    return (
        "time_version" / i.u32 * "Odd while the times are changed",
        pad("pad_time", 4),
        *ints(i.u64, source, "tsc_timestamp system_time"),
        "tsc_to_system_mul" / i.u32 * source,
        "tsc_shift" / told(i, i.u8, Always(Signed(1))) * source,
        "time_flags" / told(i, i.u8, Always(bits("0:TSC_STABLE 1:GUEST_STOPPED"))) * "XEN_PVCLOCK_*",
        pad("pad_flags", 2),
    )


def _vcpu_info(i: Ints, long: Layout, size: int) -> Layout:
    return c.Struct(
        "evtchn_upcall_pending" / i.u8 * "Whether an event waits",
        "evtchn_upcall_mask" / i.u8 * "Whether events are masked",
        pad("pad0", size - 2),
        "evtchn_pending_sel" / long * "Which words of pending events to look at",
        "cr2" / long * "struct arch_vcpu_info",
        pad("pad", 8 if size == 8 else 20),
        *_time(i),
    )


def _clock(i: Ints) -> tuple[Layout, ...]:
    return (
        "wc_version" / i.u32 * "Odd while the wall clock is changed",
        "wc_sec" / i.u32 * "Wall clock when the system time was 0, s since the epoch",
        "wc_nsec" / i.u32 * "The same, ns",
    )


SHARED_TAIL_64, SHARED_TAIL_32 = 4096 - 3136, 4096 - 2344
"""Octets of the page behind the structure."""

_ARCH = "max_pfn pfn_to_mfn_frame_list_list nmi_reason p2m_cr3 p2m_vaddr p2m_generation"


def shared_info_64(i: Ints) -> Layout:
    """struct shared_info of a 64-bit guest, 3136 octets of the page."""
    return c.Struct(
        "vcpu_info" / several(32, _vcpu_info(i, i.u64, 8)) * "Of the first 32 processors",
        "evtchn_pending" / told(i, c.Bytes(512), Always(Ports(512))) * "Events that wait",
        "evtchn_mask" / told(i, c.Bytes(512), Always(Ports(512, clear=True))) * "Events that are masked",
        *_clock(i),
        "wc_sec_hi" / i.u32 * "Upper half of wc_sec",
        *ints(i.u64, "struct arch_shared_info", _ARCH),
        pad("tail", SHARED_TAIL_64),
    )


def shared_info_32(i: Ints) -> Layout:
    """struct shared_info of a 32-bit guest, 2344 octets of the page."""
    return c.Struct(
        "vcpu_info" / several(32, _vcpu_info(i, i.u32, 4)) * "Of the first 32 processors",
        "evtchn_pending" / told(i, c.Bytes(128), Always(Ports(128))) * "Events that wait",
        "evtchn_mask" / told(i, c.Bytes(128), Always(Ports(128, clear=True))) * "Events that are masked",
        *_clock(i),
        *ints(i.u32, "struct arch_shared_info", _ARCH),
        "wc_sec_hi" / i.u32 * "Upper half of wc_sec",
        pad("tail", SHARED_TAIL_32),
    )


def _is_32_bit(page: bytes) -> bool:
    """Whether nothing stands behind the structure of a 32-bit guest, where a 64-bit one has its mask of events."""
    return not any(page[-SHARED_TAIL_32:])


SHARED_INFO: Mapping[int | None, Structures] = {
    4: Structures("shared info page", (shared_info_32,)),
    8: Structures("shared info page", (shared_info_64,)),
    None: Structures("shared info page", (shared_info_64, shared_info_32), _is_32_bit),
}
"""By `guest_width` of the X86_PV_INFO before it; None: that was not seen, and what stands in the page decides."""
