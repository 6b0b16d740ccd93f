"""What is inside the bodies: complete tables, right offsets, the same octets again, and what other readers say, too.

`headers.json` holds numbers and names of Xen's headers, and the offsets that a C compiler gave their structures
(`tests/support/headers.py` made it). Octets called genuine come from captures of Xen 4.17.
"""

from __future__ import annotations

import json
import lzma
import os
import re
import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import ELSEWHERE, REPOSITORY, captures
from headers import STRUCTS
from hypothesis import given, settings
from hypothesis import strategies as st
from opaque import SPECS, TABLE, bodies, every, opaque, unnamed, unread

from dissector import protocol as g
from dissector.errors import UserError
from dissector.events import Record
from dissector.protocol import cpuid, guest_config, hvm, hvm_params, msr, pv, qemu, x86
from dissector.protocol.cpu_features import ARCH_CAPABILITIES, CPUID_FEATURES
from dissector.protocol.depth import deepen, flatten
from dissector.protocol.forms import Flags, Names, Structures, bits
from dissector.protocol.primitives import Unread
from dissector.results.decoding import around, decoded
from dissector.rules.guest import BASIC, VCPU_HEADER
from dissector.views.fields import tree

HEADERS: dict[str, Any] = json.loads((Path(__file__).parent / "headers.json").read_text())

ORDERS: tuple[g.Endianness, ...] = ("little", "big")

FAKE, MADE_UP = ("postcopy/", "violations/"), "octets are no XSAVE components"
"""In whose captures the postcopy author's fake hypervisor made something up that no layout takes, and what."""


# --- complete -----------------------------------------------------------------------------------------------


def test_every_feature_has_its_name_where_it_is() -> None:
    """Word by word, with Xen's numbers; the last two words are of a register."""
    words: list[tuple[Any, ...] | None] = [
        (1, None, "d"), (1, None, "c"), (0x80000001, None, "d"), (0x80000001, None, "c"), (0xD, 1, "a"), (7, 0, "b"),
        (7, 0, "c"), (0x80000007, None, "d"), (0x80000008, None, "b"), (7, 0, "d"), (7, 1, "a"),
        (0x80000021, None, "a"), (7, 1, "b"), (7, 2, "d"), (7, 1, "c"), (7, 1, "d"), None, None,
        (0x80000021, None, "c"),
    ]  # fmt: skip
    own = {
        name: 32 * words.index(tuple(register)) + bit
        for register, names in CPUID_FEATURES.items()
        for bit, name in names.items()
    }
    own |= {name: 32 * 16 + bit for bit, name in ARCH_CAPABILITIES.items()}
    assert own == HEADERS["features"]
    assert len(own) == 287


def test_every_parameter_and_viridian_bit_has_its_name() -> None:
    there = {name: number for name, number in HEADERS["params"].items() if not name.startswith("CALLBACK_TYPE")}
    assert {name: number for number, name in hvm_params.NAMES.items()} == there
    assert {part.name: part.shift for part in hvm_params.VIRIDIAN.parts} == HEADERS["viridian"]


def test_every_type_code_has_a_layout() -> None:
    names = {number: name for number, name in g.HVM_SAVE_TYPES.items() if number}
    there = {number: {"MSR": "CPU_MSR"}.get(name, name) for name, number in HEADERS["codes"].items()}
    assert names == there and max(names) == HEADERS["code_max"]
    assert set(hvm.STATES) == set(names.values())


OLD_FAMILIES = re.compile(r"P4_|IA32_MCG_(E[A-Z]+|R\d+|MISC)$|(C2|NHL|SM|SKL|GM)_|P5_|IA32_LAST|IA32_LASTBRANCH")
NO_REGISTER = re.compile(r"_(UE_)?MASK$|^X2APIC_(FIRST|LAST)$|^CTC_|^IA32_MISC_ENABLE_|^IA32_CR_PAT_RESET$|LBR_FORMAT$")


def test_every_register_has_its_name() -> None:
    """But for those of old families, and for what is no register's number; of two names for one number, the first."""
    numbers = {name: number for number, name in msr.NAMES.items()}
    for name, number in HEADERS["msrs"].items():
        if name in numbers:
            assert numbers[name] == number
        elif not OLD_FAMILIES.match(name) and (not NO_REGISTER.search(name) or number in msr.NAMES):
            assert number in msr.NAMES, name
    assert len(msr.NAMES) == 269


@pytest.mark.parametrize("name", ["cr0", "cr4", "eflags", "dr6", "xcr0", "efer"])
def test_every_bit_has_its_name(name: str) -> None:
    form = msr.BITS["EFER"] if name == "efer" else getattr(x86, name.upper())
    own = {part.name: part.shift for part in form.parts if part.width == 1}
    assert own == {bit: at for bit, at in HEADERS[name].items() if bit != "ZEROS"}


@pytest.mark.parametrize("one", STRUCTS, ids=lambda one: one.body.__name__)
def test_fields_are_where_a_c_compiler_has_them(one: Any) -> None:
    layout = g.layout(one.body, "little")
    there = HEADERS["structs"][one.body.__name__]
    own = {field.name: [field.offset, field.size] for field in g.fields(layout)}
    wanted = there["fields"]
    if one.body is hvm.hvm_ioapic:  # an array up to the body's end: its size is not fixed
        wanted["redirtbl"][1] = None
    assert {name: own[name] for name in wanted} == wanted
    tails = {pv.pv_extended: 0, hvm.hvm_cpu_xsave: 0, pv.shared_info_64: 960, pv.shared_info_32: 1752}
    if one.body is not hvm.hvm_ioapic:
        assert len(g.build(layout, zeros(layout))) == there["size"] + tails.get(one.body, 0)


def zeros(layout: g.Layout) -> dict[str, Any]:
    """Values that are nothing but zeros."""
    size = sum(field.size or 0 for field in g.fields(layout))
    return g.parse(layout, bytes(size))


