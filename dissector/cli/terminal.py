"""What a command prints when a person watches: colours, lines as wide as the terminal, and a pager for what is long.

Views make plain text, and octets of a capture are escaped in it before it comes here; a style is put around what a row
of STYLES finds in a line. So a text out of a capture can have a colour that it does not deserve, and nothing else.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import groupby
from textwrap import wrap
from typing import TextIO, TypeAlias

RED, GREEN, YELLOW, BLUE, CYAN, DIM, BOLD, BOLD_RED = "31", "32", "33", "34", "36", "2", "1", "1;31"
"""SGR parameters (ECMA-48, 8.3.117)."""

Styles: TypeAlias = Sequence[tuple[str, str]]
"""What is looked for in a line, a pattern, and the style of its group 1."""

RECORD = r"^(?:[>|] |  )?(?:  [>|] )? *\d+ +\S+ (?:\d+ )?(?:->|<-) "
SEVERITIES = (
    (r"^(?:  )?(error\[[\w-]+\])", BOLD_RED),
    (r"^(?:  )?(warning\[[\w-]+\])", YELLOW),
    (r"^(?:  )?(note\[[\w-]+\])", CYAN),
)
RECORDS = (
    (rf"{RECORD}\S+ +\d+  (POSTCOPY_FAULT .*)", RED),
    (rf"{RECORD}\S+ +\d+  (POSTCOPY_PAGE_DATA .*)", GREEN),
    (rf"{RECORD}\S+ +\d+  ((?:POSTCOPY|CHECKPOINT|STATIC|COLO|END)\w*)", CYAN),
    (rf"{RECORD}(xl) ", BLUE),
    (r"(\[(?:incomplete|resynchronised|postcopy-transition-missing).*\])$", YELLOW),
)
HEAD = (r"^(==> .* <==)$", BOLD)
DIFFERENT = ((r"^(\S.*)$", BOLD),)

STYLES: Mapping[str, Styles] = {
    "read": (HEAD, *RECORDS, (r"^(        .*)$", DIM)),
    "check": (
        *SEVERITIES,
        (r"^  (-->)", BLUE),
        (r"^  \|( +\^\^.*)$", RED),
        (r"^  (= )", BLUE),
        *RECORDS,
    ),
    "analyze": (
        HEAD,
        (r"^(Migration \d+ .*)$", BOLD),
        (r"^  outcome +(completed\b[^:]*)", GREEN),
        (r"^  outcome +((?!completed)[^:]+)", RED),
        (r"^ +(error \S+)", RED),
        (r"^ +(warning \S+)", YELLOW),
        (r"^  ([a-z]\S*(?: \S+)?)  +", BLUE),
    ),
    "faults": (
        HEAD,
        (r"^(.* in flight)$", CYAN),
        (r"^(.* not seen)$", RED),
        (r"^(Migration \d+)", BOLD),
        (r"^( *time .*)$", BOLD),
    ),
    "guest": DIFFERENT,
    "diff": DIFFERENT,
    "rules": ((r"^  ([a-z0-9]+(?:-[a-z0-9]+)+)", BOLD),),
}
"""Of each command that has colours and a pager: the first row that fits a line is taken, of `check` and the like."""


def painted(styles: Styles, line: str) -> str:
    """A line with the style of the first row that finds something in it."""
    for pattern, style in styles:
        found = re.search(pattern, line)
        if found is not None:
            start, end = found.span(1)
            return f"{line[:start]}\x1b[{style}m{line[start:end]}\x1b[0m{line[end:]}"
    return line


NARROWEST, WIDEST = 80, 110
"""Columns of a terminal below which nothing is made to fit, and of text that is wrapped."""

FRAME = re.compile(r"  [|>] ")
"""What stands before the lines of a finding's place."""

OCTETS = re.compile(r"[0-9a-f]{4}  (?:[0-9a-f]{2} ){8}|^  \|? +\^\^")
"""Octets and the marks below them: they stand where they stand."""

OCTETS_WIDE = 83
"""Columns of such a line within a frame."""

COMMAND = re.compile(r"^  (?:= xenshark|xenshark|xl|sudo|tcpdump|tshark|duckdb) (?!.*\S {2,}\S)")
"""What a person copies, with no words beside it."""

COLUMN = re.compile(r"(?<=\S) {2,}(?=\S)")


def folded(line: str, width: int) -> list[str]:
    """A line in pieces of at most so many columns, without breaking a word: the further ones stand below a column that
    leaves them room, or are indented."""
    frame = FRAME.match(line)
    if OCTETS.search(line):
        spare = 0 if frame is None else max(0, OCTETS_WIDE - width)
        return [line[:3] + line[3 + spare :]]
    if len(line) <= width or COMMAND.search(line):
        return [line]
    columns = [
        gap.end() for gap in COLUMN.finditer(line, 0 if frame is None else frame.end()) if gap.end() <= 3 * width // 5
    ]
    hang = columns[-1] if columns else len(line) - len(line.lstrip()) + 2
    indent = " " * hang if frame is None else f"  |{' ' * max(1, hang - 3)}"
    return wrap(
        line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False, replace_whitespace=False
    )


