"""Which tables there are, and their rows, made of events as they come."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple

from dissector.analysis import Analysis, MigrationAnalysis
from dissector.events import Event, Progress, Record, Run
from dissector.facts import Fault, role_of
from dissector.facts.timeline import Timelines
from dissector.protocol import PAGE_TYPES, Role
from dissector.results.analysis import (
    GapResult,
    IterationResult,
    MigrationResult,
    PhaseResult,
)
from dissector.results.base import Result
from dissector.results.common import Direction, Offset, Pfn, Time, file_name
from dissector.results.faults import FaultResult
from dissector.results.findings import FindingResult
from dissector.results.records import PlacedResult, place
from dissector.results.source import SourceResult
from dissector.results.stalls import MigrationStallResult
from dissector.results.timeline import RateResult, TimelineResult, rates
from dissector.tables.columns import Column, columns, value_of

Row = tuple[Any, ...]
"""A value for each column of a table; times are ns since the epoch."""


def _ns(time: int, is_known: bool) -> int | None:
    return time if is_known else None


class PagesRow(Result):
    """Consecutive pfns of one page type, in one record."""

    migration: Annotated[int, "which of the input, from 0"]
    direction: Direction
    offset: Annotated[Offset, "of the record that lists them"]
    record: Annotated[str, "its name: PAGE_DATA sent them, POSTCOPY_PFNS announced them, POSTCOPY_FAULT asked for them"]
    time: Annotated[Time | None, "of its last octet"]
    first_pfn: Pfn
    count: int
    page_type: Annotated[str | None, "null on POSTCOPY_FAULT"]

    @staticmethod
    def of(record: Record, run: Run, typed: bool) -> Row:
        """The values of its fields, in order."""
        return (
            record.migration,
            record.direction,
            record.offset,
            record.name,
            _ns(record.last.time, bool(record.last.time)),
            run.first,
            run.length,
            PAGE_TYPES[run.type] if typed else None,
        )


class CaptureRow(SourceResult, kw_only=True):
    """An input as a whole."""

    left_out: Annotated[int, "migrations of which there was no room for more: they carried least, and have no rows"]
    problem: Annotated[str | None, "why what is in the tables is not all that it should hold"]


class Table(NamedTuple):
    """A table: a row for each of its things."""

    name: str
    columns: tuple[Column, ...]
    """The first is the capture's name; those of rows below a migration begin with that."""
    says: str


CAPTURE = Column("capture", (), "text", "", "the file, as it was given")
MIGRATION = Column("migration", (), "integer", "", "which of the capture, from 0")


def _table(name: str, row: type[Result], *keys: Column, without: str = "", says: str | None = None) -> Table:
    found = columns(row, frozenset(without.split()))
    return Table(name, (CAPTURE, *keys, *found), says or (row.__doc__ or "").split("\n")[0])


TABLES: Mapping[str, Table] = MappingProxyType(
    {
        table.name: table
        for table in (
            _table("captures", CaptureRow, without="file"),
            _table("migrations", MigrationResult, MIGRATION, without="id"),
            _table("records", PlacedResult, says="A record, header or handshake text."),
            _table("iterations", IterationResult, MIGRATION),
            _table("phases", PhaseResult, MIGRATION),
            _table("stalls", MigrationStallResult, MIGRATION),
            _table("faults", FaultResult),
            _table("pages", PagesRow),
            _table("gaps", GapResult, MIGRATION),
            _table("rates", RateResult, MIGRATION),
            _table("findings", FindingResult),
        )
    }
)
"""Every table, by its name. A migration is named by its capture and its number; a record by those, its direction and
its offset."""


def rows_of(capture: str, migration: MigrationResult, name: str) -> Iterator[tuple[Any, ...]]:
    """The rows that a migration has in one of the tables that are made of its result."""
    if name == "migrations":
        yield row_of(name, capture, migration, migration.id)
    for row in () if name == "migrations" else getattr(migration, name):
        yield row_of(name, capture, row, *([] if name == "findings" else [migration.id]))


