"""An expression to tokens, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from dissector.errors import UserError

LENGTH_MAX = 1 << 16
"""Characters of an expression."""

SHOWN = 100
"""Columns of an expression that a message shows."""

Sort: TypeAlias = Literal["word", "text", "character", "sign", "end"]


class Token(NamedTuple):
    """A part of an expression. `text`: as it stands there, of a quoted one what is in it; `raw`: whether a backslash is
    nothing but one."""

    sort: Sort
    text: str
    start: int
    end: int
    raw: bool = False


class FilterError(UserError):
    """What is wrong with an expression, and where."""

    def __init__(self, message: str, expression: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message, self.start, self.end = message, start, end
        begin = max(0, min(start - SHOWN // 2, len(expression) - SHOWN))
        part = expression[begin : begin + SHOWN]
        # One column for each character, whatever it is: the mark has to stand below it.
        part = "".join(one if one.isprintable() else "?" for one in part)
        at, width = start - begin, max(1, min(end - start, SHOWN - (start - begin)))
        self.excerpt = (f"    {part}", f"    {' ' * at}^{'~' * (width - 1)}")


# Words hold what names, numbers, octets (00:16:3e) and rule ids are made of; two dots make a range of two words.
TOKENS = re.compile(
    r"""\s+
    |(?P<raw>[rR]"(?:[^"\\]|\\.)*")
    |(?P<text>"(?:[^"\\]|\\.)*")
    |(?P<character>'(?:[^'\\]|\\.)*')
    |(?P<sign>===|!==|==|!=|~=|<=|>=|&&|\|\||\^\^|\.\.|[<>=!~(){},])
    |(?P<word>(?:(?!\.\.)[\w.:+\-])+)
    """,
    re.VERBOSE | re.ASCII | re.DOTALL,
)

ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "'": "'", '"': '"', "\\": "\\"}
NUMBERED = re.compile(r"x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})")


def tokens(expression: str) -> Iterator[Token]:
    """The tokens, and one for the end. Raises FilterError."""
    if len(expression) > LENGTH_MAX:
        raise FilterError(f"a filter may have {LENGTH_MAX:,} characters", expression, LENGTH_MAX, LENGTH_MAX + 1)
    at = 0
    while at < len(expression):
        found = TOKENS.match(expression, at)
        if found is None:
            what = "the quote has no end" if expression[at] in "\"'" else f"{expression[at]!r} means nothing here"
            raise FilterError(what, expression, at, at + 1)
        start, at = at, found.end()
        match found.lastgroup:
            case "raw":
                yield Token("text", found[0][2:-1], start, at, raw=True)
            case "text":
                yield Token("text", _unescaped(found[0][1:-1], expression, start + 1), start, at)
            case "character":
                yield Token("character", _unescaped(found[0][1:-1], expression, start + 1), start, at)
            case "sign":
                yield Token("sign", found[0], start, at)
            case "word":
                yield Token("word", found[0], start, at)
    yield Token("end", "", len(expression), len(expression))


def _unescaped(text: str, expression: str, place: int) -> str:
    """A quoted text with its escapes replaced, as C has them."""
    if "\\" not in text:
        return text
    found, at = [], 0
    while at < len(text):
        if text[at] != "\\":
            found.append(text[at])
            at += 1
            continue
        numbered = NUMBERED.match(text, at + 1)
        if numbered is not None:
            number = int(numbered[4], 8) if numbered[4] else int(numbered[1] or numbered[2] or numbered[3], 16)
            if number > 0x10FFFF or 0xD800 <= number < 0xE000:
                raise FilterError("no character has this number", expression, place + at, place + numbered.end())
            found.append(chr(number))
            at = numbered.end()
        elif text[at + 1] in ESCAPES:
            found.append(ESCAPES[text[at + 1]])
            at += 2
        else:
            hint = 'write \\\\, or r"..." for a text without escapes'
            raise FilterError(f"\\{text[at + 1]} is no escape: {hint}", expression, place + at, place + at + 2)
    return "".join(found)
