"""Rules of the texts that xl sends around the streams, and which may come after which."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TypeAlias

from dissector.events import Direction, Record
from dissector.facts.migration import Migration
from dissector.protocol import MESSAGES
from dissector.rules import examples as eg
from dissector.rules.postcopy_phase import is_whole
from dissector.rules.rule import Rule, Violation, declared

_rule = partial(Rule, group="toolstack and capture")

XL_HANDSHAKE = _rule(
    id="xl-handshake",
    severity="error",
    wireshark=True,
    summary="A closing message of xl is not the expected one",
    source="migrate_read_fixedmessage(), migrate_domain() and migrate_receive() in xl_migrate.c",
    why="xl compares each message octet by octet, its NUL included. If 'domain received, ready to"
    " unpause' is wrong, the source resumes its guest; once it has given permission to start, a wrong"
    " message leaves the state of both copies unknown, and xl says so. After postcopy the source does"
    " not look at the message.",
    receiver_says=(
        "%s contained unexpected data instead of %s",
        "** Migration failed during final handshake **",
    ),
    example="'domain received, ready to unpause' without its NUL; legal: the same 33 octets and a NUL",
    message="expected {wanted}, this says {said}",
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
    receiver_says=(
        "migration sender: Target reports startup failure (status code %d).",
        "migration target: Failure, destroying our copy.",
    ),
    example="status octet 3 (ERROR_FAIL); no finding: status octet 0",
    message="the destination reports status {status}",
    breaking=(*eg.WHOLE, eg.text("ready"), eg.text("go"), eg.text("report", bytes((3,)))),
    legal=(*eg.WHOLE, eg.text("ready"), eg.text("go"), eg.text("report", bytes((0,)))),
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
    wanted = " or ".join(f"{name} ({direction})" for direction, name in expected) or "nothing"
    said = record.body[:TEXT_SHOWN].rstrip(b"\0").decode("ascii", "backslashreplace")
    found = [XL_HANDSHAKE(wanted=wanted, said=repr(said))]
    if name not in table:
        # It stands where the expected one should, so the answer to that one will follow.
        return next((text for direction, text in expected if direction == record.direction), name), found
    if name == "report" and record.body[-1]:
        return "failed report", [*found, XL_TARGET_FAILED(status=record.body[-1])]
    return name, found


def _may_hide_texts(record: Record, migration: Migration) -> bool:
    """Whether a text may have gone by that was not captured: in a gap, or in one that shows only later."""
    return record.unseen or not (is_whole(migration.forward) and is_whole(migration.reverse))
