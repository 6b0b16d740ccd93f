"""How a migration ended, in plain words, with the most probable reason where it failed."""

from __future__ import annotations

from dissector.events import REVERSE
from dissector.facts.custody import NOBODY_KNOWS
from dissector.facts.endings import error_text
from dissector.facts.migration import Migration
from dissector.rules.capture import PEER_SILENT
from dissector.rules.custody import MIGRATION_FAILED
from dissector.rules.ending import WHO, who_closed
from dissector.rules.findings import Finding
from dissector.units import printable


def verdict(migration: Migration, findings: list[Finding]) -> str:
    """One sentence."""
    said = _said_of(migration, findings)
    is_undefined = migration.outcome == "failed" and migration.may_run == NOBODY_KNOWS
    return f"{said}; which side may run the guest is undefined: look at both hosts" if is_undefined else said


def _said_of(migration: Migration, findings: list[Finding]) -> str:
    outcome = migration.outcome
    if migration.context.legacy:
        return "a stream of Xen 4.5 or older, which is not dissected"
    error = migration.remote_error
    if error is not None:
        return f"{WHO[error.direction]} said: {printable(error_text(error))}"
    if outcome == "completed":
        return _completed(migration)
    if outcome == "incomplete":
        silent = [finding.message for finding in findings if finding.rule == PEER_SILENT.id]
        return silent[0] if silent else "the capture does not show how the migration ended"
    if outcome == "failover" and "libxl.CHECKPOINT_STATE" in migration.records[REVERSE]:
        return "COLO stopped: the destination goes on with its own copy, which runs already"
    if outcome == "failover":
        count = migration.checkpoints
        whole = "1 whole one" if count == 1 else f"{count:,} whole ones"
        return f"checkpoints stopped after {whole}: the destination goes on from the last of them"
    report = migration.texts.get("reverse report")
    if report is not None and report.body[-1]:
        return f"the destination could not start its copy: status {report.body[-1]}"
    return _failed(migration, findings)


def _completed(migration: Migration) -> str:
    if not migration.is_capture:
        return "the stream is whole, up to its END"
    if "libxc.POSTCOPY_COMPLETE" in migration.records[REVERSE]:
        return "the destination has every page it wanted"
    return (
        "the guest runs at the destination" if "reverse report" in migration.texts else "the stream was sent to its END"
    )


def _failed(migration: Migration, findings: list[Finding]) -> str:
    ending = migration.first_closed
    reason = _reason(findings, ending.position.time if ending else None)
    if ending is None:
        what = "the file ends before the stream does" if not migration.is_capture else "the connection was used anew"
        return what if reason is None else f"{what}; before that: {_said(reason)}"
    time = ending.position.time
    start = who_closed(ending)
    if reason is not None and reason.time is not None:
        return f"{start} {_lasted(time - reason.time)} after {_said(reason)}"
    last = migration.forward.last
    if last is None:
        return start
    where = f"{last.name} of frame {last.first.frame}"
    waited = time - last.last.time
    if waited < 0:  # the source had not heard of it
        return f"{start}, and the stream went on for {_lasted(-waited)}, up to {where}"
    place = "after" if last.whole else "inside"
    return f"{start} {_lasted(waited)} after the stream's last octet, {place} {where}"


def _lasted(time_ns: int) -> str:
    """A time in whole ms."""
    return f"{time_ns / 1e6:.0f} ms" if time_ns >= 1_000_000 else "less than 1 ms"


def _reason(findings: list[Finding], before: int | None) -> Finding | None:
    """The first fatal finding before the connection ended: what follows an error is rather its consequence. That the
    migration failed is the verdict itself."""
    for finding in findings:
        early = before is None or finding.time is None or finding.time <= before
        if finding.is_fatal and not finding.is_consequence and finding.rule != MIGRATION_FAILED.id and early:
            return finding
    return None


def _said(finding: Finding) -> str:
    if finding.record is None or finding.offset is None:  # something that never came has no place
        return f"{WHO[finding.direction]} broke {finding.rule}: {finding.message}"
    where = f" in frame {finding.frame}" if finding.frame is not None else f" at offset {finding.offset:,}"
    return f"{finding.record}{where} broke {finding.rule}: {finding.message}"
