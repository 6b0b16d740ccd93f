"""A talk between two hosts as a TCP capture: who says what, what each had received by then, what was
captured.

The acknowledgements matter: rules of the postcopy phase ask what one side had received when it spoke.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from talks import Item, Talk, octets_of

import dissector
from dissector.analysis import Analysis
from dissector.capture.writer import pcap_header, pcap_packet
from dissector.errors import UserError
from dissector.events import FORWARD, REVERSE, Direction
from dissector.facts import Migration
from dissector.rules.findings import Finding

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
OTHER = {FORWARD: REVERSE, REVERSE: FORWARD}
HOSTS = {FORWARD: (bytes((10, 0, 0, 1)), 40000), REVERSE: (bytes((10, 0, 0, 2)), 7700)}
FIRST = {FORWARD: 0xFFFFFE00, REVERSE: 0x1000}
"""Sequence numbers of the first octets; the forward ones wrap."""
START, STEP = 1_700_000_000_000_000, 100
"""Microseconds: of the first packet since the epoch, and from each to the next."""


class Packet(NamedTuple):
    """One packet. `offset` and `ack` count octets of the two directions."""

    direction: Direction
    flags: int
    offset: int
    payload: bytes
    ack: int


Packets = list[Packet]


@dataclass(frozen=True)
class Wire:
    """A talk, how it was carried and what of it was captured.

    size: octets in a packet. close: "fin", "rst", or "" if the capture ends first. unseen: by the index of an
    item, how many octets of the other direction its sender had not received yet. edit: what happens to the
    packets. snap: octets kept of each packet. as_file: the forward direction alone, as a file.
    """

    talk: Talk
    size: int = 1448
    close: str = "fin"
    unseen: dict[int, int] = field(default_factory=dict)
    edit: Callable[[Packets], Packets] | None = None
    snap: int = 1 << 16
    as_file: bool = False
    back: int = 0
    """Microseconds by which the clock goes back in the middle."""
    step: int = STEP
    """Microseconds from each packet to the next."""


def packets(wire: Wire) -> Packets:
    """Both sides acknowledge each item before anybody says the next, but for those in `unseen`."""
    sent = {FORWARD: 0, REVERSE: 0}
    known = dict(sent)  # how much of each direction its receiver has acknowledged
    result = [
        Packet(FORWARD, SYN, -1, b"", 0),
        Packet(REVERSE, SYN | ACK, -1, b"", 0),
        Packet(FORWARD, ACK, 0, b"", 0),
    ]

    def acknowledge() -> None:
        for direction in (FORWARD, REVERSE):
            if known[direction] < sent[direction]:
                known[direction] = sent[direction]
                back = OTHER[direction]
                result.append(Packet(back, ACK, sent[back], b"", known[direction]))

    for index, (direction, _, _, octets) in enumerate(wire.talk):
        back = OTHER[direction]
        if index in wire.unseen:
            known[back] = sent[back] - wire.unseen[index]
        else:
            acknowledge()
        for at in range(0, len(octets), wire.size):
            payload = octets[at : at + wire.size]
            result.append(Packet(direction, ACK, sent[direction], payload, known[back]))
            sent[direction] += len(payload)
    acknowledge()
    if wire.close == "rst":
        result.append(Packet(REVERSE, RST | ACK, sent[REVERSE], b"", sent[FORWARD]))
    elif wire.close:
        result += [
            Packet(FORWARD, FIN | ACK, sent[FORWARD], b"", sent[REVERSE]),
            Packet(REVERSE, FIN | ACK, sent[REVERSE], b"", sent[FORWARD] + 1),
            Packet(FORWARD, ACK, sent[FORWARD] + 1, b"", sent[REVERSE] + 1),
        ]
    return wire.edit(result) if wire.edit else result


def pcap(
    captured: Iterable[Packet], snap: int = 1 << 16, back: int = 0, step: int = STEP, target: int = HOSTS[REVERSE][1]
) -> bytes:
    """A capture file: Ethernet, IPv4, checksums left out. `target`: the destination's port."""
    hosts = {**HOSTS, REVERSE: (HOSTS[REVERSE][0], target)}
    out = bytearray(pcap_header(snap=snap))
    for number, packet in enumerate(captured):
        (source, port), (other, other_port) = hosts[packet.direction], hosts[OTHER[packet.direction]]
        seq = (FIRST[packet.direction] + packet.offset) % 2**32
        ack = (FIRST[OTHER[packet.direction]] + packet.ack) % 2**32 if packet.flags & ACK else 0
        tcp = struct.pack(">HHIIBBHHH", port, other_port, seq, ack, 5 << 4, packet.flags, 65535, 0, 0)
        length = 40 + len(packet.payload)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, length, 0, 0x4000, 64, 6, 0, source, other)
        octets = bytes(12) + b"\x08\0" + ip + tcp + packet.payload
        out += pcap_packet((START + step * number - back * (number > 30)) * 1000, octets[:snap], len(octets))
    return bytes(out)


