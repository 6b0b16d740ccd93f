"""Many inputs: rotated captures as one, folders, several files, and the exit status over all of them."""

from __future__ import annotations

import gzip
import json
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import talks
import zstandard
from capturing import PATIENCE, XENSHARK, require_root
from conftest import OWN, REPOSITORY
from shell import Shell
from talks import octets_of
from test_live import free_port, replay
from wire import Captured, pcap, pcapng

import dissector
from dissector.capture.opening import open_capture

pytest_plugins = ("shell",)

NETEM = OWN / "postcopy/c_netem/veth_rx.pcap.zst"
VIOLATION = OWN / "violations/unk_pfn/unk_pfn.pcap.zst"
TWO = OWN / "postcopy/d_concurrent/veth_rx.pcap.zst"
PARTS = 5

Name = Callable[[int, int], str]
"""What a program calls the file of a number, whose first packet is of a second since the epoch."""


def date(second: int, form: str) -> str:
    return time.strftime(form, time.gmtime(second))


# What programs call the files of a set, the first one as number 0.
NAMES: dict[str, Name] = {
    "dumpcap": lambda at, second: f"x_{at + 1:05}_{date(second, '%Y%m%d%H%M%S')}.pcapng",
    "dumpcap nametimenum:2": lambda at, second: f"x_{date(second, '%Y%m%d%H%M%S')}_{at + 1:05}.pcapng",
    "editcap": lambda at, second: f"x_{at:05}_{date(second, '%Y%m%d%H%M%S')}.pcap",
    "xenshark": lambda at, second: f"x_{at + 1:05}.pcapng",
    "tcpdump -C": lambda at, second: f"x.pcap{at or ''}",
    "tcpdump -W": lambda at, second: f"x.pcap{at}",
    "tcpdump -W 20": lambda at, second: f"x.pcap{at:02}",
    "tcpdump -G": lambda at, second: f"x-{date(second, '%F_%H:%M:%S')}.pcap",
    "tcpdump -G %s": lambda at, second: f"x-{second}.pcap",
    "tcpdump -z": lambda at, second: f"x.pcap{at}" + (".gz" if at < PARTS - 1 else ""),
    "zstd": lambda at, second: f"x_{at + 1:05}.pcapng.zst",
}


def packets_of(path: Path) -> list[Captured]:
    reader, found = open_capture(str(path)), []
    while (packet := reader.next_packet()) is not None:
        found.append(Captured(packet.time_ns, bytes(packet.octets), packet.length))
    return found


