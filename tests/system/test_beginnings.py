"""Wireshark finds a stream whose first octets are split over packets or came in another order, as xenshark does."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import talks
from conversation import Packets, Wire, packets, pcap
from wireshark.releases import RELEASES, run, wireshark_of

from dissector.events import FORWARD

if TYPE_CHECKING:
    from shell import Shell

pytest_plugins = ("shell",)

Edit = Callable[[Packets], Packets]


def _forward(captured: Packets) -> list[int]:
    """Where the forward direction's octets are."""
    return [at for at, one in enumerate(captured) if one.direction == FORWARD and one.payload]


def split(*cuts: int) -> Edit:
    """The first packet in pieces that begin at these octets."""

    def edit(captured: Packets) -> Packets:
        at = _forward(captured)[0]
        one = captured[at]
        pieces = [
            one._replace(offset=one.offset + start, payload=one.payload[start:end])
            for start, end in pairwise((0, *cuts, len(one.payload)))
        ]
        return [*captured[:at], *pieces, *captured[at + 1 :]]

    return edit


def order(*numbers: int) -> Edit:
    """The first packets in another order."""

    def edit(captured: Packets) -> Packets:
        places, result = _forward(captured)[: len(numbers)], list(captured)
        for place, number in zip(places, numbers, strict=True):
            result[place] = captured[places[number]]
        return result

    return edit


def again(captured: Packets) -> Packets:
    """The first packet twice, as a retransmission."""
    at = _forward(captured)[0]
    return [*captured[: at + 1], *captured[at:]]


def after(*edits: Edit) -> Edit:
    """One edit after another."""

    def edit(captured: Packets) -> Packets:
        for one in edits:
            captured = one(captured)
        return captured

    return edit


WITH_BANNER = talks.postcopy()
XL = WITH_BANNER[1:]
LIBXL = talks.libxl(talks.Speaker())
LIBXC = talks.postcopy(wrapped=False)

CASES: dict[str, tuple[talks.Talk, Edit]] = {
    "xl, split in its magic": (XL, split(4)),
    "xl, split behind its magic": (XL, split(32)),
    "xl, octet by octet": (XL, split(*range(1, 60))),
    "xl with a banner, split": (WITH_BANNER, split(4, 30)),
    "xl, split, the first piece twice": (XL, after(split(4), again)),
    "xl, split and reordered": (XL, after(split(10, 20), order(2, 0, 1))),
    "xl, split, the magic's end first": (XL, after(split(10, 40), order(1, 0))),
    "xl, its second packet first": (XL, after(split(60, 200), order(1, 0))),
    "xl, three packets turned round": (XL, after(split(40, 80, 300), order(2, 1, 0))),
    "xl with a banner, turned round": (WITH_BANNER, after(split(40, 80, 300), order(2, 1, 0))),
    "libxl, split in its magic": (LIBXL, split(4)),
    "libxl, its second packet first": (LIBXL, after(split(100), order(1, 0))),
    "libxc, split in its magic": (LIBXC, split(3)),
    "libxc, its second packet first": (LIBXC, after(split(64), order(1, 0))),
}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", CASES)
def test_found_wherever_it_begins(name: str, release: str, tmp_path: Path, shell: Shell) -> None:
    talk, edit = CASES[name]
    capture = tmp_path / "beginning.pcap"
    capture.write_bytes(pcap(packets(Wire(talk, size=400, edit=edit))))
    tshark = wireshark_of(release)
    status, out, _ = shell.run("crosscheck", "--json", "--tshark", tshark.path, str(capture))
    assert (status, [json.loads(line) for line in out.splitlines()]) == (0, [])
    summary = run(tshark, capture, "-q", "-z", "xenmig,summary")
    assert sum(int(line.split()[-3]) for line in summary.splitlines() if line.endswith("octets")) == len(talk)
