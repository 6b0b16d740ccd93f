# Written by `python -m dissector.integrations.scapy.stubs`: changes are lost.

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from scapy.fields import FlagValue
from scapy.packet import Packet
from scapy.volatile import VolatileValue

from .fields import Packed
from .packets import _Framed, _Item, _Layer, _PageList, _Record
from dissector.integrations.scapy.ends import MigrationDestination as MigrationDestination
from dissector.integrations.scapy.session import MigrationSession as MigrationSession
from dissector.integrations.scapy.connection import MigrationSocket as MigrationSocket
from dissector.integrations.scapy.ends import MigrationSource as MigrationSource
from dissector.integrations.scapy.fields import Octets as Octets
from dissector.integrations.scapy.ends import PageServer as PageServer
from dissector.integrations.scapy.packets import ToolstackMessage as ToolstackMessage
from dissector.integrations.scapy.packets import TrailingData as TrailingData
from dissector.integrations.scapy.packets import XlMessage as XlMessage
from dissector.integrations.scapy.making import big_endian as big_endian
from dissector.integrations.scapy.scripts import unsayable as unsayable

_Wild: TypeAlias = VolatileValue[Any] | None
_Number: TypeAlias = int | list[int] | _Wild
_Name: TypeAlias = int | str | list[int] | list[str] | _Wild
_Bytes: TypeAlias = bytes | str | _Wild
_Array: TypeAlias = int | Iterable[int | Mapping[str, int | str]] | None
_Inside: TypeAlias = Packet | bytes | None

__all__ = [
    "XlOptionalData",
    "XlOptionalDataBE",
    "XlHeader",
    "XlHeaderBE",
    "LibvirtHeader",
    "XenopsHeader",
    "LibxlHeader",
    "LibxcImageHeader",
    "XenopsLegacyHeader",
    "LibxcDomainHeader",
    "LibxcDomainHeaderBE",
    "LibxcEnd",
    "PageData",
    "PageDataBE",
    "X86PvInfo",
    "X86PvInfoBE",
    "X86PvP2mFrames",
    "X86PvP2mFramesBE",
    "Fxsave",
    "PvVcpu64TrapCtxt",
    "PvVcpu64",
    "PvVcpu32TrapCtxt",
    "PvVcpu32",
    "X86PvVcpuBasic",
    "FxsaveBE",
    "PvVcpu64TrapCtxtBE",
    "PvVcpu64BE",
    "PvVcpu32TrapCtxtBE",
    "PvVcpu32BE",
    "X86PvVcpuBasicBE",
    "PvExtended",
    "PvExtendedMcg",
    "X86PvVcpuExtended",
    "PvExtendedBE",
    "PvExtendedMcgBE",
    "X86PvVcpuExtendedBE",
    "XsaveYmm",
    "XsaveBndregs",
    "XsaveBndcsr",
    "XsaveOpmask",
    "XsaveZmm",
    "XsaveHiZmm",
    "XsavePkru",
    "XsaveTileCfg",
    "XsaveTileData",
    "XsaveLwp",
    "XsaveComponents",
    "PvXsave",
    "X86PvVcpuXsave",
    "XsaveBndcsrBE",
    "XsaveOpmaskBE",
    "XsavePkruBE",
    "XsaveTileCfgBE",
    "XsaveComponentsBE",
    "PvXsaveBE",
    "X86PvVcpuXsaveBE",
    "SharedInfo32VcpuInfo",
    "SharedInfo32",
    "SharedInfo64VcpuInfo",
    "SharedInfo64",
    "SharedInfo",
    "SharedInfo32VcpuInfoBE",
    "SharedInfo32BE",
    "SharedInfo64VcpuInfoBE",
    "SharedInfo64BE",
    "SharedInfoBE",
    "TscInfo",
    "TscInfoBE",
    "HvmHeader",
    "HvmCpu",
    "HvmCpu1024",
    "HvmCpuCompat",
    "HvmPic",
    "HvmIoapic",
    "HvmLapic",
    "HvmLapic24",
    "HvmLapic16",
    "HvmLapicRegs",
    "HvmPciIrq",
    "HvmIsaIrq",
    "HvmPciLink",
    "HvmPitChannels",
    "HvmPit",
    "HvmRtc",
    "HvmRtc16",
    "HvmHpetTimers",
    "HvmHpet",
    "HvmPmtimer",
    "HvmMtrr",
    "HvmViridianDomain",
    "HvmViridianDomain24",
    "HvmViridianDomain16",
    "HvmCpuXsave",
    "HvmViridianVcpu",
    "HvmViridianVcpu16",
    "HvmViridianVcpu8",
    "HvmVmceVcpu",
    "HvmVmceVcpu24",
    "HvmVmceVcpu8",
    "HvmTscAdjust",
    "HvmCpuMsrEntry",
    "HvmCpuMsr",
    "HvmContextEntry",
    "HvmContext",
    "HvmHeaderBE",
    "HvmCpuBE",
    "HvmCpu1024BE",
    "HvmCpuCompatBE",
    "HvmPicBE",
    "HvmIoapicBE",
    "HvmLapicBE",
    "HvmLapic24BE",
    "HvmLapic16BE",
    "HvmLapicRegsBE",
    "HvmPciIrqBE",
    "HvmIsaIrqBE",
    "HvmPitChannelsBE",
    "HvmPitBE",
    "HvmRtcBE",
    "HvmHpetTimersBE",
    "HvmHpetBE",
    "HvmPmtimerBE",
    "HvmMtrrBE",
    "HvmViridianDomainBE",
    "HvmViridianDomain24BE",
    "HvmViridianDomain16BE",
    "HvmCpuXsaveBE",
    "HvmViridianVcpuBE",
    "HvmViridianVcpu16BE",
    "HvmViridianVcpu8BE",
    "HvmVmceVcpuBE",
    "HvmVmceVcpu24BE",
    "HvmVmceVcpu8BE",
    "HvmTscAdjustBE",
    "HvmCpuMsrEntryBE",
    "HvmCpuMsrBE",
    "HvmContextEntryBE",
    "HvmContextBE",
    "HvmParamsEntry",
    "HvmParams",
    "HvmParamsEntryBE",
    "HvmParamsBE",
    "Toolstack",
    "PvMsrsEntry",
    "PvMsrs",
    "X86PvVcpuMsrs",
    "PvMsrsEntryBE",
    "PvMsrsBE",
    "X86PvVcpuMsrsBE",
    "Verify",
    "Checkpoint",
    "CheckpointDirtyPfnList",
    "CheckpointDirtyPfnListBE",
    "PostcopyBegin",
    "PostcopyPfnsBegin",
    "PostcopyPfns",
    "PostcopyPfnsBE",
    "PostcopyTransition",
    "PostcopyPageData",
    "PostcopyPageDataBE",
    "PostcopyFault",
    "PostcopyFaultBE",
    "PostcopyComplete",
    "X86TscInfo",
    "X86TscInfoBE",
    "StaticDataEnd",
    "X86CpuidPolicyEntry",
    "X86CpuidPolicy",
    "X86CpuidPolicyEntryBE",
    "X86CpuidPolicyBE",
    "X86MsrPolicyEntry",
    "X86MsrPolicy",
    "X86MsrPolicyEntryBE",
    "X86MsrPolicyBE",
    "LibxlEnd",
    "LibxcContext",
    "EmulatorXenstoreDataEntry",
    "EmulatorXenstoreData",
    "EmulatorXenstoreDataBE",
    "QemuSection",
    "QemuCommand",
    "QemuStream",
    "EmulatorContext",
    "EmulatorContextBE",
    "CheckpointEnd",
    "CheckpointState",
    "CheckpointStateBE",
    "PostcopyTransitionEnd",
    "XenopsXenops",
    "XenopsLibxc",
    "XenopsLibxl",
    "XenopsLibxcLegacy",
    "XenopsQemuTrad",
    "XenopsQemuXen",
    "XenopsDemu",
    "XenopsVarstored",
    "XenopsSwtpm0",
    "XenopsSwtpm",
    "XenopsEndOfImage",
    "XenopsRecord",
    "LibxlRecord",
    "LibxlRecordBE",
    "LibxcRecord",
    "LibxcRecordBE",
    "LibxcRecordV2",
    "LibxcRecordV2BE",
    "LibxcRecordV3",
    "LibxcRecordV3BE",
    "MigrationDestination",
    "MigrationSession",
    "MigrationSocket",
    "MigrationSource",
    "Octets",
    "PageServer",
    "ToolstackMessage",
    "TrailingData",
    "XlMessage",
    "big_endian",
    "unsayable",
]

class XlOptionalData(_Layer):
    """What follows xl's save header."""
    config_length: int
    """Octets of the configuration"""
    config: bytes
    """The guest's configuration; JSON ends in a NUL"""
    tail: bytes
    """What a later xl may append"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        config_length: _Number = None,
        config: _Bytes = None,
        tail: _Bytes = None,
    ) -> None: ...

class XlOptionalDataBE(XlOptionalData):
    """What follows xl's save header."""

class XlHeader(_Framed):
    """xl xl header. Source: tools/xl/xl.h: struct save_file_header."""
    magic: bytes
    """Names the format"""
    byteorder: int
    """0x01020304 in the sender's byte order"""
    mandatory_flags: FlagValue
    """A flag the receiver does not know makes it refuse"""
    optional_flags: FlagValue
    """None is defined"""
    optional_data_len: int
    """Octets of optional data after this header"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        magic: _Bytes = None,
        byteorder: _Number = None,
        mandatory_flags: _Name = None,
        optional_flags: _Name = None,
        optional_data_len: _Number = None,
    ) -> None: ...

class XlHeaderBE(XlHeader):
    """xl xl header. Source: tools/xl/xl.h: struct save_file_header."""

class LibvirtHeader(_Item):
    """libvirt libvirt header. Source: libxl_conf.h: libxlSavefileHeader."""
    magic: bytes
    """Names the format"""
    version: int
    """2: a libxl stream of version 2 follows"""
    xml_length: int
    """Octets of XML after this header"""
    unused: bytes
    """Of no meaning"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        magic: _Bytes = None,
        version: _Number = None,
        xml_length: _Number = None,
        unused: _Bytes = None,
    ) -> None: ...

class XenopsHeader(_Item):
    """xenops xenops header. Source: suspend_image.ml: save_signature."""
    magic: bytes
    """Names the format"""
    def __init__(self, _pkt: bytes = b"", *, magic: _Bytes = None) -> None: ...

class LibxlHeader(_Item):
    """libxl libxl header. Source: libxl-migration-stream: Header."""
    ident: int
    """'LibxlFmt'"""
    version: int
    """Version of the libxl stream"""
    options: FlagValue
    """How the stream is written"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        ident: _Number = None,
        version: _Number = None,
        options: _Name = None,
    ) -> None: ...

class LibxcImageHeader(_Item):
    """libxc image header. Source: libxc-migration-stream: Image Header."""
    marker: int
    """All ones: a legacy stream has a zero bit here"""
    id: int
    """'XENF'"""
    version: int
    """Version of the stream; decides what record types 0x10 and up mean"""
    options: FlagValue
    """How the stream is written"""
    reserved1: int
    reserved2: int
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        marker: _Number = None,
        id: _Number = None,
        version: _Number = None,
        options: _Name = None,
        reserved1: _Number = None,
        reserved2: _Number = None,
    ) -> None: ...

class XenopsLegacyHeader(_Item):
    """xenops xenops legacy header. Source: suspend_image.ml: legacy_save_signature."""
    magic: bytes
    """Names the format"""
    def __init__(self, _pkt: bytes = b"", *, magic: _Bytes = None) -> None: ...

class LibxcDomainHeader(_Item):
    """libxc domain header. Source: libxc-migration-stream: Domain Header."""
    type: int
    """What kind of guest"""
    page_shift: int
    """A guest page has 2^page_shift octets"""
    reserved: int
    xen_major: int
    """Xen that wrote the stream; 0: the converter of old streams"""
    xen_minor: int
    """Its minor version, or the converter's version"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        type: _Name = None,
        page_shift: _Number = None,
        reserved: _Number = None,
        xen_major: _Number = None,
        xen_minor: _Number = None,
    ) -> None: ...

class LibxcDomainHeaderBE(LibxcDomainHeader):
    """libxc domain header. Source: libxc-migration-stream: Domain Header."""

class LibxcEnd(_Layer):
    """libxc END. Source: libxc-migration-stream: END."""
    def __init__(self, _pkt: bytes = b"") -> None: ...

class PageData(_PageList):
    """libxc PAGE_DATA. Source: libxc-migration-stream: PAGE_DATA."""
    count: int
    """Number of entries, at least 1"""
    reserved: int
    pfn: list[Packed]
    """Page types and frame numbers"""
    page_data: bytes
    """Contents of the backed pages, in order"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        count: _Number = None,
        reserved: _Number = None,
        pfn: _Array = None,
        page_data: _Bytes = None,
        pfns: Iterable[int] | None = None,
    ) -> None: ...

class PageDataBE(PageData):
    """libxc PAGE_DATA. Source: libxc-migration-stream: PAGE_DATA."""

class X86PvInfo(_Layer):
    """libxc X86_PV_INFO. Source: libxc-migration-stream: X86_PV_INFO."""
    guest_width: int
    """Octets of a word of the guest: 4 or 8"""
    pt_levels: int
    """Levels of page tables: 3 or 4"""
    reserved1: int
    reserved2: int
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        guest_width: _Number = None,
        pt_levels: _Number = None,
        reserved1: _Number = None,
        reserved2: _Number = None,
    ) -> None: ...

class X86PvInfoBE(X86PvInfo):
    """libxc X86_PV_INFO. Source: libxc-migration-stream: X86_PV_INFO."""

class X86PvP2mFrames(_Layer):
    """libxc X86_PV_P2M_FRAMES. Source: libxc-migration-stream: X86_PV_P2M_FRAMES."""
    start_pfn: int
    """First pfn that the table covers"""
    end_pfn: int
    """Last pfn that the table covers"""
    p2m_pfn: list[int]
    """Frames that hold the guest's table of frames"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        start_pfn: _Number = None,
        end_pfn: _Number = None,
        p2m_pfn: _Array = None,
    ) -> None: ...

class X86PvP2mFramesBE(X86PvP2mFrames):
    """libxc X86_PV_P2M_FRAMES. Source: libxc-migration-stream: X86_PV_P2M_FRAMES."""

class Fxsave(_Layer):
    """The 512 octets that FXSAVE writes in 64-bit mode. Source: Intel SDM 1, section 10.5.1."""
    fcw: int
    """Control word of the FPU"""
    fsw: int
    """Status word"""
    ftw: int
    """Which registers are in use, a bit each"""
    pad0: bytes
    """Of no meaning"""
    fop: int
    """Opcode of the last instruction"""
    fip: int
    """Its address"""
    fdp: int
    """The address of its operand"""
    mxcsr: int
    """Control and status of SSE"""
    mxcsr_mask: int
    """Bits of it that the processor has"""
    st: bytes
    """Registers of the FPU, and of MMX"""
    xmm: bytes
    """Registers of SSE"""
    pad1: bytes
    """Of no meaning"""
    available: bytes
    """Software's own"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        fcw: _Number = None,
        fsw: _Number = None,
        ftw: _Number = None,
        pad0: _Bytes = None,
        fop: _Number = None,
        fip: _Number = None,
        fdp: _Number = None,
        mxcsr: _Name = None,
        mxcsr_mask: _Number = None,
        st: _Bytes = None,
        xmm: _Bytes = None,
        pad1: _Bytes = None,
        available: _Bytes = None,
    ) -> None: ...

class PvVcpu64TrapCtxt(_Layer):
    """An element of trap_ctxt."""
    vector: int
    """struct trap_info"""
    flags: int
    """Lowest privilege that may cause it, and whether events are disabled"""
    cs: int
    """struct trap_info"""
    pad: bytes
    """Of no meaning"""
    address: int
    """Where its handler is"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        vector: _Number = None,
        flags: _Name = None,
        cs: _Number = None,
        pad: _Bytes = None,
        address: _Number = None,
    ) -> None: ...

