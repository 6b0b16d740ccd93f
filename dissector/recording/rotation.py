"""The capture that is kept while it is analyzed: the octets as they were read, in files that every tool reads.

A thread writes, so that a disk that pauses does not hold up the analysis; if it pauses for too long, it does, and the
kernel drops what nobody takes, and counts it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from struct import Struct
from threading import Thread
from time import monotonic
from typing import NamedTuple

from dissector.capture.formats import INTERFACE, PCAP_HEADER, SECTION_HEADER
from dissector.capture.reader import CaptureReader
from dissector.errors import UserError
from dissector.output import append, create
from dissector.recording.guard import Files
from dissector.recording.trim import Trimmer

WAITING = 128
"""Pieces of a capture that wait to be written, each no larger than a reader's buffer: 1 MiB as a rule."""


class Rotation(NamedTuple):
    """When another file is begun, and how many are left."""

    octets: int | None = None
    """No file is larger, unless a single packet makes it so."""
    seconds: float | None = None
    keep: int | None = None
    """None: all."""
    several: bool = False
    """Whether files are numbered in any case: another capture may follow."""


class Numbered:
    """The file or, with a rotation, the files: `migration.pcapng` is `migration_00001.pcapng` and so on then."""

    def __init__(self, path: str, rotation: Rotation, own: Callable[[int], None] = lambda file: None) -> None:
        """`own` is called with the descriptor of each."""
        self._path, self._own = Path(path), own
        self._is_alone = not (rotation.octets or rotation.seconds or rotation.several)

    def name(self, number: int) -> Path:
        """Of the file of this number, from 1 on."""
        path = self._path
        return path if self._is_alone else path.with_name(f"{path.stem}_{number:05}{path.suffix}")

    def open(self, number: int) -> int:
        """A descriptor of the empty file, to be written. Raises OSError."""
        file = create(self.name(number))
        self._own(file)
        return file

    def remove(self, number: int) -> None:
        """It need not be there. Raises OSError."""
        self.name(number).unlink(missing_ok=True)


class Kept:
    """What a reader has read, in files."""

    def __init__(
        self,
        files: Files,
        reader: CaptureReader,
        rotation: Rotation,
        complain: Callable[[str], None],
        trimmer: Trimmer | None = None,
        before: Kept | None = None,
    ) -> None:
        """Keeps what the reader lets go of from now on. `trimmer` leaves page contents out; `complain` is called by the
        thread and must not raise; `before` kept the capture before this one, and is closed. Raises UserError if the
        file cannot be written."""
        self.octets = 0
        """Of all files."""
        self._files, self._rotation, self._complain, self._trimmer = files, rotation, complain, trimmer
        self._head = reader.head
        self._block = Struct(f"{reader.head.format[0]}II") if reader.blocks else None
        self._beginning = b""  # what each of the files begins with
        self._has_begun = False  # whether that is known
        self._number: int = 0 if before is None else before._number
        try:
            self._open()
        except OSError as error:
            raise UserError(f"cannot write {files.name(1)}: {error.strerror or error}") from error
        self._is_over = False
        self._queue: Queue[bytes | None] = Queue(WAITING)
        self._writer = Thread(target=self._run, daemon=True)
        self._writer.start()
        reader.keep = self._take

    def close(self) -> None:
        """Nothing follows: waits until all is written."""
        self._queue.put(None)
        self._writer.join()

    def _take(self, octets: memoryview) -> None:
        """What a reader lets go of."""
        if not self._is_over:
            self._queue.put(bytes(octets) if self._trimmer is None else self._trimmer.trimmed(octets))

    def _run(self) -> None:
        """The thread."""
        while (octets := self._queue.get()) is not None:
            if not self._is_over:
                try:
                    self._distribute(memoryview(octets))
                except OSError as error:
                    self._is_over = True
                    why = error.strerror or error
                    self._complain(f"{self._files.name(self._number)}: {why}; the file ends here, the analysis goes on")
        os.close(self._file)

    def _distribute(self, octets: memoryview) -> None:
        """Writes octets to the file they belong to."""
        if not self._has_begun:
            at = self._beginning_in(octets)
            self._beginning += octets[:at]
            self._write(octets[:at])
            octets = octets[at:]
        seconds = self._rotation.seconds
        if seconds is not None and monotonic() - self._opened >= seconds and self._has_packets:
            self._next()
        while (fits := self._fitting(octets)) < len(octets):
            self._write(octets[:fits])
            octets = octets[fits:]
            self._next()
        self._write(octets)

    def _beginning_in(self, octets: memoryview) -> int:
        """How many of the octets are not yet packets."""
        if self._block is None:
            self._has_begun = True
            return PCAP_HEADER
        for start, _ in self._bounds(octets):
            if self._block.unpack_from(octets, start)[0] not in (SECTION_HEADER, INTERFACE):
                self._has_begun = True
                return start
        return len(octets)

    def _fitting(self, octets: memoryview) -> int:
        """How many octets the file has room for, in whole packets; at least one packet if it has none."""
        limit = self._rotation.octets
        if limit is None or self._size + len(octets) <= limit:
            return len(octets)
        fits = 0
        for _, end in self._bounds(octets):
            if self._size + end > limit and (fits or self._has_packets):
                break
            fits = end
        return fits

    def _bounds(self, octets: memoryview) -> Iterator[tuple[int, int]]:
        """Where each packet or block begins and ends."""
        at = 0
        while at < len(octets):
            if self._block is None:
                end = at + self._head.size + self._head.unpack_from(octets, at)[2]
            else:
                end = at + self._block.unpack_from(octets, at)[1]
            yield at, end
            at = end

    @property
    def _has_packets(self) -> bool:
        return self._size > len(self._beginning)

    def _next(self) -> None:
        """Begins another file."""
        os.close(self._file)
        self._open()
        self._write(memoryview(self._beginning))
        keep = self._rotation.keep
        if keep is not None and self._number > keep:
            self._files.remove(self._number - keep)

    def _open(self) -> None:
        self._number += 1
        self._file = self._files.open(self._number)
        self._size, self._opened = 0, monotonic()

    def _write(self, octets: memoryview) -> None:
        append(self._file, octets, self._size)
        self._size += len(octets)
        self.octets += len(octets)
