"""The program against what was really sent, over every capture there is.

The first tests hold the truth files, the walk and the slow reassembly against each other; the others hold the
program against them. Where a test allows anything but the exact value, its docstring says what and why.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from conftest import ELSEWHERE, OWN, Case, captures_in
from seen import Direction
from truth import LIBXC, LIBXL, MESSAGES, Expected, Migration, check, merged, sweeps

ENDS = ("first_frame", "last_frame", "first_time", "last_time")
LINE_KEYS = {
    *(
        "migration",
        "direction",
        "layer",
        "name",
        "type",
        "offset",
        "length",
        "body_length",
        "complete",
        "fields",
    ),
    *ENDS,
}
MIGRATION_KEYS = {
    *("flow", "layers", "kind", "outcome", "stream", "bytes", "records", "pages", "iterations", "phases"),
    *("postcopy", "gaps", "findings"),
}
PHASES = {"handshake", "precopy", "stop", "transition", "postcopy", "finish", "checkpoint"}
NAMES = {"libxl": LIBXL, "libxc": LIBXC}
CHECKED = r"^(Libxl|Libxc) Record: (.+), length (\d+)$|^Squashed (\d+) Page Data"
GUESTS = {1: "x86 PV", 2: "x86 HVM"}
MAGICS = {
    "xl header": b"Xen saved domain, xl format\n \0 \r",
    "libxl header": b"LibxlFmt\0\0\0\2",
    "image header": b"\xff" * 8 + b"XENF\0\0\0",
}

Line = dict[str, Any]


def test_there_are_captures() -> None:
    """Without captures every other test here would pass by not running."""
    for folder in ("xen", "postcopy", "violations"):
        assert any(name.startswith(folder) for name in captures_in(OWN)), f"no captures in {OWN / folder}"
    if ELSEWHERE.exists() or "XENSHARK_CAPTURES" in os.environ:
        assert captures_in(ELSEWHERE), f"no captures in {ELSEWHERE}"


# The truth against itself


def test_what_was_sent_is_what_was_captured(case: Case) -> None:
    """Truth and reassembly agree: records tile the stream, and each captured header is the right one."""
    for migration in case.migrations:
        for _, expected, sent in migration.sides(case.seen):
            if migration.whole:
                assert all(e.end == after.offset for e, after in pairwise(expected))
                assert expected[0].offset == 0
                assert expected[-1].end >= len(sent.octets)
            for e in expected:
                assert agrees(e, sent) or not known(e, sent), e


def test_the_walk_is_the_independent_check(case: Case) -> None:
    """Records, offsets, page types, sweeps and TCP figures as they were counted when the capture was made."""
    if not (case.path.parent / "independent-check.txt").exists():
        return
    figures, tcp, _ = check(case.path.parent)
    (migration,) = case.migrations
    sent = case.seen.flows[migration.flow]
    if tcp:
        lost = [length for _, length in sent.carried.holes(0, len(sent.octets))]
        cut = sent.carried.total() - sent.captured.total()
        found = len(sent.octets), len(lost), sum(lost), cut
        assert found == (tcp["stream_bytes"], tcp["gaps"], tcp["gap_bytes"], tcp["snap_missing"])
    if migration.whole:
        records = complete(migration.forward, sent)
        for layer, counts in (("libxc", figures["records"]), ("libxl", figures["libxl"])):
            assert Counter(e.name for e in records if e.layer == layer and e.type is not None) == counts
        assert sequence(records) == [item for item in figures["sequence"] if "@" in item]
        assert sweeps(records) == figures["sweeps(pfns,pages_with_data)"]
        assert page_types(records) == {int(kind, 16): count for kind, count in figures["page_types"].items()}


def sequence(records: list[Expected]) -> list[str]:
    """Records other than PAGE_DATA as independent-check.txt writes them."""
    short = {"libxl": "xl", "libxc": "xc"}
    named = [e for e in records if e.type is not None and e.name != "PAGE_DATA"]
    return [f"{short[e.layer]}:{e.name}({e.body_length})@{e.offset}" for e in named]


def page_types(records: list[Expected]) -> Counter[int]:
    """Entries of PAGE_DATA by type nibble."""
    runs = [run for e in records if e.name == "PAGE_DATA" for run in e.runs or []]
    return sum((Counter({kind: count}) for _, count, kind in runs), Counter[int]())


def complete(expected: list[Expected], sent: Direction) -> list[Expected]:
    """Those of which every octet was captured."""
    return [e for e in expected if captured(sent, e.offset, e.end)]


def captured(sent: Direction, start: int, end: int) -> bool:
    """Whether the capture has all of [start, end)."""
    return end <= len(sent.octets) and sent.captured.has(start, end)


def known(e: Expected, sent: Direction) -> bool:
    """Whether the octets were captured that say what this is and where it ends."""
    return captured(sent, e.offset, e.offset + e.head)


def agrees(e: Expected, sent: Direction) -> bool:
    """Whether the octets at its place are those of this header, record or message."""
    octets = bytes(sent.octets[e.offset : e.offset + e.head])
    if e.type is not None:
        return octets == e.type.to_bytes(4, "little") + (e.body_length or 0).to_bytes(4, "little")
    if e.name == "domain header":
        return octets[4:8] == b"\x0c\0\0\0"
    return octets == MESSAGES[e.name] if e.name in MESSAGES else octets.startswith(MAGICS[e.name or ""])


# The program against the truth: xenshark read


Side = tuple[Migration, list[Expected], Direction, list[Line]]


def sides(case: Case) -> Iterator[Side]:
    """Every direction of every migration, with the program's lines for it by offset."""
    for migration, _, lines in case.pairs():
        for name, expected, sent in migration.sides(case.seen):
            own = [line for line in lines if line["direction"] == name]
            yield migration, expected, sent, sorted(own, key=lambda line: line["offset"])


