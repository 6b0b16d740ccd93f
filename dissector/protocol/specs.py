"""What the protocol declares of a header, a record and a handshake text: everything that anybody decides by.

A record is one `RecordSpec`, and the columns of that row are all there is to know of it: its layout, which guests have
it, its place in the order (`role`), what it hands over to, how its header is known again, and its line of text. The
parser, the state table, phases, resynchronisation, views, Scapy's classes and Wireshark's tables derive from these
rows; nobody decides by a record's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any, Literal, NamedTuple, TypeAlias

import construct as c

from .codec import layout
from .primitives import Body, Endianness, Ints, Layout
from .walk import fixed

Layer: TypeAlias = Literal["xl", "libvirt", "xenops", "libxl", "libxc"]
Direction: TypeAlias = Literal["forward", "reverse", "both"]
Guest: TypeAlias = Literal["any", "pv", "hvm"]
Shape: TypeAlias = Literal["signal", "fixed", "list", "chain", "pages", "page", "blob", "stream"]

Words: TypeAlias = Callable[[Mapping[str, Any]], dict[str, Any]]
"""What the fields of a header or record say together, by names of its own, for whoever reads it; nothing of it is
built."""

OPTIONAL = 0x80000000  # this bit in a record's type: whoever does not know the record may ignore it


class Name(Enum):
    """An enumeration whose members are looked up by identity: Enum itself hashes a member's name at every look-up."""

    __hash__ = object.__hash__

    def __init_subclass__(cls) -> None:
        """Puts each member into the class as it is: up to Python 3.11 a descriptor stands there, which takes several
        times as long, and every record asks for dozens."""
        for name, member in cls.__members__.items():
            type.__setattr__(cls, name, member)


class Role(Name):
    """The part a header or record plays in a stream: where it may stand, and what phase it begins (`states.py`)."""

    HEADER = auto()
    """Before any record of its layer."""
    DOMAIN = auto()
    """The domain header: the libxc stream begins after it."""
    EMBEDDED_STREAM = auto()
    """Says that another layer's stream follows."""
    IMAGE = auto()
    """A part of xenopsd's image."""
    IMAGE_END = auto()
    STATIC_DATA = auto()
    """What never changes while the guest runs; before any memory."""
    STATIC_DATA_END = auto()
    FRAME_TABLE = auto()
    """Where a PV guest keeps its table of frames."""
    MEMORY = auto()
    VERIFY = auto()
    """Memory follows once more, to be compared."""
    CONTEXT = auto()
    """The state of processors and devices: sent when the guest stands still."""
    TOOLSTACK = auto()
    EMULATOR = auto()
    """What libxl saves of a device model."""
    CHECKPOINT = auto()
    CHECKPOINT_END = auto()
    CHECKPOINT_STATE = auto()
    """COLO's agreement of both sides."""
    REPORT = auto()
    """What the destination tells meanwhile: it stands anywhere, and nothing follows from it."""
    POSTCOPY_BEGIN = auto()
    POSTCOPY_SETUP = auto()
    """The list of missing pages begins."""
    POSTCOPY_LIST = auto()
    POSTCOPY_TRANSITION = auto()
    POSTCOPY_TRANSITION_END = auto()
    POSTCOPY_PAGES = auto()
    POSTCOPY_FAULT = auto()
    POSTCOPY_COMPLETE = auto()
    LIBXC_END = auto()
    LIBXL_END = auto()

    @property
    def is_postcopy(self) -> bool:
        """Whether only a postcopy migration has it."""
        return self in POSTCOPY


POSTCOPY = frozenset(
    (
        Role.POSTCOPY_BEGIN,
        Role.POSTCOPY_SETUP,
        Role.POSTCOPY_LIST,
        Role.POSTCOPY_TRANSITION,
        Role.POSTCOPY_TRANSITION_END,
        Role.POSTCOPY_PAGES,
        Role.POSTCOPY_FAULT,
        Role.POSTCOPY_COMPLETE,
    )
)


class Expect(Name):
    """What stands next in the octets of a direction."""

    XL_HEADER = auto()
    LIBVIRT_HEADER = auto()
    XENOPS_REQUEST = auto()
    """xenopsd's HTTP request."""
    XENOPS_TALK = auto()
    """After the request: handshakes, an image, or a stream that is compressed."""
    XENOPS_HEADER = auto()
    XENOPS_LEGACY_HEADER = auto()
    XENOPS_STATE = auto()
    """State of unknown length, up to xenopsd's next header."""
    LIBXL_HEADER = auto()
    IMAGE_HEADER = auto()
    DOMAIN_HEADER = auto()
    XENOPS_RECORD = auto()
    LIBXL_RECORD = auto()
    LIBXC_RECORD = auto()
    LIBXL_IF_THERE = auto()
    """libxl goes on, if there is a libxl stream around the libxc stream."""
    LIBXL_OR_LIBXC = auto()
    """COLO goes on with libxl's CHECKPOINT_STATE, Remus with libxc (libxl_colo_save.c)."""
    OUTER = auto()
    """The stream around this one goes on."""
    CLOSING = auto()
    """After the end of the outermost stream: texts, another stream, or nothing."""
    LEGACY = auto()
    """A stream of Xen 4.5 or older, which has no records to follow."""
    REVERSE = auto()
    """A text or a record of the reverse direction, which has no headers."""
    ANYTHING = auto()
    """No stream was found yet, or the way was lost: the next header is searched for."""
    LOST = auto()
    """Nobody knows: what should have been a header was none."""
    NOTHING = auto()
    """No octet that follows is of any interest."""


