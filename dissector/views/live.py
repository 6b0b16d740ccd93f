"""Migrations that go on, as a picture on a terminal, as lines, and as JSON; made as text, printed by whoever asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple
from typing import Any, Literal, TypeAlias

from dissector.facts import Iteration
from dissector.monitor import Notice, NoticeKind, Snapshot
from dissector.results.encoding import dumps
from dissector.results.live import event_of
from dissector.rules.findings import Finding
from dissector.rules.verdict import verdict
from dissector.units import NS, duration, many, micros, printable, seconds_text, size
from dissector.views.analysis import flow_as_text, guest_as_text
from dissector.views.findings import tally

Form: TypeAlias = Literal["terminal", "lines", "json"]

Row = tuple[str, str, str]
"""What it is, what there is to say of it, and in which style."""

BACK_TO_START = "\r\x1b[J"
"""Deletes from the cursor's line to the end of the screen."""

STAY: frozenset[NoticeKind] = frozenset({"migration", "finding", "end"})
"""Notices that are lines on a terminal, too: the picture shows the others."""

STYLES = {"error": "bold red", "warning": "yellow", "note": ""}


def as_line(notice: Notice, start: int) -> str | None:
    """One notice as a line that begins with the time since `start` (ns since the epoch); None: it makes none."""
    words = WORDS[notice.kind](notice)
    if words is None:
        return None
    time = seconds_text(micros(max((notice.time or start) - start, 0)))
    return printable(f"{time:>12} migration {notice.analysis.migration.number}: {words}")


def _iteration(notice: Notice) -> str | None:
    assert isinstance(notice.subject, Iteration)
    index, is_verify = notice.subject.index, notice.subject.verify
    if index == 0 and not is_verify:
        return None  # precopy begins with it
    return f"{'verify' if is_verify else f'iteration {index}'} begins{_so_far(notice)}"


def _finding(notice: Notice) -> str:
    assert isinstance(notice.subject, Finding)
    return f"{notice.subject.severity} {notice.subject.rule} {printable(notice.subject.message)}"


def _end(notice: Notice) -> str:
    migration, checker = notice.analysis
    return f"{migration.outcome}: {verdict(migration, checker.findings)}{_so_far(notice)}"


def _so_far(notice: Notice) -> str:
    migration = notice.analysis.migration
    pages = migration.pages.data_pages + migration.faults.pages
    outstanding = f", {migration.faults.never_sent:,} outstanding" if migration.faults.announced else ""
    return f"; so far {many(pages, 'page')}{outstanding}" if pages else ""


WORDS: Mapping[NoticeKind, Callable[[Any], str | None]] = {
    "migration": lambda notice: flow_as_text(notice.analysis.migration.flow),
    "phase": lambda notice: f"{notice.subject.name} begins{_so_far(notice)}",
    "iteration": _iteration,
    "fault": lambda notice: None,
    "finding": _finding,
    "end": _end,
}
"""What there is to say of each kind of notice."""


class Display:
    """What happens, as text: lines, JSON lines, or for a terminal a picture that changes, below lines that stay.

    It is no `rich.live.Live`, because that prints by itself and hides the cursor: here a recording goes on though the
    terminal is gone or full, and another program (ssh, xl) writes to the same one, below the picture.
    """

    def __init__(self, form: Form, prefix: str = "") -> None:
        """`prefix` begins each line."""
        self.form = form
        self.start: int | None = None
        """The time (ns since the epoch) that lines count from; None: that of the first notice."""
        self._prefix = prefix
        self._lines: list[str] = []
        self._picture = ""

    def notify(self, notice: Notice) -> None:
        """Something happened: made to text now, for facts change."""
        if self.form == "json":
            self.add(dumps(event_of(notice)))
        elif self.form == "lines" or notice.kind in STAY:
            self.start = notice.time if self.start is None else self.start
            line = as_line(notice, self.start or 0)
            if line is not None:
                self.add(line)

    def add(self, line: str) -> None:
        """Any other line."""
        self._lines.append(f"{self._prefix}{line}\n")

    def text(self, snapshots: Sequence[Snapshot], footer: str, width: int, height: int) -> str:
        """What to print now; the picture, if there is to be one, fits a terminal of this size."""
        lines, self._lines = "".join(self._lines), []
        if self.form != "terminal":
            return lines
        before, self._picture = self._picture, picture(snapshots, footer, width, height) if footer else ""
        if not lines and self._picture == before:
            return ""  # what others print on the terminal stays as long as it can
        up = f"\x1b[{height_before}A" if (height_before := before.count("\n")) else ""
        return f"{up}{BACK_TO_START if before else ''}{lines}{self._picture}"


