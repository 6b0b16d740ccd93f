"""The dissector in each Wireshark: it loads, it fails nowhere, and all say the same, in one pass and in two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from benchmark.capture import build_capture
from conftest import OWN, captures_in
from wireshark.releases import DISSECTOR, RELEASES, Trouble, packets, run, unpacked, wireshark_of

from dissector.integrations.wireshark.tshark import Tshark

if TYPE_CHECKING:
    from shell import Shell

pytest_plugins = ("shell",)

MODES = {"one pass": (), "two passes": ("-2",), "two passes, filtered": ("-2", "-Y", "xenmig")}

CAPTURES = {name: path for name, path in captures_in(OWN).items() if name.endswith(".pcap")}

OPTIONS = {"xen/pv-live-midstart/pv-live-midstart.pcap": ("-d", "tcp.port==4444,xenmig")}
"""What a capture needs beside: one whose beginning was not captured has no magic to be found by."""

SOME = (
    "postcopy/c_netem/veth_rx.pcap",
    "postcopy/c3_capture_drops/veth_rx_with_capture_drops.pcap",
    "postcopy/a_loopback/lo_snap128.pcap",
    "postcopy/d_concurrent/veth_rx.pcap",
    "xen/pv-live-midstart/pv-live-midstart.pcap",
    "xen/pv-live-any-nano/pv-live-any-nano.pcap",
)
"""Retransmitted and reordered, with gaps, cut at a snap length, two at a time, late, on another link type."""


@pytest.fixture(params=RELEASES, ids=lambda release: f"Wireshark {release}")
def wireshark(request: pytest.FixtureRequest) -> Tshark:
    return wireshark_of(request.param)


def test_errors_of_scripts_are_seen(wireshark: Tshark, tmp_path: Path) -> None:
    """Whatever the mode: the harness would be blind otherwise."""
    script = tmp_path / "bad.lua"
    capture = CAPTURES["violations/none/none.pcap"]
    beginning = 'local p = Proto("xenmig", "x")\n'
    port = 'DissectorTable.get("tcp.port"):add("1-65535", p)\n'
    for text in (
        "syntax error",
        "error('at the start')",
        beginning + "function p.dissector() error('boom') end\n" + port,
        beginning + "function p.dissector() end\np:register_heuristic('tcp', function() error('boom') end)\n",
    ):
        script.write_text(text)
        for options in MODES.values():
            with pytest.raises(Trouble):
                run(wireshark, capture, *options, script=script)


@pytest.mark.parametrize("options", MODES.values(), ids=MODES)
def test_it_names_the_protocol(wireshark: Tshark, options: tuple[str, ...]) -> None:
    printed = run(wireshark, CAPTURES["violations/none/none.pcap"], *options)
    assert " XENMIG " in printed.upper()
    assert "POSTCOPY_FAULT" in printed


def same(capture: Path, *options: str) -> dict[int, Any]:
    """What each Wireshark says."""
    one, *others = (packets(wireshark_of(release), capture, *options) for release in RELEASES)
    for other in others:
        assert one.keys() == other.keys()
        for frame, fields in one.items():
            assert fields == other[frame], f"frame {frame}"
    assert one
    return one


@pytest.mark.parametrize("name", CAPTURES)
def test_all_say_the_same(name: str) -> None:
    same(CAPTURES[name], *MODES["two passes, filtered"], *OPTIONS.get(name, ()))


@pytest.mark.parametrize("name", SOME)
def test_all_say_the_same_in_every_mode(name: str) -> None:
    said = [items(same(CAPTURES[name], *mode, *OPTIONS.get(name, ()))) for mode in MODES.values()]
    one_pass, two_passes, filtered = said
    assert one_pass and one_pass == filtered
    assert two_passes == filtered


def items(said: dict[int, Any]) -> list[tuple[str, ...]]:
    """Of every record what is known in one pass already."""
    found = []
    for layers in said.values():
        for layer in layers if isinstance(layers, list) else [layers]:
            trees = layer.get("xenmig.item_tree", [])
            for tree in trees if isinstance(trees, list) else [trees]:
                keys = ("name", "direction", "offset", "length", "body_length", "first_frame")
                found.append(tuple(tree[f"xenmig.{key}"] for key in keys))
    return found


def test_a_disturbed_connection(tmp_path: Path) -> None:
    """Segments that come twice or late: as many records as in the same stream undisturbed."""
    names = []
    for variant in "ac":
        path = tmp_path / f"{variant}.pcap"
        build_capture(path, 3_000_000, variant)
        names.append([name for name, *_ in items(same(path, "-2", "-Y", "xenmig"))])
    assert names[0] == names[1]


def test_the_reports_say_what_xenshark_says(wireshark: Tshark, shell: Shell) -> None:
    capture = CAPTURES["postcopy/c_netem/veth_rx.pcap"]
    faults = [json.loads(line) for line in shell.lines("faults", "--json", str(capture))]
    _, *rows = run(wireshark, capture, "-q", "-z", "xenmig,faults").splitlines()
    reported = [row.split()[:4] for row in rows]
    assert reported == [
        [str(one["migration"]), str(one["frame"]), hex(one["pfn"]), str(one["answer"]["frame"])] for one in faults
    ]
    slowest = max(one["latency"] for one in faults if not one["in_flight"])
    summary = run(wireshark, capture, "-q", "-z", "xenmig,summary")
    assert f"max {1000 * slowest:.1f} ms" in summary


GUI = """
menus, statistics = {}, { [MENU_STAT_UNSORTED] = "Statistics", [MENU_STAT_RESPONSE_TIME] = "Service Response Time" }
gui_enabled = function() return true end
register_menu = function(title, action, menu) menus[statistics[menu] .. "/" .. title] = action end
register_packet_menu = function(title, action, fields) menus[fields .. "/" .. title] = action end
set_filter = function(filter) print("filter " .. filter) end
apply_filter = function() print("applied") end
TextWindow = { new = function(title)
    print("window " .. title)
    local window = {}
    function window:set(text) io.write(text) end
    function window:add_button(label, action) print("button " .. label); action() end
    return window
end }
"""

CHOOSE = """
local chosen = Listener.new("frame")
function chosen.draw() menus["%s"]() end
"""


@pytest.mark.parametrize(
    ("entry", "filter"),
    [
        ("Statistics/Xen Live Migration/Summary", "xenmig.item"),
        ("Statistics/Xen Live Migration/Faults", "xenmig.fault || xenmig.page.answers"),
        ("Service Response Time/Xen Live Migration", "xenmig.fault || xenmig.page.answers"),
    ],
)
def test_the_menu_statistics_has_the_reports(wireshark: Tshark, entry: str, filter: str, tmp_path: Path) -> None:
    """With what the graphical Wireshark gives a script, played here."""
    script = tmp_path / "gui.lua"
    script.write_text(GUI + DISSECTOR.read_text() + CHOOSE % entry)
    capture = CAPTURES["postcopy/c_netem/veth_rx.pcap"]
    printed = run(wireshark, capture, "-q", script=script)
    name = "summary" if "Summary" in entry else "faults"
    report = run(wireshark, capture, "-q", "-z", f"xenmig,{name}")
    title, *rows, button, wanted, applied = printed.splitlines()
    assert title == f"window Xen live migration: {name}" and button.startswith("button Show ")
    assert rows == report.splitlines() and (wanted, applied) == (f"filter {filter}", "applied")
    assert run(wireshark, capture, "-Y", filter, "-T", "fields", "-e", "frame.number")


@pytest.mark.parametrize(
    ("title", "field", "value", "filter"),
    [
        ("Records of this migration", "xenmig.migration", "7 - 7.0", "xenmig.migration == 0"),
        ("Conversation with this packet", "tcp.stream", "7 - 7.0", "xenmig && tcp.stream == 0"),
        ("Packets that list this page", "xenmig.fault.pfn", "UInt64.new(0x216)", "xenmig.pfn == 534"),
    ],
)
def test_a_packet_s_menu_filters_what_it_belongs_to(
    wireshark: Tshark, title: str, field: str, value: str, filter: str, tmp_path: Path
) -> None:
    """As the graphical Wireshark calls it: with the packet's fields, of which these are some."""
    script = tmp_path / "gui.lua"
    infos = f'{{ name = "frame.number", value = 7 }}, {{ name = "{field}", value = {value} }}'
    chosen = f'menus["xenmig,{field}/Xen Live Migration/{title}"]({infos})\n'
    script.write_text(GUI + DISSECTOR.read_text() + chosen)
    capture = CAPTURES["violations/none/none.pcap"]
    assert run(wireshark, capture, "-q", script=script).splitlines() == [f"filter {filter}", "applied"]
    found = run(wireshark, capture, "-2", "-Y", filter, "-T", "fields", "-e", "frame.number").split()
    everything = run(wireshark, capture, "-2", "-T", "fields", "-e", "frame.number").split()
    assert 2 <= len(found) < len(everything)


