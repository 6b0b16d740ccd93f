"""Capturing for real: what `xenshark live` says of a migration on an interface is what `analyze` says of the file."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from capturing import PATIENCE, XENSHARK, Live, analysis_of, check_agrees, check_events, live, records_of, require_root
from conftest import REPOSITORY
from namespaces import Namespaces, run
from shell import Shell
from test_replay import NOT_WHOLE, SAMPLES, analyzed

from dissector.capture.joined import FileSet
from dissector.engine import Engine
from dissector.events import DirectionEnded, Event, Record
from dissector.facts import Link, Linker
from dissector.recording.conversations import find as find_carrier
from dissector.recording.programs import PROGRAMS, Wanted, find
from dissector.recording.session import Session
from dissector.results.encoding import to_json
from dissector.results.records import RecordResult

pytest_plugins = ("shell",)

WHOLE = {name: path for name, path in SAMPLES.items() if name not in NOT_WHOLE}
POSTCOPY = SAMPLES["postcopy/c_netem/veth_rx.pcap"]
LIVE = SAMPLES["xen/hvm-live-lo/hvm-live-lo.pcap"]


@pytest.fixture(autouse=True, scope="module")
def root() -> None:
    require_root()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def replay(path: Path, port: int, *words: str, speed: str = "max") -> None:
    """Over loopback, to its end."""
    command = [*XENSHARK, "replay", "--speed", speed, "--port", str(port), *words, str(path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def same_but_for_tcp(migrations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what depends on when TCP acknowledges, and how."""
    for one in migrations:
        one["findings"] = [each for each in one["findings"] if each["rule"] != "postcopy-fault-after-page"]
    return migrations


def check_like_original(kept: Path, original: Path) -> None:
    port = find_carrier(FileSet((str(original),)), 0).flow.destination.port
    assert same_but_for_tcp(analyzed(kept)) == same_but_for_tcp(analyzed(original, port))


def check_nothing_lost(running: Live) -> None:
    assert running.summary["source"]["dropped_packets"] == 0
    assert not any(one["gaps"] for one in running.summary["migrations"])


# --- over loopback -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WHOLE)
def test_over_loopback_at_full_speed(name: str, tmp_path: Path) -> None:
    port, kept = free_port(), tmp_path / "kept.pcapng"
    with live("-i", "lo", "-f", f"tcp port {port}", "-w", str(kept), "--count", "1", "--json") as running:
        replay(WHOLE[name], port)
        running.wait()
    assert (running.process.returncode, running.err) == (0, "")
    check_nothing_lost(running)
    check_events(running)
    check_agrees(running, kept)
    check_like_original(kept, WHOLE[name])


@pytest.mark.parametrize("program", PROGRAMS)
def test_with_each_program(program: str, tmp_path: Path) -> None:
    port, kept = free_port(), tmp_path / "kept"
    words = ("--program", program, "-i", "lo", "-f", f"tcp port {port}", "-w", str(kept), "-c", "1", "--json")
    with live(*words) as running:
        replay(POSTCOPY, port, speed="20")
        running.wait()
    assert (running.process.returncode, running.err) == (0, "")
    assert running.of("capture")[0]["program"] == program
    check_nothing_lost(running)
    check_agrees(running, kept)
    check_like_original(kept, POSTCOPY)


def test_record_by_record(tmp_path: Path) -> None:
    """What comes out of the engine while it captures is, one by one, what it reads from the same octets later."""
    port, kept = free_port(), tmp_path / "kept.pcapng"
    program, path = find()
    session = Session(program, path, Wanted("lo", f"tcp port {port}"))
    found: list[RecordResult] = []
    ended: list[Event] = []
    pieces: list[bytes] = []

    def take(record: Record, links: tuple[Link, ...]) -> None:
        found.append(RecordResult.of(record, links))

    def emit(event: Event) -> None:
        linker.add(event)
        if isinstance(event, DirectionEnded):
            ended.append(event)

    session.reader.keep = lambda octets: pieces.append(bytes(octets))
    linker = Linker(take)
    engine = Engine(emit)
    playing = Thread(target=replay, args=(POSTCOPY, port))
    playing.start()
    for _ in engine.steps(session.reader):
        if len(ended) == 2:
            session.capture.stop()
    playing.join()
    linker.finish()
    session.close()
    kept.write_bytes(b"".join(pieces))
    assert [{"file": str(kept), **one} for one in to_json(found)] == records_of(kept)
    assert len(found) == len([one for one in records_of(POSTCOPY) if one["migration"] == 0])


def test_faults_and_statistics_come_while_it_goes_on(tmp_path: Path) -> None:
    """An event is there before the migration has ended, and what has happened by then is in it."""
    port = free_port()
    with live("-i", "lo", "-f", f"tcp port {port}", "--json", "-c", "1") as running:
        playing = Thread(target=replay, args=(POSTCOPY, port), kwargs={"speed": "0.7"})
        playing.start()
        running.read_until('"event": "fault"')
        assert playing.is_alive(), "the fault was reported when all was over"
        playing.join()
        running.wait()
    counts = [one["migrations"][0] for one in running.of("statistics") if one["migrations"]]
    assert [one["pages"] for one in counts] == sorted(one["pages"] for one in counts)
    assert any(0 < one["pages"] < 3722 and one["bytes_per_second"] > 0 for one in counts)
    assert running.of("end")[0]["outcome"] == "completed"


def test_without_pages(tmp_path: Path) -> None:
    port, kept = free_port(), tmp_path / "kept.pcapng"
    with live("-i", "lo", "-f", f"tcp port {port}", "-w", str(kept), "--no-pages", "-c", "1", "--json") as running:
        replay(LIVE, port)
        running.wait()
    check_nothing_lost(running)
    check_like_original(kept, LIVE)
    contents = 4096 * running.summary["migrations"][0]["pages"]["data_pages"]
    assert kept.stat().st_size < running.summary["source"]["bytes"] - 0.95 * contents
    assert analysis_of(kept)["source"]["packets"] == running.summary["source"]["packets"]


