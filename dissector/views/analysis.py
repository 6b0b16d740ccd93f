"""What `xenshark analyze` prints for a person: a summary of each migration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from textwrap import wrap

from dissector.analysis import MigrationAnalysis
from dissector.events import Context, Flow
from dissector.facts import (
    Convergence,
    DirectionFacts,
    Iteration,
    Kind,
    Migration,
    Moment,
    Phase,
    distribution,
    toolstack,
)
from dissector.facts.limits import CAUSES
from dissector.results.limits import LimitsResult, phase_shares, reordering_as_text
from dissector.results.source import SourceResult
from dissector.rules.checker import Checker
from dissector.rules.verdict import verdict
from dissector.units import clock, duration, input_name, many, printable, rate, size
from dissector.views.encrypted import encrypted_as_text
from dissector.views.faults import latencies_as_text, percentiles
from dissector.views.findings import tally
from dissector.views.stalls import stalls_as_text

WIDTH = 110
ROWS_SHOWN = 12
"""Phases, and iterations, that the text shows."""

FAR = 1 << 12
"""Octets before a bare stream that no toolstack writes."""

TIE = "\N{NO-BREAK SPACE}"
"""A space at which no line of the text ends."""

LEAST = 0.005
"""A smaller share of the time is not shown."""

KINDS: Mapping[Kind, str] = {"non-live": "not live: the guest stood still throughout"}
"""Kinds that one word does not say."""

Row = tuple[str, str]
"""What it is, and what there is to say of it."""


def as_text(source: SourceResult, migrations: Iterable[MigrationAnalysis], width: int = WIDTH) -> str:
    """A summary that is read in ten seconds, in lines of at most so many columns."""
    return "\n\n".join([_source(source), *("\n".join(_lines(*one, width)) for one in migrations)]) + "\n"


def _source(source: SourceResult) -> str:
    what = f"{printable(input_name(source.file))}: {source.format}, {size(source.bytes)}"
    if source.joined:
        names = f"{source.file} to {source.joined[-1]}: {many(len(source.joined), 'file')} as one"
        what = f"{printable(names)}, {source.format}, {size(source.bytes)}"
    if source.packets:
        what += f", {many(source.packets, 'packet')}"
    if source.cut_packets:
        what += f" ({source.cut_packets:,} cut at the snap length)"
    if source.dropped_packets:
        what += f"; {many(source.dropped_packets, 'more packet')} dropped by who captured"
    for one in source.encrypted:
        what += f"\n  encrypted: {encrypted_as_text(one)}"
    return what


def _lines(migration: Migration, checker: Checker, width: int) -> Iterator[str]:
    yield f"Migration {migration.number}  {flow_as_text(migration.flow)}"
    for name, text in _rows(migration, checker):
        head, indent = f"  {name:<14} ", " " * 17
        lines = wrap(
            text,
            width,
            initial_indent=head,
            subsequent_indent=indent,
            break_on_hyphens=False,
            break_long_words=False,
        )
        yield from (printable(line.replace(TIE, " ")) for line in lines)


def _rows(migration: Migration, checker: Checker) -> Iterator[Row]:
    yield "outcome", f"{migration.outcome}: {verdict(migration, checker.findings)}"
    if migration.outcome == "failed":
        yield "may run", f"source {migration.may_run.source}, destination {migration.may_run.destination}"
    context = migration.context
    guest = guest_as_text(context.guest, context.xen, migration.guest.type) or "guest not captured"
    yield "kind", f"{KINDS.get(migration.kind, migration.kind)}, {guest}"
    who = _who(migration)
    if who:
        yield "guest", who
    if len(migration.connections) > 1:
        for one in migration.connections:
            yield "connection", f"{one.role}: {flow_as_text(one.flow)}"
    if migration.encapsulation:
        yield "packets", f"in {', in '.join(reversed(migration.encapsulation))}"
    yield "layers", _layers(migration.context)
    lasted = took(migration)
    if lasted is not None:
        back = migration.went_back
        odd = f"; the capture's clock goes back by {duration(back.by)} in frame {back.frame:,}" if back else ""
        yield "time", f"{clock(migration.first_time or 0)}, {duration(lasted)}{odd}"
    first = migration.forward.first
    if not migration.is_capture and first is not None and first.offset:
        far = ": perhaps the file is a capture of a format that is not read" if first.offset > FAR else ""
        yield "begins", f"at octet {first.offset:,} of the file; what is before that is none of the stream's{far}"
    for side in (migration.forward, migration.reverse) if migration.is_capture else (migration.forward,):
        yield side.direction, _octets(side) if side.direction != migration.not_captured else _not_captured(migration)
    if migration.is_timed:
        yield from _first([("phase", _phase(migration, phase)) for phase in migration.phases], "phases")
    yield from limit_rows(migration)
    yield from _first([("" if at else "stalls", line) for at, line in enumerate(stalls_as_text(migration))], "kinds")
    yield from downtime_rows(migration)
    yield from _postcopy_rows(migration)
    pages = migration.pages
    if pages.entries:
        types = ", ".join(f"{count:,}{TIE}{name}" for name, count in pages.by_type.most_common())
        entries = f"{many(pages.entries, 'entry', 'entries')} of {many(pages.pfns.count, 'pfn')}"
        yield "pages", f"{entries} ({types}); {pages.data_pages:,} sent, {pages.sent_again:,} of them again"
    yield from _ends([_iteration(migration, iteration) for iteration in migration.iterations], "iterations")
    if migration.convergence is not None:
        yield "convergence", _convergence(migration, migration.convergence)
    for direction, counts in migration.records.items():
        for layer in migration.context.layers:
            names = [f"{name.partition('.')[2]}{TIE}{count:,}" for name, count in counts.items() if _is_of(name, layer)]
            if names:
                yield f"{direction} {layer}", ", ".join(names)
    shown = [finding.severity for finding in checker.shown]
    if shown:
        yield "findings", tally(Counter(shown)) + ": see xenshark check"


def _first(rows: list[Row], what: str) -> Iterator[Row]:
    """As many as fit a screen, and how many more there are."""
    yield from rows[:ROWS_SHOWN]
    if len(rows) > ROWS_SHOWN:
        yield "", f"... {len(rows) - ROWS_SHOWN:,} more {what}, see --json"


def _ends(rows: list[Row], what: str) -> Iterator[Row]:
    """As many as fit a screen, first and last ones: the last ones tell whether it converged."""
    half = ROWS_SHOWN // 2
    if len(rows) <= ROWS_SHOWN:
        yield from rows
        return
    yield from rows[:half]
    yield "", f"... {len(rows) - 2 * half:,} more {what}, see --json"
    yield from rows[-half:]


def _who(migration: Migration) -> str:
    """Which guest it is, and who migrates it."""
    guest, context = migration.guest, migration.context
    words = [f"'{printable(guest.name)}'"] if guest.name else []
    words += [printable(guest.uuid)] if guest.uuid else []
    words += [guest.type.upper()] if guest.type else []
    words += [many(guest.vcpus, "vcpu")] if guest.vcpus else []
    words += [f"{guest.memory / (1 << 20):,.0f}{TIE}MiB"] if guest.memory else []
    who = toolstack(context, migration.flow)
    if who is not None:
        how = ", compressed with zstd" * context.compressed + ", tunnelled" * context.tunnelled
        words += [f"migrated by {who}{how}" if migration.is_capture else f"saved by {who}"]
    return ", ".join(words)


def _convergence(migration: Migration, found: Convergence) -> str:
    how = "precopy converged" if found.converging else "precopy did not converge"
    dirty, sent = found.dirty_pages_per_second, found.sent_pages_per_second
    words = f"{how}: the guest wrote to {dirty:,.0f} pages/s at last, {sent:,.0f} pages/s were sent"
    best, left = migration.best_stop, migration.outstanding
    if best is None or left[best] is None:
        return words
    ends = [pages for pages in left if pages is not None]
    words += f"; iteration {best} left {many(ends[best], 'page')}"
    return words + (
        f", the last {ends[-1]:,}: best to stop after that one" if ends[best:] != ends[-1:] else ", the least"
    )


def took(migration: Migration) -> int | None:
    """From its first octet to its last, ns; None of an input without times."""
    if not migration.is_timed or migration.first_time is None or migration.last_time is None:
        return None
    return migration.last_time - migration.first_time


def told(migration: Migration) -> dict[str, list[Row]]:
    """What a summary says of downtime and limits, for who shows it elsewhere: by what it is about, without padding."""
    found = {"downtime": downtime_rows(migration), "limits": limit_rows(migration)}
    return {name: [(what, " ".join(text.split())) for what, text in rows] for name, rows in found.items()}


def downtime_rows(migration: Migration) -> Iterator[Row]:
    """How long the guest stood still, and how far apart checkpoints are; nothing where that is not known."""
    found = migration.downtime
    if found is not None:
        named = [_moment(one) for one in (found.suspended_before, found.resumed_after)]
        words = f"at least {duration(found.at_least)}, {named[0]} to {named[1]}"
        if found.at_most is not None and found.suspended_after and found.resumed_before:
            named = [_moment(one) for one in (found.suspended_after, found.resumed_before)]
            words += f"; at most {duration(found.at_most)}, {named[0]} to {named[1]}"
        yield "downtime", words
    times = migration.checkpoint_times
    apart, sending = distribution(times.intervals), distribution(times.sending)
    if apart is not None and sending is not None and migration.is_timed:
        yield "checkpoints", f"{migration.checkpoints:,}; from one to the next {percentiles(apart)}"
        yield "", f"each sent in {percentiles(sending)}"


def limit_rows(migration: Migration) -> Iterator[Row]:
    """What limited it, phase by phase; nothing where that is not known."""
    found = LimitsResult.of(migration)
    if found is None:
        return
    yield "limits", found.sentence
    rows = []
    for phase in migration.phases:
        took = phase.end_time - phase.start_time
        parts = phase_shares(migration, phase.held_up, took)
        if parts is not None and took:
            named = sorted(((getattr(parts, cause), cause) for cause in CAUSES), reverse=True)
            words = [
                f"{100 * share:.0f}{TIE}%{TIE}{cause.replace('_', TIE)}" for share, cause in named if share >= LEAST
            ]
            rows.append(("", f"{phase.name:<10} {', '.join(words)}"))
    yield from _first(rows, "phases")
    order = reordering_as_text(migration.forward.way)
    if order:
        yield "reordering", order


def _moment(moment: Moment) -> str:
    return f"{moment.record.name}{TIE}at{TIE}octet{TIE}{moment.record.offset:,}"


def _not_captured(migration: Migration) -> str:
    taken = migration.forward.taken
    acknowledged = f": the destination acknowledged {size(taken)}" if taken else ""
    return f"none of its packets were captured{acknowledged}"


def _octets(side: DirectionFacts) -> str:
    words = size(side.seen)
    if side.not_followed:
        words += f", {size(side.not_followed)} of it not followed (so counts are low)"
    if side.gaps:
        lost = size(sum(gap.length for gap in side.gaps))
        words += f", {lost} more not captured in {many(len(side.gaps), 'gap')}"
    if side.copies:
        words += f", each packet captured {side.copies + 1} times"
    if side.retransmitted:
        words += f", {size(side.retransmitted)} retransmitted"
    return words


def _phase(migration: Migration, phase: Phase) -> str:
    took = phase.end_time - phase.start_time
    forward, reverse = phase.octets(migration.forward), phase.octets(migration.reverse)
    lasted = duration(took) if migration.is_timed else "-"
    words = f"{phase.name:<10} {lasted:>10}  {size(forward):>10} forward"
    words += f", {rate(forward, took)}" if took else ""
    words += f"; {size(reverse)} reverse" if reverse else ""
    return words + (f"; stall of {duration(phase.stall)}" if phase.stall else "")


def _postcopy_rows(migration: Migration) -> Iterator[Row]:
    faults = migration.faults
    if not faults.announced:
        return
    yield (
        "postcopy",
        f"{many(faults.announced, 'pfn')} announced, {faults.outstanding.count:,} with a page; "
        f"{many(faults.pages, 'page')} came in {many(faults.page_records, 'record')}, "
        f"{faults.pushed:,} of them unasked; {faults.never_sent:,}{TIE}never{TIE}came",
    )
    times, whole = migration.postcopy, migration.postcopy_duration
    if migration.is_timed and times.to_last_page is not None:
        words = f"last page {duration(times.to_last_page)} after the guest went on"
        words += f", all there after {duration(whole)}" if whole else ""
        share = f" ({100 * min(1.0, times.waited / whole):.0f} % of it)" if whole else ""
        yield "catching up", words + f"; a vcpu waited for {duration(times.waited)}{share}"
    if not faults.asked.count:
        return
    asked = f"{many(faults.asked.count, 'pfn')} in {many(faults.fault_records, 'record')}"
    in_flight = f", {faults.in_flight:,} of them in flight already" if faults.answered else ""
    yield "faults", f"{asked}; {faults.answered:,} answered{in_flight}"
    latency = distribution(faults.latencies)
    if latency is not None and migration.is_timed:
        yield "latency", latencies_as_text(latency)


def _iteration(migration: Migration, iteration: Iteration) -> Row:
    name = "verify" if iteration.verify else f"iteration {iteration.index}"
    took = f", {duration(iteration.duration)}" if migration.is_timed else ""
    return name, f"{many(iteration.entries, 'entry', 'entries')}, {iteration.data_pages:,} sent{took}"


def _is_of(name: str, layer: str) -> bool:
    return name.startswith(f"{layer}.")


def flow_as_text(flow: Flow | None) -> str:
    """Source -> destination."""
    return "a file, no capture" if flow is None else str(flow)


def guest_as_text(guest: str | None, xen: str | None, type: str | None = None) -> str:
    """What is migrated and which Xen sends it; nothing where no header has said it. `type`: as configured, which tells
    PVH from HVM."""
    if not guest:
        return ""
    kind = "x86 PVH" if type == "pvh" and guest == "x86 HVM" else guest
    # convert-legacy-stream writes its own version there.
    is_converted = xen is not None and xen.startswith("0.")
    return f"{kind} guest from " + ("a stream that was converted from an old one" if is_converted else f"Xen {xen}")


def _layers(context: Context) -> str:
    version = f"stream version {context.version}" if context.version else "stream version unknown"
    dialect = " with postcopy" if context.postcopy else ""
    return f"{', '.join(context.layers) or 'none was seen'}; {version}{dialect}, {context.endianness}-endian"
