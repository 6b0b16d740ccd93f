"""The tables that the dissector's logic needs beside the layouts: magics, what follows what, states, rules."""

from __future__ import annotations

from typing import Any

from dissector.integrations.wireshark.literals import Raw, call, literal, table
from dissector.parser.confidence import BELIEVED, CHAIN
from dissector.parser.resync import MAGICS
from dissector.parser.states import CONTEXT_TYPES
from dissector.protocol import (
    BODY_LENGTH_MAX,
    HEADERS,
    IMAGE_MAGIC,
    LIBXL_IDENT,
    LIBXL_VERSION,
    MESSAGES,
    OPTIONAL,
    PAGE_SHIFT,
    PLACES,
    RECORDS,
    RESERVED_PAGE_TYPES,
    UNBACKED,
    XL_BYTEORDER,
    XL_MAGIC,
    Expect,
    HeaderSpec,
    RecordSpec,
    Role,
    State,
    libxc_records,
    proof_of,
)
from dissector.protocol.states import OF_VERSION, WITHOUT_LIBXL
from dissector.rules import RULES, handshake, postcopy
from dissector.rules import order as ordering
from dissector.rules.order import UNEXPECTED_RECORD
from dissector.tcp.half_connection import REORDER_FRAMES

_SPECS: tuple[HeaderSpec | RecordSpec, ...] = (*HEADERS.values(), *RECORDS)
_VCPU_BASIC = next(proof_of(spec) for spec in RECORDS if spec.name == "X86_PV_VCPU_BASIC")

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
    "FIXED_LENGTHS": {
        spec.name: proof.lengths[0]
        for spec in RECORDS
        if spec.shape in ("fixed", "page") and (proof := proof_of(spec)) is not None
    },
    "VCPU_BASIC_LENGTHS": frozenset(_VCPU_BASIC.lengths if _VCPU_BASIC else ()),
}

_STATE = {
    Expect.XL_HEADER: "xl header",
    Expect.XENOPS_HEADER: "xenops header",
    Expect.XENOPS_STATE: "xenops",
    Expect.LIBXL_HEADER: "libxl header",
    Expect.IMAGE_HEADER: "image header",
    Expect.DOMAIN_HEADER: "domain header",
    Expect.XENOPS_RECORD: "xenops",
    Expect.LIBXL_RECORD: "libxl",
    Expect.LIBXC_RECORD: "libxc",
    Expect.LIBXL_IF_THERE: "libxl, if there",
    Expect.LIBXL_OR_LIBXC: "libxl or libxc",
    Expect.OUTER: "outer",
    Expect.LEGACY: "legacy",
    Expect.REVERSE: "reverse",
}


def _key(spec: HeaderSpec | RecordSpec) -> str:
    return f"{spec.layer}.{spec.name}" if isinstance(spec, RecordSpec) else spec.name


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
    read = [one for one in MAGICS if one.expect in _STATE]
    magics = [{"octets": one.octets, "direction": one.direction, "state": _STATE[one.expect]} for one in read]
    beginnings = {_STATE[one.expect]: one.layer for one in read}
    forward = sorted({one.octets[:8] for one in read if one.direction == "forward"})
    types = sorted({spec.type for version in (2, 3) for spec in libxc_records(version).values()} - {0})
    return [
        *table("local MESSAGES", messages),
        *table("local BANNER", MESSAGES["banner"].octets),
        *table("local MAGICS", magics),
        "",
        "-- The states that read the beginning of a stream, and the stream's layer.",
        *table("local BEGINNINGS", beginnings),
        *table("local FORWARD_BEGINNINGS", dict.fromkeys(forward, True)),
        "",
        "-- Eight octets that may be a record header, in either byte order: a type in use and not END, a length below",
        "-- 256 MiB.",
        f"local TYPES_IN_USE = {literal(b'[' + bytes(types) + b']')}",
        'local CANDIDATES_LITTLE = TYPES_IN_USE .. "\\0\\0\\0...[\\0-\\15]"',
        'local CANDIDATES_BIG = "\\0\\0\\0" .. TYPES_IN_USE .. "[\\0-\\15]..."',
    ]


def following() -> list[str]:
    return [
        "-- After a header or record of the forward direction; where there is no entry, another of its layer.",
        *table(
            "local NEXT", {f"{spec.layer}.{spec.name}": _STATE[spec.then] for spec in _SPECS if spec.then is not None}
        ),
        "",
        '-- The layer of the header after a record; "none": nothing follows.',
        *table("local HANDS_OVER", AFTER),
        "",
        "-- What comes after POSTCOPY_BEGIN, and not after STATIC_DATA_END, which has the same number.",
        *table("local AFTER_POSTCOPY_BEGIN", CONTEXT_TYPES),
    ]


def order() -> list[str]:
    misplaced: dict[str, list[dict[str, Any]]] = {}
    for spec in _SPECS:
        for rule in RULES.values():
            for one in rule.misplaced:
                if spec.role in one.roles:
                    # A rule that Wireshark cannot judge whole it does not know: there it is a record out of place.
                    known = rule if rule.wireshark else UNEXPECTED_RECORD
                    row = {"states": [state.value for state in one.states], "rule": known.id}
                    misplaced.setdefault(_key(spec), []).append({**row, "follows": one.then.value} if one.then else row)
    should_be = {
        layer: {"states": [state.value for state in one.states], "missing": one.missing, "follows": one.then.value}
        for layer, one in postcopy.SHOULD_BE.items()
    }
    states = {
        state.value: {
            _key(spec): PLACES[spec.role].moves[state].value for spec in _SPECS if state in PLACES[spec.role].moves
        }
        for state in State
    }
    natural = {_key(spec): place.value for spec in _SPECS if (place := PLACES[spec.role].natural) is not None}
    context = frozenset(_key(spec) for spec in RECORDS if spec.role is Role.CONTEXT)
    return [
        "-- What each state allows, and the state after it.",
        *table("local STATES", states),
        "",
        "-- The state after a domain header, by the version of the stream.",
        *table("local OF_VERSION", {version: state.value for version, state in OF_VERSION.items() if version}),
        "",
        "-- What is meant where there is no libxl stream around.",
        *table("local WITHOUT_LIBXL", {one.value: other.value for one, other in WITHOUT_LIBXL.items()}),
        "",
        "-- The state after a record wherever it came: where judging goes on after a gap.",
        *table("local NATURAL", natural),
        "",
        "-- The rules that a record breaks in a state that does not allow it; the first whose states name it counts.",
        *table("local MISPLACED", misplaced),
        "",
        "-- By the layer of a record that nothing announced: where that is found, and what would have announced it.",
        *table("local SHOULD_BE", should_be),
        "",
        "-- What says of a record that comes late that it was missed before.",
        *table("local MISSED", {f"libxc.{name}": missing for name, missing in ordering.MISSED.items()}),
        "",
        *table("local CONTEXT", context),
        *table("local HVM_CONTEXT", ordering.HVM_CONTEXT),
        *table("local PV_ONLY", frozenset(_key(spec) for spec in RECORDS if spec.guest == "pv")),
        *table("local HVM_ONLY", frozenset(_key(spec) for spec in RECORDS if spec.guest == "hvm")),
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
