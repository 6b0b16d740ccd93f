"""What limited a migration: as it was set where it was set, and never against the description of a genuine capture.

`limits/` holds captures of the set-ups of `support/bench.py`, each at both ends, pages zeroed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bench
import pytest
from conftest import ELSEWHERE, OWN, captures
from wire import Captured, pcap

import dissector
from dissector.capture.fragments import Fragments
from dissector.capture.link import Segment
from dissector.capture.opening import open_capture
from dissector.capture.reader import Packet
from dissector.capture.tunnels import decode
from dissector.facts.limits import CAUSES
from dissector.results.analysis import MigrationResult
from dissector.results.limits import NAMED, LimitsResult, SharesResult
from dissector.results.stalls import MigrationStallResult
from dissector.tcp.connections import ACK, SYN

FOLDER = Path(__file__).parent / "limits"

MADE = {
    f"{name}, {side}": (setup, FOLDER / f"{bench.file_name(name, side)}.zst", side)
    for name, setup in bench.SETUPS.items()
    for side in bench.SIDES
}

MAINLY = {
    "postcopy/b_veth1500/veth_rx": "source_idle",  # it writes 15 MB/s at most, as all that have no other reason
    "postcopy/c3_capture_drops/veth_rx_with_capture_drops": "source_idle",
    "postcopy/c_netem/veth_rx": "congestion",  # delay, loss, reordering, duplicates
    "postcopy/d_concurrent/veth_rx": "source_idle",
    "postcopy/f_precopy_only/veth_rx": "source_idle",
    "postcopy/f_remus/veth_rx": "source_idle",  # and it waits between checkpoints
    "xen/pv-live-netem/pv-live-netem": "congestion",  # the same
    "xen/pvh-420-tap/pvh-420-tap": "unclear",  # a tap sees no network
}
"""What the description of a capture says, by the capture's name."""

AT = {
    "postcopy/c_netem/veth_rx": "destination",
    "xen/pv-live-mtu1500-drops/pv-live-mtu1500-drops": "destination",
    "xen/pvh-fail-sender-killed/pvh-fail-sender-killed": "destination",
}
"""Where it was captured, by the capture's name, as far as TCP can tell."""


def named(name: str) -> list[MigrationResult]:
    """The migrations of a capture, whatever its format."""
    files = [*OWN.glob(f"{name}.pcap*"), *ELSEWHERE.glob(f"{name}.pcap*")]
    return [one for file in files[:1] for one in dissector.open(str(file)).analyze().migrations]


def limits(migration: MigrationResult) -> LimitsResult:
    assert migration.limits is not None
    return migration.limits


@pytest.mark.parametrize("case", MADE.values(), ids=MADE)
def test_it_is_what_was_set(case: tuple[bench.Setup, Path, str]) -> None:
    setup, path, side = case
    assert not bench.wrong(setup, path)
    (migration,) = dissector.open(str(path)).analyze().migrations
    assert limits(migration).side in (side, None)
    if setup.link is not None and setup.link.delay:
        assert limits(migration).side == side


Keep = Callable[[Segment, bool, float], bool]
"""Whether a capture has a segment: it, whether it is of the source, and which share of all packets were before it."""

WORSE: dict[str, Keep] = {
    "no handshake": lambda segment, is_sources, at: not segment.flags & SYN,
    "begun late": lambda segment, is_sources, at: at > 0.25,
    "the source's packets alone": lambda segment, is_sources, at: is_sources,
    "no answers": lambda segment, is_sources, at: is_sources or not segment.length,
}
"""Captures that lack what the answer rests on."""


def worse(path: Path, keep: Keep, into: Path) -> Path:
    reader = open_capture(str(path))
    kept: list[tuple[Packet, Segment]] = []
    while (packet := reader.next_packet()) is not None:
        packet = packet._replace(octets=memoryview(bytes(packet.octets)))
        segment = decode(packet.link, packet.octets, packet.length, Fragments())
        assert segment is not None
        kept.append((packet, segment))
    source = next(segment.key[:4] for _, segment in kept if segment.flags & (SYN | ACK) == SYN)
    packets = [
        packet for at, (packet, segment) in enumerate(kept) if keep(segment, segment.key[:4] == source, at / len(kept))
    ]
    captured = [Captured(one.time_ns, bytes(one.octets), one.length) for one in packets]
    into.write_bytes(pcap(captured, packets[0].link))
    return into


@pytest.mark.parametrize("lacks", WORSE)
@pytest.mark.parametrize(
    "name", ["rate on the way", "small buffer", "slow reader", "slow writer far away", "late answer"]
)
@pytest.mark.parametrize("side", bench.SIDES)
def test_of_a_worse_capture_it_is_that_or_not_clear(name: str, side: str, lacks: str, tmp_path: Path) -> None:
    setup, path, _ = MADE[f"{name}, {side}"]
    (migration,) = dissector.open(str(worse(path, WORSE[lacks], tmp_path / "worse.pcap"))).analyze().migrations
    shares = {cause: getattr(limits(migration), cause) for cause in CAUSES}
    assert {cause for cause, share in shares.items() if share >= NAMED} <= {*setup.named, "unclear"}, shares


