"""What is told to Prometheus of the migrations that are watched.

Counters go on from the first capture to the last. What has a migration's names on it is a gauge of those that go on,
and however many guests a hostile wire names, there are no more than LABELS_MAX series of one metric: names are cut and
escaped, those that came late are "other", and migrations of the same names are added up.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from dissector.errors import UserError
from dissector.facts import Fault, Migration
from dissector.monitor import Monitor, Notice, Snapshot
from dissector.results.source import SourceResult
from dissector.rules.findings import Finding
from dissector.units import NS, printable

LABELS_MAX = 256
"""Guests and their pairs of hosts that have series of their own."""

NAME_MAX = 64
"""Characters of a guest's name."""

LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
DURATIONS = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Upper bounds of the histograms' buckets, seconds."""


class Names(NamedTuple):
    """The labels of a migration that goes on."""

    guest: str
    source: str
    destination: str


OTHER = Names("other", "other", "other")

COUNTED = {
    "forward": ("xenshark_forward_bytes", "Distinct octets of the forward directions that were seen."),
    "reverse": ("xenshark_reverse_bytes", "Distinct octets of the reverse directions that were seen."),
    "retransmitted": ("xenshark_retransmitted_bytes", "Octets of both directions that were captured again."),
    "lost": ("xenshark_not_captured_bytes", "Octets of migrations that the capture lost."),
    "pages": ("xenshark_pages", "Pages whose contents were sent, before and after the transition."),
    "asked": ("xenshark_faulted_pages", "Pages that postcopy guests asked for."),
    "answered": ("xenshark_answered_pages", "Pages that came, of those asked for."),
}
"""What is counted of all migrations, over all captures."""

Gauged: TypeAlias = Callable[[Snapshot], float | None]

GAUGED: Mapping[str, tuple[str, Gauged]] = {
    "bytes": ("Distinct octets of the forward direction so far.", lambda one: one.octets),
    "pages": ("Pages whose contents were sent so far.", lambda one: one.pages),
    "bytes_per_second": ("Octets of the last second.", lambda one: one.octets_rate),
    "pages_per_second": ("Pages of the last second.", lambda one: one.pages_rate),
    "dirty_pages_per_second": (
        "Pages that the guest wrote to while the newest whole iteration but one was sent.",
        lambda one: one.dirty_rate,
    ),
    "outstanding_pages": ("Pages announced and not come yet.", lambda one: one.outstanding),
    "waiting_faults": ("Pages asked for and not come yet.", lambda one: one.asked - one.answered),
    "elapsed_seconds": ("Since the first octet.", lambda one: one.elapsed / NS),
    "idle_seconds": ("For how long no new octet has come, in either direction.", lambda one: one.idle / NS),
}
"""What is told of each migration that goes on, by how the names of the metrics end."""


