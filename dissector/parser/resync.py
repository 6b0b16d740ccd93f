"""Resynchronisation: looking for a stream by its magic, and for the next header after a gap by what can only be one.

Theory of operation. Octets are looked at once for magics and texts: `searched` is the offset up to which that was done
(less KEEP, as a magic may be split between segments). Candidates for a record's header are judged in their order; one
that later octets will decide on stays the first of its byte order in `candidates` with the offset up to which octets
must have come, and nothing is judged again before they have. So the work is linear in the octets, whatever is in them.

Limits: of a connection in which no stream was found, START_SEARCHED octets of a direction are looked at if its
beginning was captured, OPAQUE_SEARCHED if they are no text, and LATE_SEARCHED if it was not: a longer stretch without
any header is no migration. Of a bare stream, which may stand behind something else, LATE_SEARCHED are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from dissector.events import FORWARD, REVERSE, Direction
from dissector.parser.confidence import BELIEVED, LOOK_AHEAD, RECORD_HEADER_SIZE, Judge, candidates
from dissector.parser.conversation import MIGRATIONS_MAX
from dissector.parser.direction import FOREIGN_MAX, DirectionParser
from dissector.parser.wrapping import Tunnelled
from dissector.protocol import (
    CONTAINERS,
    INTS,
    LIBXL_HEADER,
    LIBXL_IDENT,
    LIBXL_RECORDS,
    MESSAGE_MARK,
    MESSAGES,
    REQUEST_MAGIC,
    XENOPS_LEGACY_HEADER,
    XL_HEADER,
    Endianness,
    Expect,
    Layer,
    RecordSpec,
    Role,
    libxc_records,
    xl_endianness,
)

START_SEARCHED = 1 << 16
"""Octets before the first magic at most: what a toolstack says before its stream takes a few kilobytes."""

OPAQUE_SEARCHED = 1 << 12
"""The same where the newest of them are no text: what is said before a stream are requests, greetings and errors, and
perhaps the few octets of a proxy. Nearly all connections of a host are told from a migration by this."""

LATE_SEARCHED = 1 << 23
"""Twice the longest record that is sent, 1,024 pages and their list: in as many octets of a stream stands a header."""

BELIEVED_AT_START = 68
"""Bits of evidence that are enough for the first octets of a packet where packets are cut: a list of pages whose type,
length, count and first entry agree. Senders write each record by itself, and no more of it is there to be judged."""

BANNER = MESSAGES["banner"].octets


class Magic(NamedTuple):
    """What begins a stream wherever it stands: which direction that makes it, and what reads it."""

    octets: bytes
    direction: Direction
    expect: Expect
    layer: Layer
    confirms: tuple[bytes, ...] = ()
    is_message: bool = False
    """Whether it is a message that has to be read before it is known what begins."""


MAGICS = (
    *(Magic(row.magic, FORWARD, row.begins, row.layer, row.confirms) for row in CONTAINERS.values()),
    Magic(XENOPS_LEGACY_HEADER.magic, FORWARD, Expect.XENOPS_LEGACY_HEADER, "xenops"),
    Magic(REQUEST_MAGIC, FORWARD, Expect.XENOPS_REQUEST, "xenops", is_message=True),
    Magic(BANNER, REVERSE, Expect.REVERSE, "xl"),
)

XL = MAGICS[0]

BEGINNINGS = frozenset(magic.expect for magic in MAGICS)

FORWARD_MAGICS = frozenset(magic.octets[:8] for magic in MAGICS if magic.direction == FORWARD)

CIPHERS = ((re.compile(rb"SSH-\d"), "SSH"), (re.compile(rb"\x16\x03[\x00-\x04]..[\x01\x02]", re.DOTALL), "TLS"))
"""How an encrypted connection begins: RFC 4253 4.2, RFC 8446 5.1."""

BEGINNING = 4 + len(MESSAGE_MARK)
"""Octets that tell a cipher, and messages of libvirt."""

XL_WORDS = re.compile(
    rb"\bxl: (command )?not found|command not found: xl\b|\bxl['\": ]+No such file|Usage:? xl [\[-]"
    rb"|\blibxl: (error|fatal)|\bxc: error|migration target: |xl migration receiver ready"
)
"""What is said where no banner is: shells that have no xl, xl's own usage text, and the logs of xl, libxl and libxc."""