def capture_row(capture: str, source: SourceResult | None, left_out: int = 0, problem: str | None = None) -> Row:
    """The row of a capture; of one that could not be opened there is no source."""
    known: dict[str, Any] = {name: getattr(source, name, None) for name in SourceResult.field_names}
    return row_of("captures", capture, CaptureRow(**known, left_out=left_out, problem=problem))


def row_of(name: str, capture: str, row: Result, *keys: int) -> Row:
    """A result as a row of a table; `keys` are the columns between its capture's name and what is its own."""
    own = TABLES[name].columns[1 + len(keys) :]
    return capture, *keys, *(value_of(row, column) for column in own)


OF_A_MIGRATION: tuple[Literal["iterations", "phases", "stalls", "gaps"], ...] = (
    "iterations",
    "phases",
    "stalls",
    "gaps",
)
"""Tables whose rows are in a migration's result, by their names there, and do not say of which it is."""


def described(table: Table) -> str:
    """A table's columns as text, a line each."""
    lines = [f"{table.name}: {table.says}"]
    for column in table.columns:
        what = f"{column.kind}, {column.unit}" if column.unit and column.kind != "time" else column.kind
        lines.append(f"  {column.name:<32}{what:<20}{column.description}".rstrip())
    return "\n".join(lines)


Put = Callable[[str, Row], object]
"""Takes a table's name and a row of it."""


class Rows:
    """A fold over the events of one input: hands on the rows of records and faults as they come, the others last."""

    def __init__(self, file: str, put: Put, wanted: Collection[str] = tuple(TABLES)) -> None:
        """`file`: what its user calls it; `wanted`: names of tables."""
        self.analysis = Analysis()
        self._timelines = Timelines(with_maps=False) if "rates" in wanted else None
        self._file, self._put, self._wanted = file_name(file), put, frozenset(wanted)
        self._waiting: dict[tuple[int, int], Fault] = {}
        """Faults without an answer so far, by migration and pfn: no more than the facts hold."""

    @property
    def sample(self) -> Callable[[Progress], None] | None:
        """What is to be told how far each direction has come; None where nobody wants to know."""
        return None if self._timelines is None else self._timelines.sample

    def add(self, event: Event) -> None:
        """The next event, in wire order."""
        noted = self.analysis.add(event)
        if self._timelines is not None:
            self._timelines.add(event)
        if isinstance(event, Record):
            if "records" in self._wanted:
                self._put("records", (self._file, *place(event, _ns)))
            if event.runs and "pages" in self._wanted:
                typed = role_of(event) is not Role.POSTCOPY_FAULT
                for run in event.runs:
                    self._put("pages", (self._file, *PagesRow.of(event, run, typed)))
        for fault in noted.faults:
            self._waiting[event.migration, fault.pfn] = fault
        for fault in (*noted.faults, *noted.answered):
            if fault.answer is not None and self._waiting.pop((event.migration, fault.pfn), None) is not None:
                self._row("faults", FaultResult.of(fault))

    def finish(self, source: SourceResult | None, problem: str | None = None) -> None:
        """No event follows. `source`: the input as a whole, None if it could not be opened; `problem`: what is wrong
        with it, in one line."""
        for fault in self._waiting.values():
            self._row("faults", FaultResult.of(fault))
        self.analysis.finish()
        if "captures" in self._wanted:
            self._put("captures", capture_row(self._file, source, self.analysis.left_out, problem))
        for one in self.analysis.migrations:
            migration = MigrationResult.of(one)
            for rate in self._rates(one):
                self._row("rates", rate, migration.id)
            for name in ("migrations", *OF_A_MIGRATION, "findings"):
                if name in self._wanted:
                    for row in rows_of(self._file, migration, name):
                        self._put(name, row)

    def _rates(self, one: MigrationAnalysis) -> Iterator[RateResult]:
        timeline = None if self._timelines is None else self._timelines.by_number.get(one.migration.number)
        return iter(()) if timeline is None else rates(TimelineResult.of(timeline, one.migration))

    def _row(self, name: str, row: Result, *keys: int) -> None:
        if name in self._wanted:
            self._put(name, row_of(name, self._file, row, *keys))
