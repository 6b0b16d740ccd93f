"""A model of what receives a stream: xl, libxl, libxc and the hypervisor's checks, written from their C code.

It shares nothing with the program: a stream is octets, and the answer is why the restore fails, if it does. What it
leaves out stands in tests/receivers.md.
"""

from __future__ import annotations

from receivers.model import Refused, restore

__all__ = ["Refused", "restore"]
