"""Which streams came to their end, how many checkpoints were whole, and what the two sides said of it."""

from __future__ import annotations

from dissector.events import FORWARD, REVERSE, Record
from dissector.facts.roles import role_of
from dissector.protocol import STREAM_ERROR, XENOPS_MESSAGES, Layer, Role

ENDS = frozenset((Role.LIBXC_END, Role.LIBXL_END, Role.IMAGE_END))


class Endings:
    """What the records and handshake texts of a migration say of how far it came."""

    def __init__(self) -> None:
        self.ended: dict[Layer, int] = {}
        """Layers whose END came, and the offset after it."""
        self.checkpoints = 0
        """Whole ones."""
        self.texts: dict[str, Record] = {}
        """Handshake texts by direction and name, e.g. "reverse report"."""
        self.cleared = False
        """Whether xenopsd's source told the destination to start the guest: its handshake after the image."""
        self.answered = False
        """Whether xenopsd's destination was heard."""
        self.started = False
        """Whether xenopsd's destination said after that that the guest runs."""
        self.remote_error: Record | None = None
        """The first message in which a side says what went wrong there."""

    @property
    def status(self) -> int | None:
        """What the destination reports of its copy: 0 if that runs; None if it was not heard."""
        report = self.texts.get("reverse report")
        return None if report is None else report.body[-1]

    def add_text(self, record: Record) -> None:
        """The next header or text."""
        if record.layer == "xl" and record.complete:
            self.texts[f"{record.direction} {record.name}"] = record
        said = error_text(record)
        if record.spec is HANDSHAKE and record.direction == FORWARD and "xenops" in self.ended:
            self.cleared = self.cleared or not said
        elif record.spec is HANDSHAKE and record.direction == REVERSE:
            self.answered = True
            self.started = self.started or (self.cleared and record.complete and not said)
        if self.remote_error is None and said:
            self.remote_error = record

    def add(self, record: Record, is_postcopy: bool) -> None:
        """The next whole record of its right direction."""
        role = role_of(record)
        if role in ENDS and record.layer is not None:
            self.ended[record.layer] = record.end
        elif role is Role.CHECKPOINT and "libxl" not in record.context.layers:
            self.checkpoints += 1
        elif role is Role.CHECKPOINT_END and "libxc" not in self.ended and not is_postcopy:
            self.checkpoints += 1  # else there is none that it could end


RESPONSE, HANDSHAKE = XENOPS_MESSAGES["http response"], XENOPS_MESSAGES["handshake"]

FAILED = (b"4", b"5")
"""First digits of HTTP's statuses of what failed."""


def error_text(record: Record) -> str:
    """What a message of a toolstack says went wrong; empty where it says nothing of the kind."""
    octets = b""
    if record.spec is HANDSHAKE:
        octets = record.body[2:]
    elif record.spec is STREAM_ERROR:
        octets = record.body or b"the stream failed"
    elif record.spec is RESPONSE and record.body[9:10] in FAILED:
        octets = record.body.partition(b"\r\n")[0]
    return octets.decode("utf-8", "replace")
