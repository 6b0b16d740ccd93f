"""What `xenshark tap --live` shows of a recording that goes on, on standard error or on another terminal."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic_ns

from dissector.monitor import Monitor, Snapshot
from dissector.views.live import Display

USUAL = os.terminal_size((80, 24))


class Live:
    """A display and where it is. Nothing raises but `open`."""

    def __init__(self, file: int) -> None:
        """`file`: a descriptor."""
        self._file = file
        is_terminal = os.isatty(file) and os.environ.get("TERM", "dumb") != "dumb"
        self._display = Display("terminal" if is_terminal else "lines", "xenshark: ")
        self.monitor = Monitor(self._display.notify)
        """Whose `add` gets every event. To be locked while `snapshots` works, and not for longer."""

    @classmethod
    def open(cls, name: str) -> Live:
        """On another terminal. Raises OSError, also of what is none: whatever that is must not be written to. It never
        blocks: to hold it still must not hold up the tap."""
        file = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_NOCTTY | os.O_NONBLOCK)
        if not os.isatty(file):
            os.close(file)
            raise OSError(errno.ENOTTY, "it is no terminal", name)
        return cls(file)

    def snapshots(self) -> list[Snapshot]:
        """How the migrations stand."""
        return self.monitor.snapshots(monotonic_ns(), more=False)

    def show(self, snapshots: Sequence[Snapshot], footer: str) -> None:
        """Prints what is new, if it can be printed."""
        size = USUAL
        with suppress(OSError):
            size = os.get_terminal_size(self._file)
        text = self._display.text(snapshots, footer if snapshots else "", *size)
        with suppress(OSError):
            os.write(self._file, text.encode(errors="replace"))
