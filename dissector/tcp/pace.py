"""What held up the sender of a half-connection, told from what passed at the place of the capture.

Theory of operation. Time is told by sampling it: after each packet with payload that was looked at there is a moment,
`due`, and the first packet with payload behind that moment tells of the pause in which it lay (`Pace.look`). The time
since the last look counts as spent on what caused that pause. A pause longer than the time between two looks is so
always counted by itself, and short ones in proportion to their length, while nearly all packets cost a comparison.

A pause is judged by what the sender knew. Its packets were sent, and news from the other side (acknowledgements,
windows) reached it, some time before or after they passed the place of the capture: `lag` is the time from news to the
answer, measured in the handshake. At the source it is nearly 0, at the destination the whole round trip. So what the
sender knew at a moment is what had passed one lag before. Of each pause that is: how much was in flight when it began,
and how large a window the destination had announced; when the first and the last news came in it. Then, in this order:

- LOSS: octets were missing at the other side, or were being sent again, or a timeout ran.
- WINDOW, CLOSED: what was in flight left no room in the window for one segment more. CLOSED, if that window was smaller
  than half of the largest that the destination has announced: what reads there has left octets in the buffer.
- QUEUE: the packet that ended the pause was delayed on its way here (`_Queue`): so the network was busy all along.
- IDLE: news came, nothing forbade to send, and nothing was sent for SLACK: there was nothing to send.
- What is left was sent as soon as news came, so news was what it had waited for: TCP's own congestion window, or a send
  buffer. QUEUE, if the round trip is longer than it can be; GROWTH, if there is more in flight than ever before; LOSS,
  if octets were lost not long ago; WINDOW, if there was hardly any room in it.
- UNCLEAR: none of these; or what it would be rests on what was not captured (see Limits).

Nothing here knows of migrations: whether a source that had nothing to send waited for the other side is for others.

Limits. What the handshake would have told is not known of a capture that began later: neither scale nor lag, nor how
much was in flight before. So windows say nothing unless they are closed, or so large without any scale that they are
open; growth is not told; and a pause shorter than LAG_MOST counts as UNCLEAR. Where the other side was never heard of,
its packets were not captured: then all is UNCLEAR. A sender that paces its packets
looks like one that has nothing to send where they are not full. Times below SLACK tell nothing. SYNs without any of the
options that every system sends were made by a program that knows nothing of the network: then all is UNCLEAR.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from dissector.capture.link import LARGEST_SEGMENT, SACK_PERMITTED, TIMESTAMPS, tcp_options, time_stamps
from dissector.longest import longest
from dissector.tcp.core import NEVER
from dissector.tcp.sketch import Sketch

if TYPE_CHECKING:
    from dissector.tcp.half_connection import HalfConnection

Side: TypeAlias = Literal["sender", "receiver", "middle"]

Ending: TypeAlias = Literal[
    "data", "message", "window", "acknowledgement", "retransmission", "delivery", "closed", "capture"
]
"""What ended a stall: the sender went on by itself, or upon a message of the other side; a window that opened; an
acknowledgement; octets that were sent again; a packet that the network had held up; the connection's or the capture's
end."""

IDLE, LOSS, QUEUE, GROWTH, WINDOW, CLOSED, UNCLEAR = range(7)
CAUSES = ("idle", "loss", "queue", "growth", "window", "closed", "unclear")

FINEST, COARSEST = 20_000, 20_000_000
"""ns between two looks: of a young connection, and at most."""

LOOKS = 1 << 9
"""So many times in its age a connection is looked at until then."""

SLACK = 400_000
"""ns within which a system answers news with what it has been waiting to send."""

LAG_MOST = 200_000_000
"""ns: no network is further away."""

MEMORY_LEAST, MEMORY_MOST, MEMORY = 50_000_000, 5_000_000_000, 100
"""ns for which octets that were lost keep the congestion window small, at the least and at most; in between, so many
round trips."""

QUEUED = 1_000_000
"""ns by which a round trip is longer than the shortest that was seen, if packets stood in a queue; and half of that."""

CROWDED = 4
"""Full segments in flight with which a receiver acknowledges at once, whether its program reads or not."""

LATE = 50
"""One segment in so many looks that comes late: then the network delays each by itself."""

TIMEOUT_LEAST = 10_000_000
"""ns without any news after which octets that are sent again are sent because of that: TCP's timers are longer."""

