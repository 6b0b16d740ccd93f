"""`xenshark completion`: what a shell needs to complete commands, options, files and fields."""

from __future__ import annotations

import argparse
from typing import Any

from dissector.errors import UserError

SHELLS = ("bash", "zsh", "fish")

SCOPES = {"read": "records", "faults": "faults", "check": "findings", "view": "records"}
"""The fields that a command's filters and columns can name."""

FILES = ("FILE", "KEYS", "REPORT", "PICTURE", "OUT", "A", "B", "FILE|DIR/")
FOLDERS = ("DIR", "DATASET")
INPUTS = ("FILE", "INPUT")
"""What stands for them in the usage; an input is a file or a folder."""

EPILOG = """\
bash:  xenshark completion bash > ~/.local/share/bash-completion/completions/xenshark
zsh:   xenshark completion zsh > DIR/_xenshark, where DIR is in $fpath
fish:  xenshark completion fish > ~/.config/fish/completions/xenshark.fish

-e and -Y complete the names of fields; `rules`, --select and --ignore the ids of rules; --type and --extract the names
of records. It needs shtab: pip install 'xenshark[completion]'
"""


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "completion",
        help="print what makes a shell complete the command line",
        description="Prints a script that completes commands, options, files and names of fields, rules and records.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help=f"one of {', '.join(SHELLS)}")


def run(arguments: argparse.Namespace) -> int:
    try:
        import shtab
    except ImportError as error:
        raise UserError("completion needs shtab: pip install 'xenshark[completion]'") from error
    from dissector.cli import whole_parser

    parser, commands = whole_parser()
    for name, command in commands.items():
        for action in command._actions:
            # Names, and not choices of the option: it says itself what is wrong with another name.
            action.choices = action.choices or _names(name, action.dest)
            if action.choices is None and action.metavar in FILES + FOLDERS + INPUTS:
                kind = shtab.DIRECTORY if action.metavar in FOLDERS else shtab.FILE
                action.complete = kind  # type: ignore[attr-defined]
    print(shtab.complete(parser, shell=arguments.shell))
    return 0


def _names(command: str, dest: str) -> list[str] | None:
    """What may stand in an option or place of a command, where that is a name of something."""
    from dissector.cli.filters import scope
    from dissector.protocol import RECORDS
    from dissector.rules import RULES

    match command, dest:
        case _, "columns" | "display_filter" if command in SCOPES:
            return sorted(scope(SCOPES[command]).fields)
        case ("rules", "rules") | ("check", "select" | "ignore"):
            return sorted(RULES)
        case "read", "type" | "extract":
            return sorted({record.name for record in RECORDS})
        case _:
            return None