def matched(case: Case) -> Iterator[tuple[Expected, Line, Direction]]:
    """Every line of the program with the record it should be."""
    for _, expected, sent, lines in sides(case):
        by_offset = {e.offset: e for e in expected}
        yield from ((by_offset[line["offset"]], line, sent) for line in lines if line["offset"] in by_offset)


def test_every_line_has_every_key(case: Case) -> None:
    """The contract of `read --json`."""
    assert all(line.keys() >= LINE_KEYS for line in case.lines)


def test_nothing_is_missed(case: Case) -> None:
    """Every record whose header was captured is found, though headers before it were lost."""
    for _, expected, sent, lines in sides(case):
        reported = {line["offset"] for line in lines}
        assert [e for e in expected if known(e, sent) and e.offset not in reported] == []


def test_nothing_is_invented(case: Case) -> None:
    """Every line is a record that was sent.

    Where the truth has a hole, a line in it must be what the octets at its place say, and overlap no other.
    """
    for migration, expected, sent, lines in sides(case):
        assert all(line["offset"] + line["length"] <= after["offset"] for line, after in pairwise(lines))
        true = {e.offset for e in expected}
        for line in lines:
            if migration.whole or line["offset"] in true:
                assert line["offset"] in true, line
            else:
                said = [line[key] for key in ("offset", "length", "layer", "name", "type", "body_length")]
                assert agrees(Expected(*said), sent), line
                assert line["type"] is None or NAMES[line["layer"]][line["type"]] == line["name"], line


def test_each_record_is_described_as_it_was_sent(case: Case) -> None:
    """Layer, name, type, lengths, and whether all of it was captured.

    A record nobody named may have any name. One that the end of the stream cuts may have either length: as
    its header says, or as far as it came.
    """
    for e, line, sent in matched(case):
        lengths = {e.length, min(e.end, len(sent.octets)) - e.offset}
        assert line["length"] in lengths, line
        assert line["complete"] == captured(sent, e.offset, e.end), line
        assert (line["layer"], line["name"], line["type"]) == (e.layer, e.name or line["name"], e.type), line
        assert e.type is None or line["body_length"] == e.body_length, line


def test_pages_are_listed_as_they_were_sent(case: Case) -> None:
    """The pfns and page types of every record whose entries were all captured, in the record's order."""
    for e, line, sent in matched(case):
        if e.runs is not None and captured(sent, e.offset, e.offset + e.listed):
            typed = e.name != "POSTCOPY_FAULT"
            expected = merged((first, count, kind if typed else None) for first, count, kind in e.runs)
            runs = [(first, count, nibble(kind)) for first, count, kind in line["fields"].get("pages") or []]
            assert merged(runs) == expected, line["offset"]


def nibble(name: str | None) -> int | None:
    """A page type's number: its name holds it but for the few without a digit; pinned tables are 8 above."""
    plain = {None: None, "NOTAB": 0, "BROKEN": 0xD, "XALLOC": 0xE, "XTAB": 0xF}
    if name is None or name in plain:
        return plain[name]
    (digit,) = re.findall(r"\d", name)
    return int(digit) + 8 * ("PIN" in name)


def test_frames_and_times_are_where_the_octets_came(case: Case) -> None:
    """The frames that first brought a record's ends.

    Where packets came out of order, the earliest and the latest frame of the record are as good.
    """
    for e, line, sent in matched(case):
        frames = [frame for _, _, frame in sent.captured.between(e.offset, e.end)]
        if not case.seen.times:
            assert [line[key] for key in ENDS] == [None] * 4, line
            continue
        for end, places in (("first", {frames[0], min(frames)}), ("last", {frames[-1], max(frames)})):
            frame, time = line[f"{end}_frame"], line[f"{end}_time"]
            assert frame in places, line
            assert time == pytest.approx(case.seen.times[frame - 1], abs=1e-6), line


