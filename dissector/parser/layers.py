"""The states of a direction: each reads one header, record or text and says what comes next."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from dissector.parser.flow import Flow, Start, State, item, wait, wait_or_stop
from dissector.parser.records import FORWARD, REVERSE
from dissector.parser.resync import FORWARD_BEGINNINGS, hunt, is_reverse
from dissector.parser.stream import Parser
from dissector.protocol import (
    BODY_LENGTH_MAX,
    DOMAIN_HEADER,
    IMAGE_HEADER,
    IMAGE_ID,
    IMAGE_MARKER,
    LIBXL_HEADER,
    LIBXL_IDENT,
    LIBXL_RECORDS,
    MESSAGES,
    OPTIONAL,
    XENOPS_HEADER,
    XENOPS_RECORDS,
    XL_HEADER,
    Endianness,
    HeaderSpec,
    Layer,
    Message,
    fixed,
    layout,
    libxc_records,
    parse,
    record_header,
    xenops_record_header,
    xl_endianness,
)

HEADER_SIZE, XENOPS_HEADER_SIZE = 8, 16
PAGE_SHIFT_MAX = 30
"""1 GiB, the largest page of any processor; what says more is not believed."""
XENOPS_LENGTH_MAX = 1 << 40
TEXT_MAX = 128
"""An unknown text is taken up to its NUL, or this many octets."""

CONTEXT_RECORDS = frozenset(
    type
    for type, spec in libxc_records(2).items()
    if spec.name in ("TSC_INFO", "HVM_CONTEXT", "HVM_PARAMS", "POSTCOPY_PFNS_BEGIN")
)

BANNER = MESSAGES["banner"].octets
RECORD_HEADER = {order: fixed(layout(record_header, order))[0].unpack_from for order in ("little", "big")}
XENOPS_RECORD_HEADER = fixed(layout(xenops_record_header, "little"))[0].unpack_from


def _header(flow: Flow, spec: HeaderSpec, endianness: Endianness, values: dict[str, Any], more: int = 0) -> Parser:
    """Emits the header that is in the buffer, with `more` octets that belong to it."""
    stream = flow.stream
    flow.enter(spec.layer)
    length = spec.size + more
    start = Start(spec.layer, spec.name, None, spec, endianness, stream.offset, stream.begin(spec.name), length)
    if (yield from item(flow, start, length)):
        flow.advance(spec.layer, spec.name)


def _peek(flow: Flow, spec: HeaderSpec, endianness: Endianness) -> dict[str, Any]:
    return parse(layout(spec.body, endianness), flow.stream.buffer[: spec.size])


def xl_header(flow: Flow) -> Parser:
    yield from wait(flow, XL_HEADER.size)
    endianness = xl_endianness(flow.stream.buffer) or "little"
    values = _peek(flow, XL_HEADER, endianness)
    flow.channel.endianness = flow.channel.libxl_endianness = endianness
    yield from _header(flow, XL_HEADER, endianness, values, more=values["optional_data_len"])
    if not values["mandatory_flags"]["stream_v2"]:
        flow.state = "legacy"


def legacy(flow: Flow) -> Parser:
    """A stream of Xen 4.5 or older has no records to follow."""
    flow.channel.legacy = True
    flow.state = "ignore"
    yield from ()


def xenops_header(flow: Flow) -> Parser:
    yield from wait(flow, XENOPS_HEADER.size)
    yield from _header(flow, XENOPS_HEADER, "little", {})


def libxl_header(flow: Flow) -> Parser:
    yield from wait(flow, LIBXL_HEADER.size)
    values = _peek(flow, LIBXL_HEADER, "big")
    named = flow.stream.buffer.startswith(LIBXL_IDENT)
    flow.channel.libxl_endianness = "big" if named and values["options"]["big_endian"] else "little"
    yield from _header(flow, LIBXL_HEADER, "big", values)
    if not named:
        flow.lose(flow.stream.offset, flow.stream.offset)


def image_header(flow: Flow) -> Parser:
    channel = flow.channel
    yield from wait(flow, IMAGE_HEADER.size)
    values = _peek(flow, IMAGE_HEADER, "big")
    # One of the two is enough: a wrong marker or id alone is a finding, not another format.
    named = values["marker"] == IMAGE_MARKER or values["id"] == IMAGE_ID
    if named:
        channel.version = values["version"]
        channel.endianness = "big" if values["options"]["big_endian"] else "little"
    yield from _header(flow, IMAGE_HEADER, "big", values)
    if not named:
        flow.lose(flow.stream.offset, flow.stream.offset)


def domain_header(flow: Flow) -> Parser:
    channel = flow.channel
    yield from wait(flow, DOMAIN_HEADER.size)
    values = _peek(flow, DOMAIN_HEADER, channel.endianness)
    channel.guest = str(values["type"])
    if values["page_shift"] <= PAGE_SHIFT_MAX:
        channel.page_shift = values["page_shift"]
    channel.xen = f"{values['xen_major']}.{values['xen_minor']}"
    yield from _header(flow, DOMAIN_HEADER, channel.endianness, values)


def libxl_record(flow: Flow) -> Parser:
    yield from wait(flow, HEADER_SIZE)
    type, _ = _next_header(flow, "libxl")
    if type not in LIBXL_RECORDS and type in libxc_records(flow.channel.version):
        # No libxl record has this number: the sender went back to libxc without saying so.
        yield from _record(flow, "libxc", notes=("postcopy-transition-missing",))
    else:
        yield from _record(flow, "libxl")


def libxc_record(flow: Flow) -> Parser:
    channel = flow.channel
    yield from wait(flow, HEADER_SIZE)
    type, _ = _next_header(flow, "libxc")
    if channel.postcopy and "libxl" in channel.layers and channel.guest != "x86 PV" and type in (2, 3, 6):
        # While postcopy is set up, in a guest that is not PV, these are not X86_PV_* but libxl's EMULATOR_* and
        # POSTCOPY_TRANSITION_END, whose numbers are the same.
        yield from _record(flow, "libxl", notes=("postcopy-transition-missing",))
    else:
        yield from _record(flow, "libxc")


def libxl_if_there(flow: Flow) -> Parser:
    """After CHECKPOINT and POSTCOPY_TRANSITION libxl goes on, if there is one around the libxc stream."""
    channel = flow.channel
    if channel.may_be_in_libxl:
        yield from wait(flow, HEADER_SIZE)
        # libxl's records here, EMULATOR_XENSTORE_DATA to POSTCOPY_TRANSITION_END, have other numbers than those
        # of libxc here: PAGE_DATA, POSTCOPY_PAGE_DATA, END.
        if 2 <= _next_header(flow, "libxl")[0] <= 6:
            flow.enter("libxl")
    flow.state = "libxl" if "libxl" in channel.layers else "libxc"


def libxl_or_libxc(flow: Flow) -> Parser:
    """After a checkpoint COLO goes on with libxl's CHECKPOINT_STATE, Remus with libxc (libxl_colo_save.c)."""
    yield from wait(flow, HEADER_SIZE)
    type, length = _next_header(flow, "libxl")
    flow.state = "libxl" if _is_checkpoint_state(type) and length <= 8 else "libxc"


