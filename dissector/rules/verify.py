"""The rule of the VERIFY pass: what was sent again is what was sent before. Judged where page contents are read."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import partial

from dissector.events import Record
from dissector.facts.roles import role_of
from dissector.protocol import UNBACKED, Role, State
from dissector.rules import examples as eg
from dissector.rules.rule import BODY, Rule, Violation, declared

_rule = partial(Rule, group="contents", effects=BODY)

PAGE = 4096
KEPT_MAX = 256 << 20
"""Octets of compressed pages that are kept at most; pages past it are not compared."""

_ONCE = (*eg.HVM3, eg.page(0x10, bytes(PAGE)), eg.libxc("VERIFY"))

VERIFY_MISMATCH = _rule(
    id="verify-mismatch",
    severity="warning",
    summary="A page of the VERIFY pass differs from what was sent before",
    source="libxc specification, VERIFY; process_page_data() in xg_sr_restore.c",
    why="After VERIFY the source sends every page once more, and the receiver compares it with what it has."
    " The guest is stopped, so nothing can have changed: a page was dirtied and not sent again, or memory"
    " or the stream is damaged. The receiver logs it and goes on.",
    advice="Do not trust the memory of the copy at the destination: start the guest anew from its disks. If it comes"
    " again, test the memory of both hosts, and report it to the authors of the sending program.",
    receiver_says={
        "verify pfn %#x failed (type %#x)": "",
    },
    example="pfn 0x10 all zeros, VERIFY, pfn 0x10 with 0x01 in octet 7; no finding: the same zeros again",
    message="pfn 0x{pfn:x} differs from what was sent before, first in octet {octet}",
    breaking=(
        *eg.HVM3,
        eg.page(0x10, bytes(PAGE)),
        eg.libxc("VERIFY"),
        eg.page(0x10, bytes(7) + b"\1" + bytes(PAGE - 8)),
    ),
    legal=(*eg.HVM3, eg.page(0x10, bytes(PAGE)), eg.libxc("VERIFY"), eg.page(0x10, bytes(PAGE))),
)

RULES = declared(globals())


class Contents:
    """The latest contents of each page, as far as they were read; compressed."""

    def __init__(self) -> None:
        self._pages: dict[int, bytes] = {}
        self._kept = 0

    def judge(self, record: Record, state: State | None) -> Iterator[Violation]:
        """A PAGE_DATA whose contents are in its body."""
        if state is State.VERIFY:
            for pfn, octets in _pages(record):
                before = self._pages.get(pfn)
                if before is not None and zlib.decompress(before) != octets:
                    pairs = zip(zlib.decompress(before), octets, strict=True)
                    yield VERIFY_MISMATCH(
                        pfn=pfn, octet=next(at for at, (one, other) in enumerate(pairs) if one != other)
                    )

    def advance(self, record: Record, state: State | None) -> None:
        """Takes in its contents."""
        if state is not State.VERIFY:
            for pfn, octets in _pages(record):
                self._keep(pfn, octets)

    def _keep(self, pfn: int, octets: bytes) -> None:
        self._kept -= len(self._pages.pop(pfn, b""))
        packed = zlib.compress(octets, 1)
        if self._kept + len(packed) <= KEPT_MAX:
            self._pages[pfn] = packed
            self._kept += len(packed)


def _pages(record: Record) -> Iterator[tuple[int, bytes]]:
    """Each page with its contents, where all of them are in the body."""
    if role_of(record) is not Role.MEMORY or not record.complete or len(record.body) != record.body_length:
        return
    at = 8 + 8 * record.count
    for first, length, type in record.runs:
        for pfn in range(first, first + length) if type not in UNBACKED else ():
            yield pfn, record.body[at : at + PAGE]
            at += PAGE
