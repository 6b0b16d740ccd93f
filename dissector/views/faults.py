"""Faults and their answers as a table, a histogram and words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from dissector.events import Record
from dissector.facts import Distribution, Fault, Link, Migration, distribution, role_of
from dissector.protocol import Role
from dissector.units import NS, duration, many

BAR = 50
FRAMES_NAMED = 8
STEPS = (1, 2, 5)
"""Bounds of the histogram in each decade."""


def links_as_text(record: Record, links: Sequence[Link]) -> str:
    """For a line: "answered in frame 812 after 17.400 ms", "answers 2 faults: frames 790, 795"."""
    if not links:
        return "no answer seen" if role_of(record) is Role.POSTCOPY_FAULT else ""
    frames = sorted({link.record.last.frame for link in links})
    named = ", ".join(map(str, frames[:FRAMES_NAMED])) + (", ..." if len(frames) > FRAMES_NAMED else "")
    where = f"frame{'s' if len(frames) > 1 else ''} {named}"
    if role_of(record) is Role.POSTCOPY_PAGES:
        return f"answers {many(len(links), 'fault')}: {where}"
    missing = sum(1 for _ in record.pfns()) - len(links)
    late = [link.record.last.time - record.last.time for link in links if not link.in_flight]
    words = f"answered in {where}" + (f" after {duration(max(late))}" if late else "")
    if len(late) < len(links):
        words += f", {len(links) - len(late)} in flight" if late else ", in flight"
    return words + (f", {missing} not answered" if missing else "")


def header(several: bool) -> str:
    """The head of the table; `several`: with a column for the migration's number."""
    first = f"{'migration':>9} " if several else ""
    return f"{first}{'time':>12} {'frame':>8} {'pfn':>12}  {'answered in':>11} {'latency':>12}"


def table_line(fault: Fault, start_ns: int, several: bool) -> str:
    """One faulted pfn; time in seconds since the first packet, `several` as in `header`."""
    asked = f"{fault.asked.migration:>9} " if several else ""
    asked += f"{(fault.asked.last.time - start_ns) / NS:>12.6f} {fault.asked.last.frame:>8} {fault.pfn:>#12x}"
    if fault.answer is None or fault.latency is None:
        return f"{asked}  {'not seen':>11}"
    where = f"{asked}  {fault.answer.last.frame:>11} {duration(fault.latency):>12}"
    return where + ("  in flight" if fault.in_flight else "")


def summary(migration: Migration) -> Iterator[str]:
    """How a migration's faults were answered: counts, percentiles, a histogram."""
    faults = migration.faults
    name = f"Migration {migration.number}"
    if not faults.fault_records:
        yield f"{name}: no POSTCOPY_FAULT was captured"
        return
    asked = f"{many(faults.asked.count, 'pfn')} in {many(faults.fault_records, 'record')}"
    answered = f"{faults.answered:,} answered, {faults.in_flight:,} of them in flight"
    yield f"{name}: {asked}; {answered}; {faults.asked.count - faults.answered:,} unanswered"
    latency = distribution(faults.latencies)
    if latency is None:
        return
    yield f"latency {latencies_as_text(latency)}"
    yield from histogram(list(faults.latencies))


def percentiles(spread: Distribution) -> str:
    """Durations in short."""
    return (
        f"min {duration(spread.min)}, median {duration(spread.median)}, "
        f"95 % {duration(spread.p95)}, max {duration(spread.max)}"
    )


def latencies_as_text(latency: Distribution) -> str:
    """Latencies in short; the pages that were in flight are not among them."""
    return f"of {latency.count:,} not in flight: {percentiles(latency)}"


def histogram(latencies: list[int]) -> Iterator[str]:
    """Latencies (ns) in steps of 1, 2 and 5, one line a step."""
    counts = Counter(map(_bound, latencies))
    most = max(counts.values())
    for bound in _bounds(min(counts), max(counts)):
        count = counts[bound]
        yield f"  <= {duration(bound):>10}  {count:>6}  {'#' * -(-count * BAR // most)}".rstrip()


def _bound(latency: int) -> int:
    """The smallest bound that a latency does not exceed."""
    decade = 1000
    while True:
        for step in STEPS:
            if latency <= decade * step:
                return decade * step
        decade *= 10


def _bounds(low: int, high: int) -> Iterator[int]:
    decade = 1000
    while decade <= high:
        yield from (decade * step for step in STEPS if low <= decade * step <= high)
        decade *= 10
