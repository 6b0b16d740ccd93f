"""What CI installs is what pyproject.toml asks for, each file by its hash."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

import pytest
from conftest import REPOSITORY
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
PINNED = re.compile(
    r"^([\w.\[\]-]+)==(\S+)(?: ; .*?)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n?)+)", re.MULTILINE
)


def wanted(lines: list[str]) -> Iterator[Requirement]:
    """Requirements, those of the extras that are named among them instead of these."""
    for one in map(Requirement, lines):
        if one.name == PROJECT["name"]:
            for extra in one.extras:
                yield from wanted(PROJECT["optional-dependencies"][extra])
        else:
            yield one


@pytest.mark.parametrize(
    ("file", "lines"),
    [
        ("requirements.txt", [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]),
        ("tools.txt", (REPOSITORY / ".github/tools.in").read_text().split()),
    ],
)
def test_what_ci_installs(file: str, lines: list[str]) -> None:
    text = (REPOSITORY / ".github" / file).read_text()
    pinned = {canonicalize_name(name.partition("[")[0]): version for name, version, _ in PINNED.findall(text)}
    assert len(pinned) == len(set(re.findall(r"^[\w.-]+", text, re.MULTILINE))), "each line has a hash"
    for one in wanted(lines):
        assert one.specifier.contains(pinned[canonicalize_name(one.name)], prereleases=True), one
