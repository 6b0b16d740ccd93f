"""What `xenshark live` does with what a program captures: no test here captures anything, a script pretends to."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import talks
import wire
from capturing import PATIENCE, XENSHARK, analysis_of, check_agrees, check_events, live
from conftest import OWN, REPOSITORY, captures_in
from conversation import Packets, Wire, packets, pcap
from hypothesis import given, settings
from hypothesis import strategies as st
from shell import Shell
from talks import Talk

import dissector
from dissector.analysis import Analysis
from dissector.capture import opening
from dissector.capture.opening import open_source
from dissector.capture.reader import BUFFER, CaptureReader
from dissector.engine import Engine
from dissector.events import FORWARD, Event, Record
from dissector.facts import Phase
from dissector.monitor import Monitor, Notice
from dissector.recording.rotation import Kept, Numbered, Rotation
from dissector.recording.trim import Trimmer
from dissector.results.analysis import AnalysisResult, MigrationResult
from dissector.results.encoding import to_json

pytest_plugins = ("shell",)

SAMPLES = {name: path for name, path in captures_in(OWN).items() if name.endswith(".pcap")}
TALKS = [talks.precopy, talks.postcopy, talks.remus, talks.colo, talks.xenops]


def opened(path: Path) -> CaptureReader:
    reader = open_source(str(path))
    assert isinstance(reader, CaptureReader)
    return reader


def captured_in(path: Path) -> list[wire.Captured]:
    """Every packet."""
    reader = opened(path)
    found = []
    while (packet := reader.next_packet()) is not None:
        found.append(wire.Captured(packet.time_ns, bytes(packet.octets), packet.length))
    reader.source.close()
    assert reader.trouble is None
    return found


def records_in(path: Path) -> list[dict[str, Any]]:
    """What `read --json` says, without what a cut makes different."""
    lines = to_json(list(dissector.open(path).records()))
    for line in lines:
        del line["complete"]
        for name in ("answers", "faults"):
            line["fields"].pop(name, None)
    return list(lines)


# --- the file that is kept -----------------------------------------------------------------------------------


def keep(source: Path, into: Path, rotation: Rotation | None = None, trims: bool = False) -> list[str]:
    """Keeps a capture as it is read; what there was to complain about."""
    reader = opened(source)
    engine = Engine(lambda event: None, note_spans=trims)
    complaints: list[str] = []
    trimmer = Trimmer(reader, engine.connections) if trims else None
    rotation = rotation or Rotation()
    kept = Kept(Numbered(str(into), rotation), reader, rotation, complaints.append, trimmer)
    for _ in engine.steps(reader):
        pass
    kept.close()
    reader.source.close()
    return complaints


def as_pcapng(path: Path, into: Path, order: str) -> Path:
    reader = opened(path)
    into.write_bytes(
        wire.pcapng([one._replace(commented=True) for one in captured_in(path)], (reader.interfaces[0].link,), order)
    )
    reader.source.close()
    return into


@pytest.mark.parametrize("buffer", [BUFFER, 70_000])
def test_all_octets_are_kept(buffer: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "BUFFER", buffer)
    path = SAMPLES["postcopy/c_netem/veth_rx.pcap"]
    plain = tmp_path / "plain.pcap"
    plain.write_bytes(wire.pcap(captured_in(path)))
    for source in (plain, as_pcapng(path, tmp_path / "little", "<"), as_pcapng(path, tmp_path / "big", ">")):
        assert keep(source, tmp_path / "kept") == []
        assert (tmp_path / "kept").read_bytes() == source.read_bytes()
        assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o600


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["pcap", "<", ">"]),
    st.integers(1, 60_000),
    st.integers(100, 9000),
    st.one_of(st.none(), st.integers(1, 4)),
)
def test_rotated_files_are_the_capture(form: str, limit: int, size: int, most: int | None) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "source"
        source.write_bytes(pcap(packets(Wire(talks.postcopy(), size=size))))
        all_packets = captured_in(source)
        if form != "pcap":
            source = as_pcapng(source, folder / "source.pcapng", form)
        assert keep(source, folder / "kept.cap", Rotation(octets=limit, keep=most)) == []
        files = sorted(folder.glob("kept_*.cap"))
        assert not (folder / "kept.cap").exists()
        parts = [captured_in(path) for path in files]
        assert all(parts[:-1]), "a file without packets"
        joined = [packet for part in parts for packet in part]
        if most is None:
            assert joined == all_packets and files[0].name == "kept_00001.cap"
        else:
            assert len(files) <= most and joined == all_packets[len(all_packets) - len(joined) :]
        for path, part in zip(files, parts, strict=True):
            assert path.stat().st_size <= limit or len(part) <= 1
        if most is None and limit < 1000:
            assert len(files) > 10


def test_files_are_rotated_by_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "BUFFER", 70_000)
    path = SAMPLES["postcopy/c_netem/veth_rx.pcap"]
    assert keep(path, tmp_path / "kept.pcap", Rotation(seconds=1e-9)) == []
    files = sorted(tmp_path.glob("kept_*.pcap"))
    assert len(files) > 50
    assert [packet for file in files for packet in captured_in(file)] == captured_in(path)


def test_a_full_disk_ends_the_file_alone(tmp_path: Path) -> None:
    import resource

    path = SAMPLES["violations/none/none.pcap"]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, before[1]))
    try:
        complaints = keep(path, tmp_path / "kept.pcap")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert complaints == [f"{tmp_path}/kept.pcap: File too large; the file ends here, the analysis goes on"]
    part = captured_in(tmp_path / "kept.pcap")
    assert part and part == captured_in(path)[: len(part)]


# --- page contents left out ----------------------------------------------------------------------------------


def check_trimmed(trimmed: list[wire.Captured], original: list[wire.Captured]) -> int:
    """Every packet is there, with its time, its length and a front part of its octets; how many octets are not."""
    assert len(trimmed) == len(original)
    for less, more in zip(trimmed, original, strict=True):
        assert (less.time_ns, less.length) == (more.time_ns, more.length)
        assert more.octets.startswith(less.octets)
    return sum(len(one.octets) for one in original) - sum(len(one.octets) for one in trimmed)


@pytest.mark.parametrize("name", SAMPLES)
def test_without_pages_every_record_is_there(name: str, tmp_path: Path) -> None:
    path = SAMPLES[name]
    for source in (path, as_pcapng(path, tmp_path / "source.pcapng", ">")):
        assert keep(source, tmp_path / "kept", trims=True) == []
        gone = check_trimmed(captured_in(tmp_path / "kept"), captured_in(source))
        assert records_in(tmp_path / "kept") == records_in(source)
        if "snap" not in name and not name.startswith("xen/pv-fail"):
            assert gone > 0.5 * sum(len(one.octets) for one in captured_in(source))


def disturbed(sent: Packets) -> Packets:
    """Some twice, some late."""
    late = sorted(enumerate(sent), key=lambda one: one[0] + (3.5 if one[0] % 5 == 4 and one[0] > 3 else 0))
    copies = [[packet] * (2 if number % 7 == 3 and not packet.flags & 7 else 1) for number, packet in late]
    return [packet for each in copies for packet in each]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(TALKS), st.integers(40, 9000), st.booleans())
def test_without_pages_however_tcp_cuts_it(make: Callable[[], Talk], size: int, is_disturbed: bool) -> None:
    with TemporaryDirectory() as name:
        source, into = Path(name, "source"), Path(name, "kept")
        source.write_bytes(pcap(packets(Wire(make(), size=size, edit=disturbed if is_disturbed else None))))
        assert keep(source, into, trims=True) == []
        check_trimmed(captured_in(into), captured_in(source))
        assert records_in(into) == records_in(source)
        if size < 4000:
            assert into.stat().st_size < source.stat().st_size


# --- gaps when nothing follows -------------------------------------------------------------------------------


def released(sent: Packets) -> list[int]:
    """How many records are out when all packets were fed, and after one and two more looks at the clock."""
    found: list[Record] = []
    engine = Engine(lambda event: found.append(event) if isinstance(event, Record) else None)
    with TemporaryDirectory() as name:
        Path(name, "capture").write_bytes(pcap(sent))
        reader = opened(Path(name, "capture"))
        while (packet := reader.next_packet()) is not None:
            engine.packet(packet)
        reader.source.close()
    counts = [len(found)]
    for _ in range(2):
        engine.settle()
        counts.append(len(found))
    return counts


def test_what_was_acknowledged_but_not_captured_does_not_hold_up_the_rest() -> None:
    whole = packets(Wire(talks.precopy(), size=400, close=""))
    pages = max(at for at, packet in enumerate(whole) if len(packet.payload) == 400)
    before, at_first, at_last = released(whole[:pages] + whole[pages + 1 :])
    assert before == at_first < at_last == released(whole)[0]


def test_what_was_not_acknowledged_is_waited_for() -> None:
    whole = packets(Wire(talks.precopy(), size=400, close=""))
    pages = max(at for at, packet in enumerate(whole) if len(packet.payload) == 400)
    forward = [packet for packet in whole[pages + 1 :] if packet.direction == FORWARD and packet.payload]
    counts = released(whole[:pages] + forward)
    assert len(set(counts)) == 1 and counts[0] < released(whole[: pages + 1] + forward)[0]


# --- notices ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLES)
def test_to_watch_changes_nothing_and_tells_all(name: str) -> None:
    notices: list[Notice] = []
    monitor = Monitor(notices.append)

    def take(event: Event) -> None:
        monitor.add(event)
        if isinstance(event, Record):
            for snapshot in monitor.snapshots(event.last.time, more=True):
                assert snapshot.outstanding <= snapshot.announced and snapshot.answered <= snapshot.asked

    capture = dissector.open(SAMPLES[name])
    capture.read(take)
    monitor.finish()
    assert AnalysisResult.of(capture.source, monitor.analysis.migrations) == capture.analyze()
    for one_analysis in monitor.analysis.migrations:
        mine = [one for one in notices if one.analysis is one_analysis]
        assert (mine[0].kind, mine[-1].kind) == ("migration", "end")
        migration, checker = one_analysis
        told = {kind: [one.subject for one in mine if one.kind == kind] for kind in ("iteration", "finding", "fault")}
        assert told["iteration"] == migration.iterations
        assert sorted(map(id, told["finding"])) == sorted(map(id, checker.shown))
        assert len(told["fault"]) == migration.faults.answered
        phases = [one.subject for one in mine if one.kind == "phase"]
        phases = [one for number, one in enumerate(phases) if one not in phases[:number]]
        if len(phases) > len(migration.phases):
            last = phases.pop()  # a checkpoint of which nothing came is none
            assert isinstance(last, Phase) and last.name == "checkpoint"
        assert phases == migration.phases
    assert monitor.ended == len(monitor.analysis.migrations)


def renumbered(name: str, number: int) -> list[Event]:
    """The events of a sample, as those of migration `number`."""
    events = dissector.open(SAMPLES[name]).events()
    return [event._replace(migration=number) for event in events]


def test_a_second_migration_may_be_heard_before_the_first() -> None:
    """Its number comes from where it begins, and its first record may be the longer one."""
    names = ("xen/hvm-live-lo/hvm-live-lo.pcap", "violations/none/none.pcap")
    first, second = (renumbered(name, number) for number, name in enumerate(names))
    found: list[list[MigrationResult]] = []
    for events in ((*second[:9], *first, *second[9:]), first, second):
        analysis = Analysis()
        for event in events:
            analysis.add(event)
        analysis.finish()
        found.append(list(map(MigrationResult.of, analysis.migrations)))
    together, *apart = found
    assert together == [one for each in apart for one in each] and len(together) == 2


# --- the command ---------------------------------------------------------------------------------------------

SAYS = "Packets received/dropped on interface 'lo': 9/5 (pcap:5/dumpcap:0/flushed:0/ps_ifdrop:0) (64.3%)"
WAITS = f"""trap 'echo "{SAYS}" >&2; exit 0' INT; cat capture; while :; do sleep 0.05; done"""


@pytest.fixture
def programs(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a dumpcap that is a script, run where there is a capture called `capture`; gives where it is."""
    source = SAMPLES["postcopy/x_early_complete_ok/lo.pcap"]
    (tmp_path / "capture").write_bytes(wire.pcap(captured_in(source)))

    def make(script: str) -> Path:
        program = tmp_path / "bin" / "dumpcap"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\ncd {tmp_path}\necho $$ > pid\n{script}\n")
        program.chmod(0o755)
        return program.parent

    return make


