"""Rules of the postcopy phase: which pages are announced, asked for and sent, and when all of them are
there."""

from __future__ import annotations

from collections.abc import Iterator

from dissector.parser import Record, Run
from dissector.protocol import PAGE_TYPES, UNBACKED
from dissector.rules.situation import Broken, Situation, knew


def paged(record: Record, now: Situation) -> Iterator[Broken]:
    """A record of the forward direction."""
    if record.name not in ("POSTCOPY_PFNS", "POSTCOPY_PAGE_DATA"):
        return
    is_listed = record.whole and sum(run.length for run in record.runs) >= record.count
    if record.name == "POSTCOPY_PFNS":
        now.lists_whole = now.lists_whole and is_listed
        for run in now.migration.faults.again:
            yield "postcopy-pfn-announced-twice", f"{_pfns(run)} announced before"
        return
    now.pages_whole = now.pages_whole and is_listed
    now.page_data = record
    if now.complete is not None:
        _race(now)
    for run in record.runs:
        if run.type in UNBACKED:
            yield (
                "postcopy-page-type",
                f"pfn 0x{run.first:x} has type {PAGE_TYPES[run.type]}: no page can follow",
            )
        else:
            yield from _unannounced(run, "postcopy-page-not-announced", now)
    for run in now.migration.faults.again:
        yield "postcopy-page-repeated", f"{_pfns(run)} sent before"


def asked(record: Record, now: Situation) -> Iterator[Broken]:
    """A record of the reverse direction."""
    if record.name == "POSTCOPY_FAULT":
        yield from _fault(record, now)
    elif record.name == "POSTCOPY_COMPLETE":
        if now.complete is not None:
            yield "postcopy-complete-unexpected", f"the first one was at offset {now.complete.offset:,}"
        elif not _is_early(record, now):
            now.complete = record
            _race(now)


def _fault(record: Record, now: Situation) -> Iterator[Broken]:
    faults = now.migration.faults
    if now.complete is not None:
        yield "postcopy-fault-after-complete", f"POSTCOPY_COMPLETE was at offset {now.complete.offset:,}"
    is_early = _is_early(record, now)
    for run in record.runs:
        if run.type:
            yield "postcopy-fault-has-type", f"pfn 0x{run.first:x} has type bits 0x{run.type:x}"
        if not is_early:
            yield from _unannounced(run, "postcopy-fault-not-announced", now)
    for run in faults.again:
        yield "postcopy-fault-repeated", f"{_pfns(run)} asked for before"
    for fault in faults.latest:
        answer = fault.answer
        if answer is not None and knew(record, answer):
            late = (record.first.time - answer.last.time) / 1e6
            yield (
                "postcopy-fault-after-page",
                f"pfn 0x{fault.pfn:x} was acknowledged to the source already: its record ended in "
                f"frame {answer.last.frame}, {late:.3f} ms before",
            )


def _unannounced(run: Run, rule: str, now: Situation) -> Iterator[Broken]:
    outstanding = now.migration.faults.outstanding
    if now.lists_whole and not outstanding.overflow:
        first = outstanding.first_of_run(run.first, run.length, present=False)
        if first is not None:
            yield rule, f"pfn 0x{first:x} was never announced as backed"


def _is_early(record: Record, now: Situation) -> bool:
    """Whether the postcopy phase had not begun when a record of the reverse direction was captured. Whether
    that breaks a rule only the end can say."""
    if now.transition is not None or now.state is None:
        return False
    now.early.append(record)
    return True


def _race(now: Situation) -> None:
    """POSTCOPY_COMPLETE leaves when every page has come, so a page it has not acknowledged comes too late.
    Pages may be captured before it and arrive after it left, as well as be captured after it."""
    page_data, complete = now.page_data, now.complete
    if page_data is not None and complete is not None and now.raced is None and not knew(complete, page_data):
        now.raced = page_data


def _pfns(run: Run) -> str:
    if run.length == 1:
        return f"pfn 0x{run.first:x} was"
    return f"one or more of the pfns 0x{run.first:x} to 0x{run.first + run.length - 1:x} were"
