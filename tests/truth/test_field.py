"""Migrations as people's toolstacks and captures have them: `captures/field/expected.json` says what is right."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from functools import reduce
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from conftest import OWN

from dissector.cli import main
from dissector.results.encoding import dumps

FIELD = OWN / "field"
EXPECTED: dict[str, dict[str, Any]] = json.loads((FIELD / "expected.json").read_text())


def run(*arguments: str) -> tuple[int, str]:
    """A command's status and what it prints."""
    out = StringIO()
    with redirect_stdout(out):
        status = main(list(arguments))
    return status, out.getvalue()


@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_in_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    expected, path = EXPECTED[name], str(FIELD / name)
    _, printed = run("analyze", path, "--json")
    text = run("analyze", path)[1] + run("check", path)[1] + capsys.readouterr().err
    check_status, _ = run("check", path)
    migrations = json.loads(printed)["migrations"]
    found = [finding for one in migrations for finding in one["findings"] if finding["severity"] == "error"]
    if "migrations" in expected:
        assert len(migrations) == expected["migrations"]
    if "outcome" in expected:
        assert [one["outcome"] for one in migrations] == [expected["outcome"]]
    if "errors" in expected:
        assert bool(found) if expected["errors"] == ">0" else len(found) == expected["errors"], dumps(found)
    if "check_exit" in expected:
        assert check_status == expected["check_exit"]
    if "iterations" in expected:
        assert len(migrations[0]["iterations"]) == expected["iterations"]
    if "answered" in expected:
        assert migrations[0]["postcopy"]["answered"] == expected["answered"]
    if "forward" in expected:
        assert [one["bytes"]["forward"] for one in migrations] == expected["forward"]
    for keys in expected.get("null", ()):
        value = reduce(lambda inside, key: inside and inside[key], keys.split("."), migrations[0])
        assert value is None, keys
    for words in expected.get("says", ()):
        assert words in text
    for words in expected.get("says_not", ()):
        assert words not in text


def test_every_file_is_expected() -> None:
    assert {path.name for path in Path(FIELD).iterdir()} == {*EXPECTED, "expected.json"}
