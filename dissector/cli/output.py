"""Files that a command writes: whole or not at all, and never over what it reads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from dissector.errors import UserError
from dissector.recording.private import create


def keep_inputs(output: str, inputs: Iterable[str]) -> None:
    """Raises UserError if what is to be written is one of the inputs."""
    for path in inputs:
        with suppress(OSError):
            if Path(path).samefile(output):
                raise UserError(f"{output} is the input itself")


@contextmanager
def whole(output: str) -> Iterator[IO[bytes]]:
    """A file that is its owner's alone and takes the name when all of it is written: until then, and if it fails, what
    had the name stays. Raises UserError if it cannot be written."""
    path = Path(output)
    # A pipe or a device has no place beside it, and a link is for `create` to refuse.
    is_direct = path.is_symlink() or (path.exists() and not path.is_file())
    part = path if is_direct else path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            with os.fdopen(create(part), "wb") as file:
                yield file
            if part != path:
                part.replace(path)
        except BaseException:
            if part != path:
                part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UserError(f"cannot write {output}: {error.strerror or error}") from error
