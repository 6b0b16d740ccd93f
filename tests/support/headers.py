"""Facts of Xen's headers, numbers and names alone, for tests that tables and layouts are complete and right.

`python tests/support/headers.py XEN` reads a tree of Xen's source, 4.16 or newer, asks the C compiler (gcc, for 64 and
32 bits) for the offset and size of every field, and says what the tree has that `tests/unit/headers.json` has not, or
has otherwise: exit status 1 if there is anything. With --write the tree's facts become the file, and the tests say
which tables have to follow. Nothing of Xen's text goes into it.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dissector.protocol import Body, fields, hvm, layout, pv

SNAPSHOT = Path(__file__).parents[1] / "unit" / "headers.json"

PUBLIC = "xen/include/public"
LEFT_OUT = ("pad", "_pad", "tail", "res2", "res5")
"""Fields that mean nothing; C has other names for them, or none."""


class Struct(NamedTuple):
    """A C type and the layout that is to be like it. `names`: what C calls a field, where it is something else."""

    body: Body
    type: str
    bits: int = 64
    names: Mapping[str, str] = {}


_MTRR = {
    **{f"physbase{one}": f"msr_mtrr_var[{2 * one}]" for one in range(8)},
    **{f"physmask{one}": f"msr_mtrr_var[{2 * one + 1}]" for one in range(8)},
    **{f"fix{name}": f"msr_mtrr_fixed[{at}]" for at, name in enumerate(hvm.MTRR_FIXED.split())},
}
_XSAVE = {name: f"save_area.{name}" for name in ("fpu_sse",)} | {
    name: f"save_area.xsave_hdr.{name}" for name in ("xstate_bv", "xcomp_bv")
}
_CONTROL = {f"cr{one}": f"ctrlreg[{one}]" for one in range(8)} | {f"dr{one}": f"debugreg[{one}]" for one in range(8)}
_COMMON = ["error_code", "entry_vector", "cs", "saved_upcall_mask", "ss", "es", "ds", "fs", "gs"]
# fmt: off
_REGS_64 = [
    "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi", "rip",
    "rflags", "rsp",
]
# fmt: on
_REGS_32 = ["ebx", "ecx", "edx", "esi", "edi", "ebp", "eax", "eip", "eflags", "esp"]
_ARCH = ["max_pfn", "pfn_to_mfn_frame_list_list", "nmi_reason", "p2m_cr3", "p2m_vaddr", "p2m_generation"]
_SHARED = {name: f"arch.{name}" for name in _ARCH}


def _of_user(names: list[str]) -> dict[str, str]:
    return {name: f"user_regs.{name}" for name in names}


STRUCTS = (
    Struct(hvm.hvm_header, "struct hvm_save_header"),
    Struct(hvm.hvm_cpu, "struct hvm_hw_cpu"),
    Struct(hvm.hvm_cpu_compat, "struct hvm_hw_cpu_compat"),
    Struct(hvm.hvm_ioapic, "struct hvm_hw_vioapic"),
    Struct(hvm.hvm_lapic, "struct hvm_hw_lapic"),
    Struct(hvm.hvm_pci_irq, "struct hvm_hw_pci_irqs", names={"wires": "pad"}),
    Struct(hvm.hvm_isa_irq, "struct hvm_hw_isa_irqs", names={"wires": "pad[0]"}),
    Struct(hvm.hvm_pci_link, "struct hvm_hw_pci_link", names={"routes": "route"}),
    Struct(hvm.hvm_pit, "struct hvm_hw_pit"),
    Struct(hvm.hvm_rtc, "struct hvm_hw_rtc"),
    Struct(hvm.hvm_hpet, "struct hvm_hw_hpet"),
    Struct(hvm.hvm_pmtimer, "struct hvm_hw_pmtimer"),
    Struct(hvm.hvm_mtrr, "struct hvm_hw_mtrr", names=_MTRR),
    Struct(hvm.hvm_cpu_xsave, "struct hvm_hw_cpu_xsave", names=_XSAVE),
    Struct(hvm.hvm_viridian_domain, "struct hvm_viridian_domain_context"),
    Struct(hvm.hvm_viridian_vcpu, "struct hvm_viridian_vcpu_context"),
    Struct(hvm.hvm_vmce_vcpu, "struct hvm_vmce_vcpu"),
    Struct(hvm.hvm_tsc_adjust, "struct hvm_tsc_adjust"),
    Struct(
        pv.pv_vcpu_64, "struct vcpu_guest_context", 64, _CONTROL | {n: f"user_regs.{n}" for n in _COMMON + _REGS_64}
    ),
    Struct(
        pv.pv_vcpu_32, "struct vcpu_guest_context", 32, _CONTROL | {n: f"user_regs.{n}" for n in _COMMON + _REGS_32}
    ),
    Struct(
        pv.pv_extended,
        "struct xen_domctl_ext_vcpucontext",
        names={name: f"vmce.{name}" for name in ["caps", "mci_ctl2_bank0", "mci_ctl2_bank1", "mcg_ext_ctl"]},
    ),
    Struct(pv.shared_info_64, "struct shared_info", 64, _SHARED),
    Struct(pv.shared_info_32, "struct shared_info", 32, _SHARED | {"wc_sec_hi": "arch.wc_sec_hi"}),
)

_TYPES = """
typedef unsigned char uint8_t; typedef unsigned short uint16_t; typedef unsigned uint32_t;
typedef unsigned long long uint64_t; typedef signed char int8_t; typedef short int16_t; typedef int int32_t;
typedef long long int64_t; typedef unsigned long size_t;
#define __XEN_TOOLS__ 1
#include "xen/include/public/xen.h"
#include "xen/include/public/hvm/save.h"
#include "xen/include/public/domctl.h"
"""


def structs(tree: Path) -> dict[str, Any]:
    """Of every layout: the size of the C type, and offset and size of each field."""
    found: dict[str, Any] = {}
    for bits in (64, 32):
        lines, wanted = [], []
        for number, one in enumerate(STRUCTS):
            if one.bits != bits:
                continue
            expressions = [("", f"sizeof({one.type})")]
            for field in fields(layout(one.body, "little")):
                if field.name.startswith(LEFT_OUT) or field.name == "components":
                    continue
                name = one.names.get(field.name, field.name)
                expressions += [
                    (field.name, f"__builtin_offsetof({one.type}, {name})"),
                    (field.name, f"sizeof((({one.type} *)0)->{name})"),
                ]
            for at, (field_name, expression) in enumerate(expressions):
                lines.append(f"uint32_t v_{number}_{at} = {expression};")
                wanted.append((f"v_{number}_{at}", one.body.__name__, field_name))
        numbers = _compiled(tree, bits, lines)
        for variable, struct, field_name in wanted:
            if variable not in numbers:
                continue
            entry = found.setdefault(struct, {"fields": {}})
            if field_name:
                entry["fields"].setdefault(field_name, []).append(numbers[variable])
            else:
                entry["size"] = numbers[variable]
    return found


def _compiled(tree: Path, bits: int, lines: list[str]) -> dict[str, int]:
    """The values of the variables in lines of C; without those of a field or structure that the tree does not have."""
    with tempfile.TemporaryDirectory() as empty:
        for name in ("stdint.h", "stddef.h", "limits.h", "inttypes.h"):
            (Path(empty) / name).touch()
        command = ["gcc", f"-m{bits}", "-nostdinc", f"-I{empty}", f"-I{tree}", "-S", "-xc", "-", "-o", "-"]
        while True:
            text = _TYPES + "\n".join(lines)
            done = subprocess.run(command, input=text, capture_output=True, text=True)
            if not done.returncode:
                break
            wrong = re.findall(r"^<stdin>:(\d+):\d+: error", done.stderr, re.MULTILINE)
            absent = {int(number) - _TYPES.count("\n") - 1 for number in wrong}
            if not absent or min(absent) < 0:
                raise SystemExit(done.stderr)
            lines = [line for at, line in enumerate(lines) if at not in absent]
    found = re.findall(r"^(v_\w+):\n\s*\.(?:long|zero)\s+(\d+)", done.stdout, re.MULTILINE)
    zero = set(re.findall(r"^(v_\w+):\n\s*\.zero", done.stdout, re.MULTILINE))
    return {name: 0 if name in zero else int(value) for name, value in found}


def features(tree: Path) -> dict[str, int]:
    """XEN_CPUFEATURE: 32 * word + bit, by name."""
    text = (tree / PUBLIC / "arch-x86/cpufeatureset.h").read_text()
    found = re.findall(r"^XEN_CPUFEATURE\((\w+),\s*(\d+)\*32\+\s*(\d+)\)", text, re.MULTILINE)
    return {name: 32 * int(word) + int(bit) for name, word, bit in found}


def defined(path: Path, pattern: str) -> dict[str, int]:
    """#defines of a plain number whose name fits the pattern, by what its group is."""
    number = r"(?:_AC\()?(0x[0-9a-fA-F]+|\d+)U?(?:L?, ?U?L*\))?"
    found = re.findall(rf"^#\s*define\s+{pattern}\s+{number}\s*(?:/\*.*)?$", path.read_text(), re.MULTILINE)
    return {name: int(value, 0) for name, value in found}


