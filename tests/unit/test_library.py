"""The library as a program uses it: inputs opened by their names, events, frozen results, errors of one kind."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
import talks
from conftest import OWN, REPOSITORY, captures_in
from conversation import Wire, packets, pcap
from seen import unpacked
from talks import Speaker, octets_of

import dissector
from dissector.events import DirectionEnded, MigrationFound, Record

NETEM = captures_in(OWN)["postcopy/c_netem/veth_rx.pcap"]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A save file."""
    path = tmp_path / "saved"
    path.write_bytes(octets_of(talks.libxl(Speaker())))
    return path


def test_to_import_it_costs_next_to_nothing() -> None:
    """What it offers is imported when it is asked for, and everything that it offers is there."""
    code = "import sys, dissector; sys.exit(len([one for one in sys.modules if one.startswith('dissector')]) - 1)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)
    assert all(getattr(dissector, name) is not None for name in dissector.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        dissector.nonsense  # noqa: B018


def test_the_example_of_the_documentation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "migration.pcap").write_bytes(unpacked(NETEM))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for step in doctest.DocTestParser().get_examples(dissector.__doc__ or ""):
        exec(step.source, names)
    assert capsys.readouterr().out == (
        "10.77.0.1:38500 -> 10.77.0.2:7700 completed the destination has every page it wanted\n"
    )
    assert {"slowest", "sizes"} <= names.keys()


@pytest.mark.parametrize("name", dissector.__all__)
def test_the_example_of_each_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every public name has one, and it says what comes out."""
    monkeypatch.chdir(REPOSITORY)
    docstring = getattr(dissector, name).__doc__
    example = doctest.DocTestParser().get_doctest(docstring, {"dissector": dissector}, name, None, None)
    assert any(one.want for one in example.examples)
    assert doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL).run(example).failed == 0


def test_the_examples_of_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "migration.pcap").write_bytes(unpacked(NETEM))
    monkeypatch.chdir(tmp_path)
    page = (REPOSITORY / "dissector" / "library.md").read_text()
    names: dict[str, object] = {}
    for block in re.findall(r"^```python\n(.*?)^```", page.partition("\n## Scapy")[0], re.M | re.S):
        exec(block, names)
    printed = capsys.readouterr().out
    assert "781 of 2163\n" in printed, "what `analyze` counts as sent again"
    assert names["lost"] == 0


def test_events_come_one_by_one() -> None:
    events = iter(dissector.open(NETEM).events())
    first = next(events)
    assert isinstance(first, MigrationFound) and str(first.flow) == "10.77.0.1:38500 -> 10.77.0.2:7700"
    rest = list(events)
    assert isinstance(rest[-1], DirectionEnded)
    pushed: list[object] = []
    dissector.open(NETEM).read(pushed.append)
    assert [first, *rest] == pushed


def test_results_are_frozen_and_say_the_same_each_time() -> None:
    capture = dissector.open(NETEM)
    analysis, faults = capture.analyze(), capture.faults()
    (migration,) = analysis.migrations
    assert capture.analyze() == analysis and capture.problem is None
    assert analysis.findings == migration.findings
    assert migration.postcopy and migration.postcopy.faulted_pfns == len(faults)
    assert sum(fault.answer is not None for fault in faults) == migration.postcopy.answered
    records = list(capture.records())
    whole = [one for one in records if one.type is not None and one.direction == "forward"]
    assert len(whole) == sum(migration.records.forward.values())
    with pytest.raises(FrozenInstanceError):
        migration.outcome = "failed"  # type: ignore[misc]


def test_a_save_file_is_an_input_too(saved: Path) -> None:
    capture = dissector.open(str(saved))
    (migration,) = capture.analyze().migrations
    assert (capture.is_capture, migration.flow, migration.kind) == (False, None, "save")
    assert capture.source.format == "stream" and capture.source.bytes == saved.stat().st_size
    names = [record.name for record in capture.records()]
    assert names == [event.name for event in capture.events() if isinstance(event, Record)]
    assert names[0] == "libxl header" and names[-1] == "END"


def test_page_contents_are_kept_if_they_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "talk").write_bytes(pcap(packets(Wire(talks.precopy()))))

    def largest(keep_pages: bool) -> int:
        events = dissector.open(tmp_path / "talk", keep_pages=keep_pages).events()
        return max(len(event.body) for event in events if isinstance(event, Record))

    assert largest(True) > 7 * 4096 > 4096 > largest(False)


def test_what_a_person_has_to_mend_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(dissector.UserError, match="/nowhere"):
        dissector.open("/nowhere")
    (tmp_path / "letter").write_bytes(b"Dear reader,\n")
    capture = dissector.open(tmp_path / "letter")
    for read in (capture.analyze, capture.faults, lambda: list(capture.events())):
        with pytest.raises(dissector.UserError, match="neither a capture"):
            read()


def test_what_is_damaged_gives_what_it_has_and_says_so(tmp_path: Path) -> None:
    whole = pcap(packets(Wire(talks.precopy())))
    (tmp_path / "cut").write_bytes(whole[:-5])
    capture = dissector.open(tmp_path / "cut")
    assert capture.analyze().migrations
    assert capture.problem and "the file ends in the middle of packet" in capture.problem


def test_what_was_not_followed_is_not_compared() -> None:
    """Two thirds of the octets are missing: of what was counted in the rest nobody can say whether it converged."""
    migration = (
        dissector.open(captures_in(OWN)["xen/pv-live-snaplen128/pv-live-snaplen128.pcap"]).analyze().migrations[0]
    )
    assert len(migration.iterations) > 1 and migration.convergence is None
    assert migration.limits is not None and "dirtied" not in migration.limits.sentence
