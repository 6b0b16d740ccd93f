"""Rules of the capture itself: what it has lost of both directions."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from functools import partial

from dissector.events import FORWARD, REVERSE
from dissector.facts.directions import DirectionFacts
from dissector.facts.migration import Migration
from dissector.rules import examples as eg
from dissector.rules.rule import Rule, Violation, declared
from dissector.units import NS

_rule = partial(Rule, group="toolstack and capture")


class Gaps(StrEnum):
    """Where the octets are missing."""

    IN_RECORD = "{length:,} octets from offset {offset:,} on were not captured, in {record}"
    BETWEEN = "{length:,} octets from offset {offset:,} on were not captured, between records"


class Way(StrEnum):
    """Whether a record was found again."""

    FOUND = "{skipped:,} octets before this record could not be followed"
    NOT_FOUND = "the way was lost at offset {offset:,} and not found again"


CAPTURE_GAP = _rule(
    id="capture-gap",
    severity="note",
    summary="The capture has lost octets that were on the wire",
    source="RFC 9293, section 3.4: octets missing between sequence numbers that were seen or acknowledged",
    why="The two ends of the migration did get these octets; only the capture did not. What they carried"
    " is unknown, and no rule is judged that would need it.",
    advice="If what is missing matters, capture again with a larger buffer (-B of tcpdump and dumpcap), on a host or"
    " disk that keeps up, or without page contents (`xenshark tap --no-pages`).",
    example="octets 1000 to 2447 of a direction in no packet; no finding: the same octets in a later retransmission",
    messages=Gaps,
    breaking=(*eg.HVM3, eg.Missing(1448, "PAGE_DATA"), eg.PAGES),
    legal=(*eg.HVM3, eg.PAGES),
)

CAPTURE_CUT = _rule(
    id="capture-cut",
    severity="note",
    summary="The capture holds only the beginning of some packets",
    source="pcap and pcapng packet headers: captured length below original length",
    why="The capturing program was told to keep a limited number of octets of each packet. The rest was"
    " sent and has its place in the stream, but its contents are unknown.",
    advice="If contents matter, capture whole packets: tcpdump -s 0.",
    example="captured 128 of 1514 octets; no finding: captured 1514 of 1514",
    message="packets were cut short: of {octets:,} octets some are not in the capture",
    breaking=(*eg.HVM3, eg.Cut(), eg.PAGES),
    legal=(*eg.HVM3, eg.PAGES),
)

STREAM_RESYNCHRONISED = _rule(
    id="stream-resynchronised",
    severity="warning",
    wireshark=True,
    summary="The way through the records was lost over missing octets and found again later",
    source="libxc specification, Records: a header can be found only through the lengths before it",
    why="No marker stands before a record, so the next header is searched for by what a header and its"
    " body can look like. The octets passed over are not dissected, and no rule is judged on them.",
    advice="If what was passed over matters, capture again without losses: see capture-gap.",
    example="a gap over two record headers; no finding: a gap inside one body",
    messages=Way,
    breaking=(*eg.HVM3, eg.Missing(64), eg.Skipped(64), eg.PAGES),
    legal=(*eg.HVM3, eg.Missing(64, "PAGE_DATA"), eg.PAGES),
)

CAPTURE_STARTS_LATE = _rule(
    id="capture-starts-late",
    severity="note",
    summary="The beginning of the connection was not captured",
    source="RFC 9293, section 3.5: no SYN was seen",
    why="The headers of the stream, and with them its version, byte order and guest type, may be"
    " missing, so these are concluded from the records that were captured. Nothing is known of what came"
    " earlier.",
    advice="If the beginning matters, start to capture before the migration begins.",
    example="first packet without SYN; no finding: SYN, SYN-ACK, ACK",
    message="the connection's beginning was not captured; what is known begins in {where}",
    breaking=(eg.Late(), eg.PAGES),
    legal=(*eg.HVM3, eg.PAGES),
)

CLOCK_STEPPED_BACK = _rule(
    id="clock-stepped-back",
    severity="note",
    summary="A later packet has an earlier time: the clock of who captured was set back",
    source="pcap and pcapng formats: a packet's time is the capturing host's clock",
    why="Somebody, or NTP, set that clock while it captured, or captures of two hosts were merged. The order of the"
    " packets is right all the same. Times before and after it do not compare: a duration that would be negative is"
    " given as 0.",
    advice="Do not trust times that span it. Let no clock be set while you capture, and do not merge captures of"
    " hosts with different clocks.",
    example="a packet of 13:00:05, the next one of 12:00:06; no finding: a few milliseconds, as between receive queues",
    message="the clock goes back by {by:.3f} s in frame {frame}: times before and after it do not compare",
    breaking=(*eg.HVM3, eg.Earlier(3600), eg.PAGES),
    legal=(*eg.HVM3, eg.PAGES),
)

CAPTURED_TWICE = _rule(
    id="captured-twice",
    severity="note",
    summary="The same packets were captured more than once",
    source="RFC 9293, section 3.4: the same sequence numbers in packet after packet",
    why="A capture on all interfaces sees a packet on a bridge and on its port, with a VLAN tag and without; a mirror"
    " port sees it as it comes and as it goes. Copies are no retransmissions, and are not counted as such; what is a"
    " retransmission as well cannot be told apart for sure.",
    advice="Nothing has to be done to read it. For exact counts of retransmissions capture on one interface, not on"
    " any, or one way of a mirror port.",
    example="every segment within 0.5 ms of its like; no finding: 2 % of the octets sent again",
    message="each packet was captured {times} times or so: these are no retransmissions",
    breaking=(*eg.HVM3, eg.PAGES, eg.Copied(1)),
    legal=(*eg.HVM3, eg.PAGES),
)

PEER_SILENT = _rule(
    id="peer-silent",
    severity="warning",
    summary="One side was not heard any more although the other sent again what it had sent",
    source="RFC 9293, section 3.8.1, and RFC 6298: what is not acknowledged is sent again, ever more seldom",
    why="The link is broken, a host is down, or something on the way drops packets from there on. The sending side"
    " goes on for a quarter of an hour or so before it gives up: a migration that hangs. Or the capture misses what the"
    " other side sends.",
    advice="See whether the silent side is up and its link is, and whether a firewall between them forgot the"
    " connection. If both were well, capture at the host that seems silent: the capture missed it.",
    example="3 segments sent again, and 5 s without a packet from the destination; no finding: the same within 0.4 s",
    message="{who} stopped acknowledging {seconds:.3f} s before the {what} ends; {segments:,} segments sent again in"
    " vain",
    breaking=(*eg.HVM3, eg.PAGES, eg.InVain(3, 5)),
    legal=(*eg.HVM3, eg.PAGES, eg.InVain(1, 0.2)),
)

TCP_CONFLICT = _rule(
    id="tcp-conflict",
    severity="warning",
    summary="A retransmitted segment holds other octets than those seen first",
    source="RFC 9293, section 3.4: a sequence number stands for one octet",
    why="Xen is not the cause: it writes to a byte stream and never sees segments. The capture is"
    " damaged, two connections were taken for one, or something on the path alters packets; which of the"
    " two versions the receiver got cannot be known.",
    advice="Capture on both hosts and compare: where they differ, something between them alters packets. Where they"
    " agree, the first capture was damaged.",
    example="octet 100 is 0x00, in the retransmission 0x2a; no finding: 0x00 both times",
    message="{count:,} retransmitted segments differ from what was seen first",
    breaking=(*eg.HVM3, eg.PAGES, eg.Conflict()),
    legal=(*eg.HVM3, eg.PAGES),
)

RULES = declared(globals())

SILENT_LEAST, IN_VAIN_LEAST = NS, 2
"""Time (ns) without a packet, and segments sent again, that no link that is alive makes."""

OTHER = {FORWARD: "the destination", REVERSE: "the source"}


def judge_way(skipped: int, direction: DirectionFacts) -> Iterator[Violation]:
    """A record before which so many octets could not be followed. Where the capture has lost nothing, the way was lost
    for a header that cannot be believed, and that has a rule of its own."""
    if skipped and direction.is_damaged:
        yield STREAM_RESYNCHRONISED(Way.FOUND, skipped=skipped)


def judge_end(migration: Migration) -> Iterator[Violation]:
    """All that the capture has lost."""
    directions = (migration.forward, migration.reverse)
    if migration.forward.late:
        first = [f"{one.direction} frame {one.first.first.frame}" for one in directions if one.first is not None]
        yield CAPTURE_STARTS_LATE(where=" and ".join(first))
    if migration.went_back is not None:
        frame, by = migration.went_back
        yield CLOCK_STEPPED_BACK(frame=frame, by=by / NS)
    for direction in directions:
        for violation in _losses(direction):
            yield violation.on(direction.direction)
        if migration.is_timed and direction.in_vain >= IN_VAIN_LEAST and direction.unheard >= SILENT_LEAST:
            yield _silent(direction).on(direction.direction)


def _silent(direction: DirectionFacts) -> Violation:
    what = "capture" if direction.ended == "capture" else "connection"
    who, seconds = OTHER[direction.direction], direction.unheard / NS
    return PEER_SILENT(who=who, seconds=seconds, what=what, segments=direction.in_vain)


def _losses(direction: DirectionFacts) -> Iterator[Violation]:
    for gap in direction.gaps:
        template = Gaps.IN_RECORD if gap.record else Gaps.BETWEEN
        yield CAPTURE_GAP(template, length=gap.length, offset=gap.offset, record=gap.record)
    if direction.cut:
        yield CAPTURE_CUT(octets=direction.offset)
    if direction.copies:
        yield CAPTURED_TWICE(times=direction.copies + 1)
    if direction.conflicts:
        yield TCP_CONFLICT(count=direction.conflicts)
    if direction.lost_at is not None and direction.is_damaged:
        yield STREAM_RESYNCHRONISED(Way.NOT_FOUND, offset=direction.lost_at)
