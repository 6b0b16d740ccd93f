"""Variants of what receivers refuse, each in every container: an error at the right record and one more at most, or
none where they accept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import pytest
import zstandard
from conversation import Wire, judge_all, packets, pcap
from receivers.variants import (
    CPUID,
    END,
    EXTENDED,
    MSRS,
    PAGES,
    STATIC,
    Stream,
    Variant,
    guests,
    leaf,
    libxl_variants,
    pages,
    param,
    variants,
    word,
    xl_variants,
)
from streams import libxl_stream, record, xenops_stream
from talks import Item, handshake, managed_save, messages, request, text

from dissector.events import FORWARD, REVERSE
from dissector.views.findings import receiver_says

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
    assert _wrong(rows, CONTAINERS[container], guest) == []


@pytest.mark.parametrize("guest", GUESTS)
@pytest.mark.parametrize("container", IN_LIBXL)
def test_what_libxl_reads(container: str, guest: str) -> None:
    assert _wrong(libxl_variants(), CONTAINERS[container], guest) == []


def _checkpointed(stream: Stream) -> bytes:
    """As Remus sends it: one checkpoint, and the beginning of the next."""
    inside = b"".join(stream.libxc[:-1]) + record("CHECKPOINT")
    behind = (*stream.libxl[:-1], record("CHECKPOINT_END", layer="libxl"))
    return _live(stream.config + libxl_stream(inside, behind), [text("banner")])


@pytest.mark.parametrize("guest", GUESTS)
def test_what_libxl_reads_at_a_checkpoint(guest: str) -> None:
    rows = [row for row in libxl_variants() if "CHECKPOINT" not in row.what and "last" not in row.what]
    rows = [row for row in rows if not row.what.endswith("at -1")]
    assert _wrong(rows, _checkpointed, guest) == []


@pytest.mark.parametrize("guest", GUESTS)
@pytest.mark.parametrize("container", IN_XL)
def test_what_xl_reads(container: str, guest: str) -> None:
    assert _wrong(xl_variants(), CONTAINERS[container], guest) == []


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


RUN = range(6)

RUNS: dict[str, tuple[str, Callable[[Stream], Stream], str, str]] = {
    # By what is wrong in each of six records, of which no two are alike: the guest, the stream, and what is found.
    "types": (
        "HVM",
        lambda s: s.before(PAGES, *[record(PAGES, pages(5 + 3 * one | (5 + one % 4) << 60)) for one in RUN]),
        *("error", "reserved-page-type"),
    ),
    "reserved bits": (
        "HVM",
        lambda s: s.before(PAGES, *[record(PAGES, pages(5 + 3 * one | (1 + one) << 52)) for one in RUN]),
        *("warning", "reserved-bits-set"),
    ),
    "padding": (
        "PV",
        lambda s: s.before(PAGES, *[record(0x80000001, b"abc", padding=bytes([1 + one]) * 5) for one in RUN]),
        *("warning", "nonzero-padding"),
    ),
    "counts": (
        "PV",
        lambda s: s.before(PAGES, *[record(PAGES, pages(5 + one, count=2 + one)) for one in RUN]),
        *("error", "body-length-mismatch"),
    ),
    "no count": (
        "PVH",
        lambda s: s.before(PAGES, *[record(PAGES, pages())] * 6),
        *("error", "empty-pages-record"),
    ),
    "parameters": (
        "PVH",
        lambda s: s.before(END, *[param(99 + one, one) for one in RUN]),
        *("error", "bad-hvm-params"),
    ),
    "policies": (
        "PV",
        lambda s: s.before(STATIC, *[record(CPUID, leaf(0x1000 + one)) for one in RUN]),
        *("error", "bad-cpu-policy"),
    ),
    "vcpus of the wrong size, and another record of each": (
        "PV",
        lambda s: s.before(
            END, *[record(type, word(0, 8) + bytes(17 + one)) for one in RUN for type in (EXTENDED, MSRS)]
        ),
        *("error", "bad-vcpu-state"),
    ),
    "keys": (
        "HVM",
        lambda s: s.tail(*[record(2, word(2, 8) + b"/%d\0x\0" % one) for one in RUN]),
        *("error", "bad-xenstore-key"),
    ),
}


@pytest.mark.parametrize("what", RUNS)
@pytest.mark.parametrize("container", ["xl save", "xl migrate"])
def test_a_run_of_the_same_mistake_is_one_finding(what: str, container: str) -> None:
    guest, change, severity, rule = RUNS[what]
    (verdict,) = judge_all(CONTAINERS[container](change(GUESTS[guest])))
    assert verdict.worse_than_notes() == [(severity, rule)]


@pytest.mark.parametrize("octets", [b"\1\2\3\4" * 4, b"Written before, and not over"])
@pytest.mark.parametrize("container", ["xl save", *WRAPPED])
def test_what_nobody_reads(container: str, octets: bytes) -> None:
    """Octets behind the end, unless xl waits there for the source's permission."""
    stream = GUESTS["HVM"]
    (verdict,) = judge_all(CONTAINERS[container](stream._replace(libxl=(*stream.libxl, octets))))
    assert verdict.worse_than_notes() == [("warning", "data-after-end")]


