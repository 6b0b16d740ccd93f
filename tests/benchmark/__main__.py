"""Measure whole processes over the same captures, in turn, and print a Markdown table.

CPU seconds are user and system time of the process; the ratios are the medians of each round's.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from dissector.tcp import core

from .capture import VARIANTS, Variant, build_capture, build_without_xen
from .fleets import compare_fleet
from .genuine import genuine, lengthen
from .measuring import Run, measure
from .relays import compare_relays, compare_round_trips
from .stream import pieces
from .tsharks import compare_tsharks, compare_without_xen

SCRIPT = "minimal.lua"
FAULTS = 20_000_000
"""Octets of a migration in which every page is asked for: some 5,000."""

QUICK = ("a", "b", "gro", "random", "loss", "pcapng 2", "two", "tenth", "postcopy", "c_netem")
"""Shapes that between them show most of what can go wrong."""


class Tool(NamedTuple):
    """One program to measure."""

    command: Callable[[Path, Variant], list[str]]
    package: str  # of Debian, that holds it
    found: str | None = None  # finds the number of PAGE_DATA records in what it prints
    unprivileged: bool = False


def _dd(capture: Path, variant: Variant) -> list[str]:
    return ["dd", f"if={capture}", "of=/dev/null", "bs=1M"]


def _tcpdump(capture: Path, variant: Variant) -> list[str]:
    return ["tcpdump", "-r", str(capture), "-w", "/dev/null"]


def _tshark(capture: Path, variant: Variant) -> list[str]:
    # Without the preference tshark loses its way in a disturbed capture; in others it would only cost time.
    preference = ["-o", "tcp.reassemble_out_of_order:TRUE"] if variant.disturbed else []
    return ["tshark", "-r", str(capture), "-q", "-X", f"lua_script:{capture.parent / SCRIPT}", *preference]


def _xenshark(capture: Path, variant: Variant) -> list[str]:
    command = [sys.executable, "-m", "dissector", "analyze", "--json"]
    if variant.packed == "stdin":
        return ["sh", "-c", 'cat "$0" | "$@" -', str(capture), *command]
    return [*command, str(capture)]


TOOLS = {
    "dd": Tool(_dd, "coreutils"),
    "tcpdump": Tool(_tcpdump, "tcpdump"),
    # As root, tshark 4.4 and later leave out the script without a word.
    "tshark": Tool(_tshark, "tshark", r"PAGE_DATA records: (\d+)", unprivileged=True),
    "xenshark": Tool(_xenshark, "python3", r'"libxc\.PAGE_DATA":\s*(\d+)'),
}


class Shape(NamedTuple):
    """A capture to measure on."""

    name: str
    path: Path
    variant: Variant
    expected: int | None
    """PAGE_DATA records of each migration in it; None: nobody counted."""


def prepare(folder: Path, size: int, name: str, guest: str) -> Shape:
    """The capture in `folder`, built unless it is there."""
    suffix = {"gzip": ".gz", "zstd": ".zst"}.get(VARIANTS[name].packed if name in VARIANTS else "", "")
    path = folder / f"{name.replace(' ', '-')}-{guest}-{size}.pcap{suffix}"
    if not path.exists():
        print(f"building {path}", file=sys.stderr)
        part = path.with_suffix(".part")
        # In a process of its own, so that this one stays small: see `peak`.
        target, arguments = (
            (build_capture, (part, size, name, guest))
            if name in VARIANTS
            else (lengthen, (genuine()[name], part, size))
        )
        builder = multiprocessing.get_context("spawn").Process(target=target, args=arguments)
        builder.start()
        builder.join()
        if builder.exitcode:
            raise SystemExit(f"building {path} failed")
        part.rename(path)
    variant = VARIANTS.get(name, Variant("genuine, again and again"))
    whole = name in VARIANTS and variant.stream == "live" and not variant.dropped
    octets = int(size * variant.part) // variant.migrations
    expected = sum(piece.name == "PAGE_DATA" for piece in pieces(octets, guest)) if whole else None
    return Shape(name, path, variant, expected)


def compare(shape: Shape, names: Sequence[str], runs: int) -> dict[str, list[Run]]:
    """`runs` rounds of every tool in turn, after one that only warms up; checks what the tools found."""
    results: dict[str, list[Run]] = {name: [] for name in names}
    for _ in range(1 + runs):
        for name in names:
            tool = TOOLS[name]
            run = measure(tool.command(shape.path, shape.variant), tool.unprivileged)
            results[name].append(run)
            if tool.found and shape.expected is not None:
                found = re.findall(tool.found, run.printed)
                if found != [str(shape.expected)] * shape.variant.migrations:
                    count = ", ".join(found) or "none"
                    raise SystemExit(
                        f"{name}: {count} of {shape.expected} PAGE_DATA records in {shape.path}\n{run.printed[-2000:]}"
                    )
    return {name: measured[1:] for name, measured in results.items()}


def peak(runs: Sequence[Run]) -> str:
    """The highest peak memory in MB, or that it is no higher than this process's own: a child starts with its pages."""
    floor = measure(["true"]).peak
    most = max(run.peak for run in runs)
    return f"{'' if most > floor else '<= '}{most * 1024 / 1e6:.0f}"


