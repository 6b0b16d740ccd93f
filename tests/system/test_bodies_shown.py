"""What is inside of bodies, as every reader of the project shows it: JSON, `read -V`, `guest`, Scapy and Wireshark."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
import qemu_streams
from conftest import captures
from conversation import Wire, packets, pcap
from hostile_bodies import hostile_capture
from scapy.all import sniff
from shell import Shell
from streams import libxc_stream, libxl_stream, record
from talks import Item
from wireshark.releases import RELEASES, wireshark_of
from wireshark.releases import run as run_in

from dissector import library
from dissector.events import FORWARD, Record
from dissector.filter.fields import Around, Row, records
from dissector.integrations.scapy import MigrationSession
from dissector.integrations.wireshark import fields as f
from dissector.integrations.wireshark.fields import DEVICE, FEATURE, MSR_BIT, SECTION, of_bodies
from dissector.protocol import Endianness, build, hvm, layout, qemu

pytest_plugins = ("shell",)


def captured(shell: Shell, octets: bytes, name: str = "capture") -> str:
    """A capture of a stream that one side sends."""
    return shell.file(pcap(packets(Wire([Item(FORWARD, "libxl", "all of it", octets)]))), name)


def layers(path: str) -> dict[str, Any]:
    """The packets of Scapy's session by their record's name."""
    found = sniff(offline=path, session=MigrationSession(), quiet=True)
    return {one.record.name: one.payload for one in found if one.record is not None}


def shown_by_wireshark(path: str, *fields: str, release: str = RELEASES[-1], lines: int = 0) -> dict[str, list[str]]:
    """Each field's values in the capture. `lines`: the preference."""
    columns = [
        "-o",
        f"xenmig.lines:{lines}",
        "-E",
        "aggregator=|",
        *(word for field in fields for word in ("-e", field)),
    ]
    printed = run_in(wireshark_of(release), Path(path), "-2", "-Y", "xenmig", "-T", "fields", *columns)
    found: dict[str, list[str]] = {field: [] for field in fields}
    for line in printed.replace("\\\\", "\\").splitlines():  # tshark escapes a backslash
        for field, value in zip(fields, line.split("\t"), strict=True):
            found[field] += value.split("|") if value else []
    return found


# --- the width of a PV guest --------------------------------------------------------------------------------


def of_pv(width: int | None, page: bytes, order: Endianness = "little") -> bytes:
    """The stream of a PV guest; `width`: of its words."""
    info = [] if width is None else [record("X86_PV_INFO", {"guest_width": width, "pt_levels": 4}, endianness=order)]
    body = [record("SHARED_INFO", page, endianness=order), record("END", endianness=order)]
    return libxl_stream(libxc_stream([*info, *body], version=2, guest="x86 PV", endianness=order), endianness=order)


def page_of(**places: int) -> bytes:
    """A page with octets that are not 0 at some places."""
    octets = bytearray(4096)
    for at, value in places.items():
        octets[int(at.removeprefix("at_"))] = value
    return bytes(octets)


EMPTY_TAIL = page_of(at_2304=9)
"""Looks like a 32-bit guest's: wc_version is 9. In a 64-bit guest's it is a word of pending events."""
FULL_TAIL = page_of(at_2304=9, at_4000=1)
"""Looks like a 64-bit guest's."""


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("page", [EMPTY_TAIL, FULL_TAIL], ids=["looks 32", "looks 64"])
@pytest.mark.parametrize(
    ("width", "layout"), [(4, 32), (8, 64), (None, None), (5, None)], ids=["32 bits", "64 bits", "not said", "nonsense"]
)
def test_the_width_of_its_words_says_how_the_shared_page_is_read(
    shell: Shell, width: int | None, layout: int | None, page: bytes, order: Endianness
) -> None:
    """Not what stands in the page, unless nobody has said the width."""
    octets = of_pv(width, page, order)
    path = captured(shell, octets)
    wanted = layout or (64 if page is FULL_TAIL else 32)
    version = 9 if wanted == 32 else 0
    version = version if order == "little" else version << 24
    (line,) = [one for one in shell.objects(path) if one["name"] == "SHARED_INFO"]
    assert line["fields"]["shared_info"]["wc_version"] == version
    tree = "\n".join(shell.lines("read", "-V", path, "-Y", "xenmig.name == SHARED_INFO"))
    assert f"wc_version {version if version < 10 else hex(version)}," in tree
    packet = layers(path)["SHARED_INFO"]
    assert type(packet.shared_info).__name__.startswith(f"SharedInfo{wanted}")
    assert packet.shared_info.wc_version == version
    assert bytes(packet) == page
    (guest,) = (json.loads(one) for one in shell.lines("guest", "--json", shell.file(octets, "stream")))
    assert len(guest["pending_events"]) == (0 if wanted == 32 else 2)


