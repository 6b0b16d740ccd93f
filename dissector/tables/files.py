"""Tables into files of a folder: each is there whole, or not at all."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Protocol, Self, TypeAlias

from dissector.output import folder, whole
from dissector.tables.columns import Column
from dissector.tables.rows import TABLES, Table

Format: TypeAlias = Literal["parquet", "arrow", "csv", "jsonl"]


class Writer(Protocol):
    """Writes the rows of one table."""

    def put(self, row: tuple[Any, ...]) -> object:
        """The next row."""

    def close(self) -> object:
        """No row follows."""


class Folder:
    """Writes tables into a folder: a file for each, which gets its name when all of it is written."""

    def __init__(self, path: Path, form: Format, wanted: Collection[str]) -> None:
        """Raises OSError if there can be no such folder, UserError where nothing can be written, ImportError where a
        format needs a package that is not there."""
        self._writers: dict[str, Writer] = {}
        with ExitStack() as files:
            files.enter_context(folder(path))
            for name in wanted:
                file = files.enter_context(whole(str(path / f"{name}.{form}")))
                self._writers[name] = WRITERS[form](TABLES[name], file)
            self._files = files.pop_all()

    def put(self, name: str, row: tuple[Any, ...]) -> None:
        """The next row of a table."""
        self._writers[name].put(row)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._files:
            if error is not None:
                raise error
            for writer in self._writers.values():
                writer.close()


class _Lines:
    """Text, a line a row."""

    def __init__(self, table: Table, file: IO[bytes]) -> None:
        self.columns, self._file = table.columns, file

    def write(self, text: str) -> int:
        return self._file.write(text.encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        self._file.flush()


class JsonLines(_Lines):
    """An object a line; times are whole ns since the epoch."""

    def put(self, row: tuple[Any, ...]) -> None:
        """The next row."""
        values = {column.name: value for column, value in zip(self.columns, row, strict=True)}
        self.write(json.dumps(values, default=dict) + "\n")


class Csv(_Lines):
    """RFC 4180, with a line of names; times are whole ns since the epoch, lists and counts are JSON."""

    def __init__(self, table: Table, file: IO[bytes]) -> None:
        super().__init__(table, file)
        self._csv = csv.writer(self)
        self._csv.writerow([column.name for column in table.columns])

    def put(self, row: tuple[Any, ...]) -> None:
        """The next row."""
        self._csv.writerow([self._text(column, value) for column, value in zip(self.columns, row, strict=True)])

    @staticmethod
    def _text(column: Column, value: Any) -> Any:
        if isinstance(value, bool):
            return "true" if value else "false"
        return json.dumps(value, default=dict) if column.kind in ("texts", "counts") else value


class Arrow:
    """Parquet, or Arrow's own format."""

    def __init__(self, table: Table, file: IO[bytes], form: Format) -> None:
        from pyarrow import ipc, parquet

        from dissector.tables.arrow import Batches, schema

        shape = schema(table)
        writer = ipc.new_file(file, shape) if form == "arrow" else parquet.ParquetWriter(file, shape)
        self._batches, self._writer = Batches(table, writer.write_batch), writer

    def put(self, row: tuple[Any, ...]) -> None:
        """The next row."""
        self._batches.put(row)

    def close(self) -> None:
        """No row follows."""
        self._batches.finish()
        self._writer.close()


WRITERS: Mapping[Format, Callable[[Table, IO[bytes]], Writer]] = {
    "parquet": lambda table, file: Arrow(table, file, "parquet"),
    "arrow": lambda table, file: Arrow(table, file, "arrow"),
    "csv": Csv,
    "jsonl": JsonLines,
}
