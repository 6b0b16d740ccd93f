"""One migration out of a capture: the program says the same of it, and what is to be gone is gone."""

from __future__ import annotations

import json
import random
import struct
import sys
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
import talks
import zstandard
from conftest import OWN
from conversation import Wire, packets, pcap
from seen import look, unpacked
from shell import Shell
from talks import Item, Speaker, octets_of, turns
from tunnels import ENCAPSULATIONS, in_fragments, wrapped
from wire import ETHERTYPES, Captured, Ends, ethernet, exchange
from wire import pcap as capture_file

import dissector
from dissector.capture.opening import open_source
from dissector.capture.reader import CaptureReader
from dissector.cli import input
from dissector.events import FORWARD, REVERSE, Record
from dissector.protocol import MESSAGES

pytest_plugins = ("shell",)

NETEM = OWN / "postcopy/c_netem/veth_rx.pcap.zst"
GENUINE = {
    "postcopy": NETEM,
    "any": OWN / "xen/pv-live-any-nano/pv-live-any-nano.pcap.zst",
    "verify": OWN / "xen/pv-live-debug-verify/pv-live-debug-verify.pcap.zst",
    "snap": OWN / "xen/pv-live-snaplen128/pv-live-snaplen128.pcap.zst",
    "drops": OWN / "xen/pv-live-mtu1500-drops/pv-live-mtu1500-drops.pcap.zst",
}


def analysis(shell: Shell, path: str | Path) -> list[dict[str, Any]]:
    """What the program says of the migrations in a file."""
    status, out, err = shell.run("analyze", "--json", str(path))
    assert status == 0, err
    migrations: list[dict[str, Any]] = json.loads(out)["migrations"]
    return migrations


def without(migration: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in migration.items() if name not in ("id", *names)}


def but_for_limits(migration: dict[str, Any], *names: str) -> dict[str, Any]:
    """Without what only TCP's options tell, which headers that were made anew do not have."""
    phases = [{key: value for key, value in phase.items() if key != "limits"} for phase in migration["phases"]]
    return {**without(migration, "limits", *names), "phases": phases}


def extract(shell: Shell, path: str | Path, *words: str) -> Path:
    out = Path(shell.file(b"", "out"))
    out.unlink()
    status, said, err = shell.run("extract", str(path), "-w", str(out), *words)
    assert (status, err) == (0, ""), err
    assert said.startswith(f"{out}: ")
    return out


def frames(path: Path) -> Iterator[bytes]:
    reader = open_source(str(path))
    assert isinstance(reader, CaptureReader)
    while packet := reader.next_packet():
        if len(packet.octets) == packet.length:
            yield bytes(packet.octets)


def is_right(frame: bytes) -> bool:
    """Whether the TCP checksum of a packet of Ethernet and IPv4 is."""
    size = 14 + int.from_bytes(frame[16:18], "big")
    segment = frame[34:size]
    octets = frame[26:34] + struct.pack("!HH", 6, len(segment)) + segment + b"\0" * (len(segment) % 2)
    total: int = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    return total % 0xFFFF == 0


def contents(path: Path) -> bytes:
    """All page contents of the whole records in a file."""
    found = []

    def take(event: Any) -> None:
        if isinstance(event, Record) and event.is_pages and event.complete and event.direction == FORWARD:
            found.append(event.body[8 + 8 * event.count :])

    dissector.open(path, keep_pages=True).read(take)
    return b"".join(found)


@pytest.mark.parametrize("name", GENUINE)
@pytest.mark.parametrize("option", [(), ("--no-pages",)], ids=["all", "no pages"])
def test_the_program_says_the_same_of_it(name: str, option: tuple[str, ...], shell: Shell) -> None:
    out = extract(shell, GENUINE[name], *option)
    assert [without(one) for one in analysis(shell, out)] == [without(one) for one in analysis(shell, GENUINE[name])]
    assert out.stat().st_mode & 0o777 == 0o600
    assert any(contents(out)) == (not option and any(contents(GENUINE[name])))


