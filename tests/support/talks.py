"""Whole migrations as both sides say them, item by item: what tests send, and so also what they must get back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise
from typing import NamedTuple

from streams import (
    entry,
    filling,
    libxc_stream,
    libxl_stream,
    pages,
    record,
    xl_stream,
)

from dissector.events import FORWARD, REVERSE, Direction
from dissector.protocol import (
    LIBVIRT_HEADER,
    LIBXL_HEADER,
    MESSAGES,
    PAGE_SHIFT,
    XENOPS_LEGACY_MAGIC,
    XENOPS_MAGIC,
    Endianness,
    Layer,
    build,
    layout,
)


class Item(NamedTuple):
    """One header, record or text."""

    direction: Direction
    layer: Layer
    name: str
    octets: bytes


class Expected(NamedTuple):
    """Where an item is in its direction, and what it is."""

    direction: Direction
    offset: int
    length: int
    layer: Layer | None
    name: str


Talk = list[Item]


def expected(talk: Talk) -> list[Expected]:
    """What a dissector must report of it, in the order of the talk."""
    ends = {FORWARD: 0, REVERSE: 0}
    found = []
    for direction, layer, name, octets in talk:
        found.append(Expected(direction, ends[direction], len(octets), layer, name))
        ends[direction] += len(octets)
    return found


def octets_of(talk: Talk, direction: Direction = FORWARD) -> bytes:
    """All that one side says."""
    return b"".join(item.octets for item in talk if item.direction == direction)


def turns(talk: Talk) -> Iterator[tuple[Direction, bytes]]:
    """The talk as long runs of one direction's octets."""
    for direction, items in groupby(talk, key=lambda item: item.direction):
        yield direction, b"".join(item.octets for item in items)


class Speaker:
    """Makes items of one migration, in its byte orders and version."""

    def __init__(
        self,
        version: int = 3,
        libxc: Endianness = "little",
        libxl: Endianness = "little",
        guest: str = "x86 HVM",
        page_shift: int = PAGE_SHIFT,
    ) -> None:
        self.version, self.guest, self.page_shift = version, guest, page_shift
        self.orders: dict[str, Endianness] = {"libxc": libxc, "libxl": libxl, "xenops": "little"}

    def record(self, name: str, body: bytes = b"", layer: Layer = "libxc", direction: Direction = FORWARD) -> Item:
        return Item(direction, layer, name, record(name, body, layer, self.orders[layer]))

    def libxl(self, name: str, body: bytes = b"", direction: Direction = FORWARD) -> Item:
        return self.record(name, body, "libxl", direction)

    def pages(self, pfns: Iterable[int], name: str = "PAGE_DATA") -> Item:
        """A record with page contents; every seventh pfn has none, but for the postcopy phase."""
        plain = name != "PAGE_DATA"
        entries = [entry(pfn, 0 if plain or pfn % 7 else "XTAB") for pfn in pfns]
        return self.record(name, pages(entries, filling(entries, 1 << self.page_shift), self.orders["libxc"]))

    def list(self, pfns: Iterable[int], name: str, direction: Direction = FORWARD) -> Item:
        """A record of pfns alone."""
        return self.record(name, pages(map(entry, pfns), endianness=self.orders["libxc"]), direction=direction)

    def number(self, *values: int, size: int = 4, layer: Layer = "libxc") -> bytes:
        return b"".join(value.to_bytes(size, self.orders[layer]) for value in values)

    def xl_header(self) -> Talk:
        return [Item(FORWARD, "xl", "xl header", xl_stream(b"", endianness=self.orders["libxl"]))]

    def libxl_header(self) -> Talk:
        start = libxl_stream(b"", [], self.orders["libxl"])
        header, context = start[: LIBXL_HEADER.size], start[LIBXL_HEADER.size :]
        return [Item(FORWARD, "libxl", "libxl header", header), Item(FORWARD, "libxl", "LIBXC_CONTEXT", context)]

    def libxc_headers(self) -> Talk:
        start = libxc_stream([], self.version, self.guest, self.orders["libxc"], page_shift=self.page_shift)
        return [
            Item(FORWARD, "libxc", "image header", start[:24]),
            Item(FORWARD, "libxc", "domain header", start[24:]),
        ]

    def emulator(self) -> Talk:
        """What libxl saves of a device model."""
        who = self.number(2, 0, layer="libxl")
        return [
            self.libxl("EMULATOR_XENSTORE_DATA", who + b"physmap/1/size\x004096\0"),
            self.libxl("EMULATOR_CONTEXT", who + b"QEVM" + bytes(range(1, 200))),
        ]

    def context(self) -> Talk:
        """The state of the machine, without memory."""
        number = self.number
        chain = number(1, 0, size=2) + number(24) + bytes(range(24)) + bytes(8)
        return [
            self.record("TSC_INFO" if self.version == 2 else "X86_TSC_INFO", number(0, 2_000_000, 7, 0, 0, 0)),
            self.record("HVM_CONTEXT", chain),
            self.record("HVM_PARAMS", number(2, 0) + number(1, 0xFEFF0, 5, 0xFEFF1, size=8)),
        ]


