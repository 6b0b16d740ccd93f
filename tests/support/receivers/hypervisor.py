"""The hypervisor's side: xen/arch/x86/hvm/{hvm,save,vlapic,vpic,mtrr,irq}.c, emul-i8254.c, xstate.c, time.c and
lib/cpu-policy/copy-from-buffer.c."""

from __future__ import annotations

import struct

from receivers.errors import Refused

NO_SUBLEAF = 2**32 - 1


def set_tsc(mode: int) -> None:
    if mode > 2:
        raise Refused("TSC mode")


def set_cpuid(body: bytes) -> None:
    leaves = list(struct.iter_unpack("<6I", body))
    if len(leaves) > 14 + 2 + 5 + 1 + 62 + 34 + 2:
        raise Refused("too many leaves")
    for leaf, subleaf, *_ in leaves:
        if leaf in (4, 7, 0xB, 0xD):
            is_known = subleaf < {4: 6, 7: 3, 0xB: 2, 0xD: 63}[leaf]
        else:
            is_basic = leaf <= 0xD or leaf in (0x40000000, 0x40000100)
            is_known = subleaf == NO_SUBLEAF and (is_basic or 0x80000000 <= leaf <= 0x80000021)
        if not is_known:
            raise Refused(f"leaf {leaf:#x}")


def set_msrs(body: bytes) -> None:
    entries = list(struct.iter_unpack("<IIQ", body))
    if len(entries) > 2:
        raise Refused("too many MSRs")
    for index, flags, value in entries:
        if flags or index not in (0xCE, 0x10A) or (index == 0xCE and value >> 32):
            raise Refused(f"MSR {index:#x}")


def set_param(known: dict[int, int], index: int, value: int) -> None:
    """libxc discards PAE_ENABLED, index 4."""
    if index == 4:
        return
    if index >= 39 or index in (13, 20, 21, 22, 23, 24, 25, 26, 30, 35):
        raise Refused(f"param {index}")
    wrong = {
        9: bool(value & ~0x1FFF) or not value & 1,
        10: value > 3,
        14: value not in (0, 3),
        15: value >> 32 != 0,
        19: value > 1,
        31: value > 5,
        33: value == 0 or value > 64,
        36: value not in (0, 4, 8),
        37: value >> 32 < 104,
        38: value > 1,
    }
    if wrong.get(index, False):
        raise Refused(f"param {index} value")
    if index in (5, 6, 9, 32, 33, 38) and known.get(index) and known[index] != value:
        raise Refused(f"param {index} changes")
    known[index] = value


SIZES = {3: 8, 4: 400, 6: 1024, 7: 16, 8: 8, 9: 8, 10: 56, 12: 1048, 13: 8, 14: 240, 19: 8}
ZERO_EXTENDED = {
    2: (1016, 1024, 1032),
    5: (16, 20, 24, 32),
    11: (16, 24),
    15: (16, 24, 32),
    17: (8, 16, 216),
    18: (8, 24, 32),
}
"""Today's Xen extends any shorter state by zeros; releases have sent these, and older ones refuse any other size."""


def load_hvm(octets: bytes, vcpus: int | None, cpuid: bytes | None) -> int:
    """The frequency that it sets the guest's TSC to, kHz; 0: it leaves that as it is."""
    at, is_first, has_cpu = 0, True, False
    policy = {leaf[:2]: leaf[2:] for leaf in struct.iter_unpack("<6I", cpuid or b"")}
    while True:
        if len(octets) - at < 8:
            raise Refused("save did not end with a null entry")
        code, instance, length = struct.unpack_from("<HHI", octets, at)
        if is_first:
            if code != 1 or length != 24 or len(octets) < 32:
                raise Refused("HEADER must be first")
            if struct.unpack_from("<II", octets, 8) != (0x54381286, 1):
                raise Refused("magic or version")
            at, is_first = 32, False
            continue
        if code == 0:
            break
        if not 2 <= code <= 20:
            raise Refused(f"unknown typecode {code}")
        if length > len(octets) - at - 8:
            raise Refused("state exceeds data")
        body = octets[at + 8 : at + 8 + length]
        at += 8 + length
        if SIZES.get(code, length) != length or length not in ZERO_EXTENDED.get(code, (length,)):
            raise Refused(f"size of {code}")
        if code in (2, 5, 6, 14, 16, 17, 18, 19, 20) and instance >= (vcpus or 128):
            raise Refused(f"no vcpu {instance}")
        _load(code, instance, body, policy)
        has_cpu = has_cpu or code == 2
    if not has_cpu:
        raise Refused("no vcpu would run")
    return int.from_bytes(octets[28:32], "little")


