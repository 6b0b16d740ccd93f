"""Functions of Python as Lua: what they give there is what they give here, and what cannot be said is refused."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import OWN, captures_in
from wireshark.releases import RELEASES, run, wireshark_of

from dissector.integrations.wireshark.generate import PARTS
from dissector.integrations.wireshark.translation import Program, Untranslatable


class Pair(NamedTuple):
    one: int
    other: str = "b"

    @property
    def both(self) -> str:
        return f"{self.one}{self.other}"


class Base:
    def __init__(self, start: int) -> None:
        self.total = start

    def add(self, value: int) -> int:
        self.total += value
        return self.total


class Counter(Base):
    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.seen: list[int] = []
        self.octets = bytearray()
        self.waiting: deque[int] = deque()

    def take(self, values: list[int]) -> int:
        buffer = self.octets
        for value in values:
            if not value:
                continue
            self.seen.append(value)
            self.octets += b"ab"
            self.waiting.append(value)
            self.add(value)
        del self.octets[:1]
        return len(buffer) + self.waiting.popleft() + len(self.waiting)


class Careful(Base):
    def add(self, value: int) -> int:
        if value < 0:
            return self.total
        return super().add(value)


NAMES: Mapping[int, str] = {1: "one", 2: "two"}
KNOWN = frozenset({1, 3})


def truths(number: int, text: str) -> str:
    """0, nothing and the empty string are no more true than in Python."""
    words = ["a" if number else "b", "c" if text else "d", "e" if not number and not text else "f"]
    found = number or 7
    return ",".join(words) + str(found)


def lists(count: int) -> str:
    numbers = [number * 2 for number in range(count) if number % 2]
    first = next((number for number in numbers if number > 2), None)
    doubled = [*numbers, 100][1:]
    pairs = [(at, str(at)) for at in numbers]
    return f"{sum(one for one in numbers)} {first} {len(doubled)} {any(one > 8 for one in numbers)} {pairs[0][1]}"


def generated(count: int) -> Iterator[int]:
    if count < 0:
        return
    for number in range(count):
        yield 2 * number
    yield from (count, count + 1)


def looks_up(number: int) -> str:
    name = NAMES.get(number, "none")
    kind = "known" if number in KNOWN else "new" if number > 3 else "old"
    pair = Pair(number)._replace(other=name)
    one, other = pair
    return f"{kind} {pair.both} {one}{other} {pair == Pair(number, name)} {Pair(1) < Pair(2)} {number:,} {number:#x}"


def octets(data: bytes) -> str:
    size = int.from_bytes(data[:2], "big") + int.from_bytes(data[2:4], "little")
    return f"{size} {data.find(b'c')} {data[-1]} {data.startswith(b'ab')} {data[1:3].hex(' ')}"


def in_order(given: list[int]) -> str:
    numbers = [*given]
    numbers.insert(1, 9)
    first = numbers.pop(0)
    waiting: deque[int] = deque()
    for number in numbers:
        waiting.append(number)
    numbers.remove(9)
    waiting.popleft()
    at = len(numbers) - 1
    backwards = sorted(numbers, key=lambda one: -one)
    ends = f"{first} {numbers[-1]} {waiting[at]} {waiting[-1]}"
    return f"{ends} {sorted(numbers)[0]} {backwards[0]} {max(backwards)} {abs(-at)}"


def inherits(values: list[int]) -> str:
    careful = Careful(1)
    for value in values:
        careful.add(value)
    return f"{careful.total:>6,}|{careful.total:<5}|{careful.total:>8.1f}|"


def counts(start: int) -> int:
    counter = Counter(start)
    taken = counter.take([3, 0, 4])
    while (left := counter.total - taken) > 2:
        counter.total -= 1
    return taken * 100 + left + len(counter.seen)


CASES: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (truths, (0, "")),
    (truths, (2, "x")),
    (lists, (7,)),
    (looks_up, (1,)),
    (looks_up, (2345678,)),
    (octets, (b"abcd",)),
    (in_order, ([5, 3, 8],)),
    (inherits, ([3, -5, 2000],)),
    (counts, (10,)),
]


@pytest.mark.parametrize("release", RELEASES)
def test_they_give_what_python_gives(release: str, tmp_path: Path) -> None:
    made = Program({}, {}, package=__name__)
    calls = [
        f'print("GIVES", {made.function(function)}({", ".join(map(made.value, words))}))' for function, words in CASES
    ]
    calls.append(f'print("GIVES", table.concat({made.function(generated)}(3), " "))')
    lines = [*made.class_lines(), *made.constant_lines(), *made.function_lines(), *calls]
    script = tmp_path / "translated.lua"
    script.write_text(PARTS["python.lua"] + "\n".join(lines) + "\n")
    capture = captures_in(OWN)["violations/none/none.pcap"]
    printed = run(wireshark_of(release), capture, "-c", "1", script=script)
    given = [line.split("\t", 1)[1] for line in printed.splitlines() if line.startswith("GIVES")]
    expected = [str(function(*words)) for function, words in CASES]
    # Lua's own words for what is true.
    assert [one.replace("true", "True").replace("false", "False") for one in given] == [*expected, "0 2 4 3 4"]


def raises(number: int) -> int:
    if number:
        raise ValueError
    return 1


def opens(path: str) -> None:
    with open(path) as file:  # noqa: PTH123
        shutil.copyfileobj(file, file)


def calls_a_method(text: str) -> str:
    return text.swapcase()


def powers(number: int) -> int:
    return number**2


def spreads(numbers: dict[str, int]) -> int:
    return raises(**numbers)


@pytest.mark.parametrize("function", [raises, opens, calls_a_method, powers, spreads])
def test_what_is_not_in_the_subset_is_refused_with_its_place(function: Callable[..., Any]) -> None:
    with pytest.raises(Untranslatable, match=rf"test_translation\.{function.__name__}, line \d+: no "):
        Program({}, {}, package=__name__).function(function)


class Late:
    def grow(self) -> int:
        return 1


def calls_what_nobody_knows(one: Any) -> int:
    return one.grow()  # type: ignore[no-any-return]


def test_a_method_is_known_before_it_is_called() -> None:
    """Else it would be called without its object."""
    made = Program({}, {}, package=__name__)
    made.function(calls_what_nobody_knows)
    with pytest.raises(Untranslatable, match=r"Late\.grow: called before"):
        made.function(Late)
