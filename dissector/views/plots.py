"""Single pictures for papers, and their data: one column wide, in colours that colour-blind readers tell apart.

Drawn by matplotlib, an optional extra; the data as CSV need nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, get_args

from dissector.errors import UserError
from dissector.facts.page_map import PageUse
from dissector.output import whole
from dissector.results.analysis import MigrationResult
from dissector.results.faults import FaultResult
from dissector.results.timeline import PageMapResult, TimelineResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Kind: TypeAlias = Literal["timeline", "memory", "iterations", "latency", "ecdf", "again"]
KINDS: tuple[Kind, ...] = get_args(Kind)

FORMATS = ("svg", "pdf", "png")
WIDTH = 85 / 25.4
"""Inches: one column of a journal."""

INSTALL = "pip install 'xenshark[plots]'"

# Okabe and Ito, "Color Universal Design".
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = (
    "#000000", "#e69f00", "#56b4e9", "#009e73", "#0072b2", "#d55e00", "#cc79a7",
)  # fmt: skip
PHASES = {"precopy": BLUE, "stop": ORANGE, "checkpoint": PURPLE, "transition": PURPLE, "postcopy": GREEN}
USES = {
    "sent": BLUE, "sent_again": ORANGE, "announced": "#9aa3ad", "pushed": GREEN, "answered": SKY, "faulted": VERMILION,
}  # fmt: skip
CALLED: Mapping[PageUse, str] = {"sent": "first sent", "sent_again": "sent again"}
"""Uses that are not called as they are in the data."""

STYLE: dict[Any, Any] = {
    "font.size": 7,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 6.5,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "xenshark",  # the same picture is the same file
}


class Subject(NamedTuple):
    """The migration that is drawn."""

    migration: MigrationResult
    timeline: TimelineResult
    faults: Sequence[FaultResult]

    @property
    def start(self) -> float:
        """Seconds since the epoch that the axis counts from: the first octet."""
        times = [phase.start_time for phase in self.migration.phases if phase.start_time is not None]
        return min(times, default=0.0)

    @property
    def latencies(self) -> list[float]:
        """Of faults that were not in flight already, in order of length."""
        return sorted(one.latency for one in self.faults if one.latency is not None and not one.in_flight)


Row = tuple[Any, ...]


class Plot(NamedTuple):
    """A kind of picture."""

    words: str
    lacks: Callable[[Subject], str | None]
    """Why there is nothing to draw; None if there is something."""
    rows: Callable[[Subject], Iterator[Row]]
    """The data, names of columns first."""
    draw: Callable[[Axes, Subject], None]
    height: float = 1.9
    """Inches."""


def table(kind: Kind, subject: Subject) -> list[Row]:
    """The data of a picture, names of columns first; times are exact to the ns. Raises UserError if there are none."""
    plot = PLOTS[kind]
    why = plot.lacks(subject)
    if why is not None:
        raise UserError(f"nothing to plot: {why}")
    return [tuple(round(one, 9) if isinstance(one, float) else one for one in row) for row in plot.rows(subject)]


def draw(kind: Kind, subject: Subject, path: str) -> None:
    """Writes a picture, in the format that the name ends with. Raises UserError if that is none, there is nothing to
    draw, it cannot be written, or matplotlib is not installed."""
    table(kind, subject)
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UserError(f"pictures need matplotlib: {INSTALL}; a name that ends in .csv gives the data") from error
    plot = PLOTS[kind]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, plot.height), layout="constrained")
        plot.draw(figure.subplots(), subject)
        format = PurePath(path).suffix[1:].lower()
        metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(format, {})
        with whole(path) as file:
            figure.savefig(file, format=format, dpi=300, metadata=metadata)


def _whole_numbers() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(integer=True)


def _plain_logarithm(axis: Any) -> None:
    """Ticks as people write numbers, also where there is less than a power of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


# --- timeline ---------------------------------------------------------------------------------------------------------


def _untimed(subject: Subject) -> str | None:
    return None if subject.timeline.start_time is not None else "the input has no times"


def _starts(subject: Subject) -> list[float]:
    """Of each bin, in seconds since the migration's first octet."""
    timeline = subject.timeline
    first = (timeline.start_time or 0.0) - subject.start
    return [first + at * timeline.bin for at in range(len(timeline.forward.octets))]