def picture(snapshots: Sequence[Snapshot], footer: str, width: int, height: int) -> str:
    """The migrations and a last line, for a terminal of this size: the newest ones if it has no room for all."""
    from rich.console import Console, Group
    from rich.table import Table
    from rich.text import Text

    blocks: list[Any] = []
    room = height - 2  # the last line, and the one that the cursor is in
    hidden = 0
    for snapshot in reversed(snapshots):
        rows = list(_rows(snapshot))[: max(room - 2, 0)] if not blocks else list(_rows(snapshot))
        # One line is kept for how many are not shown.
        if hidden or (blocks and len(rows) + 3 > room):
            hidden += 1
            continue
        room -= len(rows) + 2
        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True, min_width=13)
        table.add_column()
        for name, words, style in rows:
            table.add_row(Text(f"  {name}", "dim"), Text(words, style, no_wrap=True, overflow="ellipsis"))
        head = Text(f"Migration {snapshot.migration}  {flow_as_text(snapshot.flow)}", "bold", no_wrap=True)
        blocks.insert(0, Group(head, table, Text()))
    if hidden:
        footer = f"{many(hidden, 'older migration')} more than there is room for; {footer}"
    # Rendered into a string: it is the caller who prints, and who knows what may go wrong with that.
    console = Console(width=width, force_terminal=True, legacy_windows=False, color_system="standard")
    with console.capture() as capture:
        console.print(*blocks, Text(printable(footer), "dim", no_wrap=True, overflow="ellipsis"), sep="\n")
    return capture.get()


def prepare() -> None:
    """Imports what a picture needs, also one with wide characters, for whoever cannot import it later."""
    picture((), "\N{CJK UNIFIED IDEOGRAPH-4E00}", 80, 24)


def sparkline(values: Sequence[int]) -> str:
    """One character a value, the highest is the largest."""
    most = max(*values, 1)
    return "".join(LEVELS[-(-value * (len(LEVELS) - 1) // most)] for value in values)


LEVELS = " .:-=+*#"
"""In ASCII: a terminal of any character set shows it."""

IDLE = NS
"""The time (ns) without data from which on it is said."""


def standing(snapshots: Sequence[Snapshot]) -> Iterator[str]:
    """How migrations stand that have not ended, in few words each: first what stands still, which a narrow line has
    to have."""
    running = [one for one in snapshots if one.outcome is None]
    for one in sorted(running, key=lambda one: one.idle < IDLE):
        name, time = one.phases[-1]
        words = [f"{name} {duration(time)}"]
        if one.idle >= IDLE:
            words.insert(0, f"no data for {one.idle // NS} s: {one.waiting_for}")
        if one.sign:
            words.append(one.sign)
        yield (f"migration {one.migration}: " if len(running) > 1 else "") + ", ".join(words)


def _rows(snapshot: Snapshot) -> Iterator[Row]:
    yield "kind", ", ".join(filter(None, (snapshot.kind, guest_as_text(snapshot.guest, snapshot.xen)))), ""
    if snapshot.outcome is not None:
        yield "outcome", snapshot.outcome, "bold green" if snapshot.outcome == "completed" else "bold red"
    now, *before = (f"{name} {duration(time)}" for name, time in reversed(snapshot.phases))
    yield "phase", f"{now}; before: {', '.join(before)}" if before else now, "bold"
    if snapshot.outcome is None:
        left = f"; about {duration(snapshot.remaining)} left" if snapshot.remaining is not None else ""
        if snapshot.remaining is not None and snapshot.phases[-1][0] == "precopy":
            left += " of the first pass over memory"
        yield "elapsed", f"{duration(snapshot.elapsed)}{left}", ""
        if snapshot.idle >= IDLE:
            # A line each, since a terminal of 80 columns would cut them off where they say which side it is.
            yield "stalled", f"no data for {snapshot.idle // NS} s", "bold yellow"
            yield "waiting for", snapshot.waiting_for, "bold yellow"
            if snapshot.sign:
                yield "", snapshot.sign, "bold yellow"
    if snapshot.iteration is not None:
        index, entries, pages = snapshot.iteration
        yield "iteration", f"{index}: {many(entries, 'entry', 'entries')}, {pages:,} sent", ""
    rates = f"{many(snapshot.pages_rate, 'page')}/s, {size(snapshot.octets_rate)}/s"
    yield "sent", f"{many(snapshot.pages, 'page')}, {size(snapshot.octets)}; now {rates}", ""
    if len(snapshot.history) > 1:
        yield "throughput", f"{sparkline(snapshot.history)} {size(max(snapshot.history))}/s at most", ""
    if snapshot.announced:
        yield "outstanding", f"{snapshot.outstanding:,} of {many(snapshot.announced, 'page')}", ""
    if snapshot.asked:
        waiting = snapshot.asked - snapshot.answered
        answered = f"{snapshot.answered:,} answered, {snapshot.in_flight:,} of them in flight already"
        words = f"{snapshot.asked:,} asked, {answered}; {waiting:,} waiting"
        yield "faults", words, "bold" if waiting else ""
    if snapshot.latency is not None and snapshot.latest is not None:
        _, _, median, p95, largest = map(duration, astuple(snapshot.latency))
        yield "latency", f"now {duration(snapshot.latest)}; median {median}, 95 % {p95}, max {largest}", ""
    if snapshot.lost:
        yield "lost", f"{size(snapshot.lost)} were not captured", "yellow"
    if snapshot.findings:
        gravest = next(name for name in STYLES if snapshot.findings.get(name))
        yield "findings", tally(snapshot.findings), STYLES[gravest]
        for finding in snapshot.newest:
            yield "", f"{finding.severity} {finding.rule} {printable(finding.message)}", STYLES[finding.severity]