def test_layouts_without_names_in_c_have_the_right_size() -> None:
    sizes = {hvm.hvm_pic: 8, hvm.hvm_lapic_24: 24, hvm.hvm_lapic_regs: 1024, hvm.hvm_rtc_16: 16, x86.fxsave: 512}
    for body, size in sizes.items():
        assert sum(field.size or 0 for field in g.fields(g.layout(body, "little"))) == size
    assert len(g.build(g.layout(hvm.hvm_ioapic, "little"), zeros_of_ioapic())) == 400


def zeros_of_ioapic() -> dict[str, Any]:
    return {"base_address": 0, "ioregsel": 0, "id": 0, "redirtbl": [0] * 48}


# --- genuine ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in every() if not name.startswith(("field/", "receivers/"))])
def test_every_body_is_read_to_its_last_octet_and_builds_back(name: str) -> None:
    for record in bodies(every()[name]):
        layout = g.layout(SPECS[record.layer, record.name].body, record.endianness)
        try:
            values = g.parse(layout, record.body)
        except g.GrammarError:
            continue  # a body that lies about its counts, sent on purpose
        deep = deepen(layout, values, around(record))
        assert g.build(layout, deep) == g.build(layout, values) == record.body[: g.measure(layout, record.body)]
        assert flatten(layout, deep) == values
        left = [one.why for one in unread(deep)]
        assert not left or (name.startswith(FAKE) and all(MADE_UP in why for why in left)), record.name
        shown = decoded(record, deep=True)
        json.dumps(shown, allow_nan=False)
        assert all(line.isprintable() for line in tree(shown, full=True))


def test_the_table_says_what_stays_octets_in_each_capture() -> None:
    """`python -m tests.opaque --write` writes it anew."""
    told = {
        row.split(" | ")[0].removeprefix("| "): row for row in TABLE.read_text().splitlines() if row.startswith("| ")
    }
    seen = 0
    for name, path in every().items():
        found = opaque(path)
        if found is not None and (name in told or not os.environ.get("XENSHARK_CAPTURES")):
            assert told[name] == found.row(name)
            seen += 1
    assert seen > 50


def test_the_manual_says_how_much_stays_octets() -> None:
    octets, left = Counter[str](), Counter[str]()
    for name in ("hvm-live-lo/hvm-live-lo.pcap", "pvh-live-lo/pvh-live-lo.pcap", "pv-save/pv-save.img"):
        for record in bodies(captures()[f"xen/{name}"]):
            layout = g.layout(SPECS[record.layer, record.name].body, record.endianness)
            octets[record.name] += len(record.body)
            left[record.name] += unnamed(deepen(layout, g.parse(layout, record.body)))
    manual = (REPOSITORY / "dissector/results/README.md").read_text().partition("## What stays octets")[2]
    rows = [[cell.strip() for cell in row.split("|")[1:4]] for row in manual.splitlines() if row.startswith("| ")][1:]
    told = {name: (count, share) for names, count, share in rows for name in names.split(", ")}
    for name, count in octets.items():
        if left[name]:
            assert told.pop(name) == (f"{count:,}", f"{100 * left[name] / count:.1f} %")
        elif count:
            assert told.pop(name) == ("", "0 %")
    assert not told


ODD = [path for folder in ("field", "receivers") for path in sorted((ELSEWHERE / folder).glob("*.zst"))]


@pytest.mark.parametrize("path", ODD, ids=lambda path: path.name)
def test_odd_bodies_build_back_too(path: Path) -> None:
    """Of streams that break rules: what can be parsed at all is read, shown, and builds back."""
    try:
        records = list(bodies(path))
    except UserError:
        return  # nothing that can be followed
    for record in records:
        layout = g.layout(SPECS[record.layer, record.name].body, record.endianness)
        values = g.parse_partial(layout, record.body)
        deep = deepen(layout, values)
        assert flatten(layout, deep) == values
        # Octets where a record has none, of an END for example, are no field's: a rule tells of them.
        assert list(tree(decoded(record, deep=True), full=True)) or not record.body or record.name == "END"


def test_every_field_says_where_it_comes_from() -> None:
    for form in EVERY_STRUCTURE:
        for body in form.bodies:
            assert body.__doc__
            assert all(field.doc for field in g.fields(g.layout(body, "little")))


@pytest.fixture(scope="module")
def genuine() -> dict[str, Record]:
    """The bodies of a genuine migration of an HVM guest, by the name of their record."""
    return {record.name: record for record in bodies(captures()["xen/hvm-live-lo/hvm-live-lo.pcap"])}


def deep(record: Record) -> dict[str, Any]:
    layout = g.layout(SPECS[record.layer, record.name].body, record.endianness)
    return deepen(layout, g.parse(layout, record.body))


# What xen-hvmctx of Xen prints for these octets, as numbers. It prints DS under the name ES and the other way round.
XEN_HVMCTX = {
    "rbp": 0xFFFFC900000CFEA4, "rsi": 0xFFFFC9000006FE6C, "rdi": 2, "rsp": 0xFFFFC9000006FE60, "r8": 0x17E4, "r9": 1,
    "r10": 0xFFFF888000608250, "r11": 0x1C, "r12": 0, "r13": 0xFFFFFFFF8180D4C8, "r14": 2, "r15": 0xFFFFC9000001FD01,
    "rip": 0xFFFFFFFF81228D13, "rflags": 2, "cr0": 0x80050033, "cr2": 0, "cr3": 0x5E4000, "cr4": 0x6B0,
    "dr6": 0xFFFF0FF0, "dr7": 0x400, "cs_sel": 0x10, "cs_limit": 0xFFFFFFFF, "cs_arbytes": 0xA9B, "ss_sel": 0x18,
    "ss_arbytes": 0xC93, "gs_base": 0xFFFF888002A00000, "tr_sel": 0x40, "tr_base": 0xFFFFFE0000003000, "tr_limit": 0x67,
    "idtr_base": 0xFFFFFE0000000000, "idtr_limit": 0xFFF, "gdtr_base": 0xFFFFFE0000001000, "gdtr_limit": 0x7F,
    "msr_efer": 0xD01, "msr_lstar": 0xFFFFFFFF81400040, "msr_cstar": 0xFFFFFFFF81401320, "msr_star": 0x23001000000000,
    "msr_syscall_mask": 0x257FD5, "tsc": 0x357C384E19, "pending_event": 0, "error_code": 0,
}  # fmt: skip


