"""Writes Wireshark's dissector, one Lua file: tables from the grammar and the rules, logic from `parts/`."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import NamedTuple

from dissector.integrations.wireshark import layouts, tables
from dissector.integrations.wireshark.literals import WIDTH


class Section(NamedTuple):
    """A part of the file: its title, what it is about, and what writes it: a function, or a file of `parts/`."""

    title: str
    says: str
    source: Callable[[], list[str]] | str


SECTIONS = (
    Section("Declaring", "the protocol, its fields and its expert information", "declaring.lua"),
    Section("Constants", "numbers and octets of the formats", tables.constants),
    Section("Names of numbers", "the specifications' own", layouts.names),
    Section("Fields of every item", "where it is, what it is, what became of it", "fields.lua"),
    Section("Words", "what headers, records and their layouts are declared in", "words.lua"),
    Section("Layouts", "the bodies of headers and records, field by field", layouts.layouts),
    Section("Headers", "by name", layouts.headers),
    Section("Records", "by layer and number", layouts.records),
    Section("Texts and magics", "what a stream or a handshake is known by", tables.texts),
    Section("What comes next", "which layer's header follows", tables.following),
    Section("Order", "states, what each allows, what a record breaks in the others", tables.order),
    Section("Rules", "those that can be judged while packets go by; `xenshark rules ID` explains one", tables.rules),
    Section("Helpers", "numbers out of octets, and numbers for people", "helpers.lua"),
    Section("Walking", "layouts, field by field", "walking.lua"),
    Section("Channels", "what the two directions of a connection share, and what is known of a capture", "channel.lua"),
    Section("Faults", "which page answers which fault", "faults.lua"),
    Section("Judging", "the rules over each item, in the order in which items end", "rules.lua"),
    Section("Streams", "a cursor over the octets of one direction", "stream.lua"),
    Section("Evidence", "that a header stands at a place, for whoever lost the way", "evidence.lua"),
    Section("Framing", "octets to headers, records and texts", "framing.lua"),
    Section("Hunting", "for a stream's magic, or for a header that can only be one", "hunting.lua"),
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
