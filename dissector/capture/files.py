"""The octets of a file or of standard input, decompressed when they are compressed, and never a traceback.

Compression is recognised by its first octets, so a name may lie and a pipe may be compressed. All three
formats go through one loop: feed a little, take what comes out, start again when a member (gzip), stream (xz)
or frame (zstd) ends and more octets follow.
"""

import io
import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias

from dissector.errors import UserError
from dissector.units import input_name
from dissector.units import size as sized

SNIFF = 10
"""Octets that decide whether a file is compressed: the longest of the magics, that of bzip2."""

CHUNK = 1 << 16
"""Compressed octets read from the file at once."""

STEP = 1 << 10
"""Compressed octets unpacked at once.

Four octets of zstd may stand for 128 KiB, so this is what bounds memory: 32 MiB for the worst file somebody
can make. It also bounds what damage costs: unpacked octets are lost from one step at most. Larger steps are
not faster.
"""

PIPE = 1 << 20
"""Octets that a pipe is to hold: what users may have (pipe(7))."""

LARGEST_WINDOW = 1 << 27
"""The largest zstd window accepted: what `zstd --long=27` writes, 128 MiB."""

LARGEST_DICTIONARY = 1 << 28
"""Octets of memory that unpacking xz may take; `xz -9` needs 65 MiB."""


