"""What CPUID tells a guest, as people speak of it: vendor, model, features, caches, states that XSAVE saves.

Sources: xen/include/public/arch-x86/cpufeatureset.h for features, xen/include/xen/lib/x86/cpu-policy.h for the other
leaves, xen/include/public/arch-x86/cpuid.h for the hypervisor's own, all of Xen; the processors' manuals for AMD's
caches. `leaves` and `features` read a policy's octets without construct, for whoever judges a stream or compares two.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from .cpu_features import CPUID_FEATURES, Register
from .forms import Always, Flags, Names, bits
from .primitives import BitField, Endianness, Form, GrammarError
from .x86 import XCR0

NO_SUBLEAF = 0xFFFFFFFF
"""XEN_CPUID_NO_SUBLEAF of xen/include/public/arch-x86/xen.h: the leaf has none."""

EXTENDED = 0x80000000
HYPERVISOR = 0x40000000


class Leaf(NamedTuple):
    """The four registers of a leaf: EAX, EBX, ECX, EDX."""

    a: int
    b: int
    c: int
    d: int


Leaves: TypeAlias = Mapping[tuple[int, int], Leaf]
"""By leaf and subleaf (NO_SUBLEAF where there is none)."""

_ENTRY: Mapping[Endianness, struct.Struct] = {"little": struct.Struct("<6I"), "big": struct.Struct(">6I")}
ENTRY_SIZE = 24


def leaves(body: bytes | memoryview, endianness: Endianness = "little") -> dict[tuple[int, int], Leaf]:
    """The leaves of an X86_CPUID_POLICY. Of one that is there twice the later counts, as in Xen; what is no whole leaf
    at the end is left out."""
    whole = memoryview(body)[: len(body) // ENTRY_SIZE * ENTRY_SIZE]
    return {(leaf, subleaf): Leaf(*registers) for leaf, subleaf, *registers in _ENTRY[endianness].iter_unpack(whole)}


def features(policy: Leaves) -> frozenset[str]:
    """The names of the features whose bit is set."""
    return frozenset(_features(policy))


def _features(policy: Leaves) -> Iterator[str]:
    """In the order of Xen's words."""
    for register, names in CPUID_FEATURES.items():
        found = policy.get(_key(register))
        if found is not None:
            value = getattr(found, register.name)
            yield from (name for bit, name in names.items() if value >> bit & 1)


def _key(register: Register) -> tuple[int, int]:
    return register.leaf, NO_SUBLEAF if register.subleaf is None else register.subleaf


# --- a policy in words --------------------------------------------------------------------------------------


class Cache(NamedTuple):
    """A cache: `size` and `line` in octets; `threads` share it at most. None is what is not said."""

    level: int
    type: str
    size: int
    ways: int | None
    line: int
    threads: int | None


class Topology(NamedTuple):
    """A level of the processor's topology: how many bits of an APIC id count what is below it, how many logical
    processors it has."""

    level: str
    shift: int
    processors: int


class State(NamedTuple):
    """A component of the XSAVE area: octets, and where it is in the standard format (0: it is a supervisor's)."""

    name: str
    size: int
    offset: int


