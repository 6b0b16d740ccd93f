"""Files that hold a guest's memory: nobody but their owner reads them, and they are where their name says."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

OWNER_ALONE = 0o600


def create(path: str | Path) -> int:
    """A descriptor of the empty file, to be written. One that stands there already is emptied and becomes its owner's
    alone, too. Raises OSError, also of a symbolic link: who can make one would choose what is overwritten."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, OWNER_ALONE)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "is a symbolic link", str(path)) from error
        raise
    if stat.S_ISREG(os.fstat(file).st_mode):
        try:
            os.fchmod(file, OWNER_ALONE)
            os.ftruncate(file, 0)
        except OSError:
            os.close(file)
            raise
    return file
