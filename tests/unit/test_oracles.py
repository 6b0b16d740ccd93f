"""What others read in the same octets: QEMU's script, Xen's own tools, Xen's headers (`tests/support/oracles`)."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
import qemu_streams
from conftest import captures
from headers import facts, news
from oracles import analyze_migration, xen_cpuid, xen_hvmctx, xen_tree

from dissector import library
from dissector import protocol as g
from dissector.events import Record
from dissector.protocol import cpuid, hvm, msr, qemu, x86
from dissector.protocol.cpu_features import ARCH_CAPABILITIES, CPUID_FEATURES
from dissector.protocol.forms import Structures

SNAPSHOT = json.loads((Path(__file__).parent / "headers.json").read_text())


# --- xen-hvmctx ---------------------------------------------------------------------------------------------

HEX = r"(?:0x)?([0-9a-f]+)"


def numbers(pattern: str, text: str) -> list[tuple[int, ...]]:
    """The numbers of each place that fits; HEX and DEC in the pattern are what they are."""
    bases = [16 if kind == "HEX" else 10 for kind in re.findall("HEX|DEC", pattern)]
    found = re.finditer(pattern.replace("HEX", HEX).replace("DEC", r"(\d+)").replace(" ", r"\s+"), text)
    return [tuple(int(one, base) for one, base in zip(place.groups(), bases, strict=True)) for place in found]


# What the tool calls something else; it prints DS under the name ES and the other way round.
CALLED = {
    "efer": "msr_efer", "lstar": "msr_lstar", "cstar": "msr_cstar", "star": "msr_star", "sfmask": "msr_syscall_mask",
    "event": "pending_event", "error": "error_code", "gs": "shadow_gs", "eip": "sysenter_eip", "esp": "sysenter_esp",
}  # fmt: skip
SWAPPED = {"es": "ds", "ds": "es"}


def registers(text: str) -> dict[str, int]:
    """A processor's, by the names in save.h."""
    head = text.partition("FPU:")[0]
    found = {}
    for line in head.splitlines():
        segment = re.match(rf"\s*(\w\w|ldtr) {HEX} \( *{HEX} \+ *{HEX} / *{HEX}\)", re.sub(" +", " ", line).strip())
        table = re.match(rf"\s*([ig]dtr) \( *{HEX} \+ *{HEX}\)", re.sub(" +", " ", line).strip())
        if segment:
            name = SWAPPED.get(segment[1], segment[1])
            for suffix, number in zip(("sel", "base", "limit", "arbytes"), segment.groups()[1:], strict=True):
                found[f"{name}_{suffix}"] = int(number, 16)
        elif table:
            found |= {f"{table[1]}_base": int(table[2], 16), f"{table[1]}_limit": int(table[3], 16)}
        else:
            line = line.replace("sysenter cs", "sysenter_cs")
            for name, number in re.findall(rf"(\w+) +{HEX}(?=\s|$)", line.replace("CPU:", "")):
                found[CALLED.get(name, name)] = int(number, 16)
    return found


def compare_cpu(text: str, octets: bytes) -> int:
    printed, own = registers(text), hvm.cpu(octets)
    assert own is not None and printed == {name: own[name] for name in printed}
    if "FPU:" in text:
        compare_fpu(text.partition("FPU:")[2], own["fpu_regs"])  # type: ignore[arg-type]
    return len(printed)


def compare_fpu(text: str, octets: bytes) -> None:
    own = g.parse(g.layout(x86.fxsave, "little"), octets)
    printed = numbers("fcw HEX fsw HEX ftw HEX [(]HEX[)] fop HEX fpuip HEX fpudp HEX mxcsr HEX mask HEX", text)[0]
    names = ("fcw", "fsw", "ftw", "pad0", "fop", "fip", "fdp", "mxcsr", "mxcsr_mask")
    assert printed == tuple(own[name] if name != "pad0" else own[name][0] for name in names)
    assert [number for (number,) in numbers(r"\bmm\d HEX", text)] == [
        int.from_bytes(one[:10], "little") for one in own["st"]
    ]
    assert [number for (number,) in numbers(r"xmm\d\d HEX", text)] == [
        int.from_bytes(one, "little") for one in own["xmm"]
    ]


