"""What a migration's time went to, and the sentence that says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from dissector.events import FORWARD, REVERSE, Spent, Way
from dissector.facts import Migration
from dissector.facts.limits import Cause, HeldUp, shares, together
from dissector.results.base import Result, Unit
from dissector.results.common import Duration, Octets, time_of
from dissector.units import NS, duration, many, rate, size

NAMED = 0.2
"""A share of the time from which on a cause is named."""

UNCLEAR = "what held up the source, TCP does not show"

SENDERS = {FORWARD: "source", REVERSE: "destination"}

SIDES: Mapping[str, Literal["source", "destination", "middle"]] = {
    "sender": "source",
    "receiver": "destination",
    "middle": "middle",
}


class SpreadResult(Result):
    """How round trips were spread."""

    min: Duration
    median: Duration
    p95: Duration


class InFlightResult(Result):
    """Octets that were sent and not acknowledged."""

    median: Annotated[int, "for half of the time", Unit.OCTETS]
    max: Octets


class RetransmissionsResult(Result):
    """Segments that were sent again."""

    fast: Annotated[int, "upon acknowledgements"]
    timeout: Annotated[int, "after a silence"]
    spurious: Annotated[int, "though the first copy had arrived"]


class WindowResult(Result):
    """The windows that the destination announced."""

    min: Annotated[Octets | None, "null: its scale was not captured"]
    zero_count: Annotated[int, "how many times it was closed altogether"]


class ExtentResult(Result):
    """How much of something."""

    median: int
    max: int


class LatenessResult(Result):
    """How long something took."""

    median: Duration
    max: Duration


class ReorderingResult(Result):
    """How far segments came behind their place: what had come before each of them, though sent after it (the extent of
    RFC 4737, 4.2, and its late time)."""

    segments: Annotated[ExtentResult, "that came from the first of those on"]
    octets: Annotated[ExtentResult, "of payload that stands behind it"]
    time: Annotated[LatenessResult, "since the first of those"]

    @classmethod
    def of(cls, way: Way) -> ReorderingResult | None:
        """None where nothing was reordered."""
        if way.late_by is None:
            return None
        segments, octets, times = zip(*way.late_by, strict=True)
        return cls(ExtentResult(*segments), ExtentResult(*octets), LatenessResult(*map(_seconds, times)))


class EvidenceResult(Result):
    """What TCP showed of the way of the source's octets."""

    rtt: SpreadResult | None
    in_flight: InFlightResult | None
    retransmissions: Annotated[RetransmissionsResult | None, "null: packets were captured more than once"]
    reordered: Annotated[int, "segments that came after those behind them, and had not been sent again"]
    reordering: Annotated[ReorderingResult | None, "how far; null: none was"]
    window: WindowResult
    queued: Annotated[
        LatenessResult | None,
        "how long packets stood in a queue before they came to the capture's place, by the time for which they did; "
        "null: their timestamps say of none",
    ]

    @classmethod
    def of(cls, way: Way | None, copies: int) -> EvidenceResult | None:
        """None where nothing of it was seen."""
        if way is None:
            return None
        rtt = None if way.rtt is None else SpreadResult(*map(_seconds, way.rtt))
        again = None if copies else RetransmissionsResult(way.fast, way.timeout, way.spurious)
        in_flight = None if way.in_flight is None else InFlightResult(*way.in_flight)
        window = WindowResult(way.window_least, way.window_closed)
        queued = None if way.queued is None else LatenessResult(*map(_seconds, way.queued))
        return cls(rtt, in_flight, again, way.late, ReorderingResult.of(way), window, queued)


class CongestionResult(Result):
    """What `congestion` consists of."""

    loss: Annotated[float, "octets were lost, or came late"]
    queue: Annotated[float, "they stood in a queue, before a link that was busy"]
    growth: Annotated[float, "TCP was finding out how much the network takes"]


class SharesResult(Result, kw_only=True):
    """Shares of the time; they sum to 1."""

    source_idle: Annotated[float, "the source had nothing to send"]
    congestion: Annotated[float, "the network took no more"]
    receive_window: Annotated[float, "the destination's window was full of octets on their way"]
    destination_slow: Annotated[float, "it was full of octets that the destination had not read"]
    waiting: Annotated[float, "the source waited for a message of the destination"]
    unclear: Annotated[float, "the capture does not tell"]


class LimitsResult(SharesResult, kw_only=True):
    """What held up the source; the shares are of the time of all phases."""

    congestion_by: Annotated[CongestionResult, "what congestion was, as shares of the same time"]
    evidence: EvidenceResult | None
    side: Annotated[Literal["source", "destination", "middle"] | None, "where it was captured; null: not clear"]
    sentence: str

    @classmethod
    def of(cls, migration: Migration) -> LimitsResult | None:
        """None where the capture's times tell nothing."""
        if not is_told(migration):
            return None
        took = sum(phase.end_time - phase.start_time for phase in migration.phases)
        held_up = together(_held_up(migration, phase.held_up) for phase in migration.phases)
        missing = migration.not_captured
        unclear = UNCLEAR if missing is None else f"no packet of the {SENDERS[missing]} was captured"
        way, copies = migration.forward.way, migration.forward.copies
        return cls._of(held_up, took, way, copies, _convergence(migration), unclear)

    @classmethod
    def of_ciphertext(cls, spent: Spent, way: Way | None, took: int) -> LimitsResult:
        """Of a connection that nobody can read, and its time (ns). Whether a source that had nothing to send waited for
        a message is not known then, so nothing is `waiting`."""
        held_up = HeldUp()
        held_up.add(spent)
        return cls._of(held_up, took, way, 0)

    @classmethod
    def _of(
        cls, held_up: HeldUp, took: int, way: Way | None, copies: int, also: str = "", unclear: str = UNCLEAR
    ) -> LimitsResult:
        causes = held_up.causes(took)
        total = sum(causes.values()) or 1
        return cls(
            **shares(causes),
            congestion_by=CongestionResult(*(ns / total for ns in held_up.congestion.values())),
            evidence=EvidenceResult.of(way, copies),
            side=None if way is None or way.side is None else SIDES[way.side],
            sentence=_sentence(held_up, shares(causes), way, also, unclear),
        )