STOOD = {
    "pauses": (4, 0.5, "source_idle", "data"),
    "slow link and pauses": (4, 0.6, "source_idle", "data"),
    "slow reader and pauses": (4, 1.0, "source_idle", "data"),
    "late answer": (1, 1.5, "waiting", "message"),
}
"""How often a set-up's source stood still, for how long (s), why, and until what."""

QUEUED = 0.25
"""Seconds for which what a source had said before it paused may still go on."""


@pytest.mark.parametrize("side", bench.SIDES)
@pytest.mark.parametrize("name", STOOD)
def test_stalls_are_those_that_were_set(name: str, side: str) -> None:
    count, seconds, cause, end = STOOD[name]
    (migration,) = dissector.open(str(MADE[f"{name}, {side}"][1])).analyze().migrations
    found = [one for one in migration.stalls if one.duration > seconds / 2]
    assert [(one.cause, one.ended_by) for one in found] == [(cause, end)] * count
    assert all(seconds - QUEUED < one.duration < seconds + QUEUED for one in found)
    assert all(one.record and one.within for one in found)
    assert [one.duration for phase in migration.phases if (one := max_of(migration, phase.name))] == [
        phase.stall for phase in migration.phases if phase.stall
    ]


def max_of(migration: MigrationResult, phase: str) -> MigrationStallResult | None:
    """The longest stall of a phase."""
    return max((one for one in migration.stalls if one.phase == phase), key=lambda one: one.duration, default=None)


def test_a_link_that_reorders_is_told_with_how_far() -> None:
    """2 of 100 packets are late by 6 ms, behind those that come meanwhile; what is seen at the source is in order."""
    source, destination = (
        dissector.open(str(MADE[f"reordering, {side}"][1])).analyze().migrations[0] for side in bench.SIDES
    )
    evidence = limits(source).evidence, limits(destination).evidence
    assert evidence[0] is not None and evidence[1] is not None
    assert (evidence[0].reordered, evidence[0].reordering) == (0, None)
    found = evidence[1].reordering
    assert found is not None and evidence[1].reordered > 20
    assert 0.004 < found.time.median < 0.008 and found.time.max < 0.02
    assert found.octets.max == pytest.approx(found.segments.max * 1448, rel=0.05)


def test_a_queue_is_told_with_how_long_packets_stood_in_it() -> None:
    """A link that takes 3 MB/s lets 200 kB wait. Before it, nothing is seen of that but longer round trips."""
    before, behind = (
        limits(dissector.open(str(MADE[f"rate on the way, {side}"][1])).analyze().migrations[0]) for side in bench.SIDES
    )
    assert before.evidence is not None and behind.evidence is not None
    assert before.evidence.queued is None and "round trips took" in before.sentence
    found = behind.evidence.queued
    assert found is not None and found.max == pytest.approx(200_000 / 3_000_000, rel=0.05)
    assert 0.5 * found.max < found.median <= found.max
    assert f"packets stood in a queue for {found.median * 1e3:.3f} ms" in behind.sentence


@pytest.mark.parametrize("name", MAINLY)
def test_it_is_what_a_capture_is_said_to_show(name: str) -> None:
    for migration in named(name):
        shares = {cause: getattr(limits(migration), cause) for cause in CAUSES}
        assert max(shares, key=shares.__getitem__) == MAINLY[name]


@pytest.mark.parametrize("name", AT)
def test_where_it_was_captured(name: str) -> None:
    for migration in named(name):
        assert limits(migration).side == AT[name]


def test_packets_that_the_capture_lost_were_not_lost_on_the_way() -> None:
    (dropped,) = named("xen/pv-live-mtu1500-drops/pv-live-mtu1500-drops")
    assert len(dropped.gaps) == 186
    assert limits(dropped).congestion_by.loss < 0.02


@pytest.mark.parametrize("path", captures().values(), ids=captures())
def test_shares_are_shares(path: Path) -> None:
    for migration in dissector.open(str(path)).analyze().migrations:
        if migration.flow is None:
            assert migration.limits is None
            continue
        whole = limits(migration)
        parts = [one.limits for one in migration.phases]
        for shares in (whole, *parts):
            assert isinstance(shares, SharesResult)
            each = [getattr(shares, cause) for cause in CAUSES]
            assert sum(each) == pytest.approx(1) and all(0 <= one <= 1 for one in each)
        assert sum(vars(whole.congestion_by).values()) == pytest.approx(whole.congestion)
        evidence = whole.evidence
        if evidence is not None and evidence.rtt is not None and evidence.in_flight is not None:
            assert 0 <= evidence.rtt.min <= evidence.rtt.median <= evidence.rtt.p95
            assert 0 <= evidence.in_flight.median <= evidence.in_flight.max


@pytest.mark.parametrize("name", ["field/28_clock_step_back", "field/24_simple_packets"])
def test_times_that_cannot_be_believed_limit_nothing(name: str) -> None:
    (migration,) = named(name)
    assert migration.limits is None and all(phase.limits is None for phase in migration.phases)
