"""What is inside of bodies, as every reader of the project shows it: JSON, `read -V`, `guest`, Scapy and Wireshark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conversation import Wire, packets, pcap
from scapy.all import sniff
from shell import Shell
from streams import libxc_stream, libxl_stream, record
from talks import Item
from wireshark.releases import RELEASES, wireshark_of
from wireshark.releases import run as run_in

from dissector.events import FORWARD
from dissector.integrations.scapy import MigrationSession
from dissector.protocol import Endianness

pytest_plugins = ("shell",)


def captured(shell: Shell, octets: bytes, name: str = "capture") -> str:
    """A capture of a stream that one side sends."""
    return shell.file(pcap(packets(Wire([Item(FORWARD, "libxl", "all of it", octets)]))), name)


def layers(path: str) -> dict[str, Any]:
    """The packets of Scapy's session by their record's name."""
    found = sniff(offline=path, session=MigrationSession(), quiet=True)
    return {one.record.name: one.payload for one in found if one.record is not None}


def shown_by_wireshark(path: str, *fields: str, release: str = RELEASES[-1]) -> dict[str, list[str]]:
    """Each field's values in the capture."""
    columns = [word for field in fields for word in ("-e", field)]
    printed = run_in(wireshark_of(release), Path(path), "-2", "-Y", "xenmig", "-T", "fields", *columns)
    found: dict[str, list[str]] = {field: [] for field in fields}
    for line in printed.splitlines():
        for field, value in zip(fields, line.split("\t"), strict=True):
            found[field] += value.split(",") if value else []
    return found


# --- the width of a PV guest --------------------------------------------------------------------------------


def of_pv(width: int | None, page: bytes, order: Endianness = "little") -> bytes:
    """The stream of a PV guest; `width`: of its words."""
    info = [] if width is None else [record("X86_PV_INFO", {"guest_width": width, "pt_levels": 4}, endianness=order)]
    body = [record("SHARED_INFO", page, endianness=order), record("END", endianness=order)]
    return libxl_stream(libxc_stream([*info, *body], version=2, guest="x86 PV", endianness=order), endianness=order)


def page_of(**places: int) -> bytes:
    """A page with octets that are not 0 at some places."""
    octets = bytearray(4096)
    for at, value in places.items():
        octets[int(at.removeprefix("at_"))] = value
    return bytes(octets)


EMPTY_TAIL = page_of(at_2304=9)
"""Looks like a 32-bit guest's: wc_version is 9. In a 64-bit guest's it is a word of pending events."""
FULL_TAIL = page_of(at_2304=9, at_4000=1)
"""Looks like a 64-bit guest's."""


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("page", [EMPTY_TAIL, FULL_TAIL], ids=["looks 32", "looks 64"])
@pytest.mark.parametrize(
    ("width", "layout"), [(4, 32), (8, 64), (None, None), (5, None)], ids=["32 bits", "64 bits", "not said", "nonsense"]
)
def test_the_width_of_its_words_says_how_the_shared_page_is_read(
    shell: Shell, width: int | None, layout: int | None, page: bytes, order: Endianness
) -> None:
    """Not what stands in the page, unless nobody has said the width."""
    octets = of_pv(width, page, order)
    path = captured(shell, octets)
    wanted = layout or (64 if page is FULL_TAIL else 32)
    version = 9 if wanted == 32 else 0
    version = version if order == "little" else version << 24
    (line,) = [one for one in shell.objects(path) if one["name"] == "SHARED_INFO"]
    assert line["fields"]["shared_info"]["wc_version"] == version
    tree = "\n".join(shell.lines("read", "-V", path, "-Y", "xenmig.name == SHARED_INFO"))
    assert f"wc_version {version if version < 10 else hex(version)}," in tree
    packet = layers(path)["SHARED_INFO"]
    assert type(packet.shared_info).__name__.startswith(f"SharedInfo{wanted}")
    assert packet.shared_info.wc_version == version
    assert bytes(packet) == page
    (guest,) = (json.loads(one) for one in shell.lines("guest", "--json", shell.file(octets, "stream")))
    assert len(guest["pending_events"]) == (0 if wanted == 32 else 2)


@pytest.mark.parametrize(("width", "layout"), [(4, 32), (8, 64)])
def test_wireshark_reads_the_shared_page_by_the_width(shell: Shell, width: int, layout: int) -> None:
    for page in (EMPTY_TAIL, FULL_TAIL):
        names = (f"xenmig.shared_info_{layout}.wc_version", f"xenmig.shared_info_{96 - layout}.wc_version")
        found = shown_by_wireshark(captured(shell, of_pv(width, page)), *names)
        assert [len(values) for values in found.values()] == [1, 0]
        assert int(found[names[0]][0], 0) == (9 if layout == 32 else 0)
