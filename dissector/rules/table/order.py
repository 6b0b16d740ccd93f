"""Rules of order and direction that hold for every migration."""

from __future__ import annotations

from functools import partial

from dissector.rules.rule import Rule

_rule = partial(Rule, group="order and direction")

RULES = (
    _rule(
        id="wrong-direction",
        severity="error",
        wireshark=True,
        summary="A record is on the direction that never carries it",
        source="libxc specification, CHECKPOINT_DIRTY_PFN_LIST; libxl specification, CHECKPOINT_STATE;"
        " postcopy RFC, POSTCOPY_FAULT and POSTCOPY_COMPLETE",
        why="A receiver has no handler for the reverse direction's records and fails on them as on an"
        " unknown mandatory record. In the postcopy phase the source accepts nothing but POSTCOPY_FAULT and"
        " POSTCOPY_COMPLETE while it has pages to send; outside of postcopy and COLO libxc does not read the"
        " reverse direction at all, and xl takes what comes there for its closing message.",
        example="POSTCOPY_FAULT from source to destination; legal: the same from destination to source",
    ),
    _rule(
        id="unexpected-record",
        severity="error",
        wireshark=True,
        summary="A record comes in a phase that does not allow it",
        source="libxc specification, Layout; process_record() in xg_sr_restore.c and libxl_stream_read.c",
        why="This is the rule for every misplaced record that no other rule names. Receivers check only some"
        " of these: libxc fails on X86_PV_P2M_FRAMES before X86_PV_INFO and on CHECKPOINT in a stream that"
        " is not checkpointed, libxl fails on CHECKPOINT_STATE outside of COLO. Elsewhere a record may be"
        " accepted and do the wrong thing.",
        example="X86_PV_P2M_FRAMES, X86_PV_INFO; legal: X86_PV_INFO, X86_PV_P2M_FRAMES",
    ),
    _rule(
        id="missing-static-data-end",
        severity="error",
        wireshark=True,
        summary="A version 3 stream has memory or context before STATIC_DATA_END",
        source="libxc specification, v3 compat with v2; handle_page_data() in xg_sr_restore.c,"
        " handle_x86_pv_p2m_frames() in xg_sr_restore_x86_pv.c",
        why="The receiver applies the CPU policies when STATIC_DATA_END comes, before the guest has any"
        " memory. It fails at the first PAGE_DATA or X86_PV_P2M_FRAMES without one; context records are not"
        " checked. Only in a version 2 stream does it infer the place.",
        example="X86_CPUID_POLICY, PAGE_DATA; legal: X86_CPUID_POLICY, STATIC_DATA_END, PAGE_DATA",
    ),
    _rule(
        id="duplicate-static-data-end",
        severity="error",
        wireshark=True,
        summary="A stream has a second STATIC_DATA_END",
        source="handle_static_data_end() in xg_sr_restore.c",
        why="The restore fails: static data is handed to the toolstack once, and the domain is already built"
        " on it. The checkpoints of a stream do not repeat it.",
        example="STATIC_DATA_END, PAGE_DATA, STATIC_DATA_END; legal: STATIC_DATA_END, PAGE_DATA, PAGE_DATA",
    ),
    _rule(
        id="static-data-in-v2",
        severity="error",
        wireshark=True,
        summary="A version 2 stream has records that, by their bodies, are the static data of version 3",
        source="libxc specification, v3 compat with v2 and Records: type; postcopy RFC, record types",
        why="0x10 to 0x12 mean STATIC_DATA_END and the CPU policies in version 3, and postcopy records in"
        " version 2 with the postcopy series. Xen 4.14 and later do not look at the version here and accept"
        " them; older releases fail on an unknown record, and the postcopy series takes them for"
        " POSTCOPY_BEGIN and its kin.",
        example="version 2, type 0x11 with 48 octets of CPUID leaves; legal: the same in version 3",
    ),
    _rule(
        id="hvm-params-after-context",
        severity="note",
        wireshark=True,
        summary="A version 3 stream has HVM_CONTEXT before HVM_PARAMS",
        source="libxc specification, x86 HVM Guest; x86_hvm_end_of_checkpoint() in xg_sr_save_x86_hvm.c",
        why="The specification wants the parameters first, yet every release from 4.6 on sends the context"
        " first. Receivers keep the context until the end of the stream or the checkpoint, so both orders"
        " restore the same guest.",
        example="X86_TSC_INFO, HVM_CONTEXT, HVM_PARAMS; no finding: X86_TSC_INFO, HVM_PARAMS, HVM_CONTEXT",
    ),
    _rule(
        id="pv-record-in-hvm",
        severity="error",
        wireshark=True,
        summary="The stream of an HVM guest has a record of PV guests",
        source="libxc specification, Layout; x86_hvm_process_record() in xg_sr_restore_x86_hvm.c",
        why="The HVM receiver has no handler for X86_PV_* and SHARED_INFO and fails as on an unknown"
        " mandatory record. The libxl types 2, 3 and 6 are the same numbers as X86_PV_INFO,"
        " X86_PV_P2M_FRAMES and X86_PV_VCPU_XSAVE, so a lost change of layer can look like this.",
        example="type HVM, PAGE_DATA, SHARED_INFO; legal: type HVM, PAGE_DATA, TSC_INFO",
    ),
    _rule(
        id="hvm-record-in-pv",
        severity="error",
        wireshark=True,
        summary="The stream of a PV guest has a record of HVM guests",
        source="libxc specification, Layout; x86_pv_process_record() in xg_sr_restore_x86_pv.c",
        why="The PV receiver has no handler for HVM_CONTEXT and HVM_PARAMS and fails as on an unknown"
        " mandatory record. In the same way libxl refuses emulator records for any guest that its"
        " configuration does not call HVM.",
        example="type PV, TSC_INFO, HVM_PARAMS; legal: type PV, TSC_INFO, SHARED_INFO",
    ),
    _rule(
        id="checkpoint-end-unexpected",
        severity="error",
        wireshark=True,
        summary="A CHECKPOINT_END comes with no CHECKPOINT before it",
        source="libxl specification, CHECKPOINT_END; process_record() in libxl_stream_read.c",
        why="libxl is in a checkpoint only after libxc has handed over at CHECKPOINT. Outside of one it"
        " fails on CHECKPOINT_END.",
        example="libxc END, CHECKPOINT_END; legal: CHECKPOINT, EMULATOR_CONTEXT, CHECKPOINT_END",
    ),
)
