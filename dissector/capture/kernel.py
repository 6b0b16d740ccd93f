"""A packet socket of Linux (packet(7)): room for what is not read yet, packets as they are, and how many were lost."""

from __future__ import annotations

import ctypes
import socket
import struct
from contextlib import suppress

SOL_PACKET, PACKET_STATISTICS = 263, 6
"""Of packet(7)."""

SO_RCVBUFFORCE = 33
"""Of socket(7): a buffer larger than users may have."""

SO_ATTACH_FILTER = SO_GET_FILTER = 26
"""Of linux/filter.h: to set a filter, and to ask for it."""

INSTRUCTION = struct.Struct("HBBI")
"""Of a filter (`struct sock_filter`): code, two jumps, a number."""

RETURN = 0x06
"""The code of an instruction that ends a filter: its number is how many octets of the packet are kept."""


def prepare(listening: socket.socket, room: int, snap: int) -> None:
    """Makes it hold `room` octets of what is not read yet, as far as the kernel allows it, and keep `snap` octets of
    each packet that its filter lets through: Scapy's filters keep 65,535, and packets on loopback are larger."""
    with suppress(OSError):
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    with suppress(OSError):
        listening.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, room)
    program = _filter(listening)
    if not program:
        return
    kept = b"".join(
        INSTRUCTION.pack(code, yes, no, snap if code == RETURN and number else number)
        for code, yes, no, number in INSTRUCTION.iter_unpack(program)
    )
    instructions = ctypes.create_string_buffer(kept, len(kept))
    words = struct.pack("HP", len(kept) // INSTRUCTION.size, ctypes.addressof(instructions))
    with suppress(OSError):
        listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, words)


def _filter(listening: socket.socket) -> bytes:
    """The instructions of its filter. Python's own call cannot ask for them: the kernel counts them in instructions."""
    ask = ctypes.CDLL(None).getsockopt
    count = ctypes.c_uint32(0)
    which = (listening.fileno(), socket.SOL_SOCKET, SO_GET_FILTER)
    if ask(*which, None, ctypes.byref(count)) or not count.value:
        return b""
    program = ctypes.create_string_buffer(count.value * INSTRUCTION.size)
    return b"" if ask(*which, program, ctypes.byref(count)) else program.raw


class Losses:
    """Packets that the kernel had no room for, since this was made."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._new()  # before its filter was set, and it had room
        self.count = 0

    def look(self) -> int:
        """How many there were so far."""
        self.count += self._new()
        return self.count

    def _new(self) -> int:
        """Since the kernel was last asked."""
        _, count = struct.unpack("II", self._listening.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        return int(count)
