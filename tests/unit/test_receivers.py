"""What real receivers refuse has an error, and what they accept has none: streams with the verdict of their C code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conversation import judge_all
from receivers import Refused, restore
from seen import unpacked

from dissector.rules import RULES, contents, hvm_state, pv_state
from dissector.rules.rule import Rule

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (
    ROOT / "captures/receivers",
    *(folder / "shared/captures/receivers" for folder in ROOT.parents),
)


def streams() -> dict[str, tuple[Path, dict[str, Any]]]:
    """By name; those beside the repository, too, where there are any."""
    found = {}
    for folder in FOLDERS:
        manifest = folder / "manifest.json"
        for one in json.loads(manifest.read_text()) if manifest.exists() else ():
            found[one["file"]] = (folder / one["file"], one)
    return found


STREAMS = streams()
each_stream = pytest.mark.parametrize("name", STREAMS)


@each_stream
def test_what_receivers_refuse_has_an_error_and_at_most_one_more(name: str) -> None:
    path, said = STREAMS[name]
    found = [finding for verdict in judge_all(unpacked(path)) for finding in verdict.findings]
    errors = [finding for finding in found if finding.severity == "error"]
    if said["receiver"] == "reject":
        assert 1 <= len(errors) <= 2, said
    elif said["receiver"] == "accept":
        assert errors == [], said


@each_stream
def test_the_model_of_the_receivers_says_what_their_code_says(name: str) -> None:
    path, said = STREAMS[name]
    octets = unpacked(path)
    if said["receiver"] == "any" or not octets.startswith(b"Xen saved domain"):
        return
    try:
        restore(octets)
        refused = None
    except Refused as reason:
        refused = str(reason)
    assert (refused is not None) == (said["receiver"] == "reject"), (said, refused)


@pytest.mark.parametrize("module", [contents, hvm_state, pv_state], ids=lambda module: module.__name__)
def test_a_silenced_judge_is_missed(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each file of rules some stream is refused for what only its judge sees."""
    monkeypatch.setattr(module, "judge", lambda *_: ())
    silent = 0
    for path, said in STREAMS.values():
        errors = [one for verdict in judge_all(unpacked(path)) for one in verdict.findings if one.severity == "error"]
        silent += said["receiver"] == "reject" and not errors
    assert silent


def test_a_healthy_stream_has_nothing_to_say_but_on_request() -> None:
    path, _ = STREAMS["e000.bin.zst"]
    found = [finding for verdict in judge_all(unpacked(path)) for finding in verdict.findings]
    assert [finding.rule for finding in found if not finding.is_on_request] == []


def test_only_facts_are_shown_on_request() -> None:
    rules: list[Rule] = [rule for rule in RULES.values() if rule.on_request]
    assert [rule.id for rule in rules] == ["hvm-params-after-context"]
    assert all(rule.severity == "note" for rule in rules)
