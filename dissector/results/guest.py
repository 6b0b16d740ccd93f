"""The guest at the moment it stopped, as `guest --json` prints it and `diff` compares it.

The tables of names are loaded with this module; only the commands that look into bodies import it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Self

from dissector.events import (
    FORWARD,
    DirectionEnded,
    DirectionStarted,
    Event,
    Record,
    Resynchronised,
    WayLost,
)
from dissector.facts import configuration, has_configuration
from dissector.facts.endings import ENDS
from dissector.protocol import (
    DOMAIN_HEADER,
    Role,
    cpuid,
    hvm,
    layout,
    libxc,
    libxl,
    msr,
    parse_partial,
    pv,
    qemu,
    x86,
    xenops,
)
from dissector.protocol.depth import deepen
from dissector.protocol.guest_config import GuestConfig
from dissector.protocol.primitives import Endianness, Form, Unread
from dissector.results.base import Result
from dissector.results.common import InFile, Octets
from dissector.results.decoding import around
from dissector.units import many, size

Names = tuple[str, ...]


class IdentityResult(Result):
    """What the toolstack says of the guest."""

    toolstack: Annotated[str, "whose configuration it is: xl, libvirt or xenopsd"]
    name: str | None
    uuid: str | None
    type: str | None
    vcpus_at_start: Annotated[int | None, "how many of max_vcpus are there when it starts"]
    max_vcpus: int | None
    memory: Octets | None
    max_memory: Octets | None
    device_model: str | None
    disks: Annotated[Names | None, "as the guest calls them"]
    nics: Annotated[Names | None, "their MAC addresses"]
    pci: Annotated[Names | None, "devices of the host that it has to itself"]
    nested_hvm: bool | None
    tsc_mode: str | None
    viridian: Annotated[bool | None, "whether it is offered Hyper-V's interface"]
    acpi: bool | None
    apic: bool | None


class VcpuResult(Result, kw_only=True):
    """A virtual processor."""

    id: int
    mode: Annotated[str, "how it runs code: 64-bit, 32-bit, 16-bit, virtual 8086, real; of a PV guest its width"]
    is_user: Annotated[bool, "whether it was in user mode"]
    interruptible: Annotated[bool, "whether interrupts (of a PV guest: events) were let through"]
    online: bool
    ip: int
    sp: int
    symbol: Annotated[str | None, "where in the kernel that is, if a table of symbols was given"]
    flags: Names
    cr0: Names
    cr2: int
    cr3: int
    cr4: Names
    efer: Annotated[Names | None, "null: a PV guest has none of its own"]
    registers: Annotated[Mapping[str, int], "all integers of its state by their names in Xen's header"]


class CacheResult(Result):
    """A cache of the processor."""

    level: int
    type: str
    size: Octets
    ways: int | None
    line: Octets
    threads: Annotated[int | None, "that share it at most; null: AMD's older leaves do not say it"]


class TopologyResult(Result):
    """A level of the processor's topology."""

    level: str
    shift: int
    processors: int


class ComponentResult(Result):
    """A component of the XSAVE area."""

    name: str
    size: Octets
    offset: Octets


class CpuResult(Result, kw_only=True):
    """What CPUID tells the guest."""

    vendor: str | None
    family: int | None
    model: int | None
    stepping: int | None
    brand: str | None
    max_leaf: int | None
    max_subleaf: Annotated[int | None, "the last subleaf of leaf 7"]
    max_extended: int | None
    max_hypervisor: int | None
    max_viridian: int | None
    physical_bits: int | None
    linear_bits: int | None
    threads: int | None
    features: Names
    caches: tuple[CacheResult, ...]
    topology: tuple[TopologyResult, ...]
    states: Annotated[Names, "that XCR0 can enable"]
    supervisor_states: Names
    xsave_size: Octets | None
    components: tuple[ComponentResult, ...]
    leaves: Annotated[Mapping[str, tuple[int, ...]], "EAX to EDX by leaf, or leaf:subleaf"]

    @classmethod
    def of(cls, policy: cpuid.Leaves) -> Self:
        found = vars(cpuid.CpuPolicy.of(policy)) | {
            "leaves": {leaf_name(*key): tuple(registers) for key, registers in policy.items()}
        }
        for name, type in (("caches", CacheResult), ("topology", TopologyResult), ("components", ComponentResult)):
            found[name] = tuple(type(*one) for one in found[name])
        return cls(**found)


