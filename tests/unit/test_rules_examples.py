"""Rules over events written by hand: every rule's own examples, every sentence it can say, every place it names.

No octet is parsed here: the checker is a fold, so a list of events is all it takes.
"""

from __future__ import annotations

import ast
import dataclasses
import re
import struct
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from examples import events_of

from dissector import rules
from dissector.events import FORWARD, Context, Event, Record
from dissector.facts import Migration
from dissector.protocol import HEADERS, PLACES, RECORDS, RESERVED_PAGE_TYPES, RecordSpec, Role, State, fields, layout
from dissector.protocol.states import BEFORE_POSTCOPY
from dissector.rules import RULES, Finding, Rule, contents, framing, order, pages, postcopy
from dissector.rules import examples as eg
from dissector.rules.checker import FINDINGS_MAX, Checker
from dissector.rules.examples import Example
from dissector.rules.fields import UNSPECIFIED, key_of
from dissector.rules.postcopy_phase import PostcopyPhase
from dissector.rules.registry import GROUPS

each_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())


def judged(events: Iterable[Event]) -> list[Finding]:
    """What the checker finds in the events of one migration."""
    migration = Migration(0)
    checker = Checker(migration)
    for event in events:
        checker.add(event, migration.add(event))
    migration.finish()
    checker.finish()
    return checker.findings


def found(example: Example) -> list[Finding]:
    return judged(events_of(example))


def messages(example: Example, rule: Rule) -> list[str]:
    return [finding.message for finding in found(example) if finding.rule == rule.id]


# Examples


@each_rule
def test_the_breaking_example_breaks_the_rule_alone(rule: Rule) -> None:
    findings = found(rule.breaking)
    assert [one.rule for one in findings if one.rule == rule.id] == [rule.id]
    alone = {rule.id, "migration-failed"} if rule.id == "xl-target-failed" else {rule.id}
    assert {one.rule for one in findings if one.severity != "note"} <= alone
    (finding,) = (one for one in findings if one.rule == rule.id)
    assert finding.severity in (rule.severity, *rule.also)


@each_rule
def test_the_legal_example_breaks_nothing(rule: Rule) -> None:
    findings = found(rule.legal)
    assert rule.id not in {one.rule for one in findings}
    assert [one for one in findings if one.severity != "note"] == []


