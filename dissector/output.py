"""Files that are written: whole or not at all, never over what is read, and nobody but their owner reads them, since
they hold a guest's memory or speak of it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from dissector.errors import UserError

OWNER_ALONE = 0o600

WHOEVER_MAY = 0o666
"""As the user's umask says."""


def create(path: str | Path, is_secret: bool = True) -> int:
    """A descriptor of the empty file, to be written. One that stands there already is emptied and, if it is secret,
    becomes its owner's alone, too. Raises OSError, also of a symbolic link: who can make one would choose what is
    overwritten."""
    try:
        mode = OWNER_ALONE if is_secret else WHOEVER_MAY
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, mode)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "is a symbolic link", str(path)) from error
        raise
    if stat.S_ISREG(os.fstat(file).st_mode):
        try:
            if is_secret:
                os.fchmod(file, OWNER_ALONE)
            os.ftruncate(file, 0)
        except OSError:
            os.close(file)
            raise
    return file


def append(file: int, octets: bytes | memoryview, before: int) -> None:
    """Writes octets to a file that has `before` of them. Raises OSError where it does not take all; what it has taken
    is cut off again then."""
    rest = memoryview(octets)
    try:
        while rest:
            rest = rest[os.write(file, rest) :]
    except OSError:
        with suppress(OSError):  # not every file can be cut
            os.ftruncate(file, before)
        raise


def keep_inputs(output: str, inputs: Iterable[str]) -> None:
    """Raises UserError if what is to be written is one of the inputs."""
    for path in inputs:
        with suppress(OSError):
            if Path(path).samefile(output):
                raise UserError(f"{output} is the input itself")


@contextmanager
def folder(path: Path) -> Iterator[None]:
    """A folder to write into, made if need be, with those above it. Of those that were made, what is empty in the end
    goes again. Raises OSError."""
    made: list[Path] = []
    for one in (path, *path.parents):
        if one.exists():
            break
        made.append(one)
    try:
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "is no folder", str(path))
        path.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for one in made:
            with suppress(OSError):  # something is in it, or it could not be made
                one.rmdir()


@contextmanager
def whole(output: str, is_secret: bool = True) -> Iterator[IO[bytes]]:
    """A file that is its owner's alone, unless it is no secret, and takes the name when all of it is written: until
    then, and if it fails, what had the name stays. Raises UserError if it cannot be written."""
    path = Path(output)
    # A pipe or a device has no place beside it, and a link is for `create` to refuse.
    is_direct = path.is_symlink() or (path.exists() and not path.is_file())
    part = path if is_direct else path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            with os.fdopen(create(part, is_secret), "wb") as file:
                yield file
            if part != path:
                part.replace(path)
        except BaseException:
            if part != path:
                part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UserError(f"cannot write {output}: {error.strerror or error}") from error
