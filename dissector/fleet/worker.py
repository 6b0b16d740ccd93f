"""One capture into a dataset: what a worker does."""

from __future__ import annotations

from time import process_time
from typing import NamedTuple

import pyarrow

from dissector.errors import UserError
from dissector.fleet.dataset import Dataset, empty
from dissector.fleet.listing import Source
from dissector.library import Input
from dissector.tables.arrow import Batches, schema
from dissector.tables.rows import TABLES, Rows


class Done(NamedTuple):
    """What became of one source."""

    source: Source
    problem: str | None
    """In one line; what could be read is in the dataset all the same."""
    seconds: float
    """Of a processor."""


class _Read(NamedTuple):
    """What was read of one source."""

    tables: dict[str, pyarrow.Table]
    problem: str | None
    rest: Source | None = None
    """Files that were to be read as one with it, and do not go on where it ends: another capture."""


def dissect(source: Source, dataset: str, run: str) -> Done:
    """Reads one capture, and what of its files is another one, and puts what is in them into the dataset at an address.
    `run`: as `Dataset` takes it. Never raises."""
    problems: list[str] = []
    seconds = 0.0
    try:
        target = Dataset(dataset, run)
        rows: list[tuple[Source, pyarrow.Table]] = []
        left: Source | None = source
        while left is not None:
            began = process_time()
            one = _attempt(left)
            target.put(left, one.tables)
            took = process_time() - began
            rows.append((left, target.captures(left, one.tables, took)))
            seconds += took
            problems += filter(None, [one.problem])
            left = one.rest
        # The source is in the dataset if the row of its first file is: what of it is another capture is there before.
        for each, table in reversed(rows):
            target.enter(each, table)
    except Exception as error:
        problems = [f"cannot write to {dataset}: {error}"]
    return Done(source, "; ".join(problems) or None, seconds)


def _attempt(source: Source) -> _Read:
    try:
        return _tables(source)
    except MemoryError:
        problem = "out of memory"
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    return _Read(empty(source, problem), problem)


def _tables(source: Source) -> _Read:
    """Its rows in every table, and what is wrong with it."""
    found: dict[str, list[pyarrow.RecordBatch]] = {name: [] for name in TABLES}
    batches = {name: Batches(table, found[name].append) for name, table in TABLES.items()}
    rows = Rows(source.name, lambda name, row: batches[name].put(row))
    capture: Input | None = None
    try:
        capture = Input(source.set)
        capture.read(rows.add, sample=rows.sample)
        problem = capture.problem
    except UserError as error:
        problem = str(error)
    rows.finish(None if capture is None else capture.source, problem)
    for one in batches.values():
        one.finish()
    tables = {name: pyarrow.Table.from_batches(found[name], schema(table)) for name, table in TABLES.items()}
    rest = None if capture is None else capture.not_joined
    return _Read(tables, problem, None if rest is None else source.rest(rest))
