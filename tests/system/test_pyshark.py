"""The recipe for pyshark, with the dissector installed as a user has it."""

from __future__ import annotations

import os
import re
import shutil
from typing import Any

import pytest
from conftest import OWN, REPOSITORY
from seen import unpacked
from wireshark.releases import DISSECTOR, RELEASES, wireshark_of

import dissector
from dissector.integrations.wireshark.tshark import find, folders, hand_over, isolated

NETEM = OWN / "postcopy" / "c_netem" / "veth_rx.pcap.zst"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pyshark's own, where tshark ends first
@pytest.mark.parametrize("release", RELEASES)
def test_the_recipe_gives_what_faults_gives(
    release: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (REPOSITORY / "dissector" / "library.md").read_text()
    (recipe,) = re.findall(r"^```python\n(.*?)^```", page.partition("\n## pyshark")[2], re.M | re.S)
    names: dict[str, Any] = {}
    with isolated(wireshark_of(release)) as folder:
        plugins = folders(find(str(folder / "tshark")))["Personal Lua Plugins"]
        plugins.mkdir(parents=True, exist_ok=True)
        shutil.copy(DISSECTOR, plugins)
        capture = folder / "migration.pcap"
        capture.write_bytes(unpacked(NETEM))
        hand_over(capture)
        monkeypatch.chdir(folder)
        monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)  # its tshark is the one that pyshark finds
        exec(recipe, names)
        found = list(names["faults"]("migration.pcap"))
    assert capsys.readouterr().out.splitlines() == list(map(repr, found))
    assert len(found) == 35
    assert found == [
        (one.frame, one.pfn, one.answer and one.answer.frame, None if one.in_flight else one.latency)
        for one in dissector.open(NETEM).faults()
    ]
