"""Migrations over TLS: with keys as if they were plain, without as before."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
import talks
import zstandard
from conversation import Wire, packets, pcap
from shell import Shell
from talks import Item, Talk

import dissector
from dissector.events import FORWARD, REVERSE, Direction, Record

pytest_plugins = ("shell",)

CERTIFICATE = "req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=x -keyout {0}/key -out {0}/certificate"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    openssl = shutil.which("openssl") or pytest.fail("openssl is missing")
    subprocess.run([openssl, *CERTIFICATE.format(folder).split()], check=True, capture_output=True)
    return folder


class Tls:
    """Both sides of a real TLS connection, without a network: what each writes is what a capture shows."""

    def __init__(self, certificate: Path, keys: Path, version: ssl.TLSVersion) -> None:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(certificate / "certificate", certificate / "key")
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        client.keylog_filename = str(keys)
        client.maximum_version = version
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._out = {FORWARD: to_server, REVERSE: to_client}
        self._wire = {FORWARD: ssl.MemoryBIO(), REVERSE: ssl.MemoryBIO()}
        self._sides: dict[Direction, ssl.SSLObject] = {
            FORWARD: client.wrap_bio(self._wire[REVERSE], to_server),
            REVERSE: server.wrap_bio(self._wire[FORWARD], to_client, server_side=True),
        }
        self.talk: Talk = []
        waiting = {FORWARD, REVERSE}
        while waiting:
            for side in sorted(waiting):
                try:
                    self._sides[side].do_handshake()
                    waiting.remove(side)
                except ssl.SSLWantReadError:
                    pass
                self._carry(side)

    def say(self, direction: Direction, octets: bytes) -> None:
        self._sides[direction].write(octets)
        self._carry(direction)

    def _carry(self, direction: Direction) -> None:
        octets = self._out[direction].read()
        if octets:
            self.talk.append(Item(direction, "xl", "TLS", octets))
            self._wire[direction].write(octets)


def captured(talk: Talk, certificate: Path, shell: Shell, version: ssl.TLSVersion, **how: Any) -> tuple[str, str]:
    """The capture of a talk over TLS, and its keys."""
    keys = Path(shell.file(b"", "keys"))
    tls = Tls(certificate, keys, version)
    for item in talk:
        tls.say(item.direction, item.octets)
    return shell.file(pcap(packets(Wire(tls.talk, **how)), how.get("snap", 1 << 16)), "tls.pcap"), str(keys)


def facts(printed: str) -> Any:
    """What is said of the only migration, without what another connection has otherwise."""
    (one,) = json.loads(printed)["migrations"]
    apart = ("time", "phases", "iterations", "convergence", "duration", "retransmitted")
    return {name: value for name, value in one.items() if name not in apart}


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_with_keys_it_is_as_if_it_were_plain(version: ssl.TLSVersion, certificate: Path, shell: Shell) -> None:
    talk = talks.postcopy()
    path, keys = captured(talk, certificate, shell, version)
    status, out, err = shell.run("analyze", "--json", "--keylog", keys, path)
    assert (status, err) == (0, "")
    seen = facts(out)
    plain = facts(shell.run("analyze", "--json", shell.file(pcap(packets(Wire(talk))), "plain.pcap"))[1])
    for name in ("records", "outcome", "kind", "bytes", "flow", "stream", "pages"):
        assert seen[name] == plain[name], name
    assert seen["findings"] == plain["findings"] == []
    assert seen["postcopy"]["answered"] == plain["postcopy"]["answered"] > 0
    events = dissector.open(path, keylog=keys).events()
    frames = [event.first.frame for event in events if isinstance(event, Record)]
    assert frames == sorted(frames) and frames[0] > 3 and len(frames) == sum(map(bool, talk))
    assert shell.run("check", "--keylog", keys, path)[0] == 0


def test_keys_in_the_capture(certificate: Path, shell: Shell) -> None:
    path, keys = captured(talks.precopy(), certificate, shell, ssl.TLSVersion.TLSv1_3)
    editcap = shutil.which("editcap") or pytest.fail("editcap is missing")
    with_keys = f"{path}ng"
    subprocess.run([editcap, "--inject-secrets", f"tls,{keys}", path, with_keys], check=True)
    packed = shell.file(zstandard.ZstdCompressor().compress(Path(with_keys).read_bytes()), "tls.pcapng.zst")
    for one in (with_keys, packed):
        assert facts(shell.run("analyze", "--json", one)[1])["outcome"] == "completed"


def test_keys_without_end(certificate: Path, shell: Shell) -> None:
    path, _ = captured(talks.precopy(), certificate, shell, ssl.TLSVersion.TLSv1_3)
    assert "cannot read /dev/zero: it has more than" in shell.complaint("analyze", path, "--keylog", "/dev/zero")


def test_without_keys(certificate: Path, shell: Shell) -> None:
    path, _ = captured(talks.precopy(), certificate, shell, ssl.TLSVersion.TLSv1_3)
    other = shell.file(b"CLIENT_RANDOM " + b"00" * 32 + b" " + b"00" * 48 + b"\n", "other")
    for words, says in (
        ((), "the connection is encrypted (TLS)"),
        (("--keylog", other), f"in the TLS connections that the keys in {other} open there is none"),
        (("--keylog", "/nonexistent"), "cannot read /nonexistent: No such file or directory"),
    ):
        status, out, err = shell.run("analyze", path, *words)
        assert (status, out) == (2, "") and says in err and err.count("\n") == 1


@pytest.mark.parametrize("octets", [b"", b"# a comment\n", b"\x00" * 99, b"CLIENT_RANDOM 00\n", b"xl migrate\n"])
def test_a_key_log_file_without_keys_is_told(octets: bytes, shell: Shell) -> None:
    """Also where there is nothing to open."""
    path, keys = shell.file(pcap(packets(Wire(talks.precopy()))), "plain.pcap"), shell.file(octets, "keys")
    said = f"xenshark: {keys} has no keys of TLS in it: no line is a label, a random number and a secret\n"
    commands = ["analyze {0} {0}", "check {0}", "read {0}", "plot timeline {0} -o -", "diff {0} {0}"]
    for words in commands:
        status, out, err = shell.run(*words.format(path).split(), "--keylog", keys)
        assert (status, err) == (0, said) and out, words


def test_a_plain_migration_needs_no_tshark(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    path = shell.file(pcap(packets(Wire(talks.precopy()))), "plain.pcap")
    keys = shell.file(b"CLIENT_RANDOM " + b"00" * 32 + b" " + b"00" * 48 + b"\n", "keys")
    assert shell.run("analyze", "--keylog", keys, path)[::2] == (0, "")
