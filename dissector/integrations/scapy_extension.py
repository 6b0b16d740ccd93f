"""What Scapy asks an extension for: where the module is that `load_contrib` is to load. It does not import Scapy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dissector import __version__


def scapy_ext(extension: Any) -> None:
    """Tells Scapy of `xenmig`; called by `conf.exts.load("xenshark")`."""
    extension.config("xenshark", __version__)
    path = Path(__file__).parent / "scapy" / "contrib.py"
    extension.register("xenmig", extension.MODE.CONTRIB, path, default=False)
