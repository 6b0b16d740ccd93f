"""Wireshark and the engine read every capture alike, but for exceptions that have a cause; and differences are seen."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import stat
import subprocess
import sys
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import schemas
import talks
from conftest import ELSEWHERE, OWN, REPOSITORY, Case, captures
from conversation import ACK, Packet, Packets, Wire, index_of, packets, patched
from conversation import pcap as captured_of
from streams import record
from test_wireshark import SOME
from tunnels import ENCAPSULATIONS, in_fragments, wrapped
from wire import LINKS, Captured, Ends, exchange, pcap
from wireshark.releases import RELEASES, unpacked, wireshark_of
from zstandard import ZstdCompressor

from dissector.capture.opening import open_source
from dissector.capture.reader import CaptureReader
from dissector.cli import crosscheck as cli
from dissector.events import FORWARD
from dissector.integrations.wireshark import generate
from dissector.integrations.wireshark.crosscheck import compare
from dissector.integrations.wireshark.items import Item
from dissector.integrations.wireshark.reading import read
from dissector.integrations.wireshark.tshark import NOBODY
from dissector.results.differences import DifferenceResult

pytest_plugins = ("shell",)


NONE = "violations/none/none.pcap"


class Exemption(NamedTuple):
    """What may differ in one capture, and why. The README shows these as a table."""

    capture: str
    differs: str
    """The value's name, or several with a comma between them."""
    cause: str


FAR = "Its times are so far from now that a number of Lua does not tell one from the next."
FAR_CAPTURES = ("resolution_0", "ts_tsresol_0", "ts_year10000", "year_10000")

EXEMPTIONS = (
    Exemption("field/05_xenopsd_zstd.pcap.zst", "record", "Lua in Wireshark unpacks no stream."),
    Exemption("field/08_libvirt_tunnelled.pcap.zst", "record", "What is in libvirt's messages is not followed."),
    *(Exemption(f"hostile/{name}.pcapng.zst", "fault 0x209 latency", FAR) for name in FAR_CAPTURES),
)


def differences(shell: Any, file: Path, *options: str) -> list[dict[str, Any]]:
    """What `crosscheck --json` prints; its exit status has to agree."""
    status, out, err = shell.run("crosscheck", "--json", *options, str(file))
    found = [json.loads(line) for line in out.splitlines()]
    for one in found:
        schemas.check("difference", one)
    assert (status, err) == (1 if found else 0, "")
    return found


def assert_explained(name: str, found: list[dict[str, Any]]) -> None:
    """Nothing differs but what is exempt, and all of that does."""
    exempt = {what for one in EXEMPTIONS if one.capture == name for what in one.differs.split(", ")}
    assert {one["what"].partition("[")[0] for one in found} == exempt, found[:5]


def test_both_read_each_capture_alike(case: Case, shell: Any) -> None:
    tshark = wireshark_of(RELEASES[0])
    if case.path.suffixes[0] == ".img":
        assert "is no capture" in shell.complaint("crosscheck", str(case.path))
        return
    found = differences(shell, case.path, "--tshark", tshark.path)
    assert_explained(case.name, found)


@pytest.mark.parametrize("release", RELEASES[1:])
@pytest.mark.parametrize("name", SOME)
def test_the_other_wiresharks_do_too(name: str, release: str, shell: Any) -> None:
    found = differences(shell, captures()[name], "--tshark", wireshark_of(release).path)
    assert_explained(name, found)


@pytest.mark.parametrize("release", RELEASES)
def test_packets_without_a_time_are_read(release: str, shell: Any) -> None:
    """Wireshark 4.6 says none of a pcapng's simple packets, and pyshark wants one."""
    file = OWN / "field" / "24_simple_packets.pcapng.zst"
    assert differences(shell, file, "--tshark", wireshark_of(release).path) == []


UNKNOWN = talks.Item("forward", "libxc", "UNKNOWN", record(0x80000040, b"12345", padding=b"abc"))
"""A record of a type that nobody specified, its padding not zero."""

