"""Rules of single pages in the postcopy phase: announced, asked for, sent once, complete."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from functools import partial

from dissector.events import Record, Run
from dissector.facts.migration import Migration, Noted
from dissector.facts.roles import role_of
from dissector.protocol import UNBACKED, Role
from dissector.rules import examples as eg
from dissector.rules.fields import broken_entries, key_of, keys, prepared
from dissector.rules.postcopy_phase import PostcopyPhase, knew
from dissector.rules.rule import PLACE, WRITER, Rule, Violation, check, declared

_rule = partial(Rule, group="pages", advice=WRITER)

NOT_ANNOUNCED = "pfn 0x{pfn:x} was never announced as backed"

# What `{pfns}` stands for.
ONE_PFN = "pfn 0x{first:x} was"
MANY_PFNS = "one or more of the pfns 0x{first:x} to 0x{last:x} were"


class Unanswered(StrEnum):
    """What became of the stream; the second is a warning."""

    WENT_ON = "the page of pfn 0x{pfn:x} never came although the stream went on to END"
    BROKE_OFF = "the page of pfn 0x{pfn:x} never came before the stream broke off"


class Dropped(StrEnum):
    """How many pages were."""

    ONE = "1 announced page was never sent: POSTCOPY_COMPLETE came first"
    MANY = "{count:,} announced pages were never sent: POSTCOPY_COMPLETE came first"


POSTCOPY_PFN_ANNOUNCED_TWICE = _rule(
    id="postcopy-pfn-announced-twice",
    severity="error",
    wireshark=True,
    summary="POSTCOPY_PFNS announces a backed pfn a second time",
    source="postcopy RFC, POSTCOPY_PFNS; process_postcopy_pfns() in xc_sr_restore.c of the postcopy series",
    why="The receiver tracks one state for each pfn. The same pfn in a later POSTCOPY_PFNS makes the"
    " restore fail; twice in one record it is caught by an assertion, which aborts the process. Entries"
    " of type XTAB, BROKEN and XALLOC are not backed and do not count.",
    example="POSTCOPY_PFNS 0x10, 0x11, 0x10; legal: POSTCOPY_PFNS 0x10, 0x11",
    message="{pfns} announced before",
    breaking=(*eg.LISTING, eg.libxc("POSTCOPY_PFNS", 0x10, 0x11, 0x10)),
    legal=(*eg.LISTING, eg.libxc("POSTCOPY_PFNS", 0x10, 0x11)),
)

POSTCOPY_PAGE_NOT_ANNOUNCED = _rule(
    id="postcopy-page-not-announced",
    severity="error",
    effects=PLACE - {"run"} | {"body"},
    wireshark=True,
    summary="POSTCOPY_PAGE_DATA holds a pfn that no POSTCOPY_PFNS announced as backed",
    source="postcopy RFC, POSTCOPY_PAGE_DATA; process_postcopy_page_data() in xc_sr_restore.c of the postcopy series",
    why="The receiver has no evicted page for it and fails the restore, and with it the guest, which"
    " already runs there. For a pfn above all those it has populated an assertion aborts the process.",
    example="POSTCOPY_PFNS 0x10, POSTCOPY_PAGE_DATA 0x12; legal: POSTCOPY_PFNS 0x10, POSTCOPY_PAGE_DATA 0x10",
    message=NOT_ANNOUNCED,
    breaking=(*eg.POSTCOPY, eg.sends(0x12)),
    legal=(*eg.POSTCOPY, eg.sends(0x10)),
)

POSTCOPY_PAGE_TYPE = _rule(
    id="postcopy-page-type",
    severity="error",
    wireshark=True,
    summary="POSTCOPY_PAGE_DATA holds an entry of type XTAB, BROKEN or XALLOC",
    source="postcopy RFC, POSTCOPY_PAGE_DATA; process_postcopy_page_data() in xc_sr_restore.c of the postcopy series",
    why="Such pfns have no contents to send: POSTCOPY_PFNS names them and nothing follows. The receiver"
    " fails on one. If a page stands in the record for it, the length does not fit either, and the"
    " receiver skips the whole record.",
    example="POSTCOPY_PAGE_DATA entry 0xf000000000000010; legal: entry 0x0000000000000010",
    checks=(
        check(
            "entry",
            keys(lambda spec: spec.role is Role.POSTCOPY_PAGES),
            "pfn 0x{pfn:x} has type {name}: no page can follow",
            ("type", "in", UNBACKED),
        ),
    ),
    breaking=(*eg.POSTCOPY, eg.sends(eg.entry(0x10, 0xF))),
    legal=(*eg.POSTCOPY, eg.sends(eg.entry(0x10, 0))),
)

POSTCOPY_PAGE_REPEATED = _rule(
    id="postcopy-page-repeated",
    severity="error",
    wireshark=True,
    summary="POSTCOPY_PAGE_DATA holds a pfn that an earlier one already carried",
    source="process_postcopy_page_data() in xc_sr_restore.c of the postcopy series",
    why="The guest may have written to the page since it came, so a second copy could undo its work. The"
    " receiver fails instead. The source sends each page once: it clears the pfn's dirty bit and then"
    " ignores faults for it.",
    example="POSTCOPY_PAGE_DATA 0x10, POSTCOPY_PAGE_DATA 0x10; legal: POSTCOPY_PAGE_DATA 0x10, POSTCOPY_PAGE_DATA 0x11",
    message="{pfns} sent before",
    breaking=(*eg.POSTCOPY, eg.sends(0x10), eg.sends(0x10)),
    legal=(*eg.POSTCOPY, eg.sends(0x10), eg.sends(0x11)),
)

POSTCOPY_FAULT_NOT_ANNOUNCED = _rule(
    id="postcopy-fault-not-announced",
    severity="error",
    effects=PLACE - {"run"} | {"body"},
    wireshark=True,
    summary="POSTCOPY_FAULT asks for a pfn that was never announced as backed",
    source="postcopy RFC, POSTCOPY_FAULT; handle_postcopy_faults() in xc_sr_save.c of the postcopy series",
    why="The destination can only miss what it evicted when it was announced. The source ignores a fault"
    " for a pfn whose dirty bit is clear, but does not check the range: a pfn beyond the guest's last"
    " one indexes memory outside the dirty bitmap.",
    example="POSTCOPY_PFNS 0x10, POSTCOPY_FAULT 0x12; legal: POSTCOPY_PFNS 0x10, POSTCOPY_FAULT 0x10",
    message=NOT_ANNOUNCED,
    breaking=(*eg.POSTCOPY, eg.asks(0x12)),
    legal=(*eg.POSTCOPY, eg.asks(0x10)),
)

POSTCOPY_FAULT_REPEATED = _rule(
    id="postcopy-fault-repeated",
    severity="error",
    wireshark=True,
    summary="POSTCOPY_FAULT asks for the same pfn a second time",
    source="handle_postcopy_paging_requests() in xc_sr_restore.c of the postcopy series",
    why="The destination asks once for a page, however many vcpus wait for it. The source ignores a"
    " repeated pfn, but moves its background copy to the pages after it.",
    example="POSTCOPY_FAULT 0x10, POSTCOPY_FAULT 0x10; legal: POSTCOPY_FAULT 0x10, POSTCOPY_FAULT 0x11",
    message="{pfns} asked for before",
    breaking=(*eg.POSTCOPY, eg.asks(0x10), eg.asks(0x10)),
    legal=(*eg.POSTCOPY, eg.asks(0x10), eg.asks(0x11)),
)

POSTCOPY_FAULT_AFTER_PAGE = _rule(
    id="postcopy-fault-after-page",
    severity="note",
    wireshark=True,
    summary="POSTCOPY_FAULT asks for a page whose whole record was acknowledged before the fault left",
    source="process_postcopy_page_data() and postcopy_restore() in xc_sr_restore.c of the postcopy series",
    why="TCP acknowledges octets that the receiving process may not have read yet, and the receiver acts"
    " on a record only when it has read all of it: mostly the fault is just late. A long delay means a"
    " receiver that lost track. The source does not send the page again.",
    advice="Nothing, if it left shortly after. If long after, see whether the destination's process got no time to"
    " run: the load of that host.",
    example="POSTCOPY_PAGE_DATA 0x10, its ACK, POSTCOPY_FAULT 0x10; no finding: POSTCOPY_FAULT 0x10 before the ACK",
    message="pfn 0x{pfn:x} was acknowledged to the source already: its record ended in frame {frame}, {late:.3f} ms"
    " before",
    breaking=(*eg.POSTCOPY, eg.sends(0x10), eg.asks(0x10)),
    legal=(*eg.POSTCOPY, eg.sends(0x10), eg.asks(0x10)._replace(unheard=8)),
)

POSTCOPY_FAULT_AFTER_COMPLETE = _rule(
    id="postcopy-fault-after-complete",
    severity="error",
    wireshark=True,
    summary="POSTCOPY_FAULT comes after POSTCOPY_COMPLETE",
    source="postcopy RFC, POSTCOPY_COMPLETE; postcopy_restore() in xc_sr_restore.c of the postcopy series",
    why="POSTCOPY_COMPLETE says that no page is missing, and the destination writes no record after it."
    " The source stops reading records there; xl then reads the fault in place of its closing message,"
    " ignores that it is wrong and destroys the source domain.",
    example="POSTCOPY_COMPLETE, POSTCOPY_FAULT; legal: POSTCOPY_FAULT, POSTCOPY_COMPLETE",
    message="POSTCOPY_COMPLETE was at offset {offset:,}",
    breaking=(*eg.POSTCOPY, eg.sends(0x10, 0x11), eg.COMPLETE, eg.asks(0x10)),
    legal=(*eg.POSTCOPY, eg.sends(0x10, 0x11), eg.asks(0x10), eg.COMPLETE),
)

POSTCOPY_FAULT_HAS_TYPE = _rule(
    id="postcopy-fault-has-type",
    severity="error",
    wireshark=True,
    summary="An entry of POSTCOPY_FAULT has type bits set",
    source="postcopy RFC, POSTCOPY_FAULT; handle_postcopy_faults() in xc_sr_save.c of the postcopy series",
    why="The entries of this record are bare pfns. The source takes the whole 64 bits for a pfn, tests a"
    " bit outside of its bitmap and may answer with an entry of type XTAB, on which the destination"
    " fails.",
    example="entry 0xf000000000000010; legal: entry 0x0000000000000010",
    checks=(
        check(
            "entry",
            keys(lambda spec: spec.role is Role.POSTCOPY_FAULT),
            "pfn 0x{pfn:x} has type bits 0x{type:x}",
            ("type", "!=", 0),
        ),
    ),
    breaking=(*eg.POSTCOPY, eg.asks(eg.entry(0x10, 0xF))),
    legal=(*eg.POSTCOPY, eg.asks(eg.entry(0x10, 0))),
)

POSTCOPY_FAULT_UNANSWERED = _rule(
    id="postcopy-fault-unanswered",
    severity="error",
    also=("warning",),
    summary="A page that POSTCOPY_FAULT asked for never came",
    source="postcopy RFC, POSTCOPY_FAULT; postcopy_domain_memory() in xc_sr_save.c of the postcopy series",
    why="A vcpu or the device model waits for that page and does not go on without it. It is an error"
    " when the stream went on to END all the same, and a warning when the stream broke off before the"
    " page could come.",
    advice="The guest cannot go on without the page: destroy it, and start it anew from its disks. See why the page did"
    " not come: the source's log, and the link between the hosts.",
    example="POSTCOPY_FAULT 0x10, END; legal: POSTCOPY_FAULT 0x10, POSTCOPY_PAGE_DATA 0x10, END",
    consequence=True,
    messages=Unanswered,
    breaking=(*eg.POSTCOPY, eg.asks(0x10), eg.sends(0x11), eg.COMPLETE, eg.END),
    legal=(*eg.POSTCOPY, eg.asks(0x10), eg.sends(0x10, 0x11), eg.COMPLETE, eg.END),
)

POSTCOPY_PAGES_DROPPED = _rule(
    id="postcopy-pages-dropped",
    severity="note",
    summary="POSTCOPY_COMPLETE came although some announced pages were never sent",
    source="postcopy_domain_memory() in xc_sr_save.c, handle_postcopy_paging_requests() in"
    " xc_sr_restore.c of the postcopy series",
    why="The guest released the pages before they came, and the destination counts them as done. It does"
    " not tell the source which ones; most dropped pages are sent nevertheless and discarded on arrival.",
    advice="Nothing: the guest gave these pages back.",
    example="POSTCOPY_PFNS 0x10, 0x11, POSTCOPY_PAGE_DATA 0x10, POSTCOPY_COMPLETE; no finding: 0x11 sent, too",
    messages=Dropped,
    breaking=(*eg.POSTCOPY, eg.sends(0x10), eg.COMPLETE),
    legal=(*eg.POSTCOPY, eg.sends(0x10, 0x11), eg.COMPLETE),
)

POSTCOPY_COMPLETE_RACE = _rule(
    id="postcopy-complete-race",
    severity="error",
    wireshark=True,
    summary="POSTCOPY_PAGE_DATA arrives after POSTCOPY_COMPLETE left",
    source="postcopy_restore() in xc_sr_restore.c of the postcopy series",
    why="After POSTCOPY_COMPLETE the destination demands END as the very next record. Pages still in"
    " flight, because the guest released the rest early, make the restore fail, while the source has"
    " POSTCOPY_COMPLETE, writes END and reports success: the guest is lost.",
    advice="The copy at the destination is lost: start the guest anew from its disks. Do not shrink a guest"
    " (balloon) while it migrates, until the authors of the receiving program have mended that.",
    example="reverse POSTCOPY_COMPLETE, forward POSTCOPY_PAGE_DATA, END; legal: reverse POSTCOPY_COMPLETE, forward END",
    message="the destination had {acked:,} octets of the stream when POSTCOPY_COMPLETE left (offset {offset:,}), this"
    " record ends at {end:,}",
    breaking=(*eg.POSTCOPY, eg.sends(0x10), eg.COMPLETE, eg.sends(0x11), eg.END),
    legal=(*eg.POSTCOPY, eg.sends(0x10), eg.sends(0x11), eg.COMPLETE, eg.END),
)

POSTCOPY_OPTIONAL_RECORD = _rule(
    id="postcopy-optional-record",
    severity="warning",
    wireshark=True,
    summary="An unknown optional record comes in the postcopy phase",
    source="libxc specification, Records: type; validate_pages_record() in xc_sr_common.c of the postcopy series",
    why="The specification allows a receiver to ignore it. The known receiver accepts nothing but"
    " POSTCOPY_PAGE_DATA in this phase and fails; the known source, while it has pages to send, fails on"
    " anything but POSTCOPY_FAULT and POSTCOPY_COMPLETE.",
    example="POSTCOPY_PAGE_DATA, type 0x80000001; no finding: type 0x80000001 before POSTCOPY_BEGIN",
    fatal=True,
    message="optional record 0x{type:08x} is specified nowhere, and the known receiver and sender fail on it in the"
    " postcopy phase",
    breaking=(*eg.POSTCOPY, eg.sends(0x10), eg.unknown(0x80000001)),
    legal=(*eg.HVM2, eg.unknown(0x80000001), eg.BEGIN),
)

RULES = declared(globals())

_ENTRIES = prepared(RULES, "entry")


def judge_forward(record: Record, noted: Noted, phase: PostcopyPhase, migration: Migration) -> Iterator[Violation]:
    """Announced pages, and pages that come."""
    role = role_of(record)
    if role is Role.POSTCOPY_LIST:
        for run in noted.again:
            yield POSTCOPY_PFN_ANNOUNCED_TWICE(pfns=_named(run))
    elif role is Role.POSTCOPY_PAGES:
        yield from broken_entries(_ENTRIES.get(key_of(record), ()), record)
        for run in record.runs:
            if run.type not in UNBACKED:
                yield from _unannounced(run, POSTCOPY_PAGE_NOT_ANNOUNCED, phase, migration)
        for run in noted.again:
            yield POSTCOPY_PAGE_REPEATED(pfns=_named(run))


def judge_fault(
    record: Record, noted: Noted, phase: PostcopyPhase, is_early: bool, migration: Migration
) -> Iterator[Violation]:
    """A POSTCOPY_FAULT. `is_early`: whether it was captured before the postcopy phase began."""
    if phase.complete is not None:
        yield POSTCOPY_FAULT_AFTER_COMPLETE(offset=phase.complete.offset)
    yield from broken_entries(_ENTRIES.get(key_of(record), ()), record)
    for run in () if is_early else record.runs:
        yield from _unannounced(run, POSTCOPY_FAULT_NOT_ANNOUNCED, phase, migration)
    for run in noted.again:
        yield POSTCOPY_FAULT_REPEATED(pfns=_named(run))
    for fault in noted.faults:
        answer = fault.answer
        if answer is not None and knew(record, answer):
            late = (record.first.time - answer.last.time) / 1e6
            yield POSTCOPY_FAULT_AFTER_PAGE(pfn=fault.pfn, frame=answer.last.frame, late=late)


def in_postcopy(record: Record) -> Violation:
    """An unknown optional record of the postcopy phase."""
    return POSTCOPY_OPTIONAL_RECORD(type=record.type)


def judge_end(phase: PostcopyPhase, migration: Migration) -> Iterator[Violation]:
    """Pages that POSTCOPY_COMPLETE did not wait for."""
    complete, raced = phase.completion, phase.raced
    if complete is None:
        return
    if raced is not None:
        yield POSTCOPY_COMPLETE_RACE(acked=complete.acked, offset=complete.offset, end=raced.end).at(raced)
    count = migration.faults.never_sent
    if count and phase.knows_all_pages(migration):
        yield POSTCOPY_PAGES_DROPPED(Dropped.ONE if count == 1 else Dropped.MANY, count=count).at(complete)


def judge_unanswered(phase: PostcopyPhase, migration: Migration) -> Iterator[Violation]:
    """Faults whose page never came."""
    faults, complete = migration.faults, phase.completion
    went_on = migration.context.outermost in migration.ended
    if not phase.knows_all_pages(migration) or (not went_on and migration.outcome == "incomplete"):
        return
    for fault in faults.unanswered:
        # Of a page never announced, or asked for too late, that is said: nobody owes it.
        is_late = complete is not None and fault.asked.offset > complete.offset
        if fault.pfn not in faults.outstanding or is_late:
            continue
        if went_on:
            yield POSTCOPY_FAULT_UNANSWERED(Unanswered.WENT_ON, pfn=fault.pfn).at(fault.asked)
        else:
            yield POSTCOPY_FAULT_UNANSWERED(Unanswered.BROKE_OFF, pfn=fault.pfn).at(fault.asked).as_warning()


def _unannounced(run: Run, rule: Rule, phase: PostcopyPhase, migration: Migration) -> Iterator[Violation]:
    outstanding = migration.faults.outstanding
    if phase.lists_whole and not outstanding.overflow:
        first = outstanding.first_of_run(run.first, run.length, present=False)
        if first is not None:
            yield rule(pfn=first)


def _named(run: Run) -> str:
    return (ONE_PFN if run.length == 1 else MANY_PFNS).format(first=run.first, last=run.first + run.length - 1)
