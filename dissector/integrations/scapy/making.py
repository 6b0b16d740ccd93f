"""Scapy packet classes, made from the grammar: every name, size, default and count comes from there.

`CLASSES` has them by name. A class is named after its header or record in capitals and small letters: XlHeader,
LibxcImageHeader, PostcopyFault, EmulatorContext; with its layer in front where two layers have one of that name
(LibxcEnd, LibxlEnd) and for all of xenopsd's (XenopsQemuXen). Elements of an array are called Entry: HvmParamsEntry.
What is inside a body has a class of its own, named as its layout in the grammar: HvmCpu, PvVcpu64, SharedInfo32.
The class of a record's header is LibxcRecord, LibxlRecord or XenopsRecord: its body is its payload.

A class ending in BE reads and builds a big-endian stream. LibxcRecordV2 and LibxcRecordV3 know the version of the
stream; where LibxcRecord does not, 0x10 to 0x12 are what version 3 has there.
"""

from __future__ import annotations

import functools
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import new_class
from typing import Any

from scapy import contrib
from scapy.config import conf
from scapy.fields import AnyField, FieldLenField, FlagsField, LenField, StrFixedLenField, StrNullField
from scapy.fields import Field as Plain
from scapy.packet import Packet, bind_top_down

from dissector.protocol import (
    ALIGNMENT,
    HEADERS,
    IMAGE_VERSIONS,
    RECORD_HEADERS,
    RECORDS,
    XENOPS_HEADER,
    XL_HEADER,
    Body,
    Endianness,
    Field,
    HeaderSpec,
    Layer,
    RecordSpec,
    fields,
    layout,
    qemu,
    records,
    xl_endianness,
    xl_optional_data,
)
from dissector.protocol.forms import Structures, Written
from dissector.protocol.x86 import COMPONENTS, Component

from .fields import Blob, Elements, Inside, Integers, Magic, Named, Packed, Sized, Told
from .packets import _Framed, _Item, _Layer, _PageList, _Record, padding_field
from .whole import QemuCommand, QemuSection, QemuStream, of_components

PACKAGE = "dissector.integrations.scapy"
CONTRIBUTION = "scapy.contrib.xenmig"
BIG = "BE"
ORDERS: tuple[Endianness, ...] = ("little", "big")

CLASSES: dict[str, type[_Layer]] = {}
HEADER_CLASSES: dict[tuple[str, Endianness], type[_Layer]] = {}
"""By the header's name."""
RECORD_CLASSES: dict[tuple[Layer, int | None, Endianness], type[_Layer]] = {}
"""By layer and version of the stream; None: not known, or of no meaning in the layer."""

_SHARED = Counter(name for _, name in {(record.layer, record.name) for record in RECORDS})


def big_endian(packet_class: type[Packet]) -> type[Packet]:
    """The class for the same in a big-endian stream: itself where there is nothing to swap."""
    return CLASSES.get(packet_class.__name__ + BIG, packet_class)


def _camel(text: str) -> str:
    return "".join(map(str.capitalize, text.replace("_", " ").split()))


def _name(spec: HeaderSpec | RecordSpec) -> str:
    own, layer = _camel(spec.name), _camel(spec.layer)
    if isinstance(spec, HeaderSpec):
        return own if own.startswith(layer) else layer + own
    return layer + own if spec.layer == "xenops" or _SHARED[spec.name] > 1 else own


def _orders(layer: Layer, endianness: Endianness | None = None) -> tuple[Endianness, ...]:
    """The byte orders in which something of a layer comes."""
    fixed = XENOPS_HEADER.endianness if layer == XENOPS_HEADER.layer else endianness
    return (fixed,) if fixed else ORDERS


def _make(
    name: str, base: type[_Layer], found: tuple[Field, ...], title: str, doc: str, **attributes: Any
) -> type[_Layer]:
    """A class that is known to `CLASSES` by its name. If there is one already, this is the big-endian one."""
    parts = _parts(name, found)
    if name in CLASSES:
        if CLASSES[name].grammar == found:
            return CLASSES[name]
        name, base = name + BIG, CLASSES[name]
    minimum = sum(one.size or one.kind == "cstring" for one in found)
    if issubclass(base, _Framed):
        *_, length = found
        parts[-1] = LenField(length.name, None, fmt=_format(length))
        attributes["length_field"] = length.name
        if attributes.get("alignment", 1) > 1:
            parts.append(padding_field())
    own = {
        "__module__": PACKAGE,
        "__doc__": doc,
        "name": title,
        "fields_desc": parts,
        "grammar": found,
        "minimum": minimum,
        # Scapy asks a class for this only if the class itself has it.
        "dispatch_hook": classmethod(_or_raw),
    }
    CLASSES[name] = new_class(name, (base,), exec_body=lambda made: made.update(own | attributes))
    return CLASSES[name]


