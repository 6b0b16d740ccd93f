"""What people read: links lead somewhere, and each command is in the README."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import REPOSITORY

from dissector.cli import COMMANDS

FOLDERS = (".", ".github", "captures", "dissector", "docs", "lua", "tests")
DOCUMENTS = sorted(document for folder in FOLDERS for document in (REPOSITORY / folder).glob("*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(text: str) -> set[str]:
    """What a link into a document may name, as GitHub makes it of a heading."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_lead_somewhere(document: Path) -> None:
    for link in LINK.findall(document.read_text()):
        path, _, anchor = link.partition("#")
        if path.startswith("https://"):
            continue
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text()), link


def test_each_command_is_in_the_readme() -> None:
    listed = re.findall(r"^\| `xenshark (\w+)", (REPOSITORY / "README.md").read_text(), re.M)
    assert sorted(listed) == sorted(COMMANDS)


def test_each_folder_of_the_package_is_described() -> None:
    package = REPOSITORY / "dissector"
    described = (package / "README.md").read_text()
    folders = [path.parent for path in package.rglob("__init__.py") if path.parent != package]
    for folder in folders:
        name = f"`{folder.relative_to(package)}/"
        assert name in described, name
    for module in package.glob("*.py"):
        assert module.name.startswith("__") or f"`{module.name}`" in described, module.name
