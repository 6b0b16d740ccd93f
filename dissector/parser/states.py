"""The steps of a direction: each reads one header, record or text from the buffer and says what stands next.

The tables of the protocol say what follows what; here stands only what a table cannot say: which of two layers goes on
where the octets must tell, and which lengths and numbers are believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dissector.events import FORWARD, REVERSE
from dissector.parser.direction import DirectionParser, Step
from dissector.parser.resync import FORWARD_MAGICS, is_reverse, search
from dissector.protocol import (
    CONTAINERS,
    DOMAIN_HEADER,
    IMAGE_HEADER,
    IMAGE_ID,
    IMAGE_MARKER,
    INTS,
    LIBXL_HEADER,
    LIBXL_IDENT,
    LIBXL_RECORDS,
    MESSAGES,
    OPTIONAL,
    POSTCOPY,
    XL_HEADER,
    Endianness,
    Expect,
    HeaderSpec,
    Layer,
    Message,
    RecordSpec,
    Role,
    fixed,
    layout,
    libxc_records,
    parse,
    records,
    unknown_name,
    xl_endianness,
)

PAGE_SHIFT_MAX = 30
"""1 GiB, the largest page of any processor; what says more is not believed."""

TEXT_MAX = 128
"""An unknown text is taken up to its NUL, or this many octets."""

BANNER = MESSAGES["banner"]

RECORD_HEADERS = {
    (layer, order): fixed(layout(row.record_header, order))[0]
    for layer, row in CONTAINERS.items()
    if row.record_header is not None
    for order in INTS
}
"""How the header of a layer's records is read, by byte order: type and body_length."""

HEADER_SIZE = 8
"""Octets of the header of a libxc or libxl record, of which the reverse direction and the layers' borders consist."""

STATES_GUEST = frozenset({Role.CONTEXT, Role.POSTCOPY_SETUP})
"""What follows POSTCOPY_BEGIN; memory follows STATIC_DATA_END, which has the same number in version 3."""

CONTEXT_TYPES = frozenset(
    type for type, spec in libxc_records(2).items() if spec.role in STATES_GUEST and spec.guest != "pv"
)


def _values(p: DirectionParser, spec: HeaderSpec, endianness: Endianness) -> dict[str, Any]:
    return parse(layout(spec.body, endianness), p.buffer[: spec.size])


def _begin_header(
    p: DirectionParser, spec: HeaderSpec, endianness: Endianness, values: Mapping[str, Any], then: Expect | None = None
) -> bool:
    """The header that is in the buffer, with the octets that belong to it."""
    p.enter(spec.layer)
    length = spec.size + (values[spec.more] if spec.more else 0)
    p.begin(spec.layer, spec.name, None, spec, endianness, 0, length, then=then or spec.then)
    return True


def _plain_header(spec: HeaderSpec) -> Step:
    """Reads a header that says nothing of what follows."""

    def step(p: DirectionParser) -> bool:
        if not p.has(spec.size):
            return False
        endianness = spec.endianness or p.migration.context.endianness
        return _begin_header(p, spec, endianness, _values(p, spec, endianness))

    return step


def xl_header(p: DirectionParser) -> bool:
    if not p.has(XL_HEADER.size):
        return False
    endianness = xl_endianness(p.buffer) or "little"
    values = _values(p, XL_HEADER, endianness)
    p.migration.learn(endianness=endianness)
    p.migration.learn_libxl_order(endianness)
    then = None if values["mandatory_flags"]["stream_v2"] else Expect.LEGACY
    return _begin_header(p, XL_HEADER, endianness, values, then)


def legacy(p: DirectionParser) -> bool:
    """A stream of Xen 4.5 or older has no records to follow."""
    p.expect_next(Expect.NOTHING)
    return True


def libxl_header(p: DirectionParser) -> bool:
    if not p.has(LIBXL_HEADER.size):
        return False
    named = p.buffer.startswith(LIBXL_IDENT)
    values = _values(p, LIBXL_HEADER, "big")
    p.migration.learn_libxl_order("big" if named and values["options"]["big_endian"] else "little")
    return _begin_header(p, LIBXL_HEADER, "big", values, None if named else Expect.LOST)


