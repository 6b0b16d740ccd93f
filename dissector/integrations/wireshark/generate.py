"""Writes Wireshark's dissector, one Lua file.

Three kinds of text go into it. Tables: fields, layouts, headers, records, containers, texts and rules, from the
package's own rows (`fields`, `tables`). Functions: what the parser and the rules decide, translated from the Python
functions in which they decide it (`translation`, `translated`). And `parts/`, by hand: what is Wireshark's own (packets
to octets, rendering, reports, preferences), and the small runtime that the other two stand on.

Why functions are translated, and not interpreted from tables. What follows what, what proves a header, what a record
breaks: these are rows as far as they can be, and the same rows here and there. What is left is no row: which of two
layers goes on where only the octets tell, when a search is hopeless, what a page breaks that was never announced. Those
were 1,900 lines of Lua, which had to be changed with every change of the Python and were wrong until `crosscheck` found
out; as tables they would be a language of their own, with an interpreter in each of two languages. The functions are
small, typed and nearly free of exceptions, so they can be translated as they are. The translator is not smaller than
what it replaces, but it does not grow with the protocol or the rules, and when the parser is laid out anew so is this
dissector. What it costs: whoever writes in a translated module keeps to the subset that `translation` describes, and is
told where he does not; and `crosscheck` no longer compares two authors, but two languages, two TCPs and two displays.
The truth of the captures, which neither has written, is what both are tested against.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import NamedTuple

from dissector import __version__
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
    Section("Features", "of processors, by register and bit of CPUID", tables.features),
    Section("Registers", "model-specific ones, by number and bit", tables.registers),
    Section("Protocol", "headers, records, containers and texts", tables.specs),
    Section("Rules", "those that can be judged while packets go by; `xenshark rules ID` explains one", tables.rules),
    Section("Checks", "of the rules that compare fields", tables.checks),
    Section("Constants of the modules", "as they are in Python", lambda: program().constant_lines()),
    Section(
        "Functions",
        "translated: octets in order, the parser of a direction, the matching of faults, the judges",
        _functions,
    ),
    Section("Packets", "what their fields and times say", "place.lua"),
    Section("Rendering", "the tree and the columns", "rendering.lua"),
    Section("Segments", "what TCP hands over, and what it keeps back", "segments.lua"),
    Section("Reports", "tshark -z, and windows of the graphical interface", "listeners.lua"),
    Section("Registration", "preferences, ports, and the dissector itself", "registration.lua"),
)

HEAD = f"""\
-- SPDX-License-Identifier: GPL-2.0-or-later
--
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

set_plugin_info({{ version = "{__version__}" }})
"""


def dissector() -> str:
    """The text of the file."""
    chunks = [HEAD]
    for section in SECTIONS:
        line = f"-- {section.title}: {section.says} "
        chunks.append(line + "-" * max(0, WIDTH - len(line)) + "\n")
        chunks.append(_text(section.source))
    return "\n".join(chunks)


PARTS = {
    section.source: files(__package__).joinpath("parts", section.source).read_text(encoding="utf-8")
    for section in SECTIONS
    if isinstance(section.source, str)
}
"""What is by hand, by the name of its file."""


def _text(source: Callable[[], list[str]] | str) -> str:
    if isinstance(source, str):
        return PARTS[source]
    return "\n".join(source()) + "\n"
