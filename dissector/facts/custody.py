"""Which side may run the guest once a migration is over, as far as the wire shows it."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from dissector.facts.outcome import Evidence, Outcome

Custody: TypeAlias = Literal["yes", "no", "undefined"]
"""Undefined: what was said leaves open whether this side runs the guest, and starting it may corrupt its disks."""


class MayRun(NamedTuple):
    """For each side whether it may run the guest."""

    source: Custody
    destination: Custody


NOBODY_KNOWS = MayRun("undefined", "undefined")
AT_SOURCE, AT_DESTINATION = MayRun("yes", "no"), MayRun("no", "yes")


def may_run(evidence: Evidence, outcome: Outcome, is_past_transition: bool) -> MayRun:
    """Who may run it.

    The point of no return is the source's "domain is yours" (migrate_domain() in xl_migrate.c): from there on only a
    whole report of success, or of failure with the permission to resume after it, tells. In a postcopy migration it is
    POSTCOPY_TRANSITION_END, after which memory is on both sides. Of xenopsd it is the source's handshake after the
    image (VM_receive_memory in xenops_server.ml). A stream that nothing is around has its own END: once the destination
    has that, only its toolstack knows.
    """
    if outcome == "completed":
        return MayRun("undefined", "yes") if evidence.kind == "save" else AT_DESTINATION
    if outcome == "failover":
        return MayRun("undefined", "yes")  # the source may be dead, or only cut off
    if is_past_transition and evidence.is_postcopy_complete:
        return AT_DESTINATION
    if outcome == "incomplete" or is_past_transition:
        return NOBODY_KNOWS
    if evidence.is_bare and evidence.has_taken_all:
        return NOBODY_KNOWS
    texts, status = evidence.endings.texts, evidence.endings.status
    if status:
        return AT_SOURCE if "reverse go" in texts else NOBODY_KNOWS
    return NOBODY_KNOWS if "forward go" in texts or evidence.endings.cleared else AT_SOURCE