def column(wireshark: Tshark, name: str, wanted: str, *fields: str) -> list[list[str]]:
    """Values of fields in the packets that a filter leaves, on the second pass."""
    names = [word for field in fields for word in ("-e", field)]
    printed = run(wireshark, CAPTURES[name], "-2", "-Y", wanted, "-T", "fields", *names)
    return [line.split("\t") for line in printed.splitlines()]


def test_a_page_is_found_by_its_pfn(wireshark: Tshark) -> None:
    """In every record that lists it, also within a run."""
    name = "postcopy/c_netem/veth_rx.pcap"
    found = column(wireshark, name, "xenmig.pfn == 0x3f1", "frame.number", "xenmig.run.pfn")
    assert len(found) == 5
    assert sum("0x00000000000003f1" in pfns.split(",") for _, pfns in found) == 1


def test_a_page_in_flight_has_a_lead_and_no_latency(wireshark: Tshark) -> None:
    """Neither is negative, or sums and graphs of them were wrong; each frame has one slowest."""
    rows = column(
        wireshark,
        "postcopy/c_netem/veth_rx.pcap",
        "xenmig.fault",
        "xenmig.fault.in_flight",
        "xenmig.fault.latency",
        "xenmig.fault.lead",
        "xenmig.fault.slowest",
    )
    flags, latencies, leads, slowest = ([one for row in rows for one in row[at].split(",") if one] for at in range(4))
    crossed = [flag not in ("0", "False") for flag in flags]
    assert any(crossed) and crossed.count(False) == len(latencies) and crossed.count(True) == len(leads)
    assert all(float(one) >= 0 for one in (*latencies, *leads))
    assert max(map(float, slowest)) == max(map(float, latencies))
    assert all("," not in row[3] for row in rows)


@pytest.mark.parametrize("is_reset", [False, True], ids=("goes on", "reset"))
def test_nothing_is_unanswered_before_the_end(wireshark: Tshark, is_reset: bool, tmp_path: Path) -> None:
    """A live capture looks at a packet again long before the page has come."""
    name = "postcopy/c_netem/veth_rx.pcap"
    last = int(column(wireshark, name, "xenmig.fault", "frame.number")[-3][0])
    with unpacked(CAPTURES[name], tmp_path) as plain:
        octets = plain.read_bytes()
    at, reset = 24, bytearray()
    for _ in range(last):
        end = at + 16 + int.from_bytes(octets[at + 8 : at + 12], "little")
        if end - at == 16 + 66:  # no payload
            reset = bytearray(octets[at:end])
        at = end
    reset[16 + 14 + 20 + 13] |= 4  # RST, and no FIN: either side's ends it
    capture = tmp_path / "part.pcap"
    capture.write_bytes(octets[:at] + reset * is_reset)
    assert "not answered yet" in run(wireshark, capture, "-Y", "xenmig.fault", "-V")
    assert bool(run(wireshark, capture, "-2", "-Y", "xenmig.fault.unanswered")) is is_reset
