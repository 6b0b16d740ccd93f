"""What `xenshark live` does while it captures: prints, keeps, and knows when to end, or when to begin again."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic_ns, sleep, time
from typing import Protocol

from dissector.cli.terminal import width
from dissector.engine import Engine
from dissector.errors import UserError
from dissector.events import Event, Progress
from dissector.library import crowd, no_migration, old_xen, source_of
from dissector.monitor import Monitor, Notice, Snapshot
from dissector.recording.guard import Files
from dissector.recording.privileges import User
from dissector.recording.rotation import Kept, Rotation
from dissector.recording.session import Session
from dissector.recording.trim import Trimmer
from dissector.results.encoding import dumps
from dissector.results.live import CaptureEvent, LiveEvent, SnapshotResult, StatisticsEvent, SummaryEvent
from dissector.results.source import SourceResult
from dissector.units import NS, many, printable, size
from dissector.views.analysis import as_text
from dissector.views.live import Display, Form, prepare

INTERVAL = NS // 4
"""Time (ns) from one look to the next."""

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that end the capture; what was captured is still analyzed."""


RETRY = 1.0
"""Seconds from one attempt to capture again to the next."""


class Witness(Protocol):
    """Who is told everything."""

    def take(self, event: Event) -> None:
        """The next event, before anybody is notified of it."""

    def sample(self, progress: Progress) -> None:
        """How far a direction has come."""


class Service(Protocol):
    """What goes on for weeks, from one capture to the next."""

    @property
    def witness(self) -> Witness | None:
        """Itself, if notices do not tell it enough."""

    def begin(self, program: str) -> None:
        """A capture has begun."""

    def notify(self, notice: Notice) -> None:
        """Something happened."""

    def look(self, snapshots: Sequence[Snapshot], monitor: Monitor, source: SourceResult) -> None:
        """How everything stands, several times a second; `source` is the capture so far."""

    def end(self) -> None:
        """The capture has ended."""

    def close(self) -> None:
        """No capture follows."""


