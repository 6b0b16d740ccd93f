"""How long the guest stood still: the bounds hold in every capture whose programs wrote down when it did."""

from __future__ import annotations

import json
import re
from contextlib import redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from conftest import ELSEWHERE, OWN, captures, captures_in

import dissector
from dissector.cli import main
from dissector.results.analysis import DowntimeResult, MigrationResult
from dissector.units import NS

LOGGED = re.compile(r"^([-\d]{10} [:\d]{8}) UTC .*(?:guest has suspended|libxl_domain_unpause: .*create:)", re.M)


def truths() -> dict[str, tuple[Path, Path, int]]:
    """Every capture beside which a truth file says when the guest stood still: both, and which of its migrations."""
    found = {}
    for name, path in captures().items():
        for truth in sorted(path.parent.glob("truth*.json")):
            number = int(truth.stem[5:] or 1) - 1
            if truth.exists() and "timings_ns" in json.loads(truth.read_text()):
                found[f"{name} {number}"] = path, truth, number
    return found


def logs() -> dict[str, Path]:
    """Captures beside which xl's own words stand, to the second."""
    own = [*captures_in(OWN).items(), *captures_in(ELSEWHERE).items()]
    return {name: path for name, path in own if (path.parent / "receiver.log").exists() and ".pcap" in name}


def migrations(path: Path) -> tuple[MigrationResult, ...]:
    return dissector.open(path).analyze().migrations


def moments(found: DowntimeResult) -> list[float]:
    """The bounds of its suspension and of its resumption, in order, as far as there are any."""
    all_four = found.earliest, found.from_record, found.to_record, found.latest
    return [one.time for one in all_four if one is not None]


@pytest.mark.parametrize("case", truths().values(), ids=truths())
def test_the_bounds_hold(case: tuple[Path, Path, int]) -> None:
    path, truth, number = case
    times: dict[str, Any] = json.loads(truth.read_text())["timings_ns"]
    found = migrations(path)[number].downtime
    if found is None:
        return
    assert moments(found) == sorted(moments(found))
    if times["suspended"] is not None:
        assert times["suspended"] / NS <= found.from_record.time + 1e-6
        assert found.earliest is None or found.earliest.time <= times["suspend"] / NS
    resumed = times["guest_resumed"]
    if resumed is not None:
        assert found.to_record.time <= resumed / NS
        assert found.latest is None or resumed / NS <= found.latest.time
        assert found.at_least <= (resumed - times["suspended"]) / NS
        assert found.at_most is None or (resumed - times["suspend"]) / NS <= found.at_most


def test_most_of_them_have_both_bounds() -> None:
    """Else the test above would pass by finding nothing."""
    found = [migrations(path)[number].downtime for path, _, number in truths().values()]
    assert sum(one is not None for one in found) > 0.8 * len(found)
    assert sum(one is not None and one.at_most is not None for one in found) > 0.5 * len(found)


@pytest.mark.parametrize("path", logs().values(), ids=logs())
def test_xl_agrees_to_the_second(path: Path) -> None:
    """xl writes down when the guest has suspended, and when it is unpaused at the destination."""
    sent, received = ((path.parent / f"{side}.log").read_text(errors="replace") for side in ("sender", "receiver"))
    suspended, unpaused = (
        [datetime.fromisoformat(one).replace(tzinfo=UTC).timestamp() for one in LOGGED.findall(log)]
        for log in (sent, received)
    )
    found = migrations(path)[0].downtime
    if found is None or not suspended or not unpaused:
        return
    assert suspended[0] <= found.from_record.time
    assert found.earliest is None or found.earliest.time <= suspended[0] + 1
    assert found.to_record.time <= unpaused[-1] + 1
    assert found.latest is None or unpaused[-1] <= found.latest.time


def test_diff_compares_both_bounds() -> None:
    """The row that only a postcopy migration had is one of every kind."""
    one, other = (OWN / "postcopy" / name / "veth_rx.pcap.zst" for name in ("c_netem", "g_receiver_killed"))
    first, second = migrations(one)[0].downtime, migrations(other)[0].downtime
    assert first is not None and second is not None
    with redirect_stdout(StringIO()) as said:
        main(["diff", "--json", "--only", "traffic", str(one), str(other)])
    rows = {each["what"]: (each["a"], each["b"]) for each in json.loads(said.getvalue())["differences"]}
    assert rows["downtime at least, s"] == (first.at_least, second.at_least)
    assert rows["downtime at most, s"] == (first.at_most, second.at_most)
