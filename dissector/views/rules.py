"""A rule in full, for people."""

from __future__ import annotations

from textwrap import wrap

from dissector.rules import Rule

WIDTH = 100


def explain(rule: Rule) -> list[str]:
    """One rule in full, line by line."""
    severities = " or ".join((rule.severity, *rule.also))
    lines = [f"{rule.id} ({severities}; {rule.group})", "", *_text(f"{rule.summary}.")]
    lines += ["", "Judged by", *_text("xenshark check" + ("; Wireshark's dissector, too" if rule.wireshark else ""))]
    for title, text in (
        ("Why", rule.why),
        ("What to do", rule.advice),
        ("Example", rule.example),
        ("Source", rule.source),
    ):
        lines += ["", title, *_text(text)]
    if rule.receiver_says:
        lines += ["", "In the receiver's log", *(line for said in rule.receiver_says for line in _text(said))]
    if rule.also_logged:
        lines += [
            "",
            "Also in the logs of such migrations",
            *(line for said in rule.also_logged for line in _text(said)),
        ]
    return lines


def _text(text: str) -> list[str]:
    return wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
