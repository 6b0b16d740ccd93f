"""Values of options: what argparse calls to read one, and what it says of one that is wrong."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

Value = TypeVar("Value")
Other = TypeVar("Other")


def whole_number(wanted: str = "is no whole number above 0", most: float = math.inf) -> Callable[[str], int]:
    """Reads an integer from 1 to `most`. `wanted` is what is said of any other text."""

    def parse(text: str) -> int:
        if text.isdecimal() and 0 < int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError(f"{text!r} {wanted}")

    return parse


def place(text: str) -> str:
    """Reads the name of what is to be written, where standard output cannot be meant."""
    if text in ("", "-"):
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a file or folder")
    return text


CONTEXT_MAX = 1000
"""Records before and after one that can be shown with it."""


def count(wanted: str, most: int) -> Callable[[str], int]:
    """Reads an integer from 0 to `most`."""

    def parse(text: str) -> int:
        if text.isascii() and text.isdecimal() and int(text[:20]) <= most:
            return int(text)
        raise argparse.ArgumentTypeError(f"{text!r} {wanted}")

    return parse


def positive_number(wanted: str = "is no number above 0") -> Callable[[str], float]:
    """Reads a number above 0."""

    def parse(text: str) -> float:
        with suppress(ValueError):
            number = float(text)
            if 0 < number < math.inf:
                return number
        raise argparse.ArgumentTypeError(f"{text!r} {wanted}")

    return parse


def or_word(word: str, value: Other, parse: Callable[[str], Value]) -> Callable[[str], Value | Other]:
    """Reads a word that stands for a value, or else what `parse` reads."""
    return lambda text: value if text == word else parse(text)


def add_keylog(parser: argparse.ArgumentParser) -> None:
    """The option that opens TLS connections."""
    parser.add_argument(
        "--keylog",
        metavar="KEYS",
        help="open TLS connections with the keys of this file (SSLKEYLOGFILE), by way of tshark; keys in a pcapng are "
        "used without it",
    )


FILES = "a capture or a saved stream, or a folder with some; - is standard input"


def add_files(parser: argparse.ArgumentParser, several: str = "+", says: str = FILES) -> None:
    """What is read. `several` is argparse's `nargs`."""
    parser.add_argument("files", metavar="FILE", nargs=several, help=says)
    add_join(parser)


def add_join(parser: argparse.ArgumentParser) -> None:
    """Which files are one capture."""
    join = parser.add_mutually_exclusive_group()
    join.add_argument(
        "--join",
        action="store_true",
        default=None,
        help="read all files as one capture, in the order of their first packets (default: those that a rotating "
        "program wrote, by their names, if each begins where the one before ends)",
    )
    join.add_argument("--no-join", dest="join", action="store_false", help="read each file by itself")
