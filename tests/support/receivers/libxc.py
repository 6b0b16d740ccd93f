"""libxc's side: xg_sr_restore.c, xg_sr_restore_x86_hvm.c, xg_sr_restore_x86_pv.c and xg_sr_common_x86.c of
tools/libs/guest."""

from __future__ import annotations

import struct

from receivers.errors import Refused
from receivers.hypervisor import load_hvm, set_cpuid, set_msrs, set_param, set_tsc
from receivers.stream import Stream
from receivers.vcpus import set_context, set_extended, set_extended_state, set_vcpu_msrs

PV, HVM = 1, 2
OPTIONAL = 0x80000000
PAGE = 4096
BASIC = {4: 2800, 8: 5168}
WORDS = {4: ("<I", 524, 2640, 2704, 2716), 8: ("<Q", 616, 4832, 4960, 4984)}
"""By the guest's width: a word, and where edx, gdt_frames, gdt_ents and ctrlreg are in vcpu_guest_context."""


class Libxc:
    """One restore of a domain."""

    def __init__(self, stream: Stream, kind: object, vcpus: int | None) -> None:
        self.stream, self.vcpus = stream, vcpus
        self.forbidden: list[str] = []
        """What the specification forbids and is accepted all the same."""
        self.static_data_end = False
        self.cpuid: bytes | None = None
        self.msrs: bytes | None = None
        self.context: bytes | None = None
        self.params: dict[int, int] = {}
        self.width, self.has_info, self.max_pfn = 8, False, 0
        self.frames: dict[int, int] = {}
        self.basic: dict[int, bytes] = {}
        self.vcpus_state: dict[tuple[int, int], bytes] = {}
        """By vcpu and type of record what else was sent of it."""
        self.types: dict[int, int] = {}
        self.tsc_khz = 0
        self.is_begun = False
        self.is_tsc_replaced = False
        """Whether HVM_CONTEXT sets another frequency than X86_TSC_INFO did, by more than 1 %."""
        self.checkpoints = 0
        self.kind = {"pv": PV, "hvm": HVM, "pvh": HVM}.get(str(kind))

    def _headers(self) -> None:
        marker, id, version, options, _, _ = struct.unpack(">QIIHHI", self.stream.take(24, "image header"))
        if marker != 2**64 - 1 or id != 0x58454E46 or version not in (2, 3):
            raise Refused("image header")
        if options & 1:
            raise Refused("libxc big-endian")
        self.version = version
        type, shift, _, _, _ = struct.unpack("<IHHII", self.stream.take(16, "domain header"))
        if type not in (PV, HVM) or self.kind not in (None, type) or shift & 31 != 12:
            raise Refused("domain header")
        if shift != 12:
            self.forbidden.append("page_shift")
        self.type = type

    def run(self) -> bool:
        """Up to END, or to a checkpoint: whether it is one."""
        if not self.is_begun:
            self._headers()
            self.is_begun = True
        while True:
            type, body, _ = self.stream.record("record")
            if type in (0x0, 0xD, 0xE, 0x10) and body:
                self.forbidden.append("body of a signal")
            if type == 0x0:
                self.complete()
                return False
            if type == 0x1:
                self._pages(body)
            elif type == 0xE:
                self.checkpoints += 1
                return True
            elif type == 0x10:
                if self.static_data_end:
                    raise Refused("second STATIC_DATA_END")
                self._end_static_data()
            elif type != 0xD and not self._other(type, body) and not type & OPTIONAL:
                raise Refused(f"mandatory record {type:#x}")

    def _end_static_data(self) -> None:
        self.static_data_end = True
        if self.cpuid is not None:
            set_cpuid(self.cpuid)
        if self.msrs is not None:
            set_msrs(self.msrs)

    def _needs_static_data_end(self) -> None:
        if self.version < 3 and not self.static_data_end:
            self._end_static_data()
        if not self.static_data_end:
            raise Refused("no STATIC_DATA_END seen")

    def _pages(self, body: bytes) -> None:
        self._needs_static_data_end()
        if len(body) < 8:
            raise Refused("PAGE_DATA truncated")
        count = int.from_bytes(body[:4], "little")
        if not count or len(body) < 8 + 8 * count:
            raise Refused("PAGE_DATA count")
        backed = 0
        for entry in struct.unpack_from(f"<{count}Q", body, 8):
            self.types[entry & (1 << 52) - 1] = entry >> 60
            if self.type == PV and entry & (1 << 52) - 1 > self.max_pfn:
                raise Refused("pfn outside domain maximum")
            if 5 <= entry >> 60 <= 8:
                raise Refused("unknown page type")
            backed += entry >> 60 < 0xD
        if len(body) != 8 + 8 * count + PAGE * backed:
            raise Refused("PAGE_DATA wrong size")

    def _other(self, type: int, body: bytes) -> bool:
        """Whether the guest's own records have a handler for it."""
        if type == 0x8:
            if len(body) != 24:
                raise Refused("TSC_INFO wrong size")
            set_tsc(int.from_bytes(body[:4], "little"))
            self.tsc_khz = int.from_bytes(body[4:8], "little")
        elif type in (0x11, 0x12):
            if not body or len(body) % (24 if type == 0x11 else 16):
                raise Refused("policy size")
            if self.static_data_end:
                # It is kept, and set for nothing: what it holds is judged all the same by who reads the stream.
                (set_cpuid if type == 0x11 else set_msrs)(body)
            elif type == 0x11:
                self.cpuid = body
            else:
                self.msrs = body
        elif self.type == HVM:
            return self._hvm(type, body)
        else:
            return self._pv(type, body)
        return True

    def _hvm(self, type: int, body: bytes) -> bool:
        if type == 0x9:
            if not body:
                raise Refused("HVM_CONTEXT empty")
            self.context = body
        elif type == 0xA:
            if len(body) < 8 or len(body) != 8 + 16 * int.from_bytes(body[:4], "little"):
                raise Refused("HVM_PARAMS truncated")
            for index, value in struct.iter_unpack("<QQ", body[8:]):
                set_param(self.params, index, value)
        else:
            return False
        return True

    def _pv(self, type: int, body: bytes) -> bool:
        if type == 0x2:
            self._info(body)
        elif type == 0x3:
            self._p2m(body)
        elif type in (0x4, 0x5, 0x6, 0xC):
            self._vcpu(type, body)
        elif type == 0x7:
            if not self.has_info:
                raise Refused("SHARED_INFO before X86_PV_INFO")
            if len(body) != PAGE:
                raise Refused("SHARED_INFO wrong size")
            self.has_shared_info = True
        else:
            return False
        return True

    def _info(self, body: bytes) -> None:
        if self.has_info:
            raise Refused("second X86_PV_INFO")
        if len(body) < 8 or tuple(body[:2]) not in ((4, 3), (8, 4)):
            raise Refused("X86_PV_INFO")
        if len(body) > 8:
            self.forbidden.append("X86_PV_INFO longer than 8")
        self.has_info, self.width = True, body[0]

    def _p2m(self, body: bytes) -> None:
        self._needs_static_data_end()
        if not self.has_info:
            raise Refused("P2M_FRAMES before X86_PV_INFO")
        if len(body) < 8:
            raise Refused("P2M_FRAMES truncated")
        first, last = struct.unpack_from("<II", body)
        words = PAGE // self.width
        count = last // words - first // words + 1
        if first > last or len(body) != 8 + 8 * count:
            raise Refused("P2M_FRAMES size")
        self.max_pfn = max(self.max_pfn, last)
        for index, pfn in enumerate(struct.unpack_from(f"<{count}Q", body, 8)):
            self.frames[first // words + index] = pfn

    def _vcpu(self, type: int, body: bytes) -> None:
        if len(body) < 8:
            raise Refused("vcpu record truncated")
        size = len(body) - 8
        vcpu = int.from_bytes(body[:4], "little")
        if not size:
            return
        if vcpu >= (self.vcpus or 8192):
            raise Refused("vcpu_id exceeds domain max")
        wrong = {
            0x4: size != BASIC[self.width],
            0x5: size > 128,
            0x6: size < 16,
            0xC: bool(size % 16),
        }
        if wrong[type]:
            raise Refused("vcpu record size")
        if type == 0x4:
            self.basic[vcpu] = body[8:]
        else:
            self.vcpus_state[vcpu, type] = body[8:]

    has_shared_info = False

    def _is(self, pfn: int, level: int) -> bool:
        """Whether the page's newest type is a page table of that level, 0: an ordinary page. A stream of the collection
        has few pages, and so those that were not sent pass."""
        if pfn > self.max_pfn:
            raise Refused("pfn of a vcpu's state out of range")
        return pfn not in self.types or (self.types[pfn] & 7 if level else self.types[pfn]) == level

    def _vcpu_context(self, vcpu: int, state: bytes) -> None:
        """process_vcpu_basic(), and process_start_info() up to what the page holds."""
        word, edx, gdt_frames, gdt_ents, ctrlreg = WORDS[self.width]

        def at(place: int) -> int:
            return int(struct.unpack_from(word, state, place)[0])

        if not vcpu and not self._is(at(edx), 0):
            raise Refused("type of start_info")
        if at(gdt_ents) > 7168:
            raise Refused("GDT entry count")
        for frame in range((at(gdt_ents) + 511) // 512):
            if not self._is(at(gdt_frames + self.width * frame), 0):
                raise Refused("type of a GDT frame")
        if self.width == 8:
            roots = [at(ctrlreg + 24) >> 12] + [at(ctrlreg + 8) >> 12] * (at(ctrlreg + 8) & 1)
        else:
            roots = [at(ctrlreg + 12) >> 12 | (at(ctrlreg + 12) & 0xFFF) << 20]
        if not all(self._is(pfn, 4 if self.width == 8 else 3) for pfn in roots):
            raise Refused("type of cr3 or cr1")

    def complete(self) -> None:
        """stream_complete() of either guest."""
        if self.type == HVM:
            if self.context is None:
                raise Refused("no HVM_CONTEXT")
            khz = load_hvm(self.context, self.vcpus, self.cpuid)
            self.is_tsc_replaced = bool(khz and self.tsc_khz and abs(khz - self.tsc_khz) * 100 > self.tsc_khz)
            return
        if 0 not in self.basic:
            raise Refused("no basic state of vcpu 0")
        for vcpu in sorted(self.basic):
            self._vcpu_context(vcpu, self.basic[vcpu])
            set_context(self.basic[vcpu], self.width, vcpu)
        for (_, type), state in self.vcpus_state.items():
            if any(state):  # zeros stand for what the collection's streams leave out
                {0x5: set_extended, 0x6: set_extended_state, 0xC: set_vcpu_msrs}[type](state, self.vcpus or 8192)
        if not self.frames:
            raise Refused("no P2M_FRAMES")
        if any(pfn > self.max_pfn for pfn in self.frames.values()):
            raise Refused("p2m frame out of range")
        if not self.has_shared_info:
            self.forbidden.append("no SHARED_INFO")
