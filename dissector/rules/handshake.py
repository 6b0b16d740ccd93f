"""Rules of the texts that xl sends around the streams, and which may come after which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import partial
from typing import TypeAlias

from dissector.events import REVERSE, Direction, Record
from dissector.facts.migration import Migration
from dissector.protocol import MESSAGES
from dissector.rules import examples as eg
from dissector.rules.postcopy_phase import is_whole
from dissector.rules.rule import Rule, Violation, declared

_rule = partial(Rule, group="toolstack and capture")


class Handshake(StrEnum):
    WRONG = "expected {wanted}, this says {said}"
    MISSING = "expected {wanted}, and the connection was closed without it"


XL_HANDSHAKE = _rule(
    id="xl-handshake",
    severity="error",
    effects=frozenset({"stops", "loses", "once"}),
    wireshark=True,
    summary="A closing message of xl is not the expected one",
    source="migrate_read_fixedmessage(), migrate_domain() and migrate_receive() in xl_migrate.c",
    why="xl compares each message octet by octet, its NUL included. If 'domain received, ready to"
    " unpause' is wrong, the source resumes its guest; once it has given permission to start, a wrong"
    " message leaves the state of both copies unknown, and xl says so. After postcopy the source does"
    " not look at the message.",
    advice="See on both hosts what became of the guest (`xl list`), before anything is started or resumed. Then look"
    " for what else writes into the pipe: a login script, a wrapper of ssh, an xl of another release.",
    receiver_says={
        "%s contained unexpected data instead of %s": "this says",
        "** Migration failed during final handshake **": "closed without",
    },
    example="'domain received, ready to unpause' without its NUL; legal: the same 33 octets and a NUL",
    messages=Handshake,
    breaking=(*eg.WHOLE, eg.strange_text(b"domain received, ready to unpause")),
    legal=(*eg.WHOLE, eg.text("ready")),
)

XL_TARGET_FAILED = _rule(
    id="xl-target-failed",
    severity="warning",
    wireshark=True,
    summary="The destination reported that it could not start the guest",
    source="migrate_receive() in xl_migrate.c; error in libxl_types.idl",
    why="The octet after 'my copy unpause results are as follows' is 0 for success, else a libxl error"
    " negated. The destination then destroys its copy and gives the permission to run back; the source"
    " resumes its guest when it has read that.",
    advice="See why the destination could not start it: what its xl printed, /var/log/xen/ there. Often a disk, a"
    " bridge or memory is missing. The guest goes on at the source, and can be migrated again.",
    receiver_says={
        "migration sender: Target reports startup failure (status code %d).": "",
        "migration target: Failure, destroying our copy.": None,
    },
    also_logged=(
        "Migration failed due to problems at target.",
        "migration sender: Trying to resume at our end.",
        "migration target: Failed to destroy our copy (code %d).",
        "Failed to unpause domain %s (id: %u):%d",
    ),
    example="status octet 3 (ERROR_FAIL); no finding: status octet 0",
    message="the destination reports status {status}",
    breaking=(*eg.WHOLE, eg.text("ready"), eg.text("go"), eg.text("report", bytes((3,)))),
    legal=(*eg.WHOLE, eg.text("ready"), eg.text("go"), eg.text("report", bytes((0,)))),
)

XL_NO_BANNER = _rule(
    id="xl-no-banner",
    severity="error",
    summary="Something other than xl's banner came first from the destination",
    source="migrate_do_preamble() and migrate_read_fixedmessage() in xl_migrate.c",
    why="What ssh starts on the destination may speak before xl does: a login text, a shell's complaint,"
    " xl's own error. xl compares the first octets with its banner, gives up without a word to the"
    " destination, and the guest goes on at the source. It is the commonest failure of xl migrate.",
    advice="Run `ssh HOST true` at the source as the user who migrates: it has to print nothing. Take what prints"
    " out of the login files there. If it is an error, mend that: xl must be found and may be run.",
    receiver_says={
        "%s contained unexpected data instead of banner": "",
    },
    example="'Welcome to dom0!', banner; legal: banner",
    message="the destination says {said} before xl's banner",
    breaking=(eg.strange_text(b"Welcome to dom0!\n"), eg.text("banner")),
    legal=(eg.text("banner"),),
)

RULES = declared(globals())

Table: TypeAlias = Mapping[str | None, tuple[tuple[Direction, str], ...]]

LIVE: Table = {
    # What may come next, as (direction, text), by what came last.
    None: (("reverse", "banner"), ("reverse", "ready")),
    "banner": (("reverse", "ready"),),
    "ready": (("forward", "go"),),
    "go": (("reverse", "report"),),
    "failed report": (("reverse", "go"),),
}
POSTCOPY: Table = {
    None: (("reverse", "banner"), ("reverse", "postcopy sync")),
    "banner": (("reverse", "postcopy sync"),),
}
FILE: Table = {None: (("forward", "go"),)}
"""What was captured in front of the network has the forward direction alone.

