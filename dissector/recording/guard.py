"""What stays root when `xenshark live` gives it up: a process that starts and ends the program that captures, and opens
the next file of a rotation or of a log.

It is forked before a packet was read, and reads none: whoever has taken over the process that does can ask it for the
program and the files that were named on the command line, and for nothing else. It ends when nobody can ask any more,
and the program with it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import FileIO
from pathlib import Path
from struct import Struct
from threading import Lock
from typing import Protocol

MESSAGE = Struct("=Bi")
"""A request and its number, or an answer: an error's number (0: none) and a value."""

START, STATUS, SIGNAL, OPEN, REMOVE, LOG = range(6)
RUNS, ENDED = range(2)

SIGNALS = (signal.SIGINT, signal.SIGKILL, signal.SIGUSR1)
"""Those that it sends."""

TURN = 0.02
"""Seconds between one look whether the program has ended and the next."""


class Files(Protocol):
    """The files that are kept, by their numbers from 1 on."""

    def name(self, number: int) -> Path:
        """What it is called."""

    def open(self, number: int) -> int:
        """A descriptor of the empty file, to be written. Raises OSError."""

    def remove(self, number: int) -> None:
        """It need not be there. Raises OSError."""


class Process(Protocol):
    """As much of `subprocess.Popen` as a capture needs."""

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...
    def kill(self) -> None: ...


class Started(Protocol):
    """How a program that captures is started: its process, its output and what it says."""

    def __call__(self, words: Sequence[str], /) -> tuple[Process, FileIO, FileIO]: ...


def start(words: Sequence[str]) -> tuple[Process, FileIO, FileIO]:
    """The program as a child of this process. Raises OSError."""
    # A group of its own: an interrupt from the terminal is for xenshark, which then asks it to end.
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        process_group=0,
        env={**os.environ, "LC_ALL": "C"},
    )
    assert isinstance(process.stdout, FileIO) and isinstance(process.stderr, FileIO)
    return process, process.stdout, process.stderr


class Guard:
    """The asking side: `start` in place of this module's, files, and the file of a log."""

    def __init__(self, words: Sequence[str], files: Files | None, log: Callable[[], int] | None = None) -> None:
        """Forks; `words` are the only ones it starts a program with, and `files` and what `log` opens the only ones it
        opens."""
        self._words, self._files = list(words), files
        self._lock = Lock()
        """Held from a request to its answer: files are opened by a thread of their own."""
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = os.fork()
        if self._process == 0:
            try:
                self._socket.close()
                os.setpgid(0, 0)
                _serve(theirs, self._words, files, log)
            finally:
                os._exit(0)
        theirs.close()

    def start(self, words: Sequence[str]) -> tuple[Process, FileIO, FileIO]:
        """As `start` of this module."""
        assert list(words) == self._words
        _, (output, errors) = self._ask(START, 0)
        return _Guarded(self), FileIO(output), FileIO(errors)

    def name(self, number: int) -> Path:
        """As Files says."""
        assert self._files is not None
        return self._files.name(number)

    def open(self, number: int) -> int:
        """As Files says."""
        _, (file,) = self._ask(OPEN, number)
        return file

    def remove(self, number: int) -> None:
        """As Files says."""
        self._ask(REMOVE, number)

    def log(self) -> int:
        """A descriptor of the log's file, to be written. Raises OSError."""
        _, (file,) = self._ask(LOG, 0)
        return file

    def close(self) -> None:
        """Ends it, and the program if that still runs."""
        self._socket.close()
        with suppress(ChildProcessError):
            os.waitpid(self._process, 0)

    def _ask(self, request: int, number: int) -> tuple[int, list[int]]:
        """The answer's value and descriptors. Raises OSError as it came about there."""
        with self._lock:
            self._socket.send(MESSAGE.pack(request, number))
            octets, descriptors, _, _ = socket.recv_fds(self._socket, MESSAGE.size, 2)
        if not octets:
            raise OSError("the process that starts and ends the program that captures is gone")
        error, value = MESSAGE.unpack(octets)
        if error:
            raise OSError(value, os.strerror(value))
        return value, descriptors

    def status(self) -> int | None:
        """Of the program: None while it runs; minus the signal's number that ended it."""
        value, _ = self._ask(STATUS, 0)
        return None if value & 1 == RUNS else value >> 1

    def signal(self, number: int) -> None:
        """Sends the program one of SIGNALS; nothing happens if it has ended."""
        self._ask(SIGNAL, number)


class _Guarded:
    """The program that a guard has started."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def poll(self) -> int | None:
        return self._guard.status()

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self._guard.status()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("capture", timeout or 0.0)
            time.sleep(TURN)
        return status

    def send_signal(self, sig: int) -> None:
        self._guard.signal(sig)

    def kill(self) -> None:
        self._guard.signal(signal.SIGKILL)


def _serve(
    asked: socket.socket, words: Sequence[str], files: Files | None, log: Callable[[], int] | None = None
) -> None:
    """Answers until nobody can ask."""
    process: Process | None = None
    while octets := asked.recv(MESSAGE.size):
        request, number = MESSAGE.unpack(octets)
        value = 0
        opened: list[FileIO] = []
        try:
            if request == START and (process is None or process.poll() is not None):
                process, *opened = start(words)
            elif request == STATUS and process is not None:
                status = process.poll()
                value = RUNS if status is None else status << 1 | ENDED
            elif request == SIGNAL and process is not None and number in SIGNALS:
                process.send_signal(number)
            elif request == OPEN and files is not None:
                opened = [FileIO(files.open(number), "w")]
            elif request == LOG and log is not None:
                opened = [FileIO(log(), "a")]
            elif request == REMOVE and files is not None:
                files.remove(number)
        except OSError as error:
            asked.send(MESSAGE.pack(1, error.errno or 0))
            continue
        socket.send_fds(asked, [MESSAGE.pack(0, value)], [file.fileno() for file in opened])
        for file in opened:
            file.close()
    if process is not None:
        process.kill()
