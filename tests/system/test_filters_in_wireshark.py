"""One expression, asked here and of tshark with the dissector: the same frames, and the same values in columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
from conftest import OWN, captures_in
from wireshark.releases import RELEASES, run, wireshark_of

from dissector import library
from dissector.facts import Linker
from dissector.filter import Field, Scope, parse
from dissector.filter.columns import as_text, each
from dissector.filter.fields import Around, Row, Value, records
from dissector.integrations.wireshark.tshark import Tshark

CAPTURES = captures_in(OWN)

HANDED_OVER = "postcopy/c_netem/veth_rx.pcap"
SOME = (
    HANDED_OVER,
    "postcopy/g_receiver_killed/veth_rx.pcap",
    "postcopy/d_concurrent/veth_rx.pcap",
    "violations/fault_type/fault_type.pcap",
)

EXPRESSIONS = (
    'xenmig.name == "POSTCOPY_FAULT"',
    "xenmig and xenmig.item",
    "xenmig.name == TSC_INFO",
    'xenmig.name != "POSTCOPY_FAULT"',
    'xenmig.name !== "POSTCOPY_FAULT"',
    'xenmig.name === "POSTCOPY_FAULT"',
    'xenmig.name in {"TSC_INFO", "END"} and xenmig.direction == "forward"',
    'xenmig.item and not xenmig.name in {"TSC_INFO", "END"}',
    'xenmig.item and xenmig.name not in {"TSC_INFO", "END"}',
    'xenmig.name contains "POST" || xenmig.layer eq "xl"',
    r'xenmig.name matches "^post.*_(fault|END)$"',
    r'xenmig.name ~ "\\bend\\b"',
    'lower(xenmig.name) == "end" or upper(xenmig.layer) == "LIBXL"',
    "len(xenmig.name) == 3",
    "count(xenmig.name) > 1",
    "xenmig.type == 0x15 && xenmig.length > 24",
    "xenmig.type <= 1 && xenmig.item",
    "xenmig.offset >= 12085538 && xenmig.offset < 12400000",
    "xenmig.body_length in {0, 8..100, 262000..300000}",
    "xenmig.complete == 1",
    "xenmig.complete == True and xenmig.layer",
    "xenmig.item && !(xenmig.layer == libxc)",
    "xenmig.migration == 1",
    "xenmig.last_frame > xenmig.first_frame",
    "xenmig.fault",
    "xenmig.fault.latency > 0.1",
    "all xenmig.fault.latency > 0.08",
    "any xenmig.fault.latency < 0.0604",
    "xenmig.fault.latency <= 0.055444 and xenmig.fault",
    "xenmig.fault.in_flight == 1",
    "xenmig.fault.lead",
    "xenmig.fault.unanswered",
    "xenmig.fault.pfn in {0x100, 0x400..0x4ff}",
    "xenmig.fault.count == 2 or xenmig.fault.slowest > 0.09",
    "xenmig.page.answers",
    "xenmig.page.answers.pfn == 0x46d",
    "xenmig.page.pushed > 60",
    'xenmig.rule == "postcopy-fault-after-page"',
    "xenmig.tsc_info.khz > 1000 && xenmig.tsc_info.mode == 0",
    "xenmig.xl_header.mandatory_flags.stream_v2 == 1",
    "xenmig.xl_header.mandatory_flags == 3",
    'xenmig.xl_header.config contains "guest1"',
    "xenmig.image_header.marker == 0xffffffffffffffff",
    'xenmig.hvm_params.param.index == 1 || xenmig.text matches "ready"',
    "frame.number < 12000 and xenmig.item",
    "frame.time_relative > 1.7 && xenmig.item && frame.time_relative < 1.75",
    "(xenmig.fault or xenmig.page.answers) and not (xenmig.direction == forward)",
)

COLUMNS = (
    "name direction layer type offset length body_length migration complete count text status fault.pfn fault.latency "
    "fault.in_flight fault.lead fault.answered_in page.answers page.answers.pfn page.pushed tsc_info.khz "
    "tsc_info.mode xl_header.mandatory_flags xl_header.mandatory_flags.stream_v2 xl_header.magic image_header.marker "
    "image_header.id libxl_header.ident hvm_params.param.index domain_header.type domain_header.page_shift"
)


@pytest.fixture(params=RELEASES, ids=lambda release: f"Wireshark {release}")
def wireshark(request: pytest.FixtureRequest) -> Tshark:
    return wireshark_of(request.param)


@cache
def frames(name: str) -> dict[int, list[Row]]:
    """The records that begin in each frame: what Wireshark asks together."""
    path = str(CAPTURES[name])
    rules: dict[int, list[str]] = defaultdict(list)
    for finding in (one for migration in library.open(path).analyze().migrations for one in migration.findings):
        rules[finding.number or 0].append(finding.rule)
    around = Around(rules=rules)
    found: dict[int, list[Row]] = defaultdict(list)
    capture = library.open(path)
    linker = Linker(lambda record, links: found[record.first.frame].append(Row(record, links, around)))
    capture.read(around.note, linker.add)
    linker.finish()
    around.first_time = capture.first_time
    return found


def together(field: Field) -> Field:
    """A field of all records of a frame; what belongs to the frame is there once."""

    def values(rows: Sequence[Row]) -> Sequence[Value]:
        return [value for row in (rows[:1] if field.is_plain else rows) for value in field.values(row)]

    return field._replace(values=values)


def scope() -> Scope[Any]:
    return Scope("a frame", map(together, records().fields.values()))


def of_tshark(wireshark: Tshark, name: str, expression: str) -> list[int]:
    printed = run(wireshark, CAPTURES[name], "-2", "-Y", expression, "-T", "fields", "-e", "frame.number")
    return [int(line) for line in printed.splitlines()]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_same_frames(expression: str) -> None:
    wireshark = wireshark_of(RELEASES[EXPRESSIONS.index(expression) % len(RELEASES)])
    found = 0
    for name in SOME:
        matches = parse(expression, scope()).matches
        mine = [frame for frame, rows in sorted(frames(name).items()) if matches(rows)]
        found += len(mine)
        assert of_tshark(wireshark, name, expression) == mine, name
    assert found


def test_pages_are_where_wireshark_shows_them(wireshark: Tshark) -> None:
    """A list of pages goes over many frames, which are one record here."""
    name = "violations/fault_type/fault_type.pcap"
    for expression in ("xenmig.pfn == 0x82", "xenmig.pfn in {1, 0x90..0x9f}", 'xenmig.run.type == "XTAB"'):
        matches = parse(expression, records()).matches
        rows = [row for rows in frames(name).values() for row in rows if matches(row)]
        spans = [range(row.record.first.frame, row.record.last.frame + 1) for row in rows]
        shown = of_tshark(wireshark, name, expression)
        assert shown and all(any(frame in span for span in spans) for frame in shown)
        assert all(any(frame in span for frame in shown) for span in spans)


@pytest.mark.parametrize("name", SOME)
def test_the_same_columns(wireshark: Tshark, name: str) -> None:
    fields = [scope().field(one) for one in COLUMNS.split()]
    words = [word for one in fields if one for word in ("-e", one.name)]
    printed = run(wireshark, CAPTURES[name], "-2", "-Y", "xenmig.item", "-T", "fields", "-e", "frame.number", *words)
    lines = printed.splitlines()
    assert len(lines) == len(frames(name))
    truths = {"1": "True", "0": "False"}  # Wireshark 4.0 and later ones
    for line in lines:
        number, *cells = line.split("\t")
        for field, cell in zip(fields, cells, strict=True):
            assert field is not None
            if field.kind == "flag":
                cell = ",".join(truths.get(one, one) for one in cell.split(","))
            mine = ",".join(as_text(field, value) for value in each(field.values(frames(name)[int(number)])))
            # Links of a page come in the order in which they are found, which is another one there.
            assert sorted(cell.split(",")) == sorted(mine.split(",")), (number, field.name)
