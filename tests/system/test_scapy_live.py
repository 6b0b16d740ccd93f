"""Scapy sniffs on an interface while a migration goes on."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from capturing import PATIENCE, XENSHARK, require_root
from conftest import OWN
from scapy.config import conf
from scapy.packet import Packet
from scapy.sendrecv import AsyncSniffer

import dissector
from dissector.integrations.scapy import MigrationSession
from dissector.integrations.scapy import session as sessions

NETEM = OWN / "postcopy" / "c_netem" / "veth_rx.pcap.zst"


def replayed(session: MigrationSession, take: Callable[[Packet], object], count: int = 0) -> AsyncSniffer:
    """A sniffer on loopback that has seen a migration, or so many records of it. Loopback's packets are larger than
    Scapy's own sockets read."""
    require_root()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    listens = Event()
    sniffer = AsyncSniffer(
        iface="lo",
        filter=f"tcp port {port}",
        session=session,
        prn=take,
        store=False,
        count=count,
        started_callback=listens.set,
    )
    sniffer.start()
    assert listens.wait(PATIENCE)
    subprocess.run([*XENSHARK, "replay", "--port", str(port), str(NETEM)], check=True, capture_output=True)
    return sniffer


def test_records_come_as_they_are_captured() -> None:
    """All of them and whole, none only when the session is told that this is all."""
    wanted = list(dissector.open(NETEM).records())
    session = MigrationSession()
    came: list[Any] = []
    sniffer = replayed(session, came.append, count=len(wanted))
    sniffer.join(PATIENCE)
    assert [(one.direction, one.offset, one.wirelen) for one in came] == [
        (one.direction, one.offset, one.length) for one in wanted
    ]
    assert [one.summary() for one in came if not one.complete] == [] and session.dropped == 0
    assert len(session.finish()) == 0


def test_what_the_kernel_had_no_room_for_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(sessions, "ROOM", 0)
    monkeypatch.setattr(conf, "bufsize", 1 << 12)
    monkeypatch.setattr(sessions, "warning", lambda text, *values: said.append(text % values))
    session = MigrationSession()
    sniffer = replayed(session, lambda packet: time.sleep(0.1))
    sniffer.stop()
    session.finish()
    assert session.dropped > 0
    assert sum(int(line.split()[3]) for line in said) == session.dropped