def compare_others(name: str, text: str, octets: bytes) -> int:
    """How many numbers were compared."""
    form = hvm.STATES[name]
    assert isinstance(form, Structures)
    found = form.find(octets, "little")
    assert found is not None
    own = found[1]
    pairs: list[tuple[Any, Any]] = []

    def same(pattern: str, *names: str) -> None:
        (printed,) = numbers(pattern, text)
        pairs.extend(zip(printed, (own[one] for one in names), strict=True))

    match name:
        case "HEADER":
            same("magic HEX, version DEC", "magic", "version")
            same("changeset HEX", "changeset")
            same("eax[]] HEX", "cpuid")
            same("gtsc_khz DEC", "gtsc_khz")
        case "PIC":
            same("IRQ base HEX, irr HEX, imr HEX, isr HEX", "irq_base", "irr", "imr", "isr")
            same("elcr HEX, int_output HEX", "elcr", "int_output")
            init, first, *bits = map(int, re.findall(r"(?:init_state|_add|_isr|poll|_eoi|_mode|is_master) (\d+)", text))
            pairs.append((init | first << 4, own["init"]))
            pairs.append((sum(bit << at for at, bit in enumerate(bits)), own["modes"] & 0x7F))
        case "IOAPIC":
            same("base_address HEX, ioregsel HEX id HEX", "base_address", "ioregsel", "id")
            pairs.append(([number for (number,) in numbers(r"pin \d+: HEX", text)], own["redirtbl"]))
        case "LAPIC":
            same("base_msr HEX, disabled HEX, timer_divisor HEX", "apic_base_msr", "disabled", "timer_divisor")
        case "LAPIC_REGS":
            printed_registers: dict[int, int] = dict(numbers("HEX: HEX", text))  # type: ignore[arg-type]
            named = {at: own[name] for at, name in hvm._LAPIC_REGISTERS.items()}
            pairs.extend((printed_registers[at], value) for at, value in named.items())
        case "PCI_LINK":
            pairs.append((list(numbers("LINK: DEC DEC DEC DEC", text)[0]), own["routes"]))
        case "PIT":
            parts = numbers("count HEX, latched_count HEX, count_latched DEC status HEX, status_latched HEX", text)
            parts_2 = numbers("rd_state HEX, wr_state HEX, wr_latch HEX, rw_mode HEX mode HEX, bcd HEX, gate HEX", text)
            names = ("count", "latched_count", "count_latched", "status", "status_latched")
            names_2 = ("read_state", "write_state", "write_latch", "rw_mode", "mode", "bcd", "gate")
            shown = len(parts)  # it leaves the last channel out
            pairs.append((parts, [tuple(one[name] for name in names) for one in own["channels"][:shown]]))
            pairs.append((parts_2, [tuple(one[name] for name in names_2) for one in own["channels"][:shown]]))
        case "RTC":
            printed_octets = bytes(int(one, 16) for one in re.findall(r"0x(\w\w)\b(?!.*index 0x\1$)", text))
            pairs.append((printed_octets[:14], own["cmos_data"]))
            same("index HEX", "cmos_index")
        case "HPET":
            same("capability HEX config HEX isr HEX counter HEX", "capability", "config", "isr", "mc64")
            printed_timers = numbers(r"timer\d config HEX cmp HEX timer\d period HEX fsb HEX", text)
            wanted = [
                (one["config"], one["cmp"], period, one["fsb"])
                for one, period in zip(own["timers"], own["period"], strict=True)
            ]
            pairs.append((printed_timers, wanted))
        case "PMTIMER":
            same("TMR_VAL HEX, PM1a_STS HEX, PM1a_EN HEX", "tmr_val", "pm1a_sts", "pm1a_en")
        case "MTRR":
            same("PAT HEX, cap HEX, default HEX", "msr_pat_cr", "msr_mtrr_cap", "msr_mtrr_def_type")
            variable = [(own[f"physbase{one}"], own[f"physmask{one}"]) for one in range(8)]
            pairs.append((numbers(r"var \d HEX HEX", text), variable))
            fixed = [own[f"fix{one}"] for one in hvm.MTRR_FIXED.split()]
            pairs.append(([number for (number,) in numbers(r"fixed \w\w HEX", text)], fixed))
        case "VMCE_VCPU":
            same("caps HEX", "caps")
            same("bank0 mci_ctl2 HEX", "mci_ctl2_bank0")
            same("bank1 mci_ctl2 HEX", "mci_ctl2_bank1")
        case "TSC_ADJUST":
            same("tsc_adjust HEX", "tsc_adjust")
        case "VIRIDIAN_DOMAIN":
            same("hypercall gpa HEX, guest_os_id HEX", "hypercall_gpa", "guest_os_id")
    assert [printed for printed, _ in pairs] == [mine for _, mine in pairs], name
    return len(pairs)


def compare_with_hvmctx(context: bytes) -> int:
    compared = 0
    chain = list(hvm.descriptors(context))
    entries = xen_hvmctx(context)
    assert [(one.typecode, one.instance) for one in chain] == [entry[:2] for entry in entries]
    for one, (_, _, text) in zip(chain, entries, strict=True):
        octets = bytes(one.octets)
        if one.name == "CPU":
            compared += compare_cpu(text, octets)
        elif one.typecode and "Don't understand" not in text:
            compared += compare_others(one.name or "", text, octets)
    return compared