class PvVcpu64(_Layer):
    """struct vcpu_guest_context of a 64-bit guest, 5168 octets."""
    fpu_ctxt: Fxsave | Octets
    """As FXSAVE writes it"""
    flags: int
    """VGCF_*"""
    r15: int
    """struct cpu_user_regs"""
    r14: int
    """struct cpu_user_regs"""
    r13: int
    """struct cpu_user_regs"""
    r12: int
    """struct cpu_user_regs"""
    rbp: int
    """struct cpu_user_regs"""
    rbx: int
    """struct cpu_user_regs"""
    r11: int
    """struct cpu_user_regs"""
    r10: int
    """struct cpu_user_regs"""
    r9: int
    """struct cpu_user_regs"""
    r8: int
    """struct cpu_user_regs"""
    rax: int
    """struct cpu_user_regs"""
    rcx: int
    """struct cpu_user_regs"""
    rdx: int
    """struct cpu_user_regs"""
    rsi: int
    """struct cpu_user_regs"""
    rdi: int
    """struct cpu_user_regs"""
    error_code: int
    """struct cpu_user_regs"""
    entry_vector: int
    """struct cpu_user_regs"""
    rip: int
    """struct cpu_user_regs"""
    cs: int
    """struct cpu_user_regs"""
    pad_cs: bytes
    """Of no meaning"""
    saved_upcall_mask: int
    """Whether events are masked: what RFLAGS.IF says of a PV guest"""
    pad_mask: bytes
    """Of no meaning"""
    rflags: int
    """struct cpu_user_regs"""
    rsp: int
    """struct cpu_user_regs"""
    ss: int
    """struct cpu_user_regs"""
    pad_ss: bytes
    """Of no meaning"""
    es: int
    """struct cpu_user_regs"""
    pad_es: bytes
    """Of no meaning"""
    ds: int
    """struct cpu_user_regs"""
    pad_ds: bytes
    """Of no meaning"""
    fs: int
    """struct cpu_user_regs"""
    pad_fs: bytes
    """Of no meaning"""
    gs: int
    """struct cpu_user_regs"""
    pad_gs: bytes
    """Of no meaning"""
    trap_ctxt: list[PvVcpu64TrapCtxt]
    """The guest's table of traps"""
    ldt_base: int
    """struct vcpu_guest_context"""
    ldt_ents: int
    """struct vcpu_guest_context"""
    gdt_frames: list[int]
    """Frames of the table of descriptors"""
    gdt_ents: int
    """struct vcpu_guest_context"""
    kernel_ss: int
    """struct vcpu_guest_context"""
    kernel_sp: int
    """struct vcpu_guest_context"""
    cr0: int
    """struct vcpu_guest_context, ctrlreg"""
    cr1: int
    """struct vcpu_guest_context, ctrlreg"""
    cr2: int
    """struct vcpu_guest_context, ctrlreg"""
    cr3: int
    """struct vcpu_guest_context, ctrlreg"""
    cr4: int
    """struct vcpu_guest_context, ctrlreg"""
    cr5: int
    """struct vcpu_guest_context, ctrlreg"""
    cr6: int
    """struct vcpu_guest_context, ctrlreg"""
    cr7: int
    """struct vcpu_guest_context, ctrlreg"""
    dr0: int
    """struct vcpu_guest_context, debugreg"""
    dr1: int
    """struct vcpu_guest_context, debugreg"""
    dr2: int
    """struct vcpu_guest_context, debugreg"""
    dr3: int
    """struct vcpu_guest_context, debugreg"""
    dr4: int
    """struct vcpu_guest_context, debugreg"""
    dr5: int
    """struct vcpu_guest_context, debugreg"""
    dr6: int
    """struct vcpu_guest_context, debugreg"""
    dr7: int
    """struct vcpu_guest_context, debugreg"""
    event_callback_eip: int
    """struct vcpu_guest_context"""
    failsafe_callback_eip: int
    """struct vcpu_guest_context"""
    syscall_callback_eip: int
    """struct vcpu_guest_context"""
    vm_assist: int
    """VMASST_TYPE_*"""
    fs_base: int
    """struct vcpu_guest_context"""
    gs_base_kernel: int
    """struct vcpu_guest_context"""
    gs_base_user: int
    """struct vcpu_guest_context"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        fpu_ctxt: _Inside = None,
        flags: _Name = None,
        r15: _Number = None,
        r14: _Number = None,
        r13: _Number = None,
        r12: _Number = None,
        rbp: _Number = None,
        rbx: _Number = None,
        r11: _Number = None,
        r10: _Number = None,
        r9: _Number = None,
        r8: _Number = None,
        rax: _Number = None,
        rcx: _Number = None,
        rdx: _Number = None,
        rsi: _Number = None,
        rdi: _Number = None,
        error_code: _Number = None,
        entry_vector: _Number = None,
        rip: _Number = None,
        cs: _Number = None,
        pad_cs: _Bytes = None,
        saved_upcall_mask: _Number = None,
        pad_mask: _Bytes = None,
        rflags: _Name = None,
        rsp: _Number = None,
        ss: _Number = None,
        pad_ss: _Bytes = None,
        es: _Number = None,
        pad_es: _Bytes = None,
        ds: _Number = None,
        pad_ds: _Bytes = None,
        fs: _Number = None,
        pad_fs: _Bytes = None,
        gs: _Number = None,
        pad_gs: _Bytes = None,
        trap_ctxt: list[PvVcpu64TrapCtxt] | PvVcpu64TrapCtxt | None = None,
        ldt_base: _Number = None,
        ldt_ents: _Number = None,
        gdt_frames: _Array = None,
        gdt_ents: _Number = None,
        kernel_ss: _Number = None,
        kernel_sp: _Number = None,
        cr0: _Name = None,
        cr1: _Number = None,
        cr2: _Number = None,
        cr3: _Number = None,
        cr4: _Name = None,
        cr5: _Number = None,
        cr6: _Number = None,
        cr7: _Number = None,
        dr0: _Number = None,
        dr1: _Number = None,
        dr2: _Number = None,
        dr3: _Number = None,
        dr4: _Number = None,
        dr5: _Number = None,
        dr6: _Name = None,
        dr7: _Name = None,
        event_callback_eip: _Number = None,
        failsafe_callback_eip: _Number = None,
        syscall_callback_eip: _Number = None,
        vm_assist: _Name = None,
        fs_base: _Number = None,
        gs_base_kernel: _Number = None,
        gs_base_user: _Number = None,
    ) -> None: ...

class PvVcpu32TrapCtxt(_Layer):
    """An element of trap_ctxt."""
    vector: int
    """struct trap_info"""
    flags: int
    """Lowest privilege that may cause it, and whether events are disabled"""
    cs: int
    """struct trap_info"""
    address: int
    """Where its handler is"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        vector: _Number = None,
        flags: _Name = None,
        cs: _Number = None,
        address: _Number = None,
    ) -> None: ...

class PvVcpu32(_Layer):
    """struct vcpu_guest_context of a 32-bit guest, 2800 octets."""
    fpu_ctxt: Fxsave | Octets
    """As FXSAVE writes it"""
    flags: int
    """VGCF_*"""
    ebx: int
    """struct cpu_user_regs"""
    ecx: int
    """struct cpu_user_regs"""
    edx: int
    """struct cpu_user_regs"""
    esi: int
    """struct cpu_user_regs"""
    edi: int
    """struct cpu_user_regs"""
    ebp: int
    """struct cpu_user_regs"""
    eax: int
    """struct cpu_user_regs"""
    error_code: int
    """struct cpu_user_regs"""
    entry_vector: int
    """struct cpu_user_regs"""
    eip: int
    """struct cpu_user_regs"""
    cs: int
    """struct cpu_user_regs"""
    saved_upcall_mask: int
    """Whether events are masked: what EFLAGS.IF says of a PV guest"""
    pad_mask: bytes
    """Of no meaning"""
    eflags: int
    """struct cpu_user_regs"""
    esp: int
    """struct cpu_user_regs"""
    ss: int
    """struct cpu_user_regs"""
    pad_ss: bytes
    """Of no meaning"""
    es: int
    """struct cpu_user_regs"""
    pad_es: bytes
    """Of no meaning"""
    ds: int
    """struct cpu_user_regs"""
    pad_ds: bytes
    """Of no meaning"""
    fs: int
    """struct cpu_user_regs"""
    pad_fs: bytes
    """Of no meaning"""
    gs: int
    """struct cpu_user_regs"""
    pad_gs: bytes
    """Of no meaning"""
    trap_ctxt: list[PvVcpu32TrapCtxt]
    """The guest's table of traps"""
    ldt_base: int
    """struct vcpu_guest_context"""
    ldt_ents: int
    """struct vcpu_guest_context"""
    gdt_frames: list[int]
    """Frames of the table of descriptors"""
    gdt_ents: int
    """struct vcpu_guest_context"""
    kernel_ss: int
    """struct vcpu_guest_context"""
    kernel_sp: int
    """struct vcpu_guest_context"""
    cr0: int
    """struct vcpu_guest_context, ctrlreg"""
    cr1: int
    """struct vcpu_guest_context, ctrlreg"""
    cr2: int
    """struct vcpu_guest_context, ctrlreg"""
    cr3: int
    """struct vcpu_guest_context, ctrlreg"""
    cr4: int
    """struct vcpu_guest_context, ctrlreg"""
    cr5: int
    """struct vcpu_guest_context, ctrlreg"""
    cr6: int
    """struct vcpu_guest_context, ctrlreg"""
    cr7: int
    """struct vcpu_guest_context, ctrlreg"""
    dr0: int
    """struct vcpu_guest_context, debugreg"""
    dr1: int
    """struct vcpu_guest_context, debugreg"""
    dr2: int
    """struct vcpu_guest_context, debugreg"""
    dr3: int
    """struct vcpu_guest_context, debugreg"""
    dr4: int
    """struct vcpu_guest_context, debugreg"""
    dr5: int
    """struct vcpu_guest_context, debugreg"""
    dr6: int
    """struct vcpu_guest_context, debugreg"""
    dr7: int
    """struct vcpu_guest_context, debugreg"""
    event_callback_cs: int
    """struct vcpu_guest_context"""
    event_callback_eip: int
    """struct vcpu_guest_context"""
    failsafe_callback_cs: int
    """struct vcpu_guest_context"""
    failsafe_callback_eip: int
    """struct vcpu_guest_context"""
    vm_assist: int
    """VMASST_TYPE_*"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        fpu_ctxt: _Inside = None,
        flags: _Name = None,
        ebx: _Number = None,
        ecx: _Number = None,
        edx: _Number = None,
        esi: _Number = None,
        edi: _Number = None,
        ebp: _Number = None,
        eax: _Number = None,
        error_code: _Number = None,
        entry_vector: _Number = None,
        eip: _Number = None,
        cs: _Number = None,
        saved_upcall_mask: _Number = None,
        pad_mask: _Bytes = None,
        eflags: _Name = None,
        esp: _Number = None,
        ss: _Number = None,
        pad_ss: _Bytes = None,
        es: _Number = None,
        pad_es: _Bytes = None,
        ds: _Number = None,
        pad_ds: _Bytes = None,
        fs: _Number = None,
        pad_fs: _Bytes = None,
        gs: _Number = None,
        pad_gs: _Bytes = None,
        trap_ctxt: list[PvVcpu32TrapCtxt] | PvVcpu32TrapCtxt | None = None,
        ldt_base: _Number = None,
        ldt_ents: _Number = None,
        gdt_frames: _Array = None,
        gdt_ents: _Number = None,
        kernel_ss: _Number = None,
        kernel_sp: _Number = None,
        cr0: _Name = None,
        cr1: _Number = None,
        cr2: _Number = None,
        cr3: _Number = None,
        cr4: _Name = None,
        cr5: _Number = None,
        cr6: _Number = None,
        cr7: _Number = None,
        dr0: _Number = None,
        dr1: _Number = None,
        dr2: _Number = None,
        dr3: _Number = None,
        dr4: _Number = None,
        dr5: _Number = None,
        dr6: _Name = None,
        dr7: _Name = None,
        event_callback_cs: _Number = None,
        event_callback_eip: _Number = None,
        failsafe_callback_cs: _Number = None,
        failsafe_callback_eip: _Number = None,
        vm_assist: _Name = None,
    ) -> None: ...

class X86PvVcpuBasic(_Layer):
    """libxc X86_PV_VCPU_BASIC. Source: libxc-migration-stream: X86_PV_VCPU_BASIC, EXTENDED, XSAVE, MSRS."""
    vcpu_id: int
    """Which virtual processor"""
    reserved: int
    context: PvVcpu64 | PvVcpu32 | Octets
    """Its state, as the hypervisor's interface gives it"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        vcpu_id: _Number = None,
        reserved: _Number = None,
        context: _Inside = None,
    ) -> None: ...

class FxsaveBE(Fxsave):
    """The 512 octets that FXSAVE writes in 64-bit mode. Source: Intel SDM 1, section 10.5.1."""

class PvVcpu64TrapCtxtBE(PvVcpu64TrapCtxt):
    """An element of trap_ctxt."""

class PvVcpu64BE(PvVcpu64):
    """struct vcpu_guest_context of a 64-bit guest, 5168 octets."""

class PvVcpu32TrapCtxtBE(PvVcpu32TrapCtxt):
    """An element of trap_ctxt."""

class PvVcpu32BE(PvVcpu32):
    """struct vcpu_guest_context of a 32-bit guest, 2800 octets."""

class X86PvVcpuBasicBE(X86PvVcpuBasic):
    """libxc X86_PV_VCPU_BASIC. Source: libxc-migration-stream: X86_PV_VCPU_BASIC, EXTENDED, XSAVE, MSRS."""

