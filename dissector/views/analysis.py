"""What `xenshark analyze` prints: a summary for a person, an object for a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from dissector.analysis import Case
from dissector.facts import Iteration, Migration, Phase, distribution
from dissector.parser import FORWARD, REVERSE, Ends, Flow
from dissector.rules.checker import Checker
from dissector.rules.verdict import verdict
from dissector.views import findings
from dissector.views.faults import distribution_as_json, percentiles
from dissector.views.findings import tally
from dissector.views.input import Input
from dissector.views.units import clock, duration, many, rate, seconds, size

SCHEMA = "xenshark.analysis/1"
WIDTH = 110
ROWS_SHOWN = 12
"""Phases, and iterations, that the text shows."""

TIE = "\N{NO-BREAK SPACE}"
"""A space at which no line of the text ends."""

Row = tuple[str, str]
"""What it is, and what there is to say of it."""


def as_json(source: Input, cases: list[Case]) -> dict[str, Any]:
    """The contract's object."""
    return {
        "schema": SCHEMA,
        "source": {
            "file": source.file,
            "format": source.format,
            "packets": source.packets,
            "bytes": source.octets,
            "first_time": seconds(source.first_time),
            "last_time": seconds(source.last_time),
            "cut_packets": source.cut_packets,
            "dropped_packets": source.dropped_packets,
        },
        "migrations": [_migration(*case) for case in cases],
    }


def _migration(migration: Migration, checker: Checker) -> dict[str, Any]:
    channel = migration.channel
    return {
        "flow": flow_as_json(migration),
        "layers": channel.layers,
        "kind": migration.kind,
        "outcome": migration.outcome,
        "verdict": verdict(migration, checker.findings),
        "stream": {
            "version": channel.version,
            "postcopy_dialect": channel.postcopy,
            "endianness": channel.endianness,
            "guest": channel.guest,
            "page_size": 1 << channel.page_shift if channel.guest else None,
            "xen": channel.xen,
        },
        "bytes": {FORWARD: _octets(channel.forward), REVERSE: _octets(channel.reverse)},
        "not_followed": dict(migration.not_followed),
        "retransmitted": {direction: flow.stream.retransmitted for direction, flow in _flows(migration)},
        "records": {direction: dict(counts) for direction, counts in migration.records.items()},
        "pages": {
            "entries": migration.pages.entries,
            "data_pages": migration.pages.data_pages,
            "unique_pfns": None if migration.pages.pfns.overflow else migration.pages.pfns.count,
            "by_type": dict(migration.pages.by_type),
            "sent_again": migration.pages.sent_again,
        },
        "iterations": [
            {
                "index": iteration.index,
                "entries": iteration.entries,
                "data_pages": iteration.data_pages,
                "start_time": _time(migration, iteration.start_time),
                "end_time": _time(migration, iteration.end_time),
                "verify": iteration.verify,
            }
            for iteration in migration.iterations
        ],
        "phases": [
            {
                "name": phase.name,
                "start_time": _time(migration, phase.start_time),
                "end_time": _time(migration, phase.end_time),
                FORWARD: migration.octets(phase, FORWARD),
                REVERSE: migration.octets(phase, REVERSE),
                "stall": seconds(phase.stall) if migration.is_capture else None,
            }
            for phase in migration.phases
        ],
        "postcopy": _postcopy(migration),
        "gaps": [
            {"direction": direction, "offset": gap.offset, "length": gap.length, "record": gap.record}
            for direction, flow in _flows(migration)
            for gap in flow.stream.gaps
        ],
        "findings": [findings.as_json(finding) for finding in checker.findings],
        "findings_left_out": checker.left_out,
    }


