"""Inputs made to exhaust or mislead: every command ends soon, in bounded memory, with an answer or one clear line."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import talks
from processor import turn

import dissector
from dissector.analysis import MIGRATIONS_MAX, Analysis
from dissector.events import FORWARD, REVERSE, DirectionEnded, MigrationFound, Record
from dissector.facts.pfns import PfnSet
from dissector.output import create
from dissector.parser import MIGRATIONS_MAX as MIGRATIONS_OF_A_CONNECTION
from dissector.results.guest import OCTETS_MAX, Guests
from dissector.tcp.core import COMPILED
from dissector.units import NS, clock, iso_text, printable

HOSTILE = Path(__file__).resolve().parents[2] / "captures" / "hostile"
INPUTS = sorted(path for path in HOSTILE.iterdir() if ".pcap" in path.name)
COMMANDS = (
    *("analyze", "analyze --json", "read", "read -V", "read --json", "check", "check --json", "check --pages"),
    *("faults", "faults --json", "guest", "guest --json", "diff", "diff --json", "replay --speed max"),
)
"""What is done with each; `diff` compares it with itself."""

TURNS = 80 if COMPILED else 160
"""2.5 and 5 seconds of the processor where a machine is idle; each of these inputs once took up to 130 s."""

MEMORY = 64
"""MB; once it was up to 455."""

MEASURED = """
import resource, sys
from pathlib import Path
from dissector.cli import main
status = main()
used = resource.getrusage(resource.RUSAGE_SELF)
# Not ru_maxrss: a process begins with that of the one that started it.
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
sys.stdout.flush()
print("used", used.ru_utime + used.ru_stime, int(peak.split()[1]) / 1000, file=sys.stderr)
sys.exit(status)
"""

STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What could steer a terminal, but the end of a line."""


def measured(*words: str) -> tuple[int, str, list[str], float, float]:
    """Exit status, standard output, lines of standard error, seconds of the processor and MB that it took."""
    done = subprocess.run([sys.executable, "-c", MEASURED, *words], capture_output=True, timeout=600, check=False)
    out, (*lines, used) = done.stdout.decode(), done.stderr.decode().splitlines()
    _, seconds, memory = used.split()
    return done.returncode, out, lines, float(seconds), float(memory)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured as Linux shows it")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.name)
def test_no_input_is_worth_more_than_its_octets(path: Path, command: str) -> None:
    files = [str(path)] * (2 if command.startswith("diff") else 1)
    one = turn()
    status, out, lines, seconds, memory = measured(*command.split(), *files)
    assert seconds < TURNS * max(one, turn()) * len(files) and memory < MEMORY
    assert len(lines) <= len(files) and all(line.startswith("xenshark: ") for line in lines)
    assert "a mistake of xenshark" not in "".join(lines)
    assert status in ((0, 1, 2) if command.startswith("check") else (0, 2))
    assert not STEERING.search(out + "".join(lines))
    if command in ("analyze --json", "diff --json") and out:
        json.loads(out)
    elif "--json" in command:
        assert all(isinstance(json.loads(line), dict) for line in out.splitlines())


def test_a_limit_that_is_passed_is_seen() -> None:
    """Else the test above could not fail."""
    greedy = MEASURED.replace("status = main()", "kept = bytearray(b'x') * (200 << 20); status = 0")
    done = subprocess.run([sys.executable, "-c", greedy], capture_output=True, text=True, check=True)
    assert float(done.stderr.split()[2]) > MEMORY


def test_sparse_pfns_cost_no_more_than_their_entries() -> None:
    few = PfnSet()
    for at in range(1 << 14):
        few.add_run(at << 20, 1)
    assert few.overflow and few.count <= len(few._rows) << 1


def test_a_connection_of_countless_migrations_is_counted() -> None:
    analysis, more = Analysis(), 50
    for number in range(MIGRATIONS_MAX + more):
        analysis.add(MigrationFound(number, None))
        for direction in (FORWARD, REVERSE):
            analysis.add(DirectionEnded(number, direction, "fin", number if number == 3 else 0))
    analysis.finish()
    assert (len(analysis.migrations), analysis.left_out) == (MIGRATIONS_MAX, more)
    # The one that carried something stays.
    assert any(migration.number == 3 for migration, _ in analysis.migrations)


@pytest.mark.parametrize("command", ["analyze", "read", "check", "guest"])
def test_a_crowded_connection_is_followed_so_far_and_that_is_said(command: str) -> None:
    _, out, lines, _, _ = measured(command, str(HOSTILE / "migrations.pcap.zst"))
    assert out and len(lines) == 1 and f"holds more than {MIGRATIONS_OF_A_CONNECTION} migrations" in lines[0]


