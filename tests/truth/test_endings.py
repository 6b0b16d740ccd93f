"""What the end of a connection shows of a stream that was sent to its END: no verdict is better than the evidence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import pytest
import talks
from conversation import ACK, FIN, OTHER, RST, Packet, Packets, Wire, judge, judge_all, packets, pcap
from talks import Item, Speaker, Talk, handshake, request, text

from dissector.events import FORWARD, REVERSE, Direction
from dissector.protocol import MESSAGES

Seen = Literal["all", "source", "none acknowledged", "half acknowledged"]
"""Which packets were captured: all; the source's alone; all, and the destination acknowledges nothing, or half."""


class Ends(NamedTuple):
    """Who ends the connection, and how; None: the capture ends first."""

    who: Direction | None
    how: Literal["fin", "rst"] = "rst"


SOURCE_RESETS, DESTINATION_RESETS = Ends(FORWARD), Ends(REVERSE)
SOURCE_CLOSES, DESTINATION_CLOSES, NOBODY = Ends(FORWARD, "fin"), Ends(REVERSE, "fin"), Ends(None)
RESETS = (SOURCE_RESETS, DESTINATION_RESETS)


def edited(seen: Seen, ends: Ends) -> Callable[[Packets], Packets]:
    def edit(packets: Packets) -> Packets:
        sent = {way: max(one.offset + len(one.payload) for one in packets if one.direction == way) for way in OTHER}
        known = sent
        if seen == "source":
            packets, known = [one for one in packets if one.direction == FORWARD], {FORWARD: 0, REVERSE: sent[REVERSE]}
        elif seen != "all":
            known = {FORWARD: 0 if seen == "none acknowledged" else sent[FORWARD] // 2, REVERSE: sent[REVERSE]}
            packets = [
                one if one.direction == FORWARD else one._replace(ack=min(one.ack, known[FORWARD])) for one in packets
            ]
        if ends.who is None or (seen == "source" and ends.who == REVERSE):
            return packets
        flags = ACK | (RST if ends.how == "rst" else FIN)
        return [*packets, Packet(ends.who, flags, max(0, sent[ends.who]), b"", known[OTHER[ends.who]])]

    return edit


def _xl(*closing: Item) -> Talk:
    speaker = Speaker()
    return talks.in_xl(speaker, [*talks.libxc(speaker), *speaker.emulator(), speaker.libxl("END")], list(closing))


TALKS: dict[str, Talk] = {
    "xl": _xl(),
    "xl, ready": _xl(text("ready")),
    "xl, go": _xl(text("ready"), text("go")),
    "xl, over": _xl(text("ready"), text("go"), text("report", b"\0")),
    "xl save, sent": [one for one in _xl() if one.direction == FORWARD],
    "libxl": talks.libxl(Speaker()),
    "libxc": talks.libxc(Speaker()),
    "image": talks.xenops(),
    "xenopsd": [request(), handshake(), *talks.xenops()],
    "xenopsd, cleared": [request(), handshake(), *talks.xenops(), handshake(FORWARD)],
    "xenopsd, over": [request(), handshake(), *talks.xenops(), handshake(FORWARD), handshake()],
}
BARE = ("libxl", "libxc", "image")

GOOD, UNKNOWN = ("completed", ("no", "yes")), ("incomplete", ("undefined", "undefined"))
BACK, LOST = ("failed", ("yes", "no")), ("failed", ("undefined", "undefined"))

Row = tuple[str, Seen, Ends, tuple[str, tuple[str, str]]]

ROWS: list[Row] = [
    # Whatever was captured: only what xl's two sides said tells.
    *(("xl", "all", ends, BACK) for ends in (*RESETS, SOURCE_CLOSES, DESTINATION_CLOSES)),
    *(("xl", "none acknowledged", ends, BACK) for ends in RESETS),
    ("xl", "all", NOBODY, UNKNOWN),
    *(("xl", "source", ends, UNKNOWN) for ends in (*RESETS, SOURCE_CLOSES, NOBODY)),
    *(("xl, ready", "all", ends, BACK) for ends in (*RESETS, SOURCE_CLOSES)),
    *(("xl, go", "all", ends, LOST) for ends in (*RESETS, DESTINATION_CLOSES)),
    *(("xl, go", "source", ends, GOOD) for ends in (SOURCE_CLOSES, NOBODY)),
    ("xl, go", "source", SOURCE_RESETS, UNKNOWN),
    *(("xl, over", "all", ends, GOOD) for ends in (*RESETS, SOURCE_CLOSES, NOBODY)),
    # A save file that goes over the network has nobody who answers.
    *(("xl save, sent", "all", ends, GOOD) for ends in (SOURCE_CLOSES, DESTINATION_CLOSES, NOBODY)),
    *(("xl save, sent", "none acknowledged", ends, BACK) for ends in RESETS),
    # Nor has a stream that nothing is around: its END is all that the wire shows.
    *((name, "all", ends, GOOD) for name in BARE for ends in (SOURCE_CLOSES, DESTINATION_CLOSES, NOBODY)),
    *((name, "all", DESTINATION_RESETS, LOST) for name in BARE),
    *((name, "none acknowledged", ends, BACK) for name in BARE for ends in RESETS),
    *((name, "half acknowledged", ends, BACK) for name in BARE for ends in RESETS),
    *((name, "half acknowledged", NOBODY, UNKNOWN) for name in BARE),
    *((name, "source", SOURCE_RESETS, UNKNOWN) for name in BARE),
    *((name, "source", SOURCE_CLOSES, GOOD) for name in BARE),
    # xenopsd's destination says at last that the guest runs.
    *(("xenopsd", "all", ends, BACK) for ends in (*RESETS, SOURCE_CLOSES, DESTINATION_CLOSES)),
    ("xenopsd", "all", NOBODY, UNKNOWN),
    *(("xenopsd, cleared", "all", ends, LOST) for ends in (*RESETS, DESTINATION_CLOSES)),
    ("xenopsd, cleared", "all", NOBODY, UNKNOWN),
    ("xenopsd, cleared", "source", SOURCE_CLOSES, GOOD),
    *(("xenopsd, over", "all", ends, GOOD) for ends in (*RESETS, SOURCE_CLOSES, NOBODY)),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(map(str, (*row[:2], row[2].who, row[2].how))))
def test_the_verdict_is_no_better_than_the_evidence(row: Row) -> None:
    name, seen, ends, (outcome, may_run) = row
    verdict = judge(Wire(TALKS[name], close="", edit=edited(seen, ends)))
    found = [rule for severity, rule in verdict.worse_than_notes() if severity == "error"]
    assert (verdict.migration.outcome, verdict.migration.may_run) == (outcome, may_run)
    assert bool(found) == (outcome == "failed"), found


BANNER = MESSAGES["banner"].octets

LOGIN = b"The programs included with the Debian GNU/Linux system are free software;\n"

WINDOWS = BANNER.replace(b"\n", b"\r\n")
SPOKEN = [b"x", b"Welcome to dom0!\n", LOGIN, 3 * LOGIN, 200 * LOGIN, BANNER[:30], WINDOWS]


def said(octets: bytes) -> Item:
    return Item(REVERSE, "xl", "text", octets)


@pytest.mark.parametrize("octets", SPOKEN, ids=lambda octets: f"{octets[:16]!r} {len(octets)}")
@pytest.mark.parametrize("close", ["fin", "rst"])
def test_what_comes_before_the_banner_is_found_however_long_it_is(octets: bytes, close: str) -> None:
    for talk in ([said(octets), text("banner")], [said(octets + BANNER)]):
        (verdict,) = judge_all(pcap(packets(Wire(talk, close=close))))
        (finding,) = [one for one in verdict.findings if one.severity == "error"]
        assert (finding.rule, finding.offset, verdict.migration.outcome) == ("xl-no-banner", 0, "failed")
        assert octets[:8].strip(b"\0\r\n").decode() in finding.message


WITHOUT_BANNER = [
    b"bash: xl: command not found\n",
    b"sh: 1: xl: not found\n",
    2 * LOGIN + b"zsh: command not found: xl\n",
    b"env: 'xl': No such file or directory\n",
    b"Usage xl [-vfNtT] <subcommand> [args]\n\nxl full list of subcommands:\n",
    b"libxl: error: libxl.c:87:libxl_ctx_alloc: Domain 0:Is xenstore daemon running?\n",
    b"xc: error: Could not obtain handle on privileged command interface (2 = No such file): Internal error\n",
    b"xl migration receiver ready, send binary domain data v2.\n",
]


@pytest.mark.parametrize("octets", WITHOUT_BANNER)
@pytest.mark.parametrize("close", ["fin", "rst"])
def test_a_destination_that_fails_before_its_banner_is_known_by_its_words(octets: bytes, close: str) -> None:
    (verdict,) = judge_all(pcap(packets(Wire([said(octets)], close=close))))
    errors = [one.rule for one in verdict.findings if one.severity == "error"]
    assert (errors, verdict.migration.outcome) == (["xl-no-banner"], "failed")
    assert verdict.migration.may_run == ("yes", "no")
    assert verdict.migration.first_closed is not None


def test_words_of_xl_in_other_talks_are_no_migration() -> None:
    """An answer to a request, what the side says that opened the connection, and any other greeting."""
    words = WITHOUT_BANNER[0]
    request = Item(FORWARD, "xl", "text", b"GET /log HTTP/1.0\r\n\r\n")
    for talk in ([request, said(words)], [said(words)._replace(direction=FORWARD)], [said(b"220 mail ESMTP\r\n")]):
        assert judge_all(pcap(packets(Wire(talk)))) == []
