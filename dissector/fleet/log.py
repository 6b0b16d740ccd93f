"""Migrations that were watched, into a dataset as they end: what `fleet report` asks, while it grows.

A table has a file for each day and capture, which is written anew, with what comes to it, beside the old one, and takes
its place. Behind ROWS of them the next file is begun, so that it never takes long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from re import compile as pattern
from typing import Literal, TypeAlias, get_args

import pyarrow
from pyarrow import compute

from dissector.errors import UserError
from dissector.fleet.dataset import CAPTURES, Dataset
from dissector.recording.log import Logged, is_too_old, today
from dissector.results.source import SourceResult
from dissector.tables.arrow import batch, schema
from dissector.tables.rows import TABLES, Row, capture_row, row_of, rows_of

ROWS = 4096
"""Rows of a file of any table before another one is begun."""

LoggedTable: TypeAlias = Literal["iterations", "phases", "stalls", "gaps", "faults", "rates", "findings", "migrations"]
"""In the order in which they are written: a migration is in the dataset if its row in the last one is."""

NAME = pattern(r"(\d{4}-\d\d-\d\d)-[0-9a-f]{16}-\d{5}\.parquet")


class Appended:
    """A sink of `recording.log` that appends to a dataset."""

    has_tables = True

    def __init__(self, url: str, keep: int | None) -> None:
        """`keep`: days of which files are left, None: all."""
        self.name = url
        self._dataset, self._keep = Dataset(url), keep
        self._day = today()
        self._numbers: dict[str, int] = {}

    def begin(self) -> None:
        """A capture has begun. Raises UserError where it cannot be written."""
        try:
            self._dataset.probe()
        except UserError as error:
            raise UserError(f"{error} (by who live becomes: --user)") from error
        try:
            self._let_go()
        except Exception as error:  # storages raise what they like
            why = getattr(error, "strerror", None) or error
            raise UserError(f"cannot write to {self.name}: {why} (by who live becomes: --user)") from error

    def write(self, capture: str, source: SourceResult, migrations: Sequence[Logged]) -> None:
        """More rows, none twice though it was called for them before. Raises OSError where they cannot be written."""
        try:
            self._write(capture, source, migrations)
        except Exception as error:
            raise OSError(f"{getattr(error, 'strerror', None) or error}") from error

    def close(self) -> None:
        """Nothing follows: what was written is there."""

    def _write(self, capture: str, source: SourceResult, migrations: Sequence[Logged]) -> None:
        day = today()
        if day != self._day:
            self._day, self._numbers = day, {}
            self._let_go()
        digest = sha256(capture.encode()).hexdigest()[:16]
        for name in get_args(LoggedTable):
            rows = [row for one in migrations for row in _rows(capture, one, name)]
            if rows:
                self._append(name, f"{day}-{digest}", pyarrow.Table.from_batches([batch(TABLES[name], rows)]))
        row = dict(zip(CAPTURES.names, capture_row(capture, source), strict=False))
        begun = capture.rpartition("T")[0][-10:]
        self._dataset.write("captures", f"{begun}-{digest}-00000.parquet", pyarrow.Table.from_pylist([row], CAPTURES))

    def _append(self, name: str, part: str, new: pyarrow.Table) -> None:
        number = self._numbers.get(name, 0)
        before = self._dataset.part(name, f"{part}-{number:05}.parquet")
        # Those of an attempt that failed in a later table are there already.
        is_new = compute.invert(compute.is_in(new["migration"], before["migration"].combine_chunks()))
        new = new.filter(is_new)
        if not new.num_rows:
            return
        if before.num_rows >= ROWS:
            number, before = number + 1, schema(TABLES[name]).empty_table()
        self._dataset.write(name, f"{part}-{number:05}.parquet", pyarrow.concat_tables([before, new]))
        self._numbers[name] = number

    def _let_go(self) -> None:
        """Of files that are older than is wanted."""
        for name in (*get_args(LoggedTable), "captures"):
            for file in self._dataset.parts(name):
                match = NAME.fullmatch(file)
                if match and is_too_old(match[1], self._keep):
                    self._dataset.remove(name, file)


def _rows(capture: str, one: Logged, name: LoggedTable) -> Iterator[Row]:
    """What a migration has in a table."""
    if name == "faults":
        return (row_of(name, capture, fault) for fault in one.faults)
    if name == "rates":
        return (row_of(name, capture, rate, one.migration.id) for rate in one.rates)
    return rows_of(capture, one.migration, name)
