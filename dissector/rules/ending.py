"""Rules of how a stream ends: before its END, or with octets after it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from functools import partial

from dissector.events import FORWARD, REVERSE, Closed, Reason, Record
from dissector.facts.migration import Migration
from dissector.facts.roles import role_of
from dissector.protocol import CONTAINERS, Role, State
from dissector.rules import examples as eg
from dissector.rules.rule import FRAMING, Rule, Violation, declared

_rule = partial(Rule, group="headers and framing", effects=FRAMING)


class Truncated(StrEnum):
    """`why`: one of ENDINGS, or who closed the connection. `failover`: FAILOVER or nothing."""

    INSIDE = "{why} inside {record} at offset {offset:,}{failover}"
    INSIDE_HEADER = "{why} after {record}, inside the header at offset {offset:,}{failover}"
    BEFORE_END = "{why} after {record}, with no END{failover}"
    FIRST_HEADER = "{why} inside the first header, after {seen} octets"
    BEFORE_OUTER_END = "{why} after {record}, with no END of {outermost}{failover}"


WHO = {FORWARD: "the source", REVERSE: "the destination"}
CLOSED = {"fin": "closed the connection", "rst": "reset the connection"}


def who_closed(ending: Closed) -> str:
    """Who ended a connection, and how."""
    return f"{WHO[ending.direction]} {CLOSED[ending.how]}"


ENDINGS: dict[Reason, str] = {
    "fin": "the connection was closed",
    "rst": "the connection was reset",
    "reused": "the connection's addresses and ports were used again",
    "renewed": "another migration begins on the connection",
    "capture": "the file ends",
}
FAILOVER = ": a failover inside a checkpoint"

TRUNCATED_STREAM = _rule(
    id="truncated-stream",
    severity="error",
    effects=frozenset({"apart", "cut"}),
    also=("warning",),
    summary="The connection or file ends inside a record or before the stream's END",
    source="libxc and libxl specifications, END; restore() in xg_sr_restore.c",
    why="The protocol has no error record: each failure of either side is seen as a stream that stops."
    " An ordinary restore fails then. A checkpointed stream never has an END: its receiver takes over"
    " from the last whole checkpoint, so a stop right after CHECKPOINT_END is no finding, and a stop"
    " inside a later checkpoint is a failover, which is a warning.",
    advice="See why it ended, on the side that ended it first: what xl printed, /var/log/xen/, `xl dmesg`, the"
    " kernel's log (was the process killed for its memory?). Of a file: was the disk full? A guest that still"
    " is at the source can be migrated again.",
    receiver_says={
        "Failed to read Image Header from stream": "LIBXC_CONTEXT: .*(after|inside)",
        "Failed to read Domain Header from stream": "image header:|inside domain header",
        "Failed to read Record Header from stream": r"^libxc\..*(inside the header|END$)",
        "Failed to read %u bytes of data for record (0x%08x, %s)": r"^libxc\.[A-Z].* inside",
    },
    also_logged=(
        "Unable to write Image/Domain headers to stream",
        "Unable to write record to stream",
        "Failed to write page data to stream",
    ),
    example="PAGE_DATA, FIN; legal: libxc END, libxl END, FIN",
    consequence=True,
    messages=Truncated,
    breaking=(*eg.HVM3, eg.PAGES, eg.Closes()),
    legal=(*eg.LIBXL, *eg.HVM3, eg.PAGES, *eg.CONTEXT3, eg.END, eg.libxl("END"), eg.Closes()),
)

DATA_AFTER_END = _rule(
    id="data-after-end",
    severity="warning",
    wireshark=True,
    summary="Octets follow the end of the outermost stream, and no handshake explains them",
    source="libxl specification, END; migrate_receive() in xl_migrate.c",
    why="No layer of the receiver reads past its own END. After a live migration xl takes the next 44"
    " octets for the source's permission to start the guest; if they are anything else, it destroys its"
    " copy and reports a failure. After the restore of a file they are never read.",
    advice="If they come from something in the pipe (a wrapper of ssh, a login script), take that out of the way. In"
    " a file they do no harm.",
    example="libxl END, 16 unknown octets; legal: libxl END, 'domain is yours, you are cleared to unpause'",
    message="{length:,} octets after the end of the stream are no handshake",
    breaking=(*eg.WHOLE, eg.TRAILING),
    legal=(*eg.WHOLE, eg.text("ready"), eg.text("go")),
)

RULES = declared(globals())


def judge_trailing(record: Record) -> Iterator[Violation]:
    """Octets that belong to no layer."""
    layers = record.context.layers
    if not layers or not CONTAINERS[layers[0]].keeps_octets_after_end:
        yield DATA_AFTER_END(length=record.length)


def judge_end(migration: Migration, place: State | None) -> Iterator[Violation]:
    """Whether the forward direction stopped short. `place`: where its order had come to."""
    forward, context = migration.forward, migration.context
    last, ended = forward.last, forward.ended
    if ended is None or forward.lost_at is not None or place is State.FINISHED:
        return
    if last is None:
        if not migration.is_capture and forward.offset > forward.started:
            yield TRUNCATED_STREAM(
                Truncated.FIRST_HEADER, why=_why(migration, ended), seen=forward.offset - forward.started
            )
        return
    if context.outermost is None or context.outermost in migration.ended or context.legacy:
        return
    if last.layer is None or last.is_text:
        return  # nothing of a stream was seen, or a handshake follows the END that was not captured
    if migration.is_capture and ended == "capture":
        ended = migration.reverse.ended or ended
        if ended == "capture" or migration.outcome != "failed":
            return  # the capture ends first: nobody knows what followed
    begun = forward.offset > last.end
    is_inside = begun or not last.whole
    if migration.checkpoints and not is_inside and _ends_checkpoint(last, migration):
        return
    template = Truncated.BEFORE_OUTER_END if migration.ended else Truncated.BEFORE_END
    if is_inside:
        template = Truncated.INSIDE_HEADER if last.whole else Truncated.INSIDE
    found = TRUNCATED_STREAM(
        template,
        why=_why(migration, ended),
        record=last.name,
        offset=last.end if last.whole else last.offset,
        outermost=context.outermost,
        failover=FAILOVER if migration.checkpoints else "",
    ).at(last)
    yield found.as_warning() if migration.checkpoints else found


def _why(migration: Migration, ended: Reason) -> str:
    """What ended the forward direction: who closed the connection first, if that was it."""
    if not migration.is_capture:
        return ENDINGS["capture"]
    closed = migration.first_closed
    return who_closed(closed) if closed is not None and ended in CLOSED else ENDINGS[ended]


def _ends_checkpoint(record: Record, migration: Migration) -> bool:
    """Whether a checkpoint is whole after a record: with libxl's records, or where there are none with libxc's."""
    return role_of(record) is (Role.CHECKPOINT_END if "libxl" in migration.context.layers else Role.CHECKPOINT)