@dataclass(frozen=True)
class CpuPolicy:
    """What a guest is told of its processor. None, or empty, is what the policy does not say."""

    vendor: str | None
    family: int | None
    model: int | None
    stepping: int | None
    brand: str | None
    max_leaf: int | None
    max_subleaf: int | None
    """The last subleaf of leaf 7."""
    max_extended: int | None
    max_hypervisor: int | None
    """The last leaf of Xen's that is to be shown; 0: all."""
    max_viridian: int | None
    physical_bits: int | None
    linear_bits: int | None
    threads: int | None
    """Logical processors of a package, as leaf 1 says."""
    features: tuple[str, ...]
    caches: tuple[Cache, ...]
    topology: tuple[Topology, ...]
    states: tuple[str, ...]
    """That XCR0 can enable."""
    supervisor_states: tuple[str, ...]
    xsave_size: int | None
    """Octets of the XSAVE area with all of them."""
    components: tuple[State, ...]

    @classmethod
    def of(cls, policy: Leaves) -> CpuPolicy:
        """From its leaves."""
        first, basic = policy.get((0, NO_SUBLEAF)), policy.get((1, NO_SUBLEAF))
        extended, sizes = policy.get((EXTENDED, NO_SUBLEAF)), policy.get((EXTENDED + 8, NO_SUBLEAF))
        structured, area, supervisor = (policy.get(key) for key in ((7, 0), (0xD, 0), (0xD, 1)))
        xen, viridian = (policy.get((HYPERVISOR + at, NO_SUBLEAF)) for at in (0, 0x100))
        who = processor({leaf: found for (leaf, subleaf), found in policy.items() if subleaf == NO_SUBLEAF})
        return cls(
            **who._asdict(),
            max_leaf=first.a if first else None,
            max_subleaf=structured.a if structured else None,
            max_extended=extended.a if extended else None,
            max_hypervisor=xen.a if xen else None,
            max_viridian=viridian.a if viridian else None,
            physical_bits=(sizes.a & 0xFF or None) if sizes else None,
            linear_bits=(sizes.a >> 8 & 0xFF or None) if sizes else None,
            threads=basic.b >> 16 & 0xFF if basic else None,
            features=tuple(_features(policy)),
            caches=tuple(_caches(policy)),
            topology=tuple(_topology(policy)),
            states=_states(area.a, area.d) if area else (),
            supervisor_states=_states(supervisor.c, supervisor.d) if supervisor else (),
            xsave_size=area.c if area else None,
            components=tuple(_components(policy)),
        )


def signature(eax: int) -> tuple[int, int, int]:
    """Family, model and stepping out of leaf 1, EAX. Source: Intel SDM 2, CPUID; AMD's manual says the same."""
    family, model = eax >> 8 & 0xF, eax >> 4 & 0xF
    if family in (0x6, 0xF):
        model += eax >> 12 & 0xF0
    if family == 0xF:
        family += eax >> 20 & 0xFF
    return family, model, eax & 0xF


class Processor(NamedTuple):
    """Who a processor says it is. None is what it does not say."""

    vendor: str | None
    family: int | None
    model: int | None
    stepping: int | None
    brand: str | None


BRAND = (EXTENDED + 2, EXTENDED + 3, EXTENDED + 4)
"""The leaves that hold it."""


def processor(basic: Mapping[int, Leaf]) -> Processor:
    """By leaves that have no subleaves; in Wireshark, too."""
    first, second = basic.get(0), basic.get(1)
    vendor = _text(_word(first.b) + _word(first.d) + _word(first.c)) if first is not None else None
    family, model, stepping = signature(second.a) if second is not None else (None, None, None)
    brand = b""
    for leaf in BRAND:
        part = basic.get(leaf)
        if part is not None:
            brand += _word(part.a) + _word(part.b) + _word(part.c) + _word(part.d)
    return Processor(vendor, family, model, stepping, _text(brand) or None)


def _word(register: int) -> bytes:
    return register.to_bytes(4, "little")


def _text(octets: bytes) -> str:
    """Characters, without what ends or fills them."""
    return octets.partition(b"\0")[0].decode("ascii", "backslashreplace").strip(" ")


CACHE_TYPES: Mapping[int, str] = {1: "data", 2: "instruction", 3: "unified"}


def _caches(policy: Leaves) -> Iterator[Cache]:
    """Of Intel's leaf 4 or AMD's 0x8000001d, which look the same, and what AMD's older leaves say beside them: of
    0x8000001d Xen keeps the first subleaf alone."""
    found = [_cache(one) for leaf in (4, EXTENDED + 0x1D) for one in _subleaves(policy, leaf) if one.a & 0x1F]
    yield from found
    known = {(one.level, one.type) for one in found}
    yield from (one for one in _older_caches(policy) if (one.level, one.type) not in known)


