"""What of the package Wireshark's dissector has: the parser of a direction, the matching of faults, the judges."""

from __future__ import annotations

from functools import cache
from typing import Any

from dissector import events
from dissector.facts import faults, migration
from dissector.facts.directions import DirectionFacts
from dissector.facts.faults import Faults
from dissector.facts.links import _Growing
from dissector.facts.migration import Migration, Noted
from dissector.facts.pfns import PfnSet
from dissector.facts.static_data import StaticData
from dissector.integrations.wireshark.literals import literal
from dissector.integrations.wireshark.translation import Program
from dissector.parser import connect, item, resync, steps
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
    libxc,
    summaries,
    xenops,
)
from dissector.rules import Rule, ending, fields, pages
from dissector.rules.checker import Checker
from dissector.rules.fields import Prepared
from dissector.rules.postcopy_phase import PostcopyPhase
from dissector.rules.rule import Violation
from dissector.tcp import half_connection

NATIVE = {
    "parser.steps._values": "native.header_values",
    "parser.entries.page_runs": "native.page_runs",
    "parser.confidence.candidates": "native.candidates",
    "parser.confidence.backed_pages": "native.backed_pages",
    "rules.framing.first_reserved": "native.first_reserved",
    "rules.checker._once": "native.once",
    "rules.fields.header_values": "native.header_numbers",
    "rules.fields.reserved_set": "native.reserved_set",
    "protocol.codec.layout": "native.layout",
    "protocol.codec.measure": "native.measure",
    "protocol.walk.fixed": "native.fixed",
    "tcp.half_connection.FOREVER": "native.FOREVER",
    "facts.pfns.PfnSet": "native.PfnSet",
    "protocol.xenops.xenops_request": "native.xenops_request",
    "parser.steps.next_state_end": "native.next_state_end",
    "parser.spending.begun": "native.nothing",
    "parser.spending.held_up": "native.nothing",
    "parser.spending.stalls": "native.nothing",
    "parser.joins.Joins": "native.Nothing",
    "parser.conversation.Remarks": "native.Nothing",
    "parser.wrapping.Compressed": "native.nothing",
    "parser.wrapping.Tunnelled": "native.nothing",
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
        "DirectionParser.finish",
        "DirectionParser.progress",
        "DirectionParser.report_progress",
        "DirectionParser.close",
        "DirectionParser.wrap",
        "Faults.unanswered",
        "Faults.pushed",
        "_Growing.add",
        "_Growing._append",
    }
)
"""Methods that nothing in Wireshark calls, or that are by hand there."""

CALLED = (connect, pages.judge_end, ending.judge_trailing, summaries._field)
"""Functions that the parts of the runtime call, and with each all that it needs."""

CLASSES: tuple[Any, ...] = (
    DirectionFacts,
    Faults,
    StaticData,
    Checker,
    _Growing,
    Noted,
    events.Context,
    Violation,
    Conversation,
)
"""Classes that they make objects of."""

CONSTANTS = (
    (libxc, "RESERVED_PAGE_TYPES"),
    (libxc, "UNBACKED"),
    (libxc, "PAGE_TYPES"),
    (xenops, "ROUTES"),
    (item, "ENTRIES_KEPT"),
    (steps, "STATE_ENDS"),
    (resync, "FORWARD_MAGICS"),
    (resync, "BANNER"),
    (half_connection, "REORDER_FRAMES"),
    (migration, "UNREMARKABLE"),
    (faults, "NOTHING"),
    (fields, "COMPARE"),
    (fields, "OF_RECORD"),
)
"""Constants that they read."""


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
        Prepared: lambda one: f"native.prepared({made.value(one.rule)}, {made.value(one.check)})",
    }
    made: Program = Program(NATIVE, registries, LEFT_OUT, named)
    made.know(PfnSet, Migration, *CLASSES, ParsedMigration, Judge, Cursor, Item, DirectionParser, PostcopyPhase)
    made.know(*(one for one in vars(events).values() if isinstance(one, type) and one.__module__ == events.__name__))
    for called in (RecordSpec, HeaderSpec, Message, MessageSpec, Container, DirectionParser, *CLASSES, *CALLED):
        made.function(called)
    for record in RECORDS:
        made.value(record.proof)
    for module, word in CONSTANTS:
        made.constant(module, word)
    return made
