"""Migrations that go on, as a picture on a terminal, as lines, and as JSON; made as text, printed by whoever asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from typing import Any

from dissector.facts import Fault, Iteration, Phase
from dissector.monitor import News, Status
from dissector.parser import FORWARD
from dissector.rules.findings import Finding
from dissector.rules.verdict import verdict
from dissector.views import faults, findings
from dissector.views.analysis import ends_as_text, flow_as_json, guest_as_text
from dissector.views.fields import printable
from dissector.views.findings import tally
from dissector.views.records import micros
from dissector.views.records import seconds as whole_seconds
from dissector.views.units import duration, many, seconds, size

Row = tuple[str, str, str]
"""What it is, what there is to say of it, and in which style."""

BACK_TO_START = "\r\x1b[J"
"""Deletes from the cursor's line to the end of the screen."""

STAY = frozenset({"migration", "finding", "end"})
"""Events that are lines on a terminal, too: the picture shows the others."""

STYLES = {"error": "bold red", "warning": "yellow", "note": ""}


def as_json(news: News) -> dict[str, Any]:
    """One event; times in s since the epoch."""
    migration, checker = news.case
    event: dict[str, Any] = {
        "event": news.kind,
        "migration": migration.channel.index,
        "time": seconds(news.time),
    }
    match news.subject:
        case Phase(name=name):
            event |= {"name": name}
        case Iteration(index=index, verify=verify):
            event |= {"index": index, "verify": verify}
        case Fault() as fault:
            event = {**event, **faults.as_json(migration.channel.index or 0, fault)}
        case Finding() as finding:
            event |= findings.as_json(finding)
    if news.kind == "migration":
        event |= {"flow": flow_as_json(migration)}
    elif news.kind == "end":
        event |= {
            "kind": migration.kind,
            "outcome": migration.outcome,
            "verdict": verdict(migration, checker.findings),
        }
    return event


def statistics_as_json(status: Status) -> dict[str, Any]:
    """How a migration stands, as the event "statistics" has it; rates are those of the last second."""
    return {
        "migration": status.migration,
        "kind": status.kind,
        "phase": status.phases[-1][0],
        "iteration": status.iteration and status.iteration[0],
        FORWARD: status.octets,
        "bytes_per_second": status.octets_rate,
        "pages": status.pages,
        "pages_per_second": status.pages_rate,
        "announced": status.announced,
        "outstanding": status.outstanding,
        "faulted_pfns": status.asked,
        "answered": status.answered,
        "in_flight": status.in_flight,
        "unanswered": status.asked - status.answered,
        "latest_latency": seconds(status.latest),
        "latency": faults.distribution_as_json(status.latency),
        "not_captured": status.lost,
        "findings": status.findings,
        "outcome": status.outcome,
    }


def as_line(news: News, start: int) -> str | None:
    """One event as a line that begins with the time since `start` (ns since the epoch); None: it makes none."""
    migration, checker = news.case
    match news.subject:
        case Fault():
            return None
        case Phase(name=name):
            words = f"{name} begins{_so_far(news)}"
        case Iteration(index=0, verify=False):
            return None  # precopy begins with it
        case Iteration(index=index, verify=verify):
            words = f"{'verify' if verify else f'iteration {index}'} begins{_so_far(news)}"
        case Finding() as finding:
            words = f"{finding.severity} {finding.rule} {printable(finding.message)}"
        case _ if news.kind == "migration":
            words = ends_as_text(migration.ends)
        case _:
            words = f"{migration.outcome}: {verdict(migration, checker.findings)}{_so_far(news)}"
    time = whole_seconds(micros(max((news.time or start) - start, 0)))
    return f"{time:>12} migration {migration.channel.index}: {words}"


def _so_far(news: News) -> str:
    migration = news.case.migration
    pages = migration.pages.data_pages + migration.faults.pages
    outstanding = f", {migration.faults.never_sent:,} outstanding" if migration.faults.announced else ""
    return f"; so far {many(pages, 'page')}{outstanding}" if pages else ""