class FieldRange(NamedTuple):
    """An unsigned integer in a body, in the stream's byte order, and the values it can have."""

    offset: int
    size: int
    least: int
    most: int


class Proof(NamedTuple):
    """How a record's header is known again by whoever lost the way: it is worth `bits` of evidence if the length is one
    that the record can have and its first fields hold what they can hold, and cannot be one otherwise."""

    bits: int
    lengths: tuple[int, ...] = ()
    """Lengths of a body, if there are only these."""
    base: int = 0
    unit: int = 0
    """A body is `base` octets and a multiple of `unit`; 0: of any length."""
    counted: bool = False
    """The first word says how many units there are."""
    fields: tuple[FieldRange, ...] = ()


UNPROVEN = Proof(0, lengths=(-1,))
"""Of a record that is not looked for: no body has this length."""


class HeaderSpec(NamedTuple):
    """A header.

    endianness: None, it comes in the stream's own byte order. magic: the octets it begins with, if any.
    then: what follows it. summary, words: see RecordSpec. more: the field that says how many octets behind it belong to
    it.
    """

    name: str
    layer: Layer
    body: Body
    endianness: Endianness | None
    magic: bytes
    source: str
    then: Expect
    role: Role = Role.HEADER
    summary: str = ""
    more: str = ""
    words: Words | None = None

    @property
    def size(self) -> int:
        """Length in octets."""
        return fixed(layout(self.body, self.endianness or "little"))[0].size


class RecordSpec(NamedTuple):
    """A record type.

    body: the layout of its body, as a function of the byte order.
    shape: what the length of a body can be. "signal": 0. "fixed": the layout's. "list" and "chain": what the
    layout takes of it (`codec.measure`), to the last octet. "pages": count and entries and, if `contents` is
    set, one page for each backed entry. "page": one guest page. "blob": anything from the layout's fixed
    part on. "stream": the length says nothing, another layer's stream follows.
    source: where the fact comes from: a specification and its section, or a header file.
    role: its part in the stream; a record without one cannot be declared.
    direction: "forward" is from the migration's source to its destination.
    guest: which guests have it.
    contents: whether pages follow the entries.
    then: what follows it; None, another record of its layer.
    proof: how its header is known again; None, as its shape tells (`proof_of`).
    summary: its line of text, with fields in braces (`summaries.py`).
    words: what its fields say together.
    tells_width: whether the first octet of its body is how many octets a word of the guest has: it chooses the layouts
    of later bodies.
    """

    type: int
    name: str
    body: Body
    shape: Shape
    source: str
    role: Role
    layer: Layer = "libxc"
    direction: Direction = "forward"
    guest: Guest = "any"
    contents: bool = False
    then: Expect | None = None
    proof: Proof | None = None
    summary: str = ""
    words: Words | None = None
    tells_width: bool = False


class Message(NamedTuple):
    """A text that xl sends outside of any record: exactly these octets, then `status` octets of result."""

    name: str
    octets: bytes
    direction: Direction
    status: int = 0

    @property
    def role(self) -> None:
        """Only what has a place in a stream of records has one."""


class MessageSpec(NamedTuple):
    """A message of a toolstack that has fields of its own, outside of any record. Numbers in it are big-endian.

    direction: which way it goes; the fields of `RecordSpec` of the same names say the same.
    """

    name: str
    layer: Layer
    body: Body
    direction: Direction
    source: str
    summary: str = ""

    @property
    def role(self) -> None:
        """None either."""


def signal(i: Ints) -> Layout:
    """The body of a signalling record: nothing."""
    return c.Struct()


def blob(i: Ints) -> Layout:
    """A body that the specification leaves opaque."""
    return c.Struct("data" / c.GreedyBytes * "Opaque octets")


def record_header(i: Ints) -> Layout:
    """The header of every libxc and libxl record, 8 octets. Body and padding (to a multiple of 8) follow."""
    return c.Struct(
        "type" / i.u32 * "Record type; bit 31: optional",
        "body_length" / i.u32 * "Octets of the body, without padding",
    )


PAGE_OCTETS = 4096


def proof_of(spec: RecordSpec) -> Proof | None:
    """What proves a record's header: its own `proof`, or what its shape tells; None where chance looks the same.

    "pages" records prove themselves by count, length and entries, and have none."""
    if spec.proof is not None or spec.shape == "pages":
        return spec.proof
    if spec.shape == "signal":
        # Zeros are no evidence: guest memory is full of them.
        return Proof(24 if spec.type else 0, lengths=(0,))
    if spec.shape == "page":
        return Proof(40, lengths=(PAGE_OCTETS,))
    if spec.shape == "fixed":
        return Proof(40, lengths=(fixed(layout(spec.body, "little"))[0].size,))
    return None


def unknown_name(type: int) -> str:
    """What a record type is called that nobody specified."""
    return f"UNKNOWN_0x{type:08x}"