def _timeline_rows(subject: Subject) -> Iterator[Row]:
    yield (
        "start_s", "forward_octets", "reverse_octets", "forward_retransmitted", "reverse_retransmitted",
        "forward_not_captured", "reverse_not_captured", "phase",
    )  # fmt: skip
    forward, reverse = subject.timeline.forward, subject.timeline.reverse
    phases = subject.migration.phases
    for start, *octets in zip(
        _starts(subject),
        forward.octets,
        reverse.octets,
        forward.retransmitted,
        reverse.retransmitted,
        forward.not_captured,
        reverse.not_captured,
        strict=True,
    ):
        begun = [one.name for one in phases if (one.start_time or 0.0) - subject.start <= start]
        yield start, *octets, begun[-1] if begun else phases[0].name


def _draw_timeline(axes: Axes, subject: Subject) -> None:
    timeline, start = subject.timeline, subject.start
    starts = _starts(subject)
    edges = [*starts, starts[-1] + timeline.bin]
    rates = [octets / timeline.bin / 1e6 for octets in timeline.forward.octets]
    top = 1.25 * max(rates) or 1.0  # nothing of the source may have been captured
    for phase in subject.migration.phases:
        if phase.start_time is not None and phase.end_time is not None and phase.name in PHASES:
            left, right = phase.start_time - start, phase.end_time - start
            axes.axvspan(left, right, color=PHASES[phase.name], alpha=0.12, linewidth=0)
            if right - left > 0.12 * edges[-1]:
                axes.text((left + right) / 2, top * 0.97, phase.name, ha="center", va="top", fontsize=6.5)
    axes.stairs(rates, edges, color=BLUE, linewidth=0.6, fill=True, alpha=0.35)
    axes.stairs(rates, edges, color=BLUE, linewidth=0.6, label="forward")
    again = [at for at, octets in zip(starts, timeline.forward.retransmitted, strict=True) if octets]
    asked = [one.time - start for one in subject.faults if one.time is not None]
    for times, colour, label, at in ((again, PURPLE, "retransmitted", -0.05), (asked, VERMILION, "faults", -0.11)):
        if times:
            axes.scatter(times, [top * at] * len(times), marker="|", s=9, linewidths=0.6, color=colour, label=label)
    axes.set(xlim=(0, edges[-1]), ylim=(-0.16 * top, top), xlabel="time, s", ylabel="forward, MB/s")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=3)


# --- memory -----------------------------------------------------------------------------------------------------------


def _without_pages(subject: Subject) -> str | None:
    return _untimed(subject) or (None if subject.timeline.pages is not None else "no pages were sent")


def _map(subject: Subject) -> PageMapResult:
    assert subject.timeline.pages is not None
    return subject.timeline.pages


def _memory_rows(subject: Subject) -> Iterator[Row]:
    pages = _map(subject)
    first = (pages.start_time or 0.0) - subject.start
    yield "use", "first_pfn", "pfns", "start_s", "width_s", "pages"
    for use in pages.uses:
        for row, bin, count in zip(use.rows, use.bins, use.pages, strict=True):
            yield use.use, pages.rows[row], pages.row_size, first + bin * pages.bin, pages.bin, count
    for row, count in zip(pages.rows, pages.never_came, strict=True):
        if count:
            yield "never_came", row, pages.row_size, None, None, count


