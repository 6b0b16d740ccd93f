"""What a program that captures writes while it runs: a source of octets that never lets its reader sleep for long."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from io import FileIO

from dissector.capture.files import Octets, widen
from dissector.capture.opening import recognise
from dissector.capture.reader import CaptureReader
from dissector.errors import UserError
from dissector.recording.guard import Process, Started, start
from dissector.recording.programs import LISTENING, Program, Wanted, complaint, lost, reason

SAID_MAX = 1 << 16
"""Octets of what a program says that are remembered: its last ones."""

TURN = 0.1
"""Seconds."""

PATIENCE = 5.0
"""Seconds in which a program has to end when it is asked to."""


class Capture(Octets):
    """A program that captures. A read calls `meanwhile`, and calls it again every TURN as long as nothing comes."""

    def __init__(self, process: Process, output: FileIO, errors: FileIO) -> None:
        super().__init__(output, b"", None)
        self.said = b""
        """What it wrote to standard error."""
        self.asked_to_stop = False
        self.meanwhile: Callable[[], None] = lambda: None
        self._process = process
        self._spoken = errors
        self._output, self._errors = output.fileno(), errors.fileno()
        self._poll = select.poll()
        for descriptor in (self._output, self._errors):
            self._poll.register(descriptor, select.POLLIN)
        widen(self._output)

    def readinto(self, target: memoryview) -> int:
        while True:
            events = dict(self._poll.poll(TURN * 1000))
            self.meanwhile()
            if self._errors in events:
                self._listen()
            if self._output in events:
                return super().readinto(target)

    def send(self, number: signal.Signals) -> None:
        """A signal for the program, if it still runs."""
        if self._process.poll() is None:
            self._process.send_signal(number)

    def stop(self) -> None:
        """Asks the program to end: what it has captured so far is still read."""
        if not self.asked_to_stop:
            self.send(signal.SIGINT)
        self.asked_to_stop = True

    def end(self) -> int:
        """Waits for the end of a program that has closed its output; gives its exit status."""
        try:
            status = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        while self._listen():
            pass
        return status

    def close(self) -> None:
        """Whatever it is doing: it ends now."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        super().close()
        self._spoken.close()

    def _listen(self) -> bool:
        """Takes what it says; False at the end of that."""
        octets = os.read(self._errors, SAID_MAX)
        self.said = (self.said + octets)[-SAID_MAX:]
        if not octets:
            with suppress(KeyError):
                self._poll.unregister(self._errors)
        return bool(octets)


class Session:
    """A capture that was started: the reader of its packets, and what came of it."""

    def __init__(self, program: Program, path: str, wanted: Wanted, start: Started = start) -> None:
        """Returns once packets are captured. Raises UserError, one line for a person, if that cannot be."""
        self.program = program.name
        self._program, self._path, self._wanted = program, path, wanted
        self._is_listening = False
        try:
            self.capture = Capture(*start(program.words(path, wanted)))
        except OSError as error:
            raise UserError(f"cannot start {path}: {error.strerror or error}") from error
        try:
            self.reader = self._recognised()
        except BaseException:
            self.capture.close()
            raise

    def _recognised(self) -> CaptureReader:
        try:
            reader = recognise(self.capture, self._wanted.interface)
        except UserError as error:
            status = self.capture.end()
            raise UserError(complaint(self._program, self._path, self._wanted, self._said, status)) from error
        if not isinstance(reader, CaptureReader):
            raise UserError(f"{self._path} wrote no capture")
        return reader

    @property
    def _said(self) -> str:
        return self.capture.said.decode(errors="replace")

    def dropped(self) -> int:
        """Packets that the program has said it lost; asks it for the next time, if it can be asked."""
        asks = self._program.asks
        self._is_listening = self._is_listening or LISTENING in self._said
        if asks is not None and self._is_listening and not self.capture.asked_to_stop:
            self.capture.send(asks)
        return max(self.reader.dropped_by_capture, lost(self._program, self._said) or 0)

    def close(self) -> None:
        """Whatever it is doing: it ends now."""
        self.capture.close()

    def conclude(self) -> None:
        """Once all was read: what the program says it lost, and why it ended if nobody asked it to."""
        status = self.capture.end()
        count = lost(self._program, self._said)
        if count is not None:
            self.reader.dropped_by_capture = count
        if not self.capture.asked_to_stop:
            self.reader.trouble = f"{self.program} ended by itself: {reason(self._program, self._said, status)}"