class PvExtended(_Layer):
    """struct xen_domctl_ext_vcpucontext, 64 octets; zeros behind it if the interface's whole union was sent."""
    vcpu: int
    """Which virtual processor"""
    size: int
    """Octets of this structure"""
    syscall32_callback_eip: int
    """struct xen_domctl_ext_vcpucontext"""
    sysenter_callback_eip: int
    """struct xen_domctl_ext_vcpucontext"""
    syscall32_callback_cs: int
    """struct xen_domctl_ext_vcpucontext"""
    sysenter_callback_cs: int
    """struct xen_domctl_ext_vcpucontext"""
    syscall32_disables_events: int
    """struct xen_domctl_ext_vcpucontext"""
    sysenter_disables_events: int
    """struct xen_domctl_ext_vcpucontext"""
    pad: bytes
    """Of no meaning"""
    caps: int
    """struct hvm_vmce_vcpu"""
    mci_ctl2_bank0: int
    """struct hvm_vmce_vcpu"""
    mci_ctl2_bank1: int
    """struct hvm_vmce_vcpu"""
    mcg_ext_ctl: int
    """struct hvm_vmce_vcpu"""
    tail: bytes
    """What a later Xen may append"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        vcpu: _Number = None,
        size: _Number = None,
        syscall32_callback_eip: _Number = None,
        sysenter_callback_eip: _Number = None,
        syscall32_callback_cs: _Number = None,
        sysenter_callback_cs: _Number = None,
        syscall32_disables_events: _Number = None,
        sysenter_disables_events: _Number = None,
        pad: _Bytes = None,
        caps: _Number = None,
        mci_ctl2_bank0: _Number = None,
        mci_ctl2_bank1: _Number = None,
        mcg_ext_ctl: _Number = None,
        tail: _Bytes = None,
    ) -> None: ...

class PvExtendedMcg(_Layer):
    """The same of a Xen that knows mcg_cap alone, 40 octets."""
    vcpu: int
    """Which virtual processor"""
    size: int
    """Octets of this structure"""
    syscall32_callback_eip: int
    """struct xen_domctl_ext_vcpucontext"""
    sysenter_callback_eip: int
    """struct xen_domctl_ext_vcpucontext"""
    syscall32_callback_cs: int
    """struct xen_domctl_ext_vcpucontext"""
    sysenter_callback_cs: int
    """struct xen_domctl_ext_vcpucontext"""
    syscall32_disables_events: int
    """struct xen_domctl_ext_vcpucontext"""
    sysenter_disables_events: int
    """struct xen_domctl_ext_vcpucontext"""
    pad: bytes
    """Of no meaning"""
    mcg_cap: int
    """struct xen_domctl_ext_vcpucontext"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        vcpu: _Number = None,
        size: _Number = None,
        syscall32_callback_eip: _Number = None,
        sysenter_callback_eip: _Number = None,
        syscall32_callback_cs: _Number = None,
        sysenter_callback_cs: _Number = None,
        syscall32_disables_events: _Number = None,
        sysenter_disables_events: _Number = None,
        pad: _Bytes = None,
        mcg_cap: _Number = None,
    ) -> None: ...

class X86PvVcpuExtended(_Layer):
    """libxc X86_PV_VCPU_EXTENDED. Source: libxc-migration-stream: X86_PV_VCPU_BASIC, EXTENDED, XSAVE, MSRS."""
    vcpu_id: int
    """Which virtual processor"""
    reserved: int
    context: PvExtended | PvExtendedMcg | Octets
    """Its state, as the hypervisor's interface gives it"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        vcpu_id: _Number = None,
        reserved: _Number = None,
        context: _Inside = None,
    ) -> None: ...

class PvExtendedBE(PvExtended):
    """struct xen_domctl_ext_vcpucontext, 64 octets; zeros behind it if the interface's whole union was sent."""

class PvExtendedMcgBE(PvExtendedMcg):
    """The same of a Xen that knows mcg_cap alone, 40 octets."""

class X86PvVcpuExtendedBE(X86PvVcpuExtended):
    """libxc X86_PV_VCPU_EXTENDED. Source: libxc-migration-stream: X86_PV_VCPU_BASIC, EXTENDED, XSAVE, MSRS."""

class XsaveYmm(_Layer):
    """The component YMM of an XSAVE area."""
    ymm_high: bytes
    """Registers"""
    def __init__(self, _pkt: bytes = b"", *, ymm_high: _Bytes = None) -> None: ...

class XsaveBndregs(_Layer):
    """The component BNDREGS of an XSAVE area."""
    bnd: bytes
    """Registers"""
    def __init__(self, _pkt: bytes = b"", *, bnd: _Bytes = None) -> None: ...

class XsaveBndcsr(_Layer):
    """The component BNDCSR of an XSAVE area."""
    bndcfgu: int
    """Configuration of MPX"""
    bndstatus: int
    """Its status"""
    pad: bytes
    """Of no meaning"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        bndcfgu: _Number = None,
        bndstatus: _Number = None,
        pad: _Bytes = None,
    ) -> None: ...

class XsaveOpmask(_Layer):
    """The component OPMASK of an XSAVE area."""
    k: list[int]
    """Mask registers of AVX-512"""
    def __init__(self, _pkt: bytes = b"", *, k: _Array = None) -> None: ...

class XsaveZmm(_Layer):
    """The component ZMM of an XSAVE area."""
    zmm_high: bytes
    """Registers"""
    def __init__(self, _pkt: bytes = b"", *, zmm_high: _Bytes = None) -> None: ...

class XsaveHiZmm(_Layer):
    """The component HI_ZMM of an XSAVE area."""
    zmm: bytes
    """Registers"""
    def __init__(self, _pkt: bytes = b"", *, zmm: _Bytes = None) -> None: ...

class XsavePkru(_Layer):
    """The component PKRU of an XSAVE area."""
    pkru: int
    """Rights of protection keys"""
    pad: bytes
    """Of no meaning"""
    def __init__(self, _pkt: bytes = b"", *, pkru: _Number = None, pad: _Bytes = None) -> None: ...

class XsaveTileCfg(_Layer):
    """The component TILE_CFG of an XSAVE area."""
    palette: int
    """Which palette is in use"""
    start_row: int
    """Where an interrupted instruction goes on"""
    pad: bytes
    """Of no meaning"""
    colsb: list[int]
    """Octets of a row of each tile"""
    rows: list[int]
    """Rows of each tile"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        palette: _Number = None,
        start_row: _Number = None,
        pad: _Bytes = None,
        colsb: _Array = None,
        rows: _Array = None,
    ) -> None: ...

class XsaveTileData(_Layer):
    """The component TILE_DATA of an XSAVE area."""
    tiles: bytes
    """Registers"""
    def __init__(self, _pkt: bytes = b"", *, tiles: _Bytes = None) -> None: ...

class XsaveLwp(_Layer):
    """The component LWP of an XSAVE area."""
    lwp: bytes
    """Registers"""
    def __init__(self, _pkt: bytes = b"", *, lwp: _Bytes = None) -> None: ...

class XsaveComponents(_Layer):
    """The components of an XSAVE area in the standard format, each where `layout` has it; None: it is not there.
    `rest`: how many zeros follow. Source: the processors' manuals.
    """
    layout: str
    YMM: XsaveYmm | None
    BNDREGS: XsaveBndregs | None
    BNDCSR: XsaveBndcsr | None
    OPMASK: XsaveOpmask | None
    ZMM: XsaveZmm | None
    HI_ZMM: XsaveHiZmm | None
    PKRU: XsavePkru | None
    TILE_CFG: XsaveTileCfg | None
    TILE_DATA: XsaveTileData | None
    LWP: XsaveLwp | None
    rest: bytes
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        layout: str | None = None,
        YMM: _Inside = None,
        BNDREGS: _Inside = None,
        BNDCSR: _Inside = None,
        OPMASK: _Inside = None,
        ZMM: _Inside = None,
        HI_ZMM: _Inside = None,
        PKRU: _Inside = None,
        TILE_CFG: _Inside = None,
        TILE_DATA: _Inside = None,
        LWP: _Inside = None,
        rest: _Bytes = None,
    ) -> None: ...

class PvXsave(_Layer):
    """What XEN_DOMCTL_getvcpuextstate gives: XCR0 twice and an XSAVE area."""
    xcr0: int
    """States that are enabled"""
    xcr0_accum: int
    """States that ever were"""
    fpu_sse: Fxsave | Octets
    """As FXSAVE writes it"""
    xstate_bv: int
    """States that are not in their first condition"""
    xcomp_bv: int
    """Zero: the standard format, not the compacted one"""
    pad: bytes
    """Of no meaning"""
    components: XsaveComponents | Octets
    """The other states"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        xcr0: _Name = None,
        xcr0_accum: _Name = None,
        fpu_sse: _Inside = None,
        xstate_bv: _Name = None,
        xcomp_bv: _Number = None,
        pad: _Bytes = None,
        components: _Inside = None,
    ) -> None: ...

class X86PvVcpuXsave(_Layer):
    """libxc X86_PV_VCPU_XSAVE. Source: libxc-migration-stream: X86_PV_VCPU_BASIC, EXTENDED, XSAVE, MSRS."""
    vcpu_id: int
    """Which virtual processor"""
    reserved: int
    context: PvXsave | Octets
    """Its state, as the hypervisor's interface gives it"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        vcpu_id: _Number = None,
        reserved: _Number = None,
        context: _Inside = None,
    ) -> None: ...

class XsaveBndcsrBE(XsaveBndcsr):
    """The component BNDCSR of an XSAVE area."""

class XsaveOpmaskBE(XsaveOpmask):
    """The component OPMASK of an XSAVE area."""

class XsavePkruBE(XsavePkru):
    """The component PKRU of an XSAVE area."""

class XsaveTileCfgBE(XsaveTileCfg):
    """The component TILE_CFG of an XSAVE area."""

class XsaveComponentsBE(_Layer):
    """The components of an XSAVE area in the standard format, each where `layout` has it; None: it is not there.
    `rest`: how many zeros follow. Source: the processors' manuals.
    """
    layout: str
    YMM: XsaveYmm | None
    BNDREGS: XsaveBndregs | None
    BNDCSR: XsaveBndcsrBE | None
    OPMASK: XsaveOpmaskBE | None
    ZMM: XsaveZmm | None
    HI_ZMM: XsaveHiZmm | None
    PKRU: XsavePkruBE | None
    TILE_CFG: XsaveTileCfgBE | None
    TILE_DATA: XsaveTileData | None
    LWP: XsaveLwp | None
    rest: bytes
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        layout: str | None = None,
        YMM: _Inside = None,
        BNDREGS: _Inside = None,
        BNDCSR: _Inside = None,
        OPMASK: _Inside = None,
        ZMM: _Inside = None,
        HI_ZMM: _Inside = None,
        PKRU: _Inside = None,
        TILE_CFG: _Inside = None,
        TILE_DATA: _Inside = None,
        LWP: _Inside = None,
        rest: _Bytes = None,
    ) -> None: ...

class PvXsaveBE(PvXsave):
    """What XEN_DOMCTL_getvcpuextstate gives: XCR0 twice and an XSAVE area."""

class X86PvVcpuXsaveBE(X86PvVcpuXsave):
    """libxc X86_PV_VCPU_XSAVE. Source: libxc-migration-stream: X86_PV_VCPU_BASIC, EXTENDED, XSAVE, MSRS."""

class SharedInfo32VcpuInfo(_Layer):
    """An element of vcpu_info."""
    evtchn_upcall_pending: int
    """Whether an event waits"""
    evtchn_upcall_mask: int
    """Whether events are masked"""
    pad0: bytes
    """Of no meaning"""
    evtchn_pending_sel: int
    """Which words of pending events to look at"""
    cr2: int
    """struct arch_vcpu_info"""
    pad: bytes
    """Of no meaning"""
    time_version: int
    """Odd while the times are changed"""
    pad_time: bytes
    """Of no meaning"""
    tsc_timestamp: int
    """struct vcpu_time_info"""
    system_time: int
    """struct vcpu_time_info"""
    tsc_to_system_mul: int
    """struct vcpu_time_info"""
    tsc_shift: int
    """struct vcpu_time_info"""
    time_flags: int
    """XEN_PVCLOCK_*"""
    pad_flags: bytes
    """Of no meaning"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        evtchn_upcall_pending: _Number = None,
        evtchn_upcall_mask: _Number = None,
        pad0: _Bytes = None,
        evtchn_pending_sel: _Number = None,
        cr2: _Number = None,
        pad: _Bytes = None,
        time_version: _Number = None,
        pad_time: _Bytes = None,
        tsc_timestamp: _Number = None,
        system_time: _Number = None,
        tsc_to_system_mul: _Number = None,
        tsc_shift: _Name = None,
        time_flags: _Name = None,
        pad_flags: _Bytes = None,
    ) -> None: ...

class SharedInfo32(_Layer):
    """struct shared_info of a 32-bit guest, 2344 octets of the page."""
    vcpu_info: list[SharedInfo32VcpuInfo]
    """Of the first 32 processors"""
    evtchn_pending: bytes
    """Events that wait"""
    evtchn_mask: bytes
    """Events that are masked"""
    wc_version: int
    """Odd while the wall clock is changed"""
    wc_sec: int
    """Wall clock when the system time was 0, s since the epoch"""
    wc_nsec: int
    """The same, ns"""
    max_pfn: int
    """struct arch_shared_info"""
    pfn_to_mfn_frame_list_list: int
    """struct arch_shared_info"""
    nmi_reason: int
    """struct arch_shared_info"""
    p2m_cr3: int
    """struct arch_shared_info"""
    p2m_vaddr: int
    """struct arch_shared_info"""
    p2m_generation: int
    """struct arch_shared_info"""
    wc_sec_hi: int
    """Upper half of wc_sec"""
    tail: bytes
    """Of no meaning"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        vcpu_info: list[SharedInfo32VcpuInfo] | SharedInfo32VcpuInfo | None = None,
        evtchn_pending: _Bytes = None,
        evtchn_mask: _Bytes = None,
        wc_version: _Number = None,
        wc_sec: _Number = None,
        wc_nsec: _Number = None,
        max_pfn: _Number = None,
        pfn_to_mfn_frame_list_list: _Number = None,
        nmi_reason: _Number = None,
        p2m_cr3: _Number = None,
        p2m_vaddr: _Number = None,
        p2m_generation: _Number = None,
        wc_sec_hi: _Number = None,
        tail: _Bytes = None,
    ) -> None: ...

class SharedInfo64VcpuInfo(_Layer):
    """An element of vcpu_info."""
    evtchn_upcall_pending: int
    """Whether an event waits"""
    evtchn_upcall_mask: int
    """Whether events are masked"""
    pad0: bytes
    """Of no meaning"""
    evtchn_pending_sel: int
    """Which words of pending events to look at"""
    cr2: int
    """struct arch_vcpu_info"""
    pad: bytes
    """Of no meaning"""
    time_version: int
    """Odd while the times are changed"""
    pad_time: bytes
    """Of no meaning"""
    tsc_timestamp: int
    """struct vcpu_time_info"""
    system_time: int
    """struct vcpu_time_info"""
    tsc_to_system_mul: int
    """struct vcpu_time_info"""
    tsc_shift: int
    """struct vcpu_time_info"""
    time_flags: int
    """XEN_PVCLOCK_*"""
    pad_flags: bytes
    """Of no meaning"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        evtchn_upcall_pending: _Number = None,
        evtchn_upcall_mask: _Number = None,
        pad0: _Bytes = None,
        evtchn_pending_sel: _Number = None,
        cr2: _Number = None,
        pad: _Bytes = None,
        time_version: _Number = None,
        pad_time: _Bytes = None,
        tsc_timestamp: _Number = None,
        system_time: _Number = None,
        tsc_to_system_mul: _Number = None,
        tsc_shift: _Name = None,
        time_flags: _Name = None,
        pad_flags: _Bytes = None,
    ) -> None: ...

class SharedInfo64(_Layer):
    """struct shared_info of a 64-bit guest, 3136 octets of the page."""
    vcpu_info: list[SharedInfo64VcpuInfo]
    """Of the first 32 processors"""
    evtchn_pending: bytes
    """Events that wait"""
    evtchn_mask: bytes
    """Events that are masked"""
    wc_version: int
    """Odd while the wall clock is changed"""
    wc_sec: int
    """Wall clock when the system time was 0, s since the epoch"""
    wc_nsec: int
    """The same, ns"""
    wc_sec_hi: int
    """Upper half of wc_sec"""
    max_pfn: int
    """struct arch_shared_info"""
    pfn_to_mfn_frame_list_list: int
    """struct arch_shared_info"""
    nmi_reason: int
    """struct arch_shared_info"""
    p2m_cr3: int
    """struct arch_shared_info"""
    p2m_vaddr: int
    """struct arch_shared_info"""
    p2m_generation: int
    """struct arch_shared_info"""
    tail: bytes
    """Of no meaning"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        vcpu_info: list[SharedInfo64VcpuInfo] | SharedInfo64VcpuInfo | None = None,
        evtchn_pending: _Bytes = None,
        evtchn_mask: _Bytes = None,
        wc_version: _Number = None,
        wc_sec: _Number = None,
        wc_nsec: _Number = None,
        wc_sec_hi: _Number = None,
        max_pfn: _Number = None,
        pfn_to_mfn_frame_list_list: _Number = None,
        nmi_reason: _Number = None,
        p2m_cr3: _Number = None,
        p2m_vaddr: _Number = None,
        p2m_generation: _Number = None,
        tail: _Bytes = None,
    ) -> None: ...

