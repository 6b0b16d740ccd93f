"""`xenshark live --view`: a capture is watched behind a viewer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Thread
from typing import TYPE_CHECKING, Protocol

from dissector.analysis import Analysis
from dissector.cli.watching import Watching, ending_calls
from dissector.events import Event
from dissector.monitor import Notice, Snapshot
from dissector.recording.privileges import User
from dissector.views.live import standing

if TYPE_CHECKING:
    from dissector.viewer.live import Live


class Screen(Protocol):
    """As much of the viewer as is needed here."""

    def run(self) -> object:
        """Until whoever looks at it has seen enough."""

    def exit(self) -> object:
        """As if they had."""


class Viewed(Watching):
    """The same behind a viewer: a thread watches, and what there is to say is said when the terminal is free again."""

    name: str
    take: Callable[[Event], object]
    is_done = False
    trouble: str | None = None
    _has_screen = True
    _snapshots: Sequence[Snapshot] = ()
    _error: BaseException | None = None

    def show(self, viewer: Callable[[Live], Screen]) -> None:
        """`viewer` makes what it is behind; to be called once, before `run`."""
        self.name = self._arguments.interface
        self._thread = Thread(target=self._run, daemon=True)
        self._screen = viewer(self)

    @property
    def analysis(self) -> Analysis:
        """What comes of it."""
        return self._monitor.analysis

    @property
    def first_time(self) -> int | None:
        """Of the first packet, ns since the epoch."""
        return self._reader.first_time_ns

    @property
    def words(self) -> str:
        """How far it is, and what stands still."""
        return "; ".join((*standing(self._snapshots), self._footer()))

    def start(self) -> None:
        """What is captured is looked at from here on."""
        self._thread.start()

    def cancel(self) -> None:
        """The capture ends soon; what was captured until then is still looked at."""
        self._session.capture.stop()

    def run(self, user: User | None) -> None:
        """Until whoever looks at it has seen enough: then it ends, and says what came of it. Raises UserError as
        `Watching.run` does."""
        with ending_calls(lambda number, frame: self._screen.exit()):
            self._screen.run()
        self.cancel()
        self._thread.join()
        self._has_screen = False
        if self._error is not None:
            raise self._error
        super()._report()
        self._judge()

    def _run(self) -> None:
        """The thread."""
        try:
            self._watch()
            self.trouble = self._reader.trouble
        except BaseException as error:
            self._error, self.trouble = error, str(error)
        finally:
            self.is_done = True

    def _taker(self) -> Callable[[Event], None]:
        monitor = self._monitor

        def take(event: Event) -> None:
            monitor.add(event)
            self.take(event)

        return take

    def _begin(self) -> None:
        """The screen says it."""

    def _report(self) -> None:
        """Later."""

    def _notify(self, notice: Notice) -> None:
        """The screen shows it."""

    def _print(self, snapshots: Sequence[Snapshot] = (), footer: str = "") -> None:
        self._snapshots = snapshots
        if not self._has_screen:
            super()._print(snapshots, footer)
