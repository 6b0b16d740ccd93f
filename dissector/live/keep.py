"""The capture that is kept while it is analyzed: the octets as they were read, in files that every tool reads.

With page contents left out, a packet is cut where the contents begin that reach to its end; all other octets, every
length and every time stay, and packets have the same numbers in the file as in the analysis.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from struct import Struct
from time import monotonic
from typing import NamedTuple

from dissector.live.trim import Trimmer
from dissector.sources.capture import CaptureReader
from dissector.sources.files import SourceError
from dissector.sources.pcap import FILE_HEADER
from dissector.sources.pcapng import SECTION_HEADER

INTERFACE = 1
"""Type of the block that describes an interface."""

OWNER_ALONE = 0o600
"""The file holds a guest's memory."""


class Rotation(NamedTuple):
    """When another file is begun, and how many are left."""

    octets: int | None = None
    """No file is larger, unless a single packet makes it so."""
    seconds: float | None = None
    keep: int | None = None
    """None: all."""

    @property
    def is_wanted(self) -> bool:
        return self.octets is not None or self.seconds is not None


class Kept:
    """The file or, with a rotation, the files: `migration.pcapng` is `migration_00001.pcapng` and so on then."""

    def __init__(
        self, path: str, rotation: Rotation, complain: Callable[[str], None], trimmer: Trimmer | None = None
    ) -> None:
        """`trimmer` leaves page contents out. Raises SourceError if the file cannot be written."""
        self.octets = 0
        """Of all files."""
        self._path, self._rotation, self._complain, self._trimmer = Path(path), rotation, complain, trimmer
        self._file: int | None = None
        self._size = self._number = 0
        self._opened = 0.0
        self._files: list[Path] = []
        self._beginning = b""  # what each of the files begins with
        self._began = False  # whether that is known
        try:
            self._open()
        except OSError as error:
            raise SourceError(f"cannot write {path}: {error.strerror or error}") from error

    def follow(self, reader: CaptureReader) -> None:
        """Keeps what a reader lets go of from now on."""
        blocks = Struct(f"{reader.head.format[0]}II") if reader.blocks else None

        def take(octets: memoryview) -> None:
            if self._file is not None:
                try:
                    self._take(octets, reader, blocks)
                except OSError as error:
                    self._give_up(error)

        reader.keep = take

    def close(self) -> None:
        """Nothing follows."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _take(self, octets: memoryview, reader: CaptureReader, blocks: Struct | None) -> None:
        at = 0
        if not self._began:
            at = self._beginning_of(octets, blocks)
            self._beginning += octets[:at]
            self._write(octets[:at])
        rest = octets[at:]
        if self._trimmer is not None and rest:
            rest = memoryview(self._trimmer.trimmed(rest, bounds(rest, reader, blocks)))
        seconds = self._rotation.seconds
        if seconds is not None and monotonic() - self._opened >= seconds and self._has_packets:
            self._next()
        while (fits := self._fitting(rest, reader, blocks)) < len(rest):
            self._write(rest[:fits])
            rest = rest[fits:]
            self._next()
        self._write(rest)

    def _beginning_of(self, octets: memoryview, blocks: Struct | None) -> int:
        """Where in octets that follow the beginning, as far as that is known, it ends."""
        if blocks is None:
            self._began = True
            return FILE_HEADER
        at = 0
        while at < len(octets):
            kind, total = blocks.unpack_from(octets, at)
            if kind not in (SECTION_HEADER, INTERFACE):
                self._began = True
                break
            at += total
        return at

    def _fitting(self, octets: memoryview, reader: CaptureReader, blocks: Struct | None) -> int:
        """How many octets the file has room for, in whole packets; at least one packet if it has none."""
        limit = self._rotation.octets
        if limit is None or self._size + len(octets) <= limit:
            return len(octets)
        fits = 0
        for _, end in bounds(octets, reader, blocks):
            if self._size + end > limit and (fits or self._has_packets):
                break
            fits = end
        return fits

    @property
    def _has_packets(self) -> bool:
        return self._size > len(self._beginning)

    def _next(self) -> None:
        """Begins another file."""
        self.close()
        self._open()
        self._write(memoryview(self._beginning))
        keep = self._rotation.keep
        while keep is not None and len(self._files) > keep:
            self._files.pop(0).unlink(missing_ok=True)

    def _open(self) -> None:
        self._number += 1
        path = self._path
        if self._rotation.is_wanted:
            path = path.with_name(f"{path.stem}_{self._number:05}{path.suffix}")
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ALONE)
        self._files.append(path)
        self._size, self._opened = 0, monotonic()

    def _write(self, octets: memoryview) -> None:
        """Raises OSError when the file does not take all of it; what it has taken is cut off again."""
        assert self._file is not None
        rest = octets
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            with suppress(OSError):  # not every file can be cut
                os.ftruncate(self._file, self._size)
            raise
        self._size += len(octets)
        self.octets += len(octets)

    def _give_up(self, error: OSError) -> None:
        """The file is over, and nothing else is."""
        self.close()
        why = error.strerror or error
        self._complain(f"{self._files[-1]}: {why}; the file ends here, the analysis goes on")


def bounds(octets: memoryview, reader: CaptureReader, blocks: Struct | None) -> Iterator[tuple[int, int]]:
    """Where each packet or block begins and ends; `blocks` reads type and length of a block, None: it is pcap."""
    at = 0
    while at < len(octets):
        if blocks is None:
            end = at + reader.head.size + reader.head.unpack_from(octets, at)[2]
        else:
            end = at + blocks.unpack_from(octets, at)[1]
        yield at, end
        at = end
