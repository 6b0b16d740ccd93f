"""Takes the README's picture of a report: the real page in a real browser.

    python -m tests.screenshots_report [--to dissector/cli/screenshots]

Needs chromium and chromium-driver (the names of the Debian packages), and what `pip install -e '.[test]'` installs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from PIL import Image

from dissector.cli import main as xenshark
from tests.support.browser import chromium, lacking

REPOSITORY = Path(__file__).resolve().parents[1]

CAPTURES = REPOSITORY / "captures" / "postcopy"

COLOURS = 256  # of a picture: enough for text and a few charts


class Picture(NamedTuple):
    """A part of a page: from the top of a section on."""

    name: str
    files: tuple[str, ...]
    size: tuple[int, int]
    section: str


PICTURES = (
    Picture("report", ("c_netem/veth_rx.pcap.zst",), (1180, 1120), "summary"),
    Picture("compared", ("c_netem/veth_rx.pcap.zst", "g_receiver_killed/veth_rx.pcap.zst"), (1180, 1080), "timeline"),
)


def take(picture: Picture, page: Path, to: Path) -> Path:
    """One picture; PNG."""
    with chromium(*picture.size) as browser:
        browser.open(page)
        # The window has a frame, too: what counts is the page.
        browser.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": picture.size[0], "height": picture.size[1], "deviceScaleFactor": 1, "mobile": False},
        )
        if picture.section != "summary":
            browser.run("document.getElementById(arguments[0]).scrollIntoView()", picture.section)
        browser.run("return new Promise((done) => setTimeout(done, 300))")
        target = to / f"{picture.name}.png"
        browser.driver.save_screenshot(str(target))
    with Image.open(target) as whole:
        whole.convert("RGB").quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
            target, optimize=True
        )
    return target


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.screenshots_report", description="Takes pictures of reports."
    )
    parser.add_argument("--to", type=Path, metavar="FOLDER", default=REPOSITORY / "dissector" / "cli" / "screenshots")
    arguments = parser.parse_args()
    missing = lacking()
    if missing is not None:
        parser.error(f"this needs {missing}")
    arguments.to.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        for picture in PICTURES:
            page = Path(folder) / f"{picture.name}.html"
            files = [str(CAPTURES / name) for name in picture.files]
            if xenshark(["report", *files, "-o", str(page)]):
                return 1
            print(take(picture, page, arguments.to))
    return 0


if __name__ == "__main__":
    sys.exit(main())
