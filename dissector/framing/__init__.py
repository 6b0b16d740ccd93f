"""Octets to records: finds the streams in a connection, follows their layers, finds the way again after a gap."""

from dissector.framing.channel import Channel, Ends
from dissector.framing.flow import Flow
from dissector.framing.layers import STATES, unknown_name
from dissector.framing.order import WireOrder
from dissector.framing.records import FORWARD, REVERSE, Link, Record, Run, page_runs
from dissector.framing.stream import Gap, Place, Stream

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