def text(name: str, status: bytes = b"") -> Item:
    """A message of xl's handshake."""
    message = MESSAGES[name]
    direction = REVERSE if message.direction == "reverse" else FORWARD
    return Item(direction, "xl", name, message.octets + status)


def in_xl(speaker: Speaker, inside: Talk, tail: Talk | None = None) -> Talk:
    """With xl's and libxl's headers before a libxc stream, and what xl says at the end."""
    closing = [text("ready"), text("go"), text("report", b"\0")] if tail is None else tail
    return [text("banner"), *speaker.xl_header(), *speaker.libxl_header(), *inside, *closing]


def memory(speaker: Speaker, batch: int = 8) -> Talk:
    """Three sweeps over memory, the last ones shorter. Pfns below 0x100 would look like record types."""
    return [speaker.pages(range(0x100 + start, 0x100 + start + batch)) for start in (0, batch, 2 * batch, 0, batch, 0)]


def libxc(speaker: Speaker) -> Talk:
    """A whole libxc stream."""
    static = [] if speaker.version == 2 else [speaker.record("STATIC_DATA_END")]
    return [
        *speaker.libxc_headers(),
        *static,
        *memory(speaker),
        *speaker.context(),
        speaker.record("END"),
    ]


def libxl(speaker: Speaker) -> Talk:
    """A whole libxl stream."""
    return [*speaker.libxl_header(), *libxc(speaker), *speaker.emulator(), speaker.libxl("END")]


def precopy(speaker: Speaker | None = None) -> Talk:
    """A live migration under xl."""
    speaker = speaker or Speaker()
    return in_xl(speaker, [*libxc(speaker), *speaker.emulator(), speaker.libxl("END")])


def postcopy(speaker: Speaker | None = None, wrapped: bool = True) -> Talk:
    """A postcopy migration, faults crossing pages; not `wrapped`: libxc alone."""
    speaker = speaker or Speaker(version=2)
    missing = list(range(0x200, 0x200 + 24))
    transition = [*speaker.emulator(), speaker.libxl("POSTCOPY_TRANSITION_END")]
    inside = [
        *speaker.libxc_headers(),
        *memory(speaker),
        speaker.record("POSTCOPY_BEGIN"),
        *speaker.context(),
        speaker.record("POSTCOPY_PFNS_BEGIN"),
        speaker.list(missing, "POSTCOPY_PFNS"),
        speaker.record("POSTCOPY_TRANSITION"),
        *(transition if wrapped else []),
        speaker.pages(missing[:8], "POSTCOPY_PAGE_DATA"),
        speaker.list([missing[9], missing[20]], "POSTCOPY_FAULT", REVERSE),
        speaker.pages([missing[9], missing[20], *missing[21:]], "POSTCOPY_PAGE_DATA"),
        speaker.list([missing[12]], "POSTCOPY_FAULT", REVERSE),
        speaker.pages([missing[12], missing[8], *missing[10:12], *missing[13:20]], "POSTCOPY_PAGE_DATA"),
        speaker.record("POSTCOPY_COMPLETE", direction=REVERSE),
        speaker.record("END"),
    ]
    return in_xl(speaker, [*inside, speaker.libxl("END")], [text("postcopy sync")]) if wrapped else inside


