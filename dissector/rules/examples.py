"""What breaks a rule and what does not, as data: what two hosts say, step by step, and what a capture loses of it.

An example is no stream of octets: whoever wants one turns it into events (the tests do), or into octets. Its capture
ends with its last step, so nothing is missing that would have come later.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from dissector.protocol import MESSAGES, Layer


class Said(NamedTuple):
    """A header, record or text."""

    name: str
    layer: Layer | None = "libxc"
    values: Mapping[str, Any] = MappingProxyType({})
    """Of the fields of its body."""
    entries: tuple[int, ...] = ()
    """Of a pages record; the contents that belong to them follow."""
    body: bytes | None = None
    """Instead of values and entries."""
    reverse: bool = False
    type: int | None = None
    """Of a record that nobody specified."""
    length: int | None = None
    """What its header says of its body, if not the truth."""
    padding: bytes | None = None
    """If not the right zeros."""
    unheard: int = 0
    """Octets of the other direction that its sender had not received."""
    unannounced: bool = False
    """Whether it is of the other layer, and nothing handed over to that."""
    torn: bool = False
    """Whether the stream ends inside it."""

    def back(self) -> Said:
        """The same in the reverse direction."""
        return self._replace(reverse=True)


class Missing(NamedTuple):
    """Octets that the capture lost, and the record in which they begin."""

    octets: int
    record: str | None = None


class Skipped(NamedTuple):
    """Octets passed over because the way was lost, up to the next step."""

    octets: int


class Lost(NamedTuple):
    """The way is lost, and not found again."""


class Begun(NamedTuple):
    """So many octets of the next header came."""

    octets: int


class Late(NamedTuple):
    """The beginning was not captured. The first step."""


class Cut(NamedTuple):
    """Packets of the forward direction were cut short."""


class Conflict(NamedTuple):
    """A segment of the forward direction was sent again with other octets."""


class Closes(NamedTuple):
    """The source ends the connection: what is missing will not come."""

    how: Literal["fin", "rst"] = "fin"


Turn: TypeAlias = Said | Missing | Skipped | Lost | Begun | Late | Cut | Conflict | Closes
Example: TypeAlias = tuple[Turn, ...]


def libxc(name: str, *entries: int, **values: object) -> Said:
    """A libxc record, with the entries of a pages record or the values of its body."""
    return Said(name, values=values, entries=entries)


def libxl(name: str, **values: object) -> Said:
    """A libxl record."""
    return Said(name, "libxl", values=values)


def header(name: str, layer: Layer = "libxc", **values: object) -> Said:
    """A header."""
    return Said(name, layer, values=values)


def unknown(type: int, layer: Layer = "libxc") -> Said:
    """A record that nobody specified."""
    return Said(f"0x{type:08x}", layer, body=b"", type=type)


def text(name: str, status: bytes = b"") -> Said:
    """A text of xl's handshake."""
    message = MESSAGES[name]
    return Said(name, "xl", body=message.octets + status, reverse=message.direction == "reverse")


def strange_text(octets: bytes) -> Said:
    """What stands in the place of one in the reverse direction."""
    return Said("text", "xl", body=octets, reverse=True)


def xl_header(**flags: int) -> Said:
    """xl's save header with mandatory flags, and no configuration."""
    return header("xl header", "xl", mandatory_flags=flags, optional_data_len=0)


def entry(pfn: int, type: int) -> int:
    """An entry of a pages record with a page type."""
    return type << 60 | pfn


def domain(type: int, page_shift: int = 12) -> Said:
    """A domain header: type 1 is a PV guest, 2 HVM."""
    return header("domain header", type=type, page_shift=page_shift, xen_major=4, xen_minor=17)


IMAGE2, IMAGE3 = header("image header", version=2), header("image header", version=3)
PV, HVM = domain(1), domain(2)
STATIC = libxc("STATIC_DATA_END")
PAGES = libxc("PAGE_DATA", 0x10, 0x11)
END = libxc("END")

HVM2, HVM3 = (IMAGE2, HVM), (IMAGE3, HVM, STATIC)
"""Up to where memory may come."""

PV_INFO = libxc("X86_PV_INFO", guest_width=8, pt_levels=4)
FRAMES = libxc("X86_PV_P2M_FRAMES", start_pfn=0, end_pfn=511, p2m_pfn=[7])
PV2 = (IMAGE2, PV, PV_INFO)

TSC2 = libxc("TSC_INFO", mode=0, khz=2_000_000, nsec=7, incarnation=0)
TSC3 = TSC2._replace(name="X86_TSC_INFO")
CONTEXT = libxc("HVM_CONTEXT", hvm_ctx=[{"typecode": 0, "instance": 0, "body": b""}])
PARAMS = libxc("HVM_PARAMS", param=[{"index": 1, "value": 0xFEFF0}])
CONTEXT3 = (TSC3, PARAMS, CONTEXT)
SHARED_INFO = Said("SHARED_INFO", body=bytes(4096))
EMULATOR = libxl("EMULATOR_CONTEXT", emulator_id=2, index=0, emulator_ctx=b"QEVM")

CPUID = Said("X86_CPUID_POLICY", body=bytes(48))
TOOLSTACK = Said("TOOLSTACK", body=bytes(4))
CHECKPOINT = libxc("CHECKPOINT")
TRAILING = Said("trailing data", None, body=bytes(16))

BEGIN, PFNS_BEGIN = libxc("POSTCOPY_BEGIN"), libxc("POSTCOPY_PFNS_BEGIN")
PFNS = libxc("POSTCOPY_PFNS", 0x10, 0x11)
TRANSITION = libxc("POSTCOPY_TRANSITION")
TRANSITION_END = libxl("POSTCOPY_TRANSITION_END")
COMPLETE = libxc("POSTCOPY_COMPLETE").back()

BEGUN = (*HVM2, PAGES, BEGIN)
STOPPED = (*BEGUN, TSC2, CONTEXT, PARAMS)
LISTING = (*STOPPED, PFNS_BEGIN)
LISTED = (*LISTING, PFNS)
"""Postcopy, up to a list of two pages that are missing."""

POSTCOPY = (*LISTED, TRANSITION)
"""Up to where the pages may come, in a stream with no libxl stream around it."""

LIBXL = (header("libxl header", "libxl", options={"big_endian": 0}), libxl("LIBXC_CONTEXT"))

WHOLE = (text("banner"), xl_header(json=1, stream_v2=1), *LIBXL, *HVM3, PAGES, *CONTEXT3, END, libxl("END"))
"""A live migration under xl, up to where the handshake closes it."""


def asks(*pfns: int) -> Said:
    """The destination asks for pages."""
    return libxc("POSTCOPY_FAULT", *pfns).back()


def sends(*pfns: int) -> Said:
    """The source sends them."""
    return libxc("POSTCOPY_PAGE_DATA", *pfns)
