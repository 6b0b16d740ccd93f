"""xenopsd (XCP-ng, XenServer): its suspend image, and what both sides say around one in a migration.

Sources, in ocaml/xenopsd of xen-api: lib/suspend_image.ml and xc/domain.ml (the image), lib/xenops_server.ml (requests,
and which handshake goes when) and lib/xenops_migrate.ml (the octets of a handshake).

The image's records are little-endian and not padded. A migration is one HTTP PUT for each connection; after it both
sides send handshakes, two octets and perhaps the text of an error, and there is no HTTP any more. Up to 2022 one
connection carries all (`memory/ID`, and `migrate-vgpu/ID` for a virtual graphics card); since then `migrate/vm/ID` has
the handshakes, `migrate/mem/ID` the image and `migrate/vgpu/ID` the card's state, each after one handshake of the
destination's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

import construct as c

from .primitives import Body, Ints, Later, Layout, Text, length_of, sized_text, told
from .specs import Expect, HeaderSpec, MessageSpec, RecordSpec, Role, Words, blob, signal
from .xl import guest_words

XENOPS_MAGIC = b"XenSavedDomv2-\n"
XENOPS_LEGACY_MAGIC = b"XenSavedDomain\n"
"""XenServer 6.2 and older: a stream of libxc's old format, which is not dissected, and QEMU's state behind it."""


def xenops_header(i: Ints) -> Layout:
    """The signature, 15 octets."""
    return c.Struct("magic" / c.Default(c.Bytes(len(XENOPS_MAGIC)), XENOPS_MAGIC) * "Names the format")


def xenops_legacy_header(i: Ints) -> Layout:
    """The signature of an image of XenServer 6.2 and older, 15 octets."""
    return c.Struct("magic" / c.Default(c.Bytes(len(XENOPS_LEGACY_MAGIC)), XENOPS_LEGACY_MAGIC) * "Names the format")


def xenops_record_header(i: Ints) -> Layout:
    """The header of a record, 16 octets."""
    return c.Struct(
        "type" / i.u64 * "Record type",
        "body_length" / i.u64 * "Octets of the body; of no meaning before a stream of another layer",
    )


def qemu_state(i: Ints) -> Layout:
    """What a QEMU saved of its devices."""
    return c.Struct("data" / told(i, c.GreedyBytes, Later("qemu", "STREAM")) * "Opaque octets")


_SOURCE = "suspend_image.ml: header_type"

XENOPS_HEADER = HeaderSpec(
    "xenops header",
    "xenops",
    xenops_header,
    "little",
    XENOPS_MAGIC,
    "suspend_image.ml: save_signature",
    Expect.XENOPS_RECORD,
)


XENOPS_LEGACY_HEADER = HeaderSpec(
    "xenops legacy header",
    "xenops",
    xenops_legacy_header,
    "little",
    XENOPS_LEGACY_MAGIC,
    "suspend_image.ml: legacy_save_signature",
    Expect.LEGACY,
)


def _blob(type: int, name: str, body: Body = blob, words: Words | None = None) -> RecordSpec:
    return RecordSpec(type, name, body, "blob", _SOURCE, Role.IMAGE, "xenops", words=words)


def _stream(type: int, name: str, then: Expect) -> RecordSpec:
    return RecordSpec(type, name, signal, "stream", _SOURCE, Role.IMAGE, "xenops", then=then)


_RECORDS = (
    _blob(0x000F, "XENOPS", words=guest_words),  # an s-expression with the guest's metadata
    _stream(0x00F0, "LIBXC", Expect.IMAGE_HEADER),
    _stream(0x00F1, "LIBXL", Expect.LIBXL_HEADER),
    _stream(0x00F2, "LIBXC_LEGACY", Expect.LEGACY),
    _blob(0x0F00, "QEMU_TRAD", qemu_state),
    _blob(0x0F01, "QEMU_XEN", qemu_state),
    # The virtual graphics card. Its header is written before anybody knows how long its state will be: length 0.
    RecordSpec(0x0F10, "DEMU", blob, "blob", _SOURCE, Role.IMAGE, "xenops", then=Expect.XENOPS_STATE),
    _blob(0x0F11, "VARSTORED"),
    _blob(0x0F12, "SWTPM0"),
    _blob(0x0F13, "SWTPM"),
    RecordSpec(0xFFFF, "END_OF_IMAGE", signal, "signal", _SOURCE, Role.IMAGE_END, "xenops", then=Expect.OUTER),
)

XENOPS_RECORDS: Mapping[int, RecordSpec] = MappingProxyType({record.type: record for record in _RECORDS})

ConnectionRole: TypeAlias = Literal["migration", "memory", "vgpu"]
"""What one of several connections of a migration is for: handshakes (and, before 2022, all), the image, the state of a
virtual graphics card."""

REQUEST_MAGIC = b"PUT /services/xenops/m"
REQUEST_MAX = 1 << 14
"""Octets of a request's head; xenopsd's own are a few hundred."""

ROUTES: Mapping[str, ConnectionRole] = MappingProxyType(
    {
        "memory": "migration",
        "migrate/vm": "migration",
        "migrate/mem": "memory",
        "migrate/vgpu": "vgpu",
        "migrate-vgpu": "vgpu",
    }
)
"""xenopsd.ml: what a path under /services/xenops is for."""

HANDSHAKE_MAX = 1 << 14
"""Octets of an error's text that are believed; the length field could say 65,535."""

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
"""RFC 8878, 3.1.1: what a compressed stream begins with."""


