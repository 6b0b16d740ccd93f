"""What the stream has said of the guest so far: what later records are held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dissector.events import FORWARD, Record
from dissector.protocol import PAGE_SHIFT, Endianness
from dissector.protocol import Guest as GuestKind
from dissector.rules.reading import Leaf, config_of, from_json, leaves, number, pairs, save_records

GUESTS: dict[str | None, GuestKind] = {"x86 PV": "pv", "x86 HVM": "hvm", "x86 PVH": "hvm"}
"""What the domain header's name means for the records that may come."""


VCPU_HEADER = 8
"""Octets before the state in a record of a PV guest's vcpu."""


class Basic(NamedTuple):
    """Where in an X86_PV_VCPU_BASIC, counted in octets from its body's beginning, the fields of the state are, by their
    names in struct vcpu_guest_context of arch-x86/xen.h; and how long a word of it is."""

    word: int
    at: Mapping[str, int]

    def read(self, body: bytes, name: str, endianness: Endianness) -> int:
        """A field of one word."""
        return number(body, self.at[name], self.word, endianness)


BASIC: Mapping[int, Basic] = {
    2808: Basic(
        4,
        {"edx": 532, "eflags": 564, "ldt_base": 2640, "ldt_ents": 2644, "gdt_frames": 2648, "gdt_ents": 2712}
        | {"cr3": 2736, "vm_assist": 2804},
    ),
    5176: Basic(
        8,
        {"rdx": 624, "rip": 656, "rsp": 680, "trap_ctxt": 728, "ldt_base": 4824, "ldt_ents": 4832}
        | {"gdt_frames": 4840, "gdt_ents": 4968, "kernel_sp": 4984, "cr1": 5000, "cr3": 5016}
        | {"dr0": 5056, "dr1": 5064, "dr2": 5072, "dr3": 5080, "dr6": 5104, "dr7": 5112}
        | {"event_callback_eip": 5120, "failsafe_callback_eip": 5128, "syscall_callback_eip": 5136}
        | {"vm_assist": 5144, "fs_base": 5152, "gs_base_kernel": 5160, "gs_base_user": 5168},
    ),
}
"""By the body's length: of a 32-bit guest and of a 64-bit one. The layouts of protocol/pv.py say the same (a test), and
are not asked here: who analyzes pays for no tables of bodies."""

EDX = {4: "edx", 8: "rdx"}
"""By octets of a word the register of vcpu 0 that names the frame of its start_info."""

GDT_FRAME = 512
"""Descriptors in a frame."""

GDT_FRAMES = 14
"""Frames that a guest may have of its own: FIRST_RESERVED_GDT_PAGE."""

LEVELS, PINNED = 7, 12
"""Of a page type: which bits are the level of a page table, and the last type that is one."""

SAVE_MAGIC, GTSC_AT = 0x54381286, 20
"""Of HVM_CONTEXT's HEADER: what it begins with, and where in it gtsc_khz is."""

NATIVE_WIDTH = 8
"""Octets of a word of a PV guest until X86_PV_INFO says otherwise."""


