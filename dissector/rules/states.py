"""The order of a migration's records as data: states, what each allows, what a record in the wrong one
breaks.

A record is written "layer.NAME", a header by its name. One machine serves all kinds of stream: precopy,
postcopy, Remus, COLO, save files and xenopsd's images, PV and HVM guests, versions 2 and 3. The reverse
direction has no order of its own but for POSTCOPY_COMPLETE, which ends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from dissector.protocol import XENOPS_RECORDS

TSC = ("libxc.TSC_INFO", "libxc.X86_TSC_INFO")
HVM_ONLY = ("libxc.HVM_CONTEXT", "libxc.HVM_PARAMS")
PV_CONTEXT = (
    "libxc.SHARED_INFO",
    "libxc.X86_PV_VCPU_BASIC",
    "libxc.X86_PV_VCPU_EXTENDED",
    "libxc.X86_PV_VCPU_XSAVE",
    "libxc.X86_PV_VCPU_MSRS",
)
PV_ONLY = ("libxc.X86_PV_INFO", "libxc.X86_PV_P2M_FRAMES", *PV_CONTEXT)
CONTEXT = TSC + HVM_ONLY + PV_CONTEXT
EMULATOR = ("libxl.EMULATOR_XENSTORE_DATA", "libxl.EMULATOR_CONTEXT")
POLICY = ("libxc.X86_CPUID_POLICY", "libxc.X86_MSR_POLICY")
IMAGE = tuple(f"xenops.{record.name}" for record in XENOPS_RECORDS.values() if record.shape != "signal")


def _to(state: str, *records: str) -> dict[str, str]:
    return dict.fromkeys(records, state)


_MEMORY = {
    **_to("memory", "libxc.X86_PV_P2M_FRAMES", "libxc.PAGE_DATA", "libxc.TOOLSTACK", "libxl.CHECKPOINT_STATE"),
    **_to("context", *CONTEXT),
    "libxc.VERIFY": "verify",
    "libxc.POSTCOPY_BEGIN": "postcopy begun",
    "libxc.CHECKPOINT": "checkpoint",
    "libxc.END": "libxl tail",
}

STATES: Mapping[str, Mapping[str, str]] = {
    "start": {
        **_to("start", "xl header", "libxl header", "libxl.LIBXC_CONTEXT", "image header", "xenops header"),
        **_to("start", *IMAGE),
        "domain header": "static data",
    },
    "static data": {**_to("static data", "libxc.X86_PV_INFO", *POLICY), "libxc.STATIC_DATA_END": "memory"},
    "version 2": {**_MEMORY, "libxc.X86_PV_INFO": "version 2"},
    "memory": _MEMORY,
    "verify": {"libxc.PAGE_DATA": "verify", **_to("context", *CONTEXT), "libxc.END": "libxl tail"},
    "context": {
        **_to("context", "libxc.TOOLSTACK", *CONTEXT),
        "libxc.CHECKPOINT": "checkpoint",
        "libxc.END": "libxl tail",
    },
    "checkpoint": {**_to("checkpoint", *EMULATOR), "libxl.CHECKPOINT_END": "memory"},
    "postcopy begun": {**_to("postcopy begun", *CONTEXT), "libxc.POSTCOPY_PFNS_BEGIN": "postcopy pfns"},
    "postcopy pfns": {
        "libxc.POSTCOPY_PFNS": "postcopy pfns",
        "libxc.POSTCOPY_TRANSITION": "postcopy transition",
    },
    "postcopy transition": {
        **_to("postcopy transition", *EMULATOR),
        "libxl.POSTCOPY_TRANSITION_END": "postcopy pages",
    },
    "postcopy pages": {"libxc.POSTCOPY_PAGE_DATA": "postcopy pages", "libxc.END": "libxl tail"},
    "libxl tail": {**_to("libxl tail", *EMULATOR), "libxl.END": "finished"},
    "xenops tail": {**_to("xenops tail", *IMAGE), "xenops.END_OF_IMAGE": "finished"},
    "finished": {},
    # After a violation: what was said already is not said again for the records that it leaves out of place.
    "early pfns": {
        "libxc.POSTCOPY_PFNS": "early pfns",
        "libxc.POSTCOPY_PFNS_BEGIN": "postcopy pfns",
        "libxc.POSTCOPY_TRANSITION": "postcopy transition",
    },
    "early pages": {
        "libxc.POSTCOPY_PFNS": "early pages",
        "libxc.POSTCOPY_PAGE_DATA": "early pages",
        "libxc.POSTCOPY_TRANSITION": "postcopy transition",
        "libxc.END": "libxl tail",
    },
}
"""What each state allows, and the state after it. "static data" is version 3's; a version 2 stream goes from
the domain header to "version 2" instead. `after` says what is passed by where a stream is not inside another.