def remus(speaker: Speaker | None = None, checkpoints: int = 3) -> Talk:
    """A checkpointed stream: it has no END."""
    speaker = speaker or Speaker()
    one = [*memory(speaker, 2), *speaker.context(), speaker.record("CHECKPOINT")]
    one += [*speaker.emulator(), speaker.libxl("CHECKPOINT_END")]
    return in_xl(speaker, [*speaker.libxc_headers(), speaker.record("STATIC_DATA_END"), *one * checkpoints], [])


def colo(speaker: Speaker | None = None, state_length: int = 8) -> Talk:
    """A checkpointed stream in which both sides run. Its CHECKPOINT_STATE has 4 octets or 8."""
    speaker = speaker or Speaker()

    def state(number: int, direction: Direction) -> Item:
        body = speaker.number(number, layer="libxl").ljust(state_length, b"\0")
        return speaker.libxl("CHECKPOINT_STATE", body, direction)

    dirty = speaker.record("CHECKPOINT_DIRTY_PFN_LIST", speaker.number(0x105, 0x109, size=8), direction=REVERSE)
    one = [
        *memory(speaker, 2),
        *speaker.context(),
        speaker.record("CHECKPOINT"),
        *speaker.emulator(),
        speaker.libxl("CHECKPOINT_END"),
        *(state(number, REVERSE) for number in (2, 3)),
        state(0, FORWARD),
        state(1, REVERSE),
        dirty,
    ]
    return in_xl(speaker, [*speaker.libxc_headers(), speaker.record("STATIC_DATA_END"), *one * 2], [])


def xenops(speaker: Speaker | None = None, in_libxl: bool = False) -> Talk:
    """A suspend image of xenopsd, its device model's state in a record of its own."""
    speaker = speaker or Speaker()
    image, inside = ("LIBXL", libxl(speaker)) if in_libxl else ("LIBXC", libxc(speaker))
    return [
        Item(FORWARD, "xenops", "xenops header", XENOPS_MAGIC),
        speaker.record("XENOPS", b"((id 1)(name guest))", "xenops"),
        speaker.record(image, layer="xenops"),
        *inside,
        speaker.record("QEMU_TRAD", b"QEVM" + bytes(333), "xenops"),
        speaker.record("END_OF_IMAGE", layer="xenops"),
    ]


VM = "8629520f-5a82-9fd6-0000-000000000001"
"""The id under which xenopsd migrates a guest."""

FINAL = "8629520f-5a82-9fd6-a324-961d510f267d"
"""The guest's own."""

OUT_OF_MEMORY = '["Cannot_free_this_much_memory",[8663330816,4300062720]]'


def request(path: str = f"memory/{VM}", **cookies: str) -> Item:
    """With what xenopsd begins a connection."""
    said = "; ".join(f"{name}={value}" for name, value in {"final_id": FINAL, "dbg": "task", **cookies}.items())
    head = f"PUT /services/xenops/{path}?session_id=1 HTTP/1.1\r\ncookie: {said}\r\nuser-agent: xenopsd\r\n\r\n"
    return Item(FORWARD, "xenops", "http request", head.encode())


def handshake(direction: Direction = REVERSE, error: str = "") -> Item:
    """The result of a step of xenopsd's."""
    return Item(direction, "xenops", "handshake", len(error).to_bytes(2, "big") + error.encode())


def card(speaker: Speaker, state: bytes) -> Item:
    """The state of a virtual graphics card: its header does not say how long it is."""
    header = speaker.record("DEMU", layer="xenops")
    return header._replace(octets=header.octets + state)


def xenopsd(speaker: Speaker | None = None, error: str = "") -> Talk:
    """A migration of xenopsd on one connection, as up to 2022; `error`: what the destination says at last."""
    return [
        request(memory_limit="4300062720"),
        handshake(),
        *xenops(speaker),
        handshake(FORWARD),
        handshake(REVERSE, error),
    ]


