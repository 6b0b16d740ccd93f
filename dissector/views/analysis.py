"""What `xenshark analyze` prints for a person: a summary of each migration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from textwrap import wrap

from dissector.analysis import MigrationAnalysis
from dissector.events import Context, Flow
from dissector.facts import DirectionFacts, Iteration, Migration, Phase, distribution
from dissector.results.source import SourceResult
from dissector.rules.checker import Checker
from dissector.rules.verdict import verdict
from dissector.units import clock, duration, many, rate, size
from dissector.views.faults import percentiles
from dissector.views.findings import tally

WIDTH = 110
ROWS_SHOWN = 12
"""Phases, and iterations, that the text shows."""

TIE = "\N{NO-BREAK SPACE}"
"""A space at which no line of the text ends."""

Row = tuple[str, str]
"""What it is, and what there is to say of it."""


def as_text(source: SourceResult, migrations: Iterable[MigrationAnalysis]) -> str:
    """A summary that is read in ten seconds."""
    return "\n\n".join([_source(source), *("\n".join(_lines(*one)) for one in migrations)]) + "\n"


def _source(source: SourceResult) -> str:
    what = f"{source.file}: {source.format}, {size(source.bytes)}"
    if source.packets:
        what += f", {many(source.packets, 'packet')}"
    if source.cut_packets:
        what += f" ({source.cut_packets:,} cut at the snap length)"
    if source.dropped_packets:
        what += f"; {many(source.dropped_packets, 'more packet')} dropped by who captured"
    return what


def _lines(migration: Migration, checker: Checker) -> Iterator[str]:
    yield f"Migration {migration.number}  {flow_as_text(migration.flow)}"
    for name, text in _rows(migration, checker):
        head, indent = f"  {name:<14} ", " " * 17
        lines = wrap(
            text,
            WIDTH,
            initial_indent=head,
            subsequent_indent=indent,
            break_on_hyphens=False,
            break_long_words=False,
        )
        yield from (line.replace(TIE, " ") for line in lines)


def _rows(migration: Migration, checker: Checker) -> Iterator[Row]:
    yield "outcome", f"{migration.outcome}: {verdict(migration, checker.findings)}"
    guest = guest_as_text(migration.context.guest, migration.context.xen) or "guest not captured"
    yield "kind", f"{migration.kind}, {guest}"
    yield "layers", _layers(migration.context)
    if migration.is_capture and migration.first_time is not None and migration.last_time is not None:
        yield "time", f"{clock(migration.first_time)}, {duration(migration.last_time - migration.first_time)}"
    for side in (migration.forward, migration.reverse) if migration.is_capture else (migration.forward,):
        yield side.direction, _octets(side)
    if migration.is_capture:
        yield from _first([("phase", _phase(migration, phase)) for phase in migration.phases], "phases")
    yield from _postcopy_rows(migration)
    pages = migration.pages
    if pages.entries:
        types = ", ".join(f"{count:,}{TIE}{name}" for name, count in pages.by_type.most_common())
        entries = f"{many(pages.entries, 'entry', 'entries')} of {many(pages.pfns.count, 'pfn')}"
        yield "pages", f"{entries} ({types}); {pages.data_pages:,} sent, {pages.sent_again:,} of them again"
    yield from _first([_iteration(migration, iteration) for iteration in migration.iterations], "iterations")
    for direction, counts in migration.records.items():
        for layer in migration.context.layers:
            names = [f"{name.partition('.')[2]}{TIE}{count:,}" for name, count in counts.items() if _is_of(name, layer)]
            if names:
                yield f"{direction} {layer}", ", ".join(names)
    if checker.findings:
        yield (
            "findings",
            tally(Counter(finding.severity for finding in checker.findings)) + ": see xenshark check",
        )


def _first(rows: list[Row], what: str) -> Iterator[Row]:
    """As many as fit a screen, and how many more there are."""
    yield from rows[:ROWS_SHOWN]
    if len(rows) > ROWS_SHOWN:
        yield "", f"... {len(rows) - ROWS_SHOWN:,} more {what}, see --json"


def _octets(side: DirectionFacts) -> str:
    words = size(side.seen)
    if side.not_followed:
        words += f", {size(side.not_followed)} of it not followed (so counts are low)"
    if side.gaps:
        lost = size(sum(gap.length for gap in side.gaps))
        words += f", {lost} more not captured in {many(len(side.gaps), 'gap')}"
    if side.retransmitted:
        words += f", {size(side.retransmitted)} retransmitted"
    return words


def _phase(migration: Migration, phase: Phase) -> str:
    took = phase.end_time - phase.start_time
    forward, reverse = phase.octets(migration.forward), phase.octets(migration.reverse)
    words = f"{phase.name:<10} {duration(took):>10}  {size(forward):>10} forward"
    words += f", {rate(forward, took)}" if took else ""
    words += f"; {size(reverse)} reverse" if reverse else ""
    return words + (f"; stall of {duration(phase.stall)}" if phase.stall else "")


def _postcopy_rows(migration: Migration) -> Iterator[Row]:
    faults = migration.faults
    if not faults.announced:
        return
    if migration.downtime is not None:
        # The guest stopped a little before the first octet and goes on a little after the last.
        yield (
            "downtime",
            f"at least {duration(migration.downtime)}, POSTCOPY_BEGIN to POSTCOPY_TRANSITION_END",
        )
    yield (
        "postcopy",
        f"{many(faults.announced, 'pfn')} announced, {faults.outstanding.count:,} with a page; "
        f"{many(faults.pages, 'page')} came in {many(faults.page_records, 'record')}, "
        f"{faults.pushed:,} of them unasked; {faults.never_sent:,}{TIE}never{TIE}came",
    )
    if not faults.asked.count:
        return
    asked = f"{many(faults.asked.count, 'pfn')} in {many(faults.fault_records, 'record')}"
    in_flight = f", {faults.in_flight:,} of them in flight already" if faults.answered else ""
    yield "faults", f"{asked}; {faults.answered:,} answered{in_flight}"
    latency = distribution(faults.latencies)
    if latency is not None:
        yield "latency", percentiles(latency)


def _iteration(migration: Migration, iteration: Iteration) -> Row:
    name = "verify" if iteration.verify else f"iteration {iteration.index}"
    took = f", {duration(iteration.end_time - iteration.start_time)}" if migration.is_capture else ""
    return name, f"{many(iteration.entries, 'entry', 'entries')}, {iteration.data_pages:,} sent{took}"


def _is_of(name: str, layer: str) -> bool:
    return name.startswith(f"{layer}.")


def flow_as_text(flow: Flow | None) -> str:
    """Source -> destination."""
    return "a file, no capture" if flow is None else str(flow)


def guest_as_text(guest: str | None, xen: str | None) -> str:
    """What is migrated and which Xen sends it; nothing where no header has said it."""
    return f"{guest} guest from Xen {xen}" if guest else ""


def _layers(context: Context) -> str:
    version = f"stream version {context.version}" if context.version else "stream version unknown"
    dialect = " with postcopy" if context.postcopy else ""
    return f"{', '.join(context.layers)}; {version}{dialect}, {context.endianness}-endian"