class SharedInfo(_Layer):
    """libxc SHARED_INFO. Source: libxc-migration-stream: SHARED_INFO."""
    shared_info: SharedInfo32 | SharedInfo64 | Octets
    """The shared info page"""
    def __init__(self, _pkt: bytes = b"", *, shared_info: _Inside = None) -> None: ...

class SharedInfo32VcpuInfoBE(SharedInfo32VcpuInfo):
    """An element of vcpu_info."""

class SharedInfo32BE(SharedInfo32):
    """struct shared_info of a 32-bit guest, 2344 octets of the page."""

class SharedInfo64VcpuInfoBE(SharedInfo64VcpuInfo):
    """An element of vcpu_info."""

class SharedInfo64BE(SharedInfo64):
    """struct shared_info of a 64-bit guest, 3136 octets of the page."""

class SharedInfoBE(SharedInfo):
    """libxc SHARED_INFO. Source: libxc-migration-stream: SHARED_INFO."""

class TscInfo(_Layer):
    """libxc TSC_INFO. Source: libxc-migration-stream: X86_TSC_INFO."""
    mode: int
    """How the time stamp counter is emulated"""
    khz: int
    """Its frequency, kHz"""
    nsec: int
    """Time elapsed, ns"""
    incarnation: int
    """How often the guest was restored"""
    reserved: int
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        mode: _Name = None,
        khz: _Number = None,
        nsec: _Number = None,
        incarnation: _Number = None,
        reserved: _Number = None,
    ) -> None: ...

class TscInfoBE(TscInfo):
    """libxc TSC_INFO. Source: libxc-migration-stream: X86_TSC_INFO."""

class HvmHeader(_Layer):
    """struct hvm_save_header, 24 octets."""
    magic: int
    """HVM_FILE_MAGIC"""
    version: int
    """HVM_FILE_VERSION"""
    changeset: int
    """Of the Xen that saved it; all ones: unknown"""
    cpuid: int
    """CPUID leaf 1, EAX, of the host that saved it"""
    gtsc_khz: int
    """Frequency of the guest's TSC, kHz"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        magic: _Number = None,
        version: _Number = None,
        changeset: _Number = None,
        cpuid: _Number = None,
        gtsc_khz: _Number = None,
    ) -> None: ...

class HvmCpu(_Layer):
    """struct hvm_hw_cpu, 1032 octets."""
    fpu_regs: Fxsave | Octets
    """As FXSAVE writes it"""
    rax: int
    """struct hvm_hw_cpu"""
    rbx: int
    """struct hvm_hw_cpu"""
    rcx: int
    """struct hvm_hw_cpu"""
    rdx: int
    """struct hvm_hw_cpu"""
    rbp: int
    """struct hvm_hw_cpu"""
    rsi: int
    """struct hvm_hw_cpu"""
    rdi: int
    """struct hvm_hw_cpu"""
    rsp: int
    """struct hvm_hw_cpu"""
    r8: int
    """struct hvm_hw_cpu"""
    r9: int
    """struct hvm_hw_cpu"""
    r10: int
    """struct hvm_hw_cpu"""
    r11: int
    """struct hvm_hw_cpu"""
    r12: int
    """struct hvm_hw_cpu"""
    r13: int
    """struct hvm_hw_cpu"""
    r14: int
    """struct hvm_hw_cpu"""
    r15: int
    """struct hvm_hw_cpu"""
    rip: int
    """struct hvm_hw_cpu"""
    rflags: int
    """struct hvm_hw_cpu"""
    cr0: int
    """struct hvm_hw_cpu"""
    cr2: int
    """struct hvm_hw_cpu"""
    cr3: int
    """struct hvm_hw_cpu"""
    cr4: int
    """struct hvm_hw_cpu"""
    dr0: int
    """struct hvm_hw_cpu"""
    dr1: int
    """struct hvm_hw_cpu"""
    dr2: int
    """struct hvm_hw_cpu"""
    dr3: int
    """struct hvm_hw_cpu"""
    dr6: int
    """struct hvm_hw_cpu"""
    dr7: int
    """struct hvm_hw_cpu"""
    cs_sel: int
    """struct hvm_hw_cpu"""
    ds_sel: int
    """struct hvm_hw_cpu"""
    es_sel: int
    """struct hvm_hw_cpu"""
    fs_sel: int
    """struct hvm_hw_cpu"""
    gs_sel: int
    """struct hvm_hw_cpu"""
    ss_sel: int
    """struct hvm_hw_cpu"""
    tr_sel: int
    """struct hvm_hw_cpu"""
    ldtr_sel: int
    """struct hvm_hw_cpu"""
    cs_limit: int
    """struct hvm_hw_cpu"""
    ds_limit: int
    """struct hvm_hw_cpu"""
    es_limit: int
    """struct hvm_hw_cpu"""
    fs_limit: int
    """struct hvm_hw_cpu"""
    gs_limit: int
    """struct hvm_hw_cpu"""
    ss_limit: int
    """struct hvm_hw_cpu"""
    tr_limit: int
    """struct hvm_hw_cpu"""
    ldtr_limit: int
    """struct hvm_hw_cpu"""
    idtr_limit: int
    """struct hvm_hw_cpu"""
    gdtr_limit: int
    """struct hvm_hw_cpu"""
    cs_base: int
    """struct hvm_hw_cpu"""
    ds_base: int
    """struct hvm_hw_cpu"""
    es_base: int
    """struct hvm_hw_cpu"""
    fs_base: int
    """struct hvm_hw_cpu"""
    gs_base: int
    """struct hvm_hw_cpu"""
    ss_base: int
    """struct hvm_hw_cpu"""
    tr_base: int
    """struct hvm_hw_cpu"""
    ldtr_base: int
    """struct hvm_hw_cpu"""
    idtr_base: int
    """struct hvm_hw_cpu"""
    gdtr_base: int
    """struct hvm_hw_cpu"""
    cs_arbytes: int
    """struct hvm_hw_cpu"""
    ds_arbytes: int
    """struct hvm_hw_cpu"""
    es_arbytes: int
    """struct hvm_hw_cpu"""
    fs_arbytes: int
    """struct hvm_hw_cpu"""
    gs_arbytes: int
    """struct hvm_hw_cpu"""
    ss_arbytes: int
    """struct hvm_hw_cpu"""
    tr_arbytes: int
    """struct hvm_hw_cpu"""
    ldtr_arbytes: int
    """struct hvm_hw_cpu"""
    sysenter_cs: int
    """struct hvm_hw_cpu"""
    sysenter_esp: int
    """struct hvm_hw_cpu"""
    sysenter_eip: int
    """struct hvm_hw_cpu"""
    shadow_gs: int
    """struct hvm_hw_cpu"""
    msr_flags: int
    """Of no meaning any more"""
    msr_lstar: int
    """struct hvm_hw_cpu"""
    msr_star: int
    """struct hvm_hw_cpu"""
    msr_cstar: int
    """struct hvm_hw_cpu"""
    msr_syscall_mask: int
    """struct hvm_hw_cpu"""
    msr_efer: int
    """struct hvm_hw_cpu"""
    msr_tsc_aux: int
    """struct hvm_hw_cpu"""
    tsc: int
    """What RDTSC would return"""
    pending_event: int
    """The event that is to be delivered, if any"""
    error_code: int
    """Its error code"""
    flags: int
    """Whether the FPU's registers are to be loaded"""
    pad0: bytes
    """Of no meaning"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        fpu_regs: _Inside = None,
        rax: _Number = None,
        rbx: _Number = None,
        rcx: _Number = None,
        rdx: _Number = None,
        rbp: _Number = None,
        rsi: _Number = None,
        rdi: _Number = None,
        rsp: _Number = None,
        r8: _Number = None,
        r9: _Number = None,
        r10: _Number = None,
        r11: _Number = None,
        r12: _Number = None,
        r13: _Number = None,
        r14: _Number = None,
        r15: _Number = None,
        rip: _Number = None,
        rflags: _Name = None,
        cr0: _Name = None,
        cr2: _Number = None,
        cr3: _Number = None,
        cr4: _Name = None,
        dr0: _Number = None,
        dr1: _Number = None,
        dr2: _Number = None,
        dr3: _Number = None,
        dr6: _Name = None,
        dr7: _Name = None,
        cs_sel: _Number = None,
        ds_sel: _Number = None,
        es_sel: _Number = None,
        fs_sel: _Number = None,
        gs_sel: _Number = None,
        ss_sel: _Number = None,
        tr_sel: _Number = None,
        ldtr_sel: _Number = None,
        cs_limit: _Number = None,
        ds_limit: _Number = None,
        es_limit: _Number = None,
        fs_limit: _Number = None,
        gs_limit: _Number = None,
        ss_limit: _Number = None,
        tr_limit: _Number = None,
        ldtr_limit: _Number = None,
        idtr_limit: _Number = None,
        gdtr_limit: _Number = None,
        cs_base: _Number = None,
        ds_base: _Number = None,
        es_base: _Number = None,
        fs_base: _Number = None,
        gs_base: _Number = None,
        ss_base: _Number = None,
        tr_base: _Number = None,
        ldtr_base: _Number = None,
        idtr_base: _Number = None,
        gdtr_base: _Number = None,
        cs_arbytes: _Name = None,
        ds_arbytes: _Name = None,
        es_arbytes: _Name = None,
        fs_arbytes: _Name = None,
        gs_arbytes: _Name = None,
        ss_arbytes: _Name = None,
        tr_arbytes: _Name = None,
        ldtr_arbytes: _Name = None,
        sysenter_cs: _Number = None,
        sysenter_esp: _Number = None,
        sysenter_eip: _Number = None,
        shadow_gs: _Number = None,
        msr_flags: _Number = None,
        msr_lstar: _Number = None,
        msr_star: _Number = None,
        msr_cstar: _Number = None,
        msr_syscall_mask: _Number = None,
        msr_efer: _Name = None,
        msr_tsc_aux: _Number = None,
        tsc: _Number = None,
        pending_event: _Name = None,
        error_code: _Number = None,
        flags: _Name = None,
        pad0: _Bytes = None,
    ) -> None: ...

class HvmCpu1024(_Layer):
    """The same of Xen 4.0 to 4.6, which do not know flags, 1024 octets."""
    fpu_regs: Fxsave | Octets
    """As FXSAVE writes it"""
    rax: int
    """struct hvm_hw_cpu"""
    rbx: int
    """struct hvm_hw_cpu"""
    rcx: int
    """struct hvm_hw_cpu"""
    rdx: int
    """struct hvm_hw_cpu"""
    rbp: int
    """struct hvm_hw_cpu"""
    rsi: int
    """struct hvm_hw_cpu"""
    rdi: int
    """struct hvm_hw_cpu"""
    rsp: int
    """struct hvm_hw_cpu"""
    r8: int
    """struct hvm_hw_cpu"""
    r9: int
    """struct hvm_hw_cpu"""
    r10: int
    """struct hvm_hw_cpu"""
    r11: int
    """struct hvm_hw_cpu"""
    r12: int
    """struct hvm_hw_cpu"""
    r13: int
    """struct hvm_hw_cpu"""
    r14: int
    """struct hvm_hw_cpu"""
    r15: int
    """struct hvm_hw_cpu"""
    rip: int
    """struct hvm_hw_cpu"""
    rflags: int
    """struct hvm_hw_cpu"""
    cr0: int
    """struct hvm_hw_cpu"""
    cr2: int
    """struct hvm_hw_cpu"""
    cr3: int
    """struct hvm_hw_cpu"""
    cr4: int
    """struct hvm_hw_cpu"""
    dr0: int
    """struct hvm_hw_cpu"""
    dr1: int
    """struct hvm_hw_cpu"""
    dr2: int
    """struct hvm_hw_cpu"""
    dr3: int
    """struct hvm_hw_cpu"""
    dr6: int
    """struct hvm_hw_cpu"""
    dr7: int
    """struct hvm_hw_cpu"""
    cs_sel: int
    """struct hvm_hw_cpu"""
    ds_sel: int
    """struct hvm_hw_cpu"""
    es_sel: int
    """struct hvm_hw_cpu"""
    fs_sel: int
    """struct hvm_hw_cpu"""
    gs_sel: int
    """struct hvm_hw_cpu"""
    ss_sel: int
    """struct hvm_hw_cpu"""
    tr_sel: int
    """struct hvm_hw_cpu"""
    ldtr_sel: int
    """struct hvm_hw_cpu"""
    cs_limit: int
    """struct hvm_hw_cpu"""
    ds_limit: int
    """struct hvm_hw_cpu"""
    es_limit: int
    """struct hvm_hw_cpu"""
    fs_limit: int
    """struct hvm_hw_cpu"""
    gs_limit: int
    """struct hvm_hw_cpu"""
    ss_limit: int
    """struct hvm_hw_cpu"""
    tr_limit: int
    """struct hvm_hw_cpu"""
    ldtr_limit: int
    """struct hvm_hw_cpu"""
    idtr_limit: int
    """struct hvm_hw_cpu"""
    gdtr_limit: int
    """struct hvm_hw_cpu"""
    cs_base: int
    """struct hvm_hw_cpu"""
    ds_base: int
    """struct hvm_hw_cpu"""
    es_base: int
    """struct hvm_hw_cpu"""
    fs_base: int
    """struct hvm_hw_cpu"""
    gs_base: int
    """struct hvm_hw_cpu"""
    ss_base: int
    """struct hvm_hw_cpu"""
    tr_base: int
    """struct hvm_hw_cpu"""
    ldtr_base: int
    """struct hvm_hw_cpu"""
    idtr_base: int
    """struct hvm_hw_cpu"""
    gdtr_base: int
    """struct hvm_hw_cpu"""
    cs_arbytes: int
    """struct hvm_hw_cpu"""
    ds_arbytes: int
    """struct hvm_hw_cpu"""
    es_arbytes: int
    """struct hvm_hw_cpu"""
    fs_arbytes: int
    """struct hvm_hw_cpu"""
    gs_arbytes: int
    """struct hvm_hw_cpu"""
    ss_arbytes: int
    """struct hvm_hw_cpu"""
    tr_arbytes: int
    """struct hvm_hw_cpu"""
    ldtr_arbytes: int
    """struct hvm_hw_cpu"""
    sysenter_cs: int
    """struct hvm_hw_cpu"""
    sysenter_esp: int
    """struct hvm_hw_cpu"""
    sysenter_eip: int
    """struct hvm_hw_cpu"""
    shadow_gs: int
    """struct hvm_hw_cpu"""
    msr_flags: int
    """Of no meaning any more"""
    msr_lstar: int
    """struct hvm_hw_cpu"""
    msr_star: int
    """struct hvm_hw_cpu"""
    msr_cstar: int
    """struct hvm_hw_cpu"""
    msr_syscall_mask: int
    """struct hvm_hw_cpu"""
    msr_efer: int
    """struct hvm_hw_cpu"""
    msr_tsc_aux: int
    """struct hvm_hw_cpu"""
    tsc: int
    """What RDTSC would return"""
    pending_event: int
    """The event that is to be delivered, if any"""
    error_code: int
    """Its error code"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        fpu_regs: _Inside = None,
        rax: _Number = None,
        rbx: _Number = None,
        rcx: _Number = None,
        rdx: _Number = None,
        rbp: _Number = None,
        rsi: _Number = None,
        rdi: _Number = None,
        rsp: _Number = None,
        r8: _Number = None,
        r9: _Number = None,
        r10: _Number = None,
        r11: _Number = None,
        r12: _Number = None,
        r13: _Number = None,
        r14: _Number = None,
        r15: _Number = None,
        rip: _Number = None,
        rflags: _Name = None,
        cr0: _Name = None,
        cr2: _Number = None,
        cr3: _Number = None,
        cr4: _Name = None,
        dr0: _Number = None,
        dr1: _Number = None,
        dr2: _Number = None,
        dr3: _Number = None,
        dr6: _Name = None,
        dr7: _Name = None,
        cs_sel: _Number = None,
        ds_sel: _Number = None,
        es_sel: _Number = None,
        fs_sel: _Number = None,
        gs_sel: _Number = None,
        ss_sel: _Number = None,
        tr_sel: _Number = None,
        ldtr_sel: _Number = None,
        cs_limit: _Number = None,
        ds_limit: _Number = None,
        es_limit: _Number = None,
        fs_limit: _Number = None,
        gs_limit: _Number = None,
        ss_limit: _Number = None,
        tr_limit: _Number = None,
        ldtr_limit: _Number = None,
        idtr_limit: _Number = None,
        gdtr_limit: _Number = None,
        cs_base: _Number = None,
        ds_base: _Number = None,
        es_base: _Number = None,
        fs_base: _Number = None,
        gs_base: _Number = None,
        ss_base: _Number = None,
        tr_base: _Number = None,
        ldtr_base: _Number = None,
        idtr_base: _Number = None,
        gdtr_base: _Number = None,
        cs_arbytes: _Name = None,
        ds_arbytes: _Name = None,
        es_arbytes: _Name = None,
        fs_arbytes: _Name = None,
        gs_arbytes: _Name = None,
        ss_arbytes: _Name = None,
        tr_arbytes: _Name = None,
        ldtr_arbytes: _Name = None,
        sysenter_cs: _Number = None,
        sysenter_esp: _Number = None,
        sysenter_eip: _Number = None,
        shadow_gs: _Number = None,
        msr_flags: _Number = None,
        msr_lstar: _Number = None,
        msr_star: _Number = None,
        msr_cstar: _Number = None,
        msr_syscall_mask: _Number = None,
        msr_efer: _Name = None,
        msr_tsc_aux: _Number = None,
        tsc: _Number = None,
        pending_event: _Name = None,
        error_code: _Number = None,
    ) -> None: ...