def shifted(path: Path, prefix: str) -> dict[str, int]:
    """#defines of a single bit, by name without the prefix: the bit's number."""
    found: dict[str, int] = {}
    for name, value in _defines(path, prefix):
        if match := re.fullmatch(r"\(_AC\(1, U(?:LL|L)\)\s*<<\s*(\d+)\)", value):
            found[name] = int(match[1])
        elif match := re.fullmatch(r"(?:_AC\()?(0x[0-9a-fA-F]+)(?:, ?UL\))?", value):
            mask = int(match[1], 16)
            if mask and not mask & (mask - 1):
                found[name] = mask.bit_length() - 1
    return found


def _defines(path: Path, prefix: str) -> Iterator[tuple[str, str]]:
    for match in re.finditer(rf"^#define\s+{prefix}(\w+)\s+(.+?)\s*(?:/\*.*)?$", path.read_text(), re.MULTILINE):
        yield match[1], match[2]


def facts(tree: Path) -> dict[str, Any]:
    """All of them."""
    params, defns = tree / PUBLIC / "hvm/params.h", tree / "xen/arch/x86/include/asm/x86-defns.h"
    save = (tree / PUBLIC / "arch-x86/hvm/save.h").read_text()
    codes = dict(re.findall(r"^DECLARE_HVM_SAVE_TYPE(?:_COMPAT)?\((\w+), (\d+)", save, re.MULTILINE))
    codes |= dict(re.findall(r"^#define CPU_(\w+)_CODE\s+(\d+)", save, re.MULTILINE))
    return {
        "features": features(tree),
        "params": defined(params, r"HVM_PARAM_(\w+)"),
        "viridian": defined(params, r"_HVMPV_(\w+)"),
        "codes": {name: int(code) for name, code in codes.items()},
        "code_max": defined(tree / PUBLIC / "arch-x86/hvm/save.h", "(HVM_SAVE_CODE_MAX)")["HVM_SAVE_CODE_MAX"],
        "msrs": defined(tree / "xen/arch/x86/include/asm/msr-index.h", r"MSR_(\w+)"),
        "cr0": shifted(defns, "X86_CR0_"),
        "cr4": shifted(defns, "X86_CR4_"),
        "eflags": shifted(defns, "X86_EFLAGS_"),
        "dr6": shifted(defns, "X86_DR6_"),
        "xcr0": shifted(defns, "X86_XCR0_") | shifted(defns, "X86_XSS_"),
        "efer": shifted(tree / "xen/arch/x86/include/asm/msr-index.h", " ?EFER_"),
        "structs": structs(tree),
    }


