"""The grammar reads what real Xen and the real postcopy code wrote, and writes what it reads.

Octets called genuine come from captures of Xen 4.17 (stream version 3) and of the postcopy author's code
(version 2).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import construct
import pytest
import streams
from hypothesis import given, settings
from hypothesis import strategies as st

from dissector import protocol as g
from dissector.protocol import libxc

GENUINE_XL_HEADER = bytes.fromhex(
    "58656e20736176656420646f6d61696e2c20786c20666f726d61740a2000200d04030201030000000000000047030000"
)
GENUINE_LIBXL_HEADER = bytes.fromhex("4c6962786c466d740000000200000000")
GENUINE_IMAGE_HEADER = bytes.fromhex("ffffffffffffffff58454e46000000030000000000000000")
GENUINE_DOMAIN_HEADER = bytes.fromhex("010000000c0000000400000011000000")
GENUINE_FAULT = bytes.fromhex("150000002000000003000000000000000600000000000000 8a0000000000000016020000 00000000")
GENUINE_HVM_PARAMS = bytes.fromhex(
    "0c000000000000000100000000000000fcef0f00000000000500000000000000fdef0f00000000000600000000000000"
    "fbef0f00000000001b00000000000000f8ef0f00000000001c00000000000000f9ef0f00000000001d00000000000000"
    "faef0f00000000002500000000000000800210fc800100001100000000000000ffef0f00000000001300000000000000"
    "01000000000000000c0000000000000000e0fffe000000002000000000000000f0ef0f00000000002100000000000000"
    "0800000000000000"
)
GENUINE_TSC_INFO = bytes.fromhex("00000000329d270078ea8e43540000000700000000000000")
GENUINE_PV_INFO = bytes.fromhex("0804000000000000")
GENUINE_MSR_POLICY = bytes.fromhex("ce0000000000000000000080000000000a010000000000000000000000000000")
# The first and the last records of a chain of seventeen.
GENUINE_HVM_CONTEXT = bytes.fromhex(
    "01000000180000008612385401000000ffffffffffffffffb10f0600329d2700130000000800000000000000000000000000000000000000"
)
GENUINE_XENSTORE_DATA = bytes.fromhex(
    "02000000690000000200000000000000706879736d61702f66303030303030302f73746172745f61646472006630303030303030"
    "00706879736d61702f66303030303030302f73697a650038303030303000706879736d61702f66303030303030302f6e616d6500"
    "7667612e7672616d0000000000000000"
)

ORDERS: tuple[g.Endianness, ...] = ("little", "big")
LAYOUTS: dict[str, g.Body] = (
    {f"{record.layer}.{record.name}": record.body for record in g.RECORDS}
    | {name: header.body for name, header in g.HEADERS.items()}
    | {f"{layer} record header": body for layer, body in g.RECORD_HEADERS.items()}
    | {"pages header": g.pages_header, "xl optional data": g.xl_optional_data}
)
every_layout = pytest.mark.parametrize("body", LAYOUTS.values(), ids=LAYOUTS)
both_orders = pytest.mark.parametrize("order", ORDERS)


def read(spec: g.RecordSpec | g.HeaderSpec, octets: bytes, order: g.Endianness = "little") -> dict[str, Any]:
    return g.parse(g.layout(spec.body, order), octets)


# What real programs wrote


def test_headers_of_a_real_save_image() -> None:
    xl = read(g.XL_HEADER, GENUINE_XL_HEADER)
    assert xl["magic"] == g.XL_MAGIC
    assert xl["byteorder"] == g.XL_BYTEORDER
    assert xl["mandatory_flags"] == {"json": 1, "stream_v2": 1, "reserved": 0}
    assert xl["optional_data_len"] == 839
    assert g.xl_endianness(GENUINE_XL_HEADER) == "little"
    libxl = read(g.LIBXL_HEADER, GENUINE_LIBXL_HEADER, "big")
    assert libxl["version"] == g.LIBXL_VERSION
    assert libxl["options"] == {"big_endian": 0, "legacy": 0, "reserved": 0}
    image = read(g.IMAGE_HEADER, GENUINE_IMAGE_HEADER, "big")
    assert (image["marker"], image["id"], image["version"]) == (g.IMAGE_MARKER, g.IMAGE_ID, 3)
    assert read(g.DOMAIN_HEADER, GENUINE_DOMAIN_HEADER) == {
        "type": "x86 PV",
        "page_shift": 12,
        "reserved": 0,
        "xen_major": 4,
        "xen_minor": 17,
    }


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("xl header", GENUINE_XL_HEADER),
        ("libxl header", GENUINE_LIBXL_HEADER),
        ("image header", GENUINE_IMAGE_HEADER),
    ],
)
def test_magics_and_sizes_are_the_real_ones(name: str, octets: bytes) -> None:
    assert octets.startswith(g.HEADERS[name].magic)
    assert g.HEADERS[name].size == len(octets)


def test_real_bodies() -> None:
    records = g.libxc_records(3)
    assert read(records[0x02], GENUINE_PV_INFO) == {
        "guest_width": 8,
        "pt_levels": 4,
        "reserved1": 0,
        "reserved2": 0,
    }
    tsc = read(records[0x08], GENUINE_TSC_INFO)
    assert (tsc["mode"], tsc["khz"], tsc["incarnation"]) == ("DEFAULT", 2596146, 7)
    params = read(records[0x0A], GENUINE_HVM_PARAMS)
    assert params["count"] == len(params["param"]) == 12
    assert params["param"][0] == {"index": 1, "value": 0xFEFFC}
    msrs = read(records[0x12], GENUINE_MSR_POLICY)["msr_policy"]
    assert msrs == [{"idx": 0xCE, "flags": 0, "val": 1 << 31}, {"idx": 0x10A, "flags": 0, "val": 0}]
    chain = read(records[0x09], GENUINE_HVM_CONTEXT)["hvm_ctx"]
    assert [(one["typecode"], one["length"]) for one in chain] == [
        ("HEADER", 24),
        ("TSC_ADJUST", 8),
        ("END", 0),
    ]


def test_a_real_fault() -> None:
    header, names = g.fixed(g.layout(g.record_header, "little"))
    assert dict(zip(names, header.unpack_from(GENUINE_FAULT), strict=True)) == {
        "type": 0x15,
        "body_length": 32,
    }
    fault = read(g.libxc_records(2)[0x15], GENUINE_FAULT[8:])
    assert [entry["pfn"] for entry in fault["pfn"]] == [6, 138, 534]
    assert {entry["type"] for entry in fault["pfn"]} == {"NOTAB"}


def test_real_emulator_records() -> None:
    body = GENUINE_XENSTORE_DATA[8 : 8 + 0x69]
    data = read(g.LIBXL_RECORDS[2], body)
    assert (data["emulator_id"], data["index"]) == ("qemu-upstream", 0)
    assert data["xenstore_data"][1:] == [
        {"key": "physmap/f0000000/size", "value": "800000"},
        {"key": "physmap/f0000000/name", "value": "vga.vram"},
    ]
    rebuilt = streams.record("EMULATOR_XENSTORE_DATA", data, "libxl")
    assert rebuilt == GENUINE_XENSTORE_DATA


# Completeness


def test_every_libxc_type_has_its_name() -> None:
    common = (
        "END PAGE_DATA X86_PV_INFO X86_PV_P2M_FRAMES X86_PV_VCPU_BASIC X86_PV_VCPU_EXTENDED "
        "X86_PV_VCPU_XSAVE SHARED_INFO TSC_INFO HVM_CONTEXT HVM_PARAMS TOOLSTACK X86_PV_VCPU_MSRS VERIFY "
        "CHECKPOINT CHECKPOINT_DIRTY_PFN_LIST "
    )
    postcopy = "BEGIN PFNS_BEGIN PFNS TRANSITION PAGE_DATA FAULT COMPLETE"
    two = [*common.split(), *(f"POSTCOPY_{name}" for name in postcopy.split())]
    static = ["STATIC_DATA_END", "X86_CPUID_POLICY", "X86_MSR_POLICY"]
    three = [*common.replace("TSC", "X86_TSC").split(), *static]
    unknown = three + two[0x13:]
    for version, names in {2: two, 3: three, None: unknown, 99: unknown}.items():
        assert {type: record.name for type, record in g.libxc_records(version).items()} == dict(enumerate(names))


def test_every_libxl_and_xenops_type_has_its_name() -> None:
    assert [g.LIBXL_RECORDS[type].name for type in range(7)] == [
        "END",
        "LIBXC_CONTEXT",
        "EMULATOR_XENSTORE_DATA",
        "EMULATOR_CONTEXT",
        "CHECKPOINT_END",
        "CHECKPOINT_STATE",
        "POSTCOPY_TRANSITION_END",
    ]
    specified = {0x000F, 0x00F0, 0x00F1, 0x00F2, 0x0F00, 0x0F01, 0x0F10, 0xFFFF}
    assert specified <= g.XENOPS_RECORDS.keys()
    assert g.XENOPS_MAGIC == b"XenSavedDomv2-\n"


def test_names_collide_nowhere() -> None:
    for layer in ("libxc", "libxl", "xenops"):
        names = [record.name for record in g.RECORDS if record.layer == layer]
        assert len(names) == len(set(names))
    others = [*g.HEADERS, *g.MESSAGES]
    assert len(others) == len(set(others) - {record.name for record in g.RECORDS})


def test_only_the_destination_sends_what_only_it_sends() -> None:
    assert {record.name for record in g.RECORDS if record.direction == "reverse"} == {
        "CHECKPOINT_DIRTY_PFN_LIST",
        "POSTCOPY_FAULT",
        "POSTCOPY_COMPLETE",
    }


def test_page_types() -> None:
    assert sorted(g.PAGE_TYPES) == list(range(16))
    assert sorted(g.UNBACKED) == [0xD, 0xE, 0xF]
    assert (g.ENTRY_TYPE.mask, g.ENTRY_PFN.mask) == (0xF000000000000000, 0x000FFFFFFFFFFFFF)


def test_messages_are_as_long_as_on_the_wire() -> None:
    assert {name: len(message.octets) + message.status for name, message in g.MESSAGES.items()} == {
        "banner": 54,
        "ready": 34,
        "go": 44,
        "report": 40,
        "postcopy sync": 42,
    }
    assert [name for name, message in g.MESSAGES.items() if not message.octets.endswith(b"\0")] == ["banner"]
    assert [name for name, message in g.MESSAGES.items() if message.direction != "reverse"] == ["go"]


@pytest.mark.parametrize("record", g.RECORDS, ids=lambda record: f"{record.layer}.{record.name}")
def test_shape_agrees_with_layout(record: g.RecordSpec) -> None:
    found = list(g.fields(g.layout(record.body, "little")))
    kinds = [field.kind for field in found]
    match record.shape:
        case "signal" | "stream":
            assert not found
        case "fixed":
            assert all(field.size for field in found)
        case "list" | "chain":
            assert kinds[-1] == "array"
        case "pages":
            assert kinds == ["uint", "uint", "array"] + ["blob"] * record.contents
        case "blob" | "page":
            assert kinds[-1] == "blob"


# Walking


def walk(found: Iterator[g.Field]) -> Iterator[g.Field]:
    for field in found:
        yield field
        yield from walk(iter(field.elements))


@every_layout
@both_orders
def test_every_layout_can_be_walked(body: g.Body, order: g.Endianness) -> None:
    for field in walk(g.fields(g.layout(body, order))):
        assert field.endianness == (order if field.kind == "uint" and field.size != 1 else None)
        assert field.doc or field.name.startswith("reserved") or field.kind == "uint"
        if field.bits:
            assert sum(bits.width for bits in field.bits) == 8 * (field.size or 0)
        if field.name.startswith("reserved"):
            assert field.default == 0


def test_a_walk_tells_what_a_generator_needs() -> None:
    count, reserved, pfn, contents = g.fields(g.layout(libxc.page_data, "big"))
    assert (count.offset, count.size, count.counts, count.default) == (0, 4, "pfn", None)
    assert (reserved.offset, reserved.default) == (4, 0)
    assert (pfn.offset, pfn.size, pfn.counted_by) == (8, None, "count")
    assert [(bits.name, bits.shift, bits.width) for bits in pfn.elements[0].bits] == [
        ("type", 60, 4),
        ("reserved", 52, 8),
        ("pfn", 0, 52),
    ]
    assert (contents.kind, contents.offset) == ("blob", None)
    (chain,) = g.fields(g.layout(libxc.hvm_context, "little"))
    assert chain.ends_with == ("typecode", 0)
    assert [field.name for field in chain.elements] == ["typecode", "instance", "length", "body"]


def test_other_nodes_are_refused() -> None:
    with pytest.raises(TypeError, match="no node like"):
        list(g.fields(construct.Struct("odd" / construct.VarInt)))


def test_the_fast_reader_reads_what_the_slow_one_does() -> None:
    for order in ORDERS:
        layout = g.layout(g.pages_header, order)
        reader, names = g.fixed(layout)
        octets = bytes(range(8))
        assert dict(zip(names, reader.unpack(octets), strict=True)) == g.parse(layout, octets)
    with pytest.raises(ValueError, match="variable"):
        g.fixed(g.layout(libxc.hvm_params, "little"))


# Round trips


def uints(field: g.Field) -> st.SearchStrategy[Any]:
    numbers = st.integers(0, (1 << 8 * (field.size or 0)) - 1)
    if field.bits:
        return st.fixed_dictionaries({bits.name: bit_values(bits) for bits in field.bits})
    unnamed = numbers.filter(lambda number: number not in field.values)
    return st.sampled_from(sorted(field.values.values())) | unnamed if field.values else numbers


def bit_values(bits: g.BitField) -> st.SearchStrategy[Any]:
    numbers = st.integers(0, (1 << bits.width) - 1)
    return numbers.map(lambda number: bits.values.get(number, number))


def values_of(field: g.Field) -> st.SearchStrategy[Any]:
    if field.kind == "uint":
        return uints(field)
    if field.kind == "array":
        return arrays(field)
    if field.kind in ("text", "cstring"):
        return st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10)
    return st.binary(min_size=field.size or 0, max_size=40 if field.size is None else field.size)


def arrays(field: g.Field) -> st.SearchStrategy[list[Any]]:
    first = field.elements[0]
    element = values_for(field.elements) if first.name else values_of(first)
    if field.ends_with is None:
        return st.lists(element, max_size=4)
    name, value = field.ends_with
    end = next(one.values[value] for one in field.elements if one.name == name)
    inner = st.lists(element.filter(lambda one: bool(one[name] != end)), max_size=3)
    return st.builds(lambda some, last: [*some, {**last, name: end}], inner, element)


def values_for(found: tuple[g.Field, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """Values for every field that no other field decides."""
    return st.fixed_dictionaries({field.name: values_of(field) for field in found if not field.counts})


def contains(values: Any, given: Any) -> bool:
    """Whether all that was given is there: counts and lengths may have come on top."""
    if isinstance(given, Mapping):
        return all(contains(values[name], value) for name, value in given.items())
    if isinstance(given, list):
        return len(values) == len(given) and all(map(contains, values, given))
    return bool(values == given)


@every_layout
@both_orders
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_what_is_built_is_parsed(body: g.Body, order: g.Endianness, data: st.DataObject) -> None:
    layout = g.layout(body, order)
    values = data.draw(values_for(tuple(g.fields(layout))))
    octets = g.build(layout, values)
    parsed = g.parse(layout, octets)
    assert contains(parsed, values)
    assert g.build(layout, parsed) == octets
    assert g.measure(layout, octets) == len(octets)
    assert g.parse_partial(layout, octets) == parsed
    json.dumps(g.json_safe(parsed), allow_nan=False)


@every_layout
@both_orders
@settings(max_examples=25, deadline=None)
@given(octets=st.binary(max_size=120))
def test_what_is_parsed_is_built_again(body: g.Body, order: g.Endianness, octets: bytes) -> None:
    layout = g.layout(body, order)
    g.parse_partial(layout, octets)
    try:
        used = g.measure(layout, octets)
    except g.GrammarError:
        return
    assert g.build(layout, g.parse(layout, octets)) == octets[:used]


def test_byte_order_is_the_only_difference() -> None:
    values = {"mode": 1, "khz": 2, "nsec": 3, "incarnation": 4}
    little, big = (g.build(g.layout(libxc.tsc_info, order), values) for order in ORDERS)
    assert struct.unpack("<IIQII", little) == struct.unpack(">IIQII", big) == (1, 2, 3, 4, 0)


# Wrong octets and wrong values


def test_short_input() -> None:
    layout = g.layout(libxc.hvm_params, "little")
    for end in range(len(GENUINE_HVM_PARAMS)):
        with pytest.raises(g.GrammarError):
            g.parse(layout, GENUINE_HVM_PARAMS[:end])
    assert g.parse_partial(layout, GENUINE_HVM_PARAMS[:3]) == {}
    partial = g.parse_partial(layout, GENUINE_HVM_PARAMS[: 8 + 16 + 9])
    assert partial == {"count": 12, "reserved": 0, "param": [{"index": 1, "value": 0xFEFFC}]}


def test_lies_can_be_built() -> None:
    layout = g.layout(libxc.page_list, "little")
    body = g.build(layout, {"count": 7, "reserved": 1, "pfn": [5, {"type": "XTAB", "pfn": 9}]})
    assert struct.unpack("<IIQQ", body) == (7, 1, 5, 0xF << 60 | 9)
    assert len(g.parse_partial(layout, body)["pfn"]) == 2


@pytest.mark.parametrize(
    "values",
    [
        {"idx": 1},
        {"pfn": [1 << 64]},
        {"pfn": [{"pfn": 1 << 52}]},
        {"pfn": [{"type": "SWAPPED"}]},
        {"pfn": [{"kind": 1}]},
        {"pfn": 5},
        {"count": "many"},
    ],
)
def test_values_that_do_not_fit(values: dict[str, Any]) -> None:
    layout = g.layout(libxc.page_list, "little")
    with pytest.raises(g.GrammarError):
        g.build(layout, values)


def test_missing_values() -> None:
    assert g.build(g.layout(libxc.page_list, "little")) == bytes(8)
    with pytest.raises(g.GrammarError, match="'version'"):
        g.build(g.layout(libxc.image_header, "big"), {})


def test_byte_order_of_a_header_that_is_none() -> None:
    swapped = streams.xl_stream(b"", endianness="big")
    assert g.xl_endianness(swapped) == "big"
    assert g.xl_endianness(bytes(48)) is None
    assert g.xl_endianness(b"Xen") is None


def test_json_shows_small_blobs_and_counts_large_ones() -> None:
    assert g.json_safe({"a": b"\x01\xff", "b": [bytes(65)], "c": "\udcff"}) == {
        "a": "01ff",
        "b": [{"octets": 65}],
        "c": "\ufffd",
    }


# Streams for tests


def test_a_record_is_padded_and_can_lie() -> None:
    assert streams.record("END") == bytes(8)
    assert streams.record(0x80000001, b"abc") == bytes.fromhex("0100008003000000 6162630000000000")
    assert streams.record(1, b"abc", length=9, padding=b"!")[4:] == b"\x09\0\0\0abc!"
    assert streams.record("DEMU", b"abc", "xenops") == struct.pack("<QQ", 0x0F10, 3) + b"abc"
    with pytest.raises(TypeError):
        streams.record(1, {"pfn": []})


def test_pages_are_what_the_layout_reads() -> None:
    entries = [streams.entry(1), streams.entry(2, "XTAB"), streams.entry(3, "L4TAB_PIN")]
    for order in ORDERS:
        body = streams.pages(entries, streams.filling(entries), order)
        values = g.parse(g.layout(libxc.page_data, order), body)
        assert [(entry["pfn"], entry["type"]) for entry in values["pfn"]] == [
            (1, "NOTAB"),
            (2, "XTAB"),
            (3, "L4TAB_PIN"),
        ]
        assert values["page_data"] == b"\1" * 4096 + b"\3" * 4096
    assert streams.pages([], count=5) == b"\5" + bytes(7)


@both_orders
def test_a_built_stream_begins_as_a_real_one(order: g.Endianness) -> None:
    end = streams.record("END", endianness=order)
    inner = streams.libxc_stream([end], guest="x86 PV", endianness=order)
    whole = streams.xl_stream(streams.libxl_stream(inner, endianness=order), endianness=order)
    assert whole.startswith(g.XL_MAGIC)
    assert g.LIBXL_IDENT in whole
    assert whole.endswith(inner + bytes(8))
    if order == "little":
        assert inner == GENUINE_IMAGE_HEADER + GENUINE_DOMAIN_HEADER + bytes(8)
    assert streams.xenops_stream(inner).startswith(g.XENOPS_MAGIC)
