"""The octets that Wireshark lights up for a field: they are its value, and lie within those of what it is in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import qemu_streams
from conftest import captures
from conversation import Wire, packets, pcap
from talks import Item
from test_bodies_shown import with_emulator
from wireshark.releases import RELEASES, run, wireshark_of

from dissector.events import FORWARD
from dissector.integrations.wireshark import fields as f


class Lit(NamedTuple):
    """A field of a packet, with where it is and the octets there, as tshark prints them."""

    path: str
    value: str
    octets: str
    at: int
    size: int
    mask: int
    around: Lit | None
    """What it is below."""


def lit(tree: Any, around: Lit | None = None) -> Iterator[Lit]:
    """Fields with octets. Of each tshark prints its octets, its value, and the fields below it, one after the other."""
    raw: Any = None
    own = around
    for name, value in tree:
        path = name.removeprefix("xenmig.")
        if path.endswith("_raw"):
            raw = value
        elif path.endswith("_tree") or not isinstance(value, str):
            if isinstance(value, list) and value and isinstance(value[0], tuple):
                yield from lit(value, own if path.endswith("_tree") else around)
        else:
            # What was found out rather than captured has none.
            own = None if raw is None else Lit(path, value, raw[0], raw[1], raw[2], raw[3], around)
            raw = None
            if own is not None:
                yield own


def lit_in(path: Path, release: str) -> list[Lit]:
    """Those of all bodies of a capture."""
    bodies = 'xenmig.name matches "header|^X86_|^HVM_|^SHARED_INFO|^EMULATOR_CONTEXT"'
    options = ("-2", "-Y", bodies, "-o", "xenmig.lines:0", "-T", "json", "-x", "-J", "xenmig")
    printed = run(wireshark_of(release), path, *options)
    return [one for packet in json.loads(printed, object_pairs_hook=list) for one in lit(packet)]


INSIDE = tuple(one for one in f.OF_ITEMS if one.path.startswith(("qemu.", "cpuid.", "msr.")))
DECLARED = {one.path: one for one in (*INSIDE, *f.of_bodies())}
"""The fields of bodies."""

TITLES = {f.SECTION.path, f.FEATURE.path, f.MSR_BIT.path}
"""Texts that say what octets are. Those of arrays are, too."""


def is_value(one: Lit) -> bool:
    """Whether its octets are its value."""
    shown = DECLARED[one.path]
    shape = f.shapes().get(one.path)
    if one.path == f.DEVICE_FIELD.path:
        return is_value_of_a_device(one)
    if one.mask or one.path in TITLES or (shape is not None and shape.kind == "array"):
        return True
    if shown.kind == "string":
        return bytes.fromhex(one.octets).decode() == one.value
    if shown.kind == "bytes":
        return one.octets == one.value.replace(":", "").replace(" ", "")
    octets, value = bytes.fromhex(one.octets), int(one.value, 0)
    if shape is None and one.around is not None and shown.mask is None and one.around.path in one.path:
        # A part of a number that is longer than Wireshark's masks: told by `test_bodies_shown`.
        return one.octets == one.around.octets
    return value in (int.from_bytes(octets, "little"), int.from_bytes(octets, "big"))


def is_value_of_a_device(one: Lit) -> bool:
    """Of "path: value", as QEMU's description names it."""
    _, has_value, value = one.value.rpartition(": ")
    octets = bytes.fromhex(one.octets)
    wanted = {
        str(int.from_bytes(octets, "big")),
        str(int.from_bytes(octets, "big", signed=True)),
        str(octets[:1] != b"\0").lower(),
        one.octets,
        f"{len(octets)} octets",
    }
    return not has_value or value in wanted


HVM, PV = "xen/hvm-live-lo/hvm-live-lo.pcap", "xen/pv-live-any-nano/pv-live-any-nano.pcap"

# fmt: off
BODIES: dict[str, dict[str, int]] = {
    HVM: {
        "xl_header": 11, "x86_cpuid_policy": 7, "x86_msr_policy": 4, "hvm_params": 5, "hvm_context": 5, "hvm_header": 5,
        "hvm_cpu": 242, "fxsave": 26, "hvm_pic": 17, "hvm_ioapic": 13, "hvm_lapic": 10, "hvm_lapic_regs": 48,
        "hvm_pci_irq": 1, "hvm_isa_irq": 1, "hvm_pci_link": 1, "hvm_pit": 14, "hvm_rtc": 3, "hvm_hpet": 13,
        "hvm_pmtimer": 3, "hvm_mtrr": 33, "hvm_vmce_vcpu": 4, "hvm_tsc_adjust": 1, "x86_tsc_info": 5, "qemu": 8,
    },
    PV: {
        "xl_header": 11, "x86_cpuid_policy": 7, "x86_msr_policy": 4, "x86_pv_info": 4, "x86_pv_p2m_frames": 3,
        "x86_pv_vcpu_basic": 3, "pv_vcpu_64": 164, "fxsave": 26, "pv_extended": 12, "shared_info_64": 25,
    },
}
# fmt: on
"""Of each genuine capture: what the fields' paths begin with, and how many different ones there are."""


def check(found: list[Lit]) -> None:
    for one in found:
        assert is_value(one), one
        outer = one.around
        if outer is not None and outer.path in DECLARED:
            assert outer.at <= one.at and one.at + one.size <= outer.at + outer.size, one


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", BODIES)
def test_the_octets_of_every_field_are_lit(name: str, release: str) -> None:
    found = [one for one in lit_in(captures()[name], release) if one.path in DECLARED]
    check(found)
    paths = {one.path for one in found}
    for start, count in BODIES[name].items():
        assert sum(path.startswith(f"{start}.") for path in paths) >= count, start


@pytest.mark.parametrize("release", RELEASES)
def test_the_octets_of_the_fields_of_devices_are_lit(tmp_path: Path, release: str) -> None:
    """Of the stream of a genuine QEMU with its description."""
    path = tmp_path / "capture.pcap"
    stream = with_emulator(qemu_streams.genuine())
    path.write_bytes(pcap(packets(Wire([Item(FORWARD, "libxl", "all of it", stream)]))))
    found = [one for one in lit_in(path, release) if one.path in DECLARED]
    check(found)
    assert sum(one.path == f.DEVICE_FIELD.path for one in found) > 1000
