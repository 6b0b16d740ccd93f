"""The viewer on a capture that goes on: records come while one looks, and what there was no room for is gone."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

from textual.binding import Binding, BindingType

from dissector.analysis import Analysis
from dissector.capture.joined import FileSet
from dissector.events import Event, Record
from dissector.facts import Link
from dissector.filter.fields import Around, Row
from dissector.viewer.app import HELP, Viewer
from dissector.viewer.index import Index, Kept
from dissector.viewer.jobs import Loading

AT_ONCE = 2000
"""Records that are looked through at most before the picture is drawn again."""

LIVE_HELP = """
The last record is followed as it comes, until the cursor goes to another one; F, or going to the last one, follows
again. Records are kept as far as there is room; of older ones only a line is left, which no search and no filter finds.
"""


class Live(Loading, Protocol):
    """A capture that goes on; its thread calls `take` with every event."""

    name: str
    """What is captured."""
    take: Callable[[Event], object]

    @property
    def analysis(self) -> Analysis:
        """What comes of it."""


class Through:
    """The records that the index keeps, and those that come, one after the other: instead of a file, which is not
    there to be read again."""

    def __init__(self, what: str, index: Index, take: Callable[[Kept], object]) -> None:
        self._what, self._index, self._take = what, index, take
        self._at = 0

    @property
    def is_done(self) -> bool:
        """Whether it has come to the newest record."""
        return self._at >= self._index.count

    @property
    def words(self) -> str:
        """How far it is."""
        return f"{self._what} {self._at / max(1, self._index.count):.0%}"

    def start(self) -> None:
        """From the first record on, also again."""
        self._at = 0

    def cancel(self) -> None:
        """Nobody waits for it any more: nothing goes on by itself."""

    def go_on(self) -> None:
        """To some more records."""
        begin, self._at = self._at, min(self._at + AT_ONCE, self._index.count)
        for number in range(begin + 1, self._at + 1):
            one = self._index.kept(number)
            if one is not None:
                self._take(one)


class LiveViewer(Viewer):
    """A capture to walk through while it goes on."""

    HELP_TEXT = HELP + LIVE_HELP
    BINDINGS: ClassVar[list[BindingType]] = [Binding("F", "follow", "follow")]

    def __init__(self, live: Live, index: Index | None = None) -> None:
        self._live = live
        self._follows, self._followed = True, 0
        self._around = Around()
        super().__init__(FileSet((live.name,)), index=index)

    def action_follow(self) -> None:
        """Follows, or stays."""
        self._follows = not self._follows
        self.say("" if self._follows else "stays here; F follows again")
        self._look()

    def action_extract(self) -> None:
        """As there is no file."""
        self.say("a capture that goes on cannot be extracted from: live -w FILE keeps it, xenshark extract takes it")

    def on_lines_moved(self, message: Any) -> None:
        """Whoever goes elsewhere wants to stay there."""
        at = self.records.cursor
        self._follows = at >= self.records.count - 1 or (self._follows and at == self._followed)
        super().on_lines_moved(message)

    def _load(self) -> Loading:
        self._live.take, self._analysis = self.index.add, self._live.analysis
        return self._live

    def _look(self) -> None:
        for through in (self._choosing, self._searching):
            if isinstance(through, Through):
                through.go_on()
        was_concluded = self._is_concluded
        super()._look()
        if self._is_concluded and not was_concluded and self._choosing is not None:
            # Only now it is known what breaks a rule, and what has not come.
            self._around.first_time, self._around.rules = self.job.first_time, self._rules()
            self._choosing.start()
        if self._follows and self.records.count and self.records.cursor != self.records.count - 1:
            self._followed = self.records.count - 1
            self.records.go(self._followed)

    def _words(self) -> list[str]:
        return [*super()._words(), "follows" if self._follows else "F follows"]

    def _bring_back(self, number: int) -> str:
        return "is no longer kept, there was no room for it; live -w FILE keeps all"

    def _filtering(self, asked: Callable[[Row], bool], migration: int | None, chosen: Any) -> Through:
        self._around = around = Around(self.job.first_time, self._rules())

        def choose(one: Kept) -> None:
            number = one.record.number
            at = bisect_left(chosen, number)
            is_chosen = at < len(chosen) and chosen[at] == number
            is_wanted = migration in (None, one.record.migration) and asked(Row(one.record, one.links, around))
            if is_wanted and not is_chosen:
                chosen.insert(at, number)
            elif is_chosen and not is_wanted:
                del chosen[at]

        def take(one: Kept) -> None:
            around.note(one.record)
            choose(one)
            # A page changes what is true of the fault that it answers.
            for link in one.links:
                other = self.index.kept(link.record.number)
                if other is not None:
                    choose(other)

        return Through("filtering", self.index, take)

    def _each(self, what: str, take: Callable[[Record, Sequence[Link]], None]) -> Through:
        return Through(what, self.index, lambda one: take(one.record, one.links))
