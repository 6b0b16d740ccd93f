"""A guest on one screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from dissector.results.guest import CpuResult, GuestResult, VcpuResult
from dissector.units import iso_text, many, printable

WIDTH = 116
LABEL = 10

Row = tuple[str, str]
"""A label and what there is to say; of nothing there is no line."""


def guest_as_text(guest: GuestResult, several: bool = False, width: int = WIDTH) -> Iterator[str]:
    """The lines for one guest, in so many columns. `several`: with the number of its migration."""
    if several:
        yield f"migration {guest.migration}"
    for label, text in _rows(guest):
        for number, one in enumerate(wrap(printable(text), width - LABEL - 2, break_on_hyphens=False)):
            yield f"{label if not number else '':<{LABEL}}  {one}"


def _rows(guest: GuestResult) -> Iterator[Row]:
    yield _row("guest", _identity(guest))
    yield _row("memory", _memory(guest))
    yield _row("config", _config(guest))
    yield _row("clock", _clock(guest))
    for vcpu in guest.vcpus[:VCPUS_SHOWN]:
        yield from _vcpu(vcpu, is_short=len(guest.vcpus) > VCPUS_WHOLE)
    if len(guest.vcpus) > VCPUS_SHOWN:
        yield _row("", [f"and {many(len(guest.vcpus) - VCPUS_SHOWN, 'vcpu')} more: --json has them all"])
    yield _row("offline", _offline(guest.offline))
    if guest.cpu is not None:
        yield from _cpu(guest.cpu)
    yield _row("registers", _pairs(guest.msrs))
    yield _row("params", _pairs(guest.params))
    yield _row("hypervisor", _counted(one.type for one in guest.states))
    yield _row("devices", (_device(one) for one in guest.devices))
    yield _row("unread", _first(guest.unread))
    yield "hidden", "; ".join(_first(guest.hidden))


def _row(label: str, parts: Iterable[str]) -> Row:
    return label, ", ".join(part for part in parts if part)


VCPUS_WHOLE, VCPUS_SHOWN = 8, 24
"""Up to how many processors there is room on a screen for control registers and flags, and for a line of each."""

MANY = 16
"""What one line of a kind tells of; of more it says how many."""


def _first(names: Sequence[str]) -> Iterator[str]:
    yield from names[:MANY]
    if len(names) > MANY:
        yield f"and {len(names) - MANY:,} more"


def binary(octets: int) -> str:
    """Octets of memory with a binary unit that suits them."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if octets >= factor:
            return f"{octets / factor:.1f}".removesuffix(".0") + f" {unit}"
    return f"{octets} octets"


def _identity(guest: GuestResult) -> Iterator[str]:
    who = guest.identity
    if who is not None:
        yield f"{who.name or 'without a name'}"
        yield f"uuid {who.uuid}" if who.uuid else ""
    yield _kind(guest)
    if who is not None:
        count = who.vcpus_at_start
        of = f" of {who.max_vcpus}" if who.max_vcpus not in (None, count) else ""
        yield f"{many(count, 'vcpu')}{of} configured" if count is not None else ""
        yield f"device model {who.device_model}" if who.device_model else ""
        yield f"from {who.toolstack}"
    yield f"Xen {guest.xen}" if guest.xen else ""


def _kind(guest: GuestResult) -> str:
    """As the stream has it, and as the toolstack, where that says more: to libxc a PVH guest is an HVM guest."""
    stream, configured = guest.kind, guest.identity.type if guest.identity else None
    if stream is None or configured is None:
        return str(stream or configured or "of a kind that was not seen")
    return f"{stream}" if configured in str(stream).lower().split() else f"{stream} ({configured})"


def _config(guest: GuestResult) -> Iterator[str]:
    """What else the toolstack says, but for what it leaves to a default."""
    who = guest.identity
    if who is None:
        return
    for name, kind in (("disks", "disk"), ("nics", "nic"), ("pci", "pci device")):
        if found := getattr(who, name):
            yield f"{kind if len(found) == 1 else kind + 's'} {' '.join(_first(found))}"
    yield f"tsc_mode {who.tsc_mode}" if who.tsc_mode else ""
    for name in ("nested_hvm", "viridian", "acpi", "apic"):
        if (truth := getattr(who, name)) is not None:
            yield name if truth else f"no {name}"


