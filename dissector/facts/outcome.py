"""What kind of migration it was, and how it came out, as far as the wire shows it."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from dissector.events import Context, Reason
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

    @property
    def is_capture(self) -> bool:
        return self.kind != "save"


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
    if evidence.is_capture and (_is_end_hidden(evidence.forward) or _may_hide_answer(evidence)):
        return "incomplete"
    return "failover" if evidence.endings.checkpoints else "failed"


def _is_completed(evidence: Evidence) -> bool:
    """Whether the destination said so, or was not heard and the stream came to its end."""
    texts, status = evidence.endings.texts, evidence.endings.status
    if "reverse postcopy sync" in texts:
        return True
    if status is not None:
        return status == 0
    outermost = evidence.context.outermost
    if outermost is None or outermost not in evidence.endings.ended:
        return False
    if _may_hide_answer(evidence):
        return False
    reverse = evidence.reverse
    if "xl" not in evidence.context.layers or not evidence.is_capture or reverse.offset == reverse.started:
        return True
    # What the destination said last was lost: what came before shows that it went on.
    went_on = evidence.is_postcopy_complete if evidence.kind == "postcopy" else "forward go" in texts
    return went_on and reverse.is_damaged


def _may_hide_answer(evidence: Evidence) -> bool:
    """Whether the stream came to its END, in a capture that began too late to show whether xl is around it: then the
    destination owes an answer beside the stream, and was heard without giving one."""
    forward, reverse = evidence.forward, evidence.reverse
    first = forward.first
    is_late = forward.late or (first is not None and not (first.is_header or first.is_text))
    is_heard = reverse.offset > reverse.started
    has_ended = evidence.context.outermost in evidence.endings.ended
    return evidence.is_capture and is_late and is_heard and has_ended and "xl" not in evidence.context.layers


def _is_end_hidden(forward: DirectionFacts) -> bool:
    """Whether the capture lost what would tell how it ended."""
    if not forward.found:
        # A source that closes the connection with nothing said gave up; anything else was not understood.
        is_silent = forward.offset == forward.started and not forward.late and forward.ended in ("fin", "rst")
        return not is_silent
    return forward.is_damaged and not forward.is_followed