def _is_checkpoint_state(type: int) -> bool:
    return type in LIBXL_RECORDS and LIBXL_RECORDS[type].name == "CHECKPOINT_STATE"


def _next_header(flow: Flow, layer: Layer) -> tuple[int, int]:
    type, length = RECORD_HEADER[flow.endianness(layer)](flow.stream.buffer)
    return type, length


def _record(flow: Flow, layer: Layer, notes: tuple[str, ...] = ()) -> Parser:
    """A record of libxl or libxc, whose 8-octet header is in the buffer: type, body_length, body, padding to 8."""
    channel, stream = flow.channel, flow.stream
    endianness = flow.endianness(layer)
    type, length = _next_header(flow, layer)
    if layer == "libxc" and channel.version is None:
        channel.version = yield from _version_of(flow, type, length)
    table = LIBXL_RECORDS if layer == "libxl" else libxc_records(channel.version)
    spec = table.get(type)
    name = spec.name if spec else unknown_name(type)
    believed = length <= BODY_LENGTH_MAX and (spec is not None or _is_near_allotted(type))
    if not believed and not flow.found:
        stream.take(1)
        flow.lose(stream.offset, stream.offset)
        return
    flow.found = True
    flow.enter(layer)
    if name.startswith("POSTCOPY_"):
        channel.postcopy = True
        # Only version 2 streams have these: a capture that missed the image header still knows.
        channel.version = channel.version or 2
    start = Start(layer, name, type, spec, endianness, stream.offset, stream.begin(name), length, notes)
    stream.take(HEADER_SIZE)
    if not believed:
        # Following this length would be guessing: the header is all that is believed of the record.
        flow.emit(start, HEADER_SIZE, b"", whole=False)
        flow.lose(stream.offset, stream.offset)
    elif (yield from item(flow, start, length, -length % 8)) and flow.direction == FORWARD:
        flow.advance(layer, name)


def _version_of(flow: Flow, type: int, length: int) -> Generator[int, None, int | None]:
    """The version, from a record whose number has two meanings, when the image header was not captured:
    POSTCOPY_PFNS_BEGIN is empty and X86_CPUID_POLICY is not; the processors' and devices' state follows
    POSTCOPY_BEGIN, but memory follows STATIC_DATA_END."""
    if type == 0x11:
        return 3 if length else 2
    if type == 0x10 and not length and (yield from wait_or_stop(flow, 2 * HEADER_SIZE)):
        following = int.from_bytes(flow.stream.buffer[HEADER_SIZE : HEADER_SIZE + 4], flow.channel.endianness)
        return 2 if following in CONTEXT_RECORDS else 3
    return None


def unknown_name(type: int) -> str:
    """What a record type is called that nobody specified."""
    return f"UNKNOWN_0x{type:08x}"


def _is_near_allotted(type: int) -> bool:
    """Whether an unknown type is near the numbers in use, mandatory or optional: anything else is rather a
    header read at the wrong place."""
    return type & ~OPTIONAL < 0x10000


