"""What a toolstack says of the guest: name, uuid, kind, processors, memory, devices; whichever toolstack it is.

Sources: tools/libs/light/libxl_types.idl of Xen for the JSON that xl sends (libxl_domain_config), libvirt's format of
domains (formatdomain.html) for its XML, ocaml/xapi-idl/xen/xenops_interface.ml of xen-api (Vm.t) for what xenopsd
saves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

KIB = 1024

CONFIG_MAX = 1 << 18
"""Octets of a configuration that is read; xl's of a plain guest has 1.3 kB. Taken apart an octet makes a hundred."""


@dataclass(frozen=True)
class GuestConfig:
    """What matters of a configuration; None is what it does not say."""

    toolstack: str
    """Whose format it is: "xl", "libvirt" or "xenopsd"."""
    name: str | None = None
    uuid: str | None = None
    type: str | None = None
    """"hvm", "pv" or "pvh"."""
    vcpus: int | None = None
    """Processors that are there when it starts."""
    max_vcpus: int | None = None
    """Processors that it can have."""
    memory: int | None = None
    """Octets that it is to have."""
    max_memory: int | None = None
    """Octets that it can have at most."""
    device_model: str | None = None
    disks: tuple[str, ...] | None = None
    """As the guest calls them: "xvda"."""
    nics: tuple[str, ...] | None = None
    """Their MAC addresses."""
    pci: tuple[str, ...] | None = None
    """Devices of the host that it has to itself: "0000:03:00.0"."""
    nested_hvm: bool | None = None
    tsc_mode: str | None = None
    viridian: bool | None = None
    """Whether it is offered Hyper-V's interface."""
    acpi: bool | None = None
    apic: bool | None = None

    @property
    def values(self) -> dict[str, Any]:
        """What is said."""
        return {name: value for name, value in vars(self).items() if value is not None}


def guest_of(config: str | bytes) -> GuestConfig | None:
    """The guest of a configuration in any of the formats; None if it is in none of them, or longer than CONFIG_MAX. Of
    XML that is cut it is what the beginning says; the other formats have to be whole."""
    if len(config) > CONFIG_MAX:
        return None
    text = config.decode("utf-8", "replace") if isinstance(config, bytes | bytearray | memoryview) else config
    text = text.rstrip("\0").strip()
    for begins, read in (("{", _xl), ("<", _libvirt), ("(", _xenopsd)):
        if text.startswith(begins):
            try:
                return read(text)
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError, SyntaxError):
                return None
    return None


def _xl(text: str) -> GuestConfig | None:
    config = json.loads(text)
    create, build = _dict(config.get("c_info")), _dict(config.get("b_info"))
    if not create and not build:
        return _vm(config)
    avail = build.get("avail_vcpus")
    hvm = _dict(build.get("type.hvm"))
    kinds = [key.removeprefix("type.") for key in build if key.startswith("type.")]
    return GuestConfig(
        toolstack="xl",
        name=_text(create.get("name")),
        uuid=_text(create.get("uuid")),
        type=_text(create.get("type")) or next(iter(kinds), None),
        vcpus=len(avail) if isinstance(avail, list) else None,
        max_vcpus=_number(build.get("max_vcpus")),
        memory=_kib(build.get("target_memkb")),
        max_memory=_kib(build.get("max_memkb")),
        device_model=_text(build.get("device_model_version")),
        disks=_texts(config.get("disks"), "vdev"),
        nics=_texts(config.get("nics"), "mac"),
        pci=_addresses(config.get("pcidevs"), "domain bus dev func"),
        tsc_mode=_text(build.get("tsc_mode")),
        viridian=_truth(hvm.get("viridian")) or bool(hvm.get("viridian_enable")) or None,
        nested_hvm=_truth(build.get("nested_hvm", hvm.get("nested_hvm"))),
        acpi=_truth(build.get("acpi", hvm.get("acpi"))),
        apic=_truth(build.get("apic", hvm.get("apic"))),
    )


def _texts(entries: Any, key: str) -> tuple[str, ...] | None:
    """What each object of a list has under a key; None of no such list."""
    objects = _objects(entries)
    return None if objects is None else tuple(text for one in objects if (text := _text(one.get(key))))


def _objects(entries: Any) -> list[Mapping[str, Any]] | None:
    return entries if isinstance(entries, list) and all(isinstance(one, dict) for one in entries) else None


