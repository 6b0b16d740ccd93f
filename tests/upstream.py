"""Runs Xen's own verify-stream-v2 beside check and the model of the receivers, and counts who agrees with whom.

    python -m tests.upstream XEN [--each 1700]

XEN is a clone of Xen (https://xenbits.xen.org/git-http/xen.git), of which tools/python is used. First the octets of
every capture and save file of captures/xen, as `xenshark extract --octets` writes them, then the mutations of
tests/system/test_mutations.py. verify-stream-v2 looks at layouts alone: no order, no guest, nothing that the hypervisor
checks.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("support", "system")]

import test_mutations as ours  # noqa: E402
from receivers import Refused, restore  # noqa: E402
from receivers.mutations import mutations  # noqa: E402
from seen import unpacked  # noqa: E402

from dissector.cli import main as xenshark  # noqa: E402

MAGICS = ((b"Xen saved domain, xl format", "xl"), (b"LibxlFmt", "libxl"), (b"\xff" * 8, "libxc"))


class Upstream:
    """verify-stream-v2, its functions called with octets."""

    def __init__(self, xen: Path) -> None:
        folder = xen / "tools/python"
        sys.path.insert(0, str(folder))
        from xen.migration import libxl  # type: ignore[import-not-found]

        # Under Python 3 a string of octets is compared with one of characters: all xenstore data would be refused.
        libxl.VerifyLibxl.verify_record_emulator_xenstore_data = lambda *_: None
        libxl.record_verifiers[libxl.REC_TYPE_emulator_xenstore_data] = lambda *_: None
        script = folder / "scripts/verify-stream-v2"
        self.names: dict[str, Any] = {"__name__": "verify_stream_v2"}
        exec(compile(script.read_text(), str(script), "exec"), self.names)
        self.names["quiet"] = True

    def accepts(self, octets: bytes) -> bool | None:
        """None: it is no stream that it reads."""
        format = next((format for magic, format in MAGICS if octets.startswith(magic)), None)
        if format is None:
            return None
        self.names["fin"] = io.BytesIO(octets)
        return bool(self.names["read_stream"](format) == 0)


def genuine(upstream: Upstream) -> None:
    """What it says of each capture that holds the octets of a source from its first on."""
    accepted = Counter[str]()
    for path in sorted((ROOT / "captures/xen").glob("*/*.zst")):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "octets"
            if ".pcap" in path.suffixes:
                with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
                    xenshark(["extract", "--octets", "forward", str(path), "-w", str(out)])
            else:
                out.write_bytes(unpacked(path))
            octets = out.read_bytes() if out.exists() else b""
        said = upstream.accepts(octets)
        accepted[{True: "accepted", False: "refused", None: "not read"}[said]] += 1
        if said is not True:
            print(f"  {path.relative_to(ROOT)}: {'no octets from the first on' if said is None else 'refused'}")
    print("captures:", ", ".join(f"{count} {what}" for what, count in accepted.items()))


def mutated(upstream: Upstream, each: int) -> None:
    """A table of what the three say of the mutations."""
    table = Counter[tuple[str, str, str]]()
    for name in ("e000", "a016", "a020", "xen/pv-save"):
        for octets in mutations(ours.stream(name), each, seed=2026):
            try:
                model = "forbidden" if restore(octets).forbidden else "accepts"
            except Refused:
                model = "refuses"
            check = "error" if ours._has_error(octets) else "no error"
            table[check, model, {True: "accepts", False: "refuses", None: "not read"}[upstream.accepts(octets)]] += 1
    print("| check | model | verify-stream-v2 | n |\n|---|---|---|---|")
    for row, count in table.most_common():
        print(f"| {' | '.join(row)} | {count:,} |")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("xen", type=Path)
    parser.add_argument("--each", type=int, default=ours.EACH)
    arguments = parser.parse_args()
    upstream = Upstream(arguments.xen)
    genuine(upstream)
    mutated(upstream, arguments.each)


if __name__ == "__main__":
    main()