def image_header(p: DirectionParser) -> bool:
    if not p.has(IMAGE_HEADER.size):
        return False
    values = _values(p, IMAGE_HEADER, "big")
    # One of the two is enough: a wrong marker or id alone is a finding, not another format.
    named = values["marker"] == IMAGE_MARKER or values["id"] == IMAGE_ID
    if named:
        p.migration.learn(version=values["version"], endianness="big" if values["options"]["big_endian"] else "little")
    return _begin_header(p, IMAGE_HEADER, "big", values, None if named else Expect.LOST)


def domain_header(p: DirectionParser) -> bool:
    if not p.has(DOMAIN_HEADER.size):
        return False
    endianness = p.migration.context.endianness
    values = _values(p, DOMAIN_HEADER, endianness)
    p.migration.learn(guest=str(values["type"]), xen=f"{values['xen_major']}.{values['xen_minor']}")
    if values["page_shift"] <= PAGE_SHIFT_MAX:
        p.migration.learn(page_shift=values["page_shift"])
    return _begin_header(p, DOMAIN_HEADER, endianness, values)


def libxl_record(p: DirectionParser) -> bool:
    if not p.has(HEADER_SIZE):
        return False
    type, _ = _next_header(p, "libxl")
    if type not in LIBXL_RECORDS and type in libxc_records(p.migration.context.version):
        # No libxl record has this number: the sender went back to libxc without saying so.
        return _begin_record(p, "libxc", unannounced=True)
    return _begin_record(p, "libxl")


LIBXL_NUMBERS = frozenset(
    spec.type for spec in LIBXL_RECORDS.values() if spec.role in (Role.EMULATOR, Role.POSTCOPY_TRANSITION_END)
)
"""libxl's records while postcopy is set up. In libxc they are X86_PV_*, which no guest has that can use postcopy."""


def libxc_record(p: DirectionParser) -> bool:
    if not p.has(HEADER_SIZE):
        return False
    context = p.migration.context
    if context.postcopy and "libxl" in context.layers and context.guest != "x86 PV":
        type, _ = _next_header(p, "libxc")
        if type in LIBXL_NUMBERS:
            return _begin_record(p, "libxl", unannounced=True)
    return _begin_record(p, "libxc")


def libxl_if_there(p: DirectionParser) -> bool:
    """After CHECKPOINT and POSTCOPY_TRANSITION libxl goes on, if there is one around the libxc stream."""
    if p.migration.context.may_be_in_libxl:
        if not p.has(HEADER_SIZE):
            return False
        # libxl's records here, EMULATOR_XENSTORE_DATA to POSTCOPY_TRANSITION_END, have other numbers than those
        # of libxc here: PAGE_DATA, POSTCOPY_PAGE_DATA, END.
        if 2 <= _next_header(p, "libxl")[0] <= 6:
            p.enter("libxl")
    p.expect_next(Expect.LIBXL_RECORD if "libxl" in p.migration.context.layers else Expect.LIBXC_RECORD)
    return True


def libxl_or_libxc(p: DirectionParser) -> bool:
    """After a checkpoint COLO goes on with libxl's CHECKPOINT_STATE, Remus with libxc (libxl_colo_save.c)."""
    if not p.has(HEADER_SIZE):
        return False
    type, length = _next_header(p, "libxl")
    is_state = type == CHECKPOINT_STATE and length <= 8
    p.expect_next(Expect.LIBXL_RECORD if is_state else Expect.LIBXC_RECORD)
    return True


(CHECKPOINT_STATE,) = (type for type, spec in LIBXL_RECORDS.items() if spec.role is Role.CHECKPOINT_STATE)

SPACE = 0x20
"""The first printable octet."""


def _next_header(p: DirectionParser, layer: Layer) -> tuple[int, int]:
    type, length = RECORD_HEADERS[layer, p.migration.orders[layer]].unpack_from(p.buffer)
    return type, length


