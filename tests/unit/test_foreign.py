"""Captures in formats that are not read are named with what converts them, and never taken for a stream."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import tarfile
from pathlib import Path

import pytest
from conftest import REPOSITORY
from seen import unpacked

from dissector.capture.opening import StreamReader, open_source
from dissector.errors import UserError

CAPTURE = unpacked(REPOSITORY / "captures/violations/none/none.pcap.zst")

WRITTEN = {
    "snoop": "snoop",
    "netmon1": "Network Monitor 1",
    "netmon2": "Network Monitor 2",
    "ngsniffer": "Sniffer",
    "ngwsniffer_2_0": "Sniffer",
    "nettl": "nettl",
    "5views": "5Views",
    "visual": "Visual",
    "lanalyzer": "LANalyzer",
    "k12text": "K12",
    "commview-ncf": "NCF capture of CommView",
    "commview-ncfx": "NCFX capture of CommView",
}
"""By the name that editcap has for a format: what messages call it."""


@pytest.mark.skipif(shutil.which("editcap") is None, reason="editcap writes them")
@pytest.mark.parametrize("format", WRITTEN)
def test_what_editcap_writes_is_named(format: str, tmp_path: Path) -> None:
    capture, other = tmp_path / "in.pcap", tmp_path / "out"
    capture.write_bytes(CAPTURE)
    subprocess.run(["editcap", "-F", format, capture, other], capture_output=True, check=False)
    if not other.exists() or not other.stat().st_size:
        pytest.skip("this editcap does not write it")
    with pytest.raises(UserError, match=f"{WRITTEN[format]}.*editcap -F pcapng IN OUT"):
        open_source(str(other))


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


@pytest.mark.parametrize("octets", [b"LibxlFmt", bytes(600), b"\xff" * 8 + b"XENF", b"\xaa"])
def test_streams_are_no_captures(octets: bytes, tmp_path: Path) -> None:
    path = tmp_path / "stream"
    path.write_bytes(octets)
    reader = open_source(str(path))
    assert isinstance(reader, StreamReader)
    reader.source.close()
