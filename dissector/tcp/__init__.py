"""Packets to octets in order: TCP reassembly for both directions of any number of connections, without I/O."""

from dissector.tcp.connections import Connection, Connections
from dissector.tcp.half_connection import FOREVER, Budget, Consumer, HalfConnection, Transport
from dissector.tcp.path import PacketPath

__all__ = [
    "FOREVER",
    "Budget",
    "Connection",
    "Connections",
    "Consumer",
    "HalfConnection",
    "PacketPath",
    "Transport",
]