BUILT = {
    "precopy": talks.precopy(),
    "precopy, big-endian": talks.precopy(talks.Speaker(libxc="big", libxl="big")),
    "postcopy": talks.postcopy(),
    "postcopy, big-endian": talks.postcopy(talks.Speaker(2, libxc="big")),
    "postcopy, libxc alone": talks.postcopy(wrapped=False),
    "remus": talks.remus(),
    "colo": talks.colo(),
    "xenops": talks.xenops(),
    "xenops, libxl inside": talks.xenops(in_libxl=True),
    "xenopsd": talks.xenopsd(talks.Speaker(page_shift=3)),
    "xenopsd, refused": [talks.request(), talks.handshake("reverse", talks.OUT_OF_MEMORY)],
    "xenopsd, failed": talks.xenopsd(talks.Speaker(page_shift=3), talks.OUT_OF_MEMORY),
    "managed save": talks.managed_save(),
    "unknown record": [*(talk := talks.precopy())[:-6], UNKNOWN, *talk[-6:]],
}
"""Streams that no genuine capture holds."""


def captured(talk: talks.Talk, version: int, shell: Any) -> Path:
    """The packets of a talk, in a file."""
    ends = Ends() if version == 4 else Ends(("2001:db8::1", "2001:db8::2"))
    packets = exchange(talks.turns(talk), random.Random(len(talk)), (1448, 700, 90))
    octets = [LINKS["ethernet"][1](ends.ip(packet), version) for packet in packets]
    return Path(shell.file(pcap(Captured(at * 10**6, one, len(one)) for at, one in enumerate(octets))))


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("name", BUILT)
def test_both_read_built_streams_alike(name: str, version: int, shell: Any) -> None:
    talk = BUILT[name]
    file = captured(talk, version, shell)
    assert differences(shell, file, "--tshark", wireshark_of(RELEASES[0]).path) == []
    count = len(shell.objects(str(file)))
    assert count == len(talk), "and all of it was read"


FEW, OLDER = talks.Speaker(page_shift=6), talks.Speaker(2, page_shift=6)

SEEN_OTHERWISE = {
    "mpls-address-like-ip": {"record"},  # a nibble that is an IP version's: Wireshark looks for IP alone
    "nflog-big-endian": {"record"},  # Wireshark has its lengths as the machine that wrote the pcap file
}
"""Encapsulations that Wireshark itself reads otherwise."""


@pytest.mark.parametrize(
    ("name", "release"), [*zip([*ENCAPSULATIONS, "fragments"], cycle(RELEASES), strict=False), ("mpls", RELEASES[-1])]
)
def test_both_read_tunnels_alike(name: str, release: str, shell: Any) -> None:
    talk = talks.postcopy(FEW)
    outside = open_source(str(captured(talk, 4, shell)))
    assert isinstance(outside, CaptureReader)
    file = shell.file(in_fragments(outside) if name == "fragments" else wrapped(outside, ENCAPSULATIONS[name]))
    found = differences(shell, Path(file), "--tshark", wireshark_of(release).path)
    assert {one["what"] for one in found} == SEEN_OTHERWISE.get(name, set()), found[:5]
    assert len(shell.objects(file)) == len(talk)


def unfinished(talk: talks.Talk, name: str, octets: int) -> talks.Talk:
    """A talk that ends so many octets into an item."""
    at = index_of(talk, name)
    return [*talk[:at], talk[at]._replace(octets=talk[at].octets[:octets])]


def greeted(talk: talks.Talk, greeting: bytes) -> talks.Talk:
    """A talk whose banner comes behind other text, in the same packet."""
    banner, *rest = talk
    assert banner.name == "banner"
    return [banner._replace(octets=greeting + banner.octets), *rest]


def flipped(captured: Packets) -> Packets:
    """Every third packet with payload comes again, with other octets."""
    found: Packets = []
    for number, packet in enumerate(captured):
        found.append(packet)
        if packet.payload and number % 3 == 0:
            found.append(packet._replace(payload=bytes(255 - one for one in packet.payload)))
    return found


def late_with_a_keep_alive(captured: Packets) -> Packets:
    """A capture that begins in mid-connection with an old octet, sent again to see whether the other side is there."""
    at = next(number for number, one in enumerate(captured) if one.direction == FORWARD and one.offset > 900)
    one = captured[at]
    return [one._replace(offset=one.offset - 1, payload=b"\0", flags=ACK), *captured[at:]]


