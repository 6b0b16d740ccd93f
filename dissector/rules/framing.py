"""Rules of framing: what one header or record must look like by itself."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache, partial

from dissector.events import Record
from dissector.protocol import (
    BODY_LENGTH_MAX,
    ENTRY_RESERVED,
    IMAGE_ID,
    IMAGE_MARKER,
    LIBVIRT_VERSION,
    OPTIONAL,
    PAGE_SHIFT,
    RESERVED_PAGE_TYPES,
    UNBACKED,
    XL_BYTEORDER,
    Direction,
    Endianness,
    Expect,
    GrammarError,
    HeaderSpec,
    RecordSpec,
    Role,
    Shape,
    fixed,
    layout,
    measure,
    pages_header,
)
from dissector.rules import contents, headers
from dissector.rules import examples as eg
from dissector.rules.fields import (
    UNSPECIFIED,
    broken,
    broken_entries,
    broken_fields,
    header_values,
    key_of,
    keys,
    prepared,
    reserved_set,
)
from dissector.rules.headers import XL_STREAM_V2, XL_UNKNOWN_FLAGS
from dissector.rules.rule import FRAMING, WRITER, Rule, Violation, check, declared

_rule = partial(Rule, group="headers and framing", effects=FRAMING, advice=WRITER)

PAGES_HEADER = fixed(layout(pages_header, "little"))[0].size
"""Octets before the entries of a pages record."""
ENTRY = 8
"""Octets of an entry."""

QEMU_STATE_MAX = 1 << 20
"""Octets of QEMU's state in an image of xenopsd: consume_qemu_record() in ocaml/xenopsd/xc/domain.ml."""

FRAME_WORDS = (512, 1024)
"""Words of a 64-bit and of a 32-bit guest in one frame of X86_PV_P2M_FRAMES."""

_LIMITED = ("libxl", "libxc")
"""Layers whose specifications say how long a body is."""

_ANY = (*keys(lambda spec: spec.layer in _LIMITED), *(f"{layer}.?" for layer in _LIMITED))
_LEGACY = keys(lambda spec: spec.then is Expect.LEGACY)


def _of_shape(shape: Shape, direction: Direction | None = None) -> tuple[str, ...]:
    """The records of a shape; only those that go in a direction, if one is given."""
    goes = (direction, "both")
    return keys(
        lambda spec: spec.layer in _LIMITED and spec.shape == shape and (direction is None or spec.direction in goes)
    )


class Reserved(StrEnum):
    """What else is reserved than a field of its own."""

    ENTRY = "entry {index:,} is 0x{entry:016x}: bits 52 to 59 are not zero"


class Mismatch(StrEnum):
    """How a length does not fit."""

    TOO_SHORT = "body_length {body_length:,} is too short for what its own counts say"
    COUNTS = "body_length {body_length:,}, its own counts say {needed:,}"
    PAGES = "body_length {body_length:,}, count {count:,} says {needed:,}"
    FRAMES = "body_length {body_length:,}, pfns {first:,} to {last:,} say {wanted}"


RESERVED_BITS_SET = _rule(
    id="reserved-bits-set",
    severity="warning",
    wireshark=True,
    summary="A reserved field or bit is not zero",
    source="libxc specification, Overview, Fields; PAGE_DATA_PFN_MASK in xg_sr_stream_format.h",
    why="Receivers mask or ignore reserved bits, so the migration works. The sender either writes memory"
    " it did not clear or follows a specification newer than the receiver's.",
    advice="This migration works all the same. If the source has a newer Xen than the destination, update the"
    " destination first; else report it to the authors of the sending program.",
    example="bits 59-52 of a PAGE_DATA entry = 0x01; legal: 0x00",
    message="{field} is 0x{bits:x}, not zero",
    messages=Reserved,
    breaking=(*eg.HVM3, eg.libxc("PAGE_DATA", 0x10 | 1 << 52)),
    legal=(*eg.HVM3, eg.libxc("PAGE_DATA", 0x10)),
)

