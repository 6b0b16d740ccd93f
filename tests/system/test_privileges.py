"""`xenshark live` as root: it is root no longer once packets come, and does all it did."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from capturing import PATIENCE, XENSHARK, analysis_of, check_events, live, require_root
from conftest import REPOSITORY
from shell import Shell
from test_live import free_port, replay

from dissector.recording.programs import PROGRAMS

pytest_plugins = ("shell",)

CAPTURES = REPOSITORY / "captures"

VARIED = (
    "postcopy/c_netem/veth_rx.pcap.zst",
    "xen/hvm-live-lo/hvm-live-lo.pcap.zst",
    "field/01_xenopsd_last_handshake_error.pcap.zst",
    "field/08_libvirt_tunnelled.pcap.zst",
)
"""Migrations of other toolstacks and kinds, for which it imports different things."""

CALLER = pwd.getpwnam("daemon")


@pytest.fixture(autouse=True, scope="module")
def root() -> None:
    require_root()


def who(process: int) -> tuple[set[int], set[int], list[str]]:
    """User and group ids of a process, and its further groups."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    found = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    return set(map(int, found["Uid"])), set(map(int, found["Gid"])), found["Groups"]


def children(process: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


@pytest.fixture
def hidden(tmp_path: Path) -> Path:
    """The program where nobody but root can read it, with room for files."""
    place = tmp_path / "hidden"
    place.mkdir(mode=0o700)
    shutil.copytree(REPOSITORY / "dissector", place / "dissector", ignore=shutil.ignore_patterns("__pycache__"))
    return place


@pytest.mark.parametrize("program", PROGRAMS)
def test_root_is_given_up_and_nothing_is_lost(program: str, hidden: Path, tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    port, kept = free_port(), hidden / "kept.pcapng"
    words = ("--program", program, "-i", "lo", "-f", f"tcp port {port}", "-c", str(len(VARIED)), "--json")
    with live(*words, "-w", str(kept), "--rotate-size", "2", within=hidden) as running:
        assert who(running.process.pid) == ({nobody.pw_uid}, {nobody.pw_gid}, [])
        for name in VARIED:
            replay(CAPTURES / name, port)
        running.wait()
    assert (running.process.returncode, running.err) == (0, "")
    check_events(running)
    assert running.of("capture")[0]["user"] == "nobody"
    files = sorted(hidden.glob("kept_*.pcapng"))
    assert len(files) > 5
    assert {(one.stat().st_uid, one.stat().st_mode & 0o777) for one in files} == {(0, 0o600)}
    for name, migration in zip(VARIED, running.summary["migrations"], strict=True):
        same = analysis_of(CAPTURES / name)["migrations"][0]
        for key in ("outcome", "layers", "records", "guest"):
            assert migration[key] == same[key]


def test_who_called_sudo_is_who_it_becomes_and_owns_the_file(tmp_path: Path) -> None:
    kept = tmp_path / "kept.pcapng"
    sudo = ("env", f"SUDO_UID={CALLER.pw_uid}")
    with live("-i", "lo", "-w", str(kept), before=sudo) as running:
        assert f"root given up for {CALLER.pw_name}; Ctrl-C ends" in running.err
        assert who(running.process.pid)[:2] == ({CALLER.pw_uid}, {CALLER.pw_gid})
        running.interrupt()
    assert (kept.stat().st_uid, kept.stat().st_mode & 0o777) == (CALLER.pw_uid, 0o600)


def test_root_stays_root_when_asked(tmp_path: Path) -> None:
    with live("-i", "lo", "--user", "root") as running:
        assert who(running.process.pid)[0] == {0}
        assert "given up" not in running.err
        running.interrupt()


def test_a_user_there_is_not(shell: Shell) -> None:
    assert shell.complaint("live", "-i", "lo", "--user", "nosuchuser") == (
        "xenshark: there is no user nosuchuser to become once the capture is open: name one with --user\n"
    )


def test_only_root_names_a_user() -> None:
    words = ["setpriv", f"--reuid={CALLER.pw_uid}", *XENSHARK, "live", "-i", "lo", "--user", "nobody"]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (2, "xenshark: --user is for root, and you are not\n")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_stays_behind(number: signal.Signals) -> None:
    """What is root ends with the one who may ask it for something."""
    with live("-i", "lo") as running:
        (guard,) = children(running.process.pid)
        (program,) = children(guard)
        assert who(guard)[0] == who(program)[0] == {0}
        os.kill(running.process.pid, number)
        deadline = time.monotonic() + PATIENCE
        while any(Path(f"/proc/{one}").exists() for one in (guard, program)):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_file_that_cannot_be_made_later_ends_the_file_alone(hidden: Path) -> None:
    port, kept = free_port(), hidden / "kept.pcapng"
    (hidden / "kept_00002.pcapng").symlink_to(hidden / "elsewhere")
    words = ("-i", "lo", "-f", f"tcp port {port}", "-c", "1", "-w", str(kept), "--rotate-size", "2")
    with live(*words, within=hidden) as running:
        replay(CAPTURES / VARIED[0], port)
        running.wait()
    assert running.process.returncode == 0
    assert (
        f"{kept.with_name('kept_00002.pcapng')}: Too many levels of symbolic links; the file ends here" in running.err
    )
    assert "completed" in running.out and not (hidden / "elsewhere").exists()
