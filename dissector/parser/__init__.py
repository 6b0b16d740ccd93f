"""Octets to records: finds the streams in a connection, follows their layers, finds the way again after a gap."""

from dissector.parser.channel import Channel, Ends
from dissector.parser.flow import Flow
from dissector.parser.layers import STATES, unknown_name
from dissector.parser.order import WireOrder
from dissector.parser.records import FORWARD, REVERSE, Link, Record, Run, page_runs
from dissector.parser.stream import Gap, Place, Stream

__all__ = [
    "FORWARD",
    "REVERSE",
    "STATES",
    "Channel",
    "Ends",
    "Flow",
    "Gap",
    "Link",
    "Place",
    "Record",
    "Run",
    "Stream",
    "WireOrder",
    "page_runs",
    "unknown_name",
]
