"""Takes the README's pictures of Wireshark: the real program, on a display of its own, in an empty home.

    python -m tests.screenshots [--to lua/screenshots] [--capture FILE]

Needs wireshark, xvfb, xdotool and imagemagick (the names of the Debian packages).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent / "support"))

from dissector.integrations.wireshark import profile
from tests.support.wireshark.releases import REPOSITORY, unpacked

PROGRAMS = {"wireshark": "wireshark", "Xvfb": "xvfb", "xdotool": "xdotool", "import": "imagemagick"}
"""What runs, and the Debian package that holds it."""

CAPTURE = REPOSITORY / "captures" / "postcopy" / "c_netem" / "veth_rx.pcap.zst"
NOBODY = 65534
RECENT = "gui.geometry_main_upper_pane: 150\n"
"""What Wireshark remembers of its window: little room for the packet list where there are details, too."""

COLOURS = 48  # of a picture: enough for text and a few backgrounds

PREFERENCES = (
    "gui.update.enabled:FALSE",
    "gui.ask_unsaved:FALSE",
    "gui.packet_list_show_minimap:FALSE",
    "gui.layout_content_3:NONE",
)


class Picture(NamedTuple):
    """A view of the capture; `keys` are pressed in the pane with a packet's details."""

    name: str
    size: tuple[int, int]
    filter: str
    packet: int  # the one that is selected
    preferences: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


PICTURES = (
    Picture("packets", (1280, 460), "xenmig.item", 12939, ("gui.layout_content_2:NONE",)),
    # To their last line, which is the protocol, and open all below.
    Picture("fault", (1000, 860), "xenmig.fault", 12981, (), ("End", "shift+Right")),
)


def as_nobody() -> dict[str, object]:
    """For subprocess: who runs Wireshark, which loads no Lua as root."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


@contextmanager
def running(words: list[str], environment: dict[str, str], **who: object) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL, **who)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def take(picture: Picture, capture: Path, home: Path, to: Path) -> Path:
    """One picture; PNG."""
    width, height = picture.size
    display = f":{70 + os.getpid() % 900}"
    environment = {**os.environ, "HOME": str(home), "XDG_RUNTIME_DIR": str(home), "DISPLAY": display}
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        environment.pop(name, None)
    words = ["wireshark", "-C", profile.NAME, "-r", str(capture), "-Y", picture.filter, "-g", str(picture.packet)]
    for preference in (*PREFERENCES, *picture.preferences):
        words += ["-o", preference]

    def xdotool(*command: str) -> str:
        done = subprocess.run(["xdotool", *command], env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    with running(["Xvfb", display, "-screen", "0", f"{width}x{height}x24"], environment):
        time.sleep(1)
        with running(words, environment, **as_nobody()):
            window = xdotool("search", "--sync", "--onlyvisible", "--name", capture.name).split()[0]
            xdotool("windowmove", window, "0", "0", "windowsize", window, str(width), str(height))
            time.sleep(6)  # it reads the file again with the filter
            if picture.keys:
                xdotool("mousemove", "400", str(height - 60), "click", "1")  # the empty part of the details
            for key in picture.keys:
                xdotool("key", key)
                time.sleep(1)
            target = to / f"{picture.name}.png"
            shot = ["import", "-window", "root", "+dither", "-colors", str(COLOURS), f"png8:{target}"]
            subprocess.run(shot, env=environment, check=True)
    return target


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description="Takes pictures of Wireshark.")
    parser.add_argument("--to", type=Path, metavar="FOLDER", default=REPOSITORY / "lua" / "screenshots")
    parser.add_argument("--capture", type=Path, metavar="FILE", default=CAPTURE)
    arguments = parser.parse_args()
    for program, package in PROGRAMS.items():
        if shutil.which(program) is None:
            parser.error(f"{program} is missing: install the Debian package {package}")
    arguments.to.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as name:
        home = Path(name)
        environment = {**os.environ, "HOME": str(home)}
        install = [sys.executable, "-m", "dissector", "lua", "--install"]
        subprocess.run(install, cwd=REPOSITORY, env=environment, check=True)
        (home / ".config" / "wireshark" / "profiles" / profile.NAME / "recent").write_text(RECENT)
        if os.geteuid() == 0:
            for path in (home, *home.rglob("*")):
                os.chown(path, NOBODY, NOBODY)
        with unpacked(arguments.capture, home) as capture:
            capture.chmod(0o644)
            for picture in PICTURES:
                print(take(picture, capture, home, arguments.to))
    return 0


if __name__ == "__main__":
    sys.exit(main())
