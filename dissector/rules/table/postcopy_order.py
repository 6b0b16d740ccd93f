"""Rules of order that only a postcopy migration can break."""

from __future__ import annotations

from functools import partial

from dissector.rules.rule import Rule

_rule = partial(Rule, group="order and direction")

RULES = (
    _rule(
        id="postcopy-begin-repeated",
        severity="error",
        wireshark=True,
        summary="A stream has a second POSTCOPY_BEGIN",
        source="postcopy RFC, POSTCOPY_BEGIN; process_record() in xc_sr_restore.c of the postcopy series",
        why="A migration enters postcopy once and cannot go back. The receiver fails on the second record"
        " without a message of its own.",
        example="POSTCOPY_BEGIN, POSTCOPY_BEGIN, TSC_INFO; legal: POSTCOPY_BEGIN, TSC_INFO",
    ),
    _rule(
        id="postcopy-begin-missing",
        severity="error",
        wireshark=True,
        summary="A postcopy record comes with no POSTCOPY_BEGIN before it",
        source="postcopy RFC, POSTCOPY_BEGIN; postcopy_paging_setup() in xc_sr_restore.c of the postcopy series",
        why="POSTCOPY_BEGIN is what tells the destination that the migration will become postcopy. Without"
        " it the receiver fails at POSTCOPY_PFNS_BEGIN, where it would have to set up paging.",
        example="PAGE_DATA, TSC_INFO, POSTCOPY_PFNS_BEGIN; legal: PAGE_DATA, POSTCOPY_BEGIN, TSC_INFO",
    ),
    _rule(
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
        example="POSTCOPY_PFNS, libxl EMULATOR_CONTEXT; legal: POSTCOPY_PFNS, POSTCOPY_TRANSITION, libxl"
        " EMULATOR_CONTEXT",
    ),
    _rule(
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
    ),
    _rule(
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
    ),
    _rule(
        id="page-data-after-postcopy-begin",
        severity="error",
        wireshark=True,
        summary="PAGE_DATA comes after POSTCOPY_BEGIN",
        source="postcopy RFC, POSTCOPY_BEGIN; save() in xc_sr_save.c of the postcopy series",
        why="The guest is stopped from POSTCOPY_BEGIN to the end of the transition, so that pages sent here"
        " make the downtime longer; they belong into POSTCOPY_PFNS. Up to POSTCOPY_TRANSITION the known"
        " receiver handles PAGE_DATA as ever and may well succeed; in the postcopy phase it fails.",
        example="POSTCOPY_BEGIN, PAGE_DATA, TSC_INFO; legal: PAGE_DATA, POSTCOPY_BEGIN, TSC_INFO",
    ),
    _rule(
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
    ),
    _rule(
        id="postcopy-fault-before-transition",
        severity="error",
        summary="POSTCOPY_FAULT comes before the transition to postcopy has ended",
        source="postcopy RFC, POSTCOPY_TRANSITION and POSTCOPY_FAULT; postcopy_domain_memory() in"
        " xc_sr_save.c of the postcopy series",
        why="The guest does not run at the destination until the transition has ended, so nothing there can"
        " touch a missing page. The source does not read the reverse direction before its postcopy phase; it"
        " finds the fault then and treats it as any other.",
        example="forward POSTCOPY_PFNS, reverse POSTCOPY_FAULT; legal: forward POSTCOPY_TRANSITION_END,"
        " reverse POSTCOPY_FAULT",
    ),
    _rule(
        id="postcopy-complete-missing",
        severity="error",
        summary="The stream ended after a transition to postcopy with no POSTCOPY_COMPLETE",
        source="postcopy RFC, POSTCOPY_COMPLETE; postcopy_domain_memory() in xc_sr_save.c of the postcopy series",
        why="When it has sent its last page the source waits for POSTCOPY_COMPLETE without a time limit, and"
        " only then writes END. An END without it reaches a receiver that still demands POSTCOPY_PAGE_DATA"
        " and fails, while the guest has already run at the destination.",
        example="POSTCOPY_PAGE_DATA, END; legal: POSTCOPY_PAGE_DATA, reverse POSTCOPY_COMPLETE, END",
    ),
    _rule(
        id="postcopy-complete-unexpected",
        severity="error",
        summary="POSTCOPY_COMPLETE comes with no postcopy phase, or a second time",
        source="postcopy RFC, POSTCOPY_COMPLETE; postcopy_domain_memory() in xc_sr_save.c of the postcopy series",
        why="libxc reads the reverse direction only in the postcopy phase and stops at the first"
        " POSTCOPY_COMPLETE. What follows falls to xl, which takes it for its closing message: without"
        " postcopy the handshake fails, after postcopy xl ignores that the text is wrong.",
        example="POSTCOPY_COMPLETE, POSTCOPY_COMPLETE; legal: POSTCOPY_COMPLETE, 'postcopy migration"
        " completed successfully'",
    ),
)
