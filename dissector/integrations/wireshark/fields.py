"""Every field that the dissector shows, declared once: those of an item here, those of bodies as the protocol has them.

The Lua file declares them from these rows, `reading` and `crosscheck` know a packet's values by them, the profile takes
its filters and columns from their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from dissector.integrations.wireshark.literals import Raw, call
from dissector.protocol import (
    GUEST_TYPES,
    HEADERS,
    HVM_SAVE_TYPES,
    PAGE_TYPES,
    RECORDS,
    XL_HEADER,
    BitField,
    Body,
    Field,
    HeaderSpec,
    RecordSpec,
    fields,
    hvm_params,
    layout,
    msr,
    qemu,
    xl_optional_data,
)
from dissector.protocol.forms import Flags, Names, Structures
from dissector.protocol.libxc import TSC_MODES
from dissector.protocol.libxl import CHECKPOINT_STATES, EMULATORS
from dissector.protocol.primitives import Later

PROTOCOL = "xenmig"
"""What every field's name begins with."""

NAMES: Mapping[str, Mapping[int, str]] = {
    "GUEST_TYPES": GUEST_TYPES,
    "PAGE_TYPES": PAGE_TYPES,
    "TSC_MODES": TSC_MODES,
    "HVM_SAVE_TYPES": HVM_SAVE_TYPES,
    "EMULATORS": EMULATORS,
    "CHECKPOINT_STATES": CHECKPOINT_STATES,
    "HVM_PARAMS": hvm_params.NAMES,
    "MSRS": msr.NAMES,
    "QEMU_KINDS": qemu.KINDS,
    "QEMU_COMMANDS": qemu.COMMANDS,
}
"""The enumerations of the grammar by the names they have there."""

Kind: TypeAlias = Literal["string", "bytes", "uint8", "uint16", "uint32", "uint64", "bool", "framenum", "relative_time"]
"""A constructor of Wireshark's ProtoField."""


class Shown(NamedTuple):
    """A field of Wireshark's tree."""

    path: str
    """Its name in filters, without "xenmig."."""
    kind: Kind
    label: str
    doc: str | None = None
    base: str = "NONE"
    """How a number is shown: "DEC", "HEX", "DEC_HEX"; octets "SPACE"."""
    names: str | None = None
    """What its values are called: a name of NAMES."""
    mask: int | None = None
    frames: str | None = None
    """Of a "framenum": what the other frame is, "REQUEST" or "RESPONSE"."""

    @property
    def name(self) -> str:
        """As filters and columns have it."""
        return f"{PROTOCOL}.{self.path}"


