"""Metrics and the log of a host that is watched: what they say, and that they stay small whatever passes by."""

from __future__ import annotations

import gc
import itertools
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tracemalloc
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import schemas
from conftest import OWN, captures_in
from happened import Story
from prometheus_client.parser import text_string_to_metric_families
from shell import Shell

import dissector
from dissector.cli import live as command
from dissector.events import Event
from dissector.fleet import log as fleet_log
from dissector.fleet.dataset import Dataset
from dissector.fleet.log import Appended, LoggedTable
from dissector.integrations import prometheus
from dissector.integrations.prometheus import metrics
from dissector.integrations.prometheus.metrics import LABELS_MAX, NAME_MAX, OTHER, Histogram, Metrics
from dissector.library import Input
from dissector.monitor import Monitor, Notice
from dissector.recording import log
from dissector.recording.log import Dated, Lines, Log, Logged
from dissector.results.source import SourceResult
from dissector.rules.registry import RULES
from dissector.units import NS

pytest_plugins = ("shell",)

SAMPLES = {name: path for name, path in captures_in(OWN).items() if name.endswith(".pcap")}
NETEM = SAMPLES["postcopy/c_netem/veth_rx.pcap"]
CONCURRENT = SAMPLES["postcopy/d_concurrent/veth_rx.pcap"]
SEVERAL = [NETEM, SAMPLES["violations/unk_pfn/unk_pfn.pcap"], CONCURRENT]
NOBODY = SourceResult(
    file="lo", format="pcap", packets=7, bytes=900, first_time=None, last_time=None, cut_packets=0, dropped_packets=2
)


@pytest.fixture
def served() -> Iterator[Metrics]:
    found = Metrics("127.0.0.1", 0, "eth0\n", "1.2")
    yield found
    found.close()


def scraped(served: Metrics) -> dict[str, dict[tuple[str, ...], float]]:
    """Every sample by its name and the values of its labels, those in the order of their names."""
    text = page(served)
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for one in samples:
        labels = tuple(value for _, value in sorted(one.labels.items()))
        assert labels not in found.setdefault(one.name, {}), "a series that is there twice"
        found[one.name][labels] = one.value
    return found


def page(served: Metrics) -> str:
    with urlopen(f"http://127.0.0.1:{served.port}/metrics") as answer:
        return str(answer.read().decode())


def test_metrics_are_at_one_place(served: Metrics) -> None:
    with pytest.raises(HTTPError) as error:
        urlopen(f"http://127.0.0.1:{served.port}/metric")
    assert (error.value.code, error.value.read()) == (404, b"nothing is here: metrics are at /metrics\n")
    with urlopen(f"http://127.0.0.1:{served.port}/") as answer:
        assert b"xenshark_capturing" in answer.read()


def watch(path: Path, *services: Any, at_most: int | None = None) -> Monitor:
    """A capture as `live` has it, looked at now and then."""
    capture: Input = dissector.open(path)
    monitor = Monitor(to_all(services))
    for service in services:
        service.begin("tcpdump")
    witnesses, seen = [one.witness for one in services if one.witness is not None], itertools.count()

    def take(event: Event) -> None:
        number = next(seen)
        if at_most is not None and number >= at_most:
            return
        for witness in witnesses:
            witness.take(event)
        monitor.add(event)
        if number % 20 == 0:
            look(monitor, services, number * NS, capture.source)

    # As the command does, whose engine takes no samples that nobody wants.
    capture.read(take, sample=witnesses[0].sample if witnesses else None)
    if at_most is None:
        monitor.finish()
    look(monitor, services, 10**6 * NS, capture.source)
    return monitor


def to_all(services: Any) -> Callable[[Notice], None]:
    def notify(notice: Notice) -> None:
        for service in services:
            service.notify(notice)

    return notify


def look(monitor: Monitor, services: Any, now: int, source: SourceResult = NOBODY, more: bool = True) -> None:
    snapshots = monitor.snapshots(now, more)
    for service in services:
        service.look(snapshots, monitor, source)


# --- metrics -------------------------------------------------------------------------------------------------