def _begin_record(p: DirectionParser, layer: Layer, unannounced: bool = False) -> bool:
    """A record whose header is in the buffer: type, body_length, body, padding."""
    migration, row = p.migration, CONTAINERS[layer]
    endianness = migration.orders[layer]
    reader = RECORD_HEADERS[layer, endianness]
    type, length = reader.unpack_from(p.buffer)
    if layer == "libxc" and migration.context.version is None:
        if type == 0x10 and not length and not p.has(2 * HEADER_SIZE) and not p.edge:
            return False
        version = _version_of(p, type, length)
        if version is not None:
            migration.learn(version=version)
    spec = (migration.libxc_records if layer == "libxc" else records(layer)).get(type)
    believed = length <= row.length_max and (spec is not None or type & ~OPTIONAL < row.unknown_max)
    if not believed and not p.found:
        p.take(1)
        p.lose_way(p.offset, p.offset)
        return True
    p.found = True
    if layer not in p.layers:
        p.enter(layer)
    if spec is not None and spec.role in POSTCOPY and not migration.context.postcopy:
        # Only version 2 streams have these: a capture that missed the image header still knows.
        migration.learn(postcopy=True, version=migration.context.version or 2)
    name = spec.name if spec is not None else unknown_name(type)
    if not believed:
        # Following this length would be guessing: the header is all that is believed of the record.
        p.begin(layer, name, type, spec, endianness, reader.size, length, unannounced=unannounced)
        p.abandon_item()
        p.lose_way(p.offset, p.offset)
        return True
    then = _after(p, layer, spec) if p.direction == FORWARD else Expect.REVERSE
    carried = 0 if spec is not None and spec.shape == "stream" else length
    padding = -length % row.alignment
    p.begin(layer, name, type, spec, endianness, reader.size, length, padding, unannounced, carried, then)
    return True


NO_CHECKPOINT = (Role.LIBXC_END, Role.POSTCOPY_TRANSITION)
"""What hands over to libxl other than a checkpoint."""


def _after(p: DirectionParser, layer: Layer, spec: RecordSpec | None) -> Expect:
    """What stands after a record of the forward direction: as its row says, or another of its layer."""
    then = (spec.then if spec is not None else None) or CONTAINERS[layer].record
    assert then is not None
    if then in (Expect.OUTER, Expect.LIBXL_IF_THERE) and layer == "libxc" and spec is not None:
        p.handed_over = spec.role
    elif spec is not None and spec.role is Role.CHECKPOINT_END and p.handed_over in NO_CHECKPOINT:
        return Expect.LIBXL_RECORD  # there is none that it could end
    return then


def _version_of(p: DirectionParser, type: int, length: int) -> int | None:
    """The version, from a record whose number has two meanings, when the image header was not captured:
    POSTCOPY_PFNS_BEGIN is empty and X86_CPUID_POLICY is not; the processors' and devices' state follows
    POSTCOPY_BEGIN, but memory follows STATIC_DATA_END."""
    if type == 0x11:
        return 3 if length else 2
    if type == 0x10 and not length and len(p.buffer) >= 2 * HEADER_SIZE:
        following = int.from_bytes(p.buffer[HEADER_SIZE : HEADER_SIZE + 4], p.migration.context.endianness)
        return 2 if following in CONTEXT_TYPES else 3
    return None


def xenops_record(p: DirectionParser) -> bool:
    """A record of xenopsd's image: 16 octets of header, a body without padding."""
    return p.has(RECORD_HEADERS["xenops", "little"].size) and _begin_record(p, "xenops")


def reverse(p: DirectionParser) -> bool:
    """The reverse direction: texts of xl, and records of libxc and libxl with no header before them."""
    if p.migration.is_unread:
        p.expect_next(Expect.NOTHING)
        return True
    if not p.has(HEADER_SIZE):
        return False
    if p.late and not p.found and not is_reverse(p):
        p.expect_next(Expect.ANYTHING)  # what was captured first is the middle of something
        return True
    if p.peer is not None and p.peer.ordinal > p.ordinal and p.peer.is_ahead_of(p):
        p.renew()
        p.recognise(REVERSE)
    if p.buffer[0] >= SPACE and _is_text(p):
        return text(p)
    # The two layers send different numbers here: CHECKPOINT_STATE is libxl's only one.
    type, _ = RECORD_HEADERS["libxl", p.migration.orders["libxl"]].unpack_from(p.buffer)
    return _begin_record(p, "libxl" if type == CHECKPOINT_STATE else "libxc")