NONZERO_PADDING = _rule(
    id="nonzero-padding",
    severity="warning",
    wireshark=True,
    summary="The padding after a body is not zero",
    source="libxc and libxl specifications, Records: padding; read_record() in xg_sr_common.c",
    why="Receivers read the padding together with the body and never look at it. What stands there may"
    " be stale memory of the sending process, or a sign that body_length is wrong.",
    advice="This migration works all the same, if no length is wrong beside it. What the octets are can be memory of"
    " the sending process: report it to its authors.",
    example="body_length 4, padding 00 00 00 2a; legal: body_length 4, padding 00 00 00 00",
    message="padding after the body is {padding}",
    breaking=(*eg.HVM3, eg.SHORT._replace(padding=bytes((0, 0, 0, 0x2A)))),
    legal=(*eg.HVM3, eg.SHORT),
)

RECORD_TOO_LONG = _rule(
    id="record-too-long",
    severity="error",
    effects=FRAMING | {"loses", "no header"},
    wireshark=True,
    summary="The body_length of a record is above 128 MiB, which no libxc receiver accepts, or what xenopsd takes",
    source="REC_LENGTH_MAX in xg_sr_stream_format.h; read_record() in xg_sr_common.c",
    why="read_record() fails on the header alone. The limit is 128 MiB since Xen 4.10; it was 8 MiB from"
    " 4.6 to 4.9 and in the postcopy series. In the postcopy phase that series checks no limit and waits"
    " for the whole body instead.",
    advice="Look for what damages the stream: findings before this one, and whatever carries the stream from host to"
    " host. If there is nothing, report it to the authors of the sending program.",
    receiver_says={
        "VM = %s; domid = %d; QEMU record length in header too large (%d bytes)": "^xenops",
        "Record (0x%08x, %s) length %#x exceeds max (%#x)": "",
    },
    example="body_length 0x08000001; legal: 0x08000000",
    checks=(
        check(
            "record",
            _ANY,
            f"body_length {{body_length:,}}, the most any receiver accepts is {BODY_LENGTH_MAX:,}",
            ("body_length", ">", BODY_LENGTH_MAX),
        ),
        check(
            "record",
            "xenops.QEMU_TRAD",
            f"body_length {{body_length:,}}, the most that xenopsd takes is {QEMU_STATE_MAX:,}",
            ("body_length", ">", QEMU_STATE_MAX),
        ),
    ),
    breaking=(*eg.HVM3, eg.Said("PAGE_DATA", body=b"", length=BODY_LENGTH_MAX + 1)),
    legal=(*eg.HVM3, eg.Said("PAGE_DATA", body=b"", length=BODY_LENGTH_MAX)),
)

