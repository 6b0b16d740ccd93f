"""The steps of a direction: each reads one header, record or text from the buffer and says what stands next.

The tables of the protocol say what follows what; here stands only what a table cannot say: which of two layers goes on
where the octets must tell, and which lengths and numbers are believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dissector.events import FOREIGN_OCTETS, FORWARD, REVERSE
from dissector.parser.direction import FOREIGN_MAX, DirectionParser, Step
from dissector.parser.resync import FORWARD_MAGICS, is_header, is_reverse, search
from dissector.parser.wrapping import Compressed, Tunnelled
from dissector.protocol import (
    CONTAINERS,
    DOMAIN_HEADER,
    HANDSHAKE_MAX,
    IMAGE_HEADER,
    IMAGE_ID,
    IMAGE_MARKER,
    INTS,
    LIBVIRT_HEADER,
    LIBVIRT_VERSION,
    LIBXL_HEADER,
    LIBXL_IDENT,
    LIBXL_RECORDS,
    MESSAGES,
    OPTIONAL,
    PAGE_SHIFT,
    POSTCOPY,
    REQUEST_MAX,
    XENOPS_HEADER,
    XENOPS_LEGACY_HEADER,
    XENOPS_MESSAGES,
    XENOPS_RECORDS,
    XL_HEADER,
    XML_MAX,
    ZSTD_MAGIC,
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
    xenops_request,
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


def libvirt_header(p: DirectionParser) -> bool:
    """What libvirt writes before a saved guest: a header and the guest's XML."""
    if not p.has(LIBVIRT_HEADER.size):
        return False
    # It is in the byte order of the host that wrote it, and nothing says which that is: x86 hosts are little-endian.
    values = _values(p, LIBVIRT_HEADER, "little")
    then = None if values["version"] >= LIBVIRT_VERSION else Expect.LEGACY
    values["xml_length"] = min(values["xml_length"], XML_MAX)
    return _begin_header(p, LIBVIRT_HEADER, "little", values, then)


def _head_size(p: DirectionParser) -> int | None:
    """How long the head of an HTTP message in the buffer is; 0 if this is none, None if more octets will tell."""
    end = p.buffer.find(b"\r\n\r\n", 0, REQUEST_MAX) + 4
    if end >= 4:
        return end
    if len(p.buffer) >= REQUEST_MAX or p.edge:
        return 0
    p.has(len(p.buffer) + 1)
    return None


def xenops_request_head(p: DirectionParser) -> bool:
    """The request with which a connection of xenopsd begins: which guest's migration it belongs to, and for what."""
    size = _head_size(p)
    if size is None:
        return False
    request = xenops_request(bytes(p.buffer[:size]))
    if request is None:
        p.take(1)
        p.lose_way(p.offset, p.offset)
        return True
    if p.found:
        p.renew()
    p.migration.request(request, p.conversation.joins.of(request))
    p.enter("xenops")
    p.recognise(FORWARD)
    _begin_message(p, "http request", size, Expect.XENOPS_TALK)
    return True


def _begin_message(p: DirectionParser, name: str, size: int, then: Expect) -> None:
    p.begin("xenops", name, None, XENOPS_MESSAGES[name], "big", 0, size, then=then)


def xenops_talk(p: DirectionParser) -> bool:
    """After a request: handshakes, an image or the state of a graphics card, compressed or not."""
    if not p.has(HANDSHAKE_HEADER):
        return False
    seen = bytes(p.buffer[: len(XENOPS_HEADER.magic)])
    for octets, then in AFTER_REQUEST:
        if octets.startswith(seen) and len(seen) < len(octets):
            return p.has(len(octets)) or (p.edge and xenops_handshake(p, Expect.XENOPS_TALK))
        if seen.startswith(octets):
            if then is None:
                p.migration.learn(compressed=True)
                p.wrap(Compressed(p))
                return False
            p.expect_next(then)
            return True
    return xenops_handshake(p, Expect.XENOPS_TALK)


HANDSHAKE_HEADER = 2
HANDSHAKES_MAX = 16
"""Handshakes that a direction is believed to have; xenopsd has three. Zeros would be any number of them."""

TEXT_JUDGED = 32
"""Octets of a handshake's text that must be printable, lest any octets are taken for one."""

AFTER_REQUEST: tuple[tuple[bytes, Expect | None], ...] = (
    (XENOPS_HEADER.magic, Expect.XENOPS_HEADER),
    (XENOPS_LEGACY_HEADER.magic, Expect.XENOPS_LEGACY_HEADER),
    (ZSTD_MAGIC, None),
    *(
        # The state of a graphics card has no signature before it.
        (spec.type.to_bytes(8, "little"), Expect.XENOPS_RECORD)
        for spec in XENOPS_RECORDS.values()
        if spec.then is Expect.XENOPS_STATE
    ),
)
"""What begins with which octets after a request; None: it is compressed."""


