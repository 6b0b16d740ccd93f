"""What a migration was: fed record by record, in the order in which they ended on the wire."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from dissector.facts.faults import Faults, is_misdirected
from dissector.facts.pfns import PfnSet
from dissector.parser import FORWARD, REVERSE, Channel, Ends, Record, Stream
from dissector.protocol import PAGE_TYPES, UNBACKED, Layer

CONTEXT = frozenset(
    {"TSC_INFO", "X86_TSC_INFO", "SHARED_INFO", "HVM_CONTEXT", "HVM_PARAMS"}
    | {f"X86_PV_VCPU_{part}" for part in ("BASIC", "EXTENDED", "XSAVE", "MSRS")}
)
"""Records that say what the guest's processors were doing: they are sent when it stands still."""

PHASE_OF: dict[tuple[Layer | None, str], str] = {
    ("libxc", "PAGE_DATA"): "precopy",
    ("libxc", "VERIFY"): "stop",
    ("libxc", "POSTCOPY_BEGIN"): "stop",
    ("libxc", "POSTCOPY_PFNS_BEGIN"): "stop",
    ("libxc", "POSTCOPY_PFNS"): "stop",
    ("libxc", "POSTCOPY_TRANSITION"): "transition",
    ("libxc", "POSTCOPY_PAGE_DATA"): "postcopy",
    ("libxc", "END"): "finish",
    ("libxl", "END"): "finish",
    **{("libxc", name): "stop" for name in CONTEXT},
}
"""The phase that begins with a forward record, unless it or a later one has begun before: whichever record is the
first that was captured. A phase after the end of POSTCOPY_TRANSITION_END and CHECKPOINT_END begins with their
last octet instead."""

CPUID_LEAF, MSR_ENTRY = 24, 16
"""Octets of an entry of X86_CPUID_POLICY and of X86_MSR_POLICY."""

ORDER = ("handshake", "precopy", "stop", "checkpoint", "transition", "postcopy", "finish")


@dataclass(slots=True)
class Pages:
    """Entries of PAGE_DATA."""

    entries: int = 0
    data_pages: int = 0
    by_type: Counter[str] = field(default_factory=Counter)
    pfns: PfnSet = field(default_factory=PfnSet)
    sent: PfnSet = field(default_factory=PfnSet)
    """pfns whose contents were sent."""

    @property
    def sent_again(self) -> int:
        """Pages sent when they had been sent before."""
        return self.data_pages - self.sent.count


@dataclass(slots=True)
class Iteration:
    """One pass of precopy over the guest's memory."""

    index: int
    start_time: int
    end_time: int
    verify: bool = False
    entries: int = 0
    data_pages: int = 0
    highest: int = -1


@dataclass(slots=True)
class Phase:
    """A part of the migration, from the first octet of one record to that of the next phase's; times in ns
    since the epoch. A record belongs to the phase in which it ended."""

    name: str
    start_time: int
    end_time: int
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By direction: the offsets from which and up to which its records go."""
    stall: int = 0
    """The longest time (ns) without payload in the forward direction; 0 where there was none worth a word."""

    def reach(self, record: Record) -> None:
        """Takes in a record's octets."""
        start, _ = self.spans.get(record.direction, (record.offset, 0))
        self.spans[record.direction] = (start, record.offset + record.length)
        self.end_time = max(self.end_time, record.last.time)


