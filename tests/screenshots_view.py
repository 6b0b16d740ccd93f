"""Takes the README's picture of `xenshark view`: the real program, drawn by Textual, made a picture by a browser.

    python -m tests.screenshots_view [--to dissector/cli/screenshots]

Needs chromium and chromium-driver (the names of the Debian packages), and what `pip install -e '.[test]'` installs.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from dissector.capture.joined import FileSet
from dissector.viewer.app import Viewer
from tests.support.browser import chromium, lacking

REPOSITORY = Path(__file__).resolve().parents[1]

CAPTURE = REPOSITORY / "captures" / "violations" / "unk_pfn" / "unk_pfn.pcap.zst"
KEYS = ("n", "tab", "end", "enter", "down", "down", "down")
SIZE = (132, 40)


async def drawn() -> str:
    """The screen after some keys; SVG, without the fonts that Textual would fetch for it."""
    app = Viewer(FileSet((str(CAPTURE),)))
    async with app.run_test(size=SIZE) as pilot:
        while not app.job.is_done:
            await pilot.pause(0.05)
        await pilot.pause(0.3)
        for key in KEYS:
            await pilot.press(key)
        await pilot.pause(0.3)
        return re.sub(r"@font-face \{.*?\}", "", app.export_screenshot(title="xenshark view"), flags=re.S)


def take(picture: str, to: Path) -> Path:
    """The picture; PNG."""
    from PIL import Image

    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', picture)
    assert found is not None
    width, height = (int(float(one)) + 1 for one in found.groups())
    target = to / "view.png"
    with TemporaryDirectory() as folder, chromium(width, height) as browser:
        page = Path(folder) / "view.html"
        page.write_text(f"<html data-ready><body style='margin:0;font-family:monospace'>{picture}</body></html>")
        browser.open(page)
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.driver.save_screenshot(str(target))
    with Image.open(target) as whole:
        whole.convert("RGB").quantize(128).save(target, optimize=True)
    return target


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots_view", description="Takes a picture of view.")
    parser.add_argument("--to", type=Path, metavar="FOLDER", default=REPOSITORY / "dissector" / "cli" / "screenshots")
    arguments = parser.parse_args()
    missing = lacking()
    if missing is not None:
        parser.error(f"this needs {missing}")
    print(take(asyncio.run(drawn()), arguments.to))
    return 0


if __name__ == "__main__":
    sys.exit(main())
