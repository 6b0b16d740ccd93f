"""Which records of a version-2 stream are static data of version 3: the same numbers mean something else there."""

from __future__ import annotations

from dissector.events import FORWARD, Record
from dissector.facts.roles import role_of
from dissector.protocol import Role

CPUID_LEAF, MSR_ENTRY = 24, 16
"""Octets of an entry of X86_CPUID_POLICY and of X86_MSR_POLICY."""


class StaticData:
    """Types 0x10 to 0x12 are postcopy records in a stream of version 2. By its body a record of version 3 with these
    numbers shows all the same, as long as neither memory nor postcopy has begun."""

    def __init__(self) -> None:
        self._has_come = False
        self._is_past = False

    def add(self, record: Record) -> str | None:
        """Why the next record is static data; None if it is not."""
        if record.layer != "libxc" or record.direction != FORWARD:
            return None
        why = self._why(record) if record.context.version == 2 and not self._is_past else None
        self._has_come = self._has_come or why is not None
        role = role_of(record)
        begins = bool(record.runs) if role is Role.MEMORY else role is Role.POSTCOPY_BEGIN
        self._is_past = self._is_past or (begins and why is None and record.whole)
        return why

    def _why(self, record: Record) -> str | None:
        role, length = role_of(record), record.body_length
        if role is Role.POSTCOPY_SETUP and length and length % CPUID_LEAF == 0:
            return f"record 0x11 has {length:,} octets: CPUID leaves, and a POSTCOPY_PFNS_BEGIN has none"
        if role is Role.POSTCOPY_LIST and length % MSR_ENTRY == 0 and length != 8 + 8 * record.count:
            return f"record 0x12 has {length:,} octets: MSR entries, and no list of {record.count:,} pfns"
        if role is Role.POSTCOPY_BEGIN and self._has_come:
            return "record 0x10 after CPU policies: STATIC_DATA_END, and no POSTCOPY_BEGIN"
        return None
