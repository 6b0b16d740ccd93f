"""What differs between two guests and their migrations, as `diff --json` prints it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple, Self

from dissector.protocol import GUEST_TYPES, cpuid, fields, hvm, layout, pv
from dissector.protocol.cpu_features import CPUID_FEATURES
from dissector.protocol.forms import Flags
from dissector.protocol.primitives import Body
from dissector.results.analysis import MigrationResult
from dissector.results.base import Result
from dissector.results.guest import GuestResult, leaf_name

Section = Literal["config", "cpuid", "msrs", "params", "vcpus", "devices", "traffic"]
SECTIONS: tuple[Section, ...] = ("config", "cpuid", "msrs", "params", "vcpus", "devices", "traffic")

Value = str | bool | int | float | None


class DifferenceOfGuests(Result):
    """One thing that is not the same."""

    section: Section
    what: str
    a: Annotated[Value, "null: not there"]
    b: Annotated[Value, "null: not there"]
    hidden: Annotated[
        tuple[Literal["a", "b"], ...], "of which of the two null means that the input does not hold it, as far as known"
    ]


Presence = Literal["there", "not there", "not in the input"]


class NotCompared(Result):
    """A part of what is compared that not both of the two show."""

    section: Section
    what: str
    a: Annotated[Presence, "not in the input: octets are missing in which it may have been"]
    b: Presence


class DiffResult(Result, kw_only=True):
    """Two guests and their migrations, compared."""

    a: Annotated[str, "the first input"]
    b: Annotated[str, "the second input"]
    sections: Annotated[tuple[Section, ...], "that were compared"]
    missing: Annotated[
        tuple[str, ...],
        "features that the first guest was shown and the second was not: with these a restore fails",
    ]
    lacking: Annotated[
        tuple[DifferenceOfGuests, ...],
        "what else of the first guest's policy the second has not, for which a restore fails: vendor, levels, states "
        "of XSAVE, bits of registers",
    ]
    gained: Annotated[tuple[str, ...], "features that only the second was shown"]
    differences: Annotated[tuple[DifferenceOfGuests, ...], "all others"]
    not_compared: Annotated[
        tuple[NotCompared, ...],
        "parts that only one of them shows, or neither because its input lacks octets; without a policy to compare "
        "`missing`, `lacking` and `gained` say nothing",
    ]

    @property
    def is_same(self) -> bool:
        """Whether nothing differs of what both show, and neither shows more."""
        one_sided = any((one.a == "there") != (one.b == "there") for one in self.not_compared)
        return not (self.missing or self.lacking or self.gained or self.differences or one_sided)

    @classmethod
    def of(cls, a: Side, b: Side, sections: tuple[Section, ...]) -> Self:
        """What differs in the sections that are asked for."""
        missing, gained = _features(a.guest, b.guest) if "cpuid" in sections else ((), ())
        found: dict[bool, list[DifferenceOfGuests]] = {True: [], False: []}
        left: list[NotCompared] = []
        for section in sections:
            for part in PARTS[section]:
                presence = _presence(part, a), _presence(part, b)
                if presence == ("there", "there"):
                    for one in _differences(section, part, a, b):
                        found[_is_lacking(one)].append(one)
                elif "there" in presence or presence == ("not in the input", "not in the input"):
                    left.append(NotCompared(section, part.what, *presence))
        return cls(
            a=a.name,
            b=b.name,
            sections=sections,
            missing=missing,
            lacking=tuple(found[True]),
            gained=gained,
            differences=tuple(found[False]),
            not_compared=tuple(left),
        )


def _presence(part: Part, side: Side) -> Presence:
    if part.is_there(side.guest):
        return "there"
    is_of_another_kind = None not in (part.kind, side.guest.kind) and part.kind != side.guest.kind
    return "not in the input" if side.guest.hidden and not is_of_another_kind else "not there"


def _differences(section: Section, part: Part, a: Side, b: Side) -> Iterator[DifferenceOfGuests]:
    """Row by row, of a part that both show."""
    first, second = dict(part.rows(a)), dict(part.rows(b))
    for what in dict.fromkeys((*first, *second)):
        values = first.get(what), second.get(what)
        if values[0] != values[1]:
            sides: tuple[tuple[Literal["a", "b"], Side, Value], ...] = (("a", a, values[0]), ("b", b, values[1]))
            hidden = (
                name for name, side, value in sides if value is None and part.may_be_in_parts and side.guest.hidden
            )
            yield DifferenceOfGuests(section, what, *values, tuple(hidden))


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


IS_LACKING: Mapping[str, Callable[[Any, Any], bool]] = {
    "vendor": lambda a, b: True,
    **dict.fromkeys(("max_leaf", "max_subleaf", "max_extended"), lambda a, b: a > b),
    **dict.fromkeys(
        ("states of XSAVE", "supervisor states", "ARCH_CAPABILITIES", "INTEL_PLATFORM_INFO"),
        lambda a, b: not {*a.split(), "none"} <= {*b.split(), "none"},
    ),
}
"""By what a row tells of: whether the second value is too little for a guest that had the first. Sources:
x86_cpu_policies_are_compatible of xen/arch/x86/lib/cpu-policy/policy.c; of the states validate_xstate of
xen/arch/x86/xstate.c; the bits of ARCH_CAPABILITIES are features in cpufeatureset.h."""


def _is_lacking(one: DifferenceOfGuests) -> bool:
    """Whether the second is too little for the first's guest; not where either shows nothing of it."""
    if one.section not in ("cpuid", "msrs") or one.a is None or one.b is None:
        return False
    return one.what in IS_LACKING and IS_LACKING[one.what](one.a, one.b)