def _or_raw(cls: type[_Layer], _pkt: bytes = b"", *args: Any, **kwargs: Any) -> type[Packet]:
    """Octets too few for the layer are nothing but octets."""
    return conf.raw_layer if _pkt and len(_pkt) < cls.minimum else cls


def _xl_header(cls: type[_Layer], _pkt: bytes = b"", *args: Any, **kwargs: Any) -> type[Packet]:
    """xl's header says its byte order itself."""
    order = xl_endianness(_pkt)
    return _or_raw(HEADER_CLASSES[XL_HEADER.name, order] if order else cls, _pkt)


# --- fields -------------------------------------------------------------------------------------------------


def _parts(owner: str, found: Iterable[Field]) -> list[AnyField]:
    """Scapy's fields for the fields of the class `owner`."""
    by_name = {one.name: one for one in found}
    return [_part(owner, one, by_name) for one in found]


def _part(owner: str, one: Field, by_name: Mapping[str, Field]) -> AnyField:
    if one.meaning is not None and one.kind in ("bytes", "blob") and (classes := _inside(one)):
        return Inside(one.name, one.meaning, classes, one.size, one.counted_by)
    match one.kind, one.counted_by:
        case "array", _:
            return _array(owner, one)
        case "uint", _:
            return _integer(one, by_name)
        case "cstring", _:
            return StrNullField(one.name, b"")
        case _, str(counter):
            return Sized(one.name, b"", length_from=lambda packet: packet.getfieldval(counter))
        case "bytes", _:
            return StrFixedLenField(one.name, one.default if isinstance(one.default, bytes) else b"", length=one.size)
        case _:
            return Blob(one.name, b"")


def _integer(one: Field, by_name: Mapping[str, Field]) -> AnyField:
    default = one.default if isinstance(one.default, int) else 0
    if one.counts and by_name[one.counts].kind == "array":
        return FieldLenField(one.name, None, fmt=_format(one), count_of=one.counts)
    if one.counts:
        return FieldLenField(one.name, None, fmt=_format(one), length_of=one.counts)
    if one.bits:
        size = 8 * (one.size or 1)
        flags = {bit.mask: bit.name for bit in one.bits if bit.width == 1}
        # A negative size is how Scapy says little-endian here.
        return FlagsField(one.name, default, size if one.endianness == "big" else -size, flags)
    if one.meaning is not None:
        return Told(one.name, default, _format(one), one.meaning)
    if one.values:
        return Named(one.name, default, dict(one.values), _format(one))
    return (Magic if default > 0xFFFF else Plain)(one.name, default, _format(one))


def _inside(one: Field) -> dict[tuple[Body | None, Endianness], type[_Layer]]:
    """The classes of the structures that a field's octets can be."""
    if one.meaning is None:
        return {}
    order = one.meaning.endianness
    written = next((form.name for form in one.meaning.forms().values() if isinstance(form, Written)), None)
    if written is not None:
        return {(None, order): _whole(written, order)}
    bodies = (body for form in one.meaning.forms().values() if isinstance(form, Structures) for body in form.bodies)
    return {(body, order): _structure(body, order) for body in bodies}


@functools.cache
def _whole(name: str, order: Endianness) -> type[_Layer]:
    """The class of octets that only a program reads: of the form of that name."""
    if name == qemu.NAME:
        for piece in (QemuSection, QemuCommand):
            CLASSES.setdefault(piece.__name__, piece)
        return CLASSES.setdefault(QemuStream.__name__, QemuStream)
    own = f"XsaveComponents{BIG if order == 'big' else ''}"
    CLASSES[own] = of_components({one.name: _component(one, order) for one in COMPONENTS})
    CLASSES[own].__name__ = CLASSES[own].__qualname__ = own
    CLASSES[own].__module__ = PACKAGE
    return CLASSES[own]


def _component(one: Component, order: Endianness) -> type[_Layer]:
    name = f"Xsave{_camel(one.name)}"
    if order == "big":
        _component(one, "little")  # the plain name is the little-endian one's
    found = tuple(fields(layout(one.body, order)))
    return _make(name, _Layer, found, f"XSAVE {one.name}", f"The component {one.name} of an XSAVE area.")


@functools.cache
def _structure(body: Body, order: Endianness) -> type[_Layer]:
    name = _camel(body.__name__)
    if order == "big":
        _structure(body, "little")  # the plain name is the little-endian one's
    title = body.__name__.replace("_", " ")
    return _make(name, _Layer, tuple(fields(layout(body, order))), title, body.__doc__ or "")