@dataclass(slots=True)
class Guest:
    """Judges read it; the checker alone moves it on, when they have judged."""

    is_followed: bool = True
    """Whether every header so far was read: what was not seen was not sent."""
    type: str | None = None
    """By xl's configuration: "hvm", "pvh" or "pv"; None where there is none."""
    max_vcpus: int | None = None
    """By xl's configuration."""
    width: int | None = NATIVE_WIDTH
    """Octets of a word of a PV guest; None: it was not captured."""
    has_pv_info: bool = False
    max_pfn: int | None = 0
    """The highest pfn of a PV guest; None: it was not captured."""
    highest: int = -1
    """The highest pfn that PAGE_DATA listed."""
    seen: set[str] = field(default_factory=set)
    """Records of a guest's state and emulator that came, whole or in part; of X86_PV_VCPU_BASIC only vcpu 0's."""
    tables: dict[int, int] = field(default_factory=dict)
    """Of a PV guest the pfns that are page tables by the newest PAGE_DATA that listed them, and of which level."""
    roots: dict[tuple[int, str], int] = field(default_factory=dict)
    """By vcpu and register the pfns of a PV guest's page tables of the top level."""
    plain: dict[tuple[int, str], int] = field(default_factory=dict)
    """By vcpu and use the pfns of pages that may be no page tables: vcpu 0's start_info, and tables of descriptors."""
    tsc_khz: dict[str, int] = field(default_factory=dict)
    """By record the frequency that it gives the guest's TSC, kHz; 0: none."""
    frames: dict[int, int] = field(default_factory=dict)
    """By its index the pfn of each frame of a PV guest's table."""
    policy: dict[tuple[int, int], Leaf] = field(default_factory=dict)
    """CPUID leaves by number and subleaf."""
    params: dict[int, int] | None = field(default_factory=dict)
    """HVM_PARAMS so far; None: some were not captured."""
    has_params: bool = False
    colo: int | None = None
    """The latest state of COLO's secondary."""
    is_checkpointed: bool = False

    def forget(self) -> None:
        """Headers were lost, and with them anything."""
        self.is_followed = False
        self.width = self.max_pfn = self.params = None

    def advance(self, record: Record) -> None:
        """Takes in a header or record."""
        take = _TAKE.get(record.name)
        if record.name == "CHECKPOINT_STATE" and record.direction != FORWARD and record.body:
            self.colo = number(record.body, 0, 4, record.endianness)
        elif take is not None and record.direction == FORWARD:
            take(self, record)

    def _xl(self, record: Record) -> None:
        config = config_of(record.body, record.endianness)
        found = from_json(config.text) if config is not None and config.is_json else None
        if found is None or not record.complete:
            return
        about, build = found.get("c_info"), found.get("b_info")
        if isinstance(about, dict) and isinstance(about.get("type"), str):
            self.type = about["type"]
        if isinstance(build, dict) and isinstance(build.get("max_vcpus"), int):
            self.max_vcpus = build["max_vcpus"]

    def _policy(self, record: Record) -> None:
        self.policy = {(one.leaf, one.subleaf): one for one in leaves(record.body, record.endianness)}

    def _pv_info(self, record: Record) -> None:
        self.has_pv_info = True
        self.width = {b"\4\3": 4, b"\10\4": 8}.get(bytes(record.body[:2])) if record.complete else None

    def _frames(self, record: Record) -> None:
        self.seen.add(record.name)
        if not record.complete or len(record.body) < 8:
            self.max_pfn = None
            return
        first, last = (number(record.body, at, 4, record.endianness) for at in (0, 4))
        if first > last:
            self.max_pfn = None  # what it should be nobody knows
            return
        if self.max_pfn is not None:
            self.max_pfn = max(self.max_pfn, last)
        if self.width is not None:
            words = 4096 // self.width
            for index in range((len(record.body) - 8) // 8):
                self.frames[first // words + index] = number(record.body, 8 + 8 * index, 8, record.endianness)

    def _state(self, record: Record) -> None:
        self.seen.add(record.name)

    def _tsc(self, record: Record) -> None:
        self.tsc_khz[record.name] = number(record.body, 4, 4, record.endianness)

    def _context(self, record: Record) -> None:
        self._state(record)
        header = next(save_records(record.body, record.endianness), None)
        # Programs that have no hypervisor send anything there.
        if header is not None and number(header.body, 0, 4, record.endianness) == SAVE_MAGIC:
            self.tsc_khz[record.name] = number(header.body, GTSC_AT, 4, record.endianness)

    def _basic(self, record: Record) -> None:
        basic = BASIC.get(len(record.body))
        if basic is not None and record.complete:
            self._frames_of(record, basic)
        if len(record.body) < 8 or (not number(record.body, 0, 4, record.endianness) and record.body_length > 8):
            self.seen.add(record.name)

    def _frames_of(self, record: Record, basic: Basic) -> None:
        vcpu = number(record.body, 0, 4, record.endianness)

        def word(name: str, more: int = 0) -> int:
            return number(record.body, basic.at[name] + basic.word * more, basic.word, record.endianness)

        if not vcpu:
            self.plain[vcpu, "start_info"] = word(EDX[basic.word])
        for frame in range(min(GDT_FRAMES, -(-word("gdt_ents") // GDT_FRAME))):
            self.plain[vcpu, f"gdt_frames[{frame}]"] = word("gdt_frames", frame)
        cr3 = word("cr3")
        if basic.word == NATIVE_WIDTH:
            self.roots[vcpu, "CR3"] = cr3 >> PAGE_SHIFT
            user = word("cr1")
            self.roots[vcpu, "CR1"] = user >> PAGE_SHIFT if user & 1 else 0
        else:
            # The lower bits of a large pfn are at the top: xen_cr3_to_pfn() of arch-x86/xen.h.
            self.roots[vcpu, "CR3"] = cr3 >> PAGE_SHIFT | (cr3 & 0xFFF) << 20

    def _params(self, record: Record) -> None:
        self.has_params = True
        if not record.complete:
            self.params = None
        elif self.params is not None:
            self.params.update(pairs(record.body, record.endianness))

    def _checkpoint(self, record: Record) -> None:
        self.is_checkpointed = True

    def _pages(self, record: Record) -> None:
        for first, length, type in record.runs:
            self.highest = max(self.highest, first + length - 1)
            level = type & LEVELS if type <= PINNED else 0
            if level:
                self.tables.update(dict.fromkeys(range(first, first + length), level))
            elif self.tables:
                self._drop(first, length)

    def _drop(self, first: int, length: int) -> None:
        """Pages that are no tables now."""
        few = range(first, first + length) if length < len(self.tables) else [*self.tables]
        for pfn in few:
            if first <= pfn < first + length:
                self.tables.pop(pfn, None)


_TAKE: Mapping[str, Callable[[Guest, Record], None]] = {
    "xl header": Guest._xl,
    "PAGE_DATA": Guest._pages,
    "X86_CPUID_POLICY": Guest._policy,
    "X86_PV_INFO": Guest._pv_info,
    "X86_PV_P2M_FRAMES": Guest._frames,
    "X86_PV_VCPU_BASIC": Guest._basic,
    "SHARED_INFO": Guest._state,
    "HVM_CONTEXT": Guest._context,
    "TSC_INFO": Guest._tsc,
    "X86_TSC_INFO": Guest._tsc,
    "HVM_PARAMS": Guest._params,
    "EMULATOR_CONTEXT": Guest._state,
    "EMULATOR_XENSTORE_DATA": Guest._state,
    "CHECKPOINT": Guest._checkpoint,
}
