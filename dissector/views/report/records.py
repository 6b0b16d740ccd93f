"""The records of an input as the report holds them: columns, and as many fields as there is room for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dissector.events import FORWARD, Event, Record
from dissector.facts import Link, Linker
from dissector.results.encoding import to_json
from dissector.results.records import RecordResult
from dissector.units import micros

MANY_MAX = 80_000
OTHERS_MAX = 20_000
"""Records that list pages, and others: what begins and ends a migration is not to be crowded out by its pages."""

FIELDS_MAX = 3_000_000
"""Characters of JSON for the fields of either."""

RUNS_MAX = 400_000
"""Runs of pfns, of all records together."""

TEXT_MAX = 120
LIST_MAX = 24
DEPTH_MAX = 6
"""Of a field: characters of a text, members of a list or an object, how deep it is."""


LARGEST_EXACT = (1 << 53) - 1
"""JavaScript rounds integers beyond this."""


class Records:
    """A fold over events."""

    def __init__(self) -> None:
        self.left_out = 0
        """Records that there was no room for."""
        self._linker = Linker(self._take)
        self._room = {True: MANY_MAX, False: OTHERS_MAX}
        self._fields_room = {True: FIELDS_MAX, False: FIELDS_MAX}
        self._runs_room = RUNS_MAX
        self._names: dict[str, int] = {}
        self._layers: dict[str | None, int] = {}
        self._first_time: int | None = None
        self._rows: list[tuple[Any, ...]] = []

    def add(self, event: Event) -> None:
        """The next event."""
        self._linker.add(event)

    def finish(self, first_time: int | None = None) -> None:
        """No event follows. `first_time`: of the input's first packet, ns since the epoch, from which `read` counts
        too; without it times are since the epoch."""
        self._linker.finish()
        self._first_time = first_time

    def columns(self) -> dict[str, Any]:
        """As the page's script takes them: each column by its letter.

        `i`: a record's number less that of the one before, as `read` counts them. `t`: microseconds since `base`, which
        is seconds since the epoch. `p`: runs of pfns, each as how far it begins from the end of the one before, and its
        length; or how many runs there are, where there was no room for them; None: it lists no pages.
        """
        letters = "imdlnosftcpx"
        columns = [list(column) for column in zip(*self._rows, strict=True)] if self._rows else [[] for _ in letters]
        found = dict(zip(letters, columns, strict=True))
        first = self._first_time or 0
        return {
            "names": list(self._names),
            "layers": list(self._layers),
            "base": first / 1e9,
            "left_out": self.left_out,
            **found,
            "i": [number - before for before, number in zip([0, *found["i"]], found["i"], strict=False)],
            "t": [micros(time - first) if time else None for time in found["t"]],
        }

    def _take(self, record: Record, links: tuple[Link, ...]) -> None:
        if not self._room[record.is_pages]:
            self.left_out += 1
            return
        self._room[record.is_pages] -= 1
        self._rows.append(
            (
                record.number,
                record.migration,
                int(record.direction != FORWARD),
                self._layers.setdefault(record.layer, len(self._layers)),
                self._names.setdefault(record.name, len(self._names)),
                record.offset,
                record.length,
                record.last.frame or None,
                record.last.time,
                int(record.complete),
                self._runs(record),
                self._fields(record, links),
            )
        )

    def _runs(self, record: Record) -> list[int] | int | None:
        if not record.runs:
            return None
        if self._runs_room < len(record.runs):
            return len(record.runs)
        self._runs_room -= len(record.runs)
        found, end = [], 0
        for run in record.runs:
            found += [run.first - end, run.length]
            end = run.first + run.length
        return found

    def _fields(self, record: Record, links: tuple[Link, ...]) -> Any:
        if self._fields_room[record.is_pages] <= 0:
            return None
        # Cut before it is converted: a list of pages may have thousands of runs.
        cut = record._replace(runs=record.runs[:LIST_MAX])
        fields = _short(to_json(RecordResult.of(cut, links).fields))
        if len(record.runs) > LIST_MAX:
            fields["pages"].append(_more(record.runs))
        self._fields_room[record.is_pages] -= len(json.dumps(fields))
        return fields


def _more(values: Sequence[object]) -> str:
    """How many more there are than are shown."""
    return f"... {len(values) - LIST_MAX:,} more"


def _short(value: Any, depth: int = 0) -> Any:
    """A value as JSON knows it, cut to what a page can show; integers that JavaScript would round are text."""
    if isinstance(value, int) and abs(value) > LARGEST_EXACT:
        return str(value)
    if isinstance(value, str):
        return value if len(value) <= TEXT_MAX else f"{value[:TEXT_MAX]} ... ({len(value):,} characters)"
    if isinstance(value, dict | list) and depth == DEPTH_MAX:
        return "..."
    if isinstance(value, dict):
        shown = {_short(name): _short(one, depth + 1) for name, one in list(value.items())[:LIST_MAX]}
        return shown if len(value) <= LIST_MAX else {**shown, "...": f"{len(value) - LIST_MAX:,} more"}
    if isinstance(value, list):
        shown_list = [_short(one, depth + 1) for one in value[:LIST_MAX]]
        return shown_list if len(value) <= LIST_MAX else [*shown_list, _more(value)]
    return value