def without_one_of(direction: str, start: int) -> Any:
    """Loses the packet with that octet."""

    def lose(captured: Packets) -> Packets:
        return [one for one in captured if not _holds(one, direction, start)]

    return lose


def _holds(packet: Packet, direction: str, start: int) -> bool:
    return packet.direction == direction and packet.offset <= start < packet.offset + len(packet.payload)


ODD = {
    "small packets": Wire(talks.postcopy(OLDER), size=13),
    "small packets, the way lost": Wire(
        patched(talks.postcopy(OLDER), "PAGE_DATA", 0, b"\xff\xff"), size=13, edit=without_one_of(FORWARD, 400)
    ),
    "a text that never ends, closed": Wire(unfinished(talks.precopy(FEW), "ready", 33)),
    "a text that never ends, reset": Wire(unfinished(talks.precopy(FEW), "ready", 33), close="rst"),
    "a text that has not ended": Wire(unfinished(talks.precopy(FEW), "ready", 33), close=""),
    "a text that does not come": Wire(talks.precopy(FEW)[: index_of(talks.precopy(FEW), "ready")]),
    "permission that does not come": Wire(talks.precopy(FEW)[: index_of(talks.precopy(FEW), "go")], close="rst"),
    "a greeting before the banner": Wire(greeted(talks.precopy(FEW), b"Welcome to dom0!\n")),
    "a keep-alive first": Wire(talks.postcopy(OLDER), size=200, edit=late_with_a_keep_alive),
    "a capture that ends in a record": Wire(unfinished(talks.precopy(FEW), "X86_TSC_INFO", 20), close=""),
    "a connection that ends in a record": Wire(unfinished(talks.precopy(FEW), "HVM_CONTEXT", 30)),
    "a capture that ends in a fault": Wire(unfinished(talks.postcopy(OLDER), "POSTCOPY_FAULT", 20), close=""),
    "half an element": Wire(patched(talks.precopy(FEW), "HVM_PARAMS", 4, b"\x24")),
    "sent again with other octets": Wire(talks.postcopy(OLDER), size=40, edit=flipped),
    "no text": Wire(patched(talks.precopy(FEW), "xl header", 52, b"\xd3\xff")),
    "the last packet not captured": Wire(
        talks.precopy(FEW), size=40, edit=without_one_of(FORWARD, len(talks.octets_of(talks.precopy(FEW))) - 1)
    ),
}
"""What happens to streams, and to captures of them."""


@pytest.mark.parametrize("name", ODD)
def test_both_read_odd_streams_alike(name: str, shell: Any) -> None:
    wire = ODD[name]
    file = Path(shell.file(captured_of(packets(wire), wire.snap)))
    assert differences(shell, file, "--tshark", wireshark_of(RELEASES[0]).path) == []


FOLDERS = {f"{one.parent.name}/{one.name}": one for root in (OWN, ELSEWHERE) for one in root.glob("*/*.pcap*")}
"""Captures that stand alone: of the field, and hostile ones."""


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_both_read_captures_of_the_field_alike(name: str, shell: Any) -> None:
    tshark = wireshark_of(RELEASES[0])
    _, out, err = shell.run("crosscheck", "--json", "--tshark", tshark.path, str(FOLDERS[name]))
    assert_explained(name, [json.loads(line) for line in out.splitlines()])
    assert "Wireshark" not in err and "fails" not in err, "the capture alone may be damaged"


def test_both_find_a_relays_framing(shell: Any) -> None:
    (framed,) = talks.framed(talks.libxl(talks.Speaker()), 28, 4096 * 5)
    file = captured([framed._replace(octets=framed.octets[28:])], 4, shell)
    assert differences(shell, file, "--tshark", wireshark_of(RELEASES[0]).path) == []
    assert "foreign octets" in {one["name"] for one in shell.objects(str(file))}


