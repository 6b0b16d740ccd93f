"""Limits on what is taken of the processor: in seconds, or in turns, which a slow or busy machine does not miss."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import process_time


def at_most(seconds: int) -> Callable[[], None]:
    """For `preexec_fn` of a process that is started: the kernel ends it once it has taken more, with SIGXCPU."""
    return lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


IDLE = 0.03
"""Seconds that a turn takes where the machine is quick and does nothing else."""


def turn() -> float:
    """Seconds of the processor that a fixed piece of Python takes on this machine just now: several times IDLE where it
    is slow, busy, or watched line by line."""
    before = process_time()
    counted: dict[int, int] = {}
    for number in range(200_000):
        counted[number & 1023] = counted.get(number & 1023, 0) + len(str(number))
    return process_time() - before


@contextmanager
def within(turns: int) -> Iterator[None]:
    """What is done inside takes no more of the processor than so many turns, timed before and after it."""
    one, before = turn(), process_time()
    yield
    took = process_time() - before
    assert took < turns * max(one, turn()), f"{took:.2f} s of the processor"
