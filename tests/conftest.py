"""The captures every test can ask for, and the program run over each of them once.

Captures are those of the repository's `captures/` and of a second, larger folder with the same layout, if one
exists: XENSHARK_CAPTURES names it, else it is `../shared/captures` beside the repository.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from seen import Seen, look
from truth import Migration, load
from wireshark.releases import missing

# Whoever runs the tests may ignore these (nohup, a shell's `&`), and that would be inherited by what they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# How long an example takes says more of the machine than of the program.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# Whoever runs the tests may have settings of their own.
os.environ["XENSHARK_CONFIG"] = ""

REPOSITORY = Path(__file__).resolve().parent.parent
OWN = REPOSITORY / "captures"
ELSEWHERE = Path(os.environ.get("XENSHARK_CAPTURES") or REPOSITORY.parent / "shared" / "captures")


def captures_in(root: Path) -> dict[str, Path]:
    """Capture files under `root` by name, e.g. "xen/pv-save/pv-save.img"."""
    found = (path for path in root.glob("*/*/*") if {".pcap", ".img"} & set(path.suffixes))
    return {str(path.relative_to(root)).removesuffix(".zst"): path for path in found}


def captures() -> dict[str, Path]:
    """All captures by name; one that both folders have comes from the folder that has more."""
    fewer, more = sorted((captures_in(OWN), captures_in(ELSEWHERE)), key=len)
    return dict(sorted({**fewer, **more}.items()))


class Case:
    """One capture: what is in it, what was sent, and what the program says of it."""

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, path

    @cached_property
    def seen(self) -> Seen:
        """The octets that were captured."""
        return look(self.path)

    @cached_property
    def migrations(self) -> list[Migration]:
        """The truth."""
        return load(self.path.parent, self.seen)

    @property
    def lossless(self) -> bool:
        """Whether every octet of every connection was captured."""
        flows = self.seen.flows.values()
        return all(sent.from_the_start and sent.captured.has(0, len(sent.octets)) for sent in flows)

    @cached_property
    def analysis(self) -> dict[str, Any]:
        """What `xenshark analyze --json` prints."""
        return dict(json.loads(self.run("analyze")))

    @cached_property
    def lines(self) -> list[dict[str, Any]]:
        """What `xenshark read --json` prints."""
        return [json.loads(line) for line in self.run("read").splitlines()]

    def run(self, command: str) -> str:
        """One command's standard output; it must succeed."""
        words = [sys.executable, "-m", "dissector", command, str(self.path), "--json"]
        done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, timeout=600, check=False)
        assert (done.returncode, done.stderr) == (0, ""), f"{' '.join(words)}\n{done.stderr}"
        return done.stdout

    def pairs(self) -> list[tuple[Migration, dict[str, Any], list[dict[str, Any]]]]:
        """Each true migration with what `analyze` says of it and the lines `read` has for it."""
        reported = self.analysis["migrations"]
        numbers = sorted({line["migration"] for line in self.lines})
        assert len(reported) == len(numbers) == len(self.migrations)
        lines = [[line for line in self.lines if line["migration"] == number] for number in numbers]
        by_flow = {flow_of(entry): (entry, own) for entry, own in zip(reported, lines, strict=True)}
        return [(migration, *by_flow[migration.flow]) for migration in self.migrations]


def flow_of(entry: dict[str, Any]) -> Any:
    """The flow of one of `analyze`'s migrations, as `Migration.flow` has it."""
    ends = entry["flow"]
    return ends and tuple((ends[end]["address"], ends[end]["port"]) for end in ("source", "destination"))


@pytest.fixture(scope="session", params=captures().items(), ids=lambda item: item[0])
def case(request: pytest.FixtureRequest) -> Case:
    """Each capture in turn."""
    return Case(*request.param)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A Wireshark that is not there is a gap in what was tested, whatever the tests that ran say."""
    for release in missing():
        line = f"NOT TESTED: no Wireshark {release}; tests/support/wireshark/setup says why"
        terminalreporter.write_line(line, red=True, bold=True)
