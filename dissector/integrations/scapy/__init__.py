"""Xen live migration in Scapy: layers for every header and record, and a session that finds them in a capture.

In Scapy's shell, `from dissector.integrations.scapy import *` loads everything. The
slowest fault of a postcopy migration:

>>> from scapy.all import sniff
>>> from dissector.integrations.scapy import *
>>> packets = sniff(offline="migration.pcap", session=MigrationSession)
>>> waited = [packet for packet in packets if packet.latency is not None]
>>> slowest = max(waited, key=lambda fault: fault.latency, default=None)

`slowest.show()` then tells which page it was, and `packets.summary()` lists all records. Each packet is one header,
record or text of a migration, and knows its `migration`, `direction`, `frames`, `offset` and whether it is `complete`;
`MigrationSession(keep_pages=True)` keeps the contents of guest memory too.

Layers build what they dissect. Lengths, counts and padding are worked out unless they are given:

>>> bytes(LibxcRecord() / PostcopyFault(pfns=[0x1F2, 0x1F3])).hex()
'15000000180000000200000000000000f201000000000000f301000000000000'

`MigrationSource`, `MigrationDestination` and `PageServer` are the ends of a migration, to talk to a real one and to
break one rule at a time; `unsayable()` has the rules that no end can break by what it says, and why.

`making.py` says how classes are called and what the endings V2, V3 and BE mean; `ls(PostcopyFault)` lists fields.
"""

from .connection import MigrationSocket
from .ends import MigrationDestination, MigrationSource, PageServer
from .fields import Octets
from .making import CLASSES, big_endian
from .packets import ToolstackMessage, TrailingData, XlMessage
from .scripts import unsayable
from .session import MigrationSession

globals().update(CLASSES)  # `__init__.pyi` has them for editors and type checkers: see `stubs.py`
__all__ = [
    *CLASSES,
    "MigrationDestination",
    "MigrationSession",
    "MigrationSocket",
    "MigrationSource",
    "Octets",
    "PageServer",
    "ToolstackMessage",
    "TrailingData",
    "XlMessage",
    "big_endian",
    "unsayable",
]
