"""What lines of the tree, the column Info and the reports say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dissector.events import Run
from dissector.integrations.wireshark.runtime.parsing import Capture, Kept
from dissector.integrations.wireshark.runtime.shown import Shown, Tie
from dissector.protocol import PAGE_TYPES, Role, cpuid
from dissector.protocol.cpuid import Leaf
from dissector.units import many


def duration(seconds: float) -> str:
    """A duration with a unit that suits it."""
    amount = abs(seconds)
    if amount < 0.001:
        return f"{seconds * 1000000:.1f} us"
    if amount < 1:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds:.3f} s"


def latency(asked: Shown, tie: Tie) -> float:
    """From a fault's last octet to the page's, in seconds."""
    assert asked.last is not None and tie.shown.last is not None
    return tie.shown.last.time - asked.last.time


def slowest(shown: Shown) -> float | None:
    """The longest latency of pages that were not under way when they were asked for."""
    waits = [latency(shown, tie) for tie in shown.links if not tie.in_flight]
    return max(waits) if waits else None


def summary(shown: Shown) -> str:
    """An item in a few words, as far as it is known."""
    shown.entries_end()  # it may be known only now how many there are
    words = shown.item.name
    if shown.summary:
        words = f"{words} {shown.summary}"
    if shown.count is None:
        return words
    words = f"{words} {many(shown.count, 'pfn')}"
    if shown.role is Role.POSTCOPY_FAULT:
        wait = slowest(shown)
        if wait is not None:
            words = f"{words} (slowest {duration(wait)})"
        elif shown.links:
            words = f"{words} (in flight)"
    elif shown.low is not None and shown.high is not None:
        words = f"{words} {shown.low:#x}-{shown.high:#x}"
    if shown.role is Role.POSTCOPY_PAGES and shown.links:
        words = f"{words} (answers {many(len(shown.links), 'fault')})"
    return words


def fields(shown: Shown) -> Iterator[tuple[str, Any]]:
    """What there is to say of an item, by the path of the field that says it."""
    item = shown.item
    yield "name", item.name
    yield "migration", shown.migration.number or 0
    yield "direction", shown.direction
    if item.layer is not None:
        yield "layer", item.layer
    if item.type is not None:
        yield "type", item.type
    yield "offset", item.offset
    yield "length", shown.length
    yield "body_length", item.body_length
    yield "first_frame", item.first.frame
    if shown.last is not None:
        yield "last_frame", shown.last.frame
        yield "complete", shown.complete and not shown.holes


def processor(basic: Mapping[int, Leaf]) -> Iterator[tuple[str, Any]]:
    """What a CPUID policy says of the processor, likewise, by its leaves that have no subleaves."""
    who = cpuid.processor(basic)
    if who.vendor is not None:
        yield "cpuid.vendor", who.vendor
    if who.family is not None:
        yield "cpuid.family", who.family
        yield "cpuid.model", who.model
        yield "cpuid.stepping", who.stepping
    if who.brand is not None:
        yield "cpuid.brand", who.brand


def contents(shown: Shown, has_entries: bool) -> str:
    """More of an item whose header an earlier frame holds."""
    what = "more" if shown.count is None else "page contents"
    if has_entries:
        what = "entries"
    return f"{what} of {shown.item.name} in frame {shown.item.first.frame}"


def run(one: Run, is_typed: bool) -> str:
    """Consecutive pfns."""
    words = f"{one.first:#x}"
    if one.length > 1:
        words = f"{words}-{one.first + one.length - 1:#x}"
    return f"{words} {PAGE_TYPES[one.type]}" if is_typed else words


def fault(asked: Shown, pfn: int, tie: Tie | None, is_over: bool) -> str:
    """What became of one pfn that was asked for."""
    words = f"pfn {pfn:#x}"
    if tie is None:
        return f"{words}, unanswered" if is_over else f"{words}, not answered yet"
    assert tie.shown.last is not None
    frame = tie.shown.last.frame
    if tie.in_flight:
        return f"{words}, in flight: page sent in frame {frame}"
    return f"{words}, answered in frame {frame} after {duration(latency(asked, tie))}"


def report_summary(capture: Capture) -> Iterator[str]:
    """What each migration carried, by the names of records, headers and texts; and its faults."""
    if not capture.migrations:
        yield "No Xen live migration was found."
    for kept in capture.migrations:
        yield f"Migration {kept.number}: {', '.join(kept.context.layers)}"
        for name in kept.names():
            total = kept.totals[name]
            yield f"  {name:<28} {total.records:>10,} {total.octets:>18,} octets"
        if kept.faults.fault_records:
            yield from _faults(kept)


def report_faults(capture: Capture) -> Iterator[str]:
    """One line for each faulted pfn."""
    yield _line("Migration", "Frame", "Pfn", "Answered in", "Latency")
    for kept in capture.migrations:
        for shown in kept.asked:
            ties = shown.ties()
            for pfn in shown.pfns or []:
                yield _fault(kept, shown, pfn, ties.get(pfn))


def _faults(kept: Kept) -> Iterator[str]:
    faults = kept.faults
    asked = f"  faults: {faults.asked.count:,} pfns asked for"
    yield f"{asked}, {faults.answered:,} answered, {faults.in_flight:,} of them in flight already"
    waits: list[float] = []
    for shown in kept.asked:
        ties = shown.ties()
        for pfn in shown.pfns or []:
            tie = ties.get(pfn)
            if tie is not None and not tie.in_flight:
                waits.append(latency(shown, tie))
    if waits:
        waits = sorted(waits)
        least, middle, most = duration(waits[0]), duration(_percentile(waits, 50)), duration(waits[-1])
        yield (
            f"  latency of those not in flight: min {least}, median {middle}, "
            f"95 % {duration(_percentile(waits, 95))}, max {most}"
        )


def _percentile(ordered: Sequence[float], percent: int) -> float:
    at = (len(ordered) * percent + 99) // 100
    return ordered[max(at, 1) - 1]


def _fault(kept: Kept, asked: Shown, pfn: int, tie: Tie | None) -> str:
    assert asked.last is not None
    where, late = "-", "unanswered"
    if tie is not None and tie.shown.last is not None:
        where, late = f"{tie.shown.last.frame}", "in flight"
        if not tie.in_flight:
            late = duration(latency(asked, tie))
    return _line(f"{kept.number}", f"{asked.last.frame}", f"{pfn:#x}", where, late)


def _line(migration: str, frame: str, pfn: str, where: str, late: str) -> str:
    return f"{migration:<9} {frame:>9} {pfn:>14} {where:>11}  {late}"
