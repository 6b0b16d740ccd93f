"""What a user wants always: `xenshark.toml`, whose tables are commands and whose keys are their long options.

    [all]
    color = "never"

    [read]
    time = "absolute"
    display-filter = "not name == PAGE_DATA"

The table `all` holds for every command that has such an option. Settings stand before what is on the command line,
which so has the last word, and a command's own table goes before `all`: what is said there, or excluded by it, is left
out.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dissector.errors import UserError

VARIABLE = "XENSHARK_CONFIG"
"""Names another file; empty: none is read."""

NAME = "xenshark.toml"


def path() -> Path | None:
    """The file, if there is one."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named) if named else None
    folder = os.environ.get("XDG_CONFIG_HOME")
    place = Path(folder) if folder and Path(folder).is_absolute() else Path("~/.config").expanduser()
    found = place / NAME
    try:
        return found if found.exists() else None
    except PermissionError:  # somebody else's home, as after a change of user
        return None


LARGEST = 1 << 20
"""Octets that it may have."""


ALL = "all"
"""The table of every command."""


class Setting(NamedTuple):
    """One line of the file."""

    table: str
    words: list[str]
    """As they stand on a command line; none where it says no."""


class Settings(NamedTuple):
    """What a file says of a command."""

    file: Path | None
    options: dict[str, Setting]
    """By key."""

    @property
    def words(self) -> list[str]:
        """All of them."""
        return [word for setting in self.options.values() for word in setting.words]

    def blamed(self, error: UserError) -> str:
        """What is wrong with a command line, and where the option is from of which that is said."""
        text = str(error)
        named = [key for key in self.options if re.search(rf"--{key}(?![\w-])", text)]
        if error.excerpt and FILTER in self.options:
            named = [FILTER]
        return f"{self.file}: [{self.options[named[0]].table}] {named[0]}: {text}" if named else text


FILTER = "display-filter"
"""The key of what an error shows an excerpt of."""

NONE = Settings(None, {})


def settings(command: str, parser: argparse.ArgumentParser, line: Sequence[str], commands: Collection[str]) -> Settings:
    """What the file has for a command, as far as its line leaves that open; nothing where help is asked for. Raises
    UserError."""
    file, used = path(), _used(line, parser)
    if file is None or any(isinstance(action, argparse._HelpAction) for action in used):
        return NONE
    # Imported here: who has no such file does not pay for it.
    import tomllib

    from dissector.capture.files import small

    try:
        tables = tomllib.loads(small(file, LARGEST).decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{file} is no TOML: {error}") from error
    for name, table in tables.items():
        if name != ALL and name not in commands:
            raise UserError(f"{file}: there is no command {name}: tables are called as commands are, such as [read]")
        if not isinstance(table, dict):
            raise UserError(f"{file}: {name} is no table: write [{name}]")
    found: dict[str, Setting] = {}
    for name in (command, ALL):
        options = {
            key: Setting(name, list(_option(f"{file}: [{name}] {key}", key, value, parser)))
            for key, value in tables.get(name, {}).items()
            if name != ALL or _is_here(f"{file}: [{name}] {key}", key, parser)
        }
        excluded = _excluded(used, parser)
        left = {k: one for k, one in options.items() if k not in found and _action(k, parser) not in excluded}
        _look_for_clashes(f"{file}: [{name}]", left, parser)
        found.update(left)
        used |= {_action(key, parser) for key, setting in left.items()}
    return Settings(file, found)


def _action(key: str, parser: argparse.ArgumentParser) -> argparse.Action:
    return parser._option_string_actions[f"--{key}"]


def _is_here(where: str, key: str, parser: argparse.ArgumentParser) -> bool:
    """Whether a command has an option. Raises UserError if none has it."""
    if f"--{key}" in parser._option_string_actions:
        return True
    # Imported here: it is all commands, which nearly no run needs.
    from dissector.cli import whole_parser

    if any(f"--{key}" in one._option_string_actions for one in whole_parser()[1].values()):
        return False
    raise UserError(f"{where}: no command has an option --{key}")


def _look_for_clashes(where: str, options: Mapping[str, Setting], parser: argparse.ArgumentParser) -> None:
    """Raises UserError if two settings of one table exclude each other."""
    asked = {_action(key, parser): key for key, setting in options.items() if setting.words}
    for group in parser._mutually_exclusive_groups:
        clashing = [asked[action] for action in group._group_actions if action in asked]
        if len(clashing) > 1:
            raise UserError(f"{where} {' and '.join(clashing)} exclude each other: keep one of them")


def _used(line: Sequence[str], parser: argparse.ArgumentParser) -> set[argparse.Action]:
    """The options on a command line, also those that are abbreviated or stand together (-Vx)."""
    options = parser._option_string_actions
    used: set[argparse.Action] = set()
    for word in line:
        if word == "--":
            break
        name = word.partition("=")[0]
        if name in options:
            used.add(options[name])
        elif name.startswith("--"):
            used |= {action for option, action in options.items() if option.startswith(name)}
        elif name.startswith("-"):
            for letter in word[1:]:
                action = options.get(f"-{letter}")
                if action is None:
                    break
                used.add(action)
                if action.nargs != 0:  # what follows is its value
                    break
    return used


def _excluded(used: set[argparse.Action], parser: argparse.ArgumentParser) -> set[argparse.Action]:
    """What may not stand beside options, or before them to no purpose."""
    excluded = {action for action in used if not isinstance(action, argparse._AppendAction)}
    for group in parser._mutually_exclusive_groups:
        members = set(group._group_actions)
        for action in used & members:
            excluded |= members - {action}
    return excluded


def _option(where: str, key: str, value: Any, parser: argparse.ArgumentParser) -> Iterator[str]:
    action = parser._option_string_actions.get(f"--{key}")
    if action is None or key == "help":
        raise UserError(f"{where}: there is no option --{key}")
    if action.nargs == 0:
        if not isinstance(value, bool):
            raise UserError(f"{where}: is true or false")
        if value:
            yield f"--{key}"
        return
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, bool) or not isinstance(one, str | int | float):
            raise UserError(f"{where}: is a text or a number")
        text = str(one)
        try:
            read = action.type(text) if callable(action.type) else text
        except (argparse.ArgumentTypeError, ValueError) as error:
            raise UserError(f"{where}: {error}") from error
        if action.choices is not None and read not in action.choices:
            raise UserError(f"{where}: {text!r} is none of {', '.join(map(str, action.choices))}")
        yield f"--{key}={text}"
