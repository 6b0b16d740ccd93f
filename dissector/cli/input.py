"""What every command that reads does with its inputs: finds them, shows how far each is, and says what is wrong."""

from __future__ import annotations

import argparse
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path, PurePath
from time import monotonic
from typing import Any, NamedTuple, Protocol, TextIO, cast

from dissector.capture.files import Octets
from dissector.capture.joined import FileSet
from dissector.capture.sets import can_be_read_once, listed
from dissector.cli import DONE, INTERRUPTED, complain
from dissector.engine import Sample
from dissector.errors import UserError
from dissector.library import Input, Take, gather
from dissector.units import input_name, many, printable

PATIENCE = 1.0
"""Seconds without a progress bar."""


class Opened(NamedTuple):
    """An input that a user named."""

    files: FileSet
    capture: Input | None
    """None: it could not be opened."""
    problem: str | None
    """Why, in one line."""


def sets(paths: Sequence[str], join: bool | None) -> list[FileSet]:
    """The inputs in what `add_files` took; says what a user has to know of them."""
    found = gather(paths, join)
    for remark in found.remarks:
        complain(remark)
    return found.files


def only(paths: Sequence[str], join: bool | None, what: str, is_read_twice: bool = False) -> FileSet:
    """The one input of a command that does `what` with it. Raises UserError if there are several, or if it is to be
    read twice and cannot be."""
    found = sets(paths, join)
    if len(found) > 1:
        names = [files.name for files in found]
        raise UserError(
            f"{what} takes one capture, and these are {len(found)}: {listed(names)}; --join makes one of them"
        )
    (files,) = found
    if files.problem is not None:
        raise UserError(files.problem)
    path = files.paths[0]
    if is_read_twice and can_be_read_once(path):
        name = input_name(path) if path == "-" else f"{path} is no regular file and"
        raise UserError(f"{name} cannot be taken by {what}: a capture is read twice")
    return files


KEY = re.compile(rb"^(?:[A-Z][A-Z0-9_]* [0-9a-fA-F]{16,} [0-9a-fA-F]{16,}|RSA Session-ID:\w+ Master-Key:\w+)\s*$", re.M)
"""A line of a key log file. Sources: draft-ietf-tls-keylogfile, 2; ssl_compile_keyfile_regex of Wireshark."""

KEYLOG_LOOKED = 1 << 24
"""Octets of a key log file in which a key is looked for."""


def look_at_keys(keylog: str | None) -> None:
    """Says that a key log file has no key in it. One that cannot be read is for who opens the input to say; a pipe is
    left alone, as it can be read once."""
    if keylog is None or not Path(keylog).is_file():
        return
    with suppress(OSError), Path(keylog).open("rb") as file:
        if not KEY.search(file.read(KEYLOG_LOOKED)):
            complain(f"{keylog} has no keys of TLS in it: no line is a label, a random number and a secret")


def opened(files: Sequence[FileSet], keylog: str | None = None, keep_pages: bool = False) -> Iterator[Opened]:
    """Each input in its turn; behind it, as another one, what was to be joined with it and does not go on where it
    ends. Says what was joined."""
    look_at_keys(keylog)
    left = deque(files)
    while left:
        one = left.popleft()
        try:
            capture = Input(one, keep_pages, keylog)
        except UserError as error:
            yield Opened(one, None, str(error))
            continue
        yield Opened(one, capture, None)
        say_joined(capture.joined)
        if capture.not_joined is not None:
            if capture.words_not_joined and not one.is_asked:  # else it is what is wrong with the capture
                complain(capture.words_not_joined)
            left.appendleft(capture.not_joined)


def say_joined(paths: Sequence[str]) -> None:
    """Which files were read as one capture."""
    if paths:
        complain(f"read as one capture: {listed(paths)} ({many(len(paths), 'file')}; --no-join keeps them apart)")


