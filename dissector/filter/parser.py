"""An expression to a test of a row, by precedence over tables (V. Pratt, "Top Down Operator Precedence", 1973).

    expression  = expression ("and" | "or" | "xor") expression | "not" expression | "(" expression ")" | comparison
    comparison  = [ "any" | "all" ] operand OPERATOR operand | operand [ "not" ] "in" "{" element, ... "}" | field
    operand     = field | literal | FUNCTION "(" field ")"
    element     = literal | literal ".." literal

A field alone is true where the row has it. A field has any number of values; a comparison is true if any of them
makes it so, and one with "!=" or "all" if all do and there is one. That is Wireshark's grammar, as far as its fields
need it, and the tables below say which operators there are. Written by hand, because a library for parsers would take
longer to import than `read` takes to start, and could not say what is wrong in the words of this program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from fractions import Fraction
from typing import Any, Generic, NamedTuple, NoReturn, TypeAlias, TypeVar

from .fields import Kind, Scope, Value
from .lexer import FilterError, Token, tokens
from .patterns import Pattern, PatternError

DEPTH_MAX = 100
"""Parentheses and "not" in one another."""

RowType = TypeVar("RowType")

Test: TypeAlias = Callable[[Any], bool]
Values: TypeAlias = Callable[[Any], Sequence[Value]]
Compare: TypeAlias = Callable[[Value, Value], bool]


class Filter(NamedTuple, Generic[RowType]):
    """What became of an expression."""

    matches: Callable[[RowType], bool]
    fields: frozenset[str]
    """Those that it asks for."""


class Comparison(NamedTuple):
    """An operator between two operands. A value is the lowest and the highest of a range (`fields.Value`), so there are
    two questions: whether any two of the ranges compare so, and whether all do."""

    any_of: Compare
    all_of: Compare
    is_of_all: bool = False
    """Whether it asks for all of a field's values where the expression does not say so."""
    kinds: frozenset[Kind] | None = None
    """What it can be asked of; None: anything."""


class Operand(NamedTuple):
    """A side of a comparison. `field`: what it is of; None: a literal, that the other side's kind tells how to read."""

    kind: Kind | None
    values: Values
    start: int
    end: int
    token: Token | None = None
    names: Mapping[str, int] = {}


def _overlap(one: Value, other: Value) -> bool:
    return bool(one[0] <= other[1] and other[0] <= one[1])


def _same(one: Value, other: Value) -> bool:
    return bool(one[0] == one[1] == other[0] == other[1])


def _contains(one: Value, other: Value) -> bool:
    return other[0] in one[0]


TEXTS: frozenset[Kind] = frozenset(("text", "octets"))

EQUAL = Comparison(_overlap, _same)
ALL_EQUAL = Comparison(_overlap, _same, is_of_all=True)
UNEQUAL = Comparison(lambda a, b: not _same(a, b), lambda a, b: not _overlap(a, b), is_of_all=True)
ANY_UNEQUAL = Comparison(lambda a, b: not _same(a, b), lambda a, b: not _overlap(a, b))
LESS = Comparison(lambda a, b: a[0] < b[1], lambda a, b: a[1] < b[0])
LESS_EQUAL = Comparison(lambda a, b: a[0] <= b[1], lambda a, b: a[1] <= b[0])
GREATER = Comparison(lambda a, b: a[1] > b[0], lambda a, b: a[0] > b[1])
GREATER_EQUAL = Comparison(lambda a, b: a[1] >= b[0], lambda a, b: a[0] >= b[1])
CONTAINS = Comparison(_contains, _contains, kinds=TEXTS)

# fmt: off
COMPARISONS: Mapping[str, Comparison] = {
    "==": EQUAL, "eq": EQUAL, "any_eq": EQUAL,
    "===": ALL_EQUAL, "all_eq": ALL_EQUAL,
    "!=": UNEQUAL, "ne": UNEQUAL, "all_ne": UNEQUAL,
    "!==": ANY_UNEQUAL, "~=": ANY_UNEQUAL, "any_ne": ANY_UNEQUAL,
    "<": LESS, "lt": LESS, "<=": LESS_EQUAL, "le": LESS_EQUAL,
    ">": GREATER, "gt": GREATER, ">=": GREATER_EQUAL, "ge": GREATER_EQUAL,
    "contains": CONTAINS,
}
"""Sources: Wireshark's user guide, "Building Display Filter Expressions", and wireshark-filter(4)."""