def cpu_a_gb(runs: Sequence[Run], octets: int) -> str:
    return f"{median(run.cpu for run in runs) / octets * 1e9:.2f}"


def times(runs: Sequence[Run], others: Sequence[Run], start: float = 0) -> str:
    """The median of each round's ratio, without the seconds that it takes to start."""
    return f"{median((run.cpu - start) / max(other.cpu, 0.01) for run, other in zip(runs, others, strict=True)):.2f}"


def measure_start(folder: Path, runs: int) -> float:
    """CPU seconds of `analyze` on a capture that holds next to nothing."""
    shape = prepare(folder, 10_000, "a", "hvm")
    return median(run.cpu for run in compare(shape, ["xenshark"], max(runs, 3))["xenshark"])


def row(shape: Shape, results: dict[str, list[Run]], start: float) -> str:
    """A row of the table of shapes."""
    octets = shape.path.stat().st_size
    own, copies = results["xenshark"], results["dd"]
    dumps = results.get("tcpdump")
    cells = [
        f"{shape.name}: {shape.variant.shows}",
        f"{octets / 1e9:.2f}",
        cpu_a_gb(dumps, octets) if dumps else "-",
        cpu_a_gb(own, octets),
        times(own, dumps, start) if dumps else "-",
        times(own, copies, start),
        peak(own),
    ]
    return f"| {' | '.join(cells)} |"


HEADER = """\
| shape | GB | tcpdump, CPU s a GB | xenshark, CPU s a GB | times tcpdump | times dd | peak MB |
|---|---|---|---|---|---|---|"""


def table(results: dict[str, list[Run]], octets: int) -> list[str]:
    """Rows of Markdown, from the results of `compare` on a capture of `octets`: one for each tool."""
    base = results.get("tcpdump")
    rows = ["| what | CPU s | GB/s | ratio to tcpdump | peak MB |", "|---|---|---|---|---|"]
    for name, runs in results.items():
        cpu = median(run.cpu for run in runs)
        ratio = times(runs, base) if base else "-"
        rows.append(f"| {name} | {cpu:.2f} | {octets / cpu / 1e9:.2g} | {ratio} | {peak(runs)} |")
    return rows