BODY_LENGTH_MISMATCH = _rule(
    id="body-length-mismatch",
    severity="error",
    also=("warning",),
    wireshark=True,
    summary="A body is shorter or longer than its own counts say",
    source="libxc specification, the record's own section; handle_page_data() in xg_sr_restore.c",
    why="Current Xen fails the restore. The receiver of the postcopy series logs a pages record whose"
    " pages do not fill the body exactly, skips all of it and goes on as if it had succeeded: that"
    " memory is lost. Octets after the END of HVM_CONTEXT's own chain are read by nobody, and a warning.",
    receiver_says={
        "PAGE_DATA record truncated: length %u, min %u": r"\.PAGE_DATA: .* no room",
        "PAGE_DATA record (length %u) too short to contain %u pfns worth of information": None,
        "PAGE_DATA record wrong size: length %u, expected %u + %u + %u": r"\.PAGE_DATA:",
        "HVM_PARAMS record truncated: length %u, header size %u": "HVM_PARAMS: body_length [0-7] ",
        "HVM_PARAMS record truncated: header %u, count %u, expected len %u, got %u": "HVM_PARAMS:",
        "X86_TSC_INFO record wrong size: length %u, expected %u": "TSC_INFO:",
        "X86_PV_INFO record truncated: length %u, expected %u": "X86_PV_INFO: .*too short",
        "X86_PV_P2M_FRAMES record truncated: length %u, min %u": "X86_PV_P2M_FRAMES: body_length [0-7] ",
        "X86_PV_P2M_FRAMES record wrong size: start_pfn %#x, end_pfn %#x, length %u, expected"
        " %u + (%u - %u) * %u": "X86_PV_P2M_FRAMES:",
        "X86_PV_SHARED_INFO record wrong size: length %u, expected 4096": "SHARED_INFO:",
        "X86_CPUID_POLICY size %u should be multiple of %u": "X86_CPUID_POLICY:",
        "X86_MSR_POLICY size %u should be multiple of %u": "X86_MSR_POLICY:",
        "Emulator record too short to contain header": "EMULATOR_CONTEXT:",
        "Emulator xenstore data record too short to contain header": "EMULATOR_XENSTORE_DATA: .*too short",
        "%s record truncated: length %u, header size %u": "X86_PV_VCPU_",
        "Key in xenstore data not NUL terminated": "EMULATOR_XENSTORE_DATA:",
        "Val in xenstore data not NUL terminated": None,
        "Invalid dirty pfn list record length %u": "CHECKPOINT_DIRTY_PFN_LIST:",
        "HVM%d restore: save did not end with a null entry": "HVM_CONTEXT: .*too short",
    },
    example="PAGE_DATA, count 2, both NOTAB, body_length 8 + 16 + 4096; legal: body_length 8 + 16 + 8192",
    messages=Mismatch,
    checks=(
        check(
            "record",
            _of_shape("pages"),
            "body_length {body_length} has no room for count and reserved",
            ("body_length", "<", PAGES_HEADER),
        ),
        check(
            "record",
            _of_shape("page"),
            f"body_length {{body_length:,}}, a page has {1 << PAGE_SHIFT:,}",
            ("body_length", "!=", 1 << PAGE_SHIFT),
            ("page_shift", "==", PAGE_SHIFT),
        ),
    ),
    breaking=(*eg.HVM3, eg.Said("X86_TSC_INFO", body=bytes(32))),
    legal=(*eg.HVM3, eg.Said("X86_TSC_INFO", body=bytes(24))),
)

NONEMPTY_SIGNAL = _rule(
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
    checks=(
        check(
            "record",
            _of_shape("signal"),
            "a signal has no body, this one has {body_length:,} octets",
            ("body_length", "!=", 0),
        ),
    ),
    breaking=(*eg.HVM2, eg.PAGES, eg.BEGIN._replace(body=bytes(8))),
    legal=(*eg.HVM2, eg.PAGES, eg.BEGIN),
)

EMPTY_PAGES_RECORD = _rule(
    id="empty-pages-record",
    severity="error",
    wireshark=True,
    summary="A pages record has a count of 0",
    source="libxc specification, PAGE_DATA: count; handle_page_data() in xg_sr_restore.c;"
    " validate_pages_record() in xc_sr_common.c of the postcopy series",
    why="Both sides of the known implementations refuse a PAGE_DATA, POSTCOPY_PFNS, POSTCOPY_PAGE_DATA"
    " or POSTCOPY_FAULT without an entry, and the migration fails. A sender with nothing to say leaves"
    " the record out.",
    receiver_says={
        "Expected at least 1 pfn in PAGE_DATA record": "",
    },
    example="POSTCOPY_PFNS, count 0; legal: no POSTCOPY_PFNS at all, or HVM_PARAMS, count 0",
    checks=(check("list", _of_shape("pages"), "count is 0", ("count", "==", 0)),),
    breaking=(*eg.LISTING, eg.libxc("POSTCOPY_PFNS")),
    legal=(*eg.LISTING, eg.TRANSITION),
)