def test_counters_are_what_analyze_says_of_all_captures(served: Metrics) -> None:
    wanted = dict.fromkeys(("forward", "reverse", "pages", "asked", "answered", "flying", "lost"), 0)
    findings: dict[tuple[str, ...], int] = {}
    outcomes: dict[tuple[str, ...], int] = {}
    latencies, packets = [], 0
    for path in SEVERAL:
        watch(path, served)
        served.end()
        capture = dissector.open(path)
        latencies += [one.latency for one in capture.faults() if one.latency is not None and not one.in_flight]
        for one in capture.analyze().migrations:
            wanted["forward"] += one.bytes.forward
            wanted["reverse"] += one.bytes.reverse
            wanted["pages"] += one.pages.data_pages
            wanted["lost"] += sum(gap.length for gap in one.gaps)
            outcomes[one.kind, one.outcome] = outcomes.get((one.kind, one.outcome), 0) + 1
            if one.postcopy is not None:
                for name, value in (("pages", "pages"), ("asked", "faulted_pfns"), ("answered", "answered")):
                    wanted[name] += getattr(one.postcopy, value)
                wanted["flying"] += one.postcopy.in_flight
            for finding in one.findings:
                if not RULES[finding.rule].on_request:
                    findings[finding.rule, finding.severity] = findings.get((finding.rule, finding.severity), 0) + 1
        packets += capture.source.packets
    found = scraped(served)
    named = {
        "forward_bytes": "forward", "reverse_bytes": "reverse", "pages": "pages", "not_captured_bytes": "lost",
        "faulted_pages": "asked", "answered_pages": "answered", "in_flight_pages": "flying",
    }  # fmt: skip
    for metric, name in named.items():
        assert found[f"xenshark_{metric}_total"] == {(): wanted[name]}, name
    assert found["xenshark_findings_total"] == findings and findings
    assert found["xenshark_migrations_total"] == outcomes
    assert found["xenshark_captures_total"] == {(): 3} and found["xenshark_packets_total"] == {(): packets}
    assert found["xenshark_fault_latency_seconds_count"] == {(): len(latencies)}
    assert found["xenshark_fault_latency_seconds_sum"][()] == pytest.approx(sum(latencies))
    for (bound,), count in found["xenshark_fault_latency_seconds_bucket"].items():
        assert count == sum(latency <= float(bound) for latency in latencies)
    assert found["xenshark_capturing"] == {(): 0} and "xenshark_migration_phase" not in found


def test_a_migration_that_goes_on_has_its_names(served: Metrics) -> None:
    monitor = watch(NETEM, served, at_most=400)
    (snapshot,) = monitor.snapshots(10**6 * NS, True)
    found = scraped(served)
    names = ("10.77.0.2", "guest1", "10.77.0.1")
    assert found["xenshark_migration_phase"] == {(names[0], names[1], snapshot.phases[-1][0], names[2]): 1}
    assert found["xenshark_migration_pages"] == {names: snapshot.pages}
    assert found["xenshark_migration_outstanding_pages"] == {names: snapshot.outstanding}
    assert found["xenshark_migration_dirty_pages_per_second"] == {names: snapshot.dirty_rate}
    (first, _) = dissector.open(NETEM).analyze().migrations[0].iterations
    assert snapshot.dirty_rate == first.dirty_pages_per_second
    assert found["xenshark_capture_info"] == {("eth0\\n", "tcpdump", "1.2"): 1}


def test_a_bucket_holds_what_is_as_long_as_its_bound() -> None:
    histogram = Histogram((1.0, 2.0))
    for seconds in (0.5, 1.0, 1.5, 2.0, 9.0):
        histogram.add(seconds)
    assert histogram.buckets() == [("1.0", 2), ("2.0", 4), ("+Inf", 5)] and histogram.sum == 14


HOSTILE = ['"', "\\", "\n", "\u202e", "\ud800", "a" * 10_000, "{}", 'x"} 1\nevil_metric 9', "\x1b[2J"]


def test_whatever_guests_are_called_the_series_are_few(served: Metrics) -> None:
    """More guests than there can be, some with names that are meant to break out of a label."""
    monitor = watch(NETEM, served, at_most=200)
    (snapshot,) = monitor.snapshots(10**6 * NS, True)
    several = [*HOSTILE, *(f"guest {number}" for number in range(3 * LABELS_MAX))]
    for start in range(0, len(several), 50):
        snapshots = [snapshot._replace(name=name) for name in several[start : start + 50]]
        served.look(snapshots, monitor, NOBODY)
        text = page(served)
        assert "evil_metric 9" not in text.splitlines()
        found = scraped(served)
        assert sum(found["xenshark_migration_phase"].values()) == len(snapshots)
        names = {names[1] for names in found["xenshark_migration_pages"]}
        assert all(len(name) <= NAME_MAX and name.isprintable() for name in names)
    served.look([snapshot._replace(name=name) for name in several], monitor, NOBODY)
    found = scraped(served)
    assert all(len(series) <= LABELS_MAX + 1 for series in found.values())
    assert found["xenshark_migration_pages"][OTHER[1], OTHER[0], OTHER[2]] > snapshot.pages


