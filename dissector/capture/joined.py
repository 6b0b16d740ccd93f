"""Files that hold one capture, one after the other, as rotating programs write them: one reader of all of them.

Theory of operation. A `JoinedReader` is a reader like any other: what it does not say itself is said by the reader of
the file at hand, its member. Where a member ends, the next file is opened and goes on counting where the other one
stopped, so packets have the numbers that `mergecap -a` would give them.

Invariant. A file is joined only if it goes on where the one before ended: not before that one's last packet, and not
later than the set says. One that does not is left, with all behind it, and they are named in `rest`. One that cannot be
opened, or is damaged, is named in `trouble`; what it lacks is lost as anything that was not captured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dissector.capture.files import Octets, Open, is_regular, open_file, open_octets
from dissector.capture.formats import PCAP_HEADER, SECTION_HEADER
from dissector.capture.reader import NANOSECONDS, CaptureReader, Packet
from dissector.errors import UserError
from dissector.units import shell_word

SECTION = SECTION_HEADER.to_bytes(4)
"""What pcapng begins with, in either byte order."""

OVERLAP = NANOSECONDS // 10
"""ns by which a file may begin before the last packet of the one before it: programs that capture on several interfaces
write packets in the order in which they get them."""

DIRECTLY = NANOSECONDS
"""ns that may pass between two files which hold one capture if nothing but their names' dates says so."""


SILENCE = 120 * NANOSECONDS
"""ns that may pass where nothing but a number says so: as long as a TCP that is not answered may stay silent before it
tries again (TCP_RTO_MAX of Linux), so no connection that hangs is torn apart."""


class FileSet(NamedTuple):
    """Files that are read as one capture, in this order; or a single file."""

    paths: tuple[str, ...]
    gap: int | None = None
    """ns that may pass at most from one to the next; None: any time."""
    is_asked: bool = False
    """Whether a user said that they are one capture; else their names do."""
    problem: str | None = None
    """Why there is nothing to read, in one line: of a folder."""
    open: Open = open_file
    """What opens each of them."""

    @property
    def name(self) -> str:
        """What messages call it."""
        first, last = self.paths[0], self.paths[-1]
        return first if first == last else f"{first} to {last}"

    @property
    def on_the_command_line(self) -> str:
        """What a shell takes for them, or it."""
        return ("--join " if self.is_asked else "") + " ".join(map(shell_word, self.paths))


class Sources(Octets):
    """How far all of the files are read: what a progress bar asks."""

    def __init__(self, files: FileSet, reader: JoinedReader) -> None:
        self.size = sum(Path(path).stat().st_size for path in files.paths if is_regular(path))
        self.trouble = None
        self._reader = reader

    def consumed(self) -> int:
        return self._reader.consumed + self._reader.member.source.consumed()

    def close(self) -> None:
        self._reader.member.source.close()


class JoinedReader(CaptureReader):
    """Packets of several files, as those of one."""

    def __init__(self, files: FileSet, open_one: Callable[[str], CaptureReader]) -> None:
        """`open_one` raises UserError where a file is no capture; so does this, of the first one."""
        self.member = open_one(files.paths[0])
        """The reader of the file at hand."""
        self.consumed = 0
        """Octets of the files before it, as they are on the disk."""
        self.name = files.name
        self.joined = ()
        self.rest = ()
        self.trouble = None
        self.source = Sources(files, self)
        self.blocks = self.member.blocks
        self._files = files
        self._open_one = open_one
        self._left = files.paths[1:]
        self._octets = 0
        self._troubles: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.member, name)

    @property
    def octets(self) -> int:
        return self._octets + self.member.octets

    def advance(self, pos: int, frame: int, cut: int, time_ns: int) -> None:
        self.member.advance(pos, frame, cut, time_ns)

    @property
    def left(self) -> int:
        return self.member.left

    def leap(self, pos: int) -> tuple[int, int]:
        return self.member.leap(pos)

    def next_packet(self) -> Packet | None:
        packet = self.member.next_packet()
        while packet is None and self._left:
            self._note(self.member.name, self.member.trouble)
            packet = self._next()
        if packet is None:
            if not self._left and not self.rest:
                self._note(self.member.name, self.member.trouble)
            self.trouble = "; ".join(dict.fromkeys(self._troubles)) or None
        return packet

    def _next(self) -> Packet | None:
        """The first packet of the next file, if it is the capture's; None: it has none, or is not."""
        path = self._left[0]
        try:
            following = self._open_one(path)
        except UserError as error:
            self._note(path, str(error).removeprefix(f"{path}: "))
            self._left = self._left[1:]
            return None
        following.go_on_from(self.member)
        packet = following.next_packet()
        if not self._goes_on(following):
            following.source.close()
            self.rest, self._left = self._left, ()
            self.words_rest = f"not joined: {path} does not go on where {self.member.name} ends"
            return None
        self.consumed += self.member.source.consumed()
        self._octets += self.member.octets
        self.member.source.close()
        if self.member.first_time_ns is not None:
            following.first_time_ns = self.member.first_time_ns
        self.joined, self._left = (*(self.joined or (self.member.name,)), path), self._left[1:]
        self.member, self.blocks = following, following.blocks
        return packet

    def _goes_on(self, following: CaptureReader) -> bool:
        """Whether a file, whose first packet was read, goes on where the one at hand has ended."""
        last, first = self.member.last_time_ns, following.first_time_ns
        if last is None or first is None:
            return True  # one of them has no packet with a time, and so nothing against it
        gap = self._files.gap
        return first >= last - OVERLAP and (gap is None or first <= last + gap)

    def _note(self, path: str, trouble: str | None) -> None:
        if trouble:
            self._troubles.append(f"{path}: {trouble}")


PIECE = 1 << 20

VERSION, LINK = slice(0, 6), slice(20, PCAP_HEADER)
"""Where the header of a pcap says how its packets are to be read."""


def octets_of(files: FileSet) -> Iterator[memoryview]:
    """All of the files as the octets of one capture file, decompressed, for a program that reads one: sections of
    pcapng follow each other as they are, packets of pcap without the headers of their files. Each piece is good until
    the next one. Raises UserError if a file cannot be read, or its packets cannot stand behind those of the first."""
    view = memoryview(bytearray(PIECE))
    first: bytes | None = None
    for path in files.paths:
        source, name = open_octets(path)
        try:
            begin, end = 0, source.readinto(view)
            if first is None:
                first = bytes(view[:PCAP_HEADER])
            elif bytes(view[:4]) != SECTION or first[:4] != SECTION:
                header = bytes(view[:PCAP_HEADER])
                if header[VERSION] != first[VERSION] or header[LINK] != first[LINK]:
                    raise UserError(
                        f"{name} is of another format than {files.paths[0]}: mergecap makes one file of them"
                    )
                begin = PCAP_HEADER
            while begin < end:
                yield view[begin:end]
                begin, end = 0, source.readinto(view)
            if source.trouble:
                raise UserError(f"{name}: {source.trouble}")
        finally:
            source.close()