def _domain(side: Side) -> Rows:
    yield "kind", side.guest.kind
    yield "Xen", side.guest.xen


def _config(side: Side) -> Rows:
    yield from ((name, _plain(value)) for name, value in vars(side.guest.identity).items())


def _clock(side: Side) -> Rows:
    clock = side.guest.clock
    if clock is not None:
        yield "TSC mode", clock.mode
        yield "TSC kHz", clock.khz
        yield "restored, times", clock.incarnation


def _frames(side: Side) -> Rows:
    yield "max_pfn", side.guest.max_pfn


LEVELS = (
    "family", "model", "stepping", "max_leaf", "max_subleaf", "max_extended", "max_hypervisor", "max_viridian",
    "physical_bits", "linear_bits", "threads", "xsave_size",
)  # fmt: skip

Key = tuple[int, int]
"""Leaf and subleaf."""

NONE, ALL = cpuid.NO_SUBLEAF, (1 << 32) - 1
EXTENDED, HYPERVISOR, VIRIDIAN = (cpuid.EXTENDED, NONE), (cpuid.HYPERVISOR, NONE), (cpuid.HYPERVISOR + 0x100, NONE)

TEXTS: Mapping[str, tuple[tuple[Key, str], ...]] = {
    "vendor": (((0, NONE), "bdc"),),
    "vendor, extended": ((EXTENDED, "bdc"),),
    "brand": tuple(((cpuid.EXTENDED + at, NONE), "abcd") for at in (2, 3, 4)),
}
"""The registers of a text, in its order."""

TOLD: Mapping[tuple[Key, str], int] = {
    **{
        ((leaf, NONE if subleaf is None else subleaf), name): sum(1 << bit for bit in names)
        for (leaf, subleaf, name), names in CPUID_FEATURES.items()
    },
    **{(key, name): ALL for places in TEXTS.values() for key, names in places for name in names},
    **{(key, "a"): ALL for key in ((0, NONE), (7, 0), EXTENDED, HYPERVISOR, VIRIDIAN)},
    **{((0xD, 0), name): ALL for name in "acd"},
    **{((0xD, 1), name): ALL for name in "cd"},
    ((1, NONE), "a"): 0xFFF,
    ((1, NONE), "b"): 0xFF << 16,
    ((cpuid.EXTENDED + 8, NONE), "a"): 0xFFFF,
}
"""The bits of registers that features, TEXTS and LEVELS tell of, such that no two values look the same there."""

FORMS: Mapping[str, Mapping[Key, Any]] = {"a": cpuid.A, "b": cpuid.B, "c": cpuid.C, "d": cpuid.D}


def _cpuid(side: Side) -> Rows:
    cpu = side.guest.cpu
    if cpu is None:
        return
    policy = {_key(name): cpuid.Leaf(*registers) for name, registers in cpu.leaves.items()}
    for text, places in TEXTS.items():
        yield text, _text(getattr(policy[key], name) for key, names in places if key in policy for name in names)
    yield from ((name, getattr(cpu, name)) for name in LEVELS)
    yield "states of XSAVE", _words(cpu.states)
    yield "supervisor states", _words(cpu.supervisor_states)
    for one in cpu.caches:
        more = ((one.ways, "ways"), (one.threads, "threads"))
        told = ", ".join(f"{count} {of}" for count, of in more if count is not None)
        yield f"L{one.level} {one.type} cache", f"{one.size} octets" + (f", {told}" if told else "")
    for level in cpu.topology:
        yield f"{level.level} level", f"{level.processors} processors, shift {level.shift}"
    yield from _leaves(policy)


