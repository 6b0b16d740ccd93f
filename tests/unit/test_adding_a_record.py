"""A record that is added in one place is everywhere: parsed, legal, found again after a gap, shown, and in Scapy.

Each test copies the package, adds a layout and a row to the copy, and runs the program from there.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple, cast

import pytest
from altered import Altered


class Added(NamedTuple):
    """What a maintainer writes, and what the tests send of it."""

    name: str
    layout: str
    group: str
    """The line of the records' table under which the row goes."""
    row: str
    talk: str
    """A migration that has it, as an expression of tests/support."""
    shown: str
    fields: dict[str, int]
    scapy: str


FORWARD = Added(
    "X86_TOPOLOGY_POLICY",
    '''
def x86_topology_policy(i: Ints) -> Layout:
    """What a later version of the specification might add."""
    return c.Struct("sockets" / i.u32 * "Sockets", "reserved" / reserved(i.u32), "cores" / i.u64 * "Cores")
''',
    "_VERSION_3 = (\n",
    """    RecordSpec(
        0x13,
        "X86_TOPOLOGY_POLICY",
        libxc.x86_topology_policy,
        "fixed",
        "a later libxc-migration-stream",
        Role.STATIC_DATA,
        summary="{sockets:many:socket}, {cores:many:core}",
    ),
""",
    'before(precopy(), "STATIC_DATA_END", Speaker().record("X86_TOPOLOGY_POLICY", {"sockets": 2, "cores": 16}))',
    "2 sockets, 16 cores",
    {"sockets": 2, "reserved": 0, "cores": 16},
    "LibxcRecordV3() / X86TopologyPolicy(sockets=2, cores=16)",
)

REVERSE = Added(
    "POSTCOPY_PROGRESS",
    '''
def postcopy_progress(i: Ints) -> Layout:
    """What a later postcopy series might add."""
    return c.Struct("installed" / i.u64 * "Pages installed so far", "time" / i.u64 * "Since the transition, ns")
''',
    "_POSTCOPY = (\n",
    """    RecordSpec(
        0x17,
        "POSTCOPY_PROGRESS",
        libxc.postcopy_progress,
        "fixed",
        "a later postcopy RFC",
        Role.REPORT,
        direction="reverse",
        summary="{installed:many:page}",
    ),
""",
    'before(postcopy(), "POSTCOPY_FAULT", Speaker(version=2).record("POSTCOPY_PROGRESS",'
    ' {"installed": 8, "time": 500}, direction="reverse"), number=1)',
    "8 pages",
    {"installed": 8, "time": 500},
    "LibxcRecordV2() / PostcopyProgress(installed=8, time=500)",
)

WRITE = """
from pathlib import Path
from conversation import Wire, before, packets, pcap
from talks import Speaker, expected, postcopy, precopy

talk = {talk}
item = next(one for one in expected(talk) if one.name == {name!r})
sent = packets(Wire(talk))
before_it = next(
    number
    for number, one in enumerate(sent)
    if one.direction == item.direction and one.payload and one.offset + len(one.payload) == item.offset
)
Path("whole.pcap").write_bytes(pcap(sent))
Path("gap.pcap").write_bytes(pcap(sent[:before_it] + sent[before_it + 1 :]))
"""

SCAPY = """
from scapy.all import sniff
from dissector.integrations.scapy import *

(found,) = (one for one in sniff(offline="whole.pcap", session=MigrationSession) if {name!r} in one.summary())
assert bytes(found) == bytes({scapy})
"""


@pytest.fixture(scope="module", params=(FORWARD, REVERSE), ids=lambda added: str(added.name))
def added(request: pytest.FixtureRequest) -> Added:
    return cast(Added, request.param)


@pytest.fixture(scope="module")
def altered(added: Added, tmp_path_factory: pytest.TempPathFactory) -> Altered:
    """The package with the record, and two captures of it."""
    altered = Altered(tmp_path_factory.mktemp(added.name.lower()))
    altered.put_before("protocol/libxc.py", "\n_SPEC = ", added.layout)
    altered.put_behind("protocol/libxc_records.py", added.group, added.row)
    altered.python("-c", WRITE.format(**added._asdict()))
    return altered


def records(altered: Altered, added: Added, file: str) -> list[dict[str, Any]]:
    lines = altered.xenshark("read", "--json", "--type", added.name, file).splitlines()
    return [json.loads(line) for line in lines]


def test_it_is_legal(altered: Altered) -> None:
    found = altered.xenshark("check", "--min-severity", "warning", "whole.pcap")
    assert found == "0 errors, 0 warnings, 0 notes\n"


def test_it_is_read_and_shown(altered: Altered, added: Added) -> None:
    (record,) = records(altered, added, "whole.pcap")
    assert record["complete"] and record["fields"] == added.fields
    assert altered.xenshark("read", "--type", added.name, "whole.pcap").rstrip().endswith(added.shown)


def test_it_is_found_again_after_a_gap_before_it(altered: Altered, added: Added) -> None:
    (migration,) = json.loads(altered.xenshark("analyze", "--json", "gap.pcap"))["migrations"]
    (gap,) = migration["gaps"]
    (record,) = records(altered, added, "gap.pcap")
    assert record["offset"] == gap["offset"] + gap["length"]
    assert not [one for one in migration["findings"] if one["severity"] == "error"]


def test_scapy_has_it(altered: Altered, added: Added) -> None:
    altered.python("-c", SCAPY.format(**added._asdict()))


def test_wireshark_has_it(altered: Altered, added: Added) -> None:
    assert added.name in altered.xenshark("lua", "--print")


def test_the_picture_of_the_states_has_it(altered: Altered, added: Added) -> None:
    assert (added.name in altered.xenshark("rules", "--states")) == (added is FORWARD)
