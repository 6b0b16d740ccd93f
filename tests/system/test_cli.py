"""The command: what `xenshark read` prints in each form, what its filters keep, how every command ends."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import struct
import subprocess
import sys
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest import OWN, REPOSITORY, captures_in
from seen import LINK_HEADERS, packets_in, unpacked
from streams import entry, filling, libxc_stream, libxl_stream, pages, record, xl_stream

import dissector
from dissector import __version__
from dissector.cli import COMMANDS, input
from dissector.errors import UserError
from dissector.protocol import MESSAGES, build, layout
from dissector.protocol.xl import xl_header
from dissector.tcp.core import COMPILED
from dissector.views.records import BELOW

if TYPE_CHECKING:
    from shell import Shell

pytest_plugins = ("shell",)

SAMPLE = captures_in(OWN)["violations/none/none.pcap"]
COMMAND = [sys.executable, "-m", "dissector"]
KEYS = {
    *("migration", "direction", "layer", "name", "type", "offset", "length", "body_length", "complete"),
    *("first_frame", "last_frame", "first_time", "last_time", "number", "fields", "octets", "file"),
}
START = 1_700_000_000  # seconds since the epoch, of a built capture's first packet
SYN, ACK = 0x02, 0x10

Turn = tuple[str, bytes]


def packet(direction: str, seq: int, flags: int, payload: bytes) -> bytes:
    """Ethernet, IPv4 and TCP, without checksums."""
    ports, hosts = (40000, 4444), (b"\x0a\0\0\1", b"\x0a\0\0\2")
    if direction == "reverse":
        ports, hosts = ports[::-1], hosts[::-1]
    tcp = struct.pack(">HHIIBBHHH", *ports, seq, 0, 0x50, flags, 65535, 0, 0) + payload
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0, *hosts)
    return bytes(12) + b"\x08\0" + ip + tcp


def capture(*turns: Turn, link: int = 1) -> bytes:
    """A pcap file of one connection: what each side says in turn, a packet every 1.5 ms."""
    position = {"forward": 1, "reverse": 1}
    packets = [packet("forward", 0, SYN, b""), packet("reverse", 0, SYN | ACK, b"")]
    for direction, octets in turns:
        for at in range(0, len(octets), 1400):
            packets.append(packet(direction, position[direction], ACK, octets[at : at + 1400]))
            position[direction] += len(octets[at : at + 1400])
    file = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)
    for number, one in enumerate(packets):
        file += struct.pack("<IIII", START, 1500 * number, len(one), len(one)) + one
    return file


LISTED = [entry(pfn) for pfn in range(3)] + [entry(3, "XTAB"), entry(8, "L1TAB")]
RECORDS = [
    record("X86_CPUID_POLICY", {"cpuid_policy": []}),
    record("STATIC_DATA_END"),
    record("PAGE_DATA", pages(LISTED, filling(LISTED))),
    record("X86_TSC_INFO", {"mode": "DEFAULT", "khz": 2596146, "nsec": 10**12, "incarnation": 0}),
    record("HVM_PARAMS", {"param": [{"index": index, "value": 0xFEFFC} for index in range(20)]}),
    record("END"),
]
CONFIG = '{\n "c_info": {"name": "web1"}\n}\n\0'
STREAM = xl_stream(libxl_stream(libxc_stream(RECORDS)), CONFIG)
FAULTED = [entry(pfn) for pfn in (0x1C1, 0x7C, 0x6)]
TURNS: list[Turn] = [
    ("reverse", MESSAGES["banner"].octets),
    ("forward", STREAM),
    ("reverse", MESSAGES["ready"].octets),
    ("forward", MESSAGES["go"].octets),
    ("reverse", MESSAGES["report"].octets + b"\0"),
]
PACKETS = sum(-(-len(octets) // 1400) for _, octets in TURNS)
NAMES = [
    *("banner", "xl header", "libxl header", "LIBXC_CONTEXT", "image header", "domain header"),
    *("X86_CPUID_POLICY", "STATIC_DATA_END", "PAGE_DATA", "X86_TSC_INFO", "HVM_PARAMS", "END", "END"),
    *("ready", "go", "report"),
]


@pytest.fixture
def migration(shell: Shell) -> str:
    """A capture of a whole small migration."""
    return shell.file(capture(*TURNS), "migration.pcap")


def names(lines: list[str]) -> list[str]:
    """The name column, of names that fit it."""
    return [line[41:61].strip() for line in lines]


# What is printed


def test_one_line_a_record(shell: Shell, migration: str) -> None:
    """Number, time, direction, layer, length, name, and what matters."""
    lines = shell.lines("read", migration)
    assert [line.split()[0] for line in lines] == [str(number + 1) for number in range(len(NAMES))]
    words = [" ".join(line.split()[1:]) for line in lines]
    assert words[0] == ('0.003000 <- xl 54 banner "xl migration receiver ready, send binary domain data."')
    size = 48 + 4 + len(CONFIG)
    assert words[1] == (f"0.004500 -> xl {size} xl header mandatory 0x3, config {len(CONFIG)} octets, guest 'web1'")
    assert [word.split(" ", 1)[1] for word in words[2:]] == [
        "-> libxl 16 libxl header version 2, little-endian",
        "-> libxl 8 LIBXC_CONTEXT",
        "-> libxc 24 image header version 3, little-endian",
        "-> libxc 16 domain header x86 HVM from Xen 4.17",
        "-> libxc 8 X86_CPUID_POLICY",
        "-> libxc 8 STATIC_DATA_END",
        "-> libxc 16440 PAGE_DATA 5 pfns 0x0-0x8, 4 pages (1 L1TAB, 1 XTAB)",
        "-> libxc 32 X86_TSC_INFO mode DEFAULT, 2596146 kHz",
        "-> libxc 336 HVM_PARAMS 20 params",
        "-> libxc 8 END",
        "-> libxl 8 END",
        '<- xl 34 ready "domain received, ready to unpause"',
        '-> xl 44 go "domain is yours, you are cleared to unpause"',
        '<- xl 40 report "my copy unpause results are as follows", status 0',
    ]


SAVED = {"typecode": "END", "instance": 0}


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("X86_PV_INFO", {"guest_width": 8, "pt_levels": 4}, "64-bit guest, 4 levels"),
        ("X86_PV_P2M_FRAMES", {"start_pfn": 0, "end_pfn": 0x27FF, "p2m_pfn": [1]}, "pfns 0x0-0x27ff"),
        ("X86_PV_VCPU_BASIC", {"vcpu_id": 1, "context": bytes(5168)}, "vcpu 1, 5168 octets"),
        ("X86_PV_VCPU_MSRS", {"vcpu_id": 0, "context": bytes(16)}, "vcpu 0, 16 octets"),
        ("X86_MSR_POLICY", {"msr_policy": [{"idx": 0xCE, "val": 0}]}, "1 register"),
        ("HVM_CONTEXT", {"hvm_ctx": [SAVED | {"typecode": "CPU"}, SAVED]}, "2 save records, 1 vcpu"),
        ("VERIFY", {}, ""),
    ],
)
def test_what_matters_of_a_record(shell: Shell, name: str, body: dict[str, Any], words: str) -> None:
    """The last column, for records that the small migration has not."""
    stream = libxc_stream([record("STATIC_DATA_END"), record(name, body), record("END")])
    (line,) = shell.lines("read", "--type", name, shell.file(stream))
    assert line[61:].strip() == words
    shell.lines("read", "-V", "--type", name, shell.file(stream))


def test_a_fault_names_its_pfns(shell: Shell) -> None:
    """In the order in which they were asked for; JSON gives them no type."""
    forward = libxc_stream(
        [
            record("POSTCOPY_BEGIN"),
            record("POSTCOPY_PFNS_BEGIN"),
            record("POSTCOPY_PFNS", pages(FAULTED)),
            record("POSTCOPY_TRANSITION"),
        ],
        version=2,
    )
    fault = record("POSTCOPY_FAULT", pages(FAULTED))
    path = shell.file(capture(("reverse", MESSAGES["banner"].octets), ("forward", forward), ("reverse", fault)))
    (line,) = shell.lines("read", "--type", "postcopy_fault", path)
    assert line.endswith("POSTCOPY_FAULT       3 pfns 0x1c1 0x7c 0x6; no answer seen")
    (one,) = shell.objects("--direction", "reverse", "--type", "POSTCOPY_FAULT", path)
    assert one["fields"]["pages"] == [[0x1C1, 1, None], [0x7C, 1, None], [0x6, 1, None]]
    (one,) = shell.objects("--type", "POSTCOPY_PFNS", path)
    assert one["fields"]["pages"][0] == [0x1C1, 1, "NOTAB"]


def test_json(shell: Shell, migration: str) -> None:
    """Every key on every line, and the fields by their specification's names."""
    objects = shell.objects(migration)
    assert [one["name"] for one in objects] == NAMES
    assert all(one.keys() == KEYS and one["complete"] is True and one["migration"] == 0 for one in objects)
    by_name = {one["name"]: one for one in objects}
    assert by_name["banner"]["fields"] == {"text": "xl migration receiver ready, send binary domain data.\n"}
    assert by_name["report"]["fields"] == {"text": "my copy unpause results are as follows", "status": 0}
    header = by_name["xl header"]
    assert (header["offset"], header["type"], header["layer"]) == (0, None, "xl")
    assert json.loads(header["fields"]["config"]) == {"c_info": {"name": "web1"}}
    assert header["fields"]["config_length"] == len(CONFIG)
    assert header["first_time"] == header["last_time"] == START + 0.0045
    assert by_name["X86_TSC_INFO"]["fields"]["khz"] == 2596146
    assert by_name["domain header"]["fields"]["type"] == "x86 HVM"
    data = by_name["PAGE_DATA"]
    assert data["fields"] == {
        "count": 5,
        "reserved": 0,
        "pages": [[0, 3, "NOTAB"], [3, 1, "XTAB"], [8, 1, "L1TAB"]],
    }
    assert (data["type"], data["length"], data["body_length"]) == (1, 16440, 16432)
    assert data["first_frame"] == 4 < data["last_frame"]


