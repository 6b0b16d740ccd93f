"""What is inside of bodies, in Wireshark: the values that the grammar has, of every field, in each Wireshark."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from conftest import OWN, captures_in
from test_filters_in_wireshark import frames, scope
from wireshark.releases import RELEASES, run, wireshark_of

from dissector import library
from dissector.events import Record
from dissector.filter.columns import as_text, each
from dissector.integrations.wireshark import fields as f
from dissector.integrations.wireshark.tshark import Tshark
from dissector.results.decoding import decoded

CAPTURES = captures_in(OWN)

GENUINE = (
    "xen/hvm-live-lo/hvm-live-lo.pcap",
    "xen/pvh-live-lo/pvh-live-lo.pcap",
    "xen/pv-live-any-nano/pv-live-any-nano.pcap",
    "postcopy/c_netem/veth_rx.pcap",
)
SNAPPED = "xen/pv-live-snaplen128/pv-live-snaplen128.pcap"

INSIDE = [one for one in f.of_bodies() if one.path.partition(".")[0] in set(f.insides().values())]
WHOLE_LISTS = ("-o", "xenmig.lines:0")


@pytest.fixture(params=RELEASES, ids=lambda release: f"Wireshark {release}")
def wireshark(request: pytest.FixtureRequest) -> Tshark:
    return wireshark_of(request.param)


def columns(wireshark: Tshark, name: str, expression: str, *names: str) -> dict[int, list[str]]:
    """The cells of each frame that the expression finds."""
    words = [word for one in names for word in ("-e", one)]
    options = ("-2", *WHOLE_LISTS, "-Y", expression, "-T", "fields", "-e", "frame.number", *words)
    rows = (line.split("\t") for line in run(wireshark, CAPTURES[name], *options).splitlines())
    return {int(number): cells for number, *cells in rows}


@cache
def in_depth(name: str, record: str) -> list[dict[str, Any]]:
    """What `read -V --json` says of each record of a name."""
    found: list[dict[str, Any]] = []
    for event in library.open(str(CAPTURES[name])).events():
        if isinstance(event, Record) and event.name == record:
            found.append(decoded(event, deep=True))
    return found


@pytest.mark.parametrize("name", (*GENUINE, SNAPPED))
def test_every_field_has_the_value_of_the_grammar(wireshark: Tshark, name: str) -> None:
    shown = [field for one in (f.FEATURE, *INSIDE) if (field := scope().field(one.name)) is not None]
    assert len(shown) == len(INSIDE) + 1
    bodies = 'xenmig.name matches "^(HVM_CONTEXT|X86_(PV_VCPU|CPUID).*)$"'
    found = columns(wireshark, name, bodies, *(field.name for field in shown))
    values = 0
    for number, cells in found.items():
        for field, cell in zip(shown, cells, strict=True):
            mine = [as_text(field, value) for value in each(field.values(frames(name)[number]))]
            assert sorted(filter(None, cell.split(","))) == sorted(mine), (number, field.name)
            values += len(mine)
    assert values > (400 if name in GENUINE else -1)


def test_registers_are_those_that_read_tells(wireshark: Tshark) -> None:
    """And the filters of the manual find them."""
    name = "xen/hvm-live-lo/hvm-live-lo.pcap"
    (context,) = in_depth(name, "HVM_CONTEXT")
    (cpu,) = (one["body"] for one in context["hvm_ctx"] if one["typecode"] == "CPU")
    bits = ("PAE", "PGE", "OSFXSR", "SMEP", "SMAP")
    names = [f"xenmig.hvm_cpu.{one}" for one in ("rip", "cr3", *(f"cr4.{bit}" for bit in bits))]
    (cells,) = columns(wireshark, name, "xenmig.hvm_cpu.cr4", *names).values()
    assert [int(cell, 0) for cell in cells] == [cpu["rip"], cpu["cr3"], *(bit in cpu["cr4"] for bit in bits)]
    assert not columns(wireshark, name, "xenmig.hvm_cpu.cr4.SMEP == 1")


def test_features_by_name(wireshark: Tshark) -> None:
    name = "xen/pvh-live-lo/pvh-live-lo.pcap"
    (policy,) = in_depth(name, "X86_CPUID_POLICY")
    (cells,) = columns(wireshark, name, 'xenmig.cpuid.feature == "X2APIC"', f.FEATURE.name).values()
    assert sorted(cells[0].split(",")) == sorted(policy["cpu"]["features"])
    assert not columns(wireshark, name, 'xenmig.cpuid.feature == "AVX2"')


def test_the_octets_of_a_field_are_marked(wireshark: Tshark) -> None:
    """Where a field is in the frame, as Wireshark lights it up: its octets there are its value."""
    name = "xen/hvm-live-lo/hvm-live-lo.pcap"
    printed = run(wireshark, CAPTURES[name], "-2", "-Y", "xenmig.hvm_cpu.rip", "-T", "jsonraw", "--no-duplicate-keys")
    rip: list[Any] = []

    def look(tree: Any) -> None:
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            if key == "xenmig.hvm_cpu.rip_raw":
                rip.append(value)
            elif isinstance(value, (dict, list)):
                look(value)

    look(json.loads(printed))
    ((octets, _, size, *_),) = rip
    (context,) = in_depth(name, "HVM_CONTEXT")
    (cpu,) = (one["body"] for one in context["hvm_ctx"] if one["typecode"] == "CPU")
    assert size == 8 and int.from_bytes(bytes.fromhex(octets), "little") == cpu["rip"]