def leaf_name(leaf: int, subleaf: int) -> str:
    """What a leaf is called among the `leaves` of a processor."""
    return f"{leaf:#x}" if subleaf == cpuid.NO_SUBLEAF else f"{leaf:#x}:{subleaf}"


class ClockResult(Result):
    """Its time stamp counter, and its wall clock."""

    mode: str | int | None
    khz: int | None
    elapsed: Annotated[float | None, "of its time, seconds"]
    incarnation: Annotated[int | None, "how often it was restored"]
    wall_clock: Annotated[float | None, "when its system time was 0, of a PV guest, seconds since the epoch"]


class StateResult(Result):
    """A device or processor state that the hypervisor itself saved."""

    type: str
    instance: int
    length: Octets


class DeviceResult(Result):
    """A section of an emulator's state."""

    device: str
    instance: int
    version: Annotated[int, "of the layout: a QEMU that knows only older ones refuses it"]
    length: Octets
    subsections: Annotated[Names, "optional parts: a QEMU that does not know one refuses it"]


class GuestResult(Result, kw_only=True):
    """A guest: its configuration, and its state when it stopped last."""

    migration: Annotated[int, "which of the input, from 0"]
    kind: str | int | None
    xen: Annotated[str | None, "version of the Xen that wrote the stream"]
    identity: IdentityResult | None
    vcpus: tuple[VcpuResult, ...]
    offline: Annotated[
        tuple[int, ...], "virtual processors without a state in the stream, though others have one: they were down"
    ]
    clock: ClockResult | None
    cpu: CpuResult | None
    msrs: Annotated[Mapping[str, Any], "registers of the policy by name: names of bits, or a number"]
    params: Annotated[Mapping[str, Any], "of an HVM guest by name: names, names of bits, or a number"]
    states: tuple[StateResult, ...]
    devices: tuple[DeviceResult, ...]
    max_pfn: Annotated[int | None, "of a PV guest: entries of its table of frames"]
    pending_events: Annotated[tuple[int, ...], "of a PV guest: event channels"]
    unread: Annotated[tuple[str, ...], "what the stream has of its state that is of no known layout, and why"]
    hidden: Annotated[
        tuple[str, ...],
        "what of the stream the input does not hold, as far as the guest may be in it; where there is none of these, "
        "what is null or empty is not in the stream",
    ]


class _Held:
    """How much of a migration's forward stream the input holds."""

    def __init__(self) -> None:
        self._is_late = False
        self._passed = 0
        """Octets in which no record could be found."""
        self._lost_at: int | None = None
        self._has_end = False
        """Whether the stream's END was there, or that of a checkpoint."""
        self._parts: dict[str, Record] = {}
        """Bodies of which octets are missing, until a whole one of the kind comes."""

    def add(self, event: Event) -> None:
        """The next event of the direction."""
        match event:
            case DirectionStarted():
                self._is_late = event.late
            case WayLost():
                self._lost_at = event.offset
            case Resynchronised():
                self._lost_at, self._passed = None, self._passed + event.skipped
            case DirectionEnded():
                self._passed += 0 if self._lost_at is None else event.offset - self._lost_at
                self._lost_at = None

    def add_record(self, record: Record) -> None:
        """The next record."""
        role = getattr(record.spec, "role", None)
        self._has_end |= role in CHECKPOINTS or (role in ENDS and record.layer == record.context.outermost)

    def add_body(self, kind: str, record: Record) -> None:
        """The next body that says something of the guest."""
        if record.complete:
            self._parts.pop(kind, None)
        else:
            self._parts[kind] = record._replace(body=b"", padding=b"")

    def words(self) -> Iterator[str]:
        """What is not there."""
        if self._is_late:
            yield "the input begins within the stream"
        for part in self._parts.values():
            yield f"{part.name}: not all of its {part.body_length:,} octets are in the input"
        if self._passed:
            yield f"{self._passed:,} octets could not be followed: which records were in them is not known"
        if not self._has_end:
            yield "the input ends before the END of the stream"


CHECKPOINTS = frozenset((Role.CHECKPOINT, Role.CHECKPOINT_END))


@dataclass
class _Bodies:
    """What was seen of one guest: the newest record of each kind; where there are several, each of the newest time."""

    held: _Held = field(default_factory=_Held)
    config: GuestConfig | None = None
    one: dict[str, Record] = field(default_factory=dict)
    vcpus: dict[int, Record] = field(default_factory=dict)
    emulators: dict[int, Record] = field(default_factory=dict)
    """By number; -1: xenopsd's QEMU."""