def _memory(guest: GuestResult) -> Iterator[str]:
    who = guest.identity
    if who is not None and who.memory is not None:
        yield binary(who.memory)
    if who is not None and who.max_memory is not None:
        yield f"at most {binary(who.max_memory)}"
    if guest.max_pfn is not None:
        yield f"table of {guest.max_pfn:,} frames"
    if guest.pending_events:
        yield f"event channels that wait: {' '.join(_first([str(one) for one in guest.pending_events]))}"


def _clock(guest: GuestResult) -> Iterator[str]:
    clock = guest.clock
    if clock is None:
        return
    if clock.mode is not None:
        yield f"TSC mode {clock.mode}"
        yield f"{(clock.khz or 0) / 1e6:.3f} GHz"
        yield f"{clock.elapsed:.3f} s of its time" if clock.elapsed is not None else ""
        yield f"restored {many(clock.incarnation or 0, 'time')}"
    if clock.wall_clock is not None:
        yield f"system time 0 was {iso_text(int(clock.wall_clock * 1e6))}"


def _vcpu(vcpu: VcpuResult, is_short: bool) -> Iterator[Row]:
    place = f" {vcpu.symbol}" if vcpu.symbol else ""
    first = (
        f"{vcpu.mode} {'user' if vcpu.is_user else 'kernel'}",
        "" if vcpu.online else "offline",
        f"rip {vcpu.ip:#x}{place}",
        f"rsp {vcpu.sp:#x}",
        "interruptible" if vcpu.interruptible else "not interruptible",
    )
    yield _row(f"vcpu {vcpu.id}", first)
    if is_short:
        return
    second = [f"cr0 {_names(vcpu.cr0)}", f"cr3 {vcpu.cr3:#x}", f"cr4 {_names(vcpu.cr4)}"]
    second += [f"efer {_names(vcpu.efer)}"] if vcpu.efer is not None else []
    yield _row("", [*second, f"flags {_names(vcpu.flags)}"])


def _offline(numbers: Sequence[int]) -> Iterator[str]:
    if numbers:
        which, whose = ("vcpu", "it") if len(numbers) == 1 else ("vcpus", "them")
        yield f"{which} {' '.join(_first([str(one) for one in numbers]))}: the stream has no state of {whose}"


def _cpu(cpu: CpuResult) -> Iterator[Row]:
    names = ("family", "model", "stepping")
    signature = [f"{name} {getattr(cpu, name)}" for name in names if getattr(cpu, name) is not None]
    levels = [
        f"leaves to {cpu.max_leaf:#x}" if cpu.max_leaf is not None else "",
        f"and {cpu.max_extended:#x}" if cpu.max_extended is not None else "",
        f"{cpu.physical_bits} bits of physical addresses" if cpu.physical_bits else "",
    ]
    yield _row("cpu", [cpu.vendor or "", cpu.brand or "", *signature, *levels])
    yield _row("", (f"L{one.level} {one.type} {binary(one.size)}" for one in cpu.caches))
    yield _row("", (f"{many(one.processors, 'processor')} a {one.level}" for one in cpu.topology))
    if cpu.states:
        yield _row("", [f"XSAVE {_names(cpu.states)}", f"{cpu.xsave_size} octets"])
    yield _row("features", [" ".join(cpu.features)])


def _names(names: Iterable[str] | None) -> str:
    return " ".join(names or ()) or "none"


def _pairs(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        shown = _names(value) if isinstance(value, list | tuple) else f"{value:#x}" if isinstance(value, int) else value
        yield f"{name} {shown}"


def _counted(names: Iterable[str]) -> Iterator[str]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    for name, count in counts.items():
        yield name if count == 1 else f"{count} {name}"


def _device(one: Any) -> str:
    name = one.device if not one.instance else f"{one.device} {one.instance}"
    more = f" ({' '.join(part.partition('/')[2] for part in one.subsections)})" if one.subsections else ""
    return f"{name} v{one.version}{more}"
