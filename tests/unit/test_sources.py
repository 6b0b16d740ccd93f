"""Files to packets to segments: every format, every way of being damaged, and never an exception past
opening."""

import bz2
import gzip
import io
import itertools
import lzma
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from processor import within
from wire import ethernet

from dissector.capture.files import Octets, open_octets
from dissector.capture.formats import ISB_IFDROP, MICROSECONDS, NANOSECONDS
from dissector.capture.fragments import Fragments
from dissector.capture.link import LINKS, Segment, addresses, decode, reverse_key
from dissector.capture.opening import StreamReader, open_source
from dissector.capture.reader import BUFFER, LARGEST_PACKET, LATEST, CaptureReader, Packet
from dissector.capture.writer import (
    block,
    count_option,
    enhanced,
    interface,
    old,
    options,
    pcap_header,
    pcap_packet,
    section,
    simple,
    statistics,
)
from dissector.errors import UserError

ORDERS = pytest.mark.parametrize("order", "<>")
TIME = 1_700_000_000
HELLO = b"hello, receiver!"


# --- builders -----------------------------------------------------------------------------------------------


def pcap(packets: list[bytes], order: str = "<", magic: int = MICROSECONDS, link: int = 1, more: int = 0) -> bytes:
    """Packet n (from 0) is stamped TIME + n seconds and n units; `more` octets of each were cut off."""
    unit = 1 if magic == NANOSECONDS else 1000
    times = [(TIME + n) * 10**9 + n * unit for n in range(len(packets))]
    written = [pcap_packet(at, one, len(one) + more, order, magic) for at, one in zip(times, packets, strict=True)]
    return b"".join((pcap_header(link, order, magic), *written))


def pcapng(packets: list[bytes], order: str = "<") -> bytes:
    body = [enhanced(order, (TIME + n) * 10**6 + n, packet) for n, packet in enumerate(packets)]
    return section(order) + interface(order) + b"".join(body)


def tcp(payload: bytes = HELLO, seq: int = 1000, ack: int = 2000, flags: int = 0x18, extra: bytes = b"") -> bytes:
    offset = (20 + len(extra)) // 4 << 4
    return struct.pack("!HHIIBBHHH", 40000, 8002, seq, ack, offset, flags, 512, 0, 0) + extra + payload


SOURCE4, TARGET4 = socket.inet_aton("192.0.2.1"), socket.inet_aton("198.51.100.2")
SOURCE6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1")
TARGET6 = socket.inet_pton(socket.AF_INET6, "2001:db8::2")
PORTS = struct.pack("!HH", 40000, 8002)
KEY4, KEY6 = SOURCE4 + TARGET4 + PORTS, SOURCE6 + TARGET6 + PORTS