class Watching:
    """An analysis under way: what is done now and then, and when it ends. Where there are services, a capture that ends
    by itself is followed by another one as soon as there can be one."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        capture: Callable[[], Session],
        files: Files | None,
        rotation: Rotation,
        services: Sequence[Service],
        complaints: deque[str],
    ) -> None:
        """`arguments` are those of the command, `files` those that are kept; `capture` begins a capture; `complaints`
        are said when there is room for them. Once this returns, nothing more needs root but what sessions and `files`
        do. Raises UserError if nothing can be captured, or the file to keep cannot be written."""
        form: Form = "lines"
        if arguments.json:
            form = "json"
        elif sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
            form = "terminal"
            prepare()
        self._arguments, self._capture, self._services = arguments, capture, services
        self._files, self._rotation = files, rotation
        self._user: User | None = None
        self._display = Display(form)
        self._complaints = complaints
        self._is_trimmed = arguments.snaplen == "auto"
        self._kept: Kept | None = None
        self._interrupts = 0
        self._is_service_ended = False
        """Whether it was ended as services are, to which no migration may just not have come yet."""
        self._ended = 0
        """Migrations that have ended, in captures before this one."""
        self._begun = self._due = self._second = monotonic_ns()
        session = capture()
        try:
            self._follow(session)
        except BaseException:
            session.close()
            raise

    def run(self, user: User | None) -> None:
        """To the end of the last capture; `user` is who came after root. Raises UserError when that is not as it should
        be."""
        self._user = user
        with ending_calls(self._interrupt):
            self._watch()
            while self._services and not self._session.capture.asked_to_stop and self._capture_again():
                self._watch()
        if not self._services:
            self._judge()
        elif not (self._ended or self._engine.migrations or self._is_service_ended):
            raise UserError(no_migration(self._engine, self._reader))

    def close(self) -> None:
        """Whatever is captured: it ends now."""
        self._session.close()

    def _follow(self, session: Session) -> None:
        """What a capture needs for itself."""
        self._session, self._reader = session, session.reader
        self._monitor = Monitor(self._notify)
        self._witnesses = [service.witness for service in self._services if service.witness is not None]
        sample = self._sample if self._witnesses else None
        self._engine = Engine(self._taker(), note_spans=self._is_trimmed, sample=sample)
        if self._files is not None:
            self._kept = self._keep(self._files)

    def _taker(self) -> Callable[[Event], None]:
        """What takes the events of a capture."""
        return self._take if self._witnesses else self._monitor.add

    def _take(self, event: Event) -> None:
        for witness in self._witnesses:
            witness.take(event)
        self._monitor.add(event)

    def _sample(self, progress: Progress) -> None:
        for witness in self._witnesses:
            witness.sample(progress)

    def _watch(self) -> None:
        """One capture, to its end."""
        self._session.capture.meanwhile = self._tick
        self._begin()
        for _ in self._engine.steps(self._reader):
            self._tick()
        self._session.conclude()
        self._finish()
        self._report()

    def _capture_again(self) -> bool:
        """Waits until there can be another capture; False if it is to end before."""
        interface = self._arguments.interface
        self._complaints.append(f"{interface}: {self._reader.trouble}; waiting until it can be captured again")
        self._print()
        self._session.close()
        while True:
            sleep(RETRY)
            if self._interrupts or self._is_late(monotonic_ns()):
                return False
            try:
                session = self._capture()
            except UserError:
                continue
            self._ended += self._monitor.ended
            self._follow(session)
            return True

    def _is_late(self, now: int) -> bool:
        duration = self._arguments.duration
        return bool(duration) and now - self._begun >= duration * NS

    def _notify(self, notice: Notice) -> None:
        self._display.notify(notice)
        for service in self._services:
            service.notify(notice)

    def _source(self) -> SourceResult:
        return source_of(self._arguments.interface, self._reader, self._engine.census, self._engine.likely)

    def _keep(self, files: Files) -> Kept:
        trimmer = Trimmer(self._reader, self._engine.connections) if self._is_trimmed else None
        return Kept(files, self._reader, self._rotation, self._complaints.append, trimmer, self._kept)

    def _begin(self) -> None:
        """Packets are captured."""
        arguments, program = self._arguments, self._session.program
        for service in self._services:
            service.begin(program)
        if self._display.form == "json":
            begun = CaptureEvent(
                interface=arguments.interface,
                program=program,
                filter=arguments.filter,
                file=arguments.write,
                user=self._user.name if self._user else None,
            )
            self._event(begun)
        else:
            root = f", root given up for {self._user.name}" if self._user else ""
            self._complaints.append(f"capturing on {arguments.interface} with {program}{root}; Ctrl-C ends")
        self._print()

    def _interrupt(self, number: int, frame: object) -> None:
        """A signal: the first ends the capture, a second one everything."""
        self._interrupts += 1
        self._is_service_ended = number == signal.SIGTERM
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
        self._serve(snapshots, is_second)
        if is_second and self._display.form == "json":
            self._statistics(snapshots)
        self._print(snapshots, self._footer())
        count = self._arguments.count
        if (count and self._ended + self._monitor.ended >= count) or self._is_late(now):
            self._session.capture.stop()

    def _serve(self, snapshots: Sequence[Snapshot], is_second: bool) -> None:
        if not self._services:
            return
        if is_second:
            self._reader.dropped_by_capture = self._session.dropped()
        source = self._source()
        for service in self._services:
            service.look(snapshots, self._monitor, source)

    def _finish(self) -> None:
        """No packet of a capture follows."""
        if self._kept is not None:
            self._kept.close()
        self._monitor.finish()
        source = self._source()
        for service in self._services:
            service.look((), self._monitor, source)
            service.end()
        if self._display.form == "json":
            self._event(SummaryEvent.of(source, self._monitor.analysis.migrations))

    def _report(self) -> None:
        """Says what came of a capture."""
        source, migrations = self._source(), self._monitor.analysis.migrations
        self._print()
        if self._display.form != "json" and migrations:
            print(as_text(source, migrations, width()), end="")
        if self._reader.dropped_by_capture:
            dropped = many(self._reader.dropped_by_capture, "packet was", "packets were")
            self._complaints.append(f"{dropped} dropped by who captured: a larger buffer (-B) may help")
            self._print()
        for words in (crowd(self._engine.remarks.crowded), self._monitor.analysis.words_left_out):
            if words:
                self._complaints.append(words)
                self._print()

    def _judge(self) -> None:
        """Raises UserError where something is wrong with a capture that nobody wants to follow another one."""
        if not self._engine.migrations:
            raise UserError(no_migration(self._engine, self._reader))
        if self._reader.trouble:
            raise UserError(f"{self._reader.name}: {self._reader.trouble}")
        if all(migration.context.legacy for migration, _ in self._monitor.analysis.migrations):
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


@contextmanager
def ending_calls(handler: Callable[[int, object], object]) -> Iterator[None]:
    """While this goes on, the signals that end the capture call something else."""
    before = {number: signal.signal(number, handler) for number in ENDING if not _stays_ignored(number)}
    try:
        yield
    finally:
        for number, one in before.items():
            signal.signal(number, one)


def _stays_ignored(number: signal.Signals) -> bool:
    """Whether a signal was ignored on purpose: nohup does so, and shells do it to interrupts of what is started with
    "&", which is no wish of anybody's."""
    return number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN
