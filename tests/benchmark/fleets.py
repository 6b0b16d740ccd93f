"""`xenshark fleet` beside `xargs -P` with `xenshark export`, over copies of one capture: what the engine adds."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from .capture import build_capture
from .measuring import measure

XENSHARK = [sys.executable, "-m", "dissector"]

FEW, MANY = 6, 18
"""Captures of two runs: what one more capture takes is their difference, without what it takes to start."""


class Took(NamedTuple):
    """What one run took, in seconds."""

    cpu: float
    wall: float
    own: float
    """Of the workers, for the captures and their tables alone: what the dataset says."""


def compare_fleet(folder: Path, size: int) -> Iterator[str]:
    """The table, row by row; `size`: octets of a migration stream."""
    capture = folder / f"fleet-{size}.pcap"
    if not capture.exists():
        build_capture(capture, size, "a")
    octets = capture.stat().st_size
    yield "| what | captures a second | GB a second | CPU s a capture | of that the capture's own |"
    yield "|---|---|---|---|---|"
    for workers in (1, 2):
        for name, run in (("fleet, workers:", _fleet), ("xargs -P", _xargs)):
            few, many = (_measured(run, folder, capture, count, workers) for count in (FEW, MANY))
            more = MANY - FEW
            cpu, wall, own = ((after - before) / more for before, after in zip(few, many, strict=True))
            share = f"{own:.2f} ({(cpu - own) / own:.0%} more in all)" if own else "-"
            yield f"| {name} {workers} | {1 / wall:.2f} | {octets / wall / 1e9:.2f} | {cpu:.2f} | {share} |"


Command = Callable[[Path, Path, int], list[str]]


def _measured(command: Command, folder: Path, capture: Path, count: int, workers: int) -> Took:
    inputs, out = folder / "captures", folder / "out"
    for path in (inputs, out):
        shutil.rmtree(path, ignore_errors=True)
    inputs.mkdir()
    for number in range(count):
        os.link(capture, inputs / f"{number:03}.pcap")
    began = perf_counter()
    run = measure(command(inputs, out, workers))
    wall = perf_counter() - began
    return Took(run.cpu, wall, _own(out) if command is _fleet else 0.0)


def _fleet(inputs: Path, out: Path, workers: int) -> list[str]:
    return [*XENSHARK, "fleet", str(inputs), "-o", str(out), "--workers", str(workers)]


def _xargs(inputs: Path, out: Path, workers: int) -> list[str]:
    each = f"{' '.join(XENSHARK)} export {{}} -o {out}/$(basename {{}})"
    return ["sh", "-c", f"ls {inputs}/* | xargs -P {workers} -I{{}} sh -c '{each}'"]


def _own(out: Path) -> float:
    from dissector.fleet.dataset import Dataset

    return float(sum(Dataset(str(out)).table("captures")["seconds"].to_pylist()))
