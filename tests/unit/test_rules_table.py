"""The table of rules: ids and severities are a contract, the texts must be fit to print."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from dissector.cli import COMMANDS
from dissector.rules import RULES, Rule
from dissector.rules.log import rules_for

EXPECTED = {
    "headers and framing": """
        bad-image-header error
        bad-domain-header error
        bad-libxl-header error
        bad-xl-header error
        bad-libvirt-header error
        big-endian-stream error
        reserved-bits-set warning
        nonzero-padding warning
        record-too-long error
        body-length-mismatch error warning
        nonempty-signal error
        empty-pages-record error
        reserved-page-type error
        unknown-mandatory-record error
        unknown-optional-record note
        legacy-stream error
        truncated-stream error warning
        data-after-end warning
    """,
    "order and direction": """
        wrong-direction error
        unexpected-record error warning
        missing-static-data-end error warning
        duplicate-static-data-end error
        static-data-in-v2 error
        hvm-params-after-context note
        pv-record-in-hvm error
        hvm-record-in-pv error
        checkpoint-end-unexpected error
        postcopy-begin-repeated error
        postcopy-begin-missing error
        postcopy-transition-missing error
        postcopy-context-missing error
        postcopy-page-data-before-transition error
        page-data-after-postcopy-begin error
        postcopy-pfns-before-begin error
        postcopy-fault-before-transition error
        postcopy-complete-missing error
        postcopy-complete-unexpected error
        postcopy-not-live error
        postcopy-no-paging-ring error
        postcopy-record-after-transition error
    """,
    "contents": """
        bad-tsc-mode error
        tsc-contradicted warning
        missing-context error
        unhandled-record error
        emulator-record-unexpected error
        bad-xenstore-key error
        bad-xl-config error
        guest-type-contradicted error
        colo-state error
        bad-cpu-policy error
        bad-hvm-context error
        bad-hvm-params error
        policy-contradicted warning
        bad-pv-info error
        bad-p2m-frames error
        pfn-out-of-range error
        bad-vcpu-state error
        empty-vcpu-state warning
        bad-page-table-root error
        verify-mismatch warning
    """,
    "pages": """
        postcopy-pfn-announced-twice error
        postcopy-page-not-announced error
        postcopy-page-type error
        postcopy-page-repeated error
        postcopy-fault-not-announced error
        postcopy-fault-repeated error
        postcopy-fault-after-page note
        postcopy-fault-after-complete error
        postcopy-fault-has-type error
        postcopy-fault-unanswered error warning
        postcopy-pages-dropped note
        postcopy-complete-race error
        postcopy-optional-record warning
    """,
    "toolstack and capture": """
        xl-handshake error
        xl-target-failed warning
        xl-no-banner error
        remote-error error
        foreign-octets warning
        undefined-state error
        migration-failed error
        capture-gap note
        capture-cut note
        stream-resynchronised warning
        capture-starts-late note
        clock-stepped-back note
        captured-twice note
        peer-silent warning
        tcp-conflict warning
    """,
}

each_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())


def test_ids_severities_groups_and_their_order() -> None:
    expected = [[group, *line.split()] for group, lines in EXPECTED.items() for line in lines.split("\n")]
    table = [[rule.group, rule.id, rule.severity, *rule.also] for rule in RULES.values()]
    assert table == [row for row in expected if len(row) > 1]


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        del RULES["capture-gap"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["id", "summary", "why", "example"])
def test_no_two_rules_say_the_same(text: str) -> None:
    assert [said for said, times in Counter(getattr(rule, text) for rule in RULES.values()).items() if times > 1] == []


@each_rule
def test_the_id_is_kebab_case_and_its_key(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", rule.id)
    assert RULES[rule.id] is rule


@each_rule
def test_the_summary_is_one_short_sentence_without_its_period(rule: Rule) -> None:
    assert len(rule.summary) <= 110
    assert rule.summary[0].isupper()
    assert not re.search(r"[.!?](\s|$)", rule.summary)


@each_rule
def test_why_is_two_to_four_whole_sentences(rule: Rule) -> None:
    assert rule.why.endswith(".")
    assert 2 <= len(re.findall(r"\.(?= [A-Z]|$)", rule.why)) <= 4


@each_rule
def test_advice_is_short_and_whole_sentences(rule: Rule) -> None:
    assert rule.advice[0].isupper() and rule.advice.endswith(".")
    assert 20 <= len(rule.advice) <= 280
    assert not rule.advice.count("`") % 2


def test_commands_that_advice_names_exist() -> None:
    said = " ".join(rule.advice for rule in RULES.values())
    commands = set(re.findall(r"`xenshark (\w+)", said))
    assert commands and commands <= set(COMMANDS)


@each_rule
def test_the_example_names_what_breaks_the_rule_and_its_neighbour(rule: Rule) -> None:
    assert len(re.split(r"; (?:legal|no finding): ", rule.example)) == 2


@each_rule
def test_the_texts_join_cleanly(rule: Rule) -> None:
    for text in (rule.summary, rule.source, rule.why, rule.advice, rule.example):
        assert text == " ".join(text.split())
        assert text


@each_rule
def test_what_a_receiver_says_is_a_line_of_its_log(rule: Rule) -> None:
    for line, of in rule.receiver_says.items():
        assert line == line.strip() and "\n" not in line
        assert of is None or re.compile(of)
    for line in rule.logged:
        assert line == line.strip() and "\n" not in line
        assert re.sub(r"%[#0-9]*[a-z]", "", line).count("%") == 0
        assert rule in rules_for(
            f"xc: error: {re.sub('%[#0-9]*[a-z]', '7', line)} (5 = Input/output error): Internal error"
        )
