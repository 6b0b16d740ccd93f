"""Rules of what bodies hold, where that is neither a policy nor the state of processors and devices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from functools import partial

from dissector.events import FORWARD, Record
from dissector.facts.directions import DirectionFacts
from dissector.facts.roles import role_of
from dissector.protocol import OPTIONAL, Role, State
from dissector.protocol import Guest as GuestKind
from dissector.rules import examples as eg
from dissector.rules.fields import keys
from dissector.rules.guest import GUESTS, Guest
from dissector.rules.postcopy_phase import is_whole
from dissector.rules.reading import config_of, from_json, number
from dissector.rules.rule import BODY, DEPENDS, IN_STATE, PLACE, WRITER, Misplaced, Rule, Violation, check, declared

_rule = partial(Rule, group="contents", effects=BODY, advice=WRITER)

DOMAIN_TYPES = ("hvm", "pv", "pvh")
"""libxl_domain_type of libxl_types.idl, but for "invalid", with which no domain is made."""

TSC_MODES = (0, 1, 2)
"""What tsc_set_info() of current Xen takes."""

COLO_AFTER: Mapping[int | None, frozenset[int]] = {
    None: frozenset((1, 2)),
    2: frozenset((3,)),
    3: frozenset((1,)),
    1: frozenset((2,)),
}
"""What COLO's secondary says after what: it is ready, resumes, and is suspended for the next checkpoint."""

HVM_HIGHEST = 0xFFFFF
"""Every HVM guest, and COLO has no other, has pages up to the end of its first 4 GiB."""

COLO_NEW = 0
"""What the primary says, once the secondary has resumed."""
COLO_FIRST, COLO_RESUMED = frozenset((2,)), 3
"""What the secondary says first, and before the primary begins a checkpoint."""


class Missing(StrEnum):
    CONTEXT = "END comes, and no {record} came before it"
    EMULATOR = "the stream ends with no EMULATOR_CONTEXT, and the guest is hvm"


class Emulated(StrEnum):
    PV = "{record} in the stream of a PV guest"
    CONFIG = "{record}, and the configuration says that the guest is {type}"


class Keys(StrEnum):
    EMPTY = "key {index:,} is empty"
    ABSOLUTE = "key {index:,} is {key}, which is not relative"


class Config(StrEnum):
    LENGTH = "the configuration has {length:,} octets, the optional data {given:,}"
    NONE = "there is none, and a restore needs one from elsewhere"
    JSON = "the configuration is no JSON object"
    TYPE = "the configuration says that the guest is {type}, which is none that libxl knows"


class Colo(StrEnum):
    OTHER = "{record} in the reverse direction, where CHECKPOINT_DIRTY_PFN_LIST is the only record of libxc"
    UNKNOWN = "control_id is {id}"
    DIRECTION = "control_id {id} does not go {direction}"
    ORDER = "control_id {id} comes after {latest}"
    NO_STATE = "{record}, and the secondary has said no state"
    NONE = "{record}, and no checkpoint came before it"
    PFN = "dirty pfn 0x{pfn:x}, and the highest pfn of the guest is 0x{highest:x}"


BAD_TSC_MODE = _rule(
    id="bad-tsc-mode",
    severity="error",
    summary="The TSC mode is none that a receiver sets",
    source="tsc_set_info() in xen/arch/x86/time.c; handle_x86_tsc_info() in xg_sr_common_x86.c",
    why="The hypervisor fails on any mode but 0, 1 and 2, and the restore with it. Mode 3 (PVRDTSCP) was"
    " taken up to Xen 4.11.",
    advice="Start the guest anew with another `tsc_mode`: default, always_emulate or native. Mode 3"
    " (native_paravirt) can be migrated to Xen 4.11 and older alone.",
    receiver_says={
        "Unable to set TSC information": "",
    },
    example="X86_TSC_INFO, mode 7; legal: X86_TSC_INFO, mode 0",
    message="TSC mode {mode}",
    breaking=(*eg.HVM3, eg.PAGES, eg.TSC3._replace(values={**eg.TSC3.values, "mode": 7})),
    legal=(*eg.HVM3, eg.PAGES, eg.TSC3),
)