def test_a_saved_stream_has_no_times(shell: Shell) -> None:
    """A file that is no capture: no frames, no times, everything else."""
    path = shell.file(STREAM)
    objects = shell.objects(path)
    assert [one["name"] for one in objects] == NAMES[1:13]
    assert {one[f"{end}_{what}"] for one in objects for end in ("first", "last") for what in ("frame", "time")} == {
        None
    }
    assert {line.split()[1] for line in shell.lines("read", path)} == {"-"}
    assert "no capture" in shell.complaint("read", "--from", "1", path)


def test_octets_nobody_specified(shell: Shell) -> None:
    """Unknown records keep their octets, and their name can be asked for."""
    stream = libxc_stream([record(0x8000_0042, b"\1\2\3"), record("END")])
    (one,) = shell.objects("--type", "UNKNOWN_0x80000042", shell.file(stream))
    assert (one["type"], one["fields"]) == (0x8000_0042, {"data": "010203"})


def test_the_length_of_a_long_blob(shell: Shell) -> None:
    """More octets than are kept are counted all the same."""
    size = (1 << 20) + 4096
    context = record("EMULATOR_CONTEXT", {"emulator_id": 2, "index": 0, "emulator_ctx": bytes(size)}, "libxl")
    path = shell.file(libxl_stream(libxc_stream([record("END")]), [context, record("END", layer="libxl")]))
    (one,) = shell.objects("--type", "EMULATOR_CONTEXT", path)
    assert one["fields"]["emulator_ctx"] == {"octets": size}
    assert one["complete"]
    lines = shell.lines("read", "-V", "--type", "EMULATOR_CONTEXT", path)
    assert lines[0].endswith(f"qemu-upstream 0, {size} octets")
    assert f"{BELOW}emulator_ctx: {size} octets" in lines