class Verdict(NamedTuple):
    """What the program makes of one migration."""

    migration: Migration
    findings: list[Finding]

    def worse_than_notes(self) -> list[tuple[str, str]]:
        """Severity and rule of each finding that is no note."""
        return [(one.severity, one.rule) for one in self.findings if one.severity != "note"]


def judge_all(octets: bytes) -> list[Verdict]:
    """What the program makes of a file's octets; nothing, if it finds no migration in them."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(octets)
        try:
            return judge_file(Path(file.name))
        except UserError:
            return []


def judge_octets(octets: bytes) -> Verdict:
    """The same of a file that holds one migration."""
    (verdict,) = judge_all(octets)
    return verdict


def judge_file(path: Path) -> list[Verdict]:
    """What the program makes of the migrations in a file."""
    analysis = Analysis()
    dissector.open(path).read(analysis.add)
    analysis.finish()
    return [Verdict(migration, checker.findings) for migration, checker in analysis.migrations]


def judge(wire: Wire) -> Verdict:
    """What the program makes of a talk."""
    if wire.as_file:
        return judge_octets(octets_of(wire.talk))
    return judge_octets(pcap(packets(wire), wire.snap, wire.back, wire.step))


# Talks with something changed. An item is named by its name, and if there are several by its number.


def index_of(talk: Talk, name: str, number: int = 0) -> int:
    """Where an item is; number -1 is the last of its name."""
    return [index for index, item in enumerate(talk) if item.name == name][number]


def without(talk: Talk, name: str, number: int = 0) -> Talk:
    index = index_of(talk, name, number)
    return talk[:index] + talk[index + 1 :]


def instead(talk: Talk, name: str, *items: Item, number: int = 0) -> Talk:
    index = index_of(talk, name, number)
    return [*talk[:index], *items, *talk[index + 1 :]]


def before(talk: Talk, name: str, *items: Item, number: int = 0) -> Talk:
    index = index_of(talk, name, number)
    return [*talk[:index], *items, *talk[index:]]


def behind(talk: Talk, name: str, *items: Item, number: int = 0) -> Talk:
    index = index_of(talk, name, number) + 1
    return [*talk[:index], *items, *talk[index:]]


def moved(talk: Talk, name: str, to: str, number: int = 0, to_number: int = 0) -> Talk:
    """An item taken out and put in front of another."""
    item = talk[index_of(talk, name, number)]
    return before(without(talk, name, number), to, item, number=to_number)


def patched(talk: Talk, name: str, at: int, octets: bytes, number: int = 0) -> Talk:
    """Some octets of an item replaced."""
    item = talk[index_of(talk, name, number)]
    changed = item.octets[:at] + octets + item.octets[at + len(octets) :]
    return instead(talk, name, item._replace(octets=changed), number=number)
