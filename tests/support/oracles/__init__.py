"""What others say of the same octets: QEMU's script, Xen's own tools, Xen's headers. `setup` fetches them.

XENSHARK_XEN names a tree of Xen's source in place of the one that `setup` fetched.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[3] / ".oracles"


def _there(path: Path) -> Path:
    """The test is skipped where it is not there; unattended it fails."""
    if not path.exists():
        import pytest

        complain = pytest.fail if os.environ.get("CI") else pytest.skip
        complain(f"there is no {path.name}: run tests/support/oracles/setup")
    return path


def xen_tree() -> Path:
    """A tree of Xen's source, as far as its headers."""
    return Path(os.environ.get("XENSHARK_XEN") or _there(FOLDER / "xen-source"))


def analyze_migration(stream: bytes) -> dict[str, Any]:
    """What QEMU's script prints of a stream that ends with its description: by "device (number of the section)"."""
    script = _there(FOLDER / "analyze-migration.py")
    with tempfile.NamedTemporaryFile() as file:
        file.write(stream)
        file.flush()
        done = subprocess.run([sys.executable, script, "-f", file.name], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def xen_hvmctx(context: bytes) -> list[tuple[int, int, str]]:
    """What Xen's tool prints of an HVM_CONTEXT: type code, instance and text of each of its entries."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(context)
        file.flush()
        environment = {**os.environ, "HVM_CONTEXT": file.name}
        command = [str(_there(FOLDER / "xen-hvmctx")), "1"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    parts = re.split(r"^Entry \d+: type (\d+) instance (\d+), length \d+\n", done.stdout, flags=re.MULTILINE)[1:]
    return [(int(code), int(instance), text) for code, instance, text in zip(*[iter(parts)] * 3, strict=True)]


def xen_cpuid(words: Iterable[int]) -> list[list[str]]:
    """What Xen's tool calls the features in Xen's words: those of each word; `<5>` is a bit that it does not know."""
    featureset = ":".join(f"{word:08x}" for word in words)
    done = subprocess.run([_there(FOLDER / "xen-cpuid"), featureset], capture_output=True, text=True, check=True)
    found = dict(re.findall(r"^ +\[(\d+)\] \S+(?: 0x\S+)? *(.*)$", done.stdout, re.MULTILINE))
    return [found.get(f"{number:02}", "").split() for number in range(len(featureset.split(":")))]
