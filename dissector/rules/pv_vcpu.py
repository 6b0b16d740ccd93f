"""What the state of a PV guest's vcpu may hold: what Xen refuses of it when libxc sets it.

Sources: arch_set_info_guest() in xen/arch/x86/domain.c; XEN_DOMCTL_set_ext_vcpucontext, _setvcpuextstate and
_set_vcpu_msrs in xen/arch/x86/domctl.c; guest_wrmsr() in xen/arch/x86/msr.c. Programs that have no hypervisor send
zeros there: a state that holds nothing else is not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dissector.events import Record
from dissector.protocol import PAGE_SHIFT, Endianness
from dissector.rules.guest import BASIC, NATIVE_WIDTH, VCPU_HEADER, Basic
from dissector.rules.hvm_state import is_xcr0
from dissector.rules.reading import number

CANONICAL = 47
"""Of an address all bits from this one on are alike."""
HYPERVISOR_END = 0xFFFF_8800_0000_0000
"""Addresses of the upper half below this one are no guest's."""

ADDRESSES = (
    *("rip", "rsp", "kernel_sp", "fs_base", "gs_base_kernel", "gs_base_user"),
    *("event_callback_eip", "failsafe_callback_eip", "syscall_callback_eip"),
)
"""Of a 64-bit guest what has to be canonical; so has the handler of each trap."""
TRAPS, TRAP, TRAP_ADDRESS = 256, 16, 8

LDT_MAX = 8192
VIRTUAL_8086 = 1 << 17
VM_ASSIST = {4: 0x3F, NATIVE_WIDTH: 0x3F | 1 << 32}
"""By octets of a word the kinds of help that any Xen gives."""

EXTENDED_LEAST = 32
"""Octets before the part of ext_vcpucontext that may be missing."""

XSAVE_HEADER, XSAVE_AREA_LEAST, XSTATE = 16, 576, 16 + 512

WIDE_MSRS = frozenset((0x48,))
NARROW_MSRS = frozenset((0x140, 0xC0000103, 0xC0011027, 0xC0011019, 0xC001101A, 0xC001101B))
"""What Xen sends of a PV guest: SPEC_CTRL; of 32 bits at most, MISC_FEATURES_ENABLES, TSC_AUX, DRn_ADDRESS_MASK."""
MSR = 16


def _is_canonical(address: int) -> bool:
    return address >> CANONICAL in (0, (1 << 64 - CANONICAL) - 1)


def _is_guests(address: int) -> bool:
    return not address >> CANONICAL or address >= HYPERVISOR_END


def _basic(body: bytes, endianness: Endianness, vcpus: int) -> str | None:
    basic = BASIC[len(body)]
    vcpu = number(body, 0, 4, endianness)
    base, descriptors, help = (basic.read(body, name, endianness) for name in ("ldt_base", "ldt_ents", "vm_assist"))
    if base & (1 << PAGE_SHIFT) - 1 or descriptors > LDT_MAX:
        return f"ldt_base 0x{base:x}, ldt_ents {descriptors:,}"
    if not vcpu and help & ~VM_ASSIST[basic.word]:
        return f"vm_assist 0x{help:x}"
    return (_of_64 if basic.word == NATIVE_WIDTH else _of_32)(basic, body, endianness)


def _of_32(basic: Basic, body: bytes, endianness: Endianness) -> str | None:
    flags = basic.read(body, "eflags", endianness)
    return f"eflags 0x{flags:x}, and no 64-bit Xen has the mode VM" if flags & VIRTUAL_8086 else None


def _of_64(basic: Basic, body: bytes, endianness: Endianness) -> str | None:
    def word(name: str) -> int:
        return basic.read(body, name, endianness)

    names = (*ADDRESSES, "ldt_base") if word("ldt_ents") else ADDRESSES
    wrong = next((name for name in names if not _is_canonical(word(name))), None)
    wrong = wrong or next((f"dr{one}" for one in (6, 7) if word(f"dr{one}") >> 32), None)
    wrong = wrong or next((name for name in ("ldt_base", *_BREAKPOINTS) if not _is_guests(word(name))), None)
    if wrong is not None:
        return f"{wrong} 0x{word(wrong):x}"
    for trap in range(TRAPS):
        address = number(body, basic.at["trap_ctxt"] + TRAP * trap + TRAP_ADDRESS, NATIVE_WIDTH, endianness)
        if not _is_canonical(address):
            return f"trap_ctxt[{trap}].address 0x{address:x}"
    return None


_BREAKPOINTS = tuple(f"dr{one}" for one in range(4))


def _extended(body: bytes, endianness: Endianness, vcpus: int) -> str | None:
    state = body[VCPU_HEADER:].ljust(EXTENDED_LEAST, b"\0")
    vcpu, size = (number(state, at, 4, endianness) for at in (0, 4))
    if vcpu >= vcpus:
        return f"vcpu {vcpu:,}, and the guest has {vcpus:,} at most"
    if size < EXTENDED_LEAST:
        return f"size {size}, {EXTENDED_LEAST} at least"
    for name, at in {"syscall32_callback_eip": 8, "sysenter_callback_eip": 16}.items():
        address = number(state, at, 8, endianness)
        if not _is_canonical(address):
            return f"{name} 0x{address:x}"
    return None


def _xsave(body: bytes, endianness: Endianness, vcpus: int) -> str | None:
    state = body[VCPU_HEADER:]
    xcr0, accumulated = (number(state, at, 8, endianness) for at in (0, 8))
    if len(state) < XSAVE_HEADER + XSAVE_AREA_LEAST:
        if xcr0 or accumulated or len(state) != XSAVE_HEADER:
            return f"xcr0 0x{xcr0:x}, xcr0_accum 0x{accumulated:x} and no whole area behind them"
        return None
    used, compact = (number(state, XSTATE + at, 8, endianness) for at in (0, 8))
    if not accumulated and not xcr0:
        return None
    if (xcr0 | used) & ~accumulated or not is_xcr0(xcr0) or not is_xcr0(accumulated):
        return f"xcr0 0x{xcr0:x}, xcr0_accum 0x{accumulated:x}, xstate_bv 0x{used:x}"
    if compact or any(state[XSTATE + 16 : XSTATE + 64]):
        return "a compacted area, or reserved bits in its header"
    return None


def _msrs(body: bytes, endianness: Endianness, vcpus: int) -> str | None:
    for at in range(VCPU_HEADER, len(body), MSR):
        index, reserved = (number(body, at + more, 4, endianness) for more in (0, 4))
        value = number(body, at + 8, 8, endianness)
        if index not in WIDE_MSRS | NARROW_MSRS or reserved or (index in NARROW_MSRS and value >> 32):
            return f"register 0x{index:x}, reserved 0x{reserved:x}, value 0x{value:x}"
    count = (len(body) - VCPU_HEADER) // MSR
    return f"{count:,} registers" if count > len(WIDE_MSRS | NARROW_MSRS) else None


_JUDGES: Mapping[str, Callable[[bytes, Endianness, int], str | None]] = {
    "X86_PV_VCPU_BASIC": _basic,
    "X86_PV_VCPU_EXTENDED": _extended,
    "X86_PV_VCPU_XSAVE": _xsave,
    "X86_PV_VCPU_MSRS": _msrs,
}


def wrong(record: Record, vcpus: int) -> str | None:
    """What Xen refuses of a state of the right size; None if nothing. `vcpus`: how many the guest has at most."""
    if not any(record.body[VCPU_HEADER:]):
        return None
    return _JUDGES[record.name](record.body, record.endianness, vcpus)