KEEP = max(len(magic.octets) for magic in MAGICS) + 8
"""A magic may be split between segments: as many octets stay in sight, and the 8 of xl's byteorder behind it."""


class Anchor(NamedTuple):
    """A place where the way goes on."""

    position: int
    expect: Expect
    direction: Direction
    endianness: Endianness | None = None
    """None: nothing here tells."""
    magic: Magic | None = None


TEXT_KEPT = 128
"""Octets of a text before the banner that are kept."""

LIBXL_AT_START = Anchor(0, Expect.LIBXL_HEADER, FORWARD)

LIBXC_CONTEXTS = frozenset(
    spec.type.to_bytes(4, order) + bytes(4)
    for spec in LIBXL_RECORDS.values()
    if spec.role is Role.EMBEDDED_STREAM
    for order in INTS
)
"""The header of libxl's record with a libxc stream, in either byte order."""


def search(p: DirectionParser) -> bool:
    """Passes over octets until the next header of this direction, or the beginning of a stream."""
    buffer = p.buffer
    if p.ordinal >= MIGRATIONS_MAX:
        p.conversation.remarks.note_crowd()
        p.ignore()
        return True
    if p.offset == 0 and not p.found and not p.searched:
        if not p.has(BEGINNING) and not p.edge:
            return False
        if _is_encrypted(p):
            return True
        if p.wrapping is None and buffer[4:BEGINNING] == MESSAGE_MARK:
            p.migration.learn(tunnelled=True)
            p.wrap(Tunnelled(p))
            return False
    direction = p.direction if p.found or p.migration.number is not None else None
    if p.peer is None and not p.found and not (p.offset == 0 and buffer.startswith(BANNER)):
        # A file may hold a stream behind something else; the receiver's text in mid-file is one of xl's program.
        direction = FORWARD
    if p.peer is None and not (p.found or p.offset or p.searched) and _is_xl_with_another_magic(p):
        _go_on(p, Anchor(0, XL.expect, XL.direction, None, XL))
        return True
    anchor = _magic(p, direction)
    keep = max(0, len(buffer) - KEEP)
    # Where nothing is missing a stream begins with its magic, and nothing else need be looked for.
    if p.trailing is None and (p.found or p.late or p.damaged or p.direction == REVERSE):
        header, keep = _header(p, direction)
        if header is not None and (anchor is None or header.position < anchor.position):
            anchor = header
    if anchor is None and not (p.found or p.late or p.damaged):
        anchor = speech(p)
    if anchor is None and p.suspect is not None and p.edge and p.is_relayed:
        anchor = _last_signal(p)
    if anchor is not None and anchor.expect is Expect.LIBXL_RECORD and p.suspect is not None and p.is_relayed:
        anchor = _with_handover(p, anchor)
    if anchor is not None:
        _go_on(p, LIBXL_AT_START if _is_behind_libxl(p, anchor) else anchor)
        return True
    end = p.offset + len(buffer)
    if p.suspect is not None and end - p.suspect.offset > FOREIGN_MAX + LOOK_AHEAD:
        p.end_suspicion()
    p.looked_at += end - max(p.searched, p.offset)
    p.searched = end
    if _is_hopeless(p):
        _give_up(p)
        return True
    if keep and not (p.offset or p.found or p.late or p.damaged) and p.peer is not None:
        p.note_opening(TEXT_KEPT)
    p.take(keep)
    p.has(len(p.buffer) + 1)
    return False


