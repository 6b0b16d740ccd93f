"""The program: what is on the screen, and what each key does."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input as Line
from textual.widgets import Static, Tab, Tabs, Tree
from textual.widgets.tree import TreeNode

from dissector import __version__
from dissector.analysis import Analysis
from dissector.capture.joined import FileSet
from dissector.errors import UserError
from dissector.events import Event, Record
from dissector.facts import Link, Linker, role_of
from dissector.filter import FilterError, parse
from dissector.filter.fields import Around, Row, records
from dissector.output import keep_inputs, whole
from dissector.protocol import Role
from dissector.rules import RULES
from dissector.rules.findings import Finding
from dissector.units import printable, size
from dissector.viewer.fields import Node, inside, nodes
from dissector.viewer.index import Again, Index
from dissector.viewer.jobs import Job, Loading, Work
from dissector.viewer.panes import Fields, Lines, Octets, Strips
from dissector.views.fields_at import extent_of
from dissector.views.octets import kept
from dissector.views.records import TIMES, line
from dissector.views.rules import explain

EVERY = 0.1
"""Seconds from one look at the jobs to the next."""

TABS_MAX = 32
"""Migrations with a tab of their own."""

ALL = "all"

RULE = "rule"
"""The field whose values are known at the end."""

STYLES = {Role.POSTCOPY_FAULT: Style(color="red"), Role.POSTCOPY_PAGES: Style(color="green")}
"""Of records with these roles; others by OTHERS."""

MARKS = {"error": ("E", Style(color="bright_red", bold=True)), "warning": ("W", Style(color="yellow"))}
"""What stands before a record that breaks a rule."""

KEYS = (
    ("up down j k", "a record up, down"),
    ("PgUp PgDn", "a screen (also ^U ^D Space)"),
    ("Home End G", "first, last record"),
    ("left right h l", "aside; shut and open a field"),
    ("Tab Shift+Tab", "other pane"),
    ("Enter", "open a field"),
    ("[ ]", "other migration"),
    ("t", "other form of time"),
    ("/", "search in lines; again with Enter alone"),
    ("f", "filter, as read -Y; empty: all records"),
    ("n", "next finding"),
    ("e", "explain the rule it breaks"),
    ("a", "from a fault to its page, and back"),
    ("g", "go to N, frame:F, offset:O"),
    ("x", "extract this migration into a file"),
    ("?", "this"),
    ("q", "quit"),
)

HELP = (
    "\nThe list has the records in the order in which they ended on the wire: number, time, direction, layer, octets,"
    " name. E or W before a record: an error, a warning. Below it are its fields and its octets; those of the field at"
    " the cursor are marked. The band on top shows the phases of the migration, and where the record is among them.\n"
)


class Page(ModalScreen[None]):
    """A text before the rest."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter,question_mark,e", "dismiss", "close")]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="page"):
            yield Static(self._text, markup=False)


@dataclass
class Question:
    """What the line at the bottom asks for, and what becomes of the answer."""

    words: str
    answer: Callable[[str], None]


class Viewer(App[None]):
    """A migration to walk through."""

    CSS = """
    Screen { layout: vertical; }
    #tabs { height: 2; }
    #phases { height: 2; }
    #records { height: 2fr; overflow-x: hidden; }
    #below { height: 1fr; border-top: solid $primary; }
    #fields { width: 1fr; }
    #octets { width: 76; border-left: solid $primary; overflow-x: hidden; }
    .-narrow #below { layout: vertical; height: 2fr; }
    .-narrow #fields { width: 100%; height: 1fr; }
    .-narrow #octets { width: 100%; height: 1fr; border-left: none; border-top: solid $primary; }
    #said { height: auto; max-height: 4; color: $text-warning; display: none; }
    #status { height: 1; background: $panel; }
    #line { height: 1; border: none; padding: 0; display: none; }
    Page { align: center middle; }
    #page { width: 108; max-width: 95%; height: auto; max-height: 90%; border: round $primary; padding: 1 2;
            background: $surface; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (112, "-wide")]  # noqa: RUF012 (as Textual has it)
    ENABLE_COMMAND_PALETTE = False
    HELP_TEXT = HELP
    TITLE = "xenshark"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "search"),
        Binding("f", "filter", "filter"),
        Binding("a", "answer", "fault or page"),
        Binding("n", "finding", "next finding"),
        Binding("e", "explain", "explain"),
        Binding("t", "time", "time"),
        Binding("g", "go", "go to"),
        Binding("x", "extract", "extract"),
        Binding("question_mark", "help", "help"),
        Binding("right_square_bracket", "migration(1)", "next migration"),
        Binding("left_square_bracket", "migration(-1)", "migration before"),
        Binding("escape", "close", "close", show=False),
        Binding("q", "quit", "quit"),
        Binding("ctrl+c", "interrupt", "interrupt", show=False),
    ]

    def __init__(
        self, files: FileSet, keylog: str | None = None, display_filter: str = "", index: Index | None = None
    ) -> None:
        """Raises UserError if the input cannot be read, or the filter is none."""
        super().__init__()
        if display_filter:
            parse(display_filter, records())
        self._files, self._keylog = files, keylog
        self.index, self._analysis = index or Index(), Analysis()
        self.job = self._load()
        self._again: Work | None = None
        self._choosing: Work | None = None
        self._searching: Work | None = None
        self._chosen: array[int] | None = None
        """The numbers of the records that a filter or a tab leaves, as far as they are known; None: all."""
        self._looked_at = self._tab_count = 0
        self._migration: int | None = None
        self.filter = display_filter
        self._searched, self._matches = "", array("I")
        self._time = next(iter(TIMES))
        self._question: Question | None = None
        self._is_concluded = False
        self.is_interrupted = False
        """Whether Ctrl-C ended it."""
        self._found = 0
        """Findings that were noted."""
        self._answered: dict[int, int] = {}
        self._findings: dict[int, list[Finding]] = {}

    # The screen

    def compose(self) -> ComposeResult:
        yield Tabs(Tab("all migrations", id=ALL), id="tabs")
        yield Strips(id="phases")
        yield Lines(self._draw, id="records")
        with Horizontal(id="below"):
            tree = Fields("", id="fields")
            tree.show_root, tree.guide_depth = False, 2
            yield tree
            yield Octets(id="octets")
        yield Static("", id="said", markup=False)
        yield Static("", id="status", markup=False)
        yield Line(id="line", select_on_focus=False)

    def on_mount(self) -> None:
        # Kept, because a page before the rest is what would be asked meanwhile.
        self.tabs, self.phases = self.query_one(Tabs), self.query_one(Strips)
        self.status, self.said = self.query_one("#status", Static), self.query_one("#said", Static)
        self.line, self.records = self.query_one(Line), self.query_one(Lines)
        self.octets = self.query_one(Octets)
        self.fields = self.query_one(Fields)
        self.records.focus()
        self.job.start()
        self.set_interval(EVERY, self._look)
        self._choose(self.filter, None)

    def on_unmount(self) -> None:
        for job in (self.job, self._again, self._choosing, self._searching):
            if job is not None:
                job.cancel()

    def _look(self) -> None:
        """What the jobs have brought since."""
        self._add_tabs()
        if self._chosen is None:
            self.records.set_count(self.index.count)
        else:
            if self.filter == "" and self._migration is not None:
                begin, self._looked_at = self._looked_at, self.index.count
                self._chosen.extend(self.index.of_migration(self._migration, begin + 1, self._looked_at + 1))
            # What is filtered may be ahead of what is loaded.
            self.records.set_count(bisect_right(self._chosen, self.index.count))
        if self._again is not None and self._again.is_done:
            self._again = None
            self._show()
            self.records.refresh()
        if self._searching is not None and self._searching.is_done:
            self._searching = None
            self._go_to_match()
        self._note_findings()
        if not self._is_concluded:
            self._show_phases()
        if self.job.is_done and not self._is_concluded:
            self._is_concluded = True
            if self.job.trouble:
                self.say(self.job.trouble)
        if self.records.count and not self.fields.root.children:
            self._show()
        self._say_how_far()

    def _add_tabs(self) -> None:
        if not self.tabs.query("#tabs-list"):  # it comes to be after the first look, and goes before the last
            return
        # Counted here, as a tab is there some time after it was added.
        for migration, _ in self._analysis.migrations[self._tab_count : TABS_MAX]:
            self._tab_count += 1
            flow = "" if migration.flow is None else f" {migration.flow}"
            self.tabs.add_tab(Tab(Text(printable(f"{migration.number}{flow}")), id=f"m{migration.number}"))

    def _note_findings(self) -> None:
        """Those of every record, if there are others than before."""
        checkers = [checker for _, checker in self._analysis.migrations]
        count = sum(len(checker.findings) for checker in checkers)
        if count == self._found:
            return
        self._found = count
        found: dict[int, list[Finding]] = {}
        for checker in checkers:
            for finding in checker.findings:
                if finding.number is not None:
                    found.setdefault(finding.number, []).append(finding)
        self._findings = found
        self.records.refresh()

    def _say_how_far(self) -> None:
        here = f"record {self.number:,}" if self.number else "no record"
        shown = (
            f"{self.records.count:,} of {self.index.count:,}" if self._chosen is not None else f"{self.index.count:,}"
        )
        self.status.update(
            printable(" | ".join([PurePath(self._files.name).name, f"{here} of {shown}", *self._words()]))
        )

    def _words(self) -> list[str]:
        """What goes on, and what else there is to know."""
        under_way = (self.job, self._choosing, self._searching, self._again)
        jobs = [job.words for job in under_way if job is not None and not job.is_done]
        return [*jobs, *([f"filter: {self.filter}"] if self.filter else []), "? help"]

    # Records

    @property
    def number(self) -> int:
        """Of the record at the cursor; 0: there is none."""
        return self._number_at(self.records.cursor) if self.records.count else 0

    def _number_at(self, line: int) -> int:
        return line + 1 if self._chosen is None else self._chosen[line]

    def _draw(self, at: int) -> tuple[str, Style]:
        number = self._number_at(at)
        place = self.index.place(number)
        first = self.job.first_time or 0
        before = self.index.place(self._number_at(at - 1)).time if at else place.time
        time = TIMES[self._time](place.time, first, before) if place.time else "-"
        findings = self._findings.get(number, ())
        mark, style = next((MARKS[one.severity] for one in findings if one.severity in MARKS), (" ", Style()))
        one = self.index.kept(number)
        if one is None:
            words = f"{number:>6} {time:>12} {'->' if place.direction == 'forward' else '<-'} {place.name} ..."
            return mark + words, style
        record, links = one
        several = self._migration is None and len(self._analysis.migrations) > 1
        role = role_of(record)
        own = STYLES.get(role) if role is not None else None
        own = own or (Style(color="cyan") if record.is_header or record.is_text else Style())
        return mark + line(record, links, number, time, several), style if mark != " " else own

    def on_lines_steered(self) -> None:
        self.say("")

    def on_lines_moved(self, message: Lines.Moved) -> None:
        self._show()
        self._say_how_far()

    def _show_phases(self) -> None:
        """Those of the migration at the cursor, as far as they are known."""
        if self.number:
            place = self.index.place(self.number)
            phases = next((m.phases for m, _ in self._analysis.migrations if m.number == place.migration), ())
            self.phases.show(list(phases), place.time)

    def _show(self) -> None:
        """The fields and the octets of the record at the cursor."""
        number = self.number
        self.fields.clear()
        if not number:
            self.octets.show(b"", 0)
            return
        one = self.index.kept(number)
        self._show_phases()
        if one is None:
            self.octets.show(b"", 0)
            self.fields.root.add_leaf(self._bring_back(number))
            return
        for node in nodes(one.record):
            self._grow(self.fields.root, node)
        self.octets.show(*kept(one.record))
        if number in self._findings:
            self.octets.mark(extent_of(self._findings[number][0], one.record))

    def _grow(self, root: TreeNode[Node], node: Node) -> None:
        root.add(Text(node.words), node, allow_expand=node.inside is not None)

    def on_tree_node_expanded(self, event: Tree.NodeExpanded[Node]) -> None:
        if event.node.data is not None and not event.node.children:
            for node in inside(event.node.data):
                self._grow(event.node, node)

    def on_tree_node_highlighted(self, event: Tree.NodeHighlighted[Node]) -> None:
        self.octets.mark(event.node.data.extent if event.node.data is not None else None)

    # What is read beside the picture

    def _load(self) -> Loading:
        """What brings every record to the index and to the analysis."""
        return Job("loading", self._files, self._keylog, self._analysis.add, self.index.add, end=self._analysis.finish)

    def _bring_back(self, number: int) -> str:
        """A record that there was no room for; in words, what becomes of it."""
        if self._again is None:
            again = Again(self.index, number)
            self._again = self._start("reading again", again.add, end=again.finish)
        return "is read again ..."

    def _each(self, what: str, take: Callable[[Record, Sequence[Link]], None]) -> Work | None:
        """Each record with its links; from the file and not from the index, which may have let go of it."""
        linker = Linker(take)
        return self._start(what, linker.add, end=linker.finish)

    def _start(self, what: str, *takers: Callable[[Event], object], end: Callable[[], object]) -> Job | None:
        try:
            job = Job(what, self._files, self._keylog, *takers, end=end)
        except UserError as error:  # it is gone meanwhile
            self.say(str(error))
            return None
        job.start()
        return job

    def _go_to(self, number: int) -> None:
        """To a record; the filter goes where it hides it."""
        self.say("")
        if self._chosen is not None and number in self._chosen:
            self.records.go(self._chosen.index(number), centred=True)
            return
        was_hidden = self._chosen is not None
        if was_hidden:
            self._choose("", None)
            self.records.set_count(self.index.count)
        self.records.go(number - 1, centred=True)
        if was_hidden:
            self.say(f"record {number} was hidden: all records are shown again")

    # Questions and messages

    def ask(self, words: str, value: str, answer: Callable[[str], None]) -> None:
        """Asks for a line."""
        self._question = Question(words, answer)
        self.line.placeholder, self.line.value, self.line.display = words, value, True
        self.line.focus()
        self.say(words)

    def say(self, words: str) -> None:
        """A message, until somebody goes to another record or there is another message."""
        self.said.update("\n".join(map(printable, words.split("\n"))))
        self.said.display = bool(words)

    def on_input_submitted(self, event: Line.Submitted) -> None:
        question, self._question = self._question, None
        self.action_close()
        if question is not None:
            question.answer(event.value.strip())

    def action_close(self) -> None:
        self.line.display = False
        self.say("")
        self.records.focus()

    # Keys

    def action_interrupt(self) -> None:
        self.is_interrupted = True
        self.exit()

    def action_help(self) -> None:
        keys = "\n".join(f"{key:<16} {what}" for key, what in KEYS)
        self.push_screen(Page(f"xenshark {__version__}\n\n{keys}\n{self.HELP_TEXT}"))

    def action_time(self) -> None:
        names = list(TIMES)
        self._time = names[(names.index(self._time) + 1) % len(names)]
        self.say(f"time: {self._time}")
        self.records.refresh()

    def action_filter(self) -> None:
        self.ask("filter, as xenshark read -Y takes it; empty: all records", self.filter, self._set_filter)

    def _set_filter(self, expression: str) -> None:
        try:
            self._choose(expression, self._migration)
            if RULE in expression and not self.job.is_done:
                self.say("rules are known when all is loaded: filter again then")
        except FilterError as error:
            self.action_filter()
            self.line.value = expression
            self.say("\n".join((str(error), *error.excerpt)))

    def _choose(self, expression: str, migration: int | None) -> None:
        """Which records are shown. Raises FilterError."""
        asked = parse(expression, records()).matches if expression else None
        here = self.number
        if self._choosing is not None:
            self._choosing.cancel()
            self._choosing = None
        self.filter, self._migration, self._looked_at = expression, migration, 0
        self._chosen = None if asked is None and migration is None else array("I")
        self.records.set_count(0)
        self.records.go(0)
        if asked is not None:
            self._choosing = self._filtering(asked, migration, self._chosen)
        self._look()
        if self._chosen is None and here:
            self.records.go(here - 1, centred=True)

    def _rules(self) -> dict[int, list[str]]:
        """The rules that each record breaks."""
        return {number: [one.rule for one in found] for number, found in self._findings.items()}

    def _filtering(self, asked: Callable[[Row], bool], migration: int | None, chosen: Any) -> Work | None:
        around = Around(self.job.first_time, self._rules())

        def take(record: Record, links: Sequence[Link]) -> None:
            if migration in (None, record.migration) and asked(Row(record, links, around)):
                chosen.append(record.number)

        linker = Linker(take)
        return self._start("filtering", around.note, linker.add, end=linker.finish)

    def action_migration(self, step: int) -> None:
        (self.tabs.action_next_tab if step > 0 else self.tabs.action_previous_tab)()

    def on_tabs_tab_activated(self, event: Tabs.TabActivated) -> None:
        name = event.tab.id or ALL
        migration = None if name == ALL else int(name[1:])
        if migration != self._migration:
            self._choose(self.filter, migration)
            self._show()

    def action_search(self) -> None:
        self.ask(f"search in lines; empty: {self._searched or 'nothing'} again", "", self._search)

    def _search(self, text: str) -> None:
        if text and text != self._searched:
            self._searched, self._matches, wanted = text, array("I"), text.lower()
            matches = self._matches

            def take(record: Record, links: Sequence[Link]) -> None:
                if wanted in line(record, links, record.number, "").lower():
                    matches.append(record.number)

            if self._searching is not None:
                self._searching.cancel()
            self._searching = self._each("searching", take)
        elif self._searched and self._searching is None:
            self._go_to_match()

    def _go_to_match(self) -> None:
        """To the next line that was found, behind the last one to the first."""
        shown = None if self._chosen is None else set(self._chosen)
        found = [number for number in self._matches if shown is None or number in shown]
        if found:
            self._go_to(next((number for number in found if number > self.number), found[0]))
        else:
            self.say(f"no line has {self._searched}")

    def action_answer(self) -> None:
        one = self.index.kept(self.number) if self.number else None
        if one is None or not one.links:
            is_fault = one is not None and role_of(one.record) is Role.POSTCOPY_FAULT
            self.say("no answer was seen" if is_fault else "no fault, and no page that answers one")
            return
        came_from = self._answered.get(self.number)
        numbers = [link.record.number for link in one.links]
        target = came_from if came_from in numbers else numbers[0]
        self._answered[target] = self.number
        self._go_to(target)

    def action_finding(self) -> None:
        if not self._findings:
            self.say("no findings" if self.job.is_done else "no findings so far")
            return
        numbers = sorted(self._findings)
        number = next((one for one in numbers if one > self.number), numbers[0])
        self._go_to(number)
        self.say("\n".join(f"{one.severity}[{one.rule}] {one.message}" for one in self._findings[number][:3]))

    def action_explain(self) -> None:
        found = self._findings.get(self.number, ())
        if not found:
            self.say("this record breaks no rule; n goes to the next that does")
            return
        texts = [f"{one.message}\n\n" + "\n".join(explain(RULES[one.rule])) for one in found]
        self.push_screen(Page("\n".join(map(printable, "\n\n\n".join(texts).split("\n")))))

    def action_go(self) -> None:
        self.ask("go to: N, frame:F or offset:O", "", self._go)

    def _go(self, text: str) -> None:
        what, _, number = text.rpartition(":")
        if what not in ("", "record", "frame", "offset") or not (number.isascii() and number.isdecimal()):
            self.say(f"{text} is no place: N, frame:F or offset:O")
            return
        found = self.index.numbers_at(what or "record", int(number[:18]))
        here = self.index.place(self.number) if self.number else None
        same = [one for one in found if here and self.index.place(one)[:2] == here[:2]]
        if found:
            self._go_to((same or found)[0])
        else:
            self.say(f"no record is at {text}")

    def action_extract(self) -> None:
        if self.number:
            migration = self.index.place(self.number).migration
            self.ask(
                f"write migration {migration} as pcapng into", f"migration-{migration}.pcapng", self._extract(migration)
            )

    def _extract(self, migration: int) -> Callable[[str], None]:
        def answer(name: str) -> None:
            if name:
                self.say(f"writing {name} ...")
                self.run_worker(lambda: self._write(migration, name), thread=True, exit_on_error=False)

        return answer

    def _write(self, migration: int, name: str) -> None:
        # Imported here: hardly anybody asks for it, and everybody waits for the first screen.
        from dissector.recording import extraction

        try:
            keep_inputs(name, self._files.paths)
            written = 0
            parts = extraction.find(self._files, migration), extraction.Kept()
            with whole(name) as file:
                for piece in extraction.capture(*parts, f"xenshark {__version__} extract"):
                    written += file.write(piece)
            said = f"{name}: {size(written)}"
        except UserError as error:
            said = str(error)
        self.call_from_thread(self.say, said)