def xenops_record(flow: Flow) -> Parser:
    """A record of xenopsd's image: 16 octets of header, a body without padding."""
    stream = flow.stream
    yield from wait(flow, XENOPS_HEADER_SIZE)
    type, length = XENOPS_RECORD_HEADER(stream.buffer)
    spec = XENOPS_RECORDS.get(type)
    name = spec.name if spec else unknown_name(type)
    start = Start("xenops", name, type, spec, "little", stream.offset, stream.begin(name), length)
    stream.take(XENOPS_HEADER_SIZE)
    if spec is None or length > XENOPS_LENGTH_MAX:
        flow.emit(start, XENOPS_HEADER_SIZE, b"", whole=False)
        flow.lose(stream.offset, stream.offset)
    elif (yield from item(flow, start, 0 if spec.shape == "stream" else length)):
        flow.advance("xenops", name)


def reverse(flow: Flow) -> Parser:
    """The reverse direction: texts of xl, and records of libxc and libxl with no header before them."""
    if "xenops" in flow.channel.layers:
        flow.state = "ignore"  # xenopsd answers with two octets, or a text of its own
        return
    yield from wait(flow, HEADER_SIZE)
    if flow.stream.late and not flow.found and not is_reverse(flow):
        flow.state = "hunt"  # what was captured first is the middle of something
        return
    if _is_text(flow):
        yield from text(flow)
        return
    type, _ = _next_header(flow, "libxl")
    # The two layers send different numbers here: CHECKPOINT_STATE is libxl's only one.
    yield from _record(flow, "libxl" if _is_checkpoint_state(type) else "libxc")


def closing(flow: Flow) -> Parser:
    """After the end of the outermost stream: texts of xl, then nothing."""
    stream, channel = flow.stream, flow.channel
    yield from wait(flow, 1)
    yield from wait_or_stop(flow, HEADER_SIZE)
    if bytes(stream.buffer[:HEADER_SIZE]) in FORWARD_BEGINNINGS:
        if flow.found:  # not if the banner was first to say that another migration begins
            flow.renew()
        flow.state = "hunt"
    elif _is_text(flow):
        yield from text(flow)
    elif channel.may_be_in_libxl and _is_libxl(flow):
        flow.enter("libxl")
        flow.state = "libxl"
    else:
        first = stream.begin("trailing data")
        flow.trailing = Start(None, "trailing data", None, None, "little", stream.offset, first, 0)
        flow.state = "hunt"


def _is_libxl(flow: Flow) -> bool:
    if len(flow.stream.buffer) < HEADER_SIZE:
        return False
    type, length = _next_header(flow, "libxl")
    return type in LIBXL_RECORDS and (length == 0) == (LIBXL_RECORDS[type].shape == "signal")


def _is_text(flow: Flow) -> bool:
    """Whether a text begins here: no record's header is made of printable octets alone."""
    octets = flow.stream.buffer[:HEADER_SIZE]
    return octets.isascii() and octets.decode("ascii").isprintable()


def _is_message(message: Message, seen: bytes, direction: str) -> bool:
    """Whether a text is this message; if it ends too early, whether it can be."""
    return message.octets == seen or (message.direction in (direction, "both") and message.octets.startswith(seen))


def text(flow: Flow) -> Parser:
    """A handshake text, known or not, with the status octet that belongs to it. All but the banner end in a NUL."""
    stream = flow.stream
    offset, first = stream.offset, stream.begin("text")
    while len(stream.buffer) < TEXT_MAX:
        if stream.buffer.startswith(BANNER) or 0 in stream.buffer:
            break
        if not (yield from wait_or_stop(flow, len(stream.buffer) + 1)):
            break
    size = len(BANNER) if stream.buffer.startswith(BANNER) else stream.buffer.find(0) + 1
    seen = bytes(stream.buffer[: size or TEXT_MAX])
    message = next((one for one in MESSAGES.values() if _is_message(one, seen, flow.direction)), None)
    if message is None:
        # The beginning of the next stream may be printable too.
        ends = (at for beginning in FORWARD_BEGINNINGS if (at := seen.find(beginning)) > 0)
        seen = seen[: min(ends, default=None)]
    length = len(message.octets) + message.status if message else len(seen)
    if message is MESSAGES["banner"] and flow.direction == REVERSE and flow.channel.layers and (offset or flow.is_over):
        flow.renew()
        flow.recognise(REVERSE)
    flow.found = flow.found or flow.direction == REVERSE
    if message is not None:
        flow.enter("xl")
    name = message.name if message else "text"
    start = Start("xl", name, None, message, "little", offset, first, length)
    yield from item(flow, start, length)


STATES: Mapping[str, State] = {
    "hunt": hunt,
    "xl header": xl_header,
    "xenops header": xenops_header,
    "xenops": xenops_record,
    "libxl header": libxl_header,
    "libxl": libxl_record,
    "libxl, if there": libxl_if_there,
    "libxl or libxc": libxl_or_libxc,
    "image header": image_header,
    "domain header": domain_header,
    "libxc": libxc_record,
    "legacy": legacy,
    "closing": closing,
    "reverse": reverse,
}