class HvmCpuCompat(_Layer):
    """struct hvm_hw_cpu_compat, 1016 octets: Xen up to 3.4, without TSC_AUX."""
    fpu_regs: Fxsave | Octets
    """As FXSAVE writes it"""
    rax: int
    """struct hvm_hw_cpu"""
    rbx: int
    """struct hvm_hw_cpu"""
    rcx: int
    """struct hvm_hw_cpu"""
    rdx: int
    """struct hvm_hw_cpu"""
    rbp: int
    """struct hvm_hw_cpu"""
    rsi: int
    """struct hvm_hw_cpu"""
    rdi: int
    """struct hvm_hw_cpu"""
    rsp: int
    """struct hvm_hw_cpu"""
    r8: int
    """struct hvm_hw_cpu"""
    r9: int
    """struct hvm_hw_cpu"""
    r10: int
    """struct hvm_hw_cpu"""
    r11: int
    """struct hvm_hw_cpu"""
    r12: int
    """struct hvm_hw_cpu"""
    r13: int
    """struct hvm_hw_cpu"""
    r14: int
    """struct hvm_hw_cpu"""
    r15: int
    """struct hvm_hw_cpu"""
    rip: int
    """struct hvm_hw_cpu"""
    rflags: int
    """struct hvm_hw_cpu"""
    cr0: int
    """struct hvm_hw_cpu"""
    cr2: int
    """struct hvm_hw_cpu"""
    cr3: int
    """struct hvm_hw_cpu"""
    cr4: int
    """struct hvm_hw_cpu"""
    dr0: int
    """struct hvm_hw_cpu"""
    dr1: int
    """struct hvm_hw_cpu"""
    dr2: int
    """struct hvm_hw_cpu"""
    dr3: int
    """struct hvm_hw_cpu"""
    dr6: int
    """struct hvm_hw_cpu"""
    dr7: int
    """struct hvm_hw_cpu"""
    cs_sel: int
    """struct hvm_hw_cpu"""
    ds_sel: int
    """struct hvm_hw_cpu"""
    es_sel: int
    """struct hvm_hw_cpu"""
    fs_sel: int
    """struct hvm_hw_cpu"""
    gs_sel: int
    """struct hvm_hw_cpu"""
    ss_sel: int
    """struct hvm_hw_cpu"""
    tr_sel: int
    """struct hvm_hw_cpu"""
    ldtr_sel: int
    """struct hvm_hw_cpu"""
    cs_limit: int
    """struct hvm_hw_cpu"""
    ds_limit: int
    """struct hvm_hw_cpu"""
    es_limit: int
    """struct hvm_hw_cpu"""
    fs_limit: int
    """struct hvm_hw_cpu"""
    gs_limit: int
    """struct hvm_hw_cpu"""
    ss_limit: int
    """struct hvm_hw_cpu"""
    tr_limit: int
    """struct hvm_hw_cpu"""
    ldtr_limit: int
    """struct hvm_hw_cpu"""
    idtr_limit: int
    """struct hvm_hw_cpu"""
    gdtr_limit: int
    """struct hvm_hw_cpu"""
    cs_base: int
    """struct hvm_hw_cpu"""
    ds_base: int
    """struct hvm_hw_cpu"""
    es_base: int
    """struct hvm_hw_cpu"""
    fs_base: int
    """struct hvm_hw_cpu"""
    gs_base: int
    """struct hvm_hw_cpu"""
    ss_base: int
    """struct hvm_hw_cpu"""
    tr_base: int
    """struct hvm_hw_cpu"""
    ldtr_base: int
    """struct hvm_hw_cpu"""
    idtr_base: int
    """struct hvm_hw_cpu"""
    gdtr_base: int
    """struct hvm_hw_cpu"""
    cs_arbytes: int
    """struct hvm_hw_cpu"""
    ds_arbytes: int
    """struct hvm_hw_cpu"""
    es_arbytes: int
    """struct hvm_hw_cpu"""
    fs_arbytes: int
    """struct hvm_hw_cpu"""
    gs_arbytes: int
    """struct hvm_hw_cpu"""
    ss_arbytes: int
    """struct hvm_hw_cpu"""
    tr_arbytes: int
    """struct hvm_hw_cpu"""
    ldtr_arbytes: int
    """struct hvm_hw_cpu"""
    sysenter_cs: int
    """struct hvm_hw_cpu"""
    sysenter_esp: int
    """struct hvm_hw_cpu"""
    sysenter_eip: int
    """struct hvm_hw_cpu"""
    shadow_gs: int
    """struct hvm_hw_cpu"""
    msr_flags: int
    """Of no meaning any more"""
    msr_lstar: int
    """struct hvm_hw_cpu"""
    msr_star: int
    """struct hvm_hw_cpu"""
    msr_cstar: int
    """struct hvm_hw_cpu"""
    msr_syscall_mask: int
    """struct hvm_hw_cpu"""
    msr_efer: int
    """struct hvm_hw_cpu"""
    tsc: int
    """What RDTSC would return"""
    pending_event: int
    """The event that is to be delivered, if any"""
    error_code: int
    """Its error code"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        fpu_regs: _Inside = None,
        rax: _Number = None,
        rbx: _Number = None,
        rcx: _Number = None,
        rdx: _Number = None,
        rbp: _Number = None,
        rsi: _Number = None,
        rdi: _Number = None,
        rsp: _Number = None,
        r8: _Number = None,
        r9: _Number = None,
        r10: _Number = None,
        r11: _Number = None,
        r12: _Number = None,
        r13: _Number = None,
        r14: _Number = None,
        r15: _Number = None,
        rip: _Number = None,
        rflags: _Name = None,
        cr0: _Name = None,
        cr2: _Number = None,
        cr3: _Number = None,
        cr4: _Name = None,
        dr0: _Number = None,
        dr1: _Number = None,
        dr2: _Number = None,
        dr3: _Number = None,
        dr6: _Name = None,
        dr7: _Name = None,
        cs_sel: _Number = None,
        ds_sel: _Number = None,
        es_sel: _Number = None,
        fs_sel: _Number = None,
        gs_sel: _Number = None,
        ss_sel: _Number = None,
        tr_sel: _Number = None,
        ldtr_sel: _Number = None,
        cs_limit: _Number = None,
        ds_limit: _Number = None,
        es_limit: _Number = None,
        fs_limit: _Number = None,
        gs_limit: _Number = None,
        ss_limit: _Number = None,
        tr_limit: _Number = None,
        ldtr_limit: _Number = None,
        idtr_limit: _Number = None,
        gdtr_limit: _Number = None,
        cs_base: _Number = None,
        ds_base: _Number = None,
        es_base: _Number = None,
        fs_base: _Number = None,
        gs_base: _Number = None,
        ss_base: _Number = None,
        tr_base: _Number = None,
        ldtr_base: _Number = None,
        idtr_base: _Number = None,
        gdtr_base: _Number = None,
        cs_arbytes: _Name = None,
        ds_arbytes: _Name = None,
        es_arbytes: _Name = None,
        fs_arbytes: _Name = None,
        gs_arbytes: _Name = None,
        ss_arbytes: _Name = None,
        tr_arbytes: _Name = None,
        ldtr_arbytes: _Name = None,
        sysenter_cs: _Number = None,
        sysenter_esp: _Number = None,
        sysenter_eip: _Number = None,
        shadow_gs: _Number = None,
        msr_flags: _Number = None,
        msr_lstar: _Number = None,
        msr_star: _Number = None,
        msr_cstar: _Number = None,
        msr_syscall_mask: _Number = None,
        msr_efer: _Name = None,
        tsc: _Number = None,
        pending_event: _Name = None,
        error_code: _Number = None,
    ) -> None: ...

class HvmPic(_Layer):
    """struct hvm_hw_vpic, 8 octets."""
    irr: int
    """Interrupts that are requested, a bit each"""
    imr: int
    """Interrupts that are masked"""
    isr: int
    """Interrupts in service"""
    irq_base: int
    """Vector of its first interrupt"""
    init: int
    """How far its initialisation is, and the highest priority"""
    modes: int
    """Modes of operation"""
    elcr: int
    """Which interrupts are level-triggered"""
    int_output: int
    """Its output"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        irr: _Number = None,
        imr: _Number = None,
        isr: _Number = None,
        irq_base: _Number = None,
        init: _Name = None,
        modes: _Name = None,
        elcr: _Number = None,
        int_output: _Number = None,
    ) -> None: ...

class HvmIoapic(_Layer):
    """struct hvm_hw_vioapic, 400 octets with its 48 pins."""
    base_address: int
    """Where it is in the guest's memory"""
    ioregsel: int
    """The register that is selected"""
    id: int
    """Its number"""
    redirtbl: list[int]
    """Where the interrupt of each pin goes"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        base_address: _Number = None,
        ioregsel: _Number = None,
        id: _Number = None,
        redirtbl: _Array = None,
    ) -> None: ...

class HvmLapic(_Layer):
    """struct hvm_hw_lapic, 32 octets."""
    apic_base_msr: int
    """The register APIC_BASE"""
    disabled: int
    """By whom it is disabled: VLAPIC_*_DISABLED"""
    timer_divisor: int
    """Divisor of its timer"""
    tdt_msr: int
    """The register TSC_DEADLINE"""
    pending_esr: int
    """Errors that are to be reported"""
    pad: bytes
    """Of no meaning"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        apic_base_msr: _Name = None,
        disabled: _Name = None,
        timer_divisor: _Number = None,
        tdt_msr: _Number = None,
        pending_esr: _Number = None,
        pad: _Bytes = None,
    ) -> None: ...

class HvmLapic24(_Layer):
    """The same of a Xen that does not know pending_esr, 24 octets."""
    apic_base_msr: int
    """The register APIC_BASE"""
    disabled: int
    """By whom it is disabled: VLAPIC_*_DISABLED"""
    timer_divisor: int
    """Divisor of its timer"""
    tdt_msr: int
    """The register TSC_DEADLINE"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        apic_base_msr: _Name = None,
        disabled: _Name = None,
        timer_divisor: _Number = None,
        tdt_msr: _Number = None,
    ) -> None: ...

class HvmLapic16(_Layer):
    """The same of Xen 4.0 and before, which do not know TSC_DEADLINE, 16 octets."""
    apic_base_msr: int
    """The register APIC_BASE"""
    disabled: int
    """By whom it is disabled: VLAPIC_*_DISABLED"""
    timer_divisor: int
    """Divisor of its timer"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        apic_base_msr: _Name = None,
        disabled: _Name = None,
        timer_divisor: _Number = None,
    ) -> None: ...

