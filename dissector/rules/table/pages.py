"""Rules of single pages in the postcopy phase: announced, asked for, sent once, complete."""

from __future__ import annotations

from functools import partial

from dissector.rules.rule import Rule

_rule = partial(Rule, group="pages")

RULES = (
    _rule(
        id="postcopy-pfn-announced-twice",
        severity="error",
        wireshark=True,
        summary="POSTCOPY_PFNS announces a backed pfn a second time",
        source="postcopy RFC, POSTCOPY_PFNS; process_postcopy_pfns() in xc_sr_restore.c of the postcopy series",
        why="The receiver tracks one state for each pfn. The same pfn in a later POSTCOPY_PFNS makes the"
        " restore fail; twice in one record it is caught by an assertion, which aborts the process. Entries"
        " of type XTAB, BROKEN and XALLOC are not backed and do not count.",
        example="POSTCOPY_PFNS 0x10, 0x11, 0x10; legal: POSTCOPY_PFNS 0x10, 0x11",
    ),
    _rule(
        id="postcopy-page-not-announced",
        severity="error",
        wireshark=True,
        summary="POSTCOPY_PAGE_DATA holds a pfn that no POSTCOPY_PFNS announced as backed",
        source="postcopy RFC, POSTCOPY_PAGE_DATA; process_postcopy_page_data() in xc_sr_restore.c of the"
        " postcopy series",
        why="The receiver has no evicted page for it and fails the restore, and with it the guest, which"
        " already runs there. For a pfn above all those it has populated an assertion aborts the process.",
        example="POSTCOPY_PFNS 0x10, POSTCOPY_PAGE_DATA 0x12; legal: POSTCOPY_PFNS 0x10, POSTCOPY_PAGE_DATA 0x10",
    ),
    _rule(
        id="postcopy-page-type",
        severity="error",
        wireshark=True,
        summary="POSTCOPY_PAGE_DATA holds an entry of type XTAB, BROKEN or XALLOC",
        source="postcopy RFC, POSTCOPY_PAGE_DATA; process_postcopy_page_data() in xc_sr_restore.c of the"
        " postcopy series",
        why="Such pfns have no contents to send: POSTCOPY_PFNS names them and nothing follows. The receiver"
        " fails on one. If a page stands in the record for it, the length does not fit either, and the"
        " receiver skips the whole record.",
        example="POSTCOPY_PAGE_DATA entry 0xf000000000000010; legal: entry 0x0000000000000010",
    ),
    _rule(
        id="postcopy-page-repeated",
        severity="error",
        wireshark=True,
        summary="POSTCOPY_PAGE_DATA holds a pfn that an earlier one already carried",
        source="process_postcopy_page_data() in xc_sr_restore.c of the postcopy series",
        why="The guest may have written to the page since it came, so a second copy could undo its work. The"
        " receiver fails instead. The source sends each page once: it clears the pfn's dirty bit and then"
        " ignores faults for it.",
        example="POSTCOPY_PAGE_DATA 0x10, POSTCOPY_PAGE_DATA 0x10; legal: POSTCOPY_PAGE_DATA 0x10,"
        " POSTCOPY_PAGE_DATA 0x11",
    ),
    _rule(
        id="postcopy-fault-not-announced",
        severity="error",
        wireshark=True,
        summary="POSTCOPY_FAULT asks for a pfn that was never announced as backed",
        source="postcopy RFC, POSTCOPY_FAULT; handle_postcopy_faults() in xc_sr_save.c of the postcopy series",
        why="The destination can only miss what it evicted when it was announced. The source ignores a fault"
        " for a pfn whose dirty bit is clear, but does not check the range: a pfn beyond the guest's last"
        " one indexes memory outside the dirty bitmap.",
        example="POSTCOPY_PFNS 0x10, POSTCOPY_FAULT 0x12; legal: POSTCOPY_PFNS 0x10, POSTCOPY_FAULT 0x10",
    ),
    _rule(
        id="postcopy-fault-repeated",
        severity="error",
        wireshark=True,
        summary="POSTCOPY_FAULT asks for the same pfn a second time",
        source="handle_postcopy_paging_requests() in xc_sr_restore.c of the postcopy series",
        why="The destination asks once for a page, however many vcpus wait for it. The source ignores a"
        " repeated pfn, but moves its background copy to the pages after it.",
        example="POSTCOPY_FAULT 0x10, POSTCOPY_FAULT 0x10; legal: POSTCOPY_FAULT 0x10, POSTCOPY_FAULT 0x11",
    ),
    _rule(
        id="postcopy-fault-after-page",
        severity="note",
        wireshark=True,
        summary="POSTCOPY_FAULT asks for a page whose whole record was acknowledged before the fault left",
        source="process_postcopy_page_data() and postcopy_restore() in xc_sr_restore.c of the postcopy series",
        why="TCP acknowledges octets that the receiving process may not have read yet, and the receiver acts"
        " on a record only when it has read all of it: mostly the fault is just late. A long delay means a"
        " receiver that lost track. The source does not send the page again.",
        example="POSTCOPY_PAGE_DATA 0x10, its ACK, POSTCOPY_FAULT 0x10; no finding: POSTCOPY_FAULT 0x10 before the ACK",
    ),
    _rule(
        id="postcopy-fault-after-complete",
        severity="error",
        wireshark=True,
        summary="POSTCOPY_FAULT comes after POSTCOPY_COMPLETE",
        source="postcopy RFC, POSTCOPY_COMPLETE; postcopy_restore() in xc_sr_restore.c of the postcopy series",
        why="POSTCOPY_COMPLETE says that no page is missing, and the destination writes no record after it."
        " The source stops reading records there; xl then reads the fault in place of its closing message,"
        " ignores that it is wrong and destroys the source domain.",
        example="POSTCOPY_COMPLETE, POSTCOPY_FAULT; legal: POSTCOPY_FAULT, POSTCOPY_COMPLETE",
    ),
    _rule(
        id="postcopy-fault-has-type",
        severity="error",
        wireshark=True,
        summary="An entry of POSTCOPY_FAULT has type bits set",
        source="postcopy RFC, POSTCOPY_FAULT; handle_postcopy_faults() in xc_sr_save.c of the postcopy series",
        why="The entries of this record are bare pfns. The source takes the whole 64 bits for a pfn, tests a"
        " bit outside of its bitmap and may answer with an entry of type XTAB, on which the destination"
        " fails.",
        example="entry 0xf000000000000010; legal: entry 0x0000000000000010",
    ),
    _rule(
        id="postcopy-fault-unanswered",
        severity="error",
        also=("warning",),
        summary="A page that POSTCOPY_FAULT asked for never came",
        source="postcopy RFC, POSTCOPY_FAULT; postcopy_domain_memory() in xc_sr_save.c of the postcopy series",
        why="A vcpu or the device model waits for that page and does not go on without it. It is an error"
        " when the stream went on to END all the same, and a warning when the stream broke off before the"
        " page could come.",
        example="POSTCOPY_FAULT 0x10, END; legal: POSTCOPY_FAULT 0x10, POSTCOPY_PAGE_DATA 0x10, END",
    ),
    _rule(
        id="postcopy-pages-dropped",
        severity="note",
        summary="POSTCOPY_COMPLETE came although some announced pages were never sent",
        source="postcopy_domain_memory() in xc_sr_save.c, handle_postcopy_paging_requests() in"
        " xc_sr_restore.c of the postcopy series",
        why="The guest released the pages before they came, and the destination counts them as done. It does"
        " not tell the source which ones; most dropped pages are sent nevertheless and discarded on arrival.",
        example="POSTCOPY_PFNS 0x10, 0x11, POSTCOPY_PAGE_DATA 0x10, POSTCOPY_COMPLETE; no finding: 0x11 sent, too",
    ),
    _rule(
        id="postcopy-complete-race",
        severity="error",
        wireshark=True,
        summary="POSTCOPY_PAGE_DATA arrives after POSTCOPY_COMPLETE left",
        source="postcopy_restore() in xc_sr_restore.c of the postcopy series",
        why="After POSTCOPY_COMPLETE the destination demands END as the very next record. Pages still in"
        " flight, because the guest released the rest early, make the restore fail, while the source has"
        " POSTCOPY_COMPLETE, writes END and reports success: the guest is lost.",
        example="reverse POSTCOPY_COMPLETE, forward POSTCOPY_PAGE_DATA, END; legal: reverse"
        " POSTCOPY_COMPLETE, forward END",
    ),
    _rule(
        id="postcopy-optional-record",
        severity="warning",
        wireshark=True,
        summary="An unknown optional record comes in the postcopy phase",
        source="libxc specification, Records: type; validate_pages_record() in xc_sr_common.c of the postcopy series",
        why="The specification allows a receiver to ignore it. The known receiver accepts nothing but"
        " POSTCOPY_PAGE_DATA in this phase and fails; the known source, while it has pages to send, fails on"
        " anything but POSTCOPY_FAULT and POSTCOPY_COMPLETE.",
        example="POSTCOPY_PAGE_DATA, type 0x80000001; no finding: type 0x80000001 before POSTCOPY_BEGIN",
    ),
)