def each(
    arguments: argparse.Namespace, act: Callable[[Input], int], title: str | None = None, keep_pages: bool = False
) -> int:
    """Does something with each of the inputs; what is wrong with one keeps no other from its turn. Gives the worst exit
    status. `title`: what stands before each of several, which are then a line apart."""
    status, files = DONE, sets(arguments.files, arguments.join)
    several, is_first = len(files) > 1, True
    for at, (one, capture, problem) in enumerate(opened(files, arguments.keylog, keep_pages)):
        if capture is not None:
            several = several or at > 0
            before = ("" if is_first else "\n") + title.format(printable(one.name)) if title is not None else ""
            try:
                with titled(before if several else "") as is_said:
                    done = act(capture)
            except UserError as error:
                problem = str(error)
            else:
                if done == INTERRUPTED:
                    return done
                status = max(status, done)
            is_first = is_first and not is_said()
        if problem is not None:
            status = complain(problem)
    return status


TITLE = "==> {} <==\n"
"""What head and tail write before each of several files."""


class Titled:
    """Standard output with something before the first of what is written."""

    def __init__(self, out: TextIO, before: str) -> None:
        self._out, self._before = out, before
        self.is_said = False

    def write(self, text: str) -> int:
        if not self.is_said and text:
            self.is_said = True
            self._out.write(self._before)
        return self._out.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)


@contextmanager
def titled(before: str) -> Iterator[Callable[[], bool]]:
    """Standard output, with that before what is printed, if anything is: whether it was."""
    out = Titled(sys.stdout, before)
    with redirect_stdout(cast("TextIO", out)):
        yield lambda: out.is_said


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


def conclude_only(capture: Input, *folds: Bounded) -> None:
    """As `conclude`, for a command that takes one capture: raises UserError also if some of its files are not of it."""
    if capture.words_not_joined is not None:
        raise UserError(capture.words_not_joined)
    say_joined(capture.joined)
    conclude(capture, *folds)


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


def is_on_a_terminal() -> bool:
    """Whether there is somebody to look at it, and to press keys."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


@contextmanager
def _progress(source: Octets, name: str, wanted: bool) -> Iterator[Callable[[], None] | None]:
    """What is to be called now and then: shows on a terminal how much of the file was read."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    bar = Bar(PurePath(name).name, source.size)
    try:
        yield lambda: bar.tick(source.consumed)
    finally:
        bar.close()


@contextmanager
def twice(name: str) -> Iterator[Callable[[Octets], None]]:
    """What is to be shown now and then the source of a capture that is read twice: one bar for both, on a terminal."""
    bar: Bar | None = None
    sources: list[Octets] = []

    def look(source: Octets) -> None:
        nonlocal bar
        if not sources or sources[-1] is not source:
            sources.append(source)
        size = source.size or 0
        bar = bar or Bar(PurePath(name).name, 2 * size or None)
        bar.tick(lambda: (len(sources) - 1) * size + source.consumed())

    try:
        yield look if sys.stderr.isatty() else lambda source: None
    finally:
        if bar is not None:
            bar.close()


class Bar:
    """A progress bar on standard error that appears after PATIENCE and leaves no trace: octets, their rate, what is
    left."""

    def __init__(self, name: str, total: int | None) -> None:
        """`total`: octets; None where nobody knows."""
        self._name, self._total = name, total
        self._due = monotonic() + PATIENCE
        self._close: Callable[[], None] = lambda: None
        self._show: Callable[[int, str], None] | None = None
        self.say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)
        """Prints a line, above the bar where there is one."""

    def tick(self, consumed: Callable[[], int], name: str | None = None) -> None:
        """To be called now and then; `consumed` says how many octets are done."""
        if self._show is not None:
            self._show(consumed(), name or self._name)
        elif monotonic() >= self._due:
            self._open()

    def close(self) -> None:
        """Nothing follows."""
        self._close()

    def _open(self) -> None:
        # Imported here because it takes longer than most files do.
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        columns = TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn()
        bar = Progress(
            *columns,
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,  # what a command prints goes where the user sends it
            redirect_stderr=False,
        )
        task = bar.add_task(self._name, total=self._total)
        bar.start()
        self._show = lambda octets, name: bar.update(task, completed=octets, description=name)
        self.say = lambda line: bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        self._close = bar.stop
