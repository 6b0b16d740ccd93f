"""Which number is which libxc record: the table depends on the version in the image header."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from . import libxc
from .specs import RecordSpec, blob, signal

_XEN = "libxc-migration-stream: "
_RFC = "postcopy RFC, libxc-migration-stream: "
_VCPU = _XEN + "X86_PV_VCPU_BASIC, EXTENDED, XSAVE, MSRS"

_COMMON = (
    RecordSpec(0x00, "END", signal, "signal", _XEN + "END"),
    RecordSpec(0x01, "PAGE_DATA", libxc.page_data, "pages", _XEN + "PAGE_DATA", contents=True),
    RecordSpec(0x02, "X86_PV_INFO", libxc.x86_pv_info, "fixed", _XEN + "X86_PV_INFO"),
    RecordSpec(0x03, "X86_PV_P2M_FRAMES", libxc.x86_pv_p2m_frames, "list", _XEN + "X86_PV_P2M_FRAMES"),
    RecordSpec(0x04, "X86_PV_VCPU_BASIC", libxc.x86_pv_vcpu, "blob", _VCPU),
    RecordSpec(0x05, "X86_PV_VCPU_EXTENDED", libxc.x86_pv_vcpu, "blob", _VCPU),
    RecordSpec(0x06, "X86_PV_VCPU_XSAVE", libxc.x86_pv_vcpu, "blob", _VCPU),
    RecordSpec(0x07, "SHARED_INFO", libxc.shared_info, "page", _XEN + "SHARED_INFO"),
    RecordSpec(0x08, "TSC_INFO", libxc.tsc_info, "fixed", _XEN + "X86_TSC_INFO"),
    RecordSpec(0x09, "HVM_CONTEXT", libxc.hvm_context, "chain", _XEN + "HVM_CONTEXT"),
    RecordSpec(0x0A, "HVM_PARAMS", libxc.hvm_params, "list", _XEN + "HVM_PARAMS"),
    RecordSpec(0x0B, "TOOLSTACK", blob, "blob", _XEN + "TOOLSTACK (deprecated)"),
    RecordSpec(0x0C, "X86_PV_VCPU_MSRS", libxc.x86_pv_vcpu, "blob", _VCPU),
    RecordSpec(0x0D, "VERIFY", signal, "signal", _XEN + "VERIFY"),
    RecordSpec(0x0E, "CHECKPOINT", signal, "signal", _XEN + "CHECKPOINT"),
    RecordSpec(
        0x0F,
        "CHECKPOINT_DIRTY_PFN_LIST",
        libxc.checkpoint_dirty_pfn_list,
        "list",
        _XEN + "CHECKPOINT_DIRTY_PFN_LIST",
        direction="reverse",
    ),
)

_POSTCOPY = (
    RecordSpec(0x10, "POSTCOPY_BEGIN", signal, "signal", _RFC + "POSTCOPY_BEGIN"),
    RecordSpec(0x11, "POSTCOPY_PFNS_BEGIN", signal, "signal", _RFC + "POSTCOPY_PFNS_BEGIN"),
    RecordSpec(0x12, "POSTCOPY_PFNS", libxc.page_list, "pages", _RFC + "POSTCOPY_PFNS"),
    RecordSpec(0x13, "POSTCOPY_TRANSITION", signal, "signal", _RFC + "POSTCOPY_TRANSITION"),
    RecordSpec(0x14, "POSTCOPY_PAGE_DATA", libxc.page_data, "pages", _RFC + "POSTCOPY_PAGE_DATA", contents=True),
    RecordSpec(0x15, "POSTCOPY_FAULT", libxc.page_list, "pages", _RFC + "POSTCOPY_FAULT", direction="reverse"),
    RecordSpec(0x16, "POSTCOPY_COMPLETE", signal, "signal", _RFC + "POSTCOPY_COMPLETE", direction="reverse"),
)

_VERSION_3 = (
    _COMMON[0x08]._replace(name="X86_TSC_INFO"),
    RecordSpec(0x10, "STATIC_DATA_END", signal, "signal", _XEN + "STATIC_DATA_END"),
    RecordSpec(0x11, "X86_CPUID_POLICY", libxc.x86_cpuid_policy, "list", _XEN + "X86_CPUID_POLICY"),
    RecordSpec(0x12, "X86_MSR_POLICY", libxc.x86_msr_policy, "list", _XEN + "X86_MSR_POLICY"),
)


def _table(*groups: Iterable[RecordSpec]) -> Mapping[int, RecordSpec]:
    return MappingProxyType({record.type: record for group in groups for record in group})


_UNKNOWN = _table(_COMMON, _POSTCOPY, _VERSION_3)
_VERSIONS = {2: _table(_COMMON, _POSTCOPY), 3: _table(_COMMON, _VERSION_3)}


def libxc_records(version: int | None) -> Mapping[int, RecordSpec]:
    """The record types of a stream version, by number.

    Version 2 has the postcopy RFC's records: nobody else used these numbers in it. Where the version is not
    known, 0x10 to 0x12 are version 3's, as every Xen since 4.14 sends them, and 0x13 and up the RFC's.
    """
    return _VERSIONS.get(version or 0, _UNKNOWN)