Make = Callable[[str], Path]


def is_gone(folder: Path) -> bool:
    """Whether the program that captured has ended, after a moment."""
    pid = int((folder / "pid").read_text())
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def text_of(path: Path) -> list[str]:
    done = subprocess.run([*XENSHARK, "analyze", str(path)], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[2:]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_a_summary(number: signal.Signals, programs: Make, tmp_path: Path) -> None:
    with live("-i", "lo", path=programs(WAITS)) as running:
        running.read_until("finish begins")
        running.process.send_signal(number)
        running.wait()
    assert running.process.returncode == 0
    root = ", root given up for nobody" if os.geteuid() == 0 else ""
    assert running.err.splitlines() == [
        f"xenshark: capturing on lo with dumpcap{root}; Ctrl-C ends",
        "xenshark: 5 packets were dropped by who captured: a larger buffer (-B) may help",
    ]
    summary = text_of(tmp_path / "capture")
    lines = running.out.splitlines()
    assert lines[-len(summary) :] == summary
    assert "; 5 more packets dropped by who captured" in lines[-len(summary) - 2]
    happened = [line.split(" migration 0: ") for line in lines[: -len(summary) - 2]]
    phases = ["handshake", "precopy", "stop", "transition", "postcopy", "finish"]
    assert [words.split()[0] for _, words in happened if " begins" in words and "iteration" not in words] == phases
    assert happened[-1][1].startswith("completed: ")
    assert is_gone(tmp_path)


def test_a_hangup_that_is_ignored_stays_so(programs: Make) -> None:
    with live("-i", "lo", path=programs(WAITS), ignores_hangup=True) as running:
        running.read_until("finish begins")
        running.process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            running.process.wait(1)
        running.interrupt()
    assert running.process.returncode == 0


def test_events_and_the_file(programs: Make, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with live("-i", "lo", "-w", str(kept), "--json", "-c", "1", path=programs(WAITS)) as running:
        running.wait()
    assert running.process.returncode == 0
    assert kept.read_bytes() == (tmp_path / "capture").read_bytes()
    check_events(running)
    running.out = running.out.replace('"dropped_packets": 5', '"dropped_packets": 0')  # pcap cannot say it
    check_agrees(running, kept)


def test_a_migration_has_ended_though_its_connection_is_open(programs: Make, tmp_path: Path) -> None:
    (tmp_path / "capture").write_bytes(pcap(packets(Wire(talks.precopy(), close=""))))
    with live("-i", "lo", "--json", "-c", "1", path=programs(WAITS)) as running:
        running.wait()
    assert [one["outcome"] for one in running.of("end")] == ["completed"]


def test_a_second_interrupt_ends_everything(programs: Make, tmp_path: Path) -> None:
    with live("-i", "lo", path=programs("trap '' INT; cat capture; while :; do sleep 0.05; done")) as running:
        for _ in range(2):
            time.sleep(0.3)
            running.process.send_signal(signal.SIGINT)
        running.wait()
    assert running.process.returncode == 130
    assert is_gone(tmp_path)


def test_whoever_reads_may_have_seen_enough(programs: Make, tmp_path: Path) -> None:
    with live("-i", "lo", "--json", path=programs(WAITS)) as running:
        assert running.process.stdout is not None
        running.process.stdout.close()
        running.wait()
    assert (running.process.returncode, running.err) == (0, "")
    assert is_gone(tmp_path)


def test_it_ends_after_a_time(programs: Make, tmp_path: Path) -> None:
    (tmp_path / "capture").write_bytes(wire.pcap([]))
    with live("-i", "lo", "--duration", "0.5", "--json", path=programs(WAITS)) as running:
        running.wait()
    assert running.process.returncode == 2 and running.summary["migrations"] == []
    assert [one["migrations"] for one in running.of("statistics")] == [[]]
    assert running.err.splitlines()[-1].startswith("xenshark: no migration found in lo: ")


@pytest.mark.parametrize("log", ["log.jsonl", "dataset/"])
def test_where_nothing_was_found_a_log_changes_nothing(log: str, programs: Make, tmp_path: Path) -> None:
    """But for SIGTERM, with which systemd ends a service: that is no failure."""
    (tmp_path / "capture").write_bytes(wire.pcap([]))
    words = ("-i", "lo", "--log", str(tmp_path / log), "--user", "root")
    with live(*words, "--duration", "0.5", path=(path := programs(WAITS))) as running:
        running.wait()
    assert running.process.returncode == 2
    assert running.err.splitlines()[-1].startswith("xenshark: no migration found in lo: ")
    with live(*words, "--json", path=path) as running:
        running.read_until("capture")
        running.process.send_signal(signal.SIGTERM)
        running.wait()
    assert running.process.returncode == 0


def test_a_program_that_ends_by_itself(programs: Make) -> None:
    script = "cat capture; echo 'dumpcap: the network went away' >&2; exit 1"
    with live("-i", "lo", "--json", path=programs(script)) as running:
        running.wait()
    assert running.process.returncode == 2
    assert running.err == "xenshark: lo: dumpcap ended by itself: the network went away\n"
    assert running.summary["migrations"][0]["outcome"] == "completed"


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo 'dumpcap: no luck today.' >&2; exit 1", "dumpcap cannot capture on lo: no luck today"),
        ("exit 3", "dumpcap cannot capture on lo: exit status 3"),
        ("echo this is no capture of packets", "wrote no capture"),
    ],
)
def test_a_program_that_captures_nothing(
    script: str, why: str, programs: Make, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{programs(script)}:/usr/bin:/bin")
    assert why in shell.complaint("live", "-i", "lo")


def test_a_full_disk_does_not_end_the_analysis(programs: Make, tmp_path: Path) -> None:
    kept = tmp_path / "kept.pcap"
    words = ("-i", "lo", "-w", str(kept), "--json", "-c", "1")
    with live(*words, path=programs(WAITS), before=("sh", "-c", 'ulimit -f 4096; exec "$@"', "sh")) as running:
        running.wait()
    assert running.process.returncode == 0
    assert running.err.splitlines()[0] == f"xenshark: {kept}: File too large; the file ends here, the analysis goes on"
    assert running.summary["migrations"] == analysis_of(tmp_path / "capture")["migrations"]
    part = captured_in(kept)
    assert part == captured_in(tmp_path / "capture")[: len(part)] and part


@pytest.mark.parametrize("columns", [90, 120])
def test_on_a_terminal_it_is_a_picture(columns: int, programs: Make, tmp_path: Path) -> None:
    leader, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 30, columns, 0, 0))
    # The postcopy phase comes late: so it is there to be seen.
    octets = (tmp_path / "capture").stat().st_size - 500_000
    script = WAITS.replace("cat capture", f"head -c {octets} capture; sleep 0.6; tail -c +{octets + 1} capture")
    size = {"COLUMNS": str(columns)}  # pytest-xdist says 80
    env = {**os.environ, "PATH": f"{programs(script)}:/usr/bin:/bin", "TERM": "xterm", **size}
    words = [*XENSHARK, "live", "-i", "lo", "-c", "1"]
    process = subprocess.Popen(words, cwd=REPOSITORY, stdout=terminal, stderr=subprocess.PIPE, env=env)
    os.close(terminal)
    shown = b""
    while True:
        try:
            shown += os.read(leader, 1 << 16)
        except OSError:  # nobody has the terminal open any more
            break
    assert process.wait(PATIENCE) == 0
    os.close(leader)
    during = next(picture for picture in shown.decode().split("\x1b[J") if "outstanding" in picture)
    for part in ("Migration 0", "postcopy", "pages/s", "waiting", "packets"):
        assert part in during
    summary = text_of(tmp_path / "capture")
    lines = screen(shown.decode())
    begin = next(at for at, line in enumerate(lines) if line.startswith("Migration 0 "))
    *stays, source, _ = lines[:begin]
    assert " ".join(lines[begin:]).split() == " ".join(summary).split() and source.startswith("lo: pcap, ")
    assert max(map(len, lines[begin:])) <= columns and (len(lines) - begin > len(summary)) == (columns < 110)
    assert len(stays) > 1, "found and ended"
    assert all(" migration 0: " in line for line in stays), "something of the picture is left"


