"""The order of a migration's records as data: states, where each role may stand in them, and what comes after.

One machine serves all kinds of stream: precopy, postcopy, Remus, COLO, save files and xenopsd's images, PV and HVM
guests, versions 2 and 3. Everything that moves it is in this file: a record moves it by its role, and `after` passes
what is not there where a stream is inside no other. The reverse direction has no order of its own but for
POSTCOPY_COMPLETE, which ends it. What a record breaks in a state that does not allow it is the business of the rules.

Sources: libxc-migration-stream "Layout", libxl-migration-stream, the postcopy RFC, xg_sr_save.c and
libxl_stream_write.c of Xen, suspend_image.ml of xen-api.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .specs import HeaderSpec, Name, RecordSpec, Role


class State(Name):
    """How far a stream is. The value is what people read."""

    START = "start"
    STATIC_DATA = "static data"
    VERSION_2 = "version 2"
    MEMORY = "memory"
    VERIFY = "verify"
    CONTEXT = "context"
    CHECKPOINT = "checkpoint"
    POSTCOPY_BEGUN = "postcopy begun"
    POSTCOPY_PFNS = "postcopy pfns"
    POSTCOPY_TRANSITION = "postcopy transition"
    POSTCOPY_PAGES = "postcopy pages"
    LIBXL_TAIL = "libxl tail"
    XENOPS_TAIL = "xenops tail"
    FINISHED = "finished"
    # After a violation: what was said already is not said again for the records that it leaves out of place.
    EARLY_PFNS = "early pfns"
    EARLY_PAGES = "early pages"


S = State


class Place(NamedTuple):
    """Where a role may stand."""

    moves: Mapping[State, State]
    """The states that allow it, and the state after it in each."""
    natural: State | None = None
    """The state after it wherever it came: where one goes on after a gap. None: it is sent in more than one."""
    phase: str | None = None
    """The phase that begins with it, unless that or a later one has begun: whichever record is the first captured."""


def _stays(*states: State) -> dict[State, State]:
    return {state: state for state in states}


def _to(then: State, *states: State) -> dict[State, State]:
    return dict.fromkeys(states, then)


_MEMORY = (S.VERSION_2, S.MEMORY)

PLACES: Mapping[Role, Place] = {
    Role.HEADER: Place(_stays(S.START)),
    Role.DOMAIN: Place(_to(S.STATIC_DATA, S.START)),
    Role.EMBEDDED_STREAM: Place(_stays(S.START)),
    Role.IMAGE: Place(_stays(S.START, S.XENOPS_TAIL)),
    Role.IMAGE_END: Place(_to(S.FINISHED, S.XENOPS_TAIL), S.FINISHED),
    Role.STATIC_DATA: Place(_stays(S.STATIC_DATA, S.VERSION_2)),
    Role.STATIC_DATA_END: Place(_to(S.MEMORY, S.STATIC_DATA), S.MEMORY),
    Role.FRAME_TABLE: Place(_to(S.MEMORY, *_MEMORY), S.MEMORY),
    Role.MEMORY: Place({**_to(S.MEMORY, *_MEMORY), **_stays(S.VERIFY)}, S.MEMORY, "precopy"),
    Role.VERIFY: Place(_to(S.VERIFY, *_MEMORY), S.VERIFY, "stop"),
    Role.CONTEXT: Place({**_to(S.CONTEXT, *_MEMORY, S.VERIFY, S.CONTEXT), **_stays(S.POSTCOPY_BEGUN)}, phase="stop"),
    Role.TOOLSTACK: Place({**_to(S.MEMORY, *_MEMORY), **_stays(S.CONTEXT)}),
    Role.EMULATOR: Place(_stays(S.CHECKPOINT, S.POSTCOPY_TRANSITION, S.LIBXL_TAIL)),
    Role.CHECKPOINT: Place(_to(S.CHECKPOINT, *_MEMORY, S.CONTEXT), S.CHECKPOINT),
    Role.CHECKPOINT_END: Place(_to(S.MEMORY, S.CHECKPOINT), S.MEMORY),
    Role.CHECKPOINT_STATE: Place(_to(S.MEMORY, *_MEMORY)),
    Role.REPORT: Place({}),
    Role.POSTCOPY_BEGIN: Place(_to(S.POSTCOPY_BEGUN, *_MEMORY), S.POSTCOPY_BEGUN, "stop"),
    Role.POSTCOPY_SETUP: Place(_to(S.POSTCOPY_PFNS, S.POSTCOPY_BEGUN, S.EARLY_PFNS), S.POSTCOPY_PFNS, "stop"),
    Role.POSTCOPY_LIST: Place(_stays(S.POSTCOPY_PFNS, S.EARLY_PFNS, S.EARLY_PAGES), S.POSTCOPY_PFNS, "stop"),
    Role.POSTCOPY_TRANSITION: Place(
        _to(S.POSTCOPY_TRANSITION, S.POSTCOPY_PFNS, S.EARLY_PFNS, S.EARLY_PAGES), S.POSTCOPY_TRANSITION, "transition"
    ),
    Role.POSTCOPY_TRANSITION_END: Place(_to(S.POSTCOPY_PAGES, S.POSTCOPY_TRANSITION), S.POSTCOPY_PAGES),
    Role.POSTCOPY_PAGES: Place(_stays(S.POSTCOPY_PAGES, S.EARLY_PAGES), S.POSTCOPY_PAGES, "postcopy"),
    Role.POSTCOPY_FAULT: Place({}),
    Role.POSTCOPY_COMPLETE: Place({}),
    Role.LIBXC_END: Place(
        _to(S.LIBXL_TAIL, *_MEMORY, S.VERIFY, S.CONTEXT, S.POSTCOPY_PAGES, S.EARLY_PAGES), S.LIBXL_TAIL, "finish"
    ),
    Role.LIBXL_END: Place(_to(S.FINISHED, S.LIBXL_TAIL), S.FINISHED, "finish"),
}
"""Every role has a place; STATIC_DATA is version 3's state, a version 2 stream goes from the domain header to VERSION_2
instead."""

PHASES = ("handshake", "precopy", "stop", "checkpoint", "transition", "postcopy", "finish")
"""In their order."""

WITHOUT_LIBXL: Mapping[State, State] = {
    S.CHECKPOINT: S.MEMORY,
    S.POSTCOPY_TRANSITION: S.POSTCOPY_PAGES,
    S.LIBXL_TAIL: S.FINISHED,
}
"""States that only a libxl stream is in, and the state meant where there is none."""

OF_VERSION: Mapping[int | None, State] = {2: S.VERSION_2, 3: S.STATIC_DATA}
"""The state after a domain header by the version of the stream; none of a version that nobody specified."""

BEFORE_POSTCOPY = (S.STATIC_DATA, S.VERSION_2, S.MEMORY, S.VERIFY, S.CONTEXT, S.CHECKPOINT)
TO_POSTCOPY = (S.POSTCOPY_BEGUN, S.EARLY_PFNS, S.POSTCOPY_PFNS, S.EARLY_PAGES, S.POSTCOPY_TRANSITION)
IN_POSTCOPY = (*TO_POSTCOPY, S.POSTCOPY_PAGES)


def after(state: State, in_libxl: bool | None, in_xenops: bool) -> State | None:
    """The state that is meant, by the streams that are around this one, as far as that is known."""
    if not in_libxl and state in WITHOUT_LIBXL:
        return None if in_libxl is None else after(WITHOUT_LIBXL[state], True, in_xenops)
    return S.XENOPS_TAIL if in_xenops and state is S.FINISHED else state


def mermaid(specs: Iterable[HeaderSpec | RecordSpec]) -> str:
    """The machine as a Mermaid state diagram; `specs` are the headers and records to name."""
    names = {state: state.value.replace(" ", "_") for state in State if not state.name.startswith("EARLY_")}
    lines = ["stateDiagram-v2", "    [*] --> start", "    start --> version_2: domain header of version 2"]
    moves: dict[tuple[State, State], list[str]] = {}
    for spec in specs:
        label = f"{spec.layer}.{spec.name}" if isinstance(spec, RecordSpec) else spec.name
        for state, then in PLACES[spec.role].moves.items():
            if state in names:
                moves.setdefault((state, then), []).append(label)
    for state in names:
        lines += [
            f"    {names[state]} --> {names[then]}: {', '.join(labels)}"
            for (before, then), labels in moves.items()
            if before is state
        ]
    lines += [f"    {names[state]} --> {names[then]}: no libxl stream" for state, then in WITHOUT_LIBXL.items()]
    lines += ["    finished --> xenops_tail: in an image of xenopsd", "    finished --> [*]"]
    return "\n".join(lines) + "\n"


_missing = [role.name for role in Role if role not in PLACES]
if _missing:
    raise TypeError(f"roles with no place in the order: {', '.join(_missing)}")