ITEM = Shown("item", "string", "Item", "A record, header or handshake text")
NAME = Shown("name", "string", "Name", "Its name in the specification")
MIGRATION = Shown("migration", "uint32", "Migration", "Number in the capture, from 0", "DEC")
DIRECTION = Shown("direction", "string", "Direction", "forward: from source to destination")
LAYER = Shown("layer", "string", "Layer", "Whose record it is")
TYPE = Shown("type", "uint32", "Type", "Record type", "HEX")
OFFSET = Shown("offset", "uint64", "Offset", "In the direction's octets, from 0", "DEC")
LENGTH = Shown("length", "uint64", "Length", "Octets, header and padding in", "DEC")
BODY_LENGTH = Shown("body_length", "uint64", "Body length", "Octets of the body", "DEC")
FIRST_FRAME = Shown("first_frame", "framenum", "First octet in frame")
LAST_FRAME = Shown("last_frame", "framenum", "Last octet in frame")
COMPLETE = Shown("complete", "bool", "Complete", "False where octets were not captured")
PFN = Shown("pfn", "uint64", "Pfn", "Of every entry, hidden in the tree: to search for a page", "HEX")
COUNT = Shown("count", "uint32", "Count", "Entries of a pages record", "DEC")
RUN = Shown("run", "string", "Run", "Consecutive pfns of one type")
RUN_PFN = Shown("run.pfn", "uint64", "First pfn", base="HEX")
RUN_COUNT = Shown("run.count", "uint32", "Pfns", base="DEC")
RUN_TYPE = Shown("run.type", "uint32", "Page type", base="DEC", names="PAGE_TYPES")
FAULT = Shown("fault", "string", "Fault", "One pfn of a POSTCOPY_FAULT")
FAULT_PFN = Shown("fault.pfn", "uint64", "Pfn", base="HEX")
ANSWERED_IN = Shown("fault.answered_in", "framenum", "Answered in frame", frames="RESPONSE")
LATENCY = Shown(
    "fault.latency", "relative_time", "Latency", "From the fault's last octet to the page's; of pages not in flight"
)
IN_FLIGHT = Shown("fault.in_flight", "bool", "In flight", "The page was sent before")
LEAD = Shown(
    "fault.lead", "relative_time", "Lead", "Of a page in flight: from its record's first octet to the fault's last"
)
FAULT_COUNT = Shown("fault.count", "uint32", "Faulted pfns", base="DEC")
SLOWEST = Shown("fault.slowest", "relative_time", "Slowest", "The longest latency of the frame's faults")
ANSWERS = Shown("page.answers", "framenum", "Answers the fault in frame", frames="REQUEST")
ANSWERS_PFN = Shown("page.answers.pfn", "uint64", "Pfn", base="HEX")
PUSHED = Shown("page.pushed", "uint32", "Pages nobody asked for", base="DEC")
RULE = Shown("rule", "string", "Rule", "Id of a rule that is broken: see `xenshark rules`")
CONTENTS = Shown("contents", "string", "Contents", "More of an item that began in an earlier frame")
CONTENTS_OF = Shown("contents.of", "framenum", "Of the item in frame")
TEXT = Shown("text", "string", "Text")
FEATURE = Shown("cpuid.feature", "string", "Feature", "A feature that a CPUID policy has, in Xen's word")
VENDOR = Shown("cpuid.vendor", "string", "Vendor", "Of the processor that a CPUID policy shows")
FAMILY = Shown("cpuid.family", "uint32", "Family", "With its extension", "DEC")
MODEL = Shown("cpuid.model", "uint32", "Model", "With its extension", "DEC")
STEPPING = Shown("cpuid.stepping", "uint32", "Stepping", base="DEC")
BRAND = Shown("cpuid.brand", "string", "Brand", "As the processor calls itself")
MSR_BIT = Shown("msr.bit", "string", "Bit", "A bit that is set in a register of a policy or a processor, in Xen's word")
SECTION = Shown("qemu.section", "string", "Section", "The state of a device in QEMU's stream, or a command")
DEVICE = Shown("qemu.device", "string", "Device")
INSTANCE = Shown("qemu.instance", "uint32", "Instance", base="DEC")
STATE_VERSION = Shown("qemu.version", "uint32", "Version", "Of the layout of the device's state", "DEC")
STATE = Shown("qemu.state", "bytes", "State", base="SPACE")
SECTION_KIND = Shown("qemu.kind", "uint8", "Kind", "What of a device's state it is, or a command", "DEC", "QEMU_KINDS")
SECTION_NUMBER = Shown("qemu.number", "uint32", "Number", "Of the section", "DEC")
COMMAND = Shown("qemu.cmd", "uint16", "Command", "Between sections", "DEC", "QEMU_COMMANDS")
SUBSECTION = Shown("qemu.subsection", "string", "Subsection", "An optional part of a device's state")
DEVICE_FIELD = Shown("qemu.field", "string", "Field", "Of a device, with its value, where QEMU's description names it")
MACHINE = Shown("qemu.machine", "string", "Machine", "The type of machine")
STATUS = Shown("status", "uint8", "Status", "0: the guest runs at the destination", "DEC")

OF_ITEMS: tuple[Shown, ...] = tuple(one for one in list(globals().values()) if isinstance(one, Shown))
"""In the order in which they are declared."""

UNANSWERED = f"{PROTOCOL}.fault.unanswered"
"""The expert information of a fault whose page never came."""

HEXADECIMAL = frozenset(("type", "marker", "ident", "id", "byteorder"))
"""Fields that are signs rather than amounts."""


def prefix(name: str) -> str:
    """What the paths of a header's or record's own fields begin with."""
    return name.lower().replace(" ", "_").replace("-", "_")


def shown_fields(name: str) -> Iterator[tuple[str, tuple[Field, ...]]]:
    """The layouts of a header or record whose fields are shown one by one: what a pages record has is shown in runs."""
    specs: tuple[HeaderSpec | RecordSpec, ...] = (*HEADERS.values(), *RECORDS)
    spec = next(one for one in specs if one.name == name)
    if not isinstance(spec, RecordSpec) or spec.shape != "pages":
        yield spec.body.__name__, tuple(fields(layout(spec.body, "little")))
    if spec is XL_HEADER:
        yield xl_optional_data.__name__, tuple(fields(layout(xl_optional_data, "little")))


@cache
def of_bodies() -> tuple[Shown, ...]:
    """The fields of all headers and bodies, each path once."""
    found: dict[str, Shown] = {}
    for name in (*HEADERS, *(record.name for record in RECORDS)):
        for _, some in shown_fields(name):
            for one in _shown(prefix(name), some):
                found.setdefault(one.path, one)
    for body, path in insides().items():
        for one in _shown(path, _meaningful(fields(layout(body, "little")))):
            found.setdefault(one.path, one)
    return tuple(found.values())


def structures(field: Field) -> Mapping[Any, tuple[Body, ...]]:
    """The layouts that a field's octets can have, by the value of the field that chooses them, None if none does.

    Where only what stands in the octets tells which it is, they stay octets.
    """
    if field.meaning is None or field.kind == "uint":
        return {}
    forms = field.meaning.forms().items()
    return {key: form.bodies for key, form in forms if isinstance(form, Structures) and form.reversed is None}