def speech(p: DirectionParser) -> Anchor | None:
    """What the accepting side of a connection says that carried nothing else, if it has words of xl's: a destination
    that failed before its banner, upon which xl gives up without an octet."""
    peer = p.peer
    if peer is None or p.is_first or peer.end:
        return None
    p.says_xl = p.says_xl or (p.end <= OPAQUE_SEARCHED and XL_WORDS.search(p.buffer) is not None)
    return Anchor(0, Expect.REVERSE, REVERSE, None, MAGICS[-1]) if p.edge and p.says_xl else None


def _is_xl_with_another_magic(p: DirectionParser) -> bool:
    """Whether a file begins with a save header of xl in which nothing but the magic is wrong: what follows that is all
    as xl writes it, and libxl's header stands where it says."""
    words = bytes(p.buffer[len(XL.octets) : XL_HEADER.size])
    if words[:4] not in XL.confirms or p.buffer.startswith(XL.octets):
        return False
    endianness = xl_endianness(p.buffer) or "little"
    mandatory, optional, length = (int.from_bytes(words[at : at + 4], endianness) for at in (4, 8, 12))
    return mandatory < 4 and not optional and p.buffer.startswith(LIBXL_IDENT, XL_HEADER.size + length)


def _is_behind_libxl(p: DirectionParser, anchor: Anchor) -> bool:
    """Whether a stream begins with a header of libxl in which the ident or version is wrong: where one is, an empty
    LIBXC_CONTEXT and the header of libxc's stream follow."""
    if p.found or p.offset or p.late or p.damaged or anchor.expect is not Expect.IMAGE_HEADER:
        return False
    header = LIBXL_HEADER.size
    if anchor.position != header + RECORD_HEADER_SIZE:
        return False
    return bytes(p.buffer[header : anchor.position]) in LIBXC_CONTEXTS


def _last_signal(p: DirectionParser) -> Anchor | None:
    """What ends the direction, where all octets are there: signals, which prove nothing by themselves. Behind a relay's
    octets something stands there."""
    if p.direction == REVERSE:
        at = len(p.buffer) - RECORD_HEADER_SIZE
        is_signal = at >= 0 and bytes(p.buffer[at:]) in REVERSE_SIGNALS
        return Anchor(at, Expect.REVERSE, REVERSE) if is_signal else None
    ends = RECORD_HEADER_SIZE * (2 if "libxl" in p.layers else 1)
    at = len(p.buffer) - ends
    return Anchor(at, Expect.LIBXC_RECORD, FORWARD) if at >= 0 and not any(p.buffer[at:]) else None


def _with_handover(p: DirectionParser, anchor: Anchor) -> Anchor:
    """A record of libxl's behind a relay's octets, with the signal of libxc's before it that handed over."""
    at = anchor.position - RECORD_HEADER_SIZE
    if at < 0 or bytes(p.buffer[at : anchor.position]) not in HANDOVERS:
        return anchor
    return anchor._replace(position=at, expect=Expect.LIBXC_RECORD)


HANDOVERS = frozenset(
    spec.type.to_bytes(4, order) + bytes(4)
    for spec in libxc_records(2).values()
    if spec.then in (Expect.OUTER, Expect.LIBXL_IF_THERE) and spec.shape == "signal"
    for order in INTS
)


REVERSE_SIGNALS = frozenset(
    spec.type.to_bytes(4, order) + bytes(4)
    for spec in libxc_records(2).values()
    if spec.direction == "reverse" and spec.shape == "signal"
    for order in INTS
)
"""Headers of its signals."""


def _is_encrypted(p: DirectionParser) -> bool:
    for pattern, name in CIPHERS:
        if pattern.match(p.buffer):
            p.conversation.note_cipher(name)
            p.ignore()
            return True
    return False


def _is_hopeless(p: DirectionParser) -> bool:
    """Whether enough of a connection was looked at to know that it carries no migration."""
    if p.ordinal or p.migration.number is not None:
        return False
    if p.late or p.damaged or p.peer is None:
        return p.looked_at > LATE_SEARCHED
    is_opaque = p.looked_at > OPAQUE_SEARCHED and p.wrapping is None and p.buffer.find(b"\0") >= 0
    return is_opaque or p.looked_at > START_SEARCHED