def _array(owner: str, one: Field) -> AnyField:
    element = one.elements[0]
    if element.name:
        suffix = "Entry" if one.times is None else _camel(one.name)
        entry = _make(f"{owner}{suffix}", _Layer, one.elements, f"{one.name} entry", f"An element of {one.name}.")
        return Elements(one.name, entry, one.elements, one.counted_by, one.ends_with, one.times)
    if element.kind == "bytes":
        return StrFixedLenField(one.name, bytes(one.size or 0), length=one.size)
    item = type("Entry", (Packed,), {"__slots__": (), "parts": element.bits}) if element.bits else int
    return Integers(one.name, _format(element), item, one.counted_by, one.times)


def _format(one: Field) -> str:
    """What `struct` calls an integer."""
    return (">" if one.endianness == "big" else "<") + "BHIQ"[(one.size or 1).bit_length() - 1]


# --- every header and record --------------------------------------------------------------------------------


def _layouts(body: Body, orders: Iterable[Endianness]) -> Iterator[tuple[Endianness, tuple[Field, ...]]]:
    for order in orders:
        yield order, tuple(fields(layout(body, order)))


def _make_headers() -> None:
    name = _camel(xl_optional_data.__name__)
    optional = {
        order: _make(name, _Layer, found, "xl optional data", "What follows xl's save header.")
        for order, found in _layouts(xl_optional_data, ORDERS)
    }
    for spec in HEADERS.values():
        for order, found in _layouts(spec.body, _orders(spec.layer, spec.endianness)):
            base: type[_Item] = _Item
            more: dict[str, Any] = {}
            if spec is XL_HEADER:
                base, more = _Framed, {"optional": optional[order], "dispatch_hook": classmethod(_xl_header)}
            HEADER_CLASSES[spec.name, order] = _make(_name(spec), base, found, spec.name, _doc(spec), **more)


def _make_records() -> None:
    bodies: dict[tuple[Layer, str, Endianness], type[_Layer]] = {}
    for spec in RECORDS:
        base = _PageList if spec.shape == "pages" else _Layer
        for order, found in _layouts(spec.body, _orders(spec.layer)):
            bodies[spec.layer, spec.name, order] = _make(
                _name(spec), base, found, spec.name, _doc(spec), part=spec.role
            )
    for layer, version in (*((layer, None) for layer in RECORD_HEADERS), *(("libxc", one) for one in IMAGE_VERSIONS)):
        _make_record_header(layer, version, bodies)
    for spec in RECORDS:
        bind_top_down(
            RECORD_CLASSES[spec.layer, None, "little"], bodies[spec.layer, spec.name, "little"], type=spec.type
        )


def _make_record_header(
    layer: Layer, version: int | None, bodies: Mapping[tuple[Layer, str, Endianness], type[_Layer]]
) -> None:
    table = records(layer, version)
    plain = f"{_camel(layer)}Record"
    name, base = (f"{plain}V{version}", CLASSES[plain]) if version else (plain, _Record)
    for order, (kind, length) in _layouts(RECORD_HEADERS[layer], _orders(layer)):
        RECORD_CLASSES[layer, version, order] = _make(
            name,
            base,
            (kind._replace(values={type: spec.name for type, spec in table.items()}), length),
            f"{layer} record",
            f"The header of a record of {layer}; its payload is the body.",
            alignment=ALIGNMENT[layer],
            bodies={type: bodies[layer, spec.name, order] for type, spec in table.items()},
            streams=frozenset(type for type, spec in table.items() if spec.shape == "stream"),
        )


def _list_for_explore() -> None:
    """Scapy's `explore` shows the classes of a module, and fails for all that there are if one is not of Scapy's own.
    So they are those of the module that `load_contrib` gives; where no extension is loaded, it is this package."""
    if CONTRIBUTION not in sys.modules:
        sys.modules[CONTRIBUTION] = sys.modules[PACKAGE]
        contrib.xenmig = sys.modules[PACKAGE]  # type: ignore[attr-defined]  # as an import would
    of_module = conf.layers.ldict
    ours = [name for name in of_module if name.startswith(PACKAGE)]
    shown = {one: None for name in ours for one in of_module.pop(name) if not one.__name__.startswith("_")}
    of_module[CONTRIBUTION] = list(shown)


def _doc(spec: HeaderSpec | RecordSpec) -> str:
    return f"{spec.layer} {spec.name}. Source: {spec.source}."


_make_headers()
_make_records()
_list_for_explore()