Sources: libxc-migration-stream "Layout", libxl-migration-stream, the postcopy RFC, xg_sr_save.c and
libxl_stream_write.c of Xen, suspend_image.ml of xen-api.
"""

WITHOUT_LIBXL: Mapping[str, str] = {
    "checkpoint": "memory",
    "postcopy transition": "postcopy pages",
    "libxl tail": "finished",
}

OF_VERSION: Mapping[int | None, str] = {2: "version 2", 3: "static data"}
"""The state after a domain header by the version of the stream; none of a version that nobody specified."""

BEFORE_POSTCOPY = ("static data", "version 2", "memory", "verify", "context", "checkpoint")
TO_POSTCOPY = ("postcopy begun", "early pfns", "postcopy pfns", "early pages", "postcopy transition")
IN_POSTCOPY = (*TO_POSTCOPY, "postcopy pages")


class Misplaced(NamedTuple):
    """What a record breaks in some states that do not allow it."""

    states: tuple[str, ...]
    rule: str
    then: str | None = None
    """The state that the record implies; None: the one before goes on."""


UNEXPECTED = Misplaced((), "unexpected-record")


def _early(then: str) -> Misplaced:
    return Misplaced(("static data",), "missing-static-data-end", then)


def _unannounced(then: str) -> Misplaced:
    return Misplaced(BEFORE_POSTCOPY, "postcopy-begin-missing", then)


_BESIDE_CONTEXT = Misplaced(("postcopy begun",), "postcopy-context-missing")

MISPLACED: Mapping[str, tuple[Misplaced, ...]] = {
    "libxc.STATIC_DATA_END": (Misplaced((*BEFORE_POSTCOPY, *IN_POSTCOPY), "duplicate-static-data-end"),),
    **dict.fromkeys(CONTEXT, (_early("context"),)),
    "libxc.X86_PV_P2M_FRAMES": (_early("memory"), _BESIDE_CONTEXT),
    "libxc.TOOLSTACK": (_early("memory"), _BESIDE_CONTEXT),
    "libxc.VERIFY": (_early("verify"), _BESIDE_CONTEXT),
    "libxc.CHECKPOINT": (_early("checkpoint"), _BESIDE_CONTEXT),
    "libxc.PAGE_DATA": (_early("memory"), Misplaced(IN_POSTCOPY, "page-data-after-postcopy-begin")),
    "libxc.POSTCOPY_BEGIN": (Misplaced(IN_POSTCOPY, "postcopy-begin-repeated"),),
    "libxc.POSTCOPY_PFNS_BEGIN": (_unannounced("postcopy pfns"),),
    "libxc.POSTCOPY_PFNS": (
        _unannounced("early pfns"),
        Misplaced(("postcopy begun",), "postcopy-pfns-before-begin", "early pfns"),
    ),
    "libxc.POSTCOPY_TRANSITION": (
        _unannounced("postcopy transition"),
        Misplaced(("postcopy begun",), "postcopy-pfns-before-begin", "postcopy transition"),
    ),
    "libxc.POSTCOPY_PAGE_DATA": (
        _unannounced("postcopy pages"),
        Misplaced(TO_POSTCOPY, "postcopy-page-data-before-transition", "early pages"),
    ),
    "libxl.CHECKPOINT_END": (Misplaced((*BEFORE_POSTCOPY, *IN_POSTCOPY, "libxl tail"), "checkpoint-end-unexpected"),),
}
"""The rules that a record breaks in a state that does not allow it; the first whose states name it counts."""

NATURAL: Mapping[str, str] = {
    "libxc.STATIC_DATA_END": "memory",
    "libxc.X86_PV_P2M_FRAMES": "memory",
    "libxc.PAGE_DATA": "memory",
    "libxc.VERIFY": "verify",
    "libxc.CHECKPOINT": "checkpoint",
    "libxl.CHECKPOINT_END": "memory",
    "libxc.POSTCOPY_BEGIN": "postcopy begun",
    "libxc.POSTCOPY_PFNS_BEGIN": "postcopy pfns",
    "libxc.POSTCOPY_PFNS": "postcopy pfns",
    "libxc.POSTCOPY_TRANSITION": "postcopy transition",
    "libxl.POSTCOPY_TRANSITION_END": "postcopy pages",
    "libxc.POSTCOPY_PAGE_DATA": "postcopy pages",
    "libxc.END": "libxl tail",
    "libxl.END": "finished",
    "xenops.END_OF_IMAGE": "finished",
}
"""The state after a record wherever it came: where checking goes on after a gap. The context records are sent
in more than one."""


def after(state: str, in_libxl: bool | None, in_xenops: bool) -> str | None:
    """The state that is meant, by the streams that are around this one, as far as that is known."""
    if not in_libxl and state in WITHOUT_LIBXL:
        return None if in_libxl is None else after(WITHOUT_LIBXL[state], True, in_xenops)
    return "xenops tail" if in_xenops and state == "finished" else state


def misplaced(record: str, state: str) -> Misplaced:
    """What a record breaks in a state that does not allow it."""
    return next((one for one in MISPLACED.get(record, ()) if state in one.states), UNEXPECTED)


def mermaid() -> str:
    """The machine as a Mermaid state diagram."""
    names = {state: state.replace(" ", "_") for state in STATES if not state.startswith("early")}
    lines = ["stateDiagram-v2", "    [*] --> start", "    start --> version_2: domain header of version 2"]
    for state, name in names.items():
        records: dict[str, list[str]] = {}
        for record, target in STATES[state].items():
            records.setdefault(target, []).append(record)
        lines += [f"    {name} --> {names[target]}: {', '.join(all)}" for target, all in records.items()]
    lines += [f"    {names[state]} --> {names[target]}: no libxl stream" for state, target in WITHOUT_LIBXL.items()]
    lines += [f"    finished --> {names['xenops tail']}: in an image of xenopsd", "    finished --> [*]"]
    return "\n".join(lines) + "\n"
