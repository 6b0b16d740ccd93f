"""Which pages precopy listed and sent: the entries of PAGE_DATA."""

from __future__ import annotations

from collections import Counter

from dissector.events import Record
from dissector.facts.pfns import PfnSet
from dissector.protocol import PAGE_TYPES, UNBACKED


class Pages:
    """Counts over all PAGE_DATA records of a migration."""

    def __init__(self) -> None:
        self.entries = 0
        self.data_pages = 0
        """Entries with contents."""
        self.by_type: Counter[str] = Counter()
        """Entries by the name of their page type."""
        self.pfns = PfnSet()
        self.sent = PfnSet()
        """pfns whose contents were sent."""

    @property
    def sent_again(self) -> int:
        """Pages sent when they had been sent before."""
        return self.data_pages - self.sent.count

    def let_go(self) -> None:
        """No record follows: keeps what is counted, and lets go of which pages it was."""
        self.pfns.forget()
        self.sent.forget()

    def add(self, record: Record) -> None:
        """The next whole PAGE_DATA."""
        for first, length, type in record.runs:
            self.entries += length
            self.by_type[PAGE_TYPES[type]] += length
            self.pfns.add_run(first, length)
            if type not in UNBACKED:
                self.data_pages += length
                self.sent.add_run(first, length)
