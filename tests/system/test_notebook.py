"""The notebook of the documentation runs, and what stands in it is what comes out."""

from __future__ import annotations

import re
from typing import Any

import nbformat
import pytest
from conftest import REPOSITORY
from nbclient import NotebookClient

NOTEBOOK = REPOSITORY / "dissector" / "figures.ipynb"
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")


def shown(notebook: Any) -> list[list[float]]:
    """The numbers of each cell's text: how they are laid out depends on the version of pandas."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    texts = [[each.data["text/plain"] for each in cell.outputs if "data" in each] for cell in cells]
    return [[float(one) for text in each for one in NUMBER.findall(text)] for each in texts]


def test_the_notebook_shows_what_it_computes() -> None:
    stored, run = (nbformat.reads(NOTEBOOK.read_text(), as_version=4) for _ in range(2))
    NotebookClient(run, timeout=600, resources={"metadata": {"path": str(REPOSITORY)}}).execute()
    assert sum(map(len, shown(stored))) > 40
    for one, other in zip(shown(run), shown(stored), strict=True):
        assert one == pytest.approx(other)