def test_lines_come_in_the_order_in_which_records_ended(case: Case) -> None:
    """A record ended when all octets up to its last had come; judged where none was lost."""
    if not case.lossless:
        return
    ended = {}
    for _, expected, sent, lines in sides(case):
        latest = {e.offset: max(frame for *_, frame in sent.captured.between(0, e.end)) for e in expected}
        ended.update({id(line): latest[line["offset"]] for line in lines})
    order = [ended[id(line)] for line in case.lines]
    assert order == sorted(order)


def test_xens_own_checker_saw_the_same_records(case: Case) -> None:
    """verify-stream-v2 names records and lengths, as far as it got: it reads no stream with a gap, no second
    checkpoint, and nothing of a record that is not there to its end."""
    for report in case.path.parent.glob("verify-*.txt"):
        if not case.lossless:
            continue
        text = report.read_text()
        said = []
        for layer, name, length, many in re.findall(CHECKED, text, re.MULTILINE):
            plain = name.upper().replace(" ", "_").replace("TSC_INFO", "X86_TSC_INFO")
            said += ["libxc.PAGE_DATA"] * int(many) if many else [f"{layer.lower()}.{plain}({length})"]
        found = [
            f"{line['layer']}.{line['name']}" + f"({line['body_length']})" * (line["name"] != "PAGE_DATA")
            for line in case.lines
            if line["direction"] == "forward" and line["type"] is not None and line["complete"]
        ]
        # The checker that knows no checkpoints takes the libxl record behind the first one for a libxc one.
        said = said[: said.index("libxc.CHECKPOINT(0)") + 1] if "StreamError" in text or "RecordError" in text else said
        assert (found[: len(said)] if "Error" in text else found) == said, report


# The program against the truth: xenshark analyze


def test_the_analysis_says_what_was_captured(case: Case) -> None:
    """`source`, and that the contract's keys are there."""
    assert case.analysis["schema"] == "xenshark.analysis/1"
    source, times = case.analysis["source"], case.seen.times
    assert source["format"] == ("pcap" if times else "stream")
    if times:
        assert (source["packets"], source["cut_packets"]) == (len(times), case.seen.cut)
        ends = pytest.approx(min(times), abs=1e-6), pytest.approx(max(times), abs=1e-6)
        assert (source["first_time"], source["last_time"]) == ends
    assert all(entry.keys() >= MIGRATION_KEYS for entry in case.analysis["migrations"])


def test_kind_and_outcome(case: Case) -> None:
    """What sort of migration it was, and how it ended for the programs that ran it."""
    for migration, entry, _ in case.pairs():
        names = {e.name for e in migration.forward}
        kinds = {
            "save": migration.flow is None,
            "checkpointed": "CHECKPOINT" in names,
            "postcopy": "POSTCOPY_PFNS_BEGIN" in names,
            "live": True,
        }
        assert entry["kind"] == next(kind for kind, true in kinds.items() if true)
        succeeded = migration.completed if migration.completed is not None else "-fail-" not in case.name
        outcome = "failover" if "CHECKPOINT" in names else "completed" if succeeded else "failed"
        assert entry["outcome"] == outcome


def test_stream_facts(case: Case) -> None:
    """What the image and domain headers say, where they were captured."""
    for migration, entry, _ in case.pairs():
        sent = case.seen.flows[migration.flow]
        stream, heads = entry["stream"], {e.name: e for e in migration.forward if known(e, sent)}
        if image := heads.get("image header"):
            version = sent.word(image.offset + 12, ">I")
            assert (stream["version"], stream["endianness"]) == (version, "little")
            assert version == 2 or not stream["postcopy_dialect"]
            assert stream["postcopy_dialect"] or "POSTCOPY_BEGIN" not in heads
        if domain := heads.get("domain header"):
            kind, shift, major, minor = (sent.word(domain.offset + at, form) for at, form in DOMAIN_HEADER)
            assert (stream["guest"], stream["page_size"]) == (GUESTS[kind], 1 << shift)
            assert stream["xen"] == f"{major}.{minor}"
        if "xl header" in heads:
            assert entry["layers"] == ["xl", "libxl", "libxc"]


DOMAIN_HEADER = [(0, "<I"), (4, "<H"), (8, "<I"), (12, "<I")]
"""Where guest type, page_shift, xen_major and xen_minor are in a domain header."""


def test_octets_are_counted_once(case: Case) -> None:
    """Distinct octets by direction.

    Of packets that the snap length cut, what they carried may count, or what was captured.
    """
    for migration, entry, _ in case.pairs():
        for name, _, sent in migration.sides(case.seen):
            assert entry["bytes"][name] in {sent.carried.total(), sent.captured.total()}


