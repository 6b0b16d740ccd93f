"""A record as a line for a person, with its field tree, and as an object for a program."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from dissector.parser import FORWARD, Record
from dissector.protocol import PAGE_TYPES, UNBACKED
from dissector.views.faults import links_as_json, links_as_text
from dissector.views.fields import decoded, printable, tree
from dissector.views.units import many

Values = dict[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BELOW = " " * 8
"""Indentation of what stands below a line: clear of its number."""

PFNS_NAMED = 8
"""Pfns of a POSTCOPY_FAULT that its line names: as many as one record of the known receiver holds."""


def as_json(record: Record) -> Values:
    """The object of `xenshark read --json`: offsets and lengths in octets, times in s since the epoch."""
    first, last = record.first, record.last
    links = links_as_json(record)
    return {
        "migration": record.channel.index,
        "direction": record.direction,
        "layer": record.layer,
        "name": record.name,
        "type": record.type,
        "offset": record.offset,
        "length": record.length,
        "body_length": record.body_length,
        "first_frame": first.frame or None,
        "last_frame": last.frame or None,
        "first_time": first.time / 1e9 if first.frame else None,
        "last_time": last.time / 1e9 if last.frame else None,
        "complete": record.complete,
        # The links are no fields of the wire, but who looks at one record's fields looks for them there.
        "fields": {**decoded(record), **links},
        **links,
    }


def line(record: Record, number: int, time: str, several: bool) -> str:
    """Number, time, direction, layer, length and what it is; `several`: with the migration's number."""
    arrow = "->" if record.direction == FORWARD else "<-"
    arrow = f"{record.channel.index} {arrow}" if several else arrow
    where = f"{number:>6} {time:>12} {arrow} {record.layer or '-':<6} {record.length:>9}"
    words = "; ".join(filter(None, (summary(record), links_as_text(record))))
    return " ".join((where, f" {record.name:<20}", words, *marks(record))).rstrip()


def details(record: Record, full: bool) -> Iterator[str]:
    """The indented lines below a record's line: where it was, and its fields."""
    flow = record.channel.forward if record.direction == FORWARD else record.channel.reverse
    ends = f"{_end(*flow.ends.source)} -> {_end(*flow.ends.destination)}, " if flow and flow.ends else ""
    frames = f", frames {record.first.frame} to {record.last.frame}" if record.first.frame else ""
    yield f"{BELOW}{ends}octets {record.offset} to {record.offset + record.length - 1}{frames}"
    if record.complete and not record.is_pages and len(record.body) < record.body_length:
        yield f"{BELOW}fields of the first {len(record.body)} octets of {record.body_length}"
    for one in tree(decoded(record), full):
        yield BELOW + one


def _end(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def marks(record: Record) -> Iterator[str]:
    """What was odd about a record's octets, each in brackets."""
    if not record.complete:
        yield "[incomplete]"
    if record.skipped:
        yield f"[resynchronised after {record.skipped} octets]"
    for note in record.notes:
        yield f"[{note}]"


def micros(time_ns: int) -> int:
    """Whole microseconds, as lines show them."""
    return time_ns // 1000


def seconds(time_us: int) -> str:
    """Microseconds as seconds with six digits, whatever the locale."""
    whole, rest = divmod(abs(time_us), 1_000_000)
    return f"{'-' if time_us < 0 else ''}{whole}.{rest:06d}"


def absolute(time_us: int) -> str:
    """Microseconds since the epoch as ISO 8601 in UTC; as seconds where no calendar goes that far."""
    try:
        moment = EPOCH + timedelta(microseconds=time_us)
    except OverflowError:
        return seconds(time_us)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}Z"


def summary(record: Record) -> str:
    """What matters of a record, in a few words; empty where there is nothing to say."""
    if record.is_pages:
        return _pages(record)
    describe = SUMMARIES.get(record.name, _text if record.layer == "xl" else None)
    if describe is None or not record.body:
        return ""
    try:
        return describe(decoded(record))
    except KeyError:  # the field was not captured
        return ""


def _pages(record: Record) -> str:
    runs, count = record.runs, record.count
    seen = sum(length for _, length, _ in runs)
    words = many(count, "pfn")
    if not runs:
        return words if record.body else ""
    if record.name == "POSTCOPY_FAULT":
        words += "".join(f" {pfn:#x}" for pfn in islice(record.pfns(), PFNS_NAMED)) + " ..." * (seen > PFNS_NAMED)
    else:
        low, high = min(first for first, *_ in runs), max(first + length - 1 for first, length, _ in runs)
        words += f" {low:#x}" if low == high else f" {low:#x}-{high:#x}"
        words += _kinds(record, seen)
    return words if seen == count else f"{words} ({seen} of them captured)"