SEGMENT = 1460
"""Octets of a full segment where no handshake says it, and Ethernet carries them."""

FULL = (1448, 1460, 1428, 1440, 8948, 8960, 65483, 65495)
"""Sizes of full segments, likewise: Ethernet, jumbo frames, loopback; with and without timestamps, IPv6."""

TICK = 1_000_000
"""ns of a clock in timestamps."""

NEWS_MAX = 1 << 12
"""Of so much news it is remembered when it came."""

SIDES_APART = 50_000
"""ns that one half of the round trip has to be longer than the other, beside SIDES_RATIO, to say where it is."""

SIDES_RATIO = 4

MIDDLE_LEAST = 2_000_000
"""ns that no system takes to answer: so both ends are that far away."""

STALL = 50_000_000
"""A silence (ns) below this is none worth a word: TCP's retransmission timer starts at 200 ms."""

STALLS_MAX = 1 << 10
"""Stalls that are remembered until somebody takes them."""


class Paused(NamedTuple):
    """A stall: a time without payload, from one packet with payload to the next one. Times are ns since the epoch."""

    start: int
    end: int
    cause: str
    """One of CAUSES."""
    ended_by: Ending | None
    """None: not clear."""


Extent: TypeAlias = tuple[int, int, int]
"""By how many segments that came from the first of those behind it on, how many octets of them, and how long (ns) a
segment was late."""


class Evidence(NamedTuple):
    """What a connection showed of the way of one half's octets. Times are ns; None: nothing shows it."""

    rtt: tuple[int, ...] | None
    """Round trips: the shortest, the middle one, and that which 95 of 100 do not exceed."""
    in_flight: tuple[int, int] | None
    """Octets that were sent and not acknowledged: the middle of the time, and most."""
    fast: int
    """Segments that were sent again: upon news, without any for long, though the first copy had arrived."""
    timeout: int
    spurious: int
    late: int
    """Segments that came later than those behind them, and had not been sent again."""
    late_by: tuple[Extent, Extent] | None
    """How late one was: the middle of each of its numbers, and the most of each; None: none was."""
    window_least: int | None
    """Octets of the smallest window that the other side announced."""
    window_closed: int
    """How many times that was none."""
    lag: int | None
    """The shortest times from news to the sender's answer, and from octets to their acknowledgement, where the capture
    was taken."""
    reply: int | None
    side: Side | None
    """The place of the capture: "sender", "receiver", "middle"; None: not clear."""
    queued: tuple[int, int] | None
    """How long packets stood in a queue on their way here, by their clocks, while they did: the middle of that time,
    and most; None: by their clocks none did."""