def ipv4(
    body: bytes,
    extra: bytes = b"",
    total: int | None = None,
    fragment: int = 0,
    proto: int = 6,
    ident: int = 7,
) -> bytes:
    header = 20 + len(extra)
    total = header + len(body) if total is None else total
    fixed = struct.pack("!BBHHHBBH", 0x40 | header // 4, 0, total, ident, fragment, 64, proto, 0)
    return fixed + SOURCE4 + TARGET4 + extra + body


def ipv6(body: bytes, kind: int = 6, size: int | None = None) -> bytes:
    size = len(body) if size is None else size
    return struct.pack("!IHBB", 6 << 28, size, kind, 64) + SOURCE6 + TARGET6 + body


def segment(link: int, packet: bytes, length: int | None = None, fragments: Fragments | None = None) -> Segment | None:
    return decode(link, memoryview(packet), length or len(packet), fragments or Fragments())


Writer = Callable[[bytes], str]


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    names = (tmp_path / f"file-{n}" for n in itertools.count())

    def put(data: bytes) -> str:
        path = next(names)
        path.write_bytes(data)
        return str(path)

    return put


def open_capture(path: str) -> CaptureReader:
    reader = open_source(path)
    assert isinstance(reader, CaptureReader)
    return reader


def read_all(path: str) -> tuple[CaptureReader, list[tuple[Packet, bytes]]]:
    """The reader at its end, and its packets with their octets kept."""
    reader = open_capture(path)
    packets = []
    while packet := reader.next_packet():
        packets.append((packet, bytes(packet.octets)))
    assert reader.next_packet() is None
    reader.source.close()
    return reader, packets


PACKETS = [ethernet(ipv4(tcp(bytes([n]) * n))) for n in range(5)]


# --- pcap ---------------------------------------------------------------------------------------------------


@ORDERS
@pytest.mark.parametrize(("magic", "tick"), [(0xA1B2C3D4, 1000), (0xA1B23C4D, 1), (0xA1B2CD34, 1000)])
def test_pcap_variants(write: Writer, order: str, magic: int, tick: int) -> None:
    # The upper half of the link type says that frames end in 4 octets of check sequence: not its business
    # here.
    capture = pcap(PACKETS, order, magic, link=0x2400_0071, more=3)
    reader, packets = read_all(write(capture))
    assert [octets for _, octets in packets] == PACKETS
    assert [packet.time_ns for packet, _ in packets] == [(TIME + n) * 10**9 + n * tick for n in range(5)]
    assert [packet.frame for packet, _ in packets] == [1, 2, 3, 4, 5]
    assert {packet.link for packet, _ in packets} == {113}
    assert all(packet.length == len(octets) + 3 for packet, octets in packets)
    assert (reader.blocks, reader.interfaces[0].link, reader.trouble) == (False, 113, None)
    assert (reader.frame, reader.cut, reader.octets) == (5, 5, len(capture))
    assert reader.first_time_ns == packets[0][0].time_ns
    assert reader.last_time_ns == packets[-1][0].time_ns


@pytest.mark.parametrize("build", [pcap, pcapng])
def test_cut_anywhere(write: Writer, build: Callable[[list[bytes]], bytes]) -> None:
    """A file that ends at any octet gives its whole packets, and says so unless it ends between two."""
    whole = [len(build(PACKETS[:n])) for n in range(6)]
    data = build(PACKETS)
    for end in range(4, len(data)):
        path = write(data[:end])
        try:
            reader, packets = read_all(path)
        except UserError:
            assert end < 28  # inside the file header
            continue
        expected = sum(end >= size for size in whole[1:])
        assert [octets for _, octets in packets] == PACKETS[:expected]
        if end in whole or (reader.blocks and end == 28):  # 28: a section header and no more
            assert reader.trouble is None
        else:
            assert reader.trouble and "ends in the middle of" in reader.trouble


def test_cut_names_the_packet(write: Writer) -> None:
    reader, _ = read_all(write(pcap(PACKETS)[:-1]))
    assert reader.trouble == "the file ends in the middle of packet 5"


def test_damaged_pcap_header(write: Writer) -> None:
    data = pcap(PACKETS[:2]) + struct.pack("<IIII", 1, 2, LARGEST_PACKET + 1, 4) + bytes(4096)
    reader, packets = read_all(write(data))
    assert len(packets) == 2
    assert reader.trouble == f"damaged packet header at octet {len(pcap(PACKETS[:2]))}"


def test_damage_is_placed_in_the_file_not_in_the_buffer(write: Writer) -> None:
    good = pcap([bytes(100_000)] * 30)
    reader, packets = read_all(write(good + b"\xff" * 40))
    assert len(packets) == 30
    assert reader.trouble == f"damaged packet header at octet {len(good)}"


def test_packets_across_buffers(write: Writer) -> None:
    """Sizes that never fit the buffer evenly, and one packet as large as is believed."""
    chance = random.Random(1)
    packets = [chance.randbytes(chance.randrange(70_000)) for _ in range(90)] + [
        bytes(LARGEST_PACKET),
        b"end",
    ]
    for build in pcap, pcapng:
        reader, got = read_all(write(build(packets)))
        assert [octets for _, octets in got] == packets
        assert reader.trouble is None


# --- pcapng -------------------------------------------------------------------------------------------------


@ORDERS
def test_pcapng_blocks(write: Writer, order: str) -> None:
    """Every packet block, unknown blocks between them, and options that nobody asked for."""
    ticks = TIME * 10**6 + 5
    data = section(order) + interface(order, 1, 20) + block(order, 0x0BAD, b"whatever")
    data += enhanced(order, ticks, PACKETS[1], more=9, tail=options(order, (1, b"note"), (4, bytes(8))))
    data += simple(order, PACKETS[2][:20], 1000) + block(order, 4, bytes(4)) + old(order, ticks + 2, PACKETS[3])
    data += simple(order, b"abc", 3)
    reader, packets = read_all(write(data))
    assert [octets for _, octets in packets] == [PACKETS[1], PACKETS[2][:20], PACKETS[3], b"abc"]
    assert [packet.length for packet, _ in packets] == [len(PACKETS[1]) + 9, 1000, len(PACKETS[3]), 3]
    first, third = ticks * 1000, (ticks + 2) * 1000
    assert [packet.time_ns for packet, _ in packets] == [first, first, third, third]
    assert (reader.blocks, reader.cut, reader.trouble) == (True, 2, None)


@ORDERS
@pytest.mark.parametrize(
    ("resolution", "ticks", "expected"),
    [
        (6, TIME * 10**6 + 1, TIME * 10**9 + 1000),
        (9, TIME * 10**9 + 1, TIME * 10**9 + 1),
        (3, TIME * 10**3 + 1, TIME * 10**9 + 10**6),
        (0, TIME, TIME * 10**9),
        (10, TIME * 10**10 + 19, TIME * 10**9 + 1),
        (0x80 | 10, TIME * 1024 + 512, TIME * 10**9 + 5 * 10**8),
        (0x80 | 30, TIME * 2**30 + 3 * 2**28, TIME * 10**9 + 75 * 10**7),
    ],
)
def test_time_resolution(write: Writer, order: str, resolution: int, ticks: int, expected: int) -> None:
    offset = struct.pack(order + "q", -3600)
    described = interface(order, 1, 0, (9, bytes([resolution])), (14, offset))
    _, packets = read_all(write(section(order) + described + enhanced(order, ticks, b"x")))
    assert packets[0][0].time_ns == expected - 3600 * 10**9


@ORDERS
@pytest.mark.parametrize("resolution", [0, 1, 6, 9, 10, 19, 127, 0x80, 0x80 | 30, 0xFF])
@pytest.mark.parametrize("ticks", [0, 1, TIME * 10**6, 1 << 53, 1 << 62, (1 << 64) - 1])
@pytest.mark.parametrize("seconds", [0, -(1 << 40), 1 << 40, (1 << 63) - 1, -(1 << 63), -4_000_000_000])
def test_no_time_is_too_much(write: Writer, order: str, resolution: int, ticks: int, seconds: int) -> None:
    """One that does not fit is none: the packet has that of the one before it."""
    described = interface(order, 1, 0, (9, bytes([resolution])), (14, struct.pack(order + "q", seconds)))
    plain = interface(order, 1)
    data = section(order) + described + plain
    data += enhanced(order, ticks, b"x") + enhanced(order, TIME * 10**6, b"y", 1) + enhanced(order, ticks, b"z")
    reader, packets = read_all(write(data))
    times = [packet.time_ns for packet, _ in packets]
    power = 2 ** (resolution & 127) if resolution & 128 else 10**resolution
    true = ticks * 10**9 // power + seconds * 10**9
    if abs(true) <= LATEST:
        assert (times, reader.untimed) == ([true, TIME * 10**9, true], 0)
    else:
        assert (times, reader.untimed) == ([0, TIME * 10**9, TIME * 10**9], 2)
        assert reader.first_time_ns == TIME * 10**9
    # The difference of any two of them fits into 64 bits.
    assert max(times) - min(times) < 1 << 63


@ORDERS
def test_simple_packets_have_no_time(write: Writer, order: str) -> None:
    reader, packets = read_all(write(section(order) + interface(order) + 3 * simple(order, b"abc", 3)))
    assert [packet.time_ns for packet, _ in packets] == [0, 0, 0]
    assert (reader.first_time_ns, reader.last_time_ns, reader.untimed, reader.trouble) == (None, None, 3, None)


def test_several_interfaces_and_sections(write: Writer) -> None:
    """Link type and clock are the interface's; a new section forgets them, and may turn the byte order
    round."""
    nanoseconds = (9, b"\x09")
    data = section("<") + interface("<", 1) + interface("<", 276, 0, nanoseconds)
    data += enhanced("<", 5, b"a", number=1) + enhanced("<", 5, b"b", number=0)
    data += section(">") + interface(">", 101, 0, nanoseconds) + enhanced(">", 7, b"c") + enhanced(">", 7, b"d", 1)
    reader, packets = read_all(write(data))
    assert [(p.link, p.time_ns, octets) for p, octets in packets] == [
        (276, 5, b"a"),
        (1, 5000, b"b"),
        (101, 7, b"c"),
    ]
    assert [one.link for one in reader.interfaces] == [101]
    assert reader.trouble and reader.trouble.startswith("damaged packet header")  # interface 1 was the old section's


@ORDERS
def test_drops(write: Writer, order: str) -> None:
    def dropped(number: int, drops: int) -> bytes:
        return statistics(order, number, 0, count_option(order, ISB_IFDROP, drops))

    part = section(order) + interface(order) * 2
    data = part + dropped(0, 3) + dropped(1, 10) + dropped(0, 4) + dropped(2, 99) + part + dropped(0, 1)
    reader, _ = read_all(write(data))
    assert (reader.dropped_by_capture, reader.trouble) == (15, None)


def test_what_statistics_cost_does_not_depend_on_the_interfaces(write: Writer) -> None:
    """Else a capture of nothing but these two blocks takes its square in time."""
    many = 20_000
    data = section("<") + interface("<") * many
    data += b"".join(statistics("<", number, 0, count_option("<", ISB_IFDROP, 2)) for number in range(many))
    path = write(data)
    with within(60):
        reader, _ = read_all(path)
    assert (reader.dropped_by_capture, reader.trouble) == (2 * many, None)


@ORDERS
@pytest.mark.parametrize(
    "harm",
    [
        struct.pack("<II", 6, 12) + struct.pack("<I", 12),
        struct.pack(">II", 6, 12) + struct.pack(">I", 12),
        b"\x06\0\0\0\x21\0\0\0" + bytes(64),
        b"\xff" * 64,
        bytes(64),
        section("<")[:8] + bytes(24),
    ],
)
def test_damaged_block(write: Writer, order: str, harm: bytes) -> None:
    reader, packets = read_all(write(pcapng(PACKETS, order) + harm))
    assert len(packets) == 5
    assert reader.trouble and reader.trouble.startswith("damaged")


def test_block_whose_lengths_disagree(write: Writer) -> None:
    data = bytearray(pcapng(PACKETS))
    data[-1] ^= 1
    reader, packets = read_all(write(bytes(data)))
    assert len(packets) == 4
    assert reader.trouble and reader.trouble.startswith("damaged block at octet")


def test_large_block_grows_the_buffer(write: Writer) -> None:
    big = block("<", 0x0BAD, bytes(3 * BUFFER))
    more = enhanced("<", 1, b"after")
    reader, packets = read_all(write(pcapng(PACKETS) + big + more))
    assert [octets for _, octets in packets] == [*PACKETS, b"after"]
    assert 3 * BUFFER < len(reader.buffer) <= 8 * BUFFER


@settings(deadline=None)
@given(st.sampled_from([pcap(PACKETS), pcap(PACKETS, ">"), pcapng(PACKETS), pcapng(PACKETS, ">")]), st.data())
def test_damaged_captures_never_raise(good: bytes, data: st.DataObject) -> None:
    harmed = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        harmed[data.draw(st.integers(24, len(harmed) - 1))] = data.draw(st.integers(0, 255))
    read, write_end = os.pipe()
    os.write(write_end, harmed)  # a few hundred octets: a pipe holds them
    os.close(write_end)
    reader, packets = read_all(f"/dev/fd/{read}")
    os.close(read)
    assert len(packets) == reader.frame


# --- walking the buffer -------------------------------------------------------------------------------------


def walk(reader: CaptureReader) -> list[tuple[int, bytes]]:
    """What the fast path does: take every plain packet from the buffer itself, ask for the others."""
    out = []
    while True:
        while reader.end - reader.pos >= reader.head.size:
            if reader.blocks:
                kind, total, number, first, second, captured, _ = reader.head.unpack_from(reader.buffer, reader.pos)
                if kind != 6 or number:
                    break
            else:
                first, second, captured, _ = reader.head.unpack_from(reader.buffer, reader.pos)
                number, total = 0, reader.head.size + captured
            if reader.pos + total > reader.end:
                break
            start = reader.pos + reader.head.size
            multiply = reader.interfaces[number].multiply
            time_ns = (first << 32 | second) * multiply if reader.blocks else first * 10**9 + second * multiply
            reader.advance(reader.pos + total, reader.frame + 1, 0, time_ns)
            out.append((time_ns, bytes(reader.buffer[start : start + captured])))
        packet = reader.next_packet()
        if packet is None:
            return out
        out.append((packet.time_ns, bytes(packet.octets)))


@ORDERS
@pytest.mark.parametrize("build", [pcap, pcapng])
def test_walking_gives_the_same(write: Writer, order: str, build: Callable[[list[bytes], str], bytes]) -> None:
    chance = random.Random(2)
    data = build([chance.randbytes(chance.randrange(9000)) for _ in range(600)], order)
    if build is pcapng:
        other = "<>"["<>".index(order) - 1]
        data += section(other) + interface(other, 113) + enhanced(other, 3, b"turned") + simple(other, b"s", 1)
    path = write(data)
    ordinary, packets = read_all(path)
    walked = open_capture(path)
    assert walk(walked) == [(packet.time_ns, octets) for packet, octets in packets]
    assert (walked.frame, walked.trouble) == (ordinary.frame, None)
    walked.source.close()


# --- opening and compression --------------------------------------------------------------------------------


def zstd_long(data: bytes, window: int = 27) -> bytes:
    """A frame whose header demands the whole window, as `zstd --long` writes it to a pipe."""
    settings = zstandard.ZstdCompressionParameters.from_level(1, window_log=window, enable_ldm=True)
    compressor = zstandard.ZstdCompressor(compression_params=settings).compressobj()
    return compressor.compress(data) + compressor.flush()


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip members": lambda data: gzip.compress(data[:70]) + gzip.compress(b"") + gzip.compress(data[70:]),
    "gzip padded": lambda data: gzip.compress(data) + bytes(5000),
    "xz": lzma.compress,
    "xz streams": lambda data: lzma.compress(data[:70]) + bytes(8) + lzma.compress(data[70:]) + bytes(4),
    "zstd": zstd,
    "zstd long": zstd_long,
    "zstd frames": lambda data: b"".join(zstd(data[at : at + 150]) for at in range(0, len(data), 150)),
    "zstd skippable": lambda data: b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + zstd(data) + b"\x5f\x2a\x4d\x18\x01\0\0\0x",
}


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("build", [pcap, pcapng])
def test_compressed(write: Writer, packer: str, build: Callable[[list[bytes]], bytes]) -> None:
    packets = PACKETS + [random.Random(n).randbytes(50_000) for n in range(25)] + [bytes(900_000)]
    data = PACKERS[packer](build(packets))
    reader, got = read_all(write(data))
    assert [octets for _, octets in got] == packets
    assert reader.trouble is None
    assert reader.source.size == reader.source.consumed() == len(data)


