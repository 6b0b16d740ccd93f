"""Every number is the same number wherever it is shown: in a report, in the viewer, in JSON, in columns."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import subprocess
import sys
import zlib
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from conftest import OWN, REPOSITORY, Case, captures

from dissector import library
from dissector.analysis import Analysis
from dissector.capture.joined import FileSet
from dissector.cli import main
from dissector.results.analysis import AnalysisResult
from dissector.results.encoding import to_json
from dissector.views.report import cut

viewer = pytest.importorskip("dissector.viewer.index")
jobs = pytest.importorskip("dissector.viewer.jobs")


APART = {
    str(path.relative_to(OWN)): path
    for folder in ("field", "hostile")
    for path in sorted((OWN / folder).iterdir())
    if path.suffix != ".json" and path.name.partition(".")[0] not in ("hunting", "statistics", "stray_gap")
}
"""Captures of which nobody noted what was sent: they are no cases of the other tests in this folder. Three of them have
no migration."""


class Told(Case):
    """One of which the commands may have something to say on stderr besides."""

    def run(self, command: str) -> str:
        words = [sys.executable, "-m", "dissector", command, str(self.path), "--json"]
        done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, timeout=600, check=False)
        assert done.stdout and "Traceback" not in done.stderr, done.stderr
        return done.stdout


@pytest.fixture(scope="module", params=[*captures().items(), *APART.items()], ids=lambda item: item[0])
def case(request: pytest.FixtureRequest) -> Case:
    """Every capture in turn."""
    name, path = request.param
    return (Told if name in APART else Case)(name, path)


def test_the_report_says_what_analyze_read_and_faults_say(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    assert main(["report", str(case.path), "-o", str(path)]) == 0 or isinstance(case, Told)
    found = re.search(r'<script type="text/plain" id="data">([^<]*)</script>', path.read_text())
    assert found is not None
    (data,) = json.loads(zlib.decompress(b64decode(found[1])))["inputs"]
    assert data["analysis"] == cut(case.analysis)
    faults = list(library.open(case.path).faults())
    assert data["faults"]["latency"] == [fault.latency for fault in faults]
    assert data["faults"]["pfn"] == [fault.pfn for fault in faults]
    records = data["records"]
    assert records["left_out"] == 0
    assert records["o"] == [line["offset"] for line in case.lines]
    assert records["s"] == [line["length"] for line in case.lines]
    assert [records["names"][at] for at in records["n"]] == [line["name"] for line in case.lines]
    assert list(itertools.accumulate(records["i"])) == [line["number"] for line in case.lines]
    for line, runs in zip(case.lines, records["p"], strict=True):
        listed = line["fields"].get("pages", ())
        assert sum((runs or ())[1::2]) == sum(length for _, length, _ in listed)
        assert len(runs or ()) == 2 * len(listed)


def test_the_viewer_says_what_analyze_and_read_say(case: Case) -> None:
    index, analysis = viewer.Index(), Analysis()
    job = jobs.Job("reading", FileSet((str(case.path),)), None, analysis.add, index.add, end=analysis.finish)
    job.run()
    result = to_json(AnalysisResult.of(job.capture.source, analysis.migrations))
    assert json.loads(json.dumps(result)) == case.analysis
    assert index.count == len(case.lines)
    for number, line in enumerate(case.lines, 1):
        place = index.place(number)
        expected: Any = tuple(line[key] for key in ("migration", "direction", "name", "offset", "length"))
        assert place[:5] == expected
        assert (place.first_frame, place.last_frame) == (line["first_frame"] or 0, line["last_frame"] or 0)
        assert place.time == round((line["last_time"] or 0) * 1e9) or abs(place.time / 1e9 - line["last_time"]) < 1e-6


def test_columns_say_what_read_says(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    keys = ("number", "migration", "direction", "layer", "offset", "length", "body_length", "complete", "name")
    capsys.readouterr()
    status = main(["read", "-T", "csv", *(word for key in keys for word in ("-e", key)), str(case.path)])
    assert status == 0 or isinstance(case, Told)
    _, *rows = csv.reader(io.StringIO(capsys.readouterr().out))
    assert rows == [["" if line[key] is None else str(line[key]) for key in keys] for line in case.lines]
