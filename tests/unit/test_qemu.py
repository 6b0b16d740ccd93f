"""QEMU's stream: sections in parts, commands between them, what is believed of them, what a description costs."""

from __future__ import annotations

import struct
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qemu_streams import (
    COMMAND,
    FULL,
    LAST,
    OPEN_RETURN_PATH,
    PART,
    PING,
    START,
    any_described,
    command,
    footer,
    live,
    section,
    stream,
)

import dissector.integrations.scapy
from dissector.protocol import GrammarError, qemu, qemu_description
from dissector.protocol.primitives import Unread
from dissector.protocol.qemu_description import DEPTH_MAX, FIELDS_MAX, PATH_MAX, words

FORM = qemu.STREAM.form
LAYERS = {name: vars(dissector.integrations.scapy)[name] for name in dissector.integrations.scapy.__all__}


def parsed(octets: bytes) -> qemu.Stream:
    found = qemu.parse(octets)
    assert found is not None
    return found


def test_sections_in_parts_and_the_commands_between_them() -> None:
    found = parsed(live())
    assert [qemu.title(one) for one in found.pieces] == [
        "command OPEN_RETURN_PATH",
        "command PING",
        "ram 0 version 4, start",
        "ram 0 version 4, part",
        "ram 0 version 4, part",
        "command PING",
        "ram 0 version 4, end",
        "timer 0 version 4",
        "0000:00:02.0/platform 0 version 4",
    ]
    assert found.trailer == b"\0" and found.machine == "pc" and found.configuration == b""
    assert [one.device for one in found.sections] == ["ram", "timer", "0000:00:02.0/platform"]
    assert all(one.footer == (one.kind != COMMAND) for one in found.pieces)
    # One stands behind the other.
    starts = [one.start for one in found.pieces]
    assert starts[1:] == [one.stop for one in found.pieces[:-1]] and found.pieces[-1].stop == len(live()) - 1


def test_they_are_read_and_built_by_name() -> None:
    values = FORM.read(live(), "little", {})
    assert FORM.write(values, "little", {}) == live()
    one, other = values["sections"][1], values["sections"][3]
    assert one == {"kind": "command", "cmd": "PING", "data": b"\0\0\0\1"}
    assert (other["kind"], other["device"], other["number"]) == ("part", "ram", 2)
    one["cmd"], one["data"] = "RECV_BITMAP", b"ram"
    again = parsed(FORM.write(values, "little", {}))
    assert (again.pieces[1].number, again.pieces[1].octets) == (10, b"ram")
    one["cmd"] = "NONE"
    with pytest.raises(GrammarError):
        FORM.write(values, "little", {})


def test_they_are_layers_of_scapy() -> None:
    read = LAYERS["QemuStream"](live())
    assert bytes(read) == live()
    assert [type(one).__name__ for one in read.sections[:3]] == ["QemuCommand", "QemuCommand", "QemuSection"]
    shown = read.show(dump=True)
    assert "cmd       = PING" in shown and "kind      = part" in shown
    made = LAYERS["QemuStream"](
        sections=[
            LAYERS["QemuSection"](kind="start", number=2, device=b"ram", version=4, state=b"a", footer=1),
            LAYERS["QemuCommand"](cmd="PING", data=b"1234"),
            LAYERS["QemuSection"](kind="end", number=2, state=b"b", footer=1),
        ]
    )
    titles = [qemu.title(one) for one in parsed(bytes(made)).pieces]
    assert titles == ["ram 0 version 4, start", "command PING", "ram 0 version 4, end"]


FIRST = section(START, 2, b"", "ram") + footer(2)


@pytest.mark.parametrize(
    ("more", "count"),
    [
        (section(PART, 2, b"x") + footer(2), 2),
        (section(PART, 3, b"x") + footer(3), 1),  # of a section that never began
        (section(FULL, 4, b"x", "fdc") + footer(4) + section(PART, 4, b"x") + footer(4), 2),  # one that is whole
        (section(LAST, 2, b"x"), 1),  # without the footer that all others have
        (command(PING, b"1234"), 2),
        (command(99), 1),  # no command that there is
        (b"\x08\0\2\0\x09xx", 1),  # one that is longer than the stream
    ],
)
def test_what_is_believed_behind_a_section(more: bytes, count: int) -> None:
    """The rest is the trailer, and builds back."""
    octets = stream(FIRST, more)
    found = parsed(octets)
    assert len(found.pieces) == count
    assert octets.endswith(found.trailer) and found.pieces[-1].stop + len(found.trailer) == len(octets)
    assert FORM.write(FORM.read(octets, "little", {}), "little", {}) == octets


def test_a_machine_has_a_name_that_can_be_printed() -> None:
    """As a device has: what has none is no configuration, and nothing behind it is read."""
    octets = stream(FIRST, machine="p\nc")
    found = parsed(octets)
    assert found.machine is None and not found.pieces and found.trailer == octets[8:]
    assert FORM.write(FORM.read(octets, "little", {}), "little", {}) == octets
    assert parsed(stream(FIRST, machine="p c")).machine == "p c"


def test_devices_in_any_order_of_their_numbers() -> None:
    """QEMU writes those first that others need, whatever their numbers."""
    numbers = [9, 3, 4, 1, 7]
    for has_footers in (True, False):
        pieces = [section(FULL, one, bytes(30), f"dev{one}") + footer(one) * has_footers for one in numbers]
        found = parsed(stream(*pieces))
        assert [one.number for one in found.sections] == numbers
        assert [len(one.octets) for one in found.sections] == [30] * 5


