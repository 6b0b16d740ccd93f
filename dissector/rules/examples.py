"""What breaks a rule and what does not, as data: what two hosts say, step by step, and what a capture loses of it.

An example is no stream of octets: whoever wants one turns it into events (the tests do), or into octets. Its capture
ends with its last step, so nothing is missing that would have come later.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from dissector.events import FOREIGN_OCTETS
from dissector.protocol import (
    ENTRY_TYPE,
    MESSAGES,
    PAGE_SHIFT,
    UNBACKED,
    XL_HEADER,
    Layer,
    build,
    layout,
    pages_header,
)


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


class AsFile(NamedTuple):
    """The input is a saved stream, no capture. The first step."""


class Cut(NamedTuple):
    """Packets of the forward direction were cut short."""


class Copied(NamedTuple):
    """Packets of the forward direction were captured so many times more than once."""

    times: int


class InVain(NamedTuple):
    """Segments of the forward direction were sent again, the other side not heard for so many seconds."""

    segments: int
    seconds: float


class Earlier(NamedTuple):
    """From here on the clock of who captured shows an earlier time, by so many s."""

    seconds: int


class Conflict(NamedTuple):
    """A segment of the forward direction was sent again with other octets."""


class Closes(NamedTuple):
    """The source ends the connection: what is missing will not come. `reverse`: the destination does, when it has
    acknowledged all."""

    how: Literal["fin", "rst"] = "fin"
    reverse: bool = False


Turn: TypeAlias = (
    Said | Missing | Skipped | Lost | Begun | Late | AsFile | Cut | Copied | InVain | Earlier | Conflict | Closes
)
Example: TypeAlias = tuple[Turn, ...]


def body_of(said: Said, spec: Any) -> tuple[bytes, int]:
    """The body without page contents, and how many octets of these follow. `spec`: the row of what is said."""
    if said.body is not None:
        return said.body, 0
    endianness = getattr(spec, "endianness", None) or "little"
    if getattr(spec, "shape", None) != "pages":
        return build(layout(spec.body, endianness), said.values), 0
    backed = sum(entry >> ENTRY_TYPE.shift not in UNBACKED for entry in said.entries) if spec.contents else 0
    entries = b"".join(entry.to_bytes(8, "little") for entry in said.entries)
    return build(layout(pages_header, "little"), {"count": len(said.entries)}) + entries, backed << PAGE_SHIFT


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


SHORT = unknown(0x80000001)._replace(body=bytes(4))
"""A record with padding."""


def text(name: str, status: bytes = b"") -> Said:
    """A text of xl's handshake."""
    message = MESSAGES[name]
    return Said(name, "xl", body=message.octets + status, reverse=message.direction == "reverse")


def strange_text(octets: bytes) -> Said:
    """What stands in the place of one in the reverse direction."""
    return Said("text", "xl", body=octets, reverse=True)


XENOPS_REQUEST = Said(
    "http request",
    "xenops",
    body=b"PUT /services/xenops/memory/6f1b?session_id=1 HTTP/1.1\r\ncookie: final_id=6f\r\n\r\n",
)
"""With what xenopsd begins a migration."""


def handshake(text: bytes) -> Said:
    """What the destination says to xenopsd: nothing if all went well."""
    return Said("handshake", "xenops", body=len(text).to_bytes(2, "big") + text, reverse=True)


def xl_header(**flags: int) -> Said:
    """xl's save header with mandatory flags, and an empty configuration."""
    data = struct.pack("<I", len(EMPTY)) + EMPTY
    head = build(layout(XL_HEADER.body, "little"), {"mandatory_flags": flags, "optional_data_len": len(data)})
    return Said("xl header", "xl", body=head + data)


EMPTY = b"{}\0"
"""A configuration that says nothing."""


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


def _save_record(typecode: int, body: bytes, instance: int = 0) -> dict[str, object]:
    return {"typecode": typecode, "instance": instance, "body": body}


def page(pfn: int, contents: bytes) -> Said:
    """A PAGE_DATA of one page whose contents were read."""
    return Said("PAGE_DATA", body=struct.pack("<IIQ", 1, 0, pfn) + contents)


