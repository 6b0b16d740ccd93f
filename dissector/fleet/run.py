"""Many captures into a dataset: work to the workers of a cluster, no more of it than they can take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from dissector.errors import UserError
from dissector.fleet.dataset import Dataset, empty
from dissector.fleet.listing import Source
from dissector.fleet.worker import Done, dissect

WAITING = 2
"""Captures a worker that are given out at once: one at work, one that waits. A worker that joins later gets its own."""

MEMORY = "1GiB"
"""Of a worker of the embedded cluster; one that takes more is started anew, and its capture has a problem."""

TRIES = 2
"""Workers that may die over one capture before it is given up."""

SETTINGS: Mapping[str, Any] = MappingProxyType(
    {
        "distributed.scheduler.allowed-failures": TRIES,
        "distributed.worker.daemon": False,
        # Dask looks after itself many times a second, for a dashboard that nobody opens here: a fourteenth of a core.
        "distributed.admin.tick.interval": "500ms",
        "distributed.admin.system-monitor.interval": "5s",
        "distributed.client.scheduler-info-interval": "10s",
        "distributed.scheduler.active-memory-manager.start": False,
        "distributed.worker.memory.monitor-interval": "500ms",
        "distributed.worker.profile.enabled": False,
    }
)
"""Of Dask, for this process and the workers that it starts."""


def run(sources: list[Source], dataset: str, cluster: Any, tell: Callable[[Done], object], name: str) -> None:
    """Does every source, in any order; `tell` hears of each as it is done. `cluster`: Dask's client; `name`: of this
    run, as `Dataset` takes it."""
    from distributed import as_completed

    waiting = iter(sources)
    at_work: dict[Any, Source] = {}

    def give_out() -> Iterator[Any]:
        room = max(1, WAITING * len(cluster.scheduler_info(n_workers=-1)["workers"])) - len(at_work)
        for _, source in zip(range(room), waiting, strict=False):
            future = cluster.submit(dissect, source, dataset, name, pure=False, retries=0)
            at_work[future] = source
            yield future

    completed = as_completed(list(give_out()), loop=cluster.loop)
    for future in completed:
        source = at_work.pop(future)
        error = future.exception()
        tell(future.result() if error is None else _lost(source, dataset, error))
        future.release()
        for more in give_out():
            completed.add(more)


def _lost(source: Source, dataset: str, error: BaseException) -> Done:
    """A capture over which workers died: its row says so."""
    problem = f"given up: {type(error).__name__}, {str(error).splitlines()[0] if str(error) else 'no reason given'}"
    tables, target = empty(source, problem), Dataset(dataset)
    target.put(source, tables)
    target.enter(source, target.captures(source, tables, 0.0))
    return Done(source, problem, 0.0)


@contextmanager
def client(scheduler: str | None, workers: int | None) -> Iterator[Any]:
    """Dask's client of the cluster at an address, or of one of its own with so many workers, or one a processor.

    Raises UserError where nobody answers."""
    import dask
    from distributed import Client, LocalCluster
    from distributed.comm.addressing import get_address_host_port

    dask.config.set(SETTINGS)
    if scheduler is not None:
        try:
            get_address_host_port(scheduler)  # a client that was made with an address that is none cannot be closed
            with Client(scheduler, timeout="5s", set_as_default=False) as found:
                yield found
        except (OSError, ValueError) as error:
            raise UserError(f"cannot reach the scheduler at {scheduler}: {error}") from error
        return
    own = LocalCluster(
        n_workers=workers, threads_per_worker=1, memory_limit=MEMORY, dashboard_address="127.0.0.1:0", silence_logs=50
    )
    with own, Client(own, set_as_default=False) as found:
        yield found