def test_fields_below_each_line(shell: Shell, migration: str) -> None:
    """-V: the same lines, each followed by indented ones."""
    lines = shell.lines("read", "-V", migration)
    assert [line for line in lines if not line.startswith(BELOW)] == shell.lines("read", migration)
    at = next(number for number, line in enumerate(lines) if "X86_TSC_INFO" in line)
    assert lines[at + 1].startswith(BELOW + "10.0.0.1:40000 -> 10.0.0.2:4444, octets ")
    assert lines[at + 2 : at + 7] == [
        BELOW + "mode: DEFAULT",
        BELOW + "khz: 2596146 (0x279d32)",
        BELOW + "nsec: 1000000000000 (0xe8d4a51000)",
        BELOW + "incarnation: 0",
        BELOW + "reserved: 0",
    ]
    at = next(number for number, line in enumerate(lines) if " PAGE_DATA" in line)
    assert lines[at + 2 : at + 8] == [
        BELOW + "count: 5",
        BELOW + "reserved: 0",
        BELOW + "pages, in runs: 3",
        BELOW + "    0x0 .. 0x2 (3): NOTAB",
        BELOW + "    0x3: XTAB",
        BELOW + "    0x8: L1TAB",
    ]


def test_long_lists_are_cut_unless_asked_for(shell: Shell, migration: str) -> None:
    """Sixteen elements, then how many more; --full shows all."""
    short = shell.lines("read", "-V", "--type", "HVM_PARAMS", migration)
    full = shell.lines("read", "-V", "--full", "--type", "HVM_PARAMS", migration)
    assert short[-1] == BELOW + "    ... 4 more"
    assert full[-1] == BELOW + "    index ACPI_IOPORTS_LOCATION, value 1044476 (0xfeffc)"
    assert len(full) - len(short) == 3