class HvmLapicRegs(_Layer):
    """struct hvm_hw_lapic_regs, 1024 octets; registers: xen/arch/x86/include/asm/apicdef.h."""
    pad_000: bytes
    """Of no meaning"""
    pad_010: bytes
    """Of no meaning"""
    ID: int
    """APIC_ID"""
    pad_024: bytes
    """Of no meaning"""
    LVR: int
    """APIC_LVR"""
    pad_034: bytes
    """Of no meaning"""
    pad_040: bytes
    """Of no meaning"""
    pad_050: bytes
    """Of no meaning"""
    pad_060: bytes
    """Of no meaning"""
    pad_070: bytes
    """Of no meaning"""
    TASKPRI: int
    """APIC_TASKPRI"""
    pad_084: bytes
    """Of no meaning"""
    ARBPRI: int
    """APIC_ARBPRI"""
    pad_094: bytes
    """Of no meaning"""
    PROCPRI: int
    """APIC_PROCPRI"""
    pad_0a4: bytes
    """Of no meaning"""
    EOI: int
    """APIC_EOI"""
    pad_0b4: bytes
    """Of no meaning"""
    RRR: int
    """APIC_RRR"""
    pad_0c4: bytes
    """Of no meaning"""
    LDR: int
    """APIC_LDR"""
    pad_0d4: bytes
    """Of no meaning"""
    DFR: int
    """APIC_DFR"""
    pad_0e4: bytes
    """Of no meaning"""
    SPIV: int
    """APIC_SPIV"""
    pad_0f4: bytes
    """Of no meaning"""
    ISR0: int
    """APIC_ISR"""
    pad_104: bytes
    """Of no meaning"""
    ISR1: int
    """APIC_ISR"""
    pad_114: bytes
    """Of no meaning"""
    ISR2: int
    """APIC_ISR"""
    pad_124: bytes
    """Of no meaning"""
    ISR3: int
    """APIC_ISR"""
    pad_134: bytes
    """Of no meaning"""
    ISR4: int
    """APIC_ISR"""
    pad_144: bytes
    """Of no meaning"""
    ISR5: int
    """APIC_ISR"""
    pad_154: bytes
    """Of no meaning"""
    ISR6: int
    """APIC_ISR"""
    pad_164: bytes
    """Of no meaning"""
    ISR7: int
    """APIC_ISR"""
    pad_174: bytes
    """Of no meaning"""
    TMR0: int
    """APIC_TMR"""
    pad_184: bytes
    """Of no meaning"""
    TMR1: int
    """APIC_TMR"""
    pad_194: bytes
    """Of no meaning"""
    TMR2: int
    """APIC_TMR"""
    pad_1a4: bytes
    """Of no meaning"""
    TMR3: int
    """APIC_TMR"""
    pad_1b4: bytes
    """Of no meaning"""
    TMR4: int
    """APIC_TMR"""
    pad_1c4: bytes
    """Of no meaning"""
    TMR5: int
    """APIC_TMR"""
    pad_1d4: bytes
    """Of no meaning"""
    TMR6: int
    """APIC_TMR"""
    pad_1e4: bytes
    """Of no meaning"""
    TMR7: int
    """APIC_TMR"""
    pad_1f4: bytes
    """Of no meaning"""
    IRR0: int
    """APIC_IRR"""
    pad_204: bytes
    """Of no meaning"""
    IRR1: int
    """APIC_IRR"""
    pad_214: bytes
    """Of no meaning"""
    IRR2: int
    """APIC_IRR"""
    pad_224: bytes
    """Of no meaning"""
    IRR3: int
    """APIC_IRR"""
    pad_234: bytes
    """Of no meaning"""
    IRR4: int
    """APIC_IRR"""
    pad_244: bytes
    """Of no meaning"""
    IRR5: int
    """APIC_IRR"""
    pad_254: bytes
    """Of no meaning"""
    IRR6: int
    """APIC_IRR"""
    pad_264: bytes
    """Of no meaning"""
    IRR7: int
    """APIC_IRR"""
    pad_274: bytes
    """Of no meaning"""
    ESR: int
    """APIC_ESR"""
    pad_284: bytes
    """Of no meaning"""
    pad_290: bytes
    """Of no meaning"""
    pad_2a0: bytes
    """Of no meaning"""
    pad_2b0: bytes
    """Of no meaning"""
    pad_2c0: bytes
    """Of no meaning"""
    pad_2d0: bytes
    """Of no meaning"""
    pad_2e0: bytes
    """Of no meaning"""
    CMCI: int
    """APIC_CMCI"""
    pad_2f4: bytes
    """Of no meaning"""
    ICR: int
    """APIC_ICR"""
    pad_304: bytes
    """Of no meaning"""
    ICR2: int
    """APIC_ICR"""
    pad_314: bytes
    """Of no meaning"""
    LVTT: int
    """APIC_LVTT"""
    pad_324: bytes
    """Of no meaning"""
    LVTTHMR: int
    """APIC_LVTTHMR"""
    pad_334: bytes
    """Of no meaning"""
    LVTPC: int
    """APIC_LVTPC"""
    pad_344: bytes
    """Of no meaning"""
    LVT0: int
    """APIC_LVT"""
    pad_354: bytes
    """Of no meaning"""
    LVT1: int
    """APIC_LVT"""
    pad_364: bytes
    """Of no meaning"""
    LVTERR: int
    """APIC_LVTERR"""
    pad_374: bytes
    """Of no meaning"""
    TMICT: int
    """APIC_TMICT"""
    pad_384: bytes
    """Of no meaning"""
    TMCCT: int
    """APIC_TMCCT"""
    pad_394: bytes
    """Of no meaning"""
    pad_3a0: bytes
    """Of no meaning"""
    pad_3b0: bytes
    """Of no meaning"""
    pad_3c0: bytes
    """Of no meaning"""
    pad_3d0: bytes
    """Of no meaning"""
    TDCR: int
    """APIC_TDCR"""
    pad_3e4: bytes
    """Of no meaning"""
    SELF_IPI: int
    """APIC_SELF_IPI"""
    pad_3f4: bytes
    """Of no meaning"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        pad_000: _Bytes = None,
        pad_010: _Bytes = None,
        ID: _Number = None,
        pad_024: _Bytes = None,
        LVR: _Number = None,
        pad_034: _Bytes = None,
        pad_040: _Bytes = None,
        pad_050: _Bytes = None,
        pad_060: _Bytes = None,
        pad_070: _Bytes = None,
        TASKPRI: _Number = None,
        pad_084: _Bytes = None,
        ARBPRI: _Number = None,
        pad_094: _Bytes = None,
        PROCPRI: _Number = None,
        pad_0a4: _Bytes = None,
        EOI: _Number = None,
        pad_0b4: _Bytes = None,
        RRR: _Number = None,
        pad_0c4: _Bytes = None,
        LDR: _Number = None,
        pad_0d4: _Bytes = None,
        DFR: _Number = None,
        pad_0e4: _Bytes = None,
        SPIV: _Number = None,
        pad_0f4: _Bytes = None,
        ISR0: _Number = None,
        pad_104: _Bytes = None,
        ISR1: _Number = None,
        pad_114: _Bytes = None,
        ISR2: _Number = None,
        pad_124: _Bytes = None,
        ISR3: _Number = None,
        pad_134: _Bytes = None,
        ISR4: _Number = None,
        pad_144: _Bytes = None,
        ISR5: _Number = None,
        pad_154: _Bytes = None,
        ISR6: _Number = None,
        pad_164: _Bytes = None,
        ISR7: _Number = None,
        pad_174: _Bytes = None,
        TMR0: _Number = None,
        pad_184: _Bytes = None,
        TMR1: _Number = None,
        pad_194: _Bytes = None,
        TMR2: _Number = None,
        pad_1a4: _Bytes = None,
        TMR3: _Number = None,
        pad_1b4: _Bytes = None,
        TMR4: _Number = None,
        pad_1c4: _Bytes = None,
        TMR5: _Number = None,
        pad_1d4: _Bytes = None,
        TMR6: _Number = None,
        pad_1e4: _Bytes = None,
        TMR7: _Number = None,
        pad_1f4: _Bytes = None,
        IRR0: _Number = None,
        pad_204: _Bytes = None,
        IRR1: _Number = None,
        pad_214: _Bytes = None,
        IRR2: _Number = None,
        pad_224: _Bytes = None,
        IRR3: _Number = None,
        pad_234: _Bytes = None,
        IRR4: _Number = None,
        pad_244: _Bytes = None,
        IRR5: _Number = None,
        pad_254: _Bytes = None,
        IRR6: _Number = None,
        pad_264: _Bytes = None,
        IRR7: _Number = None,
        pad_274: _Bytes = None,
        ESR: _Number = None,
        pad_284: _Bytes = None,
        pad_290: _Bytes = None,
        pad_2a0: _Bytes = None,
        pad_2b0: _Bytes = None,
        pad_2c0: _Bytes = None,
        pad_2d0: _Bytes = None,
        pad_2e0: _Bytes = None,
        CMCI: _Number = None,
        pad_2f4: _Bytes = None,
        ICR: _Number = None,
        pad_304: _Bytes = None,
        ICR2: _Number = None,
        pad_314: _Bytes = None,
        LVTT: _Number = None,
        pad_324: _Bytes = None,
        LVTTHMR: _Number = None,
        pad_334: _Bytes = None,
        LVTPC: _Number = None,
        pad_344: _Bytes = None,
        LVT0: _Number = None,
        pad_354: _Bytes = None,
        LVT1: _Number = None,
        pad_364: _Bytes = None,
        LVTERR: _Number = None,
        pad_374: _Bytes = None,
        TMICT: _Number = None,
        pad_384: _Bytes = None,
        TMCCT: _Number = None,
        pad_394: _Bytes = None,
        pad_3a0: _Bytes = None,
        pad_3b0: _Bytes = None,
        pad_3c0: _Bytes = None,
        pad_3d0: _Bytes = None,
        TDCR: _Number = None,
        pad_3e4: _Bytes = None,
        SELF_IPI: _Number = None,
        pad_3f4: _Bytes = None,
    ) -> None: ...

class HvmPciIrq(_Layer):
    """struct hvm_hw_pci_irqs, 16 octets."""
    wires: list[int]
    """Interrupt wires: bit 4 * device + INTx"""
    def __init__(self, _pkt: bytes = b"", *, wires: _Array = None) -> None: ...

class HvmIsaIrq(_Layer):
    """struct hvm_hw_isa_irqs, 8 octets."""
    wires: int
    """Interrupt wires, a bit each"""
    def __init__(self, _pkt: bytes = b"", *, wires: _Number = None) -> None: ...

class HvmPciLink(_Layer):
    """struct hvm_hw_pci_link, 8 octets."""
    routes: list[int]
    """The interrupt of each link"""
    pad0: bytes
    """Of no meaning"""
    def __init__(self, _pkt: bytes = b"", *, routes: _Array = None, pad0: _Bytes = None) -> None: ...

class HvmPitChannels(_Layer):
    """An element of channels."""
    count: int
    """struct hvm_hw_pit_channel"""
    latched_count: int
    """struct hvm_hw_pit_channel"""
    count_latched: int
    """struct hvm_hw_pit_channel"""
    status_latched: int
    """struct hvm_hw_pit_channel"""
    status: int
    """struct hvm_hw_pit_channel"""
    read_state: int
    """struct hvm_hw_pit_channel"""
    write_state: int
    """struct hvm_hw_pit_channel"""
    write_latch: int
    """struct hvm_hw_pit_channel"""
    rw_mode: int
    """struct hvm_hw_pit_channel"""
    mode: int
    """struct hvm_hw_pit_channel"""
    bcd: int
    """struct hvm_hw_pit_channel"""
    gate: int
    """struct hvm_hw_pit_channel"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        count: _Number = None,
        latched_count: _Number = None,
        count_latched: _Number = None,
        status_latched: _Number = None,
        status: _Number = None,
        read_state: _Number = None,
        write_state: _Number = None,
        write_latch: _Number = None,
        rw_mode: _Number = None,
        mode: _Number = None,
        bcd: _Number = None,
        gate: _Number = None,
    ) -> None: ...

class HvmPit(_Layer):
    """struct hvm_hw_pit, 56 octets."""
    channels: list[HvmPitChannels]
    """Its counters"""
    speaker_data_on: int
    """Whether the speaker sounds"""
    pad0: bytes
    """Of no meaning"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        channels: list[HvmPitChannels] | HvmPitChannels | None = None,
        speaker_data_on: _Number = None,
        pad0: _Bytes = None,
    ) -> None: ...

class HvmRtc(_Layer):
    """struct hvm_hw_rtc, 24 octets."""
    cmos_data: bytes
    """Its registers"""
    cmos_index: int
    """The register that is selected"""
    pad0: bytes
    """Of no meaning"""
    rtc_offset: int
    """Its distance from the host's time, s"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        cmos_data: _Bytes = None,
        cmos_index: _Number = None,
        pad0: _Bytes = None,
        rtc_offset: _Name = None,
    ) -> None: ...

class HvmRtc16(_Layer):
    """The same of a Xen that does not know rtc_offset, 16 octets."""
    cmos_data: bytes
    """Its registers"""
    cmos_index: int
    """The register that is selected"""
    pad0: bytes
    """Of no meaning"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        cmos_data: _Bytes = None,
        cmos_index: _Number = None,
        pad0: _Bytes = None,
    ) -> None: ...

class HvmHpetTimers(_Layer):
    """An element of timers."""
    config: int
    """Configuration and capabilities"""
    cmp: int
    """Comparator"""
    fsb: int
    """Route of its message"""
    res4: int
    """Reserved"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        config: _Number = None,
        cmp: _Number = None,
        fsb: _Number = None,
        res4: _Number = None,
    ) -> None: ...

class HvmHpet(_Layer):
    """struct hvm_hw_hpet, 1048 octets."""
    capability: int
    """What it can do"""
    res0: int
    """Reserved"""
    config: int
    """Configuration"""
    res1: int
    """Reserved"""
    isr: int
    """Interrupts that are active"""
    res2: bytes
    """Of no meaning"""
    mc64: int
    """Main counter"""
    res3: int
    """Reserved"""
    timers: list[HvmHpetTimers]
    """Its timers"""
    res5: bytes
    """Of no meaning"""
    period: list[int]
    """What was written to each comparator last"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        capability: _Number = None,
        res0: _Number = None,
        config: _Number = None,
        res1: _Number = None,
        isr: _Number = None,
        res2: _Bytes = None,
        mc64: _Number = None,
        res3: _Number = None,
        timers: list[HvmHpetTimers] | HvmHpetTimers | None = None,
        res5: _Bytes = None,
        period: _Array = None,
    ) -> None: ...

class HvmPmtimer(_Layer):
    """struct hvm_hw_pmtimer, 8 octets."""
    tmr_val: int
    """The counter"""
    pm1a_sts: int
    """Status register"""
    pm1a_en: int
    """Enable register"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        tmr_val: _Number = None,
        pm1a_sts: _Number = None,
        pm1a_en: _Number = None,
    ) -> None: ...

class HvmMtrr(_Layer):
    """struct hvm_hw_mtrr, 240 octets."""
    msr_pat_cr: int
    """Memory types of the page attribute table, an octet each"""
    physbase0: int
    """struct hvm_hw_mtrr"""
    physmask0: int
    """struct hvm_hw_mtrr"""
    physbase1: int
    """struct hvm_hw_mtrr"""
    physmask1: int
    """struct hvm_hw_mtrr"""
    physbase2: int
    """struct hvm_hw_mtrr"""
    physmask2: int
    """struct hvm_hw_mtrr"""
    physbase3: int
    """struct hvm_hw_mtrr"""
    physmask3: int
    """struct hvm_hw_mtrr"""
    physbase4: int
    """struct hvm_hw_mtrr"""
    physmask4: int
    """struct hvm_hw_mtrr"""
    physbase5: int
    """struct hvm_hw_mtrr"""
    physmask5: int
    """struct hvm_hw_mtrr"""
    physbase6: int
    """struct hvm_hw_mtrr"""
    physmask6: int
    """struct hvm_hw_mtrr"""
    physbase7: int
    """struct hvm_hw_mtrr"""
    physmask7: int
    """struct hvm_hw_mtrr"""
    fix64K_00000: int
    """struct hvm_hw_mtrr"""
    fix16K_80000: int
    """struct hvm_hw_mtrr"""
    fix16K_A0000: int
    """struct hvm_hw_mtrr"""
    fix4K_C0000: int
    """struct hvm_hw_mtrr"""
    fix4K_C8000: int
    """struct hvm_hw_mtrr"""
    fix4K_D0000: int
    """struct hvm_hw_mtrr"""
    fix4K_D8000: int
    """struct hvm_hw_mtrr"""
    fix4K_E0000: int
    """struct hvm_hw_mtrr"""
    fix4K_E8000: int
    """struct hvm_hw_mtrr"""
    fix4K_F0000: int
    """struct hvm_hw_mtrr"""
    fix4K_F8000: int
    """struct hvm_hw_mtrr"""
    msr_mtrr_cap: int
    """struct hvm_hw_mtrr"""
    msr_mtrr_def_type: int
    """The type of all other memory"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        msr_pat_cr: _Number = None,
        physbase0: _Number = None,
        physmask0: _Number = None,
        physbase1: _Number = None,
        physmask1: _Number = None,
        physbase2: _Number = None,
        physmask2: _Number = None,
        physbase3: _Number = None,
        physmask3: _Number = None,
        physbase4: _Number = None,
        physmask4: _Number = None,
        physbase5: _Number = None,
        physmask5: _Number = None,
        physbase6: _Number = None,
        physmask6: _Number = None,
        physbase7: _Number = None,
        physmask7: _Number = None,
        fix64K_00000: _Number = None,
        fix16K_80000: _Number = None,
        fix16K_A0000: _Number = None,
        fix4K_C0000: _Number = None,
        fix4K_C8000: _Number = None,
        fix4K_D0000: _Number = None,
        fix4K_D8000: _Number = None,
        fix4K_E0000: _Number = None,
        fix4K_E8000: _Number = None,
        fix4K_F0000: _Number = None,
        fix4K_F8000: _Number = None,
        msr_mtrr_cap: _Number = None,
        msr_mtrr_def_type: _Name = None,
    ) -> None: ...

class HvmViridianDomain(_Layer):
    """struct hvm_viridian_domain_context, 32 octets."""
    hypercall_gpa: int
    """The page for hypercalls"""
    guest_os_id: int
    """What system the guest says it is"""
    time_ref_count: int
    """Reference counter, 100 ns"""
    reference_tsc: int
    """The page for the reference TSC"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        hypercall_gpa: _Name = None,
        guest_os_id: _Number = None,
        time_ref_count: _Number = None,
        reference_tsc: _Name = None,
    ) -> None: ...

