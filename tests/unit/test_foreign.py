"""Captures in formats that are not read are named with what converts them, and never taken for a stream."""

from __future__ import annotations

import gzip
import io
import shutil
import struct
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
import talks
from conftest import REPOSITORY
from conversation import Wire, packets, pcap
from seen import unpacked
from wire import Captured, pcapng
from wire import pcap as pcap_of

import dissector
from dissector.capture.opening import StreamReader, open_source
from dissector.errors import UserError

CAPTURE = unpacked(REPOSITORY / "captures/violations/none/none.pcap.zst")
SMALL = pcap(packets(Wire(talks.precopy())))
"""Packets of 1,500 octets, which every format takes."""

WRITTEN = {
    "snoop": "snoop",
    "netmon1": "Network Monitor 1",
    "netmon2": "Network Monitor 2",
    "ngsniffer": "Sniffer",
    "ngwsniffer_1_1": "Sniffer",
    "ngwsniffer_2_0": "Sniffer",
    "nettl": "nettl",
    "5views": "5Views",
    "visual": "Visual",
    "lanalyzer": "LANalyzer",
    "k12text": "K12",
    "observer": "Observer",
    "commview-ncf": "NCF capture of CommView",
    "commview-ncfx": "NCFX capture of CommView",
}
"""By the name that editcap has for a format: what messages call it."""

SPOILT = ("observer", "commview-ncfx", "visual")
"""What editcap 4.0 does not read again as it has written it."""

READ = ("pcap", "nsecpcap", "modpcap", "nokiapcap", "rh6_1pcap", "suse6_3pcap", "pcapng")


@pytest.mark.skipif(shutil.which("editcap") is None, reason="editcap writes them")
class TestEditcap:
    def written(self, format: str, folder: Path) -> Path:
        capture, other = folder / "in.pcap", folder / f"out.{format}"
        capture.write_bytes(SMALL)
        subprocess.run(["editcap", "-F", format, capture, other], check=True)
        return other

    @pytest.mark.parametrize("format", WRITTEN)
    def test_what_is_not_read_is_named_with_the_line_that_converts_it(self, format: str, tmp_path: Path) -> None:
        other = self.written(format, tmp_path)
        with pytest.raises(UserError, match=f"{WRITTEN[format]}.*: convert it with editcap -F pcapng") as raised:
            open_source(str(other))
        if format not in SPOILT:
            again = tmp_path / "again.pcapng"
            _, _, line = str(raised.value).partition("convert it with ")
            assert line.endswith(" IN OUT")
            subprocess.run([*line.removesuffix(" IN OUT").split(), other, again], check=True)
            assert migrations(again) == migrations(tmp_path / "in.pcap")

    @pytest.mark.parametrize("format", READ)
    def test_dialects_are_read(self, format: str, tmp_path: Path) -> None:
        other = self.written(format, tmp_path)
        assert migrations(other) == migrations(tmp_path / "in.pcap")


def migrations(path: Path) -> list[tuple[Any, ...]]:
    """What was found in a capture."""
    found = dissector.open(path).analyze().migrations
    return [(one.outcome, one.records, one.bytes, one.may_run) for one in found]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("more", [4, 8, 12])
def test_dialects_of_either_byte_order(order: str, more: int, tmp_path: Path) -> None:
    """Nokia's, Red Hat's and SuSE's packet headers under the common magic."""
    octets, at = struct.pack(order + "IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1), 24
    while at < len(SMALL):
        values = struct.unpack_from("<IIII", SMALL, at)
        octets += struct.pack(order + "IIII", *values) + b"\2\0\0\0\x08\0\4\1\1\0\0\0"[:more]
        octets += SMALL[at + 16 : at + 16 + values[2]]
        at += 16 + values[2]
    path, plain = tmp_path / "odd.pcap", tmp_path / "plain.pcap"
    path.write_bytes(octets)
    plain.write_bytes(SMALL)
    assert migrations(path) == migrations(plain)


@pytest.mark.parametrize("kind", [2, 2 | 0x80, 11])
def test_erf(kind: int, tmp_path: Path) -> None:
    path, octets, at = tmp_path / "in.erf", b"", 24
    while at < len(SMALL):
        seconds, micros, captured, length = struct.unpack_from("<IIII", SMALL, at)
        body = bytes(2) + SMALL[at + 16 : at + 16 + captured]
        body += bytes(-len(body) % 8)
        octets += struct.pack("<II", (micros << 32) // 10**6, seconds)
        octets += struct.pack(">BBHHH", kind, 4, 16 + len(body), 0, length) + body
        at += 16 + captured
    path.write_bytes(octets)
    with pytest.raises(UserError, match=r"an ERF capture.*: convert it with editcap -F pcapng -T eth"):
        open_source(str(path))
    if shutil.which("editcap") is not None and kind == 2:
        again = tmp_path / "again.pcapng"
        for link in ([], ["-T", "ether"]):
            subprocess.run(["editcap", "-F", "pcapng", *link, path, again], check=True)
            assert [one.outcome for one in dissector.open(again).analyze().migrations] == ["completed"]


@pytest.mark.parametrize("magic", [0x1C0001AC, 0xA12B3C4D])
@pytest.mark.parametrize("order", "<>")
def test_pcap_of_an_unknown_magic(magic: int, order: str, tmp_path: Path) -> None:
    path = tmp_path / "odd"
    path.write_bytes(struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, 65535, 1) + CAPTURE[24:])
    with pytest.raises(UserError, match=f"pcap variant of magic 0x{magic:08x}.*editcap"):
        open_source(str(path))


def test_a_capture_in_a_tar(tmp_path: Path) -> None:
    path = tmp_path / "both.tar"
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo("in.pcap")
        member.size = len(CAPTURE)
        tar.addfile(member, io.BytesIO(CAPTURE))
    with pytest.raises(UserError, match="tar archive: unpack it first"):
        open_source(str(path))


@pytest.mark.parametrize("before", [b"\0", b"tcpdump: listening on eth0\n", b"PACK" * 250], ids=len)
@pytest.mark.parametrize("name", ["pcap", "pcapng"])
def test_a_capture_behind_something_else(name: str, before: bytes, tmp_path: Path) -> None:
    captured = [Captured(0, bytes(60), 60)]
    octets = pcap_of(captured, order=">", nanoseconds=True) if name == "pcap" else pcapng(captured)
    path = tmp_path / "in"
    path.write_bytes(before + octets)
    with pytest.raises(UserError, match=rf"holds a capture behind {len(before)} other octets: cut them off \(tail -c"):
        open_source(str(path))
    path.write_bytes(bytes(5000) + octets)
    open_source(str(path)).source.close()


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (gzip.compress(gzip.compress(CAPTURE)), "compressed twice: unpack it once"),
        (b"070701" + CAPTURE, "a cpio archive"),
        (b"!<arch>\n" + CAPTURE, "an ar archive"),
    ],
)
def test_a_capture_in_a_wrapper(octets: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(octets)
    with pytest.raises(UserError, match=says):
        open_source(str(path))


@pytest.mark.parametrize("octets", [b"LibxlFmt", bytes(600), b"\xff" * 8 + b"XENF", b"\xaa"])
def test_streams_are_no_captures(octets: bytes, tmp_path: Path) -> None:
    path = tmp_path / "stream"
    path.write_bytes(octets)
    reader = open_source(str(path))
    assert isinstance(reader, StreamReader)
    reader.source.close()