@pytest.mark.parametrize("packer", [name for name in PACKERS if name != "plain"])
def test_compressed_cut_anywhere(write: Writer, packer: str) -> None:
    data = PACKERS[packer](pcap(PACKETS)).rstrip(b"\0")
    for end in range(6, len(data) - 4):
        path = write(data[:end])
        try:
            opened = open_source(path)
        except UserError as error:
            assert path in str(error)
            continue
        opened.source.close()
        if isinstance(opened, StreamReader):  # not even a magic came out
            assert len(opened.read()) < 4
            continue
        reader, packets = read_all(path)
        assert [octets for _, octets in packets] == PACKETS[: len(packets)]
        assert reader.trouble or packer in ("gzip members", "xz streams", "zstd frames", "zstd skippable")


@pytest.mark.parametrize("packer", ["gzip", "xz", "zstd"])
def test_damage_keeps_what_was_readable(write: Writer, packer: str) -> None:
    packets = [random.Random(n).randbytes(9_000).hex().encode() for n in range(50)]
    pack = PACKERS[packer] if packer != "zstd" else zstandard.ZstdCompressor(write_checksum=True).compress
    data = bytearray(pack(pcap(packets)))
    middle = len(data) // 2
    data[middle : middle + 400] = b"\xff" * 400
    reader, got = read_all(write(bytes(data)))
    # How damage shows is up to chance: the data cannot be unpacked, or what comes out is no packet.
    assert reader.trouble and "damaged" in reader.trouble
    assert [octets for _, octets in got[:15]] == packets[:15]