TSC_CONTRADICTED = _rule(
    id="tsc-contradicted",
    severity="warning",
    summary="HVM_CONTEXT gives the guest's TSC another frequency than X86_TSC_INFO",
    source="tsc_set_info() in xen/arch/x86/time.c; arch_hvm_load() in xen/arch/x86/hvm/save.c",
    why="The frequency in HEADER of HVM_CONTEXT is set without a word and replaces what X86_TSC_INFO said: the"
    " guest's clock runs fast or slow. Up to 1 % is tolerance between hosts.",
    advice="Set the guest's clock when it runs at the destination, and have NTP in it. If it matters, start the"
    " guest with tsc_mode='always_emulate': then its frequency is the same on every host.",
    example="X86_TSC_INFO 2,000,000 kHz, HEADER 2,500,000 kHz; no finding: HEADER 2,000,010 kHz, or 0",
    message="{one} says {khz:,} kHz, {other} {other_khz:,} kHz",
    breaking=(*eg.HVM3, eg.PAGES, eg.TSC3, eg.PARAMS, eg.context(khz=2_500_000)),
    legal=(*eg.HVM3, eg.PAGES, eg.TSC3, eg.PARAMS, eg.context(khz=2_000_010)),
)

MISSING_CONTEXT = _rule(
    id="missing-context",
    severity="error",
    effects=DEPENDS | {"stops"},
    summary="The stream ends without a record that every receiver needs to start the guest",
    source="x86_hvm_stream_complete() in xg_sr_restore_x86_hvm.c; update_vcpu_context() and"
    " update_guest_p2m() in xg_sr_restore_x86_pv.c; libxl specification, EMULATOR_CONTEXT",
    why="An HVM guest needs HVM_CONTEXT, a PV guest the basic state of vcpu 0, its table of frames and"
    " SHARED_INFO. Under libxl a guest with a device model needs EMULATOR_CONTEXT, too: QEMU is started"
    " on a file that was never written.",
    advice="If EMULATOR_CONTEXT is missing, see why QEMU did not save: /var/log/xen/qemu-dm-GUEST.log at the source."
    " Else report it to the authors of the sending program.",
    receiver_says={
        "Unable to restore HVM context": "HVM_CONTEXT",
        "Sender didn't send vcpu0's basic state": "X86_PV_VCPU_BASIC",
    },
    example="HVM: PAGE_DATA, HVM_PARAMS, END; legal: PAGE_DATA, HVM_PARAMS, HVM_CONTEXT, END",
    messages=Missing,
    breaking=(*eg.HVM3, eg.PAGES, eg.TSC3, eg.PARAMS, eg.END),
    legal=(*eg.HVM3, eg.PAGES, *eg.CONTEXT3, eg.END),
)

UNHANDLED_RECORD = _rule(
    id="unhandled-record",
    severity="error",
    effects=PLACE,
    wireshark=True,
    summary="No receiver handles this record, though it may be specified or optional",
    source="x86_hvm_process_record() in xg_sr_restore_x86_hvm.c, x86_pv_process_record() in"
    " xg_sr_restore_x86_pv.c; process_record() in libxl_stream_read.c; process_header in ocaml/xenopsd/xc/domain.ml",
    why="TOOLSTACK stands in the specification, but no libxc from 4.6 on has a handler for it, so it is"
    " an unknown mandatory record to each. In libxl every unknown type fails, and nothing there asks"
    " whether it is optional. xenopsd has numbers for a stream of libxl's and for the state of an upstream QEMU,"
    " writes neither, and fails on both.",
    advice="Receive with a Xen that has what the source's has: as new a release, and the same patches (postcopy,"
    " COLO). TOOLSTACK no receiver handles: its sender has to leave it out.",
    receiver_says={
        "Mandatory record %#x (%s) not handled": "^libxc",
        "Unrecognised record 0x%08x": "^libxl",
        "Canceling task %s, error during resume: %s": "^xenops",
    },
    example="TOOLSTACK, or libxl type 0x80000009; legal: libxc type 0x80000009",
    checks=(
        check("record", keys(lambda spec: spec.role is Role.TOOLSTACK), "no release of Xen handles this record"),
        check("record", "libxl.?", "libxl handles no record 0x{type:08x}, optional or not"),
        check("record", ("xenops.LIBXL", "xenops.QEMU_XEN"), "xenopsd reads no record of this type"),
    ),
    misplaced=(Misplaced((Role.POSTCOPY_TRANSITION_END,), (State.LIBXL_TAIL, State.CHECKPOINT)),),
    message=IN_STATE,
    breaking=(*eg.HVM3, eg.TOOLSTACK),
    legal=(*eg.HVM3, eg.unknown(0x80000009)),
)