Source of all three: migrate_domain() and migrate_receive() in tools/xl/xl_migrate.c of Xen.
"""

TEXT_SHOWN = 60
"""Octets of an unexpected text that a finding shows."""


def step(latest: str | None, record: Record, migration: Migration) -> tuple[str | None, list[Violation]]:
    """The next text: what it breaks after the latest one, and what counts as the latest one then. A text with a gap in
    it says nothing."""
    if not record.whole or not record.complete:
        return latest, []
    table = FILE if not migration.is_capture else POSTCOPY if migration.kind == "postcopy" else LIVE
    expected = table.get(latest, ())
    name = record.name
    if (record.direction, name) in expected or (name in MESSAGES and _may_hide_texts(record, migration)):
        if name == "report" and record.body[-1]:
            return "failed report", [XL_TARGET_FAILED(status=record.body[-1])]
        return name, []
    shown = record.body[:TEXT_SHOWN]
    said = repr((shown.rstrip(b"\0") or shown).decode("ascii", "backslashreplace"))
    said += " ..." if len(record.body) > TEXT_SHOWN else ""
    if latest is None and record.direction == REVERSE and name not in MESSAGES and migration.kind != "postcopy":
        is_told = record.index or migration.reverse.late
        return latest, [] if is_told else [XL_NO_BANNER(said=said)]
    found = [XL_HANDSHAKE(Handshake.WRONG, wanted=_names(expected), said=said)]
    if name not in table:
        # It stands where the expected one should, so the answer to that one will follow.
        return next((text for direction, text in expected if direction == record.direction), name), found
    if name == "report" and record.body[-1]:
        return "failed report", [*found, XL_TARGET_FAILED(status=record.body[-1])]
    return name, found


def _names(expected: tuple[tuple[Direction, str], ...]) -> str:
    return " or ".join(f"{name} ({direction})" for direction, name in expected) or "nothing"


UNANSWERED = ("postcopy", "checkpointed", "save")
"""Kinds of migration that do not end with the texts of LIVE."""


def judge_end(latest: str | None, migration: Migration) -> Iterator[Violation]:
    """A stream that came to its END under xl, and a side that closed the connection with no answer to that. What is
    open after permission to start is more than a missing text, and has a rule of its own."""
    context = migration.context
    if migration.outcome != "failed" or "xl" not in context.layers or migration.kind in UNANSWERED:
        return
    is_seen = is_whole(migration.forward) and is_whole(migration.reverse)
    if is_seen and context.outermost in migration.ended and latest in ("banner", "ready"):
        direction, _ = LIVE[latest][0]
        yield XL_HANDSHAKE(Handshake.MISSING, wanted=_names(LIVE[latest])).on(direction)


def _may_hide_texts(record: Record, migration: Migration) -> bool:
    """Whether a text may have gone by that was not captured: in a gap, or in one that shows only later."""
    return record.unseen or not (is_whole(migration.forward) and is_whole(migration.reverse))