def test_text_of_a_guest_cannot_steer_the_terminal(shell: Shell) -> None:
    """Control characters of a capture are escaped."""
    config = json.dumps({"c_info": {"name": "a\x1b[31mb\n"}}) + "\nraw \x1b[2J\n\0"
    path = shell.file(xl_stream(libxl_stream(libxc_stream(RECORDS)), config))
    named = shell.file(xl_stream(libxl_stream(libxc_stream(RECORDS)), config.split("\n")[0] + "\0"))
    assert "guest 'a\\x1b[31mb\\n'" in shell.lines("read", named)[0]
    for form in ((), ("-V",), ("--json",)):
        assert "\x1b" not in "".join(shell.lines("read", *form, path))


def test_several_migrations_are_told_apart(shell: Shell) -> None:
    """From the second migration on a line says whose it is."""
    sample = captures_in(OWN)["postcopy/d_concurrent/veth_rx.pcap"]
    numbers = {one["migration"] for one in shell.objects(str(sample))}
    assert numbers == {0, 1}
    arrows = {line[20:24].strip() for line in shell.lines("read", str(sample))}
    assert arrows >= {"0 ->", "1 ->"}


# What is kept


def test_filters(shell: Shell, migration: str) -> None:
    """By direction, by name with or without layer and in any case, by migration; numbers stay."""
    assert names(shell.lines("read", "--direction", "reverse", migration)) == ["banner", "ready", "report"]
    wanted = ("--type", "page_data", "--type", "LIBXL.end", "--type", "image header")
    lines = shell.lines("read", *wanted, migration)
    assert names(lines) == ["image header", "PAGE_DATA", "END"]
    assert [int(line.split()[0]) for line in lines] == [5, 9, 13]
    assert len(shell.lines("read", "--migration", "0", migration)) == len(NAMES)
    assert shell.complaint("read", "--migration", "1", migration).endswith("it holds 1, numbered from 0\n")


def test_unknown_names_are_refused(shell: Shell, migration: str) -> None:
    """With names that are near, if any."""
    said = shell.complaint("read", "--type", "PAGE_DATE", migration)
    assert "no record is called PAGE_DATE; did you mean PAGE_DATA" in said
    assert "did you mean" not in shell.complaint("read", "--type", "qqqqqqqq", migration)


def test_time_forms(shell: Shell, migration: str) -> None:
    """Relative, absolute, since the epoch, since the line before."""
    first = {
        form: [line[7:].split()[0] for line in shell.lines("read", "--time", form, migration)]
        for form in ("relative", "absolute", "epoch", "delta")
    }
    assert first["relative"][:2] == ["0.003000", "0.004500"]
    assert first["absolute"][:2] == ["2023-11-14T22:13:20.003000Z", "2023-11-14T22:13:20.004500Z"]
    assert first["epoch"][:2] == [f"{START}.003000", f"{START}.004500"]
    assert first["delta"][:2] == ["0.000000", "0.001500"]


def test_no_time_is_before_the_line_before(shell: Shell) -> None:
    """In a capture with reordering, where lines of a direction stand in its stream's order."""
    path = str(captures_in(OWN)["postcopy/c_netem/veth_rx.pcap"])
    times = [Decimal(line[7:].split()[0]) for line in shell.lines("read", path)]
    assert times != sorted(times)
    apart = [max(Decimal(0), now - before) for before, now in zip([times[0], *times], times, strict=False)]
    assert [Decimal(line[7:].split()[0]) for line in shell.lines("read", "-t", "delta", path)] == apart