MATCHES, IN, NOT = ("matches", "~"), "in", ("not", "!")

LOGIC: Mapping[str, tuple[int, Callable[[Sequence[Test]], Test]]] = {
    word: (precedence, join)
    for words, precedence, join in (
        (("or", "||"), 1, lambda tests: lambda row: any(test(row) for test in tests)),
        (("xor", "^^"), 2, lambda tests: lambda row: sum(test(row) for test in tests) % 2 == 1),
        (("and", "&&"), 3, lambda tests: lambda row: all(test(row) for test in tests)),
    )
    for word in words
}
"""What joins tests: what binds tighter has the higher number."""

FUNCTIONS: Mapping[str, tuple[frozenset[Kind] | None, Kind | None, Callable[[Sequence[Value]], Sequence[Value]]]] = {
    "count": (None, "number", lambda values: (_just(sum(map(_many, values))),) if values else ()),
    "len": (TEXTS, "number", lambda values: [_just(len(_octets(value[0]))) for value in values]),
    "lower": (frozenset(("text",)), None, lambda values: [_just(value[0].lower()) for value in values]),
    "upper": (frozenset(("text",)), None, lambda values: [_just(value[0].upper()) for value in values]),
}
"""What a function takes, what it gives (None: the same), and how."""

WORDS = {*LOGIC, *COMPARISONS, *MATCHES, *NOT, IN, "any", "all", *FUNCTIONS}
TRUTHS = {"true": 1, "false": 0}
# fmt: on


def _just(value: Any) -> Value:
    return value, value


def _many(value: Value) -> int:
    return value[1] - value[0] + 1 if isinstance(value[0], int) else 1


def _octets(value: str | bytes) -> bytes:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value


def parse(expression: str, scope: Scope[RowType]) -> Filter[RowType]:
    """What an expression asks of the rows of a scope. Raises FilterError."""
    if not expression.strip():
        raise FilterError("the filter is empty", expression, 0, 1)
    parser = _Parser(expression, scope)
    test = parser.expression(0)
    if not parser.is_over():
        parser.unexpected()
    return Filter(test, frozenset(parser.fields))