@pytest.mark.parametrize("name", ["postcopy", "any", "verify"])
def test_nothing_tells_whose_guest_it_is(name: str, shell: Shell) -> None:
    before, out = GENUINE[name], extract(shell, GENUINE[name], "--anonymize")
    (old,), (new,) = analysis(shell, before), analysis(shell, out)
    assert but_for_limits(new, "flow", "guest") == but_for_limits(old, "flow", "guest")
    assert new["flow"]["source"] == {"address": "192.0.2.1", "port": old["flow"]["source"]["port"]}
    assert not any(contents(out))
    octets = out.read_bytes()
    for secret in (old["guest"]["name"], old["guest"]["uuid"], *GIVEN_AWAY):
        assert secret.encode() not in octets, secret
    for word in ("name", "uuid"):
        assert len(new["guest"][word]) == len(old["guest"][word]) and new["guest"][word] != old["guest"][word]
    same = ("type", "vcpus", "max_vcpus", "memory", "toolstack")
    assert all(new["guest"][word] == old["guest"][word] for word in same if word in old["guest"])
    assert all(map(is_right, frames(out)))


GIVEN_AWAY = ("/root/", "/var/lib/xen", "xenbr", "10.77.0")


def test_checksums_are_right(shell: Shell) -> None:
    """Those that were: a packet of the capture has another."""
    before, after = frames(unpack(shell, NETEM)), frames(extract(shell, NETEM, "--no-pages"))
    pairs = list(zip(before, after, strict=True))
    assert [is_right(old) for old, _ in pairs] == [is_right(new) for _, new in pairs]
    assert sum(old != new for old, new in pairs) > 1000


def unpack(shell: Shell, path: Path) -> Path:
    return Path(shell.file(unpacked(path), "unpacked"))


@pytest.mark.parametrize("how", ["vxlan", "geneve", "erspan-3", "mpls-pseudowire", "pppoe", "nflog", "fragments"])
@pytest.mark.parametrize("option", ["--no-pages", "--anonymize"])
def test_out_of_anything(how: str, option: str, shell: Shell) -> None:
    reader = open_source(str(NETEM))
    assert isinstance(reader, CaptureReader)
    inside = in_fragments(reader) if how == "fragments" else wrapped(reader, ENCAPSULATIONS[how])
    out = extract(shell, shell.file(inside, "inside"), option)
    (new,), (old,) = analysis(shell, out), analysis(shell, NETEM)
    apart = ("flow", "guest", "encapsulation", "findings")
    assert but_for_limits(new, *apart) == but_for_limits(old, *apart)
    assert not any(contents(out))


# --- octets -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", [FORWARD, REVERSE])
@pytest.mark.parametrize("name", ["postcopy", "any"])
def test_what_one_side_said(name: str, direction: str, shell: Shell) -> None:
    out = extract(shell, GENUINE[name], "--octets", direction)
    sides = sorted((bytes(one.octets) for one in look(GENUINE[name]).flows.values()), key=len)
    whole = sides[-1 if direction == FORWARD else 0]
    said = out.read_bytes()
    assert whole.startswith(said)
    # After a stream there is what xl says.
    assert whole[len(said) :] in (b"", MESSAGES["go"].octets, whole[len(said) :][:-1] + b"\0")
    if direction == FORWARD:
        (one,) = analysis(shell, out)
        assert one["outcome"] == "completed" or name == "postcopy"


def in_capture(*talk: Item) -> bytes:
    return pcap(packets(Wire(list(talk))))


@pytest.mark.parametrize("how", ["plain", "zstd", "tunnel"])
def test_octets_without_what_carries_them(how: str, shell: Shell) -> None:
    talk = talks.xenops(Speaker(page_shift=12))
    image = octets_of(talk)
    packed = zstandard.ZstdCompressor().compress(image) if how == "zstd" else image
    begin, end = [talks.request(), talks.handshake()], [talks.handshake(FORWARD), talks.handshake()]
    made = in_capture(*begin, Item(FORWARD, "xenops", "image", packed), *end)
    if how == "tunnel":
        image = octets_of(talks.libxl(Speaker()))
        made = in_capture(Item(FORWARD, "libxl", "messages", talks.messages(image, 4096)))
    path = shell.file(made, "made.pcap")
    assert extract(shell, path, "--octets", "forward").read_bytes() == image
    if how != "plain":
        status, _, err = shell.run("extract", path, "-w", path + ".out", "--no-pages")
        assert status == 2 and "--octets forward writes all of it" in err and not Path(path + ".out").exists()