def test_registers_are_what_xen_s_own_tool_prints(genuine: dict[str, Record]) -> None:
    chain = list(hvm.descriptors(genuine["HVM_CONTEXT"].body))
    assert [one.name for one in chain][:3] == ["HEADER", "CPU", "PIC"] and chain[-1].name == "END"
    found = hvm.cpu(chain[1].octets)
    assert found is not None
    assert {name: found[name] for name in XEN_HVMCTX} == XEN_HVMCTX
    assert (found["flags"], found["msr_tsc_aux"]) == (1, 0)


def test_the_state_of_a_processor_in_words(genuine: dict[str, Record]) -> None:
    chain = deep(genuine["HVM_CONTEXT"])["hvm_ctx"]
    registers = chain[1]["body"]
    assert registers["cr0"] == ["PE", "MP", "ET", "NE", "WP", "AM", "PG"]
    assert registers["cr4"] == ["PSE", "PAE", "PGE", "OSFXSR", "OSXMMEXCPT"]
    assert registers["msr_efer"] == ["SCE", "LME", "LMA", "NXE"]
    assert registers["cs_arbytes"] == ["S", "P", "L", "G", "type=11"]
    assert registers["fpu_regs"]["fcw"] == 0x37F and registers["flags"] == ["INITIALISED"]
    by_name = {one["typecode"]: one["body"] for one in chain}
    assert by_name["HEADER"]["magic"] == hvm.MAGIC and by_name["HEADER"]["gtsc_khz"] == 2596146
    assert by_name["MTRR"]["msr_mtrr_def_type"] == ["FE", "E", "type=WB"]
    assert by_name["IOAPIC"]["redirtbl"][9] == ["logical", "polarity", "trig_mode", "mask", "vector=33", "dest_id=1"]
    assert by_name["LAPIC"]["apic_base_msr"] == ["BSP", "ENABLE", "page=1043968"]
    assert by_name["LAPIC_REGS"]["LVR"] == 0x50014
    assert by_name["TSC_ADJUST"] == {"tsc_adjust": 0}


def test_a_policy_in_words_is_what_its_words_say(genuine: dict[str, Record]) -> None:
    """The words of leaf 1 were taken apart by hand."""
    policy = cpuid.leaves(genuine["X86_CPUID_POLICY"].body)
    assert policy[1, cpuid.NO_SUBLEAF][:1] == (0x00060FB1,)
    found = cpuid.CpuPolicy.of(policy)
    assert (found.vendor, found.family, found.model, found.stepping) == ("AuthenticAMD", 15, 107, 1)
    assert found.brand == "QEMU Virtual CPU version 2.5+"
    assert (found.max_leaf, found.max_extended, found.physical_bits, found.linear_bits) == (0xD, 0x80000021, 40, 48)
    assert [(one.level, one.type, one.size) for one in found.caches] == [
        (1, "data", 64 << 10), (1, "instruction", 64 << 10), (2, "unified", 512 << 10), (3, "unified", 16 << 20),
    ]  # fmt: skip
    _, _, ecx, edx = policy[1, cpuid.NO_SUBLEAF]
    assert {"SSE3", "CX16", "X2APIC", "HYPERVISOR", "SSE2", "FPU"} <= cpuid.features(policy) == set(found.features)
    assert (ecx, "FPU" in found.features) == (1 | 1 << 13 | 1 << 21 | 1 << 31, bool(edx & 1))
    assert "AVX" not in found.features
    words = decoded(genuine["X86_CPUID_POLICY"], deep=True)
    assert words["cpu"]["vendor"] == "AuthenticAMD" and "SSE3" in words["cpu"]["features"]
    assert words["cpuid_policy"][1]["c"] == ["SSE3", "CX16", "X2APIC", "HYPERVISOR"]
    assert words["cpuid_policy"][1]["subleaf"] == "none"


def test_registers_and_parameters_have_names(genuine: dict[str, Record]) -> None:
    assert deep(genuine["X86_MSR_POLICY"])["msr_policy"] == [
        {"idx": "INTEL_PLATFORM_INFO", "flags": 0, "val": ["CPUID_FAULTING"]},
        {"idx": "ARCH_CAPABILITIES", "flags": 0, "val": []},
    ]
    params = {one["index"]: one["value"] for one in deep(genuine["HVM_PARAMS"])["param"]}
    assert params["STORE_PFN"] == 0xFEFFC and params["PAGING_RING_PFN"] == 0xFEFF8
    assert params["VM86_TSS_SIZED"] == ["address=4228907648", "size=384"]


# Device, instance, version and octets of each section, as the headers of the next one have them.
SECTIONS = """
timer 0 2 24, cpu_common 0 1 8, cpu 0 12 1347, apic 0 3 181, fw_cfg 0 2 6, PCIBUS 0 1 516, 0000:00:00.0/I440FX 0 3 277,
dma 0 1 75, dma 1 1 75, 0000:00:01.0/PIIX3 0 3 292, ioapic 0 3 206, hpet 0 2 151, mc146818rtc 0 3 245, serial 0 3 11,
fdc 0 2 593, ps2kbd 0 3 284, ps2mouse 0 2 291, pckbd 0 3 4, port92 0 1 1, 0000:00:01.1/ide 0 3 430, i2c_bus 0 1 1,
0000:00:01.3/piix4_pm 0 3 336, 0000:00:02.0/platform 0 4 277
"""


def test_sections_of_a_genuine_qemu(genuine: dict[str, Record]) -> None:
    stream = qemu.parse(genuine["EMULATOR_CONTEXT"].body[8:])
    assert stream is not None and (stream.version, stream.machine, stream.trailer) == (3, None, b"\0")
    found = [f"{one.device} {one.instance} {one.version} {len(one.octets)}" for one in stream.sections]
    assert found == " ".join(SECTIONS.split()).split(", ")
    assert [name for name, _ in stream.sections[2].subsections] == ["cpu/poll_control_msr"]


