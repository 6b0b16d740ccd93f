"""Bodies of records as files, for `read --extract`."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path

from dissector import output
from dissector.cli import complain
from dissector.errors import UserError
from dissector.events import Record
from dissector.units import many

OTHER = re.compile(r"[^\w.-]+")
"""What a name has that names of files had better not."""


class Bodies:
    """Writes each body to a file of its own, by the record's number and name."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.written: set[Path] = set()
        self._made = ExitStack()
        try:
            self._made.enter_context(output.folder(self.folder))
        except OSError as error:
            raise UserError(f"cannot write to {folder}: {error.strerror or error}") from error

    def write(self, record: Record) -> None:
        """The next one. The header and the padding are no part of it. What is missing of it is said."""
        path = self.folder / f"{record.number:06d}-{OTHER.sub('_', record.name)}.bin"
        if path in self.written:
            raise UserError(f"{path} holds the body of another input: a folder is for one")
        self.written.add(path)
        with output.whole(str(path)) as file:
            file.write(record.body[: record.body_length])
        missing = record.body_length - len(record.body)
        if missing > 0:
            complain(f"{path}: {many(missing, 'octet')} of {record.body_length:,} were not captured")

    def finish(self, says_none: bool) -> None:
        """No record follows. Says how many were written: on standard error, as records may be on the other one."""
        self._made.close()
        if self.written or says_none:
            complain(f"{self.folder}: {many(len(self.written), 'body', 'bodies')}")
