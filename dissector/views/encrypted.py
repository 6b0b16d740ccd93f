"""Encrypted connections that look like a migration, in words."""

from __future__ import annotations

from dissector.results.source import EncryptedResult
from dissector.units import NS, duration, rate, size


def encrypted_as_text(one: EncryptedResult) -> str:
    """What TCP shows of one, as `analyze` and the message of an input without a migration say it."""
    took = round(((one.last_time or 0) - (one.first_time or 0)) * NS)
    pace = f" ({rate(one.bytes, took)})" if took > 0 else ""
    words = f"{one.flow} ({one.cipher}) looks like a migration: {size(one.bytes)} in {duration(took)}{pace}"
    words += f", {size(one.back)} back, {size(one.retransmitted)} retransmitted"
    stalls = f", {len(one.stalls)} stalls, the longest" if len(one.stalls) > 1 else ", stall"
    words += f"{stalls} of {duration(round(one.stall * NS))}" if one.stall else ", no stall"
    return f"{words}, {one.limits.sentence}"
