"""Small mutations of a stream that stay a stream: fields, bits, types, lengths, and records that go, come or move."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from random import Random

PAGE = 4096
VALUES = (0, 1, 2, 5, 7, 99, 0xFFFF, 0x10000, 0xFFFFFFFF, 0x80000001, 1 << 40, (1 << 64) - 1)


def records(octets: bytes) -> list[bytes]:
    """A save file of xl in pieces: its headers, then each record. A file of one checkpoint at most."""
    length = 48 + int.from_bytes(octets[44:48], "little")
    pieces = [octets[:length], octets[length : length + 16]]
    at, in_libxc = length + 16, False
    while at < len(octets):
        type, size = struct.unpack_from("<II", octets, at)
        end = at + 8 + size + -size % 8
        pieces.append(octets[at:end])
        at = end
        if not in_libxc and type == 1:
            pieces.append(octets[at : at + 40])
            at += 40
            in_libxc = True
        elif in_libxc and type == 0:
            in_libxc = False
    return pieces


def thinned(octets: bytes, pfns: Collection[int]) -> bytes:
    """A save file with few of its pages: these, and one in 500."""
    pieces = records(octets)
    for at, piece in enumerate(pieces):
        if at > 1 and piece[:4] == b"\1\0\0\0" and len(piece) > 24:
            pieces[at] = _thin(piece, pfns)
    return b"".join(pieces)


def _thin(piece: bytes, pfns: Collection[int]) -> bytes:
    count = int.from_bytes(piece[8:12], "little")
    page, kept, contents = 16 + 8 * count, [], []
    for index, entry in enumerate(struct.unpack_from(f"<{count}Q", piece, 16)):
        size = PAGE if entry >> 60 < 0xD else 0
        if entry & (1 << 52) - 1 in pfns or not index % 500:
            kept.append(entry)
            contents.append(piece[page : page + size])
        page += size
    body = struct.pack(f"<II{len(kept)}Q", len(kept), 0, *kept) + b"".join(contents)
    return struct.pack("<II", 1, len(body)) + body


def mutations(octets: bytes, count: int, seed: int) -> Iterator[bytes]:
    """So many mutations, always the same ones."""
    random = Random(seed)
    pieces = records(octets)
    ways = (_bit, _value, _value, _octet, _type, _length, _gone, _twice, _moved, _cut, _new, _count, _page)
    for _ in range(count):
        changed = list(pieces)
        random.choice(ways)(random, changed)
        yield b"".join(changed)


def _some(random: Random, pieces: list[bytes]) -> int:
    """A piece, small ones as often as large ones."""
    return random.randrange(len(pieces))


def _put(piece: bytes, at: int, octets: bytes) -> bytes:
    return piece[:at] + octets[: len(piece) - at] + piece[at + len(octets) :]


def _place(random: Random, piece: bytes) -> int:
    """Mostly near the beginning, where fields are, and never in what a page holds."""
    return random.randrange(min(len(piece), random.choice((16, 48, 128, 1024, 6000))))


def _bit(random: Random, pieces: list[bytes]) -> None:
    at = _some(random, pieces)
    place = _place(random, pieces[at])
    pieces[at] = _put(pieces[at], place, bytes((pieces[at][place] ^ 1 << random.randrange(8),)))


def _octet(random: Random, pieces: list[bytes]) -> None:
    at = _some(random, pieces)
    pieces[at] = _put(pieces[at], _place(random, pieces[at]), bytes((random.randrange(256),)))


def _value(random: Random, pieces: list[bytes]) -> None:
    at = _some(random, pieces)
    size = random.choice((1, 2, 4, 8))
    value = random.choice(VALUES) & (1 << 8 * size) - 1
    place = _place(random, pieces[at]) // size * size
    pieces[at] = _put(pieces[at], place, value.to_bytes(size, "little"))


def _type(random: Random, pieces: list[bytes]) -> None:
    at = random.randrange(2, len(pieces))
    optional = random.choice((0, 0, 0, 0x80000000))
    pieces[at] = _put(pieces[at], 0, (random.randrange(0x18) | optional).to_bytes(4, "little"))


def _length(random: Random, pieces: list[bytes]) -> None:
    """A body that is shorter or longer, and a header that says so."""
    at = random.randrange(2, len(pieces))
    if pieces[at][:8] == bytes(8) or len(pieces[at]) == 40:
        return _count(random, pieces)
    body = pieces[at][8:]
    body = random.choice((body[:-8], body + bytes(8), body[: len(body) // 2 // 8 * 8], body[8:], b""))
    pieces[at] = pieces[at][:4] + len(body).to_bytes(4, "little") + body
    return None


def _count(random: Random, pieces: list[bytes]) -> None:
    at = random.randrange(2, len(pieces))
    old = int.from_bytes(pieces[at][8:12], "little")
    new = max(0, old + random.choice((-1, 1, 2, 1000)))
    if len(pieces[at]) > 12:
        pieces[at] = _put(pieces[at], 8, new.to_bytes(4, "little"))


def _page(random: Random, pieces: list[bytes]) -> None:
    """A page of another type, as large as before."""
    lists = [at for at in range(2, len(pieces)) if pieces[at][:4] == b"\1\0\0\0" and len(pieces[at]) > 24]
    if lists:
        at = random.choice(lists)
        place = 16 + 8 * random.randrange(int.from_bytes(pieces[at][8:12], "little")) + 7
        type = random.choice((0, 1, 2, 3, 4, 9, 10, 11, 12)) << 4
        pieces[at] = _put(pieces[at], place, bytes((pieces[at][place] & 15 | type,)))


def _gone(random: Random, pieces: list[bytes]) -> None:
    del pieces[random.randrange(2, len(pieces))]


def _twice(random: Random, pieces: list[bytes]) -> None:
    at = random.randrange(2, len(pieces))
    pieces.insert(at, pieces[at])


def _moved(random: Random, pieces: list[bytes]) -> None:
    piece = pieces.pop(random.randrange(2, len(pieces)))
    pieces.insert(random.randrange(2, len(pieces) + 1), piece)


def _cut(random: Random, pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    pieces[:] = [whole[: random.randrange(len(pieces[0]), len(whole))]]


def _new(random: Random, pieces: list[bytes]) -> None:
    type = random.choice((0x40, 0x13, 0x80000040, 0xB, 0xC0001234, 0x7, 0x12))
    at = random.randrange(2, len(pieces) + 1)
    pieces.insert(at, struct.pack("<II", type, 8) + bytes(8))
