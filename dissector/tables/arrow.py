"""Tables as Apache Arrow has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pyarrow

from dissector.tables.columns import Column, Kind
from dissector.tables.rows import TABLES, Table

VERSION = "xenshark.tables/1"
"""In the metadata of every table: names and types of columns stay as long as it does, but more may come."""

ROWS_AT_ONCE = 1 << 16
"""Rows that are held in memory, a table, before they are written: a row group."""

TYPES: Mapping[Kind, pyarrow.DataType] = {
    "integer": pyarrow.int64(),
    "pfn": pyarrow.uint64(),
    "real": pyarrow.float64(),
    "truth": pyarrow.bool_(),
    "text": pyarrow.string(),
    "choice": pyarrow.dictionary(pyarrow.int8(), pyarrow.string()),
    "time": pyarrow.timestamp("ns", "UTC"),
    "texts": pyarrow.list_(pyarrow.string()),
    "counts": pyarrow.map_(pyarrow.string(), pyarrow.int64()),
}


def schema(table: Table) -> pyarrow.Schema:
    """Of a table; a column's metadata have its unit and what it is."""
    fields = [
        pyarrow.field(
            column.name, TYPES[column.kind], metadata={"unit": column.unit, "description": column.description}
        )
        for column in table.columns
    ]
    return pyarrow.schema(fields, metadata={"schema": VERSION, "description": table.says})


def batch(table: Table, rows: Iterable[tuple[Any, ...]]) -> pyarrow.RecordBatch:
    """Rows of a table as columns."""
    shape = schema(table)
    values = list(zip(*rows, strict=True)) or [()] * len(table.columns)
    arrays = [_array(column, some) for column, some in zip(table.columns, values, strict=True)]
    return pyarrow.RecordBatch.from_arrays(arrays, schema=shape)


def collect(name: str, rows: Iterable[tuple[Any, ...]]) -> pyarrow.Table:
    """A whole table. Raises KeyError where none has that name."""
    table = TABLES[name]
    batches: list[pyarrow.RecordBatch] = []
    batch_of = Batches(table, batches.append)
    for row in rows:
        batch_of.put(row)
    batch_of.finish()
    return pyarrow.Table.from_batches(batches, schema(table))


class Batches:
    """Collects rows of a table and hands them on as record batches of ROWS_AT_ONCE."""

    def __init__(self, table: Table, take: Callable[[pyarrow.RecordBatch], object]) -> None:
        self._table, self._take = table, take
        self._rows: list[tuple[Any, ...]] = []

    def put(self, row: tuple[Any, ...]) -> None:
        """The next row."""
        self._rows.append(row)
        if len(self._rows) >= ROWS_AT_ONCE:
            self.finish()

    def finish(self) -> None:
        """No row follows."""
        if self._rows:
            self._take(batch(self._table, self._rows))
            self._rows = []


def _array(column: Column, values: Sequence[Any]) -> pyarrow.Array:
    shape = TYPES[column.kind]
    if column.kind == "counts":
        return pyarrow.array([None if one is None else list(one.items()) for one in values], shape)
    try:
        return pyarrow.array(values, shape)
    except OverflowError:
        if column.kind != "time":
            raise
        return pyarrow.array([one if one in TIMES else None for one in values], shape)


TIMES = range(-(1 << 63), 1 << 63)
"""ns since the epoch that Arrow can hold: the years 1678 to 2261."""