def xenops_handshake(p: DirectionParser, then: Expect) -> bool:
    """The result of a step: two octets, and a text if it failed. Where none can be, the next header is searched for."""
    if not p.has(HANDSHAKE_HEADER):
        return False
    length = int.from_bytes(p.buffer[:HANDSHAKE_HEADER], "big")
    judged = HANDSHAKE_HEADER + min(length, TEXT_JUDGED)
    if not p.has(judged) and not p.edge:
        return False
    text = bytes(p.buffer[HANDSHAKE_HEADER:judged]).decode("utf-8", "replace").rstrip("\ufffd")
    p.handshakes += 1
    if length > HANDSHAKE_MAX or (length and not text.isprintable()) or p.handshakes > HANDSHAKES_MAX:
        if then is Expect.REVERSE:
            p.expect_next(Expect.NOTHING)  # it speaks of something else
        elif then is Expect.CLOSING:
            p.begin_trailing()
        else:
            p.lose_way(p.offset, p.offset)
        return True
    p.found = True
    _begin_message(p, "handshake", HANDSHAKE_HEADER + length, then)
    return True


def xenops_answer(p: DirectionParser) -> bool:
    """What the destination says to xenopsd: handshakes, or an HTTP response if nobody took the request."""
    if not p.has(HANDSHAKE_HEADER):
        return False
    if bytes(p.buffer[:HANDSHAKE_HEADER]) == b"HT":
        size = _head_size(p)
        if size is None:
            return False
        if size:
            p.found = True
            _begin_message(p, "http response", size, Expect.REVERSE)
            return True
    return xenops_handshake(p, Expect.REVERSE)


STATE_HEADER = 16
STATE_BODY_MAX = 1 << 20
"""Octets of a record that is believed after state of unknown length; xenopsd accepts no longer one of QEMU."""


def xenops_state(p: DirectionParser) -> bool:
    """State of unknown length: passed over up to what can only be the next header.

    That is one with a type and a length that exist, and another such behind its body; or the end of the image with
    nothing behind it, which shows when the direction ends. Bounded by STATE_BODY_MAX, and each octet is judged once."""
    buffer = p.buffer
    at = 0
    while True:
        found = next_state_end(buffer, at)
        if found is None:
            at = max(at, len(buffer) - STATE_HEADER + 1)
            break
        at = found
        verdict = _ends_state(p, at)
        if verdict is None:
            break
        if verdict:
            p.end_trailing(at)
            p.take(at)
            p.expect_next(Expect.XENOPS_RECORD)
            return True
        at += 1
    p.take(at)
    if p.edge:
        return False
    p.wanted = max(p.wanted - at, len(buffer) + 1)
    return False


STATE_ENDS = (*(type for type, spec in XENOPS_RECORDS.items() if not spec.then), 0xFFFF)
"""The types of the records that may follow it."""

STATE_MARKS = tuple(type.to_bytes(8, "little") for type in STATE_ENDS)
"""How their headers begin."""

STATE_LOOKED = 1 << 10
"""Octets in which they are searched for at once."""


def next_state_end(buffer: bytes | bytearray, at: int) -> int | None:
    """Where one of these types stands first, from one place on."""
    while at < len(buffer):
        # A few at a time, lest the rest is searched anew for each that is absent.
        places = [place for mark in STATE_MARKS if (place := buffer.find(mark, at, at + STATE_LOOKED)) >= 0]
        if places:
            return min(places)
        at += STATE_LOOKED - STATE_HEADER
    return None


def _ends_state(p: DirectionParser, at: int) -> bool | None:
    """Whether a header stands here; None where that shows only later."""
    buffer = p.buffer
    for _ in range(2):
        if len(buffer) < at + STATE_HEADER:
            return _later(p, at + STATE_HEADER)
        type, length = RECORD_HEADERS["xenops", "little"].unpack_from(buffer, at)
        spec = XENOPS_RECORDS.get(type)
        if spec is not None and spec.role is Role.IMAGE_END:
            # Behind it stands at most a handshake.
            if length or any(buffer[at + STATE_HEADER :]) or len(buffer) > at + STATE_HEADER + HANDSHAKE_HEADER:
                return False
            return True if p.edge else _later(p, len(buffer) + 1)
        if spec is None or not 0 < length <= STATE_BODY_MAX:
            return False
        at += STATE_HEADER + length
    return True


