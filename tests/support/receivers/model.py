"""xl's and libxl's side of a restore: create_domain() of tools/xl/xl_vmcontrol.c, libxl_stream_read.c, libxl_dom_save.c
of tools/libs/light."""

from __future__ import annotations

import json
import struct
from typing import NamedTuple

from receivers.errors import Ended, Refused
from receivers.libxc import Libxc
from receivers.stream import Stream

__all__ = ["Refused", "restore"]

XL_MAGIC = b"Xen saved domain, xl format\n \0 \r"
KNOWN_FLAGS, FLAG_JSON = 3, 1

END, LIBXC_CONTEXT, XENSTORE_DATA, EMULATOR_CONTEXT, CHECKPOINT_END, CHECKPOINT_STATE = range(6)


class Restored(NamedTuple):
    """A restore that did not fail."""

    forbidden: list[str]
    """What the specifications forbid and every receiver accepts."""
    is_tsc_replaced: bool
    """Whether the guest's TSC has got another frequency than X86_TSC_INFO gave it, without a word."""


def restore(octets: bytes) -> Restored:
    """Restores a save file of xl. Refused, if a receiver of some release refuses it."""
    stream = Stream(octets)
    config = _read_xl(stream)
    if stream.take(8, "libxl header") != b"LibxlFmt":
        raise Refused("libxl ident")
    version, options = struct.unpack(">II", stream.take(8, "libxl header"))
    if version != 2:
        raise Refused("libxl version")
    if options & 1:
        raise Refused("libxl big-endian")
    receiver = Libxl(stream, config)
    try:
        receiver.run()
    except Ended:
        if receiver.libxc is None or not receiver.libxc.checkpoints:
            raise
        receiver.libxc.complete()
    return Restored(receiver.forbidden, receiver.libxc is not None and receiver.libxc.is_tsc_replaced)


def _read_xl(stream: Stream) -> dict[str, object]:
    """The guest's configuration."""
    if stream.take(32, "xl header") != XL_MAGIC:
        raise Refused("xl magic")
    order, mandatory, _, length = struct.unpack("<4I", stream.take(16, "xl header"))
    if order != 0x01020304:
        raise Refused("xl byte order")
    if mandatory & ~KNOWN_FLAGS:
        raise Refused("xl mandatory flags")
    if not mandatory & 2:
        raise Refused("legacy stream")
    data = stream.take(length, "optional data")
    if not data:
        raise Refused("no configuration")
    if len(data) < 4 or int.from_bytes(data[:4], "little") > len(data) - 4:
        raise Refused("savefile truncated")
    text = data[4 : 4 + int.from_bytes(data[:4], "little")].split(b"\0")[0]
    if not mandatory & FLAG_JSON:
        return {}
    try:
        found = json.loads(text.decode())
    except ValueError as error:
        raise Refused("configuration is no JSON") from error
    if not isinstance(found, dict):
        raise Refused("configuration is no object")
    if _of(found, "c_info", "type") not in (None, "hvm", "pv", "pvh"):
        raise Refused("configuration of an unknown type")
    return found


def _of(config: dict[str, object], part: str, name: str) -> object:
    about = config.get(part)
    return about.get(name) if isinstance(about, dict) else None


class Libxl:
    """One restore of a domain, as libxl sees it."""

    def __init__(self, stream: Stream, config: dict[str, object]) -> None:
        self.stream = stream
        self.kind = _of(config, "c_info", "type")
        vcpus = _of(config, "b_info", "max_vcpus")
        self.vcpus = vcpus if isinstance(vcpus, int) else None
        self.libxc: Libxc | None = None
        self.forbidden: list[str] = []
        self.has_emulator = self.is_in_checkpoint = False

    def run(self) -> None:
        """Up to END."""
        while True:
            type, body, _ = self.stream.record("libxl record", limit=None)
            if type in (END, LIBXC_CONTEXT, CHECKPOINT_END) and body:
                self.forbidden.append("body of a signal")
            if type == END and self.is_in_checkpoint:
                raise Refused("END in a checkpoint")  # an assertion of stream_complete()
            if type == END:
                break
            self._record(type, body)
        if self.libxc is None:
            raise Refused("no LIBXC_CONTEXT")
        if self.kind == "hvm" and not self.has_emulator:
            raise Refused("no emulator context")
        self.forbidden += self.libxc.forbidden

    def _record(self, type: int, body: bytes) -> None:
        if type == LIBXC_CONTEXT:
            if self.libxc is not None:
                raise Refused("second LIBXC_CONTEXT")
            self.libxc = Libxc(self.stream, self.kind, self.vcpus)
            self.is_in_checkpoint = self.libxc.run()
        elif type in (XENSTORE_DATA, EMULATOR_CONTEXT):
            if self.kind is not None and self.kind != "hvm":
                raise Refused("emulator record when none was expected")
            if len(body) < 8:
                raise Refused("emulator record too short")
            if type == XENSTORE_DATA:
                _restore_keys(body[8:])
            self.has_emulator = self.has_emulator or type == EMULATOR_CONTEXT
        elif type == CHECKPOINT_END and self.is_in_checkpoint and self.libxc is not None:
            self.is_in_checkpoint = self.libxc.run()
        else:
            raise Refused(f"libxl record {type:#x}")


def _restore_keys(octets: bytes) -> None:
    strings = octets.split(b"\0")
    if strings.pop() or len(strings) % 2:
        raise Refused("xenstore data not NUL terminated")
    for key in strings[::2]:
        if not key or key.startswith(b"/"):
            raise Refused("xenstore key empty or absolute")
