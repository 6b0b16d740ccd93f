"""Which streams came to their end, how many checkpoints were whole, and what the two sides said of it."""

from __future__ import annotations

from dissector.events import Record
from dissector.facts.roles import role_of
from dissector.protocol import Layer, Role

ENDS = frozenset((Role.LIBXC_END, Role.LIBXL_END, Role.IMAGE_END))


class Endings:
    """What the records and handshake texts of a migration say of how far it came."""

    def __init__(self) -> None:
        self.ended: set[Layer] = set()
        """Layers whose END came."""
        self.checkpoints = 0
        """Whole ones."""
        self.texts: dict[str, Record] = {}
        """Handshake texts by direction and name, e.g. "reverse report"."""

    @property
    def status(self) -> int | None:
        """What the destination reports of its copy: 0 if that runs; None if it was not heard."""
        report = self.texts.get("reverse report")
        return None if report is None else report.body[-1]

    def add_text(self, record: Record) -> None:
        """The next header or text of xl."""
        if record.layer == "xl" and record.complete:
            self.texts[f"{record.direction} {record.name}"] = record

    def add(self, record: Record, is_postcopy: bool) -> None:
        """The next whole record of its right direction."""
        role = role_of(record)
        if role in ENDS and record.layer is not None:
            self.ended.add(record.layer)
        elif role is Role.CHECKPOINT and "libxl" not in record.context.layers:
            self.checkpoints += 1
        elif role is Role.CHECKPOINT_END and "libxc" not in self.ended and not is_postcopy:
            self.checkpoints += 1  # else there is none that it could end