def test_truncated_compression_gives_all_there_is(write: Writer) -> None:
    packets = [random.Random(n).randbytes(1000) for n in range(200)]
    for pack in gzip.compress, lzma.compress, zstd:
        data = pack(pcap(packets))
        reader, got = read_all(write(data[: len(data) * 9 // 10]))
        assert reader.trouble and reader.trouble.endswith("data ends too early")
        assert len(got) >= (120 if pack is zstd else 170)  # zstd gives whole blocks of 128 KiB


def test_window_too_large(write: Writer) -> None:
    with pytest.raises(UserError, match="zstd data is damaged"):
        open_source(write(zstd_long(pcap(PACKETS), 28)))


@pytest.mark.parametrize("packer", ["plain", "gzip", "xz", "zstd long"])
def test_standard_input(packer: str) -> None:
    """A pipe cannot be rewound, and gives what it has."""
    program = (
        "from dissector.capture.opening import open_source\n"
        "reader = open_source('-')\n"
        "while reader.next_packet(): pass\n"
        "print(reader.frame, reader.name, reader.source.size, reader.trouble)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=Path(__file__).resolve().parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdin and child.stdout
        data = PACKERS[packer](pcap(PACKETS))
        for piece in (data[:1], data[1:3], data[3:]):  # the magic arrives in pieces
            child.stdin.write(piece)
            child.stdin.flush()
        child.stdin.close()
        assert child.stdout.read().decode().strip() == "5 standard input None None"
    assert child.returncode == 0


def test_named_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    data = pcap([bytes(60_000)] * 50)
    feeder = threading.Thread(target=path.write_bytes, args=(data,))
    feeder.start()
    reader, packets = read_all(str(path))
    feeder.join()
    assert (len(packets), reader.trouble) == (50, None)
    assert (reader.source.size, reader.source.consumed()) == (None, len(data))


def test_bare_stream(write: Writer) -> None:
    data = bytes(range(256)) * 9000
    for packed in data, gzip.compress(data), zstd(data):
        reader = open_source(write(packed))
        assert isinstance(reader, StreamReader)
        got = b""
        while chunk := reader.read():
            got += chunk
        assert got == data
        assert not reader.read()
        assert reader.trouble is None
        reader.source.close()


LZ4 = b"\x04\x22\x4d\x18\x64\x40\xa7\x06\0\0\0"


@pytest.mark.parametrize(
    ("format", "octets"),
    [
        ("bzip2", bz2.compress(b"x")),
        ("lz4", LZ4),
        ("zip", b"PK\x03\x04\x14" + bytes(25)),
        ("7-Zip", b"7z\xbc\xaf\x27\x1c\0\4"),
        ("RAR", b"Rar!\x1a\7\1\0"),
        ("compress", b"\x1f\x9d\x90"),
        ("lzip", b"LZIP\1\x0c"),
        ("lzop", b"\x89LZO\0\r\n\x1a\n"),
        ("snappy", b"\xff\6\0\0sNaPpY"),
        ("lzma", lzma.compress(b"x", lzma.FORMAT_ALONE)),
    ],
)
def test_compression_that_is_not_read_is_named(format: str, octets: bytes, write: Writer) -> None:
    path = write(octets)
    with pytest.raises(UserError) as caught:
        open_source(path)
    assert str(caught.value) == f"{path} is compressed with {format}, which is not read: unpack it first"


def test_unknown_compression_is_a_stream(write: Writer) -> None:
    reader = open_source(write(zlib.compress(b"x")))
    assert isinstance(reader, StreamReader)
    reader.source.close()


def test_errors_at_opening(write: Writer, tmp_path: Path) -> None:
    bad = {
        str(tmp_path / "missing"): "No such file",
        str(tmp_path): "directory",
        "nul\0octet": "null byte",
        write(b""): "is empty",
        write(gzip.compress(b"")): "is empty",
        write(gzip.compress(b"abc")[:10]): "ends too early",
        write(pcap([])[:23]): "ends inside its pcap header",
        write(section("<")[:11]): "no complete section header",
        write(section("<")[:8] + bytes(20)): "no complete section header",
        write(struct.pack("<IHH16x", 0xA1B2C3D4, 543, 0)): "version 543",
    }
    for path, text in bad.items():
        with pytest.raises(UserError, match=text) as caught:
            open_source(path)
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(write: Writer) -> None:
    path = write(b"x")
    Path(path).chmod(0)
    with pytest.raises(UserError, match="Permission"):
        open_source(path)


def test_missing_package(write: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(UserError, match="zstandard is not installed"):
        open_source(write(zstd(b"x")))


class FailingDisk(io.RawIOBase):
    def readinto(self, target: object) -> int:
        raise OSError(5, "Input/output error")


def test_failing_reads_are_trouble() -> None:
    octets = Octets(FailingDisk(), b"first", None)
    target = memoryview(bytearray(8))
    assert [octets.readinto(target), octets.trouble] == [5, None]
    assert [octets.readinto(target), octets.trouble] == [0, "reading failed: Input/output error"]


@settings(deadline=None)
@given(st.sampled_from(["gzip", "xz", "zstd"]), st.data())
def test_damaged_compression_never_raises(packer: str, data: st.DataObject) -> None:
    harmed = bytearray(PACKERS[packer](pcap(PACKETS)))
    for _ in range(data.draw(st.integers(1, 3))):
        harmed[data.draw(st.integers(6, len(harmed) - 1))] = data.draw(st.integers(0, 255))
    read, write_end = os.pipe()
    os.write(write_end, harmed)
    os.close(write_end)
    octets, _ = open_octets(f"/dev/fd/{read}")
    os.close(read)
    while octets.readinto(memoryview(bytearray(4096))):
        pass
    octets.close()


# --- link headers -------------------------------------------------------------------------------------------

SLL = bytes(14)
SLL2_REST = bytes(18)

CARRIERS: dict[str, tuple[int, int, Callable[[bytes, int], bytes]]] = {
    "Ethernet": (1, 14, lambda ip, kind: ethernet(ip, kind)),
    "802.1Q": (1, 18, lambda ip, kind: ethernet(ip, kind, 0x8100)),
    "802.1ad": (1, 22, lambda ip, kind: ethernet(ip, kind, 0x88A8, 0x8100)),
    "three tags": (1, 26, lambda ip, kind: ethernet(ip, kind, 0x9100, 0x9100, 0x8100)),
    "raw 12": (12, 0, lambda ip, kind: ip),
    "raw 14": (14, 0, lambda ip, kind: ip),
    "raw 101": (101, 0, lambda ip, kind: ip),
    "cooked": (113, 16, lambda ip, kind: SLL + struct.pack("!H", kind) + ip),
    "cooked, tagged": (113, 20, lambda ip, kind: SLL + struct.pack("!HHH", 0x8100, 5, kind) + ip),
    "cooked 2": (276, 20, lambda ip, kind: struct.pack("!H", kind) + SLL2_REST + ip),
    "loop": (108, 4, lambda ip, kind: struct.pack("!I", {0x0800: 2, 0x86DD: 24}[kind]) + ip),
    "null": (0, 4, lambda ip, kind: struct.pack("<I", {0x0800: 2, 0x86DD: 30}[kind]) + ip),
    "null, other order": (0, 4, lambda ip, kind: struct.pack(">I", {0x0800: 2, 0x86DD: 28}[kind]) + ip),
}


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("version", [4, 6])
def test_link_types(carrier: str, version: int) -> None:
    link, header, wrap = CARRIERS[carrier]
    packet = wrap(ipv4(tcp()), 0x0800) if version == 4 else wrap(ipv6(tcp()), 0x86DD)
    key, at = (KEY4, header + 40) if version == 4 else (KEY6, header + 60)
    expected = Segment(key, 1000, 2000, 0x18, memoryview(HELLO), len(HELLO), at, 512)
    assert segment(link, packet) == expected
    assert segment(link, packet + bytes(6)) == expected  # the link's own padding or check sequence


def test_raw_links_of_one_version() -> None:
    assert segment(228, ipv4(tcp())) is not None
    assert segment(229, ipv6(tcp())) is not None


@pytest.mark.parametrize(
    ("link", "packet"),
    [
        (127, ethernet(ipv4(tcp()))),  # a link type nobody knows here
        (1, ethernet(ipv4(tcp()), 0x0806)),  # not IP
        (1, ethernet(ipv4(tcp()), 0x86DD)),  # IPv4 said to be IPv6
        (1, ethernet(ipv6(tcp()), 0x0800)),
        (0, struct.pack("<I", 7) + ipv4(tcp())),
        (101, b"\x50" + bytes(60)),  # no such version
        (101, ipv4(tcp(), proto=17)),
        (101, ipv6(tcp(), kind=58)),
        (101, ipv4(tcp(), total=39)),  # IP ends inside the TCP header
        (101, ipv6(tcp(), size=19)),
        (101, b"\x44" + ipv4(tcp())[1:]),  # header of 16 octets
        (101, ipv4(tcp()[:12] + b"\x40" + tcp()[13:])),  # TCP header of 16 octets
        (101, b""),
    ],
)
def test_no_segment(link: int, packet: bytes) -> None:
    assert segment(link, packet) is None


def test_padding_is_not_payload() -> None:
    bare = ethernet(ipv4(tcp(b"")))
    got = segment(1, bare + bytes(60 - len(bare)))
    assert got is not None and (got.length, len(got.payload)) == (0, 0)


def test_ip_and_tcp_options() -> None:
    got = segment(1, ethernet(ipv4(tcp(extra=b"\x01" * 12), extra=b"\x01" * 8)))
    said = memoryview(b"\x01" * 12)
    assert got == Segment(KEY4, 1000, 2000, 0x18, memoryview(HELLO), len(HELLO), 14 + 28 + 32, 512, options=said)


@pytest.mark.parametrize("version", [4, 6])
def test_length_zero_means_the_wire_knows(version: int) -> None:
    """A packet captured before the network card cut it up (segmentation offload), larger than IP can say."""
    body = tcp(bytes(70_000))
    packet = ethernet(ipv4(body, total=0)) if version == 4 else ethernet(ipv6(body, size=0), 0x86DD)
    got = segment(1, packet)
    assert got is not None and (got.length, len(got.payload)) == (70_000, 70_000)
    got = segment(1, packet[:128], len(packet))
    assert got is not None and got.length == 70_000 and len(got.payload) == 128 - 34 - (20 if version == 4 else 40)


def test_jumbogram() -> None:
    body = b"\x06\x00\xc2\x04" + struct.pack("!I", 8 + 20 + 70_000) + tcp(bytes(70_000))
    got = segment(101, ipv6(body, kind=0, size=0))
    assert got is not None and (got.key, got.length) == (KEY6, 70_000)


def test_extension_headers() -> None:
    chain = bytes([43, 0]) + bytes(6)  # hop-by-hop
    chain += bytes([60, 1]) + bytes(14)  # routing
    chain += bytes([44, 0]) + bytes(6)  # destination options
    chain += struct.pack("!BxHI", 51, 0, 9)  # a fragment that is the whole datagram
    chain += bytes([6, 4]) + bytes(22)  # authentication: counted in fours, two left out
    got = segment(101, ipv6(chain + tcp(), kind=0))
    assert got == Segment(KEY6, 1000, 2000, 0x18, memoryview(HELLO), len(HELLO), 60 + len(chain), 512)


@pytest.mark.parametrize("packet", [ethernet(ipv4(tcp(extra=b"\x01" * 12))), ethernet(ipv6(tcp()), 0x86DD)])
def test_snap_length(packet: bytes) -> None:
    """Cut anywhere: no segment until the places are known, then the true length with what is there."""
    whole = segment(1, packet)
    assert whole is not None
    fixed = packet.index(PORTS) + 14
    for end in range(len(packet)):
        got = decode(1, memoryview(packet)[:end], len(packet), Fragments())
        if end < fixed:
            assert got is None
        else:
            there = max(0, end - packet.index(HELLO))
            window = 512 if end >= fixed + 2 else 0xFFFF
            options = whole.options[: max(0, end - fixed - 6)]
            assert got == whole._replace(payload=memoryview(HELLO[:there]), window=window, options=options)


def test_keys() -> None:
    assert addresses(KEY4) == (("192.0.2.1", 40000), ("198.51.100.2", 8002))
    assert addresses(KEY6) == (("2001:db8::1", 40000), ("2001:db8::2", 8002))
    for key in KEY4, KEY6:
        assert addresses(reverse_key(key)) == addresses(key)[::-1]
        assert reverse_key(reverse_key(key)) == key


@given(st.sampled_from([*LINKS, 127]), st.binary(max_size=200), st.integers(0, 1 << 20))
def test_random_octets_never_raise(link: int, octets: bytes, length: int) -> None:
    decode(link, memoryview(octets), length, Fragments())


EXTENDED = ipv6(bytes([43, 0]) + bytes(6) + bytes([44, 0]) + bytes(6) + struct.pack("!BxHI", 6, 1, 9) + tcp(), kind=0)


@given(
    st.sampled_from(sorted(CARRIERS)),
    st.sampled_from(
        [(ipv4(tcp()), 0x0800), (ipv6(tcp()), 0x86DD), (EXTENDED, 0x86DD), (ipv4(tcp(), b"\1" * 8), 0x0800)]
    ),
    st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=4),
    st.integers(0, 200),
)
def test_mutated_headers_never_raise(
    carrier: str, body: tuple[bytes, int], changes: list[tuple[int, int]], end: int
) -> None:
    link, _, wrap = CARRIERS[carrier]
    packet = bytearray(wrap(*body))
    for at, value in changes:
        packet[at % len(packet)] = value
    fragments = Fragments()
    for _ in range(2):
        got = decode(link, memoryview(packet)[:end], len(packet), fragments)
        assert got is None or len(got.payload) <= got.length


# --- fragments ----------------------------------------------------------------------------------------------


def fragments4(body: bytes, size: int, ident: int = 7) -> list[bytes]:
    return [
        ipv4(body[at : at + size], fragment=at // 8 | (0x2000 if at + size < len(body) else 0), ident=ident)
        for at in range(0, len(body), size)
    ]


def fragments6(body: bytes, size: int, kind: int = 6) -> list[bytes]:
    return [
        ipv6(struct.pack("!BxHI", kind, at | (at + size < len(body)), 9) + body[at : at + size], kind=44)
        for at in range(0, len(body), size)
    ]


LONG = random.Random(3).randbytes(100)
OPTIONS_FIRST = bytes([6, 0]) + bytes(6) + tcp(LONG)


@pytest.mark.parametrize(
    ("pieces", "key"),
    [
        (fragments4(tcp(LONG), 32), KEY4),
        (fragments6(tcp(LONG), 32), KEY6),
        (fragments6(OPTIONS_FIRST, 32, kind=60), KEY6),
    ],
)
def test_fragments_in_any_order(pieces: list[bytes], key: bytes) -> None:
    for order in itertools.permutations(pieces):
        fragments = Fragments()
        got = [segment(101, piece, fragments=fragments) for piece in order]
        assert got[:-1] == [None] * (len(pieces) - 1)
        assert got[-1] == Segment(key, 1000, 2000, 0x18, memoryview(LONG), len(LONG), -1, 512)
        assert not fragments._waiting and not fragments._octets


def test_fragments_of_two_datagrams_and_repeated_ones() -> None:
    fragments = Fragments()
    one, two = fragments4(tcp(LONG), 64, 1), fragments4(tcp(LONG[::-1]), 64, 2)
    got = [segment(101, piece, fragments=fragments) for piece in (one[0], two[1], one[0], one[1], two[0])]
    assert [bytes(s.payload) for s in got if s] == [LONG, LONG[::-1]]


def test_cut_fragment_is_dropped() -> None:
    fragments = Fragments()
    first, second = fragments4(tcp(LONG), 64)
    assert segment(101, first[:-1], len(first), fragments) is None
    assert segment(101, second, fragments=fragments) is None
    assert segment(101, first, fragments=fragments) is not None


def test_padded_fragment() -> None:
    fragments = Fragments()
    first, last = fragments4(tcp(LONG), 112)
    assert segment(1, ethernet(last) + bytes(20), fragments=fragments) is None
    got = segment(1, ethernet(first), fragments=fragments)
    assert got is not None and got.payload == LONG


pieces_of_64 = st.lists(st.tuples(st.integers(0, 7), st.integers(1, 8)), max_size=12)


@given(pieces_of_64)
def test_first_octet_wins(pieces: list[tuple[int, int]]) -> None:
    """Against a model: every fragment filled with its own number, in units of 8 octets, the datagram has 8
    units."""
    fragments, model = Fragments(), [-1] * 8
    pieces = [(start, min(start + size, 8)) for start, size in pieces] + [(0, 8)]
    for number, (start, end) in enumerate(pieces):
        for unit in range(start, end):
            if model[unit] < 0:
                model[unit] = number
        got = fragments.add(b"d", 6, start * 8, end < 8, memoryview(bytes([number]) * (end - start) * 8))
        if got:
            assert got == (6, bytearray(b"".join(bytes([unit]) * 8 for unit in model)))
            assert not fragments._octets
            return
        assert min(model) < 0 or all(end < 8 for _, end in pieces[: number + 1])


def test_impossible_fragments() -> None:
    fragments = Fragments()
    eight = memoryview(bytes(8))
    assert fragments.add(b"d", 6, 65528, False, eight) is None  # past the end of any datagram
    assert fragments.add(b"d", 6, 0, True, eight[:7]) is None
    assert fragments.add(b"d", 6, 0, True, eight[:0]) is None
    assert not fragments._waiting
    assert fragments.add(b"d", 6, 8, True, eight) is None
    assert fragments.add(b"d", 6, 0, False, eight) is None  # an end before what is already here
    assert fragments.add(b"d", 6, 16, False, eight) == (6, bytearray(24))


def test_fragments_cost_no_more_than_their_octets() -> None:
    """However many holes there are between them."""
    fragments = Fragments()
    eight = memoryview(b"abcdefgh")
    with within(60):
        for turn in range(4):
            for place in range(0, 65_000, 16):
                assert fragments.add(bytes([turn]), 6, place, True, eight) is None
            for place in range(8, 65_000, 16):
                assert fragments.add(bytes([turn]), 6, place, True, eight) is None
            whole = fragments.add(bytes([turn]), 6, 65_000, False, eight)
            assert whole is not None and whole[1] == b"abcdefgh" * (65_008 // 8)


def test_fragments_are_bounded() -> None:
    fragments = Fragments(most_octets=100_000, most_datagrams=10)
    for number in range(50):
        fragments.add(number.to_bytes(2, "big"), 6, 8, True, memoryview(bytes(8)))
    assert (len(fragments._waiting), fragments.dropped) == (10, 40)
    for number in range(50):
        fragments.add(number.to_bytes(3, "big"), 6, 60_000, True, memoryview(bytes(8)))
        assert fragments._octets <= 100_000
    assert list(fragments._waiting) == [(49).to_bytes(3, "big")]
    assert fragments._octets == sum(len(each.octets) for each in fragments._waiting.values())
