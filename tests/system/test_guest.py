"""`guest` and `diff`: what a person who debugs a restore asks, answered without another tool."""

from __future__ import annotations

import gzip
import json
import lzma
import re
import shutil
import struct
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import zstandard
from conftest import captures
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shell import Shell
from streams import libxc_stream, libxl_stream, record, xl_stream

from dissector import library
from dissector.cli.symbols import symbols_of
from dissector.errors import UserError
from dissector.events import Record
from dissector.protocol import build, cpuid, hvm, layout, parse
from dissector.results.changes import SECTIONS, DiffResult, Side
from dissector.results.encoding import schema, to_json
from dissector.results.guest import CpuResult, GuestResult, mode_of

pytest_plugins = ("shell",)

LONG_KERNEL = {"cr0": ["PE", "PG"], "msr_efer": ["LME", "LMA"], "cs_arbytes": ["L", "P"], "rip": 0xFFFFFFFF81000012}
LONG_USER = LONG_KERNEL | {"ss_arbytes": ["DPL=3"], "rflags": ["IF"], "rip": 0x400123}


State = tuple[str | int, int, Any]
"""Type code, instance and body of a save record."""


def cpu(**registers: Any) -> dict[str, Any]:
    shape = layout(hvm.hvm_cpu, "little")
    return parse(shape, bytes(1032)) | registers


def leaf(number: int, subleaf: int, *registers: int) -> dict[str, int]:
    return dict(zip(("leaf", "subleaf", "a", "b", "c", "d"), (number, subleaf, *registers), strict=True))


def section(number: int, device: str, version: int) -> bytes:
    head = bytes((4,)) + number.to_bytes(4, "big") + bytes((len(device),)) + device.encode()
    return head + struct.pack(">II", 0, version) + bytes(4)


def guest(
    shell: Shell,
    name: str,
    features: int = 1 << 5 | 1 << 16,
    fdc: int = 2,
    memory: int = 2048,
    leaves: dict[tuple[int, int], tuple[int, ...]] | None = None,
    msrs: dict[str, list[str]] | None = None,
    states: list[State] | None = None,
    qemu: int = 3,
    config: dict[str, Any] | None = None,
) -> str:
    """A save file of an HVM guest with two processors; `leaves`, `msrs` and `states` in place of its own, a stream of
    QEMU of version `qemu`."""
    whole_config = {
        "c_info": {"type": "hvm", "name": "db1", "uuid": "u-1"},
        "b_info": {"max_vcpus": 2, "avail_vcpus": [0, 1], "max_memkb": memory, "target_memkb": memory},
        **(config or {}),
    }
    none = 0xFFFFFFFF
    shown = {
        (0, none): (7, *struct.unpack("<3I", b"GenuntelineI")),
        (1, none): (0x50654, 0, 1 << 28, 1),
        (7, 0): (0, features, 0, 0),
    }
    policy = [leaf(*key, *registers) for key, registers in (shown | (leaves or {})).items()]
    registers = {"ARCH_CAPABILITIES": ["RDCL_NO", "MDS_NO"]} | (msrs or {})
    saved = states or [("CPU", 0, cpu(**LONG_KERNEL)), ("CPU", 1, cpu(**LONG_USER))]
    head = build(layout(hvm.hvm_header, "little"), HEADER)
    links = [
        {"typecode": typecode, "instance": instance, "body": body}
        for typecode, instance, body in [("HEADER", 0, head), *saved, ("END", 0, b"")]
    ]
    inner = libxc_stream(
        [
            record("X86_CPUID_POLICY", {"cpuid_policy": policy}),
            record("X86_MSR_POLICY", {"msr_policy": [{"idx": name, "val": bits} for name, bits in registers.items()]}),
            record("STATIC_DATA_END"),
            record("X86_TSC_INFO", {"mode": "DEFAULT", "khz": 2400000, "nsec": 5 * 10**9, "incarnation": 1}),
            record("HVM_CONTEXT", {"hvm_ctx": links}),
            record("HVM_PARAMS", {"param": [{"index": "VIRIDIAN", "value": ["base_freq", "stimer"]}]}),
            record("END"),
        ]
    )
    stream = b"QEVM" + struct.pack(">I", qemu) + section(1, "timer", 2) + section(2, "fdc", fdc) + b"\0"
    emulator = record("EMULATOR_CONTEXT", {"emulator_id": 2, "index": 0, "emulator_ctx": stream}, "libxl")
    whole = xl_stream(libxl_stream(inner, [emulator, record("END", layer="libxl")]), json.dumps(whole_config) + "\0")
    return shell.file(whole, name)