def _postcopy(migration: Migration) -> dict[str, Any] | None:
    if migration.kind != "postcopy" and not migration.faults.announced:
        return None
    faults = migration.faults
    return {
        "announced": faults.announced,
        "outstanding": faults.outstanding.count,
        "page_records": faults.page_records,
        "pages": faults.pages,
        "fault_records": faults.fault_records,
        "faulted_pfns": faults.asked.count,
        "answered": faults.answered,
        "in_flight": faults.in_flight,
        "unanswered": faults.asked.count - faults.answered,
        "pushed": faults.pushed,
        "never_sent": faults.never_sent,
        "latency": distribution_as_json(distribution(faults.latencies)),
        "downtime": seconds(migration.downtime),
        "duration": seconds(migration.postcopy_duration),
    }


def flow_as_json(migration: Migration) -> dict[str, Any] | None:
    """Who migrates to whom; None for a file that is no capture."""
    ends = migration.ends
    if ends is None:
        return None
    return {name: {"address": address, "port": port} for name, (address, port) in ends._asdict().items()}


def _flows(migration: Migration) -> Iterator[tuple[str, Flow]]:
    for direction, flow in ((FORWARD, migration.channel.forward), (REVERSE, migration.channel.reverse)):
        if flow is not None:
            yield direction, flow


def _octets(flow: Flow | None) -> int:
    return flow.stream.seen if flow is not None else 0


def _time(migration: Migration, time_ns: int) -> float | None:
    return seconds(time_ns) if migration.is_capture else None


def as_text(source: Input, cases: list[Case]) -> str:
    """A summary that is read in ten seconds."""
    return "\n\n".join([_source(source), *("\n".join(_lines(*case)) for case in cases)]) + "\n"


def _source(source: Input) -> str:
    what = f"{source.file}: {source.format}, {size(source.octets)}"
    if source.packets:
        what += f", {many(source.packets, 'packet')}"
    if source.cut_packets:
        what += f" ({source.cut_packets:,} cut at the snap length)"
    if source.dropped_packets:
        what += f"; {many(source.dropped_packets, 'more packet')} dropped by who captured"
    return what


def _lines(migration: Migration, checker: Checker) -> Iterator[str]:
    yield f"Migration {migration.channel.index}  {ends_as_text(migration.ends)}"
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
    yield "kind", f"{migration.kind}, {_guest(migration)}"
    yield "layers", _layers(migration)
    if migration.is_capture and migration.first_time is not None and migration.last_time is not None:
        yield "time", f"{clock(migration.first_time)}, {duration(migration.last_time - migration.first_time)}"
    for direction, flow in _flows(migration):
        yield direction, _stream(flow, migration.not_followed[direction])
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
        for layer in migration.channel.layers:
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


def _stream(flow: Flow, not_followed: int) -> str:
    stream = flow.stream
    words = size(stream.seen)
    if not_followed:
        words += f", {size(not_followed)} of it not followed (so counts are low)"
    if stream.gaps:
        lost = size(sum(gap.length for gap in stream.gaps))
        words += f", {lost} more not captured in {many(len(stream.gaps), 'gap')}"
    if stream.retransmitted:
        words += f", {size(stream.retransmitted)} retransmitted"
    return words


def _phase(migration: Migration, phase: Phase) -> str:
    took = phase.end_time - phase.start_time
    forward, reverse = (migration.octets(phase, direction) for direction in (FORWARD, REVERSE))
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


def ends_as_text(ends: Ends | None) -> str:
    """Source -> destination."""
    if ends is None:
        return "a file, no capture"
    return " -> ".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in ends)


def _guest(migration: Migration) -> str:
    return guest_as_text(migration.channel.guest, migration.channel.xen) or "guest not captured"


def guest_as_text(guest: str | None, xen: str | None) -> str:
    """What is migrated and which Xen sends it; nothing where no header has said it."""
    return f"{guest} guest from Xen {xen}" if guest else ""


def _layers(migration: Migration) -> str:
    channel = migration.channel
    version = f"stream version {channel.version}" if channel.version else "stream version unknown"
    dialect = " with postcopy" if channel.postcopy else ""
    return f"{', '.join(channel.layers)}; {version}{dialect}, {channel.endianness}-endian"