def field(kind: str, size: int | None = 4, **more: Any) -> dict[str, Any]:
    return {"name": "f", "type": kind, "size": size, **more}


def of_fields(*fields: Any, octets: bytes = bytes(1000), **more: Any) -> qemu.Section:
    """A device with such fields, which has those octets and a footer."""
    described = {"devices": [{"name": "dev", "instance_id": 0, "fields": list(fields), **more}]}
    (found,) = parsed(stream(section(FULL, 1, octets, "dev") + footer(1), described=described)).pieces
    assert found.octets == octets
    return found


FITS = [field("uint32", array_len=250)]
DEEP: dict[str, Any] = {"fields": FITS}
for _ in range(DEPTH_MAX - 1):
    DEEP = {"fields": [field("struct", struct=DEEP)]}


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        (FITS, 250),
        ([field("uint32", array_len=249)], 0),  # too few octets
        ([field("uint32", array_len=251)], 0),  # too many
        ([field("uint32", array_len=FIELDS_MAX + 1)], 0),
        ([field("buffer", 0, array_len=FIELDS_MAX), field("buffer", 1000)], 0),
        ([field("uint32", array_len=-1), *FITS], 0),
        ([field("uint32", array_len="250")], 0),
        ([field("uint32", array_len=250.0)], 0),
        ([field("uint32", array_len=None)], 0),
        ([field("bool", True, array_len=1000)], 0),
        ([field("uint32", None, array_len=250)], 0),
        ([{"name": 5, "type": "uint32", "size": 1000}], 0),
        ([{"name": "f", "size": 1000}], 0),
        (["f"], 0),
        ([None, *FITS], 0),
        ([field("struct", struct={"fields": {}})], 0),
        ([field("struct", struct=None), *FITS], 0),
        ([field("struct", struct=DEEP)], 0),
        ([field("buffer", 1000) | {"name": "n" * (PATH_MAX + 1)}], 0),
    ],
)
def test_a_description_counts_where_it_fits(fields: list[Any], count: int) -> None:
    """Else the section is as if there were none."""
    assert len(of_fields(*fields).places) == count


def test_sections_and_commands_have_a_limit() -> None:
    octets = stream(FIRST, command(OPEN_RETURN_PATH) * qemu.PIECES_MAX)
    found = parsed(octets)
    assert len(found.pieces) == qemu.PIECES_MAX and found.trailer == command(OPEN_RETURN_PATH) + b"\0"
    assert FORM.write(FORM.read(octets, "little", {}), "little", {}) == octets


def test_structures_within_structures_have_a_limit() -> None:
    assert len(of_fields(*DEEP["fields"]).places) == DEPTH_MAX - 1 + 250
    assert not of_fields(field("struct", struct=DEEP)).places


def test_fields_in_words() -> None:
    octets = struct.pack(">Qq", 1 << 63, -(1 << 63)) + struct.pack(">HhBb", 65535, -2, 200, -56) + b"\1\0" + bytes(990)
    kinds = ("uint64", "int64", "uint16", "int16 equal", "uint8", "int8", "bool", "bool")
    sizes = (8, 8, 2, 2, 1, 1, 1, 1)
    fields = [field(kind, size) | {"name": f"n{at}"} for at, (kind, size) in enumerate(zip(kinds, sizes, strict=True))]
    inner = field("struct", struct={"fields": [field("buffer", 2, array_len=2), field("uint24", 3)]})
    found = of_fields(*fields, inner, field("buffer", 985) | {"name": "rest"}, octets=octets + bytes(16 - 14))
    assert [words(one, found.octets) for one in found.places] == [
        "n0: 9223372036854775808",
        "n1: -9223372036854775808",
        "n2: 65535",
        "n3: -2",
        "n4: 200",
        "n5: -56",
        "n6: true",
        "n7: false",
        "f",
        "f.f[0]: 0000",
        "f.f[1]: 0000",
        "f.f: 000000",
        "rest: 985 octets",
    ]


@pytest.mark.parametrize(
    "text", [b"{", b'{"devices": []', b'{"devices": {}}', b'{"devices": [NaN}', b"{\xff}", b'{"\\u0041": 1}']
)
def test_what_is_no_description_is_left_in_the_trailer(text: bytes) -> None:
    octets = stream(section(FULL, 1, b"abc", "dev") + footer(1), described=text)
    found = parsed(octets)
    assert not found.description and FORM.write(FORM.read(octets, "little", {}), "little", {}) == octets


@given(st.integers(0, 7), st.booleans(), st.integers(0, 1 << 32), st.binary(max_size=12))
def test_damaged_streams_are_read_or_left_alone(seed: int, is_live: bool, place: int, noise: bytes) -> None:
    whole = live() if is_live else any_described(seed, True)
    at = place % len(whole)
    octets = whole[:at] + noise + whole[at + Random(place).choice((0, len(noise), 40)) :]
    found = FORM.read(octets, "little", {})
    assert isinstance(found, Unread) or FORM.write(found, "little", {}) == octets


def test_many_places_that_look_like_a_description_cost_no_more_than_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read twice: the texts that begin at each of them have no NUL."""
    reads: list[int] = []

    def count(text: bytes) -> Any:
        reads.append(len(text))
        return None

    monkeypatch.setattr(qemu_description, "described_by", count)
    octets = b"QEVM\0\0\0\3" + b"\0\6\0\0\xff\xff{" * 20_000 + b"x" * 70_000
    qemu.parse(octets)
    assert sum(reads) <= len(octets)
