"""What limits a migration is found wherever it is captured: genuine octets over real TCP, held up on purpose."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from shutil import which

import bench
import pytest
from capturing import require_root

TRIES = 3
"""On a machine that has other work to do, other things hold up a migration than those that were set."""

NUMBERS = count()


@pytest.fixture(autouse=True)
def _namespaces() -> None:
    """What is needed to make them."""
    require_root()
    missing = [one for one in ("ip", "tc", "tcpdump") if which(one) is None]
    if missing or not Path("/dev/net/tun").exists():
        why = f"no {' or '.join([*missing, '/dev/net/tun'])}: links between network namespaces cannot be made"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)


@pytest.mark.parametrize("name", bench.SETUPS)
def test_what_was_set_is_found_at_both_ends(name: str, tmp_path: Path) -> None:
    setup, wrong = bench.SETUPS[name], []
    for _ in range(TRIES):
        files = bench.captured(f"xl{os.getpid() % 10000}n{next(NUMBERS)}", setup, tmp_path)
        wrong = [fault for file in files for fault in bench.wrong(setup, file)]
        if not wrong:
            return
    pytest.fail(f"{name}: {'; '.join(wrong)}")