class Migration:
    """The facts of one migration."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.records: dict[str, Counter[str]] = {FORWARD: Counter(), REVERSE: Counter()}
        """Whole records by "layer.NAME"."""
        self.texts: dict[str, Record] = {}
        """Handshake texts by direction and name, e.g. "reverse report"."""
        self.pages = Pages()
        self.iterations: list[Iteration] = []
        self.phases: list[Phase] = []
        self.first_time: int | None = None
        self.last_time: int | None = None
        self.checkpoints = 0
        self.ended: set[str] = set()
        """Layers whose END came."""
        self.not_followed = {FORWARD: 0, REVERSE: 0}
        """Octets passed over where the way was lost: what was in them is in no count."""
        self.faults = Faults()
        self.static_data: str | None = None
        """What makes the latest record static data of version 3 in a stream of version 2; None if it is
        none."""
        self._items: Counter[str] = Counter()
        self._is_postcopy = False
        self._has_static_data = False
        self.last_record: Record | None = None
        """The newest one of the forward direction."""
        self._verifying = False
        self._begun: int | None = None
        self._transition: int | None = None
        self._complete: int | None = None

    def add(self, record: Record) -> None:
        """The next record."""
        record.index = self._items[record.direction]
        self.not_followed[record.direction] += record.skipped
        self._items[record.direction] += 1
        if self.first_time is None:
            self.first_time = record.first.time
        self.last_time = max(self.last_time or 0, record.last.time)
        self.static_data = self._as_static_data(record)
        self._has_static_data = self._has_static_data or self.static_data is not None
        if record.direction == FORWARD:
            self.last_record = record
        self._add_to_phases(record)
        if record.type is None:
            if record.layer == "xl" and record.complete:
                self.texts[f"{record.direction} {record.name}"] = record
            return
        if record.layer == "libxc" and self.static_data is None:
            self.faults.add(record)
        if not record.whole:
            return
        self.records[record.direction][f"{record.layer}.{record.name}"] += 1
        if self.static_data is not None or is_misdirected(record):
            return
        self._note_times(record)
        if record.layer == "libxc":
            self._add_libxc(record)
        elif record.name in ("END", "END_OF_IMAGE"):
            self.ended.add(str(record.layer))
        elif record.name == "CHECKPOINT_END" and "libxc" not in self.ended and not self._is_postcopy:
            self.checkpoints += 1  # else there is none that it could end

    def _as_static_data(self, record: Record) -> str | None:
        """Types 0x10 to 0x12 are postcopy records in a stream of version 2. By its body a record of version 3
        with these numbers shows all the same, as long as postcopy has not begun."""
        if self.channel.version != 2 or record.layer != "libxc" or record.direction != FORWARD:
            return None
        length = record.body_length
        if self._begun is not None or self.pages.entries:
            return None
        if record.name == "POSTCOPY_PFNS_BEGIN" and length and length % CPUID_LEAF == 0:
            return f"record 0x11 has {length:,} octets: CPUID leaves, and a POSTCOPY_PFNS_BEGIN has none"
        if record.name == "POSTCOPY_PFNS" and length % MSR_ENTRY == 0 and length != 8 + 8 * record.count:
            return f"record 0x12 has {length:,} octets: MSR entries, and no list of {record.count:,} pfns"
        if record.name == "POSTCOPY_BEGIN" and self._has_static_data:
            return "record 0x10 after CPU policies: STATIC_DATA_END, and no POSTCOPY_BEGIN"
        return None

    def _add_libxc(self, record: Record) -> None:
        if record.name == "PAGE_DATA":
            self._add_pages(record)
        elif record.name == "VERIFY":
            self._verifying = True
        elif record.name == "END" and record.direction == FORWARD:
            self.ended.add("libxc")
        elif record.name == "CHECKPOINT" and "libxl" not in self.channel.layers:
            self.checkpoints += 1

    def _add_pages(self, record: Record) -> None:
        if not record.runs:
            return
        iteration = self._iteration(record)
        iteration.end_time = record.last.time
        by_type: Counter[int] = Counter()
        for first, length, type in record.runs:
            by_type[type] += length
            self.pages.pfns.add_run(first, length)
            if type not in UNBACKED:
                self.pages.sent.add_run(first, length)
        iteration.highest = max(iteration.highest, max(run.first + run.length for run in record.runs) - 1)
        for type, length in by_type.items():
            self.pages.by_type[PAGE_TYPES[type]] += length
            for count in (self.pages, iteration):
                count.entries += length
                count.data_pages += 0 if type in UNBACKED else length

    def _iteration(self, record: Record) -> Iteration:
        """The iteration that a record belongs to: a new one where the pfns start again from below."""
        last = self.iterations[-1] if self.iterations else None
        if last is None or record.runs[0].first <= last.highest or last.verify != self._verifying:
            last = Iteration(len(self.iterations), record.first.time, record.last.time, self._verifying)
            self.iterations.append(last)
        return last

    def _add_to_phases(self, record: Record) -> None:
        following = None
        if record.direction == FORWARD and self.static_data is None:
            following = PHASE_OF.get((record.layer, record.name))
        if not self.phases:
            self.phases.append(Phase(following or "handshake", record.first.time, record.last.time))
        phase = self.phases[-1]
        if record.direction == REVERSE:
            forward = self.channel.forward
            is_lost = forward is None or not forward.is_followed
            if record.name == "POSTCOPY_FAULT" and is_lost and ORDER.index("postcopy") > ORDER.index(phase.name):
                # Where the way was lost before the transition, faults are what tells that it has ended.
                phase = self._begin_phase("postcopy", record.first.time)
            phase.reach(record)
            return
        # A silence longer than the record itself was before it.
        before = record.silence > record.last.time - record.first.time
        if before:
            phase.stall = max(phase.stall, record.silence)
        if following is not None and ORDER.index(following) > ORDER.index(phase.name):
            phase = self._begin_phase(following, record.first.time)
        if not before:
            phase.stall = max(phase.stall, record.silence)
        phase.reach(record)
        if record.name == "CHECKPOINT" and phase.name == "stop":
            phase.name = "checkpoint"
        elif record.name == "CHECKPOINT_END":
            self._begin_phase("checkpoint", record.last.time)
        elif record.name == "POSTCOPY_TRANSITION_END":
            self._begin_phase("postcopy", record.last.time)

    def _note_times(self, record: Record) -> None:
        """The moments of a postcopy migration: None as long as they were not seen."""
        # A POSTCOPY_COMPLETE alone is a mistake of the destination, and no postcopy migration.
        if record.name.startswith("POSTCOPY_") and record.name != "POSTCOPY_COMPLETE":
            self._is_postcopy = True
        if record.name == "POSTCOPY_BEGIN" and self._begun is None:
            self._begun = record.first.time
        elif record.name == "POSTCOPY_TRANSITION_END" and self._transition is None:
            self._transition = record.last.time
        elif record.name == "POSTCOPY_COMPLETE" and self._complete is None:
            self._complete = record.last.time

    @property
    def downtime(self) -> int | None:
        """From POSTCOPY_BEGIN's first octet to POSTCOPY_TRANSITION_END's last, in ns: what the wire shows of
        it. The source suspended the guest a little before, the destination resumes it a little after."""
        return _between(self._begun, self._transition, self.is_capture)

    @property
    def postcopy_duration(self) -> int | None:
        """From POSTCOPY_TRANSITION_END's last octet to POSTCOPY_COMPLETE's last, in ns."""
        return _between(self._transition, self._complete, self.is_capture)

    def finish(self) -> None:
        """No record follows."""
        last = self.phases[-1] if self.phases else None
        if last is not None and last.name == "checkpoint" and not last.spans:
            self.phases.pop()  # CHECKPOINT_END was the last record: no next checkpoint began

    def _begin_phase(self, name: str, time: int) -> Phase:
        # A record that was captured early must not turn time back.
        time = max(time, self.phases[-1].start_time)
        self.phases[-1].end_time = time
        self.phases.append(Phase(name, time, time))
        return self.phases[-1]

    @property
    def is_capture(self) -> bool:
        """Whether packets carried it: a file has no times and no other direction."""
        return any(flow is not None and flow.ends for flow in (self.channel.forward, self.channel.reverse))

    @property
    def kind(self) -> str:
        """ "live", "postcopy", "checkpointed" or "save"."""
        if not self.is_capture:
            return "save"
        if self._is_postcopy:
            return "postcopy"
        if self.checkpoints or "libxc.CHECKPOINT" in self.records[FORWARD]:
            return "checkpointed"
        return "live"

    @property
    def outcome(self) -> str:
        """ "completed", "failed", "failover" or "incomplete", as far as the wire shows it."""
        if self._is_completed():
            return "completed"
        streams = self.streams()
        report = self.texts.get("reverse report")
        if report is not None and report.body[-1]:
            return "failed"
        if self.is_capture and not any(stream.ended in ("fin", "rst", "reused") for stream in streams):
            return "incomplete"
        if self.is_capture and self._is_end_hidden():
            return "incomplete"
        if self.checkpoints:
            return "failover"
        return "failed"

    def _is_completed(self) -> bool:
        """Whether the destination said so, or was not heard and the stream came to its end."""
        if "reverse postcopy sync" in self.texts:
            return True
        report = self.texts.get("reverse report")
        if report is not None:
            return report.body[-1] == 0
        outermost = next((layer for layer in self.channel.layers if layer != "xl"), None)
        if outermost is None or outermost not in self.ended:
            return False
        reverse = self.channel.reverse
        if "xl" not in self.channel.layers or not self.is_capture or reverse is None or not reverse.stream.offset:
            return True
        # What the destination said last was lost: what came before shows that it went on.
        went_on = self._complete is not None if self.kind == "postcopy" else "forward go" in self.texts
        return went_on and reverse.is_damaged

    def _is_end_hidden(self) -> bool:
        """Whether the capture lost what would tell how it ended."""
        forward = self.channel.forward
        return forward is None or not forward.found or (forward.is_damaged and not forward.is_followed)

    def octets(self, phase: Phase, direction: str) -> int:
        """Octets of a direction that were seen in a phase."""
        flow = self.channel.forward if direction == FORWARD else self.channel.reverse
        start, end = phase.spans.get(direction, (0, 0))
        gaps = flow.stream.gaps if flow is not None else []
        lost = sum(max(0, min(end, gap.offset + gap.length) - max(start, gap.offset)) for gap in gaps)
        return end - start - lost

    @property
    def ends(self) -> Ends | None:
        """Source and destination; None where the input is no capture."""
        forward, reverse = self.channel.forward, self.channel.reverse
        if forward is not None and forward.ends is not None:
            return forward.ends
        ends = reverse.ends if reverse is not None else None
        return ends and Ends(ends.destination, ends.source)

    def streams(self) -> list[Stream]:
        """The forward stream and the reverse one, as far as there are any."""
        flows = (self.channel.forward, self.channel.reverse)
        return [flow.stream for flow in flows if flow is not None]


def _between(start: int | None, end: int | None, is_capture: bool) -> int | None:
    return end - start if is_capture and start is not None and end is not None else None