def test_a_silenced_rule_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples are judged by the rules, not by what they should be."""
    monkeypatch.setattr(pages, "judge_forward", lambda *_: ())
    assert found(pages.POSTCOPY_PAGE_REPEATED.breaking) == []


# Sentences: what no example above makes a rule say

TSC_TOO_SHORT = eg.Said("X86_TSC_INFO", body=bytes(16))
FRAMES_TOO_FEW = eg.libxc("X86_PV_P2M_FRAMES", start_pfn=0, end_pfn=1023, p2m_pfn=[7, 8, 9])
CHECKPOINTED = (*eg.LIBXL, *eg.HVM3, eg.PAGES, *eg.CONTEXT3, eg.CHECKPOINT, eg.EMULATOR, eg.libxl("CHECKPOINT_END"))
XENOPS = eg.header("xenops header", "xenops")
HVM_CONFIG, PVH_CONFIG = (b'{"c_info": {"type": "%s"}}' % type for type in (b"hvm", b"pvh"))
ALL_SENT = (*eg.POSTCOPY, eg.asks(0x10), eg.sends(0x10, 0x11))

BIG_ENDIAN_XL = b"Xen saved domain, xl format\n \0 \r" + struct.pack(">5I", 0x01020304, 3, 0, 7, 3) + b"{}\0"

MORE: dict[str, tuple[Example, ...]] = {
    "bad-image-header": (
        (eg.header("image header", marker=1, version=3),),
        (eg.header("image header", id=1, version=3),),
    ),
    "bad-domain-header": ((eg.IMAGE3, eg.domain(1, page_shift=13)),),
    "bad-libxl-header": ((eg.header("libxl header", "libxl", ident=1),),),
    "bad-xl-header": (
        (eg.header("xl header", "xl", byteorder=1, optional_data_len=0),),
        (eg.xl_config(b"{}")._replace(body=b"Y" + (eg.xl_config(b"{}").body or b"")[1:]),),
    ),
    "reserved-bits-set": ((eg.header("image header", version=3, reserved1=1),),),
    "body-length-mismatch": (
        (*eg.HVM3, eg.Said("PAGE_DATA", body=bytes(4))),
        (*eg.PV2, eg.Said("SHARED_INFO", body=bytes(4088))),
        (*eg.HVM3, TSC_TOO_SHORT),
        (*eg.HVM3, eg.PAGES._replace(length=8 + 2 * 8 + 4096)),
        (*eg.PV2, FRAMES_TOO_FEW),
    ),
    "legacy-stream": (
        (*eg.LIBXL, eg.header("image header", marker=1, id=1, version=3)),
        (XENOPS, eg.Said("LIBXC_LEGACY", "xenops", body=b"")),
        (eg.header("xenops legacy header", "xenops"),),
        (eg.header("libvirt header", "libvirt", version=1, xml_length=0),),
    ),
    "truncated-stream": (
        (*eg.HVM3, eg.PAGES._replace(torn=True), eg.Closes("rst")),
        (*eg.LIBXL, *eg.HVM3, eg.PAGES, *eg.CONTEXT3, eg.END, eg.Closes()),
        (*CHECKPOINTED, eg.PAGES, eg.Closes()),
        (*eg.HVM3, eg.PAGES, eg.Begun(3), eg.Closes()),
        (eg.AsFile(), eg.Begun(20)),
    ),
    "unexpected-record": ((*eg.HVM_READ, eg.libxl("LIBXC_CONTEXT")),),
    "unhandled-record": (
        (*eg.HVM_READ, eg.unknown(0x80000009, "libxl")),
        (*eg.HVM_READ, eg.libxl("POSTCOPY_TRANSITION_END")),
        (XENOPS, eg.Said("QEMU_XEN", "xenops", body=b"QEVM")),
    ),
    "record-too-long": ((XENOPS, eg.Said("QEMU_TRAD", "xenops", body=b"QEVM", length=(1 << 20) + 1)),),
    "missing-context": ((eg.xl_config(HVM_CONFIG), *eg.HVM_READ, eg.libxl("END")),),
    "emulator-record-unexpected": ((eg.xl_config(PVH_CONFIG), *eg.HVM_READ, eg.EMULATOR),),
    "bad-xenstore-key": ((*eg.HVM_READ, eg.xenstore("")),),
    "bad-xl-config": (
        (eg.header("xl header", "xl", mandatory_flags={"json": 1, "stream_v2": 1}, optional_data_len=0),),
        (eg.xl_config(b"{}", given=6),),
        (eg.xl_config(b'{"c_info": {"type": "hvn"}}'),),
    ),
    "colo-state": (
        (*eg.HVM_READ, eg.colo(0)._replace(reverse=False)),
        (*eg.HVM3, eg.PAGES, eg.colo(2)),
        (*eg.COLO, eg.Said("CHECKPOINT_DIRTY_PFN_LIST", body=bytes(8)).back()),
        (*eg.COLO, eg.colo(9)),
        (*eg.COLO, eg.colo(0)),
        (*eg.COLO, eg.libxc("CHECKPOINT_DIRTY_PFN_LIST", pfn=[1 << 40]).back()),
        (*eg.COLO, eg.unknown(0x80000040).back()),
    ),
    "big-endian-stream": ((eg.Said("xl header", "xl", body=BIG_ENDIAN_XL),),),
    "bad-page-table-root": ((*eg.PV2, eg.FRAMES, eg.SHARED_INFO, eg.basic(cr3=0x7777 << 12), eg.END),),
    "bad-pv-info": ((*eg.PV2, eg.pv_info(8, 4)),),
    "bad-p2m-frames": (
        (*eg.PV2, eg.frames(0, 1023, 7)),
        (*eg.PV3[:-3], eg.frames(0, 511, 512), eg.SHARED_INFO, eg.vcpu("BASIC", 0, 5168), eg.END),
    ),
    "bad-vcpu-state": (
        (*eg.PV2, eg.FRAMES, eg.vcpu("BASIC", 8192, 5168)),
        (*eg.PV2, eg.FRAMES, eg.libxc("X86_PV_VCPU_MSRS", vcpu_id=0, context=b"\x10" + bytes(15))),
        (*eg.PV2, eg.FRAMES, eg.vcpu("EXTENDED", 0, 129)),
        (*eg.PV2, eg.FRAMES, eg.vcpu("XSAVE", 0, 8)),
        (*eg.PV2, eg.FRAMES, eg.vcpu("MSRS", 0, 8)),
        (*eg.PV2, eg.FRAMES, eg.basic(gdt_ents=7169)),
        (*eg.PV2, eg.FRAMES, eg.SHARED_INFO, eg.basic(start_info=512), eg.END),
        (*eg.PV2, eg.FRAMES, eg.libxc("PAGE_DATA", 5 | 4 << 60), eg.SHARED_INFO, eg.basic(start_info=5), eg.END),
        (*eg.PV2, eg.FRAMES, eg.SHARED_INFO, eg.basic(gdt_ents=1, gdt_frame=512), eg.END),
    ),
    "postcopy-not-live": ((eg.AsFile(), *eg.HVM2, eg.PAGES, eg.BEGIN),),
    "postcopy-no-paging-ring": ((eg.IMAGE2, eg.PV, eg.PV_INFO, eg.BEGIN, eg.TSC2, eg.PFNS_BEGIN),),
    "xl-handshake": ((*eg.WHOLE, eg.Closes()),),
    "undefined-state": (
        (*eg.WHOLE, eg.text("ready"), eg.text("go"), eg.text("report", bytes((3,))), eg.Closes()),
        (*eg.LIBXL, *eg.LISTED, eg.TRANSITION, eg.TRANSITION_END, eg.sends(0x10), eg.Closes()),
        (*eg.HVM3, eg.PAGES, *eg.CONTEXT3, eg.END, eg.Closes("rst", reverse=True)),
        (
            *(eg.XENOPS_REQUEST, eg.handshake(b""), eg.Said("END_OF_IMAGE", "xenops")),
            *(eg.handshake(b"")._replace(reverse=False), eg.handshake(b"no memory"), eg.Closes()),
        ),
    ),
    "static-data-in-v2": (
        (*eg.HVM2, eg.Said("POSTCOPY_PFNS", body=bytes(16))),
        (*eg.HVM2, eg.Said("POSTCOPY_PFNS_BEGIN", body=bytes(48)), eg.libxc("POSTCOPY_BEGIN")),
    ),
    "postcopy-context-missing": ((*eg.BEGUN, eg.TSC2, eg.CONTEXT, eg.PARAMS, eg.libxc("VERIFY")),),
    "postcopy-fault-before-transition": ((*eg.LISTED, eg.asks(0x10)),),
    "postcopy-complete-missing": (
        (*ALL_SENT, eg.Closes()),
        (*ALL_SENT, eg.COMPLETE, eg.END._replace(unheard=8)),
    ),
    "postcopy-complete-unexpected": (
        (*eg.LISTED, eg.COMPLETE, eg.TRANSITION, eg.sends(0x10, 0x11)),
        (*eg.HVM2, eg.PAGES, eg.COMPLETE),
    ),
    "postcopy-fault-unanswered": ((*eg.POSTCOPY, eg.asks(0x10), eg.Closes()),),
    "postcopy-pages-dropped": ((*eg.POSTCOPY, eg.COMPLETE),),
    "capture-gap": ((*eg.HVM3, eg.Missing(64), eg.Skipped(64), eg.PAGES),),
    "stream-resynchronised": ((*eg.HVM3, eg.Missing(64), eg.Lost()),),
}


def pattern(template: str) -> re.Pattern[str]:
    """What a template can become."""
    parts = (re.escape(part) for part in re.split(r"\{[^}]+\}", template))
    return re.compile(".*".join(parts) + r"(, and [\d,]+ more in this record)?", re.DOTALL)


@each_rule
def test_every_sentence_is_said(rule: Rule) -> None:
    said = [one for example in (rule.breaking, *MORE.get(rule.id, ())) for one in messages(example, rule)]
    assert [one for one in rule.templates if not any(map(pattern(one).fullmatch, said))] == []
    assert all(any(pattern(one).fullmatch(message) for one in rule.templates) for message in said)


PLACEHOLDER = re.compile(r"\{[a-z_]+(:(,|x|08x|016x|\.3f))?\}")


@each_rule
def test_templates_are_of_a_kind_that_any_reader_can_fill_in(rule: Rule) -> None:
    assert rule.templates
    for template in rule.templates:
        assert not set(PLACEHOLDER.sub("", template)) & set("{}")
        assert "\n" not in template and not template.endswith(".")


# Checks


@each_rule
def test_checks_compare_fields_that_there_are(rule: Rule) -> None:
    keys = {*HEADERS, *(f"{one.layer}.{one.name}" for one in RECORDS), *UNSPECIFIED}
    record = {"type", "body_length", "page_shift"}
    for check in rule.checks:
        assert check.of and set(check.of) <= keys
        for name in check.of:
            known = {"header": set(), "record": record, "list": {"count"}, "entry": {"type"}}[check.scope]
            if check.scope == "header":
                known = {one.name for one in fields(layout(HEADERS[name].body, "big"))}
            assert {condition.field for condition in check.when} <= known
            shown = set(re.findall(r"\{([a-z_]+)", check.message))
            assert shown <= known | ({"bits"} if check.scope == "header" else {"pfn", "name"})


def test_a_check_of_entries_counts_runs_and_names_the_first() -> None:
    wrong = sorted(RESERVED_PAGE_TYPES)
    entries = [eg.entry(0x40 + at, type) for at, type in enumerate(wrong)]
    (message,) = messages((*eg.HVM3, eg.libxc("PAGE_DATA", 0x10, *entries)), framing.RESERVED_PAGE_TYPE)
    assert message == "pfn 0x40 has page type 5, and 3 more in this record"


# Places


def standing(role: Role) -> RecordSpec:
    """A record of a role, which every guest or an HVM guest has."""
    return min((one for one in RECORDS if one.role is role), key=lambda one: one.guest)


def placed(role: Role, state: State) -> order.Placed:
    spec = standing(role)
    context = Context(("libxl", "libxc"), version=2, may_be_in_libxl=False)
    record = Record(0, FORWARD, spec.layer, spec.name, spec.type, spec, context=context)
    return order.step(order.Order(state), order.Seen(record, spec, False, True))


PLACED = [
    pytest.param(rule, role, state, one.then or state, id=f"{rule.id}-{role.name}-{state.name}")
    for rule in (*order.RULES, *postcopy.RULES, *contents.RULES)
    for one in rule.misplaced
    for role in one.roles
    for state in one.states
    if state not in PLACES[role].moves
]


@pytest.mark.parametrize(("rule", "role", "state", "then"), PLACED)
def test_a_misplaced_record_breaks_the_rule_that_says_so(rule: Rule, role: Role, state: State, then: State) -> None:
    step = placed(role, state)
    assert [one.rule for one in step.found] == [rule]
    assert step.order.state is then


PLACES_CLAIMED = """
    missing-static-data-end               CONTEXT, FRAME_TABLE, MEMORY, VERIFY, CHECKPOINT: 1
    unexpected-record                     EMBEDDED_STREAM, LIBXC_END: 1
    unhandled-record                      POSTCOPY_TRANSITION_END: 2
    colo-state                            CHECKPOINT_STATE: 4
    postcopy-record-after-transition      POSTCOPY_LIST, POSTCOPY_TRANSITION: 2
    postcopy-record-after-transition      EMULATOR, POSTCOPY_TRANSITION_END: 1
    duplicate-static-data-end             STATIC_DATA_END: 12
    checkpoint-end-unexpected             CHECKPOINT_END: 13
    postcopy-begin-repeated               POSTCOPY_BEGIN: 6
    postcopy-begin-missing                POSTCOPY_SETUP, POSTCOPY_LIST, POSTCOPY_TRANSITION, POSTCOPY_PAGES: 6
    postcopy-context-missing              FRAME_TABLE, TOOLSTACK, VERIFY, CHECKPOINT: 1
    postcopy-page-data-before-transition  POSTCOPY_PAGES: 5
    page-data-after-postcopy-begin        MEMORY: 6
    postcopy-pfns-before-begin            POSTCOPY_LIST, POSTCOPY_TRANSITION: 1