def _load(code: int, instance: int, body: bytes, policy: dict[tuple[int, ...], tuple[int, ...]]) -> None:
    if code == 2:
        _cpu(body.ljust(1032, b"\0"), len(body), policy)
    elif code == 3:
        bits, edges, output = body[5:8]
        is_master = bits >> 6 & 1
        allowed = 0xFC if is_master else 0xDE
        if instance > 1 or is_master == instance or output > 1 or (output and body[4] & 15) or edges & ~allowed:
            raise Refused("PIC")
    elif code == 5:
        if int.from_bytes(body[:8], "little") & 0xC00 == 0x400:
            raise Refused("LAPIC mode")
    elif code == 9:
        if any(body[4:]) or any(route > 15 for route in body[:4]):
            raise Refused("PCI_LINK")
    elif code == 10:
        _pit(body)
    elif code == 14:
        if body[8] > 8:
            raise Refused("MTRR count")
    elif code == 16:
        _xsave(body, policy)
    elif code == 17:
        if any(body[9:16]):
            raise Refused("VIRIDIAN_VCPU padding")
    elif code == 20:
        count = int.from_bytes(body[:4], "little")
        if len(body) < 24 or len(body) != 8 + 16 * count:
            raise Refused("MSR size")
        known = (0x48, 0x140, 0x6E1, 0xD90, 0xDA0, 0xC001011F, 0xC0011027, 0xC0011019, 0xC001101A, 0xC001101B)
        for index, reserved, _ in struct.iter_unpack("<IIQ", body[8:]):
            if reserved or index not in known:
                raise Refused("MSR")


def _pit(body: bytes) -> None:
    for channel in range(3):
        one = body[16 * channel : 16 * channel + 16]
        if int.from_bytes(one[:4], "little") > 0x10000 or max(one[6], one[9], one[10]) > 4 or one[12] > 3:
            raise Refused("PIT")
        if one[14] > 1 or one[15] > 1 or (channel != 2 and not one[15]):
            raise Refused("PIT")
    if struct.unpack_from("<II", body, 48) not in ((0, 0), (1, 0)):
        raise Refused("PIT speaker")


def _bit(policy: dict[tuple[int, ...], tuple[int, ...]], leaf: int, subleaf: int, register: int, bit: int) -> bool:
    """Of a leaf that was not sent the domain has the default, which is not known here."""
    found = policy.get((leaf, subleaf))
    return found is None or bool(found[register] >> bit & 1)


def _cpu(body: bytes, length: int, policy: dict[tuple[int, ...], tuple[int, ...]]) -> None:
    cr0, _, cr3, cr4 = struct.unpack_from("<4Q", body, 656)
    dr6, dr7 = struct.unpack_from("<2Q", body, 720)
    efer, tsc_aux = struct.unpack_from("<2Q", body, 992)
    flags, padding = struct.unpack_from("<2I", body, 1024)
    if cr0 & ~0xE005003F or not cr0 & 0x10 or cr0 & 0x80000001 == 0x80000000:
        raise Refused("CR0")
    a, b, c, d, none = 0, 1, 2, 3, NO_SUBLEAF
    needs = {
        0x3: (1, none, d, 1),
        0x4: (1, none, d, 4),
        0x8: (1, none, d, 2),
        0x10: (1, none, d, 3),
        0x20: (1, none, d, 6),
        0x80: (1, none, d, 13),
        0x200: (1, none, d, 24),
        0x400: (1, none, d, 25),
        0x800: (7, 0, c, 2),
        0x2000: (1, none, c, 5),
        0x10000: (7, 0, b, 0),
        0x20000: (1, none, c, 17),
        0x40000: (1, none, c, 26),
        0x100000: (7, 0, b, 7),
        0x200000: (7, 0, b, 20),
        0x400000: (7, 0, c, 3),
        0x1000000: (7, 0, c, 31),
        0x8000000: (7, 1, a, 6),
    }
    valid = 0x100 | sum(mask for mask, need in needs.items() if _bit(policy, *need))
    valid |= 0x40 if _bit(policy, 1, none, d, 7) or _bit(policy, 1, none, d, 14) else 0
    valid |= 0x800000 if _bit(policy, 7, 0, c, 7) or _bit(policy, 7, 0, d, 20) else 0
    if cr4 & ~valid:
        raise Refused("CR4")
    extended = 0x80000001
    efer_needs = {
        0x1: (extended, none, d, 11),
        0x500: (extended, none, d, 29),
        0x800: (extended, none, d, 20),
        0x1000: (extended, none, c, 2),
        0x4000: (extended, none, d, 25),
        0x200000: (0x80000021, none, a, 8),
    }
    if efer & ~sum(mask for mask, need in efer_needs.items() if _bit(policy, *need)):
        raise Refused("EFER")
    if efer & 0x400 and not (efer & 0x100 and cr0 >> 31):
        raise Refused("EFER")
    if dr6 >> 32 or dr7 >> 32 or cr3 >> 52:
        raise Refused("DR6, DR7 or CR3")
    if length > 1016 and tsc_aux >> 32:
        raise Refused("TSC_AUX")
    if length == 1032 and (flags & ~1 or padding):
        raise Refused("flags")


def _xsave(body: bytes, policy: dict[tuple[int, ...], tuple[int, ...]]) -> None:
    if len(body) < 600:
        raise Refused("XSAVE length")
    xcr0, accumulated = struct.unpack_from("<2Q", body, 8)
    used, compact = struct.unpack_from("<2Q", body, 536)
    leaf = policy.get((0xD, 0))
    allowed = leaf[0] | leaf[3] << 32 if leaf is not None else 2**64 - 1
    if (used | xcr0) & ~accumulated or accumulated & ~allowed or compact or any(body[552:600]):
        raise Refused("XSAVE state")
    for value in (xcr0, accumulated):
        is_valid = value & 1 and (not value & 4 or value & 2)
        is_valid = is_valid and (not value & 0xE0 or (value & 0xE0 == 0xE0 and value & 4))
        if not is_valid or value & 0x18 not in (0, 0x18) or value & 0x60000 not in (0, 0x60000):
            raise Refused("XCR0")
