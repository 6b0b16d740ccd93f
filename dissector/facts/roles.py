"""Which part a record plays in its stream, as the protocol declares it."""

from __future__ import annotations

from dissector.events import Record
from dissector.protocol import Role


def role_of(record: Record) -> Role | None:
    """None of a text, and of a record that nobody specified."""
    spec = record.spec
    return None if spec is None else spec.role
