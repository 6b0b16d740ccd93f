"""Display filters: what they ask, what is said of wrong ones, and that nobody can make one that takes long."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from processor import within

from dissector.cli.filters import FORMS
from dissector.events import Direction, Position, Record, Run
from dissector.facts import Link
from dissector.filter import FilterError, Scope, columns, parse
from dissector.filter.fields import Around, Row, faults, findings, records
from dissector.filter.lexer import LENGTH_MAX
from dissector.filter.patterns import Pattern, PatternError
from dissector.integrations.wireshark.fields import OF_ITEMS, of_bodies
from dissector.protocol import RECORDS

NS = 1_000_000_000


def at(seconds: float, frame: int) -> Position:
    return Position(frame, int(seconds * NS))


def record(name: str, direction: Direction = "forward", **known: Any) -> Record:
    spec = next(one for one in RECORDS if one.layer == "libxc" and one.name == name)
    return Record(0, direction, "libxc", name, spec.type, spec, **known)


def pages(*runs: tuple[int, int]) -> Record:
    """A record that sends pages."""
    count = sum(length for _, length in runs)
    body = count.to_bytes(4, "little") + bytes(4)
    some = tuple(Run(first, length, 0) for first, length in runs)
    return record("PAGE_DATA", body=body, runs=some, first=at(101, 7), last=at(102, 9))


def fault(*pfns: int, links: tuple[Link, ...] = ()) -> Row:
    body = len(pfns).to_bytes(4, "little") + bytes(4)
    runs = tuple(Run(pfn, 1, 0) for pfn in pfns)
    asked = record("POSTCOPY_FAULT", "reverse", body=body, runs=runs, number=3, first=at(103, 11), last=at(103, 11))
    return Row(asked, links, AROUND)


AROUND = Around(first_time=100 * NS)
PAGES = Row(pages((0x10, 16), (0x100, 1)), (), AROUND)
ANSWER = record("POSTCOPY_PAGE_DATA", first=at(103.05, 12), last=at(103.1, 14))
EARLY = record("POSTCOPY_PAGE_DATA", first=at(102.5, 10), last=at(103.2, 15))
WAITED = fault(0x20, 0x21, links=(Link(0x20, ANSWER, in_flight=False), Link(0x21, EARLY, in_flight=True)))
LOST = fault(0x30)


@pytest.mark.parametrize(
    ("expression", "row", "expected"),
    [
        ("pfn", PAGES, True),
        ("text", PAGES, False),
        ("pfn == 0x11", PAGES, True),
        ("pfn == 0x20", PAGES, False),
        ("0x11 == pfn", PAGES, True),
        ("pfn == 17 && pfn == 0x100", PAGES, True),
        ("pfn != 0x11", PAGES, False),
        ("pfn != 0x20", PAGES, True),
        ("text != x", PAGES, False),
        ("pfn !== 0x11", PAGES, True),
        ("pfn === 0x11", PAGES, False),
        ("pfn > 0xff", PAGES, True),
        ("all pfn > 0xff", PAGES, False),
        ("all pfn >= 16", PAGES, True),
        ("all pfn in {0x10..0x1f, 0x80..0x1000}", PAGES, True),
        ("all pfn in {0x10..0x1e, 0x100}", PAGES, False),
        ("pfn in {1, 0x1f..0x20}", PAGES, True),
        ("pfn in {1,0x20..0xff}", PAGES, False),
        ("pfn not in {1}", PAGES, True),
        ("text not in {a}", PAGES, True),
        ("count(pfn) == 17", PAGES, True),
        ("count(text) == 0", PAGES, False),
        ("run.type == NOTAB", PAGES, True),
        ('run.type == "xtab"', PAGES, False),
        ("run.type in {XTAB, notab}", PAGES, True),
        ("name == page_data", PAGES, False),
        ("xenmig.name == PAGE_DATA", PAGES, True),
        ('name contains "_DA"', PAGES, True),
        ('name matches "^page.data$"', PAGES, True),
        ('name ~ r"^\\w+$"', PAGES, True),
        ('lower(name) == "page_data" and len(name) == 9', PAGES, True),
        ("name == direction", PAGES, False),
        ("first_frame < last_frame", PAGES, True),
        ("complete == true and complete == 1 and complete", PAGES, True),
        ("complete == False", PAGES, False),
        ("frame.number == 7", PAGES, True),
        ("time == 2", PAGES, True),
        ("time == 2.0000000001", PAGES, False),
        ("time > 1.9999999999 and frame.time_relative == 1e0", PAGES, True),
        ("frame.time_epoch >= 101", PAGES, True),
        ("not pfn or not text", PAGES, True),
        ("! pfn || ! ! pfn", PAGES, True),
        ("not pfn and text or pfn", PAGES, True),
        ("not (pfn and (text or pfn))", PAGES, False),
        ("pfn or text and text", PAGES, True),
        ("pfn xor name", PAGES, False),
        ("pfn ^^ text", PAGES, True),
        ("fault.latency == 0.1", WAITED, True),
        ("fault.lead == 0.5 and fault.in_flight == 1", WAITED, True),
        ("fault.answered_in in {14..15} and fault.count eq 2", WAITED, True),
        ("fault.slowest gt 0.1", WAITED, False),
        ("fault.latency", LOST, False),
        ("fault.unanswered", LOST, False),
        ("type == 0x15 and type ne 'x'", LOST, True),
    ],
)
def test_what_is_asked(expression: str, row: Row, expected: bool) -> None:
    assert parse(expression, records()).matches(row) is expected


def test_a_page_is_unanswered_when_its_migration_is_over() -> None:
    ended = Row(LOST.record, (), Around(over={0}))
    assert parse("fault.unanswered", records()).matches(ended)


def test_what_a_filter_asks_for() -> None:
    assert parse('rule == "x" or pfn', records()).fields == {"xenmig.rule", "xenmig.pfn"}


@pytest.mark.parametrize(
    ("expression", "marked", "said"),
    [
        ("", " ", "empty"),
        ("nam == 1", "nam", "did you mean name"),
        ("xenmig.nam == 1", "xenmig.nam", "did you mean xenmig.name"),
        ("xenmig.contents", "xenmig.contents", "Wireshark's frames alone"),
        ("name ==", "", "too early"),
        ("name = END", "=", "write =="),
        ("name == END pfn", "pfn", "not expected"),
        ("(name == END", "(", "not closed"),
        ("name == END)", ")", "not expected"),
        ("pfn == x", "x", "x is no number"),
        ('pfn == "1"', '"1"', "is no number"),
        ("pfn == 1.5", "1.5", "is no number"),
        ("pfn == 089", "089", "is no number"),
        ("run.type == FOO", "FOO", "it is one of NOTAB"),
        ("fault.latency > 100ms", "100ms", "is no time"),
        ("fault.latency > nan", "nan", "is no time"),
        ("fault.latency > 1e999999999", "1e999999999", "is no time"),
        ("complete == maybe", "maybe", "is no flag"),
        ("xl_header.magic == 00:1", "00:1", "is no octets"),
        ("pfn contains 1", "pfn", "cannot be asked with 'contains'"),
        ("pfn matches 1", "pfn", "cannot be asked with 'matches'"),
        ("pfn == name", "name", "cannot be compared"),
        ("1 == 2", "1", "a field is wanted"),
        ("pfn in 1", "1", "wants '{'"),
        ("pfn in {1 2}", "2", "wants ',' or '}'"),
        ("pfn in {5..3}", "3", "ends before it begins"),
        ("pfn not == 1", "==", "only 'in'"),
        ("all pfn", "all", "wants a comparison"),
        ("len(pfn) == 1", "pfn", "takes no number"),
        ("pfn @ 1", "@", "means nothing here"),
        ('name == "x', '"', "no end"),
        (r'name == "\q"', r"\q", "no escape"),
        ('name matches "a(b"', "(", "no end"),
        (r'name matches "(?=x)"', "(", "not supported"),
        (r'name matches "\\1"', r'"\\1"', "not supported"),
        ("not " * 5000 + "pfn", "not", "in one another"),
        ("(" * 5000, "(", "in one another"),
    ],
)
def test_what_is_wrong_and_where(expression: str, marked: str, said: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(expression, records())
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert expression[caught.value.start : caught.value.end].strip() == marked.strip()
    part, mark = caught.value.excerpt
    assert len(part) <= 104 and part[mark.index("^") :].startswith(marked[: mark.count("~") + 1].strip())


def test_a_filter_has_an_end() -> None:
    with pytest.raises(FilterError, match="65,536 characters"):
        parse("pfn or " * LENGTH_MAX + "pfn", records())
    assert parse("pfn or " * 9000 + "pfn", records()).matches(PAGES)


WORDS = """pfn name xenmig.fault.latency == != < in contains matches and or not ( ) { } , .. 1 0x3 -5 1e5 'x' "a" "("
    any all count( len( lower( xor ! ~ = \\ \" é @ r"\\\" [ ]"""
PARTS = st.sampled_from([*WORDS.split(), "\x1b"])


@given(st.lists(PARTS, max_size=30).map(" ".join))
def test_whatever_is_written_is_a_filter_or_an_error_in_it(expression: str) -> None:
    scopes: tuple[Scope[Any], ...] = (records(), faults(), findings())
    for scope in scopes:
        try:
            found = parse(expression, scope)
        except FilterError as error:
            assert 0 <= error.start <= len(expression) and all(map(str.isprintable, error.excerpt))
        else:
            assert expression.strip() and (scope is not records() or found.matches(PAGES) in (True, False))


# Regular expressions

ATOMS = st.sampled_from(
    [
        *"abAB1 .\n",
        r"\d",
        r"\W",
        r"\s",
        r"\.",
        "[ab]",
        "[^a]",
        "[a-c1]",
        r"[\d_]",
        "[]a]",
        "^",
        "$",
        r"\b",
        r"\B",
        r"\x41",
    ]
)
TIMES = st.sampled_from(["", "*", "+", "?", "{2}", "{1,2}", "{0,}", "*?", "??"])
ROWS = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(st.one_of(st.tuples(inner, TIMES).map(lambda one: f"(?:{one[0]}){one[1]}"), inner), max_size=4).map(
            "".join
        )
        | st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})")
    ),
    max_leaves=12,
)