def rotated(folder: Path, name: Name, packets: Sequence[Captured], bounds: Sequence[int] | None = None) -> list[Path]:
    """Packets in PARTS files, cut wherever a rotation would: in the middle of records and of phases."""
    folder.mkdir(exist_ok=True)
    bounds = bounds or [len(packets) * at // PARTS for at in range(PARTS + 1)]
    paths = []
    for at, (start, end) in enumerate(pairwise(bounds)):
        # Dates in names have to differ, as those of files that are a second long do.
        second = packets[0].time_ns // 10**9 + at
        path = folder / name(at, second)
        octets = (pcapng if ".pcapng" in path.name else pcap)(packets[start:end])
        if path.suffix == ".gz":
            octets = gzip.compress(octets)
        elif path.suffix == ".zst":
            octets = zstandard.compress(octets)
        path.write_bytes(octets)
        paths.append(path)
    return paths


def analyses(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


@pytest.fixture(scope="module")
def netem() -> list[Captured]:
    return packets_of(NETEM)


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    found = dissector.to_json(dissector.open(NETEM).analyze())
    assert isinstance(found, dict)
    return found


# --- sets that are joined ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", NAMES)
def test_a_rotated_capture_is_one(
    program: str, shell: Shell, tmp_path: Path, netem: list[Captured], whole: dict[str, Any]
) -> None:
    """The same migration to the last key, frames included; whatever the order in which the files are named."""
    paths = rotated(tmp_path / "set", NAMES[program], netem)
    for words in ([str(tmp_path / "set")], [*map(str, reversed(paths))]):
        status, out, err = shell.run("analyze", "--json", *words)
        assert status == 0 and "read as one capture" in err and "(5 files" in err
        (found,) = analyses(out) if len(words) > 1 else analyses(json.dumps(json.loads(out)))
        assert found["migrations"] == whole["migrations"]
        assert found["source"]["joined"] == [str(path) for path in paths]
        assert found["source"]["packets"] == whole["source"]["packets"]
        assert found["source"]["first_time"] == whole["source"]["first_time"]
        assert found["source"]["last_time"] == whole["source"]["last_time"]


@pytest.mark.parametrize(
    "words",
    [
        ("read", "-V"),
        ("read", "--at", "40", "-x", "-C", "2"),
        ("read", "--json"),
        ("check", "--format", "concise", "--all"),
        ("faults",),
        ("guest",),
        ("plot", "ecdf", "-o", "-"),
    ],
)
def test_every_command_takes_a_rotated_capture(
    words: tuple[str, ...], shell: Shell, tmp_path: Path, netem: list[Captured]
) -> None:
    """And says of it what it says of the whole file."""
    file = shell.file(pcap(netem), "whole.pcap")
    paths = rotated(tmp_path / "set", NAMES["tcpdump -W"], netem)
    status, expected, _ = shell.run(*words, file)
    for given in ([str(tmp_path / "set")], [*map(str, paths)]):
        done, out, err = shell.run(*words, *given)
        assert done == status and "read as one capture" in err
        assert out.replace(str(paths[0]), file) == expected


def test_commands_that_write_take_a_rotated_capture(shell: Shell, tmp_path: Path, netem: list[Captured]) -> None:
    folder, out = tmp_path / "set", str(tmp_path / "one.pcapng")
    paths = rotated(folder, NAMES["dumpcap"], netem)
    status, said, err = shell.run("extract", str(folder), "-w", out)
    assert status == 0 and "(5 files" in err and f"migration 0 of {paths[0]} to {paths[-1]}" in said
    assert (
        analyses(json.dumps(dissector.to_json(dissector.open(out).analyze())))[0]["migrations"][0]["findings"]
        == (dissector.to_json(dissector.open(NETEM).analyze())["migrations"][0]["findings"])
    )
    status, _, err = shell.run("export", str(folder), "--table", "captures", "--format", "jsonl", "-o", str(tmp_path))
    (row,) = analyses((tmp_path / "captures.jsonl").read_text())
    assert status == 0 and row["capture"] == str(paths[0]) and row["joined"] == [str(path) for path in paths]
    status, _, err = shell.run("diff", str(folder), str(NETEM), "--only", "cpuid,traffic")
    assert (status, "read as one capture" in err) == (0, True)
    status, _, _ = shell.run("report", str(folder), str(NETEM), "-o", str(tmp_path / "page.html"))
    assert status == 0 and (tmp_path / "page.html").stat().st_size > 100_000
    # Samples over time are taken every few packets, and where one file ends: their sums are the same.
    (one,), (other,) = (analyses(shell.run("report", "--json", str(given))[1]) for given in (folder, NETEM))
    assert sum(one["forward"]["octets"]) == sum(other["forward"]["octets"])
    status, said, err = shell.run("replay", "--speed", "max", str(folder))
    assert status == 0 and "read as one capture" in err and "15.3 MB from the source" in said


def test_the_command_that_a_finding_prints_opens_it(shell: Shell, tmp_path: Path) -> None:
    """Of a rotated capture all files stand in it, whatever their names."""
    for name in ("x.pcap{}", "a b\x1b'{}"):
        folder = tmp_path / name[:1]
        paths = rotated(folder, lambda at, second, name=name: name.format(at), packets_of(VIOLATION))  # type: ignore[misc]
        join = ["--join"] if "'" in name else []
        _, out, _ = shell.run("check", *join, *map(str, paths))
        (command,) = [line.partition("= ")[2] for line in out.splitlines() if "= xenshark read --at finding:1 " in line]
        done = subprocess.run(
            ["bash", "-c", command.replace("xenshark", " ".join(XENSHARK))],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 and "POSTCOPY_PAGE_DATA   64 pfns 0x81-0x16c" in done.stdout


def test_a_ring_that_was_written_over(
    shell: Shell, tmp_path: Path, netem: list[Captured], whole: dict[str, Any]
) -> None:
    """tcpdump -W begins again with number 0: the oldest file is in the middle."""
    paths = rotated(tmp_path / "set", lambda at, second: f"x.pcap{(at + 2) % PARTS}", netem)
    status, out, _ = shell.run("analyze", "--json", *sorted(map(str, paths)))
    (found,) = analyses(out)
    assert status == 0 and found["migrations"] == whole["migrations"]
    assert found["source"]["joined"] == list(map(str, paths))


def test_a_missing_file_is_said(shell: Shell, tmp_path: Path, netem: list[Captured]) -> None:
    paths = rotated(tmp_path / "set", NAMES["dumpcap"], netem)
    for gone, says in (((2,), "number 3 is missing"), ((1, 2), "numbers 2 to 3 are missing")):
        left = [str(path) for at, path in enumerate(paths) if at not in gone]
        status, out, err = shell.run("analyze", "--json", *left)
        (found,) = analyses(out)
        assert status == 0 and says in err and found["source"]["joined"] == left
        assert found["migrations"][0]["gaps"]
        joined = shell.run("analyze", "--json", "--join", *left[::-1])
        assert joined[0] == 0 and analyses(joined[1])[0]["source"]["joined"] == left
        assert says in joined[2] and says not in shell.run("analyze", "--json", "--no-join", *left)[2]


def test_a_damaged_file_among_them(shell: Shell, tmp_path: Path, netem: list[Captured]) -> None:
    """What is lost is lost; the others are read, and the exit status says that not all is well."""
    paths = rotated(tmp_path / "set", NAMES["tcpdump -C"], netem)
    paths[2].write_bytes(paths[2].read_bytes()[:100_000])
    status, out, err = shell.run("analyze", "--json", *map(str, paths))
    (found,) = analyses(out)
    assert status == 2 and f"{paths[2]}: the file ends in the middle of packet" in err
    assert found["migrations"][0]["outcome"] == "completed" and len(found["source"]["joined"]) == PARTS
    paths[3].write_bytes(b"")
    status, out, err = shell.run("analyze", "--json", *map(str, paths))
    assert status == 2 and f"{paths[3]} is empty" in err and "number 3 is missing" in err


# --- sets that are not ------------------------------------------------------------------------------------------


def moved(packets: Sequence[Captured], seconds: float) -> list[Captured]:
    return [one._replace(time_ns=one.time_ns + int(seconds * 10**9)) for one in packets]


@pytest.mark.parametrize("program", NAMES)
@pytest.mark.parametrize(("seconds", "says"), [(-1.5, ""), (0.0, "does not go on"), (0.7, "does not go on")])
def test_captures_of_the_same_time_are_apart(
    program: str, seconds: float, says: str, shell: Shell, tmp_path: Path, netem: list[Captured]
) -> None:
    """Two captures of one migration, on two hosts or interfaces, that have the names of a set."""
    paths = [tmp_path / NAMES[program](at, 1764158400 + at).removesuffix(".gz").removesuffix(".zst") for at in (0, 1)]
    for path, packets in zip(paths, (netem, moved(netem, seconds)), strict=True):
        path.write_bytes(pcap(packets))
    status, out, err = shell.run("analyze", "--json", *map(str, paths))
    assert status == 0 and says in err and "read as one" not in err
    assert [one["migrations"][0]["outcome"] for one in analyses(out)] == ["completed"] * 2
    assert [one["source"]["joined"] for one in analyses(out)] == [[], []]


@pytest.mark.parametrize(
    ("program", "joined", "apart"),
    [("tcpdump -G", 0.5, 2), ("tcpdump -G %s", 0.5, 2), ("xenshark", 100, 130), ("dumpcap", 1e5, None)],
)
def test_how_long_may_pass_between_two(
    program: str, joined: float, apart: float | None, shell: Shell, tmp_path: Path, netem: list[Captured]
) -> None:
    """A date alone, which any capture may have in its name, proves little; a number more."""
    half = len(netem) // 2
    paths = [tmp_path / NAMES[program](at, 1764158400 + at) for at in (0, 1)]
    for seconds in filter(None, (joined, apart)):
        for path, packets in zip(paths, (netem[:half], moved(netem[half:], seconds)), strict=True):
            path.write_bytes(pcap(packets))
        status, out, err = shell.run("analyze", "--json", *map(str, paths))
        assert status == 0 and len(analyses(out)) == (1 if seconds == joined else 2)
        assert ("read as one capture" in err) == (seconds == joined)
        assert ("does not go on" in err) == (seconds == apart)


def test_numbers_that_go_up_in_no_order(shell: Shell, tmp_path: Path, netem: list[Captured]) -> None:
    paths = rotated(tmp_path / "set", lambda at, second: f"x.pcap{(3, 1, 4, 0, 2)[at]}", netem)
    _, out, err = shell.run("analyze", *map(str, paths))
    assert "times do not go up with their numbers" in err and "read as one" not in err and out.count("outcome") == PARTS
    shutil.copy(paths[0], tmp_path / "set/x.pcap3.gz")
    assert "their names say the same" in shell.run("analyze", str(tmp_path / "set"))[2]


def test_an_older_set_that_was_written_over_in_part(shell: Shell, tmp_path: Path, netem: list[Captured]) -> None:
    """`live -w x.pcapng --rotate-size` a second time: new files with low numbers, old ones with high numbers."""
    bounds = [len(netem) * at // 4 for at in range(5)]
    old = rotated(tmp_path / "set", NAMES["xenshark"], moved(netem, -60), bounds)
    new = rotated(tmp_path / "set", NAMES["xenshark"], netem, [bounds[0], bounds[2], bounds[4]])
    _, out, _ = shell.run("analyze", "--json", *map(str, old))
    assert [one["source"]["joined"] for one in analyses(out)] == [[*map(str, old[2:])], [*map(str, new)]]


def test_join_and_no_join(shell: Shell, tmp_path: Path, netem: list[Captured], whole: dict[str, Any]) -> None:
    odd = rotated(tmp_path / "odd", lambda at, second: "dbeca"[at], netem)
    _, out, err = shell.run("analyze", "--json", *map(str, odd))
    assert len(analyses(out)) == PARTS and "read as one" not in err
    status, out, err = shell.run("analyze", "--json", "--join", *map(str, odd))
    (found,) = analyses(out)
    assert status == 0 and found["migrations"] == whole["migrations"] and found["source"]["joined"] == [*map(str, odd)]
    paths = rotated(tmp_path / "set", NAMES["dumpcap"], netem)
    _, out, err = shell.run("analyze", "--json", "--no-join", *map(str, paths))
    assert (len(analyses(out)), err) == (PARTS, "")


def test_what_cannot_be_joined(shell: Shell, tmp_path: Path) -> None:
    image = shell.file(octets_of(talks.precopy()), "x.img")
    assert "only packets can be read on" in shell.complaint("analyze", "--join", str(NETEM), image)
    assert "standard input can be read once only" in shell.complaint("analyze", "--join", "-", str(NETEM))
    assert "No such file" in shell.complaint("analyze", "--join", str(NETEM), str(tmp_path / "none"))
    status, out, err = shell.run("analyze", "--join", str(NETEM), shell.file(NETEM.read_bytes(), "copy"))
    assert status == 2 and "does not go on where" in err and out.count("outcome") == 2
    assert "not allowed with" in shell.complaint("analyze", "--join", "--no-join", str(NETEM))


@pytest.mark.parametrize("words", [("plot", "ecdf", "-o", "-"), ("extract", "-w", "out"), ("replay",)])
def test_one_capture_is_taken(words: tuple[str, ...], shell: Shell, tmp_path: Path) -> None:
    copy = shell.file(NETEM.read_bytes(), "copy")
    given = [word if word != "out" else str(tmp_path / "out") for word in words]
    assert f"{words[0]} takes one capture, and these are 2" in shell.complaint(*given, str(NETEM), str(VIOLATION))
    assert "does not go on where" in shell.complaint(*given, "--join", str(NETEM), copy)
    assert not (tmp_path / "out").exists()


# --- several captures, and folders ------------------------------------------------------------------------------


def test_each_of_several_is_answered(shell: Shell, tmp_path: Path) -> None:
    """In every command, with the exit status of the worst."""
    bad = shell.file(b"no capture at all", "bad")
    for words, twice in (
        (("analyze",), "outcome"),
        (("read", "--type", "POSTCOPY_BEGIN"), "POSTCOPY_BEGIN"),
        (("faults",), "unanswered"),
        (("guest",), "guest"),
    ):
        status, out, err = shell.run(*words, str(NETEM), bad, str(tmp_path / "none"), str(VIOLATION))
        assert status == 2 and f"{bad} is neither" in err and "No such file" in err
        assert out.count(twice) >= 2 and out.index(str(NETEM)) < out.index(str(VIOLATION))
    assert shell.run("check", str(VIOLATION), str(NETEM))[0] == 1
    assert shell.run("check", str(VIOLATION), bad)[0] == 2
    assert shell.run("check", str(NETEM), str(NETEM))[0] == 0
    status, _, err = shell.run("report", bad, str(NETEM), "-o", str(tmp_path / "page.html"))
    assert status == 2 and f"{bad} is neither" in err and (tmp_path / "page.html").exists()


def test_what_is_not_read_has_no_title(shell: Shell) -> None:
    bad = shell.file(b"no capture at all", "bad")
    for command in ("read", "faults", "guest"):
        status, out, _ = shell.run(command, bad, str(NETEM), bad, str(VIOLATION), bad)
        titles = [line for line in out.splitlines() if line.startswith("==> ")]
        assert (status, titles) == (2, [f"==> {path} <==" for path in (NETEM, VIOLATION)])
        assert out.startswith(titles[0]) and f"\n\n{titles[1]}" in out and not out.endswith("\n\n")
        assert shell.run(command, bad)[:2] == (2, "")
    alone = [shell.run("analyze", str(path))[1] for path in (NETEM, VIOLATION)]
    assert shell.run("analyze", bad, str(NETEM), bad, str(VIOLATION), bad)[1] == "\n".join(alone)


def test_titles_are_those_of_head(shell: Shell) -> None:
    _, out, _ = shell.run("faults", str(NETEM), str(VIOLATION))
    first, second = (f"==> {path} <==\n" for path in (NETEM, VIOLATION))
    assert out.startswith(first) and f"\n\n{second}" in out
    assert "==>" not in shell.run("faults", str(NETEM))[1]


def test_lines_of_json_say_which_file(shell: Shell) -> None:
    for words in (("read", "--json"), ("faults", "--json"), ("guest", "--json"), ("report", "--json")):
        _, out, _ = shell.run(*words, str(NETEM), str(VIOLATION))
        files = [json.loads(line)["file"] for line in out.splitlines()]
        assert {*files} == {str(NETEM), str(VIOLATION)} and files == sorted(files)


def test_a_folder(shell: Shell, tmp_path: Path) -> None:
    """The captures in it and below it, whatever they are called, in order; but for what is hidden."""
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    shutil.copy(VIOLATION, folder / "below/one.pcap.zst")
    shutil.copy(NETEM, folder / "z")
    (folder / "image").write_bytes(octets_of(talks.precopy()))
    for name in (".hidden/three.pcap.zst", ".four"):
        shutil.copy(NETEM, folder / name)
    (folder / "README.md").write_text("text")
    (folder / "below/noise").write_bytes(os.urandom(1 << 21))
    status, out, err = shell.run("analyze", "--json", str(folder))
    names = [Path(one["source"]["file"]).name for one in analyses(out)]
    assert (status, names) == (0, ["one.pcap.zst", "image", "z"])
    others = f"{folder / 'README.md'}, {folder / 'below/noise'}"
    assert err == f"xenshark: {folder}: not read, as no captures: {others}\n"
    assert shell.run(str(folder))[0] == 0, "a folder alone is analyzed"
    assert shell.run("check", str(folder))[0] == 1
    (folder / "empty.pcap").write_bytes(b"")
    assert shell.run("analyze", str(folder))[0] == 2


def test_a_folder_without_captures(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")
    assert shell.complaint("analyze", str(tmp_path)) == f"xenshark: no captures in {tmp_path}\n"
    for words in (("extract", "-w", str(tmp_path / "out")), ("diff", str(NETEM))):
        assert shell.complaint(*words, str(tmp_path)) == f"xenshark: no captures in {tmp_path}\n"


@pytest.mark.parametrize(
    "words",
    ["analyze", "read", "check", "faults", "guest", "report -o {}/page", "export --format csv -o {}/t", "crosscheck"],
)
def test_a_folder_without_captures_among_others(words: str, shell: Shell, tmp_path: Path) -> None:
    """Keeps nobody from an answer."""
    (empty := tmp_path / "empty").mkdir()
    status, out, err = shell.run(*words.format(tmp_path).split(), str(empty), str(NETEM))
    assert (status, err) == (2, f"xenshark: no captures in {empty}\n")
    assert out.count("\n") > 1 or (tmp_path / "page").exists() or (tmp_path / "t/captures.csv").exists()


def test_a_folder_that_cannot_be_read_among_others(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, so that what lists folders fails here."""
    below = tmp_path / "below"
    below.mkdir()
    shutil.copy(NETEM, tmp_path / "one.pcap.zst")
    listing = os.scandir

    def scandir(path: str) -> Any:
        if Path(path) == below:
            raise PermissionError(13, "Permission denied", str(path))
        return listing(path)

    monkeypatch.setattr(os, "scandir", scandir)
    status, out, err = shell.run("analyze", str(tmp_path))
    assert (status, err) == (2, f"xenshark: cannot read {below}: Permission denied\n") and "outcome" in out
    assert "cannot read" in shell.complaint("analyze", "--join", str(tmp_path))


def test_several_files_are_one_for_a_program(tmp_path: Path, netem: list[Captured], whole: dict[str, Any]) -> None:
    paths = rotated(tmp_path / "set", lambda at, second: "dbeca"[at], netem)
    capture = dissector.open(*sorted(paths))
    assert dissector.to_json(capture.analyze())["migrations"] == whole["migrations"]
    assert capture.problem is None and capture.joined == tuple(map(str, paths))
    shutil.copy(NETEM, tmp_path / "copy")
    apart = dissector.open(NETEM, tmp_path / "copy")
    assert len(apart.analyze().migrations) == 1 and "does not go on where" in (apart.problem or "")


def test_formats_may_change_from_file_to_file(
    shell: Shell, tmp_path: Path, netem: list[Captured], whole: dict[str, Any]
) -> None:
    """pcap of both byte orders and resolutions, pcapng, two link types."""
    cuts = [len(netem) * at // 4 for at in range(5)]
    parts = [netem[start:end] for start, end in pairwise(cuts)]
    for part, file in zip(
        parts,
        (
            pcap(parts[0]),
            pcap(parts[1], order=">", nanoseconds=True),
            pcapng(parts[2]),
            pcap([one._replace(octets=one.octets[14:], length=one.length - 14) for one in parts[3]], link=101),
        ),
        strict=True,
    ):
        (tmp_path / f"x.pcap{parts.index(part)}").write_bytes(file)
    status, out, _ = shell.run("analyze", "--json", *map(str, sorted(tmp_path.glob("x.pcap*"))))
    (found,) = analyses(out)
    assert status == 0 and found["migrations"] == whole["migrations"]


# --- what programs really write ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (("editcap", "-c", "4000", "{file}", "{folder}/x.pcap"), 4),
        (("tcpdump", "-Z", "root", "-r", "{file}", "-w", "{folder}/x.pcap", "-C", "4"), 5),
        (("tcpdump", "-Z", "root", "-r", "{file}", "-w", "{folder}/x.pcap", "-C", "3", "-W", "10"), 6),
        (("tcpdump", "-Z", "root", "-r", "{file}", "-w", "{folder}/x.pcap", "-C", "3", "-W", "100", "-z", "gzip"), 6),
    ],
)
def test_files_that_programs_divide(
    words: tuple[str, ...], count: int, shell: Shell, tmp_path: Path, netem: list[Captured], whole: dict[str, Any]
) -> None:
    require_root()
    file = shell.file(pcap(netem), "whole.pcap")
    folder = tmp_path / "set"
    folder.mkdir()
    done = [word.format(file=file, folder=folder) for word in words]
    subprocess.run(done, check=True, capture_output=True, timeout=PATIENCE)
    deadline = time.monotonic() + PATIENCE  # of the gzip that tcpdump does not wait for
    while "gzip" in words and len([*folder.glob("*.gz")]) < count - 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    status, out, _ = shell.run("analyze", "--json", str(folder))
    found = json.loads(out)
    assert status == 0 and found["migrations"] == whole["migrations"] and len(found["source"]["joined"]) == count


@pytest.mark.parametrize(
    "words",
    [
        ("dumpcap", "-i", "lo", "-f", "{filter}", "-b", "filesize:3000", "-w", "{folder}/x.pcapng"),
        ("dumpcap", "-i", "lo", "-f", "{filter}", "-b", "duration:1", "-b", "nametimenum:2", "-w", "{folder}/x.pcapng"),
        ("tcpdump", "-Z", "root", "-B", "65536", "-i", "lo", "-G", "1", "-w", "{folder}/%Y%m%d%H%M%S.pcap", "{filter}"),
        (*XENSHARK, "live", "-i", "lo", "-f", "{filter}", "--rotate-size", "3", "-w", "{folder}/x.pcapng"),
    ],
)
def test_what_programs_write_while_they_rotate(words: tuple[str, ...], shell: Shell, tmp_path: Path) -> None:
    """A real migration on loopback, at its own speed."""
    require_root()
    port, folder = free_port(), tmp_path / "set"
    folder.mkdir(mode=0o777)
    given = [word.format(filter=f"tcp port {port}", folder=folder) for word in words]
    with subprocess.Popen(given, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(3)  # they do not all say when they have begun
        replay(NETEM, port, speed="1")
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
    status, out, err = shell.run("analyze", "--json", str(folder))
    found = json.loads(out)
    assert status == 0 and "read as one capture" in err and len(found["source"]["joined"]) > 1, err
    (migration,) = found["migrations"]
    assert migration["outcome"] == "completed" and migration["bytes"] == {"forward": 15_337_938, "reverse": 928}


# --- inputs that are none ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom"])
def test_an_input_without_end_is_refused(device: str, shell: Shell) -> None:
    assert "is neither a capture (pcap, pcapng) nor a migration stream, as far as its first" in (
        shell.complaint("analyze", device)
    )


LIMIT = 1 << 28
"""Octets that a file of a command under test may have: it takes no disk with it."""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("crosscheck {}", "{} is no capture (pcap, pcapng)"),
        ("extract {} -w {out}", "{} is no regular file"),
        ("replay {}", "{} is no regular file"),
        ("view {}", "{} is no regular file"),
        ("guest --symbols {} {netem}", "cannot read {}: it has more than"),
        ("export {} -o {out}", "{} is neither a capture (pcap, pcapng) nor a migration stream"),
        ("report {} -o {out}", "{} is neither a capture (pcap, pcapng) nor a migration stream"),
    ],
)
def test_nothing_without_end_is_copied(words: str, says: str, tmp_path: Path) -> None:
    given = words.format("/dev/zero", out=tmp_path / "out", netem=NETEM).split()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))

    done = subprocess.run([*XENSHARK, *given], capture_output=True, text=True, timeout=PATIENCE, preexec_fn=limit)
    assert (done.returncode, done.stdout) == (2, "") and says.format("/dev/zero") in done.stderr, done.stderr


def test_a_pipe_is_read_once(shell: Shell, tmp_path: Path) -> None:
    """extract and replay say so at once, though nobody writes into it; check reads it and says what it cannot show."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for words in (("extract", "-w", str(tmp_path / "out")), ("replay",)):
        assert "is no regular file and cannot be taken by" in shell.complaint(*words, str(pipe))
    thread = Thread(target=pipe.write_bytes, args=(VIOLATION.read_bytes(),))
    thread.start()
    status, out, err = shell.run("check", str(pipe))
    thread.join(PATIENCE)
    assert (status, err) == (1, "") and f"({pipe} can be read once: no records and octets are shown)" in out


def test_keys_that_cannot_be_read_are_said(shell: Shell, tmp_path: Path) -> None:
    """Whether there is anything that they open or not."""
    commands = ["analyze", "read", "check", "faults", "guest", "report", "plot ecdf", "export --format csv"]
    for words in map(str.split, commands):
        given = {"report": "page.html", "plot": "-", "export": "tables"}.get(words[0])
        output = ["-o", given if given == "-" else str(tmp_path / given)] if given else []
        status, _, err = shell.run(*words, str(NETEM), "--keylog", str(tmp_path / "none"), *output)
        assert status == 2 and f"cannot read {tmp_path / 'none'}: No such file" in err, words
    assert "cannot read" in shell.complaint("diff", str(NETEM), str(NETEM), "--keylog", str(tmp_path / "none"))


def test_what_could_not_be_read_was_not_found_to_be_well(shell: Shell, tmp_path: Path) -> None:
    """No tally of 0 errors stands behind a file that could not be read, unless another one was."""
    for form in ("full", "concise"):
        status, out, err = shell.run("check", "--format", form, str(tmp_path / "none"))
        assert (status, out, err.count("\n")) == (2, "", 1)
    assert shell.run("check", str(tmp_path / "none"), str(NETEM))[1].endswith("0 errors, 0 warnings, 1 note\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("extract", "{cut}", "-w", "{out}"), "what was captured until then was extracted"),
        (("extract", "{cut}", "-w", "{out}", "--octets", "reverse"), "what was captured until then was extracted"),
        (("diff", "{cut}", "{netem}", "--only", "cpuid"), "what was read until then is compared"),
        (("replay", "{cut}", "--speed", "max"), "what was captured until then is played"),
    ],
)
def test_a_capture_whose_end_is_cut(words: tuple[str, ...], says: str, shell: Shell, tmp_path: Path) -> None:
    """Is taken as far as it goes, as by analyze, with the same exit status."""
    octets = zstandard.decompress(NETEM.read_bytes(), max_output_size=1 << 30)
    cut, out = shell.file(octets[:-3], "cut.pcap"), tmp_path / "out"
    status, printed, err = shell.run(*(word.format(cut=cut, netem=NETEM, out=out) for word in words))
    assert status == 2 and says in err and "the file ends in the middle of packet" in err and printed
    if "--octets" not in words and words[0] == "extract":
        (migration,) = dissector.open(out).analyze().migrations
        assert migration.outcome == "completed"