EMULATOR_RECORD_UNEXPECTED = _rule(
    id="emulator-record-unexpected",
    severity="error",
    effects=BODY | DEPENDS,
    summary="A device model's record comes for a guest that has none",
    source="process_record() in libxl_stream_read.c: b_info.type",
    why="libxl takes EMULATOR_XENSTORE_DATA and EMULATOR_CONTEXT only for a guest that its configuration"
    " calls hvm. For a PV or PVH guest the restore fails.",
    advice='Say type="hvm" in the configuration that goes with the stream (`xl migrate -C`, `xl restore CONFIG'
    " FILE`), if that is what the guest is.",
    receiver_says={
        "Received a xenstore emulator record when none was expected": "EMULATOR_XENSTORE_DATA:",
        "Received an emulator context record when none was expected": "",
    },
    example="type PV, EMULATOR_CONTEXT; legal: type HVM, EMULATOR_CONTEXT",
    messages=Emulated,
    breaking=(*eg.LIBXL, *eg.PV3, eg.vcpu("BASIC", 0, 5168), eg.END, eg.EMULATOR),
    legal=(*eg.HVM_READ, eg.EMULATOR),
)

BAD_XENSTORE_KEY = _rule(
    id="bad-xenstore-key",
    severity="error",
    summary="EMULATOR_XENSTORE_DATA has a key that is empty or absolute",
    source="libxl__restore_emulator_xenstore_data() in libxl_dom_save.c",
    why="Keys are paths below the device model's own. On any other the restore fails, so that a stream"
    " cannot write elsewhere in xenstore.",
    receiver_says={
        "empty key found in xenstore data": "is empty",
        "Key in xenstore data not relative": "not relative",
    },
    example="key '/local/domain/0'; legal: key 'physmap/f0000000/start_addr'",
    messages=Keys,
    breaking=(*eg.HVM_READ, eg.xenstore("/physmap/1")),
    legal=(*eg.HVM_READ, eg.xenstore("physmap/1")),
)

BAD_XL_CONFIG = _rule(
    id="bad-xl-config",
    severity="error",
    summary="The configuration in xl's header is missing, longer than the data that holds it, or no JSON",
    source="create_domain() in xl_vmcontrol.c; libxl_domain_config_from_json()",
    why="xl reads the configuration before the stream, and gives up if it does not fit or, where the"
    " header calls it JSON, cannot be parsed or names a type of guest that libxl does not know. No domain is made.",
    advice="Give a configuration beside the stream: `xl migrate -C CONFIG`, `xl restore CONFIG FILE`. If xl does not"
    " know the guest's type, receive with a newer one.",
    receiver_says={
        "Savefile truncated.": "optional data",
        "failed to parse JSON": "no JSON",
        "Config file not specified and none in save file": "there is none",
        "domain type unspecified": "none that libxl knows",
    },
    also_logged=("No config file stored for running domain and none supplied",),
    example="optional_data_len 4, config length 20; legal: optional_data_len 24, config length 20",
    messages=Config,
    breaking=(eg.xl_config(b"Dear reader"),),
    legal=(eg.xl_config(b"{}"),),
)

GUEST_TYPE_CONTRADICTED = _rule(
    id="guest-type-contradicted",
    severity="error",
    summary="The stream is of another kind of guest than the configuration says",
    source="x86_pv_setup() in xg_sr_restore_x86_pv.c, x86_hvm_setup() in xg_sr_restore_x86_hvm.c",
    why="libxl makes the domain as the configuration says, before the stream is read. On a domain header of the"
    " other kind libxc gives up: a PV guest's has type 1, that of an HVM or PVH guest type 2.",
    advice="Correct `type` in the configuration that goes with the stream: `xl migrate -C CONFIG`, `xl restore"
    " CONFIG FILE`.",
    receiver_says={
        "Unable to restore %s domain into an x86 HVM domain": "guest is p?v?h",
        "Unable to restore %s domain into an x86_pv domain": "",
    },
    example="configuration of type pv, domain header of type 2; legal: configuration of type pvh, domain header of"
    " type 2",
    message="the domain header says {guest}, and the configuration that the guest is {type}",
    breaking=(eg.xl_config(b'{"c_info":{"type":"pv"}}'), *eg.LIBXL, eg.IMAGE3, eg.HVM),
    legal=(eg.xl_config(b'{"c_info":{"type":"pvh"}}'), *eg.LIBXL, eg.IMAGE3, eg.HVM),
)

