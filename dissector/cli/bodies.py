"""Bodies of records as files, for `read --extract`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from dissector.cli import complain
from dissector.errors import UserError
from dissector.events import Record
from dissector.output import whole
from dissector.units import many

OTHER = re.compile(r"[^\w.-]+")
"""What a name has that names of files had better not."""


class Bodies:
    """Writes each body to a file of its own, by the record's number and name."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.written: set[Path] = set()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot write to {folder}: {error.strerror or error}") from error

    def write(self, record: Record) -> None:
        """The next one. The header and the padding are no part of it. What is missing of it is said."""
        path = self.folder / f"{record.number:06d}-{OTHER.sub('_', record.name)}.bin"
        if path in self.written:
            raise UserError(f"{path} holds the body of another input: a folder is for one")
        self.written.add(path)
        with whole(str(path)) as file:
            file.write(record.body[: record.body_length])
        missing = record.body_length - len(record.body)
        if missing > 0:
            complain(f"{path}: {many(missing, 'octet')} of {record.body_length:,} were not captured")

    def finish(self) -> None:
        """No record follows."""
        sys.stdout.write(f"{self.folder}: {many(len(self.written), 'body', 'bodies')}\n")