def _cache(leaf: Leaf) -> Cache:
    a, b, c, _ = leaf
    line, partitions, ways = (b & 0xFFF) + 1, (b >> 12 & 0x3FF) + 1, (b >> 22) + 1
    kind = CACHE_TYPES.get(a & 0x1F, str(a & 0x1F))
    return Cache(a >> 5 & 7, kind, line * partitions * ways * (c + 1), ways, line, (a >> 14 & 0xFFF) + 1)


def _older_caches(policy: Leaves) -> Iterator[Cache]:
    """AMD's leaves 0x80000005 and 0x80000006; Intel has the second level in the latter, too."""
    first, second = (policy.get((EXTENDED + at, NO_SUBLEAF)) for at in (5, 6))
    for register, kind in ((first.c, "data"), (first.d, "instruction")) if first else ():
        size, ways, line = (register >> 24) << 10, register >> 16 & 0xFF, register & 0xFF
        if size:
            yield Cache(1, kind, size, _fully(size, line) if ways == 0xFF else ways, line, None)
    for level, register, size in (
        ((2, second.c, second.c >> 16 << 10), (3, second.d, second.d >> 18 << 19)) if second else ()
    ):
        code, line = register >> 12 & 0xF, register & 0xFF
        if size:
            yield Cache(level, "unified", size, _fully(size, line) if code == 0xF else _WAYS.get(code), line, None)


def _fully(size: int, line: int) -> int | None:
    """Ways of a cache that is fully associative: as many as it has lines."""
    return size // line if line else None


_WAYS: Mapping[int, int] = {
    1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 8: 16, 0xA: 32, 0xB: 48, 0xC: 64, 0xD: 96,
}  # fmt: skip
"""By AMD's code; the least where it stands for several."""


def _subleaves(policy: Leaves, leaf: int) -> Iterator[Leaf]:
    """In order, up to the first one that is not there; of a leaf that Xen sends without subleaves the only one."""
    if (only := policy.get((leaf, NO_SUBLEAF))) is not None:
        yield only
    subleaf = 0
    while (found := policy.get((leaf, subleaf))) is not None:
        yield found
        subleaf += 1


LEVELS: Mapping[int, str] = {1: "thread", 2: "core"}


def _topology(policy: Leaves) -> Iterator[Topology]:
    """Of leaf 0xb; where that says nothing, of AMD's 0x8000001e and 0x80000008."""
    found = [
        Topology(LEVELS.get(kind, str(kind)), a & 0x1F, b & 0xFFFF)
        for a, b, c, _ in _subleaves(policy, 0xB)
        if (kind := c >> 8 & 0xFF)
    ]
    yield from found
    if found:
        return
    nodes, sizes = (policy.get((EXTENDED + at, NO_SUBLEAF)) for at in (0x1E, 8))
    if nodes and any(nodes):
        threads = (nodes.b >> 8 & 0xFF) + 1
        yield Topology("thread", (threads - 1).bit_length(), threads)
    if sizes and sizes.c & 0xFF:
        processors = (sizes.c & 0xFF) + 1
        yield Topology("core", sizes.c >> 12 & 0xF or (processors - 1).bit_length(), processors)


def _states(low: int, high: int) -> tuple[str, ...]:
    return tuple(XCR0.read(high << 32 | low, "little", {}))


def _components(policy: Leaves) -> Iterator[State]:
    for part in XCR0.parts:
        found = policy.get((0xD, part.shift)) if part.shift >= 2 else None
        if found is not None and found.a:
            yield State(part.name, found.a, found.b)


def described(values: Mapping[str, Any]) -> dict[str, Any]:
    """A policy in words, from the fields of its record; nothing where it has no leaf."""
    entries: Iterable[Mapping[str, int]] = values.get("cpuid_policy", ())
    policy = {(one["leaf"], one["subleaf"]): Leaf(*(one[name] for name in "abcd")) for one in entries}
    if not policy:
        return {}
    found = vars(CpuPolicy.of(policy))
    return {"cpu": {name: _plain(value) for name, value in found.items() if value not in (None, ())}}


def _plain(value: Any) -> Any:
    """Tuples of tuples as lists of dicts, by the names they have."""
    if not isinstance(value, tuple):
        return value
    return [one._asdict() if hasattr(one, "_asdict") else one for one in value]