def phase_shares(migration: Migration, held_up: HeldUp, duration: int) -> SharesResult | None:
    """The same of one phase."""
    if not is_told(migration):
        return None
    return SharesResult(**shares(_held_up(migration, held_up).causes(duration)))


def is_told(migration: Migration) -> bool:
    """Whether the capture has times that can be believed."""
    return migration.is_timed and migration.went_back is None


def _held_up(migration: Migration, held_up: HeldUp) -> HeldUp:
    return held_up.without_loss() if migration.forward.copies else held_up


def _seconds(time_ns: int) -> float:
    found = time_of(time_ns)
    assert found is not None
    return found


def _convergence(migration: Migration) -> str:
    """What the guest wrote beside what was sent, if that is known."""
    found = migration.convergence
    if found is None or not found.sent_pages_per_second:
        return ""
    page = 1 << migration.context.page_shift
    dirty, sent = (round(pages * page) for pages in (found.dirty_pages_per_second, found.sent_pages_per_second))
    return f"; the guest dirtied {rate(dirty, NS)} against {rate(sent, NS)} sent"


def _sentence(held_up: HeldUp, parts: Mapping[Cause, float], way: Way | None, also: str, unclear: str) -> str:
    """What limited it, and what that rests on; `also` is said if anything did, `unclear` if nothing tells."""
    named = sorted((cause for cause in parts if parts[cause] >= NAMED), key=lambda cause: -parts[cause])
    clear = [cause for cause in named if cause != "unclear"]
    if not clear:
        return f"not clear: {unclear}"
    said = [f"{_name(cause, held_up)} ({100 * parts[cause]:.0f} %)" for cause in clear]
    words = f"limited by {' and '.join([', '.join(said[:-1]), said[-1]] if said[1:] else said)}"
    if "unclear" in named:
        words += f"; {100 * parts['unclear']:.0f} % is not clear"
    proofs = [proof for cause in clear if (proof := _proof(cause, way, held_up))]
    return words + "".join(f"; {proof}" for proof in dict.fromkeys(proofs)) + also


def reordering_as_text(way: Way | None) -> str:
    """How far segments came behind their place; nothing where none did."""
    if way is None or way.late_by is None:
        return ""
    each = (f"{many(segments, 'segment')} ({size(octets)}, {duration(late)})" for segments, octets, late in way.late_by)
    return "{} came late: half of them behind up to {}, all behind up to {}".format(many(way.late, "segment"), *each)


def _name(cause: Cause, held_up: HeldUp) -> str:
    if cause == "congestion":
        parts = held_up.congestion
        most = sorted((part for part in parts if 4 * parts[part] >= held_up.congested), key=lambda part: -parts[part])
        return " and ".join(CONGESTIONS[part] for part in most)
    return NAMES[cause]


NAMES: Mapping[Cause, str] = {
    "source_idle": "the source, which had nothing to send",
    "receive_window": "the receive window",
    "destination_slow": "the destination, which read too slowly",
    "waiting": "waiting for the destination's messages",
}

CONGESTIONS = {
    "loss": "loss",
    "queue": "the rate of a link",
    "growth": "TCP, which was still finding out how much the network takes",
}


def _proof(cause: Cause, way: Way | None, held_up: HeldUp) -> str:
    """What a cause rests on."""
    if way is None:
        return ""
    flight = f"{size(way.in_flight[0])} in flight" if way.in_flight else ""
    trip = f" at {duration(way.rtt[1])}" if way.rtt else ""
    if cause == "congestion" and 4 * held_up.loss >= held_up.congested:
        again = way.fast + way.timeout
        words = many(again, "retransmission") if again else f"{many(way.late, 'segment')} out of order"
        return f"{words} kept {flight}{trip}" if flight else words
    is_queue = cause == "congestion" and 4 * held_up.queue >= held_up.congested
    # A capture behind the queue sees round trips without it.
    if is_queue and way.queued and (way.rtt is None or way.queued[0] >= way.rtt[1] - way.rtt[0]):
        return f"packets stood in a queue for {duration(way.queued[0])}, {duration(way.queued[1])} at most"
    if is_queue and way.rtt:
        return f"round trips took {duration(way.rtt[1])}, {duration(way.rtt[0])} at the least"
    if cause == "receive_window" and way.in_flight:
        return f"{size(way.in_flight[1])} in flight at most{trip}"
    if cause == "destination_slow":
        return f"its window was closed {many(way.window_closed, 'time')}" if way.window_closed else ""
    return ""