ONE: Mapping[Any, str] = {
    DOMAIN_HEADER.body: "domain",
    libxc.x86_cpuid_policy: "cpuid",
    libxc.x86_msr_policy: "msrs",
    libxc.tsc_info: "tsc",
    libxc.hvm_context: "context",
    libxc.hvm_params: "params",
    libxc.shared_info: "shared",
    libxc.x86_pv_info: "pv",
}
"""Layouts of bodies of which the newest is looked at."""


GUESTS_MAX = 1 << 10
"""Guests that are looked at; 48 octets make a migration."""

OCTETS_MAX = 1 << 24
"""Octets of the bodies that are kept of all of them."""

KEPT_COST = 1 << 10
"""What a record counts beside the octets of its body, so that many tiny ones are bounded as well."""


class Guests:
    """A fold over events: the guest of each migration."""

    def __init__(self) -> None:
        self.left_out = 0
        """Records that are not looked at, because there are too many of them."""
        self._found: dict[int, _Bodies] = {}
        self._octets = 0

    def add(self, event: Event) -> None:
        """The next event."""
        if getattr(event, "direction", None) != FORWARD:
            return
        bodies = self._bodies(event)
        if bodies is None:
            self.left_out += isinstance(event, Record)
        elif not isinstance(event, Record):
            bodies.held.add(event)
        elif event.spec is not None:
            bodies.held.add_record(event)
            self._add(bodies, event)

    def _bodies(self, event: Event) -> _Bodies | None:
        """Of the event's guest; None if there are too many."""
        if event.migration not in self._found:
            if len(self._found) >= GUESTS_MAX:
                return None
            self._found[event.migration] = _Bodies()
        return self._found[event.migration]

    def _add(self, bodies: _Bodies, record: Record) -> None:
        body = getattr(record.spec, "body", None)
        place: tuple[dict[Any, Record], str | int] | None = None
        if body in ONE:
            place = bodies.one, ONE[body]
        elif body is libxc.x86_pv_vcpu_basic:
            place = bodies.vcpus, _word(record)
        elif body is libxl.emulator_context:
            place = bodies.emulators, _word(record)
        elif body is xenops.qemu_state:
            place = bodies.emulators, -1
        elif has_configuration(record):
            bodies.config = configuration(record) or bodies.config
            bodies.held.add_body("configuration", record)
        if place is not None:
            bodies.held.add_body(f"{record.name} {place[1]}", record)
            if record.complete:
                self._keep(*place, record)

    def _keep(self, place: dict[Any, Record], name: str | int, record: Record) -> None:
        """In place of the one before it, as long as there is room for its body and what an object takes."""
        before = place.get(name)
        more = len(record.body) - len(before.body) if before is not None else len(record.body) + KEPT_COST
        if self._octets + more > OCTETS_MAX:
            self.left_out += 1
            return
        self._octets += more
        place[name] = record

    @property
    def words_left_out(self) -> str | None:
        """What to say of those, if there are any."""
        if not self.left_out:
            return None
        kept = f"{GUESTS_MAX:,} guests, {size(OCTETS_MAX)}"
        return f"{many(self.left_out, 'record')} about guests beyond what is kept ({kept}) are left out"

    def results(self, symbols: Callable[[int], str | None] = lambda address: None) -> tuple[GuestResult, ...]:
        """Of every migration. `symbols`: what of the kernel is at an address."""
        return tuple(_result(number, bodies, symbols) for number, bodies in sorted(self._found.items()))


def _word(record: Record) -> int:
    return int.from_bytes(record.body[:4], record.endianness)


def _deep(record: Record | None) -> dict[str, Any]:
    """The fields of a record with their meanings; none of no record."""
    body = getattr(record.spec, "body", None) if record is not None else None
    if record is None or body is None:
        return {}
    shape = layout(body, record.endianness)
    return deepen(shape, parse_partial(shape, record.body), around(record))