class Histogram:
    """Counts of durations up to each of some bounds."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """As Prometheus has them: each counts what is in those before it, too."""
        found, so_far = [], 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            so_far += count
            found.append((bound, float(so_far)))
        return found


class Metrics:
    """A collector. The thread that watches makes all families anew at each look; the one that serves hands them out."""

    witness: None = None
    """Notices tell it enough."""

    def __init__(self, host: str, port: int, interface: str, version: str) -> None:
        """Serves from now on; `version` is the program's. Raises UserError where it cannot."""
        self._what = {"interface": printable(interface), "program": "", "version": version}
        self._is_capturing = False
        self._captures = 0
        self._counts: Counter[str] = Counter()
        """As told last: no counter ever goes back."""
        self._ended: Counter[str] = Counter()
        self._capture: Counter[str] = Counter()
        self._before: Counter[str] = Counter()
        self._outcomes: Counter[tuple[str, ...]] = Counter()
        self._findings: Counter[tuple[str, ...]] = Counter()
        self._in_flight = 0
        self._latency, self._duration = Histogram(LATENCIES), Histogram(DURATIONS)
        self._known: set[Names] = set()
        self._families: Sequence[Metric] = ()
        self._tell((), 0)
        registry = CollectorRegistry()
        registry.register(self)
        ProcessCollector(registry=registry)
        try:
            self._server, _ = start_http_server(port, host, registry)
            self._server.set_app(_at_metrics(self._server.get_app()))
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise UserError(f"cannot serve metrics at {host}:{port}: {why}") from error

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_port)

    def collect(self) -> Iterator[Metric]:
        """What the last look has shown."""
        return iter(self._families)

    def begin(self, program: str) -> None:
        """A capture has begun."""
        self._what, self._is_capturing = {**self._what, "program": program}, True
        self._captures += 1

    def notify(self, notice: Notice) -> None:
        """Something happened."""
        migration, subject = notice.analysis.migration, notice.subject
        if isinstance(subject, Finding):
            self._findings[subject.rule, subject.severity] += 1
        elif notice.kind == "fault" and isinstance(subject, Fault) and subject.latency is not None:
            if subject.in_flight:
                self._in_flight += 1
            else:
                self._latency.add(subject.latency / NS)
        elif notice.kind == "end":
            self._outcomes[migration.kind, migration.outcome] += 1
            self._ended += _counts(migration)
            if migration.is_timed and migration.first_time is not None and migration.last_time is not None:
                self._duration.add((migration.last_time - migration.first_time) / NS)

    def look(self, snapshots: Sequence[Snapshot], monitor: Monitor, source: SourceResult) -> None:
        """How everything stands; `source` is the capture so far."""
        self._capture = Counter(packets=source.packets, octets=source.bytes, dropped=source.dropped_packets)
        running = [one.migration for one in monitor.running]
        counts = sum(map(_counts, running), self._ended)
        self._counts = self._counts | counts  # the larger one of each
        self._tell([one for one in snapshots if one.outcome is None], len(running))

    def end(self) -> None:
        """The capture has ended; another one may begin."""
        self._is_capturing = False
        self._before += self._capture
        self._capture = Counter()
        self._tell((), 0)

    def close(self) -> None:
        """Serves no more."""
        self._server.shutdown()
        self._server.server_close()

    def _tell(self, snapshots: Sequence[Snapshot], running: int) -> None:
        self._families = [*self._of_the_host(running), *self._of_all(), *self._of_each(snapshots)]

    def _of_the_host(self, running: int) -> Iterator[Metric]:
        seen = self._before + self._capture
        yield _gauge(
            "xenshark_capturing", "Whether packets are captured: 0 while the interface is gone.", self._is_capturing
        )
        yield InfoMetricFamily("xenshark_capture", "Where and by which program packets are captured.", self._what)
        yield _counter("xenshark_captures", "How often a capture began.", self._captures)
        yield _counter("xenshark_packets", "Packets that were captured.", seen["packets"])
        yield _counter("xenshark_captured_bytes", "Octets of captures.", seen["octets"])
        says = "Packets that the capturing program said it lost; dumpcap says it when it ends, the others at once."
        yield _counter("xenshark_dropped_packets", says, seen["dropped"])
        yield _gauge("xenshark_migrations_running", "Migrations that go on.", running)

    def _of_all(self) -> Iterator[Metric]:
        for name, (metric, says) in COUNTED.items():
            yield _counter(metric, says, self._counts[name])
        yield _counter(
            "xenshark_in_flight_pages", "Pages that were on their way when they were asked for.", self._in_flight
        )
        yield _labelled(
            CounterMetricFamily("xenshark_migrations", "Migrations that have ended.", labels=("kind", "outcome")),
            self._outcomes,
        )
        yield _labelled(
            CounterMetricFamily("xenshark_findings", "What broke a rule.", labels=("rule", "severity")), self._findings
        )
        says = "From a fault to its page, without pages that were in flight already."
        yield HistogramMetricFamily("xenshark_fault_latency_seconds", says, self._latency.buckets(), self._latency.sum)
        says = "From the first octet of a migration to its last."
        yield HistogramMetricFamily(
            "xenshark_migration_duration_seconds", says, self._duration.buckets(), self._duration.sum
        )

    def _of_each(self, snapshots: Sequence[Snapshot]) -> Iterator[Metric]:
        phases: Counter[tuple[str, ...]] = Counter()
        values: dict[str, Counter[tuple[str, ...]]] = {name: Counter() for name in GAUGED}
        for snapshot in snapshots:
            names = self._names(snapshot)
            phases[*names, snapshot.phases[-1][0]] += 1
            for name, (_, get) in GAUGED.items():
                value = get(snapshot)
                if value is not None:
                    values[name][names] += value  # type: ignore[assignment]  # a Counter takes floats
        labels = Names._fields
        says = "How many migrations of these names are in a phase."
        yield _labelled(GaugeMetricFamily("xenshark_migration_phase", says, labels=(*labels, "phase")), phases)
        for name, (says, _) in GAUGED.items():
            yield _labelled(GaugeMetricFamily(f"xenshark_migration_{name}", says, labels=labels), values[name])

    def _names(self, snapshot: Snapshot) -> Names:
        flow = snapshot.flow
        hosts = (flow.source.address, flow.destination.address) if flow is not None else ("", "")
        names = Names(printable((snapshot.name or "")[:NAME_MAX])[:NAME_MAX], *hosts)
        if names not in self._known:
            if len(self._known) >= LABELS_MAX:
                return OTHER
            self._known.add(names)
        return names


def _counts(migration: Migration) -> Counter[str]:
    faults, sides = migration.faults, (migration.forward, migration.reverse)
    return Counter(
        forward=migration.forward.seen,
        reverse=migration.reverse.seen,
        retransmitted=sum(side.retransmitted for side in sides),
        lost=sum(gap.length for side in sides for gap in side.gaps),
        pages=migration.pages.data_pages + faults.pages,
        asked=faults.asked.count,
        answered=faults.answered,
    )


PATHS = ("/", "/metrics", "/favicon.ico")
"""Where there is something; the last one is what browsers ask for by themselves."""


def _at_metrics(app: Any) -> Callable[[dict[str, Any], Any], Any]:
    """An application that says where metrics are to who asks for something else: else they are everywhere."""

    def answer(environ: dict[str, Any], start: Any) -> Any:
        if environ["PATH_INFO"] in PATHS:
            return app(environ, start)
        start("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"nothing is here: metrics are at /metrics\n"]

    return answer


def _gauge(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(name, says, value)


def _counter(name: str, says: str, value: float) -> Metric:
    return CounterMetricFamily(name, says, value)


def _labelled(family: Any, values: Counter[tuple[str, ...]]) -> Metric:
    for labels, value in values.items():
        family.add_metric(labels, value)
    found: Metric = family
    return found
