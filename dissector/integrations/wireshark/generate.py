"""Writes Wireshark's dissector, one Lua file: tables from the grammar and the rules, logic from `parts/`."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import NamedTuple

from dissector.integrations.wireshark import fields, tables
from dissector.integrations.wireshark.literals import WIDTH
from dissector.integrations.wireshark.translated import program


class Section(NamedTuple):
    """A part of the file: its title, what it is about, and what writes it: a function, or a file of `parts/`."""

    title: str
    says: str
    source: Callable[[], list[str]] | str


def _functions() -> list[str]:
    # Parameters that only other functions of the same kind need, and names that Python has in every function anew.
    return ["-- luacheck: push ignore 21 42 43", *program().function_lines(), "-- luacheck: pop"]


SECTIONS = (
    Section("Declaring", "the protocol, its fields and its expert information", "declaring.lua"),
    Section("Names of numbers", "the specifications' own", tables.names),
    Section("Fields", "of every item, then of every header and body", fields.declarations),
    Section("Python", "what the translated functions use of it", "python.lua"),
    Section("Classes", "of the translated modules", lambda: program().class_lines()),
    Section("Constants", "of the protocol that the runtime needs", tables.constants),
    Section("Native", "what of the translated modules is by hand", "native.lua"),
    Section("Layouts", "the bodies of headers and records, field by field", tables.layouts),
    Section("Protocol", "headers, records, containers and texts", tables.specs),
    Section("Rules", "those that can be judged while packets go by; `xenshark rules ID` explains one", tables.rules),
    Section("Constants of the modules", "as they are in Python", lambda: program().constant_lines()),
    Section("Functions", "translated: the parser of a direction, the matching of faults, the judges", _functions),
    Section("Parsing", "what is known of a capture, its migrations and their items", "parsing.lua"),
    Section("Places", "where a packet's octets stand in their stream", "place.lua"),
    Section("Arrival", "segments in any order to octets in order", "arrival.lua"),
    Section("Rendering", "the tree and the columns", "rendering.lua"),
    Section("Segments", "what TCP hands over, and what it keeps back", "segments.lua"),
    Section("Reports", "tshark -z, and windows of the graphical interface", "listeners.lua"),
    Section("Registration", "preferences, ports, and the dissector itself", "registration.lua"),
)

HEAD = """\
-- Xen live migration for Wireshark: every header, record and handshake text of the xl, xenopsd, libxl and libxc
-- streams, postcopy faults matched to the pages that answer them, and the rules of the protocol as expert information.
--
-- Written by `xenshark lua --write`: change the protocol, the rules or parts/ in dissector/integrations, not this file.
-- For Wireshark 4.0 (Lua 5.2) and 4.4 or newer (Lua 5.4). Copy it to the personal Lua plugins (Help, About, Folders),
-- or `xenshark lua --install`; to try it, `tshark -X lua_script:xen_migration.lua -r FILE`.
--
-- It does not let TCP reassemble records. Each direction of a connection has a parser of its own that says what it
-- needs next; of page contents it needs nothing. Each packet is taken in once, in the order of the capture; what a
-- packet shows is looked up by its place in the stream, so packets can be shown in any order, any number of times.
-- What only later packets tell is there on the second pass: in the graphical interface, and with `tshark -2`.
"""


def dissector() -> str:
    """The text of the file."""
    chunks = [HEAD]
    for section in SECTIONS:
        line = f"-- {section.title}: {section.says} "
        chunks.append(line + "-" * max(0, WIDTH - len(line)) + "\n")
        chunks.append(_text(section.source))
    return "\n".join(chunks)


def _text(source: Callable[[], list[str]] | str) -> str:
    if isinstance(source, str):
        return files(__package__).joinpath("parts", source).read_text(encoding="utf-8")
    return "\n".join(source()) + "\n"
