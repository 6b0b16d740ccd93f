"""Column W of `xenshark rules`: which rules Wireshark's dissector judges, found out by giving it what breaks each."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from conversation import Wire, judge_file, packets, pcap
from examples import events_of, octets_of
from talks import Item
from wireshark.releases import RELEASES, run, wireshark_of

from dissector.events import Closed, Record
from dissector.rules import RULES
from dissector.rules.examples import Closes, Example, Said

PORTS = {rule.id: 30_000 + number for number, rule in enumerate(RULES.values())}
"""The destination's of each rule's connection."""

NOT_TOLD = {
    *("capture-cut", "capture-gap", "capture-starts-late", "captured-twice", "clock-stepped-back", "peer-silent"),
    *("stream-resynchronised", "tcp-conflict", "foreign-octets"),
    *("verify-mismatch", "xl-handshake"),
}
"""Rules whose example takes more than two hosts that say something to the end: what a capture loses, what a relay puts
between, pages whose contents differ, or a text that could still become right."""


def _wire(example: Example) -> Wire:
    """An example of which all is said in a connection, as packets."""
    events = events_of(example)
    said = [
        Item(event.direction, event.layer or "libxc", event.name, octets_of(event))
        for event in events
        if isinstance(event, Record)
    ]
    steps = [step for step in example if isinstance(step, Said)]
    unseen = {index: step.unheard for index, step in enumerate(steps) if step.unheard}
    return Wire(said, close=next((event.how for event in events if isinstance(event, Closed)), ""), unseen=unseen)


@cache
def _capture() -> bytes:
    """What breaks each rule, one connection after another."""
    told = {
        rule.id: _wire(rule.breaking)
        for rule in RULES.values()
        if all(isinstance(step, Said | Closes) for step in rule.breaking)
    }
    files = [pcap(packets(wire), target=PORTS[id]) for id, wire in told.items()]
    return files[0] + b"".join(file[24:] for file in files[1:])


def _by_xenshark(path: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for migration, findings in judge_file(path):
        assert migration.flow is not None
        ports = {migration.flow.source.port, migration.flow.destination.port}
        (id,) = (id for id, port in PORTS.items() if port in ports)
        found.setdefault(id, set()).update(one.rule for one in findings)
    return found


def _by_wireshark(path: Path, release: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    printed = run(
        wireshark_of(release), path, "-2", "-Y", "xenmig.rule", "-T", "fields", "-e", "tcp.port", "-e", "xenmig.rule"
    )
    for line in printed.splitlines():
        ports, rules = line.split("\t")
        (id,) = (id for id, port in PORTS.items() if str(port) in ports.split(","))
        found.setdefault(id, set()).update(rules.split(","))
    return found


@pytest.mark.parametrize("release", RELEASES)
def test_wireshark_judges_the_rules_that_are_marked(release: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "all.pcap"
        path.write_bytes(_capture())
        ours, theirs = _by_xenshark(path), _by_wireshark(path, release)
    told = {id for id in RULES if id in ours.get(id, ())}
    assert set(RULES) - told == NOT_TOLD
    marked = {id for id in told if RULES[id].wireshark}
    assert {id for id in told if id in theirs.get(id, ())} == marked
    assert {id: theirs.get(id, set()) for id in told} == {
        id: {rule for rule in ours[id] if RULES[rule].wireshark} for id in told
    }, "in the company of each both say the same"
