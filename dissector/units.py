"""Times, durations, sizes and counts as programs and people want them. Inside the program times are ns."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

NS = 1_000_000_000
"""ns in a second."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(time_ns: int) -> int:
    """Whole microseconds, as lines show them."""
    return time_ns // 1000


def seconds_text(time_us: int) -> str:
    """Microseconds as seconds with six digits, whatever the locale."""
    whole, rest = divmod(abs(time_us), 1_000_000)
    return f"{'-' if time_us < 0 else ''}{whole}.{rest:06d}"


def iso_text(time_us: int) -> str:
    """Microseconds since the epoch as ISO 8601 in UTC; as seconds where no calendar goes that far."""
    try:
        moment = EPOCH + timedelta(microseconds=time_us)
    except OverflowError:
        return seconds_text(time_us)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}Z"


def clock(time_ns: int) -> str:
    """Date and time, UTC, to the microsecond."""
    moment = iso_text(micros(time_ns))
    return moment.replace("T", " ").replace("Z", " UTC") if moment.endswith("Z") else f"{moment} s since 1970"


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


def printable(text: str) -> str:
    """Text out of a capture as one line of a terminal: whatever could steer the terminal is escaped."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def input_name(path: str) -> str:
    """What messages call an input."""
    return "standard input" if path == "-" else path or "''"


def shell_word(text: str) -> str:
    """Text as a shell takes it for one word, printable whatever is in it: what is not stands in $'...', octet by octet
    (POSIX.1-2024, 2.2.4)."""
    # Imported here, as few runs need it.
    import shlex

    if text.isprintable():
        return shlex.quote(text)
    octets = os.fsencode(text)
    plain = (chr(one) if 32 <= one < 127 and one not in b"\\'" else f"\\x{one:02x}" for one in octets)
    return f"$'{''.join(plain)}'"
