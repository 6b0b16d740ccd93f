-- SPDX-License-Identifier: GPL-2.0-or-later
--
-- Xen live migration for Wireshark: every header, record and handshake text of the xl, xenopsd, libxl and libxc
-- streams, postcopy faults matched to the pages that answer them, and the rules of the protocol as expert information.
--
-- Written by `xenshark lua --write`: change the protocol, the rules or parts/ in dissector/integrations, not this file.
-- For Wireshark 4.0 (Lua 5.2) and 4.4 or newer (Lua 5.4). Copy it to the personal Lua plugins (Help, About, Folders),
-- or `xenshark lua --install`; to try it, `tshark -X lua_script:xen_migration.lua -r FILE`.
--
-- It does not let TCP reassemble records. Each direction of a connection has a parser of its own that says what it
-- needs next; of page contents it needs nothing. Each packet is taken in once, in the order of the capture; what a
-- packet shows is looked up by its place in the stream, so packets can be shown in any order, any number of times.
-- What only later packets tell is there on the second pass: in the graphical interface, and with `tshark -2`.

set_plugin_info({ version = "0.1.0" })

-- Declaring: the protocol, its fields and its expert information ------------------------------------------------------

local xenmig = Proto("xenmig", "Xen Live Migration")

local settings = { lines = 100 } -- what the preferences say

-- Every field of the protocol, in the order in which it is declared, and by its path below "xenmig.".
local all_fields, F = {}, {}
local IS_WIDE = {} -- those of 64 bits, for which a number of Lua has to be made another one

-- Declares a field: `kind` is the constructor in ProtoField, the rest its arguments.
local function declare(kind, path, ...)
    F[path] = ProtoField[kind]("xenmig." .. path, ...)
    all_fields[#all_fields + 1], IS_WIDE[path] = F[path], kind == "uint64"
end

-- Every expert information of the protocol, and those of rules by the rule's id.
local all_experts, EXPERTS = {}, {}

local function declare_expert(id, path, severity, says)
    EXPERTS[id] = ProtoExpert.new("xenmig." .. path, says, expert.group.PROTOCOL, severity)
    all_experts[#all_experts + 1] = EXPERTS[id]
end

-- Names of numbers: the specifications' own ---------------------------------------------------------------------------

local GUEST_TYPES = { [1] = "x86 PV", [2] = "x86 HVM", [3] = "x86 PVH", [4] = "ARM" }
local PAGE_TYPES = {
    [0] = "NOTAB", [1] = "L1TAB", [2] = "L2TAB", [3] = "L3TAB", [4] = "L4TAB", [5] = "RESERVED_5", [6] = "RESERVED_6",
    [7] = "RESERVED_7", [8] = "RESERVED_8", [9] = "L1TAB_PIN", [10] = "L2TAB_PIN", [11] = "L3TAB_PIN",
    [12] = "L4TAB_PIN", [13] = "BROKEN", [14] = "XALLOC", [15] = "XTAB",
}
local TSC_MODES = { [0] = "DEFAULT", [1] = "ALWAYS_EMULATE", [2] = "NEVER_EMULATE", [3] = "PVRDTSCP" }
local HVM_SAVE_TYPES = {
    [0] = "END", [1] = "HEADER", [2] = "CPU", [3] = "PIC", [4] = "IOAPIC", [5] = "LAPIC", [6] = "LAPIC_REGS",
    [7] = "PCI_IRQ", [8] = "ISA_IRQ", [9] = "PCI_LINK", [10] = "PIT", [11] = "RTC", [12] = "HPET", [13] = "PMTIMER",
    [14] = "MTRR", [15] = "VIRIDIAN_DOMAIN", [16] = "XSAVE", [17] = "VIRIDIAN_VCPU", [18] = "VMCE_VCPU",
    [19] = "TSC_ADJUST", [20] = "CPU_MSR",
}
local EMULATORS = { [0] = "unknown", [1] = "qemu-traditional", [2] = "qemu-upstream" }
local CHECKPOINT_STATES = { [0] = "NEW", [1] = "SVM_SUSPENDED", [2] = "SVM_READY", [3] = "SVM_RESUMED" }
local HVM_PARAMS = {
    [0] = "CALLBACK_IRQ", [1] = "STORE_PFN", [2] = "STORE_EVTCHN", [4] = "PAE_ENABLED", [5] = "IOREQ_PFN",
    [6] = "BUFIOREQ_PFN", [9] = "VIRIDIAN", [10] = "TIMER_MODE", [11] = "HPET_ENABLED", [12] = "IDENT_PT",
    [13] = "DM_DOMAIN", [14] = "ACPI_S_STATE", [15] = "VM86_TSS", [16] = "VPT_ALIGN", [17] = "CONSOLE_PFN",
    [18] = "CONSOLE_EVTCHN", [19] = "ACPI_IOPORTS_LOCATION", [20] = "MEMORY_EVENT_CR0", [21] = "MEMORY_EVENT_CR3",
    [22] = "MEMORY_EVENT_CR4", [23] = "MEMORY_EVENT_INT3", [24] = "NESTEDHVM", [25] = "MEMORY_EVENT_SINGLE_STEP",
    [26] = "BUFIOREQ_EVTCHN", [27] = "PAGING_RING_PFN", [28] = "MONITOR_RING_PFN", [29] = "SHARING_RING_PFN",
    [30] = "MEMORY_EVENT_MSR", [31] = "TRIPLE_FAULT_REASON", [32] = "IOREQ_SERVER_PFN", [33] = "NR_IOREQ_SERVER_PAGES",
    [34] = "VM_GENERATION_ID_ADDR", [35] = "ALTP2M", [36] = "X87_FIP_WIDTH", [37] = "VM86_TSS_SIZED", [38] = "MCA_CAP",
}
local MSRS = {
    [16] = "IA32_TSC", [23] = "IA32_PLATFORM_ID", [27] = "APIC_BASE", [42] = "IA32_EBL_CR_POWERON",
    [44] = "IA32_EBC_FREQUENCY_ID", [51] = "TEST_CTRL", [53] = "INTEL_CORE_THREAD_COUNT", [58] = "IA32_FEATURE_CONTROL",
    [59] = "IA32_TSC_ADJUST", [72] = "SPEC_CTRL", [73] = "PRED_CMD", [78] = "PPIN_CTL", [79] = "PPIN",
    [121] = "IA32_UCODE_WRITE", [139] = "IA32_UCODE_REV", [188] = "MISC_PACKAGE_CTRL", [191] = "PB_OPT_CTRL",
    [193] = "IA32_PERFCTR0", [205] = "FSB_FREQ", [206] = "INTEL_PLATFORM_INFO", [207] = "CORE_CAPABILITIES",
    [226] = "PKG_CST_CONFIG_CONTROL", [231] = "IA32_MPERF", [232] = "IA32_APERF", [254] = "MTRRcap",
    [266] = "ARCH_CAPABILITIES", [267] = "FLUSH_CMD", [271] = "TSX_FORCE_ABORT", [281] = "IA32_BBL_CR_CTL",
    [290] = "TSX_CTRL", [291] = "MCU_OPT_CTRL", [304] = "INTEL_MASK_V2_CPUID1", [305] = "INTEL_MASK_V2_CPUID80000001",
    [306] = "INTEL_MASK_V3_CPUID1", [307] = "INTEL_MASK_V3_CPUID80000001", [308] = "INTEL_MASK_V3_CPUIDD_01",
    [320] = "INTEL_MISC_FEATURES_ENABLES", [372] = "IA32_SYSENTER_CS", [373] = "IA32_SYSENTER_ESP",
    [374] = "IA32_SYSENTER_EIP", [377] = "IA32_MCG_CAP", [378] = "IA32_MCG_STATUS", [379] = "IA32_MCG_CTL",
    [408] = "IA32_PERF_STATUS", [409] = "IA32_PERF_CTL", [410] = "IA32_THERM_CONTROL", [411] = "IA32_THERM_INTERRUPT",
    [412] = "IA32_THERM_STATUS", [416] = "IA32_MISC_ENABLE", [418] = "TEMPERATURE_TARGET",
    [432] = "IA32_ENERGY_PERF_BIAS", [433] = "PACKAGE_THERM_STATUS", [460] = "FRED_RSP_SL0", [461] = "FRED_RSP_SL1",
    [462] = "FRED_RSP_SL2", [463] = "FRED_RSP_SL3", [464] = "FRED_STK_LVLS", [465] = "FRED_SSP_SL1",
    [466] = "FRED_SSP_SL2", [467] = "FRED_SSP_SL3", [468] = "FRED_CONFIG", [473] = "IA32_DEBUGCTLMSR",
    [477] = "IA32_LASTINTFROMIP", [478] = "IA32_LASTINTTOIP", [508] = "IA32_POWER_CTL", [512] = "IA32_MTRR_PHYSBASE0",
    [513] = "IA32_MTRR_PHYSMASK0", [514] = "IA32_MTRR_PHYSBASE1", [515] = "IA32_MTRR_PHYSMASK1",
    [516] = "IA32_MTRR_PHYSBASE2", [517] = "IA32_MTRR_PHYSMASK2", [518] = "IA32_MTRR_PHYSBASE3",
    [519] = "IA32_MTRR_PHYSMASK3", [520] = "IA32_MTRR_PHYSBASE4", [521] = "IA32_MTRR_PHYSMASK4",
    [522] = "IA32_MTRR_PHYSBASE5", [523] = "IA32_MTRR_PHYSMASK5", [524] = "IA32_MTRR_PHYSBASE6",
    [525] = "IA32_MTRR_PHYSMASK6", [526] = "IA32_MTRR_PHYSBASE7", [527] = "IA32_MTRR_PHYSMASK7",
    [592] = "MTRRfix64K_00000", [600] = "MTRRfix16K_80000", [601] = "MTRRfix16K_A0000", [616] = "MTRRfix4K_C0000",
    [617] = "MTRRfix4K_C8000", [618] = "MTRRfix4K_D0000", [619] = "MTRRfix4K_D8000", [620] = "MTRRfix4K_E0000",
    [621] = "MTRRfix4K_E8000", [622] = "MTRRfix4K_F0000", [623] = "MTRRfix4K_F8000", [631] = "IA32_CR_PAT",
    [640] = "IA32_MC0_CTL2", [767] = "MTRRdefType", [777] = "CORE_PERF_FIXED_CTR0", [778] = "CORE_PERF_FIXED_CTR1",
    [779] = "CORE_PERF_FIXED_CTR2", [837] = "IA32_PERF_CAPABILITIES", [909] = "CORE_PERF_FIXED_CTR_CTRL",
    [910] = "CORE_PERF_GLOBAL_STATUS", [911] = "CORE_PERF_GLOBAL_CTRL", [912] = "CORE_PERF_GLOBAL_OVF_CTRL",
    [1009] = "IA32_PEBS_ENABLE", [1024] = "IA32_MC0_CTL", [1025] = "IA32_MC0_STATUS", [1026] = "IA32_MC0_ADDR",
    [1027] = "IA32_MC0_MISC", [1144] = "INTEL_MASK_V1_CPUID1", [1152] = "IA32_VMX_BASIC",
    [1153] = "IA32_VMX_PINBASED_CTLS", [1154] = "IA32_VMX_PROCBASED_CTLS", [1155] = "IA32_VMX_EXIT_CTLS",
    [1156] = "IA32_VMX_ENTRY_CTLS", [1157] = "IA32_VMX_MISC", [1158] = "IA32_VMX_CR0_FIXED0",
    [1159] = "IA32_VMX_CR0_FIXED1", [1160] = "IA32_VMX_CR4_FIXED0", [1161] = "IA32_VMX_CR4_FIXED1",
    [1162] = "IA32_VMX_VMCS_ENUM", [1163] = "IA32_VMX_PROCBASED_CTLS2", [1164] = "IA32_VMX_EPT_VPID_CAP",
    [1165] = "IA32_VMX_TRUE_PINBASED_CTLS", [1166] = "IA32_VMX_TRUE_PROCBASED_CTLS", [1167] = "IA32_VMX_TRUE_EXIT_CTLS",
    [1168] = "IA32_VMX_TRUE_ENTRY_CTLS", [1169] = "IA32_VMX_VMFUNC", [1170] = "IA32_VMX_PROCBASED_CTLS3",
    [1217] = "IA32_A_PERFCTR0", [1232] = "IA32_MCG_EXT_CTL", [1376] = "RTIT_OUTPUT_BASE", [1377] = "RTIT_OUTPUT_MASK",
    [1392] = "RTIT_CTL", [1393] = "RTIT_STATUS", [1394] = "RTIT_CR3_MATCH", [1536] = "IA32_DS_AREA",
    [1546] = "PKGC3_IRTL", [1547] = "PKGC6_IRTL", [1548] = "PKGC7_IRTL", [1587] = "PKGC8_IRTL", [1588] = "PKGC9_IRTL",
    [1589] = "PKGC10_IRTL", [1640] = "CC6_DEMOTION_POLICY_CONFIG", [1641] = "MC6_DEMOTION_POLICY_CONFIG",
    [1696] = "U_CET", [1698] = "S_CET", [1700] = "PL0_SSP", [1701] = "PL1_SSP", [1702] = "PL2_SSP", [1703] = "PL3_SSP",
    [1704] = "ISST", [1760] = "IA32_TSC_DEADLINE", [1761] = "PKRS", [1904] = "PM_ENABLE", [1905] = "HWP_CAPABILITIES",
    [1907] = "HWP_INTERRUPT", [1908] = "HWP_REQUEST", [1911] = "HWP_STATUS", [2056] = "X2APIC_TPR",
    [2058] = "X2APIC_PPR", [2059] = "X2APIC_EOI", [2104] = "X2APIC_TMICT", [2105] = "X2APIC_TMCCT",
    [2111] = "X2APIC_SELF", [3201] = "IA32_PSR_L3_QOS_CFG", [3213] = "IA32_CMT_EVTSEL", [3214] = "IA32_CMT_CTR",
    [3215] = "IA32_PSR_ASSOC", [3472] = "IA32_BNDCFGS", [3475] = "PASID", [3488] = "IA32_XSS", [3504] = "PKG_HDC_CTL",
    [3505] = "PM_CTL1", [4359] = "VIA_FCR", [4363] = "VIA_RNG", [5126] = "MCU_CONTROL", [6913] = "UARCH_MISC_CTRL",
    [0xc0000080] = "EFER", [0xc0000081] = "STAR", [0xc0000082] = "LSTAR", [0xc0000083] = "CSTAR",
    [0xc0000084] = "SYSCALL_MASK", [0xc0000100] = "FS_BASE", [0xc0000101] = "GS_BASE", [0xc0000102] = "SHADOW_GS_BASE",
    [0xc0000103] = "TSC_AUX", [0xc0000104] = "AMD64_TSC_RATIO", [0xc0000105] = "AMD64_LWP_CFG",
    [0xc0000106] = "AMD64_LWP_CBADDR", [0xc0000408] = "F10_MC4_MISC1", [0xc0000409] = "F10_MC4_MISC2",
    [0xc000040a] = "F10_MC4_MISC3", [0xc0010000] = "K7_EVNTSEL0", [0xc0010001] = "K7_EVNTSEL1",
    [0xc0010002] = "K7_EVNTSEL2", [0xc0010003] = "K7_EVNTSEL3", [0xc0010004] = "K7_PERFCTR0",
    [0xc0010005] = "K7_PERFCTR1", [0xc0010006] = "K7_PERFCTR2", [0xc0010007] = "K7_PERFCTR3",
    [0xc0010010] = "K8_SYSCFG", [0xc0010015] = "K8_HWCR", [0xc0010016] = "K8_IORR_BASE0",
    [0xc0010017] = "K8_IORR_MASK0", [0xc0010018] = "K8_IORR_BASE1", [0xc0010019] = "K8_IORR_MASK1",
    [0xc001001a] = "K8_TOP_MEM1", [0xc001001d] = "K8_TOP_MEM2", [0xc001001f] = "AMD64_NB_CFG",
    [0xc0010020] = "AMD_PATCHLOADER", [0xc0010041] = "K7_FID_VID_CTL", [0xc0010042] = "K7_FID_VID_STATUS",
    [0xc0010044] = "AMD64_MC0_MASK", [0xc0010055] = "K8_ENABLE_C1E", [0xc0010058] = "FAM10H_MMIO_CONF_BASE",
    [0xc0010061] = "K8_PSTATE_LIMIT", [0xc0010062] = "K8_PSTATE_CTRL", [0xc0010063] = "K8_PSTATE_STATUS",
    [0xc0010064] = "K8_PSTATE0", [0xc0010065] = "K8_PSTATE1", [0xc0010066] = "K8_PSTATE2", [0xc0010067] = "K8_PSTATE3",
    [0xc0010068] = "K8_PSTATE4", [0xc0010069] = "K8_PSTATE5", [0xc001006a] = "K8_PSTATE6", [0xc001006b] = "K8_PSTATE7",
    [0xc0010112] = "K8_TSEG_BASE", [0xc0010113] = "K8_TSEG_MASK", [0xc0010114] = "K8_VM_CR",
    [0xc0010117] = "K8_VM_HSAVE_PA", [0xc001011f] = "VIRT_SPEC_CTRL", [0xc0010140] = "AMD_OSVW_ID_LENGTH",
    [0xc0010141] = "AMD_OSVW_STATUS", [0xc0010200] = "AMD_FAM15H_EVNTSEL0", [0xc0010201] = "AMD_FAM15H_PERFCTR0",
    [0xc0010202] = "AMD_FAM15H_EVNTSEL1", [0xc0010203] = "AMD_FAM15H_PERFCTR1", [0xc0010204] = "AMD_FAM15H_EVNTSEL2",
    [0xc0010205] = "AMD_FAM15H_PERFCTR2", [0xc0010206] = "AMD_FAM15H_EVNTSEL3", [0xc0010207] = "AMD_FAM15H_PERFCTR3",
    [0xc0010208] = "AMD_FAM15H_EVNTSEL4", [0xc0010209] = "AMD_FAM15H_PERFCTR4", [0xc001020a] = "AMD_FAM15H_EVNTSEL5",
    [0xc001020b] = "AMD_FAM15H_PERFCTR5", [0xc0010296] = "AMD_CSTATE_CFG", [0xc00102b0] = "AMD_CPPC_CAP1",
    [0xc00102b1] = "AMD_CPPC_ENABLE", [0xc00102b3] = "AMD_CPPC_REQ", [0xc00102f0] = "AMD_PPIN_CTL",
    [0xc00102f1] = "AMD_PPIN", [0xc0011002] = "AMD_L7S0_FEATURE_MASK", [0xc0011003] = "AMD_THRM_FEATURE_MASK",
    [0xc0011004] = "K8_FEATURE_MASK", [0xc0011005] = "K8_EXT_FEATURE_MASK", [0xc0011019] = "AMD64_DR1_ADDRESS_MASK",
    [0xc001101a] = "AMD64_DR2_ADDRESS_MASK", [0xc001101b] = "AMD64_DR3_ADDRESS_MASK", [0xc0011020] = "AMD64_LS_CFG",
    [0xc0011021] = "AMD64_IC_CFG", [0xc0011022] = "AMD64_DC_CFG", [0xc0011023] = "F10_BU_CFG",
    [0xc0011027] = "AMD64_DR0_ADDRESS_MASK", [0xc0011028] = "AMD64_FP_CFG", [0xc0011029] = "AMD64_DE_CFG",
    [0xc001102a] = "F10_BU_CFG2", [0xc001102c] = "AMD64_EX_CFG", [0xc001102e] = "AMD64_BP_CFG",
    [0xc00110e3] = "AMD64_DE_CFG2",
}
local QEMU_KINDS = { [1] = "start", [2] = "part", [3] = "end", [4] = "full", [8] = "command" }
local QEMU_COMMANDS = {
    [0] = "INVALID", [1] = "OPEN_RETURN_PATH", [2] = "PING", [3] = "POSTCOPY_ADVISE", [4] = "POSTCOPY_LISTEN",
    [5] = "POSTCOPY_RUN", [6] = "POSTCOPY_RAM_DISCARD", [7] = "PACKAGED", [8] = "ENABLE_COLO", [9] = "POSTCOPY_RESUME",
    [10] = "RECV_BITMAP", [11] = "SWITCHOVER_START",
}

-- Fields: of every item, then of every header and body ----------------------------------------------------------------

declare("string", "item", "Item", base.NONE, "A record, header or handshake text")
declare("string", "name", "Name", base.NONE, "Its name in the specification")
declare("uint32", "migration", "Migration", base.DEC, nil, nil, "Number in the capture, from 0")
declare("string", "direction", "Direction", base.NONE, "forward: from source to destination")
declare("string", "layer", "Layer", base.NONE, "Whose record it is")
declare("uint32", "type", "Type", base.HEX, nil, nil, "Record type")
declare("uint64", "offset", "Offset", base.DEC, nil, nil, "In the direction's octets, from 0")
declare("uint64", "length", "Length", base.DEC, nil, nil, "Octets, header and padding in")
declare("uint64", "body_length", "Body length", base.DEC, nil, nil, "Octets of the body")
declare("framenum", "first_frame", "First octet in frame", base.NONE)
declare("framenum", "last_frame", "Last octet in frame", base.NONE)
declare("bool", "complete", "Complete", base.NONE, nil, nil, "False where octets were not captured")
declare("uint64", "pfn", "Pfn", base.HEX, nil, nil, "Of every entry, hidden in the tree: to search for a page")
declare("uint32", "count", "Count", base.DEC, nil, nil, "Entries of a pages record")
declare("string", "run", "Run", base.NONE, "Consecutive pfns of one type")
declare("uint64", "run.pfn", "First pfn", base.HEX)
declare("uint32", "run.count", "Pfns", base.DEC)
declare("uint32", "run.type", "Page type", base.DEC, PAGE_TYPES)
declare("string", "fault", "Fault", base.NONE, "One pfn of a POSTCOPY_FAULT")
declare("uint64", "fault.pfn", "Pfn", base.HEX)
declare("framenum", "fault.answered_in", "Answered in frame", base.NONE, frametype.RESPONSE)
declare(
    "relative_time", "fault.latency", "Latency", "From the fault's last octet to the page's; of pages not in flight"
)
declare("bool", "fault.in_flight", "In flight", base.NONE, nil, nil, "The page was sent before")
declare("relative_time", "fault.lead", "Lead", "Of a page in flight: from its record's first octet to the fault's last")
declare("uint32", "fault.count", "Faulted pfns", base.DEC)
declare("relative_time", "fault.slowest", "Slowest", "The longest latency of the frame's faults")
declare("framenum", "page.answers", "Answers the fault in frame", base.NONE, frametype.REQUEST)
declare("uint64", "page.answers.pfn", "Pfn", base.HEX)
declare("uint32", "page.pushed", "Pages nobody asked for", base.DEC)
declare("string", "rule", "Rule", base.NONE, "Id of a rule that is broken: see `xenshark rules`")
declare("string", "contents", "Contents", base.NONE, "More of an item that began in an earlier frame")
declare("framenum", "contents.of", "Of the item in frame", base.NONE)
declare("string", "text", "Text", base.NONE)
declare("string", "cpuid.feature", "Feature", base.NONE, "A feature that a CPUID policy has, in Xen's word")
declare("string", "cpuid.vendor", "Vendor", base.NONE, "Of the processor that a CPUID policy shows")
declare("uint32", "cpuid.family", "Family", base.DEC, nil, nil, "With its extension")
declare("uint32", "cpuid.model", "Model", base.DEC, nil, nil, "With its extension")
declare("uint32", "cpuid.stepping", "Stepping", base.DEC)
declare("string", "cpuid.brand", "Brand", base.NONE, "As the processor calls itself")
declare(
    "string", "msr.bit", "Bit", base.NONE, "A bit that is set in a register of a policy or a processor, in Xen's word"
)
declare("string", "qemu.section", "Section", base.NONE, "The state of a device in QEMU's stream, or a command")
declare("string", "qemu.device", "Device", base.NONE)
declare("uint32", "qemu.instance", "Instance", base.DEC)
declare("uint32", "qemu.version", "Version", base.DEC, nil, nil, "Of the layout of the device's state")
declare("bytes", "qemu.state", "State", base.SPACE)
declare("uint8", "qemu.kind", "Kind", base.DEC, QEMU_KINDS, nil, "What of a device's state it is, or a command")
declare("uint32", "qemu.number", "Number", base.DEC, nil, nil, "Of the section")
declare("uint16", "qemu.cmd", "Command", base.DEC, QEMU_COMMANDS, nil, "Between sections")
declare("string", "qemu.subsection", "Subsection", base.NONE, "An optional part of a device's state")
declare("string", "qemu.field", "Field", base.NONE, "Of a device, with its value, where QEMU's description names it")
declare("string", "qemu.machine", "Machine", base.NONE, "The type of machine")
declare("uint8", "status", "Status", base.DEC, nil, nil, "0: the guest runs at the destination")
declare("bytes", "xl_header.magic", "magic", base.SPACE, "Names the format")
declare("uint32", "xl_header.byteorder", "byteorder", base.HEX, nil, nil, "0x01020304 in the sender's byte order")
declare(
    "uint32", "xl_header.mandatory_flags", "mandatory_flags", base.DEC_HEX, nil, nil,
    "A flag the receiver does not know makes it refuse"
)
declare("uint32", "xl_header.mandatory_flags.json", "json", base.HEX, nil, 1, "The configuration is JSON")
declare(
    "uint32", "xl_header.mandatory_flags.stream_v2", "stream_v2", base.HEX, nil, 2,
    "A libxl stream of version 2 follows"
)
declare("uint32", "xl_header.mandatory_flags.reserved", "reserved", base.HEX, nil, 0xfffffffc)
declare("uint32", "xl_header.optional_flags", "optional_flags", base.DEC_HEX, nil, nil, "None is defined")
declare("uint32", "xl_header.optional_flags.reserved", "reserved", base.HEX, nil, 0xffffffff)
declare(
    "uint32", "xl_header.optional_data_len", "optional_data_len", base.DEC_HEX, nil, nil,
    "Octets of optional data after this header"
)
declare("uint32", "xl_header.config_length", "config_length", base.DEC_HEX, nil, nil, "Octets of the configuration")
declare("string", "xl_header.config", "config", base.NONE, "The guest's configuration; JSON ends in a NUL")
declare("bytes", "xl_header.tail", "tail", base.SPACE, "What a later xl may append")
declare("bytes", "libvirt_header.magic", "magic", base.SPACE, "Names the format")
declare("uint32", "libvirt_header.version", "version", base.DEC_HEX, nil, nil, "2: a libxl stream of version 2 follows")
declare("uint32", "libvirt_header.xml_length", "xml_length", base.DEC_HEX, nil, nil, "Octets of XML after this header")
declare("bytes", "libvirt_header.unused", "unused", base.SPACE, "Of no meaning")
declare("bytes", "xenops_header.magic", "magic", base.SPACE, "Names the format")
declare("uint64", "libxl_header.ident", "ident", base.HEX, nil, nil, "'LibxlFmt'")
declare("uint32", "libxl_header.version", "version", base.DEC_HEX, nil, nil, "Version of the libxl stream")
declare("uint32", "libxl_header.options", "options", base.DEC_HEX, nil, nil, "How the stream is written")
declare("uint32", "libxl_header.options.big_endian", "big_endian", base.HEX, nil, 1, "The records are big-endian")
declare("uint32", "libxl_header.options.legacy", "legacy", base.HEX, nil, 2, "Made by the converter of old streams")
declare("uint32", "libxl_header.options.reserved", "reserved", base.HEX, nil, 0xfffffffc)
declare("uint64", "image_header.marker", "marker", base.HEX, nil, nil, "All ones: a legacy stream has a zero bit here")
declare("uint32", "image_header.id", "id", base.HEX, nil, nil, "'XENF'")
declare(
    "uint32", "image_header.version", "version", base.DEC_HEX, nil, nil,
    "Version of the stream; decides what record types 0x10 and up mean"
)
declare("uint16", "image_header.options", "options", base.DEC_HEX, nil, nil, "How the stream is written")
declare(
    "uint16", "image_header.options.big_endian", "big_endian", base.HEX, nil, 1, "All after this header is big-endian"
)
declare("uint16", "image_header.options.reserved", "reserved", base.HEX, nil, 65534)
declare("uint16", "image_header.reserved1", "reserved1", base.DEC_HEX, nil, nil, "Reserved, zero")
declare("uint32", "image_header.reserved2", "reserved2", base.DEC_HEX, nil, nil, "Reserved, zero")
declare("bytes", "xenops_legacy_header.magic", "magic", base.SPACE, "Names the format")
declare("uint32", "domain_header.type", "type", base.HEX, GUEST_TYPES, nil, "What kind of guest")
declare(
    "uint16", "domain_header.page_shift", "page_shift", base.DEC_HEX, nil, nil, "A guest page has 2^page_shift octets"
)
declare("uint16", "domain_header.reserved", "reserved", base.DEC_HEX, nil, nil, "Reserved, zero")
declare(
    "uint32", "domain_header.xen_major", "xen_major", base.DEC_HEX, nil, nil,
    "Xen that wrote the stream; 0: the converter of old streams"
)
declare(
    "uint32", "domain_header.xen_minor", "xen_minor", base.DEC_HEX, nil, nil,
    "Its minor version, or the converter's version"
)
declare(
    "uint8", "x86_pv_info.guest_width", "guest_width", base.DEC_HEX, nil, nil, "Octets of a word of the guest: 4 or 8"
)
declare("uint8", "x86_pv_info.pt_levels", "pt_levels", base.DEC_HEX, nil, nil, "Levels of page tables: 3 or 4")
declare("uint16", "x86_pv_info.reserved1", "reserved1", base.DEC_HEX, nil, nil, "Reserved, zero")
declare("uint32", "x86_pv_info.reserved2", "reserved2", base.DEC_HEX, nil, nil, "Reserved, zero")
declare("uint32", "x86_pv_p2m_frames.start_pfn", "start_pfn", base.DEC_HEX, nil, nil, "First pfn that the table covers")
declare("uint32", "x86_pv_p2m_frames.end_pfn", "end_pfn", base.DEC_HEX, nil, nil, "Last pfn that the table covers")
declare("uint64", "x86_pv_p2m_frames.p2m_pfn", "p2m_pfn", base.DEC_HEX)
declare("uint32", "x86_pv_vcpu_basic.vcpu_id", "vcpu_id", base.DEC_HEX, nil, nil, "Which virtual processor")
declare("uint32", "x86_pv_vcpu_basic.reserved", "reserved", base.DEC_HEX, nil, nil, "Reserved, zero")
declare(
    "bytes", "x86_pv_vcpu_basic.context", "context", base.SPACE, "Its state, as the hypervisor's interface gives it"
)
declare("uint32", "x86_pv_vcpu_extended.vcpu_id", "vcpu_id", base.DEC_HEX, nil, nil, "Which virtual processor")
declare("uint32", "x86_pv_vcpu_extended.reserved", "reserved", base.DEC_HEX, nil, nil, "Reserved, zero")
declare(
    "bytes", "x86_pv_vcpu_extended.context", "context", base.SPACE, "Its state, as the hypervisor's interface gives it"
)
declare("uint32", "x86_pv_vcpu_xsave.vcpu_id", "vcpu_id", base.DEC_HEX, nil, nil, "Which virtual processor")
declare("uint32", "x86_pv_vcpu_xsave.reserved", "reserved", base.DEC_HEX, nil, nil, "Reserved, zero")
declare(
    "bytes", "x86_pv_vcpu_xsave.context", "context", base.SPACE, "Its state, as the hypervisor's interface gives it"
)
declare("bytes", "shared_info.shared_info", "shared_info", base.SPACE, "The shared info page")
declare("uint32", "tsc_info.mode", "mode", base.DEC_HEX, TSC_MODES, nil, "How the time stamp counter is emulated")
declare("uint32", "tsc_info.khz", "khz", base.DEC_HEX, nil, nil, "Its frequency, kHz")
declare("uint64", "tsc_info.nsec", "nsec", base.DEC_HEX, nil, nil, "Time elapsed, ns")
declare("uint32", "tsc_info.incarnation", "incarnation", base.DEC_HEX, nil, nil, "How often the guest was restored")
declare("uint32", "tsc_info.reserved", "reserved", base.DEC_HEX, nil, nil, "Reserved, zero")
declare("string", "hvm_context.hvm_ctx", "hvm_ctx", base.NONE, "The hypervisor's save records, up to and with END")
declare("uint16", "hvm_context.hvm_ctx.typecode", "typecode", base.DEC_HEX, HVM_SAVE_TYPES, nil, "What is saved")
declare(
    "uint16", "hvm_context.hvm_ctx.instance", "instance", base.DEC_HEX, nil, nil,
    "Which of several, a virtual processor's number"
)
declare("uint32", "hvm_context.hvm_ctx.length", "length", base.DEC_HEX, nil, nil, "Octets of the state")
declare("bytes", "hvm_context.hvm_ctx.body", "body", base.SPACE, "The state")
declare("uint32", "hvm_params.count", "count", base.DEC_HEX, nil, nil, "Number of parameters")
declare("uint32", "hvm_params.reserved", "reserved", base.DEC_HEX, nil, nil, "Reserved, zero")
declare("string", "hvm_params.param", "param", base.NONE, "The parameters")
declare(
    "uint64", "hvm_params.param.index", "index", base.DEC_HEX, HVM_PARAMS, nil,
    "HVM_PARAM_* of xen/include/public/hvm/params.h"
)
declare("uint64", "hvm_params.param.value", "value", base.DEC_HEX, nil, nil, "Its value")
declare("bytes", "toolstack.data", "data", base.SPACE, "Opaque octets")
declare("uint32", "x86_pv_vcpu_msrs.vcpu_id", "vcpu_id", base.DEC_HEX, nil, nil, "Which virtual processor")
declare("uint32", "x86_pv_vcpu_msrs.reserved", "reserved", base.DEC_HEX, nil, nil, "Reserved, zero")
declare("bytes", "x86_pv_vcpu_msrs.context", "context", base.SPACE, "Its state, as the hypervisor's interface gives it")
declare("uint64", "checkpoint_dirty_pfn_list.pfn", "pfn", base.DEC_HEX)
declare("uint32", "x86_tsc_info.mode", "mode", base.DEC_HEX, TSC_MODES, nil, "How the time stamp counter is emulated")
declare("uint32", "x86_tsc_info.khz", "khz", base.DEC_HEX, nil, nil, "Its frequency, kHz")
declare("uint64", "x86_tsc_info.nsec", "nsec", base.DEC_HEX, nil, nil, "Time elapsed, ns")
declare("uint32", "x86_tsc_info.incarnation", "incarnation", base.DEC_HEX, nil, nil, "How often the guest was restored")
declare("uint32", "x86_tsc_info.reserved", "reserved", base.DEC_HEX, nil, nil, "Reserved, zero")
declare("string", "x86_cpuid_policy.cpuid_policy", "cpuid_policy", base.NONE, "What CPUID tells the guest")
declare("uint32", "x86_cpuid_policy.cpuid_policy.leaf", "leaf", base.DEC_HEX)
declare("uint32", "x86_cpuid_policy.cpuid_policy.subleaf", "subleaf", base.DEC_HEX)
declare("uint32", "x86_cpuid_policy.cpuid_policy.a", "a", base.DEC_HEX)
declare("uint32", "x86_cpuid_policy.cpuid_policy.b", "b", base.DEC_HEX)
declare("uint32", "x86_cpuid_policy.cpuid_policy.c", "c", base.DEC_HEX)
declare("uint32", "x86_cpuid_policy.cpuid_policy.d", "d", base.DEC_HEX)
declare("string", "x86_msr_policy.msr_policy", "msr_policy", base.NONE, "What model-specific registers tell the guest")
declare("uint32", "x86_msr_policy.msr_policy.idx", "idx", base.DEC_HEX, MSRS, nil, "The register's number")
declare("uint32", "x86_msr_policy.msr_policy.flags", "flags", base.DEC_HEX, nil, nil, "Reserved, zero")
declare("uint64", "x86_msr_policy.msr_policy.val", "val", base.DEC_HEX, nil, nil, "Its value")
declare("uint32", "emulator_xenstore_data.emulator_id", "emulator_id", base.DEC_HEX, EMULATORS, nil, "Which emulator")
declare(
    "uint32", "emulator_xenstore_data.index", "index", base.DEC_HEX, nil, nil,
    "Which of the guest's emulators of that kind"
)
declare("string", "emulator_xenstore_data.xenstore_data", "xenstore_data", base.NONE, "Keys and values")
declare("string", "emulator_xenstore_data.xenstore_data.key", "key", base.NONE, "Path below the device model's own")
declare("string", "emulator_xenstore_data.xenstore_data.value", "value", base.NONE, "What xenstore holds there")
declare("uint32", "emulator_context.emulator_id", "emulator_id", base.DEC_HEX, EMULATORS, nil, "Which emulator")
declare(
    "uint32", "emulator_context.index", "index", base.DEC_HEX, nil, nil, "Which of the guest's emulators of that kind"
)
declare("bytes", "emulator_context.emulator_ctx", "emulator_ctx", base.SPACE, "The emulator's own state, opaque")
declare(
    "uint32", "checkpoint_state.control_id", "control_id", base.DEC_HEX, CHECKPOINT_STATES, nil,
    "Where COLO's secondary stands"
)
declare("bytes", "checkpoint_state.padding", "padding", base.SPACE, "Zero octets, if the body has them")
declare("bytes", "xenops.data", "data", base.SPACE, "Opaque octets")
declare("bytes", "qemu_trad.data", "data", base.SPACE, "Opaque octets")
declare("bytes", "qemu_xen.data", "data", base.SPACE, "Opaque octets")
declare("bytes", "demu.data", "data", base.SPACE, "Opaque octets")
declare("bytes", "varstored.data", "data", base.SPACE, "Opaque octets")
declare("bytes", "swtpm0.data", "data", base.SPACE, "Opaque octets")
declare("bytes", "swtpm.data", "data", base.SPACE, "Opaque octets")
declare("bytes", "pv_vcpu_64.fpu_ctxt", "fpu_ctxt", base.SPACE, "As FXSAVE writes it")
declare("uint64", "pv_vcpu_64.flags", "flags", base.DEC_HEX, nil, nil, "VGCF_*")
declare("uint64", "pv_vcpu_64.flags.i387_valid", "i387_valid", base.HEX, nil, 1)
declare("uint64", "pv_vcpu_64.flags.in_kernel", "in_kernel", base.HEX, nil, 4)
declare("uint64", "pv_vcpu_64.flags.failsafe_disables_events", "failsafe_disables_events", base.HEX, nil, 8)
declare("uint64", "pv_vcpu_64.flags.syscall_disables_events", "syscall_disables_events", base.HEX, nil, 16)
declare("uint64", "pv_vcpu_64.flags.online", "online", base.HEX, nil, 32)
declare("uint64", "pv_vcpu_64.flags.in_syscall", "in_syscall", base.HEX, nil, 256)
declare("uint64", "pv_vcpu_64.r15", "r15", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint64", "pv_vcpu_64.r14", "r14", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint64", "pv_vcpu_64.r13", "r13", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint64", "pv_vcpu_64.r12", "r12", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint64", "pv_vcpu_64.rbp", "rbp", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint64", "pv_vcpu_64.rbx", "rbx", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint64", "pv_vcpu_64.r11", "r11", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint64", "pv_vcpu_64.r10", "r10", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint64", "pv_vcpu_64.r9", "r9", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint64", "pv_vcpu_64.r8", "r8", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint64", "pv_vcpu_64.rax", "rax", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint64", "pv_vcpu_64.rcx", "rcx", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint64", "pv_vcpu_64.rdx", "rdx", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint64", "pv_vcpu_64.rsi", "rsi", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint64", "pv_vcpu_64.rdi", "rdi", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint32", "pv_vcpu_64.error_code", "error_code", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint32", "pv_vcpu_64.entry_vector", "entry_vector", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint64", "pv_vcpu_64.rip", "rip", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint16", "pv_vcpu_64.cs", "cs", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare(
    "uint8", "pv_vcpu_64.saved_upcall_mask", "saved_upcall_mask", base.DEC_HEX, nil, nil,
    "Whether events are masked: what RFLAGS.IF says of a PV guest"
)
declare("uint64", "pv_vcpu_64.rflags", "rflags", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint64", "pv_vcpu_64.rflags.CF", "CF", base.HEX, nil, 1)
declare("uint64", "pv_vcpu_64.rflags.MBS", "MBS", base.HEX, nil, 2)
declare("uint64", "pv_vcpu_64.rflags.PF", "PF", base.HEX, nil, 4)
declare("uint64", "pv_vcpu_64.rflags.AF", "AF", base.HEX, nil, 16)
declare("uint64", "pv_vcpu_64.rflags.ZF", "ZF", base.HEX, nil, 64)
declare("uint64", "pv_vcpu_64.rflags.SF", "SF", base.HEX, nil, 128)
declare("uint64", "pv_vcpu_64.rflags.TF", "TF", base.HEX, nil, 256)
declare("uint64", "pv_vcpu_64.rflags.IF", "IF", base.HEX, nil, 512)
declare("uint64", "pv_vcpu_64.rflags.DF", "DF", base.HEX, nil, 1024)
declare("uint64", "pv_vcpu_64.rflags.OF", "OF", base.HEX, nil, 2048)
declare("uint64", "pv_vcpu_64.rflags.NT", "NT", base.HEX, nil, 16384)
declare("uint64", "pv_vcpu_64.rflags.RF", "RF", base.HEX, nil, 0x10000)
declare("uint64", "pv_vcpu_64.rflags.VM", "VM", base.HEX, nil, 0x20000)
declare("uint64", "pv_vcpu_64.rflags.AC", "AC", base.HEX, nil, 0x40000)
declare("uint64", "pv_vcpu_64.rflags.VIF", "VIF", base.HEX, nil, 0x80000)
declare("uint64", "pv_vcpu_64.rflags.VIP", "VIP", base.HEX, nil, 0x100000)
declare("uint64", "pv_vcpu_64.rflags.ID", "ID", base.HEX, nil, 0x200000)
declare("uint64", "pv_vcpu_64.rflags.IOPL", "IOPL", base.HEX, nil, 12288)
declare("uint64", "pv_vcpu_64.rsp", "rsp", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint16", "pv_vcpu_64.ss", "ss", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint16", "pv_vcpu_64.es", "es", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint16", "pv_vcpu_64.ds", "ds", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint16", "pv_vcpu_64.fs", "fs", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint16", "pv_vcpu_64.gs", "gs", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("string", "pv_vcpu_64.trap_ctxt", "trap_ctxt", base.NONE, "The guest's table of traps")
declare("uint8", "pv_vcpu_64.trap_ctxt.vector", "vector", base.DEC_HEX, nil, nil, "struct trap_info")
declare(
    "uint8", "pv_vcpu_64.trap_ctxt.flags", "flags", base.DEC_HEX, nil, nil,
    "Lowest privilege that may cause it, and whether events are disabled"
)
declare("uint8", "pv_vcpu_64.trap_ctxt.flags.clear_events", "clear_events", base.HEX, nil, 4)
declare("uint8", "pv_vcpu_64.trap_ctxt.flags.DPL", "DPL", base.HEX, nil, 3)
declare("uint16", "pv_vcpu_64.trap_ctxt.cs", "cs", base.DEC_HEX, nil, nil, "struct trap_info")
declare("uint64", "pv_vcpu_64.trap_ctxt.address", "address", base.DEC_HEX, nil, nil, "Where its handler is")
declare("uint64", "pv_vcpu_64.ldt_base", "ldt_base", base.DEC_HEX, nil, nil, "struct vcpu_guest_context")
declare("uint64", "pv_vcpu_64.ldt_ents", "ldt_ents", base.DEC_HEX, nil, nil, "struct vcpu_guest_context")
declare("uint64", "pv_vcpu_64.gdt_frames", "gdt_frames", base.DEC_HEX)
declare("uint64", "pv_vcpu_64.gdt_ents", "gdt_ents", base.DEC_HEX, nil, nil, "struct vcpu_guest_context")
declare("uint64", "pv_vcpu_64.kernel_ss", "kernel_ss", base.DEC_HEX, nil, nil, "struct vcpu_guest_context")
declare("uint64", "pv_vcpu_64.kernel_sp", "kernel_sp", base.DEC_HEX, nil, nil, "struct vcpu_guest_context")
declare("uint64", "pv_vcpu_64.cr0", "cr0", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, ctrlreg")
declare("uint64", "pv_vcpu_64.cr0.PE", "PE", base.HEX, nil, 1)
declare("uint64", "pv_vcpu_64.cr0.MP", "MP", base.HEX, nil, 2)
declare("uint64", "pv_vcpu_64.cr0.EM", "EM", base.HEX, nil, 4)
declare("uint64", "pv_vcpu_64.cr0.TS", "TS", base.HEX, nil, 8)
declare("uint64", "pv_vcpu_64.cr0.ET", "ET", base.HEX, nil, 16)
declare("uint64", "pv_vcpu_64.cr0.NE", "NE", base.HEX, nil, 32)
declare("uint64", "pv_vcpu_64.cr0.WP", "WP", base.HEX, nil, 0x10000)
declare("uint64", "pv_vcpu_64.cr0.AM", "AM", base.HEX, nil, 0x40000)
declare("uint64", "pv_vcpu_64.cr0.NW", "NW", base.HEX, nil, 0x20000000)
declare("uint64", "pv_vcpu_64.cr0.CD", "CD", base.HEX, nil, 0x40000000)
declare("uint64", "pv_vcpu_64.cr0.PG", "PG", base.HEX, nil, 0x80000000)
declare("uint64", "pv_vcpu_64.cr1", "cr1", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, ctrlreg")
declare("uint64", "pv_vcpu_64.cr2", "cr2", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, ctrlreg")
declare("uint64", "pv_vcpu_64.cr3", "cr3", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, ctrlreg")
declare("uint64", "pv_vcpu_64.cr4", "cr4", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, ctrlreg")
declare("uint64", "pv_vcpu_64.cr4.VME", "VME", base.HEX, nil, 1)
declare("uint64", "pv_vcpu_64.cr4.PVI", "PVI", base.HEX, nil, 2)
declare("uint64", "pv_vcpu_64.cr4.TSD", "TSD", base.HEX, nil, 4)
declare("uint64", "pv_vcpu_64.cr4.DE", "DE", base.HEX, nil, 8)
declare("uint64", "pv_vcpu_64.cr4.PSE", "PSE", base.HEX, nil, 16)
declare("uint64", "pv_vcpu_64.cr4.PAE", "PAE", base.HEX, nil, 32)
declare("uint64", "pv_vcpu_64.cr4.MCE", "MCE", base.HEX, nil, 64)
declare("uint64", "pv_vcpu_64.cr4.PGE", "PGE", base.HEX, nil, 128)
declare("uint64", "pv_vcpu_64.cr4.PCE", "PCE", base.HEX, nil, 256)
declare("uint64", "pv_vcpu_64.cr4.OSFXSR", "OSFXSR", base.HEX, nil, 512)
declare("uint64", "pv_vcpu_64.cr4.OSXMMEXCPT", "OSXMMEXCPT", base.HEX, nil, 1024)
declare("uint64", "pv_vcpu_64.cr4.UMIP", "UMIP", base.HEX, nil, 2048)
declare("uint64", "pv_vcpu_64.cr4.LA57", "LA57", base.HEX, nil, 4096)
declare("uint64", "pv_vcpu_64.cr4.VMXE", "VMXE", base.HEX, nil, 8192)
declare("uint64", "pv_vcpu_64.cr4.SMXE", "SMXE", base.HEX, nil, 16384)
declare("uint64", "pv_vcpu_64.cr4.FSGSBASE", "FSGSBASE", base.HEX, nil, 0x10000)
declare("uint64", "pv_vcpu_64.cr4.PCIDE", "PCIDE", base.HEX, nil, 0x20000)
declare("uint64", "pv_vcpu_64.cr4.OSXSAVE", "OSXSAVE", base.HEX, nil, 0x40000)
declare("uint64", "pv_vcpu_64.cr4.SMEP", "SMEP", base.HEX, nil, 0x100000)
declare("uint64", "pv_vcpu_64.cr4.SMAP", "SMAP", base.HEX, nil, 0x200000)
declare("uint64", "pv_vcpu_64.cr4.PKE", "PKE", base.HEX, nil, 0x400000)
declare("uint64", "pv_vcpu_64.cr4.CET", "CET", base.HEX, nil, 0x800000)
declare("uint64", "pv_vcpu_64.cr4.PKS", "PKS", base.HEX, nil, 0x1000000)
declare("uint64", "pv_vcpu_64.cr4.LASS", "LASS", base.HEX, nil, 0x8000000)
declare("uint64", "pv_vcpu_64.cr4.FRED", "FRED", base.HEX)
declare("uint64", "pv_vcpu_64.cr5", "cr5", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, ctrlreg")
declare("uint64", "pv_vcpu_64.cr6", "cr6", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, ctrlreg")
declare("uint64", "pv_vcpu_64.cr7", "cr7", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, ctrlreg")
declare("uint64", "pv_vcpu_64.dr0", "dr0", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, debugreg")
declare("uint64", "pv_vcpu_64.dr1", "dr1", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, debugreg")
declare("uint64", "pv_vcpu_64.dr2", "dr2", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, debugreg")
declare("uint64", "pv_vcpu_64.dr3", "dr3", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, debugreg")
declare("uint64", "pv_vcpu_64.dr4", "dr4", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, debugreg")
declare("uint64", "pv_vcpu_64.dr5", "dr5", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, debugreg")
declare("uint64", "pv_vcpu_64.dr6", "dr6", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, debugreg")
declare("uint64", "pv_vcpu_64.dr6.B0", "B0", base.HEX, nil, 1)
declare("uint64", "pv_vcpu_64.dr6.B1", "B1", base.HEX, nil, 2)
declare("uint64", "pv_vcpu_64.dr6.B2", "B2", base.HEX, nil, 4)
declare("uint64", "pv_vcpu_64.dr6.B3", "B3", base.HEX, nil, 8)
declare("uint64", "pv_vcpu_64.dr6.BLD", "BLD", base.HEX, nil, 2048)
declare("uint64", "pv_vcpu_64.dr6.BD", "BD", base.HEX, nil, 8192)
declare("uint64", "pv_vcpu_64.dr6.BS", "BS", base.HEX, nil, 16384)
declare("uint64", "pv_vcpu_64.dr6.BT", "BT", base.HEX, nil, 32768)
declare("uint64", "pv_vcpu_64.dr6.RTM", "RTM", base.HEX, nil, 0x10000)
declare("uint64", "pv_vcpu_64.dr6.ones_4", "ones_4", base.HEX, nil, 2032)
declare("uint64", "pv_vcpu_64.dr6.ones_17", "ones_17", base.HEX, nil, 0xfffe0000)
declare("uint64", "pv_vcpu_64.dr7", "dr7", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, debugreg")
declare("uint64", "pv_vcpu_64.dr7.L0", "L0", base.HEX, nil, 1)
declare("uint64", "pv_vcpu_64.dr7.G0", "G0", base.HEX, nil, 2)
declare("uint64", "pv_vcpu_64.dr7.L1", "L1", base.HEX, nil, 4)
declare("uint64", "pv_vcpu_64.dr7.G1", "G1", base.HEX, nil, 8)
declare("uint64", "pv_vcpu_64.dr7.L2", "L2", base.HEX, nil, 16)
declare("uint64", "pv_vcpu_64.dr7.G2", "G2", base.HEX, nil, 32)
declare("uint64", "pv_vcpu_64.dr7.L3", "L3", base.HEX, nil, 64)
declare("uint64", "pv_vcpu_64.dr7.G3", "G3", base.HEX, nil, 128)
declare("uint64", "pv_vcpu_64.dr7.LE", "LE", base.HEX, nil, 256)
declare("uint64", "pv_vcpu_64.dr7.GE", "GE", base.HEX, nil, 512)
declare("uint64", "pv_vcpu_64.dr7.one", "one", base.HEX, nil, 1024)
declare("uint64", "pv_vcpu_64.dr7.RTM", "RTM", base.HEX, nil, 2048)
declare("uint64", "pv_vcpu_64.dr7.GD", "GD", base.HEX, nil, 8192)
declare("uint64", "pv_vcpu_64.dr7.RW0", "RW0", base.HEX, nil, 0x30000)
declare("uint64", "pv_vcpu_64.dr7.LEN0", "LEN0", base.HEX, nil, 0xc0000)
declare("uint64", "pv_vcpu_64.dr7.RW1", "RW1", base.HEX, nil, 0x300000)
declare("uint64", "pv_vcpu_64.dr7.LEN1", "LEN1", base.HEX, nil, 0xc00000)
declare("uint64", "pv_vcpu_64.dr7.RW2", "RW2", base.HEX, nil, 0x3000000)
declare("uint64", "pv_vcpu_64.dr7.LEN2", "LEN2", base.HEX, nil, 0xc000000)
declare("uint64", "pv_vcpu_64.dr7.RW3", "RW3", base.HEX, nil, 0x30000000)
declare("uint64", "pv_vcpu_64.dr7.LEN3", "LEN3", base.HEX, nil, 0xc0000000)
declare(
    "uint64", "pv_vcpu_64.event_callback_eip", "event_callback_eip", base.DEC_HEX, nil, nil, "struct vcpu_guest_context"
)
declare(
    "uint64", "pv_vcpu_64.failsafe_callback_eip", "failsafe_callback_eip", base.DEC_HEX, nil, nil,
    "struct vcpu_guest_context"
)
declare(
    "uint64", "pv_vcpu_64.syscall_callback_eip", "syscall_callback_eip", base.DEC_HEX, nil, nil,
    "struct vcpu_guest_context"
)
declare("uint64", "pv_vcpu_64.vm_assist", "vm_assist", base.DEC_HEX, nil, nil, "VMASST_TYPE_*")
declare("uint64", "pv_vcpu_64.vm_assist.4gb_segments", "4gb_segments", base.HEX, nil, 1)
declare("uint64", "pv_vcpu_64.vm_assist.4gb_segments_notify", "4gb_segments_notify", base.HEX, nil, 2)
declare("uint64", "pv_vcpu_64.vm_assist.writable_pagetables", "writable_pagetables", base.HEX, nil, 4)
declare("uint64", "pv_vcpu_64.vm_assist.pae_extended_cr3", "pae_extended_cr3", base.HEX, nil, 8)
declare("uint64", "pv_vcpu_64.vm_assist.architectural_iopl", "architectural_iopl", base.HEX, nil, 16)
declare("uint64", "pv_vcpu_64.vm_assist.runstate_update_flag", "runstate_update_flag", base.HEX, nil, 32)
declare("uint64", "pv_vcpu_64.vm_assist.m2p_strict", "m2p_strict", base.HEX)
declare("uint64", "pv_vcpu_64.fs_base", "fs_base", base.DEC_HEX, nil, nil, "struct vcpu_guest_context")
declare("uint64", "pv_vcpu_64.gs_base_kernel", "gs_base_kernel", base.DEC_HEX, nil, nil, "struct vcpu_guest_context")
declare("uint64", "pv_vcpu_64.gs_base_user", "gs_base_user", base.DEC_HEX, nil, nil, "struct vcpu_guest_context")
declare("uint16", "fxsave.fcw", "fcw", base.DEC_HEX, nil, nil, "Control word of the FPU")
declare("uint16", "fxsave.fsw", "fsw", base.DEC_HEX, nil, nil, "Status word")
declare("uint8", "fxsave.ftw", "ftw", base.DEC_HEX, nil, nil, "Which registers are in use, a bit each")
declare("uint16", "fxsave.fop", "fop", base.DEC_HEX, nil, nil, "Opcode of the last instruction")
declare("uint64", "fxsave.fip", "fip", base.DEC_HEX, nil, nil, "Its address")
declare("uint64", "fxsave.fdp", "fdp", base.DEC_HEX, nil, nil, "The address of its operand")
declare("uint32", "fxsave.mxcsr", "mxcsr", base.DEC_HEX, nil, nil, "Control and status of SSE")
declare("uint32", "fxsave.mxcsr.IE", "IE", base.HEX, nil, 1)
declare("uint32", "fxsave.mxcsr.DE", "DE", base.HEX, nil, 2)
declare("uint32", "fxsave.mxcsr.ZE", "ZE", base.HEX, nil, 4)
declare("uint32", "fxsave.mxcsr.OE", "OE", base.HEX, nil, 8)
declare("uint32", "fxsave.mxcsr.UE", "UE", base.HEX, nil, 16)
declare("uint32", "fxsave.mxcsr.PE", "PE", base.HEX, nil, 32)
declare("uint32", "fxsave.mxcsr.DAZ", "DAZ", base.HEX, nil, 64)
declare("uint32", "fxsave.mxcsr.IM", "IM", base.HEX, nil, 128)
declare("uint32", "fxsave.mxcsr.DM", "DM", base.HEX, nil, 256)
declare("uint32", "fxsave.mxcsr.ZM", "ZM", base.HEX, nil, 512)
declare("uint32", "fxsave.mxcsr.OM", "OM", base.HEX, nil, 1024)
declare("uint32", "fxsave.mxcsr.UM", "UM", base.HEX, nil, 2048)
declare("uint32", "fxsave.mxcsr.PM", "PM", base.HEX, nil, 4096)
declare("uint32", "fxsave.mxcsr.FTZ", "FTZ", base.HEX, nil, 32768)
declare("uint32", "fxsave.mxcsr.RC", "RC", base.HEX, nil, 24576)
declare("uint32", "fxsave.mxcsr_mask", "mxcsr_mask", base.DEC_HEX, nil, nil, "Bits of it that the processor has")
declare("bytes", "fxsave.st", "st", base.SPACE)
declare("bytes", "fxsave.xmm", "xmm", base.SPACE)
declare("bytes", "fxsave.available", "available", base.SPACE, "Software's own")
declare("bytes", "pv_vcpu_32.fpu_ctxt", "fpu_ctxt", base.SPACE, "As FXSAVE writes it")
declare("uint32", "pv_vcpu_32.flags", "flags", base.DEC_HEX, nil, nil, "VGCF_*")
declare("uint32", "pv_vcpu_32.flags.i387_valid", "i387_valid", base.HEX, nil, 1)
declare("uint32", "pv_vcpu_32.flags.in_kernel", "in_kernel", base.HEX, nil, 4)
declare("uint32", "pv_vcpu_32.flags.failsafe_disables_events", "failsafe_disables_events", base.HEX, nil, 8)
declare("uint32", "pv_vcpu_32.flags.syscall_disables_events", "syscall_disables_events", base.HEX, nil, 16)
declare("uint32", "pv_vcpu_32.flags.online", "online", base.HEX, nil, 32)
declare("uint32", "pv_vcpu_32.flags.in_syscall", "in_syscall", base.HEX, nil, 256)
declare("uint32", "pv_vcpu_32.ebx", "ebx", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint32", "pv_vcpu_32.ecx", "ecx", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint32", "pv_vcpu_32.edx", "edx", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint32", "pv_vcpu_32.esi", "esi", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint32", "pv_vcpu_32.edi", "edi", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint32", "pv_vcpu_32.ebp", "ebp", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint32", "pv_vcpu_32.eax", "eax", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint16", "pv_vcpu_32.error_code", "error_code", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint16", "pv_vcpu_32.entry_vector", "entry_vector", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint32", "pv_vcpu_32.eip", "eip", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint16", "pv_vcpu_32.cs", "cs", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare(
    "uint8", "pv_vcpu_32.saved_upcall_mask", "saved_upcall_mask", base.DEC_HEX, nil, nil,
    "Whether events are masked: what EFLAGS.IF says of a PV guest"
)
declare("uint32", "pv_vcpu_32.eflags", "eflags", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint32", "pv_vcpu_32.eflags.CF", "CF", base.HEX, nil, 1)
declare("uint32", "pv_vcpu_32.eflags.MBS", "MBS", base.HEX, nil, 2)
declare("uint32", "pv_vcpu_32.eflags.PF", "PF", base.HEX, nil, 4)
declare("uint32", "pv_vcpu_32.eflags.AF", "AF", base.HEX, nil, 16)
declare("uint32", "pv_vcpu_32.eflags.ZF", "ZF", base.HEX, nil, 64)
declare("uint32", "pv_vcpu_32.eflags.SF", "SF", base.HEX, nil, 128)
declare("uint32", "pv_vcpu_32.eflags.TF", "TF", base.HEX, nil, 256)
declare("uint32", "pv_vcpu_32.eflags.IF", "IF", base.HEX, nil, 512)
declare("uint32", "pv_vcpu_32.eflags.DF", "DF", base.HEX, nil, 1024)
declare("uint32", "pv_vcpu_32.eflags.OF", "OF", base.HEX, nil, 2048)
declare("uint32", "pv_vcpu_32.eflags.NT", "NT", base.HEX, nil, 16384)
declare("uint32", "pv_vcpu_32.eflags.RF", "RF", base.HEX, nil, 0x10000)
declare("uint32", "pv_vcpu_32.eflags.VM", "VM", base.HEX, nil, 0x20000)
declare("uint32", "pv_vcpu_32.eflags.AC", "AC", base.HEX, nil, 0x40000)
declare("uint32", "pv_vcpu_32.eflags.VIF", "VIF", base.HEX, nil, 0x80000)
declare("uint32", "pv_vcpu_32.eflags.VIP", "VIP", base.HEX, nil, 0x100000)
declare("uint32", "pv_vcpu_32.eflags.ID", "ID", base.HEX, nil, 0x200000)
declare("uint32", "pv_vcpu_32.eflags.IOPL", "IOPL", base.HEX, nil, 12288)
declare("uint32", "pv_vcpu_32.esp", "esp", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint16", "pv_vcpu_32.ss", "ss", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint16", "pv_vcpu_32.es", "es", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint16", "pv_vcpu_32.ds", "ds", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint16", "pv_vcpu_32.fs", "fs", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("uint16", "pv_vcpu_32.gs", "gs", base.DEC_HEX, nil, nil, "struct cpu_user_regs")
declare("string", "pv_vcpu_32.trap_ctxt", "trap_ctxt", base.NONE, "The guest's table of traps")
declare("uint8", "pv_vcpu_32.trap_ctxt.vector", "vector", base.DEC_HEX, nil, nil, "struct trap_info")
declare(
    "uint8", "pv_vcpu_32.trap_ctxt.flags", "flags", base.DEC_HEX, nil, nil,
    "Lowest privilege that may cause it, and whether events are disabled"
)
declare("uint8", "pv_vcpu_32.trap_ctxt.flags.clear_events", "clear_events", base.HEX, nil, 4)
declare("uint8", "pv_vcpu_32.trap_ctxt.flags.DPL", "DPL", base.HEX, nil, 3)
declare("uint16", "pv_vcpu_32.trap_ctxt.cs", "cs", base.DEC_HEX, nil, nil, "struct trap_info")
declare("uint32", "pv_vcpu_32.trap_ctxt.address", "address", base.DEC_HEX, nil, nil, "Where its handler is")
declare("uint32", "pv_vcpu_32.ldt_base", "ldt_base", base.DEC_HEX, nil, nil, "struct vcpu_guest_context")
declare("uint32", "pv_vcpu_32.ldt_ents", "ldt_ents", base.DEC_HEX, nil, nil, "struct vcpu_guest_context")
declare("uint32", "pv_vcpu_32.gdt_frames", "gdt_frames", base.DEC_HEX)
declare("uint32", "pv_vcpu_32.gdt_ents", "gdt_ents", base.DEC_HEX, nil, nil, "struct vcpu_guest_context")
declare("uint32", "pv_vcpu_32.kernel_ss", "kernel_ss", base.DEC_HEX, nil, nil, "struct vcpu_guest_context")
declare("uint32", "pv_vcpu_32.kernel_sp", "kernel_sp", base.DEC_HEX, nil, nil, "struct vcpu_guest_context")
declare("uint32", "pv_vcpu_32.cr0", "cr0", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, ctrlreg")
declare("uint32", "pv_vcpu_32.cr0.PE", "PE", base.HEX, nil, 1)
declare("uint32", "pv_vcpu_32.cr0.MP", "MP", base.HEX, nil, 2)
declare("uint32", "pv_vcpu_32.cr0.EM", "EM", base.HEX, nil, 4)
declare("uint32", "pv_vcpu_32.cr0.TS", "TS", base.HEX, nil, 8)
declare("uint32", "pv_vcpu_32.cr0.ET", "ET", base.HEX, nil, 16)
declare("uint32", "pv_vcpu_32.cr0.NE", "NE", base.HEX, nil, 32)
declare("uint32", "pv_vcpu_32.cr0.WP", "WP", base.HEX, nil, 0x10000)
declare("uint32", "pv_vcpu_32.cr0.AM", "AM", base.HEX, nil, 0x40000)
declare("uint32", "pv_vcpu_32.cr0.NW", "NW", base.HEX, nil, 0x20000000)
declare("uint32", "pv_vcpu_32.cr0.CD", "CD", base.HEX, nil, 0x40000000)
declare("uint32", "pv_vcpu_32.cr0.PG", "PG", base.HEX, nil, 0x80000000)
declare("uint32", "pv_vcpu_32.cr1", "cr1", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, ctrlreg")
declare("uint32", "pv_vcpu_32.cr2", "cr2", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, ctrlreg")
declare("uint32", "pv_vcpu_32.cr3", "cr3", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, ctrlreg")
declare("uint32", "pv_vcpu_32.cr4", "cr4", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, ctrlreg")
declare("uint32", "pv_vcpu_32.cr4.VME", "VME", base.HEX, nil, 1)
declare("uint32", "pv_vcpu_32.cr4.PVI", "PVI", base.HEX, nil, 2)
declare("uint32", "pv_vcpu_32.cr4.TSD", "TSD", base.HEX, nil, 4)
declare("uint32", "pv_vcpu_32.cr4.DE", "DE", base.HEX, nil, 8)
declare("uint32", "pv_vcpu_32.cr4.PSE", "PSE", base.HEX, nil, 16)
declare("uint32", "pv_vcpu_32.cr4.PAE", "PAE", base.HEX, nil, 32)
declare("uint32", "pv_vcpu_32.cr4.MCE", "MCE", base.HEX, nil, 64)
declare("uint32", "pv_vcpu_32.cr4.PGE", "PGE", base.HEX, nil, 128)
declare("uint32", "pv_vcpu_32.cr4.PCE", "PCE", base.HEX, nil, 256)
declare("uint32", "pv_vcpu_32.cr4.OSFXSR", "OSFXSR", base.HEX, nil, 512)
declare("uint32", "pv_vcpu_32.cr4.OSXMMEXCPT", "OSXMMEXCPT", base.HEX, nil, 1024)
declare("uint32", "pv_vcpu_32.cr4.UMIP", "UMIP", base.HEX, nil, 2048)
declare("uint32", "pv_vcpu_32.cr4.LA57", "LA57", base.HEX, nil, 4096)
declare("uint32", "pv_vcpu_32.cr4.VMXE", "VMXE", base.HEX, nil, 8192)
declare("uint32", "pv_vcpu_32.cr4.SMXE", "SMXE", base.HEX, nil, 16384)
declare("uint32", "pv_vcpu_32.cr4.FSGSBASE", "FSGSBASE", base.HEX, nil, 0x10000)
declare("uint32", "pv_vcpu_32.cr4.PCIDE", "PCIDE", base.HEX, nil, 0x20000)
declare("uint32", "pv_vcpu_32.cr4.OSXSAVE", "OSXSAVE", base.HEX, nil, 0x40000)
declare("uint32", "pv_vcpu_32.cr4.SMEP", "SMEP", base.HEX, nil, 0x100000)
declare("uint32", "pv_vcpu_32.cr4.SMAP", "SMAP", base.HEX, nil, 0x200000)
declare("uint32", "pv_vcpu_32.cr4.PKE", "PKE", base.HEX, nil, 0x400000)
declare("uint32", "pv_vcpu_32.cr4.CET", "CET", base.HEX, nil, 0x800000)
declare("uint32", "pv_vcpu_32.cr4.PKS", "PKS", base.HEX, nil, 0x1000000)
declare("uint32", "pv_vcpu_32.cr4.LASS", "LASS", base.HEX, nil, 0x8000000)
declare("uint32", "pv_vcpu_32.cr5", "cr5", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, ctrlreg")
declare("uint32", "pv_vcpu_32.cr6", "cr6", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, ctrlreg")
declare("uint32", "pv_vcpu_32.cr7", "cr7", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, ctrlreg")
declare("uint32", "pv_vcpu_32.dr0", "dr0", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, debugreg")
declare("uint32", "pv_vcpu_32.dr1", "dr1", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, debugreg")
declare("uint32", "pv_vcpu_32.dr2", "dr2", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, debugreg")
declare("uint32", "pv_vcpu_32.dr3", "dr3", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, debugreg")
declare("uint32", "pv_vcpu_32.dr4", "dr4", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, debugreg")
declare("uint32", "pv_vcpu_32.dr5", "dr5", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, debugreg")
declare("uint32", "pv_vcpu_32.dr6", "dr6", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, debugreg")
declare("uint32", "pv_vcpu_32.dr6.B0", "B0", base.HEX, nil, 1)
declare("uint32", "pv_vcpu_32.dr6.B1", "B1", base.HEX, nil, 2)
declare("uint32", "pv_vcpu_32.dr6.B2", "B2", base.HEX, nil, 4)
declare("uint32", "pv_vcpu_32.dr6.B3", "B3", base.HEX, nil, 8)
declare("uint32", "pv_vcpu_32.dr6.BLD", "BLD", base.HEX, nil, 2048)
declare("uint32", "pv_vcpu_32.dr6.BD", "BD", base.HEX, nil, 8192)
declare("uint32", "pv_vcpu_32.dr6.BS", "BS", base.HEX, nil, 16384)
declare("uint32", "pv_vcpu_32.dr6.BT", "BT", base.HEX, nil, 32768)
declare("uint32", "pv_vcpu_32.dr6.RTM", "RTM", base.HEX, nil, 0x10000)
declare("uint32", "pv_vcpu_32.dr6.ones_4", "ones_4", base.HEX, nil, 2032)
declare("uint32", "pv_vcpu_32.dr6.ones_17", "ones_17", base.HEX, nil, 0xfffe0000)
declare("uint32", "pv_vcpu_32.dr7", "dr7", base.DEC_HEX, nil, nil, "struct vcpu_guest_context, debugreg")
declare("uint32", "pv_vcpu_32.dr7.L0", "L0", base.HEX, nil, 1)
declare("uint32", "pv_vcpu_32.dr7.G0", "G0", base.HEX, nil, 2)
declare("uint32", "pv_vcpu_32.dr7.L1", "L1", base.HEX, nil, 4)
declare("uint32", "pv_vcpu_32.dr7.G1", "G1", base.HEX, nil, 8)
declare("uint32", "pv_vcpu_32.dr7.L2", "L2", base.HEX, nil, 16)
declare("uint32", "pv_vcpu_32.dr7.G2", "G2", base.HEX, nil, 32)
declare("uint32", "pv_vcpu_32.dr7.L3", "L3", base.HEX, nil, 64)
declare("uint32", "pv_vcpu_32.dr7.G3", "G3", base.HEX, nil, 128)
declare("uint32", "pv_vcpu_32.dr7.LE", "LE", base.HEX, nil, 256)
declare("uint32", "pv_vcpu_32.dr7.GE", "GE", base.HEX, nil, 512)
declare("uint32", "pv_vcpu_32.dr7.one", "one", base.HEX, nil, 1024)
declare("uint32", "pv_vcpu_32.dr7.RTM", "RTM", base.HEX, nil, 2048)
declare("uint32", "pv_vcpu_32.dr7.GD", "GD", base.HEX, nil, 8192)
declare("uint32", "pv_vcpu_32.dr7.RW0", "RW0", base.HEX, nil, 0x30000)
declare("uint32", "pv_vcpu_32.dr7.LEN0", "LEN0", base.HEX, nil, 0xc0000)
declare("uint32", "pv_vcpu_32.dr7.RW1", "RW1", base.HEX, nil, 0x300000)
declare("uint32", "pv_vcpu_32.dr7.LEN1", "LEN1", base.HEX, nil, 0xc00000)
declare("uint32", "pv_vcpu_32.dr7.RW2", "RW2", base.HEX, nil, 0x3000000)
declare("uint32", "pv_vcpu_32.dr7.LEN2", "LEN2", base.HEX, nil, 0xc000000)
declare("uint32", "pv_vcpu_32.dr7.RW3", "RW3", base.HEX, nil, 0x30000000)
declare("uint32", "pv_vcpu_32.dr7.LEN3", "LEN3", base.HEX, nil, 0xc0000000)
declare(
    "uint32", "pv_vcpu_32.event_callback_cs", "event_callback_cs", base.DEC_HEX, nil, nil, "struct vcpu_guest_context"
)
declare(
    "uint32", "pv_vcpu_32.event_callback_eip", "event_callback_eip", base.DEC_HEX, nil, nil, "struct vcpu_guest_context"
)
declare(
    "uint32", "pv_vcpu_32.failsafe_callback_cs", "failsafe_callback_cs", base.DEC_HEX, nil, nil,
    "struct vcpu_guest_context"
)
declare(
    "uint32", "pv_vcpu_32.failsafe_callback_eip", "failsafe_callback_eip", base.DEC_HEX, nil, nil,
    "struct vcpu_guest_context"
)
declare("uint32", "pv_vcpu_32.vm_assist", "vm_assist", base.DEC_HEX, nil, nil, "VMASST_TYPE_*")
declare("uint32", "pv_vcpu_32.vm_assist.4gb_segments", "4gb_segments", base.HEX, nil, 1)
declare("uint32", "pv_vcpu_32.vm_assist.4gb_segments_notify", "4gb_segments_notify", base.HEX, nil, 2)
declare("uint32", "pv_vcpu_32.vm_assist.writable_pagetables", "writable_pagetables", base.HEX, nil, 4)
declare("uint32", "pv_vcpu_32.vm_assist.pae_extended_cr3", "pae_extended_cr3", base.HEX, nil, 8)
declare("uint32", "pv_vcpu_32.vm_assist.architectural_iopl", "architectural_iopl", base.HEX, nil, 16)
declare("uint32", "pv_vcpu_32.vm_assist.runstate_update_flag", "runstate_update_flag", base.HEX, nil, 32)
declare("uint32", "pv_extended.vcpu", "vcpu", base.DEC_HEX, nil, nil, "Which virtual processor")
declare("uint32", "pv_extended.size", "size", base.DEC_HEX, nil, nil, "Octets of this structure")
declare(
    "uint64", "pv_extended.syscall32_callback_eip", "syscall32_callback_eip", base.DEC_HEX, nil, nil,
    "struct xen_domctl_ext_vcpucontext"
)
declare(
    "uint64", "pv_extended.sysenter_callback_eip", "sysenter_callback_eip", base.DEC_HEX, nil, nil,
    "struct xen_domctl_ext_vcpucontext"
)
declare(
    "uint16", "pv_extended.syscall32_callback_cs", "syscall32_callback_cs", base.DEC_HEX, nil, nil,
    "struct xen_domctl_ext_vcpucontext"
)
declare(
    "uint16", "pv_extended.sysenter_callback_cs", "sysenter_callback_cs", base.DEC_HEX, nil, nil,
    "struct xen_domctl_ext_vcpucontext"
)
declare(
    "uint8", "pv_extended.syscall32_disables_events", "syscall32_disables_events", base.DEC_HEX, nil, nil,
    "struct xen_domctl_ext_vcpucontext"
)
declare(
    "uint8", "pv_extended.sysenter_disables_events", "sysenter_disables_events", base.DEC_HEX, nil, nil,
    "struct xen_domctl_ext_vcpucontext"
)
declare("uint64", "pv_extended.caps", "caps", base.DEC_HEX, nil, nil, "struct hvm_vmce_vcpu")
declare("uint64", "pv_extended.mci_ctl2_bank0", "mci_ctl2_bank0", base.DEC_HEX, nil, nil, "struct hvm_vmce_vcpu")
declare("uint64", "pv_extended.mci_ctl2_bank1", "mci_ctl2_bank1", base.DEC_HEX, nil, nil, "struct hvm_vmce_vcpu")
declare("uint64", "pv_extended.mcg_ext_ctl", "mcg_ext_ctl", base.DEC_HEX, nil, nil, "struct hvm_vmce_vcpu")
declare("bytes", "pv_extended.tail", "tail", base.SPACE, "What a later Xen may append")
declare("uint32", "pv_extended_mcg.vcpu", "vcpu", base.DEC_HEX, nil, nil, "Which virtual processor")
declare("uint32", "pv_extended_mcg.size", "size", base.DEC_HEX, nil, nil, "Octets of this structure")
declare(
    "uint64", "pv_extended_mcg.syscall32_callback_eip", "syscall32_callback_eip", base.DEC_HEX, nil, nil,
    "struct xen_domctl_ext_vcpucontext"
)
declare(
    "uint64", "pv_extended_mcg.sysenter_callback_eip", "sysenter_callback_eip", base.DEC_HEX, nil, nil,
    "struct xen_domctl_ext_vcpucontext"
)
declare(
    "uint16", "pv_extended_mcg.syscall32_callback_cs", "syscall32_callback_cs", base.DEC_HEX, nil, nil,
    "struct xen_domctl_ext_vcpucontext"
)
declare(
    "uint16", "pv_extended_mcg.sysenter_callback_cs", "sysenter_callback_cs", base.DEC_HEX, nil, nil,
    "struct xen_domctl_ext_vcpucontext"
)
declare(
    "uint8", "pv_extended_mcg.syscall32_disables_events", "syscall32_disables_events", base.DEC_HEX, nil, nil,
    "struct xen_domctl_ext_vcpucontext"
)
declare(
    "uint8", "pv_extended_mcg.sysenter_disables_events", "sysenter_disables_events", base.DEC_HEX, nil, nil,
    "struct xen_domctl_ext_vcpucontext"
)
declare("uint64", "pv_extended_mcg.mcg_cap", "mcg_cap", base.DEC_HEX, nil, nil, "struct xen_domctl_ext_vcpucontext")
declare("uint64", "pv_xsave.xcr0", "xcr0", base.DEC_HEX, nil, nil, "States that are enabled")
declare("uint64", "pv_xsave.xcr0.X87", "X87", base.HEX, nil, 1)
declare("uint64", "pv_xsave.xcr0.SSE", "SSE", base.HEX, nil, 2)
declare("uint64", "pv_xsave.xcr0.YMM", "YMM", base.HEX, nil, 4)
declare("uint64", "pv_xsave.xcr0.BNDREGS", "BNDREGS", base.HEX, nil, 8)
declare("uint64", "pv_xsave.xcr0.BNDCSR", "BNDCSR", base.HEX, nil, 16)
declare("uint64", "pv_xsave.xcr0.OPMASK", "OPMASK", base.HEX, nil, 32)
declare("uint64", "pv_xsave.xcr0.ZMM", "ZMM", base.HEX, nil, 64)
declare("uint64", "pv_xsave.xcr0.HI_ZMM", "HI_ZMM", base.HEX, nil, 128)
declare("uint64", "pv_xsave.xcr0.PROC_TRACE", "PROC_TRACE", base.HEX, nil, 256)
declare("uint64", "pv_xsave.xcr0.PKRU", "PKRU", base.HEX, nil, 512)
declare("uint64", "pv_xsave.xcr0.PASID", "PASID", base.HEX, nil, 1024)
declare("uint64", "pv_xsave.xcr0.CET_U", "CET_U", base.HEX, nil, 2048)
declare("uint64", "pv_xsave.xcr0.CET_S", "CET_S", base.HEX, nil, 4096)
declare("uint64", "pv_xsave.xcr0.HDC", "HDC", base.HEX, nil, 8192)
declare("uint64", "pv_xsave.xcr0.UINTR", "UINTR", base.HEX, nil, 16384)
declare("uint64", "pv_xsave.xcr0.LBR", "LBR", base.HEX, nil, 32768)
declare("uint64", "pv_xsave.xcr0.HWP", "HWP", base.HEX, nil, 0x10000)
declare("uint64", "pv_xsave.xcr0.TILE_CFG", "TILE_CFG", base.HEX, nil, 0x20000)
declare("uint64", "pv_xsave.xcr0.TILE_DATA", "TILE_DATA", base.HEX, nil, 0x40000)
declare("uint64", "pv_xsave.xcr0.LWP", "LWP", base.HEX)
declare("uint64", "pv_xsave.xcr0_accum", "xcr0_accum", base.DEC_HEX, nil, nil, "States that ever were")
declare("uint64", "pv_xsave.xcr0_accum.X87", "X87", base.HEX, nil, 1)
declare("uint64", "pv_xsave.xcr0_accum.SSE", "SSE", base.HEX, nil, 2)
declare("uint64", "pv_xsave.xcr0_accum.YMM", "YMM", base.HEX, nil, 4)
declare("uint64", "pv_xsave.xcr0_accum.BNDREGS", "BNDREGS", base.HEX, nil, 8)
declare("uint64", "pv_xsave.xcr0_accum.BNDCSR", "BNDCSR", base.HEX, nil, 16)
declare("uint64", "pv_xsave.xcr0_accum.OPMASK", "OPMASK", base.HEX, nil, 32)
declare("uint64", "pv_xsave.xcr0_accum.ZMM", "ZMM", base.HEX, nil, 64)
declare("uint64", "pv_xsave.xcr0_accum.HI_ZMM", "HI_ZMM", base.HEX, nil, 128)
declare("uint64", "pv_xsave.xcr0_accum.PROC_TRACE", "PROC_TRACE", base.HEX, nil, 256)
declare("uint64", "pv_xsave.xcr0_accum.PKRU", "PKRU", base.HEX, nil, 512)
declare("uint64", "pv_xsave.xcr0_accum.PASID", "PASID", base.HEX, nil, 1024)
declare("uint64", "pv_xsave.xcr0_accum.CET_U", "CET_U", base.HEX, nil, 2048)
declare("uint64", "pv_xsave.xcr0_accum.CET_S", "CET_S", base.HEX, nil, 4096)
declare("uint64", "pv_xsave.xcr0_accum.HDC", "HDC", base.HEX, nil, 8192)
declare("uint64", "pv_xsave.xcr0_accum.UINTR", "UINTR", base.HEX, nil, 16384)
declare("uint64", "pv_xsave.xcr0_accum.LBR", "LBR", base.HEX, nil, 32768)
declare("uint64", "pv_xsave.xcr0_accum.HWP", "HWP", base.HEX, nil, 0x10000)
declare("uint64", "pv_xsave.xcr0_accum.TILE_CFG", "TILE_CFG", base.HEX, nil, 0x20000)
declare("uint64", "pv_xsave.xcr0_accum.TILE_DATA", "TILE_DATA", base.HEX, nil, 0x40000)
declare("uint64", "pv_xsave.xcr0_accum.LWP", "LWP", base.HEX)
declare("bytes", "pv_xsave.fpu_sse", "fpu_sse", base.SPACE, "As FXSAVE writes it")
declare(
    "uint64", "pv_xsave.xstate_bv", "xstate_bv", base.DEC_HEX, nil, nil, "States that are not in their first condition"
)
declare("uint64", "pv_xsave.xstate_bv.X87", "X87", base.HEX, nil, 1)
declare("uint64", "pv_xsave.xstate_bv.SSE", "SSE", base.HEX, nil, 2)
declare("uint64", "pv_xsave.xstate_bv.YMM", "YMM", base.HEX, nil, 4)
declare("uint64", "pv_xsave.xstate_bv.BNDREGS", "BNDREGS", base.HEX, nil, 8)
declare("uint64", "pv_xsave.xstate_bv.BNDCSR", "BNDCSR", base.HEX, nil, 16)
declare("uint64", "pv_xsave.xstate_bv.OPMASK", "OPMASK", base.HEX, nil, 32)
declare("uint64", "pv_xsave.xstate_bv.ZMM", "ZMM", base.HEX, nil, 64)
declare("uint64", "pv_xsave.xstate_bv.HI_ZMM", "HI_ZMM", base.HEX, nil, 128)
declare("uint64", "pv_xsave.xstate_bv.PROC_TRACE", "PROC_TRACE", base.HEX, nil, 256)
declare("uint64", "pv_xsave.xstate_bv.PKRU", "PKRU", base.HEX, nil, 512)
declare("uint64", "pv_xsave.xstate_bv.PASID", "PASID", base.HEX, nil, 1024)
declare("uint64", "pv_xsave.xstate_bv.CET_U", "CET_U", base.HEX, nil, 2048)
declare("uint64", "pv_xsave.xstate_bv.CET_S", "CET_S", base.HEX, nil, 4096)
declare("uint64", "pv_xsave.xstate_bv.HDC", "HDC", base.HEX, nil, 8192)
declare("uint64", "pv_xsave.xstate_bv.UINTR", "UINTR", base.HEX, nil, 16384)
declare("uint64", "pv_xsave.xstate_bv.LBR", "LBR", base.HEX, nil, 32768)
declare("uint64", "pv_xsave.xstate_bv.HWP", "HWP", base.HEX, nil, 0x10000)
declare("uint64", "pv_xsave.xstate_bv.TILE_CFG", "TILE_CFG", base.HEX, nil, 0x20000)
declare("uint64", "pv_xsave.xstate_bv.TILE_DATA", "TILE_DATA", base.HEX, nil, 0x40000)
declare("uint64", "pv_xsave.xstate_bv.LWP", "LWP", base.HEX)
declare(
    "uint64", "pv_xsave.xcomp_bv", "xcomp_bv", base.DEC_HEX, nil, nil,
    "Zero: the standard format, not the compacted one"
)
declare("bytes", "pv_xsave.components", "components", base.SPACE, "The other states")
declare("string", "shared_info_32.vcpu_info", "vcpu_info", base.NONE, "Of the first 32 processors")
declare(
    "uint8", "shared_info_32.vcpu_info.evtchn_upcall_pending", "evtchn_upcall_pending", base.DEC_HEX, nil, nil,
    "Whether an event waits"
)
declare(
    "uint8", "shared_info_32.vcpu_info.evtchn_upcall_mask", "evtchn_upcall_mask", base.DEC_HEX, nil, nil,
    "Whether events are masked"
)
declare(
    "uint32", "shared_info_32.vcpu_info.evtchn_pending_sel", "evtchn_pending_sel", base.DEC_HEX, nil, nil,
    "Which words of pending events to look at"
)
declare("uint32", "shared_info_32.vcpu_info.cr2", "cr2", base.DEC_HEX, nil, nil, "struct arch_vcpu_info")
declare(
    "uint32", "shared_info_32.vcpu_info.time_version", "time_version", base.DEC_HEX, nil, nil,
    "Odd while the times are changed"
)
declare(
    "uint64", "shared_info_32.vcpu_info.tsc_timestamp", "tsc_timestamp", base.DEC_HEX, nil, nil, "struct vcpu_time_info"
)
declare(
    "uint64", "shared_info_32.vcpu_info.system_time", "system_time", base.DEC_HEX, nil, nil, "struct vcpu_time_info"
)
declare(
    "uint32", "shared_info_32.vcpu_info.tsc_to_system_mul", "tsc_to_system_mul", base.DEC_HEX, nil, nil,
    "struct vcpu_time_info"
)
declare("uint8", "shared_info_32.vcpu_info.tsc_shift", "tsc_shift", base.DEC_HEX, nil, nil, "struct vcpu_time_info")
declare("uint8", "shared_info_32.vcpu_info.time_flags", "time_flags", base.DEC_HEX, nil, nil, "XEN_PVCLOCK_*")
declare("uint8", "shared_info_32.vcpu_info.time_flags.TSC_STABLE", "TSC_STABLE", base.HEX, nil, 1)
declare("uint8", "shared_info_32.vcpu_info.time_flags.GUEST_STOPPED", "GUEST_STOPPED", base.HEX, nil, 2)
declare("bytes", "shared_info_32.evtchn_pending", "evtchn_pending", base.SPACE, "Events that wait")
declare("bytes", "shared_info_32.evtchn_mask", "evtchn_mask", base.SPACE, "Events that are masked")
declare(
    "uint32", "shared_info_32.wc_version", "wc_version", base.DEC_HEX, nil, nil, "Odd while the wall clock is changed"
)
declare(
    "uint32", "shared_info_32.wc_sec", "wc_sec", base.DEC_HEX, nil, nil,
    "Wall clock when the system time was 0, s since the epoch"
)
declare("uint32", "shared_info_32.wc_nsec", "wc_nsec", base.DEC_HEX, nil, nil, "The same, ns")
declare("uint32", "shared_info_32.max_pfn", "max_pfn", base.DEC_HEX, nil, nil, "struct arch_shared_info")
declare(
    "uint32", "shared_info_32.pfn_to_mfn_frame_list_list", "pfn_to_mfn_frame_list_list", base.DEC_HEX, nil, nil,
    "struct arch_shared_info"
)
declare("uint32", "shared_info_32.nmi_reason", "nmi_reason", base.DEC_HEX, nil, nil, "struct arch_shared_info")
declare("uint32", "shared_info_32.p2m_cr3", "p2m_cr3", base.DEC_HEX, nil, nil, "struct arch_shared_info")
declare("uint32", "shared_info_32.p2m_vaddr", "p2m_vaddr", base.DEC_HEX, nil, nil, "struct arch_shared_info")
declare("uint32", "shared_info_32.p2m_generation", "p2m_generation", base.DEC_HEX, nil, nil, "struct arch_shared_info")
declare("uint32", "shared_info_32.wc_sec_hi", "wc_sec_hi", base.DEC_HEX, nil, nil, "Upper half of wc_sec")
declare("string", "shared_info_64.vcpu_info", "vcpu_info", base.NONE, "Of the first 32 processors")
declare(
    "uint8", "shared_info_64.vcpu_info.evtchn_upcall_pending", "evtchn_upcall_pending", base.DEC_HEX, nil, nil,
    "Whether an event waits"
)
declare(
    "uint8", "shared_info_64.vcpu_info.evtchn_upcall_mask", "evtchn_upcall_mask", base.DEC_HEX, nil, nil,
    "Whether events are masked"
)
declare(
    "uint64", "shared_info_64.vcpu_info.evtchn_pending_sel", "evtchn_pending_sel", base.DEC_HEX, nil, nil,
    "Which words of pending events to look at"
)
declare("uint64", "shared_info_64.vcpu_info.cr2", "cr2", base.DEC_HEX, nil, nil, "struct arch_vcpu_info")
declare(
    "uint32", "shared_info_64.vcpu_info.time_version", "time_version", base.DEC_HEX, nil, nil,
    "Odd while the times are changed"
)
declare(
    "uint64", "shared_info_64.vcpu_info.tsc_timestamp", "tsc_timestamp", base.DEC_HEX, nil, nil, "struct vcpu_time_info"
)
declare(
    "uint64", "shared_info_64.vcpu_info.system_time", "system_time", base.DEC_HEX, nil, nil, "struct vcpu_time_info"
)
declare(
    "uint32", "shared_info_64.vcpu_info.tsc_to_system_mul", "tsc_to_system_mul", base.DEC_HEX, nil, nil,
    "struct vcpu_time_info"
)
declare("uint8", "shared_info_64.vcpu_info.tsc_shift", "tsc_shift", base.DEC_HEX, nil, nil, "struct vcpu_time_info")
declare("uint8", "shared_info_64.vcpu_info.time_flags", "time_flags", base.DEC_HEX, nil, nil, "XEN_PVCLOCK_*")
declare("uint8", "shared_info_64.vcpu_info.time_flags.TSC_STABLE", "TSC_STABLE", base.HEX, nil, 1)
declare("uint8", "shared_info_64.vcpu_info.time_flags.GUEST_STOPPED", "GUEST_STOPPED", base.HEX, nil, 2)
declare("bytes", "shared_info_64.evtchn_pending", "evtchn_pending", base.SPACE, "Events that wait")
declare("bytes", "shared_info_64.evtchn_mask", "evtchn_mask", base.SPACE, "Events that are masked")
declare(
    "uint32", "shared_info_64.wc_version", "wc_version", base.DEC_HEX, nil, nil, "Odd while the wall clock is changed"
)
declare(
    "uint32", "shared_info_64.wc_sec", "wc_sec", base.DEC_HEX, nil, nil,
    "Wall clock when the system time was 0, s since the epoch"
)
declare("uint32", "shared_info_64.wc_nsec", "wc_nsec", base.DEC_HEX, nil, nil, "The same, ns")
declare("uint32", "shared_info_64.wc_sec_hi", "wc_sec_hi", base.DEC_HEX, nil, nil, "Upper half of wc_sec")
declare("uint64", "shared_info_64.max_pfn", "max_pfn", base.DEC_HEX, nil, nil, "struct arch_shared_info")
declare(
    "uint64", "shared_info_64.pfn_to_mfn_frame_list_list", "pfn_to_mfn_frame_list_list", base.DEC_HEX, nil, nil,
    "struct arch_shared_info"
)
declare("uint64", "shared_info_64.nmi_reason", "nmi_reason", base.DEC_HEX, nil, nil, "struct arch_shared_info")
declare("uint64", "shared_info_64.p2m_cr3", "p2m_cr3", base.DEC_HEX, nil, nil, "struct arch_shared_info")
declare("uint64", "shared_info_64.p2m_vaddr", "p2m_vaddr", base.DEC_HEX, nil, nil, "struct arch_shared_info")
declare("uint64", "shared_info_64.p2m_generation", "p2m_generation", base.DEC_HEX, nil, nil, "struct arch_shared_info")
declare("uint32", "hvm_header.magic", "magic", base.DEC_HEX, nil, nil, "HVM_FILE_MAGIC")
declare("uint32", "hvm_header.version", "version", base.DEC_HEX, nil, nil, "HVM_FILE_VERSION")
declare(
    "uint64", "hvm_header.changeset", "changeset", base.DEC_HEX, nil, nil, "Of the Xen that saved it; all ones: unknown"
)
declare("uint32", "hvm_header.cpuid", "cpuid", base.DEC_HEX, nil, nil, "CPUID leaf 1, EAX, of the host that saved it")
declare("uint32", "hvm_header.gtsc_khz", "gtsc_khz", base.DEC_HEX, nil, nil, "Frequency of the guest's TSC, kHz")
declare("bytes", "hvm_cpu.fpu_regs", "fpu_regs", base.SPACE, "As FXSAVE writes it")
declare("uint64", "hvm_cpu.rax", "rax", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.rbx", "rbx", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.rcx", "rcx", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.rdx", "rdx", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.rbp", "rbp", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.rsi", "rsi", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.rdi", "rdi", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.rsp", "rsp", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.r8", "r8", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.r9", "r9", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.r10", "r10", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.r11", "r11", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.r12", "r12", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.r13", "r13", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.r14", "r14", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.r15", "r15", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.rip", "rip", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.rflags", "rflags", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.rflags.CF", "CF", base.HEX, nil, 1)
declare("uint64", "hvm_cpu.rflags.MBS", "MBS", base.HEX, nil, 2)
declare("uint64", "hvm_cpu.rflags.PF", "PF", base.HEX, nil, 4)
declare("uint64", "hvm_cpu.rflags.AF", "AF", base.HEX, nil, 16)
declare("uint64", "hvm_cpu.rflags.ZF", "ZF", base.HEX, nil, 64)
declare("uint64", "hvm_cpu.rflags.SF", "SF", base.HEX, nil, 128)
declare("uint64", "hvm_cpu.rflags.TF", "TF", base.HEX, nil, 256)
declare("uint64", "hvm_cpu.rflags.IF", "IF", base.HEX, nil, 512)
declare("uint64", "hvm_cpu.rflags.DF", "DF", base.HEX, nil, 1024)
declare("uint64", "hvm_cpu.rflags.OF", "OF", base.HEX, nil, 2048)
declare("uint64", "hvm_cpu.rflags.NT", "NT", base.HEX, nil, 16384)
declare("uint64", "hvm_cpu.rflags.RF", "RF", base.HEX, nil, 0x10000)
declare("uint64", "hvm_cpu.rflags.VM", "VM", base.HEX, nil, 0x20000)
declare("uint64", "hvm_cpu.rflags.AC", "AC", base.HEX, nil, 0x40000)
declare("uint64", "hvm_cpu.rflags.VIF", "VIF", base.HEX, nil, 0x80000)
declare("uint64", "hvm_cpu.rflags.VIP", "VIP", base.HEX, nil, 0x100000)
declare("uint64", "hvm_cpu.rflags.ID", "ID", base.HEX, nil, 0x200000)
declare("uint64", "hvm_cpu.rflags.IOPL", "IOPL", base.HEX, nil, 12288)
declare("uint64", "hvm_cpu.cr0", "cr0", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.cr0.PE", "PE", base.HEX, nil, 1)
declare("uint64", "hvm_cpu.cr0.MP", "MP", base.HEX, nil, 2)
declare("uint64", "hvm_cpu.cr0.EM", "EM", base.HEX, nil, 4)
declare("uint64", "hvm_cpu.cr0.TS", "TS", base.HEX, nil, 8)
declare("uint64", "hvm_cpu.cr0.ET", "ET", base.HEX, nil, 16)
declare("uint64", "hvm_cpu.cr0.NE", "NE", base.HEX, nil, 32)
declare("uint64", "hvm_cpu.cr0.WP", "WP", base.HEX, nil, 0x10000)
declare("uint64", "hvm_cpu.cr0.AM", "AM", base.HEX, nil, 0x40000)
declare("uint64", "hvm_cpu.cr0.NW", "NW", base.HEX, nil, 0x20000000)
declare("uint64", "hvm_cpu.cr0.CD", "CD", base.HEX, nil, 0x40000000)
declare("uint64", "hvm_cpu.cr0.PG", "PG", base.HEX, nil, 0x80000000)
declare("uint64", "hvm_cpu.cr2", "cr2", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.cr3", "cr3", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.cr4", "cr4", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.cr4.VME", "VME", base.HEX, nil, 1)
declare("uint64", "hvm_cpu.cr4.PVI", "PVI", base.HEX, nil, 2)
declare("uint64", "hvm_cpu.cr4.TSD", "TSD", base.HEX, nil, 4)
declare("uint64", "hvm_cpu.cr4.DE", "DE", base.HEX, nil, 8)
declare("uint64", "hvm_cpu.cr4.PSE", "PSE", base.HEX, nil, 16)
declare("uint64", "hvm_cpu.cr4.PAE", "PAE", base.HEX, nil, 32)
declare("uint64", "hvm_cpu.cr4.MCE", "MCE", base.HEX, nil, 64)
declare("uint64", "hvm_cpu.cr4.PGE", "PGE", base.HEX, nil, 128)
declare("uint64", "hvm_cpu.cr4.PCE", "PCE", base.HEX, nil, 256)
declare("uint64", "hvm_cpu.cr4.OSFXSR", "OSFXSR", base.HEX, nil, 512)
declare("uint64", "hvm_cpu.cr4.OSXMMEXCPT", "OSXMMEXCPT", base.HEX, nil, 1024)
declare("uint64", "hvm_cpu.cr4.UMIP", "UMIP", base.HEX, nil, 2048)
declare("uint64", "hvm_cpu.cr4.LA57", "LA57", base.HEX, nil, 4096)
declare("uint64", "hvm_cpu.cr4.VMXE", "VMXE", base.HEX, nil, 8192)
declare("uint64", "hvm_cpu.cr4.SMXE", "SMXE", base.HEX, nil, 16384)
declare("uint64", "hvm_cpu.cr4.FSGSBASE", "FSGSBASE", base.HEX, nil, 0x10000)
declare("uint64", "hvm_cpu.cr4.PCIDE", "PCIDE", base.HEX, nil, 0x20000)
declare("uint64", "hvm_cpu.cr4.OSXSAVE", "OSXSAVE", base.HEX, nil, 0x40000)
declare("uint64", "hvm_cpu.cr4.SMEP", "SMEP", base.HEX, nil, 0x100000)
declare("uint64", "hvm_cpu.cr4.SMAP", "SMAP", base.HEX, nil, 0x200000)
declare("uint64", "hvm_cpu.cr4.PKE", "PKE", base.HEX, nil, 0x400000)
declare("uint64", "hvm_cpu.cr4.CET", "CET", base.HEX, nil, 0x800000)
declare("uint64", "hvm_cpu.cr4.PKS", "PKS", base.HEX, nil, 0x1000000)
declare("uint64", "hvm_cpu.cr4.LASS", "LASS", base.HEX, nil, 0x8000000)
declare("uint64", "hvm_cpu.cr4.FRED", "FRED", base.HEX)
declare("uint64", "hvm_cpu.dr0", "dr0", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.dr1", "dr1", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.dr2", "dr2", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.dr3", "dr3", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.dr6", "dr6", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.dr6.B0", "B0", base.HEX, nil, 1)
declare("uint64", "hvm_cpu.dr6.B1", "B1", base.HEX, nil, 2)
declare("uint64", "hvm_cpu.dr6.B2", "B2", base.HEX, nil, 4)
declare("uint64", "hvm_cpu.dr6.B3", "B3", base.HEX, nil, 8)
declare("uint64", "hvm_cpu.dr6.BLD", "BLD", base.HEX, nil, 2048)
declare("uint64", "hvm_cpu.dr6.BD", "BD", base.HEX, nil, 8192)
declare("uint64", "hvm_cpu.dr6.BS", "BS", base.HEX, nil, 16384)
declare("uint64", "hvm_cpu.dr6.BT", "BT", base.HEX, nil, 32768)
declare("uint64", "hvm_cpu.dr6.RTM", "RTM", base.HEX, nil, 0x10000)
declare("uint64", "hvm_cpu.dr6.ones_4", "ones_4", base.HEX, nil, 2032)
declare("uint64", "hvm_cpu.dr6.ones_17", "ones_17", base.HEX, nil, 0xfffe0000)
declare("uint64", "hvm_cpu.dr7", "dr7", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.dr7.L0", "L0", base.HEX, nil, 1)
declare("uint64", "hvm_cpu.dr7.G0", "G0", base.HEX, nil, 2)
declare("uint64", "hvm_cpu.dr7.L1", "L1", base.HEX, nil, 4)
declare("uint64", "hvm_cpu.dr7.G1", "G1", base.HEX, nil, 8)
declare("uint64", "hvm_cpu.dr7.L2", "L2", base.HEX, nil, 16)
declare("uint64", "hvm_cpu.dr7.G2", "G2", base.HEX, nil, 32)
declare("uint64", "hvm_cpu.dr7.L3", "L3", base.HEX, nil, 64)
declare("uint64", "hvm_cpu.dr7.G3", "G3", base.HEX, nil, 128)
declare("uint64", "hvm_cpu.dr7.LE", "LE", base.HEX, nil, 256)
declare("uint64", "hvm_cpu.dr7.GE", "GE", base.HEX, nil, 512)
declare("uint64", "hvm_cpu.dr7.one", "one", base.HEX, nil, 1024)
declare("uint64", "hvm_cpu.dr7.RTM", "RTM", base.HEX, nil, 2048)
declare("uint64", "hvm_cpu.dr7.GD", "GD", base.HEX, nil, 8192)
declare("uint64", "hvm_cpu.dr7.RW0", "RW0", base.HEX, nil, 0x30000)
declare("uint64", "hvm_cpu.dr7.LEN0", "LEN0", base.HEX, nil, 0xc0000)
declare("uint64", "hvm_cpu.dr7.RW1", "RW1", base.HEX, nil, 0x300000)
declare("uint64", "hvm_cpu.dr7.LEN1", "LEN1", base.HEX, nil, 0xc00000)
declare("uint64", "hvm_cpu.dr7.RW2", "RW2", base.HEX, nil, 0x3000000)
declare("uint64", "hvm_cpu.dr7.LEN2", "LEN2", base.HEX, nil, 0xc000000)
declare("uint64", "hvm_cpu.dr7.RW3", "RW3", base.HEX, nil, 0x30000000)
declare("uint64", "hvm_cpu.dr7.LEN3", "LEN3", base.HEX, nil, 0xc0000000)
declare("uint32", "hvm_cpu.cs_sel", "cs_sel", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.ds_sel", "ds_sel", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.es_sel", "es_sel", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.fs_sel", "fs_sel", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.gs_sel", "gs_sel", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.ss_sel", "ss_sel", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.tr_sel", "tr_sel", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.ldtr_sel", "ldtr_sel", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.cs_limit", "cs_limit", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.ds_limit", "ds_limit", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.es_limit", "es_limit", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.fs_limit", "fs_limit", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.gs_limit", "gs_limit", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.ss_limit", "ss_limit", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.tr_limit", "tr_limit", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.ldtr_limit", "ldtr_limit", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.idtr_limit", "idtr_limit", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.gdtr_limit", "gdtr_limit", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.cs_base", "cs_base", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.ds_base", "ds_base", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.es_base", "es_base", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.fs_base", "fs_base", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.gs_base", "gs_base", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.ss_base", "ss_base", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.tr_base", "tr_base", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.ldtr_base", "ldtr_base", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.idtr_base", "idtr_base", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.gdtr_base", "gdtr_base", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.cs_arbytes", "cs_arbytes", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.cs_arbytes.S", "S", base.HEX, nil, 16)
declare("uint32", "hvm_cpu.cs_arbytes.P", "P", base.HEX, nil, 128)
declare("uint32", "hvm_cpu.cs_arbytes.AVL", "AVL", base.HEX, nil, 256)
declare("uint32", "hvm_cpu.cs_arbytes.L", "L", base.HEX, nil, 512)
declare("uint32", "hvm_cpu.cs_arbytes.DB", "DB", base.HEX, nil, 1024)
declare("uint32", "hvm_cpu.cs_arbytes.G", "G", base.HEX, nil, 2048)
declare("uint32", "hvm_cpu.cs_arbytes.type", "type", base.HEX, nil, 15)
declare("uint32", "hvm_cpu.cs_arbytes.DPL", "DPL", base.HEX, nil, 96)
declare("uint32", "hvm_cpu.ds_arbytes", "ds_arbytes", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.ds_arbytes.S", "S", base.HEX, nil, 16)
declare("uint32", "hvm_cpu.ds_arbytes.P", "P", base.HEX, nil, 128)
declare("uint32", "hvm_cpu.ds_arbytes.AVL", "AVL", base.HEX, nil, 256)
declare("uint32", "hvm_cpu.ds_arbytes.L", "L", base.HEX, nil, 512)
declare("uint32", "hvm_cpu.ds_arbytes.DB", "DB", base.HEX, nil, 1024)
declare("uint32", "hvm_cpu.ds_arbytes.G", "G", base.HEX, nil, 2048)
declare("uint32", "hvm_cpu.ds_arbytes.type", "type", base.HEX, nil, 15)
declare("uint32", "hvm_cpu.ds_arbytes.DPL", "DPL", base.HEX, nil, 96)
declare("uint32", "hvm_cpu.es_arbytes", "es_arbytes", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.es_arbytes.S", "S", base.HEX, nil, 16)
declare("uint32", "hvm_cpu.es_arbytes.P", "P", base.HEX, nil, 128)
declare("uint32", "hvm_cpu.es_arbytes.AVL", "AVL", base.HEX, nil, 256)
declare("uint32", "hvm_cpu.es_arbytes.L", "L", base.HEX, nil, 512)
declare("uint32", "hvm_cpu.es_arbytes.DB", "DB", base.HEX, nil, 1024)
declare("uint32", "hvm_cpu.es_arbytes.G", "G", base.HEX, nil, 2048)
declare("uint32", "hvm_cpu.es_arbytes.type", "type", base.HEX, nil, 15)
declare("uint32", "hvm_cpu.es_arbytes.DPL", "DPL", base.HEX, nil, 96)
declare("uint32", "hvm_cpu.fs_arbytes", "fs_arbytes", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.fs_arbytes.S", "S", base.HEX, nil, 16)
declare("uint32", "hvm_cpu.fs_arbytes.P", "P", base.HEX, nil, 128)
declare("uint32", "hvm_cpu.fs_arbytes.AVL", "AVL", base.HEX, nil, 256)
declare("uint32", "hvm_cpu.fs_arbytes.L", "L", base.HEX, nil, 512)
declare("uint32", "hvm_cpu.fs_arbytes.DB", "DB", base.HEX, nil, 1024)
declare("uint32", "hvm_cpu.fs_arbytes.G", "G", base.HEX, nil, 2048)
declare("uint32", "hvm_cpu.fs_arbytes.type", "type", base.HEX, nil, 15)
declare("uint32", "hvm_cpu.fs_arbytes.DPL", "DPL", base.HEX, nil, 96)
declare("uint32", "hvm_cpu.gs_arbytes", "gs_arbytes", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.gs_arbytes.S", "S", base.HEX, nil, 16)
declare("uint32", "hvm_cpu.gs_arbytes.P", "P", base.HEX, nil, 128)
declare("uint32", "hvm_cpu.gs_arbytes.AVL", "AVL", base.HEX, nil, 256)
declare("uint32", "hvm_cpu.gs_arbytes.L", "L", base.HEX, nil, 512)
declare("uint32", "hvm_cpu.gs_arbytes.DB", "DB", base.HEX, nil, 1024)
declare("uint32", "hvm_cpu.gs_arbytes.G", "G", base.HEX, nil, 2048)
declare("uint32", "hvm_cpu.gs_arbytes.type", "type", base.HEX, nil, 15)
declare("uint32", "hvm_cpu.gs_arbytes.DPL", "DPL", base.HEX, nil, 96)
declare("uint32", "hvm_cpu.ss_arbytes", "ss_arbytes", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.ss_arbytes.S", "S", base.HEX, nil, 16)
declare("uint32", "hvm_cpu.ss_arbytes.P", "P", base.HEX, nil, 128)
declare("uint32", "hvm_cpu.ss_arbytes.AVL", "AVL", base.HEX, nil, 256)
declare("uint32", "hvm_cpu.ss_arbytes.L", "L", base.HEX, nil, 512)
declare("uint32", "hvm_cpu.ss_arbytes.DB", "DB", base.HEX, nil, 1024)
declare("uint32", "hvm_cpu.ss_arbytes.G", "G", base.HEX, nil, 2048)
declare("uint32", "hvm_cpu.ss_arbytes.type", "type", base.HEX, nil, 15)
declare("uint32", "hvm_cpu.ss_arbytes.DPL", "DPL", base.HEX, nil, 96)
declare("uint32", "hvm_cpu.tr_arbytes", "tr_arbytes", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.tr_arbytes.S", "S", base.HEX, nil, 16)
declare("uint32", "hvm_cpu.tr_arbytes.P", "P", base.HEX, nil, 128)
declare("uint32", "hvm_cpu.tr_arbytes.AVL", "AVL", base.HEX, nil, 256)
declare("uint32", "hvm_cpu.tr_arbytes.L", "L", base.HEX, nil, 512)
declare("uint32", "hvm_cpu.tr_arbytes.DB", "DB", base.HEX, nil, 1024)
declare("uint32", "hvm_cpu.tr_arbytes.G", "G", base.HEX, nil, 2048)
declare("uint32", "hvm_cpu.tr_arbytes.type", "type", base.HEX, nil, 15)
declare("uint32", "hvm_cpu.tr_arbytes.DPL", "DPL", base.HEX, nil, 96)
declare("uint32", "hvm_cpu.ldtr_arbytes", "ldtr_arbytes", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint32", "hvm_cpu.ldtr_arbytes.S", "S", base.HEX, nil, 16)
declare("uint32", "hvm_cpu.ldtr_arbytes.P", "P", base.HEX, nil, 128)
declare("uint32", "hvm_cpu.ldtr_arbytes.AVL", "AVL", base.HEX, nil, 256)
declare("uint32", "hvm_cpu.ldtr_arbytes.L", "L", base.HEX, nil, 512)
declare("uint32", "hvm_cpu.ldtr_arbytes.DB", "DB", base.HEX, nil, 1024)
declare("uint32", "hvm_cpu.ldtr_arbytes.G", "G", base.HEX, nil, 2048)
declare("uint32", "hvm_cpu.ldtr_arbytes.type", "type", base.HEX, nil, 15)
declare("uint32", "hvm_cpu.ldtr_arbytes.DPL", "DPL", base.HEX, nil, 96)
declare("uint64", "hvm_cpu.sysenter_cs", "sysenter_cs", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.sysenter_esp", "sysenter_esp", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.sysenter_eip", "sysenter_eip", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.shadow_gs", "shadow_gs", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.msr_flags", "msr_flags", base.DEC_HEX, nil, nil, "Reserved, zero")
declare("uint64", "hvm_cpu.msr_lstar", "msr_lstar", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.msr_star", "msr_star", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.msr_cstar", "msr_cstar", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.msr_syscall_mask", "msr_syscall_mask", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.msr_efer", "msr_efer", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.msr_efer.SCE", "SCE", base.HEX, nil, 1)
declare("uint64", "hvm_cpu.msr_efer.LME", "LME", base.HEX, nil, 256)
declare("uint64", "hvm_cpu.msr_efer.LMA", "LMA", base.HEX, nil, 1024)
declare("uint64", "hvm_cpu.msr_efer.NXE", "NXE", base.HEX, nil, 2048)
declare("uint64", "hvm_cpu.msr_efer.SVME", "SVME", base.HEX, nil, 4096)
declare("uint64", "hvm_cpu.msr_efer.FFXSE", "FFXSE", base.HEX, nil, 16384)
declare("uint64", "hvm_cpu.msr_efer.AIBRSE", "AIBRSE", base.HEX, nil, 0x200000)
declare("uint64", "hvm_cpu.msr_tsc_aux", "msr_tsc_aux", base.DEC_HEX, nil, nil, "struct hvm_hw_cpu")
declare("uint64", "hvm_cpu.tsc", "tsc", base.DEC_HEX, nil, nil, "What RDTSC would return")
declare(
    "uint32", "hvm_cpu.pending_event", "pending_event", base.DEC_HEX, nil, nil,
    "The event that is to be delivered, if any"
)
declare("uint32", "hvm_cpu.pending_event.error_valid", "error_valid", base.HEX, nil, 2048)
declare("uint32", "hvm_cpu.pending_event.valid", "valid", base.HEX, nil, 0x80000000)
declare("uint32", "hvm_cpu.pending_event.vector", "vector", base.HEX, nil, 255)
declare("uint32", "hvm_cpu.pending_event.type", "type", base.HEX, nil, 1792, "X86_ET_*")
declare("uint32", "hvm_cpu.error_code", "error_code", base.DEC_HEX, nil, nil, "Its error code")
declare("uint32", "hvm_cpu.flags", "flags", base.DEC_HEX, nil, nil, "Whether the FPU's registers are to be loaded")
declare("uint32", "hvm_cpu.flags.INITIALISED", "INITIALISED", base.HEX, nil, 1)
declare("uint8", "hvm_pic.irr", "irr", base.DEC_HEX, nil, nil, "Interrupts that are requested, a bit each")
declare("uint8", "hvm_pic.imr", "imr", base.DEC_HEX, nil, nil, "Interrupts that are masked")
declare("uint8", "hvm_pic.isr", "isr", base.DEC_HEX, nil, nil, "Interrupts in service")
declare("uint8", "hvm_pic.irq_base", "irq_base", base.DEC_HEX, nil, nil, "Vector of its first interrupt")
declare(
    "uint8", "hvm_pic.init", "init", base.DEC_HEX, nil, nil, "How far its initialisation is, and the highest priority"
)
declare("uint8", "hvm_pic.init.init_state", "init_state", base.HEX, nil, 15)
declare("uint8", "hvm_pic.init.priority_add", "priority_add", base.HEX, nil, 240)
declare("uint8", "hvm_pic.modes", "modes", base.DEC_HEX, nil, nil, "Modes of operation")
declare("uint8", "hvm_pic.modes.readsel_isr", "readsel_isr", base.HEX, nil, 1)
declare("uint8", "hvm_pic.modes.poll", "poll", base.HEX, nil, 2)
declare("uint8", "hvm_pic.modes.auto_eoi", "auto_eoi", base.HEX, nil, 4)
declare("uint8", "hvm_pic.modes.rotate_on_auto_eoi", "rotate_on_auto_eoi", base.HEX, nil, 8)
declare("uint8", "hvm_pic.modes.special_fully_nested_mode", "special_fully_nested_mode", base.HEX, nil, 16)
declare("uint8", "hvm_pic.modes.special_mask_mode", "special_mask_mode", base.HEX, nil, 32)
declare("uint8", "hvm_pic.modes.is_master", "is_master", base.HEX, nil, 64)
declare("uint8", "hvm_pic.elcr", "elcr", base.DEC_HEX, nil, nil, "Which interrupts are level-triggered")
declare("uint8", "hvm_pic.int_output", "int_output", base.DEC_HEX, nil, nil, "Its output")
declare(
    "uint64", "hvm_ioapic.base_address", "base_address", base.DEC_HEX, nil, nil, "Where it is in the guest's memory"
)
declare("uint32", "hvm_ioapic.ioregsel", "ioregsel", base.DEC_HEX, nil, nil, "The register that is selected")
declare("uint32", "hvm_ioapic.id", "id", base.HEX, nil, nil, "Its number")
declare("uint64", "hvm_ioapic.redirtbl", "redirtbl", base.DEC_HEX)
declare("uint64", "hvm_ioapic.redirtbl.logical", "logical", base.HEX, nil, 2048)
declare("uint64", "hvm_ioapic.redirtbl.delivery_status", "delivery_status", base.HEX, nil, 4096)
declare("uint64", "hvm_ioapic.redirtbl.polarity", "polarity", base.HEX, nil, 8192)
declare("uint64", "hvm_ioapic.redirtbl.remote_irr", "remote_irr", base.HEX, nil, 16384)
declare("uint64", "hvm_ioapic.redirtbl.trig_mode", "trig_mode", base.HEX, nil, 32768)
declare("uint64", "hvm_ioapic.redirtbl.mask", "mask", base.HEX, nil, 0x10000)
declare("uint64", "hvm_ioapic.redirtbl.vector", "vector", base.HEX, nil, 255)
declare("uint64", "hvm_ioapic.redirtbl.delivery_mode", "delivery_mode", base.HEX, nil, 1792)
declare("uint64", "hvm_ioapic.redirtbl.dest_id", "dest_id", base.HEX)
declare("uint64", "hvm_lapic.apic_base_msr", "apic_base_msr", base.DEC_HEX, nil, nil, "The register APIC_BASE")
declare("uint64", "hvm_lapic.apic_base_msr.BSP", "BSP", base.HEX, nil, 256)
declare("uint64", "hvm_lapic.apic_base_msr.EXTD", "EXTD", base.HEX, nil, 1024)
declare("uint64", "hvm_lapic.apic_base_msr.ENABLE", "ENABLE", base.HEX, nil, 2048)
declare("uint64", "hvm_lapic.apic_base_msr.page", "page", base.HEX)
declare("uint32", "hvm_lapic.disabled", "disabled", base.DEC_HEX, nil, nil, "By whom it is disabled: VLAPIC_*_DISABLED")
declare("uint32", "hvm_lapic.disabled.SW", "SW", base.HEX, nil, 1)
declare("uint32", "hvm_lapic.disabled.HW", "HW", base.HEX, nil, 2)
declare("uint32", "hvm_lapic.timer_divisor", "timer_divisor", base.DEC_HEX, nil, nil, "Divisor of its timer")
declare("uint64", "hvm_lapic.tdt_msr", "tdt_msr", base.DEC_HEX, nil, nil, "The register TSC_DEADLINE")
declare("uint32", "hvm_lapic.pending_esr", "pending_esr", base.DEC_HEX, nil, nil, "Errors that are to be reported")
declare("uint32", "hvm_lapic_regs.ID", "ID", base.DEC_HEX, nil, nil, "APIC_ID")
declare("uint32", "hvm_lapic_regs.LVR", "LVR", base.DEC_HEX, nil, nil, "APIC_LVR")
declare("uint32", "hvm_lapic_regs.TASKPRI", "TASKPRI", base.DEC_HEX, nil, nil, "APIC_TASKPRI")
declare("uint32", "hvm_lapic_regs.ARBPRI", "ARBPRI", base.DEC_HEX, nil, nil, "APIC_ARBPRI")
declare("uint32", "hvm_lapic_regs.PROCPRI", "PROCPRI", base.DEC_HEX, nil, nil, "APIC_PROCPRI")
declare("uint32", "hvm_lapic_regs.EOI", "EOI", base.DEC_HEX, nil, nil, "APIC_EOI")
declare("uint32", "hvm_lapic_regs.RRR", "RRR", base.DEC_HEX, nil, nil, "APIC_RRR")
declare("uint32", "hvm_lapic_regs.LDR", "LDR", base.DEC_HEX, nil, nil, "APIC_LDR")
declare("uint32", "hvm_lapic_regs.DFR", "DFR", base.DEC_HEX, nil, nil, "APIC_DFR")
declare("uint32", "hvm_lapic_regs.SPIV", "SPIV", base.DEC_HEX, nil, nil, "APIC_SPIV")
declare("uint32", "hvm_lapic_regs.ISR0", "ISR0", base.DEC_HEX, nil, nil, "APIC_ISR")
declare("uint32", "hvm_lapic_regs.ISR1", "ISR1", base.DEC_HEX, nil, nil, "APIC_ISR")
declare("uint32", "hvm_lapic_regs.ISR2", "ISR2", base.DEC_HEX, nil, nil, "APIC_ISR")
declare("uint32", "hvm_lapic_regs.ISR3", "ISR3", base.DEC_HEX, nil, nil, "APIC_ISR")
declare("uint32", "hvm_lapic_regs.ISR4", "ISR4", base.DEC_HEX, nil, nil, "APIC_ISR")
declare("uint32", "hvm_lapic_regs.ISR5", "ISR5", base.DEC_HEX, nil, nil, "APIC_ISR")
declare("uint32", "hvm_lapic_regs.ISR6", "ISR6", base.DEC_HEX, nil, nil, "APIC_ISR")
declare("uint32", "hvm_lapic_regs.ISR7", "ISR7", base.DEC_HEX, nil, nil, "APIC_ISR")
declare("uint32", "hvm_lapic_regs.TMR0", "TMR0", base.DEC_HEX, nil, nil, "APIC_TMR")
declare("uint32", "hvm_lapic_regs.TMR1", "TMR1", base.DEC_HEX, nil, nil, "APIC_TMR")
declare("uint32", "hvm_lapic_regs.TMR2", "TMR2", base.DEC_HEX, nil, nil, "APIC_TMR")
declare("uint32", "hvm_lapic_regs.TMR3", "TMR3", base.DEC_HEX, nil, nil, "APIC_TMR")
declare("uint32", "hvm_lapic_regs.TMR4", "TMR4", base.DEC_HEX, nil, nil, "APIC_TMR")
declare("uint32", "hvm_lapic_regs.TMR5", "TMR5", base.DEC_HEX, nil, nil, "APIC_TMR")
declare("uint32", "hvm_lapic_regs.TMR6", "TMR6", base.DEC_HEX, nil, nil, "APIC_TMR")
declare("uint32", "hvm_lapic_regs.TMR7", "TMR7", base.DEC_HEX, nil, nil, "APIC_TMR")
declare("uint32", "hvm_lapic_regs.IRR0", "IRR0", base.DEC_HEX, nil, nil, "APIC_IRR")
declare("uint32", "hvm_lapic_regs.IRR1", "IRR1", base.DEC_HEX, nil, nil, "APIC_IRR")
declare("uint32", "hvm_lapic_regs.IRR2", "IRR2", base.DEC_HEX, nil, nil, "APIC_IRR")
declare("uint32", "hvm_lapic_regs.IRR3", "IRR3", base.DEC_HEX, nil, nil, "APIC_IRR")
declare("uint32", "hvm_lapic_regs.IRR4", "IRR4", base.DEC_HEX, nil, nil, "APIC_IRR")
declare("uint32", "hvm_lapic_regs.IRR5", "IRR5", base.DEC_HEX, nil, nil, "APIC_IRR")
declare("uint32", "hvm_lapic_regs.IRR6", "IRR6", base.DEC_HEX, nil, nil, "APIC_IRR")
declare("uint32", "hvm_lapic_regs.IRR7", "IRR7", base.DEC_HEX, nil, nil, "APIC_IRR")
declare("uint32", "hvm_lapic_regs.ESR", "ESR", base.DEC_HEX, nil, nil, "APIC_ESR")
declare("uint32", "hvm_lapic_regs.CMCI", "CMCI", base.DEC_HEX, nil, nil, "APIC_CMCI")
declare("uint32", "hvm_lapic_regs.ICR", "ICR", base.DEC_HEX, nil, nil, "APIC_ICR")
declare("uint32", "hvm_lapic_regs.ICR2", "ICR2", base.DEC_HEX, nil, nil, "APIC_ICR")
declare("uint32", "hvm_lapic_regs.LVTT", "LVTT", base.DEC_HEX, nil, nil, "APIC_LVTT")
declare("uint32", "hvm_lapic_regs.LVTTHMR", "LVTTHMR", base.DEC_HEX, nil, nil, "APIC_LVTTHMR")
declare("uint32", "hvm_lapic_regs.LVTPC", "LVTPC", base.DEC_HEX, nil, nil, "APIC_LVTPC")
declare("uint32", "hvm_lapic_regs.LVT0", "LVT0", base.DEC_HEX, nil, nil, "APIC_LVT")
declare("uint32", "hvm_lapic_regs.LVT1", "LVT1", base.DEC_HEX, nil, nil, "APIC_LVT")
declare("uint32", "hvm_lapic_regs.LVTERR", "LVTERR", base.DEC_HEX, nil, nil, "APIC_LVTERR")
declare("uint32", "hvm_lapic_regs.TMICT", "TMICT", base.DEC_HEX, nil, nil, "APIC_TMICT")
declare("uint32", "hvm_lapic_regs.TMCCT", "TMCCT", base.DEC_HEX, nil, nil, "APIC_TMCCT")
declare("uint32", "hvm_lapic_regs.TDCR", "TDCR", base.DEC_HEX, nil, nil, "APIC_TDCR")
declare("uint32", "hvm_lapic_regs.SELF_IPI", "SELF_IPI", base.DEC_HEX, nil, nil, "APIC_SELF_IPI")
declare("uint64", "hvm_pci_irq.wires", "wires", base.DEC_HEX)
declare("uint64", "hvm_isa_irq.wires", "wires", base.DEC_HEX, nil, nil, "Interrupt wires, a bit each")
declare("uint8", "hvm_pci_link.routes", "routes", base.DEC_HEX)
declare("string", "hvm_pit.channels", "channels", base.NONE, "Its counters")
declare("uint32", "hvm_pit.channels.count", "count", base.DEC_HEX, nil, nil, "struct hvm_hw_pit_channel")
declare(
    "uint16", "hvm_pit.channels.latched_count", "latched_count", base.DEC_HEX, nil, nil, "struct hvm_hw_pit_channel"
)
declare("uint8", "hvm_pit.channels.count_latched", "count_latched", base.DEC_HEX, nil, nil, "struct hvm_hw_pit_channel")
declare(
    "uint8", "hvm_pit.channels.status_latched", "status_latched", base.DEC_HEX, nil, nil, "struct hvm_hw_pit_channel"
)
declare("uint8", "hvm_pit.channels.status", "status", base.DEC_HEX, nil, nil, "struct hvm_hw_pit_channel")
declare("uint8", "hvm_pit.channels.read_state", "read_state", base.DEC_HEX, nil, nil, "struct hvm_hw_pit_channel")
declare("uint8", "hvm_pit.channels.write_state", "write_state", base.DEC_HEX, nil, nil, "struct hvm_hw_pit_channel")
declare("uint8", "hvm_pit.channels.write_latch", "write_latch", base.DEC_HEX, nil, nil, "struct hvm_hw_pit_channel")
declare("uint8", "hvm_pit.channels.rw_mode", "rw_mode", base.DEC_HEX, nil, nil, "struct hvm_hw_pit_channel")
declare("uint8", "hvm_pit.channels.mode", "mode", base.DEC_HEX, nil, nil, "struct hvm_hw_pit_channel")
declare("uint8", "hvm_pit.channels.bcd", "bcd", base.DEC_HEX, nil, nil, "struct hvm_hw_pit_channel")
declare("uint8", "hvm_pit.channels.gate", "gate", base.DEC_HEX, nil, nil, "struct hvm_hw_pit_channel")
declare("uint32", "hvm_pit.speaker_data_on", "speaker_data_on", base.DEC_HEX, nil, nil, "Whether the speaker sounds")
declare("bytes", "hvm_rtc.cmos_data", "cmos_data", base.SPACE, "Its registers")
declare("uint8", "hvm_rtc.cmos_index", "cmos_index", base.DEC_HEX, nil, nil, "The register that is selected")
declare("uint64", "hvm_rtc.rtc_offset", "rtc_offset", base.DEC_HEX, nil, nil, "Its distance from the host's time, s")
declare("uint64", "hvm_hpet.capability", "capability", base.DEC_HEX, nil, nil, "What it can do")
declare("uint64", "hvm_hpet.res0", "res0", base.DEC_HEX, nil, nil, "Reserved, zero")
declare("uint64", "hvm_hpet.config", "config", base.DEC_HEX, nil, nil, "Configuration")
declare("uint64", "hvm_hpet.res1", "res1", base.DEC_HEX, nil, nil, "Reserved, zero")
declare("uint64", "hvm_hpet.isr", "isr", base.DEC_HEX, nil, nil, "Interrupts that are active")
declare("uint64", "hvm_hpet.mc64", "mc64", base.DEC_HEX, nil, nil, "Main counter")
declare("uint64", "hvm_hpet.res3", "res3", base.DEC_HEX, nil, nil, "Reserved, zero")
declare("string", "hvm_hpet.timers", "timers", base.NONE, "Its timers")
declare("uint64", "hvm_hpet.timers.config", "config", base.DEC_HEX, nil, nil, "Configuration and capabilities")
declare("uint64", "hvm_hpet.timers.cmp", "cmp", base.DEC_HEX, nil, nil, "Comparator")
declare("uint64", "hvm_hpet.timers.fsb", "fsb", base.DEC_HEX, nil, nil, "Route of its message")
declare("uint64", "hvm_hpet.timers.res4", "res4", base.DEC_HEX, nil, nil, "Reserved, zero")
declare("uint64", "hvm_hpet.period", "period", base.DEC_HEX)
declare("uint32", "hvm_pmtimer.tmr_val", "tmr_val", base.DEC_HEX, nil, nil, "The counter")
declare("uint16", "hvm_pmtimer.pm1a_sts", "pm1a_sts", base.DEC_HEX, nil, nil, "Status register")
declare("uint16", "hvm_pmtimer.pm1a_en", "pm1a_en", base.DEC_HEX, nil, nil, "Enable register")
declare(
    "uint64", "hvm_mtrr.msr_pat_cr", "msr_pat_cr", base.DEC_HEX, nil, nil,
    "Memory types of the page attribute table, an octet each"
)
declare("uint64", "hvm_mtrr.physbase0", "physbase0", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.physmask0", "physmask0", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.physbase1", "physbase1", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.physmask1", "physmask1", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.physbase2", "physbase2", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.physmask2", "physmask2", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.physbase3", "physbase3", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.physmask3", "physmask3", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.physbase4", "physbase4", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.physmask4", "physmask4", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.physbase5", "physbase5", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.physmask5", "physmask5", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.physbase6", "physbase6", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.physmask6", "physmask6", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.physbase7", "physbase7", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.physmask7", "physmask7", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.fix64K_00000", "fix64K_00000", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.fix16K_80000", "fix16K_80000", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.fix16K_A0000", "fix16K_A0000", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.fix4K_C0000", "fix4K_C0000", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.fix4K_C8000", "fix4K_C8000", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.fix4K_D0000", "fix4K_D0000", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.fix4K_D8000", "fix4K_D8000", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.fix4K_E0000", "fix4K_E0000", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.fix4K_E8000", "fix4K_E8000", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.fix4K_F0000", "fix4K_F0000", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.fix4K_F8000", "fix4K_F8000", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare("uint64", "hvm_mtrr.msr_mtrr_cap", "msr_mtrr_cap", base.DEC_HEX, nil, nil, "struct hvm_hw_mtrr")
declare(
    "uint64", "hvm_mtrr.msr_mtrr_def_type", "msr_mtrr_def_type", base.DEC_HEX, nil, nil, "The type of all other memory"
)
declare("uint64", "hvm_mtrr.msr_mtrr_def_type.FE", "FE", base.HEX, nil, 1024)
declare("uint64", "hvm_mtrr.msr_mtrr_def_type.E", "E", base.HEX, nil, 2048)
declare("uint64", "hvm_mtrr.msr_mtrr_def_type.type", "type", base.HEX, nil, 255)
declare(
    "uint64", "hvm_viridian_domain.hypercall_gpa", "hypercall_gpa", base.DEC_HEX, nil, nil, "The page for hypercalls"
)
declare("uint64", "hvm_viridian_domain.hypercall_gpa.enabled", "enabled", base.HEX, nil, 1)
declare("uint64", "hvm_viridian_domain.hypercall_gpa.pfn", "pfn", base.HEX)
declare(
    "uint64", "hvm_viridian_domain.guest_os_id", "guest_os_id", base.DEC_HEX, nil, nil,
    "What system the guest says it is"
)
declare(
    "uint64", "hvm_viridian_domain.time_ref_count", "time_ref_count", base.DEC_HEX, nil, nil,
    "Reference counter, 100 ns"
)
declare(
    "uint64", "hvm_viridian_domain.reference_tsc", "reference_tsc", base.DEC_HEX, nil, nil,
    "The page for the reference TSC"
)
declare("uint64", "hvm_viridian_domain.reference_tsc.enabled", "enabled", base.HEX, nil, 1)
declare("uint64", "hvm_viridian_domain.reference_tsc.pfn", "pfn", base.HEX)
declare("uint64", "hvm_cpu_xsave.xfeature_mask", "xfeature_mask", base.DEC_HEX, nil, nil, "Of no meaning any more")
declare("uint64", "hvm_cpu_xsave.xfeature_mask.X87", "X87", base.HEX, nil, 1)
declare("uint64", "hvm_cpu_xsave.xfeature_mask.SSE", "SSE", base.HEX, nil, 2)
declare("uint64", "hvm_cpu_xsave.xfeature_mask.YMM", "YMM", base.HEX, nil, 4)
declare("uint64", "hvm_cpu_xsave.xfeature_mask.BNDREGS", "BNDREGS", base.HEX, nil, 8)
declare("uint64", "hvm_cpu_xsave.xfeature_mask.BNDCSR", "BNDCSR", base.HEX, nil, 16)
declare("uint64", "hvm_cpu_xsave.xfeature_mask.OPMASK", "OPMASK", base.HEX, nil, 32)
declare("uint64", "hvm_cpu_xsave.xfeature_mask.ZMM", "ZMM", base.HEX, nil, 64)
declare("uint64", "hvm_cpu_xsave.xfeature_mask.HI_ZMM", "HI_ZMM", base.HEX, nil, 128)
declare("uint64", "hvm_cpu_xsave.xfeature_mask.PROC_TRACE", "PROC_TRACE", base.HEX, nil, 256)
declare("uint64", "hvm_cpu_xsave.xfeature_mask.PKRU", "PKRU", base.HEX, nil, 512)
declare("uint64", "hvm_cpu_xsave.xfeature_mask.PASID", "PASID", base.HEX, nil, 1024)
declare("uint64", "hvm_cpu_xsave.xfeature_mask.CET_U", "CET_U", base.HEX, nil, 2048)
declare("uint64", "hvm_cpu_xsave.xfeature_mask.CET_S", "CET_S", base.HEX, nil, 4096)
declare("uint64", "hvm_cpu_xsave.xfeature_mask.HDC", "HDC", base.HEX, nil, 8192)
declare("uint64", "hvm_cpu_xsave.xfeature_mask.UINTR", "UINTR", base.HEX, nil, 16384)
declare("uint64", "hvm_cpu_xsave.xfeature_mask.LBR", "LBR", base.HEX, nil, 32768)
declare("uint64", "hvm_cpu_xsave.xfeature_mask.HWP", "HWP", base.HEX, nil, 0x10000)
declare("uint64", "hvm_cpu_xsave.xfeature_mask.TILE_CFG", "TILE_CFG", base.HEX, nil, 0x20000)
declare("uint64", "hvm_cpu_xsave.xfeature_mask.TILE_DATA", "TILE_DATA", base.HEX, nil, 0x40000)
declare("uint64", "hvm_cpu_xsave.xfeature_mask.LWP", "LWP", base.HEX)
declare("uint64", "hvm_cpu_xsave.xcr0", "xcr0", base.DEC_HEX, nil, nil, "States that are enabled")
declare("uint64", "hvm_cpu_xsave.xcr0.X87", "X87", base.HEX, nil, 1)
declare("uint64", "hvm_cpu_xsave.xcr0.SSE", "SSE", base.HEX, nil, 2)
declare("uint64", "hvm_cpu_xsave.xcr0.YMM", "YMM", base.HEX, nil, 4)
declare("uint64", "hvm_cpu_xsave.xcr0.BNDREGS", "BNDREGS", base.HEX, nil, 8)
declare("uint64", "hvm_cpu_xsave.xcr0.BNDCSR", "BNDCSR", base.HEX, nil, 16)
declare("uint64", "hvm_cpu_xsave.xcr0.OPMASK", "OPMASK", base.HEX, nil, 32)
declare("uint64", "hvm_cpu_xsave.xcr0.ZMM", "ZMM", base.HEX, nil, 64)
declare("uint64", "hvm_cpu_xsave.xcr0.HI_ZMM", "HI_ZMM", base.HEX, nil, 128)
declare("uint64", "hvm_cpu_xsave.xcr0.PROC_TRACE", "PROC_TRACE", base.HEX, nil, 256)
declare("uint64", "hvm_cpu_xsave.xcr0.PKRU", "PKRU", base.HEX, nil, 512)
declare("uint64", "hvm_cpu_xsave.xcr0.PASID", "PASID", base.HEX, nil, 1024)
declare("uint64", "hvm_cpu_xsave.xcr0.CET_U", "CET_U", base.HEX, nil, 2048)
declare("uint64", "hvm_cpu_xsave.xcr0.CET_S", "CET_S", base.HEX, nil, 4096)
declare("uint64", "hvm_cpu_xsave.xcr0.HDC", "HDC", base.HEX, nil, 8192)
declare("uint64", "hvm_cpu_xsave.xcr0.UINTR", "UINTR", base.HEX, nil, 16384)
declare("uint64", "hvm_cpu_xsave.xcr0.LBR", "LBR", base.HEX, nil, 32768)
declare("uint64", "hvm_cpu_xsave.xcr0.HWP", "HWP", base.HEX, nil, 0x10000)
declare("uint64", "hvm_cpu_xsave.xcr0.TILE_CFG", "TILE_CFG", base.HEX, nil, 0x20000)
declare("uint64", "hvm_cpu_xsave.xcr0.TILE_DATA", "TILE_DATA", base.HEX, nil, 0x40000)
declare("uint64", "hvm_cpu_xsave.xcr0.LWP", "LWP", base.HEX)
declare("uint64", "hvm_cpu_xsave.xcr0_accum", "xcr0_accum", base.DEC_HEX, nil, nil, "States that ever were")
declare("uint64", "hvm_cpu_xsave.xcr0_accum.X87", "X87", base.HEX, nil, 1)
declare("uint64", "hvm_cpu_xsave.xcr0_accum.SSE", "SSE", base.HEX, nil, 2)
declare("uint64", "hvm_cpu_xsave.xcr0_accum.YMM", "YMM", base.HEX, nil, 4)
declare("uint64", "hvm_cpu_xsave.xcr0_accum.BNDREGS", "BNDREGS", base.HEX, nil, 8)
declare("uint64", "hvm_cpu_xsave.xcr0_accum.BNDCSR", "BNDCSR", base.HEX, nil, 16)
declare("uint64", "hvm_cpu_xsave.xcr0_accum.OPMASK", "OPMASK", base.HEX, nil, 32)
declare("uint64", "hvm_cpu_xsave.xcr0_accum.ZMM", "ZMM", base.HEX, nil, 64)
declare("uint64", "hvm_cpu_xsave.xcr0_accum.HI_ZMM", "HI_ZMM", base.HEX, nil, 128)
declare("uint64", "hvm_cpu_xsave.xcr0_accum.PROC_TRACE", "PROC_TRACE", base.HEX, nil, 256)
declare("uint64", "hvm_cpu_xsave.xcr0_accum.PKRU", "PKRU", base.HEX, nil, 512)
declare("uint64", "hvm_cpu_xsave.xcr0_accum.PASID", "PASID", base.HEX, nil, 1024)
declare("uint64", "hvm_cpu_xsave.xcr0_accum.CET_U", "CET_U", base.HEX, nil, 2048)
declare("uint64", "hvm_cpu_xsave.xcr0_accum.CET_S", "CET_S", base.HEX, nil, 4096)
declare("uint64", "hvm_cpu_xsave.xcr0_accum.HDC", "HDC", base.HEX, nil, 8192)
declare("uint64", "hvm_cpu_xsave.xcr0_accum.UINTR", "UINTR", base.HEX, nil, 16384)
declare("uint64", "hvm_cpu_xsave.xcr0_accum.LBR", "LBR", base.HEX, nil, 32768)
declare("uint64", "hvm_cpu_xsave.xcr0_accum.HWP", "HWP", base.HEX, nil, 0x10000)
declare("uint64", "hvm_cpu_xsave.xcr0_accum.TILE_CFG", "TILE_CFG", base.HEX, nil, 0x20000)
declare("uint64", "hvm_cpu_xsave.xcr0_accum.TILE_DATA", "TILE_DATA", base.HEX, nil, 0x40000)
declare("uint64", "hvm_cpu_xsave.xcr0_accum.LWP", "LWP", base.HEX)
declare("bytes", "hvm_cpu_xsave.fpu_sse", "fpu_sse", base.SPACE, "As FXSAVE writes it")
declare(
    "uint64", "hvm_cpu_xsave.xstate_bv", "xstate_bv", base.DEC_HEX, nil, nil,
    "States that are not in their first condition"
)
declare("uint64", "hvm_cpu_xsave.xstate_bv.X87", "X87", base.HEX, nil, 1)
declare("uint64", "hvm_cpu_xsave.xstate_bv.SSE", "SSE", base.HEX, nil, 2)
declare("uint64", "hvm_cpu_xsave.xstate_bv.YMM", "YMM", base.HEX, nil, 4)
declare("uint64", "hvm_cpu_xsave.xstate_bv.BNDREGS", "BNDREGS", base.HEX, nil, 8)
declare("uint64", "hvm_cpu_xsave.xstate_bv.BNDCSR", "BNDCSR", base.HEX, nil, 16)
declare("uint64", "hvm_cpu_xsave.xstate_bv.OPMASK", "OPMASK", base.HEX, nil, 32)
declare("uint64", "hvm_cpu_xsave.xstate_bv.ZMM", "ZMM", base.HEX, nil, 64)
declare("uint64", "hvm_cpu_xsave.xstate_bv.HI_ZMM", "HI_ZMM", base.HEX, nil, 128)
declare("uint64", "hvm_cpu_xsave.xstate_bv.PROC_TRACE", "PROC_TRACE", base.HEX, nil, 256)
declare("uint64", "hvm_cpu_xsave.xstate_bv.PKRU", "PKRU", base.HEX, nil, 512)
declare("uint64", "hvm_cpu_xsave.xstate_bv.PASID", "PASID", base.HEX, nil, 1024)
declare("uint64", "hvm_cpu_xsave.xstate_bv.CET_U", "CET_U", base.HEX, nil, 2048)
declare("uint64", "hvm_cpu_xsave.xstate_bv.CET_S", "CET_S", base.HEX, nil, 4096)
declare("uint64", "hvm_cpu_xsave.xstate_bv.HDC", "HDC", base.HEX, nil, 8192)
declare("uint64", "hvm_cpu_xsave.xstate_bv.UINTR", "UINTR", base.HEX, nil, 16384)
declare("uint64", "hvm_cpu_xsave.xstate_bv.LBR", "LBR", base.HEX, nil, 32768)
declare("uint64", "hvm_cpu_xsave.xstate_bv.HWP", "HWP", base.HEX, nil, 0x10000)
declare("uint64", "hvm_cpu_xsave.xstate_bv.TILE_CFG", "TILE_CFG", base.HEX, nil, 0x20000)
declare("uint64", "hvm_cpu_xsave.xstate_bv.TILE_DATA", "TILE_DATA", base.HEX, nil, 0x40000)
declare("uint64", "hvm_cpu_xsave.xstate_bv.LWP", "LWP", base.HEX)
declare(
    "uint64", "hvm_cpu_xsave.xcomp_bv", "xcomp_bv", base.DEC_HEX, nil, nil,
    "Zero: the standard format, not the compacted one"
)
declare("bytes", "hvm_cpu_xsave.components", "components", base.SPACE, "The other states")
declare("uint64", "hvm_viridian_vcpu.vp_assist_msr", "vp_assist_msr", base.DEC_HEX, nil, nil, "The page for assistance")
declare("uint64", "hvm_viridian_vcpu.vp_assist_msr.enabled", "enabled", base.HEX, nil, 1)
declare("uint64", "hvm_viridian_vcpu.vp_assist_msr.pfn", "pfn", base.HEX)
declare(
    "uint8", "hvm_viridian_vcpu.apic_assist_pending", "apic_assist_pending", base.DEC_HEX, nil, nil,
    "Whether an end of interrupt may be left out"
)
declare("uint64", "hvm_viridian_vcpu.simp_msr", "simp_msr", base.DEC_HEX, nil, nil, "The page for messages")
declare("uint64", "hvm_viridian_vcpu.simp_msr.enabled", "enabled", base.HEX, nil, 1)
declare("uint64", "hvm_viridian_vcpu.simp_msr.pfn", "pfn", base.HEX)
declare("uint64", "hvm_viridian_vcpu.sint_msr", "sint_msr", base.DEC_HEX)
declare("uint64", "hvm_viridian_vcpu.stimer_config_msr", "stimer_config_msr", base.DEC_HEX)
declare("uint64", "hvm_viridian_vcpu.stimer_count_msr", "stimer_count_msr", base.DEC_HEX)
declare("uint64", "hvm_vmce_vcpu.caps", "caps", base.DEC_HEX, nil, nil, "struct hvm_vmce_vcpu")
declare("uint64", "hvm_vmce_vcpu.mci_ctl2_bank0", "mci_ctl2_bank0", base.DEC_HEX, nil, nil, "struct hvm_vmce_vcpu")
declare("uint64", "hvm_vmce_vcpu.mci_ctl2_bank1", "mci_ctl2_bank1", base.DEC_HEX, nil, nil, "struct hvm_vmce_vcpu")
declare("uint64", "hvm_vmce_vcpu.mcg_ext_ctl", "mcg_ext_ctl", base.DEC_HEX, nil, nil, "struct hvm_vmce_vcpu")
declare("uint64", "hvm_tsc_adjust.tsc_adjust", "tsc_adjust", base.DEC_HEX, nil, nil, "The register TSC_ADJUST")
declare("uint32", "hvm_cpu_msr.count", "count", base.DEC_HEX, nil, nil, "How many registers")
declare("string", "hvm_cpu_msr.msr", "msr", base.NONE, "The registers")
declare("uint32", "hvm_cpu_msr.msr.index", "index", base.DEC_HEX, MSRS, nil, "The register's number")
declare("uint32", "hvm_cpu_msr.msr.rsvd", "rsvd", base.DEC_HEX, nil, nil, "Reserved, zero")
declare("uint64", "hvm_cpu_msr.msr.val", "val", base.DEC_HEX, nil, nil, "Its value")
declare("string", "pv_msrs.msrs", "msrs", base.NONE, "Registers")
declare("uint32", "pv_msrs.msrs.index", "index", base.DEC_HEX, MSRS, nil, "The register's number")
declare("uint32", "pv_msrs.msrs.reserved", "reserved", base.DEC_HEX, nil, nil, "Reserved, zero")
declare("uint64", "pv_msrs.msrs.value", "value", base.DEC_HEX, nil, nil, "Its value")

-- Python: what the translated functions use of it ---------------------------------------------------------------------

-- Lists, tuples: tables from 1 on. Sets: true by element. Dictionaries: tables, with None under NONE. Octets, texts:
-- strings. Enumerations: their names. Integers above 2^53: their hexadecimal digits.

local py = { NONE = {} }
do

local byte, floor, format, unpack = string.byte, math.floor, string.format, table.unpack
local DEQUE = {}
local sizes = setmetatable({}, { __mode = "k" }) -- of dictionaries that are written to

local classes = {} -- all of them, bases first

-- A class. With `fields` it is a NamedTuple or a dataclass: `make` makes a table of their values, in this order.
function py.class(name, fields, defaults, is_tuple, base, make)
    local getters = {}
    local class = { _class = name, _fields = fields, _defaults = defaults, _getters = getters, _base = base }
    local meta = { _class = name, _fields = is_tuple and fields }
    class._meta = meta
    function meta.__index(object, key)
        local getter = getters[key]
        if getter then return getter(object) end
        return class[key]
    end
    if is_tuple then
        meta.__eq = py.same
        function meta.__lt(one, other)
            for _, field in ipairs(fields) do
                if one[field] ~= other[field] then return one[field] < other[field] end
            end
            return false
        end
    end
    local function construct(_, ...)
        if make then return setmetatable(make(...), meta) end
        local object = setmetatable({}, meta)
        if class._init then class._init(object, ...) end
        return object
    end
    classes[#classes + 1] = class
    return setmetatable(class, { __call = construct })
end

-- Once all methods are there: each class has those of its base, and one without properties is looked into as a table.
function py.seal()
    for _, class in ipairs(classes) do
        local base = class._base or { _getters = {} }
        for key, method in pairs(base) do
            if class[key] == nil then class[key] = method end
        end
        for key, getter in pairs(base._getters) do class._getters[key] = class._getters[key] or getter end
        if not next(class._getters) then class._meta.__index = class end
    end
end

-- An object of a class with fields, from a table of their values.
function py.make(class, values)
    for field, default in pairs(class._defaults) do
        if values[field] == nil then values[field] = type(default) == "function" and default() or default end
    end
    return setmetatable(values, class._meta)
end

-- The same with other values in some fields, named in turns with them.
function py.with(object, ...)
    local copy = setmetatable(py.copy(object), getmetatable(object))
    for index = 1, select("#", ...), 2 do copy[(select(index, ...))] = (select(index + 1, ...)) end
    return copy
end

function py.update(object, values)
    local copy = setmetatable(py.copy(object), getmetatable(object))
    for key, value in pairs(values) do copy[key] = value end
    return copy
end


local KINDS = { int = "number", str = "string", list = "table", frozenset = "table" }

function py.is_a(object, one, other)
    local meta = getmetatable(object)
    local class = meta and meta._class
    if class then return class == one or class == other end
    return KINDS[one] == type(object)
end

function py.same(one, other)
    for key, value in pairs(one) do
        if value ~= other[key] then return false end
    end
    for key in pairs(other) do
        if one[key] == nil then return false end
    end
    return true
end

function py.truth(object)
    if not object or object == 0 or object == "" then return false end
    if type(object) ~= "table" or next(object) == nil then return type(object) ~= "table" end
    return getmetatable(object) ~= DEQUE or object.last >= object.first
end

function py.either(one, other) return py.truth(one) and one or other end

function py.len(object)
    if type(object) == "string" then return #object end
    if getmetatable(object) == DEQUE then return object.last - object.first + 1 end
    return sizes[object] or #object
end

function py.has(object, element)
    if type(object) == "string" then return py.find(object, element) >= 0 end
    if object.contains then return object:contains(element) end
    if object[element] == true or (type(element) == "string" and object[element] ~= nil) then return true end
    local is_tuple = type(element) == "table" and getmetatable(element) == nil
    for _, one in ipairs(object) do
        if one == element or (is_tuple and py.same(one, element)) then return true end
    end
    return false
end

function py.get(object, key, default)
    if key == nil then key = py.NONE end
    local value = object[key]
    if value == nil then return default end
    return value
end

function py.put(object, key, value)
    if object[key] == nil then sizes[object] = (sizes[object] or 0) + 1 end
    object[key] = value
end

function py.pop(object, key, default)
    local value = object[key]
    if value == nil then return default end
    object[key], sizes[object] = nil, (sizes[object] or 1) - 1
    return value
end

function py.setdefault(object, key, value)
    if object[key] == nil then py.put(object, key, value) end
    return object[key]
end

function py.clear(object)
    for key in pairs(object) do object[key] = nil end
    sizes[object] = nil
    if getmetatable(object) == DEQUE then object.first, object.last = 1, 0 end
end

function py.deque() return setmetatable({ first = 1, last = 0 }, DEQUE) end

function py.push(deque, element)
    deque.last = deque.last + 1
    deque[deque.last] = element
end

function py.popleft(deque)
    local element = deque[deque.first]
    deque[deque.first], deque.first = nil, deque.first + 1
    return element
end

function py.nth(deque, index) return deque[index < 0 and deque.last + 1 + index or deque.first + index] end

function py.at(object, index)
    if type(object) == "string" then return byte(object, index < 0 and index or index + 1) end
    local fields = getmetatable(object) and getmetatable(object)._fields
    if fields then return object[fields[index + 1]] end
    return object[index < 0 and #object + 1 + index or index + 1]
end

function py.unpack(object)
    local fields = getmetatable(object) and getmetatable(object)._fields
    if not fields then return unpack(object, 1, 6) end
    local values = {}
    for index, field in ipairs(fields) do values[index] = object[field] end
    return unpack(values, 1, #fields)
end

function py.slice(object, from, to)
    if type(object) == "string" then return object:sub(from + 1, to or -1) end
    return { unpack(object, from + 1, to) }
end

function py.find(text, needle, from, to)
    if type(needle) == "number" then needle = string.char(needle) end
    local at = text:find(needle, (from or 0) + 1, true)
    return at and (not to or at - 1 + #needle <= to) and at - 1 or -1
end

function py.startswith(text, beginning, at) return text:sub((at or 0) + 1, (at or 0) + #beginning) == beginning end

function py.decode(text) return (text:gsub("[\128-\255]", function(one) return format("\\x%02x", byte(one)) end)) end
function py.rstrip(text, octets) return (text:gsub("[" .. octets:gsub("%z", "%%z") .. "]+$", "")) end

function py.partition(text, separator)
    local from, to = text:find(separator, 1, true)
    return from and { text:sub(1, from - 1), separator, text:sub(to + 1) } or { text, "", "" }
end

function py.repr(text)
    local inside = text:gsub("\n", "\\n"):gsub("[^ -~]", function(one) return format("\\x%02x", byte(one)) end)
    return "'" .. inside .. "'"
end

function py.hex(octets, separator)
    separator = separator or ""
    return (octets:gsub(".", function(one) return format("%02x", byte(one)) .. separator end):sub(1, -1 - #separator))
end

-- The unsigned integer of `size` octets from one on.
local function integer(octets, at, size, endianness)
    local value = 0
    if size == 4 then
        local a, b, c, d = byte(octets, at + 1, at + 4)
        if endianness == "big" then return ((a * 256 + b) * 256 + c) * 256 + d end
        return ((d * 256 + c) * 256 + b) * 256 + a
    end
    for index = 1, size do
        value = value * 256 + byte(octets, endianness == "big" and at + index or at + size + 1 - index)
    end
    return value
end

function py.uint(octets, endianness) return integer(octets, 0, #octets, endianness) end

function py.to_bytes(value, size, endianness)
    local octets = {}
    for index = 1, size do
        octets[endianness == "big" and size + 1 - index or index] = string.char(value % 256)
        value = floor(value / 256)
    end
    return table.concat(octets)
end

-- What Python's struct knows of integers of these sizes, in a row: how many octets they take, and how they are read.
function py.struct(endianness, widths)
    local function unpack_from(octets, at)
        local values = {}
        at = at or 0
        for index, width in ipairs(widths) do
            values[index] = integer(octets, at, width, endianness)
            at = at + width
        end
        return values
    end
    return { size = py.sum(widths, function(width) return width end), unpack_from = unpack_from }
end

function py.band(one, other) return bit.band(one, other) % 4294967296 end

-- A number without one of its bits.
function py.without(value, mask) return floor(value / mask) % 2 == 1 and value - mask or value end

-- A function of one argument that is asked once for each.
function py.cached(make)
    local known = {}
    return function(one)
        if known[one] == nil then known[one] = make(one) end
        return known[one]
    end
end

-- Lists

-- What a function makes of each element; nothing of those for which it gives nil.
function py.map(list, make)
    local made = {}
    for _, one in ipairs(list) do made[#made + 1] = make(one) end
    return made
end

function py.filter(test, list) return py.map(list, function(one) return test(one) and one or nil end) end

function py.first(list, make)
    for _, one in ipairs(list) do
        local made = make(one)
        if made ~= nil then return made end
    end
    return nil
end

function py.any(list, test)
    if type(list) == "string" then return list:find("[^%z]") ~= nil end
    return py.first(list, function(one) return test(one) or nil end) ~= nil
end

function py.all(list, test)
    if type(list) == "string" then
        for at = 1, #list do
            if not test(byte(list, at)) then return false end
        end
        return true
    end
    return py.first(list, function(one) return not test(one) or nil end) == nil
end

function py.sum(list, make)
    local total = 0
    for _, one in ipairs(list) do
        local made = make(one) or 0
        total = total + (made == true and 1 or made)
    end
    return total
end

function py.sorted(list, key)
    local sorted = py.map(list, function(one) return one end)
    table.sort(sorted, key and function(one, other) return key(one) < key(other) end)
    return sorted
end

function py.remove(list, element) table.remove(list, py.index(list, element) + 1) end
function py.max(list) return math.max(unpack(list)) end
function py.min(list) return list[1] and math.min(unpack(list)) end

function py.extend(list, more)
    for _, one in ipairs(more) do list[#list + 1] = one end
end

function py.concat(...)
    local whole = {}
    for index = 1, select("#", ...) do py.extend(whole, (select(index, ...))) end
    return whole
end

function py.range(from, to)
    if not to then from, to = 0, from end
    local list = {}
    for value = from, to - 1 do list[#list + 1] = value end
    return list
end

function py.index(list, element)
    for index, one in ipairs(list) do
        if one == element then return index - 1 end
    end
    return nil
end

-- Sets and dictionaries

function py.set(list)
    local set = {}
    for _, one in ipairs(list) do set[one] = true end
    return set
end

function py.copy(object)
    local copy = {}
    for key, value in pairs(object) do copy[key] = value end
    return copy
end

function py.isdisjoint(one, list) return not py.any(list, function(element) return one[element] end) end

function py.keys(object)
    local keys = {}
    for key in pairs(object) do keys[#keys + 1] = key end
    return keys
end

function py.items(object) return py.map(py.keys(object), function(key) return { key, object[key] } end) end

function py.dict(pairs_)
    local dict = {}
    for _, pair in ipairs(pairs_) do dict[pair[1]] = pair[2] end
    return dict
end

-- Texts

-- A number with its last digits in groups of three.
local function grouped(value)
    local digits = format("%.0f", value):reverse():gsub("(%d%d%d)", "%1,"):reverse()
    return (digits:gsub("^,", ""))
end

-- Where a C long has 32 bits Lua 5.2 formats no larger number.
local function hexadecimal(value)
    local low = value % 4294967296
    return low == value and format("%x", value) or format("%x%08x", floor(value / 4294967296), low)
end

-- A value in one of the forms that templates have: ",", "x" with zeros and a width before it, ".3f"; any of these, or
-- none, with ">" or "<" and a width before it.
function py.format(value, form)
    local side, size, rest = form:match("^([<>])(%d+)(.*)$")
    if side then return format("%" .. (side == "<" and "-" or "") .. size .. "s", py.format(value, rest)) end
    if form == "" then return py.str(value) end
    if form == "," then return grouped(value) end
    if form:sub(-1) == "f" then return format("%" .. form, value) end
    local prefix, width = form:match("^(#?)0?(%d*)x$")
    local digits = type(value) == "string" and value or hexadecimal(value)
    return (prefix == "#" and "0x" or "") .. ("0"):rep((tonumber(width) or 0) - #digits) .. digits
end

function py.str(value)
    if value == nil then return "None" end
    return type(value) == "number" and format("%.0f", value) or tostring(value)
end

-- The text of a template, with values by name.
function py.fill(template, values)
    return (template:gsub("{([%w_]+):?([^}]*)}", function(name, form)
        local value = values[name]
        if value == nil then value = values[name .. "_"] end -- the name is a word of Lua
        return py.format(value, form)
    end))
end

end

-- Classes: of the translated modules ----------------------------------------------------------------------------------

local events = {}
local facts_directions = {}
local facts_endings = {}
local facts_faults = {}
local facts_links = {}
local facts_migration = {}
local facts_roles = {}
local facts_static_data = {}
local parser_confidence = {}
local parser_conversation = {}
local parser_cursor = {}
local parser_direction = {}
local parser_entries = {}
local parser_item = {}
local parser_resync = {}
local parser_steps = {}
local protocol_containers = {}
local protocol_cpuid = {}
local protocol_libvirt = {}
local protocol_libxc = {}
local protocol_libxc_records = {}
local protocol_libxl = {}
local protocol_qemu = {}
local protocol_qemu_description = {}
local protocol_specs = {}
local protocol_states = {}
local protocol_summaries = {}
local protocol_tables = {}
local protocol_xenops = {}
local protocol_xl = {}
local rules_aftermath = {}
local rules_capture = {}
local rules_checker = {}
local rules_ending = {}
local rules_fields = {}
local rules_framing = {}
local rules_guest = {}
local rules_handshake = {}
local rules_headers = {}
local rules_order = {}
local rules_pages = {}
local rules_postcopy = {}
local rules_postcopy_phase = {}
local rules_rule = {}
local runtime_connections = {}
local runtime_halves = {}
local runtime_layouts = {}
local runtime_parsing = {}
local runtime_shown = {}
local runtime_streams = {}
local runtime_words = {}
local tcp_connections = {}
local tcp_half_connection = {}
local units = {}

protocol_specs.RecordSpec = py.class("RecordSpec", { "type", "name", "body", "shape", "source", "role", "layer",
    "direction", "guest", "contents", "then_", "proof", "summary", "words", "tells_width" }, { layer = "libxc",
    direction = "forward", guest = "any", contents = false, summary = "", tells_width = false }, true, nil,
    function(type, name, body, shape, source, role, layer, direction, guest, contents, then_, proof, summary, words,
    tells_width) if layer == nil then layer = "libxc" end if direction == nil then direction = "forward" end if guest ==
    nil then guest = "any" end if contents == nil then contents = false end if summary == nil then summary = "" end if
    tells_width == nil then tells_width = false end return { type = type, name = name, body = body, shape = shape,
    source = source, role = role, layer = layer, direction = direction, guest = guest, contents = contents,
    then_ = then_, proof = proof, summary = summary, words = words, tells_width = tells_width } end)
protocol_specs.HeaderSpec = py.class("HeaderSpec", { "name", "layer", "body", "endianness", "magic", "source", "then_",
    "role", "summary", "more", "words" }, { role = "HEADER", summary = "", more = "" }, true, nil, function(name, layer,
    body, endianness, magic, source, then_, role, summary, more,
    words) if role == nil then role = "HEADER" end if summary == nil then summary = "" end if more == nil then more = ""
    end return { name = name, layer = layer, body = body, endianness = endianness, magic = magic, source = source,
    then_ = then_, role = role, summary = summary, more = more, words = words } end)
protocol_specs.Message = py.class("Message", { "name", "octets", "direction", "status" }, { status = 0 }, true, nil,
    function(name, octets, direction, status) if status == nil then status = 0 end return { name = name,
    octets = octets, direction = direction, status = status } end)
protocol_specs.MessageSpec = py.class("MessageSpec", { "name", "layer", "body", "direction", "source", "summary" }, {
    summary = "" }, true, nil, function(name, layer, body, direction, source,
    summary) if summary == nil then summary = "" end return { name = name, layer = layer, body = body,
    direction = direction, source = source, summary = summary } end)
protocol_containers.Container = py.class("Container", { "layer", "header", "magic", "begins", "holds", "record",
    "record_header", "alignment", "endianness", "length_max", "unknown_max", "answers", "confirms",
    "keeps_octets_after_end" }, { alignment = 1, length_max = 0x8000000, unknown_max = 0x10000,
    answers = "texts and records", confirms = {}, keeps_octets_after_end = false }, true, nil, function(layer, header,
    magic, begins, holds, record, record_header, alignment, endianness, length_max, unknown_max, answers, confirms,
    keeps_octets_after_end) if alignment == nil then alignment = 1 end if length_max == nil then length_max = 0x8000000
    end if unknown_max == nil then unknown_max = 0x10000 end if answers == nil then answers = "texts and records" end if
    confirms == nil then confirms = {} end if keeps_octets_after_end == nil then keeps_octets_after_end = false end
    return { layer = layer, header = header, magic = magic, begins = begins, holds = holds, record = record,
    record_header = record_header, alignment = alignment, endianness = endianness, length_max = length_max,
    unknown_max = unknown_max, answers = answers, confirms = confirms,
    keeps_octets_after_end = keeps_octets_after_end } end)
runtime_shown.Shown = py.class("Shown", { "half", "item", "offset", "migration", "direction", "role", "header",
    "length", "frame", "last", "complete", "whole", "holes", "summary", "count", "entries", "listed", "low", "high",
    "pfns", "links", "broken", "watched", "line" }, { complete = false, whole = false, holes = 0, summary = "",
    entries = 0, links = function() return {} end, broken = function() return {} end, line = "" }, false, nil,
    function(half, item, offset, migration, direction, role, header, length, frame, last, complete, whole, holes,
    summary, count, entries, listed, low, high, pfns, links, broken, watched,
    line) if complete == nil then complete = false end if whole == nil then whole = false end if holes == nil then holes
    = 0 end if summary == nil then summary = "" end if entries == nil then entries = 0 end if links == nil then links =
    {} end if broken == nil then broken = {} end if line == nil then line = "" end return { half = half, item = item,
    offset = offset, migration = migration, direction = direction, role = role, header = header, length = length,
    frame = frame, last = last, complete = complete, whole = whole, holes = holes, summary = summary, count = count,
    entries = entries, listed = listed, low = low, high = high, pfns = pfns, links = links, broken = broken,
    watched = watched, line = line } end)
runtime_shown.Tie = py.class("Tie", { "pfn", "shown", "in_flight" }, {}, true, nil, function(pfn, shown,
    in_flight) return { pfn = pfn, shown = shown, in_flight = in_flight } end)
runtime_halves.Piece = py.class("Piece", { "offset", "length", "source", "captured", "frame", "time" }, {}, false, nil,
    function(offset, length, source, captured, frame, time) return { offset = offset, length = length, source = source,
    captured = captured, frame = frame, time = time } end)
runtime_parsing.Kept = py.class("Kept")
runtime_parsing.Kept.is_capture = true
runtime_parsing.Kept.kind = "live"
runtime_parsing.Kept.outcome = "incomplete"
events.Context = py.class("Context", { "layers", "version", "endianness", "postcopy", "guest", "page_shift",
    "guest_width", "xen", "may_be_in_libxl", "legacy", "compressed", "tunnelled", "revision" }, { layers = {},
    endianness = "little", postcopy = false, page_shift = 12, may_be_in_libxl = false, legacy = false,
    compressed = false, tunnelled = false, revision = 0 }, true, nil, function(layers, version, endianness, postcopy,
    guest, page_shift, guest_width, xen, may_be_in_libxl, legacy, compressed, tunnelled,
    revision) if layers == nil then layers = {} end if endianness == nil then endianness = "little" end if postcopy ==
    nil then postcopy = false end if page_shift == nil then page_shift = 12 end if may_be_in_libxl == nil then
    may_be_in_libxl = false end if legacy == nil then legacy = false end if compressed == nil then compressed = false
    end if tunnelled == nil then tunnelled = false end if revision == nil then revision = 0 end return {
    layers = layers, version = version, endianness = endianness, postcopy = postcopy, guest = guest,
    page_shift = page_shift, guest_width = guest_width, xen = xen, may_be_in_libxl = may_be_in_libxl, legacy = legacy,
    compressed = compressed, tunnelled = tunnelled, revision = revision } end)
facts_directions.DirectionFacts = py.class("DirectionFacts")
facts_faults.Faults = py.class("Faults")
facts_faults.Matches = py.class("Matches", { "again", "faults", "answered", "repeated" }, { again = {}, faults = {},
    answered = {}, repeated = {} }, true, nil, function(again, faults, answered,
    repeated) if again == nil then again = {} end if faults == nil then faults = {} end if answered == nil then answered
    = {} end if repeated == nil then repeated = {} end return { again = again, faults = faults, answered = answered,
    repeated = repeated } end)
events.Run = py.class("Run", { "first", "length", "type" }, {}, true, nil, function(first, length, type) return {
    first = first, length = length, type = type } end)
facts_faults.Fault = py.class("Fault", { "pfn", "asked", "again", "answer", "in_flight" }, {
    again = function() return {} end, in_flight = false }, false, nil, function(pfn, asked, again, answer,
    in_flight) if again == nil then again = {} end if in_flight == nil then in_flight = false end return { pfn = pfn,
    asked = asked, again = again, answer = answer, in_flight = in_flight } end)
rules_checker.Checker = py.class("Checker")
rules_order.Order = py.class("Order", { "state", "is_followed", "context", "has_params", "has_pv_info", "missed" }, {
    state = "start", is_followed = false, context = {}, has_params = false, has_pv_info = false, missed = {} }, true,
    nil, function(state, is_followed, context, has_params, has_pv_info,
    missed) if state == nil then state = "start" end if is_followed == nil then is_followed = false end if context ==
    nil then context = {} end if has_params == nil then has_params = false end if has_pv_info == nil then has_pv_info =
    false end if missed == nil then missed = {} end return { state = state, is_followed = is_followed,
    context = context, has_params = has_params, has_pv_info = has_pv_info, missed = missed } end)
rules_postcopy_phase.PostcopyPhase = py.class("PostcopyPhase", { "lists_whole", "pages_whole", "transition", "early",
    "complete", "page_data", "raced", "end_", "has_early_pages", "is_spoilt" }, { lists_whole = false,
    pages_whole = false, early = function() return {} end, has_early_pages = false, is_spoilt = false }, false, nil,
    function(lists_whole, pages_whole, transition, early, complete, page_data, raced, end_, has_early_pages,
    is_spoilt) if lists_whole == nil then lists_whole = false end if pages_whole == nil then pages_whole = false end if
    early == nil then early = {} end if has_early_pages == nil then has_early_pages = false end if is_spoilt == nil then
    is_spoilt = false end return { lists_whole = lists_whole, pages_whole = pages_whole, transition = transition,
    early = early, complete = complete, page_data = page_data, raced = raced, end_ = end_,
    has_early_pages = has_early_pages, is_spoilt = is_spoilt } end)
rules_aftermath.Aftermath = py.class("Aftermath", { "refused", "has_followed", "has_ended", "doubtful", "told",
    "lost" }, { has_followed = false, has_ended = false, told = {}, lost = {} }, false, nil, function(refused,
    has_followed, has_ended, doubtful, told, lost) if has_followed == nil then has_followed = false end if has_ended ==
    nil then has_ended = false end if told == nil then told = {} end if lost == nil then lost = {} end return {
    refused = refused, has_followed = has_followed, has_ended = has_ended, doubtful = doubtful, told = told,
    lost = lost } end)
rules_headers.XlHeader = py.class("XlHeader")
rules_headers.XlHeader.MAGIC = "the file begins with {magic}, which is not xl's magic"
rules_headers.BigEndian = py.class("BigEndian")
rules_headers.BigEndian.XL = "byteorder is 0x01020304 with its highest octet first"
rules_order.Seen = py.class("Seen", { "record", "spec", "is_found_again", "is_completed" }, {}, true, nil,
    function(record, spec, is_found_again, is_completed) return { record = record, spec = spec,
    is_found_again = is_found_again, is_completed = is_completed } end)
rules_order.Placed = py.class("Placed", { "order", "before", "found" }, {}, true, nil, function(order, before,
    found) return { order = order, before = before, found = found } end)
rules_postcopy.ShouldBe = py.class("ShouldBe", { "states", "missing", "then_" }, {}, true, nil, function(states,
    missing, then_) return { states = states, missing = missing, then_ = then_ } end)
protocol_states.Place = py.class("Place", { "moves", "natural", "phase" }, {}, true, nil, function(moves, natural,
    phase) return { moves = moves, natural = natural, phase = phase } end)
rules_postcopy.ContextMissing = py.class("ContextMissing")
rules_postcopy.ContextMissing.NONE = "no {missing} between POSTCOPY_BEGIN and POSTCOPY_PFNS_BEGIN"
runtime_parsing.Judges = py.class("Judges", nil, nil, false, rules_checker.Checker)
facts_links._Growing = py.class("_Growing")
facts_links.Link = py.class("Link", { "pfn", "record", "in_flight" }, {}, true, nil, function(pfn, record,
    in_flight) return { pfn = pfn, record = record, in_flight = in_flight } end)
runtime_parsing.Ties = py.class("Ties", nil, nil, false, facts_links._Growing)
facts_static_data.StaticData = py.class("StaticData")
runtime_shown.Broken = py.class("Broken", { "rule", "severity", "message" }, {}, true, nil, function(rule, severity,
    message) return { rule = rule, severity = severity, message = message } end)
facts_migration.Noted = py.class("Noted", { "static_data", "again", "faults", "answered" }, { again = {}, faults = {},
    answered = {} }, true, nil, function(static_data, again, faults,
    answered) if again == nil then again = {} end if faults == nil then faults = {} end if answered == nil then answered
    = {} end return { static_data = static_data, again = again, faults = faults, answered = answered } end)
runtime_parsing.Total = py.class("Total")
runtime_connections.Connections = py.class("Connections")
runtime_parsing.Capture = py.class("Capture")
parser_conversation.Conversation = py.class("Conversation")
parser_conversation.Remarks = py.class("Remarks")
parser_conversation.ParsedMigration = py.class("ParsedMigration")
parser_cursor.Cursor = py.class("Cursor")
events.Position = py.class("Position", { "frame", "time" }, {}, true, nil, function(frame, time) return { frame = frame,
    time = time } end)
parser_direction.DirectionParser = py.class("DirectionParser", nil, nil, false, parser_cursor.Cursor)
parser_direction.NoTransport = py.class("NoTransport")
parser_direction.NoTransport.acked = 0
parser_direction.NoTransport.retransmitted = 0
parser_direction.NoTransport.conflicts = 0
parser_direction.NoTransport.copies = 0
parser_direction.NoTransport.in_vain = 0
parser_direction.NoTransport.unheard = 0
parser_direction.NoTransport.is_shut = false
parser_direction.NoTransport.is_answered = false
events.Spent = py.class("Spent", { "idle", "loss", "queue", "growth", "window", "closed", "unclear" }, { idle = 0,
    loss = 0, queue = 0, growth = 0, window = 0, closed = 0, unclear = 0 }, true, nil, function(idle, loss, queue,
    growth, window, closed, unclear) if idle == nil then idle = 0 end if loss == nil then loss = 0 end if queue == nil
    then queue = 0 end if growth == nil then growth = 0 end if window == nil then window = 0 end if closed == nil then
    closed = 0 end if unclear == nil then unclear = 0 end return { idle = idle, loss = loss, queue = queue,
    growth = growth, window = window, closed = closed, unclear = unclear } end)
parser_item.Item = py.class("Item", { "layer", "name", "type", "spec", "endianness", "offset", "first", "body_length",
    "end_", "padding", "keep", "body", "unannounced", "then_", "spent" }, { padding = 0, keep = -1,
    unannounced = false }, false, nil, function(layer, name, type, spec, endianness, offset, first, body_length, end_,
    padding, keep, body, unannounced, then_, spent) if padding == nil then padding = 0 end if keep == nil then keep = -1
    end if unannounced == nil then unannounced = false end return { layer = layer, name = name, type = type,
    spec = spec, endianness = endianness, offset = offset, first = first, body_length = body_length, end_ = end_,
    padding = padding, keep = keep, body = body, unannounced = unannounced, then_ = then_, spent = spent } end)
events.WayLost = py.class("WayLost", { "migration", "direction", "offset" }, {}, true, nil, function(migration,
    direction, offset) return { migration = migration, direction = direction, offset = offset } end)
events.Resynchronised = py.class("Resynchronised", { "migration", "direction", "offset", "skipped" }, {}, true, nil,
    function(migration, direction, offset, skipped) return { migration = migration, direction = direction,
    offset = offset, skipped = skipped } end)
events.MigrationFound = py.class("MigrationFound", { "migration", "flow", "position", "role", "encapsulation" }, {
    position = events.Position(0, 0), encapsulation = {} }, true, nil, function(migration, flow, position, role,
    encapsulation) if position == nil then position = events.Position(0,
    0) end if encapsulation == nil then encapsulation = {} end return { migration = migration, flow = flow,
    position = position, role = role, encapsulation = encapsulation } end)
events.ConnectionJoined = py.class("ConnectionJoined", { "migration", "role", "flow", "position" }, {
    position = events.Position(0, 0) }, true, nil, function(migration, role, flow,
    position) if position == nil then position = events.Position(0, 0) end return { migration = migration, role = role,
    flow = flow, position = position } end)
events.Flow = py.class("Flow", { "source", "destination" }, {}, true, nil, function(source, destination) return {
    source = source, destination = destination } end)
events.Held = py.class("Held", { "before", "within" }, { before = events.Spent(0, 0, 0, 0, 0, 0, 0),
    within = events.Spent(0, 0, 0, 0, 0, 0, 0) }, true, nil, function(before,
    within) if before == nil then before = events.Spent(0, 0, 0, 0, 0, 0,
    0) end if within == nil then within = events.Spent(0, 0, 0, 0, 0, 0, 0) end return { before = before,
    within = within } end)
events.Record = py.class("Record", { "migration", "direction", "layer", "name", "type", "spec", "endianness", "offset",
    "length", "body_length", "body", "padding", "runs", "complete", "whole", "first", "last", "index", "context",
    "acked", "stalls", "held", "unseen", "unannounced", "connection", "number" }, { endianness = "little", offset = 0,
    length = 0, body_length = 0, body = "", padding = "", runs = {}, complete = true, whole = true,
    first = events.Position(0, 0), last = events.Position(0, 0), index = 0, context = events.Context({}, nil, "little",
    false, nil, 12, nil, nil, false, false, false, false, 0), acked = 0, stalls = {}, held = events.Held(events.Spent(0,
    0, 0, 0, 0, 0, 0), events.Spent(0, 0, 0, 0, 0, 0, 0)), unseen = false, unannounced = false, number = 0 }, true, nil,
    function(migration, direction, layer, name, type, spec, endianness, offset, length, body_length, body, padding,
    runs, complete, whole, first, last, index, context, acked, stalls, held, unseen, unannounced, connection,
    number) if endianness == nil then endianness = "little" end if offset == nil then offset = 0 end if length == nil
    then length = 0 end if body_length == nil then body_length = 0 end if body == nil then body = "" end if padding ==
    nil then padding = "" end if runs == nil then runs = {} end if complete == nil then complete = true end if whole ==
    nil then whole = true end if first == nil then first = events.Position(0,
    0) end if last == nil then last = events.Position(0, 0) end if index == nil then index = 0 end if context == nil
    then context = events.Context({}, nil, "little", false, nil, 12, nil, nil, false, false, false, false,
    0) end if acked == nil then acked = 0 end if stalls == nil then stalls = {} end if held == nil then held =
    events.Held(events.Spent(0, 0, 0, 0, 0, 0, 0), events.Spent(0, 0, 0, 0, 0, 0,
    0)) end if unseen == nil then unseen = false end if unannounced == nil then unannounced = false end if number == nil
    then number = 0 end return { migration = migration, direction = direction, layer = layer, name = name, type = type,
    spec = spec, endianness = endianness, offset = offset, length = length, body_length = body_length, body = body,
    padding = padding, runs = runs, complete = complete, whole = whole, first = first, last = last, index = index,
    context = context, acked = acked, stalls = stalls, held = held, unseen = unseen, unannounced = unannounced,
    connection = connection, number = number } end)
events.PacketsCut = py.class("PacketsCut", { "migration", "direction" }, {}, true, nil, function(migration,
    direction) return { migration = migration, direction = direction } end)
events.Gap = py.class("Gap", { "migration", "direction", "offset", "length", "record" }, {}, true, nil,
    function(migration, direction, offset, length, record) return { migration = migration, direction = direction,
    offset = offset, length = length, record = record } end)
events.DirectionStarted = py.class("DirectionStarted", { "migration", "direction", "offset", "late", "position" }, {
    late = false, position = events.Position(0, 0) }, true, nil, function(migration, direction, offset, late,
    position) if late == nil then late = false end if position == nil then position = events.Position(0, 0) end return {
    migration = migration, direction = direction, offset = offset, late = late, position = position } end)
events.Closed = py.class("Closed", { "migration", "direction", "how", "position" }, {}, true, nil, function(migration,
    direction, how, position) return { migration = migration, direction = direction, how = how,
    position = position } end)
events.Way = py.class("Way", { "rtt", "in_flight", "fast", "timeout", "spurious", "late", "late_by", "window_least",
    "window_closed", "lag", "reply", "side", "queued" }, { fast = 0, timeout = 0, spurious = 0, late = 0,
    window_closed = 0 }, true, nil, function(rtt, in_flight, fast, timeout, spurious, late, late_by, window_least,
    window_closed, lag, reply, side, queued) if fast == nil then fast = 0 end if timeout == nil then timeout = 0 end if
    spurious == nil then spurious = 0 end if late == nil then late = 0 end if window_closed == nil then window_closed =
    0 end return { rtt = rtt, in_flight = in_flight, fast = fast, timeout = timeout, spurious = spurious, late = late,
    late_by = late_by, window_least = window_least, window_closed = window_closed, lag = lag, reply = reply,
    side = side, queued = queued } end)
events.Stall = py.class("Stall", { "start", "end_", "cause", "ended_by" }, {}, true, nil, function(start, end_, cause,
    ended_by) return { start = start, end_ = end_, cause = cause, ended_by = ended_by } end)
events.DirectionEnded = py.class("DirectionEnded", { "migration", "direction", "reason", "offset", "retransmitted",
    "conflicts", "copies", "in_vain", "unheard", "way", "stall", "taken", "hides" }, { retransmitted = 0, conflicts = 0,
    copies = 0, in_vain = 0, unheard = 0, hides = false }, true, nil, function(migration, direction, reason, offset,
    retransmitted, conflicts, copies, in_vain, unheard, way, stall, taken,
    hides) if retransmitted == nil then retransmitted = 0 end if conflicts == nil then conflicts = 0 end if copies ==
    nil then copies = 0 end if in_vain == nil then in_vain = 0 end if unheard == nil then unheard = 0 end if hides ==
    nil then hides = false end return { migration = migration, direction = direction, reason = reason, offset = offset,
    retransmitted = retransmitted, conflicts = conflicts, copies = copies, in_vain = in_vain, unheard = unheard,
    way = way, stall = stall, taken = taken, hides = hides } end)
runtime_parsing.ShowingParser = py.class("ShowingParser", nil, nil, false, parser_direction.DirectionParser)
parser_resync.Magic = py.class("Magic", { "octets", "direction", "expect", "layer", "confirms", "is_message" }, {
    confirms = {}, is_message = false }, true, nil, function(octets, direction, expect, layer, confirms,
    is_message) if confirms == nil then confirms = {} end if is_message == nil then is_message = false end return {
    octets = octets, direction = direction, expect = expect, layer = layer, confirms = confirms,
    is_message = is_message } end)
parser_resync.Anchor = py.class("Anchor", { "position", "expect", "direction", "endianness", "magic" }, {}, true, nil,
    function(position, expect, direction, endianness, magic) return { position = position, expect = expect,
    direction = direction, endianness = endianness, magic = magic } end)
parser_confidence.Judge = py.class("Judge")
protocol_specs.Proof = py.class("Proof", { "bits", "lengths", "base", "unit", "counted", "fields" }, { lengths = {},
    base = 0, unit = 0, counted = false, fields = {} }, true, nil, function(bits, lengths, base, unit, counted,
    fields) if lengths == nil then lengths = {} end if base == nil then base = 0 end if unit == nil then unit = 0 end if
    counted == nil then counted = false end if fields == nil then fields = {} end return { bits = bits,
    lengths = lengths, base = base, unit = unit, counted = counted, fields = fields } end)
parser_direction.Heard = py.class("Heard", nil, nil, false, parser_direction.NoTransport)
runtime_halves.Placed = py.class("Placed")
runtime_halves.ShownHalf = py.class("ShownHalf", nil, nil, false, runtime_halves.Placed)
runtime_halves.Turn = py.class("Turn", { "frame", "offset" }, {}, true, nil, function(frame, offset) return {
    frame = frame, offset = offset } end)
runtime_halves.Acknowledged = py.class("Acknowledged", { "frame", "acked" }, {}, true, nil, function(frame,
    acked) return { frame = frame, acked = acked } end)
runtime_halves.Hole = py.class("Hole", { "start", "end_", "shown", "gap" }, {}, false, nil, function(start, end_, shown,
    gap) return { start = start, end_ = end_, shown = shown, gap = gap } end)
runtime_connections.Connection = py.class("Connection")
runtime_connections.Sight = py.class("Sight", { "buffer", "offset", "searched" }, { offset = 0, searched = 0 }, false,
    nil, function(buffer, offset, searched) if offset == nil then offset = 0 end if searched == nil then searched = 0
    end return { buffer = buffer, offset = offset, searched = searched } end)
runtime_connections.Beginning = py.class("Beginning", nil, nil, false, runtime_halves.Placed)
rules_rule.Violation = py.class("Violation", { "rule", "message", "record", "direction", "severity" }, {
    direction = "forward" }, true, nil, function(rule, message, record, direction,
    severity) if direction == nil then direction = "forward" end return { rule = rule, message = message,
    record = record, direction = direction, severity = severity } end)
runtime_layouts.Ordered = py.class("Ordered", { "body", "endianness" }, {}, true, nil, function(body,
    endianness) return { body = body, endianness = endianness } end)
runtime_layouts.Reading = py.class("Reading")
runtime_layouts.Found = py.class("Found", { "row", "offset", "size", "depth", "values", "element", "is_whole" }, {
    is_whole = true }, true, nil, function(row, offset, size, depth, values, element,
    is_whole) if is_whole == nil then is_whole = true end return { row = row, offset = offset, size = size,
    depth = depth, values = values, element = element, is_whole = is_whole } end)
protocol_cpuid.Processor = py.class("Processor", { "vendor", "family", "model", "stepping", "brand" }, {}, true, nil,
    function(vendor, family, model, stepping, brand) return { vendor = vendor, family = family, model = model,
    stepping = stepping, brand = brand } end)
protocol_qemu._Reading = py.class("_Reading")
protocol_qemu_description.Fields = py.class("Fields")
protocol_qemu_description.DeviceField = py.class("DeviceField", { "name", "path", "kind", "at", "size", "depth",
    "is_element" }, {}, true, nil, function(name, path, kind, at, size, depth, is_element) return { name = name,
    path = path, kind = kind, at = at, size = size, depth = depth, is_element = is_element } end)
protocol_qemu._Header = py.class("_Header", { "kind", "number", "device", "instance", "version", "size" }, {}, true,
    nil, function(kind, number, device, instance, version, size) return { kind = kind, number = number, device = device,
    instance = instance, version = version, size = size } end)
protocol_qemu.Section = py.class("Section", { "kind", "number", "device", "instance", "version", "octets", "footer",
    "start", "places" }, { places = {} }, false, nil, function(kind, number, device, instance, version, octets, footer,
    start, places) if places == nil then places = {} end return { kind = kind, number = number, device = device,
    instance = instance, version = version, octets = octets, footer = footer, start = start, places = places } end)
protocol_qemu.Stream = py.class("Stream", { "version", "machine", "pieces", "configuration", "description", "trailer" },
    {}, false, nil, function(version, machine, pieces, configuration, description, trailer) return { version = version,
    machine = machine, pieces = pieces, configuration = configuration, description = description,
    trailer = trailer } end)
runtime_streams.Line = py.class("Line", { "depth", "path", "at", "size", "text" }, {}, true, nil, function(depth, path,
    at, size, text) return { depth = depth, path = path, at = at, size = size, text = text } end)
protocol_specs.FieldRange = py.class("FieldRange", { "offset", "size", "least", "most" }, {}, true, nil,
    function(offset, size, least, most) return { offset = offset, size = size, least = least, most = most } end)

-- Constants: of the protocol that the runtime needs -------------------------------------------------------------------

-- No pfn is as large.
local PFN_LIMIT = 0x100000000
-- Eight octets that may be a record header.
local CANDIDATES = {
    little =
        "[\001\002\003\004\005\006\007\008\009\n\011\012\r\014\015\016\017\018\019\020\021\022]\000\000\000...[\000-" ..
        "\015]",
    big =
        "\000\000\000[\001\002\003\004\005\006\007\008\009\n\011\012\r\014\015\016\017\018\019\020\021\022][\000-" ..
        "\015]...",
}

-- Native: what of the translated modules is by hand -------------------------------------------------------------------

-- What of the parser and the rules is by hand: octets to numbers, layouts, lists of pages, sets of pfns.

local byte, floor, format, max, min, uint = string.byte, math.floor, string.format, math.max, math.min, py.uint

local TWO_32, ENTRY_SIZE = 4294967296, 8
local native = { FOREVER = 2 ^ 53 }

-- What Wireshark does not judge, or does not join.
function native.nothing() return {} end

native.Nothing = py.class("Nothing")
function native.Nothing.of() return nil end
function native.Nothing.forget() end

-- An entry of a pages record: bits 63 to 60 page type, 59 to 52 reserved, 51 to 0 pfn. Gives pfn, type, reserved.
local function entry_at(octets, at, big)
    local a, b, c, d, e, f, g, h = byte(octets, at + 1, at + ENTRY_SIZE)
    if not big then a, b, c, d, e, f, g, h = h, g, f, e, d, c, b, a end
    local pfn = (((((b % 16 * 256 + c) * 256 + d) * 256 + e) * 256 + f) * 256 + g) * 256 + h
    return pfn, floor(a / 16), a % 16 * 16 + floor(b / 16)
end

-- Calls visit(index, pfn, type, reserved) for each whole entry; goes on until that gives something, and gives it.
local function each_entry(octets, endianness, visit)
    for index = 0, floor(#octets / ENTRY_SIZE) - 1 do
        local found = visit(index, entry_at(octets, index * ENTRY_SIZE, endianness == "big"))
        if found ~= nil then return found end
    end
    return nil
end

-- The entries of a pages record as runs.
local function runs_of(octets, endianness)
    local runs, latest, following = {}, nil, nil
    each_entry(octets, endianness, function(_, pfn, kind)
        if latest and kind == latest.type and pfn == following then
            latest.length = latest.length + 1
        else
            latest = events.Run(pfn, 1, kind)
            runs[#runs + 1] = latest
        end
        following = pfn + 1
    end)
    return runs
end

local listed = {} -- the list that was asked for last: the packet that ends a list asks more than once

function native.page_runs(body, endianness)
    if listed.body ~= body or listed.endianness ~= endianness then
        local count = #body < 8 and 0 or uint(body:sub(1, 4), endianness)
        local runs = runs_of(body:sub(9, 8 + ENTRY_SIZE * count), endianness)
        listed = { body = body, endianness = endianness, runs = runs }
    end
    return listed.runs
end

function native.backed_pages(octets, endianness, is_reverse)
    local backed = 0
    local is_wrong = each_entry(octets, endianness, function(_, pfn, kind, reserved)
        if protocol_libxc.RESERVED_PAGE_TYPES[kind] or reserved ~= 0 or pfn >= PFN_LIMIT then return true end
        if is_reverse and kind ~= 0 then return true end
        backed = backed + (protocol_libxc.UNBACKED[kind] and 0 or 1)
    end)
    return not is_wrong and backed or nil
end

function native.first_reserved(octets, endianness)
    return each_entry(octets, endianness, function(index, _, _, reserved)
        if reserved == 0 then return nil end
        local entry = octets:sub(index * ENTRY_SIZE + 1, (index + 1) * ENTRY_SIZE)
        return { index, py.hex(endianness == "big" and entry or entry:reverse(), "") }
    end)
end

-- Where eight octets may be a record header.
function native.candidates(octets, endianness)
    local found, at = {}, octets:find(CANDIDATES[endianness])
    while at do
        found[#found + 1] = at - 1
        at = octets:find(CANDIDATES[endianness], at + 1)
    end
    return found
end

-- What a request's head says.
function native.xenops_request(head)
    local path = head:match("^PUT /services/xenops/(%S+) HTTP/1%.[01]\r\n")
    path = path and path:gsub("%?.*$", "")
    local route = path and (path:match("^(migrate/%l+)/[^/]+$") or path:match("^([^/]+)/[^/]+$"))
    local role = route and protocol_xenops.ROUTES[route]
    if not role then return nil end
    local cookies = {}
    for line in head:gmatch("\n[Cc][Oo][Oo][Kk][Ii][Ee]:([^\n]*)") do
        for name in line:gmatch("([^;=%s]+)%s*=") do cookies[name] = true end
    end
    local has_own_memory = role == "migration" and cookies.mem_migration ~= nil
    return { role = role, has_own_memory = has_own_memory, is_compressed = cookies.compress ~= nil }
end

-- Layouts

function native.rows_of(body) return body end
function native.reserved_of(body) return body.reserved or {} end
function native.fixed(layout) return { { size = layout.body.size } } end

-- A number as far as it is one: 64 bits are hexadecimal digits.
function native.integer(octets, endianness)
    if #octets < 8 then return uint(octets, endianness) end
    return py.hex(endianness == "big" and octets or octets:reverse(), "")
end

-- Octets

-- Where octets that match a pattern stand first; -1 if nowhere.
function native.place_of(pattern, octets, from, to)
    local at, last = octets:find(pattern:sub(2), from + 1)
    return at and last <= to and at - 1 or -1
end

-- The digits of a big-endian number of up to 64 bits.
function native.decimal(octets, is_signed)
    if #octets == 8 then
        return tostring((is_signed and Int64 or UInt64).new(uint(octets:sub(5), "big"), uint(octets:sub(1, 4), "big")))
    end
    local number = uint(octets, "big")
    return py.str(is_signed and byte(octets) > 127 and number - 256 ^ #octets or number)
end

-- JSON

local JSON_DEPTH, BLANK = 500, "^[ \t\n\r]*()"
local OBJECT, LIST = { _class = "dict" }, { _class = "list" }
local WORDS = { ["true"] = false, ["false"] = false, null = false }
local value_at

-- The elements of an object or a list up to what closes it, and the place behind that.
local function elements_at(text, at, depth, class, close)
    local found, count = setmetatable({}, class), 0
    local key, value, sign
    at = text:match(BLANK, at)
    if text:sub(at, at) == close then return found, at + 1 end
    repeat
        count, at = count + 1, text:match(BLANK, at)
        key = count
        if class == OBJECT then
            key, at = text:match('^"([^"\1-\31]*)"[ \t\n\r]*:()', at)
            if not key then return nil end
        end
        value, at = value_at(text, at, depth)
        if value == nil then return nil end
        found[key], sign, at = value, text:match("^[ \t\n\r]*(.?)()", at)
    until sign ~= ","
    if sign == close then return found, at end
end

-- The value at a place, and the place behind it; nil if there is none. What is no object, no list, no text and no whole
-- number is false.
function value_at(text, at, depth)
    at = text:match(BLANK, at)
    local first = text:sub(at, at)
    if depth > JSON_DEPTH then return nil end
    if first == "{" then return elements_at(text, at + 1, depth + 1, OBJECT, "}") end
    if first == "[" then return elements_at(text, at + 1, depth + 1, LIST, "]") end
    if first == '"' then return text:match('^"([^"\1-\31]*)"()', at) end
    local word, after = text:match("^(%a+)()", at)
    if word then return WORDS[word], after end
    local digits, behind = text:match("^(-?%d+)()", at)
    if not digits or digits:find("^-?0%d") then return nil end
    after = text:match("^%.%d+()", behind) or behind
    after = text:match("^[eE][+-]?%d+()", after) or after
    return after == behind and tonumber(digits), after
end

-- What a text of JSON without escapes says; nil if it is none.
function native.described_by(text)
    local found, after = value_at(text, 1, 0)
    return found and not text:find("[^ \t\n\r]", after) and found or nil
end

-- A set of pfns, 32 to a word.
native.PfnSet = py.class("PfnSet")

function native.PfnSet:_init()
    self.count, self.words, self.overflow = 0, {}, false
end

function native.PfnSet:contains(pfn)
    local place = pfn % 32
    return bit.band(self.words[(pfn - place) / 32] or 0, bit.lshift(1, place)) ~= 0
end

-- Adds so many pfns from one on; how many were new.
function native.PfnSet:add_run(first, count)
    local words, before = self.words, self.count
    for pfn = first, first + count - 1 do
        local place = pfn % 32
        local word, mask = (pfn - place) / 32, bit.lshift(1, place)
        local known = words[word] or 0
        if bit.band(known, mask) == 0 then
            words[word] = bit.bor(known, mask)
            self.count = self.count + 1
        end
    end
    return self.count - before
end

-- Whether pages are missing at the end: that only the end can tell, which nobody knows here.
function native.PfnSet:count_common() return self.count end

-- The first pfn of a run that is in the set, or that is not.
function native.PfnSet:first_of_run(first, count, present)
    for pfn = first, first + count - 1 do
        if self:contains(pfn) == present then return pfn end
    end
end

-- The line of text of a header or record; empty where a field of it was not captured.
function native.summary_of(record)
    local spec = record.spec
    local is_known, text = pcall(function()
        local values = runtime_layouts.values_of(spec.body, record.body, record.endianness)
        return (spec.summary:gsub("{([^:}]+):?([^:}]*):?([^}]*)}", function(path, form, words)
            return protocol_summaries._field(values, path, form ~= "" and form or nil, words)
        end))
    end)
    return is_known and text or ""
end

-- Octets of a packet: of a Tvb, or of a string where they had to wait.
function native.octets_of(source, from, length)
    if length <= 0 then return "" end
    return type(source) == "string" and source:sub(from + 1, from + length) or source:raw(from, length)
end

-- How many of a list, in the order of `key`, have one that is not above a value.
function native.above(list, key, value)
    local low, high = 1, #list + 1
    while low < high do
        local middle = floor((low + high) / 2)
        if list[middle][key] > value then high = middle else low = middle + 1 end
    end
    return low - 1
end

-- The rules. What calls one gives a template, if it is not the rule's only one, and the values in it.
local RULE, VIOLATION = {}, {}

function VIOLATION.__call(rule, template, values)
    return rules_rule.Violation(rule, py.fill(template or rule.message, values or {}))
end

-- Layouts: the bodies of headers and records, field by field ----------------------------------------------------------

local LAYOUT = {}

LAYOUT.xl_header = {
    size = 48,
    reserved = { { "mandatory_flags.reserved", 36, 4, 2, 30 }, { "optional_flags.reserved", 40, 4, 0, 32 } },
    { kind = "octets", path = "magic", name = "magic", size = 32 },
    { kind = "uint", path = "byteorder", name = "byteorder", size = 4 },
    {
        kind = "uint",
        path = "mandatory_flags",
        name = "mandatory_flags",
        size = 4,
        parts = {
            { name = "json", shift = 0, width = 1 },
            { name = "stream_v2", shift = 1, width = 1 },
            { name = "reserved", shift = 2, width = 30 },
        },
    },
    {
        kind = "uint",
        path = "optional_flags",
        name = "optional_flags",
        size = 4,
        parts = { { name = "reserved", shift = 0, width = 32 } },
    },
    { kind = "uint", path = "optional_data_len", name = "optional_data_len", size = 4 },
}

LAYOUT.libvirt_header = {
    size = 64,
    { kind = "octets", path = "magic", name = "magic", size = 16 },
    { kind = "uint", path = "version", name = "version", size = 4 },
    { kind = "uint", path = "xml_length", name = "xml_length", size = 4 },
    { kind = "octets", path = "unused", name = "unused", size = 40 },
}

LAYOUT.xenops_header = {
    size = 15,
    { kind = "octets", path = "magic", name = "magic", size = 15 },
}

LAYOUT.libxl_header = {
    size = 16,
    reserved = { { "options.reserved", 12, 4, 2, 30 } },
    { kind = "uint", path = "ident", name = "ident", size = 8 },
    { kind = "uint", path = "version", name = "version", size = 4 },
    {
        kind = "uint",
        path = "options",
        name = "options",
        size = 4,
        parts = {
            { name = "big_endian", shift = 0, width = 1 },
            { name = "legacy", shift = 1, width = 1 },
            { name = "reserved", shift = 2, width = 30 },
        },
    },
}

LAYOUT.image_header = {
    size = 24,
    reserved = { { "options.reserved", 16, 2, 1, 15 }, { "reserved1", 18, 2, 0, 16 }, { "reserved2", 20, 4, 0, 32 } },
    { kind = "uint", path = "marker", name = "marker", size = 8 },
    { kind = "uint", path = "id", name = "id", size = 4 },
    { kind = "uint", path = "version", name = "version", size = 4 },
    {
        kind = "uint",
        path = "options",
        name = "options",
        size = 2,
        parts = { { name = "big_endian", shift = 0, width = 1 }, { name = "reserved", shift = 1, width = 15 } },
    },
    { kind = "uint", path = "reserved1", name = "reserved1", size = 2 },
    { kind = "uint", path = "reserved2", name = "reserved2", size = 4 },
}

LAYOUT.xenops_legacy_header = {
    size = 15,
    { kind = "octets", path = "magic", name = "magic", size = 15 },
}

LAYOUT.domain_header = {
    size = 16,
    reserved = { { "reserved", 6, 2, 0, 16 } },
    { kind = "uint", path = "type", name = "type", size = 4, names = GUEST_TYPES },
    { kind = "uint", path = "page_shift", name = "page_shift", size = 2 },
    { kind = "uint", path = "reserved", name = "reserved", size = 2 },
    { kind = "uint", path = "xen_major", name = "xen_major", size = 4 },
    { kind = "uint", path = "xen_minor", name = "xen_minor", size = 4 },
}

LAYOUT.signal = {
    size = 0,
}

LAYOUT.page_data = {
    reserved = { { "reserved", 4, 4, 0, 32 } },
    { kind = "uint", path = "count", name = "count", size = 4 },
    { kind = "uint", path = "reserved", name = "reserved", size = 4 },
    {
        kind = "array", path = "pfn", name = "pfn", by = "count",
        elements = {
            {
                kind = "uint",
                path = "pfn",
                size = 8,
                parts = {
                    { name = "type", shift = 60, width = 4 },
                    { name = "reserved", shift = 52, width = 8 },
                    { name = "pfn", shift = 0, width = 52 },
                },
            },
        },
    },
    { kind = "rest", path = "page_data", name = "page_data" },
}

LAYOUT.x86_pv_info = {
    size = 8,
    reserved = { { "reserved1", 2, 2, 0, 16 }, { "reserved2", 4, 4, 0, 32 } },
    { kind = "uint", path = "guest_width", name = "guest_width", size = 1 },
    { kind = "uint", path = "pt_levels", name = "pt_levels", size = 1 },
    { kind = "uint", path = "reserved1", name = "reserved1", size = 2 },
    { kind = "uint", path = "reserved2", name = "reserved2", size = 4 },
}

LAYOUT.x86_pv_p2m_frames = {
    { kind = "uint", path = "start_pfn", name = "start_pfn", size = 4 },
    { kind = "uint", path = "end_pfn", name = "end_pfn", size = 4 },
    {
        kind = "array", path = "p2m_pfn", name = "p2m_pfn",
        elements = {
            { kind = "uint", path = "p2m_pfn", size = 8 },
        },
    },
}

LAYOUT.x86_pv_vcpu_basic = {
    reserved = { { "reserved", 4, 4, 0, 32 } },
    { kind = "uint", path = "vcpu_id", name = "vcpu_id", size = 4 },
    { kind = "uint", path = "reserved", name = "reserved", size = 4 },
    { kind = "rest", path = "context", name = "context", inside = { [1] = { "pv_vcpu_64", "pv_vcpu_32" } } },
}

LAYOUT.x86_pv_vcpu_extended = {
    reserved = { { "reserved", 4, 4, 0, 32 } },
    { kind = "uint", path = "vcpu_id", name = "vcpu_id", size = 4 },
    { kind = "uint", path = "reserved", name = "reserved", size = 4 },
    { kind = "rest", path = "context", name = "context", inside = { [1] = { "pv_extended", "pv_extended_mcg" } } },
}

LAYOUT.x86_pv_vcpu_xsave = {
    reserved = { { "reserved", 4, 4, 0, 32 } },
    { kind = "uint", path = "vcpu_id", name = "vcpu_id", size = 4 },
    { kind = "uint", path = "reserved", name = "reserved", size = 4 },
    { kind = "rest", path = "context", name = "context", inside = { [1] = { "pv_xsave" } } },
}

LAYOUT.shared_info = {
    {
        kind = "rest",
        path = "shared_info",
        name = "shared_info",
        chosen_by = "guest_width",
        inside = { [4] = { "shared_info_32" }, [8] = { "shared_info_64" } },
    },
}

LAYOUT.tsc_info = {
    size = 24,
    reserved = { { "reserved", 20, 4, 0, 32 } },
    { kind = "uint", path = "mode", name = "mode", size = 4, names = TSC_MODES },
    { kind = "uint", path = "khz", name = "khz", size = 4 },
    { kind = "uint", path = "nsec", name = "nsec", size = 8 },
    { kind = "uint", path = "incarnation", name = "incarnation", size = 4 },
    { kind = "uint", path = "reserved", name = "reserved", size = 4 },
}

LAYOUT.hvm_context = {
    {
        kind = "array", path = "hvm_ctx", name = "hvm_ctx", ending = { "typecode", 0 },
        elements = {
            { kind = "uint", path = "hvm_ctx.typecode", name = "typecode", size = 2, names = HVM_SAVE_TYPES },
            { kind = "uint", path = "hvm_ctx.instance", name = "instance", size = 2 },
            { kind = "uint", path = "hvm_ctx.length", name = "length", size = 4 },
            {
                kind = "octets",
                path = "hvm_ctx.body",
                name = "body",
                size = "length",
                chosen_by = "typecode",
                inside = {
                    [1] = { "hvm_header" }, [2] = { "hvm_cpu", "hvm_cpu_1024", "hvm_cpu_compat" }, [3] = { "hvm_pic" },
                    [4] = { "hvm_ioapic" }, [5] = { "hvm_lapic", "hvm_lapic_24", "hvm_lapic_16" },
                    [6] = { "hvm_lapic_regs" }, [7] = { "hvm_pci_irq" }, [8] = { "hvm_isa_irq" },
                    [9] = { "hvm_pci_link" }, [10] = { "hvm_pit" }, [11] = { "hvm_rtc", "hvm_rtc_16" },
                    [12] = { "hvm_hpet" }, [13] = { "hvm_pmtimer" }, [14] = { "hvm_mtrr" },
                    [15] = { "hvm_viridian_domain", "hvm_viridian_domain_24", "hvm_viridian_domain_16" },
                    [16] = { "hvm_cpu_xsave" },
                    [17] = { "hvm_viridian_vcpu", "hvm_viridian_vcpu_16", "hvm_viridian_vcpu_8" },
                    [18] = { "hvm_vmce_vcpu", "hvm_vmce_vcpu_24", "hvm_vmce_vcpu_8" }, [19] = { "hvm_tsc_adjust" },
                    [20] = { "hvm_cpu_msr" },
                },
            },
        },
    },
}

LAYOUT.hvm_params = {
    reserved = { { "reserved", 4, 4, 0, 32 } },
    { kind = "uint", path = "count", name = "count", size = 4 },
    { kind = "uint", path = "reserved", name = "reserved", size = 4 },
    {
        kind = "array", path = "param", name = "param", by = "count",
        elements = {
            { kind = "uint", path = "param.index", name = "index", size = 8, names = HVM_PARAMS },
            { kind = "uint", path = "param.value", name = "value", size = 8 },
        },
    },
}

LAYOUT.blob = {
    { kind = "rest", path = "data", name = "data" },
}

LAYOUT.x86_pv_vcpu_msrs = {
    reserved = { { "reserved", 4, 4, 0, 32 } },
    { kind = "uint", path = "vcpu_id", name = "vcpu_id", size = 4 },
    { kind = "uint", path = "reserved", name = "reserved", size = 4 },
    { kind = "rest", path = "context", name = "context", inside = { [1] = { "pv_msrs" } } },
}

LAYOUT.checkpoint_dirty_pfn_list = {
    {
        kind = "array", path = "pfn", name = "pfn",
        elements = {
            { kind = "uint", path = "pfn", size = 8 },
        },
    },
}

LAYOUT.page_list = {
    reserved = { { "reserved", 4, 4, 0, 32 } },
    { kind = "uint", path = "count", name = "count", size = 4 },
    { kind = "uint", path = "reserved", name = "reserved", size = 4 },
    {
        kind = "array", path = "pfn", name = "pfn", by = "count",
        elements = {
            {
                kind = "uint",
                path = "pfn",
                size = 8,
                parts = {
                    { name = "type", shift = 60, width = 4 },
                    { name = "reserved", shift = 52, width = 8 },
                    { name = "pfn", shift = 0, width = 52 },
                },
            },
        },
    },
}

LAYOUT.x86_cpuid_policy = {
    {
        kind = "array", path = "cpuid_policy", name = "cpuid_policy",
        elements = {
            { kind = "uint", path = "cpuid_policy.leaf", name = "leaf", size = 4 },
            { kind = "uint", path = "cpuid_policy.subleaf", name = "subleaf", size = 4 },
            { kind = "uint", path = "cpuid_policy.a", name = "a", size = 4 },
            { kind = "uint", path = "cpuid_policy.b", name = "b", size = 4 },
            { kind = "uint", path = "cpuid_policy.c", name = "c", size = 4 },
            { kind = "uint", path = "cpuid_policy.d", name = "d", size = 4 },
        },
    },
}

LAYOUT.x86_msr_policy = {
    {
        kind = "array", path = "msr_policy", name = "msr_policy",
        elements = {
            { kind = "uint", path = "msr_policy.idx", name = "idx", size = 4, names = MSRS },
            { kind = "uint", path = "msr_policy.flags", name = "flags", size = 4 },
            { kind = "uint", path = "msr_policy.val", name = "val", size = 8, register = "idx" },
        },
    },
}

LAYOUT.emulator_xenstore_data = {
    { kind = "uint", path = "emulator_id", name = "emulator_id", size = 4, names = EMULATORS },
    { kind = "uint", path = "index", name = "index", size = 4 },
    {
        kind = "array", path = "xenstore_data", name = "xenstore_data",
        elements = {
            { kind = "cstring", path = "xenstore_data.key", name = "key" },
            { kind = "cstring", path = "xenstore_data.value", name = "value" },
        },
    },
}

LAYOUT.emulator_context = {
    { kind = "uint", path = "emulator_id", name = "emulator_id", size = 4, names = EMULATORS },
    { kind = "uint", path = "index", name = "index", size = 4 },
    { kind = "rest", path = "emulator_ctx", name = "emulator_ctx", is_stream_of_qemu = true },
}

LAYOUT.checkpoint_state = {
    { kind = "uint", path = "control_id", name = "control_id", size = 4, names = CHECKPOINT_STATES },
    { kind = "rest", path = "padding", name = "padding" },
}

LAYOUT.qemu_state = {
    { kind = "rest", path = "data", name = "data", is_stream_of_qemu = true },
}

LAYOUT.xl_optional_data = {
    { kind = "uint", path = "config_length", name = "config_length", size = 4 },
    { kind = "text", path = "config", name = "config", size = "config_length" },
    { kind = "rest", path = "tail", name = "tail" },
}

LAYOUT.pv_vcpu_64 = {
    path = "pv_vcpu_64.",
    size = 5168,
    { kind = "octets", path = "fpu_ctxt", name = "fpu_ctxt", size = 512, inside = { [1] = { "fxsave" } } },
    {
        kind = "uint",
        path = "flags",
        name = "flags",
        size = 8,
        parts = {
            { name = "i387_valid", shift = 0, width = 1 },
            { name = "in_kernel", shift = 2, width = 1 },
            { name = "failsafe_disables_events", shift = 3, width = 1 },
            { name = "syscall_disables_events", shift = 4, width = 1 },
            { name = "online", shift = 5, width = 1 },
            { name = "in_syscall", shift = 8, width = 1 },
        },
    },
    { kind = "uint", path = "r15", name = "r15", size = 8 },
    { kind = "uint", path = "r14", name = "r14", size = 8 },
    { kind = "uint", path = "r13", name = "r13", size = 8 },
    { kind = "uint", path = "r12", name = "r12", size = 8 },
    { kind = "uint", path = "rbp", name = "rbp", size = 8 },
    { kind = "uint", path = "rbx", name = "rbx", size = 8 },
    { kind = "uint", path = "r11", name = "r11", size = 8 },
    { kind = "uint", path = "r10", name = "r10", size = 8 },
    { kind = "uint", path = "r9", name = "r9", size = 8 },
    { kind = "uint", path = "r8", name = "r8", size = 8 },
    { kind = "uint", path = "rax", name = "rax", size = 8 },
    { kind = "uint", path = "rcx", name = "rcx", size = 8 },
    { kind = "uint", path = "rdx", name = "rdx", size = 8 },
    { kind = "uint", path = "rsi", name = "rsi", size = 8 },
    { kind = "uint", path = "rdi", name = "rdi", size = 8 },
    { kind = "uint", path = "error_code", name = "error_code", size = 4 },
    { kind = "uint", path = "entry_vector", name = "entry_vector", size = 4 },
    { kind = "uint", path = "rip", name = "rip", size = 8 },
    { kind = "uint", path = "cs", name = "cs", size = 2 },
    { kind = "octets", path = "pad_cs", name = "pad_cs", size = 2 },
    { kind = "uint", path = "saved_upcall_mask", name = "saved_upcall_mask", size = 1 },
    { kind = "octets", path = "pad_mask", name = "pad_mask", size = 3 },
    {
        kind = "uint",
        path = "rflags",
        name = "rflags",
        size = 8,
        parts = {
            { name = "CF", shift = 0, width = 1 },
            { name = "MBS", shift = 1, width = 1 },
            { name = "PF", shift = 2, width = 1 },
            { name = "AF", shift = 4, width = 1 },
            { name = "ZF", shift = 6, width = 1 },
            { name = "SF", shift = 7, width = 1 },
            { name = "TF", shift = 8, width = 1 },
            { name = "IF", shift = 9, width = 1 },
            { name = "DF", shift = 10, width = 1 },
            { name = "OF", shift = 11, width = 1 },
            { name = "NT", shift = 14, width = 1 },
            { name = "RF", shift = 16, width = 1 },
            { name = "VM", shift = 17, width = 1 },
            { name = "AC", shift = 18, width = 1 },
            { name = "VIF", shift = 19, width = 1 },
            { name = "VIP", shift = 20, width = 1 },
            { name = "ID", shift = 21, width = 1 },
            { name = "IOPL", shift = 12, width = 2 },
        },
    },
    { kind = "uint", path = "rsp", name = "rsp", size = 8 },
    { kind = "uint", path = "ss", name = "ss", size = 2 },
    { kind = "octets", path = "pad_ss", name = "pad_ss", size = 6 },
    { kind = "uint", path = "es", name = "es", size = 2 },
    { kind = "octets", path = "pad_es", name = "pad_es", size = 6 },
    { kind = "uint", path = "ds", name = "ds", size = 2 },
    { kind = "octets", path = "pad_ds", name = "pad_ds", size = 6 },
    { kind = "uint", path = "fs", name = "fs", size = 2 },
    { kind = "octets", path = "pad_fs", name = "pad_fs", size = 6 },
    { kind = "uint", path = "gs", name = "gs", size = 2 },
    { kind = "octets", path = "pad_gs", name = "pad_gs", size = 6 },
    {
        kind = "array", path = "trap_ctxt", name = "trap_ctxt", times = 256,
        elements = {
            { kind = "uint", path = "trap_ctxt.vector", name = "vector", size = 1 },
            {
                kind = "uint",
                path = "trap_ctxt.flags",
                name = "flags",
                size = 1,
                parts = { { name = "clear_events", shift = 2, width = 1 }, { name = "DPL", shift = 0, width = 2 } },
            },
            { kind = "uint", path = "trap_ctxt.cs", name = "cs", size = 2 },
            { kind = "octets", path = "trap_ctxt.pad", name = "pad", size = 4 },
            { kind = "uint", path = "trap_ctxt.address", name = "address", size = 8 },
        },
    },
    { kind = "uint", path = "ldt_base", name = "ldt_base", size = 8 },
    { kind = "uint", path = "ldt_ents", name = "ldt_ents", size = 8 },
    {
        kind = "array", path = "gdt_frames", name = "gdt_frames", times = 16,
        elements = {
            { kind = "uint", path = "gdt_frames", size = 8 },
        },
    },
    { kind = "uint", path = "gdt_ents", name = "gdt_ents", size = 8 },
    { kind = "uint", path = "kernel_ss", name = "kernel_ss", size = 8 },
    { kind = "uint", path = "kernel_sp", name = "kernel_sp", size = 8 },
    {
        kind = "uint",
        path = "cr0",
        name = "cr0",
        size = 8,
        parts = {
            { name = "PE", shift = 0, width = 1 },
            { name = "MP", shift = 1, width = 1 },
            { name = "EM", shift = 2, width = 1 },
            { name = "TS", shift = 3, width = 1 },
            { name = "ET", shift = 4, width = 1 },
            { name = "NE", shift = 5, width = 1 },
            { name = "WP", shift = 16, width = 1 },
            { name = "AM", shift = 18, width = 1 },
            { name = "NW", shift = 29, width = 1 },
            { name = "CD", shift = 30, width = 1 },
            { name = "PG", shift = 31, width = 1 },
        },
    },
    { kind = "uint", path = "cr1", name = "cr1", size = 8 },
    { kind = "uint", path = "cr2", name = "cr2", size = 8 },
    { kind = "uint", path = "cr3", name = "cr3", size = 8 },
    {
        kind = "uint",
        path = "cr4",
        name = "cr4",
        size = 8,
        parts = {
            { name = "VME", shift = 0, width = 1 },
            { name = "PVI", shift = 1, width = 1 },
            { name = "TSD", shift = 2, width = 1 },
            { name = "DE", shift = 3, width = 1 },
            { name = "PSE", shift = 4, width = 1 },
            { name = "PAE", shift = 5, width = 1 },
            { name = "MCE", shift = 6, width = 1 },
            { name = "PGE", shift = 7, width = 1 },
            { name = "PCE", shift = 8, width = 1 },
            { name = "OSFXSR", shift = 9, width = 1 },
            { name = "OSXMMEXCPT", shift = 10, width = 1 },
            { name = "UMIP", shift = 11, width = 1 },
            { name = "LA57", shift = 12, width = 1 },
            { name = "VMXE", shift = 13, width = 1 },
            { name = "SMXE", shift = 14, width = 1 },
            { name = "FSGSBASE", shift = 16, width = 1 },
            { name = "PCIDE", shift = 17, width = 1 },
            { name = "OSXSAVE", shift = 18, width = 1 },
            { name = "SMEP", shift = 20, width = 1 },
            { name = "SMAP", shift = 21, width = 1 },
            { name = "PKE", shift = 22, width = 1 },
            { name = "CET", shift = 23, width = 1 },
            { name = "PKS", shift = 24, width = 1 },
            { name = "LASS", shift = 27, width = 1 },
            { name = "FRED", shift = 32, width = 1 },
        },
    },
    { kind = "uint", path = "cr5", name = "cr5", size = 8 },
    { kind = "uint", path = "cr6", name = "cr6", size = 8 },
    { kind = "uint", path = "cr7", name = "cr7", size = 8 },
    { kind = "uint", path = "dr0", name = "dr0", size = 8 },
    { kind = "uint", path = "dr1", name = "dr1", size = 8 },
    { kind = "uint", path = "dr2", name = "dr2", size = 8 },
    { kind = "uint", path = "dr3", name = "dr3", size = 8 },
    { kind = "uint", path = "dr4", name = "dr4", size = 8 },
    { kind = "uint", path = "dr5", name = "dr5", size = 8 },
    {
        kind = "uint",
        path = "dr6",
        name = "dr6",
        size = 8,
        parts = {
            { name = "B0", shift = 0, width = 1 },
            { name = "B1", shift = 1, width = 1 },
            { name = "B2", shift = 2, width = 1 },
            { name = "B3", shift = 3, width = 1 },
            { name = "BLD", shift = 11, width = 1 },
            { name = "BD", shift = 13, width = 1 },
            { name = "BS", shift = 14, width = 1 },
            { name = "BT", shift = 15, width = 1 },
            { name = "RTM", shift = 16, width = 1 },
            { name = "ones_4", shift = 4, width = 7 },
            { name = "ones_17", shift = 17, width = 15 },
        },
    },
    {
        kind = "uint",
        path = "dr7",
        name = "dr7",
        size = 8,
        parts = {
            { name = "L0", shift = 0, width = 1 },
            { name = "G0", shift = 1, width = 1 },
            { name = "L1", shift = 2, width = 1 },
            { name = "G1", shift = 3, width = 1 },
            { name = "L2", shift = 4, width = 1 },
            { name = "G2", shift = 5, width = 1 },
            { name = "L3", shift = 6, width = 1 },
            { name = "G3", shift = 7, width = 1 },
            { name = "LE", shift = 8, width = 1 },
            { name = "GE", shift = 9, width = 1 },
            { name = "one", shift = 10, width = 1 },
            { name = "RTM", shift = 11, width = 1 },
            { name = "GD", shift = 13, width = 1 },
            { name = "RW0", shift = 16, width = 2 },
            { name = "LEN0", shift = 18, width = 2 },
            { name = "RW1", shift = 20, width = 2 },
            { name = "LEN1", shift = 22, width = 2 },
            { name = "RW2", shift = 24, width = 2 },
            { name = "LEN2", shift = 26, width = 2 },
            { name = "RW3", shift = 28, width = 2 },
            { name = "LEN3", shift = 30, width = 2 },
        },
    },
    { kind = "uint", path = "event_callback_eip", name = "event_callback_eip", size = 8 },
    { kind = "uint", path = "failsafe_callback_eip", name = "failsafe_callback_eip", size = 8 },
    { kind = "uint", path = "syscall_callback_eip", name = "syscall_callback_eip", size = 8 },
    {
        kind = "uint",
        path = "vm_assist",
        name = "vm_assist",
        size = 8,
        parts = {
            { name = "4gb_segments", shift = 0, width = 1 },
            { name = "4gb_segments_notify", shift = 1, width = 1 },
            { name = "writable_pagetables", shift = 2, width = 1 },
            { name = "pae_extended_cr3", shift = 3, width = 1 },
            { name = "architectural_iopl", shift = 4, width = 1 },
            { name = "runstate_update_flag", shift = 5, width = 1 },
            { name = "m2p_strict", shift = 32, width = 1 },
        },
    },
    { kind = "uint", path = "fs_base", name = "fs_base", size = 8 },
    { kind = "uint", path = "gs_base_kernel", name = "gs_base_kernel", size = 8 },
    { kind = "uint", path = "gs_base_user", name = "gs_base_user", size = 8 },
}

LAYOUT.fxsave = {
    path = "fxsave.",
    size = 512,
    { kind = "uint", path = "fcw", name = "fcw", size = 2 },
    { kind = "uint", path = "fsw", name = "fsw", size = 2 },
    { kind = "uint", path = "ftw", name = "ftw", size = 1 },
    { kind = "octets", path = "pad0", name = "pad0", size = 1 },
    { kind = "uint", path = "fop", name = "fop", size = 2 },
    { kind = "uint", path = "fip", name = "fip", size = 8 },
    { kind = "uint", path = "fdp", name = "fdp", size = 8 },
    {
        kind = "uint",
        path = "mxcsr",
        name = "mxcsr",
        size = 4,
        parts = {
            { name = "IE", shift = 0, width = 1 },
            { name = "DE", shift = 1, width = 1 },
            { name = "ZE", shift = 2, width = 1 },
            { name = "OE", shift = 3, width = 1 },
            { name = "UE", shift = 4, width = 1 },
            { name = "PE", shift = 5, width = 1 },
            { name = "DAZ", shift = 6, width = 1 },
            { name = "IM", shift = 7, width = 1 },
            { name = "DM", shift = 8, width = 1 },
            { name = "ZM", shift = 9, width = 1 },
            { name = "OM", shift = 10, width = 1 },
            { name = "UM", shift = 11, width = 1 },
            { name = "PM", shift = 12, width = 1 },
            { name = "FTZ", shift = 15, width = 1 },
            { name = "RC", shift = 13, width = 2 },
        },
    },
    { kind = "uint", path = "mxcsr_mask", name = "mxcsr_mask", size = 4 },
    {
        kind = "array", path = "st", name = "st", times = 8,
        elements = {
            { kind = "octets", path = "st", size = 16 },
        },
    },
    {
        kind = "array", path = "xmm", name = "xmm", times = 16,
        elements = {
            { kind = "octets", path = "xmm", size = 16 },
        },
    },
    { kind = "octets", path = "pad1", name = "pad1", size = 48 },
    { kind = "octets", path = "available", name = "available", size = 48 },
}

LAYOUT.pv_vcpu_32 = {
    path = "pv_vcpu_32.",
    size = 2800,
    { kind = "octets", path = "fpu_ctxt", name = "fpu_ctxt", size = 512, inside = { [1] = { "fxsave" } } },
    {
        kind = "uint",
        path = "flags",
        name = "flags",
        size = 4,
        parts = {
            { name = "i387_valid", shift = 0, width = 1 },
            { name = "in_kernel", shift = 2, width = 1 },
            { name = "failsafe_disables_events", shift = 3, width = 1 },
            { name = "syscall_disables_events", shift = 4, width = 1 },
            { name = "online", shift = 5, width = 1 },
            { name = "in_syscall", shift = 8, width = 1 },
        },
    },
    { kind = "uint", path = "ebx", name = "ebx", size = 4 },
    { kind = "uint", path = "ecx", name = "ecx", size = 4 },
    { kind = "uint", path = "edx", name = "edx", size = 4 },
    { kind = "uint", path = "esi", name = "esi", size = 4 },
    { kind = "uint", path = "edi", name = "edi", size = 4 },
    { kind = "uint", path = "ebp", name = "ebp", size = 4 },
    { kind = "uint", path = "eax", name = "eax", size = 4 },
    { kind = "uint", path = "error_code", name = "error_code", size = 2 },
    { kind = "uint", path = "entry_vector", name = "entry_vector", size = 2 },
    { kind = "uint", path = "eip", name = "eip", size = 4 },
    { kind = "uint", path = "cs", name = "cs", size = 2 },
    { kind = "uint", path = "saved_upcall_mask", name = "saved_upcall_mask", size = 1 },
    { kind = "octets", path = "pad_mask", name = "pad_mask", size = 1 },
    {
        kind = "uint",
        path = "eflags",
        name = "eflags",
        size = 4,
        parts = {
            { name = "CF", shift = 0, width = 1 },
            { name = "MBS", shift = 1, width = 1 },
            { name = "PF", shift = 2, width = 1 },
            { name = "AF", shift = 4, width = 1 },
            { name = "ZF", shift = 6, width = 1 },
            { name = "SF", shift = 7, width = 1 },
            { name = "TF", shift = 8, width = 1 },
            { name = "IF", shift = 9, width = 1 },
            { name = "DF", shift = 10, width = 1 },
            { name = "OF", shift = 11, width = 1 },
            { name = "NT", shift = 14, width = 1 },
            { name = "RF", shift = 16, width = 1 },
            { name = "VM", shift = 17, width = 1 },
            { name = "AC", shift = 18, width = 1 },
            { name = "VIF", shift = 19, width = 1 },
            { name = "VIP", shift = 20, width = 1 },
            { name = "ID", shift = 21, width = 1 },
            { name = "IOPL", shift = 12, width = 2 },
        },
    },
    { kind = "uint", path = "esp", name = "esp", size = 4 },
    { kind = "uint", path = "ss", name = "ss", size = 2 },
    { kind = "octets", path = "pad_ss", name = "pad_ss", size = 2 },
    { kind = "uint", path = "es", name = "es", size = 2 },
    { kind = "octets", path = "pad_es", name = "pad_es", size = 2 },
    { kind = "uint", path = "ds", name = "ds", size = 2 },
    { kind = "octets", path = "pad_ds", name = "pad_ds", size = 2 },
    { kind = "uint", path = "fs", name = "fs", size = 2 },
    { kind = "octets", path = "pad_fs", name = "pad_fs", size = 2 },
    { kind = "uint", path = "gs", name = "gs", size = 2 },
    { kind = "octets", path = "pad_gs", name = "pad_gs", size = 2 },
    {
        kind = "array", path = "trap_ctxt", name = "trap_ctxt", times = 256,
        elements = {
            { kind = "uint", path = "trap_ctxt.vector", name = "vector", size = 1 },
            {
                kind = "uint",
                path = "trap_ctxt.flags",
                name = "flags",
                size = 1,
                parts = { { name = "clear_events", shift = 2, width = 1 }, { name = "DPL", shift = 0, width = 2 } },
            },
            { kind = "uint", path = "trap_ctxt.cs", name = "cs", size = 2 },
            { kind = "uint", path = "trap_ctxt.address", name = "address", size = 4 },
        },
    },
    { kind = "uint", path = "ldt_base", name = "ldt_base", size = 4 },
    { kind = "uint", path = "ldt_ents", name = "ldt_ents", size = 4 },
    {
        kind = "array", path = "gdt_frames", name = "gdt_frames", times = 16,
        elements = {
            { kind = "uint", path = "gdt_frames", size = 4 },
        },
    },
    { kind = "uint", path = "gdt_ents", name = "gdt_ents", size = 4 },
    { kind = "uint", path = "kernel_ss", name = "kernel_ss", size = 4 },
    { kind = "uint", path = "kernel_sp", name = "kernel_sp", size = 4 },
    {
        kind = "uint",
        path = "cr0",
        name = "cr0",
        size = 4,
        parts = {
            { name = "PE", shift = 0, width = 1 },
            { name = "MP", shift = 1, width = 1 },
            { name = "EM", shift = 2, width = 1 },
            { name = "TS", shift = 3, width = 1 },
            { name = "ET", shift = 4, width = 1 },
            { name = "NE", shift = 5, width = 1 },
            { name = "WP", shift = 16, width = 1 },
            { name = "AM", shift = 18, width = 1 },
            { name = "NW", shift = 29, width = 1 },
            { name = "CD", shift = 30, width = 1 },
            { name = "PG", shift = 31, width = 1 },
        },
    },
    { kind = "uint", path = "cr1", name = "cr1", size = 4 },
    { kind = "uint", path = "cr2", name = "cr2", size = 4 },
    { kind = "uint", path = "cr3", name = "cr3", size = 4 },
    {
        kind = "uint",
        path = "cr4",
        name = "cr4",
        size = 4,
        parts = {
            { name = "VME", shift = 0, width = 1 },
            { name = "PVI", shift = 1, width = 1 },
            { name = "TSD", shift = 2, width = 1 },
            { name = "DE", shift = 3, width = 1 },
            { name = "PSE", shift = 4, width = 1 },
            { name = "PAE", shift = 5, width = 1 },
            { name = "MCE", shift = 6, width = 1 },
            { name = "PGE", shift = 7, width = 1 },
            { name = "PCE", shift = 8, width = 1 },
            { name = "OSFXSR", shift = 9, width = 1 },
            { name = "OSXMMEXCPT", shift = 10, width = 1 },
            { name = "UMIP", shift = 11, width = 1 },
            { name = "LA57", shift = 12, width = 1 },
            { name = "VMXE", shift = 13, width = 1 },
            { name = "SMXE", shift = 14, width = 1 },
            { name = "FSGSBASE", shift = 16, width = 1 },
            { name = "PCIDE", shift = 17, width = 1 },
            { name = "OSXSAVE", shift = 18, width = 1 },
            { name = "SMEP", shift = 20, width = 1 },
            { name = "SMAP", shift = 21, width = 1 },
            { name = "PKE", shift = 22, width = 1 },
            { name = "CET", shift = 23, width = 1 },
            { name = "PKS", shift = 24, width = 1 },
            { name = "LASS", shift = 27, width = 1 },
        },
    },
    { kind = "uint", path = "cr5", name = "cr5", size = 4 },
    { kind = "uint", path = "cr6", name = "cr6", size = 4 },
    { kind = "uint", path = "cr7", name = "cr7", size = 4 },
    { kind = "uint", path = "dr0", name = "dr0", size = 4 },
    { kind = "uint", path = "dr1", name = "dr1", size = 4 },
    { kind = "uint", path = "dr2", name = "dr2", size = 4 },
    { kind = "uint", path = "dr3", name = "dr3", size = 4 },
    { kind = "uint", path = "dr4", name = "dr4", size = 4 },
    { kind = "uint", path = "dr5", name = "dr5", size = 4 },
    {
        kind = "uint",
        path = "dr6",
        name = "dr6",
        size = 4,
        parts = {
            { name = "B0", shift = 0, width = 1 },
            { name = "B1", shift = 1, width = 1 },
            { name = "B2", shift = 2, width = 1 },
            { name = "B3", shift = 3, width = 1 },
            { name = "BLD", shift = 11, width = 1 },
            { name = "BD", shift = 13, width = 1 },
            { name = "BS", shift = 14, width = 1 },
            { name = "BT", shift = 15, width = 1 },
            { name = "RTM", shift = 16, width = 1 },
            { name = "ones_4", shift = 4, width = 7 },
            { name = "ones_17", shift = 17, width = 15 },
        },
    },
    {
        kind = "uint",
        path = "dr7",
        name = "dr7",
        size = 4,
        parts = {
            { name = "L0", shift = 0, width = 1 },
            { name = "G0", shift = 1, width = 1 },
            { name = "L1", shift = 2, width = 1 },
            { name = "G1", shift = 3, width = 1 },
            { name = "L2", shift = 4, width = 1 },
            { name = "G2", shift = 5, width = 1 },
            { name = "L3", shift = 6, width = 1 },
            { name = "G3", shift = 7, width = 1 },
            { name = "LE", shift = 8, width = 1 },
            { name = "GE", shift = 9, width = 1 },
            { name = "one", shift = 10, width = 1 },
            { name = "RTM", shift = 11, width = 1 },
            { name = "GD", shift = 13, width = 1 },
            { name = "RW0", shift = 16, width = 2 },
            { name = "LEN0", shift = 18, width = 2 },
            { name = "RW1", shift = 20, width = 2 },
            { name = "LEN1", shift = 22, width = 2 },
            { name = "RW2", shift = 24, width = 2 },
            { name = "LEN2", shift = 26, width = 2 },
            { name = "RW3", shift = 28, width = 2 },
            { name = "LEN3", shift = 30, width = 2 },
        },
    },
    { kind = "uint", path = "event_callback_cs", name = "event_callback_cs", size = 4 },
    { kind = "uint", path = "event_callback_eip", name = "event_callback_eip", size = 4 },
    { kind = "uint", path = "failsafe_callback_cs", name = "failsafe_callback_cs", size = 4 },
    { kind = "uint", path = "failsafe_callback_eip", name = "failsafe_callback_eip", size = 4 },
    {
        kind = "uint",
        path = "vm_assist",
        name = "vm_assist",
        size = 4,
        parts = {
            { name = "4gb_segments", shift = 0, width = 1 },
            { name = "4gb_segments_notify", shift = 1, width = 1 },
            { name = "writable_pagetables", shift = 2, width = 1 },
            { name = "pae_extended_cr3", shift = 3, width = 1 },
            { name = "architectural_iopl", shift = 4, width = 1 },
            { name = "runstate_update_flag", shift = 5, width = 1 },
        },
    },
}

LAYOUT.pv_extended = {
    path = "pv_extended.",
    { kind = "uint", path = "vcpu", name = "vcpu", size = 4 },
    { kind = "uint", path = "size", name = "size", size = 4 },
    { kind = "uint", path = "syscall32_callback_eip", name = "syscall32_callback_eip", size = 8 },
    { kind = "uint", path = "sysenter_callback_eip", name = "sysenter_callback_eip", size = 8 },
    { kind = "uint", path = "syscall32_callback_cs", name = "syscall32_callback_cs", size = 2 },
    { kind = "uint", path = "sysenter_callback_cs", name = "sysenter_callback_cs", size = 2 },
    { kind = "uint", path = "syscall32_disables_events", name = "syscall32_disables_events", size = 1 },
    { kind = "uint", path = "sysenter_disables_events", name = "sysenter_disables_events", size = 1 },
    { kind = "octets", path = "pad", name = "pad", size = 2 },
    { kind = "uint", path = "caps", name = "caps", size = 8 },
    { kind = "uint", path = "mci_ctl2_bank0", name = "mci_ctl2_bank0", size = 8 },
    { kind = "uint", path = "mci_ctl2_bank1", name = "mci_ctl2_bank1", size = 8 },
    { kind = "uint", path = "mcg_ext_ctl", name = "mcg_ext_ctl", size = 8 },
    { kind = "rest", path = "tail", name = "tail" },
}

LAYOUT.pv_extended_mcg = {
    path = "pv_extended_mcg.",
    size = 40,
    { kind = "uint", path = "vcpu", name = "vcpu", size = 4 },
    { kind = "uint", path = "size", name = "size", size = 4 },
    { kind = "uint", path = "syscall32_callback_eip", name = "syscall32_callback_eip", size = 8 },
    { kind = "uint", path = "sysenter_callback_eip", name = "sysenter_callback_eip", size = 8 },
    { kind = "uint", path = "syscall32_callback_cs", name = "syscall32_callback_cs", size = 2 },
    { kind = "uint", path = "sysenter_callback_cs", name = "sysenter_callback_cs", size = 2 },
    { kind = "uint", path = "syscall32_disables_events", name = "syscall32_disables_events", size = 1 },
    { kind = "uint", path = "sysenter_disables_events", name = "sysenter_disables_events", size = 1 },
    { kind = "octets", path = "pad", name = "pad", size = 2 },
    { kind = "uint", path = "mcg_cap", name = "mcg_cap", size = 8 },
}

LAYOUT.pv_xsave = {
    path = "pv_xsave.",
    {
        kind = "uint",
        path = "xcr0",
        name = "xcr0",
        size = 8,
        parts = {
            { name = "X87", shift = 0, width = 1 },
            { name = "SSE", shift = 1, width = 1 },
            { name = "YMM", shift = 2, width = 1 },
            { name = "BNDREGS", shift = 3, width = 1 },
            { name = "BNDCSR", shift = 4, width = 1 },
            { name = "OPMASK", shift = 5, width = 1 },
            { name = "ZMM", shift = 6, width = 1 },
            { name = "HI_ZMM", shift = 7, width = 1 },
            { name = "PROC_TRACE", shift = 8, width = 1 },
            { name = "PKRU", shift = 9, width = 1 },
            { name = "PASID", shift = 10, width = 1 },
            { name = "CET_U", shift = 11, width = 1 },
            { name = "CET_S", shift = 12, width = 1 },
            { name = "HDC", shift = 13, width = 1 },
            { name = "UINTR", shift = 14, width = 1 },
            { name = "LBR", shift = 15, width = 1 },
            { name = "HWP", shift = 16, width = 1 },
            { name = "TILE_CFG", shift = 17, width = 1 },
            { name = "TILE_DATA", shift = 18, width = 1 },
            { name = "LWP", shift = 62, width = 1 },
        },
    },
    {
        kind = "uint",
        path = "xcr0_accum",
        name = "xcr0_accum",
        size = 8,
        parts = {
            { name = "X87", shift = 0, width = 1 },
            { name = "SSE", shift = 1, width = 1 },
            { name = "YMM", shift = 2, width = 1 },
            { name = "BNDREGS", shift = 3, width = 1 },
            { name = "BNDCSR", shift = 4, width = 1 },
            { name = "OPMASK", shift = 5, width = 1 },
            { name = "ZMM", shift = 6, width = 1 },
            { name = "HI_ZMM", shift = 7, width = 1 },
            { name = "PROC_TRACE", shift = 8, width = 1 },
            { name = "PKRU", shift = 9, width = 1 },
            { name = "PASID", shift = 10, width = 1 },
            { name = "CET_U", shift = 11, width = 1 },
            { name = "CET_S", shift = 12, width = 1 },
            { name = "HDC", shift = 13, width = 1 },
            { name = "UINTR", shift = 14, width = 1 },
            { name = "LBR", shift = 15, width = 1 },
            { name = "HWP", shift = 16, width = 1 },
            { name = "TILE_CFG", shift = 17, width = 1 },
            { name = "TILE_DATA", shift = 18, width = 1 },
            { name = "LWP", shift = 62, width = 1 },
        },
    },
    { kind = "octets", path = "fpu_sse", name = "fpu_sse", size = 512, inside = { [1] = { "fxsave" } } },
    {
        kind = "uint",
        path = "xstate_bv",
        name = "xstate_bv",
        size = 8,
        parts = {
            { name = "X87", shift = 0, width = 1 },
            { name = "SSE", shift = 1, width = 1 },
            { name = "YMM", shift = 2, width = 1 },
            { name = "BNDREGS", shift = 3, width = 1 },
            { name = "BNDCSR", shift = 4, width = 1 },
            { name = "OPMASK", shift = 5, width = 1 },
            { name = "ZMM", shift = 6, width = 1 },
            { name = "HI_ZMM", shift = 7, width = 1 },
            { name = "PROC_TRACE", shift = 8, width = 1 },
            { name = "PKRU", shift = 9, width = 1 },
            { name = "PASID", shift = 10, width = 1 },
            { name = "CET_U", shift = 11, width = 1 },
            { name = "CET_S", shift = 12, width = 1 },
            { name = "HDC", shift = 13, width = 1 },
            { name = "UINTR", shift = 14, width = 1 },
            { name = "LBR", shift = 15, width = 1 },
            { name = "HWP", shift = 16, width = 1 },
            { name = "TILE_CFG", shift = 17, width = 1 },
            { name = "TILE_DATA", shift = 18, width = 1 },
            { name = "LWP", shift = 62, width = 1 },
        },
    },
    { kind = "uint", path = "xcomp_bv", name = "xcomp_bv", size = 8 },
    { kind = "octets", path = "pad", name = "pad", size = 48 },
    { kind = "rest", path = "components", name = "components" },
}

LAYOUT.shared_info_32 = {
    path = "shared_info_32.",
    size = 4096,
    {
        kind = "array", path = "vcpu_info", name = "vcpu_info", times = 32,
        elements = {
            { kind = "uint", path = "vcpu_info.evtchn_upcall_pending", name = "evtchn_upcall_pending", size = 1 },
            { kind = "uint", path = "vcpu_info.evtchn_upcall_mask", name = "evtchn_upcall_mask", size = 1 },
            { kind = "octets", path = "vcpu_info.pad0", name = "pad0", size = 2 },
            { kind = "uint", path = "vcpu_info.evtchn_pending_sel", name = "evtchn_pending_sel", size = 4 },
            { kind = "uint", path = "vcpu_info.cr2", name = "cr2", size = 4 },
            { kind = "octets", path = "vcpu_info.pad", name = "pad", size = 20 },
            { kind = "uint", path = "vcpu_info.time_version", name = "time_version", size = 4 },
            { kind = "octets", path = "vcpu_info.pad_time", name = "pad_time", size = 4 },
            { kind = "uint", path = "vcpu_info.tsc_timestamp", name = "tsc_timestamp", size = 8 },
            { kind = "uint", path = "vcpu_info.system_time", name = "system_time", size = 8 },
            { kind = "uint", path = "vcpu_info.tsc_to_system_mul", name = "tsc_to_system_mul", size = 4 },
            { kind = "uint", path = "vcpu_info.tsc_shift", name = "tsc_shift", size = 1 },
            {
                kind = "uint",
                path = "vcpu_info.time_flags",
                name = "time_flags",
                size = 1,
                parts = {
                    { name = "TSC_STABLE", shift = 0, width = 1 },
                    { name = "GUEST_STOPPED", shift = 1, width = 1 },
                },
            },
            { kind = "octets", path = "vcpu_info.pad_flags", name = "pad_flags", size = 2 },
        },
    },
    { kind = "octets", path = "evtchn_pending", name = "evtchn_pending", size = 128 },
    { kind = "octets", path = "evtchn_mask", name = "evtchn_mask", size = 128 },
    { kind = "uint", path = "wc_version", name = "wc_version", size = 4 },
    { kind = "uint", path = "wc_sec", name = "wc_sec", size = 4 },
    { kind = "uint", path = "wc_nsec", name = "wc_nsec", size = 4 },
    { kind = "uint", path = "max_pfn", name = "max_pfn", size = 4 },
    { kind = "uint", path = "pfn_to_mfn_frame_list_list", name = "pfn_to_mfn_frame_list_list", size = 4 },
    { kind = "uint", path = "nmi_reason", name = "nmi_reason", size = 4 },
    { kind = "uint", path = "p2m_cr3", name = "p2m_cr3", size = 4 },
    { kind = "uint", path = "p2m_vaddr", name = "p2m_vaddr", size = 4 },
    { kind = "uint", path = "p2m_generation", name = "p2m_generation", size = 4 },
    { kind = "uint", path = "wc_sec_hi", name = "wc_sec_hi", size = 4 },
    { kind = "octets", path = "tail", name = "tail", size = 1752 },
}

LAYOUT.shared_info_64 = {
    path = "shared_info_64.",
    size = 4096,
    {
        kind = "array", path = "vcpu_info", name = "vcpu_info", times = 32,
        elements = {
            { kind = "uint", path = "vcpu_info.evtchn_upcall_pending", name = "evtchn_upcall_pending", size = 1 },
            { kind = "uint", path = "vcpu_info.evtchn_upcall_mask", name = "evtchn_upcall_mask", size = 1 },
            { kind = "octets", path = "vcpu_info.pad0", name = "pad0", size = 6 },
            { kind = "uint", path = "vcpu_info.evtchn_pending_sel", name = "evtchn_pending_sel", size = 8 },
            { kind = "uint", path = "vcpu_info.cr2", name = "cr2", size = 8 },
            { kind = "octets", path = "vcpu_info.pad", name = "pad", size = 8 },
            { kind = "uint", path = "vcpu_info.time_version", name = "time_version", size = 4 },
            { kind = "octets", path = "vcpu_info.pad_time", name = "pad_time", size = 4 },
            { kind = "uint", path = "vcpu_info.tsc_timestamp", name = "tsc_timestamp", size = 8 },
            { kind = "uint", path = "vcpu_info.system_time", name = "system_time", size = 8 },
            { kind = "uint", path = "vcpu_info.tsc_to_system_mul", name = "tsc_to_system_mul", size = 4 },
            { kind = "uint", path = "vcpu_info.tsc_shift", name = "tsc_shift", size = 1 },
            {
                kind = "uint",
                path = "vcpu_info.time_flags",
                name = "time_flags",
                size = 1,
                parts = {
                    { name = "TSC_STABLE", shift = 0, width = 1 },
                    { name = "GUEST_STOPPED", shift = 1, width = 1 },
                },
            },
            { kind = "octets", path = "vcpu_info.pad_flags", name = "pad_flags", size = 2 },
        },
    },
    { kind = "octets", path = "evtchn_pending", name = "evtchn_pending", size = 512 },
    { kind = "octets", path = "evtchn_mask", name = "evtchn_mask", size = 512 },
    { kind = "uint", path = "wc_version", name = "wc_version", size = 4 },
    { kind = "uint", path = "wc_sec", name = "wc_sec", size = 4 },
    { kind = "uint", path = "wc_nsec", name = "wc_nsec", size = 4 },
    { kind = "uint", path = "wc_sec_hi", name = "wc_sec_hi", size = 4 },
    { kind = "uint", path = "max_pfn", name = "max_pfn", size = 8 },
    { kind = "uint", path = "pfn_to_mfn_frame_list_list", name = "pfn_to_mfn_frame_list_list", size = 8 },
    { kind = "uint", path = "nmi_reason", name = "nmi_reason", size = 8 },
    { kind = "uint", path = "p2m_cr3", name = "p2m_cr3", size = 8 },
    { kind = "uint", path = "p2m_vaddr", name = "p2m_vaddr", size = 8 },
    { kind = "uint", path = "p2m_generation", name = "p2m_generation", size = 8 },
    { kind = "octets", path = "tail", name = "tail", size = 960 },
}

LAYOUT.hvm_header = {
    path = "hvm_header.",
    size = 24,
    { kind = "uint", path = "magic", name = "magic", size = 4 },
    { kind = "uint", path = "version", name = "version", size = 4 },
    { kind = "uint", path = "changeset", name = "changeset", size = 8 },
    { kind = "uint", path = "cpuid", name = "cpuid", size = 4 },
    { kind = "uint", path = "gtsc_khz", name = "gtsc_khz", size = 4 },
}

LAYOUT.hvm_cpu = {
    path = "hvm_cpu.",
    size = 1032,
    { kind = "octets", path = "fpu_regs", name = "fpu_regs", size = 512, inside = { [1] = { "fxsave" } } },
    { kind = "uint", path = "rax", name = "rax", size = 8 },
    { kind = "uint", path = "rbx", name = "rbx", size = 8 },
    { kind = "uint", path = "rcx", name = "rcx", size = 8 },
    { kind = "uint", path = "rdx", name = "rdx", size = 8 },
    { kind = "uint", path = "rbp", name = "rbp", size = 8 },
    { kind = "uint", path = "rsi", name = "rsi", size = 8 },
    { kind = "uint", path = "rdi", name = "rdi", size = 8 },
    { kind = "uint", path = "rsp", name = "rsp", size = 8 },
    { kind = "uint", path = "r8", name = "r8", size = 8 },
    { kind = "uint", path = "r9", name = "r9", size = 8 },
    { kind = "uint", path = "r10", name = "r10", size = 8 },
    { kind = "uint", path = "r11", name = "r11", size = 8 },
    { kind = "uint", path = "r12", name = "r12", size = 8 },
    { kind = "uint", path = "r13", name = "r13", size = 8 },
    { kind = "uint", path = "r14", name = "r14", size = 8 },
    { kind = "uint", path = "r15", name = "r15", size = 8 },
    { kind = "uint", path = "rip", name = "rip", size = 8 },
    {
        kind = "uint",
        path = "rflags",
        name = "rflags",
        size = 8,
        parts = {
            { name = "CF", shift = 0, width = 1 },
            { name = "MBS", shift = 1, width = 1 },
            { name = "PF", shift = 2, width = 1 },
            { name = "AF", shift = 4, width = 1 },
            { name = "ZF", shift = 6, width = 1 },
            { name = "SF", shift = 7, width = 1 },
            { name = "TF", shift = 8, width = 1 },
            { name = "IF", shift = 9, width = 1 },
            { name = "DF", shift = 10, width = 1 },
            { name = "OF", shift = 11, width = 1 },
            { name = "NT", shift = 14, width = 1 },
            { name = "RF", shift = 16, width = 1 },
            { name = "VM", shift = 17, width = 1 },
            { name = "AC", shift = 18, width = 1 },
            { name = "VIF", shift = 19, width = 1 },
            { name = "VIP", shift = 20, width = 1 },
            { name = "ID", shift = 21, width = 1 },
            { name = "IOPL", shift = 12, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "cr0",
        name = "cr0",
        size = 8,
        parts = {
            { name = "PE", shift = 0, width = 1 },
            { name = "MP", shift = 1, width = 1 },
            { name = "EM", shift = 2, width = 1 },
            { name = "TS", shift = 3, width = 1 },
            { name = "ET", shift = 4, width = 1 },
            { name = "NE", shift = 5, width = 1 },
            { name = "WP", shift = 16, width = 1 },
            { name = "AM", shift = 18, width = 1 },
            { name = "NW", shift = 29, width = 1 },
            { name = "CD", shift = 30, width = 1 },
            { name = "PG", shift = 31, width = 1 },
        },
    },
    { kind = "uint", path = "cr2", name = "cr2", size = 8 },
    { kind = "uint", path = "cr3", name = "cr3", size = 8 },
    {
        kind = "uint",
        path = "cr4",
        name = "cr4",
        size = 8,
        parts = {
            { name = "VME", shift = 0, width = 1 },
            { name = "PVI", shift = 1, width = 1 },
            { name = "TSD", shift = 2, width = 1 },
            { name = "DE", shift = 3, width = 1 },
            { name = "PSE", shift = 4, width = 1 },
            { name = "PAE", shift = 5, width = 1 },
            { name = "MCE", shift = 6, width = 1 },
            { name = "PGE", shift = 7, width = 1 },
            { name = "PCE", shift = 8, width = 1 },
            { name = "OSFXSR", shift = 9, width = 1 },
            { name = "OSXMMEXCPT", shift = 10, width = 1 },
            { name = "UMIP", shift = 11, width = 1 },
            { name = "LA57", shift = 12, width = 1 },
            { name = "VMXE", shift = 13, width = 1 },
            { name = "SMXE", shift = 14, width = 1 },
            { name = "FSGSBASE", shift = 16, width = 1 },
            { name = "PCIDE", shift = 17, width = 1 },
            { name = "OSXSAVE", shift = 18, width = 1 },
            { name = "SMEP", shift = 20, width = 1 },
            { name = "SMAP", shift = 21, width = 1 },
            { name = "PKE", shift = 22, width = 1 },
            { name = "CET", shift = 23, width = 1 },
            { name = "PKS", shift = 24, width = 1 },
            { name = "LASS", shift = 27, width = 1 },
            { name = "FRED", shift = 32, width = 1 },
        },
    },
    { kind = "uint", path = "dr0", name = "dr0", size = 8 },
    { kind = "uint", path = "dr1", name = "dr1", size = 8 },
    { kind = "uint", path = "dr2", name = "dr2", size = 8 },
    { kind = "uint", path = "dr3", name = "dr3", size = 8 },
    {
        kind = "uint",
        path = "dr6",
        name = "dr6",
        size = 8,
        parts = {
            { name = "B0", shift = 0, width = 1 },
            { name = "B1", shift = 1, width = 1 },
            { name = "B2", shift = 2, width = 1 },
            { name = "B3", shift = 3, width = 1 },
            { name = "BLD", shift = 11, width = 1 },
            { name = "BD", shift = 13, width = 1 },
            { name = "BS", shift = 14, width = 1 },
            { name = "BT", shift = 15, width = 1 },
            { name = "RTM", shift = 16, width = 1 },
            { name = "ones_4", shift = 4, width = 7 },
            { name = "ones_17", shift = 17, width = 15 },
        },
    },
    {
        kind = "uint",
        path = "dr7",
        name = "dr7",
        size = 8,
        parts = {
            { name = "L0", shift = 0, width = 1 },
            { name = "G0", shift = 1, width = 1 },
            { name = "L1", shift = 2, width = 1 },
            { name = "G1", shift = 3, width = 1 },
            { name = "L2", shift = 4, width = 1 },
            { name = "G2", shift = 5, width = 1 },
            { name = "L3", shift = 6, width = 1 },
            { name = "G3", shift = 7, width = 1 },
            { name = "LE", shift = 8, width = 1 },
            { name = "GE", shift = 9, width = 1 },
            { name = "one", shift = 10, width = 1 },
            { name = "RTM", shift = 11, width = 1 },
            { name = "GD", shift = 13, width = 1 },
            { name = "RW0", shift = 16, width = 2 },
            { name = "LEN0", shift = 18, width = 2 },
            { name = "RW1", shift = 20, width = 2 },
            { name = "LEN1", shift = 22, width = 2 },
            { name = "RW2", shift = 24, width = 2 },
            { name = "LEN2", shift = 26, width = 2 },
            { name = "RW3", shift = 28, width = 2 },
            { name = "LEN3", shift = 30, width = 2 },
        },
    },
    { kind = "uint", path = "cs_sel", name = "cs_sel", size = 4 },
    { kind = "uint", path = "ds_sel", name = "ds_sel", size = 4 },
    { kind = "uint", path = "es_sel", name = "es_sel", size = 4 },
    { kind = "uint", path = "fs_sel", name = "fs_sel", size = 4 },
    { kind = "uint", path = "gs_sel", name = "gs_sel", size = 4 },
    { kind = "uint", path = "ss_sel", name = "ss_sel", size = 4 },
    { kind = "uint", path = "tr_sel", name = "tr_sel", size = 4 },
    { kind = "uint", path = "ldtr_sel", name = "ldtr_sel", size = 4 },
    { kind = "uint", path = "cs_limit", name = "cs_limit", size = 4 },
    { kind = "uint", path = "ds_limit", name = "ds_limit", size = 4 },
    { kind = "uint", path = "es_limit", name = "es_limit", size = 4 },
    { kind = "uint", path = "fs_limit", name = "fs_limit", size = 4 },
    { kind = "uint", path = "gs_limit", name = "gs_limit", size = 4 },
    { kind = "uint", path = "ss_limit", name = "ss_limit", size = 4 },
    { kind = "uint", path = "tr_limit", name = "tr_limit", size = 4 },
    { kind = "uint", path = "ldtr_limit", name = "ldtr_limit", size = 4 },
    { kind = "uint", path = "idtr_limit", name = "idtr_limit", size = 4 },
    { kind = "uint", path = "gdtr_limit", name = "gdtr_limit", size = 4 },
    { kind = "uint", path = "cs_base", name = "cs_base", size = 8 },
    { kind = "uint", path = "ds_base", name = "ds_base", size = 8 },
    { kind = "uint", path = "es_base", name = "es_base", size = 8 },
    { kind = "uint", path = "fs_base", name = "fs_base", size = 8 },
    { kind = "uint", path = "gs_base", name = "gs_base", size = 8 },
    { kind = "uint", path = "ss_base", name = "ss_base", size = 8 },
    { kind = "uint", path = "tr_base", name = "tr_base", size = 8 },
    { kind = "uint", path = "ldtr_base", name = "ldtr_base", size = 8 },
    { kind = "uint", path = "idtr_base", name = "idtr_base", size = 8 },
    { kind = "uint", path = "gdtr_base", name = "gdtr_base", size = 8 },
    {
        kind = "uint",
        path = "cs_arbytes",
        name = "cs_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "ds_arbytes",
        name = "ds_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "es_arbytes",
        name = "es_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "fs_arbytes",
        name = "fs_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "gs_arbytes",
        name = "gs_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "ss_arbytes",
        name = "ss_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "tr_arbytes",
        name = "tr_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "ldtr_arbytes",
        name = "ldtr_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    { kind = "uint", path = "sysenter_cs", name = "sysenter_cs", size = 8 },
    { kind = "uint", path = "sysenter_esp", name = "sysenter_esp", size = 8 },
    { kind = "uint", path = "sysenter_eip", name = "sysenter_eip", size = 8 },
    { kind = "uint", path = "shadow_gs", name = "shadow_gs", size = 8 },
    { kind = "uint", path = "msr_flags", name = "msr_flags", size = 8 },
    { kind = "uint", path = "msr_lstar", name = "msr_lstar", size = 8 },
    { kind = "uint", path = "msr_star", name = "msr_star", size = 8 },
    { kind = "uint", path = "msr_cstar", name = "msr_cstar", size = 8 },
    { kind = "uint", path = "msr_syscall_mask", name = "msr_syscall_mask", size = 8 },
    {
        kind = "uint",
        path = "msr_efer",
        name = "msr_efer",
        size = 8,
        parts = {
            { name = "SCE", shift = 0, width = 1 },
            { name = "LME", shift = 8, width = 1 },
            { name = "LMA", shift = 10, width = 1 },
            { name = "NXE", shift = 11, width = 1 },
            { name = "SVME", shift = 12, width = 1 },
            { name = "FFXSE", shift = 14, width = 1 },
            { name = "AIBRSE", shift = 21, width = 1 },
        },
    },
    { kind = "uint", path = "msr_tsc_aux", name = "msr_tsc_aux", size = 8 },
    { kind = "uint", path = "tsc", name = "tsc", size = 8 },
    {
        kind = "uint",
        path = "pending_event",
        name = "pending_event",
        size = 4,
        parts = {
            { name = "error_valid", shift = 11, width = 1 },
            { name = "valid", shift = 31, width = 1 },
            { name = "vector", shift = 0, width = 8 },
            { name = "type", shift = 8, width = 3 },
        },
    },
    { kind = "uint", path = "error_code", name = "error_code", size = 4 },
    {
        kind = "uint",
        path = "flags",
        name = "flags",
        size = 4,
        parts = { { name = "INITIALISED", shift = 0, width = 1 } },
    },
    { kind = "octets", path = "pad0", name = "pad0", size = 4 },
}

LAYOUT.hvm_cpu_1024 = {
    path = "hvm_cpu.",
    size = 1024,
    { kind = "octets", path = "fpu_regs", name = "fpu_regs", size = 512, inside = { [1] = { "fxsave" } } },
    { kind = "uint", path = "rax", name = "rax", size = 8 },
    { kind = "uint", path = "rbx", name = "rbx", size = 8 },
    { kind = "uint", path = "rcx", name = "rcx", size = 8 },
    { kind = "uint", path = "rdx", name = "rdx", size = 8 },
    { kind = "uint", path = "rbp", name = "rbp", size = 8 },
    { kind = "uint", path = "rsi", name = "rsi", size = 8 },
    { kind = "uint", path = "rdi", name = "rdi", size = 8 },
    { kind = "uint", path = "rsp", name = "rsp", size = 8 },
    { kind = "uint", path = "r8", name = "r8", size = 8 },
    { kind = "uint", path = "r9", name = "r9", size = 8 },
    { kind = "uint", path = "r10", name = "r10", size = 8 },
    { kind = "uint", path = "r11", name = "r11", size = 8 },
    { kind = "uint", path = "r12", name = "r12", size = 8 },
    { kind = "uint", path = "r13", name = "r13", size = 8 },
    { kind = "uint", path = "r14", name = "r14", size = 8 },
    { kind = "uint", path = "r15", name = "r15", size = 8 },
    { kind = "uint", path = "rip", name = "rip", size = 8 },
    {
        kind = "uint",
        path = "rflags",
        name = "rflags",
        size = 8,
        parts = {
            { name = "CF", shift = 0, width = 1 },
            { name = "MBS", shift = 1, width = 1 },
            { name = "PF", shift = 2, width = 1 },
            { name = "AF", shift = 4, width = 1 },
            { name = "ZF", shift = 6, width = 1 },
            { name = "SF", shift = 7, width = 1 },
            { name = "TF", shift = 8, width = 1 },
            { name = "IF", shift = 9, width = 1 },
            { name = "DF", shift = 10, width = 1 },
            { name = "OF", shift = 11, width = 1 },
            { name = "NT", shift = 14, width = 1 },
            { name = "RF", shift = 16, width = 1 },
            { name = "VM", shift = 17, width = 1 },
            { name = "AC", shift = 18, width = 1 },
            { name = "VIF", shift = 19, width = 1 },
            { name = "VIP", shift = 20, width = 1 },
            { name = "ID", shift = 21, width = 1 },
            { name = "IOPL", shift = 12, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "cr0",
        name = "cr0",
        size = 8,
        parts = {
            { name = "PE", shift = 0, width = 1 },
            { name = "MP", shift = 1, width = 1 },
            { name = "EM", shift = 2, width = 1 },
            { name = "TS", shift = 3, width = 1 },
            { name = "ET", shift = 4, width = 1 },
            { name = "NE", shift = 5, width = 1 },
            { name = "WP", shift = 16, width = 1 },
            { name = "AM", shift = 18, width = 1 },
            { name = "NW", shift = 29, width = 1 },
            { name = "CD", shift = 30, width = 1 },
            { name = "PG", shift = 31, width = 1 },
        },
    },
    { kind = "uint", path = "cr2", name = "cr2", size = 8 },
    { kind = "uint", path = "cr3", name = "cr3", size = 8 },
    {
        kind = "uint",
        path = "cr4",
        name = "cr4",
        size = 8,
        parts = {
            { name = "VME", shift = 0, width = 1 },
            { name = "PVI", shift = 1, width = 1 },
            { name = "TSD", shift = 2, width = 1 },
            { name = "DE", shift = 3, width = 1 },
            { name = "PSE", shift = 4, width = 1 },
            { name = "PAE", shift = 5, width = 1 },
            { name = "MCE", shift = 6, width = 1 },
            { name = "PGE", shift = 7, width = 1 },
            { name = "PCE", shift = 8, width = 1 },
            { name = "OSFXSR", shift = 9, width = 1 },
            { name = "OSXMMEXCPT", shift = 10, width = 1 },
            { name = "UMIP", shift = 11, width = 1 },
            { name = "LA57", shift = 12, width = 1 },
            { name = "VMXE", shift = 13, width = 1 },
            { name = "SMXE", shift = 14, width = 1 },
            { name = "FSGSBASE", shift = 16, width = 1 },
            { name = "PCIDE", shift = 17, width = 1 },
            { name = "OSXSAVE", shift = 18, width = 1 },
            { name = "SMEP", shift = 20, width = 1 },
            { name = "SMAP", shift = 21, width = 1 },
            { name = "PKE", shift = 22, width = 1 },
            { name = "CET", shift = 23, width = 1 },
            { name = "PKS", shift = 24, width = 1 },
            { name = "LASS", shift = 27, width = 1 },
            { name = "FRED", shift = 32, width = 1 },
        },
    },
    { kind = "uint", path = "dr0", name = "dr0", size = 8 },
    { kind = "uint", path = "dr1", name = "dr1", size = 8 },
    { kind = "uint", path = "dr2", name = "dr2", size = 8 },
    { kind = "uint", path = "dr3", name = "dr3", size = 8 },
    {
        kind = "uint",
        path = "dr6",
        name = "dr6",
        size = 8,
        parts = {
            { name = "B0", shift = 0, width = 1 },
            { name = "B1", shift = 1, width = 1 },
            { name = "B2", shift = 2, width = 1 },
            { name = "B3", shift = 3, width = 1 },
            { name = "BLD", shift = 11, width = 1 },
            { name = "BD", shift = 13, width = 1 },
            { name = "BS", shift = 14, width = 1 },
            { name = "BT", shift = 15, width = 1 },
            { name = "RTM", shift = 16, width = 1 },
            { name = "ones_4", shift = 4, width = 7 },
            { name = "ones_17", shift = 17, width = 15 },
        },
    },
    {
        kind = "uint",
        path = "dr7",
        name = "dr7",
        size = 8,
        parts = {
            { name = "L0", shift = 0, width = 1 },
            { name = "G0", shift = 1, width = 1 },
            { name = "L1", shift = 2, width = 1 },
            { name = "G1", shift = 3, width = 1 },
            { name = "L2", shift = 4, width = 1 },
            { name = "G2", shift = 5, width = 1 },
            { name = "L3", shift = 6, width = 1 },
            { name = "G3", shift = 7, width = 1 },
            { name = "LE", shift = 8, width = 1 },
            { name = "GE", shift = 9, width = 1 },
            { name = "one", shift = 10, width = 1 },
            { name = "RTM", shift = 11, width = 1 },
            { name = "GD", shift = 13, width = 1 },
            { name = "RW0", shift = 16, width = 2 },
            { name = "LEN0", shift = 18, width = 2 },
            { name = "RW1", shift = 20, width = 2 },
            { name = "LEN1", shift = 22, width = 2 },
            { name = "RW2", shift = 24, width = 2 },
            { name = "LEN2", shift = 26, width = 2 },
            { name = "RW3", shift = 28, width = 2 },
            { name = "LEN3", shift = 30, width = 2 },
        },
    },
    { kind = "uint", path = "cs_sel", name = "cs_sel", size = 4 },
    { kind = "uint", path = "ds_sel", name = "ds_sel", size = 4 },
    { kind = "uint", path = "es_sel", name = "es_sel", size = 4 },
    { kind = "uint", path = "fs_sel", name = "fs_sel", size = 4 },
    { kind = "uint", path = "gs_sel", name = "gs_sel", size = 4 },
    { kind = "uint", path = "ss_sel", name = "ss_sel", size = 4 },
    { kind = "uint", path = "tr_sel", name = "tr_sel", size = 4 },
    { kind = "uint", path = "ldtr_sel", name = "ldtr_sel", size = 4 },
    { kind = "uint", path = "cs_limit", name = "cs_limit", size = 4 },
    { kind = "uint", path = "ds_limit", name = "ds_limit", size = 4 },
    { kind = "uint", path = "es_limit", name = "es_limit", size = 4 },
    { kind = "uint", path = "fs_limit", name = "fs_limit", size = 4 },
    { kind = "uint", path = "gs_limit", name = "gs_limit", size = 4 },
    { kind = "uint", path = "ss_limit", name = "ss_limit", size = 4 },
    { kind = "uint", path = "tr_limit", name = "tr_limit", size = 4 },
    { kind = "uint", path = "ldtr_limit", name = "ldtr_limit", size = 4 },
    { kind = "uint", path = "idtr_limit", name = "idtr_limit", size = 4 },
    { kind = "uint", path = "gdtr_limit", name = "gdtr_limit", size = 4 },
    { kind = "uint", path = "cs_base", name = "cs_base", size = 8 },
    { kind = "uint", path = "ds_base", name = "ds_base", size = 8 },
    { kind = "uint", path = "es_base", name = "es_base", size = 8 },
    { kind = "uint", path = "fs_base", name = "fs_base", size = 8 },
    { kind = "uint", path = "gs_base", name = "gs_base", size = 8 },
    { kind = "uint", path = "ss_base", name = "ss_base", size = 8 },
    { kind = "uint", path = "tr_base", name = "tr_base", size = 8 },
    { kind = "uint", path = "ldtr_base", name = "ldtr_base", size = 8 },
    { kind = "uint", path = "idtr_base", name = "idtr_base", size = 8 },
    { kind = "uint", path = "gdtr_base", name = "gdtr_base", size = 8 },
    {
        kind = "uint",
        path = "cs_arbytes",
        name = "cs_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "ds_arbytes",
        name = "ds_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "es_arbytes",
        name = "es_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "fs_arbytes",
        name = "fs_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "gs_arbytes",
        name = "gs_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "ss_arbytes",
        name = "ss_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "tr_arbytes",
        name = "tr_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "ldtr_arbytes",
        name = "ldtr_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    { kind = "uint", path = "sysenter_cs", name = "sysenter_cs", size = 8 },
    { kind = "uint", path = "sysenter_esp", name = "sysenter_esp", size = 8 },
    { kind = "uint", path = "sysenter_eip", name = "sysenter_eip", size = 8 },
    { kind = "uint", path = "shadow_gs", name = "shadow_gs", size = 8 },
    { kind = "uint", path = "msr_flags", name = "msr_flags", size = 8 },
    { kind = "uint", path = "msr_lstar", name = "msr_lstar", size = 8 },
    { kind = "uint", path = "msr_star", name = "msr_star", size = 8 },
    { kind = "uint", path = "msr_cstar", name = "msr_cstar", size = 8 },
    { kind = "uint", path = "msr_syscall_mask", name = "msr_syscall_mask", size = 8 },
    {
        kind = "uint",
        path = "msr_efer",
        name = "msr_efer",
        size = 8,
        parts = {
            { name = "SCE", shift = 0, width = 1 },
            { name = "LME", shift = 8, width = 1 },
            { name = "LMA", shift = 10, width = 1 },
            { name = "NXE", shift = 11, width = 1 },
            { name = "SVME", shift = 12, width = 1 },
            { name = "FFXSE", shift = 14, width = 1 },
            { name = "AIBRSE", shift = 21, width = 1 },
        },
    },
    { kind = "uint", path = "msr_tsc_aux", name = "msr_tsc_aux", size = 8 },
    { kind = "uint", path = "tsc", name = "tsc", size = 8 },
    {
        kind = "uint",
        path = "pending_event",
        name = "pending_event",
        size = 4,
        parts = {
            { name = "error_valid", shift = 11, width = 1 },
            { name = "valid", shift = 31, width = 1 },
            { name = "vector", shift = 0, width = 8 },
            { name = "type", shift = 8, width = 3 },
        },
    },
    { kind = "uint", path = "error_code", name = "error_code", size = 4 },
}

LAYOUT.hvm_cpu_compat = {
    path = "hvm_cpu.",
    size = 1016,
    { kind = "octets", path = "fpu_regs", name = "fpu_regs", size = 512, inside = { [1] = { "fxsave" } } },
    { kind = "uint", path = "rax", name = "rax", size = 8 },
    { kind = "uint", path = "rbx", name = "rbx", size = 8 },
    { kind = "uint", path = "rcx", name = "rcx", size = 8 },
    { kind = "uint", path = "rdx", name = "rdx", size = 8 },
    { kind = "uint", path = "rbp", name = "rbp", size = 8 },
    { kind = "uint", path = "rsi", name = "rsi", size = 8 },
    { kind = "uint", path = "rdi", name = "rdi", size = 8 },
    { kind = "uint", path = "rsp", name = "rsp", size = 8 },
    { kind = "uint", path = "r8", name = "r8", size = 8 },
    { kind = "uint", path = "r9", name = "r9", size = 8 },
    { kind = "uint", path = "r10", name = "r10", size = 8 },
    { kind = "uint", path = "r11", name = "r11", size = 8 },
    { kind = "uint", path = "r12", name = "r12", size = 8 },
    { kind = "uint", path = "r13", name = "r13", size = 8 },
    { kind = "uint", path = "r14", name = "r14", size = 8 },
    { kind = "uint", path = "r15", name = "r15", size = 8 },
    { kind = "uint", path = "rip", name = "rip", size = 8 },
    {
        kind = "uint",
        path = "rflags",
        name = "rflags",
        size = 8,
        parts = {
            { name = "CF", shift = 0, width = 1 },
            { name = "MBS", shift = 1, width = 1 },
            { name = "PF", shift = 2, width = 1 },
            { name = "AF", shift = 4, width = 1 },
            { name = "ZF", shift = 6, width = 1 },
            { name = "SF", shift = 7, width = 1 },
            { name = "TF", shift = 8, width = 1 },
            { name = "IF", shift = 9, width = 1 },
            { name = "DF", shift = 10, width = 1 },
            { name = "OF", shift = 11, width = 1 },
            { name = "NT", shift = 14, width = 1 },
            { name = "RF", shift = 16, width = 1 },
            { name = "VM", shift = 17, width = 1 },
            { name = "AC", shift = 18, width = 1 },
            { name = "VIF", shift = 19, width = 1 },
            { name = "VIP", shift = 20, width = 1 },
            { name = "ID", shift = 21, width = 1 },
            { name = "IOPL", shift = 12, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "cr0",
        name = "cr0",
        size = 8,
        parts = {
            { name = "PE", shift = 0, width = 1 },
            { name = "MP", shift = 1, width = 1 },
            { name = "EM", shift = 2, width = 1 },
            { name = "TS", shift = 3, width = 1 },
            { name = "ET", shift = 4, width = 1 },
            { name = "NE", shift = 5, width = 1 },
            { name = "WP", shift = 16, width = 1 },
            { name = "AM", shift = 18, width = 1 },
            { name = "NW", shift = 29, width = 1 },
            { name = "CD", shift = 30, width = 1 },
            { name = "PG", shift = 31, width = 1 },
        },
    },
    { kind = "uint", path = "cr2", name = "cr2", size = 8 },
    { kind = "uint", path = "cr3", name = "cr3", size = 8 },
    {
        kind = "uint",
        path = "cr4",
        name = "cr4",
        size = 8,
        parts = {
            { name = "VME", shift = 0, width = 1 },
            { name = "PVI", shift = 1, width = 1 },
            { name = "TSD", shift = 2, width = 1 },
            { name = "DE", shift = 3, width = 1 },
            { name = "PSE", shift = 4, width = 1 },
            { name = "PAE", shift = 5, width = 1 },
            { name = "MCE", shift = 6, width = 1 },
            { name = "PGE", shift = 7, width = 1 },
            { name = "PCE", shift = 8, width = 1 },
            { name = "OSFXSR", shift = 9, width = 1 },
            { name = "OSXMMEXCPT", shift = 10, width = 1 },
            { name = "UMIP", shift = 11, width = 1 },
            { name = "LA57", shift = 12, width = 1 },
            { name = "VMXE", shift = 13, width = 1 },
            { name = "SMXE", shift = 14, width = 1 },
            { name = "FSGSBASE", shift = 16, width = 1 },
            { name = "PCIDE", shift = 17, width = 1 },
            { name = "OSXSAVE", shift = 18, width = 1 },
            { name = "SMEP", shift = 20, width = 1 },
            { name = "SMAP", shift = 21, width = 1 },
            { name = "PKE", shift = 22, width = 1 },
            { name = "CET", shift = 23, width = 1 },
            { name = "PKS", shift = 24, width = 1 },
            { name = "LASS", shift = 27, width = 1 },
            { name = "FRED", shift = 32, width = 1 },
        },
    },
    { kind = "uint", path = "dr0", name = "dr0", size = 8 },
    { kind = "uint", path = "dr1", name = "dr1", size = 8 },
    { kind = "uint", path = "dr2", name = "dr2", size = 8 },
    { kind = "uint", path = "dr3", name = "dr3", size = 8 },
    {
        kind = "uint",
        path = "dr6",
        name = "dr6",
        size = 8,
        parts = {
            { name = "B0", shift = 0, width = 1 },
            { name = "B1", shift = 1, width = 1 },
            { name = "B2", shift = 2, width = 1 },
            { name = "B3", shift = 3, width = 1 },
            { name = "BLD", shift = 11, width = 1 },
            { name = "BD", shift = 13, width = 1 },
            { name = "BS", shift = 14, width = 1 },
            { name = "BT", shift = 15, width = 1 },
            { name = "RTM", shift = 16, width = 1 },
            { name = "ones_4", shift = 4, width = 7 },
            { name = "ones_17", shift = 17, width = 15 },
        },
    },
    {
        kind = "uint",
        path = "dr7",
        name = "dr7",
        size = 8,
        parts = {
            { name = "L0", shift = 0, width = 1 },
            { name = "G0", shift = 1, width = 1 },
            { name = "L1", shift = 2, width = 1 },
            { name = "G1", shift = 3, width = 1 },
            { name = "L2", shift = 4, width = 1 },
            { name = "G2", shift = 5, width = 1 },
            { name = "L3", shift = 6, width = 1 },
            { name = "G3", shift = 7, width = 1 },
            { name = "LE", shift = 8, width = 1 },
            { name = "GE", shift = 9, width = 1 },
            { name = "one", shift = 10, width = 1 },
            { name = "RTM", shift = 11, width = 1 },
            { name = "GD", shift = 13, width = 1 },
            { name = "RW0", shift = 16, width = 2 },
            { name = "LEN0", shift = 18, width = 2 },
            { name = "RW1", shift = 20, width = 2 },
            { name = "LEN1", shift = 22, width = 2 },
            { name = "RW2", shift = 24, width = 2 },
            { name = "LEN2", shift = 26, width = 2 },
            { name = "RW3", shift = 28, width = 2 },
            { name = "LEN3", shift = 30, width = 2 },
        },
    },
    { kind = "uint", path = "cs_sel", name = "cs_sel", size = 4 },
    { kind = "uint", path = "ds_sel", name = "ds_sel", size = 4 },
    { kind = "uint", path = "es_sel", name = "es_sel", size = 4 },
    { kind = "uint", path = "fs_sel", name = "fs_sel", size = 4 },
    { kind = "uint", path = "gs_sel", name = "gs_sel", size = 4 },
    { kind = "uint", path = "ss_sel", name = "ss_sel", size = 4 },
    { kind = "uint", path = "tr_sel", name = "tr_sel", size = 4 },
    { kind = "uint", path = "ldtr_sel", name = "ldtr_sel", size = 4 },
    { kind = "uint", path = "cs_limit", name = "cs_limit", size = 4 },
    { kind = "uint", path = "ds_limit", name = "ds_limit", size = 4 },
    { kind = "uint", path = "es_limit", name = "es_limit", size = 4 },
    { kind = "uint", path = "fs_limit", name = "fs_limit", size = 4 },
    { kind = "uint", path = "gs_limit", name = "gs_limit", size = 4 },
    { kind = "uint", path = "ss_limit", name = "ss_limit", size = 4 },
    { kind = "uint", path = "tr_limit", name = "tr_limit", size = 4 },
    { kind = "uint", path = "ldtr_limit", name = "ldtr_limit", size = 4 },
    { kind = "uint", path = "idtr_limit", name = "idtr_limit", size = 4 },
    { kind = "uint", path = "gdtr_limit", name = "gdtr_limit", size = 4 },
    { kind = "uint", path = "cs_base", name = "cs_base", size = 8 },
    { kind = "uint", path = "ds_base", name = "ds_base", size = 8 },
    { kind = "uint", path = "es_base", name = "es_base", size = 8 },
    { kind = "uint", path = "fs_base", name = "fs_base", size = 8 },
    { kind = "uint", path = "gs_base", name = "gs_base", size = 8 },
    { kind = "uint", path = "ss_base", name = "ss_base", size = 8 },
    { kind = "uint", path = "tr_base", name = "tr_base", size = 8 },
    { kind = "uint", path = "ldtr_base", name = "ldtr_base", size = 8 },
    { kind = "uint", path = "idtr_base", name = "idtr_base", size = 8 },
    { kind = "uint", path = "gdtr_base", name = "gdtr_base", size = 8 },
    {
        kind = "uint",
        path = "cs_arbytes",
        name = "cs_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "ds_arbytes",
        name = "ds_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "es_arbytes",
        name = "es_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "fs_arbytes",
        name = "fs_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "gs_arbytes",
        name = "gs_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "ss_arbytes",
        name = "ss_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "tr_arbytes",
        name = "tr_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    {
        kind = "uint",
        path = "ldtr_arbytes",
        name = "ldtr_arbytes",
        size = 4,
        parts = {
            { name = "S", shift = 4, width = 1 },
            { name = "P", shift = 7, width = 1 },
            { name = "AVL", shift = 8, width = 1 },
            { name = "L", shift = 9, width = 1 },
            { name = "DB", shift = 10, width = 1 },
            { name = "G", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 4 },
            { name = "DPL", shift = 5, width = 2 },
        },
    },
    { kind = "uint", path = "sysenter_cs", name = "sysenter_cs", size = 8 },
    { kind = "uint", path = "sysenter_esp", name = "sysenter_esp", size = 8 },
    { kind = "uint", path = "sysenter_eip", name = "sysenter_eip", size = 8 },
    { kind = "uint", path = "shadow_gs", name = "shadow_gs", size = 8 },
    { kind = "uint", path = "msr_flags", name = "msr_flags", size = 8 },
    { kind = "uint", path = "msr_lstar", name = "msr_lstar", size = 8 },
    { kind = "uint", path = "msr_star", name = "msr_star", size = 8 },
    { kind = "uint", path = "msr_cstar", name = "msr_cstar", size = 8 },
    { kind = "uint", path = "msr_syscall_mask", name = "msr_syscall_mask", size = 8 },
    {
        kind = "uint",
        path = "msr_efer",
        name = "msr_efer",
        size = 8,
        parts = {
            { name = "SCE", shift = 0, width = 1 },
            { name = "LME", shift = 8, width = 1 },
            { name = "LMA", shift = 10, width = 1 },
            { name = "NXE", shift = 11, width = 1 },
            { name = "SVME", shift = 12, width = 1 },
            { name = "FFXSE", shift = 14, width = 1 },
            { name = "AIBRSE", shift = 21, width = 1 },
        },
    },
    { kind = "uint", path = "tsc", name = "tsc", size = 8 },
    {
        kind = "uint",
        path = "pending_event",
        name = "pending_event",
        size = 4,
        parts = {
            { name = "error_valid", shift = 11, width = 1 },
            { name = "valid", shift = 31, width = 1 },
            { name = "vector", shift = 0, width = 8 },
            { name = "type", shift = 8, width = 3 },
        },
    },
    { kind = "uint", path = "error_code", name = "error_code", size = 4 },
}

LAYOUT.hvm_pic = {
    path = "hvm_pic.",
    size = 8,
    { kind = "uint", path = "irr", name = "irr", size = 1 },
    { kind = "uint", path = "imr", name = "imr", size = 1 },
    { kind = "uint", path = "isr", name = "isr", size = 1 },
    { kind = "uint", path = "irq_base", name = "irq_base", size = 1 },
    {
        kind = "uint",
        path = "init",
        name = "init",
        size = 1,
        parts = { { name = "init_state", shift = 0, width = 4 }, { name = "priority_add", shift = 4, width = 4 } },
    },
    {
        kind = "uint",
        path = "modes",
        name = "modes",
        size = 1,
        parts = {
            { name = "readsel_isr", shift = 0, width = 1 },
            { name = "poll", shift = 1, width = 1 },
            { name = "auto_eoi", shift = 2, width = 1 },
            { name = "rotate_on_auto_eoi", shift = 3, width = 1 },
            { name = "special_fully_nested_mode", shift = 4, width = 1 },
            { name = "special_mask_mode", shift = 5, width = 1 },
            { name = "is_master", shift = 6, width = 1 },
        },
    },
    { kind = "uint", path = "elcr", name = "elcr", size = 1 },
    { kind = "uint", path = "int_output", name = "int_output", size = 1 },
}

LAYOUT.hvm_ioapic = {
    path = "hvm_ioapic.",
    { kind = "uint", path = "base_address", name = "base_address", size = 8 },
    { kind = "uint", path = "ioregsel", name = "ioregsel", size = 4 },
    { kind = "uint", path = "id", name = "id", size = 4 },
    {
        kind = "array", path = "redirtbl", name = "redirtbl",
        elements = {
            {
                kind = "uint",
                path = "redirtbl",
                size = 8,
                parts = {
                    { name = "logical", shift = 11, width = 1 },
                    { name = "delivery_status", shift = 12, width = 1 },
                    { name = "polarity", shift = 13, width = 1 },
                    { name = "remote_irr", shift = 14, width = 1 },
                    { name = "trig_mode", shift = 15, width = 1 },
                    { name = "mask", shift = 16, width = 1 },
                    { name = "vector", shift = 0, width = 8 },
                    { name = "delivery_mode", shift = 8, width = 3 },
                    { name = "dest_id", shift = 56, width = 8 },
                },
            },
        },
    },
}

LAYOUT.hvm_lapic = {
    path = "hvm_lapic.",
    size = 32,
    {
        kind = "uint",
        path = "apic_base_msr",
        name = "apic_base_msr",
        size = 8,
        parts = {
            { name = "BSP", shift = 8, width = 1 },
            { name = "EXTD", shift = 10, width = 1 },
            { name = "ENABLE", shift = 11, width = 1 },
            { name = "page", shift = 12, width = 40 },
        },
    },
    {
        kind = "uint",
        path = "disabled",
        name = "disabled",
        size = 4,
        parts = { { name = "SW", shift = 0, width = 1 }, { name = "HW", shift = 1, width = 1 } },
    },
    { kind = "uint", path = "timer_divisor", name = "timer_divisor", size = 4 },
    { kind = "uint", path = "tdt_msr", name = "tdt_msr", size = 8 },
    { kind = "uint", path = "pending_esr", name = "pending_esr", size = 4 },
    { kind = "octets", path = "pad", name = "pad", size = 4 },
}

LAYOUT.hvm_lapic_24 = {
    path = "hvm_lapic.",
    size = 24,
    {
        kind = "uint",
        path = "apic_base_msr",
        name = "apic_base_msr",
        size = 8,
        parts = {
            { name = "BSP", shift = 8, width = 1 },
            { name = "EXTD", shift = 10, width = 1 },
            { name = "ENABLE", shift = 11, width = 1 },
            { name = "page", shift = 12, width = 40 },
        },
    },
    {
        kind = "uint",
        path = "disabled",
        name = "disabled",
        size = 4,
        parts = { { name = "SW", shift = 0, width = 1 }, { name = "HW", shift = 1, width = 1 } },
    },
    { kind = "uint", path = "timer_divisor", name = "timer_divisor", size = 4 },
    { kind = "uint", path = "tdt_msr", name = "tdt_msr", size = 8 },
}

LAYOUT.hvm_lapic_16 = {
    path = "hvm_lapic.",
    size = 16,
    {
        kind = "uint",
        path = "apic_base_msr",
        name = "apic_base_msr",
        size = 8,
        parts = {
            { name = "BSP", shift = 8, width = 1 },
            { name = "EXTD", shift = 10, width = 1 },
            { name = "ENABLE", shift = 11, width = 1 },
            { name = "page", shift = 12, width = 40 },
        },
    },
    {
        kind = "uint",
        path = "disabled",
        name = "disabled",
        size = 4,
        parts = { { name = "SW", shift = 0, width = 1 }, { name = "HW", shift = 1, width = 1 } },
    },
    { kind = "uint", path = "timer_divisor", name = "timer_divisor", size = 4 },
}

LAYOUT.hvm_lapic_regs = {
    path = "hvm_lapic_regs.",
    size = 1024,
    { kind = "octets", path = "pad_000", name = "pad_000", size = 16 },
    { kind = "octets", path = "pad_010", name = "pad_010", size = 16 },
    { kind = "uint", path = "ID", name = "ID", size = 4 },
    { kind = "octets", path = "pad_024", name = "pad_024", size = 12 },
    { kind = "uint", path = "LVR", name = "LVR", size = 4 },
    { kind = "octets", path = "pad_034", name = "pad_034", size = 12 },
    { kind = "octets", path = "pad_040", name = "pad_040", size = 16 },
    { kind = "octets", path = "pad_050", name = "pad_050", size = 16 },
    { kind = "octets", path = "pad_060", name = "pad_060", size = 16 },
    { kind = "octets", path = "pad_070", name = "pad_070", size = 16 },
    { kind = "uint", path = "TASKPRI", name = "TASKPRI", size = 4 },
    { kind = "octets", path = "pad_084", name = "pad_084", size = 12 },
    { kind = "uint", path = "ARBPRI", name = "ARBPRI", size = 4 },
    { kind = "octets", path = "pad_094", name = "pad_094", size = 12 },
    { kind = "uint", path = "PROCPRI", name = "PROCPRI", size = 4 },
    { kind = "octets", path = "pad_0a4", name = "pad_0a4", size = 12 },
    { kind = "uint", path = "EOI", name = "EOI", size = 4 },
    { kind = "octets", path = "pad_0b4", name = "pad_0b4", size = 12 },
    { kind = "uint", path = "RRR", name = "RRR", size = 4 },
    { kind = "octets", path = "pad_0c4", name = "pad_0c4", size = 12 },
    { kind = "uint", path = "LDR", name = "LDR", size = 4 },
    { kind = "octets", path = "pad_0d4", name = "pad_0d4", size = 12 },
    { kind = "uint", path = "DFR", name = "DFR", size = 4 },
    { kind = "octets", path = "pad_0e4", name = "pad_0e4", size = 12 },
    { kind = "uint", path = "SPIV", name = "SPIV", size = 4 },
    { kind = "octets", path = "pad_0f4", name = "pad_0f4", size = 12 },
    { kind = "uint", path = "ISR0", name = "ISR0", size = 4 },
    { kind = "octets", path = "pad_104", name = "pad_104", size = 12 },
    { kind = "uint", path = "ISR1", name = "ISR1", size = 4 },
    { kind = "octets", path = "pad_114", name = "pad_114", size = 12 },
    { kind = "uint", path = "ISR2", name = "ISR2", size = 4 },
    { kind = "octets", path = "pad_124", name = "pad_124", size = 12 },
    { kind = "uint", path = "ISR3", name = "ISR3", size = 4 },
    { kind = "octets", path = "pad_134", name = "pad_134", size = 12 },
    { kind = "uint", path = "ISR4", name = "ISR4", size = 4 },
    { kind = "octets", path = "pad_144", name = "pad_144", size = 12 },
    { kind = "uint", path = "ISR5", name = "ISR5", size = 4 },
    { kind = "octets", path = "pad_154", name = "pad_154", size = 12 },
    { kind = "uint", path = "ISR6", name = "ISR6", size = 4 },
    { kind = "octets", path = "pad_164", name = "pad_164", size = 12 },
    { kind = "uint", path = "ISR7", name = "ISR7", size = 4 },
    { kind = "octets", path = "pad_174", name = "pad_174", size = 12 },
    { kind = "uint", path = "TMR0", name = "TMR0", size = 4 },
    { kind = "octets", path = "pad_184", name = "pad_184", size = 12 },
    { kind = "uint", path = "TMR1", name = "TMR1", size = 4 },
    { kind = "octets", path = "pad_194", name = "pad_194", size = 12 },
    { kind = "uint", path = "TMR2", name = "TMR2", size = 4 },
    { kind = "octets", path = "pad_1a4", name = "pad_1a4", size = 12 },
    { kind = "uint", path = "TMR3", name = "TMR3", size = 4 },
    { kind = "octets", path = "pad_1b4", name = "pad_1b4", size = 12 },
    { kind = "uint", path = "TMR4", name = "TMR4", size = 4 },
    { kind = "octets", path = "pad_1c4", name = "pad_1c4", size = 12 },
    { kind = "uint", path = "TMR5", name = "TMR5", size = 4 },
    { kind = "octets", path = "pad_1d4", name = "pad_1d4", size = 12 },
    { kind = "uint", path = "TMR6", name = "TMR6", size = 4 },
    { kind = "octets", path = "pad_1e4", name = "pad_1e4", size = 12 },
    { kind = "uint", path = "TMR7", name = "TMR7", size = 4 },
    { kind = "octets", path = "pad_1f4", name = "pad_1f4", size = 12 },
    { kind = "uint", path = "IRR0", name = "IRR0", size = 4 },
    { kind = "octets", path = "pad_204", name = "pad_204", size = 12 },
    { kind = "uint", path = "IRR1", name = "IRR1", size = 4 },
    { kind = "octets", path = "pad_214", name = "pad_214", size = 12 },
    { kind = "uint", path = "IRR2", name = "IRR2", size = 4 },
    { kind = "octets", path = "pad_224", name = "pad_224", size = 12 },
    { kind = "uint", path = "IRR3", name = "IRR3", size = 4 },
    { kind = "octets", path = "pad_234", name = "pad_234", size = 12 },
    { kind = "uint", path = "IRR4", name = "IRR4", size = 4 },
    { kind = "octets", path = "pad_244", name = "pad_244", size = 12 },
    { kind = "uint", path = "IRR5", name = "IRR5", size = 4 },
    { kind = "octets", path = "pad_254", name = "pad_254", size = 12 },
    { kind = "uint", path = "IRR6", name = "IRR6", size = 4 },
    { kind = "octets", path = "pad_264", name = "pad_264", size = 12 },
    { kind = "uint", path = "IRR7", name = "IRR7", size = 4 },
    { kind = "octets", path = "pad_274", name = "pad_274", size = 12 },
    { kind = "uint", path = "ESR", name = "ESR", size = 4 },
    { kind = "octets", path = "pad_284", name = "pad_284", size = 12 },
    { kind = "octets", path = "pad_290", name = "pad_290", size = 16 },
    { kind = "octets", path = "pad_2a0", name = "pad_2a0", size = 16 },
    { kind = "octets", path = "pad_2b0", name = "pad_2b0", size = 16 },
    { kind = "octets", path = "pad_2c0", name = "pad_2c0", size = 16 },
    { kind = "octets", path = "pad_2d0", name = "pad_2d0", size = 16 },
    { kind = "octets", path = "pad_2e0", name = "pad_2e0", size = 16 },
    { kind = "uint", path = "CMCI", name = "CMCI", size = 4 },
    { kind = "octets", path = "pad_2f4", name = "pad_2f4", size = 12 },
    { kind = "uint", path = "ICR", name = "ICR", size = 4 },
    { kind = "octets", path = "pad_304", name = "pad_304", size = 12 },
    { kind = "uint", path = "ICR2", name = "ICR2", size = 4 },
    { kind = "octets", path = "pad_314", name = "pad_314", size = 12 },
    { kind = "uint", path = "LVTT", name = "LVTT", size = 4 },
    { kind = "octets", path = "pad_324", name = "pad_324", size = 12 },
    { kind = "uint", path = "LVTTHMR", name = "LVTTHMR", size = 4 },
    { kind = "octets", path = "pad_334", name = "pad_334", size = 12 },
    { kind = "uint", path = "LVTPC", name = "LVTPC", size = 4 },
    { kind = "octets", path = "pad_344", name = "pad_344", size = 12 },
    { kind = "uint", path = "LVT0", name = "LVT0", size = 4 },
    { kind = "octets", path = "pad_354", name = "pad_354", size = 12 },
    { kind = "uint", path = "LVT1", name = "LVT1", size = 4 },
    { kind = "octets", path = "pad_364", name = "pad_364", size = 12 },
    { kind = "uint", path = "LVTERR", name = "LVTERR", size = 4 },
    { kind = "octets", path = "pad_374", name = "pad_374", size = 12 },
    { kind = "uint", path = "TMICT", name = "TMICT", size = 4 },
    { kind = "octets", path = "pad_384", name = "pad_384", size = 12 },
    { kind = "uint", path = "TMCCT", name = "TMCCT", size = 4 },
    { kind = "octets", path = "pad_394", name = "pad_394", size = 12 },
    { kind = "octets", path = "pad_3a0", name = "pad_3a0", size = 16 },
    { kind = "octets", path = "pad_3b0", name = "pad_3b0", size = 16 },
    { kind = "octets", path = "pad_3c0", name = "pad_3c0", size = 16 },
    { kind = "octets", path = "pad_3d0", name = "pad_3d0", size = 16 },
    { kind = "uint", path = "TDCR", name = "TDCR", size = 4 },
    { kind = "octets", path = "pad_3e4", name = "pad_3e4", size = 12 },
    { kind = "uint", path = "SELF_IPI", name = "SELF_IPI", size = 4 },
    { kind = "octets", path = "pad_3f4", name = "pad_3f4", size = 12 },
}

LAYOUT.hvm_pci_irq = {
    path = "hvm_pci_irq.",
    size = 16,
    {
        kind = "array", path = "wires", name = "wires", times = 2,
        elements = {
            { kind = "uint", path = "wires", size = 8 },
        },
    },
}

LAYOUT.hvm_isa_irq = {
    path = "hvm_isa_irq.",
    size = 8,
    { kind = "uint", path = "wires", name = "wires", size = 8 },
}

LAYOUT.hvm_pci_link = {
    path = "hvm_pci_link.",
    size = 8,
    {
        kind = "array", path = "routes", name = "routes", times = 4,
        elements = {
            { kind = "uint", path = "routes", size = 1 },
        },
    },
    { kind = "octets", path = "pad0", name = "pad0", size = 4 },
}

LAYOUT.hvm_pit = {
    path = "hvm_pit.",
    size = 56,
    {
        kind = "array", path = "channels", name = "channels", times = 3,
        elements = {
            { kind = "uint", path = "channels.count", name = "count", size = 4 },
            { kind = "uint", path = "channels.latched_count", name = "latched_count", size = 2 },
            { kind = "uint", path = "channels.count_latched", name = "count_latched", size = 1 },
            { kind = "uint", path = "channels.status_latched", name = "status_latched", size = 1 },
            { kind = "uint", path = "channels.status", name = "status", size = 1 },
            { kind = "uint", path = "channels.read_state", name = "read_state", size = 1 },
            { kind = "uint", path = "channels.write_state", name = "write_state", size = 1 },
            { kind = "uint", path = "channels.write_latch", name = "write_latch", size = 1 },
            { kind = "uint", path = "channels.rw_mode", name = "rw_mode", size = 1 },
            { kind = "uint", path = "channels.mode", name = "mode", size = 1 },
            { kind = "uint", path = "channels.bcd", name = "bcd", size = 1 },
            { kind = "uint", path = "channels.gate", name = "gate", size = 1 },
        },
    },
    { kind = "uint", path = "speaker_data_on", name = "speaker_data_on", size = 4 },
    { kind = "octets", path = "pad0", name = "pad0", size = 4 },
}

LAYOUT.hvm_rtc = {
    path = "hvm_rtc.",
    size = 24,
    { kind = "octets", path = "cmos_data", name = "cmos_data", size = 14 },
    { kind = "uint", path = "cmos_index", name = "cmos_index", size = 1 },
    { kind = "octets", path = "pad0", name = "pad0", size = 1 },
    { kind = "uint", path = "rtc_offset", name = "rtc_offset", size = 8 },
}

LAYOUT.hvm_rtc_16 = {
    path = "hvm_rtc.",
    size = 16,
    { kind = "octets", path = "cmos_data", name = "cmos_data", size = 14 },
    { kind = "uint", path = "cmos_index", name = "cmos_index", size = 1 },
    { kind = "octets", path = "pad0", name = "pad0", size = 1 },
}

LAYOUT.hvm_hpet = {
    path = "hvm_hpet.",
    size = 1048,
    { kind = "uint", path = "capability", name = "capability", size = 8 },
    { kind = "uint", path = "res0", name = "res0", size = 8 },
    { kind = "uint", path = "config", name = "config", size = 8 },
    { kind = "uint", path = "res1", name = "res1", size = 8 },
    { kind = "uint", path = "isr", name = "isr", size = 8 },
    { kind = "octets", path = "res2", name = "res2", size = 200 },
    { kind = "uint", path = "mc64", name = "mc64", size = 8 },
    { kind = "uint", path = "res3", name = "res3", size = 8 },
    {
        kind = "array", path = "timers", name = "timers", times = 3,
        elements = {
            { kind = "uint", path = "timers.config", name = "config", size = 8 },
            { kind = "uint", path = "timers.cmp", name = "cmp", size = 8 },
            { kind = "uint", path = "timers.fsb", name = "fsb", size = 8 },
            { kind = "uint", path = "timers.res4", name = "res4", size = 8 },
        },
    },
    { kind = "octets", path = "res5", name = "res5", size = 672 },
    {
        kind = "array", path = "period", name = "period", times = 3,
        elements = {
            { kind = "uint", path = "period", size = 8 },
        },
    },
}

LAYOUT.hvm_pmtimer = {
    path = "hvm_pmtimer.",
    size = 8,
    { kind = "uint", path = "tmr_val", name = "tmr_val", size = 4 },
    { kind = "uint", path = "pm1a_sts", name = "pm1a_sts", size = 2 },
    { kind = "uint", path = "pm1a_en", name = "pm1a_en", size = 2 },
}

LAYOUT.hvm_mtrr = {
    path = "hvm_mtrr.",
    size = 240,
    { kind = "uint", path = "msr_pat_cr", name = "msr_pat_cr", size = 8 },
    { kind = "uint", path = "physbase0", name = "physbase0", size = 8 },
    { kind = "uint", path = "physmask0", name = "physmask0", size = 8 },
    { kind = "uint", path = "physbase1", name = "physbase1", size = 8 },
    { kind = "uint", path = "physmask1", name = "physmask1", size = 8 },
    { kind = "uint", path = "physbase2", name = "physbase2", size = 8 },
    { kind = "uint", path = "physmask2", name = "physmask2", size = 8 },
    { kind = "uint", path = "physbase3", name = "physbase3", size = 8 },
    { kind = "uint", path = "physmask3", name = "physmask3", size = 8 },
    { kind = "uint", path = "physbase4", name = "physbase4", size = 8 },
    { kind = "uint", path = "physmask4", name = "physmask4", size = 8 },
    { kind = "uint", path = "physbase5", name = "physbase5", size = 8 },
    { kind = "uint", path = "physmask5", name = "physmask5", size = 8 },
    { kind = "uint", path = "physbase6", name = "physbase6", size = 8 },
    { kind = "uint", path = "physmask6", name = "physmask6", size = 8 },
    { kind = "uint", path = "physbase7", name = "physbase7", size = 8 },
    { kind = "uint", path = "physmask7", name = "physmask7", size = 8 },
    { kind = "uint", path = "fix64K_00000", name = "fix64K_00000", size = 8 },
    { kind = "uint", path = "fix16K_80000", name = "fix16K_80000", size = 8 },
    { kind = "uint", path = "fix16K_A0000", name = "fix16K_A0000", size = 8 },
    { kind = "uint", path = "fix4K_C0000", name = "fix4K_C0000", size = 8 },
    { kind = "uint", path = "fix4K_C8000", name = "fix4K_C8000", size = 8 },
    { kind = "uint", path = "fix4K_D0000", name = "fix4K_D0000", size = 8 },
    { kind = "uint", path = "fix4K_D8000", name = "fix4K_D8000", size = 8 },
    { kind = "uint", path = "fix4K_E0000", name = "fix4K_E0000", size = 8 },
    { kind = "uint", path = "fix4K_E8000", name = "fix4K_E8000", size = 8 },
    { kind = "uint", path = "fix4K_F0000", name = "fix4K_F0000", size = 8 },
    { kind = "uint", path = "fix4K_F8000", name = "fix4K_F8000", size = 8 },
    { kind = "uint", path = "msr_mtrr_cap", name = "msr_mtrr_cap", size = 8 },
    {
        kind = "uint",
        path = "msr_mtrr_def_type",
        name = "msr_mtrr_def_type",
        size = 8,
        parts = {
            { name = "FE", shift = 10, width = 1 },
            { name = "E", shift = 11, width = 1 },
            { name = "type", shift = 0, width = 8 },
        },
    },
}

LAYOUT.hvm_viridian_domain = {
    path = "hvm_viridian_domain.",
    size = 32,
    {
        kind = "uint",
        path = "hypercall_gpa",
        name = "hypercall_gpa",
        size = 8,
        parts = { { name = "enabled", shift = 0, width = 1 }, { name = "pfn", shift = 12, width = 52 } },
    },
    { kind = "uint", path = "guest_os_id", name = "guest_os_id", size = 8 },
    { kind = "uint", path = "time_ref_count", name = "time_ref_count", size = 8 },
    {
        kind = "uint",
        path = "reference_tsc",
        name = "reference_tsc",
        size = 8,
        parts = { { name = "enabled", shift = 0, width = 1 }, { name = "pfn", shift = 12, width = 52 } },
    },
}

LAYOUT.hvm_viridian_domain_24 = {
    path = "hvm_viridian_domain.",
    size = 24,
    {
        kind = "uint",
        path = "hypercall_gpa",
        name = "hypercall_gpa",
        size = 8,
        parts = { { name = "enabled", shift = 0, width = 1 }, { name = "pfn", shift = 12, width = 52 } },
    },
    { kind = "uint", path = "guest_os_id", name = "guest_os_id", size = 8 },
    { kind = "uint", path = "time_ref_count", name = "time_ref_count", size = 8 },
}

LAYOUT.hvm_viridian_domain_16 = {
    path = "hvm_viridian_domain.",
    size = 16,
    {
        kind = "uint",
        path = "hypercall_gpa",
        name = "hypercall_gpa",
        size = 8,
        parts = { { name = "enabled", shift = 0, width = 1 }, { name = "pfn", shift = 12, width = 52 } },
    },
    { kind = "uint", path = "guest_os_id", name = "guest_os_id", size = 8 },
}

LAYOUT.hvm_cpu_xsave = {
    path = "hvm_cpu_xsave.",
    {
        kind = "uint",
        path = "xfeature_mask",
        name = "xfeature_mask",
        size = 8,
        parts = {
            { name = "X87", shift = 0, width = 1 },
            { name = "SSE", shift = 1, width = 1 },
            { name = "YMM", shift = 2, width = 1 },
            { name = "BNDREGS", shift = 3, width = 1 },
            { name = "BNDCSR", shift = 4, width = 1 },
            { name = "OPMASK", shift = 5, width = 1 },
            { name = "ZMM", shift = 6, width = 1 },
            { name = "HI_ZMM", shift = 7, width = 1 },
            { name = "PROC_TRACE", shift = 8, width = 1 },
            { name = "PKRU", shift = 9, width = 1 },
            { name = "PASID", shift = 10, width = 1 },
            { name = "CET_U", shift = 11, width = 1 },
            { name = "CET_S", shift = 12, width = 1 },
            { name = "HDC", shift = 13, width = 1 },
            { name = "UINTR", shift = 14, width = 1 },
            { name = "LBR", shift = 15, width = 1 },
            { name = "HWP", shift = 16, width = 1 },
            { name = "TILE_CFG", shift = 17, width = 1 },
            { name = "TILE_DATA", shift = 18, width = 1 },
            { name = "LWP", shift = 62, width = 1 },
        },
    },
    {
        kind = "uint",
        path = "xcr0",
        name = "xcr0",
        size = 8,
        parts = {
            { name = "X87", shift = 0, width = 1 },
            { name = "SSE", shift = 1, width = 1 },
            { name = "YMM", shift = 2, width = 1 },
            { name = "BNDREGS", shift = 3, width = 1 },
            { name = "BNDCSR", shift = 4, width = 1 },
            { name = "OPMASK", shift = 5, width = 1 },
            { name = "ZMM", shift = 6, width = 1 },
            { name = "HI_ZMM", shift = 7, width = 1 },
            { name = "PROC_TRACE", shift = 8, width = 1 },
            { name = "PKRU", shift = 9, width = 1 },
            { name = "PASID", shift = 10, width = 1 },
            { name = "CET_U", shift = 11, width = 1 },
            { name = "CET_S", shift = 12, width = 1 },
            { name = "HDC", shift = 13, width = 1 },
            { name = "UINTR", shift = 14, width = 1 },
            { name = "LBR", shift = 15, width = 1 },
            { name = "HWP", shift = 16, width = 1 },
            { name = "TILE_CFG", shift = 17, width = 1 },
            { name = "TILE_DATA", shift = 18, width = 1 },
            { name = "LWP", shift = 62, width = 1 },
        },
    },
    {
        kind = "uint",
        path = "xcr0_accum",
        name = "xcr0_accum",
        size = 8,
        parts = {
            { name = "X87", shift = 0, width = 1 },
            { name = "SSE", shift = 1, width = 1 },
            { name = "YMM", shift = 2, width = 1 },
            { name = "BNDREGS", shift = 3, width = 1 },
            { name = "BNDCSR", shift = 4, width = 1 },
            { name = "OPMASK", shift = 5, width = 1 },
            { name = "ZMM", shift = 6, width = 1 },
            { name = "HI_ZMM", shift = 7, width = 1 },
            { name = "PROC_TRACE", shift = 8, width = 1 },
            { name = "PKRU", shift = 9, width = 1 },
            { name = "PASID", shift = 10, width = 1 },
            { name = "CET_U", shift = 11, width = 1 },
            { name = "CET_S", shift = 12, width = 1 },
            { name = "HDC", shift = 13, width = 1 },
            { name = "UINTR", shift = 14, width = 1 },
            { name = "LBR", shift = 15, width = 1 },
            { name = "HWP", shift = 16, width = 1 },
            { name = "TILE_CFG", shift = 17, width = 1 },
            { name = "TILE_DATA", shift = 18, width = 1 },
            { name = "LWP", shift = 62, width = 1 },
        },
    },
    { kind = "octets", path = "fpu_sse", name = "fpu_sse", size = 512, inside = { [1] = { "fxsave" } } },
    {
        kind = "uint",
        path = "xstate_bv",
        name = "xstate_bv",
        size = 8,
        parts = {
            { name = "X87", shift = 0, width = 1 },
            { name = "SSE", shift = 1, width = 1 },
            { name = "YMM", shift = 2, width = 1 },
            { name = "BNDREGS", shift = 3, width = 1 },
            { name = "BNDCSR", shift = 4, width = 1 },
            { name = "OPMASK", shift = 5, width = 1 },
            { name = "ZMM", shift = 6, width = 1 },
            { name = "HI_ZMM", shift = 7, width = 1 },
            { name = "PROC_TRACE", shift = 8, width = 1 },
            { name = "PKRU", shift = 9, width = 1 },
            { name = "PASID", shift = 10, width = 1 },
            { name = "CET_U", shift = 11, width = 1 },
            { name = "CET_S", shift = 12, width = 1 },
            { name = "HDC", shift = 13, width = 1 },
            { name = "UINTR", shift = 14, width = 1 },
            { name = "LBR", shift = 15, width = 1 },
            { name = "HWP", shift = 16, width = 1 },
            { name = "TILE_CFG", shift = 17, width = 1 },
            { name = "TILE_DATA", shift = 18, width = 1 },
            { name = "LWP", shift = 62, width = 1 },
        },
    },
    { kind = "uint", path = "xcomp_bv", name = "xcomp_bv", size = 8 },
    { kind = "octets", path = "pad", name = "pad", size = 48 },
    { kind = "rest", path = "components", name = "components" },
}

LAYOUT.hvm_viridian_vcpu = {
    path = "hvm_viridian_vcpu.",
    size = 216,
    {
        kind = "uint",
        path = "vp_assist_msr",
        name = "vp_assist_msr",
        size = 8,
        parts = { { name = "enabled", shift = 0, width = 1 }, { name = "pfn", shift = 12, width = 52 } },
    },
    { kind = "uint", path = "apic_assist_pending", name = "apic_assist_pending", size = 1 },
    { kind = "octets", path = "pad", name = "pad", size = 7 },
    {
        kind = "uint",
        path = "simp_msr",
        name = "simp_msr",
        size = 8,
        parts = { { name = "enabled", shift = 0, width = 1 }, { name = "pfn", shift = 12, width = 52 } },
    },
    {
        kind = "array", path = "sint_msr", name = "sint_msr", times = 16,
        elements = {
            { kind = "uint", path = "sint_msr", size = 8 },
        },
    },
    {
        kind = "array", path = "stimer_config_msr", name = "stimer_config_msr", times = 4,
        elements = {
            { kind = "uint", path = "stimer_config_msr", size = 8 },
        },
    },
    {
        kind = "array", path = "stimer_count_msr", name = "stimer_count_msr", times = 4,
        elements = {
            { kind = "uint", path = "stimer_count_msr", size = 8 },
        },
    },
}

LAYOUT.hvm_viridian_vcpu_16 = {
    path = "hvm_viridian_vcpu.",
    size = 16,
    {
        kind = "uint",
        path = "vp_assist_msr",
        name = "vp_assist_msr",
        size = 8,
        parts = { { name = "enabled", shift = 0, width = 1 }, { name = "pfn", shift = 12, width = 52 } },
    },
    { kind = "uint", path = "apic_assist_pending", name = "apic_assist_pending", size = 1 },
    { kind = "octets", path = "pad", name = "pad", size = 7 },
}

LAYOUT.hvm_viridian_vcpu_8 = {
    path = "hvm_viridian_vcpu.",
    size = 8,
    {
        kind = "uint",
        path = "vp_assist_msr",
        name = "vp_assist_msr",
        size = 8,
        parts = { { name = "enabled", shift = 0, width = 1 }, { name = "pfn", shift = 12, width = 52 } },
    },
}

LAYOUT.hvm_vmce_vcpu = {
    path = "hvm_vmce_vcpu.",
    size = 32,
    { kind = "uint", path = "caps", name = "caps", size = 8 },
    { kind = "uint", path = "mci_ctl2_bank0", name = "mci_ctl2_bank0", size = 8 },
    { kind = "uint", path = "mci_ctl2_bank1", name = "mci_ctl2_bank1", size = 8 },
    { kind = "uint", path = "mcg_ext_ctl", name = "mcg_ext_ctl", size = 8 },
}

LAYOUT.hvm_vmce_vcpu_24 = {
    path = "hvm_vmce_vcpu.",
    size = 24,
    { kind = "uint", path = "caps", name = "caps", size = 8 },
    { kind = "uint", path = "mci_ctl2_bank0", name = "mci_ctl2_bank0", size = 8 },
    { kind = "uint", path = "mci_ctl2_bank1", name = "mci_ctl2_bank1", size = 8 },
}

LAYOUT.hvm_vmce_vcpu_8 = {
    path = "hvm_vmce_vcpu.",
    size = 8,
    { kind = "uint", path = "caps", name = "caps", size = 8 },
}

LAYOUT.hvm_tsc_adjust = {
    path = "hvm_tsc_adjust.",
    size = 8,
    { kind = "uint", path = "tsc_adjust", name = "tsc_adjust", size = 8 },
}

LAYOUT.hvm_cpu_msr = {
    path = "hvm_cpu_msr.",
    { kind = "uint", path = "count", name = "count", size = 4 },
    { kind = "octets", path = "pad", name = "pad", size = 4 },
    {
        kind = "array", path = "msr", name = "msr", by = "count",
        elements = {
            { kind = "uint", path = "msr.index", name = "index", size = 4, names = MSRS },
            { kind = "uint", path = "msr.rsvd", name = "rsvd", size = 4 },
            { kind = "uint", path = "msr.val", name = "val", size = 8, register = "index" },
        },
    },
}

LAYOUT.pv_msrs = {
    path = "pv_msrs.",
    {
        kind = "array", path = "msrs", name = "msrs",
        elements = {
            { kind = "uint", path = "msrs.index", name = "index", size = 4, names = MSRS },
            { kind = "uint", path = "msrs.reserved", name = "reserved", size = 4 },
            { kind = "uint", path = "msrs.value", name = "value", size = 8, register = "index" },
        },
    },
}

-- Features: of processors, by register and bit of CPUID ---------------------------------------------------------------

local FEATURES = {}
FEATURES["cpuid_policy.d 1 ffffffff"] = {
    [0] = "FPU", [1] = "VME", [2] = "DE", [3] = "PSE", [4] = "TSC", [5] = "MSR", [6] = "PAE", [7] = "MCE", [8] = "CX8",
    [9] = "APIC", [11] = "SEP", [12] = "MTRR", [13] = "PGE", [14] = "MCA", [15] = "CMOV", [16] = "PAT", [17] = "PSE36",
    [19] = "CLFLUSH", [21] = "DS", [22] = "ACPI", [23] = "MMX", [24] = "FXSR", [25] = "SSE", [26] = "SSE2", [27] = "SS",
    [28] = "HTT", [29] = "TM1", [31] = "PBE",
}
FEATURES["cpuid_policy.c 1 ffffffff"] = {
    [0] = "SSE3", [1] = "PCLMULQDQ", [2] = "DTES64", [3] = "MONITOR", [4] = "DSCPL", [5] = "VMX", [6] = "SMX",
    [7] = "EIST", [8] = "TM2", [9] = "SSSE3", [11] = "SDBG", [12] = "FMA", [13] = "CX16", [14] = "XTPR", [15] = "PDCM",
    [17] = "PCID", [18] = "DCA", [19] = "SSE4_1", [20] = "SSE4_2", [21] = "X2APIC", [22] = "MOVBE", [23] = "POPCNT",
    [24] = "TSC_DEADLINE", [25] = "AESNI", [26] = "XSAVE", [27] = "OSXSAVE", [28] = "AVX", [29] = "F16C",
    [30] = "RDRAND", [31] = "HYPERVISOR",
}
FEATURES["cpuid_policy.d 80000001 ffffffff"] = {
    [11] = "SYSCALL", [20] = "NX", [22] = "MMXEXT", [25] = "FFXSR", [26] = "PAGE1GB", [27] = "RDTSCP", [29] = "LM",
    [30] = "3DNOWEXT", [31] = "3DNOW",
}
FEATURES["cpuid_policy.c 80000001 ffffffff"] = {
    [0] = "LAHF_LM", [1] = "CMP_LEGACY", [2] = "SVM", [3] = "EXTAPIC", [4] = "CR8_LEGACY", [5] = "ABM", [6] = "SSE4A",
    [7] = "MISALIGNSSE", [8] = "3DNOWPREFETCH", [9] = "OSVW", [10] = "IBS", [11] = "XOP", [12] = "SKINIT", [13] = "WDT",
    [15] = "LWP", [16] = "FMA4", [19] = "NODEID_MSR", [21] = "TBM", [22] = "TOPOEXT", [26] = "DBEXT", [29] = "MONITORX",
    [30] = "ADDR_MSK_EXT",
}
FEATURES["cpuid_policy.a d 1"] = { [0] = "XSAVEOPT", [1] = "XSAVEC", [2] = "XGETBV1", [3] = "XSAVES", [4] = "XFD" }
FEATURES["cpuid_policy.b 7 0"] = {
    [0] = "FSGSBASE", [1] = "TSC_ADJUST", [2] = "SGX", [3] = "BMI1", [4] = "HLE", [5] = "AVX2", [6] = "FDP_EXCP_ONLY",
    [7] = "SMEP", [8] = "BMI2", [9] = "ERMS", [10] = "INVPCID", [11] = "RTM", [12] = "PQM", [13] = "NO_FPU_SEL",
    [14] = "MPX", [15] = "PQE", [16] = "AVX512F", [17] = "AVX512DQ", [18] = "RDSEED", [19] = "ADX", [20] = "SMAP",
    [21] = "AVX512_IFMA", [23] = "CLFLUSHOPT", [24] = "CLWB", [25] = "PROC_TRACE", [26] = "AVX512PF", [27] = "AVX512ER",
    [28] = "AVX512CD", [29] = "SHA", [30] = "AVX512BW", [31] = "AVX512VL",
}
FEATURES["cpuid_policy.c 7 0"] = {
    [0] = "PREFETCHWT1", [1] = "AVX512_VBMI", [2] = "UMIP", [3] = "PKU", [4] = "OSPKE", [5] = "WAITPKG",
    [6] = "AVX512_VBMI2", [7] = "CET_SS", [8] = "GFNI", [9] = "VAES", [10] = "VPCLMULQDQ", [11] = "AVX512_VNNI",
    [12] = "AVX512_BITALG", [13] = "TME", [14] = "AVX512_VPOPCNTDQ", [16] = "LA57", [22] = "RDPID", [24] = "BLD",
    [25] = "CLDEMOTE", [27] = "MOVDIRI", [28] = "MOVDIR64B", [29] = "ENQCMD", [30] = "SGX_LC", [31] = "PKS",
}
FEATURES["cpuid_policy.d 80000007 ffffffff"] = { [7] = "HW_PSTATE", [8] = "ITSC", [9] = "CPB", [10] = "EFRO" }
FEATURES["cpuid_policy.b 80000008 ffffffff"] = {
    [0] = "CLZERO", [2] = "RSTR_FP_ERR_PTRS", [9] = "WBNOINVD", [12] = "IBPB", [14] = "IBRS", [15] = "AMD_STIBP",
    [16] = "IBRS_ALWAYS", [17] = "STIBP_ALWAYS", [18] = "IBRS_FAST", [19] = "IBRS_SAME_MODE", [20] = "NO_LMSL",
    [23] = "AMD_PPIN", [24] = "AMD_SSBD", [25] = "VIRT_SSBD", [26] = "SSB_NO", [27] = "CPPC", [28] = "PSFD",
    [29] = "BTC_NO", [30] = "IBPB_RET",
}
FEATURES["cpuid_policy.d 7 0"] = {
    [1] = "SGX_KEYS", [2] = "AVX512_4VNNIW", [3] = "AVX512_4FMAPS", [4] = "FSRM", [5] = "UINTR",
    [8] = "AVX512_VP2INTERSECT", [9] = "SRBDS_CTRL", [10] = "MD_CLEAR", [11] = "RTM_ALWAYS_ABORT",
    [13] = "TSX_FORCE_ABORT", [14] = "SERIALIZE", [15] = "HYBRID", [16] = "TSXLDTRK", [18] = "PCONFIG",
    [19] = "ARCH_LBR", [20] = "CET_IBT", [22] = "AMX_BF16", [23] = "AVX512_FP16", [24] = "AMX_TILE", [25] = "AMX_INT8",
    [26] = "IBRSB", [27] = "STIBP", [28] = "L1D_FLUSH", [29] = "ARCH_CAPS", [30] = "CORE_CAPS", [31] = "SSBD",
}
FEATURES["cpuid_policy.a 7 1"] = {
    [0] = "SHA512", [1] = "SM3", [2] = "SM4", [4] = "AVX_VNNI", [5] = "AVX512_BF16", [6] = "LASS", [7] = "CMPCCXADD",
    [8] = "ARCH_PERF_MON", [10] = "FZRM", [11] = "FSRS", [12] = "FSRCS", [17] = "FRED", [18] = "LKGS", [19] = "WRMSRNS",
    [20] = "NMI_SRC", [21] = "AMX_FP16", [23] = "AVX_IFMA", [26] = "LAM", [27] = "MSRLIST", [30] = "NO_INVD",
    [31] = "MOVRS",
}
FEATURES["cpuid_policy.a 80000021 ffffffff"] = {
    [0] = "NO_NEST_BP", [1] = "FS_GS_NS", [2] = "LFENCE_DISPATCH", [5] = "VERW_CLEAR", [6] = "NSCB", [8] = "AUTO_IBRS",
    [10] = "AMD_FSRS", [11] = "AMD_FSRC", [17] = "CPUID_USER_DIS", [18] = "EPSF", [19] = "FSRSC",
    [20] = "AMD_PREFETCHI", [23] = "AVX512_BMM", [27] = "SBPB", [28] = "IBPB_BRTYPE", [29] = "SRSO_NO",
    [30] = "SRSO_US_NO", [31] = "SRSO_MSR_FIX",
}
FEATURES["cpuid_policy.b 7 1"] = { [0] = "INTEL_PPIN" }
FEATURES["cpuid_policy.d 7 2"] = {
    [0] = "INTEL_PSFD", [1] = "IPRED_CTRL", [2] = "RRSBA_CTRL", [3] = "DDP_CTRL", [4] = "BHI_CTRL", [5] = "MCDT_NO",
    [6] = "UC_LOCK_DIS",
}
FEATURES["cpuid_policy.c 7 1"] = {}
FEATURES["cpuid_policy.d 7 1"] = {
    [4] = "AVX_VNNI_INT8", [5] = "AVX_NE_CONVERT", [8] = "AMX_COMPLEX", [10] = "AVX_VNNI_INT16", [14] = "PREFETCHI",
    [17] = "UIRET_UIF", [18] = "CET_SSS", [24] = "SLSM",
}
FEATURES["cpuid_policy.c 80000021 ffffffff"] = { [1] = "TSA_SQ_NO", [2] = "TSA_L1_NO" }

-- Registers: model-specific ones, by number and bit -------------------------------------------------------------------

local REGISTERS = {}
REGISTERS[0x1b] = { [8] = "BSP", [10] = "EXTD", [11] = "ENABLE" }
REGISTERS[0x33] = { [29] = "SPLITLOCK_DETECT", [31] = "SPLITLOCK_DISABLE" }
REGISTERS[0x48] = {
    [0] = "IBRS", [1] = "STIBP", [2] = "SSBD", [3] = "IPRED_DIS_U", [4] = "IPRED_DIS_S", [5] = "RRSBA_DIS_U",
    [6] = "RRSBA_DIS_S", [7] = "PSFD", [8] = "DDP_DIS_U", [10] = "BHI_DIS_S",
}
REGISTERS[0x49] = { [0] = "IBPB", [7] = "SBPB" }
REGISTERS[0x4e] = { [0] = "LOCKOUT", [1] = "ENABLE" }
REGISTERS[0xbc] = { [0] = "ENERGY_FILTER_EN" }
REGISTERS[0xbf] = { [0] = "IBPB_ALT" }
REGISTERS[0xce] = { [31] = "CPUID_FAULTING" }
REGISTERS[0xcf] = { [5] = "SPLITLOCK_DETECT" }
REGISTERS[0x10a] = {
    [0] = "RDCL_NO", [1] = "EIBRS", [2] = "RSBA", [3] = "SKIP_L1DFL", [4] = "INTEL_SSB_NO", [5] = "MDS_NO",
    [6] = "IF_PSCHANGE_MC_NO", [7] = "TSX_CTRL", [8] = "TAA_NO", [9] = "MCU_CTRL", [10] = "MISC_PKG_CTRL",
    [11] = "ENERGY_FILTERING", [12] = "DOITM", [13] = "SBDR_SSDP_NO", [14] = "FBSDP_NO", [15] = "PSDP_NO",
    [16] = "MCU_EXT", [17] = "FB_CLEAR", [18] = "FB_CLEAR_CTRL", [19] = "RRSBA", [20] = "BHI_NO", [21] = "XAPIC_STATUS",
    [23] = "OVRCLK_STATUS", [24] = "PBRSB_NO", [25] = "GDS_CTRL", [26] = "GDS_NO", [27] = "RFDS_NO",
    [28] = "RFDS_CLEAR", [29] = "IGN_UMONITOR", [30] = "MON_UMON_MITG", [32] = "PB_OPT_CTRL", [62] = "ITS_NO",
}
REGISTERS[0x10b] = { [0] = "L1D" }
REGISTERS[0x10f] = { [0] = "FORCE_ABORT_RTM", [1] = "CPUID_CLEAR", [2] = "ENABLE_RTM" }
REGISTERS[0x122] = { [0] = "RTM_DISABLE", [1] = "CPUID_CLEAR" }
REGISTERS[0x123] = {
    [0] = "RNGDS_MITG_DIS", [1] = "RTM_ALLOW", [2] = "RTM_LOCKED", [3] = "FB_CLEAR_DIS", [4] = "GDS_MIT_DIS",
    [5] = "GDS_MIT_LOCK",
}
REGISTERS[0x140] = { [0] = "CPUID_FAULTING" }
REGISTERS[0x1a0] = {
    [0] = "FAST_STRING", [7] = "PERF_AVAIL", [11] = "BTS_UNAVAIL", [12] = "PEBS_UNAVAIL", [18] = "MONITOR_ENABLE",
    [22] = "LIMIT_CPUID", [23] = "XTPR_DISABLE", [34] = "XD_DISABLE", [38] = "TURBO_DISENGAGE",
}
REGISTERS[0x1d9] = {
    [0] = "LBR", [1] = "BTF", [6] = "TR", [7] = "BTS", [8] = "BTINT", [9] = "BTS_OFF_OS", [10] = "BTS_OFF_USR",
    [15] = "RTM",
}
REGISTERS[0x2ff] = { [10] = "FE", [11] = "E" }
REGISTERS[0x570] = {
    [0] = "TRACE_EN", [1] = "CYC_EN", [2] = "OS", [3] = "USR", [4] = "PWR_EVT_EN", [5] = "FUP_ON_PTW",
    [6] = "FABRIC_EN", [7] = "CR3_FILTER", [8] = "TOPA", [9] = "MTC_EN", [10] = "TSC_EN", [11] = "DIS_RETC",
    [12] = "PTW_EN", [13] = "BRANCH_EN",
}
REGISTERS[0x571] = { [0] = "FILTER_EN", [1] = "CONTEXT_EN", [2] = "TRIGGER_EN", [4] = "ERROR", [5] = "STOPPED" }
REGISTERS[0x6a0] = { [0] = "SHSTK_EN", [1] = "WRSS_EN", [2] = "ENDBR_EN" }
REGISTERS[0x6a2] = { [0] = "SHSTK_EN", [1] = "WRSS_EN", [2] = "ENDBR_EN" }
REGISTERS[0x770] = { [0] = "HWP_ENABLE" }
REGISTERS[0xd93] = { [31] = "VALID" }
REGISTERS[0xda0] = {
    [0] = "X87", [1] = "SSE", [2] = "YMM", [3] = "BNDREGS", [4] = "BNDCSR", [5] = "OPMASK", [6] = "ZMM", [7] = "HI_ZMM",
    [8] = "PROC_TRACE", [9] = "PKRU", [10] = "PASID", [11] = "CET_U", [12] = "CET_S", [13] = "HDC", [14] = "UINTR",
    [15] = "LBR", [16] = "HWP", [17] = "TILE_CFG", [18] = "TILE_DATA", [62] = "LWP",
}
REGISTERS[0xdb0] = { [0] = "HDC_PKG_ENABLE" }
REGISTERS[0xdb1] = { [0] = "HDC_ALLOW_BLOCK" }
REGISTERS[0x1406] = { [0] = "LOCK", [1] = "DIS_MCU_LOAD", [2] = "EN_SMM_BYPASS" }
REGISTERS[0x1b01] = { [0] = "DOITM" }
REGISTERS[0xc0000080] = {
    [0] = "SCE", [8] = "LME", [10] = "LMA", [11] = "NXE", [12] = "SVME", [14] = "FFXSE", [21] = "AIBRSE",
}
REGISTERS[0xc0010010] = {
    [18] = "MTRR_FIX_DRAM_EN", [19] = "MTRR_FIX_DRAM_MOD_EN", [20] = "MTRR_VAR_DRAM_EN", [21] = "MTRR_TOM2_EN",
    [22] = "TOM2_FORCE_WB",
}
REGISTERS[0xc0010015] = { [24] = "TSC_FREQ_SEL", [35] = "CPUID_USER_DIS" }
REGISTERS[0xc0010058] = { [0] = "ENABLE" }
REGISTERS[0xc0010114] = { [1] = "INIT_REDIRECTION", [4] = "SVM_DISABLE" }
REGISTERS[0xc001011f] = {
    [0] = "IBRS", [1] = "STIBP", [2] = "SSBD", [3] = "IPRED_DIS_U", [4] = "IPRED_DIS_S", [5] = "RRSBA_DIS_U",
    [6] = "RRSBA_DIS_S", [7] = "PSFD", [8] = "DDP_DIS_U", [10] = "BHI_DIS_S",
}
REGISTERS[0xc0011029] = { [1] = "LFENCE_SERIALISE" }
REGISTERS[0xc001102e] = { [4] = "SPEC_REDUCE" }

-- Protocol: headers, records, containers and texts --------------------------------------------------------------------

local HEADER, RECORD, CONTAINER, MESSAGE = {}, {}, {}, {}

HEADER["xl header"] = py.make(protocol_specs.HeaderSpec, { name = "xl header", layer = "xl", body = LAYOUT.xl_header,
    magic = "Xen saved domain, xl format\n \000 \r", then_ = "LIBXL_HEADER", more = "optional_data_len",
    optional = LAYOUT.xl_optional_data })
HEADER["libvirt header"] = py.make(protocol_specs.HeaderSpec, { name = "libvirt header", layer = "libvirt",
    body = LAYOUT.libvirt_header, endianness = "little", magic = "libvirt-xml\n \000 \r", then_ = "LIBXL_HEADER",
    more = "xml_length" })
HEADER["xenops header"] = py.make(protocol_specs.HeaderSpec, { name = "xenops header", layer = "xenops",
    body = LAYOUT.xenops_header, endianness = "little", magic = "XenSavedDomv2-\n", then_ = "XENOPS_RECORD" })
HEADER["libxl header"] = py.make(protocol_specs.HeaderSpec, { name = "libxl header", layer = "libxl",
    body = LAYOUT.libxl_header, endianness = "big", magic = "LibxlFmt", then_ = "LIBXL_RECORD",
    summary = "version {version}, {options.big_endian:order}{options.legacy:if:, converted from an old stream}" })
HEADER["image header"] = py.make(protocol_specs.HeaderSpec, { name = "image header", layer = "libxc",
    body = LAYOUT.image_header, endianness = "big", magic = "\255\255\255\255\255\255\255\255XENF",
    then_ = "DOMAIN_HEADER", summary = "version {version}, {options.big_endian:order}" })
HEADER["xenops legacy header"] = py.make(protocol_specs.HeaderSpec, { name = "xenops legacy header", layer = "xenops",
    body = LAYOUT.xenops_legacy_header, endianness = "little", magic = "XenSavedDomain\n", then_ = "LEGACY" })
HEADER["domain header"] = py.make(protocol_specs.HeaderSpec, { name = "domain header", layer = "libxc",
    body = LAYOUT.domain_header, magic = "", then_ = "LIBXC_RECORD", role = "DOMAIN",
    summary = "{type} from {xen_major:xen:xen_minor}{page_shift:unless:12:, page_shift}" })

RECORD["libxc.END"] = py.make(protocol_specs.RecordSpec, { type = 0, name = "END", body = LAYOUT.signal,
    shape = "signal", role = "LIBXC_END", then_ = "OUTER" })
RECORD["libxc.PAGE_DATA"] = py.make(protocol_specs.RecordSpec, { type = 1, name = "PAGE_DATA", body = LAYOUT.page_data,
    shape = "pages", role = "MEMORY", contents = true })
RECORD["libxc.X86_PV_INFO"] = py.make(protocol_specs.RecordSpec, { type = 2, name = "X86_PV_INFO",
    body = LAYOUT.x86_pv_info, shape = "fixed", role = "STATIC_DATA", guest = "pv",
    summary = "{guest_width:bits}-bit guest, {pt_levels} levels", tells_width = true })
RECORD["libxc.X86_PV_P2M_FRAMES"] = py.make(protocol_specs.RecordSpec, { type = 3, name = "X86_PV_P2M_FRAMES",
    body = LAYOUT.x86_pv_p2m_frames, shape = "list", role = "FRAME_TABLE", guest = "pv",
    summary = "pfns {start_pfn:hex}-{end_pfn:hex}" })
RECORD["libxc.X86_PV_VCPU_BASIC"] = py.make(protocol_specs.RecordSpec, { type = 4, name = "X86_PV_VCPU_BASIC",
    body = LAYOUT.x86_pv_vcpu_basic, shape = "blob", role = "CONTEXT", guest = "pv", proof = protocol_specs.Proof(40, {
    2808, 5176 }, 0, 0, false, { protocol_specs.FieldRange(0, 4, 0, 8191), protocol_specs.FieldRange(4, 4, 0, 0) }),
    summary = "vcpu {vcpu_id}, {context:size}" })
RECORD["libxc.X86_PV_VCPU_EXTENDED"] = py.make(protocol_specs.RecordSpec, { type = 5, name = "X86_PV_VCPU_EXTENDED",
    body = LAYOUT.x86_pv_vcpu_extended, shape = "blob", role = "CONTEXT", guest = "pv", proof = protocol_specs.Proof(40,
    {}, 0, 0, false, { protocol_specs.FieldRange(0, 4, 0, 8191), protocol_specs.FieldRange(4, 4, 0, 0) }),
    summary = "vcpu {vcpu_id}, {context:size}" })
RECORD["libxc.X86_PV_VCPU_XSAVE"] = py.make(protocol_specs.RecordSpec, { type = 6, name = "X86_PV_VCPU_XSAVE",
    body = LAYOUT.x86_pv_vcpu_xsave, shape = "blob", role = "CONTEXT", guest = "pv", proof = protocol_specs.Proof(40,
    {}, 0, 0, false, { protocol_specs.FieldRange(0, 4, 0, 8191), protocol_specs.FieldRange(4, 4, 0, 0) }),
    summary = "vcpu {vcpu_id}, {context:size}" })
RECORD["libxc.SHARED_INFO"] = py.make(protocol_specs.RecordSpec, { type = 7, name = "SHARED_INFO",
    body = LAYOUT.shared_info, shape = "page", role = "CONTEXT", guest = "pv" })
RECORD["libxc.TSC_INFO"] = py.make(protocol_specs.RecordSpec, { type = 8, name = "TSC_INFO", body = LAYOUT.tsc_info,
    shape = "fixed", role = "CONTEXT", summary = "mode {mode}, {khz} kHz" })
RECORD["libxc.HVM_CONTEXT"] = py.make(protocol_specs.RecordSpec, { type = 9, name = "HVM_CONTEXT",
    body = LAYOUT.hvm_context, shape = "chain", role = "CONTEXT", guest = "hvm", proof = protocol_specs.Proof(80, {}, 0,
    0, false, { protocol_specs.FieldRange(0, 2, 1, 1), protocol_specs.FieldRange(2, 2, 0, 0),
    protocol_specs.FieldRange(4, 4, 24, 24) }), summary = "{hvm_ctx:many:save record}, {hvm_ctx.typecode=CPU:many:vcpu}"
    })
RECORD["libxc.HVM_PARAMS"] = py.make(protocol_specs.RecordSpec, { type = 10, name = "HVM_PARAMS",
    body = LAYOUT.hvm_params, shape = "list", role = "CONTEXT", guest = "hvm", proof = protocol_specs.Proof(60, {}, 8,
    16, true, { protocol_specs.FieldRange(4, 4, 0, 0) }), summary = "{count:many:param}" })
RECORD["libxc.TOOLSTACK"] = py.make(protocol_specs.RecordSpec, { type = 11, name = "TOOLSTACK", body = LAYOUT.blob,
    shape = "blob", role = "TOOLSTACK" })
RECORD["libxc.X86_PV_VCPU_MSRS"] = py.make(protocol_specs.RecordSpec, { type = 12, name = "X86_PV_VCPU_MSRS",
    body = LAYOUT.x86_pv_vcpu_msrs, shape = "blob", role = "CONTEXT", guest = "pv", proof = protocol_specs.Proof(40, {},
    0, 0, false, { protocol_specs.FieldRange(0, 4, 0, 8191), protocol_specs.FieldRange(4, 4, 0, 0) }),
    summary = "vcpu {vcpu_id}, {context:size}" })
RECORD["libxc.VERIFY"] = py.make(protocol_specs.RecordSpec, { type = 13, name = "VERIFY", body = LAYOUT.signal,
    shape = "signal", role = "VERIFY" })
RECORD["libxc.CHECKPOINT"] = py.make(protocol_specs.RecordSpec, { type = 14, name = "CHECKPOINT", body = LAYOUT.signal,
    shape = "signal", role = "CHECKPOINT", then_ = "LIBXL_IF_THERE" })
RECORD["libxc.CHECKPOINT_DIRTY_PFN_LIST"] = py.make(protocol_specs.RecordSpec, { type = 15,
    name = "CHECKPOINT_DIRTY_PFN_LIST", body = LAYOUT.checkpoint_dirty_pfn_list, shape = "list", role = "REPORT",
    direction = "reverse", summary = "{pfn:many:pfn}" })
RECORD["libxc.POSTCOPY_BEGIN"] = py.make(protocol_specs.RecordSpec, { type = 16, name = "POSTCOPY_BEGIN",
    body = LAYOUT.signal, shape = "signal", role = "POSTCOPY_BEGIN" })
RECORD["libxc.POSTCOPY_PFNS_BEGIN"] = py.make(protocol_specs.RecordSpec, { type = 17, name = "POSTCOPY_PFNS_BEGIN",
    body = LAYOUT.signal, shape = "signal", role = "POSTCOPY_SETUP" })
RECORD["libxc.POSTCOPY_PFNS"] = py.make(protocol_specs.RecordSpec, { type = 18, name = "POSTCOPY_PFNS",
    body = LAYOUT.page_list, shape = "pages", role = "POSTCOPY_LIST" })
RECORD["libxc.POSTCOPY_TRANSITION"] = py.make(protocol_specs.RecordSpec, { type = 19, name = "POSTCOPY_TRANSITION",
    body = LAYOUT.signal, shape = "signal", role = "POSTCOPY_TRANSITION", then_ = "LIBXL_IF_THERE" })
RECORD["libxc.POSTCOPY_PAGE_DATA"] = py.make(protocol_specs.RecordSpec, { type = 20, name = "POSTCOPY_PAGE_DATA",
    body = LAYOUT.page_data, shape = "pages", role = "POSTCOPY_PAGES", contents = true })
RECORD["libxc.POSTCOPY_FAULT"] = py.make(protocol_specs.RecordSpec, { type = 21, name = "POSTCOPY_FAULT",
    body = LAYOUT.page_list, shape = "pages", role = "POSTCOPY_FAULT", direction = "reverse" })
RECORD["libxc.POSTCOPY_COMPLETE"] = py.make(protocol_specs.RecordSpec, { type = 22, name = "POSTCOPY_COMPLETE",
    body = LAYOUT.signal, shape = "signal", role = "POSTCOPY_COMPLETE", direction = "reverse" })
RECORD["libxc.X86_TSC_INFO"] = py.make(protocol_specs.RecordSpec, { type = 8, name = "X86_TSC_INFO",
    body = LAYOUT.tsc_info, shape = "fixed", role = "CONTEXT", summary = "mode {mode}, {khz} kHz" })
RECORD["libxc.STATIC_DATA_END"] = py.make(protocol_specs.RecordSpec, { type = 16, name = "STATIC_DATA_END",
    body = LAYOUT.signal, shape = "signal", role = "STATIC_DATA_END" })
RECORD["libxc.X86_CPUID_POLICY"] = py.make(protocol_specs.RecordSpec, { type = 17, name = "X86_CPUID_POLICY",
    body = LAYOUT.x86_cpuid_policy, shape = "list", role = "STATIC_DATA", proof = protocol_specs.Proof(40, {}, 0, 24,
    false, { protocol_specs.FieldRange(0, 4, 0, 0), protocol_specs.FieldRange(8, 4, 1, 0xffffffff) }),
    summary = "{cpuid_policy:many:CPUID leaf:CPUID leaves}" })
RECORD["libxc.X86_MSR_POLICY"] = py.make(protocol_specs.RecordSpec, { type = 18, name = "X86_MSR_POLICY",
    body = LAYOUT.x86_msr_policy, shape = "list", role = "STATIC_DATA", proof = protocol_specs.Proof(30, {}, 0, 16,
    false, { protocol_specs.FieldRange(4, 4, 0, 0) }), summary = "{msr_policy:many:register}" })
RECORD["libxl.END"] = py.make(protocol_specs.RecordSpec, { type = 0, name = "END", body = LAYOUT.signal,
    shape = "signal", role = "LIBXL_END", layer = "libxl", then_ = "OUTER" })
RECORD["libxl.LIBXC_CONTEXT"] = py.make(protocol_specs.RecordSpec, { type = 1, name = "LIBXC_CONTEXT",
    body = LAYOUT.signal, shape = "signal", role = "EMBEDDED_STREAM", layer = "libxl", then_ = "IMAGE_HEADER",
    proof = protocol_specs.Proof(0, { -1 }, 0, 0, false, {}) })
RECORD["libxl.EMULATOR_XENSTORE_DATA"] = py.make(protocol_specs.RecordSpec, { type = 2, name = "EMULATOR_XENSTORE_DATA",
    body = LAYOUT.emulator_xenstore_data, shape = "list", role = "EMULATOR", layer = "libxl",
    proof = protocol_specs.Proof(40, {}, 0, 0, false, { protocol_specs.FieldRange(0, 4, 1, 2),
    protocol_specs.FieldRange(4, 4, 0, 0) }), summary = "{emulator_id} {index}, {xenstore_data:many:key}" })
RECORD["libxl.EMULATOR_CONTEXT"] = py.make(protocol_specs.RecordSpec, { type = 3, name = "EMULATOR_CONTEXT",
    body = LAYOUT.emulator_context, shape = "blob", role = "EMULATOR", layer = "libxl", proof = protocol_specs.Proof(40,
    {}, 0, 0, false, { protocol_specs.FieldRange(0, 4, 1, 2), protocol_specs.FieldRange(4, 4, 0, 0) }),
    summary = "{emulator_id} {index}, {emulator_ctx:size}" })
RECORD["libxl.CHECKPOINT_END"] = py.make(protocol_specs.RecordSpec, { type = 4, name = "CHECKPOINT_END",
    body = LAYOUT.signal, shape = "signal", role = "CHECKPOINT_END", layer = "libxl", then_ = "LIBXL_OR_LIBXC" })
RECORD["libxl.CHECKPOINT_STATE"] = py.make(protocol_specs.RecordSpec, { type = 5, name = "CHECKPOINT_STATE",
    body = LAYOUT.checkpoint_state, shape = "blob", role = "CHECKPOINT_STATE", layer = "libxl", direction = "both",
    then_ = "LIBXL_OR_LIBXC", summary = "{control_id}" })
RECORD["libxl.POSTCOPY_TRANSITION_END"] = py.make(protocol_specs.RecordSpec, { type = 6,
    name = "POSTCOPY_TRANSITION_END", body = LAYOUT.signal, shape = "signal", role = "POSTCOPY_TRANSITION_END",
    layer = "libxl", then_ = "LIBXC_RECORD" })
RECORD["xenops.XENOPS"] = py.make(protocol_specs.RecordSpec, { type = 15, name = "XENOPS", body = LAYOUT.blob,
    shape = "blob", role = "IMAGE", layer = "xenops" })
RECORD["xenops.LIBXC"] = py.make(protocol_specs.RecordSpec, { type = 240, name = "LIBXC", body = LAYOUT.signal,
    shape = "stream", role = "IMAGE", layer = "xenops", then_ = "IMAGE_HEADER" })
RECORD["xenops.LIBXL"] = py.make(protocol_specs.RecordSpec, { type = 241, name = "LIBXL", body = LAYOUT.signal,
    shape = "stream", role = "IMAGE", layer = "xenops", then_ = "LIBXL_HEADER" })
RECORD["xenops.LIBXC_LEGACY"] = py.make(protocol_specs.RecordSpec, { type = 242, name = "LIBXC_LEGACY",
    body = LAYOUT.signal, shape = "stream", role = "IMAGE", layer = "xenops", then_ = "LEGACY" })
RECORD["xenops.QEMU_TRAD"] = py.make(protocol_specs.RecordSpec, { type = 3840, name = "QEMU_TRAD",
    body = LAYOUT.qemu_state, shape = "blob", role = "IMAGE", layer = "xenops" })
RECORD["xenops.QEMU_XEN"] = py.make(protocol_specs.RecordSpec, { type = 3841, name = "QEMU_XEN",
    body = LAYOUT.qemu_state, shape = "blob", role = "IMAGE", layer = "xenops" })
RECORD["xenops.DEMU"] = py.make(protocol_specs.RecordSpec, { type = 3856, name = "DEMU", body = LAYOUT.blob,
    shape = "blob", role = "IMAGE", layer = "xenops", then_ = "XENOPS_STATE" })
RECORD["xenops.VARSTORED"] = py.make(protocol_specs.RecordSpec, { type = 3857, name = "VARSTORED", body = LAYOUT.blob,
    shape = "blob", role = "IMAGE", layer = "xenops" })
RECORD["xenops.SWTPM0"] = py.make(protocol_specs.RecordSpec, { type = 3858, name = "SWTPM0", body = LAYOUT.blob,
    shape = "blob", role = "IMAGE", layer = "xenops" })
RECORD["xenops.SWTPM"] = py.make(protocol_specs.RecordSpec, { type = 3859, name = "SWTPM", body = LAYOUT.blob,
    shape = "blob", role = "IMAGE", layer = "xenops" })
RECORD["xenops.END_OF_IMAGE"] = py.make(protocol_specs.RecordSpec, { type = 65535, name = "END_OF_IMAGE",
    body = LAYOUT.signal, shape = "signal", role = "IMAGE_END", layer = "xenops", then_ = "OUTER" })

CONTAINER["xl"] = py.make(protocol_containers.Container, { layer = "xl", header = HEADER["xl header"],
    magic = "Xen saved domain, xl format\n \000 \r", begins = "XL_HEADER", holds = { ["libxl"] = true }, confirms = {
    "\004\003\002\001", "\001\002\003\004" } })
CONTAINER["libvirt"] = py.make(protocol_containers.Container, { layer = "libvirt", header = HEADER["libvirt header"],
    magic = "libvirt-xml\n \000 \r", begins = "LIBVIRT_HEADER", holds = { ["libxl"] = true } })
CONTAINER["xenops"] = py.make(protocol_containers.Container, { layer = "xenops", header = HEADER["xenops header"],
    magic = "XenSavedDomv2-\n", begins = "XENOPS_HEADER", holds = { ["libxc"] = true, ["libxl"] = true },
    record = "XENOPS_RECORD", endianness = "little", length_max = 0x10000000000, unknown_max = 0,
    answers = "handshakes", keeps_octets_after_end = true })
CONTAINER["libxl"] = py.make(protocol_containers.Container, { layer = "libxl", header = HEADER["libxl header"],
    magic = "LibxlFmt\000\000\000\002", begins = "LIBXL_HEADER", holds = { ["libxc"] = true }, record = "LIBXL_RECORD",
    alignment = 8 })
CONTAINER["libxc"] = py.make(protocol_containers.Container, { layer = "libxc", header = HEADER["image header"],
    magic = "\255\255\255\255\255\255\255\255XENF", begins = "IMAGE_HEADER", holds = {}, record = "LIBXC_RECORD",
    alignment = 8 })

MESSAGE["banner"] = py.make(protocol_specs.Message, { name = "banner",
    octets = "xl migration receiver ready, send binary domain data.\n", direction = "reverse" })
MESSAGE["ready"] = py.make(protocol_specs.Message, { name = "ready", octets = "domain received, ready to unpause\000",
    direction = "reverse" })
MESSAGE["go"] = py.make(protocol_specs.Message, { name = "go",
    octets = "domain is yours, you are cleared to unpause\000", direction = "both" })
MESSAGE["report"] = py.make(protocol_specs.Message, { name = "report",
    octets = "my copy unpause results are as follows\000", direction = "reverse", status = 1 })
MESSAGE["postcopy sync"] = py.make(protocol_specs.Message, { name = "postcopy sync",
    octets = "postcopy migration completed successfully\000", direction = "reverse" })
MESSAGE["http request"] = py.make(protocol_specs.MessageSpec, { name = "http request", layer = "xenops",
    direction = "forward" })
MESSAGE["http response"] = py.make(protocol_specs.MessageSpec, { name = "http response", layer = "xenops",
    direction = "reverse" })
MESSAGE["handshake"] = py.make(protocol_specs.MessageSpec, { name = "handshake", layer = "xenops", direction = "both" })
MESSAGE["stream error"] = py.make(protocol_specs.MessageSpec, { name = "stream error", layer = "libvirt",
    direction = "both", summary = "{text}" })

-- Rules: those that can be judged while packets go by; `xenshark rules ID` explains one -------------------------------

declare_expert("unanswered", "fault.unanswered", expert.severity.WARN, "The page of a faulted pfn never came")
RULE["bad-image-header"] = setmetatable({ id = "bad-image-header", severity = "error", wireshark = true, effects = {
    doubts = true, loses = true, run = true, stops = true } }, VIOLATION)
declare_expert(
    "bad-image-header error", "rule.bad-image-header", expert.severity.ERROR,
    "A libxc image header has a wrong marker or id, or a version nobody specified"
)
RULE["bad-domain-header"] = setmetatable({ id = "bad-domain-header", severity = "error", wireshark = true, effects = {
    doubts = true, run = true, stops = true } }, VIOLATION)
declare_expert(
    "bad-domain-header error", "rule.bad-domain-header", expert.severity.ERROR,
    "A libxc domain header has an unknown guest type or a page_shift other than 12"
)
RULE["bad-libxl-header"] = setmetatable({ id = "bad-libxl-header", severity = "error", wireshark = true, effects = {
    doubts = true, loses = true, run = true, stops = true } }, VIOLATION)
declare_expert(
    "bad-libxl-header error", "rule.bad-libxl-header", expert.severity.ERROR,
    "A libxl stream header has a wrong ident or version"
)
RULE["bad-xl-header"] = setmetatable({ id = "bad-xl-header", severity = "error", wireshark = true, effects = {
    doubts = true, run = true, stops = true } }, VIOLATION)
declare_expert(
    "bad-xl-header error", "rule.bad-xl-header", expert.severity.ERROR,
    "An xl save header has a wrong byteorder or mandatory flags nobody specified"
)
RULE["bad-libvirt-header"] = setmetatable({ id = "bad-libvirt-header", severity = "error", wireshark = true, effects = {
    doubts = true, run = true, stops = true } }, VIOLATION)
declare_expert(
    "bad-libvirt-header error", "rule.bad-libvirt-header", expert.severity.ERROR,
    "A saved guest's header has a version that no libvirt reads"
)
RULE["big-endian-stream"] = setmetatable({ id = "big-endian-stream", severity = "error", wireshark = true, effects = {
    doubts = true, once = true, run = true, stops = true } }, VIOLATION)
declare_expert(
    "big-endian-stream error", "rule.big-endian-stream", expert.severity.ERROR,
    "A header says that the stream is big-endian"
)
RULE["reserved-bits-set"] = setmetatable({ id = "reserved-bits-set", severity = "warning", wireshark = true,
    message = "{field} is 0x{bits:x}, not zero", effects = { doubts = true, run = true, stops = true } }, VIOLATION)
declare_expert(
    "reserved-bits-set warning", "rule.reserved-bits-set", expert.severity.WARN, "A reserved field or bit is not zero"
)
RULE["nonzero-padding"] = setmetatable({ id = "nonzero-padding", severity = "warning", wireshark = true,
    message = "padding after the body is {padding}", effects = { doubts = true, run = true, stops = true } }, VIOLATION)
declare_expert(
    "nonzero-padding warning", "rule.nonzero-padding", expert.severity.WARN, "The padding after a body is not zero"
)
RULE["record-too-long"] = setmetatable({ id = "record-too-long", severity = "error", wireshark = true, effects = {
    doubts = true, loses = true, ["no header"] = true, run = true, stops = true } }, VIOLATION)
declare_expert(
    "record-too-long error", "rule.record-too-long", expert.severity.ERROR,
    "The body_length of a record is above 128 MiB, which no libxc receiver accepts, or what xenopsd takes"
)
RULE["body-length-mismatch"] = setmetatable({ id = "body-length-mismatch", severity = "error", wireshark = true,
    effects = { doubts = true, run = true, stops = true } }, VIOLATION)
declare_expert(
    "body-length-mismatch error", "rule.body-length-mismatch", expert.severity.ERROR,
    "A body is shorter or longer than its own counts say"
)
declare_expert(
    "body-length-mismatch warning", "rule.body-length-mismatch.warning", expert.severity.WARN,
    "A body is shorter or longer than its own counts say"
)
RULE["nonempty-signal"] = setmetatable({ id = "nonempty-signal", severity = "error", wireshark = true, effects = {
    doubts = true, run = true, stops = true } }, VIOLATION)
declare_expert(
    "nonempty-signal error", "rule.nonempty-signal", expert.severity.ERROR,
    "A record that only signals, and so must be empty, has a body"
)
RULE["empty-pages-record"] = setmetatable({ id = "empty-pages-record", severity = "error", wireshark = true, effects = {
    doubts = true, run = true, stops = true } }, VIOLATION)
declare_expert(
    "empty-pages-record error", "rule.empty-pages-record", expert.severity.ERROR, "A pages record has a count of 0"
)
RULE["reserved-page-type"] = setmetatable({ id = "reserved-page-type", severity = "error", wireshark = true, effects = {
    doubts = true, run = true } }, VIOLATION)
declare_expert(
    "reserved-page-type error", "rule.reserved-page-type", expert.severity.ERROR,
    "An entry of a pages record has one of the reserved page types 5 to 8"
)
RULE["unknown-mandatory-record"] = setmetatable({ id = "unknown-mandatory-record", severity = "error", wireshark = true,
    effects = { doubts = true, ["no header"] = true, run = true, stops = true } }, VIOLATION)
declare_expert(
    "unknown-mandatory-record error", "rule.unknown-mandatory-record", expert.severity.ERROR,
    "A record has a type nobody specified, and bit 31 says that it must not be ignored"
)
RULE["unknown-optional-record"] = setmetatable({ id = "unknown-optional-record", severity = "note", wireshark = true,
    effects = { doubts = true, run = true, stops = true } }, VIOLATION)
declare_expert(
    "unknown-optional-record note", "rule.unknown-optional-record", expert.severity.NOTE,
    "A record has a type nobody specified, and bit 31 says that it may be ignored"
)
RULE["legacy-stream"] = setmetatable({ id = "legacy-stream", severity = "error", wireshark = true, effects = {
    doubts = true, loses = true, run = true, stops = true } }, VIOLATION)
declare_expert(
    "legacy-stream error", "rule.legacy-stream", expert.severity.ERROR,
    "The stream is in the legacy format of Xen 4.5 or older and is not dissected"
)
RULE["data-after-end"] = setmetatable({ id = "data-after-end", severity = "warning", wireshark = true,
    message = "{length:,} octets after the end of the stream are no handshake", effects = { doubts = true, run = true,
    stops = true } }, VIOLATION)
declare_expert(
    "data-after-end warning", "rule.data-after-end", expert.severity.WARN,
    "Octets follow the end of the outermost stream, and no handshake explains them"
)
RULE["wrong-direction"] = setmetatable({ id = "wrong-direction", severity = "error", wireshark = true,
    message = "{record} goes {direction} only", effects = { run = true, stops = true } }, VIOLATION)
declare_expert(
    "wrong-direction error", "rule.wrong-direction", expert.severity.ERROR,
    "A record is on the direction that never carries it"
)
RULE["unexpected-record"] = setmetatable({ id = "unexpected-record", severity = "error", wireshark = true,
    message = "{record} in the state \"{state}\"", effects = { run = true, stops = true } }, VIOLATION)
declare_expert(
    "unexpected-record error", "rule.unexpected-record", expert.severity.ERROR,
    "A record comes in a phase that does not allow it"
)
declare_expert(
    "unexpected-record warning", "rule.unexpected-record.warning", expert.severity.WARN,
    "A record comes in a phase that does not allow it"
)
RULE["missing-static-data-end"] = setmetatable({ id = "missing-static-data-end", severity = "error", wireshark = true,
    message = "{record} in the state \"{state}\"", effects = { run = true, stops = true } }, VIOLATION)
declare_expert(
    "missing-static-data-end error", "rule.missing-static-data-end", expert.severity.ERROR,
    "A version 3 stream has memory or context before STATIC_DATA_END"
)
declare_expert(
    "missing-static-data-end warning", "rule.missing-static-data-end.warning", expert.severity.WARN,
    "A version 3 stream has memory or context before STATIC_DATA_END"
)
RULE["duplicate-static-data-end"] = setmetatable({ id = "duplicate-static-data-end", severity = "error",
    wireshark = true, message = "{record} in the state \"{state}\"", effects = { run = true, stops = true } },
    VIOLATION)
declare_expert(
    "duplicate-static-data-end error", "rule.duplicate-static-data-end", expert.severity.ERROR,
    "A stream has a second STATIC_DATA_END"
)
RULE["static-data-in-v2"] = setmetatable({ id = "static-data-in-v2", severity = "error", wireshark = true, effects = {
    run = true, stops = true } }, VIOLATION)
declare_expert(
    "static-data-in-v2 error", "rule.static-data-in-v2", expert.severity.ERROR,
    "A version 2 stream has records that, by their bodies, are the static data of version 3"
)
RULE["hvm-params-after-context"] = setmetatable({ id = "hvm-params-after-context", severity = "note", wireshark = true,
    message = "HVM_PARAMS comes after HVM_CONTEXT", effects = { run = true, stops = true } }, VIOLATION)
declare_expert(
    "hvm-params-after-context note", "rule.hvm-params-after-context", expert.severity.NOTE,
    "A version 3 stream has HVM_CONTEXT before HVM_PARAMS"
)
RULE["pv-record-in-hvm"] = setmetatable({ id = "pv-record-in-hvm", severity = "error", wireshark = true,
    message = "{record} in a stream whose domain header says {guest}", effects = { run = true, stops = true } },
    VIOLATION)
declare_expert(
    "pv-record-in-hvm error", "rule.pv-record-in-hvm", expert.severity.ERROR,
    "The stream of an HVM guest has a record of PV guests"
)
RULE["hvm-record-in-pv"] = setmetatable({ id = "hvm-record-in-pv", severity = "error", wireshark = true,
    message = "{record} in a stream whose domain header says {guest}", effects = { run = true, stops = true } },
    VIOLATION)
declare_expert(
    "hvm-record-in-pv error", "rule.hvm-record-in-pv", expert.severity.ERROR,
    "The stream of a PV guest has a record of HVM guests"
)
RULE["checkpoint-end-unexpected"] = setmetatable({ id = "checkpoint-end-unexpected", severity = "error",
    wireshark = true, message = "{record} in the state \"{state}\"", effects = { run = true, stops = true } },
    VIOLATION)
declare_expert(
    "checkpoint-end-unexpected error", "rule.checkpoint-end-unexpected", expert.severity.ERROR,
    "A CHECKPOINT_END comes with no CHECKPOINT before it"
)
RULE["postcopy-begin-repeated"] = setmetatable({ id = "postcopy-begin-repeated", severity = "error", wireshark = true,
    message = "{record} in the state \"{state}\"", effects = { run = true, stops = true } }, VIOLATION)
declare_expert(
    "postcopy-begin-repeated error", "rule.postcopy-begin-repeated", expert.severity.ERROR,
    "A stream has a second POSTCOPY_BEGIN"
)
RULE["postcopy-begin-missing"] = setmetatable({ id = "postcopy-begin-missing", severity = "error", wireshark = true,
    message = "{record} in the state \"{state}\"", effects = { run = true, stops = true } }, VIOLATION)
declare_expert(
    "postcopy-begin-missing error", "rule.postcopy-begin-missing", expert.severity.ERROR,
    "A postcopy record comes with no POSTCOPY_BEGIN before it"
)
RULE["postcopy-transition-missing"] = setmetatable({ id = "postcopy-transition-missing", severity = "error",
    wireshark = true, message = "{record} is {layer}'s, and no {missing} came before it", effects = { run = true,
    stops = true } }, VIOLATION)
declare_expert(
    "postcopy-transition-missing error", "rule.postcopy-transition-missing", expert.severity.ERROR,
    "Records of the other layer come although nothing announced the change of layer"
)
RULE["postcopy-context-missing"] = setmetatable({ id = "postcopy-context-missing", severity = "error", wireshark = true,
    message = "{record} in the state \"{state}\"", effects = { run = true, stops = true } }, VIOLATION)
declare_expert(
    "postcopy-context-missing error", "rule.postcopy-context-missing", expert.severity.ERROR,
    "Between POSTCOPY_BEGIN and POSTCOPY_PFNS_BEGIN stands something other than the whole CPU context"
)
RULE["postcopy-page-data-before-transition"] = setmetatable({ id = "postcopy-page-data-before-transition",
    severity = "error", wireshark = true, message = "{record} in the state \"{state}\"", effects = { run = true,
    stops = true } }, VIOLATION)
declare_expert(
    "postcopy-page-data-before-transition error", "rule.postcopy-page-data-before-transition", expert.severity.ERROR,
    "POSTCOPY_PAGE_DATA comes before the transition to postcopy has ended"
)
RULE["page-data-after-postcopy-begin"] = setmetatable({ id = "page-data-after-postcopy-begin", severity = "error",
    wireshark = true, message = "{record} in the state \"{state}\"", effects = { run = true, stops = true } },
    VIOLATION)
declare_expert(
    "page-data-after-postcopy-begin error", "rule.page-data-after-postcopy-begin", expert.severity.ERROR,
    "PAGE_DATA comes after POSTCOPY_BEGIN"
)
RULE["postcopy-pfns-before-begin"] = setmetatable({ id = "postcopy-pfns-before-begin", severity = "error",
    wireshark = true, message = "{record} in the state \"{state}\"", effects = { run = true, stops = true } },
    VIOLATION)
declare_expert(
    "postcopy-pfns-before-begin error", "rule.postcopy-pfns-before-begin", expert.severity.ERROR,
    "POSTCOPY_PFNS or POSTCOPY_TRANSITION comes with no POSTCOPY_PFNS_BEGIN before it"
)
RULE["postcopy-complete-unexpected"] = setmetatable({ id = "postcopy-complete-unexpected", severity = "error",
    message = "the first one was at offset {offset:,}", effects = { run = true, stops = true } }, VIOLATION)
RULE["postcopy-record-after-transition"] = setmetatable({ id = "postcopy-record-after-transition", severity = "error",
    wireshark = true, message = "{record} in the state \"{state}\"", effects = { run = true, stops = true } },
    VIOLATION)
declare_expert(
    "postcopy-record-after-transition error", "rule.postcopy-record-after-transition", expert.severity.ERROR,
    "A record comes after the transition that may only come before it"
)
RULE["unhandled-record"] = setmetatable({ id = "unhandled-record", severity = "error", wireshark = true,
    message = "{record} in the state \"{state}\"", effects = { run = true, stops = true } }, VIOLATION)
declare_expert(
    "unhandled-record error", "rule.unhandled-record", expert.severity.ERROR,
    "No receiver handles this record, though it may be specified or optional"
)
RULE["colo-state"] = setmetatable({ id = "colo-state", severity = "error",
    message = "{record} in the state \"{state}\"", effects = { depends = true, once = true, run = true } }, VIOLATION)
RULE["postcopy-pfn-announced-twice"] = setmetatable({ id = "postcopy-pfn-announced-twice", severity = "error",
    wireshark = true, message = "{pfns} announced before", effects = {} }, VIOLATION)
declare_expert(
    "postcopy-pfn-announced-twice error", "rule.postcopy-pfn-announced-twice", expert.severity.ERROR,
    "POSTCOPY_PFNS announces a backed pfn a second time"
)
RULE["postcopy-page-not-announced"] = setmetatable({ id = "postcopy-page-not-announced", severity = "error",
    wireshark = true, message = "pfn 0x{pfn:x} was never announced as backed", effects = { body = true,
    stops = true } }, VIOLATION)
declare_expert(
    "postcopy-page-not-announced error", "rule.postcopy-page-not-announced", expert.severity.ERROR,
    "POSTCOPY_PAGE_DATA holds a pfn that no POSTCOPY_PFNS announced as backed"
)
RULE["postcopy-page-type"] = setmetatable({ id = "postcopy-page-type", severity = "error", wireshark = true,
    effects = {} }, VIOLATION)
declare_expert(
    "postcopy-page-type error", "rule.postcopy-page-type", expert.severity.ERROR,
    "POSTCOPY_PAGE_DATA holds an entry of type XTAB, BROKEN or XALLOC"
)
RULE["postcopy-page-repeated"] = setmetatable({ id = "postcopy-page-repeated", severity = "error", wireshark = true,
    message = "{pfns} sent before", effects = {} }, VIOLATION)
declare_expert(
    "postcopy-page-repeated error", "rule.postcopy-page-repeated", expert.severity.ERROR,
    "POSTCOPY_PAGE_DATA holds a pfn that an earlier one already carried"
)
RULE["postcopy-fault-not-announced"] = setmetatable({ id = "postcopy-fault-not-announced", severity = "error",
    wireshark = true, message = "pfn 0x{pfn:x} was never announced as backed", effects = { body = true,
    stops = true } }, VIOLATION)
declare_expert(
    "postcopy-fault-not-announced error", "rule.postcopy-fault-not-announced", expert.severity.ERROR,
    "POSTCOPY_FAULT asks for a pfn that was never announced as backed"
)
RULE["postcopy-fault-repeated"] = setmetatable({ id = "postcopy-fault-repeated", severity = "error", wireshark = true,
    message = "{pfns} asked for before", effects = {} }, VIOLATION)
declare_expert(
    "postcopy-fault-repeated error", "rule.postcopy-fault-repeated", expert.severity.ERROR,
    "POSTCOPY_FAULT asks for the same pfn a second time"
)
RULE["postcopy-fault-after-page"] = setmetatable({ id = "postcopy-fault-after-page", severity = "note",
    wireshark = true, message =
    "pfn 0x{pfn:x} was acknowledged to the source already: its record ended in frame {frame}, {late:.3f} ms before",
    effects = {} }, VIOLATION)
declare_expert(
    "postcopy-fault-after-page note", "rule.postcopy-fault-after-page", expert.severity.NOTE,
    "POSTCOPY_FAULT asks for a page whose whole record was acknowledged before the fault left"
)
RULE["postcopy-fault-after-complete"] = setmetatable({ id = "postcopy-fault-after-complete", severity = "error",
    wireshark = true, message = "POSTCOPY_COMPLETE was at offset {offset:,}", effects = {} }, VIOLATION)
declare_expert(
    "postcopy-fault-after-complete error", "rule.postcopy-fault-after-complete", expert.severity.ERROR,
    "POSTCOPY_FAULT comes after POSTCOPY_COMPLETE"
)
RULE["postcopy-fault-has-type"] = setmetatable({ id = "postcopy-fault-has-type", severity = "error", wireshark = true,
    effects = {} }, VIOLATION)
declare_expert(
    "postcopy-fault-has-type error", "rule.postcopy-fault-has-type", expert.severity.ERROR,
    "An entry of POSTCOPY_FAULT has type bits set"
)
RULE["postcopy-pages-dropped"] = setmetatable({ id = "postcopy-pages-dropped", severity = "note", effects = {} },
    VIOLATION)
RULE["postcopy-complete-race"] = setmetatable({ id = "postcopy-complete-race", severity = "error", wireshark = true,
    message =
    "the destination had {acked:,} octets of the stream when POSTCOPY_COMPLETE left (offset {offset:,}), this " ..
    "record ends at {end:,}", effects = {} }, VIOLATION)
declare_expert(
    "postcopy-complete-race error", "rule.postcopy-complete-race", expert.severity.ERROR,
    "POSTCOPY_PAGE_DATA arrives after POSTCOPY_COMPLETE left"
)
RULE["postcopy-optional-record"] = setmetatable({ id = "postcopy-optional-record", severity = "warning",
    wireshark = true, message =
    "optional record 0x{type:08x} is specified nowhere, and the known receiver and sender fail on it in the " ..
    "postcopy phase", fatal = true, effects = {} }, VIOLATION)
declare_expert(
    "postcopy-optional-record warning", "rule.postcopy-optional-record", expert.severity.WARN,
    "An unknown optional record comes in the postcopy phase"
)
RULE["xl-handshake"] = setmetatable({ id = "xl-handshake", severity = "error", wireshark = true, effects = {
    loses = true, once = true, stops = true } }, VIOLATION)
declare_expert(
    "xl-handshake error", "rule.xl-handshake", expert.severity.ERROR, "A closing message of xl is not the expected one"
)
RULE["xl-target-failed"] = setmetatable({ id = "xl-target-failed", severity = "warning", wireshark = true,
    message = "the destination reports status {status}", effects = {} }, VIOLATION)
declare_expert(
    "xl-target-failed warning", "rule.xl-target-failed", expert.severity.WARN,
    "The destination reported that it could not start the guest"
)
RULE["xl-no-banner"] = setmetatable({ id = "xl-no-banner", severity = "error",
    message = "the destination says {said} before xl's banner", effects = {} }, VIOLATION)
RULE["capture-gap"] = setmetatable({ id = "capture-gap", severity = "note", effects = {} }, VIOLATION)
RULE["capture-cut"] = setmetatable({ id = "capture-cut", severity = "note",
    message = "packets were cut short: of {octets:,} octets some are not in the capture", effects = {} }, VIOLATION)
RULE["stream-resynchronised"] = setmetatable({ id = "stream-resynchronised", severity = "warning", wireshark = true,
    effects = {} }, VIOLATION)
declare_expert(
    "stream-resynchronised warning", "rule.stream-resynchronised", expert.severity.WARN,
    "The way through the records was lost over missing octets and found again later"
)
RULE["captured-twice"] = setmetatable({ id = "captured-twice", severity = "note",
    message = "each packet was captured {times} times or so: these are no retransmissions", effects = {} }, VIOLATION)
RULE["tcp-conflict"] = setmetatable({ id = "tcp-conflict", severity = "warning",
    message = "{count:,} retransmitted segments differ from what was seen first", effects = {} }, VIOLATION)

-- Checks: of the rules that compare fields ----------------------------------------------------------------------------

local CHECK = {}
CHECK["bad-image-header 1"] = { rule = RULE["bad-image-header"], check = {
    message = "marker is 0x{marker:016x}, not all ones", when = { { "marker", "!=", "ffffffffffffffff" }, { "id", "==",
    0x58454e46 } } }, holds = function(thing) return thing.marker ~= "ffffffffffffffff" and thing.id == 0x58454e46 end }
CHECK["bad-image-header 2"] = { rule = RULE["bad-image-header"], check = { message = "id is 0x{id:08x}, not 'XENF'",
    when = { { "marker", "==", "ffffffffffffffff" }, { "id", "!=", 0x58454e46 } } },
    holds = function(thing) return thing.marker == "ffffffffffffffff" and thing.id ~= 0x58454e46 end }
CHECK["bad-image-header 3"] = { rule = RULE["bad-image-header"], check = {
    message = "version is {version}, known are 2 and 3", when = { { "marker", "==", "ffffffffffffffff" }, { "id", "==",
    0x58454e46 }, { "version", "not in", { [2] = true, [3] = true } } } },
    holds = function(thing) return thing.marker == "ffffffffffffffff" and thing.id == 0x58454e46 and ({ [2] = true,
    [3] = true })[thing.version] == nil end }
CHECK["bad-domain-header 1"] = { rule = RULE["bad-domain-header"], check = {
    message = "no receiver accepts guest type {type}", when = { { "type", "not in", { [1] = true, [2] = true } } } },
    holds = function(thing) return ({ [1] = true, [2] = true })[thing.type] == nil end }
CHECK["bad-domain-header 2"] = { rule = RULE["bad-domain-header"], check = {
    message = "page_shift is {page_shift}, not 12", when = { { "page_shift", "!=", 12 } } },
    holds = function(thing) return thing.page_shift ~= 12 end }
CHECK["bad-libxl-header 1"] = { rule = RULE["bad-libxl-header"], check = {
    message = "ident is 0x{ident:016x}, not 'LibxlFmt'", when = { { "ident", "!=", "4c6962786c466d74" } } },
    holds = function(thing) return thing.ident ~= "4c6962786c466d74" end }
CHECK["bad-libxl-header 2"] = { rule = RULE["bad-libxl-header"], check = { message = "version is {version}, not 2",
    when = { { "ident", "==", "4c6962786c466d74" }, { "version", "!=", 2 } } },
    holds = function(thing) return thing.ident == "4c6962786c466d74" and thing.version ~= 2 end }
CHECK["bad-xl-header 1"] = { rule = RULE["bad-xl-header"], check = {
    message = "byteorder is 0x{byteorder:08x}, not 0x01020304 in either order", when = { { "byteorder", "!=",
    0x1020304 } } }, holds = function(thing) return thing.byteorder ~= 0x1020304 end }
CHECK["bad-xl-header 2"] = { rule = RULE["bad-xl-header"], check = { message = "unknown mandatory flags 0x{bits:x}",
    when = { { "byteorder", "==", 0x1020304 }, { "mandatory_flags", "any bit of", 0xfffffffc } } },
    holds = function(thing) return thing.byteorder == 0x1020304 and bit.band(thing.mandatory_flags,
    0xfffffffc) ~= 0 end }
CHECK["bad-libvirt-header 1"] = { rule = RULE["bad-libvirt-header"], check = {
    message = "version is {version}, and libvirt reads none above 2", when = { { "version", ">", 2 } } },
    holds = function(thing) return thing.version > 2 end }
CHECK["big-endian-stream 1"] = { rule = RULE["big-endian-stream"], check = { message = "options bit 0 is set", when = {
    { "options", "any bit of", 1 } } }, holds = function(thing) return bit.band(thing.options, 1) ~= 0 end }
CHECK["big-endian-stream 2"] = { rule = RULE["big-endian-stream"], check = { message = "options bit 0 is set", when = {
    { "options", "any bit of", 1 } } }, holds = function(thing) return bit.band(thing.options, 1) ~= 0 end }
CHECK["record-too-long 1"] = { rule = RULE["record-too-long"], check = {
    message = "body_length {body_length:,}, the most any receiver accepts is 134,217,728", when = { { "body_length",
    ">", 0x8000000 } } }, holds = function(thing) return thing.body_length > 0x8000000 end }
CHECK["record-too-long 2"] = { rule = RULE["record-too-long"], check = {
    message = "body_length {body_length:,}, the most that xenopsd takes is 1,048,576", when = { { "body_length", ">",
    0x100000 } } }, holds = function(thing) return thing.body_length > 0x100000 end }
CHECK["body-length-mismatch 1"] = { rule = RULE["body-length-mismatch"], check = {
    message = "body_length {body_length} has no room for count and reserved", when = { { "body_length", "<", 8 } } },
    holds = function(thing) return thing.body_length < 8 end }
CHECK["body-length-mismatch 2"] = { rule = RULE["body-length-mismatch"], check = {
    message = "body_length {body_length:,}, a page has 4,096", when = { { "body_length", "!=", 4096 }, { "page_shift",
    "==", 12 } } }, holds = function(thing) return thing.body_length ~= 4096 and thing.context.page_shift == 12 end }
CHECK["nonempty-signal 1"] = { rule = RULE["nonempty-signal"], check = {
    message = "a signal has no body, this one has {body_length:,} octets", when = { { "body_length", "!=", 0 } } },
    holds = function(thing) return thing.body_length ~= 0 end }
CHECK["empty-pages-record 1"] = { rule = RULE["empty-pages-record"], check = { message = "count is 0", when = { {
    "count", "==", 0 } } }, holds = function(thing) return thing.count == 0 end }
CHECK["reserved-page-type 1"] = { rule = RULE["reserved-page-type"], check = {
    message = "pfn 0x{pfn:x} has page type {type}", when = { { "type", "in", { [5] = true, [6] = true, [7] = true,
    [8] = true } } } }, holds = function(thing) return ({ [5] = true, [6] = true, [7] = true,
    [8] = true })[thing.type] ~= nil end }
CHECK["unknown-mandatory-record 1"] = { rule = RULE["unknown-mandatory-record"], check = {
    message = "mandatory record 0x{type:08x} is specified nowhere", when = { { "type", "no bit of", 0x80000000 } } },
    holds = function(thing) return bit.band(thing.type, 0x80000000) == 0 end }
CHECK["unknown-optional-record 1"] = { rule = RULE["unknown-optional-record"], check = {
    message = "optional record 0x{type:08x} is specified nowhere", when = { { "type", "any bit of", 0x80000000 } } },
    holds = function(thing) return bit.band(thing.type, 0x80000000) ~= 0 end }
CHECK["legacy-stream 1"] = { rule = RULE["legacy-stream"], check = {
    message = "mandatory_flags 0x{mandatory_flags:x}: no libxl stream of version 2 follows", when = { { "byteorder",
    "==", 0x1020304 }, { "mandatory_flags", "no bit of", 0xfffffffe } } },
    holds = function(thing) return thing.byteorder == 0x1020304 and bit.band(thing.mandatory_flags,
    0xfffffffe) == 0 end }
CHECK["legacy-stream 2"] = { rule = RULE["legacy-stream"], check = {
    message = "in place of the marker, all ones, stands 0x{marker:016x}", when = { { "marker", "!=",
    "ffffffffffffffff" }, { "id", "!=", 0x58454e46 } } }, holds = function(thing) return thing.marker ~=
    "ffffffffffffffff" and thing.id ~= 0x58454e46 end }
CHECK["legacy-stream 3"] = { rule = RULE["legacy-stream"], check = {
    message = "an image of XenServer 6.2 or older: a legacy stream follows", when = {} },
    holds = function() return true end }
CHECK["legacy-stream 4"] = { rule = RULE["legacy-stream"], check = {
    message = "version {version} of libvirt's header: a legacy stream follows", when = { { "version", "<", 2 } } },
    holds = function(thing) return thing.version < 2 end }
CHECK["legacy-stream 5"] = { rule = RULE["legacy-stream"], check = {
    message = "record type 0x{type:x} says that a legacy libxc stream follows", when = {} },
    holds = function() return true end }
CHECK["unhandled-record 1"] = { rule = RULE["unhandled-record"], check = {
    message = "no release of Xen handles this record", when = {} }, holds = function() return true end }
CHECK["unhandled-record 2"] = { rule = RULE["unhandled-record"], check = {
    message = "libxl handles no record 0x{type:08x}, optional or not", when = {} }, holds = function() return true end }
CHECK["unhandled-record 3"] = { rule = RULE["unhandled-record"], check = {
    message = "xenopsd reads no record of this type", when = {} }, holds = function() return true end }
CHECK["postcopy-page-type 1"] = { rule = RULE["postcopy-page-type"], check = {
    message = "pfn 0x{pfn:x} has type {name}: no page can follow", when = { { "type", "in", { [13] = true, [14] = true,
    [15] = true } } } }, holds = function(thing) return ({ [13] = true, [14] = true,
    [15] = true })[thing.type] ~= nil end }
CHECK["postcopy-fault-has-type 1"] = { rule = RULE["postcopy-fault-has-type"], check = {
    message = "pfn 0x{pfn:x} has type bits 0x{type:x}", when = { { "type", "!=", 0 } } },
    holds = function(thing) return thing.type ~= 0 end }

-- Constants of the modules: as they are in Python ---------------------------------------------------------------------

parser_entries.PAGES_HEADER_SIZE = 8
parser_entries.ENTRY_SIZE = 8
parser_item.ENTRIES_KEPT = 0x100000
runtime_shown.COUNT_SIZE = 4
events.NOTHING_SAID = events.Context({}, nil, "little", false, nil, 12, nil, nil, false, false, false, false, 0)
events.FORWARD = "forward"
events.REVERSE = "reverse"
facts_faults._NONE = py.deque()
facts_faults.NOTHING = facts_faults.Matches({}, {}, {}, {})
protocol_libxc.UNBACKED = { [13] = true, [14] = true, [15] = true }
facts_faults.PENDING = 0x10000
facts_faults.RECENT = 0x20000
rules_postcopy_phase.PAGES_STATES = { "postcopy pages", "early pages" }
rules_rule.AND_MORE = ", and {more:,} more in this record"
rules_checker.NO_MISTAKE = {}
events.FOREIGN_OCTETS = "foreign octets"
rules_handshake.FILE = { [py.NONE] = { { "forward", "go" } } }
rules_handshake.POSTCOPY = { [py.NONE] = { { "reverse", "banner" }, { "reverse", "postcopy sync" } }, ["banner"] = { {
    "reverse", "postcopy sync" } } }
rules_handshake.LIVE = { [py.NONE] = { { "reverse", "banner" }, { "reverse", "ready" } }, ["banner"] = { { "reverse",
    "ready" } }, ["ready"] = { { "forward", "go" } }, ["go"] = { { "reverse", "report" } }, ["failed report"] = { {
    "reverse", "go" } } }
protocol_xl.MESSAGES = { ["banner"] = MESSAGE["banner"], ["ready"] = MESSAGE["ready"], ["go"] = MESSAGE["go"],
    ["report"] = MESSAGE["report"], ["postcopy sync"] = MESSAGE["postcopy sync"] }
rules_handshake.TEXT_SHOWN = 60
rules_order._STATIC_DATA = { ["POSTCOPY_SETUP"] =
    "record 0x11 has {length:,} octets: CPUID leaves, and a POSTCOPY_PFNS_BEGIN has none",
    ["POSTCOPY_LIST"] = "record 0x12 has {length:,} octets: MSR entries, and no list of {count:,} pfns",
    ["POSTCOPY_BEGIN"] = "record 0x10 after CPU policies: STATIC_DATA_END, and no POSTCOPY_BEGIN" }
rules_fields.OF_RECORD = { ["type"] = function(object) return object.type end,
    ["body_length"] = function(object) return object.body_length end,
    ["count"] = function(object) return object.count end, ["page_shift"] = function(object) return
    object.context.page_shift end }
rules_framing.PAGES_HEADER = 8
rules_framing.ENTRY = 8
protocol_libxc.PAGE_SHIFT = 12
protocol_libxc.PAGE_TYPES = { [0] = "NOTAB", [1] = "L1TAB", [2] = "L2TAB", [3] = "L3TAB", [4] = "L4TAB",
    [5] = "RESERVED_5", [6] = "RESERVED_6", [7] = "RESERVED_7", [8] = "RESERVED_8", [9] = "L1TAB_PIN",
    [10] = "L2TAB_PIN", [11] = "L3TAB_PIN", [12] = "L4TAB_PIN", [13] = "BROKEN", [14] = "XALLOC", [15] = "XTAB" }
rules_framing.FRAME_WORDS = { 512, 1024 }
rules_guest.GUESTS = { ["x86 PV"] = "pv", ["x86 HVM"] = "hvm", ["x86 PVH"] = "hvm" }
rules_order._OTHER_GUEST = { ["pv"] = RULE["pv-record-in-hvm"], ["hvm"] = RULE["hvm-record-in-pv"] }
rules_postcopy.SHOULD_BE = { ["libxl"] = rules_postcopy.ShouldBe({ "postcopy begun", "early pfns", "postcopy pfns" },
    "POSTCOPY_TRANSITION", "postcopy transition"), ["libxc"] = rules_postcopy.ShouldBe({ "postcopy transition" },
    "POSTCOPY_TRANSITION_END", "postcopy pages") }
rules_postcopy.AGAIN = { "POSTCOPY_LIST", "POSTCOPY_TRANSITION" }
protocol_states.PLACES = { ["HEADER"] = protocol_states.Place({ ["start"] = "start" }, nil, nil),
    ["DOMAIN"] = protocol_states.Place({ ["start"] = "static data" }, nil, nil),
    ["EMBEDDED_STREAM"] = protocol_states.Place({ ["start"] = "start" }, nil, nil), ["IMAGE"] = protocol_states.Place({
    ["start"] = "start", ["xenops tail"] = "xenops tail" }, nil, nil), ["IMAGE_END"] = protocol_states.Place({
    ["xenops tail"] = "finished" }, "finished", nil), ["STATIC_DATA"] = protocol_states.Place({
    ["static data"] = "static data", ["version 2"] = "version 2", ["memory"] = "memory", ["verify"] = "verify",
    ["context"] = "context" }, nil, nil), ["STATIC_DATA_END"] = protocol_states.Place({ ["static data"] = "memory" },
    "memory", nil), ["FRAME_TABLE"] = protocol_states.Place({ ["version 2"] = "memory", ["memory"] = "memory",
    ["verify"] = "verify", ["context"] = "context" }, "memory", nil), ["MEMORY"] = protocol_states.Place({
    ["version 2"] = "memory", ["memory"] = "memory", ["context"] = "memory", ["verify"] = "verify" }, "memory",
    "precopy"), ["VERIFY"] = protocol_states.Place({ ["version 2"] = "verify", ["memory"] = "verify",
    ["verify"] = "verify", ["context"] = "verify" }, "verify", "stop"), ["CONTEXT"] = protocol_states.Place({
    ["version 2"] = "context", ["memory"] = "context", ["verify"] = "context", ["context"] = "context",
    ["postcopy begun"] = "postcopy begun" }, nil, "stop"), ["TOOLSTACK"] = protocol_states.Place({
    ["version 2"] = "memory", ["memory"] = "memory", ["static data"] = "static data", ["verify"] = "verify",
    ["context"] = "context" }, nil, nil), ["EMULATOR"] = protocol_states.Place({ ["checkpoint"] = "checkpoint",
    ["postcopy transition"] = "postcopy transition", ["libxl tail"] = "libxl tail" }, nil, nil),
    ["CHECKPOINT"] = protocol_states.Place({ ["version 2"] = "checkpoint", ["memory"] = "checkpoint",
    ["verify"] = "checkpoint", ["context"] = "checkpoint" }, "checkpoint", nil),
    ["CHECKPOINT_END"] = protocol_states.Place({ ["checkpoint"] = "memory" }, "memory", nil),
    ["CHECKPOINT_STATE"] = protocol_states.Place({ ["version 2"] = "memory", ["memory"] = "memory" }, nil, nil),
    ["REPORT"] = protocol_states.Place({}, nil, nil), ["POSTCOPY_BEGIN"] = protocol_states.Place({
    ["version 2"] = "postcopy begun", ["memory"] = "postcopy begun" }, "postcopy begun", "stop"),
    ["POSTCOPY_SETUP"] = protocol_states.Place({ ["postcopy begun"] = "postcopy pfns",
    ["early pfns"] = "postcopy pfns" }, "postcopy pfns", "stop"), ["POSTCOPY_LIST"] = protocol_states.Place({
    ["postcopy pfns"] = "postcopy pfns", ["early pfns"] = "early pfns", ["early pages"] = "early pages" },
    "postcopy pfns", "stop"), ["POSTCOPY_TRANSITION"] = protocol_states.Place({
    ["postcopy pfns"] = "postcopy transition", ["early pfns"] = "postcopy transition",
    ["early pages"] = "postcopy transition" }, "postcopy transition", "transition"),
    ["POSTCOPY_TRANSITION_END"] = protocol_states.Place({ ["postcopy transition"] = "postcopy pages" },
    "postcopy pages", nil), ["POSTCOPY_PAGES"] = protocol_states.Place({ ["postcopy pages"] = "postcopy pages",
    ["early pages"] = "early pages" }, "postcopy pages", "postcopy"), ["POSTCOPY_FAULT"] = protocol_states.Place({},
    nil, nil), ["POSTCOPY_COMPLETE"] = protocol_states.Place({}, nil, nil), ["LIBXC_END"] = protocol_states.Place({
    ["version 2"] = "libxl tail", ["memory"] = "libxl tail", ["verify"] = "libxl tail", ["context"] = "libxl tail",
    ["postcopy pages"] = "libxl tail", ["early pages"] = "libxl tail" }, "libxl tail", "finish"),
    ["LIBXL_END"] = protocol_states.Place({ ["libxl tail"] = "finished" }, "finished", "finish") }
rules_order.MISSED = { ["STATIC_DATA_END"] = "missing-static-data-end", ["X86_PV_INFO"] = "frames before X86_PV_INFO" }
rules_order.MISPLACED = { ["EMBEDDED_STREAM"] = { ["libxl tail"] = { RULE["unexpected-record"], "start" } },
    ["LIBXC_END"] = { ["static data"] = { RULE["unexpected-record"], "libxl tail" } }, ["CONTEXT"] = {
    ["static data"] = { RULE["missing-static-data-end"], nil } }, ["VERIFY"] = { ["static data"] = {
    RULE["missing-static-data-end"], nil }, ["postcopy begun"] = { RULE["postcopy-context-missing"], nil } },
    ["FRAME_TABLE"] = { ["static data"] = { RULE["missing-static-data-end"], "memory" }, ["postcopy begun"] = {
    RULE["postcopy-context-missing"], nil } }, ["MEMORY"] = { ["static data"] = { RULE["missing-static-data-end"],
    "memory" }, ["postcopy begun"] = { RULE["page-data-after-postcopy-begin"], nil }, ["early pfns"] = {
    RULE["page-data-after-postcopy-begin"], nil }, ["postcopy pfns"] = { RULE["page-data-after-postcopy-begin"], nil },
    ["early pages"] = { RULE["page-data-after-postcopy-begin"], nil }, ["postcopy transition"] = {
    RULE["page-data-after-postcopy-begin"], nil }, ["postcopy pages"] = { RULE["page-data-after-postcopy-begin"],
    nil } }, ["CHECKPOINT"] = { ["static data"] = { RULE["missing-static-data-end"], "checkpoint" },
    ["postcopy begun"] = { RULE["postcopy-context-missing"], nil } }, ["STATIC_DATA_END"] = { ["static data"] = {
    RULE["duplicate-static-data-end"], nil }, ["version 2"] = { RULE["duplicate-static-data-end"], nil }, ["memory"] = {
    RULE["duplicate-static-data-end"], nil }, ["verify"] = { RULE["duplicate-static-data-end"], nil }, ["context"] = {
    RULE["duplicate-static-data-end"], nil }, ["checkpoint"] = { RULE["duplicate-static-data-end"], nil },
    ["postcopy begun"] = { RULE["duplicate-static-data-end"], nil }, ["early pfns"] = {
    RULE["duplicate-static-data-end"], nil }, ["postcopy pfns"] = { RULE["duplicate-static-data-end"], nil },
    ["early pages"] = { RULE["duplicate-static-data-end"], nil }, ["postcopy transition"] = {
    RULE["duplicate-static-data-end"], nil }, ["postcopy pages"] = { RULE["duplicate-static-data-end"], nil } },
    ["CHECKPOINT_END"] = { ["static data"] = { RULE["checkpoint-end-unexpected"], nil }, ["version 2"] = {
    RULE["checkpoint-end-unexpected"], nil }, ["memory"] = { RULE["checkpoint-end-unexpected"], nil }, ["verify"] = {
    RULE["checkpoint-end-unexpected"], nil }, ["context"] = { RULE["checkpoint-end-unexpected"], nil },
    ["checkpoint"] = { RULE["checkpoint-end-unexpected"], nil }, ["postcopy begun"] = {
    RULE["checkpoint-end-unexpected"], nil }, ["early pfns"] = { RULE["checkpoint-end-unexpected"], nil },
    ["postcopy pfns"] = { RULE["checkpoint-end-unexpected"], nil }, ["early pages"] = {
    RULE["checkpoint-end-unexpected"], nil }, ["postcopy transition"] = { RULE["checkpoint-end-unexpected"], nil },
    ["postcopy pages"] = { RULE["checkpoint-end-unexpected"], nil }, ["libxl tail"] = {
    RULE["checkpoint-end-unexpected"], nil } }, ["POSTCOPY_BEGIN"] = { ["postcopy begun"] = {
    RULE["postcopy-begin-repeated"], nil }, ["early pfns"] = { RULE["postcopy-begin-repeated"], nil },
    ["postcopy pfns"] = { RULE["postcopy-begin-repeated"], nil }, ["early pages"] = { RULE["postcopy-begin-repeated"],
    nil }, ["postcopy transition"] = { RULE["postcopy-begin-repeated"], nil }, ["postcopy pages"] = {
    RULE["postcopy-begin-repeated"], nil } }, ["POSTCOPY_SETUP"] = { ["static data"] = { RULE["postcopy-begin-missing"],
    "postcopy pfns" }, ["version 2"] = { RULE["postcopy-begin-missing"], "postcopy pfns" }, ["memory"] = {
    RULE["postcopy-begin-missing"], "postcopy pfns" }, ["verify"] = { RULE["postcopy-begin-missing"], "postcopy pfns" },
    ["context"] = { RULE["postcopy-begin-missing"], "postcopy pfns" }, ["checkpoint"] = {
    RULE["postcopy-begin-missing"], "postcopy pfns" } }, ["POSTCOPY_LIST"] = { ["static data"] = {
    RULE["postcopy-begin-missing"], "early pfns" }, ["version 2"] = { RULE["postcopy-begin-missing"], "early pfns" },
    ["memory"] = { RULE["postcopy-begin-missing"], "early pfns" }, ["verify"] = { RULE["postcopy-begin-missing"],
    "early pfns" }, ["context"] = { RULE["postcopy-begin-missing"], "early pfns" }, ["checkpoint"] = {
    RULE["postcopy-begin-missing"], "early pfns" }, ["postcopy begun"] = { RULE["postcopy-pfns-before-begin"],
    "early pfns" }, ["postcopy transition"] = { RULE["postcopy-record-after-transition"], nil }, ["postcopy pages"] = {
    RULE["postcopy-record-after-transition"], nil } }, ["POSTCOPY_TRANSITION"] = { ["static data"] = {
    RULE["postcopy-begin-missing"], "postcopy transition" }, ["version 2"] = { RULE["postcopy-begin-missing"],
    "postcopy transition" }, ["memory"] = { RULE["postcopy-begin-missing"], "postcopy transition" }, ["verify"] = {
    RULE["postcopy-begin-missing"], "postcopy transition" }, ["context"] = { RULE["postcopy-begin-missing"],
    "postcopy transition" }, ["checkpoint"] = { RULE["postcopy-begin-missing"], "postcopy transition" },
    ["postcopy begun"] = { RULE["postcopy-pfns-before-begin"], "postcopy transition" }, ["postcopy transition"] = {
    RULE["postcopy-record-after-transition"], nil }, ["postcopy pages"] = { RULE["postcopy-record-after-transition"],
    nil } }, ["POSTCOPY_PAGES"] = { ["static data"] = { RULE["postcopy-begin-missing"], "postcopy pages" },
    ["version 2"] = { RULE["postcopy-begin-missing"], "postcopy pages" }, ["memory"] = { RULE["postcopy-begin-missing"],
    "postcopy pages" }, ["verify"] = { RULE["postcopy-begin-missing"], "postcopy pages" }, ["context"] = {
    RULE["postcopy-begin-missing"], "postcopy pages" }, ["checkpoint"] = { RULE["postcopy-begin-missing"],
    "postcopy pages" }, ["postcopy begun"] = { RULE["postcopy-page-data-before-transition"], "early pages" },
    ["early pfns"] = { RULE["postcopy-page-data-before-transition"], "early pages" }, ["postcopy pfns"] = {
    RULE["postcopy-page-data-before-transition"], "early pages" }, ["early pages"] = {
    RULE["postcopy-page-data-before-transition"], "early pages" }, ["postcopy transition"] = {
    RULE["postcopy-page-data-before-transition"], "early pages" } }, ["TOOLSTACK"] = { ["postcopy begun"] = {
    RULE["postcopy-context-missing"], nil } }, ["EMULATOR"] = { ["postcopy pages"] = {
    RULE["postcopy-record-after-transition"], nil } }, ["POSTCOPY_TRANSITION_END"] = { ["postcopy pages"] = {
    RULE["postcopy-record-after-transition"], nil }, ["libxl tail"] = { RULE["unhandled-record"], nil },
    ["checkpoint"] = { RULE["unhandled-record"], nil } }, ["CHECKPOINT_STATE"] = { ["start"] = { RULE["colo-state"],
    nil }, ["static data"] = { RULE["colo-state"], nil }, ["libxl tail"] = { RULE["colo-state"], nil }, ["finished"] = {
    RULE["colo-state"], nil } } }
rules_order.TOLERATED = { ["CONTEXT"] = { ["static data"] = true }, ["EMULATOR"] = { ["start"] = true },
    ["LIBXC_END"] = { ["static data"] = true }, ["VERIFY"] = { ["static data"] = true } }
rules_order.EARLY_CONTEXT = "context before STATIC_DATA_END"
protocol_states.OF_VERSION = { [2] = "version 2", [3] = "static data" }
rules_order._IMAGES = { ["xenops"] = true }
protocol_states.WITHOUT_LIBXL = { ["checkpoint"] = "memory", ["postcopy transition"] = "postcopy pages",
    ["libxl tail"] = "finished" }
rules_order.HVM_CONTEXT = { "TSC_INFO", "HVM_CONTEXT", "HVM_PARAMS" }
rules_order._ENDS_CONTEXT = { "POSTCOPY_BEGIN", "CHECKPOINT", "MEMORY" }
rules_order.NEEDS_PV_INFO = { "X86_PV_P2M_FRAMES", "SHARED_INFO" }
rules_order.NO_PV_INFO = "frames before X86_PV_INFO"
rules_pages.ONE_PFN = "pfn 0x{first:x} was"
rules_pages.MANY_PFNS = "one or more of the pfns 0x{first:x} to 0x{last:x} were"
facts_static_data.CPUID_LEAF = 24
facts_static_data.MSR_ENTRY = 16
rules_handshake.UNANSWERED = { "postcopy", "checkpointed", "save" }
facts_migration.UNREMARKABLE = facts_migration.Noted(nil, {}, {}, {})
facts_endings.ENDS = { ["IMAGE_END"] = true, ["LIBXC_END"] = true, ["LIBXL_END"] = true }
protocol_specs.POSTCOPY = { ["POSTCOPY_BEGIN"] = true, ["POSTCOPY_COMPLETE"] = true, ["POSTCOPY_FAULT"] = true,
    ["POSTCOPY_LIST"] = true, ["POSTCOPY_PAGES"] = true, ["POSTCOPY_SETUP"] = true, ["POSTCOPY_TRANSITION"] = true,
    ["POSTCOPY_TRANSITION_END"] = true }
protocol_containers.OUTERMOST_FIRST = { "xl", "libvirt", "xenops", "libxl", "libxc" }
events.NOWHERE = events.Position(0, 0)
parser_cursor.NO_MARKS = py.deque()
events.NOTHING_SPENT = events.Spent(0, 0, 0, 0, 0, 0, 0)
parser_direction.NO_TRANSPORT = parser_direction.NoTransport()
parser_item.UNKNOWN = -1
parser_item.BODY_KEPT = 0x100000
parser_direction.FOREIGN_MAX = 4096
parser_conversation.MIGRATIONS_MAX = 256
parser_direction.EARLY_GAPS_MAX = 256
protocol_xl.XL_MAGIC = "Xen saved domain, xl format\n \000 \r"
protocol_xl.XL_BYTEORDER = 0x1020304
protocol_xl.XL_FLAGS = 3
protocol_xl.OTHER_ORDER = { ["little"] = "big", ["big"] = "little" }
protocol_libvirt.LIBVIRT_VERSION = 2
protocol_libvirt.XML_MAX = 0x400000
protocol_libxl.LIBXL_IDENT = "LibxlFmt"
protocol_libxc.IMAGE_MARKER = "ffffffffffffffff"
protocol_libxc.IMAGE_ID = 0x58454e46
parser_resync.BEGINNING = 12
parser_resync.CIPHERS = { { "^SSH%-[%d]", "SSH" }, { "^\022\003[\000-\004]..[\001\002]", "TLS" } }
protocol_libvirt.MESSAGE_MARK = " \000\128\134\000\000\000\001"
parser_resync.BANNER = "xl migration receiver ready, send binary domain data.\n"
parser_resync.XL = parser_resync.Magic("Xen saved domain, xl format\n \000 \r", "forward", "XL_HEADER", "xl", {
    "\004\003\002\001", "\001\002\003\004" }, false)
parser_resync.KEEP = 62
parser_resync.MAGICS = { parser_resync.Magic("Xen saved domain, xl format\n \000 \r", "forward", "XL_HEADER", "xl", {
    "\004\003\002\001", "\001\002\003\004" }, false), parser_resync.Magic("libvirt-xml\n \000 \r", "forward",
    "LIBVIRT_HEADER", "libvirt", {}, false), parser_resync.Magic("XenSavedDomv2-\n", "forward", "XENOPS_HEADER",
    "xenops", {}, false), parser_resync.Magic("LibxlFmt\000\000\000\002", "forward", "LIBXL_HEADER", "libxl", {},
    false), parser_resync.Magic("\255\255\255\255\255\255\255\255XENF", "forward", "IMAGE_HEADER", "libxc", {}, false),
    parser_resync.Magic("XenSavedDomain\n", "forward", "XENOPS_LEGACY_HEADER", "xenops", {}, false),
    parser_resync.Magic("PUT /services/xenops/m", "forward", "XENOPS_REQUEST", "xenops", {}, true),
    parser_resync.Magic("xl migration receiver ready, send binary domain data.\n", "reverse", "REVERSE", "xl", {},
    false) }
parser_confidence.RECORD_HEADER_SIZE = 8
parser_confidence.READERS = { ["little"] = { py.struct("little", { 4, 4 }).unpack_from, py.struct("little", { 4,
    4 }).unpack_from }, ["big"] = { py.struct("big", { 4, 4 }).unpack_from, py.struct("big", { 4, 4 }).unpack_from } }
parser_confidence.CHAIN = 8
parser_confidence.BELIEVED = 80
protocol_specs.OPTIONAL = 0x80000000
parser_confidence.NEXT_LAYER = { ["OUTER"] = "libxl", ["LIBXL_IF_THERE"] = "libxl", ["LIBXL_OR_LIBXC"] = "libxc",
    ["LIBXC_RECORD"] = "libxc" }
parser_confidence.LOOK_AHEAD = 0x10000
protocol_specs.PAGE_OCTETS = 4096
parser_confidence.NOT_IN_SIGHT = 20
parser_confidence.ENTRIES_JUDGED = 1024
parser_confidence.PAGES_AGREE = 60
parser_confidence.ENTRY_AGREES = 8
parser_confidence.ENTRIES_COUNTED = 5
parser_confidence.ENTRIES_AGREE = 20
parser_resync.BELIEVED_AT_START = 68
parser_resync.REVERSE_SIGNALS = { ["\000\000\000\022\000\000\000\000"] = true,
    ["\022\000\000\000\000\000\000\000"] = true }
parser_resync.HANDOVERS = { ["\000\000\000\000\000\000\000\000"] = true, ["\000\000\000\014\000\000\000\000"] = true,
    ["\000\000\000\019\000\000\000\000"] = true, ["\014\000\000\000\000\000\000\000"] = true,
    ["\019\000\000\000\000\000\000\000"] = true }
parser_resync.LIBXL_AT_START = parser_resync.Anchor(0, "LIBXL_HEADER", "forward", nil, nil)
parser_resync.LIBXC_CONTEXTS = { ["\000\000\000\001\000\000\000\000"] = true,
    ["\001\000\000\000\000\000\000\000"] = true }
parser_resync.LATE_SEARCHED = 0x800000
parser_resync.OPAQUE_SEARCHED = 4096
parser_resync.START_SEARCHED = 0x10000
parser_resync.TEXT_KEPT = 128
protocol_xenops.REQUEST_MAX = 16384
parser_steps.HANDSHAKE_HEADER = 2
parser_steps.AFTER_REQUEST = { { "XenSavedDomv2-\n", "XENOPS_HEADER" }, { "XenSavedDomain\n", "XENOPS_LEGACY_HEADER" },
    { "(\181/\253", nil }, { "\016\015\000\000\000\000\000\000", "XENOPS_RECORD" } }
parser_steps.TEXT_JUDGED = 32
protocol_xenops.HANDSHAKE_MAX = 16384
parser_steps.HANDSHAKES_MAX = 16
parser_steps.STATE_MARKS = { "\015\000\000\000\000\000\000\000", "\000\015\000\000\000\000\000\000",
    "\001\015\000\000\000\000\000\000", "\017\015\000\000\000\000\000\000", "\018\015\000\000\000\000\000\000",
    "\019\015\000\000\000\000\000\000", "\255\255\000\000\000\000\000\000" }
parser_steps.STATE_LOOKED = 1024
parser_steps.STATE_HEADER = 16
parser_steps.RECORD_HEADERS = { ["xenops"] = { ["little"] = py.struct("little", { 8, 8 }), ["big"] = py.struct("big", {
    8, 8 }) }, ["libxl"] = { ["little"] = py.struct("little", { 4, 4 }), ["big"] = py.struct("big", { 4, 4 }) },
    ["libxc"] = { ["little"] = py.struct("little", { 4, 4 }), ["big"] = py.struct("big", { 4, 4 }) } }
parser_steps.STATE_BODY_MAX = 0x100000
parser_steps.HEADER_SIZE = 8
parser_steps.CONTEXT_TYPES = { [10] = true, [17] = true, [8] = true, [9] = true }
protocol_tables._NONE = {}
parser_steps.RUN_MAX = 0x10000
parser_steps.OF_CHECKPOINTS = { "CHECKPOINT_END", "CHECKPOINT_STATE" }
parser_steps.NO_CHECKPOINT = { "LIBXC_END", "POSTCOPY_TRANSITION" }
parser_steps.CHECKPOINT_STATE = 5
parser_steps.PAGE_SHIFT_MAX = 30
parser_steps.LIBXL_NUMBERS = { [2] = true, [3] = true, [6] = true }
parser_resync.FORWARD_MAGICS = { ["LibxlFmt"] = true, ["PUT /ser"] = true, ["Xen save"] = true, ["XenSaved"] = true,
    ["\255\255\255\255\255\255\255\255"] = true, ["libvirt-"] = true }
parser_steps.TEXT_MAX = 128
parser_steps.SPACE = 32
parser_steps.SPACES = { 9, 10, 13, 27 }
tcp_half_connection.SEQUENCE_SPACE = 0x100000000
tcp_half_connection.HALF_SPACE = 0x80000000
runtime_halves.TURN = 0x40000000
tcp_connections.FIN = 1
tcp_connections.RST = 4
tcp_half_connection.REORDER_FRAMES = 256
runtime_halves.HELD_MAX = 0x800000
runtime_halves.HOLES_MAX = 1024
runtime_parsing.BODIES_KEPT = 0x2000000
runtime_connections.FOLLOWED_MAX = 0x10000
runtime_connections.STARTS_MAX = 54
runtime_connections.STARTS = { "Xen saved domain, xl format\n \000 \r\004\003\002\001",
    "Xen saved domain, xl format\n \000 \r\001\002\003\004", "libvirt-xml\n \000 \r", "XenSavedDomv2-\n",
    "LibxlFmt\000\000\000\002", "\255\255\255\255\255\255\255\255XENF", "XenSavedDomain\n", "PUT /services/xenops/m",
    "xl migration receiver ready, send binary domain data.\n" }
runtime_connections.PENDING_MAX = 0x800000
protocol_cpuid.BRAND = { 0x80000002, 0x80000003, 0x80000004 }
protocol_qemu.MAGIC = "QEVM"
protocol_qemu.VERSIONS = { 2, 3 }
protocol_qemu_description._DESCRIPTION = "^\000\006....{"
protocol_qemu_description.FIELDS_MAX = 0x10000
protocol_qemu.CONFIGURATION = 7
protocol_qemu_description.DEPTH_MAX = 32
protocol_qemu_description.SUBSECTION = "\005"
protocol_qemu_description.PATH_MAX = 512
protocol_qemu_description.NAMED_KINDS = { ["bool"] = "bool", ["nullptr"] = "null", ["capability"] = "text" }
protocol_qemu_description.INTEGERS = { 1, 2, 4, 8 }
protocol_qemu._HEADER = "^[\001\004]\000\000..[\001-\255][0-9A-Za-z/]"
protocol_qemu.START = 1
protocol_qemu.FULL = 4
protocol_qemu.FOOTER_SIZE = 5
protocol_qemu._FOOTER = "~"
protocol_qemu._MARK = "^\005[\003-\255][0-9A-Za-z]"
protocol_qemu.COMMAND = 8
protocol_qemu.END = 0
protocol_qemu.NUMBER_MAX = 0x10000
protocol_qemu.INSTANCE_MAX = 0x1000000
protocol_qemu.PART = 2
protocol_qemu.LAST = 3
protocol_qemu.COMMANDS = { [0] = "INVALID", [1] = "OPEN_RETURN_PATH", [2] = "PING", [3] = "POSTCOPY_ADVISE",
    [4] = "POSTCOPY_LISTEN", [5] = "POSTCOPY_RUN", [6] = "POSTCOPY_RAM_DISCARD", [7] = "PACKAGED", [8] = "ENABLE_COLO",
    [9] = "POSTCOPY_RESUME", [10] = "RECV_BITMAP", [11] = "SWITCHOVER_START" }
protocol_qemu.PIECES_MAX = 16384
runtime_streams.MACHINE_AT = 13
protocol_qemu.KINDS = { [1] = "start", [2] = "part", [3] = "end", [4] = "full", [8] = "command" }
protocol_qemu_description.ZERO = "\000"
protocol_qemu_description.WORDS_MAX = 32
runtime_streams.MORE = "more of them: see the preference for how many lines are shown"
protocol_libxc.RESERVED_PAGE_TYPES = { [5] = true, [6] = true, [7] = true, [8] = true }
protocol_xenops.ROUTES = { ["memory"] = "migration", ["migrate/vm"] = "migration", ["migrate/mem"] = "memory",
    ["migrate/vgpu"] = "vgpu", ["migrate-vgpu"] = "vgpu" }
protocol_cpuid.NO_SUBLEAF = 0xffffffff

-- Functions: translated: octets in order, the parser of a direction, the matching of faults, the judges ---------------

-- luacheck: push ignore 21 42 43
-- Length in octets.
function protocol_specs.HeaderSpec._getters.size(self)
    return native.fixed(runtime_layouts.Ordered(self.body, py.either(self.endianness, "little")))[1].size
end

-- Only what has a place in a stream of records has one.
function protocol_specs.Message._getters.role(self)
end

-- nil either.
function protocol_specs.MessageSpec._getters.role(self)
end

-- The links of a fault by pfn.
function runtime_shown.Shown.ties(self)
    return py.dict(py.map(self.links, function(tie) return { tie.pfn, tie } end))
end

-- Where the entries of a pages record end; nil as long as its count was not seen.
function runtime_shown.Shown.entries_end(self)
    if self.entries ~= 0 then
        return self.entries
    end
    local item = self.item
    if not item.is_pages then
        return nil
    end
    local parser = self.half.parser
    if self.count == nil and rawequal(parser.item, item) and py.len(parser.buffer) >= parser_entries.PAGES_HEADER_SIZE
        then
        self:take_runs(parser.buffer, native.page_runs(parser.buffer, item.endianness))
    end
    if self.count == nil then
        return nil
    end
    local body = math.min(item.body_length, parser_entries.PAGES_HEADER_SIZE + parser_entries.ENTRY_SIZE *
        math.min(self.count, parser_item.ENTRIES_KEPT))
    if body < parser_entries.PAGES_HEADER_SIZE then
        return nil
    end
    self.entries = item.offset + self.header + body - body % parser_entries.ENTRY_SIZE
    return self.entries
end

-- Its entries, or what was captured of them.
function runtime_shown.Shown.take_runs(self, body, runs)
    self.count = (function() if #body >= runtime_shown.COUNT_SIZE then return py.uint(py.slice(body, 0,
        runtime_shown.COUNT_SIZE), self.item.endianness) end return nil end)()
    self.listed = py.sum(runs, function(run) return run.length end)
    if (runs and runs[1] ~= nil) then
        self.low = py.min(py.map(runs, function(run) return run.first end))
        self.high = py.max(py.map(runs, function(run) return run.first + run.length - 1 end))
    end
end

function runtime_halves.Piece._getters.end_(self)
    return self.offset + self.length
end

function runtime_parsing.Kept._init(self, number)
    self.number = number
    self.context = events.NOTHING_SAID
    self.forward = facts_directions.DirectionFacts(events.FORWARD)
    self.reverse = facts_directions.DirectionFacts(events.REVERSE)
    self.faults = facts_faults.Faults()
    self.ended = {}
    self.totals = {}
    self.asked = {}
    self.is_over = false
    self.checker = runtime_parsing.Judges(self)
    self._is_answered = false
    self._has_raced = false
    self._ties = runtime_parsing.Ties(self)
    self._static_data = facts_static_data.StaticData()
    self._of_forward = {}
    self._of_reverse = {}
end

-- The layer whose end ends the stream: the outermost that is a stream of records.
function events.Context._getters.outermost(self)
    return py.first(self.layers, function(layer) if protocol_containers.CONTAINERS[layer].record ~= nil then return
        layer end end)
end

function facts_directions.DirectionFacts._init(self, direction)
    self.direction = direction
    self.started = 0
    self.offset = 0
    self.late = false
    self.found = false
    self.gaps = {}
    self.cut = false
    self.lost_at = nil
    self.not_followed = 0
    self.retransmitted = 0
    self.conflicts = 0
    self.copies = 0
    self.in_vain = 0
    self.unheard = 0
    self.taken = nil
    self.hides = false
    self.way = nil
    self.stall = nil
    self.closed = nil
    self.ended = nil
    self.first = nil
    self.last = nil
    self.acked = 0
end

-- Distinct octets that were captured.
function facts_directions.DirectionFacts._getters.seen(self)
    return self.offset - self.started - py.sum(self.gaps, function(gap) return gap.length end)
end

-- Whether it was found, and the way is not lost.
function facts_directions.DirectionFacts._getters.is_followed(self)
    return self.found and self.lost_at == nil
end

-- Whether the capture has lost or cut off octets of it.
function facts_directions.DirectionFacts._getters.is_damaged(self)
    return (self.gaps and self.gaps[1] ~= nil) or self.cut
end

-- The next event of this direction.
function facts_directions.DirectionFacts.add(self, event)
    local take = py.get(facts_directions._TAKE, getmetatable(event)._class)
    if take ~= nil then
        take(self, event)
    end
end

-- Nothing follows: what the first and the last record held need not stay.
function facts_directions.DirectionFacts.let_go(self)
    self.first = self.first and py.with(self.first, "body", "", "padding", "", "runs", {})
    self.last = self.last and py.with(self.last, "body", "", "padding", "", "runs", {})
end

function facts_directions.DirectionFacts._start(self, event)
    self.offset = event.offset
    self.started = self.offset
    self.late = event.late
end

function facts_directions.DirectionFacts._record(self, record)
    self.found = true
    self.first = py.either(self.first, record)
    self.last = record
    self:_reach(record.end_)
end

function facts_directions.DirectionFacts._gap(self, gap)
    self.gaps[#self.gaps + 1] = gap
    self:_reach(gap.offset + gap.length)
end

function facts_directions.DirectionFacts._cut(self, event)
    self.cut = true
end

function facts_directions.DirectionFacts._lose(self, event)
    self.lost_at = event.offset
end

function facts_directions.DirectionFacts._regain(self, event)
    self.lost_at = nil
    self.not_followed = self.not_followed + event.skipped
end

function facts_directions.DirectionFacts._close(self, event)
    self.closed = py.either(self.closed, event)
end

function facts_directions.DirectionFacts._count(self, event)
    self:_reach(event.offset)
    self.retransmitted = event.retransmitted
    self.conflicts = event.conflicts
end

function facts_directions.DirectionFacts._end(self, event)
    self:_count(event)
    self.ended = event.reason
    self.copies = event.copies
    self.in_vain, self.unheard, self.way = event.in_vain, event.unheard, event.way
    self.stall = event.stall
    self.taken, self.hides = event.taken, event.hides
end

function facts_directions.DirectionFacts._reach(self, offset)
    if offset > self.offset then
        self.offset = offset
    end
end

function facts_faults.Faults._init(self)
    self.announced = 0
    self.outstanding = native.PfnSet()
    self.sent = native.PfnSet()
    self.asked = native.PfnSet()
    self.page_records = 0
    self.pages = 0
    self.fault_records = 0
    self.answered = 0
    self.in_flight = 0
    self.latencies = {}
    self._pending = {}
    self._recent = facts_faults._NONE
    self._recent_pages = 0
    self._carrier = {}
    self._counted = nil
end

-- Outstanding pfns whose page has not come.
function facts_faults.Faults._getters.never_sent(self)
    if self._counted ~= nil then
        return self._counted[2]
    end
    return self.outstanding.count - self.outstanding:count_common(self.sent)
end

-- No record follows: keeps what is counted, and lets go of which pages it was.
function facts_faults.Faults.let_go(self)
    self._counted = { self.pushed, self.never_sent }
    for _, pfns in ipairs({ self.outstanding, self.sent, self.asked }) do
        pfns:forget()
    end
    self._recent, self._carrier = facts_faults._NONE, {}
end

-- The next libxc record. One that is not whole, or that goes the wrong way, does nothing.
function facts_faults.Faults.add(self, record)
    local take = py.get(facts_faults._TAKE, facts_roles.role_of(record))
    if take == nil or not record.whole or record.is_misdirected then
        return facts_faults.NOTHING
    end
    return take(self, (function() if py.truth(record.body) then return py.with(record, "body", "", "padding",
        "") end return record end)())
end

-- nil of a text, and of a record that nobody specified.
function facts_roles.role_of(record)
    local spec = record.spec
    if spec == nil then
        return nil
    end
    return spec.role
end

function facts_faults.Faults._announce(self, record)
    local again = {}
    for _, run in ipairs(record.runs) do
        self.announced = self.announced + run.length
        if protocol_libxc.UNBACKED[run.type] == nil and self.outstanding:add_run(run.first,
            run.length) < run.length then
            again[#again + 1] = run
        end
    end
    return facts_faults.Matches(again)
end

function facts_faults.Faults._fault(self, record)
    self.fault_records = self.fault_records + 1
    local again = {}
    local faults = {}
    local repeated = {}
    for _, run in ipairs(record.runs) do
        for pfn = run.first, run.first + math.min(run.length, facts_faults.PENDING) - 1 do
            local carrier = py.get(self._carrier, pfn)
            if not py.truth(self.asked:add_run(pfn, 1)) then
                again[#again + 1] = events.Run(pfn, 1, run.type)
                if carrier ~= nil then
                    repeated[#repeated + 1] = facts_faults.Fault(pfn, record, nil, carrier, carrier.first < record.last)
                elseif self._pending[pfn] ~= nil then
                    self._pending[pfn].again[#self._pending[pfn].again + 1] = record
                end
                goto continue
            end
            local fault = facts_faults.Fault(pfn, record)
            faults[#faults + 1] = fault
            if carrier ~= nil then
                self:_answer(fault, carrier)
            elseif not py.has(self.sent, pfn) and py.len(self._pending) < facts_faults.PENDING then
                py.put(self._pending, pfn, fault)
            end
            ::continue::
        end
    end
    local answered = py.map(faults, function(fault) if fault.answer ~= nil then return fault end end)
    return facts_faults.Matches(again, faults, answered, repeated)
end

-- From the fault's last octet to the last octet of the record that answers, in ns; negative where the page was there
-- first, but not because a capture's clock went back.
function facts_faults.Fault._getters.latency(self)
    if self.answer == nil or not py.truth(self.asked.last.time) then
        return nil
    end
    local took = self.answer.last.time - self.asked.last.time
    if self.in_flight then
        return took
    end
    return math.max(0, took)
end

function facts_faults.Faults._page_data(self, record)
    self.page_records = self.page_records + 1
    local again = {}
    local answered = {}
    for _, run in ipairs(record.runs) do
        self.pages = self.pages + run.length
        if protocol_libxc.UNBACKED[run.type] ~= nil then
            goto continue
        end
        if self.sent:add_run(run.first, run.length) < run.length then
            again[#again + 1] = run
        end
        py.extend(answered, self:_carry(record, run))
        ::continue::
    end
    return facts_faults.Matches(again, nil, answered)
end

-- Remembers who brought these pages; the faults that waited for them.
function facts_faults.Faults._carry(self, record, run)
    local answered = {}
    for pfn = run.first, run.first + math.min(run.length, facts_faults.RECENT) - 1 do
        py.setdefault(self._carrier, pfn, record)
        if py.truth(self._pending) then
            local fault = py.pop(self._pending, pfn, nil)
            if fault ~= nil then
                self:_answer(fault, record)
                answered[#answered + 1] = fault
            end
        end
    end
    if rawequal(self._recent, facts_faults._NONE) then
        self._recent = py.deque()
    end
    py.push(self._recent, { record, run })
    self._recent_pages = self._recent_pages + run.length
    while self._recent_pages > facts_faults.RECENT and py.len(self._recent) > 1 do
        self:_forget(py.unpack(py.popleft(self._recent)))
    end
    return answered
end

function facts_faults.Faults._forget(self, record, run)
    self._recent_pages = self._recent_pages - run.length
    for pfn = run.first, run.first + math.min(run.length, facts_faults.RECENT) - 1 do
        if rawequal(py.get(self._carrier, pfn), record) then
            py.pop(self._carrier, pfn)
        end
    end
end

function facts_faults.Faults._answer(self, fault, record)
    fault.answer = record
    fault.in_flight = record.first < fault.asked.last
    self.answered = self.answered + 1
    if fault.in_flight then
        self.in_flight = self.in_flight + 1
    elseif fault.latency ~= nil and py.truth(fault.asked.last.time) then
        self.latencies[#self.latencies + 1] = fault.latency
    end
end

function rules_checker.Checker._init(self, migration)
    self.migration = migration
    self.findings = {}
    self.left_out = 0
    self._count = {}
    self._order = rules_order.Order()
    self._phase = rules_postcopy_phase.PostcopyPhase()
    self._guest = native.Nothing()
    self._pages = native.Nothing()
    self._text = nil
    self._foreign = {}
    self._skipped = {}
    self._latest = {}
    self._aftermath = rules_aftermath.Aftermath()
end

-- Headers were lost: where the stream stands is unknown.
function rules_order.Order.forget(self)
    return py.with(self, "state", nil, "is_followed", false)
end

-- Headers were lost, and with them perhaps lists of pages.
function rules_postcopy_phase.PostcopyPhase.forget(self)
    self.pages_whole = false
    self.lists_whole = self.pages_whole
end

-- Takes in a known header or record that is on its right direction, with the state of the forward direction before it
-- and after it.
function rules_postcopy_phase.PostcopyPhase.advance(self, record, before, now)
    local role = facts_roles.role_of(record)
    if record.direction == events.FORWARD then
        self:_advance_forward(record, role, before, now)
    elseif role == "POSTCOPY_FAULT" then
        if self:is_ahead(now) then
            self.early[#self.early + 1] = record
        end
    elseif role == "POSTCOPY_COMPLETE" and self.complete == nil then
        if self:is_ahead(now) then
            self.early[#self.early + 1] = record
        else
            self.complete = record
            self:_race()
        end
    end
end

function rules_postcopy_phase.PostcopyPhase._advance_forward(self, record, role, before, now)
    if role == "DOMAIN" then
        self.pages_whole = true
        self.lists_whole = self.pages_whole
    end
    if self.transition == nil and now == "postcopy pages" then
        self.transition = record
        local arrived = py.map(self.early, function(one) if rules_postcopy_phase.is_complete(one)
            and rules_postcopy_phase.knew(one, record) then return one end end)
        self.complete = self.complete or arrived[1]
    end
    if role == "LIBXC_END" and py.has(rules_postcopy_phase.PAGES_STATES, before) then
        self.end_ = record
    end
    if role == "POSTCOPY_LIST" then
        self.lists_whole = self.lists_whole and rules_postcopy_phase._is_listed(record)
    elseif role == "POSTCOPY_PAGES" then
        self.pages_whole = self.pages_whole and rules_postcopy_phase._is_listed(record)
        self.page_data = record
        self.has_early_pages = self.has_early_pages or now == "early pages"
        self:_race()
    end
end

-- Whether it is a POSTCOPY_COMPLETE.
function rules_postcopy_phase.is_complete(record)
    return facts_roles.role_of(record) == "POSTCOPY_COMPLETE"
end

-- Whether the sender of one record had received the whole of another, of the other direction: it has acknowledged it.
-- Captured earlier or later says nothing: a capture can hold packets out of order.
function rules_postcopy_phase.knew(record, other)
    return record.acked >= other.end_
end

-- Whether all its entries were captured.
function rules_postcopy_phase._is_listed(record)
    return record.whole and py.sum(record.runs, function(run) return run.length end) >= record.count
end

-- Takes in what a record broke.
function rules_postcopy_phase.PostcopyPhase.blame(self, record, broken)
    local has_begun = self.transition ~= nil and not rawequal(self.transition, record)
    if record.direction == events.FORWARD and has_begun and py.any(broken, function(one) return one.is_fatal end) then
        self.is_spoilt = true
    end
end

-- Whether the phase had not begun, in this state of the forward direction, when a record of the reverse direction was
-- captured. Whether that breaks a rule only the end can say.
function rules_postcopy_phase.PostcopyPhase.is_ahead(self, state)
    return self.transition == nil and state ~= nil
end

-- POSTCOPY_COMPLETE leaves when every page has come, so a page it has not acknowledged comes too late. Pages may be
-- captured before it and arrive after it left, as well as be captured after it.
function rules_postcopy_phase.PostcopyPhase._race(self)
    local pages, complete = self.page_data, self.complete
    if pages ~= nil and complete ~= nil and self.raced == nil and not rules_postcopy_phase.knew(complete, pages) then
        self.raced = pages
    end
end

-- The POSTCOPY_COMPLETE as the end knows it: with pages that came before the phase the phase had begun.
function rules_postcopy_phase.PostcopyPhase._getters.completion(self)
    local early = py.filter(rules_postcopy_phase.is_complete,
        (function() if self.has_early_pages then return self.early end return {} end)())
    return self.complete or early[1]
end

-- Whether every page that was announced and every page that was sent is known.
function rules_postcopy_phase.PostcopyPhase.knows_all_pages(self, migration)
    local faults = migration.faults
    local is_known = self.lists_whole and self.pages_whole and migration.forward.lost_at == nil
    return is_known and not (faults.outstanding.overflow or faults.sent.overflow)
end

-- Whether an error only follows from one before it; takes it in if not.
function rules_aftermath.Aftermath.explains(self, record, violation)
    local rule, effects = violation.rule, violation.rule.effects
    if violation.gravity ~= "error" then
        return false
    end
    if self.lost[record.direction] ~= nil then
        return true
    end
    if py.has(effects, "apart") then
        return self.has_followed or rawequal(self.refused, record)
    end
    if (not py.has(effects, "stops") or py.has(effects, "body")) and rawequal(self.doubtful, record) then
        return true
    end
    if not py.has(effects, "stops") and py.has(effects, "run") and rawequal(self.refused, record) then
        return true
    end
    if py.has(effects, "doubts") then
        self.doubtful = record
    end
    if py.has(effects, "once") then
        if self.told[rule.id] ~= nil then
            return true
        end
        self.told = py.update(self.told, py.set({ rule.id }))
    end
    if py.has(effects, "depends") and self.refused ~= nil then
        return true
    end
    return py.has(effects, "stops") and self:_stops(record, violation)
end

-- The same of an error at which a reader stops.
function rules_aftermath.Aftermath._stops(self, record, violation)
    local is_known = self.refused ~= nil and self.has_followed
    if self.refused == nil then
        self.refused = record
    elseif py.has(violation.rule.effects, "no header") and not rawequal(self.refused, record) then
        self.lost = py.update(self.lost, py.set({ record.direction }))
        return true
    else
        self.has_followed = true
    end
    if py.has(violation.rule.effects, "loses") then
        self.lost = py.update(self.lost, py.set({ record.direction }))
    end
    return is_known
end

-- The same of what the end of all shows.
function rules_aftermath.Aftermath.explains_end(self, violation)
    local record, effects = violation.record, violation.rule.effects
    if not py.truth(violation.rule.consequence) and record ~= nil then
        return self:explains(record, violation)
    end
    if violation.gravity ~= "error" or self.refused == nil then
        return false
    end
    if py.has(effects, "cut") then
        local is_inside = record ~= nil and rawequal(record, self.doubtful) and not record.whole
        return is_inside or self.has_followed or self.lost[violation.direction] ~= nil
    end
    if py.has(effects, "apart") then
        return self.has_followed
    end
    local is_known = self.has_followed or self.has_ended
    self.has_ended = true
    return is_known
end

-- The findings but for those of rules that are told of on request.
function rules_checker.Checker._getters.shown(self)
    return py.map(self.findings, function(finding) if not finding.is_on_request then return finding end end)
end

-- The next event, and what the facts made of it.
function rules_checker.Checker.add(self, event, noted)
    if py.is_a(event, "Record") then
        self:_add_record(event, noted)
    elseif py.is_a(event, "Resynchronised") then
        py.put(self._skipped, event.direction, event.skipped)
    end
end

function rules_checker.Checker._add_record(self, record, noted)
    local skipped = py.pop(self._skipped, record.direction, 0)
    local is_beginning_lost = record.index == 0 and (py.either(record.offset,
        self.migration:direction(record.direction).late))
    if record.direction == events.FORWARD and (py.truth(skipped) or is_beginning_lost) then
        self._order = self._order:forget()
        self._phase:forget()
        self._guest:forget()
    end
    local broken = self:_judge(record, noted, py.truth(skipped))
    if py.truth(skipped) then
        broken = py.concat(rules_capture.judge_way(skipped, self.migration:direction(record.direction)), broken)
    end
    if (broken and broken[1] ~= nil) then
        self._phase:blame(record, broken)
    end
    for _, violation in ipairs(self:_new(record, rules_checker._once(broken))) do
        if not self._aftermath:explains(record, violation) then
            self:_find(violation, record)
        end
    end
end

-- A record before which so many octets could not be followed. Where the capture has lost nothing, the way was lost for
-- a header that cannot be believed, and that has a rule of its own.
function rules_capture.judge_way(skipped, direction)
    local results = {}
    if skipped ~= 0 and direction.is_damaged then
        results[#results + 1] =
            RULE["stream-resynchronised"]("{skipped:,} octets before this record could not be followed", {
            skipped = skipped })
    end
    return results
end

-- Each rule that a record broke, once.
function rules_checker._once(broken)
    local results = {}
    local firsts = {}
    local count = {}
    for _, violation in ipairs(broken) do
        if count[violation.rule.id] == nil then
            firsts[#firsts + 1] = violation
        end
        py.put(count, violation.rule.id, py.get(count, violation.rule.id, 0) + 1)
    end
    for _, first in ipairs(firsts) do
        local more = count[first.rule.id] - 1
        if py.truth(more) then
            results[#results + 1] = py.with(first, "message", first.message .. py.fill(rules_rule.AND_MORE, {
                more = more }))
        else
            results[#results + 1] = first
        end
    end
    return results
end

-- What the one before it in its direction, of the same name, did not break as well.
function rules_checker.Checker._new(self, record, broken)
    local found = broken
    if not ((found and found[1] ~= nil)) and not py.truth(self._latest) then
        return found
    end
    local kind = py.str(record.direction) .. " " .. py.str(record.layer) .. " "
        .. py.str((function() if record.spec ~= nil then return record.name end return "" end)())
    local before
    if py.truth(self._latest) then
        before = py.pop(self._latest, kind, rules_checker.NO_MISTAKE)
    else
        before = rules_checker.NO_MISTAKE
    end
    local mistakes = py.map(found, function(violation) if py.has(violation.rule.effects,
        "run") then return py.str(violation.rule.id) .. " " .. py.str(record.name) end end)
    if (mistakes and mistakes[1] ~= nil) then
        py.put(self._latest, kind, py.set(mistakes))
    end
    return py.map(found, function(violation) if not py.has(before, py.str(violation.rule.id) .. " "
        .. py.str(record.name)) then return violation end end)
end

-- All that a record breaks. `is_found_again`: whether the way was lost before it.
function rules_checker.Checker._judge(self, record, noted, is_found_again)
    if record.name == events.FOREIGN_OCTETS then
        local told
        told, self._foreign = self._foreign[record.direction] ~= nil, py.update(self._foreign, py.set({
            record.direction }))
        return py.truth(told) and {} or native.nothing(record)
    end
    if record.layer == nil then
        return rules_ending.judge_trailing(record)
    end
    if record.is_text and record.layer ~= "xl" then
        return native.nothing(record)
    end
    local broken
    if record.is_text then
        self._text, broken = py.unpack(rules_handshake.step(self._text, record, self.migration))
        return broken
    end
    if noted.static_data ~= nil then
        return rules_order.judge_static_data(record)
    end
    broken = rules_framing.judge(record)
    local state = self._order.state
    if (broken and broken[1] ~= nil) and self._order.state == "postcopy pages" then
        local optional = RULE["unknown-optional-record"]
        broken = py.map(broken, function(one) return (function() if rawequal(one.rule,
            optional) then return rules_pages.in_postcopy(record) end return one end)() end)
    end
    if record.connection ~= nil then
        return broken
    end
    local misdirected = rules_order.judge_direction(record)
    if misdirected ~= nil then
        return py.concat(broken, { misdirected })
    end
    if py.is_a(record.spec, "HeaderSpec", "RecordSpec") then
        if record.direction == events.FORWARD then
            py.extend(broken, self:_forward(record, record.spec, noted, is_found_again))
        else
            py.extend(broken, self:_reverse(record, record.spec, noted))
        end
    end
    return py.concat(broken, self:_contents(record, state))
end

-- Octets that belong to no layer.
function rules_ending.judge_trailing(record)
    local results = {}
    local layers = record.context.layers
    if not py.truth(layers) or not (protocol_containers.CONTAINERS[py.at(layers, 0)].keeps_octets_after_end) then
        results[#results + 1] = RULE["data-after-end"](nil, { length = record.length })
    end
    return results
end

-- The next text: what it breaks after the latest one, and what counts as the latest one then. A text with a gap in it
-- says nothing.
function rules_handshake.step(latest, record, migration)
    if not record.whole or not record.complete then
        return { latest, {} }
    end
    local table = not migration.is_capture and rules_handshake.FILE or (migration.kind == "postcopy"
        and rules_handshake.POSTCOPY or rules_handshake.LIVE)
    local expected = py.get(table, latest, {})
    local name = record.name
    if py.has(expected, { record.direction, name }) or protocol_xl.MESSAGES[name] ~= nil
        and rules_handshake._may_hide_texts(record, migration) then
        if name == "report" and py.truth(py.at(record.body, -1)) then
            return { "failed report", { RULE["xl-target-failed"](nil, { status = py.at(record.body, -1) }) } }
        end
        return { name, {} }
    end
    local shown = py.slice(record.body, 0, rules_handshake.TEXT_SHOWN)
    local said = py.repr(py.decode(py.either(py.rstrip(shown, "\000"), shown), "ascii", "backslashreplace"))
    said = said .. (py.len(record.body) > rules_handshake.TEXT_SHOWN and " ..." or "")
    if latest == nil and record.direction == events.REVERSE and protocol_xl.MESSAGES[name] == nil
        and migration.kind ~= "postcopy" then
        local is_told = py.either(record.index, migration.reverse.late)
        return { latest, is_told and {} or { RULE["xl-no-banner"](nil, { said = said }) } }
    end
    local found = { RULE["xl-handshake"]("expected {wanted}, this says {said}", {
        wanted = rules_handshake._names(expected), said = said }) }
    if table[name] == nil then
        return { (py.first(expected, function(one_) local direction,
            text = py.unpack(one_) if direction == record.direction then return text end end) or name), found }
    end
    if name == "report" and py.truth(py.at(record.body, -1)) then
        return { "failed report", py.concat(found, { RULE["xl-target-failed"](nil, { status = py.at(record.body,
            -1) }) }) }
    end
    return { name, found }
end

-- Whether a text may have gone by that was not captured: in a gap, or in one that shows only later.
function rules_handshake._may_hide_texts(record, migration)
    return record.unseen or not rules_postcopy_phase.is_whole(migration.forward)
        and rules_postcopy_phase.is_whole(migration.reverse)
end

-- Whether every octet of a direction was captured, and understood.
function rules_postcopy_phase.is_whole(direction)
    local is_seen = direction.is_followed and direction.offset > direction.started
    return is_seen and not ((direction.gaps and direction.gaps[1] ~= nil)) and not direction.late
end

function rules_handshake._names(expected)
    return py.either(table.concat(py.map(expected, function(one_) local direction,
        name = py.unpack(one_) return py.str(name) .. " (" .. py.str(direction) .. ")" end), " or "), "nothing")
end

-- A record that the facts take for one of version 3 in a stream of version 2.
function rules_order.judge_static_data(record)
    local role = facts_roles.role_of(record)
    if rules_order._STATIC_DATA[role] == nil then
        return {}
    end
    return { RULE["static-data-in-v2"](rules_order._STATIC_DATA[role], { length = record.body_length,
        count = record.count }) }
end

-- What a header or record breaks by itself, whatever came before it.
function rules_framing.judge(record)
    local results = {}
    if py.is_a(record.spec, "HeaderSpec") then
        py.extend(results, rules_framing._header(record, record.spec))
    elseif record.type ~= nil then
        py.extend(results, rules_framing._record(record))
    end
    return results
end

function rules_framing._header(record, spec)
    local results = {}
    if not record.whole or py.len(record.body) < spec.size then
        return results
    end
    local wrong = rules_fields.broken_fields(py.get(rules_framing._HEADERS, record.name, {}),
        runtime_layouts.header_numbers(spec, record.body, record.endianness))
    if record.layer == "xl" and not py.startswith(record.body, spec.magic) then
        wrong = { RULE["bad-xl-header"](rules_headers.XlHeader.MAGIC, { magic = py.repr(py.decode(py.slice(record.body,
            0, 32), "ascii", "replace")) }) }
    end
    if record.layer == "xl" and record.endianness == "big" then
        wrong = py.concat(wrong, { RULE["big-endian-stream"](rules_headers.BigEndian.XL) })
    end
    py.extend(results, py.either(wrong, rules_framing._reserved(record, spec)))
    return results
end

-- The checks that the fields of a header break.
function rules_fields.broken_fields(checks, values)
    return py.map(checks, function(one) if py.truth(one.holds(values)) then return one.rule(one.check.message,
        rules_fields._with_bits(one.check, values)) end end)
end

function rules_fields._with_bits(check, values)
    local bits = py.map(check.when, function(one_) local field, _, value = py.unpack(one_) if py.is_a(value,
        "int") then return py.band(values[field], value) end end)
    return py.update(values, { ["bits"] = (function() if (bits
        and bits[1] ~= nil) then return bits[#bits] end return 0 end)() })
end

function rules_framing._reserved(record, spec)
    local results = {}
    for _, one_ in ipairs(rules_fields.reserved_set(spec.body, record.body, record.endianness)) do
        local field, bits = py.unpack(one_)
        results[#results + 1] = RULE["reserved-bits-set"](nil, { field = field, bits = bits })
    end
    return results
end

-- The reserved fields of the octets that are not zero, as far as they were captured, and what they hold.
function rules_fields.reserved_set(body, octets, endianness)
    local results = {}
    for _, one_ in ipairs(native.reserved_of(body)) do
        local field, offset, size, shift, width = py.unpack(one_)
        if #octets >= offset + size then
            local bits = math.floor(py.uint(py.slice(octets, offset, offset + size),
                endianness) / (1 * 2 ^ shift)) % (1 * 2 ^ width)
            if py.truth(bits) then
                results[#results + 1] = { field, bits }
            end
        end
    end
    return results
end

function rules_framing._record(record)
    local results = {}
    local key, spec = rules_fields.key_of(record), record.spec
    local wrong = rules_fields.broken(py.get(rules_framing._RECORDS, key, {}), record)
    local too_long = py.map(wrong, function(one) if rawequal(one.rule, RULE["record-too-long"]) then return one end end)
    py.extend(results, py.either(too_long, wrong))
    if (too_long and too_long[1] ~= nil) then
        return results
    end
    if py.any(record.padding) then
        results[#results + 1] = RULE["nonzero-padding"](nil, { padding = py.hex(record.padding, " ") })
    end
    if not py.is_a(spec, "RecordSpec") then
        return results
    end
    if spec.shape == "pages" then
        py.extend(results, rules_framing._pages(record, spec, key))
    elseif (spec.shape == "fixed" or spec.shape == "list" or spec.shape == "chain" or spec.shape == "blob") then
        py.extend(results, rules_framing._counts(record, spec))
    end
    py.extend(results, rules_framing._reserved(record, spec))
    return results
end

-- A header's name; a record's "layer.NAME", or "layer.?" where nobody specified it.
function rules_fields.key_of(record)
    if record.type == nil then
        return record.name
    end
    return py.str(record.layer) .. "." .. py.str((function() if record.spec ~= nil then return record.name end return
        "?" end)())
end

-- The checks that a record, or its list, breaks.
function rules_fields.broken(checks, record)
    local wrong = py.map(checks, function(one) if py.truth(one.holds(record)) then return one end end)
    return py.map(wrong, function(one) return one.rule(one.check.message,
        py.dict(py.map(py.items(rules_fields.OF_RECORD), function(one_) local name, of = py.unpack(one_) return { name,
        of(record) } end))) end)
end

function rules_framing._pages(record, spec, key)
    local results = {}
    local length, count, body = record.body_length, record.count, record.body
    if length >= rules_framing.PAGES_HEADER and py.len(body) >= math.min(length,
        rules_framing.PAGES_HEADER + rules_framing.ENTRY * count) then
        py.extend(results, rules_fields.broken(py.get(rules_framing._LISTS, key, {}), record))
        py.extend(results, rules_framing._pages_length(record, spec, count))
    end
    if py.len(body) >= rules_framing.PAGES_HEADER then
        py.extend(results, rules_fields.broken_entries(py.get(rules_framing._ENTRIES, key, {}), record))
        py.extend(results, rules_framing._reserved_entry(record))
    end
    return results
end

-- Count, entries and pages fill the body.
function rules_framing._pages_length(record, spec, count)
    local results = {}
    local length = record.body_length
    local needed = rules_framing.PAGES_HEADER + rules_framing.ENTRY * count
    if spec.contents and record.context.page_shift ~= protocol_libxc.PAGE_SHIFT then
        return results
    end
    if spec.contents and needed <= length then
        needed = needed + py.sum(record.runs, function(run) if protocol_libxc.UNBACKED[run.type] == nil then return
            run.length end end) * 2 ^ protocol_libxc.PAGE_SHIFT
    end
    if needed ~= length then
        results[#results + 1] =
            RULE["body-length-mismatch"]("body_length {body_length:,}, count {count:,} says {needed:,}", {
            body_length = length, count = count, needed = needed })
    end
    return results
end

-- The checks that entries of a pages record break, once for each run of them.
function rules_fields.broken_entries(checks, record)
    local results = {}
    for _, one in ipairs(checks) do
        local wrong = rules_fields._wrong_types(one)
        for _, one_ in ipairs(record.runs) do
            local first, _, type = py.unpack(one_)
            if wrong[type] ~= nil then
                results[#results + 1] = one.rule(one.check.message, { pfn = first, type = type,
                    name = protocol_libxc.PAGE_TYPES[type] })
            end
        end
    end
    return results
end

function rules_fields._wrong_types(one)
    return py.set(py.map({ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
        function(type) if py.truth(one.holds({ ["type"] = type })) then return type end end))
end

-- The first entry with reserved bits.
function rules_framing._reserved_entry(record)
    local results = {}
    local found = native.first_reserved(py.slice(record.body, rules_framing.PAGES_HEADER,
        rules_framing.PAGES_HEADER + rules_framing.ENTRY * record.count), record.endianness)
    if found ~= nil then
        local index, entry = py.unpack(found)
        results[#results + 1] =
            RULE["reserved-bits-set"]("entry {index:,} is 0x{entry:016x}: bits 52 to 59 are not zero", { index = index,
            entry = entry })
    end
    return results
end

-- A body has the length that its own counts say.
function rules_framing._counts(record, spec)
    local results = {}
    local length = record.body_length
    if py.len(record.body) < length then
        return results
    end
    local needed = runtime_layouts.measure(runtime_layouts.Ordered(spec.body, record.endianness), record.body)
    if needed == nil then
        results[#results + 1] =
            RULE["body-length-mismatch"]("body_length {body_length:,} is too short for what its own counts say", {
            body_length = length })
        return results
    end
    if needed ~= length then
        local found = RULE["body-length-mismatch"]("body_length {body_length:,}, its own counts say {needed:,}", {
            body_length = length, needed = needed })
        results[#results + 1] = (function() if spec.shape == "chain" then return found:as_warning() end return found
            end)()
    elseif spec.role == "FRAME_TABLE" then
        py.extend(results, rules_framing._frames(record))
    end
    return results
end

-- One entry for each frame of the table, which holds as many of the guest's words as fit.
function rules_framing._frames(record)
    local results = {}
    local length = record.body_length
    local first, last = py.unpack(py.map({ 0, 4 }, function(at) return py.uint(py.slice(record.body, at, at + 4),
        record.endianness) end))
    if first > last then
        return results
    end
    local sizes = py.map(rules_framing.FRAME_WORDS, function(words) return 8 + 8 * (math.floor(last / words) -
        math.floor(first / words) + 1) end)
    if not py.has(sizes, length) then
        local wanted = table.concat(py.map(sizes, function(size) return py.format(size, ",") end), " or ")
        results[#results + 1] =
            RULE["body-length-mismatch"]("body_length {body_length:,}, pfns {first:,} to {last:,} say {wanted}", {
            body_length = length, first = first, last = last, wanted = wanted })
    end
    return results
end

-- An unknown optional record of the postcopy phase.
function rules_pages.in_postcopy(record)
    return RULE["postcopy-optional-record"](nil, { type = record.type })
end

-- A record on the direction that never carries it.
function rules_order.judge_direction(record)
    if py.is_a(record.spec, "RecordSpec") and record.is_misdirected then
        return RULE["wrong-direction"](nil, { record = record.name, direction = record.spec.direction })
    end
    return nil
end

function rules_checker.Checker._forward(self, record, spec, noted, is_found_again)
    local seen = rules_order.Seen(record, spec, is_found_again, self._phase.complete ~= nil)
    local before, broken
    self._order, before, broken = py.unpack(rules_order.step(self._order, seen))
    broken = py.concat(broken, rules_pages.judge_forward(record, noted, self._phase, self.migration))
    self._phase:advance(record, before, self._order.state)
    return broken
end

-- The next header or record of the forward direction: what it breaks by its place, and how far the stream is.
function rules_order.step(order, seen)
    local found = {}
    if rules_order._is_of_other_guest(seen, found) then
        return rules_order.Placed(order, order.state, found)
    end
    if seen.record.unannounced then
        order = rules_order._announced(order, seen, found)
    end
    local before = order.state
    order = rules_order._placed(order, seen, found)
    order = rules_order._context(order, seen, before, found)
    order = rules_order._pv_info(order, seen, found)
    if py.has(rules_postcopy_phase.PAGES_STATES, before) and seen.spec.role == "LIBXC_END"
        and not seen.is_completed then
        order = py.with(order, "state", nil)
    end
    return rules_order.Placed(order, before, found)
end

function rules_order._is_of_other_guest(seen, found)
    local record = seen.record
    local needed
    if py.is_a(seen.spec, "RecordSpec") then
        needed = seen.spec.guest
    else
        needed = "any"
    end
    if needed == "any" or py.get(rules_guest.GUESTS, record.context.guest, needed) == needed then
        return false
    end
    if needed == "hvm" or not seen.is_found_again then
        found[#found + 1] = rules_order._OTHER_GUEST[needed](nil, { record = record.name,
            guest = record.context.guest })
    end
    return true
end

-- A record of the other layer that nothing handed over to.
function rules_order._announced(order, seen, found)
    local record = seen.record
    local should_be = py.get(rules_postcopy.SHOULD_BE, record.layer)
    if should_be == nil or py.has(rules_postcopy.AGAIN, seen.spec.role) then
        return order
    end
    if py.has(should_be.states, order.state) then
        found[#found + 1] = RULE["postcopy-transition-missing"](nil, { record = record.name, layer = record.layer,
            missing = should_be.missing })
        return py.with(order, "state", should_be.then_)
    end
    if order.state == "early pages" then
        return py.with(order, "state", should_be.then_)
    end
    return order
end

-- The state machine.
function rules_order._placed(order, seen, found)
    local record, role = seen.record, seen.spec.role
    local state, place = order.state, protocol_states.PLACES[role]
    if state == nil then
        state = place.natural
    elseif py.has(place.moves, state) then
        state = place.moves[state]
    elseif order.missed[py.get(rules_order.MISSED, record.name)] ~= nil then
        return order
    else
        local rule, then_ = py.unpack(py.get(py.get(rules_order.MISPLACED, role, {}), state, {
            RULE["unexpected-record"], nil }))
        local broken = rule(nil, { record = record.name, state = state })
        local missed = rule.id
        if py.get(rules_order.TOLERATED, role, {})[state] ~= nil then
            broken, missed = broken:as_warning(), rules_order.EARLY_CONTEXT
        end
        if order.missed[missed] == nil then
            found[#found + 1] = broken
        end
        if rawequal(rule, RULE["missing-static-data-end"]) then
            order = py.with(order, "missed", py.update(order.missed, py.set({ missed })))
        end
        state = py.either(then_, state)
    end
    if role == "DOMAIN" then
        state = py.get(protocol_states.OF_VERSION, record.context.version)
        order = py.with(order, "is_followed", true)
    end
    if state ~= nil then
        state = rules_order._meant(state, record.context, record.layer)
    end
    if rawequal(state, order.state) then
        return order
    end
    return py.with(order, "state", state)
end

-- The state by the streams that are around this one, as far as that is known.
function rules_order._meant(state, context, layer)
    local in_libxl
    if context.may_be_in_libxl then
        in_libxl = nil
    else
        in_libxl = py.has(context.layers, "libxl")
    end
    return protocol_states.after(state, in_libxl, rules_order._IMAGES[layer] == nil
        and not py.truth(py.isdisjoint(rules_order._IMAGES, context.layers)))
end

-- The state that is meant, by the streams that are around this one, as far as that is known.
function protocol_states.after(state, in_libxl, in_xenops)
    if not in_libxl and protocol_states.WITHOUT_LIBXL[state] ~= nil then
        if in_libxl == nil then
            return nil
        end
        return protocol_states.after(protocol_states.WITHOUT_LIBXL[state], true, in_xenops)
    end
    return in_xenops and state == "finished" and "xenops tail" or state
end

-- The context records of one stop of the guest: which came, and in which order.
function rules_order._context(order, seen, before, found)
    local record, role = seen.record, seen.spec.role
    if role == "CONTEXT" then
        local is_late = record.name == "HVM_PARAMS" and order.context["HVM_CONTEXT"] ~= nil
        if is_late and record.context.version == 3 and not order.has_params then
            order = py.with(order, "has_params", true)
            found[#found + 1] = RULE["hvm-params-after-context"]()
        end
        return py.with(order, "context", py.update(order.context, py.set({ record.name })))
    end
    if role == "POSTCOPY_SETUP" and before == "postcopy begun" then
        local missing = py.map(rules_order.HVM_CONTEXT, function(name) if order.context[name] == nil then return name
            end end)
        if record.context.guest ~= "x86 HVM" then
            missing = py.truth(order.context) and {} or { "context record" }
        end
        if (missing and missing[1] ~= nil) then
            local none = rules_postcopy.ContextMissing.NONE
            found[#found + 1] = RULE["postcopy-context-missing"](none, { missing = table.concat(missing, ", no ") })
        end
    end
    if py.truth(order.context) and py.has(rules_order._ENDS_CONTEXT, role) then
        return py.with(order, "context", {})
    end
    return order
end

-- What is as wide as the guest's words cannot be read by who does not know how wide these are.
function rules_order._pv_info(order, seen, found)
    local record = seen.record
    if py.has(rules_order.NEEDS_PV_INFO, record.name) and order.is_followed and not order.has_pv_info
        and order.missed[rules_order.NO_PV_INFO] == nil then
        found[#found + 1] = RULE["unexpected-record"]("{record}, and no X86_PV_INFO came before it", {
            record = record.name })
        return py.with(order, "missed", py.update(order.missed, py.set({ rules_order.NO_PV_INFO })))
    end
    if record.name == "X86_PV_INFO" then
        return py.with(order, "has_pv_info", true)
    end
    return order
end

-- Announced pages, and pages that come.
function rules_pages.judge_forward(record, noted, phase, migration)
    local results = {}
    local role = facts_roles.role_of(record)
    if role == "POSTCOPY_LIST" then
        for _, run in ipairs(noted.again) do
            results[#results + 1] = RULE["postcopy-pfn-announced-twice"](nil, { pfns = rules_pages._named(run) })
        end
    elseif role == "POSTCOPY_PAGES" then
        py.extend(results, rules_fields.broken_entries(py.get(rules_pages._ENTRIES, rules_fields.key_of(record), {}),
            record))
        for _, run in ipairs(record.runs) do
            if protocol_libxc.UNBACKED[run.type] == nil then
                py.extend(results, rules_pages._unannounced(run, RULE["postcopy-page-not-announced"], phase, migration))
            end
        end
        for _, run in ipairs(noted.again) do
            results[#results + 1] = RULE["postcopy-page-repeated"](nil, { pfns = rules_pages._named(run) })
        end
    end
    return results
end

function rules_pages._named(run)
    return py.fill(run.length == 1 and rules_pages.ONE_PFN or rules_pages.MANY_PFNS, { first = run.first,
        last = run.first + run.length - 1 })
end

function rules_pages._unannounced(run, rule, phase, migration)
    local results = {}
    local outstanding = migration.faults.outstanding
    if phase.lists_whole and not outstanding.overflow then
        local first = outstanding:first_of_run(run.first, run.length, false)
        if first ~= nil then
            results[#results + 1] = rule(nil, { pfn = first })
        end
    end
    return results
end

function rules_checker.Checker._reverse(self, record, spec, noted)
    local phase, state = self._phase, self._order.state
    local broken = rules_postcopy.judge_complete(record, phase)
    if spec.role == "POSTCOPY_FAULT" then
        py.extend(broken, rules_pages.judge_fault(record, noted, phase, phase:is_ahead(state), self.migration))
    end
    phase:advance(record, state, state)
    return broken
end

-- A POSTCOPY_COMPLETE after another.
function rules_postcopy.judge_complete(record, phase)
    local results = {}
    if rules_postcopy_phase.is_complete(record) and phase.complete ~= nil then
        results[#results + 1] = RULE["postcopy-complete-unexpected"](nil, { offset = phase.complete.offset })
    end
    return results
end

-- A POSTCOPY_FAULT. `is_early`: whether it was captured before the postcopy phase began.
function rules_pages.judge_fault(record, noted, phase, is_early, migration)
    local results = {}
    if phase.complete ~= nil then
        results[#results + 1] = RULE["postcopy-fault-after-complete"](nil, { offset = phase.complete.offset })
    end
    py.extend(results, rules_fields.broken_entries(py.get(rules_pages._ENTRIES, rules_fields.key_of(record), {}),
        record))
    for _, run in ipairs(is_early and {} or record.runs) do
        py.extend(results, rules_pages._unannounced(run, RULE["postcopy-fault-not-announced"], phase, migration))
    end
    for _, run in ipairs(noted.again) do
        results[#results + 1] = RULE["postcopy-fault-repeated"](nil, { pfns = rules_pages._named(run) })
    end
    for _, fault in ipairs(noted.faults) do
        local answer = fault.answer
        if answer ~= nil and rules_postcopy_phase.knew(record, answer) then
            local late = (record.first.time - answer.last.time) / 1000000.0
            results[#results + 1] = RULE["postcopy-fault-after-page"](nil, { pfn = fault.pfn, frame = answer.last.frame,
                late = late })
        end
    end
    return results
end

function runtime_parsing.Judges._init(self, kept)
    rules_checker.Checker._init(self, kept)
    self._kept = kept
end

function runtime_parsing.Judges._find(self, violation, record)
    self._kept:note_broken(violation, self._kept:shown_of(record))
end

-- What bodies say is judged by `xenshark check`.
function runtime_parsing.Judges._contents(self, record, state)
    return {}
end

function facts_links._Growing._init(self)
    self._faults = facts_faults.Faults()
    self._lists = {}
end

function facts_links._Growing._link(self, fault)
    for _, asked in ipairs(py.concat({ fault.asked }, fault.again)) do
        self:_point(asked, fault)
    end
    self:_append(fault.answer, facts_links.Link(fault.pfn, fault.asked, fault.in_flight))
end

-- From a record that asks for a page to the one that brings it.
function facts_links._Growing._point(self, asked, fault)
    self:_append(asked, facts_links.Link(fault.pfn, fault.answer, fault.answer.first < asked.last))
end

function runtime_parsing.Ties._init(self, kept)
    facts_links._Growing._init(self)
    self._kept = kept
end

-- What one record had to do with faults and their pages.
function runtime_parsing.Ties.tie(self, matches)
    for _, fault in ipairs(matches.answered) do
        self:_link(fault)
    end
    for _, fault in ipairs(matches.repeated) do
        self:_point(fault.asked, fault)
    end
end

function runtime_parsing.Ties._append(self, record, link)
    local shown = self._kept:shown_of(record)
    shown.links[#shown.links + 1] = runtime_shown.Tie(link.pfn, self._kept:shown_of(link.record), link.in_flight)
end

function facts_static_data.StaticData._init(self)
    self._has_come = false
    self._is_past = false
end

-- Why the next record is static data; nil if it is not.
function facts_static_data.StaticData.add(self, record)
    if record.layer ~= "libxc" or record.direction ~= events.FORWARD then
        return nil
    end
    local why
    if record.context.version == 2 and not self._is_past then
        why = self:_why(record)
    else
        why = nil
    end
    self._has_come = self._has_come or why ~= nil
    local role = facts_roles.role_of(record)
    local begins
    if role == "MEMORY" then
        begins = py.truth(record.runs)
    else
        begins = role == "POSTCOPY_BEGIN"
    end
    self._is_past = self._is_past or ((begins and why == nil and record.whole))
    return why
end

function facts_static_data.StaticData._why(self, record)
    local role, length = facts_roles.role_of(record), record.body_length
    if role == "POSTCOPY_SETUP" and py.truth(length) and length % facts_static_data.CPUID_LEAF == 0 then
        return "record 0x11 has " .. py.format(length, ",") ..
            " octets: CPUID leaves, and a POSTCOPY_PFNS_BEGIN has none"
    end
    if role == "POSTCOPY_LIST" and length % facts_static_data.MSR_ENTRY == 0 and length ~= 8 + 8 * record.count then
        return "record 0x12 has " .. py.format(length, ",") .. " octets: MSR entries, and no list of "
            .. py.format(record.count, ",") .. " pfns"
    end
    if role == "POSTCOPY_BEGIN" and self._has_come then
        return "record 0x10 after CPU policies: STATIC_DATA_END, and no POSTCOPY_BEGIN"
    end
    return nil
end

-- What is known of one direction.
function runtime_parsing.Kept.direction(self, direction)
    if direction == events.FORWARD then
        return self.forward
    end
    return self.reverse
end

-- The items of a direction that have ended, by their records' indexes.
function runtime_parsing.Kept.ended_items(self, direction)
    if direction == events.FORWARD then
        return self._of_forward
    end
    return self._of_reverse
end

-- Of its records, headers and texts, in the order of the alphabet.
function runtime_parsing.Kept.names(self)
    return py.sorted(py.keys(self.totals))
end

-- The item that a record has ended.
function runtime_parsing.Kept.shown_of(self, record)
    local ended = self:ended_items(record.direction)
    return py.at(ended, record.index)
end

-- A direction has ended: the way that was lost in it is not found again. If the connection was closed, a text that is
-- owed in it does not come.
function runtime_parsing.Kept.end_(self, direction, is_closed)
    local ended = self:ended_items(direction)
    if not ((ended and ended[1] ~= nil)) then
        return
    end
    for _, violation in ipairs(rules_capture._losses(self:direction(direction))) do
        self:note_broken(violation, ended[#ended])
    end
    if is_closed and not self._is_answered then
        self.outcome = "failed"
        for _, violation in ipairs(rules_handshake.judge_end(self.checker._text, self)) do
            if violation.direction == direction then
                self:note_broken(violation, ended[#ended])
            end
        end
        self.outcome = "incomplete"
    end
end

function rules_capture._losses(direction)
    local results = {}
    for _, gap in ipairs(direction.gaps) do
        local template = py.truth(gap.record) and
            "{length:,} octets from offset {offset:,} on were not captured, in {record}"
            or "{length:,} octets from offset {offset:,} on were not captured, between records"
        results[#results + 1] = RULE["capture-gap"](template, { length = gap.length, offset = gap.offset,
            record = gap.record })
    end
    if direction.cut then
        results[#results + 1] = RULE["capture-cut"](nil, { octets = direction.offset })
    end
    if direction.copies ~= 0 then
        results[#results + 1] = RULE["captured-twice"](nil, { times = direction.copies + 1 })
    end
    if direction.conflicts ~= 0 then
        results[#results + 1] = RULE["tcp-conflict"](nil, { count = direction.conflicts })
    end
    if direction.lost_at ~= nil and direction.is_damaged then
        results[#results + 1] =
            RULE["stream-resynchronised"]("the way was lost at offset {offset:,} and not found again", {
            offset = direction.lost_at })
    end
    return results
end

-- A stream that came to its END under xl, and a side that closed the connection with no answer to that. What is open
-- after permission to start is more than a missing text, and has a rule of its own.
function rules_handshake.judge_end(latest, migration)
    local results = {}
    local context = migration.context
    if migration.outcome ~= "failed" or not py.has(context.layers, "xl") or py.has(rules_handshake.UNANSWERED,
        migration.kind) then
        return results
    end
    local is_seen = rules_postcopy_phase.is_whole(migration.forward)
        and rules_postcopy_phase.is_whole(migration.reverse)
    if is_seen and py.has(migration.ended, context.outermost) and (latest == "banner" or latest == "ready") then
        local direction, _ = py.unpack(py.at(rules_handshake.LIVE[latest], 0))
        results[#results + 1] = RULE["xl-handshake"]("expected {wanted}, and the connection was closed without it", {
            wanted = rules_handshake._names(rules_handshake.LIVE[latest]) }):on(direction)
    end
    return results
end

-- An item has ended, or was torn: everything that is to be known of it.
function runtime_parsing.Kept.take_in(self, record, shown)
    local ended = self:ended_items(record.direction)
    ended[#ended + 1] = shown
    if record.is_pages then
        shown:take_runs(record.body, record.runs)
        if shown.role == "POSTCOPY_FAULT" then
            shown.pfns = record:pfns()
            self.asked[#self.asked + 1] = shown
        end
    end
    self.checker:add(record, self:_note(record))
    self.is_over = self.is_over or (shown.role == "POSTCOPY_COMPLETE" or shown.role == "LIBXC_END")
    local phase = self.checker._phase
    if phase.raced ~= nil and not self._has_raced then
        self._has_raced = true
        for _, violation in ipairs(rules_pages.judge_end(phase, self)) do
            self:note_broken(violation, shown)
        end
    end
end

-- Pages that POSTCOPY_COMPLETE did not wait for.
function rules_pages.judge_end(phase, migration)
    local results = {}
    local complete, raced = phase.completion, phase.raced
    if complete == nil then
        return results
    end
    if raced ~= nil then
        results[#results + 1] = RULE["postcopy-complete-race"](nil, { acked = complete.acked, offset = complete.offset,
            end_ = raced.end_ }):at(raced)
    end
    local count = migration.faults.never_sent
    if py.truth(count) and phase:knows_all_pages(migration) then
        results[#results + 1] = RULE["postcopy-pages-dropped"](count == 1
            and "1 announced page was never sent: POSTCOPY_COMPLETE came first"
            or "{count:,} announced pages were never sent: POSTCOPY_COMPLETE came first", {
            count = count }):at(complete)
    end
    return results
end

-- A rule is broken by an item, if the violation names no other.
function runtime_parsing.Kept.note_broken(self, violation, shown)
    if py.truth(violation.rule.wireshark) then
        local at
        if violation.record == nil then
            at = shown
        else
            at = self:shown_of(violation.record)
        end
        at.broken[#at.broken + 1] = runtime_shown.Broken(violation.rule.id, violation.gravity, violation.message)
    end
end

-- All entries of a pages record were seen: what they break is told, even if the record's pages never come.
function runtime_parsing.Kept.judge_list(self, record, shown)
    local broken = rules_framing.judge(record)
    if not record.is_misdirected then
        local phase = self.checker._phase
        py.extend(broken, rules_pages.judge_forward(record, facts_migration.UNREMARKABLE, phase, self))
    end
    for _, violation in ipairs(rules_checker._once(broken)) do
        self:note_broken(violation, shown)
    end
end

-- What the facts make of a record: `facts.migration.Migration`, as far as judges of a record ask.
function runtime_parsing.Kept._note(self, record)
    if record.context.revision >= self.context.revision then
        self.context = record.context
    end
    if self.totals[record.name] == nil then
        py.put(self.totals, record.name, runtime_parsing.Total())
    end
    local total = self.totals[record.name]
    total.records = total.records + 1
    total.octets = total.octets + record.length
    local static_data = self._static_data:add(record)
    if record.type == nil then
        local answers = record.complete and (record.name == "report" or record.name == "postcopy sync")
        self._is_answered = self._is_answered or ((answers and record.direction == events.REVERSE))
        return facts_migration.UNREMARKABLE
    end
    if static_data ~= nil then
        return facts_migration.Noted(static_data)
    end
    if not record.whole or record.is_misdirected then
        return facts_migration.UNREMARKABLE
    end
    local role = facts_roles.role_of(record)
    if facts_endings.ENDS[role] ~= nil and record.layer ~= nil then
        self.ended[record.layer] = true
    end
    if role ~= nil and protocol_specs.Role_is_postcopy(role) and role ~= "POSTCOPY_COMPLETE" then
        self.kind = "postcopy"
    end
    local matches = self.faults:add(record)
    if rawequal(matches, facts_faults.NOTHING) then
        return facts_migration.UNREMARKABLE
    end
    self._ties:tie(matches)
    return facts_migration.Noted(nil, matches.again, matches.faults, matches.answered)
end

function runtime_parsing.Total._init(self)
    self.records = 0
    self.octets = 0
end

-- Whether only a postcopy migration has it.
function protocol_specs.Role_is_postcopy(self)
    return protocol_specs.POSTCOPY[self] ~= nil
end

function runtime_connections.Connections._init(self)
    self.capture = runtime_parsing.Capture()
    self.by_stream = {}
    self.all = {}
    self.unfinished = 0
    self._by_ends = {}
    self._followed = {}
    self.ignored = {}
    self._pending = 0
    self._looked_at = 0
end

function runtime_parsing.Capture._init(self)
    self.migrations = {}
    self.found = {}
    self.ended = {}
    self.waiting = 0
    self.is_settled = true
    self.ending = nil
    self._bodies_kept = 0
end

-- Another packet is looked at for the first time.
function runtime_parsing.Capture.next_packet(self)
    self.found, self.ended, self.is_settled = {}, {}, false
end

-- The two directions of a connection, that of the flow's octets first.
function runtime_parsing.Capture.connect(self, flow)
    local conversation = parser_conversation.Conversation(flow, function(event, frame) return self:hear(event) end,
        function() return #self.migrations end)
    local one, other = runtime_parsing.ShowingParser(conversation, self, true),
        runtime_parsing.ShowingParser(conversation, self, false)
    one:pair(other)
    one.owner.peer, other.owner.peer = other.owner, one.owner
    return { one.owner, other.owner }
end

-- `flow`: of the first direction's octets; nil for a bare stream. `number`: gives a migration its number when it is
-- recognised. `keep_pages`: page contents are kept in the records' bodies. `note_spans`: the parsers note which octets
-- are page contents. `joins`, `remarks`: of all connections of the input. `encapsulation`: what its packets were found
-- in.
function parser_conversation.Conversation._init(self, flow, emit, number, keep_pages, note_spans, joins, encapsulation,
    remarks)
    if keep_pages == nil then keep_pages = false end
    if note_spans == nil then note_spans = false end
    if encapsulation == nil then encapsulation = {} end
    self.flow = flow
    self.encapsulation = encapsulation
    self.joins = py.either(joins, native.Nothing())
    self.remarks = py.either(remarks, parser_conversation.Remarks())
    self.emit = emit
    self.keep_pages = keep_pages
    self.note_spans = note_spans
    self.cipher = nil
    self._number = number
    self._migrations = {}
end

function parser_conversation.Remarks._init(self)
    self.ciphers = {}
    self.crowded = 0
end

function parser_conversation.Remarks.note_cipher(self, name)
    self.ciphers[name] = true
end

function parser_conversation.Remarks.note_crowd(self)
    self.crowded = self.crowded + 1
end

-- What the connection carries is encrypted.
function parser_conversation.Conversation.note_cipher(self, name)
    self.cipher = name
    self.remarks:note_cipher(name)
end

-- One of its migrations, made when first asked for.
function parser_conversation.Conversation.migration(self, ordinal)
    while #self._migrations <= ordinal do
        self._migrations[#self._migrations + 1] = parser_conversation.ParsedMigration(self._number)
    end
    return py.at(self._migrations, ordinal)
end

-- `number` gives it its number in the input, when it is recognised.
function parser_conversation.ParsedMigration._init(self, number)
    self.number = nil
    self.context = events.NOTHING_SAID
    self.libxl_endianness = nil
    self.libxc_records = protocol_libxc_records.libxc_records(nil)
    self.orders = parser_conversation._orders(self.context, nil)
    self.says_handshakes = false
    self.is_bare = false
    self.begins_late = false
    self.begins_after = nil
    self.items = { ["forward"] = 0, ["reverse"] = 0 }
    self.join = nil
    self.role = nil
    self.aside = nil
    self._number = number
end

-- The record types of a stream version, by number.
function protocol_libxc_records.libxc_records(version)
    return py.get(protocol_libxc_records._VERSIONS, py.either(version, 0), protocol_libxc_records._UNKNOWN)
end

function parser_conversation._orders(context, libxl)
    local own = { ["libxl"] = libxl }
    return py.dict(py.map(py.items(protocol_containers.CONTAINERS), function(one_) local layer,
        row = py.unpack(one_) return { layer, py.either(py.either(row.endianness, py.get(own, layer)),
        context.endianness) } end))
end

-- A stream of it was recognised. Whether it is the first.
function parser_conversation.ParsedMigration.open(self)
    if self.number == nil and self.join ~= nil then
        self.number = self.join.number
    end
    if self.number ~= nil then
        return false
    end
    self.number = self._number()
    if self.join ~= nil then
        self.join.number = self.number
    end
    return true
end

-- A connection's request says what it is for. `join`: nil where connections are not joined.
function parser_conversation.ParsedMigration.request(self, request, join)
    self.role = request.role
    if join ~= nil then
        self.join, self.items = join, join.items
    end
    self.aside = (function() if request.has_own_memory or request.role == "vgpu" then return request.role end return nil
        end)()
    self:learn({ compressed = request.is_compressed })
end

-- A header says more.
function parser_conversation.ParsedMigration.learn(self, values)
    local context = py.update(self.context, values)
    local holds_libxc = py.any(context.layers, function(layer) return
        protocol_containers.CONTAINERS[layer].holds["libxc"] ~= nil end)
    context = py.with(context, "may_be_in_libxl", not self.is_bare and not py.truth(holds_libxc))
    if context ~= self.context then
        self.context = py.with(context, "revision", context.revision + 1)
        self.libxc_records = protocol_libxc_records.libxc_records(context.version)
        self.orders = parser_conversation._orders(context, self.libxl_endianness)
        self.says_handshakes = py.truth(context.layers) and protocol_containers.CONTAINERS[py.at(context.layers,
            0)].answers == "handshakes"
    end
end

-- libxl's header says its byte order, or xl's.
function parser_conversation.ParsedMigration.learn_libxl_order(self, endianness)
    self.libxl_endianness = endianness
    self.orders = parser_conversation._orders(self.context, endianness)
end

-- Something of this layer was seen: not always after the one around it, whose header may be lost.
function parser_conversation.ParsedMigration.enter(self, layer)
    if not py.has(self.context.layers, layer) then
        self:learn({ layers = protocol_containers.nested(self.context.layers, layer) })
    end
end

-- The layers seen, outermost first, when one more was; and the one between, if its header must have been lost.
function protocol_containers.nested(layers, layer)
    if py.has(layers, layer) then
        return layers
    end
    if (layers and layers[1] ~= nil) and not py.any(layers, function(one) return
        protocol_containers.CONTAINERS[one].holds[layer] ~= nil end) then
        local between = py.map(py.keys(protocol_containers.CONTAINERS[layers[#layers]].holds),
            function(one) if protocol_containers.CONTAINERS[one].holds[layer] ~= nil then return one end end)
        layers = py.concat(layers, between)
    end
    return py.map(protocol_containers.OUTERMOST_FIRST, function(one) if py.has(layers, one)
        or one == layer then return one end end)
end

-- The container around this layer.
function parser_conversation.ParsedMigration.outer(self, layer)
    return protocol_containers.outer(self.context.layers, layer)
end

-- The container around a layer, among those seen.
function protocol_containers.outer(layers, layer)
    local place
    if py.has(layers, layer) then
        place = py.index(layers, layer)
    else
        place = 0
    end
    if py.truth(place) then
        return protocol_containers.CONTAINERS[py.at(layers, place - 1)]
    end
    return nil
end

-- The offset of the forward direction before which one of its migrations does not begin, if the other direction has
-- begun that.
function parser_conversation.Conversation.begins_after(self, ordinal)
    if ordinal < #self._migrations then
        return py.at(self._migrations, ordinal).begins_after
    end
    return nil
end

function parser_cursor.Cursor._init(self, note_spans)
    if note_spans == nil then note_spans = false end
    self.offset = 0
    self.buffer = ""
    self.skip = 0
    self.wanted = 0
    self.newest = events.NOWHERE
    self.damaged = false
    self.note_spans = note_spans
    self.spans = {}
    self._marks = parser_cursor.NO_MARKS
end

-- Whether this many octets are in the buffer; if not, they are `wanted`.
function parser_cursor.Cursor.has(self, length)
    if #self.buffer >= length then
        return true
    end
    self.wanted = length
    return false
end

-- Consumes octets that are in `buffer`.
function parser_cursor.Cursor.take(self, length)
    local octets = py.slice(self.buffer, 0, length)
    self:consume(length)
    return octets
end

-- Passes over the next octets, whether they are there yet or not.
function parser_cursor.Cursor.leave(self, length)
    if py.truth(self.note_spans) and length ~= 0 then
        self.spans[#self.spans + 1] = { self.offset, self.offset + length }
    end
    local here = math.min(length, #self.buffer)
    self:consume(here)
    self.skip = length - here
end

-- More octets are in sight.
function parser_cursor.Cursor.append(self, octets, position)
    if rawequal(self._marks, parser_cursor.NO_MARKS) then
        self._marks = py.deque()
    end
    py.push(self._marks, { self.offset + #self.buffer, position })
    self.buffer = self.buffer .. octets
end

-- Octets inside `skip` went by.
function parser_cursor.Cursor.pass_by(self, length, position)
    self.skip = self.skip - length
    self.offset = self.offset + length
    if position > self.newest then
        self.newest = position
    end
end

-- Forgets the first octets in `buffer`.
function parser_cursor.Cursor.consume(self, length)
    self.buffer = self.buffer:sub(length + 1)
    self.offset = self.offset + length
    local marks = self._marks
    while py.truth(marks) and marks[marks.first][1] < self.offset do
        if marks[marks.first][2] > self.newest then
            self.newest = marks[marks.first][2]
        end
        if py.len(marks) > 1 and py.nth(marks, 1)[1] <= self.offset then
            py.popleft(marks)
        else
            marks[marks.first + 0] = { self.offset, marks[marks.first][2] }
        end
    end
    if not ((self.buffer and self.buffer ~= "")) then
        py.clear(marks)
    end
end

-- Goes on at this offset or a later one, without what was in sight.
function parser_cursor.Cursor.jump(self, offset)
    if offset > self.offset or not ((self.buffer and self.buffer ~= "")) then
        self:clear()
        self.skip = 0
        self.offset = offset
    end
end

-- Forgets what is in sight; the offset stays.
function parser_cursor.Cursor.clear(self)
    self.buffer = ""
    py.clear(self._marks)
end

-- The offset after what is in sight.
function parser_cursor.Cursor._getters.end_(self)
    return self.offset + #self.buffer
end

-- Where the first octet in `buffer` was captured.
function parser_cursor.Cursor.position(self)
    if py.truth(self._marks) then
        return self._marks[self._marks.first][2]
    end
    return self.newest
end

-- When the newest octet was captured, ns since the epoch.
function parser_cursor.Cursor._getters.last_time(self)
    if py.truth(self._marks) then
        return py.nth(self._marks, -1)[2].time
    end
    return self.newest.time
end

-- `is_first`: whether the conversation's flow is that of this direction's octets.
function parser_direction.DirectionParser._init(self, conversation, steps, is_first)
    if is_first == nil then is_first = true end
    parser_cursor.Cursor._init(self, conversation.note_spans)
    self.conversation = conversation
    self.is_first = is_first
    self.peer = nil
    self.transport = parser_direction.NO_TRANSPORT
    self.direction = events.FORWARD
    self.ordinal = 0
    self.migration = conversation:migration(0)
    self.expect = "ANYTHING"
    self.found = false
    self.layers = {}
    self.item = nil
    self.room = 0
    self.trailing = nil
    self.opening = nil
    self.says_xl = false
    self.handed_over = nil
    self.handshakes = 0
    self.lost_at = nil
    self.suspect = nil
    self.wrapping = nil
    self.edge = false
    self.late = false
    self.cut = false
    self.has_gaps = false
    self.has_foreign = false
    self.ended = nil
    self.resumed = -1
    self.searched = 0
    self.looked_at = 0
    self.candidates = {}
    self._steps = steps
    self._step = steps["ANYTHING"]
    self._reached = 0
    self._started = false
    self._closing = nil
    self._is_unheard = true
    self._begin = 0
    self._early_gaps = {}
    self.spent = events.NOTHING_SPENT
    self._before = { 0, 0 }
end

function parser_direction.NoTransport.take_stalls(self)
    return {}
end

function parser_direction.NoTransport.spent(self)
    return events.NOTHING_SPENT
end

-- Makes two parsers the directions of one connection.
function parser_direction.DirectionParser.pair(self, peer)
    self.peer, peer.peer = peer, self
end

function parser_direction.DirectionParser._getters.lacks(self)
    return self.wrapping == nil and self.skip == 0 and self.wanted - #self.buffer or 0
end

function parser_direction.DirectionParser.attach(self, transport)
    self.transport = transport
end

function parser_direction.DirectionParser.start(self, late)
    self.late, self._is_unheard = late, false
end

-- The next `length` octets. `octets` holds as many as were captured and are needed; `whole` says that none was cut off
-- at the snap length; `more`, that further ones follow at once.
function parser_direction.DirectionParser.feed(self, octets, length, whole, frame, time, more)
    if more == nil then more = false end
    if self.wrapping == nil then
        self:take_in(octets, length, whole, frame, time, more)
        if self.wrapping ~= nil then
            self.wrapping:begin()
        end
    else
        self.wrapping:feed(octets, length, whole, frame, time)
    end
end

-- The same, of octets that nothing is to be taken off.
function parser_direction.DirectionParser.take_in(self, octets, length, whole, frame, time, more)
    if more == nil then more = false end
    local position = events.Position(frame, time)
    while self.skip ~= 0 do
        local passed = math.min(self.skip, length)
        self:pass_by(passed, position)
        if #octets < passed and not whole then
            self:_note_cut()
        end
        length = length - passed
        octets = py.slice(octets, passed)
        if self.skip ~= 0 then
            return
        end
        self:_run()
        if length == 0 then
            return
        end
    end
    self:append(octets, position)
    local missing = length - #octets
    if #self.buffer >= self.wanted and (missing ~= 0 or not more) then
        self:_run()
    end
    if missing ~= 0 then
        self:_note_cut()
        self:_hole(self.end_ + missing)
    end
end

-- The next `length` octets, fewer than `skip`, in packets of which only the last is of interest.
function parser_direction.DirectionParser.pass_over(self, length, whole, frame, time)
    if self.wrapping ~= nil then
        self.wrapping:feed("", length, whole, frame, time)
        return
    end
    self:pass_by(length, events.Position(frame, time))
    if not whole then
        self:_note_cut()
    end
end

-- The next `length` octets were not captured and never will be.
function parser_direction.DirectionParser.lose(self, length)
    if self.wrapping ~= nil then
        self.wrapping:lose(length)
    else
        self:miss(length)
    end
end

-- The same, of octets that nothing is to be taken off.
function parser_direction.DirectionParser.miss(self, length)
    self:end_suspicion()
    local start = self.end_
    if self.expect ~= "NOTHING" then
        self.has_gaps = true
        self:_note_gap(start, length)
    end
    self:_hole(start + length)
end

-- No octet follows.
function parser_direction.DirectionParser.finish(self, reason)
    self.ended = reason
    self:_meet_edge()
    self:end_suspicion()
    local item
    item, self.item = self.item, nil
    if item ~= nil then
        if item.body == nil then
            item.body = self:take(#self.buffer)
        end
        self:_emit_item(item, self.offset, "", false)
    end
    self:end_trailing(#self.buffer)
    self.offset = self.offset + #self.buffer
    self:expect_next("NOTHING")
    self:_end(self.ended)
    self:_catch_up()
end

-- Where the other direction is in a later migration: this one has ended, and carried nothing of that.
function parser_direction.DirectionParser._catch_up(self)
    local peer = self.peer
    while peer ~= nil and self.ended ~= nil and self.ordinal < peer.ordinal do
        self:_move_on()
        self:_start()
        self:_end(self.ended)
    end
end

-- What stands next. Of what is of no interest nothing is kept.
function parser_direction.DirectionParser.expect_next(self, what)
    self.expect, self._step, self.wanted = what, self._steps[what], 0
    if what == "NOTHING" then
        self:clear()
        self.skip = native.FOREVER
    end
end

-- An item begins at the first octet in `buffer`, with `header` octets that are no part of its body. `carried`: octets
-- of the body that do follow, if not `body_length`.
function parser_direction.DirectionParser.begin(self, layer, name, type, spec, endianness, header, body_length, padding,
    unannounced, carried, then_)
    if padding == nil then padding = 0 end
    if unannounced == nil then unannounced = false end
    self.damaged = false
    self.newest = self:position()
    local length
    if carried == nil then
        length = body_length
    else
        length = carried
    end
    local keep
    if py.truth(self.conversation.keep_pages) then
        keep = length
    else
        keep = parser_item.octets_to_keep(spec, length)
    end
    local offset = self.offset
    self.item = parser_item.Item(layer, name, type, spec, endianness, offset, self.newest, body_length,
        offset + header + length, padding, keep, nil, unannounced, then_, native.nothing(self.transport))
    if then_ == "LEGACY" then
        self.migration:learn({ legacy = true })
    end
    if header ~= 0 then
        self:consume(header)
    end
end

-- How much of a body has fields, or UNKNOWN.
function parser_item.octets_to_keep(spec, length)
    if py.is_a(spec, "RecordSpec") and spec.shape == "pages" and length >= parser_entries.PAGES_HEADER_SIZE then
        return parser_item.UNKNOWN
    end
    return math.min(length, parser_item.BODY_KEPT)
end

-- The offset after its padding.
function parser_item.Item._getters.whole_end(self)
    return self.end_ + self.padding
end

function parser_item.Item._getters.is_pages(self)
    return py.is_a(self.spec, "RecordSpec") and self.spec.shape == "pages"
end

-- It was no record after all: its octets up to an offset belong to no layer.
function parser_item.Item.turn_foreign(self, end_)
    self.layer, self.name, self.type, self.spec = nil, events.FOREIGN_OCTETS, nil, nil
    self.endianness, self.body_length, self.end_ = "little", end_ - self.offset, end_
end

-- How much of a pages record to keep, given how its body of `room` octets begins.
function parser_item.Item.keep_listed(self, header, room)
    local count = py.uint(py.slice(header, 0, 4), self.endianness)
    self.keep = math.min(room, parser_entries.PAGES_HEADER_SIZE + parser_entries.ENTRY_SIZE * math.min(count,
        parser_item.ENTRIES_KEPT))
    return self.keep
end

-- Emits the item at hand as far as it was read: its length is not believed, and not followed.
function parser_direction.DirectionParser.abandon_item(self)
    local item
    item, self.item = self.item, nil
    item.body = ""
    self:_emit_item(item, self.offset, "", false)
end

-- The item at hand is rather none: what it is shows with the next header. `header`: octets of its header.
function parser_direction.DirectionParser.suspect_item(self, header)
    local item
    item, self.item = self.item, nil
    item.body, item.keep = "", header
    self.suspect = item
    self:consume(1)
    self.handed_over = nil
    self:_search_from_here()
end

-- It was a record after all, if a broken one, and the way is lost behind its header.
function parser_direction.DirectionParser.end_suspicion(self)
    local item
    item, self.suspect = self.suspect, nil
    if item ~= nil then
        local end_ = item.offset + item.keep
        self:_emit_item(item, end_, "", false)
        self.lost_at = end_
        self:emit_of(function(number) return events.WayLost(number, self.direction, end_) end)
    end
end

-- A header should have been at one offset, octets go on at another: the next one is searched for there.
function parser_direction.DirectionParser.lose_way(self, expected, resume)
    self:jump(resume)
    self.resumed = (function() if self.cut then return resume end return -1 end)()
    if self.found and self.lost_at == nil then
        self.lost_at = expected
        self:emit_of(function(number) return events.WayLost(number, self.direction, expected) end)
    end
    self.handed_over = nil
    self:_search_from_here()
end

-- The next octet begins what is expected now.
function parser_direction.DirectionParser.regain_way(self, expect)
    local item = self.suspect
    local most = self.is_relayed and parser_direction.FOREIGN_MAX or math.min(parser_direction.FOREIGN_MAX, self.room)
    if item ~= nil and (0 < self.offset - item.offset and self.offset - item.offset <= most) then
        self.suspect, self.has_foreign = nil, true
        item:turn_foreign(self.offset)
        self:_emit_item(item, self.offset, "", true)
    end
    self:end_suspicion()
    if self.lost_at ~= nil then
        local skipped
        skipped, self.lost_at = self.offset - self.lost_at, nil
        local offset = self.offset
        self:emit_of(function(number) return events.Resynchronised(number, self.direction, offset, skipped) end)
    end
    self:expect_next(expect)
end

-- Nothing can be made of what follows: octets are missing (as many as `length`) without which it says nothing. What is
-- at hand ends here.
function parser_direction.DirectionParser.give_up(self, length)
    if length ~= 0 then
        self.damaged = true
        self.has_gaps = self.damaged
        self:_note_gap(self.end_, length)
    end
    self.skip = 0
    local item
    item, self.item = self.item, nil
    if item ~= nil then
        item.body = (function() if item.body ~= nil then return item.body end return self:take(#self.buffer) end)()
        self:_emit_item(item, self.offset, "", false)
    end
    self:lose_way(self.end_, self.end_)
    self:expect_next("NOTHING")
end

-- The next octet belongs to a stream of this direction: so the other direction is the other one.
function parser_direction.DirectionParser.recognise(self, direction)
    local migration, peer = self.migration, self.peer
    self.direction, self.found = direction, true
    local frame = math.max(self._reached, self:position().frame)
    if peer ~= nil and not peer.found then
        peer.direction = direction == events.FORWARD and events.REVERSE or events.FORWARD
    end
    local was_known = migration.number ~= nil
    local is_first = migration:open()
    local flow = self:flow((function() if direction == events.FORWARD then return self end return peer end)())
    if is_first then
        local encapsulation = self.conversation.encapsulation
        local found = events.MigrationFound(migration.number, flow, self:position(), migration.role, encapsulation)
        local reached
        if peer == nil then
            reached = frame
        else
            reached = math.min(frame, peer._reached)
        end
        self.conversation.emit(found, reached)
    elseif not py.truth(was_known) and migration.role ~= nil then
        local joined = events.ConnectionJoined(migration.number, migration.role, flow, self:position())
        self.conversation.emit(joined, frame)
    end
    if not py.truth(was_known) and migration.join ~= nil and migration.role ~= nil then
        migration.join:add(migration.role, peer == nil and { self } or { self, peer })
    end
    self._reached = frame
    self:_start()
    if peer ~= nil and peer.ordinal == self.ordinal and not peer.found then
        local says_little = migration.says_handshakes
        if peer.direction == events.REVERSE and peer.expect == "ANYTHING" then
            if not py.truth(says_little) then
                peer:drop()
            end
            peer:expect_next("REVERSE")
        end
        peer:_start()
        if peer.ended ~= nil then
            peer:_end(peer.ended)
        end
        if py.truth(says_little) and peer.wrapping == nil then
            peer:_run()
        end
    elseif peer ~= nil then
        peer:_catch_up()
    end
end

-- Something of this layer was seen in this direction.
function parser_direction.DirectionParser.enter(self, layer)
    self.layers = py.update(self.layers, py.set({ layer }))
    self.migration:enter(layer)
end

-- Emits a message that stood outside of the octets that are counted here.
function parser_direction.DirectionParser.say(self, spec, body, position)
    if self._started then
        local item = parser_item.Item(spec.layer, spec.name, nil, spec, "big", self.end_, position, #body, self.end_,
            nil, nil, body)
        local newest
        newest, self.newest = self.newest, position
        self:_emit_item(item, self.end_, "", true)
        self.newest = newest
    end
end

-- The migration at hand is over in this direction: the next octet in `buffer` belongs to another one.
function parser_direction.DirectionParser.renew(self)
    self:end_trailing(0)
    self:_end("renewed")
    self:_move_on()
end

-- Emits what followed the end of a stream and was no handshake, up to a place in the buffer.
function parser_direction.DirectionParser.end_trailing(self, here)
    local item
    item, self.trailing = self.trailing, nil
    if item ~= nil then
        self:_emit_item(item, self.offset + here, "", true)
    end
end

-- Forgets what is in `buffer`, for a step that is about to look for something else.
function parser_direction.DirectionParser.drop(self)
    if self.expect ~= "NOTHING" then
        self:jump(self.end_)
    end
end

-- No octet of the connection is of any interest.
function parser_direction.DirectionParser.ignore(self)
    for _, parser in ipairs({ self, self.peer }) do
        if parser ~= nil then
            parser:expect_next("NOTHING")
        end
    end
end

-- A record whose header does not say how long it is begins; its header is in `buffer`.
function parser_direction.DirectionParser.begin_state(self, layer, name, type, spec, header)
    self.damaged = false
    local position = self:position()
    self.newest = position
    self.trailing = parser_item.Item(layer, name, type, spec, "little", self.offset, position, 0, self.offset)
    self:consume(header)
    self:expect_next("XENOPS_STATE")
end

-- The first octets of a connection go out of sight, and begin no stream.
function parser_direction.DirectionParser.note_opening(self, keep)
    local body = py.slice(self.buffer, 0, keep)
    self.opening = parser_item.Item("xl", "text", nil, nil, "little", 0, self:position(), 0, 0, nil, nil, body)
end

-- Up to here they were a text.
function parser_direction.DirectionParser.end_opening(self, item)
    self.opening = nil
    item.end_ = self.offset
    item.body_length = item.end_
    self:_emit_item(item, self.offset, "", true)
end

-- What follows the end of the outermost stream is no handshake: it is passed over, up to another stream.
function parser_direction.DirectionParser.begin_trailing(self)
    self.damaged = false
    local position = self:position()
    self.newest = position
    self.trailing = parser_item.Item(nil, "trailing data", nil, nil, "little", self.offset, position, 0, self.offset)
    self:_search_from_here()
end

-- Whether this direction is in a later migration than the other, and the sender of that has heard of it.
function parser_direction.DirectionParser.is_ahead_of(self, other)
    return self.ordinal > other.ordinal and self.transport.acked > self._begin
end

-- Whether a relay's octets stand in either direction.
function parser_direction.DirectionParser._getters.is_relayed(self)
    return self.has_foreign or (self.peer ~= nil and self.peer.has_foreign)
end

-- Whether a banner here is not the first of the connection.
function parser_direction.DirectionParser._getters.may_begin_anew(self)
    return (self.offset > self._begin or self.peer_is_over) and self.ordinal < parser_conversation.MIGRATIONS_MAX
end

-- Whether the outermost stream of the other direction has ended.
function parser_direction.DirectionParser._getters.peer_is_over(self)
    local peer = self.peer
    return peer ~= nil and (peer.ordinal > self.ordinal or peer.expect == "CLOSING" or peer.trailing ~= nil)
end

-- Hands on an event of the migration at hand, if that was recognised. `aside`: also of a connection that does not carry
-- the image.
function parser_direction.DirectionParser.emit_of(self, make, frame, aside)
    if frame == nil then frame = 0 end
    if aside == nil then aside = false end
    if self._started and self.migration.number ~= nil and (aside or self.migration.aside == nil) then
        self.conversation.emit(make(self.migration.number), math.max(self._reached, frame))
    end
end

-- The conversation's flow, given the parser of what the source sends.
function parser_direction.DirectionParser.flow(self, source)
    local flow = self.conversation.flow
    if flow == nil or source == nil then
        return flow
    end
    if source.is_first then
        return flow
    end
    return events.Flow(flow.destination, flow.source)
end

-- Goes on with the item at hand. Whether it came any further.
function parser_direction.DirectionParser._read_item(self, item)
    if item.body == nil then
        local keep = item.keep
        if keep == parser_item.UNKNOWN then
            if not self:has(parser_entries.PAGES_HEADER_SIZE) then
                return false
            end
            keep = item:keep_listed(self.buffer, item.end_ - self.offset)
        end
        if #self.buffer < keep then
            self.wanted = keep
            return false
        end
        item.body = self:take(keep)
        if self.offset < item.end_ then
            self:leave(item.end_ - self.offset)
            if self.skip ~= 0 then
                return true
            end
        end
    end
    if #self.buffer < item.padding then
        self.wanted = item.padding
        return false
    end
    self:_finish_item(item, (function() if item.padding ~= 0 then return self:take(item.padding) end return "" end)())
    return true
end

function parser_direction.DirectionParser._finish_item(self, item, padding)
    self.item = nil
    local spec = item.spec
    if py.is_a(spec, "RecordSpec") and py.truth(spec.tells_width) and (item.body and item.body ~= "")
        and not self.damaged then
        self.migration:learn({ guest_width = py.uint(py.slice(item.body, 0, 1), item.endianness) })
    end
    self:_emit_item(item, self.offset, padding, true)
    local then_ = py.either(item.then_, self.expect)
    if then_ == "OUTER" then
        local container = self.migration:outer(item.layer)
        then_ = py.either(container and container.record, "CLOSING")
    end
    if rawequal(then_, self.expect) then
        self.wanted = 0
    else
        self:expect_next(then_)
    end
end

-- Hands on an item.
function parser_direction.DirectionParser._emit_item(self, item, end_, padding, whole)
    local migration, peer = self.migration, self.peer
    if whole then
        self.room = item.end_ - item.offset
    end
    local body = py.either(item.body, "")
    local runs
    if item.is_pages then
        runs = native.page_runs(body, item.endianness)
    else
        runs = {}
    end
    local index = migration.items[self.direction]
    py.put(migration.items, self.direction, index + 1)
    if self.newest.frame > self._reached then
        self._reached = self.newest.frame
    end
    local record = events.Record(migration.number, self.direction, item.layer, item.name, item.type, item.spec,
        item.endianness, item.offset, end_ - item.offset, item.body_length, body, padding, runs, whole
        and not self.damaged, whole, item.first, self.newest, index, migration.context,
        (function() if peer ~= nil then return peer.transport.acked end return 0 end)(), native.nothing(self),
        native.nothing(self, item), item.layer == "xl" and self:_may_hide_texts(), item.unannounced, migration.aside)
    self.conversation.emit(record, self._reached)
end

-- The offset after it.
function events.Record._getters.end_(self)
    return self.offset + self.length
end

-- The count a pages record gives itself.
function events.Record._getters.count(self)
    if #self.body >= 4 then
        return py.uint(py.slice(self.body, 0, 4), self.endianness)
    end
    return 0
end

function events.Record._getters.is_header(self)
    return py.is_a(self.spec, "HeaderSpec")
end

-- Whether it is a handshake text, known or not.
function events.Record._getters.is_text(self)
    return self.type == nil and self.layer ~= nil and not py.is_a(self.spec, "HeaderSpec")
end

function events.Record._getters.is_pages(self)
    return py.is_a(self.spec, "RecordSpec") and self.spec.shape == "pages"
end

-- Whether it is on the direction that never carries it.
function events.Record._getters.is_misdirected(self)
    return py.is_a(self.spec, "RecordSpec") and (self.spec.direction ~= self.direction
        and self.spec.direction ~= "both")
end

-- The pfns of its entries, one by one.
function events.Record.pfns(self)
    local results = {}
    for _, run in ipairs(self.runs) do
        py.extend(results, py.range(run.first, run.first + run.length))
    end
    return results
end

-- Whether octets were acknowledged, in either direction, that the capture has not shown.
function parser_direction.DirectionParser._may_hide_texts(self)
    local parsers = self.peer ~= nil and { self, self.peer } or { self }
    return py.any(parsers, function(one) return one.transport.acked > one.end_ end)
end

-- Octets were cut off at the snap length.
function parser_direction.DirectionParser._note_cut(self)
    self.damaged = true
    if not self.cut and self.expect ~= "NOTHING" then
        self.cut = true
        self:emit_of(function(number) return events.PacketsCut(number, self.direction) end)
    end
end

function parser_direction.DirectionParser._note_gap(self, start, length)
    if self._started then
        local record
        if self.item ~= nil then
            record = self.item.name
        else
            record = nil
        end
        self:emit_of(function(number) return events.Gap(number, self.direction, start, length, record) end)
    else
        self._early_gaps[#self._early_gaps + 1] = { start, length }
        if #self._early_gaps > parser_direction.EARLY_GAPS_MAX then
            py.clear(self._early_gaps)
            self._begin = start + length
        end
    end
end

-- Begins steps for as long as they have what they want. Whether any came further.
function parser_direction.DirectionParser._run(self)
    local came_further = false
    while self.skip == 0 and #self.buffer >= self.wanted do
        local item = self.item
        if not py.truth((function() if item ~= nil then return self:_read_item(item) end return self._step(self) end)())
            then
            break
        end
        came_further = true
        self.wanted = 0
    end
    return came_further
end

-- Nothing follows directly: whatever can do with what is in sight goes on.
function parser_direction.DirectionParser._meet_edge(self)
    self.edge, self.wanted = true, 0
    while self:_run() do
    end
    self.edge = false
end

-- The next octets are missing, up to an offset.
function parser_direction.DirectionParser._hole(self, resume)
    local missing
    while true do
        missing = resume - self.offset - #self.buffer
        if missing <= 0 then break end
        self.damaged = true
        if missing <= self.skip then
            self.skip = self.skip - missing
            self.offset = self.offset + missing
            self:_run()
            goto continue
        end
        local before = { self.offset, self.expect, self.item }
        if self.skip == 0 then
            self:_meet_edge()
            if not py.same(before, { self.offset, self.expect, self.item }) then
                goto continue
            end
        end
        local item = self.item
        if item == nil and self.expect == "XENOPS_STATE" then
            self:jump(resume)
        elseif item == nil then
            self:lose_way(self.offset, resume)
        elseif resume <= item.whole_end then
            if item.body == nil then
                item.body = self:take(#self.buffer)
            end
            self:jump(resume)
            self:leave(item.whole_end - resume)
            item.padding = 0
        else
            if item.body == nil then
                item.body = self:take(#self.buffer)
            end
            local end_ = item.whole_end
            self:jump(end_)
            item.end_, item.padding = end_, 0
            self:_finish_item(item, "")
            self:lose_way(end_, resume)
        end
        ::continue::
    end
    self.wanted = 0
    self:_run()
end

-- The migration at hand is known in this direction.
function parser_direction.DirectionParser._start(self)
    local number = self.migration.number
    if self._started or number == nil then
        return
    end
    self._started = true
    local is_late = self.late or (self._is_unheard and self.peer ~= nil and self.peer.late)
    local late = (is_late and self.ordinal == 0) or (self.direction == events.FORWARD and self.migration.begins_late)
    local frame = self._reached
    if self.migration.aside == nil then
        self.conversation.emit(events.DirectionStarted(number, self.direction, self._begin, late, self:position()),
            frame)
    end
    local closing = self._closing
    if closing ~= nil then
        local at = events.Position(closing.frame, closing.time)
        self:emit_of(function(number) return events.Closed(number, self.direction, closing.how, at) end)
    end
    for _, one_ in ipairs(self._early_gaps) do
        local offset, length = py.unpack(one_)
        self:_note_gap(offset, length)
    end
    py.clear(self._early_gaps)
    if self.cut then
        self:emit_of(function(number) return events.PacketsCut(number, self.direction) end)
    end
end

-- To the next migration of the conversation.
function parser_direction.DirectionParser._move_on(self)
    self.ordinal = self.ordinal + 1
    self.migration = self.conversation:migration(self.ordinal)
    self.found, self.lost_at, self._started = false, nil, false
    self.layers = {}
    self.handshakes = 0
    self._begin = self.offset
    py.clear(self._early_gaps)
    self._before = { self.transport.retransmitted, self.transport.conflicts }
end

function parser_direction.DirectionParser._end(self, reason)
    local again, conflicts = py.unpack(self:_repeated())
    local migration, number = self.migration, self.migration.number
    if not self._started or number == nil then
        return
    end
    local side = self.transport
    local evidence = side.evidence
    local way
    if evidence == nil then
        way = nil
    else
        way = events.Way(py.unpack(evidence))
    end
    local stall
    if side.last_stall == nil then
        stall = nil
    else
        stall = events.Stall(py.unpack(side.last_stall))
    end
    local counts = { again, conflicts, side.copies, side.in_vain, side.unheard, way, stall, self:_taken() }
    local ended = events.DirectionEnded(number, self.direction, reason, self.offset, py.unpack(counts))
    local join = migration.join
    for _, one in ipairs(join == nil and { ended } or join:end_(self, ended, migration.aside ~= nil)) do
        self.conversation.emit(one, self._reached)
    end
end

-- How many octets of the forward direction are known to have arrived; nil: nothing tells.
function parser_direction.DirectionParser._taken(self)
    local forward
    if self.direction == events.FORWARD then
        forward = self
    else
        forward = self.peer
    end
    if forward ~= nil and forward.transport.is_answered then
        return forward.transport.acked
    end
    return nil
end

-- Octets retransmitted and conflicts since the migration at hand began.
function parser_direction.DirectionParser._repeated(self)
    local octets, conflicts = py.unpack(self._before)
    return { math.max(self.transport.retransmitted - octets, 0), self.transport.conflicts - conflicts }
end

function parser_direction.DirectionParser._search_from_here(self)
    self.searched = self.offset
    py.clear(self.candidates)
    self:expect_next("ANYTHING")
end

function runtime_parsing.ShowingParser._init(self, conversation, capture, is_first)
    parser_direction.DirectionParser._init(self, conversation, parser_steps.STEPS, is_first)
    self.capture = capture
    self.heard = parser_direction.Heard()
    self.transport = self.heard
    self.owner = runtime_halves.ShownHalf(self)
    self._before_end = "ANYTHING"
end

function parser_steps.xl_header(p)
    if not p:has(HEADER["xl header"].size) then
        return false
    end
    local endianness = py.either(protocol_xl.xl_endianness(p.buffer), "little")
    local values = runtime_layouts.header_values(p, HEADER["xl header"], endianness)
    p.migration:learn({ endianness = endianness })
    p.migration:learn_libxl_order(endianness)
    local then_
    if py.truth(values["mandatory_flags"]["stream_v2"]) then
        then_ = nil
    else
        then_ = "LEGACY"
    end
    return parser_steps._begin_header(p, HEADER["xl header"], endianness, values, then_)
end

-- The byte order of a save header, from its byteorder field; nil if that holds neither order's value, or if the flags
-- behind it are in the other order: then the field alone is wrong.
function protocol_xl.xl_endianness(octets)
    local at = #protocol_xl.XL_MAGIC
    local found, mandatory = py.slice(octets, at, at + 4), py.slice(octets, at + 4, at + 8)
    for _, order in ipairs({ "little", "big" }) do
        if found == py.to_bytes(protocol_xl.XL_BYTEORDER, 4, order) then
            local is_alone = py.uint(mandatory, order) > protocol_xl.XL_FLAGS
                and protocol_xl.XL_FLAGS >= py.uint(mandatory, protocol_xl.OTHER_ORDER[order])
            if is_alone then
                return nil
            end
            return order
        end
    end
    return nil
end

-- The header that is in the buffer, with the octets that belong to it.
function parser_steps._begin_header(p, spec, endianness, values, then_)
    p:enter(spec.layer)
    local length = spec.size + (function() if (spec.more and spec.more ~= "") then return values[spec.more] end return 0
        end)()
    p:begin(spec.layer, spec.name, nil, spec, endianness, 0, length, nil, nil, nil, py.either(then_, spec.then_))
    return true
end

-- What libvirt writes before a saved guest: a header and the guest's XML.
function parser_steps.libvirt_header(p)
    if not p:has(HEADER["libvirt header"].size) then
        return false
    end
    local values = runtime_layouts.header_values(p, HEADER["libvirt header"], "little")
    local then_
    if values["version"] >= protocol_libvirt.LIBVIRT_VERSION then
        then_ = nil
    else
        then_ = "LEGACY"
    end
    values["xml_length"] = math.min(values["xml_length"], protocol_libvirt.XML_MAX)
    return parser_steps._begin_header(p, HEADER["libvirt header"], "little", values, then_)
end

function parser_steps._plain_header_step_1(p)
    if not p:has(HEADER["xenops header"].size) then
        return false
    end
    local endianness = py.either(HEADER["xenops header"].endianness, p.migration.context.endianness)
    return parser_steps._begin_header(p, HEADER["xenops header"], endianness, runtime_layouts.header_values(p,
        HEADER["xenops header"], endianness))
end

function parser_steps.libxl_header(p)
    if not p:has(HEADER["libxl header"].size) then
        return false
    end
    local named = py.startswith(p.buffer, protocol_libxl.LIBXL_IDENT)
    local values = runtime_layouts.header_values(p, HEADER["libxl header"], "big")
    p.migration:learn_libxl_order(py.truth(named) and py.truth(values["options"]["big_endian"]) and "big" or "little")
    return parser_steps._begin_header(p, HEADER["libxl header"], "big", values,
        (function() if py.truth(named) then return nil end return "LOST" end)())
end

function parser_steps.image_header(p)
    if not p:has(HEADER["image header"].size) then
        return false
    end
    local values = runtime_layouts.header_values(p, HEADER["image header"], "big")
    local named = values["marker"] == protocol_libxc.IMAGE_MARKER or values["id"] == protocol_libxc.IMAGE_ID
    if not py.truth(named) and p.handed_over == "LIBXC_END" then
        p:expect_next("LIBXL_RECORD")
        return true
    end
    if py.truth(named) then
        p.migration:learn({ version = values["version"], endianness = py.truth(values["options"]["big_endian"])
            and "big" or "little" })
    end
    return parser_steps._begin_header(p, HEADER["image header"], "big", values,
        (function() if py.truth(named) then return nil end return "LOST" end)())
end

-- Passes over octets until the next header of this direction, or the beginning of a stream.
function parser_resync.search(p)
    if p.ordinal >= parser_conversation.MIGRATIONS_MAX then
        p.conversation.remarks:note_crowd()
        p:ignore()
        return true
    end
    if p.offset == 0 and not p.found and p.searched == 0 then
        if not p:has(parser_resync.BEGINNING) and not p.edge then
            return false
        end
        if parser_resync._is_encrypted(p) then
            return true
        end
        if p.wrapping == nil and py.slice(p.buffer, 4, parser_resync.BEGINNING) == protocol_libvirt.MESSAGE_MARK then
            p.migration:learn({ tunnelled = true })
            p:wrap(native.nothing(p))
            return false
        end
    end
    local direction
    if p.found or p.migration.number ~= nil then
        direction = p.direction
    else
        direction = nil
    end
    if p.peer == nil and not p.found and not (p.offset == 0 and py.startswith(p.buffer, parser_resync.BANNER)) then
        direction = events.FORWARD
    end
    if p.peer == nil and not (p.found or p.offset ~= 0 or p.searched ~= 0)
        and parser_resync._is_xl_with_another_magic(p) then
        parser_resync._go_on(p, parser_resync.Anchor(0, parser_resync.XL.expect, parser_resync.XL.direction, nil,
            parser_resync.XL))
        return true
    end
    local anchor = parser_resync._magic(p, direction)
    local keep = math.max(0, #p.buffer - parser_resync.KEEP)
    if p.trailing == nil and (p.found or p.late or p.damaged or p.direction == events.REVERSE) then
        local header
        header, keep = py.unpack(parser_resync._header(p, direction))
        if header ~= nil and (anchor == nil or header.position < anchor.position) then
            anchor = header
        end
    end
    if anchor == nil and not (p.found or p.late or p.damaged) then
        anchor = native.Nothing.of(p)
    end
    if anchor == nil and p.suspect ~= nil and p.edge and p.is_relayed then
        anchor = parser_resync._last_signal(p)
    end
    if anchor ~= nil and anchor.expect == "LIBXL_RECORD" and p.suspect ~= nil and p.is_relayed then
        anchor = parser_resync._with_handover(p, anchor)
    end
    if anchor ~= nil then
        parser_resync._go_on(p, parser_resync._is_behind_libxl(p, anchor) and parser_resync.LIBXL_AT_START or anchor)
        return true
    end
    local end_ = p.offset + #p.buffer
    if p.suspect ~= nil and end_ - p.suspect.offset > parser_direction.FOREIGN_MAX + parser_confidence.LOOK_AHEAD then
        p:end_suspicion()
    end
    p.looked_at = p.looked_at + (end_ - math.max(p.searched, p.offset))
    p.searched = end_
    if parser_resync._is_hopeless(p) then
        parser_resync._give_up(p)
        return true
    end
    if py.truth(keep) and not (p.offset ~= 0 or p.found or p.late or p.damaged) and p.peer ~= nil then
        p:note_opening(parser_resync.TEXT_KEPT)
    end
    p:take(keep)
    p:has(#p.buffer + 1)
    return false
end

function parser_resync._is_encrypted(p)
    for _, one_ in ipairs(parser_resync.CIPHERS) do
        local pattern, name = py.unpack(one_)
        if (p.buffer:find(pattern) ~= nil) then
            p.conversation:note_cipher(name)
            p:ignore()
            return true
        end
    end
    return false
end

-- Whether a file begins with a save header of xl in which nothing but the magic is wrong: what follows that is all as
-- xl writes it, and libxl's header stands where it says.
function parser_resync._is_xl_with_another_magic(p)
    local words = py.slice(p.buffer, py.len(parser_resync.XL.octets), HEADER["xl header"].size)
    if not py.has(parser_resync.XL.confirms, py.slice(words, 0, 4)) or py.startswith(p.buffer,
        parser_resync.XL.octets) then
        return false
    end
    local endianness = py.either(protocol_xl.xl_endianness(p.buffer), "little")
    local mandatory, optional, length = py.unpack(py.map({ 4, 8, 12 }, function(at) return py.uint(py.slice(words, at,
        at + 4), endianness) end))
    return mandatory < 4 and not py.truth(optional) and py.startswith(p.buffer, protocol_libxl.LIBXL_IDENT,
        HEADER["xl header"].size + length)
end

-- The way goes on at an anchor, perhaps that of another migration.
function parser_resync._go_on(p, anchor)
    local is_first = anchor.magic ~= nil and anchor.direction == events.REVERSE and not (p.found or p.late or p.damaged)
    if is_first and p.offset == 0 then
        anchor = py.with(anchor, "position", 0)
    end
    local is_another = p.found and parser_resync._begins_anew(p, anchor)
    p:end_trailing(anchor.position)
    p:take(anchor.position)
    if anchor.magic ~= nil and anchor.magic.is_message then
        p:expect_next(anchor.expect)
        return
    end
    if is_another then
        p:renew()
    end
    local migration = p.migration
    if not p.found then
        if anchor.magic == nil and migration.number == nil then
            migration.begins_late = true
        end
        local is_bare = anchor.expect == "IMAGE_HEADER" and not p.late and not p.damaged
        if is_bare ~= migration.is_bare then
            migration.is_bare = is_bare
        end
        p:recognise(anchor.direction)
    end
    if is_first and p.opening ~= nil then
        p:end_opening(p.opening)
    end
    if anchor.endianness ~= nil and migration.context.version == nil then
        migration:learn({ endianness = anchor.endianness })
    end
    p:regain_way(anchor.expect)
end

-- Whether another migration begins here, rather than a layer of this one whose outer header was lost: by a magic, or
-- because the other direction has begun it.
function parser_resync._begins_anew(p, anchor)
    if anchor.magic ~= nil and anchor.direction == events.FORWARD then
        return p.trailing ~= nil or p.layers[anchor.magic.layer] ~= nil
    end
    local after = p.conversation:begins_after(p.ordinal + 1)
    return anchor.direction == events.FORWARD and after ~= nil and p.offset + anchor.position >= after
end

-- The first magic not yet looked for that begins a stream of the direction wanted, nil: of either.
function parser_resync._magic(p, wanted)
    local buffer, found = p.buffer, nil
    local since = math.max(0, p.searched - p.offset - parser_resync.KEEP)
    for _, magic in ipairs(parser_resync.MAGICS) do
        if (wanted ~= nil and wanted ~= magic.direction) then
            goto continue
        end
        local position = py.find(buffer, magic.octets, since)
        while position >= 0 and not parser_resync._is_plausible(p, magic, position) do
            position = py.find(buffer, magic.octets, position + 1)
        end
        if position >= 0 and (found == nil or position < found.position) then
            found = parser_resync.Anchor(position, magic.expect, magic.direction, nil, magic)
        end
        ::continue::
    end
    return found
end

-- Whether a magic in mid-connection begins a header: some are strings in programs as well.
function parser_resync._is_plausible(p, magic, position)
    if not ((magic.confirms and magic.confirms[1] ~= nil)) or p.offset + position == 0 then
        return true
    end
    local end_ = position + #magic.octets
    return py.any(magic.confirms, function(octets) return py.startswith(p.buffer, octets, end_) end)
end

-- The first believable header or text, if any; and how many octets can be dropped if there is none.
function parser_resync._header(p, direction)
    local context = p.migration.context
    local known = context.version ~= nil
    local orders = py.truth(known) and { context.endianness } or { "little", "big" }
    local text = parser_resync._text(p, direction)
    local first = #p.buffer
    for _, endianness in ipairs(orders) do
        local anchor, waiting = py.unpack(parser_resync._candidate(p, endianness, direction, text))
        if anchor ~= nil and anchor.position <= first then
            return { anchor, 0 }
        end
        if waiting ~= nil then
            first = math.min(first, waiting)
        end
    end
    local drop = math.min(first, math.max(0, #p.buffer - parser_resync.KEEP))
    return { text, drop }
end

-- The first handshake text; in the forward direction with the two ENDs before it, if they are there.
function parser_resync._text(p, direction)
    local buffer, found = p.buffer, nil
    local since = math.max(0, p.searched - p.offset - parser_resync.KEEP)
    local position
    for _, message in ipairs({ MESSAGE["banner"], MESSAGE["ready"], MESSAGE["go"], MESSAGE["report"],
        MESSAGE["postcopy sync"] }) do
        local going = py.either(direction, message.direction)
        if going == "both" or (message.direction ~= going and message.direction ~= "both") then
            goto continue
        end
        position = py.find(buffer, message.octets, since)
        if position >= 0 and (found == nil or position < found.position) then
            found = parser_resync.Anchor(position, going == events.REVERSE and "REVERSE" or "CLOSING", going)
        end
        ::continue::
    end
    if found == nil then
        return nil
    end
    if found.direction == events.REVERSE then
        local places = py.map({ "\000\000\000\022\000\000\000\000", "\022\000\000\000\000\000\000\000" },
            function(octets) return py.find(buffer, octets, 0, found.position) end)
        local before
        if p.suspect ~= nil and p.is_relayed then
            before = py.map(places, function(at) if at >= 0 then return at end end)
        else
            before = {}
        end
        if (before and before[1] ~= nil) then
            return py.with(found, "position", before[1])
        end
        return found
    end
    for _, one_ in ipairs({ { 2, "LIBXC_RECORD" }, { 1, "LIBXL_RECORD" } }) do
        local ends, expect = py.unpack(one_)
        position = found.position - ends * parser_confidence.RECORD_HEADER_SIZE
        if position >= 0 and not py.any(py.slice(buffer, position, found.position)) then
            return py.with(found, "position", position, "expect", expect)
        end
    end
    return found
end

-- The first believable header in one byte order; or where the first candidate is that later octets decide on.
function parser_resync._candidate(p, endianness, direction, text)
    local first, needs = py.unpack(py.get(p.candidates, endianness, { p.offset, 0 }))
    if needs > p.offset + #p.buffer and not p.edge and text == nil then
        return { nil, first - p.offset }
    end
    local begin = math.max(0, first - p.offset)
    local octets = p.buffer
    local judge = parser_confidence.Judge(octets, endianness, parser_resync._possible(p),
        1 * 2 ^ p.migration.context.page_shift, p.edge)
    for _, at in ipairs(native.candidates(py.slice(octets, begin), endianness)) do
        local position = begin + at
        if text ~= nil and position >= text.position then
            break
        end
        judge.needs = 0
        for _, layer in ipairs({ "libxc", "libxl" }) do
            local bits = judge:evidence(position, layer)
            if bits >= (p.offset + position == p.resumed and parser_resync.BELIEVED_AT_START
                or parser_confidence.BELIEVED) then
                local going = py.either(direction, judge.reverse and events.REVERSE or events.FORWARD)
                if going == events.REVERSE or not judge.reverse then
                    local expect = going == events.REVERSE and "REVERSE" or protocol_containers.CONTAINERS[layer].record
                    return { parser_resync.Anchor(position, py.either(expect, "ANYTHING"), going, endianness), nil }
                end
            end
        end
        if judge.needs ~= 0 then
            py.put(p.candidates, endianness, { p.offset + position, p.offset + judge.needs })
            return { nil, position }
        end
    end
    py.put(p.candidates, endianness, { p.offset + math.max(begin, #p.buffer - parser_confidence.RECORD_HEADER_SIZE + 1),
        0 })
    return { nil, nil }
end

-- The libxc records that may come: a guest that is not PV has none of PV's, whose numbers libxl uses too. Postcopy
-- needs the paging of an HVM guest.
function parser_resync._possible(p)
    local context = p.migration.context
    local records = protocol_libxc_records.libxc_records(context.version)
    if context.guest == "x86 PV" or context.guest == nil and not context.postcopy then
        return records
    end
    return py.dict(py.map(py.items(records), function(one_) local type,
        spec = py.unpack(one_) if spec.guest ~= "pv" then return { type, spec } end end))
end

-- `table`: the libxc records that may come. `page`: octets of one. `final`: nothing follows the buffer.
function parser_confidence.Judge._init(self, buffer, endianness, table, page, final)
    self.buffer, self.endianness, self.table, self.page, self.final = buffer, endianness, table, page, final
    self.header, self.pages_header = py.unpack(parser_confidence.READERS[endianness])
    self.needs = 0
    self.reverse = false
end

-- Bits of evidence that a chain of headers of one direction begins here.
function parser_confidence.Judge.evidence(self, position, layer)
    local start, bits, signals = position, 0, 0
    self.reverse = false
    local way = nil
    for link = 0, parser_confidence.CHAIN - 1 do
        if bits >= parser_confidence.BELIEVED or not self:_has(position + parser_confidence.RECORD_HEADER_SIZE,
            start) then
            break
        end
        local type, length = py.unpack(self.header(self.buffer, position))
        local spec = py.get((layer == "libxl" and protocol_libxl.LIBXL_RECORDS or self.table), type)
        if spec == nil then
            return not py.truth(py.band(type, protocol_specs.OPTIONAL)) and 0 or bits
        end
        if spec.role ~= "LIBXC_END" and spec.direction ~= "both" then
            if way ~= nil and way ~= spec.direction then
                return 0
            end
            way = spec.direction
        end
        if not py.truth(link) and layer == "libxc" then
            self.reverse = spec.direction == "reverse"
        end
        local worth = self:_worth(position + parser_confidence.RECORD_HEADER_SIZE, spec, length, start)
        if worth == nil then
            return 0
        end
        if spec.shape == "signal" then
            signals, worth = math.max(signals, worth), math.max(0, worth - signals)
        end
        bits = bits + worth
        position = position + (parser_confidence.RECORD_HEADER_SIZE + length + -length % 8)
        if spec.role == "LIBXL_END" then
            break
        end
        if spec.role ~= "CHECKPOINT_STATE" then
            layer = py.get(parser_confidence.NEXT_LAYER, spec.then_, layer)
        end
    end
    return bits
end

-- Whether the buffer reaches that far; if it may do so later, the candidate waits.
function parser_confidence.Judge._has(self, end_, start)
    if end_ <= py.len(self.buffer) then
        return true
    end
    if not self.final and end_ - start <= parser_confidence.LOOK_AHEAD then
        self.needs = math.min(py.either(self.needs, end_), end_)
    end
    return false
end

-- Bits of evidence in one header and what of its body is in sight; nil if they cannot be one.
function parser_confidence.Judge._worth(self, body, spec, length, start)
    if spec.shape == "pages" then
        return self:_worth_of_pages(body, spec, length, start)
    end
    local proof = protocol_specs.proof_of(spec)
    if proof == nil or (proof.lengths and proof.lengths[1] ~= nil) and not py.has(proof.lengths, length) then
        return nil
    end
    if not ((proof.fields and proof.fields[1] ~= nil)) then
        return proof.bits
    end
    if length < 8 or length > parser_confidence.LOOK_AHEAD then
        return nil
    end
    if not self:_has(body + 16, start) then
        return parser_confidence.NOT_IN_SIGHT
    end
    if self:_agrees(body, proof, length) then
        return proof.bits
    end
    return nil
end

-- What proves a record's header: its own `proof`, or what its shape tells; nil where chance looks the same.
function protocol_specs.proof_of(spec)
    if spec.proof ~= nil or spec.shape == "pages" then
        return spec.proof
    end
    if spec.shape == "signal" then
        return protocol_specs.Proof(spec.type ~= 0 and 24 or 0, { 0 })
    end
    if spec.shape == "page" then
        return protocol_specs.Proof(40, { protocol_specs.PAGE_OCTETS })
    end
    if spec.shape == "fixed" then
        return protocol_specs.Proof(40, { native.fixed(runtime_layouts.Ordered(spec.body, "little"))[1].size })
    end
    return nil
end

-- Whether the length and the first fields of a body are such as the record can have.
function parser_confidence.Judge._agrees(self, body, proof, length)
    if proof.unit ~= 0 then
        local units, rest = py.unpack({ math.floor((length - proof.base) / proof.unit),
            (length - proof.base) % proof.unit })
        if py.truth(rest) or proof.counted and units ~= self:_integer(body, 4) then
            return false
        end
    end
    return py.all(proof.fields, function(field) return (field.least <= self:_integer(body + field.offset, field.size)
        and self:_integer(body + field.offset, field.size) <= field.most) end)
end

function parser_confidence.Judge._integer(self, at, size)
    return py.uint(py.slice(self.buffer, at, at + size), self.endianness)
end

function parser_confidence.Judge._worth_of_pages(self, body, spec, length, start)
    if not self:_has(body + parser_entries.PAGES_HEADER_SIZE, start) then
        return 0
    end
    local count, reserved = py.unpack(self.pages_header(self.buffer, body))
    local contents = length - parser_entries.PAGES_HEADER_SIZE - 8 * count
    if not py.truth(count) or py.truth(reserved) or contents < 0 or py.truth(contents % self.page)
        or contents > count * self.page then
        return nil
    end
    if not spec.contents and contents ~= 0 then
        return nil
    end
    local entries = body + parser_entries.PAGES_HEADER_SIZE
    self:_has(entries + 8 * math.min(count, parser_confidence.ENTRIES_JUDGED), start)
    local seen = math.min(count, parser_confidence.ENTRIES_JUDGED, math.floor((py.len(self.buffer) - entries) / 8))
    local backed = native.backed_pages(py.slice(self.buffer, entries, entries + 8 * seen), self.endianness,
        spec.direction == "reverse")
    if backed == nil then
        return nil
    end
    if seen == count and spec.contents and contents ~= backed * self.page then
        return nil
    end
    return parser_confidence.PAGES_AGREE + parser_confidence.ENTRY_AGREES * math.min(seen,
        parser_confidence.ENTRIES_COUNTED) + (seen == count and parser_confidence.ENTRIES_AGREE or 0)
end

-- What ends the direction, where all octets are there: signals, which prove nothing by themselves. Behind a relay's
-- octets something stands there.
function parser_resync._last_signal(p)
    local at
    if p.direction == events.REVERSE then
        at = #p.buffer - parser_confidence.RECORD_HEADER_SIZE
        local is_signal = at >= 0 and parser_resync.REVERSE_SIGNALS[py.slice(p.buffer, at)] ~= nil
        if is_signal then
            return parser_resync.Anchor(at, "REVERSE", events.REVERSE)
        end
        return nil
    end
    local ends = parser_confidence.RECORD_HEADER_SIZE * (p.layers["libxl"] ~= nil and 2 or 1)
    at = #p.buffer - ends
    if at >= 0 and not py.any(py.slice(p.buffer, at)) then
        return parser_resync.Anchor(at, "LIBXC_RECORD", events.FORWARD)
    end
    return nil
end

-- A record of libxl's behind a relay's octets, with the signal of libxc's before it that handed over.
function parser_resync._with_handover(p, anchor)
    local at = anchor.position - parser_confidence.RECORD_HEADER_SIZE
    if at < 0 or parser_resync.HANDOVERS[py.slice(p.buffer, at, anchor.position)] == nil then
        return anchor
    end
    return py.with(anchor, "position", at, "expect", "LIBXC_RECORD")
end

-- Whether a stream begins with a header of libxl in which the ident or version is wrong: where one is, an empty
-- LIBXC_CONTEXT and the header of libxc's stream follow.
function parser_resync._is_behind_libxl(p, anchor)
    if p.found or p.offset ~= 0 or p.late or p.damaged or anchor.expect ~= "IMAGE_HEADER" then
        return false
    end
    local header = HEADER["libxl header"].size
    if anchor.position ~= header + parser_confidence.RECORD_HEADER_SIZE then
        return false
    end
    return parser_resync.LIBXC_CONTEXTS[py.slice(p.buffer, header, anchor.position)] ~= nil
end

-- Whether enough of a connection was looked at to know that it carries no migration.
function parser_resync._is_hopeless(p)
    if p.ordinal ~= 0 or p.migration.number ~= nil then
        return false
    end
    if p.late or p.damaged or p.peer == nil then
        return p.looked_at > parser_resync.LATE_SEARCHED
    end
    local is_opaque = p.looked_at > parser_resync.OPAQUE_SEARCHED and p.wrapping == nil and py.find(p.buffer,
        "\000") >= 0
    return is_opaque or p.looked_at > parser_resync.START_SEARCHED
end

-- No stream is looked for any longer: in the other direction neither, if that looks for its beginning as well.
function parser_resync._give_up(p)
    local peer = p.peer
    if peer == nil or peer.expect ~= "ANYTHING" or peer.wrapping ~= nil or peer.late or peer.damaged then
        p:expect_next("NOTHING")
    else
        p:ignore()
    end
end

function parser_steps.nothing(p)
    return false
end

-- A header that was none: what follows is anybody's guess.
function parser_steps.lost(p)
    p:lose_way(p.offset, p.offset)
    return true
end

-- The request with which a connection of xenopsd begins: which guest's migration it belongs to, and for what.
function parser_steps.xenops_request_head(p)
    local size = parser_steps._head_size(p)
    if size == nil then
        return false
    end
    local request = native.xenops_request(py.slice(p.buffer, 0, size))
    if request == nil then
        p:take(1)
        p:lose_way(p.offset, p.offset)
        return true
    end
    if p.found then
        p:renew()
    end
    p.migration:request(request, p.conversation.joins.of(request))
    p:enter("xenops")
    p:recognise(events.FORWARD)
    parser_steps._begin_message(p, "http request", size, "XENOPS_TALK")
    return true
end

-- How long the head of an HTTP message in the buffer is; 0 if this is none, nil if more octets will tell.
function parser_steps._head_size(p)
    local end_ = py.find(p.buffer, "\r\n\r\n", 0, protocol_xenops.REQUEST_MAX) + 4
    if end_ >= 4 then
        return end_
    end
    if #p.buffer >= protocol_xenops.REQUEST_MAX or p.edge then
        return 0
    end
    p:has(#p.buffer + 1)
    return nil
end

function parser_steps._begin_message(p, name, size, then_)
    p:begin("xenops", name, nil, protocol_xenops.XENOPS_MESSAGES[name], "big", 0, size, nil, nil, nil, then_)
end

-- After a request: handshakes, an image or the state of a graphics card, compressed or not.
function parser_steps.xenops_talk(p)
    if not p:has(parser_steps.HANDSHAKE_HEADER) then
        return false
    end
    local seen = py.slice(p.buffer, 0, py.len(HEADER["xenops header"].magic))
    for _, one_ in ipairs(parser_steps.AFTER_REQUEST) do
        local octets, then_ = py.unpack(one_)
        if py.startswith(octets, seen) and #seen < py.len(octets) then
            return p:has(py.len(octets)) or (p.edge and parser_steps.xenops_handshake(p, "XENOPS_TALK"))
        end
        if py.startswith(seen, octets) then
            if then_ == nil then
                p.migration:learn({ compressed = true })
                p:wrap(native.nothing(p))
                return false
            end
            p:expect_next(then_)
            return true
        end
    end
    return parser_steps.xenops_handshake(p, "XENOPS_TALK")
end

-- The result of a step: two octets, and a text if it failed. Where none can be, the next header is searched for.
function parser_steps.xenops_handshake(p, then_)
    if not p:has(parser_steps.HANDSHAKE_HEADER) then
        return false
    end
    local length = py.uint(py.slice(p.buffer, 0, parser_steps.HANDSHAKE_HEADER), "big")
    local judged = parser_steps.HANDSHAKE_HEADER + math.min(length, parser_steps.TEXT_JUDGED)
    if not p:has(judged) and not p.edge then
        return false
    end
    local text = py.rstrip(py.decode(py.slice(p.buffer, parser_steps.HANDSHAKE_HEADER, judged), "utf-8", "replace"),
        "\239\191\189")
    p.handshakes = p.handshakes + 1
    if length > protocol_xenops.HANDSHAKE_MAX or py.truth(length) and not ((not text:find("[^ -~]")))
        or p.handshakes > parser_steps.HANDSHAKES_MAX then
        if then_ == "REVERSE" then
            p:expect_next("NOTHING")
        elseif then_ == "CLOSING" then
            p:begin_trailing()
        else
            p:lose_way(p.offset, p.offset)
        end
        return true
    end
    p.found = true
    parser_steps._begin_message(p, "handshake", parser_steps.HANDSHAKE_HEADER + length, then_)
    return true
end

-- State of unknown length: passed over up to what can only be the next header.
function parser_steps.xenops_state(p)
    local at = 0
    while true do
        local found = parser_steps.next_state_end(p.buffer, at)
        if found == nil then
            at = math.max(at, #p.buffer - parser_steps.STATE_HEADER + 1)
            break
        end
        at = found
        local verdict = parser_steps._ends_state(p, at)
        if verdict == nil then
            break
        end
        if verdict then
            p:end_trailing(at)
            p:take(at)
            p:expect_next("XENOPS_RECORD")
            return true
        end
        at = at + 1
    end
    p:take(at)
    if p.edge then
        return false
    end
    p.wanted = math.max(p.wanted - at, #p.buffer + 1)
    return false
end

-- Where one of these types stands first, from one place on.
function parser_steps.next_state_end(buffer, at)
    while at < #buffer do
        local places = py.map(parser_steps.STATE_MARKS, function(mark) local place = py.find(buffer, mark, at,
            at + parser_steps.STATE_LOOKED) if place >= 0 then return place end end)
        if (places and places[1] ~= nil) then
            return py.min(places)
        end
        at = at + (parser_steps.STATE_LOOKED - parser_steps.STATE_HEADER)
    end
    return nil
end

-- Whether a header stands here; nil where that shows only later.
function parser_steps._ends_state(p, at)
    for _ = 0, 2 - 1 do
        if #p.buffer < at + parser_steps.STATE_HEADER then
            return parser_steps._later(p, at + parser_steps.STATE_HEADER)
        end
        local type, length = py.unpack(parser_steps.RECORD_HEADERS["xenops"]["little"].unpack_from(p.buffer, at))
        local spec = py.get(protocol_xenops.XENOPS_RECORDS, type)
        if spec ~= nil and spec.role == "IMAGE_END" then
            if py.truth(length) or py.any(py.slice(p.buffer, at + parser_steps.STATE_HEADER))
                or #p.buffer > at + parser_steps.STATE_HEADER + parser_steps.HANDSHAKE_HEADER then
                return false
            end
            return p.edge and true or parser_steps._later(p, #p.buffer + 1)
        end
        if spec == nil or not ((0 < length and length <= parser_steps.STATE_BODY_MAX)) then
            return false
        end
        at = at + (parser_steps.STATE_HEADER + length)
    end
    return true
end

function parser_steps._later(p, wanted)
    if p.edge then
        return false
    end
    p.wanted = wanted
    return nil
end

function parser_steps._plain_header_step_2(p)
    if not p:has(HEADER["xenops legacy header"].size) then
        return false
    end
    local endianness = py.either(HEADER["xenops legacy header"].endianness, p.migration.context.endianness)
    return parser_steps._begin_header(p, HEADER["xenops legacy header"], endianness, runtime_layouts.header_values(p,
        HEADER["xenops legacy header"], endianness))
end

-- A record of xenopsd's image: 16 octets of header, a body without padding.
function parser_steps.xenops_record(p)
    return p:has(parser_steps.RECORD_HEADERS["xenops"]["little"].size) and parser_steps._begin_record(p, "xenops")
end

-- A record whose header is in the buffer: type, body_length, body, padding.
function parser_steps._begin_record(p, layer, unannounced)
    if unannounced == nil then unannounced = false end
    local migration, row = p.migration, protocol_containers.CONTAINERS[layer]
    local endianness = migration.orders[layer]
    local reader = parser_steps.RECORD_HEADERS[layer][endianness]
    local type, length = py.unpack(reader.unpack_from(p.buffer))
    if layer == "libxc" and migration.context.version == nil then
        if type == 16 and not py.truth(length) and not p:has(2 * parser_steps.HEADER_SIZE) and not p.edge then
            return false
        end
        local version = parser_steps._version_of(p, type, length)
        if version ~= nil then
            migration:learn({ version = version })
        end
    end
    local spec = py.get((function() if layer == "libxc" then return migration.libxc_records end return
        protocol_tables.records(layer) end)(), type)
    local known = spec ~= nil or py.without(type, protocol_specs.OPTIONAL) < row.unknown_max
    if not py.truth(known) and py.truth(py.band(type, protocol_specs.OPTIONAL)) and py.truth(row.unknown_max) then
        known = not p.has_gaps and not p.late
    end
    local is_far = spec == nil and layer == "libxc" and py.without(type, protocol_specs.OPTIONAL) >= row.unknown_max
    local is_whole = not (p.has_gaps or p.cut or py.truth(p.lost_at) or p.late)
    local padding = -length % row.alignment
    if is_far and is_whole and p.found and not py.truth(known) and length <= parser_direction.FOREIGN_MAX then
        local size = reader.size + length + padding
        local behind, header = size, py.slice(p.buffer, 0, reader.size)
        while behind < parser_steps.RUN_MAX and p:has(behind + reader.size) and py.slice(p.buffer, behind,
            behind + reader.size) == header do
            behind = behind + size
        end
        if not p:has(behind + reader.size) and not p.edge then
            return false
        end
        known = parser_resync.is_header(p, layer, behind) or behind >= parser_steps.RUN_MAX
    end
    local believed = length <= row.length_max and known
    if not py.truth(believed) and not p.found then
        p:take(1)
        p:lose_way(p.offset, p.offset)
        return true
    end
    p.found = true
    if p.layers[layer] == nil then
        p:enter(layer)
    end
    if spec ~= nil and protocol_specs.POSTCOPY[spec.role] ~= nil and not py.truth(migration.context.postcopy) then
        migration:learn({ postcopy = true, version = py.either(migration.context.version, 2) })
    end
    local name
    if spec ~= nil then
        name = spec.name
    else
        name = protocol_specs.unknown_name(type)
    end
    if not py.truth(believed) then
        p:begin(layer, name, type, spec, endianness, 0, length, nil, unannounced)
        if is_far and is_whole and (p.room > 1 * 2 ^ protocol_libxc.PAGE_SHIFT or p.is_relayed) then
            p:suspect_item(reader.size)
            return true
        end
        p:consume(reader.size)
        p:abandon_item()
        p:lose_way(p.offset, p.offset)
        return true
    end
    local then_
    if p.direction == events.FORWARD then
        then_ = parser_steps._after(p, layer, spec)
    else
        then_ = "REVERSE"
    end
    if then_ == "XENOPS_STATE" then
        if not py.truth(length) then
            p:begin_state(layer, name, type, spec, reader.size)
            return true
        end
        then_ = "XENOPS_RECORD"
    end
    local carried = spec ~= nil and spec.shape == "stream" and 0 or length
    p:begin(layer, name, type, spec, endianness, reader.size, length, padding, unannounced, carried, then_)
    return true
end

-- The version, from a record whose number has two meanings, when the image header was not captured: POSTCOPY_PFNS_BEGIN
-- is empty and X86_CPUID_POLICY is not; the processors' and devices' state follows POSTCOPY_BEGIN, but memory follows
-- STATIC_DATA_END.
function parser_steps._version_of(p, type, length)
    if type == 17 then
        return length ~= 0 and 3 or 2
    end
    if type == 16 and length == 0 and #p.buffer >= 2 * parser_steps.HEADER_SIZE then
        local following = py.uint(py.slice(p.buffer, parser_steps.HEADER_SIZE, parser_steps.HEADER_SIZE + 4),
            p.migration.context.endianness)
        return parser_steps.CONTEXT_TYPES[following] ~= nil and 2 or 3
    end
    return nil
end

-- The record types of a layer by number; `version` (of the image header) matters to libxc only.
function protocol_tables.records(layer, version)
    if layer == "libxc" then
        return protocol_libxc_records.libxc_records(version)
    end
    return py.get(protocol_tables._OF_LAYER, layer, protocol_tables._NONE)
end

-- Whether anything speaks for a record's header there in the buffer.
function parser_resync.is_header(p, layer, at)
    local context = p.migration.context
    local judge = parser_confidence.Judge(p.buffer, p.migration.orders[layer], parser_resync._possible(p),
        1 * 2 ^ context.page_shift, true)
    return judge:evidence(at, layer) > 0
end

-- What a record type is called that nobody specified.
function protocol_specs.unknown_name(type)
    return "UNKNOWN_0x" .. py.format(type, "08x")
end

-- What stands after a record of the forward direction: as its row says, or another of its layer.
function parser_steps._after(p, layer, spec)
    local then_ = py.either((function() if spec ~= nil then return spec.then_ end return nil end)(),
        protocol_containers.CONTAINERS[layer].record)
    if (then_ == "OUTER" or then_ == "LIBXL_IF_THERE") and layer == "libxc" and spec ~= nil then
        p.handed_over = spec.role
    elseif spec ~= nil and py.has(parser_steps.OF_CHECKPOINTS, spec.role) and parser_steps._has_no_checkpoint(p) then
        return "LIBXL_RECORD"
    elseif spec ~= nil and spec.role == "POSTCOPY_TRANSITION_END" and p.handed_over == "LIBXC_END" then
        return "LIBXL_RECORD"
    end
    return then_
end

-- Whether libxc cannot go on here: it ended, or has not begun.
function parser_steps._has_no_checkpoint(p)
    local is_before = p.layers["libxc"] == nil and not (p.has_gaps or p.late)
    return is_before or py.has(parser_steps.NO_CHECKPOINT, p.handed_over)
end

function parser_steps.libxl_record(p)
    if not p:has(parser_steps.HEADER_SIZE) then
        return false
    end
    local type, _ = py.unpack(parser_steps._next_header(p, "libxl"))
    local context = p.migration.context
    local meant
    if protocol_libxl.LIBXL_RECORDS[type] ~= nil then
        meant = nil
    else
        meant = py.get(p.migration.libxc_records, type)
    end
    local is_in_turn = p.handed_over == "LIBXC_END" or p.handed_over == "CHECKPOINT"
    local is_new = meant ~= nil and protocol_specs.Role_is_postcopy(meant.role) and not is_in_turn
    if meant ~= nil and (context.postcopy or is_new) then
        return parser_steps._begin_record(p, "libxc", true)
    end
    return parser_steps._begin_record(p, "libxl")
end

function parser_steps._next_header(p, layer)
    local type, length = py.unpack(parser_steps.RECORD_HEADERS[layer][p.migration.orders[layer]].unpack_from(p.buffer))
    return { type, length }
end

-- After CHECKPOINT and POSTCOPY_TRANSITION libxl goes on, if there is one around the libxc stream.
function parser_steps.libxl_if_there(p)
    if p.migration.context.may_be_in_libxl then
        if not p:has(parser_steps.HEADER_SIZE) then
            return false
        end
        if (2 <= parser_steps._next_header(p, "libxl")[1] and parser_steps._next_header(p, "libxl")[1] <= 6) then
            p:enter("libxl")
        end
    end
    p:expect_next(py.has(p.migration.context.layers, "libxl") and "LIBXL_RECORD" or "LIBXC_RECORD")
    return true
end

-- After a checkpoint COLO goes on with libxl's CHECKPOINT_STATE, Remus with libxc (libxl_colo_save.c).
function parser_steps.libxl_or_libxc(p)
    if not p:has(parser_steps.HEADER_SIZE) then
        return false
    end
    local type, length = py.unpack(parser_steps._next_header(p, "libxl"))
    local is_state = type == parser_steps.CHECKPOINT_STATE and length <= 8
    p:expect_next(is_state and "LIBXL_RECORD" or "LIBXC_RECORD")
    return true
end

function parser_steps.domain_header(p)
    if not p:has(HEADER["domain header"].size) then
        return false
    end
    local endianness = p.migration.context.endianness
    local values = runtime_layouts.header_values(p, HEADER["domain header"], endianness)
    p.migration:learn({ guest = py.str(values["type"]), xen = py.str(values["xen_major"]) .. "."
        .. py.str(values["xen_minor"]) })
    if values["page_shift"] <= parser_steps.PAGE_SHIFT_MAX then
        p.migration:learn({ page_shift = values["page_shift"] })
    end
    return parser_steps._begin_header(p, HEADER["domain header"], endianness, values)
end

function parser_steps.libxc_record(p)
    if not p:has(parser_steps.HEADER_SIZE) then
        return false
    end
    local context = p.migration.context
    if context.postcopy and py.has(context.layers, "libxl") and context.guest ~= "x86 PV" then
        local type, _ = py.unpack(parser_steps._next_header(p, "libxc"))
        if parser_steps.LIBXL_NUMBERS[type] ~= nil then
            return parser_steps._begin_record(p, "libxl", true)
        end
    end
    return parser_steps._begin_record(p, "libxc")
end

-- A stream of Xen 4.5 or older has no records to follow.
function parser_steps.legacy(p)
    p:expect_next("NOTHING")
    return true
end

-- After the end of the outermost stream: texts of xl, handshakes of xenopsd, then nothing.
function parser_steps.closing(p)
    if parser_steps._is_handshake_next(p) then
        return parser_steps.xenops_handshake(p, "CLOSING")
    end
    if not ((p.buffer and p.buffer ~= "")) or not p:has(parser_steps.HEADER_SIZE) and not p.edge then
        p:has(parser_steps.HEADER_SIZE)
        return false
    end
    if parser_resync.FORWARD_MAGICS[py.slice(p.buffer, 0, parser_steps.HEADER_SIZE)] ~= nil then
        if p.found then
            p:renew()
        end
        p:expect_next("ANYTHING")
        return true
    end
    if parser_steps._is_text(p) and (parser_steps._hears_xl(p) or parser_steps._begins_message(p)) then
        return parser_steps.text(p)
    end
    if p.migration.context.may_be_in_libxl and parser_steps._is_libxl(p) then
        p:enter("libxl")
        p:expect_next("LIBXL_RECORD")
        return true
    end
    p:begin_trailing()
    return true
end

-- Whether what follows an image is a handshake: after a request always, else two octets of 0 that stand alone.
function parser_steps._is_handshake_next(p)
    if not p.migration.says_handshakes or p.peer == nil then
        return false
    end
    return p.migration.role ~= nil or p.buffer == parser_steps.HANDSHAKE_HEADER
end

-- Whether a text begins here: no record's header is made of printable octets alone.
function parser_steps._is_text(p)
    local octets = py.slice(p.buffer, 0, parser_steps.HEADER_SIZE)
    return (not octets:find("[\128-\255]")) and (not py.decode(octets, "ascii"):find("[^ -~]"))
end

-- Whether xl reads what stands behind the stream: of a connection, unless it is known to be another toolstack's.
function parser_steps._hears_xl(p)
    return p.peer ~= nil and (p.layers["xl"] ~= nil or p.late or p.has_gaps or p.peer.found)
end

-- Whether the octets in the buffer are the first of a text that goes this way.
function parser_steps._begins_message(p)
    local octets = py.slice(p.buffer, 0, parser_steps.HEADER_SIZE)
    return py.any({ MESSAGE["banner"], MESSAGE["ready"], MESSAGE["go"], MESSAGE["report"], MESSAGE["postcopy sync"] },
        function(one) return (one.direction == p.direction or one.direction == "both") and py.startswith(one.octets,
        octets) end)
end

-- A handshake text, known or not, with the status octet that belongs to it. All but the banner end in a NUL.
function parser_steps.text(p)
    local is_banner = py.startswith(p.buffer, MESSAGE["banner"].octets)
    local before = is_banner and 0 or parser_steps._before_banner(p)
    local end_ = is_banner and 0 or py.either(before, py.find(p.buffer, 0, 0, parser_steps.TEXT_MAX) + 1)
    if not is_banner and end_ == 0 and #p.buffer < parser_steps.TEXT_MAX and not p.edge then
        p:has(#p.buffer + 1)
        return false
    end
    local size
    if is_banner then
        size = py.len(MESSAGE["banner"].octets)
    else
        size = end_
    end
    local seen = py.slice(p.buffer, 0, py.either(size, parser_steps.TEXT_MAX))
    if before ~= 0 and not parser_steps._is_speech(seen) then
        p.found = true
        p.has_foreign = p.found
        p:begin(nil, events.FOREIGN_OCTETS, nil, nil, "little", 0, before)
        return true
    end
    local message
    if before ~= 0 then
        message = nil
    else
        message = py.first({ MESSAGE["banner"], MESSAGE["ready"], MESSAGE["go"], MESSAGE["report"],
            MESSAGE["postcopy sync"] }, function(one) if parser_steps._is_message(one, seen,
            p.direction) then return one end end)
    end
    if message == nil then
        local ends = py.map({ "LibxlFmt", "PUT /ser", "Xen save", "XenSaved", "libvirt-",
            "\255\255\255\255\255\255\255\255" }, function(magic) local at = py.find(seen,
            magic) if at > 0 then return at end end)
        seen = py.slice(seen, 0, py.min(ends))
    end
    local length = py.truth(message) and py.len(message.octets) + message.status or #seen
    if rawequal(message, MESSAGE["banner"]) and p.direction == events.REVERSE and (p.migration.context.layers
        and p.migration.context.layers[1] ~= nil) and p.may_begin_anew then
        p:renew()
        p.migration.begins_after = (function() if p.peer ~= nil then return p.peer.transport.acked end return nil end)()
        p:recognise(events.REVERSE)
    end
    p.found = p.found or p.direction == events.REVERSE
    if message ~= nil then
        p:enter("xl")
    end
    local name
    if py.truth(message) then
        name = message.name
    else
        name = "text"
    end
    p:begin("xl", name, nil, message, "little", 0, length)
    return true
end

-- Octets before the banner in the buffer, of a destination that said nothing yet; 0 if it is not there.
function parser_steps._before_banner(p)
    if p.direction ~= events.REVERSE or py.truth(p.migration.items[events.REVERSE]) then
        return 0
    end
    return math.max(0, py.find(p.buffer, MESSAGE["banner"].octets))
end

-- Whether somebody may say this: what carries a stream puts other octets before the banner.
function parser_steps._is_speech(octets)
    return py.all(octets, function(octet) return octet >= parser_steps.SPACE or py.has(parser_steps.SPACES, octet) end)
end

-- Whether a text is this message; if it ends too early, whether it can be.
function parser_steps._is_message(message, seen, direction)
    return message.octets == seen or ((message.direction == direction or message.direction == "both")
        and py.startswith(message.octets, seen))
end

function parser_steps._is_libxl(p)
    if #p.buffer < parser_steps.HEADER_SIZE then
        return false
    end
    local type, length = py.unpack(parser_steps._next_header(p, "libxl"))
    return protocol_libxl.LIBXL_RECORDS[type] ~= nil and (length == 0) == (protocol_libxl.LIBXL_RECORDS[type].shape ==
        "signal")
end

-- The reverse direction: texts of xl, and records of libxc and libxl with no header before them.
function parser_steps.reverse(p)
    if p.migration.says_handshakes then
        return parser_steps.xenops_answer(p)
    end
    if p.migration.context.tunnelled and p.wrapping == nil then
        p:wrap(native.nothing(p))
        return false
    end
    if not p:has(parser_steps.HEADER_SIZE) then
        return false
    end
    if p.late and not p.found and not parser_resync.is_reverse(p) then
        p:expect_next("ANYTHING")
        return true
    end
    if p.peer ~= nil and p.peer.ordinal > p.ordinal and p.peer:is_ahead_of(p) then
        p:renew()
        p:recognise(events.REVERSE)
    end
    if py.at(p.buffer, 0) >= parser_steps.SPACE and parser_steps._is_text(p)
        or py.truth(parser_steps._before_banner(p)) then
        return parser_steps.text(p)
    end
    local type, _ = py.unpack(parser_steps.RECORD_HEADERS["libxl"][p.migration.orders["libxl"]].unpack_from(p.buffer))
    return parser_steps._begin_record(p, type == parser_steps.CHECKPOINT_STATE and "libxl" or "libxc")
end

-- What the destination says to xenopsd: handshakes, or an HTTP response if nobody took the request.
function parser_steps.xenops_answer(p)
    if not p:has(parser_steps.HANDSHAKE_HEADER) then
        return false
    end
    if py.slice(p.buffer, 0, parser_steps.HANDSHAKE_HEADER) == "HT" then
        local size = parser_steps._head_size(p)
        if size == nil then
            return false
        end
        if py.truth(size) then
            p.found = true
            parser_steps._begin_message(p, "http response", size, "REVERSE")
            return true
        end
    end
    return parser_steps.xenops_handshake(p, "REVERSE")
end

-- Whether anything speaks for a record of the reverse direction at the first octet in the buffer.
function parser_resync.is_reverse(p)
    local context = p.migration.context
    local judge = parser_confidence.Judge(p.buffer, context.endianness,
        protocol_libxc_records.libxc_records(context.version), 1 * 2 ^ context.page_shift, true)
    return judge:evidence(0, "libxc") > 0 and judge.reverse
end

function parser_direction.Heard._init(self)
    self.acked = 0
end

function runtime_halves.Placed._init(self)
    self.base = nil
    self.has_origin = false
    self.next = 0
end

-- Offset 0 is known.
function runtime_halves.Placed.set_origin(self, origin)
    self.base, self.has_origin = py.unpack(origin)
end

-- The offset of a sequence number: the one nearest to another (RFC 9293, 3.4).
function runtime_halves.Placed.unwrapped(self, seq, near)
    local distance = (seq - self.base - near) % tcp_half_connection.SEQUENCE_SPACE
    if distance >= tcp_half_connection.HALF_SPACE then
        distance = distance - tcp_half_connection.SEQUENCE_SPACE
    end
    return near + distance
end

function runtime_halves.ShownHalf._init(self, parser)
    runtime_halves.Placed._init(self)
    self.parser = parser
    self.shown = {}
    self.trailing = nil
    self.next_seq = -1
    self.last_frame = 0
    self.is_started = false
    self.waits = false
    self.is_withheld = false
    self.end_ = -1
    self.known = {}
    self.split = {}
    self.passed_frame = 0
    self.passed_time = 0
    self.holds = 0
    self._parts = {}
    self._parts_octets = 0
    self._placed = {}
    self._turns = {}
    self._turned = 0
    self._holes = {}
    self._held = {}
    self._acks = {}
    self._settled = 0
end

-- Remembers where the octets of a frame without a sequence number stand.
function runtime_halves.ShownHalf.place(self, frame, offset)
    py.put(self._placed, frame, offset)
    return offset
end

-- The offset of a segment that is looked at for the first time. Without a sequence number it is taken for the next one:
-- TCP hands packets over in order, and where some are missing no header is where it should be. `origin`: what the
-- capture tells of a sequence number's direction, that of offset 0 and whether it is certain.
function runtime_halves.ShownHalf.place_new(self, frame, seq, origin)
    if seq == nil then
        return self:place(frame, self.next)
    end
    if self.base == nil and self.next == 0 then
        self:set_origin(origin(seq))
    elseif self.base == nil then
        self.base = (seq - self.next) % tcp_half_connection.SEQUENCE_SPACE
    end
    return self:unwrapped(seq, self.next)
end

-- The same of one that is looked at again.
function runtime_halves.ShownHalf.place_of(self, frame, seq)
    local known = py.get(self._placed, frame)
    if known ~= nil then
        return known
    end
    if seq == nil or self.base == nil then
        return nil
    end
    local at = native.above(self._turns, "frame", frame)
    return self:unwrapped(seq, (function() if at ~= 0 then return py.at(self._turns, at - 1).offset end return 0 end)())
end

-- Lets places be found later, without a mark for every packet.
function runtime_halves.ShownHalf._mark_turn(self, frame)
    if self.next - self._turned >= runtime_halves.TURN then
        self._turned = self.next
        self._turns[#self._turns + 1] = runtime_halves.Turn(frame, self.next)
    end
end

-- A segment that is looked at for the first time, wherever it stands; its offset.
function runtime_halves.ShownHalf.take(self, piece, seq, ack, flags, origin)
    self.parser.capture:next_packet()
    piece.offset = self:place_new(piece.frame, seq, origin)
    self:note_ack(ack, piece.frame)
    self:arrive(piece)
    self:note_end(flags, seq, piece.length)
    return piece.offset
end

-- An acknowledgement without payload: it may tell that octets were not captured, and what was held behind them goes on;
-- or that the connection ends. Whether it may have told anything.
function runtime_halves.ShownHalf.take_ack(self, ack, seq, flags, frame)
    if frame <= self.last_frame or not self.peer.waits and py.band(flags,
        tcp_connections.FIN + tcp_connections.RST) == 0 then
        return false
    end
    self.parser.capture:next_packet()
    self:note_ack(ack, frame)
    self:note_end(flags, seq, 0)
    return true
end

-- A side closes the connection behind so many octets: what was asked for and has not come will not come, and what has
-- begun is all there is of it. A reset counts only where it has to stand (RFC 5961, 3.2).
function runtime_halves.ShownHalf.note_end(self, flags, seq, length)
    if py.band(flags, tcp_connections.FIN + tcp_connections.RST) == 0 then
        return
    end
    local number = self.parser.migration.number
    local ends_it = self.parser.direction == events.FORWARD and tcp_connections.FIN + tcp_connections.RST
        or tcp_connections.RST
    if number ~= nil and py.band(flags, ends_it) ~= 0 then
        self.parser.capture:kept_of(number).is_over = true
    end
    if seq == nil or self.base == nil then
        return
    end
    local end_ = self:unwrapped(seq, self.next) + length
    if py.band(flags, tcp_connections.FIN) ~= 0 or end_ == self.next then
        self.end_ = end_
        self:_end_here(py.band(flags, tcp_connections.RST) ~= 0)
    end
end

-- Nothing follows, if all of it has come.
function runtime_halves.ShownHalf._end_here(self, is_reset)
    if is_reset == nil then is_reset = false end
    if self.next ~= self.end_ or (self._held and self._held[1] ~= nil) or not self.is_started
        or self.parser.ended ~= nil then
        return
    end
    self:catch_up()
    self.peer:catch_up()
    self.parser:finish(is_reset and "rst" or "fin")
    if is_reset then
        self.peer.parser:hear_reset()
    end
end

-- A segment that is looked at for the first time.
function runtime_halves.ShownHalf.arrive(self, piece)
    self.last_frame = piece.frame
    if piece.offset < self.next then
        local is_filled = self._holes and self:_fill(piece, math.min(piece.end_, self.next))
        if not is_filled then
            py.put(self.known, piece.frame, math.min(piece.end_, self.next))
        end
    end
    if piece.end_ <= self.next then
        return
    end
    if self.parser.ended == "capture" then
        self.parser:resume()
    end
    local missing = piece.offset - self.next
    if missing > 0 and not ((self._held and self._held[1] ~= nil)) and self.parser.item ~= nil
        and missing < self.parser.skip then
        self:_pass_hole(piece.offset, missing)
    end
    if piece.offset <= self.next then
        self:_deliver(piece)
        self:_drain()
    else
        self:_hold(piece)
        self:judge_gap(piece.frame)
    end
    self.next_seq = -1
    if self.base ~= nil and not self.waits then
        self.next_seq = (self.base + self.next) % tcp_half_connection.SEQUENCE_SPACE
    end
    self:_mark_turn(piece.frame)
    if self.end_ >= 0 then
        self:_end_here()
    end
end

-- The sender of this half has acknowledged the other one up to a sequence number; nil: it does not say.
function runtime_halves.ShownHalf.note_ack(self, ack, frame)
    local peer = self.peer
    if ack ~= nil and peer.base ~= nil then
        peer.parser.heard.acked = math.max(peer.parser.heard.acked, peer:unwrapped(ack, peer.next))
    end
    peer:judge_gap(frame)
end

-- Closes gaps of which it is certain that nothing fills them.
function runtime_halves.ShownHalf.judge_gap(self, frame)
    if not ((self._held and self._held[1] ~= nil)) then
        return
    end
    local acks = self._acks
    local acked = self.parser.heard.acked
    if not ((acks and acks[1] ~= nil)) or acks[#acks].acked < acked then
        acks[#acks + 1] = runtime_halves.Acknowledged(frame, acked)
    end
    while (acks and acks[1] ~= nil) and frame - acks[1].frame >= tcp_half_connection.REORDER_FRAMES do
        self._settled = table.remove(acks, 1).acked
    end
    while (self._held and self._held[1] ~= nil) and (self._held[1].offset <= self._settled
        or self.holds > runtime_halves.HELD_MAX) do
        self:_close_gap()
    end
end

-- No packet follows, as far as is known: what has begun is shown as it is.
function runtime_halves.ShownHalf.flush(self)
    while (self._held and self._held[1] ~= nil) do
        self:_close_gap()
    end
    if not self.is_started or self.parser.ended ~= nil then
        return
    end
    local acked = self.parser.heard.acked
    local end_
    if self.end_ < 0 and acked > self.next + 1 then
        end_ = acked
    else
        end_ = self.end_
    end
    if end_ > self.next then
        self:_lose(end_ - self.next)
    end
    self:catch_up()
    self.peer:catch_up()
    self.parser:finish(self.end_ < 0 and "capture" or "fin")
end

-- What is missing before the first piece held was not captured.
function runtime_halves.ShownHalf._close_gap(self)
    self:_lose(self._held[1].offset - self.next)
    self:_drain()
end

function runtime_halves.ShownHalf._hold(self, piece)
    piece.source = native.octets_of(piece.source, 0, piece.captured)
    table.insert(self._held, native.above(self._held, "offset", piece.offset) + 1, piece)
    self.holds = self.holds + #piece.source
    if not self.waits then
        self.waits = true
        self.parser.capture.waiting = self.parser.capture.waiting + 1
    end
end

-- Delivers what is held, as far as nothing is missing before it.
function runtime_halves.ShownHalf._drain(self)
    while (self._held and self._held[1] ~= nil) and self._held[1].offset <= self.next do
        local piece = table.remove(self._held, 1)
        self.holds = self.holds - py.len(piece.source)
        self:_deliver(piece)
    end
    if not ((self._held and self._held[1] ~= nil)) and self.waits then
        self.waits, self._acks = false, {}
        self.parser.capture.waiting = self.parser.capture.waiting - 1
    end
end

function runtime_halves.ShownHalf._deliver(self, piece)
    local known = self.next - piece.offset
    if known > 0 then
        py.put(self.known, piece.frame, math.min(piece.end_, self.next))
    end
    if known < piece.length then
        self:_feed(piece, known)
    end
end

-- Page contents are missing: their record goes on without them.
function runtime_halves.ShownHalf._pass_hole(self, end_, length)
    self:_add_hole(#self._holes, self.next, end_, self.shown[#self.shown])
    if #self._holes > runtime_halves.HOLES_MAX then
        table.remove(self._holes, 1)
    end
    self.next = end_
    self.parser.offset = self.parser.offset + length
    self.parser.skip = self.parser.skip - length
end

function runtime_halves.ShownHalf._add_hole(self, at, start, end_, shown)
    local parser = self.parser
    local gap = events.Gap(py.either(parser.migration.number, 0), parser.direction, start, end_ - start,
        shown.item.name)
    table.insert(self._holes, at + 1, runtime_halves.Hole(start, end_, shown, gap))
    local facts = parser.capture:kept_of(gap.migration):direction(gap.direction)
    facts.gaps[#facts.gaps + 1] = gap
    shown.holes = shown.holes + 1
end

function runtime_halves.ShownHalf._remove_hole(self, at)
    local hole = table.remove(self._holes, at + 1)
    hole.shown.holes = hole.shown.holes - 1
    local facts = self.parser.capture:kept_of(hole.gap.migration):direction(hole.gap.direction)
    py.remove(facts.gaps, hole.gap)
end

-- Parts of a segment, up to an offset, may fill holes in what was passed over before; whether they do.
function runtime_halves.ShownHalf._fill(self, piece, end_)
    local is_filled = false
    local start, at = piece.offset, #self._holes - 1
    while at >= 0 and py.at(self._holes, at).end_ > start do
        local hole = py.at(self._holes, at)
        if hole.start < end_ then
            is_filled = true
            self:_remove_hole(at)
            if end_ < hole.end_ then
                self:_add_hole(at, end_, hole.end_, hole.shown)
            end
            if hole.start < start then
                self:_add_hole(at, hole.start, start, hole.shown)
            end
            self:catch_up()
            self:_see(hole.shown, events.Position(piece.frame, piece.time))
        end
        at = at - 1
    end
    return is_filled
end

-- Octets of an item came later than those behind them.
function runtime_halves.ShownHalf._see(self, shown, position)
    if shown.last == nil then
        self.parser.newest = position
    elseif shown.last.frame < position.frame then
        shown.last = position
    end
end

-- Where in a packet at an offset octets begin that no packet before it had.
function runtime_halves.ShownHalf.fresh_from(self, frame, offset)
    return math.max(offset, py.get(self.known, frame, offset))
end

-- The next octets are those of a piece, but for the first ones.
function runtime_halves.ShownHalf._feed(self, piece, known)
    local parser = self.parser
    local length = piece.length - known
    local captured = math.max(0, piece.captured - known)
    self.next = self.next + length
    if parser.expect == "NOTHING" then
        self:catch_up()
        return
    end
    if length < parser.skip then
        self:catch_up()
        parser:pass_over(length, captured >= length, piece.frame, piece.time)
        return
    end
    local seen = native.octets_of(piece.source, known, math.min(length, captured))
    if not self.is_started then
        self.is_started = true
        parser:start(self:_begins_late(seen))
    end
    local size = #parser.buffer + self._parts_octets
    if #seen == length and parser.skip == 0 and size + length < parser.wanted then
        parser:mark(size, events.Position(piece.frame, piece.time))
        self._parts[#self._parts + 1] = seen
        self._parts_octets = self._parts_octets + length
    else
        self:catch_up()
        self.peer:catch_up()
        parser:feed(seen, length, captured >= length, piece.frame, piece.time)
    end
    self:_remember_split(seen)
end

-- A list that comes in many packets is put together once: here are the parts that wait. And the parser hears only now
-- where the last of many page contents was that went by.
function runtime_halves.ShownHalf.catch_up(self)
    if self.passed_frame ~= 0 then
        self.parser.newest = events.Position(self.passed_frame, self.passed_time)
        self.passed_frame = 0
    end
    if (self._parts and self._parts[1] ~= nil) then
        self.parser.buffer = self.parser.buffer .. table.concat(self._parts, "")
        self._parts, self._parts_octets = {}, 0
    end
end

function runtime_halves.ShownHalf._lose(self, length)
    self:catch_up()
    self.next = self.next + length
    self.parser:lose(length)
end

-- Whether the octets before the first were not captured: neither begins it anything, nor is the other direction known
-- from its beginning on.
function runtime_halves.ShownHalf._begins_late(self, octets)
    local parser, peer = self.parser, self.peer.parser
    if self.has_origin and parser.offset == 0 then
        return false
    end
    if py.any(py.concat({ parser_resync.BANNER }, { "LibxlFmt", "PUT /ser", "Xen save", "XenSaved", "libvirt-",
        "\255\255\255\255\255\255\255\255" }), function(one) return py.startswith(one, py.slice(octets, 0, 8)) end) then
        return false
    end
    return not peer.found or peer.late
end

-- A segment ends inside an entry: the packet in which the entry ends has to show all of it.
function runtime_halves.ShownHalf._remember_split(self, seen)
    local item = self.parser.item
    if item == nil or item.body ~= nil or item.keep == 0 then
        return
    end
    local size = (self.next - item.offset) % parser_entries.ENTRY_SIZE
    if size ~= 0 then
        local known = py.get(self.split, self.next - #seen, "") .. seen
        py.put(self.split, self.next, py.slice(known, py.len(known) - size))
    end
end

-- What is shown of an item: nearly always the newest.
function runtime_halves.ShownHalf.shown_for(self, item)
    local at = #self.shown - 1
    while not rawequal(py.at(self.shown, at).item, item) do
        at = at - 1
    end
    return py.at(self.shown, at)
end

-- What is inside of something else, compressed or in libvirt's messages, is not followed.
function runtime_parsing.ShowingParser.wrap(self, wrapping)
    self:expect_next("NOTHING")
end

function runtime_parsing.ShowingParser.begin(self, layer, name, type, spec, endianness, header, body_length, padding,
    unannounced, carried, then_)
    if padding == nil then padding = 0 end
    if unannounced == nil then unannounced = false end
    local size = header
    if header == 0 then
        if py.is_a(spec, "HeaderSpec") then
            size = spec.size
        else
            size = math.min(body_length, #self.buffer)
        end
    end
    local frame = self:_frame_before(self.offset + size)
    parser_direction.DirectionParser.begin(self, layer, name, type, spec, endianness, header, body_length, padding,
        unannounced, carried, then_)
    local item = self.item
    self:_announce(item, py.either(header, math.min(size, body_length)), item.whole_end - item.offset, frame)
    if item.is_pages then
        self:_remember_splits(item)
    end
end

function runtime_parsing.ShowingParser.begin_trailing(self)
    parser_direction.DirectionParser.begin_trailing(self)
    local item = self.trailing
    local shown = self:_announce(item, 1, 1, item.first.frame)
    self.owner.trailing = shown
    for _, violation in ipairs(rules_ending.judge_trailing(self:_provisional(item, #self.buffer))) do
        self.capture:kept_of(py.either(self.migration.number, 0)):note_broken(violation, shown)
    end
end

-- A record whose header does not say how long it is.
function runtime_parsing.ShowingParser.begin_state(self, layer, name, type, spec, header)
    parser_direction.DirectionParser.begin_state(self, layer, name, type, spec, header)
    local item = self.trailing
    self.owner.trailing = self:_announce(item, header, header, item.first.frame)
end

-- No octet follows.
function runtime_parsing.ShowingParser.finish(self, reason)
    self._before_end = self.expect
    parser_direction.DirectionParser.finish(self, reason)
end

-- The capture had not ended: what was going on was taken for torn, and the way is found again.
function runtime_parsing.ShowingParser.resume(self)
    self.ended = nil
    self:expect_next(self._before_end)
    self:lose_way(self.end_, self.end_)
end

-- The other side has reset the connection: what this one has not said is said to nobody.
function runtime_parsing.ShowingParser.hear_reset(self)
    local number = self.migration.number
    if number ~= nil then
        self.capture:kept_of(number):end_(self.direction, true)
    end
end

-- Octets that far behind the first in `buffer` were captured there.
function runtime_parsing.ShowingParser.mark(self, behind, position)
    py.push(self._marks, { self.offset + behind, position })
end

function runtime_parsing.ShowingParser._read_item(self, item)
    local is_listing = item.body == nil
    local went_on = parser_direction.DirectionParser._read_item(self, item)
    if is_listing and item.body ~= nil and rawequal(self.item, item) and item.is_pages then
        local record = self:_provisional(item, item.whole_end - item.offset)
        local shown = self.owner.shown[#self.owner.shown]
        shown:take_runs(record.body, record.runs)
        if shown.role == "POSTCOPY_FAULT" then
            shown.pfns = record:pfns()
        end
        self.capture:kept_of(record.migration):judge_list(record, shown)
    end
    return went_on
end

function runtime_parsing.ShowingParser._emit_item(self, item, end_, padding, whole)
    self.capture.ending = self.owner:shown_for(item)
    parser_direction.DirectionParser._emit_item(self, item, end_, padding, whole)
end

-- The packet that holds the octet before an offset, of those in `buffer`.
function runtime_parsing.ShowingParser._frame_before(self, end_)
    local frame, at = self:position().frame, 0
    while at < py.len(self._marks) and py.nth(self._marks, at)[1] < end_ do
        frame = py.nth(self._marks, at)[2].frame
        at = at + 1
    end
    return frame
end

-- Packets that came before it was known what is in them may end inside an entry, as later ones may.
function runtime_parsing.ShowingParser._remember_splits(self, item)
    for at = 0, py.len(self._marks) - 1 do
        local start = py.nth(self._marks, at)[1]
        local behind, size = start - self.offset, (start - item.offset) % parser_entries.ENTRY_SIZE
        if py.truth(size) and behind >= size then
            py.put(self.owner.split, start, py.slice(self.buffer, behind - size, behind))
        end
    end
end

function runtime_parsing.ShowingParser._announce(self, item, header, length, frame)
    local role
    if py.is_a(item.spec, "RecordSpec") then
        role = item.spec.role
    else
        role = nil
    end
    local shown = runtime_shown.Shown(self.owner, item, item.offset, self.migration, self.direction, role, header,
        length, frame)
    self.owner.shown[#self.owner.shown + 1] = shown
    self.capture.found[#self.capture.found + 1] = shown
    return shown
end

-- A record as far as it has come.
function runtime_parsing.ShowingParser._provisional(self, item, length)
    local body = py.either(item.body, "")
    return events.Record(py.either(self.migration.number, 0), self.direction, item.layer, item.name, item.type,
        item.spec, item.endianness, item.offset, length, item.body_length, body, nil,
        (function() if item.is_pages then return native.page_runs(body, item.endianness) end return {} end)(), false,
        false, item.first, nil, nil, self.migration.context)
end

-- What is kept of the migration of this number.
function runtime_parsing.Capture.kept_of(self, migration)
    return py.at(self.migrations, migration)
end

-- The next event, of whichever connection.
function runtime_parsing.Capture.hear(self, event)
    if py.is_a(event, "MigrationFound") then
        self.migrations[#self.migrations + 1] = runtime_parsing.Kept(event.migration)
    elseif not py.is_a(event, "ConnectionJoined") then
        local kept = self:kept_of(event.migration)
        kept:direction(event.direction):add(event)
        if py.is_a(event, "Record") then
            self:_end(kept, event, self.ending)
        else
            kept.checker:add(event, facts_migration.UNREMARKABLE)
            if py.is_a(event, "DirectionEnded") then
                kept:end_(event.direction, event.reason ~= "capture")
            end
        end
    end
end

-- An item has ended, or was torn.
function runtime_parsing.Capture._end(self, kept, record, shown)
    shown.length, shown.last = record.length, record.last
    shown.complete, shown.whole = record.complete, record.whole
    shown.broken = {}
    if record.is_pages or self._bodies_kept + #record.body > runtime_parsing.BODIES_KEPT then
        shown.item.body = nil
    else
        self._bodies_kept = self._bodies_kept + #record.body
        shown.summary = native.summary_of(record)
    end
    kept:take_in(record, shown)
    self.ended[#self.ended + 1] = shown
    if rawequal(shown.half.trailing, shown) then
        shown.half.trailing = nil
    end
end

-- No packet follows, as far as is known.
function runtime_connections.Connections.flush(self)
    if not self.capture.is_settled then
        self.capture.is_settled = true
        for _, connection in ipairs(self.all) do
            connection.one:flush()
            connection.other:flush()
        end
    end
end

-- The connection that a packet belongs to: of those with its addresses and ports the latest use before it.
function runtime_connections.Connections.known(self, packet, stream)
    return self:_find(packet, stream, false)
end

-- The same, made if there is none.
function runtime_connections.Connections.opened(self, packet, stream)
    local known = self:_find(packet, stream, true)
    if known ~= nil then
        return known
    end
    local connection = runtime_connections.Connection(self.capture, packet)
    self.all[#self.all + 1] = connection
    self:_name(connection, stream)
    local ends = runtime_connections.ends_of(packet)
    if self._by_ends[ends] == nil then
        py.put(self._by_ends, ends, {})
    end
    self._by_ends[ends][#self._by_ends[ends] + 1] = connection
    return connection
end

function runtime_connections.Connection._init(self, capture, packet)
    local flow = events.Flow(py.str(packet.src), py.str(packet.dst))
    self.one, self.other = py.unpack(capture:connect(flow))
    self.first_frame = packet.number
    self.stream = nil
    self.is_over = false
    self.sender = runtime_connections.sender_of(packet)
    self.has_ports = packet.src_port ~= packet.dst_port
end

function runtime_connections.sender_of(packet)
    if packet.src_port ~= packet.dst_port then
        return packet.src_port
    end
    return py.str(packet.src)
end

-- The direction of a packet.
function runtime_connections.Connection.half_of(self, packet)
    local sender
    if self.has_ports then
        sender = packet.src_port
    else
        sender = py.str(packet.src)
    end
    if sender == self.sender then
        return self.one
    end
    return self.other
end

function runtime_connections.ends_of(packet)
    local one, other = py.str(packet.src_port) .. " " .. py.str(packet.src), py.str(packet.dst_port) .. " "
        .. py.str(packet.dst)
    return one < other and py.str(one) .. " " .. py.str(other) or py.str(other) .. " " .. py.str(one)
end

-- A connection with the addresses and ports of a packet begins: the one before has ended.
function runtime_connections.Connections.forget(self, packet)
    local uses = py.get(self._by_ends, runtime_connections.ends_of(packet), {})
    if (uses and uses[1] ~= nil) then
        uses[#uses].is_over = true
    end
end

-- Whether a stream may go on in a packet that was not handed over as the others are.
function runtime_connections.Connections.is_waited_for(self, packet, stream)
    if self.unfinished == 0 or packet.number == self._looked_at then
        return false
    end
    local followed = py.get(self._followed, runtime_connections.key_of(packet, stream), {})
    local own = py.get(followed, runtime_connections.sender_of(packet))
    return own ~= nil and own.waits
end

function runtime_connections.key_of(packet, stream)
    if stream == nil then
        return runtime_connections.ends_of(packet)
    end
    return stream
end

-- Whether no stream begins any more where a packet comes from.
function runtime_connections.Connections.has_given_up(self, packet, stream)
    local key = runtime_connections.key_of(packet, stream)
    local followed = py.get(self._followed, key)
    if followed == nil then
        return self.ignored[key] ~= nil
    end
    local own = py.get(followed, runtime_connections.sender_of(packet))
    return own ~= nil and own.is_hopeless
end

-- Whether a stream begins in a packet, or has begun before and is complete enough now to be known: then both directions
-- of its connection are parsed from now on. `piece`: its octets, wherever they stand.
function runtime_connections.Connections.recognises(self, packet, stream, seq, piece, origin)
    self._looked_at = packet.number
    local key = runtime_connections.key_of(packet, stream)
    local own = self:_beginning(key, runtime_connections.sender_of(packet), seq, origin)
    piece.offset = own.next
    if seq ~= nil and own.base ~= nil then
        piece.offset = own:unwrapped(seq, own.next)
    end
    if piece.end_ <= own.next then
        return false
    end
    piece.source = native.octets_of(piece.source, 0, piece.captured)
    if not runtime_connections.begins_stream(piece.source) then
        if not self:_completes(own, piece) then
            if runtime_connections.is_hopeless(own, piece.source) then
                self:_give_up(key, own)
            end
            return false
        end
        self:_keep(own, py.map(own.pending, function(one) if not rawequal(one, piece) then return one end end))
    end
    self:_take_over(self:opened(packet, stream), self._followed[key])
    py.pop(self._followed, key)
    return true
end

function runtime_connections.begins_stream(octets)
    return parser_resync._magic(runtime_connections.Sight(octets), nil) ~= nil
end

-- Whether enough of a direction went by to know that no stream begins there: so the engine has it. `octets`: the
-- newest.
function runtime_connections.is_hopeless(own, octets)
    if runtime_connections.is_late(own) then
        return own.next > parser_resync.LATE_SEARCHED
    end
    return own.next > parser_resync.START_SEARCHED or (own.next > parser_resync.OPAQUE_SEARCHED and py.find(octets,
        "\000") >= 0)
end

-- Whether the beginning of a direction was not captured. Without sequence numbers nobody knows that.
function runtime_connections.is_late(own)
    return own.base ~= nil and not own.has_origin
end

function runtime_connections.Connections._find(self, packet, stream, is_needed)
    if stream ~= nil and self.by_stream[stream] ~= nil then
        return self.by_stream[stream]
    end
    local uses = py.get(self._by_ends, runtime_connections.ends_of(packet), {})
    local at = #uses - 1
    while at >= 0 do
        local use = py.at(uses, at)
        local is_of_stream = stream == nil or use.stream == nil or use.stream == stream
        local is_past = use.is_over and is_needed and stream == nil
        if use.first_frame <= packet.number and is_of_stream and not is_past then
            self:_name(use, stream)
            return use
        end
        at = at - 1
    end
    return nil
end

-- Wireshark has a number for it.
function runtime_connections.Connections._name(self, connection, stream)
    if stream ~= nil then
        connection.stream = stream
        py.put(self.by_stream, stream, connection)
    end
end

function runtime_connections.Connections._beginning(self, key, sender, seq, origin)
    if self._followed[key] == nil then
        if py.len(self._followed) >= runtime_connections.FOLLOWED_MAX then
            self._followed, self._pending, self.unfinished = {}, 0, 0
        end
        py.put(self._followed, key, {})
    end
    local followed = self._followed[key]
    if followed[sender] == nil then
        py.put(followed, sender, runtime_connections.Beginning())
        if seq ~= nil then
            followed[sender]:set_origin(origin(seq))
        end
    end
    return followed[sender]
end

function runtime_connections.Beginning._init(self)
    runtime_halves.Placed._init(self)
    self.pending = {}
    self.waits = false
    self.is_hopeless = false
end

-- No stream is looked for any longer: in the other direction neither, if its beginning would have been seen.
function runtime_connections.Connections._give_up(self, key, own)
    own.is_hopeless = true
    self:_keep(own, {})
    local followed = self._followed[key]
    for _, one in pairs(followed) do
        if not one.is_hopeless and runtime_connections.is_late(one) then
            return
        end
    end
    for _, one in pairs(followed) do
        self:_keep(one, {})
    end
    py.pop(self._followed, key)
    if py.len(self.ignored) >= runtime_connections.FOLLOWED_MAX then
        self.ignored = {}
    end
    py.put(self.ignored, key, true)
end

-- A packet without a beginning of its own: whether it completes one.
function runtime_connections.Connections._completes(self, own, piece)
    if #piece.source < piece.length then
        own.next = math.max(own.next, piece.end_)
        self:_keep(own, {})
        return false
    end
    if not ((own.pending and own.pending[1] ~= nil)) and piece.offset <= own.next
        and not py.truth(runtime_connections.unfinished(piece.source)) then
        own.next = piece.end_
        return false
    end
    table.insert(own.pending, native.above(own.pending, "offset", piece.offset) + 1, piece)
    self._pending = self._pending + #piece.source
    local octets, end_ = py.unpack(runtime_connections.joined(own.pending, own.next))
    if py.truth(octets) then
        if runtime_connections.begins_stream(octets) then
            return true
        end
        own.next = end_
    end
    local start = own.next - runtime_connections.unfinished(octets)
    local newest = own.pending[#own.pending]
    self:_keep(own, py.map(own.pending, function(one) if one.end_ > start then return one end end))
    if newest.end_ - start > parser_resync.START_SEARCHED or self._pending > runtime_connections.PENDING_MAX then
        own.next = newest.end_
        self:_keep(own, {})
    end
    return false
end

-- How many of the last octets may begin a stream that goes on in the next packet.
function runtime_connections.unfinished(octets)
    local last = py.slice(octets, math.max(0, #octets - runtime_connections.STARTS_MAX + 1))
    local longest = 0
    for _, start in ipairs(runtime_connections.STARTS) do
        local at = py.find(last, py.slice(start, 0, 1))
        while at >= 0 do
            if py.startswith(start, py.slice(last, at)) then
                longest = math.max(longest, #last - at)
            end
            at = py.find(last, py.slice(start, 0, 1), at + 1)
        end
    end
    return longest
end

-- The octets that follow on one another from the first pending ones on, and the offset after them.
function runtime_connections.joined(pending, known)
    local parts = {}
    local end_ = math.min(pending[1].offset, known)
    for _, piece in ipairs(pending) do
        if piece.offset > end_ then
            break
        end
        parts[#parts + 1] = py.slice(piece.source, end_ - piece.offset)
        end_ = math.max(end_, piece.end_)
    end
    return { table.concat(parts, ""), end_ }
end

-- Keeps so much of what is pending.
function runtime_connections.Connections._keep(self, own, pending)
    local more = py.sum(pending, function(one) return py.len(one.source) end)
    self._pending = self._pending + (more - py.sum(own.pending, function(one) return py.len(one.source) end))
    own.pending = pending
    if (pending and pending[1] ~= nil) ~= own.waits then
        own.waits = not own.waits
        self.unfinished = self.unfinished + (own.waits and 1 or -1)
    end
end

-- A stream begins: from now on the connection's octets are parsed, those that are pending first.
function runtime_connections.Connections._take_over(self, connection, followed)
    for sender, own in pairs(followed) do
        local half
        if sender == connection.sender then
            half = connection.one
        else
            half = connection.other
        end
        half.base, half.has_origin, half.next = own.base, own.has_origin, own.next
        if py.truth(own.pending) then
            half.next = math.min(own.next, py.at(own.pending, 0).offset)
        end
        half.parser.offset = half.next
        for _, piece in ipairs(py.sorted(own.pending, function(one) return one.frame end)) do
            if own.base == nil then
                half:place(piece.frame, piece.offset)
            end
            half:arrive(piece)
        end
        self:_keep(own, {})
    end
end

function rules_rule.Violation._getters.gravity(self)
    return py.either(self.severity, self.rule.severity)
end

-- Whether it can be what a migration failed of.
function rules_rule.Violation._getters.is_fatal(self)
    return self.gravity == "error" or self.rule.fatal
end

function rules_rule.Violation.at(self, record)
    return py.with(self, "record", record)
end

function rules_rule.Violation.on(self, direction)
    return py.with(self, "direction", direction)
end

function rules_rule.Violation.as_warning(self)
    return py.with(self, "severity", "warning")
end

-- `shown`: how many elements of arrays are found at most; 0: all.
function runtime_layouts.Reading._init(self, octets, endianness, shown)
    if shown == nil then shown = 0 end
    self.octets = octets
    self.endianness = endianness
    self.found = {}
    self.values = {}
    self._shown = shown
    self._elements_found = 0
    self.is_cut = false
end

-- The offset after the last field; nil if the octets are too few.
function runtime_layouts.Reading.follow(self, rows, at)
    if at == nil then at = 0 end
    return self:_follow(rows, at, 0, self.values, true)
end

function runtime_layouts.Reading._follow(self, rows, at, depth, values, is_shown)
    for _, row in ipairs(rows) do
        local end_
        if row.kind == "array" then
            end_ = self:_array(row, at, depth, values, is_shown)
        else
            end_ = self:_field(row, at, depth, values, is_shown)
        end
        if end_ == nil then
            return nil
        end
        at = end_
    end
    return at
end

function runtime_layouts.Reading._field(self, row, at, depth, values, is_shown)
    local size = self:_size(row, at, values)
    if size == nil or size < 0 or at + size > #self.octets then
        return nil
    end
    if row.kind == "uint" then
        py.put(values, py.either(row.name, ""), native.integer(py.slice(self.octets, at, at + size), self.endianness))
    end
    if is_shown then
        self.found[#self.found + 1] = runtime_layouts.Found(row, at, size, depth, values)
    end
    return row.kind == "cstring" and at + size + 1 or at + size
end

function runtime_layouts.Reading._size(self, row, at, values)
    if row.kind == "rest" then
        return #self.octets - at
    end
    if row.kind == "cstring" then
        return py.find(self.octets, "\000", at) - at
    end
    local counted = py.get(values, py.str(row.size))
    if counted == nil then
        return row.size
    end
    return counted
end

function runtime_layouts.Reading._array(self, row, at, depth, values, is_shown)
    local index, count = 0, row.times
    if row.by ~= nil then
        count = py.get(values, row.by)
    end
    while index ~= count do
        local after = nil
        local last = {}
        if at < #self.octets then
            after = self:_element(row, at, depth, values, last, index, is_shown and self:_has_room())
        end
        if after == nil and count == nil and row.ending == nil then
            break
        end
        if after == nil then
            return nil
        end
        at = after
        index = index + 1
        if row.ending ~= nil and py.get(last, py.at(row.ending, 0)) == py.at(row.ending, 1) then
            break
        end
    end
    return at
end

-- One element, whose numbers become its `own`. As in the grammar, one that is not whole has no fields.
function runtime_layouts.Reading._element(self, row, at, depth, values, own, index, is_shown)
    local before = self.found
    self.found = {}
    local after = self:_follow(py.either(row.elements, {}), at, depth + 1, own, is_shown)
    local inside = self.found
    self.found = before
    if is_shown then
        local end_
        if after == nil then
            end_ = #self.octets
        else
            end_ = after
        end
        before[#before + 1] = runtime_layouts.Found(row, at, end_ - at, depth, values, index, after ~= nil)
    end
    if after ~= nil then
        for _, one in ipairs(inside) do
            before[#before + 1] = one
        end
    end
    return after
end

function runtime_layouts.Reading._has_room(self)
    self._elements_found = self._elements_found + 1
    local has_room = not py.truth(self._shown) or self._elements_found <= self._shown
    self.is_cut = self.is_cut or not has_room
    return has_room
end

-- How many of the octets a layout takes, by its own counts; nil if they are too few.
function runtime_layouts.measure(layout, octets)
    return runtime_layouts.Reading(octets, layout.endianness):follow(native.rows_of(layout.body))
end

-- The fields of a header as the numbers they are.
function runtime_layouts.header_numbers(spec, body, endianness)
    local reading = runtime_layouts.Reading(body, endianness)
    reading:follow(native.rows_of(spec.body))
    return reading.values
end

-- The fields of the header that is in the buffer, as templates want them.
function runtime_layouts.header_values(p, spec, endianness)
    return runtime_layouts.values_of(spec.body, py.slice(p.buffer, 0, spec.size), endianness)
end

-- The values of a layout as templates want them: enumerations by name, bits and elements as tables, of octets how many
-- they are.
function runtime_layouts.values_of(body, octets, endianness)
    local reading = runtime_layouts.Reading(octets, endianness)
    reading:follow(native.rows_of(body))
    local top = {}
    local around = { top }
    for _, one in ipairs(reading.found) do
        while #around > one.depth + 1 do
            table.remove(around)
        end
        if not one.is_whole then
            goto continue
        end
        local inside = around[#around]
        local name = py.either(one.row.name, "")
        if one.element == nil then
            py.put(inside, name, runtime_layouts._value(one))
            goto continue
        end
        local element = {}
        local elements = py.setdefault(inside, name, {})
        elements[#elements + 1] = element
        around[#around + 1] = element
        ::continue::
    end
    return top
end

function runtime_layouts._value(one)
    local row = one.row
    if row.kind ~= "uint" then
        return { ["octets"] = one.size }
    end
    local number = one.values[py.either(row.name, "")]
    if row.parts ~= nil and row.size ~= 8 then
        return py.dict(py.map(row.parts, function(part) return { part.name,
            math.floor(number / (1 * 2 ^ part.shift)) % (1 * 2 ^ part.width) } end))
    end
    if row.names == nil then
        return number
    end
    return py.get(row.names, number, number)
end

-- A duration with a unit that suits it.
function runtime_words.duration(seconds)
    local amount = math.abs(seconds)
    if amount < 0.001 then
        return py.format(seconds * 0xf4240, ".1f") .. " us"
    end
    if amount < 1 then
        return py.format(seconds * 1000, ".1f") .. " ms"
    end
    return py.format(seconds, ".3f") .. " s"
end

-- From a fault's last octet to the page's, in seconds.
function runtime_words.latency(asked, tie)
    return tie.shown.last.time - asked.last.time
end

-- The longest latency of pages that were not under way when they were asked for.
function runtime_words.slowest(shown)
    local waits = py.map(shown.links, function(tie) if not py.truth(tie.in_flight) then return
        runtime_words.latency(shown, tie) end end)
    if (waits and waits[1] ~= nil) then
        return py.max(waits)
    end
    return nil
end

-- An item in a few words, as far as it is known.
function runtime_words.summary(shown)
    shown:entries_end()
    local words = shown.item.name
    if (shown.summary and shown.summary ~= "") then
        words = py.str(words) .. " " .. py.str(shown.summary)
    end
    if shown.count == nil then
        return words
    end
    words = py.str(words) .. " " .. py.str(units.many(shown.count, "pfn"))
    if shown.role == "POSTCOPY_FAULT" then
        local wait = runtime_words.slowest(shown)
        if wait ~= nil then
            words = py.str(words) .. " (slowest " .. py.str(runtime_words.duration(wait)) .. ")"
        elseif (shown.links and shown.links[1] ~= nil) then
            words = py.str(words) .. " (in flight)"
        end
    elseif shown.low ~= nil and shown.high ~= nil then
        words = py.str(words) .. " " .. py.format(shown.low, "#x") .. "-" .. py.format(shown.high, "#x")
    end
    if shown.role == "POSTCOPY_PAGES" and (shown.links and shown.links[1] ~= nil) then
        words = py.str(words) .. " (answers " .. py.str(units.many(#shown.links, "fault")) .. ")"
    end
    return words
end

-- A number of things, with thousands apart; `several` where the plural is not an added s.
function units.many(number, one, several)
    return py.format(number, ",") .. " " .. py.str((function() if number == 1 then return one end return
        py.either(several, one .. "s") end)())
end

-- More of an item whose header an earlier frame holds.
function runtime_words.contents(shown, has_entries)
    local what = shown.count == nil and "more" or "page contents"
    if has_entries then
        what = "entries"
    end
    return py.str(what) .. " of " .. py.str(shown.item.name) .. " in frame " .. py.str(shown.item.first.frame)
end

-- What there is to say of an item, by the path of the field that says it.
function runtime_words.fields(shown)
    local results = {}
    local item = shown.item
    results[#results + 1] = { "name", item.name }
    results[#results + 1] = { "migration", py.either(shown.migration.number, 0) }
    results[#results + 1] = { "direction", shown.direction }
    if item.layer ~= nil then
        results[#results + 1] = { "layer", item.layer }
    end
    if item.type ~= nil then
        results[#results + 1] = { "type", item.type }
    end
    results[#results + 1] = { "offset", item.offset }
    results[#results + 1] = { "length", shown.length }
    results[#results + 1] = { "body_length", item.body_length }
    results[#results + 1] = { "first_frame", item.first.frame }
    if shown.last ~= nil then
        results[#results + 1] = { "last_frame", shown.last.frame }
        results[#results + 1] = { "complete", shown.complete and shown.holes == 0 }
    end
    return results
end

-- Consecutive pfns.
function runtime_words.run(one, is_typed)
    local words = py.format(one.first, "#x")
    if one.length > 1 then
        words = py.str(words) .. "-" .. py.format(one.first + one.length - 1, "#x")
    end
    return is_typed and py.str(words) .. " " .. py.str(protocol_libxc.PAGE_TYPES[one.type]) or words
end

-- What became of one pfn that was asked for.
function runtime_words.fault(asked, pfn, tie, is_over)
    local words = "pfn " .. py.format(pfn, "#x")
    if tie == nil then
        return is_over and py.str(words) .. ", unanswered" or py.str(words) .. ", not answered yet"
    end
    local frame = tie.shown.last.frame
    if tie.in_flight then
        return py.str(words) .. ", in flight: page sent in frame " .. py.str(frame)
    end
    return py.str(words) .. ", answered in frame " .. py.str(frame) .. " after "
        .. py.str(runtime_words.duration(runtime_words.latency(asked, tie)))
end

-- What each migration carried, by the names of records, headers and texts; and its faults.
function runtime_words.report_summary(capture)
    local results = {}
    if not ((capture.migrations and capture.migrations[1] ~= nil)) then
        results[#results + 1] = "No Xen live migration was found."
    end
    for _, kept in ipairs(capture.migrations) do
        results[#results + 1] = "Migration " .. py.str(kept.number) .. ": " .. py.str(table.concat(kept.context.layers,
            ", "))
        for _, name in ipairs(kept:names()) do
            local total = kept.totals[name]
            results[#results + 1] = "  " .. py.format(name, "<28") .. " " .. py.format(total.records, ">10,") .. " "
                .. py.format(total.octets, ">18,") .. " octets"
        end
        if py.truth(kept.faults.fault_records) then
            py.extend(results, runtime_words._faults(kept))
        end
    end
    return results
end

function runtime_words._faults(kept)
    local results = {}
    local faults = kept.faults
    local asked = "  faults: " .. py.format(faults.asked.count, ",") .. " pfns asked for"
    results[#results + 1] = py.str(asked) .. ", " .. py.format(faults.answered, ",") .. " answered, "
        .. py.format(faults.in_flight, ",") .. " of them in flight already"
    local waits = {}
    for _, shown in ipairs(kept.asked) do
        local ties = shown:ties()
        for _, pfn in ipairs(py.either(shown.pfns, {})) do
            local tie = py.get(ties, pfn)
            if tie ~= nil and not py.truth(tie.in_flight) then
                waits[#waits + 1] = runtime_words.latency(shown, tie)
            end
        end
    end
    if (waits and waits[1] ~= nil) then
        waits = py.sorted(waits)
        local least, middle, most = runtime_words.duration(waits[1]),
            runtime_words.duration(runtime_words._percentile(waits, 50)), runtime_words.duration(waits[#waits])
        results[#results + 1] = "  latency of those not in flight: min " .. py.str(least) .. ", median "
            .. py.str(middle) .. ", 95 % " .. py.str(runtime_words.duration(runtime_words._percentile(waits, 95)))
            .. ", max " .. py.str(most)
    end
    return results
end

function runtime_words._percentile(ordered, percent)
    local at = math.floor((#ordered * percent + 99) / 100)
    return py.at(ordered, math.max(at, 1) - 1)
end

-- One line for each faulted pfn.
function runtime_words.report_faults(capture)
    local results = {}
    results[#results + 1] = runtime_words._line("Migration", "Frame", "Pfn", "Answered in", "Latency")
    for _, kept in ipairs(capture.migrations) do
        for _, shown in ipairs(kept.asked) do
            local ties = shown:ties()
            for _, pfn in ipairs(py.either(shown.pfns, {})) do
                results[#results + 1] = runtime_words._fault(kept, shown, pfn, py.get(ties, pfn))
            end
        end
    end
    return results
end

function runtime_words._line(migration, frame, pfn, where, late)
    return py.format(migration, "<9") .. " " .. py.format(frame, ">9") .. " " .. py.format(pfn, ">14") .. " "
        .. py.format(where, ">11") .. "  " .. py.str(late)
end

function runtime_words._fault(kept, asked, pfn, tie)
    local where, late = "-", "unanswered"
    if tie ~= nil and tie.shown.last ~= nil then
        where, late = py.str(tie.shown.last.frame), "in flight"
        if not tie.in_flight then
            late = runtime_words.duration(runtime_words.latency(asked, tie))
        end
    end
    return runtime_words._line(py.str(kept.number), py.str(asked.last.frame), py.format(pfn, "#x"), where, late)
end

function protocol_summaries._field(values, path, form, words)
    local value = protocol_summaries._find(values, path)
    if form == nil then
        return py.str(value)
    end
    return protocol_summaries.FORMS[form](value, py.either(words, ""), values)
end

function protocol_summaries._find(values, path)
    local name, _, rest = py.unpack(py.partition(path, "."))
    if not py.truth(rest) then
        return values[name]
    end
    local field, is_count, wanted = py.unpack(py.partition(rest, "="))
    if is_count then
        return py.sum(values[name], function(element) return py.get(element, field) == wanted end)
    end
    return protocol_summaries._find(values[name], rest)
end

function protocol_summaries._unless(value, words, values)
    local usual, _, said = py.unpack(py.partition(words, ":"))
    return py.str(value) == usual and "" or py.str(said) .. " " .. py.str(value)
end

-- How many: the number itself, or the length of a list; the plural has an s unless it is given.
function protocol_summaries._many(value, words, values)
    local one, _, several = py.unpack(py.partition(words, ":"))
    local number
    if py.is_a(value, "int") then
        number = value
    else
        number = py.len(value)
    end
    return py.format(number, ",") .. " " .. py.str((function() if number == 1 then return one end return
        py.either(several, one .. "s") end)())
end

-- Of octets as JSON carries them: hexadecimals if they are few, else {"octets": length}.
function protocol_summaries._size(value, words, values)
    return py.str(py.is_a(value, "str") and math.floor(py.len(value) / 2) or value["octets"]) .. " octets"
end

function protocol_summaries._xen(value, words, values)
    return value and "Xen " .. py.str(value) .. "." .. py.str(values[words]) or "the converter of old streams"
end

-- What a CPUID policy says of the processor, likewise, by its leaves that have no subleaves.
function runtime_words.processor(basic)
    local results = {}
    local who = protocol_cpuid.processor(basic)
    if who.vendor ~= nil then
        results[#results + 1] = { "cpuid.vendor", who.vendor }
    end
    if who.family ~= nil then
        results[#results + 1] = { "cpuid.family", who.family }
        results[#results + 1] = { "cpuid.model", who.model }
        results[#results + 1] = { "cpuid.stepping", who.stepping }
    end
    if who.brand ~= nil then
        results[#results + 1] = { "cpuid.brand", who.brand }
    end
    return results
end

-- By leaves that have no subleaves; in Wireshark, too.
function protocol_cpuid.processor(basic)
    local first, second = py.get(basic, 0), py.get(basic, 1)
    local vendor
    if first ~= nil then
        vendor = protocol_cpuid._text(protocol_cpuid._word(first.b) .. protocol_cpuid._word(first.d)
            .. protocol_cpuid._word(first.c))
    else
        vendor = nil
    end
    local family, model, stepping = py.unpack((function() if second ~= nil then return
        protocol_cpuid.signature(second.a) end return { nil, nil, nil } end)())
    local brand = ""
    for _, leaf in ipairs(protocol_cpuid.BRAND) do
        local part = py.get(basic, leaf)
        if part ~= nil then
            brand = brand .. protocol_cpuid._word(part.a) .. protocol_cpuid._word(part.b)
                .. protocol_cpuid._word(part.c) .. protocol_cpuid._word(part.d)
        end
    end
    return protocol_cpuid.Processor(vendor, family, model, stepping, py.either(protocol_cpuid._text(brand), nil))
end

function protocol_cpuid._word(register)
    return py.to_bytes(register, 4, "little")
end

-- Characters, without what ends or fills them.
function protocol_cpuid._text(octets)
    return (py.decode(py.at(py.partition(octets, "\000"), 0), "ascii", "backslashreplace"):match("^ *(.-) *$"))
end

-- Family, model and stepping out of leaf 1, EAX. Source: Intel SDM 2, CPUID; AMD's manual says the same.
function protocol_cpuid.signature(eax)
    local family, model = py.band(math.floor(eax / 2 ^ 8), 15), py.band(math.floor(eax / 2 ^ 4), 15)
    if (family == 6 or family == 15) then
        model = model + py.band(math.floor(eax / 2 ^ 12), 240)
    end
    if family == 15 then
        family = family + py.band(math.floor(eax / 2 ^ 20), 255)
    end
    return { family, model, py.band(eax, 15) }
end

-- The lines of a stream; none if it is none. `shown`: how many sections, and fields of each, there are at most; 0: all.
function runtime_streams.lines(octets, shown)
    local results = {}
    local stream = protocol_qemu.parse(octets)
    if stream == nil then
        return results
    end
    if stream.machine ~= nil then
        local size = py.uint(py.slice(octets, runtime_streams.MACHINE_AT - 4, runtime_streams.MACHINE_AT), "big")
        results[#results + 1] = runtime_streams.Line(0, "qemu.machine", runtime_streams.MACHINE_AT, size,
            stream.machine)
    end
    local is_cut = 0 < shown and shown < #stream.pieces
    for _, one in ipairs((function() if is_cut then return py.slice(stream.pieces, 0,
        shown) end return stream.pieces end)()) do
        results[#results + 1] = runtime_streams.Line(0, "qemu.section", one.start, one.stop - one.start,
            protocol_qemu.title(one))
        results[#results + 1] = runtime_streams.Line(1, "qemu.kind", one.start, 1)
        py.extend(results, runtime_streams._inside(one, one.start + one.header, shown))
    end
    if is_cut then
        results[#results + 1] = runtime_streams.Line(0, "contents", 0, 0, runtime_streams.MORE)
    end
    return results
end

-- The stream; nil if it is none of QEMU's, or of a version without sections.
function protocol_qemu.parse(octets)
    local data = octets
    if #data < 9 or py.slice(data, 0, 4) ~= protocol_qemu.MAGIC then
        return nil
    end
    local version = py.uint(py.slice(data, 4, 8), "big")
    if not py.has(protocol_qemu.VERSIONS, version) then
        return nil
    end
    local reading = protocol_qemu._Reading(data)
    local machine, configuration = py.unpack(reading:configuration())
    local one = reading:piece()
    while one ~= nil do
        reading.pieces[#reading.pieces + 1] = one
        if py.len(reading.pieces) < protocol_qemu.PIECES_MAX then
            one = reading:piece()
        else
            one = nil
        end
    end
    if py.len(reading.pieces) == 0 and reading.at == #data then
        return nil
    end
    local rest = py.slice(data, reading.at)
    return protocol_qemu.Stream(version, machine, reading.pieces, configuration, reading.description, rest)
end

function protocol_qemu._Reading._init(self, data)
    self.data = data
    local said, end_ = py.unpack(protocol_qemu_description.description(data))
    self.description = said
    self.devices = protocol_qemu_description.devices(said)
    self.at, self.end_ = 8, end_
    self.left = protocol_qemu_description.FIELDS_MAX
    self.pieces = {}
    self.begun = {}
    self.has_footers = nil
end

-- The description behind the stream's end, and where that end is: after its last octet.
function protocol_qemu_description.description(data)
    local at = native.place_of(protocol_qemu_description._DESCRIPTION, data, 0, #data)
    while at >= 0 do
        local start = at + 6
        local after = start + py.uint(py.slice(data, at + 2, start), "big")
        if after <= #data and py.find(data, "\000", start, after) < 0 then
            local text = py.slice(data, start, after)
            local found
            if (not text:find("[\128-\255]")) and not py.has(text, "\\") then
                found = native.described_by(text)
            else
                found = nil
            end
            if py.is_a(found, "dict") and py.is_a(py.get(found, "devices"), "list") then
                return { found, at + 1 }
            end
        end
        at = native.place_of(protocol_qemu_description._DESCRIPTION, data, at + 1, #data)
    end
    return { {}, #data }
end

-- What a description says of each device.
function protocol_qemu_description.devices(description)
    local found = {}
    for _, one in ipairs(py.get(description, "devices", {})) do
        if py.is_a(one, "dict") and py.is_a(py.get(one, "name"), "str") and protocol_qemu_description._whole(py.get(one,
            "instance_id")) >= 0 then
            py.put(found, protocol_qemu_description.key(one["name"], one["instance_id"]), one)
        end
    end
    return found
end

-- A number of a description; -1 if it is none.
function protocol_qemu_description._whole(value)
    if py.is_a(value, "int") and not py.is_a(value, "bool") then
        return value
    end
    return -1
end

-- What a device has in `devices`.
function protocol_qemu_description.key(device, instance)
    return py.str(instance) .. " " .. py.str(device)
end

-- The machine's type, and what follows it up to the first section: as long as the description says, where it tells of
-- the configuration (QEMU 8.2 and later).
function protocol_qemu._Reading.configuration(self)
    if py.at(self.data, self.at) ~= protocol_qemu.CONFIGURATION or self.at + 5 > self.end_ then
        return { nil, "" }
    end
    local start = self.at + 5
    local after = start + protocol_qemu._number(self.data, self.at + 1, 4)
    if after > self.end_ then
        return { nil, "" }
    end
    local machine = py.decode(py.slice(self.data, start, after), "ascii", "backslashreplace")
    if not ((not machine:find("[^ -~]"))) then
        return { nil, "" }
    end
    local fields = protocol_qemu_description.Fields(self.data, self.at + 1, self.end_,
        protocol_qemu_description.FIELDS_MAX)
    fields:structure(py.get(self.description, "configuration"), "", 0)
    if not fields.is_unfit and fields.at >= after then
        self.at = fields.at
    elseif after < self.end_ and py.slice(self.data, after, after + 1) == protocol_qemu_description.SUBSECTION then
        local found = native.place_of(protocol_qemu._HEADER, self.data, after, self.end_)
        self.at = (function() if found < 0 then return self.end_ end return found end)()
    else
        self.at = after
    end
    return { machine, py.slice(self.data, after, self.at) }
end

function protocol_qemu._number(data, at, size)
    return py.uint(py.slice(data, at, at + size), "big")
end

-- `begin`, `end`: where the device's octets begin, and end at the latest. `left`: fields that may still be read.
function protocol_qemu_description.Fields._init(self, data, begin, end_, left)
    self.data = data
    self.begin, self.at, self.end_ = begin, begin, end_
    self.left = left
    self.places = {}
    self.is_unfit = false
end

-- The next octets; none if they are too few.
function protocol_qemu_description.Fields.take(self, size)
    if self.is_unfit or size < 0 or size > self.end_ - self.at then
        self.is_unfit = true
        return ""
    end
    self.at = self.at + size
    return py.slice(self.data, self.at - size, self.at)
end

-- The fields of a structure, and its subsections.
function protocol_qemu_description.Fields.structure(self, described, path, depth)
    if not py.is_a(described, "dict") or depth == protocol_qemu_description.DEPTH_MAX then
        self.is_unfit = true
        return
    end
    local some = py.get(described, "fields")
    local more = py.get(described, "subsections", {})
    self.is_unfit = self.is_unfit or not py.is_a(some, "list") or not py.is_a(more, "list")
    if self.is_unfit then
        return
    end
    for _, one in ipairs(some) do
        self:field(one, path, depth)
    end
    for _, one in ipairs(more) do
        self:subsection(one, path, depth)
    end
end

-- A structure with a header of its own; its version is not needed.
function protocol_qemu_description.Fields.subsection(self, described, path, depth)
    local is_one = self:take(1) == protocol_qemu_description.SUBSECTION
    local name = py.decode(self:take(py.uint(self:take(1), "big")), "ascii", "backslashreplace")
    self:take(4)
    self.is_unfit = self.is_unfit or not is_one
    if not self.is_unfit then
        self:inside(described, protocol_qemu_description.DeviceField(name, path .. name, "struct", self.at - self.begin,
            0, depth, false))
    end
end

-- A field, as often as its array has it.
function protocol_qemu_description.Fields.field(self, one, path, depth)
    if not py.is_a(one, "dict") or not py.is_a(py.get(one, "name"), "str") or not py.is_a(py.get(one, "type"),
        "str") then
        self.is_unfit = true
        return
    end
    local count, is_element = protocol_qemu_description._whole(py.get(one, "array_len", 1)), one["array_len"] ~= nil
    self.is_unfit = self.is_unfit or count < 0 or count > self.left
    for index = 0, count - 1 do
        if self.is_unfit then
            return
        end
        self.left = self.left - 1
        local own = path .. one["name"] .. (is_element and "[" .. py.str(index) .. "]" or "")
        self.is_unfit = #own > protocol_qemu_description.PATH_MAX
        local place = protocol_qemu_description.DeviceField(one["name"], own, "struct", self.at - self.begin, 0, depth,
            is_element)
        if one["type"] == "struct" and one["struct"] ~= nil then
            self:inside(one["struct"], place)
        else
            self:alone(one["type"], protocol_qemu_description._whole(py.get(one, "size")), place)
        end
    end
end

-- A structure with the fields in it.
function protocol_qemu_description.Fields.inside(self, described, place)
    local before = self.places
    self.places = {}
    self:structure(described, place.path .. ".", place.depth + 1)
    local inside = self.places
    self.places = before
    self.places[#self.places + 1] = py.with(place, "size", self.at - self.begin - place.at)
    py.extend(self.places, inside)
end

-- A field that is no structure.
function protocol_qemu_description.Fields.alone(self, kind, size, place)
    if kind == "capability" then
        size = py.uint(self:take(1), "big")
    end
    local at = self.at - self.begin
    self:take(size)
    self.places[#self.places + 1] = py.with(place, "kind", protocol_qemu_description._kind(kind, size), "at", at,
        "size", size)
end

-- What a value is by the type that a description gives it.
function protocol_qemu_description._kind(described, size)
    if protocol_qemu_description.NAMED_KINDS[described] ~= nil then
        return protocol_qemu_description.NAMED_KINDS[described]
    end
    if py.has(protocol_qemu_description.INTEGERS, size) and py.startswith(described, "uint") then
        return "uint"
    end
    return py.has(protocol_qemu_description.INTEGERS, size) and py.startswith(described, "int") and "int" or "octets"
end

-- The next section or command; nil at the end, or at what is neither.
function protocol_qemu._Reading.piece(self)
    if self:_is_part(self.at) then
        return self:_part()
    end
    if self:_is_command(self.at) then
        return self:_command()
    end
    local header = protocol_qemu._header(self.data, self.at, self.end_)
    if header == nil then
        return nil
    end
    py.put(self.begun, header.number, header)
    local begin = self.at + header.size
    local fields = self:_described(header, begin)
    local stop = fields.at
    if fields.is_unfit or not self:_is_over(fields.at, header.number) then
        fields.places = {}
        stop = self:_end(begin, header.number)
    end
    return self:_section(header, begin, stop, fields.places)
end

-- The header of a section at a place; nil if there is none whole.
function protocol_qemu._header(data, at, end_)
    if at + 14 > end_ or (py.at(data, at) ~= protocol_qemu.START and py.at(data, at) ~= protocol_qemu.FULL) then
        return nil
    end
    local after = at + 6 + py.at(data, at + 5)
    local octets = py.slice(data, at + 6, after)
    if after + 8 > end_ or not ((not octets:find("[\128-\255]"))) then
        return nil
    end
    local device = py.decode(octets, "ascii")
    if device == "" or not ((not device:find("[^ -~]"))) then
        return nil
    end
    local instance, version = protocol_qemu._number(data, after, 4), protocol_qemu._number(data, after + 4, 4)
    return protocol_qemu._Header(py.at(data, at), protocol_qemu._number(data, at + 1, 4), device, instance, version,
        after + 8 - at)
end

-- A section whose octets are told, with its footer; nil if it lacks one.
function protocol_qemu._Reading._section(self, header, begin, stop, places)
    local footer = stop ~= nil and py.slice(self.data, stop, stop + protocol_qemu.FOOTER_SIZE) ==
        protocol_qemu._footer(header.number)
    if stop == nil or self.has_footers and not py.truth(footer) then
        return nil
    end
    self.has_footers = footer
    local start
    start, self.at = self.at, stop + (py.truth(footer) and protocol_qemu.FOOTER_SIZE or 0)
    local octets, device = py.slice(self.data, begin, stop), header.device
    return protocol_qemu.Section(header.kind, header.number, device, header.instance, header.version, octets, footer,
        start, places)
end

function protocol_qemu._footer(number)
    return protocol_qemu._FOOTER .. py.to_bytes(number, 4, "big")
end

-- Where the next one begins.
function protocol_qemu.Section._getters.stop(self)
    return self.start + self.header + #self.octets + (self.footer and protocol_qemu.FOOTER_SIZE or 0)
end

-- The octets before its own.
function protocol_qemu.Section._getters.header(self)
    if (self.kind == protocol_qemu.START or self.kind == protocol_qemu.FULL) then
        return 14 + #self.device
    end
    return 5
end

-- Optional parts that are in it, which an older QEMU refuses that does not know them: their names, and where in the
-- octets these stand.
function protocol_qemu.Section._getters.subsections(self)
    if (self.kind == protocol_qemu.START or self.kind == protocol_qemu.FULL) then
        return protocol_qemu._subsections(self.octets)
    end
    return {}
end

-- Parts whose name has a slash in it, as QEMU wants of a subsection, and is as long as it says.
function protocol_qemu._subsections(octets)
    local found = {}
    local at = native.place_of(protocol_qemu._MARK, octets, 0, #octets)
    while at >= 0 do
        local after = at + 2 + py.at(octets, at + 1)
        local own = py.slice(octets, at + 2, after)
        if after + 4 <= #octets and (not own:find("[\128-\255]")) and py.slice(octets, after,
            after + 2) == "\000\000" then
            local name = py.decode(own, "ascii")
            if (not name:find("[^ -~]")) and py.has(name, "/") then
                found[#found + 1] = { name, at + 2 }
            end
        end
        at = native.place_of(protocol_qemu._MARK, octets, at + 1, #octets)
    end
    return found
end

-- More of a section that has begun, or its end.
function protocol_qemu._Reading._part(self)
    local number = protocol_qemu._number(self.data, self.at + 1, 4)
    local first = self.begun[number]
    local header = protocol_qemu._Header(py.at(self.data, self.at), number, first.device, first.instance, first.version,
        5)
    return self:_section(header, self.at + 5, self:_end(self.at + 5, number), {})
end

function protocol_qemu._Reading._command(self)
    local start = self.at
    local number, size = protocol_qemu._number(self.data, start + 1, 2), protocol_qemu._number(self.data, start + 3, 2)
    self.at = start + 5 + size
    return protocol_qemu.Section(protocol_qemu.COMMAND, number, "", 0, 0, py.slice(self.data, start + 5, self.at),
        false, start)
end

function protocol_qemu._Reading._described(self, header, begin)
    local described = py.get(self.devices, protocol_qemu_description.key(header.device, header.instance))
    local fields = protocol_qemu_description.Fields(self.data, begin, self.end_, self.left)
    fields:structure(described, "", 0)
    self.left = fields.left
    return fields
end

-- Where the octets of a section end that begin here; nil if a footer has to follow them, and none does.
function protocol_qemu._Reading._end(self, at, number)
    local found
    if self.has_footers ~= false then
        local footer = protocol_qemu._footer(number)
        found = py.find(self.data, footer, at, self.end_)
        while found >= 0 do
            if self:_is_next(found + protocol_qemu.FOOTER_SIZE) then
                return found
            end
            found = py.find(self.data, footer, found + 1, self.end_)
        end
        if self.has_footers then
            return nil
        end
    end
    found = native.place_of(protocol_qemu._HEADER, self.data, at, self.end_)
    while found >= 0 do
        if self:_is_new(found) then
            return found
        end
        found = native.place_of(protocol_qemu._HEADER, self.data, found + 1, self.end_)
    end
    return py.at(self.data, self.end_ - 1) == protocol_qemu.END and self.end_ - 1 or self.end_
end

-- Whether the octets of a section may end here.
function protocol_qemu._Reading._is_over(self, at, number)
    return py.slice(self.data, at, at + protocol_qemu.FOOTER_SIZE) == protocol_qemu._footer(number) or self:_is_next(at)
end

-- Whether what may follow a section stands here: another one, a command, the end.
function protocol_qemu._Reading._is_next(self, at)
    local is_last = at == self.end_ or (at + 1 == self.end_ and py.at(self.data, at) == protocol_qemu.END)
    return is_last or self:_is_new(at) or self:_is_part(at) or self:_is_command(at)
end

-- Whether the header of a section stands here whose number no one has had.
function protocol_qemu._Reading._is_new(self, at)
    local one = protocol_qemu._header(self.data, at, self.end_)
    if one == nil or self.begun[one.number] ~= nil then
        return false
    end
    return one.number < protocol_qemu.NUMBER_MAX and one.version < protocol_qemu.NUMBER_MAX
        and one.instance < protocol_qemu.INSTANCE_MAX
end

-- Whether more of a section stands here that has begun.
function protocol_qemu._Reading._is_part(self, at)
    if at + 5 > self.end_ or (py.at(self.data, at) ~= protocol_qemu.PART and py.at(self.data,
        at) ~= protocol_qemu.LAST) then
        return false
    end
    local number = protocol_qemu._number(self.data, at + 1, 4)
    return self.begun[number] ~= nil and self.begun[number].kind == protocol_qemu.START
end

function protocol_qemu._Reading._is_command(self, at)
    if at + 5 > self.end_ or py.at(self.data, at) ~= protocol_qemu.COMMAND then
        return false
    end
    return protocol_qemu.COMMANDS[protocol_qemu._number(self.data, at + 1, 2)] ~= nil
        and at + 5 + protocol_qemu._number(self.data, at + 3, 2) <= self.end_
end

-- Those that name a device, one for each.
function protocol_qemu.Stream._getters.sections(self)
    return py.map(self.pieces, function(one) if (one.kind == protocol_qemu.START
        or one.kind == protocol_qemu.FULL) then return one end end)
end

-- A section or command as a line of text.
function protocol_qemu.title(one)
    if one.kind == protocol_qemu.COMMAND then
        return "command " .. py.str(protocol_qemu.COMMANDS[one.number])
    end
    local words = py.str(one.device) .. " " .. py.str(one.instance) .. " version " .. py.str(one.version)
    if one.kind == protocol_qemu.FULL then
        return words
    end
    return py.str(words) .. ", " .. py.str(protocol_qemu.KINDS[one.kind])
end

-- What a section or command holds. `begin`: where its own octets do.
function runtime_streams._inside(one, begin, shown)
    local results = {}
    local size = #one.octets
    if one.kind == protocol_qemu.COMMAND then
        results[#results + 1] = runtime_streams.Line(1, "qemu.cmd", one.start + 1, 2)
    else
        results[#results + 1] = runtime_streams.Line(1, "qemu.number", one.start + 1, 4)
    end
    if (one.kind == protocol_qemu.START or one.kind == protocol_qemu.FULL) then
        results[#results + 1] = runtime_streams.Line(1, "qemu.device", one.start + 6, #one.device, one.device)
        results[#results + 1] = runtime_streams.Line(1, "qemu.instance", begin - 8, 4)
        results[#results + 1] = runtime_streams.Line(1, "qemu.version", begin - 4, 4)
    end
    if size > 0 then
        results[#results + 1] = runtime_streams.Line(1, "qemu.state", begin, size)
    end
    for _, one_ in ipairs(one.subsections) do
        local name, at = py.unpack(one_)
        results[#results + 1] = runtime_streams.Line(1, "qemu.subsection", begin + at, py.len(name), name)
    end
    local is_cut = 0 < shown and shown < #one.places
    for _, field in ipairs((function() if is_cut then return py.slice(one.places, 0,
        shown) end return one.places end)()) do
        results[#results + 1] = runtime_streams.Line(1 + field.depth, "qemu.field", begin + field.at, field.size,
            protocol_qemu_description.words(field, one.octets))
    end
    if is_cut then
        results[#results + 1] = runtime_streams.Line(1, "contents", begin, 0, runtime_streams.MORE)
    end
    return results
end

-- A field and its value as a line of text.
function protocol_qemu_description.words(one, octets)
    local own = py.slice(octets, one.at, one.at + one.size)
    if one.kind == "struct" then
        return one.path
    end
    if one.kind == "bool" then
        return py.str(one.path) .. ": " .. py.str(py.slice(own, 0, 1) == protocol_qemu_description.ZERO and "false"
            or "true")
    end
    if (one.kind == "uint" or one.kind == "int") then
        return py.str(one.path) .. ": " .. py.str(native.decimal(own, one.kind == "int"))
    end
    if one.kind == "text" then
        return py.str(one.path) .. ": " .. py.str(py.decode(own, "ascii", "backslashreplace"))
    end
    if one.kind == "null" then
        return py.str(one.path) .. ": null"
    end
    return py.str(one.path) .. ": " .. py.str((function() if one.size <= protocol_qemu_description.WORDS_MAX then return
        py.hex(own) end return py.str(one.size) .. " octets" end)())
end

protocol_containers.CONTAINERS = { ["xl"] = CONTAINER["xl"], ["libvirt"] = CONTAINER["libvirt"],
    ["xenops"] = CONTAINER["xenops"], ["libxl"] = CONTAINER["libxl"], ["libxc"] = CONTAINER["libxc"] }
facts_directions._TAKE = { ["DirectionStarted"] = facts_directions.DirectionFacts._start,
    ["Record"] = facts_directions.DirectionFacts._record, ["Gap"] = facts_directions.DirectionFacts._gap,
    ["PacketsCut"] = facts_directions.DirectionFacts._cut, ["WayLost"] = facts_directions.DirectionFacts._lose,
    ["Resynchronised"] = facts_directions.DirectionFacts._regain, ["Closed"] = facts_directions.DirectionFacts._close,
    ["Progress"] = facts_directions.DirectionFacts._count, ["DirectionEnded"] = facts_directions.DirectionFacts._end }
facts_faults._TAKE = { ["POSTCOPY_LIST"] = facts_faults.Faults._announce,
    ["POSTCOPY_FAULT"] = facts_faults.Faults._fault, ["POSTCOPY_PAGES"] = facts_faults.Faults._page_data }
rules_framing._HEADERS = { ["image header"] = { CHECK["bad-image-header 1"], CHECK["bad-image-header 2"],
    CHECK["bad-image-header 3"], CHECK["big-endian-stream 1"], CHECK["legacy-stream 2"] }, ["domain header"] = {
    CHECK["bad-domain-header 1"], CHECK["bad-domain-header 2"] }, ["libxl header"] = { CHECK["bad-libxl-header 1"],
    CHECK["bad-libxl-header 2"], CHECK["big-endian-stream 2"] }, ["xl header"] = { CHECK["bad-xl-header 1"],
    CHECK["bad-xl-header 2"], CHECK["legacy-stream 1"] }, ["libvirt header"] = { CHECK["bad-libvirt-header 1"],
    CHECK["legacy-stream 4"] }, ["xenops legacy header"] = { CHECK["legacy-stream 3"] } }
rules_framing._RECORDS = { ["libxc.END"] = { CHECK["record-too-long 1"], CHECK["nonempty-signal 1"] },
    ["libxc.PAGE_DATA"] = { CHECK["record-too-long 1"], CHECK["body-length-mismatch 1"] }, ["libxc.X86_PV_INFO"] = {
    CHECK["record-too-long 1"] }, ["libxc.X86_PV_P2M_FRAMES"] = { CHECK["record-too-long 1"] },
    ["libxc.X86_PV_VCPU_BASIC"] = { CHECK["record-too-long 1"] }, ["libxc.X86_PV_VCPU_EXTENDED"] = {
    CHECK["record-too-long 1"] }, ["libxc.X86_PV_VCPU_XSAVE"] = { CHECK["record-too-long 1"] },
    ["libxc.SHARED_INFO"] = { CHECK["record-too-long 1"], CHECK["body-length-mismatch 2"] }, ["libxc.TSC_INFO"] = {
    CHECK["record-too-long 1"] }, ["libxc.HVM_CONTEXT"] = { CHECK["record-too-long 1"] }, ["libxc.HVM_PARAMS"] = {
    CHECK["record-too-long 1"] }, ["libxc.TOOLSTACK"] = { CHECK["record-too-long 1"], CHECK["unhandled-record 1"] },
    ["libxc.X86_PV_VCPU_MSRS"] = { CHECK["record-too-long 1"] }, ["libxc.VERIFY"] = { CHECK["record-too-long 1"],
    CHECK["nonempty-signal 1"] }, ["libxc.CHECKPOINT"] = { CHECK["record-too-long 1"], CHECK["nonempty-signal 1"] },
    ["libxc.CHECKPOINT_DIRTY_PFN_LIST"] = { CHECK["record-too-long 1"] }, ["libxc.POSTCOPY_BEGIN"] = {
    CHECK["record-too-long 1"], CHECK["nonempty-signal 1"] }, ["libxc.POSTCOPY_PFNS_BEGIN"] = {
    CHECK["record-too-long 1"], CHECK["nonempty-signal 1"] }, ["libxc.POSTCOPY_PFNS"] = { CHECK["record-too-long 1"],
    CHECK["body-length-mismatch 1"] }, ["libxc.POSTCOPY_TRANSITION"] = { CHECK["record-too-long 1"],
    CHECK["nonempty-signal 1"] }, ["libxc.POSTCOPY_PAGE_DATA"] = { CHECK["record-too-long 1"],
    CHECK["body-length-mismatch 1"] }, ["libxc.POSTCOPY_FAULT"] = { CHECK["record-too-long 1"],
    CHECK["body-length-mismatch 1"] }, ["libxc.POSTCOPY_COMPLETE"] = { CHECK["record-too-long 1"],
    CHECK["nonempty-signal 1"] }, ["libxc.X86_TSC_INFO"] = { CHECK["record-too-long 1"] }, ["libxc.STATIC_DATA_END"] = {
    CHECK["record-too-long 1"], CHECK["nonempty-signal 1"] }, ["libxc.X86_CPUID_POLICY"] = {
    CHECK["record-too-long 1"] }, ["libxc.X86_MSR_POLICY"] = { CHECK["record-too-long 1"] }, ["libxl.END"] = {
    CHECK["record-too-long 1"], CHECK["nonempty-signal 1"] }, ["libxl.LIBXC_CONTEXT"] = { CHECK["record-too-long 1"],
    CHECK["nonempty-signal 1"] }, ["libxl.EMULATOR_XENSTORE_DATA"] = { CHECK["record-too-long 1"] },
    ["libxl.EMULATOR_CONTEXT"] = { CHECK["record-too-long 1"] }, ["libxl.CHECKPOINT_END"] = {
    CHECK["record-too-long 1"], CHECK["nonempty-signal 1"] }, ["libxl.CHECKPOINT_STATE"] = {
    CHECK["record-too-long 1"] }, ["libxl.POSTCOPY_TRANSITION_END"] = { CHECK["record-too-long 1"],
    CHECK["nonempty-signal 1"] }, ["libxl.?"] = { CHECK["record-too-long 1"], CHECK["unknown-mandatory-record 1"],
    CHECK["unknown-optional-record 1"], CHECK["unhandled-record 2"] }, ["libxc.?"] = { CHECK["record-too-long 1"],
    CHECK["unknown-mandatory-record 1"], CHECK["unknown-optional-record 1"] }, ["xenops.QEMU_TRAD"] = {
    CHECK["record-too-long 2"] }, ["xenops.?"] = { CHECK["unknown-mandatory-record 1"],
    CHECK["unknown-optional-record 1"] }, ["xenops.LIBXC_LEGACY"] = { CHECK["legacy-stream 5"] }, ["xenops.LIBXL"] = {
    CHECK["unhandled-record 3"] }, ["xenops.QEMU_XEN"] = { CHECK["unhandled-record 3"] } }
rules_framing._LISTS = { ["libxc.PAGE_DATA"] = { CHECK["empty-pages-record 1"] }, ["libxc.POSTCOPY_PFNS"] = {
    CHECK["empty-pages-record 1"] }, ["libxc.POSTCOPY_PAGE_DATA"] = { CHECK["empty-pages-record 1"] },
    ["libxc.POSTCOPY_FAULT"] = { CHECK["empty-pages-record 1"] } }
rules_framing._ENTRIES = { ["libxc.PAGE_DATA"] = { CHECK["reserved-page-type 1"] }, ["libxc.POSTCOPY_PFNS"] = {
    CHECK["reserved-page-type 1"] }, ["libxc.POSTCOPY_PAGE_DATA"] = { CHECK["reserved-page-type 1"] } }
rules_fields._wrong_types = py.cached(rules_fields._wrong_types)
rules_pages._ENTRIES = { ["libxc.POSTCOPY_PAGE_DATA"] = { CHECK["postcopy-page-type 1"] }, ["libxc.POSTCOPY_FAULT"] = {
    CHECK["postcopy-fault-has-type 1"] } }
protocol_libxc_records._VERSIONS = { [2] = { [0] = RECORD["libxc.END"], [1] = RECORD["libxc.PAGE_DATA"],
    [2] = RECORD["libxc.X86_PV_INFO"], [3] = RECORD["libxc.X86_PV_P2M_FRAMES"], [4] = RECORD["libxc.X86_PV_VCPU_BASIC"],
    [5] = RECORD["libxc.X86_PV_VCPU_EXTENDED"], [6] = RECORD["libxc.X86_PV_VCPU_XSAVE"],
    [7] = RECORD["libxc.SHARED_INFO"], [8] = RECORD["libxc.TSC_INFO"], [9] = RECORD["libxc.HVM_CONTEXT"],
    [10] = RECORD["libxc.HVM_PARAMS"], [11] = RECORD["libxc.TOOLSTACK"], [12] = RECORD["libxc.X86_PV_VCPU_MSRS"],
    [13] = RECORD["libxc.VERIFY"], [14] = RECORD["libxc.CHECKPOINT"], [15] = RECORD["libxc.CHECKPOINT_DIRTY_PFN_LIST"],
    [16] = RECORD["libxc.POSTCOPY_BEGIN"], [17] = RECORD["libxc.POSTCOPY_PFNS_BEGIN"],
    [18] = RECORD["libxc.POSTCOPY_PFNS"], [19] = RECORD["libxc.POSTCOPY_TRANSITION"],
    [20] = RECORD["libxc.POSTCOPY_PAGE_DATA"], [21] = RECORD["libxc.POSTCOPY_FAULT"],
    [22] = RECORD["libxc.POSTCOPY_COMPLETE"] }, [3] = { [0] = RECORD["libxc.END"], [1] = RECORD["libxc.PAGE_DATA"],
    [2] = RECORD["libxc.X86_PV_INFO"], [3] = RECORD["libxc.X86_PV_P2M_FRAMES"], [4] = RECORD["libxc.X86_PV_VCPU_BASIC"],
    [5] = RECORD["libxc.X86_PV_VCPU_EXTENDED"], [6] = RECORD["libxc.X86_PV_VCPU_XSAVE"],
    [7] = RECORD["libxc.SHARED_INFO"], [8] = RECORD["libxc.X86_TSC_INFO"], [9] = RECORD["libxc.HVM_CONTEXT"],
    [10] = RECORD["libxc.HVM_PARAMS"], [11] = RECORD["libxc.TOOLSTACK"], [12] = RECORD["libxc.X86_PV_VCPU_MSRS"],
    [13] = RECORD["libxc.VERIFY"], [14] = RECORD["libxc.CHECKPOINT"], [15] = RECORD["libxc.CHECKPOINT_DIRTY_PFN_LIST"],
    [16] = RECORD["libxc.STATIC_DATA_END"], [17] = RECORD["libxc.X86_CPUID_POLICY"],
    [18] = RECORD["libxc.X86_MSR_POLICY"] } }
protocol_libxc_records._UNKNOWN = { [0] = RECORD["libxc.END"], [1] = RECORD["libxc.PAGE_DATA"],
    [2] = RECORD["libxc.X86_PV_INFO"], [3] = RECORD["libxc.X86_PV_P2M_FRAMES"], [4] = RECORD["libxc.X86_PV_VCPU_BASIC"],
    [5] = RECORD["libxc.X86_PV_VCPU_EXTENDED"], [6] = RECORD["libxc.X86_PV_VCPU_XSAVE"],
    [7] = RECORD["libxc.SHARED_INFO"], [8] = RECORD["libxc.X86_TSC_INFO"], [9] = RECORD["libxc.HVM_CONTEXT"],
    [10] = RECORD["libxc.HVM_PARAMS"], [11] = RECORD["libxc.TOOLSTACK"], [12] = RECORD["libxc.X86_PV_VCPU_MSRS"],
    [13] = RECORD["libxc.VERIFY"], [14] = RECORD["libxc.CHECKPOINT"], [15] = RECORD["libxc.CHECKPOINT_DIRTY_PFN_LIST"],
    [16] = RECORD["libxc.STATIC_DATA_END"], [17] = RECORD["libxc.X86_CPUID_POLICY"],
    [18] = RECORD["libxc.X86_MSR_POLICY"], [19] = RECORD["libxc.POSTCOPY_TRANSITION"],
    [20] = RECORD["libxc.POSTCOPY_PAGE_DATA"], [21] = RECORD["libxc.POSTCOPY_FAULT"],
    [22] = RECORD["libxc.POSTCOPY_COMPLETE"] }
protocol_libxl.LIBXL_RECORDS = { [0] = RECORD["libxl.END"], [1] = RECORD["libxl.LIBXC_CONTEXT"],
    [2] = RECORD["libxl.EMULATOR_XENSTORE_DATA"], [3] = RECORD["libxl.EMULATOR_CONTEXT"],
    [4] = RECORD["libxl.CHECKPOINT_END"], [5] = RECORD["libxl.CHECKPOINT_STATE"],
    [6] = RECORD["libxl.POSTCOPY_TRANSITION_END"] }
protocol_xenops.XENOPS_MESSAGES = { ["http request"] = MESSAGE["http request"],
    ["http response"] = MESSAGE["http response"], ["handshake"] = MESSAGE["handshake"] }
protocol_xenops.XENOPS_RECORDS = { [15] = RECORD["xenops.XENOPS"], [240] = RECORD["xenops.LIBXC"],
    [241] = RECORD["xenops.LIBXL"], [242] = RECORD["xenops.LIBXC_LEGACY"], [3840] = RECORD["xenops.QEMU_TRAD"],
    [3841] = RECORD["xenops.QEMU_XEN"], [3856] = RECORD["xenops.DEMU"], [3857] = RECORD["xenops.VARSTORED"],
    [3858] = RECORD["xenops.SWTPM0"], [3859] = RECORD["xenops.SWTPM"], [65535] = RECORD["xenops.END_OF_IMAGE"] }
protocol_tables._OF_LAYER = { ["libxl"] = { [0] = RECORD["libxl.END"], [1] = RECORD["libxl.LIBXC_CONTEXT"],
    [2] = RECORD["libxl.EMULATOR_XENSTORE_DATA"], [3] = RECORD["libxl.EMULATOR_CONTEXT"],
    [4] = RECORD["libxl.CHECKPOINT_END"], [5] = RECORD["libxl.CHECKPOINT_STATE"],
    [6] = RECORD["libxl.POSTCOPY_TRANSITION_END"] }, ["xenops"] = { [15] = RECORD["xenops.XENOPS"],
    [240] = RECORD["xenops.LIBXC"], [241] = RECORD["xenops.LIBXL"], [242] = RECORD["xenops.LIBXC_LEGACY"],
    [3840] = RECORD["xenops.QEMU_TRAD"], [3841] = RECORD["xenops.QEMU_XEN"], [3856] = RECORD["xenops.DEMU"],
    [3857] = RECORD["xenops.VARSTORED"], [3858] = RECORD["xenops.SWTPM0"], [3859] = RECORD["xenops.SWTPM"],
    [65535] = RECORD["xenops.END_OF_IMAGE"] } }
parser_steps.STEPS = { ["XL_HEADER"] = parser_steps.xl_header, ["LIBVIRT_HEADER"] = parser_steps.libvirt_header,
    ["XENOPS_HEADER"] = parser_steps._plain_header_step_1, ["LIBXL_HEADER"] = parser_steps.libxl_header,
    ["IMAGE_HEADER"] = parser_steps.image_header, ["ANYTHING"] = parser_resync.search,
    ["NOTHING"] = parser_steps.nothing, ["LOST"] = parser_steps.lost,
    ["XENOPS_REQUEST"] = parser_steps.xenops_request_head, ["XENOPS_TALK"] = parser_steps.xenops_talk,
    ["XENOPS_STATE"] = parser_steps.xenops_state, ["XENOPS_LEGACY_HEADER"] = parser_steps._plain_header_step_2,
    ["XENOPS_RECORD"] = parser_steps.xenops_record, ["LIBXL_RECORD"] = parser_steps.libxl_record,
    ["LIBXL_IF_THERE"] = parser_steps.libxl_if_there, ["LIBXL_OR_LIBXC"] = parser_steps.libxl_or_libxc,
    ["DOMAIN_HEADER"] = parser_steps.domain_header, ["LIBXC_RECORD"] = parser_steps.libxc_record,
    ["LEGACY"] = parser_steps.legacy, ["CLOSING"] = parser_steps.closing, ["REVERSE"] = parser_steps.reverse }
protocol_summaries.FORMS = { ["hex"] = function(value, words, values) return py.format(value, "#x") end,
    ["bits"] = function(value, words, values) return py.str(8 * value) end, ["order"] = function(value, words,
    values) return py.truth(value) and "big-endian" or "little-endian" end, ["if"] = function(value, words,
    values) return (function() if py.truth(value) then return words end return "" end)() end,
    ["unless"] = protocol_summaries._unless, ["many"] = protocol_summaries._many, ["size"] = protocol_summaries._size,
    ["xen"] = protocol_summaries._xen }
py.seal()
-- luacheck: pop

-- Packets: what their fields and times say ----------------------------------------------------------------------------

-- What the fields and the times of a packet say.

local connections = runtime_connections.Connections()
local capture = connections.capture -- what is known of its migrations, and of the packet at hand

-- Each field that is asked for costs in every packet: what else TCP's header says is read next to `tcp.seq_raw`.
local seq_raw, tcp_stream, tcp_len = Field.new("tcp.seq_raw"), Field.new("tcp.stream"), Field.new("tcp.len")
local tcp_seq, tcp_completeness = Field.new("tcp.seq"), Field.new("tcp.completeness")
local fin, rst = Field.new("tcp.connection.fin"), Field.new("tcp.connection.rst") -- which few packets have
local HANDSHAKE = 3 -- in tcp.completeness: a SYN of either side was seen

-- The value of a field of the packet at hand. Nil on a pass for which Wireshark builds no tree, as the first one of
-- `tshark -2` without a filter.
local function value_of(extractor)
    local found = extractor()
    return found and found()
end

local SYN, PSH, ACK = 0x02, 0x08, 0x10
local SEQ_AT, ACK_AT, SIZE_AT, FLAGS_AT = 4, 8, 12, 13 -- in TCP's header (RFC 9293, 3.1)

-- TCP's header of the packet at hand: a Tvb and its place there.
local function header_at()
    local field = seq_raw()
    if not field then return nil end
    return field.source, field.offset - SEQ_AT
end

-- Whether a direction whose beginning was not captured begins with a keep-alive (RFC 9293, 3.8.4): one octet, whatever
-- it is, sent again. One that somebody wrote would come with PSH.
local function is_keep_alive()
    local source, at = header_at()
    return source and value_of(tcp_len) == 1 and bit.band(source(at + FLAGS_AT, 1):uint(), PSH) == 0
end

-- The sequence number of a direction's first octet, and whether that is certain: where a SYN was captured TCP counts
-- from it, if it is not told to show no relative numbers. Else it is the first that is seen.
local function origin_of(seq)
    local relative = value_of(tcp_seq)
    if not relative or relative == seq or bit.band(value_of(tcp_completeness) or 0, HANDSHAKE) == 0 then
        return { is_keep_alive() and (seq + 1) % TWO_32 or seq, false }
    end
    return { (seq - relative + 1) % TWO_32, true }
end

-- Seconds from a moment that is one for the whole capture. A time reference that a user sets moves the moment that
-- `rel_ts` counts from; `abs_ts` counts from 1970, for which a number has no nanoseconds left.
local function time_of(pinfo)
    local since, epoch = pinfo.rel_ts, pinfo.abs_ts
    capture.epoch = capture.epoch or epoch - since
    capture.newest = max(capture.newest or epoch, epoch)
    local time = epoch - capture.epoch
    return math.abs(time - since) < 1e-5 + epoch * 2 ^ -50 and since or time -- as exact as such a number is
end

local IDLE = 600 -- seconds

-- No packet follows, as far as is known: tshark looks at packets again, or draws a report, only then. The graphical
-- Wireshark does so in a live capture, too, so that a packet is the last one only when it is old.
local function settle()
    if not gui_enabled() or os.time() - (capture.newest or 0) > IDLE then connections:flush() end
end

-- Rendering: the tree and the columns ---------------------------------------------------------------------------------

-- What a frame shows is a function of its place in the stream and of what is known of the stream: of the items that
-- begin or go on there. On the first pass, which knows no later frame, what ends in a frame is shown there, too.

local is_watched, show_contents, show_frame
do

-- A number as Wireshark takes it for 64 bits.
local function wide(value) return UInt64.new(value % TWO_32, floor(value / TWO_32)) end

-- Adds what was found out rather than captured.
local function made(tree, path, value)
    local line = tree:add(F[path], IS_WIDE[path] and wide(value) or value)
    line:set_generated()
    return line
end

-- The part of a frame that belongs to octets of the stream from one offset up to another; nil if there is none.
local function range_of(place, from, to)
    from, to = max(from, place.from), min(to, place.from + place.tvb:len())
    if from >= to then return nil end
    return place.tvb(from - place.from, to - from)
end

local function add(tree, field, range, ...)
    if range then return tree:add(field, range, ...) end
    return tree:add(field, ...)
end

-- Fields

-- Adds a text, as far as it is one: Wireshark itself marks what is no UTF-8.
local function add_text(tree, field, range, text)
    local length = (text:find("%z") or #text + 1) - 1
    if range and length > 0 then return tree:add_packet_field(field, range(0, length), ENC_UTF_8 + ENC_STRING) end
    return add(tree, field, range, "")
end

-- The layout that octets inside of a body have: the first that takes all of them.
local function inside_of(one, octets, endianness, around)
    local chosen_by = one.row.chosen_by
    local layouts = one.row.inside and one.row.inside[one.values[chosen_by] or around[chosen_by] or 1]
    for _, name in ipairs(layouts or {}) do
        local layout = runtime_layouts.Ordered(LAYOUT[name], endianness)
        if runtime_layouts.measure(layout, octets) == #octets then return LAYOUT[name] end
    end
end

-- Some bits of a number, of which others than the lower 32 may be needed: a mask has no more in Wireshark 4.0.
local function bits_of(range, endianness, part)
    local number = endianness == "big" and range:uint64() or range:le_uint64()
    local width = part.width
    local mask = UInt64.new(2 ^ min(width, 32) - 1, 2 ^ max(width - 32, 0) - 1)
    return number:rshift(part.shift):band(mask)
end

-- The names of the bits that are set in a number, below the line of its value. `names`: by bit, nil if it has none.
local function show_bits(line, path, names, range, endianness)
    local number = names and (endianness == "big" and range:uint64() or range:le_uint64())
    for bit = 0, names and 63 or -1 do
        local name = names[bit]
        if name and number:rshift(bit):band(1):tonumber() == 1 then line:add(F[path], range, name) end
    end
end

-- The sections of QEMU's stream, below the line of its octets.
local function show_stream(line, octets, source)
    local around = { [0] = line }
    for _, one in ipairs(runtime_streams.lines(octets, settings.lines)) do
        local range, text = source(one.at, one.size), { one.text }
        around[one.depth + 1] = add(around[one.depth], F[one.path], range, table.unpack(text))
    end
end

-- Adds the fields of a layout, below `path`: `source` gives the range of octets of the body, `context` is what was said
-- before it.
local function show_layout(tree, layout, path, body, at, endianness, source, context)
    local reading, around = runtime_layouts.Reading(body, endianness, settings.lines), { [0] = tree }
    local basic = {} -- leaves of a CPUID policy, by number
    local add_number = endianness == "big" and tree.add or tree.add_le
    reading:follow(layout, at)
    for _, one in ipairs(reading.found) do
        local row, above = one.row, around[one.depth]
        local shown, range = F[path .. row.path], source(one.offset, one.size)
        local octets = body:sub(one.offset + 1, one.offset + one.size)
        if one.element then
            local words = format(one.is_whole and "%s %d" or "%s %d, not whole", row.name or "", one.element)
            around[one.depth + 1] = row.elements[1].name and shown and add(above, shown, range, words) or above
        elseif row.kind == "uint" then
            local line, name = add_number(above, shown, range), row.names and row.names[one.values[row.name]]
            for _, part in ipairs(row.parts or {}) do
                local shown_part = F[path .. row.path .. "." .. part.name]
                if part.shift + part.width <= 32 then
                    add_number(line, shown_part, range)
                else
                    line:add(shown_part, range, bits_of(range, endianness, part))
                end
            end
            local values = one.values
            local leaf = values.subleaf and format("%s %x %x", row.path, values.leaf, values.subleaf)
            show_bits(line, "cpuid.feature", FEATURES[leaf or ""], range, endianness)
            show_bits(line, "msr.bit", REGISTERS[values[row.register or ""]], range, endianness)
            if row.path == "cpuid_policy.d" and one.values.subleaf == protocol_cpuid.NO_SUBLEAF then
                basic[one.values.leaf] = one.values
            end
            if name and above ~= tree then above:append_text(" " .. name) end
        elseif row.kind == "rest" or row.kind == "octets" then
            local line = range and shown and above:add(shown, range)
            local inside = line and inside_of(one, octets, endianness, context)
            if line and row.is_stream_of_qemu then
                show_stream(line, octets, function(start, length) return source(one.offset + start, length) end)
            end
            if inside then
                local function part(start, length) return source(one.offset + start, length) end
                show_layout(line, inside, inside.path, octets, 0, endianness, part, context)
            end
        else
            add_text(above, shown, range, octets)
        end
    end
    for _, one in ipairs(runtime_words.processor(basic)) do made(tree, one[1], one[2]) end
    if reading.is_cut then made(tree, "contents", "more elements: see the preference for how many lines are shown") end
end

-- The body of an item: from the frame, or, where it is not all in it, in a tab of its own.
local function show_body(tree, shown, place)
    local item = shown.item
    local body, spec = item.body, item.spec
    if not body or body == "" or (item.type and (not spec or item.is_pages)) then return end
    local tvb, shift = place.tvb, item.offset - place.from
    if item.type then shift = shift + shown.header end
    if shift < 0 or shift + #body > tvb:len() then
        tvb, shift = ByteArray.new(body, true):tvb(item.name), 0
    end
    local function source(from, size) return size > 0 and tvb(shift + from, size) or nil end
    if spec and not spec.body and not spec.octets then
        local at = item.name == "handshake" and 2 or 0 -- after its length
        if #body > at then add_text(tree, F.text, source(at, #body - at), body:sub(at + 1)) end
        return
    end
    if not spec or not spec.body then
        local size = spec and #spec.octets or #body
        add_text(tree, F.text, source(0, min(size, #body)), body:sub(1, size))
        if #body > size then tree:add(F.status, source(size, 1)) end
        return
    end
    local path, size = item.name:lower():gsub("[ -]", "_") .. ".", not item.type and spec.size or #body
    local context = shown.migration.context
    show_layout(tree, spec.body, path, body:sub(1, size), 0, item.endianness, source, context)
    if spec.optional then show_layout(tree, spec.optional, path, body, size, item.endianness, source, context) end
end

-- Runs

-- Each pfn by itself, for whoever searches one: the runs show them.
local function show_pfns(tree, place, seen, shift, endianness)
    each_entry(seen, endianness, function(index, pfn)
        local at = max(shift + ENTRY_SIZE * index, 0)
        tree:add(F.pfn, place.tvb(at, shift + ENTRY_SIZE * (index + 1) - at), wide(pfn)):set_hidden()
    end)
end

-- The entries of a pages record that end in the frame, in runs; one that is split is shown where it ends, and one that
-- comes again not at all.
local function show_runs(tree, shown, place)
    local start = shown.offset + shown.header + 8
    local from, to = max(start, shown.half:fresh_from(place.frame, place.from)), shown:entries_end()
    local range = to and range_of(place, from, to)
    if not range then return end
    local seen, shift = range:raw(), from - place.from
    local split = (from - start) % ENTRY_SIZE
    if split > 0 then
        local head = shown.half.split[from] or ""
        if #head == split then
            seen, shift = head .. seen, shift - split
        else
            seen, shift = seen:sub(ENTRY_SIZE - split + 1), shift + ENTRY_SIZE - split
        end
    end
    local typed, endianness = shown.role ~= "POSTCOPY_FAULT", shown.item.endianness
    if tree:referenced(F.pfn) then show_pfns(tree, place, seen, shift, endianness) end
    for index, run in ipairs(runs_of(seen, endianness)) do
        if settings.lines > 0 and index > settings.lines then
            made(tree, "contents", "more runs: see the preference for how many lines are shown")
            break
        end
        local at = max(shift, 0)
        local where = place.tvb(at, min(ENTRY_SIZE * run.length + shift - at, place.tvb:len() - at))
        shift = shift + ENTRY_SIZE * run.length
        local line = tree:add(F.run, where, runtime_words.run(run, typed))
        line:add(F["run.pfn"], where, wide(run.first))
        line:add(F["run.count"], where, run.length)
        if typed then line:add(F["run.type"], where, run.type) end
    end
end

-- Faults

local function relative(seconds)
    local whole = floor(seconds)
    local nanoseconds = floor((seconds - whole) * 1e9 + 0.5)
    if whole < 0 and nanoseconds > 0 then whole, nanoseconds = whole + 1, nanoseconds - 1000000000 end
    return NSTime.new(whole, nanoseconds)
end

local function show_faults(tree, shown)
    local ties, is_over = shown:ties(), capture:kept_of(shown.migration.number).is_over
    made(tree, "fault.count", #shown.pfns)
    for _, pfn in ipairs(shown.pfns) do
        local tie = ties[pfn]
        local line = made(tree, "fault", runtime_words.fault(shown, pfn, tie, is_over))
        made(line, "fault.pfn", pfn)
        if tie then
            made(line, "fault.answered_in", tie.shown.last.frame)
            if tie.in_flight then
                made(line, "fault.lead", relative(shown.last.time - tie.shown.item.first.time))
            else
                made(line, "fault.latency", relative(runtime_words.latency(shown, tie)))
            end
            made(line, "fault.in_flight", tie.in_flight)
        elseif is_over then
            line:add_proto_expert_info(EXPERTS.unanswered)
        end
    end
end

local function show_answers(tree, shown)
    for _, tie in ipairs(shown.links) do
        local line = made(tree, "page.answers", tie.shown.last.frame)
        made(line, "page.answers.pfn", tie.pfn)
    end
    made(tree, "page.pushed", shown.listed - #shown.links)
end

local function show_broken(tree, shown)
    for _, one in ipairs(shown.broken) do
        local line, words = made(tree, "rule", one.rule), one.rule .. ": " .. one.message
        line:set_text(words)
        line:add_proto_expert_info(EXPERTS[one.rule .. " " .. one.severity], words)
    end
end

-- Items

-- What is known of an item only when it has ended.
local function show_end(tree, shown, place)
    if shown.pfns then show_faults(tree, shown) end
    if shown.role == "POSTCOPY_PAGES" and shown.listed and shown.whole then show_answers(tree, shown) end
    show_body(tree, shown, place)
    show_broken(tree, shown)
end

-- An item in the frame that holds the end of its header.
local function show_item(top, shown, place)
    local item = shown.item
    local tree = add(top, F.item, range_of(place, item.offset, item.offset + shown.length), item.name)
    tree:set_text(format("%s %s", item.layer or "no layer:", runtime_words.summary(shown)))
    for _, one in ipairs(runtime_words.fields(shown)) do made(tree, one[1], one[2]) end
    if item.is_pages then show_runs(tree, shown, place) end
    if shown.count then made(tree, "count", shown.count) end
    show_end(tree, shown, place)
    return tree
end

-- More of an item whose header an earlier frame holds.
local function show_more(top, shown, place)
    local item, to = shown.item, shown:entries_end()
    local has_entries = to and place.from < to
    local range = range_of(place, place.from, shown.offset + shown.length)
    local tree = add(top, F.contents, range, runtime_words.contents(shown, has_entries))
    made(tree, "contents.of", item.first.frame)
    if has_entries then show_runs(tree, shown, place) end
    return tree
end

-- Whether anybody looks at what a frame of page contents says beside its one line.
function is_watched(root)
    return root.visible or root:referenced(F.contents) or root:referenced(F["contents.of"])
end

-- A frame that holds page contents alone. Most frames of a capture do: one line is all that they may cost.
function show_contents(root, shown, tvb, watched)
    local line = shown.line
    if line == "" then
        line = runtime_words.contents(shown, false)
        shown.line = line
    end
    local tree = root:add(xenmig, tvb, line)
    if watched then
        tree:add(F.contents, tvb(), line):set_generated()
        made(tree, "contents.of", shown.item.first.frame)
    end
end

local INFO_ITEMS = 4 -- items of a frame that the Info column names

local function show_columns(pinfo, tree, all)
    pinfo.cols.protocol = "XENMIG"
    local words, longest = {}, nil
    for index, shown in ipairs(all) do
        if index <= INFO_ITEMS then words[index] = runtime_words.summary(shown) end
        local wait = shown.pfns and runtime_words.slowest(shown)
        if wait then longest = max(longest or wait, wait) end
    end
    -- One value a frame, so that a column of it can be sorted.
    if longest then made(tree, "fault.slowest", relative(longest)) end
    if #all > INFO_ITEMS then words[INFO_ITEMS + 1] = format("and %d more", #all - INFO_ITEMS) end
    if all[1] then pinfo.cols.info = table.concat(words, ", ") end
end

-- Everything in a frame. `place`: tvb, `from` and `to` (offsets in the stream); `found`, `ended`: the items that were
-- found and that ended in it, on the first pass.
function show_frame(root, pinfo, half, place, found, ended)
    local items = half.shown
    found, ended = found or {}, ended or {}
    local index = native.above(items, "offset", place.from)
    local before = items[index]
    if before and before.offset + before.header > place.from then index = index - 1 end
    local around, after = items[index], items[index + 1]
    local goes_on = around and (around.offset + around.length > place.from or around == half.trailing)
    local begins = after and after.offset + after.header <= place.to
    if not begins and not found[1] and not ended[1] then
        if not goes_on then return end
        local to = around:entries_end()
        if not to or place.from >= to then
            pinfo.cols.protocol = "XENMIG"
            show_contents(root, around, place.tvb, is_watched(root))
            return
        end
    end
    local top, more, all, is_shown = root:add(xenmig, place.tvb()), nil, {}, {}
    local function show(shown)
        if is_shown[shown] then return end
        is_shown[shown] = true
        all[#all + 1] = shown
        show_item(top, shown, place)
    end
    if goes_on and found[1] ~= around then more = show_more(top, around, place) end
    for at = index + 1, #items do
        if items[at].offset + items[at].header > place.to then break end
        -- Where the frame is another, the header was sent again.
        if items[at].frame == pinfo.number then show(items[at]) end
    end
    for _, shown in ipairs(found) do show(shown) end
    for _, shown in ipairs(ended) do
        if not is_shown[shown] then
            local tree = shown == around and more or top:add(F.contents, runtime_words.contents(shown, false))
            show_end(tree, shown, place)
        end
    end
    show_columns(pinfo, top, all)
end

end

-- Segments: what TCP hands over, and what it keeps back ---------------------------------------------------------------

local TCP, TCP_HEADER, TCP_HEADER_MAX, IPV4_HEADER, IPV6_HEADER = 6, 20, 60, 20, 40
local LOWER_LAYERS = 128 -- octets of a frame in which TCP's header is looked for
local PORTS_OF_TCP = 2 -- pinfo.port_type
local function begins_tcp(tvb, at, pinfo)
    if at < 0 or at + TCP_HEADER > tvb:len() or tvb(at, 2):uint() ~= pinfo.src_port then return false end
    return tvb(at + 2, 2):uint() == pinfo.dst_port
end

local function tcp_size(tvb, at) return 4 * tvb(at + SIZE_AT, 1):bitfield(0, 4) end

-- Where TCP's header is in a frame, and how many octets of payload follow it: found by its ports, and by its own
-- length, if it is known where the payload begins, or else by an IP header without options before it.
local function find_tcp(tvb, pinfo, payload, length)
    for size = TCP_HEADER, payload and TCP_HEADER_MAX or 0, 4 do
        local at = payload - size
        if begins_tcp(tvb, at, pinfo) and tcp_size(tvb, at) == size then return at, length end
    end
    if payload then return nil, length end
    for at = IPV4_HEADER, min(LOWER_LAYERS, tvb:len()) - TCP_HEADER do
        if begins_tcp(tvb, at, pinfo) then
            local four, six = at - IPV4_HEADER, at - IPV6_HEADER
            if tvb(four, 1):uint() == 0x45 and tvb(four + 9, 1):uint() == TCP then
                return at, tvb(four + 2, 2):uint() - IPV4_HEADER - tcp_size(tvb, at)
            elseif six >= 0 and tvb(six, 1):bitfield(0, 4) == 6 and tvb(six + 6, 1):uint() == TCP then
                return at, tvb(six + 4, 2):uint() - tcp_size(tvb, at)
            end
        end
    end
    return nil
end

local function piece_of(segment, pinfo)
    local captured = segment.tvb:len()
    return runtime_halves.Piece(0, segment.length, segment.tvb, captured, pinfo.number, time_of(pinfo))
end

-- One segment that holds more than page contents, or that is looked at again. `segment`: tvb with the payload that was
-- captured, `length` of all of it, `seq`, `ack` and `flags`.
local function dissect_segment(half, segment, pinfo, root)
    local frame = pinfo.number
    local offset, found, ended
    if frame > half.last_frame then
        offset = half:take(piece_of(segment, pinfo), segment.seq, segment.ack, segment.flags or 0, origin_of)
        found, ended = capture.found, capture.ended
    else
        if pinfo.visited then settle() end
        offset = half:place_of(frame, segment.seq)
    end
    if offset then
        local place = { tvb = segment.tvb, from = offset, to = offset + segment.length, frame = frame }
        show_frame(root, pinfo, half, place, found, ended)
    end
end

local function dissect_ack(half, segment, tvb, pinfo, root)
    if pinfo.visited or not half:take_ack(segment.ack, segment.seq, segment.flags, pinfo.number) then return end
    local nowhere = { tvb = tvb, from = native.FOREVER, to = native.FOREVER, frame = pinfo.number }
    show_frame(root, pinfo, half, nowhere, capture.found, capture.ended)
end

function xenmig.dissector(tvb, pinfo, root)
    local frame, length, seq = pinfo.number, tvb:reported_len(), seq_raw()
    capture.handled = frame
    if not seq and not pinfo.visited then
        -- There is no tree on this pass, but the frame itself, which is there when all dissectors are done.
        capture.deferred = { payload = tvb:offset(), length = length }
        return length
    end
    seq = seq and seq()
    local stream = value_of(tcp_stream)
    local connection = connections.by_stream[stream] or connections:opened(pinfo, stream)
    local half = connection:half_of(pinfo)
    -- The road that nearly all packets take: the next page contents. Only how many they are matters. It is taken on the
    -- first pass alone, so whether anybody looks is asked once a record.
    local parser = half.parser
    local skip, item = parser.skip, parser.item
    local is_next = seq == half.next_seq and frame > half.last_frame and not half.is_withheld
    if is_next and length < skip and item and tvb:len() == length then
        half.next, parser.offset, parser.skip = half.next + length, parser.offset + length, skip - length
        half.next_seq = (seq + length) % TWO_32
        half.last_frame, half.passed_frame, half.passed_time = frame, frame, time_of(pinfo)
        local shown = half.shown[#half.shown]
        if shown.watched == nil then shown.watched = is_watched(root) end
        show_contents(root, shown, tvb, shown.watched)
    elseif length ~= (value_of(tcp_len) or length) then
        capture.handled = nil -- put together, or a part: what is in the packet itself is looked at, as if kept back
    else
        half.is_withheld = false
        local source, at = header_at()
        local segment = { tvb = tvb, length = length, seq = seq }
        if source then segment.ack, segment.flags = source(at + ACK_AT, 4):uint(), source(at + FLAGS_AT, 1):uint() end
        dissect_segment(half, segment, pinfo, root)
    end
    return length
end

-- A segment out of the octets of its frame, on a pass without a tree. `payload`: where TCP found it, if it did.
local function dissect_frame(tvb, pinfo, root, payload, told)
    if not told and not connections:known(pinfo) then return end
    local at, length = find_tcp(tvb, pinfo, payload, told)
    if not at and not payload then return end
    local seq, ack, flags
    if at then
        seq, ack, flags = tvb(at + SEQ_AT, 4):uint(), tvb(at + ACK_AT, 4):uint(), tvb(at + FLAGS_AT, 1):uint()
        payload = payload or at + tcp_size(tvb, at)
        if bit.band(flags, SYN + ACK) == SYN then connections:forget(pinfo) end
    end
    local connection = told and connections:opened(pinfo) or connections:known(pinfo)
    if not connection then return end
    local half, captured = connection:half_of(pinfo), min(length, tvb:len() - payload)
    if captured > 0 then
        local part = tvb(payload, captured):tvb()
        local segment = { tvb = part, length = length, seq = seq, ack = ack, flags = flags }
        dissect_segment(half, segment, pinfo, root)
    elseif at then
        dissect_ack(half, { seq = seq, ack = ack, flags = flags }, tvb, pinfo, root)
    end
end

-- Whether a stream is known by what a packet holds: then both directions of the connection come here from now on, and
-- so do the packets before when they are looked at again.
local function recognises(segment, pinfo, stream)
    if not connections:recognises(pinfo, stream, segment.seq, piece_of(segment, pinfo), origin_of) then return false end
    pinfo.conversation = xenmig
    return true
end

-- TCP hands over no segment that it takes for a retransmission or for out of order, though it may hold octets that were
-- not seen before: those are found behind TCP's header. Acknowledgements without payload tell what was not captured.
local kept_back = Proto("xenmig_rest", "Xen Live Migration, segments that TCP keeps back")

function kept_back.dissector(tvb, pinfo, root)
    local deferred, hidden = capture.deferred, capture.hidden
    -- Of captures without Xen this is all that most packets cost.
    if not (connections.all[1] or connections.unfinished > 0 or deferred or hidden) then return end
    capture.deferred, capture.hidden = nil, nil
    local frame = pinfo.number
    if frame == capture.handled then
        if deferred then dissect_frame(tvb, pinfo, root, deferred.payload, deferred.length) end
        return
    end
    local length = value_of(tcp_len)
    if not length then
        if connections.all[1] and not pinfo.visited and pinfo.port_type == PORTS_OF_TCP then
            dissect_frame(tvb, pinfo, root)
        end
        return
    end
    if length == 0 and capture.waiting == 0 and not (fin() or rst()) then return end
    local stream = value_of(tcp_stream)
    local connection = connections.by_stream[stream]
    if not connection then
        if length == 0 or pinfo.visited then return end
        if hidden ~= frame and not connections:is_waited_for(pinfo, stream) then return end
    end
    local source, at = header_at()
    local seq, ack = value_of(seq_raw), source(at + ACK_AT, 4):uint()
    local flags = source(at + FLAGS_AT, 1):uint()
    if length > 0 then
        local payload = at + tcp_size(source, at)
        local captured = min(length, source:len() - payload)
        if captured <= 0 then return end
        local part = source(payload, captured):tvb()
        local segment = { tvb = part, length = length, seq = seq, ack = ack, flags = flags }
        if not connection then
            if captured < length or not recognises(segment, pinfo, stream) then return end
            connection = connections.by_stream[stream]
        end
        local half = connection:half_of(pinfo)
        half.is_withheld = true
        dissect_segment(half, segment, pinfo, root)
    else
        dissect_ack(connection:half_of(pinfo), { seq = seq, ack = ack, flags = flags }, tvb, pinfo, root)
    end
end

-- Reports: tshark -z, and windows of the graphical interface ----------------------------------------------------------

do

local REPORTS = { summary = runtime_words.report_summary, faults = runtime_words.report_faults }

-- All is known when every frame was looked at.
local function report_text(name)
    settle()
    return table.concat(REPORTS[name](capture), "\n") .. "\n"
end

-- `tshark -z xenmig,summary` and `-z xenmig,faults`.
for name in pairs(REPORTS) do
    register_stat_cmd_arg("xenmig," .. name, function()
        local listener = Listener.new("frame")
        function listener.draw() io.write(report_text(name)) end
    end)
end

-- What is in the menu Statistics, and there where other protocols have their response times. Lua can give Wireshark no
-- tables and no trees: a window of text, with a button for the packets that it is about.
local FAULTS = { report = "faults", button = "Show faults and answers", filter = "xenmig.fault || xenmig.page.answers" }
local SUMMARY = { report = "summary", button = "Show records", filter = "xenmig.item" }

local function offer(title, menu, one)
    register_menu(title, function()
        local window = TextWindow.new("Xen live migration: " .. one.report)
        window:set(report_text(one.report))
        window:add_button(one.button, function()
            set_filter(one.filter)
            apply_filter()
        end)
    end, menu)
end

-- In the menu of a packet, from Wireshark 4.4 on. Lua cannot add to Conversation Filter.
local function offer_filter(title, field, filter)
    register_packet_menu("Xen Live Migration/" .. title, function(...)
        for _, info in ipairs({ ... }) do
            if info.name == field then
                set_filter(format(filter, tonumber(tostring(info.value)))) -- of 64 bits it is no number
                apply_filter()
                return
            end
        end
    end, "xenmig," .. field)
end

if gui_enabled() and register_packet_menu then
    offer_filter("Records of this migration", "xenmig.migration", "xenmig.migration == %.0f")
    offer_filter("Conversation with this packet", "tcp.stream", "xenmig && tcp.stream == %.0f")
    offer_filter("Packets that list this page", "xenmig.fault.pfn", "xenmig.pfn == %.0f")
end

if gui_enabled() then
    offer("Xen Live Migration/Summary", MENU_STAT_UNSORTED, SUMMARY)
    offer("Xen Live Migration/Faults", MENU_STAT_UNSORTED, FAULTS)
    offer("Xen Live Migration", MENU_STAT_RESPONSE_TIME, FAULTS)
end

end

-- Registration: preferences, ports, and the dissector itself ----------------------------------------------------------

xenmig.fields = all_fields
xenmig.experts = all_experts

xenmig.prefs.ports = Pref.range("TCP ports", "", "Ports that carry migrations, however they begin", 65535)
xenmig.prefs.lines = Pref.uint("Lines of a list", settings.lines,
    "How many elements or runs of a list a frame shows at most; 0: all of them")

local PORTS = 65536
local tcp_ports = DissectorTable.get("tcp.port")
local ports_taken

function xenmig.prefs_changed()
    settings.lines = xenmig.prefs.lines
    if ports_taken and ports_taken ~= "" then tcp_ports:remove(ports_taken, xenmig) end
    ports_taken = xenmig.prefs.ports
    if ports_taken ~= "" then tcp_ports:add(ports_taken, xenmig) end
end

tcp_ports:add_for_decode_as(xenmig)

-- Of a connection that is ignored, by its ports: the addresses of the latest one. On a pass without a tree Wireshark
-- has no number for a connection, and to make words of addresses takes longer than to compare them.
local ignored = { count = 0 }

local function is_ignored(pinfo)
    local one = ignored[pinfo.src_port * PORTS + pinfo.dst_port]
    return one and one.src == pinfo.src and one.dst == pinfo.dst
end

local function ignore(pinfo)
    if ignored.count >= runtime_connections.FOLLOWED_MAX then ignored = { count = 0 } end
    ignored.count = ignored.count + 1
    ignored[pinfo.src_port * PORTS + pinfo.dst_port] = { src = pinfo.src, dst = pinfo.dst }
end

-- Forgets the capture that was open before.
function xenmig.init()
    ignored = { count = 0 }
    connections = runtime_connections.Connections()
    capture = connections.capture
end

register_postdissector(kept_back)

xenmig:register_heuristic("tcp", function(tvb, pinfo, root)
    local stream = value_of(tcp_stream)
    -- Of captures without Xen this is all that most packets cost.
    if stream and connections.ignored[stream] or pinfo.visited then return false end
    if not stream and is_ignored(pinfo) then return false end
    if connections:has_given_up(pinfo, stream) then
        if not stream then ignore(pinfo) end
        return false
    end
    if tvb:reported_len() ~= (value_of(tcp_len) or tvb:reported_len()) then
        capture.hidden = pinfo.number -- TCP put packets together for another dissector, which did not know them
        return false
    end
    local segment = { tvb = tvb, length = tvb:reported_len(), seq = value_of(seq_raw) }
    if not recognises(segment, pinfo, stream) then return false end
    xenmig.dissector(tvb, pinfo, root)
    return true
end)