def _later(p: DirectionParser, wanted: int) -> bool | None:
    if p.edge:
        return False
    p.wanted = wanted
    return None


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
    if not named and p.handed_over is Role.LIBXC_END:
        p.expect_next(Expect.LIBXL_RECORD)  # libxc is over, and LIBXC_CONTEXT came again with nothing of it
        return True
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
    context = p.migration.context
    meant = None if type in LIBXL_RECORDS else p.migration.libxc_records.get(type)
    is_in_turn = p.handed_over is Role.LIBXC_END or p.handed_over is Role.CHECKPOINT
    is_new = meant is not None and meant.role.is_postcopy and not is_in_turn
    if meant is not None and (context.postcopy or is_new):
        # No libxl record has this number: the sender went back to libxc without saying so. Only postcopy goes back.
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
    known = spec is not None or type & ~OPTIONAL < row.unknown_max
    if not known and type & OPTIONAL and row.unknown_max:
        # A receiver follows the length of an optional record of any number. Behind a gap a header may be none.
        known = not p.has_gaps and not p.late
    is_far = spec is None and layer == "libxc" and type & ~OPTIONAL >= row.unknown_max
    is_whole = not (p.has_gaps or p.cut or p.lost_at or p.late)
    padding = -length % row.alignment
    if is_far and is_whole and p.found and not known and length <= FOREIGN_MAX:
        # Octets of a relay are no header, and what would be their length leads nowhere.
        size = reader.size + length + padding
        behind, header = size, bytes(p.buffer[: reader.size])
        while behind < RUN_MAX and p.has(behind + reader.size) and p.buffer[behind : behind + reader.size] == header:
            behind += size  # another such record
        if not p.has(behind + reader.size) and not p.edge:
            return False
        known = is_header(p, layer, behind) or behind >= RUN_MAX
    believed = length <= row.length_max and known
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
        p.begin(layer, name, type, spec, endianness, 0, length, unannounced=unannounced)
        if is_far and is_whole and (p.room > 1 << PAGE_SHIFT or p.is_relayed):
            p.suspect_item(reader.size)
            return True
        p.consume(reader.size)
        p.abandon_item()
        p.lose_way(p.offset, p.offset)
        return True
    then = _after(p, layer, spec) if p.direction == FORWARD else Expect.REVERSE
    if then is Expect.XENOPS_STATE:
        if not length:
            p.begin_state(layer, name, type, spec, reader.size)
            return True
        then = Expect.XENOPS_RECORD
    carried = 0 if spec is not None and spec.shape == "stream" else length
    p.begin(layer, name, type, spec, endianness, reader.size, length, padding, unannounced, carried, then)
    return True


RUN_MAX = 1 << 16
"""Octets of equal records in a row after which they are no relay's."""

OF_CHECKPOINTS = (Role.CHECKPOINT_END, Role.CHECKPOINT_STATE)
"""What libxl says between one checkpoint and the next."""


def _has_no_checkpoint(p: DirectionParser) -> bool:
    """Whether libxc cannot go on here: it ended, or has not begun."""
    is_before = "libxc" not in p.layers and not (p.has_gaps or p.late)
    return is_before or p.handed_over in NO_CHECKPOINT


NO_CHECKPOINT = (Role.LIBXC_END, Role.POSTCOPY_TRANSITION)
"""What hands over to libxl other than a checkpoint."""


def _after(p: DirectionParser, layer: Layer, spec: RecordSpec | None) -> Expect:
    """What stands after a record of the forward direction: as its row says, or another of its layer."""
    then = (spec.then if spec is not None else None) or CONTAINERS[layer].record
    assert then is not None
    if then in (Expect.OUTER, Expect.LIBXL_IF_THERE) and layer == "libxc" and spec is not None:
        p.handed_over = spec.role
    elif spec is not None and spec.role in OF_CHECKPOINTS and _has_no_checkpoint(p):
        return Expect.LIBXL_RECORD  # there is none that it could end or go on with
    elif spec is not None and spec.role is Role.POSTCOPY_TRANSITION_END and p.handed_over is Role.LIBXC_END:
        return Expect.LIBXL_RECORD  # libxc is over, and nothing of it follows
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
    if p.migration.says_handshakes:
        return xenops_answer(p)
    if p.migration.context.tunnelled and p.wrapping is None:
        p.wrap(Tunnelled(p))
        return False
    if not p.has(HEADER_SIZE):
        return False
    if p.late and not p.found and not is_reverse(p):
        p.expect_next(Expect.ANYTHING)  # what was captured first is the middle of something
        return True
    if p.peer is not None and p.peer.ordinal > p.ordinal and p.peer.is_ahead_of(p):
        p.renew()
        p.recognise(REVERSE)
    if (p.buffer[0] >= SPACE and _is_text(p)) or _before_banner(p):
        return text(p)
    # The two layers send different numbers here: CHECKPOINT_STATE is libxl's only one.
    type, _ = RECORD_HEADERS["libxl", p.migration.orders["libxl"]].unpack_from(p.buffer)
    return _begin_record(p, "libxl" if type == CHECKPOINT_STATE else "libxc")