def _give_up(p: DirectionParser) -> None:
    """No stream is looked for any longer: in the other direction neither, if that looks for its beginning as well."""
    peer = p.peer
    if peer is None or peer.expect is not Expect.ANYTHING or peer.wrapping is not None or peer.late or peer.damaged:
        p.expect_next(Expect.NOTHING)
    else:
        p.ignore()


def _go_on(p: DirectionParser, anchor: Anchor) -> None:
    """The way goes on at an anchor, perhaps that of another migration."""
    is_first = anchor.magic is not None and anchor.direction == REVERSE and not (p.found or p.late or p.damaged)
    if is_first and not p.offset:
        anchor = anchor._replace(position=0)  # what came before the banner is why a sender gives up
    is_another = p.found and _begins_anew(p, anchor)
    p.end_trailing(anchor.position)
    p.take(anchor.position)
    if anchor.magic is not None and anchor.magic.is_message:
        p.expect_next(anchor.expect)
        return
    if is_another:
        p.renew()
    migration = p.migration
    if not p.found:
        if anchor.magic is None and migration.number is None:
            migration.begins_late = True
        is_bare = anchor.expect is Expect.IMAGE_HEADER and not p.late and not p.damaged
        if is_bare != migration.is_bare:
            migration.is_bare = is_bare
        p.recognise(anchor.direction)
    if is_first and p.opening is not None:
        p.end_opening(p.opening)
    if anchor.endianness is not None and migration.context.version is None:
        migration.learn(endianness=anchor.endianness)  # no image header has said it
    p.regain_way(anchor.expect)


def _begins_anew(p: DirectionParser, anchor: Anchor) -> bool:
    """Whether another migration begins here, rather than a layer of this one whose outer header was lost: by a magic,
    or because the other direction has begun it."""
    if anchor.magic is not None and anchor.direction == FORWARD:
        return p.trailing is not None or anchor.magic.layer in p.layers
    after = p.conversation.begins_after(p.ordinal + 1)
    return anchor.direction == FORWARD and after is not None and p.offset + anchor.position >= after


def _magic(p: DirectionParser, wanted: Direction | None) -> Anchor | None:
    """The first magic not yet looked for that begins a stream of the direction wanted, None: of either."""
    buffer, found = p.buffer, None
    since = max(0, p.searched - p.offset - KEEP)
    for magic in MAGICS:
        if wanted not in (None, magic.direction):
            continue  # a text of the receiver's, say, in the memory of a guest that has Xen's tools
        position = buffer.find(magic.octets, since)
        while position >= 0 and not _is_plausible(p, magic, position):
            position = buffer.find(magic.octets, position + 1)
        if position >= 0 and (found is None or position < found.position):
            found = Anchor(position, magic.expect, magic.direction, None, magic)
    return found


def _is_plausible(p: DirectionParser, magic: Magic, position: int) -> bool:
    """Whether a magic in mid-connection begins a header: some are strings in programs as well."""
    if not magic.confirms or p.offset + position == 0:
        return True
    end = position + len(magic.octets)
    return any(p.buffer.startswith(octets, end) for octets in magic.confirms)


def _header(p: DirectionParser, direction: Direction | None) -> tuple[Anchor | None, int]:
    """The first believable header or text, if any; and how many octets can be dropped if there is none."""
    context = p.migration.context
    known = context.version is not None
    orders: tuple[Endianness, ...] = (context.endianness,) if known else tuple(INTS)
    text = _text(p, direction)
    first = len(p.buffer)
    for endianness in orders:
        anchor, waiting = _candidate(p, endianness, direction, text)
        if anchor is not None and anchor.position <= first:
            return anchor, 0
        # A row of records that list a page each looks like such records in the other byte order, some octets earlier
        # or later: what stands first in the usual order is decided on before.
        if waiting is not None:
            first = min(first, waiting)
    drop = min(first, max(0, len(p.buffer) - KEEP))
    return text, drop


