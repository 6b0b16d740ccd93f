"""What of the package Wireshark's dissector has: the parser of a direction, the matching of faults, the judges."""

from __future__ import annotations

from functools import cache
from typing import Any

from dissector import events
from dissector.facts.migration import Migration
from dissector.facts.pfns import PfnSet
from dissector.integrations.wireshark.literals import literal
from dissector.integrations.wireshark.runtime import streams, words
from dissector.integrations.wireshark.runtime.connections import Connection, Connections
from dissector.integrations.wireshark.runtime.halves import Piece, Placed, ShownHalf
from dissector.integrations.wireshark.runtime.layouts import (
    Ordered,
    Reading,
    header_numbers,
    header_values,
    measure,
    values_of,
)
from dissector.integrations.wireshark.runtime.parsing import Capture, Judges, Kept, ShowingParser, Ties
from dissector.integrations.wireshark.runtime.shown import Shown, Tie
from dissector.integrations.wireshark.translation import Program
from dissector.parser.confidence import Judge
from dissector.parser.conversation import Conversation, ParsedMigration
from dissector.parser.cursor import Cursor
from dissector.parser.direction import DirectionParser
from dissector.parser.item import Item
from dissector.protocol import (
    RECORDS,
    Container,
    HeaderSpec,
    Message,
    MessageSpec,
    RecordSpec,
    cpuid,
    libxc,
    qemu,
    qemu_description,
    summaries,
    xenops,
)
from dissector.rules import Rule
from dissector.rules.fields import Prepared
from dissector.rules.postcopy_phase import PostcopyPhase
from dissector.rules.rule import Check, Violation

NATIVE = {
    "parser.steps._values": "runtime_layouts.header_values",
    "parser.entries.page_runs": "native.page_runs",
    "parser.confidence.candidates": "native.candidates",
    "parser.confidence.backed_pages": "native.backed_pages",
    "rules.framing.first_reserved": "native.first_reserved",
    "rules.fields.header_values": "runtime_layouts.header_numbers",
    "rules.fields.reserved_of": "native.reserved_of",
    "protocol.codec.layout": "runtime_layouts.Ordered",
    "protocol.codec.measure": "runtime_layouts.measure",
    "protocol.walk.fixed": "native.fixed",
    "tcp.half_connection.FOREVER": "native.FOREVER",
    "facts.pfns.PfnSet": "native.PfnSet",
    "protocol.xenops.xenops_request": "native.xenops_request",
    "protocol.qemu_description.place_of": "native.place_of",
    "protocol.qemu_description.described_by": "native.described_by",
    "protocol.qemu_description.decimal": "native.decimal",
    "parser.resync.speech": "native.Nothing.of",
    "parser.spending.begun": "native.nothing",
    "parser.spending.held_up": "native.nothing",
    "parser.spending.stalls": "native.nothing",
    "parser.joins.Joins": "native.Nothing",
    "parser.wrapping.Compressed": "native.nothing",
    "parser.wrapping.Tunnelled": "native.nothing",
    "integrations.wireshark.runtime.octets.above": "native.above",
    "integrations.wireshark.runtime.octets.integer": "native.integer",
    "integrations.wireshark.runtime.octets.rows_of": "native.rows_of",
    "integrations.wireshark.runtime.octets.octets_of": "native.octets_of",
    "integrations.wireshark.runtime.octets.summary_of": "native.summary_of",
    "rules.guest.Guest": "native.Nothing",
    "rules.verify.Contents": "native.Nothing",
    "rules.toolstacks.judge_foreign": "native.nothing",
    "rules.toolstacks.judge_message": "native.nothing",
}
"""What the parts of the runtime have by hand, by its name in the package."""

LEFT_OUT = frozenset(
    {
        "Checker.finish",
        "Checker._end",
        "Checker._find",
        "Checker._contents",
        "Checker.let_go",
        "DirectionParser.progress",
        "DirectionParser.report_progress",
        "DirectionParser.close",
        "DirectionParser.wrap",
        "Faults.unanswered",
        "Faults.pushed",
        "Section.fields",
        "_Growing.add",
        "_Growing._append",
    }
)
"""Methods that nothing in Wireshark calls, or that are by hand there."""

CALLED: tuple[Any, ...] = (
    *(Shown, Tie, Piece, Kept, Connections, Violation, Ordered, Reading),
    *(measure, header_numbers, header_values, values_of),
    *(
        words.duration,
        words.latency,
        words.slowest,
        words.summary,
        words.contents,
        words.fields,
        words.run,
        words.fault,
    ),
    *(words.report_summary, words.report_faults, summaries._field, words.processor),
    *(streams.lines,),
)
"""Classes and functions that the parts of the runtime call, and with each all that it needs."""

CONSTANTS = (
    (libxc, "RESERVED_PAGE_TYPES"),
    (libxc, "UNBACKED"),
    (xenops, "ROUTES"),
    (cpuid, "NO_SUBLEAF"),
)
"""Constants that they read."""


def check_id(rule: Rule, check: Check) -> str:
    """What a check is called in Lua."""
    return f"{rule.id} {rule.checks.index(check) + 1}"


@cache
def program() -> Program:
    """Everything, translated."""
    named: set[str] = set()

    def rule(one: Rule) -> str:
        named.add(one.id)
        return f"RULE[{literal(one.id)}]"

    registries = {
        RecordSpec: lambda spec: f"RECORD[{literal(f'{spec.layer}.{spec.name}')}]",
        HeaderSpec: lambda spec: f"HEADER[{literal(spec.name)}]",
        Message: lambda message: f"MESSAGE[{literal(message.name)}]",
        MessageSpec: lambda message: f"MESSAGE[{literal(message.name)}]",
        Container: lambda row: f"CONTAINER[{literal(row.layer)}]",
        Rule: rule,
        Prepared: lambda one: f"CHECK[{literal(check_id(one.rule, one.check))}]" if made.value(one.rule) else "",
    }
    made: Program = Program(NATIVE, registries, LEFT_OUT, named)
    made.know(PfnSet, Migration, ParsedMigration, Judge, Cursor, Item, DirectionParser, PostcopyPhase, Conversation)
    made.know(
        Connections,
        Connection,
        Placed,
        ShownHalf,
        Capture,
        Kept,
        Judges,
        Ties,
        ShowingParser,
        Shown,
        Reading,
        Violation,
        qemu._Reading,
        qemu_description.Fields,
    )
    made.know(*(one for one in vars(events).values() if isinstance(one, type) and one.__module__ == events.__name__))
    for called in (RecordSpec, HeaderSpec, Message, MessageSpec, Container, *CALLED):
        made.function(called)
    for record in RECORDS:
        made.value(record.proof)
    for module, word in CONSTANTS:
        made.constant(module, word)
    return made
