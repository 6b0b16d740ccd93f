"""What x86 itself defines, whoever saves it: bits of control registers, segments, the areas of FXSAVE and XSAVE.

Sources: xen/arch/x86/include/asm/x86-defns.h of Xen for names of bits; the processors' manuals for the two areas, and
xen/include/public/arch-x86/hvm/save.h for the header of the second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import construct as c

from .codec import build, layout, whole
from .forms import Always, Structures, Written, bits
from .primitives import BitField, Body, Endianness, GrammarError, Ints, Layout, rest, several, told

MEMORY_TYPES: Mapping[int, str] = {0: "UC", 1: "WC", 4: "WT", 5: "WP", 6: "WB", 7: "UC-"}
EVENT_TYPES: Mapping[int, str] = {
    0: "external interrupt",
    2: "NMI",
    3: "hardware exception",
    4: "software interrupt",
    5: "privileged software exception",
    6: "software exception",
    7: "other",
}
"""X86_ET_*."""

# fmt: off
EFLAGS = bits(
    "0:CF 1:MBS 2:PF 4:AF 6:ZF 7:SF 8:TF 9:IF 10:DF 11:OF 14:NT 16:RF 17:VM 18:AC 19:VIF 20:VIP 21:ID",
    BitField("IOPL", 12, 2),
)
CR0 = bits("0:PE 1:MP 2:EM 3:TS 4:ET 5:NE 16:WP 18:AM 29:NW 30:CD 31:PG")
CR4 = bits(
    "0:VME 1:PVI 2:TSD 3:DE 4:PSE 5:PAE 6:MCE 7:PGE 8:PCE 9:OSFXSR 10:OSXMMEXCPT 11:UMIP 12:LA57 13:VMXE 14:SMXE "
    "16:FSGSBASE 17:PCIDE 18:OSXSAVE 20:SMEP 21:SMAP 22:PKE 23:CET 24:PKS 27:LASS 32:FRED"
)
DR6 = bits(
    "0:B0 1:B1 2:B2 3:B3 11:BLD 13:BD 14:BS 15:BT 16:RTM",
    BitField("ones_4", 4, 7),
    BitField("ones_17", 17, 15),
)
DR7 = bits(
    "0:L0 1:G0 2:L1 3:G1 4:L2 5:G2 6:L3 7:G3 8:LE 9:GE 10:one 11:RTM 13:GD",
    *(BitField(f"{what}{one}", 16 + 4 * one + at, 2) for one in range(4) for what, at in (("RW", 0), ("LEN", 2))),
)
XCR0 = bits(
    "0:X87 1:SSE 2:YMM 3:BNDREGS 4:BNDCSR 5:OPMASK 6:ZMM 7:HI_ZMM 8:PROC_TRACE 9:PKRU 10:PASID 11:CET_U 12:CET_S "
    "13:HDC 14:UINTR 15:LBR 16:HWP 17:TILE_CFG 18:TILE_DATA 62:LWP"
)
MXCSR = bits(
    "0:IE 1:DE 2:ZE 3:OE 4:UE 5:PE 6:DAZ 7:IM 8:DM 9:ZM 10:OM 11:UM 12:PM 15:FTZ",
    BitField("RC", 13, 2),
)
SEGMENT = bits(
    "4:S 7:P 8:AVL 9:L 10:DB 11:G",
    BitField("type", 0, 4),
    BitField("DPL", 5, 2),
)
"""A segment's attributes as Xen packs them: struct segment_register of xen/arch/x86/include/asm/x86_emulate."""
# fmt: on

MTRR_DEF_TYPE = bits("10:FE 11:E", BitField("type", 0, 8, MEMORY_TYPES))
APIC_BASE = bits("8:BSP 10:EXTD 11:ENABLE", BitField("page", 12, 40))


def ints(integer: Layout, source: str, names: str) -> Iterator[Layout]:
    """Integers of one size in a row, whose names say all that their source does."""
    for name in names.split():
        yield name / integer * source