RESERVED_PAGE_TYPE = _rule(
    id="reserved-page-type",
    severity="error",
    effects=FRAMING - {"stops"},
    wireshark=True,
    summary="An entry of a pages record has one of the reserved page types 5 to 8",
    source="libxc specification, PAGE_DATA: PFINFO types; is_known_page_type() in xg_sr_common.h",
    why="Current Xen fails the restore. The receiver of the postcopy series logs it, skips the whole"
    " record and reports success although every page of that record is missing.",
    receiver_says={
        "Unknown type %#x for pfn %#x (index %u)": r"\.PAGE_DATA:",
        "Invalid type %#x for pfn %#x (index %u)": "",
    },
    example="entry 0x5000000000001234; legal: 0x4000000000001234 (L4TAB) or 0x9000000000001234 (L1TAB pinned)",
    checks=(
        check(
            "entry",
            _of_shape("pages", "forward"),
            "pfn 0x{pfn:x} has page type {type}",
            ("type", "in", RESERVED_PAGE_TYPES),
        ),
    ),
    breaking=(*eg.HVM3, eg.libxc("PAGE_DATA", eg.entry(0x1234, 5))),
    legal=(*eg.HVM3, eg.libxc("PAGE_DATA", eg.entry(0x1234, 4))),
)

UNKNOWN_MANDATORY_RECORD = _rule(
    id="unknown-mandatory-record",
    severity="error",
    effects=FRAMING | {"no header"},
    wireshark=True,
    summary="A record has a type nobody specified, and bit 31 says that it must not be ignored",
    source="libxc specification, Records: type; restore() in xg_sr_restore.c; process_record() in libxl_stream_read.c",
    why="The specification demands that the restore fails, and both libraries do fail. A type that is"
    " unknown in one version of the stream may exist in another: 0x13 to 0x16 are postcopy records in"
    " version 2 only.",
    advice="Receive with a Xen that has what the source's has: as new a release, and the same patches (postcopy,"
    " COLO). If no release knows this type, the stream is damaged before it.",
    receiver_says={
        "Mandatory record %#x (%s) not handled": "^libxc",
        "Unrecognised record 0x%08x": "^libxl",
    },
    example="type 0x00000040; legal: type 0x80000040",
    checks=(
        check(
            "record",
            UNSPECIFIED,
            "mandatory record 0x{type:08x} is specified nowhere",
            ("type", "no bit of", OPTIONAL),
        ),
    ),
    breaking=(*eg.HVM3, eg.unknown(0x40)),
    legal=(*eg.HVM3, eg.unknown(0x80000040)),
)

UNKNOWN_OPTIONAL_RECORD = _rule(
    id="unknown-optional-record",
    severity="note",
    wireshark=True,
    summary="A record has a type nobody specified, and bit 31 says that it may be ignored",
    source="libxc specification, Records: type; restore() in xg_sr_restore.c",
    why="libxc logs and skips it. libxl does not use the permission: its reader fails on every type it"
    " does not know, optional or not. In the postcopy phase libxc fails, too (postcopy-optional-record).",
    advice="Nothing, if the migration went on. If it failed here, receive with a Xen as new as the source's.",
    receiver_says={
        "Unrecognised record 0x%08x": "",
    },
    example="libxc type 0x80000001; no finding: any type of the specification's table",
    checks=(
        check(
            "record",
            UNSPECIFIED,
            "optional record 0x{type:08x} is specified nowhere",
            ("type", "any bit of", OPTIONAL),
        ),
    ),
    breaking=(*eg.HVM3, eg.unknown(0x80000001)),
    legal=(*eg.HVM3, eg.PAGES),
)

