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
from dissector.facts.timeline import TIMELINES_MAX
from dissector.results.analysis import AnalysisResult
from dissector.results.encoding import to_json
from dissector.units import duration, many
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


def sums_agree(migration: dict[str, Any], timeline: dict[str, Any]) -> None:
    """What the pictures of a migration are drawn from adds up to what `analyze` counts."""
    assert timeline["migration"] == migration["id"]
    for side in ("forward", "reverse"):
        series = timeline[side]
        lost = sum(gap["length"] for gap in migration["gaps"] if gap["direction"] == side)
        if timeline["start_time"] is None:
            assert series == {"octets": [], "retransmitted": [], "not_captured": []}
            continue
        assert sum(series["octets"]) == migration["bytes"][side]
        assert sum(series["retransmitted"]) == migration["retransmitted"][side]
        assert sum(series["not_captured"]) == lost
    pages, postcopy = migration["pages"], migration["postcopy"]
    uses = {one["use"]: sum(one["pages"]) for one in (timeline["pages"] or {"uses": ()})["uses"]}
    counted = {"sent": pages["data_pages"] - pages["sent_again"], "sent_again": pages["sent_again"]}
    if postcopy is not None:
        counted["announced"] = postcopy["outstanding"]
        counted["faulted"] = postcopy["faulted_pfns"]
        counted["answered"], counted["pushed"] = postcopy["answered"], postcopy["pushed"]
        assert sum((timeline["pages"] or {"never_came": ()})["never_came"]) == postcopy["never_sent"]
    assert uses == {use: count for use, count in counted.items() if count}
    if timeline["start_time"] is not None:
        # In postcopy each page is brought once in the map; one that came again is among the contents again.
        brought = sum(uses.get(use, 0) for use in ("sent", "sent_again", "answered", "pushed"))
        assert brought <= sum(timeline["contents"]) <= pages["data_pages"] + (postcopy["pages"] if postcopy else 0)
    assert timeline["stalls"] == migration["stalls"]


def test_the_report_says_what_analyze_read_and_faults_say(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    assert main(["report", str(case.path), "-o", str(path)]) == 0 or isinstance(case, Told)
    found = re.search(r'<script type="text/plain" id="data">([^<]*)</script>', path.read_text())
    assert found is not None
    (data,) = json.loads(zlib.decompress(b64decode(found[1])))["inputs"]
    assert data["analysis"] == cut(case.analysis)
    migrations = {one["id"]: one for one in case.analysis["migrations"]}
    assert len(data["told"]) == len(migrations) and len(data["timelines"]) == min(TIMELINES_MAX, len(migrations))
    for timeline in data["timelines"]:
        sums_agree(migrations[timeline["migration"]], timeline)
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


def test_what_people_read_says_what_the_json_says(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    """Downtime, limits, faults, pages and findings of `analyze`, as they are worded in its text and in the report."""
    capsys.readouterr()
    status = main(["analyze", "--color", "never", str(case.path)])
    assert status == 0 or isinstance(case, Told)
    blocks = re.split(r"^Migration \d+  ", capsys.readouterr().out, flags=re.MULTILINE)[1:]
    for migration, block in zip(case.analysis["migrations"], blocks, strict=True):
        text = " ".join(block.split())
        downtime, limits, postcopy, pages = (migration[key] for key in ("downtime", "limits", "postcopy", "pages"))
        wanted = [f"outcome {migration['outcome']}: "]
        if downtime is not None:
            wanted.append(f"downtime at least {spoken(downtime['at_least'])}, ")
            if downtime["at_most"] is not None:
                wanted.append(f"; at most {spoken(downtime['at_most'])}, ")
            wanted += [
                f"{place['record'].rpartition('.')[2]} at octet {place['offset']:,}"
                for place in (downtime["from_record"], downtime["to_record"])
                if place
            ]
        if limits is not None:
            wanted.append(limits["sentence"])
        if postcopy is not None and postcopy["announced"]:
            wanted.append(
                f"announced, {postcopy['outstanding']:,} with a page; {many(postcopy['pages'], 'page')} came in "
                f"{many(postcopy['page_records'], 'record')}, {postcopy['pushed']:,} of them unasked; "
                f"{postcopy['never_sent']:,} never came"
            )
            if postcopy["faulted_pfns"]:
                wanted.append(f"faults {many(postcopy['faulted_pfns'], 'pfn')} in ")
                wanted.append(f"; {postcopy['answered']:,} answered")
        if pages["entries"]:
            wanted.append(f"; {pages['data_pages']:,} sent, {pages['sent_again']:,} of them again")
        for words in wanted:
            assert " ".join(words.split()) in text


def spoken(seconds: float) -> str:
    """A duration as people read it."""
    return duration(round(seconds * 1e9))


def test_columns_say_what_read_says(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    keys = ("number", "migration", "direction", "layer", "offset", "length", "body_length", "complete", "name")
    capsys.readouterr()
    status = main(["read", "-T", "csv", *(word for key in keys for word in ("-e", key)), str(case.path)])
    assert status == 0 or isinstance(case, Told)
    _, *rows = csv.reader(io.StringIO(capsys.readouterr().out))
    assert rows == [["" if line[key] is None else str(line[key]) for key in keys] for line in case.lines]
