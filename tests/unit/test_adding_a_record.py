"""A record that is added in one place is everywhere: parsed, legal, found again after a gap, shown, and in Scapy.

Each test copies the package, adds a layout and a row to the copy, and runs the program from there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import REPOSITORY


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
import sys
from pathlib import Path
from conversation import Wire, before, packets, pcap
from talks import Speaker, expected, postcopy, precopy

talk = {talk}
item = next(one for one in expected(talk) if one.name == {name!r})
sent = packets(Wire(talk))
first, second = (next(i for i, one in enumerate(sent) if one.direction == item.direction and one.payload and
                      one.offset + len(one.payload) > place) for place in (item.offset - 1, item.offset))
Path("whole.pcap").write_bytes(pcap(sent))
Path("gap.pcap").write_bytes(pcap(sent[:first] + sent[first + 1 :]))
assert first < second
"""

SCAPY = """
from scapy.all import sniff
from dissector.integrations.scapy import *

(found,) = (one for one in sniff(offline="whole.pcap", session=MigrationSession) if {name!r} in one.summary())
assert bytes(found) == bytes({scapy})
"""

Run = Callable[..., str]


@pytest.fixture(scope="module", params=(FORWARD, REVERSE), ids=lambda added: str(added.name))
def added(request: pytest.FixtureRequest) -> Added:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def run(added: Added, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs Python with a copy of the package that has the record."""
    folder = tmp_path_factory.mktemp(added.name.lower())
    shutil.copytree(REPOSITORY / "dissector", folder / "dissector", ignore=shutil.ignore_patterns("__pycache__"))
    insert(folder / "dissector/protocol/libxc.py", "\n_SPEC = ", added.layout)
    insert(folder / "dissector/protocol/libxc_records.py", added.group, added.row, is_behind=True)
    path = os.pathsep.join((str(folder), str(REPOSITORY / "tests/support")))

    def run(*words: str) -> str:
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
        done = subprocess.run(
            [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert not done.stderr and not done.returncode, done.stdout + done.stderr
        return done.stdout

    run("-c", WRITE.format(**added._asdict()))
    return run


def insert(file: Path, place: str, text: str, is_behind: bool = False) -> None:
    source = file.read_text()
    assert source.count(place) == 1, f"{file.name} has changed: where does a new record go now?"
    file.write_text(source.replace(place, place + text if is_behind else text + place))


def objects(run: Run, command: str, file: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run("-m", "dissector", command, "--json", file).splitlines()]


def test_it_is_legal(run: Run) -> None:
    assert run("-m", "dissector", "check", "--min-severity", "warning", "whole.pcap").startswith("0 errors, 0 warnings")


def test_it_is_read_and_shown(run: Run, added: Added) -> None:
    (record,) = (one for one in objects(run, "read", "whole.pcap") if one["name"] == added.name)
    assert record["complete"] and record["fields"] == added.fields
    (line,) = (line for line in run("-m", "dissector", "read", "whole.pcap").splitlines() if added.name in line)
    assert line.endswith(added.shown)
    assert f'"libxc.{added.name}": 1' in run("-m", "dissector", "analyze", "--json", "whole.pcap")


def test_it_is_found_again_after_a_gap_before_it(run: Run, added: Added) -> None:
    (analysis,) = (json.loads(run("-m", "dissector", "analyze", "--json", "gap.pcap")),)
    (migration,) = analysis["migrations"]
    (gap,) = migration["gaps"]
    (record,) = (one for one in objects(run, "read", "gap.pcap") if one["name"] == added.name)
    assert record["offset"] == gap["offset"] + gap["length"]
    assert not [one for one in migration["findings"] if one["severity"] == "error"]


def test_scapy_has_it(run: Run, added: Added) -> None:
    run("-c", SCAPY.format(**added._asdict()))


def test_wireshark_has_it(run: Run, added: Added) -> None:
    assert added.name in run("-m", "dissector", "lua", "--print")


def test_the_states_have_it(run: Run, added: Added) -> None:
    if added is FORWARD:
        assert added.name in run("-m", "dissector", "rules", "--states")