# --- registers, one by one ----------------------------------------------------------------------------------


SUBLEAF = Always(Names({NO_SUBLEAF: "none"}))
"""The form of a subleaf's number."""


class Characters(NamedTuple):
    """Four letters in a register."""

    def read(self, value: int, endianness: Endianness, values: Mapping[str, Any]) -> int | str:
        text = value.to_bytes(4, "little").decode("latin-1")
        return text if text.isprintable() and text.isascii() else value

    def write(self, value: str, endianness: Endianness, values: Mapping[str, Any]) -> int:
        octets = value.encode("latin-1", "replace")
        if len(octets) != 4:
            raise GrammarError(f"not four letters: {value!r}")
        return int.from_bytes(octets, "little")


_TEXT = Characters()
_HIGH_STATES = Flags(tuple(part._replace(shift=part.shift - 32) for part in XCR0.parts if part.shift >= 32))
_LOW_STATES = Flags(tuple(part for part in XCR0.parts if part.shift < 32))
_SIGNATURE = bits(
    "",
    BitField("stepping", 0, 4),
    BitField("model", 4, 4),
    BitField("family", 8, 4),
    BitField("type", 12, 2),
    BitField("ext_model", 16, 4),
    BitField("ext_family", 20, 8),
)
_CACHE_A = bits(
    "8:self_init 9:fully_assoc",
    BitField("type", 0, 5, CACHE_TYPES),
    BitField("level", 5, 3),
    BitField("threads_per_cache", 14, 12),
    BitField("cores_per_package", 26, 6),
)
_CACHE_B = bits("", BitField("line_size", 0, 12), BitField("partitions", 12, 10), BitField("ways", 22, 10))
_CACHE_D = bits("0:wbinvd 1:inclusive 2:complex")
_L1 = bits(
    "",
    BitField("line_size", 0, 8),
    BitField("lines_per_tag", 8, 8),
    BitField("ways", 16, 8),
    BitField("size_kib", 24, 8),
)
_L1_TLB = bits(
    "",
    BitField("instruction_entries", 0, 8),
    BitField("instruction_ways", 8, 8),
    BitField("data_entries", 16, 8),
    BitField("data_ways", 24, 8),
)
_WAYS_CODES = {**{code: f"{ways}-way" for code, ways in _WAYS.items()}, 9: "as leaf 0x8000001d", 0xF: "fully"}
_L2_TLB = bits(
    "",
    BitField("instruction_entries", 0, 12),
    BitField("instruction_ways", 12, 4, _WAYS_CODES),
    BitField("data_entries", 16, 12),
    BitField("data_ways", 28, 4, _WAYS_CODES),
)
_L2 = bits(
    "",
    BitField("line_size", 0, 8),
    BitField("lines_per_tag", 8, 4),
    BitField("ways", 12, 4, _WAYS_CODES),
    BitField("size_kib", 16, 16),
)
_L3 = bits(
    "",
    BitField("line_size", 0, 8),
    BitField("lines_per_tag", 8, 4),
    BitField("ways", 12, 4, _WAYS_CODES),
    BitField("size_512kib", 18, 14),
)
_POWER = bits(
    "0:digital_temp_sensor 1:turbo_boost 2:arat 6:pkg_therm_mgmt 7:hwp 8:hwp_interrupt 9:hwp_activity_window "
    "10:hwp_epp 11:hwp_request_pkg 13:hdc 16:hwp_peci_override 19:hw_feedback"
)
"""The bits that cpu-policy.h names. Here and below, values that are less by one than what they count are as the
processor has them."""

_CACHE_LEAVES = [(leaf, one) for leaf in (4, EXTENDED + 0x1D) for one in (None, *range(8))]

