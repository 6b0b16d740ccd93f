"""Times, durations and sizes as people and JSON want them."""

from __future__ import annotations

from datetime import UTC, datetime

NS = 1_000_000_000


def seconds(time_ns: int | None) -> float | None:
    """A time or duration in seconds."""
    return None if time_ns is None else time_ns / NS


def clock(time_ns: int) -> str:
    """Date and time, UTC, to the microsecond."""
    whole, rest = divmod(time_ns, NS)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%d %H:%M:%S}.{rest // 1000:06d} UTC"


def duration(time_ns: int) -> str:
    """A duration with a unit that suits it."""
    return f"{time_ns / NS:.3f} s" if abs(time_ns) >= NS else f"{time_ns / 1e6:.3f} ms"


def size(octets: int) -> str:
    """A number of octets with a decimal unit that suits it."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if octets >= factor:
            return f"{octets / factor:.1f} {unit}"
    return f"{octets} octets"


def rate(octets: int, time_ns: int) -> str:
    """Octets a second, over a time that is not 0."""
    return f"{size(octets * NS // time_ns)}/s"


def many(number: int, one: str, several: str | None = None) -> str:
    """A number of things, with thousands apart; `several` where the plural is not an added s."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"
