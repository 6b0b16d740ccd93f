"""A migration that hangs for real: the display says within 2 s what stands still and for how long."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Thread

import pytest
from capturing import PATIENCE, XENSHARK, require_root
from conftest import OWN, REPOSITORY
from namespaces import Namespaces, run

PRECOPY = OWN / "xen/hvm-live-lo/hvm-live-lo.pcap.zst"

STILL = re.compile(r"no data for (\d+) s(?:\s|\x1b\[[\d;]*\w)+waiting for(?:\s|\x1b\[[\d;]*\w)+([^\r\n\x1b]+)")

SHUT = re.compile(r"the destination has closed its window for (\d+) s")


@pytest.fixture(autouse=True, scope="module")
def root() -> None:
    require_root()


@pytest.fixture
def hosts() -> Iterator[Namespaces]:
    hosts = Namespaces()
    for number in (0, 1):  # little fits into the buffers: whatever stops is seen at once
        for name, value in (("tcp_rmem", "4096 16384 65536"), ("tcp_wmem", "4096 16384 65536")):
            run(*hosts.inside(number), "sysctl", "-qw", f"net.ipv4.{name}={value}")
    yield hosts
    hosts.close()


class Screen:
    """A terminal on which `live` draws: what it has shown, and when."""

    def __init__(self, words: list[str]) -> None:
        leader, terminal = os.openpty()
        self.shown: list[tuple[float, str]] = []
        self.process = subprocess.Popen(
            words,
            cwd=REPOSITORY,
            stdout=terminal,
            stderr=terminal,
            env={**os.environ, "TERM": "xterm", "NO_COLOR": "1"},
        )
        os.close(terminal)
        self._leader = leader
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with suppress(OSError):  # the other end is gone
            while octets := os.read(self._leader, 1 << 16):
                self.shown.append((time.monotonic(), octets.decode("utf-8", "replace")))

    def wait_for(self, is_there: Callable[[str], object], since: int = 0) -> None:
        """Until what was shown since then has it."""
        deadline = time.monotonic() + PATIENCE
        while not is_there("".join(text for _, text in self.shown[since:])):
            assert time.monotonic() < deadline and self.process.poll() is None, self.shown[-5:]
            time.sleep(0.02)

    def close(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        os.close(self._leader)


@pytest.mark.parametrize("stopped", ["sender", "receiver", "link"])
def test_what_stands_still_is_said_in_time(stopped: str, hosts: Namespaces) -> None:
    """In the middle of a record: its sender stopped, its receiver, or the wire between them pulled."""
    screen = Screen([*hosts.inside(0), *XENSHARK, "live", "-i", "wire", "-f", "tcp port 7700"])
    ends = []
    try:
        screen.wait_for(lambda text: "wire" in text)
        for number, option in ((1, "--listen"), (0, "--connect")):
            words = [*XENSHARK, "replay", option, "10.99.0.2", "--port", "7700", "--speed", "0.5", str(PRECOPY)]
            ends.append(subprocess.Popen([*hosts.inside(number), *words], cwd=REPOSITORY, stdout=subprocess.DEVNULL))
        screen.wait_for(lambda text: re.search(r"sent\W.*[\d,]+ pages, \d+\.\d MB", text))
        if stopped == "link":
            run(*hosts.inside(1), "ip", "link", "set", "wire", "down")
        else:
            ends[stopped == "sender"].send_signal(signal.SIGSTOP)
        shown = len(screen.shown)
        screen.wait_for(lambda text: any(int(seconds) >= 4 for seconds, _ in STILL.findall(text)), shown)
        said = STILL.findall("".join(text for _, text in screen.shown[shown:]))
        seconds = [int(number) for number, _ in said]
        # By the display's own clock, which is the one that a person looks at: a busy machine draws late.
        assert seconds[0] <= 2 and seconds == sorted(seconds)
        assert all(what.startswith("the rest of PAGE_DATA from the source") for _, what in said), said
        shut = [int(number) for number in SHUT.findall("".join(text for _, text in screen.shown[shown:]))]
        # Its buffers fill first, so the window closes a little after the last octet that moved the display.
        assert (shut == sorted(shut) and shut[-1] >= 3) if stopped == "receiver" else not shut
    finally:
        for process in ends:
            process.kill()
            process.wait()
        screen.close()