def test_records_are_counted(case: Case) -> None:
    """Whole records by layer and name, judged on what `read` lists (which is held to the truth above).

    Where octets were lost, a record with a hole in it may count as whole or not.
    """
    for migration, entry, lines in case.pairs():
        for name, _, _ in migration.sides(case.seen):
            listed = [line for line in lines if line["direction"] == name and line["type"] is not None]
            most = Counter(f"{line['layer']}.{line['name']}" for line in listed)
            least = Counter(f"{line['layer']}.{line['name']}" for line in listed if line["complete"])
            counted = Counter({key: entry["records"][name].get(key, 0) for key in most})
            assert least <= counted <= most if not case.lossless else counted == least
            named = {key for key, count in entry["records"][name].items() if count and key.rpartition(".")[2].isupper()}
            assert named <= most.keys()


def test_pages_and_iterations(case: Case) -> None:
    """Entries, pages, types and sweeps of PAGE_DATA, where nothing was lost.

    Only records that came to their end count, as in the independent check.
    """
    if not case.lossless:
        return
    for migration, entry, _ in case.pairs():
        records = complete(migration.forward, case.seen.flows[migration.flow])
        lists = [e for e in records if e.name == "PAGE_DATA"]
        types = page_types(lists)
        runs = [run for e in lists for run in e.runs or []]
        unique = {pfn for first, count, _ in runs for pfn in range(first, first + count)}
        pages = entry["pages"]
        assert pages["entries"] == sum(types.values())
        assert pages["data_pages"] == sum(e.pages for e in lists)
        assert pages["unique_pfns"] == len(unique)
        assert {nibble(kind): count for kind, count in pages["by_type"].items() if count} == types
        assert [[sweep["entries"], sweep["data_pages"]] for sweep in entry["iterations"]] == sweeps(lists)
        assert [sweep["index"] for sweep in entry["iterations"]] == list(range(len(entry["iterations"])))
        verified = [e.offset for e in records if e.name == "VERIFY"]
        again = [sweep for sweep in entry["iterations"] if sweep.get("verify")]
        after = sweeps([e for e in lists if verified and e.offset > verified[0]])
        assert [[sweep["entries"], sweep["data_pages"]] for sweep in again] == after


def test_the_independent_check_counted_the_same(case: Case) -> None:
    """The analysis beside the figures of independent-check.txt, without the walk between them."""
    if not (case.path.parent / "independent-check.txt").exists():
        return
    figures, tcp, _ = check(case.path.parent)
    ((_, entry, _),) = case.pairs()
    if tcp:
        carried = tcp["stream_bytes"] - tcp["gap_bytes"]
        assert entry["bytes"]["forward"] in {carried, carried - tcp["snap_missing"]}
    if case.lossless:
        for layer, counts in (("libxc", figures["records"]), ("libxl", figures["libxl"])):
            assert {name: entry["records"]["forward"].get(f"{layer}.{name}") for name in counts} == counts
        pages = entry["pages"]
        assert (pages["entries"], pages["data_pages"]) == (figures["pfns_listed"], figures["pages_with_data"])
        assert pages["unique_pfns"] == figures["unique_pfns"]
        found = [[sweep["entries"], sweep["data_pages"]] for sweep in entry["iterations"]]
        assert found == figures["sweeps(pfns,pages_with_data)"]


def test_gaps_are_what_no_packet_carried(case: Case) -> None:
    """Offsets and lengths of what was lost, and the record it fell in if the program found that record.

    Octets that the snap length cut off may be among the gaps or not.
    """
    for migration, entry, lines in case.pairs():
        for name, expected, sent in migration.sides(case.seen):
            gaps = [gap for gap in entry["gaps"] if gap["direction"] == name]
            found = sorted((gap["offset"], gap["length"]) for gap in gaps)
            lost = sent.carried.holes(0, len(sent.octets))
            if case.seen.cut:
                assert not [gap for gap in found if sent.captured.between(gap[0], sum(gap))]
                assert set(lost) <= set(found)
            else:
                assert found == lost
            reported = {line["offset"] for line in lines if line["direction"] == name}
            for gap in gaps:
                inside = [e for e in expected if e.offset in reported and e.offset <= gap["offset"] < e.end]
                assert gap["record"] == (inside[0].name if inside else gap["record"])


def test_phases_follow_each_other(case: Case) -> None:
    """Known names, in the order of time, and no octet in two of them."""
    for migration, entry, _ in case.pairs():
        phases = entry["phases"]
        assert {phase["name"] for phase in phases} <= PHASES
        for name, _, _ in migration.sides(case.seen):
            assert sum(phase[name] for phase in phases) <= entry["bytes"][name]
        if case.seen.times:
            starts = [phase["start_time"] for phase in phases]
            assert starts == sorted(starts)
            assert all(phase["start_time"] <= phase["end_time"] for phase in phases)