LEGACY_STREAM = _rule(
    id="legacy-stream",
    severity="error",
    effects=FRAMING | {"loses"},
    wireshark=True,
    summary="The stream is in the legacy format of Xen 4.5 or older and is not dissected",
    source="libxc specification, Legacy Images; libxl_convert_callout.c",
    why="A legacy stream has no header and no record types. A newer xl sees bit 1 of the xl header's"
    " mandatory flags clear and pipes the rest through convert-legacy-stream, whose output is an"
    " ordinary stream and can be dissected.",
    advice="Restore it with a newer xl, which converts it by itself; or give it to convert-legacy-stream, and what"
    " comes out of that to xenshark.",
    receiver_says={
        "Invalid marker: Got 0x%016x": "in place of the marker",
        "Failed to start the legacy stream conversion helper": "^xl",
    },
    example="xl header, mandatory_flags 0x1, a zero bit in the next 8 octets; legal: mandatory_flags 0x3",
    checks=(
        check(
            "header",
            "xl header",
            "mandatory_flags 0x{mandatory_flags:x}: no libxl stream of version 2 follows",
            ("byteorder", "==", XL_BYTEORDER),
            ("mandatory_flags", "no bit of", XL_UNKNOWN_FLAGS | XL_STREAM_V2),
        ),
        check(
            "header",
            "image header",
            "in place of the marker, all ones, stands 0x{marker:016x}",
            ("marker", "!=", IMAGE_MARKER),
            ("id", "!=", IMAGE_ID),
        ),
        check("header", "xenops legacy header", "an image of XenServer 6.2 or older: a legacy stream follows"),
        check(
            "header",
            "libvirt header",
            "version {version} of libvirt's header: a legacy stream follows",
            ("version", "<", LIBVIRT_VERSION),
        ),
        check("record", _LEGACY, "record type 0x{type:x} says that a legacy libxc stream follows"),
    ),
    breaking=(eg.xl_header(json=1, stream_v2=0),),
    legal=(eg.xl_header(json=1, stream_v2=1),),
)

RULES = declared(globals())

_HEADERS = prepared((*headers.RULES, *RULES), "header")
_RECORDS = prepared((*RULES, *contents.RULES), "record")
_LISTS = prepared(RULES, "list")
_ENTRIES = prepared(RULES, "entry")


def judge(record: Record) -> Iterator[Violation]:
    """What a header or record breaks by itself, whatever came before it."""
    if isinstance(record.spec, HeaderSpec):
        yield from _header(record, record.spec)
    elif record.type is not None:
        yield from _record(record)


def _header(record: Record, spec: HeaderSpec) -> Iterator[Violation]:
    if not record.whole or len(record.body) < spec.size:
        return
    wrong = broken_fields(_HEADERS.get(record.name, ()), header_values(spec, record.body, record.endianness))
    if record.layer == "xl" and not record.body.startswith(spec.magic):
        wrong = [headers.BAD_XL_HEADER(headers.XlHeader.MAGIC, magic=repr(record.body[:32].decode("ascii", "replace")))]
    if record.layer == "xl" and record.endianness == "big":
        wrong = [*wrong, headers.BIG_ENDIAN_STREAM(headers.BigEndian.XL)]
    # Of a header that is not what it should be no bit means anything.
    yield from wrong or _reserved(record, spec)


def _record(record: Record) -> Iterator[Violation]:
    key, spec = key_of(record), record.spec
    wrong = broken(_RECORDS.get(key, ()), record)
    too_long = [one for one in wrong if one.rule is RECORD_TOO_LONG]
    yield from too_long or wrong
    if too_long:
        return  # nobody reads what follows
    if any(record.padding):
        yield NONZERO_PADDING(padding=record.padding.hex(" "))
    if not isinstance(spec, RecordSpec):
        return
    if spec.shape == "pages":
        yield from _pages(record, spec, key)
    elif spec.shape in ("fixed", "list", "chain", "blob"):
        yield from _counts(record, spec)
    yield from _reserved(record, spec)