def context(cr0: int = 0x11, cr4: int = 0, vcpu: int = 0, khz: int = 0) -> Said:
    """The state of an HVM guest with one vcpu, and no device."""
    header = struct.pack("<IIQII", 0x54381286, 1, 0, 0, khz)
    cpu = bytes(656) + struct.pack("<4Q", cr0, 0, 0, cr4) + bytes(1032 - 688)
    states = [_save_record(1, header), _save_record(2, cpu, vcpu), _save_record(0, b"")]
    return libxc("HVM_CONTEXT", hvm_ctx=states)


def params(*indexes: int) -> Said:
    """Parameters of an HVM guest, each the number of a page."""
    return libxc("HVM_PARAMS", param=[{"index": index, "value": 0xFEFF0 + index} for index in indexes])


CONTEXT = context()
PARAMS = params(1, 27)
"""With the ring that paging needs."""

CONTEXT3 = (TSC3, PARAMS, CONTEXT)
SHARED_INFO = Said("SHARED_INFO", body=bytes(4096))
EMULATOR = libxl("EMULATOR_CONTEXT", emulator_id=2, index=0, emulator_ctx=b"QEVM")

CPUID = Said("X86_CPUID_POLICY", body=struct.pack("<12I", 0, 0xFFFFFFFF, 1, 0, 0, 0, 1, 0xFFFFFFFF, 0, 0, 0, 0))
"""Leaves 0 and 1, of a processor with no feature at all."""

TOOLSTACK = Said("TOOLSTACK", body=bytes(4))
CHECKPOINT = libxc("CHECKPOINT")
FOREIGN = Said(FOREIGN_OCTETS, None, body=bytes(28))
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


PV3 = (IMAGE3, PV, PV_INFO, STATIC, FRAMES, PAGES, TSC3, SHARED_INFO)
COLO = (*LIBXL, *HVM3, PAGES, *CONTEXT3, CHECKPOINT, EMULATOR, libxl("CHECKPOINT_END"))
"""Up to where COLO's secondary says how it goes on."""

HVM_READ = (*LIBXL, *HVM3, PAGES, *CONTEXT3, END)
"""Up to where libxl goes on."""


def pv_info(width: int, levels: int) -> Said:
    return libxc("X86_PV_INFO", guest_width=width, pt_levels=levels)


def frames(first: int, last: int, *pfns: int) -> Said:
    return libxc("X86_PV_P2M_FRAMES", start_pfn=first, end_pfn=last, p2m_pfn=list(pfns))


def vcpu(part: str, number: int, octets: int) -> Said:
    """A part of the state of a PV guest's vcpu, all zeros."""
    return libxc(f"X86_PV_VCPU_{part}", vcpu_id=number, context=bytes(octets))


def basic(cr3: int = 0, start_info: int = 0, gdt_frame: int = 0, gdt_ents: int = 0) -> Said:
    """The state of vcpu 0 of a 64-bit PV guest, zeros but for these; start_info: its pfn, in EDX."""
    context = bytearray(5168)
    for at, value in ((616, start_info), (4832, gdt_frame), (4960, gdt_ents), (5008, cr3)):
        struct.pack_into("<Q", context, at, value)
    return libxc("X86_PV_VCPU_BASIC", vcpu_id=0, context=bytes(context))


def xenstore(key: str) -> Said:
    """One key of a device model."""
    pairs = [{"key": key, "value": "1"}]
    return libxl("EMULATOR_XENSTORE_DATA", emulator_id=2, index=0, xenstore_data=pairs)


def xl_config(text: bytes, given: int | None = None) -> Said:
    """xl's save header with a configuration; `given`: what it says of its length, if not the truth."""
    data = struct.pack("<I", len(text) + 1) + text + b"\0"
    head = b"Xen saved domain, xl format\n \0 \r" + struct.pack("<4I", 0x01020304, 3, 0, given or len(data))
    return Said("xl header", "xl", body=head + data)


def colo(state: int) -> Said:
    """What COLO's secondary says of itself."""
    return Said("CHECKPOINT_STATE", "libxl", body=struct.pack("<I", state)).back()


def asks(*pfns: int) -> Said:
    """The destination asks for pages."""
    return libxc("POSTCOPY_FAULT", *pfns).back()


def sends(*pfns: int) -> Said:
    """The source sends them."""
    return libxc("POSTCOPY_PAGE_DATA", *pfns)
