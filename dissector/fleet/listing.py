"""Which captures there are: folders, patterns and addresses to files, by fsspec, and files to captures."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple, TypeVar

from fsspec.core import url_to_fs

from dissector.capture.files import is_regular, open_file
from dissector.capture.joined import FileSet
from dissector.capture.sets import Storage, sets_of
from dissector.errors import UserError

NAME = re.compile(r".*\.(?:(?:pcap|pcapng|cap|dmp|dump)\d*|img)(?:\.(?:gz|xz|zst))?", re.DOTALL)
"""What a file in a folder is called that is read, also by tcpdump -C. What is named itself is read whatever it is
called."""

PIECE = 1 << 20
"""Octets that are fetched at once from a storage that is no folder."""

AHEAD = 1 << 23
"""Octets that such a storage is asked for at once."""

AT_ONCE = 16
"""Files of which the beginning is fetched at once."""

One = TypeVar("One")


class File(NamedTuple):
    """A file, and how one knows that it is still the same."""

    name: str
    """As fsspec opens it; a path for a local file."""
    size: int
    """Octets."""
    modified: str
    """When it was changed last, as its storage says it; empty where that says nothing."""


class Source(NamedTuple):
    """What holds one capture: a file, or several that are read as one."""

    files: tuple[File, ...]
    gap: int | None = None
    is_asked: bool = False

    @property
    def name(self) -> str:
        """What the capture is called: its first file."""
        return self.files[0].name

    @property
    def size(self) -> int:
        """Octets of all files."""
        return sum(file.size for file in self.files)

    @property
    def set(self) -> FileSet:
        """Its files, to be read."""
        return FileSet(tuple(file.name for file in self.files), self.gap, self.is_asked, open=open_any)

    def rest(self, files: FileSet) -> Source:
        """Those of its files that are another capture."""
        return self._replace(files=tuple(file for file in self.files if file.name in files.paths))


class Listed(NamedTuple):
    """What the inputs name."""

    sources: list[Source]
    remarks: list[str]
    """What a user has to know of them, in a line each."""


def sources(inputs: Iterable[str], join: bool | None = None) -> Listed:
    """Every capture that the inputs name, once, in the order of their names; `join` as `sets_of` takes it. Raises
    UserError where an input names none, or where files cannot be joined that a user says are one."""
    found: dict[str, File] = {}
    for each in inputs:
        if not each:
            raise UserError("cannot list '': a folder, file, pattern or address has a name")
        here = {one.name: one for one in _files(each)}
        if not here:
            raise UserError(f"no captures in {each}: files called .pcap, .pcapng, .cap, .img, also .gz, .xz, .zst")
        found |= here
    sets = sets_of(sorted(found), join, STORAGE)
    known = [Source(tuple(found[path] for path in one.paths), one.gap, one.is_asked) for one in sets.files]
    return Listed(known, sets.remarks)


def open_any(name: str) -> io.FileIO:
    """A file of this machine, or the octets at an address. Raises OSError."""
    return Fetched(name) if "://" in name else open_file(name)


def _is_regular(name: str) -> bool:
    return "://" in name or is_regular(name)


def _each(act: Callable[[str], One], names: Iterable[str]) -> Iterable[One]:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(act, names))


STORAGE = Storage(open_any, _is_regular, _each)
"""Files of this machine, and whatever fsspec opens."""


class Fetched(io.FileIO):
    """The octets at an address, once, from the first to the last: a thread fetches them while they are read."""

    def __init__(self, address: str) -> None:
        take, give = os.pipe()
        super().__init__(take)
        self._failed: list[Exception] = []
        self._pump = Thread(target=_pump, args=(address, give, self._failed), daemon=True)
        self._pump.start()

    def read(self, size: int | None = -1, /) -> bytes:
        """As a file does. Raises OSError where the storage gives no more."""
        octets = super().read(size)
        self._look(len(octets))
        return octets

    def readinto(self, target: Any, /) -> int:
        """The same into a buffer."""
        count = super().readinto(target)
        self._look(count)
        return count

    def close(self) -> None:
        """Ends the thread, too."""
        super().close()  # whoever still pumps is told
        self._pump.join()

    def _look(self, count: int) -> None:
        if count:
            return
        self._pump.join()
        for error in self._failed:
            raise OSError(f"{getattr(error, 'strerror', None) or error}") from error


def _pump(address: str, give: int, failed: list[Exception]) -> None:
    try:
        with os.fdopen(give, "wb", buffering=0) as pipe, suppress(BrokenPipeError):
            storage, path = url_to_fs(address)
            with storage.open(path, "rb", block_size=AHEAD) as file:
                while piece := file.read(PIECE):
                    _write_all(pipe, piece)
    except Exception as error:  # storages raise what they like
        failed.append(error)


def _write_all(pipe: Any, octets: bytes) -> None:
    rest = memoryview(octets)
    while rest:
        rest = rest[pipe.write(rest) :]


def _files(address: str) -> Iterator[File]:
    try:
        storage, path = url_to_fs(address)
        if any(one in address for one in "*?["):
            found = storage.glob(path, detail=True)
        elif storage.isdir(path):
            found = {name: info for name, info in storage.find(path, detail=True).items() if NAME.fullmatch(name)}
        else:
            found = {path: storage.info(path)}
    except ImportError as error:
        raise UserError(f"{address}: {error}") from error
    except (OSError, ValueError) as error:
        raise UserError(f"cannot list {address}: {getattr(error, 'strerror', None) or error}") from error
    for name, info in found.items():
        # A link to nothing is a capture that cannot be read, which its row then says.
        if info["type"] == "file" or (info.get("islink") and not Path(name).exists()):
            url = name if _is_local(storage) else storage.unstrip_protocol(name)
            yield File(url, int(info["size"] or 0), _modified(info))


def _is_local(storage: Any) -> bool:
    return "file" in ((storage.protocol,) if isinstance(storage.protocol, str) else storage.protocol)


def _modified(info: dict[str, Any]) -> str:
    """fsspec has no name of its own for it: local files, S3 and the others, web servers."""
    for key in ("mtime", "LastModified", "last_modified", "modified", "updated", "ETag"):
        if (value := info.get(key)) is not None:
            return value.isoformat() if isinstance(value, datetime) else str(value)
    return ""
