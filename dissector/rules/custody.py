"""Rules of what a failed migration leaves behind: why it failed, and who has the guest."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from functools import partial

from dissector.events import REVERSE
from dissector.facts.custody import NOBODY_KNOWS
from dissector.facts.migration import Migration
from dissector.facts.outcome import STOPPED
from dissector.rules import examples as eg
from dissector.rules.rule import Rule, Violation, declared

_rule = partial(Rule, group="toolstack and capture")


class Undefined(StrEnum):
    NO_REPORT = "the source gave permission to start, and no whole report came back"
    NOT_STARTED = "the source gave permission to start, and the destination said that it failed"
    NO_PERMISSION = "the destination reported status {status}, and no permission to resume came after it"
    TAKEN = "the destination has acknowledged the stream up to its END, and then reset the connection"
    POSTCOPY = "the migration broke off after POSTCOPY_TRANSITION_END: part of memory is on either side"


UNDEFINED_STATE = _rule(
    id="undefined-state",
    severity="error",
    effects=frozenset({"apart"}),
    consequence=True,
    summary="Nothing says which side runs the guest",
    source="migrate_domain() in xl_migrate.c: failed_badly; postcopy RFC, POSTCOPY_TRANSITION",
    why="Once the source has given permission to start, only a whole report, and after a failure the"
    " permission to resume, tells it what became of the guest. After the transition of postcopy neither"
    " side has all of memory. Two running copies would write to the same disks: look at both hosts"
    " before either is resumed.",
    advice="Run `xl list` on both hosts, and let one copy run at most: two of them destroy the disks. If exactly one"
    " is whole and no other one has run, resume that one. After a transition to postcopy none is: destroy"
    " both, and start the guest anew from its disks.",
    receiver_says={
        "** Migration failed during final handshake **": "report",
        "Domain state is now undefined !": None,
    },
    example="'domain is yours', FIN; legal: 'domain is yours', report with status 0, FIN",
    messages=Undefined,
    breaking=(*eg.WHOLE, eg.text("ready"), eg.text("go"), eg.Closes()),
    legal=(*eg.WHOLE, eg.text("ready"), eg.text("go"), eg.text("report", bytes((0,))), eg.Closes()),
)

MIGRATION_FAILED = _rule(
    id="migration-failed",
    severity="error",
    summary="The migration failed, and no other finding says why",
    source="migrate_domain() in xl_migrate.c; restore() in xg_sr_restore.c",
    why="The protocol has no record for errors: a side that fails closes the connection, and the reason"
    " stands in its own log. The message says what was seen last.",
    advice="Read the logs of both hosts at this time: what xl printed, /var/log/xen/, `xl dmesg`;"
    " /var/log/xensource.log of xenopsd, /var/log/libvirt/libxl/ of libvirt. `xenshark rules --log` explains"
    " lines of them.",
    receiver_says={
        "Restore failed": None,
        "migration target: Domain creation failed (code %d).": None,
    },
    also_logged=(
        # xg_sr_save.c and its kin
        "Save failed",
        "Domain has not been suspended",
        "save callback suspend() failed: %d",
        "Failed to enable logdirty: %d,%d,%d",
        "Failed to retrieve logdirty bitmap",
        "Failed to map guest pages",
        "Failed to get types for pfn batch",
        "Cannot save this big a guest",
        "p2m generation count changed. Migration aborted.",
        # libxl_dom_save.c, libxl_dom_suspend.c, libxl_stream_write.c
        "Cannot save a guest with vNUMA configured",
        "logdirty switch failed",
        "logdirty switch: wait for device model timed out",
        "failed to suspend device model, rc=%d",
        "guest didn't acknowledge suspend, cancelling request",
        "guest did not suspend, timed out",
        "guest we were suspending has been destroyed",
        "saving domain: domain responded to suspend request",
        "saving domain: domain did not respond to suspend request",
        # xl_migrate.c, xl_saverestore.c
        "migration sender: libxl_domain_suspend failed (rc=%d)",
        "Migration failed, failed to suspend at sender.",
        "Migration failed, resuming at sender.",
        "Failed to suspend domain at primary.",
        "Failed to save domain, resuming domain",
        # xg_sr_restore.c, libxl_stream_read.c, libxl_save_callout.c
        "Failed to populate physmap",
        "Populate physmap failed for pfn %u",
        "Failed to populate pfns for batch of %u pages",
        "restoring domain: %s",
        "%s exited without providing results",
        "%s exited without signaling completion",
    ),
    example="banner, FIN of the source; legal: banner, save header",
    message="{verdict}",
    breaking=(eg.text("banner"), eg.Closes()),
    legal=(eg.text("banner"), eg.xl_header(json=1, stream_v2=1)),
)

RULES = declared(globals())


def judge_end(migration: Migration) -> Iterator[Violation]:
    """Whether anybody knows who runs the guest."""
    is_over = any(side.ended in STOPPED for side in (migration.forward, migration.reverse))
    if migration.outcome != "failed" or migration.may_run != NOBODY_KNOWS or not is_over:
        return
    last = migration.forward.last
    report, error = migration.texts.get("reverse report"), migration.remote_error
    if migration.is_past_transition:
        found = UNDEFINED_STATE(Undefined.POSTCOPY)
    elif report is not None:
        found, last = UNDEFINED_STATE(Undefined.NO_PERMISSION, status=report.body[-1]), report
    elif migration.is_bare:
        found = UNDEFINED_STATE(Undefined.TAKEN)
    elif error is not None and error.direction == REVERSE:
        found, last = UNDEFINED_STATE(Undefined.NOT_STARTED), error
    else:
        found = UNDEFINED_STATE(Undefined.NO_REPORT)
    yield found.at(last) if last is not None else found