@cache
def insides() -> Mapping[Body, str]:
    """Every layout of octets inside of a body, and what the paths of its fields begin with.

    An older age of a structure has the newest one's name if it has no field of its own.
    """
    found: dict[Body, str] = {}

    def note(some: Iterable[Field]) -> None:
        for field in some:
            note(field.elements)
            for bodies in structures(field).values():
                newest = _names_and_sizes(bodies[0])
                for body in bodies:
                    if body not in found:
                        found[body] = (bodies[0] if _names_and_sizes(body) <= newest else body).__name__
                        note(fields(layout(body, "little")))

    for spec in RECORDS:
        note(fields(layout(spec.body, "little")))
    return MappingProxyType(found)


def _names_and_sizes(body: Body) -> set[tuple[str, int | None]]:
    return {(field.name, field.size) for field in fields(layout(body, "little"))}


def parts_of(field: Field) -> tuple[BitField, ...]:
    """The parts of an integer, as many as it has room for, which its layout has or which its meaning always is."""
    if field.bits or field.meaning is None or field.meaning.by or field.kind != "uint":
        return field.bits
    form = field.meaning.form({})
    parts = form.parts if isinstance(form, Flags) else ()
    return tuple(part for part in parts if field.size is None or part.shift + part.width <= 8 * field.size)


MASK_LIMIT = 1 << 32
"""A mask in Lua has 32 bits in Wireshark 4.0: parts above it are fields of their own, whose value is counted out."""


def register_of(field: Field) -> str | None:
    """Of the value of a model-specific register: the field that has its number."""
    is_register = field.meaning is not None and field.meaning.forms == Later("msr", "VALUES")
    return field.meaning.by[0] if field.meaning is not None and is_register else None


def is_stream_of_qemu(field: Field) -> bool:
    """Whether a field's octets are what QEMU saved."""
    return field.meaning is not None and field.meaning.forms == Later("qemu", "STREAM")


def _meaningful(some: Iterable[Field]) -> Iterator[Field]:
    """Without the octets between two fields that only fill a structure of C: nobody wants to see them."""
    for field in some:
        if field.kind != "bytes" or field.default != bytes(field.size or 0):
            yield field._replace(elements=tuple(_meaningful(field.elements)))


@cache
def shapes() -> Mapping[str, Field]:
    """Every field of the grammar by its path."""
    found: dict[str, Field] = {}

    def note(path: str, some: Iterable[Field]) -> None:
        for one in some:
            own = f"{path}.{one.name}" if one.name else path
            found[own] = one
            note(own, one.elements)

    specs: tuple[HeaderSpec | RecordSpec, ...] = (*HEADERS.values(), *RECORDS)
    for spec in specs:
        note(prefix(spec.name), fields(layout(spec.body, "little")))
    note(prefix(XL_HEADER.name), fields(layout(xl_optional_data, "little")))
    for body, path in reversed(tuple(insides().items())):  # the newest age last
        note(path, fields(layout(body, "little")))
    return MappingProxyType(found)


def _shown(path: str, some: Iterable[Field]) -> Iterator[Shown]:
    for field in some:
        own = f"{path}.{field.name}" if field.name else path
        label, doc = field.name or own.rpartition(".")[2], _doc(field)
        if field.kind == "array":
            if field.elements[0].name:
                yield Shown(own, "string", label, doc)
            yield from _shown(own, field.elements)
        elif field.kind == "uint":
            kind = _integer(field.size)
            base = "HEX" if field.name in HEXADECIMAL else "DEC_HEX"
            yield Shown(own, kind, label, doc, base, names_of(field))
            for part in parts_of(field):
                mask = part.mask if part.mask < MASK_LIMIT else None
                yield Shown(f"{own}.{part.name}", kind, part.name, part.doc or None, "HEX", mask=mask)
        elif field.kind in ("bytes", "blob"):
            yield Shown(own, "bytes", label, doc, "SPACE")
        else:
            yield Shown(own, "string", label, doc)


def _integer(size: int | None) -> Kind:
    kinds: Mapping[int | None, Kind] = {1: "uint8", 2: "uint16", 4: "uint32", 8: "uint64"}
    return kinds[size]


def _doc(field: Field) -> str | None:
    is_reserved = field.name.startswith("reserved") or (field.default == 0 and field.kind == "uint")
    return "Reserved, zero" if is_reserved else field.doc or None


def names_of(field: Field) -> str | None:
    """Which enumeration a field has."""
    given = field.values
    if field.meaning is not None and not field.meaning.by and isinstance(form := field.meaning.form({}), Names):
        given = form.names
    return next((name for name, values in NAMES.items() if given and values == given), None)


def declarations() -> list[str]:
    """Every field, declared in Lua."""
    return [line for one in (*OF_ITEMS, *of_bodies()) for line in _declaration(one)]


def _declaration(one: Shown) -> list[str]:
    """As the constructor in Wireshark's ProtoField wants its arguments."""
    base, names = Raw(f"base.{one.base}"), one.names and Raw(one.names)
    arguments = {
        "string": (base, one.doc),
        "bytes": (base, one.doc),
        "bool": (base, None, None, one.doc),
        "framenum": (base, one.frames and Raw(f"frametype.{one.frames}"), None, one.doc),
        "relative_time": (one.doc,),
    }.get(one.kind, (base, names, one.mask, one.doc))
    return call("declare", one.kind, one.path, one.label, *arguments)
