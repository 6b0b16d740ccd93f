"""Octets that only a program can read as a whole: QEMU's stream, and the components of an XSAVE area.

Their fields are not one behind the other, so each class says how it is read (`of`) and built.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from scapy.config import conf
from scapy.fields import (
    ByteEnumField,
    ConditionalField,
    Field,
    FieldLenField,
    IntField,
    ShortEnumField,
    StrLenField,
    XIntField,
)
from scapy.packet import Packet
from scapy.volatile import RandBin, RandNum

from dissector.protocol import GrammarError, qemu, x86
from dissector.protocol.x86 import COMPONENTS, LAYOUTS

from .fields import Blob, Elements, Piece, Word
from .packets import _Layer

FOOTER_SIZE = 5


def _footer(number: int) -> bytes:
    return bytes((qemu.FOOTER,)) + number.to_bytes(4, "big")


class Device(StrLenField):
    """A name with an octet before it that says how long it is."""

    def randval(self) -> Any:
        return RandBin(RandNum(0, 255))


class State(Blob):
    """The octets of a section up to its footer, if it has one."""

    def getfield(self, pkt: Packet, s: Any) -> tuple[Any, Any]:
        end = len(s) - FOOTER_SIZE * s.endswith(_footer(pkt.number))
        return s[end:], s[:end]


class Footer(Field[int, int]):
    """Whether a section has a footer, which repeats its number."""

    def addfield(self, pkt: Packet, s: Any, val: Any) -> Any:
        return s + (_footer(pkt.number) if val else b"")

    def getfield(self, pkt: Packet, s: Any) -> tuple[Any, Any]:
        has_one = s.startswith(_footer(pkt.number))
        return s[FOOTER_SIZE * has_one :], int(has_one)

    def i2repr(self, pkt: Packet | None, x: Any) -> str:
        return "yes" if x else "no"


def _names_a_device(packet: Packet) -> bool:
    return packet.kind in (qemu.START, qemu.FULL)


class QemuSection(_Layer):
    """The state of one device of QEMU, or a part of it, which names no device. Source: migration/savevm.c of QEMU."""

    name = "QEMU section"
    minimum = 5
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("kind", qemu.FULL, dict(qemu.KINDS)),
        IntField("number", 0),
        ConditionalField(FieldLenField("device_length", None, fmt="B", length_of="device"), _names_a_device),
        ConditionalField(Device("device", b"", length_from=lambda packet: packet.device_length), _names_a_device),
        ConditionalField(IntField("instance", 0), _names_a_device),
        ConditionalField(IntField("version", 0), _names_a_device),
        State("state", b""),
        Footer("footer", 0),
    ]

    @classmethod
    def dispatch_hook(cls, _pkt: bytes = b"", *args: Any, **kwargs: Any) -> type[Packet]:
        """A command is another layer; octets too few for a section are nothing but octets."""
        if _pkt and _pkt[0] == qemu.COMMAND:
            return QemuCommand.dispatch_hook(_pkt)
        own = 14 if _pkt and _pkt[0] in (qemu.START, qemu.FULL) else cls.minimum
        is_short = _pkt and (len(_pkt) < own or (own > cls.minimum and len(_pkt) < own + _pkt[5]))
        return conf.raw_layer if is_short else cls


class QemuCommand(_Layer):
    """What one QEMU tells the other between sections. Source: migration/savevm.c of QEMU."""

    name = "QEMU command"
    minimum = 5
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("kind", qemu.COMMAND, dict(qemu.KINDS)),
        ShortEnumField("cmd", 0, dict(qemu.COMMANDS)),
        FieldLenField("length", None, length_of="data"),
        StrLenField("data", b"", length_from=lambda packet: packet.length),
    ]

    @classmethod
    def dispatch_hook(cls, _pkt: bytes = b"", *args: Any, **kwargs: Any) -> type[Packet]:
        """Octets too few for a command are nothing but octets."""
        return conf.raw_layer if _pkt and len(_pkt) < cls.minimum else cls


def _piece(one: qemu.Section) -> Packet:
    """A section or command of a stream."""
    if one.kind == qemu.COMMAND:
        return QemuCommand(cmd=one.number, data=one.octets)
    own: dict[str, Any] = {"kind": one.kind, "number": one.number, "state": one.octets, "footer": int(one.footer)}
    if one.kind in (qemu.START, qemu.FULL):
        own |= {"device": one.device.encode(), "instance": one.instance, "version": one.version}
    return QemuSection(**own)


class QemuStream(_Layer):
    """What QEMU saved of all its devices: `configuration` is what stands before the sections, `trailer` what follows
    them. Source: migration/savevm.c of QEMU."""

    name = qemu.NAME
    minimum = 8
    fields_desc: ClassVar[list[Any]] = [
        XIntField("magic", int.from_bytes(qemu.MAGIC, "big")),
        IntField("version", max(qemu.VERSIONS)),
        Blob("configuration", b""),
        Elements("sections", QemuSection, (), None, None),
        Blob("trailer", b"\0"),
    ]

    @classmethod
    def dispatch_hook(cls, _pkt: bytes = b"", *args: Any, **kwargs: Any) -> type[Packet]:
        """Octets that are no stream are nothing but octets."""
        return conf.raw_layer if _pkt and qemu.parse(_pkt) is None else cls

    @classmethod
    def of(cls, octets: bytes, values: Mapping[str, Any], parent: Packet | None) -> Packet | None:
        """The stream; None if the octets are none that can be read."""
        return cls(octets, _parent=parent) if qemu.parse(octets) is not None else None

    def do_dissect(self, s: bytes) -> bytes:
        stream = qemu.parse(s)
        if stream is None:
            return s
        sections = [_piece(one) for one in stream.pieces]
        after = len(stream.trailer) + sum(len(bytes(one)) for one in sections)
        self.fields |= {
            "magic": int.from_bytes(s[:4], "big"),
            "version": stream.version,
            "configuration": s[8 : len(s) - after],
            "sections": sections,
            "trailer": stream.trailer,
        }
        self.raw_packet_cache = None
        return b""


def of_components(classes: Mapping[str, type[Packet]]) -> type[_Layer]:
    """The class of what follows the header of an XSAVE area. `classes`: of each component."""

    class XsaveComponents(_Layer):
        """The components of an XSAVE area in the standard format, each where `layout` has it; None: it is not there.
        `rest`: how many zeros follow. Source: the processors' manuals."""

        name = "XSAVE components"
        fields_desc: ClassVar[list[Any]] = [
            Word("layout", LAYOUTS[0], LAYOUTS),
            *(Piece(one.name, classes[one.name]) for one in COMPONENTS),
            Blob("rest", b""),
        ]

        @classmethod
        def dispatch_hook(cls, _pkt: bytes = b"", *args: Any, **kwargs: Any) -> type[Packet]:
            """Without the fields before them octets are nothing but octets: see `of`."""
            return conf.raw_layer if _pkt else cls

        @classmethod
        def of(cls, octets: bytes, values: Mapping[str, Any], parent: Packet | None) -> Packet | None:
            """The components; None if the octets are none that are known."""
            found = x86.components_in(octets, values)
            if found is None:
                return None
            which, placed, end = found
            parts: dict[str, Any] = {one.name: classes[one.name](octets[at : at + one.size]) for one, at in placed}
            return cls(layout=LAYOUTS[which], rest=octets[end:], **parts)

        def self_build(self) -> bytes:
            which, octets = LAYOUTS.index(self.layout), b""
            for one in COMPONENTS:
                value, at = self.getfieldval(one.name), one.offsets[which]
                if value is not None:
                    if at is None:
                        raise GrammarError(f"{one.name} has no place in the layout {self.layout}")
                    octets = octets.ljust(at, b"\0") + bytes(value)
            return octets + bytes(self.rest)

    return XsaveComponents
