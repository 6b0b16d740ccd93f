"""Makes genuine captures worse, as captures are, and holds what the program says of them against what it says of the
genuine one.

    python -m tests.impair --count 400 --seed 1 [--first CASE] [--keep FOLDER]

Each case is made from the seed and its number alone: a capture, and one to three impairments of it. It fails if the
program says anything false: a record that was never sent or has another field, an error or a warning that the genuine
capture has not, an outcome that is neither the genuine one nor "incomplete", a fault with another answer. What was
captured whole and is not reported is counted, and printed with the record behind which it was lost.
"""

from __future__ import annotations

import argparse
import random
import struct
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent / "support"))

from seen import LINK_HEADERS, SYN, Coverage, packets_in, place_of, tcp, unpacked

import dissector
from dissector.results.encoding import to_json

CAPTURES = Path(__file__).resolve().parent.parent / "captures"

GENUINE = (
    "postcopy/a_loopback/lo_snap128",
    "postcopy/c_netem/veth_rx",
    "postcopy/d_concurrent/veth_rx",
    "postcopy/f_remus/veth_rx",
    "postcopy/g_receiver_killed/veth_rx",
    "violations/none/none",
    "xen/hvm-live-lo/hvm-live-lo",
    "xen/pv-live-any-nano/pv-live-any-nano",
)

VIOLATIONS = tuple(
    f"violations/{path.name}/{path.name}" for path in sorted((CAPTURES / "violations").iterdir()) if path.is_dir()
)
"""Each has something wrong in it, but for one."""

HARMLESS_SHARE = 0.2
"""Of the cases: nothing is taken away in these, and what is wrong in their captures has to be found."""

MISSED = 0.002
"""The share of records captured whole that may be missing from what is reported, over all cases."""

OF_THE_CAPTURE = frozenset({"stream-resynchronised", "tcp-conflict"})
"""Rules about what an impairment does."""

SPACE = 1 << 32


class Packet(NamedTuple):
    """One of the genuine capture, or made of one: what the file has before its octets, these, and what it brings."""

    header: bytes
    octets: bytes
    sender: Any
    start: int
    """Where its payload begins in what the sender sent; of no octet if `is_other`."""
    payload: int
    """Octets of it that were captured."""
    is_other: bool = False


class Genuine(NamedTuple):
    """A capture as it is in the repository."""

    name: str
    file_header: bytes
    packets: list[Packet]
    link: int


class Said(NamedTuple):
    """What the program says of a capture; a record has the sender of its direction and its place in what that sent."""

    records: dict[tuple[Any, int, int | str], dict[str, Any]]
    """By type, or by name if there is none: without a header nobody knows which version's name it has."""
    findings: Counter[tuple[str, str]]
    outcomes: dict[Any, str]
    answers: dict[tuple[Any, int, int], int | None]


@cache
def genuine(name: str) -> Genuine:
    octets = unpacked(CAPTURES / f"{name}.pcap.zst")
    (link,) = struct.unpack_from("<I", octets, 20)
    packets: list[Packet] = []
    anchors: dict[Any, int] = {}
    for header, packet in packets_in(octets):
        segment = tcp(memoryview(packet)[LINK_HEADERS[link] :], len(packets))
        sender = segment.source, segment.destination
        anchor = anchors.setdefault(sender, segment.sequence + bool(segment.flags & SYN))
        start = place_of(segment, anchor)
        packets.append(Packet(header, packet, sender, start, len(segment.payload)))
    return Genuine(name, octets[:24], packets, link)


# --- impairments ---------------------------------------------------------------------------------------------

Impair = Callable[[random.Random, Genuine, list[Packet]], list[Packet]]


def drop(chance: random.Random, of: Genuine, packets: list[Packet]) -> list[Packet]:
    share = chance.choice((0.001, 0.01, 0.05))
    return [packet for packet in packets if chance.random() >= share]


def drop_in_a_row(chance: random.Random, of: Genuine, packets: list[Packet]) -> list[Packet]:
    at = chance.randrange(len(packets))
    return packets[:at] + packets[at + chance.choice((2, 10, 100)) :]