def contexts() -> dict[str, bytes]:
    """The HVM_CONTEXT of each capture that has one whole; of its last checkpoint if there are several."""
    found = {}
    for name, path in genuine().items():
        for event in library.open(path).events():
            if isinstance(event, Record) and event.name == "HVM_CONTEXT" and event.complete:
                found[name] = event.body
    return found


def genuine() -> dict[str, Path]:
    """Captures of Xen itself."""
    return {name: path for name, path in captures().items() if name.startswith("xen/")}


def test_a_guest_s_state_is_what_xen_s_tool_prints() -> None:
    found = contexts()
    assert len(found) >= 2
    for name, context in found.items():
        assert compare_with_hvmctx(context) > 90, name


SIZES = {
    "HEADER": 24, "CPU": 1032, "PIC": 8, "IOAPIC": 400, "LAPIC": 24, "LAPIC_REGS": 1024, "PCI_LINK": 8, "PIT": 56,
    "RTC": 24, "HPET": 1048, "PMTIMER": 8, "MTRR": 240, "VMCE_VCPU": 32, "TSC_ADJUST": 8,
}  # fmt: skip
"""Of Xen 4.17, whose tool is asked."""


@pytest.mark.parametrize("seed", range(5))
def test_any_state_is_what_xen_s_tool_prints(seed: int) -> None:
    random, codes = Random(seed), {name: code for code, name in g.HVM_SAVE_TYPES.items()}
    links = b""
    for name, size in SIZES.items():
        octets = random.randbytes(size)
        if name == "CPU":  # that the FPU's registers are printed
            octets = octets[:1024] + (random.getrandbits(32) | 1).to_bytes(8, "little")
        links += struct.pack("<HHI", codes[name], random.randrange(128), size) + octets
    assert compare_with_hvmctx(links + bytes(8)) > 90


# --- xen-cpuid ----------------------------------------------------------------------------------------------

