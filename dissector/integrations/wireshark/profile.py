"""A Wireshark profile for migrations: colours, filter buttons and a column, as the files Wireshark reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from dissector.integrations.wireshark import fields as f

NAME = f.PROTOCOL
"""Of the profile, and of its folder."""


class Colour(NamedTuple):
    """A colouring rule. Colours are RRGGBB; the first rule that matches a packet paints it."""

    name: str
    filter: str
    background: str
    foreground: str


class Button(NamedTuple):
    """A filter at the end of the filter bar."""

    label: str
    filter: str


COLOURS = (
    Colour("xenmig: error", f'{f.RULE.name} && _ws.expert.severity == "Error"', "a40000", "fffacd"),
    Colour("xenmig: unanswered fault", f.UNANSWERED, "d45500", "ffffff"),
    Colour("xenmig: warning", f'{f.RULE.name} && _ws.expert.severity == "Warning"', "fce94f", "12272e"),
    Colour("xenmig: fault", f.FAULT.name, "ffd0d0", "12272e"),
    Colour("xenmig: page that answers a fault", f.ANSWERS.name, "c8f0c8", "12272e"),
    Colour("xenmig: postcopy", f'{f.NAME.name} matches "^POSTCOPY_"', "e6dcf5", "12272e"),
    Colour("xenmig: record", f.ITEM.name, "dbeafe", "12272e"),
    Colour("Bad TCP", "tcp.analysis.flags && !tcp.analysis.window_update", "12272e", "f78787"),
    Colour("xenmig: page contents", f.PROTOCOL, "f4f4f4", "808080"),
)

BUTTONS = (
    Button("Records", f.ITEM.name),
    Button("Postcopy", f'{f.NAME.name} matches "^POSTCOPY_"'),
    Button("Faults", f.FAULT.name),
    Button("Answers", f.ANSWERS.name),
    Button("Slow (50 ms)", f"{f.LATENCY.name} > 0.05"),
    Button("Unanswered", f.UNANSWERED),
    Button("Findings", f.RULE.name),
)

HEURISTIC_FIRST = "tcp.try_heuristic_first"
"""The preference that lets the dissector look before those that have a port of their own: HTTP on 8080, X11 on 6000."""

COLUMNS = (
    ("No.", "%m"),
    ("Time", "%t"),
    ("Source", "%s"),
    ("Destination", "%d"),
    ("Protocol", "%p"),
    ("Length", "%L"),
    ("Slowest fault", f"%Cus:{f.SLOWEST.name}:0:R"),
    ("Info", "%i"),
)
"""Title and content of each column of the packet list."""


def files() -> Mapping[str, str]:
    """Name and text of each file of the profile."""
    columns = ", ".join(f'"{title}", "{content}"' for title, content in COLUMNS)
    return {
        "colorfilters": "".join(map(_colour, COLOURS)),
        "dfilter_buttons": "".join(f'"TRUE",{_quoted(label)},{_quoted(wanted)},""\n' for label, wanted in BUTTONS),
        "preferences": f"gui.column.format: {columns}\n{HEURISTIC_FIRST}: TRUE\n",
    }


def _colour(rule: Colour) -> str:
    return f"@{rule.name}@{rule.filter}@[{_sixteen_bits(rule.background)}][{_sixteen_bits(rule.foreground)}]\n"


def _sixteen_bits(colour: str) -> str:
    """RRGGBB in the 16 bits a part that the file has."""
    return ",".join(str(257 * part) for part in bytes.fromhex(colour))


def _quoted(text: str) -> str:
    """A string as Wireshark's tables write it: what is no plain text in hexadecimals."""
    return '"' + "".join(f"\\x{ord(one):02x}" if one in '"\\' else one for one in text) + '"'