@pytest.mark.parametrize(("width", "layout"), [(4, 32), (8, 64)])
def test_wireshark_reads_the_shared_page_by_the_width(shell: Shell, width: int, layout: int) -> None:
    for page in (EMPTY_TAIL, FULL_TAIL):
        names = (f"xenmig.shared_info_{layout}.wc_version", f"xenmig.shared_info_{96 - layout}.wc_version")
        found = shown_by_wireshark(captured(shell, of_pv(width, page)), *names)
        assert [len(values) for values in found.values()] == [1, 0]
        assert int(found[names[0]][0], 0) == (9 if layout == 32 else 0)


# --- Wireshark says what a filter finds ---------------------------------------------------------------------

GENUINE = "xen/hvm-live-lo/hvm-live-lo.pcap"

LINKS = {
    "HEADER": 24, "CPU": 1032, "PIC": 8, "IOAPIC": 400, "LAPIC": 32, "LAPIC_REGS": 1024, "PCI_IRQ": 16, "ISA_IRQ": 8,
    "PCI_LINK": 8, "PIT": 56, "RTC": 24, "HPET": 1048, "PMTIMER": 8, "MTRR": 240, "VIRIDIAN_DOMAIN": 32,
    "XSAVE": 600, "VIRIDIAN_VCPU": 216, "VMCE_VCPU": 32, "TSC_ADJUST": 8,
}  # fmt: skip


def any_bodies(random: Random, order: Endianness) -> bytes:
    """A stream of an HVM guest whose bodies hold any numbers, with registers whose bits have names."""
    links = [{"typecode": name, "instance": 1, "body": random.randbytes(size)} for name, size in LINKS.items()]
    registers = [{"index": index, "val": random.getrandbits(64)} for index in (0x48, 0xC0000080, 0x10A, 0x12345)]
    links.append(
        {"typecode": "CPU_MSR", "instance": 1, "body": build(layout(hvm.hvm_cpu_msr, order), {"msr": registers})}
    )
    links.append({"typecode": "END", "instance": 0, "body": b""})
    leaves = [
        (0, 0xFFFFFFFF),
        (1, 0xFFFFFFFF),
        *((0x80000000 + at, 0xFFFFFFFF) for at in (2, 3, 4)),
        (7, 0),
        (7, 1),
        (0x80000001, 0xFFFFFFFF),
    ]
    policy = [
        {"leaf": leaf, "subleaf": subleaf, **{name: random.getrandbits(32) for name in "abcd"}}
        for leaf, subleaf in leaves
    ]
    policy[0] |= dict(zip("bcd", struct.unpack("<3I", b"GenuntelineI"), strict=True))
    for at, part in enumerate((b"   A Processor, ", b"with one \xae name ", b"and an end\0 more")):
        policy[2 + at] |= dict(zip("abcd", struct.unpack("<4I", part), strict=True))
    body = [
        record("X86_CPUID_POLICY", {"cpuid_policy": policy}, endianness=order),
        record("X86_MSR_POLICY", {"msr_policy": [{"idx": 0x10A, "val": 1 << 62 | 5}]}, endianness=order),
        record("STATIC_DATA_END", endianness=order),
        record("HVM_CONTEXT", {"hvm_ctx": links}, endianness=order),
        record("END", endianness=order),
    ]
    return libxl_stream(libxc_stream(body, endianness=order), endianness=order)


def found_by_filters(path: str, names: Sequence[str] = ()) -> dict[str, list[Any]]:
    """The values of each field of bodies, of all records in order."""
    found: dict[str, list[Any]] = {}
    scope = records()
    for event in library.open(path).events():
        if isinstance(event, Record):
            row = Row(event, (), Around())
            for name in names or ASKED:
                field = scope.field(name)
                assert field is not None
                found.setdefault(name, []).extend(value for value, _ in field.values(row))
    return found


OF_ITEMS = (
    "cpuid.vendor",
    "cpuid.brand",
    "cpuid.family",
    "cpuid.model",
    "cpuid.stepping",
    "qemu.instance",
    "qemu.version",
)
INSIDE = ("hvm_", "pv_", "shared_info_", "fxsave", "x86_cpuid_policy", "x86_msr_policy")
ASKED = [
    *(f"xenmig.{name}" for name in (*OF_ITEMS, FEATURE.path, MSR_BIT.path, SECTION.path, DEVICE.path)),
    *(one.name for one in of_bodies() if one.path.startswith(INSIDE) and one.kind.startswith("uint")),
]


def as_number(text: str) -> Any:
    try:
        return int(text, 0)
    except ValueError:
        return text


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("order", ["little", "big"])
def test_wireshark_has_the_values_that_filters_find(shell: Shell, release: str, order: Endianness) -> None:
    """Every number inside of bodies, with bits above the 32nd, of streams of both byte orders."""
    path = captured(shell, any_bodies(Random(5), order))
    wanted = found_by_filters(path)
    assert sum(map(bool, wanted.values())) > 500
    shown = shown_by_wireshark(path, *ASKED, release=release)
    for name in ASKED:
        assert sorted(map(as_number, shown[name]), key=str) == sorted(wanted[name], key=str), name


def with_emulator(stream: bytes) -> bytes:
    """A guest whose device model saved that."""
    emulator = record("EMULATOR_CONTEXT", {"emulator_id": 2, "index": 0, "emulator_ctx": stream}, "libxl")
    return libxl_stream(libxc_stream([record("END")], version=2), [emulator, record("END", layer="libxl")])