def duplicate(chance: random.Random, of: Genuine, packets: list[Packet]) -> list[Packet]:
    share = chance.choice((0.01, 0.2, 1.0))
    return [packet for packet in packets for _ in range(1 + (chance.random() < share))]


def reorder(chance: random.Random, of: Genuine, packets: list[Packet]) -> list[Packet]:
    reach, share = chance.choice((2, 6, 20)), chance.choice((0.01, 0.1))
    keys = [at + chance.randrange(1, reach + 1) * (chance.random() < share) + 0.5 for at in range(len(packets))]
    times = [packet.header[:8] for packet in packets]
    order = sorted(range(len(packets)), key=lambda at: (keys[at], at))
    return [packets[at]._replace(header=time + packets[at].header[8:]) for time, at in zip(times, order, strict=True)]


def overlap(chance: random.Random, of: Genuine, packets: list[Packet]) -> list[Packet]:
    """Octets that came are sent again, and are others."""
    share = chance.choice((0.001, 0.01))
    result: list[Packet] = []
    for packet in packets:
        result.append(packet)
        if packet.payload > 16 and chance.random() < share:
            head = len(packet.octets) - packet.payload
            other = packet.octets[:head] + chance.randbytes(packet.payload)
            result.append(packet._replace(octets=other, is_other=True))
    return result


def cut(chance: random.Random, of: Genuine, packets: list[Packet]) -> list[Packet]:
    snap = chance.choice((96, 128, 200, 400, 1000))

    def shorten(packet: Packet) -> Packet:
        lost = max(0, len(packet.octets) - snap)
        header = packet.header[:8] + struct.pack("<I", len(packet.octets) - lost) + packet.header[12:]
        return packet._replace(header=header, octets=packet.octets[:snap], payload=max(0, packet.payload - lost))

    return list(map(shorten, packets))


