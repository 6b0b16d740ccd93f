"""Rules of what xenopsd and libvirt say around a stream, and of what carries one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from dissector.events import REVERSE, Record
from dissector.facts.endings import error_text
from dissector.rules import examples as eg
from dissector.rules.rule import Rule, Violation, declared
from dissector.units import printable

_rule = partial(Rule, group="toolstack and capture")

REMOTE_ERROR = _rule(
    id="remote-error",
    severity="error",
    summary="The destination's toolstack says that the migration failed there",
    source="xenops_migrate.ml: Handshake; xenops_server.ml: VM_receive_memory; virnetprotocol.x: virNetMessageError",
    why="xenopsd sends the result of each step to the source in plain text, and libvirt that of a stream. Up to the"
    " last step the source then keeps its guest; an error in that one means that the guest could not be started"
    " there, and both sides log the text.",
    receiver_says=("error from remote: %s", "cannot transmit vm to host: %s"),
    example="the handshake 0x0038 and the text '[\"Cannot_free_this_much_memory\",[8663330816,4300062720]]';"
    " legal: the handshake 0x0000",
    message="the destination said: {said}",
    breaking=(eg.XENOPS_REQUEST, eg.handshake(b'["Internal_error","no memory"]')),
    legal=(eg.XENOPS_REQUEST, eg.handshake(b"")),
)

RULES = declared(globals())


def judge_message(record: Record) -> Iterator[Violation]:
    """A message that is none of xl's."""
    said = error_text(record) if record.direction == REVERSE else ""
    if said:
        yield REMOTE_ERROR(said=printable(said))