def _candidate(
    p: DirectionParser, endianness: Endianness, direction: Direction | None, text: Anchor | None
) -> tuple[Anchor | None, int | None]:
    """The first believable header in one byte order; or where the first candidate is that later octets decide on."""
    buffer = p.buffer
    first, needs = p.candidates.get(endianness, (p.offset, 0))
    if needs > p.offset + len(buffer) and not p.edge and text is None:
        return None, first - p.offset
    begin = max(0, first - p.offset)
    octets = bytes(buffer)
    judge = Judge(octets, endianness, _possible(p), 1 << p.migration.context.page_shift, p.edge)
    for at in candidates(octets[begin:], endianness):
        position = begin + at
        if text is not None and position >= text.position:
            break
        judge.needs = 0
        for layer in ("libxc", "libxl"):
            bits = judge.evidence(position, layer)
            if bits >= (BELIEVED_AT_START if p.offset + position == p.resumed else BELIEVED):
                going = direction or (REVERSE if judge.reverse else FORWARD)
                if going == REVERSE or not judge.reverse:
                    expect = Expect.REVERSE if going == REVERSE else CONTAINERS[layer].record
                    return Anchor(position, expect or Expect.ANYTHING, going, endianness), None
        if judge.needs:
            p.candidates[endianness] = (p.offset + position, p.offset + judge.needs)
            return None, position
    # A header may be split between segments.
    p.candidates[endianness] = (p.offset + max(begin, len(buffer) - RECORD_HEADER_SIZE + 1), 0)
    return None, None


def _possible(p: DirectionParser) -> Mapping[int, RecordSpec]:
    """The libxc records that may come: a guest that is not PV has none of PV's, whose numbers libxl uses too. Postcopy
    needs the paging of an HVM guest."""
    context = p.migration.context
    records = libxc_records(context.version)
    if context.guest == "x86 PV" or (context.guest is None and not context.postcopy):
        return records
    return {type: spec for type, spec in records.items() if spec.guest != "pv"}


def is_reverse(p: DirectionParser) -> bool:
    """Whether anything speaks for a record of the reverse direction at the first octet in the buffer."""
    context = p.migration.context
    judge = Judge(p.buffer, context.endianness, libxc_records(context.version), 1 << context.page_shift, final=True)
    return judge.evidence(0, "libxc") > 0 and judge.reverse


def is_header(p: DirectionParser, layer: Layer, at: int) -> bool:
    """Whether anything speaks for a record's header there in the buffer."""
    context = p.migration.context
    judge = Judge(p.buffer, p.migration.orders[layer], _possible(p), 1 << context.page_shift, final=True)
    return judge.evidence(at, layer) > 0


def _text(p: DirectionParser, direction: Direction | None) -> Anchor | None:
    """The first handshake text; in the forward direction with the two ENDs before it, if they are there."""
    buffer, found = p.buffer, None
    since = max(0, p.searched - p.offset - KEEP)
    for message in MESSAGES.values():
        going = direction or message.direction
        if going == "both" or message.direction not in (going, "both"):
            continue
        position = buffer.find(message.octets, since)
        if position >= 0 and (found is None or position < found.position):
            found = Anchor(position, Expect.REVERSE if going == REVERSE else Expect.CLOSING, going)
    if found is None:
        return None
    if found.direction == REVERSE:
        places = [buffer.find(octets, 0, found.position) for octets in REVERSE_SIGNALS]
        before = [at for at in places if at >= 0] if p.suspect is not None and p.is_relayed else []
        return found._replace(position=before[0]) if before else found
    for ends, expect in ((2, Expect.LIBXC_RECORD), (1, Expect.LIBXL_RECORD)):
        position = found.position - ends * RECORD_HEADER_SIZE
        if position >= 0 and not any(buffer[position : found.position]):
            return found._replace(position=position, expect=expect)
    return found
