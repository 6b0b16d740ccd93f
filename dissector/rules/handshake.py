"""Rules of the texts that xl sends around the streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dissector.parser import Record
from dissector.protocol import MESSAGES
from dissector.rules.situation import Broken, Situation

Table = Mapping[str | None, tuple[tuple[str, str], ...]]

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


def said(record: Record, now: Situation) -> Iterator[Broken]:
    """A text. One with a gap in it says nothing."""
    if not record.whole or not record.complete:
        return
    table = FILE if not now.migration.is_capture else POSTCOPY if now.migration.kind == "postcopy" else LIVE
    expected = table.get(now.handshake, ())
    name = record.name
    is_expected = (record.direction, name) in expected or (name in MESSAGES and now.may_hide_texts())
    if not is_expected:
        wanted = " or ".join(f"{name} ({direction})" for direction, name in expected) or "nothing"
        text = record.body[:60].rstrip(b"\0").decode("ascii", "backslashreplace")
        yield "xl-handshake", f"expected {wanted}, this says {text!r}"
    if not is_expected and name not in table:
        # It stands where the expected one should, so the answer to that one will follow.
        name = next((name for direction, name in expected if direction == record.direction), name)
    elif name == "report" and record.body[-1]:
        yield "xl-target-failed", f"the destination reports status {record.body[-1]}"
        name = "failed report"
    now.handshake = name