def closing(p: DirectionParser) -> bool:
    """After the end of the outermost stream: texts of xl, then nothing."""
    if not p.buffer or (not p.has(HEADER_SIZE) and not p.edge):
        p.has(HEADER_SIZE)
        return False
    if bytes(p.buffer[:HEADER_SIZE]) in FORWARD_MAGICS:
        if p.found:
            p.renew()
        p.expect_next(Expect.ANYTHING)
        return True
    if _is_text(p):
        return text(p)
    if p.migration.context.may_be_in_libxl and _is_libxl(p):
        p.enter("libxl")
        p.expect_next(Expect.LIBXL_RECORD)
        return True
    p.begin_trailing()
    return True


def _is_libxl(p: DirectionParser) -> bool:
    if len(p.buffer) < HEADER_SIZE:
        return False
    type, length = _next_header(p, "libxl")
    return type in LIBXL_RECORDS and (length == 0) == (LIBXL_RECORDS[type].shape == "signal")


def _is_text(p: DirectionParser) -> bool:
    """Whether a text begins here: no record's header is made of printable octets alone."""
    octets = p.buffer[:HEADER_SIZE]
    return octets.isascii() and octets.decode("ascii").isprintable()


def _is_message(message: Message, seen: bytes, direction: str) -> bool:
    """Whether a text is this message; if it ends too early, whether it can be."""
    return message.octets == seen or (message.direction in (direction, "both") and message.octets.startswith(seen))


def text(p: DirectionParser) -> bool:
    """A handshake text, known or not, with the status octet that belongs to it. All but the banner end in a NUL."""
    is_banner = p.buffer.startswith(BANNER.octets)
    end = 0 if is_banner else p.buffer.find(0, 0, TEXT_MAX) + 1
    if not is_banner and not end and len(p.buffer) < TEXT_MAX and not p.edge:
        p.has(len(p.buffer) + 1)
        return False
    size = len(BANNER.octets) if is_banner else end
    seen = bytes(p.buffer[: size or TEXT_MAX])
    message = next((one for one in MESSAGES.values() if _is_message(one, seen, p.direction)), None)
    if message is None:
        # The beginning of the next stream may be printable too.
        ends = (at for magic in FORWARD_MAGICS if (at := seen.find(magic)) > 0)
        seen = seen[: min(ends, default=None)]
    length = len(message.octets) + message.status if message else len(seen)
    if message is BANNER and p.direction == REVERSE and p.migration.context.layers and p.may_begin_anew:
        p.renew()
        p.migration.begins_after = p.peer.transport.acked if p.peer is not None else None
        p.recognise(REVERSE)
    p.found = p.found or p.direction == REVERSE
    if message is not None:
        p.enter("xl")
    name = message.name if message else "text"
    p.begin("xl", name, None, message, "little", 0, length)
    return True


def lost(p: DirectionParser) -> bool:
    """A header that was none: what follows is anybody's guess."""
    p.lose_way(p.offset, p.offset)
    return True


def nothing(p: DirectionParser) -> bool:
    return False


STEPS: Mapping[Expect, Step] = {
    **{row.begins: _plain_header(row.header) for row in CONTAINERS.values()},
    Expect.ANYTHING: search,
    Expect.NOTHING: nothing,
    Expect.LOST: lost,
    Expect.XL_HEADER: xl_header,
    Expect.XENOPS_RECORD: xenops_record,
    Expect.LIBXL_HEADER: libxl_header,
    Expect.LIBXL_RECORD: libxl_record,
    Expect.LIBXL_IF_THERE: libxl_if_there,
    Expect.LIBXL_OR_LIBXC: libxl_or_libxc,
    Expect.IMAGE_HEADER: image_header,
    Expect.DOMAIN_HEADER: domain_header,
    Expect.LIBXC_RECORD: libxc_record,
    Expect.LEGACY: legacy,
    Expect.CLOSING: closing,
    Expect.REVERSE: reverse,
}
