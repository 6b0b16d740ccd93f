"""Packets to octets in order: TCP reassembly for both directions of any number of connections, without I/O."""

from dissector.tcp import uncompiled

if uncompiled.is_wanted():
    core = uncompiled.load("dissector.tcp.core")
else:
    from dissector.tcp import core

from dissector.tcp.connections import Connection, Connections
from dissector.tcp.half_connection import FOREVER, Budget, Consumer, HalfConnection, Transport
from dissector.tcp.pace import Evidence, Paused
from dissector.tcp.path import PacketPath

__all__ = [
    "FOREVER",
    "Budget",
    "Connection",
    "Connections",
    "Consumer",
    "Evidence",
    "HalfConnection",
    "PacketPath",
    "Paused",
    "Transport",
    "core",
]