def test_a_copy_leaves_room_on_the_disk(shell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file may stand for octets without end: this one for 1 GiB of packets of no length."""
    name = shell.file(ZstdCompressor().compress(pcap([]) + bytes(1 << 30)), "bomb.pcap.zst")
    monkeypatch.setattr(cli, "disk_usage", lambda folder: SimpleNamespace(free=5_000_000))
    complaint = shell.complaint("crosscheck", name)
    assert f"cannot copy {name} to " in complaint and "more than half of the room there, 2.5 MB" in complaint


def test_each_exemption_is_in_the_readme() -> None:
    readme = (REPOSITORY / "lua" / "README.md").read_text()
    for one in EXEMPTIONS:
        assert f"| {one.capture} | {one.differs} | {one.cause} |" in readme


def test_what_it_prints(shell: Any) -> None:
    lines = shell.lines("crosscheck", "--tshark", wireshark_of(RELEASES[0]).path, str(captures()[NONE]))
    assert len(lines) == 1
    assert lines[0].startswith("46 records, 24 faults, 0 findings of common rules: 0 differences to Wireshark ")


ALTERED = {
    "length": (r'\{ "length", shown\.length \}', '{ "length", shown.length + 1 }'),
    "record": (r'\{ "offset", ([\w.]+) \}', r'{ "offset", \1 + 1 }'),
    "run": (r'(F\["run\.count"\], \w+, [\w.]+)', r"\1 + 1"),
    "fault": (r'("fault\.in_flight"), [\w.]+', r"\1, true"),
}
"""Mistakes in the dissector, by a value that they show in."""


@pytest.mark.parametrize("what", ALTERED)
def test_a_mistake_of_the_dissector_is_seen(what: str, shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tshark = wireshark_of(RELEASES[0])
    right, wrong = ALTERED[what]
    text, count = re.subn(right, wrong, generate.dissector())
    assert count == 1
    monkeypatch.setattr(generate, "dissector", lambda: text)
    found = differences(shell, captures()[NONE], "--tshark", tshark.path)
    assert {one["what"].partition("[")[0].partition(" ")[0] for one in found} == {what}


@pytest.mark.parametrize("text", ["syntax error", "error('at the start')", 'Proto("xenmig", "x")'])
def test_a_dissector_that_fails(text: str, shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tshark = wireshark_of(RELEASES[0])
    monkeypatch.setattr(generate, "dissector", lambda: text)
    assert "complain" in shell.complaint("crosscheck", "--tshark", tshark.path, str(captures()[NONE]))


def test_a_dissector_that_fails_in_a_packet(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tshark = wireshark_of(RELEASES[0])
    text = generate.dissector() + "\nfunction xenmig.dissector() error('boom') end\n"
    monkeypatch.setattr(generate, "dissector", lambda: text)
    complaint = shell.complaint("crosscheck", "--tshark", tshark.path, str(captures()[NONE]))
    assert "fails in frame" in complaint and "boom" in complaint


def test_wrong_inputs(shell: Any, tmp_path: Path) -> None:
    tshark = wireshark_of(RELEASES[0]).path
    whole = captures()[NONE].read_bytes()
    assert "was not found" in shell.complaint("crosscheck", "--tshark", "no-such-tshark", shell.file(whole))
    assert "is no capture" in shell.complaint(
        "crosscheck", "--tshark", tshark, shell.file(b"Xen saved domain, xl format")
    )
    assert "zstd data" in shell.complaint("crosscheck", "--tshark", tshark, shell.file(whole[:-100]))
    assert "cannot open" in shell.complaint("crosscheck", "--tshark", tshark, str(tmp_path / "nothing"))


def test_a_complaint_names_the_user_s_file(shell: Any, tmp_path: Path) -> None:
    """And not the copy that was read."""
    tshark = wireshark_of(RELEASES[0]).path
    empty = shell.file(b"", "empty")
    assert shell.complaint("crosscheck", "--tshark", tshark, empty) == f"xenshark: {empty} is empty\n"
    with unpacked(captures()[NONE], tmp_path) as whole:
        cut = shell.file(whole.read_bytes()[:100_000], "cut")
    complaint = shell.complaint("crosscheck", "--tshark", tshark, cut)
    assert f'"{cut}" appears to have been cut short' in complaint


def test_nobody_else_can_read_the_copy(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds the memory of a guest. Nor can tshark replace what starts it, which root runs."""
    seen: dict[str, os.stat_result] = {}

    def look(folder: Path, capture: Path, options: list[str]) -> list[Item]:
        seen.update({"folder": folder.stat(), "capture": capture.stat(), "tshark": (folder / "tshark").stat()})
        return read(folder, capture, options)

    monkeypatch.setattr(cli, "read_with_tshark", look)
    assert differences(shell, captures()[NONE], "--tshark", wireshark_of(RELEASES[0]).path) == []
    own = os.geteuid()
    assert stat.S_IMODE(seen["folder"].st_mode) == (0o700 if own else 0o710)
    assert stat.S_IMODE(seen["capture"].st_mode) == 0o600
    assert seen["capture"].st_uid == (own or NOBODY)
    assert (seen["folder"].st_uid, seen["tshark"].st_uid) == (own, own)


SLOW = """\
#!/bin/sh
case " $* " in
*" -r "*) echo $$ > "$HOME/process"; exec sleep 1000 ;;
*) exec {tshark} "$@" ;;
esac
"""
"""A tshark that never comes to an end."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_stays_behind_when_it_is_ended(number: signal.Signals) -> None:
    """No copy of guest memory, and no tshark."""
    with TemporaryDirectory() as name:  # not pytest's, which tshark, if this is root, could not enter
        folder = Path(name)
        folder.chmod(0o755)
        slow, temporary = folder / "tshark", folder / "temporary"
        slow.write_text(SLOW.format(tshark=wireshark_of(RELEASES[0]).path))
        slow.chmod(0o755)
        temporary.mkdir(0o755)
        words = [sys.executable, "-m", "dissector", "crosscheck", "--tshark", str(slow), str(captures()[NONE])]
        with subprocess.Popen(words, env={**os.environ, "TMPDIR": str(temporary)}, cwd=REPOSITORY) as run:
            while not (noted := [one for one in temporary.glob("*/home/process") if one.read_text().endswith("\n")]):
                assert run.poll() is None
                sleep(0.01)
            tshark = int(noted[0].read_text())
            assert list(temporary.glob("*/capture"))
            run.send_signal(number)
        assert run.returncode == 128 + number
        assert list(temporary.iterdir()) == []
        for _ in range(6000):  # whoever inherits it may be slow to take note of its end
            try:
                os.kill(tshark, 0)
            except ProcessLookupError:
                return
            sleep(0.01)
        pytest.fail("tshark still runs")


def item(offset: int, frame: int = 1, **values: Any) -> Item:
    return Item("a -> b", offset, "END", frame, values)


def test_text_that_is_none_keeps_nothing_from_being_compared(shell: Any) -> None:
    """Octets that are no UTF-8, in what other dissectors print of packets that somebody made up."""
    assert differences(shell, OWN / "hostile/injection.pcap", "--tshark", wireshark_of(RELEASES[0]).path) == []


def test_items_are_compared_one_by_one() -> None:
    assert list(compare([item(0, length=8)], [item(0, length=8)])) == []
    assert list(compare([item(0, length=8)], [item(0, length=9)])) == [
        DifferenceResult("a -> b", 0, "END", 1, "length", 8, 9)
    ]
    assert [one.what for one in compare([item(0), item(8)], [item(8), item(16)])] == ["record", "record"]
    assert list(compare([item(0, run=[])], [item(0)])) == [], "an empty list is shown nowhere"
    (one,) = compare([item(0, run=[1, 2, 3])], [item(0, run=[1, 3])])
    assert (one.what, one.engine, one.wireshark) == ("run[1]", 2, 3)
    (one,) = compare([item(0, complete=False)], [item(0)])
    assert (one.engine, one.wireshark) == (False, None)


def test_ports_that_are_used_again() -> None:
    """Then one offset has several items, which belong together in the order of time."""
    assert (
        list(compare([item(0, 9, length=2), item(0, 5, length=1)], [item(0, 5, length=1), item(0, 9, length=2)])) == []
    )
    (one,) = compare([item(0, 5), item(0, 9)], [item(0, 5)])
    assert (one.what, one.frame, one.wireshark) == ("record", 9, None)
