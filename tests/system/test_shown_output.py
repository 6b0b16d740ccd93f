"""What the README and dissector/cli/README.md show of commands is what these print."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from conftest import REPOSITORY

if TYPE_CHECKING:
    from shell import Shell

pytest_plugins = ("shell",)

README = (REPOSITORY / "README.md").read_text()
COMMANDS = (REPOSITORY / "dissector" / "cli" / "README.md").read_text()


def shown() -> Iterator[tuple[str, list[str]]]:
    """Each command of a `console` block, and the lines under it."""
    for block in re.findall(r"^```console\n(.*?)^```", COMMANDS, re.M | re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, *lines = part.splitlines()
            yield command, lines


@pytest.mark.parametrize(("command", "lines"), list(shown()))
def test_each_command_prints_what_is_shown(
    command: str, lines: list[str], shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    words = shlex.split(command.partition(" | head")[0])
    assert words[0] == "xenshark"
    _, out, err = shell.run(*words[1:])
    assert (out.splitlines()[: len(lines)], err) == (lines, "")


def test_the_summary_is_what_is_printed(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    found = re.search(r"xenshark (analyze \S+)\n```\n\n```\n(.*?)  \.\.\.\n```", README, re.S)
    assert found is not None
    command, summary = found.groups()
    assert "\n".join(shell.lines(*command.split())).startswith(summary)