class Display:
    """What happens, as text: lines, JSON lines, or for a terminal a picture that changes, below lines that stay."""

    def __init__(self, form: str, prefix: str = "") -> None:
        """`form`: "terminal", "lines" or "json". `prefix` begins each line."""
        self.form = form
        self.start: int | None = None
        """The time (ns since the epoch) that lines count from; None: that of the first event."""
        self._prefix = prefix
        self._lines: list[str] = []
        self._picture = ""

    def tell(self, news: News) -> None:
        """Something happened: made to text now, for facts change."""
        if self.form == "json":
            self.add(json.dumps(as_json(news)))
        elif self.form == "lines" or news.kind in STAY:
            self.start = news.time if self.start is None else self.start
            line = as_line(news, self.start or 0)
            if line is not None:
                self.add(line)

    def add(self, line: str) -> None:
        """Any other line."""
        self._lines.append(f"{self._prefix}{line}\n")

    def text(self, statuses: Sequence[Status], footer: str, width: int, height: int) -> str:
        """What to print now; the picture, if there is to be one, fits a terminal of this size."""
        lines, self._lines = "".join(self._lines), []
        if self.form != "terminal":
            return lines
        before, self._picture = self._picture, picture(statuses, footer, width, height) if footer else ""
        if not lines and self._picture == before:
            return ""  # what others print on the terminal stays as long as it can
        up = f"\x1b[{height_before}A" if (height_before := before.count("\n")) else ""
        return f"{up}{BACK_TO_START if before else ''}{lines}{self._picture}"


def picture(statuses: Sequence[Status], footer: str, width: int, height: int) -> str:
    """The migrations and a last line, for a terminal of this size: the newest ones if it has no room for all."""
    from rich.console import Console, Group
    from rich.table import Table
    from rich.text import Text

    blocks: list[Any] = []
    room = height - 2
    for status in reversed(statuses):
        rows = list(_rows(status))
        if len(rows) + 2 > room and blocks:
            break
        room -= len(rows) + 2
        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True, min_width=13)
        table.add_column()
        for name, words, style in rows[: max(height - 4, 1)]:
            table.add_row(Text(f"  {name}", "dim"), Text(words, style, no_wrap=True, overflow="ellipsis"))
        head = Text(f"Migration {status.migration}  {ends_as_text(status.ends)}", "bold", no_wrap=True)
        blocks.insert(0, Group(head, table, ""))
    # Rendered into a string: it is the caller who prints, and who knows what may go wrong with that.
    console = Console(width=width, force_terminal=True, legacy_windows=False, color_system="standard")
    with console.capture() as capture:
        console.print(*blocks, Text(footer, "dim", no_wrap=True, overflow="ellipsis"), sep="\n")
    return capture.get()


def _rows(status: Status) -> Iterator[Row]:
    yield "kind", ", ".join(filter(None, (status.kind, guest_as_text(status.guest, status.xen)))), ""
    if status.outcome is not None:
        yield "outcome", status.outcome, "bold green" if status.outcome == "completed" else "bold red"
    now, *before = (f"{name} {duration(time)}" for name, time in reversed(status.phases))
    yield "phase", f"{now}; before: {', '.join(before)}" if before else now, "bold"
    if status.iteration is not None:
        index, entries, pages = status.iteration
        yield "iteration", f"{index}: {many(entries, 'entry', 'entries')}, {pages:,} sent", ""
    rates = f"{many(status.pages_rate, 'page')}/s, {size(status.octets_rate)}/s"
    yield "sent", f"{many(status.pages, 'page')}, {size(status.octets)}; now {rates}", ""
    if status.announced:
        yield "outstanding", f"{status.outstanding:,} of {many(status.announced, 'page')}", ""
    if status.asked:
        waiting = status.asked - status.answered
        words = f"{status.asked:,} asked, {status.answered:,} answered, {status.in_flight:,} of them in flight already"
        yield "faults", f"{words}; {waiting:,} waiting", "bold" if waiting else ""
    if status.latency is not None and status.latest is not None:
        _, _, median, p95, largest = map(duration, astuple(status.latency))
        yield "latency", f"now {duration(status.latest)}; median {median}, 95 % {p95}, max {largest}", ""
    if status.lost:
        yield "lost", f"{size(status.lost)} were not captured", "yellow"
    if status.findings:
        gravest = next(name for name in STYLES if status.findings.get(name))
        yield "findings", tally(status.findings), STYLES[gravest]
        for finding in status.newest:
            yield "", f"{finding.severity} {finding.rule} {printable(finding.message)}", STYLES[finding.severity]
