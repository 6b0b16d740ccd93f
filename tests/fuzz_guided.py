"""Damage that is led by what the program does with it: atheris, on top of libFuzzer.

    pip install '.[fuzz]'; python -m tests.fuzz_guided FOLDER -runs=100000 [libFuzzer's options]

FOLDER keeps what reached new code; it is filled from `captures/` at first, with small parts of each: what is there is
gone on with. The damage is that of `tests.fuzz`, as far as the file is a pcap, else libFuzzer's own. A case is wrong
for the reasons that `tests.fuzz` knows; what it was is then left in a file (`crash-...`).
"""

from __future__ import annotations

import random
import signal
import sys
import tempfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent))

with atheris.instrument_imports(include=["dissector"]):
    import fuzz

SMALL = 20_000
"""Octets of a seed."""

SLOWER, LARGER = 10, 3
"""What is instrumented takes so many times the CPU, and the memory."""

PCAP = b"\xd4\xc3\xb2\xa1"


def seeds(folder: Path) -> None:
    """The beginning of every part of a capture that `tests.fuzz` uses, and the small files that are no pcap."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        return
    for number, window in enumerate(fuzz.windows(fuzz.CAPTURES)):
        (folder / f"seed-{number}").write_bytes(beginning(window))
    for kind in ("receivers", "hostile"):
        for path in (fuzz.CAPTURES / kind).iterdir():
            if path.stat().st_size < SMALL:
                (folder / f"seed-{path.name}").write_bytes(path.read_bytes())


def beginning(window: fuzz.Window) -> bytes:
    """A capture of the window's first packets."""
    octets = window.header
    for packet in window.packets:
        if len(octets) + len(packet) > SMALL:
            break
        octets += packet
    return octets


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """Packets that something happened to, or, every now and then, octets that libFuzzer thinks of."""
    chance = random.Random(seed)
    packets = [bytearray(packet) for packet in fuzz.records(data)] if data.startswith(PCAP) else []
    if not packets or chance.random() < 0.2:
        return bytes(atheris.Mutate(data, most))
    window = fuzz.Window("", data[:24], [bytes(packet) for packet in packets])
    return fuzz.damaged(chance, window)[:most]


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: python -m tests.fuzz_guided FOLDER [libFuzzer's options]")
    seeds(Path(sys.argv[1]))
    fuzz.CPU_START, fuzz.CPU_A_MB = SLOWER * fuzz.CPU_START, SLOWER * fuzz.CPU_A_MB
    fuzz.MEMORY *= LARGER
    signal.signal(signal.SIGALRM, fuzz.too_long)
    path = Path(tempfile.mkdtemp()) / "case"

    def one(data: bytes) -> None:
        path.write_bytes(data)
        # The same octets are always held against the same oracle, so that what was wrong once is so again.
        chance = random.Random(sum(data))
        oracle = chance.choice(fuzz.ORACLES)
        wrong = fuzz.trouble(path, lambda: oracle(chance, path))
        if wrong is not None:
            raise AssertionError(f"{oracle.__name__}: {wrong}")

    atheris.Setup([sys.argv[0], f"-max_len={fuzz.WINDOW[1]}", *sys.argv[1:]], one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
