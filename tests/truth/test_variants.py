"""Variants of what receivers refuse, each in every container: an error at the right record and one more at most, or
none where they accept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import pytest
import zstandard
from conversation import Wire, judge_all, packets, pcap
from receivers.variants import Stream, Variant, guests, libxl_variants, variants, xl_variants
from streams import libxl_stream, record, xenops_stream
from talks import Item, handshake, managed_save, messages, request, text

from dissector.events import FORWARD, REVERSE

GUESTS = guests()


def _libxc(stream: Stream) -> bytes:
    return b"".join(stream.libxc)


def _libxl(stream: Stream) -> bytes:
    return libxl_stream(_libxc(stream), stream.libxl)


def _xl(stream: Stream) -> bytes:
    return stream.config + _libxl(stream)


def _image(stream: Stream) -> bytes:
    return xenops_stream(_libxc(stream), after=[record("END_OF_IMAGE", layer="xenops")])


def _live(octets: bytes, before: Sequence[Item] = (), after: Sequence[Item] = ()) -> bytes:
    return pcap(packets(Wire([*before, Item(FORWARD, "libxl", "stream", octets), *after])))


def _by_xenopsd(octets: bytes, **cookies: str) -> bytes:
    return _live(octets, [request(**cookies), handshake()], [handshake(FORWARD), handshake(REVERSE)])


WRAPPED: dict[str, Callable[[bytes], bytes]] = {
    "libxl in a file": lambda octets: octets,
    "libvirt, direct": _live,
    "libvirt, tunnelled": lambda octets: _live(messages(octets)),
    "libvirt, managed save": lambda octets: managed_save()[0].octets + octets,
}
"""How a stream of libxl is carried but for xl."""


def _wrapped(wrap: Callable[[bytes], bytes], stream: Stream) -> bytes:
    return wrap(_libxl(stream))


CONTAINERS: dict[str, Callable[[Stream], bytes]] = {
    "xl save": _xl,
    "xl migrate": lambda stream: _live(
        _xl(stream), [text("banner")], [text("ready"), text("go"), text("report", b"\0")]
    ),
    **{name: partial(_wrapped, wrap) for name, wrap in WRAPPED.items()},
    "libxc in a file": _libxc,
    "libxc": lambda stream: _live(_libxc(stream)),
    "xenopsd, suspended": _image,
    "xenopsd": lambda stream: _by_xenopsd(_image(stream)),
    "xenopsd, compressed": lambda stream: _by_xenopsd(zstandard.compress(_image(stream)), compress="zstd"),
}

IN_LIBXL = [name for name in CONTAINERS if name.startswith(("xl", "libxl", "libvirt"))]
IN_XL = [name for name in CONTAINERS if name.startswith("xl")]

UNKNOWN = {"marker", "id"}
"""What makes a bare libxc stream one that nobody knows again."""

STEP = 4
"""Of the variants of libxc's streams each container but xl's has one of so many, always others."""


@pytest.mark.parametrize("guest", GUESTS)
@pytest.mark.parametrize("container", CONTAINERS)
def test_what_libxc_reads(container: str, guest: str) -> None:
    first, step = (0, 1) if container in IN_XL else ((list(CONTAINERS).index(container) + len(guest)) % STEP, STEP)
    rows = [row for row in variants() if not (row.what in UNKNOWN and container.startswith("libxc"))][first::step]
    assert _wrong(rows, container, guest) == []


@pytest.mark.parametrize("guest", GUESTS)
@pytest.mark.parametrize("container", IN_LIBXL)
def test_what_libxl_reads(container: str, guest: str) -> None:
    assert _wrong(libxl_variants(), container, guest) == []


@pytest.mark.parametrize("guest", GUESTS)
@pytest.mark.parametrize("container", IN_XL)
def test_what_xl_reads(container: str, guest: str) -> None:
    assert _wrong(xl_variants(), container, guest) == []


@pytest.mark.parametrize("container", WRAPPED)
def test_a_wrong_header_of_libxl_that_is_the_first(container: str) -> None:
    """What follows it tells what it is."""
    for at in (7, 11):
        octets = bytearray(_libxl(GUESTS["HVM"]))
        octets[at] ^= 1
        verdicts = judge_all(WRAPPED[container](bytes(octets)))
        errors = [one for verdict in verdicts for one in verdict.findings if one.severity == "error"]
        assert {(one.rule, one.record) for one in errors[:1]} == {("bad-libxl-header", "libxl header")}
        assert len(errors) <= 2


@pytest.mark.parametrize("octets", [b"\1\2\3\4" * 4, b"Written before, and not over"])
@pytest.mark.parametrize("container", ["xl save", *WRAPPED])
def test_what_nobody_reads(container: str, octets: bytes) -> None:
    """Octets behind the end, unless xl waits there for the source's permission."""
    stream = GUESTS["HVM"]
    (verdict,) = judge_all(CONTAINERS[container](stream._replace(libxl=(*stream.libxl, octets))))
    assert verdict.worse_than_notes() == [("warning", "data-after-end")]


def _wrong(rows: Iterable[Variant], container: str, guest: str) -> list[object]:
    """Variants of which the program says something else, and what."""
    wrong: list[object] = []
    for row in rows:
        if guest in row.guests:
            verdicts = judge_all(CONTAINERS[container](row.change(GUESTS[guest])))
            errors = [one for verdict in verdicts for one in verdict.findings if one.severity == "error"]
            at = {"X86_TSC_INFO" if one.record == "TSC_INFO" else one.record for one in errors}
            is_right = row.refused in at and len(errors) <= 2 if row.refused else not errors
            if not verdicts or not is_right:
                wrong.append((row.what, row.refused, [(one.rule, one.record) for one in errors]))
    return wrong
