"""`xenshark live` as a service: scraped by a real Prometheus, logging as an ordinary user, capturing again on an
interface that went away."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from capturing import PATIENCE, XENSHARK, analysis_of, live, require_root
from conftest import OWN, REPOSITORY, captures_in
from namespaces import Namespaces, run
from test_live import replay

import dissector
from dissector.fleet.dataset import Dataset
from dissector.integrations import prometheus

POSTCOPY = captures_in(OWN)["postcopy/c_netem/veth_rx.pcap"]


@pytest.fixture(autouse=True, scope="module")
def root() -> None:
    require_root()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def until(happened: Callable[[], Any]) -> Any:
    for _ in range(int(PATIENCE / 0.2)):
        if found := happened():
            return found
        time.sleep(0.2)
    raise AssertionError("it never happened")


def asked(url: str) -> Any:
    try:
        with urlopen(url) as answer:
            return json.loads(answer.read())
    except OSError:
        return None


class Scraper:
    """A Prometheus that scrapes one place each second."""

    def __init__(self, url: str) -> None:
        self._url = url

    def value(self, question: str) -> float | None:
        """Of a question with one answer; None as long as there is none."""
        found = self.all(question)
        return float(found[0]["value"][1]) if found else None

    def all(self, question: str) -> list[Any]:
        answer = asked(f"{self._url}/api/v1/query?query={quote(question)}")
        assert answer is None or answer["status"] == "success", answer
        return list(answer["data"]["result"]) if answer else []


@contextmanager
def scraping(port: int, folder: Path) -> Iterator[Scraper]:
    if shutil.which("prometheus") is None:
        if os.environ.get("CI"):
            pytest.fail("prometheus is not installed: sudo apt install prometheus")
        pytest.skip("prometheus is not installed")
    config, own = folder / "prometheus.yml", free_port()
    jobs = [{"job_name": "xenshark", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}]
    config.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}))
    words = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data"]
    words += [f"--web.listen-address=127.0.0.1:{own}"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield Scraper(f"http://127.0.0.1:{own}")
        finally:
            process.kill()


def test_a_real_prometheus_scrapes_it(tmp_path: Path) -> None:
    """Also what the dashboard asks, of a migration under way and when it is over; root is given up for nobody."""
    port, wire = free_port(), free_port()
    words = ("-i", "lo", "-f", f"tcp port {wire}", "--metrics", f"127.0.0.1:{port}", "--json")
    dashboard = json.loads(prometheus.text_of(prometheus.DASHBOARD))
    questions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    with scraping(port, tmp_path) as scraper, live(*words) as running:
        assert until(lambda: scraper.value("xenshark_capturing")) == 1
        assert running.of("capture")[0]["user"] == "nobody" and running.of("capture")[0]["program"] == "tcpdump"
        replay(POSTCOPY, wire, speed="0.3")
        guests = until(lambda: scraper.all("max_over_time(xenshark_migration_pages[1m])"))
        assert [(one["metric"]["guest"], one["metric"]["source"]) for one in guests] == [("guest1", "127.0.0.1")]
        assert until(lambda: scraper.value('xenshark_migrations_total{outcome="completed"}')) == 1
        (migration,) = dissector.open(POSTCOPY).analyze().migrations
        assert migration.postcopy is not None and migration.postcopy.latency is not None
        pages = migration.pages.data_pages + migration.postcopy.pages
        assert scraper.value("xenshark_pages_total") == pages
        phases = {one["metric"]["phase"] for one in scraper.all("max_over_time(xenshark_migration_phase[1m])")}
        assert "precopy" in phases and phases <= {one.name for one in migration.phases}
        assert scraper.value("xenshark_fault_latency_seconds_count") == migration.postcopy.latency.count
        assert scraper.value("xenshark_dropped_packets_total") == 0
        for question in questions:
            plain = question.replace("$instance", ".*").replace("$__rate_interval", "1m")
            answers = scraper.all(plain)
            assert answers or "migration" in plain or "findings" in plain, question
        running.interrupt()
    assert running.process.returncode == 0


def test_what_nobody_may_write_is_logged_all_the_same(tmp_path: Path) -> None:
    """A file in a folder of root's: it is begun anew by the process that stays root, and moved away by anybody."""
    folder, wire = tmp_path / "log", free_port()
    folder.mkdir(mode=0o700)
    log = folder / "m.jsonl"
    with live("-i", "lo", "-f", f"tcp port {wire}", "--log", str(log), "--json") as running:
        assert running.of("capture")[0]["user"] == "nobody"
        for number in (1, 2):
            replay(POSTCOPY, wire)
            until(lambda: log.exists() and log.read_text().endswith("\n"))
            log.rename(folder / f"m.jsonl.{number}")
        running.interrupt()
    lines = [json.loads((folder / f"m.jsonl.{number}").read_text()) for number in (1, 2)]
    assert len({line.pop("capture") for line in lines}) == 1
    assert lines == running.summary["migrations"] and running.err == ""


