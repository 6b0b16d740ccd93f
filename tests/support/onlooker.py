"""A person in front of the viewer: presses keys, and reads what is on the screen."""

from __future__ import annotations

from textual.pilot import Pilot
from textual.widgets import Input

from dissector import __version__
from dissector.viewer.app import Viewer

BAR = 2
"""Columns of a bar for scrolling, on the right."""


class Onlooker:
    """The program under test, and what a person sees of it."""

    def __init__(self, app: Viewer, pilot: Pilot[None]) -> None:
        self.app, self._pilot = app, pilot

    @property
    def text(self) -> str:
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)

    @property
    def picture(self) -> str:
        """The screen as text, and below each line what is reversed in it: the record at the cursor, octets that are
        marked. Without colours and bars for scrolling, and where the program says its version: those change."""
        lines = []
        for strip in self.app.screen._compositor.render_strips():
            cells = [
                (letter, bool(segment.style and segment.style.reverse)) for segment in strip for letter in segment.text
            ]
            cells = cells[:-BAR]
            lines.append("".join(letter for letter, _ in cells).rstrip().replace(__version__, "VERSION"))
            marks = "".join("^" if is_reversed else " " for _, is_reversed in cells).rstrip()
            lines += [marks] if marks else []
        return "\n".join(lines) + "\n"

    async def press(self, *keys: str) -> None:
        await self._pilot.press(*keys)
        await self.settle()

    async def answer(self, key: str, text: str) -> None:
        """Presses a key that asks for a line, and gives one."""
        await self.press(key)
        self.app.query_one(Input).value = text
        await self.press("enter")

    async def settle(self) -> None:
        """Until all that it came to was looked at."""
        raise NotImplementedError

    def numbers(self) -> list[int]:
        return [self.app._number_at(at) for at in range(self.app.records.count)]