def test_a_pv_guest_in_words() -> None:
    by_name = {record.name: record for record in bodies(captures()["xen/pv-live-any-nano/pv-live-any-nano.pcap"])}
    context = deep(by_name["X86_PV_VCPU_BASIC"])["context"]
    assert context["flags"] == ["in_kernel", "online"] or "online" in context["flags"]
    assert context["rip"] >> 32 == 0xFFFFFFFF and "IF" in context["rflags"]
    assert len(context["trap_ctxt"]) == 256 and context["trap_ctxt"][3]["vector"] == 3
    shared = deep(by_name["SHARED_INFO"])["shared_info"]
    assert shared["max_pfn"] * 4096 == 40 << 20
    assert 1.6e9 < shared["wc_sec"] < 2e9 and set(shared["evtchn_pending"]) <= set(range(4096))
    assert shared["vcpu_info"][0]["tsc_to_system_mul"] and len(shared["vcpu_info"]) == 32
    extended = deep(by_name["X86_PV_VCPU_EXTENDED"])["context"]
    assert (extended["size"], extended["syscall32_disables_events"]) == (64, 1)


# --- odd ----------------------------------------------------------------------------------------------------


def saved(typecode: int | str, octets: bytes) -> bytes:
    link = {"typecode": typecode, "instance": 0, "body": octets}
    end = {"typecode": 0, "instance": 0, "body": b""}
    return g.build(g.layout(SPECS["libxc", "HVM_CONTEXT"].body, "little"), {"hvm_ctx": [link, end]})


def body_of(typecode: int | str, octets: bytes) -> Any:
    layout = g.layout(SPECS["libxc", "HVM_CONTEXT"].body, "little")
    return deepen(layout, g.parse(layout, saved(typecode, octets)))["hvm_ctx"][0]["body"]


def test_an_unknown_length_is_octets_with_a_word() -> None:
    found = body_of("CPU", bytes(1000))
    assert isinstance(found, Unread) and found == bytes(1000)
    assert found.why == "1,000 octets are no CPU that is known"
    assert g.json_safe(found) == {"octets": 1000, "unread": found.why}
    assert list(tree({"body": g.json_safe(found)})) == [f"body: 1000 octets ({found.why})"]


def test_an_unknown_type_is_octets() -> None:
    assert body_of(23, b"abc") == b"abc"
    assert hvm.fixed_state("AMAZON", b"abc") is None


def test_older_and_shorter_states() -> None:
    assert list(body_of("LAPIC", bytes(24))) == ["apic_base_msr", "disabled", "timer_divisor", "tdt_msr"]
    assert body_of("LAPIC", bytes(32))["pending_esr"] == 0
    sizes = {1016: {"tsc"}, 1024: {"tsc", "msr_tsc_aux"}, 1032: {"tsc", "msr_tsc_aux", "flags"}}
    for size, names in sizes.items():
        assert {"tsc", "msr_tsc_aux", "flags"} & set(body_of("CPU", bytes(size))) == names
    for typecode, size, last in (
        ("LAPIC", 16, "timer_divisor"),
        ("VMCE_VCPU", 8, "caps"),
        ("VMCE_VCPU", 24, "mci_ctl2_bank1"),
        ("RTC", 16, "pad0"),
        ("VIRIDIAN_DOMAIN", 16, "guest_os_id"),
        ("VIRIDIAN_DOMAIN", 24, "time_ref_count"),
        ("VIRIDIAN_VCPU", 8, "vp_assist_msr"),
        ("VIRIDIAN_VCPU", 16, "pad"),
        ("VIRIDIAN_VCPU", 216, "stimer_count_msr"),
    ):
        assert list(body_of(typecode, bytes(size)))[-1] == last
    aux = (5).to_bytes(8, "little")
    for octets, tsc_aux in ((bytes(1016), 0), (bytes(1000) + aux + bytes(16), 5)):
        old = hvm.cpu(octets)
        assert old is not None and (old["flags"], old["msr_tsc_aux"]) == (1, tsc_aux)


def test_registers_of_a_processor_by_name() -> None:
    octets = struct.pack("<II", 2, 0) + struct.pack("<IIQ", 0x48, 0, 5) + struct.pack("<IIQ", 0x12345678, 0, 7)
    assert body_of("CPU_MSR", octets)["msr"] == [
        {"index": "SPEC_CTRL", "rsvd": 0, "val": ["IBRS", "SSBD"]},
        {"index": 0x12345678, "rsvd": 0, "val": 7},
    ]


@pytest.mark.parametrize(
    ("mask", "size", "kind", "names"),
    [
        (0x3, 0, None, []),
        (0x7, 256, "Intel", ["YMM"]),
        (0x207, 264, "AMD", ["YMM", "PKRU"]),
        (0x2E7, 1864, "AMD with AVX-512", ["YMM", "OPMASK", "ZMM", "HI_ZMM", "PKRU"]),
        (0x2FF, 2120, "Intel", ["YMM", "BNDREGS", "BNDCSR", "OPMASK", "ZMM", "HI_ZMM", "PKRU"]),
        (0x602E7, 10432, "Intel", ["YMM", "OPMASK", "ZMM", "HI_ZMM", "PKRU", "TILE_CFG", "TILE_DATA"]),
        (1 << 62 | 7, 384, "AMD", ["YMM", "LWP"]),
    ],
)
def test_components_of_xsave(mask: int, size: int, kind: str | None, names: list[str]) -> None:
    area = bytearray(struct.pack("<QQQ", 0, mask, mask) + bytes(576) + bytes(size))
    for at in range(size - size % 8 - 8, size):
        area[600 + at] = 1
    found = body_of("XSAVE", bytes(area))
    assert found["xcr0"][:2] == ["X87", "SSE"]
    assert found["components"].get("layout") == kind
    assert [name for name in found["components"] if name != "layout"] == names
    layout = g.layout(hvm.hvm_cpu_xsave, "little")
    assert g.build(layout, found) == area


