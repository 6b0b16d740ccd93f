"""A short run of what holds programs that talk through the tap against the same without it."""

from __future__ import annotations

import pytest
import tapped

CASES = 15


def test_nobody_notices_the_tap(capfd: pytest.CaptureFixture[str]) -> None:
    failed = tapped.run(CASES, seed=1)
    assert failed == 0, capfd.readouterr().err


def test_a_tap_that_changes_an_octet_or_a_status_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something else in its place."""
    wrong = "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode ^ 1)"
    real = tapped.converse

    def converse(told: tapped.Script, before: list[str], *rest: object) -> tapped.Ended:
        return real(told, before and [before[0], "-c", wrong], *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(tapped, "converse", converse)
    monkeypatch.setattr(tapped, "script", lambda *_: tapped.Script([(0, 24, 100, 0.0)], "status", 0, 9, "file"))
    assert tapped.run(1, seed=1) == 1