def test_promtool_is_content(served: Metrics) -> None:
    watch(NETEM, served, at_most=400)
    if shutil.which("promtool") is None:
        missing("promtool")
    done = subprocess.run(["promtool", "check", "metrics"], input=page(served), text=True, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def missing(program: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{program} is not installed: sudo apt install prometheus")
    pytest.skip(f"{program} is not installed")


def test_the_dashboard_asks_for_metrics_that_there_are(served: Metrics, shell: Shell) -> None:
    watch(NETEM, served, at_most=400)
    dashboard = json.loads("\n".join(shell.lines("live", "--dashboard")))
    asked = set(re.findall(r"\b(?:xenshark|process)_\w+", " ".join(expressions(dashboard))))
    there = set(scraped(served)) | {"xenshark_migrations_total", "xenshark_findings_total"}
    assert asked and asked <= there
    identifiers = [panel["id"] for panel in dashboard["panels"]]
    assert len(identifiers) == len(set(identifiers))


def expressions(dashboard: Any) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_the_unit_is_one_and_its_command_is_ours(shell: Shell, tmp_path: Path) -> None:
    lines = shell.lines("live", "--unit")
    (started,) = (line.removeprefix("ExecStart=").split() for line in lines if line.startswith("ExecStart="))
    program, name, *words = started
    assert (Path(program).name, name) == ("xenshark", "live")
    assert "there is no interface" in shell.complaint(
        name, "--user", "root", *(tmp_path_of(word, tmp_path) for word in words)
    )
    if shutil.which("systemd-analyze") is None:
        missing("systemd-analyze")
    unit = tmp_path / prometheus.UNIT
    unit.write_text("\n".join(lines).replace(program, sys.executable) + "\n")
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def tmp_path_of(word: str, folder: Path) -> str:
    """A word of the unit with its instance in it, and nothing written where it really would."""
    for what, instead in (("/var/log/xenshark", str(folder)), ("%i", "none0"), ("%I", "none0"), ("9469", "0")):
        word = word.replace(what, instead)
    return word


# --- the log -------------------------------------------------------------------------------------------------


def days(monkeypatch: pytest.MonkeyPatch, *modules: Any) -> list[str]:
    """What day it is, to be changed."""
    day = ["2026-11-26"]
    for module in modules or (log, fleet_log):
        monkeypatch.setattr(module, "today", lambda: day[0])
    return day


def logged(path: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        schemas.check("log", line)
    return lines


def test_each_line_is_what_analyze_says(tmp_path: Path) -> None:
    sink, complaints = Lines(Dated(str(tmp_path / "m.jsonl"), None)), list[str]()
    for path in SEVERAL:
        watch(path, Log(sink, "eth0", complaints.append))
    lines = logged(tmp_path / "m.jsonl")
    said = [dissector.to_json(one) for path in SEVERAL for one in dissector.open(path).analyze().migrations]
    assert len(lines) == len(said) > 3 and complaints == []
    captures = [line.pop("capture") for line in lines]
    assert sorted(map(key, lines)) == sorted(map(key, said))
    assert len(set(captures)) == 3 and all(":eth0:2" in capture for capture in captures)
    assert (tmp_path / "m.jsonl").stat().st_mode & 0o777 == 0o600


def key(migration: dict[str, Any]) -> str:
    return json.dumps(migration, sort_keys=True)


def test_a_file_has_one_day_and_old_ones_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    day = days(monkeypatch)
    path = tmp_path / "m.jsonl"
    sink = Lines(Dated(str(path), 3))
    (one, *_) = dissector.open(NETEM).analyze().migrations
    for number in range(26, 31):
        day[0] = f"2026-11-{number}"
        sink.write("here", NOBODY, [Logged(one)] * number)
        os.utime(path, (stamp := 1_795_651_200 + (number - 26) * 86_400, stamp))
    assert {each.name: len(logged(each)) for each in tmp_path.iterdir()} == {
        "m.jsonl": 30, "m-2026-11-29.jsonl": 29, "m-2026-11-28.jsonl": 28,
    }  # fmt: skip
    sink.close()
    (tmp_path / "m-2026-11-30.jsonl").write_text("{}\n")
    day[0] = "2026-12-01"
    Lines(Dated(str(path), None)).close()
    assert len(logged(tmp_path / "m-2026-11-30.2.jsonl")) == 30, "of a program that was started anew"
    assert (tmp_path / "m-2026-11-30.jsonl").read_text() == "{}\n"


def test_a_log_that_somebody_moves_away_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    sink = Lines(Dated(str(path), None))
    (one, *_) = dissector.open(NETEM).analyze().migrations
    sink.write("here", NOBODY, [Logged(one)])
    path.rename(tmp_path / "m.jsonl.1")
    sink.write("here", NOBODY, [Logged(one)] * 2)
    assert (len(logged(tmp_path / "m.jsonl.1")), len(logged(path))) == (1, 2)


@pytest.mark.parametrize("kind", ["lines", "dataset"])
def test_on_a_full_disk_migrations_wait(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "WAITING", 1)
    path, complaints = tmp_path / "log", list[str]()
    sink = Lines(Dated(str(path), None)) if kind == "lines" else Appended(str(path), None)
    service = Log(sink, "eth0", complaints.append)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        watch(CONCURRENT, service)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(complaints) == 1 and "File too large; migrations wait to be logged" in complaints[0]
    service.look((), Monitor(lambda notice: None), NOBODY)
    count = len(dissector.open(CONCURRENT).analyze().migrations)
    assert complaints[1] == f"{path}: logged again, {count - 1} migration lost"
    found = logged(path) if kind == "lines" else Dataset(str(path)).table("migrations").to_pylist()
    assert len(found) == 1 and count == 2


def test_a_dataset_holds_what_export_writes_and_can_be_asked(tmp_path: Path, shell: Shell) -> None:
    out = tmp_path / "dataset"
    for path in SEVERAL:
        watch(path, Log(Appended(str(out), None), "eth0", pytest.fail))
    for name in typing.get_args(LoggedTable):
        found = Dataset(str(out)).table(name).drop_columns("capture").to_pylist()
        tables = [dissector.open(path).to_arrow(name) for path in SEVERAL]
        wanted = [row for table in tables for row in table.drop_columns("capture").to_pylist()]
        assert sorted(map(repr, found)) == sorted(map(repr, wanted)), name
    captures = Dataset(str(out)).table("captures").to_pylist()
    packets = [dissector.open(path).analyze().source.packets for path in SEVERAL]
    assert sorted(row["packets"] for row in captures) == sorted(packets)
    lines = shell.lines("fleet", "report", str(out))
    assert any(line.split() == ["postcopy", "completed", "-", "3"] for line in lines), lines
    assert not any("xenshark " in line for line in lines), "there is no file to open"
    assert sum("seen by live: " in line for line in lines) > 6, "faults, too"


def test_of_too_many_faults_it_is_said_how_many_are_not_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "FAULTS_MAX", 30)
    complaints = list[str]()
    for _ in range(2):
        watch(NETEM, Log(Appended(str(tmp_path), None), "eth0", complaints.append))
    assert complaints == [f"{tmp_path}: 5 faults not logged: there were too many"] * 2
    assert Dataset(str(tmp_path)).table("faults").num_rows == 60


def test_nothing_is_twice_in_a_dataset_however_often_it_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day, sink = days(monkeypatch), Appended(str(tmp_path), 2)
    monkeypatch.setattr(fleet_log, "ROWS", 3)
    (one, *_) = dissector.open(NETEM).analyze().migrations
    finding = vars(one.findings[0])
    fault = vars(dissector.open(NETEM).faults()[0])
    several = [
        Logged(
            dissector.MigrationResult(
                **{
                    **vars(one),
                    "id": number,
                    "findings": (dissector.FindingResult(**{**finding, "migration": number}),),
                }
            ),
            [dissector.FaultResult(**{**fault, "migration": number})] * 2,
        )
        for number in range(40)
    ]
    real, calls = Dataset.write, iter(range(10**6))

    def fails(self: Dataset, name: str, part: str, table: Any) -> None:
        if next(calls) % 3 == 2:
            raise OSError("no space")
        real(self, name, part, table)

    monkeypatch.setattr(Dataset, "write", fails)
    for number in range(0, 40, 2):
        day[0] = "2026-11-26" if number < 20 else "2026-11-27"
        while True:
            try:
                sink.write("h:eth0:2026-11-26T10:00:00Z", NOBODY, several[number : number + 2])
                break
            except OSError:
                pass
    for name in typing.get_args(LoggedTable):
        rows = Dataset(str(tmp_path)).table(name).to_pylist()
        per_migration = len(rows) // 40
        assert [row["migration"] for row in rows].count(7) == per_migration and len(rows) == 40 * per_migration
    assert len(list(tmp_path.glob("migrations/*.parquet"))) > 8
    assert Dataset(str(tmp_path)).table("captures").num_rows == 1
    monkeypatch.setattr(Dataset, "write", real)
    day[0] = "2026-11-28"
    sink.write("h:eth0:2026-11-28T10:00:00Z", NOBODY, several[:1])
    kept = {path.name[:10] for path in tmp_path.glob("migrations/*.parquet")}
    assert kept == {"2026-11-27", "2026-11-28"}


def test_weeks_take_no_more_memory_than_a_day(tmp_path: Path, served: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many migrations, one after the other: what is kept of them is the same after two thirds of them and after all."""
    monkeypatch.setattr("dissector.analysis.MIGRATIONS_MAX", 50)
    monkeypatch.setattr(metrics, "LABELS_MAX", 50)
    services = (served, Log(Lines(Dated(str(tmp_path / "m.jsonl"), None)), "eth0", pytest.fail))
    monitor = Monitor(to_all(services))
    tracemalloc.start()
    try:
        sizes = []
        for number in range(900):
            if number in (300, 600):
                gc.collect()
                sizes.append(tracemalloc.get_traced_memory()[0])
            for event in ended_story(number):
                monitor.add(event)
            look(monitor, services, number * NS, more=False)
        gc.collect()
        sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert len(logged(tmp_path / "m.jsonl")) == 900
    assert sum(scraped(served)["xenshark_migrations_total"].values()) == 900
    assert sizes[2] - sizes[1] < 50_000, sizes


def ended_story(number: int) -> list[Event]:
    story = Story(number)
    story.tell("xl header", "libxl header")
    story.end()
    return story.events


# --- what is asked wrongly -----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "9469", ":x", "host", ":65536", ":-1", ":9469x", "::", ": 1", ":٣"])
def test_where_nobody_can_serve(text: str, shell: Shell) -> None:
    assert "is no [HOST]:PORT" in shell.complaint("live", "-i", "lo", "--user", "root", f"--metrics={text}")


def test_where_it_is_served() -> None:
    read = command._address
    assert read(":9469") == ("0.0.0.0", 9469) and read("[::1]:0") == ("::1", 0) and read("h:1") == ("h", 1)


def test_what_cannot_be_served_or_written(shell: Shell, tmp_path: Path, served: Metrics) -> None:
    words = ("live", "-i", "lo", "--user", "root")  # the tests' own process stays what it is
    taken = f"127.0.0.1:{served.port}"
    assert shell.complaint(*words, "--metrics", taken) == (
        f"xenshark: cannot serve metrics at {taken}: Address already in use\n"
    )
    assert "cannot serve metrics at nosuch.invalid:1" in shell.complaint(*words, "--metrics", "nosuch.invalid:1")
    assert "No such file" in shell.complaint(*words, "--log", str(tmp_path / "none" / "m.jsonl"))
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert "cannot write" in shell.complaint(*words, "--log", str(tmp_path / "link"))
    assert "cannot write to" in shell.complaint(*words, "--log", f"{tmp_path}/file/")
    assert "needs the name of" in shell.complaint(*words, "--log", "")
    assert "standard output is for" in shell.complaint(*words, "--log", "-")
    assert "--log-keep is about" in shell.complaint(*words, "--log-keep", "3")
    assert "'0' is no whole number" in shell.complaint(*words, "--log", "m", "--log-keep", "0")


def test_without_the_extras_it_says_what_to_install(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "dissector.integrations.prometheus.metrics")
    monkeypatch.delattr(prometheus, "metrics")
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    line = "xenshark: --metrics needs prometheus_client: pip install 'xenshark[metrics]'\n"
    assert shell.complaint("live", "-i", "lo", "--user", "root", "--metrics", ":0") == line
    monkeypatch.delitem(sys.modules, "dissector.fleet.log")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "pip install 'xenshark[fleet]'" in shell.complaint(
        "live", "-i", "lo", "--user", "root", "--log", f"{tmp_path}/"
    )