def test_an_area_with_room_for_more_states() -> None:
    """As a Xen sent it that made it as long as all states of the processor, whatever the guest had used."""
    octets = struct.pack("<QQQ", 0, 7, 7) + bytes(576) + b"\1" * 256 + bytes(8)
    found = body_of("XSAVE", octets)
    assert found["components"] | {"YMM": None} == {"layout": "Intel", "YMM": None, "rest": bytes(8)}
    assert g.build(g.layout(hvm.hvm_cpu_xsave, "little"), found) == octets
    assert isinstance(body_of("XSAVE", octets[:-1] + b"\1")["components"], Unread)


def test_the_compacted_format_is_octets() -> None:
    octets = struct.pack("<QQQ", 0, 7, 7) + bytes(512) + struct.pack("<QQ", 7, 1 << 63 | 7) + bytes(48 + 256)
    assert isinstance(body_of("XSAVE", octets)["components"], Unread)


def test_components_that_do_not_fit_are_octets() -> None:
    for mask, size in ((0x7, 255), (0x40007, 8448), (0xFF, 264)):
        found = body_of("XSAVE", struct.pack("<QQQ", 0, mask, mask) + bytes(576 + size))
        assert isinstance(found["components"], Unread)


def test_a_page_of_a_32_bit_guest() -> None:
    page = bytearray(4096)
    page[0] = 1
    page[2048] = 0b10  # port 1
    page[2176:2304] = b"\xff" * 128
    struct.pack_into("<6I", page, 2304, 1, 1600000000, 5, 10240, 0, 0)
    layout = g.layout(SPECS["libxc", "SHARED_INFO"].body, "little")
    found = deepen(layout, g.parse(layout, bytes(page)))["shared_info"]
    assert (found["evtchn_pending"], found["evtchn_mask"], found["max_pfn"]) == ([1], {"unmasked": []}, 10240)
    assert (found["wc_sec"], found["vcpu_info"][0]["evtchn_upcall_pending"]) == (1600000000, 1)
    assert g.build(layout, {"shared_info": found}) == page


def test_a_chain_that_ends_too_early() -> None:
    octets = saved("HEADER", bytes(24))
    for end in range(len(octets)):
        found = list(hvm.descriptors(octets[:end]))
        assert all(len(one.octets) <= one.length for one in found) and len(found) <= 2
    assert [one.name for one in hvm.descriptors(octets + b"after")] == ["HEADER", "END"]
    assert next(hvm.descriptors(bytes.fromhex("0001000500000018"), "big"))[:4] == (1, 5, 24, 8)


# --- names in, octets out -----------------------------------------------------------------------------------


def test_names_can_be_given() -> None:
    layout = g.layout(SPECS["libxc", "HVM_PARAMS"].body, "little")
    named = [
        {"index": "VIRIDIAN", "value": ["base_freq", "synic"]},
        {"index": "TIMER_MODE", "value": "no_missed_ticks_pending"},
    ]
    plain = [{"index": 9, "value": 0x81}, {"index": 10, "value": 2}]
    assert g.build(layout, {"param": named}) == g.build(layout, {"param": plain})
    for wrong in (
        {"index": "NOTHING", "value": 1},
        {"index": "VIRIDIAN", "value": ["nothing"]},
        {"index": 9, "value": "?"},
    ):
        with pytest.raises(g.GrammarError):
            g.build(layout, {"param": [wrong]})
    with pytest.raises(g.GrammarError, match="LAPIC"):
        saved("LAPIC", {"apic_base": 5})  # type: ignore[arg-type]


@given(st.integers(0, (1 << 64) - 1))
def test_flags_are_lossless(number: int) -> None:
    for form in (x86.CR4, x86.EFLAGS, x86.DR7, hvm.REDIRECTION, pv.FLAGS, bits("")):
        words = form.read(number, "little", {})
        assert form.write(words, "little", {}) == number == form.write(number, "little", {})


@given(st.integers(0, 300))
def test_names_are_lossless(number: int) -> None:
    for form in (Names(msr.NAMES), Names(hvm_params.NAMES)):
        assert form.write(form.read(number, "little", {}), "little", {}) == number


OF_PV = (pv.BASIC, pv.EXTENDED, pv.XSAVE, pv.MSRS)
FORMS = [*hvm.STATES.values(), *(always.form for always in (*OF_PV, x86.FPU)), *pv.SHARED_INFO.values()]
EVERY_STRUCTURE = [form for form in FORMS if isinstance(form, Structures)]


@pytest.mark.parametrize("form", EVERY_STRUCTURE, ids=lambda form: form.name)
@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_whatever_is_read_builds_back(form: Structures, order: g.Endianness, data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(form.bodies))
    size = sum(field.size or 0 for field in g.fields(g.layout(body, order)))
    more = data.draw(st.sampled_from([0, 1, 8, 16, 32]))
    octets = Random(data.draw(st.integers(0, 1 << 32))).randbytes(size + more)
    found = form.read(octets, order, {})
    assert form.write(found, order, {}) == octets
    json.dumps(g.json_safe(found), allow_nan=False)
    list(tree({"body": g.json_safe(found)}))


# --- policies -----------------------------------------------------------------------------------------------


def policy(*entries: tuple[int, int, int, int, int, int]) -> bytes:
    return b"".join(struct.pack("<6I", *entry) for entry in entries)


NONE = cpuid.NO_SUBLEAF


