"""`xenshark manual`: the manual page, made of what `--help` says."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from typing import Any

from dissector import __version__

WIDTH = 78
"""Columns of a line of usage; man leaves a margin of 80."""

EPILOG = """\
`pip install .` puts the same page into share/man/man1, where man finds it if
xenshark is run as bin/xenshark beside that.

examples:
  xenshark manual | man -l -
  xenshark manual > ~/.local/share/man/man1/xenshark.1
"""


def add(subparsers: Any) -> None:
    """What the command takes."""
    subparsers.add_parser(
        "manual",
        help="print the manual page",
        description="Prints the manual page xenshark(1), in man's format.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def run(arguments: argparse.Namespace) -> int:
    print(page(), end="")
    return 0


def page() -> str:
    """The page, the same however wide the terminal is."""
    from dissector.cli import whole_parser

    parser, commands = whole_parser()
    for command in commands.values():
        command.formatter_class = partial(command.formatter_class, width=WIDTH)  # type: ignore[call-arg]  # every class of argparse takes it
    return "".join(f"{line}\n" for line in _page(parser, commands))


def _page(parser: argparse.ArgumentParser, commands: dict[str, argparse.ArgumentParser]) -> Iterator[str]:
    """Source of the format: man(7)."""
    yield f'.TH XENSHARK 1 "" "xenshark {__version__}" "User Commands"'
    yield from (".SH NAME", r"xenshark \- dissect and analyze Xen live migrations")
    yield from (".SH SYNOPSIS", r".B xenshark", r"\fICOMMAND\fR [\fIOPTION\fR...] [\fIFILE\fR...]")
    yield from (".SH DESCRIPTION", _escaped(parser.description or ""))
    yield ".SH COMMANDS"
    for command in commands.values():
        yield from (".SS " + _escaped(command.format_usage().removeprefix("usage: ").split()[1]),)
        yield _escaped(command.description or "")
        yield from (".PP", ".nf", _escaped(command.format_usage().rstrip()), ".fi")
        for action in command._actions:
            yield from _option(command, action)
        if command.epilog:
            yield from (".PP", ".nf", _escaped(command.epilog.rstrip()), ".fi")
    yield from (".SH EXAMPLES", ".nf", _escaped((parser.epilog or "").rstrip()), ".fi")


def _option(parser: argparse.ArgumentParser, action: argparse.Action) -> Iterator[str]:
    formatter = parser._get_formatter()
    if action.help == argparse.SUPPRESS or action.dest == "help":
        return
    yield ".TP"
    yield rf"\fB{_escaped(formatter._format_action_invocation(action))}\fR"
    yield _escaped(formatter._expand_help(action) if action.help else "")


def _escaped(text: str) -> str:
    """Text as man prints it: a line that begins with a dot or a quote would be a request."""
    lines = text.replace("\\", r"\e").replace("-", r"\-").split("\n")
    return "\n".join(rf"\&{line}" if line.startswith((".", "'")) else line for line in lines)
