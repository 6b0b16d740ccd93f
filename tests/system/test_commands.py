"""The commands analyze, check, faults and rules, and the links that read shows, as a user meets them."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import Counter
from itertools import pairwise
from math import inf
from pathlib import Path
from struct import unpack_from
from typing import TYPE_CHECKING, Any

import pytest
import talks
from conftest import OWN, captures_in
from conversation import (
    ACK,
    FIN,
    SYN,
    Packet,
    Packets,
    Wire,
    behind,
    index_of,
    packets,
    pcap,
)
from seen import Coverage, Segment, tcp, unpacked
from talks import Speaker, Talk, octets_of, text

import dissector
from dissector.events import FORWARD, REVERSE, Record
from dissector.facts import Link, Linker, Links, links
from dissector.protocol import RECORDS, build, layout
from dissector.protocol.states import State
from dissector.protocol.xl import xl_header
from dissector.rules import RULES, checker, log
from dissector.rules.log import CONVERSION, rules_for
from dissector.views.faults import histogram

if TYPE_CHECKING:
    from shell import Shell

pytest_plugins = ("shell",)

V2 = Speaker(2)
CLEAN = "violations/none/none.pcap"
IMPAIRED = "postcopy/c_netem/veth_rx.pcap"
TWO = "postcopy/d_concurrent/veth_rx.pcap"
UNKNOWN_PFN = "violations/unk_pfn/unk_pfn.pcap"
EARLY = "violations/complete_early/complete_early.pcap"
SAVED = "xen/pv-save/pv-save.img"


def sample(name: str) -> str:
    """The path of a genuine capture."""
    return str(captures_in(OWN)[name])


def captured(shell: Shell, talk: Talk, name: str = "talk.pcap", **how: Any) -> str:
    """The path of a capture of a talk, carried as Wire says."""
    return shell.file(pcap(packets(Wire(talk, **how))), name)


def analyzed(shell: Shell, path: str) -> dict[str, Any]:
    """What `analyze --json` prints."""
    return dict(json.loads("\n".join(shell.lines("analyze", "--json", path))))


def migration(shell: Shell, path: str) -> dict[str, Any]:
    """The only migration of that."""
    (one,) = analyzed(shell, path)["migrations"]
    return dict(one)


def rows(shell: Shell, path: str) -> list[tuple[str, str]]:
    """What `analyze` prints of the only migration: label and text, wrapped lines joined."""
    _, blank, _, *lines = shell.lines("analyze", path)
    assert blank == ""
    found: list[tuple[str, str]] = []
    for line in lines:
        assert len(line) <= 110 and line == line.rstrip()
        label, said = line[2:16].strip(), line[17:]
        if label or said.startswith("..."):
            found.append((label, said))
        else:
            found[-1] = (found[-1][0], f"{found[-1][1]} {said}")
    return found


def numbers(said: str) -> list[int]:
    """Every whole number in a text, thousands apart or not."""
    return [int(one.replace(",", "")) for one in re.findall(r"(?<![\w.])\d[\d,]*(?![\w.])", said)]


def milliseconds(said: str) -> list[float]:
    """Every duration in a text."""
    return [float(one) for one in re.findall(r"(\d+\.\d+) ms", said)]


def percentiles(latency: dict[str, float]) -> Any:
    """Those of the JSON object in milliseconds, as near as three digits get to them."""
    return pytest.approx([1000 * latency[key] for key in ("min", "median", "p95", "max")], abs=0.00051)


def listed(shell: Shell, *words: str) -> list[dict[str, Any]]:
    """The objects that a command prints one a line."""
    _, out, err = shell.run(*words, "--json")
    assert err == ""
    return [json.loads(line) for line in out.splitlines()]


# analyze

ENDS = {"source": {"address": "", "port": 0}, "destination": {"address": "", "port": 0}}
CONTRACT: dict[str, Any] = {
    "schema": "",
    "source": dict.fromkeys(("file", "format", "packets", "bytes", "first_time", "last_time", "cut_packets")),
    "migrations": [
        {
            "flow": ENDS,
            "layers": [],
            "kind": "",
            "outcome": "",
            "stream": dict.fromkeys(("version", "postcopy_dialect", "endianness", "guest", "page_size", "xen")),
            "bytes": dict.fromkeys((FORWARD, REVERSE)),
            "records": dict.fromkeys((FORWARD, REVERSE)),
            "pages": dict.fromkeys(("entries", "data_pages", "unique_pfns", "by_type")),
            "iterations": [dict.fromkeys(("index", "entries", "data_pages", "start_time", "end_time", "verify"))],
            "phases": [dict.fromkeys(("name", "start_time", "end_time", FORWARD, REVERSE))],
            "postcopy": {
                **dict.fromkeys(("announced", "outstanding", "page_records", "pages", "fault_records")),
                **dict.fromkeys(("faulted_pfns", "answered", "in_flight", "unanswered", "pushed")),
                **dict.fromkeys(("never_sent", "downtime", "duration")),
                "latency": dict.fromkeys(("count", "min", "median", "p95", "max")),
            },
            "gaps": [dict.fromkeys(("direction", "offset", "length", "record"))],
            "findings": [
                dict.fromkeys(
                    ("rule", "severity", "direction", "layer", "record", "offset", "frame", "time", "message")
                )
            ],
        }
    ],
}


def lacking(wanted: Any, given: Any, where: str = "") -> list[str]:
    """Keys of the contract that an object lacks; an empty list or null holds nothing to look at."""
    if isinstance(wanted, dict) and given is not None:
        missing = [f"{where}.{key}" for key in wanted if key not in given]
        return missing + [
            one for key in wanted if key in given for one in lacking(wanted[key], given[key], f"{where}.{key}")
        ]
    if isinstance(wanted, list) and wanted:
        return [one for element in given for one in lacking(wanted[0], element, f"{where}[]")]
    return []


@pytest.mark.parametrize(
    "name", [CLEAN, EARLY, TWO, "postcopy/c3_capture_drops/veth_rx_with_capture_drops.pcap", SAVED]
)
def test_the_contract_has_all_its_keys(shell: Shell, name: str) -> None:
    """Every key of the published object, however deep."""
    found = analyzed(shell, sample(name))
    assert lacking(CONTRACT, found) == []
    assert found["schema"] == "xenshark.analysis/1"


@pytest.mark.parametrize("name", [CLEAN, IMPAIRED, UNKNOWN_PFN, "postcopy/f_remus/veth_rx.pcap", SAVED])
def test_text_and_json_have_the_same_numbers(shell: Shell, name: str) -> None:
    """Row by row: pages, iterations, phases, records, the postcopy phase, findings."""
    path = sample(name)
    one, table = migration(shell, path), rows(shell, path)
    said = dict(table)
    assert said["outcome"] == f"{one['outcome']}: {one['verdict']}"
    assert said["kind"].split(",")[0] == one["kind"] and one["stream"]["guest"] in said["kind"]
    assert said["layers"].split(";")[0].split(", ") == one["layers"]
    pages = one["pages"]
    types = Counter(pages["by_type"]).most_common()
    assert said["pages"] == (
        f"{pages['entries']:,} entries of {pages['unique_pfns']:,} pfns "
        f"({', '.join(f'{count:,} {kind}' for kind, count in types)}); "
        f"{pages['data_pages']:,} sent, {pages['sent_again']:,} of them again"
    )
    sweeps = [numbers(words)[:2] for label, words in table if label.startswith("iteration")]
    assert sweeps == [[each["entries"], each["data_pages"]] for each in one["iterations"]]
    phases = [words.split()[0] for label, words in table if label == "phase"]
    assert phases == [phase["name"] for phase in one["phases"] if one["flow"]]
    for direction in (FORWARD, REVERSE):
        counts = {
            f"{label.split()[1]}.{item.rsplit(' ', 1)[0]}": numbers(item)[-1]
            for label, words in table
            if label.startswith(f"{direction} ")
            for item in words.split(", ")
        }
        assert counts == one["records"][direction]
    severities = Counter(finding["severity"] for finding in one["findings"])
    tally = [severities[name] for name in ("error", "warning", "note")]
    assert numbers(said["findings"])[:3] == tally if "findings" in said else not any(tally)
    if one["postcopy"]:
        came = one["postcopy"]
        keys = ("announced", "outstanding", "pages", "page_records", "pushed", "never_sent")
        assert numbers(said["postcopy"]) == [came[key] for key in keys]
        asked = ("faulted_pfns", "fault_records", "answered", "in_flight")
        assert numbers(said["faults"]) == [came[key] for key in asked]
        latency = came["latency"]
        assert milliseconds(said["latency"]) == percentiles(latency)
        assert numbers(said["latency"])[0] == latency["count"] == came["answered"] - came["in_flight"]
        assert f"at least {1000 * one['downtime']['at_least']:.3f} ms" in said["downtime"]
        assert one["downtime"]["at_least"] == came["downtime"]


UNDEFINED = "; which side may run the guest is undefined: look at both hosts"


@pytest.mark.parametrize(
    ("name", "outcome", "sentence"),
    [
        ("xen/pv-live-snaplen128/pv-live-snaplen128.pcap", "completed", "the guest runs at the destination"),
        (CLEAN, "completed", "the destination has every page it wanted"),
        (SAVED, "completed", "the stream is whole, up to its END"),
        (
            "xen/pv-fail-receiver-create/pv-fail-receiver-create.pcap",
            "failed",
            "the destination closed the connection 166 ms after the stream's last octet, inside PAGE_DATA of frame 22",
        ),
        (
            "postcopy/g_receiver_killed/veth_rx.pcap",
            "failed",
            "the destination reset the connection 10 ms after the stream's last octet, inside "
            "POSTCOPY_PAGE_DATA of frame 10369" + UNDEFINED,
        ),
        (
            UNKNOWN_PFN,
            "failed",
            "the destination closed the connection 150 ms after POSTCOPY_PAGE_DATA in frame 113 broke "
            "postcopy-page-not-announced: pfn 0x81 was never announced as backed" + UNDEFINED,
        ),
        (
            "violations/end_early/end_early.pcap",
            "failed",
            "the destination closed the connection 1 ms after END in frame 139 broke "
            "postcopy-complete-missing: END at offset 3,168,690 ends the postcopy phase, and "
            "POSTCOPY_COMPLETE never came" + UNDEFINED,
        ),
        (
            "postcopy/f_remus/veth_rx.pcap",
            "failover",
            "checkpoints stopped after 5 whole ones: the destination goes on from the last of them",
        ),
    ],
)
def test_how_genuine_migrations_ended(shell: Shell, name: str, outcome: str, sentence: str) -> None:
    """The outcome and the verdict in words."""
    one = migration(shell, sample(name))
    assert (one["outcome"], one["verdict"]) == (outcome, sentence)


@pytest.mark.parametrize(
    "name",
    [
        "xen/pv-fail-receiver-create/pv-fail-receiver-create.pcap",
        "postcopy/g_receiver_killed/veth_rx.pcap",
        "violations/unk_pfn/unk_pfn.pcap",
    ],
)
def test_check_and_analyze_say_alike_who_ended_it(name: str, shell: Shell) -> None:
    """Of a connection that one side closed, and the other reset because of that."""
    words = migration(shell, sample(name))["verdict"].partition(" the connection")[0]
    assert words in ("the destination closed", "the destination reset")
    _, out, _ = shell.run("check", "--select", "truncated-stream", "--format", "json", sample(name))
    (finding,) = map(json.loads, out.splitlines())
    assert finding["message"].startswith(f"{words} the connection ")


def cut(talk: Talk, octets: int) -> Talk:
    """A talk that ends so many octets into its last forward PAGE_DATA."""
    at = index_of(talk, "PAGE_DATA", -1)
    return [*talk[:at], talk[at]._replace(octets=talk[at].octets[:octets])]


def used_again(sent: Packets) -> Packets:
    """The same addresses and ports begin another connection, and the destination agrees to that."""
    return [*sent, Packet(FORWARD, SYN, 10**8, b"", 0), Packet(REVERSE, SYN | ACK, 10**8, b"", 10**8 + 1)]


def closed_first(sent: Packets) -> Packets:
    """The destination's FIN was captured before the last two packets with payload."""
    *before, one, two = [packet for packet in sent if packet.payload or packet.flags & SYN]
    said = sum(len(packet.payload) for packet in sent if packet.direction == REVERSE)
    return [*before, Packet(REVERSE, FIN | ACK, said, b"", 0), one, two]


