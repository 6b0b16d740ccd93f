"""Rules of what xenopsd and libvirt say around a stream, and of what carries one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from dissector.events import Record
from dissector.facts.endings import error_text
from dissector.rules import examples as eg
from dissector.rules.ending import WHO
from dissector.rules.rule import Rule, Violation, declared
from dissector.units import printable

_rule = partial(Rule, group="toolstack and capture")

REMOTE_ERROR = _rule(
    id="remote-error",
    severity="error",
    summary="A side's toolstack says that the migration failed there",
    source="xenops_migrate.ml: Handshake; xenops_server.ml: VM_receive_memory; virnetprotocol.x: virNetMessageError",
    why="xenopsd sends the result of each step to the other side in plain text, and libvirt that of a stream. Up to the"
    " last step the source then keeps its guest; an error of the destination in that one means that the guest could not"
    " be started there, and both sides log the text.",
    advice="Mend what the text says, at the side that says it. Its log has more: /var/log/xensource.log of xenopsd,"
    " /var/log/libvirt/libxl/ of libvirt.",
    receiver_says={
        "error from remote: %s": "",
        "cannot transmit vm to host: %s": None,
    },
    example="the handshake 0x0038 and the text '[\"Cannot_free_this_much_memory\",[8663330816,4300062720]]';"
    " legal: the handshake 0x0000",
    message="{side} said: {said}",
    breaking=(eg.XENOPS_REQUEST, eg.handshake(b'["Internal_error","no memory"]')),
    legal=(eg.XENOPS_REQUEST, eg.handshake(b"")),
)

FOREIGN_OCTETS = _rule(
    id="foreign-octets",
    severity="warning",
    summary="Octets in the stream belong to no record: the framing of what carries it",
    source="libxc and libxl specifications, Overview: records follow one another without gaps",
    why="A relay that carries a stream in messages of its own puts its octets between those of the stream. Captured"
    " outside of the relay they stand in the middle of a record, mostly among page contents: the record then seems to"
    " end that many octets early. Lengths and page contents are right otherwise. No receiver ever sees them, so they"
    " break nothing; only the first place in each direction is told.",
    advice="Nothing. For a clean capture, record the stream where nothing is around it: `xenshark tap`, or the"
    " connection behind the relay.",
    example="28 octets after PAGE_DATA, then the next record; legal: the next record at once",
    message="{length:,} octets before the next record belong to none: the framing of what carries the stream",
    breaking=(*eg.HVM3, eg.PAGES, eg.FOREIGN, eg.PAGES),
    legal=(*eg.HVM3, eg.PAGES, eg.PAGES),
)

RULES = declared(globals())


def judge_foreign(record: Record) -> Iterator[Violation]:
    """Octets that belong to no record, in the middle of a stream."""
    yield FOREIGN_OCTETS(length=record.length)


def judge_message(record: Record) -> Iterator[Violation]:
    """A message that is none of xl's."""
    said = error_text(record)
    if said:
        yield REMOTE_ERROR(side=WHO[record.direction], said=printable(said))