def _draw_memory(axes: Axes, subject: Subject) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Patch, Rectangle

    pages = _map(subject)
    first = (pages.start_time or 0.0) - subject.start
    wide = max(pages.bin, pages.bins * pages.bin / 250)
    for use in pages.uses:
        cells = [
            Rectangle((first + bin * pages.bin, row), wide, 1) for row, bin in zip(use.rows, use.bins, strict=True)
        ]
        axes.add_collection(PatchCollection(cells, facecolor=USES[use.use], linewidth=0))
    every = max(1, len(pages.rows) // 6)
    axes.set_yticks(range(0, len(pages.rows), every), [f"{pfn:#x}" for pfn in pages.rows[::every]])
    axes.set(xlim=(0, first + pages.bins * pages.bin), ylim=(0, len(pages.rows)), xlabel="time, s", ylabel="pfn")
    keys = [Patch(color=USES[use.use], label=CALLED.get(use.use, use.use)) for use in pages.uses]
    axes.legend(handles=keys, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, handlelength=0.8)


# --- iterations -------------------------------------------------------------------------------------------------------


def _without_iterations(subject: Subject) -> str | None:
    return _untimed(subject) or (None if subject.migration.iterations else "there was no iteration")


def _iteration_rows(subject: Subject) -> Iterator[Row]:
    yield (
        "index", "verify", "start_s", "end_s", "entries", "data_pages", "sent_pages_per_second",
        "dirty_pages_per_second", "octets_per_second",
    )  # fmt: skip
    for one in subject.migration.iterations:
        start, end = ((time or 0.0) - subject.start for time in (one.start_time, one.end_time))
        rates = one.sent_pages_per_second, one.dirty_pages_per_second, one.octets_per_second
        yield one.index, one.verify, start, end, one.entries, one.data_pages, *rates


def _draw_iterations(axes: Axes, subject: Subject) -> None:
    shape: dict[str, Any] = {"markersize": 2.5, "linewidth": 0.9}
    for name, colour, marker, label in (
        ("sent_pages_per_second", BLUE, "o", "sent"),
        ("dirty_pages_per_second", ORANGE, "s", "dirtied meanwhile"),
    ):
        known = [one for one in subject.migration.iterations if getattr(one, name) is not None]
        rates = [getattr(one, name) for one in known]
        axes.plot([one.index for one in known], rates, color=colour, marker=marker, label=label, **shape)
    axes.set(xlabel="iteration", ylabel="pages/s")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(_whole_numbers())
    axes.legend()


# --- faults -----------------------------------------------------------------------------------------------------------


def _without_latency(subject: Subject) -> str | None:
    return _untimed(subject) or (None if subject.latencies else "no fault waited for its page")


def _latency_rows(subject: Subject) -> Iterator[Row]:
    yield "pfn", "time_s", "latency_s", "in_flight", "frame"
    for one in subject.faults:
        yield one.pfn, None if one.time is None else one.time - subject.start, one.latency, one.in_flight, one.frame


def _draw_latency(axes: Axes, subject: Subject) -> None:
    timed = [one for one in subject.faults if one.time is not None and one.latency is not None]
    waited = [((one.time or 0.0) - subject.start, (one.latency or 0.0) * 1e3) for one in timed if not one.in_flight]
    flying = [(one.time or 0.0) - subject.start for one in timed if one.in_flight]
    times, latencies = zip(*waited, strict=True)
    axes.scatter(times, latencies, s=6, color=VERMILION, linewidths=0, label="waited")
    if flying:
        low = min(latency for _, latency in waited)
        axes.scatter(flying, [low * 0.6] * len(flying), s=7, marker="x", linewidths=0.6, color=BLUE, label="in flight")
    axes.set(yscale="log", xlabel="time, s", ylabel="latency, ms")
    _plain_logarithm(axes.yaxis)
    axes.legend()


def _ecdf_rows(subject: Subject) -> Iterator[Row]:
    yield "latency_s", "part"
    latencies = subject.latencies
    for rank, latency in enumerate(latencies, 1):
        yield latency, rank / len(latencies)


def _draw_ecdf(axes: Axes, subject: Subject) -> None:
    axes.ecdf([latency * 1e3 for latency in subject.latencies], color=BLUE, linewidth=1)
    axes.set(xscale="log", xlabel="latency, ms", ylabel="part of the faults", ylim=(0, 1.02))
    _plain_logarithm(axes.xaxis)
    axes.grid(linewidth=0.3, alpha=0.5)


# --- pages sent again -------------------------------------------------------------------------------------------------


def _without_counts(subject: Subject) -> str | None:
    pages = subject.timeline.pages
    return None if pages is not None and pages.times_sent else "it is not known how often pages were sent"


def _again_rows(subject: Subject) -> Iterator[Row]:
    yield "times", "pages"
    yield from enumerate(_map(subject).times_sent or (), 1)


def _draw_again(axes: Axes, subject: Subject) -> None:
    counts = _map(subject).times_sent or ()
    axes.bar(range(1, len(counts) + 1), counts, color=BLUE)
    axes.set(xlabel="times sent by precopy", ylabel="pages")
    axes.xaxis.set_major_locator(_whole_numbers())


PLOTS: Mapping[Kind, Plot] = {
    "timeline": Plot("octets over time, phases, faults", _untimed, _timeline_rows, _draw_timeline),
    "memory": Plot("pages by pfn and time", _without_pages, _memory_rows, _draw_memory, height=2.6),
    "iterations": Plot("rates of sending and of dirtying", _without_iterations, _iteration_rows, _draw_iterations),
    "latency": Plot("latency of each fault over time", _without_latency, _latency_rows, _draw_latency),
    "ecdf": Plot("distribution of latency", _without_latency, _ecdf_rows, _draw_ecdf),
    "again": Plot("how often pages were sent", _without_counts, _again_rows, _draw_again),
}
