"""One capture into a dataset: what a worker does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from time import process_time
from typing import Any, NamedTuple

import pyarrow

from dissector.errors import UserError
from dissector.fleet.dataset import Dataset, empty
from dissector.fleet.listing import Source, open_file
from dissector.library import Input, open
from dissector.tables.arrow import Batches, schema
from dissector.tables.rows import TABLES, Rows

PIECE = 1 << 20
"""Octets that are fetched at once from a storage that is no folder."""


class Done(NamedTuple):
    """What became of one capture."""

    source: Source
    problem: str | None
    """In one line; what could be read is in the dataset all the same."""
    seconds: float
    """Of a processor."""


def dissect(source: Source, dataset: str) -> Done:
    """Reads one capture and puts what is in it into the dataset at an address. Never raises."""
    began = process_time()
    problem: str | None
    try:
        tables, problem = _tables(source)
    except MemoryError:
        problem = "out of memory"
        tables = empty(source, problem)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        tables = empty(source, problem)
    seconds = process_time() - began
    try:
        Dataset(dataset).put(source, tables, seconds)
    except Exception as error:
        problem = f"cannot write to {dataset}: {error}"
    return Done(source, problem, seconds)


def _tables(source: Source) -> tuple[dict[str, pyarrow.Table], str | None]:
    """Its rows in every table, and what is wrong with it."""
    found: dict[str, list[pyarrow.RecordBatch]] = {name: [] for name in TABLES}
    batches = {name: Batches(table, found[name].append) for name, table in TABLES.items()}
    rows = Rows(source.url, lambda name, row: batches[name].put(row))
    capture: Input | None = None
    with _local(source.url) as path:
        try:
            capture = open(path)
            capture.read(rows.add, sample=rows.sample)
            problem = capture.problem
        except UserError as error:
            problem = str(error)
        problem = problem and problem.replace(path, source.url)
        rows.finish(None if capture is None else capture.source, problem)
    for one in batches.values():
        one.finish()
    return {name: pyarrow.Table.from_batches(found[name], schema(table)) for name, table in TABLES.items()}, problem


@contextmanager
def _local(url: str) -> Iterator[str]:
    """A path at which its octets can be read once, from the first to the last."""
    if "://" not in url:
        yield url
        return
    take, give = os.pipe()
    failed: list[Exception] = []
    pump = Thread(target=_pump, args=(url, give, failed), daemon=True)
    pump.start()
    try:
        yield f"/dev/fd/{take}"
    finally:
        os.close(take)  # whoever still pumps is told
        pump.join()
    if failed:
        raise failed[0]


def _pump(url: str, give: int, failed: list[Exception]) -> None:
    try:
        with open_file(url) as file, os.fdopen(give, "wb", buffering=0) as pipe, suppress(BrokenPipeError):
            while piece := file.read(PIECE):
                _write_all(pipe, piece)
    except Exception as error:
        failed.append(error)


def _write_all(pipe: Any, octets: bytes) -> None:
    rest = memoryview(octets)
    while rest:
        rest = rest[pipe.write(rest) :]