COLO_STATE = _rule(
    id="colo-state",
    severity="error",
    effects=BODY | DEPENDS,
    summary="CHECKPOINT_STATE is unknown, out of order or outside of COLO, or a dirty pfn out of range",
    source="libxl specification, CHECKPOINT_STATE; libxl_colo_save.c and libxl_colo_restore.c;"
    " colo_merge_secondary_dirty_bitmap() in xg_sr_save.c",
    why="Both sides of COLO wait for one state each and fail on any other: the secondary says SVM_READY,"
    " SVM_RESUMED and SVM_SUSPENDED in turn, the primary CHECKPOINT_NEW. Outside of a checkpoint libxl"
    " fails on the record.",
    receiver_says={
        "invalid section: %d, expected: %d": "control_id (is|.* (after|reverse))|no checkpoint",
        "invalid section: %d": "control_id",
        "Unexpected CHECKPOINT_STATE record in stream": "in the state",
        "Invalid pfn 0x%x": "dirty pfn",
        "Expect dirty bitmap record, but received %u": "in the reverse direction, where",
    },
    example="SVM_READY, SVM_SUSPENDED; legal: SVM_READY, SVM_RESUMED",
    message=IN_STATE,
    messages=Colo,
    misplaced=(
        Misplaced((Role.CHECKPOINT_STATE,), (State.START, State.STATIC_DATA, State.LIBXL_TAIL, State.FINISHED)),
    ),
    breaking=(*eg.COLO, eg.colo(2), eg.colo(1)),
    legal=(*eg.COLO, eg.colo(2), eg.colo(3)),
)

RULES = declared(globals())


def judge(record: Record, guest: Guest) -> Iterator[Violation]:
    """What the body of a header or record breaks, by itself or by what came before it."""
    judged = _JUDGES.get(record.name)
    if judged is not None and record.complete and len(record.body) == record.body_length:
        yield from judged(record, guest)
    is_answer = record.direction != FORWARD and record.layer == "libxc" and guest.is_checkpointed
    if is_answer and record.type is not None and record.spec is None and record.type & OPTIONAL:
        yield COLO_STATE(Colo.OTHER, record=record.name)


def _tsc(record: Record, guest: Guest) -> Iterator[Violation]:
    mode = number(record.body, 0, 4, record.endianness)
    if len(record.body) == 24 and mode not in TSC_MODES:
        yield BAD_TSC_MODE(mode=mode)


def _emulator(record: Record, guest: Guest) -> Iterator[Violation]:
    if not guest.seen.isdisjoint(EMULATED):
        return  # it was said of the first of them
    if guest.type in ("pv", "pvh"):
        yield EMULATOR_RECORD_UNEXPECTED(Emulated.CONFIG, record=record.name, type=guest.type)
    elif guest.type is None and GUESTS.get(record.context.guest) == "pv":
        yield EMULATOR_RECORD_UNEXPECTED(Emulated.PV, record=record.name)


EMULATED = frozenset(("EMULATOR_CONTEXT", "EMULATOR_XENSTORE_DATA"))


def _xenstore(record: Record, guest: Guest) -> Iterator[Violation]:
    yield from _emulator(record, guest)
    strings = record.body[8:].split(b"\0")[:-1]
    for index, key in enumerate(strings[::2]):
        if not key:
            yield BAD_XENSTORE_KEY(Keys.EMPTY, index=index)
            return
        if key.startswith(b"/"):
            yield BAD_XENSTORE_KEY(Keys.ABSOLUTE, index=index, key=repr(key.decode("ascii", "backslashreplace")))
            return


def _xl(record: Record, guest: Guest) -> Iterator[Violation]:
    config = config_of(record.body, record.endianness)
    if config is None:
        return
    if not config.given:
        yield BAD_XL_CONFIG(Config.NONE)
    elif config.length is None or config.length + 4 > config.given:
        yield BAD_XL_CONFIG(Config.LENGTH, length=config.length or 0, given=config.given)
    elif config.is_json:
        found = from_json(config.text)
        if found is None:
            yield BAD_XL_CONFIG(Config.JSON)
            return
        about = found.get("c_info")
        type = about.get("type", DOMAIN_TYPES[0]) if isinstance(about, dict) else DOMAIN_TYPES[0]
        if type not in DOMAIN_TYPES:
            yield BAD_XL_CONFIG(Config.TYPE, type=type)


def _domain(record: Record, guest: Guest) -> Iterator[Violation]:
    kind = GUESTS.get(record.context.guest)
    if kind is not None and guest.type is not None and GUESTS_CONFIGURED.get(guest.type, kind) != kind:
        yield GUEST_TYPE_CONTRADICTED(guest=record.context.guest, type=guest.type)


GUESTS_CONFIGURED: Mapping[str, GuestKind] = {"pv": "pv", "hvm": "hvm", "pvh": "hvm"}
"""By the type in a configuration which records may come."""


