"""The grammar in the words of the Lua dissector: names of numbers, layouts of bodies, headers and records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dissector.integrations.wireshark.literals import INDENT, WIDTH, Raw, call, literal, table
from dissector.protocol import (
    GUEST_TYPES,
    HEADERS,
    HVM_SAVE_TYPES,
    LIBXL_RECORDS,
    PAGE_TYPES,
    XENOPS_RECORDS,
    XL_HEADER,
    Body,
    Field,
    HeaderSpec,
    RecordSpec,
    fields,
    layout,
    libxc_records,
    xl_optional_data,
)
from dissector.protocol.libxc import TSC_MODES
from dissector.protocol.libxl import CHECKPOINT_STATES, EMULATORS

NAMES: Mapping[str, Mapping[int, str]] = {
    "GUEST_TYPES": GUEST_TYPES,
    "PAGE_TYPES": PAGE_TYPES,
    "TSC_MODES": TSC_MODES,
    "HVM_SAVE_TYPES": HVM_SAVE_TYPES,
    "EMULATORS": EMULATORS,
    "CHECKPOINT_STATES": CHECKPOINT_STATES,
}
"""The enumerations of the grammar by the names they have there."""


def names() -> list[str]:
    """The enumerations."""
    return [line for name, values in NAMES.items() for line in table(f"local {name}", dict(values))]


def layouts() -> list[str]:
    """The layouts of all headers and bodies, each once, whoever shares it."""
    bodies: dict[Body, str] = {}
    specs: list[HeaderSpec | RecordSpec] = [*HEADERS.values(), *_all_records()]
    for spec in specs:
        if list(_shown(spec)) and _title(spec.body.__name__) not in bodies.values():
            bodies[spec.body] = _title(spec.body.__name__)
    bodies[xl_optional_data] = _title(xl_optional_data.__name__)
    lines = ["local layouts = {}"]
    for body, name in bodies.items():
        lines += ["", f"layouts.{name} = {{", *_fields(_of(body), INDENT), "}"]
    return lines


def headers() -> list[str]:
    """The headers."""
    lines = ["HEADERS = by_name({"]
    for header in HEADERS.values():
        optional = Raw(f"layouts.{xl_optional_data.__name__}") if header is XL_HEADER else None
        body = Raw(f"layouts.{header.body.__name__}")
        words = (header.name, header.layer, header.size, body, optional)
        lines += call("header", *words, indent=INDENT, ending=",")
    return [*lines, "})"]


def records() -> list[str]:
    """The records, libxc's by the version of the stream that has them; the end of the block that `words.lua` begins."""
    two, three = libxc_records(2), libxc_records(3)
    groups = {
        "BOTH_VERSIONS": [spec for spec in two.values() if three.get(spec.type) == spec],
        "VERSION_2": [spec for spec in two.values() if three.get(spec.type) != spec],
        "VERSION_3": [spec for spec in three.values() if two.get(spec.type) != spec],
    }
    lines = []
    for name, specs in groups.items():
        lines += [f"local {name} = {{", *_records(specs), "}", ""]
    lines += [
        "-- Where the version is not known, 0x10 to 0x12 are version 3's, and 0x13 and up the postcopy RFC's.",
        "LIBXC_RECORDS = {",
        f"{INDENT}[2] = by_type(BOTH_VERSIONS, VERSION_2),",
        f"{INDENT}[3] = by_type(BOTH_VERSIONS, VERSION_3),",
        f"{INDENT}unknown = by_type(BOTH_VERSIONS, VERSION_2, VERSION_3),",
        "}",
    ]
    for name, table_of in (("LIBXL_RECORDS", LIBXL_RECORDS), ("XENOPS_RECORDS", XENOPS_RECORDS)):
        lines += ["", f"{name} = by_type({{", *_records(table_of.values()), "})"]
    return [*lines, "", "end"]


def _all_records() -> Iterator[RecordSpec]:
    for table_of in (libxc_records(2), libxc_records(3), LIBXL_RECORDS, XENOPS_RECORDS):
        yield from table_of.values()


def _of(body: Body) -> list[Field]:
    return list(fields(layout(body, "little")))


def _shown(spec: HeaderSpec | RecordSpec) -> Iterator[Field]:
    """The fields that are shown one by one: of a pages record count and reserved, its entries are shown in runs."""
    is_pages = isinstance(spec, RecordSpec) and spec.shape == "pages"
    return (one for one in _of(spec.body) if not is_pages or one.kind == "uint")


def _title(name: str) -> str:
    """A layout's name: the pages records share the header of their lists."""
    return "pages" if name in ("page_list", "page_data") else name


def _records(specs: Iterable[RecordSpec]) -> Iterator[str]:
    for spec in specs:
        body = Raw(f"layouts.{_title(spec.body.__name__)}") if list(_shown(spec)) else None
        more = {
            **({"direction": spec.direction} if spec.direction != "forward" else {}),
            **({"contents": True} if spec.contents else {}),
        }
        number = Raw(f"0x{spec.type:02x}")
        words = (spec.layer, number, spec.name, spec.shape, body, more or None)
        yield from call("record", *words, indent=INDENT, ending=",")


def _fields(shown: Iterable[Field], indent: str) -> Iterator[str]:
    for field in shown:
        if field.kind == "array" and _is_entry(field):
            continue
        if field.kind == "blob" and field.name == "page_data":
            continue
        yield from _field(field, indent)


def _is_entry(field: Field) -> bool:
    """Whether these are the entries of a pages record: no mask that Wireshark 4.0 takes has 64 bits."""
    return bool(field.elements and field.elements[0].bits and field.elements[0].size == 8)


def _field(field: Field, indent: str) -> Iterator[str]:
    name, doc = field.name or None, field.doc or None
    size = field.size or field.counted_by
    if field.kind == "array":
        yield from _array(field, name, doc, indent)
    elif field.bits:
        yield f"{indent}bits({size}, {literal(name)}, {literal(doc)}, {{"
        for one in field.bits:
            yield from call("part", one.name, one.shift, one.width, one.doc or None, indent=indent + INDENT, ending=",")
        yield f"{indent}}}),"
    else:
        word, arguments = {
            "uint": ("uint", (size, name, doc, _enumeration(field))),
            "bytes": ("octet_string", (size, name, doc)),
            "text": ("text", (size, name, doc)),
            "cstring": ("cstring", (name, doc)),
            "blob": ("rest", (name, doc)),
        }[field.kind]
        if field.kind == "uint" and (field.name.startswith("reserved") or field.default == 0):
            word, arguments = "reserved", (size, name)
        yield from call(word, *arguments, indent=indent, ending=",")


def _array(field: Field, name: str | None, doc: str | None, indent: str) -> Iterator[str]:
    if field.counted_by:
        opening = f"counted({literal(field.counted_by)}, "
    elif field.ends_with:
        opening = f"up_to({literal(field.ends_with[0])}, {field.ends_with[1]}, "
    else:
        opening = "repeated("
    opening += f"{literal(name)}, {literal(doc)}, {{"
    elements = list(_fields(field.elements, ""))
    short = f"{indent}{opening} {' '.join(elements).removesuffix(',')} }}),"
    if len(elements) == 1 and len(short) <= WIDTH:
        yield short
        return
    yield indent + opening
    yield from _fields(field.elements, indent + INDENT)
    yield f"{indent}}}),"


def _enumeration(field: Field) -> Any:
    if not field.values:
        return None
    return Raw(next(name for name, values in NAMES.items() if values == field.values))