WORDS = len({number // 32 for number in SNAPSHOT["features"].values()})

# Where the tool has a word of its own.
OTHER_NAMES = {
    "sysenter": "SEP", "tm": "TM1", "est": "EIST", "sdgb": "SDBG", "movebe": "MOVBE", "tsc-dl": "TSC_DEADLINE",
    "rdrnd": "RDRAND", "hyper": "HYPERVISOR", "mmx+": "MMXEXT", "fxsr+": "FFXSR", "pg1g": "PAGE1GB",
    "3dnow+": "3DNOWEXT", "cmp": "CMP_LEGACY", "cr8d": "CR8_LEGACY", "lzcnt": "ABM", "msse": "MISALIGNSSE",
    "3dnowpf": "3DNOWPREFETCH", "nodeid": "NODEID_MSR", "dbx": "DBEXT", "tsc-adj": "TSC_ADJUST",
    "fdp-exn": "FDP_EXCP_ONLY", "depfpp": "NO_FPU_SEL", "lfence+": "LFENCE_DISPATCH", "energy-ctrl": "ENERGY_FILTERING",
}  # fmt: skip


def plain(name: str) -> str:
    """Without what the two spell in their own ways."""
    word = re.sub(r"[-_.]", "", OTHER_NAMES.get(name, name)).upper()
    return word.removeprefix("AMD").removeprefix("INTEL") if word.endswith("PPIN") else word


REGISTERS = {number // 32: register for register, names in CPUID_FEATURES.items() for bit, name in names.items()
             if (number := SNAPSHOT["features"][name]) % 32 == bit}  # fmt: skip
"""Which register each of Xen's words is; two are the halves of ARCH_CAPABILITIES."""


def test_every_bit_is_where_xen_s_tool_has_it() -> None:
    named = 0
    for word, names in enumerate(xen_cpuid([0xFFFFFFFF] * WORDS)):
        assert len(names) == 32
        for bit, name in enumerate(names):
            own = CPUID_FEATURES[REGISTERS[word]].get(bit) if word in REGISTERS else None
            own = ARCH_CAPABILITIES.get(32 * (word - 16) + bit) if word in (16, 17) else own
            if own is not None and not name.startswith("<"):
                assert plain(own) == plain(name)
                named += 1
    assert named > 230


def test_features_of_genuine_policies_are_what_xen_s_tool_prints() -> None:
    seen = 0
    for path in genuine().values():
        records = (event for event in library.open(path).events() if isinstance(event, Record))
        policy = next((record.body for record in records if record.name == "X86_CPUID_POLICY"), None)
        if policy is None:
            continue
        leaves = cpuid.leaves(policy)
        words = []
        for word in range(16):
            register = REGISTERS.get(word)
            key = register and (register.leaf, cpuid.NO_SUBLEAF if register.subleaf is None else register.subleaf)
            found = leaves.get(key) if key else None
            words.append(getattr(found, register.name) if found and register else 0)
        printed = {plain(one) for names in xen_cpuid(words) for one in names if not one.startswith("<")}
        own = {plain(one) for one in cpuid.features(leaves)}
        assert own <= printed and printed - own <= WITHOUT_A_NAME
        seen += 1
    assert seen >= 5


WITHOUT_A_NAME = {"FCMOV"}
"""What Xen's headers have no name for."""


# --- Xen's headers ------------------------------------------------------------------------------------------

OLD_FAMILIES = re.compile(
    r"P4_|IA32_P5_|IA32_MCG_(E[A-Z]+|R\d+|MISC)$|(C2|NHL|SM|SKL|GM)_|P5_|IA32_LAST|(K6|K7|IDT|VIA|TMTA)_"
)


def test_a_tree_of_xen_has_nothing_that_the_tables_lack() -> None:
    """Of the Xen of this machine's Debian, or of the tree that XENSHARK_XEN names: nothing that the tests do not hold
    the tables against. What a newer Xen adds fails here, by name."""
    added = []
    for line in news(facts(xen_tree()), SNAPSHOT):
        match = re.match(r"(?:new|other): (\w+)\.(\w+)(\.size)? (\d+)", line)
        group, name, size, value = match.groups() if match else ("", "", None, "0")
        is_old = group == "msrs" and (OLD_FAMILIES.match(name) or int(value) in msr.NAMES)
        if not is_old and not (group == "structs" and size and is_a_known_age(name, int(value))):
            added.append(line)
    assert not added


def is_a_known_age(name: str, size: int) -> bool:
    """Whether some age of that structure has so many octets."""
    families = (form.bodies for form in hvm.STATES.values() if isinstance(form, Structures))
    ages = next(bodies for bodies in families if name in {body.__name__ for body in bodies})
    return any(size == sum(field.size or 0 for field in g.fields(g.layout(body, "little"))) for body in ages)


def test_what_a_new_xen_adds_is_said() -> None:
    before = {"features": {"AVX": 60}, "code_max": 22, "structs": {"hvm_cpu": {"size": 1032}}}
    after = {"features": {"AVX": 60, "AVX9": 61}, "code_max": 23, "structs": {"hvm_cpu": {"size": 1040}}}
    assert list(news(after, before)) == [
        "new: features.AVX9 61", "other: code_max 23, was 22", "other: structs.hvm_cpu.size 1040, was 1032",
    ]  # fmt: skip
    assert list(news(before, before)) == []


# --- QEMU's script ------------------------------------------------------------------------------------------


def as_the_script_prints(value: Any, printed: Any) -> Any:
    """A value in the form that the script has for it."""
    if isinstance(value, Mapping):
        return {name: as_the_script_prints(value[name], printed.get(name)) for name in value}
    if isinstance(value, list):
        shown = printed if isinstance(printed, list) else [None] * len(value)
        return [as_the_script_prints(one, other) for one, other in zip(value, shown, strict=True)]
    if isinstance(value, bool):
        return value
    if isinstance(value, bytes):
        return " ".join(f"{one:02x}" for one in value)
    if isinstance(value, int) and isinstance(printed, str):
        digits = len(printed.partition(" ")[0]) - 2
        return f"0x{value % (1 << 4 * digits):0{digits}x}" + (f" ({value})" if value < 0 else "")
    return value


def test_fields_of_devices_are_what_qemu_s_script_prints() -> None:
    octets = qemu_streams.genuine()
    printed, stream = analyze_migration(octets), qemu.parse(octets)
    assert stream is not None
    assert [f"{one.device} ({one.number})" for one in stream.sections] == list(printed)
    for one in stream.sections:
        wanted = printed[f"{one.device} ({one.number})"]
        assert as_the_script_prints(one.fields, wanted) == wanted, one.device


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("has_footers", [False, True], ids=["bare", "footers"])
def test_any_described_stream_is_what_qemu_s_script_prints(seed: int, has_footers: bool) -> None:
    octets = qemu_streams.any_described(seed, has_footers, qemu_streams.memory(has_footers))
    printed, stream = analyze_migration(octets), qemu.parse(octets)
    assert stream is not None and [one.kind for one in stream.pieces] == ([1, 2, 2, 3] if has_footers else []) + [4] * 4
    assert [f"{one.device} ({one.number})" for one in stream.sections] == list(printed)
    for one in stream.sections[1 if has_footers else 0 :]:
        wanted = printed[f"{one.device} ({one.number})"]
        assert as_the_script_prints(one.fields, wanted) == wanted
    assert qemu.STREAM.form.write(qemu.STREAM.form.read(octets, "little", {}), "little", {}) == octets