def closing(p: DirectionParser) -> bool:
    """After the end of the outermost stream: texts of xl, handshakes of xenopsd, then nothing."""
    if _is_handshake_next(p):
        return xenops_handshake(p, Expect.CLOSING)
    if not p.buffer or (not p.has(HEADER_SIZE) and not p.edge):
        p.has(HEADER_SIZE)
        return False
    if bytes(p.buffer[:HEADER_SIZE]) in FORWARD_MAGICS:
        if p.found:
            p.renew()
        p.expect_next(Expect.ANYTHING)
        return True
    if _is_text(p) and (_hears_xl(p) or _begins_message(p)):
        return text(p)
    if p.migration.context.may_be_in_libxl and _is_libxl(p):
        p.enter("libxl")
        p.expect_next(Expect.LIBXL_RECORD)
        return True
    p.begin_trailing()
    return True


def _is_handshake_next(p: DirectionParser) -> bool:
    """Whether what follows an image is a handshake: after a request always, else two octets of 0 that stand alone."""
    if not p.migration.says_handshakes or p.peer is None:
        return False
    return p.migration.role is not None or bytes(p.buffer) == bytes(HANDSHAKE_HEADER)


def _is_libxl(p: DirectionParser) -> bool:
    if len(p.buffer) < HEADER_SIZE:
        return False
    type, length = _next_header(p, "libxl")
    return type in LIBXL_RECORDS and (length == 0) == (LIBXL_RECORDS[type].shape == "signal")


def _is_text(p: DirectionParser) -> bool:
    """Whether a text begins here: no record's header is made of printable octets alone."""
    octets = p.buffer[:HEADER_SIZE]
    return octets.isascii() and octets.decode("ascii").isprintable()


def _hears_xl(p: DirectionParser) -> bool:
    """Whether xl reads what stands behind the stream: of a connection, unless it is known to be another toolstack's."""
    return p.peer is not None and ("xl" in p.layers or p.late or p.has_gaps or p.peer.found)


def _begins_message(p: DirectionParser) -> bool:
    """Whether the octets in the buffer are the first of a text that goes this way."""
    octets = bytes(p.buffer[:HEADER_SIZE])
    return any(one.direction in (p.direction, "both") and one.octets.startswith(octets) for one in MESSAGES.values())


def _before_banner(p: DirectionParser) -> int:
    """Octets before the banner in the buffer, of a destination that said nothing yet; 0 if it is not there."""
    if p.direction != REVERSE or p.migration.items[REVERSE]:
        return 0
    return max(0, p.buffer.find(BANNER.octets))


SPACES = (9, 10, 13, 27)
"""Control characters in what is written for people; ESC begins a colour."""


def _is_speech(octets: bytes) -> bool:
    """Whether somebody may say this: what carries a stream puts other octets before the banner."""
    return all(octet >= SPACE or octet in SPACES for octet in octets)


def _is_message(message: Message, seen: bytes, direction: str) -> bool:
    """Whether a text is this message; if it ends too early, whether it can be."""
    return message.octets == seen or (message.direction in (direction, "both") and message.octets.startswith(seen))


def text(p: DirectionParser) -> bool:
    """A handshake text, known or not, with the status octet that belongs to it. All but the banner end in a NUL."""
    is_banner = p.buffer.startswith(BANNER.octets)
    before = 0 if is_banner else _before_banner(p)
    end = 0 if is_banner else before or p.buffer.find(0, 0, TEXT_MAX) + 1
    if not is_banner and not end and len(p.buffer) < TEXT_MAX and not p.edge:
        p.has(len(p.buffer) + 1)
        return False
    size = len(BANNER.octets) if is_banner else end
    seen = bytes(p.buffer[: size or TEXT_MAX])
    if before and not _is_speech(seen):
        p.has_foreign = p.found = True
        p.begin(None, FOREIGN_OCTETS, None, None, "little", 0, before)
        return True
    message = None if before else next((one for one in MESSAGES.values() if _is_message(one, seen, p.direction)), None)
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
    Expect.LIBVIRT_HEADER: libvirt_header,
    Expect.XENOPS_REQUEST: xenops_request_head,
    Expect.XENOPS_TALK: xenops_talk,
    Expect.XENOPS_STATE: xenops_state,
    Expect.XENOPS_LEGACY_HEADER: _plain_header(XENOPS_LEGACY_HEADER),
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
