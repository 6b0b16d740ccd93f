"""Words that tell whose guest it is, and others of the same length in their place: the same for the same, wherever it
stands.

What is replaced: the guest's name, UUIDs, MAC (also in the state of its devices, if a configuration named them) and
IPv4 addresses, host names and sessions in HTTP, paths, and in xl's configuration every string but those of which
libxl_types.idl knows all values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

NAME_LEAST = 3
"""Octets of a name that is looked for everywhere: a shorter one would be found in anything."""

KEPT_KEYS = frozenset(
    b"type bios backend format device_model_version timer_mode tsc_mode vendor_device hdtype nictype kind vga boot"
    b" firmware checkpointed_stream altp2m passthrough event_channels removable acpi_firmware_type on_poweroff"
    b" on_reboot on_watchdog on_crash on_soft_reset arch_sysregs coloft".split()
)
"""Keys of xl's configuration whose values are words of libxl's own."""

KEPT_VALUES = frozenset((b"True", b"False", b"<default>", b"", b"default", b"unknown", b"none"))

STRING = re.compile(rb'"((?:[^"\\]|\\.)*)"(\s*:)?', re.DOTALL)


class Pseudonyms:
    """Which word stands for which."""

    def __init__(self, names: Iterable[str | None]) -> None:
        """`names`: of the guest."""
        self._known: dict[tuple[str, bytes], bytes] = {}
        self._numbers: dict[str, int] = {}
        words = {name.encode() for name in names if name}
        words |= {word.replace(b"&", b"&amp;").replace(b"<", b"&lt;") for word in words}
        words = {word for word in words if len(word) >= NAME_LEAST}
        self._names = (
            re.compile(rb"(?<!\w)(?:" + b"|".join(map(re.escape, sorted(words))) + rb")(?!\w)") if words else None
        )

    def replaced(self, octets: bytes) -> bytes:
        """The octets with other words; as many."""
        octets = self._in_configuration(octets)
        for kind, pattern in PATTERNS.items():
            octets = pattern.sub(lambda match, kind=kind: self._of(kind, match), octets)  # type: ignore[misc]
        if self._names is not None:
            octets = self._names.sub(lambda match: self._for("word", match[0]), octets)
        for (kind, word), other in self._known.items():
            if kind == "mac":  # a device's state has it in binary
                octets = octets.replace(_binary(word), _binary(other))
        return octets

    def _of(self, kind: str, match: re.Match[bytes]) -> bytes:
        start, end = match.span(1)
        whole = match.start()
        return match[0][: start - whole] + self._for(kind, match[1]) + match[0][end - whole :]

    def _in_configuration(self, octets: bytes) -> bytes:
        """With other strings, if a configuration of xl's is in it."""
        begin = octets.find(b"{")
        if begin < 0 or b'"c_info"' not in octets:
            return octets
        key = b""

        def other(match: re.Match[bytes]) -> bytes:
            nonlocal key
            if match[2]:
                key = match[1]
                return match[0]
            is_kept = key in KEPT_KEYS or match[1] in KEPT_VALUES or any(one.fullmatch(match[1]) for one in SPECIAL)
            return match[0] if is_kept else b'"' + self._for("word", match[1]) + b'"'

        return octets[:begin] + STRING.sub(other, octets[begin:])

    def _for(self, kind: str, word: bytes) -> bytes:
        """What stands for a word."""
        if (kind, word) not in self._known:
            self._numbers[kind] = number = self._numbers.get(kind, 0) + 1
            self._known[kind, word] = MAKERS[kind](number, word)
        return self._known[kind, word]


def _binary(mac: bytes) -> bytes:
    return bytes.fromhex(mac.replace(b":", b"").decode())


def _uuid(number: int, word: bytes) -> bytes:
    return b"00000000-0000-4000-8000-%012x" % number


def _mac(number: int, word: bytes) -> bytes:
    return b"00:16:3e:00:%02x:%02x" % (number >> 8 & 0xFF, number & 0xFF)


def _address(number: int, word: bytes) -> bytes:
    """Zeros, and the number where it has room."""
    zeros = re.sub(rb"\d", b"0", word)
    room = len(zeros) - zeros.rindex(b".") - 1
    return zeros[:-room] + (b"%0*d" % (room, number % 10**room))[-room:]


def _word(number: int, word: bytes) -> bytes:
    """Letters and a number; what is no letter or digit stays, so that a path is a path."""
    name = iter(b"x%d" % number + b"x" * len(word))
    return re.sub(rb"[A-Za-z0-9\x80-\xff]", lambda _: bytes((next(name),)), word)


MAKERS: Mapping[str, Callable[[int, bytes], bytes]] = {
    "uuid": _uuid,
    "mac": _mac,
    "address": _address,
    "word": _word,
    "path": _word,
}

PATTERNS: Mapping[str, re.Pattern[bytes]] = {
    "uuid": re.compile(rb"(?<![0-9A-Za-z])([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})(?![0-9A-Za-z])"),
    "mac": re.compile(rb"(?<![0-9A-Za-z:])((?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2})(?![0-9A-Za-z:])"),
    "address": re.compile(rb"(?<![0-9A-Za-z.])((?:\d{1,3}\.){3}\d{1,3})(?![0-9A-Za-z.])"),
    "word": re.compile(rb"(?i)(?:\nhost: *|session_id=|dbg=)([^\r\n;& ]+)"),
    "path": re.compile(rb"(?<![A-Za-z0-9<:/])(/(?:[A-Za-z0-9._-]+/)+[A-Za-z0-9._-]+)"),
}

SPECIAL = tuple(PATTERNS[kind] for kind in ("uuid", "mac", "address"))
