"""The dataset: a folder a table, and in it a Parquet file a capture.

A capture's files are called by a digest of its address, and the one of the table `captures`, which says of which size
and age of the capture they are, is written last. So a capture is in the dataset if its row in `captures` is; what a
crash leaves is written over when the capture is done again; and two runs at once write the same files.
"""

from __future__ import annotations

import io
from hashlib import sha256
from os import urandom
from typing import Any

import pyarrow
from fsspec.core import url_to_fs
from pyarrow import dataset, parquet

from dissector.errors import UserError
from dissector.fleet.listing import Source
from dissector.tables.arrow import schema
from dissector.tables.rows import TABLES

OWN_COLUMNS = (
    pyarrow.field("size", pyarrow.int64(), metadata={"unit": "octets", "description": "of the file, as it is stored"}),
    pyarrow.field("modified", pyarrow.string(), metadata={"unit": "", "description": "when, as its storage says it"}),
    pyarrow.field("seconds", pyarrow.float64(), metadata={"unit": "s", "description": "of a processor it took"}),
)
"""What the table `captures` has beside what `export` writes."""

CAPTURES = pyarrow.schema([*schema(TABLES["captures"]), *OWN_COLUMNS], metadata=schema(TABLES["captures"]).metadata)


class Dataset:
    """Where tables are written and read. `url`: a folder, or an address that fsspec opens."""

    def __init__(self, url: str) -> None:
        """Raises UserError where its storage cannot be had."""
        self.url = url
        try:
            self._storage, self.path = url_to_fs(url)
        except (ImportError, OSError, ValueError) as error:
            raise UserError(f"cannot open {url}: {error}") from error

    def done(self, failed_too: bool = True) -> set[Source]:
        """The captures that are in it, as they were. `failed_too`: also those that had a problem."""
        rows = self.table("captures", is_in_part=True).select(["capture", "size", "modified", "problem"]).to_pylist()
        return {
            Source(row["capture"], row["size"], row["modified"]) for row in rows if failed_too or row["problem"] is None
        }

    def table(self, name: str, is_in_part: bool = False) -> pyarrow.Table:
        """All of a table. `is_in_part`: without the files that are damaged, which else raise UserError."""
        shape = CAPTURES if name == "captures" else schema(TABLES[name])
        paths = sorted(self._storage.glob(f"{self.path}/{name}/*.parquet"))
        try:
            return self._rows(paths, shape)
        except (pyarrow.ArrowException, OSError):
            damaged = {path: problem for path in paths if (problem := self._problem(path, shape)) is not None}
        if not is_in_part:
            for path, problem in damaged.items():
                part = path.rpartition("/")[2]
                raise UserError(
                    f"{path} is damaged ({problem}): remove {self.path}/captures/{part}, and fleet makes it again"
                )
        return self._rows([path for path in paths if path not in damaged], shape)

    def _rows(self, paths: list[str], shape: pyarrow.Schema) -> pyarrow.Table:
        if not paths:
            return shape.empty_table()
        return dataset.dataset(paths, schema=shape, format="parquet", filesystem=self._storage).to_table()

    def _problem(self, path: str, shape: pyarrow.Schema) -> str | None:
        """What is wrong with a file, in one line."""
        try:
            self._rows([path], shape)
        except (pyarrow.ArrowException, OSError) as error:
            return str(error).splitlines()[0]
        return None

    def put(self, source: Source, tables: dict[str, pyarrow.Table], seconds: float) -> None:
        """What one capture has in each table, in place of what it had; `seconds` of a processor it took."""
        part = f"{sha256(source.url.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}.parquet"
        own = zip(OWN_COLUMNS, (source.size, source.modified, seconds), strict=True)
        for name, table in tables.items():
            if name != "captures":
                self.write(name, part, table)
        captures = tables["captures"]
        for field, value in own:
            captures = captures.append_column(field, pyarrow.array([value] * captures.num_rows, field.type))
        self.write("captures", part, captures)

    def part(self, name: str, part: str) -> pyarrow.Table:
        """One file of a table; no rows if there is none."""
        path, shape = f"{self.path}/{name}/{part}", CAPTURES if name == "captures" else schema(TABLES[name])
        if not self._storage.exists(path):
            return shape.empty_table()
        return dataset.dataset([path], schema=shape, format="parquet", filesystem=self._storage).to_table()

    def parts(self, name: str) -> list[str]:
        """The names of a table's files."""
        return [path.rpartition("/")[2] for path in sorted(self._storage.glob(f"{self.path}/{name}/*.parquet"))]

    def remove(self, name: str, part: str) -> None:
        """One file of a table."""
        self._storage.rm(f"{self.path}/{name}/{part}")

    def probe(self) -> None:
        """Raises UserError where nothing can be written."""
        path = f"{self.path}/.{urandom(4).hex()}"
        try:
            if self._storage.exists(self.path) and not self._storage.isdir(self.path):
                raise UserError(f"cannot write to {self.url}: is no folder")
            self._storage.makedirs(self.path, exist_ok=True)
            self._storage.pipe(path, b"xenshark")
            self._storage.rm(path)
        except UserError:
            raise
        except Exception as error:  # storages raise what they like
            raise UserError(f"cannot write to {self.url}: {getattr(error, 'strerror', None) or error}") from error

    def write(self, name: str, part: str, table: pyarrow.Table) -> None:
        """One file of a table, whole or not at all, in place of what has its name; without rows there is none."""
        folder = f"{self.path}/{name}"
        whole = f"{folder}/{part}"
        if not table.num_rows:
            if self._storage.exists(whole):
                self._storage.rm(whole)
            return
        octets = io.BytesIO()
        parquet.write_table(table, octets)
        if not hasattr(self._storage, "auto_mkdir"):
            self._storage.pipe(whole, octets.getvalue())  # an object appears whole
            return
        self._storage.makedirs(folder, exist_ok=True)
        shadow = f"{folder}/.{part}.{urandom(4).hex()}"
        self._storage.pipe(shadow, octets.getvalue())
        self._storage.mv(shadow, whole)


def empty(source: Source, problem: str) -> dict[str, Any]:
    """The tables of a capture of which nothing could be read."""
    names = [field.name for field in schema(TABLES["captures"])]
    row = {**dict.fromkeys(names), "capture": source.url, "problem": problem}
    tables = {name: schema(table).empty_table() for name, table in TABLES.items()}
    return {**tables, "captures": pyarrow.Table.from_pylist([row], schema=schema(TABLES["captures"]))}
