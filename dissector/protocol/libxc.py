"""The libxc layer: headers and the bodies of its records, versions 2 and 3 and the postcopy RFC.

Sources: docs/specs/libxc-migration-stream.pandoc and tools/libs/guest/xg_sr_stream_format.h of Xen, and what
the postcopy RFC adds to both. Docstrings name the section.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import construct as c

from .primitives import (
    BitField,
    Bits,
    Body,
    Ending,
    Ints,
    Later,
    Layout,
    counted,
    flags,
    length_of,
    named,
    repeated,
    reserved,
    rest,
    sized,
    told,
)
from .specs import Expect, HeaderSpec, Role

IMAGE_MARKER = 0xFFFFFFFFFFFFFFFF
IMAGE_ID = 0x58454E46
IMAGE_MAGIC = IMAGE_MARKER.to_bytes(8, "big") + IMAGE_ID.to_bytes(4, "big")
IMAGE_VERSIONS = (2, 3)
PAGE_SHIFT = 12
BODY_LENGTH_MAX = 128 << 20  # octets; what current Xen accepts at most: REC_LENGTH_MAX

GUEST_TYPES: Mapping[int, str] = {1: "x86 PV", 2: "x86 HVM", 3: "x86 PVH", 4: "ARM"}

PAGE_TYPES: Mapping[int, str] = MappingProxyType(
    {0: "NOTAB", 1: "L1TAB", 2: "L2TAB", 3: "L3TAB", 4: "L4TAB"}
    | {number: f"RESERVED_{number}" for number in range(5, 9)}
    | {9: "L1TAB_PIN", 0xA: "L2TAB_PIN", 0xB: "L3TAB_PIN", 0xC: "L4TAB_PIN"}
    | {0xD: "BROKEN", 0xE: "XALLOC", 0xF: "XTAB"}
)
UNBACKED = frozenset(number for number, name in PAGE_TYPES.items() if name in ("BROKEN", "XALLOC", "XTAB"))
RESERVED_PAGE_TYPES = frozenset(range(5, 9))

ENTRY_TYPE = BitField("type", 60, 4, PAGE_TYPES, "XEN_DOMCTL_PFINFO_* of xen/include/public/domctl.h")
ENTRY_RESERVED = BitField("reserved", 52, 8)
ENTRY_PFN = BitField("pfn", 0, 52, doc="Guest frame number")

TSC_MODES: Mapping[int, str] = {0: "DEFAULT", 1: "ALWAYS_EMULATE", 2: "NEVER_EMULATE", 3: "PVRDTSCP"}

# fmt: off
_SAVE_TYPES = (
    "END", "HEADER", "CPU", "PIC", "IOAPIC", "LAPIC", "LAPIC_REGS", "PCI_IRQ", "ISA_IRQ", "PCI_LINK", "PIT",
    "RTC", "HPET", "PMTIMER", "MTRR", "VIRIDIAN_DOMAIN", "XSAVE", "VIRIDIAN_VCPU", "VMCE_VCPU", "TSC_ADJUST",
    "CPU_MSR",
)
# fmt: on
HVM_SAVE_TYPES: Mapping[int, str] = MappingProxyType(dict(enumerate(_SAVE_TYPES)))


def image_header(i: Ints) -> Layout:
    """Section "Image Header": 24 octets, big-endian whatever follows."""
    return c.Struct(
        "marker" / c.Default(i.u64, IMAGE_MARKER) * "All ones: a legacy stream has a zero bit here",
        "id" / c.Default(i.u32, IMAGE_ID) * "'XENF'",
        "version" / i.u32 * "Version of the stream; decides what record types 0x10 and up mean",
        "options"
        / flags(
            i.u16,
            BitField("big_endian", 0, 1, doc="All after this header is big-endian"),
            BitField("reserved", 1, 15),
        )
        * "How the stream is written",
        "reserved1" / reserved(i.u16),
        "reserved2" / reserved(i.u32),
    )


def domain_header(i: Ints) -> Layout:
    """Section "Domain Header": 16 octets. Types 3 and 4 are in the postcopy RFC's code only."""
    return c.Struct(
        "type" / named(i.u32, GUEST_TYPES) * "What kind of guest",
        "page_shift" / c.Default(i.u16, PAGE_SHIFT) * "A guest page has 2^page_shift octets",
        "reserved" / reserved(i.u16),
        "xen_major" / i.u32 * "Xen that wrote the stream; 0: the converter of old streams",
        "xen_minor" / i.u32 * "Its minor version, or the converter's version",
    )


def _pages_header(i: Ints, count: Layout) -> tuple[Layout, ...]:
    return "count" / count * "Number of entries, at least 1", "reserved" / reserved(i.u32)


def pages_header(i: Ints) -> Layout:
    """The 8 octets before the entries of a pages record."""
    return c.Struct(*_pages_header(i, i.u32))


def page_list(i: Ints) -> Layout:
    """Sections "POSTCOPY_PFNS", "POSTCOPY_FAULT": entries without contents. A fault's have no types."""
    entry = Bits(i.u64, ENTRY_TYPE, ENTRY_RESERVED, ENTRY_PFN)
    return c.Struct(
        *_pages_header(i, length_of(i.u32, "pfn")),
        "pfn" / counted(entry, "count", "pfn") * "Page types and frame numbers",
    )


def page_data(i: Ints) -> Layout:
    """Sections "PAGE_DATA", "POSTCOPY_PAGE_DATA": entries, then one page for each that is not UNBACKED."""
    return c.Struct(*page_list(i).subcons, "page_data" / rest() * "Contents of the backed pages, in order")


