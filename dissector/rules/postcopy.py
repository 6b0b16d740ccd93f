"""Rules of order that only a postcopy migration can break."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import partial
from typing import NamedTuple

from dissector.events import Record
from dissector.facts.migration import Migration
from dissector.facts.roles import role_of
from dissector.protocol import Layer, Role, State
from dissector.protocol.states import BEFORE_POSTCOPY, IN_POSTCOPY, TO_POSTCOPY
from dissector.rules import examples as eg
from dissector.rules.guest import Guest
from dissector.rules.postcopy_phase import PostcopyPhase, is_complete, is_whole, knew
from dissector.rules.rule import DEPENDS, IN_STATE, PLACE, WRITER, Misplaced, Rule, Violation, declared

_rule = partial(Rule, group="order and direction", effects=PLACE, advice=WRITER)


class ContextMissing(StrEnum):
    """`missing`: the names of records, joined by ", no "."""

    NONE = "no {missing} between POSTCOPY_BEGIN and POSTCOPY_PFNS_BEGIN"


class Early(StrEnum):
    """What left the destination before the postcopy phase."""

    BEFORE = "the destination had {acked:,} octets of the stream when it left, {transition} ends at {end:,}"
    NEVER = "the destination had {acked:,} octets of the stream when it left, and the postcopy phase never began"


class Incomplete(StrEnum):
    """Why POSTCOPY_COMPLETE is missed."""

    NEVER = "END at offset {end:,} ends the postcopy phase, and POSTCOPY_COMPLETE never came"
    NOT_YET = (
        "END at offset {end:,} ends the postcopy phase, and POSTCOPY_COMPLETE at offset {complete:,} had not arrived"
    )
    ALL_SENT = "every announced page was sent, and POSTCOPY_COMPLETE never came"


class NotLive(StrEnum):
    FILE = "POSTCOPY_BEGIN in a file"
    CHECKPOINTED = "POSTCOPY_BEGIN in a checkpointed stream"


class NoRing(StrEnum):
    NO_RING = "POSTCOPY_PFNS_BEGIN, and HVM_PARAMS named no paging ring (index 27)"
    PV = "POSTCOPY_PFNS_BEGIN for a PV guest, which has no paging ring"


POSTCOPY_BEGIN_REPEATED = _rule(
    id="postcopy-begin-repeated",
    severity="error",
    wireshark=True,
    summary="A stream has a second POSTCOPY_BEGIN",
    source="postcopy RFC, POSTCOPY_BEGIN; process_record() in xc_sr_restore.c of the postcopy series",
    why="A migration enters postcopy once and cannot go back. The receiver fails on the second record"
    " without a message of its own.",
    example="POSTCOPY_BEGIN, POSTCOPY_BEGIN, TSC_INFO; legal: POSTCOPY_BEGIN, TSC_INFO",
    message=IN_STATE,
    misplaced=(Misplaced((Role.POSTCOPY_BEGIN,), IN_POSTCOPY),),
    breaking=(*eg.BEGUN, eg.BEGIN, eg.TSC2),
    legal=(*eg.BEGUN, eg.TSC2),
)

POSTCOPY_BEGIN_MISSING = _rule(
    id="postcopy-begin-missing",
    severity="error",
    wireshark=True,
    summary="A postcopy record comes with no POSTCOPY_BEGIN before it",
    source="postcopy RFC, POSTCOPY_BEGIN; postcopy_paging_setup() in xc_sr_restore.c of the postcopy series",
    why="POSTCOPY_BEGIN is what tells the destination that the migration will become postcopy. Without"
    " it the receiver fails at POSTCOPY_PFNS_BEGIN, where it would have to set up paging.",
    example="PAGE_DATA, TSC_INFO, POSTCOPY_PFNS_BEGIN; legal: PAGE_DATA, POSTCOPY_BEGIN, TSC_INFO",
    message=IN_STATE,
    misplaced=(
        Misplaced((Role.POSTCOPY_SETUP,), BEFORE_POSTCOPY, State.POSTCOPY_PFNS),
        Misplaced((Role.POSTCOPY_LIST,), BEFORE_POSTCOPY, State.EARLY_PFNS),
        Misplaced((Role.POSTCOPY_TRANSITION,), BEFORE_POSTCOPY, State.POSTCOPY_TRANSITION),
        Misplaced((Role.POSTCOPY_PAGES,), BEFORE_POSTCOPY, State.POSTCOPY_PAGES),
    ),
    breaking=(*eg.HVM2, eg.PAGES, eg.TSC2, eg.PFNS_BEGIN),
    legal=(*eg.HVM2, eg.PAGES, eg.BEGIN, eg.TSC2),
)

POSTCOPY_TRANSITION_MISSING = _rule(
    id="postcopy-transition-missing",
    severity="error",
    wireshark=True,
    summary="Records of the other layer come although nothing announced the change of layer",
    source="postcopy RFC, POSTCOPY_TRANSITION; process_record() in xc_sr_restore.c and"
    " libxl_stream_read.c of the postcopy series",
    why="Nothing but POSTCOPY_TRANSITION and POSTCOPY_TRANSITION_END tells a receiver whose records"
    " follow, and both layers number theirs from 0. Without the first, libxc takes EMULATOR_CONTEXT for"
    " X86_PV_P2M_FRAMES; without the second, libxl does not know POSTCOPY_PAGE_DATA. Either way the"
    " restore fails.",
    example="POSTCOPY_PFNS, libxl EMULATOR_CONTEXT; legal: POSTCOPY_PFNS, POSTCOPY_TRANSITION, libxl EMULATOR_CONTEXT",
    message="{record} is {layer}'s, and no {missing} came before it",
    breaking=(*eg.LIBXL, *eg.LISTED, eg.EMULATOR._replace(unannounced=True)),
    legal=(*eg.LIBXL, *eg.LISTED, eg.TRANSITION, eg.EMULATOR),
)

POSTCOPY_CONTEXT_MISSING = _rule(
    id="postcopy-context-missing",
    severity="error",
    wireshark=True,
    summary="Between POSTCOPY_BEGIN and POSTCOPY_PFNS_BEGIN stands something other than the whole CPU context",
    source="postcopy RFC, POSTCOPY_BEGIN and POSTCOPY_PFNS_BEGIN; postcopy_paging_setup() in"
    " xc_sr_restore.c of the postcopy series",
    why="The specification wants the context records there and nothing else, because HVM_PARAMS says"
    " where the paging ring is. The known receiver does not check the order: it handles whatever comes,"
    " and enables paging at POSTCOPY_PFNS_BEGIN with the parameters it has then.",
    example="POSTCOPY_BEGIN, POSTCOPY_PFNS_BEGIN; legal: POSTCOPY_BEGIN, TSC_INFO, HVM_CONTEXT,"
    " HVM_PARAMS, POSTCOPY_PFNS_BEGIN",
    message=IN_STATE,
    messages=ContextMissing,
    misplaced=(Misplaced((Role.FRAME_TABLE, Role.TOOLSTACK, Role.VERIFY, Role.CHECKPOINT), (State.POSTCOPY_BEGUN,)),),
    breaking=(*eg.BEGUN, eg.PFNS_BEGIN),
    legal=(*eg.BEGUN, eg.TSC2, eg.CONTEXT, eg.PARAMS, eg.PFNS_BEGIN),
)

POSTCOPY_PAGE_DATA_BEFORE_TRANSITION = _rule(
    id="postcopy-page-data-before-transition",
    severity="error",
    wireshark=True,
    summary="POSTCOPY_PAGE_DATA comes before the transition to postcopy has ended",
    source="postcopy RFC, x86 HVM Postcopy Live Migration; restore() in xc_sr_restore.c and"
    " process_record() in libxl_stream_read.c of the postcopy series",
    why="libxc knows this record only in the postcopy phase, which follows POSTCOPY_TRANSITION_END (in a"
    " bare libxc stream POSTCOPY_TRANSITION). Before POSTCOPY_TRANSITION it is an unknown mandatory"
    " record to libxc, and after it to libxl.",
    example="POSTCOPY_PFNS, POSTCOPY_PAGE_DATA; legal: POSTCOPY_TRANSITION, POSTCOPY_TRANSITION_END,"
    " POSTCOPY_PAGE_DATA",
    message=IN_STATE,
    misplaced=(Misplaced((Role.POSTCOPY_PAGES,), TO_POSTCOPY, State.EARLY_PAGES),),
    breaking=(*eg.LISTED, eg.sends(0x10)),
    legal=(*eg.LISTED, eg.TRANSITION, eg.sends(0x10)),
)

PAGE_DATA_AFTER_POSTCOPY_BEGIN = _rule(
    id="page-data-after-postcopy-begin",
    severity="error",
    wireshark=True,
    summary="PAGE_DATA comes after POSTCOPY_BEGIN",
    source="postcopy RFC, POSTCOPY_BEGIN; save() in xc_sr_save.c of the postcopy series",
    why="The guest is stopped from POSTCOPY_BEGIN to the end of the transition, so that pages sent here"
    " make the downtime longer; they belong into POSTCOPY_PFNS. Up to POSTCOPY_TRANSITION the known"
    " receiver handles PAGE_DATA as ever and may well succeed; in the postcopy phase it fails.",
    example="POSTCOPY_BEGIN, PAGE_DATA, TSC_INFO; legal: PAGE_DATA, POSTCOPY_BEGIN, TSC_INFO",
    message=IN_STATE,
    misplaced=(Misplaced((Role.MEMORY,), IN_POSTCOPY),),
    breaking=(*eg.HVM2, eg.BEGIN, eg.PAGES, eg.TSC2),
    legal=(*eg.HVM2, eg.PAGES, eg.BEGIN, eg.TSC2),
)

POSTCOPY_PFNS_BEFORE_BEGIN = _rule(
    id="postcopy-pfns-before-begin",
    severity="error",
    wireshark=True,
    summary="POSTCOPY_PFNS or POSTCOPY_TRANSITION comes with no POSTCOPY_PFNS_BEGIN before it",
    source="postcopy RFC, POSTCOPY_PFNS_BEGIN; handle_postcopy_pfns() and handle_postcopy_transition()"
    " in xc_sr_restore.c of the postcopy series",
    why="POSTCOPY_PFNS_BEGIN makes the destination enable paging and allocate the state of each pfn. The"
    " receiver fails on either record without it. No POSTCOPY_PFNS at all is legal: it means that no"
    " page is left to send.",
    example="HVM_PARAMS, POSTCOPY_PFNS; legal: HVM_PARAMS, POSTCOPY_PFNS_BEGIN, POSTCOPY_PFNS",
    message=IN_STATE,
    misplaced=(
        Misplaced((Role.POSTCOPY_LIST,), (State.POSTCOPY_BEGUN,), State.EARLY_PFNS),
        Misplaced((Role.POSTCOPY_TRANSITION,), (State.POSTCOPY_BEGUN,), State.POSTCOPY_TRANSITION),
    ),
    breaking=(*eg.STOPPED, eg.PFNS),
    legal=(*eg.STOPPED, eg.PFNS_BEGIN, eg.PFNS),
)

POSTCOPY_FAULT_BEFORE_TRANSITION = _rule(
    id="postcopy-fault-before-transition",
    severity="error",
    effects=DEPENDS,
    summary="POSTCOPY_FAULT comes before the transition to postcopy has ended",
    source="postcopy RFC, POSTCOPY_TRANSITION and POSTCOPY_FAULT; postcopy_domain_memory() in"
    " xc_sr_save.c of the postcopy series",
    why="The guest does not run at the destination until the transition has ended, so nothing there can"
    " touch a missing page. The source does not read the reverse direction before its postcopy phase; it"
    " finds the fault then and treats it as any other.",
    example="forward POSTCOPY_PFNS, reverse POSTCOPY_FAULT; legal: forward POSTCOPY_TRANSITION_END,"
    " reverse POSTCOPY_FAULT",
    messages=Early,
    breaking=(*eg.LISTED, eg.asks(0x10), eg.TRANSITION),
    legal=(*eg.LISTED, eg.TRANSITION, eg.asks(0x10)),
)

POSTCOPY_COMPLETE_MISSING = _rule(
    id="postcopy-complete-missing",
    severity="error",
    summary="The stream ended after a transition to postcopy with no POSTCOPY_COMPLETE",
    source="postcopy RFC, POSTCOPY_COMPLETE; postcopy_domain_memory() in xc_sr_save.c of the postcopy series",
    why="When it has sent its last page the source waits for POSTCOPY_COMPLETE without a time limit, and"
    " only then writes END. An END without it reaches a receiver that still demands POSTCOPY_PAGE_DATA"
    " and fails, while the guest has already run at the destination.",
    example="POSTCOPY_PAGE_DATA, END; legal: POSTCOPY_PAGE_DATA, reverse POSTCOPY_COMPLETE, END",
    messages=Incomplete,
    breaking=(*eg.POSTCOPY, eg.asks(0x10), eg.sends(0x10, 0x11), eg.END),
    legal=(*eg.POSTCOPY, eg.asks(0x10), eg.sends(0x10, 0x11), eg.COMPLETE, eg.END),
)

POSTCOPY_COMPLETE_UNEXPECTED = _rule(
    id="postcopy-complete-unexpected",
    severity="error",
    summary="POSTCOPY_COMPLETE comes with no postcopy phase, or a second time",
    source="postcopy RFC, POSTCOPY_COMPLETE; postcopy_domain_memory() in xc_sr_save.c of the postcopy series",
    why="libxc reads the reverse direction only in the postcopy phase and stops at the first"
    " POSTCOPY_COMPLETE. What follows falls to xl, which takes it for its closing message: without"
    " postcopy the handshake fails, after postcopy xl ignores that the text is wrong.",
    example="POSTCOPY_COMPLETE, POSTCOPY_COMPLETE; legal: POSTCOPY_COMPLETE, 'postcopy migration"
    " completed successfully'",
    message="the first one was at offset {offset:,}",
    messages=Early,
    breaking=(*eg.POSTCOPY, eg.sends(0x10, 0x11), eg.COMPLETE, eg.COMPLETE),
    legal=(*eg.POSTCOPY, eg.sends(0x10, 0x11), eg.COMPLETE),
)

POSTCOPY_NOT_LIVE = _rule(
    id="postcopy-not-live",
    severity="error",
    effects=frozenset({"apart"}),
    summary="POSTCOPY_BEGIN comes in a save file or a checkpointed stream",
    source="postcopy RFC, POSTCOPY_BEGIN",
    why="The specification allows it in a truly live migration alone: the source must still be there to"
    " send what is missing. Who reads a file has nobody to ask, and a checkpointed source goes on to"
    " run the guest itself.",
    example="CHECKPOINT, POSTCOPY_BEGIN; legal: PAGE_DATA, POSTCOPY_BEGIN",
    messages=NotLive,
    breaking=(*eg.HVM2, eg.PAGES, eg.CHECKPOINT, eg.PAGES, eg.BEGIN),
    legal=(*eg.HVM2, eg.PAGES, eg.BEGIN),
)

POSTCOPY_NO_PAGING_RING = _rule(
    id="postcopy-no-paging-ring",
    severity="error",
    effects=frozenset({"apart"}),
    summary="POSTCOPY_PFNS_BEGIN comes for a guest that has no paging ring",
    source="postcopy RFC, POSTCOPY_PFNS_BEGIN; postcopy_paging_setup() in xc_sr_restore.c of the postcopy series",
    why="The destination learns of a missing page through the ring whose page HVM_PARAMS names, index 27"
    " (PAGING_RING_PFN), and fails where it would enable paging. A PV guest has none. Parameters that"
    " name neither the console nor any ring are not judged: they are no whole guest's.",
    receiver_says={
        "Failed to enable paging": "",
    },
    example="HVM_PARAMS 28, 29, POSTCOPY_PFNS_BEGIN; legal: HVM_PARAMS 27, 28, 29, POSTCOPY_PFNS_BEGIN",
    messages=NoRing,
    breaking=(*eg.BEGUN, eg.TSC2, eg.CONTEXT, eg.params(1, 28, 29), eg.PFNS_BEGIN),
    legal=(*eg.BEGUN, eg.TSC2, eg.CONTEXT, eg.params(1, 27, 28, 29), eg.PFNS_BEGIN),
)

AGAIN = (Role.POSTCOPY_LIST, Role.POSTCOPY_TRANSITION)
"""What may not come again once the transition was announced."""

POSTCOPY_RECORD_AFTER_TRANSITION = _rule(
    id="postcopy-record-after-transition",
    severity="error",
    wireshark=True,
    summary="A record comes after the transition that may only come before it",
    source="postcopy RFC, POSTCOPY_TRANSITION; process_record() in libxl_stream_read.c of the postcopy series",
    why="POSTCOPY_TRANSITION closes the list of missing pages, and POSTCOPY_TRANSITION_END what libxl"
    " has to say before its END. The receiver of the series fails on anything else of the two.",
    receiver_says={
        "Received non-end record after postcopy transition": "",
    },
    example="POSTCOPY_TRANSITION_END, EMULATOR_CONTEXT; legal: EMULATOR_CONTEXT, POSTCOPY_TRANSITION_END",
    message=IN_STATE,
    misplaced=(
        Misplaced(AGAIN, (State.POSTCOPY_TRANSITION, State.POSTCOPY_PAGES)),
        Misplaced((Role.EMULATOR, Role.POSTCOPY_TRANSITION_END), (State.POSTCOPY_PAGES,)),
    ),
    breaking=(*eg.LIBXL, *eg.LISTED, eg.TRANSITION, eg.EMULATOR, eg.TRANSITION_END, eg.EMULATOR),
    legal=(*eg.LIBXL, *eg.LISTED, eg.TRANSITION, eg.EMULATOR, eg.TRANSITION_END),
)

RULES = declared(globals())


class ShouldBe(NamedTuple):
    """What would have announced a record of the other layer."""

    states: tuple[State, ...]
    """Where it is found with nothing announced."""
    missing: str
    then: State


SHOULD_BE: Mapping[Layer | None, ShouldBe] = {
    "libxl": ShouldBe(
        (State.POSTCOPY_BEGUN, State.EARLY_PFNS, State.POSTCOPY_PFNS),
        "POSTCOPY_TRANSITION",
        State.POSTCOPY_TRANSITION,
    ),
    "libxc": ShouldBe((State.POSTCOPY_TRANSITION,), "POSTCOPY_TRANSITION_END", State.POSTCOPY_PAGES),
}
"""By the layer of a record that nothing announced."""


def judge_end(phase: PostcopyPhase, is_followed: bool, migration: Migration) -> Iterator[Violation]:
    """What of the phase only the end shows. `is_followed`: whether every header of the forward direction was read."""
    yield from _early(phase, is_followed, migration)
    end, complete = phase.end, phase.completion
    if end is None:
        if complete is None:
            yield from _never_completed(phase, migration)
    elif is_whole(migration.reverse) and complete is None:
        yield POSTCOPY_COMPLETE_MISSING(Incomplete.NEVER, end=end.offset).at(end)
    elif is_whole(migration.reverse) and complete is not None and not knew(end, complete):
        yield POSTCOPY_COMPLETE_MISSING(Incomplete.NOT_YET, end=end.offset, complete=complete.offset).at(end)


def _early(phase: PostcopyPhase, is_followed: bool, migration: Migration) -> Iterator[Violation]:
    """Records of the reverse direction that were captured before the postcopy phase began: they broke a rule if they
    left before the record that begins it had arrived, or if there is none."""
    transition = phase.transition
    if phase.has_early_pages:
        return  # that says it all
    if transition is None and (not is_followed or migration.forward.is_damaged):
        return  # it may be among what was not captured
    if transition is not None and not _is_transition(transition):
        return  # it was lost, or forgotten: nobody knows where it stood
    last = migration.forward.last
    for record in phase.early:
        rule = POSTCOPY_COMPLETE_UNEXPECTED if is_complete(record) else POSTCOPY_FAULT_BEFORE_TRANSITION
        if transition is None:
            # What ends inside a record may have begun the phase there: its length leads past it.
            if last is None or last.whole or record.acked <= last.offset:
                yield rule(Early.NEVER, acked=record.acked).at(record)
            return
        if not knew(record, transition):
            yield rule(Early.BEFORE, acked=record.acked, transition=transition.name, end=transition.end).at(record)


def _never_completed(phase: PostcopyPhase, migration: Migration) -> Iterator[Violation]:
    """A stream that broke off with no END: for want of POSTCOPY_COMPLETE if all pages had been sent."""
    last = migration.forward.last
    is_over = migration.outcome == "failed" and migration.is_capture and is_whole(migration.reverse)
    if not is_over or phase.transition is None or phase.is_spoilt or last is None or not last.whole:
        return
    if phase.knows_all_pages(migration) and not migration.faults.never_sent:
        yield POSTCOPY_COMPLETE_MISSING(Incomplete.ALL_SENT).at(last)


PAGING_RING, MADE_WITH_IT = 27, frozenset((17, 28, 29))
"""Indexes of HVM_PARAMS: PAGING_RING_PFN; CONSOLE_PFN, MONITOR_RING_PFN and SHARING_RING_PFN, which the builder of a
guest makes together with it."""


def judge_setup(record: Record, guest: Guest, migration: Migration) -> Iterator[Violation]:
    """Whether this migration, and this guest, can have a postcopy phase."""
    role = role_of(record)
    if role is Role.POSTCOPY_BEGIN:
        if not migration.is_capture:
            yield POSTCOPY_NOT_LIVE(NotLive.FILE)
        elif guest.is_checkpointed:
            yield POSTCOPY_NOT_LIVE(NotLive.CHECKPOINTED)
    elif role is Role.POSTCOPY_SETUP:
        if record.context.guest == "x86 PV":
            yield POSTCOPY_NO_PAGING_RING(NoRing.PV)
        elif PAGING_RING not in (guest.params or ()) and not MADE_WITH_IT.isdisjoint(guest.params or ()):
            yield POSTCOPY_NO_PAGING_RING(NoRing.NO_RING)


def judge_complete(record: Record, phase: PostcopyPhase) -> Iterator[Violation]:
    """A POSTCOPY_COMPLETE after another."""
    if is_complete(record) and phase.complete is not None:
        yield POSTCOPY_COMPLETE_UNEXPECTED(offset=phase.complete.offset)


def _is_transition(record: Record) -> bool:
    return role_of(record) in (Role.POSTCOPY_TRANSITION, Role.POSTCOPY_TRANSITION_END)