def _kinds(record: Record, seen: int) -> str:
    """How many of the pfns have a page, and how many are of a type other than the plain one."""
    kinds: Counter[int] = Counter()
    for _, length, kind in record.runs:
        kinds[kind] += length
    backed = seen - sum(kinds[kind] for kind in UNBACKED)
    special = ", ".join(f"{number} {PAGE_TYPES[kind]}" for kind, number in sorted(kinds.items()) if kind)
    return f", {many(backed, 'page')}" + (f" ({special})" if special else "")


def _text(values: Values) -> str:
    status = f", status {values['status']}" if "status" in values else ""
    return f'"{printable(values["text"].rstrip())}"{status}'


def _order(values: Values) -> str:
    return "big-endian" if values["options"]["big_endian"] else "little-endian"


def _xl_header(values: Values) -> str:
    flags = values["mandatory_flags"]
    if not flags["stream_v2"]:
        return "a stream of Xen 4.5 or older, not dissected"
    mandatory = flags["json"] | flags["stream_v2"] << 1 | flags["reserved"] << 2
    words = f"mandatory {mandatory:#x}"
    if "config_length" in values:
        words += f", config {values['config_length']} octets"
    name = _guest_name(values.get("config", ""))
    return words + (f", guest '{printable(name)}'" if name else "")


def _guest_name(config: str) -> str | None:
    """The name in the configuration that xl writes, if it is whole."""
    try:
        name = json.loads(config)["c_info"]["name"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return name if isinstance(name, str) else None


def _domain_header(values: Values) -> str:
    origin = f"Xen {values['xen_major']}.{values['xen_minor']}"
    if values["xen_major"] == 0:
        origin = "the converter of old streams"
    size = "" if values["page_shift"] == 12 else f", page_shift {values['page_shift']}"
    return f"{values['type']} from {origin}{size}"


def _libxl_header(values: Values) -> str:
    legacy = ", converted from an old stream" if values["options"]["legacy"] else ""
    return f"version {values['version']}, {_order(values)}{legacy}"


def _vcpu(values: Values) -> str:
    return f"vcpu {values['vcpu_id']}, {_size(values['context'])}"


def _emulator_xenstore_data(values: Values) -> str:
    return f"{values['emulator_id']} {values['index']}, {many(len(values['xenstore_data']), 'key')}"


def _emulator_context(values: Values) -> str:
    return f"{values['emulator_id']} {values['index']}, {_size(values['emulator_ctx'])}"


def _size(octets: str | Values) -> str:
    """Of octets as JSON carries them: hexadecimals if they are few, else {"octets": length}."""
    return f"{len(octets) // 2 if isinstance(octets, str) else octets['octets']} octets"


def _hvm_context(values: Values) -> str:
    chain = values["hvm_ctx"]
    vcpus = sum(one.get("typecode") == "CPU" for one in chain)
    return f"{many(len(chain), 'save record')}, {many(vcpus, 'vcpu')}"


def _tsc(values: Values) -> str:
    return f"mode {values['mode']}, {values['khz']} kHz"


SUMMARIES: Mapping[str, Callable[[Values], str]] = {
    "xl header": _xl_header,
    "libxl header": _libxl_header,
    "image header": lambda v: f"version {v['version']}, {_order(v)}",
    "domain header": _domain_header,
    "X86_PV_INFO": lambda v: f"{8 * v['guest_width']}-bit guest, {v['pt_levels']} levels",
    "X86_PV_P2M_FRAMES": lambda v: f"pfns {v['start_pfn']:#x}-{v['end_pfn']:#x}",
    "X86_PV_VCPU_BASIC": _vcpu,
    "X86_PV_VCPU_EXTENDED": _vcpu,
    "X86_PV_VCPU_XSAVE": _vcpu,
    "X86_PV_VCPU_MSRS": _vcpu,
    "TSC_INFO": _tsc,
    "X86_TSC_INFO": _tsc,
    "HVM_CONTEXT": _hvm_context,
    "HVM_PARAMS": lambda v: many(v["count"], "param"),
    "CHECKPOINT_DIRTY_PFN_LIST": lambda v: many(len(v["pfn"]), "pfn"),
    "X86_CPUID_POLICY": lambda v: f"{len(v['cpuid_policy'])} CPUID leaves",
    "X86_MSR_POLICY": lambda v: many(len(v["msr_policy"]), "register"),
    "EMULATOR_XENSTORE_DATA": _emulator_xenstore_data,
    "EMULATOR_CONTEXT": _emulator_context,
    "CHECKPOINT_STATE": lambda v: str(v["control_id"]),
}
"""What of a record's fields its line shows, by the record's name."""