def _reserved(record: Record, spec: HeaderSpec | RecordSpec) -> Iterator[Violation]:
    for field, bits in reserved_set(spec.body, record.body, record.endianness):
        yield RESERVED_BITS_SET(field=field, bits=bits)


def _counts(record: Record, spec: RecordSpec) -> Iterator[Violation]:
    """A body has the length that its own counts say."""
    length = record.body_length
    if len(record.body) < length:
        return  # not all of it was captured or kept
    try:
        needed = measure(layout(spec.body, record.endianness), record.body)
    except GrammarError:
        yield BODY_LENGTH_MISMATCH(Mismatch.TOO_SHORT, body_length=length)
        return
    if needed != length:
        found = BODY_LENGTH_MISMATCH(Mismatch.COUNTS, body_length=length, needed=needed)
        # Nobody reads what follows the END of a chain.
        yield found.as_warning() if spec.shape == "chain" else found
    elif spec.role is Role.FRAME_TABLE:
        yield from _frames(record)


def _frames(record: Record) -> Iterator[Violation]:
    """One entry for each frame of the table, which holds as many of the guest's words as fit."""
    length = record.body_length
    first, last = (int.from_bytes(record.body[at : at + 4], record.endianness) for at in (0, 4))
    if first > last:
        return  # that is a violation of its own
    sizes = [8 + 8 * (last // words - first // words + 1) for words in FRAME_WORDS]
    if length not in sizes:
        wanted = " or ".join(f"{size:,}" for size in sizes)
        yield BODY_LENGTH_MISMATCH(Mismatch.FRAMES, body_length=length, first=first, last=last, wanted=wanted)


def _pages(record: Record, spec: RecordSpec, key: str) -> Iterator[Violation]:
    length, count, body = record.body_length, record.count, record.body
    if length >= PAGES_HEADER and len(body) >= min(length, PAGES_HEADER + ENTRY * count):
        yield from broken(_LISTS.get(key, ()), record)
        yield from _pages_length(record, spec, count)
    if len(body) >= PAGES_HEADER:
        yield from broken_entries(_ENTRIES.get(key, ()), record)
        yield from _reserved_entry(record)


def _pages_length(record: Record, spec: RecordSpec, count: int) -> Iterator[Violation]:
    """Count, entries and pages fill the body."""
    length = record.body_length
    needed = PAGES_HEADER + ENTRY * count
    if spec.contents and record.context.page_shift != PAGE_SHIFT:
        return  # that is a violation of its own, and the size of a page is unknown
    if spec.contents and needed <= length:
        needed += sum(run.length for run in record.runs if run.type not in UNBACKED) << PAGE_SHIFT
    if needed != length:
        yield BODY_LENGTH_MISMATCH(Mismatch.PAGES, body_length=length, count=count, needed=needed)


def _reserved_entry(record: Record) -> Iterator[Violation]:
    """The first entry with reserved bits."""
    # Page contents may follow the entries.
    found = first_reserved(record.body[PAGES_HEADER : PAGES_HEADER + ENTRY * record.count], record.endianness)
    if found is not None:
        index, entry = found
        yield RESERVED_BITS_SET(Reserved.ENTRY, index=index, entry=entry)


def first_reserved(entries: bytes, endianness: Endianness) -> tuple[int, int] | None:
    """The first of these entries with reserved bits: which, and the entry itself."""
    count = len(entries) // ENTRY
    if not int.from_bytes(entries[: ENTRY * count], endianness) & _reserved_mask(count):
        return None
    words = (int.from_bytes(entries[at : at + ENTRY], endianness) for at in range(0, ENTRY * count, ENTRY))
    return next((index, entry) for index, entry in enumerate(words) if entry & ENTRY_RESERVED.mask)


@lru_cache(maxsize=16)
def _reserved_mask(count: int) -> int:
    """The reserved bits of so many entries as one number: one AND looks at them all."""
    return int.from_bytes(ENTRY_RESERVED.mask.to_bytes(ENTRY, "little") * count, "little")