def test_an_intel_policy() -> None:
    octets = policy(
        (0, NONE, 0xD, *struct.unpack("<3I", b"GenuntelineI")),
        (1, NONE, 0x50654, 16 << 16, 1 << 28, 1),
        (4, 0, 0x1C004121, 7 << 22 | 63, 63, 0),
        (4, 1, 0x1C004122, 7 << 22 | 63, 63, 0),
        (4, 2, 0, 0, 0, 0),
        (7, 0, 0, 1 << 5 | 1 << 16, 0, 1 << 29),
        (0xB, 0, 1, 2, 0x100, 0),
        (0xB, 1, 5, 16, 0x201, 0),
        (0xB, 2, 0, 0, 2, 0),
        (0xD, 0, 0xE7, 0, 2688, 0),
        (0xD, 1, 0xF, 0, 0x1800, 0),
        (0xD, 2, 256, 576, 0, 0),
        (0xD, 5, 64, 1088, 0, 0),
    )
    found = cpuid.CpuPolicy.of(cpuid.leaves(octets + b"half"))
    assert (found.vendor, found.family, found.model, found.stepping, found.threads) == ("GenuineIntel", 6, 85, 4, 16)
    assert found.features == ("FPU", "AVX", "XSAVEOPT", "XSAVEC", "XGETBV1", "XSAVES", "AVX2", "AVX512F", "ARCH_CAPS")
    assert found.caches[0] == cpuid.Cache(1, "data", 32 << 10, 8, 64, 2)
    assert [one.type for one in found.caches] == ["data", "instruction"]
    assert found.topology == (cpuid.Topology("thread", 1, 2), cpuid.Topology("core", 5, 16))
    assert found.states == ("X87", "SSE", "YMM", "OPMASK", "ZMM", "HI_ZMM") and found.xsave_size == 2688
    assert found.supervisor_states == ("CET_U", "CET_S")
    assert found.components == (cpuid.State("YMM", 256, 576), cpuid.State("OPMASK", 64, 1088))
    assert (found.brand, found.max_extended, found.max_viridian) == (None, None, None)


AMD_OLD = (
    (0x80000005, NONE, 0xFF40FF40, 0xFF40FF40, 0x20080140, 0x40040140),
    (0x80000006, NONE, 0x48002200, 0x68004200, 0x02006140, 0x0100F140),
)
AMD_1D = (0x8000001D, NONE, 0x00004121, 0x01C0003F, 0x3F, 0)
AMD_1D_MORE = [
    (0x8000001D, 0, 0x00004121, 0x01C0003F, 0x3F, 0),
    (0x8000001D, 1, 0x00004122, 0x00C0003F, 0xFF, 0),
    (0x8000001D, 2, 0x00004143, 0x01C0003F, 0x3FF, 2),
    (0x8000001D, 3, 0x0003C163, 0x03C0003F, 0x3FFF, 1),
    (0x8000001D, 4, 0, 0, 0, 0),
]


