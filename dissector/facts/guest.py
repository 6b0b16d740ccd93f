"""Which guest migrates, as far as its toolstack has said: xl's configuration, xenopsd's metadata, libvirt's XML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from dissector.events import Context, Flow, Record
from dissector.protocol import (
    LIBVIRT_HEADER,
    XENOPS_MESSAGES,
    XL_HEADER,
    Layer,
    layout,
    parse_partial,
    xenops_request,
    xl_optional_data,
)
from dissector.protocol.guest_config import GuestConfig, guest_of

Toolstack: TypeAlias = Literal["xl", "xenopsd", "libvirt"]

LIBVIRT_PORTS = range(49152, 49216)
"""Where libvirt's receiver listens unless its configuration says otherwise (libxl_conf.h)."""


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
        if record.name == XENOPS_MESSAGES["http request"].name:
            self._add_request(record)
        elif (config := configuration(record)) is not None:
            self.name = config.name or self.name
            self.uuid = self.uuid or config.uuid  # a request names the one that it is to have in the end
            self.type = config.type or self.type
            self.vcpus = config.max_vcpus or config.vcpus or self.vcpus
            self.memory = config.max_memory or config.memory or self.memory

    def _add_request(self, record: Record) -> None:
        request = xenops_request(record.body)
        if request is not None:
            limit = request.cookies.get("memory_limit", "")
            self.uuid = request.final_id or self.uuid
            self.memory = int(limit) if limit.isascii() and limit.isdigit() else self.memory


def configuration(record: Record) -> GuestConfig | None:
    """The guest's configuration, of the header or record that holds it."""
    return guest_of(_CONFIGS[record.name][1](record)) if has_configuration(record) else None


def has_configuration(record: Record) -> bool:
    """Whether it is the header or record that holds the guest's configuration."""
    return record.name in _CONFIGS and _CONFIGS[record.name][0] == record.layer


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


def _of_xl(record: Record) -> str:
    optional = parse_partial(layout(xl_optional_data, record.endianness), record.body[XL_HEADER.size :])
    return str(optional.get("config", ""))


_CONFIGS: Mapping[str, tuple[Layer, Callable[[Record], str | bytes]]] = {
    XL_HEADER.name: ("xl", _of_xl),
    LIBVIRT_HEADER.name: ("libvirt", lambda record: record.body[LIBVIRT_HEADER.size :]),
    "XENOPS": ("xenops", lambda record: record.body),
}
"""Whose body holds a configuration, by name: its layer, and where in it."""
