"""Which guest migrates, as far as its toolstack has said: xl's configuration, xenopsd's metadata, libvirt's XML."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from html import unescape
from typing import Any, Literal, TypeAlias

from dissector.events import Context, Flow, Record
from dissector.protocol import (
    LIBVIRT_HEADER,
    XENOPS_MESSAGES,
    XL_HEADER,
    layout,
    parse_partial,
    xenops_request,
    xl_optional_data,
)

Toolstack: TypeAlias = Literal["xl", "xenopsd", "libvirt"]

LIBVIRT_PORTS = range(49152, 49216)
"""Where libvirt's receiver listens unless its configuration says otherwise (libxl_conf.h)."""

KIB, UNITS = (
    1024,
    {"b": 1, "bytes": 1, "k": 1024, "kib": 1024, "m": 1 << 20, "mib": 1 << 20, "g": 1 << 30, "gib": 1 << 30},
)


class Guest:
    """What is known of it; None of what nobody has said."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.uuid: str | None = None
        self.type: str | None = None
        """ "pv", "pvh" or "hvm": as configured, else as the stream says, which tells no PVH from HVM."""
        self.vcpus: int | None = None
        self.memory: int | None = None
        """Octets."""

    def add(self, record: Record) -> None:
        """The next header, record or message."""
        told = _TOLD.get(record.name)
        if told is not None and told[0] == record.layer:
            for name, value in told[1](record).items():
                if value is not None:
                    setattr(self, name, value)


def toolstack(context: Context, flow: Flow | None) -> Toolstack | None:
    """Who migrates it: as the layers tell, or the port of a libxl stream that is in nothing else."""
    if "xl" in context.layers:
        return "xl"
    if "xenops" in context.layers:
        return "xenopsd"
    is_direct = context.outermost == "libxl" and flow is not None and flow.destination.port in LIBVIRT_PORTS
    return "libvirt" if "libvirt" in context.layers or context.tunnelled or is_direct else None


def type_of(guest: Guest, context: Context) -> str | None:
    """The guest's type, as configured or as the domain header says."""
    said = (context.guest or "").removeprefix("x86 ").lower()
    return guest.type or (said if said in ("pv", "hvm") else None)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Any, unit: int = 1) -> int | None:
    return value * unit if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _inside(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = values.get(key)
    return found if isinstance(found, dict) else {}


def _of_xl(record: Record) -> dict[str, Any]:
    """libxl_domain_config as JSON (libxl_types.idl)."""
    optional = parse_partial(layout(xl_optional_data, record.endianness), record.body[XL_HEADER.size :])
    config = _json(str(optional.get("config", "")).rstrip("\0"))
    create, build = _inside(config, "c_info"), _inside(config, "b_info")
    return {
        "name": _text(create.get("name")),
        "uuid": _text(create.get("uuid")),
        "type": _text(create.get("type")),
        "vcpus": _number(build.get("max_vcpus")),
        "memory": _number(build.get("max_memkb"), KIB) or _number(build.get("target_memkb"), KIB),
    }


VM_STRING = re.compile(rb'\(vm_str\s+"((?:[^"\\]|\\.)*)"\)', re.DOTALL)
XEN_TYPES = {"HVM": "hvm", "PV": "pv", "PVinPVH": "pvh", "PVH": "pvh"}


def _of_image(record: Record) -> dict[str, Any]:
    """xenopsd's s-expression: the guest as JSON in a string of it (xenops_interface: Vm.t)."""
    match = VM_STRING.search(record.body)
    if match is None:
        return {}
    guest = _json(re.sub(r"\\(.)", r"\1", match[1].decode("utf-8", "replace"), flags=re.DOTALL))
    kind = guest.get("ty")
    return {
        "name": _text(guest.get("name")),
        "uuid": _text(guest.get("id")),
        "type": XEN_TYPES.get(kind[0]) if isinstance(kind, list) and kind and isinstance(kind[0], str) else None,
        "vcpus": _number(guest.get("vcpu_max")) or _number(guest.get("vcpus")),
        "memory": _number(guest.get("memory_static_max")),
    }


def _of_request(record: Record) -> dict[str, Any]:
    request = xenops_request(record.body)
    if request is None:
        return {}
    limit = request.cookies.get("memory_limit", "")
    return {"uuid": request.final_id, "memory": int(limit) if limit.isascii() and limit.isdigit() else None}


def _of_xml(record: Record) -> dict[str, Any]:
    """libvirt's domain XML (formatdomain), of which a few elements are enough."""
    text = record.body[LIBVIRT_HEADER.size :].decode("utf-8", "replace")

    def first(pattern: str) -> re.Match[str] | None:
        return re.search(pattern, text)

    name, uuid = first(r"<name>([^<]*)</name>"), first(r"<uuid>([^<]*)</uuid>")
    vcpus, memory = first(r"<vcpu[^>]*>(\d{1,9})<"), first(r"""<memory(?:\s+unit=['"](\w+)['"])?[^>]*>(\d{1,15})<""")
    kind = first(r"<type[^>]*>(hvm|xen|linux|xenpvh)</type>")
    return {
        "name": unescape(name[1]) if name else None,
        "uuid": uuid[1] if uuid else None,
        "type": {"hvm": "hvm", "xenpvh": "pvh", "linux": "pv", "xen": "pv"}.get(kind[1]) if kind else None,
        "vcpus": int(vcpus[1]) if vcpus else None,
        "memory": int(memory[2]) * UNITS.get((memory[1] or "KiB").lower(), KIB) if memory else None,
    }


_TOLD: Mapping[str, tuple[str, Callable[[Record], dict[str, Any]]]] = {
    XL_HEADER.name: ("xl", _of_xl),
    LIBVIRT_HEADER.name: ("libvirt", _of_xml),
    XENOPS_MESSAGES["http request"].name: ("xenops", _of_request),
    "XENOPS": ("xenops", _of_image),
}
"""Who tells something of the guest, by name, with its layer."""
