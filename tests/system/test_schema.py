"""Every object that a command prints with --json is as its schema says, on every capture there is."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from conftest import OWN, REPOSITORY, Case, captures_in
from jsonschema import Draft202012Validator, ValidationError
from schemas import check, validator

import dissector
from dissector.cli.schema import NAMES
from dissector.results.encoding import dumps
from dissector.results.registry import RESULTS

if TYPE_CHECKING:
    from shell import Shell

pytest_plugins = ("shell",)

POSTCOPY = captures_in(OWN)["violations/unk_pfn/unk_pfn.pcap"]


def test_analysis_and_records_of_every_capture(case: Case) -> None:
    check("analysis", case.analysis)
    for line in case.lines:
        check("record", line)


def test_faults_and_findings_of_every_capture(case: Case) -> None:
    words = [sys.executable, "-m", "dissector"]
    for command, name in (("faults", "fault"), ("check", "finding")):
        done = subprocess.run(
            [*words, command, "--json", str(case.path)], cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, 1) and done.stderr == ""
        for line in done.stdout.splitlines():
            check(name, json.loads(line))


def test_the_command_prints_them(shell: Shell) -> None:
    """One by its name, all by their names; each says of every key what it is."""
    assert tuple(RESULTS) == NAMES
    everything = json.loads("\n".join(shell.lines("schema")))
    assert tuple(everything) == NAMES
    for name in NAMES:
        one = json.loads("\n".join(shell.lines("schema", name)))
        assert one == everything[name] and one["title"] == f"xenshark {name}"
        Draft202012Validator.check_schema(one)
        for definition in one["$defs"].values():
            assert definition["description"].endswith("."), definition
    assert "invalid choice: 'record s'" in shell.complaint("schema", "record s")


def test_a_schema_leaves_room_for_more_keys_and_none_for_fewer() -> None:
    found = dissector.to_json(dissector.open(POSTCOPY).analyze())
    published = Draft202012Validator(dissector.schema(dissector.AnalysisResult, "analysis"))
    published.validate({**found, "more": 1})
    with pytest.raises(ValidationError):
        published.validate({key: found[key] for key in found if key != "source"})
    with pytest.raises(AssertionError, match="more"):
        check("analysis", {**found, "more": 1})


def test_both_ways_to_json_are_one() -> None:
    capture = dissector.open(POSTCOPY)
    results: list[Any] = [capture.analyze(), *capture.records(), *capture.faults()]
    assert [json.loads(dumps(one)) for one in results] == dissector.to_json(results)
    # A line of the command says of which file it is.
    assert validator("fault").is_valid({"file": str(POSTCOPY), **dissector.to_json(results[-1])})
