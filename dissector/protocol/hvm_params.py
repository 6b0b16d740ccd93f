"""HVM_PARAMS by name: what each parameter is called, and what its value says.

Source: xen/include/public/hvm/params.h of Xen; SHUTDOWN_* of sched.h for what a triple fault does.
"""

from __future__ import annotations

from collections.abc import Mapping

from .forms import Always, Names, bits
from .primitives import BitField, Form

# fmt: off
NAMES: Mapping[int, str] = {
    0: "CALLBACK_IRQ", 1: "STORE_PFN", 2: "STORE_EVTCHN", 4: "PAE_ENABLED", 5: "IOREQ_PFN", 6: "BUFIOREQ_PFN",
    9: "VIRIDIAN", 10: "TIMER_MODE", 11: "HPET_ENABLED", 12: "IDENT_PT", 13: "DM_DOMAIN", 14: "ACPI_S_STATE",
    15: "VM86_TSS", 16: "VPT_ALIGN", 17: "CONSOLE_PFN", 18: "CONSOLE_EVTCHN", 19: "ACPI_IOPORTS_LOCATION",
    20: "MEMORY_EVENT_CR0", 21: "MEMORY_EVENT_CR3", 22: "MEMORY_EVENT_CR4", 23: "MEMORY_EVENT_INT3",
    24: "NESTEDHVM", 25: "MEMORY_EVENT_SINGLE_STEP", 26: "BUFIOREQ_EVTCHN", 27: "PAGING_RING_PFN",
    28: "MONITOR_RING_PFN", 29: "SHARING_RING_PFN", 30: "MEMORY_EVENT_MSR", 31: "TRIPLE_FAULT_REASON",
    32: "IOREQ_SERVER_PFN", 33: "NR_IOREQ_SERVER_PAGES", 34: "VM_GENERATION_ID_ADDR", 35: "ALTP2M",
    36: "X87_FIP_WIDTH", 37: "VM86_TSS_SIZED", 38: "MCA_CAP",
}
"""HVM_PARAM_*."""

DEPRECATED = frozenset((4, 13, 20, 21, 22, 23, 24, 25, 26, 30))
"""Those whose meaning is undefined today."""

VIRIDIAN = bits(
    "0:base_freq 1:no_freq 2:time_ref_count 3:reference_tsc 4:hcall_remote_tlb_flush 5:apic_assist 6:crash_ctl "
    "7:synic 8:stimer 9:hcall_ipi 10:ex_processor_masks 11:no_vp_limit 12:cpu_hotplug"
)
"""HVMPV_*."""

CALLBACK_TYPES = {0: "GSI", 1: "PCI_INTX", 2: "VECTOR"}
TIMER_MODES = {
    0: "delay_for_missed_ticks", 1: "no_delay_for_missed_ticks", 2: "no_missed_ticks_pending",
    3: "one_missed_tick_pending",
}
SHUTDOWNS = {0: "poweroff", 1: "reboot", 2: "suspend", 3: "crash", 4: "watchdog", 5: "soft_reset"}
ALTP2M_MODES = {0: "disabled", 1: "mixed", 2: "external", 3: "limited"}

NAME = Always(Names(NAMES))
"""The form of a parameter's number."""

VALUES: Mapping[int, Form] = {
    0: bits("", BitField("type", 56, 8, CALLBACK_TYPES), BitField("to", 0, 56)),
    9: VIRIDIAN,
    10: Names(TIMER_MODES),
    31: Names(SHUTDOWNS),
    35: Names(ALTP2M_MODES),
    37: bits("", BitField("address", 0, 32), BitField("size", 32, 32)),
    38: bits("0:LMCE"),
}
"""The forms of its value, by its number."""
# fmt: on
