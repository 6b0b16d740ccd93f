"""Packets to octets in order: TCP reassembly for both directions of any number of connections, without I/O."""

from dissector.reassembly.connections import Connection, Connections
from dissector.reassembly.direction import FOREVER, Budget, Consumer, Direction
from dissector.reassembly.express import ExpressLane

__all__ = ["FOREVER", "Budget", "Connection", "Connections", "Consumer", "Direction", "ExpressLane"]