def test_a_dataset_is_made_for_who_comes_after_root(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):  # as pytest makes them, nobody else finds the way
        if folder.owner() == "root" and str(folder).startswith("/tmp/"):
            folder.chmod(0o711)
    wire, dataset = free_port(), tmp_path / "dataset"
    words = ("-i", "lo", "-f", f"tcp port {wire}", "--log", f"{dataset}/", "-c", "1", "--json")
    with live(*words) as running:
        replay(POSTCOPY, wire)
        running.wait()
    assert (running.process.returncode, running.err, dataset.owner()) == (0, "", "nobody")
    (row,) = Dataset(str(dataset)).table("migrations").to_pylist()
    assert (row["outcome"], row["guest_name"]) == ("completed", "guest1")
    assert Dataset(str(dataset)).table("faults").num_rows == row["postcopy_faulted_pfns"] > 0
    sent = Dataset(str(dataset)).table("rates").column("forward_octets").to_pylist()
    assert sum(sent) == row["bytes_forward"]
    done = subprocess.run(
        [*XENSHARK, "live", "-i", "lo", "--log", "/"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.endswith("xenshark: cannot write to /: Permission denied (by who live becomes: --user)\n")


@pytest.mark.parametrize("program", ["dumpcap", "tcpdump", "scapy"])
def test_an_interface_goes_away_and_comes_back(program: str, tmp_path: Path) -> None:
    """Taken down and up, then deleted and made again: each time what comes after that is captured, too. Some versions
    of libpcap end the capture of an interface that is down, others wait by themselves."""
    hosts, port = Namespaces(), free_port()
    log, kept = tmp_path / "m.jsonl", tmp_path / "kept.pcap"
    source = hosts.names[0]
    words = ("-i", "wire", "-f", "tcp port 7700", "--program", program, "--log", str(log), "-w", str(kept))
    metrics = ("--metrics", f"127.0.0.1:{port}")

    def capturing() -> float:
        page = subprocess.run(
            [*hosts.inside(0), "python3", "-c", READ, str(port)], capture_output=True, text=True, check=False
        )
        lines = [line.split() for line in page.stdout.splitlines() if line.startswith("xenshark_capturing ")]
        return float(lines[0][1]) if lines else -1

    try:
        run("ip", "-n", source, "link", "set", "lo", "up")
        with live(*words, *metrics, "--json", before=hosts.inside(0)) as running:
            hosts.replay(POSTCOPY)
            until(lambda: log.exists() and len(log.read_text().splitlines()) == 1)
            run("ip", "-n", source, "link", "set", "wire", "down")
            time.sleep(1.5)  # whoever ends for that has ended
            run("ip", "-n", source, "link", "set", "wire", "up")
            until(lambda: capturing() == 1)
            hosts.replay(POSTCOPY)
            until(lambda: len(log.read_text().splitlines()) == 2)
            run("ip", "-n", source, "link", "del", "wire")
            until(lambda: capturing() == 0)
            hosts.connect()
            until(lambda: capturing() == 1)
            hosts.replay(POSTCOPY)
            until(lambda: len(log.read_text().splitlines()) == 3)
            running.interrupt()
    finally:
        hosts.close()
    assert running.process.returncode == 0
    count = len(running.of("capture"))
    assert count in (2, 3) and len(running.of("summary")) == count
    lines = running.err.splitlines()
    assert len(lines) == count - 1 and all("waiting until it can be captured again" in line for line in lines), lines
    logged = [json.loads(line) for line in log.read_text().splitlines()]
    assert [one["outcome"] for one in logged] == ["completed"] * 3
    assert len({one.pop("capture") for one in logged}) == count
    files = sorted(tmp_path.glob("kept_*.pcap"))
    assert len(files) == count and files[0].name == "kept_00001.pcap" and not kept.exists()
    assert [one for path in files for one in analysis_of(path)["migrations"]] == logged


READ = "import sys, urllib.request as r; print(r.urlopen(f'http://127.0.0.1:{sys.argv[1]}/metrics').read().decode())"
