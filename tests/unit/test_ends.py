"""Both ends of a migration in Scapy: they talk to each other in real octets, and break one rule at a time."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from scapy.automaton import Automaton
from scapy.packet import Packet
from scapy.supersocket import StreamSocket
from scapy.utils import wrpcap
from streams import record

import dissector
from dissector.analysis import Analysis
from dissector.errors import UserError
from dissector.events import FORWARD, REVERSE
from dissector.integrations.scapy import (
    LibxcRecord,
    LibxcRecordV2,
    MigrationDestination,
    MigrationSocket,
    MigrationSource,
    PageServer,
    PostcopyFault,
    PostcopyPageData,
    big_endian,
    unsayable,
)
from dissector.integrations.scapy.ends import PUSHED
from dissector.integrations.scapy.scripts import opening, script
from dissector.protocol import Endianness
from dissector.rules import RULES
from dissector.rules.examples import Said

PAGES = {pfn: bytes([pfn & 0xFF]) * 4096 for pfn in range(0x100, 0x100 + 3 * PUSHED)}
PATIENCE = 60
"""Seconds after which a test that hangs fails instead."""


@pytest.fixture
def ends() -> Iterator[tuple[MigrationSocket, MigrationSocket]]:
    """A connection, as its source and its destination have it."""
    source, destination = socket.socketpair()
    for one in (source, destination):
        one.settimeout(PATIENCE)
    yield MigrationSocket(source, "source", keeps=True), MigrationSocket(destination, "destination", keeps=True)
    source.close()
    destination.close()


def talk(*ends: Automaton) -> None:
    """Lets both run to their ends; raises what either of them raised."""
    with ThreadPoolExecutor() as pool:
        for running in [pool.submit(end.run) for end in ends]:
            running.result(PATIENCE)


def broken(end: MigrationSocket, path: Path) -> list[set[str]]:
    """The rules that `check --pages` names for what an end has kept, a set for each migration."""
    wrpcap(str(path), end.capture())
    analysis = Analysis()
    try:
        dissector.open(path, keep_pages=True).read(analysis.add)
    except UserError:
        return []
    analysis.finish()
    return [{one.rule for one in checker.findings} for _, checker in analysis.migrations]


def test_pages_come_as_they_are_asked_for(ends: tuple[MigrationSocket, MigrationSocket], tmp_path: Path) -> None:
    source = MigrationSource(sock=ends[0], pages=PAGES)
    destination = MigrationDestination(sock=ends[1], faults=[0x190, [0x191, 0x120], 0x190, 0x101, 0x9999])
    talk(source, destination)
    assert destination.memory == PAGES and not destination.missing and not source.left
    for end in ends:
        assert broken(end, tmp_path / "said.pcap") == [set()]
        (migration,) = dissector.open(tmp_path / "said.pcap").analyze().migrations
        assert migration.outcome == "completed"
        faults = list(dissector.open(tmp_path / "said.pcap").faults())
        asked = [fault.pfn for fault in faults]
        # What the source, which is idle now and then, has sent by itself is not asked for.
        assert asked and asked == [pfn for pfn in (0x190, 0x120, 0x191, 0x101) if pfn in asked]
        assert all(fault.latency is not None for fault in faults)


@pytest.mark.parametrize("rule", [None, "checkpoint-end-unexpected"])
def test_a_peer_that_has_closed_is_no_error(rule: str | None, ends: tuple[MigrationSocket, MigrationSocket]) -> None:
    """A receiver that does not like what it hears hangs up."""
    source = MigrationSource(sock=ends[0], pages=PAGES, mutate=rule)
    ends[1].close()
    source.run()
    assert ends[0].said == 0


def test_a_source_that_pushes_nothing_sends_what_was_asked_for_alone(
    ends: tuple[MigrationSocket, MigrationSocket],
) -> None:
    pages = {pfn: PAGES[pfn] for pfn in range(0x100, 0x105)}
    source = MigrationSource(sock=ends[0], pages=pages, pushes=False)
    destination = MigrationDestination(sock=ends[1], faults=reversed(range(0x100, 0x105)))
    talk(source, destination)
    assert list(destination.memory) == [0x104, 0x103, 0x102, 0x101, 0x100] and destination.memory == pages


UNFINISHED = "xl-handshake"
"""The rule whose wrong text could still become right: it is broken once the destination closes."""


@pytest.mark.parametrize("rule", sorted(set(RULES) - {*unsayable(), UNFINISHED}))
def test_the_conversation_that_breaks_a_rule_is_named(
    rule: str, ends: tuple[MigrationSocket, MigrationSocket], tmp_path: Path
) -> None:
    source, destination = MigrationSource(sock=ends[0], mutate=rule), MigrationDestination(sock=ends[1], mutate=rule)
    talk(source, destination)
    alone = {rule, "migration-failed"} if rule == "xl-target-failed" else {rule}
    for end in ends:
        (named,) = broken(end, tmp_path / "said.pcap")
        assert rule in named
        assert {one for one in named if RULES[one].severity != "note"} <= alone


def test_a_text_that_is_left_unfinished_is_wrong_once_the_destination_closes(
    ends: tuple[MigrationSocket, MigrationSocket], tmp_path: Path
) -> None:
    source, destination = ends
    banner, text = script(UNFINISHED, REVERSE).lines
    destination.send(banner.octets)
    for line in script(UNFINISHED, FORWARD).lines:
        source.send(line.octets)
    while destination.heard < text.heard:
        destination.listen()
    destination.send(text.octets)
    (named,) = broken(destination, tmp_path / "said.pcap")
    assert UNFINISHED not in named
    destination.end()
    (named,) = broken(destination, tmp_path / "said.pcap")
    assert UNFINISHED in named


FORWARD_ALONE = sorted(
    id
    for id, rule in RULES.items()
    if id not in unsayable() and not any(isinstance(step, Said) and step.reverse for step in rule.breaking)
)


@pytest.mark.parametrize("rule", FORWARD_ALONE)
def test_a_source_breaks_a_rule_before_a_destination_that_breaks_none(
    rule: str, ends: tuple[MigrationSocket, MigrationSocket], tmp_path: Path
) -> None:
    talk(MigrationSource(sock=ends[0], mutate=rule), MigrationDestination(sock=ends[1]))
    (named,) = broken(ends[0], tmp_path / "said.pcap")
    assert rule in named


def test_no_end_breaks_what_a_capture_or_tcp_does() -> None:
    steps = {id: {type(step).__name__ for step in RULES[id].breaking} - {"Said"} for id in unsayable()}
    assert [id for id, found in steps.items() if not found] == ["foreign-octets"]
    assert not {"Closes", "AsFile"} & set().union(*steps.values())
    assert all(unsayable().values())


@pytest.mark.parametrize(
    ("rule", "said"), [("nothing", "no rule is called 'nothing'"), ("capture-gap", "the capture loses octets")]
)
def test_a_rule_that_cannot_be_broken_is_refused(
    rule: str, said: str, ends: tuple[MigrationSocket, MigrationSocket]
) -> None:
    for end, automaton in zip(ends, (MigrationSource, MigrationDestination), strict=True):
        with pytest.raises(ValueError, match=said):
            automaton(sock=end, mutate=rule)
    with pytest.raises(TypeError, match="needs sock=MigrationSocket"):
        MigrationSource(sock=ends[0].ins)  # type: ignore[arg-type]  # that is what is wrong
    with pytest.raises(ValueError, match='a role is "source" or "destination"'):
        MigrationSocket(socket.socket(), "both")


@pytest.mark.parametrize("header", [LibxcRecord, LibxcRecordV2, big_endian(LibxcRecord)])
def test_a_page_server_answers_each_fault_once(header: type[Packet]) -> None:
    order: Endianness = "big" if header is big_endian(LibxcRecord) else "little"
    here, there = socket.socketpair()
    with here, there:
        for pfns in ([0x101, 0x100], [0x100, 0x102], [0x100], [7]):
            fault = big_endian(PostcopyFault) if order == "big" else PostcopyFault
            there.sendall(bytes(header() / fault(pfns=pfns)))
        there.sendall(record("POSTCOPY_COMPLETE", endianness=order))
        server = StreamSocket(here, header)  # which closes `here` when nobody has it any more
        PageServer(opened_socket=server, pages=PAGES, count=5, verbose=0)()
        peer = StreamSocket(there, header)
        answers: list[Any] = [peer.recv(), peer.recv()]
        there.setblocking(False)
        with pytest.raises(BlockingIOError):
            there.recv(1)
    assert [one.pfns for one in answers] == [[0x101, 0x100], [0x102]]
    assert [one[PostcopyPageData].page_data for one in answers] == [PAGES[0x101] + PAGES[0x100], PAGES[0x102]]


def test_a_fault_is_sent_and_its_page_received() -> None:
    """By Scapy's own `sr1`."""
    here, there = socket.socketpair()
    with here, there, ThreadPoolExecutor() as pool:
        server = PageServer(opened_socket=StreamSocket(here, LibxcRecordV2), pages=PAGES, count=1, verbose=0)
        running = pool.submit(server)
        peer = StreamSocket(there, LibxcRecordV2)
        answer: Any = peer.sr1(LibxcRecordV2() / PostcopyFault(pfns=[0x101]), timeout=PATIENCE, verbose=0)
        running.result(PATIENCE)
    assert answer.pfns == [0x101] and answer[PostcopyPageData].page_data == PAGES[0x101]


def test_a_server_of_pages_works_on_the_connection_of_a_migration(
    ends: tuple[MigrationSocket, MigrationSocket],
) -> None:
    """What comes before and after it is said by somebody else."""
    source, destination = ends
    source.send(opening(PAGES))
    faults = MigrationDestination(sock=destination, faults=sorted(PAGES))
    with ThreadPoolExecutor() as pool:
        running = pool.submit(faults.run)
        PageServer(opened_socket=source, pages=PAGES, count=len(PAGES) + 1, verbose=0)()
        source.close()
        running.result(PATIENCE)
    assert faults.memory == PAGES