def x86_pv_info(i: Ints) -> Layout:
    """Section "X86_PV_INFO"."""
    return c.Struct(
        "guest_width" / i.u8 * "Octets of a word of the guest: 4 or 8",
        "pt_levels" / i.u8 * "Levels of page tables: 3 or 4",
        "reserved1" / reserved(i.u16),
        "reserved2" / reserved(i.u32),
    )


def x86_pv_p2m_frames(i: Ints) -> Layout:
    """Section "X86_PV_P2M_FRAMES"."""
    return c.Struct(
        "start_pfn" / i.u32 * "First pfn that the table covers",
        "end_pfn" / i.u32 * "Last pfn that the table covers",
        "p2m_pfn" / repeated(i.u64) * "Frames that hold the guest's table of frames",
    )


def _vcpu(part: str) -> Body:
    def x86_pv_vcpu(i: Ints) -> Layout:
        """Section "X86_PV_VCPU_BASIC, EXTENDED, XSAVE, MSRS"."""
        return c.Struct(
            "vcpu_id" / i.u32 * "Which virtual processor",
            "reserved" / reserved(i.u32),
            "context" / told(i, rest(), Later("pv", part)) * "Its state, as the hypervisor's interface gives it",
        )

    x86_pv_vcpu.__name__ = f"x86_pv_vcpu_{part.lower()}"
    return x86_pv_vcpu


x86_pv_vcpu_basic = _vcpu("BASIC")
x86_pv_vcpu_extended = _vcpu("EXTENDED")
x86_pv_vcpu_xsave = _vcpu("XSAVE")
x86_pv_vcpu_msrs = _vcpu("MSRS")


def shared_info(i: Ints) -> Layout:
    """Section "SHARED_INFO"."""
    return c.Struct(
        "shared_info" / told(i, c.GreedyBytes, Later("pv", "SHARED_INFO"), "guest_width") * "The shared info page"
    )


def tsc_info(i: Ints) -> Layout:
    """Section "X86_TSC_INFO", in version 2 "TSC_INFO"; modes: xen/include/public/arch-x86/cpuid.h."""
    return c.Struct(
        "mode" / named(i.u32, TSC_MODES) * "How the time stamp counter is emulated",
        "khz" / i.u32 * "Its frequency, kHz",
        "nsec" / i.u64 * "Time elapsed, ns",
        "incarnation" / i.u32 * "How often the guest was restored",
        "reserved" / reserved(i.u32),
    )


def hvm_context(i: Ints) -> Layout:
    """Section "HVM_CONTEXT"; the chain inside: xen/include/public/hvm/save.h, struct hvm_save_descriptor."""
    save_record = c.Struct(
        "typecode" / named(i.u16, HVM_SAVE_TYPES) * "What is saved",
        "instance" / i.u16 * "Which of several, a virtual processor's number",
        "length" / length_of(i.u32, "body") * "Octets of the state",
        "body" / told(i, sized("length", "body"), Later("hvm", "STATES"), "typecode") * "The state",
    )
    chain = c.RepeatUntil(Ending("typecode", 0, HVM_SAVE_TYPES[0]), save_record)
    return c.Struct("hvm_ctx" / chain * "The hypervisor's save records, up to and with END")


def hvm_params(i: Ints) -> Layout:
    """Section "HVM_PARAMS"."""
    param = c.Struct(
        "index" / told(i, i.u64, Later("hvm_params", "NAME")) * "HVM_PARAM_* of xen/include/public/hvm/params.h",
        "value" / told(i, i.u64, Later("hvm_params", "VALUES"), "index") * "Its value",
    )
    return c.Struct(
        "count" / length_of(i.u32, "param") * "Number of parameters",
        "reserved" / reserved(i.u32),
        "param" / counted(param, "count", "param") * "The parameters",
    )


def checkpoint_dirty_pfn_list(i: Ints) -> Layout:
    """Section "CHECKPOINT_DIRTY_PFN_LIST"."""
    return c.Struct("pfn" / repeated(i.u64) * "Frames dirty at COLO's secondary")


def x86_cpuid_policy(i: Ints) -> Layout:
    """Section "X86_CPUID_POLICY"; leaves: xen_cpuid_leaf_t of xen/include/public/arch-x86/xen.h."""
    registers = (name / told(i, i.u32, Later("cpuid", name.upper()), "leaf", "subleaf") for name in "abcd")
    leaf = c.Struct("leaf" / i.u32, "subleaf" / told(i, i.u32, Later("cpuid", "SUBLEAF")), *registers)
    return c.Struct("cpuid_policy" / repeated(leaf) * "What CPUID tells the guest")


def x86_msr_policy(i: Ints) -> Layout:
    """Section "X86_MSR_POLICY"; entries: xen_msr_entry_t of xen/include/public/arch-x86/xen.h."""
    entry = c.Struct(
        "idx" / told(i, i.u32, Later("msr", "NUMBER")) * "The register's number",
        "flags" / reserved(i.u32) * "Zero: none is defined",
        "val" / told(i, i.u64, Later("msr", "VALUES"), "idx") * "Its value",
    )
    return c.Struct("msr_policy" / repeated(entry) * "What model-specific registers tell the guest")


_SPEC = "libxc-migration-stream: "

IMAGE_HEADER = HeaderSpec(
    "image header",
    "libxc",
    image_header,
    "big",
    IMAGE_MAGIC,
    _SPEC + "Image Header",
    Expect.DOMAIN_HEADER,
    summary="version {version}, {options.big_endian:order}",
)
DOMAIN_HEADER = HeaderSpec(
    "domain header",
    "libxc",
    domain_header,
    None,
    b"",
    _SPEC + "Domain Header",
    Expect.LIBXC_RECORD,
    Role.DOMAIN,
    summary="{type} from {xen_major:xen:xen_minor}{page_shift:unless:12:, page_shift}",
)
