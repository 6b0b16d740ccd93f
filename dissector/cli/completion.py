"""`xenshark completion`: what a shell needs to complete commands, options, files and fields."""

from __future__ import annotations

import argparse
from typing import Any

from dissector.errors import UserError

SHELLS = ("bash", "zsh", "fish")

SCOPES = {"read": "records", "faults": "faults", "check": "findings", "view": "records"}
"""The fields that a command's filters and columns can name."""

EPILOG = """\
bash:  xenshark completion bash > ~/.local/share/bash-completion/completions/xenshark
zsh:   xenshark completion zsh > DIR/_xenshark, where DIR is in $fpath
fish:  xenshark completion fish > ~/.config/fish/completions/xenshark.fish

-e and -Y complete the names of fields. It needs shtab: pip install 'xenshark[completion]'
"""


def add(subparsers: Any) -> None:
    """What the command takes."""
    parser = subparsers.add_parser(
        "completion",
        help="print what makes a shell complete the command line",
        description="Prints a script that completes commands, options, files and the names of fields.",
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
    from dissector.cli.filters import scope

    parser, commands = whole_parser()
    for name, command in commands.items():
        for action in command._actions:
            if name in SCOPES and action.dest in ("columns", "display_filter"):
                # Names, and not choices of the option: it says itself what is wrong with another name.
                action.choices = sorted(scope(SCOPES[name]).fields)
            elif not action.option_strings and action.dest in ("file", "files", "inputs"):
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(parser, shell=arguments.shell))
    return 0