@pytest.mark.parametrize("form", ["relative", "absolute"])
def test_time_bounds_are_the_times_shown(shell: Shell, migration: str, form: str) -> None:
    """A time copied from a line keeps that line, as lower bound and as upper."""
    lines = shell.lines("read", "--time", form, migration)
    times = [line[7:].split()[0] for line in lines]
    middle = times[8]
    later = shell.lines("read", "--time", form, "--from", middle, migration)
    earlier = shell.lines("read", "--time", form, "--to", middle, migration)
    assert later == [line for line, time in zip(lines, times, strict=True) if time >= middle]
    assert earlier == [line for line, time in zip(lines, times, strict=True) if time <= middle]


def test_time_bounds_know_time_zones(shell: Shell, migration: str) -> None:
    """A date without a zone is UTC; with one it is what it says."""
    for bound in ("2023-11-14T22:13:20.004", "2023-11-14T23:13:20.004+01:00", "2023-11-14 22:13:20.004Z"):
        assert names(shell.lines("read", "--to", bound, migration)) == ["banner"]
    assert names(shell.lines("read", "--to", ".004", migration)) == ["banner"]
    assert len(shell.lines("read", "--from", "-1", migration)) == len(NAMES)
    assert "is no time" in shell.complaint("read", "--from", "yesterday", migration)


# How it ends


def test_a_truncated_capture_is_read_as_far_as_it_goes(shell: Shell, migration: str) -> None:
    """All lines, then one that says where the file ends, and status 2."""
    path = shell.file(Path(migration).read_bytes()[:-10])
    status, out, err = shell.run("read", path)
    assert (status, err) == (2, f"xenshark: {path}: the file ends in the middle of packet {2 + PACKETS}\n")
    assert names(out.splitlines()) == NAMES[:-1]


def test_a_record_cut_by_a_gap_or_an_end_says_so(shell: Shell) -> None:
    """The mark in the line, and `complete` in JSON."""
    path = shell.file(STREAM[: STREAM.index(b"\1\0\0\0\x30\x40") + 3000])
    last = shell.lines("read", path)[-1]
    assert last.endswith("[incomplete]") and "PAGE_DATA" in last
    assert [one["complete"] for one in shell.objects(path)][-2:] == [True, False]


def test_the_way_found_again_says_so(shell: Shell) -> None:
    """The mark of a record that followed octets nobody could follow."""
    sample = captures_in(OWN)["xen/pv-live-mtu1500-drops/pv-live-mtu1500-drops.pcap"]
    assert any("[resynchronised after " in line for line in shell.lines("read", str(sample)))


def test_what_is_no_capture_is_refused(shell: Shell, tmp_path: Path) -> None:
    """One line that names the file."""
    missing = str(tmp_path / "nowhere.pcap")
    assert missing in shell.complaint("read", missing)
    assert str(tmp_path) in shell.complaint("read", str(tmp_path))
    assert "is empty" in shell.complaint("read", shell.file(b""))
    text = shell.file(b"Dear reader,\n" * 100)
    assert shell.complaint("read", text) == (
        f"xenshark: {text} is neither a capture (pcap, pcapng) nor a migration stream\n"
    )


@pytest.mark.parametrize("before", [1, 100_000])
def test_a_receivers_text_in_mid_file_is_no_migration(before: int, shell: Shell) -> None:
    """A disk image, an archive or xl's program holds it, too; at the beginning it is what a receiver said."""
    banner = MESSAGES["banner"].octets
    other = shell.file(bytes(before) + banner + b"\xa5" * 5000)
    assert "nor a migration stream" in shell.complaint("read", other)
    assert len(shell.lines("read", shell.file(banner + MESSAGES["ready"].octets))) == 2
    assert len(shell.lines("read", shell.file(bytes(before) + banner + STREAM))) == len(NAMES) - 4


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(shell: Shell) -> None:
    path = shell.file(STREAM)
    Path(path).chmod(0)
    assert "Permission denied" in shell.complaint("read", path)


def test_a_capture_without_a_migration(shell: Shell) -> None:
    """What was looked for, and in how much."""
    said = shell.complaint("read", shell.file(capture(("forward", b"GET / HTTP/1.1\r\n\r\n"))))
    assert "no migration found" in said and "xl, libxl, libxc and xenopsd" in said
    assert said.endswith("(packets: 3, TCP connections: 1)\n")