class _Parser:
    def __init__(self, text: str, scope: Scope[Any]) -> None:
        self.text, self.scope = text, scope
        self.fields: set[str] = set()
        self._tokens: Iterator[Token] = tokens(text)
        self.now = next(self._tokens)
        self._depth = 0

    # Tokens

    def take(self) -> Token:
        token = self.now
        if token.sort != "end":
            self.now = next(self._tokens)
        return token

    def is_at(self, *words: str) -> bool:
        return self.now.sort in ("word", "sign") and self.now.text in words

    def is_over(self) -> bool:
        return self.now.sort == "end"

    def want(self, sign: str, what: str) -> Token:
        if not self.is_at(sign):
            self.fail(f"{what} wants {sign!r} here", self.now)
        return self.take()

    def fail(self, message: str, place: Token | Operand) -> NoReturn:
        raise FilterError(message, self.text, place.start, place.end)

    def unexpected(self) -> NoReturn:
        if self.now.sort == "end":
            self.fail("the filter ends too early", self.now)
        if self.now.text == "=":
            self.fail("= compares nothing: write ==", self.now)
        self.fail(f"{self.text[self.now.start : self.now.end]!r} was not expected here", self.now)

    # Tests

    def expression(self, least: int) -> Test:
        """Up to an operator that binds no tighter than `least`."""
        test = self.single()
        while self.now.sort in ("word", "sign") and self.now.text in LOGIC:
            precedence, join = LOGIC[self.now.text]
            if precedence <= least:
                break
            tests = [test]
            # In a loop and not one in the other: there may be thousands.
            while self.now.sort in ("word", "sign") and LOGIC.get(self.now.text, (0,))[0] == precedence:
                self.take()
                tests.append(self.expression(precedence))
            test = join(tests)
        return test

    def single(self) -> Test:
        if not self.is_at(*NOT, "("):
            return self.comparison()
        self._depth += 1
        if self._depth > DEPTH_MAX:
            self.fail(f"more than {DEPTH_MAX} parentheses and nots in one another", self.now)
        opening = self.take()
        if opening.text == "(":
            test = self.expression(0)
            if not self.is_at(")"):
                if self.now.sort == "end":
                    self.fail("this parenthesis is not closed", opening)
                self.unexpected()
            self.take()
        else:
            denied = self.single()

            def test(row: Any) -> bool:
                return not denied(row)

        self._depth -= 1
        return test

    def comparison(self) -> Test:
        quantifier = self.take() if self.is_at("any", "all") else None
        left = self.operand()
        if self.is_at(*NOT):
            self.take()
            if not self.is_at(IN):
                self.fail("only 'in' can follow 'not' here", self.now)
            inside = self.within(left, quantifier)
            return lambda row: not inside(row)
        if self.is_at(IN):
            return self.within(left, quantifier)
        if self.is_at(*MATCHES):
            return self.matching(left, quantifier)
        if self.now.sort in ("word", "sign") and self.now.text in COMPARISONS:
            return self.compared(left, quantifier)
        if quantifier is not None:
            self.fail(f"{quantifier.text!r} wants a comparison behind it", quantifier)
        if left.kind is None:
            self.no_field(left)
        values = left.values
        return lambda row: bool(values(row))

    def compared(self, left: Operand, quantifier: Token | None) -> Test:
        operator = self.take()
        comparison = COMPARISONS[operator.text]
        right = self.operand()
        left, right = self.paired(left, right)
        if comparison.kinds is not None and left.kind not in comparison.kinds:
            self.fail(f"a {left.kind} cannot be asked with {operator.text!r}", left)
        is_of_all = comparison.is_of_all if quantifier is None else quantifier.text == "all"
        return _joined(left.values, right.values, comparison, is_of_all)

    def within(self, left: Operand, quantifier: Token | None) -> Test:
        self.take()
        if left.kind is None:
            self.no_field(left)
        self.want("{", "'in'")
        elements: list[Value] = []
        while True:
            low = self.literal(left)
            high = low
            if self.is_at(".."):
                self.take()
                end = self.now
                high = self.literal(left)
                if high < low:
                    self.fail("the range ends before it begins", end)
            elements.append((low, high))
            if not self.is_at(","):
                break
            self.take()
        if not self.is_at("}"):
            self.fail("a set wants ',' or '}' here", self.now)
        self.take()
        values = left.values
        if quantifier is not None and quantifier.text == "all":
            return lambda row: (
                bool(found := values(row))
                and all(any(low <= one[0] and one[1] <= high for low, high in elements) for one in found)
            )
        return lambda row: any(_overlap(one, element) for one in values(row) for element in elements)

    def matching(self, left: Operand, quantifier: Token | None) -> Test:
        operator = self.take()
        if left.kind is None:
            self.no_field(left)
        if left.kind not in TEXTS:
            self.fail(f"a {left.kind} cannot be asked with {operator.text!r}", left)
        token = self.take()
        if token.sort not in ("text", "word"):
            self.fail("here a regular expression is wanted, in quotes", token)
        try:
            pattern = Pattern(token.text)
        except PatternError as error:
            # Behind an escape a character stands further to the right than in the text.
            is_plain = self.text[token.start : token.end].strip('"') == token.text
            at = token.start + (token.sort == "text") + error.at
            raise FilterError(str(error), self.text, *((at, at + 1) if is_plain else token[2:4])) from error
        join = all if quantifier is not None and quantifier.text == "all" else any
        values = left.values

        def test(row: Any) -> bool:
            texts = [one.decode("latin-1") if isinstance(one, bytes) else one for one, _ in values(row)]
            return bool(texts) and join(map(pattern.matches, texts))

        return test

    # Operands

    def operand(self) -> Operand:
        token = self.now
        if token.sort == "end":
            self.unexpected()
        if token.sort in ("text", "character"):
            self.take()
            return Operand(None, _nothing, token.start, token.end, token)
        if token.sort != "word" or (token.text in WORDS and token.text not in FUNCTIONS):
            self.unexpected()
        self.take()
        if token.text in FUNCTIONS and self.is_at("("):
            return self.function(token)
        field = self.scope.field(token.text)
        if field is None:
            return Operand(None, _nothing, token.start, token.end, token)
        self.fields.add(field.name)
        return Operand(field.kind, field.values, token.start, token.end, token, field.names)

    def function(self, name: Token) -> Operand:
        self.take()
        inside = self.operand()
        if inside.kind is None:
            self.no_field(inside)
        closing = self.want(")", name.text)
        takes, gives, work = FUNCTIONS[name.text]
        if takes is not None and inside.kind not in takes:
            self.fail(f"{name.text} takes no {inside.kind}", inside)
        values = inside.values
        return Operand(gives or inside.kind, lambda row: work(values(row)), name.start, closing.end)

    def paired(self, left: Operand, right: Operand) -> tuple[Operand, Operand]:
        """Both sides, a literal read as the other side's kind wants it."""
        if left.kind is None and right.kind is None:
            self.no_field(left)
        for one, other in ((left, right), (right, left)):
            if one.kind is None:
                assert one.token is not None
                read = one._replace(kind=other.kind, values=_always(self.read(one.token, other)))
                return (read, other) if one is left else (other, read)
        if left.kind != right.kind:
            self.fail(f"a {left.kind} and a {right.kind} cannot be compared", right)
        return left, right

    def literal(self, side: Operand) -> Any:
        token = self.take()
        if token.sort not in ("word", "text", "character"):
            self.fail("here a value is wanted", token)
        return self.read(token, side)

    def read(self, token: Token, side: Operand) -> Any:
        """The value of a literal, as the kind of the other side has it."""
        assert side.kind is not None
        try:
            return READERS[side.kind](token, side.names)
        except (ValueError, ArithmeticError) as error:
            shown = self.text[token.start : token.end]
            known = f": it is one of {', '.join(side.names)}" if side.names and len(side.names) < 20 else ""
            raise FilterError(f"{shown} is no {side.kind}{known}", self.text, token.start, token.end) from error

    def no_field(self, side: Operand) -> NoReturn:
        if side.token is None or side.token.sort != "word" or side.token.text[0].isdigit():
            self.fail("here a field is wanted", side)
        name = side.token.text
        why = self.scope.elsewhere(name)
        near = get_close_matches(name, self.scope.names_like(name))
        hint = f": {why}" if why else f"; did you mean {' or '.join(near)}?" if near else ""
        self.fail(f"{self.scope.what} has no field {name}{hint}", side)