HEADER = {"changeset": 0, "cpuid": 0x50654, "gtsc_khz": 2400000}


# --- one guest ----------------------------------------------------------------------------------------------


def test_a_guest_on_one_screen(shell: Shell) -> None:
    lines = shell.lines("guest", guest(shell, "a"))
    assert len(lines) < 40 and all(len(line) <= 120 for line in lines)
    text = "\n".join(lines)
    for words in (
        "guest       db1, uuid u-1, x86 HVM, 2 vcpus configured, from xl",
        "memory      2 MiB, at most 2 MiB",
        "clock       TSC mode DEFAULT, 2.400 GHz, 5.000 s of its time, restored 1 time",
        "vcpu 0      64-bit kernel, rip 0xffffffff81000012, rsp 0x0, not interruptible",
        "vcpu 1      64-bit user, rip 0x400123, rsp 0x0, interruptible",
        "cpu         GenuineIntel, family 6, model 85, stepping 4, leaves to 0x7",
        "features    FPU AVX AVX2 AVX512F",
        "registers   ARCH_CAPABILITIES RDCL_NO MDS_NO",
        "params      VIRIDIAN base_freq stimer",
        "hypervisor  HEADER, 2 CPU",
        "devices     timer v2, fdc v2",
    ):
        assert words in text, words


def test_which_processor_ran_user_code(shell: Shell) -> None:
    (line,) = shell.lines("guest", "--json", guest(shell, "a"))
    found = json.loads(line)
    assert [vcpu["id"] for vcpu in found["vcpus"] if vcpu["is_user"]] == [1]
    assert found["vcpus"][0]["registers"]["msr_efer"] == 0x500
    assert found["cpu"]["leaves"]["0x7:0"] == [0, 1 << 5 | 1 << 16, 0, 0]
    assert list(found) == ["file", *schema(GuestResult, "x")["properties"]]


def test_at_which_function_a_processor_was(shell: Shell) -> None:
    table = shell.file(b"ffffffff81000000 T _text\nffffffff81000010 t start_kernel\n0000000000000000 A zero\n", "map")
    lines = shell.lines("guest", "--symbols", table, guest(shell, "a"))
    assert any("rip 0xffffffff81000012 start_kernel+0x2" in line for line in lines)
    assert "rip 0x400123, " in "\n".join(lines)
    assert "is no System.map" in shell.complaint("guest", "--symbols", shell.file(b"nothing", "no"), guest(shell, "a"))
    assert "cannot open" in shell.complaint("guest", "--symbols", "/nowhere", guest(shell, "a"))
    damaged = shell.file(gzip.compress(Path(table).read_bytes())[:-9], "damaged.gz")
    assert "cannot read" in shell.complaint("guest", "--symbols", damaged, guest(shell, "a"))
    packed = shell.file(gzip.compress(elf(64, "<", 2)), "vmlinux.gz")
    assert "unpack it first" in shell.complaint("guest", "--symbols", packed, guest(shell, "a"))


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, zstandard.compress])
def test_a_compressed_map(shell: Shell, pack: Any) -> None:
    table = shell.file(pack(b"ffffffff81000010 t start_kernel\n"), "map")
    assert any("start_kernel+0x2" in line for line in shell.lines("guest", "--symbols", table, guest(shell, "a")))


def test_a_map_of_another_kernel_is_said(shell: Shell) -> None:
    table = shell.file(b"ffffffffa1000010 t start_kernel\n", "map")
    status, out, err = shell.run("guest", "--symbols", table, guest(shell, "a"))
    assert (status, err.count("\n")) == (0, 1) and "rip 0xffffffff81000012" in out
    assert "no vcpu is in a function of" in err
    in_user_mode: list[State] = [("CPU", 0, cpu(**LONG_USER))]
    assert shell.run("guest", "--symbols", table, guest(shell, "b", states=in_user_mode))[2] == ""


