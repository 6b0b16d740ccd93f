"""`guest` and `diff`: what a person who debugs a restore asks, answered without another tool."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from conftest import captures
from shell import Shell
from streams import libxc_stream, libxl_stream, record, xl_stream

from dissector.protocol import build, hvm, layout, parse
from dissector.results.changes import SECTIONS, DiffResult
from dissector.results.encoding import schema, to_json
from dissector.results.guest import GuestResult, mode_of

pytest_plugins = ("shell",)

LONG_KERNEL = {"cr0": ["PE", "PG"], "msr_efer": ["LME", "LMA"], "cs_arbytes": ["L", "P"], "rip": 0xFFFFFFFF81000012}
LONG_USER = LONG_KERNEL | {"ss_arbytes": ["DPL=3"], "rflags": ["IF"], "rip": 0x400123}


def cpu(**registers: Any) -> dict[str, Any]:
    shape = layout(hvm.hvm_cpu, "little")
    return parse(shape, bytes(1032)) | registers


def leaf(number: int, subleaf: int, *registers: int) -> dict[str, int]:
    return dict(zip(("leaf", "subleaf", "a", "b", "c", "d"), (number, subleaf, *registers), strict=True))


def section(number: int, device: str, version: int) -> bytes:
    head = bytes((4,)) + number.to_bytes(4, "big") + bytes((len(device),)) + device.encode()
    return head + struct.pack(">II", 0, version) + bytes(4)


def guest(shell: Shell, name: str, features: int = 1 << 5 | 1 << 16, fdc: int = 2, memory: int = 2048) -> str:
    """A save file of an HVM guest with two processors."""
    config = {
        "c_info": {"type": "hvm", "name": "db1", "uuid": "u-1"},
        "b_info": {"max_vcpus": 2, "avail_vcpus": [0, 1], "max_memkb": memory, "target_memkb": memory},
    }
    none = 0xFFFFFFFF
    policy = [
        leaf(0, none, 7, *struct.unpack("<3I", b"GenuntelineI")),
        leaf(1, none, 0x50654, 0, 1 << 28, 1),
        leaf(7, 0, 0, features, 0, 0),
    ]
    links = [
        {"typecode": "HEADER", "instance": 0, "body": build(layout(hvm.hvm_header, "little"), HEADER)},
        {"typecode": "CPU", "instance": 0, "body": cpu(**LONG_KERNEL)},
        {"typecode": "CPU", "instance": 1, "body": cpu(**LONG_USER)},
        {"typecode": "END", "instance": 0, "body": b""},
    ]
    inner = libxc_stream(
        [
            record("X86_CPUID_POLICY", {"cpuid_policy": policy}),
            record("X86_MSR_POLICY", {"msr_policy": [{"idx": "ARCH_CAPABILITIES", "val": ["RDCL_NO", "MDS_NO"]}]}),
            record("STATIC_DATA_END"),
            record("X86_TSC_INFO", {"mode": "DEFAULT", "khz": 2400000, "nsec": 5 * 10**9, "incarnation": 1}),
            record("HVM_CONTEXT", {"hvm_ctx": links}),
            record("HVM_PARAMS", {"param": [{"index": "VIRIDIAN", "value": ["base_freq", "stimer"]}]}),
            record("END"),
        ]
    )
    stream = b"QEVM" + struct.pack(">I", 3) + section(1, "timer", 2) + section(2, "fdc", fdc) + b"\0"
    emulator = record("EMULATOR_CONTEXT", {"emulator_id": 2, "index": 0, "emulator_ctx": stream}, "libxl")
    whole = xl_stream(libxl_stream(inner, [emulator]), json.dumps(config) + "\0")
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
    assert "cannot read" in shell.complaint("guest", "--symbols", "/nowhere", guest(shell, "a"))


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


def test_which_device_has_a_newer_state(shell: Shell) -> None:
    a, b = guest(shell, "a", fdc=3), guest(shell, "b", memory=4096)
    assert shell.run("diff", "--only", "devices", a, b)[:2] == (
        1,
        f"a: {a}\nb: {b}\n\ndevices\n    fdc 0  version 3 -> version 2\n",
    )
    assert "    memory      2097152 (0x200000) -> 4194304 (0x400000)" in shell.run("diff", a, b)[1]
    assert shell.run("diff", "--only", "cpuid,msrs,params,vcpus", a, b)[0] == 0


def test_a_save_file_and_a_capture(shell: Shell) -> None:
    a = guest(shell, "a")
    status, out, _ = shell.run("diff", "--json", a, str(captures()["xen/hvm-live-lo/hvm-live-lo.pcap"]))
    found = json.loads(out)
    assert status == 1 and "AVX2" in found["missing"] and "SSE2" in found["gained"]
    assert {one["section"] for one in found["differences"]} == set(SECTIONS)


def test_wrong_usage(shell: Shell) -> None:
    a = guest(shell, "a")
    assert "no section is called cpu" in shell.complaint("diff", "--only", "cpu", a, a)
    assert "has no migration 1: it holds 1" in shell.complaint("diff", "--migration-b", "1", a, a)
    assert "no such file" in shell.complaint("diff", a, "/nowhere").lower()


def test_results_are_json(shell: Shell) -> None:
    (line,) = shell.lines("guest", "--json", guest(shell, "a"))
    assert to_json(json.loads(line)) == json.loads(line)
