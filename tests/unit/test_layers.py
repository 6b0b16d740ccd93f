"""Scapy layers say what the grammar says, in both directions; a session gives what was captured, octet by octet."""

from __future__ import annotations

import doctest
import inspect
import json
import lzma
import pickle
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import seed
from typing import Any, ClassVar

import pytest
import talks
import zstandard
from conftest import OWN, Case
from conversation import Wire, packets, pcap
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.config import conf
from scapy.fields import FieldLenField, LenField
from scapy.layers.inet import IP, TCP
from scapy.libs.test_pyx import PYX
from scapy.packet import NoPayload, Packet, Padding, Raw, bind_layers, fuzz, split_layers
from scapy.plist import PacketList
from scapy.sendrecv import AsyncSniffer, sniff
from scapy.supersocket import StreamSocket, SuperSocket
from scapy.utils import PcapReader, rdpcap
from seen import unpacked
from streams import libxc_stream, record, xl_stream
from talks import Speaker, Talk, octets_of

import dissector.integrations.scapy
from dissector.events import FORWARD, REVERSE
from dissector.integrations.scapy import LibxcRecord, MigrationSession, PostcopyFault, PostcopyPageData, big_endian
from dissector.integrations.scapy.fields import Elements, Octets
from dissector.integrations.scapy.making import CLASSES, RECORD_CLASSES
from dissector.integrations.scapy.packets import PADDING
from dissector.protocol import (
    ENTRY_PFN,
    MESSAGES,
    RECORDS,
    Endianness,
    Field,
    RecordSpec,
    build,
    layout,
    parse,
    qemu,
    records,
    x86,
    xl_optional_data,
)

BY_NAME = {name: vars(dissector.integrations.scapy)[name] for name in dissector.integrations.scapy.__all__}
ORDERS: tuple[Endianness, ...] = ("little", "big")