def http_message(i: Ints) -> Layout:
    """The head of an HTTP request or response, its empty line included."""
    return c.Struct("text" / Text(c.GreedyBytes) * "Request or status line, headers, an empty line")


def handshake(i: Ints) -> Layout:
    """The result of a step, either side's."""
    return c.Struct(
        "length" / length_of(i.u16, "text") * "Octets of the error's text; 0: success",
        "text" / sized_text("length", "text") * "What went wrong: JSON, or an exception as OCaml prints it",
    )


_MESSAGES = (
    MessageSpec("http request", "xenops", http_message, "forward", "xenops_server.ml: do_request"),
    MessageSpec("http response", "xenops", http_message, "reverse", "xenops_server.ml: not_found_response"),
    MessageSpec("handshake", "xenops", handshake, "both", "xenops_migrate.ml: Handshake"),
)

XENOPS_MESSAGES: Mapping[str, MessageSpec] = MappingProxyType({message.name: message for message in _MESSAGES})


class XenopsRequest(NamedTuple):
    """What a request says of its migration."""

    role: ConnectionRole
    vm: str
    """The id of the guest at the destination as long as the migration goes on: the same on all connections."""
    cookies: Mapping[str, str]

    @property
    def final_id(self) -> str | None:
        """The guest's own id, which it has again once it is there."""
        return self.cookies.get("final_id")

    @property
    def has_own_memory(self) -> bool:
        """Whether the image comes on a connection of its own."""
        return self.role == "migration" and "mem_migration" in self.cookies

    @property
    def is_compressed(self) -> bool:
        return "compress" in self.cookies


_REQUEST = re.compile(
    r"PUT /services/xenops/(migrate/[a-z]+|migrate-vgpu|memory)/([^/? ]+)(?:\?[^ ]*)? HTTP/1\.[01]\r\n"
)
_COOKIE = re.compile(r"(?im)^cookie:(.*)$")


def xenops_request(head: bytes) -> XenopsRequest | None:
    """What a request's head says; None if it is none of a migration."""
    text = head.decode("utf-8", "replace")
    match = _REQUEST.match(text)
    role = ROUTES.get(match[1]) if match else None
    if match is None or role is None:
        return None
    pairs = (pair.partition("=") for line in _COOKIE.findall(text) for pair in line.split(";"))
    cookies = {name.strip(): value.strip() for name, _, value in pairs}
    vm = match[2].partition(".")[0] if role == "vgpu" else match[2]  # ID.DEVICE
    return XenopsRequest(role, vm, cookies)