def screen(octets: str) -> list[str]:
    """What a terminal shows in the end."""
    lines, row = [""], 0
    for control, text in re.findall(r"(\x1b\[[0-9;]*[A-Za-z]|\r|\n|)([^\x1b\r\n]*)", octets):
        if control.endswith("A"):
            row -= int(control[2:-1])
        elif control == "\x1b[J":
            lines[row:] = [""]
        elif control == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif control == "\r":
            lines[row] = lines[row] if not text else ""
        lines[row] += text
    return [line.rstrip() for line in lines[:-1]]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--no-pages"], "--no-pages (-s auto) is about the file of -w, and there is none"),
        (["--rotate-size", "5"], "--rotate-size is about the file of -w, and there is none"),
        (["-w", "kept", "--keep", "5"], "--keep is about files of --rotate-size or --rotate-time"),
        (["-w", ""], "-w needs the name of a file"),
        (["-w", "-"], "standard output is for what is analyzed, -w needs a file"),
        (["-c", "0"], "'0' is no whole number above 0"),
        (["--duration", "inf"], "'inf' is no number above 0"),
        (["--snaplen", "short"], "'short' is no whole number above 0"),
        (["--list"], "not allowed with argument -i/--interface"),
    ],
)
def test_options_that_make_no_sense(words: list[str], why: str, shell: Shell) -> None:
    assert why in shell.complaint("live", "-i", "lo", *words)


def test_a_file_that_cannot_be_written(programs: Make, tmp_path: Path) -> None:
    env = {**os.environ, "PATH": f"{programs(WAITS)}:/usr/bin:/bin"}
    words = [*XENSHARK, "live", "-i", "lo", "-w", str(tmp_path / "none" / "kept")]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, env=env, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"xenshark: cannot write {tmp_path}/none/kept: No such file or directory\n"
    assert is_gone(tmp_path)


def test_statistics_are_json(programs: Make) -> None:
    with live("-i", "lo", "--json", "--duration", "2.2", path=programs(WAITS)) as running:
        running.wait()
    statistics = running.of("statistics")
    assert len(statistics) >= 2
    assert json.loads(json.dumps(statistics)) == statistics
    assert statistics[-1]["packets"] == running.summary["source"]["packets"]
