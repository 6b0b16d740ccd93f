"""A log of every migration that has ended, for weeks: one JSON line each, a file a day.

What cannot be written waits, as much of it as is bounded, and is written when that goes again. Each line is written at
once, so that whoever reads along sees whole ones.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from socket import gethostname
from time import time_ns
from typing import NamedTuple, Protocol

from dissector.analysis import MigrationAnalysis
from dissector.errors import UserError
from dissector.events import Event, Progress
from dissector.facts import Fault
from dissector.facts.timeline import Timelines
from dissector.monitor import Monitor, Notice, Snapshot
from dissector.output import OWNER_ALONE, append
from dissector.results.analysis import MigrationResult
from dissector.results.encoding import dumps
from dissector.results.faults import FaultResult
from dissector.results.live import LoggedResult
from dissector.results.source import SourceResult
from dissector.results.timeline import RateResult, TimelineResult, rates
from dissector.units import iso_text, many, micros

WAITING = 1 << 8
"""Migrations that wait to be written; of more the oldest are lost, and that is said."""


FAULTS_MAX = 1 << 16
"""Faults that are remembered until their migrations end; further ones are lost, and that is said."""


class Logged(NamedTuple):
    """A migration that has ended."""

    migration: MigrationResult
    faults: Sequence[FaultResult] = ()
    rates: Sequence[RateResult] = ()


class Sink(Protocol):
    """Where they are written."""

    name: str
    """What its user calls it."""
    has_tables: bool
    """Whether it has room for faults and rates."""

    def begin(self) -> None:
        """A capture has begun. Raises UserError where nothing can be written."""

    def write(self, capture: str, source: SourceResult, migrations: Sequence[Logged]) -> None:
        """More of them, of one capture. Raises OSError where none of them could be written: then it is called again."""

    def close(self) -> None:
        """Nothing follows."""


class Log:
    """Hands every migration that has ended to a sink."""

    def __init__(self, sink: Sink, interface: str, complain: Callable[[str], None]) -> None:
        self._sink, self._interface, self._complain = sink, interface, complain
        self.witness = self if sink.has_tables else None
        self._timelines = Timelines(with_maps=False)
        self._faults: dict[int, list[FaultResult]] = {}
        """Those that were answered, of the migrations that go on."""
        self._room = FAULTS_MAX
        self._faults_lost = 0
        self._waiting: deque[Logged] = deque()
        self._capture = ""
        self._lost = 0
        self._is_failing = False

    def begin(self, program: str) -> None:
        """A capture has begun: migrations are numbered anew. Raises UserError where nothing can be logged."""
        self._sink.begin()
        self._timelines, self._faults, self._room = Timelines(with_maps=False), {}, FAULTS_MAX
        self._capture = f"{gethostname()}:{self._interface}:{iso_text(micros(time_ns()))}"

    def take(self, event: Event) -> None:
        """The next event, before anybody is notified of it."""
        self._timelines.add(event)

    def sample(self, progress: Progress) -> None:
        """How far a direction has come."""
        self._timelines.sample(progress)

    def notify(self, notice: Notice) -> None:
        """Something happened."""
        if notice.kind == "end":
            if len(self._waiting) >= WAITING:
                self._waiting.popleft()
                self._lost += 1
            self._waiting.append(self._logged(notice.analysis))
        elif self.witness is None:
            return
        elif notice.kind == "migration":
            self._faults[notice.analysis.migration.number] = []
        elif notice.kind == "fault":
            assert isinstance(notice.subject, Fault)
            self._remember(notice.analysis.migration.number, notice.subject)

    def _remember(self, number: int, fault: Fault) -> None:
        faults = self._faults.get(number)
        if faults is None:
            return  # the migration has ended before
        if not self._room:
            self._faults_lost += 1
            return
        self._room -= 1
        faults.append(FaultResult.of(fault))

    def _logged(self, analysis: MigrationAnalysis) -> Logged:
        migration, result = analysis.migration, MigrationResult.of(analysis)
        if self.witness is None:
            return Logged(result)
        answered = self._faults.pop(migration.number, [])
        self._room += len(answered)
        timeline = self._timelines.take(migration.number)
        unanswered = map(FaultResult.of, migration.faults.unanswered)
        told = () if timeline is None else tuple(rates(TimelineResult.of(timeline, migration)))
        if self._faults_lost:
            self._complain(f"{self._sink.name}: {many(self._faults_lost, 'fault')} not logged: there were too many")
            self._faults_lost = 0
        return Logged(result, (*answered, *unanswered), told)

    def look(self, snapshots: Sequence[Snapshot], monitor: Monitor, source: SourceResult) -> None:
        """Writes what waits."""
        if not self._waiting:
            return
        try:
            self._sink.write(self._capture, source, tuple(self._waiting))
        except OSError as error:
            if not self._is_failing:
                self._complain(f"{self._sink.name}: {error.strerror or error}; migrations wait to be logged")
            self._is_failing = True
            return
        self._waiting.clear()
        if self._is_failing:
            lost = f", {many(self._lost, 'migration')} lost" if self._lost else ""
            self._complain(f"{self._sink.name}: logged again{lost}")
        self._is_failing, self._lost = False, 0

    def end(self) -> None:
        """The capture has ended; another one may begin."""
        if self._waiting:
            self._lost += len(self._waiting)
            self._waiting.clear()
            self._complain(f"{self._sink.name}: {many(self._lost, 'migration')} could not be logged")

    def close(self) -> None:
        """Nothing follows."""
        self._sink.close()


def today() -> str:
    """The day as it is in names, UTC."""
    return datetime.now(UTC).date().isoformat()


def is_too_old(day: str, keep: int | None) -> bool:
    """Whether a day (2026-11-26) is before the last so many ones."""
    with suppress(ValueError):
        return keep is not None and date.fromisoformat(day) <= date.fromisoformat(today()) - timedelta(days=keep)
    return False


class Lines:
    """A JSON line each, in the file of today."""

    has_tables = False

    def __init__(self, files: Dated) -> None:
        """Raises UserError where it cannot be written."""
        self.name = files.name
        self._files = files
        self._file = -1
        self._day = ""
        try:
            self._rotate()
        except OSError as error:
            raise UserError(f"cannot write {files.name}: {error.strerror or error}") from error

    def begin(self) -> None:
        """A capture has begun."""

    def write(self, capture: str, source: SourceResult, migrations: Sequence[Logged]) -> None:
        """More lines: all, or none of them. Raises OSError where they cannot be written."""
        self._rotate()
        lines = [dumps(LoggedResult(**vars(one.migration), capture=capture)) + "\n" for one in migrations]
        append(self._file, "".join(lines).encode(), os.fstat(self._file).st_size)

    def close(self) -> None:
        """Nothing follows."""
        os.close(self._file)

    def _rotate(self) -> None:
        """Opens the file if it is not that of today, or no longer there: somebody else may move logs away, too."""
        day = today()
        if self._day == day and self._files.is_there(self._file):
            return
        opened = self._files.asks()
        if self._file >= 0:
            os.close(self._file)
        self._file, self._day = opened, day


class Dated:
    """The file of a log and those of days before: `migrations.jsonl` is of today, and is called
    `migrations-2026-11-26.jsonl` once that is over."""

    def __init__(self, path: str, keep: int | None, own: Callable[[int], None] = lambda file: None) -> None:
        """`keep`: days of which a file is left, None: all; `own` is called with the descriptor of each."""
        self.name = path
        self.asks: Callable[[], int] = self.open
        """What opens it: somebody else, where that is for root alone."""
        self._path, self._keep, self._own = Path(path), keep, own

    def open(self) -> int:
        """A descriptor of today's file, to be appended to; moves away one of another day, and deletes those that are
        too old. Raises OSError."""
        path = self._path
        if path.is_file() and not path.is_symlink() and (of := _day_of(path)) != today():
            path.rename(self._free(of))
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, OWNER_ALONE)
        self._own(file)
        for old, of in self._dated():
            if is_too_old(of, self._keep):
                old.unlink(missing_ok=True)
        return file

    def is_there(self, file: int) -> bool:
        """Whether what was opened still has the name; False if that cannot be seen."""
        with suppress(OSError):
            return os.path.samestat(os.fstat(file), self._path.stat())
        return False

    def _free(self, day: str) -> Path:
        """The name of a day's file; a second one of the day gets a number."""
        path, number = self._path.with_name(f"{self._path.stem}-{day}{self._path.suffix}"), 1
        while path.exists():
            number += 1
            path = self._path.with_name(f"{self._path.stem}-{day}.{number}{self._path.suffix}")
        return path

    def _dated(self) -> list[tuple[Path, str]]:
        stem, suffix = re.escape(self._path.stem), re.escape(self._path.suffix)
        pattern = re.compile(rf"{stem}-(\d{{4}}-\d\d-\d\d)(\.\d+)?{suffix}")
        found = ((path, pattern.fullmatch(path.name)) for path in self._path.parent.iterdir())
        return [(path, match[1]) for path, match in found if match]


def _day_of(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()