def _always(value: Any) -> Values:
    values = (_just(value),)
    return lambda row: values


def _nothing(row: Any) -> Sequence[Value]:
    return ()


def _joined(left: Values, right: Values, comparison: Comparison, is_of_all: bool) -> Test:
    """The test of a comparison."""
    if not is_of_all:
        compare = comparison.any_of
        return lambda row: any(compare(one, other) for one in left(row) for other in right(row))
    compare_all = comparison.all_of

    def test(row: Any) -> bool:
        ones, others = left(row), right(row)
        return bool(ones and others) and all(compare_all(one, other) for one in ones for other in others)

    return test


# Literals, by the kind of what they are compared with; ValueError for what is none


def _number(token: Token, names: Mapping[str, int]) -> int:
    if token.sort == "character":
        if len(token.text) != 1:
            raise ValueError
        return ord(token.text)
    for name, number in names.items():
        if name.lower() == token.text.lower():
            return number
    if token.sort == "text" or "_" in token.text:
        raise ValueError
    sign, digits = (-1, token.text[1:]) if token.text[0] == "-" else (1, token.text)
    if len(digits) > 80:
        raise ValueError
    is_octal = digits[0] == "0" and digits.isdecimal()
    return sign * int(digits, 8 if is_octal else 0)


def _time(token: Token, names: Mapping[str, int]) -> int | Fraction:
    if token.sort != "word" or "_" in token.text or len(token.text) > 80:
        raise ValueError
    try:
        seconds = Decimal(token.text)
    except InvalidOperation as error:
        raise ValueError from error
    if not seconds.is_finite() or abs(seconds.adjusted()) > 40:  # a fraction would have so many digits
        raise ValueError
    return Fraction(seconds) * 1_000_000_000


def _flag(token: Token, names: Mapping[str, int]) -> int:
    found = TRUTHS.get(token.text.lower())
    return _number(token, names) if found is None else found


def _text(token: Token, names: Mapping[str, int]) -> str:
    return token.text


def _bytes(token: Token, names: Mapping[str, int]) -> bytes:
    if token.sort != "word":
        return token.text.encode("utf-8", "surrogatepass")
    parts = token.text.replace("-", ":").replace(".", ":").split(":")
    if any(len(part) != 2 for part in parts) and (len(parts) > 1 or len(parts[0]) % 2):
        raise ValueError
    return bytes.fromhex("".join(parts))


READERS: Mapping[Kind, Callable[[Token, Mapping[str, int]], Any]] = {
    "number": _number,
    "time": _time,
    "flag": _flag,
    "text": _text,
    "octets": _bytes,
}