def xenopsd_connections(speaker: Speaker | None = None, state: bytes = b"", error: str = "") -> list[tuple[str, Talk]]:
    """One of several connections: what each says, in the order of the turns. `state`: of a graphics card."""
    speaker = speaker or Speaker()
    vm, memory, vgpu = "vm", "mem", "vgpu"
    end = speaker.record("END_OF_IMAGE", layer="xenops")
    begins = [(vm, [request(f"migrate/vm/{VM}", mem_migration="23.1.0", memory_limit="4300062720")])]
    if state:
        begins += [
            (vgpu, [request(f"migrate/vgpu/{VM}.0", vgpu_migration=""), handshake()]),
            (vm, [handshake(FORWARD)]),
        ]
    return [
        *begins,
        (vm, [handshake()]),
        (memory, [request(f"migrate/mem/{VM}", mem_migration="23.1.0"), handshake()]),
        (vm, [handshake(FORWARD)]),
        *([(vgpu, [card(speaker, state), end])] if state else []),
        (memory, xenops(speaker)),
        (vm, [handshake(FORWARD), handshake(REVERSE, error)]),
    ]


def xenops_with_card(state: bytes, speaker: Speaker | None = None) -> Talk:
    """A suspend image in which a graphics card's state stands before the device model's."""
    speaker = speaker or Speaker()
    *before, device_model, end = xenops(speaker)
    return [*before, card(speaker, state), device_model, end]


def xenops_legacy() -> bytes:
    """An image of XenServer 6.2 or older, as far as it is read."""
    return XENOPS_LEGACY_MAGIC


XML = (
    "<domain type='xen'>\n  <name>web &amp; mail</name>\n  <uuid>6f1b0f3e-5a82-9fd6-a324-961d510f267d</uuid>\n"
    "  <memory unit='KiB'>4194304</memory>\n  <vcpu placement='static'>4</vcpu>\n"
    "  <os>\n    <type arch='x86_64' machine='xenpvh'>xenpvh</type>\n  </os>\n</domain>\n"
)


def managed_save(speaker: Speaker | None = None, version: int = 2) -> Talk:
    """A guest that libvirt has saved."""
    xml = XML.encode() + b"\0"
    header = build(layout(LIBVIRT_HEADER.body, "little"), {"version": version, "xml_length": len(xml)})
    return [Item(FORWARD, "libvirt", "libvirt header", header + xml), *libxl(speaker or Speaker())]


def messages(octets: bytes, size: int = 65536, serial: int = 7, status: int = 2) -> bytes:
    """A stream in messages of libvirt's remote protocol; by default its pieces."""
    head = [0x20008086, 1, 207, 3, serial, status]
    words = b"".join(word.to_bytes(4, "big") for word in head)
    pieces = [octets[at : at + size - 28] for at in range(0, len(octets), size - 28)] or [b""]
    return b"".join((28 + len(piece)).to_bytes(4, "big") + words + piece for piece in pieces)


def framed(talk: Talk, head: int, each: int) -> Talk:
    """As a relay sends it that puts so many octets of its own before each piece of a stream."""
    octets = octets_of(talk)
    pieces = (octets[at : at + each] for at in range(0, len(octets), each))
    return [Item(FORWARD, "libxl", "framed", b"".join(b"\xa5" * head + piece for piece in pieces))]


def relayed(talk: Talk, head: int, each: int) -> Talk:
    """Both directions of a relay that does so: the other side's messages are short, and each has its own."""
    own, sent, found = bytes((0xA5, 1, 2, 3)) * (head // 4), 0, []
    for item in talk:
        octets = own + item.octets
        if item.direction == FORWARD:
            first = -sent % each
            cuts = [0, *range(first, len(item.octets), each), len(item.octets)]
            pieces = [item.octets[start:end] for start, end in pairwise(cuts)]
            octets = pieces[0] + b"".join(own + piece for piece in pieces[1:])
            sent += len(item.octets)
        found.append(item._replace(octets=octets))
    return found
