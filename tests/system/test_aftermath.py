"""One mistake and what follows from it: one more error at most, wherever a bit of a header or record is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import talks
from conversation import Wire, judge_all, packets, pcap
from receivers.mutations import records
from seen import unpacked
from talks import Talk, octets_of

from dissector.rules import RULES, aftermath
from dissector.rules.findings import Finding

CAPTURES = Path(__file__).resolve().parents[2] / "captures"
CHANGED = 12
"""Octets of an item of which each bit is turned: a record's header and the first word of its body."""

TALKS = {"precopy": talks.precopy, "postcopy": talks.postcopy, "bare": lambda: talks.postcopy(wrapped=False)}
OF_TOOLSTACKS: dict[str, Callable[[], Talk]] = {
    "Remus": talks.remus,
    "COLO": talks.colo,
    "xenopsd": talks.xenopsd,
    "a suspended guest of xenopsd": lambda: talks.xenops(in_libxl=True),
    "libvirt": lambda: talks.libxl(talks.Speaker()),
    "a guest saved by libvirt": talks.managed_save,
}
STEP = 3
"""Of these one bit in so many is turned."""


def _turned(octets: bytes, step: int = 1) -> Iterator[bytes]:
    for place in range(0, 8 * min(CHANGED, len(octets)), step):
        at = place // 8
        yield octets[:at] + bytes((octets[at] ^ 1 << place % 8,)) + octets[at + 1 :]


def _errors(octets: bytes) -> list[Finding]:
    """Of the migration that has most."""
    found = [[one for one in verdict.findings if one.severity == "error"] for verdict in judge_all(octets)]
    return max(found, key=len, default=[])


def _is_more_than_one(errors: list[Finding]) -> bool:
    """What Wireshark's dissector does not judge is counted apart, so that it tells of the same errors."""
    alike = [RULES[one.rule].wireshark for one in errors]
    return max(alike.count(True), alike.count(False)) > 2


def _firsts(names: list[str]) -> list[int]:
    """Where each name stands first."""
    return [at for at, name in enumerate(names) if name not in names[:at]]


def _of_talk(talk: Talk, step: int = 1, is_tunnelled: bool = False) -> Iterator[tuple[str, bytes]]:
    for at in _firsts([item.name for item in talk]):
        for changed in _turned(talk[at].octets, step):
            wrong = [*talk[:at], talk[at]._replace(octets=changed), *talk[at + 1 :]]
            said = [talk[0]._replace(octets=talks.messages(octets_of(wrong)))] if is_tunnelled else wrong
            yield talk[at].name, pcap(packets(Wire(said)))


@pytest.mark.parametrize("name", TALKS)
def test_a_bit_in_a_talk(name: str) -> None:
    _hold(_of_talk(TALKS[name]()))


@pytest.mark.parametrize("name", OF_TOOLSTACKS)
def test_a_bit_in_what_a_toolstack_says(name: str) -> None:
    _hold(_of_talk(OF_TOOLSTACKS[name](), STEP))


def test_a_bit_in_a_tunnelled_stream() -> None:
    _hold(_of_talk(talks.libxl(talks.Speaker()), STEP, is_tunnelled=True))


def _hold(changed: Iterator[tuple[str, bytes]]) -> None:
    found = [(item, _errors(octets)) for item, octets in changed]
    assert any(errors for _, errors in found)
    assert [(item, [one.rule for one in errors]) for item, errors in found if _is_more_than_one(errors)] == []


@pytest.mark.parametrize("name", ["a016", "e000"], ids=["PV", "HVM"])
def test_a_bit_in_a_file(name: str) -> None:
    pieces = records(unpacked(CAPTURES / f"receivers/{name}.bin.zst"))
    found = []
    for at, piece in enumerate(pieces):
        for changed in _turned(piece):
            found.append((at, _errors(b"".join([*pieces[:at], changed, *pieces[at + 1 :]]))))
    assert [(at, [one.rule for one in errors]) for at, errors in found if _is_more_than_one(errors)] == []


def test_a_length_of_another_layer() -> None:
    """POSTCOPY_TRANSITION_END takes the next record's header for its body: one more error, not one a page."""
    talk = talks.postcopy()
    at = next(at for at, item in enumerate(talk) if item.name == "POSTCOPY_TRANSITION_END")
    wrong = talk[at]._replace(octets=talk[at].octets[:4] + b"\x10\0\0\0")
    errors = _errors(pcap(packets(Wire([*talk[:at], wrong, *talk[at + 1 :]]))))
    assert errors[0].rule == "nonempty-signal" and len(errors) <= 2


def test_a_second_mistake_is_told() -> None:
    """What a body says of itself is judged whatever came before it."""
    speaker = talks.Speaker()
    second = [speaker.record("X86_TSC_INFO", speaker.number(7, 0, 0, 0, 0, 0))]
    talk = [*talks.libxc(speaker)[:3], speaker.record("STATIC_DATA_END"), *second, *talks.libxc(speaker)[3:]]
    assert {one.rule for one in _errors(octets_of(talk))} >= {"duplicate-static-data-end", "bad-tsc-mode"}


def test_without_it_there_are_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The streams above have errors that follow."""
    monkeypatch.setattr(aftermath.Aftermath, "explains", lambda *_: False)
    assert any(_is_more_than_one(_errors(octets)) for _, octets in _of_talk(talks.postcopy()))
