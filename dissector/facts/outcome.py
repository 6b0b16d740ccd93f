"""What kind of migration it was, and how it came out, as far as the wire shows it."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from dissector.events import FORWARD, Context, Reason
from dissector.facts.directions import DirectionFacts
from dissector.facts.endings import Endings

Kind: TypeAlias = Literal["live", "non-live", "postcopy", "checkpointed", "save"]
"""Precopy only; the guest was suspended first; with postcopy; Remus or COLO; a file."""

Outcome: TypeAlias = Literal["completed", "failed", "failover", "incomplete"]
"""Failover: a checkpointed stream stopped, and the destination goes on from the last whole checkpoint. Incomplete: the
capture does not show the end. Failed: any other end that is no good one."""

STOPPED: frozenset[Reason] = frozenset({"fin", "rst", "reused", "renewed"})
"""Reasons for which nothing more would have come, however long the capture had gone on."""


class Evidence(NamedTuple):
    """What the outcome is judged by."""

    kind: Kind
    context: Context
    forward: DirectionFacts
    reverse: DirectionFacts
    endings: Endings
    is_postcopy_complete: bool
    """Whether POSTCOPY_COMPLETE came."""
    is_signalled: bool = False
    """Whether the connection was captured on which xenopsd's two sides say how far they are."""

    @property
    def is_capture(self) -> bool:
        return self.kind != "save"

    @property
    def has_ended(self) -> bool:
        """Whether the stream came to its END."""
        return self.context.outermost in self.endings.ended

    @property
    def has_taken_all(self) -> bool | None:
        """Whether the destination acknowledged the stream up to its END; None: the capture does not show it."""
        ends = [end for layer, end in self.endings.ended.items() if layer == self.context.outermost]
        known = [side.taken for side in (self.forward, self.reverse) if side.taken is not None]
        return max(known) >= ends[0] if ends and known else None

    @property
    def is_bare(self) -> bool:
        """Whether nothing around the stream says what became of the guest: libvirt and whoever uses libxc by itself
        speak elsewhere."""
        return "xl" not in self.context.layers and not self.is_signalled


def outcome(evidence: Evidence) -> Outcome:
    """The outcome so far: "incomplete" while it goes on."""
    if evidence.endings.remote_error is not None:
        return "failed"
    if _is_completed(evidence):
        return "completed"
    if evidence.endings.status:
        return "failed"
    sides = evidence.forward, evidence.reverse
    if evidence.is_capture and not any(side.ended in STOPPED for side in sides):
        return "incomplete"
    if evidence.is_capture and (_is_end_hidden(evidence) or _may_hide_answer(evidence)):
        return "incomplete"
    return "failover" if evidence.endings.checkpoints else "failed"


def _is_completed(evidence: Evidence) -> bool:
    """Whether the destination said so, or was not heard and the stream came to its end."""
    texts, status = evidence.endings.texts, evidence.endings.status
    if "reverse postcopy sync" in texts or evidence.endings.started:
        return True
    if status is not None:
        return status == 0
    if not evidence.has_ended or _may_hide_answer(evidence):
        return False
    if not evidence.is_capture:
        return True
    reverse = evidence.reverse
    is_silent = reverse.offset == reverse.started and not evidence.endings.answered
    if evidence.is_bare:
        return _is_delivered(evidence)
    # What the destination said last was lost, or none of it was captured: what came before shows that it went on.
    went_on = evidence.endings.cleared if evidence.is_signalled else "forward go" in texts
    if evidence.kind == "postcopy":
        went_on = evidence.is_postcopy_complete or is_silent
    if is_silent and evidence.has_taken_all and not evidence.is_signalled:
        return _is_delivered(evidence)  # what `xl save` writes, sent over the network: it waits for no answer
    return went_on and (is_silent or reverse.is_damaged or reverse.hides) and _is_delivered(evidence)


def _is_delivered(evidence: Evidence) -> bool:
    """Whether nothing shows that the destination did not get a stream that was sent to its END.

    A receiver that has read END closes the connection. One that resets it has left octets unread (RFC 1122, 4.2.2.13),
    or had no END yet. Where its acknowledgements were not captured a reset shows neither.
    """
    closings = [side.closed for side in (evidence.forward, evidence.reverse) if side.closed is not None]
    first = min(closings, key=lambda closed: closed.position.frame, default=None)
    is_reset = any(closed.how == "rst" for closed in closings)
    if evidence.has_taken_all is None:
        return not is_reset
    if evidence.has_taken_all:
        return first is None or first.how != "rst" or first.direction == FORWARD
    # The acknowledgement of the last octets may follow the source's FIN; and of postcopy's end COMPLETE tells before.
    return not is_reset and (first is not None or evidence.is_postcopy_complete)


def _may_hide_answer(evidence: Evidence) -> bool:
    """Whether the stream came to its END, in a capture that began too late to show whether xl is around it: then the
    destination owes an answer beside the stream, and was heard without giving one."""
    forward, reverse = evidence.forward, evidence.reverse
    first = forward.first
    is_late = forward.late or (first is not None and not (first.is_header or first.is_text))
    is_heard = reverse.offset > reverse.started
    return evidence.is_capture and is_late and is_heard and evidence.has_ended and evidence.is_bare


def _is_end_hidden(evidence: Evidence) -> bool:
    """Whether the capture lost what would tell how it ended."""
    forward, reverse = evidence.forward, evidence.reverse
    if not forward.found:
        # A source that closes the connection with nothing said gave up; anything else was not understood.
        is_silent = forward.offset == forward.started and not forward.late and forward.ended in ("fin", "rst")
        return not is_silent
    if evidence.has_ended and evidence.has_taken_all is None and reverse.offset == reverse.started:
        return True  # of the destination nothing was captured
    if evidence.has_ended and evidence.has_taken_all is False and (forward.is_damaged or reverse.is_damaged):
        return True  # so an acknowledgement may be lost as well
    return forward.is_damaged and not forward.is_followed
