"""Where two readers of one capture differ, as `crosscheck --json` prints it."""

from __future__ import annotations

from typing import Annotated, Any

from dissector.results.base import Result
from dissector.results.common import Frame, InFile, Offset


class DifferenceResult(Result):
    """Something about a record that xenshark and Wireshark do not agree on."""

    flow: Annotated[str, "who sends to whom"]
    offset: Offset
    record: Annotated[str, "its name"]
    frame: Frame
    what: Annotated[str, "name of the value; record: only one of them has it"]
    engine: Annotated[Any, "what xenshark says"]
    wireshark: Annotated[Any, "what Wireshark says"]


class FileDifferenceResult(DifferenceResult, InFile, kw_only=True):
    """A difference, and its file: a line of `crosscheck --json`."""
