"""Looking for a stream: by its magic anywhere in a connection, and by a header that can only be one after a gap."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from dissector.parser.confidence import BELIEVED, RECORD_HEADER_SIZE, Judge, candidates
from dissector.parser.flow import Flow
from dissector.parser.records import FORWARD, REVERSE
from dissector.parser.stream import Ended, Lost, Parser
from dissector.protocol import (
    IMAGE_MAGIC,
    LIBXL_IDENT,
    LIBXL_VERSION,
    MESSAGES,
    XENOPS_MAGIC,
    XL_BYTEORDER,
    XL_MAGIC,
    Endianness,
    RecordSpec,
    libxc_records,
)

MAGICS: Mapping[bytes, tuple[str, str]] = {
    XL_MAGIC: (FORWARD, "xl header"),
    XENOPS_MAGIC: (FORWARD, "xenops header"),
    LIBXL_IDENT + LIBXL_VERSION.to_bytes(4, "big"): (FORWARD, "libxl header"),
    IMAGE_MAGIC: (FORWARD, "image header"),
    MESSAGES["banner"].octets: (REVERSE, "reverse"),
}
"""What begins a stream wherever it stands: which direction that makes it, and the state that reads it."""

CIPHERS = ((re.compile(rb"SSH-\d"), "SSH"), (re.compile(rb"\x16\x03[\x00-\x04]..[\x01\x02]", re.DOTALL), "TLS"))
"""How an encrypted connection begins: RFC 4253 4.2, RFC 8446 5.1."""

FORWARD_BEGINNINGS = frozenset(magic[:8] for magic, (direction, _) in MAGICS.items() if direction == FORWARD)

KEEP = max(map(len, MAGICS)) + 8
"""A magic may be split between segments: as many octets stay in sight, and the 8 of xl's byteorder behind it."""

BEGINNINGS = frozenset(state for _, state in MAGICS.values())


class Anchor(NamedTuple):
    """A place where the way goes on."""

    position: int
    state: str
    direction: str
    endianness: Endianness | None
    """None: nothing here tells."""


def hunt(flow: Flow) -> Parser:
    """Passes over octets until the next header of this direction, or the beginning of a stream."""
    stream = flow.stream
    if stream.offset == 0 and not flow.found:
        yield 8
        if _is_encrypted(flow):
            flow.state = "ignore"
            return
    while flow.state == "hunt":
        try:
            if not stream.ended and not _settled(flow, final=False):
                yield len(stream.buffer) + 1
            elif stream.ended:
                raise Ended(stream.ended)
        except (Lost, Ended) as end:
            # What is in sight is all there is before the gap: decide with that.
            if _settled(flow, final=True):
                continue
            if isinstance(end, Ended):
                flow.end_trailing(len(stream.buffer))
            raise


def _is_encrypted(flow: Flow) -> bool:
    for pattern, name in CIPHERS:
        if pattern.match(flow.stream.buffer):
            flow.channel.encrypted = name
            return True
    return False


def _settled(flow: Flow, final: bool) -> bool:
    """Whether the flow stands at an anchor now; if not, what can no longer be part of one is dropped."""
    stream = flow.stream
    buffer = stream.buffer
    direction = flow.direction if flow.found or flow.channel.index is not None else None
    at_start = stream.offset == 0
    if flow.ends is None and not flow.found and not (at_start and buffer.startswith(MESSAGES["banner"].octets)):
        # A file may hold a stream behind something else; the receiver's text in mid-file is one of xl's program.
        direction = FORWARD
    first = _magic(buffer, direction, at_start)
    wanted = max(0, len(buffer) - KEEP)
    # Where nothing is missing a stream begins with its magic, and nothing else need be looked for.
    if flow.trailing is None and (flow.found or stream.late or stream.damaged or flow.direction == REVERSE):
        anchor, wanted = _header(flow, buffer, direction, final)
        if anchor is not None and (first is None or anchor.position < first.position):
            first = anchor
    if first is None:
        stream.take(wanted)
        return False
    if flow.found and first.direction == FORWARD and _begins_anew(flow, first.state):
        flow.end_trailing(first.position)
        flow.renew()
    stream.take(first.position)
    channel = flow.channel
    if not flow.found:
        if first.state not in BEGINNINGS and channel.index is None:
            channel.late = True
        channel.bare = first.state == "image header" and not stream.late and not stream.damaged
        flow.recognise(first.direction)
    if first.endianness is not None and channel.version is None:
        # No image header has said it.
        channel.endianness = first.endianness
    flow.regain(first.state)
    return True