def judge_colo(record: Record, guest: Guest, reverse: DirectionFacts) -> Iterator[Violation]:
    """A state of either side of COLO, and the secondary's dirty pages, by what came before them. `reverse`: what is
    known of the direction in which the secondary speaks."""
    is_state = record.name == "CHECKPOINT_STATE"
    if not (is_state or record.name == "CHECKPOINT_DIRTY_PFN_LIST") or not record.complete:
        return
    is_forward = record.direction == FORWARD
    is_unseen = is_forward and record.acked > reverse.offset  # what the primary has heard was not captured
    is_seen = guest.is_followed and is_whole(reverse) and not is_unseen
    if is_seen and not is_forward and not guest.is_checkpointed:
        yield COLO_STATE(Colo.NONE, record=record.name)
        return
    id = number(record.body, 0, 4, record.endianness)
    if not is_state:
        if is_seen and guest.colo is None:
            yield COLO_STATE(Colo.NO_STATE, record=record.name)
    elif id != COLO_NEW and id not in COLO_AFTER:
        yield COLO_STATE(Colo.UNKNOWN, id=id)
    elif (id == COLO_NEW) != is_forward:
        yield COLO_STATE(Colo.DIRECTION, id=id, direction=record.direction)
    elif is_forward:
        if is_seen and guest.colo != COLO_RESUMED:
            yield COLO_STATE(Colo.ORDER, id=id, latest=_said(guest.colo))
    elif guest.is_followed:
        is_first = is_seen and guest.colo is None
        if id not in (COLO_FIRST if is_first else COLO_AFTER.get(guest.colo, COLO_AFTER)):
            yield COLO_STATE(Colo.ORDER, id=id, latest=_said(guest.colo))


def _said(state: int | None) -> str:
    return "none" if state is None else str(state)


def _dirty(record: Record, guest: Guest) -> Iterator[Violation]:
    if guest.highest < 0 or not guest.is_followed:
        return
    highest = max(guest.highest, HVM_HIGHEST)
    for at in range(0, len(record.body) // 8 * 8, 8):
        pfn = number(record.body, at, 8, record.endianness)
        if pfn > highest:
            yield COLO_STATE(Colo.PFN, pfn=pfn, highest=highest)
            return


def judge_tsc(record: Record, guest: Guest) -> Iterator[Violation]:
    """The frequencies that two records have given the TSC, once the guest's state has taken in the second of them."""
    if record.name not in guest.tsc_khz or len(guest.tsc_khz) != len(TSC_RECORDS) or not record.complete:
        return
    one, other = sorted(guest.tsc_khz, key=lambda name: name != record.name)
    khz, other_khz = guest.tsc_khz[one], guest.tsc_khz[other]
    if khz and other_khz and TSC_TOLERANCE * abs(khz - other_khz) > other_khz:
        yield TSC_CONTRADICTED(one=one, khz=khz, other=other, other_khz=other_khz)


TSC_RECORDS = ("TSC_INFO", "HVM_CONTEXT")
TSC_TOLERANCE = 100

_JUDGES: Mapping[str, Callable[[Record, Guest], Iterator[Violation]]] = {
    "TSC_INFO": _tsc,
    "X86_TSC_INFO": _tsc,
    "EMULATOR_CONTEXT": _emulator,
    "EMULATOR_XENSTORE_DATA": _xenstore,
    "xl header": _xl,
    "domain header": _domain,
    "CHECKPOINT_DIRTY_PFN_LIST": _dirty,
}

NEEDED: Mapping[str | None, tuple[str, ...]] = {
    "x86 HVM": ("HVM_CONTEXT",),
    "x86 PV": ("X86_PV_VCPU_BASIC", "X86_PV_P2M_FRAMES", "SHARED_INFO"),
}
"""What END of libxc may not come without, by the guest that the domain header names."""


def judge_missing(record: Record, guest: Guest, state: State | None) -> Iterator[Violation]:
    """A record that ends a stream. `state`: the one in which it was found."""
    if not guest.is_followed or state is None:
        return
    role = role_of(record)
    if role is Role.LIBXC_END and state in ENDS_PRECOPY:
        for name in NEEDED.get(record.context.guest, ()):
            if name not in guest.seen:
                yield MISSING_CONTEXT(Missing.CONTEXT, record=name)
                return
        return
    is_end = role is Role.LIBXL_END and state is State.LIBXL_TAIL
    needs_emulator = guest.type == "hvm" and "EMULATOR_CONTEXT" not in guest.seen
    if needs_emulator and (is_end or role is Role.POSTCOPY_TRANSITION_END):
        yield MISSING_CONTEXT(Missing.EMULATOR)


ENDS_PRECOPY = (State.VERSION_2, State.STATIC_DATA, State.MEMORY, State.VERIFY, State.CONTEXT)
