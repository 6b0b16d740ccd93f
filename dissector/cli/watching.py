"""What `xenshark live` does while it captures: prints, keeps, and knows when to end."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from collections import deque
from collections.abc import Sequence
from time import monotonic_ns, time

from dissector.engine import Engine
from dissector.errors import UserError
from dissector.library import crowd, no_migration, old_xen, source_of
from dissector.monitor import Monitor, Snapshot
from dissector.recording.guard import Files
from dissector.recording.privileges import User
from dissector.recording.rotation import Kept, Rotation
from dissector.recording.session import Session
from dissector.recording.trim import Trimmer
from dissector.results.encoding import dumps
from dissector.results.live import CaptureEvent, LiveEvent, SnapshotResult, StatisticsEvent, SummaryEvent
from dissector.units import NS, many, printable, size
from dissector.views.analysis import as_text
from dissector.views.live import Display, Form, prepare

INTERVAL = NS // 4
"""Time (ns) from one look to the next."""

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that end the capture; what was captured is still analyzed."""


class Watching:
    """An analysis under way: what is done now and then, and when it ends."""

    def __init__(
        self, arguments: argparse.Namespace, session: Session, files: Files | None, rotation: Rotation
    ) -> None:
        """`arguments` are those of the command, `files` those that are kept. Once this returns, nothing more needs
        root but what `session` and `files` do. Raises UserError if the file to keep cannot be written."""
        form: Form = "lines"
        if arguments.json:
            form = "json"
        elif sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
            form = "terminal"
            prepare()
        self._arguments, self._session, self._reader = arguments, session, session.reader
        self._display = Display(form)
        self._complaints: deque[str] = deque()
        self._monitor = Monitor(self._display.notify)
        self._is_trimmed = arguments.snaplen == "auto"
        self._engine = Engine(self._monitor.add, note_spans=self._is_trimmed)
        self._kept = self._keep(files, rotation) if files is not None else None
        self._interrupts = 0
        self._begun = self._due = self._second = monotonic_ns()

    def run(self, user: User | None) -> None:
        """To the end of the capture; `user` is who came after root. Raises UserError when that is not as it should
        be."""
        ending = [number for number in ENDING if not _stays_ignored(number)]
        handlers = {number: signal.signal(number, self._interrupt) for number in ending}
        self._session.capture.meanwhile = self._tick
        try:
            self._begin(user)
            for _ in self._engine.steps(self._reader):
                self._tick()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        self._session.conclude()
        self._finish()

    def _keep(self, files: Files, rotation: Rotation) -> Kept:
        trimmer = Trimmer(self._reader, self._engine.connections) if self._is_trimmed else None
        return Kept(files, self._reader, rotation, self._complaints.append, trimmer)

    def _begin(self, user: User | None) -> None:
        """Packets are captured."""
        arguments, program = self._arguments, self._session.program
        if self._display.form == "json":
            begun = CaptureEvent(
                interface=arguments.interface,
                program=program,
                filter=arguments.filter,
                file=arguments.write,
                user=user.name if user else None,
            )
            self._event(begun)
        else:
            root = f", root given up for {user.name}" if user else ""
            self._complaints.append(f"capturing on {arguments.interface} with {program}{root}; Ctrl-C ends")
        self._print()

    def _interrupt(self, number: int, frame: object) -> None:
        """A signal: the first ends the capture, a second one everything."""
        self._interrupts += 1
        if self._interrupts > 1:
            raise KeyboardInterrupt
        self._session.capture.stop()

    def _tick(self) -> None:
        """Does what is due: to be called all the time."""
        now = monotonic_ns()
        if now < self._due:
            return
        self._due = now + INTERVAL
        is_second = now >= self._second
        if is_second:
            self._second = now + NS
            self._engine.settle()
        self._engine.report_progress()
        snapshots = self._monitor.snapshots(now, self._engine.is_holding)
        if is_second and self._display.form == "json":
            self._statistics(snapshots)
        self._print(snapshots, self._footer())
        count, duration = self._arguments.count, self._arguments.duration
        if (count and self._monitor.ended >= count) or (duration and now - self._begun >= duration * NS):
            self._session.capture.stop()

    def _finish(self) -> None:
        """Says what came of it."""
        if self._kept is not None:
            self._kept.close()
        self._monitor.finish()
        source = source_of(self._arguments.interface, self._reader, self._engine.census, self._engine.likely)
        migrations = self._monitor.analysis.migrations
        if self._display.form == "json":
            self._event(SummaryEvent.of(source, migrations))
        self._print()
        if self._display.form != "json" and migrations:
            print(as_text(source, migrations), end="")
        if self._reader.dropped_by_capture:
            dropped = many(self._reader.dropped_by_capture, "packet was", "packets were")
            self._complaints.append(f"{dropped} dropped by who captured: a larger buffer (-B) may help")
            self._print()
        for words in (crowd(self._engine.remarks.crowded), self._monitor.analysis.words_left_out):
            if words:
                self._complaints.append(words)
                self._print()
        if not self._engine.migrations:
            raise UserError(no_migration(self._engine, self._reader))
        if self._reader.trouble:
            raise UserError(f"{self._reader.name}: {self._reader.trouble}")
        if all(migration.context.legacy for migration, _ in migrations):
            raise UserError(old_xen(self._reader.name))

    def _print(self, snapshots: Sequence[Snapshot] = (), footer: str = "") -> None:
        """What is new, and what there is to complain about; that must not be written over the picture."""
        if self._display.start is None:
            self._display.start = self._reader.first_time_ns
        complaints = [f"xenshark: {printable(self._complaints.popleft())}" for _ in range(len(self._complaints))]
        if footer and self._display.form == "terminal":
            for line in complaints:
                self._display.add(line)
            complaints = []
        sys.stdout.write(self._display.text(snapshots, footer, *shutil.get_terminal_size()))
        sys.stdout.flush()
        sys.stderr.writelines(f"{line}\n" for line in complaints)
        sys.stderr.flush()

    def _footer(self) -> str:
        reader = self._reader
        words = f"{self._arguments.interface}: {many(reader.frame, 'packet')}, {size(reader.octets)}"
        words += f"; {size(self._kept.octets)} in {self._arguments.write}" if self._kept else ""
        return words + ("" if self._engine.migrations else "; no migration yet")

    def _statistics(self, snapshots: Sequence[Snapshot]) -> None:
        statistics = StatisticsEvent(
            time=time(),
            packets=self._reader.frame,
            bytes=self._reader.octets,
            kept=self._kept.octets if self._kept else None,
            migrations=tuple(map(SnapshotResult.of, snapshots)),
        )
        self._event(statistics)

    def _event(self, event: LiveEvent) -> None:
        self._display.add(dumps(event))


def _stays_ignored(number: signal.Signals) -> bool:
    """Whether a signal was ignored on purpose: nohup does so, and shells do it to interrupts of what is started with
    "&", which is no wish of anybody's."""
    return number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN
