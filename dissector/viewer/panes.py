"""The parts of the screen that draw themselves: lists of any length, octets, and the phases of a migration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Tree

from dissector.facts import Phase
from dissector.viewer.fields import Node
from dissector.views.octets import COLUMNS, Extent

CURSOR = Style(reverse=True)
MARKED = Style(reverse=True, bold=True)
DIM = Style(dim=True)

PHASES = {
    "handshake": "cyan",
    "precopy": "blue",
    "stop": "red",
    "checkpoint": "yellow",
    "transition": "magenta",
    "postcopy": "green",
    "finish": "white",
}
"""The colours of phases."""

MOVES: list[BindingType] = [
    Binding("down,j", "move(1)", "down", show=False),
    Binding("up,k", "move(-1)", "up", show=False),
    Binding("pagedown,ctrl+d,space", "move_page(1)", "page down", show=False),
    Binding("pageup,ctrl+u", "move_page(-1)", "page up", show=False),
    Binding("home", "jump(0)", "first", show=False),
    Binding("end,G", "jump(-1)", "last", show=False),
]


ASIDE = 8
"""Columns that a key moves a long line by."""


class Lines(ScrollView, can_focus=True):
    """A list of which only the lines on the screen are made."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *MOVES,
        Binding("left,h", f"aside({-ASIDE})", "left", show=False),
        Binding("right,l", f"aside({ASIDE})", "right", show=False),
    ]

    class Moved(Message):
        """Another line is at the cursor."""

    class Steered(Message):
        """Somebody has moved the cursor; a list that grows may move it by itself."""

    def __init__(self, draw: Callable[[int], tuple[str, Style]], *, id: str) -> None:
        """`draw`: the text and style of a line, from 0."""
        super().__init__(id=id)
        self._draw = draw
        self.cursor = 0
        self.count = 0

    def set_count(self, count: int) -> None:
        """So many lines are there."""
        if count != self.count:
            self.count = count
            self._fit()

    def go(self, line: int, *, centred: bool = False) -> None:
        """The cursor to a line."""
        before, self.cursor = self.cursor, max(0, min(line, self.count - 1))
        height = max(1, self.size.height)
        if centred and not self.scroll_offset.y <= self.cursor < self.scroll_offset.y + height:
            self.scroll_to(y=self.cursor - height // 2, animate=False, force=True)
        else:
            self.scroll_to_region(Region(self.scroll_offset.x, self.cursor, 1, 1), animate=False, force=True)
        self.refresh()
        if before != self.cursor or centred:
            self.post_message(self.Moved())

    def render_line(self, y: int) -> Strip:
        """What Textual asks for."""
        at, width = self.scroll_offset.y + y, self.size.width
        if at >= self.count:
            return Strip.blank(width)
        text, style = self._draw(at)
        if at == self.cursor:
            style += CURSOR
        strip = Strip([Segment(text, style)])
        return strip.adjust_cell_length(max(strip.cell_length, width + self.scroll_offset.x), style).crop(
            self.scroll_offset.x, self.scroll_offset.x + width
        )

    def on_resize(self, event: Resize) -> None:
        self._fit()

    def on_click(self, event: Click) -> None:
        self._steer(self.scroll_offset.y + event.y)

    def action_move(self, lines: int) -> None:
        self._steer(self.cursor + lines)

    def action_move_page(self, pages: int) -> None:
        self._steer(self.cursor + pages * max(1, self.size.height - 1))

    def action_jump(self, line: int) -> None:
        self._steer(line if line >= 0 else self.count - 1)

    def _steer(self, line: int) -> None:
        self.post_message(self.Steered())
        self.go(line)

    def action_aside(self, columns: int) -> None:
        most = max(0, WIDEST - self.size.width)
        self.scroll_to(x=max(0, min(self.scroll_offset.x + columns, most)), animate=False, force=True)
        self.refresh()

    def _fit(self) -> None:
        self.virtual_size = Size(WIDEST, self.count)
        self.refresh()


WIDEST = 240
"""Columns of a record's line that can be scrolled to."""


class Fields(Tree[Node]):
    """The fields of a record, opened and shut as in Wireshark."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "down", show=False),
        Binding("k", "cursor_up", "up", show=False),
        Binding("G", "last", "last", show=False),
        Binding("right,l", "open", "open", show=False),
        Binding("left,h", "shut", "shut", show=False),
    ]

    def action_last(self) -> None:
        self.cursor_line = self.last_line

    def action_open(self) -> None:
        """Opens the field, or goes to the first one in it."""
        node = self.cursor_node
        if node is not None and node.allow_expand:
            if node.is_expanded:
                self.action_cursor_down()
            else:
                node.expand()

    def action_shut(self) -> None:
        """Shuts the field, or goes to the one that it is in."""
        node = self.cursor_node
        if node is None:
            return
        if node.is_expanded and node.allow_expand:
            node.collapse()
        elif node.parent is not None and not node.parent.is_root:
            self.move_cursor(node.parent)


class Octets(ScrollView, can_focus=True):
    """The octets of a record, with those of a field marked."""

    BINDINGS: ClassVar[list[BindingType]] = MOVES

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._octets, self._missing = b"", 0
        self.marked: Extent | None = None

    def show(self, octets: bytes, missing: int) -> None:
        """Those of another record; `missing`: how many of it are not kept."""
        self._octets, self._missing, self.marked = octets, missing, None
        self.virtual_size = Size(10 + 4 * COLUMNS, -(-len(octets) // COLUMNS) + bool(missing))
        self.scroll_home(animate=False, force=True)
        self.refresh()

    def mark(self, extent: Extent | None) -> None:
        """A field's."""
        self.marked = extent
        if extent is not None:
            line = extent.offset // COLUMNS
            self.scroll_to_region(Region(0, line, 1, 1), animate=False, force=True)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """What Textual asks for."""
        at = (self.scroll_offset.y + y) * COLUMNS
        part = self._octets[at : at + COLUMNS]
        if not part:
            is_next = at < len(self._octets) + COLUMNS and self._missing
            words = f"{self._missing:,} more are not kept (page contents, a long body)" if is_next else ""
            return Strip([Segment(words, DIM)]).adjust_cell_length(self.size.width)
        begin, end = (self.marked.offset, self.marked.offset + self.marked.length) if self.marked else (0, 0)
        styles = [MARKED if begin <= at + place < end else Style() for place in range(COLUMNS)]
        segments = [Segment(f"{at:06x} ", DIM)]
        for place, octet in enumerate(part):
            gap = MARKED if place and begin < at + place < end else Style()
            segments += [Segment(" ", gap), Segment(f"{octet:02x}", styles[place])]
        segments.append(Segment("   " * (COLUMNS - len(part)) + "  "))
        segments += [
            Segment(chr(octet) if 32 <= octet < 127 else ".", styles[place]) for place, octet in enumerate(part)
        ]
        left = self.scroll_offset.x
        return Strip(segments).crop(left, left + self.size.width).adjust_cell_length(self.size.width)

    def action_move(self, lines: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, force=True)

    def action_move_page(self, pages: int) -> None:
        self.action_move(pages * max(1, self.size.height - 1))

    def action_jump(self, line: int) -> None:
        self.scroll_to(y=0 if line == 0 else self.virtual_size.height, animate=False, force=True)


class Strips(Widget):
    """The phases of a migration as bands over time, and where the cursor is among them."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._phases: Sequence[Phase] = ()
        self._time = 0

    def show(self, phases: Sequence[Phase], time: int) -> None:
        """`time`: of the record at the cursor, ns since the epoch."""
        self._phases, self._time = phases, time
        self.refresh()

    def render(self) -> Text:
        """What Textual asks for."""
        width, phases = self.size.width, [phase for phase in self._phases if phase.end_time]
        if not phases or width < 2:
            return Text("")
        start, end = phases[0].start_time, max(phase.end_time for phase in phases)
        if end <= start:
            return Text(" ".join(phase.name for phase in phases))

        def column(time: int) -> int:
            return max(0, min(width - 1, (time - start) * (width - 1) // (end - start)))

        bands, names = [" "] * width, [""] * width
        for phase in phases:
            first, last = column(phase.start_time), column(phase.end_time)
            label = phase.name.ljust(last - first + 1)[: last - first + 1]
            for at in range(first, last + 1):
                bands[at], names[at] = label[at - first], phase.name
        text = Text()
        for sign, name in zip(bands, names, strict=True):
            text.append(sign, Style(color="black", bgcolor=PHASES[name]) if name else Style())
        marker = Text("\n" + " " * column(self._time) + "▲", Style(bold=True))
        return text + marker
