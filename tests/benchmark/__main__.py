"""Measure whole processes over the same capture, in turn, and print a Markdown table.

CPU seconds are user and system time of the process; the ratio is the median of each round's ratio to tcpdump.
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
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

from .capture import VARIANTS, Variant, build_capture
from .measuring import Run, measure
from .relays import compare_relays
from .stream import page_data_records
from .tsharks import compare_tsharks

SCRIPT = "minimal.lua"


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
    return [sys.executable, "-m", "dissector", "analyze", str(capture), "--json"]


TOOLS = {
    "dd": Tool(_dd, "coreutils"),
    "tcpdump": Tool(_tcpdump, "tcpdump"),
    # As root, tshark 4.4 and later leave out the script without a word.
    "tshark": Tool(_tshark, "tshark", r"PAGE_DATA records: (\d+)", unprivileged=True),
    "xenshark": Tool(_xenshark, "python3", r'"libxc\.PAGE_DATA":\s*(\d+)'),
}


def prepare(folder: Path, size: int, variant: str, guest: str) -> Path:
    """The capture in `folder`, built unless it is there."""
    capture = folder / f"{variant}-{guest}-{size}.pcap"
    if not capture.exists():
        print(f"building {capture}", file=sys.stderr)
        part = capture.with_suffix(".part")
        # In a process of its own, so that this one stays small: see `table`.
        builder = multiprocessing.get_context("spawn").Process(target=build_capture, args=(part, size, variant, guest))
        builder.start()
        builder.join()
        if builder.exitcode:
            raise SystemExit(f"building {capture} failed")
        part.rename(capture)
    return capture


def compare(capture: Path, variant: Variant, names: list[str], runs: int, expected: int) -> dict[str, list[Run]]:
    """`runs` rounds of every tool in turn, after one that only warms up; checks what the tools found."""
    results: dict[str, list[Run]] = {name: [] for name in names}
    for _ in range(1 + runs):
        for name in names:
            tool = TOOLS[name]
            run = measure(tool.command(capture, variant), tool.unprivileged)
            results[name].append(run)
            if tool.found and (found := re.findall(tool.found, run.printed)) != [str(expected)]:
                count = ", ".join(found) or "none"
                raise SystemExit(f"{name}: {count} of {expected} PAGE_DATA records in {capture}\n{run.printed[-2000:]}")
    return {name: measured[1:] for name, measured in results.items()}


def table(results: dict[str, list[Run]], octets: int) -> list[str]:
    """Rows of Markdown, from the results of `compare` on a capture of `octets`."""
    # A child starts with its parent's pages: no peak below this process's own can be seen.
    floor = measure(["true"]).peak
    base = results.get("tcpdump")
    rows = ["| what | CPU s | GB/s | ratio to tcpdump | peak MB |", "|---|---|---|---|---|"]
    for name, runs in results.items():
        cpu = median(run.cpu for run in runs)
        ratio = f"{median(run.cpu / other.cpu for run, other in zip(runs, base, strict=True)):.2f}" if base else "-"
        peak = max(run.peak for run in runs)
        bound = "" if peak > floor else "<= "
        rows.append(f"| {name} | {cpu:.2f} | {octets / cpu / 1e9:.2g} | {ratio} | {bound}{peak * 1024 / 1e6:.0f} |")
    return rows


def machine() -> str:
    """One line: processor, cores, Python and the tools' versions."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    model = re.search(r"model name\s*: (.*)", text)
    versions = [f"{platform.python_implementation()} {platform.python_version()}"]
    for name in ("tcpdump", "tshark"):
        if shutil.which(name):
            printed = subprocess.run([name, "--version"], capture_output=True, text=True, check=False)
            number = re.search(r"\d+\.\d+\.\d+", printed.stdout + printed.stderr)
            versions.append(f"{name} {number[0] if number else '?'}")
    return ", ".join([model[1] if model else platform.machine(), f"{os.cpu_count()} cores", *versions])


def _names(known: dict[str, object]) -> Callable[[str], list[str]]:
    def split(text: str) -> list[str]:
        names = text.split(",")
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: choose from {', '.join(known)}")
        return names

    return split


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark", description=__doc__)
    parser.add_argument(
        "--dir",
        type=Path,
        default=Path(tempfile.gettempdir()) / "xenshark-benchmark",
        help="where captures are kept",
    )
    parser.add_argument("--size", type=float, help="octets of the migration stream (default 1e9, with --scapy 2e7)")
    parser.add_argument("--guest", choices=["hvm", "pv"], default="hvm")
    parser.add_argument(
        "--variants",
        type=_names(dict(VARIANTS)),
        default=["a", "b"],
        help="a: 1448-octet segments, b: 65160, c: a disturbed",
    )
    parser.add_argument("--only", type=_names(dict(TOOLS)), help=f"some of {','.join(TOOLS)}")
    parser.add_argument("--runs", type=int, default=5, help="rounds after the one that warms up (default 5)")
    parser.add_argument("--memory", action="store_true", help="peak memory of xenshark at --size and five times that")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--scapy", action="store_true", help="MigrationSession beside Scapy's TCPSession instead")
    other.add_argument("--lua", action="store_true", help="tshark with the generated dissector beside tshark without")
    other.add_argument("--tap", action="store_true", help="xenshark tap beside socat instead; needs socat")
    options = parser.parse_args()

    if options.tap:
        if not shutil.which("socat"):
            parser.error("socat is missing: install the Debian package socat")
        options.dir.mkdir(parents=True, exist_ok=True)
        size = int(options.size or 1e9)
        print(f"{machine()}\n\n{size / 1e9:.2f} GB through a pipe, {options.runs} rounds\n")
        print("\n".join(compare_relays(options.dir.resolve(), size, options.runs)))
        return

    defaults = ["tshark"] if options.lua else [] if options.scapy else ["xenshark"] if options.memory else list(TOOLS)
    names = options.only or defaults
    for name in names:
        if name != "xenshark" and not shutil.which(name):
            parser.error(f"{name} is missing: install the Debian package {TOOLS[name].package}")
    options.dir.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(__file__).with_name(SCRIPT), options.dir / SCRIPT)

    print(machine())
    smallest = int(options.size or (2e7 if options.scapy else 1e9))
    sizes = [smallest * times for times in ([1, 5] if options.memory else [1])]
    for size in sizes:
        expected = page_data_records(size, options.guest)
        for variant in options.variants:
            capture = prepare(options.dir.resolve(), size, variant, options.guest)
            octets = capture.stat().st_size
            print(f"\nVariant {variant}: {octets / 1e9:.2f} GB, {expected} PAGE_DATA, {options.runs} rounds\n")
            if options.scapy:
                from .scapy_sessions import compare_sessions  # here, because Scapy is slow to import

                print("\n".join(compare_sessions(capture, expected, options.runs)), flush=True)
            elif options.lua:
                print("\n".join(compare_tsharks(capture, expected, options.runs)), flush=True)
            else:
                results = compare(capture, VARIANTS[variant], names, options.runs, expected)
                print("\n".join(table(results, octets)), flush=True)


if __name__ == "__main__":
    main()
