"""The newcomer's test: from a capture to a report that stands in a browser, in one command.

    python -m tests.newcomer [--octets 1000000000] [FILE]

Runs `xenshark report FILE -o ... --open` with a browser that is a real one without a display, looks whether the page
is drawn there and says the outcome, and prints what the command took. Without FILE it makes a capture of a gigabyte.
Exit status 1 if the page is not as it should be, or the command took more than five seconds of the processor.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urlparse

from tests.benchmark.capture import build_capture
from tests.support.browser import chromium, lacking

ALLOWED = 5.0
"""Seconds of the processor for a gigabyte."""


def asked_for(capture: Path, folder: Path) -> tuple[Path, float, float]:
    """The page that the command asks the browser for; seconds of the processor, and of the clock, that it took."""
    browser, asked = folder / "browser", folder / "asked"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {asked}\n')
    browser.chmod(0o755)
    words = [sys.executable, "-m", "dissector", "report", str(capture), "-o", str(folder / "report.html"), "--open"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN), os.times().elapsed
    subprocess.run(words, env={**os.environ, "BROWSER": str(browser)}, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN), os.times().elapsed
    took = sum(getattr(after[0], name) - getattr(before[0], name) for name in ("ru_utime", "ru_stime"))
    return Path(unquote(urlparse(asked.read_text()).path)), took, after[1] - before[1]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.newcomer", description="From a capture to a report.")
    parser.add_argument("file", metavar="FILE", type=Path, nargs="?", help="a capture (default: one is made)")
    parser.add_argument("--octets", type=int, default=1_000_000_000, help="of the capture that is made")
    arguments = parser.parse_args()
    missing = lacking()
    if missing is not None:
        parser.error(f"this needs {missing}")
    with TemporaryDirectory() as name:
        folder = Path(name)
        capture = arguments.file or folder / "migration.pcap"
        if arguments.file is None:
            build_capture(capture, arguments.octets, "gro")
        page, took, clock = asked_for(capture, folder)
        with chromium() as browser:
            browser.open(page)
            said, complaints = browser.text("#summary").splitlines()[1:3], browser.complaints()
            charts = browser.count("svg, canvas")
        octets = capture.stat().st_size
        print(
            f"{octets / 1e9:.2f} GB: {took:.2f} s of the processor, {clock:.2f} s; the page has {page.stat().st_size:,}"
        )
        print(f"octets, {charts} charts, and says {said}; the console says {complaints or 'nothing'}")
    is_right = charts > 0 and said and not complaints
    return 0 if is_right and took <= ALLOWED * max(1.0, octets / 1e9) else 1


if __name__ == "__main__":
    sys.exit(main())