# --- which one ----------------------------------------------------------------------------------------------------


def test_only_its_packets(shell: Shell) -> None:
    """Two migrations at once, and one of several connections."""
    both = OWN / "field/04_xenopsd_two_connections_error.pcap.zst"
    out = extract(shell, both)
    assert [without(one) for one in analysis(shell, out)] == [without(one) for one in analysis(shell, both)]
    ends = Ends(), Ends(addresses=("2001:db8::9", "2001:db8:1::9"))
    said = (exchange(turns(talk), random.Random(5)) for talk in (talks.precopy(), talks.postcopy()))
    streams = [
        [ethernet(one.ip(packet), ETHERTYPES[one.version]) for packet in sent]
        for one, sent in zip(ends, said, strict=True)
    ]
    mixed = [frame for pair in zip_longest(*streams) for frame in pair if frame]
    path = shell.file(capture_file(Captured(time, one, len(one)) for time, one in enumerate(mixed)), "two.pcap")
    for number, whole in enumerate(analysis(shell, path)):
        out = extract(shell, path, "--migration", str(number))
        assert [without(one) for one in analysis(shell, out)] == [without(whole)]
        hidden = analysis(shell, extract(shell, path, "--migration", str(number), "--anonymize"))
        assert [but_for_limits(one, "flow", "guest") for one in hidden] == [but_for_limits(whole, "flow", "guest")]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("{netem}", "--migration", "7"), "has no migration 7: it holds 1, numbered from 0"),
        (("{drops}", "--octets", "forward"), "octets of the forward direction were not captured"),
        (("{snap}", "--octets", "forward"), "cut short when they were captured"),
        (("{image}",), "is no capture (pcap, pcapng)"),
        (("-",), "a capture is read twice"),
        (("{netem}", "--octets", "reverse", "--anonymize"), "are for packets"),
        (("/nonexistent",), "No such file"),
    ],
)
def test_what_cannot_be(words: tuple[str, ...], says: str, shell: Shell, tmp_path: Path) -> None:
    image = shell.file(octets_of(talks.precopy()), "image")
    names = {"netem": NETEM, "drops": GENUINE["drops"], "snap": GENUINE["snap"], "image": image}
    status, out, err = shell.run("extract", *(word.format(**names) for word in words), "-w", str(tmp_path / "out"))
    assert (status, out) == (2, "") and says in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [(), ("--octets", "forward")], ids=str)
def test_a_bar_shows_both_readings(words: tuple[str, ...], shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal and after a while, on standard error only, and from the beginning to the end of both."""
    ticks: list[int] = []

    def tick(bar: input.Bar, consumed: Callable[[], int]) -> None:
        ticks.append(consumed())
        plain(bar, consumed)

    plain = input.Bar.tick
    monkeypatch.setattr(input, "PATIENCE", 0.0)
    monkeypatch.setattr(input.Bar, "tick", tick)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    out = shell.file(b"", "out")
    status, said, err = shell.run("extract", str(NETEM), "-w", out, *words)
    assert status == 0 and NETEM.name in err and "\x1b" not in said
    size = NETEM.stat().st_size
    assert ticks == sorted(ticks) and len(set(ticks)) > 2
    assert any(size < one for one in ticks) and max(ticks) <= 2 * size


def test_it_does_not_overwrite_the_capture(shell: Shell) -> None:
    path = shell.file(in_capture(*talks.precopy()), "made.pcap")
    before = Path(path).read_bytes()
    status, _, err = shell.run("extract", path, "-w", path)
    assert status == 2 and "is the input itself" in err and Path(path).read_bytes() == before
