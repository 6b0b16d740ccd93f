"""`xenshark live` as a process, for tests that capture and for tests that only pretend to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from threading import Timer
from typing import IO, Any

import pytest
import schemas
from conftest import REPOSITORY

PATIENCE = 60.0
"""Seconds after which something that should have ended hangs."""

XENSHARK = [sys.executable, "-m", "dissector"]


def require_root() -> None:
    """Capturing is for root. Where everything has to be tested that is an error, elsewhere a reason to skip."""
    if os.geteuid() != 0:
        if os.environ.get("CI"):
            pytest.fail("CI has to run as root: these tests capture on interfaces and make network namespaces")
        pytest.skip("not root: these tests capture on interfaces and make network namespaces")


class Live:
    """A `xenshark live` that captures by now."""

    def __init__(self, process: subprocess.Popen[str], errors: IO[str], is_json: bool) -> None:
        self.process = process
        self.out = self.err = ""
        self._errors = errors
        if is_json:
            self.read_until('"event": "capture"')
        else:
            deadline = time.monotonic() + PATIENCE
            while " capturing on " not in self.err and time.monotonic() < deadline:
                time.sleep(0.02)
                errors.seek(0)
                self.err = errors.read()

    def read_until(self, text: str) -> None:
        """Reads what it prints, until there is this in it."""
        assert self.process.stdout is not None
        while text not in self.out:
            line = self.process.stdout.readline()
            assert line, f"it has ended: {self.out}"
            self.out += line

    def wait(self) -> None:
        """Until it has ended."""
        assert self.process.stdout is not None
        if not self.process.stdout.closed:
            self.out += self.process.stdout.read()
        self.process.wait(PATIENCE)
        self._errors.seek(0)
        self.err = self._errors.read()

    def interrupt(self) -> None:
        """Ctrl-C, and the end."""
        self.process.send_signal(signal.SIGINT)
        self.wait()

    @property
    def events(self) -> list[dict[str, Any]]:
        """All of them, in order."""
        return [json.loads(line) for line in self.out.splitlines()]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Events of a kind, without that."""
        return [
            {name: event[name] for name in event if name != "event"} for event in self.events if event["event"] == kind
        ]

    @property
    def summary(self) -> dict[str, Any]:
        (summary,) = self.of("summary")
        assert self.events[-1]["event"] == "summary"
        return summary


@contextmanager
def live(
    *words: str,
    before: tuple[str, ...] = (),
    path: Path | None = None,
    ignores_hangup: bool = False,
    within: Path = REPOSITORY,
) -> Iterator[Live]:
    """Starts it; `before` stands before its command line, `path` is where it finds programs, `within` the program."""
    command = [*before, *XENSHARK, "live", *words]
    env = {**os.environ, **({"PATH": f"{path}:/usr/bin:/bin"} if path else {})}
    with (
        TemporaryFile("w+") as errors,
        subprocess.Popen(
            command,
            cwd=within,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=env,
            preexec_fn=partial(signal.signal, signal.SIGHUP, signal.SIG_IGN) if ignores_hangup else None,
        ) as process,
    ):
        # Nothing that hangs hangs the tests.
        killer = Timer(2 * PATIENCE, process.kill)
        killer.start()
        try:
            yield Live(process, errors, "--json" in words)
        finally:
            killer.cancel()
            process.kill()


def analysis_of(path: Path) -> dict[str, Any]:
    """What `analyze --json` says of a file."""
    done = subprocess.run([*XENSHARK, "analyze", "--json", str(path)], cwd=REPOSITORY, capture_output=True, check=True)
    return dict(json.loads(done.stdout))


def records_of(path: Path) -> list[dict[str, Any]]:
    """What `read --json` says of a file."""
    done = subprocess.run([*XENSHARK, "read", "--json", str(path)], cwd=REPOSITORY, capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def check_agrees(live: Live, path: Path) -> None:
    """The summary is that of the file which was kept, but for the names and sizes of the two inputs."""
    ours, its = live.summary, analysis_of(path)
    for one in (ours, its):
        for name in ("file", "bytes"):
            del one["source"][name]
    assert ours == its


def check_events(live: Live) -> None:
    """The events say what the summary says, in the order in which it happened, and each as its schema says."""
    for event in live.events:
        schemas.check("live", event)
    summary = live.summary
    (begun,) = live.of("capture")
    assert live.events[0]["event"] == "capture" and begun["program"]
    assert [one["flow"] for one in live.of("migration")] == [one["flow"] for one in summary["migrations"]]
    assert [one["outcome"] for one in live.of("end")] == [one["outcome"] for one in summary["migrations"]]
    for number, migration in enumerate(summary["migrations"]):
        mine = {
            kind: [one for one in live.of(kind) if one["migration"] == number]
            for kind in ("phase", "iteration", "fault", "finding")
        }
        names = [phase["name"] for phase in migration["phases"]]
        told = [phase["name"] for phase in mine["phase"]]
        assert [name for name in told if name != "checkpoint"][: len(names)] == names or "checkpoint" in told
        assert [one["index"] for one in mine["iteration"]] == [one["index"] for one in migration["iterations"]]
        postcopy = migration["postcopy"]
        assert len(mine["fault"]) == (postcopy["answered"] if postcopy else 0)
        key = ("time", "offset", "rule", "message")
        told_findings = sorted([str(one[name]) for name in key] for one in mine["finding"])
        assert told_findings == sorted([str(one[name]) for name in key] for one in migration["findings"])
