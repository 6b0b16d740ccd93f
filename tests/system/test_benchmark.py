"""The benchmark's captures carry what they say they carry, by a walk that shares no code with the builder; and what
a relay changes is noticed."""

from __future__ import annotations

import struct
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from benchmark import relays
from benchmark.capture import build_capture
from benchmark.stream import TYPES, page_data_records, pieces

import dissector

SIZE = 2_000_000
Segment = tuple[int, int, bytes]  # source port, sequence number, payload


def packets(capture: bytes) -> list[Segment]:
    """Every TCP packet of the file, with or without payload."""
    magic, _, _, _, _, snap, link = struct.unpack_from("<IHHiIII", capture)
    assert (magic, link) == (0xA1B2C3D4, 1)
    found, at, last_time = [], 24, (0, 0)
    while at < len(capture):
        seconds, micros, included, original = struct.unpack_from("<IIII", capture, at)
        assert included == original <= snap and last_time <= (seconds, micros)
        packet = capture[at + 16 : at + 16 + included]
        assert packet[12:14] == b"\x08\x00" and struct.unpack_from(">H", packet, 16)[0] == included - 14
        assert sum(struct.unpack_from(">10H", packet, 14)) % 0xFFFF == 0, "IPv4 header checksum"
        port, seq = struct.unpack_from(">H2xI", packet, 34)
        found.append((port, seq, packet[34 + (packet[46] >> 4) * 4 :]))
        at, last_time = at + 16 + included, (seconds, micros)
    assert at == len(capture)
    return found


def reassemble(segments: list[Segment], port: int) -> bytes:
    """The octets one side sent, by place: a SYN takes the number before the first."""
    first = next(seq for source, seq, _ in segments if source == port) + 1
    placed = {(seq - first) % 2**32: payload for source, seq, payload in segments if source == port and payload}
    stream = bytearray()
    for place, payload in sorted(placed.items()):
        assert place == len(stream)
        stream += payload
    return bytes(stream)


def walk(stream: bytes) -> list[tuple[str, int, int]]:
    """(layer, type, length) of all in a forward stream, headers as type -1; checks page counts."""
    (optional,) = struct.unpack_from("<I", stream, 44)
    assert stream.startswith(b"Xen saved domain, xl format\n \0 \r")
    found = [("xl", -1, 48 + optional), ("libxl", -1, 16)]
    at, layer = 64 + optional, "libxl"
    assert stream[at - 16 : at - 8] == b"LibxlFmt"
    while True:
        kind, body = struct.unpack_from("<II", stream, at)
        length = 8 + body + -body % 8
        found.append((layer, kind, length))
        if layer == "libxc" and kind == 1:
            count, _ = struct.unpack_from("<II", stream, at + 8)
            entries = struct.unpack_from(f"<{count}Q", stream, at + 16)
            assert body == 8 + 8 * count + 4096 * sum(entry >> 60 < 0xD for entry in entries)
        at += length
        if layer == "libxl" and kind == 1:
            layer, found = "libxc", [*found, ("libxc", -1, 24), ("libxc", -1, 16)]
            assert stream[at : at + 12] == b"\xff" * 8 + b"XENF"
            at += 40
        elif layer == "libxc" and kind == 0:
            layer = "libxl"
        elif kind == 0:
            return [*found, ("xl", -1, len(stream) - at)]


@pytest.mark.parametrize("variant", ["a", "lists", "small", "postcopy"])
def test_what_an_hvm_guest_sends_is_legal(tmp_path: Path, variant: str) -> None:
    """Else `check` would be measured at showing what is wrong."""
    path = tmp_path / "built.pcap"
    build_capture(path, SIZE, variant)
    (migration,) = dissector.open(path).analyze().migrations
    assert (migration.outcome, migration.findings) == ("completed", ())


@pytest.mark.parametrize("guest", ["hvm", "pv"])
@pytest.mark.parametrize("variant", ["a", "b", "c"])
def test_a_capture_holds_the_whole_stream(tmp_path: Path, variant: str, guest: str) -> None:
    path = tmp_path / "built.pcap"
    build_capture(path, SIZE, variant, guest)
    segments = packets(path.read_bytes())

    plan = list(pieces(SIZE, guest))
    forward = [
        (piece.layer, TYPES.get(piece.layer, {}).get(piece.name, -1), piece.length)
        for piece in plan
        if piece.direction == "forward"
    ]
    assert walk(reassemble(segments, 40860)) == forward
    assert reassemble(segments, 4444) == b"".join(piece.octets for piece in plan if piece.direction == "reverse")


@pytest.mark.parametrize(("variant", "segment"), [("a", 1448), ("b", 65160), ("c", 1448)])
def test_segments_have_the_variant_s_size_and_order(tmp_path: Path, variant: str, segment: int) -> None:
    path = tmp_path / "built.pcap"
    build_capture(path, SIZE, variant)
    segments = packets(path.read_bytes())

    sizes = Counter(len(payload) for port, _, payload in segments if port == 40860 and payload)
    assert max(sizes) == segment and sizes[segment] >= sizes.total() - 2, "only the end of a turn is shorter"
    acks = sum(port == 4444 and not payload for port, _, payload in segments)
    assert abs(acks - sizes.total() / 2) < 5
    numbers = [seq for port, seq, payload in segments if port == 40860 and payload]
    repeated = len(numbers) - len(set(numbers))
    late = sum(later < earlier for earlier, later in pairwise(numbers)) - repeated
    assert bool(repeated and late) == (variant == "c") and bool(repeated or late) == (variant == "c")


@pytest.mark.parametrize("guest", ["hvm", "pv"])
def test_the_stream_is_as_long_as_asked(guest: str) -> None:
    size = 100_000_000
    assert sum(piece.length for piece in pieces(size, guest)) == pytest.approx(size, rel=0.005)
    assert page_data_records(size, guest) > size // (1024 * 4104)


@pytest.mark.parametrize("name", ["tap", "tap --no-pages"])
def test_a_migration_goes_through_the_tap(tmp_path: Path, name: str) -> None:
    octets = sum(piece.length for piece in pieces(SIZE))
    run = relays.measure_relay(name, SIZE, tmp_path / "relayed")
    assert run.cpu > 0 and not run.complaints
    assert (run.written > octets) == (name == "tap")
    assert 0 < run.written < octets * 1.01


def test_page_requests_go_through_the_tap_one_after_another(tmp_path: Path) -> None:
    run = relays.measure_relay("tap", 400_000, tmp_path / "relayed", "faults")
    assert not run.complaints
    answers = [record for record in dissector.open(tmp_path / "relayed").records() if record.name == "POSTCOPY_FAULT"]
    assert len(answers) == 400_000 // 4096 == len(run.heard) - 3  # the banner before, COMPLETE and the last text behind


OTHER = "dd bs=1 conv=ucase status=none"
"""Changes letters, octet by octet: one that gathered them would wait for ever."""


@pytest.mark.parametrize("script", [f'{OTHER} | "$@"', f'"$@" | {OTHER}', 'head -c 9999 | "$@"', '"$@"; echo more'])
def test_a_relay_that_changes_anything_is_found_out(
    tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(relays.RELAYS, "bad", lambda far, file: ["sh", "-c", script, "sh", *far])
    with pytest.raises(SystemExit, match=r"(?s)^bad: .*(did not get|got more)"):
        relays.measure_relay("bad", SIZE, tmp_path / "relayed")
