"""Wireshark and the engine read every capture alike, but for exceptions that have a cause; and differences are seen."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import OWN, REPOSITORY, Case, captures_in
from wireshark.both import LUAS, wireshark_with

from dissector.wireshark import crosscheck, generate
from dissector.wireshark.items import Item

pytest_plugins = ("shell",)


class Exemption(NamedTuple):
    """What may differ in one capture, and why. The README shows these as a table."""

    capture: str
    differs: str
    """The value's name, or several with a comma between them."""
    cause: str


EXEMPTIONS: tuple[Exemption, ...] = ()


def differences(shell: Any, file: Path, *options: str) -> list[dict[str, Any]]:
    """What `crosscheck --json` prints; its exit status has to agree."""
    status, out, err = shell.run("crosscheck", "--json", *options, str(file))
    found = [json.loads(line) for line in out.splitlines()]
    assert (status, err) == (1 if found else 0, "")
    return found


def unexplained(name: str, found: list[dict[str, Any]]) -> Counter[str]:
    excused = {what for one in EXEMPTIONS if one.capture == name for what in one.differs.split(", ")}
    return Counter(one["what"] for one in found if one["what"].partition("[")[0] not in excused)


def test_both_read_each_capture_alike(case: Case, shell: Any) -> None:
    wireshark_with(LUAS[0]) if not wireshark_with(LUAS[1]) else None
    if case.path.name.endswith((".img", ".img.zst")):
        assert "is no capture" in shell.complaint("crosscheck", str(case.path))
        return
    found = differences(shell, case.path)
    assert not unexplained(case.name, found), found[:5]


def test_each_exemption_is_needed_and_in_the_readme() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    for one in EXEMPTIONS:
        assert f"| {one.capture} | {one.differs} | {one.cause} |" in readme