PCI_ADDRESS = "{:04x}:{:02x}:{:02x}.{:x}"
"""Of a domain, a bus, a device and its function."""


def _addresses(entries: Any, names: str) -> tuple[str, ...] | None:
    """Addresses on a PCI bus, from the numbers of their parts; a part that is not there is 0."""
    objects = _objects(entries)
    if objects is None:
        return None
    parts = ([_number(one.get(name, 0)) or 0 for name in names.split()] for one in objects)
    return tuple(PCI_ADDRESS.format(*four) for four in parts)


TRUTHS: Mapping[str, bool] = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}


def _truth(value: Any) -> bool | None:
    """Of xl's "True", xenopsd's "1" and "true", and booleans of JSON; None where it is left to a default."""
    return TRUTHS.get(str(value).lower())


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _kib(value: Any) -> int | None:
    return None if (number := _number(value)) is None else number * KIB


# libvirt: units of <memory>, octets; without one it is KiB.
_UNITS: Mapping[str, int] = {
    "b": 1,
    "bytes": 1,
    "k": KIB,
    "kib": KIB,
    "m": KIB**2,
    "mib": KIB**2,
    "g": KIB**3,
    "gib": KIB**3,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
}


def _libvirt(text: str) -> GuestConfig | None:
    if "<!" in text.replace("<!--", ""):
        return None  # a declaration of entities: libvirt writes none, and they can be made to fill the memory
    from xml.etree.ElementTree import Element, XMLPullParser  # few inputs have any

    parser: XMLPullParser[Any] = XMLPullParser(["start"])
    parser.feed(text)
    elements = (event[-1] for event in parser.read_events() if isinstance(event[-1], Element))
    domain = next((element for element in elements if element.tag == "domain"), None)
    if domain is None:
        return None
    vcpu, kind = domain.find("vcpu"), domain.find("os/type")
    most = int(vcpu.text or "") if vcpu is not None else None
    word = (kind.text or "").strip() if kind is not None else ""
    emulator = domain.find("devices/emulator")
    return GuestConfig(
        toolstack="libvirt",
        name=_text(domain.findtext("name")),
        uuid=_text(domain.findtext("uuid")),
        type={"linux": "pv", "xen": "pv", "xenpvh": "pvh"}.get(word, word) or None,
        vcpus=int(vcpu.get("current", str(most))) if vcpu is not None else None,
        max_vcpus=most,
        memory=_memory(domain.find("currentMemory")),
        max_memory=_memory(domain.find("memory")),
        device_model=_text(emulator.text) if emulator is not None else None,
        disks=_attributes(domain, "devices/disk/target", "dev"),
        nics=_attributes(domain, "devices/interface/mac", "address"),
        pci=tuple(_address(one) for one in domain.iterfind("devices/hostdev/source/address")) or None,
        nested_hvm=next((_nested(one) for one in domain.iterfind("cpu/feature") if one.get("name") in VIRTUAL), None),
        tsc_mode=next((one.get("mode") for one in domain.iterfind("clock/timer[@name='tsc']")), None),
        viridian=any(one.get("state") == "on" for one in domain.iterfind("features/hyperv/*")) or None,
        acpi=domain.find("features/acpi") is not None or None,
        apic=domain.find("features/apic") is not None or None,
    )


VIRTUAL = ("vmx", "svm")
"""Features of a processor without which a guest cannot have guests."""


def _nested(feature: Element) -> bool:
    return feature.get("policy") in ("require", "force", None)


def _attributes(domain: Element, path: str, name: str) -> tuple[str, ...] | None:
    return tuple(value for one in domain.iterfind(path) if (value := one.get(name))) or None


def _address(element: Element) -> str:
    four = (int(element.get(name, "0"), 0) for name in ("domain", "bus", "slot", "function"))
    return PCI_ADDRESS.format(*four)


def _memory(element: Element | None) -> int | None:
    return None if element is None else int(element.text or "") * _UNITS[element.get("unit", "KiB").lower()]


# --- xenopsd: an s-expression, in which the virtual machine is one more, or JSON, as a string ----------------

Sexp: TypeAlias = "str | list[Sexp]"
_TOKEN = re.compile(r'[()]|"(?:[^"\\]|\\.)*"|[^\s()"]+', re.DOTALL)
_ESCAPE = re.compile(r"\\(\d{3}|x[0-9a-fA-F]{2}|\n\s*|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b"}