@pytest.mark.parametrize(
    ("cipher", "hello"),
    [
        ("SSH", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64))),
    ],
)
def test_an_encrypted_connection(shell: Shell, cipher: str, hello: bytes) -> None:
    """Which cipher, and what to do instead."""
    said = shell.complaint("read", shell.file(capture(("forward", hello), ("reverse", hello))))
    assert f"the connection is encrypted ({cipher})" in said and "plain transport" in said
    assert said.index("xenshark tap") < said.index("plain transport") and "looks like" not in said


def test_the_line_for_xl_names_a_program_that_a_shell_finds(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    hello = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"
    path = shell.file(capture(("forward", hello), ("reverse", hello)))
    monkeypatch.setattr(sys, "argv", [".venv/bin/xenshark", "read", path])
    monkeypatch.setenv("PATH", "/nowhere")
    assert f"xl migrate -s '{Path('.venv/bin/xenshark').absolute()} tap -w FILE -- ssh'" in shell.complaint(
        "read", path
    )
    monkeypatch.setattr(sys, "argv", ["-c"])
    assert "xl migrate -s 'xenshark tap -w FILE -- ssh'" in shell.complaint("read", path)


HELLO, MEMORY = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", random.Random(14).randbytes(1_400_000)


def test_an_encrypted_connection_that_looks_like_a_migration(shell: Shell) -> None:
    """2.8 MB one way, 3 kB back: what TCP shows of it is said. As much in both directions is none."""
    turns = (("forward", HELLO), ("reverse", HELLO), ("forward", MEMORY), ("reverse", bytes(3000)), ("forward", MEMORY))
    said = shell.complaint("analyze", shell.file(capture(*turns)))
    (took,) = re.findall(r"in (\d\.\d+) s \(", said)
    assert float(took) == pytest.approx(0.0015 * (2 * 1000 + 4), abs=0.01)
    assert "(SSH) looks like a migration: 2.8 MB in" in said
    assert "3.0 kB back, 0 octets retransmitted, no stall" in said
    again = shell.complaint("analyze", shell.file(capture(*turns, ("reverse", MEMORY), ("forward", MEMORY[:100]))))
    assert "looks like a migration" not in again


def test_a_stall_and_retransmissions_of_an_encrypted_connection(shell: Shell) -> None:
    """The last ten packets come a second late, and once more."""
    octets = capture(("forward", HELLO), ("forward", MEMORY))
    length = 16 + len(packet("forward", 0, 0, bytes(1400)))
    first = len(octets) - 10 * length
    late = b"".join(
        struct.pack("<I", START + 1) + octets[at + 4 : at + length] for at in range(first, len(octets), length)
    )
    said = shell.complaint("analyze", shell.file(octets[:first] + 2 * late))
    assert "14.0 kB retransmitted, stall of 1.00" in said


@pytest.mark.parametrize("name", ["postcopy/c_netem/veth_rx.pcap", "xen/hvm-live-lo/hvm-live-lo.pcap"])
def test_what_limited_an_encrypted_connection(name: str, shell: Shell) -> None:
    """The same as limited the migration whose octets nobody can read any more; but what it waited for is not known."""
    plain = unpacked(captures_in(OWN)[name])
    octets, begun = bytearray(plain[:24]), dict[bytes, bytes]()
    for header, packet in packets_in(plain):
        frame = bytearray(packet)
        ip = LINK_HEADERS[1]
        tcp = ip + 4 * (frame[ip] & 15)
        payload, end = tcp + 4 * (frame[tcp + 12] >> 4), ip + int.from_bytes(frame[ip + 2 : ip + 4])
        if frame[ip + 9] == 6 and payload < end <= len(frame):
            frame[payload:end] = frame[payload:end].translate(bytes(one ^ 0x5A for one in range(256)))
            number = bytes(frame[tcp + 4 : tcp + 8])
            if begun.setdefault(bytes(frame[tcp : tcp + 4]), number) == number:
                frame[payload : payload + len(HELLO)] = HELLO[: end - payload]
        octets += header + frame
    (migration,) = dissector.open(captures_in(OWN)[name]).analyze().migrations
    capture = dissector.open(shell.file(bytes(octets)))
    with pytest.raises(UserError, match=r"looks like a migration: .*, limited by ") as said:
        capture.analyze()
    (encrypted,) = capture.source.encrypted
    one, other = encrypted.limits, migration.limits
    assert other is not None and one.sentence in str(said.value) and one.side == other.side
    assert one.evidence is not None and other.evidence is not None
    assert one.evidence.rtt == other.evidence.rtt
    assert one.evidence.retransmissions == other.evidence.retransmissions
    assert one.waiting == 0 and one.source_idle == pytest.approx(other.source_idle + other.waiting, abs=0.1)
    for cause in ("congestion", "receive_window", "destination_slow", "unclear"):
        assert getattr(one, cause) == pytest.approx(getattr(other, cause), abs=0.1), cause


def test_a_migration_beside_an_encrypted_one(shell: Shell) -> None:
    """Both are in the results."""
    plain, other = (packet("forward", 0, 0, b"")[34:38], b"\x20\0\x11\x5c")
    encrypted = capture(("forward", HELLO), ("forward", MEMORY))[24:].replace(plain, other)
    encrypted = encrypted.replace(plain[2:] + plain[:2], other[2:] + other[:2])
    path = shell.file(capture(*TURNS) + encrypted)
    (one,) = json.loads("\n".join(shell.lines("analyze", "--json", path)))["source"]["encrypted"]
    assert (one["cipher"], one["bytes"], one["retransmitted"]) == ("SSH", len(HELLO) + len(MEMORY), 0)
    said = "\n".join(shell.lines("analyze", path))
    words = re.search(r"encrypted: (.* \(SSH\) looks like a migration: 1.4 MB in .*)", said)
    assert words is not None
    # Where there is nothing else, the same words stand in the message.
    assert words[1] in shell.complaint("analyze", shell.file(capture()[:24] + encrypted, "alone"))


def test_a_link_type_nobody_can_read(shell: Shell) -> None:
    """Its number, and where to look it up."""
    assert "packets of link type 105 cannot be read" in shell.complaint("read", shell.file(capture(*TURNS, link=105)))


def test_a_stream_of_old_xen(shell: Shell) -> None:
    """The header is shown; the converter is named."""
    header = build(layout(xl_header, "little"), {"mandatory_flags": {"json": 0}, "optional_data_len": 0})
    status, out, err = shell.run("read", shell.file(header + b"\x00\x28\0\0\0\0\0\0" * 100))
    assert status == 2
    assert "convert-legacy-stream" in err
    (line,) = out.splitlines()
    assert line.endswith("a stream of Xen 4.5 or older, not dissected")


@pytest.mark.parametrize(
    "words",
    ["", "rea x", "read", "read --colour x", "read --time local x", "read -V --json x"],
)
def test_wrong_usage_is_one_line(shell: Shell, words: str) -> None:
    """What is wrong, and where help is."""
    assert "--help" in shell.complaint(*words.split())


def test_help_and_version(shell: Shell) -> None:
    """Every command is listed, with examples."""
    core = "compiled" if COMPILED else "pure Python"
    assert shell.lines("--version")[0] == f"xenshark {__version__} (TCP core: {core})"
    text = "\n".join(shell.lines("--help"))
    assert "examples:" in text
    assert set(COMMANDS) <= {line.split()[0] for line in text.splitlines() if line.startswith("    ")}
    assert all("usage:" in shell.lines(name, "--help")[0] for name in COMMANDS)


def test_a_progress_bar_leaves_the_output_alone(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal and after a while it shows, on standard error only."""
    plain = shell.lines("read", str(SAMPLE))
    monkeypatch.setattr(input, "PATIENCE", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    status, out, err = shell.run("read", str(SAMPLE))
    assert status == 0 and SAMPLE.name in err and "\x1b" not in out
    assert out.splitlines() == plain


# As a process


def process(*words: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *words], cwd=REPOSITORY, timeout=60, check=False, **options)


@pytest.mark.parametrize("form", [(), ("-V", "--full"), ("--json",)], ids=str)
def test_a_reader_that_stops_early_is_no_error(form: tuple[str, ...]) -> None:
    """`xenshark read FILE | head -1`."""
    one = subprocess.Popen(
        [*COMMAND, "read", *form, str(SAMPLE)], cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert one.stdout is not None and one.stderr is not None
    assert one.stdout.readline()
    one.stdout.close()
    assert (one.wait(timeout=60), one.stderr.read()) == (0, b"")
    one.stderr.close()


def test_a_live_pipe_is_shown_while_it_goes_on() -> None:
    """Lines come before standard input ends; an interrupt then ends the command without a word."""
    one = subprocess.Popen(
        [*COMMAND, "read", "-"],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert one.stdin is not None and one.stdout is not None and one.stderr is not None
    one.stdin.write(capture(*TURNS))
    one.stdin.flush()
    lines = [one.stdout.readline() for _ in NAMES[:2]]
    assert b"banner" in lines[0] and b"xl header" in lines[1]
    one.send_signal(signal.SIGINT)
    assert one.wait(timeout=60) == 130
    assert one.stderr.read() == b""
    for pipe in (one.stdin, one.stdout, one.stderr):
        pipe.close()


def test_standard_input(migration: str, shell: Shell) -> None:
    """ "-" reads the same."""
    done = process("read", "-", input=Path(migration).read_bytes(), capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == shell.lines("read", migration)
    wrong = next(OWN.glob("violations/unk_pfn/*.pcap*")).read_bytes()
    for command, said in (("analyze", b"standard input: pcap, "), ("check", b"  --> standard input: record ")):
        assert said in process(command, "-", input=wrong, capture_output=True).stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_said(migration: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = process("read", migration, stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (2, b"xenshark: cannot write: No space left on device\n")


def test_a_closed_output_is_said(migration: str) -> None:
    """Started by something that closed its standard output, or error as well."""
    for closed, said in ((">&-", b"xenshark: cannot write: Bad file descriptor\n"), (">&- 2>&-", b"")):
        words = ["sh", "-c", f'exec "$@" {closed}', "sh", *COMMAND, "read", migration]
        done = subprocess.run(words, cwd=REPOSITORY, check=False, stderr=subprocess.PIPE)
        assert (done.returncode, done.stderr) == (2, said)


def test_a_terminal_of_few_characters(shell: Shell) -> None:
    """A name that the character set lacks is escaped."""
    path = shell.file(xl_stream(libxl_stream(libxc_stream(RECORDS)), '{"c_info": {"name": "bj\u00f6rk"}}\0'))
    done = process(
        "read", path, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"guest 'bj\\xf6rk'" in done.stdout


SLOW_TO_IMPORT = {"asyncio", "email", "matplotlib", "pyarrow", "pyshark", "rich", "scapy", "textual", "zstandard"}
DEEP = {f"dissector.protocol.{name}" for name in ("cpuid", "hvm", "qemu")}
"""What only a body in depth needs."""


@pytest.mark.parametrize(
    ("words", "others"),
    [
        (["read"], {"dissector.cli.analyze", "dissector.rules"}),
        (["analyze"], {"dissector.cli.read", "dissector.results.analysis", *DEEP}),
        (["analyze", "--json"], {"dissector.cli.read", "dissector.views.analysis", *DEEP}),
    ],
    ids=["read", "analyze", "analyze --json"],
)
def test_a_command_imports_only_what_it_needs(words: list[str], others: set[str], migration: str) -> None:
    """Start-up is most of the time that a small file takes."""
    code = (
        "import sys; from dissector.cli import main; main(sys.argv[1:]); print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words, migration], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    loaded = set(done.stderr.split())
    assert f"dissector.cli.{words[0]}" in loaded
    assert not loaded & (SLOW_TO_IMPORT | others)


def test_genuine_captures_in_every_form(shell: Shell) -> None:
    """The forms agree on what there is, and time does not run backwards in what was captured in order."""
    for name in ("xen/pv-fail-receiver-create/pv-fail-receiver-create.pcap", "violations/none/none.pcap"):
        path = str(captures_in(OWN)[name])
        objects, lines = shell.objects(path), shell.lines("read", path)
        assert [one["name"][:20] for one in objects] == names(lines)
        verbose = shell.lines("read", "-V", path)
        assert [line for line in verbose if not line.startswith(BELOW)] == lines
        assert len(verbose) < 60 * len(lines)
        times = [float(line[7:].split()[0]) for line in lines]
        assert all(before <= after for before, after in pairwise(times))


def test_the_version_needs_no_command() -> None:
    """It is asked for before a bug is reported, and by scripts."""
    code = "import sys; from dissector.cli import main; main(['--version']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("xenshark ")
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not {"dissector.cli.analyze", "dissector.events", "construct", "traceback"} & loaded