class HvmViridianDomain24(_Layer):
    """The same of a Xen before reference_tsc, 24 octets."""
    hypercall_gpa: int
    """The page for hypercalls"""
    guest_os_id: int
    """What system the guest says it is"""
    time_ref_count: int
    """Reference counter, 100 ns"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        hypercall_gpa: _Name = None,
        guest_os_id: _Number = None,
        time_ref_count: _Number = None,
    ) -> None: ...

class HvmViridianDomain16(_Layer):
    """The same of a Xen before time_ref_count, 16 octets."""
    hypercall_gpa: int
    """The page for hypercalls"""
    guest_os_id: int
    """What system the guest says it is"""
    def __init__(self, _pkt: bytes = b"", *, hypercall_gpa: _Name = None, guest_os_id: _Number = None) -> None: ...

class HvmCpuXsave(_Layer):
    """struct hvm_hw_cpu_xsave: 600 octets and the components."""
    xfeature_mask: int
    """Of no meaning any more"""
    xcr0: int
    """States that are enabled"""
    xcr0_accum: int
    """States that ever were"""
    fpu_sse: Fxsave | Octets
    """As FXSAVE writes it"""
    xstate_bv: int
    """States that are not in their first condition"""
    xcomp_bv: int
    """Zero: the standard format, not the compacted one"""
    pad: bytes
    """Of no meaning"""
    components: XsaveComponents | Octets
    """The other states"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        xfeature_mask: _Name = None,
        xcr0: _Name = None,
        xcr0_accum: _Name = None,
        fpu_sse: _Inside = None,
        xstate_bv: _Name = None,
        xcomp_bv: _Number = None,
        pad: _Bytes = None,
        components: _Inside = None,
    ) -> None: ...

class HvmViridianVcpu(_Layer):
    """struct hvm_viridian_vcpu_context, 216 octets."""
    vp_assist_msr: int
    """The page for assistance"""
    apic_assist_pending: int
    """Whether an end of interrupt may be left out"""
    pad: bytes
    """Of no meaning"""
    simp_msr: int
    """The page for messages"""
    sint_msr: list[int]
    """Sources of synthetic interrupts"""
    stimer_config_msr: list[int]
    """Configurations of synthetic timers"""
    stimer_count_msr: list[int]
    """Their counts"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        vp_assist_msr: _Name = None,
        apic_assist_pending: _Number = None,
        pad: _Bytes = None,
        simp_msr: _Name = None,
        sint_msr: _Array = None,
        stimer_config_msr: _Array = None,
        stimer_count_msr: _Array = None,
    ) -> None: ...

class HvmViridianVcpu16(_Layer):
    """The same of a Xen before simp_msr, 16 octets."""
    vp_assist_msr: int
    """The page for assistance"""
    apic_assist_pending: int
    """Whether an end of interrupt may be left out"""
    pad: bytes
    """Of no meaning"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        vp_assist_msr: _Name = None,
        apic_assist_pending: _Number = None,
        pad: _Bytes = None,
    ) -> None: ...

class HvmViridianVcpu8(_Layer):
    """The same of a Xen before apic_assist_pending, 8 octets."""
    vp_assist_msr: int
    """The page for assistance"""
    def __init__(self, _pkt: bytes = b"", *, vp_assist_msr: _Name = None) -> None: ...

class HvmVmceVcpu(_Layer):
    """struct hvm_vmce_vcpu, 32 octets: what the guest sees of machine checks."""
    caps: int
    """struct hvm_vmce_vcpu"""
    mci_ctl2_bank0: int
    """struct hvm_vmce_vcpu"""
    mci_ctl2_bank1: int
    """struct hvm_vmce_vcpu"""
    mcg_ext_ctl: int
    """struct hvm_vmce_vcpu"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        caps: _Number = None,
        mci_ctl2_bank0: _Number = None,
        mci_ctl2_bank1: _Number = None,
        mcg_ext_ctl: _Number = None,
    ) -> None: ...

class HvmVmceVcpu24(_Layer):
    """The same of a Xen that does not know mcg_ext_ctl, 24 octets."""
    caps: int
    """struct hvm_vmce_vcpu"""
    mci_ctl2_bank0: int
    """struct hvm_vmce_vcpu"""
    mci_ctl2_bank1: int
    """struct hvm_vmce_vcpu"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        caps: _Number = None,
        mci_ctl2_bank0: _Number = None,
        mci_ctl2_bank1: _Number = None,
    ) -> None: ...

class HvmVmceVcpu8(_Layer):
    """The same of a Xen that knows caps alone, 8 octets."""
    caps: int
    """struct hvm_vmce_vcpu"""
    def __init__(self, _pkt: bytes = b"", *, caps: _Number = None) -> None: ...

class HvmTscAdjust(_Layer):
    """struct hvm_tsc_adjust, 8 octets."""
    tsc_adjust: int
    """The register TSC_ADJUST"""
    def __init__(self, _pkt: bytes = b"", *, tsc_adjust: _Name = None) -> None: ...

class HvmCpuMsrEntry(_Layer):
    """An element of msr."""
    index: int
    """The register's number"""
    rsvd: int
    """Reserved"""
    val: int
    """Its value"""
    def __init__(self, _pkt: bytes = b"", *, index: _Name = None, rsvd: _Number = None, val: _Name = None) -> None: ...

class HvmCpuMsr(_Layer):
    """struct hvm_msr: 8 octets and 16 for each register."""
    count: int
    """How many registers"""
    pad: bytes
    """Of no meaning"""
    msr: list[HvmCpuMsrEntry]
    """The registers"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        count: _Number = None,
        pad: _Bytes = None,
        msr: list[HvmCpuMsrEntry] | HvmCpuMsrEntry | None = None,
    ) -> None: ...

class HvmContextEntry(_Layer):
    """An element of hvm_ctx."""
    typecode: int
    """What is saved"""
    instance: int
    """Which of several, a virtual processor's number"""
    length: int
    """Octets of the state"""
    body: HvmHeader | HvmCpu | HvmCpu1024 | HvmCpuCompat | HvmPic | HvmIoapic | HvmLapic | HvmLapic24 | HvmLapic16 | HvmLapicRegs | HvmPciIrq | HvmIsaIrq | HvmPciLink | HvmPit | HvmRtc | HvmRtc16 | HvmHpet | HvmPmtimer | HvmMtrr | HvmViridianDomain | HvmViridianDomain24 | HvmViridianDomain16 | HvmCpuXsave | HvmViridianVcpu | HvmViridianVcpu16 | HvmViridianVcpu8 | HvmVmceVcpu | HvmVmceVcpu24 | HvmVmceVcpu8 | HvmTscAdjust | HvmCpuMsr | Octets
    """The state"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        typecode: _Name = None,
        instance: _Number = None,
        length: _Number = None,
        body: _Inside = None,
    ) -> None: ...

class HvmContext(_Layer):
    """libxc HVM_CONTEXT. Source: libxc-migration-stream: HVM_CONTEXT."""
    hvm_ctx: list[HvmContextEntry]
    """The hypervisor's save records, up to and with END"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        hvm_ctx: list[HvmContextEntry] | HvmContextEntry | None = None,
    ) -> None: ...

class HvmHeaderBE(HvmHeader):
    """struct hvm_save_header, 24 octets."""

class HvmCpuBE(HvmCpu):
    """struct hvm_hw_cpu, 1032 octets."""

class HvmCpu1024BE(HvmCpu1024):
    """The same of Xen 4.0 to 4.6, which do not know flags, 1024 octets."""

class HvmCpuCompatBE(HvmCpuCompat):
    """struct hvm_hw_cpu_compat, 1016 octets: Xen up to 3.4, without TSC_AUX."""

class HvmPicBE(HvmPic):
    """struct hvm_hw_vpic, 8 octets."""

class HvmIoapicBE(HvmIoapic):
    """struct hvm_hw_vioapic, 400 octets with its 48 pins."""

class HvmLapicBE(HvmLapic):
    """struct hvm_hw_lapic, 32 octets."""

class HvmLapic24BE(HvmLapic24):
    """The same of a Xen that does not know pending_esr, 24 octets."""

class HvmLapic16BE(HvmLapic16):
    """The same of Xen 4.0 and before, which do not know TSC_DEADLINE, 16 octets."""

class HvmLapicRegsBE(HvmLapicRegs):
    """struct hvm_hw_lapic_regs, 1024 octets; registers: xen/arch/x86/include/asm/apicdef.h."""

class HvmPciIrqBE(HvmPciIrq):
    """struct hvm_hw_pci_irqs, 16 octets."""

class HvmIsaIrqBE(HvmIsaIrq):
    """struct hvm_hw_isa_irqs, 8 octets."""

class HvmPitChannelsBE(HvmPitChannels):
    """An element of channels."""

class HvmPitBE(HvmPit):
    """struct hvm_hw_pit, 56 octets."""

class HvmRtcBE(HvmRtc):
    """struct hvm_hw_rtc, 24 octets."""

class HvmHpetTimersBE(HvmHpetTimers):
    """An element of timers."""

class HvmHpetBE(HvmHpet):
    """struct hvm_hw_hpet, 1048 octets."""

class HvmPmtimerBE(HvmPmtimer):
    """struct hvm_hw_pmtimer, 8 octets."""

class HvmMtrrBE(HvmMtrr):
    """struct hvm_hw_mtrr, 240 octets."""

class HvmViridianDomainBE(HvmViridianDomain):
    """struct hvm_viridian_domain_context, 32 octets."""

class HvmViridianDomain24BE(HvmViridianDomain24):
    """The same of a Xen before reference_tsc, 24 octets."""

class HvmViridianDomain16BE(HvmViridianDomain16):
    """The same of a Xen before time_ref_count, 16 octets."""

class HvmCpuXsaveBE(HvmCpuXsave):
    """struct hvm_hw_cpu_xsave: 600 octets and the components."""

class HvmViridianVcpuBE(HvmViridianVcpu):
    """struct hvm_viridian_vcpu_context, 216 octets."""

class HvmViridianVcpu16BE(HvmViridianVcpu16):
    """The same of a Xen before simp_msr, 16 octets."""

class HvmViridianVcpu8BE(HvmViridianVcpu8):
    """The same of a Xen before apic_assist_pending, 8 octets."""

class HvmVmceVcpuBE(HvmVmceVcpu):
    """struct hvm_vmce_vcpu, 32 octets: what the guest sees of machine checks."""

class HvmVmceVcpu24BE(HvmVmceVcpu24):
    """The same of a Xen that does not know mcg_ext_ctl, 24 octets."""

class HvmVmceVcpu8BE(HvmVmceVcpu8):
    """The same of a Xen that knows caps alone, 8 octets."""

class HvmTscAdjustBE(HvmTscAdjust):
    """struct hvm_tsc_adjust, 8 octets."""

class HvmCpuMsrEntryBE(HvmCpuMsrEntry):
    """An element of msr."""

class HvmCpuMsrBE(HvmCpuMsr):
    """struct hvm_msr: 8 octets and 16 for each register."""

class HvmContextEntryBE(HvmContextEntry):
    """An element of hvm_ctx."""

class HvmContextBE(HvmContext):
    """libxc HVM_CONTEXT. Source: libxc-migration-stream: HVM_CONTEXT."""

class HvmParamsEntry(_Layer):
    """An element of param."""
    index: int
    """HVM_PARAM_* of xen/include/public/hvm/params.h"""
    value: int
    """Its value"""
    def __init__(self, _pkt: bytes = b"", *, index: _Name = None, value: _Name = None) -> None: ...

class HvmParams(_Layer):
    """libxc HVM_PARAMS. Source: libxc-migration-stream: HVM_PARAMS."""
    count: int
    """Number of parameters"""
    reserved: int
    param: list[HvmParamsEntry]
    """The parameters"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        count: _Number = None,
        reserved: _Number = None,
        param: list[HvmParamsEntry] | HvmParamsEntry | None = None,
    ) -> None: ...

class HvmParamsEntryBE(HvmParamsEntry):
    """An element of param."""

class HvmParamsBE(HvmParams):
    """libxc HVM_PARAMS. Source: libxc-migration-stream: HVM_PARAMS."""

class Toolstack(_Layer):
    """libxc TOOLSTACK. Source: libxc-migration-stream: TOOLSTACK (deprecated)."""
    data: bytes
    """Opaque octets"""
    def __init__(self, _pkt: bytes = b"", *, data: _Bytes = None) -> None: ...

class PvMsrsEntry(_Layer):
    """An element of msrs."""
    index: int
    """The register's number"""
    reserved: int
    """Reserved"""
    value: int
    """Its value"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        index: _Name = None,
        reserved: _Number = None,
        value: _Name = None,
    ) -> None: ...

class PvMsrs(_Layer):
    """struct xen_domctl_vcpu_msr, 16 octets for each register."""
    msrs: list[PvMsrsEntry]
    """Registers"""
    def __init__(self, _pkt: bytes = b"", *, msrs: list[PvMsrsEntry] | PvMsrsEntry | None = None) -> None: ...

class X86PvVcpuMsrs(_Layer):
    """libxc X86_PV_VCPU_MSRS. Source: libxc-migration-stream: X86_PV_VCPU_BASIC, EXTENDED, XSAVE, MSRS."""
    vcpu_id: int
    """Which virtual processor"""
    reserved: int
    context: PvMsrs | Octets
    """Its state, as the hypervisor's interface gives it"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        vcpu_id: _Number = None,
        reserved: _Number = None,
        context: _Inside = None,
    ) -> None: ...

class PvMsrsEntryBE(PvMsrsEntry):
    """An element of msrs."""

class PvMsrsBE(PvMsrs):
    """struct xen_domctl_vcpu_msr, 16 octets for each register."""

class X86PvVcpuMsrsBE(X86PvVcpuMsrs):
    """libxc X86_PV_VCPU_MSRS. Source: libxc-migration-stream: X86_PV_VCPU_BASIC, EXTENDED, XSAVE, MSRS."""

class Verify(_Layer):
    """libxc VERIFY. Source: libxc-migration-stream: VERIFY."""
    def __init__(self, _pkt: bytes = b"") -> None: ...

