"""Which captures there are: folders, patterns and addresses to a list of files, by fsspec."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import fsspec
from fsspec.core import url_to_fs

from dissector.errors import UserError

SUFFIXES = (".pcap", ".pcapng", ".cap", ".img")
"""What a file in a folder is called that is read; behind them stand .gz, .xz, .zst. What is named itself is read
whatever it is called."""

COMPRESSED = (".gz", ".xz", ".zst")


class Source(NamedTuple):
    """A file, and how one knows that it is still the same."""

    url: str
    """As fsspec opens it; a path for a local file."""
    size: int
    """Octets."""
    modified: str
    """When it was changed last, as its storage says it; empty where that says nothing."""


def sources(inputs: Iterable[str]) -> list[Source]:
    """Every file that the inputs name, once, in the order of their names. Raises UserError where one names none."""
    found: dict[str, Source] = {}
    for each in inputs:
        if not each:
            raise UserError("cannot list '': a folder, file, pattern or address has a name")
        here = {one.url: one for one in _sources(each)}
        if not here:
            raise UserError(f"no captures in {each}: files called {', '.join(SUFFIXES)}, also {', '.join(COMPRESSED)}")
        found |= here
    return [found[url] for url in sorted(found)]


def open_file(url: str) -> Any:
    """Its octets, as a binary file. Raises OSError, or what its storage raises."""
    return fsspec.open(url, "rb").open()


def _sources(address: str) -> Iterator[Source]:
    try:
        storage, path = url_to_fs(address)
        if any(one in address for one in "*?["):
            found = storage.glob(path, detail=True)
        elif storage.isdir(path):
            found = {name: info for name, info in storage.find(path, detail=True).items() if _is_capture(name)}
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
            yield Source(url, int(info["size"] or 0), _modified(info))


def _is_capture(name: str) -> bool:
    for suffix in COMPRESSED:
        name = name.removesuffix(suffix)
    return name.endswith(SUFFIXES)


def _is_local(storage: Any) -> bool:
    return "file" in ((storage.protocol,) if isinstance(storage.protocol, str) else storage.protocol)


def _modified(info: dict[str, Any]) -> str:
    """fsspec has no name of its own for it: local files, S3 and the others, web servers."""
    for key in ("mtime", "LastModified", "last_modified", "modified", "updated", "ETag"):
        if (value := info.get(key)) is not None:
            return value.isoformat() if isinstance(value, datetime) else str(value)
    return ""