def without_description(footer: int) -> bytes:
    values = qemu.STREAM.form.read(qemu_streams.genuine(), "little", {})
    sections = [one | {"footer": footer} for one in values["sections"]]
    return bytes(qemu.STREAM.form.write(values | {"sections": sections, "trailer": b"\0"}, "little", {}))


STREAMS: dict[str, Callable[[], bytes]] = {
    "described": qemu_streams.genuine,
    "with footers": lambda: without_description(1),
    "bare": lambda: without_description(0),
    "in parts": qemu_streams.live,
    **{
        f"any {seed}": partial(qemu_streams.any_described, seed, bool(seed % 2), qemu_streams.memory(bool(seed % 2)))
        for seed in range(6)
    },
    "damaged description": lambda: qemu_streams.genuine().replace(b'"size": 8', b'"size":-8'),
    "no description": lambda: qemu_streams.genuine()[:-1] + b",",
}
OF_STREAMS = [one.name for one in f.OF_ITEMS if one.path.startswith("qemu.")]


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("release", RELEASES)
def test_wireshark_reads_qemu_s_stream_as_filters_do(shell: Shell, name: str, release: str) -> None:
    """Sections, parts, commands and fields, in their order, with every value."""
    path = captured(shell, with_emulator(STREAMS[name]()))
    wanted = found_by_filters(path, OF_STREAMS)
    shown = shown_by_wireshark(path, *OF_STREAMS, release=release)
    has_fields = name.startswith(("any", "desc", "damaged"))
    assert wanted["xenmig.qemu.section"] and bool(wanted["xenmig.qemu.field"]) == has_fields
    for one in OF_STREAMS:
        values = [value.hex() if isinstance(value, bytes) else str(value) for value in wanted[one]]
        assert [value.replace(" ", "") if one == f.STATE.name else value for value in shown[one]] == values, one


def test_fields_of_devices_are_the_same_in_json_and_wireshark(shell: Shell) -> None:
    path = captured(shell, with_emulator(qemu_streams.genuine()))
    (line,) = [one for one in shell.objects(path) if one["name"] == "EMULATOR_CONTEXT"]
    processor = next(one for one in line["fields"]["emulator_ctx"]["sections"] if one["device"] == "cpu")
    shown = shown_by_wireshark(path, "xenmig.qemu.field")["xenmig.qemu.field"]
    for name in ("env.eip", "env.cr[0]", "env.tsc", "env.a20_mask", "env.mxcsr"):
        assert f"{name}: {processor['fields'][name]}" in shown
    registers = [f"env.regs[{at}]: {value}" for at, value in enumerate(processor["fields"]["env.regs"])]
    assert [one for one in shown if one.startswith("env.regs[")] == registers


def test_wireshark_shows_some_sections_of_many_and_some_fields_of_each(shell: Shell) -> None:
    path = captured(shell, with_emulator(qemu_streams.genuine()))
    found = shown_by_wireshark(path, "xenmig.qemu.section", "xenmig.qemu.field", "xenmig.contents", lines=3)
    more = [words for words in found["xenmig.contents"] if words.startswith("more of them")]
    # Of the three devices the last has more than three fields.
    assert (len(found["xenmig.qemu.section"]), len(found["xenmig.qemu.field"]), len(more)) == (3, 6, 2)


def test_wireshark_says_where_it_leaves_elements_out(shell: Shell) -> None:
    links = [{"typecode": "TSC_ADJUST", "instance": number, "body": bytes(8)} for number in range(150)]
    body = record("HVM_CONTEXT", {"hvm_ctx": [*links, {"typecode": "END", "instance": 0, "body": b""}]})
    path = captured(shell, libxl_stream(libxc_stream([body, record("END")], version=2)))
    names = ("xenmig.hvm_context.hvm_ctx.typecode", "xenmig.contents")
    for lines, count, said in ((100, 100, 1), (0, 151, 0)):
        found = shown_by_wireshark(path, *names, lines=lines)
        more = [words for words in found["xenmig.contents"] if words.startswith("more elements")]
        assert (len(found[names[0]]), len(more)) == (count, said)


def test_wireshark_takes_a_genuine_guest_to_pieces() -> None:
    path = str(captures()[GENUINE])
    wanted, shown = found_by_filters(path), shown_by_wireshark(path, *ASKED)
    assert len(wanted["xenmig.qemu.section"]) == 23
    for name in ASKED:
        assert sorted(map(as_number, shown[name]), key=str) == sorted(wanted[name], key=str), name


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("seed", range(4))
def test_wireshark_shows_hostile_bodies(shell: Shell, seed: int, order: Endianness) -> None:
    """`run` fails upon any error of the script."""
    path = shell.file(hostile_capture(seed, order, is_pv=bool(seed % 2)))
    printed = run_in(wireshark_of(RELEASES[seed % len(RELEASES)]), Path(path), "-2", "-V", "-o", "xenmig.lines:0")
    assert "HVM_CONTEXT" in printed and "X86_CPUID_POLICY" in printed