def flat(found: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """The facts by their whole name, `features.AVX2` for example."""
    flattened: dict[str, Any] = {}
    for name, value in found.items():
        flattened |= flat(value, f"{path}{name}.") if isinstance(value, Mapping) else {f"{path}{name}": value}
    return flattened


def news(of_tree: Mapping[str, Any], of_snapshot: Mapping[str, Any]) -> Iterator[str]:
    """What a tree has that the snapshot has not, or has otherwise, a line each. What only the snapshot has is no news:
    an older Xen lacks it."""
    before = flat(of_snapshot)
    for name, value in flat(of_tree).items():
        if name not in before:
            yield f"new: {name} {value}"
        elif before[name] != value:
            yield f"other: {name} {value}, was {before[name]}"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="What Xen's headers have that the tables were not held against yet.")
    parser.add_argument("tree", type=Path, metavar="XEN", help="a tree of Xen's source")
    parser.add_argument("--write", action="store_true", help="hold the tables against this tree from now on")
    arguments = parser.parse_args()
    found = facts(arguments.tree)
    lines = list(news(found, json.loads(SNAPSHOT.read_text())))
    print("\n".join(lines) or "nothing new")
    if arguments.write:
        SNAPSHOT.write_text(json.dumps(found, indent=0, sort_keys=True) + "\n")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
