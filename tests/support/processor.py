"""Limits in seconds of the processor: what a machine that is busy otherwise does not miss."""

from __future__ import annotations

import resource
from collections.abc import Callable


def at_most(seconds: int) -> Callable[[], None]:
    """For `preexec_fn` of a process that is started: the kernel ends it once it has taken more, with SIGXCPU."""
    return lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
