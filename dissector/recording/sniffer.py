"""Scapy as a program that captures, for machines that have neither dumpcap nor tcpdump.

`python -m dissector.recording.sniffer INTERFACE FILTER MIB SNAP PROMISCUOUS` writes a pcap of nanoseconds to standard
output until it is interrupted; without words it lists the interfaces. Its complaints and its count are in the words
of tcpdump.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from contextlib import suppress
from typing import Any

from dissector.capture.formats import NANOSECONDS
from dissector.capture.kernel import Losses, prepare
from dissector.capture.writer import SNAP, pcap_header, pcap_packet

NS = 1_000_000_000

TURN = 0.1
"""Seconds until an interrupt is noticed."""


def main(words: list[str]) -> int:
    """Exit status: 0, or 1 after one line on standard error."""
    import scapy.arch  # noqa: F401  # tells conf which sockets there are
    from scapy.config import conf
    from scapy.interfaces import get_if_list
    from scapy.layers import inet, inet6, l2  # noqa: F401  # they tell Scapy the link types

    if not words:
        print("\n".join(get_if_list()))
        return 0
    interface, expression, buffer, snap, promiscuous = words
    stopped: list[int] = []
    asked: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: stopped.append(number))
    signal.signal(signal.SIGUSR1, lambda number, frame: asked.append(number))
    try:
        if interface not in get_if_list():
            raise OSError(f"there is no interface {interface}")
        # On loopback each packet goes out and comes in: Scapy's other socket sees it once.
        loopback = interface == conf.loopback_name
        kind = conf.L2socket if loopback else conf.L2listen
        listening = kind(iface=interface, filter=expression or None, promisc=promiscuous == "promiscuous")
    except Exception as error:  # Scapy raises what it likes
        print(f"scapy: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return 1
    prepare(listening.ins, int(buffer) << 20, SNAP)
    losses = Losses(listening.ins)
    print(f"scapy: listening on {interface}", file=sys.stderr, flush=True)
    with suppress(BrokenPipeError):
        copy(listening, int(snap) or SNAP, stopped, asked, losses)
    say(losses)
    return 0


def say(losses: Losses) -> None:
    """How many packets were lost so far."""
    print(f"{losses.look()} packets dropped by kernel", file=sys.stderr, flush=True)


def copy(listening: Any, snap: int, stopped: list[int], asked: list[int], losses: Losses) -> None:
    """Writes what comes until something is in `stopped`; says what was lost when something is in `asked`."""
    from scapy.config import conf

    write(pcap_header(conf.l2types.layer2num[listening.LL], magic=NANOSECONDS, snap=snap))
    while not stopped:
        if asked:
            asked.clear()
            say(losses)
        if not select.select([listening], [], [], TURN)[0]:
            continue
        _, octets, seconds = listening.recv_raw(SNAP)
        if octets:
            write(pcap_packet(int(seconds * NS), octets[:snap], len(octets), magic=NANOSECONDS))


def write(octets: bytes) -> None:
    """All of it."""
    while octets:
        octets = octets[os.write(sys.stdout.fileno(), octets) :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