class Decompressor(Protocol):
    """What the decompressors of zlib, lzma and zstandard have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: memoryview, /) -> bytes: ...


class Codec(NamedTuple):
    """One compression format: how to start on a member, and what its library raises."""

    name: str
    start: Callable[[], Decompressor]
    error: type[Exception]


def _gzip() -> Codec:
    import zlib

    return Codec("gzip", lambda: zlib.decompressobj(16 + zlib.MAX_WBITS), zlib.error)


def _xz() -> Codec:
    import lzma

    return Codec("xz", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, LARGEST_DICTIONARY), lzma.LZMAError)


def _zstd() -> Codec:
    import zstandard

    frames = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW)
    return Codec("zstd", lambda: frames.decompressobj(), zstandard.ZstdError)


MAGICS: dict[bytes, Callable[[], Codec]] = {
    b"\x1f\x8b": _gzip,  # RFC 1952, 2.3.1
    b"\xfd7zXZ\x00": _xz,  # The .xz File Format, 2.1.1.1
    b"\x28\xb5\x2f\xfd": _zstd,  # RFC 8878, 3.1.1
    # A skippable frame (RFC 8878, 3.1.2) may come first: parallel compressors put their index there.
    **{bytes((0x50 + variant, 0x2A, 0x4D, 0x18)): _zstd for variant in range(16)},
}


UNREAD = {
    "bzip2": re.compile(rb"BZh[1-9]1AY&SY"),  # BZ2_decompress of libbzip2: the header and the first block's magic
    "lz4": re.compile(rb"\x04\x22\x4d\x18"),  # LZ4 Frame Format Description, "Magic Number"
    "zip": re.compile(rb"PK\x03\x04"),  # APPNOTE.TXT, 4.3.7
    "7-Zip": re.compile(rb"7z\xbc\xaf\x27\x1c"),  # 7zFormat.txt, "Signature Header"
    "RAR": re.compile(rb"Rar!\x1a\x07"),  # RAR 5.0 archive format, "RAR 5.0 signature"
    "compress": re.compile(rb"\x1f\x9d[\x09-\x10\x89-\x90]"),  # compress(1): bits, and whether in blocks
    "lzip": re.compile(rb"LZIP[\0\1]"),  # Lzip manual, "File format"
    "lzop": re.compile(rb"\x89LZO\0\r\n\x1a\n"),  # lzop's lzop_magic
    "snappy": re.compile(rb"\xff\x06\0\0sNaPpY"),  # Snappy framing format, 4.1
    # lzma-file-format.txt, 1.1: the usual properties, any dictionary, and a size that is not known
    "lzma": re.compile(rb"\x5d\0\0..\xff{5}", re.DOTALL),
}
"""Formats that are known and not unpacked: taken for a bare stream, a file would be searched for magics."""


class Octets:
    """A file's octets as they are.

    `size` is the octets the file takes on disk, None when nobody can tell (a pipe). `trouble` says in one
    line why reading ended early, None as long as nothing went wrong.
    """

    def __init__(self, file: io.RawIOBase, first: bytes, size: int | None) -> None:
        """`first` holds the octets that were already taken from `file` to recognise it."""
        self.size = size
        self.trouble: str | None = None
        self._file = file
        self._first = first
        self._consumed = 0

    def readinto(self, target: memoryview) -> int:
        """Fill the front of `target`; returns how many octets, 0 at the end. Never raises: see `trouble`."""
        return self._read(target)

    def consumed(self) -> int:
        """Octets of the file used so far (compressed ones, of a compressed file): comparable with `size`."""
        return self._consumed

    @property
    def left(self) -> int:
        """Octets that are known to follow and can be skipped; 0 where nothing is known of that."""
        return 0 if self.size is None or self._first else max(0, self.size - self._file.tell())

    def skip(self, count: int) -> None:
        """Goes on behind so many of those octets."""
        self._file.seek(count, os.SEEK_CUR)
        self._consumed += count

    def close(self) -> None:
        self._file.close()

    def _read(self, target: memoryview) -> int:
        if self._first:
            count = min(len(target), len(self._first))
            target[:count] = self._first[:count]
            self._first = self._first[count:]
        else:
            try:
                count = self._file.readinto(target) or 0
            except OSError as error:
                self.trouble = f"reading failed: {error.strerror or error}"
                return 0
        self._consumed += count
        return count


class UnpackedOctets(Octets):
    """The octets that a compressed file stands for, across all its members."""

    def __init__(self, file: io.RawIOBase, first: bytes, size: int | None, codec: Codec) -> None:
        super().__init__(file, first, size)
        self._codec = codec
        self._member: Decompressor | None = None
        self._packed = memoryview(bytearray(CHUNK))
        self._at = self._end = 0  # what of _packed is still to be unpacked
        self._unpacked = memoryview(b"")

    @property
    def left(self) -> int:
        return 0

    def readinto(self, target: memoryview) -> int:
        filled = 0
        while filled < len(target) and (self._unpacked or self._unpack()):
            count = min(len(target) - filled, len(self._unpacked))
            target[filled : filled + count] = self._unpacked[:count]
            self._unpacked = self._unpacked[count:]
            filled += count
        return filled

    def _unpack(self) -> bool:
        """Go on until there is something to give; False at the end, or at what cannot be unpacked."""
        while not self.trouble:
            if self._at == self._end:
                self._at, self._end = 0, self._read(self._packed)
            if self._at == self._end:
                if self._member and not self.trouble:
                    self.trouble = f"the {self._codec.name} data ends too early"
                break
            try:
                self._unpacked = memoryview(self._step())
            except (self._codec.error, MemoryError) as error:
                self.trouble = f"the {self._codec.name} data is damaged: {error}"
                break
            if self._unpacked:
                return True
        return False

    def _step(self) -> bytes:
        piece = self._packed[self._at : min(self._at + STEP, self._end)]
        self._at += len(piece)
        if not self._member:
            # Zeros between members are padding, which xz and old tapes have; no member starts with one.
            piece = piece[len(piece) - len(bytes(piece).lstrip(b"\0")) :]
            if not piece:
                return b""
            self._member = self._codec.start()
        octets = self._member.decompress(piece)
        if self._member.eof:
            self._at -= len(self._member.unused_data)
            self._member = None
        return octets


def widen(pipe: int) -> None:
    """Lets a pipe hold as much as is read at once, where the system allows that: else each read brings 64 KiB."""
    with suppress(ImportError, OSError, AttributeError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)


Open: TypeAlias = Callable[[str], io.FileIO]
"""What opens a file by its name, to be read once. Raises OSError, or ValueError of what is no name."""


def open_file(path: str) -> io.FileIO:
    """A file of this machine; "-" is standard input."""
    return io.FileIO(0, closefd=False) if path == "-" else io.FileIO(path)


def open_octets(path: str, open: Open = open_file) -> tuple[Octets, str]:
    """Open `path` and see through its compression.

    Returns the octets and the name to call them by. Raises UserError when the file cannot be opened or
    read, or when it cannot be unpacked: the format is one of UNREAD, or the package for it is missing.
    """
    name = input_name(path)
    try:
        file = open(path)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot open {name}: {getattr(error, 'strerror', None) or error}") from error
    try:
        first = b""
        while len(first) < SNIFF and (more := file.read(SNIFF - len(first))):
            first += more
        status = os.fstat(file.fileno())
        size = status.st_size if stat.S_ISREG(status.st_mode) else None
        if stat.S_ISFIFO(status.st_mode):
            widen(file.fileno())
        for magic, codec in MAGICS.items():
            if first.startswith(magic):
                return UnpackedOctets(file, first, size, codec()), name
        for format, pattern in UNREAD.items():
            if pattern.match(first):
                file.close()
                raise UserError(f"{name} is compressed with {format}, which is not read: unpack it first")
    except OSError as error:
        file.close()
        raise UserError(f"cannot read {name}: {error.strerror or error}") from error
    except ImportError as error:
        file.close()
        raise UserError(f"cannot unpack {name}: Python's {error.name} is not installed") from error
    return Octets(file, first, size), name


def small(path: str | Path, most: int) -> bytes:
    """All of a file that stands beside captures: keys, symbols, settings. Raises UserError if it cannot be read, or has
    more than so many octets, as a device without end has."""
    try:
        with Path(path).open("rb") as file:
            octets = file.read(most + 1)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    return _bounded(octets, path, most)


def unpacked(path: str, most: int) -> bytes:
    """The same of a file that may be compressed."""
    source, name = open_octets(path)
    octets, view = bytearray(), memoryview(bytearray(CHUNK))
    try:
        while len(octets) <= most and (count := source.readinto(view)):
            octets += view[:count]
    finally:
        source.close()
    if source.trouble:
        raise UserError(f"cannot read {name}: {source.trouble}")
    return _bounded(bytes(octets), name, most)


def _bounded(octets: bytes, path: str | Path, most: int) -> bytes:
    if len(octets) > most:
        raise UserError(f"cannot read {path}: it has more than {sized(most)}")
    return octets


def is_folder(path: str) -> bool:
    """Whether there is a folder of that name, as far as one may look."""
    return stat.S_ISDIR(mode_of(path))


def is_regular(path: str | Path) -> bool:
    """The same of a regular file."""
    return stat.S_ISREG(mode_of(path))


def mode_of(path: str | Path) -> int:
    """What a name is, as stat(2) has it; 0 of what is not there, or not to be looked at."""
    try:
        return Path(path).stat().st_mode
    except (OSError, ValueError):
        return 0
