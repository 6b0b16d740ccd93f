"""Reads a stream as read_exact() does."""

from __future__ import annotations

import struct

from receivers.errors import Ended, Refused

LENGTH_MAX = 128 << 20


class Stream:
    """Octets, and how far they were read."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.at = 0

    def take(self, size: int, what: str) -> bytes:
        """So many octets, all of them."""
        if self.at + size > len(self.octets):
            raise Ended(f"failed to read {what}")
        self.at += size
        return self.octets[self.at - size : self.at]

    def record(self, what: str, limit: int | None = LENGTH_MAX) -> tuple[int, bytes, int]:
        """Type, body and the length that its header gives it."""
        type, length = struct.unpack("<II", self.take(8, what))
        if limit is not None and length > limit:
            raise Refused("record exceeds max")
        body = self.take(length + -length % 8, what)
        return type, body[:length], length
