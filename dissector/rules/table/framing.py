"""Rules of headers and framing: what one header or record must look like by itself."""

from __future__ import annotations

from functools import partial

from dissector.rules.rule import Rule

_rule = partial(Rule, group="headers and framing")

RULES = (
    _rule(
        id="bad-image-header",
        severity="error",
        wireshark=True,
        summary="A libxc image header has a wrong marker or id, or a version nobody specified",
        source="libxc specification, Image Header; read_headers() in xg_sr_restore.c",
        why="The restore fails before it reads any record. Current Xen accepts versions 2 and 3, releases"
        " before 4.14 and the postcopy series only 2. The version also decides what the record types from"
        " 0x10 up mean.",
        example="version 4; legal: version 2 or 3",
    ),
    _rule(
        id="bad-domain-header",
        severity="error",
        wireshark=True,
        summary="A libxc domain header has an unknown guest type or a page_shift other than 12",
        source="libxc specification, Domain Header; x86_pv_setup() in xg_sr_restore_x86_pv.c,"
        " x86_hvm_setup() in xg_sr_restore_x86_hvm.c",
        why="The receiver compares the type with the domain it has built and the page size with its own 4096"
        " octets, and fails if either differs. A PVH guest has type 2, HVM.",
        example="type 0, page_shift 12; legal: type 1 (PV) or 2 (HVM), page_shift 12",
    ),
    _rule(
        id="bad-libxl-header",
        severity="error",
        wireshark=True,
        summary="A libxl stream header has a wrong ident or version",
        source="libxl specification, Header; stream_header_done() in libxl_stream_read.c",
        why="libxl gives up before the first record and no domain memory is read. No version but 2 was ever specified.",
        example="ident 'LibxlFmt', version 1; legal: ident 'LibxlFmt', version 2",
    ),
    _rule(
        id="bad-xl-header",
        severity="error",
        wireshark=True,
        summary="An xl save header has a wrong byteorder or mandatory flags nobody specified",
        source="struct save_file_header in xl.h; create_domain() in xl_vmcontrol.c",
        why="xl compares byteorder in its own byte order, so it refuses a header from a host of the other"
        " one. It also refuses mandatory flags that it does not know and says that a newer xl is needed. It"
        " does not look at optional flags.",
        example="mandatory_flags 0x7; legal: 0x3 (JSON configuration, version 2 stream)",
    ),
    _rule(
        id="reserved-bits-set",
        severity="warning",
        wireshark=True,
        summary="A reserved field or bit is not zero",
        source="libxc specification, Overview, Fields; PAGE_DATA_PFN_MASK in xg_sr_stream_format.h",
        why="Receivers mask or ignore reserved bits, so the migration works. The sender either writes memory"
        " it did not clear or follows a specification newer than the receiver's.",
        example="bits 59-52 of a PAGE_DATA entry = 0x01; legal: 0x00",
    ),
    _rule(
        id="nonzero-padding",
        severity="warning",
        wireshark=True,
        summary="The padding after a body is not zero",
        source="libxc and libxl specifications, Records: padding; read_record() in xg_sr_common.c",
        why="Receivers read the padding together with the body and never look at it. What stands there may"
        " be stale memory of the sending process, or a sign that body_length is wrong.",
        example="body_length 4, padding 00 00 00 2a; legal: body_length 4, padding 00 00 00 00",
    ),
    _rule(
        id="record-too-long",
        severity="error",
        wireshark=True,
        summary="The body_length of a record is above 128 MiB, which no libxc receiver accepts",
        source="REC_LENGTH_MAX in xg_sr_stream_format.h; read_record() in xg_sr_common.c",
        why="read_record() fails on the header alone. The limit is 128 MiB since Xen 4.10; it was 8 MiB from"
        " 4.6 to 4.9 and in the postcopy series. In the postcopy phase that series checks no limit and waits"
        " for the whole body instead.",
        example="body_length 0x08000001; legal: 0x08000000",
    ),
    _rule(
        id="body-length-mismatch",
        severity="error",
        wireshark=True,
        summary="A body is shorter or longer than its own counts say",
        source="libxc specification, the record's own section; handle_page_data() in xg_sr_restore.c",
        why="Current Xen fails the restore. The receiver of the postcopy series logs a pages record whose"
        " pages do not fill the body exactly, skips all of it and goes on as if it had succeeded: that"
        " memory is lost.",
        example="PAGE_DATA, count 2, both NOTAB, body_length 8 + 16 + 4096; legal: body_length 8 + 16 + 8192",
    ),
    _rule(
        id="nonempty-signal",
        severity="error",
        wireshark=True,
        summary="A record that only signals, and so must be empty, has a body",
        source="libxc specification, END, VERIFY, CHECKPOINT, STATIC_DATA_END; libxl specification, END,"
        " LIBXC_CONTEXT, CHECKPOINT_END; postcopy RFC, POSTCOPY_BEGIN and others",
        why="The specifications fix body_length at 0. Receivers do not check it: they read the body and"
        " throw it away. A body in such a record is most likely a length field that is wrong, and then the"
        " next record header is not where the receiver looks for it.",
        example="POSTCOPY_BEGIN, body_length 8; legal: POSTCOPY_BEGIN, body_length 0",
    ),
    _rule(
        id="empty-pages-record",
        severity="error",
        wireshark=True,
        summary="A pages record has a count of 0",
        source="libxc specification, PAGE_DATA: count; handle_page_data() in xg_sr_restore.c;"
        " validate_pages_record() in xc_sr_common.c of the postcopy series",
        why="Both sides of the known implementations refuse a PAGE_DATA, POSTCOPY_PFNS, POSTCOPY_PAGE_DATA"
        " or POSTCOPY_FAULT without an entry, and the migration fails. A sender with nothing to say leaves"
        " the record out.",
        example="POSTCOPY_PFNS, count 0; legal: no POSTCOPY_PFNS at all, or HVM_PARAMS, count 0",
    ),
    _rule(
        id="reserved-page-type",
        severity="error",
        wireshark=True,
        summary="An entry of a pages record has one of the reserved page types 5 to 8",
        source="libxc specification, PAGE_DATA: PFINFO types; is_known_page_type() in xg_sr_common.h",
        why="Current Xen fails the restore. The receiver of the postcopy series logs it, skips the whole"
        " record and reports success although every page of that record is missing.",
        example="entry 0x5000000000001234; legal: 0x4000000000001234 (L4TAB) or 0x9000000000001234 (L1TAB pinned)",
    ),
    _rule(
        id="unknown-mandatory-record",
        severity="error",
        wireshark=True,
        summary="A record has a type nobody specified, and bit 31 says that it must not be ignored",
        source="libxc specification, Records: type; restore() in xg_sr_restore.c; process_record() in"
        " libxl_stream_read.c",
        why="The specification demands that the restore fails, and both libraries do fail. A type that is"
        " unknown in one version of the stream may exist in another: 0x13 to 0x16 are postcopy records in"
        " version 2 only.",
        example="type 0x00000040; legal: type 0x80000040",
    ),
    _rule(
        id="unknown-optional-record",
        severity="note",
        wireshark=True,
        summary="A record has a type nobody specified, and bit 31 says that it may be ignored",
        source="libxc specification, Records: type; restore() in xg_sr_restore.c",
        why="libxc logs and skips it. libxl does not use the permission: its reader fails on every type it"
        " does not know, optional or not. In the postcopy phase libxc fails, too (postcopy-optional-record).",
        example="libxc type 0x80000001; no finding: any type of the specification's table",
    ),
    _rule(
        id="legacy-stream",
        severity="error",
        wireshark=True,
        summary="The stream is in the legacy format of Xen 4.5 or older and is not dissected",
        source="libxc specification, Legacy Images; libxl_convert_callout.c",
        why="A legacy stream has no header and no record types. A newer xl sees bit 1 of the xl header's"
        " mandatory flags clear and pipes the rest through convert-legacy-stream, whose output is an"
        " ordinary stream and can be dissected.",
        example="xl header, mandatory_flags 0x1, a zero bit in the next 8 octets; legal: mandatory_flags 0x3",
    ),
    _rule(
        id="truncated-stream",
        severity="error",
        also=("warning",),
        summary="The connection or file ends inside a record or before the stream's END",
        source="libxc and libxl specifications, END; restore() in xg_sr_restore.c",
        why="The protocol has no error record: each failure of either side is seen as a stream that stops."
        " An ordinary restore fails then. A checkpointed stream never has an END: its receiver takes over"
        " from the last whole checkpoint, so a stop right after CHECKPOINT_END is no finding, and a stop"
        " inside a later checkpoint is a failover, which is a warning.",
        example="PAGE_DATA, FIN; legal: libxc END, libxl END, FIN",
    ),
    _rule(
        id="data-after-end",
        severity="warning",
        wireshark=True,
        summary="Octets follow the end of the outermost stream, and no handshake explains them",
        source="libxl specification, END; migrate_receive() in xl_migrate.c",
        why="No layer of the receiver reads past its own END. After a live migration xl takes the next 44"
        " octets for the source's permission to start the guest; if they are anything else, it destroys its"
        " copy and reports a failure. After the restore of a file they are never read.",
        example="libxl END, 16 unknown octets; legal: libxl END, 'domain is yours, you are cleared to unpause'",
    ),
)