# --- between network namespaces ------------------------------------------------------------------------------


@pytest.fixture
def hosts() -> Iterator[Namespaces]:
    hosts = Namespaces()
    yield hosts
    hosts.close()


@pytest.mark.parametrize("path", [POSTCOPY, LIVE], ids=lambda path: path.name)
@pytest.mark.parametrize("side", [0, 1], ids=["source", "destination"])
@pytest.mark.parametrize("segments", ["large", "MTU"])
def test_over_veth_at_full_speed(path: Path, side: int, segments: str, hosts: Namespaces, tmp_path: Path) -> None:
    if segments == "MTU":
        for number in (0, 1):
            run(*hosts.inside(number), "ip", "link", "set", "wire", "gso_max_segs", "1", "mtu", "1500")
    kept = tmp_path / "kept.pcapng"
    words = ("-i", "wire", "-f", "tcp port 7700", "-w", str(kept), "-c", "1", "--json")
    with live(*words, before=hosts.inside(side)) as running:
        hosts.replay(path)
        running.wait()
    assert (running.process.returncode, running.err) == (0, "")
    check_nothing_lost(running)
    check_events(running)
    check_agrees(running, kept)
    check_like_original(kept, path)
    if segments == "MTU":
        assert running.summary["source"]["packets"] > 10_000_000 // 1448


def test_on_all_interfaces(hosts: Namespaces, tmp_path: Path) -> None:
    """Cooked packets (SLL2 or SLL)."""
    kept = tmp_path / "kept.pcapng"
    with live("-i", "any", "-w", str(kept), "-c", "1", "--json", before=hosts.inside(0)) as running:
        hosts.replay(POSTCOPY)
        running.wait()
    check_nothing_lost(running)
    check_agrees(running, kept)
    check_like_original(kept, POSTCOPY)


# --- packets that were dropped -------------------------------------------------------------------------------


@pytest.mark.parametrize("program", ["dumpcap", "tcpdump"])
def test_dropped_packets_are_counted_and_the_rest_is_right(program: str, tmp_path: Path) -> None:
    """Stopped for a while, with a small buffer: the kernel has nowhere to put what comes then."""
    port, kept = free_port(), tmp_path / "kept"
    words = ("--program", program, "-i", "lo", "-f", f"tcp port {port}", "-B", "1", "-w", str(kept), "--json")
    with live(*words) as running:
        playing = Thread(target=replay, args=(LIVE, port), kwargs={"speed": "0.5"})
        playing.start()
        running.read_until('"name": "precopy"')
        running.process.send_signal(signal.SIGSTOP)
        playing.join()
        running.process.send_signal(signal.SIGCONT)
        time.sleep(1.5)  # so that it takes what the program still holds
        running.interrupt()
    dropped = running.summary["source"]["dropped_packets"]
    assert dropped > 0 and running.process.returncode == 0
    assert running.err == (
        f"xenshark: {dropped:,} packet{'s were' if dropped > 1 else ' was'} dropped by who captured: "
        "a larger buffer (-B) may help\n"
    )
    (migration,) = running.summary["migrations"]
    assert migration["outcome"] == "incomplete"
    ours, its = running.summary, analysis_of(kept)
    assert ours["migrations"] == its["migrations"]
    # Only dumpcap's file can say it.
    assert its["source"]["dropped_packets"] == (dropped if program == "dumpcap" else 0)
    sent = {(one["direction"], one["offset"]): (one["name"], one["length"]) for one in records_of(LIVE)}
    got = [one for one in records_of(kept) if one["complete"]]
    assert len(got) > 3
    for one in got:
        assert sent[one["direction"], one["offset"]] == (one["name"], one["length"])


# --- what cannot be captured ---------------------------------------------------------------------------------


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_cannot_be_captured_is_one_line(program: str, shell: Shell) -> None:
    words = ("live", "--program", program)
    assert shell.complaint(*words, "-i", "nosuch0") == (
        "xenshark: there is no interface nosuch0: xenshark live --list lists those there are\n"
    )
    wrong = shell.complaint(*words, "-i", "lo", "-f", "tcp prt 9")
    assert wrong.startswith("xenshark: 'tcp prt 9' is no capture filter (can't parse filter expression: syntax error):")
    assert "lo" in "\n".join(shell.lines(*words, "--list"))


@pytest.mark.parametrize("program", PROGRAMS)
def test_without_privileges_it_says_what_is_missing(program: str) -> None:
    words = ["setpriv", "--bounding-set=-net_raw,-net_admin", *XENSHARK, "live", "--program", program, "-i", "lo"]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(
        f"xenshark: no permission to capture on lo with {program}: run it as root (sudo), or "
    )
    assert "usermod" in done.stderr and "setcap" in done.stderr


def test_an_interface_that_is_down(hosts: Namespaces) -> None:
    run(*hosts.inside(0), "ip", "link", "set", "wire", "down")
    words = [*hosts.inside(0), *XENSHARK, "live", "-i", "wire"]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.stderr == "xenshark: interface wire is down: sudo ip link set wire up\n"
    assert done.returncode == 2


def test_an_interface_that_goes_away(hosts: Namespaces) -> None:
    with live("-i", "wire", before=hosts.inside(0)) as running:
        run("ip", "-n", hosts.names[0], "link", "del", "wire")
        running.wait()
    assert running.process.returncode == 2
    assert "xenshark: no migration found in wire" in running.err and "ended by itself" in running.err