@pytest.fixture(autouse=True)
def loud(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scapy hides what goes wrong in a layer, unless told otherwise."""
    monkeypatch.setattr(conf, "debug_dissector", 2)


def layers_of(packet: Packet) -> Iterator[Packet]:
    """The layers of a packet."""
    while not isinstance(packet, NoPayload):
        yield packet
        packet = packet.payload


def rebuilt(packet: Packet, counted: bool = False) -> bytes:
    """The octets made of the fields alone; counted: with counts and lengths worked out."""
    packet = packet.copy()
    packet.clear_cache()
    for layer in layers_of(packet):
        for one in [layer, *(element for field in layer.packetfields for element in layer.getfieldval(field.name))]:
            for field in one.fields_desc:
                if counted and isinstance(field, FieldLenField | LenField):
                    one.fields.pop(field.name, None)
    return bytes(packet)


def capture(path: Path, talk: Talk, **how: Any) -> str:
    """A capture file of a talk."""
    path.write_bytes(pcap(packets(Wire(talk, **how))))
    return str(path)


def offline(path: str | Path, **how: Any) -> PacketList:
    """What the session finds in a capture file."""
    return sniff(offline=str(path), session=MigrationSession(**how), quiet=True)


@pytest.fixture
def netem(tmp_path: Path) -> Path:
    """A genuine capture of a postcopy migration, unpacked."""
    (path,) = (OWN / "postcopy" / "c_netem").glob("*.pcap.zst")
    (tmp_path / "migration.pcap").write_bytes(unpacked(path))
    return tmp_path / "migration.pcap"


# --- layers -------------------------------------------------------------------------------------------------


def header_class(spec: RecordSpec, order: Endianness) -> type[Packet]:
    """The class of a record's header, in a version of the stream that has it."""
    versions = (version for layer, version, _ in RECORD_CLASSES if layer == spec.layer)
    return next(
        RECORD_CLASSES[spec.layer, version, order]
        for version in versions
        if records(spec.layer, version).get(spec.type) is spec
    )


def given_values(found: tuple[Field, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """Values for the fields of a layout, as the grammar builds from them."""
    return st.fixed_dictionaries({one.name: given_value(one) for one in found if not one.counts})


def given_value(one: Field) -> st.SearchStrategy[Any]:
    if one.kind == "array":
        element = given_values(one.elements) if one.elements[0].name else given_value(one.elements[0])
        arrays = st.lists(element, max_size=4)
        if one.ends_with is None:
            return arrays
        name, last = one.ends_with
        others = arrays.map(lambda array: [value for value in array if value[name] != last])
        return st.builds(lambda array, end: [*array, {**end, name: last}], others, element)
    if one.kind == "uint":
        return st.integers(0, 2 ** (8 * (one.size or 0)) - 1)
    if one.kind in ("text", "cstring"):
        return st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
    return st.just(one.default) if one.default else st.binary(min_size=one.size or 0, max_size=one.size or 20)


def scapy_values(packet_class: type[Packet], values: dict[str, Any]) -> dict[str, Any]:
    """The same values, as Scapy wants them: structures in an array are packets, texts are octets."""
    out = {}
    for field in packet_class.fields_desc:
        value = values.get(field.name)
        if isinstance(field, Elements) and field.holds_packets and value is not None:
            value = [field.element(**scapy_values(field.element, one)) for one in value]
        if value is not None:
            out[field.name] = value.encode() if isinstance(value, str) else value
    return out


@pytest.mark.parametrize(
    ("spec", "order"),
    [
        pytest.param(spec, order, id=f"{spec.layer}-{spec.name}-{order}")
        for spec in RECORDS
        for order in ORDERS
        if (spec.layer, order) != ("xenops", "big")
    ],
)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_body_built_from_fields_is_what_the_grammar_builds(
    spec: RecordSpec, order: Endianness, data: st.DataObject
) -> None:
    header = header_class(spec, order)
    packet_class = header.bodies[spec.type]
    values = data.draw(given_values(packet_class.grammar))
    octets = build(layout(spec.body, order), values)
    packet = header() / packet_class(**scapy_values(packet_class, values))
    whole = record(spec.name, octets, spec.layer, order)
    assert bytes(packet) == whole
    read = header(whole)
    assert [type(layer) for layer in layers_of(read)] == [header, packet_class]
    assert bytes(read) == rebuilt(read) == whole
    if spec.shape != "stream":
        assert rebuilt(read, counted=True) == whole
    assert plain(read[packet_class]) == as_plain(packet_class.grammar, parse(layout(spec.body, order), octets))


def plain(packet: Packet) -> dict[str, Any]:
    """The fields as numbers, octets and lists, to compare."""
    return {field.name: plain_value(packet.getfieldval(field.name)) for field in packet.fields_desc}


def plain_value(value: Any) -> Any:
    if isinstance(value, list):
        return [plain(one) if isinstance(one, Packet) else int(one) for one in value]
    if isinstance(value, Packet):
        return bytes(value)  # a structure inside: what is read of it, tests/unit/test_bodies.py says
    return value if isinstance(value, bytes) else int(value)


def as_plain(found: tuple[Field, ...], values: dict[str, Any]) -> dict[str, Any]:
    """The same of what the grammar read."""
    return {one.name: as_plain_value(one, values[one.name]) for one in found}


def as_plain_value(one: Field, value: Any) -> Any:
    if one.kind == "array":
        first = one.elements[0]
        return [as_plain(one.elements, each) if first.name else as_plain_value(first, each) for each in value]
    if one.bits:
        return sum(part.put(value[part.name]) for part in one.bits)
    if one.values and isinstance(value, str):
        return next(number for number, name in one.values.items() if name == value)
    return value.encode() if isinstance(value, str) else value


@pytest.mark.parametrize("name", sorted(CLASSES))
@settings(max_examples=60, deadline=None)
@given(octets=st.binary(min_size=1, max_size=90))
def test_any_octets_can_be_read_shown_and_built_again(name: str, octets: bytes) -> None:
    packet = CLASSES[name](octets)
    assert bytes(packet) == bytes(packet.copy()) == octets
    assert packet.summary() and packet.show(dump=True) and repr(packet)


@pytest.mark.parametrize("header", sorted(RECORD_CLASSES, key=str), ids=str)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_record_of_any_type_and_body_can_be_read_and_built_again(
    header: tuple[Any, ...], data: st.DataObject
) -> None:
    packet_class = RECORD_CLASSES[header]
    type = data.draw(st.sampled_from(sorted(packet_class.bodies)) | st.integers(0, 2**32 - 1))
    body = data.draw(st.binary(max_size=80))
    said = data.draw(st.just(len(body)) | st.integers(0, 100))
    padding = data.draw(st.just(b"") | st.just(bytes(-len(body) % 8)) | st.binary(max_size=9))
    octets = record(type, body, header[0], header[2], length=said, padding=padding)
    packet = packet_class(octets)
    assert bytes(packet) == octets
    assert packet.summary() and packet.show(dump=True)


def test_the_padding_of_a_record_is_kept_if_it_is_not_what_it_should_be() -> None:
    for padding in (b"", b"\1\2", b"\0\0\0\0\0", b"\0\0\0\0\1"):
        octets = record("TOOLSTACK", b"abc", padding=padding)
        packet = LibxcRecord(octets)
        assert bytes(packet) == rebuilt(packet) == octets
        assert packet.getfieldval(PADDING) == (None if padding == bytes(5) else padding)
    assert "padding" not in str(LibxcRecord(record("TOOLSTACK", b"abc")).show(dump=True))


def test_what_follows_a_record_is_left_over() -> None:
    first, second = record("POSTCOPY_BEGIN"), record("HVM_PARAMS", {"param": [{"index": 1, "value": 2}]})
    packet = LibxcRecord(first + second)
    assert packet[Padding].load == second and bytes(packet) == first + second


@pytest.mark.parametrize(
    ("name", "before", "array", "whole", "left"),
    [
        ("EmulatorXenstoreData", bytes(8), b"key\0value\0a\0b\0", 2, b""),
        ("EmulatorXenstoreData", bytes(8), b"key\0value\0half\0", 1, b"half\0"),
        ("EmulatorXenstoreData", bytes(8), b"nothing", 0, b"nothing"),
        ("HvmContext", b"", bytes.fromhex("0200 0000 01000000 aa 0000 0000 00000000 cc"), 2, b"\xcc"),
        ("HvmContext", b"", bytes.fromhex("0200 0000 02000000 aa"), 0, bytes.fromhex("0200 0000 02000000 aa")),
        ("HvmParams", bytes.fromhex("01000000 00000000"), bytes(16) + b"more", 1, b"more"),
        ("HvmParams", bytes.fromhex("ffffffff 00000000"), bytes(32) + b"less", 2, b"less"),
    ],
)
def test_an_array_ends_where_its_whole_elements_do(
    name: str, before: bytes, array: bytes, whole: int, left: bytes
) -> None:
    packet = BY_NAME[name](before + array)
    (elements,) = (packet.getfieldval(field.name) for field in packet.packetfields)
    assert len(elements) == whole and b"".join(map(bytes, elements)) == array[: len(array) - len(left)]
    assert (packet[Raw].load if left else packet.payload) == (left or NoPayload())
    assert bytes(packet) == before + array


def test_a_type_means_what_it_means_in_the_version_of_the_stream() -> None:
    octets = record(0x10)
    assert BY_NAME["PostcopyBegin"] in BY_NAME["LibxcRecordV2"](octets)
    assert BY_NAME["StaticDataEnd"] in BY_NAME["LibxcRecordV3"](octets)
    assert BY_NAME["StaticDataEnd"] in LibxcRecord(octets)


def test_a_big_endian_layer_goes_by_the_name_of_the_little_endian_one() -> None:
    packet = big_endian(LibxcRecord)() / big_endian(PostcopyFault)(pfns=[7])
    octets = bytes.fromhex("00000015 00000010 00000001 00000000 0000000000000007")
    assert bytes(packet) == octets
    again = big_endian(LibxcRecord)(octets)
    assert PostcopyFault in again and LibxcRecord in again and again[PostcopyFault].pfns == [7]
    assert big_endian(BY_NAME["PostcopyBegin"]) is BY_NAME["PostcopyBegin"]


def test_an_entry_has_its_parts() -> None:
    packet = BY_NAME["PostcopyPfns"](pfn=[5, {"type": "XTAB", "pfn": 6}, 0xF << 60 | 1 << 52 | 7])
    assert [(entry.type, entry.reserved, entry.pfn) for entry in packet.pfn] == [
        ("NOTAB", 0, 5),
        ("XTAB", 0, 6),
        ("XTAB", 1, 7),
    ]
    assert packet.pfns == [5, 6, 7]
    assert "[0x5, type=XTAB|pfn=0x6, type=XTAB|reserved=0x1|pfn=0x7]" in packet.show(dump=True)
    assert len(BY_NAME["PostcopyPfns"](pfns=range(2000)).show(dump=True)) < 300


def test_xl_s_header_says_its_byte_order_and_counts_what_follows() -> None:
    for order in ORDERS:
        octets = xl_stream(b"", '{"a": 1}\n\0', order)
        packet = BY_NAME["XlHeader"](octets + b"more")
        assert bytes(packet) == octets + b"more" and packet[Padding].load == b"more"
        assert packet.mandatory_flags == "json+stream_v2"
        optional = packet[BY_NAME["XlOptionalData"]]
        assert plain(optional) == as_plain(optional.grammar, parse(layout(xl_optional_data, order), octets[48:]))
        del packet[Padding].underlayer.payload
        assert rebuilt(packet, counted=True) == octets
        assert eval(packet.command(), dict(BY_NAME)).build() == octets


def test_no_field_is_hidden_by_an_attribute() -> None:
    for made in [*CLASSES.values(), BY_NAME["XlMessage"]]:
        taken = {name for base in made.__mro__ for name in vars(base)}
        assert not taken & {field.name for field in made.fields_desc}, made


def test_scapy_s_own_tools_know_the_layers(capsys: pytest.CaptureFixture[str]) -> None:
    from scapy.packet import ls

    packet = LibxcRecord() / PostcopyFault(pfns=[1])
    ls(PostcopyFault)
    ls(packet)
    ls("Postcopy")
    packet.show2()
    printed = capsys.readouterr().out
    assert "count" in printed and "PostcopyFault : POSTCOPY_FAULT" in printed and "body_length= 16" in printed
    assert packet.summary() == "LibxcRecord / POSTCOPY_FAULT pfn=[0x1]"
    read = LibxcRecord(bytes(packet))
    read[PostcopyFault].hide_defaults()
    assert repr(read[PostcopyFault]) == "<PostcopyFault  count=1 pfn=[0x1] |>"


HAS_EXTENSIONS = bool(inspect.signature(conf.exts.load).parameters)
"""Before 2.7 Scapy loads extensions by a classifier that may not stand beside a licence's SPDX name."""


@pytest.mark.parametrize("extension", [False, True] if HAS_EXTENSIONS else [False])
def test_scapy_explores_the_layers(extension: bool) -> None:
    """In a Python of its own: with Scapy's extensions, where it has them, and without; and all that there are, too."""
    loads = "conf.exts.load('xenshark')" if extension else "import dissector.integrations.scapy"
    code = f"from scapy.all import *; {loads}; explore('xenmig'); print(conf.layers.layers())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=OWN.parent)
    assert not {"ERROR", "Traceback"} & set(re.findall(r"\w+", done.stderr)), done.stderr
    explored = {
        name.strip(): title.strip() for name, _, title in (line.partition("|") for line in done.stdout.splitlines())
    }
    assert explored.keys() >= {*CLASSES, "XlMessage", "Octets"}
    assert explored["PostcopyFault"] == "POSTCOPY_FAULT" and not any(name.startswith("_") for name in explored)
    assert "('scapy.contrib.xenmig', " in done.stdout and "'dissector" not in done.stdout


def drawn(packet: Packet) -> bytes:
    """The octets that a picture of a packet shows, field by field and layer by layer: `canvas_dump` draws these."""
    _, layers = packet.build_ps()
    return b"".join(octets for _, fields in reversed(layers) for _, _, octets in fields)


def test_a_picture_shows_every_octet_of_a_record(netem: Path) -> None:
    for packet in offline(netem):
        assert drawn(packet) == bytes(packet)[: len(drawn(packet))]
        assert len(bytes(packet)) - len(drawn(packet)) < 8  # the padding


def test_a_picture_wants_pyx_and_latex(tmp_path: Path) -> None:
    """Both are there, or Scapy says that they have to be."""
    packet = LibxcRecord() / PostcopyFault(pfns=[1, 2])
    path = tmp_path / "record.pdf"
    if PYX:
        packet.pdfdump(str(path))
        assert path.read_bytes().startswith(b"%PDF")
    else:
        with pytest.raises(ImportError, match="PyX and its dependencies must be installed"):
            packet.pdfdump(str(path))


def test_scapy_s_lists_take_records(netem: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As the documentation shows it."""
    monkeypatch.setenv("MPLBACKEND", "Agg")
    page = (OWN.parent / "dissector" / "library.md").read_text()
    (example,) = (one for one in re.findall(r"^```python\n(.*?)^```", page, re.M | re.S) if "plot(" in one)
    found: list[Any] = list(offline(netem))
    fault = next(packet for packet in found if PostcopyFault in packet)
    lines = [line.partition("  #")[0] for line in example.splitlines() if "pdfdump" not in line]
    line, table, sessions, fuzzed = (
        eval(one, {**BY_NAME, "packets": PacketList(found), "fault": fault, "fuzz": fuzz}) for one in lines
    )
    assert line[0].get_ydata().tolist() == [packet.wirelen for packet in found] and table is None
    assert {key: len(packets) for key, packets in sessions.items()} == {
        f"migration 0, {one}": sum(packet.direction == one for packet in found) for one in (FORWARD, REVERSE)
    }
    assert LibxcRecord(bytes(fuzzed)).pfns == [1, 2]


def test_json_has_numbers(netem: Path) -> None:
    fault, context = (next(one for one in offline(netem) if kind in one) for kind in (PostcopyFault, "HvmContext"))
    assert json.loads(fault.json())["payload"] == {"count": 1, "reserved": 0, "pfn": fault.pfns}
    cpu = json.loads(context.json())["payload"]["hvm_ctx"][1]
    assert cpu["typecode"] == 2 and cpu["body"]["rip"] == context.hvm_ctx[1].body.rip
    array = BY_NAME["LibxcRecord"]() / BY_NAME["HvmParams"](param=[BY_NAME["HvmParamsEntry"](index=1)])
    assert json.loads(array.json())["payload"]["param"] == [{"index": 1, "value": 0}]


def test_command_gives_each_packet_of_a_capture_again(netem: Path) -> None:
    found = [packet for packet in offline(netem, keep_pages=True) if packet.name != "trailing data"]
    kinds = {type(packet.payload) for packet in found}
    assert kinds >= {BY_NAME["PageData"], BY_NAME["HvmContext"]}
    for packet in found:
        assert bytes(eval(packet.command(), dict(BY_NAME))) == bytes(packet)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_fuzzed_layers_are_shown(name: str) -> None:
    packet = fuzz(CLASSES[name]())
    assert packet.summary() and packet.show(dump=True) and repr(packet) and packet.copy().command()
    assert isinstance(bytes(packet), bytes)


def test_fuzzed_pages_records_build_and_are_found_wrong(tmp_path: Path) -> None:
    """Whatever they say, they are whole, and most of them break a rule."""
    seed(4711)
    wrong = 0
    for name in ("PostcopyPfns", "PostcopyFault", "PostcopyPageData", "PageData"):
        for _ in range(10):
            octets = bytes(BY_NAME["LibxcRecordV2"]() / fuzz(BY_NAME[name](pfns=[1, 2, 3])))
            packet = BY_NAME["LibxcRecordV2"](octets)
            assert packet.body_length == len(bytes(packet.payload)) and packet.pfns == [1, 2, 3]
            assert packet.count == len(packet.pfns)
            assert bytes(packet) == octets
            path = tmp_path / "fuzzed"
            path.write_bytes(libxc_stream([octets, record("END")]))
            (migration,) = dissector.open(path).analyze().migrations
            wrong += any(one.severity == "error" for one in migration.findings)
    assert wrong >= 5
    assert len(bytes(fuzz(BY_NAME["HvmCpu"]()))) == 1032


def test_a_page_answers_a_fault_with_a_pfn_of_it() -> None:
    fault = LibxcRecord() / PostcopyFault(pfns=[5, 6])
    pages = [LibxcRecord() / PostcopyPageData(pfns=pfns) for pfns in ([4], [6, 7])]
    others = [LibxcRecord() / BY_NAME["PageData"](pfns=[5]), fault]
    assert [one.answers(fault) for one in pages + others] == [0, 1, 0, 0]
    assert not fault.answers(pages[1]) and fault.hashret() == pages[1].hashret()
    answered, unanswered = PacketList([fault, *pages]).sr()
    assert [(one.query, one.answer) for one in answered] == [(fault, pages[1])] and list(unanswered) == [pages[0]]


def test_what_the_user_binds_goes_first() -> None:
    class Mine(Packet):
        name = "mine"
        fields_desc: ClassVar[list[Any]] = []

    try:
        bind_layers(LibxcRecord, Mine, type=0x77)
        assert isinstance(LibxcRecord(bytes(LibxcRecord() / Mine())).payload, Raw | Mine | NoPayload)
        assert isinstance(LibxcRecord(record(0x77, b"12345678")).payload, Mine)
        assert isinstance(BY_NAME["LibxcRecordV2"](record(0x77, b"12345678")).payload, Mine)
        assert PostcopyFault in LibxcRecord(record("POSTCOPY_FAULT", b"\1" + bytes(15)))
    finally:
        split_layers(LibxcRecord, Mine, type=0x77)


@pytest.mark.parametrize("piece", [5, 8, 13, 40, 1000])
def test_a_stream_socket_gives_whole_records(piece: int) -> None:
    """However they are cut."""
    whole = [record("POSTCOPY_BEGIN"), record("TOOLSTACK", b"abc"), record("HVM_CONTEXT", b"x" * 300), record("END")]
    here, there = socket.socketpair()
    with here, there:
        stream = b"".join(whole)
        for at in range(0, len(stream), piece):
            there.sendall(stream[at : at + piece])
        there.shutdown(socket.SHUT_WR)
        reader = StreamSocket(here, BY_NAME["LibxcRecordV3"])
        found: list[bytes] = []
        with pytest.raises(EOFError):
            while True:
                found.append(bytes(reader.recv() or b""))
    assert found == whole


def test_scapy_s_shell_loads_the_layers() -> None:
    tells = "conf.exts.load('xenshark')" if HAS_EXTENSIONS else "import dissector.integrations.scapy"
    code = (
        f"from scapy.all import *; {tells}; load_contrib('xenmig');"
        "from scapy.main import list_contrib;"
        "print(bytes(LibxcRecord() / PostcopyFault(pfns=[7])).hex())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=OWN.parent)
    assert done.stdout.split()[-1] == bytes(LibxcRecord() / PostcopyFault(pfns=[7])).hex()


def test_a_state_built_from_names_is_the_same_octets() -> None:
    """Registers of a guest, changed by name."""
    cpu = BY_NAME["HvmCpu"](rip=0xFFFFFFFF81000000, cr0=["PE", "PG"], cr4="PAE", msr_efer=["LME", "LMA"])
    entry = BY_NAME["HvmContextEntry"](typecode="CPU", body=cpu)
    end = BY_NAME["HvmContextEntry"](typecode="END")
    octets = bytes(LibxcRecord() / BY_NAME["HvmContext"](hvm_ctx=[entry, end]))
    read = LibxcRecord(octets)
    assert read.hvm_ctx[0].body.rip == 0xFFFFFFFF81000000 and "0x80000001 PE|PG" in str(read.show(dump=True))
    read.hvm_ctx[0].body.rip += 2
    read.hvm_ctx[0].body.cr0 = ["PE", "PG", "WP"]
    changed = LibxcRecord(rebuilt(read, counted=True))
    assert changed.hvm_ctx[0].body.rip == 0xFFFFFFFF81000002 and len(bytes(changed)) == len(octets)
    assert changed.hvm_ctx[0].body.cr0 == 1 | 1 << 31 | 1 << 16


def test_a_stream_of_qemu_in_sections() -> None:
    """Read, changed by name, and built: a device's version, its state, one device less."""
    octets = lzma.decompress((Path(__file__).parent / "qemu-7.2.xz").read_bytes())
    for footer in (1, 0):
        values = qemu.STREAM.form.read(octets, "little", {})
        sections = [one | {"footer": footer} for one in values["sections"]]
        stream = qemu.STREAM.form.write(values | {"sections": sections, "trailer": b"\0"}, "little", {})
        body = BY_NAME["EmulatorContext"](struct.pack("<II", 2, 0) + stream)
        read = body.emulator_ctx
        assert [one.device for one in read.sections][:3] == [b"slirp", b"cpu_common", b"cpu"]
        assert {one.footer for one in read.sections} == {footer} and "device    = b'fdc'" in read.show(dump=True)
        assert rebuilt(body, counted=True)[8:] == stream
        read.sections[2].version += 1
        del read.sections[5:]
        again = BY_NAME["EmulatorContext"](rebuilt(body, counted=True))
        assert [(one.device, one.version) for one in again.emulator_ctx.sections[2:4]] == [
            (b"cpu", 13),
            (b"kvm-tpr-opt", 1),
        ]
        assert len(again.emulator_ctx.sections) == 5
    made = BY_NAME["QemuStream"](
        sections=[BY_NAME["QemuSection"](number=1, device=b"fdc", version=2, state=b"abc", footer=1)]
    )
    parsed = qemu.parse(bytes(made))
    assert parsed is not None and [(one.device, one.version, one.octets) for one in parsed.sections] == [
        ("fdc", 2, b"abc")
    ]
    assert type(BY_NAME["EmulatorContext"](bytes(8) + b"other").emulator_ctx) is Octets


@pytest.mark.parametrize("order", ORDERS)
def test_components_of_xsave_by_name(order: Endianness) -> None:
    end = "" if order == "little" else "BE"
    names = ["X87", "SSE", "YMM", "OPMASK", "PKRU", "TILE_CFG", "TILE_DATA"]
    parts = {
        "YMM": BY_NAME["XsaveYmm"](ymm_high=bytes(range(256))),
        "OPMASK": BY_NAME[f"XsaveOpmask{end}"](k=range(8)),
        "PKRU": BY_NAME[f"XsavePkru{end}"](pkru=0x55555554),
        "TILE_CFG": BY_NAME[f"XsaveTileCfg{end}"](palette=1, rows=[16] * 16),
        "TILE_DATA": BY_NAME["XsaveTileData"](tiles=bytes(8192)),
    }
    components = BY_NAME[f"XsaveComponents{end}"](**parts)
    area = BY_NAME[f"HvmCpuXsave{end}"](xcr0=names, xcr0_accum=names, components=components)
    octets = bytes(area)
    assert len(octets) == 600 + 2240 + 8192
    read = BY_NAME[f"HvmCpuXsave{end}"](octets)
    assert (read.components.PKRU.pkru, read.components.OPMASK.k[7], read.components.ZMM) == (0x55555554, 7, None)
    assert rebuilt(read, counted=True) == octets
    read.components.PKRU.pkru = 0
    assert rebuilt(read, counted=True)[600 + 2112 : 600 + 2116] == bytes(4)
    known = x86.COMPONENTS_FORM.form.read(octets[600:], order, {"xcr0_accum": area.xcr0_accum})
    assert known["OPMASK"]["k"] == list(range(8)) and known["TILE_CFG"]["rows"] == [16] * 16


# --- session ------------------------------------------------------------------------------------------------


def test_every_record_of_a_genuine_capture_is_the_octets_that_were_captured(case: Case, tmp_path: Path) -> None:
    if ".pcap" not in case.path.suffixes:
        pytest.skip("no capture")
    path = tmp_path / "unpacked.pcap"
    path.write_bytes(unpacked(case.path))
    conforming = "violations" not in case.name
    seen = case.seen
    checked = 0

    def check(packet: Any) -> None:
        nonlocal checked
        flow = seen.flows[tuple(packet.flow if packet.direction == FORWARD else packet.flow[::-1])]
        assert packet.frames[0] <= packet.frames[1] and float(packet.time) == seen.times[packet.frames[1] - 1]
        if packet.complete and packet.name != "trailing data":
            octets = bytes(flow.octets[packet.offset : packet.offset + packet.wirelen])
            assert bytes(packet) == octets
            if Raw not in packet or not conforming:
                assert rebuilt(packet, counted=conforming) == octets
            assert not conforming or Raw not in packet
            checked += 1

    sniff(offline=str(path), session=MigrationSession(keep_pages=True), prn=check, store=False, quiet=True)
    assert checked


TALKS: dict[str, Callable[[Speaker], Talk]] = {
    "precopy": talks.precopy,
    "postcopy": talks.postcopy,
    "remus": talks.remus,
    "colo": talks.colo,
    "xenops": talks.xenops,
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", TALKS)
def test_a_session_gives_every_item_of_both_directions(kind: str, order: Endianness, tmp_path: Path) -> None:
    talk = TALKS[kind](Speaker(2 if kind == "postcopy" else 3, order, order))
    found: list[Any] = list(offline(capture(tmp_path / "talk.pcap", talk), keep_pages=True))
    for direction in (FORWARD, REVERSE):
        own = [packet for packet in found if packet.direction == direction]
        assert b"".join(map(bytes, own)) == octets_of(talk, direction)
        assert [bytes(packet) for packet in own] == [item.octets for item in talk if item.direction == direction]
        assert [packet.offset for packet in own] == [
            sum(packet.wirelen for packet in own[:index]) for index in range(len(own))
        ]
    assert {packet.migration for packet in found} == {0} and all(packet.complete for packet in found)
    is_big = {type(packet).__name__.endswith("BE") for packet in found if packet.name == "libxc record"}
    assert is_big == {order == "big"}


def test_page_contents_are_not_held_unless_asked_for(tmp_path: Path) -> None:
    path = capture(tmp_path / "talk.pcap", talks.postcopy())
    without, with_pages = offline(path), offline(path, keep_pages=True)
    assert len(without) == len(with_pages)
    for less, more in zip(without, with_pages, strict=True):
        assert (less.time, less.frames, less.wirelen) == (more.time, more.frames, more.wirelen)
        if "page_data" in more.lastlayer().fields:
            assert less.page_data == b"" and len(more.page_data) % 4096 == 0 < len(more.page_data)
            assert less.pfns == more.pfns and less.body_length == more.body_length


def test_faults_and_pages_know_each_other(netem: Path) -> None:
    found = offline(netem)
    faults = [packet for packet in found if PostcopyFault in packet]
    pages = [packet for packet in found if PostcopyPageData in packet]
    assert faults and pages
    for fault in faults:
        answers = [page for page in pages if set(fault.pfns) & set(page.pfns)]
        assert set(fault.answer_frames) == {page.frames[1] for page in answers} and not fault.fault_frames
        assert [page for page in pages if page.answers(fault)] == answers
    for page in pages:
        answered = [fault for fault in faults if set(fault.pfns) & set(page.pfns)]
        assert set(page.fault_frames) == {fault.frames[1] for fault in answered} and not page.answer_frames
        assert not any(other.answers(page) for other in found)


def test_packets_of_a_session_can_be_pickled(netem: Path) -> None:
    found = offline(netem)
    again = pickle.loads(pickle.dumps(list(found)))

    def facts(packet: Packet) -> tuple[Any, ...]:
        return type(packet), bytes(packet), packet.direction, packet.time, packet.frames, packet.answer_frames

    assert list(map(facts, again)) == list(map(facts, found))
    fault = next(packet for packet in found if PostcopyFault in packet and packet.answer_frames)
    page = next(packet for packet in found if packet.answers(fault))
    assert pickle.loads(pickle.dumps(page)).answers(pickle.loads(pickle.dumps(fault)))


def test_what_was_built_is_pickled_as_its_octets() -> None:
    """As Scapy has it for all layers: what it works out for a field that is None, a length, is a value afterwards."""
    for built in (LibxcRecord() / PostcopyFault(pfns=[1, 2]), IP() / TCP() / b"octets"):
        again = pickle.loads(pickle.dumps(built))
        assert bytes(again) == bytes(built)
        assert again != built and again == type(built)(bytes(built)) == pickle.loads(pickle.dumps(again))


def test_the_example_of_the_documentation(netem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(netem.parent)
    assert dissector.integrations.scapy.__doc__
    example = doctest.DocTestParser().get_doctest(dissector.integrations.scapy.__doc__, {}, "example", None, 0)
    names: dict[str, Any] = {}
    for step in example.examples:
        if step.want:
            assert repr(eval(step.source, names)) == step.want.strip()
        else:
            exec(step.source, names)

    latencies = [fault.latency for fault in dissector.open(netem).faults() if fault.latency and not fault.in_flight]
    assert names["slowest"].latency == pytest.approx(max(latencies), abs=1e-9)
    assert PostcopyFault in names["slowest"]


def test_the_latency_of_a_fault_is_that_of_its_last_page(netem: Path) -> None:
    wanted: dict[int, list[float]] = {}
    for one in dissector.open(netem).faults():
        if one.latency is not None and not one.in_flight:
            wanted.setdefault(one.offset, []).append(one.latency)
    found: dict[Any, Any] = {one.offset: one.latency for one in offline(netem) if one.latency is not None}
    assert found == {offset: pytest.approx(max(latencies), abs=1e-9) for offset, latencies in wanted.items()}
    assert len(found) > 20 and (LibxcRecord() / PostcopyFault(pfns=[1])).latency is None


class Tap(SuperSocket):
    """What stands in for an interface: gives one packet at each call."""

    nonblocking_socket = True

    def __init__(self, path: str) -> None:
        self.packets = iter(rdpcap(path))

    def recv_raw(self, x: int = 65535) -> tuple[Any, bytes, float]:
        packet = next(self.packets, None)
        if packet is None:
            raise EOFError
        return type(packet), bytes(packet), float(packet.time)

    @staticmethod
    def select(sockets: list[SuperSocket], remain: float | None = None) -> list[SuperSocket]:
        return sockets

    def close(self) -> None:
        pass


@pytest.mark.parametrize("kind", ["list", "interface", "pipe", "reader", "pcapng", "in the background", "zstd"])
def test_it_does_not_matter_where_packets_come_from(kind: str, tmp_path: Path) -> None:
    path = capture(tmp_path / "talk.pcap", talks.postcopy())
    session = MigrationSession()
    if kind == "list":
        found = sniff(offline=rdpcap(path), session=session)
    elif kind == "interface":
        found = sniff(opened_socket=Tap(path), session=session)
    elif kind == "reader":
        with PcapReader(path) as reader:
            found = sniff(opened_socket=reader, session=session)
    elif kind == "in the background":
        sniffer = AsyncSniffer(offline=path, session=session, quiet=True)
        sniffer.start()
        sniffer.join()
        found = PacketList(sniffer.results)
    elif kind == "pipe":
        with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as process:
            found = sniff(offline=process.stdout, session=session)
    elif kind == "zstd":
        packed = tmp_path / "talk.pcap.zst"
        packed.write_bytes(zstandard.compress(Path(path).read_bytes()))
        with zstandard.open(packed) as file:
            found = sniff(offline=file, session=session)
    else:
        from scapy.utils import wrpcapng

        wrpcapng(str(tmp_path / "talk.pcapng"), rdpcap(path))
        found = offline(tmp_path / "talk.pcapng")
    wanted = offline(path)
    assert len(found) == len(wanted) > 20

    def facts(packet: Packet) -> tuple[Any, ...]:
        return bytes(packet), packet.direction, packet.frames, packet.answer_frames, packet.offset

    assert list(map(facts, found)) == list(map(facts, wanted))
    assert [round(packet.time, 6) for packet in found] == [round(packet.time, 6) for packet in wanted]


def test_two_files_are_two_inputs(tmp_path: Path) -> None:
    paths = [
        capture(tmp_path / "one.pcap", talks.postcopy()),
        capture(tmp_path / "two.pcap", talks.precopy(Speaker())),
    ]
    found = sniff(offline=paths, session=MigrationSession, quiet=True)
    for path in paths:
        own = [packet for packet in found if packet.sniffed_on == path]
        assert list(map(bytes, own)) == list(map(bytes, offline(path)))


def test_sniffing_can_stop_early(tmp_path: Path) -> None:
    path = capture(tmp_path / "talk.pcap", talks.postcopy())
    session = MigrationSession()
    assert len(sniff(offline=path, session=session, count=5)) == 5
    everything = offline(path)
    assert len(session.finish()) < len(everything)
    assert len(session.finish()) == 0


def test_what_comes_with_one_packet_is_not_lost_when_sniffing_stops(tmp_path: Path) -> None:
    """A packet that ends several records: who has enough after the first finds the others with `finish`."""
    whole = libxc_stream([record("TOOLSTACK", b"abc"), record("HVM_PARAMS"), record("END")])
    path = capture(tmp_path / "talk.pcap", [talks.Item(FORWARD, "libxc", "", whole)], size=len(whole))
    session = MigrationSession()
    found = sniff(opened_socket=Tap(path), session=session, count=2)
    waited = session.finish()
    assert found[-1].frames == waited[0].frames
    assert b"".join(map(bytes, [*found, *waited])) == whole


def test_records_behind_a_gap_come_at_the_end_if_not_before(tmp_path: Path) -> None:
    talk = talks.postcopy()
    path = capture(tmp_path / "gap.pcap", talk, close="", edit=lambda sent: [*sent[:20], *sent[21:]])
    session = MigrationSession()
    found = [*sniff(opened_socket=Tap(path), session=session), *session.finish()]
    assert [packet.frames for packet in found] == [packet.frames for packet in offline(path)]
    assert not all(packet.complete for packet in found)


def test_a_packet_keeps_its_place_when_copied(tmp_path: Path) -> None:
    for packet in offline(capture(tmp_path / "talk.pcap", talks.postcopy())):
        for copied in (packet.copy(), next(iter(packet))):
            assert copied.frames == packet.frames and copied.direction == packet.direction


def test_texts_and_what_belongs_to_nothing_are_packets_too(tmp_path: Path) -> None:
    talk = [*talks.precopy(Speaker()), talks.Item(FORWARD, "xl", "", b"\x01\x02 not of any stream" * 9)]
    found = offline(capture(tmp_path / "talk.pcap", talk))
    assert [packet.summary() for packet in found if packet.name == "xl message"] == [
        f"xl {name}" for name in ("banner", "ready", "go", "report")
    ]
    assert found[0].octets == MESSAGES["banner"].octets
    assert [packet.wirelen for packet in found if packet.name == "trailing data"] == [len(talk[-1].octets)]


def test_packets_that_no_session_made_know_no_place() -> None:
    packet = LibxcRecord() / PostcopyFault(pfns=[ENTRY_PFN.mask])
    assert (packet.frames, packet.migration, packet.offset, packet.complete) == (None,) * 4
    assert packet.answer_frames == packet.fault_frames == [] and not packet.answers(packet)


def test_the_commands_do_not_pay_for_scapy() -> None:
    code = "import dissector.cli, sys; sys.exit('scapy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=OWN.parent)
