"""What every command that reads does with its input: shows how far it is, and says what is wrong with it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePath
from shutil import get_terminal_size
from time import monotonic
from typing import Protocol

from dissector.capture.files import Octets
from dissector.cli import complain
from dissector.engine import Sample
from dissector.errors import UserError
from dissector.library import Input, Take

PATIENCE = 1.0
"""Seconds without a progress bar."""


NARROWEST, WIDEST = 80, 110
"""Columns of text that is wrapped."""


class Bounded(Protocol):
    """What remembers no more than so much of an input."""

    @property
    def words_left_out(self) -> str | None:
        """What to say of the rest, if there is any."""


def read(capture: Input, *takers: Take, show_progress: bool = True, sample: Sample | None = None) -> None:
    """Every event of an input to each of the takers. Raises UserError as `Input.read` does."""
    with _progress(capture.reader.source, capture.name, show_progress) as progress:
        capture.read(*takers, progress=progress, sample=sample)


def read_until_interrupted(capture: Input, *takers: Take, show_progress: bool = True) -> bool:
    """As `read`, but Ctrl-C ends the input, as it ends `tcpdump` before a pipe: gives whether that was so. Whoever
    calls it prints what was seen, and ends with INTERRUPTED."""
    try:
        read(capture, *takers, show_progress=show_progress)
    except KeyboardInterrupt:
        return True
    return False


def say_interrupted(name: str) -> None:
    """That what was printed is of a part of the input."""
    complain(f"{name}: interrupted, this is what was read until then")


def conclude(capture: Input, *folds: Bounded, is_interrupted: bool = False) -> None:
    """Raises UserError when what was printed is not all that the input should have held; says what there was too much
    of."""
    for words in (capture.words_not_followed, *(fold.words_left_out for fold in folds)):
        if words:
            complain(f"{capture.name}: {words}")
    if is_interrupted:
        say_interrupted(capture.name)
    if capture.problem:
        raise UserError(capture.problem)


def width() -> int:
    """How wide text may be: as the terminal, within bounds; the widest where there is none."""
    return max(NARROWEST, min(WIDEST, get_terminal_size().columns)) if sys.stdout.isatty() else WIDEST


@contextmanager
def _progress(source: Octets, name: str, wanted: bool) -> Iterator[Callable[[], None] | None]:
    """What is to be called now and then: shows on a terminal how much of the file was read."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    bar = _Bar(source, name)
    try:
        yield bar.tick
    finally:
        bar.close()


class _Bar:
    """A progress bar on standard error that appears after PATIENCE and leaves no trace."""

    def __init__(self, source: Octets, name: str) -> None:
        self._source, self._name = source, name
        self._due = monotonic() + PATIENCE
        self._close: Callable[[], None] = lambda: None
        self._show: Callable[[int], None] | None = None

    def tick(self) -> None:
        if self._show is not None:
            self._show(self._source.consumed())
        elif monotonic() >= self._due:
            self._open()

    def close(self) -> None:
        self._close()

    def _open(self) -> None:
        # Imported here because it takes longer than most files do.
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        columns = TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn()
        bar = Progress(
            *columns,
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,  # what a command prints goes where the user sends it
            redirect_stderr=False,
        )
        task = bar.add_task(PurePath(self._name).name, total=self._source.size)
        bar.start()
        self._show = lambda octets: bar.update(task, completed=octets)
        self._close = bar.stop
