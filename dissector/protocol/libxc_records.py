"""Which number is which libxc record, with all its roles: the table depends on the version in the image header."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from . import libxc
from .primitives import Body
from .specs import Expect, FieldRange, Proof, RecordSpec, Role, blob, signal

_XEN = "libxc-migration-stream: "
_RFC = "postcopy RFC, libxc-migration-stream: "
_VCPU = _XEN + "X86_PV_VCPU_BASIC, EXTENDED, XSAVE, MSRS"

MAX_VCPUS = 8192
"""More than any Xen has: a larger number of a processor is none."""

_VCPU_FIELDS = (FieldRange(0, 4, 0, MAX_VCPUS - 1), FieldRange(4, 4, 0, 0))
_VCPU_PROOF = Proof(40, fields=_VCPU_FIELDS)

_VCPU_BASIC = Proof(40, lengths=(8 + 2800, 8 + 5168), fields=_VCPU_FIELDS)
"""struct vcpu_guest_context of xen/include/public/arch-x86/xen.h for 32 and 64 bits. In the state of an HVM guest an
IOAPIC and a LAPIC that are all zeros look like records of a PV guest otherwise."""

HVM_SAVE_HEADER_SIZE = 24
"""Octets of struct hvm_save_header, xen/include/public/arch-x86/hvm/save.h."""

_HVM_CONTEXT = Proof(
    80, fields=(FieldRange(0, 2, 1, 1), FieldRange(2, 2, 0, 0), FieldRange(4, 4, *2 * (HVM_SAVE_HEADER_SIZE,)))
)
"""The chain begins with the descriptor of HEADER: typecode 1, instance 0, its length."""

_HVM_PARAMS = Proof(60, base=8, unit=16, counted=True, fields=(FieldRange(4, 4, 0, 0),))
_CPUID_POLICY = Proof(40, unit=24, fields=(FieldRange(0, 4, 0, 0), FieldRange(8, 4, 1, 0xFFFFFFFF)))
"""Leaf 0 comes first, and says in EAX which leaf is the last."""

_MSR_POLICY = Proof(30, unit=16, fields=(FieldRange(4, 4, 0, 0),))


def _cpu(values: Mapping[str, Any]) -> dict[str, Any]:
    """The processor that a policy describes. Its tables are loaded when it is asked for."""
    from .cpuid import described

    return described(values)


def _vcpu(type: int, part: str, body: Body, proof: Proof) -> RecordSpec:
    """The state of one processor of a PV guest."""
    return RecordSpec(
        type,
        f"X86_PV_VCPU_{part}",
        body,
        "blob",
        _VCPU,
        Role.CONTEXT,
        guest="pv",
        proof=proof,
        summary="vcpu {vcpu_id}, {context:size}",
    )


_TSC_INFO = RecordSpec(
    0x08,
    "TSC_INFO",
    libxc.tsc_info,
    "fixed",
    _XEN + "X86_TSC_INFO",
    Role.CONTEXT,
    summary="mode {mode}, {khz} kHz",
)

_COMMON = (
    RecordSpec(0x00, "END", signal, "signal", _XEN + "END", Role.LIBXC_END, then=Expect.OUTER),
    RecordSpec(0x01, "PAGE_DATA", libxc.page_data, "pages", _XEN + "PAGE_DATA", Role.MEMORY, contents=True),
    RecordSpec(
        0x02,
        "X86_PV_INFO",
        libxc.x86_pv_info,
        "fixed",
        _XEN + "X86_PV_INFO",
        Role.STATIC_DATA,
        guest="pv",
        summary="{guest_width:bits}-bit guest, {pt_levels} levels",
        tells_width=True,
    ),
    RecordSpec(
        0x03,
        "X86_PV_P2M_FRAMES",
        libxc.x86_pv_p2m_frames,
        "list",
        _XEN + "X86_PV_P2M_FRAMES",
        Role.FRAME_TABLE,
        guest="pv",
        summary="pfns {start_pfn:hex}-{end_pfn:hex}",
    ),
    _vcpu(0x04, "BASIC", libxc.x86_pv_vcpu_basic, _VCPU_BASIC),
    _vcpu(0x05, "EXTENDED", libxc.x86_pv_vcpu_extended, _VCPU_PROOF),
    _vcpu(0x06, "XSAVE", libxc.x86_pv_vcpu_xsave, _VCPU_PROOF),
    RecordSpec(0x07, "SHARED_INFO", libxc.shared_info, "page", _XEN + "SHARED_INFO", Role.CONTEXT, guest="pv"),
    RecordSpec(
        0x09,
        "HVM_CONTEXT",
        libxc.hvm_context,
        "chain",
        _XEN + "HVM_CONTEXT",
        Role.CONTEXT,
        guest="hvm",
        proof=_HVM_CONTEXT,
        summary="{hvm_ctx:many:save record}, {hvm_ctx.typecode=CPU:many:vcpu}",
    ),
    RecordSpec(
        0x0A,
        "HVM_PARAMS",
        libxc.hvm_params,
        "list",
        _XEN + "HVM_PARAMS",
        Role.CONTEXT,
        guest="hvm",
        proof=_HVM_PARAMS,
        summary="{count:many:param}",
    ),
    RecordSpec(0x0B, "TOOLSTACK", blob, "blob", _XEN + "TOOLSTACK (deprecated)", Role.TOOLSTACK),
    _vcpu(0x0C, "MSRS", libxc.x86_pv_vcpu_msrs, _VCPU_PROOF),
    RecordSpec(0x0D, "VERIFY", signal, "signal", _XEN + "VERIFY", Role.VERIFY),
    RecordSpec(0x0E, "CHECKPOINT", signal, "signal", _XEN + "CHECKPOINT", Role.CHECKPOINT, then=Expect.LIBXL_IF_THERE),
    RecordSpec(
        0x0F,
        "CHECKPOINT_DIRTY_PFN_LIST",
        libxc.checkpoint_dirty_pfn_list,
        "list",
        _XEN + "CHECKPOINT_DIRTY_PFN_LIST",
        Role.REPORT,
        direction="reverse",
        summary="{pfn:many:pfn}",
    ),
)

_POSTCOPY = (
    RecordSpec(0x10, "POSTCOPY_BEGIN", signal, "signal", _RFC + "POSTCOPY_BEGIN", Role.POSTCOPY_BEGIN),
    RecordSpec(0x11, "POSTCOPY_PFNS_BEGIN", signal, "signal", _RFC + "POSTCOPY_PFNS_BEGIN", Role.POSTCOPY_SETUP),
    RecordSpec(0x12, "POSTCOPY_PFNS", libxc.page_list, "pages", _RFC + "POSTCOPY_PFNS", Role.POSTCOPY_LIST),
    RecordSpec(
        0x13,
        "POSTCOPY_TRANSITION",
        signal,
        "signal",
        _RFC + "POSTCOPY_TRANSITION",
        Role.POSTCOPY_TRANSITION,
        then=Expect.LIBXL_IF_THERE,
    ),
    RecordSpec(
        0x14,
        "POSTCOPY_PAGE_DATA",
        libxc.page_data,
        "pages",
        _RFC + "POSTCOPY_PAGE_DATA",
        Role.POSTCOPY_PAGES,
        contents=True,
    ),
    RecordSpec(
        0x15,
        "POSTCOPY_FAULT",
        libxc.page_list,
        "pages",
        _RFC + "POSTCOPY_FAULT",
        Role.POSTCOPY_FAULT,
        direction="reverse",
    ),
    RecordSpec(
        0x16,
        "POSTCOPY_COMPLETE",
        signal,
        "signal",
        _RFC + "POSTCOPY_COMPLETE",
        Role.POSTCOPY_COMPLETE,
        direction="reverse",
    ),
)

_VERSION_3 = (
    _TSC_INFO._replace(name="X86_TSC_INFO"),
    RecordSpec(0x10, "STATIC_DATA_END", signal, "signal", _XEN + "STATIC_DATA_END", Role.STATIC_DATA_END),
    RecordSpec(
        0x11,
        "X86_CPUID_POLICY",
        libxc.x86_cpuid_policy,
        "list",
        _XEN + "X86_CPUID_POLICY",
        Role.STATIC_DATA,
        proof=_CPUID_POLICY,
        summary="{cpuid_policy:many:CPUID leaf:CPUID leaves}",
        words=_cpu,
    ),
    RecordSpec(
        0x12,
        "X86_MSR_POLICY",
        libxc.x86_msr_policy,
        "list",
        _XEN + "X86_MSR_POLICY",
        Role.STATIC_DATA,
        proof=_MSR_POLICY,
        summary="{msr_policy:many:register}",
    ),
)


def _table(*groups: Iterable[RecordSpec]) -> Mapping[int, RecordSpec]:
    """By number; of two records with one number the later one counts."""
    return MappingProxyType(dict(sorted({record.type: record for group in groups for record in group}.items())))


_VERSION_2 = (_TSC_INFO, *_POSTCOPY)
_UNKNOWN = _table(_COMMON, _VERSION_2, _VERSION_3)
_VERSIONS = {2: _table(_COMMON, _VERSION_2), 3: _table(_COMMON, _VERSION_3)}


def libxc_records(version: int | None) -> Mapping[int, RecordSpec]:
    """The record types of a stream version, by number.

    Version 2 has the postcopy RFC's records: nobody else used these numbers in it. Where the version is not
    known, 0x10 to 0x12 are version 3's, as every Xen since 4.14 sends them, and 0x13 and up the RFC's.
    """
    return _VERSIONS.get(version or 0, _UNKNOWN)