SAID = {
    "marker": "Invalid marker: Got 0x%016x",
    "id": "Invalid ID: Expected 0x%08x, Got 0x%08x",
    "page_shift 11": "Invalid page size %u for x86 HVM domains",
    "order 0": "File has wrong byte order",
    "flags 7": "Savefile has mandatory flag(s) 0x%x which are not supported; need newer xl",
    "configured as pv": "Unable to restore %s domain into an x86_pv domain",
    "configured as hvm": "Unable to restore %s domain into an x86 HVM domain",
    "pages 0": "PAGE_DATA record truncated: length %u, min %u",
    "pages 8": "PAGE_DATA record wrong size: length %u, expected %u + %u + %u",
    "params of 7": "HVM_PARAMS record truncated: length %u, header size %u",
    "13 params": "HVM_PARAMS record truncated: header %u, count %u, expected len %u, got %u",
    "registers 4": "Failed to set CPUID policy: leaf %08x, subleaf %08x, msr %08x",
    "info twice": "Already received X86_PV_INFO record",
    "2/5": "Invalid X86_PV_INFO combination: width %u, pt_levels %u",
    "no info": "Not yet received X86_PV_INFO record",
    "last before first": "End pfn in stream (%#x) exceeds Start (%#x)",
    "frame 2800": "pfn (%#x) for p2m_frame_list[%u] out of range",
    "vcpu 8192": "%s record vcpu_id (%u) exceeds domain max (%u)",
    "X86_PV_VCPU_EXTENDED of 129": "%s record too long: max %u, got %u",
    "X86_PV_VCPU_XSAVE of 15": "%s record too short: min %u, got %u",
    "X86_PV_VCPU_MSRS of 17": "%s record payload size %u expected to be a multiple of %u",
    "no vcpu 0": "Sender didn't send vcpu0's basic state",
    "no context": "Unable to restore HVM context",
    "100000000 at 1000": "%s: HVM restore: bad MSR_TSC_AUX %#x",
    "1012 of 2": "HVM restore mismatch: expected %s type %u length %u, saw type %u length %u.  %u bytes remaining",
    "EMULATOR_CONTEXT of a PV guest": "Received an emulator context record when none was expected",
    "keys b'/abc\\x00x\\x00'": "Key in xenstore data not relative",
    "keys b'abc'": "Key in xenstore data not NUL terminated",
    "libxl 40 at 0": "Unrecognised record 0x%08x",
    "type 40": "Mandatory record %#x (%s) not handled",
}
"""By what is wrong the line that the receiver writes into its log: as in the C code where that is found out."""


def test_the_line_of_the_log_is_that_of_what_is_wrong() -> None:
    said = {}
    for row in (*variants(), *libxl_variants(), *xl_variants()):
        if row.what in SAID:
            (verdict,) = judge_all(_xl(row.change(GUESTS[row.guests[0]])))
            errors = [one for one in verdict.findings if one.severity == "error" and one.record == row.refused]
            said[row.what] = receiver_says(errors[0])
    assert said == SAID


def _wrong(rows: Iterable[Variant], container: Callable[[Stream], bytes], guest: str) -> list[object]:
    """Variants of which the program says something else, and what."""
    wrong: list[object] = []
    for row in rows:
        if guest in row.guests:
            verdicts = judge_all(container(row.change(GUESTS[guest])))
            errors = [one for verdict in verdicts for one in verdict.findings if one.severity == "error"]
            at = {"X86_TSC_INFO" if one.record == "TSC_INFO" else one.record for one in errors}
            is_right = row.refused in at and len(errors) <= 2 if row.refused else not errors
            if not verdicts or not is_right:
                wrong.append((row.what, row.refused, [(one.rule, one.record) for one in errors]))
    return wrong
