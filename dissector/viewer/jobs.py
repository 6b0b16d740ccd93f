"""What takes long, beside the picture: a thread that reads the whole input once."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from time import monotonic
from typing import Protocol

from dissector.capture.joined import FileSet
from dissector.errors import UserError
from dissector.library import Input, Take


class Cancelled(Exception):
    """Nobody waits for the job any more."""


class Work(Protocol):
    """What takes long, and goes on while the picture looks at it."""

    @property
    def is_done(self) -> bool:
        """Whether nothing more comes of it."""

    @property
    def words(self) -> str:
        """What it is, and how far."""

    def start(self) -> None: ...

    def cancel(self) -> None:
        """It ends soon."""


class Loading(Work, Protocol):
    """What brings the records."""

    @property
    def trouble(self) -> str | None:
        """What is wrong with the input."""

    @property
    def first_time(self) -> int | None:
        """Of the first packet, ns since the epoch."""


class Job(Thread):
    """Reads an input from its beginning, and hands every event to somebody; the picture looks at it now and then."""

    def __init__(self, what: str, files: FileSet, keylog: str | None, *takers: Take, end: Callable[[], object]) -> None:
        """`what`: it in words. `end` is called in the thread when all was read, or as much as can be."""
        super().__init__(daemon=True)
        self.what = what
        self.trouble: str | None = None
        """What is wrong with the input."""
        self.is_done = self.is_cancelled = False
        self.begun = monotonic()
        self.capture = Input(files, keylog=keylog)
        self._takers, self._end = takers, end

    def run(self) -> None:
        try:
            self.capture.read(*self._takers, progress=self._look_up)
            self._end()
            self.trouble = self.capture.problem
        except Cancelled:
            pass
        except UserError as error:
            self._end()
            self.trouble = str(error)
        finally:
            self.is_done = True

    @property
    def first_time(self) -> int | None:
        """Of the first packet, ns since the epoch."""
        return self.capture.first_time

    def cancel(self) -> None:
        """The thread ends soon."""
        self.is_cancelled = True

    @property
    def words(self) -> str:
        """How far it is, and how long it will take."""
        source = self.capture.reader.source
        if not source.size:
            return self.what
        part = min(1.0, source.consumed() / source.size)
        took = monotonic() - self.begun
        left = f", {took * (1 - part) / part:.0f} s left" if part > 0.02 and took > 1 else ""
        return f"{self.what} {part:.0%}{left}"

    def _look_up(self) -> None:
        if self.is_cancelled:
            raise Cancelled