class _Queue:
    """How long packets stood in queues before they came here, by the clock in their timestamps (RFC 7323, 5.4), which
    goes by a thousandth of a second in nearly all systems; another clock is not read."""

    __slots__ = ("_base", "_first", "_smooth", "_time", "delay", "is_read")

    CHECKED = 100_000_000
    """ns after which it is known whether the clock is such a one."""
    AT_ONCE, ON_AVERAGE = 2_500_000, 1_500_000
    """ns of delay that its steps cannot explain: of one packet, of several."""

    def __init__(self) -> None:
        self._first: tuple[int, int] | None = None
        self.is_read = False
        """Whether the clock is known to be one."""
        self._base = self._time = self._smooth = self.delay = 0

    def is_busy(self, time: int, stamp: int, pause: int) -> bool:
        """Whether a packet stood in a queue for as long as there was a pause before it."""
        if self._first is None:
            self._first = time, stamp
        since, first = self._first
        ticks = (stamp - first + (1 << 31)) % (1 << 32) - (1 << 31)
        if time - since >= self.CHECKED:
            steps = (time - since) / TICK
            self.is_read = abs(ticks - steps) <= steps / 50 + 5 + self._smooth / TICK
        delay = time - since - ticks * TICK
        # No two clocks go alike: what is the least delay may grow by a ten-thousandth of the time.
        self._base = min(self._base + max(0, time - self._time) // 10_000, delay)
        self._time = time
        self.delay = delay = delay - self._base
        self._smooth = (7 * self._smooth + delay) // 8
        is_delayed = delay >= self.AT_ONCE or (delay >= self.ON_AVERAGE and self._smooth >= self.ON_AVERAGE)
        return self.is_read and is_delayed and delay + TICK >= pause


def _is_since(one: int, other: int) -> bool:
    """Whether one clock of 32 bits is not behind another one."""
    return (one - other) & 0xFFFFFFFF < 1 << 31


class _Known(NamedTuple):
    """What the sender knew of a pause when it was over."""

    in_flight: int
    """Octets, when it began."""
    window: int
    """Likewise, the window that the other side had announced, not scaled."""
    has_news: bool
    """Whether any came in it."""
    since: int
    """How long (ns) the sender had known the last, when it sent again; NEVER: none came."""
    left: int
    """Octets in flight when it was over."""


NOTHING = Sketch()
"""Of a half of which nothing was looked at: it stays empty."""


class Pace:
    """Of one half-connection."""

    __slots__ = (
        "_cause",
        "_crowded_reply",
        "_grown",
        "_is_crowded",
        "_is_made",
        "_lag",
        "_late",
        "_late_octets",
        "_late_segments",
        "_late_time",
        "_looked",
        "_looks",
        "_lost",
        "_most",
        "_most_window",
        "_news",
        "_queue",
        "_recover",
        "_seed",
        "_sent_at",
        "_since",
        "_stalls",
        "_timed_out",
        "_widest",
        "fast",
        "half",
        "in_flight",
        "largest",
        "queued",
        "replies",
        "spent",
        "spurious",
        "syn",
        "timeout",
    )

    def __init__(self, half: HalfConnection) -> None:
        self.half = half
        self.syn = 0
        """When the newest SYN of this half came; 0: none."""
        self.largest = 0
        """The largest segment that this half takes, as its SYN says; 0: that was not captured."""
        self.spent = [0] * len(CAUSES)
        """ns by cause."""
        self.replies, self.in_flight = NOTHING, NOTHING
        """How long (ns) acknowledgements took, and octets in flight by the time for which they were."""
        self.queued = NOTHING
        """How long (ns) packets had stood in a queue, by the time for which they were what held up the sender."""
        self._crowded_reply = self._widest = 0
        """How long (ns) the newest acknowledgement took that no receiver delays; the largest segment seen."""
        self._is_crowded = False
        self._looks = 0
        self.fast = self.timeout = self.spurious = self._late = 0
        self._late_segments, self._late_octets, self._late_time = NOTHING, NOTHING, NOTHING
        self._stalls: list[Paused] = []
        """The newest, and the longest of those before it, that nobody has taken yet; and more, as they came."""
        self._is_made = False
        self._looked = self._since = -NEVER
        self._cause = UNCLEAR
        self._lag: int | None = None
        self._queue: _Queue | None = None
        self._news: list[tuple[int, int, int, int | None]] = []
        """Time, acknowledged octets, window and clock of news that the sender may not have had yet, and of one before
        them."""
        self._recover = 0
        self._timed_out = False
        self._lost = self._grown = -NEVER
        self._most = self._most_window = 0
        self._sent_at = 0
        self._seed = 1

    def greet(self, time: int, options: memoryview) -> None:
        """Its SYN came."""
        said = dict(tcp_options(options))
        self.syn = time
        self.largest = int.from_bytes(said.get(LARGEST_SEGMENT, b""), "big")
        self._is_made = SACK_PERMITTED not in said and TIMESTAMPS not in said

    # Looks

    def look(self, time: int, is_again: bool, options: bytes) -> None:
        """See `Half.look`."""
        half = self.half
        cause, ended_by = UNCLEAR, None
        if self._looked <= time and half.heard != -NEVER and not self._is_made:
            spent = time - self._looked
            if self._looked == -NEVER:
                spent = 0
                self._since = time
                self.replies, self.in_flight, self.queued, self._queue = Sketch(), Sketch(), Sketch(), _Queue()
                self._get_acquainted()
            stamps = time_stamps(options)
            queue, pause = self._queue, time - half.heard
            is_busy = stamps is not None and queue is not None and queue.is_busy(time, stamps[0], pause)
            echo = None if stamps is None else stamps[1]
            if echo is not None and half.noted != NEVER:
                self._learn_lag(time, echo)
            self._looks += 1
            if half.peer.spoke == -NEVER:
                self._cause = UNCLEAR
                self.spent[UNCLEAR] += spent
            else:
                known = self._known(time, echo)
                cause = self._cause = self._judge(time, known, is_again, is_busy and not self._is_uneven)
                ended_by = self._ended_by(time, known)
                self.spent[cause] += spent
                self.in_flight.add(max(0, known.in_flight), spent)
                if cause == QUEUE and is_busy:
                    self.queued.add(self._delay, spent)
                self._note_growth(time, known)
        if half.heard != -NEVER and time - half.heard > STALL:
            self._note_stall(time, cause, "retransmission" if is_again else ended_by)
        self._looked = time
        self._widest = max(self._widest, half.size)
        half.due = time + self._step(time)
        if half.probe == NEVER and not self._is_made:
            half.probe, self._sent_at = half.next + 1, time
            self._is_crowded = half.next - half.acked >= CROWDED * (self._full or self._widest)

    def settle(self) -> None:
        """All time up to the newest packet with payload counts as spent: somebody wants to know."""
        time = self.half.heard
        if self._looked < time and self._looked != -NEVER:
            self.spent[self._cause] += time - self._looked
            self._looked = time

    def _step(self, time: int) -> int:
        """Until the next look: not always the same, lest it keep step with what it looks at."""
        step = min(max((time - self._since) // LOOKS, FINEST), COARSEST)
        self._seed = (self._seed * 1103515245 + 12345) & 0x7FFFFFFF
        return step // 2 + (step * (self._seed >> 15) >> 16)

    def _get_acquainted(self) -> None:
        """What the handshake has told: where on the way this is."""
        half, peer = self.half, self.half.peer
        mine, other = self.syn, peer.pace.syn
        opener = half if mine <= other else peer
        first, second = min(mine, other), max(mine, other)
        if first and opener.greeted:
            there, back = second - first, opener.greeted - second
            reply, self._lag = (there, back) if opener is half else (back, there)
            self._add_reply(reply, False)
        if self._lag is None or self._lag > SLACK:
            half.noted = -NEVER

    def _learn_lag(self, time: int, echo: int) -> None:
        """The sender has heard of an acknowledgement with this clock: so long after the first such had passed."""
        before = None
        for then, _, _, stamp in self._news:
            if stamp == echo and before is not None:
                # Not all are noted, and those of one tick look alike.
                first = then if self._lag is None else max(before, then - TICK)
                if self._lag is None or time - first < self._lag:
                    self._lag = time - first
            if stamp is not None and _is_since(stamp, echo):
                break
            before = then

    def _known(self, time: int, echo: int | None) -> _Known:
        half = self.half
        reached = max(half.next, half.tail)
        if self._news and self._lag is not None and self._lag > SLACK:
            return self._known_before(time, reached, echo)
        missing = reached - half.acked
        if half.freed > half.heard:
            since = max(0, time - half.peer.spoke - self._held_on_way)
            return _Known(half.unacked, half.granted, True, since, missing)
        return _Known(missing, half.peer.window & 0xFFFF, False, NEVER, missing)

    def _known_before(self, time: int, reached: int, echo: int | None) -> _Known:
        """The same, of news that passed a lag before: in a pause that is over now."""
        news, lag = self._news, self._lag or 0
        begun, over = self.half.heard - lag, time - lag - self._held_on_way
        old = 0
        while old + 1 < len(news) and news[old + 1][0] <= begun:
            old += 1
        del news[:old]
        _, acked, window, _ = news[0]
        came = [one for one in news if begun < one[0] <= over + self._slack]
        if not came:
            return _Known(reached - acked, window, False, NEVER, reached - acked)
        stamp = next((one[3] for one in reversed(came) if one[0] <= over), None)
        has_heard = echo is None or stamp is None or _is_since(echo, stamp)
        since = max(0, over - came[-1][0]) if has_heard else 0
        return _Known(reached - acked, window, True, since, reached - came[-1][1])

    def _judge(self, time: int, known: _Known, is_again: bool, is_busy: bool) -> int:
        half, scale = self.half, self.half.peer.scale
        pause, slack = time - half.heard, self._slack
        is_small = 2 * known.window < self._most_window
        window = known.window << scale if scale >= 0 else 0 if not known.window else NEVER
        room = window - known.in_flight
        is_full = room < (self._full or SEGMENT)
        full = CLOSED if is_small else WINDOW
        # Without its scale a window is at least what it says.
        may_be_full = scale < 0 and 0 < known.window < known.in_flight + (self._full or SEGMENT)
        if is_again or half.acked < self._recover or (half.held and half.acked <= half.next):
            if is_full and is_small:
                return CLOSED  # acknowledgements are late where nobody reads, and the sender asks whether all arrived
            if may_be_full and (is_small or self._timed_out):
                return UNCLEAR
            self._lost = time
            return LOSS
        is_standing = is_busy and self._delay >= self.round_trip // 2
        was_lossy = time - self._lost <= min(max(MEMORY * self.round_trip, MEMORY_LEAST), MEMORY_MOST)
        if is_full and not (known.has_news and known.since > max(slack, pause // 2)):
            return QUEUE if is_standing and not is_small else full
        if is_busy:
            return UNCLEAR if may_be_full and not is_standing else QUEUE
        if may_be_full and (known.left > 0 or pause < LAG_MOST):
            return UNCLEAR
        if scale >= 0 and pause > SLACK and self._was_drained and 2 * room >= window:
            return IDLE
        if not known.has_news and pause <= slack:
            return self._cause
        if known.since > slack:
            if (pause >= LAG_MOST and known.left <= 0) or (self._lag is not None and self._was_drained):
                return IDLE
            if known.left <= 0:  # all had arrived, and no pacing makes pauses that long
                return IDLE if self._lag is not None and self._has_clock else UNCLEAR
        if self._is_longer:
            if is_small:
                return CLOSED
            return LOSS if was_lossy and self._crowded_reply < 2 * self.round_trip + QUEUED else QUEUE
        if self.syn and time - self._grown <= 4 * self.round_trip + SLACK:
            return GROWTH
        if was_lossy:
            return LOSS
        return full if scale >= 0 and 3 * room < window else UNCLEAR

    def _ended_by(self, time: int, known: _Known) -> Ending | None:
        """What let the sender go on after a pause of the cause at hand; None: not clear. A message did if most of the
        pause was before it, however long the sender thought about it."""
        half, cause = self.half, self._cause
        if cause in (WINDOW, CLOSED):
            return "window"
        if cause == QUEUE:
            return "delivery"
        if cause in (IDLE, UNCLEAR) and 2 * (time - half.peer.heard) <= time - half.heard:
            return "message"
        if cause == IDLE:
            return "data"
        return "acknowledgement" if known.has_news and known.since <= self._slack else None

    def _note_stall(self, time: int, cause: int, ended_by: Ending | None) -> None:
        if len(self._stalls) >= 2 * STALLS_MAX:
            self._stalls = self.stalls
        self._stalls.append(Paused(self.half.heard, time, CAUSES[cause], ended_by))

    @property
    def stalls(self) -> list[Paused]:
        """As many as are remembered."""
        return longest(self._stalls[:-1], STALLS_MAX - 1, lambda one: one.end - one.start) + self._stalls[-1:]

    def take_stalls(self) -> Sequence[Paused]:
        """The same, once."""
        if not self._stalls:
            return ()
        taken, self._stalls = self.stalls, []
        return taken

    @property
    def _slack(self) -> int:
        """How soon (ns) the sender's answer to news passes here, beyond its lag."""
        lag = self._lag or 0
        return max(SLACK, 2 * lag if self._is_uneven else lag // 4)

    @property
    def _delay(self) -> int:
        """How long (ns) the newest packet was delayed on its way here, to a tick."""
        return self._queue.delay if self._queue is not None and self._queue.is_read else 0

    @property
    def _held_on_way(self) -> int:
        """How long at the least: so much before it passed here its sender sent it."""
        return max(0, self._delay - TICK)

    @property
    def round_trip(self) -> int:
        """The shortest, ns."""
        return (self.replies.least or 0) + (self._lag or 0)

    @property
    def _is_longer(self) -> bool:
        """Whether round trips are longer than they need be."""
        return self._crowded_reply > (self.replies.least or 0) + max(QUEUED, self.round_trip // 2)

    @property
    def _is_uneven(self) -> bool:
        """Whether the network delays each packet by itself: what is overtaken did not stand in a queue."""
        return self._late * LATE > self._looks

    @property
    def _full(self) -> int:
        """Octets of a full segment; 0 where no handshake says it."""
        return min(self.largest, self.half.peer.pace.largest)

    @property
    def _has_clock(self) -> bool:
        """Whether the packet that ended the pause says that it was not made before."""
        return self._queue is not None and self._queue.is_read

    @property
    def _was_drained(self) -> bool:
        """Whether the newest segment was not full: so nothing waited behind it."""
        size, full = self.half.size, self._full
        return all(size % one for one in ((full, full - 12) if full else FULL))

    def _note_growth(self, time: int, known: _Known) -> None:
        if known.in_flight > self._most + self._most // 16:
            self._most, self._grown = known.in_flight, time
        self._most_window = max(self._most_window, self.half.peer.window & 0xFFFF)

    # What the fast path tells

    def note(self, time: int, options: bytes) -> None:
        """See `Half.note`: what the sender will know, for a place that is far from it."""
        half, stamps = self.half, time_stamps(options)
        self._news.append((time, half.acked, half.peer.window & 0xFFFF, None if stamps is None else stamps[0]))
        half.noted = time + (0 if self._lag is None else self._lag // 32)
        if len(self._news) > NEWS_MAX:
            del self._news[: NEWS_MAX // 2]
        if self._lag is not None and self._lag <= SLACK:
            half.noted = NEVER
            self._news.clear()

    def measure(self, time: int) -> None:
        """See `Half.measure`."""
        self.half.probe = NEVER  # only a look sets one
        self._add_reply(time - self._sent_at, self._is_crowded)

    def _add_reply(self, reply: int, is_crowded: bool) -> None:
        if reply >= 0 and self.replies is not NOTHING:
            self.replies.add(reply)
            if is_crowded:
                self._crowded_reply = reply

    def repeat(self, end: int, time: int) -> None:
        """See `Half.repeat`."""
        half = self.half
        half.probe = NEVER
        if end <= half.acked:
            self.spurious += 1
            return
        if half.acked >= self._recover:
            alone = time - half.peer.spoke - (self._lag or 0)
            self._timed_out = alone >= max(TIMEOUT_LEAST, self.round_trip)
        if self._timed_out:
            self.timeout += 1
        else:
            self.fast += 1
        self._recover, self._lost = max(half.next, half.tail), time

    def fill(self, time: int, since: int, segments: int, octets: int) -> None:
        """All octets came that had been missing before some that had come at a time. So many segments came from those
        on, and so many octets of what is behind the missing ones."""
        missing = time - since
        if 4 * missing < 3 * self.round_trip:
            if not self._late:
                self._late_segments, self._late_octets, self._late_time = Sketch(), Sketch(), Sketch()
            self._late += 1
            self._late_segments.add(segments)
            self._late_octets.add(octets)
            self._late_time.add(max(0, missing))
        else:
            if self._stalls and self._stalls[-1].end == time:
                self._stalls[-1] = self._stalls[-1]._replace(ended_by="retransmission")
            self._lost = time
            if missing >= max(20 * TIMEOUT_LEAST, 3 * self.round_trip):
                self.timeout += 1
            else:
                self.fast += 1

    # What it showed

    @property
    def evidence(self) -> Evidence | None:
        """None where nothing was looked at."""
        if self._looked == -NEVER or self._is_made:
            return None
        peer, took, lag = self.half.peer, self.replies, self._lag
        spread = took.least, took.quantile(50), took.quantile(95)
        trips = None if lag is None else tuple(one + lag for one in spread if one is not None)
        window = peer.least << peer.scale if peer.scale >= 0 else 0 if peer.closings else None
        return Evidence(
            trips if trips else None,
            self.in_flight.middle_and_most,
            self.fast,
            self.timeout,
            self.spurious,
            self._late,
            self._late_by,
            window,
            peer.closings,
            lag,
            took.least,
            self.side,
            self.queued.middle_and_most,
        )

    @property
    def _late_by(self) -> tuple[Extent, Extent] | None:
        if not self._late:
            return None
        segments, octets, times = self._late_segments, self._late_octets, self._late_time
        middle = segments.quantile(50) or 0, octets.quantile(50) or 0, times.quantile(50) or 0
        return middle, (segments.largest, octets.largest, times.largest)

    @property
    def side(self) -> Side | None:
        """Where on the way the capture was taken."""
        lag, reply = self._lag, self.replies.least
        if lag is None or reply is None:
            return None
        if abs(lag - reply) >= SIDES_APART:
            if SIDES_RATIO * max(lag, 0) <= reply:
                return "sender"
            if SIDES_RATIO * max(reply, 0) <= lag:
                return "receiver"
        return "middle" if min(lag, reply) >= MIDDLE_LEAST else None