def _key(name: str) -> Key:
    leaf, _, subleaf = name.partition(":")
    return int(leaf, 16), int(subleaf) if subleaf else NONE


def _text(registers: Iterable[int]) -> str | None:
    """With every octet: two that differ are not to look the same."""
    return b"".join(one.to_bytes(4, "little") for one in registers).decode("latin-1").rstrip("\0") or None


def _leaves(policy: cpuid.Leaves) -> Rows:
    """What nothing else here tells of: of each leaf the registers with bits that are left."""
    for key, registers in policy.items():
        left = (f"{name} {words}" for name in "abcd" if (words := _left(key, name, getattr(registers, name))))
        yield f"leaf {leaf_name(*key)}", ", ".join(left) or "nothing else"


def _left(key: Key, name: str, register: int) -> str:
    """The bits that TOLD leaves, in words where the register has some; nothing where they are zeros."""
    told, form = TOLD.get((key, name), 0), FORMS[name].get(key)
    rest = register & ~told
    if not rest:
        return ""
    if isinstance(form, Flags):
        return _words(Flags(tuple(part for part in form.parts if not part.mask & told)).read(rest, "little", {}))
    return f"{rest:#x}"


def _msrs(side: Side) -> Rows:
    yield from ((name, _plain(value)) for name, value in side.guest.msrs.items())


def _params(side: Side) -> Rows:
    yield from ((name, _plain(value)) for name, value in side.guest.params.items())


def _vcpus(side: Side) -> Rows:
    yield "vcpus with a state", len(side.guest.vcpus)
    for vcpu in side.guest.vcpus:
        yield f"vcpu {vcpu.id} mode", f"{vcpu.mode} {'user' if vcpu.is_user else 'kernel'}"
        forms = OF_PV if vcpu.efer is None else OF_HVM
        for name, value in vcpu.registers.items():
            form = forms.get(name)
            yield f"vcpu {vcpu.id} {name}", value if form is None else _words(form.read(value, "little", {}))


def _flags(*bodies: Body) -> Mapping[str, Flags]:
    """The registers in layouts whose bits have names."""
    found = (field for body in bodies for field in fields(layout(body, "little")))
    told = ((field.name, field.meaning.form({})) for field in found if field.meaning and not field.meaning.by)
    return {name: form for name, form in told if isinstance(form, Flags)}


OF_HVM, OF_PV = _flags(hvm.hvm_cpu), _flags(pv.pv_vcpu_32, pv.pv_vcpu_64)


def _states(side: Side) -> Rows:
    for state in side.guest.states:
        yield f"{state.type} {state.instance}", f"{state.length} octets"


def _devices(side: Side) -> Rows:
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


class Part(NamedTuple):
    """What is compared row by row if both show it: some rows of a section that come from one place in the stream."""

    what: str
    rows: Callable[[Side], Rows]
    is_there: Callable[[GuestResult], bool]
    may_be_in_parts: bool = False
    """Whether some of it can be there without the rest."""
    kind: str | None = None
    """The kind of guest that alone has it."""


PV, HVM = GUEST_TYPES[1], GUEST_TYPES[2]


PARTS: Mapping[Section, tuple[Part, ...]] = {
    "config": (
        Part("domain header", _domain, lambda guest: guest.kind is not None),
        Part("toolstack's configuration", _config, lambda guest: guest.identity is not None, True),
        Part("TSC", _clock, lambda guest: guest.clock is not None and guest.clock.mode is not None),
        Part("shared info page", _frames, lambda guest: guest.max_pfn is not None, kind=PV),
    ),
    "cpuid": (Part("CPUID policy", _cpuid, lambda guest: guest.cpu is not None),),
    "msrs": (Part("MSR policy", _msrs, lambda guest: bool(guest.msrs)),),
    "params": (Part("HVM parameters", _params, lambda guest: bool(guest.params), kind=HVM),),
    "vcpus": (Part("state of vcpus", _vcpus, lambda guest: bool(guest.vcpus), True),),
    "devices": (
        Part("state of the hypervisor's devices", _states, lambda guest: bool(guest.states), kind=HVM),
        Part("state of the device model", _devices, lambda guest: bool(guest.devices), True),
    ),
    "traffic": (Part("traffic", _traffic, lambda guest: True),),
}


def _words(names: Iterable[str]) -> str:
    return " ".join(names) or "none"


def _plain(value: Any) -> Value:
    return _words(tuple(value)) if isinstance(value, list | tuple) else value