@pytest.mark.parametrize("extra", [[], [AMD_1D], AMD_1D_MORE], ids=["old leaves", "as Xen sends it", "all subleaves"])
def test_caches_of_an_amd_processor(extra: list[tuple[int, int, int, int, int, int]]) -> None:
    """Xen sends the first subleaf of 0x8000001d, without a number; what it lacks is in the older leaves."""
    found = cpuid.CpuPolicy.of(cpuid.leaves(policy(*AMD_OLD, *extra))).caches
    kib = 1 << 10
    l1_data = cpuid.Cache(1, "data", 32 * kib, 8, 64, 2 if extra else None)
    if len(extra) < 2:
        assert found == (
            l1_data,
            cpuid.Cache(1, "instruction", 64 * kib, 4, 64, None),
            cpuid.Cache(2, "unified", 512 * kib, 8, 64, None),
            cpuid.Cache(3, "unified", 64 * 512 * kib, 64 * 512 * kib // 64, 64, None),
        )
    else:
        assert [(one.level, one.type, one.size // kib, one.threads) for one in found] == [
            (1, "data", 32, 2), (1, "instruction", 64, 2), (2, "unified", 512, 2), (3, "unified", 16384, 16),
        ]  # fmt: skip


def test_topology_of_an_amd_processor() -> None:
    leaves = [(0x80000008, NONE, 0x3030, 0, 0x500F, 0), (0x8000001E, NONE, 4, 0x101, 0x102, 0)]
    found = cpuid.CpuPolicy.of(cpuid.leaves(policy(*leaves)))
    assert found.topology == (cpuid.Topology("thread", 1, 2), cpuid.Topology("core", 5, 16))
    told = cpuid.CpuPolicy.of(cpuid.leaves(policy(*leaves, (0xB, 0, 1, 2, 0x100, 0))))
    assert told.topology == (cpuid.Topology("thread", 1, 2),)
    layout = g.layout(SPECS["libxc", "X86_CPUID_POLICY"].body, "little")
    octets = policy(*AMD_OLD, *leaves, AMD_1D)
    deepened = deepen(layout, g.parse(layout, octets))
    l1, l2, sizes, nodes, cache = deepened["cpuid_policy"]
    assert l1["c"] == ["line_size=64", "lines_per_tag=1", "ways=8", "size_kib=32"]
    assert l1["a"] == ["instruction_entries=64", "instruction_ways=255", "data_entries=64", "data_ways=255"]
    assert l2["d"] == ["line_size=64", "lines_per_tag=1", "ways=fully", "size_512kib=64"]
    assert l2["a"] == ["instruction_entries=512", "instruction_ways=2-way", "data_entries=2048", "data_ways=4-way"]
    assert (sizes["c"], nodes["b"]) == (["nc=15", "apic_id_size=5"], ["core_id=1", "threads_per_core=1"])
    assert nodes["c"] == ["node_id=2", "nodes_per_processor=1"]
    assert cache["a"] == ["self_init", "type=data", "level=1", "threads_per_cache=1"]
    assert g.build(layout, deepened) == octets


def test_an_empty_policy_says_nothing() -> None:
    assert cpuid.described({"cpuid_policy": []}) == {}
    assert cpuid.features(cpuid.leaves(b"")) == frozenset()


# --- QEMU ---------------------------------------------------------------------------------------------------


def section(number: int, device: str, version: int, octets: bytes, footer: bool) -> bytes:
    head = bytes((4,)) + number.to_bytes(4, "big") + bytes((len(device),)) + device.encode()
    return head + struct.pack(">II", 0, version) + octets + (b"\x7e" + number.to_bytes(4, "big")) * footer


DESCRIBED = {
    "page_size": 4096,
    "devices": [
        {
            "name": "timer", "instance_id": 0, "vmsd_name": "timer", "version": 2,
            "fields": [
                {"name": "ticks", "type": "int64", "size": 8},
                {"name": "on", "type": "bool", "size": 1},
                {"name": "ports", "array_len": 2, "type": "uint16", "size": 2},
                {"name": "inner", "type": "struct", "size": 4, "struct": {
                    "vmsd_name": "inner", "version": 1, "fields": [{"name": "raw", "type": "buffer", "size": 4}]}},
            ],
            "subsections": [
                {"vmsd_name": "timer/more", "version": 1, "fields": [{"name": "extra", "type": "uint8", "size": 1}]},
            ],
        },
    ],
}  # fmt: skip
TIMER = struct.pack(">qBHH", -5, 1, 7, 8) + b"\x04\x00\x00\x00" + b"\x05\x0atimer/more" + struct.pack(">IB", 1, 9)


def qemu_stream(footer: bool, described: dict[str, Any] | None) -> bytes:
    machine = b"\x07" + struct.pack(">I", 5) + b"xenfv"
    parts = section(2, "timer", 2, TIMER, footer) + section(9, "serial", 3, bytes(11), footer) + b"\0"
    text = json.dumps(described).encode() if described else b""
    tail = b"\x06" + len(text).to_bytes(4, "big") + text if described else b""
    return b"QEVM" + struct.pack(">I", 3) + machine + parts + tail


@pytest.mark.parametrize("footer", [False, True])
@pytest.mark.parametrize("described", [None, DESCRIBED], ids=["bare", "described"])
def test_a_stream_of_qemu(footer: bool, described: dict[str, Any] | None) -> None:
    octets = qemu_stream(footer, described)
    stream = qemu.parse(octets)
    assert stream is not None and stream.machine == "xenfv"
    assert [(one.device, one.version, one.octets) for one in stream.sections] == [
        ("timer", 2, TIMER), ("serial", 3, bytes(11)),
    ]  # fmt: skip
    assert stream.sections[0].subsections == [("timer/more", TIMER.index(b"timer/more"))]
    wanted = {"ticks": -5, "on": True, "ports": [7, 8], "inner": {"raw": b"\4\0\0\0"}, "timer/more": {"extra": 9}}
    assert stream.sections[0].fields == (wanted if described else {})
    assert bool(stream.description) == bool(described)
    form = qemu.STREAM.form
    assert form.write(form.read(octets, "little", {}), "little", {}) == octets


@pytest.fixture(scope="module")
def described_by_qemu() -> bytes:
    """What QEMU 7.2 wrote of a machine that had not started: all its devices and their description, no memory."""
    return lzma.decompress((Path(__file__).parent / "qemu-7.2.xz").read_bytes())


def test_the_three_ways_to_find_where_a_section_ends_agree(described_by_qemu: bytes) -> None:
    """By QEMU's description, by footers, and by where the next header stands."""
    told = qemu.parse(described_by_qemu)
    assert told is not None and told.machine == "pc-i440fx-7.2" and len(told.sections) == 33
    assert all(one.footer and one.fields for one in told.sections)
    values = qemu.STREAM.form.read(described_by_qemu, "little", {})
    for footer in (1, 0):
        sections = [one | {"footer": footer} for one in values["sections"]]
        bare = qemu.parse(qemu.STREAM.form.write(values | {"sections": sections, "trailer": b"\0"}, "little", {}))
        assert bare is not None and not bare.description
        assert [one.octets for one in bare.sections] == [one.octets for one in told.sections]


def test_fields_that_qemu_describes(described_by_qemu: bytes) -> None:
    """A processor after reset: the reset vector, and 32 kB of it taken apart."""
    stream = qemu.parse(described_by_qemu)
    assert stream is not None
    devices = {one.device: one for one in stream.sections}
    processor = devices["cpu"].fields
    assert (processor["env.eip"], processor["env.cr[0]"], len(processor["env.regs"])) == (0xFFF0, 0x60000010, 16)
    assert devices["globalstate"].fields["size"] == len("prelaunch") + 1
    assert devices["i8259"].fields["irq_base"] == 0
    assert (
        qemu.STREAM.form.write(qemu.STREAM.form.read(described_by_qemu, "little", {}), "little", {})
        == described_by_qemu
    )


def test_what_is_no_stream_of_qemu() -> None:
    form = qemu.STREAM.form
    for octets in (b"", b"QEVM", b"QEVM\0\0\0\x09\4", bytes(range(200)), b"QEVM" + bytes(range(200))):
        assert isinstance(form.read(octets, "little", {}), Unread)


@given(st.binary(max_size=80), st.integers(0, 200), st.sampled_from([None, DESCRIBED]))
def test_a_damaged_stream_of_qemu_is_read_or_left_alone(
    noise: bytes, at: int, described: dict[str, Any] | None
) -> None:
    whole = qemu_stream(True, described)
    octets = whole[:at] + noise + whole[at + len(noise) :]
    form = qemu.STREAM.form
    assert form.write(form.read(octets, "little", {}), "little", {}) == octets


# --- who the guest is ---------------------------------------------------------------------------------------

XL: dict[str, Any] = {
    "c_info": {"type": "hvm", "name": "g", "uuid": "u"},
    "b_info": {"max_vcpus": 4, "avail_vcpus": [0, 1], "max_memkb": 2048, "target_memkb": 1024},
}
LIBVIRT = """<domain type='xen'><name>g</name><uuid>u</uuid><memory unit='MiB'>2</memory>
<currentMemory unit='KiB'>1024</currentMemory><vcpu current='2'>4</vcpu>
<os><type arch='x86_64'>hvm</type></os></domain>"""
VM = (
    "((id u)(name g)(ty(HVM((hap true)(shadow 1))))(vcpus 2)(vcpu_max 4)(memory_static_max 2097152)"
    "(memory_dynamic_max 1048576))"
)
VM_JSON = json.dumps(
    {
        "vm": {
            "id": "u", "name": "g", "ty": ["HVM", {}], "vcpus": 2, "vcpu_max": 4, "memory_static_max": 2097152,
            "memory_dynamic_max": 1048576,
        }
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("toolstack", "config"),
    [
        ("xl", json.dumps(XL).encode() + b"\0"),
        ("libvirt", LIBVIRT),
        ("xenopsd", f'((time 20190915T13:56:09Z)(word_size 64)(vm_str "{VM}"))'),
        ("xenopsd", f"((vm_str {json.dumps(VM_JSON)}))"),
    ],
)  # fmt: skip
def test_the_guest_of_a_configuration(toolstack: str, config: str | bytes) -> None:
    assert guest_config.guest_of(config) == guest_config.GuestConfig(toolstack, "g", "u", "hvm", 2, 4, 1 << 20, 2 << 20)


MORE_XL = XL | {
    "b_info": XL["b_info"] | {
        "tsc_mode": "native", "acpi": "True", "type.hvm": {"nested_hvm": "True", "apic": "False", "viridian": "True"},
    },
    "disks": [{"vdev": "xvda"}, {"vdev": "xvdb"}],
    "nics": [{"devid": 0, "mac": "00:16:3e:00:00:01"}],
    "pcidevs": [{"bus": 3, "dev": 31, "func": 1}],
}  # fmt: skip
MORE_LIBVIRT = LIBVIRT.replace(
    "</domain>",
    """<features><acpi/><hyperv><relaxed state='on'/></hyperv></features>
<cpu mode='host-passthrough'><feature policy='require' name='vmx'/></cpu>
<clock offset='utc'><timer name='tsc' mode='native'/></clock>
<devices><disk type='block'><target dev='xvda'/></disk><disk><target dev='xvdb'/></disk>
<interface type='bridge'><mac address='00:16:3e:00:00:01'/></interface><hostdev mode='subsystem' type='pci'><source>
<address domain='0x0000' bus='0x03' slot='0x1f' function='0x1'/></source></hostdev></devices></domain>""",
)
MORE_VM = {
    "vm": json.loads(VM_JSON)["vm"] | {
        "platformdata": [["nested-virt", "true"], ["tsc_mode", "2"], ["viridian", "true"], ["acpi", "1"], ["apic", "0"]]
    },
    "vbds": [{"id": ["u", "xvda"]}, {"id": ["u", "xvdb"]}],
    "vifs": [{"id": ["u", "0"], "mac": "00:16:3e:00:00:01"}],
    "pcis": [{"id": ["u", "0"], "address": {"domain": 0, "bus": 3, "dev": 31, "fn": 1}}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("config", "apic"),
    [(json.dumps(MORE_XL), False), (MORE_LIBVIRT, None), (json.dumps(MORE_VM), False)],
    ids=["xl", "libvirt", "xenopsd"],
)
def test_devices_and_platform_of_a_configuration(config: str, apic: bool | None) -> None:
    found = guest_config.guest_of(config)
    assert found is not None
    assert (found.disks, found.nics, found.pci) == (("xvda", "xvdb"), ("00:16:3e:00:00:01",), ("0000:03:1f.1",))
    assert (found.nested_hvm, found.tsc_mode, found.viridian) == (True, "native", True)
    assert (found.acpi, found.apic) == (True, apic)


def test_the_platform_in_an_s_expression() -> None:
    vm = VM.replace("(vcpus 2)", "(vcpus 2)(platformdata((tsc_mode 1)(acpi false)(viridian 1)))")
    found = guest_config.guest_of(vm)
    assert found is not None and (found.tsc_mode, found.acpi, found.viridian) == ("always_emulate", False, True)


def test_a_cut_configuration_of_libvirt_says_what_it_begins_with() -> None:
    cut = LIBVIRT[: LIBVIRT.index("<vcpu")]
    assert guest_config.guest_of(cut) == guest_config.GuestConfig(
        "libvirt", "g", "u", None, None, None, 1 << 20, 2 << 20
    )


def test_a_configuration_that_is_too_long() -> None:
    padded = json.dumps(XL).ljust(guest_config.CONFIG_MAX)
    assert guest_config.guest_of(padded) is not None
    assert guest_config.guest_of(padded + " ") is None


@pytest.mark.parametrize(
    "config",
    ["", "text", "{", "{}", "[]", "<a", "<a/>", "(", ")", "((a b)", '{"c_info": 5}', "(" * 5000 + ")" * 5000,
     "<!DOCTYPE a [<!ENTITY b 'c'>]><domain><name>&b;</name></domain>", "[" * 100000, '{"b_info":' * 3000],
)  # fmt: skip
def test_no_configuration(config: str) -> None:
    assert guest_config.guest_of(config) is None or guest_config.guest_of(config).name is None  # type: ignore[union-attr]


# --- who pays -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "state"), [(2808, pv.pv_vcpu_32), (5176, pv.pv_vcpu_64)])
def test_rules_read_a_vcpu_where_its_layout_has_it(size: int, state: g.Body) -> None:
    """They have numbers of their own, since the layout is one of these tables."""
    at, places = VCPU_HEADER, {}
    for one in state(g.INTS["little"]).subcons:
        places[one.name] = at
        at += one.sizeof()
    assert at == size
    assert BASIC[size].at.items() <= places.items()


@pytest.mark.parametrize("command", ["analyze", "check", "read"])
def test_nobody_pays_who_does_not_look(command: str) -> None:
    """The tables of this are not even imported: not by the library, not by a command that shows no fields."""
    path = (
        captures()["xen/pvh-live-lo/pvh-live-lo.pcap"] if command == "read" else captures()["xen/pv-save/pv-save.img"]
    )
    code = (
        "import sys; from dissector.cli import main; main(sys.argv[1:]); print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, command, str(path)], capture_output=True, text=True, check=False)
    loaded = {name.removeprefix("dissector.protocol.") for name in done.stderr.split()}
    assert "libxc_records" in loaded
    deep = {"forms", "hvm", "cpuid", "cpu_features", "msr", "hvm_params", "pv", "qemu", "qemu_description", "x86"}
    assert not loaded & {*deep, "guest"}


def test_flags_have_a_word_for_every_value() -> None:
    form = Flags((g.BitField("kind", 0, 2, {0: "none", 1: "one"}), g.BitField("on", 2, 1)))
    assert [form.read(number, "little", {}) for number in (0, 5, 2, 8)] == [
        ["kind=none"], ["kind=one", "on"], ["kind=2"], ["kind=none", "bit 3"],
    ]  # fmt: skip