def _result(number: int, bodies: _Bodies, symbols: Callable[[int], str | None]) -> GuestResult:
    domain = _deep(bodies.one.get("domain"))
    shared = _deep(bodies.one.get("shared")).get("shared_info")
    shared = shared if isinstance(shared, dict) else {}
    policy = bodies.one.get("cpuid")
    xen = f"{domain['xen_major']}.{domain['xen_minor']}" if domain.get("xen_major") else None
    return GuestResult(
        migration=number,
        kind=domain.get("type"),
        xen=xen,
        identity=_identity(bodies.config) if bodies.config else None,
        vcpus=tuple(_vcpus(bodies, symbols)),
        offline=tuple(_offline(bodies)),
        clock=_clock(_deep(bodies.one.get("tsc")), shared),
        cpu=CpuResult.of(cpuid.leaves(policy.body, policy.endianness)) if policy else None,
        msrs=_named(_deep(bodies.one.get("msrs")).get("msr_policy", ()), "idx", "val"),
        params=_named(_deep(bodies.one.get("params")).get("param", ()), "index", "value"),
        states=tuple(_states(bodies)),
        devices=tuple(
            device
            for number, record in sorted(bodies.emulators.items())
            for device in _devices(record.body[8:] if number >= 0 else record.body)
        ),
        max_pfn=shared.get("max_pfn"),
        pending_events=tuple(shared.get("evtchn_pending", ())),
        unread=tuple(_unread(bodies)),
        hidden=tuple(bodies.held.words()),
    )


def _identity(config: GuestConfig) -> IdentityResult:
    found = dict(vars(config))
    return IdentityResult(vcpus_at_start=found.pop("vcpus"), **found)


def _named(entries: Any, key: str, value: str) -> dict[str, Any]:
    return {str(one[key]): one[value] for one in entries}


def _clock(tsc: Mapping[str, Any], shared: Mapping[str, Any]) -> ClockResult | None:
    wall = None
    if shared.get("wc_sec") or shared.get("wc_sec_hi"):
        wall = (shared["wc_sec_hi"] << 32 | shared["wc_sec"]) + shared["wc_nsec"] / 1e9
    if not tsc and wall is None:
        return None
    elapsed = tsc["nsec"] / 1e9 if "nsec" in tsc else None
    return ClockResult(tsc.get("mode"), tsc.get("khz"), elapsed, tsc.get("incarnation"), wall)


def _chain(bodies: _Bodies) -> Iterator[hvm.Descriptor]:
    """The links of the newest HVM_CONTEXT."""
    context = bodies.one.get("context")
    if context is not None:
        yield from hvm.descriptors(context.body, context.endianness)


def _states(bodies: _Bodies) -> Iterator[StateResult]:
    for one in _chain(bodies):
        if one.typecode:
            yield StateResult(one.name or str(one.typecode), one.instance, one.length)


def _unread(bodies: _Bodies) -> Iterator[str]:
    """In the words of whoever could not read it."""
    for one in _chain(bodies):
        what = f"HVM_CONTEXT, {one.name or f'type {one.typecode}'} {one.instance}"
        if one.name is None:
            yield f"{what}: no type that is known"
        elif len(one.octets) < one.length:
            yield f"{what}: {len(one.octets):,} of {one.length:,} octets"
        elif one.typecode:
            yield from _why(what, hvm.STATES[one.name], bytes(one.octets), bodies.one["context"].endianness)
    for number, record in sorted(bodies.vcpus.items()):
        yield from _why(f"{record.name} {number}", pv.BASIC.form, record.body[8:], record.endianness)
    for number, record in sorted(bodies.emulators.items()):
        octets = record.body[8:] if number >= 0 else record.body
        yield from _why(record.name, qemu.STREAM.form, octets, record.endianness)


def _why(what: str, form: Form, octets: bytes, endianness: Endianness) -> Iterator[str]:
    found = form.read(octets, endianness, {})
    if isinstance(found, Unread):
        yield f"{what}: {found.why}"


def _devices(octets: bytes) -> Iterator[DeviceResult]:
    stream = qemu.parse(octets)
    for one in stream.sections if stream else ():
        names = tuple(dict.fromkeys(name for name, _ in one.subsections))
        yield DeviceResult(one.device, one.instance, one.version, len(one.octets), names)


# --- processors ---------------------------------------------------------------------------------------------


def _vcpus(bodies: _Bodies, symbols: Callable[[int], str | None]) -> Iterator[VcpuResult]:
    for one in _chain(bodies):
        found = hvm.cpu(one.octets, bodies.one["context"].endianness) if one.name == "CPU" else None
        if found is not None:
            yield _hvm_vcpu(one.instance, found, symbols)
    for number, record in sorted(bodies.vcpus.items()):
        found = _pv_registers(record)
        if found is not None:
            yield _pv_vcpu(number, found, symbols)