def fitted(text: str) -> str:
    """Text as wide as the terminal, if standard output is one: paragraphs are filled anew, other lines folded."""
    if not sys.stdout.isatty():
        return text
    columns = max(NARROWEST, shutil.get_terminal_size().columns)
    found: list[str] = []
    for is_paragraph, lines in groupby(text.split("\n"), _is_of_paragraph):
        those = list(lines)
        if not is_paragraph or max(map(len, those)) <= columns:
            found += (piece for line in those for piece in folded(line, columns))
        else:
            found += wrap(" ".join(those), columns, break_long_words=False, break_on_hyphens=False)
    return "\n".join(found)


def _is_of_paragraph(line: str) -> bool:
    return bool(line) and not line[0].isspace() and not COLUMN.search(line)


def width(widest: int = WIDEST) -> int:
    """How wide text may be: as the terminal, within bounds; the widest where there is none."""
    return max(NARROWEST, min(widest, shutil.get_terminal_size().columns)) if sys.stdout.isatty() else widest


@contextmanager
def watched(arguments: argparse.Namespace) -> Iterator[None]:
    """Standard output as the person who watches it wants it, for one command."""
    styles = STYLES[arguments.command]
    if not _is_for_people(arguments):
        yield
        return
    is_terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    has_colours = {"always": True, "never": False}.get(arguments.color, is_terminal and not os.environ.get("NO_COLOR"))
    is_live = "-" in (getattr(arguments, "files", None) or ())
    pager = _pager() if is_terminal and arguments.pager and not is_live else None
    if not has_colours and not is_terminal:
        yield
        return
    before = sys.stdout
    columns = max(NARROWEST, shutil.get_terminal_size().columns) if is_terminal else None
    out = Screen(before, pager, partial(_shown, styles if has_colours else (), columns))
    sys.stdout = out
    try:
        yield
    finally:
        sys.stdout = before
        out.finish()


def _shown(styles: Styles, width: int | None, line: str) -> str:
    """A line as it is on the screen; `width`: None where there is none."""
    pieces = [line] if width is None else folded(line, width)
    return "\n".join(painted(styles, piece) for piece in pieces)


def _is_for_people(arguments: argparse.Namespace) -> bool:
    """Whether the command prints text, and nothing that a program reads."""
    given = vars(arguments)
    machine = given.get("json") or given.get("form") or given.get("columns")
    return not machine and given.get("format") in (None, "full", "concise")


def _pager() -> list[str] | None:
    """The program that shows long output, as git finds it; None: there is none."""
    named = os.environ.get("XENSHARK_PAGER", os.environ.get("PAGER", "less"))
    try:
        words = shlex.split(named)
    except ValueError:
        return None
    return words if words and words != ["cat"] and shutil.which(words[0]) else None


class Screen(io.TextIOBase):
    """Paints and folds whole lines and hands them on, to a pager if there is one, which starts with the first of them.

    While it runs standard error is kept back: it would be written over the pager's picture.
    """

    def __init__(self, out: TextIO, pager: list[str] | None, paint: Callable[[str], str]) -> None:
        self._out, self._pager, self._paint = out, pager, paint
        self._begun = ""
        self._process: subprocess.Popen[str] | None = None
        self._errors: TextIO | None = None

    def isatty(self) -> bool:
        return self._out.isatty()

    def fileno(self) -> int:
        return self._out.fileno()

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        if lines:
            self._write("".join(f"{self._paint(line)}\n" for line in lines))
        return len(text)

    def flush(self) -> None:
        if self._process is None or self._process.stdin is None:
            self._out.flush()
        else:
            self._process.stdin.flush()

    def finish(self) -> None:
        """Nothing follows: waits until the person has seen enough, and says what had to wait."""
        with suppress(BrokenPipeError):
            if self._begun:
                self._write(self._paint(self._begun))
            self.flush()
        if self._process is None:
            return
        # Ctrl-C is for the pager from here on, in which it may end a search.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with suppress(BrokenPipeError):
                self._process.communicate()
        finally:
            signal.signal(signal.SIGINT, before)
        if self._errors is not None:
            kept, sys.stderr = sys.stderr, self._errors
            if isinstance(kept, io.StringIO):
                sys.stderr.write(kept.getvalue())

    def _write(self, text: str) -> None:
        if self._process is None and self._pager is not None:
            # As git has it: what fits the screen is printed and left there, colours are shown as such.
            environment = {"LESS": "FRX", **os.environ}
            with suppress(OSError):
                self._out.flush()
                self._process = subprocess.Popen(
                    self._pager, stdin=subprocess.PIPE, text=True, errors="backslashreplace", env=environment
                )
                self._errors, sys.stderr = sys.stderr, io.StringIO()
            self._pager = None
        target = self._out if self._process is None else self._process.stdin
        assert target is not None
        target.write(text)
