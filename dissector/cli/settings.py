"""What a user wants always: `xenshark.toml`, whose tables are commands and whose keys are their long options.

    [read]
    time = "absolute"
    display-filter = "not name == PAGE_DATA"

They stand before what is on the command line, which so has the last word.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    return found if found.is_file() else None


def words(command: str, parser: argparse.ArgumentParser) -> list[str]:
    """The options that the file has for a command, as they stand on a command line. Raises UserError."""
    file = path()
    if file is None:
        return []
    # Imported here: who has no such file does not pay for it.
    import tomllib

    try:
        tables = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror or error}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{file} is no TOML: {error}") from error
    table = tables.get(command, {})
    if not isinstance(table, dict):
        raise UserError(f"{file}: {command} is no table: write [{command}]")
    return [word for key, value in table.items() for word in _option(f"{file}: [{command}] {key}", key, value, parser)]


def _option(where: str, key: str, value: Any, parser: argparse.ArgumentParser) -> Iterator[str]:
    options = {word: action for action in parser._actions for word in action.option_strings}
    action = options.get(f"--{key}")
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
