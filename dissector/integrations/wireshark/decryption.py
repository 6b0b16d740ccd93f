"""TLS connections opened by tshark, which has the cryptography and takes the keys: a key log file (SSLKEYLOGFILE), or
the capture's own Decryption Secrets Blocks.

tshark puts the segments in order and the records together, and prints what was in those that end in a packet, so each
piece has that packet's number and time. After octets that were not captured nothing of a connection can be opened.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import IO, Literal

from dissector.capture.files import small
from dissector.capture.joined import FileSet, octets_of
from dissector.errors import UserError
from dissector.events import Endpoint
from dissector.integrations.wireshark.tshark import complaints, find, hand_over, isolated
from dissector.parser.decrypted import Plain

FIELDS = (
    "frame.number",
    "frame.time_epoch",
    "tcp.stream",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.flags",
    "tcp.nxtseq",
    "tcp.ack",
    "data.data",
)

FIN, RST = 0x01, 0x04

FILTER = "(tls && data.data) || tcp.flags.fin == 1 || tcp.flags.reset == 1"

KEYLOG_MAX = 1 << 26
"""Octets of a key log file."""

OPTIONS = (
    # Whatever is inside, it is shown as it is; no protocol is to take it for its own.
    ("-d", "tls.port==1-65535,data"),
    ("-o", "tcp.reassemble_out_of_order:TRUE"),
)


def decrypted(files: FileSet, keylog: str | None) -> Iterator[Plain]:
    """What both sides said on each TLS connection that can be opened, in the order of the packets. `keylog`: a key log
    file, if there are keys beside those in the capture. UserError if there is no tshark, or it fails."""
    with isolated(find()) as folder:
        words = [str(folder / "tshark"), "-n", "-r", "-", "-T", "fields", "-Y", FILTER]
        words += [word for option in OPTIONS for word in option]
        words += [word for field in FIELDS for word in ("-e", field)]
        if keylog is not None:
            words += ["-o", f"tls.keylog_file:{_copied(keylog, folder)}"]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None and process.stdout is not None
        pump = Thread(target=_pump, args=(files, process.stdin), daemon=True)
        pump.start()
        try:
            for line in process.stdout:
                yield from _pieces(line.decode().rstrip("\n").split("\t"))
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            pump.join()
        trouble = complaints((folder / "stderr").read_text(errors="replace"))
        if trouble:
            raise UserError(f"Wireshark complains: {trouble[0]}")


def _copied(keylog: str, folder: Path) -> Path:
    """The keys where tshark, which runs as nobody if this program is root's, can read them."""
    copy = folder / "keys"
    copy.touch(0o600)
    copy.write_bytes(small(keylog, KEYLOG_MAX))
    hand_over(copy)
    return copy


def _pump(files: FileSet, pipe: IO[bytes]) -> None:
    """The capture's octets, decompressed; what is wrong with them was said when it was read first."""
    with suppress(OSError, UserError):
        for piece in octets_of(files):
            pipe.write(piece)
    with suppress(OSError):
        pipe.close()


def _pieces(values: list[str]) -> Iterator[Plain]:
    """What a line says: octets, and whether their sender has ended the connection."""
    frame, time, stream, *_ = values
    # Of what is inside a tunnel the innermost counts.
    source4, destination4, source6, destination6, *ports = (value.rpartition(",")[2] for value in values[3:9])
    source = Endpoint(source4 or source6, int(ports[0]))
    destination = Endpoint(destination4 or destination6, int(ports[1]))
    flags = int(values[9].rpartition(",")[2], 16)
    seconds, _, fraction = time.partition(".")
    moment = int(seconds) * 10**9 + int(fraction.ljust(9, "0")[:9] or "0")
    place = int(stream.rpartition(",")[2])
    end, acked = (int(value.rpartition(",")[2] or "0") for value in values[10:12])
    octets = bytes.fromhex(values[12].replace(",", "").replace(":", ""))
    if octets:
        yield Plain(place, source, destination, int(frame), moment, octets, end, acked)
    if flags & (FIN | RST):
        how: Literal["fin", "rst"] = "rst" if flags & RST else "fin"
        yield Plain(place, source, destination, int(frame), moment, b"", end, acked, how)