WHOLE = talks.precopy()
BARE = [item for item in talks.postcopy(wrapped=False) if item.direction == FORWARD]
ENDINGS: dict[str, tuple[Wire, str, str]] = {
    "the capture ends": (
        Wire(WHOLE[:-2], close=""),
        "incomplete",
        "the capture does not show how the migration ended",
    ),
    "status": (
        Wire([*WHOLE[:-1], text("report", b"\3"), text("go")._replace(direction=REVERSE)]),
        "failed",
        "the destination could not start its copy: status 3",
    ),
    "one checkpoint": (
        Wire(talks.remus(checkpoints=1)),
        "failover",
        "checkpoints stopped after 1 whole one: the destination goes on from the last of them",
    ),
    "no toolstack": (
        Wire([item for item in talks.libxc(Speaker()) if item.direction == FORWARD]),
        "completed",
        "the stream was sent to its END",
    ),
    "one side captured": (Wire(BARE), "completed", "the stream was sent to its END"),
    "the source closes": (
        Wire(cut(WHOLE, 5000)),
        "failed",
        "the source closed the connection less than 1 ms after the stream's last octet, inside PAGE_DATA of frame",
    ),
    "the stream goes on": (
        Wire(cut(WHOLE, 25000), edit=closed_first),
        "failed",
        "the destination closed the connection, and the stream went on for less than 1 ms, up to PAGE_DATA of frame",
    ),
    "what follows the close is not its reason": (
        Wire([*cut(WHOLE, 10**6), Speaker().record("STATIC_DATA_END")], edit=closed_first),
        "failed",
        "the destination closed the connection, and the stream went on for less than 1 ms, "
        "up to STATIC_DATA_END of frame",
    ),
    "used again": (
        Wire(cut(WHOLE, 5000), close="", edit=used_again),
        "failed",
        "the connection was used anew",
    ),
    "used again, and something never came": (
        Wire(WHOLE[:-3], close="", edit=used_again),
        "failed",
        "the connection was used anew; before that: the destination broke xl-handshake: "
        "expected ready (reverse), and the connection was closed without it",
    ),
    "a file cut": (
        Wire(cut(WHOLE, 5000), as_file=True),
        "failed",
        "the file ends before the stream does",
    ),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_how_a_migration_can_end(shell: Shell, name: str) -> None:
    """The endings that no genuine capture has."""
    wire, outcome, sentence = ENDINGS[name]
    octets = octets_of(wire.talk) if wire.as_file else pcap(packets(wire))
    one = migration(shell, shell.file(octets))
    assert one["outcome"] == outcome
    assert re.fullmatch(rf"{re.escape(sentence)}( \d+)?", one["verdict"])


def test_an_old_stream_is_named_for_what_it_is(shell: Shell) -> None:
    """The summary says it as well as the error."""
    header = build(layout(xl_header, "little"), {"mandatory_flags": {"json": 0}, "optional_data_len": 0})
    status, out, err = shell.run("analyze", shell.file(header + b"\x00\x28\0\0\0\0\0\0" * 100))
    assert (status, "convert-legacy-stream" in err) == (2, True)
    assert "failed: a stream of Xen 4.5 or older, which is not dissected\n" in out


def segments(path: str) -> list[tuple[Segment, int]]:
    """Each packet of an Ethernet pcap in microseconds, with its time in ns since the epoch."""
    data = memoryview(unpacked(Path(path)))
    found: list[tuple[Segment, int]] = []
    position = 24
    while position < len(data):
        whole, fraction, length = unpack_from("<III", data, position)
        packet = data[position + 16 + 14 : position + 16 + length]
        found.append((tcp(packet, len(found) + 1), whole * 10**9 + fraction * 1000))
        position += 16 + length
    return found


@pytest.mark.parametrize("name", [CLEAN, IMPAIRED, "xen/pv-fail-receiver-create/pv-fail-receiver-create.pcap"])
def test_stalls_and_retransmissions(shell: Shell, name: str) -> None:
    """The longest time between packets with payload; octets that came more than once, but for keep-alives."""
    one, sent = migration(shell, sample(name)), segments(sample(name))
    source = tuple(one["flow"]["source"].values())
    for direction in (FORWARD, REVERSE):
        own = [(s, time) for s, time in sent if (s.source == source) == (direction == FORWARD) and s.length]
        known, again = Coverage(), 0
        for segment, _ in own:
            start = segment.sequence - own[0][0].sequence + 2**31
            new = sum(end - begin for begin, end in known.add(start, start + segment.length, segment.frame))
            again += segment.length - new if new or segment.length > 1 else 0
        assert one["retransmitted"][direction] == again
        assert one["bytes"][direction] == known.total()
        if direction == FORWARD:
            longest = max(after - before for (_, before), (_, after) in pairwise(own))
            stalls = [phase["stall"] for phase in one["phases"]]
            assert max(stalls) == (longest / 1e9 if longest > 50_000_000 else 0)
            told = [one for one in one["stalls"] if one["ended_by"] != "closed"]
            assert [[round(stall[name] * 1e6) for name in ("start_time", "end_time")] for stall in told] == [
                [before // 1000, after // 1000]
                for (_, before), (_, after) in pairwise(own)
                if after - before > 50_000_000
            ]


@pytest.mark.parametrize("talk", [talks.precopy(), talks.postcopy(), talks.libxl(Speaker())], ids=len)
@pytest.mark.parametrize("seen", [FORWARD, REVERSE])
def test_a_direction_that_was_not_captured_is_said(talk: Talk, seen: str, shell: Shell) -> None:
    """And of a source that was not captured there are no phases before the first fault."""
    path = captured(shell, talk, edit=lambda packets: [one for one in packets if one.direction == seen])
    whole = shell.run("analyze", captured(shell, talk, "whole.pcap"))[1]
    status, text, err = shell.run("analyze", path)
    if status == 2:
        assert seen == REVERSE and talk[0].direction == FORWARD and "no migration found" in err
        return
    lines = dict(re.findall(r"^  (\S+) +(.*)$", text, re.MULTILINE))
    missing, sender = (REVERSE, "destination") if seen == FORWARD else (FORWARD, "source")
    assert lines[missing].startswith("none of its packets were captured") and "none of its packets" not in whole
    assert lines["limits"] == f"not clear: no packet of the {sender} was captured"
    (found,) = json.loads(shell.run("analyze", "--json", path)[1])["migrations"]
    phases = [phase["name"] for phase in found["phases"]]
    assert phases[:1] == ["handshake"] if seen == FORWARD else phases in ([], ["postcopy"])


@pytest.mark.parametrize("length", [60, 61])
def test_a_long_text_is_shown_as_cut(length: int, shell: Shell) -> None:
    said = "xl: command not found, so look for it".ljust(length, ".")
    path = captured(shell, [talks.Item(REVERSE, "xl", "text", said.encode())])
    shown = repr(said[:60]) + (" ..." if length > 60 else "")
    assert f"the destination says {shown} before xl's banner" in shell.run("check", path)[1]
    assert "layers         none was seen; stream version unknown" in shell.run("analyze", path)[1]


def test_pages_sent_again(shell: Shell) -> None:
    """What one sweep after another sends, and how often the same."""
    path = captured(shell, WHOLE)
    sweeps = [range(0x100, 0x118), range(0x100, 0x110), range(0x100, 0x108)]
    sent = [[pfn for pfn in sweep if pfn % 7] for sweep in sweeps]
    one = migration(shell, path)
    assert one["pages"]["entries"] == sum(map(len, sweeps))
    assert one["pages"]["unique_pfns"] == len(sweeps[0])
    assert one["pages"]["data_pages"] == sum(map(len, sent))
    assert one["pages"]["sent_again"] == sum(map(len, sent)) - len(sent[0])
    assert [each["data_pages"] for each in one["iterations"]] == list(map(len, sent))
    assert [each["entries"] for each in one["iterations"]] == list(map(len, sweeps))


def test_one_is_no_plural(shell: Shell) -> None:
    """A list of one pfn, in every row that counts it."""
    talk = [item for item in WHOLE if item.name != "PAGE_DATA"]
    talk.insert(index_of(talk, "X86_TSC_INFO"), Speaker().pages([0x101]))
    said = dict(rows(shell, captured(shell, talk)))
    assert said["pages"] == "1 entry of 1 pfn (1 NOTAB); 1 sent, 0 of them again"
    assert said["iteration 0"].startswith("1 entry, 1 sent, ")


def test_long_lists_of_iterations_and_phases_are_cut(shell: Shell) -> None:
    """The text shows twelve, the object all."""
    at = index_of(WHOLE, "PAGE_DATA")
    path = captured(shell, [*WHOLE[:at], *[WHOLE[at]] * 9, *WHOLE[at:]])
    assert len(migration(shell, path)["iterations"]) == 12
    assert "more" not in "".join(shell.lines("analyze", path))
    path = captured(shell, [*WHOLE[:at], *[WHOLE[at]] * 12, *WHOLE[at:]])
    assert len(migration(shell, path)["iterations"]) == 15
    table = rows(shell, path)
    assert sum(label.startswith("iteration") for label, _ in table) == 12
    assert ("", "... 3 more iterations, see --json") in table
    path = captured(shell, talks.remus(checkpoints=40))
    more = len(migration(shell, path)["phases"]) - 12
    table = rows(shell, path)
    assert sum(label == "phase" for label, _ in table) == 12
    assert ("", f"... {more} more phases, see --json") in table


def test_a_file_holds_what_its_capture_does(shell: Shell) -> None:
    """The same records and pages; no ends, no times, no other direction."""
    one = migration(shell, captured(shell, WHOLE))
    path = shell.file(octets_of(WHOLE), "file")
    saved = migration(shell, path)
    for key in ("layers", "stream", "pages"):
        assert saved[key] == one[key]
    assert saved["records"] == {FORWARD: one["records"][FORWARD], REVERSE: {}}
    assert saved["bytes"] == {FORWARD: one["bytes"][FORWARD], REVERSE: 0}
    assert (saved["kind"], saved["flow"], saved["postcopy"]) == ("save", None, None)
    assert {each[f"{end}_time"] for each in saved["iterations"] + saved["phases"] for end in ("start", "end")} == {None}
    source = analyzed(shell, path)["source"]
    assert (source["format"], source["packets"], source["first_time"]) == ("stream", 0, None)
    assert not {label for label, _ in rows(shell, path)} & {"time", "phase", "reverse"}


# check

LINE = re.compile(
    r"(?P<file>.+): migration (?P<migration>\d+), (?P<direction>forward|reverse)(, frame (?P<frame>\d+))?"
    r"(, offset (?P<offset>\d+))?(, record (?P<number>\d+))?: (?P<severity>error|warning|note) (?P<rule>[a-z0-9-]+) "
    r"(?P<message>.+?)( \(receiver's log: .+\))?"
)


@pytest.mark.parametrize("name", [EARLY, UNKNOWN_PFN, "postcopy/c3_capture_drops/veth_rx_with_capture_drops.pcap"])
def test_a_finding_is_a_line_and_an_object(shell: Shell, name: str) -> None:
    """The same of it in both, and in analyze; a tally closes the lines."""
    path = sample(name)
    _, out, err = shell.run("check", "--format", "concise", path)
    *lines, tally = out.splitlines()
    objects = listed(shell, "check", path)
    assert (err, len(lines)) == ("", len(objects))
    for line, one in zip(lines, objects, strict=True):
        match = LINE.fullmatch(line)
        assert match is not None, line
        assert match.groupdict() == {key: None if one[key] is None else str(one[key]) for key in match.groupdict()}
        assert (one["file"], RULES[one["rule"]].severity) in (
            (path, one["severity"]),
            (path, *RULES[one["rule"]].also),
        )
    found = migration(shell, path)["findings"]
    assert objects == [{"file": path, **finding} for finding in found]
    assert numbers(tally) == [sum(one["severity"] == of for one in objects) for of in ("error", "warning", "note")]


@pytest.mark.parametrize(
    ("counts", "tally"),
    [((CLEAN,), "0 errors, 0 warnings, 0 notes"), ((EARLY, EARLY), "4 errors, 0 warnings, 2 notes")],
)
def test_the_tally_is_of_all_files(shell: Shell, counts: tuple[str, ...], tally: str) -> None:
    """The last line, with singular and plural."""
    _, out, _ = shell.run("check", *map(sample, counts))
    assert out.splitlines()[-1] == tally
    _, out, _ = shell.run("check", sample(EARLY), "--select", "postcopy-complete-race")
    assert out.splitlines()[-1] == "1 error, 0 warnings, 0 notes"


UNANSWERED, RACE, DROPPED = "postcopy-fault-unanswered", "postcopy-complete-race", "postcopy-pages-dropped"


@pytest.mark.parametrize(
    ("words", "rules", "status"),
    [
        ("", {UNANSWERED, RACE, DROPPED}, 1),
        (f"--select {RACE}", {RACE}, 1),
        (f"--select {RACE},{DROPPED}", {RACE, DROPPED}, 1),
        (f"--select {RACE} --select {DROPPED}", {RACE, DROPPED}, 1),
        ("--select postcopy-fault-*", {UNANSWERED}, 1),
        ("--select xl-*", set(), 0),
        (f"--ignore {RACE}", {UNANSWERED, DROPPED}, 1),
        ("--ignore *-unanswered,*-race", {DROPPED}, 0),
        (f"--select postcopy-* --ignore {DROPPED}", {UNANSWERED, RACE}, 1),
        ("--min-severity note", {UNANSWERED, RACE, DROPPED}, 1),
        ("--min-severity warning", {UNANSWERED, RACE}, 1),
        ("--min-severity error", {UNANSWERED, RACE}, 1),
        (f"--min-severity warning --select {DROPPED}", set(), 0),
    ],
)
def test_which_rules(shell: Shell, words: str, rules: set[str], status: int) -> None:
    """Ids, lists and patterns; the exit status is of what is left."""
    assert {one["rule"] for one in listed(shell, "check", sample(EARLY), *words.split())} == rules
    assert shell.run("check", sample(EARLY), *words.split())[0] == status


def test_a_list_of_rules_may_have_spaces(shell: Shell) -> None:
    found = listed(shell, "check", sample(EARLY), "--select", f"{RACE}, {DROPPED}")
    assert {one["rule"] for one in found} == {RACE, DROPPED}


@pytest.mark.parametrize("option", ["--select", "--ignore"])
def test_a_rule_that_is_none(shell: Shell, option: str) -> None:
    """Names that are near, or where all are; also behind good ones, and for patterns that match nothing."""
    said = shell.complaint("check", option, "postcopy-complete-rase", sample(CLEAN))
    assert "there is no rule 'postcopy-complete-rase'; near: postcopy-complete-race" in said
    assert "`xenshark rules` lists them" in shell.complaint("check", option, "qqqq", sample(CLEAN))
    assert "'vmotion-*'" in shell.complaint("check", option, f"{RACE},vmotion-*", sample(CLEAN))
    assert "there is no rule ''" in shell.complaint("check", option, "", sample(CLEAN))


def test_exit_status(shell: Shell) -> None:
    """0 without errors, whatever notes there are; 1 with one; 2 where a file is no good."""
    assert shell.run("check", sample(CLEAN))[0] == 0
    assert shell.run("check", sample("violations/unk_opt/unk_opt.pcap"))[0] == 0
    assert shell.run("check", sample(CLEAN), sample(UNKNOWN_PFN), sample(CLEAN))[0] == 1
    assert "the following arguments are required: FILE" in shell.complaint("check")
    assert "invalid choice" in shell.complaint("check", "--min-severity", "grave", sample(CLEAN))


def test_a_bad_file_does_not_stop_the_others(shell: Shell) -> None:
    """It gets its line, they get theirs, and the status is 2."""
    bad = shell.file(b"Dear reader,\n", "letter.txt")
    status, out, err = shell.run(
        "check", "--format", "concise", sample(UNKNOWN_PFN), bad, "/nowhere/at/all", sample(EARLY)
    )
    assert status == 2
    for line, file in zip(err.splitlines(), (bad, "/nowhere/at/all"), strict=True):
        assert line.startswith("xenshark: ") and file in line
    files = [line.split(": ")[0] for line in out.splitlines()[:-1]]
    assert files == [sample(UNKNOWN_PFN)] * 3 + [sample(EARLY)] * 3
    assert out.splitlines()[-1] == "5 errors, 0 warnings, 1 note"


def test_a_truncated_capture_is_checked_as_far_as_it_goes(shell: Shell) -> None:
    """What it holds is judged; that it ends too soon is the input's fault, no violation."""
    octets = unpacked(Path(sample(UNKNOWN_PFN)))
    path = shell.file(octets[:-5])
    status, out, err = shell.run("check", path)
    assert status == 2
    assert err == f"xenshark: {path}: the file ends in the middle of packet 136\n"
    assert "error[postcopy-page-not-announced]" in out


def test_a_stream_of_old_xen_is_an_error(shell: Shell) -> None:
    """One that check has a rule for."""
    header = build(layout(xl_header, "little"), {"mandatory_flags": {"json": 0}, "optional_data_len": 0})
    path = shell.file(header + b"\x00\x28\0\0\0\0\0\0" * 100)
    status, out, err = shell.run("check", "--format", "concise", path)
    assert (status, err) == (1, "")
    found = [line.split(": ")[2].split(" ")[:2] for line in out.splitlines()[:-1]]
    assert found == [["error", "legacy-stream"]]  # that it has no configuration either follows


def test_findings_that_are_not_kept_are_counted(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A capture may break a rule at every record."""
    monkeypatch.setattr(checker, "FINDINGS_MAX", 1)
    status, out, err = shell.run("check", "--format", "concise", sample(EARLY))
    assert (status, len(out.splitlines())) == (1, 3)
    assert err == f"xenshark: {sample(EARLY)}: migration 0 has 1 finding more than are kept\n"
    assert migration(shell, sample(EARLY))["findings_left_out"] == 1


# faults

FAULT_KEYS = {"file", "migration", "pfn", "offset", "frame", "time", "answer", "latency", "in_flight"}


def missing(*pfns: int) -> Talk:
    """A postcopy migration with a POSTCOPY_FAULT for pfns that never come."""
    return behind(talks.postcopy(V2), "POSTCOPY_FAULT", V2.list(pfns, "POSTCOPY_FAULT", REVERSE))


@pytest.mark.parametrize("name", [CLEAN, IMPAIRED, TWO])
def test_each_fault_is_a_row_and_an_object(shell: Shell, name: str) -> None:
    """The same of it in both; a column says whose it is where there are several migrations."""
    path = sample(name)
    table, *_ = "\n".join(shell.lines("faults", path)).split("\n\n")
    head, *lines = table.splitlines()
    objects, source = listed(shell, "faults", path), analyzed(shell, path)
    several = len(source["migrations"]) > 1
    assert head.split() == (["migration"] if several else []) + [
        "time",
        "frame",
        "pfn",
        "answered",
        "in",
        "latency",
    ]
    assert len(lines) == len(objects) == sum(m["postcopy"]["faulted_pfns"] for m in source["migrations"])
    for line, one in zip(lines, objects, strict=True):
        assert one.keys() == FAULT_KEYS
        assert one["answer"].keys() == {"offset", "frame", "time"}
        since = one["time"] - source["source"]["first_time"]
        words = [str(one["migration"])] if several else []
        words += [f"{since:.6f}", str(one["frame"]), f"{one['pfn']:#x}", str(one["answer"]["frame"])]
        words += [f"{1000 * one['latency']:.3f}", "ms"] + ["in", "flight"] * one["in_flight"]
        assert line.split() == words
        assert one["latency"] == pytest.approx(one["answer"]["time"] - one["time"], abs=1e-6)
    assert len({line.index(" ms") for line in lines}) == 1


@pytest.mark.parametrize("name", [CLEAN, IMPAIRED, TWO])
def test_the_summary_is_that_of_analyze(shell: Shell, name: str) -> None:
    """Counts and percentiles; the histogram has every latency in its step."""
    path = sample(name)
    _, *summaries = "\n".join(shell.lines("faults", path)).split("\n\n")
    faults = listed(shell, "faults", path)
    for index, (summary, one) in enumerate(zip(summaries, analyzed(shell, path)["migrations"], strict=True)):
        counted, latency, *steps = summary.splitlines()
        came = one["postcopy"]
        keys = ("faulted_pfns", "fault_records", "answered", "in_flight", "unanswered")
        assert counted.startswith(f"Migration {index}: ")
        assert numbers(counted.split(": ")[1]) == [came[key] for key in keys]
        assert numbers(latency)[0] == came["latency"]["count"]
        assert milliseconds(latency) == percentiles(came["latency"])
        own = [one["latency"] for one in faults if one["migration"] == index and not one["in_flight"]]
        bounds = [*(float(step.split()[1]) / 1000 for step in steps[:-1]), inf]
        counts = Counter(bisect_left(bounds, latency) for latency in own)
        assert [int(step.split()[3]) for step in steps] == [counts[at] for at in range(len(bounds))]
        assert sum(counts.values()) == came["latency"]["count"]
        bars = [step.count("#") for step in steps]
        assert max(bars) == 50 and all((bar > 0) == (counts[at] > 0) for at, bar in enumerate(bars))


@pytest.mark.parametrize(
    ("latencies", "least"),
    [
        ([39_000_000 + at * 100_000 for at in range(70)], 7),  # of a storm of faults
        ([10**at for at in range(4, 10)], 3),
        ([5], 1),
        ([-3, 0, 4], 1),
        ([0, 0, 0], 1),
    ],
)
def test_a_histogram_is_of_the_data_s_own_range(latencies: list[int], least: int) -> None:
    """Bins of some width, none of them far outside of what there is."""
    lines = list(histogram(latencies))
    counts = [int(line.split()[3]) for line in lines]
    assert least <= len(lines) <= 16 and sum(counts) == len(latencies)
    assert counts[0] and counts[-1]


def test_the_slowest(shell: Shell) -> None:
    """So many, the slowest first, from all migrations; all if there are fewer."""
    everything = sorted((one["latency"] for one in listed(shell, "faults", sample(TWO))), reverse=True)
    slowest = listed(shell, "faults", "--slowest", "5", sample(TWO))
    assert [one["latency"] for one in slowest] == everything[:5]
    assert len(listed(shell, "faults", "--slowest", "1000", sample(TWO))) == len(everything)
    for wrong in ("0", "-1", "some"):
        assert "is not a number of faults" in shell.complaint("faults", f"--slowest={wrong}", sample(CLEAN))
    assert "not allowed with" in shell.complaint("faults", "--slowest", "1", "--unanswered", sample(CLEAN))


def test_the_unanswered(shell: Shell) -> None:
    """Only those; the summary is of all."""
    path = captured(shell, missing(0x999, 0x99A))
    found = listed(shell, "faults", "--unanswered", path)
    assert [(one["pfn"], one["answer"], one["latency"], one["in_flight"]) for one in found] == [
        (0x999, None, None, False),
        (0x99A, None, None, False),
    ]
    _, one, two, blank, summary, *_ = shell.lines("faults", "--unanswered", path)
    assert (one.split()[2:], two.split()[2:], blank) == (["0x999", "not", "seen"], ["0x99a", "not", "seen"], "")
    assert summary == "Migration 0: 5 pfns in 3 records; 3 answered, 0 of them in flight; 2 unanswered"
    assert listed(shell, "faults", "--unanswered", sample(CLEAN)) == []


@pytest.mark.parametrize("name", ["postcopy/f_remus/veth_rx.pcap", SAVED])
def test_nothing_was_asked_for(shell: Shell, name: str) -> None:
    """One line that says so, and no objects; no error."""
    assert shell.lines("faults", sample(name)) == ["Migration 0: no POSTCOPY_FAULT was captured"]
    assert listed(shell, "faults", sample(name)) == []


# rules


def test_all_rules_are_listed(shell: Shell) -> None:
    """Under their groups, in the order of the table, with severity, a mark and summary."""
    lines = shell.lines("rules")
    found = [re.fullmatch(r"  (\S+) +(error|warning|note)  +([W ])  (\S.+)", line) for line in lines]
    wanted = [(r.id, r.severity, "W" if r.wireshark else " ", r.summary) for r in RULES.values()]
    assert [one.groups() for one in found if one] == wanted
    assert len({one.start(4) for one in found if one}) == 1
    rest = [line for line, one in zip(lines, found, strict=True) if line and not one]
    assert rest == list(dict.fromkeys(rule.group for rule in RULES.values()))


def test_a_rule_is_explained(shell: Shell) -> None:
    """Every part of it, in lines that fit."""
    for rule in RULES.values():
        lines = shell.lines("rules", rule.id)
        assert lines[0] == f"{rule.id} ({' or '.join((rule.severity, *rule.also))}; {rule.group})"
        assert max(map(len, lines)) <= 100
        said = " ".join(" ".join(lines).split())
        for part in (
            f"{rule.summary}.",
            "Judged by xenshark check" + ("; Wireshark's dissector, too" if rule.wireshark else " Why"),
            f"Why {rule.why}",
            f"What to do {rule.advice}",
            f"Example {rule.example}",
            f"Source {rule.source}",
        ):
            assert " ".join(part.split()) in said


def test_a_rule_nobody_knows(shell: Shell) -> None:
    """Names that are near; a rule and the picture are two things."""
    assert "near: capture-gap" in shell.complaint("rules", "capture-gaps")
    assert "`xenshark rules` lists them" in shell.complaint("rules", "qqqq")
    assert "not allowed with" in shell.complaint("rules", "--states", "capture-gap")


def test_rules_by_a_pattern(shell: Shell) -> None:
    """As in --select: those that match are listed, a single one is explained."""
    listed = [line.split()[0] for line in shell.lines("rules", "postcopy-p*") if line.startswith("  ")]
    assert listed == [name for name in RULES if name.startswith("postcopy-p")]
    assert shell.lines("rules", "postcopy-page-not*") == shell.lines("rules", "postcopy-page-not-announced")
    assert "there is no rule 'nope*'" in shell.complaint("rules", "nope*")


def test_a_log_costs_little_where_it_says_nothing(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pattern is tried on a line that can be no message; a line that is one names its rule, whatever stands around
    it and in whatever case. Without any, the exit status is 1."""
    said = {one: rule for rule in RULES.values() for one in rule.logged}
    telling = [one for one in said if len(CONVERSION.sub("", one)) >= log.LITERAL_MIN]
    assert len(telling) > 50
    for message in telling:
        line = CONVERSION.sub(lambda one: {"s": "word", "x": "0x1f"}.get(one[1], "7"), message)
        assert said[message] in rules_for(f"Nov 26 12:00:00 host xl: {line.upper()}!")
    monkeypatch.setattr(log, "_fit", None)
    assert rules_for("Nov 26 12:00:00 host xl: Saving to migration stream new xl format (info 0x3/0x0/1234)") == []
    assert shell.run("rules", "--log", "nothing of the kind")[:2] == (1, "")


def test_what_the_source_logs_is_explained(shell: Shell) -> None:
    """As xl and libxc print it, at the side that sends."""
    for line, rule in (
        ("xc: error: Save failed (32 = Broken pipe): Internal error", "migration-failed"),
        ("xc: error: Failed to write page data to stream (32 = Broken pipe): Internal error", "truncated-stream"),
        ("libxl: error: libxl_dom_suspend.c:357:suspend_common_wait_guest_timeout: Domain 3:guest did not suspend, "
         "timed out", "migration-failed"),
        ("migration sender: libxl_domain_suspend failed (rc=-3)", "migration-failed"),
        ("Migration failed due to problems at target.", "xl-target-failed"),
    ):  # fmt: skip
        head, rules, *explained = shell.lines("rules", "--log", line)
        assert (head, rules) == (line, f"  {rule}") and any(said.startswith(f"{rule} (") for said in explained)


def test_a_log_is_read_from_a_file(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "xl.log"
    file.write_bytes(b"xl: \xff\nMigration failed due to problems at target.\n")
    assert shell.lines("rules", "--log", str(file))[1] == "  xl-target-failed"


def test_the_picture_of_the_states(shell: Shell) -> None:
    """A Mermaid diagram with every state of a stream in order, and every record that goes forward. What goes
    in reverse alone has no place among them."""
    head, *arrows = shell.lines("rules", "--states")
    assert head == "stateDiagram-v2"
    parsed = [re.fullmatch(r"    (\S+) --> (\S+?)(?:: (.+))?", arrow) for arrow in arrows]
    assert all(parsed)
    found = [one.groups() for one in parsed if one]
    names = {name for one in found for name in one[:2]} - {"[*]"}
    assert names == {state.value.replace(" ", "_") for state in State if not state.value.startswith("early")}
    assert all(re.fullmatch(r"\w+", name) for name in names)
    said = {record for *_, records in found for record in (records or "").split(", ")}
    forward = {f"{spec.layer}.{spec.name}" for spec in RECORDS if spec.direction != REVERSE}
    assert forward - said == set()


# What read links


def linked(path: str) -> list[tuple[Record, list[Link]]]:
    """Every record of a file with its links, when all have come."""
    found = Links()
    events = dissector.open(path).events()
    return [(event, found.add(event)) for event in events if isinstance(event, Record)]


def place(record: dict[str, Any]) -> tuple[int, str, int]:
    return record["migration"], record["direction"], record["offset"]


@pytest.mark.parametrize("name", [CLEAN, IMPAIRED, TWO, EARLY])
def test_links_are_those_of_the_analysis(shell: Shell, name: str) -> None:
    """Also below the fields; records come in order, each of them once, however long it was held back."""
    objects, records = shell.objects(sample(name)), linked(sample(name))
    assert [place(one) for one in objects] == [(r.migration, r.direction, r.offset) for r, _ in records]
    for one, (record, own) in zip(objects, records, strict=True):
        by_pfn = {link.pfn: link for link in own}
        fields = one["fields"]
        assert not {"answers", "faults"} & one.keys()
        if record.name == "POSTCOPY_FAULT":
            assert [each["pfn"] for each in fields["answers"]] == list(record.pfns())
            for each in fields["answers"]:
                link = by_pfn.get(each["pfn"])
                answer = link and (link.record.offset, link.record.last.frame, link.in_flight)
                assert (each["offset"], each["frame"], each["in_flight"]) == (answer or (None, None, False))
                after = link and (link.record.last.time - record.last.time) / 1e9
                assert each["latency"] == after
        elif record.name == "POSTCOPY_PAGE_DATA":
            given = [(each["pfn"], each["offset"], each["frame"]) for each in fields["faults"]]
            assert given == [(pfn, link.record.offset, link.record.last.frame) for pfn, link in by_pfn.items()]
        else:
            assert not {"answers", "faults"} & fields.keys()
    lines = shell.lines("read", sample(name))
    assert [int(line.split()[0]) for line in lines] == list(range(1, len(records) + 1))


def test_links_in_words(shell: Shell) -> None:
    """Answered, in flight, not answered, and a mixture; the page says whom it answers."""
    late = V2.list([0x200], "POSTCOPY_FAULT", REVERSE)
    mixed = V2.list([0x201, 0x208, 0x999], "POSTCOPY_FAULT", REVERSE)
    talk = behind(behind(missing(0x998), "POSTCOPY_PAGE_DATA", mixed), "POSTCOPY_PAGE_DATA", late)
    path = captured(shell, talk)
    faults = shell.objects("--type", "POSTCOPY_FAULT", path)
    pages = shell.objects("--type", "POSTCOPY_PAGE_DATA", path)
    at = [one["last_frame"] for one in faults]
    first, second, third = (one["last_frame"] for one in pages)
    took = [1000 * (pages[to]["last_time"] - faults[of]["last_time"]) for of, to in ((2, 1), (4, 2), (1, 2))]
    words = [line.partition("; ")[2] for line in shell.lines("read", "--type", "POSTCOPY_FAULT", path)]
    assert words == [
        f"answered in frame {first}, in flight",
        f"answered in frames {first}, {third} after {took[2]:.3f} ms, 1 in flight, 1 not answered",
        f"answered in frame {second} after {took[0]:.3f} ms",
        "no answer seen",
        f"answered in frame {third} after {took[1]:.3f} ms",
    ]
    words = [line.partition("; ")[2] for line in shell.lines("read", "--type", "POSTCOPY_PAGE_DATA", path)]
    assert words == [
        f"answers 2 faults: frames {at[0]}, {at[1]}",
        f"answers 2 faults: frame {at[2]}",
        f"answers 2 faults: frames {at[1]}, {at[4]}",
    ]


@pytest.mark.parametrize("name", ["POSTCOPY_FAULT", "POSTCOPY_PAGE_DATA"])
def test_a_filter_leaves_the_links_alone(shell: Shell, name: str) -> None:
    """One side alone says the same as among all others."""
    wanted = [line for line in shell.lines("read", sample(IMPAIRED)) if f" {name} " in line]
    assert shell.lines("read", "--type", name, sample(IMPAIRED)) == wanted
    assert any("answer" in line for line in wanted)


def test_records_wait_in_a_room_of_limited_size(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is full a record goes without the links to come; every one is printed, and in order."""
    patient = shell.objects(sample(IMPAIRED))
    monkeypatch.setattr(links, "HELD_MAX", 4)
    hasty = shell.objects(sample(IMPAIRED))
    assert list(map(place, hasty)) == list(map(place, patient))
    assert hasty != patient
    for one, other in zip(hasty, patient, strict=True):
        known = [each for each in one["fields"].get("answers", ()) if each["frame"] is not None]
        assert all(each in other["fields"]["answers"] for each in known)
        assert all(each in other["fields"]["faults"] for each in one["fields"].get("faults", ()))

    most = 0
    waiting = Linker(lambda record, links: None)
    for record, _ in linked(sample(IMPAIRED)):
        waiting.add(record)
        most = max(most, len(waiting._held))
    assert most == 4


# Two migrations on one connection


def two_on_one(drop: int | None = None) -> Wire:
    """Two migrations, one after the other; `drop` octets into the second one's memory a packet is lost."""

    def edit(sent: Packets) -> Packets:
        if drop is None:
            return sent
        lost = next(one for one in sent if one.direction == FORWARD and one.offset >= SECOND + drop and one.payload)
        return [one for one in sent if one is not lost]

    return Wire([*WHOLE, *WHOLE], edit=edit)


SECOND = len(octets_of(WHOLE, FORWARD))


@pytest.mark.parametrize("drop", [None, 9000])
def test_each_migration_on_a_connection_has_only_its_own(shell: Shell, drop: int | None) -> None:
    """Octets, gaps and records: what the second one lost is in nothing that is said of the first."""
    path = shell.file(pcap(packets(two_on_one(drop))))
    first, second = analyzed(shell, path)["migrations"]
    alone = migration(shell, captured(shell, WHOLE, "alone.pcap"))
    assert first["bytes"] == alone["bytes"] and first["gaps"] == [] and first["findings"] == alone["findings"]
    assert [one["outcome"] for one in (first, second)] == ["completed", "completed"]
    lost = sum(gap["length"] for gap in second["gaps"])
    assert second["bytes"] == {**alone["bytes"], FORWARD: alone["bytes"][FORWARD] - lost}
    rules = [[finding["rule"] for finding in one["findings"]] for one in (first, second)]
    assert sorted(rules[1]) == sorted([*rules[0], *["capture-gap"] * bool(lost)])
    assert bool(lost) == (drop is not None) and first["records"] == second["records"] == alone["records"]
    assert all(gap["offset"] >= SECOND for gap in second["gaps"])