_OTHERS: Mapping[tuple[int, int | None, str], Form] = {
    (0, None, "b"): _TEXT,
    (0, None, "c"): _TEXT,
    (0, None, "d"): _TEXT,
    (1, None, "a"): _SIGNATURE,
    (1, None, "b"): bits(
        "",
        BitField("brand", 0, 8),
        BitField("clflush_size", 8, 8),
        BitField("lppp", 16, 8),
        BitField("apic_id", 24, 8),
    ),
    (6, None, "a"): _POWER,
    (6, None, "c"): bits("0:hw_feedback_cap"),
    (0xA, None, "a"): bits("", BitField("pmu_version", 0, 8), BitField("more", 8, 24)),
    (0xD, 0, "a"): _LOW_STATES,
    (0xD, 0, "d"): _HIGH_STATES,
    (0xD, 1, "c"): _LOW_STATES,
    (0xD, 1, "d"): _HIGH_STATES,
    **{(0xD, one, "c"): bits("0:xss 1:align") for one in range(2, 63)},
    **{(leaf, one, "a"): _CACHE_A for leaf, one in _CACHE_LEAVES},
    **{(leaf, one, "b"): _CACHE_B for leaf, one in _CACHE_LEAVES},
    **{(leaf, one, "d"): _CACHE_D for leaf, one in _CACHE_LEAVES},
    **{(0xB, one, "a"): bits("", BitField("id_shift", 0, 5)) for one in range(4)},
    **{(0xB, one, "b"): bits("", BitField("nr_logical", 0, 16)) for one in range(4)},
    **{(0xB, one, "c"): bits("", BitField("level", 0, 8), BitField("type", 8, 8, LEVELS)) for one in range(4)},
    (EXTENDED, None, "b"): _TEXT,
    (EXTENDED, None, "c"): _TEXT,
    (EXTENDED, None, "d"): _TEXT,
    (EXTENDED + 1, None, "a"): _SIGNATURE,
    **{(EXTENDED + at, None, name): _TEXT for at in (2, 3, 4) for name in "abcd"},
    **{(EXTENDED + 5, None, name): _L1_TLB for name in "ab"},
    **{(EXTENDED + 5, None, name): _L1 for name in "cd"},
    **{(EXTENDED + leaf, None, name): _L2_TLB for leaf in (6, 0x19) for name in "ab"},
    (EXTENDED + 6, None, "c"): _L2,
    (EXTENDED + 6, None, "d"): _L3,
    (EXTENDED + 8, None, "a"): bits("", BitField("maxphysaddr", 0, 8), BitField("maxlinaddr", 8, 8)),
    (EXTENDED + 8, None, "c"): bits("", BitField("nc", 0, 8), BitField("apic_id_size", 12, 4)),
    (EXTENDED + 0x1E, None, "b"): bits("", BitField("core_id", 0, 8), BitField("threads_per_core", 8, 8)),
    (EXTENDED + 0x1E, None, "c"): bits("", BitField("node_id", 0, 8), BitField("nodes_per_processor", 8, 3)),
    (EXTENDED + 0x21, None, "b"): bits("", BitField("ucode_size", 0, 16), BitField("rap_size", 16, 8)),
}


def _forms(name: str) -> Mapping[tuple[int, int], Form]:
    found: dict[tuple[int, int], Form] = {
        _key(Register(leaf, subleaf, register)): form
        for (leaf, subleaf, register), form in _OTHERS.items()
        if register == name
    }
    for register, names in CPUID_FEATURES.items():
        if register.name == name:
            named = {**_repeated(register), **names}
            found[_key(register)] = Flags(tuple(BitField(word, bit, 1) for bit, word in sorted(named.items())))
    return found


_BASIC, _REPEATING = Register(1, None, "d"), Register(EXTENDED + 1, None, "d")
_COMMON = 0x0183F3FF
"""Bits of leaf 1, EDX, that AMD's processors have again in leaf 0x80000001: CPUID_COMMON_1D_FEATURES, which
xen/tools/gen-cpuid.py writes. They are no features of their own."""


def _repeated(register: Register) -> Mapping[int, str]:
    if register != _REPEATING:
        return {}
    return {bit: word for bit, word in CPUID_FEATURES[_BASIC].items() if _COMMON >> bit & 1}


A, B, C, D = (_forms(name) for name in "abcd")
"""What each register means, by leaf and subleaf."""
