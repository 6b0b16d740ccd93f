"""`xenshark fleet`: many captures into one dataset, on a cluster of processes, and what may go wrong there."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import OWN, captures_in
from moto.server import ThreadedMotoServer
from pyarrow import parquet
from shell import Shell
from test_many import NAMES, NETEM, PARTS, packets_of, rotated
from wire import Captured, pcap

import dissector
from dissector.errors import UserError
from dissector.fleet import worker
from dissector.fleet.dataset import CAPTURES, Dataset
from dissector.fleet.listing import Source, sources
from dissector.fleet.worker import dissect
from dissector.tables.rows import TABLES

pytest_plugins = ("shell",)

SMALL = OWN / "field" / "08_libvirt_tunnelled.pcap.zst"
NONE = captures_in(OWN)["violations/none/none.pcap"]
POLL = 0.05
RUN = "0123456789abcdef"
PYTHON = sys.executable


def rows(dataset: Path | str, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = Dataset(str(dataset)).table(name).to_pylist()
    return found


def source(path: Path) -> Source:
    (found,) = sources([str(path)]).sources
    return found


def test_the_dataset_holds_what_export_writes(tmp_path: Path, shell: Shell) -> None:
    dataset = tmp_path / "dataset"
    done = dissect(source(NONE), str(dataset), RUN)
    assert (done.problem, done.source.name) == (None, str(NONE)) and done.seconds > 0
    capture = dissector.open(NONE)
    for name in TABLES:
        if name != "captures":
            assert rows(dataset, name) == capture.to_arrow(name).to_pylist()  # type: ignore[arg-type]
    (row,) = rows(dataset, "captures")
    assert (row["size"], row["packets"]) == (NONE.stat().st_size, 171)


def test_what_had_a_problem_before_is_not_done_well(tmp_path: Path, shell: Shell) -> None:
    folder, dataset = many(tmp_path / "captures", 3), tmp_path / "dataset"
    words = ["fleet", str(folder), "-o", str(dataset), "--workers", "1"]
    assert "3 captures done" in (first := fleet(shell, words, 2)) and "0 done before, 2 with a problem" in first
    assert "0 captures done" in (err := fleet(shell, words, 2))
    assert err.endswith("3 done before (2 with a problem: --failed does them again), 0 with a problem\n")
    assert "2 captures done" in fleet(shell, [*words, "--failed"], 2)


def test_a_changed_capture_is_replaced_and_no_other_is_done_again(tmp_path: Path, shell: Shell) -> None:
    dataset, file = tmp_path / "dataset", tmp_path / "some" / "a.pcap.zst"
    file.parent.mkdir()
    shutil.copy(NONE, file)
    words = ["fleet", str(file.parent), "-o", str(dataset), "--workers", "1"]
    assert "1 capture done" in fleet(shell, words)
    assert len(rows(dataset, "faults")) > 0
    assert "0 captures done" in (again := fleet(shell, words)) and "1 done before" in again
    shutil.copy(SMALL, file)
    assert "1 capture done" in fleet(shell, words)
    assert rows(dataset, "faults") == [], "nothing is left of what it was"
    assert [row["size"] for row in rows(dataset, "captures")] == [SMALL.stat().st_size]


def read_into(dataset: Path, *inputs: Path, join: bool | None = None) -> int:
    """What `fleet` does, without a cluster: how many captures it reads."""
    target = Dataset(str(dataset), RUN)
    left = target.left(sources(map(str, inputs), join).sources)
    target.forget(left)
    for one in left:
        assert dissect(one, str(dataset), RUN).problem is None
    return len(left)


@pytest.mark.parametrize("program", ["dumpcap", "tcpdump -C", "xenshark"])
def test_a_rotated_capture_is_one_row(program: str, tmp_path: Path) -> None:
    """As of every other command, and read anew whenever a file comes, changes or goes."""
    dataset, folder = tmp_path / "dataset", tmp_path / "set"
    paths = rotated(folder, NAMES[program], packets_of(NETEM))
    last = paths[-1].rename(tmp_path / "last")
    assert read_into(dataset, folder) == 1
    last.rename(paths[-1])
    assert read_into(dataset, folder) == 1 and read_into(dataset, folder) == 0
    (row,) = rows(dataset, "captures")
    assert row["capture"] == str(paths[0]) and row["joined"] == [str(path) for path in paths] and not row["problem"]
    assert [file["name"] for file in row["files"]] == row["joined"]
    assert [file["size"] for file in row["files"]] == [path.stat().st_size for path in paths]
    whole = {name: dissector.open(NETEM).to_arrow(name).to_pylist() for name in ("faults", "iterations", "migrations")}
    for name, expected in whole.items():
        assert [{**one, "capture": ""} for one in rows(dataset, name)] == [{**one, "capture": ""} for one in expected]
    os.utime(paths[2], (1, 1))
    assert read_into(dataset, folder) == 1
    first = paths[0].rename(tmp_path / "first")
    assert read_into(dataset, folder) == 1
    (row,) = rows(dataset, "captures")
    assert row["capture"] == str(paths[1]), "no packet is in the dataset twice"
    first.rename(paths[0])
    assert read_into(dataset, folder) == 1
    assert [row["capture"] for row in rows(dataset, "captures")] == [str(paths[0])]


def test_whether_files_are_one_capture_can_be_said(tmp_path: Path, shell: Shell) -> None:
    dataset, folder = tmp_path / "dataset", tmp_path / "set"
    paths = rotated(folder, NAMES["xenshark"], packets_of(NONE))
    words = ["fleet", str(folder), "-o", str(dataset), "--workers", "1"]
    assert "1 capture done" in fleet(shell, words)
    assert f"{PARTS} captures done" in fleet(shell, [*words, "--no-join"], expected=2)
    assert {row["capture"] for row in rows(dataset, "captures")} == {str(path) for path in paths}
    assert "1 capture done" in fleet(shell, [*words, "--join"])
    assert [row["capture"] for row in rows(dataset, "captures")] == [str(paths[0])]


def test_what_does_not_go_on_is_another_row(tmp_path: Path) -> None:
    """Names say one capture, the packets' times two."""
    dataset = tmp_path / "dataset"
    for at, second in ((1, 1_700_000_000), (2, 1_700_000_500)):
        packets = [Captured(second * 10**9 + at, one.octets, one.length) for at, one in enumerate(packets_of(NONE))]
        (tmp_path / f"x_{at:05}.pcap").write_bytes(pcap(packets))
    assert read_into(dataset, tmp_path) == 1 and read_into(dataset, tmp_path) == 0
    found = {Path(row["capture"]).name: len(row["files"]) for row in rows(dataset, "captures")}
    assert found == {"x_00001.pcap": 2, "x_00002.pcap": 1} and len(rows(dataset, "migrations")) == 2