"""


def test_how_many_states_each_rule_claims_for_a_role() -> None:
    """A row that goes is missed here: what it said would be an unexpected record from then on."""
    claimed = Counter((rule.id, role.name) for (role, _), (rule, _) in order.MISPLACED.items())
    rows = re.findall(r"^ +([a-z-]+) +(.*): (\d+)$", PLACES_CLAIMED, re.MULTILINE)
    assert claimed == {(rule, role): int(count) for rule, roles, count in rows for role in roles.split(", ")}


def test_no_two_rules_claim_a_place() -> None:
    claimed = [
        (role, state) for rule in RULES.values() for one in rule.misplaced for role in one.roles for state in one.states
    ]
    assert len(claimed) == len(set(claimed)) == len(order.MISPLACED)


def test_whatever_else_is_misplaced_is_unexpected() -> None:
    step = placed(Role.LIBXC_END, State.POSTCOPY_BEGUN)
    assert [one.rule for one in step.found] == [order.UNEXPECTED_RECORD]
    assert step.order.state is State.POSTCOPY_BEGUN
    assert step.found[0].message == 'END in the state "postcopy begun"'


@pytest.mark.parametrize("role", Role, ids=lambda role: role.name)
def test_no_state_breaks_on_any_role(role: Role) -> None:
    """Whatever comes wherever, there is one violation at most and the next record has a state to be judged by."""
    if not any(one.role is role for one in RECORDS):
        return
    for state in State:
        step = placed(role, state)
        assert len(step.found) <= 2
        assert step.order.state is None or isinstance(step.order.state, State)


# The fold


def test_judging_changes_nothing() -> None:
    """Judges that are left half way leave the state as it was: only `advance` writes to it."""
    *_, last = events_of((*eg.POSTCOPY, eg.sends(0x12, 0x13)))[:-2]
    assert isinstance(last, Record)
    migration, phase = Migration(0), PostcopyPhase(lists_whole=True, transition=last)
    before = dataclasses.replace(phase)
    next(iter(pages.judge_forward(last, migration.add(last), phase, migration)))
    assert phase == before


def test_the_two_directions_may_be_told_in_any_order() -> None:
    """A fault that was captured before the transition, and that its sender sent after it, breaks nothing."""
    events = events_of((*eg.POSTCOPY, eg.asks(0x10), eg.sends(0x10)))
    fault = next(at for at, one in enumerate(events) if isinstance(one, Record) and one.name == "POSTCOPY_FAULT")
    events[fault - 1], events[fault] = events[fault], events[fault - 1]
    assert [one for one in judged(events) if one.severity != "note"] == []


def test_findings_stand_in_the_order_of_time_and_consequences_behind_them() -> None:
    findings = found((*eg.POSTCOPY, eg.asks(0x10), eg.PAGES, eg.PAGES, eg.Closes()))
    rules = [one.rule for one in findings if one.severity != "note"]
    after = postcopy.PAGE_DATA_AFTER_POSTCOPY_BEGIN.id
    assert rules == [after, "postcopy-fault-unanswered", "truncated-stream"]
    assert [one.place for one in findings] == sorted(one.place for one in findings)


def test_a_finding_cannot_be_changed() -> None:
    (finding,) = found(framing.UNKNOWN_MANDATORY_RECORD.breaking)
    with pytest.raises(dataclasses.FrozenInstanceError):
        finding.severity = "note"  # type: ignore[misc]


def test_findings_of_one_severity_have_an_end_and_those_of_others_go_on() -> None:
    unknown = [eg.unknown(0x80000040 + number) for number in range(FINDINGS_MAX + 7)]
    migration = Migration(0)
    checker = Checker(migration)
    for event in events_of((*eg.HVM3, *unknown, eg.unknown(0x40))):
        checker.add(event, migration.add(event))
    checker.finish()
    assert checker.left_out == 7
    assert [one.rule for one in checker.findings if one.severity != "note"] == ["unknown-mandatory-record"]


# The registry


FILES = sorted(Path(rules.__file__).parent.glob("*.py"))


@each_rule
def test_a_rule_has_the_name_of_its_id(rule: Rule) -> None:
    name = rule.id.upper().replace("-", "_")
    assert sum(getattr(group, name, None) is rule and rule in group.RULES for group in GROUPS) == 1


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_an_id_is_written_once_where_its_rule_is(file: Path) -> None:
    """Whoever judges names a rule, which the type checker knows, and no id, which it does not."""
    tree = ast.parse(file.read_text())
    strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    keywords = (node for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "id")
    declared = [str(node.value.value) for node in keywords if isinstance(node.value, ast.Constant)]
    assert sorted(one for one in strings if one in RULES) == sorted(one for one in declared if one in RULES)


def test_the_traits_of_consequences_and_fatal_rules() -> None:
    assert [one.id for one in RULES.values() if one.consequence] == [
        "truncated-stream",
        "postcopy-fault-unanswered",
        "undefined-state",
    ]
    assert [one.id for one in RULES.values() if one.fatal] == ["postcopy-optional-record"]


def test_a_key_says_what_a_check_is_for() -> None:
    events = [one for one in events_of((*eg.HVM3, eg.PAGES, eg.unknown(0x40))) if isinstance(one, Record)]
    assert [key_of(one) for one in events] == [
        "image header",
        "domain header",
        "libxc.STATIC_DATA_END",
        "libxc.PAGE_DATA",
        "libxc.?",
    ]
    assert State.STATIC_DATA in BEFORE_POSTCOPY


def entries(*pages: int) -> eg.Said:
    return eg.libxc("PAGE_DATA", *pages)


TABLE = 4 << 60
PINNED = 12 << 60
BEFORE, AFTER = (*eg.PV2, eg.FRAMES), (eg.SHARED_INFO, eg.basic(cr3=5 << 12), eg.END)


@pytest.mark.parametrize(
    ("pages", "is_right"),
    [
        ((entries(5 | PINNED),), True),
        ((entries(5), entries(5 | TABLE)), True),
        ((entries(5 | TABLE), entries(5)), False),
        ((entries(5 | TABLE), entries(3, 4, 5, 6)), False),
        ((entries(5 | 3 << 60),), False),
        ((entries(7),), True),  # nobody knows what the page is
    ],
)
def test_the_newest_type_of_a_page_table_counts(pages: tuple[eg.Said, ...], is_right: bool) -> None:
    rules_broken = [one.rule for one in found((*BEFORE, *pages, *AFTER))]
    assert ("bad-page-table-root" in rules_broken) == (not is_right)


@pytest.mark.parametrize("basic", [eg.basic(start_info=5), eg.basic(gdt_ents=16, gdt_frame=5)])
@pytest.mark.parametrize("type", [0, TABLE, PINNED])
def test_a_page_table_is_no_page_of_descriptors(basic: eg.Said, type: int) -> None:
    broken = [one.rule for one in found((*BEFORE, entries(5 | type), eg.SHARED_INFO, basic, eg.END))]
    assert broken == (["bad-vcpu-state"] if type else [])
