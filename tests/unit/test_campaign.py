"""Scapy's own way of testing, over the layers: a UTScapy campaign, which runs with any Scapy that is supported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CAMPAIGN = Path(__file__).resolve().parent.parent / "xenmig.uts"


def run(campaign: Path) -> subprocess.CompletedProcess[str]:
    """UTScapy over a campaign, without rights of root."""
    words = [sys.executable, "-m", "scapy.tools.UTscapy", "-N", "-f", "text", "-t", str(campaign)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_the_campaign_passes() -> None:
    done = run(CAMPAIGN)
    units = CAMPAIGN.read_text().count("\n= ")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("passed") >= units > 8


def test_a_unit_that_fails_is_seen(tmp_path: Path) -> None:
    broken = tmp_path / "broken.uts"
    broken.write_text(CAMPAIGN.read_text().replace("p.count == 2", "p.count == 3"))
    assert run(broken).returncode != 0