def _begins_anew(flow: Flow, state: str) -> bool:
    """Whether a magic begins another migration, rather than a layer of this one whose outer header was lost."""
    layer = state.removesuffix(" header")
    layer = "libxc" if layer == "image" else layer
    return state in BEGINNINGS and (flow.trailing is not None or layer in flow.layers)


def _magic(buffer: bytearray, wanted: str | None, at_start: bool) -> Anchor | None:
    """The first magic in the buffer that begins a stream of the direction wanted, None: of either."""
    found: list[Anchor] = []
    for magic, (direction, state) in MAGICS.items():
        if wanted not in (None, direction):
            continue  # a text of the receiver's, say, in the memory of a guest that has Xen's tools
        position = buffer.find(magic)
        while position >= 0 and not ((at_start and position == 0) or _is_plausible(magic, buffer, position)):
            position = buffer.find(magic, position + 1)
        if position >= 0:
            found.append(Anchor(position, state, direction, None))
    return min(found, default=None)


def _is_plausible(magic: bytes, buffer: bytearray, position: int) -> bool:
    """Whether a magic in mid-connection begins a header: xl's is a string in xl's own program as well, and in
    that file no byteorder follows it."""
    if magic is not XL_MAGIC:
        return True
    after = bytes(buffer[position + len(magic) : position + len(magic) + 4])
    return any(XL_BYTEORDER.to_bytes(4, order) == after for order in ("little", "big"))


def _header(flow: Flow, buffer: bytearray, direction: str | None, final: bool) -> tuple[Anchor | None, int]:
    """The first believable header or text, if any; and how many octets can be dropped if there is none."""
    known = flow.channel.version is not None
    orders: tuple[Endianness, ...] = (flow.channel.endianness,) if known else ("little", "big")
    text = _text(buffer, direction)
    drop = max(0, len(buffer) - KEEP)
    for endianness in orders:
        table = _possible(flow)
        for position in candidates(buffer, endianness):
            if text is not None and position >= text.position:
                break
            judge = Judge(buffer, endianness, table, 1 << flow.channel.page_shift, final)
            for layer in ("libxc", "libxl"):
                bits = judge.evidence(position, layer)
                if bits >= BELIEVED:
                    going = direction or (REVERSE if judge.reverse else FORWARD)
                    if going == REVERSE or not judge.reverse:
                        return Anchor(position, "reverse" if going == REVERSE else layer, going, endianness), drop
            if judge.waits:
                # Later octets will decide on this candidate.
                drop = min(drop, position)
                break
    return text, drop


def _possible(flow: Flow) -> Mapping[int, RecordSpec]:
    """The libxc records that may come: a guest that is not PV has none of PV's, whose numbers libxl uses too. Postcopy
    needs the paging of an HVM guest."""
    channel = flow.channel
    records = libxc_records(channel.version)
    if channel.guest == "x86 PV" or (channel.guest is None and not channel.postcopy):
        return records
    return {type: spec for type, spec in records.items() if not spec.name.startswith("X86_PV_")}


def is_reverse(flow: Flow) -> bool:
    """Whether anything speaks for a record of the reverse direction at the first octet in the buffer."""
    channel = flow.channel
    page = 1 << channel.page_shift
    judge = Judge(flow.stream.buffer, channel.endianness, libxc_records(channel.version), page, final=True)
    return judge.evidence(0, "libxc") > 0 and judge.reverse


def _text(buffer: bytearray, direction: str | None) -> Anchor | None:
    """The first handshake text; in the forward direction with the two ENDs before it, if they are there."""
    found = []
    for message in MESSAGES.values():
        going = direction or message.direction
        position = buffer.find(message.octets) if message.direction in (going, "both") and going != "both" else -1
        if position >= 0:
            found.append(Anchor(position, "reverse" if going == REVERSE else "closing", going, None))
    anchor = min(found, default=None)
    if anchor is None or anchor.direction == REVERSE:
        return anchor
    for ends, state in ((2, "libxc"), (1, "libxl")):
        position = anchor.position - ends * RECORD_HEADER_SIZE
        if position >= 0 and not any(buffer[position : anchor.position]):
            return anchor._replace(position=position, state=state)
    return anchor
