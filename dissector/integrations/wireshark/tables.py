"""The tables that the dissector's logic needs beside the layouts: magics, what follows what, states, rules."""

from __future__ import annotations

from typing import Any

from dissector.integrations.wireshark.literals import Raw, call, literal, table
from dissector.parser import flow, layers
from dissector.parser.confidence import BELIEVED, CHAIN, FIXED_LENGTHS, VCPU_BASIC_LENGTHS
from dissector.parser.resync import FORWARD_BEGINNINGS, MAGICS
from dissector.protocol import (
    BODY_LENGTH_MAX,
    HEADERS,
    IMAGE_MAGIC,
    LIBXL_IDENT,
    LIBXL_VERSION,
    MESSAGES,
    OPTIONAL,
    PAGE_SHIFT,
    RESERVED_PAGE_TYPES,
    UNBACKED,
    XL_BYTEORDER,
    XL_MAGIC,
    libxc_records,
)
from dissector.rules import RULES, handshake, states
from dissector.rules import order as ordering
from dissector.tcp.half_connection import REORDER_FRAMES

CONSTANTS: dict[str, Any] = {
    "PAGE_SHIFT": PAGE_SHIFT,
    "UNBACKED": UNBACKED,
    "RESERVED_PAGE_TYPES": RESERVED_PAGE_TYPES,
    "BODY_LENGTH_MAX": BODY_LENGTH_MAX,
    "OPTIONAL": OPTIONAL,
    "XL_MAGIC": XL_MAGIC,
    "XL_BYTEORDER": XL_BYTEORDER,
    "LIBXL_IDENT": LIBXL_IDENT,
    "LIBXL_VERSION": LIBXL_VERSION,
    "IMAGE_MAGIC": IMAGE_MAGIC,
    "REORDER_FRAMES": REORDER_FRAMES,
    "BELIEVED": BELIEVED,
    "CHAIN": CHAIN,
    "FIXED_LENGTHS": FIXED_LENGTHS,
    "VCPU_BASIC_LENGTHS": VCPU_BASIC_LENGTHS,
}

SEVERITIES = {"error": "ERROR", "warning": "WARN", "note": "NOTE"}

AFTER = {
    # By the record with which a layer hands over: the layer of the next header. "none": nothing follows.
    **{f"libxc.{name}": "libxl" for name in ("END", "CHECKPOINT", "POSTCOPY_TRANSITION")},
    **{f"libxl.{name}": "libxc" for name in ("CHECKPOINT_END", "POSTCOPY_TRANSITION_END")},
    "libxl.END": "none",
}


def constants() -> list[str]:
    return [line for name, value in CONSTANTS.items() for line in table(f"local {name}", value)]


def texts() -> list[str]:
    messages = [
        {"name": one.name, "direction": one.direction, "status": one.status, "octets": one.octets}
        for one in MESSAGES.values()
    ]
    magics = [{"octets": magic, "direction": direction, "state": state} for magic, (direction, state) in MAGICS.items()]
    beginnings = {state: _layer(state) for _, state in MAGICS.values()}
    types = sorted({spec.type for version in (2, 3) for spec in libxc_records(version).values()} - {0})
    return [
        *table("local MESSAGES", messages),
        *table("local BANNER", MESSAGES["banner"].octets),
        *table("local MAGICS", magics),
        "",
        "-- The states that read the beginning of a stream, and the stream's layer.",
        *table("local BEGINNINGS", beginnings),
        *table("local FORWARD_BEGINNINGS", dict.fromkeys(sorted(FORWARD_BEGINNINGS), True)),
        "",
        "-- Eight octets that may be a record header, in either byte order: a type in use and not END, a length below",
        "-- 256 MiB.",
        f"local TYPES_IN_USE = {literal(b'[' + bytes(types) + b']')}",
        'local CANDIDATES_LITTLE = TYPES_IN_USE .. "\\0\\0\\0...[\\0-\\15]"',
        'local CANDIDATES_BIG = "\\0\\0\\0" .. TYPES_IN_USE .. "[\\0-\\15]..."',
    ]


def _layer(state: str) -> str:
    return HEADERS[state].layer if state in HEADERS else "xl"


def following() -> list[str]:
    return [
        "-- After a header or record of the forward direction; where there is no entry, another of its layer.",
        *table("local NEXT", {f"{layer}.{name}": state for (layer, name), state in flow.NEXT.items()}),
        "",
        '-- The layer of the header after a record; "none": nothing follows.',
        *table("local HANDS_OVER", AFTER),
        "",
        "-- What comes after POSTCOPY_BEGIN, and not after STATIC_DATA_END, which has the same number.",
        *table("local AFTER_POSTCOPY_BEGIN", layers.CONTEXT_RECORDS),
    ]


def order() -> list[str]:
    misplaced = {
        record: [{"states": one.states, "rule": one.rule, **({"follows": one.then} if one.then else {})} for one in all]
        for record, all in states.MISPLACED.items()
    }
    should_be = {
        layer: {"states": where, "missing": missing, "follows": then}
        for layer, (where, missing, then) in ordering.SHOULD_BE.items()
    }
    return [
        "-- What each state allows, and the state after it.",
        *table("local STATES", {name: dict(allows) for name, allows in states.STATES.items()}),
        "",
        "-- The state after a domain header, by the version of the stream.",
        *table("local OF_VERSION", {version: state for version, state in states.OF_VERSION.items() if version}),
        "",
        "-- What is meant where there is no libxl stream around.",
        *table("local WITHOUT_LIBXL", dict(states.WITHOUT_LIBXL)),
        "",
        "-- The state after a record wherever it came: where judging goes on after a gap.",
        *table("local NATURAL", dict(states.NATURAL)),
        "",
        "-- The rules that a record breaks in a state that does not allow it; the first whose states name it counts.",
        *table("local MISPLACED", misplaced),
        "",
        "-- By the layer of a record that nothing announced: where that is found, and what would have announced it.",
        *table("local SHOULD_BE", should_be),
        "",
        "-- What says of a record that comes late that it was missed before.",
        *table("local MISSED", {record: min(rules) for record, rules in ordering.MISSED.items()}),
        "",
        *table("local CONTEXT", frozenset(states.CONTEXT)),
        *table("local HVM_CONTEXT", ordering.HVM_CONTEXT),
        *table("local PV_ONLY", frozenset(states.PV_ONLY)),
        *table("local HVM_ONLY", frozenset(states.HVM_ONLY)),
        "",
        "-- Which text may come next, by the one that came last.",
        *table("local HANDSHAKE", {"live": _said(handshake.LIVE), "postcopy": _said(handshake.POSTCOPY)}),
    ]


def _said(after: handshake.Table) -> dict[str, list[dict[str, str]]]:
    return {
        name or "start": [{"direction": direction, "text": text} for direction, text in allowed]
        for name, allowed in after.items()
    }


def rules() -> list[str]:
    """The rules that are judged here."""
    lines: list[str] = []
    for rule in RULES.values():
        if rule.wireshark:
            lines += call("declare_rule", rule.id, Raw(f"expert.severity.{SEVERITIES[rule.severity]}"), rule.summary)
    return lines