def pad(name: str, size: int) -> Layout:
    """Octets between two fields that mean nothing."""
    return name / c.Default(c.Bytes(size), bytes(size)) * "Of no meaning"


# --- FXSAVE -------------------------------------------------------------------------------------------------

FXSAVE_SIZE = 512


def fxsave(i: Ints) -> Layout:
    """The 512 octets that FXSAVE writes in 64-bit mode. Source: Intel SDM 1, section 10.5.1."""
    return c.Struct(
        "fcw" / i.u16 * "Control word of the FPU",
        "fsw" / i.u16 * "Status word",
        "ftw" / i.u8 * "Which registers are in use, a bit each",
        pad("pad0", 1),
        "fop" / i.u16 * "Opcode of the last instruction",
        "fip" / i.u64 * "Its address",
        "fdp" / i.u64 * "The address of its operand",
        "mxcsr" / told(i, i.u32, Always(MXCSR)) * "Control and status of SSE",
        "mxcsr_mask" / i.u32 * "Bits of it that the processor has",
        "st" / several(8, c.Bytes(16)) * "Registers of the FPU, and of MMX",
        "xmm" / several(16, c.Bytes(16)) * "Registers of SSE",
        pad("pad1", 48),
        "available" / c.Bytes(48) * "Software's own",
    )


FPU = Always(Structures("FXSAVE area", (fxsave,)))
"""The form of an area that FXSAVE wrote."""


# --- XSAVE --------------------------------------------------------------------------------------------------


def _registers(name: str, count: int, size: int) -> Body:
    """A component that is nothing but registers of one size."""
    return lambda i: c.Struct(name / several(count, c.Bytes(size)) * "Registers")


def _bndcsr(i: Ints) -> Layout:
    return c.Struct("bndcfgu" / i.u64 * "Configuration of MPX", "bndstatus" / i.u64 * "Its status", pad("pad", 48))


def _opmask(i: Ints) -> Layout:
    return c.Struct("k" / several(8, i.u64) * "Mask registers of AVX-512")


def _pkru(i: Ints) -> Layout:
    return c.Struct("pkru" / i.u32 * "Rights of protection keys", pad("pad", 4))


def _tile_configuration(i: Ints) -> Layout:
    return c.Struct(
        "palette" / i.u8 * "Which palette is in use",
        "start_row" / i.u8 * "Where an interrupted instruction goes on",
        pad("pad", 14),
        "colsb" / several(16, i.u16) * "Octets of a row of each tile",
        "rows" / several(16, i.u8) * "Rows of each tile",
    )


class Component(NamedTuple):
    """A part of the XSAVE area, and where it is: the offsets that Intel's and AMD's processors have, from the first
    octet after the area's header; None where they have none."""

    bit: int
    name: str
    size: int
    body: Body
    offsets: tuple[int | None, ...]


XSAVE_LEGACY = FXSAVE_SIZE + 64
"""Octets of the XSAVE area before its first component."""

COMPONENTS = (
    Component(2, "YMM", 256, _registers("ymm_high", 16, 16), (0, 0, 0)),
    Component(3, "BNDREGS", 64, _registers("bnd", 4, 16), (384, None, None)),
    Component(4, "BNDCSR", 64, _bndcsr, (448, None, None)),
    Component(5, "OPMASK", 64, _opmask, (512, 256, None)),
    Component(6, "ZMM", 512, _registers("zmm_high", 16, 32), (576, 320, None)),
    Component(7, "HI_ZMM", 1024, _registers("zmm", 16, 64), (1088, 832, None)),
    Component(9, "PKRU", 8, _pkru, (2112, 1856, 256)),
    Component(17, "TILE_CFG", 64, _tile_configuration, (2176, None, None)),
    Component(18, "TILE_DATA", 8192, _registers("tiles", 8, 1024), (2240, None, None)),
    Component(62, "LWP", 128, _registers("lwp", 1, 128), (None, None, 256)),
)
"""In the standard format, in which Xen sends the area: where Intel's processors have them (AVX, MPX, AVX-512, PKRU,
AMX), where AMD's with AVX-512 do, and where AMD's without it do."""