def _xenopsd(text: str) -> GuestConfig | None:
    for key, value in _pairs(sexp(text)):
        if key == "vm_str" and isinstance(value, str):
            inner = value.strip()
            if inner.startswith("("):
                return _vm(dict(_pairs(sexp(inner))))
            if inner.startswith("{"):
                return _vm(json.loads(inner))
            return GuestConfig("xenopsd")
    return _vm(dict(_pairs(sexp(text))))


def _vm(fields: Mapping[str, Any]) -> GuestConfig | None:
    """From Vm.t by its keys, or from what it is in under the key `vm`."""
    vm = fields.get("vm", fields)
    around, fields = fields, vm if isinstance(vm, dict) else fields
    if "id" not in fields and "name" not in fields:
        return None
    kind = fields.get("ty")
    word = kind[0] if isinstance(kind, list) and kind else kind
    type = word.lower() if isinstance(word, str) else None
    platform = _platform(fields)
    return GuestConfig(
        toolstack="xenopsd",
        name=_text(fields.get("name")),
        uuid=_text(fields.get("id")),
        type={"pvinpvh": "pvh"}.get(type or "", type),
        vcpus=_count(fields.get("vcpus")),
        max_vcpus=_count(fields.get("vcpu_max")),
        memory=_count(fields.get("memory_dynamic_max")),
        max_memory=_count(fields.get("memory_static_max")),
        disks=_devices(around.get("vbds")),
        nics=_texts(around.get("vifs"), "mac"),
        pci=_of_host(around.get("pcis")),
        nested_hvm=_truth(platform.get("nested-virt")),
        tsc_mode=TSC_MODES.get(str(platform.get("tsc_mode"))),
        viridian=_truth(platform.get("viridian")),
        acpi=_truth(platform.get("acpi")),
        apic=_truth(platform.get("apic")),
    )


TSC_MODES: Mapping[str, str] = {"0": "default", "1": "always_emulate", "2": "native", "3": "native_paravirt"}
"""The numbers that xenopsd has for them, as libxl's names: libxl_tsc_mode."""


def _platform(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Vm.t's platformdata: a list of pairs, or in JSON an object."""
    found = fields.get("platformdata")
    if isinstance(found, dict):
        return found
    if isinstance(found, list):
        return {one[0]: one[1] for one in found if isinstance(one, list) and len(one) == 2 and isinstance(one[0], str)}
    return {}


def _devices(vbds: Any) -> tuple[str, ...] | None:
    """The second half of each disk's id, which is the machine's and the disk's own."""
    objects = _objects(vbds)
    if objects is None:
        return None
    ids = (one.get("id") for one in objects)
    return tuple(str(one[1]) for one in ids if isinstance(one, list) and len(one) == 2)


def _of_host(pcis: Any) -> tuple[str, ...] | None:
    objects = _objects(pcis)
    return None if objects is None else _addresses([one.get("address") for one in objects], "domain bus dev fn")


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, str) and value.isdecimal() else _number(value)


def sexp(text: str) -> Sexp:
    """An s-expression: strings, and lists of them. ValueError if it does not close."""
    stack: list[list[Sexp]] = [[]]
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token == "(":
            stack.append([])
        elif token == ")":
            if len(stack) < 2:
                raise ValueError("closes what nothing opened")
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(_unescaped(token[1:-1]) if token.startswith('"') else token)
    if len(stack) != 1 or not stack[0]:
        raise ValueError("does not close")
    return stack[0][0] if len(stack[0]) == 1 else stack[0]


def _unescaped(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        what = match[1]
        if what.isdecimal() and len(what) == 3:
            return chr(int(what) & 0xFF)
        if what.startswith("x") and len(what) == 3:
            return chr(int(what[1:], 16))
        return "" if what.startswith("\n") else _ESCAPES.get(what, what)

    return _ESCAPE.sub(one, text)


def _pairs(found: Sexp) -> Iterator[tuple[str, Any]]:
    """Every (key value) in it, the outer ones first."""
    level: list[Sexp] = [found]
    while level:
        inner: list[Sexp] = []
        for one in level:
            if isinstance(one, list):
                if len(one) == 2 and isinstance(one[0], str):
                    yield one[0], one[1]
                inner += [part for part in one if isinstance(part, list)]
        level = inner


def described(values: Mapping[str, Any]) -> dict[str, Any]:
    """The guest, of the fields of a record that hold its configuration."""
    config = values.get("config", values.get("data", ""))
    found = guest_of(config)
    return {"guest": found.values} if found is not None else {}