def late(chance: random.Random, of: Genuine, packets: list[Packet]) -> list[Packet]:
    return packets[chance.choice((1, 3, 10, len(packets) // 10, len(packets) // 2, len(packets) * 9 // 10)) :]


def early(chance: random.Random, of: Genuine, packets: list[Packet]) -> list[Packet]:
    return packets[: -chance.choice((1, 3, 10, len(packets) // 10, len(packets) // 2))]


def one_direction(chance: random.Random, of: Genuine, packets: list[Packet]) -> list[Packet]:
    side = chance.choice((0, 1))
    return [packet for packet in packets if (packet.sender[0] > packet.sender[1]) == side]


def wrap(chance: random.Random, of: Genuine, packets: list[Packet]) -> list[Packet]:
    """Other initial sequence numbers, so that they wrap in the middle of the stream."""
    middle = {packet.sender: packet.start for packet in packets if chance.random() < 0.5}
    shifts: dict[Any, int] = {}

    def shifted(packet: Packet) -> Packet:
        octets = bytearray(packet.octets)
        ip = LINK_HEADERS[of.link]
        at = ip + ((octets[ip] & 15) * 4 if octets[ip] >> 4 == 4 else 40)
        for place, sender in ((at + 4, packet.sender), (at + 8, packet.sender[::-1])):
            (number,) = struct.unpack_from(">I", octets, place)
            if sender not in shifts:
                shifts[sender] = -(number + middle.get(sender, 0)) if place == at + 4 else chance.randrange(SPACE)
            struct.pack_into(">I", octets, place, (number + shifts[sender]) % SPACE)
        return packet._replace(octets=bytes(octets))

    return list(map(shifted, packets))


IMPAIRMENTS: tuple[Impair, ...] = (
    drop, drop_in_a_row, duplicate, reorder, overlap, cut, late, early, one_direction, wrap
)  # fmt: skip


HARMLESS = frozenset({duplicate, wrap})
"""Those after which everything that was said has to be said again."""


# --- what is said --------------------------------------------------------------------------------------------


def said(path: Path) -> Said:
    source = dissector.open(path)
    migrations = source.analyze().migrations
    ends = [
        tuple((str(end.address), end.port) for end in (one.flow.source, one.flow.destination)) if one.flow else ()
        for one in migrations
    ]

    def sender(number: int, direction: str) -> Any:
        return ends[number] if direction == "forward" else ends[number][::-1]

    records = {}
    for record in dissector.open(path).records():
        one = to_json(record)
        what = record.name if record.type is None else record.type
        records[sender(record.migration, record.direction), record.offset, what] = one
    findings: Counter[tuple[str, str]] = Counter(
        (finding.rule, finding.severity)
        for one in migrations
        for finding in one.findings
        if finding.severity in ("error", "warning")
    )
    answers = {
        (sender(fault.migration, "reverse"), fault.offset, fault.pfn): fault.answer.offset if fault.answer else None
        for fault in dissector.open(path).faults()
    }
    return Said(records, findings, dict(zip(ends, (one.outcome for one in migrations), strict=True)), answers)


@cache
def said_of_genuine(name: str) -> Said:
    return said(CAPTURES / f"{name}.pcap.zst")


PLACES = ("migration", "name", "number", "offset", "first_frame", "last_frame", "first_time", "last_time", "complete")
"""What an impairment may change of a record."""

LINKED = ("answers", "faults", "pages")
"""Fields that say of other records, or of as many entries as were captured."""


def is_same(one: Mapping[str, Any], true: Mapping[str, Any]) -> bool:
    """Whether a record is the true one as far as it was captured."""
    ours, its = one["fields"], true["fields"]
    if any(one[key] != true[key] for key in one if key not in (*PLACES, "length", "fields")):
        return False
    if one["length"] > true["length"] or (one["complete"] and one["length"] < true["length"]):
        return False
    if one["complete"] and true["complete"]:
        return {key: ours[key] for key in ours if key not in LINKED[:2]} == {
            key: its[key] for key in its if key not in LINKED[:2]
        }
    numbers = [key for key in ours if isinstance(ours[key], int) and key in its]
    texts = [key for key in ours if isinstance(ours[key], str) and key in its]
    return all(ours[key] == its[key] for key in numbers) and all(its[key].startswith(ours[key]) for key in texts)


def shifts(found: Said, true: Said) -> dict[Any, int]:
    """How much later each sender's octets begin in the impaired capture than in the genuine one, by most records."""
    counts: dict[Any, Counter[int]] = {}
    places: dict[Any, list[tuple[int, Mapping[str, Any]]]] = {}
    for (sender, offset, name), record in true.records.items():
        places.setdefault((sender, name, record["body_length"]), []).append((offset, record))
    for (sender, offset, name), record in found.records.items():
        for true_offset, other in places.get((sender, name, record["body_length"]), ()):
            if is_same(record, other):
                counts.setdefault(sender, Counter())[true_offset - offset] += 1
    return {sender: max(counted, key=lambda by: (counted[by], -by)) for sender, counted in counts.items()}


def false_words(found: Said, true: Said) -> Iterator[str]:
    """All that is said and is not so."""
    by = shifts(found, true)
    for (sender, offset, name), record in found.records.items():
        place = sender, offset + by.get(sender, 0), name
        if place not in true.records or not is_same(record, true.records[place]):
            yield f"false record {name} at {offset} (+{by.get(sender, 0)}) of {sender}: {record['fields']}"
    allowed = OF_THE_CAPTURE | ({"migration-failed"} if "failed" in true.outcomes.values() else set())
    for rule, severity in found.findings - true.findings:
        if rule not in allowed:
            yield f"false {severity} {rule}"
    for ends, outcome in found.outcomes.items():
        if outcome not in ("incomplete", true.outcomes.get(ends)):
            yield f"false outcome {outcome}, it is {true.outcomes.get(ends)}"
    for (sender, offset, pfn), answer in found.answers.items():
        its = true.answers.get((sender, offset + by.get(sender, 0), pfn))
        if answer is not None and answer + by.get(sender[::-1], 0) != its:
            yield f"false answer to pfn {pfn:#x} at {offset}: {answer}, it is {its}"


def lost_words(found: Said, true: Said) -> Iterator[str]:
    """All that is not said any more of a capture to which nothing happened that takes something away."""
    for place in true.records.keys() - found.records.keys():
        yield f"lost record {place}"
    for rule, severity in true.findings - found.findings:
        yield f"lost {severity} {rule}"
    for place, answer in true.answers.items():
        if found.answers.get(place) != answer:
            yield f"lost answer to {place}: {found.answers.get(place)}"
    if found.outcomes != true.outcomes:
        yield f"other outcomes: {found.outcomes}"


def missed(packets: Iterable[Packet], found: Said, true: Said) -> Iterator[str | None]:
    """For each record that was captured whole: None if it is reported, else what it is."""
    covered: dict[Any, Coverage] = {}
    for packet in packets:
        if packet.payload and not packet.is_other:
            coverage = covered.setdefault(packet.sender, Coverage())
            list(coverage.add(packet.start, packet.start + packet.payload, 0))
    by = shifts(found, true)
    for (sender, offset, name), record in true.records.items():
        if sender in covered and record["complete"] and covered[sender].has(offset, offset + record["length"]):
            is_there = (sender, offset - by.get(sender, 0), name) in found.records
            yield None if is_there else f"{name} at {offset} of {sender}"


class Result(NamedTuple):
    """What came of one case."""

    what: str
    false: list[str]
    whole: int
    missed: list[str]


class Case(NamedTuple):
    """Which capture, what happens to it, and the chance that goes on to say where."""

    name: str
    impairments: list[Impair]
    chance: random.Random


def choose(seed: int, case: int) -> Case:
    chance = random.Random(f"{seed}/{case}")
    if chance.random() < HARMLESS_SHARE:
        return Case(chance.choice(VIOLATIONS), [duplicate, wrap], chance)
    return Case(chance.choice(GENUINE), chance.sample(IMPAIRMENTS, chance.choice((1, 1, 2, 3))), chance)


def run_case(seed: int, case: int, path: Path) -> Result:
    name, chosen, chance = choose(seed, case)
    of = genuine(name)
    packets = of.packets
    for impair in chosen:
        packets = impair(chance, of, packets) or packets
    path.write_bytes(of.file_header + b"".join(packet.header + packet.octets for packet in packets))
    found, true = said(path), said_of_genuine(of.name)
    told = list(missed(packets, found, true))
    what = f"case {case}: {of.name}, {', '.join(one.__name__ for one in chosen)}"
    false = list(false_words(found, true))
    if set(chosen) <= HARMLESS:
        false += lost_words(found, true)
    return Result(what, false, len(told), [one for one in told if one is not None])


def run(count: int, seed: int, first: int = 0, keep: Path | None = None) -> tuple[int, int, int]:
    """So many cases: how many say something false, records captured whole, and how many of these are missing."""
    wrong = whole = missing = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.pcap"
        for case in range(first, first + count):
            result = run_case(seed, case, path)
            wrong += bool(result.false)
            whole += result.whole
            missing += len(result.missed)
            if result.false or result.missed:
                print(result.what, file=sys.stderr)
                for words in result.false[:5]:
                    print(f"  {words}", file=sys.stderr)
                for words in result.missed[:5]:
                    print(f"  missed {words}", file=sys.stderr)
                if keep is not None:
                    (keep / f"case-{seed}-{case}.pcap").write_bytes(path.read_bytes())
    return wrong, whole, missing


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.impair", description="Reads impaired captures.")
    parser.add_argument("--count", type=int, default=400, help="cases (default: 400)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, metavar="CASE", help="number of the first case")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where to put the files of cases that fail")
    arguments = parser.parse_args()
    wrong, whole, missing = run(arguments.count, arguments.seed, arguments.first, arguments.keep)
    share = missing / whole if whole else 0.0
    print(f"{arguments.count} cases, {wrong} say something false; of {whole:,} records captured whole")
    print(f"{missing:,} are not reported ({share:.2%})")
    return 1 if wrong or share > MISSED else 0


if __name__ == "__main__":
    sys.exit(main())