def machine() -> str:
    """One line: processor, cores, Python, whether the fast path is compiled, and the tools' versions."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    model = re.search(r"model name\s*: (.*)", text)
    how = "compiled" if core.COMPILED else "uncompiled"
    versions = [f"{platform.python_implementation()} {platform.python_version()}", f"fast path {how}"]
    for name in ("tcpdump", "tshark"):
        if shutil.which(name):
            printed = subprocess.run([name, "--version"], capture_output=True, text=True, check=False)
            number = re.search(r"\d+\.\d+\.\d+", printed.stdout + printed.stderr)
            versions.append(f"{name} {number[0] if number else '?'}")
    return ", ".join([model[1] if model else platform.machine(), f"{os.cpu_count()} cores", *versions])


def _names(known: Sequence[str]) -> Callable[[str], list[str]]:
    def split(text: str) -> list[str]:
        names = text.split(",")
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: choose from {', '.join(known)}")
        return names

    return split


def _options() -> argparse.Namespace:
    shapes = [*VARIANTS, *genuine()]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark", description=__doc__)
    folder = Path(tempfile.gettempdir()) / "xenshark-benchmark"
    parser.add_argument("--dir", type=Path, default=folder, help="where captures are kept")
    parser.add_argument("--size", type=float, help="octets of a migration stream (default 3e8; 1e9, with --scapy 2e7)")
    parser.add_argument("--guest", choices=["hvm", "pv"], default="hvm")
    parser.add_argument("--shapes", type=_names(shapes), help=f"some of {', '.join(shapes)}")
    parser.add_argument("--quick", action="store_true", help=f"the shapes {', '.join(QUICK)}, of 1e8 octets")
    parser.add_argument("--runs", type=int, default=5, help="rounds after the one that warms up (default 5)")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--tools", action="store_true", help="every tool beside the others, on the shapes a and b")
    other.add_argument("--memory", action="store_true", help="peak memory of xenshark at --size and five times that")
    other.add_argument("--scapy", action="store_true", help="MigrationSession beside Scapy's TCPSession")
    other.add_argument("--lua", action="store_true", help="tshark with the generated dissector beside tshark without")
    other.add_argument("--tap", action="store_true", help="xenshark tap beside socat; needs socat")
    other.add_argument("--fleet", action="store_true", help="xenshark fleet beside xargs -P, on captures of 1e8 octets")
    return parser.parse_args()


def _need(*names: str) -> None:
    for name in names:
        if name != "xenshark" and not shutil.which(name):
            package = TOOLS[name].package if name in TOOLS else name
            raise SystemExit(f"{name} is missing: install the Debian package {package}")


def main() -> None:
    options = _options()
    options.dir.mkdir(parents=True, exist_ok=True)
    folder, runs, guest = options.dir.resolve(), options.runs, options.guest
    shutil.copyfile(Path(__file__).with_name(SCRIPT), folder / SCRIPT)
    print(machine())
    if options.tap:
        _need("socat")
        size = int(options.size or 1e9)
        print(f"\n{size / 1e9:.2f} GB through a pipe, {runs} rounds\n")
        print("\n".join(compare_relays(folder, size, runs)))
        print("\nFrom one page request to the next\n")
        print("\n".join(compare_round_trips(folder, FAULTS, runs)))
    elif options.fleet:
        print()
        for line in compare_fleet(folder, int(options.size or 1e8)):
            print(line, flush=True)
    elif options.tools or options.memory or options.lua or options.scapy:
        _tables(options, folder)
    else:
        _need("tcpdump")
        size = int(options.size or (1e8 if options.quick else 3e8))
        start = measure_start(folder, runs)
        print(f"\n{runs} rounds; ratios are without the {start:.2f} s that xenshark takes to start\n\n{HEADER}")
        for name in options.shapes or (QUICK if options.quick else [*VARIANTS, *genuine()]):
            shape = prepare(folder, size, name, guest)
            is_read = shape.variant.packed in ("", "stdin")  # by tcpdump
            tools = ("dd", "tcpdump", "xenshark") if is_read else ("dd", "xenshark")
            print(row(shape, compare(shape, tools, runs), start), flush=True)


def _tables(options: argparse.Namespace, folder: Path) -> None:
    """A table for each capture."""
    names = ["tshark"] if options.lua else [] if options.scapy else ["xenshark"] if options.memory else list(TOOLS)
    _need(*names)
    if options.lua:
        size = int(options.size or 1e8)
        if not (path := folder / f"without-xen-{size}.pcap").exists():
            build_without_xen(path, size)
        print(f"\nwithout Xen: {path.stat().st_size / 1e9:.2f} GB, {options.runs} rounds\n")
        print("\n".join(compare_without_xen(path, options.runs)), flush=True)
    smallest = int(options.size or (2e7 if options.scapy else 1e9))
    for size in [smallest * factor for factor in ([1, 5] if options.memory else [1])]:
        for name in options.shapes or ("a", "b"):
            shape = prepare(folder, size, name, options.guest)
            octets, expected = shape.path.stat().st_size, shape.expected
            assert expected is not None, f"nobody counted the records of {name}"
            print(f"\n{name}: {octets / 1e9:.2f} GB, {expected} PAGE_DATA, {options.runs} rounds\n")
            if options.scapy:
                from .scapy_sessions import compare_sessions  # here, because Scapy is slow to import

                print("\n".join(compare_sessions(shape.path, expected, options.runs)), flush=True)
            elif options.lua:
                print("\n".join(compare_tsharks(shape.path, expected, options.runs)), flush=True)
            else:
                print("\n".join(table(compare(shape, names, options.runs), octets)), flush=True)


if __name__ == "__main__":
    main()