class Checkpoint(_Layer):
    """libxc CHECKPOINT. Source: libxc-migration-stream: CHECKPOINT."""
    def __init__(self, _pkt: bytes = b"") -> None: ...

class CheckpointDirtyPfnList(_Layer):
    """libxc CHECKPOINT_DIRTY_PFN_LIST. Source: libxc-migration-stream: CHECKPOINT_DIRTY_PFN_LIST."""
    pfn: list[int]
    """Frames dirty at COLO's secondary"""
    def __init__(self, _pkt: bytes = b"", *, pfn: _Array = None) -> None: ...

class CheckpointDirtyPfnListBE(CheckpointDirtyPfnList):
    """libxc CHECKPOINT_DIRTY_PFN_LIST. Source: libxc-migration-stream: CHECKPOINT_DIRTY_PFN_LIST."""

class PostcopyBegin(_Layer):
    """libxc POSTCOPY_BEGIN. Source: postcopy RFC, libxc-migration-stream: POSTCOPY_BEGIN."""
    def __init__(self, _pkt: bytes = b"") -> None: ...

class PostcopyPfnsBegin(_Layer):
    """libxc POSTCOPY_PFNS_BEGIN. Source: postcopy RFC, libxc-migration-stream: POSTCOPY_PFNS_BEGIN."""
    def __init__(self, _pkt: bytes = b"") -> None: ...

class PostcopyPfns(_PageList):
    """libxc POSTCOPY_PFNS. Source: postcopy RFC, libxc-migration-stream: POSTCOPY_PFNS."""
    count: int
    """Number of entries, at least 1"""
    reserved: int
    pfn: list[Packed]
    """Page types and frame numbers"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        count: _Number = None,
        reserved: _Number = None,
        pfn: _Array = None,
        pfns: Iterable[int] | None = None,
    ) -> None: ...

class PostcopyPfnsBE(PostcopyPfns):
    """libxc POSTCOPY_PFNS. Source: postcopy RFC, libxc-migration-stream: POSTCOPY_PFNS."""

class PostcopyTransition(_Layer):
    """libxc POSTCOPY_TRANSITION. Source: postcopy RFC, libxc-migration-stream: POSTCOPY_TRANSITION."""
    def __init__(self, _pkt: bytes = b"") -> None: ...

class PostcopyPageData(_PageList):
    """libxc POSTCOPY_PAGE_DATA. Source: postcopy RFC, libxc-migration-stream: POSTCOPY_PAGE_DATA."""
    count: int
    """Number of entries, at least 1"""
    reserved: int
    pfn: list[Packed]
    """Page types and frame numbers"""
    page_data: bytes
    """Contents of the backed pages, in order"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        count: _Number = None,
        reserved: _Number = None,
        pfn: _Array = None,
        page_data: _Bytes = None,
        pfns: Iterable[int] | None = None,
    ) -> None: ...

class PostcopyPageDataBE(PostcopyPageData):
    """libxc POSTCOPY_PAGE_DATA. Source: postcopy RFC, libxc-migration-stream: POSTCOPY_PAGE_DATA."""

class PostcopyFault(_PageList):
    """libxc POSTCOPY_FAULT. Source: postcopy RFC, libxc-migration-stream: POSTCOPY_FAULT."""
    count: int
    """Number of entries, at least 1"""
    reserved: int
    pfn: list[Packed]
    """Page types and frame numbers"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        count: _Number = None,
        reserved: _Number = None,
        pfn: _Array = None,
        pfns: Iterable[int] | None = None,
    ) -> None: ...

class PostcopyFaultBE(PostcopyFault):
    """libxc POSTCOPY_FAULT. Source: postcopy RFC, libxc-migration-stream: POSTCOPY_FAULT."""

class PostcopyComplete(_Layer):
    """libxc POSTCOPY_COMPLETE. Source: postcopy RFC, libxc-migration-stream: POSTCOPY_COMPLETE."""
    def __init__(self, _pkt: bytes = b"") -> None: ...

class X86TscInfo(_Layer):
    """libxc X86_TSC_INFO. Source: libxc-migration-stream: X86_TSC_INFO."""
    mode: int
    """How the time stamp counter is emulated"""
    khz: int
    """Its frequency, kHz"""
    nsec: int
    """Time elapsed, ns"""
    incarnation: int
    """How often the guest was restored"""
    reserved: int
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        mode: _Name = None,
        khz: _Number = None,
        nsec: _Number = None,
        incarnation: _Number = None,
        reserved: _Number = None,
    ) -> None: ...

class X86TscInfoBE(X86TscInfo):
    """libxc X86_TSC_INFO. Source: libxc-migration-stream: X86_TSC_INFO."""

class StaticDataEnd(_Layer):
    """libxc STATIC_DATA_END. Source: libxc-migration-stream: STATIC_DATA_END."""
    def __init__(self, _pkt: bytes = b"") -> None: ...

class X86CpuidPolicyEntry(_Layer):
    """An element of cpuid_policy."""
    leaf: int
    subleaf: int
    a: int
    b: int
    c: int
    d: int
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        leaf: _Number = None,
        subleaf: _Name = None,
        a: _Name = None,
        b: _Name = None,
        c: _Name = None,
        d: _Name = None,
    ) -> None: ...

class X86CpuidPolicy(_Layer):
    """libxc X86_CPUID_POLICY. Source: libxc-migration-stream: X86_CPUID_POLICY."""
    cpuid_policy: list[X86CpuidPolicyEntry]
    """What CPUID tells the guest"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        cpuid_policy: list[X86CpuidPolicyEntry] | X86CpuidPolicyEntry | None = None,
    ) -> None: ...

class X86CpuidPolicyEntryBE(X86CpuidPolicyEntry):
    """An element of cpuid_policy."""

class X86CpuidPolicyBE(X86CpuidPolicy):
    """libxc X86_CPUID_POLICY. Source: libxc-migration-stream: X86_CPUID_POLICY."""

class X86MsrPolicyEntry(_Layer):
    """An element of msr_policy."""
    idx: int
    """The register's number"""
    flags: int
    """Zero: none is defined"""
    val: int
    """Its value"""
    def __init__(self, _pkt: bytes = b"", *, idx: _Name = None, flags: _Number = None, val: _Name = None) -> None: ...

class X86MsrPolicy(_Layer):
    """libxc X86_MSR_POLICY. Source: libxc-migration-stream: X86_MSR_POLICY."""
    msr_policy: list[X86MsrPolicyEntry]
    """What model-specific registers tell the guest"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        msr_policy: list[X86MsrPolicyEntry] | X86MsrPolicyEntry | None = None,
    ) -> None: ...

class X86MsrPolicyEntryBE(X86MsrPolicyEntry):
    """An element of msr_policy."""

class X86MsrPolicyBE(X86MsrPolicy):
    """libxc X86_MSR_POLICY. Source: libxc-migration-stream: X86_MSR_POLICY."""

class LibxlEnd(_Layer):
    """libxl END. Source: libxl-migration-stream: END."""
    def __init__(self, _pkt: bytes = b"") -> None: ...

class LibxcContext(_Layer):
    """libxl LIBXC_CONTEXT. Source: libxl-migration-stream: LIBXC_CONTEXT."""
    def __init__(self, _pkt: bytes = b"") -> None: ...

class EmulatorXenstoreDataEntry(_Layer):
    """An element of xenstore_data."""
    key: bytes
    """Path below the device model's own"""
    value: bytes
    """What xenstore holds there"""
    def __init__(self, _pkt: bytes = b"", *, key: _Bytes = None, value: _Bytes = None) -> None: ...

class EmulatorXenstoreData(_Layer):
    """libxl EMULATOR_XENSTORE_DATA. Source: libxl-migration-stream: EMULATOR_XENSTORE_DATA."""
    emulator_id: int
    """Which emulator"""
    index: int
    """Which of the guest's emulators of that kind"""
    xenstore_data: list[EmulatorXenstoreDataEntry]
    """Keys and values"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        emulator_id: _Name = None,
        index: _Number = None,
        xenstore_data: list[EmulatorXenstoreDataEntry] | EmulatorXenstoreDataEntry | None = None,
    ) -> None: ...

class EmulatorXenstoreDataBE(EmulatorXenstoreData):
    """libxl EMULATOR_XENSTORE_DATA. Source: libxl-migration-stream: EMULATOR_XENSTORE_DATA."""

class QemuSection(_Layer):
    """The state of one device of QEMU, or a part of it, which names no device. Source: migration/savevm.c of QEMU."""
    kind: int
    number: int
    device_length: int
    device: int
    instance: int
    version: int
    state: bytes
    footer: int
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        kind: _Number = None,
        number: _Number = None,
        device_length: _Number = None,
        device: _Number = None,
        instance: _Number = None,
        version: _Number = None,
        state: _Bytes = None,
        footer: _Number = None,
    ) -> None: ...

class QemuCommand(_Layer):
    """What one QEMU tells the other between sections. Source: migration/savevm.c of QEMU."""
    kind: int
    cmd: int
    length: int
    data: bytes
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        kind: _Number = None,
        cmd: _Number = None,
        length: _Number = None,
        data: _Bytes = None,
    ) -> None: ...

class QemuStream(_Layer):
    """What QEMU saved of all its devices: `configuration` is what stands before the sections, `trailer` what follows
    them. Source: migration/savevm.c of QEMU.
    """
    magic: int
    version: int
    configuration: bytes
    sections: list[QemuSection]
    trailer: bytes
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        magic: _Number = None,
        version: _Number = None,
        configuration: _Bytes = None,
        sections: list[QemuSection] | QemuSection | None = None,
        trailer: _Bytes = None,
    ) -> None: ...

class EmulatorContext(_Layer):
    """libxl EMULATOR_CONTEXT. Source: libxl-migration-stream: EMULATOR_CONTEXT."""
    emulator_id: int
    """Which emulator"""
    index: int
    """Which of the guest's emulators of that kind"""
    emulator_ctx: QemuStream | Octets
    """The emulator's own state, opaque"""
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        emulator_id: _Name = None,
        index: _Number = None,
        emulator_ctx: _Inside = None,
    ) -> None: ...

class EmulatorContextBE(EmulatorContext):
    """libxl EMULATOR_CONTEXT. Source: libxl-migration-stream: EMULATOR_CONTEXT."""

class CheckpointEnd(_Layer):
    """libxl CHECKPOINT_END. Source: libxl-migration-stream: CHECKPOINT_END."""
    def __init__(self, _pkt: bytes = b"") -> None: ...

class CheckpointState(_Layer):
    """libxl CHECKPOINT_STATE. Source: libxl-migration-stream: CHECKPOINT_STATE."""
    control_id: int
    """Where COLO's secondary stands"""
    padding: bytes
    """Zero octets, if the body has them"""
    def __init__(self, _pkt: bytes = b"", *, control_id: _Name = None, padding: _Bytes = None) -> None: ...

class CheckpointStateBE(CheckpointState):
    """libxl CHECKPOINT_STATE. Source: libxl-migration-stream: CHECKPOINT_STATE."""

class PostcopyTransitionEnd(_Layer):
    """libxl POSTCOPY_TRANSITION_END. Source: postcopy RFC: libxl_sr_stream_format.h."""
    def __init__(self, _pkt: bytes = b"") -> None: ...

class XenopsXenops(_Layer):
    """xenops XENOPS. Source: suspend_image.ml: header_type."""
    data: bytes
    """Opaque octets"""
    def __init__(self, _pkt: bytes = b"", *, data: _Bytes = None) -> None: ...

class XenopsLibxc(_Layer):
    """xenops LIBXC. Source: suspend_image.ml: header_type."""
    def __init__(self, _pkt: bytes = b"") -> None: ...

class XenopsLibxl(_Layer):
    """xenops LIBXL. Source: suspend_image.ml: header_type."""
    def __init__(self, _pkt: bytes = b"") -> None: ...

class XenopsLibxcLegacy(_Layer):
    """xenops LIBXC_LEGACY. Source: suspend_image.ml: header_type."""
    def __init__(self, _pkt: bytes = b"") -> None: ...

class XenopsQemuTrad(_Layer):
    """xenops QEMU_TRAD. Source: suspend_image.ml: header_type."""
    data: QemuStream | Octets
    """Opaque octets"""
    def __init__(self, _pkt: bytes = b"", *, data: _Inside = None) -> None: ...

class XenopsQemuXen(_Layer):
    """xenops QEMU_XEN. Source: suspend_image.ml: header_type."""
    data: QemuStream | Octets
    """Opaque octets"""
    def __init__(self, _pkt: bytes = b"", *, data: _Inside = None) -> None: ...

class XenopsDemu(_Layer):
    """xenops DEMU. Source: suspend_image.ml: header_type."""
    data: bytes
    """Opaque octets"""
    def __init__(self, _pkt: bytes = b"", *, data: _Bytes = None) -> None: ...

class XenopsVarstored(_Layer):
    """xenops VARSTORED. Source: suspend_image.ml: header_type."""
    data: bytes
    """Opaque octets"""
    def __init__(self, _pkt: bytes = b"", *, data: _Bytes = None) -> None: ...

class XenopsSwtpm0(_Layer):
    """xenops SWTPM0. Source: suspend_image.ml: header_type."""
    data: bytes
    """Opaque octets"""
    def __init__(self, _pkt: bytes = b"", *, data: _Bytes = None) -> None: ...

class XenopsSwtpm(_Layer):
    """xenops SWTPM. Source: suspend_image.ml: header_type."""
    data: bytes
    """Opaque octets"""
    def __init__(self, _pkt: bytes = b"", *, data: _Bytes = None) -> None: ...

class XenopsEndOfImage(_Layer):
    """xenops END_OF_IMAGE. Source: suspend_image.ml: header_type."""
    def __init__(self, _pkt: bytes = b"") -> None: ...

class XenopsRecord(_Record):
    """The header of a record of xenops; its payload is the body."""
    type: int
    """Record type"""
    body_length: int
    """Octets of the body; of no meaning before a stream of another layer"""
    def __init__(self, _pkt: bytes = b"", *, type: _Name = None, body_length: _Number = None) -> None: ...

class LibxlRecord(_Record):
    """The header of a record of libxl; its payload is the body."""
    type: int
    """Record type; bit 31: optional"""
    body_length: int
    """Octets of the body, without padding"""
    padding: bytes | None
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        type: _Name = None,
        body_length: _Number = None,
        padding: _Bytes = None,
    ) -> None: ...

class LibxlRecordBE(LibxlRecord):
    """The header of a record of libxl; its payload is the body."""

class LibxcRecord(_Record):
    """The header of a record of libxc; its payload is the body."""
    type: int
    """Record type; bit 31: optional"""
    body_length: int
    """Octets of the body, without padding"""
    padding: bytes | None
    def __init__(
        self,
        _pkt: bytes = b"",
        *,
        type: _Name = None,
        body_length: _Number = None,
        padding: _Bytes = None,
    ) -> None: ...

class LibxcRecordBE(LibxcRecord):
    """The header of a record of libxc; its payload is the body."""

class LibxcRecordV2(LibxcRecord):
    """The header of a record of libxc; its payload is the body."""

class LibxcRecordV2BE(LibxcRecordV2):
    """The header of a record of libxc; its payload is the body."""

class LibxcRecordV3(LibxcRecord):
    """The header of a record of libxc; its payload is the body."""

class LibxcRecordV3BE(LibxcRecordV3):
    """The header of a record of libxc; its payload is the body."""