def fleet(shell: Shell, words: list[str], expected: int = 0) -> str:
    status, out, err = shell.run(*words)
    assert (status, out) == (expected, ""), err
    return err


@contextmanager
def cluster(workers: int, folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and workers as processes of their own: its address, and the workers."""
    with ExitStack() as stack:
        file = folder / "scheduler.json"
        base = [PYTHON, "-m", "distributed.cli.dask_scheduler"]
        start(stack, [*base, "--port", "0", "--no-dashboard", "--scheduler-file", str(file)])
        until(file.exists)
        base = [PYTHON, "-m", "distributed.cli.dask_worker", "--nworkers", "1", "--nthreads", "1", "--no-dashboard"]
        words = [*base, "--scheduler-file", str(file), "--local-directory", str(folder), "--no-nanny"]
        processes = [start(stack, words) for _ in range(workers)]
        address = re.search(r"tcp://[^\"]+", file.read_text())
        assert address
        yield address[0], processes


def start(stack: ExitStack, words: list[str]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process


def until(happened: Any) -> None:
    for _ in range(int(120 / POLL)):
        if happened():
            return
        time.sleep(POLL)
    raise AssertionError("it never happened")


def many(folder: Path, count: int) -> Path:
    """So many captures, one cut in its compression, one that cannot be opened."""
    folder.mkdir()
    for number in range(count - 2):
        shutil.copy(SMALL, folder / f"{number:03}.pcap.zst")
    (folder / "corrupt.pcap.zst").write_bytes(NONE.read_bytes()[:9000])
    (folder / "gone.pcap").symlink_to(folder / "nowhere")
    return folder


def test_a_worker_dies_and_the_dataset_is_whole(tmp_path: Path) -> None:
    folder, dataset = many(tmp_path / "captures", 200), tmp_path / "dataset"
    with cluster(2, tmp_path) as (address, workers):
        words = [PYTHON, "-m", "dissector", "fleet", str(folder), "-o", str(dataset), "--scheduler", address]
        run = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        until(lambda: len(list(dataset.glob("captures/*.parquet"))) > 20)
        workers[0].kill()
        _, err = run.communicate()
    assert run.returncode == 2 and err.endswith("with a problem\n"), err
    captures = rows(dataset, "captures")
    assert len(captures) == len({row["capture"] for row in captures}) == len(sources([str(folder)]).sources)
    assert len(captures) == 200
    wrong = {Path(row["capture"]).name: row["problem"] for row in captures if row["problem"]}
    assert set(wrong) == {"corrupt.pcap.zst", "gone.pcap"} and "No such file" in wrong["gone.pcap"], wrong
    keys = [(row["capture"], row["migration"]) for row in rows(dataset, "migrations")]
    assert len(keys) == len(set(keys)) >= 198


def test_on_a_terminal_there_is_one_bar(tmp_path: Path) -> None:
    """The bar of every other command, and what is wrong above it."""
    folder, screen = many(tmp_path / "captures", 40), bytearray()
    ours, theirs = pty.openpty()
    words = [PYTHON, "-m", "dissector", "fleet", str(folder), "-o", str(tmp_path / "dataset"), "--workers", "1"]
    with subprocess.Popen(words, stderr=theirs, env={**os.environ, "TERM": "xterm", "COLUMNS": "150"}) as process:
        os.close(theirs)
        with suppress(OSError):  # the terminal is gone with who wrote to it
            while octets := os.read(ours, 1 << 16):
                screen += octets
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.decode())
    assert process.returncode == 2
    assert re.search(r"\d+ of 40 .*/\d+\.\d kB .*B/s", text) and "Warning" not in text, text
    lines = [line for line in text.replace("\r", "\n").splitlines() if line]
    assert sum(line.startswith("xenshark: ") for line in lines) == 2
    assert lines[-1].startswith("40 captures done (")


def test_two_runs_at_once_and_one_that_is_interrupted(tmp_path: Path, shell: Shell) -> None:
    folder, dataset = many(tmp_path / "captures", 40), tmp_path / "dataset"
    words = [PYTHON, "-m", "dissector", "fleet", str(folder), "-o", str(dataset), "--workers", "1"]
    runs = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    until(lambda: len(list(dataset.glob("captures/*.parquet"))) > 3)
    runs[0].send_signal(signal.SIGINT)
    errors = [run.communicate()[1] for run in runs]
    assert runs[0].returncode == 130 and " left\n" in errors[0], errors[0]
    assert runs[1].returncode == 2, errors[1]
    assert not [path for path in dataset.rglob(".*") if path.is_file()], "nothing half written is left"
    captures = [row["capture"] for row in rows(dataset, "captures")]
    assert sorted(captures) == [one.name for one in sources([str(folder)]).sources]


def test_what_a_dead_worker_was_writing_goes_with_its_run(tmp_path: Path) -> None:
    mine, other = (tmp_path / "faults" / f".x.parquet.{run}.0" for run in (RUN, RUN[::-1]))
    mine.parent.mkdir()
    for path in (mine, other):
        path.write_bytes(b"PAR1")
    Dataset(str(tmp_path), RUN).sweep()
    assert not mine.exists() and other.exists()


def test_captures_and_dataset_in_object_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: Shell) -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in (
            ("ENDPOINT_URL", f"http://{host}:{port}"),
            ("ACCESS_KEY_ID", "a"),
            ("DEFAULT_REGION", "us-east-1"),
        ):
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
        storage = __import__("fsspec").filesystem("s3")
        storage.mkdir("migrations")
        storage.put(str(NONE), "migrations/2026/none.pcap.zst")
        storage.pipe("migrations/2026/corrupt.pcap", NONE.read_bytes()[:9000])
        done = [dissect(one, "s3://migrations/dataset", RUN) for one in sources(["s3://migrations/2026"]).sources]
        assert [bool(one.problem) for one in done] == [True, False], done
        assert done[0].problem and "/dev/fd" not in done[0].problem and "s3://" in done[0].problem
        found = rows("s3://migrations/dataset", "faults")
        assert [row["pfn"] for row in found] == dissector.open(NONE).to_arrow("faults")["pfn"].to_pylist()
        assert {row["capture"] for row in found} == {"s3://migrations/2026/none.pcap.zst"}
        again = sources(["s3://migrations/2026/*"]).sources
        assert len(again) == 2 and not Dataset("s3://migrations/dataset").left(again), "nothing is to be done again"
        storage.put(str(SMALL), "migrations/2026/more.pcap.zst")
        words = ["fleet", "s3://migrations/2026", "-o", "s3://migrations/dataset", "--workers", "1"]
        assert "1 capture done" in (err := fleet(shell, words, 2)) and "2 done before (1 with a problem" in err
        lines = shell.lines("fleet", "report", "s3://migrations/dataset", "--sql", "select count(*) from migrations")
        assert lines[-1].strip() == str(2 + len(dissector.open(SMALL).analyze().migrations))
        parts = rotated(tmp_path / "set", NAMES["dumpcap"], packets_of(NONE))
        storage.put([str(path) for path in parts], "migrations/rotated/")
        (one,) = sources(["s3://migrations/rotated"]).sources
        assert dissect(one, str(tmp_path / "dataset"), RUN).problem is None
        (row,) = rows(tmp_path / "dataset", "captures")
        assert (row["packets"], len(row["joined"])) == (171, PARTS)
    finally:
        server.stop()


def test_report_and_questions(tmp_path: Path, shell: Shell) -> None:
    dataset = str(tmp_path / "dataset")
    for name in ("violations/none/none.pcap", "violations/unk_pfn/unk_pfn.pcap", "xen/pv-save/pv-save.img"):
        dissect(source(captures_in(OWN)[name]), dataset, RUN)
    lines = shell.lines("fleet", "report", dataset)
    assert [line for line in lines if line and line[0] != " "] == [
        "captures", "by day", "by hosts", "by guest", "by outcome and first error", "distributions", "outliers",
    ]  # fmt: skip
    assert any(re.match(r"  postcopy +completed +- +1", line) for line in lines)
    assert any(f"xenshark faults --slowest 5 {NONE}" in line for line in lines)
    (_, count) = shell.lines(
        "fleet", "report", dataset, "--sql", "select count(*) as n from faults where not in_flight"
    )
    expected = [fault for name in ("none", "unk_pfn") for fault in faults_of(name) if not fault.in_flight]
    assert int(count) == len(expected)
    assert "--sql:" in shell.complaint("fleet", "report", dataset, "--sql", "select nothing")
    assert "holds no dataset" in shell.complaint("fleet", "report", str(tmp_path))


def faults_of(name: str) -> Any:
    return dissector.open(captures_in(OWN)[f"violations/{name}/{name}.pcap"]).faults()


def test_what_is_asked_wrongly(tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    out = str(tmp_path / "dataset")
    assert "needs -o DATASET" in shell.complaint("fleet", str(NONE))
    assert "no captures in" in shell.complaint("fleet", str(tmp_path), "-o", out)
    assert "cannot list" in shell.complaint("fleet", str(tmp_path / "missing"), "-o", out)
    assert "cannot list" in shell.complaint("fleet", "nosuch://x", "-o", out)
    assert "cannot reach the scheduler" in shell.complaint(
        "fleet", str(NONE), "-o", out, "--scheduler", "tcp://127.0.0.1:9"
    )
    assert "not a number of workers" in shell.complaint("fleet", str(NONE), "-o", out, "--workers", "0")
    for missing in ("duckdb", "distributed"):
        monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, "dissector.fleet.questions", raising=False)
    assert "pip install 'xenshark[fleet]'" in shell.complaint("fleet", "report", out)
    assert "pip install 'xenshark[fleet]'" in shell.complaint("fleet", str(NONE), "-o", out)


def test_whatever_goes_wrong_in_a_worker_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_source: Source) -> Any:
        raise MemoryError

    monkeypatch.setattr(worker, "_tables", fails)
    assert dissect(source(NONE), str(tmp_path), RUN)[:2] == (source(NONE), "out of memory")
    (row,) = rows(tmp_path, "captures")
    assert (row["problem"], row["packets"]) == ("out of memory", None)
    assert parquet.read_schema(next((tmp_path / "captures").iterdir())).equals(CAPTURES)
    (tmp_path / "file").write_text("")
    assert "cannot write to" in str(dissect(source(NONE), str(tmp_path / "file"), RUN).problem)


def test_what_a_folder_and_a_pattern_name(tmp_path: Path) -> None:
    for name in ("a.pcap", "b.pcapng.gz", "sub/c.cap", "d.txt", "e.img.zst"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = [os.path.relpath(one.name, tmp_path) for one in sources([str(tmp_path), str(tmp_path / "a*")]).sources]
    assert found == ["a.pcap", "b.pcapng.gz", "e.img.zst", "sub/c.cap"]
    assert [one.name for one in sources([str(tmp_path / "d.txt")]).sources] == [str(tmp_path / "d.txt")]
    with pytest.raises(UserError, match="no captures"):
        sources([str(tmp_path / "*.nothing")])


def test_a_damaged_file_of_the_dataset_is_named(tmp_path: Path, shell: Shell) -> None:
    """With what mends it: then its capture is read again, and the dataset is what it was."""
    dataset = tmp_path / "dataset"
    dissect(source(NONE), str(dataset), RUN)
    whole = rows(dataset, "faults")
    for name in ("faults", "captures"):
        (path,) = (dataset / name).glob("*.parquet")
        path.write_bytes(path.read_bytes()[:-20])
        line = shell.complaint("fleet", "report", str(dataset))
        mend = re.search(r"remove (\S+), and fleet makes it again", line)
        assert f"{path} is damaged" in line and mend is not None
        Path(mend[1]).unlink()
        status, _, err = shell.run("fleet", str(NONE), "-o", str(dataset), "--workers", "1")
        assert status == 0 and "1 capture done" in err
        assert rows(dataset, "faults") == whole and len(rows(dataset, "captures")) == 1
    (path,) = (dataset / "captures").glob("*.parquet")
    path.write_bytes(b"")
    assert shell.run("fleet", str(NONE), "-o", str(dataset), "--workers", "1")[0] == 0, "what is damaged is done again"


def test_what_is_no_address_of_a_scheduler(tmp_path: Path) -> None:
    """One line, and nothing of what Dask says when it cannot close what was never open."""
    for address in ("garbage", "foo://x", "tcp://host"):
        words = [PYTHON, "-m", "dissector", "fleet", str(NONE), "-o", str(tmp_path / "d"), "--scheduler", address]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 2 and done.stderr.count("\n") == 1
        assert f"cannot reach the scheduler at {address}: " in done.stderr


def test_the_command_of_an_outlier_can_be_pasted(tmp_path: Path, shell: Shell) -> None:
    """Whatever the capture is called, and of however many files it is."""
    dataset, names = tmp_path / "dataset", ["it's \x1b[31m one", "tab\there"]
    for name in names:
        shutil.copy(NONE, tmp_path / name)
        dissect(source(tmp_path / name), str(dataset), RUN)
    rotated(tmp_path / "two words", NAMES["xenshark"], packets_of(NONE))
    assert read_into(dataset, tmp_path / "two words") == 1
    lines = shell.lines("fleet", "report", str(dataset))
    commands = {line[line.index("xenshark faults") :] for line in lines if "xenshark faults" in line}
    assert sum(command.count("x_0000") == PARTS for command in commands) == 1
    assert len(commands) == 3 and all(command.isprintable() for command in commands)
    for command in commands:
        words = command.replace("xenshark", f"{PYTHON} -m dissector")
        done = subprocess.run(["bash", "-c", words], capture_output=True, check=False)
        assert done.returncode == 0 and b"35 pfns" not in done.stderr and b"Migration 0" in done.stdout
