"""Rules of order and direction that hold for every migration, and the fold that follows a stream through its states."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import NamedTuple

from dissector.events import Context, Record
from dissector.facts.roles import role_of
from dissector.protocol import CONTAINERS, PLACES, HeaderSpec, Layer, RecordSpec, Role, State, libxc_records
from dissector.protocol.states import BEFORE_POSTCOPY, IN_POSTCOPY, OF_VERSION, after
from dissector.rules import contents, postcopy
from dissector.rules import examples as eg
from dissector.rules.guest import GUESTS
from dissector.rules.postcopy_phase import PAGES_STATES
from dissector.rules.rule import IN_STATE, PLACE, WRITER, Misplaced, Rule, Violation, declared, misplaced_by_role

_rule = partial(Rule, group="order and direction", effects=PLACE, advice=WRITER)

OF_GUEST = "{record} in a stream whose domain header says {guest}"


class StaticData(StrEnum):
    """How a record of version 3 shows in a stream of version 2, where its number means something else."""

    CPUID = "record 0x11 has {length:,} octets: CPUID leaves, and a POSTCOPY_PFNS_BEGIN has none"
    MSR = "record 0x12 has {length:,} octets: MSR entries, and no list of {count:,} pfns"
    END = "record 0x10 after CPU policies: STATIC_DATA_END, and no POSTCOPY_BEGIN"


class Unexpected(StrEnum):
    """What is unexpected in every state."""

    NO_PV_INFO = "{record}, and no X86_PV_INFO came before it"


WRONG_DIRECTION = _rule(
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
    receiver_says={
        "Mandatory record %#x (%s) not handled": "",
    },
    example="POSTCOPY_FAULT from source to destination; legal: the same from destination to source",
    message="{record} goes {direction} only",
    breaking=(*eg.POSTCOPY, eg.libxc("POSTCOPY_FAULT", 0x10)),
    legal=(*eg.POSTCOPY, eg.libxc("POSTCOPY_FAULT", 0x10).back()),
)

UNEXPECTED_RECORD = _rule(
    id="unexpected-record",
    severity="error",
    also=("warning",),
    wireshark=True,
    summary="A record comes in a phase that does not allow it",
    source="libxc specification, Layout; process_record() in xg_sr_restore.c and libxl_stream_read.c",
    why="This is the rule for every misplaced record that no other rule names: libxc fails on"
    " X86_PV_P2M_FRAMES before X86_PV_INFO and on CHECKPOINT in a stream that is not checkpointed."
    " Memory, tables of frames, policies and context may come in any order. An order that the"
    " specification forbids and no receiver checks is a warning.",
    receiver_says={
        "Not yet received X86_PV_INFO record": "no X86_PV_INFO",
        "Found checkpoint in non-checkpointed stream": r"\.CHECKPOINT:",
        "Unexpected CHECKPOINT_STATE record in stream": r"\.CHECKPOINT_STATE:",
    },
    example="X86_PV_P2M_FRAMES, X86_PV_INFO; legal: X86_PV_INFO, X86_PV_P2M_FRAMES",
    message=IN_STATE,
    messages=Unexpected,
    misplaced=(
        Misplaced((Role.EMBEDDED_STREAM,), (State.LIBXL_TAIL,), State.START),
        Misplaced((Role.LIBXC_END,), (State.STATIC_DATA,), State.LIBXL_TAIL),
    ),
    breaking=(eg.IMAGE2, eg.PV, eg.FRAMES, eg.PV_INFO),
    legal=(eg.IMAGE2, eg.PV, eg.PV_INFO, eg.FRAMES),
)

MISSING_STATIC_DATA_END = _rule(
    id="missing-static-data-end",
    severity="error",
    also=("warning",),
    wireshark=True,
    summary="A version 3 stream has memory or context before STATIC_DATA_END",
    source="libxc specification, v3 compat with v2; handle_page_data() in xg_sr_restore.c,"
    " handle_x86_pv_p2m_frames() in xg_sr_restore_x86_pv.c",
    why="The receiver applies the CPU policies when STATIC_DATA_END comes, before the guest has any"
    " memory. It fails at the first PAGE_DATA or X86_PV_P2M_FRAMES without one; context before it is"
    " taken, and a warning. Only in a version 2 stream does it infer the place.",
    receiver_says={
        "No STATIC_DATA_END seen": "",
    },
    example="X86_CPUID_POLICY, PAGE_DATA; legal: X86_CPUID_POLICY, STATIC_DATA_END, PAGE_DATA",
    message=IN_STATE,
    misplaced=(
        Misplaced((Role.CONTEXT, Role.VERIFY), (State.STATIC_DATA,)),
        Misplaced((Role.FRAME_TABLE, Role.MEMORY), (State.STATIC_DATA,), State.MEMORY),
        Misplaced((Role.CHECKPOINT,), (State.STATIC_DATA,), State.CHECKPOINT),
    ),
    breaking=(eg.IMAGE3, eg.HVM, eg.CPUID, eg.PAGES),
    legal=(eg.IMAGE3, eg.HVM, eg.CPUID, eg.STATIC, eg.PAGES),
)

DUPLICATE_STATIC_DATA_END = _rule(
    id="duplicate-static-data-end",
    severity="error",
    wireshark=True,
    summary="A stream has a second STATIC_DATA_END",
    source="handle_static_data_end() in xg_sr_restore.c",
    why="The restore fails: static data is handed to the toolstack once, and the domain is already built"
    " on it. The checkpoints of a stream do not repeat it.",
    receiver_says={
        "Multiple STATIC_DATA_END records found": "",
    },
    example="STATIC_DATA_END, PAGE_DATA, STATIC_DATA_END; legal: STATIC_DATA_END, PAGE_DATA, PAGE_DATA",
    message=IN_STATE,
    misplaced=(Misplaced((Role.STATIC_DATA_END,), (*BEFORE_POSTCOPY, *IN_POSTCOPY)),),
    breaking=(*eg.HVM3, eg.PAGES, eg.STATIC),
    legal=(*eg.HVM3, eg.PAGES, eg.PAGES),
)

STATIC_DATA_IN_V2 = _rule(
    id="static-data-in-v2",
    severity="error",
    wireshark=True,
    summary="A version 2 stream has records that, by their bodies, are the static data of version 3",
    source="libxc specification, v3 compat with v2 and Records: type; postcopy RFC, record types",
    why="0x10 to 0x12 mean STATIC_DATA_END and the CPU policies in version 3, and postcopy records in"
    " version 2 with the postcopy series. Xen 4.14 and later do not look at the version here and accept"
    " them; older releases fail on an unknown record, and the postcopy series takes them for"
    " POSTCOPY_BEGIN and its kin.",
    advice="Receive with Xen 4.14 or newer, and not with the postcopy series. The sender has to say version 3:"
    " report it to its authors.",
    example="version 2, type 0x11 with 48 octets of CPUID leaves; legal: the same in version 3",
    messages=StaticData,
    breaking=(*eg.HVM2, eg.Said("POSTCOPY_PFNS_BEGIN", body=bytes(48))),
    legal=(eg.IMAGE3, eg.HVM, eg.CPUID, eg.STATIC),
)

HVM_PARAMS_AFTER_CONTEXT = _rule(
    id="hvm-params-after-context",
    severity="note",
    on_request=True,
    wireshark=True,
    summary="A version 3 stream has HVM_CONTEXT before HVM_PARAMS",
    source="libxc specification, x86 HVM Guest; x86_hvm_end_of_checkpoint() in xg_sr_save_x86_hvm.c",
    why="The specification wants the parameters first, yet every release from 4.6 on sends the context"
    " first. Receivers keep the context until the end of the stream or the checkpoint, so both orders"
    " restore the same guest.",
    advice="Nothing: every release of Xen sends them so.",
    example="X86_TSC_INFO, HVM_CONTEXT, HVM_PARAMS; no finding: X86_TSC_INFO, HVM_PARAMS, HVM_CONTEXT",
    message="HVM_PARAMS comes after HVM_CONTEXT",
    breaking=(*eg.HVM3, eg.PAGES, eg.TSC3, eg.CONTEXT, eg.PARAMS),
    legal=(*eg.HVM3, eg.PAGES, eg.TSC3, eg.PARAMS, eg.CONTEXT),
)

PV_RECORD_IN_HVM = _rule(
    id="pv-record-in-hvm",
    severity="error",
    wireshark=True,
    summary="The stream of an HVM guest has a record of PV guests",
    source="libxc specification, Layout; x86_hvm_process_record() in xg_sr_restore_x86_hvm.c",
    why="The HVM receiver has no handler for X86_PV_* and SHARED_INFO and fails as on an unknown"
    " mandatory record. The libxl types 2, 3 and 6 are the same numbers as X86_PV_INFO,"
    " X86_PV_P2M_FRAMES and X86_PV_VCPU_XSAVE, so a lost change of layer can look like this.",
    receiver_says={
        "Mandatory record %#x (%s) not handled": "",
    },
    example="type HVM, PAGE_DATA, SHARED_INFO; legal: type HVM, PAGE_DATA, TSC_INFO",
    message=OF_GUEST,
    breaking=(*eg.HVM3, eg.PAGES, eg.SHARED_INFO),
    legal=(*eg.HVM3, eg.PAGES, eg.TSC3),
)

HVM_RECORD_IN_PV = _rule(
    id="hvm-record-in-pv",
    severity="error",
    wireshark=True,
    summary="The stream of a PV guest has a record of HVM guests",
    source="libxc specification, Layout; x86_pv_process_record() in xg_sr_restore_x86_pv.c",
    why="The PV receiver has no handler for HVM_CONTEXT and HVM_PARAMS and fails as on an unknown"
    " mandatory record. In the same way libxl refuses emulator records for any guest that its"
    " configuration does not call HVM.",
    receiver_says={
        "Mandatory record %#x (%s) not handled": "",
    },
    example="type PV, TSC_INFO, HVM_PARAMS; legal: type PV, TSC_INFO, SHARED_INFO",
    message=OF_GUEST,
    breaking=(*eg.PV2, eg.TSC2, eg.PARAMS),
    legal=(*eg.PV2, eg.TSC2, eg.SHARED_INFO),
)

CHECKPOINT_END_UNEXPECTED = _rule(
    id="checkpoint-end-unexpected",
    severity="error",
    wireshark=True,
    summary="A CHECKPOINT_END comes with no CHECKPOINT before it",
    source="libxl specification, CHECKPOINT_END; process_record() in libxl_stream_read.c",
    why="libxl is in a checkpoint only after libxc has handed over at CHECKPOINT. Outside of one it"
    " fails on CHECKPOINT_END.",
    receiver_says={
        "Unexpected CHECKPOINT_END record in stream": "",
    },
    example="libxc END, CHECKPOINT_END; legal: CHECKPOINT, EMULATOR_CONTEXT, CHECKPOINT_END",
    message=IN_STATE,
    misplaced=(Misplaced((Role.CHECKPOINT_END,), (*BEFORE_POSTCOPY, *IN_POSTCOPY, State.LIBXL_TAIL)),),
    breaking=(*eg.LIBXL, *eg.HVM3, eg.PAGES, *eg.CONTEXT3, eg.END, eg.libxl("CHECKPOINT_END")),
    legal=(*eg.LIBXL, *eg.HVM3, eg.PAGES, *eg.CONTEXT3, eg.CHECKPOINT, eg.EMULATOR, eg.libxl("CHECKPOINT_END")),
)

RULES = declared(globals())

MISPLACED = misplaced_by_role((*RULES, *postcopy.RULES, *contents.RULES))
"""What a role breaks in a state that does not allow it; where nothing is said it is UNEXPECTED_RECORD."""

_OTHER_GUEST = {"pv": PV_RECORD_IN_HVM, "hvm": HVM_RECORD_IN_PV}

TOLERATED = frozenset(
    {
        (Role.CONTEXT, State.STATIC_DATA),
        (Role.VERIFY, State.STATIC_DATA),
        (Role.EMULATOR, State.START),
        (Role.LIBXC_END, State.STATIC_DATA),
    }
)
"""What the specifications forbid and no receiver checks: process_record() of libxc and libxl go by the type alone."""

NO_PV_INFO = "frames before X86_PV_INFO"
NEEDS_PV_INFO = ("X86_PV_P2M_FRAMES", "SHARED_INFO")
"""handle_x86_pv_p2m_frames() and handle_shared_info() of xg_sr_restore_x86_pv.c."""

EARLY_CONTEXT = "context before STATIC_DATA_END"

MISSED = {"STATIC_DATA_END": MISSING_STATIC_DATA_END.id, "X86_PV_INFO": NO_PV_INFO}
"""By the record that comes late, what Order.missed has if that was said already."""

HVM_CONTEXT = tuple(
    spec.name for spec in libxc_records(2).values() if spec.role is Role.CONTEXT and spec.guest in ("any", "hvm")
)
"""What a postcopy sender sends of an HVM guest between POSTCOPY_BEGIN and POSTCOPY_PFNS_BEGIN."""


class Order(NamedTuple):
    """How far the forward direction is."""

    state: State | None = State.START
    """None: unknown."""
    is_followed: bool = False
    """Whether every header since the domain header was read."""
    context: frozenset[str] = frozenset()
    """The context records of the present stop of the guest."""
    has_params: bool = False
    """Whether an HVM_PARAMS that came late was said to be."""
    has_pv_info: bool = False
    missed: frozenset[str] = frozenset()
    """What was said to be missing where it belongs: that it comes late is not said again."""

    def forget(self) -> Order:
        """Headers were lost: where the stream stands is unknown."""
        return self._replace(state=None, is_followed=False)


class Seen(NamedTuple):
    """A header or record of the forward direction, and what of the rest of the migration its place depends on."""

    record: Record
    spec: HeaderSpec | RecordSpec
    is_found_again: bool
    """Whether the way was lost before it."""
    is_completed: bool
    """Whether POSTCOPY_COMPLETE came."""


def judge_direction(record: Record) -> Violation | None:
    """A record on the direction that never carries it."""
    if isinstance(record.spec, RecordSpec) and record.is_misdirected:
        return WRONG_DIRECTION(record=record.name, direction=record.spec.direction)
    return None


_STATIC_DATA = {
    Role.POSTCOPY_SETUP: StaticData.CPUID,
    Role.POSTCOPY_LIST: StaticData.MSR,
    Role.POSTCOPY_BEGIN: StaticData.END,
}
"""By what its number means in version 2."""


def judge_static_data(record: Record) -> list[Violation]:
    """A record that the facts take for one of version 3 in a stream of version 2."""
    role = role_of(record)
    if role not in _STATIC_DATA:
        return []
    return [STATIC_DATA_IN_V2(_STATIC_DATA[role], length=record.body_length, count=record.count)]


class Placed(NamedTuple):
    """What came of a header or record."""

    order: Order
    """How far the stream is then."""
    before: State | None
    """The state in which it was found."""
    found: list[Violation]


def step(order: Order, seen: Seen) -> Placed:
    """The next header or record of the forward direction: what it breaks by its place, and how far the stream is."""
    found: list[Violation] = []
    if _is_of_other_guest(seen, found):
        return Placed(order, order.state, found)
    if seen.record.unannounced:
        order = _announced(order, seen, found)
    before = order.state
    order = _placed(order, seen, found)
    order = _context(order, seen, before, found)
    order = _pv_info(order, seen, found)
    if before in PAGES_STATES and seen.spec.role is Role.LIBXC_END and not seen.is_completed:
        # The end of all judges whether POSTCOPY_COMPLETE is missing. The sender may well go on.
        order = order._replace(state=None)
    return Placed(order, before, found)


def _is_of_other_guest(seen: Seen, found: list[Violation]) -> bool:
    record = seen.record
    needed = seen.spec.guest if isinstance(seen.spec, RecordSpec) else "any"
    if needed == "any" or GUESTS.get(record.context.guest, needed) == needed:
        return False
    # A PV record that was found by what it looks like may be one of libxl's, which have some of the same numbers.
    if needed == "hvm" or not seen.is_found_again:
        found.append(_OTHER_GUEST[needed](record=record.name, guest=record.context.guest))
    return True


def _announced(order: Order, seen: Seen, found: list[Violation]) -> Order:
    """A record of the other layer that nothing handed over to."""
    record = seen.record
    should_be = postcopy.SHOULD_BE.get(record.layer)
    if should_be is None or seen.spec.role in postcopy.AGAIN:
        return order
    if order.state in should_be.states:
        found.append(
            postcopy.POSTCOPY_TRANSITION_MISSING(record=record.name, layer=record.layer, missing=should_be.missing)
        )
        return order._replace(state=should_be.then)
    return order._replace(state=should_be.then) if order.state is State.EARLY_PAGES else order


def _placed(order: Order, seen: Seen, found: list[Violation]) -> Order:
    """The state machine."""
    record, role = seen.record, seen.spec.role
    state, place = order.state, PLACES[role]
    if state is None:
        state = place.natural
    elif state in place.moves:
        state = place.moves[state]
    elif MISSED.get(record.name) in order.missed:
        return order  # that it was missing where it belongs was said
    else:
        rule, then = MISPLACED.get((role, state), (UNEXPECTED_RECORD, None))
        broken = rule(record=record.name, state=state.value)
        missed = rule.id
        if (role, state) in TOLERATED:
            broken, missed = broken.as_warning(), EARLY_CONTEXT
        if missed not in order.missed:
            found.append(broken)
        if rule is MISSING_STATIC_DATA_END:
            order = order._replace(missed=order.missed | {missed})
        state = then or state
    if role is Role.DOMAIN:
        state = OF_VERSION.get(record.context.version)
        order = order._replace(is_followed=True)
    if state is not None:
        state = _meant(state, record.context, record.layer)
    return order if state is order.state else order._replace(state=state)


def _meant(state: State, context: Context, layer: Layer | None) -> State | None:
    """The state by the streams that are around this one, as far as that is known."""
    in_libxl = None if context.may_be_in_libxl else "libxl" in context.layers
    return after(state, in_libxl, layer not in _IMAGES and not _IMAGES.isdisjoint(context.layers))


_IMAGES = frozenset(layer for layer, row in CONTAINERS.items() if "libxl" in row.holds and row.record is not None)
"""Containers around libxl and libxc whose own records follow theirs."""

_ENDS_CONTEXT = (Role.POSTCOPY_BEGIN, Role.CHECKPOINT, Role.MEMORY)


def _context(order: Order, seen: Seen, before: State | None, found: list[Violation]) -> Order:
    """The context records of one stop of the guest: which came, and in which order."""
    record, role = seen.record, seen.spec.role
    if role is Role.CONTEXT:
        is_late = record.name == "HVM_PARAMS" and "HVM_CONTEXT" in order.context
        if is_late and record.context.version == 3 and not order.has_params:
            order = order._replace(has_params=True)
            found.append(HVM_PARAMS_AFTER_CONTEXT())
        return order._replace(context=order.context | {record.name})
    if role is Role.POSTCOPY_SETUP and before is State.POSTCOPY_BEGUN:
        missing = [name for name in HVM_CONTEXT if name not in order.context]
        if record.context.guest != "x86 HVM":
            missing = [] if order.context else ["context record"]
        if missing:
            none = postcopy.ContextMissing.NONE
            found.append(postcopy.POSTCOPY_CONTEXT_MISSING(none, missing=", no ".join(missing)))
    return order._replace(context=frozenset()) if order.context and role in _ENDS_CONTEXT else order


def _pv_info(order: Order, seen: Seen, found: list[Violation]) -> Order:
    """What is as wide as the guest's words cannot be read by who does not know how wide these are."""
    record = seen.record
    if record.name in NEEDS_PV_INFO and order.is_followed and not order.has_pv_info and NO_PV_INFO not in order.missed:
        found.append(UNEXPECTED_RECORD(Unexpected.NO_PV_INFO, record=record.name))
        return order._replace(missed=order.missed | {NO_PV_INFO})
    return order._replace(has_pv_info=True) if record.name == "X86_PV_INFO" else order
