"""Rules that only the end of a migration can judge, and what its capture has lost."""

from __future__ import annotations

from collections.abc import Iterator

from dissector.parser import FORWARD, REVERSE, Flow
from dissector.rules.situation import Late, Situation, end_of, knew

ENDINGS = {
    "fin": "the connection was closed",
    "rst": "the connection was reset",
    "reused": "the connection's addresses and ports were used again",
    "file": "the file ends",
}


def at_the_end(now: Situation) -> Iterator[Late]:
    """What the end shows, of capture and migration."""
    channel = now.migration.channel
    if now.is_late:
        yield Late("capture-starts-late", _beginning(now), None)
    for direction in (FORWARD, REVERSE):
        flow = now.flow(direction)
        if flow is not None:
            yield from _losses(direction, flow)
    yield from _early(now)
    # Before what follows from it.
    yield from _completed(now)
    if channel.forward is not None and not channel.legacy:
        yield from _truncated(channel.forward, now)
    yield from _unanswered(now)


def _beginning(now: Situation) -> str:
    first = [f"{direction} frame {record.first.frame}" for direction, record in now.first.items()]
    return f"the connection's beginning was not captured; what is known begins in {' and '.join(first)}"


def _losses(direction: str, flow: Flow) -> Iterator[Late]:
    stream = flow.stream
    for gap in stream.gaps:
        where = f"in {gap.record}" if gap.record else "between records"
        message = f"{gap.length:,} octets from offset {gap.offset:,} on were not captured, {where}"
        yield Late("capture-gap", message, None, direction)
    if stream.torn:
        message = f"packets were cut short: of {stream.offset:,} octets some are not in the capture"
        yield Late("capture-cut", message, None, direction)
    if stream.conflicts:
        message = f"{stream.conflicts:,} retransmitted segments differ from what was seen first"
        yield Late("tcp-conflict", message, None, direction)
    if flow.lost_at is not None and is_damaged(flow):
        message = f"the way was lost at offset {flow.lost_at:,} and not found again"
        yield Late("stream-resynchronised", message, None, direction)


def is_damaged(flow: Flow | None) -> bool:
    """Whether the capture has lost octets of a direction. Where it has not, the way is lost for a header that
    cannot be believed, and that has a rule of its own."""
    return flow is None or flow.is_damaged


def _truncated(flow: Flow, now: Situation) -> Iterator[Late]:
    migration, ended, last = now.migration, flow.stream.ended, now.last.get(FORWARD)
    if now.state == "finished" or now.went_on or flow.lost_at is not None or ended is None:
        return
    if last is None or last.layer is None or not now.outermost:
        return  # no stream was seen
    if last.layer == "xl" and not last.is_header:
        return  # a handshake follows the END that was not captured
    if migration.is_capture and ended == "capture":
        return  # the capture ends first: nobody knows what followed
    begun = flow.stream.offset > end_of(last)
    inside = f"after {last.name}, with no END" + (f" of {now.outermost}" if migration.ended else "")
    if not last.whole:
        inside = f"inside {last.name} at offset {last.offset:,}"
    elif begun:
        inside = f"after {last.name}, inside the header at offset {end_of(last):,}"
    message = f"{ENDINGS[ended if migration.is_capture else 'file']} {inside}"
    if not migration.checkpoints:
        yield Late("truncated-stream", message, last)
    elif (
        begun
        or not last.whole
        or last.name != ("CHECKPOINT_END" if "libxl" in migration.channel.layers else "CHECKPOINT")
    ):
        yield Late("truncated-stream", f"{message}: a failover inside a checkpoint", last, severity="warning")


def _early(now: Situation) -> Iterator[Late]:
    """Records of the reverse direction that were captured before the postcopy phase began: they broke a rule
    if they left before the record that begins it had arrived, or if there is none."""
    transition = now.transition
    if "postcopy-page-data-before-transition" in now.seen:
        # That says it all: with the pages the postcopy phase had begun.
        completes = (one for one in now.early if one.name == "POSTCOPY_COMPLETE")
        now.complete = now.complete or next(completes, None)
        return
    if transition is None and (not now.followed or is_damaged(now.flow(FORWARD))):
        return  # it may be among what was not captured
    if transition is not None and not transition.name.startswith("POSTCOPY_TRANSITION"):
        return  # it was lost, or forgotten: nobody knows where it stood
    for record in now.early:
        if transition is not None and knew(record, transition):
            continue
        what = "and the postcopy phase never began"
        if transition is not None:
            what = f"{transition.name} ends at {end_of(transition):,}"
        rule = "postcopy-fault-before-transition"
        if record.name == "POSTCOPY_COMPLETE":
            rule = "postcopy-complete-unexpected"
        message = f"the destination had {record.acked:,} octets of the stream when it left, {what}"
        yield Late(rule, message, record)


def _completed(now: Situation) -> Iterator[Late]:
    """POSTCOPY_COMPLETE: there, after the last page, before END, and with nothing left."""
    complete, end = now.complete, now.end
    if end is not None and now.is_whole(REVERSE) and (complete is None or not knew(end, complete)):
        what = "never came" if complete is None else f"at offset {complete.offset:,} had not arrived"
        message = f"END at offset {end.offset:,} ends the postcopy phase, and POSTCOPY_COMPLETE {what}"
        yield Late("postcopy-complete-missing", message, end)
    if complete is None:
        yield from _never_completed(now)
        return
    if now.raced is not None:
        message = (
            f"the destination had {complete.acked:,} octets of the stream when POSTCOPY_COMPLETE left "
            f"(offset {complete.offset:,}), this record ends at {end_of(now.raced):,}"
        )
        yield Late("postcopy-complete-race", message, now.raced)
    count = now.migration.faults.never_sent
    if count and _knows_all_pages(now):
        what = "1 announced page was" if count == 1 else f"{count:,} announced pages were"
        yield Late("postcopy-pages-dropped", f"{what} never sent: POSTCOPY_COMPLETE came first", complete)


def _never_completed(now: Situation) -> Iterator[Late]:
    """A stream that broke off with no END: for want of POSTCOPY_COMPLETE if all pages had been sent."""
    migration, last = now.migration, now.last.get(FORWARD)
    over = migration.outcome == "failed" and migration.is_capture and now.end is None and now.is_whole(REVERSE)
    if not over or now.transition is None or now.is_spoilt or last is None or not last.whole:
        return
    if _knows_all_pages(now) and not migration.faults.never_sent:
        yield Late("postcopy-complete-missing", "every announced page was sent, and POSTCOPY_COMPLETE never came", last)


def _unanswered(now: Situation) -> Iterator[Late]:
    faults = now.migration.faults
    if not _knows_all_pages(now) or (not now.went_on and now.migration.outcome == "incomplete"):
        return
    severity = None if now.went_on else "warning"
    until = "although the stream went on to END" if now.went_on else "before the stream broke off"
    for fault in faults.unanswered:
        # Of a page never announced, or asked for too late, that is said: nobody owes it.
        is_late = now.complete is not None and fault.asked.offset > now.complete.offset
        if fault.pfn in faults.outstanding and not is_late:
            message = f"the page of pfn 0x{fault.pfn:x} never came {until}"
            yield Late("postcopy-fault-unanswered", message, fault.asked, severity=severity)


def _knows_all_pages(now: Situation) -> bool:
    """Whether every page that was announced and every page that was sent is known."""
    forward, faults = now.migration.channel.forward, now.migration.faults
    is_known = now.lists_whole and now.pages_whole and forward is not None and forward.lost_at is None
    return is_known and not (faults.outstanding.overflow or faults.sent.overflow)