def elf(bits: int, order: str, table: int, at: int = 0x400, name: bytes = b"start_kernel") -> bytes:
    """An ELF file of one function, a label, data and a name of nothing, all in one table of symbols."""
    names = b"\0" + name + b"\0label\0data\0"
    label, data = names.index(b"label"), names.index(b"data")
    symbols = b"".join(
        struct.pack(order + "IBBHQQ", name, info, 0, section, value, 0)
        if bits == 64
        else struct.pack(order + "IIIBBH", name, value & 0xFFFFFFFF, 0, info, 0, section)
        for name, info, section, value in (
            (0, 0, 0, 0), (1, 0x12, 1, 0xFFFFFFFF81000010), (label, 0, 1, 0xFFFFFFFF81000000),
            (data, 0x11, 2, 0xFFFFFFFF81000011), (0, 3, 1, 0xFFFFFFFF81000012), (label, 0x12, 0, 0xFFFFFFFF81000012),
        )
    )  # fmt: skip
    headers = [
        (0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        (0, 1, 6, 0, 0, 0, 0, 0, 0, 0),
        (0, 1, 3, 0, 0, 0, 0, 0, 0, 0),
        (0, table, 0, 0, at, len(symbols), 4, 0, 8, 24 if bits == 64 else 16),
        (0, 3, 0, 0, at + len(symbols), len(names), 0, 0, 1, 0),
    ]
    form = order + ("IIQQQQIIQQ" if bits == 64 else "10I")
    sections = b"".join(struct.pack(form, *one) for one in headers)
    ident = b"\x7fELF" + bytes((bits // 32, 1 if order == "<" else 2, 1)) + bytes(9)
    after = at + len(symbols) + len(names)
    word = "Q" if bits == 64 else "I"
    head = struct.pack(
        order + f"HHI{word}{word}{word}IHHHHHH",
        2,
        62,
        1,
        0,
        0,
        after,
        0,
        0,
        0,
        0,
        struct.calcsize(form),
        len(headers),
        0,
    )
    return (ident + head).ljust(at, b"\0") + symbols + names + sections


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("table", [2, 11], ids=["symtab", "dynsym"])
def test_symbols_of_an_elf_file(shell: Shell, bits: int, order: str, table: int) -> None:
    name = symbols_of(shell.file(elf(bits, order, table), "vmlinux"))
    above = 0xFFFFFFFF81000000 if bits == 64 else 0x81000000
    assert name(above + 0x12) == "start_kernel+0x2" and name(above + 0xF) == "label+0xf"
    assert name(above - 1) is None and name(above + (2 << 20)) is None


def test_at_which_function_of_an_elf_file_a_processor_was(shell: Shell) -> None:
    """Of a file larger than what is read of a System.map: a kernel with what debuggers need."""
    large = shell.file(b"", "large")
    octets = elf(64, "<", 2, at=100 << 20)
    with Path(large).open("wb") as file:  # the middle is a hole
        file.write(octets[:64])
        file.seek(100 << 20)
        file.write(octets[100 << 20 :])
    for path in (shell.file(elf(64, "<", 2), "vmlinux"), large):
        lines = shell.lines("guest", "--symbols", path, guest(shell, "a"))
        assert any("rip 0xffffffff81000012 start_kernel+0x2" in line for line in lines)


def test_a_damaged_elf_file_is_one_line(shell: Shell) -> None:
    whole, a = elf(64, "<", 2), guest(shell, "a")
    stripped = whole[:0x28] + bytes(8) + whole[0x30:]
    assert "with symbols: no code has a name" in shell.complaint("guest", "--symbols", shell.file(stripped, "s"), a)
    for end in (4, 20, 63, 0x420, len(whole) - 1):
        words = shell.complaint("guest", "--symbols", shell.file(whole[:end], f"k{end}"), a)
        assert "is a damaged ELF file" in words


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 2000), octet=st.integers(0, 255))
def test_an_elf_file_with_a_wrong_octet(tmp_path: Path, at: int, octet: int) -> None:
    octets = bytearray(elf(64, "<", 2))
    octets[at % len(octets)] = octet
    (tmp_path / "vmlinux").write_bytes(octets)
    with suppress(UserError):
        symbols_of(str(tmp_path / "vmlinux"))(0xFFFFFFFF81000012)


@pytest.mark.skipif(shutil.which("nm") is None, reason="no nm, which has the same answer")
def test_symbols_are_what_nm_has(shell: Shell) -> None:
    """Of the dynamic linker: the functions, and where they are."""
    library = next(Path("/lib").glob("*/libc.so.6"), None)
    if library is None:
        pytest.skip("no libc where it is looked for")
    printed = subprocess.run(["nm", "-D", "--defined-only", str(library)], capture_output=True, check=True).stdout
    by_nm = symbols_of(shell.file(re.sub(rb"@+\S+", b"", printed), "map"))
    by_elf = symbols_of(str(library))
    addresses = [int(line.split()[0], 16) for line in printed.decode().splitlines() if line.split()[1] in "tTwW"]
    assert len(addresses) > 1000
    for address in addresses[::10]:
        first, second = by_nm(address), by_elf(address)
        assert first is not None and second is not None
        assert first.endswith("+0x0") and second.endswith("+0x0")


@pytest.mark.parametrize("name", captures())
def test_every_capture_has_its_guests(shell: Shell, name: str) -> None:
    """Each migration's guest; a capture that began late or lost octets has less to say, and says that."""
    for line in shell.lines("guest", "--json", str(captures()[name])):
        found = json.loads(line)
        for vcpu in found["vcpus"]:
            assert vcpu["mode"] in ("real", "virtual 8086", "16-bit", "32-bit", "64-bit")
    assert shell.lines("guest", str(captures()[name]))


def test_a_genuine_pv_guest(shell: Shell) -> None:
    (line,) = shell.lines("guest", "--json", str(captures()["xen/pv-live-any-nano/pv-live-any-nano.pcap"]))
    found = json.loads(line)
    assert (found["identity"]["name"], found["kind"], found["xen"], found["max_pfn"]) == (
        "pv1",
        "x86 PV",
        "4.17",
        10240,
    )
    (vcpu,) = found["vcpus"]
    assert (vcpu["mode"], vcpu["is_user"], vcpu["interruptible"], vcpu["online"]) == ("64-bit", False, True, True)


def test_a_processor_that_is_down_is_said(shell: Shell) -> None:
    """It is configured, or has an APIC, but no registers."""
    for more, numbers in (([], [1]), ([("LAPIC", 2, bytes(32))], [1, 2])):
        name = guest(shell, f"a{len(more)}", states=[("CPU", 0, cpu(**LONG_KERNEL)), *more])
        (line,) = shell.lines("guest", "--json", name)
        found = json.loads(line)
        assert ([vcpu["id"] for vcpu in found["vcpus"]], found["offline"]) == ([0], numbers)
        words = "vcpu 1: the stream has no state of it" if not more else "vcpus 1 2: the stream has no state of them"
        assert f"offline     {words}" in shell.lines("guest", name)


def test_the_devices_of_a_configuration(shell: Shell) -> None:
    """In guest, and each that differs in diff."""
    devices = {"disks": [{"vdev": "hda"}, {"vdev": "hdb"}], "nics": [{"mac": "00:16:3e:12:34:56"}]}
    a, b = guest(shell, "a", config=devices), guest(shell, "b", config={**devices, "disks": [{"vdev": "hda"}]})
    assert "config      disks hda hdb, nic 00:16:3e:12:34:56" in shell.lines("guest", a)
    status, out, _ = shell.run("diff", "--only", "config", a, b)
    assert (status, out.splitlines()[3:]) == (1, ["config", "    disks  hda hdb -> hda"])


def test_a_pvh_guest_is_called_so(shell: Shell) -> None:
    lines = shell.lines("guest", str(captures()["xen/pvh-live-lo/pvh-live-lo.pcap"]))
    assert any(line.startswith("guest ") and "x86 HVM (pvh)" in line for line in lines)


@pytest.mark.parametrize("count", [8, 9, 24, 25, 128])
def test_many_processors_fit_on_a_screen(shell: Shell, count: int) -> None:
    """Control registers of up to eight; a line for each of up to 24; how many more there are."""
    name = guest(shell, "a", states=[("CPU", number, cpu(**LONG_USER)) for number in range(count)])
    lines = shell.lines("guest", name)
    assert len(lines) < 40
    assert sum(line.startswith("vcpu ") for line in lines) == min(count, 24)
    assert any(" cr0 " in line for line in lines) == (count <= 8)
    assert any(f"and {count - 24} vcpu" in line for line in lines) == (count > 24)
    (line,) = shell.lines("guest", "--json", name)
    assert len(json.loads(line)["vcpus"]) == count


def test_what_cannot_be_read_is_said(shell: Shell) -> None:
    states: list[State] = [
        ("CPU", 0, bytes(1000)),
        ("CPU", 1, cpu(**LONG_USER)),
        (99, 0, b"new"),
        ("PIT", 0, bytes(55)),
    ]
    (line,) = shell.lines("guest", "--json", guest(shell, "a", states=states, qemu=9))
    found = json.loads(line)
    assert [vcpu["id"] for vcpu in found["vcpus"]] == [1] and found["offline"] == []
    assert [words.partition(":")[0] for words in found["unread"]] == [
        "HVM_CONTEXT, CPU 0", "HVM_CONTEXT, type 99 0", "HVM_CONTEXT, PIT 0", "EMULATOR_CONTEXT",
    ]  # fmt: skip
    assert found["unread"][0] == "HVM_CONTEXT, CPU 0: 1,000 octets are no CPU that is known"
    text = "\n".join(shell.lines("guest", guest(shell, "b", states=states)))
    assert "unread      HVM_CONTEXT, CPU 0: 1,000 octets are no CPU" in text
    assert json.loads(shell.lines("guest", "--json", guest(shell, "c"))[0])["unread"] == []


@pytest.mark.parametrize("octets", [1016, 1024, 1032])
def test_a_processor_of_every_age(shell: Shell, octets: int) -> None:
    """As Xen up to 3.4, to 4.6, and since."""
    body = build(layout(hvm.hvm_cpu, "little"), cpu(**LONG_USER))[:octets]
    (line,) = shell.lines("guest", "--json", guest(shell, "a", states=[("CPU", 0, body)]))
    (vcpu,) = json.loads(line)["vcpus"]
    assert (vcpu["mode"], vcpu["is_user"], vcpu["ip"]) == ("64-bit", True, 0x400123)


def test_how_a_processor_runs_code() -> None:
    assert mode_of(0, 0, 0, 0) == "real"
    assert mode_of(1, 1 << 17, 0, 0) == "virtual 8086"
    assert mode_of(1, 0, 1 << 10, 1 << 9) == "64-bit"
    assert mode_of(1, 0, 1 << 10, 1 << 10) == mode_of(1, 0, 0, 1 << 10) == "32-bit"
    assert mode_of(1, 0, 0, 0) == "16-bit"


# --- two ----------------------------------------------------------------------------------------------------


def test_the_same_twice(shell: Shell) -> None:
    a, b = guest(shell, "a"), guest(shell, "b")
    assert shell.run("diff", a, b) == (0, f"no difference in {', '.join(SECTIONS)}\n", "")
    status, out, _ = shell.run("diff", "--json", a, b)
    found = json.loads(out)
    assert (status, found["missing"], found["differences"]) == (0, [], [])
    assert list(found) == list(schema(DiffResult, "x")["properties"])


def test_which_feature_the_destination_lacks(shell: Shell) -> None:
    """What makes a restore fail stands first."""
    a, b = guest(shell, "a"), guest(shell, "b", features=1 << 5 | 1 << 3)
    status, out, err = shell.run("diff", a, b)
    lines = out.splitlines()
    assert (status, err) == (1, "")
    assert lines[3:8] == ["features that b lacks: 1", "    AVX512F", "", "features that only b has: 1", "    BMI1"]
    assert len(lines) == 8
    found = json.loads(shell.run("diff", "--json", "--only", "cpuid", a, b)[1])
    assert (found["missing"], found["gained"], found["sections"]) == (["AVX512F"], ["BMI1"], ["cpuid"])


def test_what_else_makes_xen_refuse_a_policy_stands_first(shell: Shell) -> None:
    """Each of what x86_cpu_policies_are_compatible looks at, states that XCR0 could enable, and bits of a register."""
    none = 0xFFFFFFFF
    intel, amd = struct.unpack("<3I", b"GenuntelineI"), struct.unpack("<3I", b"AuthcAMDenti")
    cases: list[tuple[dict[str, Any], dict[str, Any], str]] = [
        ({}, {"leaves": {(0, none): (7, *amd)}}, "vendor  GenuineIntel -> AuthenticAMD"),
        ({}, {"leaves": {(0, none): (5, *intel)}}, "max_leaf  7 -> 5"),
        ({"leaves": {(7, 0): (2, 0, 0, 0)}}, {"leaves": {(7, 0): (1, 0, 0, 0)}}, "max_subleaf  2 -> 1"),
        (
            {"leaves": {(0x80000000, none): (0x80000021, 0, 0, 0)}},
            {"leaves": {(0x80000000, none): (0x80000008, 0, 0, 0)}},
            "max_extended  2147483681 (0x80000021) -> 2147483656 (0x80000008)",
        ),
        (
            {"leaves": {(0xD, 0): (7, 0, 832, 0)}},
            {"leaves": {(0xD, 0): (3, 0, 832, 0)}},
            "states of XSAVE  X87 SSE YMM -> X87 SSE",
        ),
        (
            {"msrs": {"INTEL_PLATFORM_INFO": ["CPUID_FAULTING"]}},
            {"msrs": {"INTEL_PLATFORM_INFO": []}},
            "INTEL_PLATFORM_INFO  CPUID_FAULTING -> none",
        ),
        ({}, {"msrs": {"ARCH_CAPABILITIES": ["MDS_NO"]}}, "ARCH_CAPABILITIES  RDCL_NO MDS_NO -> MDS_NO"),
    ]
    for number, (more, less, words) in enumerate(cases):
        a, b = guest(shell, f"a{number}", **more), guest(shell, f"b{number}", memory=4096, **less)
        status, out, _ = shell.run("diff", a, b)
        assert (status, out.splitlines()[3:5]) == (1, ["what else b lacks", f"    {words}"])
        assert out.index(words) < out.index("\nconfig")
        assert len(json.loads(shell.run("diff", "--json", a, b)[1])["lacking"]) == 1
        assert "what else b lacks" not in shell.run("diff", b, a)[1] or words.startswith("vendor")


@pytest.fixture(scope="module")
def policies() -> list[cpuid.Leaves]:
    """A genuine policy, and one of an Intel processor with what the genuine one of AMD's lacks."""
    path = captures()["xen/hvm-live-lo/hvm-live-lo.pcap"]
    records = (event for event in library.open(path).events() if isinstance(event, Record))
    (body,) = (record.body for record in records if record.name == "X86_CPUID_POLICY")
    none = cpuid.NO_SUBLEAF
    intel = {
        (0, none): (0xD, *struct.unpack("<3I", b"GenuntelineI")),
        (1, none): (0x50654, 16 << 16, 1 << 28, 1),
        (4, 0): (0x1C004121, 7 << 22 | 63, 63, 0),
        (7, 0): (1, 1 << 5, 0, 1 << 29),
        (0xB, 0): (1, 2, 0x100, 0),
        (0xD, 0): (0xE7, 0, 2688, 0),
        (0xD, 2): (256, 576, 0, 0),
        (0x14, 0): (1, 0, 0, 0),
        (0x40000000, none): (5, 0, 0, 0),
    }
    return [cpuid.leaves(body), {key: cpuid.Leaf(*registers) for key, registers in intel.items()}]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_bit_of_a_policy_differs_unseen(policies: list[cpuid.Leaves], data: st.DataObject) -> None:
    policy = data.draw(st.sampled_from(policies))
    key = data.draw(st.sampled_from(sorted(policy)))
    register, bit = data.draw(st.integers(0, 3)), data.draw(st.integers(0, 31))
    registers = list(policy[key])
    registers[register] ^= 1 << bit
    changed = {**policy, key: cpuid.Leaf(*registers)}
    for a, b in ((policy, changed), (changed, policy)):
        assert not compared(a, b).is_same
    assert compared(policy, policy).is_same
    without = {other: found for other, found in policy.items() if other != key}
    assert not compared(policy, without).is_same


def compared(a: cpuid.Leaves, b: cpuid.Leaves) -> DiffResult:
    first, second = (Side("", of_policy(one), Mock()) for one in (a, b))
    return DiffResult.of(first, second, ("cpuid",))


def of_policy(policy: cpuid.Leaves) -> GuestResult:
    return Mock(cpu=CpuResult.of(policy), hidden=())


def test_what_has_no_name_is_told_bit_by_bit(shell: Shell) -> None:
    a = guest(shell, "a", leaves={(7, 0): (0, 0, 1 << 15, 0), (1, 0xFFFFFFFF): (0x50654, 8 << 8, 1 << 28, 1)})
    b = guest(shell, "b", leaves={(7, 0): (0, 0, 0, 0), (1, 0xFFFFFFFF): (0x50654, 4 << 8, 1 << 28, 1)})
    status, out, _ = shell.run("diff", a, b)
    assert status == 1
    assert out.splitlines()[3:] == [
        "cpuid",
        "    leaf 0x1    a ext_model=5, b clflush_size=8 -> a ext_model=5, b clflush_size=4",
        "    leaf 0x7:0  c bit 15 -> nothing else",
    ]


def test_which_device_has_a_newer_state(shell: Shell) -> None:
    a, b = guest(shell, "a", fdc=3), guest(shell, "b", memory=4096)
    assert shell.run("diff", "--only", "devices", a, b)[:2] == (
        1,
        f"a: {a}\nb: {b}\n\ndevices\n    fdc 0  version 3 -> version 2\n",
    )
    assert "    memory      2097152 (0x200000) -> 4194304 (0x400000)" in shell.run("diff", a, b)[1]
    assert shell.run("diff", "--only", "cpuid,msrs,params,vcpus", a, b)[0] == 0


def test_a_newcomer_has_the_answers_in_plain_words(shell: Shell) -> None:
    """Who has never seen an HVM_CONTEXT, and reads what is printed alone: which processor was in user mode, which
    feature of the source's the destination's policy lacks, which device's state an older QEMU does not load."""
    source, destination = guest(shell, "source", fdc=3), guest(shell, "destination", features=1 << 5)
    in_user_mode = [
        line.split()[1] for line in shell.lines("guest", source) if line.startswith("vcpu") and " user," in line
    ]
    assert in_user_mode == ["1"]
    _, out, _ = shell.run("diff", source, destination)
    lines = out.splitlines()
    assert lines[lines.index("features that b lacks: 1") + 1].split() == ["AVX512F"]
    assert lines[lines.index("devices") + 1].split() == ["fdc", "0", "version", "3", "->", "version", "2"]
    assert "fdc v3" in "\n".join(shell.lines("guest", source))


def test_a_save_file_and_a_capture(shell: Shell) -> None:
    a = guest(shell, "a")
    status, out, _ = shell.run("diff", "--json", a, str(captures()["xen/hvm-live-lo/hvm-live-lo.pcap"]))
    found = json.loads(out)
    assert status == 1 and "AVX2" in found["missing"] and "SSE2" in found["gained"]
    assert {one["section"] for one in found["differences"]} == set(SECTIONS)


SIGNS = {
    "policy": bytes.fromhex("00000000ffffffff07000000"),
    "context": struct.pack("<HHI", 1, 0, 24) + struct.pack("<I", hvm.MAGIC),
    "emulator": struct.pack("<II", 2, 0) + b"QEVM",
}
"""What the bodies begin with, after headers of eight octets."""
DEVICES = ("state of the hypervisor's devices", "state of the device model")
OF_CONTEXT = {"HVM parameters", "state of vcpus", *DEVICES}


@pytest.mark.parametrize(
    ("place", "more", "hidden"),
    [
        ("policy", -8, {"CPUID policy", "MSR policy", "TSC", *OF_CONTEXT}),
        ("context", -8, OF_CONTEXT),
        ("context", 100, OF_CONTEXT),
        ("emulator", -8, {DEVICES[1]}),
    ],
)
def test_what_the_input_does_not_hold_is_not_called_missing(
    shell: Shell, place: str, more: int, hidden: set[str]
) -> None:
    """A file that ends early: before the policy, before and within the processors' state, before the device model's."""
    a = guest(shell, "a")
    octets = Path(a).read_bytes()
    b = shell.file(octets[: octets.index(SIGNS[place]) + more], "b")
    (line,) = shell.run("guest", "--json", b)[1].splitlines()
    said = json.loads(line)["hidden"]
    assert said[-1] == "the input ends before the END of the stream"
    assert [words.partition(":")[0] for words in said[:-1]] == ["HVM_CONTEXT"] * (more > 0)
    assert said[-1] in shell.run("guest", b)[1]
    found = json.loads(shell.run("diff", "--json", "--only", "config,cpuid,msrs,params,vcpus,devices", a, b)[1])
    one_sided = {one["what"]: one["b"] for one in found["not_compared"] if one["a"] == "there"}
    assert one_sided == dict.fromkeys(hidden, "not in the input")
    assert (found["missing"], found["lacking"], found["differences"]) == ([], [], [])
    status, out, _ = shell.run("diff", a, b)
    assert out.splitlines()[3] == "not compared" and "not there" not in out
    assert status == 1


def test_what_a_whole_stream_has_not_is_not_there(shell: Shell) -> None:
    found = json.loads(shell.run("diff", "--json", guest(shell, "a"), str(captures()["xen/pv-save/pv-save.img"]))[1])
    assert {one["what"]: one["b"] for one in found["not_compared"] if one["a"] == "there"} == {
        "HVM parameters": "not there", DEVICES[0]: "not there", DEVICES[1]: "not there",
    }  # fmt: skip
    assert all(not one["hidden"] for one in found["differences"])


def test_a_policy_that_only_one_of_them_has_lists_no_features(shell: Shell) -> None:
    older = str(captures()["postcopy/c_netem/veth_rx.pcap"])
    status, out, err = shell.run("diff", "--only", "cpuid,msrs", guest(shell, "a"), older)
    assert (status, err) == (1, "")
    assert out.splitlines()[3:] == [
        "not compared", "    CPUID policy  a: there, b: not there", "    MSR policy    a: there, b: not there",
    ]  # fmt: skip


def test_flags_of_processors_are_words(shell: Shell) -> None:
    states: list[State] = [("CPU", 0, cpu(**LONG_KERNEL | {"rflags": ["IF", "ZF"]})), ("CPU", 1, cpu(**LONG_USER))]
    changed = shell.run("diff", guest(shell, "a"), guest(shell, "b", states=states))[1]
    assert changed.splitlines()[3:] == ["vcpus", "    vcpu 0 rflags  none -> ZF IF"]
    pv = (str(captures()[f"xen/{name}"]) for name in ("pv-save/pv-save.img", "pv-live-any-nano/pv-live-any-nano.pcap"))
    rows = shell.run("diff", "--only", "vcpus", *pv)[1]
    assert "vcpu 0" in rows and not re.search(r"vcpu 0 (flags|rflags|cr0|cr4|dr6|dr7|vm_assist) +\d", rows)


def test_wrong_usage(shell: Shell) -> None:
    a = guest(shell, "a")
    for wrong in ("-1", "x", "9" * 30):
        said = shell.run("diff", f"--migration-a={wrong}", a, a)[2]
        assert f"argument --migration-a: '{wrong}' is no number of a migration" in said
    assert "no section is called cpu" in shell.complaint("diff", "--only", "cpu", a, a)
    assert "has no migration 1: it holds 1" in shell.complaint("diff", "--migration-b", "1", a, a)
    assert "no such file" in shell.complaint("diff", a, "/nowhere").lower()


def test_results_are_json(shell: Shell) -> None:
    (line,) = shell.lines("guest", "--json", guest(shell, "a"))
    assert to_json(json.loads(line)) == json.loads(line)