VCPUS_MAX = 1 << 13
"""Processors that Xen lets a guest have: MAX_VIRT_CPUS of xen/arch/x86/include/asm/config.h."""


def _offline(bodies: _Bodies) -> Iterator[int]:
    """Those that are configured, or have an APIC. Of a processor that is down Xen saves no registers
    (hvm_save_cpu_ctxt of xen/arch/x86/hvm/hvm.c), and libxc sends none."""
    chain = tuple(_chain(bodies))
    saved = {one.instance for one in chain if one.name == "CPU"} | set(bodies.vcpus)
    if saved:
        configured = min(bodies.config.max_vcpus or 0, VCPUS_MAX) if bodies.config else 0
        there = {one.instance for one in chain if one.name == "LAPIC"} | set(range(configured))
        yield from sorted(there - saved)


def _bits(form: Any, value: int) -> Names:
    return tuple(form.read(value, "little", {}))


def _integers(registers: Mapping[str, Any]) -> dict[str, int]:
    return {name: value for name, value in registers.items() if isinstance(value, int)}


PE, VM, LMA, L_BIT, DB_BIT = 1 << 0, 1 << 17, 1 << 10, 1 << 9, 1 << 10
"""CR0, RFLAGS, EFER, and a code segment's attributes as Xen packs them."""

IF = 1 << 9


def mode_of(cr0: int, rflags: int, efer: int, cs_attributes: int) -> str:
    """How a processor runs code. Source: Intel SDM 3, section 2.2."""
    if not cr0 & PE:
        return "real"
    if rflags & VM:
        return "virtual 8086"
    if efer & LMA and cs_attributes & L_BIT:
        return "64-bit"
    return "32-bit" if cs_attributes & DB_BIT else "16-bit"


def _hvm_vcpu(number: int, found: Mapping[str, int], symbols: Callable[[int], str | None]) -> VcpuResult:
    mode = mode_of(found["cr0"], found["rflags"], found["msr_efer"], found["cs_arbytes"])
    privilege = 3 if mode == "virtual 8086" else found["ss_arbytes"] >> 5 & 3
    return VcpuResult(
        id=number,
        mode=mode,
        is_user=mode != "real" and privilege == 3,
        interruptible=bool(found["rflags"] & IF),
        online=True,  # Xen saves none that is not
        ip=found["rip"],
        sp=found["rsp"],
        symbol=symbols(found["rip"]),
        flags=_bits(x86.EFLAGS, found["rflags"]),
        cr0=_bits(x86.CR0, found["cr0"]),
        cr2=found["cr2"],
        cr3=found["cr3"],
        cr4=_bits(x86.CR4, found["cr4"]),
        efer=_bits(msr.BITS["EFER"], found["msr_efer"]),
        registers=_integers(found),
    )


def _pv_registers(record: Record) -> Mapping[str, int] | None:
    """The registers of a PV guest's processor, under the names that 64-bit guests have for them."""
    octets, order = record.body[8:], record.endianness
    form = pv.BASIC.form
    found = form.find(octets, order) if hasattr(form, "find") else None
    if found is None:
        return None
    body, values = found
    width = 64 if body is pv.pv_vcpu_64 else 32
    names = {"eip": "rip", "esp": "rsp", "eflags": "rflags"}
    return {"width": width} | _integers({names.get(name, name): value for name, value in values.items()})


def _pv_vcpu(number: int, found: Mapping[str, int], symbols: Callable[[int], str | None]) -> VcpuResult:
    is_kernel = bool(found["flags"] & 1 << 2) if found["width"] == 64 else found["cs"] & 3 != 3
    return VcpuResult(
        id=number,
        mode=f"{found['width']}-bit",
        is_user=not is_kernel,
        interruptible=not found["saved_upcall_mask"],
        online=bool(found["flags"] & 1 << 5),
        ip=found["rip"],
        sp=found["rsp"],
        symbol=symbols(found["rip"]),
        flags=_bits(x86.EFLAGS, found["rflags"]),
        cr0=_bits(x86.CR0, found["cr0"]),
        cr2=found["cr2"],
        cr3=found["cr3"],
        cr4=_bits(x86.CR4, found["cr4"]),
        efer=None,
        registers={name: value for name, value in found.items() if name != "width"},
    )


class FileGuestResult(GuestResult, InFile, kw_only=True):
    """A guest, and its file: a line of `guest --json`."""