LAYOUTS = ("Intel", "AMD with AVX-512", "AMD")
_LAYOUT, _REST = "layout", "rest"

KNOWN_STATES = sum((1 << one.bit for one in COMPONENTS), 3)


def components_in(
    octets: bytes, values: Mapping[str, Any]
) -> tuple[int, tuple[tuple[Component, int], ...], int] | None:
    """What follows the header of an area with the fields `values`: the number of its layout, the components with their
    offsets, and where they end; zeros may follow (Xen up to 4.3.0 sent the area with room for all states). None if the
    octets are in none of the layouts, or in the compacted format, which Xen does not send."""
    mask = int(values.get("xcr0_accum", 0))
    if mask & ~KNOWN_STATES or values.get("xcomp_bv"):
        return None
    wanted = [one for one in COMPONENTS if mask >> one.bit & 1]
    fitting = []
    for which in range(len(LAYOUTS)):
        placed = tuple((one, at) for one in wanted if (at := one.offsets[which]) is not None)
        end = max((at + one.size for one, at in placed), default=0)
        if len(placed) == len(wanted) and end <= len(octets) and not any(_between(octets, placed, end)):
            fitting.append((end != len(octets), which, placed, end))
    return min(fitting, key=lambda one: one[:2])[1:] if fitting else None


def _between(octets: bytes, placed: tuple[tuple[Component, int], ...], end: int) -> bytes:
    """The octets that belong to no component."""
    starts, ends = [at for _, at in placed], [at + one.size for one, at in placed]
    return b"".join(octets[a:b] for a, b in zip([0, *ends], [*starts, len(octets)], strict=True))


def _read_components(octets: bytes, endianness: Endianness, values: Mapping[str, Any]) -> dict[str, Any] | None:
    found_at = components_in(octets, values)
    if found_at is None:
        return None
    which, placed, end = found_at
    found: dict[str, Any] = {_LAYOUT: LAYOUTS[which]} if placed else {}
    for one, at in placed:
        found[one.name] = whole(layout(one.body, endianness), octets[at : at + one.size])
    return found | ({_REST: octets[end:]} if octets[end:] else {})


def _write_components(found: Any, endianness: Endianness, values: Mapping[str, Any]) -> bytes:
    given = dict(found)
    which, rest = LAYOUTS.index(given.pop(_LAYOUT, LAYOUTS[0])), given.pop(_REST, b"")
    octets = b""
    for one in COMPONENTS:
        at = one.offsets[which]
        if one.name in given and at is not None:
            octets = octets.ljust(at, b"\0") + build(layout(one.body, endianness), given.pop(one.name))
    if given:
        raise GrammarError(f"no component of XSAVE is called {', '.join(given)}")
    return octets + bytes(rest)


COMPONENTS_FORM = Always(Written("XSAVE components", _read_components, _write_components))
"""The form of what follows the header of an XSAVE area. It needs the fields `xcr0_accum` and `xcomp_bv` before it."""


def xsave_area(i: Ints) -> tuple[Layout, ...]:
    """The XSAVE area: struct hvm_hw_cpu_xsave, save_area."""
    return (
        "fpu_sse" / told(i, c.Bytes(FXSAVE_SIZE), FPU) * "As FXSAVE writes it",
        "xstate_bv" / told(i, i.u64, Always(XCR0)) * "States that are not in their first condition",
        "xcomp_bv" / i.u64 * "Zero: the standard format, not the compacted one",
        pad("pad", 48),
        "components" / told(i, rest(), COMPONENTS_FORM) * "The other states",
    )
