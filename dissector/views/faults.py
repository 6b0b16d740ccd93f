"""Faults and their answers as a table, a histogram and words."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from math import ceil, floor, log2, log10

from dissector.events import Record
from dissector.facts import Distribution, Fault, Link, Migration, distribution, role_of
from dissector.protocol import Role
from dissector.units import NS, duration, many

BAR = 50
FRAMES_NAMED = 8
BINS = 16
"""Of the histogram, at most."""

SPREAD = 10
"""From this ratio of the largest to the smallest latency on, bins of one width would put most into the first."""


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
    """Latencies (ns), one line a bin: as many bins as their number bears, over their own range. They are of one width,
    or, where the largest is SPREAD times the smallest or more, each wider than the one before by one factor."""
    low, high = min(latencies), max(latencies)
    wanted = min(BINS, ceil(log2(len(latencies))) + 1)  # Sturges
    if low > 0 and high >= SPREAD * low:
        factor = (high / low) ** (1 / wanted)
        bounds = [_rounded(low * factor**number) for number in range(1, wanted)]
    else:
        width = _rounded(max((high - low) / wanted, 1), up=True)
        bounds = list(range(low // width * width + width, high, width))
    bounds = [*bounds, high]
    counts = Counter(bisect_left(bounds, latency) for latency in latencies)
    most = max(counts.values())
    for number, bound in enumerate(bounds):
        count = counts[number]
        yield f"  <= {duration(bound):>10}  {count:>6}  {'#' * -(-count * BAR // most)}".rstrip()


def _rounded(value: float, up: bool = False) -> int:
    """To two digits, as people write bounds."""
    unit: int = 10 ** max(0, floor(log10(value)) - 1)
    return int(ceil(value / unit) if up else round(value / unit)) * unit
