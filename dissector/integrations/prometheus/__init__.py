"""Migrations that are watched, as metrics for Prometheus; a dashboard of them for Grafana, and a unit for systemd."""

from __future__ import annotations

from importlib.resources import files

DASHBOARD, UNIT = "dashboard.json", "xenshark-live@.service"
"""What lies beside this file for who runs Grafana and systemd."""


def text_of(name: str) -> str:
    """One of those."""
    return files(__name__).joinpath(name).read_text("utf-8")
