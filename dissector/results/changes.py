"""What differs between two guests and their migrations, as `diff --json` prints it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple, Self

from dissector.results.analysis import MigrationResult
from dissector.results.base import Result
from dissector.results.guest import CpuResult, GuestResult

Section = Literal["config", "cpuid", "msrs", "params", "vcpus", "devices", "traffic"]
SECTIONS: tuple[Section, ...] = ("config", "cpuid", "msrs", "params", "vcpus", "devices", "traffic")

Value = str | int | float | None


class DifferenceOfGuests(Result):
    """One thing that is not the same."""

    section: Section
    what: str
    a: Annotated[Value, "null: not there"]
    b: Annotated[Value, "null: not there"]


class DiffResult(Result, kw_only=True):
    """Two guests and their migrations, compared."""

    a: Annotated[str, "the first input"]
    b: Annotated[str, "the second input"]
    sections: Annotated[tuple[Section, ...], "that were compared"]
    missing: Annotated[
        tuple[str, ...],
        "features that the first guest was shown and the second was not: with these a restore fails",
    ]
    gained: Annotated[tuple[str, ...], "features that only the second was shown"]
    differences: Annotated[tuple[DifferenceOfGuests, ...], "all others"]

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return not (self.missing or self.gained or self.differences)

    @classmethod
    def of(cls, a: Side, b: Side, sections: tuple[Section, ...]) -> Self:
        """What differs in the sections that are asked for."""
        missing, gained = _features(a.guest, b.guest) if "cpuid" in sections else ((), ())
        found = []
        for section in sections:
            first, second = dict(ROWS[section](a)), dict(ROWS[section](b))
            for what in dict.fromkeys((*first, *second)):
                if first.get(what) != second.get(what):
                    found.append(DifferenceOfGuests(section, what, first.get(what), second.get(what)))
        return cls(a=a.name, b=b.name, sections=sections, missing=missing, gained=gained, differences=tuple(found))


class Side(NamedTuple):
    """One of the two."""

    name: str
    guest: GuestResult
    migration: MigrationResult


Rows = Iterator[tuple[str, Value]]


def _features(a: GuestResult, b: GuestResult) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Features that only the first has, and only the second; none where either shows no policy at all."""
    if a.cpu is None or b.cpu is None:
        return (), ()
    first, second = a.cpu.features, b.cpu.features
    return tuple(one for one in first if one not in second), tuple(one for one in second if one not in first)


def _config(side: Side) -> Rows:
    guest = side.guest
    yield "kind", guest.kind
    yield "Xen", guest.xen
    if guest.identity is not None:
        yield from ((name, value) for name, value in vars(guest.identity).items())
    if guest.clock is not None:
        yield "TSC mode", guest.clock.mode
        yield "TSC kHz", guest.clock.khz
        yield "restored, times", guest.clock.incarnation
    yield "max_pfn", guest.max_pfn


LEVELS = (
    "vendor", "family", "model", "stepping", "brand", "max_leaf", "max_extended", "max_hypervisor", "max_viridian",
    "physical_bits", "linear_bits", "threads", "xsave_size",
)  # fmt: skip


def _cpuid(side: Side) -> Rows:
    cpu = side.guest.cpu
    yield "policy", "sent" if cpu is not None else None
    if cpu is None:
        return
    yield from ((name, getattr(cpu, name)) for name in LEVELS)
    yield "states of XSAVE", _words(cpu.states)
    yield "supervisor states", _words(cpu.supervisor_states)
    for one in cpu.caches:
        yield f"L{one.level} {one.type} cache", f"{one.size} octets, {one.ways} ways, {one.threads} threads"
    for level in cpu.topology:
        yield f"{level.level} level", f"{level.processors} processors, shift {level.shift}"
    yield from _leaves(cpu)


TOLD = {"0x0", "0x1", "0x4:", "0x7:", "0xb:", "0xd:", "0x8000000"}


def _leaves(cpu: CpuResult) -> Rows:
    """Registers of leaves that nothing else here tells of."""
    for leaf, registers in cpu.leaves.items():
        if leaf not in TOLD and not leaf.startswith(("0x4:", "0x7:", "0xb:", "0xd:", "0x8000000", "0x4000")):
            yield f"leaf {leaf}", " ".join(f"{register:#010x}" for register in registers)


def _msrs(side: Side) -> Rows:
    yield from ((name, _plain(value)) for name, value in side.guest.msrs.items())


def _params(side: Side) -> Rows:
    yield from ((name, _plain(value)) for name, value in side.guest.params.items())


def _vcpus(side: Side) -> Rows:
    yield "vcpus", len(side.guest.vcpus)
    for vcpu in side.guest.vcpus:
        yield f"vcpu {vcpu.id} mode", f"{vcpu.mode} {'user' if vcpu.is_user else 'kernel'}"
        for name in ("cr0", "cr4", "efer"):
            yield f"vcpu {vcpu.id} {name}", _words(getattr(vcpu, name) or ())
        yield from ((f"vcpu {vcpu.id} {name}", value) for name, value in vcpu.registers.items() if name not in TWICE)


TWICE = {"cr0", "cr4", "msr_efer"}


def _devices(side: Side) -> Rows:
    for state in side.guest.states:
        yield f"{state.type} {state.instance}", f"{state.length} octets"
    for one in side.guest.devices:
        more = f" with {' '.join(one.subsections)}" if one.subsections else ""
        yield f"{one.device} {one.instance}", f"version {one.version}{more}"


def _traffic(side: Side) -> Rows:
    one = side.migration
    yield "kind", one.kind
    yield "outcome", one.outcome
    yield "octets", one.bytes.forward
    yield "iterations", len(one.iterations)
    yield "pages sent", one.pages.data_pages
    yield "pages sent again", one.pages.sent_again
    for phase in one.phases:
        if phase.start_time is not None and phase.end_time is not None:
            yield f"{phase.name}, s", round(phase.end_time - phase.start_time, 3)
    if one.downtime is not None:
        yield "downtime at least, s", one.downtime.at_least
        yield "downtime at most, s", one.downtime.at_most
    if one.postcopy is not None:
        yield "faulted pfns", one.postcopy.faulted_pfns


ROWS: Mapping[Section, Any] = {
    "config": _config,
    "cpuid": _cpuid,
    "msrs": _msrs,
    "params": _params,
    "vcpus": _vcpus,
    "devices": _devices,
    "traffic": _traffic,
}


def _words(names: tuple[str, ...]) -> str:
    return " ".join(names) or "none"


def _plain(value: Any) -> Value:
    return _words(tuple(value)) if isinstance(value, list | tuple) else value
