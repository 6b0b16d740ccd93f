"""Rules of the order of the forward direction's headers and records."""

from __future__ import annotations

from collections.abc import Iterator

from dissector.parser import Record
from dissector.rules import states
from dissector.rules.situation import Broken, Situation

SHOULD_BE = {
    # By the layer of a record that nothing announced: the states to find it in, what would have announced it,
    # and the state after that.
    "libxl": (
        ("postcopy begun", "early pfns", "postcopy pfns"),
        "POSTCOPY_TRANSITION",
        "postcopy transition",
    ),
    "libxc": (("postcopy transition",), "POSTCOPY_TRANSITION_END", "postcopy pages"),
}

MISSED = {
    "libxc.STATIC_DATA_END": frozenset({"missing-static-data-end"}),
    "libxc.X86_PV_INFO": frozenset({"frames before X86_PV_INFO"}),
}
"""What in Situation.seen says of a record that comes late that it was missed before."""

HVM_CONTEXT = ("TSC_INFO", "HVM_CONTEXT", "HVM_PARAMS")
"""What a postcopy sender sends of an HVM guest between POSTCOPY_BEGIN and POSTCOPY_PFNS_BEGIN."""


def ordered(record: Record, now: Situation) -> Iterator[Broken]:
    """The place of a header or record of the forward direction among the others."""
    key = record.name if record.type is None else f"{record.layer}.{record.name}"
    guest = now.migration.channel.guest
    if key in states.PV_ONLY and guest in ("x86 HVM", "x86 PVH"):
        if record.skipped:
            return  # it was found by what it looks like, and libxl's records have some of the same numbers
        yield "pv-record-in-hvm", f"{record.name} in a stream whose domain header says {guest}"
        return
    if key in states.HVM_ONLY and guest == "x86 PV":
        yield "hvm-record-in-pv", f"{record.name} in a stream whose domain header says {guest}"
        return
    yield from _announced(record, now)
    before = now.state
    yield from _allowed(record, key, now)
    yield from _context(record, key, before, now)
    yield from _pv_info(record, key, now)
    if now.transition is None and now.state == "postcopy pages":
        now.enter_postcopy(record)
    if key == "libxc.END" and before in ("postcopy pages", "early pages"):
        now.end = record
        if now.complete is None:
            # The end of all judges whether POSTCOPY_COMPLETE is missing. The sender may well go on.
            now.state = None


def _announced(record: Record, now: Situation) -> Iterator[Broken]:
    """Framing notes where records of the other layer follow and nothing handed over to it."""
    if "postcopy-transition-missing" not in record.notes or record.layer not in SHOULD_BE:
        return
    where, missing, then = SHOULD_BE[record.layer]
    if now.state in where:
        yield (
            "postcopy-transition-missing",
            f"{record.name} is {record.layer}'s, and no {missing} came before it",
        )
        now.state = then
    elif now.state == "early pages":
        now.state = then


def _allowed(record: Record, key: str, now: Situation) -> Iterator[Broken]:
    """The state machine."""
    channel, before = now.migration.channel, now.state
    if before is None:
        now.state = states.NATURAL.get(key)
    elif key in states.STATES[before]:
        now.state = states.STATES[before][key]
    elif now.seen & MISSED.get(key, frozenset()):
        return  # that it was missing where it belongs was said
    else:
        _, rule, then = states.misplaced(key, before)
        now.seen.add(rule)
        yield rule, f'{record.name} in the state "{before}"'
        now.state = then or before
    if key == "domain header":
        now.begin(states.OF_VERSION.get(channel.version))
    if now.state is not None:
        in_libxl = None if channel.may_be_in_libxl else "libxl" in channel.layers
        in_xenops = "xenops" in channel.layers and record.layer != "xenops"
        now.state = states.after(now.state, in_libxl, in_xenops)


def _context(record: Record, key: str, before: str | None, now: Situation) -> Iterator[Broken]:
    """The context records of one stop of the guest: which came, and in which order."""
    if key in states.CONTEXT:
        late = record.name == "HVM_PARAMS" and "HVM_CONTEXT" in now.context
        if late and now.migration.channel.version == 3 and "HVM_PARAMS" not in now.seen:
            now.seen.add("HVM_PARAMS")
            yield "hvm-params-after-context", "HVM_PARAMS comes after HVM_CONTEXT"
        now.context.add(record.name)
    elif key == "libxc.POSTCOPY_PFNS_BEGIN" and before == "postcopy begun":
        missing = [name for name in HVM_CONTEXT if name not in now.context]
        if now.migration.channel.guest != "x86 HVM":
            missing = [] if now.context else ["context record"]
        if missing:
            yield (
                "postcopy-context-missing",
                f"no {', no '.join(missing)} between POSTCOPY_BEGIN and POSTCOPY_PFNS_BEGIN",
            )
    if key in ("libxc.POSTCOPY_BEGIN", "libxc.CHECKPOINT", "libxc.PAGE_DATA"):
        now.context.clear()


def _pv_info(record: Record, key: str, now: Situation) -> Iterator[Broken]:
    """The table of frames cannot be read by who does not know how wide the guest's words are."""
    if key == "libxc.X86_PV_P2M_FRAMES" and now.followed and "X86_PV_INFO" not in now.seen:
        now.seen |= MISSED["libxc.X86_PV_INFO"]
        yield "unexpected-record", "X86_PV_P2M_FRAMES, and no X86_PV_INFO came before it"
    if key == "libxc.X86_PV_INFO":
        now.seen.add("X86_PV_INFO")