@given(ROWS, st.text("abAB1_ \n.", max_size=8))
def test_a_pattern_matches_what_python_matches(pattern: str, text: str) -> None:
    assume(text or r"\B" not in pattern)  # Python and Perl differ there, before Python 3.14
    found = re.search(pattern, text, re.IGNORECASE | re.ASCII)
    assert Pattern(pattern).matches(text) is (found is not None)


@given(st.text("ab\\()[]{}^$*+?|-,1:x", max_size=20))
def test_whatever_is_written_is_a_pattern_or_an_error_in_it(pattern: str) -> None:
    try:
        Pattern(pattern).matches("abba")
    except PatternError as error:
        assert 0 <= error.at <= len(pattern)


@pytest.mark.parametrize(
    "pattern", ["(a+)+b", "(a|a)*b", "(a*)*b", "a*a*a*a*a*a*b", "(((a*)*)*)*c", "(.*)*(.*)*x", "(a?){200}a{200}b"]
)
def test_no_pattern_takes_long(pattern: str) -> None:
    """Python's own expressions would take years for these."""
    with within(300):
        assert not Pattern(pattern).matches("a" * 20_000)


@pytest.mark.parametrize("pattern", ["a{99999}", "(((){99999}){99999}){99999}", "((a{99}){99}){99}"])
def test_no_pattern_is_large(pattern: str) -> None:
    with pytest.raises(PatternError, match="too large"):
        Pattern(pattern)


def test_every_field_of_wireshark_is_there() -> None:
    """But for those that speak of packets which go on with a record."""
    missing = {one.name for one in (*OF_ITEMS, *of_bodies())} - set(records().fields)
    assert missing == {"xenmig.contents", "xenmig.contents.of"}


def test_the_option_offers_what_there_is() -> None:
    assert FORMS == columns.FORMS
