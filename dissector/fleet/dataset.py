"""The dataset: a folder a table, and in it a Parquet file a capture.

A capture's files are called by a digest of the name of its first file, and the one of the table `captures`, which says
which files it was read from, of which size and age, is written last. So a capture is in the dataset if its row in
`captures` is; what a crash leaves is written over when the capture is done again; and two runs at once write the same
files. A file is written under a name with the run's own in it, by which what a worker that died has left is found.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from os import urandom
from typing import Any, NamedTuple

import pyarrow
from fsspec.core import url_to_fs
from pyarrow import dataset, parquet

from dissector.errors import UserError
from dissector.fleet.listing import File, Source
from dissector.tables.arrow import schema
from dissector.tables.rows import TABLES

FILE = pyarrow.struct([("name", pyarrow.string()), ("size", pyarrow.int64()), ("modified", pyarrow.string())])

OWN_COLUMNS = (
    pyarrow.field("size", pyarrow.int64(), metadata={"unit": "octets", "description": "of its files, as stored"}),
    pyarrow.field(
        "files",
        pyarrow.list_(FILE),
        metadata={
            "unit": "",
            "description": "that were to be read as one: name, size, when changed last, as their storage says it",
        },
    ),
    pyarrow.field("seconds", pyarrow.float64(), metadata={"unit": "s", "description": "of a processor it took"}),
)
"""What the table `captures` has beside what `export` writes."""

CAPTURES = pyarrow.schema([*schema(TABLES["captures"]), *OWN_COLUMNS], metadata=schema(TABLES["captures"]).metadata)


class _Entered(NamedTuple):
    """A capture that is in a dataset."""

    capture: str
    files: tuple[File, ...]
    """None of a capture that `live --log` watched."""
    problem: str | None


class Dataset:
    """Where tables are written and read. `url`: a folder, or an address that fsspec opens."""

    def __init__(self, url: str, run: str = "") -> None:
        """`run`: a name for all that write in one run. Raises UserError where its storage cannot be had."""
        self.url, self._run = url, run or urandom(8).hex()
        try:
            self._storage, self.path = url_to_fs(url)
        except (ImportError, OSError, ValueError) as error:
            raise UserError(f"cannot open {url}: {error}") from error
        self._is_folder = hasattr(self._storage, "auto_mkdir")

    def left(self, found: Iterable[Source], failed_too: bool = False) -> list[Source]:
        """Those that are to be read: what is in it is not, unless a file has changed, come or gone. `failed_too`: also
        what had a problem."""
        done = {one.files for one in self._entered() if not (failed_too and one.problem)}
        return [source for source in found if source.files not in done]

    def troubled(self, sources: Iterable[Source]) -> int:
        """How many of these are in it with a problem."""
        troubled = {one.files for one in self._entered() if one.problem}
        return sum(source.files in troubled for source in sources)

    def forget(self, sources: Iterable[Source]) -> None:
        """Removes what was read of the files of these as other captures: no packet is in it twice."""
        anew = {file.name: source.name for source in sources for file in source.files}
        names = set(anew.values())
        for one in self._entered():
            if one.capture not in names and any(file.name in anew for file in one.files):
                for name in sorted(TABLES, key=lambda name: name != "captures"):  # in it is what has a row there
                    self.remove(name, _part(one.capture))

    def _entered(self) -> Iterator[_Entered]:
        table = self.table("captures", is_in_part=True).select(["capture", "files", "problem"])
        for row in table.to_pylist():
            yield _Entered(row["capture"], tuple(File(**file) for file in row["files"] or ()), row["problem"])

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

    def put(self, source: Source, tables: dict[str, pyarrow.Table]) -> None:
        """What one capture has in each table but `captures`, in place of what it had."""
        for name, table in tables.items():
            if name != "captures":
                self.write(name, _part(source.name), table)

    @staticmethod
    def captures(source: Source, tables: dict[str, pyarrow.Table], seconds: float) -> pyarrow.Table:
        """What one capture has in `captures`; `seconds` of a processor it took."""
        table = tables["captures"]
        own = source.size, [file._asdict() for file in source.files], seconds
        for field, value in zip(OWN_COLUMNS, own, strict=True):
            table = table.append_column(field, pyarrow.array([value] * table.num_rows, field.type))
        return table

    def enter(self, source: Source, captures: pyarrow.Table) -> None:
        """That one capture, which was put, is in the dataset."""
        self.write("captures", _part(source.name), captures)

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
        """One file of a table, if there is one."""
        with suppress(FileNotFoundError):
            self._storage.rm(f"{self.path}/{name}/{part}")

    def sweep(self) -> None:
        """Removes what workers of this run have left that were ended while they wrote."""
        if not self._is_folder:
            return
        for path in self._storage.glob(f"{self.path}/*/.*.{self._run}.*"):
            with suppress(FileNotFoundError):
                self._storage.rm(path)

    def probe(self) -> None:
        """Raises UserError where nothing can be written."""
        path = f"{self.path}/.{self._run}"
        try:
            if self._storage.exists(self.path) and not self._storage.isdir(self.path):
                raise UserError(f"cannot write to {self.url}: is no folder")
            self._storage.makedirs(self.path, exist_ok=True)
            try:
                self._storage.pipe(path, b"xenshark")
            finally:
                with suppress(FileNotFoundError):
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
            self.remove(name, part)
            return
        octets = io.BytesIO()
        parquet.write_table(table, octets)
        if not self._is_folder:
            self._storage.pipe(whole, octets.getvalue())  # an object appears whole
            return
        self._storage.makedirs(folder, exist_ok=True)
        shadow = f"{folder}/.{part}.{self._run}.{urandom(4).hex()}"
        self._storage.pipe(shadow, octets.getvalue())
        self._storage.mv(shadow, whole)


def _part(capture: str) -> str:
    """What its files are called."""
    return f"{sha256(capture.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}.parquet"


def empty(source: Source, problem: str) -> dict[str, Any]:
    """The tables of a capture of which nothing could be read."""
    names = [field.name for field in schema(TABLES["captures"])]
    row = {**dict.fromkeys(names), "capture": source.name, "problem": problem}
    tables = {name: schema(table).empty_table() for name, table in TABLES.items()}
    return {**tables, "captures": pyarrow.Table.from_pylist([row], schema=schema(TABLES["captures"]))}
