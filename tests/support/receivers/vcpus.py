"""The hypervisor's side of a PV guest's vcpus: arch_set_info_guest() of xen/arch/x86/domain.c, arch_do_domctl() of
domctl.c, guest_wrmsr() of msr.c, validate_xstate() of xstate.c."""

from __future__ import annotations

import struct

from receivers.errors import Refused

MASK = 2**64 - 1


def _canonical(address: int) -> bool:
    return (address + 2**47) & MASK < 2**48


def _addr_ok(address: int) -> bool:
    return address < 2**47 or address >= 0xFFFF880000000000


def set_context(state: bytes, width: int, vcpu: int) -> None:
    """XEN_DOMCTL_setvcpucontext."""
    if width == 4:
        (eflags,) = struct.unpack_from("<I", state, 556)
        ldt_base, ldt_ents = struct.unpack_from("<2I", state, 2632)
        (assist,) = struct.unpack_from("<I", state, 2796)
        if eflags & 1 << 17:
            raise Refused("EFLAGS.VM")
    else:
        (rip,) = struct.unpack_from("<Q", state, 648)
        (rsp,) = struct.unpack_from("<Q", state, 672)
        ldt_base, ldt_ents = struct.unpack_from("<2Q", state, 4816)
        (kernel_sp,) = struct.unpack_from("<Q", state, 4976)
        registers = struct.unpack_from("<8Q", state, 5048)
        callbacks = struct.unpack_from("<3Q", state, 5112)
        (assist,) = struct.unpack_from("<Q", state, 5136)
        bases = struct.unpack_from("<3Q", state, 5144)
        traps = [struct.unpack_from("<Q", state, 720 + 16 * one + 8)[0] for one in range(256)]
        if registers[6] >> 32 or registers[7] >> 32:
            raise Refused("DR6 or DR7")
        if not all(map(_addr_ok, (*registers[:4], ldt_base))):
            raise Refused("DR0 to DR3 or ldt_base")
        if not all(map(_canonical, (rip, rsp, kernel_sp, *callbacks, *bases, *traps))):
            raise Refused("an address that is not canonical")
        if ldt_ents and not _canonical(ldt_base):
            raise Refused("ldt_base")
    if ldt_base & 4095 or ldt_ents > 8192:
        raise Refused("LDT")
    if vcpu == 0 and assist & ~(0x3F | (1 << 32 if width == 8 else 0)):
        raise Refused("vm_assist")


def set_extended(state: bytes, vcpus: int) -> None:
    """XEN_DOMCTL_set_ext_vcpucontext: libxc copies the record over the whole request."""
    vcpu, size, first, second = struct.unpack_from("<IIQQ", state.ljust(128, b"\0"))
    if vcpu >= vcpus or size < 32:
        raise Refused("vcpu or size of the extended context")
    if not (_canonical(first) and _canonical(second)):
        raise Refused("callback of the extended context")


def _valid_xcr0(value: int) -> bool:
    if not value & 1 or (value & 4 and not value & 2) or bool(value & 8) != bool(value & 16):
        return False
    if value & 0xE0 and (value & 0xE4 != 0xE4):
        return False
    return bool(value & 1 << 17) == bool(value & 1 << 18)


def set_extended_state(state: bytes, vcpus: int) -> None:
    """XEN_DOMCTL_setvcpuextstate."""
    xcr0, accumulated = struct.unpack_from("<2Q", state)
    is_long = len(state) >= 16 + 576
    if accumulated:
        if not is_long:
            raise Refused("XSAVE: no area")
        used, compact = struct.unpack_from("<2Q", state, 16 + 512)
        if (used | xcr0) & ~accumulated or not _valid_xcr0(xcr0) or not _valid_xcr0(accumulated):
            raise Refused("XSAVE: XCR0")
        if compact or any(state[16 + 528 : 16 + 576]):
            raise Refused("XSAVE: header")
    elif xcr0:
        raise Refused("XSAVE: XCR0 that never was")
    if len(state) != 16 and not is_long:
        raise Refused("XSAVE: a part of an area")


def set_vcpu_msrs(state: bytes, vcpus: int) -> None:
    """XEN_DOMCTL_set_vcpu_msrs."""
    if len(state) // 16 > 7:
        raise Refused("too many MSRs")
    for index, reserved, value in struct.iter_unpack("<IIQ", state):
        is_narrow = index in (0x140, 0xC0000103, 0xC0011027, 0xC0011019, 0xC001101A, 0xC001101B)
        if reserved or not (index == 0x48 or is_narrow) or (is_narrow and value >> 32):
            raise Refused(f"MSR {index:#x}")