def test_a_small_migration_after_many_others_is_no_less_followed() -> None:
    """A host that is watched for weeks sees more than are kept: none is cut short for those that are over."""
    analysis = Analysis()
    for number in range(MIGRATIONS_MAX + 50):
        analysis.add(MigrationFound(number, None))
        octets = 24 if number >= MIGRATIONS_MAX else 1000
        analysis.add(DirectionEnded(number, FORWARD, "fin", octets))
        assert not analysis[number].migration.is_over
        analysis.add(DirectionEnded(number, REVERSE, "fin", 0))
    assert not analysis._gone and len(analysis._half_over) <= 2 * MIGRATIONS_MAX and not analysis._halves


def test_guests_are_bounded(tmp_path: Path) -> None:
    """Devices without end, each with its state."""
    guests, path, many = Guests(), tmp_path / "guests", OCTETS_MAX >> 16
    path.write_bytes(talks.octets_of(talks.precopy()))
    for event in dissector.open(path).events():
        guests.add(event)
        if isinstance(event, Record) and event.name == "EMULATOR_CONTEXT":
            for number in range(many + 9):
                guests.add(event._replace(body=number.to_bytes(4, "little") + bytes(1 << 16)))
    assert 9 <= guests.left_out <= 9 + many // 32 and guests.words_left_out
    assert len(guests.results()) == 1


def test_so_is_one_whose_other_direction_is_silent() -> None:
    analysis, more = Analysis(), 50
    for number in range(2 * MIGRATIONS_MAX + more):
        analysis.add(MigrationFound(number, None))
        analysis.add(DirectionEnded(number, FORWARD, "renewed", 0))
    for number in range(2 * MIGRATIONS_MAX + more):
        analysis.add(DirectionEnded(number, REVERSE, "fin", 0))
    analysis.finish()
    assert len(analysis.migrations) == MIGRATIONS_MAX
    assert len(analysis.migrations) + analysis.left_out == 2 * MIGRATIONS_MAX + more


@pytest.mark.parametrize("time", [-(1 << 63), -NS, -1, 0, 253_402_300_800 * NS, 1 << 63, 1 << 90])
def test_every_time_can_be_shown(time: int) -> None:
    assert clock(time) and iso_text(time // 1000)


def test_names_steer_no_terminal() -> None:
    name = "a\x1b]0;x\x07\x9b\u202eb\n\udc9b"
    assert not STEERING.search(printable(name)) and "\n" not in printable(name)


def test_a_file_name_steers_no_terminal(tmp_path: Path) -> None:
    octets = (HOSTILE / "injection.pcap").read_bytes()
    path = os.fsencode(tmp_path) + b"/\x1b[31m\x9b\n\xff.pcap"
    Path(os.fsdecode(path)).write_bytes(octets)
    for command in COMMANDS:
        words = [sys.executable, "-m", "dissector", *command.split(), *[os.fsdecode(path)] * (1 + ("diff" in command))]
        done = subprocess.run(words, capture_output=True, check=False)
        text = (done.stdout + done.stderr).decode()
        assert done.returncode in (0, 1) and not STEERING.search(text)
        if command == "analyze --json":
            json.loads(text)["source"]["file"].encode()


def test_no_output_goes_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="is a symbolic link"):
        create(tmp_path / "link")
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_stood_there_becomes_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    path.chmod(0o644)
    os.close(create(path))
    assert (stat.S_IMODE(path.stat().st_mode), path.read_bytes()) == (0o600, b"")


def test_a_mistake_of_the_program_is_one_line_and_no_finding() -> None:
    broken = "import dissector.cli.rules as rules, sys; rules.run = lambda _: 1 // 0; from dissector.cli import main; "
    words = [sys.executable, "-c", f"{broken}sys.exit(main(['rules']))"]
    clean = {name: value for name, value in os.environ.items() if name != "XENSHARK_TRACEBACK"}
    done = subprocess.run(words, capture_output=True, text=True, env=clean, check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "ZeroDivisionError" in done.stderr


def test_out_of_memory_is_one_line_and_no_finding() -> None:
    broken = "import dissector.cli.rules as rules, sys; rules.run = lambda _: bytes(1 << 62)"
    words = [sys.executable, "-c", f"{broken}; from dissector.cli import main; sys.exit(main(['rules']))"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1) and "out of memory" in done.stderr
