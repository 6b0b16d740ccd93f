"""A line on standard error that says how far a migration is, while it is recorded."""

from __future__ import annotations

from dissector.analysis import Analysis
from dissector.facts import Migration


class Live:
    """Follows the newest migration: for a terminal one line that changes, else a line for each phase."""

    def __init__(self, analysis: Analysis, is_terminal: bool) -> None:
        self._analysis, self._is_terminal = analysis, is_terminal
        self._line = ""
        self._cases = self._phases = 0

    def news(self) -> str:
        """What to print: nothing if nothing is new."""
        cases = self._analysis.cases
        if not cases:
            return ""
        migration = cases[-1].migration
        known = self._phases if self._cases == len(cases) else 0
        self._cases, self._phases = len(cases), len(migration.phases)
        if not self._is_terminal:
            return "".join(f"{_line(migration, phase)}\n" for phase in range(known, self._phases))
        before, self._line = self._line, _line(migration, self._phases - 1)
        return f"\r\x1b[K{self._line}" if self._line != before else ""

    def end(self) -> str:
        """What to print last."""
        return self.news() + ("\n" if self._line else "")


def _line(migration: Migration, phase: int) -> str:
    pages = migration.pages.data_pages + migration.faults.pages
    outstanding = f", {migration.faults.never_sent:,} outstanding" if migration.faults.announced else ""
    return f"xenshark: {migration.phases[phase].name}: {pages:,} pages{outstanding}"
