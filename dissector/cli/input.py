"""What every command does with its input: opens it, runs the engine over it, and says what went wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePath
from time import monotonic

from dissector.capture.files import Octets
from dissector.capture.opening import StreamReader, open_source
from dissector.capture.reader import CaptureReader
from dissector.engine import Engine, Progress
from dissector.errors import UserError
from dissector.parser import Record

Reader = CaptureReader | StreamReader

PATIENCE = 1.0
"""Seconds without a progress bar."""


def dissect(path: str, emit: Callable[[Record], None], keep_pages: bool = False) -> tuple[Engine, Reader]:
    """Every record of a file ("-": standard input) to `emit`; the engine and the reader as they are then.

    Raises UserError, one line for a person, when the file cannot be read or holds no migration. A command
    that printed its results calls `conclude`.
    """
    reader = open_source(path)
    return follow(reader, emit, keep_pages), reader


def follow(
    reader: Reader, emit: Callable[[Record], None], keep_pages: bool = False, show_progress: bool = True
) -> Engine:
    """The same for a file that is open already; closes it."""
    engine = Engine(emit, keep_pages)
    try:
        with _progress(reader.source, reader.name, show_progress) as progress:
            if isinstance(reader, CaptureReader):
                engine.capture(reader, progress)
            else:
                engine.stream(reader, progress)
    finally:
        reader.source.close()
    if not engine.channels:
        raise UserError("; ".join(filter(None, (nothing(engine, reader), reader.trouble))))
    return engine


def conclude(engine: Engine, reader: Reader) -> None:
    """Raises UserError when what was printed is not all that the input should have held."""
    if reader.trouble:
        raise UserError(f"{reader.name}: {reader.trouble}")
    if all(channel.legacy for channel in engine.channels):
        raise UserError(
            f"{reader.name} holds a stream of Xen 4.5 or older, which is not dissected: "
            "Xen's convert-legacy-stream makes a current one of it"
        )


def nothing(engine: Engine, reader: Reader) -> str:
    """Why no migration was found, as far as one can tell."""
    if not isinstance(reader, CaptureReader):
        return f"{reader.name} is neither a capture (pcap, pcapng) nor a migration stream"
    none = f"no migration found in {reader.name}"
    if engine.encrypted:
        ciphers = ", ".join(sorted(engine.encrypted))
        return (
            f"{none}: the connection is encrypted ({ciphers}) and only ciphertext was captured; migrate over "
            "a plain transport, such as xl migrate -s '' DOMAIN 'socat - TCP:HOST:PORT'"
        )
    if engine.unread_links and not engine.connected:
        links = ", ".join(map(str, sorted(engine.unread_links)))
        return f"{none}: packets of link type {links} cannot be read (see tcpdump.org/linktypes.html)"
    return (
        f"{none}: looked for headers of xl, libxl, libxc and xenopsd on every TCP connection, and for "
        f"records of one already running (packets: {reader.frame}, TCP connections: {engine.connected})"
    )


@contextmanager
def _progress(source: Octets, name: str, wanted: bool) -> Iterator[Progress | None]:
    """What the engine is to call now and then: shows on a terminal how much of the file was read."""
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
